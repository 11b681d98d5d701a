/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_include.h
 * @brief _include and _revinclude: the resources after the matches of a page.
 *
 * Includes are read in rounds. A statement fetches the resources to which those of a round refer,
 * and the resources that refer to them. With :iterate, these are the next round, and another
 * statement reads their references first; the rows of a page carry theirs. Each resource is written
 * once.
 * Source: http://hl7.org/fhir/R4/search.html#include
 */
#ifndef FHIR_INCLUDE_H
#define FHIR_INCLUDE_H

#include "fhir/fhir_bundle.h"
#include "fhir/query/fhir_query.h"

typedef struct fhir_include_t fhir_include_t;

/** includes: of fhir_qinclude_t. */
fhir_include_t *fhir_include_create(fhir_call_t *call, const apr_array_header_t *includes,
                                    fhir_bundle_t *bundle);
/** The columns, of const fhir_param_t *, in which matches of a type have references that are
 *  followed. If it was asked, each match of the type has to come with them. */
const apr_array_header_t *fhir_include_columns(fhir_include_t *include, const fhir_type_t *type);
/** Must be called for each match that was written.
 *  @param row   its row, or NULL if nobody asked for the columns
 *  @param first the number of the first of them in the row */
void fhir_include_match(fhir_include_t *include, const fhir_type_t *type, const char *id,
                        const fhir_row_t *row, int first);
/** Writes the resources that the matches include. If FHIRIncludeRowsMax is exceeded, the Bundle
 * says so.
 * @return NULL, as fhir_grant_resolve, as fhir_sql_stmt, as fhir_cost_run, or as fhir_bundle_add */
fhir_err_t *fhir_include_run(fhir_include_t *include);

#endif
