/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_digest.h
 * @brief SHA-256, HMAC-SHA256, and comparing and wiping secrets.
 * Source: FIPS 180-4, RFC 2104
 *
 * No function here fails. OpenSSL refuses a digest only if it has no memory or no SHA-256 at all;
 * then the process ends, as it does when APR has no memory. A caller that went on with a digest
 * that was not made might let somebody in. All may be called from any thread.
 */
#ifndef FHIR_DIGEST_H
#define FHIR_DIGEST_H

#include <apr_pools.h>

#define FHIR_DIGEST_LEN 32 /* bytes of SHA-256 */

/** A digest that is copied and kept as one value. */
typedef struct fhir_digest_t {
    unsigned char byte[FHIR_DIGEST_LEN];
} fhir_digest_t;

/** The SHA-256 of len bytes. */
void fhir_digest_sha256(unsigned char out[FHIR_DIGEST_LEN], const void *data, apr_size_t len);

/** The HMAC-SHA256 of len bytes. */
void fhir_digest_hmac(unsigned char out[FHIR_DIGEST_LEN], const void *key, apr_size_t key_len,
                      const void *data, apr_size_t len);

/** A SHA-256 of several pieces: create, add, finish once. Lives as long as its pool. */
typedef struct fhir_digest_ctx_t fhir_digest_ctx_t;
fhir_digest_ctx_t *fhir_digest_create(apr_pool_t *pool);
void fhir_digest_add(fhir_digest_ctx_t *digest, const void *data, apr_size_t len);
void fhir_digest_finish(unsigned char out[FHIR_DIGEST_LEN], fhir_digest_ctx_t *digest);

/** A digest as 64 hexadecimal digits. */
const char *fhir_digest_hex(const unsigned char digest[FHIR_DIGEST_LEN], apr_pool_t *pool);

/** 1 if len bytes are equal. The time it takes does not depend on where they differ. */
int fhir_digest_equal(const void *a, const void *b, apr_size_t len);

/** Overwrites a secret; the compiler does not drop it as it may drop a memset. */
void fhir_digest_wipe(void *secret, apr_size_t len);

#endif
