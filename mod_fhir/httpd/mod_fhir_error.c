/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors that httpd itself answers below an endpoint, before or beside the handler: a request line
 * or header that is too long, a bad escape, access denied by Require, a body above
 * LimitRequestBody. Their pages are replaced by OperationOutcomes. An ErrorDocument of the
 * administrator stays, and so do pages for people. No cache keeps any of them, also below a portal.
 */
#include "httpd/mod_fhir.h"

#include <apr_strings.h>

#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_core.h>
#include <util_filter.h>

#include "core/fhir_pairs.h"
#include "fhir/fhir_outcome.h"
#include "fhir/format/fhir_format.h"
#include "fhir/format/fhir_xml.h"

static const char filter_name[] = "FHIR_ERROR";

/* Source: http://hl7.org/fhir/R4/valueset-issue-type.html */
static const struct {
    int status;
    const char *code, *text;
} errors[] = {
    {HTTP_BAD_REQUEST, "invalid", "The request is not valid HTTP"},
    {HTTP_UNAUTHORIZED, "login", "The web server requires authentication"},
    {HTTP_FORBIDDEN, "forbidden", "The web server denies this client access"},
    {HTTP_NOT_FOUND, "not-found", "There is nothing at this address; an id must not contain %2F"},
    {HTTP_METHOD_NOT_ALLOWED, "not-supported", "The web server does not allow this method here"},
    {HTTP_REQUEST_TIME_OUT, "timeout", "The request was not complete within the allowed time"},
    {HTTP_LENGTH_REQUIRED, "required", "The request needs a Content-Length"},
    {HTTP_REQUEST_ENTITY_TOO_LARGE, "too-long",
     "The body is larger than the web server accepts (LimitRequestBody)"},
    {HTTP_REQUEST_URI_TOO_LARGE, "too-long",
     "The URL is longer than the web server accepts (LimitRequestLine); send a long search as a "
     "form: POST [base]/[type]/_search"},
    {HTTP_EXPECTATION_FAILED, "not-supported", "The web server cannot meet the header Expect"},
    {431, "too-long", "A header is longer than the web server accepts (LimitRequestFieldSize)"},
    {HTTP_NOT_IMPLEMENTED, "not-supported", "The web server does not know this method"},
    {HTTP_BAD_GATEWAY, "transient", "A server behind this one cannot be reached now"},
    {HTTP_SERVICE_UNAVAILABLE, "transient", "The web server is too busy now; try again"},
    {HTTP_GATEWAY_TIME_OUT, "timeout", "A server behind this one did not answer in time"},
};

/* ---- where the request was meant to go ---- */

static int is_below(const char *uri, const char *path, apr_size_t len)
{
    return !strncmp(uri, path, len) && (!uri[len] || strchr("/?", uri[len]));
}

/* The endpoint (or, by the other setting, the portal) of a URI, or NULL. If several sections match,
 * the last one counts. */
static const mod_fhir_place_t *place_of(server_rec *s, const char *uri, mod_fhir_setting_t kind)
{
    const mod_fhir_place_t *found = NULL;
    for (int i = 0; i < mod_fhir_sections(s); i++) {
        const mod_fhir_settings_t *own = mod_fhir_section(s, i, kind);
        const mod_fhir_place_t *place = own ? own->value[kind].place : NULL;
        if (place && is_below(uri, place->path, strlen(place->path)))
            found = place;
    }
    return found;
}

/* Endpoints in the folder of a URI: the base that the client may have meant. */
static const char *neighbours(const mod_fhir_place_t **one, request_rec *r)
{
    const char *list = NULL;
    for (int i = 0; i < mod_fhir_sections(r->server); i++) {
        const mod_fhir_settings_t *own = mod_fhir_section(r->server, i, MOD_FHIR_ENDPOINT);
        if (!own)
            continue;
        const mod_fhir_place_t *place = own->value[MOD_FHIR_ENDPOINT].place;
        const char *end = strrchr(place->path, '/');
        if (!end || end == place->path ||
            !is_below(r->uri, place->path, (apr_size_t)(end - place->path)))
            continue;
        *one = place;
        list = apr_pstrcat(r->pool, list ? list : "", list ? ", " : "", place->path, NULL);
    }
    return list;
}

/* The path of the request line, if httpd failed before it parsed it. */
static const char *uri_of(const request_rec *r)
{
    const char *line = r->the_request;
    if (r->uri)
        return r->uri;
    if (!line || !(line = strchr(line, ' ')))
        return "";
    return apr_pstrmemdup(r->pool, line + 1, strcspn(line + 1, " "));
}

/* ---- what is said ---- */

/* httpd's reason, without markup. */
static const char *reason(const request_rec *r)
{
    const char *notes = apr_table_get(r->notes, "error-notes");
    fhir_buf_t *buf = fhir_buf_create(r->pool, 8192);
    int depth = 0;
    for (const char *s = notes ? notes : ""; *s; s++) {
        depth += *s == '<' ? 1 : 0;
        if (!depth)
            fhir_buf_putc(buf, (unsigned char)*s < ' ' ? ' ' : *s);
        depth -= *s == '>' && depth ? 1 : 0;
    }
    return buf->len ? fhir_buf_cstr(buf) : NULL;
}

static void render(fhir_buf_t *buf, const request_rec *r, const char *bases)
{
    const char *code = r->status < 500 ? "invalid" : "exception";
    const char *text = ap_get_status_line_ex(r->pool, r->status);
    for (apr_size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
        if (errors[i].status == r->status) {
            code = errors[i].code;
            text = errors[i].text;
        }
    }
    if (bases)
        text = apr_psprintf(r->pool, "There is no FHIR endpoint at %s; the nearest ones are %s",
                            r->uri, bases);
    else if (reason(r))
        text = apr_pstrcat(r->pool, text, ": ", reason(r), NULL);
    fhir_outcome_begin(buf);
    fhir_outcome_issue(buf, "error", code, text, NULL);
    fhir_outcome_end(buf);
}

/* The response in XML, if the client asked for that; 0 if it can be made in neither format. */
static int to_xml(fhir_buf_t *json, const fhir_model_t *model, apr_pool_t *pool)
{
    fhir_buf_t *xml = fhir_buf_create(pool, 64 * 1024);
    fhir_node_t *root;
    if (fhir_node_parse_json(&root, json->data, json->len, NULL, pool) ||
        fhir_xml_write(xml, fhir_xml_writer_create(model, FHIR_XML_DECLARATION, pool), root, pool))
        return 0;
    fhir_buf_clear(json);
    fhir_buf_append(json, xml->data, xml->len);
    return 1;
}

/* ---- the filter ---- */

typedef struct page_t {
    const char *text, *type;
    apr_size_t len;
    int sent;
} page_t;

/* Drops the bytes of httpd's page; buckets without data pass. */
static apr_status_t replace(ap_filter_t *f, apr_bucket_brigade *bb)
{
    page_t *page = f->ctx;
    apr_bucket *next;
    for (apr_bucket *b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb); b = next) {
        next = APR_BUCKET_NEXT(b);
        if (!APR_BUCKET_IS_METADATA(b))
            apr_bucket_delete(b);
    }
    if (!page->sent) {
        page->sent = 1;
        ap_set_content_type(f->r, page->type);
        apr_table_unset(f->r->headers_out, "Content-Language");
        ap_set_content_length(f->r, (apr_off_t)page->len);
        APR_BRIGADE_INSERT_HEAD(
            bb, apr_bucket_pool_create(page->text, page->len, f->r->pool, bb->bucket_alloc));
    }
    return ap_pass_brigade(f->next, bb);
}

/* A 404, 405 or 414 may be kept by caches unless the response says otherwise (RFC 9110, 15.1). */
static void mark(request_rec *r)
{
    apr_table_setn(r->err_headers_out, "X-Content-Type-Options", "nosniff");
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
}

/* Browsers come to the pages of the authorization server. */
static int has_pages(const mod_fhir_place_t *place, const char *uri)
{
    const char *path = uri + strlen(place->path);
    return place->audience != FHIR_AUDIENCE_OPEN && fhir_auth_owns(path + strspn(path, "/"));
}

static void insert(request_rec *r)
{
    const char *bases = NULL, *uri = uri_of(r);
    if (r->status < 400)
        return;
    const mod_fhir_place_t *place = place_of(r->server, uri, MOD_FHIR_ENDPOINT);
    fhir_pairs_t pairs = {0, NULL};
    if (!place && r->status == HTTP_NOT_FOUND && r->uri)
        bases = neighbours(&place, r);
    if (place || place_of(r->server, uri, MOD_FHIR_PORTAL))
        mark(r);
    if (!place || ap_response_code_string(r, ap_index_of_response(r->status)) ||
        (!bases && has_pages(place, uri)))
        return;
    (void)fhir_pairs_parse(&pairs, r->args, 0, r->pool);
    fhir_format_t format;
    (void)fhir_format_accept(&format, place->spoken, apr_table_get(r->headers_in, "Accept"),
                             fhir_pairs_get(&pairs, "_format"), r->pool);
    if (format == FHIR_FORMAT_HTML)
        return;
    fhir_buf_t *buf = fhir_buf_create(r->pool, 64 * 1024);
    render(buf, r, bases);
    if (format == FHIR_FORMAT_XML && !to_xml(buf, place->spoken, r->pool))
        format = FHIR_FORMAT_JSON;
    page_t *page = apr_pcalloc(r->pool, sizeof(*page));
    page->text = fhir_buf_cstr(buf);
    page->len = buf->len;
    page->type = fhir_format_media_type(place->spoken, format);
    ap_add_output_filter(filter_name, page, r, r->connection);
}

void mod_fhir_error_register(void)
{
    ap_register_output_filter(filter_name, replace, NULL, AP_FTYPE_RESOURCE);
    ap_hook_insert_error_filter(insert, NULL, NULL, APR_HOOK_MIDDLE);
}
