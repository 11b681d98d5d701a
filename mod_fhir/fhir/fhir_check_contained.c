/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contained resources: what they must not have, and that each is referred to (dom-2 to dom-5).
 * Source: http://hl7.org/fhir/R4/references.html#contained
 */
#include <apr_strings.h>

#include "fhir/fhir_check_private.h"

static const fhir_node_t *items(const fhir_node_t *container)
{
    const fhir_node_t *list = fhir_node_get(container, "contained");

    return list && list->kind == FHIR_NODE_ARRAY ? list->child : NULL;
}

void fhir_check_contained_begin(fhir_check_t *c, const fhir_node_t *container)
{
    const fhir_node_t *item;
    int n = 0;

    for (item = items(container); item; item = item->next)
        n++;
    c->referred = n ? apr_pcalloc(c->issues->pool, (apr_size_t)n) : NULL;
}

static int has_id(const fhir_node_t *resource, const char *id, apr_size_t len)
{
    const fhir_node_t *node = fhir_node_get(resource, "id");

    return node && node->text_len == len && !memcmp(node->text, id, len);
}

int fhir_check_contained_refer(fhir_check_t *c, const fhir_node_t **target, const char *id,
                               apr_size_t len)
{
    const fhir_node_t *item;
    int i = 0;

    for (item = items(c->container); item; item = item->next, i++)
        if (has_id(item, id, len)) {
            c->referred[i] = 1;
            *target = item;
            return 1;
        }
    return 0;
}

/* A string "#" anywhere in a contained resource is its way to the one that contains it. */
static int refers_up(const fhir_node_t *node)
{
    const fhir_node_t *child;

    if (node->kind == FHIR_NODE_STRING && node->text_len == 1 && *node->text == '#')
        return 1;
    for (child = node->child; child; child = child->next)
        if (refers_up(child))
            return 1;
    return 0;
}

static int is_twin(const fhir_node_t *first, const fhir_node_t *item)
{
    const fhir_node_t *id = fhir_node_get(item, "id");

    for (; id && id->text && first != item; first = first->next)
        if (has_id(first, id->text, id->text_len))
            return 1;
    return 0;
}

void fhir_check_contained_end(fhir_check_t *c)
{
    const fhir_node_t *first = items(c->container), *item;
    int i = 0;

    for (item = first; item; item = item->next, i++) {
        apr_size_t mark = fhir_check_push(c, "contained", 9, i);

        if (is_twin(first, item))
            fhir_check_finding(c, item, FHIR_ERR_INVALID, "contained-id",
                               "Another contained resource has the same id");
        else if (!c->referred[i] && !refers_up(item))
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
        {"dom-4", "meta", "versionId", "A contained resource has no version of its own"},
        {"dom-4", "meta", "lastUpdated", "A contained resource has no version of its own"},
        {"dom-5", "meta", "security", "Security labels belong to the resource that contains it"},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(banned) / sizeof(banned[0]); i++) {
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
