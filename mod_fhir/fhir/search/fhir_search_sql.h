/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_search_sql.h
 * @brief The statements of a search: its page, the number of its matches.
 */
#ifndef FHIR_SEARCH_SQL_H
#define FHIR_SEARCH_SQL_H

#include "fhir/page/fhir_cursor.h"
#include "fhir/search/fhir_order.h"

/** Appends " FROM … t … m WHERE …": the contained resources that match, as t, with t.ref
 *  ("MedicationRequest/23", or "MedicationRequest/23#m1" when they are wanted alone); m.resource is
 *  the container, which the grant lets be seen. */
void fhir_search_from_contained(fhir_sql_t *sql, const fhir_query_t *query);

/**
 * The statement of a page: columns id (of contained resources: "Type/id" of the container, with
 * "#id" behind it when they come alone), resource, the order's keys but the last as text; when the
 * cursor goes backward, also the number of rows; query->carried. Always in the order of the search.
 * A cursor without a key goes backward from the end of all matches. Queries are resolved;
 * fhir_order_fits and fhir_order_common have been asked.
 * @param queries one, or several that have a _sort and a place each: one order for all their
 * matches
 * @param limit   rows at most
 * @return NULL or FHIR_ERR_LIMIT, as fhir_sql_stmt: so do the others below
 */
fhir_err_t *fhir_search_sql_page(fhir_stmt_t *stmt, fhir_sql_t *sql, fhir_order_t *order,
                                 fhir_query_t *const *queries, int n, const fhir_cursor_t *cursor,
                                 int limit);
/** The statement of the number of matches: one column.
 *  @return as fhir_sql_stmt */
fhir_err_t *fhir_search_sql_count(fhir_stmt_t *stmt, fhir_sql_t *sql, const fhir_query_t *query);
/** The same for matches behind a cursor (or NULL), at most limit.
 *  @return as fhir_sql_stmt */
fhir_err_t *fhir_search_sql_count_behind(fhir_stmt_t *stmt, fhir_sql_t *sql,
                                         const fhir_query_t *query, const fhir_cursor_t *cursor,
                                         int limit);
/** The statement of all matches, without columns or order. It is not run: what the planner expects
 *  of it is the estimate of their number.
 *  @return as fhir_sql_stmt */
fhir_err_t *fhir_search_sql_estimate(fhir_stmt_t *stmt, fhir_sql_t *sql, const fhir_query_t *query);

#endif
