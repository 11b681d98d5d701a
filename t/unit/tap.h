/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file tap.h
 * @brief The unit tests' harness: checks printed as TAP (https://testanything.org).
 *
 *     int main(void)
 *     {
 *         apr_pool_t *pool = tap_start();
 *         tap_is_int(1 + 1, 2, "sums");
 *         return tap_done();
 *     }
 *
 * Every check returns 1 when it held, else 0 after printing got and wanted with the caller's line.
 * Names are formats. A program that made no check fails.
 */
#ifndef TAP_H
#define TAP_H

#include <apr_pools.h>

#define TAP_FORMAT(n) __attribute__((format(printf, n, n + 1)))

/** Initializes APR; returns a pool that tap_done destroys. */
apr_pool_t *tap_start(void);
/** Prints the plan; the exit status: 0 if all checks held and there was one, else 1. */
int tap_done(void);
/** Skips the whole program with a visible reason; returns the exit status. */
int tap_skip_all(const char *fmt, ...) TAP_FORMAT(1);
/** Counts n checks as skipped, with the reason. */
void tap_skip(int n, const char *fmt, ...) TAP_FORMAT(2);
/** A comment line. */
void tap_diag(const char *fmt, ...) TAP_FORMAT(1);

int tap_ok_at(const char *file, int line, int held, const char *fmt, ...) TAP_FORMAT(4);
int tap_int_at(const char *file, int line, long long got, long long want, const char *fmt, ...)
    TAP_FORMAT(5);
int tap_str_at(const char *file, int line, const char *got, const char *want, const char *fmt, ...)
    TAP_FORMAT(5);
int tap_mem_at(const char *file, int line, const void *got, size_t got_len, const void *want,
               size_t want_len, const char *fmt, ...) TAP_FORMAT(7);
/** err: an fhir_err_t * (void here so that the harness stands alone); prints its message. */
int tap_noerr_at(const char *file, int line, const void *err, const char *fmt, ...) TAP_FORMAT(4);

/** Holds if the condition is true. */
#define tap_ok(held, ...)          tap_ok_at(__FILE__, __LINE__, !!(held), __VA_ARGS__)
/** Holds if two integers are equal. */
#define tap_is_int(got, want, ...) tap_int_at(__FILE__, __LINE__, (got), (want), __VA_ARGS__)
/** Holds if two strings are equal, or both NULL. */
#define tap_is_str(got, want, ...) tap_str_at(__FILE__, __LINE__, (got), (want), __VA_ARGS__)
/** Holds if two byte strings with lengths are equal. */
#define tap_is_mem(got, got_len, want, want_len, ...)                                              \
    tap_mem_at(__FILE__, __LINE__, (got), (got_len), (want), (want_len), __VA_ARGS__)
/** Holds if an fhir_err_t * is NULL. */
#define tap_no_err(err, ...) tap_noerr_at(__FILE__, __LINE__, (err), __VA_ARGS__)

#define TAP_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
