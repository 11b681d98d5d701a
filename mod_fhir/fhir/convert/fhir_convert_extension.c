/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extensions: those of clients, found by their url; those that stand for elements that the other
 * release lacks; and data-absent-reasons.
 */
#include <apr_lib.h>
#include <apr_strings.h>

#include "fhir/convert/fhir_convert_private.h"

#define DATA_ABSENT_REASON "http://hl7.org/fhir/StructureDefinition/data-absent-reason"

static fhir_node_t *new_object(const fhir_convert_run_t *run)
{
    return fhir_node_new(FHIR_NODE_OBJECT, run->pool);
}

static int starts(const fhir_node_t *url, const char *with, apr_size_t len)
{
    return url && url->kind == FHIR_NODE_STRING && url->text_len > len &&
           memcmp(url->text, with, len) == 0;
}

fhir_node_t *fhir_convert_extension(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                                    fhir_node_t *extension)
{
    fhir_node_t *url = fhir_convert_get(extension, "url");
    const fhir_convert_url_t *before = run->url;

    (void)step;
    if (!url || url->kind != FHIR_NODE_STRING)
        return FHIR_CONVERT_NOTHING;
    const fhir_convert_renamed_t *name = apr_hash_get(run->half->urls, url->text, url->text_len);
    if (name) {
        url->text = name->to;
        url->text_len = (apr_uint32_t)strlen(name->to);
        fhir_node_t *code = fhir_convert_get(extension, "valueCode");
        const fhir_convert_code_t *word =
            code && code->text ? fhir_convert_code(name->codes, code->text, code->text_len) : NULL;
        if (word && word->to) {
            code->text = word->to;
            code->text_len = word->to_len;
        }
        run->url = name->url;
    }
    extension = fhir_convert_object(run, run->half->extension, extension);
    run->url = before;
    return extension && extension->child && extension->child->next ? extension
                                                                   : FHIR_CONVERT_NOTHING;
}

fhir_node_t *fhir_convert_absent(fhir_convert_run_t *run, const fhir_type_t *type,
                                 const char *reason)
{
    const char *name = fhir_model_str(run->half->to, type->name);
    const char *text = strcmp(name, "CodeableConcept") == 0                            ? "text"
                       : strcmp(name, "Reference") == 0 || strcmp(name, "Coding") == 0 ? "display"
                                                                                       : NULL;
    fhir_node_t *object = new_object(run), *list = fhir_node_new(FHIR_NODE_ARRAY, run->pool);
    fhir_node_t *extension = new_object(run);

    if (!text && type->kind != FHIR_KIND_PRIMITIVE)
        return NULL;
    fhir_convert_add(extension, "url", 3, fhir_convert_string(DATA_ABSENT_REASON, run->pool));
    fhir_convert_add(extension, "valueCode", 9, fhir_convert_string(reason, run->pool));
    extension->name = NULL;
    list->child = extension;
    fhir_convert_add(object, "extension", 9, list);
    if (text)
        fhir_convert_add(object, text, strlen(text), fhir_convert_string("unknown", run->pool));
    return object;
}

/* ---- elements that the other release has not ---- */

static const char *value_name(const fhir_convert_run_t *run, const fhir_type_t *type)
{
    char *name = apr_pstrcat(run->pool, "value", fhir_model_str(run->half->from, type->name), NULL);
    name[5] = (char)apr_toupper(name[5]);
    return name;
}

static int lose_into(fhir_convert_run_t *run, fhir_node_t *extension, const fhir_type_t *type,
                     fhir_node_t *value, fhir_node_t *underscore);

/* A value whose type an extension cannot hold: each of its members becomes a nested extension with
 * the member's name as its url. */
static void lose_members(fhir_convert_run_t *run, fhir_node_t *extension, const fhir_type_t *type,
                         fhir_node_t *value)
{
    const fhir_model_t *m = run->half->from;
    fhir_node_t *list = fhir_node_new(FHIR_NODE_ARRAY, run->pool), **at = &list->child;

    for (fhir_node_t *member = value->child, *next; member; member = next) {
        const fhir_element_t *el = fhir_model_element(m, type, member->name, member->name_len);
        fhir_node_t *item = member->kind == FHIR_NODE_ARRAY ? member->child : member;
        next = member->next;
        if (!el || (el->flags & FHIR_EL_XMLATTR))
            continue;
        fhir_node_t *after;
        for (; item; item = after) {
            fhir_node_t *one = new_object(run);
            const char *name = fhir_model_str(m, el->group ? el->group : el->name);
            after = member->kind == FHIR_NODE_ARRAY ? item->next : NULL;
            fhir_convert_add(one, "url", 3, fhir_convert_string(name, run->pool));
            if (strcmp(name, "extension") == 0)
                one = fhir_convert_extension(run, NULL, item);
            else if (!lose_into(run, one, &m->types[el->type], item, NULL))
                continue;
            if (one == FHIR_CONVERT_NOTHING)
                continue;
            one->name = NULL;
            one->next = NULL;
            *at = one;
            at = &one->next;
        }
    }
    if (list->child)
        fhir_convert_add(extension, "extension", 9, list);
}

/* Converts the value to that of an extension; 0 when no part of it can be one. */
static int lose_into(fhir_convert_run_t *run, fhir_node_t *extension, const fhir_type_t *type,
                     fhir_node_t *value, fhir_node_t *underscore)
{
    const char *name = value_name(run, type);
    const fhir_convert_step_t *step = fhir_convert_step(run->half->extension, name, strlen(name));

    if (step && step->kind == FHIR_STEP_VALUE && strcmp(name, "valueSignature") != 0) {
        if (value && step->convert)
            value = step->convert(run, step, value);
        if (value && value != FHIR_CONVERT_NOTHING)
            fhir_convert_add(extension, step->to_name, step->to_name_len, value);
        underscore = underscore ? fhir_convert_object(run, run->half->element, underscore) : NULL;
        if (underscore)
            fhir_convert_add(extension, apr_pstrcat(run->pool, "_", step->to_name, NULL),
                             step->to_name_len + 1, underscore);
    }
    else if (value && value->kind == FHIR_NODE_OBJECT)
        lose_members(run, extension, type, value);
    return extension->child->next != NULL;
}

void fhir_convert_lose(fhir_convert_run_t *run, const fhir_convert_plan_t *plan,
                       fhir_node_t *object, const fhir_element_t *element, fhir_node_t *value,
                       fhir_node_t *underscore, int modifier)
{
    const fhir_model_t *from = run->half->from, *to = run->half->to;
    const char *member = "extension";
    fhir_node_t *extension = new_object(run);

    if (modifier && fhir_model_element(to, plan->to, "modifierExtension", 17))
        member = "modifierExtension";
    if (!fhir_model_element(to, plan->to, member, strlen(member)) ||
        (element->flags & FHIR_EL_XMLATTR))
        return;
    if (value && value->kind == FHIR_NODE_NULL)
        value = NULL;
    const char *url = apr_pstrcat(
        run->pool, run->half->own, fhir_model_str(from, from->types[element->owner].name), ".",
        fhir_model_str(from, element->group ? element->group : element->name), NULL);
    fhir_convert_add(extension, "url", 3, fhir_convert_string(url, run->pool));
    if (!lose_into(run, extension, &from->types[element->type], value, underscore))
        return;
    fhir_node_t *list = fhir_convert_get(object, member);
    if (!list) {
        list = fhir_node_new(FHIR_NODE_ARRAY, run->pool);
        fhir_convert_add(object, member, strlen(member), list);
    }
    extension->name = NULL;
    fhir_convert_append(run, list, extension);
}

/* ---- and back ---- */

/* The value[x] member of an extension, or NULL. */
static fhir_node_t *value_of(const fhir_node_t *extension)
{
    for (fhir_node_t *m = extension->child; m; m = m->next)
        if (m->name_len > 5 && memcmp(m->name, "value", 5) == 0)
            return m;
    return NULL;
}

/* The element that an extension stands for. A choice is selected by the type of the value. */
static const fhir_element_t *element_of(const fhir_convert_run_t *run, const fhir_type_t *type,
                                        const char *name, apr_size_t len, const fhir_node_t *value)
{
    /* types that an extension shows as another type */
    static const char *const shown[][2] = {{"Uri", "Canonical"},     {"Uri", "Url"},
                                           {"Uri", "Uuid"},          {"Quantity", "Age"},
                                           {"Quantity", "Duration"}, {"Quantity", "Money"}};
    const fhir_model_t *m = run->half->to;
    const fhir_element_t *el = fhir_model_element(m, type, name, len);

    if (el || !value)
        return el;
    const char *choice = apr_pstrmemdup(run->pool, value->name + 5, value->name_len - 5);
    name = apr_pstrmemdup(run->pool, name, len);
    for (int i = -1; !el && i < (int)(sizeof(shown) / sizeof(*shown)); i++) {
        if (i >= 0 && strcmp(shown[i][0], choice) != 0)
            continue;
        const char *full = apr_pstrcat(run->pool, name, i < 0 ? choice : shown[i][1], NULL);
        el = fhir_model_element(m, type, full, strlen(full));
    }
    return el;
}

static fhir_node_t *found_value(fhir_convert_run_t *run, const fhir_element_t *el,
                                fhir_node_t *extension, fhir_node_t *value);

static void set_found(fhir_convert_run_t *run, fhir_node_t *object, const fhir_element_t *el,
                      fhir_node_t *value)
{
    const char *name = fhir_model_str(run->half->to, el->name);
    fhir_node_t *there = fhir_convert_get(object, name);

    if (el->max == 1) {
        if (!there)
            fhir_convert_add(object, name, strlen(name), value);
        return;
    }
    if (!there) {
        there = fhir_node_new(FHIR_NODE_ARRAY, run->pool);
        fhir_convert_add(object, name, strlen(name), there);
    }
    value->flags |= FHIR_CONVERT_FOUND;
    value->name = NULL;
    fhir_convert_append(run, there, value);
}

/* Converts one extension to a member of object; 0 when it stands for no element. */
static int find_one(fhir_convert_run_t *run, const fhir_type_t *type, fhir_node_t *object,
                    fhir_node_t *extension, const char *name, apr_size_t len)
{
    fhir_node_t *value = value_of(extension);
    const fhir_element_t *el = element_of(run, type, name, len, value);

    if (!el)
        return 0;
    value = found_value(run, el, extension, value);
    if (!value)
        return 0;
    set_found(run, object, el, value);
    return 1;
}

/* Collects a value from the nested extensions that it was spread over. */
static fhir_node_t *found_object(fhir_convert_run_t *run, const fhir_type_t *type,
                                 fhir_node_t *extension)
{
    fhir_node_t *list = fhir_convert_get(extension, "extension"), *object = new_object(run);

    for (fhir_node_t *e = list ? list->child : NULL, *next; e; e = next) {
        const fhir_node_t *url = fhir_node_get(e, "url");
        next = e->next;
        if (url && url->text)
            find_one(run, type, object, e, url->text, url->text_len);
    }
    return object->child ? object : NULL;
}

static fhir_node_t *found_value(fhir_convert_run_t *run, const fhir_element_t *el,
                                fhir_node_t *extension, fhir_node_t *value)
{
    const fhir_type_t *type = &run->half->to->types[el->type];

    if (!value)
        return type->kind == FHIR_KIND_PRIMITIVE ? NULL : found_object(run, type, extension);
    const fhir_convert_step_t *step =
        fhir_convert_step(run->half->extension, value->name, value->name_len);
    if (!step || step->kind != FHIR_STEP_VALUE)
        return NULL;
    if ((type->kind == FHIR_KIND_PRIMITIVE) != step->prim)
        return NULL;
    fhir_convert_remove(extension, value);
    if (step->convert)
        value = step->convert(run, step, value);
    return value == FHIR_CONVERT_NOTHING ? NULL : value;
}

int fhir_convert_find(fhir_convert_run_t *run, const fhir_convert_plan_t *plan,
                      fhir_node_t *extensions, fhir_node_t *made)
{
    const char *type = fhir_model_str(run->half->to, plan->to->name);
    apr_size_t len = strlen(type);
    int found = 0;

    if (extensions->kind != FHIR_NODE_ARRAY)
        return 0;
    for (fhir_node_t **at = &extensions->child, *e; (e = *at) != NULL;) {
        const fhir_node_t *url = fhir_node_get(e, "url");
        if (starts(url, run->half->foreign, run->half->foreign_len)) {
            const char *path = url->text + run->half->foreign_len;
            apr_size_t rest = url->text_len - run->half->foreign_len;
            if (rest > len + 1 && memcmp(path, type, len) == 0 && path[len] == '.' &&
                find_one(run, plan->to, made, e, path + len + 1, rest - len - 1)) {
                *at = e->next;
                found = 1;
                continue;
            }
        }
        at = &e->next;
    }
    return found;
}
