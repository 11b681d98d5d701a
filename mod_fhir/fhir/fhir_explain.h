/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_explain.h
 * @brief _explain: what a search asks PostgreSQL, and how that goes about it.
 */
#ifndef FHIR_EXPLAIN_H
#define FHIR_EXPLAIN_H

#include "fhir/fhir_call.h"

/** From now on each statement of the call is explained. */
void fhir_explain_begin(fhir_call_t *call);
/** Adds one statement: its SQL, its values, PostgreSQL's plan with rows and times. */
fhir_err_t *fhir_explain_add(const fhir_call_t *call, const fhir_stmt_t *stmt,
                             const fhir_value_t *values);
/** Answers with the OperationOutcome in the place of what was written so far. */
fhir_err_t *fhir_explain_answer(fhir_call_t *call);

#endif
