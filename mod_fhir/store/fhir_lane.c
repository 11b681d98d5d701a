/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The read lane: one thread with one connection that sends the queued short reads of all workers
 * as one libpq pipeline and hands each worker its PGresult.
 *
 * One sync closes a batch, not each statement: a sync makes the server write to its socket. A
 * failed statement therefore aborts those behind it; they, and whatever the lane cannot do (no
 * connection, no free slot, a batch that takes too long), go to the pool lane, which knows about
 * retries. So the lane never has to give an answer of its own.
 *
 * Threads: `lock` guards queue, free list and flags. A worker sleeps on its slot's semaphore; every
 * slot that was queued is posted exactly once, and until then the worker's stack keeps statement
 * and values alive.
 */
#include "store/fhir_store_private.h"

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

enum {
    SLOTS = 256, /* workers that may wait at once; further ones use the pool */
    BATCH = 64,  /* statements in one pipeline */
    VALUES = 16  /* most values of a statement */
};
#define RECONNECT_EVERY   apr_time_from_msec(500)
/* A read by primary key that takes longer delays its neighbours, so it is left to the pool lane. */
#define STATEMENT_TIMEOUT apr_time_from_sec(1)

typedef struct slot_t {
    const fhir_stmt_t *stmt;
    const fhir_value_t *values;
    PGresult *result; /* NULL: the pool lane has to run it */
    int prepares;     /* its PREPARE was sent before it */
    sem_t done;
    struct slot_t *next;
} slot_t;

struct fhir_lane_t {
    apr_thread_mutex_t *lock;
    apr_thread_cond_t *wake; /* the thread has something to do */
    slot_t *head, **tail;    /* queue */
    slot_t *free;
    int accepting; /* connected, and the present batch is not late */
    int wanted;    /* a worker came while there was no connection */
    int idle;      /* the thread sleeps on wake */
    int stop;
    /* the thread's own */
    apr_thread_t *thread;
    apr_pool_t *pool; /* with an allocator of its own */
    const fhir_store_source_t *source;
    const fhir_log_t *log;
    apr_interval_time_t wait, timeout;
    PGconn *conn;
    apr_time_t next_try;
    fhir_stmts_t stmts;  /* prepared on conn */
    int renew;           /* its session must be replaced */
    apr_time_t answered; /* when the last batch ended */
    atomic_ullong statements, batches;
    slot_t slots[SLOTS];
};

/* ---- workers ---- */

PGresult *fhir_lane_run(fhir_lane_t *lane, const fhir_stmt_t *stmt, const fhir_value_t *values)
{
    slot_t *slot = NULL;
    if (stmt->n_values > VALUES)
        return NULL;
    apr_thread_mutex_lock(lane->lock);
    if (lane->accepting && (slot = lane->free)) {
        lane->free = slot->next;
        slot->stmt = stmt;
        slot->values = values;
        slot->result = NULL;
        slot->next = NULL;
        *lane->tail = slot;
        lane->tail = &slot->next;
    }
    else
        lane->wanted = 1;
    if (lane->idle)
        apr_thread_cond_signal(lane->wake);
    apr_thread_mutex_unlock(lane->lock);
    if (!slot)
        return NULL;
    while (sem_wait(&slot->done) && errno == EINTR) {
    }
    PGresult *result = slot->result;
    apr_thread_mutex_lock(lane->lock);
    slot->next = lane->free;
    lane->free = slot;
    apr_thread_mutex_unlock(lane->lock);
    return result;
}

/* ---- the thread ---- */

/* Moves all queued statements to the pool lane, and sets accepting. */
static void turn_away(fhir_lane_t *lane, int accepting)
{
    apr_thread_mutex_lock(lane->lock);
    slot_t *slot = lane->head;
    lane->head = NULL;
    lane->tail = &lane->head;
    lane->accepting = accepting && !lane->stop;
    apr_thread_mutex_unlock(lane->lock);
    while (slot) {
        slot_t *next = slot->next; /* once posted, it belongs to its worker again */
        sem_post(&slot->done);
        slot = next;
    }
}

/* Reads what the lock guards. */
static int is_set(fhir_lane_t *lane, const int *flag)
{
    apr_thread_mutex_lock(lane->lock);
    int set = *flag;
    apr_thread_mutex_unlock(lane->lock);
    return set;
}

static int stopping(fhir_lane_t *lane)
{
    return is_set(lane, &lane->stop);
}

static void disconnect(fhir_lane_t *lane)
{
    turn_away(lane, 0);
    PQfinish(lane->conn);
    lane->conn = NULL;
    fhir_stmts_clear(&lane->stmts);
}

static int stop_connecting(void *lane)
{
    return stopping(lane);
}

static fhir_err_t *connect_lane(fhir_lane_t *lane, apr_pool_t *pool)
{
    FHIR_TRY(lane->source->open(&lane->conn, stop_connecting, lane, lane->source->baton, pool));
    FHIR_TRY(fhir_conn_setup(lane->conn, lane->timeout, pool));
    return PQenterPipelineMode(lane->conn) ? NULL : fhir_store_error(lane->conn, NULL, pool);
}

static void reconnect(fhir_lane_t *lane)
{
    fhir_err_t *err = connect_lane(lane, lane->pool);
    lane->next_try = apr_time_now() + RECONNECT_EVERY;
    if (err) {
        FHIR_LOG(lane->log, FHIR_LOG_DEBUG, "FHIR0101: read lane is not connected: %s",
                 err->detail ? err->detail : err->message);
        disconnect(lane);
    }
    else {
        lane->answered = apr_time_now();
        turn_away(lane, 1);
        FHIR_LOG(lane->log, FHIR_LOG_DEBUG, "FHIR0102: read lane is connected");
    }
    apr_pool_clear(lane->pool);
}

/* Puts a statement into the pipeline; 0 when the connection is lost. */
static int send_slot(fhir_lane_t *lane, slot_t *slot)
{
    const char *bound[VALUES];
    int pooled = fhir_conn_is_pooled(lane->conn);
    int index = pooled ? -1 : fhir_stmts_find(&lane->stmts, slot->stmt->sql);
    for (int i = 0; i < slot->stmt->n_values; i++) {
        bound[i] = slot->values[i].data;
    }
    slot->prepares = index < 0 && !pooled;
    if (pooled)
        return fhir_conn_send(lane->conn, "", slot->stmt, bound);
    if (index < 0 && (index = fhir_stmts_add(&lane->stmts, slot->stmt->sql)) < 0)
        return 0;
    char name[FHIR_STMTS_NAME];
    fhir_stmts_name(name, &lane->stmts, index);
    if (slot->prepares &&
        !PQsendPrepare(lane->conn, name, slot->stmt->sql, slot->stmt->n_values, NULL))
        return 0;
    return fhir_conn_send(lane->conn, name, slot->stmt, bound);
}

/* The result of the next command of the pipeline; 0 when the connection is lost. If a batch is
 * late, the queue is moved to the pool lane first; then it waits as long as the statement timeout
 * allows. */
static int read_command(PGresult **result, fhir_lane_t *lane, apr_time_t late)
{
    apr_status_t rv = fhir_conn_await(lane->conn, late, -1);
    *result = NULL;
    if (rv == APR_TIMEUP) {
        turn_away(lane, 0);
        rv = fhir_conn_await(lane->conn, late + lane->timeout + FHIR_CONN_GRACE, -1);
    }
    if (rv || !(*result = PQgetResult(lane->conn)))
        return 0;
    if (PQresultStatus(*result) == PGRES_PIPELINE_SYNC)
        return 1; /* only this result has no NULL after it */
    rv = fhir_conn_await(lane->conn, late + lane->timeout + FHIR_CONN_GRACE, -1);
    PGresult *end;
    if (rv || (end = PQgetResult(lane->conn))) {
        PQclear(*result);
        *result = NULL;
        return 0; /* not in step with the server */
    }
    return 1;
}

/* 1 for a statement that must be prepared again, or whose name the server knows already. */
static int is_outdated(const char *state)
{
    return strcmp(state, "26000") == 0 || strcmp(state, "0A000") == 0 ||
           strcmp(state, "42P05") == 0;
}

/* 1 if the pool lane has to run it (again): a neighbour's error aborted it, it took too long here,
 * replication ended it, it must be prepared again, or the server is going away. */
static int belongs_to_pool(const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (PQresultStatus(result) == PGRES_TUPLES_OK || PQresultStatus(result) == PGRES_COMMAND_OK)
        return 0;
    return !state || fhir_sqlstate_is_lost(state) ||
           fhir_sqlstate_code(state) == FHIR_ERR_TIMEOUT ||
           fhir_sqlstate_code(state) == FHIR_ERR_CONFLICT || is_outdated(state);
}

/* Forgets a statement whose preparation failed, perhaps because of a neighbour's error. If the
 * server knows it by name but cannot run it, the session must be replaced. */
static void learn(fhir_lane_t *lane, const slot_t *slot, const PGresult *result, int prepared)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    int index = prepared ? -1 : fhir_stmts_find(&lane->stmts, slot->stmt->sql);
    if (index >= 0)
        fhir_stmts_remove(&lane->stmts, index);
    lane->renew |= state && is_outdated(state);
}

/* Reads the results of a slot; 0 when the connection is lost. */
static int read_slot(fhir_lane_t *lane, slot_t *slot, apr_time_t late)
{
    PGresult *prepared = NULL;
    int known = 1;
    if (slot->prepares && !read_command(&prepared, lane, late))
        return 0;
    PGresult *result;
    if (!read_command(&result, lane, late)) {
        PQclear(prepared);
        return 0;
    }
    if (prepared && PQresultStatus(prepared) != PGRES_COMMAND_OK) {
        PQclear(result);
        result = prepared;
        prepared = NULL;
        known = 0;
    }
    PQclear(prepared);
    learn(lane, slot, result, known);
    if (belongs_to_pool(result)) {
        PQclear(result);
        result = NULL;
    }
    slot->result = result;
    return 1;
}

/* After a pause, the connection may be dead: an empty batch detects that in time. */
static int is_alive(fhir_lane_t *lane)
{
    apr_time_t now = apr_time_now();
    if (now - lane->answered < FHIR_CONN_IDLE && now >= lane->answered)
        return 1;
    if (!PQpipelineSync(lane->conn) || fhir_conn_await(lane->conn, now + FHIR_CONN_PING, -1))
        return 0;
    PGresult *sync = PQgetResult(lane->conn);
    int alive = PQresultStatus(sync) == PGRES_PIPELINE_SYNC;
    PQclear(sync);
    return alive;
}

static void run_batch(fhir_lane_t *lane, slot_t *batch)
{
    apr_time_t late = apr_time_now() + lane->wait;
    PGresult *sync = NULL;
    int alive = is_alive(lane), n = 0;
    for (slot_t *slot = batch; slot && alive; slot = slot->next, n++) {
        alive = send_slot(lane, slot);
    }
    alive = alive && PQpipelineSync(lane->conn);
    slot_t *next;
    for (slot_t *slot = batch; slot; slot = next) {
        alive = alive && read_slot(lane, slot, late);
        next = slot->next; /* once posted, it belongs to its worker again */
        sem_post(&slot->done);
    }
    alive = alive && read_command(&sync, lane, late);
    if (!alive || PQresultStatus(sync) != PGRES_PIPELINE_SYNC) {
        disconnect(lane);
        lane->next_try = 0;
    }
    else if (!is_set(lane, &lane->accepting))
        turn_away(lane, 1);
    lane->answered = apr_time_now();
    PQclear(sync);
    atomic_fetch_add_explicit(&lane->statements, (unsigned)n, memory_order_relaxed);
    atomic_fetch_add_explicit(&lane->batches, 1, memory_order_relaxed);
}

/* Makes room in the record while no pipeline is open. Dropping everything is simple, and rare: it
 * takes more different short reads than fit. */
static void trim(fhir_lane_t *lane)
{
    if (!lane->renew && lane->stmts.n + BATCH <= FHIR_STMTS_MAX &&
        lane->stmts.bytes <= FHIR_STMTS_BYTES / 2)
        return;
    disconnect(lane);
    lane->renew = 0;
    reconnect(lane);
}

/* Sleeps until there is something to do. Returns the batch to run, or NULL to connect or stop. */
static slot_t *next_batch(fhir_lane_t *lane)
{
    slot_t *batch = NULL, **end = &batch;
    apr_thread_mutex_lock(lane->lock);
    while (!lane->stop && !lane->head) {
        apr_interval_time_t pause = lane->next_try - apr_time_now();
        int connect = !lane->conn && lane->wanted;
        if (connect && pause <= 0)
            break;
        lane->idle = 1;
        if (connect)
            (void)apr_thread_cond_timedwait(lane->wake, lane->lock, pause);
        else
            (void)apr_thread_cond_wait(lane->wake, lane->lock);
        lane->idle = 0;
    }
    lane->wanted = 0;
    if (!lane->stop && lane->head) {
        batch = lane->head;
        for (int n = 0; *end && n < BATCH; n++) {
            end = &(*end)->next;
        }
        lane->head = *end;
        *end = NULL;
        if (!lane->head)
            lane->tail = &lane->head;
    }
    apr_thread_mutex_unlock(lane->lock);
    return batch;
}

static void *APR_THREAD_FUNC lane_main(apr_thread_t *thread, void *data)
{
    fhir_lane_t *lane = data;
    while (!stopping(lane)) {
        slot_t *batch = next_batch(lane);
        if (batch) {
            run_batch(lane, batch);
            if (lane->conn)
                trim(lane);
        }
        else if (!lane->conn && !stopping(lane))
            reconnect(lane);
    }
    disconnect(lane);
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

/* ---- start and end ---- */

static apr_status_t stop_lane(void *data)
{
    fhir_lane_t *lane = data;
    apr_thread_mutex_lock(lane->lock);
    lane->stop = 1;
    lane->accepting = 0;
    apr_thread_cond_signal(lane->wake);
    apr_thread_mutex_unlock(lane->lock);
    apr_status_t rv;
    apr_thread_join(&rv, lane->thread);
    for (int i = 0; i < SLOTS; i++) {
        sem_destroy(&lane->slots[i].done);
    }
    return APR_SUCCESS;
}

/* Signal handlers of the host program must not run in our thread. */
static apr_status_t start_thread(fhir_lane_t *lane, apr_pool_t *pool)
{
    static const int own_faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    sigset_t all;
    sigfillset(&all);
    for (apr_size_t i = 0; i < sizeof(own_faults) / sizeof(own_faults[0]); i++) {
        sigdelset(&all, own_faults[i]);
    }
    sigset_t before;
    pthread_sigmask(SIG_SETMASK, &all, &before);
    apr_status_t rv = apr_thread_create(&lane->thread, NULL, lane_main, lane, pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rv;
}

fhir_err_t *fhir_lane_create(fhir_lane_t **lane_out, const fhir_store_source_t *source,
                             const fhir_store_config_t *config, apr_pool_t *pool)
{
    fhir_lane_t *lane = apr_pcalloc(pool, sizeof(*lane));
    lane->source = source;
    lane->log = config->log;
    lane->wait = config->lane_wait > 0 ? config->lane_wait : apr_time_from_msec(100);
    lane->timeout = STATEMENT_TIMEOUT;
    if (config->statement_timeout > 0 && config->statement_timeout < lane->timeout)
        lane->timeout = config->statement_timeout;
    lane->tail = &lane->head;
    for (int i = 0; i < SLOTS; i++) {
        sem_init(&lane->slots[i].done, 0, 0);
        lane->slots[i].next = lane->free;
        lane->free = &lane->slots[i];
    }
    apr_allocator_t *allocator;
    apr_status_t rv = apr_allocator_create(&allocator);
    if (!rv) {
        rv = apr_pool_create_ex(&lane->pool, pool, NULL, allocator);
        if (rv)
            apr_allocator_destroy(allocator);
        else
            apr_allocator_owner_set(allocator, lane->pool);
    }
    if (!rv)
        rv = apr_thread_mutex_create(&lane->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    if (!rv)
        rv = apr_thread_cond_create(&lane->wake, pool);
    if (!rv)
        rv = start_thread(lane, pool);
    if (rv)
        return fhir_err_apr(pool, FHIR_ERR_INTERNAL, rv, "read lane");
    /* runs before subpools are destroyed: the thread uses one of them */
    apr_pool_pre_cleanup_register(pool, lane, stop_lane);
    *lane_out = lane;
    return NULL;
}

void fhir_lane_stats(apr_uint64_t *statements, apr_uint64_t *batches, fhir_lane_t *lane)
{
    *statements = atomic_load_explicit(&lane->statements, memory_order_relaxed);
    *batches = atomic_load_explicit(&lane->batches, memory_order_relaxed);
}
