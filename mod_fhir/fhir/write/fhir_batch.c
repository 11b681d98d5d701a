/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch and transaction: entries in the order of the specification, references between them
 * rewritten, and for a transaction all or nothing.
 * Source: http://hl7.org/fhir/R4/http.html#transaction
 */
#include <apr_strings.h>
#include <stdlib.h>

#include "core/fhir_hash.h"
#include "core/fhir_random.h"
#include "core/fhir_text.h"
#include "fhir/fhir_interactions.h"
#include "fhir/fhir_spoken.h"
#include "fhir/query/fhir_grant.h"
#include "fhir/query/fhir_query.h"
#include "fhir/write/fhir_entry.h"
#include "fhir/write/fhir_refs.h"
#include "fhir/write/fhir_relink.h"
#include "fhir/write/fhir_write.h"

/* The most bytes of responses in memory: those of one entry of a batch, or of all entries of a
 * transaction, which wait for its end. */
static apr_size_t answers_max(const fhir_call_t *call)
{
    const fhir_limits_t *limits = &call->endpoint->limits;
    apr_size_t fit = limits->answer_max / 2; /* XML and pages for people take more bytes */
    return fit < 4 * limits->body_max ? fit : 4 * limits->body_max;
}

/* A Bundle with so many entries is long work from the start. */
enum { MANY = 500 };

/* ---- batch ---- */

/* Each response is written before the next entry runs, so the memory is that of the largest one. */
static fhir_err_t *run_batch(fhir_call_t *call, apr_array_header_t *entries)
{
    apr_size_t max = answers_max(call), left = call->endpoint->limits.answer_max / 2;

    fhir_call_begin(call, 200);
    fhir_spoken_render_entries(call);
    fhir_bundle_t *bundle;
    FHIR_TRY(fhir_bundle_begin(&bundle, call, "batch-response"));
    for (int i = 0; i < entries->nelts; i++) {
        fhir_entry_t *entry = &APR_ARRAY_IDX(entries, i, fhir_entry_t);

        fhir_entry_run(entry, call->request, NULL, left < max ? left : max);
        left -= entry->answer->len < left ? entry->answer->len : left;
        FHIR_TRY(fhir_entry_answer(bundle, entry));
    }
    return fhir_bundle_end(bundle);
}

/* ---- the order of a transaction ---- */

static int is_method(const fhir_entry_t *entry, const char *method)
{
    return strcmp(entry->method, method) == 0;
}

/* DELETE, POST, PUT and PATCH, GET and HEAD. An entry that waits for others comes last among the
 * changes. */
static int rank(const fhir_entry_t *entry)
{
    static const struct {
        const char *method;
        int rank;
    } ranks[] = {{"DELETE", 0}, {"POST", 1}, {"PUT", 2}, {"PATCH", 2}, {"GET", 4}, {"HEAD", 4}};

    for (apr_size_t i = 0; i < sizeof(ranks) / sizeof(*ranks); i++)
        if (is_method(entry, ranks[i].method))
            return entry->waits ? 3 : ranks[i].rank;
    return 5;
}

/* Changes are made in one order everywhere, so that transactions seldom deadlock. */
static int by_rank(const void *a, const void *b)
{
    const fhir_entry_t *x = *(fhir_entry_t *const *)a, *y = *(fhir_entry_t *const *)b;
    int order = rank(x) - rank(y);

    if (!order && rank(x) != 1)
        order = strcmp(x->path, y->path);
    return order ? order : x->index - y->index;
}

static const char *condition_of(const fhir_entry_t *entry)
{
    return entry->if_none_exist ? entry->if_none_exist : entry->query ? entry->query : "";
}

/* The same for the locks of conditions. */
static int by_condition(const void *a, const void *b)
{
    const fhir_entry_t *x = *(fhir_entry_t *const *)a, *y = *(fhir_entry_t *const *)b;
    int order = strcmp(x->path, y->path);

    if (!order)
        order = strcmp(condition_of(x), condition_of(y));
    return order ? order : x->index - y->index;
}

static fhir_entry_t **sorted(const apr_array_header_t *entries,
                             int (*by)(const void *a, const void *b))
{
    int n = entries->nelts;
    fhir_entry_t **list = apr_palloc(entries->pool, (apr_size_t)(n + 1) * sizeof(*list));

    for (int i = 0; i < n; i++)
        list[i] = &APR_ARRAY_IDX(entries, i, fhir_entry_t);
    qsort(list, (size_t)n, sizeof(*list), by);
    return list;
}

/* ---- transaction ---- */

typedef struct transaction_t {
    fhir_call_t call;     /* the Bundle's, in the transaction */
    fhir_within_t within; /* the transaction, as its entries see it */
    apr_array_header_t *entries;
    apr_size_t left;       /* bytes that the responses may still have */
    fhir_relink_t *relink; /* fullUrl → the address of the entry */
    apr_hash_t *creates; /* "Type?criteria" of ifNoneExist → the entry that creates the resource */
    apr_hash_t *conditional; /* "Type?criteria" → "Type/id" */
} transaction_t;

/* An error of an entry, with its place in the Bundle. */
static fhir_err_t *entry_error(const fhir_entry_t *entry, fhir_err_t *err)
{
    apr_pool_t *pool = entry->call->pool;

    for (fhir_err_t *each = err; each; each = each->next) {
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

/* version: that of the entry's resource; 0: not known yet. */
static fhir_err_t *note_target(transaction_t *t, const fhir_entry_t *entry, const char *type,
                               const char *id, int version)
{
    if (entry->full_url && !fhir_relink_add(t->relink, entry->full_url, type, id, version))
        return refuse(entry, FHIR_ERR_BAD_REQUEST, "another entry has the same fullUrl");
    return NULL;
}

/* The resources that a condition matches, read under its lock, because one of them will be
 * written. */
static fhir_err_t *look(apr_array_header_t **ids, transaction_t *t, const fhir_entry_t *entry,
                        const char *type, const char *criteria)
{
    fhir_call_t call = t->call;

    call.type = fhir_model_resource(call.stored, type, strlen(type));
    if (!call.type)
        return refuse(entry, FHIR_ERR_TYPE_UNKNOWN, "the URL names no resource type");
    fhir_write_t write;
    fhir_err_t *err = fhir_write_begin(&write, &call, 0);
    if (!err)
        err = fhir_write_condition(ids, &write, criteria, 2);
    return err ? entry_error(entry, err) : NULL;
}

static fhir_err_t *load_existing(transaction_t *t, fhir_entry_t *entry, const char *id)
{
    fhir_record_t record;
    const fhir_type_t *type = fhir_model_resource(t->call.stored, entry->path, strlen(entry->path));

    FHIR_TRY(fhir_record_load(&record, &t->call, type, id, FHIR_RIGHT_SEARCH));
    fhir_entry_exists(entry, id, record.version, record.updated);
    return note_target(t, entry, entry->path, id, record.version);
}

/* A conditional create: uses the existing resource, or the one that an entry with the same
 * condition creates. *decided: it does not create. */
static fhir_err_t *decide_condition(int *decided, transaction_t *t, fhir_entry_t *entry)
{
    fhir_call_t call = t->call;

    *decided = 1;
    call.type = fhir_model_resource(call.stored, entry->path, strlen(entry->path));
    if (!call.type)
        return refuse(entry, FHIR_ERR_TYPE_UNKNOWN, "the URL names no resource type");
    const char *query;
    query = fhir_write_criteria(&query, &call, entry->if_none_exist) ? NULL : query;
    if (!query)
        return refuse(entry, FHIR_ERR_BAD_REQUEST,
                      "ifNoneExist is a search of another type than the one that is created");
    const char *key = apr_pstrcat(t->call.pool, entry->path, "?", query, NULL);
    entry->if_none_exist = NULL;
    entry->same_as = apr_hash_get(t->creates, key, APR_HASH_KEY_STRING);
    if (entry->same_as)
        return note_target(t, entry, entry->path, entry->same_as->create_id, 1);
    apr_array_header_t *ids;
    FHIR_TRY(look(&ids, t, entry, entry->path, query));
    if (ids->nelts > 1)
        return refuse(entry, FHIR_ERR_MULTIPLE_MATCHES, "ifNoneExist matches several");
    if (ids->nelts)
        return load_existing(t, entry, APR_ARRAY_IDX(ids, 0, const char *));
    apr_hash_set(t->creates, key, APR_HASH_KEY_STRING, entry);
    entry->meets = query;
    *decided = 0;
    return NULL;
}

/* POST: a new id, or with If-None-Exist the existing resource. */
static fhir_err_t *decide_post(transaction_t *t, fhir_entry_t *entry)
{
    int decided = 0;

    if (entry->if_none_exist)
        FHIR_TRY(decide_condition(&decided, t, entry));
    if (decided)
        return NULL;
    FHIR_TRY(fhir_random_id(&entry->create_id, t->call.pool));
    return note_target(t, entry, entry->path, entry->create_id, 1);
}

/* Reserves the resource that an entry's condition matched, so that another entry that changes or
 * deletes it is refused. */
static void claim(transaction_t *t, fhir_entry_t *entry, const char *id)
{
    apr_hash_set(t->within.changed, apr_pstrcat(t->call.pool, entry->path, "/", id, NULL),
                 APR_HASH_KEY_STRING, entry);
}

/* PUT, PATCH and DELETE: the id of the URL, or the one that the condition matches. */
static fhir_err_t *decide_put(transaction_t *t, fhir_entry_t *entry)
{
    const char *slash = strchr(entry->path, '/');

    if (slash)
        return note_target(
            t, entry, apr_pstrmemdup(t->call.pool, entry->path, (apr_size_t)(slash - entry->path)),
            slash + 1, 0);
    if (!is_method(entry, "PUT"))
        return NULL;
    apr_array_header_t *ids;
    FHIR_TRY(look(&ids, t, entry, entry->path, entry->query));
    if (ids->nelts > 1)
        return refuse(entry, FHIR_ERR_MULTIPLE_MATCHES, "the condition matches several");
    const char *id = ids->nelts ? APR_ARRAY_IDX(ids, 0, const char *)
                                : fhir_node_string(entry->resource, "id", t->call.pool);
    if (ids->nelts)
        claim(t, entry, id);
    if (!id) {
        FHIR_TRY(fhir_random_id(&entry->create_id, t->call.pool));
        id = entry->create_id;
    }
    return note_target(t, entry, entry->path, id, 0);
}

static fhir_err_t *decide_entry(transaction_t *t, fhir_entry_t *entry)
{
    if (is_method(entry, "POST") && !strchr(entry->path, '/') && entry->resource)
        return decide_post(t, entry);
    return is_method(entry, "PUT") || is_method(entry, "PATCH") || is_method(entry, "DELETE")
               ? decide_put(t, entry)
               : NULL;
}

/* ---- conditions that name other entries ---- */

/* A value of a condition, with the fullUrls in it replaced by addresses. *waits: one of them
 * belongs to an entry whose address is not known yet. */
static const char *relinked(int *waits, int *changed, const transaction_t *t, apr_hash_t *pending,
                            const char *value)
{
    fhir_buf_t *out = fhir_buf_create(t->call.pool, 0);

    while (1) {
        apr_size_t len = strcspn(value, ",");
        const char *piece = apr_pstrmemdup(t->call.pool, value, len);
        const char *target = fhir_relink_target(t->relink, piece);

        *waits |= !target && apr_hash_get(pending, piece, APR_HASH_KEY_STRING) != NULL;
        *changed |= target != NULL;
        fhir_buf_puts(out, target ? target : piece);
        if (!value[len])
            return fhir_buf_cstr(out);
        fhir_buf_putc(out, ',');
        value += len + 1;
    }
}

/* 1 if a name is that of a reference, perhaps with a modifier. Values of other parameters only look
 * like URLs. */
static int is_reference(const transaction_t *t, const fhir_entry_t *entry, const char *name)
{
    const fhir_type_t *type = fhir_model_resource(t->call.stored, entry->path, strlen(entry->path));
    const fhir_param_t *param =
        type ? fhir_query_param(&t->call, type, name, strcspn(name, ":")) : NULL;

    return param && param->kind == FHIR_PARAM_REFERENCE;
}

/* The condition of an entry, with fullUrls of other entries replaced by their addresses:
 * "beneficiary=urn:uuid:…" becomes "beneficiary=Patient/1". */
static fhir_err_t *relink_condition(int *waits, transaction_t *t, apr_hash_t *pending,
                                    fhir_entry_t *entry)
{
    const char **place = entry->if_none_exist ? &entry->if_none_exist : &entry->query;
    int changed = 0;

    if (!*place || (!strchr(*place, ':') && !strchr(*place, '%'))) /* no URL in it */
        return NULL;
    fhir_pairs_t pairs;
    FHIR_TRY(fhir_pairs_parse(&pairs, *place, t->call.endpoint->limits.query_max, t->call.pool));
    fhir_buf_t *out = fhir_buf_create(t->call.pool, 0);
    for (int i = 0; i < pairs.n; i++) {
        const char *value = pairs.list[i].value;
        if (is_reference(t, entry, pairs.list[i].name))
            value = relinked(waits, &changed, t, pending, value);
        fhir_buf_puts(out, i ? "&" : "");
        fhir_text_url_encode(out, pairs.list[i].name, strlen(pairs.list[i].name));
        fhir_buf_putc(out, '=');
        fhir_text_url_encode(out, value, strlen(value));
    }
    if (changed && !*waits)
        *place = fhir_buf_cstr(out);
    return NULL;
}

/* Decides the entries in the order of their conditions; an entry whose condition names another one
 * is decided after that. */
static fhir_err_t *decide(transaction_t *t)
{
    fhir_entry_t **order = sorted(t->entries, by_condition);
    apr_hash_t *pending = fhir_hash_make(t->call.pool);
    int left = t->entries->nelts, before = left + 1;

    for (int i = 0; i < left; i++)
        if (order[i]->full_url)
            apr_hash_set(pending, order[i]->full_url, APR_HASH_KEY_STRING, order[i]);
    while (left && left < before) {
        before = left;
        left = 0;
        for (int i = 0; i < before; i++) {
            int waits = 0;
            FHIR_TRY(relink_condition(&waits, t, pending, order[i]));
            if (waits)
                order[left++] = order[i];
            else
                FHIR_TRY(decide_entry(t, order[i]));
        }
    }
    return left ? refuse(order[0], FHIR_ERR_BAD_REQUEST,
                         "its condition depends on an entry with a condition that depends on this "
                         "entry")
                : NULL;
}

/* ---- references between entries ---- */

typedef struct rewrite_t {
    transaction_t *t;
    fhir_entry_t *entry;
    const char *root;          /* of the entry's fullUrl, or NULL */
    int resolve;               /* conditional references, too */
    apr_array_header_t *edits; /* of fhir_edit_t */
} rewrite_t;

/* A conditional reference, "Practitioner?identifier=…": it must match one resource. It takes no
 * lock, since nothing is written. Hundreds of locks, held until the end, would make all Bundles
 * with the same practitioners wait for each other. */
static fhir_err_t *resolve_conditional(const char **target, rewrite_t *r, const fhir_type_t *type,
                                       const char *text, const char *expression)
{
    transaction_t *t = r->t;
    fhir_call_t call = t->call;

    *target = apr_hash_get(t->conditional, text, APR_HASH_KEY_STRING);
    if (*target)
        return NULL;
    if (apr_hash_count(t->conditional) == (unsigned)call.endpoint->limits.entries_max)
        return fhir_err_create(
            call.pool, FHIR_ERR_TOO_LARGE,
            "Entry %d: there are more conditional references than the maximum number of entries",
            r->entry->index);
    call.type = type;
    apr_array_header_t *ids;
    FHIR_TRY(fhir_write_matches(&ids, &call, strchr(text, '?') + 1, 2));
    if (ids->nelts != 1)
        return fhir_err_at(
            fhir_err_create(t->call.pool,
                            ids->nelts ? FHIR_ERR_MULTIPLE_MATCHES : FHIR_ERR_NO_MATCH,
                            "Entry %d: the conditional reference '%s' matches %s", r->entry->index,
                            text, ids->nelts ? "several resources" : "no resource"),
            t->call.pool, expression);
    *target = apr_pstrcat(t->call.pool, fhir_model_str(t->call.stored, type->name), "/",
                          APR_ARRAY_IDX(ids, 0, const char *), NULL);
    apr_hash_set(t->conditional, text, APR_HASH_KEY_STRING, *target);
    return NULL;
}

static fhir_err_t *on_uri(void *baton, const fhir_node_t *node)
{
    rewrite_t *r = baton;
    fhir_relink_edit(r->edits, r->t->relink, &(fhir_link_t){FHIR_LINK_URI, node}, r->root);
    return NULL;
}

static fhir_err_t *on_xhtml(void *baton, const fhir_node_t *node)
{
    rewrite_t *r = baton;
    fhir_relink_edit(r->edits, r->t->relink, &(fhir_link_t){FHIR_LINK_NARRATIVE, node}, r->root);
    return NULL;
}

static fhir_err_t *on_reference(void *baton, const fhir_node_t *node, const char *expression)
{
    rewrite_t *r = baton;
    fhir_link_t link = {FHIR_LINK_REFERENCE, node};
    const fhir_type_t *type = fhir_relink_condition(&link, r->t->call.stored);

    if (!type)
        fhir_relink_edit(r->edits, r->t->relink, &link, r->root);
    else if (!r->resolve)
        r->entry->waits = 1;
    else {
        const char *text = apr_pstrmemdup(r->t->call.pool, node->text, node->text_len);
        const char *target;
        FHIR_TRY(resolve_conditional(&target, r, type, text, expression));
        fhir_relink_replace(r->edits, &link, target, strlen(target));
    }
    return NULL;
}

/* resolve 0: an entry with conditional references is left unchanged, to wait. */
static fhir_err_t *rewrite(transaction_t *t, fhir_entry_t *entry, const char *source, int resolve)
{
    rewrite_t r = {t, entry, fhir_relink_root(entry->full_url, t->call.pool), resolve,
                   apr_array_make(t->call.pool, 8, sizeof(fhir_edit_t))};
    fhir_refs_visitor_t visitor = {on_reference, on_uri, on_xhtml, &r};
    const char *name = fhir_node_string(entry->resource, "resourceType", t->call.pool);
    const fhir_type_t *type = name ? fhir_model_resource(t->call.stored, name, strlen(name)) : NULL;

    if (!type || (is_method(entry, "PATCH") && strcmp(name, "Binary") == 0))
        return NULL;
    FHIR_TRY(fhir_refs_walk(&visitor, t->call.stored, type, entry->resource, t->call.pool));
    if (!r.edits->nelts || (entry->waits && !resolve))
        return NULL;
    fhir_buf_t *body = fhir_buf_create(t->call.pool, 0);
    fhir_relink_splice(body, source, entry->resource, r.edits, 0);
    entry->body = fhir_buf_cstr(body);
    entry->body_len = body->len;
    return NULL;
}

/* ---- running ---- */

/* An error while an entry ran, or after the last one (NULL). It may be that of an earlier entry,
 * whose statement was sent without waiting for the result. */
static fhir_err_t *blame(const transaction_t *t, const fhir_entry_t *entry, fhir_err_t *err)
{
    if (!err)
        return NULL;
    int failed;
    (void)fhir_tx_later(t->within.tx, &failed);
    for (int i = 0; failed >= 0 && i < t->entries->nelts; i++) {
        const fhir_entry_t *each = &APR_ARRAY_IDX(t->entries, i, fhir_entry_t);

        if (each->create_id && each->later == failed)
            entry = each;
    }
    return entry ? entry_error(entry, err) : err;
}

static fhir_err_t *meets(const transaction_t *t, const fhir_entry_t *entry)
{
    fhir_call_t call = t->call;

    call.type = fhir_model_resource(call.stored, entry->path, strlen(entry->path));
    return fhir_write_meets(&call, entry->meets, entry->create_id);
}

static fhir_err_t *run_entry(transaction_t *t, fhir_entry_t *entry, const char *source)
{
    if (entry->answer || entry->same_as)
        return NULL; /* decided already: it exists, or another entry creates it */
    if (entry->waits)
        FHIR_TRY(blame(t, entry, rewrite(t, entry, source, 1)));
    if (t->within.refs)
        fhir_refs_place(t->within.refs,
                        apr_psprintf(t->call.pool, "Bundle.entry[%d].resource", entry->index));
    fhir_entry_run(entry, t->call.request, &t->within, t->left);
    if (entry->err)
        return blame(t, entry, entry->err);
    if (entry->meets)
        FHIR_TRY(blame(t, entry, meets(t, entry)));
    t->left -= entry->answer->len;
    return NULL;
}

/* Conditional references are resolved when all else is written, because they may match a resource
 * of the Bundle. */
static fhir_err_t *run_entries(transaction_t *t, const char *source)
{
    int n = t->entries->nelts;

    for (int i = 0; i < n; i++) {
        fhir_entry_t *entry = &APR_ARRAY_IDX(t->entries, i, fhir_entry_t);

        FHIR_TRY(blame(t, entry, rewrite(t, entry, source, 0)));
    }
    fhir_entry_t **order = sorted(t->entries, by_rank);
    for (int i = 0; i < n; i++)
        FHIR_TRY(run_entry(t, order[i], source));
    for (int i = 0; i < n; i++)
        if (order[i]->same_as)
            fhir_entry_exists(order[i], order[i]->same_as->create_id, 1,
                              order[i]->same_as->response.updated);
    return NULL;
}

static fhir_err_t *answer_transaction(fhir_call_t *call, apr_array_header_t *entries)
{
    fhir_call_begin(call, 200);
    fhir_bundle_t *bundle;
    FHIR_TRY(fhir_bundle_begin(&bundle, call, "transaction-response"));
    for (int i = 0; i < entries->nelts; i++)
        FHIR_TRY(fhir_entry_answer(bundle, &APR_ARRAY_IDX(entries, i, fhir_entry_t)));
    return fhir_bundle_end(bundle);
}

/* The same as compact JSON, which is stored before it is sent. */
static fhir_err_t *answer_into(fhir_buf_t *json, const transaction_t *t)
{
    fhir_response_t response = {.headers = apr_table_make(t->call.pool, 2),
                                .body = fhir_buf_out(json, t->call.pool)};
    fhir_call_t call = t->call;

    call.response = &response;
    call.opts.format = FHIR_FORMAT_JSON;
    call.opts.pretty = 0;
    call.opts.subset = NULL;
    call.render = NULL;
    FHIR_TRY(answer_transaction(&call, t->entries));
    return json->overflow ? fhir_err_create(call.pool, FHIR_ERR_LIMIT, "The answer is too large")
                          : NULL;
}

static fhir_err_t *run_transaction(fhir_call_t *call, apr_array_header_t *entries,
                                   const char *source)
{
    transaction_t t = {.call = *call, .entries = entries, .left = answers_max(call)};
    fhir_idempotency_t idempotency;

    FHIR_TRY(fhir_idempotency_read(&idempotency, call));
    t.relink = fhir_relink_create(FHIR_RELINK_URIS_ALL, call->pool);
    t.creates = fhir_hash_make(call->pool);
    t.conditional = fhir_hash_make(call->pool);
    FHIR_TRY(fhir_call_begin_tx(&t.within.tx, call));
    t.call.tx = t.within.tx;
    FHIR_TRY(fhir_idempotency_look(&idempotency, &t.call));
    if (idempotency.status)
        return fhir_call_resource(call, idempotency.status, idempotency.body, idempotency.len);
    t.within.changed = fhir_hash_make(call->pool);
    if (call->endpoint->writing.check_references)
        t.within.refs = fhir_refs_create(&t.call);
    FHIR_TRY(decide(&t));
    FHIR_TRY(run_entries(&t, source));
    if (t.within.refs)
        FHIR_TRY(blame(&t, NULL, fhir_refs_check(t.within.refs, &t.call)));
    if (!idempotency.key) {
        FHIR_TRY(blame(&t, NULL, fhir_tx_commit(t.within.tx)));
        return answer_transaction(call, entries);
    }
    fhir_buf_t *json = fhir_buf_create(call->pool, answers_max(call));
    FHIR_TRY(answer_into(json, &t));
    FHIR_TRY(fhir_idempotency_keep(&idempotency, &t.call, 200, NULL, fhir_buf_cstr(json)));
    FHIR_TRY(blame(&t, NULL, fhir_tx_commit(t.within.tx)));
    return fhir_call_resource(call, 200, json->data, json->len);
}

fhir_err_t *fhir_batch_handle(fhir_call_t *call)
{
    fhir_input_t input;

    FHIR_TRY(fhir_input_read(&input, call));
    const fhir_node_t *type = fhir_node_get(input.root, "type");
    int transaction = fhir_node_is(type, "transaction");
    if (!fhir_node_is(fhir_node_get(input.root, "resourceType"), "Bundle") ||
        (!transaction && !fhir_node_is(type, "batch")))
        return fhir_err_create(call->pool, FHIR_ERR_BAD_REQUEST,
                               "The base accepts a Bundle of type batch or transaction");
    if (!(call->endpoint->interactions &
          (transaction ? FHIR_INTERACTION_TRANSACTION : FHIR_INTERACTION_BATCH)))
        return fhir_err_create(call->pool, FHIR_ERR_METHOD, "A %s is not offered here",
                               transaction ? "transaction" : "batch");
    call->response->interaction = transaction ? "transaction" : "batch";
    if (!transaction && fhir_call_header(call, "Idempotency-Key"))
        return fhir_err_create(
            call->pool, FHIR_ERR_BAD_REQUEST,
            "A batch must not have an Idempotency-Key, because its entries are stored one by one; "
            "send a transaction, or each entry as a separate request");
    const fhir_node_t *list = fhir_node_get(input.root, "entry");
    if (list && !list->child)
        return fhir_err_at(
            fhir_err_create(
                call->pool, FHIR_ERR_STRUCTURE,
                "An array must not be empty; omit the element entry if there are no entries"),
            call->pool, "Bundle.entry");
    apr_array_header_t *entries;
    FHIR_TRY(fhir_entry_list(&entries, call, input.root, input.source));
    if (entries->nelts > MANY && call->request->patience && call->request->patience->effort)
        call->request->patience->effort->is_long = 1;
    return transaction ? run_transaction(call, entries, input.source) : run_batch(call, entries);
}
