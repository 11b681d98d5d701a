/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The extraction of search values: walks a resource's tree along the model's extraction trie.
 * Guards are decided here. fhir_extract_convert.c converts values, and fhir_extract_cell.c writes
 * them.
 */
#include "fhir/extract/fhir_extract.h"

#include <apr_strings.h>
#include <apr_tables.h>
#include <string.h>

#include "core/fhir_work.h"
#include "fhir/extract/fhir_extract_private.h"
#include "fhir/extract/fhir_keys.h"

#define CELL_MAX (64u << 20) /* bytes of one cell */

static int same(const fhir_node_t *node, const char *text)
{
    apr_size_t len = strlen(text);
    return node && node->text && node->text_len == len && !memcmp(node->text, text, len);
}

static int has_extension(const fhir_node_t *node, const char *url)
{
    const fhir_node_t *all = fhir_node_get(node, "extension");
    for (const fhir_node_t *n = all ? all->child : NULL; n; n = n->next)
        if (same(fhir_node_get(n, "url"), url))
            return 1;
    return 0;
}

static int guard_holds(const fhir_extract_t *x, apr_uint16_t guard, const fhir_node_t *node,
                       apr_uint16_t index)
{
    const fhir_model_t *m = x->model;
    const fhir_guard_t *g = &m->guards[guard];
    const char *type = fhir_model_str(m, m->types[g->type].name), *name;
    apr_size_t len;
    switch (g->kind) {
    case FHIR_GUARD_MEMBER_IS:
        return same(fhir_node_get(node, fhir_model_str(m, g->name)), fhir_model_str(m, g->value));
    case FHIR_GUARD_RESOLVE_IS:
        return fhir_extract_target(&name, &len, x, node) && len == strlen(type) &&
               !memcmp(name, type, len);
    case FHIR_GUARD_INDEX:
        return index == g->type;
    case FHIR_GUARD_RESOURCE_IS:
        return same(fhir_node_get(node, "resourceType"), type);
    case FHIR_GUARD_HAS_EXTENSION:
        return has_extension(node, fhir_model_str(m, g->value));
    default:
        return 1;
    }
}

static void walk(fhir_extract_t *x, const fhir_xnode_t *xnode, const fhir_node_t *object);

/* The trie of a composite: members of the repetition, perhaps after members of the resource. */
static void walk_components(fhir_extract_t *x, const fhir_xnode_t *root, const fhir_node_t *node)
{
    const fhir_xnode_t *first = x->model->xnodes + root->first_child;
    if (root->n_children && !strcmp(fhir_model_str(x->model, first->name), FHIR_XNODE_RESOURCE))
        walk(x, first, x->root);
    walk(x, root, node);
}

/* Extracts one repetition of a composite; its components have a trie of their own. */
static void composite(fhir_extract_t *x, const fhir_xemit_t *emit, const fhir_node_t *node)
{
    if (x->composite)
        return;
    x->composite = x->param;
    for (int i = 0; i < FHIR_EXTRACT_COMPONENTS; i++) {
        x->components[i].count = 0;
        fhir_buf_clear(x->components[i].text);
    }
    walk_components(x, &x->model->xnodes[emit->xroot], node);
    fhir_extract_put_composite(x);
    x->composite = NULL;
}

static void visit(fhir_extract_t *x, const fhir_xnode_t *xnode, const fhir_node_t *node,
                  apr_uint16_t index)
{
    const fhir_xemit_t *emit = x->model->xemits + xnode->first_emit, *end = emit + xnode->n_emits;
    if (xnode->guard && !guard_holds(x, xnode->guard, node, index))
        return;
    for (; emit < end; emit++) {
        if (emit->guard && !guard_holds(x, emit->guard, node, index))
            continue;
        x->param = &x->model->params[emit->param];
        if (emit->conv == FHIR_CONV_COMPOSITE)
            composite(x, emit, node);
        else
            fhir_extract_value(x, (fhir_conv_t)emit->conv, node);
    }
    if (xnode->n_children && node->kind == FHIR_NODE_OBJECT)
        walk(x, xnode, node);
}

/* Like strcmp; most names differ in their first bytes. */
static inline int compare_name(const char *name, const fhir_node_t *member)
{
    const char *m = member->name, *end = m + member->name_len;
    for (; m < end && *name == *m; name++, m++)
        ;
    return m < end ? (unsigned char)*name - (unsigned char)*m : (unsigned char)*name;
}

/* The first child with the member's name; children are sorted by name. */
static const fhir_xnode_t *find_child(const fhir_extract_t *x, const fhir_xnode_t *xnode,
                                      const fhir_node_t *member)
{
    const fhir_xnode_t *low = x->model->xnodes + xnode->first_child;
    const fhir_xnode_t *end = low + xnode->n_children;
    apr_size_t n = xnode->n_children;
    while (n) {
        apr_size_t half = n / 2;
        if (compare_name(fhir_model_str(x->model, low[half].name), member) < 0) {
            low += half + 1;
            n -= half + 1;
        }
        else
            n = half;
    }
    return low < end && !compare_name(fhir_model_str(x->model, low->name), member) ? low : NULL;
}

static void walk(fhir_extract_t *x, const fhir_xnode_t *xnode, const fhir_node_t *object)
{
    const fhir_xnode_t *end = x->model->xnodes + xnode->first_child + xnode->n_children;
    const fhir_node_t *item;
    (void)fhir_work_tick(2);
    for (const fhir_node_t *member = object->child; member; member = member->next) {
        const fhir_xnode_t *child = find_child(x, xnode, member);
        if (!child)
            continue;
        for (apr_uint32_t name = child->name; child < end && child->name == name; child++) {
            apr_uint16_t index = 0;
            if (member->kind != FHIR_NODE_ARRAY)
                visit(x, child, member, 0);
            else
                for (item = member->child; item; item = item->next, index++)
                    visit(x, child, item, index);
        }
    }
}

/* Parameters of the form x.exists(), found by their conversion. */
static void find_exists(apr_array_header_t *found, const fhir_model_t *m, const fhir_xnode_t *x)
{
    const fhir_xemit_t *emit = m->xemits + x->first_emit, *last = emit + x->n_emits;
    for (; emit < last; emit++)
        if (emit->conv == FHIR_CONV_EXISTS)
            APR_ARRAY_PUSH(found, apr_uint16_t) = emit->param;
    for (apr_uint16_t i = 0; i < x->n_children; i++)
        find_exists(found, m, m->xnodes + x->first_child + i);
}

/* The parameters of a type whose value is "false" when nothing was found; 0 ends the list. */
static const apr_uint16_t *exists_params(fhir_extract_t *x)
{
    const apr_uint16_t **list = &x->exists[fhir_model_type_index(x->model, x->type)];
    if (!*list) {
        apr_array_header_t *found = apr_array_make(x->scratch->pool, 2, sizeof(apr_uint16_t));
        if (x->type->xroot)
            find_exists(found, x->model, &x->model->xnodes[x->type->xroot]);
        APR_ARRAY_PUSH(found, apr_uint16_t) = 0;
        *list = (const apr_uint16_t *)found->elts;
    }
    return *list;
}

static apr_uint16_t widest_type(const fhir_model_t *model)
{
    apr_uint16_t widest = 0;
    for (apr_uint16_t i = 1; i <= model->n_resources; i++)
        if (model->types[i].n_columns > widest)
            widest = model->types[i].n_columns;
    return widest;
}

const char *fhir_extract_column(fhir_sqltype_t *sqltype, const fhir_model_t *model,
                                const fhir_type_t *type, int i)
{
    const fhir_column_t *column = &model->columns[type->first_column + i];
    if (i < type->n_columns) {
        *sqltype = (fhir_sqltype_t)column->sqltype;
        return fhir_model_str(model, column->name);
    }
    *sqltype = i == type->n_columns ? FHIR_SQL_TEXT_ARRAY : FHIR_SQL_INTEGER_ARRAY;
    return i == type->n_columns ? "mentions" : FHIR_KEYS_COLUMN;
}

fhir_extract_t *fhir_extract_create(const fhir_model_t *model, const char *base_url,
                                    const fhir_zone_t *zone, apr_pool_t *pool)
{
    fhir_extract_t *x = apr_pcalloc(pool, sizeof(*x));
    int n = widest_type(model) + 1;
    fhir_buf_t *bufs = fhir_buf_create_many(pool, CELL_MAX, n + FHIR_EXTRACT_COMPONENTS + 4);
    x->model = model;
    x->base_url = base_url;
    x->base_len = base_url ? strlen(base_url) : 0;
    x->zone = zone;
    x->cells = apr_pcalloc(pool, (apr_size_t)n * sizeof(*x->cells));
    for (int i = 0; i < n; i++)
        x->cells[i].text = bufs++;
    for (int i = 0; i < FHIR_EXTRACT_COMPONENTS; i++)
        x->components[i].text = bufs++;
    x->mentions.text = bufs++;
    x->terms = bufs++;
    x->scratch = bufs++;
    x->folded = bufs;
    apr_pool_create(&x->row, pool);
    x->can_name = apr_pcalloc(pool, model->n_resources + 1u);
    x->exists = apr_pcalloc(pool, (model->n_resources + 1u) * sizeof(*x->exists));
    return x;
}

/* Closes a cell: an array gets its end. */
static void finish(fhir_value_t *out, fhir_cell_t *cell, fhir_sqltype_t sqltype)
{
    out->data = NULL;
    out->len = 0;
    if (!cell->count)
        return;
    if (sqltype == FHIR_SQL_TEXT_ARRAY || sqltype == FHIR_SQL_NUMERIC_ARRAY ||
        sqltype == FHIR_SQL_TIMESTAMPTZ_ARRAY)
        fhir_buf_putc(cell->text, '}');
    else if (sqltype == FHIR_SQL_JSONB)
        fhir_buf_putc(cell->text, ']');
    out->data = fhir_buf_cstr(cell->text);
    out->len = cell->text->len;
}

/* Values that every row has, whatever the resource says. */
static void defaults(fhir_extract_t *x)
{
    const fhir_model_t *m = x->model;
    const fhir_type_t *type = x->type;
    for (const apr_uint16_t *p = exists_params(x); *p; p++)
        if (!x->cells[m->params[*p].first_column - type->first_column].count) {
            x->param = &m->params[*p];
            fhir_extract_put_text(x, "false", 5);
        }
    if (x->patient_date && !x->patient_date->count)
        fhir_extract_put_patient_date(x, FHIR_TIME_MIN);
}

static fhir_err_t *put_terms(fhir_value_t *cells, fhir_extract_t *x)
{
    apr_pool_clear(x->row);
    FHIR_TRY(fhir_keys_of_row(x->terms, x->model, x->type, cells, x->row));
    fhir_value_t *out = &cells[x->type->n_columns + 1];
    *out = (fhir_value_t){0};
    if (x->terms->len)
        *out = (fhir_value_t){fhir_buf_cstr(x->terms), x->terms->len};
    return NULL;
}

static void begin(fhir_extract_t *x, const fhir_type_t *type, const fhir_node_t *resource)
{
    const fhir_column_t *columns = x->model->columns + type->first_column;
    x->type = type;
    x->root = resource;
    x->composite = NULL;
    x->patient = type->n_columns > 0 && !columns[0].param ? &x->cells[0] : NULL;
    x->patient_date = type->n_columns > 1 && !columns[1].param ? &x->cells[1] : NULL;
    for (int i = 0; i < type->n_columns; i++) {
        x->cells[i].count = 0;
        fhir_buf_clear(x->cells[i].text);
    }
}

fhir_err_t *fhir_extract_run(fhir_value_t *cells, fhir_extract_t *x, const fhir_type_t *type,
                             const fhir_node_t *resource)
{
    int overflow = 0;
    begin(x, type, resource);
    if (type->xroot)
        walk(x, &x->model->xnodes[type->xroot], resource);
    defaults(x);
    for (int i = 0; i < type->n_columns; i++) {
        finish(&cells[i], &x->cells[i],
               (fhir_sqltype_t)x->model->columns[type->first_column + i].sqltype);
        overflow |= x->cells[i].text->overflow;
    }
    fhir_extract_mentions(&cells[type->n_columns], x);
    if (overflow)
        return fhir_err_create(x->scratch->pool, FHIR_ERR_TOO_LARGE,
                               "The search values of one parameter exceed %u bytes", CELL_MAX);
    return put_terms(cells, x);
}
