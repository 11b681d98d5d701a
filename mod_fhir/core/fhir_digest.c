/* SPDX-License-Identifier: Apache-2.0 */
/* Digests by OpenSSL. */
#include "core/fhir_digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#include "core/fhir_hex.h"

struct fhir_digest_ctx_t {
    EVP_MD_CTX *ctx;
    apr_pool_t *pool;
};

static void must(int made)
{
    if (!made)
        abort();
}

void fhir_digest_sha256(unsigned char out[FHIR_DIGEST_LEN], const void *data, apr_size_t len)
{
    must(EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) == 1);
}

void fhir_digest_hmac(unsigned char out[FHIR_DIGEST_LEN], const void *key, apr_size_t key_len,
                      const void *data, apr_size_t len)
{
    unsigned out_len = FHIR_DIGEST_LEN;
    must(HMAC(EVP_sha256(), key, (int)key_len, data, len, out, &out_len) != NULL);
}

static apr_status_t free_ctx(void *data)
{
    fhir_digest_ctx_t *digest = data;
    EVP_MD_CTX_free(digest->ctx);
    digest->ctx = NULL;
    return APR_SUCCESS;
}

fhir_digest_ctx_t *fhir_digest_create(apr_pool_t *pool)
{
    fhir_digest_ctx_t *digest = apr_pcalloc(pool, sizeof(*digest));
    digest->pool = pool;
    digest->ctx = EVP_MD_CTX_new();
    apr_pool_cleanup_register(pool, digest, free_ctx, apr_pool_cleanup_null);
    must(digest->ctx && EVP_DigestInit_ex(digest->ctx, EVP_sha256(), NULL) == 1);
    return digest;
}

void fhir_digest_add(fhir_digest_ctx_t *digest, const void *data, apr_size_t len)
{
    must(EVP_DigestUpdate(digest->ctx, data, len) == 1);
}

void fhir_digest_finish(unsigned char out[FHIR_DIGEST_LEN], fhir_digest_ctx_t *digest)
{
    must(EVP_DigestFinal_ex(digest->ctx, out, NULL) == 1);
    apr_pool_cleanup_run(digest->pool, digest, free_ctx);
}

const char *fhir_digest_hex(const unsigned char digest[FHIR_DIGEST_LEN], apr_pool_t *pool)
{
    char *text = apr_palloc(pool, 2 * FHIR_DIGEST_LEN + 1);
    fhir_hex_encode(text, digest, FHIR_DIGEST_LEN);
    return text;
}

int fhir_digest_equal(const void *a, const void *b, apr_size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

void fhir_digest_wipe(void *secret, apr_size_t len)
{
    OPENSSL_cleanse(secret, len);
}
