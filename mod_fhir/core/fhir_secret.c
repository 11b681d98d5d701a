/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets. Digests and random numbers are OpenSSL's; base64url is written here, because RFC 7515
 * wants what is not canonical refused, and APR's decoder takes it.
 */
#include "core/fhir_secret.h"

#include <apr_strings.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "core/fhir_hex.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void fhir_secret_digest(fhir_digest_t *out, const char *s, apr_size_t len)
{
    EVP_Digest(s, len, out->byte, NULL, EVP_sha256(), NULL);
}

void fhir_secret_mac(fhir_digest_t *out, const fhir_digest_t *key, const char *s, apr_size_t len)
{
    unsigned out_len = FHIR_DIGEST;
    HMAC(EVP_sha256(), key->byte, FHIR_DIGEST, (const unsigned char *)s, len, out->byte, &out_len);
}

int fhir_secret_equal(const void *a, const void *b, apr_size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

int fhir_secret_same(const char *a, const char *b)
{
    apr_size_t len = strlen(a);
    return len == strlen(b) && CRYPTO_memcmp(a, b, len) == 0;
}

const char *fhir_secret_base64url(const void *data, apr_size_t len, apr_pool_t *pool)
{
    const unsigned char *in = data;
    char *out = apr_palloc(pool, len / 3 * 4 + 5), *at = out;
    apr_uint32_t bits = 0;
    int n = 0;
    for (apr_size_t i = 0; i < len; i++) {
        bits = bits << 8 | in[i];
        for (n += 8; n >= 6; n -= 6)
            *at++ = letters[bits >> (n - 6) & 63];
    }
    if (n)
        *at++ = letters[bits << (6 - n) & 63];
    *at = '\0';
    return out;
}

unsigned char *fhir_secret_unbase64url(apr_size_t *len, const char *s, apr_size_t s_len,
                                       apr_pool_t *pool)
{
    unsigned char *out = apr_palloc(pool, s_len / 4 * 3 + 4), *at = out;
    apr_uint32_t bits = 0;
    int n = 0;
    if (s_len % 4 == 1)
        return NULL;
    for (apr_size_t i = 0; i < s_len; i++) {
        const char *letter = s[i] ? strchr(letters, s[i]) : NULL;
        if (!letter)
            return NULL;
        bits = bits << 6 | (apr_uint32_t)(letter - letters);
        n += 6;
        if (n >= 8) {
            n -= 8;
            *at++ = (unsigned char)(bits >> n);
        }
    }
    if (bits & ((1u << n) - 1))
        return NULL;
    *at = '\0'; /* text can be read as such; not counted */
    *len = (apr_size_t)(at - out);
    return out;
}

const char *fhir_secret_bytea(const fhir_digest_t *digest, apr_pool_t *pool)
{
    char *text = apr_palloc(pool, 2 + 2 * FHIR_DIGEST + 1);
    text[0] = '\\';
    text[1] = 'x';
    fhir_hex_encode(text + 2, digest->byte, FHIR_DIGEST);
    return text;
}

const char *fhir_secret_bytea_of(const char *s, apr_pool_t *pool)
{
    fhir_digest_t digest;
    fhir_secret_digest(&digest, s, strlen(s));
    return fhir_secret_bytea(&digest, pool);
}

int fhir_secret_read_hex(fhir_digest_t *out, const char *hex)
{
    if (hex[0] == '\\' && hex[1] == 'x')
        hex += 2;
    return strlen(hex) == 2 * (apr_size_t)FHIR_DIGEST &&
           fhir_hex_decode(out->byte, hex, 2 * (apr_size_t)FHIR_DIGEST);
}
