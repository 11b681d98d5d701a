/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks that a resource can be stored and served: its tree against the model's elements. This
 * covers names, JSON types, and narratives, because browsers get these. The validator checks other
 * values, cardinalities, codes and profiles.
 */
#include <apr_strings.h>
#include <string.h>

#include "core/fhir_text.h"
#include "fhir/format/fhir_xhtml.h"
#include "fhir/validate/fhir_storable.h"
#include "fhirctl/load/load.h"

/* The path to the present element, for messages. */
typedef struct step_t {
    const struct step_t *up;
    const char *name;
    apr_size_t len;
    int index; /* or -1 */
} step_t;

typedef struct shape_t {
    const fhir_model_t *model;
    load_link_fn link_fn;
    void *baton;
    apr_pool_t *pool;
} shape_t;

static const char *path_of(const step_t *step, apr_pool_t *pool)
{
    const char *up = step->up ? path_of(step->up, pool) : "";
    const char *name = apr_pstrmemdup(pool, step->name, step->len);
    if (step->index >= 0)
        name = apr_psprintf(pool, "%s[%d]", name, step->index);
    return *up ? apr_pstrcat(pool, up, ".", name, NULL) : name;
}

static fhir_err_t *fault(const shape_t *s, const step_t *step, const char *text)
{
    const char *path = path_of(step, s->pool);
    return fhir_err_at(fhir_err_create(s->pool, FHIR_ERR_STRUCTURE, "%s %s", path, text), s->pool,
                       path);
}

static fhir_err_t *check_object(const shape_t *s, const fhir_type_t *type, const fhir_node_t *node,
                                const step_t *step);

/* A resource inside another one, or the whole. */
static fhir_err_t *check_resource(const shape_t *s, const fhir_type_t **type,
                                  const fhir_node_t *node, const step_t *step)
{
    const fhir_node_t *name = fhir_node_get(node, "resourceType");
    *type = NULL;
    if (node->kind != FHIR_NODE_OBJECT || !name || name->kind != FHIR_NODE_STRING)
        return fault(s, step,
                     "is not a FHIR resource: a JSON object with resourceType is expected");
    *type = fhir_model_resource(s->model, name->text, name->text_len);
    if (!*type)
        return fault(s, step,
                     apr_psprintf(s->pool, "has resourceType \"%s\", which FHIR %s does not know",
                                  fhir_text_excerpt(name->text, name->text_len, s->pool),
                                  s->model->version));
    return check_object(s, *type, node, step);
}

static const char *primitive_fault(fhir_prim_t prim, const fhir_node_t *node)
{
    return fhir_model_prim_is(prim, node->kind)         ? NULL
           : fhir_model_prim_is(prim, FHIR_NODE_TRUE)   ? "must be true or false"
           : fhir_model_prim_is(prim, FHIR_NODE_NUMBER) ? "must be a JSON number"
                                                        : "must be a JSON string";
}

/* What may not be written over HTTP may not be loaded either. */
static fhir_err_t *check_narrative(const shape_t *s, const fhir_node_t *node, const step_t *step)
{
    fhir_err_t *err = fhir_xhtml_check(s->model, node->text, node->text_len, NULL, s->pool);
    return err ? fhir_err_at(err, s->pool, path_of(step, s->pool)) : NULL;
}

static void link_of(const shape_t *s, const fhir_element_t *el, fhir_prim_t prim,
                    const fhir_node_t *node)
{
    const char *owner = fhir_model_str(s->model, s->model->types[el->owner].name);
    if (prim == FHIR_PRIM_URI || prim == FHIR_PRIM_URL)
        s->link_fn(s->baton, &(fhir_link_t){FHIR_LINK_URI, node});
    else if (prim == FHIR_PRIM_XHTML)
        s->link_fn(s->baton, &(fhir_link_t){FHIR_LINK_NARRATIVE, node});
    else if (prim == FHIR_PRIM_STRING && !strcmp(owner, "Reference") &&
             !strcmp(fhir_model_str(s->model, el->name), "reference"))
        s->link_fn(s->baton, &(fhir_link_t){FHIR_LINK_REFERENCE, node});
}

static fhir_err_t *check_value(const shape_t *s, const fhir_element_t *el, const fhir_node_t *node,
                               const step_t *step)
{
    const fhir_type_t *type = &s->model->types[el->type];
    if (el->flags & FHIR_EL_RESOURCE)
        return check_resource(s, &type, node, step);
    if (type->kind != FHIR_KIND_PRIMITIVE) {
        if (node->kind != FHIR_NODE_OBJECT)
            return fault(s, step, "must be a JSON object");
        return check_object(s, type, node, step);
    }
    if (node->kind == FHIR_NODE_NULL && step->index >= 0)
        return NULL; /* the '_' member has the value at this index */
    const char *text = primitive_fault((fhir_prim_t)type->prim, node);
    if (text)
        return fault(s, step, text);
    if (type->prim == FHIR_PRIM_XHTML)
        FHIR_TRY(check_narrative(s, node, step));
    if (s->link_fn && node->kind == FHIR_NODE_STRING)
        link_of(s, el, (fhir_prim_t)type->prim, node);
    return NULL;
}

/* "_birthDate": id and extensions of a primitive. http://hl7.org/fhir/R4/json.html#primitive */
static fhir_err_t *check_underscore(const shape_t *s, const fhir_element_t *el,
                                    const fhir_node_t *node, const step_t *step)
{
    const fhir_type_t *element = fhir_model_type(s->model, "Element", 7);
    if (s->model->types[el->type].kind != FHIR_KIND_PRIMITIVE)
        return fault(s, step, "is not an element: only primitives have a form with \"_\"");
    if (node->kind == FHIR_NODE_NULL && step->index >= 0)
        return NULL;
    if (node->kind != FHIR_NODE_OBJECT)
        return fault(s, step, "must be a JSON object");
    return check_object(s, element, node, step);
}

static fhir_err_t *check_member(const shape_t *s, const fhir_type_t *type,
                                const fhir_node_t *member, const step_t *up)
{
    int underscore = member->name_len && *member->name == '_';
    const fhir_element_t *el = fhir_model_element(s->model, type, member->name + underscore,
                                                  member->name_len - underscore);
    step_t step = {up, member->name, member->name_len, -1};
    fhir_err_t *(*check)(const shape_t *, const fhir_element_t *, const fhir_node_t *,
                         const step_t *) = underscore ? check_underscore : check_value;
    if (!el)
        return fault(s, &step, "is not an element that FHIR knows here");
    if (el->max <= 1) {
        if (member->kind == FHIR_NODE_ARRAY)
            return fault(s, &step, "must not be an array: it may occur only once");
        return check(s, el, member, &step);
    }
    if (member->kind != FHIR_NODE_ARRAY)
        return fault(s, &step, "must be an array: it may repeat");
    for (const fhir_node_t *item = member->child; item; item = item->next) {
        step.index++;
        FHIR_TRY(check(s, el, item, &step));
    }
    return NULL;
}

static fhir_err_t *check_object(const shape_t *s, const fhir_type_t *type, const fhir_node_t *node,
                                const step_t *step)
{
    for (const fhir_node_t *member = node->child; member; member = member->next) {
        if (type->kind == FHIR_KIND_RESOURCE && member->name_len == 12 &&
            !memcmp(member->name, "resourceType", 12))
            continue;
        FHIR_TRY(check_member(s, type, member, step));
    }
    return NULL;
}

fhir_err_t *load_shape_check(const fhir_type_t **type, const fhir_model_t *model,
                             const fhir_node_t *resource, load_link_fn link_fn, void *baton,
                             apr_pool_t *pool)
{
    const fhir_node_t *name = fhir_node_get(resource, "resourceType");
    const fhir_node_t *id = fhir_node_get(resource, "id");
    const int named = name && name->kind == FHIR_NODE_STRING;
    step_t step = {NULL, named ? name->text : "the document", named ? name->text_len : 12, -1};
    shape_t s = {model, link_fn, baton, pool};
    FHIR_TRY(check_resource(&s, type, resource, &step));
    if (id && !fhir_text_is_id(id->text, id->text_len))
        return fhir_err_at(
            fhir_err_create(pool, FHIR_ERR_VALUE,
                            "the id is invalid: 1 to 64 of A-Z, a-z, 0-9, \"-\" and \".\""),
            pool, apr_psprintf(pool, "%.*s.id", (int)step.len, step.name));
    return fhir_storable_check(model, *type, resource, pool);
}
