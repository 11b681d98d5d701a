/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of tokens and passwords, and their forms. */
#include "core/fhir_secret.h"

#include <apr_strings.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "core/fhir_digest.h"
#include "core/fhir_hex.h"

/* OpenSSL fails at this for want of memory alone. Then the process ends, as it does when APR has no
 * memory: what is compared with a digest that was not made would let somebody in. */
static void must(int made)
{
    if (!made)
        abort();
}

void fhir_secret_digest(fhir_digest_t *out, const char *s, apr_size_t len)
{
    must(EVP_Digest(s, len, out->byte, NULL, EVP_sha256(), NULL) == 1);
}

void fhir_secret_mac(fhir_digest_t *out, const fhir_digest_t *key, const char *s, apr_size_t len)
{
    unsigned out_len = FHIR_DIGEST;
    must(HMAC(EVP_sha256(), key->byte, FHIR_DIGEST, (const unsigned char *)s, len, out->byte,
              &out_len) != NULL);
}

int fhir_secret_same(const char *a, const char *b)
{
    apr_size_t len = strlen(a);
    return len == strlen(b) && fhir_digest_equal(a, b, len);
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
