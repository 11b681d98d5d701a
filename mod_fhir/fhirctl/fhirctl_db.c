/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections of the command line, and the check that the schema fits the program.
 */
#include "fhirctl/fhirctl_db.h"

#include <apr_strings.h>
#include <string.h>

#include "store/fhir_connect.h"
#include "store/fhir_schema.h"

const char *fhirctl_db_option(fhirctl_db_t *db, int option, const char *value)
{
    if (option == FHIRCTL_DB_OPT_CONNINFO)
        db->conninfo = value;
    else if (option == FHIRCTL_DB_OPT_TENANT) {
        if (!fhir_tenant_is_name(value))
            return "a schema's name: a-z, 0-9 and _, beginning with a letter, at most 48";
        db->tenant = value;
    }
    return NULL;
}

static apr_status_t close_connection(void *conn)
{
    PQfinish(conn);
    return APR_SUCCESS;
}

static apr_status_t clear_result(void *result)
{
    PQclear(result);
    return APR_SUCCESS;
}

static void ignore_notice(void *baton, const PGresult *result)
{
    (void)baton;
    (void)result;
}

fhir_err_t *fhirctl_db_run(PGresult **result, PGconn *conn, apr_pool_t *pool, const char *sql,
                           int n_values, const char *const *values)
{
    PGresult *r = n_values ? PQexecParams(conn, sql, n_values, NULL, values, NULL, NULL, 0)
                           : PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(r);

    if (r)
        apr_pool_cleanup_register(pool, r, clear_result, apr_pool_cleanup_null);
    if (result)
        *result = r;
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN)
        return NULL;
    return fhir_store_error(conn, r, pool);
}

/* What is set for a session here may be lost, or reach others, behind a pooler; its process is not
 * the one that libpq was told of. */
static fhir_err_t *refuse_pooler(PGconn *conn, apr_pool_t *pool)
{
    PGresult *r;
    FHIR_TRY(fhirctl_db_run(&r, conn, pool, "SELECT pg_backend_pid()", 0, NULL));
    if (apr_atoi64(PQgetvalue(r, 0, 0)) == PQbackendPID(conn))
        return NULL;
    return fhir_err_create(pool, FHIR_ERR_INTERNAL,
                           "this connection goes through a pooler (PgBouncer): give fhirctl the "
                           "port of PostgreSQL itself");
}

fhir_err_t *fhirctl_db_connect(PGconn **conn, const fhirctl_db_t *db, apr_pool_t *pool)
{
    fhir_connect_t *connect;
    FHIR_TRY(fhir_connect_create(&connect, db->conninfo, "fhirctl", pool));
    fhir_err_t *err = fhir_connect_open(conn, connect, NULL, NULL, pool);
    if (err) /* its message is one for clients of a server */
        return fhir_err_create(pool, err->code, "%s", err->detail ? err->detail : err->message);
    apr_pool_cleanup_register(pool, *conn, close_connection, apr_pool_cleanup_null);
    PQsetNoticeReceiver(*conn, ignore_notice, NULL);
    FHIR_TRY(refuse_pooler(*conn, pool));
    FHIR_TRY(
        fhirctl_db_run(NULL, *conn, pool, "SET timezone = 'UTC'; SET datestyle = 'ISO'", 0, NULL));
    return fhirctl_db_use(*conn, db, pool);
}

fhir_err_t *fhirctl_db_use(PGconn *conn, const fhirctl_db_t *db, apr_pool_t *pool)
{
    return fhirctl_db_run(NULL, conn, pool,
                          "SELECT set_config('search_path', concat_ws(', ', quote_ident($1), "
                          "(SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n "
                          "ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm')), false)",
                          1, &db->tenant);
}

fhir_err_t *fhirctl_db_check(PGconn *conn, const fhirctl_db_t *db, apr_pool_t *pool)
{
    fhir_schema_t schema;
    PGresult *r;
    fhir_err_t *err = fhirctl_db_run(&r, conn, pool, fhir_schema_sql(db->tenant, pool), 0, NULL);
    if (err && err->code != FHIR_ERR_INTERNAL)
        return err;
    if (err)
        fhir_schema_judge_error(&schema, err, pool);
    else
        fhir_schema_judge(&schema, PQgetisnull(r, 0, 0) ? NULL : PQgetvalue(r, 0, 0),
                          PQgetisnull(r, 0, 1) ? NULL : PQgetvalue(r, 0, 1), pool);
    if (schema.state == FHIR_SCHEMA_READY)
        return NULL;
    return fhir_err_create(pool, FHIR_ERR_INTERNAL, "schema \"%s\" of database %s: %s%s%s",
                           db->tenant, PQdb(conn), schema.why,
                           strstr(schema.why, "fhirctl init") ? " --tenant " : "",
                           strstr(schema.why, "fhirctl init") ? db->tenant : "");
}
