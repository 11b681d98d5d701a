/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_secret.h
 * @brief Secrets as they are stored and compared: the database has their digests only.
 */
#ifndef FHIR_SECRET_H
#define FHIR_SECRET_H

#include "core/fhir_digest.h"

/** 1 if both texts are equal; the time shows their lengths at most. */
int fhir_secret_same(const char *a, const char *b);

/** A digest as PostgreSQL reads a bytea: "\x" and 64 hexadecimal digits. */
const char *fhir_secret_bytea(const fhir_digest_t *digest, apr_pool_t *pool);
/** The SHA-256 of a text in that form. */
const char *fhir_secret_bytea_of(const char *s, apr_pool_t *pool);
/** Reads 64 hexadecimal digits, with or without "\x" before them; 0 if there are others. */
int fhir_secret_read_hex(fhir_digest_t *out, const char *hex);

#endif
