/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A resource against the base model: walks the tree along the model's elements. Values are checked
 * in fhir_check_value.c and fhir_check_primitive.c; contained resources and Bundles have files of
 * their own. Invariants and profiles are not checked here.
 */
#include <apr_strings.h>

#include "core/fhir_text.h"
#include "core/fhir_work.h"
#include "fhir/format/fhir_xhtml.h"
#include "fhir/validate/fhir_check_private.h"

static void check_object(fhir_check_t *c, const fhir_type_t *type, const fhir_node_t *node);
static void check_nested(fhir_check_t *c, const fhir_node_t *node, int contained);

/* ---- findings and the path ---- */

static void add_finding(fhir_check_t *c, fhir_severity_t severity, const fhir_node_t *node,
                        fhir_code_t code, const char *id, const char *fmt, va_list ap)
{
    const char *text = apr_pvsprintf(c->issues->pool, fmt, ap);
    fhir_issue_t *issue =
        fhir_issues_add(c->issues, severity, code, id, fhir_buf_cstr(c->path), "%s", text);

    if (node) {
        issue->offset = node->start;
        issue->line = (int)node->line;
        issue->column = (int)node->column;
    }
}

void fhir_check_finding(fhir_check_t *c, const fhir_node_t *node, fhir_code_t code, const char *id,
                        const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add_finding(c, FHIR_SEVERITY_ERROR, node, code, id, fmt, ap);
    va_end(ap);
}

void fhir_check_warning(fhir_check_t *c, const fhir_node_t *node, fhir_code_t code, const char *id,
                        const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add_finding(c, FHIR_SEVERITY_WARNING, node, code, id, fmt, ap);
    va_end(ap);
}

/* Appends ".name" (index < 0) or ".name[index]"; returns the length to restore afterwards. */
apr_size_t fhir_check_push(fhir_check_t *c, const char *name, apr_size_t len, int index)
{
    apr_size_t mark = c->path->len;

    fhir_buf_putc(c->path, '.');
    fhir_buf_append(c->path, name, len);
    if (index >= 0)
        fhir_buf_printf(c->path, "[%d]", index);
    return mark;
}

void fhir_check_pop(fhir_check_t *c, apr_size_t mark)
{
    c->path->len = mark;
}

/* FHIRPath names a choice element without its type. */
static const char *element_name(const fhir_check_t *c, const fhir_element_t *el)
{
    return fhir_model_str(c->model, el->group ? el->group : el->name);
}

const char *fhir_check_type_name(const fhir_check_t *c, const fhir_type_t *type)
{
    return fhir_model_str(c->model, type->name);
}

int fhir_check_type_is(const fhir_check_t *c, const fhir_type_t *type, const char *name)
{
    return strcmp(fhir_check_type_name(c, type), name) == 0;
}

const char *fhir_check_excerpt(const fhir_check_t *c, const fhir_node_t *node)
{
    return fhir_text_excerpt(node->text, node->text_len, c->issues->pool);
}

/* "an array", "a string", … */
static const char *kind_word(const fhir_node_t *node)
{
    static const char *const words[] = {
        [FHIR_NODE_NULL] = "null",        [FHIR_NODE_FALSE] = "a boolean",
        [FHIR_NODE_TRUE] = "a boolean",   [FHIR_NODE_NUMBER] = "a number",
        [FHIR_NODE_STRING] = "a string",  [FHIR_NODE_ARRAY] = "an array",
        [FHIR_NODE_OBJECT] = "an object",
    };

    return words[node->kind];
}

static int is_list(const fhir_element_t *el)
{
    return el->max > 1;
}

/* ---- primitives ---- */

/* A narrative may refer to a contained resource: <img src="#pic"/>. */
static void refer(void *baton, const char *id, apr_size_t len)
{
    const fhir_node_t *target;

    fhir_check_contained_refer(baton, &target, id, len);
}

static void check_xhtml(fhir_check_t *c, const fhir_node_t *node)
{
    fhir_err_t *err =
        fhir_xhtml_check(c->model, node->text, node->text_len, c->limits, c->issues->pool);

    if (err)
        fhir_check_finding(c, node, FHIR_ERR_VALUE, "narrative", "%s", err->message);
    else if (c->contained)
        fhir_xhtml_fragments(node->text, node->text_len, refer, c);
}

static void check_primitive_value(fhir_check_t *c, const fhir_element_t *el,
                                  const fhir_node_t *node)
{
    const fhir_type_t *type = &c->model->types[el->type];
    fhir_prim_t prim = (fhir_prim_t)type->prim;

    if (!fhir_model_prim_is(prim, node->kind)) {
        fhir_check_finding(c, node, FHIR_ERR_STRUCTURE, "primitive-json", "%s instead of a %s: %s",
                           kind_word(node), fhir_check_type_name(c, type),
                           fhir_check_primitive_rule(prim));
        return;
    }
    if (node->text_len > FHIR_CHECK_STRING_MAX &&
        (prim == FHIR_PRIM_STRING || prim == FHIR_PRIM_MARKDOWN) &&
        !fhir_check_primitive(prim, node->text, node->text_len)) {
        fhir_check_finding(c, node, FHIR_ERR_VALUE, "primitive-format",
                           "The text has %lu bytes; a %s has at most %d characters",
                           (unsigned long)node->text_len, fhir_check_type_name(c, type),
                           FHIR_CHECK_STRING_MAX);
        return;
    }
    if (!fhir_check_primitive(prim, node->text, node->text_len)) {
        fhir_check_finding(c, node, FHIR_ERR_VALUE, "primitive-format",
                           "'%s' is not a valid %s; expected: %s", fhir_check_excerpt(c, node),
                           fhir_check_type_name(c, type), fhir_check_primitive_rule(prim));
        return;
    }
    if (el->flags & FHIR_EL_REQUIRED_BINDING)
        fhir_check_code(c, el, node);
    else if (prim == FHIR_PRIM_URI || prim == FHIR_PRIM_URL || prim == FHIR_PRIM_CANONICAL)
        fhir_check_uri(c, node);
    else if (prim == FHIR_PRIM_XHTML)
        check_xhtml(c, node);
}

/* Checks a value and its `_name` member; either may be missing (NULL) or null. */
static void check_primitive(fhir_check_t *c, const fhir_element_t *el, const fhir_node_t *value,
                            const fhir_node_t *extra)
{
    int has_value = value && value->kind != FHIR_NODE_NULL;
    int has_extra = extra && extra->kind != FHIR_NODE_NULL;

    if (has_value)
        check_primitive_value(c, el, value);
    if (has_extra) {
        check_object(c, c->element_type, extra);
        if (!has_value && extra->kind == FHIR_NODE_OBJECT && !fhir_node_get(extra, "extension"))
            fhir_check_finding(c, extra, FHIR_ERR_INVALID, "ele-1",
                               "The element has neither a value nor an extension");
    }
    if (!has_value && !has_extra)
        fhir_check_finding(
            c, value ? value : extra, FHIR_ERR_STRUCTURE, "json-null",
            "null is only allowed in an array of primitives, beside an item of '_%s'",
            fhir_model_str(c->model, el->name));
}

/* ---- elements ---- */

static void check_item(fhir_check_t *c, const fhir_element_t *el, const fhir_node_t *node)
{
    const fhir_type_t *type = &c->model->types[el->type];

    if (el->flags & FHIR_EL_RESOURCE) {
        check_nested(c, node, strcmp(element_name(c, el), "contained") == 0);
        return;
    }
    check_object(c, type, node);
    if (node->kind != FHIR_NODE_OBJECT)
        return;
    if (el->binding && (el->flags & FHIR_EL_REQUIRED_BINDING))
        fhir_check_concept(c, el, node);
    if (fhir_check_type_is(c, type, "Reference"))
        fhir_check_reference(c, el, node);
}

static int check_array_shape(fhir_check_t *c, const fhir_element_t *el, const fhir_node_t *node)
{
    if (node->kind != FHIR_NODE_ARRAY) {
        fhir_check_finding(c, node, FHIR_ERR_STRUCTURE, "json-array",
                           "%s instead of an array: '%s' may repeat", kind_word(node),
                           fhir_model_str(c->model, el->name));
        return 0;
    }
    if (!node->child) {
        fhir_check_finding(c, node, FHIR_ERR_STRUCTURE, "json-empty", "An array must not be empty");
        return 0;
    }
    return 1;
}

static void check_list(fhir_check_t *c, const fhir_element_t *el, const fhir_node_t *value,
                       const fhir_node_t *extra)
{
    const char *name = element_name(c, el);
    apr_size_t mark = fhir_check_push(c, name, strlen(name), -1);
    int primitive = c->model->types[el->type].kind == FHIR_KIND_PRIMITIVE;
    int ok =
        (!value || check_array_shape(c, el, value)) && (!extra || check_array_shape(c, el, extra));

    if (ok && value && extra && fhir_node_count(value) != fhir_node_count(extra)) {
        fhir_check_finding(c, extra, FHIR_ERR_STRUCTURE, "json-array-length",
                           "The arrays '%s' and '_%s' have different lengths; null fills the gaps",
                           name, name);
        ok = 0;
    }
    if (ok && value && el->max != FHIR_EL_MAX_UNBOUNDED && fhir_node_count(value) > el->max)
        fhir_check_finding(c, value, FHIR_ERR_STRUCTURE, "cardinality-max",
                           "At most %d of '%s' are allowed", (int)el->max, name);
    fhir_check_pop(c, mark);
    if (!ok)
        return;
    const fhir_node_t *v = value ? value->child : NULL;
    const fhir_node_t *x = extra ? extra->child : NULL;
    for (int i = 0; v || x; i++) {
        mark = fhir_check_push(c, name, strlen(name), i);
        if (primitive)
            check_primitive(c, el, v, x);
        else
            check_item(c, el, v);
        fhir_check_pop(c, mark);
        v = v ? v->next : NULL;
        x = x ? x->next : NULL;
    }
}

static void check_single(fhir_check_t *c, const fhir_element_t *el, const fhir_node_t *value,
                         const fhir_node_t *extra)
{
    const char *name = fhir_model_step(c->model, el, c->issues->pool);
    apr_size_t mark = fhir_check_push(c, name, strlen(name), -1);
    const fhir_node_t *array = value && value->kind == FHIR_NODE_ARRAY   ? value
                               : extra && extra->kind == FHIR_NODE_ARRAY ? extra
                                                                         : NULL;

    if (array)
        fhir_check_finding(c, array, FHIR_ERR_STRUCTURE, "json-array",
                           "An array instead of a single value: '%s' does not repeat",
                           fhir_model_str(c->model, el->name));
    else if (c->model->types[el->type].kind == FHIR_KIND_PRIMITIVE)
        check_primitive(c, el, value, extra);
    else
        check_item(c, el, value);
    fhir_check_pop(c, mark);
}

static const fhir_node_t *sibling_extra(const fhir_node_t *object, const fhir_node_t *member)
{
    for (const fhir_node_t *m = object->child; m; m = m->next)
        if (m->name_len == member->name_len + 1 && m->name[0] == '_' &&
            !memcmp(m->name + 1, member->name, member->name_len))
            return m;
    return NULL;
}

static void unknown_member(fhir_check_t *c, const fhir_type_t *type, const fhir_node_t *m)
{
    const char *name = fhir_text_excerpt(m->name, m->name_len, c->issues->pool);
    apr_size_t mark = fhir_check_push(c, name, strlen(name), -1);

    fhir_check_finding(c, m, FHIR_ERR_STRUCTURE, "element-unknown", "%s has no element '%s'",
                       fhir_check_type_name(c, type), name);
    fhir_check_pop(c, mark);
}

/* "_name" for an element that is not primitive. */
static void misplaced_extra(fhir_check_t *c, const fhir_element_t *el, const fhir_node_t *m)
{
    const char *step = fhir_model_step(c->model, el, c->issues->pool);
    const char *name = fhir_model_str(c->model, el->name);
    apr_size_t mark = fhir_check_push(c, step, strlen(step), -1);

    fhir_check_finding(
        c, m, FHIR_ERR_STRUCTURE, "element-unknown",
        "'_%s' is not allowed: only primitives have such a member, and '%s' is a %s, "
        "which has its id and extensions inside",
        name, name, fhir_check_type_name(c, &c->model->types[el->type]));
    fhir_check_pop(c, mark);
}

/* Checks one member; returns its element (0-based in the type), or -1 when it does not count. */
static int check_member(fhir_check_t *c, const fhir_type_t *type, const fhir_node_t *object,
                        const fhir_node_t *m)
{
    int extra_only = 0;
    const char *name = m->name;
    apr_size_t len = m->name_len;
    const fhir_node_t *extra = NULL;

    if (c->model->version[0] == '1' && len == 13 && !memcmp(name, "fhir_comments", 13))
        return -1; /* DSTU2's comments: http://hl7.org/fhir/DSTU2/json.html#comments */
    if (len > 1 && *name == '_') {
        name++;
        len--;
        extra_only = 1;
    }
    const fhir_element_t *el = fhir_model_element(c->model, type, name, len);
    if (!el) {
        unknown_member(c, type, m);
        return -1;
    }
    if (extra_only && c->model->types[el->type].kind != FHIR_KIND_PRIMITIVE) {
        misplaced_extra(c, el, m);
        return -1;
    }
    /* Called after the name was found to be an element: a body can have any number of other
     * members. */
    if (extra_only && fhir_node_getn(object, name, len))
        return -1; /* it is counted with its value */
    if (!extra_only && c->model->types[el->type].kind == FHIR_KIND_PRIMITIVE)
        extra = sibling_extra(object, m);
    if (is_list(el))
        check_list(c, el, extra_only ? NULL : m, extra_only ? m : extra);
    else
        check_single(c, el, extra_only ? NULL : m, extra_only ? m : extra);
    return (int)(el - &c->model->elements[type->first_element]);
}

/* Checks cardinality; a choice counts as one element. */
static void check_presence(fhir_check_t *c, const fhir_type_t *type, const fhir_node_t *node,
                           const unsigned char *seen)
{
    const fhir_element_t *els = &c->model->elements[type->first_element];
    int j;

    for (int i = 0; i < type->n_elements; i = j) {
        const char *name = element_name(c, &els[i]);

        int n = seen[i];
        for (j = i + 1; j < type->n_elements && els[i].group && els[j].group == els[i].group; j++)
            n += seen[j];
        if (n > 1) {
            apr_size_t mark = fhir_check_push(c, name, strlen(name), -1);

            fhir_check_finding(c, node, FHIR_ERR_STRUCTURE, "choice-multiple",
                               "Only one of the choices of %s[x] may be given", name);
            fhir_check_pop(c, mark);
        }
        if (!n && els[i].min)
            fhir_check_finding(c, node, FHIR_ERR_REQUIRED, "element-missing",
                               "The required element '%s%s' of %s is missing", name,
                               els[i].group ? "[x]" : "", fhir_check_type_name(c, type));
    }
}

/* An extension has either a value or extensions (ext-1). */
static void check_extension(fhir_check_t *c, const fhir_type_t *type, const fhir_node_t *node,
                            const unsigned char *seen)
{
    const fhir_element_t *els = &c->model->elements[type->first_element];
    int value = 0;

    for (int i = 0; i < type->n_elements; i++)
        value |= els[i].group && seen[i];
    if (value == !!fhir_node_get(node, "extension"))
        fhir_check_finding(
            c, node, FHIR_ERR_INVALID, "ext-1",
            "An extension needs either a value or extensions of its own, and not both");
}

static void check_members(fhir_check_t *c, const fhir_type_t *type, const fhir_node_t *node)
{
    unsigned char *seen = apr_pcalloc(c->issues->pool, type->n_elements + 1u);
    int resource = type->kind == FHIR_KIND_RESOURCE;
    apr_hash_t *ids = c->ids;

    if (!strncmp(fhir_check_type_name(c, type), "StructureDefinition.", 20))
        c->ids = NULL; /* snapshot and differential may have the same elements */
    for (const fhir_node_t *m = node->child; m; m = m->next) {
        if (resource && m->name_len == 12 && !memcmp(m->name, "resourceType", 12))
            continue;
        int index = check_member(c, type, node, m);
        if (index >= 0)
            seen[index] = 1;
    }
    check_presence(c, type, node, seen);
    if (fhir_check_type_is(c, type, "Extension"))
        check_extension(c, type, node, seen);
    if (!strncmp(fhir_check_type_name(c, type), "StructureDefinition.", 20))
        c->ids = ids;
    if (!resource)
        fhir_check_type_rules(c, type, node);
    if (!resource && type != c->element_type && !node->child->next &&
        fhir_node_get(node, "id") == node->child)
        fhir_check_finding(c, node, FHIR_ERR_INVALID, "ele-1",
                           "The element has an id, but neither a value nor elements");
}

static void check_object(fhir_check_t *c, const fhir_type_t *type, const fhir_node_t *node)
{
    if (node->kind != FHIR_NODE_OBJECT)
        fhir_check_finding(c, node, FHIR_ERR_STRUCTURE, "json-object", "%s instead of a %s",
                           kind_word(node), fhir_check_type_name(c, type));
    else if (!node->child)
        fhir_check_finding(c, node, FHIR_ERR_STRUCTURE, "json-empty",
                           "An object must not be empty");
    else if (fhir_work_tick(2)) /* else nobody reads the findings */
        check_members(c, type, node);
}

/* ---- resources ---- */

static const fhir_type_t *check_type(fhir_check_t *c, const fhir_node_t *node)
{
    const fhir_type_t *type = fhir_check_resource_type(c, node);
    const fhir_node_t *name = fhir_node_get(node, "resourceType");

    if (node->kind != FHIR_NODE_OBJECT)
        fhir_check_finding(c, node, FHIR_ERR_STRUCTURE, "json-object",
                           "%s instead of a resource (an object)", kind_word(node));
    else if (!name)
        fhir_check_finding(c, node, FHIR_ERR_STRUCTURE, "resource-type",
                           "The resource has no member 'resourceType'");
    else if (!type)
        fhir_check_finding(
            c, name, FHIR_ERR_STRUCTURE, "resource-type", "'%s' is not a resource type of FHIR %s",
            name->kind == FHIR_NODE_STRING ? fhir_check_excerpt(c, name) : kind_word(name),
            c->model->label);
    return type;
}

/* Collects resources that contain others, or could. */
static void check_container(fhir_check_t *c, const fhir_type_t *type, const fhir_node_t *node)
{
    const fhir_node_t *container = c->container;
    apr_hash_t *contained = c->contained, *ids = c->ids, *entries = c->entries;
    int is_bundle = fhir_check_type_is(c, type, "Bundle");

    c->container = node;
    c->ids = NULL;
    if (is_bundle)
        c->entries = fhir_check_bundle_entries(c, node);
    fhir_check_contained_begin(c, node);
    check_object(c, type, node);
    fhir_check_contained_end(c);
    if (is_bundle)
        fhir_check_bundle(c, node);
    else if (fhir_check_type_is(c, type, "Questionnaire"))
        fhir_check_questionnaire(c, node);
    c->container = container;
    c->contained = contained;
    c->ids = ids;
    c->entries = entries;
}

/* A contained resource has the ids of its container; an entry of a Bundle has its own. */
static void check_nested(fhir_check_t *c, const fhir_node_t *node, int contained)
{
    const fhir_type_t *type = check_type(c, node);

    if (!type)
        return;
    if (contained) {
        apr_hash_t *ids = c->ids;

        c->ids = NULL;
        fhir_check_contained_item(c, node);
        check_object(c, type, node);
        if (fhir_check_type_is(c, type, "Questionnaire"))
            fhir_check_questionnaire(c, node);
        c->ids = ids;
    }
    else {
        check_container(c, type, node);
    }
}

void fhir_check_resource(fhir_issues_t *issues, const fhir_type_t **type, const fhir_model_t *model,
                         const fhir_node_limits_t *limits, const fhir_node_t *resource)
{
    fhir_check_t c = {.issues = issues, .model = model, .limits = limits, .container = resource};

    c.path = fhir_buf_create(issues->pool, 64 * 1024);
    c.element_type = fhir_model_type(model, "Element", 7);
    *type = check_type(&c, resource);
    if (*type) {
        fhir_buf_puts(c.path, fhir_check_type_name(&c, *type));
        check_container(&c, *type, resource);
    }
    fhir_buf_free(c.path);
}
