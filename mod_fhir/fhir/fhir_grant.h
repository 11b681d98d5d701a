/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_grant.h
 * @brief The grant: what a request may see and do. auth/ makes grants from tokens; fhir/ obeys.
 *
 * A grant becomes a predicate on every table reference of a statement (fhir_sql.h): base, chain,
 * _has, _include, _revinclude, counts, lists, hierarchies, history. What it does not show is as if
 * it did not exist, also for writes and what they refer to (t/grant.t); only ids that a client
 * chooses itself (update-as-create) show by a conflict that they are taken.
 */
#ifndef FHIR_GRANT_H
#define FHIR_GRANT_H

#include <apr.h>

/** One scope: patient/Observation.rs?category=… in parsed form. */
typedef struct fhir_grant_scope_t {
    apr_uint16_t type; /* resource type index in the model; 0: all types */
    unsigned rights;   /* FHIR_RIGHT_… */
    int patient_only;  /* patient/…: only the compartment of `patient` */
    const char *query; /* granular: "category=system|code", or NULL */
} fhir_grant_scope_t;
#define FHIR_RIGHT_CREATE 0x01u
#define FHIR_RIGHT_READ   0x02u
#define FHIR_RIGHT_UPDATE 0x04u
#define FHIR_RIGHT_DELETE 0x08u
#define FHIR_RIGHT_SEARCH 0x10u

typedef struct fhir_grant_t {
    int all;             /* everything (open endpoints, fhirctl) */
    const char *patient; /* id of the patient in context, or NULL */
    const char
        *owner; /* user and client as one opaque word; page links are bound to it. NULL: none */
    int n_scopes;
    const fhir_grant_scope_t *scopes;
} fhir_grant_t;

#endif
