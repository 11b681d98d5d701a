/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic of integers, decimals, quantities, dates and strings, and the mathematical functions.
 * A result outside of its type's range is empty, as in N1. */
#include <apr_strings.h>
#include <math.h>

#include "fhir/fhirpath/fhir_path_private.h"

#define INTEGER_MAX 2147483647

static int is_number(const item_t *item)
{
    return item->kind == FHIR_PATH_INTEGER || item->kind == FHIR_PATH_DECIMAL;
}

static int is_moment(const item_t *item)
{
    return item->kind >= FHIR_PATH_DATE && item->kind <= FHIR_PATH_TIME;
}

/* Integers have 32 bits. */
static void push_integer(run_t *run, coll_t *out, const number_t *n)
{
    apr_int64_t value;
    if (path_number_integer(&value, n) && value <= INTEGER_MAX && value >= -INTEGER_MAX - 1)
        path_push_integer(run, out, value);
}

static int integer_divide(number_t *out, const number_t *a, const number_t *b, int want_rest)
{
    number_t quotient;
    if (!path_number_divide_whole(&quotient, a, b))
        return 0;
    if (!want_rest) {
        *out = quotient;
        return 1;
    }
    number_t product;
    return path_number_multiply(&product, &quotient, b) && path_number_add(out, a, &product, 1);
}

static fhir_err_t *numbers(run_t *run, coll_t *out, const ast_t *node, const item_t *a,
                           const item_t *b)
{
    int integers = a->kind == FHIR_PATH_INTEGER && b->kind == FHIR_PATH_INTEGER;
    number_t x, y;

    if (!path_item_number(a, &x) || !path_item_number(b, &y))
        return NULL;
    int fits;
    number_t result;
    switch (node->op) {
    case OP_ADD:
    case OP_SUBTRACT:
        fits = path_number_add(&result, &x, &y, node->op == OP_SUBTRACT);
        break;
    case OP_MULTIPLY:
        fits = path_number_multiply(&result, &x, &y);
        break;
    case OP_DIVIDE:
        integers = 0;
        fits = path_number_divide(&result, &x, &y);
        break;
    case OP_DIV:
        integers = 1;
        fits = integer_divide(&result, &x, &y, 0);
        break;
    default:
        fits = integer_divide(&result, &x, &y, 1);
    }
    if (fits && integers)
        push_integer(run, out, &result);
    else if (fits)
        path_push_number(run, out, &result);
    return NULL;
}

static int number_as_quantity(const run_t *run, const item_t *item, quantity_t *q)
{
    if (!is_number(item))
        return path_item_quantity(run, item, q);
    q->unit = "1";
    q->unit_len = 1;
    q->calendar = 0;
    return path_item_number(item, &q->value);
}

static int is_quantity(const run_t *run, const item_t *item)
{
    return item->kind == FHIR_PATH_QUANTITY ||
           (item->kind == FHIR_PATH_NODE &&
            path_type_is(run->model, item->type, run->path->t_quantity));
}

static fhir_err_t *quantities(run_t *run, coll_t *out, const ast_t *node, const item_t *a,
                              const item_t *b)
{
    quantity_t x, y;

    if (!number_as_quantity(run, a, &x) || !number_as_quantity(run, b, &y))
        return NULL;
    quantity_t result = x;
    if (node->op == OP_MULTIPLY || node->op == OP_DIVIDE) {
        if (path_quantity_multiply(&result, &x, &y, node->op == OP_DIVIDE, run->pool))
            path_push_quantity(run, out, &result);
        return NULL;
    }
    if (path_quantity_convert(&y.value, &y, x.unit, x.unit_len) &&
        path_number_add(&result.value, &x.value, &y.value, node->op == OP_SUBTRACT))
        path_push_quantity(run, out, &result);
    return NULL;
}

static fhir_err_t *moments(run_t *run, coll_t *out, const ast_t *node, const item_t *a,
                           const item_t *b)
{
    moment_t m;
    quantity_t q;

    if (!path_item_moment(a, &m) || !path_item_quantity(run, b, &q))
        return NULL;
    if (!path_moment_unit(m.kind, q.unit, q.unit_len))
        return path_fail(run, node,
                         "'%.*s' cannot be added to a %s; use years, months, weeks, days, hours, "
                         "minutes, seconds or milliseconds",
                         (int)q.unit_len, q.unit, fhir_path_item_type(run->model, a));
    moment_t sum;
    if (path_moment_add(&sum, &m, &q.value, q.unit, q.unit_len, node->op == OP_SUBTRACT))
        path_push_moment(run, out, &sum);
    return NULL;
}

static fhir_err_t *strings(run_t *run, coll_t *out, const item_t *a, const item_t *b)
{
    const char *s, *t;
    apr_size_t s_len, t_len;

    if (!path_item_string(a, &s, &s_len) || !path_item_string(b, &t, &t_len))
        return NULL;
    PATH_CHARGE(run, s_len + t_len);
    char *joined = apr_palloc(run->pool, s_len + t_len + 1);
    memcpy(joined, s, s_len);
    memcpy(joined + s_len, t, t_len);
    path_push_string(run, out, joined, s_len + t_len);
    return NULL;
}

fhir_err_t *path_arithmetic(run_t *run, coll_t *out, const ast_t *node, const item_t *a,
                            const item_t *b)
{
    int sum = node->op == OP_ADD || node->op == OP_SUBTRACT;
    int product = node->op == OP_MULTIPLY || node->op == OP_DIVIDE;

    if (is_number(a) && is_number(b))
        return numbers(run, out, node, a, b);
    if (node->op == OP_ADD && a->kind == FHIR_PATH_STRING && b->kind == FHIR_PATH_STRING)
        return strings(run, out, a, b);
    if (sum && is_moment(a) && is_quantity(run, b))
        return moments(run, out, node, a, b);
    if ((sum && is_quantity(run, a) && is_quantity(run, b)) ||
        (product && (is_quantity(run, a) || is_quantity(run, b)) &&
         (is_quantity(run, a) || is_number(a)) && (is_quantity(run, b) || is_number(b))))
        return quantities(run, out, node, a, b);
    return path_fail(run, node, "this operator does not take %s and %s",
                     fhir_path_item_type(run->model, a), fhir_path_item_type(run->model, b));
}

fhir_err_t *path_negate(run_t *run, coll_t *out, const ast_t *node, const item_t *a)
{
    number_t zero = path_number_of(0);
    quantity_t q;

    if (path_item_quantity(run, a, &q)) {
        q.value.coefficient = -q.value.coefficient;
        path_push_quantity(run, out, &q);
        return NULL;
    }
    if (!is_number(a))
        return path_fail(run, node, "%s takes no sign", fhir_path_item_type(run->model, a));
    number_t n;
    if (path_item_number(a, &n) && path_number_add(&n, &zero, &n, 1)) {
        if (a->kind == FHIR_PATH_INTEGER)
            push_integer(run, out, &n);
        else
            path_push_number(run, out, &n);
    }
    return NULL;
}

/* Functions */

/* The input as one number. *item is NULL when the input is empty, or was a quantity, which is done
 * already. */
static fhir_err_t *in_number(const call_t *c, const item_t **item, number_t *n)
{
    FHIR_TRY(path_single(c->run, c->node, c->in, item));
    if (*item && !is_number(*item))
        return path_fail(c->run, c->node, "%s() works on a number, not on %s", c->node->name,
                         fhir_path_item_type(c->run->model, *item));
    if (*item && !path_item_number(*item, n))
        *item = NULL;
    return NULL;
}

static fhir_err_t *fn_abs(call_t *c)
{
    quantity_t q;

    if (c->in->n == 1 && path_item_quantity(c->run, c->in->v[0], &q)) {
        if (q.value.coefficient < 0)
            q.value.coefficient = -q.value.coefficient;
        path_push_quantity(c->run, c->out, &q);
        return NULL;
    }
    const item_t *item;
    number_t n;
    FHIR_TRY(in_number(c, &item, &n));
    if (!item)
        return NULL;
    if (n.coefficient < 0)
        n.coefficient = -n.coefficient;
    if (item->kind == FHIR_PATH_INTEGER)
        push_integer(c->run, c->out, &n);
    else
        path_push_number(c->run, c->out, &n);
    return NULL;
}

static fhir_err_t *fn_whole(call_t *c)
{
    const item_t *item;
    number_t n;
    FHIR_TRY(in_number(c, &item, &n));
    if (item && path_number_round(&n, &n, 0, (path_round_t)c->node->function->mode))
        push_integer(c->run, c->out, &n);
    return NULL;
}

static fhir_err_t *fn_round(call_t *c)
{
    const item_t *item;
    apr_int64_t places = 0;
    int found = 1;
    number_t n;

    FHIR_TRY(in_number(c, &item, &n));
    if (c->node->n_args)
        FHIR_TRY(path_arg_integer(c, 0, &places, &found));
    if (!item || !found)
        return NULL;
    if (places < 0)
        return path_fail(c->run, c->node, "round() takes a precision of 0 or more");
    if (path_number_round(&n, &n, places > 100 ? 100 : (int)places, PATH_HALF))
        path_push_number(c->run, c->out, &n);
    return NULL;
}

enum { SQRT, EXP, LN, LOG };

static fhir_err_t *fn_real(call_t *c)
{
    const item_t *item;
    number_t n;
    coll_t arg = {0};

    FHIR_TRY(in_number(c, &item, &n));
    if (!item)
        return NULL;
    double x = path_number_double(&n);
    const item_t *base;
    double value;
    switch (c->node->function->mode) {
    case SQRT:
        value = sqrt(x);
        break;
    case EXP:
        value = exp(x);
        break;
    case LN:
        value = log(x);
        break;
    default:
        FHIR_TRY(path_arg(c, 0, &arg));
        FHIR_TRY(path_single(c->run, c->node, &arg, &base));
        if (!base || !path_item_number(base, &n))
            return NULL;
        value = log(x) / log(path_number_double(&n));
    }
    number_t result;
    if (path_number_from_double(&result, value))
        path_push_number(c->run, c->out, &result);
    return NULL;
}

static fhir_err_t *fn_power(call_t *c)
{
    const item_t *item;
    number_t n, result = path_number_of(1);
    coll_t arg = {0};

    FHIR_TRY(in_number(c, &item, &n));
    FHIR_TRY(path_arg(c, 0, &arg));
    const item_t *by;
    FHIR_TRY(path_single(c->run, c->node, &arg, &by));
    number_t exponent;
    if (!item || !by || !path_item_number(by, &exponent))
        return NULL;
    apr_int64_t whole;
    int exact = path_number_integer(&whole, &exponent) && whole >= 0 && whole <= 256;
    for (apr_int64_t i = 0; exact && i < whole; i++)
        exact = path_number_multiply(&result, &result, &n);
    if (!exact && !path_number_from_double(
                      &result, pow(path_number_double(&n), path_number_double(&exponent))))
        return NULL;
    if (item->kind == FHIR_PATH_INTEGER && by->kind == FHIR_PATH_INTEGER && exact)
        push_integer(c->run, c->out, &result);
    else
        path_push_number(c->run, c->out, &result);
    return NULL;
}

/* Boundaries and precision, from the draft after N1; later invariants use them. */

enum { LOW, HIGH };

static int decimal_boundary(number_t *out, const number_t *n, int places, int high)
{
    number_t half = {5, (n->scale > 0 ? n->scale : 0) + 1};
    return path_number_add(out, n, &half, !high) &&
           path_number_round(out, out, places, high ? PATH_CEILING : PATH_FLOOR);
}

static fhir_err_t *fn_boundary(call_t *c)
{
    int high = c->node->function->mode == HIGH, found = 0;
    const item_t *item;
    apr_int64_t precision = -1;

    FHIR_TRY(path_single(c->run, c->node, c->in, &item));
    if (c->node->n_args)
        FHIR_TRY(path_arg_integer(c, 0, &precision, &found));
    if (!item || (found && precision < 0) || precision > 31)
        return NULL;
    moment_t m;
    if (path_item_moment(item, &m)) {
        int digits = found                          ? (int)precision
                     : m.kind == FHIR_PATH_DATE     ? 8
                     : m.kind == FHIR_PATH_DATETIME ? 17
                                                    : 9;
        if (path_moment_boundary(&m, &m, digits, high))
            path_push_moment(c->run, c->out, &m);
        return NULL;
    }
    quantity_t q;
    if (path_item_quantity(c->run, item, &q)) {
        if (decimal_boundary(&q.value, &q.value, found ? (int)precision : 8, high))
            path_push_quantity(c->run, c->out, &q);
        return NULL;
    }
    if (!is_number(item))
        return path_fail(c->run, c->node, "%s() works on numbers, quantities, dates and times",
                         c->node->name);
    if (path_item_number(item, &q.value) &&
        decimal_boundary(&q.value, &q.value, found ? (int)precision : 8, high))
        path_push_number(c->run, c->out, &q.value);
    return NULL;
}

static fhir_err_t *fn_precision(call_t *c)
{
    const item_t *item;

    FHIR_TRY(path_single(c->run, c->node, c->in, &item));
    number_t n;
    moment_t m;
    if (item && path_item_moment(item, &m))
        path_push_integer(c->run, c->out, path_moment_digits(&m));
    else if (item && path_item_number(item, &n))
        path_push_integer(c->run, c->out, n.scale > 0 ? n.scale : 0);
    return NULL;
}

static fhir_err_t *fn_comparable(call_t *c)
{
    coll_t arg = {0};

    FHIR_TRY(path_arg(c, 0, &arg));
    const item_t *item;
    FHIR_TRY(path_single(c->run, c->node, c->in, &item));
    const item_t *other;
    FHIR_TRY(path_single(c->run, c->node, &arg, &other));
    quantity_t a, b;
    if (item && other && number_as_quantity(c->run, item, &a) &&
        number_as_quantity(c->run, other, &b))
        path_push_boolean(c->run, c->out, path_quantity_comparable(&a, &b));
    return NULL;
}

const function_t path_functions_math[] = {
    {"abs", fn_abs, 0, 0, 0, 0},
    {"ceiling", fn_whole, 0, 0, 0, PATH_CEILING},
    {"comparable", fn_comparable, 1, 1, 0, 0},
    {"exp", fn_real, 0, 0, 0, EXP},
    {"floor", fn_whole, 0, 0, 0, PATH_FLOOR},
    {"highBoundary", fn_boundary, 0, 1, 0, HIGH},
    {"ln", fn_real, 0, 0, 0, LN},
    {"log", fn_real, 1, 1, 0, LOG},
    {"lowBoundary", fn_boundary, 0, 1, 0, LOW},
    {"power", fn_power, 1, 1, 0, 0},
    {"precision", fn_precision, 0, 0, 0, 0},
    {"round", fn_round, 0, 1, 0, 0},
    {"sqrt", fn_real, 0, 0, 0, SQRT},
    {"truncate", fn_whole, 0, 0, 0, PATH_TRUNCATE},
    {0},
};
