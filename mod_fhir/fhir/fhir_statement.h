/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_statement.h
 * @brief The parts that R4's CapabilityStatement and DSTU2's Conformance have in common: lists,
 *        words, the security member, and the places of the base URL.
 */
#ifndef FHIR_STATEMENT_H
#define FHIR_STATEMENT_H

#include "fhir/fhir_capability.h"

/** When what statements say last changed. */
#define FHIR_STATEMENT_DATE "2026-11-29"
#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

/** Begins a statement of R4: who publishes what, as far as `implementation`.
 *  @param query behind "/metadata" in the statement's URL: "" or "?mode=…" */
void fhir_statement_begin(fhir_buf_t *buf, fhir_capability_t *made, const fhir_endpoint_t *endpoint,
                          const char *type, const char *query);
/** Appends s as a JSON string. */
void fhir_statement_string(fhir_buf_t *buf, const char *s);
/** Begins item number *n of the member `name`, a list: the first opens the list, with a comma
 *  before it. Counts in *n, which starts at 0. */
void fhir_statement_item(fhir_buf_t *buf, int *n, const char *name);
/** Closes the list of n items; a list without items was never opened. */
void fhir_statement_close(fhir_buf_t *buf, int n);
/** FHIR's code for the kind of a search parameter (FHIR_PARAM_NUMBER and its neighbours). */
const char *fhir_statement_kind(int kind);
/** FHIR's code for the conditional deletes that an endpoint accepts. */
const char *fhir_statement_deletes(const fhir_endpoint_t *endpoint);
/** Records that the base URL is to be inserted at the end of what buf holds now. */
void fhir_statement_base(fhir_capability_t *made, const fhir_buf_t *buf);
/** Appends the member `security` of rest, with a comma before it; nothing if the endpoint is open.
 */
void fhir_statement_security(fhir_buf_t *buf, fhir_capability_t *made,
                             const fhir_endpoint_t *endpoint);
/** Copies the text of buf to pool, as the statement's, and frees buf. FHIR_ERR_INTERNAL if memory
 *  was short. */
fhir_err_t *fhir_statement_finish(fhir_capability_t *made, fhir_buf_t *buf, apr_pool_t *pool);

#endif
