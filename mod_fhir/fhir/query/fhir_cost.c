/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements that would read too much. PostgreSQL's planner estimates the cost of a statement, and
 * a statement above the endpoint's limit is refused, with the name of the missing index. The
 * planner knows the sizes of tables and their indexes, so a small table may be read as a whole.
 *
 * A statement is not estimated again for some minutes, since tables grow slowly, unless it was
 * refused: a new index must count at once. The costs of all expensive statements of a request are
 * added up against the limit. Where the planner is wrong, the statement timeout still applies.
 */
#include "fhir/query/fhir_cost.h"

#include <apr_strings.h>
#include <math.h>
#include <stdlib.h>

#include "core/fhir_decimal.h"
#include "fhir/query/fhir_grant.h"

/* What is noted: from which time on a search is slow, bytes of its shape, number of shapes. */
#define SLOW       apr_time_from_sec(1)
#define SHAPE_MAX  2048
#define SHAPES_MAX "1000"

typedef struct estimate_t {
    int seen;
    double cost, rows;
} estimate_t;

static double number(const char *at)
{
    return fhir_decimal_double(at, strspn(at, "0123456789."));
}

/* The first line is about the whole statement: "Limit  (cost=0.29..8.31 rows=1 width=64)". */
static fhir_err_t *on_plan(void *baton, const fhir_row_t *row)
{
    static const char dots[] = "..", rows[] = " rows=";
    estimate_t *estimate = baton;
    const char *at = strstr(fhir_row_text(row, 0), "(cost=");
    if (estimate->seen++ || !at)
        return NULL;
    if ((at = strstr(at, dots)) != NULL) {
        estimate->cost = number(at + strlen(dots));
        at = strstr(at, rows);
    }
    if (at)
        estimate->rows = number(at + strlen(rows));
    return NULL;
}

static fhir_err_t *ask_planner(estimate_t *estimate, fhir_sql_t *sql, const fhir_stmt_t *stmt)
{
    const fhir_call_t *call = sql->call;
    fhir_stmt_t explain = {.sql = apr_pstrcat(call->pool, "EXPLAIN ", stmt->sql, NULL),
                           .n_values = stmt->n_values,
                           .flags = FHIR_STMT_ONCE};
    memset(estimate, 0, sizeof(*estimate));
    return fhir_call_ask(call, &explain, fhir_sql_values(sql), on_plan, estimate);
}

fhir_err_t *fhir_cost_rows(apr_int64_t *rows, double *cost, fhir_sql_t *sql,
                           const fhir_stmt_t *stmt)
{
    estimate_t estimate;
    FHIR_TRY(ask_planner(&estimate, sql, stmt));
    *rows = (apr_int64_t)estimate.rows;
    if (cost)
        *cost = estimate.cost;
    return NULL;
}

/* ---- advice: indexes that the search could use and that are not there ---- */

typedef struct advice_t {
    const fhir_call_t *call;
    const fhir_type_t *type; /* whose indexed columns are in `columns` */
    apr_array_header_t *columns;
    fhir_buf_t *text;
    int error;
} advice_t;

static fhir_err_t *on_column(void *baton, const fhir_row_t *row)
{
    advice_t *a = baton;
    APR_ARRAY_PUSH(a->columns, const char *) = apr_pstrdup(a->call->pool, fhir_row_text(row, 0));
    return NULL;
}

/* Columns that come first in a valid index; "*" when the set "practice" has an index for each. */
static void read_columns(advice_t *a, const fhir_type_t *type)
{
    fhir_value_t table = fhir_value_text(fhir_call_table(a->call, type, ""));
    fhir_stmt_t stmt = {
        .sql = "SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid "
               "AND a.attnum = i.indkey[0] WHERE i.indrelid = $1::regclass AND i.indisvalid "
               "UNION ALL SELECT '*' FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
               "WHERE i.indrelid = $1::regclass AND c.relname LIKE '%\\_terms\\_idx'",
        .n_values = 1,
        .flags = FHIR_STMT_ONCE};
    if (a->type == type || a->error)
        return;
    a->type = type;
    a->columns = apr_array_make(a->call->pool, 16, sizeof(const char *));
    a->error = fhir_call_ask(a->call, &stmt, &table, on_column, a) != NULL;
}

/* 1 if fhirctl index can make an index for it that searches use. */
static int can_have_index(const fhir_model_t *m, const fhir_param_t *p)
{
    switch (p->first_column ? m->columns[p->first_column].sqltype : FHIR_SQL_NONE) {
    case FHIR_SQL_TEXT:
    case FHIR_SQL_TEXT_ARRAY:
    case FHIR_SQL_TIMESTAMPTZ:
    case FHIR_SQL_NUMERIC:
        return 1;
    default:
        return 0;
    }
}

static int has_index(const advice_t *a, const fhir_param_t *p)
{
    const fhir_model_t *m = a->call->stored;
    const char *name = fhir_model_str(m, m->columns[p->first_column].name);
    if (m->types[p->type].patient && m->params[m->types[p->type].patient].column == p->column)
        return 1; /* the column patient has the same value */
    for (int i = 0; i < a->columns->nelts; i++)
        if (!strcmp(APR_ARRAY_IDX(a->columns, i, const char *), name) ||
            !strcmp(APR_ARRAY_IDX(a->columns, i, const char *), "*"))
            return 1;
    return 0;
}

static void advise(advice_t *a, const fhir_param_t *p)
{
    const fhir_model_t *m = a->call->stored;
    if (p->flags & (FHIR_PARAM_UNION | FHIR_PARAM_ROOT_COMPOSITE)) {
        for (int i = 0; i < p->n_components; i++)
            advise(a, &m->params[m->components[p->first_component + i]]);
        return;
    }
    if (!can_have_index(m, p))
        return;
    read_columns(a, &m->types[p->type]);
    if (a->error || has_index(a, p))
        return;
    const char *line =
        apr_psprintf(a->call->pool, "fhirctl index add %s %s",
                     fhir_model_str(m, m->types[p->type].name), fhir_model_str(m, p->name));
    if (strstr(fhir_buf_cstr(a->text), line))
        return;
    fhir_buf_puts(a->text, a->text->len ? ", " : "");
    fhir_buf_puts(a->text, line);
}

static void advise_node(advice_t *a, const fhir_qnode_t *node)
{
    if (node->kind == FHIR_Q_NOT)
        return; /* a negation leaves most of the table */
    if (node->param && node->modifier != FHIR_MODIFIER_MISSING &&
        node->modifier != FHIR_MODIFIER_TEXT && node->modifier != FHIR_MODIFIER_EXACT)
        advise(a, node->param);
    for (const fhir_qnode_t *n = node->child; n; n = n->next)
        advise_node(a, n);
}

/* An index of dates is ordered from the newest: it finds the first matches without the others. */
static void advise_sort(advice_t *a, const fhir_query_t *query)
{
    const fhir_qsort_t *first = (const fhir_qsort_t *)query->sort->elts;
    if (query->sort->nelts && first->descending && first->param->column_kind == FHIR_COL_DATE)
        advise(a, first->param);
}

/* "fhirctl index add …", or "" if no index would help. */
static const char *missing_indexes(const fhir_call_t *call, const fhir_query_t *query,
                                   const apr_array_header_t *includes)
{
    advice_t a = {.call = call, .text = fhir_buf_create(call->pool, 2048)};
    if (query && !query->containers) { /* contained resources have no indexes */
        advise_node(&a, query->where);
        advise_sort(&a, query);
    }
    for (int i = 0; includes && i < includes->nelts; i++) {
        const fhir_qinclude_t *include = &APR_ARRAY_IDX(includes, i, fhir_qinclude_t);
        if (include->reverse && include->param)
            advise(&a, include->param);
    }
    return a.error ? "" : fhir_buf_cstr(a.text);
}

/* "Observation?code&date": names without values. */
static const char *shape_of(const fhir_call_t *call, const fhir_query_t *query)
{
    fhir_buf_t *b = fhir_buf_create(call->pool, SHAPE_MAX);
    fhir_buf_puts(b, fhir_model_str(call->stored, query->type->name));
    for (int i = 0; i < query->applied.n && b->len < SHAPE_MAX / 2; i++)
        fhir_buf_printf(b, "%c%.200s", i ? '&' : '?', query->applied.list[i].name);
    return fhir_buf_cstr(b);
}

/* Notes a search for fhirctl index advise. If that is not possible, as on a standby, it is not an
 * error. */
static void note(const fhir_call_t *call, const fhir_query_t *query, const char *column,
                 const char *command)
{
    fhir_value_t values[] = {fhir_value_text(shape_of(call, query)), fhir_value_text(command)};
    const char *table =
        apr_psprintf(call->pool, "\"%s\".fhir_search_advice", call->endpoint->tenant);
    fhir_stmt_t stmt = {
        .sql = apr_psprintf(
            call->pool,
            "INSERT INTO %s AS a (shape, %s, command) SELECT $1, 1, $2 WHERE (SELECT count(*) "
            "FROM %s) < " SHAPES_MAX " OR EXISTS (SELECT FROM %s WHERE shape = $1) "
            "ON CONFLICT (shape) DO UPDATE SET %s = a.%s + 1, last_seen = now(), "
            "command = CASE WHEN $2 = '' THEN a.command ELSE $2 END",
            table, column, table, table, column, column),
        .n_values = 2,
        .flags = FHIR_STMT_ONCE | FHIR_STMT_WRITE};
    if (!call->tx && call->request->store)
        fhir_call_ask(call, &stmt, values, NULL, NULL);
}

/* Adds advice to an error. what: what went wrong. */
static fhir_err_t *advised(const fhir_sql_t *sql, const fhir_query_t *query,
                           const apr_array_header_t *includes, fhir_err_t *err, const char *what)
{
    const fhir_call_t *call = sql->call;
    /* after an error, a transaction accepts no further statement */
    const char *indexes =
        call->tx && err->code == FHIR_ERR_TIMEOUT ? "" : missing_indexes(call, query, includes);
    if (query)
        note(call, query, "refused", indexes);
    err->message =
        apr_psprintf(call->pool, "%s; %s%s%s", what,
                     query ? "add a patient, or further parameters such as a code and a date"
                           : "use fewer _include and _revinclude, or a smaller _count",
                     *indexes ? ". The server's administrator can make it cheaper: " : "", indexes);
    return err;
}

/* ---- the limit ---- */

/* The key of a statement: its text and the number of its values, since the same text may have one
 * value or hundreds. */
static apr_uint64_t key_of(const fhir_sql_t *sql, const char *text, int cost_max)
{
    apr_uint64_t hash = APR_UINT64_C(14695981039346656037) ^ (apr_uint64_t)cost_max;
    for (apr_size_t bytes = sql->bytes; bytes > 256; bytes /= 4)
        hash++;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * APR_UINT64_C(1099511628211);
    return hash;
}

/* A cheaper statement is not counted: this is its part of the limit, as a request may have many of
 * them. */
#define DEAR 0.01

/* What is remembered of a statement's cost: 0 if it is not DEAR, or by how many half powers of two
 * it is above that, rounded up. */
#define HALVES_MAX 15

/* The cost that is remembered, 0 if it is not DEAR, or -1. */
static double recall_cost(fhir_store_t *store, apr_uint64_t key, int max)
{
    const int halves = store ? fhir_store_recall(store, key) : -1;
    return halves > 0 ? max * DEAR * exp2(halves / 2.0) : halves;
}

static void remember_cost(fhir_store_t *store, apr_uint64_t key, int max, double cost)
{
    unsigned char halves = 0;
    while (halves < HALVES_MAX && cost > max * DEAR * (halves ? exp2(halves / 2.0) : 1))
        halves++;
    if (store && halves < HALVES_MAX)
        fhir_store_remember(store, key, halves);
}

static fhir_err_t *too_dear(fhir_sql_t *sql, const fhir_query_t *query,
                            const apr_array_header_t *includes, double cost, double before)
{
    const fhir_call_t *call = sql->call;
    int max = call->endpoint->search.cost_max;
    const char *what = "This search would read too much of the database";
    if (cost <= max)
        what = "This request would read too much of the database: this search, and what it has "
               "asked for before";
    if (call->grant->all) /* the size of the data must not be shown to everybody */
        what = apr_psprintf(call->pool, "%s (its cost would be %.0f, the limit is %d)", what,
                            ceil(cost + before), max);
    return advised(sql, query, includes, fhir_err_create(call->pool, FHIR_ERR_LIMIT, "-"), what);
}

static fhir_err_t *check(fhir_sql_t *sql, const fhir_stmt_t *stmt, const fhir_query_t *query,
                         const apr_array_header_t *includes)
{
    const fhir_call_t *call = sql->call;
    fhir_store_t *store = call->request->store;
    fhir_effort_t *effort = call->request->patience ? call->request->patience->effort : NULL;
    double before = effort ? effort->cost : 0;
    int max = call->endpoint->search.cost_max;
    if (!max)
        return NULL;
    apr_uint64_t key = key_of(sql, stmt->sql, max);
    estimate_t estimate = {.cost = recall_cost(store, key, max)};
    if (estimate.cost < 0 || (estimate.cost > 0 && estimate.cost + before > max)) {
        FHIR_TRY(ask_planner(&estimate, sql, stmt));
        if (estimate.cost + before > max && estimate.cost > max * DEAR)
            return too_dear(sql, query, includes, estimate.cost, before);
        remember_cost(store, key, max, estimate.cost);
    }
    if (estimate.cost > max * DEAR && effort)
        effort->cost += estimate.cost;
    return NULL;
}

fhir_err_t *fhir_cost_run(fhir_sql_t *sql, const fhir_stmt_t *stmt, const fhir_query_t *query,
                          const apr_array_header_t *includes, fhir_row_fn row_fn, void *baton)
{
    fhir_err_t *err = check(sql, stmt, query, includes);
    apr_time_t start = apr_time_now();
    if (!err)
        err = fhir_call_run(sql->call, stmt, fhir_sql_values(sql), row_fn, baton, NULL);
    if (!err && query && apr_time_now() - start > SLOW)
        note(sql->call, query, "slow", missing_indexes(sql->call, query, includes));
    return err && err->code == FHIR_ERR_TIMEOUT
               ? advised(sql, query, includes, err,
                         "The search took longer than this server allows, and was cancelled")
               : err;
}
