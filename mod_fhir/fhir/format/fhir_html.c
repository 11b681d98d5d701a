/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages for people: the frame, a resource by its elements, a Bundle around its tables
 * (fhir_html_table.c), errors in words. Pages are made from the model. Only two resource types are
 * known here: most others belong to a Patient, and an OperationOutcome has messages.
 */
#include "fhir/format/fhir_html.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "core/fhir_hash.h"
#include "core/fhir_page.h"
#include "core/fhir_text.h"
#include "core/fhir_work.h"
#include "fhir/format/fhir_html_private.h"

#define CONTENT_MAX (60 * 1024) /* bytes of elements on a page */
#define PAGE_MAX    80000       /* bytes of a page with a narrative, or up to the last entry */
#define ISSUES_MAX  (40 * 1024) /* of the issues of an outcome */
#define DEPTH_MAX   6           /* of elements in elements */
#define ITEMS_MAX   20          /* of an array */
#define LINK_MAX    8000

/* The query without some parameters, so that a link can have other values of them. */
static const char *query_without(const char *query, const char *const *names, apr_pool_t *pool)
{
    const char *kept = "";
    while (query && *query) {
        apr_size_t n = strcspn(query, "&");
        const char *const *name = names;
        while (*name && (strncmp(query, *name, strlen(*name)) || query[strlen(*name)] != '='))
            name++;
        if (n && !*name)
            kept = apr_pstrcat(pool, kept, apr_pstrmemdup(pool, query, n), "&", NULL);
        query += n + (query[n] == '&');
    }
    return kept;
}

/* Shortens "https://host/base" to "/base": the same server, by whatever name it was called. */
static const char *path_of(const char *url)
{
    const char *host = strstr(url, "://"), *path = host ? strchr(host + 3, '/') : NULL;
    return host ? (path ? path : "") : url;
}

fhir_html_t *fhir_html_create(const fhir_model_t *model, const fhir_html_about_t *about,
                              apr_pool_t *pool)
{
    fhir_html_t *html = apr_pcalloc(pool, sizeof(*html));
    html->model = model;
    html->about = *about;
    html->kept =
        query_without(about->query, (const char *const[]){"_format", "_pretty", NULL}, pool);
    html->path = path_of(about->base_url);
    if (!about->language)
        html->about.language = "en";
    html->scratch = fhir_buf_create(pool, 0);
    html->labels = fhir_hash_make(pool);
    html->pool = pool;
    apr_pool_create(&html->item_pool, pool);
    return html;
}

/* ---- texts ---- */

void fhir_html_text(fhir_buf_t *buf, const char *s)
{
    fhir_xhtml_escape(buf, s, strlen(s));
}

static void node_text(fhir_buf_t *buf, const fhir_node_t *node)
{
    if (node && node->text)
        fhir_xhtml_escape(buf, node->text, node->text_len);
}

const char *fhir_html_say(const fhir_html_t *html, const char *key)
{
    return fhir_page_text(key, html->about.language, html->pool);
}

void fhir_html_word(fhir_buf_t *buf, const fhir_html_t *html, const char *key)
{
    fhir_html_text(buf, fhir_html_say(html, key));
}

/* Turns "birthDate" into "Birth date", and "MedicationRequest" into "Medication request". */
static const char *as_words(const char *name, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, 2 * strlen(name) + 1), *o = out;
    for (const char *s = name; *s; s++) {
        int starts = apr_isupper(*s) && s > name && !apr_isupper(s[-1]);
        if (starts)
            *o++ = ' ';
        *o++ = s == name ? (char)apr_toupper(*s) : starts ? (char)apr_tolower(*s) : *s;
    }
    *o = '\0';
    return out;
}

const char *fhir_html_label(fhir_html_t *html, const char *name)
{
    const char *label = apr_hash_get(html->labels, name, APR_HASH_KEY_STRING);
    if (label)
        return label;
    const char *key = apr_pstrcat(html->pool, "name-", name, NULL);
    label = fhir_page_text(key, html->about.language, html->pool);
    if (!strcmp(label, key))
        label = as_words(name, html->pool);
    apr_hash_set(html->labels, name, APR_HASH_KEY_STRING, label);
    return label;
}

/* ---- links ---- */

int fhir_html_is_relative(const fhir_html_t *html, const char *s, apr_size_t len)
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

int fhir_html_is_url(const char *s, apr_size_t len)
{
    if (len < 8 || len > LINK_MAX || (strncmp(s, "http://", 7) && strncmp(s, "https://", 8)))
        return 0;
    for (apr_size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] <= ' ')
            return 0;
    return 1;
}

/* ---- the frame ---- */

static void put_name(fhir_buf_t *buf, const fhir_node_t *resource)
{
    const fhir_node_t *type = fhir_node_get(resource, "resourceType"),
                      *id = fhir_node_get(resource, "id");
    node_text(buf, type);
    if (type && id && id->text) {
        fhir_buf_putc(buf, '/');
        node_text(buf, id);
    }
}

static void format_link(fhir_buf_t *buf, const fhir_html_t *html, const char *format,
                        const char *label)
{
    fhir_buf_puts(buf, "<a href=\"?");
    fhir_html_text(buf, html->kept);
    fhir_buf_printf(buf, "_format=%s&amp;_pretty=true\">%s</a>", format, label);
}

static void begin(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *resource)
{
    fhir_buf_printf(buf,
                    "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                    "<meta name=\"robots\" content=\"noindex\">\n<title>",
                    html->about.language);
    if (html->about.status >= 400)
        fhir_buf_printf(buf, "%d", html->about.status);
    else if (html->about.type && fhir_node_is(fhir_node_get(resource, "resourceType"), "Bundle"))
        fhir_html_text(buf, html->about.type);
    else
        put_name(buf, resource);
    fhir_buf_puts(buf, "</title>\n<link rel=\"stylesheet\" href=\"");
    fhir_html_text(buf, html->path);
    fhir_buf_puts(buf,
                  "/" FHIR_HTML_STYLE "\">\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">");
    fhir_html_word(buf, html, "skip");
    fhir_buf_puts(buf, "</a>\n<header class=\"bar\"><span class=\"bar-name\">");
    fhir_html_text(buf, html->about.practice ? html->about.practice : "mod_fhir");
    fhir_buf_puts(buf, "</span> <span class=\"badge\">FHIR ");
    fhir_html_text(buf, html->model->label);
    fhir_buf_puts(buf, "</span>\n<nav class=\"bar-nav\" aria-label=\"");
    fhir_html_word(buf, html, "page-formats");
    fhir_buf_puts(buf, "\">");
    format_link(buf, html, "json", "JSON");
    fhir_buf_putc(buf, ' ');
    format_link(buf, html, "xml", "XML");
    fhir_buf_puts(buf, "</nav></header>\n<main id=\"main\" class=\"sheet sheet-wide\">\n");
}

static void end(fhir_buf_t *buf, const fhir_html_t *html)
{
    fhir_buf_puts(buf, "</main>\n<footer class=\"foot\">FHIR ");
    fhir_html_text(buf, html->model->version);
    fhir_buf_puts(buf, "</footer>\n</body>\n</html>\n");
}

/* A link to a path below the base: "Patient", "Observation?patient=1". */
static void begin_link(fhir_buf_t *buf, const fhir_html_t *html, const char *class_name)
{
    fhir_buf_printf(buf, "<a%s%s%s href=\"", *class_name ? " class=\"" : "", class_name,
                    *class_name ? "\"" : "");
    fhir_html_text(buf, html->path);
    fhir_buf_putc(buf, '/');
}

/* ---- a resource ---- */

static const fhir_node_t *narrative_of(const fhir_node_t *resource)
{
    const fhir_node_t *div = fhir_node_get(fhir_node_get(resource, "text"), "div");
    return div && div->kind == FHIR_NODE_STRING ? div : NULL;
}

static void note(fhir_buf_t *buf, const fhir_html_t *html, const char *key)
{
    fhir_buf_puts(buf, "<p class=\"note\">");
    fhir_html_word(buf, html, key);
    fhir_buf_puts(buf, "</p>\n");
}

static void narrative(fhir_buf_t *buf, const fhir_html_t *html, const fhir_node_t *resource)
{
    const fhir_node_t *div = narrative_of(resource);
    if (!div)
        return;
    if (buf->len + div->text_len > PAGE_MAX) {
        note(buf, html, "page-cut");
        return;
    }
    fhir_buf_puts(buf, "<div class=\"narrative\">");
    fhir_xhtml_write_html(buf, div->text, div->text_len);
    fhir_buf_puts(buf, "</div>\n");
}

int fhir_html_is_outcome(const fhir_node_t *resource)
{
    return fhir_node_is(fhir_node_get(resource, "resourceType"), "OperationOutcome");
}

void fhir_html_issues(fhir_buf_t *buf, const fhir_html_t *html, const fhir_node_t *resource)
{
    const fhir_node_t *list = fhir_node_get(resource, "issue");
    apr_size_t at = buf->len;
    for (const fhir_node_t *c = list ? list->child : NULL; c; c = c->next) {
        if (buf->len - at > ISSUES_MAX) {
            note(buf, html, "page-cut");
            return;
        }
        int is_bad = fhir_node_is(fhir_node_get(c, "severity"), "error") ||
                     fhir_node_is(fhir_node_get(c, "severity"), "fatal");
        const fhir_node_t *said = fhir_node_get(fhir_node_get(c, "details"), "text");
        said = said ? said : fhir_node_get(c, "diagnostics");
        const fhir_node_t *where = fhir_node_get(c, "expression");
        where = where ? where : fhir_node_get(c, "location");
        fhir_buf_printf(buf, "<p class=\"note%s\"><strong>", is_bad ? " note-bad" : "");
        node_text(buf, fhir_node_get(c, "severity"));
        fhir_buf_puts(buf, "</strong> ");
        node_text(buf, said);
        for (const fhir_node_t *w = where ? where->child : NULL; w; w = w->next) {
            fhir_buf_puts(buf, "<br><code>");
            node_text(buf, w);
            fhir_buf_puts(buf, "</code>");
        }
        fhir_buf_puts(buf, "</p>\n");
    }
}

/* The text of an OperationOutcome: its narrative, or its issues. */
static void outcome(fhir_buf_t *buf, const fhir_html_t *html, const fhir_node_t *resource)
{
    if (narrative_of(resource))
        narrative(buf, html, resource);
    else
        fhir_html_issues(buf, html, resource);
}

static int has_name(const fhir_node_t *member, const char *name)
{
    return member->name_len == strlen(name) && !memcmp(member->name, name, member->name_len);
}

static int is_aside(const fhir_node_t *member)
{
    int is_narrative = has_name(member, "text") && fhir_node_get(member, "div");
    return !member->name_len || *member->name == '_' || has_name(member, "resourceType") ||
           is_narrative;
}

/* What comes last: extensions, and behind them what the server adds. */
#define ORDER_MAX 2
static int order_of(const fhir_node_t *member)
{
    return has_name(member, "id") || has_name(member, "meta") ? 2 : has_name(member, "extension");
}

static void elements(fhir_buf_t *buf, fhir_html_t *html, const fhir_type_t *type,
                     const fhir_node_t *object, int depth);

/* A value that is shown by its elements. */
static void part(fhir_buf_t *buf, fhir_html_t *html, const fhir_element_t *e,
                 const fhir_node_t *node, int depth)
{
    const fhir_type_t *type =
        e->flags & FHIR_EL_RESOURCE ? fhir_html_type_of(html, node) : &html->model->types[e->type];
    fhir_buf_puts(buf, "<dd>");
    if (e->flags & FHIR_EL_RESOURCE) {
        fhir_buf_puts(buf, "<span class=\"badge\">");
        put_name(buf, node);
        fhir_buf_puts(buf, "</span>");
    }
    if (type && depth < DEPTH_MAX)
        elements(buf, html, type, node, depth + 1);
    else
        fhir_buf_puts(buf, "…");
    fhir_buf_puts(buf, "</dd>\n");
}

static const char *last_word(const char *url, apr_size_t *len)
{
    const char *s = url + *len;
    while (s > url && s[-1] != '/')
        s--;
    *len -= (apr_size_t)(s - url);
    return s;
}

/* "us-core-birthsex" is "birthsex", "genderIdentity" is "Gender identity". */
static const char *extension_name(char *word, apr_pool_t *pool)
{
    static const char *const guides[] = {"us-core-", "argo-"};
    for (apr_size_t i = 0; i < sizeof(guides) / sizeof(*guides); i++)
        if (!strncmp(word, guides[i], strlen(guides[i])))
            word += strlen(guides[i]);
    for (char *s = word; *s; s++)
        *s = *s == '-' ? ' ' : *s;
    return as_words(word, pool);
}

/* An extension: the last word of its URL with its value, or with those of its extensions. */
static void extension(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *node, int depth)
{
    const fhir_type_t *type = fhir_model_type(html->model, "Extension", 9);
    const fhir_node_t *url = fhir_node_get(node, "url"), *inner = fhir_node_get(node, "extension");
    if (url && url->text) {
        apr_size_t len = url->text_len;
        const char *word = last_word(url->text, &len);
        fhir_buf_puts(buf, "<em>");
        fhir_html_text(buf,
                       extension_name(apr_pstrmemdup(html->item_pool, word, len), html->item_pool));
        fhir_buf_puts(buf, "</em>: ");
    }
    for (const fhir_node_t *c = node->child; c; c = c->next) {
        const fhir_element_t *e = fhir_model_element(html->model, type, c->name, c->name_len);
        if (e && e->group)
            fhir_html_value(buf, html, &html->model->types[e->type], c, 0);
    }
    for (inner = inner ? inner->child : NULL; inner && depth < 2 && buf->len <= html->stop;
         inner = inner->next) {
        fhir_buf_puts(buf, "<br>");
        extension(buf, html, inner, depth + 1);
    }
}

/* The values of one element. */
static void element(fhir_buf_t *buf, fhir_html_t *html, const fhir_element_t *e,
                    const fhir_node_t *node, int depth)
{
    const fhir_type_t *type = &html->model->types[e->type];
    int is_list = node->kind == FHIR_NODE_ARRAY, n = 0;
    int is_extension = has_name(node, "extension") || has_name(node, "modifierExtension");
    fhir_buf_puts(buf, "<dt>");
    fhir_html_text(buf, fhir_html_label(html, fhir_html_base_name(html, e)));
    fhir_buf_puts(buf, "</dt>");
    for (const fhir_node_t *item = is_list ? node->child : node; item;
         item = is_list ? item->next : NULL) {
        if (n++ == ITEMS_MAX || buf->len > html->stop) {
            fhir_buf_puts(buf, "<dd class=\"hint\">");
            fhir_html_word(buf, html, "page-cut");
            fhir_buf_puts(buf, "</dd>\n");
            return;
        }
        if (is_extension && item->kind == FHIR_NODE_OBJECT) {
            fhir_buf_puts(buf, "<dd>");
            extension(buf, html, item, 0);
            fhir_buf_puts(buf, "</dd>\n");
        }
        else if (!fhir_html_is_line(html, type) && item->kind == FHIR_NODE_OBJECT)
            part(buf, html, e, item, depth);
        else {
            fhir_buf_puts(buf, "<dd>");
            fhir_html_value(buf, html, type, item, 0);
            fhir_buf_puts(buf, "</dd>\n");
        }
    }
}

/* A member that the model does not know is shown as JSON. */
static void unknown(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *node)
{
    fhir_buf_clear(html->scratch);
    fhir_node_write_json(html->scratch, node, 0);
    fhir_buf_puts(buf, "<dt>");
    fhir_xhtml_escape(buf, node->name, node->name_len);
    fhir_buf_puts(buf, "</dt><dd><code>");
    fhir_xhtml_escape(buf, html->scratch->data,
                      html->scratch->len < 2000 ? html->scratch->len : 2000);
    fhir_buf_puts(buf, "</code></dd>\n");
}

static void elements(fhir_buf_t *buf, fhir_html_t *html, const fhir_type_t *type,
                     const fhir_node_t *object, int depth)
{
    (void)fhir_work_tick(4);
    fhir_buf_puts(buf, depth ? "<dl class=\"part\">" : "<dl class=\"record\">");
    for (int order = 0; order <= ORDER_MAX; order++)
        for (const fhir_node_t *c = object->child; c && buf->len <= html->stop; c = c->next) {
            const fhir_element_t *e =
                type ? fhir_model_element(html->model, type, c->name, c->name_len) : NULL;
            if (is_aside(c) || order_of(c) != order)
                continue;
            if (e)
                element(buf, html, e, c, depth);
            else
                unknown(buf, html, c);
        }
    fhir_buf_puts(buf, "</dl>\n");
}

/* ---- a patient ---- */

/* The links of a patient's page, in this order, as far as the release has the types. */
static const struct {
    const char *type, *param;
} of_patient[] = {
    {"Observation", "patient"},
    {"Condition", "patient"},
    {"AllergyIntolerance", "patient"},
    {"MedicationRequest", "patient"},
    {"MedicationOrder", "patient"},
    {"MedicationStatement", "patient"},
    {"Immunization", "patient"},
    {"Procedure", "patient"},
    {"Encounter", "patient"},
    {"DiagnosticReport", "patient"},
    {"DocumentReference", "patient"},
    {"CarePlan", "patient"},
    {"Goal", "patient"},
    {"Coverage", "patient"},
};

static void lead(fhir_buf_t *buf, fhir_html_t *html, const fhir_type_t *type,
                 const fhir_node_t *resource)
{
    static const char *const names[] = {"birthDate", "gender", "identifier"};
    fhir_buf_puts(buf, "<dl class=\"facts\">");
    for (apr_size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const fhir_element_t *e = fhir_model_element(html->model, type, names[i], strlen(names[i]));
        const fhir_node_t *node = fhir_node_get(resource, names[i]);
        if (!e || !node)
            continue;
        fhir_buf_puts(buf, "<div><dt>");
        fhir_html_text(buf, fhir_html_label(html, names[i]));
        fhir_buf_puts(buf, "</dt><dd>");
        fhir_html_value(buf, html, &html->model->types[e->type], node, 0);
        fhir_buf_puts(buf, "</dd></div>");
    }
    fhir_buf_puts(buf, "</dl>\n");
}

static void ways(fhir_buf_t *buf, fhir_html_t *html, const fhir_type_t *type, const char *id)
{
    const fhir_model_t *m = html->model;
    int is_patient = !strcmp(fhir_model_str(m, type->name), "Patient");
    fhir_buf_puts(buf, "<nav class=\"actions ways\" aria-label=\"");
    fhir_html_word(buf, html, "page-ways");
    fhir_buf_puts(buf, "\">");
    for (apr_size_t i = 0;
         is_patient && html->about.has_search && i < sizeof(of_patient) / sizeof(*of_patient);
         i++) {
        const fhir_type_t *t =
            fhir_model_resource(m, of_patient[i].type, strlen(of_patient[i].type));
        if (!t || !fhir_model_param(m, t, of_patient[i].param, strlen(of_patient[i].param)))
            continue;
        begin_link(buf, html, "button small");
        fhir_buf_printf(buf, "%s?%s=%s\">", of_patient[i].type, of_patient[i].param, id);
        fhir_html_text(buf, fhir_html_label(html, of_patient[i].type));
        fhir_buf_puts(buf, "</a> ");
    }
    if (is_patient && html->about.has_operations) {
        begin_link(buf, html, "button small");
        fhir_buf_printf(buf, "Patient/%s/$everything\">", id);
        fhir_html_word(buf, html, "page-everything");
        fhir_buf_puts(buf, "</a> ");
    }
    if (html->about.has_history) {
        begin_link(buf, html, "button small");
        fhir_buf_printf(buf, "%s/%s/_history\">", fhir_model_str(m, type->name), id);
        fhir_html_word(buf, html, "page-history");
        fhir_buf_puts(buf, "</a>");
    }
    fhir_buf_puts(buf, "</nav>\n");
}

static void status_title(fhir_buf_t *buf, const fhir_html_t *html)
{
    const char *key = apr_psprintf(html->pool, "status-%d", html->about.status);
    const char *words = fhir_html_say(html, key);
    fhir_buf_printf(buf, "<h1>%d", html->about.status);
    if (strcmp(words, key) != 0) {
        fhir_buf_putc(buf, ' ');
        fhir_html_text(buf, words);
    }
    fhir_buf_puts(buf, "</h1>\n");
}

static void title(fhir_buf_t *buf, fhir_html_t *html, const fhir_type_t *type,
                  const fhir_node_t *resource)
{
    const char *name = fhir_model_str(html->model, type->name);
    fhir_buf_puts(buf, "<p class=\"crumb\">");
    if (html->about.has_search) {
        begin_link(buf, html, "");
        fhir_buf_puts(buf, name);
        fhir_buf_puts(buf, "\">");
    }
    fhir_html_text(buf, fhir_html_label(html, name));
    fhir_buf_puts(buf, html->about.has_search ? "</a>" : "");
    fhir_buf_puts(buf, "</p>\n<h1>");
    apr_size_t at = buf->len;
    fhir_html_title(buf, html, resource);
    if (buf->len == at)
        put_name(buf, resource);
    fhir_buf_puts(buf, "</h1>\n");
}

static void record(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *resource)
{
    const fhir_type_t *type = fhir_html_type_of(html, resource);
    const char *id = fhir_node_string(resource, "id", html->pool);
    html->resource = resource;
    if (!type) {
        fhir_buf_puts(buf, "<h1>");
        put_name(buf, resource);
        fhir_buf_puts(buf, "</h1>\n");
    }
    else {
        title(buf, html, type, resource);
        if (!strcmp(fhir_model_str(html->model, type->name), "Patient"))
            lead(buf, html, type, resource);
        if (id && fhir_text_is_id(id, strlen(id)))
            ways(buf, html, type, id);
    }
    html->stop = buf->len + CONTENT_MAX;
    elements(buf, html, type, resource, 0);
    if (buf->len > html->stop)
        note(buf, html, "page-cut");
    if (narrative_of(resource)) {
        fhir_buf_puts(buf, "<h2 class=\"apart\">");
        fhir_html_word(buf, html, "page-narrative");
        fhir_buf_puts(buf, "</h2>\n");
        narrative(buf, html, resource);
    }
}

/* The ways out of an error: the form of a failed search, for another try, or a search of the type.
 */
static void try_again(fhir_buf_t *buf, fhir_html_t *html)
{
    const char *name = html->about.type;
    const fhir_type_t *type = name ? fhir_model_resource(html->model, name, strlen(name)) : NULL;
    if (type && html->about.is_search && html->about.status == 400)
        fhir_html_form(buf, html, type);
    else if (type && html->about.has_search &&
             (html->about.status == 404 || html->about.status == 410)) {
        fhir_buf_puts(buf, "<p class=\"actions\">");
        begin_link(buf, html, "button small");
        fhir_html_text(buf, name);
        fhir_buf_puts(buf, "\">");
        fhir_html_text(buf, fhir_html_label(html, name));
        fhir_buf_puts(buf, "</a></p>\n");
    }
    else if (html->about.status == 401) {
        fhir_buf_puts(buf, "<p>");
        fhir_html_word(buf, html, "page-for-apps");
        fhir_buf_puts(buf, "</p>\n");
    }
}

void fhir_html_resource(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *resource)
{
    begin(buf, html, resource);
    if (fhir_html_is_outcome(resource) && html->about.status >= 400) {
        status_title(buf, html);
        outcome(buf, html, resource);
        try_again(buf, html);
    }
    else if (fhir_html_is_outcome(resource)) {
        fhir_buf_puts(buf, "<h1>OperationOutcome</h1>\n");
        outcome(buf, html, resource);
    }
    else
        record(buf, html, resource);
    end(buf, html);
}

/* ---- a Bundle ---- */

/* The address that the response gives itself: the link "self" shows how the server understood the
 * query. */
static void take_asked(fhir_html_t *html, const fhir_node_t *frame)
{
    const fhir_node_t *links = fhir_node_get(frame, "link");
    const char *query = html->about.query;
    for (const fhir_node_t *c = links ? links->child : NULL; c; c = c->next)
        if (fhir_node_is(fhir_node_get(c, "relation"), "self")) {
            const char *url = fhir_node_string(c, "url", html->pool);
            query = url ? strchr(url, '?') : NULL;
            query = query ? query + 1 : NULL;
        }
    if (fhir_pairs_parse(&html->asked, query, 0, html->pool))
        html->asked = (fhir_pairs_t){0, NULL};
}

static void page_links(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *frame)
{
    static const char *const relations[] = {"first", "previous", "prev", "next", "last"};
    const fhir_node_t *links = fhir_node_get(frame, "link");
    apr_size_t at = 0;
    int n = 0;
    for (const fhir_node_t *c = links ? links->child : NULL; c; c = c->next) {
        const fhir_node_t *url = fhir_node_get(c, "url"), *relation = fhir_node_get(c, "relation");
        for (apr_size_t i = 0; i < sizeof(relations) / sizeof(*relations); i++) {
            int is_this = !i && !strstr(html->kept, "_cursor=");
            if (is_this || !fhir_node_is(relation, relations[i]) || !url || !url->text ||
                !fhir_html_is_url(url->text, url->text_len))
                continue;
            if (!n++) {
                fhir_buf_puts(buf, "<nav class=\"actions pages\" aria-label=\"");
                fhir_html_word(buf, html, "pages");
                fhir_buf_puts(buf, "\">");
                at = buf->len;
            }
            fhir_buf_printf(buf, "<a class=\"button small\" rel=\"%s\" href=\"", relations[i]);
            node_text(buf, url);
            fhir_buf_puts(buf, "\">");
            fhir_html_word(buf, html, apr_pstrcat(html->pool, "page-", relations[i], NULL));
            fhir_buf_puts(buf, "</a> ");
        }
    }
    if (!n)
        return;
    html->pages = apr_pstrmemdup(html->pool, buf->data + at, buf->len - at);
    fhir_buf_puts(buf, "</nav>\n");
}

/* 1 if the request asked for more entries than a page for people has. */
static int asked_more(const fhir_html_t *html)
{
    for (const char *at = html->kept; *at; at += strcspn(at, "&") + 1)
        if (!strncmp(at, "_count=", 7) && atoi(at + 7) > FHIR_HTML_COUNT_MAX)
            return 1;
    return 0;
}

static void count(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *frame)
{
    const fhir_node_t *total = fhir_node_get(frame, "total");
    fhir_buf_puts(buf, "<p class=\"hint\" role=\"status\">");
    if (total) {
        node_text(buf, total);
        fhir_buf_putc(buf, ' ');
        fhir_html_word(buf, html, "page-in-all");
        fhir_buf_puts(buf, ", ");
    }
    fhir_buf_printf(buf, "%d ", fhir_html_tables_count(html));
    fhir_html_word(buf, html, "page-on-this");
    if (!total && html->about.type && html->about.has_search &&
        fhir_node_is(fhir_node_get(frame, "type"), "searchset") &&
        !strstr(html->kept, "_cursor=")) {
        fhir_buf_puts(buf, " · <a href=\"?");
        fhir_html_text(buf, html->kept);
        fhir_buf_puts(buf, "_total=accurate\">");
        fhir_html_word(buf, html, "page-count");
        fhir_buf_puts(buf, "</a>");
    }
    if (asked_more(html)) {
        fhir_buf_printf(buf, ". %d ", FHIR_HTML_COUNT_MAX);
        fhir_html_word(buf, html, "page-most");
    }
    fhir_buf_puts(buf, "</p>\n");
}

/* The kind of Bundle, in words if there are some; for an operation, its name. */
static const char *kind_of(const fhir_html_t *html, const char *kind)
{
    const char *key = apr_pstrcat(html->pool, "bundle-", kind, NULL);
    const char *words = fhir_html_say(html, key), *operation = html->about.operation;
    if (operation)
        return !strcmp(operation, "$everything") ? fhir_html_say(html, "page-everything")
                                                 : operation;
    return strcmp(words, key) != 0 ? words : kind;
}

/* "Search" above "Patients"; for what is no search, "Patients", which leads to it, above "History".
 */
static void bundle_title(fhir_buf_t *buf, fhir_html_t *html, const fhir_type_t *type,
                         const char *kind)
{
    int is_search = !strcmp(kind, "searchset") && !html->about.operation;
    const char *what =
        type ? fhir_html_label(html, html->about.type) : fhir_html_say(html, "page-all-records");
    int linked = !is_search && type && html->about.has_search;
    fhir_buf_puts(buf, "<p class=\"crumb\">");
    if (linked) {
        begin_link(buf, html, "");
        fhir_html_text(buf, html->about.type);
        fhir_buf_puts(buf, "\">");
    }
    fhir_html_text(buf, is_search ? kind_of(html, kind) : what);
    fhir_buf_puts(buf, linked ? "</a></p>\n<h1>" : "</p>\n<h1>");
    fhir_html_text(buf, is_search ? what : kind_of(html, kind));
    fhir_buf_puts(buf, "</h1>\n");
}

void fhir_html_bundle_learn(fhir_html_t *html, const fhir_node_t *entry)
{
    apr_pool_clear(html->item_pool);
    fhir_html_tables_learn(html, entry);
    fhir_html_chart_learn(html, fhir_node_get(entry, "resource"));
}

void fhir_html_bundle_begin(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *frame)
{
    const char *kind = fhir_node_string(frame, "type", html->pool), *name = html->about.type;
    const fhir_type_t *type = name ? fhir_model_resource(html->model, name, strlen(name)) : NULL;
    kind = kind ? kind : "";
    int is_search = !strcmp(kind, "searchset");
    apr_size_t start = buf->len;
    take_asked(html, frame);
    begin(buf, html, frame);
    bundle_title(buf, html, type, kind);
    if (is_search)
        fhir_html_asked(buf, html);
    count(buf, html, frame);
    if (type && html->about.is_search) {
        fhir_buf_puts(buf, "<details class=\"finding\"><summary>");
        fhir_html_word(buf, html, "page-form");
        fhir_buf_puts(buf, "</summary>\n");
        fhir_html_form(buf, html, type);
        fhir_buf_puts(buf, "</details>\n");
    }
    fhir_html_chart(buf, html);
    page_links(buf, html, frame);
    fhir_html_tables_begin(html, kind);
    html->written = buf->len - start;
}

void fhir_html_bundle_entry(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *entry)
{
    const fhir_node_t *resource = fhir_node_get(entry, "resource");
    apr_size_t at = buf->len;
    apr_pool_clear(html->item_pool);
    if (html->left || html->written > PAGE_MAX) {
        html->left++;
        return;
    }
    if (!fhir_html_is_outcome(resource) || fhir_node_get(entry, "response"))
        fhir_html_tables_entry(buf, html, entry);
    else {
        fhir_html_tables_end(buf, html);
        outcome(buf, html, resource);
    }
    html->written += buf->len - at;
}

/* Says how many entries are not shown, and leads to pages of so many as fit. */
static void rest(fhir_buf_t *buf, const fhir_html_t *html)
{
    int shown = fhir_html_tables_count(html) - html->left;
    fhir_buf_printf(buf, "<p class=\"note\" id=\"rest\">%d ", html->left);
    fhir_html_word(buf, html, "page-left");
    if (html->about.is_search && shown > 0 && !strstr(html->kept, "_cursor=")) {
        const char *query =
            query_without(html->kept, (const char *const[]){"_count", NULL}, html->pool);
        fhir_buf_puts(buf, " <a href=\"?");
        fhir_html_text(buf, query);
        fhir_buf_printf(buf, "_count=%d\">",
                        shown < FHIR_HTML_COUNT_MAX ? shown : FHIR_HTML_COUNT_MAX);
        fhir_html_word(buf, html, "page-smaller");
        fhir_buf_puts(buf, "</a>");
    }
    fhir_buf_puts(buf, "</p>\n");
}

void fhir_html_bundle_end(fhir_buf_t *buf, fhir_html_t *html)
{
    fhir_html_tables_end(buf, html);
    if (!fhir_html_tables_count(html))
        note(buf, html, "page-none");
    if (html->left)
        rest(buf, html);
    if (html->pages) {
        fhir_buf_puts(buf, "<p class=\"actions\">");
        fhir_buf_puts(buf, html->pages);
        fhir_buf_puts(buf, "</p>\n");
    }
    end(buf, html);
}
