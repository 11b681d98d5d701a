/* SPDX-License-Identifier: Apache-2.0 */
/* FHIRPath Patch: a Parameters resource whose operations name elements by FHIRPath.
 *
 * A list is split into pairs of value and "_name" value, changed, and joined again, so that the
 * two arrays of a primitive stay in step.
 * Source: http://hl7.org/fhir/R4/fhirpatch.html */
#include <apr_strings.h>
#include <stdlib.h>

#include "fhir/fhirpath/fhir_path.h"
#include "fhir/write/fhir_patch.h"

/* One value of an element, and its value in the "_name" member. */
typedef struct pair_t {
    fhir_node_t *value, *extra;
} pair_t;

/* The location of an element: the object that has it, and its values. */
typedef struct place_t {
    fhir_node_t *object;
    const fhir_element_t *element;
    pair_t *pairs;
    int n;
    int is_list;
    int depth; /* levels above its values: objects and arrays */
} place_t;

typedef struct patch_t {
    const fhir_model_t *model;
    fhir_node_t *root;
    int number; /* of the operation, from 0 */
    const fhir_patch_limits_t *limits;
    fhir_steps_t *steps; /* of all operations */
    apr_pool_t *pool;
    apr_pool_t *scratch; /* of the operation */
} patch_t;

static fhir_err_t *fault(const patch_t *p, fhir_code_t code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static fhir_err_t *fault(const patch_t *p, fhir_code_t code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *what = apr_pvsprintf(p->pool, fmt, ap);
    va_end(ap);
    return fhir_err_create(p->pool, code, "Patch operation %d: %s", p->number, what);
}

static fhir_err_t *charge(const patch_t *p, apr_size_t n)
{
    return fhir_steps_take(p->steps, n) ? NULL
                                        : fhir_patch_too_costly(p->number, p->steps, p->pool);
}

/* The tree belongs to the caller and may be changed; the evaluator must not change it. */
static fhir_node_t *own(const fhir_node_t *node)
{
    return (fhir_node_t *)node;
}

/* Members */

static void remove_member(fhir_node_t *object, const char *name)
{
    fhir_node_t **link = &object->child;
    const fhir_node_t *member = fhir_node_get(object, name);
    while (*link && *link != member)
        link = &(*link)->next;
    if (*link)
        *link = (*link)->next;
}

/* Sets a member at its previous place, or as the last one. */
static void set_member(fhir_node_t *object, const char *name, fhir_node_t *node)
{
    fhir_node_t **link = &object->child;
    const fhir_node_t *old = fhir_node_get(object, name);
    while (*link && *link != old)
        link = &(*link)->next;
    node->name = name;
    node->name_len = (apr_uint32_t)strlen(name);
    node->next = *link ? (*link)->next : NULL;
    *link = node;
}

static const char *extra_name(const patch_t *p, const char *name)
{
    return apr_pstrcat(p->pool, "_", name, NULL);
}

/* Places */

/* The present item, NULL for a null or after the end; moves on to the next. */
static fhir_node_t *next_item(const fhir_node_t **c)
{
    const fhir_node_t *item = *c;
    if (item)
        *c = item->next;
    return item && item->kind != FHIR_NODE_NULL ? own(item) : NULL;
}

/* All values of an element of an object, with room for one more. above: levels of the object. */
static fhir_err_t *read_place(const patch_t *p, place_t *place, fhir_node_t *object, int above,
                              const fhir_element_t *element)
{
    const char *name = fhir_model_str(p->model, element->name);
    const fhir_node_t *value = fhir_node_get(object, name);
    const fhir_node_t *extra = p->model->types[element->type].kind == FHIR_KIND_PRIMITIVE
                                   ? fhir_node_get(object, extra_name(p, name))
                                   : NULL;
    int n_values = (int)fhir_node_count(value), n_extras = (int)fhir_node_count(extra);

    place->object = object;
    place->element = element;
    place->is_list = element->max != 1 || (value && value->kind == FHIR_NODE_ARRAY);
    place->depth = above + place->is_list;
    FHIR_TRY(charge(p, 1 + (fhir_node_count(object) + (apr_size_t)n_values + (apr_size_t)n_extras) /
                               FHIR_STEPS_LINKS));
    if (!place->is_list) {
        place->pairs = apr_pcalloc(p->scratch, 2 * sizeof(pair_t));
        place->pairs[0] = (pair_t){own(value), own(extra)};
        place->n = value || extra;
        return NULL;
    }
    place->n = n_values > n_extras ? n_values : n_extras;
    place->pairs = apr_pcalloc(p->scratch, ((apr_size_t)place->n + 1) * sizeof(pair_t));
    value = value ? value->child : NULL;
    extra = extra ? extra->child : NULL;
    for (int i = 0; i < place->n; i++) {
        place->pairs[i].value = next_item(&value);
        place->pairs[i].extra = next_item(&extra);
    }
    return NULL;
}

/* One of the two arrays; NULL when it would have only nulls. */
static fhir_err_t *make_array(fhir_node_t **made, const patch_t *p, const place_t *place,
                              int extras)
{
    int first = 0;

    *made = NULL;
    FHIR_TRY(charge(p, 1 + (apr_size_t)place->n / FHIR_STEPS_LINKS));
    while (first < place->n && !(extras ? place->pairs[first].extra : place->pairs[first].value))
        first++;
    if (first == place->n)
        return NULL;
    fhir_node_t *array;
    *made = array = fhir_node_new(FHIR_NODE_ARRAY, p->pool);
    fhir_node_t **link = &array->child;
    for (int i = 0; i < place->n; i++) {
        fhir_node_t *node = extras ? place->pairs[i].extra : place->pairs[i].value;
        if (!node) {
            FHIR_TRY(charge(p, 1));
            node = fhir_node_new(FHIR_NODE_NULL, p->pool);
        }
        node->name = NULL;
        node->name_len = 0;
        node->next = NULL;
        *link = node;
        link = &node->next;
    }
    return NULL;
}

static fhir_err_t *write_place(const patch_t *p, const place_t *place)
{
    const char *name = fhir_model_str(p->model, place->element->name);
    const char *names[2] = {name, extra_name(p, name)};

    for (int extras = 0; extras < 2; extras++) {
        fhir_node_t *node = NULL;
        if (place->is_list)
            FHIR_TRY(make_array(&node, p, place, extras));
        else if (place->n)
            node = extras ? place->pairs[0].extra : place->pairs[0].value;
        if (node)
            set_member(place->object, names[extras], node);
        else
            remove_member(place->object, names[extras]);
    }
    return NULL;
}

static void insert_pair(place_t *place, int at, pair_t pair)
{
    memmove(place->pairs + at + 1, place->pairs + at, (apr_size_t)(place->n - at) * sizeof(pair_t));
    place->pairs[at] = pair;
    place->n++;
}

static void remove_pair(place_t *place, int at)
{
    place->n--;
    memmove(place->pairs + at, place->pairs + at + 1, (apr_size_t)(place->n - at) * sizeof(pair_t));
}

/* Parts of an operation */

static const fhir_node_t *part(const fhir_node_t *operation, const char *name)
{
    const fhir_node_t *parts = fhir_node_get(operation, "part");
    for (const fhir_node_t *c = parts ? parts->child : NULL; c; c = c->next) {
        if (fhir_node_is(fhir_node_get(c, "name"), name))
            return c;
    }
    return NULL;
}

/* The value[x] of a parameter; suffix is the part after "value". */
static const fhir_node_t *value_of(const fhir_node_t *parameter, const char **suffix,
                                   const patch_t *p)
{
    for (const fhir_node_t *m = parameter ? parameter->child : NULL; m; m = m->next) {
        if (m->name_len > 5 && memcmp(m->name, "value", 5) == 0) {
            *suffix = apr_pstrmemdup(p->pool, m->name + 5, m->name_len - 5);
            return m;
        }
    }
    return NULL;
}

/* Its "_value[x]": id and extensions of a primitive. */
static const fhir_node_t *extra_of(const fhir_node_t *parameter)
{
    for (const fhir_node_t *m = parameter->child; m; m = m->next) {
        if (m->name_len > 6 && memcmp(m->name, "_value", 6) == 0)
            return m;
    }
    return NULL;
}

static fhir_err_t *text_part(const char **text, const patch_t *p, const fhir_node_t *operation,
                             const char *name)
{
    const char *suffix;
    const fhir_node_t *value = value_of(part(operation, name), &suffix, p);
    if (!value || value->kind != FHIR_NODE_STRING)
        return fault(p, FHIR_ERR_BAD_REQUEST, "the part '%s' with a string is missing", name);
    *text = apr_pstrmemdup(p->pool, value->text, value->text_len);
    return NULL;
}

static fhir_err_t *index_part(int *index, const patch_t *p, const fhir_node_t *operation,
                              const char *name)
{
    const char *suffix;
    const fhir_node_t *value = value_of(part(operation, name), &suffix, p);
    if (!value || value->kind != FHIR_NODE_NUMBER || value->text_len > 9 ||
        strspn(value->text, "0123456789") < value->text_len)
        return fault(p, FHIR_ERR_BAD_REQUEST,
                     "the part '%s' with an integer of 0 or more is missing", name);
    *index = atoi(apr_pstrmemdup(p->pool, value->text, value->text_len));
    return NULL;
}

/* Values */

static fhir_err_t *add_member(const patch_t *p, fhir_node_t *object, int above,
                              const fhir_type_t *type, const char *name,
                              const fhir_node_t *parameter);

/* The element of a type that a value is for; a choice is selected by the type of the value. */
static fhir_err_t *element_for(const fhir_element_t **element, const patch_t *p,
                               const fhir_type_t *type, const char *name, const char *suffix)
{
    *element = fhir_model_element(p->model, type, name, strlen(name));
    if (!*element && suffix) {
        const char *full = apr_pstrcat(p->pool, name, suffix, NULL);
        *element = fhir_model_element(p->model, type, full, strlen(full));
        if (*element && strcmp(fhir_model_str(p->model, (*element)->group), name) != 0)
            *element = NULL;
    }
    return *element ? NULL
                    : fault(p, FHIR_ERR_BUSINESS, "%s has no element '%s' for a value of type %s",
                            fhir_model_str(p->model, type->name), name, suffix ? suffix : "none");
}

/* depth: levels above. Recursion is as deep as the parameter, and limited by the depth of a
 * resource. */
static fhir_err_t *copy(fhir_node_t **made, const patch_t *p, const fhir_node_t *node, int depth)
{
    FHIR_TRY(charge(p, 1));
    *made = apr_pmemdup(p->pool, node, sizeof(*node));
    (*made)->next = NULL;
    if (node->kind < FHIR_NODE_ARRAY)
        return NULL;
    if (++depth > p->limits->max_depth)
        return fhir_patch_too_deep(p->number, p->limits, p->pool);
    fhir_node_t **link = &(*made)->child;
    for (const fhir_node_t *c = node->child; c; c = c->next, link = &(*link)->next)
        FHIR_TRY(copy(link, p, c, depth));
    return NULL;
}

/* A parameter's value: value[x], a resource, or parts that make an object of the element's type. */
static fhir_err_t *make_pair(pair_t *pair, const patch_t *p, const place_t *place,
                             const fhir_node_t *parameter)
{
    const char *suffix;
    const fhir_node_t *value = value_of(parameter, &suffix, p), *extra = extra_of(parameter);
    const fhir_node_t *parts = fhir_node_get(parameter, "part");

    if (!value)
        value = fhir_node_get(parameter, "resource");
    *pair = (pair_t){0};
    if (place->depth > p->limits->max_depth) /* by the list itself */
        return fhir_patch_too_deep(p->number, p->limits, p->pool);
    if (value)
        FHIR_TRY(copy(&pair->value, p, value, place->depth));
    if (extra)
        FHIR_TRY(copy(&pair->extra, p, extra, place->depth));
    if (value || extra)
        return NULL;
    if (!parts)
        return fault(p, FHIR_ERR_BAD_REQUEST, "the value is missing");
    if (place->depth + 1 > p->limits->max_depth)
        return fhir_patch_too_deep(p->number, p->limits, p->pool);
    pair->value = fhir_node_new(FHIR_NODE_OBJECT, p->pool);
    for (const fhir_node_t *c = parts->child; c; c = c->next) {
        const char *name = fhir_node_string(c, "name", p->pool);
        if (!name)
            return fault(p, FHIR_ERR_BAD_REQUEST, "a part of the value has no name");
        FHIR_TRY(add_member(p, pair->value, place->depth + 1,
                            &p->model->types[place->element->type], name, c));
    }
    return NULL;
}

static fhir_err_t *add_member(const patch_t *p, fhir_node_t *object, int above,
                              const fhir_type_t *type, const char *name,
                              const fhir_node_t *parameter)
{
    const char *suffix = NULL;

    value_of(parameter, &suffix, p);
    const fhir_element_t *element;
    FHIR_TRY(element_for(&element, p, type, name, suffix));
    place_t place;
    FHIR_TRY(read_place(p, &place, object, above, element));
    pair_t pair;
    FHIR_TRY(make_pair(&pair, p, &place, parameter));
    if (place.n && !place.is_list)
        return fault(p, FHIR_ERR_BUSINESS, "there is a '%s' already; use replace", name);
    insert_pair(&place, place.n, pair);
    return write_place(p, &place);
}

/* Targets */

static fhir_err_t *find(fhir_path_result_t *found, const patch_t *p, const char *text)
{
    fhir_path_env_t env = {.model = p->model, .steps = p->steps};
    const fhir_path_t *path;
    fhir_err_t *err = fhir_path_compile(&path, p->model, text, strlen(text), p->scratch);

    if (err)
        return fault(p, FHIR_ERR_BAD_REQUEST, "%s", err->message);
    err = fhir_path_eval(found, path, &env, fhir_path_root(p->model, p->root, p->scratch),
                         p->scratch);
    if (err)
        return fault(p, err->code, "%s", err->message);
    for (int i = 0; i < found->n; i++) {
        if (!found->items[i]->node && !found->items[i]->extra)
            return fault(p, FHIR_ERR_BUSINESS, "the path %s selects no element", text);
    }
    return NULL;
}

static fhir_err_t *find_one(const fhir_path_item_t **item, const patch_t *p, const char *text)
{
    fhir_path_result_t found;
    FHIR_TRY(find(&found, p, text));
    if (found.n != 1)
        return fault(p, FHIR_ERR_BUSINESS, "the path %s selects %d elements; it must select one",
                     text, found.n);
    *item = found.items[0];
    return NULL;
}

/* Levels down to an item's object, including it. */
static int levels(const fhir_path_item_t *item)
{
    int n = 0;
    for (; item; item = item->parent)
        n += 1 + (item->index >= 0);
    return n;
}

/* The object that has an item's members; for a primitive it is made if missing. */
static fhir_err_t *object_of(fhir_node_t **object, const patch_t *p, const fhir_path_item_t *item);

static fhir_err_t *place_of(const patch_t *p, place_t *place, const fhir_path_item_t *item)
{
    fhir_node_t *object;
    FHIR_TRY(object_of(&object, p, item->parent));
    return read_place(p, place, object, levels(item->parent), &p->model->elements[item->element]);
}

/* Recursion ends at the next item, since a primitive is always within an object. */
static fhir_err_t *object_of(fhir_node_t **object, const patch_t *p, const fhir_path_item_t *item)
{
    int at = item->index < 0 ? 0 : item->index;

    *object = own(item->kind == FHIR_PATH_NODE ? item->node : item->extra);
    if (*object)
        return NULL;
    if (levels(item) > p->limits->max_depth)
        return fhir_patch_too_deep(p->number, p->limits, p->pool);
    place_t place;
    FHIR_TRY(place_of(p, &place, item));
    *object = place.pairs[at].extra = fhir_node_new(FHIR_NODE_OBJECT, p->pool);
    return write_place(p, &place);
}

/* Elements whose values are all of one element of one object. */
static fhir_err_t *list_of(place_t *place, const patch_t *p, const char *text)
{
    fhir_path_result_t found;
    const char *dot = strrchr(text, '.');

    FHIR_TRY(find(&found, p, text));
    for (int i = 1; i < found.n; i++) {
        if (found.items[i]->parent != found.items[0]->parent ||
            found.items[i]->element != found.items[0]->element)
            return fault(p, FHIR_ERR_BUSINESS, "the path %s selects more than one list", text);
    }
    if (found.n && found.items[0]->parent) {
        return place_of(p, place, found.items[0]);
    }
    /* An empty list is found by its owner and name. */
    if (!found.n && dot &&
        dot[1 + strspn(dot + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
                                "RSTUVWXYZ0123456789")] == '\0') {
        const fhir_path_item_t *owner;
        FHIR_TRY(find_one(&owner, p, apr_pstrmemdup(p->pool, text, (apr_size_t)(dot - text))));
        const fhir_element_t *element;
        FHIR_TRY(element_for(&element, p, &p->model->types[owner->type], dot + 1, NULL));
        fhir_node_t *object;
        FHIR_TRY(object_of(&object, p, owner));
        return read_place(p, place, object, levels(owner), element);
    }
    return fault(p, FHIR_ERR_BUSINESS, "the path %s selects no list", text);
}

/* Operations */

static fhir_err_t *op_add(const patch_t *p, const fhir_node_t *operation, const char *path)
{
    const fhir_node_t *value = part(operation, "value");
    const char *name;

    FHIR_TRY(text_part(&name, p, operation, "name"));
    if (!value)
        return fault(p, FHIR_ERR_BAD_REQUEST, "the part 'value' is missing");
    const fhir_path_item_t *owner;
    FHIR_TRY(find_one(&owner, p, path));
    const fhir_type_t *type = &p->model->types[owner->type];
    fhir_node_t *object;
    FHIR_TRY(object_of(&object, p, owner));
    return add_member(p, object, levels(owner), type, name, value);
}

static fhir_err_t *op_insert(const patch_t *p, const fhir_node_t *operation, const char *path)
{
    const fhir_node_t *value = part(operation, "value");
    int index;

    FHIR_TRY(index_part(&index, p, operation, "index"));
    if (!value)
        return fault(p, FHIR_ERR_BAD_REQUEST, "the part 'value' is missing");
    place_t place;
    FHIR_TRY(list_of(&place, p, path));
    if (!place.is_list)
        return fault(p, FHIR_ERR_BUSINESS, "the path %s selects no list", path);
    if (index > place.n)
        return fault(p, FHIR_ERR_BUSINESS, "the list has %d items; index %d is after its end",
                     place.n, index);
    pair_t pair;
    FHIR_TRY(make_pair(&pair, p, &place, value));
    insert_pair(&place, index, pair);
    return write_place(p, &place);
}

/* An object that lost its last member is removed, too, because FHIR has no empty elements. A
 * primitive loses its "_name" value and keeps its own. */
static fhir_err_t *remove_item(const patch_t *p, const fhir_path_item_t *item)
{
    place_t place;
    int at = item->index < 0 ? 0 : item->index, keep = 0;

    for (;;) {
        FHIR_TRY(place_of(p, &place, item));
        if (keep)
            place.pairs[at].extra = NULL;
        else
            remove_pair(&place, at);
        FHIR_TRY(write_place(p, &place));
        item = item->parent;
        if (keep || place.object->child || !item->parent)
            return NULL;
        at = item->index < 0 ? 0 : item->index;
        keep = item->kind != FHIR_PATH_NODE && item->node;
    }
}

static fhir_err_t *op_delete(const patch_t *p, const fhir_node_t *operation, const char *path)
{
    (void)operation;
    fhir_path_result_t found;
    FHIR_TRY(find(&found, p, path));
    if (found.n > 1)
        return fault(p, FHIR_ERR_BUSINESS, "the path %s selects %d elements; delete accepts one",
                     path, found.n);
    if (!found.n) /* it is deleted already */
        return NULL;
    if (!found.items[0]->parent)
        return fault(p, FHIR_ERR_BUSINESS, "the resource itself cannot be deleted by a patch");
    return remove_item(p, found.items[0]);
}

static fhir_err_t *op_replace(const patch_t *p, const fhir_node_t *operation, const char *path)
{
    const fhir_node_t *value = part(operation, "value");
    const char *suffix = NULL;

    if (!value)
        return fault(p, FHIR_ERR_BAD_REQUEST, "the part 'value' is missing");
    const fhir_path_item_t *item;
    FHIR_TRY(find_one(&item, p, path));
    if (!item->parent)
        return fault(p, FHIR_ERR_BUSINESS, "the resource itself cannot be replaced by a patch");
    const fhir_element_t *element = &p->model->elements[item->element];
    int at = item->index < 0 ? 0 : item->index;
    value_of(value, &suffix, p);
    place_t place;
    FHIR_TRY(place_of(p, &place, item));
    if (element->group) { /* a choice may change its type, and with it its name */
        remove_pair(&place, at);
        FHIR_TRY(write_place(p, &place));
        return add_member(p, place.object, levels(item->parent), &p->model->types[element->owner],
                          fhir_model_str(p->model, element->group), value);
    }
    pair_t pair;
    FHIR_TRY(make_pair(&pair, p, &place, value));
    place.pairs[at] = pair;
    return write_place(p, &place);
}

/* Both positions are those of the list before the move: the item is inserted before the one at
 * destination. */
static fhir_err_t *op_move(const patch_t *p, const fhir_node_t *operation, const char *path)
{
    int source;

    FHIR_TRY(index_part(&source, p, operation, "source"));
    int destination;
    FHIR_TRY(index_part(&destination, p, operation, "destination"));
    place_t place;
    FHIR_TRY(list_of(&place, p, path));
    if (source >= place.n || destination > place.n)
        return fault(p, FHIR_ERR_BUSINESS,
                     "the list has %d items; source or destination is after its end", place.n);
    pair_t pair = place.pairs[source];
    remove_pair(&place, source);
    insert_pair(&place, destination > source ? destination - 1 : destination, pair);
    return write_place(p, &place);
}

static const struct {
    const char *name;
    fhir_err_t *(*run)(const patch_t *p, const fhir_node_t *operation, const char *path);
} operations[] = {
    {"add", op_add},         {"insert", op_insert}, {"delete", op_delete},
    {"replace", op_replace}, {"move", op_move},
};

static fhir_err_t *apply(const patch_t *p, const fhir_node_t *operation)
{
    if (!fhir_node_is(fhir_node_get(operation, "name"), "operation"))
        return fault(p, FHIR_ERR_BAD_REQUEST, "the parameter's name must be 'operation'");
    const char *type;
    FHIR_TRY(text_part(&type, p, operation, "type"));
    const char *path;
    FHIR_TRY(text_part(&path, p, operation, "path"));
    for (apr_size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        if (strcmp(type, operations[i].name) == 0)
            return operations[i].run(p, operation, path);
    }
    return fault(p, FHIR_ERR_BAD_REQUEST,
                 "the type must be add, insert, delete, replace or move, not '%s'", type);
}

fhir_err_t *fhir_patch_path(fhir_node_t *root, const fhir_model_t *model,
                            const fhir_node_t *parameters, const fhir_patch_limits_t *limits,
                            apr_pool_t *pool)
{
    patch_t p = {.model = model, .root = root, .pool = pool};
    fhir_patch_limits_t most = fhir_patch_limits(limits);
    fhir_steps_t steps = fhir_steps(most.max_steps);
    const fhir_node_t *list = fhir_node_get(parameters, "parameter");

    if (!fhir_node_is(fhir_node_get(parameters, "resourceType"), "Parameters") ||
        (list && list->kind != FHIR_NODE_ARRAY))
        return fhir_err_create(pool, FHIR_ERR_BAD_REQUEST,
                               "A FHIRPath Patch must be a Parameters resource with a parameter "
                               "'operation' for each step");
    apr_size_t n = fhir_node_count(list);
    FHIR_TRY(fhir_patch_count(&most, n, pool));
    p.limits = &most;
    p.steps = &steps;
    apr_pool_create(&p.scratch, pool);
    for (const fhir_node_t *c = list ? list->child : NULL; c; c = c->next, p.number++) {
        apr_pool_clear(p.scratch);
        FHIR_TRY(apply(&p, c));
    }
    apr_pool_destroy(p.scratch);
    return NULL;
}
