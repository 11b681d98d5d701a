/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing and opening page links. The construction is that of SIV: the HMAC-SHA256 of context and
 * text, cut to 16 bytes, is tag and at once the start of AES-256-CTR over the text. So equal input
 * seals equally, and no nonce can be used twice for different texts.
 *
 * Text: one byte of flags, then each field as a byte (0 NULL, 1 text) and its bytes with a NUL.
 */
#include "fhir/search/fhir_cursor.h"

#include <apr_encode.h>
#include <apr_strings.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <string.h>

#define TAG      16
#define BACKWARD 0x01
#define WORD_MAX 16384

struct fhir_cursor_key_t {
    EVP_MAC_CTX *mac;   /* with the tag's key; copied for each use */
    EVP_CIPHER *cipher; /* AES-256-CTR */
    unsigned char cipher_key[32];
};

/* Two keys of one: for the tag and for the cipher. */
static int derive(unsigned char out[32], const unsigned char *key, const char *label)
{
    unsigned len = 32;
    return HMAC(EVP_sha256(), key, FHIR_CURSOR_KEY, (const unsigned char *)label, strlen(label),
                out, &len) != NULL;
}

static apr_status_t free_key(void *data)
{
    fhir_cursor_key_t *key = data;
    EVP_MAC_CTX_free(key->mac);
    EVP_CIPHER_free(key->cipher);
    OPENSSL_cleanse(key->cipher_key, sizeof(key->cipher_key));
    return APR_SUCCESS;
}

fhir_err_t *fhir_cursor_key_create(const fhir_cursor_key_t **out, const unsigned char *bytes,
                                   apr_pool_t *pool)
{
    fhir_cursor_key_t *key = apr_pcalloc(pool, sizeof(*key));
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    OSSL_PARAM sha256[] = {OSSL_PARAM_construct_utf8_string("digest", (char[]){"SHA256"}, 0),
                           OSSL_PARAM_construct_end()};
    unsigned char tag_key[32];
    int ok;
    apr_pool_cleanup_register(pool, key, free_key, apr_pool_cleanup_null);
    key->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
    key->mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    EVP_MAC_free(hmac);
    ok = key->cipher && key->mac && derive(tag_key, bytes, "fhir page link tag") &&
         derive(key->cipher_key, bytes, "fhir page link cipher") &&
         EVP_MAC_init(key->mac, tag_key, sizeof(tag_key), sha256) == 1;
    OPENSSL_cleanse(tag_key, sizeof(tag_key));
    if (!ok)
        return fhir_err_detail(
            fhir_err_create(pool, FHIR_ERR_INTERNAL, "The server could not complete the request"),
            pool, "OpenSSL has no HMAC-SHA256 or AES-256-CTR");
    *out = key;
    return NULL;
}

static void add_text(EVP_MAC_CTX *ctx, const char *s)
{
    const char *text = s ? s : "";
    EVP_MAC_update(ctx, (const unsigned char *)(s ? "\1" : "\0"), 1);
    EVP_MAC_update(ctx, (const unsigned char *)text, strlen(text) + 1);
}

/* What a grant lets be seen is part of what the link is bound to. */
static void add_grant(EVP_MAC_CTX *ctx, const fhir_grant_t *grant)
{
    unsigned char head[2] = {(unsigned char)grant->all, (unsigned char)grant->n_scopes};
    EVP_MAC_update(ctx, head, sizeof(head));
    add_text(ctx, grant->owner);
    add_text(ctx, grant->patient);
    for (int i = 0; i < grant->n_scopes; i++) {
        const fhir_grant_scope_t *scope = &grant->scopes[i];
        unsigned char fixed[8] = {(unsigned char)(scope->type >> 8), (unsigned char)scope->type,
                                  (unsigned char)scope->rights,
                                  (unsigned char)(scope->patient_only != 0)};
        EVP_MAC_update(ctx, fixed, sizeof(fixed));
        add_text(ctx, scope->query);
    }
}

typedef struct seal_t {
    const fhir_cursor_key_t *key;
    const char *context;
    apr_size_t context_len;
    const fhir_grant_t *grant;
} seal_t;

static int make_tag(unsigned char tag[TAG], const seal_t *seal, const unsigned char *text,
                    apr_size_t len)
{
    unsigned char full[32];
    size_t full_len = 0;
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(seal->key->mac);
    int ok = ctx != NULL;
    if (ok) {
        EVP_MAC_update(ctx, (const unsigned char *)seal->context, seal->context_len);
        add_grant(ctx, seal->grant);
        EVP_MAC_update(ctx, text, len);
        ok = EVP_MAC_final(ctx, full, &full_len, sizeof(full)) == 1 && full_len == sizeof(full);
    }
    if (ok)
        memcpy(tag, full, TAG);
    EVP_MAC_CTX_free(ctx);
    return ok;
}

/* AES-256-CTR: the same both ways. */
static int cipher(unsigned char *out, const unsigned char *in, apr_size_t len,
                  const unsigned char *tag, const fhir_cursor_key_t *key)
{
    int n = 0, ok;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    ok = ctx && EVP_EncryptInit_ex2(ctx, key->cipher, key->cipher_key, tag, NULL) == 1 &&
         EVP_EncryptUpdate(ctx, out, &n, in, (int)len) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

static unsigned char *write_text(apr_size_t *len, const fhir_cursor_t *cursor, apr_pool_t *pool)
{
    apr_size_t size = 1;
    unsigned char *text, *p;
    for (int i = 0; i < cursor->n; i++)
        size += 2 + (cursor->field[i] ? strlen(cursor->field[i]) : 0);
    p = text = apr_palloc(pool, size);
    *p++ = cursor->backward ? BACKWARD : 0;
    for (int i = 0; i < cursor->n; i++) {
        const char *s = cursor->field[i];
        apr_size_t n = s ? strlen(s) : 0;
        *p++ = s != NULL;
        memcpy(p, s ? s : "", n + 1);
        p += n + 1;
    }
    *len = size;
    return text;
}

static int read_text(fhir_cursor_t *cursor, unsigned char *text, apr_size_t len)
{
    unsigned char *p = text + 1, *end = text + len;
    memset(cursor, 0, sizeof(*cursor));
    if (!len)
        return 0;
    cursor->backward = text[0] & BACKWARD;
    while (p < end) {
        unsigned char *nul = memchr(p + 1, 0, (apr_size_t)(end - p) - 1);
        if (!nul || cursor->n == FHIR_CURSOR_FIELDS_MAX)
            return 0;
        cursor->field[cursor->n++] = *p ? (const char *)p + 1 : NULL;
        p = nul + 1;
    }
    return 1;
}

static const char *encode(const unsigned char *bytes, apr_size_t len, apr_pool_t *pool)
{
    return apr_pencode_base64_binary(pool, bytes, (apr_ssize_t)len,
                                     APR_ENCODE_URL | APR_ENCODE_NOPADDING, NULL);
}

const char *fhir_cursor_seal(const fhir_cursor_t *cursor, const fhir_cursor_key_t *key,
                             const char *context, apr_size_t context_len, const fhir_grant_t *grant,
                             apr_pool_t *pool)
{
    seal_t seal = {key, context, context_len, grant};
    apr_size_t len;
    unsigned char *text = write_text(&len, cursor, pool);
    unsigned char *sealed = apr_palloc(pool, TAG + len);
    if (!make_tag(sealed, &seal, text, len) || !cipher(sealed + TAG, text, len, sealed, key))
        return NULL;
    return encode(sealed, TAG + len, pool);
}

fhir_err_t *fhir_cursor_open(fhir_cursor_t *cursor, const char *word, const fhir_cursor_key_t *key,
                             const char *context, apr_size_t context_len, const fhir_grant_t *grant,
                             apr_pool_t *pool)
{
    seal_t seal = {key, context, context_len, grant};
    apr_size_t len = 0;
    unsigned char tag[TAG], *text;
    const unsigned char *sealed =
        strlen(word) > WORD_MAX
            ? NULL
            : apr_pdecode_base64_binary(pool, word, APR_ENCODE_STRING, APR_ENCODE_URL, &len);
    /* base64 has spare bits: only the word that was given out is taken */
    if (sealed && len > TAG && !strcmp(encode(sealed, len, pool), word)) {
        text = apr_palloc(pool, len - TAG);
        if (cipher(text, sealed + TAG, len - TAG, sealed, key) &&
            make_tag(tag, &seal, text, len - TAG) && !CRYPTO_memcmp(tag, sealed, TAG) &&
            read_text(cursor, text, len - TAG))
            return NULL;
    }
    return fhir_err_create(pool, FHIR_ERR_CURSOR,
                           "This page link was altered, or belongs to another search, user or "
                           "server; begin again with the search itself");
}
