/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhirctl_terms.h
 * @brief Column `terms` (docs/schema.md) of rows that were stored before there was one.
 */
#ifndef FHIRCTL_TERMS_H
#define FHIRCTL_TERMS_H

#include <libpq-fe.h>

#include "core/fhir_err.h"

/**
 * Fills the column in a table where it is missing, from the row's other columns. Commits some
 * hundreds of rows at a time, so that it can be ended and run again, and a server waits for some
 * milliseconds at most.
 * @return NULL, or as fhirctl_db_run
 */
fhir_err_t *fhirctl_terms_fill(PGconn *conn, const char *table, apr_pool_t *pool);

#endif
