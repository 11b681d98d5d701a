/* SPDX-License-Identifier: Apache-2.0 */
/* Removes fhir_comments from a tree. fhir_xml_write.c and fhir_xml_parse.c convert them. */
#include "fhir/format/fhir_comments.h"

static int are_comments(const fhir_node_t *node)
{
    if (node->name_len != 13 || memcmp(node->name, "fhir_comments", 13) != 0 ||
        node->kind != FHIR_NODE_ARRAY)
        return 0;
    for (const fhir_node_t *c = node->child; c; c = c->next)
        if (c->kind != FHIR_NODE_STRING)
            return 0;
    return 1;
}

static int only_nulls(const fhir_node_t *array)
{
    for (const fhir_node_t *c = array->child; c; c = c->next)
        if (c->kind != FHIR_NODE_NULL)
            return 0;
    return 1;
}

/* A '_' member that became empty is removed. In an array, null replaces it, since its partner has
 * the same index. */
static int became_empty(fhir_node_t *member)
{
    if (!member->name_len || member->name[0] != '_')
        return 0;
    return member->kind == FHIR_NODE_ARRAY ? only_nulls(member) : !member->child;
}

int fhir_comments_strip(fhir_node_t *node)
{
    fhir_node_t **link = &node->child, *c;
    int n = 0;
    while ((c = *link)) {
        int here = node->kind == FHIR_NODE_OBJECT && are_comments(c);
        if (!here && (c->kind == FHIR_NODE_OBJECT || c->kind == FHIR_NODE_ARRAY)) {
            int found = fhir_comments_strip(c);
            n += found;
            if (found && node->kind == FHIR_NODE_ARRAY && c->kind == FHIR_NODE_OBJECT &&
                !c->child && node->name_len && node->name[0] == '_')
                c->kind = FHIR_NODE_NULL;
            if (found && became_empty(c)) {
                *link = c->next;
                continue;
            }
        }
        n += here;
        if (here)
            *link = c->next;
        else
            link = &c->next;
    }
    return n;
}
