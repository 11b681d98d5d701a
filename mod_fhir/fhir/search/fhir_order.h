/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_order.h
 * @brief The order of a search's matches, as keys of SQL.
 */
#ifndef FHIR_ORDER_H
#define FHIR_ORDER_H

#include "fhir/page/fhir_cursor.h"
#include "fhir/query/fhir_sql.h"

/** One key of the order. */
typedef struct fhir_order_key_t {
    const char *expr; /* SQL */
    const char *cast; /* type of the expression, to bind a cursor's field */
    int descending;
    int nullable; /* rows without a value come last, whichever the direction */
    int last;     /* there are none, but the index would have them last */
} fhir_order_key_t;

#define FHIR_ORDER_MAX (FHIR_SORT_MAX + 2)
typedef struct fhir_order_t {
    int n;
    fhir_order_key_t key[FHIR_ORDER_MAX]; /* the last is the id, which makes it total; before it of
                                             several queries in one order the query's place */
    int scoped; /* the rows are one patient's: an index has them in this order */
} fhir_order_t;

/** The order of a query's matches: by _sort, else the newest first for those of one patient, by
 *  the date that is searched, by place (fhir_window.h) or by id. */
void fhir_order_make(fhir_order_t *order, fhir_sql_t *sql, const fhir_query_t *query,
                     const char *alias);
/** FHIR_ERR_PARAM_VALUE unless the orders of several queries have keys of the same types, so that
 *  one order holds the matches of all. */
fhir_err_t *fhir_order_common(fhir_query_t *const *queries, int n, const fhir_call_t *call);
/** FHIR_ERR_CURSOR unless a cursor has as many keys as the order of a query. */
fhir_err_t *fhir_order_fits(const fhir_query_t *query, const fhir_cursor_t *cursor,
                            const fhir_call_t *call);
/** Appends the keys behind `first` (" ORDER BY " or ", "), each in its direction. */
void fhir_order_put(fhir_sql_t *sql, const char *first, const fhir_order_t *order, int backward);
/** Appends the keys of _sort alone, each with a comma before it. */
void fhir_order_put_sort(fhir_sql_t *sql, const fhir_query_t *query, const char *alias);

#endif
