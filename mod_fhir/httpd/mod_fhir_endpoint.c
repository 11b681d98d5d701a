/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Endpoints as one process sees them. httpd merges a Location's settings anew for each request;
 * what is made of them (CapabilityStatement, the schema's check, the key of page links) is kept
 * here, found by the settings' bytes. The list only grows, by as many as the configuration has.
 */
#include "httpd/mod_fhir.h"

#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <stdatomic.h>
#include <string.h>

#include "core/fhir_hex.h"
#include "fhir/fhir_capability.h"
#include "fhir/search/fhir_cursor.h"
#include "fhir/validate/fhir_validate.h"

#define CHECK_EVERY apr_time_from_msec(500)

/* What may be wrong with a tenant's schema. */
typedef enum fault_t {
    FAULT_NONE,
    NO_CONNECTION,
    NO_RIGHT,
    NO_SCHEMA,
    NO_TABLES,
    OTHER,
    NO_KEY
} fault_t;

struct mod_fhir_endpoint_t {
    fhir_endpoint_t endpoint; /* cursor_key is set before `ready` */
    mod_fhir_settings_t settings;
    mod_fhir_child_t *child;
    mod_fhir_endpoint_t *next;
    atomic_int ready;
    apr_thread_mutex_t *lock; /* guards what follows */
    apr_time_t next_check;
    fault_t told;     /* the fault that was logged last */
    apr_pool_t *pool; /* for the key */
};

struct mod_fhir_endpoints_t {
    mod_fhir_child_t *child;
    apr_pool_t *pool;
    apr_thread_mutex_t *lock; /* held while one is made */
    _Atomic(mod_fhir_endpoint_t *) first;
};

mod_fhir_endpoints_t *mod_fhir_endpoints_create(mod_fhir_child_t *child, apr_pool_t *pool)
{
    mod_fhir_endpoints_t *list = apr_pcalloc(pool, sizeof(*list));
    list->child = child;
    if (apr_pool_create(&list->pool, pool)) /* its own: used under its own lock */
        return NULL;
    return apr_thread_mutex_create(&list->lock, APR_THREAD_MUTEX_DEFAULT, pool) ? NULL : list;
}

static mod_fhir_endpoint_t *find(mod_fhir_endpoints_t *list, const mod_fhir_settings_t *settings)
{
    mod_fhir_endpoint_t *e = atomic_load_explicit(&list->first, memory_order_acquire);
    while (e && memcmp(&e->settings, settings, sizeof(*settings)) != 0) {
        e = e->next;
    }
    return e;
}

/* The validator of a model, shared by its endpoints; NULL when it cannot be made. */
static const fhir_validator_t *validator_of(mod_fhir_endpoints_t *list, const fhir_model_t *model)
{
    mod_fhir_endpoint_t *e = atomic_load_explicit(&list->first, memory_order_relaxed);
    fhir_validator_t *made;
    for (; e; e = e->next)
        if (e->endpoint.stored == model && e->endpoint.writing.validator)
            return e->endpoint.writing.validator;
    return fhir_validator_create(&made, model, list->pool) ? NULL : made;
}

static mod_fhir_endpoint_t *make(mod_fhir_endpoints_t *list, const mod_fhir_settings_t *settings)
{
    mod_fhir_endpoint_t *e = apr_pcalloc(list->pool, sizeof(*e));
    if (apr_pool_create(&e->pool, list->pool) ||
        apr_thread_mutex_create(&e->lock, APR_THREAD_MUTEX_DEFAULT, list->pool))
        return NULL;
    e->settings = *settings;
    e->child = list->child;
    mod_fhir_settings_apply(&e->endpoint, settings);
    if (fhir_capability_build(&e->endpoint.capability, &e->endpoint, list->pool))
        e->endpoint.capability = NULL; /* made for each request then, which tells the error */
    e->endpoint.writing.validator = validator_of(list, e->endpoint.stored);
    e->next = atomic_load_explicit(&list->first, memory_order_relaxed);
    atomic_store_explicit(&list->first, e, memory_order_release);
    return e;
}

mod_fhir_endpoint_t *mod_fhir_endpoint_get(mod_fhir_child_t *child,
                                           const mod_fhir_settings_t *settings)
{
    mod_fhir_endpoints_t *list = mod_fhir_child_endpoints(child);
    mod_fhir_endpoint_t *e = find(list, settings);
    if (!e) {
        apr_thread_mutex_lock(list->lock);
        e = find(list, settings);
        if (!e)
            e = make(list, settings);
        apr_thread_mutex_unlock(list->lock);
    }
    return e;
}

const fhir_endpoint_t *mod_fhir_endpoint_plain(const mod_fhir_endpoint_t *endpoint)
{
    return &endpoint->endpoint;
}

/* ---- is the database the one that this program was built for? ---- */

typedef struct schema_t {
    const char *fingerprint, *key; /* NULL: not there */
    apr_pool_t *pool;
} schema_t;

static fhir_err_t *read_schema(void *baton, const fhir_row_t *row)
{
    schema_t *schema = baton;
    if (!fhir_row_is_null(row, 0))
        schema->fingerprint = apr_pstrdup(schema->pool, fhir_row_text(row, 0));
    if (!fhir_row_is_null(row, 1))
        schema->key = apr_pstrdup(schema->pool, fhir_row_text(row, 1));
    return NULL;
}

static const char *const faults[] = {
    [NO_CONNECTION] = "it could not be asked yet",
    [NO_RIGHT] = "the user of DBDParams may not read it; run fhirctl init --role USER",
    [NO_SCHEMA] = "it is not there, or has no tables of mod_fhir; run fhirctl init",
    [NO_TABLES] = "it has no tables for this version of FHIR; run fhirctl init",
    [OTHER] = "its tables are those of another version of mod_fhir; run fhirctl init",
    [NO_KEY] = "its table fhir_key has no valid key named cursor; run fhirctl init",
};

static fault_t check_schema(fhir_err_t **err, mod_fhir_endpoint_t *e, apr_pool_t *pool)
{
    const fhir_endpoint_t *endpoint = &e->endpoint;
    unsigned char key[FHIR_SEAL_KEY];
    schema_t schema = {.pool = pool};
    fhir_value_t version = {endpoint->stored->version, strlen(endpoint->stored->version)};
    fhir_stmt_t stmt = {
        .sql =
            apr_psprintf(pool,
                         "SELECT (SELECT fingerprint FROM \"%s\".fhir_schema WHERE version = $1 "
                         "AND to_regclass('\"%s\".patient_contained') IS NOT NULL), "
                         "(SELECT encode(key, 'hex') FROM \"%s\".fhir_key WHERE name = 'cursor')",
                         endpoint->tenant, endpoint->tenant, endpoint->tenant),
        .n_values = 1,
        .flags = FHIR_STMT_ONCE,
    };
    *err = fhir_store_run(mod_fhir_child_store(e->child), &stmt, &version, read_schema, &schema,
                          NULL, pool);
    if (*err)
        return (*err)->code != FHIR_ERR_INTERNAL        ? NO_CONNECTION
               : strcmp((*err)->sqlstate, "42501") == 0 ? NO_RIGHT
                                                        : NO_SCHEMA;
    if (!schema.fingerprint)
        return NO_TABLES;
    if (strcmp(schema.fingerprint, endpoint->stored->schema_fingerprint) != 0)
        return OTHER;
    if (!schema.key || strlen(schema.key) != 2 * (apr_size_t)FHIR_SEAL_KEY ||
        !fhir_hex_decode(key, schema.key, strlen(schema.key)))
        return NO_KEY;
    *err = fhir_cursor_key_create(&e->endpoint.paging.cursor_key, key, e->pool);
    return *err ? NO_KEY : FAULT_NONE;
}

/* Says what is wrong when that is news. */
static void tell(mod_fhir_endpoint_t *e, fault_t fault, const fhir_err_t *err,
                 const fhir_log_t *log)
{
    if (fault == FAULT_NONE || fault == e->told)
        return;
    e->told = fault;
    FHIR_LOG(log, fault == NO_CONNECTION ? FHIR_LOG_WARNING : FHIR_LOG_ERROR,
             "FHIR0213: schema \"%s\" cannot be used: %s%s%s", e->endpoint.tenant, faults[fault],
             err ? ": " : "",
             !err          ? ""
             : err->detail ? err->detail
                           : err->message);
}

int mod_fhir_endpoint_is_ready(mod_fhir_endpoint_t *e, const fhir_log_t *log, apr_pool_t *pool)
{
    if (atomic_load_explicit(&e->ready, memory_order_acquire))
        return 1;
    if (!mod_fhir_child_store(e->child))
        return 0;
    /* one request asks, those beside it wait: at start they would all be refused otherwise */
    apr_thread_mutex_lock(e->lock);
    if (!atomic_load_explicit(&e->ready, memory_order_relaxed) && apr_time_now() >= e->next_check) {
        fhir_err_t *err;
        fault_t fault = check_schema(&err, e, pool);
        tell(e, fault, err, log);
        if (fault == FAULT_NONE)
            atomic_store_explicit(&e->ready, 1, memory_order_release);
        e->next_check = apr_time_now() + CHECK_EVERY;
    }
    apr_thread_mutex_unlock(e->lock);
    return atomic_load_explicit(&e->ready, memory_order_acquire);
}
