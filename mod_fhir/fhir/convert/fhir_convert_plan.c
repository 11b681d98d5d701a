/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiles the table and the models: for two types, where each member of one goes in the other.
 * This is done once at start. A row that contradicts the models stops the start.
 */
#include <apr_strings.h>
#include <stdlib.h>

#include "fhir/convert/fhir_convert_private.h"

/* A row while its path is followed: the part of the path that is left. */
typedef struct todo_t {
    const fhir_convert_row_t *row;
    const char *rest;
    int rank;
} todo_t;

typedef struct build_t {
    fhir_convert_half_t *half;
    fhir_convert_plan_t *plan, *owner; /* the type of the object that is made */
    fhir_err_t **err;
    apr_pool_t *pool;
    apr_array_header_t *steps; /* of fhir_convert_step_t * */
} build_t;

static const char *type_name(const fhir_model_t *m, const fhir_type_t *type)
{
    return fhir_model_str(m, type->name);
}

static void fault(build_t *b, const fhir_convert_row_t *row, const char *what)
{
    if (*b->err)
        return;
    *b->err = fhir_err_create(b->pool, FHIR_ERR_INTERNAL, "conversion %s, %s, row %s, %s: %s",
                              type_name(b->half->from, b->plan->from),
                              type_name(b->half->to, b->owner->to), row->r4 ? row->r4 : "-",
                              row->dstu2 ? row->dstu2 : "-", what);
}

/* One name of a path, with the brackets that follow it. */
typedef struct name_t {
    char *name;
    const char *tests; /* tests without their brackets, separated by blanks; or "" */
    int each;          /* "[]" */
    const char *rest;  /* the name after the dot, or NULL */
} name_t;

static name_t next_name(const char *path, apr_pool_t *pool)
{
    apr_size_t len = strcspn(path, ".[");
    name_t n = {.name = apr_pstrmemdup(pool, path, len), .tests = ""};

    for (path += len; *path == '['; path++) {
        const char *end = strchr(path, ']');
        if (end == path + 1)
            n.each = 1;
        else
            n.tests =
                apr_pstrcat(pool, n.tests, *n.tests ? " " : "",
                            apr_pstrmemdup(pool, path + 1, (apr_size_t)(end - path - 1)), NULL);
        path = end;
    }
    n.rest = *path == '.' ? path + 1 : NULL;
    return n;
}

static const fhir_element_t *element(const fhir_model_t *m, const fhir_type_t *type,
                                     const char *name)
{
    return type ? fhir_model_element(m, type, name, strlen(name)) : NULL;
}

static const char *side(const fhir_convert_row_t *row, const fhir_convert_half_t *half, int from)
{
    return (half->way == FHIR_CONVERT_OUT) == from ? row->r4 : row->dstu2;
}

static fhir_convert_step_t *new_step(build_t *b, const fhir_element_t *from,
                                     fhir_convert_step_kind_t kind)
{
    fhir_convert_step_t *step = apr_pcalloc(b->pool, sizeof(*step));

    step->name = fhir_model_str(b->half->from, from->name);
    step->len = (apr_uint32_t)strlen(step->name);
    step->from = from;
    step->kind = (apr_byte_t)kind;
    APR_ARRAY_PUSH(b->steps, fhir_convert_step_t *) = step;
    return step;
}

static int same_target(const fhir_element_t *a, const fhir_element_t *b)
{
    return a == b || (a->group && a->group == b->group && a->owner == b->owner);
}

/* The bit of an element that gets a value when the input has none. */
static void set_need(build_t *b, fhir_convert_step_t *step)
{
    const fhir_element_t *to = step->n_hops ? step->hops[0].element : step->to;

    for (int i = 0; i < b->owner->n_absent; i++) {
        if (same_target(b->owner->absent[i].to, to)) {
            step->need = (apr_byte_t)(b->owner->absent[i].bit + 1);
            return;
        }
    }
}

static int is_text(const fhir_model_t *m, const fhir_element_t *e)
{
    const fhir_type_t *type = &m->types[e->type];
    return type->prim == FHIR_PRIM_STRING || strcmp(type_name(m, type), "Annotation") == 0;
}

/* Finds the target of a value; 0 when the types do not fit. */
static int set_target(build_t *b, fhir_convert_step_t *step, const fhir_element_t *to)
{
    const fhir_model_t *m = b->half->to;

    step->to = to;
    step->to_name = fhir_model_str(m, to->name);
    step->to_name_len = (apr_uint32_t)strlen(step->to_name);
    step->to_list = to->max > 1;
    step->single = !b->plan->group && step->from->max == 1;
    step->prim = m->types[to->type].kind == FHIR_KIND_PRIMITIVE;
    /* notes become one text, and parts of a family name; two UDIs, say, are none together */
    step->joins = !step->to_list && is_text(m, to) && is_text(b->half->from, step->from) &&
                  (b->half->way == FHIR_CONVERT_IN ||
                   strcmp(type_name(b->half->from, &b->half->from->types[step->from->type]),
                          "Annotation") == 0);
    set_need(b, step);
    return fhir_convert_choose(step, b->half, b->err, b->pool);
}

/* The path that a row's value goes to. */
static int set_path(build_t *b, fhir_convert_step_t *step, const char *path)
{
    const fhir_type_t *type = b->owner->to;
    name_t n = next_name(path, b->pool);

    for (; n.rest || n.each || *n.tests; n = next_name(n.rest, b->pool)) {
        fhir_convert_hop_t *hop = &step->hops[step->n_hops];
        if (!n.rest)
            break; /* tests of the value itself are those of the other way */
        hop->element = element(b->half->to, type, n.name);
        if (!hop->element || step->n_hops == FHIR_CONVERT_PATH_MOST - 1)
            return 0;
        hop->tests = *n.tests ? fhir_convert_tests_parse(n.tests, strlen(n.tests), b->pool) : NULL;
        hop->each = n.each || (hop->tests && hop->tests->codes && !hop->tests->not );
        hop->system = step->row->system;
        step->n_hops++;
        type = &b->half->to->types[hop->element->type];
    }
    const fhir_element_t *to = element(b->half->to, type, n.name);
    if (to && *n.tests && b->half->way == FHIR_CONVERT_IN) {
        fhir_convert_hop_t *made = apr_pcalloc(b->pool, sizeof(*made));
        made->element = to;
        made->tests = fhir_convert_tests_parse(n.tests, strlen(n.tests), b->pool);
        made->system = step->row->system;
        step->made = made;
    }
    return to && set_target(b, step, to);
}

static void set_row(build_t *b, fhir_convert_step_t *step, const todo_t *todo)
{
    const fhir_convert_row_t *row = todo->row;
    fhir_convert_way_t way = b->half->way;

    step->row = row;
    step->rank = todo->rank;
    if (row->codes && row->rule != FHIR_CONVERT_CONTAIN) {
        step->codes = fhir_convert_codes_parse(row->codes, way, b->pool);
        step->back = fhir_convert_codes_parse(row->codes, 1 - way, b->pool);
    }
    if (row->when && way == FHIR_CONVERT_OUT)
        step->when = fhir_convert_tests_parse(row->when, strlen(row->when), b->pool);
    if (row->prefer && way == FHIR_CONVERT_OUT)
        step->prefer = fhir_convert_codes_parse(row->prefer, way, b->pool);
}

/* A row whose path ends here. */
static void add_value(build_t *b, const todo_t *todo, const fhir_element_t *from, const name_t *n)
{
    const char *to = side(todo->row, b->half, 0);
    fhir_convert_step_t *step = new_step(b, from, FHIR_STEP_VALUE);

    set_row(b, step, todo);
    if (*n->tests)
        step->tests = fhir_convert_tests_parse(n->tests, strlen(n->tests), b->pool);
    if (todo->row->rule == FHIR_CONVERT_DROP || todo->row->rule == FHIR_CONVERT_DEFAULT)
        step->kind = FHIR_STEP_DROP;
    else if (!to)
        step->kind = FHIR_STEP_LOST;
    else if (!set_path(b, step, to))
        fault(b, todo->row, "no way to the target");
}

static void build_steps(build_t *b, const apr_array_header_t *todos);

/* Groups the rows whose paths go on below the same element with the same tests. */
static void add_group(build_t *b, const apr_array_header_t *todos, int first,
                      const fhir_element_t *from, const name_t *n)
{
    fhir_convert_step_t *step = new_step(b, from, FHIR_STEP_GROUP);
    fhir_convert_plan_t *plan = apr_pcalloc(b->pool, sizeof(*plan));
    apr_array_header_t *below = apr_array_make(b->pool, 4, sizeof(todo_t));
    build_t inner = {.half = b->half,
                     .plan = plan,
                     .owner = b->owner,
                     .err = b->err,
                     .pool = b->pool,
                     .steps = apr_array_make(b->pool, 4, sizeof(fhir_convert_step_t *))};

    for (int i = first; i < todos->nelts; i++) {
        const todo_t *t = &APR_ARRAY_IDX(todos, i, todo_t);
        name_t other = next_name(t->rest, b->pool);
        if (other.rest && strcmp(other.name, n->name) == 0 && strcmp(other.tests, n->tests) == 0)
            APR_ARRAY_PUSH(below, todo_t) =
                (todo_t){.row = t->row, .rest = other.rest, .rank = t->rank};
    }
    step->rank = APR_ARRAY_IDX(todos, first, todo_t).rank;
    if (*n->tests)
        step->tests = fhir_convert_tests_parse(n->tests, strlen(n->tests), b->pool);
    step->plan = plan;
    plan->from = &b->half->from->types[from->type];
    plan->to = b->owner->to;
    plan->group = 1;
    build_steps(&inner, below);
}

static int group_is_there(const apr_array_header_t *todos, int before, const name_t *n,
                          apr_pool_t *pool)
{
    for (int i = 0; i < before; i++) {
        name_t other = next_name(APR_ARRAY_IDX(todos, i, todo_t).rest, pool);
        if (other.rest && strcmp(other.name, n->name) == 0 && strcmp(other.tests, n->tests) == 0)
            return 1;
    }
    return 0;
}

static void add_rows(build_t *b, const apr_array_header_t *todos)
{
    for (int i = 0; i < todos->nelts; i++) {
        const todo_t *todo = &APR_ARRAY_IDX(todos, i, todo_t);
        name_t n = next_name(todo->rest, b->pool);
        const fhir_element_t *from = element(b->half->from, b->plan->from, n.name);
        if (!from)
            fault(b, todo->row, "no such element");
        else if (!n.rest)
            add_value(b, todo, from, &n);
        else if (!group_is_there(todos, i, &n, b->pool))
            add_group(b, todos, i, from, &n);
    }
}

/* An element of the same choice with another type, such as onsetAge beside onsetQuantity. */
static const fhir_element_t *by_choice(const build_t *b, const fhir_element_t *from)
{
    static const char *const alike[][2] = {{"Age", "Quantity"},   {"Duration", "Quantity"},
                                           {"Count", "Quantity"}, {"Distance", "Quantity"},
                                           {"Money", "Quantity"}, {"instant", "DateTime"}};
    const char *group = fhir_model_str(b->half->from, from->group);
    const char *type = type_name(b->half->from, &b->half->from->types[from->type]);

    for (apr_size_t i = 0; from->group && i < sizeof(alike) / sizeof(*alike); i++) {
        int out = b->half->way == FHIR_CONVERT_OUT;
        if (strcmp(type, alike[i][!out]) != 0)
            continue;
        const fhir_element_t *to =
            element(b->half->to, b->owner->to, apr_pstrcat(b->pool, group, alike[i][out], NULL));
        if (to)
            return to;
    }
    return NULL;
}

static int is_covered(const build_t *b, const fhir_element_t *from)
{
    for (int i = 0; i < b->steps->nelts; i++) {
        const fhir_convert_step_t *step = APR_ARRAY_IDX(b->steps, i, fhir_convert_step_t *);
        if (step->from == from && step->kind != FHIR_STEP_GROUP && !step->peeks &&
            !(step->tests && strcmp(step->name, "extension") == 0))
            return 1;
    }
    return 0;
}

/* Plans an element that has no row. */
static void add_same(build_t *b, const fhir_element_t *from)
{
    const char *name = fhir_model_str(b->half->from, from->name);
    const fhir_element_t *to = element(b->half->to, b->owner->to, name);
    fhir_convert_step_t *step = new_step(b, from, FHIR_STEP_LOST);

    step->rank = 1000;
    if (from->flags & FHIR_EL_RESOURCE)
        step->kind = to ? FHIR_STEP_RESOURCE : FHIR_STEP_DROP;
    else if ((to && set_target(b, step, to)) ||
             ((to = by_choice(b, from)) != NULL && set_target(b, step, to)))
        step->kind = FHIR_STEP_VALUE;
    if (step->kind == FHIR_STEP_RESOURCE) {
        step->to = to;
        step->to_name = name;
        step->to_name_len = step->len;
        step->to_list = to->max > 1;
    }
}

static apr_uint32_t hash_name(const char *name, apr_size_t len)
{
    return (apr_uint32_t)(len * 7 + (apr_byte_t)name[0] * 31u + (apr_byte_t)name[len - 1] * 17u +
                          (apr_byte_t)name[len / 2] * 5u);
}

/* Links all steps of a member to the first one, in the order of the table; groups and steps that
 * only test come first. */
static int goes_before(const fhir_convert_step_t *a, const fhir_convert_step_t *b)
{
    int a_last = a->kind != FHIR_STEP_GROUP && !a->peeks;
    int b_last = b->kind != FHIR_STEP_GROUP && !b->peeks;
    return a_last != b_last ? a_last < b_last : a->rank < b->rank;
}

static void hang(build_t *b, fhir_convert_step_t *step)
{
    fhir_convert_plan_t *plan = b->plan;
    apr_uint32_t slot = hash_name(step->name, step->len) & plan->mask;

    for (; plan->slots[slot]; slot = (slot + 1) & plan->mask) {
        fhir_convert_step_t **at = &plan->steps[plan->slots[slot] - 1];
        if ((*at)->from != step->from)
            continue;
        while (*at && !goes_before(step, *at))
            at = &(*at)->next;
        step->next = *at;
        *at = step;
        return;
    }
    plan->steps[plan->n_steps++] = step;
    plan->slots[slot] = (apr_uint16_t)plan->n_steps;
}

const fhir_convert_step_t *fhir_convert_step(const fhir_convert_plan_t *plan, const char *name,
                                             apr_size_t len)
{

    if (!len)
        return NULL;
    for (apr_uint32_t slot = hash_name(name, len) & plan->mask; plan->slots[slot];
         slot = (slot + 1) & plan->mask) {
        const fhir_convert_step_t *step = plan->steps[plan->slots[slot] - 1];
        if (step->len == len && memcmp(step->name, name, len) == 0)
            return step;
    }
    return NULL;
}

int fhir_convert_rivals(const fhir_convert_step_t *a, const fhir_convert_step_t *b)
{
    return a != b && !a->to_list && !a->tests && !b->tests && (a->row || b->row) &&
           a->n_hops == b->n_hops && same_target(a->to, b->to) &&
           (!a->n_hops ||
            (a->hops[0].element == b->hops[0].element && a->hops[0].element->max == 1));
}

static int has_codes(const fhir_convert_step_t *step)
{
    return step->codes && step->row->rule == FHIR_CONVERT_VALUE;
}

/* Marks the steps that depend on other members: those with `when`, and those that share a
 * target. */
static int shares_target(const build_t *b, fhir_convert_step_t *step)
{
    int shares = 0;

    for (int i = 0; i < b->steps->nelts; i++) {
        const fhir_convert_step_t *other = APR_ARRAY_IDX(b->steps, i, fhir_convert_step_t *);
        if (other->kind != FHIR_STEP_VALUE || !fhir_convert_rivals(step, other))
            continue;
        shares = 1;
        step->listed |= has_codes(step) && has_codes(other);
        step->quiet |= step->row && other->row && step->row->codes && other->row->codes;
    }
    return shares;
}

static int by_rank(const void *a, const void *b)
{
    return (*(fhir_convert_step_t *const *)a)->rank - (*(fhir_convert_step_t *const *)b)->rank;
}

static void find_conditions(build_t *b)
{
    fhir_convert_plan_t *plan = b->plan;

    for (int i = 0; i < b->steps->nelts; i++) {
        fhir_convert_step_t *step = APR_ARRAY_IDX(b->steps, i, fhir_convert_step_t *);
        if (step->kind != FHIR_STEP_VALUE || plan->n_conditional == FHIR_CONVERT_BITS ||
            (!shares_target(b, step) && !step->when))
            continue;
        plan->conditional[plan->n_conditional++] = step;
    }
    qsort(plan->conditional, (size_t)plan->n_conditional, sizeof(*plan->conditional), by_rank);
    for (int i = 0; i < plan->n_conditional; i++)
        plan->conditional[i]->condition = (apr_byte_t)(i + 1);
}

static void build_steps(build_t *b, const apr_array_header_t *todos)
{
    fhir_convert_plan_t *plan = b->plan;
    const fhir_type_t *type = plan->from;
    apr_uint32_t size = 8;

    add_rows(b, todos);
    for (int i = 0; !plan->group && i < type->n_elements; i++) {
        const fhir_element_t *from = &b->half->from->elements[type->first_element + i];
        if (!is_covered(b, from))
            add_same(b, from);
    }
    while (size < (apr_uint32_t)b->steps->nelts * 2)
        size *= 2;
    plan->mask = size - 1;
    plan->slots = apr_pcalloc(b->pool, sizeof(*plan->slots) * size);
    plan->steps = apr_pcalloc(b->pool, sizeof(*plan->steps) * (apr_size_t)b->steps->nelts);
    find_conditions(b);
    for (int i = 0; i < b->steps->nelts; i++)
        hang(b, APR_ARRAY_IDX(b->steps, i, fhir_convert_step_t *));
    for (int i = 0; i < plan->n_steps; i++) {
        fhir_convert_step_t *step = plan->steps[i];
        step->plain = step->kind == FHIR_STEP_VALUE && !step->convert && !step->next &&
                      !step->row && !step->condition && step->to_list == (step->from->max > 1) &&
                      strcmp(step->name, step->to_name) == 0;
    }
}

static void add_absent(build_t *b, apr_array_header_t *list, const fhir_element_t *to,
                       const fhir_convert_row_t *row)
{
    int bit = list->nelts;

    for (int i = list->nelts; i-- > 0;) {
        if (same_target(APR_ARRAY_IDX(list, i, fhir_convert_absent_t).to, to))
            bit = i;
    }
    if (list->nelts == FHIR_CONVERT_BITS) {
        if (row)
            fault(b, row, "too many required elements");
        return;
    }
    fhir_convert_absent_t *absent = apr_array_push(list);
    absent->to = to;
    absent->row = row;
    if (row && row->when)
        absent->when = fhir_convert_tests_parse(row->when, strlen(row->when), b->pool);
    absent->bit = bit;
}

/* What is used when the input has no value, in the order in which it is tried. */
static void find_absent(build_t *b)
{
    apr_array_header_t *list = apr_array_make(b->pool, 4, sizeof(fhir_convert_absent_t));
    const fhir_type_t *type = b->plan->to;
    const fhir_element_t *before = NULL;

    for (int i = 0; b->plan->map && i < b->plan->map->n_rows; i++) {
        const fhir_convert_row_t *row = &b->plan->map->rows[i];
        const char *path = side(row, b->half, 0);
        if (!path || (row->rule != FHIR_CONVERT_DEFAULT && row->rule != FHIR_CONVERT_FILL &&
                      row->rule != FHIR_CONVERT_EXCLUDE))
            continue;
        const fhir_element_t *to = element(b->half->to, type, path);
        if (to)
            add_absent(b, list, to, row);
        else
            fault(b, row, "no such element");
    }
    for (int i = 0; i < type->n_elements; i++) {
        const fhir_element_t *to = &b->half->to->elements[type->first_element + i];
        if (to->min && !(before && same_target(before, to)) && !(to->flags & FHIR_EL_XMLATTR))
            add_absent(b, list, to, NULL);
        before = to;
    }
    b->plan->absent = (fhir_convert_absent_t *)list->elts;
    b->plan->n_absent = list->nelts;
}

static const fhir_convert_map_t *find_map(const fhir_convert_half_t *half, const fhir_type_t *from,
                                          const fhir_type_t *to)
{
    static const fhir_convert_map_t *const tables[] = {
        fhir_convert_datatypes, fhir_convert_people, fhir_convert_clinical, fhir_convert_medication,
        fhir_convert_results,   fhir_convert_plans,  fhir_convert_workflow};
    const char *a = type_name(half->from, from), *b = type_name(half->to, to);
    int out = half->way == FHIR_CONVERT_OUT;

    for (apr_size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
        for (const fhir_convert_map_t *map = tables[i]; map->r4; map++)
            if (strcmp(map->r4, out ? a : b) == 0 && strcmp(map->dstu2, out ? b : a) == 0)
                return map;
    }
    return NULL;
}

/* 1 if objects of two types can be converted at all. */
static int may_convert(const fhir_convert_half_t *half, const fhir_type_t *from,
                       const fhir_type_t *to)
{
    if (from->kind == FHIR_KIND_PRIMITIVE || to->kind == FHIR_KIND_PRIMITIVE)
        return 0;
    return strcmp(type_name(half->from, from), type_name(half->to, to)) == 0 ||
           (from->kind == FHIR_KIND_BACKBONE && to->kind == FHIR_KIND_BACKBONE) ||
           find_map(half, from, to);
}

/* 1 if a row says where an element goes on this way. */
static int counts(const fhir_convert_row_t *row, fhir_convert_way_t way)
{
    switch (row->rule) {
    case FHIR_CONVERT_FILL:
    case FHIR_CONVERT_EXCLUDE:
        return 0;
    case FHIR_CONVERT_SHOWN:
    case FHIR_CONVERT_XPATH:
    case FHIR_CONVERT_TYPE_OF:
        return way == FHIR_CONVERT_OUT;
    default:
        return 1;
    }
}

const fhir_convert_plan_t *fhir_convert_plan(fhir_convert_half_t *half, const fhir_type_t *from,
                                             const fhir_type_t *to, fhir_err_t **err,
                                             apr_pool_t *pool)
{
    build_t b = {.half = half, .err = err, .pool = pool};

    if (!from || !to || !may_convert(half, from, to))
        return NULL;
    const char *key =
        apr_psprintf(pool, "%s>%s", type_name(half->from, from), type_name(half->to, to));
    b.plan = apr_hash_get(half->plans, key, APR_HASH_KEY_STRING);
    if (b.plan)
        return b.plan;
    b.plan = b.owner = apr_pcalloc(pool, sizeof(*b.plan));
    apr_hash_set(half->plans, key, APR_HASH_KEY_STRING, b.plan);
    b.plan->from = from;
    b.plan->to = to;
    b.plan->map = find_map(half, from, to);
    b.steps = apr_array_make(pool, 32, sizeof(fhir_convert_step_t *));
    find_absent(&b);
    apr_array_header_t *todos = apr_array_make(pool, 16, sizeof(todo_t));
    for (int i = 0; b.plan->map && i < b.plan->map->n_rows; i++) {
        const fhir_convert_row_t *row = &b.plan->map->rows[i];
        const char *path = side(row, half, 1);
        if (path && counts(row, half->way))
            APR_ARRAY_PUSH(todos, todo_t) = (todo_t){.row = row, .rest = path, .rank = i};
    }
    build_steps(&b, todos);
    return b.plan;
}
