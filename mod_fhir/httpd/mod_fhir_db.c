/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database of this process: the store of each server, with a pool of connections that servers
 * with the same settings share.
 */
#include "httpd/mod_fhir.h"

#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <stdatomic.h>
#include <string.h>

#include "httpd/mod_fhir_settings.h"
#include "portal/fhir_portal.h"

APLOG_USE_MODULE(fhir);

#define WARN_EVERY apr_time_from_sec(10)

struct mod_fhir_child_t {
    server_rec *server;
    apr_pool_t *pool;
    _Atomic(fhir_store_t *) store; /* or NULL: not made yet */
    apr_thread_mutex_t *creating;  /* held while it is being made */
    fhir_store_source_t *source;   /* NULL: no database is configured */
    const char *conninfo;          /* of source */
    mod_fhir_endpoints_t *endpoints;
    fhir_directory_t *directory;
    mod_fhir_use_t *use;
    fhir_budget_t *budget;                   /* the process's */
    fhir_token_cache_t cache;                /* segment NULL: none */
    _Atomic(mod_fhir_listener_t *) listener; /* or NULL: not started yet */
    apr_thread_mutex_t *lock;                /* guards what follows */
    apr_time_t next_warning;
    unsigned suppressed;
};

mod_fhir_endpoints_t *mod_fhir_child_endpoints(mod_fhir_child_t *child)
{
    return child->endpoints;
}

mod_fhir_use_t *mod_fhir_child_use(mod_fhir_child_t *child)
{
    return child->use;
}

fhir_directory_t *mod_fhir_child_directory(mod_fhir_child_t *child)
{
    return child->directory;
}

fhir_budget_t *mod_fhir_child_budget(mod_fhir_child_t *child)
{
    return child->budget;
}

int mod_fhir_child_may_warn(unsigned *suppressed, mod_fhir_child_t *child)
{
    apr_time_t now = apr_time_now();
    apr_thread_mutex_lock(child->lock);
    int may = now >= child->next_warning || child->next_warning - now > WARN_EVERY;
    *suppressed = child->suppressed;
    child->suppressed = may ? 0 : child->suppressed + 1;
    if (may)
        child->next_warning = now + WARN_EVERY;
    apr_thread_mutex_unlock(child->lock);
    return may;
}

const fhir_token_cache_t *mod_fhir_child_cache(mod_fhir_child_t *child)
{
    return child->cache.segment ? &child->cache : NULL;
}

/* Most servers never get a token, so listening begins with the first one. */
apr_uint64_t mod_fhir_child_database(mod_fhir_child_t *child)
{
    mod_fhir_listener_t *listener = atomic_load_explicit(&child->listener, memory_order_acquire);
    if (!listener && child->cache.segment && child->conninfo) {
        apr_thread_mutex_lock(child->creating);
        listener = atomic_load_explicit(&child->listener, memory_order_relaxed);
        if (!listener) {
            listener = mod_fhir_listener_start(child, child->server, child->conninfo, &child->cache,
                                               child->pool);
            atomic_store_explicit(&child->listener, listener, memory_order_release);
        }
        apr_thread_mutex_unlock(child->creating);
    }
    return listener ? mod_fhir_listener_database(listener) : 0;
}

/* A pool in which worker threads may make subpools: it has an allocator and a lock of its own. */
static apr_status_t thread_safe_pool(apr_pool_t **pool, apr_pool_t *parent)
{
    apr_allocator_t *allocator;
    apr_status_t rv = apr_allocator_create(&allocator);
    if (rv)
        return rv;
    rv = apr_pool_create_ex(pool, parent, NULL, allocator);
    if (rv) {
        apr_allocator_destroy(allocator);
        return rv;
    }
    apr_allocator_owner_set(allocator, *pool);
    apr_thread_mutex_t *lock;
    rv = apr_thread_mutex_create(&lock, APR_THREAD_MUTEX_DEFAULT, *pool);
    if (!rv)
        apr_allocator_mutex_set(allocator, lock);
    return rv;
}

/* Made at first use: a host may have many servers that never get a FHIR request. */
fhir_store_t *mod_fhir_child_store(mod_fhir_child_t *child)
{
    const mod_fhir_settings_t *settings = mod_fhir_settings_of(child->server);
    fhir_store_config_t config = {
        .read_lane = (int)mod_fhir_number(settings, MOD_FHIR_READ_LANE),
        .statement_timeout = mod_fhir_number(settings, MOD_FHIR_STATEMENT_TIMEOUT),
        .long_after = mod_fhir_number(settings, MOD_FHIR_LONG_WORK_AFTER),
    };
    fhir_store_t *store = atomic_load_explicit(&child->store, memory_order_acquire);
    fhir_err_t *err = NULL;
    if (store || !child->source)
        return store;
    apr_thread_mutex_lock(child->creating);
    store = atomic_load_explicit(&child->store, memory_order_relaxed);
    if (!store) {
        config.log = mod_fhir_log_server(child->server, child->pool);
        err = fhir_store_create(&store, child->source, &config, child->pool);
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
    memset(status, 0, sizeof(*status));
    status->pool.max =
        (int)mod_fhir_number(mod_fhir_settings_of(child->server), MOD_FHIR_CONNECTIONS);
    if (child->source)
        fhir_store_source_status(&status->pool, child->source);
    if (store)
        fhir_store_stats(&status->stats, store);
}

static apr_status_t destroy_pool(void *pool)
{
    apr_pool_destroy(pool);
    return APR_SUCCESS;
}

/* 1 if another server has the same settings and can share this pool of connections. */
static int can_share(const mod_fhir_child_t *other, const char *conninfo,
                     const mod_fhir_settings_t *settings)
{
    const mod_fhir_settings_t *its = mod_fhir_settings_of(other->server);
    return other->source && strcmp(other->conninfo, conninfo) == 0 &&
           mod_fhir_number(its, MOD_FHIR_CONNECTIONS) ==
               mod_fhir_number(settings, MOD_FHIR_CONNECTIONS) &&
           mod_fhir_number(its, MOD_FHIR_LONG_WORK_CONNECTIONS) ==
               mod_fhir_number(settings, MOD_FHIR_LONG_WORK_CONNECTIONS) &&
           mod_fhir_number(its, MOD_FHIR_CONNECTION_WAIT) ==
               mod_fhir_number(settings, MOD_FHIR_CONNECTION_WAIT);
}

static fhir_err_t *make_source(mod_fhir_child_t *child, server_rec *main)
{
    const mod_fhir_settings_t *settings = mod_fhir_settings_of(child->server);
    for (server_rec *s = main; s != child->server; s = s->next) {
        const mod_fhir_child_t *other = mod_fhir_server_of(s)->child;
        if (other && can_share(other, child->conninfo, settings)) {
            child->source = other->source;
            return NULL;
        }
    }
    FHIR_TRY(fhir_store_source_create(
        &child->source, child->conninfo, (int)mod_fhir_number(settings, MOD_FHIR_CONNECTIONS),
        (int)mod_fhir_number(settings, MOD_FHIR_LONG_WORK_CONNECTIONS),
        mod_fhir_number(settings, MOD_FHIR_CONNECTION_WAIT), child->pool));
    fhir_store_source_log(child->source, mod_fhir_log_server(child->server, child->pool));
    return NULL;
}

mod_fhir_child_t *mod_fhir_child_create(server_rec *s, server_rec *main, fhir_budget_t *budget,
                                        apr_pool_t *pchild)
{
    apr_pool_t *pool;
    apr_status_t rv = thread_safe_pool(&pool, pchild);
    if (rv)
        return NULL;
    /* runs before other pools of the process are destroyed; servers that share connections, the
     * last first */
    apr_pool_pre_cleanup_register(pchild, pool, destroy_pool);
    mod_fhir_child_t *child = apr_pcalloc(pool, sizeof(*child));
    child->server = s;
    child->budget = budget;
    child->pool = pool;
    child->conninfo = mod_fhir_server_database(s);
    if (child->conninfo && make_source(child, main))
        return NULL;
    rv = apr_thread_mutex_create(&child->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    if (!rv)
        rv = apr_thread_mutex_create(&child->creating, APR_THREAD_MUTEX_DEFAULT, pool);
    if (rv)
        return NULL;
    (void)mod_fhir_cache_attach(&child->cache, s, pchild);
    child->endpoints = mod_fhir_endpoints_create(child, pool);
    child->directory = fhir_directory_create(pool);
    child->use = mod_fhir_use_create(pool);
    return child->endpoints && child->directory && child->use ? child : NULL;
}
