/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_pairs.h
 * @brief The parameters of a query string or of a form, in their order.
 * Source: https://url.spec.whatwg.org/#application/x-www-form-urlencoded
 */
#ifndef FHIR_PAIRS_H
#define FHIR_PAIRS_H

#include "core/fhir_err.h"

/** One parameter, percent-decoded; both sides are terminated UTF-8 without NUL, never NULL. */
typedef struct fhir_pair_t {
    const char *name; /* with its modifier or chain: "subject:Patient.name"; never "" */
    const char
        *value; /* "" for a parameter without "="; FHIR's own escapes (\\,) are still there */
} fhir_pair_t;

typedef struct fhir_pairs_t {
    int n;
    fhir_pair_t *list; /* may be NULL when n is 0 */
} fhir_pairs_t;

/**
 * Splits "a=b&c=d" at "&" and the first "=", and decodes both sides ("+" is a blank). Empty parts
 * are dropped.
 * @param query      NULL stands for ""
 * @param max_bytes  longest query accepted; 0: any
 * @return NULL; FHIR_ERR_SYNTAX for an escape that is not %XX, or bytes that are not UTF-8;
 *         FHIR_ERR_PARAM_VALUE for a value without a name; FHIR_ERR_LIMIT beyond max_bytes
 */
fhir_err_t *fhir_pairs_parse(fhir_pairs_t *pairs, const char *query, apr_size_t max_bytes,
                             apr_pool_t *pool);
/** Appends the parameters of `more`; the new list lies in pool, the strings stay where they are. */
void fhir_pairs_append(fhir_pairs_t *pairs, const fhir_pairs_t *more, apr_pool_t *pool);
/** The value of the first parameter of that name, or NULL. */
const char *fhir_pairs_get(const fhir_pairs_t *pairs, const char *name);
/** The values of all parameters of that name with commas between them, or NULL. */
const char *fhir_pairs_join(const fhir_pairs_t *pairs, const char *name, apr_pool_t *pool);

#endif
