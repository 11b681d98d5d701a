/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a tenant's schema, as one process remembers it. */
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <stdatomic.h>
#include <string.h>

#include "store/fhir_schema.h"

#define LOOK_EVERY  apr_time_from_sec(2)
#define RETRY_EVERY apr_time_from_msec(200)

struct fhir_tenant_t {
    const char *name, *sql;
    _Atomic(fhir_schema_state_t) state;
    _Atomic(const fhir_schema_keys_t *) keys; /* or NULL */
    _Atomic(apr_time_t) next;                 /* when it is checked next */
    atomic_uint looks;
    apr_thread_mutex_t *lock; /* held by the thread that checks; guards what follows */
    fhir_schema_state_t told; /* what was logged last */
    apr_pool_t *pool;         /* for keys: there is one for each change */
};

typedef struct row_t {
    const char *files, *keys; /* NULL: there is none */
    apr_pool_t *pool;
} row_t;

int fhir_tenant_is_name(const char *name)
{
    apr_size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return !name[len] && len >= 1 && len <= 48 && name[0] >= 'a';
}

fhir_err_t *fhir_tenant_create(fhir_tenant_t **out, const char *name, apr_pool_t *pool)
{
    fhir_tenant_t *tenant = apr_pcalloc(pool, sizeof(*tenant));
    apr_status_t rv = apr_thread_mutex_create(&tenant->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    if (!rv)
        rv = apr_pool_create(&tenant->pool, pool);
    if (rv)
        return fhir_err_apr(pool, FHIR_ERR_INTERNAL, rv, "tenant");
    tenant->told = FHIR_SCHEMA_READY; /* any other difference is a change */
    tenant->name = apr_pstrdup(pool, name);
    tenant->sql = fhir_schema_sql(name, pool);
    *out = tenant;
    return NULL;
}

const char *fhir_tenant_name(const fhir_tenant_t *tenant)
{
    return tenant->name;
}

static fhir_err_t *read_row(void *baton, const fhir_row_t *row)
{
    row_t *r = baton;
    if (!fhir_row_is_null(row, 0))
        r->files = apr_pstrdup(r->pool, fhir_row_text(row, 0));
    if (!fhir_row_is_null(row, 1))
        r->keys = apr_pstrdup(r->pool, fhir_row_text(row, 1));
    return NULL;
}

/* Logs a problem when it is new, and when it is over. */
static void tell(fhir_tenant_t *tenant, const fhir_schema_t *schema, const fhir_log_t *log)
{
    if (schema->state == tenant->told)
        return;
    if (schema->state != FHIR_SCHEMA_READY)
        FHIR_LOG(log, schema->state == FHIR_SCHEMA_UNKNOWN ? FHIR_LOG_WARNING : FHIR_LOG_ERROR,
                 "FHIR0213: schema \"%s\" cannot be used: %s", tenant->name, schema->why);
    else if (tenant->told != FHIR_SCHEMA_UNKNOWN)
        FHIR_LOG(log, FHIR_LOG_NOTICE, "FHIR0502: schema \"%s\" can be used now", tenant->name);
    tenant->told = schema->state;
}

static void keep_keys(fhir_tenant_t *tenant, const fhir_schema_t *schema)
{
    const fhir_schema_keys_t *known = atomic_load(&tenant->keys);
    if (!known || memcmp(known, &schema->keys, sizeof(*known)) != 0)
        atomic_store(&tenant->keys, apr_pmemdup(tenant->pool, &schema->keys, sizeof(schema->keys)));
}

/* Under the lock. If the database is away, the state stays unchanged. */
static void look(fhir_tenant_t *tenant, fhir_store_t *store, const fhir_log_t *log,
                 apr_pool_t *pool)
{
    /* by the read lane: it must not wait behind searches */
    fhir_stmt_t stmt = {.sql = tenant->sql, .flags = FHIR_STMT_SHORT};
    fhir_schema_t schema = {.state = FHIR_SCHEMA_UNKNOWN};
    row_t row = {.pool = pool};
    fhir_err_t *err = fhir_store_run(store, &stmt, NULL, read_row, &row, NULL, pool);
    if (err)
        fhir_schema_judge_error(&schema, err, pool);
    else
        fhir_schema_judge(&schema, row.files, row.keys, pool);
    if (schema.state == FHIR_SCHEMA_READY)
        keep_keys(tenant, &schema);
    if (schema.state != FHIR_SCHEMA_UNKNOWN || atomic_load(&tenant->state) == FHIR_SCHEMA_UNKNOWN) {
        tell(tenant, &schema, log);
        atomic_store(&tenant->state, schema.state);
    }
    atomic_fetch_add(&tenant->looks, 1);
    atomic_store(&tenant->next,
                 apr_time_now() + (schema.state == FHIR_SCHEMA_UNKNOWN ? 0
                                   : schema.state == FHIR_SCHEMA_READY ? LOOK_EVERY
                                                                       : RETRY_EVERY));
}

static int is_due(const fhir_tenant_t *tenant)
{
    apr_time_t now = apr_time_now(), next = atomic_load(&tenant->next);
    return now >= next || next - now > LOOK_EVERY; /* the clock may have been set back */
}

fhir_schema_state_t fhir_tenant_look(const fhir_schema_keys_t **keys, fhir_tenant_t *tenant,
                                     fhir_store_t *store, const fhir_log_t *log, apr_pool_t *pool)
{
    int ready = atomic_load(&tenant->state) == FHIR_SCHEMA_READY;
    if (is_due(tenant)) {
        /* One request checks. Others use the known state, or wait for the result if there is none:
         * at start they would all be refused otherwise. */
        unsigned looks = atomic_load(&tenant->looks);
        int locked =
            ready ? !apr_thread_mutex_trylock(tenant->lock) : !apr_thread_mutex_lock(tenant->lock);
        if (locked && atomic_load(&tenant->looks) == looks)
            look(tenant, store, log, pool);
        if (locked)
            apr_thread_mutex_unlock(tenant->lock);
    }
    *keys = atomic_load(&tenant->keys);
    return atomic_load(&tenant->state);
}
