/* SPDX-License-Identifier: Apache-2.0 */
/* The scanner of FHIRPath: blanks, comments, words, quoted texts and their escapes, errors. */
#include "fhir/fhirpath/fhir_path_scan.h"

#include <apr_strings.h>
#include <stdarg.h>

fhir_err_t *path_syntax(const parser_t *p, const char *at, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    const char *what = apr_pvsprintf(p->pool, fmt, ap);
    va_end(ap);
    int line, column;
    fhir_node_place(&line, &column, p->start, (apr_size_t)(at - p->start));
    fhir_err_t *err = fhir_err_create(p->pool, FHIR_ERR_PARAM_VALUE,
                                      "FHIRPath, line %d, column %d: %s", line, column, what);
    err->line = line;
    err->column = column;
    return err;
}

fhir_err_t *path_skip_blanks(parser_t *p)
{
    while (p->at < p->end) {
        const char *c = p->at;
        if (*c == ' ' || *c == '\t' || *c == '\r' || *c == '\n')
            p->at++;
        else if (*c == '/' && c + 1 < p->end && c[1] == '/') {
            while (p->at < p->end && *p->at != '\n')
                p->at++;
        }
        else if (*c == '/' && c + 1 < p->end && c[1] == '*') {
            for (p->at += 2; p->end - p->at >= 2 && memcmp(p->at, "*/", 2) != 0; p->at++)
                ;
            if (p->end - p->at < 2)
                return path_syntax(p, c, "the comment is not closed");
            p->at += 2;
        }
        else
            break;
    }
    return NULL;
}

apr_size_t path_word(const parser_t *p)
{
    const char *c = p->at;
    if (c < p->end && path_is_letter(*c)) {
        while (c < p->end && (path_is_letter(*c) || path_is_digit(*c)))
            c++;
    }
    return (apr_size_t)(c - p->at);
}

int path_is_word(const parser_t *p, const char *w)
{
    apr_size_t len = strlen(w);
    return path_word(p) == len && memcmp(p->at, w, len) == 0;
}

int path_take(parser_t *p, char c)
{
    if (path_peek(p) != c)
        return 0;
    p->at++;
    return 1;
}

/* UTF-8 of a character up to U+FFFF. */
static char *encode(char *out, unsigned c)
{
    if (c < 0x80)
        *out++ = (char)c;
    else if (c < 0x800) {
        *out++ = (char)(0xC0 | c >> 6);
        *out++ = (char)(0x80 | (c & 63));
    }
    else {
        *out++ = (char)(0xE0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 63));
        *out++ = (char)(0x80 | (c & 63));
    }
    return out;
}

static fhir_err_t *escape(parser_t *p, char **out)
{
    static const char from[] = "'\"`\\/rntf", to[] = "'\"`\\/\r\n\t\f";
    const char *at = p->at - 1;
    unsigned c = 0;

    if (path_peek(p) == 'u' && p->end - p->at >= 5) {
        p->at++;
        for (int i = 0; i < 4; i++, p->at++) {
            char h = *p->at;
            if (path_is_digit(h))
                c = c * 16 + (unsigned)(h - '0');
            else if ((h | 32) >= 'a' && (h | 32) <= 'f')
                c = c * 16 + (unsigned)((h | 32) - 'a' + 10);
            else
                return path_syntax(p, at, "\\u takes four hexadecimal digits");
        }
        if (c == 0 || (c >= 0xD800 && c <= 0xDFFF))
            return path_syntax(p, at, "\\u%04X is not a character", c);
        *out = encode(*out, c);
        return NULL;
    }
    const char *found = path_peek(p) ? strchr(from, path_peek(p)) : NULL;
    if (!found)
        return path_syntax(p, at,
                           "unknown escape; allowed are \\' \\\" \\` \\\\ \\/ \\r \\n \\t \\f and "
                           "\\u with four hexadecimal digits");
    *(*out)++ = to[found - from];
    p->at++;
    return NULL;
}

fhir_err_t *path_quoted(parser_t *p, char quote, const char **text, apr_uint32_t *len)
{
    const char *open = p->at++;
    char *buf = apr_palloc(p->pool, (apr_size_t)(p->end - open) + 1), *out = buf;

    while (p->at < p->end && *p->at != quote) {
        char c = *p->at++;
        if (c != '\\')
            *out++ = c;
        else
            FHIR_TRY(escape(p, &out));
    }
    if (!path_take(p, quote))
        return path_syntax(p, open, "the text that opens here is not closed with %c", quote);
    *out = '\0';
    *text = buf;
    *len = (apr_uint32_t)(out - buf);
    return NULL;
}

fhir_err_t *path_identifier(parser_t *p, const char **name, apr_uint32_t *len, const char *what)
{
    apr_size_t n = path_word(p);
    if (path_peek(p) == '`')
        return path_quoted(p, '`', name, len);
    if (!n)
        return path_syntax(p, p->at, "%s is expected", what);
    *name = p->at;
    *len = (apr_uint32_t)n;
    p->at += n;
    return NULL;
}
