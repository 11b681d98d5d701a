/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection: session settings, prepared statements, running a statement, and detecting that
 * the server is gone. fhir_store.c decides who gets it and whether a statement is retried.
 *
 * The record of a connection is attached to the PGconn (libpq's instance data): mod_dbd resets a
 * dead connection without telling us, and only libpq's event shows that the new session has none of
 * our statements.
 */
#include "store/fhir_store_private.h"

#include <apr_strings.h>
#include <errno.h>
#include <libpq-events.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/fhir_work.h"

#define ROW_TICKS 4 /* what a row costs in libpq and until it is in the answer, about */

typedef struct state_t {
    int ready;                   /* fhir_conn_setup was called in this session */
    int pooled;                  /* the connection goes through a pooler */
    int renew;                   /* prepared statements cannot be run any more */
    int unreplicated;            /* the server said that a commit is not confirmed */
    apr_interval_time_t timeout; /* the session's statement_timeout */
    apr_time_t answered;         /* when it was set up, or last given back in order */
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

/* Notices are dropped: libpq would print them to standard error, httpd's error log. One matters: a
 * commit whose wait for a synchronous standby was cancelled succeeds with a warning. Its text
 * depends on the language, but the name of the function that reports it does not. */
static void on_notice(void *baton, const PGresult *result)
{
    const char *function = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);
    if (function && strcmp(function, "SyncRepWaitForLSN") == 0)
        ((state_t *)baton)->unreplicated = 1;
}

static state_t *state_of(PGconn *conn)
{
    state_t *state = PQinstanceData(conn, on_event);
    if (state)
        return state;
    if (!(state = calloc(1, sizeof(*state))))
        return NULL;
    /* 0 also means that it is registered already and its data was never set */
    (void)PQregisterEventProc(conn, on_event, "mod_fhir", NULL);
    if (!PQsetInstanceData(conn, on_event, state)) {
        free(state);
        return NULL;
    }
    PQsetNoticeReceiver(conn, on_notice, state);
    return state;
}

static fhir_err_t *no_memory(apr_pool_t *pool)
{
    return fhir_err_detail(fhir_sqlstate_error(FHIR_ERR_INTERNAL, pool), pool,
                           "no memory for a statement");
}

/* ---- waiting ---- */

fhir_wait_t fhir_wait_start(apr_interval_time_t timeout, const fhir_patience_t *patience,
                            int watched)
{
    fhir_wait_t wait = {.client = -1};
    if (timeout > 0)
        wait.cancel_at = apr_time_now() + timeout + FHIR_CONN_LATE;
    if (!patience)
        return wait;
    if (patience->until && (!wait.cancel_at || patience->until < wait.cancel_at))
        wait.cancel_at = patience->until;
    if (patience->first_row && (!wait.cancel_at || patience->first_row < wait.cancel_at)) {
        wait.is_soft = 1;
        wait.then_at = wait.cancel_at;
        wait.cancel_at = patience->first_row;
    }
    if (watched)
        wait.client = patience->client;
    return wait;
}

/* 1 if the peer has closed its side, or the connection is broken. */
static int has_closed(short revents)
{
    return revents & (POLLRDHUP | POLLHUP | POLLERR);
}

fhir_err_t *fhir_patience_check(const fhir_patience_t *patience, apr_pool_t *pool)
{
    struct pollfd fd = {.events = POLLRDHUP};
    if (!patience)
        return NULL;
    apr_time_t now = apr_time_now();
    if (patience->until && now >= patience->until)
        return fhir_err_detail(fhir_sqlstate_error(FHIR_ERR_TIMEOUT, pool), pool,
                               "the request took longer than FHIRRequestTimeout");
    fd.fd = patience->client;
    if (patience->client < 0 || now < patience->fresh || poll(&fd, 1, 0) <= 0 ||
        !has_closed(fd.revents))
        return NULL;
    return fhir_err_detail(fhir_sqlstate_error(FHIR_ERR_TIMEOUT, pool), pool,
                           "the client has closed its connection");
}

apr_status_t fhir_conn_await(PGconn *conn, apr_time_t until, int client)
{
    for (;;) {
        struct pollfd fds[2] = {{.fd = PQsocket(conn), .events = POLLIN},
                                {.fd = client, .events = POLLRDHUP}};
        int unsent = PQflush(conn), wait = -1;
        if (unsent < 0)
            return APR_ECONNRESET;
        if (!unsent && !PQisBusy(conn))
            return PQstatus(conn) == CONNECTION_OK ? APR_SUCCESS : APR_ECONNRESET;
        if (fds[0].fd < 0)
            return APR_ECONNRESET;
        if (unsent)
            fds[0].events |= POLLOUT;
        if (until) {
            apr_interval_time_t left = until - apr_time_now();
            if (left <= 0)
                return APR_TIMEUP;
            wait = (int)((left + 999) / 1000);
        }
        if (poll(fds, client < 0 ? 1 : 2, wait) < 0 && errno != EINTR)
            return APR_ECONNRESET;
        if ((fds[0].revents & (POLLIN | POLLERR | POLLHUP)) && !PQconsumeInput(conn))
            return APR_ECONNRESET;
        if (client >= 0 && has_closed(fds[1].revents) && PQisBusy(conn))
            return APR_ECONNABORTED;
    }
}

/* Cancels the running statement, and begins to wait for its end. */
static void cancel(PGconn *conn, fhir_wait_t *wait, apr_status_t why)
{
    wait->state = why == APR_TIMEUP ? FHIR_WAIT_LATE : FHIR_WAIT_GONE;
    wait->give_up_at = apr_time_now() + FHIR_CONN_GRACE;
    if (!fhir_cancel(conn, FHIR_CONN_GRACE / 2))
        wait->give_up_at = apr_time_now();
}

/* The server neither answered nor cancelled the statement. */
static fhir_err_t *no_answer(apr_pool_t *pool)
{
    fhir_err_t *err = fhir_err_create(
        pool, FHIR_ERR_BUSY, "The database does not answer at the moment; try again later");
    return fhir_err_detail(err, pool,
                           "PostgreSQL does not answer: neither within the statement timeout, nor "
                           "to a request to cancel; the connection was closed");
}

fhir_err_t *fhir_conn_next(PGresult **result, PGconn *conn, fhir_wait_t *wait, apr_pool_t *pool)
{
    *result = NULL;
    if (wait->state == FHIR_WAIT_ON) {
        apr_status_t rv = fhir_conn_await(conn, wait->cancel_at, wait->client);
        if (rv == APR_TIMEUP || rv == APR_ECONNABORTED)
            cancel(conn, wait, rv);
    }
    if (wait->state != FHIR_WAIT_ON && fhir_conn_await(conn, wait->give_up_at, -1) == APR_TIMEUP) {
        fhir_conn_kill(
            conn); /* its response may still arrive, so the connection must not be used again */
        return no_answer(pool);
    }
    /* also of a lost connection: PQgetResult returns the last error of the server */
    *result = PQgetResult(conn);
    return NULL;
}

/* ---- results ---- */

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

/* Reads the rest of a statement whose rows are not needed any more. */
static void drain(PGconn *conn, int streaming, fhir_wait_t *wait, apr_pool_t *pool)
{
    if (streaming && wait->state == FHIR_WAIT_ON)
        cancel(conn, wait, APR_ECONNABORTED);
    PGresult *result;
    while (!fhir_conn_next(&result, conn, wait, pool) && result) {
        PQclear(result);
    }
}

/* Gives the error of a statement that we cancelled its reason. */
static fhir_err_t *result_error(PGconn *conn, const PGresult *result, const fhir_wait_t *wait,
                                apr_pool_t *pool)
{
    fhir_err_t *err = fhir_store_error(conn, result, pool);
    if (err->code == FHIR_ERR_TIMEOUT && wait->state != FHIR_WAIT_ON)
        err->detail = wait->state == FHIR_WAIT_LATE
                          ? "a statement was cancelled: it took longer than FHIRStatementTimeout, "
                            "or the request longer than FHIRRequestTimeout"
                          : "a statement was cancelled: the client has closed its connection";
    return err;
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
        (void)fhir_work_tick(ROW_TICKS);
        FHIR_TRY(row_fn(baton, &row));
    }
    return NULL;
}

/* Reads all results of the statement that was sent. changed: rows of the command tag. */
static fhir_err_t *collect(apr_int64_t *rows, apr_int64_t *changed, PGconn *conn,
                           fhir_row_fn row_fn, void *baton, fhir_wait_t *wait, apr_pool_t *pool)
{
    for (int late = 0;;) {
        PGresult *result;
        FHIR_TRY(fhir_conn_next(&result, conn, wait, pool));
        if (!result)
            return late ? fhir_sqlstate_error(FHIR_ERR_TIMEOUT, pool) : NULL;
        int streaming = PQresultStatus(result) == PGRES_SINGLE_TUPLE;
        fhir_err_t *err;
        if (is_error(result))
            err = result_error(conn, result, wait, pool);
        else {
            if (streaming && wait->is_soft && wait->state == FHIR_WAIT_ON) {
                wait->cancel_at = wait->then_at;
                wait->is_soft = 0;
            }
            /* Rows that arrive after the time limit come with the error. They are dropped, because
             * the statement is run again. */
            late |= wait->is_soft && wait->state != FHIR_WAIT_ON;
            err = late ? NULL : fhir_conn_rows(rows, result, row_fn, baton);
            if (*PQcmdTuples(result))
                *changed = apr_atoi64(PQcmdTuples(result));
        }
        PQclear(result);
        if (err) {
            drain(conn, streaming, wait, pool);
            return err;
        }
    }
}

fhir_err_t *fhir_conn_exec(const char **tag, PGconn *conn, const char *sql, fhir_wait_t *wait,
                           apr_pool_t *pool)
{
    fhir_err_t *err = NULL;
    if (!PQsendQuery(conn, sql))
        return fhir_store_error(conn, NULL, pool);
    PGresult *result;
    for (;;) {
        FHIR_TRY(fhir_conn_next(&result, conn, wait, pool));
        if (!result)
            break;
        if (is_error(result) && !err)
            err = result_error(conn, result, wait, pool);
        else if (tag)
            *tag = apr_pstrdup(pool,
                               PQntuples(result) ? PQgetvalue(result, 0, 0) : PQcmdStatus(result));
        PQclear(result);
    }
    if (!err && PQstatus(conn) != CONNECTION_OK)
        err = fhir_store_error(conn, NULL, pool);
    return err;
}

/* ---- sessions ---- */

/* JIT is useful for reports that run for seconds, which we never run. */
static const char session_sql[] =
    "SET client_encoding = 'UTF8'; SET timezone = 'UTC'; SET datestyle = 'ISO'; "
    "SET standard_conforming_strings = on; SET jit = off; SELECT pg_backend_pid()";

/* Behind a pooler, the session's process is not the one that libpq knows. A setting could reach
 * other sessions or be lost, so statement_timeout is not set: our own limit applies. */
static fhir_err_t *begin_session(PGconn *conn, state_t *state, fhir_wait_t *wait, apr_pool_t *pool)
{
    const char *pid = "";
    if (PQsetnonblocking(conn, 1))
        return fhir_store_error(conn, NULL, pool);
    FHIR_TRY(fhir_conn_exec(&pid, conn, session_sql, wait, pool));
    state->pooled = apr_atoi64(pid) != PQbackendPID(conn);
    state->timeout = 0;
    state->ready = 1;
    return NULL;
}

fhir_err_t *fhir_conn_setup(PGconn *conn, apr_interval_time_t timeout, apr_pool_t *pool)
{
    state_t *state = state_of(conn);
    fhir_wait_t wait = fhir_wait_start(timeout, NULL, 0);
    if (!state)
        return no_memory(pool);
    if (!state->ready)
        FHIR_TRY(begin_session(conn, state, &wait, pool));
    if (state->timeout != timeout && !state->pooled) {
        FHIR_TRY(fhir_conn_exec(NULL, conn,
                                apr_psprintf(pool, "SET statement_timeout = %" APR_INT64_T_FMT,
                                             (apr_int64_t)apr_time_as_msec(timeout)),
                                &wait, pool));
        state->timeout = timeout;
    }
    if (state->renew) {
        FHIR_TRY(fhir_conn_exec(NULL, conn, "DEALLOCATE ALL", &wait, pool));
        fhir_stmts_clear(&state->stmts);
        state->renew = 0;
    }
    state->unreplicated = 0;
    return NULL;
}

int fhir_conn_is_pooled(PGconn *conn)
{
    const state_t *state = state_of(conn);
    return state && state->pooled;
}

int fhir_conn_is_standby(PGconn *conn)
{
    const char *it = PQparameterStatus(conn, "in_hot_standby"); /* PostgreSQL 14 and later */
    return it && strcmp(it, "on") == 0;
}

int fhir_conn_is_unreplicated(PGconn *conn)
{
    const state_t *state = state_of(conn);
    return state && state->unreplicated;
}

/* ---- statements ---- */

static void forget(state_t *state, const char *sql)
{
    int index = fhir_stmts_find(&state->stmts, sql);
    if (index >= 0)
        fhir_stmts_remove(&state->stmts, index);
}

void fhir_conn_renew(PGconn *conn)
{
    state_t *state = state_of(conn);
    if (state)
        state->renew = 1;
}

/* The name of the statement if it is prepared, or "" if it is sent without a name. */
static int knows(char name[FHIR_STMTS_NAME], state_t *state, const fhir_stmt_t *stmt)
{
    *name = '\0';
    if (stmt->flags & FHIR_STMT_ONCE || state->pooled)
        return 1;
    int index = fhir_stmts_find(&state->stmts, stmt->sql);
    if (index < 0)
        return !fhir_stmts_is_worth(&state->stmts, stmt->sql);
    fhir_stmts_name(name, &state->stmts, index);
    return 1;
}

int fhir_conn_knows(char name[FHIR_STMTS_NAME], PGconn *conn, const fhir_stmt_t *stmt)
{
    state_t *state = state_of(conn);
    return state && knows(name, state, stmt);
}

static fhir_err_t *make_room(PGconn *conn, state_t *state, apr_size_t len, fhir_wait_t *wait,
                             apr_pool_t *pool)
{
    while (!fhir_stmts_has_room(&state->stmts, len)) {
        char name[FHIR_STMTS_NAME];
        int oldest = fhir_stmts_oldest(&state->stmts);
        fhir_stmts_name(name, &state->stmts, oldest);
        fhir_err_t *err =
            fhir_conn_exec(NULL, conn, apr_pstrcat(pool, "DEALLOCATE ", name, NULL), wait, pool);
        if (err &&
            (strcmp(err->sqlstate, "26000") != 0 || PQtransactionStatus(conn) != PQTRANS_IDLE))
            return err;
        if (err) /* the server has dropped all of them */
            fhir_stmts_clear(&state->stmts);
        else
            fhir_stmts_remove(&state->stmts, oldest);
    }
    return NULL;
}

/* If the server knows the name already, it has the same text: the name is its digest. */
static int is_there(const fhir_err_t *err)
{
    return strcmp(err->sqlstate, "42P05") == 0;
}

static fhir_err_t *prepare(char name[FHIR_STMTS_NAME], PGconn *conn, state_t *state,
                           const fhir_stmt_t *stmt, fhir_wait_t *wait, apr_pool_t *pool)
{
    apr_int64_t rows = 0, changed = 0;
    if (knows(name, state, stmt))
        return NULL;
    FHIR_TRY(make_room(conn, state, strlen(stmt->sql), wait, pool));
    int index;
    if ((index = fhir_stmts_add(&state->stmts, stmt->sql)) < 0)
        return no_memory(pool);
    fhir_stmts_name(name, &state->stmts, index);
    fhir_err_t *err;
    if (!PQsendPrepare(conn, name, stmt->sql, stmt->n_values, NULL))
        err = fhir_store_error(conn, NULL, pool);
    else
        err = collect(&rows, &changed, conn, NULL, NULL, wait, pool);
    if (err && is_there(err) && PQtransactionStatus(conn) == PQTRANS_IDLE)
        return NULL;
    if (err)
        forget(state, stmt->sql);
    return err;
}

fhir_err_t *fhir_conn_prepare(char name[FHIR_STMTS_NAME], PGconn *conn, const fhir_stmt_t *stmt,
                              fhir_wait_t *wait, apr_pool_t *pool)
{
    state_t *state = state_of(conn);
    return state ? prepare(name, conn, state, stmt, wait, pool) : no_memory(pool);
}

int fhir_conn_send(PGconn *conn, const char *name, const fhir_stmt_t *stmt,
                   const char *const *values)
{
    if (*name)
        return PQsendQueryPrepared(conn, name, stmt->n_values, values, NULL, NULL, 0);
    return PQsendQueryParams(conn, stmt->sql, stmt->n_values, NULL, values, NULL, NULL, 0);
}

int fhir_conn_is_outdated(const fhir_err_t *err)
{
    return strcmp(err->sqlstate, "26000") == 0 || strcmp(err->sqlstate, "0A000") == 0;
}

/* One attempt to run a statement. */
static fhir_err_t *attempt(fhir_progress_t *progress, apr_int64_t *changed, PGconn *conn,
                           const fhir_stmt_t *stmt, const char *const *bound, fhir_row_fn row_fn,
                           void *baton, fhir_wait_t *wait, apr_pool_t *pool)
{
    char name[FHIR_STMTS_NAME];
    FHIR_TRY(prepare(name, conn, state_of(conn), stmt, wait, pool));
    progress->sent = 1;
    if (!fhir_conn_send(conn, name, stmt, bound))
        return fhir_store_error(conn, NULL, pool);
    if (stmt->flags & FHIR_STMT_STREAM)
        (void)PQsetSingleRowMode(conn);
    fhir_err_t *err = collect(&progress->rows, changed, conn, row_fn, baton, wait, pool);
    if (!err && PQstatus(conn) != CONNECTION_OK)
        err = fhir_store_error(conn, NULL, pool);
    return err;
}

fhir_err_t *fhir_conn_run(fhir_progress_t *progress, apr_int64_t *affected, PGconn *conn,
                          const fhir_stmt_t *stmt, const fhir_value_t *values, fhir_row_fn row_fn,
                          void *baton, apr_interval_time_t timeout, apr_pool_t *pool)
{
    fhir_wait_t wait = fhir_wait_start(timeout, stmt->patience, !(stmt->flags & FHIR_STMT_WRITE));
    const char *few[32], **bound = few;
    if (!state_of(conn))
        return no_memory(pool);
    if (stmt->n_values > 32)
        bound = apr_palloc(pool, sizeof(*bound) * (apr_size_t)stmt->n_values);
    for (int i = 0; i < stmt->n_values; i++) {
        bound[i] = values[i].data;
    }
    for (int again = 1;; again--) {
        apr_int64_t changed = -1;
        fhir_err_t *err =
            attempt(progress, &changed, conn, stmt, bound, row_fn, baton, &wait, pool);
        progress->late = wait.state != FHIR_WAIT_ON;
        progress->gone = wait.state == FHIR_WAIT_GONE;
        if (affected)
            *affected = changed >= 0 ? changed : progress->rows;
        if (!err || !fhir_conn_is_outdated(err) || progress->rows)
            return err;
        fhir_conn_renew(conn);
        if (!again || PQtransactionStatus(conn) != PQTRANS_IDLE)
            return err; /* in a transaction, which has failed */
        progress->sent = 0;
        FHIR_TRY(fhir_conn_setup(conn, timeout, pool));
    }
}

/* ---- is it alive? ---- */

int fhir_conn_is_stale(PGconn *conn)
{
    /* A server that ends a session sends a last message and closes the connection: the first read
     * returns the message, the next one the end of the stream. Notices and changed parameters can
     * be read, too, and are harmless. */
    for (int i = 0; i < 8 && PQstatus(conn) == CONNECTION_OK; i++) {
        struct pollfd fd = {.fd = PQsocket(conn), .events = POLLIN};
        if (fd.fd < 0)
            return 1;
        if (poll(&fd, 1, 0) <= 0)
            return 0;
        if (!PQconsumeInput(conn))
            return 1;
        (void)PQisBusy(conn); /* parses what arrived */
    }
    return PQstatus(conn) != CONNECTION_OK;
}

int fhir_conn_is_alive(PGconn *conn, apr_time_t since, apr_pool_t *pool)
{
    state_t *state = state_of(conn);
    apr_time_t now = apr_time_now();
    fhir_wait_t wait = {.client = -1, .state = FHIR_WAIT_LATE, .give_up_at = now + FHIR_CONN_PING};
    if (!state || !state->ready) /* new */
        return state != NULL;
    if (state->answered > since && now - state->answered < FHIR_CONN_IDLE && now >= state->answered)
        return 1;
    return !fhir_conn_exec(NULL, conn, "", &wait, pool);
}

void fhir_conn_answered(PGconn *conn)
{
    state_t *state = state_of(conn);
    if (state)
        state->answered = apr_time_now();
}

void fhir_conn_kill(PGconn *conn)
{
    int fd = PQsocket(conn);
    if (fd < 0 || PQstatus(conn) != CONNECTION_OK)
        return;
    (void)shutdown(fd, SHUT_RDWR);
    /* data that arrived before is read first */
    for (int i = 0; i < 1024 && PQconsumeInput(conn) && PQstatus(conn) == CONNECTION_OK; i++) {
        (void)PQisBusy(conn);
    }
}
