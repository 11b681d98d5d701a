/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_match.h
 * @brief Which resources a condition names, for conditional interactions and references.
 *
 * Source: http://hl7.org/fhir/R4/http.html#cond-update, #ccreate
 */
#ifndef FHIR_MATCH_H
#define FHIR_MATCH_H

#include <apr_tables.h>

#include "fhir/fhir_call.h"

/**
 * The ids of the resources of a type that match and that the grant lets be searched.
 * @param ids of const char *, at most max, in the order of ids; in the call's pool
 * @return FHIR_ERR_PARAM_UNKNOWN or FHIR_ERR_PARAM_VALUE, whatever Prefer says;
 * FHIR_ERR_PRECONDITION when no parameter chooses resources; else as fhir_cost_run
 */
fhir_err_t *fhir_match_ids(apr_array_header_t **ids, const fhir_call_t *call,
                           const fhir_type_t *type, const fhir_pairs_t *pairs, int max);

#endif
