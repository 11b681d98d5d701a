/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed tokens: parsing, verifying, signing. Keys are read and written in fhir_jwk.c.
 */
#include <apr_strings.h>
#include <math.h>
#include <openssl/ecdsa.h>
#include <string.h>

#include "auth/fhir_jose_private.h"
#include "core/fhir_base64.h"
#include "core/fhir_decimal.h"
#include "core/fhir_secret.h"

static const fhir_jose_alg_t algs[] = {
    {"RS256", "RSA", "SHA256", NULL, 0},
    {"RS384", "RSA", "SHA384", NULL, 0},
    {"ES256", "EC", "SHA256", "P-256", 32},
    {"ES384", "EC", "SHA384", "P-384", 48},
};

const fhir_jose_alg_t *fhir_jose_alg(const char *name)
{
    for (apr_size_t i = 0; name && i < sizeof(algs) / sizeof(*algs); i++)
        if (!strcmp(algs[i].name, name))
            return &algs[i];
    return NULL;
}

int fhir_jose_alg_is_known(const char *alg)
{
    return fhir_jose_alg(alg) != NULL;
}

fhir_err_t *fhir_jose_failure(apr_pool_t *pool, const char *what)
{
    return fhir_err_detail(
        fhir_err_create(pool, FHIR_ERR_INTERNAL, "The server could not complete the request"), pool,
        "OpenSSL could not %s", what);
}

static fhir_err_t *wrong(apr_pool_t *pool, const char *text)
{
    return fhir_err_create(pool, FHIR_ERR_BAD_REQUEST, "%s", text);
}

/* ---- taking apart ---- */

static fhir_err_t *read_part(const fhir_node_t **out, const char *what, const char *text,
                             apr_size_t len, apr_pool_t *pool)
{
    static const fhir_node_limits_t limits = {.max_depth = 8, .max_nodes = 500};
    apr_size_t json_len;
    const char *json = (const char *)fhir_jose_decode(&json_len, text, len, pool);
    if (!json)
        return fhir_err_create(pool, FHIR_ERR_BAD_REQUEST, "The %s of the JWT is not base64url",
                               what);
    fhir_node_t *root;
    if (fhir_node_parse_json(&root, json, json_len, &limits, pool) ||
        root->kind != FHIR_NODE_OBJECT)
        return fhir_err_create(pool, FHIR_ERR_BAD_REQUEST, "The %s of the JWT is not a JSON object",
                               what);
    *out = root;
    return NULL;
}

static fhir_err_t *read_header(fhir_jwt_t *out, apr_pool_t *pool)
{
    out->alg = fhir_node_string(out->header, "alg", pool);
    out->kid = fhir_node_string(out->header, "kid", pool);
    out->typ = fhir_node_string(out->header, "typ", pool);
    out->jku = fhir_node_string(out->header, "jku", pool);
    if (!out->alg)
        return wrong(pool, "The header of the JWT has no alg");
    if (!fhir_jose_alg(out->alg))
        return fhir_err_create(
            pool, FHIR_ERR_BAD_REQUEST,
            "The JWT's alg is \"%.40s\"; RS384, ES384, RS256 and ES256 are accepted", out->alg);
    if (fhir_node_get(out->header, "crit"))
        return wrong(
            pool,
            "The JWT's header has crit, which names extensions that this server does not support");
    return NULL;
}

fhir_err_t *fhir_jwt_parse(fhir_jwt_t *out, const char *text, apr_size_t len, apr_pool_t *pool)
{
    const char *end = text + len;
    memset(out, 0, sizeof(*out));
    if (len > FHIR_JWT_MAX)
        return fhir_err_create(pool, FHIR_ERR_TOO_LARGE, "The JWT is longer than %d bytes",
                               FHIR_JWT_MAX);
    const char *first = memchr(text, '.', len);
    const char *second = first ? memchr(first + 1, '.', (apr_size_t)(end - first - 1)) : NULL;
    if (!second || memchr(second + 1, '.', (apr_size_t)(end - second - 1)))
        return wrong(pool, "This is not a JWT: it does not have three parts separated by dots");
    FHIR_TRY(read_part(&out->header, "header", text, (apr_size_t)(first - text), pool));
    FHIR_TRY(read_header(out, pool));
    FHIR_TRY(read_part(&out->claims, "payload", first + 1, (apr_size_t)(second - first - 1), pool));
    out->input = text;
    out->input_len = (apr_size_t)(second - text);
    out->signature =
        fhir_jose_decode(&out->signature_len, second + 1, (apr_size_t)(end - second - 1), pool);
    return out->signature && out->signature_len
               ? NULL
               : wrong(pool, "The signature of the JWT is missing or not base64url");
}

int fhir_jwt_number(apr_int64_t *out, const fhir_jwt_t *jwt, const char *name)
{
    const fhir_node_t *node = fhir_node_get(jwt->claims, name);
    if (!node || node->kind != FHIR_NODE_NUMBER || node->text_len >= 32)
        return 0;
    double value = fhir_decimal_double(node->text, node->text_len);
    if (!isfinite(value) || fabs(value) > 1e15)
        return 0;
    *out = (apr_int64_t)value;
    return 1;
}

int fhir_jwt_has(const fhir_jwt_t *jwt, const char *name, const char *text)
{
    const fhir_node_t *node = fhir_node_get(jwt->claims, name);
    if (node && node->kind == FHIR_NODE_STRING)
        return fhir_node_is(node, text);
    if (!node || node->kind != FHIR_NODE_ARRAY)
        return 0;
    for (node = node->child; node; node = node->next)
        if (node->kind == FHIR_NODE_STRING && fhir_node_is(node, text))
            return 1;
    return 0;
}

/* ---- signatures ---- */

/* Converts r and s, which JOSE puts one behind the other with fixed lengths, to DER for OpenSSL. */
static unsigned char *to_der(int *der_len, const unsigned char *raw, int half)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, half, NULL), *s = BN_bin2bn(raw + half, half, NULL);
    unsigned char *der = NULL;
    if (!sig || !r || !s || !ECDSA_SIG_set0(sig, r, s)) {
        BN_free(r);
        BN_free(s);
    }
    else
        *der_len = i2d_ECDSA_SIG(sig, &der);
    ECDSA_SIG_free(sig);
    return der;
}

static int from_der(unsigned char *raw, const unsigned char *der, size_t der_len, int half)
{
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)der_len);
    int ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, half) == half &&
             BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + half, half) == half;
    ECDSA_SIG_free(sig);
    return ok;
}

static int verify_with(const fhir_jwt_t *jwt, const fhir_jose_alg_t *alg, EVP_PKEY *key)
{
    const unsigned char *signature = jwt->signature;
    size_t len = jwt->signature_len;
    unsigned char *der = NULL;
    int ok = 0, der_len = 0;
    if (alg->half) {
        if (len != 2 * (size_t)alg->half)
            return 0;
        der = to_der(&der_len, signature, alg->half);
        signature = der;
        len = (size_t)der_len;
    }
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx && signature && len)
        ok = EVP_DigestVerifyInit_ex(ctx, NULL, alg->digest, NULL, NULL, key, NULL) == 1 &&
             EVP_DigestVerify(ctx, signature, len, (const unsigned char *)jwt->input,
                              jwt->input_len) == 1;
    EVP_MD_CTX_free(ctx);
    OPENSSL_free(der);
    return ok;
}

/* May this key verify this token? The algorithm must be the key's: the token alone must never
 * choose it. */
static int fits(const fhir_jwk_t *jwk, const fhir_jwt_t *jwt, const fhir_jose_alg_t *alg)
{
    return strcmp(jwk->kty, alg->kty) == 0 && (!jwk->alg || strcmp(jwk->alg, alg->name) == 0) &&
           (!alg->curve || fhir_jwk_is_on(jwk->key, alg)) &&
           (!jwt->kid || !jwk->kid || strcmp(jwk->kid, jwt->kid) == 0);
}

fhir_err_t *fhir_jwt_verify(const fhir_jwt_t *jwt, const fhir_jwks_t *keys, apr_pool_t *pool)
{
    const fhir_jose_alg_t *alg = fhir_jose_alg(jwt->alg);
    int tried = 0;
    for (int i = 0; i < keys->n; i++) {
        if (!fits(&keys->keys[i], jwt, alg))
            continue;
        tried++;
        if (verify_with(jwt, alg, keys->keys[i].key))
            return NULL;
    }
    if (tried)
        return wrong(pool, "The signature of the JWT is not that of the registered key");
    return fhir_err_create(pool, FHIR_ERR_BAD_REQUEST,
                           "None of the %d registered keys has kid \"%.100s\" and fits %s", keys->n,
                           jwt->kid ? jwt->kid : "(none)", jwt->alg);
}

static fhir_err_t *sign(const unsigned char **out, size_t *len, const char *input,
                        const fhir_jose_alg_t *alg, EVP_PKEY *key, apr_pool_t *pool)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char der[1024], *raw = apr_palloc(pool, sizeof(der));
    size_t der_len = sizeof(der);
    int ok = ctx && EVP_DigestSignInit_ex(ctx, NULL, alg->digest, NULL, NULL, key, NULL) == 1 &&
             EVP_DigestSign(ctx, der, &der_len, (const unsigned char *)input, strlen(input)) == 1;
    EVP_MD_CTX_free(ctx);
    if (ok && alg->half)
        ok = from_der(raw, der, der_len, alg->half);
    else if (ok)
        memcpy(raw, der, der_len);
    *out = raw;
    *len = alg->half ? 2 * (size_t)alg->half : der_len;
    return ok ? NULL : fhir_jose_failure(pool, "sign");
}

fhir_err_t *fhir_jwt_sign(const char **out, const char *claims, const char *alg_name,
                          const char *kid, EVP_PKEY *key, apr_pool_t *pool)
{
    const fhir_jose_alg_t *alg = fhir_jose_alg(alg_name);
    if (!alg)
        return fhir_jose_failure(pool, "sign with an algorithm that is unknown");
    const char *header = apr_psprintf(pool, "{\"alg\":\"%s\",\"typ\":\"JWT\"%s%s%s}", alg->name,
                                      kid ? ",\"kid\":\"" : "", kid ? kid : "", kid ? "\"" : "");
    const char *input =
        apr_pstrcat(pool, fhir_base64_encode(header, strlen(header), FHIR_BASE64_TOKEN, pool), ".",
                    fhir_base64_encode(claims, strlen(claims), FHIR_BASE64_TOKEN, pool), NULL);
    const unsigned char *signature;
    size_t len;
    FHIR_TRY(sign(&signature, &len, input, alg, key, pool));
    *out = apr_pstrcat(pool, input, ".",
                       fhir_base64_encode(signature, len, FHIR_BASE64_TOKEN, pool), NULL);
    return NULL;
}
