/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_secret.h
 * @brief Secrets as they are kept and compared: their digests, and the forms of these.
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
/** 1 if both texts are equal; the time shows their lengths at most. */
int fhir_secret_same(const char *a, const char *b);

/** A digest as PostgreSQL reads a bytea: "\x" and 64 hexadecimal digits. */
const char *fhir_secret_bytea(const fhir_digest_t *digest, apr_pool_t *pool);
/** The digest of a text in that form. */
const char *fhir_secret_bytea_of(const char *s, apr_pool_t *pool);
/** Reads 64 hexadecimal digits, "\x" before them or not; 0 if there are others. */
int fhir_secret_read_hex(fhir_digest_t *out, const char *hex);

#endif
