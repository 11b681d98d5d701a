/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_decimal.h
 * @brief Decimals as text: exact bounds of a written precision, no binary floating point.
 * Source: http://hl7.org/fhir/R4/search.html#number
 */
#ifndef FHIR_DECIMAL_H
#define FHIR_DECIMAL_H

#include <apr_pools.h>

/** 1 if s is a FHIR decimal: -?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?; exponent at most 4 digits. */
int fhir_decimal_valid(const char *s, apr_size_t len);

/**
 * The interval that a search value covers by its significant digits: 100 → [99.5, 100.5),
 * 100.00 → [99.995, 100.005), 1e2 → [95, 105). Texts that PostgreSQL's numeric takes.
 * @return 1, or 0 when s is no decimal
 */
int fhir_decimal_bounds(const char **low, const char **high, const char *s, apr_size_t len,
                        apr_pool_t *pool);

/** value minus and plus a tenth of its magnitude (prefix ap). */
int fhir_decimal_approx(const char **low, const char **high, const char *s, apr_size_t len,
                        apr_pool_t *pool);

#endif
