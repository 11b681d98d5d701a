/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded pool of own connections, for programs without mod_dbd. Connecting happens outside the
 * lock; idle connections are reused last in, first out.
 */
#include "store/fhir_store_private.h"

#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

typedef struct own_t {
    const char *conninfo;
    apr_thread_mutex_t *lock; /* guards idle, n_idle, n_open */
    apr_thread_cond_t *given_back;
    apr_interval_time_t wait;
    int max, n_idle, n_open;
    PGconn **idle; /* max places */
} own_t;

static fhir_err_t *busy(apr_pool_t *pool, const char *detail)
{
    fhir_err_t *err =
        fhir_err_create(pool, FHIR_ERR_BUSY,
                        "The database is not available at the moment; try again in a few seconds");
    return fhir_err_detail(err, pool, "%s", detail);
}

/* Leaves *conn NULL when a new connection may be opened; its place is taken then. */
static fhir_err_t *take_place(PGconn **conn, own_t *own, apr_pool_t *pool)
{
    apr_time_t deadline = apr_time_now() + own->wait;
    fhir_err_t *err = NULL;
    *conn = NULL;
    apr_thread_mutex_lock(own->lock);
    while (!own->n_idle && own->n_open == own->max) {
        apr_interval_time_t left = deadline - apr_time_now();
        if (left <= 0) {
            err = busy(pool, "all connections were in use for the whole wait");
            break;
        }
        (void)apr_thread_cond_timedwait(own->given_back, own->lock, left);
    }
    if (!err && own->n_idle)
        *conn = own->idle[--own->n_idle];
    else if (!err)
        own->n_open++;
    apr_thread_mutex_unlock(own->lock);
    return err;
}

static void own_release(void *handle, int broken, void *baton)
{
    own_t *own = baton;
    if (broken)
        PQfinish(handle);
    apr_thread_mutex_lock(own->lock);
    if (broken)
        own->n_open--;
    else
        own->idle[own->n_idle++] = handle;
    apr_thread_cond_signal(own->given_back);
    apr_thread_mutex_unlock(own->lock);
}

static fhir_err_t *own_acquire(PGconn **conn, void **handle, void *baton, apr_pool_t *pool)
{
    /* later names win, so a connect_timeout in conninfo does */
    static const char *const names[] = {"connect_timeout", "fallback_application_name", "dbname",
                                        NULL};
    own_t *own = baton;
    const char *const texts[] = {"10", "mod_fhir", own->conninfo, NULL};
    FHIR_TRY(take_place(conn, own, pool));
    if (!*conn)
        *conn = PQconnectdbParams(names, texts, 1);
    if (PQstatus(*conn) != CONNECTION_OK) {
        fhir_err_t *err = fhir_store_error(*conn, NULL, pool);
        own_release(*conn, 1, own);
        *conn = NULL;
        return err;
    }
    *handle = *conn;
    return NULL;
}

static apr_status_t own_close(void *data)
{
    own_t *own = data;
    while (own->n_idle) {
        PQfinish(own->idle[--own->n_idle]);
    }
    return APR_SUCCESS;
}

fhir_err_t *fhir_store_source_create(fhir_store_source_t **source, const char *conninfo, int max,
                                     apr_interval_time_t wait, apr_pool_t *pool)
{
    own_t *own = apr_pcalloc(pool, sizeof(*own));
    fhir_store_source_t *src = apr_pcalloc(pool, sizeof(*src));
    apr_status_t rv;
    own->conninfo = apr_pstrdup(pool, conninfo);
    own->max = max > 0 ? max : 1;
    own->wait = wait;
    own->idle = apr_pcalloc(pool, sizeof(*own->idle) * (apr_size_t)own->max);
    rv = apr_thread_mutex_create(&own->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    if (!rv)
        rv = apr_thread_cond_create(&own->given_back, pool);
    if (rv)
        return fhir_err_apr(pool, FHIR_ERR_INTERNAL, rv, "connection pool");
    apr_pool_cleanup_register(pool, own, own_close, apr_pool_cleanup_null);
    src->acquire = own_acquire;
    src->release = own_release;
    src->baton = own;
    *source = src;
    return NULL;
}
