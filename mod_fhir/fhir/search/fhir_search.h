/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_search.h
 * @brief The run of a search over one or more types, from its parameters to the whole answer.
 */
#ifndef FHIR_SEARCH_H
#define FHIR_SEARCH_H

#include "fhir/query/fhir_query.h"

/** What is searched, and what its links say. */
typedef struct fhir_search_t {
    const fhir_type_t **types; /* in the order in which their matches come */
    int n_types;
    fhir_pairs_t pairs;                /* parameters of the search */
    const char *remark;                /* what of the request is not among them, or NULL */
    const apr_array_header_t *remarks; /* of const char *: the same, several; or NULL */
    const fhir_pairs_t *said; /* what the links say instead, of an operation; NULL: what applied */
    const fhir_type_t *focus; /* compartment: its resource's type, or NULL */
    const char *focus_id;
    const char *path;               /* of the links, behind the base: "Patient" */
    const apr_array_header_t *more; /* of fhir_qinclude_t: further includes, or NULL */
    int alike; /* the parameters mean the same for each type, so that a query can be made when the
                  page comes to its type */
    /** Further conditions on one type, or NULL. */
    fhir_err_t *(*narrow)(fhir_query_t *query, const fhir_call_t *call, void *baton);
    void *baton;
} fhir_search_t;

/** Parses, resolves, runs and writes the whole answer.
 *  @return NULL; as fhir_query_parse and fhir_resolve_query; FHIR_ERR_PARAM_VALUE for a _sort that
 *          the types do not share, FHIR_ERR_CURSOR for a page link of another search; as
 *          fhir_cost_run, fhir_include_run and fhir_bundle_add */
fhir_err_t *fhir_search_run(fhir_call_t *call, const fhir_search_t *search);

/** Puts the references in the place of chains that lead to few resources.
 *  @param query resolved
 *  @return as fhir_call_run; NULL, too, if to look for them would cost too much */
fhir_err_t *fhir_search_chains(const fhir_query_t *query, const fhir_call_t *call);

/** The hint for a search without matches, or NULL: how to search for two names. */
const char *fhir_search_hint(const fhir_query_t *query, const fhir_call_t *call);

/** Answers a search by url alone for a carried ValueSet or CodeSystem that is not stored; done: it
 * did.
 * @return NULL, as fhir_terms_load, or as fhir_bundle_add */
fhir_err_t *fhir_search_carried(int *done, fhir_call_t *call, const fhir_pairs_t *pairs);

#endif
