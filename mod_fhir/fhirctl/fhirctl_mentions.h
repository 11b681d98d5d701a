/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhirctl_mentions.h
 * @brief Column `mentions` (docs/schema.md) of rows that were stored before there was one.
 */
#ifndef FHIRCTL_MENTIONS_H
#define FHIRCTL_MENTIONS_H

#include <libpq-fe.h>

#include "core/fhir_err.h"
#include "model/fhir_model.h"

/**
 * Fills the column where it is not known: in all types whose rows are not the records of one
 * patient, and in their history. Commits some hundreds of rows at a time, so that it can be ended
 * and run again; it does not wait for the server, nor the server for it.
 * @param base_url absolute references below it are this server's; or NULL
 * @return NULL, or as fhirctl_db_run
 */
fhir_err_t *fhirctl_mentions_fill(PGconn *conn, const fhir_model_t *model, const char *base_url,
                                  apr_pool_t *pool);

#endif
