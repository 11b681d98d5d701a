/* SPDX-License-Identifier: Apache-2.0 */
/* Items: their values, their types, and how they are made. */
#include <apr_strings.h>

#include "fhir/fhirpath/fhir_path_private.h"

/* The System type that a FHIR primitive converts to; http://hl7.org/fhir/R4/fhirpath.html#types */
static const apr_byte_t kind_of[] = {
    [FHIR_PRIM_NONE] = FHIR_PATH_NODE,           [FHIR_PRIM_BASE64] = FHIR_PATH_STRING,
    [FHIR_PRIM_BOOLEAN] = FHIR_PATH_BOOLEAN,     [FHIR_PRIM_CANONICAL] = FHIR_PATH_STRING,
    [FHIR_PRIM_CODE] = FHIR_PATH_STRING,         [FHIR_PRIM_DATE] = FHIR_PATH_DATE,
    [FHIR_PRIM_DATETIME] = FHIR_PATH_DATETIME,   [FHIR_PRIM_DECIMAL] = FHIR_PATH_DECIMAL,
    [FHIR_PRIM_ID] = FHIR_PATH_STRING,           [FHIR_PRIM_INSTANT] = FHIR_PATH_DATETIME,
    [FHIR_PRIM_INTEGER] = FHIR_PATH_INTEGER,     [FHIR_PRIM_MARKDOWN] = FHIR_PATH_STRING,
    [FHIR_PRIM_OID] = FHIR_PATH_STRING,          [FHIR_PRIM_POSITIVEINT] = FHIR_PATH_INTEGER,
    [FHIR_PRIM_STRING] = FHIR_PATH_STRING,       [FHIR_PRIM_TIME] = FHIR_PATH_TIME,
    [FHIR_PRIM_UNSIGNEDINT] = FHIR_PATH_INTEGER, [FHIR_PRIM_URI] = FHIR_PATH_STRING,
    [FHIR_PRIM_URL] = FHIR_PATH_STRING,          [FHIR_PRIM_UUID] = FHIR_PATH_STRING,
    [FHIR_PRIM_XHTML] = FHIR_PATH_STRING,
};

static const char *const system_names[] = {
    [FHIR_PATH_NODE] = "Any",          [FHIR_PATH_BOOLEAN] = "Boolean",
    [FHIR_PATH_STRING] = "String",     [FHIR_PATH_INTEGER] = "Integer",
    [FHIR_PATH_DECIMAL] = "Decimal",   [FHIR_PATH_DATE] = "Date",
    [FHIR_PATH_DATETIME] = "DateTime", [FHIR_PATH_TIME] = "Time",
    [FHIR_PATH_QUANTITY] = "Quantity",
};
#define N_KINDS ((int)(sizeof(system_names) / sizeof(system_names[0])))

/* Making */

static apr_uint16_t resource_type(const fhir_model_t *model, const fhir_node_t *node)
{
    const fhir_node_t *name = fhir_node_get(node, "resourceType");
    const fhir_type_t *type = NULL;
    if (name && name->kind == FHIR_NODE_STRING)
        type = fhir_model_resource(model, name->text, name->text_len);
    if (!type)
        type = fhir_model_type(model, "Resource", 8);
    return type ? fhir_model_type_index(model, type) : 0;
}

fhir_path_item_t *fhir_path_root(const fhir_model_t *model, const fhir_node_t *resource,
                                 apr_pool_t *pool)
{
    fhir_path_item_t *item = apr_pcalloc(pool, sizeof(*item));
    item->node = resource;
    item->index = -1;
    item->type = resource_type(model, resource);
    item->kind = FHIR_PATH_NODE;
    return item;
}

void fhir_path_child(fhir_path_item_t *item, const fhir_model_t *model,
                     const fhir_path_item_t *parent, const fhir_element_t *element,
                     const fhir_node_t *node, const fhir_node_t *extra, int index)
{
    memset(item, 0, sizeof(*item));
    item->node = node && node->kind != FHIR_NODE_NULL ? node : NULL;
    item->extra = extra && extra->kind == FHIR_NODE_OBJECT ? extra : NULL;
    item->parent = parent;
    item->index = index;
    item->element = (apr_uint16_t)(element - model->elements);
    item->type = element->type;
    item->kind = kind_of[model->types[element->type].prim];
    if ((element->flags & FHIR_EL_RESOURCE) && node)
        item->type = resource_type(model, node);
}

static item_t *computed(fhir_path_kind_t kind, const void *value, apr_pool_t *pool)
{
    item_t *item = apr_pcalloc(pool, sizeof(*item));
    item->value = value;
    item->index = -1;
    item->kind = (apr_byte_t)kind;
    return item;
}

static const int boolean_values[] = {0, 1};
static const item_t booleans[] = {
    {.value = &boolean_values[0], .index = -1, .kind = FHIR_PATH_BOOLEAN},
    {.value = &boolean_values[1], .index = -1, .kind = FHIR_PATH_BOOLEAN},
};

fhir_path_item_t *fhir_path_string(const char *text, apr_size_t len, apr_pool_t *pool)
{
    item_t *item = computed(FHIR_PATH_STRING, text, pool);
    item->value_len = (apr_uint32_t)len;
    return item;
}

/* Collections */

void path_push(run_t *run, coll_t *c, const item_t *item)
{
    /* Growing copies the collection, and the copy is charged, too. */
    int grows = c->n == c->cap;
    if (!fhir_steps_take(run->steps, 1 + (grows ? (apr_size_t)c->n / FHIR_STEPS_LINKS : 0)))
        return;
    if (grows) {
        int cap = c->cap ? c->cap * 2 : 4;
        const item_t **v = apr_palloc(run->pool, (apr_size_t)cap * sizeof(*v));
        if (c->n)
            memcpy(v, c->v, (apr_size_t)c->n * sizeof(*v));
        c->v = v;
        c->cap = cap;
    }
    c->v[c->n++] = item;
}

void path_push_all(run_t *run, coll_t *c, const coll_t *from)
{
    if (c->n == 0 && c->cap < from->n) { /* collections are never changed after they were read */
        *c = *from;
        c->cap = c->n;
        return;
    }
    for (int i = 0; i < from->n; i++)
        path_push(run, c, from->v[i]);
}

void path_push_boolean(run_t *run, coll_t *c, int answer)
{
    if (answer != PATH_EMPTY)
        path_push(run, c, &booleans[!!answer]);
}

void path_push_integer(run_t *run, coll_t *c, apr_int64_t value)
{
    path_push(
        run, c,
        computed(FHIR_PATH_INTEGER, apr_pmemdup(run->pool, &value, sizeof(value)), run->pool));
}

void path_push_number(run_t *run, coll_t *c, const number_t *n)
{
    path_push(run, c,
              computed(FHIR_PATH_DECIMAL, apr_pmemdup(run->pool, n, sizeof(*n)), run->pool));
}

void path_push_string(run_t *run, coll_t *c, const char *s, apr_size_t len)
{
    if (!fhir_steps_bytes(run->steps, len))
        return;
    path_push(run, c, fhir_path_string(s, len, run->pool));
}

void path_push_moment(run_t *run, coll_t *c, const moment_t *m)
{
    path_push(run, c, computed(m->kind, apr_pmemdup(run->pool, m, sizeof(*m)), run->pool));
}

void path_push_quantity(run_t *run, coll_t *c, const quantity_t *q)
{
    path_push(run, c,
              computed(FHIR_PATH_QUANTITY, apr_pmemdup(run->pool, q, sizeof(*q)), run->pool));
}

/* Values */

int path_item_has_value(const item_t *item)
{
    if (item->kind == FHIR_PATH_NODE)
        return 0;
    return item->value != NULL || (item->node && item->node->text != NULL);
}

int path_item_boolean(const item_t *item, int *value)
{
    if (item->kind != FHIR_PATH_BOOLEAN)
        return 0;
    if (item->value)
        *value = *(const int *)item->value;
    else if (item->node &&
             (item->node->kind == FHIR_NODE_TRUE || item->node->kind == FHIR_NODE_FALSE))
        *value = item->node->kind == FHIR_NODE_TRUE;
    else
        return 0;
    return 1;
}

int path_item_string(const item_t *item, const char **s, apr_size_t *len)
{
    if (item->kind != FHIR_PATH_STRING)
        return 0;
    if (item->value) {
        *s = item->value;
        *len = item->value_len;
    }
    else if (item->node && item->node->kind == FHIR_NODE_STRING) {
        *s = item->node->text;
        *len = item->node->text_len;
    }
    else
        return 0;
    return 1;
}

apr_size_t path_item_bytes(const item_t *item)
{
    if (item->kind == FHIR_PATH_STRING && item->value)
        return item->value_len;
    return item->kind != FHIR_PATH_NODE && item->node ? item->node->text_len : 0;
}

int path_item_number(const item_t *item, number_t *n)
{
    if (item->kind == FHIR_PATH_INTEGER && item->value)
        *n = path_number_of(*(const apr_int64_t *)item->value);
    else if (item->kind == FHIR_PATH_DECIMAL && item->value)
        *n = *(const number_t *)item->value;
    else
        return (item->kind == FHIR_PATH_INTEGER || item->kind == FHIR_PATH_DECIMAL) && item->node &&
               item->node->kind == FHIR_NODE_NUMBER &&
               path_number_parse(n, item->node->text, item->node->text_len);
    return 1;
}

int path_item_integer(const item_t *item, apr_int64_t *value)
{
    number_t n;
    return item->kind == FHIR_PATH_INTEGER && path_item_number(item, &n) &&
           path_number_integer(value, &n);
}

int path_item_moment(const item_t *item, moment_t *m)
{
    if (item->kind < FHIR_PATH_DATE || item->kind > FHIR_PATH_TIME)
        return 0;
    if (item->value) {
        *m = *(const moment_t *)item->value;
        return 1;
    }
    return item->node && item->node->kind == FHIR_NODE_STRING &&
           path_moment_parse(m, item->kind, item->node->text, item->node->text_len);
}

/* A FHIR Quantity without a comparator counts as one of FHIRPath. Its unit is the code. Without a
 * code it is the text for people, and the quantity then equals only quantities with the same
 * text. */
int path_item_quantity(const run_t *run, const item_t *item, quantity_t *q)
{
    if (item->kind == FHIR_PATH_QUANTITY) {
        *q = *(const quantity_t *)item->value;
        return 1;
    }
    if (item->kind != FHIR_PATH_NODE ||
        !path_type_is(run->model, item->type, run->path->t_quantity))
        return 0;
    const fhir_node_t *value = fhir_node_get(item->node, "value");
    if (!value || value->kind != FHIR_NODE_NUMBER || fhir_node_get(item->node, "comparator") ||
        !path_number_parse(&q->value, value->text, value->text_len))
        return 0;
    const fhir_node_t *unit = fhir_node_get(item->node, "code");
    if (!unit)
        unit = fhir_node_get(item->node, "unit");
    q->unit = unit && unit->text ? unit->text : "1";
    q->unit_len = unit && unit->text ? unit->text_len : 1;
    q->calendar = 0;
    return 1;
}

/* Types */

int path_type_is(const fhir_model_t *model, apr_uint16_t type, apr_uint16_t ancestor)
{
    while (type && type != ancestor)
        type = model->types[type].base;
    return type != 0 && ancestor != 0;
}

static int is_system(const item_t *item, type_spec_t type)
{
    return type.system && !item->type &&
           (type.system == FHIR_PATH_NODE + 1 || item->kind + 1 == type.system);
}

int path_item_is(const run_t *run, const item_t *item, type_spec_t type)
{
    return is_system(item, type) || path_type_is(run->model, item->type, type.fhir);
}

int path_item_as(const run_t *run, const item_t *item, type_spec_t type)
{
    if (type.fhir && run->model->types[type.fhir].kind == FHIR_KIND_PRIMITIVE)
        return item->type == type.fhir;
    return path_item_is(run, item, type);
}

int path_type_find(type_spec_t *spec, const fhir_model_t *model, const char *name, apr_size_t len)
{
    int fhir = len > 5 && memcmp(name, "FHIR.", 5) == 0;
    int system = len > 7 && memcmp(name, "System.", 7) == 0;
    apr_size_t skip = fhir ? 5 : system ? 7 : 0;
    const fhir_type_t *type = system ? NULL : fhir_model_type(model, name + skip, len - skip);

    spec->fhir = type ? fhir_model_type_index(model, type) : 0;
    spec->system = 0;
    for (int i = 0; !fhir && i < N_KINDS; i++) {
        if (strlen(system_names[i]) == len - skip &&
            memcmp(system_names[i], name + skip, len - skip) == 0)
            spec->system = (apr_byte_t)(i + 1);
    }
    /* An unknown System type is not an error: System.Patient is false. */
    if (system && !spec->system)
        spec->system = N_KINDS + 1;
    return spec->fhir || spec->system;
}

const char *fhir_path_item_type(const fhir_model_t *model, const fhir_path_item_t *item)
{
    static const char *const full[] = {"System.Any",      "System.Boolean", "System.String",
                                       "System.Integer",  "System.Decimal", "System.Date",
                                       "System.DateTime", "System.Time",    "System.Quantity"};
    return item->type ? fhir_model_str(model, model->types[item->type].name) : full[item->kind];
}

const char *fhir_path_item_text(const fhir_path_item_t *item, apr_pool_t *pool)
{
    if (item->node)
        return item->kind != FHIR_PATH_NODE && item->node->text
                   ? apr_pstrmemdup(pool, item->node->text, item->node->text_len)
                   : NULL;
    if (!item->value)
        return NULL;
    const char *s;
    apr_size_t len;
    int boolean;
    switch (item->kind) {
    case FHIR_PATH_BOOLEAN:
        return path_item_boolean(item, &boolean) && boolean ? "true" : "false";
    case FHIR_PATH_STRING:
        return path_item_string(item, &s, &len) ? apr_pstrmemdup(pool, s, len) : NULL;
    case FHIR_PATH_INTEGER:
        return apr_psprintf(pool, "%" APR_INT64_T_FMT, *(const apr_int64_t *)item->value);
    case FHIR_PATH_DECIMAL:
        return path_number_text(item->value, pool);
    case FHIR_PATH_QUANTITY:
        return path_quantity_text(item->value, pool);
    default:
        return path_moment_text(item->value, pool);
    }
}
