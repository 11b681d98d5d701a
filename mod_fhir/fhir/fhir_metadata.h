/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_metadata.h
 * @brief The CapabilityStatement as it is sent: rendered once for each requested form, with its
 * entity tag, and compressed.
 *
 * Anybody may request it, so a request must cost next to nothing.
 */
#ifndef FHIR_METADATA_H
#define FHIR_METADATA_H

#include "core/fhir_kept.h"
#include "fhir/fhir_call.h"
#include "fhir/fhir_capability.h"

/** For what is rendered of one endpoint's statement, up to 16 MB, by base URL, format and _summary.
 *  Destroyed with pool. FHIR_ERR_INTERNAL on want of memory. */
fhir_err_t *fhir_metadata_create(fhir_kept_t **metadata, apr_pool_t *pool);

/**
 * Answers with a statement: 200, or 304 when If-None-Match names it; gzip where Accept-Encoding
 * has it. It is kept if it is the endpoint's own and no _elements are chosen. One thread at a time
 * renders.
 * @return NULL, FHIR_ERR_BUSY when several wait for that already, or as fhir_call_resource
 */
fhir_err_t *fhir_metadata_answer(fhir_call_t *call, const fhir_capability_t *capability);

#endif
