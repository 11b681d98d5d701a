/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_base64.h
 * @brief Base64 in the forms that FHIR, FHIRPath and JOSE use.
 * Source: RFC 4648 sections 4 and 5; RFC 7515 section 2 (base64url)
 */
#ifndef FHIR_BASE64_H
#define FHIR_BASE64_H

#include <apr_pools.h>

/** A form: FHIR_BASE64_PLAIN, or flags added up. */
#define FHIR_BASE64_PLAIN     0 /* + and /, padded with = */
#define FHIR_BASE64_URL       1 /* - and _ in place of + and / */
#define FHIR_BASE64_NOPADDING 2 /* no = at the end */
#define FHIR_BASE64_SPACES    4 /* decoding skips white space, as FHIR's base64Binary allows */
/** The form of tokens, keys and signatures. */
#define FHIR_BASE64_TOKEN     (FHIR_BASE64_URL | FHIR_BASE64_NOPADDING)

/** Encodes len bytes; the result is terminated and allocated in pool. */
char *fhir_base64_encode(const void *data, apr_size_t len, int form, apr_pool_t *pool);

/**
 * Decodes len letters up to the first that does not belong.
 * @param out      what could be decoded, in pool, with a NUL behind it that out_len does not count;
 *                 never NULL
 * @return 1 if s is what fhir_base64_encode writes in that form (white space aside, if the form
 *         skips it), else 0: foreign letters, missing or surplus padding, bits left over that are
 *         not 0. What comes from outside and is compared or trusted is refused on 0.
 */
int fhir_base64_decode(char **out, apr_size_t *out_len, const char *s, apr_size_t len, int form,
                       apr_pool_t *pool);

#endif
