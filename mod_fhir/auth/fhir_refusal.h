/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_refusal.h
 * @brief Why the authorization server refuses a request: one table of all reasons.
 *
 * X(ID, name, OAuth's error, status of a direct response, who can change it, what to do).
 * The name is that of the paragraph that error_uri leads to ([base]/auth/help#name) and never
 * changes. The code that refuses a request makes the sentence with the values at fault.
 */
#ifndef FHIR_REFUSAL_H
#define FHIR_REFUSAL_H

#include <apr_pools.h>

#define FHIR_DEVELOPER "developer"
#define FHIR_PRACTICE  "practice"
#define FHIR_USER      "user"
#define FHIR_OPERATOR  "administrator"

/* clang-format off */
#define FHIR_REFUSAL_LIST(X) \
  X(REPEATED, "repeated-parameter", "invalid_request", 400, FHIR_DEVELOPER, "Send each parameter once.") \
  X(BAD_ENCODING, "bad-encoding", "invalid_request", 400, FHIR_DEVELOPER, "Encode the parameters as URL-encoded UTF-8.") \
  X(WRONG_METHOD, "wrong-method", "invalid_request", 405, FHIR_DEVELOPER, "Use POST for the token endpoint and the other endpoints that receive secrets: a URL is kept in logs.") \
  X(NO_FORM, "no-form", "invalid_request", 400, FHIR_DEVELOPER, "Send Content-Type: application/x-www-form-urlencoded, not JSON.") \
  X(TOO_LONG, "too-long", "invalid_request", 413, FHIR_DEVELOPER, "The request is longer than this server accepts.") \
  X(INSECURE, "needs-tls", "invalid_request", 403, FHIR_DEVELOPER, "Use the https address; the authorization server does not accept plain HTTP.") \
  X(CLIENT_MISSING, "client-missing", "invalid_request", 400, FHIR_DEVELOPER, "Send the client_id that the application got when it was registered.") \
  X(CLIENT_UNKNOWN, "client-unknown", "invalid_client", 401, FHIR_DEVELOPER, "This practice does not know the client_id. It may belong to another environment, or be mistyped.") \
  X(CLIENT_DISABLED, "client-disabled", "unauthorized_client", 400, FHIR_OPERATOR, "The application was switched off here.") \
  X(NOT_LICENSED, "not-authorized-by-practice", "unauthorized_client", 400, FHIR_PRACTICE, "The application is registered, but the practice has not authorized it yet. Ask the practice's administrator.") \
  X(LICENCE_REFUSED, "refused-by-practice", "unauthorized_client", 400, FHIR_PRACTICE, "The practice has refused the application.") \
  X(LICENCE_WITHDRAWN, "withdrawn-by-practice", "unauthorized_client", 400, FHIR_PRACTICE, "The practice has withdrawn its authorization.") \
  X(NOT_FOR_STAFF, "not-for-staff", "unauthorized_client", 400, FHIR_PRACTICE, "The licence does not cover use by staff. Ask the practice, or use the patient endpoint.") \
  X(NOT_FOR_PATIENTS, "not-for-patients", "unauthorized_client", 400, FHIR_PRACTICE, "The licence does not cover use by patients. Ask the practice, or use the provider endpoint.") \
  X(NOT_FOR_SYSTEM, "not-for-system", "unauthorized_client", 400, FHIR_PRACTICE, "The licence does not cover use without a person who signs in.") \
  X(FACILITY, "outside-facilities", "access_denied", 403, FHIR_PRACTICE, "The practice has limited the application to facilities. Staff need a PractitionerRole that is active now and names one of them, or a Location of one; a patient's managingOrganization must be one of them.") \
  X(FACILITY_TOKEN, "token-outside-facilities", "invalid_grant", 400, FHIR_PRACTICE, "The practice has limited the application to facilities that the person does not belong to, or not any more.") \
  X(FACILITY_SYSTEM, "no-system-at-facilities", "unauthorized_client", 400, FHIR_PRACTICE, "The practice has limited the application to people of facilities. A program without a user belongs to none: it needs a licence without this limit.") \
  X(AUTH_MISSING, "client-authentication-missing", "invalid_client", 401, FHIR_DEVELOPER, "A confidential application must authenticate, with its secret (HTTP Basic or client_secret) or with a signed assertion.") \
  X(AUTH_MALFORMED, "client-authentication-malformed", "invalid_client", 401, FHIR_DEVELOPER, "Send Authorization: Basic, a blank, and base64 of client_id:client_secret, both URL-encoded.") \
  X(AUTH_BEARER, "bearer-at-token-endpoint", "invalid_client", 401, FHIR_DEVELOPER, "The token endpoint accepts Authorization: Basic, not Bearer.") \
  X(AUTH_TWICE, "two-authentications", "invalid_request", 400, FHIR_DEVELOPER, "The request authenticates the application twice. Use one method.") \
  X(AUTH_PUBLIC, "secret-of-public-client", "invalid_client", 401, FHIR_DEVELOPER, "A public application has no secret: send client_id in the form, and no Authorization header.") \
  X(AUTH_METHOD, "other-authentication", "invalid_client", 401, FHIR_DEVELOPER, "The application is registered for another authentication method.") \
  X(SECRET_IN_URL, "secret-in-url", "invalid_request", 400, FHIR_DEVELOPER, "Never send secrets, codes or tokens in a URL: it is kept in logs. Make a new secret now.") \
  X(SECRET_WRONG, "wrong-secret", "invalid_client", 401, FHIR_DEVELOPER, "The secret is not one of the application's.") \
  X(SECRET_EXPIRED, "secret-expired", "invalid_client", 401, FHIR_DEVELOPER, "The secret was replaced and has expired.") \
  X(ASSERTION_TYPE, "assertion-type", "invalid_request", 400, FHIR_DEVELOPER, "client_assertion_type must be urn:ietf:params:oauth:client-assertion-type:jwt-bearer.") \
  X(ASSERTION_BAD, "assertion-bad", "invalid_client", 401, FHIR_DEVELOPER, "client_assertion is not a JWT signed with a registered key.") \
  X(ASSERTION_TIME, "assertion-time", "invalid_client", 401, FHIR_DEVELOPER, "exp must be in the future, by at most five minutes, by this server's clock.") \
  X(ASSERTION_CLAIMS, "assertion-claims", "invalid_client", 401, FHIR_DEVELOPER, "iss and sub must be the client_id, aud the URL of the token endpoint, and jti must be present.") \
  X(ASSERTION_USED, "assertion-used", "invalid_client", 401, FHIR_DEVELOPER, "Use each assertion once, with a new jti.") \
  X(KEYS_MISSING, "keys-missing", "invalid_client", 401, FHIR_DEVELOPER, "No public key is registered for the application.") \
  X(KEYS_UNREACHABLE, "keys-unreachable", "invalid_client", 401, FHIR_DEVELOPER, "The key set could not be fetched from the registered URL.") \
  X(TOO_MANY, "too-many-attempts", "invalid_request", 429, FHIR_USER, "After several failures, wait before the next attempt. The wait becomes longer each time.") \
  X(GRANT_MISSING, "grant-type-missing", "invalid_request", 400, FHIR_DEVELOPER, "grant_type must be authorization_code, refresh_token or client_credentials.") \
  X(GRANT_UNSUPPORTED, "grant-type-unsupported", "unsupported_grant_type", 400, FHIR_DEVELOPER, "grant_type must be authorization_code, refresh_token or client_credentials.") \
  X(GRANT_PASSWORD, "no-passwords", "unsupported_grant_type", 400, FHIR_DEVELOPER, "A program without a user is a backend service: grant_type=client_credentials with a signed assertion.") \
  X(GRANT_NOT_ALLOWED, "grant-type-not-registered", "unauthorized_client", 400, FHIR_DEVELOPER, "The application is not registered for this grant type.") \
  X(SECRET_GRANT, "secret-not-enough", "unauthorized_client", 400, FHIR_PRACTICE, "client_credentials with a secret instead of a key is accepted only if the practice allows it for the application.") \
  X(CODE_MISSING, "code-missing", "invalid_request", 400, FHIR_DEVELOPER, "Send the code that the redirect URI received.") \
  X(CODE_UNKNOWN, "code-unknown", "invalid_grant", 400, FHIR_DEVELOPER, "This server did not issue the code.") \
  X(CODE_EXPIRED, "code-expired", "invalid_grant", 400, FHIR_DEVELOPER, "The code has expired. Redeem a code as soon as it is received.") \
  X(CODE_USED, "code-used", "invalid_grant", 400, FHIR_DEVELOPER, "The code was redeemed before. All tokens issued for it were revoked.") \
  X(CODE_CLIENT, "code-of-another-client", "invalid_grant", 400, FHIR_DEVELOPER, "The code was issued to another application.") \
  X(CODE_REVOKED, "code-revoked", "invalid_grant", 400, FHIR_USER, "The authorization was revoked.") \
  X(REDIRECT_MISSING, "redirect-uri-missing", "invalid_request", 400, FHIR_DEVELOPER, "Send redirect_uri as in the authorization request.") \
  X(REDIRECT_DIFFERS, "redirect-uri-differs", "invalid_grant", 400, FHIR_DEVELOPER, "redirect_uri is not the one of the authorization request.") \
  X(REDIRECT_UNKNOWN, "redirect-uri-unknown", "invalid_request", 400, FHIR_DEVELOPER, "Register the redirect URI exactly as the application sends it.") \
  X(VERIFIER_MISSING, "verifier-missing", "invalid_grant", 400, FHIR_DEVELOPER, "Send the code_verifier: the authorization request had a code_challenge.") \
  X(VERIFIER_WRONG, "verifier-wrong", "invalid_grant", 400, FHIR_DEVELOPER, "code_challenge must be BASE64URL(SHA256(code_verifier)).") \
  X(VERIFIER_UNWANTED, "verifier-without-challenge", "invalid_grant", 400, FHIR_DEVELOPER, "The authorization request had no code_challenge. Something on the way may have removed it.") \
  X(REFRESH_MISSING, "refresh-token-missing", "invalid_request", 400, FHIR_DEVELOPER, "Send refresh_token.") \
  X(REFRESH_UNKNOWN, "refresh-token-unknown", "invalid_grant", 400, FHIR_DEVELOPER, "This server did not issue the refresh token.") \
  X(REFRESH_EXPIRED, "refresh-token-expired", "invalid_grant", 400, FHIR_USER, "The person has to sign in again.") \
  X(REFRESH_REVOKED, "refresh-token-revoked", "invalid_grant", 400, FHIR_USER, "The authorization was revoked.") \
  X(REFRESH_USED, "refresh-token-used", "invalid_grant", 400, FHIR_DEVELOPER, "Each refresh returns a new refresh token: keep the newest. Use of an old one shows that somebody else may have it, so all were revoked.") \
  X(REFRESH_CLIENT, "refresh-token-of-another-client", "invalid_grant", 400, FHIR_DEVELOPER, "The refresh token was issued to another application.") \
  X(SCOPE_BAD, "scope-malformed", "invalid_scope", 400, FHIR_DEVELOPER, "Separate scopes by blanks: patient/Observation.rs, openid, …") \
  X(SCOPE_WIDER, "scope-wider", "invalid_scope", 400, FHIR_DEVELOPER, "A refresh can request only scopes that were granted.") \
  X(SCOPE_FEWER, "scope-fewer", "", 200, FHIR_DEVELOPER, "The token has fewer scopes than were requested: read scope in the token response. The missing ones are unknown here, not registered, not licensed by the practice, or not agreed to.") \
  X(SCOPE_NONE, "scope-none", "invalid_scope", 400, FHIR_DEVELOPER, "None of the scopes can be granted. Request system/ scopes that the application is registered and licensed for.") \
  X(RESPONSE_TYPE, "response-type", "unsupported_response_type", 400, FHIR_DEVELOPER, "response_type must be code. The token response has the id_token.") \
  X(RESPONSE_MODE, "response-mode", "invalid_request", 400, FHIR_DEVELOPER, "response_mode must be query (the default) or form_post.") \
  X(AUD_MISSING, "aud-missing", "invalid_request", 400, FHIR_DEVELOPER, "aud must be the FHIR base URL.") \
  X(AUD_WRONG, "aud-wrong", "invalid_request", 400, FHIR_DEVELOPER, "aud must be the FHIR base URL of the server that the token is for.") \
  X(PKCE_MISSING, "pkce-missing", "invalid_request", 400, FHIR_DEVELOPER, "A public application must send code_challenge and code_challenge_method=S256.") \
  X(PKCE_METHOD, "pkce-method", "invalid_request", 400, FHIR_DEVELOPER, "code_challenge_method must be S256.") \
  X(PKCE_BAD, "pkce-bad", "invalid_request", 400, FHIR_DEVELOPER, "code_challenge must be 43 characters of URL-safe base64.") \
  X(LAUNCH_MISSING, "launch-missing", "invalid_request", 400, FHIR_DEVELOPER, "The scope launch needs the parameter launch from the product that starts the application. Without a product, request launch/patient.") \
  X(LAUNCH_UNKNOWN, "launch-unknown", "invalid_request", 400, FHIR_DEVELOPER, "This server did not issue the launch value, or issued it to another application.") \
  X(LAUNCH_OVER, "launch-over", "invalid_request", 400, FHIR_USER, "A launch expires soon and is used once. Start the application from the product again.") \
  X(LAUNCH_USER, "launch-of-another-user", "access_denied", 403, FHIR_USER, "The launch was made for another user of the product.") \
  X(LOGIN_REQUIRED, "login-required", "login_required", 400, FHIR_USER, "Nobody is signed in, and prompt=none forbids the sign-in page.") \
  X(CONSENT_REQUIRED, "consent-required", "consent_required", 400, FHIR_USER, "The user has to agree, and prompt=none forbids the consent page.") \
  X(DENIED, "denied", "access_denied", 403, FHIR_USER, "The user denied access.") \
  X(NOTHING_GRANTED, "nothing-granted", "access_denied", 403, FHIR_USER, "None of the requested scopes can be granted, or the user switched all of them off.") \
  X(NO_RECORD, "no-record", "access_denied", 403, FHIR_PRACTICE, "The account is not linked to a patient's record. Ask the practice to link it.") \
  X(FORM_OLD, "form-old", "invalid_request", 400, FHIR_USER, "The page was open too long, or was opened in another browser. Start again.") \
  X(TOKEN_MISSING, "token-missing", "invalid_request", 400, FHIR_DEVELOPER, "Send token.") \
  X(BEARER_NEEDED, "bearer-needed", "invalid_token", 401, FHIR_DEVELOPER, "Send an access token: Authorization: Bearer.") \
  X(OPENID_NEEDED, "openid-needed", "insufficient_scope", 403, FHIR_DEVELOPER, "Request the scope openid.") \
  X(LAUNCH_APP, "launch-application", "invalid_request", 400, FHIR_DEVELOPER, "Send the client_id of the application to launch as app.") \
  X(LAUNCH_CONTEXT, "launch-context", "invalid_request", 400, FHIR_DEVELOPER, "patient and encounter must be ids of resources on this server.") \
  X(REGISTER, "register-by-hand", "invalid_request", 403, FHIR_OPERATOR, "Applications are registered by the practice, or at its Connect Portal.") \
  X(REGISTER_JSON, "registration-no-json", "invalid_client_metadata", 400, FHIR_DEVELOPER, "Send the application's metadata as one JSON object, with Content-Type: application/json (RFC 7591).") \
  X(REGISTER_TOKEN, "registration-token", "invalid_token", 401, FHIR_DEVELOPER, "To register, send an initial access token from the Connect Portal or the practice's administrator. To read, change or remove a registration, send its registration_access_token.") \
  X(REGISTER_REDIRECT, "registration-redirect-uri", "invalid_redirect_uri", 400, FHIR_DEVELOPER, "redirect_uris must be https, or for public applications http://127.0.0.1 or a private scheme with a dot (RFC 8252).") \
  X(REGISTER_METADATA, "registration-metadata", "invalid_client_metadata", 400, FHIR_DEVELOPER, "A value of the metadata cannot be used (RFC 7591, section 2).") \
  X(REGISTER_STATEMENT, "software-statement-bad", "invalid_software_statement", 400, FHIR_DEVELOPER, "software_statement must be a JWT signed with RS256, RS384, ES256 or ES384 by a key of its issuer.") \
  X(REGISTER_ISSUER, "software-statement-issuer", "unapproved_software_statement", 400, FHIR_PRACTICE, "The practice has not approved the issuer of the software statement. Register without one, or ask the practice to approve it.") \
  X(REGISTER_FULL, "registrations-waiting", "temporarily_unavailable", 503, FHIR_PRACTICE, "The limit of registrations that await the practice's decision is reached.") \
  X(FHIR_TOKEN, "access-token", "invalid_token", 401, FHIR_DEVELOPER, "Request a new access token (with the refresh token, if there is one) for this endpoint.") \
  X(FHIR_SCOPE, "access-scope", "insufficient_scope", 403, FHIR_DEVELOPER, "Request a token with the scope that is named. If it was requested but not granted, the practice or the user has limited the application.") \
  X(NOT_FOUND, "not-found", "invalid_request", 404, FHIR_DEVELOPER, "[base]/.well-known/smart-configuration has the addresses.") \
  X(INTERNAL, "internal", "server_error", 500, FHIR_OPERATOR, "The server's log has details under the request's id.") \
  X(BUSY, "busy", "temporarily_unavailable", 503, FHIR_OPERATOR, "Try again in a few seconds.")
/* clang-format on */

typedef enum fhir_refusal_id_t {
    FHIR_REFUSED_NOT,
#define FHIR_REFUSAL_ENUM(id, name, error, status, who, what) FHIR_REFUSED_##id,
    FHIR_REFUSAL_LIST(FHIR_REFUSAL_ENUM)
#undef FHIR_REFUSAL_ENUM
        FHIR_REFUSAL_COUNT
} fhir_refusal_id_t;

typedef struct fhir_refusal_row_t {
    const char *name, *error;
    int status;
    const char *who, *what;
} fhir_refusal_row_t;
/** Indexed by fhir_refusal_id_t. */
extern const fhir_refusal_row_t fhir_refusals[FHIR_REFUSAL_COUNT];
/** What to do, in the language of a page ("en", "es"). */
const char *fhir_refusal_what(const fhir_refusal_row_t *row, const char *language,
                              apr_pool_t *pool);

/** Why one request was refused. */
typedef struct fhir_refusal_t {
    fhir_refusal_id_t id;
    const char *description;                     /* a sentence with the values at fault */
    const char *parameter, *received, *expected; /* what is wrong, or NULL; never a secret */
    int wait; /* seconds until it may be tried again, 0: unknown */
} fhir_refusal_t;

#endif
