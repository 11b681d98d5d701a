/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_storable.h
 * @brief What this server refuses to store although it is valid, and what it stores without using.
 */
#ifndef FHIR_STORABLE_H
#define FHIR_STORABLE_H

#include "core/fhir_err.h"
#include "core/fhir_node.h"
#include "model/fhir_model.h"

/** Why a type is not served at all, for a client, or NULL. What has no effect must not look as if
 *  it had: a Subscription that was stored and never delivered would. */
const char *fhir_storable_unserved(const fhir_model_t *model, const fhir_type_t *type);

/** What a client might expect of a stored resource of the type and does not get, or NULL. */
const char *fhir_storable_remark(const fhir_model_t *model, const fhir_type_t *type,
                                 const fhir_node_t *resource);

/**
 * Checks a resource that is to be stored.
 * @return NULL, or FHIR_ERR_BUSINESS: the type is not served, or the tag SUBSETTED says that
 *         elements are missing
 * Source: http://hl7.org/fhir/R4/search.html#elements, resource.html#Meta
 */
fhir_err_t *fhir_storable_check(const fhir_model_t *model, const fhir_type_t *type,
                                const fhir_node_t *resource, apr_pool_t *pool);

#endif
