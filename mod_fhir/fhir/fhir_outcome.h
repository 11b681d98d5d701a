/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_outcome.h
 * @brief Errors and remarks as OperationOutcome (JSON).
 * Source: http://hl7.org/fhir/R4/operationoutcome.html
 */
#ifndef FHIR_OUTCOME_H
#define FHIR_OUTCOME_H

#include "core/fhir_buf.h"
#include "core/fhir_err.h"
#include "fhir/fhir_issue.h"

/** Opens an OperationOutcome; issues follow. */
void fhir_outcome_begin(fhir_buf_t *buf);
/**
 * Adds one issue. severity: fatal, error, warning, information. code: valueset issue-type.
 * expression: FHIRPath or NULL. The first issue needs no comma before it; this looks at the
 * buffer's last byte.
 */
void fhir_outcome_issue(fhir_buf_t *buf, const char *severity, const char *code,
                        const char *diagnostics, const char *expression);
/** Adds a finding: its message id is details.coding of FHIR_OUTCOME_SYSTEM (docs/validation.md). */
#define FHIR_OUTCOME_SYSTEM "urn:mod_fhir:validation"
/** The system of details.coding of errors that FHIR's issue types have no code for: "unconfirmed",
 *  a write that may or may not have been stored. */
#define FHIR_OUTCOME_ERRORS "urn:mod_fhir:error"
void fhir_outcome_finding(fhir_buf_t *buf, const fhir_issue_t *issue);
void fhir_outcome_end(fhir_buf_t *buf);

/** A whole OperationOutcome: one issue for each error of the chain `next`. Only what is meant for
 *  the client is in it; of an internal error not even the message. */
void fhir_outcome_render(fhir_buf_t *buf, const fhir_err_t *err);

#endif
