/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_spoken_query.h
 * @brief Searches in the terms of DSTU2 as searches of stored R4: names, values, results.
 *
 * A table has the R4 counterpart of each parameter of DSTU2; one without a row has the same name.
 * One condition may become several conditions of R4, or alternatives. So conditions become nodes of
 * the plan, and only parameters about the result stay parameters.
 * Source: http://hl7.org/fhir/DSTU2/search.html; HL7's ConceptMap search-params-4to2
 */
#ifndef FHIR_SPOKEN_QUERY_H
#define FHIR_SPOKEN_QUERY_H

#include "fhir/query/fhir_query.h"

/** The counterpart of a search parameter of DSTU2. */
typedef struct fhir_spoken_row_t {
    const char *type;   /* DSTU2's resource type, or "*": every type */
    const char *name;   /* of the parameter */
    const char *r4;     /* R4's names, one of which must hold, divided by ','; one that begins with
                           '$' is of dates that have no name: their paths, divided by blanks, as
                           fhir_query_dates; NULL: not offered */
    const char *values; /* words "code>query" or "system|code>query": R4's values, or
                           "name=value&name=value" where they are of other parameters; a value may
                           have several words; "*" is for codes without a word. A number's: the
                           unit that it counts */
    const char *absent; /* words: R4's queries for what DSTU2 shows without a value, or NULL: what
                           R4 has none of */
    const char *shown;  /* words: R4's queries for what is shown from other elements when there is
                           none, or NULL; the value @ is what was asked, != negates, :instant is of
                           dates with a time */
    const char *also;   /* R4's query that must hold, too, or NULL; of a row with the name "", in
                           every search of the type */
    const char *stored; /* R4's type that the row is for where there are several, or NULL */
    fhir_param_kind_t kind; /* of a parameter that DSTU2 has not; NONE: it has */
} fhir_spoken_row_t;

/** Ends with a row without name. */
extern const fhir_spoken_row_t fhir_spoken_rows[];

/** A parameter that is offered. */
typedef struct fhir_spoken_param_t {
    const char *name;
    fhir_param_kind_t kind;
    const fhir_param_t *param;    /* DSTU2's definition, or NULL: it has none */
    const fhir_spoken_row_t *row; /* or NULL: the same in R4 */
} fhir_spoken_param_t;

/** All parameters that a type offers, of fhir_spoken_param_t; inherited: those of every type. */
apr_array_header_t *fhir_spoken_params(const fhir_endpoint_t *endpoint, const fhir_type_t *spoken,
                                       int inherited, apr_pool_t *pool);

/** A search in the terms of R4. */
typedef struct fhir_spoken_query_t {
    apr_array_header_t *types;       /* of const fhir_type_t *: what is searched */
    fhir_pairs_t pairs;              /* about the result */
    fhir_pairs_t said;               /* the parameters that applied, for links */
    apr_array_header_t *remarks;     /* of const char *: warnings about ignored parameters */
    apr_array_header_t **conditions; /* by type: of its conditions */
    apr_pool_t *pool;
} fhir_spoken_query_t;

/**
 * Reads the parameters of a search of call->type_name.
 * @param strict an unknown parameter is an error; otherwise it is ignored with a warning
 * @return NULL, FHIR_ERR_PARAM_UNKNOWN, FHIR_ERR_LIMIT
 */
fhir_err_t *fhir_spoken_query_parse(fhir_spoken_query_t **query, fhir_call_t *call,
                                    const fhir_pairs_t *pairs, int strict);
/** 1 if no parameter selects resources of a type. */
int fhir_spoken_query_is_empty(const fhir_spoken_query_t *query, const fhir_type_t *type);
/** Adds what a resource of query->type must be to be found as the type `spoken` of DSTU2, if there
 *  is such a condition. @return as fhir_query_condition */
fhir_err_t *fhir_spoken_query_always(fhir_query_t *query, const fhir_call_t *call,
                                     const char *spoken);
/** Adds the conditions on query->type; a narrow of fhir_search_t, baton is the spoken query.
 *  @return as fhir_query_condition */
fhir_err_t *fhir_spoken_query_narrow(fhir_query_t *query, const fhir_call_t *call, void *baton);

#endif
