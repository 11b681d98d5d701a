/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part that create, update, patch and delete share. The order is always the same: the body is
 * read and validated before a connection is taken; then one statement changes the row and its
 * history.
 */
#include "fhir/write/fhir_write.h"

#include <apr_strings.h>
#include <stdlib.h>

#include "core/fhir_hash.h"
#include "core/fhir_random.h"
#include "core/fhir_text.h"
#include "fhir/extract/fhir_extract.h"
#include "fhir/fhir_outcome.h"
#include "fhir/fhir_spoken.h"
#include "fhir/format/fhir_format.h"
#include "fhir/query/fhir_contained.h"
#include "fhir/query/fhir_grant.h"
#include "fhir/query/fhir_match.h"
#include "fhir/query/fhir_sql.h"
#include "fhir/write/fhir_refs.h"
#include "fhir/write/fhir_stamp.h"
#include "fhir/write/fhir_within.h"

/* Another write may come between reading a version and replacing it; this is the most attempts. */
#define ATTEMPTS_MAX       8
#define MILLISECOND        1000
/* The most references that the inserting statement checks itself: each number of them is a
 * statement of its own. With a limited grant, references are checked before. */
#define REFS_IN_INSERT_MAX 12

/* The name that the client uses for the type. */
static const char *type_name(const fhir_call_t *call)
{
    return call->type_name ? call->type_name : fhir_model_str(call->stored, call->type->name);
}

/* ---- beginning ---- */

/* If-Match: one entity tag, weak or strong, or "*". Source: RFC 9110 13.1.1 */
static fhir_err_t *read_if_match(fhir_write_t *write)
{
    const char *tag = fhir_call_header(write->call, "If-Match");

    if (!tag)
        return NULL;
    if (!strcmp(tag, "*")) {
        write->expected = FHIR_EXPECTED_ANY;
        return NULL;
    }
    const char *version = fhir_format_etag_version(NULL, tag, write->call->pool);
    apr_size_t len = version ? strlen(version) : 0;
    if (!len || len > 9 || strspn(version, "0123456789") != len)
        return fhir_err_create(write->call->pool, FHIR_ERR_BAD_REQUEST,
                               "If-Match must be the entity tag of one version: W/\"3\" or \"3\"");
    write->expected = atoi(version);
    write->named = version;
    return NULL;
}

fhir_err_t *fhir_write_begin(fhir_write_t *write, fhir_call_t *call, unsigned right)
{
    memset(write, 0, sizeof(*write));
    write->call = call;
    write->right = right;
    if (right)
        FHIR_TRY(fhir_grant_check(call, call->type, right));
    FHIR_TRY(fhir_spoken_writable(call));
    return read_if_match(write);
}

fhir_err_t *fhir_write_begin_tx(fhir_write_t *write)
{
    fhir_call_t *call = write->call;

    if (call->tx)
        return NULL;
    FHIR_TRY(fhir_call_begin_tx(&write->own_tx, call));
    call->tx = write->own_tx;
    return NULL;
}

fhir_err_t *fhir_write_commit(fhir_write_t *write)
{
    return write->own_tx ? fhir_tx_commit(write->own_tx) : NULL;
}

static int by_name(const void *a, const void *b)
{
    const fhir_pair_t *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return order ? order : strcmp(x->value, y->value);
}

/* Waits until no other request on any node holds the lock of this type and these words. */
static fhir_err_t *lock(const fhir_call_t *call, const char *words)
{
    fhir_stmt_t stmt = {.sql = "SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))",
                        .n_values = 1,
                        .flags = FHIR_STMT_WRITE};
    fhir_value_t value =
        fhir_value_text(apr_pstrcat(call->pool, call->endpoint->tenant, "/",
                                    fhir_model_str(call->stored, call->type->name), words, NULL));

    return fhir_call_run(call, &stmt, &value, NULL, NULL, NULL);
}

fhir_err_t *fhir_write_lock(fhir_write_t *write, const char *id)
{
    FHIR_TRY(fhir_write_begin_tx(write));
    return lock(write->call, apr_pstrcat(write->call->pool, "/", id, NULL));
}

static fhir_err_t *lock_condition(const fhir_call_t *call, const fhir_pairs_t *pairs)
{
    fhir_buf_t *words = fhir_buf_create(call->pool, 0);

    if (!pairs->n) /* an empty condition, which will be refused */
        return NULL;
    fhir_pair_t *sorted = apr_pmemdup(call->pool, pairs->list, pairs->n * sizeof(*sorted));
    qsort(sorted, (size_t)pairs->n, sizeof(*sorted), by_name);
    for (int i = 0; i < pairs->n; i++)
        if (strcmp(sorted[i].name, "_format") != 0 && strcmp(sorted[i].name, "_pretty") != 0)
            fhir_buf_printf(words, "&%s=%s", sorted[i].name, sorted[i].value);
    return lock(call, fhir_buf_cstr(words));
}

static fhir_err_t *read_condition(fhir_pairs_t *pairs, const fhir_call_t *call,
                                  const char *criteria)
{
    FHIR_TRY(fhir_pairs_parse(pairs, criteria, call->endpoint->limits.query_max, call->pool));
    FHIR_TRY(fhir_query_count(call, pairs));
    /* a client that sees nothing would create what exists already */
    return fhir_grant_check(call, call->type, FHIR_RIGHT_SEARCH);
}

fhir_err_t *fhir_write_matches(apr_array_header_t **ids, fhir_call_t *call, const char *criteria,
                               int max)
{
    fhir_pairs_t pairs;

    FHIR_TRY(read_condition(&pairs, call, criteria));
    return fhir_match_ids(ids, call, call->type, &pairs, max);
}

fhir_err_t *fhir_write_condition(apr_array_header_t **ids, fhir_write_t *write,
                                 const char *criteria, int max)
{
    fhir_call_t *call = write->call;

    write->criteria = criteria;
    fhir_pairs_t pairs;
    FHIR_TRY(read_condition(&pairs, call, criteria));
    FHIR_TRY(fhir_write_begin_tx(write));
    FHIR_TRY(lock_condition(call, &pairs));
    return fhir_match_ids(ids, call, call->type, &pairs, max);
}

fhir_err_t *fhir_write_criteria(const char **search, const fhir_call_t *call, const char *criteria)
{
    const char *name = type_name(call);
    const char *mark = strchr(criteria, '?'), *type = criteria;
    apr_size_t base = strlen(call->request->base_url);

    *search = mark ? mark + 1 : criteria;
    if (!mark || mark == criteria)
        return NULL;
    if (!strncmp(criteria, call->request->base_url, base) && criteria[base] == '/')
        type += base + 1;
    if ((apr_size_t)(mark - type) == strlen(name) && !strncmp(type, name, strlen(name)))
        return NULL;
    return fhir_err_create(call->pool, FHIR_ERR_BAD_REQUEST,
                           "The condition \"%.100s\" is a search of another type than %s, which is "
                           "to be created",
                           criteria, name);
}

fhir_err_t *fhir_write_meets(const fhir_call_t *call, const char *criteria, const char *id)
{
    fhir_pair_t by_id = {"_id", id};
    fhir_pairs_t pairs, one = {1, &by_id};

    FHIR_TRY(read_condition(&pairs, call, criteria));
    fhir_pairs_append(&pairs, &one, call->pool);
    apr_array_header_t *ids;
    FHIR_TRY(fhir_match_ids(&ids, call, call->type, &pairs, 1));
    if (ids->nelts)
        return NULL;
    return fhir_err_create(call->pool, FHIR_ERR_PRECONDITION,
                           "The resource does not match the condition \"%.200s\" under which it is "
                           "created, so each repetition would create it again: change one of them "
                           "(+ in a condition is written as %%2B)",
                           criteria);
}

/* ---- from input to row ---- */

/* The input as the text of the record, with its id, version and time. */
static fhir_err_t *stamp(fhir_record_t *record, const fhir_write_t *write)
{
    fhir_buf_t *buf = fhir_buf_create(write->call->pool, 0);
    char time[25];

    fhir_time_format(time, record->updated);
    fhir_stamp_json(buf, write->input.source, write->input.root, record->id, record->version, time);
    record->text = fhir_buf_cstr(buf);
    record->len = buf->len;
    return buf->overflow ? fhir_err_create(write->call->pool, FHIR_ERR_BUSY,
                                           "The server has no memory for the resource now")
                         : NULL;
}

static fhir_err_t *extract(fhir_value_t **cells, const fhir_write_t *write)
{
    const fhir_call_t *call = write->call;
    fhir_extract_t *extractor = fhir_extract_create(call->stored, call->request->base_url,
                                                    call->endpoint->zone, call->pool);

    *cells = apr_pcalloc(call->pool, FHIR_EXTRACT_CELLS(call->type) * sizeof(**cells));
    return fhir_extract_run(*cells, extractor, call->type, write->input.root);
}

/* ---- who may ---- */

/* The new content must be within the grant: otherwise the client would write what it may not
 * see. */
static fhir_err_t *authorize_new(const fhir_write_t *write, const fhir_value_t *cells,
                                 unsigned right)
{
    const fhir_call_t *call = write->call;
    int is_open;

    FHIR_TRY(fhir_record_judge(&is_open, call, call->type, &write->new, cells, right));
    return is_open
               ? NULL
               : fhir_err_create(call->pool, FHIR_ERR_FORBIDDEN,
                                 "The access token has no scope to store this %s with this "
                                 "content; a scope covers only resources that match its condition",
                                 type_name(call));
}

/*
 * The stored resource. If the grant does not show it, it does not exist for the client (404); nor
 * does a deleted one, because nobody can tell whose it was. If the grant shows it but forbids the
 * change, the error is 403.
 */
static fhir_err_t *authorize_old(const fhir_write_t *write)
{
    const fhir_call_t *call = write->call;
    const fhir_record_t *old = &write->old;
    const char *name = type_name(call);

    if (call->grant->all || old->is_open)
        return NULL;
    if (old->is_shown)
        return fhir_err_create(call->pool, FHIR_ERR_FORBIDDEN,
                               "The access token has a scope to read %s/%s, but none to change it",
                               name, old->id);
    if (old->state == FHIR_RECORD_NONE && call->endpoint->writing.update_create &&
        write->right == FHIR_RIGHT_UPDATE)
        return NULL; /* it is created, so the new content was checked */
    return fhir_err_create(call->pool, FHIR_ERR_NOT_FOUND, "There is no %s/%s", name, old->id);
}

/* Two entries of a transaction must not change the same resource, however they name it. */
static fhir_err_t *claim(const fhir_call_t *call, const char *id)
{
    const fhir_request_t *request = call->request;
    apr_hash_t *changed = request->within ? request->within->changed : NULL;
    const char *name = fhir_model_str(call->stored, call->type->name);

    if (!changed)
        return NULL;
    const char *key = apr_pstrcat(apr_hash_pool_get(changed), name, "/", id, NULL);
    const void *owner = apr_hash_get(changed, key, APR_HASH_KEY_STRING);
    if (owner && owner != request->baton)
        return fhir_err_create(call->pool, FHIR_ERR_BAD_REQUEST,
                               "Two entries of a transaction change the same resource, %s", key);
    apr_hash_set(changed, key, APR_HASH_KEY_STRING, request->baton);
    return NULL;
}

fhir_err_t *fhir_write_load(fhir_write_t *write, const char *id)
{
    FHIR_TRY(claim(write->call, id));
    FHIR_TRY(fhir_record_load(&write->old, write->call, write->call->type, id, write->right));
    return authorize_old(write);
}

/* ---- insert ---- */

/* Statements that store the contained resources of the input, in a transaction with the container.
 * NULL when there are none, and nothing is to be done. */
static fhir_err_t *contained_rows(apr_array_header_t **rows, fhir_write_t *write)
{
    const fhir_call_t *call = write->call;

    *rows = NULL;
    if (!fhir_contained_any(call->stored, write->input.root))
        return NULL;
    fhir_extract_t *extractor = fhir_extract_create(call->stored, call->request->base_url,
                                                    call->endpoint->zone, call->pool);
    FHIR_TRY(fhir_contained_rows(rows, call->stored, extractor, call->endpoint->tenant, call->type,
                                 write->input.source, write->input.root, call->pool));
    return fhir_write_begin_tx(write);
}

static fhir_err_t *store_contained(const fhir_call_t *call, const char *id,
                                   const apr_array_header_t *rows)
{
    for (int i = 0; rows && i < rows->nelts; i++) {
        const fhir_contained_rows_t *of_type = &APR_ARRAY_IDX(rows, i, fhir_contained_rows_t);
        fhir_value_t values[] = {fhir_value_text(id), {of_type->json, of_type->len}};
        fhir_stmt_t stmt = {.sql = of_type->sql, .n_values = 2, .flags = FHIR_STMT_WRITE};

        FHIR_TRY(fhir_call_run(call, &stmt, values, NULL, NULL, NULL));
    }
    return NULL;
}

/* rows of the replaced version are not visible any more, and need not stay */
static fhir_err_t *forget_contained(const fhir_write_t *write)
{
    return fhir_contained_forget(write->call, write->call->type, write->old.id, write->old.version,
                                 write->old.text, write->old.len);
}

/* What must be there for the input to be stored, or NULL. In a transaction Bundle the targets may
 * come later: the Bundle collects what its entries refer to, and looks for all of it at its end. */
static fhir_err_t *references(fhir_refs_t **refs, const fhir_write_t *write)
{
    const fhir_call_t *call = write->call;
    const fhir_within_t *within = call->request->within;

    *refs = NULL;
    if (!call->endpoint->writing.check_references)
        return NULL;
    if (within && within->refs)
        return fhir_refs_add(within->refs, call->type, write->input.root);
    *refs = fhir_refs_create(call);
    return fhir_refs_add(*refs, call->type, write->input.root);
}

static apr_int64_t now(void)
{
    apr_int64_t usec;
    char text[25];

    fhir_time_now(text, &usec);
    return usec - usec % MILLISECOND;
}

fhir_err_t *fhir_write_insert(fhir_write_t *write, const char *id, int version)
{
    fhir_call_t *call = write->call;
    const fhir_within_t *within = call->request->within;
    fhir_record_t *record = &write->new;

    record->state = FHIR_RECORD_CURRENT;
    record->version = version;
    record->updated = now();
    if (version > 1 && record->updated <= write->old.updated)
        record->updated = write->old.updated + MILLISECOND;
    record->id = id;
    record->fresh = !id || (within && id == within->create_id);
    if (!id)
        FHIR_TRY(fhir_random_id(&record->id, call->pool));
    FHIR_TRY(claim(call, record->id));
    fhir_value_t *cells;
    FHIR_TRY(extract(&cells, write));
    FHIR_TRY(stamp(record, write));
    FHIR_TRY(authorize_new(write, cells, version > 1 ? write->right : FHIR_RIGHT_CREATE));
    fhir_refs_t *refs;
    FHIR_TRY(references(&refs, write));
    if (refs && (fhir_refs_count(refs) > REFS_IN_INSERT_MAX || !call->grant->all)) {
        FHIR_TRY(fhir_refs_check(refs, call));
        refs = NULL;
    }
    apr_array_header_t *contained;
    FHIR_TRY(contained_rows(&contained, write));
    record->fresh &= !contained;
    int done;
    FHIR_TRY(fhir_record_insert(&done, call, call->type, record, cells, refs));
    if (done || !refs)
        return store_contained(call, record->id, contained);
    FHIR_TRY(fhir_refs_check(refs, call));
    return fhir_err_create(call->pool, FHIR_ERR_CONFLICT,
                           "A referenced resource has just been created; try again");
}

/* ---- update and delete ---- */

fhir_code_t fhir_write_stale_code(const fhir_call_t *call)
{
    return fhir_spoken_differs(call) ? FHIR_ERR_CONFLICT : FHIR_ERR_PRECONDITION;
}

static fhir_err_t *stale(const fhir_write_t *write, int current)
{
    const fhir_call_t *call = write->call;

    apr_table_setn(call->response->headers, "ETag", apr_psprintf(call->pool, "W/\"%d\"", current));
    return fhir_err_create(
        call->pool, fhir_write_stale_code(call),
        "%s names version %s, but the current version of %s/%s is %d; read it, merge your "
        "change, and send the version that you have read",
        write->by_body ? "meta.versionId" : "If-Match",
        fhir_text_excerpt(write->named, strlen(write->named), call->pool), type_name(call),
        write->old.id, current);
}

fhir_err_t *fhir_write_precondition(fhir_write_t *write)
{
    if (write->expected && !write->by_body && write->old.state == FHIR_RECORD_NONE)
        return fhir_err_create(write->call->pool, FHIR_ERR_PRECONDITION,
                               "If-Match is given, but there is no %s/%s", type_name(write->call),
                               write->old.id);
    if (write->expected != FHIR_EXPECTED_NONE && write->expected != FHIR_EXPECTED_ANY &&
        write->old.state != FHIR_RECORD_NONE && write->expected != write->old.version)
        return stale(write, write->old.version);
    return NULL;
}

/* The client read the resource, changed it and sent it back: its meta.versionId is the version that
 * it read. */
static void read_body_version(fhir_write_t *write)
{
    const fhir_node_t *meta = fhir_node_get(write->input.root, "meta");
    const char *version = fhir_node_string(meta, "versionId", write->call->pool);
    apr_size_t len = version ? strlen(version) : 0;

    if (!version)
        return;
    write->named = version;
    write->by_body = 1;
    write->expected = len && len <= 9 && strspn(version, "0123456789") == len && atoi(version) > 0
                          ? atoi(version)
                          : FHIR_EXPECTED_OTHER;
}

fhir_err_t *fhir_write_require_version(fhir_write_t *write)
{
    const fhir_call_t *call = write->call;
    fhir_require_if_match_t required = call->endpoint->writing.require_if_match;

    if (required == FHIR_REQUIRE_IF_MATCH_OFF)
        return NULL;
    if (required == FHIR_REQUIRE_IF_MATCH_VERSION && write->expected == FHIR_EXPECTED_NONE)
        read_body_version(write);
    if (write->expected == FHIR_EXPECTED_ANY)
        return fhir_err_create(call->pool, FHIR_ERR_PRECONDITION_REQUIRED,
                               "If-Match: * names no version, so it would overwrite changes that "
                               "you have not read; send the ETag of the version that you have "
                               "read, as in If-Match: W/\"%d\"",
                               write->old.version);
    if (write->expected != FHIR_EXPECTED_NONE)
        return NULL;
    return fhir_err_create(
        call->pool, FHIR_ERR_PRECONDITION_REQUIRED,
        "An update must name the version that it replaces, so that it overwrites no change that "
        "you have not read: send the header If-Match with the ETag of the version that you have "
        "read, as in If-Match: W/\"3\"%s. An administrator can change this rule with the directive "
        "FHIRRequireIfMatch",
        required == FHIR_REQUIRE_IF_MATCH_VERSION ? ", or meta.versionId in the body" : "");
}

/* The stamp of the next version. If the clock is behind the last write, the time is moved
 * forward. */
static void next_version(fhir_write_t *write)
{
    write->new.state = FHIR_RECORD_CURRENT;
    write->new.id = write->old.id;
    write->new.version = write->old.version + 1;
    write->new.updated = now();
    if (write->new.updated <= write->old.updated)
        write->new.updated = write->old.updated + MILLISECOND;
}

/* The version that was to be replaced is not current any more: may the update be tried with the new
 * one? */
static fhir_err_t *look_again(fhir_write_t *write, int attempt)
{
    const fhir_call_t *call = write->call;

    FHIR_TRY(fhir_write_load(write, write->old.id));
    FHIR_TRY(fhir_write_precondition(write));
    if (attempt < ATTEMPTS_MAX && write->old.state == FHIR_RECORD_CURRENT)
        return NULL;
    return fhir_err_create(call->pool, FHIR_ERR_CONFLICT,
                           "%s/%s is being changed by other requests; read it and try again",
                           type_name(call), write->old.id);
}

/* 1 if the input says the same as the stored resource with the same stamp, in any order and
 * format. */
static int unchanged(fhir_write_t *write)
{
    const fhir_call_t *call = write->call;
    fhir_record_t same = write->old;

    if (call->endpoint->writing.update_unchanged == FHIR_UPDATE_UNCHANGED_STORE || !write->old.text)
        return 0;
    if (stamp(&same, write))
        return 0;
    if (same.len == write->old.len && !memcmp(same.text, write->old.text, same.len))
        return 1;
    fhir_node_t *a, *b;
    return !fhir_node_parse_json(&a, same.text, same.len, FHIR_NODE_LIMITS_MOST, call->pool) &&
           !fhir_node_parse_json(&b, write->old.text, write->old.len, FHIR_NODE_LIMITS_MOST,
                                 call->pool) &&
           fhir_node_equal(a, b, 0, call->pool);
}

fhir_err_t *fhir_write_update(fhir_write_t *write)
{
    fhir_call_t *call = write->call;
    fhir_value_t *cells;
    int done = 0;

    FHIR_TRY(extract(&cells, write));
    next_version(write);
    FHIR_TRY(stamp(&write->new, write));
    FHIR_TRY(authorize_new(write, cells, write->right));
    fhir_refs_t *refs;
    FHIR_TRY(references(&refs, write));
    if (refs)
        FHIR_TRY(fhir_refs_check(refs, call));
    apr_array_header_t *contained;
    FHIR_TRY(contained_rows(&contained, write));
    for (int attempt = 1; !done; attempt++) {
        if (unchanged(write)) {
            write->new = write->old;
            return NULL;
        }
        if (attempt > 1) {
            next_version(write);
            FHIR_TRY(stamp(&write->new, write));
        }
        FHIR_TRY(fhir_record_update(&done, call, call->type, &write->new, cells));
        if (!done)
            FHIR_TRY(look_again(write, attempt));
    }
    FHIR_TRY(forget_contained(write));
    return store_contained(call, write->old.id, contained);
}

fhir_err_t *fhir_write_delete(fhir_write_t *write)
{
    fhir_call_t *call = write->call;
    int done = 0;

    for (int attempt = 1; !done && write->old.state == FHIR_RECORD_CURRENT; attempt++) {
        next_version(write);
        FHIR_TRY(fhir_record_delete(&done, call, call->type, &write->new));
        if (!done && attempt < ATTEMPTS_MAX) {
            FHIR_TRY(fhir_write_load(write, write->old.id));
            FHIR_TRY(fhir_write_precondition(write));
        }
        else if (!done) {
            return look_again(write, attempt);
        }
    }
    if (done)
        return forget_contained(write);
    write->new.version = 0; /* another request has deleted it */
    return NULL;
}
