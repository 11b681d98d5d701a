/* SPDX-License-Identifier: Apache-2.0 */
#include "core/fhir_multipart.h"

#include <apr_strings.h>
#include <string.h>

#define TYPE         "multipart/form-data"
#define BOUNDARY_MAX 70 /* RFC 2046 section 5.1.1 */

/* What is left of a body. */
typedef struct rest_t {
    const char *at, *end;
} rest_t;

int fhir_multipart_is(const char *type)
{
    apr_size_t len = sizeof(TYPE) - 1;
    return type && !strncasecmp(type, TYPE, len) && strchr("; \t", type[len]) != NULL;
}

/* The value of a parameter of a header's field: a token or a quoted string; "" when it is absent.
 */
static const char *param(const char *field, const char *name, apr_pool_t *pool)
{
    apr_size_t len = strlen(name);
    for (const char *s = strchr(field, ';'); s; s = strchr(s, ';')) {
        s += 1 + strspn(s + 1, " \t");
        if (strncasecmp(s, name, len) != 0 || s[len] != '=')
            continue;
        s += len + 1;
        return *s == '"' ? apr_pstrmemdup(pool, s + 1, strcspn(s + 1, "\""))
                         : apr_pstrmemdup(pool, s, strcspn(s, "; \t\r\n"));
    }
    return "";
}

/* The first place of a text, or NULL. */
static const char *find(const rest_t *in, const char *text)
{
    apr_size_t len = strlen(text);
    for (const char *s = in->at; s && (apr_size_t)(in->end - s) >= len; s++) {
        s = memchr(s, *text, (apr_size_t)(in->end - s) - len + 1);
        if (!s || !memcmp(s, text, len))
            return s;
    }
    return NULL;
}

static int take(rest_t *rest, const char *text)
{
    apr_size_t len = strlen(text);
    if ((apr_size_t)(rest->end - rest->at) < len || memcmp(rest->at, text, len) != 0)
        return 0;
    rest->at += len;
    return 1;
}

static fhir_err_t *bad(apr_pool_t *pool, const char *what)
{
    return fhir_err_create(pool, FHIR_ERR_SYNTAX, "The form is not valid multipart/form-data: %s",
                           what);
}

/* The headers of a part, and the empty line behind them. */
static fhir_err_t *read_headers(fhir_part_t *part, rest_t *rest, apr_pool_t *pool)
{
    static const char wanted[] = "Content-Disposition:";
    part->name = "";
    while (!take(rest, "\r\n")) {
        const char *end = find(rest, "\r\n");
        if (!end)
            return bad(pool, "a part has no end of its headers");
        const char *line = apr_pstrmemdup(pool, rest->at, (apr_size_t)(end - rest->at));
        rest->at = end + 2;
        if (strncasecmp(line, wanted, sizeof(wanted) - 1) != 0)
            continue;
        part->name = param(line, "name", pool);
        part->is_file = *param(line, "filename", pool) || strstr(line, "filename=\"\"");
    }
    return *part->name ? NULL : bad(pool, "a part has no name");
}

fhir_err_t *fhir_multipart_parse(fhir_parts_t *parts, const char *content_type, const char *body,
                                 apr_size_t len, apr_pool_t *pool)
{
    rest_t rest = {body, body + len};
    const char *boundary = param(content_type, "boundary", pool);
    *parts = (fhir_parts_t){.n = 0};
    if (!*boundary || strlen(boundary) > BOUNDARY_MAX)
        return bad(pool, "its boundary has 1 to 70 letters");
    if (!take(&rest, "--") || !take(&rest, boundary))
        return bad(pool, "it does not begin with the boundary");
    const char *between = apr_pstrcat(pool, "\r\n--", boundary, NULL);
    while (!take(&rest, "--")) {
        fhir_part_t *part = &parts->list[parts->n];
        if (parts->n == FHIR_MULTIPART_PARTS)
            return fhir_err_create(pool, FHIR_ERR_LIMIT, "The form has more than %d fields",
                                   FHIR_MULTIPART_PARTS);
        if (!take(&rest, "\r\n"))
            return bad(pool, "a line with a boundary goes on");
        FHIR_TRY(read_headers(part, &rest, pool));
        const char *end = find(&rest, between);
        if (!end)
            return bad(pool, "the last boundary is missing");
        part->data = rest.at;
        part->len = (apr_size_t)(end - rest.at);
        rest.at = end + strlen(between);
        parts->n++;
    }
    return NULL;
}
