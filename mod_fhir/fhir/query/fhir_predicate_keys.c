/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions that add nothing to a test but what an index can find: the expressions are those of
 * the indexes in sql/practice.sql (tools/fhirgen/indexes.py), their functions in
 * sql/031-value-terms.sql and sql/003-search.sql. docs/schema.md tells why the indexes are as they
 * are.
 */
#include <apr_strings.h>

#include "fhir/query/fhir_number_terms.h"
#include "fhir/query/fhir_predicate.h"

/* The most values from which terms are made: numbers can be long, and their terms are parameters in
 * addition to them. */
#define VALUES_MAX 20

static int is_left_out(const fhir_sql_t *sql, const char *alias)
{
    return fhir_sql_is_shut(sql, alias) || *alias == FHIR_SQL_CONTAINED || sql->estimate ||
           sql->keyed;
}

/* ---- columns that share the index TABLE_rest_idx ---- */

/* num_nonnulls(alias."based_on", …) > 0 AND (alias."based_on" || …): the index's rows, what it is
 * on. */
static void put_rest(fhir_sql_t *sql, const char *alias, const fhir_type_t *type)
{
    const fhir_model_t *m = sql->call->stored;
    for (int joined = 0; joined < 2; joined++) {
        const char *between = joined ? "(" : "num_nonnulls(";
        for (int i = 0; i < type->n_columns; i++) {
            const fhir_column_t *column = &m->columns[type->first_column + i];
            if (column->index != FHIR_INDEX_REST)
                continue;
            fhir_buf_printf(sql->text,
                            joined && column->sqltype == FHIR_SQL_TEXT
                                ? "%sstring_to_array(%s.\"%s\", '')"
                                : "%s%s.\"%s\"",
                            between, alias, fhir_model_str(m, column->name));
            between = joined ? " || " : ", ";
        }
        fhir_buf_puts(sql->text, joined ? ")" : ") > 0 AND ");
    }
}

void fhir_predicate_rest(fhir_sql_t *sql, const char *alias, apr_uint16_t column,
                         const apr_array_header_t *texts)
{
    const fhir_model_t *m = sql->call->stored;
    const fhir_column_t *c = &m->columns[column];
    if (!texts->nelts || c->index != FHIR_INDEX_REST || is_left_out(sql, alias))
        return;
    fhir_buf_puts(sql->text, " AND ");
    put_rest(sql, alias, &m->types[m->params[c->param].type]);
    fhir_predicate_overlaps(sql, NULL, texts);
}

/* ---- numbers, quantities and composites ---- */

static const char *function(const fhir_sql_t *sql, const char *name)
{
    return apr_psprintf(sql->call->pool, "\"%s\".%s", sql->call->endpoint->tenant, name);
}

/* 1 for a composite of code and quantity on the resource itself. */
static int is_pair(const fhir_call_t *call, const fhir_param_t *param)
{
    const fhir_model_t *m = call->stored;
    const apr_uint16_t *parts = &m->components[param->first_component];
    return param->flags & FHIR_PARAM_ROOT_COMPOSITE && param->n_components >= 2 &&
           m->params[parts[0]].column_kind == FHIR_COL_TOKENS &&
           m->params[parts[1]].column_kind == FHIR_COL_QUANTITY;
}

/* The pair whose second part is the quantity, or NULL. */
static const fhir_param_t *pair_of(const fhir_call_t *call, const fhir_param_t *quantity)
{
    const fhir_model_t *m = call->stored;
    const fhir_type_t *type = &m->types[quantity->type];
    for (int i = 0; quantity->column_kind == FHIR_COL_QUANTITY && i < type->n_params; i++) {
        const fhir_param_t *p = &m->params[type->first_param + i];
        if (is_pair(call, p) &&
            m->params[m->components[p->first_component + 1]].column == quantity->column)
            return p;
    }
    return NULL;
}

/* ", alias."x_high", …": the columns of a parameter, up to a suffix of NULL. */
static void put_columns(fhir_sql_t *sql, const char *alias, const fhir_param_t *param,
                        const char *const *suffixes)
{
    for (; *suffixes; suffixes++)
        fhir_buf_printf(sql->text, ", %s", fhir_predicate_column(sql, alias, param, *suffixes));
}

static const char *const quantity_columns[] = {"_low", "_high", "_code", "_unit", NULL};

static void put_pair(fhir_sql_t *sql, const char *alias, const fhir_param_t *pair)
{
    const fhir_model_t *m = sql->call->stored;
    const fhir_param_t *code = &m->params[m->components[pair->first_component]];
    const fhir_param_t *quantity = &m->params[m->components[pair->first_component + 1]];
    fhir_buf_printf(sql->text, "%s(%s", function(sql, "fhir_value_terms"),
                    fhir_predicate_column(sql, alias, code, ""));
    put_columns(sql, alias, quantity, quantity_columns);
    fhir_buf_putc(sql->text, ')');
}

static int has_other_keys(const fhir_call_t *call, const fhir_param_t *p)
{
    return p->column_kind == FHIR_COL_COMPOSITE || p->column_kind == FHIR_COL_NUMBER ||
           p->column_kind == FHIR_COL_NUMBERS || p->column_kind == FHIR_COL_QUANTITIES ||
           (p->column_kind == FHIR_COL_QUANTITY && !pair_of(call, p));
}

static const struct {
    const char *function, *first; /* the first argument, or the suffix of its column */
    int is_column;
    const char *const *more;
} other_terms[] = {
    [FHIR_COL_COMPOSITE] = {"fhir_composite_terms", "", 1, quantity_columns + 4},
    [FHIR_COL_NUMBER] = {"fhir_number_terms", "_low", 1, (const char *const[]){"_high", NULL}},
    [FHIR_COL_NUMBERS] = {"fhir_number_terms", "_low", 1, (const char *const[]){"_high", NULL}},
    [FHIR_COL_QUANTITY] = {"fhir_value_terms", "NULL", 0, quantity_columns},
    [FHIR_COL_QUANTITIES] = {"fhir_value_terms", "_low", 1, quantity_columns + 1},
};

/* num_nonnulls(…) > 0 AND: the columns of the rows that the index has. */
static void put_present(fhir_sql_t *sql, const char *alias, const fhir_param_t *p)
{
    const int composite = p->column_kind == FHIR_COL_COMPOSITE;
    fhir_buf_puts(sql->text, fhir_predicate_column(sql, alias, p, composite ? "" : "_low"));
    if (!composite)
        fhir_buf_printf(sql->text, ", %s", fhir_predicate_column(sql, alias, p, "_high"));
}

static void put_terms(fhir_sql_t *sql, const char *alias, const fhir_param_t *p)
{
    const char *first = other_terms[p->column_kind].first;
    if (other_terms[p->column_kind].is_column)
        first = fhir_predicate_column(sql, alias, p, first);
    fhir_buf_printf(sql->text, "%s(%s", function(sql, other_terms[p->column_kind].function), first);
    put_columns(sql, alias, p, other_terms[p->column_kind].more);
    fhir_buf_putc(sql->text, ')');
}

/* All the others of a type are one expression: num_nonnulls(…) > 0 AND (fhir_number_terms(…) ||
 * fhir_composite_terms(…)). */
static void put_others(fhir_sql_t *sql, const char *alias, const fhir_type_t *type)
{
    const fhir_model_t *m = sql->call->stored;
    for (int joined = 0; joined < 2; joined++) {
        const char *between = joined ? "(" : "num_nonnulls(";
        for (int i = 0; i < type->n_columns; i++) {
            apr_uint16_t index = (apr_uint16_t)(type->first_column + i);
            const fhir_param_t *p = &m->params[m->columns[index].param];
            if (p->first_column != index || !has_other_keys(sql->call, p))
                continue;
            fhir_buf_puts(sql->text, between);
            (joined ? put_terms : put_present)(sql, alias, p);
            between = joined ? " || " : ", ";
        }
        fhir_buf_puts(sql->text, joined ? ")" : ") > 0 AND ");
    }
}

static int has_unit(const fhir_qvalue_t *v)
{
    return v->code && *v->code;
}

/* The unit that a value names, behind its bar, or NULL. */
static const char *unit_of(const fhir_sql_t *sql, const fhir_qvalue_t *v)
{
    return has_unit(v) ? apr_pstrcat(sql->call->pool, "|", v->code, NULL) : NULL;
}

/* The terms of numbers that a value can match: of a code or of a unit if is_named, but of all if
 * there is no name. They stand in subqueries: of many constants the planner takes each for rather
 * common. */
static void put_range(fhir_sql_t *sql, int is_named, const char *name, const fhir_qvalue_t *v)
{
    const char *low = NULL, *high = NULL;
    switch (v->prefix) {
    case FHIR_PREFIX_EQ:
    case FHIR_PREFIX_AP:
        low = v->low;
        high = v->high;
        break;
    case FHIR_PREFIX_GT:
    case FHIR_PREFIX_GE:
    case FHIR_PREFIX_SA:
        low = v->number;
        break;
    case FHIR_PREFIX_LT:
    case FHIR_PREFIX_LE:
    case FHIR_PREFIX_EB:
        high = v->number;
        break;
    default:
        break;
    }
    const char *terms = fhir_number_terms(low, high, sql->call->pool);
    if (!is_named) {
        fhir_sql_bind(sql, terms, "integer[]");
        return;
    }
    fhir_buf_printf(sql->text, "ARRAY(SELECT coalesce(%s(", function(sql, "fhir_place_key"));
    fhir_sql_bind(sql, name, "text");
    fhir_buf_puts(sql->text, ", n), n) FROM unnest(");
    fhir_sql_bind(sql, terms, "integer[]");
    fhir_buf_puts(sql->text, ") n)");
}

/* Terms are of codes without systems: one with a bar in it looks as if it had one. */
static const char *code_of(const fhir_qvalue_t *v)
{
    return strchr(v->parts[0].code, '|') ? NULL : v->parts[0].code;
}

/* 1 if each value of a number or quantity has terms: what is not equal to one is all that there is,
 * but for its unit. */
static int has_number_terms(const fhir_qnode_t *node)
{
    for (int i = 0; i < node->n_values; i++)
        if (node->values[i].prefix == FHIR_PREFIX_NE && !has_unit(&node->values[i]))
            return 0;
    return node->n_values <= VALUES_MAX;
}

void fhir_predicate_number_keys(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    const fhir_param_t *pair = pair_of(sql->call, node->param);
    if (sql->paired || is_left_out(sql, alias) || !has_number_terms(node))
        return;
    fhir_buf_puts(sql->text, " AND ");
    if (pair)
        put_pair(sql, alias, pair);
    else
        put_others(sql, alias, &sql->call->stored->types[node->param->type]);
    fhir_buf_puts(sql->text, " && (SELECT ");
    for (int i = 0; i < node->n_values; i++) {
        fhir_buf_puts(sql->text, i ? " || " : "");
        put_range(sql, has_unit(&node->values[i]), unit_of(sql, &node->values[i]),
                  &node->values[i]);
    }
    fhir_buf_putc(sql->text, ')');
}

static int has_term(const fhir_qvalue_t *value)
{
    return value->parts[0].code && *value->parts[0].code;
}

int fhir_predicate_has_pair(const fhir_call_t *call, const fhir_qnode_t *node,
                            const fhir_qvalue_t *value)
{
    return is_pair(call, node->param) && has_term(value);
}

void fhir_predicate_pair_keys(fhir_sql_t *sql, const char *alias, const fhir_param_t *param,
                              const fhir_qvalue_t *value)
{
    if (is_left_out(sql, alias))
        return;
    fhir_buf_puts(sql->text, " AND ");
    put_pair(sql, alias, param);
    fhir_buf_puts(sql->text, " && (SELECT ");
    put_range(sql, 1, code_of(value), &value->parts[1]);
    fhir_buf_putc(sql->text, ')');
}

static int has_composite_terms(const fhir_call_t *call, const fhir_qnode_t *node)
{
    const fhir_model_t *m = call->stored;
    for (int i = 0; i < node->n_values; i++)
        if (!has_term(&node->values[i]))
            return 0;
    return m->params[m->components[node->param->first_component]].kind == FHIR_PARAM_TOKEN &&
           node->n_values <= VALUES_MAX;
}

void fhir_predicate_composite_keys(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    const fhir_model_t *m = sql->call->stored;
    const apr_uint16_t *parts = &m->components[node->param->first_component];
    const fhir_param_kind_t second = (fhir_param_kind_t)m->params[parts[1]].kind;
    /* the planner knows nothing about the test itself */
    if ((!sql->estimate && is_left_out(sql, alias)) || !has_composite_terms(sql->call, node))
        return;
    fhir_buf_puts(sql->text, " AND ");
    put_others(sql, alias, &m->types[node->param->type]);
    fhir_buf_puts(sql->text, " && (SELECT ");
    for (int i = 0; i < node->n_values; i++) {
        const fhir_qvalue_t *value = &node->values[i];
        fhir_buf_puts(sql->text, i ? " || " : "");
        if (second == FHIR_PARAM_QUANTITY || second == FHIR_PARAM_NUMBER) {
            put_range(sql, 1, code_of(value), &value->parts[1]);
            continue;
        }
        fhir_buf_printf(sql->text, "ARRAY[%s(", function(sql, "fhir_place_key"));
        fhir_sql_bind(sql, value->parts[0].code, "text");
        fhir_buf_puts(sql->text, ", 701)]");
    }
    fhir_buf_putc(sql->text, ')');
}

/* ---- conditions that are known by their keys ---- */

static int is_number(const fhir_param_t *p)
{
    return p->column_kind == FHIR_COL_NUMBER || p->column_kind == FHIR_COL_NUMBERS ||
           p->column_kind == FHIR_COL_QUANTITY || p->column_kind == FHIR_COL_QUANTITIES;
}

static int is_part_keyed(const fhir_call_t *call, const fhir_qnode_t *node)
{
    const fhir_param_t *p = node->param;
    for (int i = 0; p->flags & FHIR_PARAM_ROOT_COMPOSITE && i < node->n_values; i++)
        if (!fhir_predicate_has_pair(call, node, &node->values[i]))
            return 0;
    if (p->flags & FHIR_PARAM_ROOT_COMPOSITE)
        return 1;
    return p->column_kind == FHIR_COL_COMPOSITE ? has_composite_terms(call, node)
                                                : is_number(p) && has_number_terms(node);
}

int fhir_predicate_is_keyed(const fhir_call_t *call, const fhir_qnode_t *node)
{
    if (node->kind != FHIR_Q_TEST || node->modifier != FHIR_MODIFIER_NONE)
        return 0;
    if (!(node->param->flags & FHIR_PARAM_UNION))
        return is_part_keyed(call, node);
    for (int i = 0; i < node->param->n_components; i++) {
        const fhir_qnode_t part = fhir_predicate_component(call, node, i);
        if (!is_part_keyed(call, &part))
            return 0;
    }
    return 1;
}

static void put_part(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *part)
{
    for (int i = 0; part->param->flags & FHIR_PARAM_ROOT_COMPOSITE && i < part->n_values; i++) {
        fhir_buf_puts(sql->text, i ? " OR (TRUE" : "TRUE");
        fhir_predicate_pair_keys(sql, alias, part->param, &part->values[i]);
        fhir_buf_puts(sql->text, i ? ")" : "");
    }
    if (part->param->flags & FHIR_PARAM_ROOT_COMPOSITE)
        return;
    fhir_buf_puts(sql->text, "TRUE");
    if (part->param->column_kind == FHIR_COL_COMPOSITE)
        fhir_predicate_composite_keys(sql, alias, part);
    else
        fhir_predicate_number_keys(sql, alias, part);
}

int fhir_predicate_union_keys(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    if (is_left_out(sql, alias) || !fhir_predicate_is_keyed(sql->call, node))
        return 0;
    for (int i = 0; i < node->param->n_components; i++) {
        const fhir_qnode_t part = fhir_predicate_component(sql->call, node, i);
        fhir_buf_puts(sql->text, i ? " OR " : "(");
        put_part(sql, alias, &part);
    }
    fhir_buf_puts(sql->text, ") AND ");
    return 1;
}

/* ---- the index TABLE_terms_idx ---- */

static int is_term(const fhir_call_t *call, const fhir_param_t *p)
{
    const fhir_model_t *m = call->stored;
    if (p->flags & FHIR_PARAM_ROOT_COMPOSITE)
        return is_pair(call, p);
    for (int i = 0; p->flags & FHIR_PARAM_UNION && i < p->n_components; i++)
        if (!is_term(call, &m->params[m->components[p->first_component + i]]))
            return 0;
    return p->flags & FHIR_PARAM_UNION || pair_of(call, p) ||
           m->columns[p->first_column].index == FHIR_INDEX_TERMS;
}

/* 1 if the test compares whole terms, which an index can contain. */
static int is_exact(const fhir_qnode_t *node)
{
    if (node->kind != FHIR_Q_TEST || node->modifier != FHIR_MODIFIER_NONE)
        return 0;
    for (int i = 0; i < node->n_values; i++)
        if (node->param->kind == FHIR_PARAM_TOKEN && !node->values[i].code)
            return 0; /* a code of any system */
    return 1;
}

int fhir_predicate_in_terms(const fhir_call_t *call, const fhir_qnode_t *node)
{
    return is_exact(node) && is_term(call, node->param);
}

/* ---- the indexes that have places ---- */

static int has_places(const fhir_call_t *call, const fhir_param_t *p)
{
    const fhir_model_t *m = call->stored;
    if (is_term(call, p) || p->kind == FHIR_PARAM_NUMBER || p->kind == FHIR_PARAM_QUANTITY)
        return 1;
    if (p->kind == FHIR_PARAM_COMPOSITE && !(p->flags & FHIR_PARAM_UNION))
        return m->params[m->components[p->first_component]].kind == FHIR_PARAM_TOKEN;
    for (int i = 0; p->flags & FHIR_PARAM_UNION && i < p->n_components; i++)
        if (!has_places(call, &m->params[m->components[p->first_component + i]]))
            return 0;
    return p->flags & FHIR_PARAM_UNION || m->columns[p->first_column].index == FHIR_INDEX_REST;
}

int fhir_predicate_has_places(const fhir_call_t *call, const fhir_qnode_t *node)
{
    return is_exact(node) && has_places(call, node->param);
}

/* ---- several dates: what of them all has to be so for one to match ---- */

static const struct {
    int low, high; /* the first begins before the value ends, and the last ends after it begins */
} bounds[FHIR_PREFIX_COUNT_] = {
    [FHIR_PREFIX_EQ] = {1, 1}, [FHIR_PREFIX_GT] = {0, 1}, [FHIR_PREFIX_LT] = {1, 0},
    [FHIR_PREFIX_GE] = {0, 1}, [FHIR_PREFIX_LE] = {1, 0}, [FHIR_PREFIX_SA] = {0, 1},
    [FHIR_PREFIX_EB] = {1, 0}, [FHIR_PREFIX_AP] = {1, 1},
};

void fhir_predicate_date_bounds(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    if (is_left_out(sql, alias))
        return;
    for (int i = 0; i < node->n_values; i++)
        if (!bounds[node->values[i].prefix].low && !bounds[node->values[i].prefix].high)
            return;
    fhir_buf_puts(sql->text, " AND (");
    for (int i = 0; i < node->n_values; i++) {
        const fhir_qvalue_t *v = &node->values[i];
        fhir_buf_puts(sql->text, i ? " OR (" : "(");
        if (bounds[v->prefix].low) {
            fhir_buf_printf(sql->text, "%s(%s) < ", function(sql, "fhir_first"),
                            fhir_predicate_column(sql, alias, node->param, "_low"));
            fhir_sql_bind_time(sql, v->when.high);
        }
        if (bounds[v->prefix].high) {
            fhir_buf_printf(sql->text, "%s%s(%s) > ", bounds[v->prefix].low ? " AND " : "",
                            function(sql, "fhir_last"),
                            fhir_predicate_column(sql, alias, node->param, "_high"));
            fhir_sql_bind_time(sql, v->when.low);
        }
        fhir_buf_putc(sql->text, ')');
    }
    fhir_buf_putc(sql->text, ')');
}
