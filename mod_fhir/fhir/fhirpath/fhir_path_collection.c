/* SPDX-License-Identifier: Apache-2.0 */
/* Functions on collections: existence, filters, parts, combinations, tree, aggregates.
 * Source: http://hl7.org/fhirpath/N1/#functions */
#include <apr_strings.h>

#include "fhir/fhirpath/fhir_path_private.h"

/* Existence */

static fhir_err_t *fn_empty(call_t *c)
{
    path_push_boolean(c->run, c->out, c->in->n == 0);
    return NULL;
}

static fhir_err_t *fn_exists(call_t *c)
{
    int answer = c->in->n > 0;
    for (int i = 0; c->node->n_args && i < c->in->n; i++) {
        FHIR_TRY(path_criterion(c, 0, c->in->v[i], i, &answer));
        answer = answer == 1;
        if (answer)
            break;
    }
    path_push_boolean(c->run, c->out, answer);
    return NULL;
}

static fhir_err_t *fn_all(call_t *c)
{
    int answer = 1;
    for (int i = 0; i < c->in->n && answer == 1; i++)
        FHIR_TRY(path_criterion(c, 0, c->in->v[i], i, &answer));
    path_push_boolean(c->run, c->out, answer == 1);
    return NULL;
}

/* allTrue, anyTrue, allFalse, anyFalse: mode holds the value looked for and whether one is enough.
 */
enum { ALL_TRUE = 1, ANY_TRUE = 3, ALL_FALSE = 0, ANY_FALSE = 2 };

static fhir_err_t *fn_booleans(call_t *c)
{
    int mode = c->node->function->mode, wanted = mode & 1, any = mode >> 1, answer = !any;
    for (int i = 0; i < c->in->n; i++) {
        if (c->in->v[i]->kind != FHIR_PATH_BOOLEAN)
            return path_fail(c->run, c->node, "%s() works on booleans", c->node->name);
        int value;
        if (path_item_boolean(c->in->v[i], &value) && (value == wanted) == any)
            answer = any;
    }
    path_push_boolean(c->run, c->out, answer);
    return NULL;
}

/* Is every item of a in b? */
static fhir_err_t *subset(run_t *run, int *answer, const coll_t *a, const coll_t *b)
{
    *answer = 1;
    for (int i = 0; i < a->n && *answer; i++)
        FHIR_TRY(path_has(run, answer, b, a->v[i]));
    return NULL;
}

static fhir_err_t *fn_subset(call_t *c)
{
    coll_t other = {0};
    int superset = c->node->function->mode;
    FHIR_TRY(path_arg(c, 0, &other));
    int answer;
    FHIR_TRY(superset ? subset(c->run, &answer, &other, c->in)
                      : subset(c->run, &answer, c->in, &other));
    path_push_boolean(c->run, c->out, answer);
    return NULL;
}

static fhir_err_t *fn_count(call_t *c)
{
    path_push_integer(c->run, c->out, c->in->n);
    return NULL;
}

static fhir_err_t *fn_distinct(call_t *c)
{
    return path_add_distinct(c->run, c->out, c->in);
}

static fhir_err_t *fn_is_distinct(call_t *c)
{
    coll_t kept = {0};
    FHIR_TRY(path_add_distinct(c->run, &kept, c->in));
    path_push_boolean(c->run, c->out, kept.n == c->in->n);
    return NULL;
}

static fhir_err_t *fn_not(call_t *c)
{
    int answer;
    FHIR_TRY(path_boolean(c->run, c->node, c->in, &answer));
    path_push_boolean(c->run, c->out, answer == PATH_EMPTY ? PATH_EMPTY : !answer);
    return NULL;
}

/* Filters and projections */

static fhir_err_t *fn_where(call_t *c)
{
    for (int i = 0; i < c->in->n; i++) {
        int answer;
        FHIR_TRY(path_criterion(c, 0, c->in->v[i], i, &answer));
        if (answer == 1)
            path_push(c->run, c->out, c->in->v[i]);
    }
    return NULL;
}

static fhir_err_t *fn_select(call_t *c)
{
    for (int i = 0; i < c->in->n; i++)
        FHIR_TRY(path_lambda(c, 0, c->in->v[i], i, NULL, c->out));
    return NULL;
}

/* Items that were found before are not followed again, so that it ends. */
static fhir_err_t *fn_repeat(call_t *c)
{
    coll_t round = *c->in;
    while (round.n) {
        coll_t found = {0};
        int before = c->out->n;
        for (int i = 0; i < round.n; i++)
            FHIR_TRY(path_lambda(c, 0, round.v[i], i, NULL, &found));
        FHIR_TRY(path_add_distinct(c->run, c->out, &found));
        round.n = c->out->n - before;
        if (round.n)
            round.v = c->out->v + before;
        round.cap = round.n;
    }
    return NULL;
}

static fhir_err_t *fn_as(call_t *c)
{
    for (int i = 0; i < c->in->n; i++) {
        if (path_item_as(c->run, c->in->v[i], c->node->type))
            path_push(c->run, c->out, c->in->v[i]);
    }
    return NULL;
}

static fhir_err_t *fn_is(call_t *c)
{
    const item_t *item;
    FHIR_TRY(path_single(c->run, c->node, c->in, &item));
    if (item)
        path_push_boolean(c->run, c->out, path_item_is(c->run, item, c->node->type));
    return NULL;
}

/* Parts */

static void push_range(call_t *c, apr_int64_t from, apr_int64_t to)
{
    for (apr_int64_t i = from < 0 ? 0 : from; i < to && i < c->in->n; i++)
        path_push(c->run, c->out, c->in->v[i]);
}

static fhir_err_t *fn_single(call_t *c)
{
    const item_t *item;
    FHIR_TRY(path_single(c->run, c->node, c->in, &item));
    push_range(c, 0, 1);
    return NULL;
}

static fhir_err_t *fn_first(call_t *c)
{
    push_range(c, 0, 1);
    return NULL;
}

static fhir_err_t *fn_last(call_t *c)
{
    push_range(c, c->in->n - 1, c->in->n);
    return NULL;
}

static fhir_err_t *fn_tail(call_t *c)
{
    push_range(c, 1, c->in->n);
    return NULL;
}

static fhir_err_t *fn_skip(call_t *c)
{
    apr_int64_t n;
    int found;
    FHIR_TRY(path_arg_integer(c, 0, &n, &found));
    if (found)
        push_range(c, n, c->in->n);
    return NULL;
}

static fhir_err_t *fn_take(call_t *c)
{
    apr_int64_t n;
    int found;
    FHIR_TRY(path_arg_integer(c, 0, &n, &found));
    if (found)
        push_range(c, 0, n);
    return NULL;
}

static fhir_err_t *fn_intersect(call_t *c)
{
    coll_t other = {0}, both = {0};
    FHIR_TRY(path_arg(c, 0, &other));
    for (int i = 0; i < c->in->n; i++) {
        int has;
        FHIR_TRY(path_has(c->run, &has, &other, c->in->v[i]));
        if (has)
            path_push(c->run, &both, c->in->v[i]);
    }
    return path_add_distinct(c->run, c->out, &both);
}

static fhir_err_t *fn_exclude(call_t *c)
{
    coll_t other = {0};
    FHIR_TRY(path_arg(c, 0, &other));
    for (int i = 0; i < c->in->n; i++) {
        int has;
        FHIR_TRY(path_has(c->run, &has, &other, c->in->v[i]));
        if (!has)
            path_push(c->run, c->out, c->in->v[i]);
    }
    return NULL;
}

/* Combinations */

static fhir_err_t *fn_union(call_t *c)
{
    coll_t other = {0};
    FHIR_TRY(path_arg(c, 0, &other));
    FHIR_TRY(path_add_distinct(c->run, c->out, c->in));
    return path_add_distinct(c->run, c->out, &other);
}

static fhir_err_t *fn_combine(call_t *c)
{
    coll_t other = {0};
    FHIR_TRY(path_arg(c, 0, &other));
    path_push_all(c->run, c->out, c->in);
    path_push_all(c->run, c->out, &other);
    return NULL;
}

/* Tree */

static fhir_err_t *fn_children(call_t *c)
{
    for (int i = 0; i < c->in->n; i++)
        FHIR_TRY(path_children(c->run, c->out, c->in->v[i]));
    return NULL;
}

static fhir_err_t *fn_descendants(call_t *c)
{
    FHIR_TRY(fn_children(c));
    for (int i = 0; i < c->out->n; i++)
        FHIR_TRY(path_children(c->run, c->out, c->out->v[i]));
    return NULL;
}

/* Aggregates and choices */

static fhir_err_t *fn_aggregate(call_t *c)
{
    coll_t total = {0};
    if (c->node->n_args > 1)
        FHIR_TRY(path_arg(c, 1, &total));
    for (int i = 0; i < c->in->n; i++) {
        coll_t next = {0};
        FHIR_TRY(path_lambda(c, 0, c->in->v[i], i, &total, &next));
        total = next;
    }
    path_push_all(c->run, c->out, &total);
    return NULL;
}

static fhir_err_t *fn_iif(call_t *c)
{
    const item_t *item = c->scope->this_item;
    int index = c->scope->index;

    if (c->has_left) {
        FHIR_TRY(path_single(c->run, c->node, c->in, &item));
        index = 0;
    }
    int answer;
    FHIR_TRY(path_criterion(c, 0, item, index, &answer));
    if (answer == 1)
        return path_lambda(c, 1, item, index, NULL, c->out);
    return c->node->n_args > 2 ? path_lambda(c, 2, item, index, NULL, c->out) : NULL;
}

/* sort(): a minus before a key sorts in descending order, also for values that have no sign. */

typedef struct sort_t {
    call_t *call;
    coll_t *keys; /* n_args for each row */
    fhir_err_t *err;
} sort_t;

static int sort_order(sort_t *s, int a, int b)
{
    int n = s->call->node->n_args ? s->call->node->n_args : 1, order = 0;
    for (int k = 0; k < n && !order && !s->err; k++) {
        const coll_t *x = &s->keys[a * n + k], *y = &s->keys[b * n + k];
        const ast_t *arg = s->call->node->n_args ? s->call->node->args[k] : s->call->node;
        if (!x->n || !y->n)
            order = (x->n == 0) - (y->n == 0); /* items without a key come last */
        else
            s->err = path_compare(s->call->run, &order, arg, x->v[0], y->v[0]);
        if (order == PATH_EMPTY)
            order = 0;
        if (s->call->node->n_args && arg->kind == AST_SIGN && arg->op)
            order = -order;
    }
    return order;
}

/* A merge sort: it is stable, and an error of a comparison stops it. */
static void merge_sort(sort_t *s, int *rows, int *spare, int n)
{
    int half = n / 2, a = 0, b = half, k = 0;
    if (n < 2 || s->err)
        return;
    merge_sort(s, rows, spare, half);
    merge_sort(s, rows + half, spare, n - half);
    while (a < half && b < n)
        spare[k++] = sort_order(s, rows[a], rows[b]) <= 0 ? rows[a++] : rows[b++];
    while (a < half)
        spare[k++] = rows[a++];
    while (b < n)
        spare[k++] = rows[b++];
    memcpy(rows, spare, (apr_size_t)n * sizeof(*rows));
}

static fhir_err_t *fn_sort(call_t *c)
{
    int n = c->in->n, n_keys = c->node->n_args ? c->node->n_args : 1;
    sort_t s = {c, apr_pcalloc(c->run->pool, (apr_size_t)(n * n_keys) * sizeof(coll_t)), NULL};
    int *rows = apr_palloc(c->run->pool, (apr_size_t)n * 2 * sizeof(*rows));

    PATH_WALK(c->run, (apr_size_t)n * (apr_size_t)n_keys);
    for (int i = 0; i < n; i++) {
        rows[i] = i;
        for (int k = 0; k < n_keys; k++) {
            coll_t *key = &s.keys[i * n_keys + k];
            scope_t scope = *c->scope;
            const ast_t *arg = c->node->n_args ? c->node->args[k] : NULL;
            scope.this_item = c->in->v[i];
            scope.index = i;
            if (arg && arg->kind == AST_SIGN && arg->op)
                arg = arg->left;
            if (arg)
                FHIR_TRY(path_eval(c->run, key, arg, &scope));
            else
                path_push(c->run, key, c->in->v[i]);
            if (key->n > 1)
                return path_fail(c->run, c->node, "a key of sort() must be one value");
        }
    }
    merge_sort(&s, rows, rows + n, n);
    if (s.err)
        return s.err;
    for (int i = 0; i < n; i++)
        path_push(c->run, c->out, c->in->v[rows[i]]);
    return NULL;
}

const function_t path_functions_collection[] = {
    {"aggregate", fn_aggregate, 1, 2, 0, 0},
    {"all", fn_all, 1, 1, 0, 0},
    {"allFalse", fn_booleans, 0, 0, 0, ALL_FALSE},
    {"allTrue", fn_booleans, 0, 0, 0, ALL_TRUE},
    {"anyFalse", fn_booleans, 0, 0, 0, ANY_FALSE},
    {"anyTrue", fn_booleans, 0, 0, 0, ANY_TRUE},
    {"as", fn_as, 1, 1, PATH_ARG_TYPE, 0},
    {"children", fn_children, 0, 0, 0, 0},
    {"combine", fn_combine, 1, 1, 0, 0},
    {"count", fn_count, 0, 0, 0, 0},
    {"descendants", fn_descendants, 0, 0, 0, 0},
    {"distinct", fn_distinct, 0, 0, 0, 0},
    {"empty", fn_empty, 0, 0, 0, 0},
    {"exclude", fn_exclude, 1, 1, 0, 0},
    {"exists", fn_exists, 0, 1, 0, 0},
    {"first", fn_first, 0, 0, 0, 0},
    {"iif", fn_iif, 2, 3, 0, 0},
    {"intersect", fn_intersect, 1, 1, 0, 0},
    {"is", fn_is, 1, 1, PATH_ARG_TYPE, 0},
    {"isDistinct", fn_is_distinct, 0, 0, 0, 0},
    {"last", fn_last, 0, 0, 0, 0},
    {"not", fn_not, 0, 0, 0, 0},
    {"ofType", fn_as, 1, 1, PATH_ARG_TYPE, 0},
    {"repeat", fn_repeat, 1, 1, 0, 0},
    {"select", fn_select, 1, 1, 0, 0},
    {"single", fn_single, 0, 0, 0, 0},
    {"skip", fn_skip, 1, 1, 0, 0},
    {"sort", fn_sort, 0, 4, 0, 0},
    {"subsetOf", fn_subset, 1, 1, 0, 0},
    {"supersetOf", fn_subset, 1, 1, 0, 1},
    {"tail", fn_tail, 0, 0, 0, 0},
    {"take", fn_take, 1, 1, 0, 0},
    {"union", fn_union, 1, 1, 0, 0},
    {"where", fn_where, 1, 1, 0, 0},
    {0},
};
