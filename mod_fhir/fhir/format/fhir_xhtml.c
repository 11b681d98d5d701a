/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The narrative: what it may contain, and how it is written, into XML unchanged, into HTML
 * filtered. fhir_xhtml_scan.c reads tokens and checks well-formedness.
 */
#include "fhir/format/fhir_xhtml.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "core/fhir_node.h"
#include "fhir/format/fhir_xhtml_scan.h"

/* Groups of attributes; an element allows some of them. Every element allows ALL. */
#define ALL   0x001u
#define TD    0x004u
#define TABLE 0x010u
#define LINK  0x020u /* a */
#define AREA  0x040u /* area */
#define IMG   0x080u
#define CITE  0x100u
#define PRE   0x200u
#define MAP   0x400u
#define VOID  0x800u  /* an element that HTML writes without an end tag */
#define COLOR 0x1000u /* bgcolor */
#define LIST  0x2000u
#define RULE  0x4000u /* hr */
#define BREAK 0x8000u /* br */

typedef struct row_t {
    const char *name;
    unsigned groups;
} row_t;

/* Both are sorted by name. The elements are those of fhir-xhtml.xsd. The attributes, each with the
 * elements that allow it, are those of the schema, those of HTML 4.0 that R4's text allows
 * (chapters 7 to 11 and 15), and those that HL7's validator accepts on all elements. */
static const row_t elements[] = {
    {"a", LINK},
    {"abbr", 0},
    {"acronym", 0},
    {"address", 0},
    {"area", AREA | VOID},
    {"b", 0},
    {"bdo", 0},
    {"big", 0},
    {"blockquote", CITE},
    {"br", BREAK | VOID},
    {"caption", 0},
    {"cite", 0},
    {"code", 0},
    {"col", VOID},
    {"colgroup", 0},
    {"dd", 0},
    {"dfn", 0},
    {"div", 0},
    {"dl", LIST},
    {"dt", 0},
    {"em", 0},
    {"h1", 0},
    {"h2", 0},
    {"h3", 0},
    {"h4", 0},
    {"h5", 0},
    {"h6", 0},
    {"hr", RULE | VOID},
    {"i", 0},
    {"img", IMG | VOID},
    {"kbd", 0},
    {"li", LIST},
    {"map", MAP},
    {"ol", LIST},
    {"p", 0},
    {"pre", PRE},
    {"q", CITE},
    {"samp", 0},
    {"small", 0},
    {"span", 0},
    {"strong", 0},
    {"sub", 0},
    {"sup", 0},
    {"table", TABLE | COLOR},
    {"tbody", 0},
    {"td", TD | COLOR},
    {"tfoot", 0},
    {"th", TD | COLOR},
    {"thead", 0},
    {"tr", COLOR},
    {"tt", 0},
    {"ul", LIST},
    {"var", 0},
};
static const row_t attributes[] = {
    {"abbr", ALL},
    {"accesskey", ALL},
    {"align", ALL},
    {"alt", IMG | AREA},
    {"axis", ALL},
    {"bgcolor", COLOR},
    {"border", TABLE | IMG},
    {"cellpadding", TABLE},
    {"cellspacing", TABLE},
    {"char", ALL},
    {"charoff", ALL},
    {"charset", LINK},
    {"cite", CITE},
    {"class", ALL},
    {"clear", BREAK},
    {"colspan", ALL},
    {"compact", LIST},
    {"coords", LINK | AREA},
    {"dir", ALL},
    {"frame", TABLE},
    {"headers", ALL},
    {"height", IMG | TD},
    {"href", LINK | AREA},
    {"hreflang", LINK},
    {"hspace", IMG},
    {"id", ALL},
    {"idref", ALL},
    {"ismap", IMG},
    {"lang", ALL},
    {"longdesc", IMG},
    {"name", LINK | MAP},
    {"nohref", AREA},
    {"noshade", RULE},
    {"nowrap", TD},
    {"rel", LINK},
    {"rev", LINK},
    {"rowspan", ALL},
    {"rules", TABLE},
    {"scope", ALL},
    {"shape", LINK | AREA},
    {"size", RULE},
    {"span", ALL},
    {"src", IMG},
    {"start", LIST},
    {"style", ALL},
    {"summary", TABLE},
    {"tabindex", ALL},
    {"title", ALL},
    {"type", LINK | LIST},
    {"usemap", IMG},
    {"valign", ALL},
    {"value", LIST},
    {"vspace", IMG},
    {"width", ALL},
    {"xml:lang", ALL},
    {"xml:space", PRE},
};

static int by_name(const void *key, const void *row)
{
    const fhir_xspan_t *span = key;
    const char *name = ((const row_t *)row)->name;
    int cmp = strncmp(span->s, name, span->len);
    return cmp ? cmp : name[span->len] ? -1 : 0;
}

#define FIND(table, span)                                                                          \
    ((const row_t *)bsearch((span), (table), sizeof(table) / sizeof((table)[0]), sizeof(row_t),    \
                            by_name))

/* The start of an attribute's value as a browser reads it: references resolved, blanks and control
 * characters dropped, lower case, cut to size. */
static void squeeze(char *out, apr_size_t size, const fhir_xspan_t *value)
{
    const char *s = value->s, *end = s + value->len;
    apr_size_t n = 0;
    while (s < end && n + 1 < size) {
        unsigned code = (unsigned char)*s;
        apr_size_t step = *s == '&' ? fhir_xscan_reference(&code, s, end) : 1;
        s += step ? step : 1;
        if (code > ' ')
            out[n++] = code < 0x7F ? (char)apr_tolower(code) : '?';
    }
    out[n] = '\0';
}

/* 1 if the start of a URL has no scheme, or one that only displays something. */
static int url_is_safe(const fhir_xspan_t *value, int image)
{
    static const char *const schemes[] = {
        "http:", "https:", "mailto:", "tel:", "ftp:", "urn:", NULL};
    char text[64];
    squeeze(text, sizeof(text), value);
    const char *colon = strpbrk(text, ":/?#");
    if (!colon || *colon != ':') /* no browser knows a scheme that is longer than text */
        return 1;
    if (image && !strncmp(text, "data:image/", 11) && strncmp(text + 11, "svg", 3))
        return 1;
    for (int i = 0; schemes[i]; i++)
        if (!strncmp(text, schemes[i], strlen(schemes[i])))
            return 1;
    return 0;
}

/* 1 if every url() in a squeezed style is relative or an embedded image, so that only this server
 * is contacted. */
static int style_urls_are_safe(const char *style)
{
    for (style = strstr(style, "url("); style; style = strstr(style, "url(")) {
        style += 4;
        style += strspn(style, "'\"");
        if (!strncmp(style, "data:image/", 11) && strncmp(style + 11, "svg", 3))
            continue;
        if (!strncmp(style, "//", 2) || style[strcspn(style, ":)")] != ')')
            return 0;
    }
    return 1;
}

/* 1 if a style attribute does not run anything and loads nothing from other servers. */
static int style_is_safe(const fhir_xspan_t *value)
{
    static const char *const bad[] = {
        "expression", "javascript:", "@import", "behavior:",  "-moz-binding",
        "\\",         "/*",          "image(",  "image-set(", NULL};
    char text[2048];
    if (value->len >= sizeof(text))
        return 0;
    squeeze(text, sizeof(text), value);
    for (int i = 0; bad[i]; i++)
        if (strstr(text, bad[i]))
            return 0;
    return style_urls_are_safe(text);
}

/* Why an attribute is not allowed on an element with these groups, or NULL. */
static const char *attribute_fault(const fhir_xattr_t *attr, unsigned groups)
{
    const row_t *row = FIND(attributes, &attr->name);
    if (!row || !(row->groups & (groups | ALL)))
        return "this attribute is not allowed in a narrative";
    if (row->groups & ALL) {
        if (!strcmp(row->name, "style") && !style_is_safe(&attr->value))
            return "this style is not allowed; it may run nothing and load nothing from elsewhere";
        return NULL;
    }
    if ((!strcmp(row->name, "href") || !strcmp(row->name, "cite") ||
         !strcmp(row->name, "longdesc") || !strcmp(row->name, "src")) &&
        !url_is_safe(&attr->value, row->name[0] == 's'))
        return "this URL is not allowed; use http, https, mailto, tel, ftp, urn, a relative "
               "reference, or a data:image of an img";
    return NULL;
}

/* 1 for content: an image, or text other than blanks (invariant txt-2). */
static int is_content(const fhir_xscan_t *scan, fhir_xtoken_t token)
{
    if (token == FHIR_XTOKEN_ENTITY)
        return 1;
    if (token == FHIR_XTOKEN_OPEN)
        return fhir_xspan_is(&scan->name, "img");
    if (token != FHIR_XTOKEN_TEXT && token != FHIR_XTOKEN_CDATA)
        return 0;
    for (apr_size_t i = 0; i < scan->text.len; i++)
        if (!apr_isspace(scan->text.s[i]))
            return 1;
    return 0;
}

/* Checks an element's name and attributes; at is set to the attribute that is wrong. */
static const char *element_fault(const char **at, const fhir_xscan_t *scan, int entities)
{
    const row_t *row = FIND(elements, &scan->name);
    *at = scan->raw.s;
    if (!row)
        return "this element is not allowed in a narrative";
    const char *fault;
    for (int i = 0; i < scan->n_attrs; i++) {
        const fhir_xattr_t *attr = &scan->attrs[i];
        const char *end = attr->value.s + attr->value.len;
        *at = attr->name.s;
        if ((fault = attribute_fault(attr, row->groups)))
            return fault;
        unsigned code;
        for (const char *c = attr->value.s;
             !entities && (c = memchr(c, '&', (apr_size_t)(end - c))); c++)
            if (fhir_xscan_reference(&code, c, end) && !code)
                return "entities of HTML are not allowed; write a character reference such as "
                       "&#160;";
    }
    return NULL;
}

/* Checks the div: its name, and its namespace, unless the release does not require one. */
static const char *root_fault(const fhir_xscan_t *scan, int dstu2)
{
    const char *start = scan->raw.s + 1;
    int prefixed = start < scan->name.s;
    if (!fhir_xspan_is(&scan->name, "div"))
        return "the narrative must be a div element";
    if (!dstu2 && !prefixed && !scan->has_namespace)
        return "the div must say xmlns=\"" FHIR_XHTML_NAMESPACE "\"";
    return NULL;
}

static fhir_err_t *fault_at(const char *at, const char *fault, const char *source, apr_pool_t *pool)
{
    int line, column;
    fhir_node_place(&line, &column, source, (apr_size_t)(at - source));
    fhir_err_t *err = fhir_err_create(pool, FHIR_ERR_VALUE, "narrative, line %d, column %d: %s",
                                      line, column, fault);
    err->line = line;
    err->column = column;
    return err;
}

fhir_err_t *fhir_xhtml_check(const fhir_model_t *model, const char *s, apr_size_t len,
                             const fhir_node_limits_t *limits, apr_pool_t *pool)
{
    fhir_xscan_t scan;
    const char *fault = NULL, *at = s;
    int dstu2 = model->version[0] == '1', content = 0, first = 1;
    fhir_xscan_init(&scan, s, len, limits);
    fhir_xtoken_t token;
    while (!fault && (token = fhir_xscan_next(&scan)) != FHIR_XTOKEN_END) {
        at = scan.raw.s;
        content |= is_content(&scan, token);
        if (token == FHIR_XTOKEN_ERROR) {
            at = scan.at;
            fault = scan.limit
                        ? apr_psprintf(pool, "%s; at most %d are accepted", scan.error, scan.limit)
                        : scan.error;
        }
        else if (token == FHIR_XTOKEN_ENTITY && !dstu2)
            fault = "entities of HTML are not allowed; write a character reference such as &#160;";
        else if (token == FHIR_XTOKEN_OPEN) {
            if (first)
                fault = root_fault(&scan, dstu2);
            if (!fault)
                fault = element_fault(&at, &scan, dstu2);
        }
        first = 0;
    }
    if (!fault && !content)
        fault = "the narrative has no content; it needs text or an image";
    return fault ? fault_at(at, fault, s, pool) : NULL;
}

void fhir_xhtml_fragments(const char *s, apr_size_t len, fhir_xhtml_fragment_fn *each, void *baton)
{
    fhir_xscan_t scan;
    fhir_xscan_init(&scan, s, len, NULL);
    fhir_xtoken_t token;
    while ((token = fhir_xscan_next(&scan)) != FHIR_XTOKEN_END && token != FHIR_XTOKEN_ERROR) {
        for (int i = 0; token == FHIR_XTOKEN_OPEN && i < scan.n_attrs; i++) {
            const fhir_xattr_t *attr = &scan.attrs[i];
            if (attr->value.len > 1 && *attr->value.s == '#' &&
                (fhir_xspan_is(&attr->name, "href") || fhir_xspan_is(&attr->name, "src")))
                each(baton, attr->value.s + 1, attr->value.len - 1);
        }
    }
}

/* What a byte is replaced by, as an index into replacements; 0: nothing, 1: it depends on the next
 * byte. */
static const unsigned char escapes[256] = {
    ['&'] = 2, ['<'] = 3, ['>'] = 4, ['"'] = 5, ['\t'] = 6, ['\n'] = 7, ['\r'] = 8, [0xEF] = 1,
    [0] = 9,   [1] = 9,   [2] = 9,   [3] = 9,   [4] = 9,    [5] = 9,    [6] = 9,    [7] = 9,
    [8] = 9,   [11] = 9,  [12] = 9,  [14] = 9,  [15] = 9,   [16] = 9,   [17] = 9,   [18] = 9,
    [19] = 9,  [20] = 9,  [21] = 9,  [22] = 9,  [23] = 9,   [24] = 9,   [25] = 9,   [26] = 9,
    [27] = 9,  [28] = 9,  [29] = 9,  [30] = 9,  [31] = 9,
};
static const char *const replacements[] = {
    NULL, NULL, "&amp;", "&lt;", "&gt;", "&quot;", "&#9;", "&#10;", "&#13;", "\xEF\xBF\xBD",
};

void fhir_xhtml_escape(fhir_buf_t *buf, const char *s, apr_size_t len)
{
    const char *end = s + len, *from = s;
    for (; s < end; s++) {
        unsigned how = escapes[(unsigned char)*s];
        apr_size_t taken = 1;
        if (!how)
            continue;
        if (how == 1) { /* XML does not allow U+FFFE and U+FFFF */
            if (fhir_xscan_is_char(s, end))
                continue;
            how = 9;
            taken = 3;
        }
        fhir_buf_append(buf, from, (apr_size_t)(s - from));
        fhir_buf_puts(buf, replacements[how]);
        s += taken - 1;
        from = s + 1;
    }
    fhir_buf_append(buf, from, (apr_size_t)(s - from));
}

/* Appends raw XML. Entities that XML does not know become character references. */
static void replace_entities(fhir_buf_t *buf, const char *s, apr_size_t len)
{
    const char *end = s + len, *from = s;
    fhir_xspan_t name;
    unsigned code;
    while ((s = memchr(s, '&', (apr_size_t)(end - s)))) {
        apr_size_t n = fhir_xscan_reference(&code, s, end);
        if (n && !code) {
            name.s = s + 1;
            name.len = n - 2;
            fhir_buf_append(buf, from, (apr_size_t)(s - from));
            fhir_buf_printf(buf, "&#%u;", fhir_xscan_entity(&name));
            from = s + n;
        }
        s += n ? n : 1;
    }
    fhir_buf_append(buf, from, (apr_size_t)(end - from));
}

static void write_as_text(fhir_buf_t *buf, const char *s, apr_size_t len)
{
    fhir_buf_puts(buf, "<div xmlns=\"" FHIR_XHTML_NAMESPACE "\">");
    fhir_xhtml_escape(buf, s, len);
    fhir_buf_puts(buf, "</div>");
}

int fhir_xhtml_write_xml(fhir_buf_t *buf, const char *s, apr_size_t len)
{
    fhir_xscan_t scan;
    apr_size_t mark = buf->len;
    int first = 1;
    fhir_xscan_init(&scan, s, len, NULL);
    const char *from = scan.start;
    fhir_xtoken_t token;
    while ((token = fhir_xscan_next(&scan)) != FHIR_XTOKEN_END) {
        int entities = token == FHIR_XTOKEN_ENTITY ||
                       (token == FHIR_XTOKEN_OPEN && memchr(scan.raw.s, '&', scan.raw.len));
        if (token == FHIR_XTOKEN_ERROR || (first && root_fault(&scan, 1))) {
            buf->len = mark;
            write_as_text(buf, s, len);
            return 0;
        }
        if (first && root_fault(&scan, 0)) {
            fhir_buf_puts(buf, FHIR_XHTML_ADDED);
            from = scan.start + 4;
        }
        first = 0;
        if (entities) {
            if (scan.raw.s > from)
                fhir_buf_append(buf, from, (apr_size_t)(scan.raw.s - from));
            if (from < scan.raw.s)
                from = scan.raw.s;
            replace_entities(buf, from, (apr_size_t)(scan.at - from));
            from = scan.at;
        }
    }
    fhir_buf_append(buf, from, (apr_size_t)(scan.end - from));
    return 1;
}

static void html_open(fhir_buf_t *buf, const fhir_xscan_t *scan, const row_t *row)
{
    fhir_buf_putc(buf, '<');
    fhir_buf_puts(buf, row->name);
    for (int i = 0; i < scan->n_attrs; i++) {
        const fhir_xattr_t *attr = &scan->attrs[i];
        /* The narrative must not use the page's own styles and fragments. */
        if (attribute_fault(attr, row->groups) || fhir_xspan_is(&attr->name, "id") ||
            fhir_xspan_is(&attr->name, "class") || fhir_xspan_is(&attr->name, "name") ||
            fhir_xspan_is(&attr->name, "usemap") || fhir_xspan_is(&attr->name, "accesskey") ||
            fhir_xspan_is(&attr->name, "tabindex") || !strncmp(attr->name.s, "xml:", 4))
            continue;
        fhir_buf_putc(buf, ' ');
        fhir_buf_append(buf, attr->name.s, attr->name.len);
        fhir_buf_puts(buf, "=\"");
        for (apr_size_t k = 0; k < attr->value.len; k++) {
            if (attr->value.s[k] == '"')
                fhir_buf_puts(buf, "&quot;");
            else
                fhir_buf_putc(buf, attr->value.s[k]);
        }
        fhir_buf_putc(buf, '"');
    }
    fhir_buf_putc(buf, '>');
    if (scan->empty && !(row->groups & VOID))
        fhir_buf_printf(buf, "</%s>", row->name);
}

static void html_token(fhir_buf_t *buf, const fhir_xscan_t *scan, fhir_xtoken_t token)
{
    const row_t *row;
    switch (token) {
    case FHIR_XTOKEN_OPEN:
        if ((row = FIND(elements, &scan->name)))
            html_open(buf, scan, row);
        break;
    case FHIR_XTOKEN_CLOSE:
        if ((row = FIND(elements, &scan->name)) && !(row->groups & VOID))
            fhir_buf_printf(buf, "</%s>", row->name);
        break;
    case FHIR_XTOKEN_TEXT:
    case FHIR_XTOKEN_ENTITY:
        fhir_buf_append(buf, scan->raw.s, scan->raw.len);
        break;
    case FHIR_XTOKEN_CDATA:
        fhir_xhtml_escape(buf, scan->text.s, scan->text.len);
        break;
    default:
        break;
    }
}

void fhir_xhtml_write_html(fhir_buf_t *buf, const char *s, apr_size_t len)
{
    fhir_xscan_t scan;
    apr_size_t mark = buf->len;
    fhir_xscan_init(&scan, s, len, NULL);
    fhir_xtoken_t token;
    while ((token = fhir_xscan_next(&scan)) != FHIR_XTOKEN_END) {
        if (token == FHIR_XTOKEN_ERROR) {
            buf->len = mark;
            write_as_text(buf, s, len);
            return;
        }
        html_token(buf, &scan, token);
    }
}
