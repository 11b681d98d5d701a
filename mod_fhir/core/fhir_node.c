/* SPDX-License-Identifier: Apache-2.0 */
/* The tree: access, building, writing as JSON. Reading JSON is in fhir_node_json.c. */
#include "core/fhir_node.h"

#include <apr_strings.h>
#include <stdlib.h>

const fhir_node_t *fhir_node_getn(const fhir_node_t *node, const char *name, apr_size_t len)
{
    if (!node || node->kind != FHIR_NODE_OBJECT)
        return NULL;
    for (const fhir_node_t *m = node->child; m; m = m->next) {
        if (m->name_len == len && memcmp(m->name, name, len) == 0)
            return m;
    }
    return NULL;
}

const fhir_node_t *fhir_node_get(const fhir_node_t *node, const char *name)
{
    return fhir_node_getn(node, name, strlen(name));
}

int fhir_node_is(const fhir_node_t *node, const char *text)
{
    apr_size_t len = strlen(text);
    return node && node->text && node->text_len == len && memcmp(node->text, text, len) == 0;
}

const char *fhir_node_string(const fhir_node_t *object, const char *name, apr_pool_t *pool)
{
    const fhir_node_t *m = fhir_node_get(object, name);
    return m && m->kind == FHIR_NODE_STRING ? apr_pstrmemdup(pool, m->text, m->text_len) : NULL;
}

apr_size_t fhir_node_count(const fhir_node_t *node)
{
    apr_size_t n = 0;
    for (const fhir_node_t *c = node ? node->child : NULL; c; c = c->next)
        n++;
    return n;
}

fhir_node_t *fhir_node_new(fhir_node_kind_t kind, apr_pool_t *pool)
{
    fhir_node_t *node = apr_pcalloc(pool, sizeof(*node));
    node->kind = (apr_byte_t)kind;
    if (kind == FHIR_NODE_TRUE || kind == FHIR_NODE_FALSE) {
        node->text = kind == FHIR_NODE_TRUE ? "true" : "false";
        node->text_len = kind == FHIR_NODE_TRUE ? 4 : 5;
    }
    return node;
}

fhir_node_t *fhir_node_new_text(fhir_node_kind_t kind, const char *text, apr_size_t len,
                                apr_pool_t *pool)
{
    fhir_node_t *node = fhir_node_new(kind, pool);
    node->text = text;
    node->text_len = (apr_uint32_t)len;
    return node;
}

static void indent(fhir_buf_t *buf, int level)
{
    fhir_buf_putc(buf, '\n');
    while (level-- > 0)
        fhir_buf_append(buf, "  ", 2);
}

/* level < 0: compact. */
static void write_node(fhir_buf_t *buf, const fhir_node_t *node, int level)
{
    int object = node->kind == FHIR_NODE_OBJECT;
    int inner = level < 0 ? level : level + 1;

    switch (node->kind) {
    case FHIR_NODE_NULL:
        fhir_buf_append(buf, "null", 4);
        return;
    case FHIR_NODE_FALSE:
    case FHIR_NODE_TRUE:
    case FHIR_NODE_NUMBER:
        fhir_buf_append(buf, node->text, node->text_len);
        return;
    case FHIR_NODE_STRING:
        fhir_buf_json_string(buf, node->text, node->text_len);
        return;
    default:
        break;
    }
    fhir_buf_putc(buf, object ? '{' : '[');
    for (const fhir_node_t *c = node->child; c; c = c->next) {
        if (level >= 0)
            indent(buf, inner);
        if (object) {
            fhir_buf_json_string(buf, c->name, c->name_len);
            fhir_buf_append(buf, ": ", level < 0 ? 1 : 2);
        }
        write_node(buf, c, inner);
        if (c->next)
            fhir_buf_putc(buf, ',');
    }
    if (level >= 0 && node->child)
        indent(buf, level);
    fhir_buf_putc(buf, object ? '}' : ']');
}

void fhir_node_write_json(fhir_buf_t *buf, const fhir_node_t *node, int pretty)
{
    write_node(buf, node, pretty ? 0 : -1);
    if (pretty)
        fhir_buf_putc(buf, '\n');
}

static int same_text(const fhir_node_t *a, const fhir_node_t *b)
{
    return a->text_len == b->text_len && !memcmp(a->text, b->text, a->text_len);
}

static int same_number(const fhir_node_t *a, const fhir_node_t *b, apr_pool_t *by_value)
{
    return same_text(a, b) ||
           (by_value && strtold(apr_pstrmemdup(by_value, a->text, a->text_len), NULL) ==
                            strtold(apr_pstrmemdup(by_value, b->text, b->text_len), NULL));
}

int fhir_node_equal(const fhir_node_t *a, const fhir_node_t *b, apr_pool_t *by_value)
{
    const fhir_node_t *x, *y;

    if (a->kind != b->kind)
        return 0;
    switch (a->kind) {
    case FHIR_NODE_NUMBER:
        return same_number(a, b, by_value);
    case FHIR_NODE_STRING:
        return same_text(a, b);
    case FHIR_NODE_ARRAY:
        for (x = a->child, y = b->child; x && y; x = x->next, y = y->next)
            if (!fhir_node_equal(x, y, by_value))
                return 0;
        return !x && !y;
    case FHIR_NODE_OBJECT:
        if (fhir_node_count(a) != fhir_node_count(b))
            return 0;
        for (x = a->child; x; x = x->next)
            if (!(y = fhir_node_getn(b, x->name, x->name_len)) || !fhir_node_equal(x, y, by_value))
                return 0;
        return 1;
    default:
        return 1;
    }
}

void fhir_node_place(int *line, int *column, const char *source, apr_size_t offset)
{
    const char *at = source + offset, *from = source, *nl;
    int n = 1;

    while (from < at && (nl = memchr(from, '\n', (apr_size_t)(at - from)))) {
        n++;
        from = nl + 1;
    }
    *line = n;
    *column = (int)(at - from) + 1;
}
