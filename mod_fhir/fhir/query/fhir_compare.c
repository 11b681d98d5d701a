/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates, numbers and quantities against search values, prefix by prefix. docs/search.md has the
 * tables of truth.
 *
 * Dates: the stored value is [tl, th), the search value [sl, sh). Numbers: the stored value is
 * tl … th, both included and NULL when open; the search value is v, and for eq and ne the range
 * [l, h) of its digits.
 * Source: http://hl7.org/fhir/R4/search.html#prefix, #date, #number, #quantity
 */
#include "fhir/query/fhir_compare.h"

#include "model/fhir_short.h"

/*
 * Patterns. l and h stand for the columns of the operand, a and b for the bounds of the search
 * value, v for its number, and p for "there is a value" (NULL is an open end, which matches). The
 * rest is SQL. A condition that follows from the others is written where it lets an index limit the
 * range.
 */
static const char *const date_patterns[FHIR_PREFIX_COUNT_] = {
    [FHIR_PREFIX_EQ] = "l >= a AND l < b AND h <= b",
    [FHIR_PREFIX_NE] = "l < a OR h > b",
    [FHIR_PREFIX_GT] = "h > b",
    [FHIR_PREFIX_LT] = "l < a",
    [FHIR_PREFIX_GE] = "h > a AND (h > b OR l >= a)",
    [FHIR_PREFIX_LE] = "l < b AND (l < a OR h <= b)",
    [FHIR_PREFIX_SA] = "l >= b",
    [FHIR_PREFIX_EB] = "l < a AND h <= a",
    [FHIR_PREFIX_AP] = "l < b AND h > a",
};
static const char *const number_patterns[FHIR_PREFIX_COUNT_] = {
    [FHIR_PREFIX_EQ] = "l >= a AND h < b",
    [FHIR_PREFIX_NE] = "p AND (l >= a AND h < b) IS NOT TRUE",
    [FHIR_PREFIX_GT] = "h > v OR (h IS NULL AND p)",
    [FHIR_PREFIX_LT] = "l < v OR (l IS NULL AND p)",
    [FHIR_PREFIX_GE] = "h >= v OR (h IS NULL AND p)",
    [FHIR_PREFIX_LE] = "l <= v OR (l IS NULL AND p)",
    [FHIR_PREFIX_SA] = "l > v",
    [FHIR_PREFIX_EB] = "h < v",
    [FHIR_PREFIX_AP] = "(l <= b OR l IS NULL) AND (h >= a OR h IS NULL) AND p",
};

typedef struct expansion_t {
    fhir_sql_t *sql;
    const fhir_operand_t *operand;
    const fhir_qvalue_t *value;
    int is_date;
    int behind_high; /* the last column written was h: its offset moves to the bound */
} expansion_t;

static void bound(expansion_t *x, int high)
{
    const fhir_qvalue_t *v = x->value;
    apr_int64_t when = high ? v->when.high : v->when.low;
    if (!x->is_date) {
        fhir_sql_bind(x->sql, high ? v->high : v->low, "numeric");
        return;
    }
    if (when != FHIR_TIME_MIN && when != FHIR_TIME_MAX) { /* infinity is not moved */
        /* "h <= b" and "h > b" are of a day that begins at b, too; the others of one before b */
        if (x->operand->is_local)
            when = fhir_zone_first_day(x->sql->call->endpoint->zone, when + x->behind_high) -
                   x->behind_high;
        else if (x->behind_high)
            when -= x->operand->high_offset;
    }
    fhir_sql_bind_time(x->sql, when);
}

static void expand(expansion_t *x, const char *pattern)
{
    fhir_buf_t *text = x->sql->text;
    for (; *pattern; pattern++)
        switch (*pattern) {
        case 'l':
        case 'h':
            x->behind_high = *pattern == 'h';
            fhir_buf_puts(text, x->behind_high ? x->operand->high : x->operand->low);
            break;
        case 'a':
        case 'b':
            bound(x, *pattern == 'b');
            break;
        case 'v':
            fhir_sql_bind(x->sql, x->value->number, "numeric");
            break;
        case 'p':
            fhir_buf_printf(text, "(%s IS NOT NULL OR %s IS NOT NULL)", x->operand->low,
                            x->operand->high);
            break;
        default:
            fhir_buf_putc(text, *pattern);
        }
}

/* number|system|code: both; number||code: the code or the human unit; number|system|: the system.
 */
static void unit_of(fhir_sql_t *sql, const fhir_operand_t *operand, const fhir_qvalue_t *v)
{
    if (v->system) {
        fhir_buf_printf(sql->text, " AND %s = ", operand->system);
        fhir_sql_bind(sql, fhir_short_url(v->system, sql->call->pool), "text");
    }
    if (!v->code)
        return;
    fhir_buf_printf(sql->text, " AND (%s = ", operand->code);
    fhir_sql_bind(sql, v->code, "text");
    if (!v->system) {
        fhir_buf_printf(sql->text, " OR %s = ", operand->unit);
        fhir_sql_bind(sql, v->code, "text");
    }
    fhir_buf_putc(sql->text, ')');
}

void fhir_compare_any(fhir_sql_t *sql, fhir_param_kind_t kind, const fhir_operand_t *operand,
                      const fhir_qnode_t *node)
{
    expansion_t x = {.sql = sql, .operand = operand, .is_date = kind == FHIR_PARAM_DATE};
    fhir_buf_putc(sql->text, '(');
    for (int i = 0; i < node->n_values; i++) {
        x.value = &node->values[i];
        fhir_buf_puts(sql->text, i ? " OR ((" : "((");
        expand(&x, (x.is_date ? date_patterns : number_patterns)[x.value->prefix]);
        fhir_buf_putc(sql->text, ')');
        if (operand->system)
            unit_of(sql, operand, x.value);
        fhir_buf_putc(sql->text, ')');
    }
    fhir_buf_putc(sql->text, ')');
}
