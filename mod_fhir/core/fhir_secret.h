/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_secret.h
 * @brief Secrets: digests, keyed digests, comparisons that take the same time.
 */
#ifndef FHIR_SECRET_H
#define FHIR_SECRET_H

#include <apr_pools.h>

#include "core/fhir_err.h"

#define FHIR_DIGEST 32 /* bytes of SHA-256 */
typedef struct fhir_digest_t {
    unsigned char byte[FHIR_DIGEST];
} fhir_digest_t;

/** SHA-256 of a text. */
void fhir_secret_digest(fhir_digest_t *out, const char *s, apr_size_t len);
/** HMAC-SHA256 of a text with a key of FHIR_DIGEST bytes. */
void fhir_secret_mac(fhir_digest_t *out, const fhir_digest_t *key, const char *s, apr_size_t len);
/** 1 if both are equal; the time does not depend on where they differ. */
int fhir_secret_equal(const void *a, const void *b, apr_size_t len);
/** The same for texts; only their lengths may show. */
int fhir_secret_same(const char *a, const char *b);

/** URL-safe base64 without padding (RFC 7515, section 2). */
const char *fhir_secret_base64url(const void *data, apr_size_t len, apr_pool_t *pool);
/** Decodes it; NULL unless every letter is of the alphabet and the unused bits are zero. */
unsigned char *fhir_secret_unbase64url(apr_size_t *len, const char *s, apr_size_t s_len,
                                       apr_pool_t *pool);
/** A digest as PostgreSQL reads a bytea: "\x" and 64 hexadecimal digits. */
const char *fhir_secret_bytea(const fhir_digest_t *digest, apr_pool_t *pool);
/** The digest of a text in that form. */
const char *fhir_secret_bytea_of(const char *s, apr_pool_t *pool);
/** Reads 64 hexadecimal digits, "\x" before them or not; 0 if there are others. */
int fhir_secret_read_hex(fhir_digest_t *out, const char *hex);

#endif
