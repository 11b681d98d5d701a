/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_keys.h
 * @brief Keys: the numbers in the column `terms` of each table, by which an index finds texts and
 *        numbers (docs/schema.md). Rows and searches get them from here. Different values may share
 *        a key: what it finds is always compared once more.
 */
#ifndef FHIR_KEYS_H
#define FHIR_KEYS_H

#include <apr_tables.h>

#include "core/fhir_err.h"
#include "model/fhir_model.h"
#include "store/fhir_store.h"

#define FHIR_KEYS_COLUMN "terms"
/** The place of what is not a quantity. */
#define FHIR_KEYS_OTHER  701

/** The key of a text in a column. */
apr_int32_t fhir_keys_text(const char *column, const char *text, apr_size_t len);
/** The key of a number at a place, of what has the name: a code, a unit behind a bar, or "" for
 *  all. */
apr_int32_t fhir_keys_at(const char *column, const char *name, apr_size_t len, int place);

/** Appends the keys (apr_int32_t) of all places and steps between two bounds (numbers, NULL: none),
 *  and of ranges. */
void fhir_keys_range(apr_array_header_t *keys, const char *column, const char *name,
                     const char *low, const char *high);

/** The composite of a code and this quantity, both of the resource itself, or NULL. */
const fhir_param_t *fhir_keys_pair(const fhir_model_t *model, const fhir_param_t *quantity);
/** 1 if the parameter is such a composite. */
int fhir_keys_is_pair(const fhir_model_t *model, const fhir_param_t *param);

/**
 * All keys of a row, as an array literal in `out`, which stays empty if there are none.
 * @param cells of the type's columns, as fhir_extract_run gives them or PostgreSQL as text; of
 * those that fhir_keys_needs
 */
fhir_err_t *fhir_keys_of_row(fhir_buf_t *out, const fhir_model_t *model, const fhir_type_t *type,
                             const fhir_value_t *cells, apr_pool_t *scratch);
/** 1 if keys are made of the type's column of this number. */
int fhir_keys_needs(const fhir_model_t *model, const fhir_type_t *type, int i);

#endif
