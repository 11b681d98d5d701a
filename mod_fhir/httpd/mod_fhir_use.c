/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Use by applications, for the portals: the number of requests of each in a day, and why some were
 * refused. Counts are kept in memory and written every ten seconds by the next request, and when
 * the process ends; a process that is killed loses the counts of some seconds.
 */
#include "httpd/mod_fhir.h"

#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <string.h>

#include "auth/fhir_auth.h"
#include "auth/fhir_refusal.h"
#include "core/fhir_hash.h"

APLOG_USE_MODULE(fhir);

#define EVERY       apr_time_from_sec(10)
#define CLIENTS_MAX 10000 /* of all practices, in one process */

typedef struct count_t {
    const char *tenant;
    fhir_use_t use;
} count_t;

struct mod_fhir_use_t {
    apr_pool_t *pool;
    apr_thread_mutex_t *lock; /* guards all of it */
    apr_hash_t *counts;       /* count_t by tenant, a line feed, client */
    apr_time_t next;          /* when they are written next */
};

mod_fhir_use_t *mod_fhir_use_create(apr_pool_t *pool)
{
    mod_fhir_use_t *use = apr_pcalloc(pool, sizeof(*use));
    use->pool = pool;
    use->counts = fhir_hash_make(pool);
    return apr_thread_mutex_create(&use->lock, APR_THREAD_MUTEX_DEFAULT, pool) ? NULL : use;
}

/* ---- counting ---- */

static count_t *count_of(mod_fhir_use_t *use, const char *tenant, const char *client,
                         apr_pool_t *pool)
{
    const char *key = apr_pstrcat(pool, tenant, "\n", client, NULL);
    count_t *count = apr_hash_get(use->counts, key, APR_HASH_KEY_STRING);
    if (count || apr_hash_count(use->counts) >= CLIENTS_MAX)
        return count;
    count = apr_pcalloc(use->pool, sizeof(*count));
    count->tenant = apr_pstrdup(use->pool, tenant);
    count->use.client = apr_pstrdup(use->pool, client);
    apr_hash_set(use->counts, apr_pstrdup(use->pool, key), APR_HASH_KEY_STRING, count);
    return count;
}

/* Removes and returns the counts of one practice; NULL when nothing is left. */
static apr_array_header_t *take(const char **tenant, mod_fhir_use_t *use, apr_pool_t *pool)
{
    apr_array_header_t *list = apr_array_make(pool, 16, sizeof(fhir_use_t));
    *tenant = NULL;
    apr_thread_mutex_lock(use->lock);
    for (apr_hash_index_t *i = apr_hash_first(pool, use->counts); i; i = apr_hash_next(i)) {
        count_t *count = apr_hash_this_val(i);
        if (!count->use.requests || (*tenant && strcmp(*tenant, count->tenant) != 0))
            continue;
        *tenant = count->tenant;
        *(fhir_use_t *)apr_array_push(list) = count->use;
        count->use.requests = count->use.errors = 0;
    }
    apr_thread_mutex_unlock(use->lock);
    return list->nelts ? list : NULL;
}

static void give_back(mod_fhir_use_t *use, const char *tenant, const apr_array_header_t *list,
                      apr_pool_t *pool)
{
    apr_thread_mutex_lock(use->lock);
    for (int i = 0; i < list->nelts; i++) {
        const fhir_use_t *taken = &APR_ARRAY_IDX(list, i, fhir_use_t);
        count_t *count = count_of(use, tenant, taken->client, pool);
        if (count) {
            count->use.requests += taken->requests;
            count->use.errors += taken->errors;
        }
    }
    apr_thread_mutex_unlock(use->lock);
}

void mod_fhir_use_write(mod_fhir_child_t *child, apr_pool_t *pool)
{
    mod_fhir_use_t *use = mod_fhir_child_use(child);
    const char *tenant;
    apr_array_header_t *list;
    while ((list = take(&tenant, use, pool)) != NULL) {
        fhir_err_t *err = fhir_use_add((const fhir_use_t *)list->elts, list->nelts, tenant,
                                       mod_fhir_child_store(child), pool);
        if (!err)
            continue;
        give_back(use, tenant, list, pool); /* the database is away: they are written later */
        return;
    }
}

/* ---- refusals ---- */

static const char *note_of(const request_rec *r, const char *name)
{
    const char *note = apr_table_get(r->notes, name);
    return note ? note : "";
}

/* "search-type Observation": the kind of request, without ids or values, which may identify a
 * patient. */
static const char *asked(const request_rec *r)
{
    return apr_pstrcat(r->pool, note_of(r, "fhir-interaction"), " ", note_of(r, "fhir-type"), NULL);
}

const char *mod_fhir_use_refused(request_rec *r, const fhir_err_t *err)
{
    return err && (err->code == FHIR_ERR_LOGIN || err->code == FHIR_ERR_FORBIDDEN) &&
                   *note_of(r, "fhir-app")
               ? mod_fhir_request_id(r)
               : NULL;
}

static void keep_refusal(request_rec *r, mod_fhir_child_t *child, const char *tenant,
                         const fhir_err_t *err)
{
    int is_token = err->code == FHIR_ERR_LOGIN;
    const fhir_refused_t refused = {
        .request = mod_fhir_request_id(r),
        .client = note_of(r, "fhir-app"),
        .route = apr_pstrcat(r->pool, "FHIR ", asked(r), NULL),
        .name = fhir_refusals[is_token ? FHIR_REFUSED_FHIR_TOKEN : FHIR_REFUSED_FHIR_SCOPE].name,
        /* messages about a token or a scope contain no ids */
        .description = is_token || err->scope
                           ? err->message
                           : "The access token's scopes do not allow this request",
        .parameter = is_token ? "Authorization" : "scope",
        .received = is_token ? "an access token that is not in force" : note_of(r, "fhir-scopes"),
        .expected = is_token     ? "an access token of this endpoint that is in force"
                    : err->scope ? err->scope
                                 : apr_pstrcat(r->pool, "a scope for ", asked(r), NULL),
    };
    (void)fhir_refusal_keep(&refused, tenant, mod_fhir_child_store(child), r->pool);
}

void mod_fhir_use_count(request_rec *r, mod_fhir_child_t *child, const char *tenant,
                        const fhir_err_t *err)
{
    mod_fhir_use_t *use = mod_fhir_child_use(child);
    const char *client = note_of(r, "fhir-app");
    apr_time_t now = apr_time_now();
    if (!*client)
        return;
    apr_thread_mutex_lock(use->lock);
    count_t *count = count_of(use, tenant, client, r->pool);
    if (count) {
        count->use.requests++;
        count->use.errors += r->status >= 400;
    }
    int is_due = now >= use->next || use->next > now + EVERY;
    if (is_due)
        use->next = now + EVERY;
    apr_thread_mutex_unlock(use->lock);
    if (mod_fhir_use_refused(r, err))
        keep_refusal(r, child, tenant, err);
    if (is_due)
        mod_fhir_use_write(child, r->pool);
}
