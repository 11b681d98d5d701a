/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_number_terms.h
 * @brief Numbers as terms of an index: docs/schema.md, "Numbers as terms".
 */
#ifndef FHIR_NUMBER_TERMS_H
#define FHIR_NUMBER_TERMS_H

#include <apr_pools.h>

/** The places and steps, as an array of PostgreSQL, by which an index has the numbers between two
 *  bounds, decimals as text (NULL: none), and perhaps their neighbours; and ranges. */
const char *fhir_number_terms(const char *low, const char *high, apr_pool_t *pool);

#endif
