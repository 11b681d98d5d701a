/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_window.h
 * @brief Pages of searches across all patients, which read the order part by part.
 *
 * If nothing else orders them, resources are ordered by the hash of their id: in 8192 places, and
 * within a place by id. The index of terms (TABLE_terms_idx) has the place of each row beside its
 * terms. So the matches within some places are found without
 * reading the others: the cost of a page does not depend on the number of matches or the size of
 * the table. The number of places follows from the number of matches that the planner expects, and
 * from what the search needed the last time. Where matches are frequent, a window has few rows: all
 * of them are read, without an index for the other conditions.
 */
#ifndef FHIR_WINDOW_H
#define FHIR_WINDOW_H

#include "fhir/page/fhir_cursor.h"
#include "fhir/query/fhir_sql.h"

/** SQL of the place of the row `alias`. */
#define FHIR_WINDOW_PLACE "(hashtext(%s.id) >> 19)"

/** Sets query->placed when the query's order is that of places: when it has no other, and its table
 *  is large and has the index; or by_time when the only condition is a date with an index that has
 *  the matches in its order. */
void fhir_window_prepare(fhir_query_t *query, const fhir_call_t *call);
/** Before the first page: sets by_time if one of several conditions is a date whose index leads to
 *  `limit` matches past few other rows, by the planner's estimates.
 *  @return NULL, as fhir_sql_stmt, or as fhir_cost_rows */
fhir_err_t *fhir_window_choose(fhir_query_t *query, const fhir_call_t *call, int limit);
/** The field of a page link for a date that orders the matches: in front of it, a letter tells by
 *  which condition. */
const char *fhir_window_link(const fhir_query_t *query, const char *date, apr_pool_t *pool);
/** Keeps the order of the page from which the cursor comes, and makes the field of a date its
 *  date. */
void fhir_window_follow(fhir_query_t *query, const fhir_call_t *call, fhir_cursor_t *cursor);
/** Appends " AND …": the row is in the query's window. */
void fhir_window_put(fhir_sql_t *sql, const fhir_query_t *query);
/** 1 if few matches of all places are looked for by one index of texts or keys. */
int fhir_window_hides(const fhir_query_t *query, const fhir_call_t *call);
/** 1 if the statement is prepared: one plan serves all values, as the window is swept, or the
 * query's conditions are on columns of the index, or are such that the planner knows nothing of
 * their values; or all places are searched by one condition, where PostgreSQL chooses whether to
 * plan again. */
int fhir_window_is_plain(const fhir_query_t *query, const fhir_call_t *call);

/** The first window for a page of `limit` rows.
 *  @param place where the page begins, or NULL: at the beginning
 *  @return NULL, as fhir_sql_stmt, or as fhir_cost_rows */
fhir_err_t *fhir_window_begin(fhir_query_t *query, const fhir_call_t *call, const char *place,
                              int limit);
/** The next window; returns 0 when there is none.
 * @param found rows of all windows so far
 * @param missing rows that the page still needs */
int fhir_window_next(fhir_query_t *query, const fhir_call_t *call, int found, int missing);
/** Remembers how many places the page took.
 *  @param place of its last row, or NULL: it was not filled */
void fhir_window_end(const fhir_query_t *query, const fhir_call_t *call, const char *place);

#endif
