/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_search.h
 * @brief From a query's plan to its statement: order, page, and what is selected.
 */
#ifndef FHIR_SEARCH_H
#define FHIR_SEARCH_H

#include "fhir/fhir_cursor.h"
#include "fhir/fhir_sql.h"

/** One key of the order. */
typedef struct fhir_order_key_t {
    const char *expr; /* SQL */
    const char *cast; /* type of the expression, to bind a cursor's field */
    int descending;
    int nullable; /* rows without a value come last, whichever the direction */
} fhir_order_key_t;

#define FHIR_ORDER_MAX (FHIR_CURSOR_FIELDS_MAX)
typedef struct fhir_order_t {
    int n;
    fhir_order_key_t key[FHIR_ORDER_MAX]; /* the last is the id, which makes it total */
    int scoped; /* the rows are one patient's: an index has them in this order */
} fhir_order_t;

/** 1 if the query is about one patient, by its parameters or by the grant. */
int fhir_search_scoped(const fhir_call_t *call, const fhir_query_t *query);

/** The order of a query's matches: by _sort, else newest first for one patient's, else by id. */
fhir_err_t *fhir_search_order(fhir_order_t *order, fhir_sql_t *sql, const fhir_query_t *query,
                              const char *alias);

/**
 * The statement of a page: columns id, resource, then the order's keys as text; one row more than
 * the page holds when there is a further page.
 */
fhir_err_t *fhir_search_page(fhir_stmt_t *stmt, fhir_sql_t *sql, fhir_order_t *order,
                             const fhir_query_t *query, const fhir_cursor_t *cursor);
/** The statement of the number of matches: one column. */
fhir_err_t *fhir_search_count(fhir_stmt_t *stmt, fhir_sql_t *sql, const fhir_query_t *query);

/** Ids of the resources of a type that match (conditional writes); at most max of them.
 *  Unknown parameters are errors, whatever Prefer says. */
fhir_err_t *fhir_search_match(apr_array_header_t **ids, fhir_call_t *call, const fhir_type_t *type,
                              const fhir_pairs_t *pairs, int max);

#endif
