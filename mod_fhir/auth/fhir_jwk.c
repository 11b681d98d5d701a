/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON Web Keys: reading those of clients, making and printing our own.
 */
#include <apr_strings.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

#include "auth/fhir_jose_private.h"
#include "core/fhir_base64.h"
#include "core/fhir_secret.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX                                                                               \
    8192 /* verifying with larger keys would cost this server time that the client does not pay    \
            for */

/* Names of a curve: JWK's, OpenSSL's. RFC 7518, section 6.2.1.1. */
static const struct {
    const char *jwk, *group;
    int bytes;
} curves[] = {{"P-256", "prime256v1", 32}, {"P-384", "secp384r1", 48}};
#define N_CURVES (int)(sizeof(curves) / sizeof(*curves))

static apr_status_t free_key(void *key)
{
    EVP_PKEY_free(key);
    return APR_SUCCESS;
}

static EVP_PKEY *own(EVP_PKEY *key, apr_pool_t *pool)
{
    if (key)
        apr_pool_cleanup_register(pool, key, free_key, apr_pool_cleanup_null);
    return key;
}

/* The curve's row, or -1. */
static int curve_of(EVP_PKEY *key)
{
    char group[64];
    size_t len;
    if (!EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group),
                                        &len))
        return -1;
    for (int i = 0; i < N_CURVES; i++)
        if (!strcmp(curves[i].group, group))
            return i;
    return -1;
}

int fhir_jwk_is_on(EVP_PKEY *key, const fhir_jose_alg_t *alg)
{
    int curve = curve_of(key);
    return curve >= 0 && strcmp(curves[curve].jwk, alg->curve) == 0;
}

/* ---- reading ---- */

static fhir_err_t *bad_key(apr_pool_t *pool, const fhir_jwk_t *jwk, const char *why)
{
    return fhir_err_create(pool, FHIR_ERR_BAD_REQUEST, "Key \"%.100s\" %s",
                           jwk->kid ? jwk->kid : "(no kid)", why);
}

static unsigned char *bytes_of(apr_size_t *len, const fhir_node_t *node, const char *name,
                               apr_pool_t *pool)
{
    const fhir_node_t *member = fhir_node_get(node, name);
    if (!member || member->kind != FHIR_NODE_STRING || !member->text_len)
        return NULL;
    return fhir_jose_decode(len, member->text, member->text_len, pool);
}

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *build, apr_pool_t *pool)
{
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;
    if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return own(key, pool);
}

static fhir_err_t *read_rsa(fhir_jwk_t *jwk, const fhir_node_t *node, apr_pool_t *pool)
{
    apr_size_t n_len = 0, e_len = 0;
    unsigned char *n = bytes_of(&n_len, node, "n", pool), *e = bytes_of(&e_len, node, "e", pool);
    if (!n || !e || e_len > 8 || n_len > RSA_BITS_MAX / 8)
        return bad_key(pool, jwk, "does not have n and e of an RSA key of at most 8192 bits");
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *modulus = BN_bin2bn(n, (int)n_len, NULL);
    BIGNUM *exponent = BN_bin2bn(e, (int)e_len, NULL);
    if (build && modulus && exponent && BN_is_odd(modulus) && BN_is_odd(exponent) &&
        !BN_is_one(exponent) && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent))
        jwk->key = from_params("RSA", build, pool);
    OSSL_PARAM_BLD_free(build);
    BN_free(modulus);
    BN_free(exponent);
    if (!jwk->key)
        return bad_key(pool, jwk, "is not an RSA key");
    return EVP_PKEY_get_bits(jwk->key) >= RSA_BITS_MIN
               ? NULL
               : bad_key(pool, jwk, "is shorter than 2048 bits");
}

static int is_public(EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    int ok = ctx && EVP_PKEY_public_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static fhir_err_t *read_ec(fhir_jwk_t *jwk, const fhir_node_t *node, int curve, apr_pool_t *pool)
{
    apr_size_t x_len = 0, y_len = 0;
    unsigned char *x = bytes_of(&x_len, node, "x", pool), *y = bytes_of(&y_len, node, "y", pool);
    apr_size_t half = (apr_size_t)curves[curve].bytes;
    unsigned char point[1 + 2 * 48] = {4}; /* uncompressed */
    if (!x || !y || x_len != half || y_len != half)
        return bad_key(pool, jwk, "does not have x and y of the length of its curve");
    memcpy(point + 1, x, half);
    memcpy(point + 1 + half, y, half);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (build &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curves[curve].group,
                                        0) &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * half))
        jwk->key = from_params("EC", build, pool);
    OSSL_PARAM_BLD_free(build);
    return jwk->key && is_public(jwk->key) ? NULL
                                           : bad_key(pool, jwk, "is not a point of its curve");
}

/* Is it a key for signatures, as far as it says? RFC 7517, sections 4.2, 4.3. */
static int is_for_signatures(const fhir_node_t *node)
{
    const fhir_node_t *use = fhir_node_get(node, "use");
    const fhir_node_t *ops = fhir_node_get(node, "key_ops");
    if (use && !fhir_node_is(use, "sig"))
        return 0;
    if (!ops || ops->kind != FHIR_NODE_ARRAY)
        return 1;
    for (ops = ops->child; ops; ops = ops->next)
        if (fhir_node_is(ops, "verify"))
            return 1;
    return 0;
}

static int curve_by_name(const char *name)
{
    for (int i = 0; i < N_CURVES; i++)
        if (name && !strcmp(curves[i].jwk, name))
            return i;
    return -1;
}

/* Reads one key; jwk->key stays NULL when the key is of a kind that is skipped. */
static fhir_err_t *read_key(fhir_jwk_t *jwk, const fhir_node_t *node, apr_pool_t *pool)
{
    memset(jwk, 0, sizeof(*jwk));
    if (node->kind != FHIR_NODE_OBJECT)
        return fhir_err_create(pool, FHIR_ERR_BAD_REQUEST, "A key of the set is not a JSON object");
    jwk->kid = fhir_node_string(node, "kid", pool);
    jwk->alg = fhir_node_string(node, "alg", pool);
    jwk->kty = fhir_node_string(node, "kty", pool);
    if (!jwk->kty)
        return bad_key(pool, jwk, "has no kty");
    if (fhir_node_get(node, "d") || fhir_node_get(node, "p") || fhir_node_get(node, "k"))
        return bad_key(pool, jwk,
                       "has private members: create a new pair, and register only its public key");
    if (!is_for_signatures(node) || (jwk->alg && !fhir_jose_alg(jwk->alg)))
        return NULL;
    if (!strcmp(jwk->kty, "RSA"))
        return read_rsa(jwk, node, pool);
    int curve = curve_by_name(fhir_node_string(node, "crv", pool));
    return strcmp(jwk->kty, "EC") == 0 && curve >= 0 ? read_ec(jwk, node, curve, pool) : NULL;
}

static int has_kid(const fhir_jwks_t *set, const fhir_jwk_t *jwk)
{
    for (int i = 0; i < set->n; i++)
        if (jwk->kid && set->keys[i].kid && !strcmp(set->keys[i].kid, jwk->kid) &&
            !strcmp(set->keys[i].kty, jwk->kty))
            return 1;
    return 0;
}

fhir_err_t *fhir_jwks_parse(fhir_jwks_t *out, const char *json, apr_size_t len, apr_pool_t *pool)
{
    static const fhir_node_limits_t limits = {.max_depth = 8, .max_nodes = 4000};
    out->n = 0;
    if (len > FHIR_JWKS_MAX)
        return fhir_err_create(pool, FHIR_ERR_TOO_LARGE, "The key set is longer than %d bytes",
                               FHIR_JWKS_MAX);
    fhir_node_t *root;
    FHIR_TRY(fhir_node_parse_json(&root, json, len, &limits, pool));
    const fhir_node_t *keys = fhir_node_get(root, "keys");
    if (keys ? keys->kind != FHIR_NODE_ARRAY : !fhir_node_get(root, "kty"))
        return fhir_err_create(pool, FHIR_ERR_BAD_REQUEST,
                               "This is not a JSON Web Key Set: it has no array \"keys\"");
    const fhir_node_t *node = keys ? keys->child : root;
    if (keys && fhir_node_count(keys) > FHIR_JWKS_KEYS_MAX)
        return fhir_err_create(pool, FHIR_ERR_BAD_REQUEST, "The key set has more than %d keys",
                               FHIR_JWKS_KEYS_MAX);
    out->keys = apr_pcalloc(pool, FHIR_JWKS_KEYS_MAX * sizeof(*out->keys));
    for (; node; node = node->next) {
        fhir_jwk_t *jwk = &out->keys[out->n];
        FHIR_TRY(read_key(jwk, node, pool));
        if (!jwk->key)
            continue;
        if (has_kid(out, jwk))
            return bad_key(pool, jwk, "appears twice");
        out->n++;
    }
    return out->n ? NULL
                  : fhir_err_create(pool, FHIR_ERR_BAD_REQUEST,
                                    "The key set has no RSA or EC key (P-256, P-384) for "
                                    "signatures");
}

/* ---- our own ---- */

fhir_err_t *fhir_jwk_generate(EVP_PKEY **key, const char *alg_name, apr_pool_t *pool)
{
    const fhir_jose_alg_t *alg = fhir_jose_alg(alg_name);
    int curve = alg ? curve_by_name(alg->curve) : -1;
    *key = !alg        ? NULL
           : curve < 0 ? own(EVP_RSA_gen(RSA_BITS_MIN), pool)
                       : own(EVP_EC_gen(curves[curve].group), pool);
    return *key ? NULL : fhir_jose_failure(pool, "make a key");
}

static apr_status_t free_bio(void *bio)
{
    BIO_free_all(bio);
    return APR_SUCCESS;
}

fhir_err_t *fhir_jwk_read_pem(EVP_PKEY **key, const char *pem, apr_pool_t *pool)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    /* the password of a key is empty: OpenSSL must not ask for one on a terminal */
    *key = bio ? own(PEM_read_bio_PrivateKey(bio, NULL, NULL, (char[]){""}), pool) : NULL;
    BIO_free_all(bio);
    return *key ? NULL
                : fhir_err_create(pool, FHIR_ERR_BAD_REQUEST,
                                  "This is not a private key in PEM, or it has a password");
}

fhir_err_t *fhir_jwk_write_pem(const char **pem, EVP_PKEY *key, apr_pool_t *pool)
{
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio)
        apr_pool_cleanup_register(pool, bio, free_bio, apr_pool_cleanup_null);
    if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
        return fhir_jose_failure(pool, "write a key");
    char *text;
    long len = BIO_get_mem_data(bio, &text);
    *pem = apr_pstrmemdup(pool, text, (apr_size_t)len);
    return NULL;
}

/* A number of the key in base64url, with leading zeros up to size bytes. */
static const char *number(EVP_PKEY *key, const char *name, int size, apr_pool_t *pool)
{
    BIGNUM *n = NULL;
    const char *text = NULL;
    if (EVP_PKEY_get_bn_param(key, name, &n) == 1) {
        int len = size ? size : BN_num_bytes(n);
        unsigned char bytes[RSA_BITS_MAX / 8];
        if (len <= (int)sizeof(bytes) && BN_bn2binpad(n, bytes, len) == len)
            text = fhir_base64_encode(bytes, (apr_size_t)len, FHIR_BASE64_TOKEN, pool);
    }
    BN_free(n);
    return text;
}

/* Members in the order of RFC 7638, section 3.2, without the braces. */
static fhir_err_t *canonical(const char **out, EVP_PKEY *key, apr_pool_t *pool)
{
    int curve = curve_of(key);
    const char *a, *b;
    if (EVP_PKEY_is_a(key, "RSA")) {
        a = number(key, OSSL_PKEY_PARAM_RSA_E, 0, pool);
        b = number(key, OSSL_PKEY_PARAM_RSA_N, 0, pool);
        *out = apr_psprintf(pool, "\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"", a, b);
    }
    else {
        if (curve < 0)
            return fhir_err_create(pool, FHIR_ERR_BAD_REQUEST,
                                   "The key is neither RSA nor EC on P-256 or P-384");
        a = number(key, OSSL_PKEY_PARAM_EC_PUB_X, curves[curve].bytes, pool);
        b = number(key, OSSL_PKEY_PARAM_EC_PUB_Y, curves[curve].bytes, pool);
        *out = apr_psprintf(pool, "\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"",
                            curves[curve].jwk, a, b);
    }
    return a && b ? NULL : fhir_jose_failure(pool, "print a key");
}

fhir_err_t *fhir_jwk_print(const char **json, EVP_PKEY *key, const char *kid, const char *alg,
                           apr_pool_t *pool)
{
    const char *members;
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    FHIR_TRY(canonical(&members, key, pool));
    fhir_buf_printf(buf, "{%s,\"use\":\"sig\"", members);
    if (alg)
        fhir_buf_printf(buf, ",\"alg\":\"%s\"", alg);
    if (kid) {
        fhir_buf_puts(buf, ",\"kid\":");
        fhir_buf_json_string(buf, kid, strlen(kid));
    }
    fhir_buf_putc(buf, '}');
    *json = fhir_buf_cstr(buf);
    return NULL;
}

fhir_err_t *fhir_jwk_thumbprint(const char **kid, EVP_PKEY *key, apr_pool_t *pool)
{
    const char *members;
    FHIR_TRY(canonical(&members, key, pool));
    const char *text = apr_pstrcat(pool, "{", members, "}", NULL);
    fhir_digest_t digest;
    fhir_digest_sha256(digest.byte, text, strlen(text));
    *kid = fhir_base64_encode(digest.byte, FHIR_DIGEST_LEN, FHIR_BASE64_TOKEN, pool);
    return NULL;
}
