/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authentication of applications: by HTTP Basic, by a secret in the form, by a signed assertion,
 * or, for public applications, by client_id alone.
 * Source: RFC 6749, 2.3; RFC 7523; https://hl7.org/fhir/smart-app-launch/
 * client-confidential-asymmetric.html
 */
#include <apr_encode.h>
#include <apr_strings.h>
#include <string.h>

#include "auth/fhir_auth_private.h"
#include "core/fhir_text.h"

#define ASSERTION_TYPE  "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#define ASSERTION_AHEAD 300 /* the furthest that exp may be in the future, in seconds */
#define CLOCK_SKEW      30

typedef struct shown_t {
    const char *id;
    const char *secret;    /* or NULL */
    const char *assertion; /* or NULL */
    int basic;
} shown_t;

/* ---- what the request shows ---- */

static fhir_err_t *read_basic(shown_t *shown, fhir_auth_call_t *call, const char *header)
{
    if (!strncasecmp(header, "bearer", 6))
        return fhir_auth_refuse(call, FHIR_REFUSED_AUTH_BEARER,
                                "Authorization is Bearer; this endpoint accepts Basic");
    if (strncasecmp(header, "basic ", 6) != 0)
        return fhir_auth_refuse(call, FHIR_REFUSED_AUTH_MALFORMED,
                                "Authorization is neither Basic nor absent");
    header += 6 + strspn(header + 6, " ");
    apr_size_t len;
    const char *text =
        apr_pdecode_base64(call->pool, header, APR_ENCODE_STRING, APR_ENCODE_NONE, &len);
    const char *colon = text ? memchr(text, ':', len) : NULL;
    if (!colon || strlen(text) != len)
        return fhir_auth_refuse(call, FHIR_REFUSED_AUTH_MALFORMED,
                                "Authorization: Basic is not followed by base64 of "
                                "client_id:client_secret");
    shown->id = fhir_text_url_decode(text, (apr_size_t)(colon - text), 1, call->pool);
    shown->secret = fhir_text_url_decode(colon + 1, strlen(colon + 1), 1, call->pool);
    if (!shown->id || !shown->secret)
        return fhir_auth_refuse(call, FHIR_REFUSED_AUTH_MALFORMED,
                                "client_id and client_secret in Basic are not URL-encoded");
    shown->basic = 1;
    return NULL;
}

/* The client_id that an assertion names. The assertion is not verified yet. */
static const char *assertion_client(const char *assertion, apr_pool_t *pool)
{
    fhir_jwt_t jwt;
    if (fhir_jwt_parse(&jwt, assertion, strlen(assertion), pool))
        return NULL;
    return fhir_node_string(jwt.claims, "iss", pool);
}

static fhir_err_t *read_shown(shown_t *shown, fhir_auth_call_t *call)
{
    const char *header = call->request->header(call->request, "Authorization");
    const char *id = fhir_auth_param(&call->form, "client_id");
    const char *secret = fhir_auth_param(&call->form, "client_secret");
    const char *type = fhir_auth_param(&call->form, "client_assertion_type");
    memset(shown, 0, sizeof(*shown));
    shown->assertion = fhir_auth_param(&call->form, "client_assertion");
    if (header)
        FHIR_TRY(read_basic(shown, call, header));
    if (!!header + !!secret + !!shown->assertion > 1)
        return fhir_auth_refuse(call, FHIR_REFUSED_AUTH_TWICE,
                                "The request authenticates in two ways: use only one of HTTP "
                                "Basic, client_secret and client_assertion");
    if ((type || shown->assertion) && (!type || strcmp(type, ASSERTION_TYPE) != 0))
        return fhir_auth_refuse(
            fhir_auth_saw(call, "client_assertion_type", type ? type : "", ASSERTION_TYPE),
            FHIR_REFUSED_ASSERTION_TYPE,
            "client_assertion_type is \"%.100s\"; it must be " ASSERTION_TYPE, type ? type : "");
    if (type && !shown->assertion)
        return fhir_auth_refuse(fhir_auth_saw(call, "client_assertion", "", "a signed JWT"),
                                FHIR_REFUSED_ASSERTION_BAD, "client_assertion is missing");
    if (shown->basic && id && strcmp(id, shown->id) != 0)
        return fhir_auth_refuse(call, FHIR_REFUSED_AUTH_TWICE,
                                "client_id is \"%.100s\" in the form and \"%.100s\" in Basic", id,
                                shown->id);
    if (!shown->basic) {
        shown->id = id;
        shown->secret = secret;
    }
    if (!shown->id && shown->assertion) {
        shown->id = assertion_client(shown->assertion, call->pool);
        if (!shown->id)
            return fhir_auth_refuse(call, FHIR_REFUSED_ASSERTION_BAD,
                                    "client_assertion is not a JWT with the client_id as iss");
    }
    return shown->id ? NULL
                     : fhir_auth_refuse(call, FHIR_REFUSED_AUTH_MISSING,
                                        "The request names no application: client_id is missing, "
                                        "and there is no Authorization header");
}

/* ---- secrets ---- */

typedef struct secret_t {
    int found, expired;
} secret_t;

static fhir_err_t *read_secret(void *baton, const fhir_row_t *row)
{
    secret_t *secret = baton;
    secret->found = 1;
    secret->expired = *fhir_row_text(row, 0) == 't';
    return NULL;
}

static fhir_err_t *check_secret(fhir_auth_call_t *call, const fhir_client_t *client,
                                const char *shown)
{
    const char *values[] = {client->id, fhir_secret_bytea_of(shown, call->pool)};
    const char *key = apr_pstrcat(call->pool, "c:", client->id, NULL);
    secret_t secret = {0, 0};
    int wait;
    FHIR_TRY(fhir_auth_wait(&wait, call, key));
    if (wait) {
        call->refusal.wait = wait;
        return fhir_auth_refuse(
            fhir_auth_saw(call, "client_secret", NULL,
                          apr_psprintf(call->pool, "a pause of %d seconds", wait)),
            FHIR_REFUSED_TOO_MANY,
            "App %s has sent wrong secrets too often; it may try again in %d seconds", client->name,
            wait);
    }
    /* The secret is looked up by its digest, so no comparison can leak it letter by letter. */
    FHIR_TRY(fhir_auth_sql(call,
                           "SELECT coalesce(expires <= now(), false) FROM @client_secret "
                           "WHERE client = $1 AND digest = $2::bytea",
                           0, 2, values, read_secret, &secret, NULL));
    if (secret.found && !secret.expired)
        return NULL;
    if (secret.found)
        return fhir_auth_refuse(fhir_auth_saw(call, "client_secret", NULL, "the newest secret"),
                                FHIR_REFUSED_SECRET_EXPIRED,
                                "This secret of app %s was replaced and has expired; use the new "
                                "one",
                                client->name);
    FHIR_TRY(fhir_auth_count(call, key, 1));
    return fhir_auth_refuse(
        fhir_auth_saw(call, "client_secret", NULL, "a secret of the application"),
        FHIR_REFUSED_SECRET_WRONG, "client_secret is not one of app %s", client->name);
}

/* ---- assertions ---- */

static const char *number(apr_int64_t n, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%" APR_INT64_T_FMT, n);
}

static const char *at_most(apr_int64_t now, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%" APR_INT64_T_FMT " to %" APR_INT64_T_FMT, now,
                        now + ASSERTION_AHEAD);
}

/* A claim of the assertion, for the developer's record. Only claims that identify an application or
 * a server are recorded. */
static const char *claim(const fhir_jwt_t *jwt, const char *name, apr_pool_t *pool)
{
    const char *text = fhir_node_string(jwt->claims, name, pool);
    return text ? text : "not a string, or absent";
}

static fhir_err_t *claims_fault(fhir_auth_call_t *call, const char *what)
{
    return fhir_auth_refuse(call, FHIR_REFUSED_ASSERTION_CLAIMS, "client_assertion: %s", what);
}

static fhir_err_t *check_times(fhir_auth_call_t *call, const fhir_jwt_t *jwt, apr_int64_t *expires)
{
    apr_int64_t now = apr_time_sec(apr_time_now());
    if (!fhir_jwt_number(expires, jwt, "exp"))
        return fhir_auth_refuse(
            fhir_auth_saw(call, "client_assertion.exp", "", at_most(now, call->pool)),
            FHIR_REFUSED_ASSERTION_TIME,
            "client_assertion has no exp, a number of seconds since 1970");
    if (*expires + CLOCK_SKEW <= now)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "client_assertion.exp", number(*expires, call->pool),
                          at_most(now, call->pool)),
            FHIR_REFUSED_ASSERTION_TIME,
            "client_assertion expired %" APR_INT64_T_FMT " seconds ago by this server's clock",
            now - *expires);
    if (*expires > now + ASSERTION_AHEAD + CLOCK_SKEW)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "client_assertion.exp", number(*expires, call->pool),
                          at_most(now, call->pool)),
            FHIR_REFUSED_ASSERTION_TIME,
            "client_assertion's exp is %" APR_INT64_T_FMT " seconds ahead; 300 is the most",
            *expires - now);
    apr_int64_t not_before;
    if (fhir_jwt_number(&not_before, jwt, "nbf") && not_before > now + CLOCK_SKEW)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "client_assertion.nbf", number(not_before, call->pool),
                          apr_psprintf(call->pool, "at most %" APR_INT64_T_FMT, now + CLOCK_SKEW)),
            FHIR_REFUSED_ASSERTION_TIME,
            "client_assertion is not valid yet: nbf is %" APR_INT64_T_FMT " seconds ahead",
            not_before - now);
    return NULL;
}

/* aud must be the URL of the token endpoint. The issuer is accepted too, for clients that follow
 * RFC 7523bis. */
static int is_for_us(const fhir_auth_call_t *call, const fhir_jwt_t *jwt)
{
    const char *own =
        apr_pstrcat(call->pool, call->request->base_url, "/", call->request->path, NULL);
    return fhir_jwt_has(jwt, "aud", fhir_auth_url(call, "token")) ||
           fhir_jwt_has(jwt, "aud", own) || fhir_jwt_has(jwt, "aud", call->request->base_url);
}

static fhir_err_t *use_once(fhir_auth_call_t *call, const fhir_client_t *client, const char *jti,
                            apr_int64_t expires)
{
    const char *values[2];
    apr_int64_t n = 0;
    values[0] =
        fhir_secret_bytea_of(apr_pstrcat(call->pool, client->id, "\n", jti, NULL), call->pool);
    values[1] = apr_psprintf(call->pool, "%" APR_INT64_T_FMT, expires + CLOCK_SKEW);
    FHIR_TRY(fhir_auth_sql(call,
                           "INSERT INTO @assertion (digest, expires) VALUES ($1::bytea, "
                           "to_timestamp($2::bigint)) ON CONFLICT DO NOTHING",
                           FHIR_STMT_WRITE, 2, values, NULL, NULL, &n));
    return n ? NULL
             : fhir_auth_refuse(
                   fhir_auth_saw(call, "client_assertion.jti", jti, "a new one for each assertion"),
                   FHIR_REFUSED_ASSERTION_USED,
                   "client_assertion with jti \"%.100s\" was used before", jti);
}

static fhir_err_t *check_assertion(fhir_auth_call_t *call, const fhir_client_t *client,
                                   const char *assertion)
{
    fhir_jwt_t jwt;
    const char *const names[] = {"iss", "sub"};
    fhir_err_t *err = fhir_jwt_parse(&jwt, assertion, strlen(assertion), call->pool);
    if (err)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "client_assertion", NULL, "a JWT: header, claims and signature"),
            FHIR_REFUSED_ASSERTION_BAD, "client_assertion: %s", err->message);
    if (jwt.jku && (!client->jwks_uri || strcmp(jwt.jku, client->jwks_uri) != 0))
        return fhir_auth_refuse(fhir_auth_saw(call, "client_assertion.jku", jwt.jku,
                                              client->jwks_uri
                                                  ? client->jwks_uri
                                                  : "no jku, since no address is registered"),
                                FHIR_REFUSED_ASSERTION_BAD,
                                "client_assertion names a key set (jku) that is not the "
                                "registered one");
    fhir_jwks_t keys;
    FHIR_TRY(fhir_auth_client_keys(&keys, call, client, jwt.kid));
    err = fhir_jwt_verify(&jwt, &keys, call->pool);
    if (err)
        return fhir_auth_refuse(fhir_auth_saw(call, "client_assertion.kid",
                                              apr_psprintf(call->pool, "%s, alg %s",
                                                           jwt.kid ? jwt.kid : "none", jwt.alg),
                                              "a signature by one of the registered keys"),
                                FHIR_REFUSED_ASSERTION_BAD, "client_assertion: %s", err->message);
    for (int i = 0; i < 2; i++)
        if (!fhir_jwt_has(&jwt, names[i], client->id))
            return claims_fault(
                fhir_auth_saw(call, apr_pstrcat(call->pool, "client_assertion.", names[i], NULL),
                              claim(&jwt, names[i], call->pool), client->id),
                "iss and sub are not the client_id");
    if (!is_for_us(call, &jwt))
        return claims_fault(
            fhir_auth_saw(call, "client_assertion.aud", claim(&jwt, "aud", call->pool),
                          fhir_auth_url(call, "token")),
            apr_pstrcat(call->pool, "aud is not ", fhir_auth_url(call, "token"), NULL));
    apr_int64_t expires;
    FHIR_TRY(check_times(call, &jwt, &expires));
    const char *jti = fhir_node_string(jwt.claims, "jti", call->pool);
    if (!jti || !*jti)
        return claims_fault(
            fhir_auth_saw(call, "client_assertion.jti", "", "a new one for each assertion"),
            "jti is missing");
    return use_once(call, client, jti, expires);
}

/* ---- all together ---- */

static fhir_err_t *check_shown(fhir_auth_call_t *call, const fhir_client_t *client,
                               const shown_t *shown)
{
    const char *way = shown->assertion ? "private_key_jwt"
                      : shown->secret  ? "client_secret"
                                       : "none";
    if (!strcmp(client->auth, "none"))
        return strcmp(way, "none") == 0
                   ? NULL
                   : fhir_auth_refuse(
                         fhir_auth_saw(call, shown->secret ? "client_secret" : "client_assertion",
                                       NULL, "client_id alone"),
                         FHIR_REFUSED_AUTH_PUBLIC,
                         "App %s is public and has no secret; send its client_id in "
                         "the form alone",
                         client->name);
    if (!strcmp(way, "none"))
        return fhir_auth_refuse(
            fhir_auth_saw(call, "token_endpoint_auth_method", way, client->auth),
            FHIR_REFUSED_AUTH_MISSING, "App %s is confidential; it authenticates with its %s",
            client->name, *client->auth == 'p' ? "key (client_assertion)" : "secret");
    if (strcmp(way, client->auth) != 0)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "token_endpoint_auth_method", way, client->auth),
            FHIR_REFUSED_AUTH_METHOD, "App %s is registered to authenticate with %s, not with %s",
            client->name, client->auth, way);
    if (shown->assertion)
        return check_assertion(call, client, shown->assertion);
    return check_secret(call, client, shown->secret);
}

/* Names an application, unproven, for the row of a refusal; the refusal of the call stays. */
static void name_client(fhir_auth_call_t *call, const char *id)
{
    const fhir_refusal_t refusal = call->refusal;
    fhir_client_t *client = NULL;
    if (id && !fhir_auth_client(&client, call, id) && client)
        call->client = client->id;
    call->refusal = refusal;
}

fhir_err_t *fhir_auth_authenticate(fhir_client_t **client, fhir_auth_call_t *call)
{
    shown_t shown;
    fhir_err_t *err = read_shown(&shown, call);
    if (err) {
        name_client(call, shown.id ? shown.id : fhir_auth_param(&call->form, "client_id"));
        return err;
    }
    fhir_client_t *found;
    FHIR_TRY(fhir_auth_client(&found, call, shown.id));
    if (!found)
        return fhir_auth_refuse(call, FHIR_REFUSED_CLIENT_UNKNOWN,
                                "client_id \"%.100s\" is not registered here", shown.id);
    call->client = found->id;
    FHIR_TRY(check_shown(call, found, &shown));
    *client = found;
    return NULL;
}

void fhir_auth_name_client(fhir_auth_call_t *call)
{
    shown_t shown;
    if (!read_shown(&shown, call))
        name_client(call, shown.id);
}
