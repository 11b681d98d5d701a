/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhirctl_db.h
 * @brief Connections of the command line: libpq alone, one connection a thread.
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
     "STRING\tlibpq connection string; what it leaves out comes from PGHOST, …"},                  \
    {                                                                                              \
        "tenant", FHIRCTL_DB_OPT_TENANT, 1, "NAME\tschema of the practice (main)"                  \
    }
/** Takes one of them: NULL, or what is accepted. */
const char *fhirctl_db_option(fhirctl_db_t *db, int option, const char *value);

/** Connects (UTF8, UTC, ISO dates) and calls fhirctl_db_use. Closed with pool. */
fhir_err_t *fhirctl_db_connect(PGconn **conn, const fhirctl_db_t *db, apr_pool_t *pool);
/** Sets search_path: the tenant's schema, then that of pg_trgm; neither has to be there yet. */
fhir_err_t *fhirctl_db_use(PGconn *conn, const fhirctl_db_t *db, apr_pool_t *pool);

/**
 * Runs one statement with text values (NULL is SQL NULL); the result is cleared with pool. With
 * no values the text may hold several statements.
 * @param result may be NULL
 */
fhir_err_t *fhirctl_db_run(PGresult **result, PGconn *conn, apr_pool_t *pool, const char *sql,
                           int n_values, const char *const *values);

/** The schema is there, and it is the one that this program was built for. */
fhir_err_t *fhirctl_db_check(PGconn *conn, const fhirctl_db_t *db, apr_pool_t *pool);

#endif
