/* SPDX-License-Identifier: Apache-2.0 */
/*
 * This process and its database: connections lent by mod_dbd, no more than FHIRConnections at once
 * (mod_dbd itself waits without limit for one), and none asked for while the server is away but
 * by one request twice a second (each attempt may take the connect timeout, under mod_dbd's lock).
 */
#include "httpd/mod_fhir.h"

#include <apr_dbd.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

#include <mod_dbd.h>

#include "httpd/mod_fhir_settings.h"

APLOG_USE_MODULE(fhir);

#define TRY_EVERY  apr_time_from_msec(500)
#define WARN_EVERY apr_time_from_sec(10)

struct mod_fhir_child_t {
    server_rec *server;
    apr_pool_t *pool;
    _Atomic(fhir_store_t *) store; /* or NULL: not made yet */
    apr_thread_mutex_t *creating;  /* held while it is made */
    fhir_store_source_t source;    /* all NULL: no database is configured */
    mod_fhir_endpoints_t *endpoints;
    APR_OPTIONAL_FN_TYPE(ap_dbd_open) * open;
    APR_OPTIONAL_FN_TYPE(ap_dbd_close) * close;
    apr_interval_time_t wait;
    int max;
    sem_t places;             /* connections that may be asked for */
    atomic_int away;          /* the last attempt to get one failed; written under lock */
    apr_thread_mutex_t *lock; /* guards what follows */
    apr_time_t next_try;      /* when away: one request may try then */
    apr_time_t next_warning;
    unsigned suppressed;
};

mod_fhir_endpoints_t *mod_fhir_child_endpoints(mod_fhir_child_t *child)
{
    return child->endpoints;
}

int mod_fhir_child_may_warn(unsigned *suppressed, mod_fhir_child_t *child)
{
    apr_time_t now = apr_time_now();
    int may;
    apr_thread_mutex_lock(child->lock);
    may = now >= child->next_warning;
    *suppressed = child->suppressed;
    child->suppressed = may ? 0 : child->suppressed + 1;
    if (may)
        child->next_warning = now + WARN_EVERY;
    apr_thread_mutex_unlock(child->lock);
    return may;
}

static fhir_err_t *busy(apr_pool_t *pool, const char *detail)
{
    return fhir_err_detail(
        fhir_err_create(pool, FHIR_ERR_BUSY,
                        "The database is not available at the moment; try again in a few seconds"),
        pool, "%s", detail);
}

/* While the database is away, one request in half a second may look whether it is back. */
static int may_try(mod_fhir_child_t *child)
{
    apr_time_t now;
    int may;
    if (!atomic_load_explicit(&child->away, memory_order_relaxed))
        return 1;
    apr_thread_mutex_lock(child->lock);
    now = apr_time_now();
    /* also when the clock was set back: it must not take as long again as it was */
    may = now >= child->next_try || child->next_try - now > TRY_EVERY;
    if (may)
        child->next_try = now + TRY_EVERY;
    apr_thread_mutex_unlock(child->lock);
    return may;
}

static void set_away(mod_fhir_child_t *child, int away)
{
    if (atomic_load_explicit(&child->away, memory_order_relaxed) == away && !away)
        return;
    apr_thread_mutex_lock(child->lock);
    if (away)
        child->next_try = apr_time_now() + TRY_EVERY;
    else if (child->away)
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, child->server,
                     "FHIR0211: the database is available again");
    atomic_store_explicit(&child->away, away, memory_order_relaxed);
    apr_thread_mutex_unlock(child->lock);
}

/* Takes one of the places, waiting for it. */
static fhir_err_t *take_place(mod_fhir_child_t *child, apr_pool_t *pool)
{
    apr_time_t until;
    struct timespec at;
    int status;
    if (!may_try(child))
        return busy(pool, "no connection to the database, see mod_dbd's message");
    if (sem_trywait(&child->places) == 0)
        return NULL;
    until = apr_time_now() + child->wait;
    at.tv_sec = apr_time_sec(until);
    at.tv_nsec = apr_time_usec(until) * 1000;
    while ((status = sem_timedwait(&child->places, &at)) != 0 && errno == EINTR) {
    }
    if (status == 0)
        return NULL;
    return busy(pool, apr_psprintf(pool,
                                   "all %d database connections were in use for %d ms; "
                                   "FHIRConnections (with DBDMax) sets their number, "
                                   "FHIRConnectionWait the wait",
                                   child->max, (int)apr_time_as_msec(child->wait)));
}

static fhir_err_t *acquire(PGconn **conn, void **handle, void *baton, apr_pool_t *pool)
{
    mod_fhir_child_t *child = baton;
    ap_dbd_t *dbd = NULL;
    FHIR_TRY(take_place(child, pool));
    /* a second time: mod_dbd gives nothing to whoever finds a dead connection, but drops that */
    for (int i = 0; i < 2 && !dbd; i++) {
        dbd = child->open(pool, child->server);
    }
    set_away(child, !dbd);
    if (!dbd) {
        sem_post(&child->places);
        return busy(pool, "no connection to the database, see mod_dbd's message");
    }
    *conn = apr_dbd_native_handle(dbd->driver, dbd->handle);
    *handle = dbd;
    return NULL;
}

/* A broken one is CONNECTION_BAD by now: mod_dbd resets it or drops it when it is asked next. */
static void release(void *handle, int broken, void *baton)
{
    mod_fhir_child_t *child = baton;
    (void)broken;
    child->close(child->server, handle);
    sem_post(&child->places);
}

/* A pool that worker threads may make children of: with an allocator and a lock of its own. */
static apr_status_t thread_safe_pool(apr_pool_t **pool, apr_pool_t *parent)
{
    apr_allocator_t *allocator;
    apr_thread_mutex_t *lock;
    apr_status_t rv = apr_allocator_create(&allocator);
    if (rv)
        return rv;
    rv = apr_pool_create_ex(pool, parent, NULL, allocator);
    if (rv) {
        apr_allocator_destroy(allocator);
        return rv;
    }
    apr_allocator_owner_set(allocator, *pool);
    rv = apr_thread_mutex_create(&lock, APR_THREAD_MUTEX_DEFAULT, *pool);
    if (!rv)
        apr_allocator_mutex_set(allocator, lock);
    return rv;
}

/* Made when it is asked for first: a host may have many servers that never see a FHIR request. */
fhir_store_t *mod_fhir_child_store(mod_fhir_child_t *child)
{
    const mod_fhir_settings_t *settings = mod_fhir_settings_of(child->server);
    fhir_store_config_t config = {
        .read_lane = (int)mod_fhir_number(settings, MOD_FHIR_READ_LANE),
        .statement_timeout = mod_fhir_number(settings, MOD_FHIR_STATEMENT_TIMEOUT),
    };
    fhir_store_t *store = atomic_load_explicit(&child->store, memory_order_acquire);
    fhir_err_t *err = NULL;
    if (store || !child->source.acquire)
        return store;
    apr_thread_mutex_lock(child->creating);
    store = atomic_load_explicit(&child->store, memory_order_relaxed);
    if (!store) {
        config.log = mod_fhir_log_server(child->server, child->pool);
        err = fhir_store_create(&store, &child->source, &config, child->pool);
        if (!err)
            atomic_store_explicit(&child->store, store, memory_order_release);
    }
    apr_thread_mutex_unlock(child->creating);
    if (err)
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, child->server,
                     "FHIR0212: the database cannot be used: %s",
                     err->detail ? err->detail : err->message);
    return store;
}

void mod_fhir_child_status(mod_fhir_child_status_t *status, mod_fhir_child_t *child)
{
    fhir_store_t *store = atomic_load_explicit(&child->store, memory_order_acquire);
    int free_places = 0;
    memset(status, 0, sizeof(*status));
    sem_getvalue(&child->places, &free_places);
    status->max = child->max;
    status->busy = child->max - free_places;
    status->away = atomic_load_explicit(&child->away, memory_order_relaxed);
    if (store)
        fhir_store_stats(&status->stats, store);
}

static apr_status_t destroy_pool(void *pool)
{
    apr_pool_destroy(pool);
    return APR_SUCCESS;
}

static apr_status_t destroy_places(void *places)
{
    sem_destroy(places);
    return APR_SUCCESS;
}

mod_fhir_child_t *mod_fhir_child_create(server_rec *s, int database, apr_pool_t *pchild)
{
    const mod_fhir_settings_t *settings = mod_fhir_settings_of(s);
    mod_fhir_child_t *child;
    apr_pool_t *pool;
    apr_status_t rv = thread_safe_pool(&pool, pchild);
    if (rv)
        return NULL;
    /* before the other pools of the process go, mod_dbd's among them */
    apr_pool_pre_cleanup_register(pchild, pool, destroy_pool);
    child = apr_pcalloc(pool, sizeof(*child));
    child->server = s;
    child->pool = pool;
    child->max = (int)mod_fhir_number(settings, MOD_FHIR_CONNECTIONS);
    child->wait = mod_fhir_number(settings, MOD_FHIR_CONNECTION_WAIT);
    child->open = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_open);
    child->close = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_close);
    if (database && child->open && child->close)
        child->source = (fhir_store_source_t){acquire, release, child};
    rv = apr_thread_mutex_create(&child->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    if (!rv)
        rv = apr_thread_mutex_create(&child->creating, APR_THREAD_MUTEX_DEFAULT, pool);
    if (rv || sem_init(&child->places, 0, (unsigned)child->max))
        return NULL;
    apr_pool_cleanup_register(pool, &child->places, destroy_places, apr_pool_cleanup_null);
    child->endpoints = mod_fhir_endpoints_create(child, pool);
    return child->endpoints ? child : NULL;
}
