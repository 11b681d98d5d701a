/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inserts id, meta.versionId and meta.lastUpdated into the text of a resource, and edits texts in
 * general. The tree has the byte offsets of values; nothing is parsed here.
 */
#include "fhir/write/fhir_stamp.h"

#include <apr_strings.h>

/* The end of the string that starts at s ('"'). The text was parsed before, so the string is
 * complete. */
static const char *skip_string(const char *s, const char *end)
{
    for (s++; s < end && *s != '"'; s++)
        if (*s == '\\')
            s++;
    return s < end ? s + 1 : end;
}

static int is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static void copy_compact(fhir_buf_t *out, const char *s, const char *end)
{
    while (s < end) {
        const char *run = s;
        while (s < end && !is_space(*s))
            s = *s == '"' ? skip_string(s, end) : s + 1;
        fhir_buf_append(out, run, (apr_size_t)(s - run));
        while (s < end && is_space(*s))
            s++;
    }
}

void fhir_stamp_splice(fhir_buf_t *out, const char *source, apr_uint32_t start, apr_uint32_t end,
                       const fhir_edit_t *edits, int n_edits, int compact)
{
    for (int i = 0; i <= n_edits; i++) {
        apr_uint32_t stop = i < n_edits ? edits[i].start : end;
        if (compact)
            copy_compact(out, source + start, source + stop);
        else
            fhir_buf_append(out, source + start, stop - start);
        if (i < n_edits) {
            fhir_buf_append(out, edits[i].text, edits[i].len);
            start = edits[i].end;
        }
    }
}

/* The few edits of a stamp, sorted by position. Their texts are in `text`. */
typedef struct stamp_t {
    fhir_edit_t edits[4];
    int n;
    char text[256];
    apr_size_t used;
} stamp_t;

static void add_edit(stamp_t *stamp, apr_uint32_t start, apr_uint32_t end, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void add_edit(stamp_t *stamp, apr_uint32_t start, apr_uint32_t end, const char *fmt, ...)
{
    char *text = stamp->text + stamp->used;
    int i = stamp->n++;
    va_list ap;

    va_start(ap, fmt);
    stamp->used += (apr_size_t)apr_vsnprintf(text, sizeof(stamp->text) - stamp->used, fmt, ap);
    va_end(ap);
    /* Edits at the same position keep the order of the calls: the id comes before meta. */
    for (; i > 0 && stamp->edits[i - 1].start > start; i--)
        stamp->edits[i] = stamp->edits[i - 1];
    stamp->edits[i] = (fhir_edit_t){start, end, text, strlen(text)};
}

static void stamp_meta(stamp_t *stamp, const fhir_node_t *meta, int version,
                       const char *last_updated)
{
    const fhir_node_t *v = fhir_node_get(meta, "versionId");
    const fhir_node_t *u = fhir_node_get(meta, "lastUpdated");
    const char *comma = meta->child ? "," : "";

    if (!v && !u) {
        add_edit(stamp, meta->start + 1, meta->start + 1,
                 "\"versionId\":\"%d\",\"lastUpdated\":\"%s\"%s", version, last_updated, comma);
        return;
    }
    if (v)
        add_edit(stamp, v->start, v->end, "\"%d\"", version);
    else
        add_edit(stamp, meta->start + 1, meta->start + 1, "\"versionId\":\"%d\",", version);
    if (u)
        add_edit(stamp, u->start, u->end, "\"%s\"", last_updated);
    else
        add_edit(stamp, v->end, v->end, ",\"lastUpdated\":\"%s\"", last_updated);
}

void fhir_stamp_json(fhir_buf_t *out, const char *source, const fhir_node_t *resource,
                     const char *id, int version, const char *last_updated)
{
    const fhir_node_t *type = fhir_node_get(resource, "resourceType");
    const fhir_node_t *old_id = fhir_node_get(resource, "id");
    const fhir_node_t *meta = fhir_node_get(resource, "meta");
    apr_uint32_t behind_id = old_id ? old_id->end : type->end;
    stamp_t stamp = {.n = 0};

    if (old_id)
        add_edit(&stamp, old_id->start, old_id->end, "\"%s\"", id);
    else
        add_edit(&stamp, behind_id, behind_id, ",\"id\":\"%s\"", id);
    if (meta)
        stamp_meta(&stamp, meta, version, last_updated);
    else
        add_edit(&stamp, behind_id, behind_id,
                 ",\"meta\":{\"versionId\":\"%d\",\"lastUpdated\":\"%s\"}", version, last_updated);
    fhir_stamp_splice(out, source, resource->start, resource->end, stamp.edits, stamp.n, 0);
}
