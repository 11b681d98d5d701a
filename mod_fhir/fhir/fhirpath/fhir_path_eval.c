/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluates the nodes of the syntax tree: operators, scopes, calls. Recursion is as deep as the
 * tree, which the parser limits. The work is limited by counting steps. */
#include <apr_strings.h>
#include <stdarg.h>

#include "fhir/fhirpath/fhir_path_private.h"

fhir_err_t *path_fail(const run_t *run, const ast_t *node, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    const char *what = apr_pvsprintf(run->pool, fmt, ap);
    va_end(ap);
    int line, column;
    fhir_node_place(&line, &column, run->path->text, node->at);
    return fhir_err_create(run->pool, FHIR_ERR_BUSINESS, "FHIRPath, line %d, column %d: %s", line,
                           column, what);
}

fhir_err_t *path_limit(const run_t *run)
{
    return fhir_err_create(run->pool, FHIR_ERR_LIMIT,
                           "The FHIRPath expression needs more than %d steps on this resource",
                           run->steps->most);
}

/* Collections where a single value is expected */

fhir_err_t *path_single(const run_t *run, const ast_t *node, const coll_t *c, const item_t **item)
{
    *item = NULL;
    if (c->n > 1)
        return path_fail(run, node, "one value is expected, but there are %d", c->n);
    if (c->n)
        *item = c->v[0];
    return NULL;
}

/* A single value that is no boolean counts as true;
 * http://hl7.org/fhirpath/N1/#singleton-evaluation-of-collections */
fhir_err_t *path_boolean(const run_t *run, const ast_t *node, const coll_t *c, int *answer)
{
    const item_t *item;
    FHIR_TRY(path_single(run, node, c, &item));
    if (!item || (item->kind == FHIR_PATH_BOOLEAN && !path_item_boolean(item, answer)))
        *answer = PATH_EMPTY;
    else if (item->kind != FHIR_PATH_BOOLEAN)
        *answer = 1;
    return NULL;
}

/* Operators */

static fhir_err_t *operand(run_t *run, const ast_t *node, scope_t *scope, const item_t **item)
{
    coll_t c = {0};
    FHIR_TRY(path_eval(run, &c, node, scope));
    return path_single(run, node, &c, item);
}

static int and (int a, int b)
{
    return a == 0 || b == 0 ? 0 : a == PATH_EMPTY || b == PATH_EMPTY ? PATH_EMPTY : 1;
}

static int not(int a)
{
    return a == PATH_EMPTY ? PATH_EMPTY : !a;
}

/* An operand of and, or, xor, implies. Several items, none of them a boolean, count as true, as a
 * single one does. N1 says that this is an error, but US Core's pd-1 ("telecom or endpoint") needs
 * it. */
static fhir_err_t *truth(run_t *run, const ast_t *node, scope_t *scope, int *answer)
{
    coll_t c = {0};
    int booleans = 0;

    FHIR_TRY(path_eval(run, &c, node, scope));
    for (int i = 0; i < c.n; i++)
        booleans += c.v[i]->kind == FHIR_PATH_BOOLEAN;
    if (c.n > 1 && !booleans) {
        *answer = 1;
        return NULL;
    }
    return path_boolean(run, node, &c, answer);
}

static fhir_err_t *logic(run_t *run, coll_t *out, const ast_t *node, scope_t *scope)
{
    int a;

    FHIR_TRY(truth(run, node->left, scope, &a));
    /* If the left side decides the result alone, the right side is not evaluated. */
    if ((node->op == OP_AND && a == 0) || (node->op == OP_OR && a == 1) ||
        (node->op == OP_IMPLIES && a == 0)) {
        path_push_boolean(run, out, node->op != OP_AND);
        return NULL;
    }
    int b;
    FHIR_TRY(truth(run, node->right, scope, &b));
    int answer;
    switch (node->op) {
    case OP_AND:
        answer = and(a, b);
        break;
    case OP_OR:
        answer = not(and(not(a), not(b)));
        break;
    case OP_XOR:
        answer = a == PATH_EMPTY || b == PATH_EMPTY ? PATH_EMPTY : a != b;
        break;
    default: /* a implies b: not a, or b */
        answer = not(and(a, not(b)));
    }
    path_push_boolean(run, out, answer);
    return NULL;
}

static fhir_err_t *comparison(run_t *run, coll_t *out, const ast_t *node, scope_t *scope)
{
    const item_t *a;

    FHIR_TRY(operand(run, node->left, scope, &a));
    const item_t *b;
    FHIR_TRY(operand(run, node->right, scope, &b));
    if (!a || !b)
        return NULL;
    int order;
    FHIR_TRY(path_compare(run, &order, node, a, b));
    if (order != PATH_EMPTY)
        path_push_boolean(run, out,
                          node->op == OP_LT   ? order < 0
                          : node->op == OP_LE ? order <= 0
                          : node->op == OP_GT ? order > 0
                                              : order >= 0);
    return NULL;
}

static fhir_err_t *equality(run_t *run, coll_t *out, const ast_t *node, scope_t *scope)
{
    coll_t a = {0}, b = {0};

    FHIR_TRY(path_eval(run, &a, node->left, scope));
    FHIR_TRY(path_eval(run, &b, node->right, scope));
    int answer;
    if (node->op == OP_EQUAL || node->op == OP_NOT_EQUAL)
        FHIR_TRY(path_equal_all(run, &answer, &a, &b));
    else
        FHIR_TRY(path_equivalent_all(run, &answer, &a, &b));
    path_push_boolean(run, out,
                      node->op == OP_EQUAL || node->op == OP_EQUIVALENT ? answer : not(answer));
    return NULL;
}

static fhir_err_t *membership(run_t *run, coll_t *out, const ast_t *node, scope_t *scope)
{
    const ast_t *one = node->op == OP_IN ? node->left : node->right;
    const ast_t *many = node->op == OP_IN ? node->right : node->left;
    const item_t *item;
    coll_t c = {0};

    FHIR_TRY(operand(run, one, scope, &item));
    if (!item)
        return NULL;
    FHIR_TRY(path_eval(run, &c, many, scope));
    int answer;
    FHIR_TRY(path_has(run, &answer, &c, item));
    path_push_boolean(run, out, answer);
    return NULL;
}

static fhir_err_t *join(run_t *run, coll_t *out, const ast_t *node, scope_t *scope)
{
    const ast_t *sides[] = {node->left, node->right};
    const char *text[2] = {"", ""};
    apr_size_t len[2] = {0, 0};

    for (int i = 0; i < 2; i++) {
        const item_t *item;
        FHIR_TRY(operand(run, sides[i], scope, &item));
        if (item && path_item_has_value(item) && !path_item_string(item, &text[i], &len[i]))
            return path_fail(run, sides[i], "& joins strings, not %s",
                             fhir_path_item_type(run->model, item));
    }
    PATH_CHARGE(run, len[0] + len[1]);
    char *joined = apr_palloc(run->pool, len[0] + len[1] + 1);
    memcpy(joined, text[0], len[0]);
    memcpy(joined + len[0], text[1], len[1]);
    path_push_string(run, out, joined, len[0] + len[1]);
    return NULL;
}

static fhir_err_t *binary(run_t *run, coll_t *out, const ast_t *node, scope_t *outer)
{
    /* Variables that one side defines are unknown to the other. */
    scope_t of_this = *outer, *scope = &of_this;
    const item_t *a, *b;
    coll_t left = {0}, right = {0}, both = {0};

    switch (node->op) {
    case OP_AND:
    case OP_OR:
    case OP_XOR:
    case OP_IMPLIES:
        return logic(run, out, node, scope);
    case OP_LE:
    case OP_LT:
    case OP_GE:
    case OP_GT:
        return comparison(run, out, node, scope);
    case OP_EQUAL:
    case OP_NOT_EQUAL:
    case OP_EQUIVALENT:
    case OP_NOT_EQUIVALENT:
        return equality(run, out, node, scope);
    case OP_IN:
    case OP_CONTAINS:
        return membership(run, out, node, scope);
    case OP_JOIN:
        return join(run, out, node, scope);
    case OP_UNION:
        FHIR_TRY(path_eval(run, &left, node->left, scope));
        scope->vars = outer->vars;
        FHIR_TRY(path_eval(run, &right, node->right, scope));
        FHIR_TRY(path_add_distinct(run, &both, &left));
        FHIR_TRY(path_add_distinct(run, &both, &right));
        path_push_all(run, out, &both);
        return NULL;
    default:
        FHIR_TRY(operand(run, node->left, scope, &a));
        FHIR_TRY(operand(run, node->right, scope, &b));
        return a && b ? path_arithmetic(run, out, node, a, b) : NULL;
    }
}

static fhir_err_t *sign(run_t *run, coll_t *out, const ast_t *node, scope_t *scope)
{
    const item_t *item;
    FHIR_TRY(operand(run, node->left, scope, &item));
    if (!item)
        return NULL;
    if (node->op)
        return path_negate(run, out, node, item);
    if (item->kind != FHIR_PATH_INTEGER && item->kind != FHIR_PATH_DECIMAL &&
        item->kind != FHIR_PATH_QUANTITY)
        return path_fail(run, node, "%s takes no sign", fhir_path_item_type(run->model, item));
    path_push(run, out, item);
    return NULL;
}

static fhir_err_t *indexer(run_t *run, coll_t *out, const ast_t *node, scope_t *scope)
{
    coll_t c = {0};

    FHIR_TRY(path_eval(run, &c, node->left, scope));
    const item_t *item;
    FHIR_TRY(operand(run, node->right, scope, &item));
    if (!item)
        return NULL;
    apr_int64_t index;
    if (!path_item_integer(item, &index))
        return path_fail(run, node->right, "an index is an integer");
    if (index >= 0 && index < c.n)
        path_push(run, out, c.v[index]);
    return NULL;
}

/* Paths and calls */

/* The input of an invocation: what is left of its dot, or the focus. */
static fhir_err_t *input(run_t *run, coll_t *in, const ast_t *node, scope_t *scope)
{
    if (node->left)
        return path_eval(run, in, node->left, scope);
    if (scope->this_item)
        path_push(run, in, scope->this_item);
    return NULL;
}

static fhir_err_t *member(run_t *run, coll_t *out, const ast_t *node, scope_t *scope)
{
    coll_t in = {0};
    if (!node->left)
        return scope->this_item
                   ? path_members(run, out, scope->this_item, node->name, node->name_len)
                   : NULL;
    FHIR_TRY(path_eval(run, &in, node->left, scope));
    for (int i = 0; i < in.n; i++)
        FHIR_TRY(path_members(run, out, in.v[i], node->name, node->name_len));
    return NULL;
}

static fhir_err_t *type_filter(run_t *run, coll_t *out, const ast_t *node, scope_t *scope)
{
    coll_t in = {0};
    FHIR_TRY(path_eval(run, &in, node->left, scope));
    if (node->kind == AST_AS) {
        for (int i = 0; i < in.n; i++) {
            if (path_item_as(run, in.v[i], node->type))
                path_push(run, out, in.v[i]);
        }
        return NULL;
    }
    if (in.n > 1)
        return path_fail(run, node, "`is` takes one value, but there are %d", in.n);
    if (in.n)
        path_push_boolean(run, out, path_item_is(run, in.v[0], node->type));
    return NULL;
}

/* Functions may read what they have put out; earlier output is not theirs. */
static fhir_err_t *call(run_t *run, coll_t *out, const ast_t *node, scope_t *scope)
{
    coll_t in = {0}, made = {0};
    call_t c = {run, node, scope, &in, &made, node->left != NULL};
    FHIR_TRY(input(run, &in, node, scope));
    FHIR_TRY(node->function->fn(&c));
    path_push_all(run, out, &made);
    return NULL;
}

static fhir_err_t *eval_node(run_t *run, coll_t *out, const ast_t *node, scope_t *scope)
{
    switch ((ast_kind_t)node->kind) {
    case AST_LITERAL:
        path_push(run, out, &node->literal);
        return NULL;
    case AST_EMPTY:
        return NULL;
    case AST_THIS:
        if (scope->this_item)
            path_push(run, out, scope->this_item);
        return NULL;
    case AST_INDEX:
        if (scope->index < 0)
            return path_fail(run, node, "$index is known only inside a function over a collection");
        path_push_integer(run, out, scope->index);
        return NULL;
    case AST_TOTAL:
        if (!scope->total)
            return path_fail(run, node, "$total is known only inside aggregate()");
        path_push_all(run, out, scope->total);
        return NULL;
    case AST_VARIABLE:
        return path_variable(run, out, node, scope);
    case AST_MEMBER:
        return member(run, out, node, scope);
    case AST_TYPE_ROOT:
        /* "Patient.name" on a Patient. The name may also be that of a type from which Patient
         * derives. */
        if (scope->this_item && path_item_is(run, scope->this_item, node->type))
            path_push(run, out, scope->this_item);
        return NULL;
    case AST_CALL:
        return call(run, out, node, scope);
    case AST_INDEXER:
        return indexer(run, out, node, scope);
    case AST_SIGN:
        return sign(run, out, node, scope);
    case AST_IS:
    case AST_AS:
        return type_filter(run, out, node, scope);
    case AST_BINARY:
        break;
    }
    return binary(run, out, node, scope);
}

fhir_err_t *path_eval(run_t *run, coll_t *out, const ast_t *node, scope_t *scope)
{
    PATH_STEP(run);
    FHIR_TRY(eval_node(run, out, node, scope));
    return run->steps->left < 0 ? path_limit(run) : NULL;
}

/* Arguments */

fhir_err_t *path_arg(const call_t *c, int i, coll_t *out)
{
    return path_eval(c->run, out, c->node->args[i], c->scope);
}

fhir_err_t *path_lambda(const call_t *c, int i, const item_t *item, int index, const coll_t *total,
                        coll_t *out)
{
    scope_t scope = *c->scope;
    scope.this_item = item;
    scope.index = index;
    if (total)
        scope.total = total;
    return path_eval(c->run, out, c->node->args[i], &scope);
}

fhir_err_t *path_criterion(const call_t *c, int i, const item_t *item, int index, int *answer)
{
    coll_t out = {0};
    FHIR_TRY(path_lambda(c, i, item, index, NULL, &out));
    return path_boolean(c->run, c->node->args[i], &out, answer);
}

static fhir_err_t *argument(const call_t *c, int i, const item_t **item)
{
    coll_t out = {0};
    FHIR_TRY(path_arg(c, i, &out));
    return path_single(c->run, c->node->args[i], &out, item);
}

fhir_err_t *path_arg_string(const call_t *c, int i, const char **s, apr_size_t *len, int *found)
{
    const item_t *item;
    FHIR_TRY(argument(c, i, &item));
    *found = item && path_item_string(item, s, len);
    if (item && item->kind != FHIR_PATH_STRING)
        return path_fail(c->run, c->node->args[i], "%s() takes a string here", c->node->name);
    if (*found)
        PATH_CHARGE(c->run, *len);
    return NULL;
}

fhir_err_t *path_arg_integer(const call_t *c, int i, apr_int64_t *value, int *found)
{
    const item_t *item;
    FHIR_TRY(argument(c, i, &item));
    *found = item && path_item_integer(item, value);
    if (item && item->kind != FHIR_PATH_INTEGER)
        return path_fail(c->run, c->node->args[i], "%s() takes an integer here", c->node->name);
    return NULL;
}

fhir_err_t *path_in_string(const call_t *c, const char **s, apr_size_t *len, int *found)
{
    const item_t *item;
    FHIR_TRY(path_single(c->run, c->node, c->in, &item));
    *found = item && path_item_string(item, s, len);
    if (item && item->kind != FHIR_PATH_STRING)
        return path_fail(c->run, c->node, "%s() works on a string, not on %s", c->node->name,
                         fhir_path_item_type(c->run->model, item));
    if (*found)
        PATH_CHARGE(c->run, *len);
    return NULL;
}

const function_t *path_function(const char *name, apr_size_t len)
{
    static const function_t *const tables[] = {path_functions_collection, path_functions_string,
                                               path_functions_convert, path_functions_math,
                                               path_functions_fhir};
    for (apr_size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
        for (const function_t *f = tables[t]; f->name; f++) {
            if (strlen(f->name) == len && memcmp(f->name, name, len) == 0)
                return f;
        }
    }
    return NULL;
}

/* Runs */

static fhir_err_t *start(run_t *run, coll_t *out, const fhir_path_t *path,
                         const fhir_path_env_t *env, const fhir_path_item_t *focus,
                         apr_pool_t *pool)
{
    scope_t scope = {.this_item = focus, .index = -1};

    (void)fhir_work_tick(8); /* steps of a short run would not say that */
    memset(run, 0, sizeof(*run));
    run->path = path;
    run->env = env;
    run->model = env->model;
    run->focus = focus;
    run->pool = pool;
    run->own = fhir_steps(env->max_steps);
    run->steps = env->steps ? env->steps : &run->own;
    run->now = env->now;
    return path_eval(run, out, path->root, &scope);
}

fhir_err_t *fhir_path_eval(fhir_path_result_t *result, const fhir_path_t *path,
                           const fhir_path_env_t *env, const fhir_path_item_t *focus,
                           apr_pool_t *pool)
{
    coll_t out = {0};

    result->n = 0;
    run_t run;
    FHIR_TRY(start(&run, &out, path, env, focus, pool));
    result->items = out.v;
    result->n = out.n;
    return NULL;
}

fhir_err_t *fhir_path_holds(fhir_path_answer_t *answer, const fhir_path_t *path,
                            const fhir_path_env_t *env, const fhir_path_item_t *focus,
                            apr_pool_t *pool)
{
    coll_t out = {0};

    *answer = FHIR_PATH_UNKNOWN;
    run_t run;
    FHIR_TRY(start(&run, &out, path, env, focus, pool));
    int value;
    FHIR_TRY(path_boolean(&run, path->root, &out, &value));
    *answer = value == PATH_EMPTY ? run.undecided ? FHIR_PATH_UNKNOWN : FHIR_PATH_FALSE
              : value             ? FHIR_PATH_TRUE
                                  : FHIR_PATH_FALSE;
    return NULL;
}
