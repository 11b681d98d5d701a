/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Endpoints within one process. httpd merges a Location's settings again for each request. What is
 * made from them (CapabilityStatement, check of the schema, keys of page links) is kept here, found
 * by the bytes of the settings. The list can only grow to the number of endpoints in the
 * configuration.
 */
#include "httpd/mod_fhir.h"

#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <stdatomic.h>
#include <string.h>

#include "core/fhir_hex.h"
#include "fhir/convert/fhir_convert.h"
#include "fhir/fhir_capability.h"
#include "fhir/fhir_metadata.h"
#include "fhir/page/fhir_cursor.h"
#include "fhir/validate/fhir_validate.h"
#include "store/fhir_schema.h"

struct mod_fhir_endpoint_t {
    fhir_endpoint_t endpoint; /* cursor_keys is set before `keys` */
    mod_fhir_settings_t settings;
    mod_fhir_child_t *child;
    mod_fhir_endpoint_t *next;
    fhir_tenant_t *tenant; /* shared with the tenant's other endpoints */
    _Atomic(const fhir_schema_keys_t *)
        keys;                 /* the keys from which cursor_keys was made, or NULL */
    apr_thread_mutex_t *lock; /* guards the pool */
    apr_pool_t *pool;         /* for cursor_keys */
};

struct mod_fhir_endpoints_t {
    mod_fhir_child_t *child;
    apr_pool_t *pool;
    apr_thread_mutex_t *lock; /* held while one is being made */
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
    for (; e; e = e->next)
        if (e->endpoint.stored == model && e->endpoint.writing.validator)
            return e->endpoint.writing.validator;
    fhir_validator_t *made;
    return fhir_validator_create(&made, model, list->pool) ? NULL : made;
}

/* The converter, shared by the endpoints that need it; NULL when it cannot be made. */
static const fhir_convert_t *convert_of(mod_fhir_endpoints_t *list)
{
    mod_fhir_endpoint_t *e = atomic_load_explicit(&list->first, memory_order_relaxed);
    for (; e; e = e->next)
        if (e->endpoint.convert)
            return e->endpoint.convert;
    const fhir_convert_t *made;
    return fhir_convert_create(&made, &fhir_model_r4, &fhir_model_dstu2, list->pool) ? NULL : made;
}

/* The tenant, shared by its endpoints; NULL on want of memory. */
static fhir_tenant_t *tenant_of(mod_fhir_endpoints_t *list, const char *name)
{
    mod_fhir_endpoint_t *e = atomic_load_explicit(&list->first, memory_order_relaxed);
    for (; e; e = e->next)
        if (strcmp(fhir_tenant_name(e->tenant), name) == 0)
            return e->tenant;
    fhir_tenant_t *made;
    return fhir_tenant_create(&made, name, list->pool) ? NULL : made;
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
    if (!(e->tenant = tenant_of(list, e->endpoint.tenant)))
        return NULL;
    if (e->endpoint.spoken != e->endpoint.stored && !(e->endpoint.convert = convert_of(list)))
        return NULL;
    if (fhir_capability_build(&e->endpoint.capability, &e->endpoint, list->pool))
        e->endpoint.capability =
            NULL; /* it is made for each request then, which reports the error */
    if (fhir_metadata_create(&e->endpoint.metadata, list->pool))
        e->endpoint.metadata = NULL;
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

/* Prepares the keys of page links, when they become known and when they change. */
static void take_keys(mod_fhir_endpoint_t *e, const fhir_schema_keys_t *keys)
{
    if (atomic_load_explicit(&e->keys, memory_order_acquire) == keys)
        return;
    apr_thread_mutex_lock(e->lock);
    const fhir_cursor_keys_t *made;
    if (atomic_load_explicit(&e->keys, memory_order_relaxed) != keys &&
        !fhir_cursor_keys_create(&made, keys->bytes, keys->n, e->pool)) {
        __atomic_store_n(&e->endpoint.paging.cursor_keys, made, __ATOMIC_RELEASE);
        atomic_store_explicit(&e->keys, keys, memory_order_release);
    }
    apr_thread_mutex_unlock(e->lock);
}

fhir_store_t *mod_fhir_endpoint_store(const char **why, mod_fhir_endpoint_t *e,
                                      const fhir_log_t *log, apr_pool_t *pool)
{
    fhir_store_t *store = mod_fhir_child_store(e->child);
    *why = NULL;
    if (!store)
        return NULL;
    const fhir_schema_keys_t *keys;
    fhir_schema_state_t state = fhir_tenant_look(&keys, e->tenant, store, log, pool);
    *why = fhir_schema_client_text(state);
    if (state != FHIR_SCHEMA_READY)
        return NULL;
    take_keys(e, keys);
    return store;
}
