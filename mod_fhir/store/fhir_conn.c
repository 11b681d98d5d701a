/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection: what our sessions need, prepared statements, running a statement, finding out
 * that the server is gone. Who lends it and whether a statement is retried is fhir_store.c's.
 *
 * The record of a connection hangs on the PGconn itself (libpq's instance data): mod_dbd resets a
 * dead connection behind our back, and only libpq's event tells that the new session knows none
 * of our statements.
 */
#include "store/fhir_store_private.h"

#include <apr_strings.h>
#include <errno.h>
#include <libpq-events.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

typedef struct state_t {
    int ready; /* fhir_conn_setup was done in this session */
    fhir_stmts_t stmts;
} state_t;

static int on_event(PGEventId id, void *info, void *unused)
{
    (void)unused;
    if (id == PGEVT_CONNRESET) {
        state_t *state = PQinstanceData(((PGEventConnReset *)info)->conn, on_event);
        if (state) {
            state->ready = 0;
            fhir_stmts_clear(&state->stmts);
        }
    }
    else if (id == PGEVT_CONNDESTROY) {
        state_t *state = PQinstanceData(((PGEventConnDestroy *)info)->conn, on_event);
        if (state) {
            fhir_stmts_clear(&state->stmts);
            free(state);
        }
    }
    return 1;
}

/* Notices go nowhere: libpq's default prints them to standard error, httpd's error log. */
static void no_notice(void *unused, const PGresult *result)
{
    (void)unused;
    (void)result;
}

static state_t *state_of(PGconn *conn)
{
    state_t *state = PQinstanceData(conn, on_event);
    if (state)
        return state;
    if (!(state = calloc(1, sizeof(*state))))
        return NULL;
    /* 0 is also the answer when it is registered already and its data was never set */
    (void)PQregisterEventProc(conn, on_event, "mod_fhir", NULL);
    if (!PQsetInstanceData(conn, on_event, state)) {
        free(state);
        return NULL;
    }
    PQsetNoticeReceiver(conn, no_notice, NULL);
    return state;
}

static fhir_err_t *no_memory(apr_pool_t *pool)
{
    return fhir_err_detail(
        fhir_err_create(pool, FHIR_ERR_INTERNAL, "The server could not complete the request"), pool,
        "no memory for a statement");
}

static fhir_err_t *timed_out(apr_pool_t *pool)
{
    return fhir_err_detail(
        fhir_err_create(pool, FHIR_ERR_TIMEOUT,
                        "The request took longer than this server allows; ask for less in one "
                        "request"),
        pool, "PostgreSQL did not answer within the statement timeout and its grace");
}

apr_time_t fhir_conn_deadline(apr_interval_time_t timeout)
{
    return timeout > 0 ? apr_time_now() + timeout + FHIR_CONN_GRACE : 0;
}

apr_status_t fhir_conn_await(PGconn *conn, apr_time_t deadline)
{
    for (;;) {
        struct pollfd fd = {.fd = PQsocket(conn), .events = POLLIN};
        int unsent = PQflush(conn), wait = -1;
        if (unsent < 0)
            return APR_ECONNRESET;
        if (!unsent && !PQisBusy(conn))
            return PQstatus(conn) == CONNECTION_OK ? APR_SUCCESS : APR_ECONNRESET;
        if (fd.fd < 0)
            return APR_ECONNRESET;
        if (unsent)
            fd.events |= POLLOUT;
        if (deadline) {
            apr_interval_time_t left = deadline - apr_time_now();
            if (left <= 0)
                return APR_TIMEUP;
            wait = (int)((left + 999) / 1000);
        }
        if (poll(&fd, 1, wait) < 0 && errno != EINTR)
            return APR_ECONNRESET;
        if ((fd.revents & (POLLIN | POLLERR | POLLHUP)) && !PQconsumeInput(conn))
            return APR_ECONNRESET;
    }
}

fhir_err_t *fhir_conn_next(PGresult **result, PGconn *conn, apr_time_t deadline, apr_pool_t *pool)
{
    *result = NULL;
    switch (fhir_conn_await(conn, deadline)) {
    case APR_TIMEUP:
        fhir_conn_kill(conn); /* its answer may still come: nobody may be lent this one */
        return timed_out(pool);
    default: /* also a lost connection: PQgetResult gives the error that the server left behind */
        *result = PQgetResult(conn);
        return NULL;
    }
}

static int is_error(const PGresult *result)
{
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_SINGLE_TUPLE:
    case PGRES_EMPTY_QUERY:
        return 0;
    default:
        return 1;
    }
}

/* Reads what is left of a statement whose rows nobody wants any more. */
static void drain(PGconn *conn, int cancel, apr_time_t deadline, apr_pool_t *pool)
{
    PGresult *result;
    if (cancel) {
        char why[256];
        PGcancel *c = PQgetCancel(conn);
        if (c)
            (void)PQcancel(c, why, sizeof(why));
        PQfreeCancel(c);
    }
    while (!fhir_conn_next(&result, conn, deadline, pool) && result) {
        PQclear(result);
    }
}

fhir_err_t *fhir_conn_rows(apr_int64_t *rows, const PGresult *result, fhir_row_fn row_fn,
                           void *baton)
{
    fhir_row_t row = {.result = result};
    int n = PQntuples(result);
    if (!row_fn) {
        *rows += n;
        return NULL;
    }
    for (row.row = 0; row.row < n; row.row++) {
        ++*rows;
        FHIR_TRY(row_fn(baton, &row));
    }
    return NULL;
}

/* Results of the statement that was sent, until the end. changed: rows in the command tag. */
static fhir_err_t *collect(apr_int64_t *rows, apr_int64_t *changed, PGconn *conn,
                           fhir_row_fn row_fn, void *baton, apr_time_t deadline, apr_pool_t *pool)
{
    for (;;) {
        fhir_err_t *err;
        PGresult *result;
        int streaming;
        FHIR_TRY(fhir_conn_next(&result, conn, deadline, pool));
        if (!result)
            return NULL;
        streaming = PQresultStatus(result) == PGRES_SINGLE_TUPLE;
        if (is_error(result))
            err = fhir_store_error(conn, result, pool);
        else {
            err = fhir_conn_rows(rows, result, row_fn, baton);
            if (*PQcmdTuples(result))
                *changed = apr_atoi64(PQcmdTuples(result));
        }
        PQclear(result);
        if (err) {
            drain(conn, streaming, deadline, pool);
            return err;
        }
    }
}

fhir_err_t *fhir_conn_exec(const char **tag, PGconn *conn, const char *sql,
                           apr_interval_time_t timeout, apr_pool_t *pool)
{
    apr_time_t deadline = fhir_conn_deadline(timeout);
    PGresult *result;
    fhir_err_t *err = NULL;
    if (!PQsendQuery(conn, sql))
        return fhir_store_error(conn, NULL, pool);
    for (;;) {
        FHIR_TRY(fhir_conn_next(&result, conn, deadline, pool));
        if (!result)
            break;
        if (is_error(result) && !err)
            err = fhir_store_error(conn, result, pool);
        else if (tag)
            *tag = apr_pstrdup(pool, PQcmdStatus(result));
        PQclear(result);
    }
    if (!err && PQstatus(conn) != CONNECTION_OK)
        err = fhir_store_error(conn, NULL, pool);
    return err;
}

const char *fhir_conn_setup_sql(apr_interval_time_t timeout, apr_pool_t *pool)
{
    /* JIT pays for itself in reports that run for seconds, never in ours */
    return apr_psprintf(pool,
                        "SET client_encoding = 'UTF8'; SET timezone = 'UTC'; "
                        "SET datestyle = 'ISO'; SET standard_conforming_strings = on; "
                        "SET jit = off; SET statement_timeout = %" APR_INT64_T_FMT,
                        (apr_int64_t)apr_time_as_msec(timeout));
}

fhir_err_t *fhir_conn_setup(PGconn *conn, apr_interval_time_t timeout, apr_pool_t *pool)
{
    state_t *state = state_of(conn);
    if (!state)
        return no_memory(pool);
    if (!state->ready) {
        FHIR_TRY(fhir_conn_exec(NULL, conn, fhir_conn_setup_sql(timeout, pool), timeout, pool));
        state->ready = 1;
    }
    return NULL;
}

static void forget(state_t *state, const char *sql)
{
    int index = fhir_stmts_find(&state->stmts, sql);
    if (index >= 0)
        fhir_stmts_remove(&state->stmts, index);
}

void fhir_conn_forget(PGconn *conn, const char *sql)
{
    state_t *state = state_of(conn);
    if (state)
        forget(state, sql);
}

int fhir_conn_knows(char name[FHIR_STMTS_NAME], PGconn *conn, const char *sql)
{
    state_t *state = state_of(conn);
    int index = state ? fhir_stmts_find(&state->stmts, sql) : -1;
    if (index >= 0)
        fhir_stmts_name(name, &state->stmts, index);
    return index >= 0;
}

static fhir_err_t *make_room(PGconn *conn, state_t *state, apr_interval_time_t timeout,
                             apr_pool_t *pool)
{
    char name[FHIR_STMTS_NAME];
    int oldest = fhir_stmts_oldest(&state->stmts);
    fhir_err_t *err;
    if (state->stmts.n < FHIR_STMTS_MAX)
        return NULL;
    fhir_stmts_name(name, &state->stmts, oldest);
    err = fhir_conn_exec(NULL, conn, apr_pstrcat(pool, "DEALLOCATE ", name, NULL), timeout, pool);
    if (!err)
        fhir_stmts_remove(&state->stmts, oldest);
    else if (strcmp(err->sqlstate, "26000") == 0) /* the server has forgotten them all */
        fhir_stmts_clear(&state->stmts);
    return err && (state->stmts.n || PQtransactionStatus(conn) != PQTRANS_IDLE) ? err : NULL;
}

/* Index of the statement in the record, prepared in the server. */
static fhir_err_t *prepare(int *index, PGconn *conn, state_t *state, const fhir_stmt_t *stmt,
                           apr_time_t deadline, apr_interval_time_t timeout, apr_pool_t *pool)
{
    char name[FHIR_STMTS_NAME];
    apr_int64_t rows = 0, changed = 0;
    fhir_err_t *err;
    *index = fhir_stmts_find(&state->stmts, stmt->sql);
    if (*index >= 0)
        return NULL;
    FHIR_TRY(make_room(conn, state, timeout, pool));
    if ((*index = fhir_stmts_add(&state->stmts, stmt->sql)) < 0)
        return no_memory(pool);
    fhir_stmts_name(name, &state->stmts, *index);
    if (!PQsendPrepare(conn, name, stmt->sql, stmt->n_values, NULL))
        err = fhir_store_error(conn, NULL, pool);
    else
        err = collect(&rows, &changed, conn, NULL, NULL, deadline, pool);
    if (err)
        forget(state, stmt->sql);
    return err;
}

fhir_err_t *fhir_conn_prepare(char name[FHIR_STMTS_NAME], PGconn *conn, const fhir_stmt_t *stmt,
                              apr_interval_time_t timeout, apr_pool_t *pool)
{
    state_t *state = state_of(conn);
    int index;
    if (!state)
        return no_memory(pool);
    FHIR_TRY(prepare(&index, conn, state, stmt, fhir_conn_deadline(timeout), timeout, pool));
    fhir_stmts_name(name, &state->stmts, index);
    return NULL;
}

static fhir_err_t *send_statement(fhir_progress_t *progress, PGconn *conn, state_t *state,
                                  const fhir_stmt_t *stmt, const char *const *bound,
                                  apr_time_t deadline, apr_interval_time_t timeout,
                                  apr_pool_t *pool)
{
    int sent;
    if (stmt->flags & FHIR_STMT_ONCE) {
        progress->sent = 1;
        sent = PQsendQueryParams(conn, stmt->sql, stmt->n_values, NULL, bound, NULL, NULL, 0);
    }
    else {
        char name[FHIR_STMTS_NAME];
        int index;
        FHIR_TRY(prepare(&index, conn, state, stmt, deadline, timeout, pool));
        fhir_stmts_name(name, &state->stmts, index);
        progress->sent = 1;
        sent = PQsendQueryPrepared(conn, name, stmt->n_values, bound, NULL, NULL, 0);
    }
    return sent ? NULL : fhir_store_error(conn, NULL, pool);
}

int fhir_conn_is_outdated(const fhir_err_t *err)
{
    return strcmp(err->sqlstate, "26000") == 0 || strcmp(err->sqlstate, "0A000") == 0;
}

fhir_err_t *fhir_conn_run(fhir_progress_t *progress, apr_int64_t *affected, PGconn *conn,
                          const fhir_stmt_t *stmt, const fhir_value_t *values, fhir_row_fn row_fn,
                          void *baton, apr_interval_time_t timeout, apr_pool_t *pool)
{
    state_t *state = state_of(conn);
    apr_time_t deadline = fhir_conn_deadline(timeout);
    const char *few[32], **bound = few;
    if (!state)
        return no_memory(pool);
    if (stmt->n_values > 32)
        bound = apr_palloc(pool, sizeof(*bound) * (apr_size_t)stmt->n_values);
    for (int i = 0; i < stmt->n_values; i++) {
        bound[i] = values[i].data;
    }
    for (int again = 1;; again--) {
        apr_int64_t changed = -1;
        fhir_err_t *err;
        FHIR_TRY(send_statement(progress, conn, state, stmt, bound, deadline, timeout, pool));
        if (stmt->flags & FHIR_STMT_STREAM)
            (void)PQsetSingleRowMode(conn);
        err = collect(&progress->rows, &changed, conn, row_fn, baton, deadline, pool);
        if (affected)
            *affected = changed >= 0 ? changed : progress->rows;
        if (!err && PQstatus(conn) != CONNECTION_OK)
            err = fhir_store_error(conn, NULL, pool);
        if (!err || !fhir_conn_is_outdated(err) || progress->rows || !again)
            return err;
        progress->sent = 0;
        forget(state, stmt->sql);
        if (PQtransactionStatus(conn) != PQTRANS_IDLE)
            return err; /* inside a transaction, which has failed */
    }
}

int fhir_conn_is_stale(PGconn *conn)
{
    /* A server that ends a session sends a last message and closes: the message is one read, the
     * end of the stream the next. Notices and parameter changes are readable too, and harmless. */
    for (int i = 0; i < 8 && PQstatus(conn) == CONNECTION_OK; i++) {
        struct pollfd fd = {.fd = PQsocket(conn), .events = POLLIN};
        if (fd.fd < 0)
            return 1;
        if (poll(&fd, 1, 0) <= 0)
            return 0;
        if (!PQconsumeInput(conn))
            return 1;
        (void)PQisBusy(conn); /* parses what came */
    }
    return PQstatus(conn) != CONNECTION_OK;
}

void fhir_conn_kill(PGconn *conn)
{
    int fd = PQsocket(conn);
    if (fd < 0 || PQstatus(conn) != CONNECTION_OK)
        return;
    (void)shutdown(fd, SHUT_RDWR);
    /* what had arrived before is read first */
    for (int i = 0; i < 1024 && PQconsumeInput(conn) && PQstatus(conn) == CONNECTION_OK; i++) {
        (void)PQisBusy(conn);
    }
}
