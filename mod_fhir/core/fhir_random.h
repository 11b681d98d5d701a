/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_random.h
 * @brief Unpredictable bytes from the kernel: keys, tokens, ids. Usable by any thread.
 */
#ifndef FHIR_RANDOM_H
#define FHIR_RANDOM_H

#include "core/fhir_err.h"

/** Fills out with len random bytes, fit for keys; 1, or 0 if the kernel gives none. */
int fhir_random(void *out, apr_size_t len);

/** The same with an error that says so.
 *  @return NULL, or FHIR_ERR_INTERNAL if the kernel gives none */
fhir_err_t *fhir_random_bytes(void *out, apr_size_t len, apr_pool_t *pool);

/** A word of base64url that stands for n random bytes: a token, a code, a client id. 32 bytes (43
 *  letters) cannot be guessed. It does not begin with a hyphen, so that commands take
 *  it as an argument.
 *  @return as fhir_random_bytes */
fhir_err_t *fhir_random_word(const char **word, apr_size_t n, apr_pool_t *pool);

/** A resource's id: a UUID whose start is the time, so that ids made one after the other lie
 * together in an index (RFC 9562 section 5.7, version 7).
 *  @return as fhir_random_bytes */
fhir_err_t *fhir_random_id(const char **id, apr_pool_t *pool);

#endif
