/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_interactions.h
 * @brief The handlers that the routing table (fhir_service.c) points at, one file each.
 * Source: http://hl7.org/fhir/R4/http.html
 */
#ifndef FHIR_INTERACTIONS_H
#define FHIR_INTERACTIONS_H

#include "fhir/fhir_call.h"

fhir_err_t *fhir_capability_handle(fhir_call_t *call); /* GET metadata */
fhir_err_t *fhir_read_handle(fhir_call_t *call);       /* GET [type]/[id] */
fhir_err_t *fhir_vread_handle(fhir_call_t *call);      /* GET [type]/[id]/_history/[vid] */
fhir_err_t *fhir_history_handle(fhir_call_t *call);    /* GET [type]/[id]/_history */
fhir_err_t *fhir_search_handle(fhir_call_t *call);     /* GET [type] */

#endif
