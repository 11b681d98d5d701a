/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of batches and transactions: read from a Bundle, run, and written to the response. */
#include "fhir/write/fhir_entry.h"

#include <apr_strings.h>

#include "core/fhir_text.h"
#include "fhir/fhir_binary.h"
#include "fhir/fhir_spoken.h"

/* Texts for the status lines of the response (Bundle.entry.response.status). */
static const struct {
    int status;
    const char *text;
} status_texts[] = {
    {200, "OK"},
    {201, "Created"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {422, "Unprocessable Content"},
    {428, "Precondition Required"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
};

/* ---- reading ---- */

/* An unknown member is an error: if a misspelt condition were ignored, what it should prevent would
 * happen. */
static fhir_err_t *check_names(const fhir_call_t *call, const fhir_node_t *node,
                               const fhir_type_t *type, const char *place)
{
    for (const fhir_node_t *m = node ? node->child : NULL; m; m = m->next) {
        apr_size_t mark = m->name_len && *m->name == '_';

        if (fhir_model_element(call->spoken, type, m->name + mark, m->name_len - mark) ||
            fhir_node_get(node, "resourceType") == m)
            continue;
        const char *name = fhir_text_excerpt(m->name, m->name_len, call->pool);
        return fhir_err_at(
            fhir_err_create(call->pool, FHIR_ERR_STRUCTURE, "%s has no element '%s'", place, name),
            call->pool, apr_psprintf(call->pool, "%s.%s", place, name));
    }
    return NULL;
}

/* The type of a backbone element. */
static const fhir_type_t *type_of(const fhir_call_t *call, const fhir_type_t *type,
                                  const char *name)
{
    return &call->spoken->types[fhir_model_element(call->spoken, type, name, strlen(name))->type];
}

static fhir_err_t *bad_entry(const fhir_call_t *call, int index, const char *what)
{
    return fhir_err_at(
        fhir_err_create(call->pool, FHIR_ERR_BAD_REQUEST, "Entry %d: %s", index, what), call->pool,
        apr_psprintf(call->pool, "Bundle.entry[%d]", index));
}

/* A PATCH has its document in a Binary, or is a FHIRPath Patch.
 * Source: http.html#patch (batch and transaction) */
static fhir_err_t *patch_body(fhir_entry_t *entry, const char *source)
{
    const fhir_call_t *call = entry->call;
    const char *data = fhir_node_string(entry->resource, "data", call->pool);

    if (fhir_node_is(fhir_node_get(entry->resource, "resourceType"), "Parameters")) {
        entry->body = source + entry->resource->start;
        entry->body_len = entry->resource->end - entry->resource->start;
        return NULL;
    }
    entry->content_type = fhir_node_string(entry->resource, "contentType", call->pool);
    if (!fhir_node_is(fhir_node_get(entry->resource, "resourceType"), "Binary") || !data ||
        !entry->content_type)
        return bad_entry(
            call, entry->index,
            "a PATCH is a Parameters (FHIRPath Patch) or a Binary with contentType and data");
    entry->body = fhir_binary_decode(&entry->body_len, data, call->pool);
    return NULL;
}

/* Splits "Patient/1?x=y", which may be absolute below the base, into path and query. */
static fhir_err_t *split_url(fhir_entry_t *entry, const char *url)
{
    const fhir_call_t *call = entry->call;
    apr_size_t base = strlen(call->request->base_url);
    char *path = apr_pstrdup(call->pool, url);

    if (!strncmp(path, call->request->base_url, base) && path[base] == '/')
        path += base + 1;
    else if (*path == '/')
        path++;
    char *mark = strchr(path, '?');
    if (mark)
        *mark++ = '\0';
    entry->path = path;
    entry->query = mark;
    if (!*path && strcmp(entry->method, "GET") != 0)
        return bad_entry(call, entry->index,
                         "a Bundle cannot contain another batch or transaction");
    return NULL;
}

/* ifModifiedSince of an entry is an instant; the header If-Modified-Since is an HTTP date. A value
 * that is not an instant is passed on unchanged, and then ignored like an invalid header. */
static const char *http_date(const char *instant, apr_pool_t *pool)
{
    fhir_interval_t time;

    if (!instant || !fhir_time_parse(&time, instant, strlen(instant), FHIR_TIME_INSTANT, NULL))
        return instant;
    char *date = apr_palloc(pool, APR_RFC822_DATE_LEN);
    apr_rfc822_date(date, time.low);
    return date;
}

static fhir_err_t *read_entry(fhir_entry_t *entry, const fhir_node_t *node, const fhir_type_t *type,
                              const char *source)
{
    const fhir_call_t *call = entry->call;
    const fhir_node_t *request = fhir_node_get(node, "request");
    const char *url = fhir_node_string(request, "url", call->pool);
    const char *place = apr_psprintf(call->pool, "Bundle.entry[%d]", entry->index);

    FHIR_TRY(check_names(call, node, type, place));
    FHIR_TRY(check_names(call, request, type_of(call, type, "request"),
                         apr_pstrcat(call->pool, place, ".request", NULL)));
    entry->method = fhir_node_string(request, "method", call->pool);
    if (!entry->method || !url)
        return bad_entry(call, entry->index, "request.method and request.url are required");
    entry->full_url = fhir_node_string(node, "fullUrl", call->pool);
    entry->if_match = fhir_node_string(request, "ifMatch", call->pool);
    entry->if_none_match = fhir_node_string(request, "ifNoneMatch", call->pool);
    entry->if_modified_since =
        http_date(fhir_node_string(request, "ifModifiedSince", call->pool), call->pool);
    entry->if_none_exist = fhir_node_string(request, "ifNoneExist", call->pool);
    entry->resource = fhir_node_get(node, "resource");
    entry->content_type = "application/fhir+json";
    FHIR_TRY(split_url(entry, url));
    if (!strcmp(entry->method, "PATCH"))
        return patch_body(entry, source);
    if (entry->resource) {
        entry->body = source + entry->resource->start;
        entry->body_len = entry->resource->end - entry->resource->start;
    }
    return NULL;
}

fhir_err_t *fhir_entry_list(apr_array_header_t **entries, fhir_call_t *call,
                            const fhir_node_t *bundle, const char *source)
{
    const fhir_type_t *type = fhir_model_resource(call->spoken, "Bundle", 6);
    const fhir_node_t *list = fhir_node_get(bundle, "entry");
    int index = 0;

    *entries = apr_array_make(call->pool, 16, sizeof(fhir_entry_t));
    FHIR_TRY(check_names(call, bundle, type, "Bundle"));
    if (list && list->kind != FHIR_NODE_ARRAY)
        return fhir_err_at(fhir_err_create(call->pool, FHIR_ERR_STRUCTURE,
                                           "The entries of a Bundle must be an array"),
                           call->pool, "Bundle.entry");
    type = type_of(call, type, "entry");
    for (const fhir_node_t *node = list ? list->child : NULL; node; node = node->next) {
        fhir_entry_t *entry = apr_array_push(*entries);

        if (index == call->endpoint->limits.entries_max)
            return fhir_err_create(call->pool, FHIR_ERR_TOO_LARGE,
                                   "The Bundle has more than %d entries, the limit here; divide it",
                                   index);
        memset(entry, 0, sizeof(*entry));
        entry->call = call;
        entry->index = index++;
        entry->later = -1;
        FHIR_TRY(read_entry(entry, node, type, source));
    }
    return NULL;
}

/* ---- running ---- */

static const char *entry_header(const fhir_request_t *request, const char *name)
{
    const fhir_entry_t *entry = request->baton;
    const struct {
        const char *name, *value;
    } headers[] = {
        {"If-Match", entry->if_match},
        {"If-None-Match", entry->if_none_match},
        {"If-Modified-Since", entry->if_modified_since},
        {"If-None-Exist", entry->if_none_exist},
        {"Content-Type", entry->content_type},
    };

    for (apr_size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
        if (!strcasecmp(name, headers[i].name))
            return headers[i].value;
    if (!strcasecmp(name, "Prefer")) {
        const char *prefer = fhir_call_header(entry->call, "Prefer");

        return prefer ? prefer : "return=minimal";
    }
    return NULL;
}

static fhir_err_t *entry_body(const char **body, apr_size_t *len, const fhir_request_t *request,
                              apr_size_t max)
{
    const fhir_entry_t *entry = request->baton;

    if (entry->body_len > max)
        return fhir_err_create(request->pool, FHIR_ERR_TOO_LARGE, "The entry is too large");
    *body = entry->body;
    *len = entry->body_len;
    return NULL;
}

static void entry_reset(fhir_response_t *response)
{
    fhir_buf_clear(response->body->baton);
}

/* The memory of an entry is freed after it, except for its response: Bundles have thousands of
 * entries. */
void fhir_entry_run(fhir_entry_t *entry, const fhir_request_t *bundle, const fhir_within_t *within,
                    apr_size_t max)
{
    const fhir_call_t *call = entry->call;
    fhir_request_t request = *bundle;
    fhir_within_t own = {.tx = NULL};

    apr_pool_create(&request.pool, call->pool);
    if (within)
        own = *within;
    int failed;
    if (own.tx)
        entry->later = fhir_tx_later(own.tx, &failed);
    own.create_id = entry->create_id;
    /* a urn identifies the resource until the server gives it an id */
    own.temporary_id = entry->full_url && !strncmp(entry->full_url, "urn:", 4);
    request.within = &own;
    request.method = strcmp(entry->method, "HEAD") ? entry->method : "GET";
    request.head = !strcmp(entry->method, "HEAD");
    request.path = entry->path;
    request.query = entry->query;
    request.header = entry_header;
    request.read_body = entry_body;
    request.baton = entry;
    entry->answer = fhir_buf_create(call->pool, max ? max : 1); /* 0: no limit */
    entry->response.headers = apr_table_make(request.pool, 4);
    entry->response.body = fhir_buf_out(entry->answer, call->pool);
    entry->response.body_reset = entry_reset;
    entry->err = fhir_service_run(&entry->response, &request);
    entry->pool = request.pool;
    if (entry->err)
        return; /* the error is in that memory */
    if (request.head)
        fhir_buf_clear(entry->answer);
    entry->response.headers = apr_table_clone(call->pool, entry->response.headers);
    apr_pool_destroy(request.pool);
}

void fhir_entry_exists(fhir_entry_t *entry, const char *id, int version, apr_int64_t updated)
{
    const fhir_call_t *call = entry->call;

    entry->answer = fhir_buf_create(call->pool, 0);
    entry->response.status = 200;
    entry->response.updated = updated;
    entry->response.headers = apr_table_make(call->pool, 2);
    apr_table_setn(entry->response.headers, "ETag", apr_psprintf(call->pool, "W/\"%d\"", version));
    apr_table_setn(entry->response.headers, "Location",
                   apr_psprintf(call->pool, "%s/%s/%s/_history/%d", call->request->base_url,
                                entry->path, id, version));
}

/* ---- the answer ---- */

static void write_member(fhir_buf_t *buf, const char *name, const char *value)
{
    if (!value)
        return;
    fhir_buf_printf(buf, ",\"%s\":", name);
    fhir_buf_json_string(buf, value, strlen(value));
}

static const char *status_line(const fhir_entry_t *entry)
{
    for (apr_size_t i = 0; i < sizeof(status_texts) / sizeof(*status_texts); i++)
        if (status_texts[i].status == entry->response.status)
            return apr_psprintf(entry->call->pool, "%d %s", status_texts[i].status,
                                status_texts[i].text);
    return apr_itoa(entry->call->pool, entry->response.status);
}

/* 1 if the response is not a requested resource, but the OperationOutcome of a write. */
static int is_outcome(const fhir_entry_t *entry)
{
    const char *ran = entry->response.interaction;

    return entry->err ||
           (ran && (!strcmp(ran, "create") || !strcmp(ran, "update") || !strcmp(ran, "patch")) &&
            fhir_call_prefers(entry->call, "return=OperationOutcome"));
}

/* The members beside the resource. They include the OperationOutcome of an error. */
static const char *response_member(const fhir_entry_t *entry)
{
    const fhir_response_t *response = &entry->response;
    fhir_buf_t *buf = fhir_buf_create(entry->call->pool, 0);

    fhir_buf_printf(buf, "\"response\":{\"status\":\"%s\"", status_line(entry));
    write_member(buf, "location", apr_table_get(response->headers, "Location"));
    write_member(buf, "etag", apr_table_get(response->headers, "ETag"));
    if (response->updated) {
        char updated[25];
        fhir_time_format(updated, response->updated);
        write_member(buf, "lastModified", updated);
    }
    if (entry->answer->len && is_outcome(entry) && !fhir_spoken_differs(entry->call)) {
        fhir_buf_puts(buf, ",\"outcome\":");
        fhir_buf_append(buf, entry->answer->data, entry->answer->len);
    }
    fhir_buf_putc(buf, '}');
    return fhir_buf_cstr(buf);
}

fhir_err_t *fhir_entry_answer(fhir_bundle_t *bundle, fhir_entry_t *entry)
{
    fhir_bundle_entry_t out = {.rest = response_member(entry)};

    if (entry->answer->overflow)
        return fhir_err_create(entry->call->pool, FHIR_ERR_LIMIT, "The answer is too large");
    /* DSTU2 has no response.outcome, so the OperationOutcome is the entry's resource */
    if (entry->answer->len && (fhir_spoken_differs(entry->call) || !is_outcome(entry))) {
        out.resource = entry->answer->data;
        out.len = entry->answer->len;
    }
    FHIR_TRY(fhir_bundle_add(bundle, &out));
    fhir_buf_free(entry->answer);
    if (entry->err)
        apr_pool_destroy(entry->pool);
    return NULL;
}
