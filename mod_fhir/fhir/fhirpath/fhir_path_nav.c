/* SPDX-License-Identifier: Apache-2.0 */
/* Navigation: members by name, children, the resource around an item, its location, and
 * variables. */
#include <apr_strings.h>

#include "fhir/fhirpath/fhir_path_private.h"

static fhir_err_t *push_child(run_t *run, coll_t *out, const item_t *parent,
                              const fhir_element_t *element, const fhir_node_t *node,
                              const fhir_node_t *extra, int index)
{
    PATH_STEP(run);
    if ((!node || node->kind == FHIR_NODE_NULL) && (!extra || extra->kind != FHIR_NODE_OBJECT))
        return NULL;
    item_t *item = apr_palloc(run->pool, sizeof(*item));
    fhir_path_child(item, run->model, parent, element, node, extra, index);
    path_push(run, out, item);
    return NULL;
}

/* The value or values of a member. Those of "_name" are beside them, with null where there is
 * none. */
static fhir_err_t *push_values(run_t *run, coll_t *out, const item_t *parent,
                               const fhir_element_t *element, const fhir_node_t *value,
                               const fhir_node_t *extra)
{
    int array = (value ? value : extra)->kind == FHIR_NODE_ARRAY;
    const fhir_node_t *v = array && value ? value->child : NULL;
    const fhir_node_t *x = array && extra && extra->kind == FHIR_NODE_ARRAY ? extra->child : NULL;

    if (!array)
        return push_child(run, out, parent, element, value, extra, -1);
    for (int i = 0; v || x; i++) {
        FHIR_TRY(push_child(run, out, parent, element, v, x, i));
        v = v ? v->next : NULL;
        x = x ? x->next : NULL;
    }
    return NULL;
}

/* The object that holds an item's members, and its type. */
static const fhir_node_t *object_of(const run_t *run, const item_t *item, const fhir_type_t **type)
{
    const fhir_node_t *object = item->kind == FHIR_PATH_NODE ? item->node : item->extra;
    apr_uint16_t index = item->kind == FHIR_PATH_NODE ? item->type : run->path->t_element;
    *type = &run->model->types[index];
    return object && object->kind == FHIR_NODE_OBJECT && index ? object : NULL;
}

static int is_primitive(const run_t *run, const fhir_element_t *element)
{
    return run->model->types[element->type].kind == FHIR_KIND_PRIMITIVE;
}

/* `name` may be the base name of a choice. The member's own name is then longer. */
static const fhir_element_t *choice(const run_t *run, const fhir_type_t *type, const char *name,
                                    apr_size_t len, const char *member, apr_size_t member_len)
{
    if (member_len <= len || memcmp(member, name, len) != 0)
        return NULL;
    const fhir_element_t *element = fhir_model_element(run->model, type, member, member_len);
    if (!element)
        return NULL;
    const char *group = fhir_model_str(run->model, element->group);
    return strlen(group) == len && memcmp(group, name, len) == 0 ? element : NULL;
}

/* The result of type() has members that are in no model. */
static fhir_err_t *push_type_member(run_t *run, coll_t *out, const item_t *item, const char *name,
                                    apr_size_t len)
{
    const fhir_node_t *member =
        item->type || item->kind != FHIR_PATH_NODE ? NULL : fhir_node_getn(item->node, name, len);
    if (member)
        path_push_string(run, out, member->text, member->text_len);
    return NULL;
}

fhir_err_t *path_members(run_t *run, coll_t *out, const item_t *item, const char *name,
                         apr_size_t len)
{
    const fhir_type_t *type;
    const fhir_node_t *object = object_of(run, item, &type), *value = NULL, *extra = NULL;
    apr_size_t links = 0;

    PATH_STEP(run);
    if (!object)
        return push_type_member(run, out, item, name, len);
    const fhir_element_t *element = fhir_model_element(run->model, type, name, len);
    for (const fhir_node_t *m = object->child; m; m = m->next, links++) {
        int under = m->name_len && m->name[0] == '_';
        const char *member = m->name + under;
        apr_size_t member_len = m->name_len - (apr_size_t)under;
        const fhir_element_t *found = element;

        if (member_len < len || memcmp(member, name, len) != 0)
            continue;
        if (member_len != len)
            found = element ? NULL : choice(run, type, name, len, member, member_len);
        if (!found || (under && !is_primitive(run, found)))
            continue;
        element = found;
        name = member;
        len = member_len;
        if (under)
            extra = m;
        else
            value = m;
    }
    PATH_WALK(run, links);
    return value || extra ? push_values(run, out, item, element, value, extra) : NULL;
}

fhir_err_t *path_children(run_t *run, coll_t *out, const item_t *item)
{
    const fhir_type_t *type;
    const fhir_node_t *object = object_of(run, item, &type);
    apr_size_t n = fhir_node_count(object);

    PATH_STEP(run);
    for (const fhir_node_t *m = object ? object->child : NULL; m; m = m->next) {
        int under = m->name_len && m->name[0] == '_';
        const char *name = m->name + under;
        apr_size_t len = m->name_len - (apr_size_t)under;
        const fhir_element_t *element = fhir_model_element(run->model, type, name, len);
        const fhir_node_t *extra = NULL;

        if (!element ||
            (under && (!is_primitive(run, element) || fhir_node_getn(object, name, len) != NULL)))
            continue;
        PATH_WALK(run, n);
        if (under)
            extra = m;
        else if (is_primitive(run, element)) {
            for (extra = object->child; extra; extra = extra->next) {
                if (extra->name_len == len + 1 && extra->name[0] == '_' &&
                    memcmp(extra->name + 1, name, len) == 0)
                    break;
            }
        }
        FHIR_TRY(push_values(run, out, item, element, under ? NULL : m, extra));
    }
    return NULL;
}

static int is_resource(const run_t *run, const item_t *item)
{
    return item->kind == FHIR_PATH_NODE && run->model->types[item->type].kind == FHIR_KIND_RESOURCE;
}

static const item_t *resource_of(const run_t *run, const item_t *item)
{
    while (item && !is_resource(run, item))
        item = item->parent;
    return item;
}

/* The container of a contained resource; for any other resource, the resource itself. */
const item_t *path_root_resource_of(const run_t *run, const item_t *item)
{
    item = resource_of(run, item);
    while (item && item->parent && item->element &&
           strcmp(fhir_model_str(run->model, run->model->elements[item->element].name),
                  "contained") == 0)
        item = resource_of(run, item->parent);
    return item;
}

const char *fhir_path_location(const fhir_model_t *model, const fhir_path_item_t *item,
                               apr_pool_t *pool)
{
    if (!item->node && !item->extra)
        return NULL;
    if (!item->parent)
        return fhir_model_str(model, model->types[item->type].name);
    const char *above = fhir_path_location(model, item->parent, pool);
    const fhir_element_t *element = &model->elements[item->element];
    const char *name = fhir_model_step(model, element, pool);
    if (item->index < 0)
        return apr_pstrcat(pool, above, ".", name, NULL);
    return apr_psprintf(pool, "%s.%s[%d]", above, name, item->index);
}

/* Variables */

static const struct {
    const char *name, *value;
} constants[] = {
    {"ucum", "http://unitsofmeasure.org"},
    {"sct", "http://snomed.info/sct"},
    {"loinc", "http://loinc.org"},
};

/* %vs-name and %ext-name are short for HL7's value sets and extensions. */
static const struct {
    const char *prefix, *base;
} families[] = {
    {"vs-", "http://hl7.org/fhir/ValueSet/"},
    {"ext-", "http://hl7.org/fhir/StructureDefinition/"},
};

static int same(const ast_t *node, const char *name)
{
    return strlen(name) == node->name_len && memcmp(name, node->name, node->name_len) == 0;
}

static int push_constant(run_t *run, coll_t *out, const ast_t *node)
{
    for (apr_size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++) {
        if (same(node, constants[i].name)) {
            path_push_string(run, out, constants[i].value, strlen(constants[i].value));
            return 1;
        }
    }
    for (apr_size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        apr_size_t skip = strlen(families[i].prefix);
        if (node->name_len > skip && memcmp(node->name, families[i].prefix, skip) == 0) {
            const char *url = apr_psprintf(run->pool, "%s%.*s", families[i].base,
                                           (int)(node->name_len - skip), node->name + skip);
            path_push_string(run, out, url, strlen(url));
            return 1;
        }
    }
    return 0;
}

fhir_err_t *path_variable(run_t *run, coll_t *out, const ast_t *node, const scope_t *scope)
{
    const item_t *item = NULL;

    PATH_CHARGE(run, node->name_len); /* which may be copied into a value */
    for (const vars_t *v = scope->vars; v; v = v->next) {
        PATH_STEP(run);
        if (v->len == node->name_len && memcmp(v->name, node->name, v->len) == 0) {
            path_push_all(run, out, &v->value);
            return NULL;
        }
    }
    for (int i = 0; i < run->env->n_vars; i++) {
        const fhir_path_result_t *value = &run->env->vars[i].value;
        if (!same(node, run->env->vars[i].name))
            continue;
        for (int k = 0; k < value->n; k++)
            path_push(run, out, value->items[k]);
        return NULL;
    }
    if (same(node, "context"))
        item = run->focus;
    else if (same(node, "resource"))
        item = run->env->resource ? run->env->resource : resource_of(run, run->focus);
    else if (same(node, "rootResource"))
        item =
            run->env->root_resource
                ? run->env->root_resource
                : path_root_resource_of(run, run->env->resource ? run->env->resource : run->focus);
    else if (!push_constant(run, out, node))
        return path_fail(run, node, "there is no variable %%%.*s", (int)node->name_len, node->name);
    if (item)
        path_push(run, out, item);
    return NULL;
}
