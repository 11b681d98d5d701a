/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_terms_private.h
 * @brief What the files of the terminology share.
 */
#ifndef FHIR_TERMS_PRIVATE_H
#define FHIR_TERMS_PRIVATE_H

#include "fhir/query/fhir_resolve.h"
#include "fhir/query/fhir_terms.h"

struct fhir_terms_t {
    const fhir_call_t *call;
    const fhir_resolving_t *within;
    const fhir_profiles_t *profiles; /* NULL: none are carried */
    apr_hash_t *systems, *sets;      /* by URL; &fhir_terms_none: there is none */
    int codes_left;                  /* of limits.codes_max */
    int depth;                       /* sets within sets */
    apr_pool_t *pool;
};
extern const char fhir_terms_none;

#define FHIR_TERMS_DEPTH_MAX 32

fhir_codesystem_t *fhir_terms_system_carried(fhir_terms_t *terms, const fhir_psystem_t *system);
/** NULL when the CodeSystem has not all its codes. */
fhir_codesystem_t *fhir_terms_system_stored(fhir_terms_t *terms, const fhir_node_t *root);

fhir_conceptset_t *fhir_terms_set_empty(fhir_terms_t *terms);
/* The codes of a value set. @return each as fhir_terms_set */
fhir_err_t *fhir_terms_set_carried(fhir_conceptset_t **set, fhir_terms_t *terms,
                                   apr_uint16_t index);
fhir_err_t *fhir_terms_set_model(fhir_conceptset_t **set, fhir_terms_t *terms,
                                 const fhir_valueset_t *known);
fhir_err_t *fhir_terms_set_stored(fhir_conceptset_t **set, fhir_terms_t *terms,
                                  const fhir_node_t *root);

#endif
