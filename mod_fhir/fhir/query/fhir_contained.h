/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_contained.h
 * @brief Contained resources: their own rows for _contained, and searches of these.
 *
 * Each type has a table <type>_contained, with the columns of the type's own table, and the
 * container of the row with its version. A row is valid while that version is current, so a search
 * never finds rows of older versions, even before they are deleted. Only searches with _contained
 * read these tables, and chains that lead from a container to a resource in it.
 * The first entry of a document or message has such a row, too: chains from Bundle.composition and
 * Bundle.message go on in it. A Bundle cannot contain resources, so searches with _contained pass
 * over rows that it holds.
 * Source: http://hl7.org/fhir/R4/search.html#contained
 */
#ifndef FHIR_CONTAINED_H
#define FHIR_CONTAINED_H

#include "fhir/extract/fhir_extract.h"
#include "fhir/query/fhir_sql.h"

#define FHIR_CONTAINED_TABLE "_contained"

/** 1 if a resource has contained ones, or a first entry that parameters are about. */
int fhir_contained_any(const fhir_model_t *model, const fhir_node_t *resource);

/** 1 if a type's resources have a first entry that parameters are about (FHIR_PARAM_INSIDE). */
int fhir_contained_inside(const fhir_model_t *model, const fhir_type_t *type);

/** A statement that stores all contained resources of one type, after their container: $1 is its
 * id, $2 the JSON. */
typedef struct fhir_contained_rows_t {
    const char *sql, *json;
    apr_size_t len;
} fhir_contained_rows_t;

/**
 * The rows of a resource's contained ones; those without type or id have none. Of a first entry,
 * relative references are below the root of its fullUrl.
 * @param rows     of fhir_contained_rows_t, in pool
 * @param extract  is used for each, so cells that it gave before are gone
 * @param tenant   schema, or NULL: that of the search path
 * @param source   text that the resource was parsed from
 * @return as fhir_extract_run
 */
fhir_err_t *fhir_contained_rows(apr_array_header_t **rows, const fhir_model_t *model,
                                fhir_extract_t *extract, const char *tenant,
                                const fhir_type_t *type, const char *source,
                                const fhir_node_t *resource, apr_pool_t *pool);

/** Deletes the rows that an older version of a resource brought. text: that version, or NULL if it
 *  was not stored.
 *  @return NULL, as fhir_node_parse_json, or as fhir_call_run */
fhir_err_t *fhir_contained_forget(const fhir_call_t *call, const fhir_type_t *type, const char *id,
                                  int version, const char *text, apr_size_t len);

/** Looks up in which types a query's type is contained: query->containers.
 *  @return NULL, as fhir_call_ask, or as fhir_grant_resolve */
fhir_err_t *fhir_contained_find(fhir_query_t *query, const fhir_call_t *call);

/** Looks up whether any resource of type holder has one of a type in it: 0 without a store.
 *  @return as fhir_call_ask */
fhir_err_t *fhir_contained_held(int *held, const fhir_call_t *call, const fhir_type_t *type,
                                const fhir_type_t *holder);
/** Appends the condition of a CHAIN on what alias has in itself and refers to ("#m1"), or on its
 *  first entry. Whoever sees a resource sees what is in it. */
void fhir_contained_chain(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node);

#endif
