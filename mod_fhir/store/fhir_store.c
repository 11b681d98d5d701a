/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's one call, and transactions: which lane runs a statement, how connections are taken
 * and given back, and when a statement may be retried. fhir_conn.c does the work on a connection.
 */
#include "store/fhir_store_private.h"

#include <apr_strings.h>
#include <stdatomic.h>
#include <string.h>

#include "core/fhir_work.h"

/* Slots of fhir_store_recall, a power of two, in sets of which a key has one; how long an entry
 * counts; the bits of a key that are stored, beside the value and the time, which is in units of
 * half a minute. */
#define MEMORY_SLOTS 8192u
#define MEMORY_SET   8u
#define MEMORY_TICKS 10u
#define MEMORY_TIME  APR_UINT64_C(0xFFFF)
#define MEMORY_KEY   (~APR_UINT64_C(0xFFFFFF))
/* What a statement costs whose client has gone, beside its time: a cancel request is a connection
 * of its own, for which the server starts a process. */
#define CANCELLED    apr_time_from_msec(100)

struct fhir_store_t {
    const fhir_store_source_t *source;
    apr_interval_time_t timeout, long_after;
    const fhir_log_t *log;
    fhir_lane_t *lane; /* or NULL */
    fhir_group_t *group;
    atomic_ullong statements, retries, errors;
    atomic_int told_pooled; /* it was logged that there is a pooler */
    _Atomic(apr_time_t)
        suspect; /* when a connection died without a message: others may have died, too */
    atomic_ullong memory[MEMORY_SLOTS];
};

struct fhir_tx_t {
    fhir_store_t *store;
    apr_pool_t *pool;
    PGconn *conn; /* NULL when it is over */
    void *handle;
    fhir_borrower_t borrower;
    fhir_pipeline_t line;
};

fhir_err_t *fhir_store_create(fhir_store_t **store_out, const fhir_store_source_t *source,
                              const fhir_store_config_t *config, apr_pool_t *pool)
{
    fhir_store_t *store = apr_pcalloc(pool, sizeof(*store));
    store->source = source;
    store->timeout = config->statement_timeout;
    store->long_after = config->long_after;
    store->log = config->log;
    FHIR_TRY(fhir_group_create(&store->group, pool));
    if (config->read_lane && source->open)
        FHIR_TRY(fhir_lane_create(&store->lane, source, config, pool));
    *store_out = store;
    return NULL;
}

/* ---- borrowing ---- */

static void give_back(fhir_store_t *store, PGconn *conn, void *handle, fhir_borrower_t borrower,
                      int broken)
{
    if (!broken && PQtransactionStatus(conn) != PQTRANS_IDLE)
        broken = 1;
    if (broken)
        fhir_conn_kill(conn);
    else
        fhir_conn_answered(conn);
    store->source->release(handle, broken, borrower, store->source->baton);
}

/* Takes a connection that works: as far as the socket tells, and, if it was idle for a while or
 * others died without a message, as the server confirms. After a restart of the server, every
 * pooled connection is dead: they are given back as broken until one works. */
static fhir_err_t *borrow(PGconn **conn, void **handle, fhir_store_t *store,
                          fhir_borrower_t borrower, apr_pool_t *pool)
{
    enum { MOST = 64 };
    for (int i = 0;; i++) {
        apr_time_t suspect = atomic_load_explicit(&store->suspect, memory_order_relaxed);
        FHIR_TRY(store->source->acquire(conn, handle, borrower, store->source->baton, pool));
        if ((!fhir_conn_is_stale(*conn) && fhir_conn_is_alive(*conn, suspect, pool)) || i == MOST)
            break;
        give_back(store, *conn, *handle, borrower, 1);
        atomic_fetch_add_explicit(&store->retries, 1, memory_order_relaxed);
    }
    return NULL;
}

/* The session of a borrowed connection. */
static fhir_err_t *set_up(fhir_store_t *store, PGconn *conn, apr_pool_t *pool)
{
    FHIR_TRY(fhir_conn_setup(conn, store->timeout, pool));
    if (fhir_conn_is_pooled(conn) && !atomic_exchange(&store->told_pooled, 1))
        FHIR_LOG(store->log, FHIR_LOG_NOTICE,
                 "FHIR0501: the database is reached through a pooler (PgBouncer): statements are "
                 "not prepared, the module itself cancels statements after FHIRStatementTimeout, "
                 "and settings of sessions may be lost");
    return NULL;
}

/* 1 if the connection cannot be used any more. If the server sent no message, the host or the
 * network is down: no older connection is then trusted without a test. */
static int is_lost(fhir_store_t *store, PGconn *conn, const fhir_err_t *err)
{
    int dead = PQstatus(conn) != CONNECTION_OK;
    if (dead && err && !*err->sqlstate)
        atomic_store_explicit(&store->suspect, apr_time_now(), memory_order_relaxed);
    return dead || (err && fhir_sqlstate_is_lost(err->sqlstate));
}

/* ---- what became of a write ---- */

/* The connection was lost, or the server silent, after a write was sent and before its result. */
static fhir_err_t *unconfirmed(const fhir_err_t *err, apr_pool_t *pool)
{
    fhir_err_t *told = fhir_sqlstate_error(FHIR_ERR_UNCONFIRMED, pool);
    apr_cpystrn(told->sqlstate, err->sqlstate, sizeof(told->sqlstate));
    return fhir_err_detail(told, pool, "a write was not confirmed: %s",
                           err->detail ? err->detail : err->message);
}

/* The commit succeeded, but the wait for a standby was cancelled. */
static fhir_err_t *unreplicated(apr_pool_t *pool)
{
    return fhir_err_detail(fhir_sqlstate_error(FHIR_ERR_UNCONFIRMED, pool), pool,
                           "a write was stored, but no synchronous standby confirmed it within "
                           "FHIRStatementTimeout; see synchronous_standby_names");
}

/* The error of a statement or commit that was sent and stores by itself. If the session goes on,
 * the error is certain. */
static fhir_err_t *judge_write(fhir_err_t *err, PGconn *conn, apr_pool_t *pool)
{
    if (err && (PQstatus(conn) != CONNECTION_OK || fhir_sqlstate_ends_session(err->sqlstate)))
        return unconfirmed(err, pool);
    if (err)
        return err;
    return fhir_conn_is_unreplicated(conn) ? unreplicated(pool) : NULL;
}

/* ---- statements ---- */

/* 1 if a retry may succeed: on another connection, or after a standby ended a read for replication.
 * A retry after a time limit, or with a server that does not answer, would fail again. */
static int may_help(int lost, const fhir_progress_t *progress, const fhir_stmt_t *stmt,
                    const fhir_err_t *err)
{
    if (lost)
        return err->code != FHIR_ERR_TIMEOUT && !progress->late;
    return err->code == FHIR_ERR_CONFLICT && !(stmt->flags & FHIR_STMT_WRITE);
}

/* For whom the next statement is. */
static fhir_borrower_t borrower_of(const fhir_store_t *store, const fhir_effort_t *effort)
{
    if (!effort)
        return (fhir_borrower_t){0, 0};
    return (fhir_borrower_t){
        effort->client, effort->is_long || (store->long_after && effort->used > store->long_after)};
}

/* A connection for a read whose client is still there: it may have gone while the read waited for
 * the connection, or before. That is looked at before anything is sent, because what runs already
 * can only be cancelled, which costs more than most reads. */
static fhir_err_t *borrow_for(PGconn **conn, void **handle, fhir_store_t *store,
                              fhir_borrower_t borrower, const fhir_stmt_t *stmt, apr_pool_t *pool)
{
    FHIR_TRY(borrow(conn, handle, store, borrower, pool));
    if (!stmt->patience || stmt->flags & FHIR_STMT_WRITE)
        return NULL;
    fhir_patience_t patience = *stmt->patience;
    patience.fresh = 0;
    fhir_err_t *err = fhir_patience_check(&patience, pool);
    if (err)
        give_back(store, *conn, *handle, borrower, 0);
    return err;
}

/* A statement that is cancelled if it turns out to be long work: a read that can be restarted. */
static int try_short(fhir_stmt_t *quick, fhir_patience_t *patience, const fhir_store_t *store,
                     const fhir_stmt_t *stmt)
{
    if (!stmt->patience || !stmt->patience->effort || !store->long_after ||
        (stmt->flags & FHIR_STMT_WRITE))
        return 0;
    *quick = *stmt;
    *patience = *stmt->patience;
    quick->patience = patience;
    patience->first_row = apr_time_now() + store->long_after - patience->effort->used;
    return 1;
}

static fhir_err_t *run_in_pool(fhir_store_t *store, const fhir_stmt_t *stmt,
                               const fhir_value_t *values, fhir_row_fn row_fn, void *baton,
                               apr_int64_t *affected, apr_pool_t *pool)
{
    fhir_effort_t *effort = stmt->patience ? stmt->patience->effort : NULL;
    for (int again = 1;; again--) {
        fhir_progress_t progress = {0};
        PGconn *conn;
        void *handle;
        fhir_borrower_t borrower = borrower_of(store, effort);
        int is_query = borrower.is_long && !(stmt->flags & FHIR_STMT_WRITE);
        if (is_query)
            fhir_work_query();
        fhir_err_t *err = borrow_for(&conn, &handle, store, borrower, stmt, pool);
        if (err && is_query)
            fhir_work_query_end();
        FHIR_TRY(err);
        apr_time_t begin = apr_time_now();
        fhir_stmt_t quick;
        fhir_patience_t patience;
        int is_short = !borrower.is_long && try_short(&quick, &patience, store, stmt);
        err = set_up(store, conn, pool);
        if (!err)
            err = fhir_conn_run(&progress, affected, conn, is_short ? &quick : stmt, values, row_fn,
                                baton, store->timeout, pool);
        if (effort)
            effort->used += apr_time_now() - begin + (progress.gone ? CANCELLED : 0);
        int lost = is_lost(store, conn, err);
        if (progress.sent && (stmt->flags & FHIR_STMT_WRITE)) {
            err = judge_write(err, conn, pool);
            again = 0; /* it may have been stored */
        }
        give_back(store, conn, handle, borrower, lost);
        if (is_query)
            fhir_work_query_end();
        if (err && is_short && progress.late && !progress.rows && err->code == FHIR_ERR_TIMEOUT &&
            !fhir_patience_check(stmt->patience, pool)) {
            effort->is_long = 1;
            again++; /* not because of an error */
            continue;
        }
        if (!err || !again || progress.rows || !may_help(lost, &progress, stmt, err))
            return err;
        atomic_fetch_add_explicit(&store->retries, 1, memory_order_relaxed);
    }
}

static fhir_err_t *rows_of_lane(PGresult *result, fhir_row_fn row_fn, void *baton,
                                apr_int64_t *affected, apr_pool_t *pool)
{
    apr_int64_t rows = 0;
    fhir_err_t *err = PQresultStatus(result) == PGRES_TUPLES_OK
                          ? fhir_conn_rows(&rows, result, row_fn, baton)
                          : fhir_store_error(NULL, result, pool);
    if (affected)
        *affected = rows;
    PQclear(result);
    return err;
}

/* ---- writes that go together ---- */

static fhir_err_t *copy_error(const fhir_err_t *err, apr_pool_t *pool)
{
    fhir_err_t *copy = fhir_err_create(pool, err->code, "%s", err->message);
    apr_cpystrn(copy->sqlstate, err->sqlstate, sizeof(copy->sqlstate));
    return err->detail ? fhir_err_detail(copy, pool, "%s", err->detail) : copy;
}

/* Runs a batch in one transaction. *undone: it failed, and nothing of it is stored. */
static fhir_err_t *run_together(int *undone, fhir_store_t *store, fhir_member_t *leader,
                                apr_pool_t *pool)
{
    const fhir_borrower_t everybody = {0, 0};
    for (int again = 1;; again--) {
        fhir_progress_t progress = {0};
        *undone = 0;
        PGconn *conn;
        void *handle;
        FHIR_TRY(borrow(&conn, &handle, store, everybody, pool));
        fhir_err_t *err = set_up(store, conn, pool);
        if (!err)
            err = fhir_pipeline_run(&progress, undone, conn, leader, store->timeout, pool);
        int lost = is_lost(store, conn, err);
        if (progress.sent && !*undone)
            err = judge_write(err, conn, pool);
        give_back(store, conn, handle, everybody, lost);
        if (!err || !lost || !again || progress.sent)
            return err;
        atomic_fetch_add_explicit(&store->retries, 1, memory_order_relaxed);
    }
}

/* After a failure of a batch, each statement runs by itself, so that an error affects only its own
 * statement. This is not done if the outcome is unknown, or the batch took too long. */
static void lead(fhir_store_t *store, fhir_member_t *leader)
{
    int undone;
    fhir_err_t *err = run_together(&undone, store, leader, leader->pool);
    int again = err && undone && err->code != FHIR_ERR_TIMEOUT;
    for (fhir_member_t *m = leader; m; m = m->next) {
        m->state = again ? FHIR_MEMBER_ALONE : FHIR_MEMBER_DONE;
        m->err = err && !again ? copy_error(err, m->pool) : NULL;
    }
}

static fhir_err_t *run_in_group(fhir_store_t *store, const fhir_stmt_t *stmt,
                                const fhir_value_t *values, apr_int64_t *affected, apr_pool_t *pool)
{
    fhir_member_t self = {.stmt = stmt, .values = values, .pool = pool};
    fhir_member_state_t state = fhir_group_join(store->group, &self);
    if (state == FHIR_MEMBER_LEADS && !self.next) {
        fhir_err_t *err = run_in_pool(store, stmt, values, NULL, NULL, affected, pool);
        fhir_group_leave(store->group, &self);
        return err;
    }
    if (state == FHIR_MEMBER_LEADS) {
        lead(store, &self);
        state = self.state;
        fhir_group_leave(store->group, &self);
    }
    if (state == FHIR_MEMBER_ALONE)
        return run_in_pool(store, stmt, values, NULL, NULL, affected, pool);
    if (affected)
        *affected = self.affected;
    return self.err;
}

/* A read changes nothing, so a conflict is not the client's: the read may be retried. */
static fhir_err_t *read_conflict(const fhir_err_t *err, apr_pool_t *pool)
{
    fhir_err_t *told = fhir_sqlstate_error(FHIR_ERR_BUSY, pool);
    apr_cpystrn(told->sqlstate, err->sqlstate, sizeof(told->sqlstate));
    return fhir_err_detail(told, pool, "a read was ended for replication: %s", err->detail);
}

fhir_err_t *fhir_store_run(fhir_store_t *store, const fhir_stmt_t *stmt, const fhir_value_t *values,
                           fhir_row_fn row_fn, void *baton, apr_int64_t *affected, apr_pool_t *pool)
{
    PGresult *result = NULL;
    FHIR_TRY(fhir_patience_check(stmt->patience, pool));
    FHIR_TRY(fhir_work_hold());
    if (stmt->flags & FHIR_STMT_WRITE)
        (void)fhir_work_final(1);
    if (store->lane && stmt->flags == FHIR_STMT_SHORT)
        result = fhir_lane_run(store->lane, stmt, values);
    fhir_err_t *err;
    if (result)
        err = rows_of_lane(result, row_fn, baton, affected, pool);
    else if (stmt->flags & FHIR_STMT_GROUP)
        err = run_in_group(store, stmt, values, affected, pool);
    else
        err = run_in_pool(store, stmt, values, row_fn, baton, affected, pool);
    fhir_work_let();
    if (err && err->code == FHIR_ERR_CONFLICT && !(stmt->flags & FHIR_STMT_WRITE))
        err = read_conflict(err, pool);
    atomic_fetch_add_explicit(&store->statements, 1, memory_order_relaxed);
    if (err)
        atomic_fetch_add_explicit(&store->errors, 1, memory_order_relaxed);
    return err;
}

/* ---- transactions ---- */

static void end_tx(fhir_tx_t *tx, int broken)
{
    if (tx->conn) {
        give_back(tx->store, tx->conn, tx->handle, tx->borrower, broken);
        fhir_work_let();
        tx->conn = NULL;
    }
}

static apr_status_t abandon_tx(void *data)
{
    fhir_tx_rollback(data);
    return APR_SUCCESS;
}

fhir_err_t *fhir_tx_begin(fhir_tx_t **tx_out, fhir_store_t *store, const fhir_effort_t *effort,
                          apr_pool_t *pool)
{
    fhir_tx_t *tx = apr_pcalloc(pool, sizeof(*tx));
    tx->store = store;
    tx->pool = pool;
    tx->borrower = borrower_of(store, effort);
    for (int again = 1;; again--) { /* nothing was run yet, so a dead connection is replaced */
        FHIR_TRY(fhir_work_hold());
        fhir_err_t *err = borrow(&tx->conn, &tx->handle, store, tx->borrower, pool);
        if (err) {
            fhir_work_let();
            return err;
        }
        err = set_up(store, tx->conn, pool);
        if (!err) {
            fhir_wait_t wait = fhir_wait_start(store->timeout, NULL, 0);
            err =
                fhir_conn_exec(NULL, tx->conn, "BEGIN ISOLATION LEVEL READ COMMITTED", &wait, pool);
        }
        if (!err)
            break;
        int lost = is_lost(store, tx->conn, err);
        end_tx(tx, lost);
        if (!lost || !again)
            return err;
        atomic_fetch_add_explicit(&store->retries, 1, memory_order_relaxed);
    }
    tx->line.conn = tx->conn;
    tx->line.timeout = store->timeout;
    apr_pool_cleanup_register(pool, tx, abandon_tx, apr_pool_cleanup_null);
    *tx_out = tx;
    return NULL;
}

fhir_err_t *fhir_tx_run(fhir_tx_t *tx, const fhir_stmt_t *stmt, const fhir_value_t *values,
                        fhir_row_fn row_fn, void *baton, apr_int64_t *affected, apr_pool_t *pool)
{
    fhir_progress_t progress = {0};
    if (!tx->conn)
        return fhir_err_detail(
            fhir_err_create(pool, FHIR_ERR_INTERNAL, "The server could not complete the request"),
            pool, "statement after the end of its transaction");
    FHIR_TRY(fhir_patience_check(stmt->patience, pool));
    FHIR_TRY(fhir_work_check());
    fhir_err_t *err;
    if (stmt->flags & FHIR_STMT_LATER) {
        err = fhir_pipeline_add(&tx->line, stmt, values, pool);
        if (affected)
            *affected = 1;
    }
    else {
        apr_time_t begin = apr_time_now();
        err = fhir_pipeline_end(&tx->line, pool);
        if (!err)
            err = fhir_conn_run(&progress, affected, tx->conn, stmt, values, row_fn, baton,
                                tx->store->timeout, pool);
        if (stmt->patience && stmt->patience->effort)
            stmt->patience->effort->used += apr_time_now() - begin;
    }
    if (err && err->code == FHIR_ERR_CONFLICT && fhir_conn_is_standby(tx->conn))
        err = read_conflict(err, pool);
    atomic_fetch_add_explicit(&tx->store->statements, 1, memory_order_relaxed);
    if (err)
        atomic_fetch_add_explicit(&tx->store->errors, 1, memory_order_relaxed);
    return err;
}

fhir_err_t *fhir_tx_commit(fhir_tx_t *tx)
{
    const char *tag = "";
    if (!tx->conn)
        return fhir_err_detail(fhir_err_create(tx->pool, FHIR_ERR_INTERNAL,
                                               "The server could not complete the request"),
                               tx->pool, "commit after the end of the transaction");
    fhir_err_t *err = fhir_work_check();
    if (!err)
        err = fhir_pipeline_end(&tx->line, tx->pool);
    if (err) {
        fhir_tx_rollback(tx);
        return err;
    }
    (void)fhir_work_final(1);
    fhir_wait_t wait = fhir_wait_start(tx->store->timeout, NULL, 0);
    err = fhir_conn_exec(&tag, tx->conn, "COMMIT", &wait, tx->pool);
    int lost = is_lost(tx->store, tx->conn, err);
    err = judge_write(err, tx->conn, tx->pool);
    if (!err && strcmp(tag, "COMMIT") !=
                    0) /* PostgreSQL rolls back a failed transaction, and reports that */
        err = fhir_err_detail(fhir_err_create(tx->pool, FHIR_ERR_INTERNAL,
                                              "The server could not complete the request"),
                              tx->pool, "COMMIT was answered by %s", tag);
    end_tx(tx, lost);
    apr_pool_cleanup_kill(tx->pool, tx, abandon_tx);
    return err;
}

void fhir_tx_rollback(fhir_tx_t *tx)
{
    if (!tx->conn)
        return;
    (void)fhir_pipeline_end(&tx->line, tx->pool);
    if (PQstatus(tx->conn) == CONNECTION_OK && PQtransactionStatus(tx->conn) != PQTRANS_IDLE) {
        fhir_wait_t wait = fhir_wait_start(tx->store->timeout, NULL, 0);
        (void)fhir_conn_exec(NULL, tx->conn, "ROLLBACK", &wait, tx->pool);
    }
    end_tx(tx, PQstatus(tx->conn) != CONNECTION_OK);
    apr_pool_cleanup_kill(tx->pool, tx, abandon_tx);
}

int fhir_tx_later(const fhir_tx_t *tx, int *failed)
{
    *failed = tx->line.failed - 1;
    return tx->line.sent;
}

static apr_uint64_t memory_age(apr_uint64_t slot)
{
    return ((apr_uint64_t)(apr_time_sec(apr_time_now()) / 30) - slot) & MEMORY_TIME;
}

/* Slot i of the set of a key: bits of it choose the set, and which is the first. */
static atomic_ullong *memory_slot(fhir_store_t *store, apr_uint64_t key, unsigned i)
{
    const apr_uint64_t sets = MEMORY_SLOTS / MEMORY_SET;
    return store->memory + key % sets * MEMORY_SET + (key / sets + i) % MEMORY_SET;
}

int fhir_store_recall(fhir_store_t *store, apr_uint64_t key)
{
    for (unsigned i = 0; i < MEMORY_SET; i++) {
        apr_uint64_t slot = atomic_load_explicit(memory_slot(store, key, i), memory_order_relaxed);
        if (slot && ((slot ^ key) & MEMORY_KEY) == 0 && memory_age(slot) < MEMORY_TICKS)
            return (int)(slot >> 16 & 0xFF);
    }
    return -1;
}

/* In place of what was remembered with the key, or else of the oldest in its set. */
void fhir_store_remember(fhir_store_t *store, apr_uint64_t key, unsigned char value)
{
    atomic_ullong *at = NULL;
    apr_uint64_t oldest = 0;
    for (unsigned i = 0; i < MEMORY_SET; i++) {
        atomic_ullong *next = memory_slot(store, key, i);
        const apr_uint64_t slot = atomic_load_explicit(next, memory_order_relaxed);
        const apr_uint64_t age = slot ? memory_age(slot) : MEMORY_TIME;
        const int is_same = slot && ((slot ^ key) & MEMORY_KEY) == 0;
        if (is_same || !at || age > oldest) {
            at = next;
            oldest = age;
        }
        if (is_same)
            break;
    }
    atomic_store_explicit(at, (key & MEMORY_KEY) | (apr_uint64_t)value << 16 | memory_age(0),
                          memory_order_relaxed);
}

void fhir_store_stats(fhir_store_stats_t *out, fhir_store_t *store)
{
    memset(out, 0, sizeof(*out));
    out->statements = atomic_load_explicit(&store->statements, memory_order_relaxed);
    out->retries = atomic_load_explicit(&store->retries, memory_order_relaxed);
    out->errors = atomic_load_explicit(&store->errors, memory_order_relaxed);
    if (store->lane)
        fhir_lane_stats(&out->lane_statements, &out->lane_batches, store->lane);
    fhir_group_stats(&out->group_statements, &out->group_batches, store->group);
}
