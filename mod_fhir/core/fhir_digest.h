/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_digest.h
 * @brief SHA-256, HMAC-SHA256, and comparing and wiping secrets.
 * Source: FIPS 180-4, RFC 2104
 *
 * Each fallible function here returns NULL, or FHIR_ERR_INTERNAL if OpenSSL has no SHA-256 or no
 * memory; out is then not set. All may be called from any thread.
 */
#ifndef FHIR_DIGEST_H
#define FHIR_DIGEST_H

#include "core/fhir_err.h"

#define FHIR_DIGEST_LEN 32

/** The SHA-256 of len bytes. */
fhir_err_t *fhir_digest_sha256(unsigned char out[FHIR_DIGEST_LEN], const void *data, apr_size_t len,
                               apr_pool_t *pool);

/** The HMAC-SHA256 of len bytes. */
fhir_err_t *fhir_digest_hmac(unsigned char out[FHIR_DIGEST_LEN], const void *key,
                             apr_size_t key_len, const void *data, apr_size_t len,
                             apr_pool_t *pool);

/** A SHA-256 of several pieces: create, add, finish once. Lives as long as its pool. */
typedef struct fhir_digest_ctx_t fhir_digest_ctx_t;
fhir_err_t *fhir_digest_create(fhir_digest_ctx_t **digest, apr_pool_t *pool);
/** Adds len bytes; a failure shows in fhir_digest_finish. */
void fhir_digest_add(fhir_digest_ctx_t *digest, const void *data, apr_size_t len);
fhir_err_t *fhir_digest_finish(unsigned char out[FHIR_DIGEST_LEN], fhir_digest_ctx_t *digest);

/** 1 if len bytes are equal. The time it takes does not depend on where they differ. */
int fhir_digest_equal(const void *a, const void *b, apr_size_t len);

/** Overwrites a secret; the compiler does not drop it as it may drop a memset. */
void fhir_digest_wipe(void *secret, apr_size_t len);

#endif
