/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhirctl_index_set.h
 * @brief The sets of indexes that a schema can have, and indexes that are to be made again.
 */
#ifndef FHIRCTL_INDEX_SET_H
#define FHIRCTL_INDEX_SET_H

#include "fhirctl/fhirctl_db.h"
#include "store/fhir_schema.h"

/** Sets by name ("practice"): CREATE INDEX statements, one a line. */
extern const fhir_schema_file_t fhirctl_index_sets[];

#define FHIRCTL_INDEX_SETS "practice or patient"

/** NULL if it is a set's name, else what is accepted. */
const char *fhirctl_index_set_check(const char *name);

/** The set that was chosen for the schema, or NULL.
 *  @return NULL, or as fhirctl_db_run */
fhir_err_t *fhirctl_index_set_chosen(const char **name, PGconn *conn, apr_pool_t *pool);

/**
 * Makes the indexes that the set has and the schema has not, and drops those of other sets. Tables
 * with rows are not locked; interrupted, it goes on where it was when it is run again. Says on
 * stdout what it does to tables with rows. The caller holds the schema's lock.
 * @return NULL, or as fhirctl_db_run
 */
fhir_err_t *fhirctl_index_set_apply(PGconn *conn, const char *name, apr_pool_t *pool);

/** 1 if an index of the name belongs to the set `practice`. */
int fhirctl_index_set_has(const char *index, apr_pool_t *pool);
/** 1 if every schema has an index of the name, whatever set was chosen. */
int fhirctl_index_is_base(const char *index, apr_pool_t *pool);

/**
 * Drops the indexes of a table into which rows with values in these columns ({"a","b"}) bring
 * entries, except unique ones, and lists them in fhir_index_due: loading many rows is faster
 * without them. Waits for transactions that write to the table.
 * @return NULL, or as fhirctl_db_run
 */
fhir_err_t *fhirctl_index_defer(PGconn *conn, const char *table, const char *columns,
                                apr_pool_t *pool);
/** Makes what is noted there, on as many connections as `jobs`.
 *  @param made how many, or NULL
 *  @return NULL, or as fhirctl_db_connect and fhirctl_db_run */
fhir_err_t *fhirctl_index_make_due(int *made, const fhirctl_db_t *db, PGconn *conn, int jobs,
                                   apr_pool_t *pool);

/** The lock of a schema: one init, load or index at a time changes its indexes. Waits without a
 *  snapshot, for which CREATE INDEX CONCURRENTLY would wait in turn.
 *  @return NULL, or as fhirctl_db_run */
fhir_err_t *fhirctl_index_lock(PGconn *conn, const fhirctl_db_t *db, apr_pool_t *pool);

#endif
