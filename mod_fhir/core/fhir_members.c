/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the members of a JSON object in its text. */
#include "core/fhir_members.h"

#include <string.h>

static const char *skip_blanks(const char *s, const char *end)
{
    while (s < end && (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\r'))
        s++;
    return s;
}

/* The text behind the string at s; NULL if the string does not end. */
static const char *skip_string(const char *s, const char *end)
{
    for (s++; s < end && *s != '"'; s++)
        if (*s == '\\')
            s++;
    return s < end ? s + 1 : NULL;
}

/* The text behind the value at s; NULL if the value does not end. */
static const char *skip_value(const char *s, const char *end)
{
    int depth = 0;

    while (s < end) {
        if (*s == '"') {
            s = skip_string(s, end);
            if (!s || !depth)
                return s;
            continue;
        }
        if (*s == '{' || *s == '[')
            depth++;
        else if (*s == '}' || *s == ']') {
            if (!depth)
                return s;
            if (!--depth)
                return s + 1;
        }
        else if (*s == ',' && !depth)
            return s;
        s++;
    }
    return NULL;
}

void fhir_members_begin(fhir_members_t *m, const char *json, apr_size_t len)
{
    *m = (fhir_members_t){.end = json + len};
    m->at = skip_blanks(json, m->end);
    if (m->at < m->end && *m->at != '{')
        m->at = m->end;
}

int fhir_members_next(fhir_members_t *m)
{
    /* The brace or the comma before it. */
    if (m->at < m->end && *m->at == (m->name ? ',' : '{'))
        m->at = skip_blanks(m->at + 1, m->end);
    if (m->at == m->end || *m->at != '"')
        goto last;
    const char *s = m->at;
    m->name = s + 1;
    if (!(s = skip_string(s, m->end)))
        goto broken;
    m->name_len = (apr_size_t)(s - m->name) - 1;
    s = skip_blanks(s, m->end);
    if (s == m->end || *s != ':')
        goto broken;
    m->value = skip_blanks(s + 1, m->end);
    if (!(s = skip_value(m->value, m->end)))
        goto broken;
    m->value_len = (apr_size_t)(s - m->value);
    m->at = skip_blanks(s, m->end);
    return 1;

last:
    m->complete = m->at < m->end && *m->at == '}';
broken:
    m->at = m->end;
    return 0;
}

int fhir_members_is(const fhir_members_t *m, const char *name)
{
    return m->name_len == strlen(name) && !memcmp(m->name, name, m->name_len);
}
