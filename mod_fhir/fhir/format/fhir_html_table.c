/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entries of a Bundle as tables, one for each run of entries of one type. The columns are the
 * most important of the summary elements that these entries have. Versions, and outcomes of a
 * batch, have columns of their own.
 */
#include <apr_strings.h>
#include <string.h>

#include "core/fhir_page.h"
#include "core/fhir_text.h"
#include "fhir/format/fhir_html_private.h"

#define COLUMNS_MAX 6
#define ROW_MAX     3000 /* bytes of a row: a cell that makes it larger is empty */
#define TYPES_MAX   256  /* types of one page that get columns of their own */
#define BITS        512  /* elements of one type that are told apart */

/* Elements in the order in which a reader looks for them. Others come after these. */
static const char *const order[] = {"name",
                                    "title",
                                    "code",
                                    "vaccineCode",
                                    "medication",
                                    "type",
                                    "class",
                                    "category",
                                    "birthDate",
                                    "gender",
                                    "value",
                                    "component",
                                    "effective",
                                    "onset",
                                    "occurrence",
                                    "performed",
                                    "authoredOn",
                                    "dateWritten",
                                    "whenHandedOver",
                                    "period",
                                    "date",
                                    "issued",
                                    "created",
                                    "recordedDate",
                                    "recorded",
                                    "dateRecorded",
                                    "start",
                                    "clinicalStatus",
                                    "status",
                                    "criticality",
                                    "lifecycleStatus",
                                    "description",
                                    "category",
                                    "intent",
                                    "patient",
                                    "subject",
                                    "beneficiary",
                                    "practitioner",
                                    "organization",
                                    "performer",
                                    "author",
                                    "payor",
                                    "location",
                                    "serviceType",
                                    "specialty",
                                    "relationship",
                                    "dosageInstruction",
                                    "target",
                                    "agent",
                                    "role",
                                    "participant",
                                    "address",
                                    "telecom",
                                    "identifier",
                                    "valueSet",
                                    "url",
                                    NULL};

typedef struct seen_t {
    const fhir_type_t *type;
    apr_uint32_t bits[BITS / 32]; /* an element that some entry has */
    int n;
} seen_t;

typedef struct column_t {
    const char *name;  /* of the model */
    const char *label; /* for readers */
    int rank;
} column_t;

typedef enum kind_t { KIND_SEARCH, KIND_HISTORY, KIND_ANSWERS } kind_t;

struct fhir_html_tables_t {
    seen_t *seen;
    int n_seen, n; /* entries of all types */
    kind_t kind;
    int is_open, runs;
    const fhir_type_t *type; /* in the open table */
    int is_included;
    int one_patient; /* the search names one code: a column for it would repeat it */
    column_t columns[COLUMNS_MAX];
    int n_columns;
};

const fhir_type_t *fhir_html_type_of(const fhir_html_t *html, const fhir_node_t *resource)
{
    const fhir_node_t *name = fhir_node_get(resource, "resourceType");
    return name && name->text ? fhir_model_resource(html->model, name->text, name->text_len) : NULL;
}

const char *fhir_html_base_name(const fhir_html_t *html, const fhir_element_t *element)
{
    return fhir_model_str(html->model, element->group ? element->group : element->name);
}

static int rank_of(const char *name)
{
    int rank = 0;
    while (order[rank] && strcmp(order[rank], name) != 0)
        rank++;
    return rank;
}

/* Elements of every resource, which the page shows in other places. */
static int is_frame(const char *name)
{
    static const char *const frame[] = {"id",   "meta",      "implicitRules", "language",
                                        "text", "contained", "extension",     "modifierExtension"};
    for (apr_size_t i = 0; i < sizeof(frame) / sizeof(*frame); i++)
        if (!strcmp(frame[i], name))
            return 1;
    return 0;
}

/* References that seldom have a display. The page of the resource shows them. */
static int is_link(const char *name)
{
    return !strcmp(name, "encounter") || !strcmp(name, "context") || !strcmp(name, "basedOn") ||
           !strcmp(name, "partOf");
}

/* The element with the date that orders the rows of a type: "Encounter.period". */
static int is_date_of(const fhir_model_t *m, const fhir_type_t *type, const char *name)
{
    const char *path = fhir_model_str(m, m->params[type->patient_date].expression);
    const char *type_name = fhir_model_str(m, type->name);
    apr_size_t len = strlen(type_name);
    return type->patient_date && !strncmp(path, type_name, len) && path[len] == '.' &&
           !strcmp(path + len + 1, name);
}

static int is_column(const fhir_html_t *html, const fhir_type_t *type, const fhir_element_t *e)
{
    const fhir_model_t *m = html->model;
    const char *name = fhir_html_base_name(html, e);
    if (is_frame(name) || is_link(name))
        return 0;
    return (e->flags & FHIR_EL_SUMMARY) != 0 || is_date_of(m, type, name);
}

/* ---- what a resource is called ---- */

void fhir_html_title(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *resource)
{
    static const int last = 8; /* of order: what can be a name */
    const fhir_type_t *type = fhir_html_type_of(html, resource);
    const fhir_node_t *best = NULL;
    const fhir_element_t *element = NULL;
    int best_rank = last;
    for (const fhir_node_t *c = type ? resource->child : NULL; c; c = c->next) {
        const fhir_element_t *e = fhir_model_element(html->model, type, c->name, c->name_len);
        int rank = e ? rank_of(fhir_html_base_name(html, e)) : last;
        if (rank < best_rank && fhir_html_is_line(html, &html->model->types[e->type])) {
            best_rank = rank;
            best = c;
            element = e;
        }
    }
    if (best && best->kind == FHIR_NODE_ARRAY)
        best = best->child;
    if (best)
        fhir_html_value(buf, html, &html->model->types[element->type], best, FHIR_HTML_PLAIN);
}

/* ---- learning ---- */

static seen_t *seen_of(fhir_html_tables_t *tables, const fhir_type_t *type)
{
    for (int i = 0; i < tables->n_seen; i++)
        if (tables->seen[i].type == type)
            return &tables->seen[i];
    if (tables->n_seen == TYPES_MAX)
        return NULL;
    tables->seen[tables->n_seen].type = type;
    return &tables->seen[tables->n_seen++];
}

static void note(fhir_html_t *html, seen_t *seen, const fhir_node_t *resource)
{
    const fhir_model_t *m = html->model;
    for (const fhir_node_t *c = resource->child; c; c = c->next) {
        const fhir_element_t *e = fhir_model_element(m, seen->type, c->name, c->name_len);
        apr_size_t at = e ? (apr_size_t)(e - m->elements) - seen->type->first_element : BITS;
        if (at < BITS)
            seen->bits[at / 32] |= 1u << at % 32;
    }
    seen->n++;
}

void fhir_html_tables_learn(fhir_html_t *html, const fhir_node_t *entry)
{
    const fhir_node_t *resource = fhir_node_get(entry, "resource");
    const fhir_type_t *type = fhir_html_type_of(html, resource);
    if (!html->tables) {
        html->tables = apr_pcalloc(html->pool, sizeof(*html->tables));
        html->tables->seen = apr_pcalloc(html->pool, TYPES_MAX * sizeof(seen_t));
    }
    if (fhir_html_is_outcome(resource) &&
        fhir_node_is(fhir_node_get(fhir_node_get(entry, "search"), "mode"), "outcome"))
        return;
    html->tables->n++;
    seen_t *seen = type ? seen_of(html->tables, type) : NULL;
    if (seen)
        note(html, seen, resource);
}

int fhir_html_tables_count(const fhir_html_t *html)
{
    return html->tables ? html->tables->n : 0;
}

/* ---- columns ---- */

static void add_column(fhir_html_t *html, fhir_html_tables_t *t, const char *name)
{
    int rank = rank_of(name), at = t->n_columns;
    for (int i = 0; i < t->n_columns; i++)
        if (!strcmp(t->columns[i].name, name))
            return;
    if (t->n_columns == COLUMNS_MAX && t->columns[COLUMNS_MAX - 1].rank <= rank)
        return;
    if (t->n_columns < COLUMNS_MAX)
        t->n_columns++;
    else
        at--;
    for (; at > 0 && t->columns[at - 1].rank > rank; at--)
        t->columns[at] = t->columns[at - 1];
    t->columns[at] = (column_t){name, fhir_html_label(html, name), rank};
}

static void choose_columns(fhir_html_t *html, fhir_html_tables_t *t)
{
    const fhir_model_t *m = html->model;
    const seen_t *seen = t->type ? seen_of(t, t->type) : NULL;
    t->n_columns = 0;
    for (int i = 0; seen && i < t->type->n_elements && i < BITS; i++) {
        const fhir_element_t *e = &m->elements[t->type->first_element + i];
        const char *name = fhir_html_base_name(html, e);
        int of_patient = !strcmp(name, "patient") || !strcmp(name, "subject");
        if (seen->bits[i / 32] & 1u << i % 32 && is_column(html, t->type, e) &&
            !(of_patient && t->one_patient && !t->is_included))
            add_column(html, t, name);
    }
}

void fhir_html_tables_begin(fhir_html_t *html, const char *kind)
{
    if (!html->tables)
        html->tables = apr_pcalloc(html->pool, sizeof(*html->tables));
    fhir_html_tables_t *t = html->tables;
    t->kind = !strcmp(kind, "history")                        ? KIND_HISTORY
              : strlen(kind) > 9 && strstr(kind, "-response") ? KIND_ANSWERS
                                                              : KIND_SEARCH;
    t->one_patient =
        fhir_pairs_get(&html->asked, "patient") || fhir_pairs_get(&html->asked, "subject");
}

/* ---- rows ---- */

static void head_cell(fhir_buf_t *buf, const char *label)
{
    fhir_buf_puts(buf, "<th scope=\"col\">");
    fhir_html_text(buf, label);
    fhir_buf_puts(buf, "</th>");
}

static void begin_cell(fhir_buf_t *buf, const char *label)
{
    fhir_buf_puts(buf, "<td data-label=\"");
    fhir_html_text(buf, label);
    fhir_buf_puts(buf, "\">");
}

static const char *const version_words[] = {"page-version", "page-changed", "page-how", "page-what",
                                            NULL};
static const char *const answer_words[] = {"page-status", "page-what", "page-said", NULL};

static void open_table(fhir_buf_t *buf, fhir_html_t *html, fhir_html_tables_t *t)
{
    const char *const *words = t->kind == KIND_HISTORY   ? version_words
                               : t->kind == KIND_ANSWERS ? answer_words
                                                         : NULL;
    const char *name = t->type ? fhir_model_str(html->model, t->type->name) : "";
    t->is_open = 1;
    t->runs++;
    if (!words) {
        choose_columns(html, t);
        if (t->n_seen > 1 || t->is_included) {
            fhir_buf_puts(buf, "<h2 class=\"apart\">");
            fhir_html_text(buf, fhir_html_label(html, name));
            if (t->is_included) {
                fhir_buf_puts(buf, " <span class=\"badge\">");
                fhir_html_word(buf, html, "page-included");
                fhir_buf_puts(buf, "</span>");
            }
            fhir_buf_puts(buf, "</h2>\n");
        }
    }
    fhir_buf_puts(buf, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"");
    fhir_html_word(buf, html, "page-table");
    fhir_buf_printf(buf, " %d\"><table class=\"records\"><thead><tr>", t->runs);
    for (int i = 0; words && words[i]; i++)
        head_cell(buf, fhir_html_say(html, words[i]));
    for (int i = 0; !words && i < t->n_columns; i++)
        head_cell(buf, t->columns[i].label);
    if (!words && !t->n_columns)
        head_cell(buf, fhir_html_say(html, "page-what"));
    fhir_buf_puts(buf, "</tr></thead><tbody>\n");
}

void fhir_html_tables_end(fhir_buf_t *buf, fhir_html_t *html)
{
    if (html->tables && html->tables->is_open)
        fhir_buf_puts(buf, "</tbody></table></div>\n");
    if (html->tables)
        html->tables->is_open = 0;
}

/* "Patient/1", or the type alone. */
static void name_of(fhir_buf_t *buf, const fhir_node_t *resource)
{
    const fhir_node_t *type = fhir_node_get(resource, "resourceType"),
                      *id = fhir_node_get(resource, "id");
    if (type && type->text)
        fhir_xhtml_escape(buf, type->text, type->text_len);
    if (type && id && id->text) {
        fhir_buf_putc(buf, '/');
        fhir_xhtml_escape(buf, id->text, id->text_len);
    }
}

/* Opens a link to an entry's resource, or to a version of it: 1 if there is one. */
static int open_link(fhir_buf_t *buf, const fhir_node_t *entry, const fhir_node_t *version)
{
    const fhir_node_t *url = fhir_node_get(entry, "fullUrl");
    if (!url || !url->text || !fhir_html_is_url(url->text, url->text_len))
        return 0;
    fhir_buf_puts(buf, "<a href=\"");
    fhir_xhtml_escape(buf, url->text, url->text_len);
    if (version && version->text) {
        fhir_buf_puts(buf, "/_history/");
        fhir_xhtml_escape(buf, version->text, version->text_len);
    }
    fhir_buf_puts(buf, "\">");
    return 1;
}

/* All values of an entry for a column; of a choice, whichever type it has. */
static int put_column(fhir_buf_t *buf, fhir_html_t *html, const fhir_type_t *type,
                      const fhir_node_t *resource, const char *name, unsigned flags)
{
    const fhir_model_t *m = html->model;
    apr_size_t at = buf->len;
    for (const fhir_node_t *c = resource->child; c; c = c->next) {
        const fhir_element_t *e = fhir_model_element(m, type, c->name, c->name_len);
        if (e && !strcmp(fhir_html_base_name(html, e), name))
            fhir_html_value(buf, html, &m->types[e->type], c, flags);
    }
    return buf->len > at;
}

/* The link to the other Observations of this code and patient: measurements as a chart. */
static void more_of_code(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *resource)
{
    const fhir_node_t *subject = fhir_node_get(resource, "subject");
    const fhir_node_t *code = fhir_node_get(fhir_node_get(resource, "code"), "coding");
    const char *token = fhir_html_code(fhir_node_get(resource, "code"), html->item_pool);
    subject = subject ? subject : fhir_node_get(resource, "patient");
    const fhir_node_t *to = fhir_node_get(subject, "reference");
    if (!code || !*token || fhir_pairs_get(&html->asked, "code") || !html->about.has_search ||
        !to || !to->text || !fhir_html_is_relative(html, to->text, to->text_len) ||
        strncmp(to->text, "Patient/", 8) != 0)
        return;
    fhir_buf_puts(buf, " <a class=\"row-detail\" href=\"");
    fhir_html_text(buf, html->path);
    fhir_buf_puts(buf, "/Observation?patient=");
    fhir_text_url_encode(buf, to->text + 8, to->text_len - 8);
    fhir_buf_puts(buf, "&amp;code=");
    fhir_text_url_encode(buf, token, strlen(token));
    fhir_buf_puts(buf, "\">");
    fhir_html_word(buf, html, "page-all-of-code");
    fhir_buf_puts(buf, "</a>");
}

static void search_row(fhir_buf_t *buf, fhir_html_t *html, const fhir_html_tables_t *t,
                       const fhir_node_t *entry, const fhir_node_t *resource)
{
    html->resource = resource;
    fhir_buf_puts(buf, "<tr><th scope=\"row\">");
    apr_size_t start = buf->len;
    int linked = open_link(buf, entry, NULL);
    if (!t->type || !t->n_columns ||
        !put_column(buf, html, t->type, resource, t->columns[0].name, FHIR_HTML_PLAIN))
        name_of(buf, resource);
    fhir_buf_puts(buf, linked ? "</a>" : "");
    if (t->type && !strcmp(fhir_model_str(html->model, t->type->name), "Observation"))
        more_of_code(buf, html, resource);
    fhir_buf_puts(buf, "</th>");
    for (int i = 1; i < t->n_columns; i++) {
        begin_cell(buf, t->columns[i].label);
        apr_size_t at = buf->len;
        put_column(buf, html, t->type, resource, t->columns[i].name, 0);
        if (buf->len - start > ROW_MAX) {
            buf->len = at;
            fhir_buf_puts(buf, "…");
        }
        fhir_buf_puts(buf, "</td>");
    }
    fhir_buf_puts(buf, "</tr>\n");
}

static void put_text(fhir_buf_t *buf, const fhir_node_t *node)
{
    if (node && node->text)
        fhir_xhtml_escape(buf, node->text, node->text_len);
}

/* "created" for POST. */
static void how(fhir_buf_t *buf, fhir_html_t *html, const char *method)
{
    const char *key = apr_pstrcat(html->item_pool, "how-", method ? method : "", NULL);
    const char *word = fhir_page_text(key, html->about.language, html->item_pool);
    fhir_html_text(buf, strcmp(word, key) != 0 ? word : method ? method : "");
}

static void version_row(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *entry,
                        const fhir_node_t *resource)
{
    const fhir_node_t *meta = fhir_node_get(resource, "meta"),
                      *version = fhir_node_get(meta, "versionId"),
                      *request = fhir_node_get(entry, "request"),
                      *response = fhir_node_get(entry, "response"),
                      *time = fhir_node_get(meta, "lastUpdated");
    time = time ? time : fhir_node_get(response, "lastModified");
    fhir_buf_puts(buf, "<tr><th scope=\"row\">");
    int linked = version ? open_link(buf, entry, version) : 0;
    put_text(buf, version ? version : fhir_node_get(response, "etag"));
    fhir_buf_puts(buf, linked ? "</a></th>" : "</th>");
    begin_cell(buf, fhir_html_say(html, "page-changed"));
    if (time)
        fhir_html_value(buf, html, fhir_model_type(html->model, "instant", 7), time, 0);
    fhir_buf_puts(buf, "</td>");
    begin_cell(buf, fhir_html_say(html, "page-how"));
    how(buf, html, fhir_node_string(request, "method", html->item_pool));
    fhir_buf_puts(buf, "</td>");
    begin_cell(buf, fhir_html_say(html, "page-what"));
    if (resource)
        name_of(buf, resource);
    else
        put_text(buf, fhir_node_get(request, "url"));
    fhir_buf_putc(buf, ' ');
    if (resource)
        fhir_html_title(buf, html, resource);
    fhir_buf_puts(buf, "</td></tr>\n");
}

static void answer_row(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *entry,
                       const fhir_node_t *resource)
{
    const fhir_node_t *response = fhir_node_get(entry, "response"),
                      *outcome = fhir_node_get(response, "outcome"),
                      *location = fhir_node_get(response, "location");
    fhir_buf_puts(buf, "<tr><th scope=\"row\">");
    put_text(buf, fhir_node_get(response, "status"));
    fhir_buf_puts(buf, "</th>");
    begin_cell(buf, fhir_html_say(html, "page-what"));
    if (location)
        fhir_html_value(buf, html, fhir_model_type(html->model, "uri", 3), location, 0);
    else if (resource)
        name_of(buf, resource);
    fhir_buf_puts(buf, "</td>");
    begin_cell(buf, fhir_html_say(html, "page-said"));
    fhir_html_issues(buf, html, fhir_html_is_outcome(resource) ? resource : outcome);
    if (resource && !fhir_html_is_outcome(resource))
        fhir_html_title(buf, html, resource);
    fhir_buf_puts(buf, "</td></tr>\n");
}

void fhir_html_tables_entry(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *entry)
{
    fhir_html_tables_t *t = html->tables;
    const fhir_node_t *resource = fhir_node_get(entry, "resource");
    const fhir_type_t *type = t->kind == KIND_SEARCH ? fhir_html_type_of(html, resource) : NULL;
    int is_included =
        fhir_node_is(fhir_node_get(fhir_node_get(entry, "search"), "mode"), "include");
    if (t->is_open && (type != t->type || is_included != t->is_included))
        fhir_html_tables_end(buf, html);
    t->type = type;
    t->is_included = is_included;
    if (!t->is_open)
        open_table(buf, html, t);
    switch (t->kind) {
    case KIND_HISTORY:
        version_row(buf, html, entry, resource);
        break;
    case KIND_ANSWERS:
        answer_row(buf, html, entry, resource);
        break;
    default:
        search_row(buf, html, t, entry, resource ? resource : entry);
    }
}
