/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes that are sent without waiting for the previous one: those of a group, in a transaction
 * that ends with the pipeline, and those of a transaction that goes on. The first error ends either
 * kind, and the server skips what follows it.
 */
#include "store/fhir_store_private.h"

#include <apr_strings.h>

/* The most results that may be unread: otherwise the server would wait for us. */
#define UNREAD_MAX 128

static int send_stmt(PGconn *conn, const char *name, const fhir_stmt_t *stmt,
                     const fhir_value_t *values)
{
    if (stmt->n_values > 256)
        return 0;
    const char *bound[256];
    for (int i = 0; i < stmt->n_values; i++) {
        bound[i] = values[i].data;
    }
    return fhir_conn_send(conn, name, stmt, bound);
}

/* The next result; it is never NULL without an error. */
static fhir_err_t *next_result(PGresult **result, PGconn *conn, fhir_wait_t *wait, apr_pool_t *pool)
{
    PGresult *end = NULL;
    FHIR_TRY(fhir_conn_next(result, conn, wait, pool));
    if (!*result)
        return fhir_store_error(conn, NULL, pool);
    if (PQresultStatus(*result) == PGRES_PIPELINE_SYNC)
        return NULL; /* only this result has no NULL after it */
    fhir_err_t *err = fhir_conn_next(&end, conn, wait, pool);
    if (!err && end)
        err = fhir_store_error(NULL, NULL, pool); /* not in step with the server */
    PQclear(end);
    if (err)
        PQclear(*result);
    return err;
}

/* Enters pipeline mode. libpq keeps the single-row mode of a previous statement, and would use it
 * for the first command. Therefore that is a Sync. */
static int enter(PGconn *conn)
{
    return PQenterPipelineMode(conn) && PQpipelineSync(conn);
}

/* Reads the result of this Sync. */
static fhir_err_t *read_front(PGconn *conn, fhir_wait_t *wait, apr_pool_t *pool)
{
    PGresult *result;
    FHIR_TRY(next_result(&result, conn, wait, pool));
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    return status == PGRES_PIPELINE_SYNC ? NULL : fhir_store_error(NULL, NULL, pool);
}

/* ---- a transaction of its own ---- */

static fhir_err_t *send_all(fhir_progress_t *progress, PGconn *conn, const fhir_rows_t *units,
                            int n, apr_pool_t *pool)
{
    int sent = enter(conn);
    progress->sent = 1;
    for (int i = 0; i < n && sent; i++) {
        sent = fhir_conn_send(conn, units[i].name, &units[i].stmt, units[i].values);
    }
    return sent && PQpipelineSync(conn) ? NULL : fhir_store_error(conn, NULL, pool);
}

/* Reads up to the sync. *failed: the error that ended the transaction. If the function itself
 * returns an error, the outcome is unknown. */
static fhir_err_t *read_all(fhir_err_t **failed, PGconn *conn, const fhir_rows_t *units, int n,
                            fhir_wait_t *wait, apr_pool_t *pool)
{
    int read = 0;
    *failed = NULL;
    for (;; read += read < n) {
        PGresult *result;
        fhir_err_t *err = NULL;
        FHIR_TRY(next_result(&result, conn, wait, pool));
        ExecStatusType status = PQresultStatus(result);
        if (read < n && (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK))
            err = fhir_rows_settle(&units[read], result, pool);
        else if (!*failed && status != PGRES_PIPELINE_SYNC)
            *failed = fhir_store_error(conn, result, pool);
        PQclear(result);
        if (err)
            return err;
        if (status == PGRES_PIPELINE_SYNC)
            break;
    }
    if (read < n) /* fewer results than statements */
        return fhir_store_error(NULL, NULL, pool);
    return *failed && fhir_sqlstate_ends_session((*failed)->sqlstate) ? *failed : NULL;
}

fhir_err_t *fhir_pipeline_run(fhir_progress_t *progress, int *undone, PGconn *conn,
                              fhir_member_t *list, apr_interval_time_t timeout, apr_pool_t *pool)
{
    fhir_err_t *err = NULL, *failed = NULL;
    fhir_rows_t *units;
    int n = fhir_rows_join(&units, list, pool);
    fhir_wait_t wait = fhir_wait_start(timeout, NULL, 0);
    for (int i = 0; i < n && !err; i++) {
        err = fhir_conn_prepare(units[i].name, conn, &units[i].stmt, &wait, pool);
    }
    if (err) {
        *undone = PQstatus(conn) == CONNECTION_OK;
        return err;
    }
    err = send_all(progress, conn, units, n, pool);
    if (!err)
        err = read_front(conn, &wait, pool);
    if (!err)
        err = read_all(&failed, conn, units, n, &wait, pool);
    if (err || !PQexitPipelineMode(conn)) {
        fhir_conn_kill(conn);
        return err ? err : fhir_store_error(conn, NULL, pool);
    }
    if (failed && fhir_conn_is_outdated(failed))
        fhir_conn_renew(conn);
    *undone = failed != NULL;
    return failed;
}

/* ---- within a transaction ---- */

/* Reads the results of what was sent, and the sync. */
static fhir_err_t *read_line(fhir_err_t **failed, fhir_pipeline_t *line, apr_pool_t *pool)
{
    fhir_wait_t wait = fhir_wait_start(line->timeout, line->patience, 0);
    FHIR_TRY(read_front(line->conn, &wait, pool));
    for (;;) {
        fhir_err_t *err = NULL;
        PGresult *result;
        FHIR_TRY(next_result(&result, line->conn, &wait, pool));
        if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            return NULL;
        }
        line->read++;
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            err = fhir_store_error(line->conn, result, pool);
        else if (apr_atoi64(PQcmdTuples(result)) != 1)
            err = fhir_err_detail(fhir_err_create(pool, FHIR_ERR_INTERNAL,
                                                  "The server could not complete the request"),
                                  pool, "a write changed %s rows, not 1", PQcmdTuples(result));
        if (err && !*failed) {
            *failed = err;
            line->failed = line->read;
        }
        PQclear(result);
    }
}

fhir_err_t *fhir_pipeline_end(fhir_pipeline_t *line, apr_pool_t *pool)
{
    fhir_err_t *err = NULL, *failed = NULL;
    if (!line->open)
        return NULL;
    line->open = 0;
    if (!PQpipelineSync(line->conn))
        err = fhir_store_error(line->conn, NULL, pool);
    else
        err = read_line(&failed, line, pool);
    if (err || !PQexitPipelineMode(line->conn)) {
        fhir_conn_kill(line->conn);
        return err ? err : fhir_store_error(line->conn, NULL, pool);
    }
    if (failed && fhir_conn_is_outdated(failed))
        fhir_conn_renew(line->conn);
    return failed;
}

fhir_err_t *fhir_pipeline_add(fhir_pipeline_t *line, const fhir_stmt_t *stmt,
                              const fhir_value_t *values, apr_pool_t *pool)
{
    char name[FHIR_STMTS_NAME];
    int known = fhir_conn_knows(name, line->conn, stmt);
    line->patience = stmt->patience;
    if (!known || line->sent - line->read >= UNREAD_MAX)
        FHIR_TRY(fhir_pipeline_end(line, pool));
    if (!known) {
        fhir_wait_t wait = fhir_wait_start(line->timeout, stmt->patience, 0);
        FHIR_TRY(fhir_conn_prepare(name, line->conn, stmt, &wait, pool));
    }
    if (!line->open) {
        line->open = enter(line->conn);
        if (!line->open)
            return fhir_store_error(line->conn, NULL, pool);
    }
    if (!send_stmt(line->conn, name, stmt, values))
        return fhir_store_error(line->conn, NULL, pool);
    line->sent++;
    return NULL;
}
