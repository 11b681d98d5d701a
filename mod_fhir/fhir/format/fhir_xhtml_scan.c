/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scanner of narratives: tokens, balance of tags, namespaces, references. fhir_xhtml.c knows
 * which elements and attributes are allowed.
 */
#include "fhir/format/fhir_xhtml_scan.h"

#include <apr_lib.h>
#include <libxml/HTMLparser.h>
#include <string.h>

#include "fhir/format/fhir_xhtml.h"

static fhir_xtoken_t fail(fhir_xscan_t *scan, const char *at, const char *error)
{
    scan->at = at;
    scan->error = error;
    return FHIR_XTOKEN_ERROR;
}

static fhir_xtoken_t over(fhir_xscan_t *scan, int limit, const char *error)
{
    scan->limit = limit;
    return fail(scan, scan->at, error);
}

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int starts(const char *s, const char *end, const char *with)
{
    apr_size_t n = strlen(with);
    return (apr_size_t)(end - s) >= n && !memcmp(s, with, n);
}

int fhir_xspan_is(const fhir_xspan_t *span, const char *text)
{
    return !strncmp(span->s, text, span->len) && text[span->len] == '\0';
}

static int same(const fhir_xspan_t *a, const fhir_xspan_t *b)
{
    return a->len == b->len && !memcmp(a->s, b->s, a->len);
}

/* Names of XHTML consist of ASCII letters, digits and -_.: only. */
static const char *name_end(const char *s, const char *end)
{
    if (s == end || !(apr_isalpha(*s) || *s == '_'))
        return s;
    while (s < end && (apr_isalnum(*s) || (*s && strchr("-_.:", *s))))
        s++;
    return s;
}

int fhir_xscan_is_char(const char *s, const char *end)
{
    if ((unsigned char)*s < 0x20)
        return is_blank(*s);
    return !(*s == '\xEF' && end - s >= 3 && s[1] == '\xBF' &&
             (unsigned char)s[2] >= 0xBE); /* U+FFFE, U+FFFF */
}

apr_size_t fhir_xscan_chars(const char *s, const char *end)
{
    const char *c;
    for (c = s; c < end && fhir_xscan_is_char(c, end); c++)
        ;
    return (apr_size_t)(c - s);
}

unsigned fhir_xscan_entity(const fhir_xspan_t *name)
{
    char text[16];
    if (name->len >= sizeof(text))
        return 0;
    memcpy(text, name->s, name->len);
    text[name->len] = '\0';
    const htmlEntityDesc *entity = htmlEntityLookup((const xmlChar *)text);
    return entity ? entity->value : 0;
}

static int is_xml_char(unsigned code)
{
    return code == 9 || code == 10 || code == 13 || (code >= 0x20 && code <= 0xD7FF) ||
           (code >= 0xE000 && code <= 0xFFFD) || (code >= 0x10000 && code <= 0x10FFFF);
}

static unsigned parse_code(const char *s, const char *end)
{
    unsigned base = 10, code = 0;
    if (s < end && *s == 'x') {
        base = 16;
        s++;
    }
    if (s == end)
        return 0;
    unsigned digit;
    for (; s < end; s++) {
        if (apr_isdigit(*s))
            digit = (unsigned)(*s - '0');
        else if (base == 16 && apr_isxdigit(*s))
            digit = (unsigned)(apr_tolower(*s) - 'a') + 10;
        else
            return 0;
        code = code * base + digit;
        if (code > 0x10FFFF)
            return 0;
    }
    return code;
}

apr_size_t fhir_xscan_reference(unsigned *code, const char *s, const char *end)
{
    static const struct {
        const char *name;
        unsigned code;
    } own[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    apr_size_t max = (apr_size_t)(end - s) < 16 ? (apr_size_t)(end - s) : 16;
    const char *semicolon = memchr(s, ';', max);
    *code = 0;
    if (!semicolon || semicolon - s < 2)
        return 0;
    fhir_xspan_t name;
    name.s = s + 1;
    name.len = (apr_size_t)(semicolon - s) - 1;
    if (*name.s == '#') {
        *code = parse_code(name.s + 1, semicolon);
        return is_xml_char(*code) ? name.len + 2 : 0;
    }
    for (apr_size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (fhir_xspan_is(&name, own[i].name))
            *code = own[i].code;
    if (!*code && !fhir_xscan_entity(&name))
        return 0;
    return name.len + 2;
}

/* Bytes of text that need no further check. */
static int is_plain(char c)
{
    return ((unsigned char)c >= ' ' || is_blank(c)) && c != '<' && c != '&' && c != '\xEF';
}

/* Checks an attribute value or text: XML characters, no '<', only known references. */
static const char *check_text(const char **error, const char *s, const char *end,
                              int allow_entities)
{
    while (s < end) {
        if (is_plain(*s)) {
            s++;
            continue;
        }
        if (*s == '<') {
            *error = "the character '<' must be written as &lt; here";
            return s;
        }
        if (*s != '&') {
            if (!fhir_xscan_is_char(s, end)) {
                *error = *s == '\xEF' ? "a character that XML does not allow"
                                      : "a control character that XML does not allow";
                return s;
            }
            s++;
            continue;
        }
        unsigned code;
        apr_size_t n = fhir_xscan_reference(&code, s, end);
        if (!n || (!code && !allow_entities)) {
            *error =
                "an unknown entity or a bare '&'; write &amp;, &lt;, &gt;, &quot;, &apos; or a "
                "character reference such as &#160;";
            return s;
        }
        s += n;
    }
    return NULL;
}

static int within(int limit, int standard, int most)
{
    if (limit <= 0)
        return standard;
    return limit < most ? limit : most;
}

void fhir_xscan_init(fhir_xscan_t *scan, const char *s, apr_size_t len,
                     const fhir_node_limits_t *limits)
{
    const char *end = s + len;
    while (s < end && is_blank(*s))
        s++;
    while (end > s && is_blank(end[-1]))
        end--;
    scan->start = scan->at = s;
    scan->end = end;
    scan->error = NULL;
    scan->limit = 0;
    scan->max_depth =
        limits ? within(limits->max_depth, 64, FHIR_NODE_DEPTH_MOST) : FHIR_NODE_DEPTH_MOST;
    scan->max_attrs =
        limits ? within(limits->max_attrs, 64, FHIR_NODE_ATTRS_MOST) : FHIR_NODE_ATTRS_MOST;
    scan->n_attrs = scan->depth = scan->done = scan->n_prefixes = scan->has_namespace = 0;
}

static int known_prefix(const fhir_xscan_t *scan, const fhir_xspan_t *prefix)
{
    for (int i = 0; i < scan->n_prefixes; i++)
        if (same(&scan->prefixes[i], prefix))
            return 1;
    return 0;
}

/* Removes the prefix of a name; 0 when it is not declared. */
static int split_name(fhir_xspan_t *local, const fhir_xscan_t *scan, const fhir_xspan_t *name)
{
    const char *colon = memchr(name->s, ':', name->len);
    *local = *name;
    if (!colon)
        return 1;
    fhir_xspan_t prefix;
    prefix.s = name->s;
    prefix.len = (apr_size_t)(colon - name->s);
    local->s = colon + 1;
    local->len = name->len - prefix.len - 1;
    return local->len && !memchr(local->s, ':', local->len) && known_prefix(scan, &prefix);
}

/* Checks a namespace declaration: only XHTML, and prefixes only on the div. Returns NULL, or what
 * is wrong. */
static const char *declare(fhir_xscan_t *scan, const fhir_xattr_t *attr)
{
    if (!fhir_xspan_is(&attr->value, FHIR_XHTML_NAMESPACE))
        return "the narrative may only be in the namespace " FHIR_XHTML_NAMESPACE;
    if (attr->name.len == 5) {
        scan->has_namespace |= scan->depth == 0;
        return NULL;
    }
    fhir_xspan_t prefix;
    prefix.s = attr->name.s + 6;
    prefix.len = attr->name.len - 6;
    if (known_prefix(scan, &prefix))
        return NULL;
    if (scan->depth > 0 || !prefix.len || memchr(prefix.s, ':', prefix.len) ||
        fhir_xspan_is(&prefix, "xmlns") || fhir_xspan_is(&prefix, "xml"))
        return "namespace prefixes of the narrative must be declared on its div";
    scan->prefixes[scan->n_prefixes++] = prefix;
    return NULL;
}

/* Reads name="value" at s. Returns the text after it, or NULL with scan's error set. */
static const char *read_attr(fhir_xscan_t *scan, fhir_xattr_t *attr, const char *s)
{
    const char *e = name_end(s, scan->end);
    attr->name.s = s;
    attr->name.len = (apr_size_t)(e - s);
    while (e < scan->end && is_blank(*e))
        e++;
    if (!attr->name.len || e == scan->end || *e != '=') {
        fail(scan, s, "an attribute must be written as name=\"value\"");
        return NULL;
    }
    do
        e++;
    while (e < scan->end && is_blank(*e));
    if (e == scan->end || (*e != '"' && *e != '\'')) {
        fail(scan, s, "the value of an attribute must be in quotes");
        return NULL;
    }
    attr->value.s = e + 1;
    e = memchr(e + 1, *e, (apr_size_t)(scan->end - e - 1));
    if (!e) {
        fail(scan, s, "the value of this attribute does not end");
        return NULL;
    }
    attr->value.len = (apr_size_t)(e - attr->value.s);
    const char *error, *bad;
    if ((bad = check_text(&error, attr->value.s, e, 1))) {
        fail(scan, bad, error);
        return NULL;
    }
    return e + 1;
}

/* Adds an attribute to the token, or notes a namespace. Returns NULL, or what is wrong. */
static const char *take_attr(fhir_xscan_t *scan, fhir_xattr_t *seen, int n_seen,
                             const fhir_xattr_t *attr)
{
    for (int i = 0; i < n_seen; i++)
        if (same(&seen[i].name, &attr->name))
            return "an attribute may occur only once in an element";
    seen[n_seen] = *attr;
    if (fhir_xspan_is(&attr->name, "xmlns") || starts(attr->name.s, attr->value.s, "xmlns:"))
        return declare(scan, attr);
    if (memchr(attr->name.s, ':', attr->name.len) && !fhir_xspan_is(&attr->name, "xml:lang") &&
        !fhir_xspan_is(&attr->name, "xml:space"))
        return "attributes of other namespaces are not allowed";
    scan->attrs[scan->n_attrs++] = *attr;
    return NULL;
}

static fhir_xtoken_t read_open(fhir_xscan_t *scan)
{
    const char *s = scan->at + 1, *e = name_end(s, scan->end);
    fhir_xspan_t name = {s, (apr_size_t)(e - s)};
    int n = 0;
    if (!name.len)
        return fail(scan, scan->at, "'<' must begin a tag here; write &lt; for the character");
    fhir_xattr_t seen[FHIR_NODE_ATTRS_MOST], attr;
    const char *error;
    for (scan->n_attrs = 0;; n++) {
        const char *before = e;
        while (e < scan->end && is_blank(*e))
            e++;
        if (e == scan->end)
            return fail(scan, scan->at, "this tag does not end");
        if (*e == '>' || *e == '/')
            break;
        if (e == before)
            return fail(scan, e, "blanks must separate attributes");
        if (n == scan->max_attrs)
            return over(scan, scan->max_attrs, "too many attributes in one element");
        s = e;
        if (!(e = read_attr(scan, &attr, s)))
            return FHIR_XTOKEN_ERROR;
        if ((error = take_attr(scan, seen, n, &attr)))
            return fail(scan, s, error);
    }
    scan->empty = *e == '/';
    if (scan->empty && (++e == scan->end || *e != '>'))
        return fail(scan, scan->at, "this tag does not end");
    if (!split_name(&scan->name, scan, &name))
        return fail(scan, scan->at, "the namespace prefix of this element is not declared");
    if (scan->depth == scan->max_depth)
        return over(scan, scan->max_depth, "the elements of the narrative are nested too deeply");
    scan->open[scan->depth] = name;
    if (scan->empty)
        scan->done = scan->depth == 0;
    else
        scan->depth++;
    scan->at = e + 1;
    return FHIR_XTOKEN_OPEN;
}

static fhir_xtoken_t read_close(fhir_xscan_t *scan)
{
    const char *s = scan->at + 2, *e = name_end(s, scan->end);
    fhir_xspan_t name = {s, (apr_size_t)(e - s)};
    while (e < scan->end && is_blank(*e))
        e++;
    if (e == scan->end || *e != '>')
        return fail(scan, scan->at, "this end tag does not end");
    if (!scan->depth || !same(&name, &scan->open[scan->depth - 1]))
        return fail(scan, scan->at, "this end tag does not match the element that is open");
    split_name(&scan->name, scan, &name);
    scan->depth--;
    scan->done = scan->depth == 0;
    scan->at = e + 1;
    return FHIR_XTOKEN_CLOSE;
}

/* Reads a comment or CDATA section. XML does not allow `--` in a comment. */
static fhir_xtoken_t read_section(fhir_xscan_t *scan, const char *open, const char *close,
                                  fhir_xtoken_t token)
{
    const char *s = scan->at + strlen(open), *e;
    apr_size_t n = strlen(close);
    for (e = s; e < scan->end && (e = memchr(e, *close, (apr_size_t)(scan->end - e))); e++) {
        if (starts(e, scan->end, close))
            break;
        if (token == FHIR_XTOKEN_COMMENT && starts(e, scan->end, "--"))
            return fail(scan, e, "a comment may not hold '--'");
    }
    if (!e || e >= scan->end)
        return fail(scan, scan->at, "this comment or section does not end");
    if (fhir_xscan_chars(s, e) < (apr_size_t)(e - s))
        return fail(scan, scan->at, "a control character that XML does not allow");
    scan->text.s = s;
    scan->text.len = (apr_size_t)(e - s);
    scan->at = e + n;
    return token;
}

/* A text ends at a tag, and at an entity that XML does not know, which is a token of its own. */
static fhir_xtoken_t read_text(fhir_xscan_t *scan)
{
    const char *s = scan->at, *e;
    unsigned code;
    apr_size_t n;
    for (e = s; e < scan->end && *e != '<'; e++) {
        if (*e != '&' || !(n = fhir_xscan_reference(&code, e, scan->end)) || code)
            continue;
        if (e > s)
            break;
        scan->name.s = e + 1;
        scan->name.len = n - 2;
        scan->at = e + n;
        return FHIR_XTOKEN_ENTITY;
    }
    const char *error, *bad;
    if ((bad = check_text(&error, s, e, 0)))
        return fail(scan, bad, error);
    for (const char *c = s; (c = memchr(c, ']', (apr_size_t)(e - c))); c++)
        if (starts(c, e, "]]>"))
            return fail(scan, c, "write ]]&gt; for ]]> in text");
    scan->text.s = s;
    scan->text.len = (apr_size_t)(e - s);
    scan->at = e;
    return FHIR_XTOKEN_TEXT;
}

static fhir_xtoken_t read_token(fhir_xscan_t *scan)
{
    if (scan->at == scan->end) {
        if (scan->done)
            return FHIR_XTOKEN_END;
        return fail(scan, scan->at,
                    scan->depth ? "an element is not closed"
                                : "the narrative is empty; it must be a div");
    }
    if (scan->done)
        return fail(scan, scan->at, "nothing may follow the div");
    if (starts(scan->at, scan->end, "</"))
        return read_close(scan);
    if (starts(scan->at, scan->end, "<!--") && scan->depth)
        return read_section(scan, "<!--", "-->", FHIR_XTOKEN_COMMENT);
    if (starts(scan->at, scan->end, "<![CDATA[") && scan->depth)
        return read_section(scan, "<![CDATA[", "]]>", FHIR_XTOKEN_CDATA);
    if (starts(scan->at, scan->end, "<!") || starts(scan->at, scan->end, "<?"))
        return fail(scan, scan->at,
                    "document types and processing instructions are not allowed in a narrative");
    if (*scan->at == '<')
        return read_open(scan);
    if (!scan->depth)
        return fail(scan, scan->at, "the narrative must be a div element");
    return read_text(scan);
}

fhir_xtoken_t fhir_xscan_next(fhir_xscan_t *scan)
{
    const char *s = scan->at;
    fhir_xtoken_t token = read_token(scan);
    scan->raw.s = s;
    scan->raw.len = (apr_size_t)(scan->at - s);
    return token;
}
