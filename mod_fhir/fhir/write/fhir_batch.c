/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch and transaction: entries in the order of the specification, references between them
 * rewritten, and for a transaction all or nothing.
 * Source: http://hl7.org/fhir/R4/http.html#transaction
 */
#include <apr_hash.h>
#include <apr_strings.h>
#include <stdlib.h>

#include "core/fhir_text.h"
#include "fhir/fhir_interactions.h"
#include "fhir/search/fhir_search.h"
#include "fhir/write/fhir_entry.h"
#include "fhir/write/fhir_refs.h"
#include "fhir/write/fhir_stamp.h"
#include "fhir/write/fhir_write.h"

/* Most bytes of answers that are in memory at once: that of one entry of a batch, or those of all
 * entries of a transaction, which wait for its end. */
static apr_size_t answers_max(const fhir_call_t *call)
{
    return 4 * call->endpoint->body_max;
}

/* ---- batch ---- */

/* Answers of that size that a batch may write; they go to a file. */
#define BATCH_ANSWERS 16

/* Each answer is written before the next entry runs: the memory is that of the largest. */
static fhir_err_t *run_batch(fhir_call_t *call, apr_array_header_t *entries)
{
    apr_size_t max = answers_max(call), left = BATCH_ANSWERS * max;
    fhir_bundle_t *bundle;
    int i;

    fhir_call_begin(call, 200);
    FHIR_TRY(fhir_bundle_begin(&bundle, call, "batch-response"));
    for (i = 0; i < entries->nelts; i++) {
        fhir_entry_t *entry = &APR_ARRAY_IDX(entries, i, fhir_entry_t);

        fhir_entry_run(entry, NULL, left < max ? left : max);
        left -= entry->answer->len < left ? entry->answer->len : left;
        FHIR_TRY(fhir_entry_answer(bundle, entry));
    }
    return fhir_bundle_end(bundle);
}

/* ---- transaction ---- */

typedef struct transaction_t {
    fhir_call_t call;       /* the Bundle's call, its request in the transaction */
    fhir_request_t request; /* as the call's, with tx */
    apr_array_header_t *entries;
    apr_hash_t *targets;     /* fullUrl → "Type/id" */
    apr_hash_t *conditional; /* "Type?criteria" → "Type/id" */
} transaction_t;

/* An error of an entry, told with its place in the Bundle. */
static fhir_err_t *entry_error(const fhir_entry_t *entry, fhir_err_t *err)
{
    apr_pool_t *pool = entry->call->pool;
    fhir_err_t *each;

    for (each = err; each; each = each->next) {
        const char *rest = each->expression ? strchr(each->expression, '.') : NULL;

        each->expression = apr_psprintf(pool, "Bundle.entry[%d]%s%s", entry->index,
                                        each->expression ? ".resource" : "", rest ? rest : "");
    }
    return err;
}

static fhir_err_t *refuse(const fhir_entry_t *entry, fhir_code_t code, const char *what)
{
    return entry_error(
        entry, fhir_err_create(entry->call->pool, code, "Entry %d: %s", entry->index, what));
}

static int is_method(const fhir_entry_t *entry, const char *method)
{
    return strcmp(entry->method, method) == 0;
}

static void note_target(transaction_t *t, const fhir_entry_t *entry, const char *type,
                        const char *id)
{
    if (entry->full_url)
        apr_hash_set(t->targets, entry->full_url, APR_HASH_KEY_STRING,
                     apr_pstrcat(t->call.pool, type, "/", id, NULL));
}

/* The resources that a condition matches, looked at under its lock: one of them will be written. */
static fhir_err_t *look(apr_array_header_t **ids, transaction_t *t, const fhir_entry_t *entry,
                        const char *type, const char *criteria)
{
    fhir_write_t write;
    fhir_call_t call = t->call;
    fhir_err_t *err;

    call.type = fhir_model_resource(call.model, type, strlen(type));
    if (!call.type)
        return refuse(entry, FHIR_ERR_TYPE_UNKNOWN, "the URL names no resource type");
    err = fhir_write_begin(&write, &call, 0);
    if (!err)
        err = fhir_write_condition(ids, &write, criteria, 2);
    return err ? entry_error(entry, err) : NULL;
}

static fhir_err_t *load_existing(transaction_t *t, fhir_entry_t *entry, const char *id)
{
    fhir_record_t record;
    const fhir_type_t *type = fhir_model_resource(t->call.model, entry->path, strlen(entry->path));

    FHIR_TRY(fhir_record_load(&record, &t->call, type, id));
    fhir_entry_exists(entry, id, record.version, record.updated);
    return NULL;
}

/* POST: a new id, or with If-None-Exist what is there already. */
static fhir_err_t *decide_post(transaction_t *t, fhir_entry_t *entry)
{
    apr_array_header_t *ids = NULL;
    const char *query;

    if (entry->if_none_exist) {
        query = strchr(entry->if_none_exist, '?');
        FHIR_TRY(look(&ids, t, entry, entry->path, query ? query + 1 : entry->if_none_exist));
        entry->if_none_exist = NULL;
        if (ids->nelts > 1)
            return refuse(entry, FHIR_ERR_MULTIPLE_MATCHES, "ifNoneExist matches several");
        if (ids->nelts) {
            note_target(t, entry, entry->path, APR_ARRAY_IDX(ids, 0, const char *));
            return load_existing(t, entry, APR_ARRAY_IDX(ids, 0, const char *));
        }
    }
    FHIR_TRY(fhir_write_new_id(&entry->create_id, t->call.pool));
    note_target(t, entry, entry->path, entry->create_id);
    return NULL;
}

/* PUT and DELETE: the id of the URL, or the one that the condition names. */
static fhir_err_t *decide_put(transaction_t *t, fhir_entry_t *entry)
{
    const char *slash = strchr(entry->path, '/'), *id;
    apr_array_header_t *ids;

    if (slash) {
        note_target(t, entry, apr_pstrmemdup(t->call.pool, entry->path, slash - entry->path),
                    slash + 1);
        return NULL;
    }
    if (!is_method(entry, "PUT"))
        return NULL;
    FHIR_TRY(look(&ids, t, entry, entry->path, entry->query));
    if (ids->nelts > 1)
        return refuse(entry, FHIR_ERR_MULTIPLE_MATCHES, "the condition matches several");
    id = ids->nelts ? APR_ARRAY_IDX(ids, 0, const char *)
                    : fhir_node_string(entry->resource, "id", t->call.pool);
    if (!id) {
        FHIR_TRY(fhir_write_new_id(&entry->create_id, t->call.pool));
        id = entry->create_id;
    }
    note_target(t, entry, entry->path, id);
    return NULL;
}

static fhir_err_t *decide(transaction_t *t)
{
    int i;

    for (i = 0; i < t->entries->nelts; i++) {
        fhir_entry_t *entry = &APR_ARRAY_IDX(t->entries, i, fhir_entry_t);

        if (is_method(entry, "POST") && !strchr(entry->path, '/') && entry->resource)
            FHIR_TRY(decide_post(t, entry));
        else if (is_method(entry, "PUT") || is_method(entry, "DELETE"))
            FHIR_TRY(decide_put(t, entry));
    }
    return NULL;
}

/* No two entries may change the same resource. */
static fhir_err_t *check_overlap(transaction_t *t)
{
    apr_hash_t *changed = apr_hash_make(t->call.pool);
    int i;

    for (i = 0; i < t->entries->nelts; i++) {
        const fhir_entry_t *entry = &APR_ARRAY_IDX(t->entries, i, fhir_entry_t);

        if (is_method(entry, "GET") || is_method(entry, "HEAD") || !strchr(entry->path, '/') ||
            is_method(entry, "POST"))
            continue;
        if (apr_hash_get(changed, entry->path, APR_HASH_KEY_STRING))
            return refuse(entry, FHIR_ERR_BAD_REQUEST,
                          "two entries of a transaction change the same resource");
        apr_hash_set(changed, entry->path, APR_HASH_KEY_STRING, entry);
    }
    return NULL;
}

/* ---- references between entries ---- */

typedef struct rewrite_t {
    transaction_t *t;
    const fhir_entry_t *entry;
    apr_array_header_t *edits; /* of fhir_edit_t, in the order of the text */
} rewrite_t;

static void replace(rewrite_t *r, const fhir_node_t *node, const char *text, apr_size_t len)
{
    fhir_buf_t *json = fhir_buf_create(r->t->call.pool, 0);
    fhir_edit_t *edit = apr_array_push(r->edits);

    fhir_buf_json_string(json, text, len);
    edit->start = node->start;
    edit->end = node->end;
    edit->text = fhir_buf_cstr(json);
    edit->len = json->len;
}

/* A reference by a search, "Practitioner?identifier=…": it must name one resource. Without a lock:
 * nothing is written, and hundreds of them, held until the end, would make all Bundles that speak
 * of the same practitioners wait for each other. */
static fhir_err_t *resolve_conditional(const char **target, rewrite_t *r, const char *text)
{
    transaction_t *t = r->t;
    const char *mark = strchr(text, '?'), *type = apr_pstrmemdup(t->call.pool, text, mark - text);
    apr_array_header_t *ids;
    fhir_call_t call = t->call;
    fhir_err_t *err;

    *target = apr_hash_get(t->conditional, text, APR_HASH_KEY_STRING);
    if (*target)
        return NULL;
    if (apr_hash_count(t->conditional) == (unsigned)call.endpoint->entries_max)
        return refuse(r->entry, FHIR_ERR_TOO_LARGE,
                      "there are more conditional references than entries are accepted here");
    call.type = fhir_model_resource(call.model, type, strlen(type));
    err = fhir_write_matches(&ids, &call, mark + 1, 2);
    if (err)
        return entry_error(r->entry, err);
    if (ids->nelts != 1)
        return refuse(r->entry, FHIR_ERR_MULTIPLE_MATCHES,
                      apr_psprintf(t->call.pool, "the conditional reference '%s' matches %s", text,
                                   ids->nelts ? "several resources" : "no resource"));
    *target = apr_pstrcat(t->call.pool, type, "/", APR_ARRAY_IDX(ids, 0, const char *), NULL);
    apr_hash_set(t->conditional, text, APR_HASH_KEY_STRING, *target);
    return NULL;
}

static fhir_err_t *on_uri(void *baton, const fhir_node_t *node)
{
    rewrite_t *r = baton;
    const char *target = apr_hash_get(r->t->targets, node->text, node->text_len);

    if (target)
        replace(r, node, target, strlen(target));
    return NULL;
}

static fhir_err_t *on_reference(void *baton, const fhir_node_t *node, const char *expression)
{
    rewrite_t *r = baton;
    const char *text = apr_pstrmemdup(r->t->call.pool, node->text, node->text_len), *target;
    const char *mark = strchr(text, '?');

    (void)expression;
    if (!mark || !fhir_model_resource(r->t->call.model, text, (apr_size_t)(mark - text)))
        return on_uri(baton, node);
    FHIR_TRY(resolve_conditional(&target, r, text));
    replace(r, node, target, strlen(target));
    return NULL;
}

static fhir_err_t *on_xhtml(void *baton, const fhir_node_t *node)
{
    rewrite_t *r = baton;
    fhir_buf_t *div = fhir_buf_create(r->t->call.pool, 0);

    if (fhir_refs_relink(div, node->text, node->text_len, r->t->targets))
        replace(r, node, div->data, div->len);
    fhir_buf_free(div);
    return NULL;
}

static int by_start(const void *a, const void *b)
{
    const fhir_edit_t *x = a, *y = b;

    return x->start < y->start ? -1 : x->start > y->start;
}

static fhir_err_t *rewrite(transaction_t *t, fhir_entry_t *entry, const char *source)
{
    rewrite_t r = {t, entry, apr_array_make(t->call.pool, 8, sizeof(fhir_edit_t))};
    fhir_refs_visitor_t visitor = {on_reference, on_uri, on_xhtml, &r};
    const char *name = fhir_node_string(entry->resource, "resourceType", t->call.pool);
    const fhir_type_t *type = name ? fhir_model_resource(t->call.model, name, strlen(name)) : NULL;
    fhir_buf_t *body;

    if (!type || is_method(entry, "PATCH"))
        return NULL;
    FHIR_TRY(fhir_refs_walk(&visitor, t->call.model, type, entry->resource, t->call.pool));
    if (!r.edits->nelts)
        return NULL;
    qsort(r.edits->elts, (size_t)r.edits->nelts, sizeof(fhir_edit_t), by_start);
    body = fhir_buf_create(t->call.pool, 0);
    fhir_stamp_splice(body, source, entry->resource->start, entry->resource->end,
                      (fhir_edit_t *)r.edits->elts, r.edits->nelts, 0);
    entry->body = fhir_buf_cstr(body);
    entry->body_len = body->len;
    return NULL;
}

/* ---- running ---- */

/* DELETE, POST, PUT and PATCH, GET and HEAD; changes in one order everywhere, so that two
 * transactions seldom wait for each other in a circle. */
static int rank(const fhir_entry_t *entry)
{
    static const char *const order[] = {"DELETE", "POST", "PUT", "PATCH", "GET", "HEAD"};
    int i;

    for (i = 0; i < 6; i++)
        if (is_method(entry, order[i]))
            break;
    return i == 3 ? 2 : i == 5 ? 4 : i;
}

static int by_rank(const void *a, const void *b)
{
    const fhir_entry_t *x = *(fhir_entry_t *const *)a, *y = *(fhir_entry_t *const *)b;
    int order = rank(x) - rank(y);

    if (!order && rank(x) != 1)
        order = strcmp(x->path, y->path);
    return order ? order : x->index - y->index;
}

/* An error that came while an entry ran, or behind the last one (NULL): it may be that of an
 * earlier one, whose statement was sent and not waited for. */
static fhir_err_t *blame(const transaction_t *t, const fhir_entry_t *entry, fhir_err_t *err)
{
    int failed, i;

    if (!err)
        return NULL;
    (void)fhir_tx_later(t->request.tx, &failed);
    for (i = 0; failed >= 0 && i < t->entries->nelts; i++) {
        const fhir_entry_t *each = &APR_ARRAY_IDX(t->entries, i, fhir_entry_t);

        if (each->create_id && each->later == failed)
            entry = each;
    }
    return entry ? entry_error(entry, err) : err;
}

static fhir_err_t *run_entries(transaction_t *t)
{
    int n = t->entries->nelts, i;
    apr_size_t left = answers_max(&t->call);
    fhir_entry_t **order = apr_palloc(t->call.pool, (apr_size_t)(n + 1) * sizeof(*order));

    for (i = 0; i < n; i++)
        order[i] = &APR_ARRAY_IDX(t->entries, i, fhir_entry_t);
    qsort(order, (size_t)n, sizeof(*order), by_rank);
    for (i = 0; i < n; i++) {
        if (order[i]->answer)
            continue; /* decided before: it exists */
        fhir_entry_run(order[i], t->request.tx, left);
        if (order[i]->err)
            return blame(t, order[i], order[i]->err);
        left -= order[i]->answer->len;
    }
    return NULL;
}

/* All targets must be there in the end. */
static fhir_err_t *check_references(transaction_t *t)
{
    fhir_refs_t *refs = fhir_refs_create(&t->call);
    fhir_call_t each = t->call;
    int i;

    if (!t->call.endpoint->check_references)
        return NULL;
    apr_pool_create(&each.pool, t->call.pool);
    for (i = 0; i < t->entries->nelts; i++) {
        const fhir_entry_t *entry = &APR_ARRAY_IDX(t->entries, i, fhir_entry_t);
        fhir_input_t input;

        if (!entry->body || (!is_method(entry, "POST") && !is_method(entry, "PUT")))
            continue;
        FHIR_TRY(fhir_input_parse(&input, &each, entry->body, entry->body_len));
        FHIR_TRY(fhir_input_type(&input, &each));
        FHIR_TRY(fhir_refs_add(refs, input.type, input.root));
        apr_pool_clear(each.pool);
    }
    return fhir_refs_check(refs, &t->call);
}

static fhir_err_t *run_transaction(fhir_call_t *call, apr_array_header_t *entries,
                                   const char *source)
{
    transaction_t t = {.call = *call, .request = *call->request, .entries = entries};
    fhir_bundle_t *bundle;
    int i;

    t.targets = apr_hash_make(call->pool);
    t.conditional = apr_hash_make(call->pool);
    FHIR_TRY(check_overlap(&t));
    if (!call->request->store)
        return fhir_err_create(call->pool, FHIR_ERR_BUSY, "The database cannot be reached");
    FHIR_TRY(fhir_tx_begin(&t.request.tx, call->request->store, call->pool));
    t.call.request = &t.request;
    FHIR_TRY(decide(&t));
    for (i = 0; i < entries->nelts; i++)
        FHIR_TRY(rewrite(&t, &APR_ARRAY_IDX(entries, i, fhir_entry_t), source));
    FHIR_TRY(run_entries(&t));
    FHIR_TRY(blame(&t, NULL, check_references(&t)));
    FHIR_TRY(blame(&t, NULL, fhir_tx_commit(t.request.tx)));
    fhir_call_begin(call, 200);
    FHIR_TRY(fhir_bundle_begin(&bundle, call, "transaction-response"));
    for (i = 0; i < entries->nelts; i++)
        FHIR_TRY(fhir_entry_answer(bundle, &APR_ARRAY_IDX(entries, i, fhir_entry_t)));
    return fhir_bundle_end(bundle);
}

static fhir_err_t *run_bundle(fhir_call_t *call)
{
    fhir_input_t input;
    apr_array_header_t *entries;
    const fhir_node_t *type;
    int transaction;

    FHIR_TRY(fhir_input_read(&input, call));
    type = fhir_node_get(input.root, "type");
    transaction = fhir_node_is(type, "transaction");
    if (!fhir_node_is(fhir_node_get(input.root, "resourceType"), "Bundle") ||
        (!transaction && !fhir_node_is(type, "batch")))
        return fhir_err_create(call->pool, FHIR_ERR_BAD_REQUEST,
                               "The base takes a Bundle of type batch or transaction");
    if (!(call->endpoint->interactions &
          (transaction ? FHIR_INTERACTION_TRANSACTION : FHIR_INTERACTION_BATCH)))
        return fhir_err_create(call->pool, FHIR_ERR_METHOD, "A %s is not offered here",
                               transaction ? "transaction" : "batch");
    call->response->interaction = transaction ? "transaction" : "batch";
    FHIR_TRY(fhir_entry_list(&entries, call, input.root, input.source));
    return transaction ? run_transaction(call, entries, input.source) : run_batch(call, entries);
}

fhir_err_t *fhir_batch_handle(fhir_call_t *call)
{
    return run_bundle(call);
}
