/* SPDX-License-Identifier: Apache-2.0 */
/* The tree: access, building, writing as JSON. Reading JSON is in fhir_node_json.c. */
#include "core/fhir_node.h"

#include <apr_strings.h>
#include <stdlib.h>

#include "core/fhir_decimal.h"
#include "core/fhir_work.h"

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

static void write_node(fhir_buf_t *buf, const fhir_node_t *node, int pretty, int level)
{
    int object = node->kind == FHIR_NODE_OBJECT;
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
    if (++level >
        FHIR_NODE_DEPTH_MOST) { /* no tree is as deep as this: the limit protects the stack */
        fhir_buf_fail(buf);
        return;
    }
    (void)fhir_work_tick(1);
    fhir_buf_putc(buf, object ? '{' : '[');
    for (const fhir_node_t *c = node->child; c; c = c->next) {
        if (pretty)
            indent(buf, level);
        if (object) {
            fhir_buf_json_string(buf, c->name, c->name_len);
            fhir_buf_append(buf, ": ", pretty ? 2 : 1);
        }
        write_node(buf, c, pretty, level);
        if (c->next)
            fhir_buf_putc(buf, ',');
    }
    if (pretty && node->child)
        indent(buf, level - 1);
    fhir_buf_putc(buf, object ? '}' : ']');
}

void fhir_node_write_json(fhir_buf_t *buf, const fhir_node_t *node, int pretty)
{
    write_node(buf, node, pretty, 0);
    if (pretty)
        fhir_buf_putc(buf, '\n');
}

static int same_text(const fhir_node_t *a, const fhir_node_t *b)
{
    return a->text_len == b->text_len && !memcmp(a->text, b->text, a->text_len);
}

typedef struct equal_t {
    int by_value;
    apr_pool_t *scratch;
} equal_t;

static int equal(const equal_t *how, const fhir_node_t *a, const fhir_node_t *b, int level);

int fhir_node_by_name(const void *left, const void *right)
{
    const fhir_node_t *a = *(fhir_node_t *const *)left, *b = *(fhir_node_t *const *)right;
    if (a->name_len != b->name_len)
        return a->name_len < b->name_len ? -1 : 1;
    int cmp = memcmp(a->name, b->name, a->name_len);
    return cmp ? cmp : (a->start > b->start) - (a->start < b->start);
}

static const fhir_node_t **sorted(const fhir_node_t *object, apr_size_t n, apr_pool_t *scratch)
{
    const fhir_node_t **list = apr_palloc(scratch, n * sizeof(*list));
    apr_size_t i = 0;
    for (const fhir_node_t *m = object->child; m; m = m->next)
        list[i++] = m;
    qsort(list, n, sizeof(*list), fhir_node_by_name);
    return list;
}

/* Looking each member up one by one would take quadratic time. */
static int many_equal(const equal_t *how, const fhir_node_t *a, const fhir_node_t *b, apr_size_t n,
                      int level)
{
    const fhir_node_t **x = sorted(a, n, how->scratch), **y = sorted(b, n, how->scratch);
    for (apr_size_t i = 0; i < n; i++)
        if (x[i]->name_len != y[i]->name_len ||
            memcmp(x[i]->name, y[i]->name, x[i]->name_len) != 0 || !equal(how, x[i], y[i], level))
            return 0;
    return 1;
}

static int objects_equal(const equal_t *how, const fhir_node_t *a, const fhir_node_t *b, int level)
{
    const fhir_node_t *x = a->child, *y = b->child;
    apr_size_t n = 0;
    for (; x && y; x = x->next, y = y->next)
        n++;
    if (x || y)
        return 0;
    if (n > FHIR_NODE_FEW)
        return many_equal(how, a, b, n, level);
    for (x = a->child; x; x = x->next)
        if (!(y = fhir_node_getn(b, x->name, x->name_len)) || !equal(how, x, y, level))
            return 0;
    return 1;
}

static int equal(const equal_t *how, const fhir_node_t *a, const fhir_node_t *b, int level)
{
    if (a->kind != b->kind || level > FHIR_NODE_DEPTH_MOST)
        return 0;
    switch (a->kind) {
    case FHIR_NODE_NUMBER:
        return same_text(a, b) ||
               (how->by_value && fhir_decimal_same(a->text, a->text_len, b->text, b->text_len));
    case FHIR_NODE_STRING:
        return same_text(a, b);
    case FHIR_NODE_ARRAY:
        for (a = a->child, b = b->child; a && b; a = a->next, b = b->next)
            if (!equal(how, a, b, level + 1))
                return 0;
        return !a && !b;
    case FHIR_NODE_OBJECT:
        return objects_equal(how, a, b, level + 1);
    default:
        return 1;
    }
}

int fhir_node_equal(const fhir_node_t *a, const fhir_node_t *b, int by_value, apr_pool_t *scratch)
{
    return equal(&(const equal_t){by_value, scratch}, a, b, 0);
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
