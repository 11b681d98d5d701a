/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL under construction: values, columns, and the tree of conditions with chains and _has. The
 * test of one parameter is in fhir_predicate.c, the grant in fhir_grant.c, the statement of a
 * search in fhir_search_sql.c.
 */
#include "fhir/query/fhir_sql.h"

#include <apr_strings.h>

#include "fhir/query/fhir_canonical.h"
#include "fhir/query/fhir_contained.h"
#include "fhir/query/fhir_grant.h"
#include "fhir/query/fhir_predicate.h"

#define TEXT_MAX        ((apr_size_t)1024 * 1024)
#define VALUES_MAX      60000 /* the protocol has 16 bits for their number */
#define VALUE_BYTES_MAX ((apr_size_t)16 * 1024 * 1024)
/* Longer statements are not prepared: each backend would keep a plan of megabytes. */
#define PREPARED_MAX    ((apr_size_t)32 * 1024)

fhir_sql_t *fhir_sql_create(const fhir_call_t *call)
{
    fhir_sql_t *sql = apr_pcalloc(call->pool, sizeof(*sql));
    sql->text = fhir_buf_create(call->pool, TEXT_MAX);
    sql->values = apr_array_make(call->pool, 8, sizeof(fhir_value_t));
    sql->call = call;
    return sql;
}

static void bind_value(fhir_sql_t *sql, const char *text, apr_size_t len, const char *cast)
{
    fhir_value_t *value = apr_array_push(sql->values);
    value->data = text;
    value->len = len;
    sql->bytes += len;
    fhir_buf_printf(sql->text, "$%d::%s", sql->values->nelts, cast);
}

void fhir_sql_bind(fhir_sql_t *sql, const char *text, const char *cast)
{
    bind_value(sql, text, text ? strlen(text) : 0, cast);
}

void fhir_sql_bind_array(fhir_sql_t *sql, const apr_array_header_t *texts, const char *cast)
{
    fhir_buf_t *buf = fhir_buf_create(sql->call->pool, VALUE_BYTES_MAX);
    fhir_buf_putc(buf, '{');
    for (int i = 0; i < texts->nelts; i++) {
        const char *s = APR_ARRAY_IDX(texts, i, const char *);
        if (i)
            fhir_buf_putc(buf, ',');
        fhir_store_array_element(buf, s, strlen(s));
    }
    fhir_buf_putc(buf, '}');
    sql->text->overflow |= buf->overflow;
    bind_value(sql, fhir_buf_cstr(buf), buf->len, cast);
}

void fhir_sql_bind_time(fhir_sql_t *sql, apr_int64_t usec)
{
    char text[40];
    int len = fhir_time_format_sql(text, usec);
    bind_value(sql, apr_pstrmemdup(sql->call->pool, text, (apr_size_t)len), (apr_size_t)len,
               "timestamptz");
}

void fhir_sql_bind_int(fhir_sql_t *sql, apr_int64_t number, const char *cast)
{
    fhir_sql_bind(sql, apr_psprintf(sql->call->pool, "%" APR_INT64_T_FMT, number), cast);
}

const char *fhir_sql_alias(fhir_sql_t *sql)
{
    return apr_psprintf(sql->call->pool, "a%d", ++sql->aliases);
}

void fhir_sql_column(fhir_sql_t *sql, const char *alias, const fhir_param_t *param,
                     const char *suffix)
{
    fhir_buf_printf(sql->text, "%s.\"%s%s\"", alias,
                    fhir_model_str(sql->call->stored, param->column), suffix);
}

int fhir_sql_is_full(const fhir_sql_t *sql)
{
    return sql->text->overflow || sql->values->nelts > VALUES_MAX || sql->bytes > VALUE_BYTES_MAX;
}

fhir_err_t *fhir_sql_stmt(fhir_stmt_t *stmt, fhir_sql_t *sql, unsigned flags)
{
    if (fhir_sql_is_full(sql))
        return fhir_err_create(sql->call->pool, FHIR_ERR_LIMIT,
                               "The search is too large to be run; use fewer parameters");
    stmt->sql = fhir_buf_cstr(sql->text);
    stmt->n_values = sql->values->nelts;
    stmt->flags = flags | (sql->text->len > PREPARED_MAX ? FHIR_STMT_ONCE : 0);
    return NULL;
}

const fhir_value_t *fhir_sql_values(const fhir_sql_t *sql)
{
    return (const fhir_value_t *)sql->values->elts;
}

/* Children joined by a word, or the value of the empty list. */
static void join(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *child, const char *word,
                 const char *none)
{
    if (!child) {
        fhir_buf_puts(sql->text, none);
        return;
    }
    fhir_buf_putc(sql->text, '(');
    for (const fhir_qnode_t *c = child; c; c = c->next) {
        if (c != child)
            fhir_buf_puts(sql->text, word);
        fhir_sql_node(sql, alias, c);
    }
    fhir_buf_putc(sql->text, ')');
}

/* 1 if the parameter fills the column `patient` of its type, which has the bare id. */
static int fills_patient(const fhir_call_t *call, const fhir_type_t *holder,
                         const fhir_param_t *param, const fhir_type_t *target)
{
    return holder->patient && param->column_kind == FHIR_COL_REFERENCE &&
           call->stored->params[holder->patient].column == param->column &&
           !strcmp(fhir_model_str(call->stored, target->name), "Patient");
}

int fhir_sql_finds_patient(const fhir_call_t *call, const fhir_qnode_t *node)
{
    return fills_patient(call, node->target, node->param, node->type);
}

/* The ids of a target type to which a single reference column of the holder refers. */
static const char *bare_id(const fhir_call_t *call, const char *holder, const fhir_type_t *type,
                           const fhir_param_t *param, const fhir_type_t *target)
{
    const char *name = fhir_model_str(call->stored, target->name);
    const char *column = fhir_model_str(call->stored, param->column);
    if (fills_patient(call, type, param, target))
        return apr_pstrcat(call->pool, holder, ".patient", NULL);
    return apr_psprintf(call->pool,
                        "CASE WHEN starts_with(%s.\"%s\", '%s/') THEN substr(%s.\"%s\", %d) END",
                        holder, column, name, holder, column, (int)strlen(name) + 2);
}

/* A chain goes from a row to what it refers to, whose primary key or own index finds it. Of several
 * references, each is looked up: as an IN (SELECT ... unnest ...), PostgreSQL would turn the EXISTS
 * into a join and compare each row of the one table with each of the other. */
static void join_forward(fhir_sql_t *sql, const char *alias, const char *other,
                         const fhir_qnode_t *node)
{
    const fhir_call_t *call = sql->call;
    const char *name = fhir_model_str(call->stored, node->target->name);
    const char *table = fhir_call_table(call, node->target, "");
    if (node->param->column_kind != FHIR_COL_REFERENCES) {
        fhir_buf_printf(sql->text, "EXISTS (SELECT FROM %s %s WHERE %s.id = %s", table, other,
                        other, bare_id(call, alias, node->type, node->param, node->target));
        return;
    }
    fhir_buf_puts(sql->text, "EXISTS (SELECT FROM unnest(");
    fhir_sql_column(sql, alias, node->param, "");
    fhir_buf_printf(sql->text,
                    ") r JOIN %s %s ON %s.id = substr(r, %d) WHERE starts_with(r, '%s/')", table,
                    other, other, (int)strlen(name) + 2, name);
}

/* _has collects the ids that are referred to, in one pass, whatever the indexes are. Of the few
 * patients of a window, the records are looked up. */
static void join_backward(fhir_sql_t *sql, const char *alias, const char *other,
                          const fhir_qnode_t *node)
{
    const fhir_call_t *call = sql->call;
    const char *name = fhir_model_str(call->stored, node->type->name);
    const char *table = fhir_call_table(call, node->target, "");
    if (sql->looked_up == other) {
        fhir_buf_printf(sql->text, "EXISTS (SELECT FROM %s %s WHERE %s.patient = %s.id", table,
                        other, other, alias);
        return;
    }
    if (node->param->column_kind != FHIR_COL_REFERENCES) {
        fhir_buf_printf(sql->text, "%s.id IN (SELECT %s FROM %s %s WHERE TRUE", alias,
                        bare_id(call, other, node->target, node->param, node->type), table, other);
        return;
    }
    fhir_buf_printf(sql->text, "%s.id IN (SELECT substr(r, %d) FROM %s %s, unnest(", alias,
                    (int)strlen(name) + 2, table, other);
    fhir_sql_column(sql, other, node->param, "");
    fhir_buf_printf(sql->text, ") r WHERE starts_with(r, '%s/')", name);
}

/* References by URL are followed, in either direction, by all names of the target. */
static void join_canonical(fhir_sql_t *sql, const char *alias, const char *other,
                           const fhir_qnode_t *node)
{
    const fhir_call_t *call = sql->call;
    const int chain = node->kind == FHIR_Q_CHAIN;
    fhir_buf_printf(sql->text, "EXISTS (SELECT FROM %s %s WHERE ",
                    fhir_call_table(call, node->target, ""), other);
    fhir_sql_column(sql, chain ? alias : other, node->param, "");
    fhir_buf_printf(
        sql->text, node->param->column_kind == FHIR_COL_REFERENCES ? " && %s" : " = ANY (%s)",
        fhir_canonical_names(call, chain ? node->target : node->type, chain ? other : alias));
}

/* One column: another alias, the condition of the child, the grant. */
static void linked(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    const char *other = fhir_sql_alias(sql), *looked_up = sql->looked_up;
    if (node->kind == FHIR_Q_HAS && sql->windowed && !strcmp(alias, "t") &&
        fhir_sql_finds_patient(sql->call, node))
        sql->looked_up = other;
    if (fhir_canonical_holds(node->param))
        join_canonical(sql, alias, other, node);
    else if (node->kind == FHIR_Q_CHAIN)
        join_forward(sql, alias, other, node);
    else
        join_backward(sql, alias, other, node);
    fhir_buf_puts(sql->text, " AND ");
    fhir_sql_node(sql, other, node->child);
    fhir_grant_sql(sql, other, node->granted, FHIR_RIGHT_SEARCH);
    /* with OFFSET, PostgreSQL does not make a join of it, for which it would read all that match */
    fhir_buf_puts(sql->text, sql->looked_up == other ? " OFFSET 0)" : ")");
    sql->looked_up = looked_up;
}

/* All ways to follow a reference end here. Resources within the resource are tested only if there
 * can be any: PostgreSQL can turn the plain form into a join. */
static void follow(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    const fhir_model_t *m = sql->call->stored;
    if (node->param->flags & FHIR_PARAM_UNION) {
        for (int i = 0; i < node->param->n_components; i++) {
            fhir_qnode_t part = *node;
            part.param = &m->params[m->components[node->param->first_component + i]];
            fhir_buf_puts(sql->text, i ? " OR " : "(");
            follow(sql, alias, &part);
        }
        fhir_buf_putc(sql->text, ')');
        return;
    }
    if (node->param->flags & FHIR_PARAM_INSIDE) {
        fhir_contained_chain(sql, alias, node);
        return;
    }
    if (!node->held) {
        linked(sql, alias, node);
        return;
    }
    fhir_buf_putc(sql->text, '(');
    linked(sql, alias, node);
    fhir_buf_puts(sql->text, " OR ");
    fhir_contained_chain(sql, alias, node);
    fhir_buf_putc(sql->text, ')');
}

static void not_true(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *child)
{
    fhir_buf_putc(sql->text, '(');
    fhir_sql_node(sql, alias, child);
    fhir_buf_puts(sql->text, " IS NOT TRUE)");
}

static fhir_qnode_t *reference_test(const fhir_call_t *call, const fhir_type_t *type,
                                    const fhir_param_t *param, const fhir_type_t *focus,
                                    const char *id)
{
    fhir_qnode_t *node = fhir_query_node(call, FHIR_Q_TEST, type);
    fhir_qvalue_t *value = apr_pcalloc(call->pool, sizeof(*value));
    value->type = focus;
    value->id = id;
    value->text = id;
    node->param = param;
    node->values = value;
    node->n_values = 1;
    return node;
}

/* In brackets: alias is in the compartment of focus/id, by a parameter other than `but` (or
 * NULL). */
static void compartment(fhir_sql_t *sql, const char *alias, const fhir_type_t *type,
                        const fhir_type_t *focus, const char *id, const fhir_param_t *but)
{
    const fhir_call_t *call = sql->call;
    const fhir_compartment_t *member = fhir_model_compartment(call->stored, focus, type);
    fhir_qnode_t *any = fhir_query_node(call, FHIR_Q_OR, type);
    if (type == focus) {
        fhir_buf_printf(sql->text, "(%s.id = ", alias);
        fhir_sql_bind(sql, id, "text");
        fhir_buf_puts(sql->text, member && member->n_params ? " OR " : ")");
        if (!member || !member->n_params)
            return;
    }
    for (int i = 0; member && i < member->n_params; i++) {
        const fhir_param_t *param =
            &call->stored->params[call->stored->components[member->first_param + i]];
        if (!but || !param->column || param->column != but->column)
            fhir_query_add(any, reference_test(call, type, param, focus, id));
    }
    fhir_sql_node(sql, alias, any);
    if (type == focus)
        fhir_buf_putc(sql->text, ')');
}

int fhir_sql_is_shut(const fhir_sql_t *sql, const char *alias)
{
    return ((sql->scoped || sql->swept || sql->timed) && !strcmp(alias, "t")) ||
           (sql->looked_up && !strcmp(alias, sql->looked_up));
}

/* One patient's rows are found by the patient, those of a swept window by their place, others by
 * their date. A plan for all values does not know which are common, so other indexes, which would
 * find half a table, are shut to it: IS TRUE has none. In the order of a date the planner must not
 * think, either, that few rows match, since it would then read and sort all of them: it takes any
 * CASE for true of half of the rows. */
static void test(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    const int shut = fhir_sql_is_shut(sql, alias) && node != sql->timed &&
                     !(node->kind == FHIR_Q_TEST && fhir_query_names_patient(sql->call, node));
    const int by_time = sql->timed && !strcmp(alias, "t");
    fhir_buf_puts(sql->text, !shut ? "" : by_time ? "CASE WHEN " : "((");
    fhir_predicate_append(sql, alias, node);
    fhir_buf_puts(sql->text, !shut ? "" : by_time ? " THEN TRUE END" : ") IS TRUE)");
}

void fhir_sql_node(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    if (fhir_sql_is_full(sql))
        return; /* fhir_sql_stmt returns the error */
    switch (node->kind) {
    case FHIR_Q_AND:
        join(sql, alias, node->child, " AND ", "TRUE");
        break;
    case FHIR_Q_OR:
        join(sql, alias, node->child, " OR ", "FALSE");
        break;
    case FHIR_Q_NOT:
        not_true(sql, alias, node->child);
        break;
    case FHIR_Q_CHAIN:
    case FHIR_Q_HAS:
        follow(sql, alias, node);
        break;
    case FHIR_Q_COMPARTMENT:
        compartment(sql, alias, node->type, node->target, node->values[0].id, node->param);
        break;
    default:
        test(sql, alias, node);
    }
}

void fhir_sql_from(fhir_sql_t *sql, const fhir_query_t *query)
{
    sql->searches = NULL; /* another part of a union is searched by itself */
    fhir_buf_printf(sql->text, " FROM %s t WHERE ", fhir_call_table(sql->call, query->type, ""));
    fhir_sql_node(sql, "t", query->where);
    fhir_grant_sql(sql, "t", query->granted, FHIR_RIGHT_SEARCH);
}
