/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a signed token, a line end, and a key set. What is refused is told with a 4xx; a key
 * that is taken is printed as one that is the same; a token verifies only by a key that fits it.
 */
#include <apr_general.h>
#include <stdlib.h>
#include <string.h>

#include "auth/fhir_jose.h"
#include "t/fuzz/fuzz.h"

static void check_error(const fhir_err_t *err)
{
    check(fhir_err_http_status(err->code) < 500 && err->message && *err->message);
}

static void check_key(const fhir_jwk_t *key, apr_pool_t *pool)
{
    check(key->key && key->kty && (!key->alg || fhir_jose_alg_is_known(key->alg)));
    const char *before;
    check(!fhir_jwk_thumbprint(&before, key->key, pool));
    const char *json;
    check(!fhir_jwk_print(&json, key->key, key->kid, NULL, pool));
    fhir_jwks_t again;
    check(!fhir_jwks_parse(&again, json, strlen(json), pool) && again.n == 1);
    const char *after;
    check(!fhir_jwk_thumbprint(&after, again.keys[0].key, pool) && !strcmp(before, after));
}

static void check_token(const fhir_jwt_t *jwt, const fhir_jwks_t *keys, apr_pool_t *pool)
{
    apr_int64_t number = 0;
    check(fhir_jose_alg_is_known(jwt->alg) && jwt->header->kind == FHIR_NODE_OBJECT &&
          jwt->claims->kind == FHIR_NODE_OBJECT);
    (void)fhir_jwt_number(&number, jwt, "exp");
    (void)fhir_jwt_has(jwt, "aud", "https://fhir.example.org/auth/token");
    fhir_err_t *err = fhir_jwt_verify(jwt, keys, pool);
    if (err) {
        check_error(err);
        return;
    }
    for (int i = 0; i < keys->n; i++)
        if ((*jwt->alg == 'R') == !strcmp(keys->keys[i].kty, "RSA") &&
            (!jwt->kid || !keys->keys[i].kid || !strcmp(jwt->kid, keys->keys[i].kid)))
            return;
    abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    const char *text = (const char *)data, *line = size ? memchr(data, '\n', size) : NULL;
    apr_size_t len = line ? (apr_size_t)(line - text) : size;
    fhir_jwks_t keys = {0};
    fhir_err_t *err;
    apr_pool_t *pool = fuzz_pool();
    if (line) {
        err = fhir_jwks_parse(&keys, line + 1, size - len - 1, pool);
        if (err) {
            check_error(err);
            keys.n = 0;
        }
        for (int i = 0; i < keys.n && i < 4; i++)
            check_key(&keys.keys[i], pool);
    }
    fhir_jwt_t jwt;
    err = fhir_jwt_parse(&jwt, text, len, pool);
    if (err)
        check_error(err);
    else
        check_token(&jwt, &keys, pool);
    apr_pool_destroy(pool);
    return 0;
}
