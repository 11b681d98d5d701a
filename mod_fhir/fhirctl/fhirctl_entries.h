/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhirctl_entries.h
 * @brief Rows of first entries (fhir/query/fhir_contained.h) of Bundles that were stored before
 *        there were any.
 */
#ifndef FHIRCTL_ENTRIES_H
#define FHIRCTL_ENTRIES_H

#include <libpq-fe.h>

#include "core/fhir_err.h"
#include "model/fhir_model.h"

/**
 * Adds the rows that are missing. Each Bundle is done at once, so that it can be ended and run
 * again; it does not wait for the server, nor the server for it.
 * @param base_url absolute references below it are this server's; or NULL
 * @return NULL, as fhirctl_db_run, fhir_node_parse_json or fhir_contained_rows
 */
fhir_err_t *fhirctl_entries_fill(PGconn *conn, const fhir_model_t *model, const char *base_url,
                                 apr_pool_t *pool);

#endif
