/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_extract.h
 * @brief Search values of a resource: from its tree to the cells of its table's typed columns.
 *
 * One pass over the tree beside the model's extraction trie (fhir_xnode_t), for REST writes and
 * fhirctl load alike. Cells are PostgreSQL's text input forms. No value makes it fail: what does
 * not fit its type (a date that is none) gives no search value.
 */
#ifndef FHIR_EXTRACT_H
#define FHIR_EXTRACT_H

#include "core/fhir_node.h"
#include "core/fhir_time.h"
#include "model/fhir_model.h"
#include "store/fhir_store.h"

typedef struct fhir_extract_t fhir_extract_t;

/** A reusable extractor (not thread safe). base_url (or NULL): absolute references below it are
 *  stored relative. zone: for dates without one. */
fhir_extract_t *fhir_extract_create(const fhir_model_t *model, const char *base_url,
                                    const fhir_zone_t *zone, apr_pool_t *pool);

/** Says where the next resource stands: relative references of an entry of a Bundle are below the
 *  root of its fullUrl, if that is a URL like root/Type/id. NULL: on this server.
 *  Source: http://hl7.org/fhir/R4/bundle.html#references */
void fhir_extract_below(fhir_extract_t *extract, const fhir_node_t *full_url);

/** Cells of a row: those of the model's columns, then two that are not a search parameter's
 *  (docs/schema.md): `mentions`, whom a resource speaks of, and `terms` (fhir_keys.h). */
#define FHIR_EXTRACT_CELLS(type) ((type)->n_columns + 2)

/** Name and SQL type of a cell's column, 0 <= i < FHIR_EXTRACT_CELLS(type). */
const char *fhir_extract_column(fhir_sqltype_t *sqltype, const fhir_model_t *model,
                                const fhir_type_t *type, int i);

/**
 * Fills FHIR_EXTRACT_CELLS(type) cells in the order of their columns; NULL data is SQL NULL.
 * The texts live in the extractor until its next call.
 * @return NULL, or FHIR_ERR_TOO_LARGE when a cell grows over its ceiling
 */
fhir_err_t *fhir_extract_run(fhir_value_t *cells, fhir_extract_t *extract, const fhir_type_t *type,
                             const fhir_node_t *resource);

#endif
