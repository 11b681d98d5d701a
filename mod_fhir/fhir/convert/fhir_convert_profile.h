/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_convert_profile.h
 * @brief Which profiles of the Argonaut Data Query guide a resource of DSTU2 satisfies.
 *
 * The requirements of a profile are a row. A resource that has all of them, none as absent data,
 * names the profile in meta.profile.
 * Source: http://www.fhir.org/guides/argonaut/r2/ (1.0.0)
 */
#ifndef FHIR_CONVERT_PROFILE_H
#define FHIR_CONVERT_PROFILE_H

#include "core/fhir_node.h"

typedef struct fhir_convert_profile_t {
    const char *type; /* of DSTU2 */
    const char *url;
    const char *us_core; /* the US Core profile that corresponds to it, or NULL */
    /** What must exist: paths separated by blanks, in each item of a list. A '?' after a name: only
     * where the member exists; a '*': any member that begins so; "=a,b" at the end: one of these
     * codes. */
    const char *needs;
} fhir_convert_profile_t;
/** Ends with a row of NULLs. */
extern const fhir_convert_profile_t fhir_convert_profiles[];

/** Names the profiles that a resource satisfies in its meta. */
void fhir_convert_claim(fhir_node_t *resource, apr_pool_t *pool);

#endif
