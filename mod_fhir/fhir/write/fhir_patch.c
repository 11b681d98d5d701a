/* SPDX-License-Identifier: Apache-2.0 */
/* The limits that all three kinds of patches share. */
#include "fhir/write/fhir_patch.h"

#define OPS   1000
#define ATTRS 64
#define DEPTH 64
#define NODES 1000000

fhir_patch_limits_t fhir_patch_limits(const fhir_patch_limits_t *limits)
{
    fhir_patch_limits_t most = limits ? *limits : (fhir_patch_limits_t){0};

    if (most.max_ops <= 0)
        most.max_ops = OPS;
    if (most.max_attrs <= 0)
        most.max_attrs = ATTRS;
    if (most.max_depth <= 0)
        most.max_depth = DEPTH;
    if (most.max_depth > FHIR_NODE_DEPTH_MOST)
        most.max_depth = FHIR_NODE_DEPTH_MOST;
    if (most.max_steps <= 0)
        most.max_steps = FHIR_STEPS_DEFAULT;
    if (!most.max_nodes)
        most.max_nodes = NODES;
    return most;
}

fhir_err_t *fhir_patch_count(const fhir_patch_limits_t *limits, apr_size_t n_ops, apr_pool_t *pool)
{
    return n_ops <= (apr_size_t)limits->max_ops
               ? NULL
               : fhir_err_create(pool, FHIR_ERR_TOO_LARGE,
                                 "The patch has more than %d operations, the limit here",
                                 limits->max_ops);
}

fhir_err_t *fhir_patch_too_costly(int op, const fhir_steps_t *steps, apr_pool_t *pool)
{
    return fhir_err_create(pool, FHIR_ERR_LIMIT,
                           "Patch operation %d: the patch needs more than %d steps on this "
                           "resource, the limit here; send it in parts",
                           op, steps->most);
}

fhir_err_t *fhir_patch_too_deep(int op, const fhir_patch_limits_t *limits, apr_pool_t *pool)
{
    return fhir_err_create(pool, FHIR_ERR_TOO_LARGE,
                           "Patch operation %d: the resource would be nested deeper than %d "
                           "levels, the limit here",
                           op, limits->max_depth);
}
