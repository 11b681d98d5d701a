/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Practices, as one process remembers them. A request holds the snapshot that it began with. One
 * request makes the next snapshot, while the others use the existing one. A snapshot asks once
 * which practices have a schema, and reads the records of some of them: those that were read
 * longest ago, so that a server with thousands of practices reads no more at a time than one with
 * hundreds.
 */
#include "portal/fhir_directory.h"

#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <stdlib.h>
#include <string.h>

#include "auth/fhir_auth_private.h"
#include "core/fhir_hash.h"
#include "core/fhir_text.h"
#include "store/fhir_schema.h"

#define KEEP     apr_time_from_sec(5)
#define READ_MAX 200                            /* practices whose records one snapshot reads */
#define KEPT_MAX ((apr_size_t)64 * 1024 * 1024) /* bytes of the documents that are made of them */

typedef struct snapshot_t snapshot_t;
struct snapshot_t {
    apr_pool_t *pool;
    fhir_directory_t *directory;
    int refs; /* guarded by the directory's lock */
    apr_time_t made;
    fhir_practices_t practices;
    apr_hash_t *records; /* record_t by tenant */
};

/* What was read of a practice. */
typedef struct record_t {
    const fhir_portal_endpoint_t *endpoint; /* of the request that makes the snapshot */
    apr_time_t read;                        /* 0: never */
    const char *organization;               /* as JSON, or NULL */
    const char *const *locations;           /* as JSON, ends with NULL; or NULL */
    int exists;                             /* the schema exists */
    int has_files;                          /* it says of which version it is */
    int is_unfit;                           /* it is not the one that this build needs */
    int failed;                             /* it could not be read */
} record_t;

struct fhir_directory_t {
    apr_pool_t *pool;
    apr_thread_mutex_t *lock;     /* guards current, and the snapshots' refs */
    apr_thread_mutex_t *building; /* held by the request that makes a snapshot */
    snapshot_t *current;          /* or NULL */
    fhir_kept_t *documents;
};

fhir_directory_t *fhir_directory_create(apr_pool_t *pool)
{
    fhir_directory_t *directory = apr_pcalloc(pool, sizeof(*directory));
    directory->pool = pool;
    if (apr_thread_mutex_create(&directory->lock, APR_THREAD_MUTEX_DEFAULT, pool) ||
        apr_thread_mutex_create(&directory->building, APR_THREAD_MUTEX_DEFAULT, pool) ||
        fhir_kept_create(&directory->documents, KEPT_MAX, pool))
        return NULL;
    return directory;
}

fhir_kept_t *fhir_directory_documents(const fhir_portal_t *portal)
{
    return portal->directory->documents;
}

/* ---- what a record says ---- */

static const fhir_node_t *first(const fhir_node_t *node, const char *name)
{
    const fhir_node_t *list = fhir_node_get(node, name);
    return list ? list->child : NULL;
}

static const char *text_of(const fhir_node_t *object, const char *name, apr_pool_t *pool)
{
    const char *text = fhir_node_string(object, name, pool);
    return text ? text : "";
}

/* The items of a list of strings, joined with separators. */
static const char *join(const fhir_node_t *list, const char *between, apr_pool_t *pool)
{
    const char *out = "";
    for (const fhir_node_t *item = list ? list->child : NULL; item; item = item->next)
        out = apr_psprintf(pool, "%s%s%.*s", out, *out ? between : "", (int)item->text_len,
                           item->text ? item->text : "");
    return out;
}

/* The value of the item whose member `system` is this. */
static const char *by_system(const fhir_node_t *list, const char *system, apr_pool_t *pool)
{
    for (const fhir_node_t *item = list ? list->child : NULL; item; item = item->next)
        if (fhir_node_is(fhir_node_get(item, "system"), system))
            return text_of(item, "value", pool);
    return "";
}

static const fhir_node_t *parse(const char *json, apr_pool_t *pool)
{
    fhir_node_t *root;
    return json && !fhir_node_parse_json(&root, json, strlen(json), FHIR_NODE_LIMITS_MOST, pool)
               ? root
               : NULL;
}

static void take_address(fhir_practice_t *practice, const fhir_node_t *address, apr_pool_t *pool)
{
    practice->line = join(fhir_node_get(address, "line"), ", ", pool);
    practice->city = text_of(address, "city", pool);
    practice->state = text_of(address, "state", pool);
    practice->zip = text_of(address, "postalCode", pool);
    practice->country = text_of(address, "country", pool);
}

/* All texts in which the search looks, folded. */
static void take_words(fhir_practice_t *practice, apr_pool_t *pool)
{
    const char *const own[] = {practice->name, practice->aliases, practice->npi, practice->line,
                               practice->city, practice->state,   practice->zip, practice->tenant};
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    for (apr_size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
        fhir_text_fold(buf, own[i], strlen(own[i]));
        fhir_buf_putc(buf, '\n');
    }
    for (int i = 0; i < practice->n_locations; i++) {
        const fhir_node_t *address = fhir_node_get(practice->locations[i], "address");
        const char *text = apr_pstrcat(pool, text_of(practice->locations[i], "name", pool), "\n",
                                       text_of(address, "city", pool), "\n",
                                       text_of(address, "postalCode", pool), "\n", NULL);
        fhir_text_fold(buf, text, strlen(text));
    }
    practice->words = fhir_buf_cstr(buf);
}

int fhir_directory_matches(const fhir_practice_t *practice, const char *folded, apr_pool_t *pool)
{
    char *last, *words = apr_pstrdup(pool, folded);
    for (char *word = apr_strtok(words, " \n", &last); word; word = apr_strtok(NULL, " \n", &last))
        if (!strstr(practice->words, word))
            return 0;
    return 1;
}

static void describe(fhir_practice_t *practice, const record_t *record, apr_pool_t *pool)
{
    int n = 0;
    while (record->locations && record->locations[n])
        n++;
    const fhir_node_t **locations = apr_pcalloc(pool, (apr_size_t)(n + 1) * sizeof(*locations));
    for (int k = 0; k < n; k++)
        if ((locations[practice->n_locations] = parse(record->locations[k], pool)))
            practice->n_locations++;
    practice->locations = locations;
    practice->organization = parse(record->organization, pool);
    if (*text_of(practice->organization, "name", pool))
        practice->name = text_of(practice->organization, "name", pool);
    practice->aliases = join(fhir_node_get(practice->organization, "alias"), ", ", pool);
    practice->npi = by_system(fhir_node_get(practice->organization, "identifier"),
                              "http://hl7.org/fhir/sid/us-npi", pool);
    practice->phone = by_system(fhir_node_get(practice->organization, "telecom"), "phone", pool);
    const fhir_node_t *address = first(practice->organization, "address");
    if (!address && practice->n_locations)
        address = fhir_node_get(practice->locations[0], "address");
    take_address(practice, address, pool);
    take_words(practice, pool);
}

/* ---- reading ---- */

typedef struct reading_t {
    const char *organization;
    const char *locations[21];
    int n;
    apr_pool_t *pool;
} reading_t;

static fhir_err_t *read_row(void *baton, const fhir_row_t *row)
{
    reading_t *reading = baton;
    const char *text = fhir_auth_text(row, 1, reading->pool);
    if (*fhir_row_text(row, 0) == '0')
        reading->organization = text;
    else if (reading->n < 20)
        reading->locations[reading->n++] = text;
    return NULL;
}

/* The practice's own Organization: the one that is configured (FHIRPracticeOrganization), or the
 * active one with the practice's name. No other Organization is shown to the public. */
static fhir_err_t *read_practice(reading_t *reading, const fhir_portal_endpoint_t *endpoint,
                                 fhir_store_t *store)
{
    const char *values[] = {endpoint->organization, endpoint->practice};
    return fhir_auth_sql_in(
        store, endpoint->endpoint.tenant,
        "WITH o AS (SELECT id, resource FROM ~.organization WHERE active IS DISTINCT FROM 'false' "
        "AND CASE WHEN $1::text IS NULL THEN $2::text = ANY (name_exact) ELSE id = $1 END ORDER "
        "BY id LIMIT 1) SELECT 0, resource FROM o UNION ALL (SELECT 1, l.resource FROM ~.location "
        "l JOIN o ON l.organization = 'Organization/' || o.id WHERE l.status IS DISTINCT FROM "
        "'inactive' ORDER BY l.id LIMIT 20)",
        FHIR_STMT_ONCE, 2, values, read_row, reading, NULL, reading->pool);
}

static int by_name(const void *a, const void *b)
{
    const fhir_practice_t *left = a, *right = b;
    int order = strcasecmp(left->name, right->name);
    return order ? order : strcmp(left->tenant, right->tenant);
}

/* The record of a tenant in this snapshot, copied from the previous one. */
static record_t *keep(snapshot_t *made, const snapshot_t *old, const char *tenant)
{
    record_t *record = apr_pcalloc(made->pool, sizeof(*record));
    const record_t *known = old ? apr_hash_get(old->records, tenant, APR_HASH_KEY_STRING) : NULL;
    int n = 0;
    apr_hash_set(made->records, tenant, APR_HASH_KEY_STRING, record);
    if (!known)
        return record;
    while (known->locations && known->locations[n])
        n++;
    const char **locations = apr_pcalloc(made->pool, (apr_size_t)(n + 1) * sizeof(*locations));
    while (n--)
        locations[n] = apr_pstrdup(made->pool, known->locations[n]);
    record->read = known->read;
    record->organization = apr_pstrdup(made->pool, known->organization);
    record->locations = locations;
    record->failed = known->failed;
    record->is_unfit = known->is_unfit;
    return record;
}

static fhir_err_t *read_schema(void *baton, const fhir_row_t *row)
{
    const snapshot_t *made = baton;
    record_t *record = apr_hash_get(made->records, fhir_row_text(row, 0), APR_HASH_KEY_STRING);
    if (record) {
        record->exists = 1;
        record->has_files = *fhir_row_text(row, 1) == '1';
    }
    return NULL;
}

/* Which practices have a schema that can be read: one query for all. It reads pg_class once: a join
 * of the table with itself would be planned as if a name were there once, and takes minutes for
 * thousands of schemas. */
static fhir_err_t *find_schemas(snapshot_t *made, fhir_store_t *store)
{
    return fhir_auth_sql_in(
        store, "",
        "SELECT n.nspname, bool_or(c.relname = 'fhir_migration')::int FROM pg_class c JOIN "
        "pg_namespace n ON n.oid = c.relnamespace WHERE c.relname IN ('organization', "
        "'fhir_migration') AND has_schema_privilege(n.oid, 'USAGE') AND "
        "has_table_privilege(c.oid, 'SELECT') GROUP BY n.nspname HAVING bool_or(c.relname = "
        "'organization' AND c.relkind = 'r')",
        FHIR_STMT_ONCE, 0, NULL, read_schema, made, NULL, made->pool);
}

typedef struct files_t {
    const char *files, *keys;
    apr_pool_t *pool;
} files_t;

static fhir_err_t *read_files(void *baton, const fhir_row_t *row)
{
    files_t *files = baton;
    files->files = fhir_auth_text(row, 0, files->pool);
    files->keys = fhir_auth_text(row, 1, files->pool);
    return NULL;
}

/* Whether endpoints of the practice can answer, as fhir_tenant_look finds out for those that are
 * called. */
static fhir_err_t *check_schema(snapshot_t *made, record_t *record, fhir_store_t *store)
{
    const char *tenant = record->endpoint->endpoint.tenant;
    files_t files = {.pool = made->pool};
    fhir_schema_t schema = {.state = FHIR_SCHEMA_MISSING};
    if (record->has_files) {
        FHIR_TRY(fhir_auth_sql_in(store, tenant, fhir_schema_sql(tenant, made->pool),
                                  FHIR_STMT_ONCE, 0, NULL, read_files, &files, NULL, made->pool));
        fhir_schema_judge(&schema, files.files, files.keys, made->pool);
    }
    record->is_unfit = schema.state != FHIR_SCHEMA_READY;
    return NULL;
}

static int is_other(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) != 0 : a != b;
}

/* 1 if it says something else than what was read before. */
static int differs(const record_t *record, const reading_t *reading)
{
    int n = 0;
    if (is_other(record->organization, reading->organization))
        return 1;
    while (record->locations[n] && !is_other(record->locations[n], reading->locations[n]))
        n++;
    return is_other(record->locations[n], reading->locations[n]);
}

static void read_records(snapshot_t *made, record_t *record, fhir_store_t *store,
                         const fhir_log_t *log, int *is_away)
{
    reading_t reading = {.pool = made->pool};
    fhir_err_t *err = check_schema(made, record, store);
    if (!err)
        err = read_practice(&reading, record->endpoint, store);
    record->failed = err != NULL;
    /* if the database is away, it is not waited for once for each practice */
    *is_away = err && fhir_err_http_status(err->code) == 503;
    if (err) {
        FHIR_LOG(log, FHIR_LOG_WARNING, "FHIR0701: the directory could not read schema \"%s\": %s",
                 record->endpoint->endpoint.tenant, err->detail ? err->detail : err->message);
        return;
    }
    made->practices.version += !record->read || differs(record, &reading);
    record->read = made->made;
    record->organization = reading.organization;
    record->locations =
        apr_pmemdup(made->pool, reading.locations, (apr_size_t)(reading.n + 1) * sizeof(char *));
}

static int by_age(const void *a, const void *b)
{
    const record_t *left = *(record_t *const *)a, *right = *(record_t *const *)b;
    return left->read < right->read ? -1 : left->read > right->read;
}

/* Reads the records that were read longest ago; *is_away is 1 when the database does not answer. */
static void read_oldest(snapshot_t *made, fhir_store_t *store, const fhir_log_t *log, int *is_away)
{
    apr_array_header_t *due = apr_array_make(made->pool, 16, sizeof(record_t *));
    fhir_err_t *err = find_schemas(made, store);
    *is_away = err != NULL;
    if (err)
        FHIR_LOG(log, FHIR_LOG_WARNING,
                 "FHIR0735: the directory could not ask which practices "
                 "have a schema: %s",
                 err->detail ? err->detail : err->message);
    for (apr_hash_index_t *i = apr_hash_first(made->pool, made->records); i && !err;
         i = apr_hash_next(i)) {
        record_t *record = apr_hash_this_val(i);
        if (record->exists)
            *(record_t **)apr_array_push(due) = record;
    }
    qsort(due->elts, (apr_size_t)due->nelts, sizeof(record_t *), by_age);
    for (int i = 0; i < due->nelts && i < READ_MAX && !*is_away; i++)
        read_records(made, APR_ARRAY_IDX(due, i, record_t *), store, log, is_away);
}

static snapshot_t *make(fhir_directory_t *directory, const snapshot_t *old,
                        const fhir_portal_t *portal, const fhir_log_t *log)
{
    apr_size_t n = (apr_size_t)portal->n_endpoints;
    apr_pool_t *pool;
    int is_away = !portal->store;
    if (apr_pool_create(&pool, directory->pool))
        return NULL;
    snapshot_t *made = apr_pcalloc(pool, sizeof(*made));
    *made = (snapshot_t){.pool = pool, .directory = directory, .refs = 1, .made = apr_time_now()};
    made->practices.list = apr_pcalloc(pool, (n + 1) * sizeof(*made->practices.list));
    made->practices.version = old ? old->practices.version : 0;
    made->records = fhir_hash_make(pool);
    for (apr_size_t e = 0; e < n; e++) {
        const fhir_portal_endpoint_t *endpoint = &portal->endpoints[e];
        fhir_practice_t *practice = &made->practices.list[made->practices.n];
        if (apr_hash_get(made->records, endpoint->endpoint.tenant, APR_HASH_KEY_STRING))
            continue;
        practice->tenant = apr_pstrdup(pool, endpoint->endpoint.tenant);
        practice->name =
            endpoint->practice ? apr_pstrdup(pool, endpoint->practice) : practice->tenant;
        keep(made, old, practice->tenant)->endpoint = endpoint;
        made->practices.n++;
    }
    if (!is_away)
        read_oldest(made, portal->store, log, &is_away);
    for (int i = 0; i < made->practices.n; i++) {
        fhir_practice_t *practice = &made->practices.list[i];
        const record_t *record = apr_hash_get(made->records, practice->tenant, APR_HASH_KEY_STRING);
        practice->up = !is_away && record->exists && !record->failed && !record->is_unfit;
        portal->health(portal, practice->tenant, practice->up ? made->made : -made->made);
        practice->read = record->read;
        describe(practice, record, pool);
    }
    qsort(made->practices.list, (apr_size_t)made->practices.n, sizeof(*made->practices.list),
          by_name);
    return made;
}

/* ---- snapshots ---- */

static void release(snapshot_t *snapshot)
{
    fhir_directory_t *directory = snapshot->directory;
    apr_thread_mutex_lock(directory->lock);
    int is_last = !--snapshot->refs;
    apr_thread_mutex_unlock(directory->lock);
    if (is_last)
        apr_pool_destroy(snapshot->pool);
}

static apr_status_t release_cleanup(void *snapshot)
{
    release(snapshot);
    return APR_SUCCESS;
}

static snapshot_t *acquire(fhir_directory_t *directory)
{
    apr_thread_mutex_lock(directory->lock);
    snapshot_t *snapshot = directory->current;
    if (snapshot)
        snapshot->refs++;
    apr_thread_mutex_unlock(directory->lock);
    return snapshot;
}

static int is_fresh(const snapshot_t *snapshot)
{
    apr_time_t now = apr_time_now();
    return snapshot && snapshot->made <= now && now - snapshot->made < KEEP;
}

/* The snapshot to use, with a reference. */
static snapshot_t *renew(snapshot_t *old, fhir_directory_t *directory, const fhir_portal_t *portal,
                         const fhir_log_t *log)
{
    if (old ? apr_thread_mutex_trylock(directory->building) != APR_SUCCESS
            : apr_thread_mutex_lock(directory->building) != APR_SUCCESS)
        return old;
    if (!old && (old = acquire(directory))) { /* another request has made it in the meantime */
        apr_thread_mutex_unlock(directory->building);
        return old;
    }
    snapshot_t *made = make(directory, old, portal, log);
    if (made) {
        made->refs++;
        apr_thread_mutex_lock(directory->lock);
        snapshot_t *before = directory->current;
        directory->current = made;
        apr_thread_mutex_unlock(directory->lock);
        if (before)
            release(before);
        if (old)
            release(old);
    }
    apr_thread_mutex_unlock(directory->building);
    return made ? made : old;
}

fhir_err_t *fhir_directory_practices(fhir_practices_t *out, const fhir_portal_t *portal,
                                     const fhir_log_t *log, apr_pool_t *pool)
{
    snapshot_t *snapshot = acquire(portal->directory);
    if (!is_fresh(snapshot))
        snapshot = renew(snapshot, portal->directory, portal, log);
    if (!snapshot)
        return fhir_err_create(pool, FHIR_ERR_BUSY, "There is no memory for the directory");
    apr_pool_cleanup_register(pool, snapshot, release_cleanup, apr_pool_cleanup_null);
    *out = snapshot->practices;
    out->list =
        apr_pmemdup(pool, snapshot->practices.list, (apr_size_t)out->n * sizeof(*out->list));
    for (int i = 0; i < out->n; i++) { /* what any process saw last */
        apr_time_t since = portal->health(portal, out->list[i].tenant, 0);
        if (since)
            out->list[i].up = since > 0;
        out->list[i].since = since < 0 ? -since : since;
    }
    return NULL;
}
