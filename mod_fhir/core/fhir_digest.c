/* SPDX-License-Identifier: Apache-2.0 */
/* Digests by OpenSSL. */
#include "core/fhir_digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

struct fhir_digest_ctx_t {
    EVP_MD_CTX *ctx;
    int failed;
    apr_pool_t *pool;
};

static fhir_err_t *fail(apr_pool_t *pool)
{
    return fhir_err_detail(
        fhir_err_create(pool, FHIR_ERR_INTERNAL, "The server could not complete the request"), pool,
        "OpenSSL gives no SHA-256");
}

fhir_err_t *fhir_digest_sha256(unsigned char out[FHIR_DIGEST_LEN], const void *data, apr_size_t len,
                               apr_pool_t *pool)
{
    return EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) == 1 ? NULL : fail(pool);
}

fhir_err_t *fhir_digest_hmac(unsigned char out[FHIR_DIGEST_LEN], const void *key,
                             apr_size_t key_len, const void *data, apr_size_t len, apr_pool_t *pool)
{
    unsigned n = FHIR_DIGEST_LEN;
    return HMAC(EVP_sha256(), key, (int)key_len, data, len, out, &n) ? NULL : fail(pool);
}

static apr_status_t free_ctx(void *data)
{
    fhir_digest_ctx_t *digest = data;
    EVP_MD_CTX_free(digest->ctx);
    digest->ctx = NULL;
    return APR_SUCCESS;
}

fhir_err_t *fhir_digest_create(fhir_digest_ctx_t **out, apr_pool_t *pool)
{
    fhir_digest_ctx_t *digest = apr_pcalloc(pool, sizeof(*digest));
    digest->pool = pool;
    digest->ctx = EVP_MD_CTX_new();
    if (!digest->ctx)
        return fail(pool);
    apr_pool_cleanup_register(pool, digest, free_ctx, apr_pool_cleanup_null);
    if (EVP_DigestInit_ex(digest->ctx, EVP_sha256(), NULL) != 1)
        return fail(pool);
    *out = digest;
    return NULL;
}

void fhir_digest_add(fhir_digest_ctx_t *digest, const void *data, apr_size_t len)
{
    if (EVP_DigestUpdate(digest->ctx, data, len) != 1)
        digest->failed = 1;
}

fhir_err_t *fhir_digest_finish(unsigned char out[FHIR_DIGEST_LEN], fhir_digest_ctx_t *digest)
{
    int ok = !digest->failed && EVP_DigestFinal_ex(digest->ctx, out, NULL) == 1;
    apr_pool_cleanup_run(digest->pool, digest, free_ctx);
    return ok ? NULL : fail(digest->pool);
}

int fhir_digest_equal(const void *a, const void *b, apr_size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

void fhir_digest_wipe(void *secret, apr_size_t len)
{
    OPENSSL_cleanse(secret, len);
}
