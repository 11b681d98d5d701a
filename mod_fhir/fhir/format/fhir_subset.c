/* SPDX-License-Identifier: Apache-2.0 */
/*
 * _summary and _elements: parses them, and removes unwanted elements from a tree. The model says
 * which elements are mandatory, modifiers, or part of the summary.
 */
#include "fhir/format/fhir_subset.h"

#include <apr_strings.h>
#include <apr_tables.h>
#include <string.h>

#include "core/fhir_hash.h"
#include "core/fhir_text.h"

static const char *const summary_words[] = {
    [FHIR_SUMMARY_FALSE] = "false", [FHIR_SUMMARY_TRUE] = "true",   [FHIR_SUMMARY_TEXT] = "text",
    [FHIR_SUMMARY_DATA] = "data",   [FHIR_SUMMARY_COUNT] = "count",
};

/* The system that defines SUBSETTED. */
#define SYSTEM_R4    "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
#define SYSTEM_DSTU2 "http://hl7.org/fhir/v3/ObservationValue"

/* -- parameters -------------------------------------------------------------------------------- */

static fhir_err_t *parse_summary(fhir_summary_t *summary, const char *word, apr_pool_t *pool)
{
    for (apr_size_t i = 0; i < sizeof(summary_words) / sizeof(summary_words[0]); i++) {
        if (!strcmp(word, summary_words[i])) {
            *summary = (fhir_summary_t)i;
            return NULL;
        }
    }
    return fhir_err_create(pool, FHIR_ERR_PARAM_VALUE,
                           "_summary accepts true, text, data, count and false");
}

/* Base names of a type's elements, for the message. */
static const char *known_elements(const fhir_model_t *model, const fhir_type_t *type,
                                  apr_pool_t *pool)
{
    const char *list = "", *last = "";

    for (int i = 0; i < type->n_elements; i++) {
        const fhir_element_t *e = &model->elements[type->first_element + i];
        const char *name = fhir_model_str(model, e->group ? e->group : e->name);
        if (strcmp(name, last))
            list = apr_pstrcat(pool, list, *list ? ", " : "", name, NULL);
        last = name;
    }
    return list;
}

/* Sorts by name, so that common elements can be found in each type. */
static int is_listed(const fhir_subset_t *subset, const fhir_element_t *element)
{
    for (int i = 0; i < subset->n_elements; i++)
        if (subset->elements[i]->name == element->name)
            return 1;
    return 0;
}

static int is_named(const fhir_subset_t *subset, const fhir_model_t *model, const char *name)
{
    for (int i = 0; i < subset->n_elements; i++)
        if (!strcmp(fhir_model_str(model, subset->elements[i]->name), name))
            return 1;
    return 0;
}

/* Adds the elements of a name: one, or all types of a choice. Returns how many. */
static int add_of_type(fhir_subset_t *subset, const fhir_model_t *model, const fhir_type_t *type,
                       const char *name, apr_size_t len)
{
    int n = 0;

    for (int i = 0; i < type->n_elements; i++) {
        const fhir_element_t *e = &model->elements[type->first_element + i];
        const char *own = fhir_model_str(model, e->name), *group = fhir_model_str(model, e->group);
        if ((strncmp(own, name, len) || own[len]) &&
            (!e->group || strncmp(group, name, len) || group[len]))
            continue;
        if (!is_listed(subset, e))
            subset->elements[subset->n_elements++] = e;
        n++;
    }
    return n;
}

static int add_elements(fhir_subset_t *subset, const fhir_model_t *model, const char *name,
                        apr_size_t len)
{
    const fhir_type_t *type = subset->type ? subset->type : model->types + 1,
                      *last = subset->type ? type : model->types + model->n_resources;
    int n = 0;

    for (; type <= last; type++)
        n += add_of_type(subset, model, type, name, len);
    return n;
}

/* The most elements that there can be. */
static apr_size_t n_elements(const fhir_subset_t *subset, const fhir_model_t *model)
{
    apr_size_t n = 0;

    if (subset->type)
        return subset->type->n_elements;
    for (const fhir_type_t *type = model->types + 1; type <= model->types + model->n_resources;
         type++)
        n += type->n_elements;
    return n;
}

static fhir_err_t *unknown_element(const fhir_subset_t *subset, const fhir_model_t *model,
                                   const char *name, apr_size_t len, apr_pool_t *pool)
{
    const char *shown = fhir_text_excerpt(name, len, pool);

    if (!subset->type)
        return fhir_err_create(pool, FHIR_ERR_PARAM_VALUE,
                               "_elements names \"%s\", which no resource type has", shown);
    return fhir_err_create(pool, FHIR_ERR_PARAM_VALUE,
                           "_elements names \"%s\", which %s does not have; it has %s", shown,
                           fhir_model_str(model, subset->type->name),
                           known_elements(model, subset->type, pool));
}

static fhir_err_t *parse_elements(fhir_subset_t *subset, const fhir_model_t *model,
                                  const char *elements, apr_pool_t *pool)
{
    const char *s = elements;

    subset->elements = apr_palloc(pool, sizeof(*subset->elements) * n_elements(subset, model));
    while (*s) {
        const char *e = strchr(s, ',');
        apr_size_t n = e ? (apr_size_t)(e - s) : strlen(s);
        while (n && *s == ' ') {
            s++;
            n--;
        }
        while (n && s[n - 1] == ' ')
            n--;
        if (!(n == strlen("resourceType") &&
              !memcmp(s, "resourceType", n)) && /* it is always kept */
            (!n || !add_elements(subset, model, s, n)))
            return unknown_element(subset, model, s, n, pool);
        s = e ? e + 1 : s + n;
    }
    return NULL;
}

fhir_err_t *fhir_subset_parse(fhir_subset_t **out, const fhir_model_t *model,
                              const fhir_type_t *type, const char *summary, const char *elements,
                              apr_pool_t *pool)
{
    fhir_subset_t *subset = apr_pcalloc(pool, sizeof(*subset));

    *out = NULL;
    if (summary && *summary)
        FHIR_TRY(parse_summary(&subset->summary, summary, pool));
    subset->type = type;
    if (elements && *elements) {
        if (subset->summary != FHIR_SUMMARY_FALSE)
            return fhir_err_create(pool, FHIR_ERR_PARAM_VALUE,
                                   "only one of _summary and _elements can be given");
        FHIR_TRY(parse_elements(subset, model, elements, pool));
    }
    if (subset->summary != FHIR_SUMMARY_FALSE || subset->elements)
        *out = subset;
    return NULL;
}

/* -- trees ------------------------------------------------------------------------------------- */

static int is(const fhir_node_t *node, const char *name)
{
    return node->name_len == strlen(name) && !memcmp(node->name, name, node->name_len);
}

/* The element of a member or of its '_' member, or NULL. */
static const fhir_element_t *element_of(const fhir_model_t *model, const fhir_type_t *type,
                                        const fhir_node_t *node)
{
    unsigned skip = node->name_len && node->name[0] == '_';

    return fhir_model_element(model, type, node->name + skip, node->name_len - skip);
}

/* Elements that a client must see to interpret the others correctly. */
static int is_needed(const fhir_element_t *element)
{
    return element->min > 0 || (element->flags & FHIR_EL_MODIFIER);
}

static void summarize(fhir_node_t *node, const fhir_type_t *type, const fhir_model_t *model);

/* Within an element of the summary: its own parts, unless it is a resource or has none. */
static void summarize_value(fhir_node_t *value, const fhir_element_t *element,
                            const fhir_model_t *model)
{
    const fhir_type_t *type = &model->types[element->type];

    if (type->kind == FHIR_KIND_PRIMITIVE || (element->flags & FHIR_EL_RESOURCE))
        return;
    if (value->kind == FHIR_NODE_OBJECT)
        summarize(value, type, model);
    for (fhir_node_t *item = value->kind == FHIR_NODE_ARRAY ? value->child : NULL; item;
         item = item->next)
        if (item->kind == FHIR_NODE_OBJECT)
            summarize(item, type, model);
}

/* Keeps summary and needed elements of an object. If nothing would be left, the whole object is
 * kept: its element is part of the summary, and FHIR does not allow empty objects. */
static void summarize(fhir_node_t *node, const fhir_type_t *type, const fhir_model_t *model)
{
    fhir_node_t *first = node->child, *c;
    int kept = 0;

    for (c = first; c; c = c->next) {
        const fhir_element_t *e = element_of(model, type, c);
        kept += e && ((e->flags & FHIR_EL_SUMMARY) || is_needed(e));
    }
    if (!kept && type->kind != FHIR_KIND_RESOURCE)
        return;
    for (fhir_node_t **link = &node->child; (c = *link);) {
        const fhir_element_t *e = element_of(model, type, c);
        if (!(is(c, "resourceType") && type->kind == FHIR_KIND_RESOURCE) &&
            !(e && ((e->flags & FHIR_EL_SUMMARY) || is_needed(e)))) {
            *link = c->next;
            continue;
        }
        if (e && c->name[0] != '_')
            summarize_value(c, e, model);
        link = &c->next;
    }
}

static int keeps(const fhir_subset_t *subset, const fhir_node_t *member,
                 const fhir_element_t *element)
{
    if (is(member, "resourceType") || is(member, "id") || is(member, "meta"))
        return 1;
    if (subset->summary == FHIR_SUMMARY_DATA)
        return !is(member, "text");
    if (!element)
        return 0;
    if (subset->summary == FHIR_SUMMARY_TEXT && is(member, "text"))
        return 1;
    return is_needed(element) || is_listed(subset, element);
}

static fhir_node_t *add_text(fhir_node_t **link, const char *name, const char *text,
                             apr_pool_t *pool)
{
    fhir_node_t *node = fhir_node_new_text(FHIR_NODE_STRING, text, strlen(text), pool);

    node->name = name;
    node->name_len = (apr_uint32_t)strlen(name);
    *link = node;
    return node;
}

/* The member with this name; if it is missing, it is made and inserted after `after`. */
static fhir_node_t *member(fhir_node_t *object, const char *name, fhir_node_kind_t kind,
                           const char *after, apr_pool_t *pool)
{
    fhir_node_t *c;

    for (c = object->child; c; c = c->next)
        if (is(c, name))
            return c;
    fhir_node_t **link;
    for (link = &object->child; (c = *link); link = &c->next) {
        if (after && is(c, after)) {
            link = &c->next;
            break;
        }
    }
    fhir_node_t *made = fhir_node_new(kind, pool);
    made->name = name;
    made->name_len = (apr_uint32_t)strlen(name);
    made->next = *link;
    *link = made;
    return made;
}

static int is_tag(const fhir_node_t *coding, const char *system)
{
    return fhir_node_is(fhir_node_get(coding, "code"), "SUBSETTED") &&
           fhir_node_is(fhir_node_get(coding, "system"), system);
}

int fhir_subset_is(const fhir_node_t *resource)
{
    const fhir_node_t *tags = fhir_node_get(fhir_node_get(resource, "meta"), "tag");

    for (const fhir_node_t *c = tags && tags->kind == FHIR_NODE_ARRAY ? tags->child : NULL; c;
         c = c->next)
        if (is_tag(c, SYSTEM_R4) || is_tag(c, SYSTEM_DSTU2))
            return 1;
    return 0;
}

/* Adds a coding to meta.tag that says that the resource is incomplete. */
static void tag(fhir_node_t *resource, const fhir_model_t *model, apr_pool_t *pool)
{
    const char *system = model->version[0] == '1' ? SYSTEM_DSTU2 : SYSTEM_R4;
    const char *after = fhir_node_get(resource, "id") ? "id" : "resourceType";
    fhir_node_t *meta = member(resource, "meta", FHIR_NODE_OBJECT, after, pool);

    if (meta->kind != FHIR_NODE_OBJECT)
        return;
    fhir_node_t *tags = member(meta, "tag", FHIR_NODE_ARRAY, NULL, pool);
    fhir_node_t *c, **link;
    for (link = &tags->child; (c = *link); link = &c->next)
        if (is_tag(c, system))
            return;
    c = *link = fhir_node_new(FHIR_NODE_OBJECT, pool);
    c = add_text(&c->child, "system", system, pool);
    c = add_text(&c->next, "code", "SUBSETTED", pool);
    add_text(&c->next, "display", "subsetted", pool);
}

/* ---- contained resources: those stay that what is kept refers to (invariant ref-1) ---- */

typedef struct contained_t {
    apr_hash_t *waiting; /* id → node: no reference to it was found yet */
    apr_array_header_t
        *found; /* of fhir_node_t *: referred to, and still to be searched for references */
} contained_t;

/* Removes the member from a resource and returns it, or NULL. */
static fhir_node_t *take_contained(fhir_node_t *resource)
{
    for (fhir_node_t **link = &resource->child; *link; link = &(*link)->next)
        if (is(*link, "contained") && (*link)->kind == FHIR_NODE_ARRAY) {
            fhir_node_t *taken = *link;
            *link = taken->next;
            return taken;
        }
    return NULL;
}

/* Notes the "#id" references in a value. Recursion is as deep as the tree. */
static void find_references(contained_t *c, const fhir_node_t *node)
{
    if (node->kind == FHIR_NODE_STRING && node->text_len > 1 && *node->text == '#') {
        fhir_node_t *item = apr_hash_get(c->waiting, node->text + 1, node->text_len - 1);
        if (item) {
            apr_hash_set(c->waiting, node->text + 1, node->text_len - 1, NULL);
            APR_ARRAY_PUSH(c->found, fhir_node_t *) = item;
        }
    }
    for (const fhir_node_t *child = node->child; child; child = child->next)
        find_references(c, child);
}

/* Restores the contained resources that the rest of the resource, or one of them, refers to. */
static void keep_referred(fhir_node_t *resource, fhir_node_t *contained, apr_pool_t *pool)
{
    contained_t c = {fhir_hash_make(pool), apr_array_make(pool, 4, sizeof(fhir_node_t *))};
    fhir_node_t **link = &contained->child, *after = NULL;

    for (fhir_node_t *item = contained->child; item; item = item->next) {
        const fhir_node_t *id = fhir_node_get(item, "id");
        if (id && id->kind == FHIR_NODE_STRING)
            apr_hash_set(c.waiting, id->text, id->text_len, item);
    }
    find_references(&c, resource);
    for (int i = 0; i < c.found->nelts; i++)
        find_references(&c, APR_ARRAY_IDX(c.found, i, fhir_node_t *));
    while (*link) {
        const fhir_node_t *id = fhir_node_get(*link, "id");
        if (!id || id->kind != FHIR_NODE_STRING ||
            apr_hash_get(c.waiting, id->text, id->text_len) == *link)
            *link = (*link)->next;
        else
            link = &(*link)->next;
    }
    if (!contained->child)
        return;
    for (fhir_node_t *m = resource->child; m; m = m->next) /* its place in a resource */
        if (!after || is(m, "resourceType") || is(m, "id") || is(m, "meta") ||
            is(m, "implicitRules") || is(m, "language") || is(m, "text"))
            after = m;
    contained->next = after->next;
    after->next = contained;
}

void fhir_subset_apply(fhir_node_t *resource, const fhir_subset_t *subset,
                       const fhir_model_t *model, apr_pool_t *pool)
{
    const fhir_node_t *name = fhir_node_get(resource, "resourceType");
    const fhir_type_t *type =
        name && name->text ? fhir_model_resource(model, name->text, name->text_len) : NULL;

    if (!type || (subset->elements && subset->type && type != subset->type))
        return;
    fhir_node_t *contained =
        subset->summary == FHIR_SUMMARY_DATA || is_named(subset, model, "contained")
            ? NULL
            : take_contained(resource);
    fhir_node_t *c;
    if (subset->summary == FHIR_SUMMARY_TRUE)
        summarize(resource, type, model);
    else
        for (fhir_node_t **link = &resource->child; (c = *link);) {
            if (keeps(subset, c, element_of(model, type, c)))
                link = &c->next;
            else
                *link = c->next;
        }
    if (contained)
        keep_referred(resource, contained, pool);
    tag(resource, model, pool);
}
