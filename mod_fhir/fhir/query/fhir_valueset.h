/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_valueset.h
 * @brief Stored ValueSets, as far as they list their codes. What the model carries is in
 * fhir/validate/fhir_terminology.h.
 */
#ifndef FHIR_VALUESET_H
#define FHIR_VALUESET_H

#include <apr_tables.h>

#include "core/fhir_node.h"
#include "fhir/fhir_call.h"

typedef struct fhir_valueset_code_t {
    const char *system, *code, *display; /* NULL: not said */
} fhir_valueset_code_t;

/** The newest ValueSet with that id or (id NULL) that URL which the grant shows; NULL if there is
 *  none. */
fhir_err_t *fhir_valueset_load(fhir_node_t **root, const fhir_call_t *call, const char *id,
                               const char *url);
/** Appends its codes to a list of fhir_valueset_code_t. 0 when its definition does more than list
 *  them. */
int fhir_valueset_list(apr_array_header_t *codes, const fhir_node_t *root, apr_pool_t *pool);

#endif
