/* SPDX-License-Identifier: Apache-2.0 */
/* Rewriting of references. The callers know the addresses of entries, and what conditional
 * references match. */
#include "fhir/write/fhir_relink.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "core/fhir_hash.h"

#define HISTORY "/_history/"

struct fhir_relink_t {
    fhir_relink_uris_t uris;
    apr_hash_t *targets;  /* URL → "Type/id" */
    apr_hash_t *versions; /* URL → "Type/id/_history/n", or "Type/id" */
    apr_pool_t *pool;
};

fhir_relink_t *fhir_relink_create(fhir_relink_uris_t uris, apr_pool_t *pool)
{
    fhir_relink_t *relink = apr_palloc(pool, sizeof(*relink));
    *relink = (fhir_relink_t){uris, fhir_hash_make(pool), fhir_hash_make(pool), pool};
    return relink;
}

int fhir_relink_add(fhir_relink_t *relink, const char *url, const char *type, const char *id,
                    int version)
{
    const char *target = apr_pstrcat(relink->pool, type, "/", id, NULL);
    if (apr_hash_get(relink->targets, url, APR_HASH_KEY_STRING))
        return 0;
    apr_hash_set(relink->targets, url, APR_HASH_KEY_STRING, target);
    if (version)
        target = apr_psprintf(relink->pool, "%s" HISTORY "%d", target, version);
    apr_hash_set(relink->versions, url, APR_HASH_KEY_STRING, target);
    return 1;
}

const char *fhir_relink_root(const char *full_url, apr_pool_t *pool)
{
    int slashes = 0;
    if (!full_url || strncmp(full_url, "http", 4) != 0)
        return NULL;
    const char *end = full_url + strlen(full_url);
    for (; end > full_url && slashes < 2; end--)
        slashes += end[-1] == '/';
    return slashes < 2 ? NULL : apr_pstrmemdup(pool, full_url, (apr_size_t)(end - full_url + 1));
}

const fhir_type_t *fhir_relink_condition(const fhir_link_t *link, const fhir_model_t *model)
{
    const char *text = link->value->text;
    const char *mark = link->kind == FHIR_LINK_REFERENCE && link->value->text_len
                           ? memchr(text, '?', link->value->text_len)
                           : NULL;
    return mark ? fhir_model_resource(model, text, (apr_size_t)(mark - text)) : NULL;
}

/* The address to which a reference leads: that of the entry with this fullUrl or, in an entry from
 * the same server, with this fullUrl relative to the entry's own. A version number of the client
 * becomes that of the new version. */
static const char *target_of(const fhir_relink_t *relink, const char *text, apr_size_t len,
                             const char *root)
{
    const char *version = len ? memmem(text, len, HISTORY, strlen(HISTORY)) : NULL;
    apr_hash_t *targets = version ? relink->versions : relink->targets;
    if (version)
        len = (apr_size_t)(version - text);
    const char *target = apr_hash_get(targets, text, (apr_ssize_t)len);
    if (!target && root)
        target = apr_hash_get(targets, apr_psprintf(relink->pool, "%s%.*s", root, (int)len, text),
                              APR_HASH_KEY_STRING);
    return target;
}

const char *fhir_relink_target(const fhir_relink_t *relink, const char *text)
{
    return target_of(relink, text, strlen(text), NULL);
}

/* Links of a narrative: attribute values that equal a fullUrl. Returns 1 if something changed; out
 * then has the whole narrative. */
static int relink_narrative(fhir_buf_t *out, const char *div, apr_size_t len, apr_hash_t *targets)
{
    const char *end = div + len, *copied = div, *s = div;
    while ((s = memchr(s, '=', (apr_size_t)(end - s))) && ++s < end) {
        const char *close =
            *s == '"' || *s == '\'' ? memchr(s + 1, *s, (apr_size_t)(end - s - 1)) : NULL;
        if (!close)
            continue;
        const char *target = apr_hash_get(targets, s + 1, (apr_ssize_t)(close - s - 1));
        if (target) {
            fhir_buf_append(out, copied, (apr_size_t)(s + 1 - copied));
            fhir_buf_puts(out, target);
            copied = close;
        }
        s = close;
    }
    if (copied == div)
        return 0;
    fhir_buf_append(out, copied, (apr_size_t)(end - copied));
    return 1;
}

void fhir_relink_replace(apr_array_header_t *edits, const fhir_link_t *link, const char *text,
                         apr_size_t len)
{
    fhir_buf_t *json = fhir_buf_create(edits->pool, 0);
    fhir_buf_json_string(json, text, len);
    APR_ARRAY_PUSH(edits, fhir_edit_t) =
        (fhir_edit_t){link->value->start, link->value->end,
                      apr_pstrmemdup(edits->pool, json->data, json->len), json->len};
    fhir_buf_free(json);
}

void fhir_relink_edit(apr_array_header_t *edits, const fhir_relink_t *relink,
                      const fhir_link_t *link, const char *root)
{
    const char *text = link->value->text, *target = NULL;
    apr_size_t len = link->value->text_len;
    if (!apr_hash_count(relink->targets))
        return;
    if (link->kind == FHIR_LINK_NARRATIVE) {
        fhir_buf_t *div = fhir_buf_create(edits->pool, 0);
        if (relink_narrative(div, text, len, relink->targets))
            fhir_relink_replace(edits, link, div->data, div->len);
        fhir_buf_free(div);
        return;
    }
    if (link->kind == FHIR_LINK_REFERENCE)
        target = target_of(relink, text, len, root);
    else if (relink->uris == FHIR_RELINK_URIS_ALL || (len > 4 && !strncmp(text, "urn:", 4)))
        target = apr_hash_get(relink->targets, text, (apr_ssize_t)len);
    if (target)
        fhir_relink_replace(edits, link, target, strlen(target));
}

static int by_start(const void *a, const void *b)
{
    const fhir_edit_t *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

void fhir_relink_splice(fhir_buf_t *out, const char *source, const fhir_node_t *resource,
                        apr_array_header_t *edits, int compact)
{
    if (edits->nelts)
        qsort(edits->elts, (size_t)edits->nelts, sizeof(fhir_edit_t), by_start);
    fhir_stamp_splice(out, source, resource->start, resource->end, (const fhir_edit_t *)edits->elts,
                      edits->nelts, compact);
}
