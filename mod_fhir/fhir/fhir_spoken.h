/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_spoken.h
 * @brief An endpoint that speaks another FHIR release than is stored: names of types, ids and
 *        resources between the two. Where both are the same, everything is left as it is.
 */
#ifndef FHIR_SPOKEN_H
#define FHIR_SPOKEN_H

#include "fhir/convert/fhir_convert.h"
#include "fhir/fhir_call.h"
#include "fhir/fhir_issue.h"

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
/** Of a stored type that the client's release does not have, for the end of a message: how that
 *  calls it, or that the base of the stored release has it; "" of other names. */
const char *fhir_spoken_called(const fhir_call_t *call, const char *type);
/** 0 for MedicationStatements that are made of orders where FHIRStatementsOfOrders is Off. */
int fhir_spoken_offers(const fhir_endpoint_t *endpoint, const fhir_convert_type_t *type);
/** 1 if resources of a stored type are served. */
int fhir_spoken_serves(const fhir_endpoint_t *endpoint, const fhir_type_t *type);

/** 1 if a stored resource of the path's type is one of those that are shown so: a plan of a
 *  medication is no MedicationOrder. */
int fhir_spoken_shows(const fhir_call_t *call, const char *json, apr_size_t len);

/** Sets how answers are converted. */
void fhir_spoken_render(fhir_call_t *call, fhir_render_opts_t *opts);
/** The same for a Bundle whose resources are answers of their own, and of the client's release. */
void fhir_spoken_render_entries(fhir_call_t *call);
/** Notes what a stored resource that will be shown refers to, and which practitioner it is: they
 *  are looked up once for all of them. type: the stored type, or NULL. */
void fhir_spoken_note(fhir_call_t *call, const char *type, const char *id, const char *json,
                      apr_size_t len);

/** A body as the resource that is to be stored; both trees are changed. old: what is stored, or
 *  NULL; issues: see fhir_convert_env_t. @return NULL, or FHIR_ERR_BUSINESS when there is no such
 */
fhir_err_t *fhir_spoken_store(fhir_node_t **stored, fhir_issues_t *issues, fhir_call_t *call,
                              fhir_node_t *old, fhir_node_t *sent, apr_pool_t *pool);
/** FHIR_ERR_METHOD for what is shown of another type than it is stored as, and changed there. */
fhir_err_t *fhir_spoken_writable(const fhir_call_t *call);
/** The HTTP status of an error in the client's release. */
int fhir_spoken_status(const fhir_call_t *call, fhir_code_t code);

/** The type that is shown in parts. */
const fhir_convert_type_t *fhir_spoken_partly(void);

#define FHIR_SPOKEN_ROLE    "PractitionerRole"
/** In `known`: the resource is stored, and not shown. */
#define FHIR_SPOKEN_UNSHOWN "#"

/** What references lead to. */
struct fhir_targets_t {
    apr_hash_t *known; /* a role's reference → that of its practitioner, or ""; reference of
                          fhir_spoken_partly → FHIR_SPOKEN_UNSHOWN, or "" */
    apr_hash_t *held;  /* "Practitioner/7" → array of fhir_value_t: its roles */
    /* Of const char *, what is not known yet: */
    apr_array_header_t *roles, *partly; /* ids */
    apr_array_header_t *practitioners;  /* references */
    apr_pool_t *pool;
};

#endif
