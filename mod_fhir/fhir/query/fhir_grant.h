/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_grant.h
 * @brief The grant: what a request may see and do. auth/ makes grants from tokens; fhir/ obeys.
 *
 * A grant becomes a predicate on every table reference of a statement: base, chain, _has, _include,
 * _revinclude, counts, lists, hierarchies, history. A resource that the grant does not show is
 * treated as if it did not exist, also by writes and by the references in them (t/grant.t). There
 * is one exception: an id that a client chooses itself (update-as-create) results in a conflict if
 * it is in use.
 *
 * FHIRUserAccess limits the scopes of a user to patients of an Encounter, CareTeam or Appointment
 * that names the user's Practitioner, or a PractitionerRole of this Practitioner.
 *
 * A grant holds the names of resource types, so that it does not depend on a model; it can be kept
 * as bytes (fhir_grant_bytes.h). A scope for a type that an endpoint's model does not have allows
 * nothing there.
 * Source: http://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html
 */
#ifndef FHIR_GRANT_H
#define FHIR_GRANT_H

#include "fhir/query/fhir_sql.h"

/** Rights of a scope, in the order of the letters of SMART's scopes, "cruds". */
#define FHIR_RIGHT_CREATE  0x01u
#define FHIR_RIGHT_READ    0x02u
#define FHIR_RIGHT_UPDATE  0x04u
#define FHIR_RIGHT_DELETE  0x08u
#define FHIR_RIGHT_SEARCH  0x10u
#define FHIR_RIGHT_ALL     0x1fu
/* Rights that change something. For a patient they cover what is the patient's; those to see also
 * cover what is nobody's, such as practitioners. */
#define FHIR_RIGHT_CHANGES (FHIR_RIGHT_CREATE | FHIR_RIGHT_UPDATE | FHIR_RIGHT_DELETE)

/** The resources by which a user is related to a patient (fhir_grant_related.c); bits. */
#define FHIR_RELATED_ENCOUNTER   0x01u
#define FHIR_RELATED_CARE_TEAM   0x02u
#define FHIR_RELATED_APPOINTMENT 0x04u
#define FHIR_RELATED_ALL         0x07u
/** The bit of a resource type's name, or 0. */
unsigned fhir_related_by_name(const char *type);

/** One scope: patient/Observation.rs?category=… in parsed form. */
typedef struct fhir_grant_scope_t {
    const char *type; /* resource type of the stored model; NULL: all types */
    unsigned rights;  /* FHIR_RIGHT_… bits */
    int patient_only; /* patient/…: only what belongs to the patient or, for reading, to nobody */
    int related_only; /* user/… with `related`: only what belongs to the user's patients, or to
                         nobody */
    const char *query; /* granular: "category=system|code", percent-encoded; NULL: no condition. A
                          condition that is not a search of the type covers nothing */
} fhir_grant_scope_t;

struct fhir_grant_t {
    int all;             /* everything (open endpoints, fhirctl) */
    const char *patient; /* id of the patient in context, or NULL */
    unsigned related;    /* FHIR_RELATED_… bits for scopes with related_only; else 0 */
    const char *user;    /* "Practitioner/id" or "PractitionerRole/id" of such scopes; NULL: they
                            show no patient */
    const char
        *owner; /* user and client as one opaque word; page links are bound to it. NULL: none */
    const char *level; /* "patient", "user", "system": the beginning of a missing scope in messages;
                          NULL: user. Not kept as bytes */
    int n_scopes;
    const fhir_grant_scope_t *scopes;
};

/** 1 if a scope gives all the bits of right for the type (else: 403). Which rows it shows is
 * another question. */
int fhir_grant_allows(const fhir_grant_t *grant, const fhir_model_t *model, const fhir_type_t *type,
                      unsigned right);
/** FHIR_ERR_FORBIDDEN unless fhir_grant_allows. */
fhir_err_t *fhir_grant_check(const fhir_call_t *call, const fhir_type_t *type, unsigned right);
/** What the call's grant says of a type, with the conditions of granular scopes as plans. */
struct fhir_granted_t {
    const fhir_type_t *type;
    fhir_qnode_t **conditions; /* one for each scope; NULL: it has none, or shows nothing. NULL for
                                  all if no scope of the type has a condition */
};

/** 1 if a scope is about a resource type, whatever it allows. */
int fhir_grant_covers(const fhir_grant_scope_t *scope, const char *type);
/**
 * Parses and resolves the conditions of granular scopes for a type, before SQL is made.
 * @return NULL; FHIR_ERR_LIMIT for a condition that exceeds a limit, or depends on itself; as
 *         fhir_call_ask for looking up what it names. A condition that is not a search of the type
 *         is not an error: its scope shows nothing
 */
fhir_err_t *fhir_grant_resolve(const fhir_granted_t **granted, const fhir_call_t *call,
                               const fhir_type_t *type);
/**
 * Appends " AND …" for the rows over which a scope of the call's grant gives the right; nothing
 * when these are all rows. A read, and the load for a write, apply it to stored rows; a write also
 * applies it to the row that it is going to store.
 * @param alias of the type's table, or of a subselect with the table's columns
 * @param right one bit for what changes something; several bits must be one scope's
 */
void fhir_grant_sql(fhir_sql_t *sql, const char *alias, const fhir_granted_t *granted,
                    unsigned right);
/**
 * The same for a row of a history table: a scope must show the current version and the version
 * itself. A history table has no typed columns to apply the condition of a granular scope to, so
 * such a scope shows no versions.
 */
void fhir_grant_sql_history(fhir_sql_t *sql, const char *alias, const fhir_granted_t *granted,
                            unsigned right);

#endif
