/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Patch (RFC 6902) with JSON Pointers (RFC 6901) on a node tree. */
#include "fhir/write/fhir_patch.h"

#include <apr_strings.h>

typedef struct patch_t {
    fhir_node_t *root;
    apr_pool_t *pool;
    int op; /* index of the present operation */
    fhir_patch_limits_t limits;
    fhir_steps_t steps;
    apr_size_t nodes_left; /* bytes that copies may still make */
} patch_t;

/* The target of a pointer: a slot in a list of siblings. */
typedef struct place_t {
    fhir_node_t *parent; /* NULL: the whole document */
    fhir_node_t **link;  /* the link to the value; *link is NULL when there is none */
    int depth;           /* levels above the value: objects and arrays */
    const char *key;     /* last token, decoded */
    apr_size_t key_len;
} place_t;

static fhir_err_t *malformed(patch_t *p, const char *what)
{
    return fhir_err_create(p->pool, FHIR_ERR_BAD_REQUEST, "JSON Patch operation %d: %s", p->op,
                           what);
}

static fhir_err_t *unfit(patch_t *p, const char *what, const char *path)
{
    return fhir_err_create(p->pool, FHIR_ERR_BUSINESS, "JSON Patch operation %d: %s: '%s'", p->op,
                           what, path);
}

/* Counts steps for siblings that were passed. */
static fhir_err_t *charge(patch_t *p, apr_size_t links)
{
    return fhir_steps_take(&p->steps, 1 + links / FHIR_STEPS_LINKS)
               ? NULL
               : fhir_patch_too_costly(p->op, &p->steps, p->pool);
}

/* Recursion is as deep as the value, which is limited by the depth of the tree. */
static fhir_err_t *copy_node(fhir_node_t **new, patch_t *p, const fhir_node_t *node, int depth)
{
    if (!p->nodes_left)
        return fhir_err_create(
            p->pool, FHIR_ERR_TOO_LARGE,
            "JSON Patch operation %d: the copies hold more values than the limit "
            "allows",
            p->op);
    p->nodes_left--;
    /* The text is not copied here, but each copy will be written. */
    if (!fhir_steps_take(&p->steps, 1) ||
        !fhir_steps_bytes(&p->steps, (apr_size_t)node->name_len + node->text_len))
        return fhir_patch_too_costly(p->op, &p->steps, p->pool);
    *new = apr_pmemdup(p->pool, node, sizeof(*node));
    (*new)->next = NULL;
    if (node->kind < FHIR_NODE_ARRAY)
        return NULL;
    if (++depth > p->limits.max_depth)
        return fhir_patch_too_deep(p->op, &p->limits, p->pool);
    fhir_node_t **link = &(*new)->child;
    for (const fhir_node_t *child = node->child; child; child = child->next) {
        FHIR_TRY(copy_node(link, p, child, depth));
        link = &(*link)->next;
    }
    return NULL;
}

/* A copy of a value of the patch or the resource. Repeated copies could double the size each
 * time. */
static fhir_err_t *copy(fhir_node_t **new, patch_t *p, const fhir_node_t *node,
                        const place_t *place)
{
    return copy_node(new, p, node, place->depth);
}

/* 1 if a value may be at this depth. */
static fhir_err_t *fits(patch_t *p, const fhir_node_t *node, int depth)
{
    FHIR_TRY(charge(p, 0));
    if (node->kind < FHIR_NODE_ARRAY)
        return NULL;
    if (++depth > p->limits.max_depth)
        return fhir_patch_too_deep(p->op, &p->limits, p->pool);
    for (const fhir_node_t *child = node->child; child; child = child->next)
        FHIR_TRY(fits(p, child, depth));
    return NULL;
}

/* Decodes ~0 and ~1; NULL on any other '~'. */
static char *decode_token(const char *s, apr_size_t len, apr_size_t *out_len, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, len + 1);
    apr_size_t n = 0;

    for (apr_size_t i = 0; i < len; i++) {
        if (s[i] != '~')
            out[n++] = s[i];
        else if (i + 1 < len && (s[i + 1] == '0' || s[i + 1] == '1'))
            out[n++] = s[++i] == '0' ? '~' : '/';
        else
            return NULL;
    }
    out[n] = '\0';
    *out_len = n;
    return out;
}

/* The link of an array item; "-" is after the last. NULL: not an index, or beyond the end. *passed:
 * the items before it. */
static fhir_node_t **item_link(apr_size_t *passed, fhir_node_t *array, const char *key,
                               apr_size_t len)
{
    fhir_node_t **link = &array->child;
    apr_size_t index = 0;

    if (len == 1 && *key == '-') {
        for (; *link; (*passed)++)
            link = &(*link)->next;
        return link;
    }
    if (!len || len > 9 || (len > 1 && *key == '0'))
        return NULL;
    for (apr_size_t i = 0; i < len; i++) {
        if (key[i] < '0' || key[i] > '9')
            return NULL;
        index = index * 10 + (apr_size_t)(key[i] - '0');
    }
    for (; index; index--, (*passed)++) {
        if (!*link)
            return NULL;
        link = &(*link)->next;
    }
    return link;
}

static fhir_node_t **member_link(apr_size_t *passed, fhir_node_t *object, const char *key,
                                 apr_size_t len)
{
    fhir_node_t **link = &object->child;

    for (; *link && ((*link)->name_len != len || memcmp((*link)->name, key, len) != 0); (*passed)++)
        link = &(*link)->next;
    return link;
}

/* Follows a pointer; all but the last token must exist. */
static fhir_err_t *locate(place_t *place, patch_t *p, const char *path)
{
    const char *s = path;

    memset(place, 0, sizeof(*place));
    place->link = &p->root;
    if (*s && *s != '/')
        return malformed(p, "a path is empty or begins with '/'");
    while (*s) {
        const char *end = strchr(s + 1, '/');
        apr_size_t len = end ? (apr_size_t)(end - s - 1) : strlen(s + 1), passed = 0;

        place->parent = *place->link;
        place->key = decode_token(s + 1, len, &place->key_len, p->pool);
        if (!place->key)
            return malformed(p, "a '~' in a path is followed by 0 or 1");
        if (!place->parent)
            return unfit(p, "the path does not exist", path);
        if (place->parent->kind == FHIR_NODE_ARRAY)
            place->link = item_link(&passed, place->parent, place->key, place->key_len);
        else if (place->parent->kind == FHIR_NODE_OBJECT)
            place->link = member_link(&passed, place->parent, place->key, place->key_len);
        else
            place->link = NULL;
        FHIR_TRY(charge(p, passed + len));
        if (!place->link)
            return unfit(p, "the path does not exist", path);
        place->depth++;
        s = end ? end : s + 1 + len;
    }
    return NULL;
}

static fhir_err_t *existing(place_t *place, patch_t *p, const char *path)
{
    FHIR_TRY(locate(place, p, path));
    return *place->link ? NULL : unfit(p, "the path does not exist", path);
}

static void set_name(fhir_node_t *value, const place_t *place)
{
    int member = place->parent && place->parent->kind == FHIR_NODE_OBJECT;

    value->name = member ? place->key : NULL;
    value->name_len = member ? (apr_uint32_t)place->key_len : 0;
}

static void replace_at(const place_t *place, fhir_node_t *value)
{
    value->next = *place->link ? (*place->link)->next : NULL;
    set_name(value, place);
    *place->link = value;
}

/* Adds a member, or replaces it; inserts before an item; replaces the document. */
static void add_at(const place_t *place, fhir_node_t *value)
{
    if (!place->parent || place->parent->kind == FHIR_NODE_OBJECT) {
        replace_at(place, value);
        return;
    }
    value->next = *place->link;
    set_name(value, place);
    *place->link = value;
}

static fhir_node_t *remove_at(const place_t *place)
{
    fhir_node_t *node = *place->link;

    *place->link = node->next;
    node->next = NULL;
    return node;
}

/* ---- the operations ---- */

typedef struct operation_t {
    const char *path, *from;
    const fhir_node_t *value;
} operation_t;

static fhir_err_t *op_add(patch_t *p, const operation_t *op)
{
    place_t place;

    FHIR_TRY(locate(&place, p, op->path));
    fhir_node_t *value;
    FHIR_TRY(copy(&value, p, op->value, &place));
    add_at(&place, value);
    return NULL;
}

static fhir_err_t *op_remove(patch_t *p, const operation_t *op)
{
    place_t place;

    FHIR_TRY(existing(&place, p, op->path));
    if (!place.parent)
        return unfit(p, "the whole resource cannot be removed", op->path);
    remove_at(&place);
    return NULL;
}

static fhir_err_t *op_replace(patch_t *p, const operation_t *op)
{
    place_t place;

    FHIR_TRY(existing(&place, p, op->path));
    fhir_node_t *value;
    FHIR_TRY(copy(&value, p, op->value, &place));
    replace_at(&place, value);
    return NULL;
}

static fhir_err_t *op_move(patch_t *p, const operation_t *op)
{
    apr_size_t len = strlen(op->from);

    if (!strncmp(op->path, op->from, len) && op->path[len] == '/')
        return unfit(p, "a value cannot be moved into itself", op->path);
    place_t place;
    FHIR_TRY(existing(&place, p, op->from));
    if (!place.parent)
        return NULL; /* the document is its own target */
    fhir_node_t *node = remove_at(&place);
    FHIR_TRY(locate(&place, p, op->path));
    FHIR_TRY(fits(p, node, place.depth));
    add_at(&place, node);
    return NULL;
}

static fhir_err_t *op_copy(patch_t *p, const operation_t *op)
{
    place_t from;

    FHIR_TRY(existing(&from, p, op->from));
    place_t place;
    FHIR_TRY(locate(&place, p, op->path));
    fhir_node_t *node;
    FHIR_TRY(copy(&node, p, *from.link, &place));
    add_at(&place, node);
    return NULL;
}

static fhir_err_t *op_test(patch_t *p, const operation_t *op)
{
    place_t place;

    FHIR_TRY(existing(&place, p, op->path));
    /* numbers are compared by value: RFC 6902, section 4.6 */
    if (!fhir_node_equal(*place.link, op->value, 1, p->pool))
        return unfit(p, "the test failed, the value is another one", op->path);
    return NULL;
}

static const struct {
    const char *name;
    fhir_err_t *(*run)(patch_t *p, const operation_t *op);
    int needs_value, needs_from;
} operations[] = {
    {"add", op_add, 1, 0},   {"remove", op_remove, 0, 0}, {"replace", op_replace, 1, 0},
    {"move", op_move, 0, 1}, {"copy", op_copy, 0, 1},     {"test", op_test, 1, 0},
};

static fhir_err_t *run_operation(patch_t *p, const fhir_node_t *node)
{
    if (node->kind != FHIR_NODE_OBJECT)
        return malformed(p, "an operation is an object");
    operation_t op;
    op.path = fhir_node_string(node, "path", p->pool);
    op.from = fhir_node_string(node, "from", p->pool);
    op.value = fhir_node_get(node, "value");
    if (!op.path)
        return malformed(p, "'path' is missing");
    for (apr_size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
        if (!fhir_node_is(fhir_node_get(node, "op"), operations[i].name))
            continue;
        if (operations[i].needs_value && !op.value)
            return malformed(p, "'value' is missing");
        if (operations[i].needs_from && !op.from)
            return malformed(p, "'from' is missing");
        return operations[i].run(p, &op);
    }
    return malformed(p, "'op' is one of add, remove, replace, move, copy, test");
}

fhir_err_t *fhir_patch_json(fhir_node_t **root, const fhir_node_t *patch,
                            const fhir_patch_limits_t *limits, apr_pool_t *pool)
{
    patch_t p = {.root = *root, .pool = pool, .limits = fhir_patch_limits(limits)};

    p.steps = fhir_steps(p.limits.max_steps);
    p.nodes_left = p.limits.max_nodes;

    if (patch->kind != FHIR_NODE_ARRAY)
        return fhir_err_create(pool, FHIR_ERR_BAD_REQUEST,
                               "A JSON Patch is an array of operations (RFC 6902)");
    FHIR_TRY(fhir_patch_count(&p.limits, fhir_node_count(patch), pool));
    for (const fhir_node_t *node = patch->child; node; node = node->next, p.op++)
        FHIR_TRY(run_operation(&p, node));
    *root = p.root;
    return NULL;
}
