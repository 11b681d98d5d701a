/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contained resources: what they must not have, and that each is referred to (dom-2 to dom-5).
 * Source: http://hl7.org/fhir/R4/references.html#contained
 */
#include <apr_strings.h>

#include "fhir/validate/fhir_check_private.h"

#include "core/fhir_hash.h"

static const fhir_node_t *items(const fhir_node_t *container)
{
    const fhir_node_t *list = fhir_node_get(container, "contained");

    return list && list->kind == FHIR_NODE_ARRAY ? list->child : NULL;
}

static const fhir_node_t *id_of(const fhir_node_t *resource)
{
    const fhir_node_t *id = fhir_node_get(resource, "id");

    return id && id->text ? id : NULL;
}

/* A contained resource by its id; the first, if several have the same id. */
typedef struct entry_t {
    const fhir_node_t *node;
    int referred; /* something refers to it */
} entry_t;

static entry_t *find(const fhir_check_t *c, const char *id, apr_size_t len)
{
    return c->contained ? apr_hash_get(c->contained, id, (apr_ssize_t)len) : NULL;
}

void fhir_check_contained_begin(fhir_check_t *c, const fhir_node_t *container)
{
    const fhir_node_t *item = items(container);

    c->contained = item ? fhir_hash_make(c->issues->pool) : NULL;
    const fhir_node_t *id;
    entry_t *entry;
    for (; item; item = item->next) {
        if (!(id = id_of(item)) || find(c, id->text, id->text_len))
            continue;
        entry = apr_pcalloc(c->issues->pool, sizeof(*entry));
        entry->node = item;
        apr_hash_set(c->contained, id->text, id->text_len, entry);
    }
}

int fhir_check_contained_refer(fhir_check_t *c, const fhir_node_t **target, const char *id,
                               apr_size_t len)
{
    entry_t *entry = find(c, id, len);

    if (!entry)
        return 0;
    entry->referred = 1;
    *target = entry->node;
    return 1;
}

/* A string "#" anywhere in a contained resource refers to its container. */
static int refers_up(const fhir_node_t *node)
{
    if (node->kind == FHIR_NODE_STRING && node->text_len == 1 && *node->text == '#')
        return 1;
    for (const fhir_node_t *child = node->child; child; child = child->next)
        if (refers_up(child))
            return 1;
    return 0;
}

void fhir_check_contained_end(fhir_check_t *c)
{
    const fhir_node_t *id;
    int i = 0;

    for (const fhir_node_t *item = items(c->container); item; item = item->next, i++) {
        apr_size_t mark = fhir_check_push(c, "contained", 9, i);
        const entry_t *entry = (id = id_of(item)) ? find(c, id->text, id->text_len) : NULL;

        if (entry && entry->node != item)
            fhir_check_finding(c, item, FHIR_ERR_INVALID, "contained-id",
                               "Another contained resource has the same id");
        else if (!(entry && entry->referred) && !refers_up(item))
            fhir_check_finding(c, item, FHIR_ERR_INVALID, "dom-3",
                               "Nothing refers to the contained resource by #id, nor does it refer "
                               "to the resource that contains it by #");
        fhir_check_pop(c, mark);
    }
}

void fhir_check_contained_item(fhir_check_t *c, const fhir_node_t *node)
{
    static const struct {
        const char *id, *parent, *name, *text;
    } banned[] = {
        {"dom-2", NULL, "contained", "A contained resource must not contain others"},
        {"dom-4", "meta", "versionId", "A contained resource must not have its own version"},
        {"dom-4", "meta", "lastUpdated", "A contained resource must not have its own version"},
        {"dom-5", "meta", "security", "Security labels belong to the resource that contains it"},
    };

    for (apr_size_t i = 0; i < sizeof(banned) / sizeof(banned[0]); i++) {
        const fhir_node_t *holder = banned[i].parent ? fhir_node_get(node, banned[i].parent) : node;
        const fhir_node_t *found = fhir_node_get(holder, banned[i].name);
        apr_size_t mark = c->path->len;

        if (!found)
            continue;
        if (banned[i].parent)
            fhir_check_push(c, banned[i].parent, strlen(banned[i].parent), -1);
        fhir_check_push(c, banned[i].name, strlen(banned[i].name), -1);
        fhir_check_finding(c, found, FHIR_ERR_INVALID, banned[i].id, "%s", banned[i].text);
        fhir_check_pop(c, mark);
    }
}
