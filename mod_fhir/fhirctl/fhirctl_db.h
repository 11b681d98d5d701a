/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhirctl_db.h
 * @brief Connections of the command line: libpq alone, one connection a thread.
 *
 * Commands use libpq because they need what a store does not have: COPY, files of several
 * statements, and sessions that last (settings, locks, transactions over many batches). All else is
 * the store's: connections (fhir_connect.h), errors (fhir_store_error), the schema's check
 * (fhir_schema.h).
 */
#ifndef FHIRCTL_DB_H
#define FHIRCTL_DB_H

#include <libpq-fe.h>

#include "fhirctl/fhirctl.h"

/** Which database and which schema in it. */
typedef struct fhirctl_db_t {
    const char *conninfo; /* "" : libpq's environment */
    const char *tenant;   /* schema, checked [a-z][a-z0-9_]{0,47} */
} fhirctl_db_t;

#define FHIRCTL_DB_DEFAULTS                                                                        \
    {                                                                                              \
        .conninfo = "", .tenant = "main"                                                           \
    }
#define FHIRCTL_DB_OPT_CONNINFO  FHIRCTL_OPT(0)
#define FHIRCTL_DB_OPT_TENANT    FHIRCTL_OPT(1)
#define FHIRCTL_DB_OPT_FIRST_OWN 2 /* FHIRCTL_OPT of a command's own first option */
/** The rows of these options in a command's table. */
#define FHIRCTL_DB_OPTIONS                                                                         \
    {"conninfo", FHIRCTL_DB_OPT_CONNINFO, 1,                                                       \
     "STRING\tlibpq connection string; missing parts come from PGHOST, …"},                        \
    {                                                                                              \
        "tenant", FHIRCTL_DB_OPT_TENANT, 1, "NAME\tschema of the practice (main)"                  \
    }
/** Takes one of them: NULL, or what is accepted. */
const char *fhirctl_db_option(fhirctl_db_t *db, int option, const char *value);

/** Connects (UTF8, UTC, ISO dates) and calls fhirctl_db_use. Closed with pool.
 *  @return NULL, FHIR_ERR_BUSY (no connection), FHIR_ERR_INTERNAL (a pooler, a connection string
 * that libpq does not understand), or as fhirctl_db_run */
fhir_err_t *fhirctl_db_connect(PGconn **conn, const fhirctl_db_t *db, apr_pool_t *pool);
/** Sets search_path: the tenant's schema, then that of pg_trgm; neither has to exist yet.
 *  @return NULL, or as fhirctl_db_run */
fhir_err_t *fhirctl_db_use(PGconn *conn, const fhirctl_db_t *db, apr_pool_t *pool);

/**
 * Runs one statement with text values (NULL is SQL NULL); the result is cleared with pool. With
 * no values the text may hold several statements.
 * @param result may be NULL
 * @return NULL, or as fhir_store_error: by the SQLSTATE, FHIR_ERR_INTERNAL for most
 */
fhir_err_t *fhirctl_db_run(PGresult **result, PGconn *conn, apr_pool_t *pool, const char *sql,
                           int n_values, const char *const *values);

/** Checks that the tenant's schema is the one that this program was built for.
 *  @return NULL, FHIR_ERR_INTERNAL with what to do, or as fhirctl_db_run */
fhir_err_t *fhirctl_db_check(PGconn *conn, const fhirctl_db_t *db, apr_pool_t *pool);

#endif
