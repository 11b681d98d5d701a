/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool of connections of one process. Connections are opened outside of the lock, so a caller
 * that finds an idle one never waits for a host that does not answer. Idle connections are used
 * last in, first out; those that stay idle for minutes are closed.
 *
 * While connections cannot be opened, one caller at a time tries; the others wait for an idle
 * connection, or for the result of that attempt. So a server that is away costs each caller little,
 * and nobody is refused because of an old failure.
 *
 * Of the waiting callers, one whose client has the fewest connections is woken first; of several,
 * the one that came first. Until a woken thread runs, another one may take the idle connection,
 * which keeps connections busy; but not if the woken one has waited for long.
 */
#include "store/fhir_store_private.h"

#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "store/fhir_connect.h"

#define IDLE_MAX apr_time_from_sec(300)
/* Nobody may overtake a caller that has waited for longer than this. */
#define PATIENCE apr_time_from_msec(10)

typedef struct idle_t {
    PGconn *conn;
    apr_time_t since;
} idle_t;

/* A caller that waits, on the stack of its thread. */
typedef struct waiter_t {
    fhir_borrower_t who;
    int is_woken; /* since it last looked */
    apr_time_t since;
    sem_t wake;
    struct waiter_t *next;
} waiter_t;

typedef struct own_t {
    fhir_store_source_t source; /* what callers know */
    fhir_connect_t *connect;
    const fhir_log_t *log;
    apr_thread_mutex_t *lock; /* guards what follows */
    waiter_t *first;          /* the one that has waited for longest */
    apr_interval_time_t wait;
    int max, n_idle, n_open; /* n_open: in use, idle, and being opened */
    int long_max, n_long;    /* used by long work */
    int n_lent;              /* and being opened */
    apr_uint64_t *lent;      /* the clients of these; room for max connections */
    int failing;             /* the last attempt to open one failed */
    int trying;              /* a caller tries although it is failing */
    unsigned attempts;       /* that failed */
    char why[400];           /* the error of the last one */
    idle_t *idle;            /* room for max connections */
} own_t;

static fhir_err_t *busy(apr_pool_t *pool, const own_t *own, int is_long)
{
    if (is_long && own->n_long >= own->long_max)
        return fhir_err_detail(
            fhir_err_create(pool, FHIR_ERR_BUSY,
                            "The server has reached its limit of long work; try again in a few "
                            "seconds, or ask for less"),
            pool,
            "all %d database connections for long work were in use for %d ms; "
            "FHIRLongWorkConnections sets their number, FHIRConnectionWait the wait",
            own->long_max, (int)apr_time_as_msec(own->wait));
    return fhir_err_detail(fhir_sqlstate_error(FHIR_ERR_BUSY, pool), pool,
                           "all %d database connections were in use for %d ms; FHIRConnections "
                           "sets their number, FHIRConnectionWait the wait",
                           own->max, (int)apr_time_as_msec(own->wait));
}

static fhir_err_t *away(apr_pool_t *pool, const own_t *own)
{
    return fhir_err_detail(fhir_sqlstate_error(FHIR_ERR_BUSY, pool), pool, "%s", own->why);
}

/* 1 if a caller may open a connection now. Under the lock. */
static int may_open(const own_t *own)
{
    return own->n_open < own->max && !(own->failing && own->trying);
}

/* 1 if a caller has to wait although connections are idle. Under the lock. */
static int lane_is_full(const own_t *own, int is_long)
{
    return is_long && own->n_long >= own->long_max;
}

/* The connections that a client has. Under the lock. */
static int count_of(const own_t *own, apr_uint64_t client)
{
    int n = 0;
    for (int i = 0; i < own->n_lent && client; i++)
        n += own->lent[i] == client;
    return n;
}

static void note_lent(own_t *own, fhir_borrower_t who)
{
    own->lent[own->n_lent++] = who.client;
    own->n_long += who.is_long;
}

static void forget_lent(own_t *own, fhir_borrower_t who)
{
    int i = 0;
    while (own->lent[i] != who.client)
        i++;
    own->lent[i] = own->lent[--own->n_lent];
    own->n_long -= who.is_long;
}

/* 1 if a caller that has waited for long is to have the next idle connection. self: the one that
 * asks, if it waits. Under the lock. */
static int is_claimed(const own_t *own, const waiter_t *self, fhir_borrower_t who, apr_time_t now)
{
    int mine = count_of(own, who.client);
    int is_before = 1;
    for (const waiter_t *w = own->first; w; w = w->next) {
        int its = w == self || lane_is_full(own, w->who.is_long) ? mine + 1
                                                                 : count_of(own, w->who.client);
        is_before &= w != self;
        if ((its < mine || (its == mine && is_before)) && now - w->since > PATIENCE)
            return 1;
    }
    return 0;
}

/* Wakes the next caller that can go on now and was not woken yet. Under the lock. */
static void wake_first(own_t *own)
{
    waiter_t *first = NULL;
    int least = 0;
    for (waiter_t *w = own->first; w; w = w->next) {
        int n = w->is_woken || lane_is_full(own, w->who.is_long) ? own->max
                                                                 : count_of(own, w->who.client);
        if (n < (first ? least : own->max)) {
            first = w;
            least = n;
        }
    }
    if (first) {
        first->is_woken = 1;
        sem_post(&first->wake);
    }
}

static void wake_all(own_t *own)
{
    for (waiter_t *w = own->first; w; w = w->next)
        if (!w->is_woken) {
            w->is_woken = 1;
            sem_post(&w->wake);
        }
}

/* Begins to wait, at the end of the queue. */
static void queue_up(own_t *own, waiter_t *self, fhir_borrower_t who)
{
    waiter_t **at = &own->first;
    *self = (waiter_t){.who = who, .since = apr_time_now()};
    sem_init(&self->wake, 0, 0);
    while (*at)
        at = &(*at)->next;
    *at = self;
}

/* A connection for which it was woken, and which it has not taken, goes to another caller. */
static void leave_queue(own_t *own, waiter_t *self)
{
    waiter_t **at = &own->first;
    while (*at != self)
        at = &(*at)->next;
    *at = self->next;
    sem_destroy(&self->wake);
    if (own->n_idle || may_open(own))
        wake_first(own);
}

/* Sleeps until it is woken, or until the time limit. The lock is not held meanwhile. */
static void await_change(own_t *own, waiter_t *self, apr_time_t until)
{
    struct timespec time = {.tv_sec = (time_t)apr_time_sec(until),
                            .tv_nsec = (long)apr_time_usec(until) * 1000};
    apr_thread_mutex_unlock(own->lock);
    while (sem_timedwait(&self->wake, &time) && errno == EINTR) {
    }
    apr_thread_mutex_lock(own->lock);
    if (self->is_woken) /* also if it was woken at the end of the time */
        (void)sem_trywait(&self->wake);
    self->is_woken = 0;
}

/* Leaves *conn NULL when a new connection may be opened; its place is reserved then. last: the
 * error of this caller's own attempt, or NULL. A caller whose attempt failed waits only for
 * connections in use. */
static fhir_err_t *take_place(PGconn **conn, own_t *own, fhir_borrower_t who, apr_time_t until,
                              fhir_err_t *last, apr_pool_t *pool)
{
    int waits = 0;
    fhir_err_t *err = NULL;
    *conn = NULL;
    apr_thread_mutex_lock(own->lock);
    unsigned attempts = own->attempts;
    waiter_t self;
    for (;;) {
        apr_time_t now = own->first ? apr_time_now() : 0;
        int claimed = is_claimed(own, waits ? &self : NULL, who, now);
        int full = lane_is_full(own, who.is_long);
        int failed = last || (own->failing && own->attempts != attempts);
        int lent = own->n_open - own->trying;
        if (!claimed && !full && (own->n_idle || (!failed && may_open(own))))
            break;
        now = apr_time_now();
        if (until > now && (lent > 0 || !failed)) {
            if (!waits++)
                queue_up(own, &self, who);
            await_change(own, &self, until);
            continue;
        }
        err = last ? last : own->failing ? away(pool, own) : busy(pool, own, who.is_long);
        break;
    }
    if (!err && own->n_idle)
        *conn = own->idle[--own->n_idle].conn;
    else if (!err) {
        own->n_open++;
        own->trying |= own->failing;
    }
    if (!err)
        note_lent(own, who);
    if (waits)
        leave_queue(own, &self);
    apr_thread_mutex_unlock(own->lock);
    return err;
}

/* The connection that has been idle longest is at the bottom. Under the lock; to be closed outside
 * of it. */
static PGconn *take_old(own_t *own, apr_time_t now)
{
    if (own->n_idle < 2 || now - own->idle[0].since < IDLE_MAX)
        return NULL;
    PGconn *old = own->idle[0].conn;
    memmove(own->idle, own->idle + 1, sizeof(*own->idle) * (apr_size_t)--own->n_idle);
    own->n_open--;
    return old;
}

static void own_release(void *handle, int broken, fhir_borrower_t who, void *baton)
{
    own_t *own = baton;
    apr_time_t now = apr_time_now();
    PGconn *old = NULL;
    if (broken)
        PQfinish(handle);
    apr_thread_mutex_lock(own->lock);
    forget_lent(own, who);
    if (broken)
        own->n_open--;
    else {
        own->idle[own->n_idle++] = (idle_t){handle, now};
        old = take_old(own, now);
    }
    wake_first(own);
    apr_thread_mutex_unlock(own->lock);
    PQfinish(old);
}

/* An attempt to open one has ended. */
static void note_attempt(own_t *own, fhir_borrower_t who, const fhir_err_t *err)
{
    apr_thread_mutex_lock(own->lock);
    int back = !err && own->failing;
    own->failing = err != NULL;
    own->trying = 0;
    if (err) {
        own->n_open--;
        forget_lent(own, who);
        own->attempts++;
        apr_cpystrn(own->why, err->detail ? err->detail : err->message, sizeof(own->why));
    }
    wake_all(own);
    apr_thread_mutex_unlock(own->lock);
    if (back)
        FHIR_LOG(own->log, FHIR_LOG_NOTICE, "FHIR0211: the database is available again");
}

static fhir_err_t *own_acquire(PGconn **conn, void **handle, fhir_borrower_t who, void *baton,
                               apr_pool_t *pool)
{
    own_t *own = baton;
    apr_time_t until = apr_time_now() + own->wait;
    FHIR_TRY(take_place(conn, own, who, until, NULL, pool));
    if (!*conn) {
        fhir_err_t *err = fhir_connect_open(conn, own->connect, NULL, NULL, pool);
        note_attempt(own, who, err);
        if (err) /* connections in use may come back */
            FHIR_TRY(take_place(conn, own, who, until, err, pool));
    }
    *handle = *conn;
    return NULL;
}

static fhir_err_t *own_open(PGconn **conn, int (*stop)(void *baton), void *stop_baton, void *baton,
                            apr_pool_t *pool)
{
    return fhir_connect_open(conn, ((own_t *)baton)->connect, stop, stop_baton, pool);
}

static apr_status_t own_close(void *data)
{
    own_t *own = data;
    while (own->n_idle) {
        PQfinish(own->idle[--own->n_idle].conn);
    }
    return APR_SUCCESS;
}

void fhir_store_source_log(fhir_store_source_t *source, const fhir_log_t *log)
{
    ((own_t *)source->baton)->log = log;
}

void fhir_store_source_status(fhir_store_source_status_t *status, const fhir_store_source_t *source)
{
    own_t *own = source->baton;
    apr_thread_mutex_lock(own->lock);
    status->max = own->max;
    status->busy = own->n_open - own->n_idle;
    status->longs = own->n_long;
    status->waiting = 0;
    for (const waiter_t *w = own->first; w; w = w->next)
        status->waiting++;
    status->away = own->failing;
    apr_thread_mutex_unlock(own->lock);
}

fhir_err_t *fhir_store_source_create(fhir_store_source_t **source, const char *conninfo, int max,
                                     int long_max, apr_interval_time_t wait, apr_pool_t *pool)
{
    own_t *own = apr_pcalloc(pool, sizeof(*own));
    own->max = max > 0 ? max : 1;
    own->long_max = own->max == 1 ? 1 : long_max < own->max ? long_max : own->max - 1;
    own->wait = wait;
    own->idle = apr_pcalloc(pool, sizeof(*own->idle) * (apr_size_t)own->max);
    own->lent = apr_pcalloc(pool, sizeof(*own->lent) * (apr_size_t)own->max);
    FHIR_TRY(fhir_connect_create(&own->connect, conninfo, "mod_fhir", pool));
    apr_status_t rv = apr_thread_mutex_create(&own->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    if (rv)
        return fhir_err_apr(pool, FHIR_ERR_INTERNAL, rv, "connection pool");
    apr_pool_cleanup_register(pool, own, own_close, apr_pool_cleanup_null);
    own->source = (fhir_store_source_t){own_acquire, own_release, own, own_open};
    *source = &own->source;
    return NULL;
}
