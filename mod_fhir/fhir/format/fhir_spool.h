/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_spool.h
 * @brief Records kept until they can be written: in memory up to a size, then in a temporary file.
 */
#ifndef FHIR_SPOOL_H
#define FHIR_SPOOL_H

#include "core/fhir_buf.h"

typedef struct fhir_spool_t fhir_spool_t;

/** An empty spool that keeps memory_max bytes in memory. The file has no name and is gone with
 *  pool. */
fhir_spool_t *fhir_spool_create(apr_size_t memory_max, apr_pool_t *pool);

/** The buffer to append the next record to; fhir_spool_close_record ends it. */
fhir_buf_t *fhir_spool_record(fhir_spool_t *spool);
/** @return NULL, or FHIR_ERR_INTERNAL when the file cannot be written */
fhir_err_t *fhir_spool_close_record(fhir_spool_t *spool);

/** Called with each record; it lives until the call returns. */
typedef fhir_err_t *(*fhir_spool_fn)(void *baton, const char *data, apr_size_t len);
/** Hands out all records in order; they stay.
 *  @return NULL; the first error of fn; FHIR_ERR_INTERNAL when the file cannot be read */
fhir_err_t *fhir_spool_read(fhir_spool_t *spool, fhir_spool_fn fn, void *baton);
/** The same, then the spool is empty. */
fhir_err_t *fhir_spool_drain(fhir_spool_t *spool, fhir_spool_fn fn, void *baton);

#endif
