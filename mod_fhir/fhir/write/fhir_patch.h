/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_patch.h
 * @brief Patch documents applied to a resource.
 *
 * A patch is applied as a whole or not at all: after an error, do not use the result. Errors:
 * FHIR_ERR_BAD_REQUEST (400) for a document that is not a patch, FHIR_ERR_BUSINESS (422) for a
 * patch that cannot be applied to the resource (path not found, test failed). Messages name the
 * operation by its index.
 * Source: http://hl7.org/fhir/R4/http.html#patch
 */
#ifndef FHIR_PATCH_H
#define FHIR_PATCH_H

#include "core/fhir_node.h"
#include "core/fhir_steps.h"
#include "model/fhir_model.h"

/** What a patch may take. 0: the default. */
typedef struct fhir_patch_limits_t {
    int max_ops;          /* operations; 1,000 */
    int max_attrs;        /* XML: attributes of one element, and namespaces declared; 64 */
    int max_depth;        /* of the patched resource, after each operation; 64 */
    int max_steps;        /* of all operations together; FHIR_STEPS_DEFAULT */
    apr_size_t max_nodes; /* JSON: values that copies make; XML: elements and attributes of the
                             patch; 1,000,000 */
} fhir_patch_limits_t;

/** The same with the defaults filled in; limits may be NULL. */
fhir_patch_limits_t fhir_patch_limits(const fhir_patch_limits_t *limits);

/** FHIR_ERR_TOO_LARGE when there are more operations than allowed. */
fhir_err_t *fhir_patch_count(const fhir_patch_limits_t *limits, apr_size_t n_ops, apr_pool_t *pool);

/** FHIR_ERR_LIMIT: the operation in hand used up the steps. */
fhir_err_t *fhir_patch_too_costly(int op, const fhir_steps_t *steps, apr_pool_t *pool);

/** FHIR_ERR_TOO_LARGE: after the operation in hand, the resource would be too deep. */
fhir_err_t *fhir_patch_too_deep(int op, const fhir_patch_limits_t *limits, apr_pool_t *pool);

/* limits may be NULL in all of them. What passes them is refused: FHIR_ERR_TOO_LARGE for too many
 * operations, values or levels, FHIR_ERR_LIMIT for steps. The resource is never deeper than allowed
 * in between. Errors of all three: these, FHIR_ERR_BAD_REQUEST and FHIR_ERR_BUSINESS (see above).
 */

/** JSON Patch (RFC 6902). root is changed in place and replaced when the whole document is.
 *  @return NULL, or the errors above */
fhir_err_t *fhir_patch_json(fhir_node_t **root, const fhir_node_t *patch,
                            const fhir_patch_limits_t *limits, apr_pool_t *pool);

/**
 * XML Patch (RFC 5261), with the selectors of fhir_patch_select.h.
 * @param result the patched document, in pool
 * @return NULL, or the errors above; FHIR_ERR_SYNTAX for a patch that is not well-formed;
 *         FHIR_ERR_INTERNAL when memory is short
 */
fhir_err_t *fhir_patch_xml(const char **result, apr_size_t *result_len, const char *target,
                           apr_size_t target_len, const char *patch, apr_size_t patch_len,
                           const fhir_patch_limits_t *limits, apr_pool_t *pool);

/**
 * FHIRPath Patch: operations in a Parameters resource; http://hl7.org/fhir/R4/fhirpatch.html.
 * root is changed in place. A delete whose path finds nothing changes nothing.
 * @return NULL, or the errors above
 */
fhir_err_t *fhir_patch_path(fhir_node_t *root, const fhir_model_t *model,
                            const fhir_node_t *parameters, const fhir_patch_limits_t *limits,
                            apr_pool_t *pool);

#endif
