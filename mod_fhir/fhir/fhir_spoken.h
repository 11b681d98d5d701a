/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_spoken.h
 * @brief An endpoint that speaks another FHIR release than is stored: names of types, ids and
 *        resources between the two. Where both are the same, everything is left as it is.
 */
#ifndef FHIR_SPOKEN_H
#define FHIR_SPOKEN_H

#include "fhir/fhir_call.h"

/** 1 if what is stored must be converted. */
static inline int fhir_spoken_differs(const fhir_call_t *call)
{
    return call->endpoint->convert != NULL;
}

/**
 * Takes a resource type by the client's name of it: call->type, type_name and spoken_type.
 * @return 0 when there is none of that name
 */
int fhir_spoken_take_type(fhir_call_t *call, const char *name);
/** Takes the id of the path, when the type is known: one with a prefix is of another stored type
 *  (CarePlan/ct-7 is CareTeam/7). */
void fhir_spoken_take_id(fhir_call_t *call, const char *id);
/** The path's "Type/id" as the client says it. */
const char *fhir_spoken_path(const fhir_call_t *call);

/** The client's names of a stored type and id; 0 when the type is not served. type and id must
 *  live as long as the call, or be copied by whoever gets them. */
int fhir_spoken_names(const fhir_call_t *call, const char **type, const char **id);
/** 1 if resources of a stored type are served. */
int fhir_spoken_serves(const fhir_endpoint_t *endpoint, const fhir_type_t *type);

/** Sets how answers are converted. */
void fhir_spoken_render(fhir_call_t *call, fhir_render_opts_t *opts);
/** Notes what a stored resource that will be shown refers to: roles of practitioners are looked up
 *  once for all of them. */
void fhir_spoken_note(fhir_call_t *call, const char *json, apr_size_t len);

/** Ids of PractitionerRoles that were noted → the practitioner's reference, or "" . */
struct fhir_roles_t {
    apr_hash_t *known;
    apr_array_header_t *wanted; /* of const char *: ids that are not known yet */
    apr_pool_t *pool;
};

#endif
