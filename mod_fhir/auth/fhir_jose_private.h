/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_jose_private.h
 * @brief What fhir_jose.c and fhir_jwk.c share: the algorithms, as a table.
 */
#ifndef FHIR_JOSE_PRIVATE_H
#define FHIR_JOSE_PRIVATE_H

#include "auth/fhir_jose.h"
#include "core/fhir_base64.h"

/** A signature algorithm of RFC 7518, section 3. */
typedef struct fhir_jose_alg_t {
    const char *name, *kty;
    const char *digest; /* OpenSSL's name */
    const char *curve;  /* JWK's crv, or NULL */
    int half;           /* bytes of r and of s; 0: RSA */
} fhir_jose_alg_t;

/** The algorithm of that name, or NULL. */
const fhir_jose_alg_t *fhir_jose_alg(const char *name);
/** 1 if an EC key is on the algorithm's curve. */
int fhir_jwk_is_on(EVP_PKEY *key, const fhir_jose_alg_t *alg);
/** FHIR_ERR_INTERNAL: OpenSSL failed; `what` is for the log. Never NULL. */
fhir_err_t *fhir_jose_failure(apr_pool_t *pool, const char *what);

/** Decodes base64url without padding (RFC 7515, section 2), with a NUL behind it that len does not
 *  count; NULL when it has other letters, or bits left over that are not 0. */
static inline unsigned char *fhir_jose_decode(apr_size_t *len, const char *s, apr_size_t s_len,
                                              apr_pool_t *pool)
{
    char *out;
    return fhir_base64_decode(&out, len, s, s_len, FHIR_BASE64_TOKEN, pool) ? (unsigned char *)out
                                                                            : NULL;
}

#endif
