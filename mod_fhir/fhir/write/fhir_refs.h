/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_refs.h
 * @brief Literal references of a resource: found by the model, looked up in the store.
 */
#ifndef FHIR_REFS_H
#define FHIR_REFS_H

#include <apr_hash.h>

#include "fhir/fhir_call.h"

/** What a walk over a resource meets. */
typedef struct fhir_refs_visitor_t {
    /** Reference.reference: node is its string; expression that of the Reference. */
    fhir_err_t *(*reference)(void *baton, const fhir_node_t *node, const char *expression);
    /** A uri or url (oid and uuid hold nothing but such); may be NULL. */
    fhir_err_t *(*uri)(void *baton, const fhir_node_t *node);
    /** Narrative (xhtml); may be NULL. */
    fhir_err_t *(*xhtml)(void *baton, const fhir_node_t *node);
    void *baton;
} fhir_refs_visitor_t;

/** Walks a resource, contained ones and entries included; unknown members are passed over.
 *  @return NULL, or the first error of a visitor's function, which ends the walk */
fhir_err_t *fhir_refs_walk(const fhir_refs_visitor_t *visitor, const fhir_model_t *model,
                           const fhir_type_t *type, const fhir_node_t *resource, apr_pool_t *pool);

/** References to resources of this server, collected to be looked up together. */
typedef struct fhir_refs_t fhir_refs_t;

fhir_refs_t *fhir_refs_create(const fhir_call_t *call);
/** Where the resources stand that are added from now on, "Bundle.entry[3].resource": errors say so.
 */
void fhir_refs_place(fhir_refs_t *refs, const char *place);
/** Adds all "Type/id" references (also absolute ones below the base) of a resource, and conditional
 *  ones, which lead to nothing.
 *  @return NULL; no error is defined */
fhir_err_t *fhir_refs_add(fhir_refs_t *refs, const fhir_type_t *type, const fhir_node_t *resource);
/** How many there are to look up. */
int fhir_refs_count(const fhir_refs_t *refs);
/**
 * The same as a condition that holds when all of them are there, so that one statement can look and
 * write: appended to sql, its values pushed behind those that are there (fhir_value_t).
 */
void fhir_refs_condition(fhir_buf_t *sql, apr_array_header_t *values, fhir_refs_t *refs,
                         const fhir_call_t *call);
/** Looks them up with one statement.
 *  @return NULL; FHIR_ERR_REFERENCE (a chain) for those that are not there; or as fhir_call_run */
fhir_err_t *fhir_refs_check(fhir_refs_t *refs, const fhir_call_t *call);

#endif
