/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages for people. What a page shows is its narratives and its JSON, indented, with links on
 * references and URLs; nothing of it is particular to a resource type.
 */
#include "fhir/format/fhir_html.h"

#include <apr_strings.h>
#include <string.h>

#include "core/fhir_text.h"
#include "fhir/format/fhir_xhtml.h"

struct fhir_html_t {
    const fhir_model_t *model;
    const char *base_url;
    const char *query; /* without _format, ending with '&' unless empty */
    fhir_buf_t *scratch;
};

static const char style[] =
    ":root{color-scheme:light dark}"
    "body{margin:0;font:16px/1.5 system-ui,sans-serif;color:#1b1b1b;background:#fff;"
    "overflow-wrap:anywhere}"
    "header,main,footer{padding:.8rem 1.2rem;max-width:75rem;margin:0 auto}"
    "header{border-bottom:1px solid #b5b5b5}"
    "h1{font-size:1.4rem;margin:0}h2{font-size:1.1rem;margin:1.2rem 0 .4rem}"
    "nav a{display:inline-block;margin:.3rem 1rem .3rem 0}"
    "a{color:#0b4f8a}a:focus-visible{outline:3px solid #0b4f8a;outline-offset:2px}"
    "pre{white-space:pre-wrap;background:#f6f6f4;border:1px solid #ddd;padding:.8rem;"
    "font:14px/1.45 ui-monospace,monospace}pre a{word-break:break-all}"
    ".k{color:#6b2d00}.s{color:#0a5c0a}.n{color:#1f3fa8}"
    ".narrative,.issues{border-left:4px solid #b5b5b5;padding-left:1rem;overflow-x:auto}"
    ".narrative{contain:layout paint}.narrative table{border-collapse:collapse}"
    ".narrative td,.narrative th{padding:.1rem .5rem;min-width:4.5rem}"
    "section{border-bottom:1px solid #ddd;padding-bottom:.8rem}"
    "@media(prefers-color-scheme:dark){body{background:#161616;color:#eee}a{color:#8cc4ff}"
    "a:focus-visible{outline-color:#8cc4ff}"
    "pre{background:#222;border-color:#444}.k{color:#ffb78a}.s{color:#9fdf9f}.n{color:#a9bcff}"
    "header,section,.narrative,.issues{border-color:#555}"
    /* narratives bring backgrounds of their own, made for dark text */
    ".narrative{color-scheme:light;background:#fff;color:#1b1b1b;padding:.4rem 1rem}"
    ".narrative a{color:#0b4f8a}.narrative a:focus-visible{outline-color:#0b4f8a}}";

/* The query without _format, so that a link can choose another. */
static const char *query_without_format(const char *query, apr_pool_t *pool)
{
    const char *kept = "";
    while (query && *query) {
        apr_size_t n = strcspn(query, "&");
        if (n && strncmp(query, "_format=", 8) && strncmp(query, "_pretty=", 8))
            kept = apr_pstrcat(pool, kept, apr_pstrmemdup(pool, query, n), "&", NULL);
        query += n + (query[n] == '&');
    }
    return kept;
}

fhir_html_t *fhir_html_create(const fhir_model_t *model, const char *base_url, const char *query,
                              apr_pool_t *pool)
{
    fhir_html_t *html = apr_pcalloc(pool, sizeof(*html));
    html->model = model;
    html->base_url = base_url ? base_url : "";
    html->query = query_without_format(query, pool);
    html->scratch = fhir_buf_create(pool, 0);
    return html;
}

static void text(fhir_buf_t *buf, const char *s)
{
    fhir_xhtml_escape(buf, s, strlen(s));
}

static void node_text(fhir_buf_t *buf, const fhir_node_t *node)
{
    if (node && node->text)
        fhir_xhtml_escape(buf, node->text, node->text_len);
}

/* -- links ------------------------------------------------------------------------------------- */

/* "Patient/1" or "Patient/1/_history/2": what the server itself can show. */
static int is_relative(const fhir_html_t *html, const char *s, apr_size_t len)
{
    static const char history[] = "/_history/";
    const char *end = s + len, *slash = memchr(s, '/', len);
    apr_size_t n = sizeof(history) - 1;
    if (!slash || !fhir_model_resource(html->model, s, (apr_size_t)(slash - s)))
        return 0;
    s = slash + 1;
    const char *id_end = memchr(s, '/', (apr_size_t)(end - s));
    if (!id_end)
        return fhir_text_is_id(s, (apr_size_t)(end - s));
    if ((apr_size_t)(end - id_end) < n || memcmp(id_end, history, n))
        return 0;
    return fhir_text_is_id(s, (apr_size_t)(id_end - s)) &&
           fhir_text_is_id(id_end + n, (apr_size_t)(end - id_end) - n);
}

static int is_url(const char *s, apr_size_t len)
{
    if (len < 8 || (strncmp(s, "http://", 7) && strncmp(s, "https://", 8)))
        return 0;
    for (apr_size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] <= ' ')
            return 0;
    return 1;
}

/* Opens a link when a string is one: 1 if so. */
static int open_link(fhir_buf_t *buf, const fhir_html_t *html, const fhir_node_t *node)
{
    int reference = node->name_len == 9 && !memcmp(node->name, "reference", 9) &&
                    is_relative(html, node->text, node->text_len);
    if (!reference && !is_url(node->text, node->text_len))
        return 0;
    fhir_buf_puts(buf, "<a rel=\"noreferrer\" href=\"");
    if (reference) {
        text(buf, html->base_url);
        fhir_buf_putc(buf, '/');
    }
    node_text(buf, node);
    fhir_buf_puts(buf, "\">");
    return 1;
}

/* -- JSON with colours and links --------------------------------------------------------------- */

static void quoted(fhir_buf_t *buf, fhir_html_t *html, const char *class_name, const char *s,
                   apr_size_t len)
{
    fhir_buf_clear(html->scratch);
    fhir_buf_json_string(html->scratch, s, len);
    fhir_buf_printf(buf, "<span class=\"%s\">", class_name);
    fhir_xhtml_escape(buf, html->scratch->data, html->scratch->len);
    fhir_buf_puts(buf, "</span>");
}

static void indent(fhir_buf_t *buf, int level)
{
    fhir_buf_putc(buf, '\n');
    while (level-- > 0)
        fhir_buf_append(buf, "  ", 2);
}

static void json(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *node, int level);

static void json_children(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *node, int level)
{
    int object = node->kind == FHIR_NODE_OBJECT;
    fhir_buf_putc(buf, object ? '{' : '[');
    for (const fhir_node_t *c = node->child; c; c = c->next) {
        indent(buf, level + 1);
        if (object) {
            quoted(buf, html, "k", c->name, c->name_len);
            fhir_buf_puts(buf, ": ");
        }
        json(buf, html, c, level + 1);
        if (c->next)
            fhir_buf_putc(buf, ',');
    }
    if (node->child)
        indent(buf, level);
    fhir_buf_putc(buf, object ? '}' : ']');
}

static void json(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *node, int level)
{
    switch (node->kind) {
    case FHIR_NODE_OBJECT:
    case FHIR_NODE_ARRAY:
        json_children(buf, html, node, level);
        break;
    case FHIR_NODE_STRING:
        if (open_link(buf, html, node)) {
            quoted(buf, html, "s", node->text, node->text_len);
            fhir_buf_puts(buf, "</a>");
        }
        else
            quoted(buf, html, "s", node->text, node->text_len);
        break;
    case FHIR_NODE_NULL:
        fhir_buf_puts(buf, "null");
        break;
    default:
        fhir_buf_puts(buf, "<span class=\"n\">");
        node_text(buf, node);
        fhir_buf_puts(buf, "</span>");
    }
}

/* -- pages ------------------------------------------------------------------------------------- */

/* "Patient/1", or the type alone. */
static void name_of(fhir_buf_t *buf, const fhir_node_t *resource)
{
    const fhir_node_t *type = fhir_node_get(resource, "resourceType"),
                      *id = fhir_node_get(resource, "id");
    node_text(buf, type);
    if (type && id && id->text) {
        fhir_buf_putc(buf, '/');
        node_text(buf, id);
    }
}

static void begin(fhir_buf_t *buf, const fhir_html_t *html, const fhir_node_t *resource)
{
    fhir_buf_puts(buf, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                       "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    name_of(buf, resource);
    fhir_buf_puts(buf, "</title>\n<style>");
    fhir_buf_puts(buf, style);
    fhir_buf_puts(buf, "</style>\n</head>\n<body>\n<header>\n<h1>");
    name_of(buf, resource);
    fhir_buf_puts(buf, "</h1>\n<nav aria-label=\"Formats\"><a href=\"?");
    text(buf, html->query);
    fhir_buf_puts(buf, "_format=json&amp;_pretty=true\">JSON</a><a href=\"?");
    text(buf, html->query);
    fhir_buf_puts(buf, "_format=xml&amp;_pretty=true\">XML</a></nav>\n");
}

static int has_narrative(const fhir_node_t *resource)
{
    return fhir_node_get(fhir_node_get(resource, "text"), "div") != NULL;
}

static void narrative(fhir_buf_t *buf, const fhir_node_t *resource)
{
    const fhir_node_t *div = fhir_node_get(fhir_node_get(resource, "text"), "div");
    if (!div || div->kind != FHIR_NODE_STRING)
        return;
    fhir_buf_puts(buf, "<div class=\"narrative\">");
    fhir_xhtml_write_html(buf, div->text, div->text_len);
    fhir_buf_puts(buf, "</div>\n");
}

static int is_outcome(const fhir_node_t *resource)
{
    return fhir_node_is(fhir_node_get(resource, "resourceType"), "OperationOutcome");
}

/* What an OperationOutcome has to say, in words, unless its narrative says it. */
static void issues(fhir_buf_t *buf, const fhir_node_t *resource)
{
    const fhir_node_t *list = fhir_node_get(resource, "issue");
    if (!is_outcome(resource) || !list || has_narrative(resource))
        return;
    fhir_buf_puts(buf, "<div class=\"issues\">");
    const fhir_node_t *said;
    for (const fhir_node_t *c = list->child; c; c = c->next) {
        said = fhir_node_get(fhir_node_get(c, "details"), "text");
        if (!said)
            said = fhir_node_get(c, "diagnostics");
        fhir_buf_puts(buf, "<p><strong>");
        node_text(buf, fhir_node_get(c, "severity"));
        fhir_buf_puts(buf, "</strong> ");
        node_text(buf, said);
        fhir_buf_puts(buf, "</p>");
    }
    fhir_buf_puts(buf, "</div>\n");
}

static void listing(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *node)
{
    fhir_buf_puts(buf, "<pre>");
    json(buf, html, node, 0);
    fhir_buf_puts(buf, "</pre>\n");
}

/* The listing, which the reader may open and close. */
static void folded(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *node, int open)
{
    fhir_buf_printf(buf, "<details%s><summary>JSON</summary>\n", open ? " open" : "");
    listing(buf, html, node);
    fhir_buf_puts(buf, "</details>\n");
}

void fhir_html_resource(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *resource)
{
    begin(buf, html, resource);
    fhir_buf_puts(buf, "</header>\n<main>\n");
    narrative(buf, resource);
    issues(buf, resource);
    if (is_outcome(resource) && has_narrative(resource)) /* which is all that there is to read */
        folded(buf, html, resource, 0);
    else
        listing(buf, html, resource);
    fhir_html_end(buf, html);
}

static void page_links(fhir_buf_t *buf, const fhir_node_t *frame)
{
    const fhir_node_t *links = fhir_node_get(frame, "link");
    fhir_buf_puts(buf, "<nav aria-label=\"Pages\">");
    for (const fhir_node_t *c = links ? links->child : NULL; c; c = c->next) {
        const fhir_node_t *url = fhir_node_get(c, "url");
        if (!url || !url->text || !is_url(url->text, url->text_len))
            continue;
        fhir_buf_puts(buf, "<a href=\"");
        node_text(buf, url);
        fhir_buf_puts(buf, "\">");
        node_text(buf, fhir_node_get(c, "relation"));
        fhir_buf_puts(buf, "</a>");
    }
    fhir_buf_puts(buf, "</nav>\n");
}

void fhir_html_bundle_begin(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *frame)
{
    const fhir_node_t *total = fhir_node_get(frame, "total");
    begin(buf, html, frame);
    page_links(buf, frame);
    fhir_buf_puts(buf, "<p>");
    node_text(buf, fhir_node_get(frame, "type"));
    if (total) {
        fhir_buf_puts(buf, ", ");
        node_text(buf, total);
        fhir_buf_puts(buf, " in all");
    }
    fhir_buf_puts(buf, "</p>\n</header>\n<main>\n");
}

void fhir_html_bundle_entry(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *entry)
{
    const fhir_node_t *resource = fhir_node_get(entry, "resource"),
                      *url = fhir_node_get(entry, "fullUrl"),
                      *mode = fhir_node_get(fhir_node_get(entry, "search"), "mode");
    int linked = url && url->text && is_url(url->text, url->text_len);
    fhir_buf_puts(buf, "<section>\n<h2>");
    if (linked) {
        fhir_buf_puts(buf, "<a href=\"");
        node_text(buf, url);
        fhir_buf_puts(buf, "\">");
    }
    if (resource)
        name_of(buf, resource);
    else
        node_text(buf, url);
    fhir_buf_puts(buf, linked ? "</a>" : "");
    if (mode && !fhir_node_is(mode, "match")) {
        fhir_buf_puts(buf, " (");
        node_text(buf, mode);
        fhir_buf_putc(buf, ')');
    }
    fhir_buf_puts(buf, "</h2>\n");
    narrative(buf, resource);
    issues(buf, resource);
    /* what an entry without an address says of itself is all there is to know of it */
    folded(buf, html, resource && (url || mode) ? resource : entry,
           !has_narrative(resource) && !is_outcome(resource));
    fhir_buf_puts(buf, "</section>\n");
}

void fhir_html_end(fhir_buf_t *buf, fhir_html_t *html)
{
    fhir_buf_puts(buf, "</main>\n<footer>FHIR ");
    text(buf, html->model->version);
    fhir_buf_puts(buf, "</footer>\n</body>\n</html>\n");
}
