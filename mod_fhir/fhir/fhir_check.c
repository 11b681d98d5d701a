/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A resource against the base model: a walk over the tree beside the model's elements. Values of
 * primitive types are fhir_check_primitive.c's; codes and reference targets are checked here;
 * invariants and profiles are not.
 */
#include "fhir/fhir_check.h"

#include <apr_strings.h>

#include "core/fhir_text.h"
#include "fhir/fhir_xhtml.h"

typedef struct check_t {
    fhir_issues_t *issues;
    const fhir_model_t *model;
    const fhir_type_t *element_type; /* "Element": what `_name` members are */
    const fhir_node_t *container;    /* the resource that holds `contained` */
    fhir_buf_t *path;                /* FHIRPath of the node in hand */
} check_t;

static void check_object(check_t *c, const fhir_type_t *type, const fhir_node_t *node);
static void check_nested(check_t *c, const fhir_node_t *node);

/* ---- findings and the path ---- */

static void __attribute__((format(printf, 5, 6)))
finding(check_t *c, const fhir_node_t *node, fhir_code_t code, const char *id, const char *fmt, ...)
{
    fhir_issue_t *issue;
    const char *text;
    va_list ap;

    va_start(ap, fmt);
    text = apr_pvsprintf(c->issues->pool, fmt, ap);
    va_end(ap);
    issue = fhir_issues_add(c->issues, FHIR_SEVERITY_ERROR, code, id, fhir_buf_cstr(c->path), "%s",
                            text);
    if (node) {
        issue->offset = node->start;
        issue->line = (int)node->line;
        issue->column = (int)node->column;
    }
}

/* Appends ".name" (index < 0) or ".name[index]"; returns the length to go back to. */
static apr_size_t path_push(check_t *c, const char *name, apr_size_t len, int index)
{
    apr_size_t mark = c->path->len;

    fhir_buf_putc(c->path, '.');
    fhir_buf_append(c->path, name, len);
    if (index >= 0)
        fhir_buf_printf(c->path, "[%d]", index);
    return mark;
}

static void path_pop(check_t *c, apr_size_t mark)
{
    c->path->len = mark;
}

/* FHIRPath knows a choice element by its base name. */
static const char *path_name(const check_t *c, const fhir_element_t *el)
{
    return fhir_model_str(c->model, el->group ? el->group : el->name);
}

static const char *type_name(const check_t *c, const fhir_type_t *type)
{
    return fhir_model_str(c->model, type->name);
}

static int type_is(const check_t *c, const fhir_type_t *type, const char *name)
{
    return strcmp(type_name(c, type), name) == 0;
}

static int is_list(const fhir_element_t *el)
{
    return el->max > 1;
}

/* A node's text for a message: short, so that no record is copied into an answer or a log. */
static const char *excerpt(const check_t *c, const fhir_node_t *node)
{
    apr_size_t len = node->text_len, max = 40;

    if (len <= max)
        return apr_pstrmemdup(c->issues->pool, node->text, len);
    while (max && ((unsigned char)node->text[max] & 0xC0) == 0x80)
        max--;
    return apr_psprintf(c->issues->pool, "%.*s…", (int)max, node->text);
}

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

/* ---- codes ---- */

static const char *text_of(const fhir_node_t *object, const char *name, apr_size_t *len)
{
    const fhir_node_t *node = fhir_node_get(object, name);

    *len = node && node->kind == FHIR_NODE_STRING ? node->text_len : 0;
    return *len ? node->text : NULL;
}

static int coding_in(const check_t *c, const fhir_element_t *el, const fhir_node_t *coding)
{
    apr_size_t code_len, system_len;
    const char *code = text_of(coding, "code", &code_len);
    const char *system = text_of(coding, "system", &system_len);

    if (system)
        system = apr_pstrmemdup(c->issues->pool, system, system_len);
    return code && fhir_model_valueset_has(c->model, el->binding, system, code, code_len);
}

static void check_concept(check_t *c, const fhir_element_t *el, const fhir_node_t *node)
{
    const fhir_valueset_t *vs = &c->model->valuesets[el->binding];
    const fhir_type_t *type = &c->model->types[el->type];
    const fhir_node_t *coding = NULL;

    if (vs->flags & FHIR_VS_OPEN)
        return;
    if (type_is(c, type, "CodeableConcept")) {
        const fhir_node_t *list = fhir_node_get(node, "coding");

        for (coding = list ? list->child : NULL; coding; coding = coding->next)
            if (coding_in(c, el, coding))
                return;
        /* A reason for absence may stand in for the code. */
        if (!list && fhir_node_get(node, "extension"))
            return;
    }
    else if (!type_is(c, type, "Coding") || coding_in(c, el, node) ||
             !fhir_node_get(node, "code")) {
        return;
    }
    finding(c, node, FHIR_ERR_CODE, "binding-required",
            "None of the codes is in the required value set %s", fhir_model_str(c->model, vs->url));
}

static void check_code(check_t *c, const fhir_element_t *el, const fhir_node_t *node)
{
    const fhir_valueset_t *vs = &c->model->valuesets[el->binding];
    apr_uint32_t i;
    const char *allowed = "";

    if (fhir_model_valueset_has(c->model, el->binding, NULL, node->text, node->text_len))
        return;
    if (vs->n_codes <= 16)
        for (i = 0; i < vs->n_codes; i++)
            allowed =
                apr_psprintf(c->issues->pool, "%s%s %s", allowed, i ? "," : ": one of",
                             fhir_model_str(c->model, c->model->codes[vs->first_code + i].code));
    finding(c, node, FHIR_ERR_CODE, "binding-required",
            "The code '%s' is not in the required value set %s%s", excerpt(c, node),
            fhir_model_str(c->model, vs->url), allowed);
}

/* ---- references ---- */

/* The type that a literal reference names: "Patient/1", ".../Patient/1(/_history/2)". */
static const fhir_type_t *literal_type(const check_t *c, const char *s, apr_size_t len)
{
    apr_size_t slash[4] = {0}, n = 0, i;
    const fhir_type_t *type = NULL;

    /* Of the last four slashes, the type stands before the last, or before /id/_history/n. */
    for (i = len; i > 0 && n < 4; i--)
        if (s[i - 1] == '/')
            slash[n++] = i - 1;
    for (i = 0; i < n && !type; i += 2) {
        apr_size_t start = i + 1 < n ? slash[i + 1] + 1 : 0;

        type = fhir_model_resource(c->model, s + start, slash[i] - start);
    }
    return type;
}

static const fhir_node_t *contained_by_id(const check_t *c, const char *id, apr_size_t len)
{
    const fhir_node_t *list = fhir_node_get(c->container, "contained"), *item;

    for (item = list ? list->child : NULL; item; item = item->next) {
        const fhir_node_t *node = fhir_node_get(item, "id");

        if (node && node->text_len == len && !memcmp(node->text, id, len))
            return item;
    }
    return NULL;
}

static const fhir_type_t *resource_type(const check_t *c, const fhir_node_t *resource)
{
    apr_size_t len;
    const char *name = text_of(resource, "resourceType", &len);

    return name ? fhir_model_resource(c->model, name, len) : NULL;
}

static int target_allowed(const check_t *c, const fhir_element_t *el, const fhir_type_t *type)
{
    const apr_uint16_t *targets = c->model->targets + el->first_target;
    apr_uint16_t i;

    for (i = 0; i < el->n_targets; i++) {
        const fhir_type_t *target = &c->model->types[targets[i]];

        if (target == type || (target->flags & FHIR_TYPE_ABSTRACT))
            return 1;
    }
    return el->n_targets == 0;
}

static void check_reference(check_t *c, const fhir_element_t *el, const fhir_node_t *node)
{
    apr_size_t len, type_len;
    const char *ref = text_of(node, "reference", &len);
    const char *type_text = text_of(node, "type", &type_len);
    const fhir_type_t *type = NULL;
    const char *list = "";
    apr_uint16_t i;

    if (ref && *ref == '#' && len > 1) {
        const fhir_node_t *target = contained_by_id(c, ref + 1, len - 1);

        if (!target) {
            finding(c, node, FHIR_ERR_REFERENCE, "reference-contained",
                    "No contained resource has the id '%.*s'", (int)(len - 1), ref + 1);
            return;
        }
        type = resource_type(c, target);
    }
    else if (ref && strncmp(ref, "urn:", len < 4 ? len : 4) != 0) {
        type = literal_type(c, ref, len);
    }
    if (!type && type_text)
        type = fhir_model_resource(c->model, type_text, type_len);
    if (!type || target_allowed(c, el, type))
        return;
    for (i = 0; i < el->n_targets; i++)
        list = apr_pstrcat(c->issues->pool, list, i ? ", " : "",
                           type_name(c, &c->model->types[c->model->targets[el->first_target + i]]),
                           NULL);
    finding(c, node, FHIR_ERR_INVALID, "reference-target",
            "A reference to %s is not allowed here; allowed: %s", type_name(c, type), list);
}

/* ---- primitives ---- */

static int json_kind_fits(fhir_prim_t prim, int kind)
{
    switch (prim) {
    case FHIR_PRIM_BOOLEAN:
        return kind == FHIR_NODE_TRUE || kind == FHIR_NODE_FALSE;
    case FHIR_PRIM_DECIMAL:
    case FHIR_PRIM_INTEGER:
    case FHIR_PRIM_POSITIVEINT:
    case FHIR_PRIM_UNSIGNEDINT:
        return kind == FHIR_NODE_NUMBER;
    default:
        return kind == FHIR_NODE_STRING;
    }
}

static void check_narrative(check_t *c, const fhir_node_t *node)
{
    fhir_err_t *err = fhir_xhtml_check(c->model, node->text, node->text_len, c->issues->pool);

    if (err)
        finding(c, node, FHIR_ERR_VALUE, "narrative", "%s", err->message);
}

static void check_primitive_value(check_t *c, const fhir_element_t *el, const fhir_node_t *node)
{
    const fhir_type_t *type = &c->model->types[el->type];
    fhir_prim_t prim = (fhir_prim_t)type->prim;

    if (!json_kind_fits(prim, node->kind)) {
        finding(c, node, FHIR_ERR_STRUCTURE, "primitive-json", "%s is found where a %s is due: %s",
                kind_word(node), type_name(c, type), fhir_check_primitive_rule(prim));
        return;
    }
    if (!fhir_check_primitive(prim, node->text, node->text_len)) {
        finding(c, node, FHIR_ERR_VALUE, "primitive-format", "'%s' is not a valid %s; due is %s",
                excerpt(c, node), type_name(c, type), fhir_check_primitive_rule(prim));
        return;
    }
    if (prim == FHIR_PRIM_XHTML)
        check_narrative(c, node);
    if ((el->flags & FHIR_EL_REQUIRED_BINDING) && prim != FHIR_PRIM_BOOLEAN)
        check_code(c, el, node);
}

/* A value and its sibling `_name`; either may be missing (NULL) or null. */
static void check_primitive(check_t *c, const fhir_element_t *el, const fhir_node_t *value,
                            const fhir_node_t *extra)
{
    int has_value = value && value->kind != FHIR_NODE_NULL;
    int has_extra = extra && extra->kind != FHIR_NODE_NULL;

    if (has_value)
        check_primitive_value(c, el, value);
    if (has_extra) {
        check_object(c, c->element_type, extra);
        if (!has_value && extra->kind == FHIR_NODE_OBJECT && !fhir_node_get(extra, "extension"))
            finding(c, extra, FHIR_ERR_INVALID, "ele-1",
                    "The element has neither a value nor an extension");
    }
    if (!has_value && !has_extra)
        finding(c, value ? value : extra, FHIR_ERR_STRUCTURE, "json-null",
                "null is only allowed in an array of primitives, beside an item of '_%s'",
                fhir_model_str(c->model, el->name));
}

/* ---- elements ---- */

static void check_item(check_t *c, const fhir_element_t *el, const fhir_node_t *node)
{
    const fhir_type_t *type = &c->model->types[el->type];

    if (el->flags & FHIR_EL_RESOURCE) {
        check_nested(c, node);
        return;
    }
    check_object(c, type, node);
    if (node->kind != FHIR_NODE_OBJECT)
        return;
    if (el->binding && (el->flags & FHIR_EL_REQUIRED_BINDING))
        check_concept(c, el, node);
    if (type_is(c, type, "Reference"))
        check_reference(c, el, node);
}

static int check_array_shape(check_t *c, const fhir_element_t *el, const fhir_node_t *node)
{
    if (node->kind != FHIR_NODE_ARRAY) {
        finding(c, node, FHIR_ERR_STRUCTURE, "json-array",
                "%s is found where an array is due: '%s' may repeat", kind_word(node),
                fhir_model_str(c->model, el->name));
        return 0;
    }
    if (!node->child) {
        finding(c, node, FHIR_ERR_STRUCTURE, "json-empty", "An array must not be empty");
        return 0;
    }
    return 1;
}

static void check_list(check_t *c, const fhir_element_t *el, const fhir_node_t *value,
                       const fhir_node_t *extra)
{
    const char *name = path_name(c, el);
    const fhir_node_t *v, *x;
    apr_size_t mark = path_push(c, name, strlen(name), -1);
    int primitive = c->model->types[el->type].kind == FHIR_KIND_PRIMITIVE, i;
    int ok =
        (!value || check_array_shape(c, el, value)) && (!extra || check_array_shape(c, el, extra));

    if (ok && value && extra && fhir_node_count(value) != fhir_node_count(extra)) {
        finding(c, extra, FHIR_ERR_STRUCTURE, "json-array-length",
                "The arrays '%s' and '_%s' have different lengths; null fills the gaps", name,
                name);
        ok = 0;
    }
    if (ok && value && el->max != FHIR_EL_MAX_UNBOUNDED && fhir_node_count(value) > el->max)
        finding(c, value, FHIR_ERR_STRUCTURE, "cardinality-max", "At most %d of '%s' are allowed",
                (int)el->max, name);
    path_pop(c, mark);
    if (!ok)
        return;
    v = value ? value->child : NULL;
    x = extra ? extra->child : NULL;
    for (i = 0; v || x; i++) {
        mark = path_push(c, name, strlen(name), i);
        if (primitive)
            check_primitive(c, el, v, x);
        else
            check_item(c, el, v);
        path_pop(c, mark);
        v = v ? v->next : NULL;
        x = x ? x->next : NULL;
    }
}

static void check_single(check_t *c, const fhir_element_t *el, const fhir_node_t *value,
                         const fhir_node_t *extra)
{
    const char *name = path_name(c, el);
    apr_size_t mark = path_push(c, name, strlen(name), -1);
    const fhir_node_t *array = value && value->kind == FHIR_NODE_ARRAY   ? value
                               : extra && extra->kind == FHIR_NODE_ARRAY ? extra
                                                                         : NULL;

    if (array)
        finding(c, array, FHIR_ERR_STRUCTURE, "json-array",
                "An array is found where one value is due: '%s' does not repeat", name);
    else if (c->model->types[el->type].kind == FHIR_KIND_PRIMITIVE)
        check_primitive(c, el, value, extra);
    else
        check_item(c, el, value);
    path_pop(c, mark);
}

static const fhir_node_t *sibling_extra(const fhir_node_t *object, const fhir_node_t *member)
{
    const fhir_node_t *m;

    for (m = object->child; m; m = m->next)
        if (m->name_len == member->name_len + 1 && m->name[0] == '_' &&
            !memcmp(m->name + 1, member->name, member->name_len))
            return m;
    return NULL;
}

static void unknown_member(check_t *c, const fhir_type_t *type, const fhir_node_t *m)
{
    apr_size_t mark = path_push(c, m->name, m->name_len > 64 ? 64 : m->name_len, -1);

    finding(c, m, FHIR_ERR_STRUCTURE, "element-unknown", "%s has no element '%.*s'",
            type_name(c, type), (int)(m->name_len > 64 ? 64 : m->name_len), m->name);
    path_pop(c, mark);
}

/* One member; returns its element (0-based in the type), or -1 when there is nothing to count. */
static int check_member(check_t *c, const fhir_type_t *type, const fhir_node_t *object,
                        const fhir_node_t *m)
{
    int extra_only = 0;
    const char *name = m->name;
    apr_size_t len = m->name_len;
    const fhir_element_t *el;
    const fhir_node_t *extra = NULL;

    if (c->model->version[0] == '1' && len == 13 && !memcmp(name, "fhir_comments", 13))
        return -1; /* DSTU2's comments: http://hl7.org/fhir/DSTU2/json.html#comments */
    if (len > 1 && *name == '_') {
        if (fhir_node_getn(object, name + 1, len - 1))
            return -1; /* comes with its value */
        name++;
        len--;
        extra_only = 1;
    }
    el = fhir_model_element(c->model, type, name, len);
    if (!el || (extra_only && c->model->types[el->type].kind != FHIR_KIND_PRIMITIVE)) {
        unknown_member(c, type, m);
        return -1;
    }
    if (!extra_only && c->model->types[el->type].kind == FHIR_KIND_PRIMITIVE)
        extra = sibling_extra(object, m);
    if (is_list(el))
        check_list(c, el, extra_only ? NULL : m, extra_only ? m : extra);
    else
        check_single(c, el, extra_only ? NULL : m, extra_only ? m : extra);
    return (int)(el - &c->model->elements[type->first_element]);
}

/* Cardinality of what was seen, choices counted as one element. */
static void check_presence(check_t *c, const fhir_type_t *type, const fhir_node_t *node,
                           const unsigned char *seen)
{
    const fhir_element_t *els = &c->model->elements[type->first_element];
    int i, j, n;

    for (i = 0; i < type->n_elements; i = j) {
        const char *name = path_name(c, &els[i]);

        n = seen[i];
        for (j = i + 1; j < type->n_elements && els[i].group && els[j].group == els[i].group; j++)
            n += seen[j];
        if (n > 1) {
            apr_size_t mark = path_push(c, name, strlen(name), -1);

            finding(c, node, FHIR_ERR_STRUCTURE, "choice-multiple",
                    "Only one of the choices of %s[x] may be given", name);
            path_pop(c, mark);
        }
        if (!n && els[i].min)
            finding(c, node, FHIR_ERR_REQUIRED, "element-missing",
                    "The required element '%s%s' of %s is missing", name, els[i].group ? "[x]" : "",
                    type_name(c, type));
    }
}

/* An extension has a value or extensions, not both, not neither (ext-1). */
static void check_extension(check_t *c, const fhir_type_t *type, const fhir_node_t *node,
                            const unsigned char *seen)
{
    const fhir_element_t *els = &c->model->elements[type->first_element];
    int i, value = 0;

    for (i = 0; i < type->n_elements; i++)
        value |= els[i].group && seen[i];
    if (value == !!fhir_node_get(node, "extension"))
        finding(c, node, FHIR_ERR_INVALID, "ext-1",
                "An extension needs either a value or extensions of its own, and not both");
}

static void check_members(check_t *c, const fhir_type_t *type, const fhir_node_t *node)
{
    unsigned char *seen = apr_pcalloc(c->issues->pool, type->n_elements + 1u);
    const fhir_node_t *m;
    int index, resource = type->kind == FHIR_KIND_RESOURCE;

    for (m = node->child; m; m = m->next) {
        if (resource && m->name_len == 12 && !memcmp(m->name, "resourceType", 12))
            continue;
        index = check_member(c, type, node, m);
        if (index >= 0)
            seen[index] = 1;
    }
    check_presence(c, type, node, seen);
    if (type_is(c, type, "Extension"))
        check_extension(c, type, node, seen);
}

static void check_object(check_t *c, const fhir_type_t *type, const fhir_node_t *node)
{
    if (node->kind != FHIR_NODE_OBJECT)
        finding(c, node, FHIR_ERR_STRUCTURE, "json-object", "%s is found where a %s is due",
                kind_word(node), type_name(c, type));
    else if (!node->child)
        finding(c, node, FHIR_ERR_STRUCTURE, "json-empty", "An object must not be empty");
    else
        check_members(c, type, node);
}

/* ---- resources ---- */

static const fhir_type_t *check_type(check_t *c, const fhir_node_t *node)
{
    const fhir_type_t *type = resource_type(c, node);
    const fhir_node_t *name = fhir_node_get(node, "resourceType");

    if (node->kind != FHIR_NODE_OBJECT)
        finding(c, node, FHIR_ERR_STRUCTURE, "json-object",
                "%s is found where a resource (an object) is due", kind_word(node));
    else if (!name)
        finding(c, node, FHIR_ERR_STRUCTURE, "resource-type",
                "The resource has no member 'resourceType'");
    else if (!type)
        finding(c, name, FHIR_ERR_STRUCTURE, "resource-type", "'%s' is no resource type of FHIR %s",
                name->kind == FHIR_NODE_STRING ? excerpt(c, name) : kind_word(name),
                c->model->label);
    return type;
}

static void check_nested(check_t *c, const fhir_node_t *node)
{
    const fhir_type_t *type = check_type(c, node);
    const fhir_node_t *container = c->container;

    if (!type)
        return;
    /* Contained resources share their container's; entries of a Bundle have their own. */
    if (!fhir_node_get(container, "contained"))
        c->container = node;
    check_object(c, type, node);
    c->container = container;
}

void fhir_check_resource(fhir_issues_t *issues, const fhir_type_t **type, const fhir_model_t *model,
                         const fhir_node_t *resource)
{
    check_t c = {.issues = issues, .model = model, .container = resource};

    c.path = fhir_buf_create(issues->pool, 64 * 1024);
    c.element_type = fhir_model_type(model, "Element", 7);
    *type = check_type(&c, resource);
    if (*type) {
        fhir_buf_puts(c.path, type_name(&c, *type));
        check_object(&c, *type, resource);
    }
    fhir_buf_free(c.path);
}
