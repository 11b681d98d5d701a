/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content negotiation: Accept, _format, Content-Type, and entity tags that differ by format.
 * fhir_render.c writes the response in the format.
 */
#include "fhir/format/fhir_format.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>
#include <strings.h>

/* Every name of a format. Short names are only for _format. */
typedef struct name_t {
    const char *name;
    fhir_format_t format;
} name_t;
static const name_t media_types[] = {
    {"application/fhir+json", FHIR_FORMAT_JSON},
    {"application/json+fhir", FHIR_FORMAT_JSON},
    {"application/json", FHIR_FORMAT_JSON},
    {"text/json", FHIR_FORMAT_JSON},
    {"application/fhir+xml", FHIR_FORMAT_XML},
    {"application/xml+fhir", FHIR_FORMAT_XML},
    {"application/xml", FHIR_FORMAT_XML},
    {"text/xml", FHIR_FORMAT_XML},
    {"text/html", FHIR_FORMAT_HTML},
    {NULL, FHIR_FORMAT_NONE},
};
/* Clients that send a patch often accept only the media type of the patch. They get the resource,
 * in the format of the patch. */
static const name_t patch_types[] = {
    {"application/json-patch+json", FHIR_FORMAT_JSON},
    {"application/xml-patch+xml", FHIR_FORMAT_XML},
    {NULL, FHIR_FORMAT_NONE},
};
static const name_t short_names[] = {
    {"json", FHIR_FORMAT_JSON},
    {"xml", FHIR_FORMAT_XML},
    {"html", FHIR_FORMAT_HTML},
    {NULL, FHIR_FORMAT_NONE},
};

/* The media types that are written: [0] R4 and later, [1] DSTU2, which puts fhir last. */
static const char *const written[FHIR_FORMAT_COUNT_][2] = {
    [FHIR_FORMAT_JSON] = {"application/fhir+json; charset=utf-8",
                          "application/json+fhir; charset=utf-8"},
    [FHIR_FORMAT_XML] = {"application/fhir+xml; charset=utf-8",
                         "application/xml+fhir; charset=utf-8"},
    [FHIR_FORMAT_HTML] = {"text/html; charset=utf-8", "text/html; charset=utf-8"},
};
static const char *const etag_suffix[FHIR_FORMAT_COUNT_] = {
    [FHIR_FORMAT_JSON] = "", /* R4: the version alone; Vary says that the format may differ */
    [FHIR_FORMAT_XML] = "",
    [FHIR_FORMAT_HTML] = "-html",
    [FHIR_FORMAT_RAW] = "-raw",
};

/* A media range or media type of a header. */
typedef struct range_t {
    char type[64];    /* in lower case; "" when it was too long */
    int q;            /* thousandths */
    int version_ok;   /* 1 if it has no fhirVersion, or that of this model */
    char charset[32]; /* lower case, "" when none was given */
} range_t;

static fhir_format_t lookup(const name_t *table, const char *name)
{
    for (; table->name; table++)
        if (!strcmp(table->name, name))
            return table->format;
    return FHIR_FORMAT_NONE;
}

/* Copies [s, e) without blanks around it, in lower case; "" when it does not fit. */
static void copy_lower(char *out, apr_size_t size, const char *s, const char *e)
{
    while (s < e && apr_isspace(*s))
        s++;
    while (e > s && apr_isspace(e[-1]))
        e--;
    apr_size_t n = (apr_size_t)(e - s);
    if (n >= size)
        n = 0;
    for (apr_size_t i = 0; i < n; i++)
        out[i] = (char)apr_tolower(s[i]);
    out[n] = '\0';
}

/* A qvalue (RFC 9110) in thousandths; an invalid one counts as 1. */
static int parse_q(const char *s)
{
    int unit = 100;
    if ((s[0] != '0' && s[0] != '1') || (s[1] && s[1] != '.'))
        return 1000;
    int q = (s[0] - '0') * 1000;
    for (int i = 2; s[1] && apr_isdigit(s[i]) && unit; i++, unit /= 10)
        q += (s[i] - '0') * unit;
    return q > 1000 ? 1000 : q;
}

/* "4.0" and "4.0.1" name version 4.0.1; "4" is no fhirVersion. */
static int version_matches(const fhir_model_t *model, const char *value)
{
    apr_size_t n = strlen(value);
    return strchr(value, '.') && !strncmp(model->version, value, n) &&
           (model->version[n] == '\0' || model->version[n] == '.');
}

/* End of the item that starts at s: the next separator outside quotes, or the end. */
static const char *item_end(const char *s, char separator)
{
    int quoted = 0;
    for (; *s && (quoted || *s != separator); s++) {
        if (quoted && *s == '\\' && s[1])
            s++;
        else if (*s == '"')
            quoted = !quoted;
    }
    return s;
}

static void parse_parameter(range_t *range, const fhir_model_t *model, const char *s, const char *e)
{
    const char *eq = memchr(s, '=', (apr_size_t)(e - s));
    if (!eq)
        return;
    char name[32];
    copy_lower(name, sizeof(name), s, eq);
    char value[64];
    copy_lower(value, sizeof(value), eq + 1, e);
    apr_size_t n = strlen(value);
    if (n > 1 && value[0] == '"' && value[n - 1] == '"') {
        memmove(value, value + 1, n - 2);
        value[n - 2] = '\0';
    }
    if (!strcmp(name, "q"))
        range->q = parse_q(value);
    else if (!strcmp(name, "fhirversion"))
        range->version_ok = version_matches(model, value);
    else if (!strcmp(name, "charset"))
        apr_cpystrn(range->charset, *value ? value : "?", sizeof(range->charset));
}

/* Parses one media range with its parameters; returns the text after it and its comma. */
static const char *parse_range(range_t *range, const fhir_model_t *model, const char *s)
{
    const char *end = item_end(s, ','), *e = item_end(s, ';');
    range->q = 1000;
    range->version_ok = 1;
    range->charset[0] = '\0';
    if (e > end)
        e = end;
    copy_lower(range->type, sizeof(range->type), s, e);
    while (e < end) {
        s = e + 1;
        e = item_end(s, ';');
        if (e > end)
            e = end;
        parse_parameter(range, model, s, e);
    }
    return *end ? end + 1 : end;
}

/* How well the client accepts a format; a more exact range overrides a wildcard (RFC 9110
 * 12.5.1). */
typedef struct wish_t {
    int exactness; /* 0 not named, 1 any type, 2 "application" and any, 3 named */
    int q;
    int position; /* of the range in the header */
} wish_t;

static void take_wish(wish_t *wish, int exactness, int q, int position)
{
    if (exactness < wish->exactness || (exactness == wish->exactness && q <= wish->q))
        return;
    wish->exactness = exactness;
    wish->q = q;
    wish->position = position;
}

/* Notes one range. A wildcard never selects a page for people. */
static void take_range(wish_t *wishes, const range_t *range, int position)
{
    fhir_format_t named = lookup(media_types, range->type);
    fhir_format_t patched = lookup(patch_types, range->type);
    int any = !strcmp(range->type, "*/*") || !strcmp(range->type, "*");
    if (!range->version_ok)
        return;
    if (named != FHIR_FORMAT_NONE)
        take_wish(&wishes[named], 3, range->q, position);
    else if (patched != FHIR_FORMAT_NONE)
        take_wish(&wishes[patched], 3, range->q, position);
    else if (any || !strcmp(range->type, "application/*")) {
        take_wish(&wishes[FHIR_FORMAT_JSON], any ? 1 : 2, range->q, position);
        take_wish(&wishes[FHIR_FORMAT_XML], any ? 1 : 2, range->q, position);
    }
}

static fhir_format_t from_accept(const fhir_model_t *model, const char *accept)
{
    wish_t wishes[FHIR_FORMAT_COUNT_];
    fhir_format_t best = FHIR_FORMAT_NONE;
    int position = 0;
    memset(wishes, 0, sizeof(wishes));
    range_t range;
    while (*accept) {
        accept = parse_range(&range, model, accept);
        take_range(wishes, &range, position++);
    }
    for (fhir_format_t f = FHIR_FORMAT_JSON; f < FHIR_FORMAT_COUNT_; f++) {
        const wish_t *w = &wishes[f], *b = &wishes[best];
        if (w->q > b->q || (w->q && w->q == b->q && w->position < b->position))
            best = f;
    }
    return best;
}

static fhir_format_t from_parameter(const fhir_model_t *model, const char *value)
{
    range_t range;
    parse_range(&range, model, value);
    char *blank;
    if ((blank = strchr(range.type, ' '))) /* an unencoded '+' in the URL */
        *blank = '+';
    fhir_format_t format = lookup(short_names, range.type);
    if (format == FHIR_FORMAT_NONE)
        format = lookup(media_types, range.type);
    return range.version_ok ? format : FHIR_FORMAT_NONE;
}

/* A media type that is written, without its charset. */
static const char *type_written(const fhir_model_t *model, fhir_format_t format, apr_pool_t *pool)
{
    const char *type = written[format][model->version[0] == '1'];

    return apr_pstrmemdup(pool, type, strcspn(type, ";"));
}

fhir_err_t *fhir_format_accept(fhir_format_t *out, const fhir_model_t *model, const char *accept,
                               const char *format, apr_pool_t *pool)
{
    *out = FHIR_FORMAT_JSON;
    if (format && *format)
        *out = from_parameter(model, format);
    else if (accept && accept[strspn(accept, " \t,")])
        *out = from_accept(model, accept);
    if (*out != FHIR_FORMAT_NONE)
        return NULL;
    *out = FHIR_FORMAT_JSON;
    return fhir_err_create(pool, FHIR_ERR_NOT_ACCEPTABLE,
                           "none of the formats in %s can be written; ask for %s, %s or text/html "
                           "(FHIR version %s), or %s",
                           format && *format ? "_format" : "the Accept header",
                           type_written(model, FHIR_FORMAT_JSON, pool),
                           type_written(model, FHIR_FORMAT_XML, pool), model->version,
                           format && *format ? "_format=json, xml or html"
                                             : "use the parameter _format");
}

fhir_err_t *fhir_format_content(fhir_format_t *out, const fhir_model_t *model,
                                const char *content_type, apr_pool_t *pool)
{
    *out = FHIR_FORMAT_NONE;
    const char *both = apr_pstrcat(pool, type_written(model, FHIR_FORMAT_JSON, pool), " or ",
                                   type_written(model, FHIR_FORMAT_XML, pool), NULL);
    if (!content_type || !content_type[strspn(content_type, " \t")])
        return fhir_err_create(pool, FHIR_ERR_MEDIA_TYPE,
                               "the request has a body but no Content-Type; send %s", both);
    range_t range;
    const char *rest = parse_range(&range, model, content_type);
    fhir_format_t format = lookup(media_types, range.type);
    if (*rest || (format != FHIR_FORMAT_JSON && format != FHIR_FORMAT_XML))
        return fhir_err_create(pool, FHIR_ERR_MEDIA_TYPE,
                               "this Content-Type is not supported; send %s", both);
    if (!range.version_ok)
        return fhir_err_create(pool, FHIR_ERR_MEDIA_TYPE,
                               "fhirVersion of the Content-Type is not %s, the version of this "
                               "endpoint",
                               model->version);
    if (range.charset[0] && strcmp(range.charset, "utf-8") && strcmp(range.charset, "utf8"))
        return fhir_err_create(pool, FHIR_ERR_MEDIA_TYPE,
                               "this charset is not supported; FHIR resources are UTF-8");
    *out = format;
    return NULL;
}

const char *fhir_format_media_type(const fhir_model_t *model, fhir_format_t format)
{
    return written[format][model->version[0] == '1'];
}

const char *fhir_format_etag(const char *version_id, fhir_format_t format, apr_pool_t *pool)
{
    return apr_psprintf(pool, "W/\"%s%s\"", version_id, etag_suffix[format]);
}

int fhir_format_same_etag(fhir_format_t a, fhir_format_t b)
{
    return !strcmp(etag_suffix[a], etag_suffix[b]);
}

/* mod_deflate and mod_brotli add a suffix to the tags of compressed responses. */
static apr_size_t without_coding(const char *tag, apr_size_t n)
{
    if (n > 5 && !memcmp(tag + n - 5, "-gzip", 5))
        return n - 5;
    return n > 3 && !memcmp(tag + n - 3, "-br", 3) ? n - 3 : n;
}

const char *fhir_format_etag_version(fhir_format_t *format, const char *tag, apr_pool_t *pool)
{
    tag += strspn(tag, " \t");
    if (!strncmp(tag, "W/", 2))
        tag += 2;
    apr_size_t n = strlen(tag);
    while (n && apr_isspace(tag[n - 1]))
        n--;
    if (n < 3 || tag[0] != '"' || tag[n - 1] != '"')
        return NULL;
    tag++;
    n -= 2;
    if (memchr(tag, '"', n))
        return NULL;
    n = without_coding(tag, n);
    fhir_format_t f;
    for (f = FHIR_FORMAT_HTML; f < FHIR_FORMAT_COUNT_; f++) {
        apr_size_t s = strlen(etag_suffix[f]);
        if (n > s && !memcmp(tag + n - s, etag_suffix[f], s)) {
            n -= s;
            break;
        }
    }
    if (format)
        *format = f < FHIR_FORMAT_COUNT_ ? f : FHIR_FORMAT_JSON;
    return apr_pstrmemdup(pool, tag, n);
}
