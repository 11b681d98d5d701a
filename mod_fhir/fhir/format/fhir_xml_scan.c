/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over an XML document before libxml2 sees it. It closes three gaps of libxml2: it guesses
 * encodings; it reads document types before anybody can refuse; and it compares every attribute of
 * an element with every other one, so that a few megabytes of attributes take hours.
 */
#include "fhir/format/fhir_xml_scan.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#include "core/fhir_text.h"

typedef struct scan_t {
    const char *start, *end;
    const fhir_node_limits_t *limits;
    apr_size_t nodes; /* elements and attributes so far */
    int depth;        /* open elements */
    apr_pool_t *pool;
} scan_t;

static fhir_err_t *refuse(const scan_t *scan, const char *at, fhir_code_t code, const char *what)
{
    int line, column;
    fhir_node_place(&line, &column, scan->start, (apr_size_t)(at - scan->start));
    fhir_err_t *err =
        fhir_err_create(scan->pool, code, "XML, line %d, column %d: %s", line, column, what);
    err->line = line;
    err->column = column;
    return err;
}

static int starts(const char *s, const char *end, const char *with)
{
    apr_size_t n = strlen(with);
    return (apr_size_t)(end - s) >= n && !memcmp(s, with, n);
}

/* The text after the next occurrence of close, or the end. */
static const char *behind(const char *s, const char *end, const char *close)
{
    for (; (s = memchr(s, *close, (apr_size_t)(end - s))); s++)
        if (starts(s, end, close))
            return s + strlen(close);
    return end;
}

/* <?xml version="1.0" encoding="…"?> may only name UTF-8. */
static fhir_err_t *check_declaration(const scan_t *scan, const char *s)
{
    const char *end = behind(s, scan->end, "?>"), *e;
    for (e = s; e < end && !starts(e, end, "encoding"); e++)
        ;
    if (e == end)
        return NULL;
    for (e += 8; e < end && *e != '"' && *e != '\''; e++)
        ;
    if (e == end)
        return NULL; /* the parser will report it */
    char quote = *e++;
    if (end - e > 6 && !strncasecmp(e, "utf-8", 5) && e[5] == quote)
        return NULL;
    return refuse(scan, e, FHIR_ERR_SYNTAX, "the encoding must be UTF-8");
}

static fhir_err_t *over(const scan_t *scan, const char *at, const char *fmt, int limit)
{
    return refuse(scan, at, FHIR_ERR_TOO_LARGE, apr_psprintf(scan->pool, fmt, limit));
}

/* Counts the tag from '<' to its '>', with n attributes. */
static fhir_err_t *count(scan_t *scan, const char *tag, const char *end, int n)
{
    const fhir_node_limits_t *limits = scan->limits;
    if (tag[1] == '/') {
        scan->depth--;
        return NULL;
    }
    scan->nodes += 1 + (apr_size_t)n;
    if (limits->max_nodes && scan->nodes > limits->max_nodes)
        return over(scan, tag,
                    "the document holds more than %d elements and attributes, the limit "
                    "here",
                    (int)limits->max_nodes);
    if (limits->max_depth && scan->depth >= limits->max_depth)
        return over(scan, tag, "elements are nested deeper than %d levels, the limit here",
                    limits->max_depth);
    scan->depth += end[-1] != '/';
    return NULL;
}

/* A start or end tag, whose attributes are counted. Returns the text after it, or NULL with err
 * set. */
static const char *read_tag(fhir_err_t **err, scan_t *scan, const char *s)
{
    const char *tag = s;
    int n = 0;
    for (; s < scan->end && *s != '>'; s++) {
        if (*s != '"' && *s != '\'')
            continue;
        if (++n > scan->limits->max_attrs) {
            *err = over(scan, tag, "the element has more than %d attributes, the limit here",
                        scan->limits->max_attrs);
            return NULL;
        }
        s = memchr(s + 1, *s, (apr_size_t)(scan->end - s - 1));
        if (!s)
            return scan->end;
    }
    *err = count(scan, tag, s, n);
    return *err ? NULL : s;
}

static fhir_err_t *check_tags(scan_t *scan, const char *s)
{
    fhir_err_t *err = NULL;
    while (s && s < scan->end && (s = memchr(s, '<', (apr_size_t)(scan->end - s)))) {
        if (starts(s, scan->end, "<!--")) {
            /* libxml2 copies the comment for each "--" in it, to report that */
            s = behind(s + 4, scan->end, "--");
            if (s == scan->end || *s != '>')
                return refuse(scan, s, FHIR_ERR_SYNTAX,
                              "a comment must end, and must not contain '--'");
        }
        else if (starts(s, scan->end, "<![CDATA["))
            s = behind(s, scan->end, "]]>");
        else if (starts(s, scan->end, "<?"))
            s = behind(s, scan->end, "?>");
        else if (starts(s, scan->end, "<!"))
            return refuse(scan, s, FHIR_ERR_SYNTAX, "document types are not allowed");
        else if (!(s = read_tag(&err, scan, s)))
            return err;
    }
    return NULL;
}

fhir_err_t *fhir_xml_scan(const char *xml, apr_size_t len, const fhir_node_limits_t *limits,
                          apr_pool_t *pool)
{
    scan_t scan = {.start = xml, .end = xml + len, .limits = limits, .pool = pool};
    const char *s = xml;
    if ((s = memchr(xml, '\0', len)))
        return refuse(&scan, s, FHIR_ERR_SYNTAX,
                      "the character U+0000 is not allowed; the document must be UTF-8");
    apr_size_t valid = fhir_text_utf8_prefix(xml, len);
    if (valid < len)
        return refuse(&scan, xml + valid, FHIR_ERR_SYNTAX,
                      "this byte is not valid UTF-8; the document must be encoded in UTF-8");
    s = xml;
    if (starts(s, scan.end, "\xEF\xBB\xBF"))
        s += 3;
    if (starts(s, scan.end, "<?xml") && s + 5 < scan.end && apr_isspace(s[5]))
        FHIR_TRY(check_declaration(&scan, s));
    while (s < scan.end && apr_isspace(*s))
        s++;
    if (s == scan.end)
        return refuse(&scan, s, FHIR_ERR_SYNTAX, "the document is empty");
    if (*s != '<')
        return refuse(&scan, s, FHIR_ERR_SYNTAX, "an XML document begins with '<'");
    return check_tags(&scan, s);
}
