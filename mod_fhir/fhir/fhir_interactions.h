/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_interactions.h
 * @brief The handlers that the routing table (fhir_routes.c) points at.
 *
 * Each returns NULL when the answer is written, or an error that becomes the OperationOutcome of
 * the answer: FHIR_ERR_FORBIDDEN (no scope), FHIR_ERR_NOT_FOUND, FHIR_ERR_GONE, those of its
 * parameters and its body, and those of the store (fhir_call_run). docs/writing.md and
 * docs/search.md list the answers of each interaction. Source: http://hl7.org/fhir/R4/http.html
 */
#ifndef FHIR_INTERACTIONS_H
#define FHIR_INTERACTIONS_H

#include "fhir/fhir_call.h"

fhir_err_t *fhir_capability_handle(fhir_call_t *call);         /* GET metadata */
fhir_err_t *fhir_style_handle(fhir_call_t *call);              /* GET fhir.css */
fhir_err_t *fhir_read_handle(fhir_call_t *call);               /* GET [type]/[id] */
fhir_err_t *fhir_vread_handle(fhir_call_t *call);              /* GET [type]/[id]/_history/[vid] */
fhir_err_t *fhir_history_handle(fhir_call_t *call);            /* GET ([type]/([id]/))_history */
fhir_err_t *fhir_search_handle(fhir_call_t *call);             /* GET [type], POST [type]/_search */
fhir_err_t *fhir_search_system_handle(fhir_call_t *call);      /* GET [base], POST _search */
fhir_err_t *fhir_search_compartment_handle(fhir_call_t *call); /* GET [type]/[id]/[type or *] */

fhir_err_t *fhir_create_handle(fhir_call_t *call);             /* POST [type] */
fhir_err_t *fhir_update_handle(fhir_call_t *call);             /* PUT [type]/[id] */
fhir_err_t *fhir_update_conditional_handle(fhir_call_t *call); /* PUT [type]?… */
fhir_err_t *fhir_patch_handle(fhir_call_t *call);              /* PATCH [type]/[id] */
fhir_err_t *fhir_patch_conditional_handle(fhir_call_t *call);  /* PATCH [type]?… */
fhir_err_t *fhir_delete_handle(fhir_call_t *call);             /* DELETE [type]/[id] */
fhir_err_t *fhir_delete_conditional_handle(fhir_call_t *call); /* DELETE [type]?… */
fhir_err_t *fhir_batch_handle(fhir_call_t *call);              /* POST [base] */

#endif
