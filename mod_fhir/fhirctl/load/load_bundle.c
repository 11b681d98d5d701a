/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resources of a document: a single one, or those of a Bundle. Each gets its id, and references
 * between them are rewritten. The database is asked for everything in one query for each document.
 *
 * The id is that of the resource; otherwise that of the request's URL, of fullUrl (urn:uuid:X,
 * …/Type/X), or one computed from the content. So the same input gives the same ids whenever it is
 * loaded.
 * Source: http://hl7.org/fhir/R4/http.html#trules, bundle.html#references
 */
#include <apr_sha1.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <string.h>

#include "core/fhir_hex.h"
#include "core/fhir_text.h"
#include "fhir/write/fhir_relink.h"
#include "fhir/write/fhir_stamp.h"
#include "fhirctl/load/load.h"

#define CHUNK_ITEMS     2000 /* resources that are tried again in one go */
#define CHUNK_BYTES     (16u << 20)
#define GET(node, name) fhir_node_getn((node), "" name, sizeof(name) - 1)

/** One resource of a document. */
typedef struct entry_t {
    load_place_t place;
    const char *source; /* text from which resource was parsed */
    const fhir_node_t *resource;
    const fhir_type_t *type;
    const char *id; /* NULL until it is known */
    apr_size_t id_len;
    const char *full_url, *criterion; /* or NULL */
    int create_only; /* criterion is ifNoneExist: an existing resource is not changed */
    int done;        /* rejected, or nothing to do */
    int first_link, n_links;
} entry_t;

struct load_reader_t {
    load_t *load;
    load_lookup_t *lookup;
    apr_array_header_t *entries, *links; /* of the present document */
    fhir_relink_t *relink;               /* fullUrl → the address of the entry */
    int compact;
    fhir_buf_t *text;
    int last_pass; /* a reference that cannot be resolved now is an error */
    apr_pool_t *pool, *doc_pool;
};

fhir_err_t *load_reader_create(load_reader_t **reader, load_t *load, PGconn *conn, apr_pool_t *pool)
{
    load_reader_t *r = apr_pcalloc(pool, sizeof(*r));
    r->load = load;
    r->pool = pool;
    apr_pool_create(&r->doc_pool, pool);
    r->lookup = load_lookup_create(load, conn, pool);
    r->text = fhir_buf_create(pool, LOAD_DOCUMENT_MAX);
    *reader = r;
    return NULL;
}

static void reject(load_reader_t *r, entry_t *e, const fhir_err_t *err)
{
    e->done = 1;
    load_reject(r->load, &e->place, err, e->source + e->resource->start,
                e->resource->end - e->resource->start);
}

static void left_out(load_reader_t *r, entry_t *e)
{
    e->done = 1;
    atomic_fetch_add(&r->load->n_same, 1);
}

/* ---- ids ---- */

static int is_type_and_id(const char *s, apr_size_t len, const fhir_type_t *type,
                          const fhir_model_t *m)
{
    const char *name = fhir_model_str(m, type->name);
    apr_size_t n = strlen(name);
    return len > n + 1 && !memcmp(s, name, n) && s[n] == '/' &&
           fhir_text_is_id(s + n + 1, len - n - 1);
}

/* The id at the end of a URL: urn:uuid:X, urn:oid:X, [base/]Type/X. */
static const char *id_of_url(const char *url, const fhir_type_t *type, const fhir_model_t *m)
{
    const char *slash = strrchr(url, '/'), *colon = strrchr(url, ':');
    if (!strncmp(url, "urn:", 4))
        return colon && fhir_text_is_id(colon + 1, strlen(colon + 1)) ? colon + 1 : NULL;
    if (!slash)
        return NULL;
    const char *start;
    for (start = slash; start > url && start[-1] != '/'; start--)
        ;
    return is_type_and_id(start, strlen(start), type, m) ? slash + 1 : NULL;
}

/* An id for content without one: a UUID from its SHA-1 (RFC 4122, version 5). */
static const char *id_of_content(load_reader_t *r, const entry_t *e)
{
    char *id = apr_palloc(r->doc_pool, FHIR_UUID_LEN + 1);
    fhir_buf_clear(r->text);
    fhir_stamp_splice(r->text, e->source, e->resource->start, e->resource->end, NULL, 0, 1);
    apr_sha1_ctx_t ctx;
    apr_sha1_init(&ctx);
    apr_sha1_update_binary(&ctx, (const unsigned char *)r->text->data, (unsigned)r->text->len);
    unsigned char d[APR_SHA1_DIGESTSIZE];
    apr_sha1_final(d, &ctx);
    fhir_hex_uuid(id, d, 5);
    return id;
}

static void set_id(load_reader_t *r, entry_t *e, const char *request_url)
{
    const fhir_node_t *id = GET(e->resource, "id");
    const fhir_model_t *m = r->load->model;
    if (id)
        e->id = apr_pstrmemdup(r->doc_pool, id->text, id->text_len);
    if (!e->id && request_url)
        e->id = id_of_url(request_url, e->type, m);
    if (!e->id && e->full_url)
        e->id = id_of_url(e->full_url, e->type, m);
    if (!e->id)
        e->id = id_of_content(r, e);
    e->id_len = strlen(e->id);
}

/* ---- entries ---- */

static void add_link(void *baton, const fhir_link_t *link)
{
    load_reader_t *r = baton;
    APR_ARRAY_PUSH(r->links, fhir_link_t) = *link;
}

/* Checks the resource and collects its references that may need a change. */
static fhir_err_t *check(load_reader_t *r, entry_t *e)
{
    e->first_link = r->links->nelts;
    fhir_err_t *err =
        load_shape_check(&e->type, r->load->model, e->resource, add_link, r, r->doc_pool);
    e->n_links = r->links->nelts - e->first_link;
    return err;
}

static const char *string(const fhir_node_t *object, const char *name, apr_pool_t *pool)
{
    const char *s = fhir_node_string(object, name, pool);
    return s && *s ? s : NULL;
}

/* "Type?…" of a request's url or ifNoneExist. */
static const char *criterion_of(const entry_t *e, const char *query, const load_reader_t *r)
{
    const char *question = strchr(query, '?');
    return apr_pstrcat(r->doc_pool, fhir_model_str(r->load->model, e->type->name), "?",
                       question ? question + 1 : query, NULL);
}

static fhir_err_t *check_method(const load_reader_t *r, const fhir_node_t *method)
{
    if (!method || fhir_node_is(method, "POST") || fhir_node_is(method, "PUT"))
        return NULL;
    return fhir_err_create(
        r->doc_pool, FHIR_ERR_METHOD, "the entry's request is %.16s: only POST and PUT are loaded",
        method->text ? apr_pstrmemdup(r->doc_pool, method->text, method->text_len) : "no method");
}

/* Reads the entry's request. http://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.request */
static fhir_err_t *read_request(load_reader_t *r, entry_t *e, const fhir_node_t *request)
{
    const char *method = string(request, "method", r->doc_pool);
    const char *url = string(request, "url", r->doc_pool);
    const char *if_none_exist = string(request, "ifNoneExist", r->doc_pool);
    const fhir_node_t *id = GET(e->resource, "id");
    const char *url_id = NULL;
    if (method && !strcmp(method, "PUT") && url) {
        url_id = id_of_url(url, e->type, r->load->model);
        if (strchr(url, '?'))
            e->criterion = criterion_of(e, url, r);
        else if (!url_id || (id && !fhir_node_is(id, url_id)))
            return fhir_err_create(r->doc_pool, FHIR_ERR_ID_MISMATCH,
                                   "the entry's request.url does not fit the resource: %s/ID with "
                                   "the resource's id is expected",
                                   fhir_model_str(r->load->model, e->type->name));
    }
    else if (if_none_exist) {
        e->criterion = criterion_of(e, if_none_exist, r);
        e->create_only = 1;
    }
    set_id(r, e, url_id ? url : NULL);
    return NULL;
}

static void read_entry(load_reader_t *r, const char *source, const fhir_node_t *node,
                       load_place_t place)
{
    entry_t *e = apr_array_push(r->entries);
    const fhir_node_t *request = GET(node, "request");
    *e = (entry_t){.place = place, .source = source, .resource = GET(node, "resource")};
    if (fhir_node_is(GET(GET(node, "search"), "mode"), "outcome")) {
        left_out(r, e);
        return;
    }
    fhir_err_t *err = check_method(r, GET(request, "method"));
    if (!err && !e->resource)
        err = fhir_err_create(r->doc_pool, FHIR_ERR_REQUIRED, "the entry holds no resource");
    if (!e->resource)
        e->resource = node;
    e->full_url = string(node, "fullUrl", r->doc_pool);
    if (!err)
        err = check(r, e);
    if (!err)
        err = read_request(r, e, request);
    if (!err && e->criterion)
        err = load_lookup_want(r->lookup, e->criterion, strlen(e->criterion), r->doc_pool);
    if (err)
        reject(r, e, err);
}

/* ---- references ---- */

static void want_references(load_reader_t *r, entry_t *e)
{
    for (int i = e->first_link; i < e->first_link + e->n_links && !e->done; i++) {
        const fhir_link_t *link = &APR_ARRAY_IDX(r->links, i, fhir_link_t);
        fhir_err_t *err =
            fhir_relink_condition(link, r->load->model)
                ? load_lookup_want(r->lookup, link->value->text, link->value->text_len, r->doc_pool)
                : NULL;
        if (err)
            reject(r, e, err);
    }
}

/* The id by the entry's condition, and the names by which others refer to it. */
static void settle_id(load_reader_t *r, entry_t *e)
{
    const char *type = fhir_model_str(r->load->model, e->type->name);
    const char *own = NULL;
    if (e->criterion) {
        load_match_t match = load_lookup_get(r->lookup, e->criterion, strlen(e->criterion));
        if (match.n > 1) {
            reject(r, e,
                   fhir_err_create(r->doc_pool, FHIR_ERR_MULTIPLE_MATCHES,
                                   "the condition %s matches several resources", e->criterion));
            return;
        }
        if (match.n) {
            own = apr_pstrcat(r->doc_pool, type, "/", e->id, NULL);
            e->id = match.id;
            e->id_len = strlen(e->id);
            if (e->create_only)
                left_out(r, e);
        }
        else
            load_lookup_set(r->lookup, e->criterion, strlen(e->criterion), e->id, e->id_len);
    }
    if (e->full_url)
        fhir_relink_add(r->relink, e->full_url, type, e->id, 0);
    if (own)
        fhir_relink_add(r->relink, own, type, e->id, 0);
}

/* A conditional reference. missing: it matches nothing yet. */
static fhir_err_t *resolve(apr_array_header_t *edits, int *missing, load_reader_t *r,
                           const fhir_link_t *link, const fhir_type_t *type)
{
    const fhir_node_t *v = link->value;
    load_match_t match = load_lookup_get(r->lookup, v->text, v->text_len);
    if (match.n == 1) {
        const char *target = apr_pstrcat(r->doc_pool, fhir_model_str(r->load->model, type->name),
                                         "/", match.id, NULL);
        fhir_relink_replace(edits, link, target, strlen(target));
    }
    else if (match.n > 1 || r->last_pass)
        return fhir_err_create(r->doc_pool, FHIR_ERR_REFERENCE, "the reference %s matches %s",
                               apr_pstrmemdup(r->doc_pool, v->text, v->text_len),
                               match.n ? "several resources" : "no resource");
    *missing |= !match.n;
    return NULL;
}

/* Passes on the resource, with rewritten references. */
static fhir_err_t *give(load_reader_t *r, entry_t *e)
{
    apr_array_header_t *edits = apr_array_make(r->doc_pool, 4, sizeof(fhir_edit_t));
    const char *root = fhir_relink_root(e->full_url, r->doc_pool);
    load_item_t item = {
        .place = e->place, .checked = 1, .id = e->id, .id_len = (apr_byte_t)e->id_len};
    int missing = 0;
    for (int i = e->first_link; i < e->first_link + e->n_links; i++) {
        const fhir_link_t *link = &APR_ARRAY_IDX(r->links, i, fhir_link_t);
        const fhir_type_t *type = fhir_relink_condition(link, r->load->model);
        fhir_err_t *err = NULL;
        if (type)
            err = resolve(edits, &missing, r, link, type);
        else
            fhir_relink_edit(edits, r->relink, link, root);
        if (err) {
            reject(r, e, err);
            return NULL;
        }
    }
    fhir_buf_clear(r->text);
    fhir_relink_splice(r->text, e->source, e->resource, edits, r->compact);
    item.type = fhir_model_type_index(r->load->model, e->type);
    item.text = r->text->data;
    item.text_len = (apr_uint32_t)r->text->len;
    if (missing)
        return load_spool_put(r->load, &item);
    load_queue_put(r->load, &item);
    return NULL;
}

static void begin(load_reader_t *r)
{
    r->entries = apr_array_make(r->doc_pool, 64, sizeof(entry_t));
    r->links = apr_array_make(r->doc_pool, 256, sizeof(fhir_link_t));
    r->relink = fhir_relink_create(FHIR_RELINK_URIS_URN, r->doc_pool);
}

/* All entries of the document are known; now conditions, ids and references are resolved. Before
 * the database is asked, the workers must write what they have, so this is done for many resources
 * at a time (ask). A line with a condition that has no answer yet waits in the spool instead. */
static fhir_err_t *finish(load_reader_t *r, int ask)
{
    entry_t *end = (entry_t *)r->entries->elts + r->entries->nelts;
    for (entry_t *e = (entry_t *)r->entries->elts; e < end && ask; e++)
        if (!e->done)
            want_references(r, e);
    FHIR_TRY(load_lookup_run(r->lookup));
    for (entry_t *e = (entry_t *)r->entries->elts; e < end; e++)
        if (!e->done)
            settle_id(r, e);
    for (entry_t *e = (entry_t *)r->entries->elts; e < end; e++)
        if (!e->done)
            FHIR_TRY(give(r, e));
    return NULL;
}

/* ---- documents ---- */

static int is_word(const fhir_node_t *node, const char *const *words)
{
    for (; *words; words++)
        if (fhir_node_is(node, *words))
            return 1;
    return 0;
}

/* 1 for a Bundle whose entries are resources to load; other Bundles are resources themselves, or
 * responses. */
static const char *const unpacked[] = {"transaction", "batch", "collection", "searchset", NULL};
static const char *const kept[] = {"document", "message", NULL};

static fhir_err_t *read_bundle(load_reader_t *r, const load_document_t *d,
                               const fhir_node_t *bundle)
{
    const fhir_node_t *entries = GET(bundle, "entry");
    load_place_t place = d->place;
    apr_size_t at = 0;
    r->compact = 1;
    for (const fhir_node_t *node = entries ? entries->child : NULL; node; node = node->next) {
        for (; at < node->start; at++)
            place.line += d->text[at] == '\n';
        place.entry++;
        read_entry(r, d->text, node, place);
    }
    return finish(r, 1);
}

static fhir_err_t *read_resource(load_reader_t *r, const load_document_t *d,
                                 const fhir_node_t *resource)
{
    entry_t *e = apr_array_push(r->entries);
    r->compact = !d->is_line;
    *e = (entry_t){.place = d->place, .source = d->text, .resource = resource};
    fhir_err_t *err = check(r, e);
    if (err) {
        reject(r, e, err);
        return NULL;
    }
    set_id(r, e, NULL);
    return finish(r, 0);
}

/* An NDJSON line that needs nothing else: the worker does the rest. */
static int pass_on(load_reader_t *r, const load_document_t *d)
{
    const char *type, *id;
    apr_size_t type_len, id_len;
    const fhir_type_t *t;
    load_item_t item = {.place = d->place};
    if (!d->is_line || d->len > APR_UINT32_MAX ||
        !load_source_head(&type, &type_len, &id, &id_len, d->text, d->len) ||
        !(t = fhir_model_resource(r->load->model, type, type_len)) ||
        (type_len == 6 && !memcmp(type, "Bundle", 6)) || !fhir_text_is_id(id, id_len))
        return 0;
    item.type = fhir_model_type_index(r->load->model, t);
    item.id = id;
    item.id_len = (apr_byte_t)id_len;
    item.text = d->text;
    item.text_len = (apr_uint32_t)d->len;
    load_queue_put(r->load, &item);
    return 1;
}

fhir_err_t *load_reader_document(load_reader_t *r, const load_document_t *d)
{
    const fhir_node_limits_t limits = {.max_bytes = LOAD_DOCUMENT_MAX,
                                       .max_depth = FHIR_NODE_DEPTH_MOST};
    if (pass_on(r, d))
        return NULL;
    apr_pool_clear(r->doc_pool);
    begin(r);
    fhir_node_t *root;
    fhir_err_t *err = fhir_node_parse_json(&root, d->text, d->len, &limits, r->doc_pool);
    const fhir_node_t *type = err ? NULL : GET(root, "type");
    if (!err && fhir_node_is(GET(root, "resourceType"), "Bundle") && !is_word(type, kept)) {
        if (is_word(type, unpacked))
            return read_bundle(r, d, root);
        err = fhir_err_create(
            r->doc_pool, FHIR_ERR_STRUCTURE,
            "a Bundle of type %s is not loaded: transaction, batch, collection and "
            "searchset are unpacked, document and message are stored",
            type && type->text ? apr_pstrmemdup(r->doc_pool, type->text, type->text_len)
                               : "(none)");
    }
    if (!err)
        return read_resource(r, d, root);
    load_reject(r->load, &d->place, err, d->text, d->len);
    return NULL;
}

/* ---- once more ---- */

static fhir_err_t *read_spooled(load_reader_t *r, load_spool_t *spool)
{
    apr_size_t bytes = 0;
    for (int n = 0; n < CHUNK_ITEMS && bytes < CHUNK_BYTES; n++) {
        load_item_t item;
        int got;
        FHIR_TRY(load_spool_next(&got, &item, spool, r->doc_pool));
        if (!got)
            break;
        fhir_node_t *root;
        FHIR_TRY(fhir_node_parse_json(&root, item.text, item.text_len, FHIR_NODE_LIMITS_MOST,
                                      r->doc_pool));
        entry_t *e = apr_array_push(r->entries);
        *e = (entry_t){.place = item.place,
                       .source = item.text,
                       .resource = root,
                       .id = apr_pstrmemdup(r->doc_pool, item.id, item.id_len),
                       .id_len = item.id_len};
        FHIR_TRY(check(r, e));
        bytes += item.text_len;
    }
    return NULL;
}

fhir_err_t *load_reader_finish(load_reader_t *r)
{
    apr_size_t before = 0;
    r->compact = 0;
    load_queue_flush(r->load); /* workers add lines to the spool, too */
    apr_size_t n;
    while ((n = load_spool_count(r->load->spool)) && !atomic_load(&r->load->failed)) {
        load_spool_t *spool = r->load->spool;
        r->last_pass = n == before;
        before = n;
        FHIR_TRY(load_spool_create(&r->load->spool, r->pool));
        FHIR_TRY(load_spool_rewind(spool));
        do {
            apr_pool_clear(r->doc_pool);
            begin(r);
            FHIR_TRY(read_spooled(r, spool));
            FHIR_TRY(finish(r, 1));
        } while (r->entries->nelts);
        load_spool_destroy(spool);
    }
    return NULL;
}
