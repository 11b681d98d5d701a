/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_spoken_private.h
 * @brief The conditions of a search in the terms of DSTU2, between reading and the plan.
 */
#ifndef FHIR_SPOKEN_PRIVATE_H
#define FHIR_SPOKEN_PRIVATE_H

#include "fhir/query/fhir_query.h"

/* One test in R4's words. */
typedef struct fhir_spoken_part_t {
    const char *name, *modifier; /* the modifier with its colon, or "" */
    const char *value;
    const char *said; /* DSTU2's name, for messages about what has none in R4 */
    int negated;
} fhir_spoken_part_t;

/* A condition: one of the alternatives holds, each of whose parts hold, or one of the chains. */
typedef struct fhir_spoken_condition_t {
    int negated;
    apr_array_header_t *alternatives; /* of apr_array_header_t *, of fhir_spoken_part_t */
    apr_array_header_t *chains;       /* of fhir_spoken_chain_t; NULL: none */
} fhir_spoken_condition_t;

/* A chain in R4's names, and what must hold at its end. */
typedef struct fhir_spoken_chain_t {
    const char *path; /* "encounter:Encounter" */
    const fhir_type_t *type;
    apr_array_header_t *conditions; /* of fhir_spoken_condition_t, without chains */
} fhir_spoken_chain_t;

/** Adds a condition on query->type as a node of the plan (fhir_spoken_nodes.c).
 *  @return as fhir_query_condition */
fhir_err_t *fhir_spoken_add_node(fhir_query_t *query, const fhir_call_t *call,
                                 const fhir_spoken_condition_t *c);
/** The same for a condition without chains. @return as fhir_query_condition */
fhir_err_t *fhir_spoken_add_alternatives(fhir_query_t *query, const fhir_call_t *call,
                                         const fhir_spoken_condition_t *c);

#endif
