/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short forms of URLs: conversion to them, and prefixes for searches. SQL's fhir_full
 * (sql/000-base.sql) converts them back.
 */
#include "model/fhir_short.h"

#include <apr_strings.h>

#include "model/fhir_short_table.h"

#define N_SHORTS (sizeof(shorts) / sizeof(*shorts))

static int starts(const char *s, apr_size_t len, apr_size_t row)
{
    return len >= shorts[row].len && !memcmp(s, shorts[row].url, shorts[row].len);
}

/*
 * The row of the longest URL with which s begins, or 0. Every prefix of s is at or before the last
 * row that is not after s, and is a prefix of that row, too: one of its parents.
 */
static apr_size_t longest(const char *s, apr_size_t len)
{
    apr_size_t low = 0, n = N_SHORTS;
    while (n > 1) {
        apr_size_t half = n / 2, row = low + half;
        int order = memcmp(shorts[row].url, s, len < shorts[row].len ? len : shorts[row].len);
        if (order < 0 || (!order && shorts[row].len <= len)) {
            low = row;
            n -= half;
        }
        else
            n = half;
    }
    while (low && !starts(s, len, low))
        low = shorts[low].parent;
    return low;
}

void fhir_short_append(fhir_buf_t *buf, const char *url, apr_size_t len)
{
    apr_size_t row = longest(url, len);
    if (row) {
        const char form[2] = {FHIR_SHORT_MARK, (char)shorts[row].letter};
        fhir_buf_append(buf, form, sizeof(form));
    }
    fhir_buf_append(buf, url + shorts[row].len, len - shorts[row].len);
}

void fhir_short_append_code(fhir_buf_t *buf, const char *code, apr_size_t len)
{
    if (len && *code == FHIR_SHORT_MARK)
        fhir_buf_putc(buf, FHIR_SHORT_MARK);
    fhir_buf_append(buf, code, len);
}

/* The form with another rest: what stands behind the URL's part that has a letter. */
static const char *form(apr_size_t row, const char *rest, apr_pool_t *pool)
{
    return row ? apr_psprintf(pool, "%c%c%s", FHIR_SHORT_MARK, shorts[row].letter, rest) : rest;
}

const char *fhir_short_url(const char *url, apr_pool_t *pool)
{
    apr_size_t row = longest(url, strlen(url));
    return form(row, url + shorts[row].len, pool);
}

const char *fhir_short_token(const char *system, const char *code, apr_pool_t *pool)
{
    if (system)
        return apr_pstrcat(pool, fhir_short_url(system, pool), "|", code, NULL);
    return *code == FHIR_SHORT_MARK ? apr_psprintf(pool, "%c%s", FHIR_SHORT_MARK, code) : code;
}

void fhir_short_stems(apr_array_header_t *stems, const char *stem, apr_pool_t *pool)
{
    apr_size_t len = strlen(stem);
    if (*stem != FHIR_SHORT_MARK)
        APR_ARRAY_PUSH(stems, const char *) = stem;
    for (apr_size_t row = 1; row < N_SHORTS; row++)
        if (starts(stem, len, row))
            APR_ARRAY_PUSH(stems, const char *) = form(row, stem + shorts[row].len, pool);
        else if (!strncmp(shorts[row].url, stem, len))
            APR_ARRAY_PUSH(stems, const char *) = form(row, "", pool);
}
