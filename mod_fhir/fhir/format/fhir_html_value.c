/* SPDX-License-Identifier: Apache-2.0 */
/* Values as text for people, by data type. A type without a form of its own is shown by its
 * elements (fhir_html.c), in a table by its first elements. */
#include <apr_strings.h>
#include <string.h>

#include "fhir/format/fhir_html_private.h"

#define ITEMS_MAX 6   /* of an array in a line */
#define TEXT_MAX  400 /* bytes of a text in a line */
#define PARTS_MAX 3   /* the most elements that are shown of such a value */

typedef struct line_t {
    fhir_buf_t *buf;
    fhir_html_t *html;
    unsigned flags;
} line_t;

static const fhir_node_t *first(const fhir_node_t *node)
{
    return node && node->kind == FHIR_NODE_ARRAY ? node->child : node;
}

static const fhir_node_t *get(const fhir_node_t *node, const char *name)
{
    return fhir_node_get(node, name);
}

/* Cuts a text to so many bytes, at the end of a character. */
static apr_size_t cut(const char *s, apr_size_t len, apr_size_t most)
{
    if (len <= most)
        return len;
    while (most && ((unsigned char)s[most] & 0xC0) == 0x80)
        most--;
    return most;
}

static int put(const line_t *line, const fhir_node_t *node)
{
    if (!node || !node->text || !node->text_len)
        return 0;
    apr_size_t len = cut(node->text, node->text_len, TEXT_MAX);
    fhir_xhtml_escape(line->buf, node->text, len);
    if (len < node->text_len)
        fhir_buf_puts(line->buf, "…");
    return 1;
}

/* Appends each member that exists, with blanks between. */
static int put_members(const line_t *line, const fhir_node_t *node, const char *const *names)
{
    int n = 0;
    for (; *names; names++) {
        const fhir_node_t *member = get(node, *names);
        for (const fhir_node_t *item = first(member); item;
             item = member->kind == FHIR_NODE_ARRAY ? item->next : NULL) {
            if (n && item->text_len)
                fhir_buf_putc(line->buf, ' ');
            n += put(line, item);
        }
    }
    return n;
}

#define MEMBERS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Opens a link to a URL, absolute or relative to the base. */
static void put_link(const line_t *line, int relative, const fhir_node_t *url)
{
    fhir_buf_puts(line->buf, "<a rel=\"noreferrer\" href=\"");
    if (relative) {
        fhir_html_text(line->buf, line->html->about.base_url);
        fhir_buf_putc(line->buf, '/');
    }
    fhir_xhtml_escape(line->buf, url->text, url->text_len);
    fhir_buf_puts(line->buf, "\">");
}

/* The same, if there is something to link to; returns 1 then. */
static int open_link(const line_t *line, const fhir_node_t *to)
{
    if (!to || !to->text || line->flags & FHIR_HTML_PLAIN)
        return 0;
    int relative = fhir_html_is_relative(line->html, to->text, to->text_len);
    if (!relative && !fhir_html_is_url(to->text, to->text_len))
        return 0;
    put_link(line, relative, to);
    return 1;
}

/* ---- primitives ---- */

/* Shows "2024-01-02T10:30:15.5-05:00" as "2024-01-02 10:30"; the full text is in the title. */
static void put_time(const line_t *line, const fhir_node_t *node)
{
    int is_long = node->text_len > 10 && node->text[10] == 'T';
    if (!(line->flags & FHIR_HTML_PLAIN)) {
        fhir_buf_puts(line->buf, "<span class=\"when\"");
        if (is_long) {
            fhir_buf_puts(line->buf, " title=\"");
            fhir_xhtml_escape(line->buf, node->text, node->text_len);
            fhir_buf_putc(line->buf, '"');
        }
        fhir_buf_putc(line->buf, '>');
    }
    if (is_long) {
        fhir_xhtml_escape(line->buf, node->text, 10);
        fhir_buf_putc(line->buf, ' ');
        fhir_xhtml_escape(line->buf, node->text + 11,
                          node->text_len < 16 ? node->text_len - 11 : 5);
    }
    else
        put(line, node);
    if (!(line->flags & FHIR_HTML_PLAIN))
        fhir_buf_puts(line->buf, "</span>");
}

/* A code of FHIR, such as a status, in the reader's language. Displays of other code systems are
 * the author's words. */
static void put_code(const line_t *line, const fhir_node_t *node)
{
    char key[40] = "code-";
    const apr_size_t at = strlen(key);
    const char *word = key;
    if (node->text && node->text_len < sizeof(key) - at) {
        memcpy(key + at, node->text, node->text_len); /* key ends with zeros */
        word = fhir_html_say(line->html, key);
    }
    if (strcmp(word, key) != 0)
        fhir_html_text(line->buf, word);
    else
        put(line, node);
}

static void put_primitive(const line_t *line, fhir_prim_t prim, const fhir_node_t *node)
{
    int linked = 0;
    switch (prim) {
    case FHIR_PRIM_CODE:
        put_code(line, node);
        return;
    case FHIR_PRIM_DATE:
    case FHIR_PRIM_DATETIME:
    case FHIR_PRIM_INSTANT:
        put_time(line, node);
        return;
    case FHIR_PRIM_BOOLEAN:
        fhir_html_word(line->buf, line->html,
                       node->kind == FHIR_NODE_TRUE ? "page-yes" : "page-no");
        return;
    case FHIR_PRIM_BASE64:
        fhir_buf_printf(line->buf, "%u ", node->text_len / 4 * 3);
        fhir_html_word(line->buf, line->html, "page-bytes");
        return;
    case FHIR_PRIM_URI:
    case FHIR_PRIM_URL:
    case FHIR_PRIM_CANONICAL:
        linked = !(line->flags & FHIR_HTML_PLAIN) && node->text &&
                 fhir_html_is_url(node->text, node->text_len);
        break;
    default:
        break;
    }
    if (linked)
        put_link(line, 0, node);
    put(line, node);
    if (linked)
        fhir_buf_puts(line->buf, "</a>");
}

/* ---- data types ---- */

static void coding(const line_t *line, const fhir_node_t *node)
{
    if (!put(line, get(node, "display")))
        put(line, get(node, "code"));
}

static void concept(const line_t *line, const fhir_node_t *node)
{
    const fhir_node_t *codings = get(node, "coding");
    if (put(line, get(node, "text")))
        return;
    for (const fhir_node_t *c = codings ? codings->child : NULL; c; c = c->next)
        if (get(c, "display")) {
            coding(line, c);
            return;
        }
    coding(line, first(codings));
}

static void quantity(const line_t *line, const fhir_node_t *node)
{
    const fhir_node_t *unit = get(node, "unit");
    put(line, get(node, "comparator"));
    put(line, get(node, "value"));
    unit = unit ? unit : get(node, "code");
    unit = unit ? unit : get(node, "currency");
    if (unit && !fhir_node_is(unit, "1")) {
        fhir_buf_putc(line->buf, ' ');
        put(line, unit);
    }
}

static void period(const line_t *line, const fhir_node_t *node)
{
    const fhir_node_t *start = get(node, "start"), *end = get(node, "end");
    int is_open = start && !end && !(line->flags & FHIR_HTML_PLAIN);
    fhir_buf_puts(line->buf, is_open ? "<span class=\"open-end\">" : "");
    if (start)
        put_time(line, start);
    fhir_buf_puts(line->buf, start || end ? "\xC2\xA0– " : "");
    fhir_buf_puts(line->buf, is_open ? "</span>" : "");
    if (end)
        put_time(line, end);
}

static void range(const line_t *line, const fhir_node_t *node)
{
    quantity(line, get(node, "low"));
    fhir_buf_puts(line->buf, " – ");
    quantity(line, get(node, "high"));
}

static void ratio(const line_t *line, const fhir_node_t *node)
{
    quantity(line, get(node, "numerator"));
    fhir_buf_puts(line->buf, " : ");
    quantity(line, get(node, "denominator"));
}

static void identifier(const line_t *line, const fhir_node_t *node)
{
    fhir_buf_t *buf = line->buf;
    apr_size_t at = buf->len;
    if (get(node, "type")) {
        concept(line, get(node, "type"));
        fhir_buf_puts(buf, buf->len > at ? ": " : "");
    }
    put(line, get(node, "value"));
}

static void human_name(const line_t *line, const fhir_node_t *node)
{
    if (!put_members(line, node, MEMBERS("prefix", "given", "family", "suffix")))
        put(line, get(node, "text"));
}

/* "#med" by the code or the name of the contained resource; 1 if it has one. */
static int contained(const line_t *line, const fhir_node_t *to)
{
    const fhir_node_t *list = get(line->html->resource, "contained"),
                      *c = list ? list->child : NULL;
    apr_size_t at = line->buf->len;
    if (!to || to->text_len < 2 || *to->text != '#')
        return 0;
    for (; c; c = c->next) {
        const fhir_node_t *id = get(c, "id"), *name = first(get(c, "name"));
        if (!id || id->text_len != to->text_len - 1 || memcmp(id->text, to->text + 1, id->text_len))
            continue;
        concept(line, get(c, "code"));
        if (line->buf->len == at && name && name->kind == FHIR_NODE_OBJECT)
            human_name(line, name);
        else if (line->buf->len == at)
            put(line, name);
        break;
    }
    return line->buf->len > at;
}

static void reference(const line_t *line, const fhir_node_t *node)
{
    const fhir_node_t *to = get(node, "reference");
    int linked = open_link(line, to);
    if (!put(line, get(node, "display")) && !contained(line, to) && !put(line, to) &&
        get(node, "identifier"))
        identifier(line, get(node, "identifier"));
    if (linked)
        fhir_buf_puts(line->buf, "</a>");
}

static void address(const line_t *line, const fhir_node_t *node)
{
    fhir_buf_t *buf = line->buf;
    apr_size_t at = buf->len;
    if (!put_members(line, node, MEMBERS("line", "city", "state", "postalCode", "country"))) {
        buf->len = at;
        put(line, get(node, "text"));
    }
}

static void contact(const line_t *line, const fhir_node_t *node)
{
    put_members(line, node, MEMBERS("value"));
}

static void annotation(const line_t *line, const fhir_node_t *node)
{
    put(line, get(node, "text"));
}

static void attachment(const line_t *line, const fhir_node_t *node)
{
    const fhir_node_t *url = get(node, "url");
    int linked = open_link(line, url);
    if (!put(line, get(node, "title")) && !put(line, get(node, "contentType")))
        put(line, url);
    if (linked)
        fhir_buf_puts(line->buf, "</a>");
}

static void dosage(const line_t *line, const fhir_node_t *node)
{
    put_members(line, node, MEMBERS("text", "patientInstruction"));
}

static const struct {
    const char *type;
    void (*put)(const line_t *line, const fhir_node_t *node);
} forms[] = {
    {"Address", address},
    {"Age", quantity},
    {"Annotation", annotation},
    {"Attachment", attachment},
    {"CodeableConcept", concept},
    {"Coding", coding},
    {"ContactPoint", contact},
    {"Count", quantity},
    {"Distance", quantity},
    {"Dosage", dosage},
    {"Duration", quantity},
    {"HumanName", human_name},
    {"Identifier", identifier},
    {"Money", quantity},
    {"MoneyQuantity", quantity},
    {"Period", period},
    {"Quantity", quantity},
    {"Range", range},
    {"Ratio", ratio},
    {"Reference", reference},
    {"SimpleQuantity", quantity},
};
#define N_FORMS (int)(sizeof(forms) / sizeof(*forms))

static int form_of(const fhir_html_t *html, const fhir_type_t *type)
{
    const char *name = fhir_model_str(html->model, type->name);
    for (int i = 0; i < N_FORMS; i++)
        if (!strcmp(forms[i].type, name))
            return i;
    return -1;
}

int fhir_html_is_line(const fhir_html_t *html, const fhir_type_t *type)
{
    return type->kind == FHIR_KIND_PRIMITIVE || form_of(html, type) >= 0;
}

/* A value without a form of its own: its first elements that have one. */
static void put_parts(const line_t *line, const fhir_type_t *type, const fhir_node_t *node)
{
    fhir_buf_t *buf = line->buf;
    int n = 0;
    for (const fhir_node_t *c = node->child; c && n < PARTS_MAX; c = c->next) {
        const fhir_element_t *e = fhir_model_element(line->html->model, type, c->name, c->name_len);
        const fhir_type_t *t = e ? &line->html->model->types[e->type] : NULL;
        apr_size_t at = buf->len;
        if (!t || !fhir_html_is_line(line->html, t) || e->flags & FHIR_EL_XMLATTR)
            continue;
        fhir_buf_puts(buf, n ? " · " : "");
        apr_size_t from = buf->len;
        if (t->kind == FHIR_KIND_PRIMITIVE && first(c))
            put_primitive(line, (fhir_prim_t)t->prim, first(c));
        else if (t->kind != FHIR_KIND_PRIMITIVE && first(c) && first(c)->kind == FHIR_NODE_OBJECT)
            forms[form_of(line->html, t)].put(line, first(c));
        if (buf->len > from)
            n++;
        else
            buf->len = at;
    }
}

static void put_one(const line_t *line, const fhir_type_t *type, const fhir_node_t *node)
{
    int form = type->kind == FHIR_KIND_PRIMITIVE ? -1 : form_of(line->html, type);
    int is_object = node->kind == FHIR_NODE_OBJECT;
    if (type->kind == FHIR_KIND_PRIMITIVE ? is_object || node->kind == FHIR_NODE_NULL : !is_object)
        return;
    if (type->kind == FHIR_KIND_PRIMITIVE)
        put_primitive(line, (fhir_prim_t)type->prim, node);
    else if (form >= 0)
        forms[form].put(line, node);
    else
        put_parts(line, type, node);
}

void fhir_html_value(fhir_buf_t *buf, fhir_html_t *html, const fhir_type_t *type,
                     const fhir_node_t *node, unsigned flags)
{
    const line_t line = {buf, html, flags};
    int n = 0, more = 0;
    if (node->kind != FHIR_NODE_ARRAY) {
        put_one(&line, type, node);
        return;
    }
    for (const fhir_node_t *item = node->child; item; item = item->next) {
        apr_size_t at = buf->len;
        if (n == ITEMS_MAX) {
            more++;
            continue;
        }
        fhir_buf_puts(buf, !n ? "" : flags & FHIR_HTML_PLAIN ? ", " : ",<br>");
        apr_size_t from = buf->len;
        put_one(&line, type, item);
        if (buf->len > from)
            n++;
        else
            buf->len = at;
    }
    if (more)
        fhir_buf_printf(buf, " +%d", more);
}

const char *fhir_html_code(const fhir_node_t *concept, apr_pool_t *pool)
{
    const fhir_node_t *c = first(get(concept, "coding"));
    const char *code = fhir_node_string(c, "code", pool);
    if (code) {
        const char *system = fhir_node_string(c, "system", pool);
        return system ? apr_pstrcat(pool, system, "|", code, NULL) : code;
    }
    const char *text = fhir_node_string(concept, "text", pool);
    return text ? text : "";
}
