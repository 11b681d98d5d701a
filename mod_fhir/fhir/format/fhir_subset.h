/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_subset.h
 * @brief Parts of a resource: _summary and _elements, with the SUBSETTED tag.
 *
 * Source: http://hl7.org/fhir/R4/search.html#summary, #elements
 */
#ifndef FHIR_SUBSET_H
#define FHIR_SUBSET_H

#include "core/fhir_node.h"
#include "model/fhir_model.h"

typedef enum fhir_summary_t {
    FHIR_SUMMARY_FALSE, /* everything */
    FHIR_SUMMARY_TRUE,  /* elements that the definitions mark as summary */
    FHIR_SUMMARY_TEXT,  /* text, id, meta and mandatory elements */
    FHIR_SUMMARY_DATA,  /* all but text */
    FHIR_SUMMARY_COUNT  /* searches only: no entries, just the total */
} fhir_summary_t;

typedef struct fhir_subset_t {
    fhir_summary_t summary;
    const fhir_type_t *type;         /* type that `elements` belong to, others are left whole; NULL:
                                        all types */
    const fhir_element_t **elements; /* of _elements, NULL: none given */
    int n_elements;
} fhir_subset_t;

/**
 * Reads the two parameters; only one of them may be given.
 * @param subset  NULL when everything is wanted
 * @param type    the type read or searched; NULL for the system level, where _elements may name
 *                what any resource has
 * @param summary, elements  values, URL-decoded, or NULL
 * @return NULL or FHIR_ERR_PARAM_VALUE (unknown element or word; the message lists what is known)
 */
fhir_err_t *fhir_subset_parse(fhir_subset_t **subset, const fhir_model_t *model,
                              const fhir_type_t *type, const char *summary, const char *elements,
                              apr_pool_t *pool);

/**
 * Takes out of a resource what is not wanted and adds the tag SUBSETTED to meta.tag. Mandatory and
 * modifier elements stay. Nodes are unlinked, the source text is not touched.
 */
void fhir_subset_apply(fhir_node_t *resource, const fhir_subset_t *subset,
                       const fhir_model_t *model, apr_pool_t *pool);

/** 1 if a resource carries the tag SUBSETTED: what it lacks says nothing, so it cannot be stored.
 *  Source: http://hl7.org/fhir/R4/resource.html#tag-updates, search.html#elements */
int fhir_subset_is(const fhir_node_t *resource);

#endif
