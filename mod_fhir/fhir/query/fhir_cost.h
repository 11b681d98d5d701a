/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_cost.h
 * @brief The planner's estimate of a statement's cost, and the refusal of statements that cost too
 * much.
 */
#ifndef FHIR_COST_H
#define FHIR_COST_H

#include "fhir/query/fhir_sql.h"

/** The planner's estimate: rows of a statement, and its cost (NULL: not wanted).
 *  @return as fhir_call_ask */
fhir_err_t *fhir_cost_rows(apr_int64_t *rows, double *cost, fhir_sql_t *sql,
                           const fhir_stmt_t *stmt);

/**
 * Runs a statement of a search, unless the planner estimates that it and the request's previous
 * statements cost more than the endpoint allows. The planner is asked about each text from time to
 * time, and when it has many more values than before.
 * @param query    what is searched, or NULL
 * @param includes of fhir_qinclude_t, what brings resources with it, or NULL: both for the advice
 * @return FHIR_ERR_LIMIT or FHIR_ERR_TIMEOUT with advice; else as fhir_call_run
 */
fhir_err_t *fhir_cost_run(fhir_sql_t *sql, const fhir_stmt_t *stmt, const fhir_query_t *query,
                          const apr_array_header_t *includes, fhir_row_fn row_fn, void *baton);

#endif
