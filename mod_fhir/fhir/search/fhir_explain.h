/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_explain.h
 * @brief _explain: the statements of a search, and how PostgreSQL runs them.
 *
 * The answer has parameter values, so it is sent to the client and never logged.
 */
#ifndef FHIR_EXPLAIN_H
#define FHIR_EXPLAIN_H

#include <apr_tables.h>

#include "fhir/fhir_call.h"

typedef struct fhir_explain_t fhir_explain_t;

/** From now on each statement of the call is explained. remarks: of const char *, what of the query
 *  was ignored; the answer says so first. */
void fhir_explain_begin(fhir_call_t *call, const apr_array_header_t *remarks);
/** Names the statements that follow; without _explain nothing happens. */
void fhir_explain_step(const fhir_call_t *call, const char *what);
/** Answers with the OperationOutcome instead of what was written so far.
 *  @return NULL; FHIR_ERR_LIMIT if it is too large; or as fhir_call_built */
fhir_err_t *fhir_explain_answer(fhir_call_t *call);

#endif
