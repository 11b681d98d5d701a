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

/** A number's nearest double, whatever locale another module has set; +-HUGE_VAL, or 0, with errno
 *  ERANGE where there is none. Anything else than a number gives 0. */
double fhir_decimal_double(const char *s, apr_size_t len);

/** 1 if two JSON numbers (RFC 8259) have the same value: 100, 1e2 and 100.00. Exact, whatever their
 *  size, and linear in their length. */
int fhir_decimal_same(const char *a, apr_size_t a_len, const char *b, apr_size_t b_len);

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

/** The same number with the same digits, without an exponent: 1.50e-2 → 0.0150; NULL when s is no
 *  decimal. At most 10,000 digits longer. */
const char *fhir_decimal_plain(const char *s, apr_size_t len, apr_pool_t *pool);

#endif
