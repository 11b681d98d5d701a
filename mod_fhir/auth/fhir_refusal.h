/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_refusal.h
 * @brief Why the authorization server says no: one table of all reasons.
 *
 * X(ID, name, OAuth's error, status where it is answered directly, who can change it, what to do).
 * The name is that of the paragraph that error_uri leads to ([base]/auth/help#name) and never
 * changes; the sentence with the values at fault is made where it is refused.
 */
#ifndef FHIR_REFUSAL_H
#define FHIR_REFUSAL_H

#define FHIR_DEVELOPER "developer"
#define FHIR_PRACTICE  "practice"
#define FHIR_USER      "user"
#define FHIR_OPERATOR  "administrator"

/* clang-format off */
#define FHIR_REFUSAL_LIST(X) \
  X(REPEATED, "repeated-parameter", "invalid_request", 400, FHIR_DEVELOPER, "Send each parameter once.") \
  X(BAD_ENCODING, "bad-encoding", "invalid_request", 400, FHIR_DEVELOPER, "Parameters are URL-encoded UTF-8.") \
  X(WRONG_METHOD, "wrong-method", "invalid_request", 405, FHIR_DEVELOPER, "The token endpoint and its neighbours take POST; nothing secret belongs into a URL.") \
  X(NO_FORM, "no-form", "invalid_request", 400, FHIR_DEVELOPER, "Send Content-Type: application/x-www-form-urlencoded, not JSON.") \
  X(TOO_LONG, "too-long", "invalid_request", 413, FHIR_DEVELOPER, "The request is longer than this server takes.") \
  X(INSECURE, "needs-tls", "invalid_request", 403, FHIR_DEVELOPER, "Use the https address; authorization is not spoken in clear.") \
  X(CLIENT_MISSING, "client-missing", "invalid_request", 400, FHIR_DEVELOPER, "Send the client_id that the application got when it was registered.") \
  X(CLIENT_UNKNOWN, "client-unknown", "invalid_client", 401, FHIR_DEVELOPER, "The client_id is not known at this practice. It may be that of another environment, or have a typing error.") \
  X(CLIENT_DISABLED, "client-disabled", "unauthorized_client", 400, FHIR_OPERATOR, "The application was switched off here.") \
  X(NOT_LICENSED, "not-authorized-by-practice", "unauthorized_client", 400, FHIR_PRACTICE, "The application is registered, but the practice has not authorized it yet. Its administrator does so.") \
  X(LICENCE_REFUSED, "refused-by-practice", "unauthorized_client", 400, FHIR_PRACTICE, "The practice has refused the application.") \
  X(LICENCE_WITHDRAWN, "withdrawn-by-practice", "unauthorized_client", 400, FHIR_PRACTICE, "The practice has taken its authorization back.") \
  X(NOT_FOR_STAFF, "not-for-staff", "unauthorized_client", 400, FHIR_PRACTICE, "The licence does not cover use by staff; or use the patient endpoint.") \
  X(NOT_FOR_PATIENTS, "not-for-patients", "unauthorized_client", 400, FHIR_PRACTICE, "The licence does not cover use by patients; or use the provider endpoint.") \
  X(NOT_FOR_SYSTEM, "not-for-system", "unauthorized_client", 400, FHIR_PRACTICE, "The licence does not cover use without a person who signs in.") \
  X(AUTH_MISSING, "client-authentication-missing", "invalid_client", 401, FHIR_DEVELOPER, "A confidential application authenticates: with its secret (HTTP Basic or client_secret), or with a signed assertion.") \
  X(AUTH_MALFORMED, "client-authentication-malformed", "invalid_client", 401, FHIR_DEVELOPER, "Authorization is: Basic, a blank, base64 of client_id:client_secret, both URL-encoded.") \
  X(AUTH_BEARER, "bearer-at-token-endpoint", "invalid_client", 401, FHIR_DEVELOPER, "The token endpoint wants Authorization: Basic, not Bearer.") \
  X(AUTH_TWICE, "two-authentications", "invalid_request", 400, FHIR_DEVELOPER, "Authenticate in one way in a request.") \
  X(AUTH_PUBLIC, "secret-of-public-client", "invalid_client", 401, FHIR_DEVELOPER, "A public application has no secret: send client_id in the form, and no Authorization header.") \
  X(AUTH_METHOD, "other-authentication", "invalid_client", 401, FHIR_DEVELOPER, "The application is registered for another way to authenticate.") \
  X(SECRET_IN_URL, "secret-in-url", "invalid_request", 400, FHIR_DEVELOPER, "Never send secrets, codes or tokens in a URL: it is kept in logs. Make a new secret now.") \
  X(SECRET_WRONG, "wrong-secret", "invalid_client", 401, FHIR_DEVELOPER, "The secret is not one of the application's.") \
  X(SECRET_EXPIRED, "secret-expired", "invalid_client", 401, FHIR_DEVELOPER, "The secret was replaced and its time is over.") \
  X(ASSERTION_TYPE, "assertion-type", "invalid_request", 400, FHIR_DEVELOPER, "client_assertion_type is urn:ietf:params:oauth:client-assertion-type:jwt-bearer.") \
  X(ASSERTION_BAD, "assertion-bad", "invalid_client", 401, FHIR_DEVELOPER, "The client_assertion is no JWT that one of the registered keys has signed.") \
  X(ASSERTION_TIME, "assertion-time", "invalid_client", 401, FHIR_DEVELOPER, "exp lies ahead, by at most five minutes, as this server's clock goes.") \
  X(ASSERTION_CLAIMS, "assertion-claims", "invalid_client", 401, FHIR_DEVELOPER, "iss and sub are the client_id, aud is the URL of the token endpoint, jti is there.") \
  X(ASSERTION_USED, "assertion-used", "invalid_client", 401, FHIR_DEVELOPER, "Each assertion is used once: make a new jti for each.") \
  X(KEYS_MISSING, "keys-missing", "invalid_client", 401, FHIR_DEVELOPER, "No public key is registered for the application.") \
  X(KEYS_UNREACHABLE, "keys-unreachable", "invalid_client", 401, FHIR_DEVELOPER, "The key set could not be fetched from the registered URL.") \
  X(TOO_MANY, "too-many-attempts", "invalid_request", 429, FHIR_USER, "After several failures there is a pause, longer each time.") \
  X(GRANT_MISSING, "grant-type-missing", "invalid_request", 400, FHIR_DEVELOPER, "grant_type is authorization_code, refresh_token or client_credentials.") \
  X(GRANT_UNSUPPORTED, "grant-type-unsupported", "unsupported_grant_type", 400, FHIR_DEVELOPER, "grant_type is authorization_code, refresh_token or client_credentials.") \
  X(GRANT_PASSWORD, "no-passwords", "unsupported_grant_type", 400, FHIR_DEVELOPER, "A program without a user is a backend service: grant_type=client_credentials with a signed assertion.") \
  X(GRANT_NOT_ALLOWED, "grant-type-not-registered", "unauthorized_client", 400, FHIR_DEVELOPER, "The application is not registered for this grant type.") \
  X(SECRET_GRANT, "secret-not-enough", "unauthorized_client", 400, FHIR_PRACTICE, "client_credentials with a secret instead of a key is taken only if the practice allows it for the application.") \
  X(CODE_MISSING, "code-missing", "invalid_request", 400, FHIR_DEVELOPER, "Send the code that came to the redirect URI.") \
  X(CODE_UNKNOWN, "code-unknown", "invalid_grant", 400, FHIR_DEVELOPER, "The code was not given out here.") \
  X(CODE_EXPIRED, "code-expired", "invalid_grant", 400, FHIR_DEVELOPER, "Redeem the code at once.") \
  X(CODE_USED, "code-used", "invalid_grant", 400, FHIR_DEVELOPER, "A code is redeemed once. All tokens of this one were revoked.") \
  X(CODE_CLIENT, "code-of-another-client", "invalid_grant", 400, FHIR_DEVELOPER, "The code was given to another application.") \
  X(CODE_REVOKED, "code-revoked", "invalid_grant", 400, FHIR_USER, "What was granted has been taken back.") \
  X(REDIRECT_MISSING, "redirect-uri-missing", "invalid_request", 400, FHIR_DEVELOPER, "Send redirect_uri as in the authorization request.") \
  X(REDIRECT_DIFFERS, "redirect-uri-differs", "invalid_grant", 400, FHIR_DEVELOPER, "redirect_uri is not the one of the authorization request.") \
  X(REDIRECT_UNKNOWN, "redirect-uri-unknown", "invalid_request", 400, FHIR_DEVELOPER, "Register the redirect URI, letter by letter.") \
  X(VERIFIER_MISSING, "verifier-missing", "invalid_grant", 400, FHIR_DEVELOPER, "The authorization request had a code_challenge: send its code_verifier.") \
  X(VERIFIER_WRONG, "verifier-wrong", "invalid_grant", 400, FHIR_DEVELOPER, "code_challenge is BASE64URL(SHA256(code_verifier)).") \
  X(VERIFIER_UNWANTED, "verifier-without-challenge", "invalid_grant", 400, FHIR_DEVELOPER, "There was no code_challenge in the authorization request: it may have been taken out on the way.") \
  X(REFRESH_MISSING, "refresh-token-missing", "invalid_request", 400, FHIR_DEVELOPER, "Send refresh_token.") \
  X(REFRESH_UNKNOWN, "refresh-token-unknown", "invalid_grant", 400, FHIR_DEVELOPER, "The refresh token was not given out here.") \
  X(REFRESH_EXPIRED, "refresh-token-expired", "invalid_grant", 400, FHIR_USER, "The person has to sign in again.") \
  X(REFRESH_REVOKED, "refresh-token-revoked", "invalid_grant", 400, FHIR_USER, "What was granted has been taken back.") \
  X(REFRESH_USED, "refresh-token-used", "invalid_grant", 400, FHIR_DEVELOPER, "Each refresh gives a new refresh token: keep the newest. An old one means that somebody else may have it, so all were revoked.") \
  X(REFRESH_CLIENT, "refresh-token-of-another-client", "invalid_grant", 400, FHIR_DEVELOPER, "The refresh token was given to another application.") \
  X(SCOPE_BAD, "scope-malformed", "invalid_scope", 400, FHIR_DEVELOPER, "Scopes are divided by blanks: patient/Observation.rs, openid, …") \
  X(SCOPE_WIDER, "scope-wider", "invalid_scope", 400, FHIR_DEVELOPER, "A refresh can only ask for what was granted.") \
  X(SCOPE_FEWER, "scope-fewer", "", 200, FHIR_DEVELOPER, "The token was given, with fewer scopes than were asked: read scope in the token's answer. What is missing was unknown here, not registered, not licensed by the practice, or not agreed to.") \
  X(SCOPE_NONE, "scope-none", "invalid_scope", 400, FHIR_DEVELOPER, "None of the scopes can be granted: ask for system/ scopes that the application is registered and licensed for.") \
  X(RESPONSE_TYPE, "response-type", "unsupported_response_type", 400, FHIR_DEVELOPER, "response_type is code; the id_token comes with the token.") \
  X(RESPONSE_MODE, "response-mode", "invalid_request", 400, FHIR_DEVELOPER, "response_mode is query (the default) or form_post.") \
  X(AUD_MISSING, "aud-missing", "invalid_request", 400, FHIR_DEVELOPER, "aud is the FHIR base URL.") \
  X(AUD_WRONG, "aud-wrong", "invalid_request", 400, FHIR_DEVELOPER, "aud is the FHIR base URL of the server that the token is for.") \
  X(PKCE_MISSING, "pkce-missing", "invalid_request", 400, FHIR_DEVELOPER, "A public application sends code_challenge and code_challenge_method=S256.") \
  X(PKCE_METHOD, "pkce-method", "invalid_request", 400, FHIR_DEVELOPER, "code_challenge_method is S256.") \
  X(PKCE_BAD, "pkce-bad", "invalid_request", 400, FHIR_DEVELOPER, "code_challenge is 43 letters of URL-safe base64.") \
  X(LAUNCH_MISSING, "launch-missing", "invalid_request", 400, FHIR_DEVELOPER, "The scope launch goes with the parameter launch that the product gave; without a product ask for launch/patient.") \
  X(LAUNCH_UNKNOWN, "launch-unknown", "invalid_request", 400, FHIR_DEVELOPER, "The launch value was not given out here, or for another application.") \
  X(LAUNCH_OVER, "launch-over", "invalid_request", 400, FHIR_USER, "A launch is used once, and soon: start the application from the product again.") \
  X(LAUNCH_USER, "launch-of-another-user", "access_denied", 403, FHIR_USER, "The launch was made for another user of the product.") \
  X(LOGIN_REQUIRED, "login-required", "login_required", 400, FHIR_USER, "prompt=none, but nobody is signed in.") \
  X(CONSENT_REQUIRED, "consent-required", "consent_required", 400, FHIR_USER, "prompt=none, but somebody has to agree.") \
  X(DENIED, "denied", "access_denied", 403, FHIR_USER, "The person said no.") \
  X(NOTHING_GRANTED, "nothing-granted", "access_denied", 403, FHIR_USER, "Nothing that was asked can be granted, or everything was switched off.") \
  X(NO_RECORD, "no-record", "access_denied", 403, FHIR_PRACTICE, "The account is linked to no patient's record: the practice links it.") \
  X(FORM_OLD, "form-old", "invalid_request", 400, FHIR_USER, "The page was open too long, or in another browser: start again.") \
  X(TOKEN_MISSING, "token-missing", "invalid_request", 400, FHIR_DEVELOPER, "Send token.") \
  X(NOT_INTROSPECTING, "introspection-not-allowed", "access_denied", 403, FHIR_DEVELOPER, "The application may look into its own tokens only.") \
  X(BEARER_NEEDED, "bearer-needed", "invalid_token", 401, FHIR_DEVELOPER, "Send an access token: Authorization: Bearer.") \
  X(OPENID_NEEDED, "openid-needed", "insufficient_scope", 403, FHIR_DEVELOPER, "Ask for the scope openid.") \
  X(LAUNCH_APP, "launch-application", "invalid_request", 400, FHIR_DEVELOPER, "Name the application to launch by its client_id: app.") \
  X(LAUNCH_CONTEXT, "launch-context", "invalid_request", 400, FHIR_DEVELOPER, "patient and encounter are ids of resources that exist here.") \
  X(REGISTER, "register-by-hand", "invalid_request", 403, FHIR_OPERATOR, "Applications are registered by the practice, or at its Connect Portal.") \
  X(REGISTER_JSON, "registration-no-json", "invalid_client_metadata", 400, FHIR_DEVELOPER, "Send the application's metadata as one JSON object, with Content-Type: application/json (RFC 7591).") \
  X(REGISTER_TOKEN, "registration-token", "invalid_token", 401, FHIR_DEVELOPER, "Registering wants an initial access token, which the Connect Portal or the practice's administrator gives; reading, changing and removing want the registration_access_token of the application.") \
  X(REGISTER_REDIRECT, "registration-redirect-uri", "invalid_redirect_uri", 400, FHIR_DEVELOPER, "redirect_uris are https, or for public applications http://127.0.0.1 or a scheme of their own with a dot (RFC 8252).") \
  X(REGISTER_METADATA, "registration-metadata", "invalid_client_metadata", 400, FHIR_DEVELOPER, "A value of the metadata cannot be used (RFC 7591, section 2).") \
  X(REGISTER_STATEMENT, "software-statement-bad", "invalid_software_statement", 400, FHIR_DEVELOPER, "software_statement is a JWT, signed with RS256, RS384, ES256 or ES384 by a key of its issuer.") \
  X(REGISTER_ISSUER, "software-statement-issuer", "unapproved_software_statement", 400, FHIR_PRACTICE, "The practice has not approved the issuer of the software statement. Register without one, or ask the practice to approve it.") \
  X(REGISTER_FULL, "registrations-waiting", "temporarily_unavailable", 503, FHIR_PRACTICE, "As many applications as may wait for the practice's decision do so.") \
  X(FHIR_TOKEN, "access-token", "invalid_token", 401, FHIR_DEVELOPER, "Ask for a new access token (with the refresh token, if there is one), at the endpoint that it is for.") \
  X(FHIR_SCOPE, "access-scope", "insufficient_scope", 403, FHIR_DEVELOPER, "Ask for a token with the scope that would do. If it was asked for and not granted, the practice or the user has limited the application.") \
  X(NOT_FOUND, "not-found", "invalid_request", 404, FHIR_DEVELOPER, "The addresses are in [base]/.well-known/smart-configuration.") \
  X(INTERNAL, "internal", "server_error", 500, FHIR_OPERATOR, "The server's log tells more, under the request's id.") \
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

/** What one request was refused for. */
typedef struct fhir_refusal_t {
    fhir_refusal_id_t id;
    const char *description;                     /* a sentence with the values at fault */
    const char *parameter, *received, *expected; /* what is wrong, or NULL; never a secret */
    int wait; /* seconds until it may be tried again, 0: says nothing */
} fhir_refusal_t;

#endif
