/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions that add nothing to a test but what an index can find: on the keys of a row
 * (extract/fhir_keys.h), and on the first and the last of its dates. docs/schema.md tells why the
 * indexes of sql/practice.sql are as they are.
 */
#include <apr_strings.h>
#include <stdlib.h>

#include "fhir/extract/fhir_keys.h"
#include "fhir/query/fhir_predicate.h"

/* The most values from which terms are made: numbers can be long, and their terms are parameters in
 * addition to them. */
#define VALUES_MAX 20

/* ---- whether the table has the index ---- */

static apr_uint64_t key_of(const fhir_value_t *table)
{
    apr_uint64_t hash = APR_UINT64_C(14695981039346656037);
    hash = (hash ^ 'k') * APR_UINT64_C(1099511628211); /* of the index; others know more of it */
    for (apr_size_t i = 0; i < table->len; i++)
        hash = (hash ^ (unsigned char)table->data[i]) * APR_UINT64_C(1099511628211);
    return hash;
}

static fhir_err_t *on_count(void *baton, const fhir_row_t *row)
{
    *(int *)baton = atoi(fhir_row_text(row, 0));
    return NULL;
}

/* 1 if the rows of the table have their keys, which is so when a valid index is on them: fhirctl
 * fills the column before it makes the index (fhirctl_terms.h). It is remembered for some
 * minutes. */
static int has_keys(const fhir_sql_t *sql, const fhir_type_t *type)
{
    const fhir_call_t *call = sql->call;
    fhir_store_t *store = call->request->store;
    const fhir_value_t table = fhir_value_text(fhir_call_table(call, type, ""));
    const fhir_stmt_t stmt = {
        .sql = "SELECT count(*) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indexrelid "
               "WHERE i.indrelid = $1::regclass AND i.indisvalid AND a.attname "
               "= '" FHIR_KEYS_COLUMN "'",
        .n_values = 1};
    const apr_uint64_t key = key_of(&table);
    int n = 0;
    if (!store)
        return 0;
    const int known = fhir_store_recall(store, key);
    if (known >= 0)
        return known;
    if (fhir_call_ask(call, &stmt, &table, on_count, &n))
        return 0;
    fhir_store_remember(store, key, n > 0);
    return n > 0;
}

static int is_left_out(const fhir_sql_t *sql, const char *alias)
{
    return fhir_sql_is_shut(sql, alias) || *alias == FHIR_SQL_CONTAINED || sql->estimate ||
           sql->keyed;
}

/* ---- texts ---- */

static void push_key(const fhir_sql_t *sql, apr_array_header_t *keys, apr_int32_t key)
{
    APR_ARRAY_PUSH(keys, const char *) = apr_itoa(sql->call->pool, key);
}

void fhir_predicate_rest(fhir_sql_t *sql, const char *alias, apr_uint16_t column,
                         const apr_array_header_t *texts)
{
    const fhir_model_t *m = sql->call->stored;
    const fhir_column_t *c = &m->columns[column];
    if (!texts->nelts || c->index != FHIR_INDEX_REST || is_left_out(sql, alias) ||
        !has_keys(sql, &m->types[m->params[c->param].type]))
        return;
    apr_array_header_t *keys = fhir_predicate_texts(sql);
    for (int i = 0; i < texts->nelts; i++) {
        const char *text = APR_ARRAY_IDX(texts, i, const char *);
        push_key(sql, keys, fhir_keys_text(fhir_model_str(m, c->name), text, strlen(text)));
    }
    fhir_buf_printf(sql->text, " AND %s." FHIR_KEYS_COLUMN, alias);
    fhir_predicate_overlaps(sql, NULL, keys, "integer[]");
}

/* ---- numbers, quantities and composites ---- */

static const char *function(const fhir_sql_t *sql, const char *name)
{
    return apr_psprintf(sql->call->pool, "\"%s\".%s", sql->call->endpoint->tenant, name);
}

/* " AND alias.terms && …". The keys stand in a subquery: of many constants the planner takes each
 * for rather common. */
static void put_keys(fhir_sql_t *sql, const char *alias, const apr_array_header_t *keys)
{
    apr_array_header_t *texts = fhir_predicate_texts(sql);
    for (int i = 0; i < keys->nelts; i++)
        push_key(sql, texts, APR_ARRAY_IDX(keys, i, apr_int32_t));
    fhir_buf_printf(sql->text, " AND %s." FHIR_KEYS_COLUMN " && (SELECT ", alias);
    fhir_sql_bind_array(sql, texts, "integer[]");
    fhir_buf_putc(sql->text, ')');
}

static const fhir_type_t *type_of(const fhir_sql_t *sql, const fhir_param_t *param)
{
    return &sql->call->stored->types[param->type];
}

static apr_array_header_t *empty_keys(const fhir_sql_t *sql)
{
    return apr_array_make(sql->call->pool, 32, sizeof(apr_int32_t));
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

/* The keys of numbers that a value can match, of a code or of a unit. */
static void push_range(const fhir_sql_t *sql, apr_array_header_t *keys, const fhir_param_t *param,
                       const char *name, const fhir_qvalue_t *v)
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
    fhir_keys_range(keys, fhir_model_str(sql->call->stored, param->column), name, low, high);
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
    apr_array_header_t *keys = empty_keys(sql);
    if (sql->paired || is_left_out(sql, alias) || !has_number_terms(node) ||
        !has_keys(sql, type_of(sql, node->param)))
        return;
    for (int i = 0; i < node->n_values; i++)
        push_range(sql, keys, node->param, unit_of(sql, &node->values[i]), &node->values[i]);
    put_keys(sql, alias, keys);
}

static int has_term(const fhir_qvalue_t *value)
{
    return value->parts[0].code && *value->parts[0].code;
}

int fhir_predicate_has_pair(const fhir_call_t *call, const fhir_qnode_t *node,
                            const fhir_qvalue_t *value)
{
    return fhir_keys_is_pair(call->stored, node->param) && has_term(value);
}

void fhir_predicate_pair_keys(fhir_sql_t *sql, const char *alias, const fhir_param_t *param,
                              const fhir_qvalue_t *value)
{
    const fhir_model_t *m = sql->call->stored;
    apr_array_header_t *keys = empty_keys(sql);
    if (is_left_out(sql, alias) || !has_keys(sql, type_of(sql, param)))
        return;
    push_range(sql, keys, &m->params[m->components[param->first_component + 1]], code_of(value),
               &value->parts[1]);
    put_keys(sql, alias, keys);
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
    apr_array_header_t *keys = empty_keys(sql);
    /* the planner knows nothing about the test itself */
    if ((!sql->estimate && is_left_out(sql, alias)) || !has_composite_terms(sql->call, node) ||
        !has_keys(sql, type_of(sql, node->param)))
        return;
    for (int i = 0; i < node->n_values; i++) {
        const fhir_qvalue_t *value = &node->values[i];
        const char *code = value->parts[0].code;
        if (second == FHIR_PARAM_QUANTITY || second == FHIR_PARAM_NUMBER)
            push_range(sql, keys, node->param, code_of(value), &value->parts[1]);
        else
            APR_ARRAY_PUSH(keys, apr_int32_t) = fhir_keys_at(fhir_model_str(m, node->param->column),
                                                             code, strlen(code), FHIR_KEYS_OTHER);
    }
    put_keys(sql, alias, keys);
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
    if (is_left_out(sql, alias) || !fhir_predicate_is_keyed(sql->call, node) ||
        !has_keys(sql, type_of(sql, node->param)))
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
        return fhir_keys_is_pair(m, p);
    for (int i = 0; p->flags & FHIR_PARAM_UNION && i < p->n_components; i++)
        if (!is_term(call, &m->params[m->components[p->first_component + i]]))
            return 0;
    return p->flags & FHIR_PARAM_UNION || fhir_keys_pair(m, p) ||
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
