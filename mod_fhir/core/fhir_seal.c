/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing and opening. A word is base64url of the tag and the encrypted text. */
#include "core/fhir_seal.h"

#include <apr_strings.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "core/fhir_base64.h"
#include "core/fhir_digest.h"

#define TAG 16

struct fhir_seal_key_t {
    EVP_MAC_CTX *mac;   /* with the tag's key; copied for each use */
    EVP_CIPHER *cipher; /* AES-256-CTR */
    unsigned char cipher_key[FHIR_DIGEST_LEN];
};

static fhir_err_t *fail(apr_pool_t *pool)
{
    return fhir_err_detail(
        fhir_err_create(pool, FHIR_ERR_INTERNAL, "The server could not complete the request"), pool,
        "OpenSSL gives no HMAC-SHA256 or AES-256-CTR");
}

/* Derives two keys from one, for the tag and for the cipher. */
static void derive(unsigned char out[FHIR_DIGEST_LEN], const unsigned char *key,
                   const char *purpose, const char *part, apr_pool_t *pool)
{
    const char *label = apr_pstrcat(pool, purpose, " ", part, NULL);
    fhir_digest_hmac(out, key, FHIR_SEAL_KEY, label, strlen(label));
}

static apr_status_t free_key(void *data)
{
    fhir_seal_key_t *key = data;
    EVP_MAC_CTX_free(key->mac);
    EVP_CIPHER_free(key->cipher);
    fhir_digest_wipe(key->cipher_key, sizeof(key->cipher_key));
    return APR_SUCCESS;
}

fhir_err_t *fhir_seal_key_create(const fhir_seal_key_t **out, const unsigned char *bytes,
                                 const char *purpose, apr_pool_t *pool)
{
    fhir_seal_key_t *key = apr_pcalloc(pool, sizeof(*key));
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    OSSL_PARAM sha256[] = {OSSL_PARAM_construct_utf8_string("digest", (char[]){"SHA256"}, 0),
                           OSSL_PARAM_construct_end()};
    apr_pool_cleanup_register(pool, key, free_key, apr_pool_cleanup_null);
    key->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
    key->mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    EVP_MAC_free(hmac);
    if (!key->cipher || !key->mac)
        return fail(pool);
    derive(key->cipher_key, bytes, purpose, "cipher", pool);
    unsigned char tag_key[FHIR_DIGEST_LEN];
    derive(tag_key, bytes, purpose, "tag", pool);
    int ok = EVP_MAC_init(key->mac, tag_key, sizeof(tag_key), sha256) == 1;
    fhir_digest_wipe(tag_key, sizeof(tag_key));
    if (!ok)
        return fail(pool);
    *out = key;
    return NULL;
}

/* The context's length stands before it, so that none of its bytes can be taken for the text. */
static int make_tag(unsigned char tag[TAG], const fhir_seal_text_t *text,
                    const fhir_seal_key_t *key)
{
    unsigned char head[4];
    size_t full_len = 0;
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(key->mac);
    for (int i = 0; i < 4; i++)
        head[i] = (unsigned char)(text->context_len >> (8 * i));
    unsigned char full[FHIR_DIGEST_LEN];
    int ok = ctx && EVP_MAC_update(ctx, head, sizeof(head)) == 1 &&
             EVP_MAC_update(ctx, text->context, text->context_len) == 1 &&
             EVP_MAC_update(ctx, text->text, text->len) == 1 &&
             EVP_MAC_final(ctx, full, &full_len, sizeof(full)) == 1 && full_len == sizeof(full);
    if (ok)
        memcpy(tag, full, TAG);
    EVP_MAC_CTX_free(ctx);
    return ok;
}

/* AES-256-CTR; encryption and decryption are the same. */
static int cipher(unsigned char *out, const unsigned char *in, apr_size_t len,
                  const unsigned char *tag, const fhir_seal_key_t *key)
{
    int n = 0;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int ok = ctx && EVP_EncryptInit_ex2(ctx, key->cipher, key->cipher_key, tag, NULL) == 1 &&
             EVP_EncryptUpdate(ctx, out, &n, in, (int)len) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

fhir_err_t *fhir_seal(const char **word, const fhir_seal_text_t *text, const fhir_seal_key_t *key,
                      apr_pool_t *pool)
{
    unsigned char *sealed = apr_palloc(pool, TAG + text->len);
    if (!make_tag(sealed, text, key) || !cipher(sealed + TAG, text->text, text->len, sealed, key))
        return fail(pool);
    *word = fhir_base64_encode(sealed, TAG + text->len, FHIR_BASE64_TOKEN, pool);
    return NULL;
}

int fhir_seal_open(fhir_seal_text_t *text, const char *word, const fhir_seal_key_t *key,
                   apr_pool_t *pool)
{
    apr_size_t word_len = strlen(word), len;
    char *sealed;
    if (word_len > FHIR_SEAL_WORD_MAX ||
        !fhir_base64_decode(&sealed, &len, word, word_len, FHIR_BASE64_TOKEN, pool) || len < TAG)
        return 0;
    unsigned char *opened = apr_pcalloc(pool, len - TAG + 1);
    fhir_seal_text_t found = {text->context, text->context_len, opened, len - TAG};
    unsigned char tag[TAG];
    if (!cipher(opened, (unsigned char *)sealed + TAG, len - TAG, (unsigned char *)sealed, key) ||
        !make_tag(tag, &found, key) || !fhir_digest_equal(tag, sealed, TAG))
        return 0;
    *text = found;
    return 1;
}
