/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_cost.h
 * @brief What PostgreSQL's planner says of a statement before it runs, and statements that cost too
 *        much.
 */
#ifndef FHIR_COST_H
#define FHIR_COST_H

#include "fhir/query/fhir_sql.h"

/** The planner's estimate: rows of a statement.
 *  @return as fhir_call_ask */
fhir_err_t *fhir_cost_rows(apr_int64_t *rows, fhir_sql_t *sql, const fhir_stmt_t *stmt);

/**
 * Runs a statement of a search, unless the planner says that it costs more than the endpoint
 * allows a request, with those that it has asked for before. It is asked about each text now and
 * then, and when much more is bound to it.
 * @param query    what is searched, or NULL
 * @param includes of fhir_qinclude_t, what brings resources with it, or NULL: both for the advice
 * @return FHIR_ERR_LIMIT or FHIR_ERR_TIMEOUT with advice; else as fhir_call_run
 */
fhir_err_t *fhir_cost_run(fhir_sql_t *sql, const fhir_stmt_t *stmt, const fhir_query_t *query,
                          const apr_array_header_t *includes, fhir_row_fn row_fn, void *baton);

#endif
