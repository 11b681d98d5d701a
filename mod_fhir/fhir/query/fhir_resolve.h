/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_resolve.h
 * @brief The step between the plan of a search and its SQL.
 *
 * Whatever a plan names and only the database or the terminology knows is looked up here, and
 * nowhere else: the codes of value sets and of hierarchies (:in, :above, :below), which chains may
 * lead to contained resources, the conditions of granular scopes for every type that the plan
 * reaches. A resolved plan needs neither: SQL is made of it without a question and without an
 * error. Nodes that are resolved already are left as they are, so conditions may be added to a
 * resolved query, which is then resolved again.
 */
#ifndef FHIR_RESOLVE_H
#define FHIR_RESOLVE_H

#include "fhir/query/fhir_query.h"

/** The types whose scopes are being resolved: what a scope's condition names may be looked up by
 *  the same grant, and must not lead back to it. */
typedef struct fhir_resolving_t fhir_resolving_t;
struct fhir_resolving_t {
    const fhir_type_t *type;
    const fhir_resolving_t *outer; /* or NULL */
};

/**
 * Resolves the conditions of a query and the grant of its type.
 * @param lenient a parameter that names what is not known is taken out, with a remark
 * @return NULL; FHIR_ERR_PARAM_VALUE (a value set or a code that is not known),
 * FHIR_ERR_PARAM_UNKNOWN (a hierarchy of a type that has none), FHIR_ERR_LIMIT (too many codes; a
 * scope that depends on itself); as fhir_call_ask
 */
fhir_err_t *fhir_resolve_query(fhir_query_t *query, const fhir_call_t *call, int lenient);

/** As fhir_grant_resolve, within (or NULL) other scopes. Errors as fhir_grant_resolve. */
fhir_err_t *fhir_resolve_grant(const fhir_granted_t **granted, const fhir_call_t *call,
                               const fhir_type_t *type, const fhir_resolving_t *within);

/** Replaces the values of a token test with :in, :above or :below by the codes that they stand for
 *  (fhir_resolve_codes.c). Errors as fhir_resolve_query. */
fhir_err_t *fhir_resolve_codes(fhir_qnode_t *node, const fhir_call_t *call,
                               const fhir_resolving_t *within);

#endif
