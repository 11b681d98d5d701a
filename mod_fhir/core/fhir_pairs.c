/* SPDX-License-Identifier: Apache-2.0 */
/* Splitting and decoding application/x-www-form-urlencoded. */
#include "core/fhir_pairs.h"

#include <string.h>

#include "core/fhir_text.h"

static fhir_err_t *decode(const char **out, const char *s, apr_size_t len, apr_pool_t *pool)
{
    *out = fhir_text_url_decode(s, len, 1, pool);
    if (!*out)
        return fhir_err_create(pool, FHIR_ERR_SYNTAX,
                               "The query has an invalid %%-escape, or bytes that are not UTF-8");
    return NULL;
}

static int count_parts(const char *query)
{
    int n = 1;
    for (; *query; query++)
        n += *query == '&';
    return n;
}

fhir_err_t *fhir_pairs_parse(fhir_pairs_t *pairs, const char *query, apr_size_t max_bytes,
                             apr_pool_t *pool)
{
    pairs->n = 0;
    pairs->list = NULL;
    if (!query || !*query)
        return NULL;
    if (max_bytes && strlen(query) > max_bytes)
        return fhir_err_create(pool, FHIR_ERR_LIMIT,
                               "The query is longer than the %" APR_SIZE_T_FMT
                               " bytes that are accepted here",
                               max_bytes);
    pairs->list = apr_palloc(pool, sizeof(fhir_pair_t) * (apr_size_t)count_parts(query));
    while (*query) {
        apr_size_t len = strcspn(query, "&");
        const char *eq = memchr(query, '=', len);
        apr_size_t name_len = eq ? (apr_size_t)(eq - query) : len;
        if (len && !name_len)
            return fhir_err_create(pool, FHIR_ERR_PARAM_VALUE,
                                   "The query has a value without the name of a parameter: "
                                   "\"%.20s\"",
                                   query);
        if (len) {
            fhir_pair_t *pair = &pairs->list[pairs->n];
            FHIR_TRY(decode(&pair->name, query, name_len, pool));
            pair->value = "";
            if (eq)
                FHIR_TRY(decode(&pair->value, eq + 1, len - name_len - 1, pool));
            pairs->n++;
        }
        query += len + (query[len] == '&');
    }
    return NULL;
}

void fhir_pairs_append(fhir_pairs_t *pairs, const fhir_pairs_t *more, apr_pool_t *pool)
{
    apr_size_t n = (apr_size_t)pairs->n, m = (apr_size_t)more->n;
    if (!m)
        return;
    fhir_pair_t *list = apr_palloc(pool, sizeof(*list) * (n + m));
    if (n)
        memcpy(list, pairs->list, sizeof(*list) * n);
    memcpy(list + n, more->list, sizeof(*list) * m);
    pairs->list = list;
    pairs->n += more->n;
}

const char *fhir_pairs_get(const fhir_pairs_t *pairs, const char *name)
{
    for (int i = 0; i < pairs->n; i++)
        if (!strcmp(pairs->list[i].name, name))
            return pairs->list[i].value;
    return NULL;
}

const char *fhir_pairs_join(const fhir_pairs_t *pairs, const char *name, apr_pool_t *pool)
{
    fhir_buf_t *all = NULL;
    const char *one = NULL;
    for (int i = 0; i < pairs->n; i++) {
        const fhir_pair_t *pair = &pairs->list[i];
        if (strcmp(pair->name, name) != 0 || !*pair->value)
            continue;
        if (one && !all) {
            all = fhir_buf_create(pool, 0);
            fhir_buf_puts(all, one);
        }
        if (all)
            fhir_buf_printf(all, ",%s", pair->value);
        one = pair->value;
    }
    return all ? fhir_buf_cstr(all) : one;
}
