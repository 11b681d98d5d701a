/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interaction search: parses, runs, and writes the page. The plan is made in fhir_query*.c,
 * its SQL in fhir_search_sql.c and below.
 * Source: http://hl7.org/fhir/R4/search.html, http://hl7.org/fhir/R4/http.html#search
 */
#include <apr_strings.h>

#include "fhir/fhir_bundle.h"
#include "fhir/fhir_interactions.h"
#include "fhir/fhir_outcome.h"
#include "fhir/fhir_search.h"

typedef struct page_t {
    fhir_call_t *call;
    const fhir_query_t *query;
    fhir_bundle_t *bundle;
    fhir_order_t order;
    int rows;
    int more;           /* a row behind the page was seen */
    fhir_cursor_t last; /* the page's last row */
} page_t;

/* The last row's keys, for the next link; column 0 is the id, keys begin at 2. */
static void remember(page_t *page, const fhir_row_t *row)
{
    apr_pool_t *pool = page->call->pool;
    int n = page->order.n;
    page->last.n = n;
    for (int i = 0; i + 1 < n; i++)
        page->last.field[i] =
            fhir_row_is_null(row, 2 + i) ? NULL : apr_pstrdup(pool, fhir_row_text(row, 2 + i));
    page->last.field[n - 1] = apr_pstrdup(pool, fhir_row_text(row, 0));
}

static fhir_err_t *on_row(void *baton, const fhir_row_t *row)
{
    page_t *page = baton;
    fhir_bundle_entry_t entry = {.type = fhir_model_str(page->call->model, page->query->type->name),
                                 .id = fhir_row_text(row, 0),
                                 .resource = fhir_row_text(row, 1),
                                 .len = fhir_row_len(row, 1),
                                 .rest = "\"search\":{\"mode\":\"match\"}"};
    if (page->rows == page->query->count) {
        page->more = 1;
        return NULL;
    }
    if (++page->rows == page->query->count)
        remember(page, row);
    return fhir_bundle_add(page->bundle, &entry);
}

static fhir_err_t *on_count(void *baton, const fhir_row_t *row)
{
    *(apr_int64_t *)baton = apr_atoi64(fhir_row_text(row, 0));
    return NULL;
}

static fhir_err_t *count(fhir_call_t *call, const fhir_query_t *query, fhir_bundle_t *bundle)
{
    apr_int64_t total = 0;
    fhir_sql_t *sql;
    fhir_stmt_t stmt;
    FHIR_TRY(fhir_sql_create(&sql, call));
    FHIR_TRY(fhir_search_count(&stmt, sql, query));
    FHIR_TRY(fhir_call_run(call, &stmt, fhir_sql_values(sql), on_count, &total, NULL));
    fhir_bundle_total(bundle, total);
    return NULL;
}

/* What was ignored is told in an entry of its own, before the matches. */
static fhir_err_t *remarks(fhir_call_t *call, const fhir_query_t *query, fhir_bundle_t *bundle)
{
    fhir_buf_t *buf;
    fhir_bundle_entry_t entry = {.rest = "\"search\":{\"mode\":\"outcome\"}"};
    if (!query->remarks->nelts)
        return NULL;
    buf = fhir_buf_create(call->pool, 1024 * 1024);
    fhir_outcome_begin(buf);
    for (int i = 0; i < query->remarks->nelts; i++)
        fhir_outcome_issue(buf, "warning", "not-supported",
                           APR_ARRAY_IDX(query->remarks, i, const char *), NULL);
    fhir_outcome_end(buf);
    entry.resource = fhir_buf_cstr(buf);
    entry.len = buf->len;
    return fhir_bundle_add(bundle, &entry);
}

static void link_pages(page_t *page)
{
    fhir_call_t *call = page->call;
    const fhir_query_t *query = page->query;
    const char *path = fhir_model_str(call->model, query->type->name);
    fhir_bundle_link(page->bundle, "self",
                     fhir_bundle_url(call, path, &query->applied, query->cursor));
    fhir_bundle_link(page->bundle, "first", fhir_bundle_url(call, path, &query->applied, NULL));
    if (page->more)
        fhir_bundle_link(
            page->bundle, "next",
            fhir_bundle_url(call, path, &query->applied,
                            fhir_cursor_seal(&page->last, call->endpoint->cursor_key, query->hash,
                                             FHIR_QUERY_HASH, call->grant, call->pool)));
}

static fhir_err_t *run_page(page_t *page)
{
    fhir_call_t *call = page->call;
    const fhir_query_t *query = page->query;
    fhir_cursor_t cursor;
    fhir_sql_t *sql;
    fhir_stmt_t stmt;
    if (query->cursor)
        FHIR_TRY(fhir_cursor_open(&cursor, query->cursor, call->endpoint->cursor_key, query->hash,
                                  FHIR_QUERY_HASH, call->grant, call->pool));
    FHIR_TRY(fhir_sql_create(&sql, call));
    FHIR_TRY(fhir_search_page(&stmt, sql, &page->order, query, query->cursor ? &cursor : NULL));
    return fhir_call_run(call, &stmt, fhir_sql_values(sql), on_row, page, NULL);
}

fhir_err_t *fhir_search_handle(fhir_call_t *call)
{
    page_t page = {.call = call};
    fhir_query_t *query;
    FHIR_TRY(fhir_grant_check(call, call->type, FHIR_RIGHT_SEARCH));
    FHIR_TRY(fhir_query_parse(&query, call, call->type, &call->pairs,
                              fhir_call_prefers(call, "handling=lenient")));
    page.query = query;
    fhir_call_begin(call, 200);
    FHIR_TRY(fhir_bundle_begin(&page.bundle, call, "searchset"));
    FHIR_TRY(remarks(call, query, page.bundle));
    if (query->summary_count || query->total == FHIR_TOTAL_ACCURATE)
        FHIR_TRY(count(call, query, page.bundle));
    if (!query->summary_count)
        FHIR_TRY(run_page(&page));
    link_pages(&page);
    return fhir_bundle_end(page.bundle);
}
