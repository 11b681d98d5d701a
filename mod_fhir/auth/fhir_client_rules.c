/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an application may register, at the Connect Portal or by protocol (RFC 7591).
 */
#include <apr_strings.h>
#include <apr_uri.h>
#include <string.h>

#include "auth/fhir_auth_private.h"
#include "core/fhir_random.h"

int fhir_client_is_https(const char *url, apr_pool_t *pool)
{
    apr_uri_t parts;
    return strlen(url) <= 1000 && !strncmp(url, "https://", 8) &&
           !apr_uri_parse(pool, url, &parts) && parts.hostname && *parts.hostname && !parts.user &&
           !fhir_redirect_fault(url, pool);
}

int fhir_client_is_loopback(const char *url)
{
    return !strncmp(url, "http://127.0.0.1", 16) || !strncmp(url, "http://[::1]", 12) ||
           !strncmp(url, "http://localhost", 16);
}

/* Checks a redirect URI. Besides https, production accepts only what RFC 8252 allows for native
 * apps, which are public. */
const char *fhir_client_redirect_fault(const char *uri, int is_test, int is_public,
                                       apr_pool_t *pool)
{
    const char *fault = fhir_redirect_fault(uri, pool);
    if (fault || is_test || !strncmp(uri, "https://", 8))
        return fault;
    if (!is_public)
        return "in production it must begin with https://, because this app is not public (RFC "
               "8252)";
    if (!strncmp(uri, "http://localhost", 16))
        return "in production a native app uses http://127.0.0.1 (RFC 8252, 8.3)";
    if (fhir_client_is_loopback(uri) || memchr(uri, '.', strcspn(uri, ":")))
        return NULL;
    return "a custom scheme must contain a dot, such as org.example.app:/callback (RFC 8252, 7.1)";
}

fhir_err_t *fhir_client_keys(const char **jwks, const char **why, fhir_jwks_t *keys,
                             fhir_auth_call_t *call, const char *uri)
{
    *why = NULL;
    keys->n = 0;
    if (uri && !fhir_client_is_https(uri, call->pool) && !call->request->config->fetch_private) {
        *why = "it does not begin with https://";
        return NULL;
    }
    if (!uri && !*jwks)
        return NULL;
    int keep_sec;
    fhir_err_t *err = uri ? fhir_auth_fetch_keys(keys, jwks, &keep_sec, call, uri)
                          : fhir_jwks_parse(keys, *jwks, strlen(*jwks), call->pool);
    if (err) {
        call->refusal.id = FHIR_REFUSED_NOT; /* the caller reports it in its own way */
        *why = err->message;
    }
    else if (!keys->n)
        *why = "it has no key that signs (RS384, ES384)";
    return NULL;
}

fhir_err_t *fhir_client_add_secret(const char **word, const fhir_auth_call_t *call,
                                   const char *client, int most)
{
    apr_int64_t n = 0;
    FHIR_TRY(fhir_random_word(word, 32, call->pool));
    const char *values[3];
    values[0] = client;
    values[1] = fhir_secret_bytea_of(*word, call->pool);
    values[2] = apr_itoa(call->pool, most);
    FHIR_TRY(fhir_auth_sql(call,
                           "INSERT INTO @client_secret (client, digest) SELECT $1::text, $2::bytea "
                           "WHERE (SELECT count(*) FROM @client_secret WHERE client = $1::text AND "
                           "coalesce(expires > now(), true)) < $3::int",
                           FHIR_STMT_WRITE, 3, values, NULL, NULL, &n));
    if (!n)
        *word = NULL;
    return NULL;
}
