/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of tokens and passwords in PostgreSQL's form. */
#include "core/fhir_secret.h"

#include <apr_strings.h>
#include <string.h>

#include "core/fhir_hex.h"

int fhir_secret_same(const char *a, const char *b)
{
    apr_size_t len = strlen(a);
    return len == strlen(b) && fhir_digest_equal(a, b, len);
}

const char *fhir_secret_bytea(const fhir_digest_t *digest, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "\\x", fhir_digest_hex(digest->byte, pool), NULL);
}

const char *fhir_secret_bytea_of(const char *s, apr_pool_t *pool)
{
    fhir_digest_t digest;
    fhir_digest_sha256(digest.byte, s, strlen(s));
    return fhir_secret_bytea(&digest, pool);
}

int fhir_secret_read_hex(fhir_digest_t *out, const char *hex)
{
    if (hex[0] == '\\' && hex[1] == 'x')
        hex += 2;
    return strlen(hex) == 2 * (apr_size_t)FHIR_DIGEST_LEN &&
           fhir_hex_decode(out->byte, hex, 2 * (apr_size_t)FHIR_DIGEST_LEN);
}
