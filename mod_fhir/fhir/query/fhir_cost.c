/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements that would read too much: PostgreSQL's planner is asked what one will cost, and what
 * is over the endpoint's limit is refused with the index that is missing. The planner knows how
 * large the tables are and which indexes there are, so small tables are read whole without a word.
 *
 * A text that was cheap is not asked about again for some minutes: tables grow slowly. One that is
 * dear is asked about each time: what all of a request cost is held against the limit, and where
 * one was refused, a new index counts at once. Where the planner is wrong, the
 * statement timeout is the second wall.
 */
#include "fhir/query/fhir_cost.h"

#include <apr_strings.h>
#include <math.h>
#include <stdlib.h>

#include "core/fhir_decimal.h"
#include "fhir/query/fhir_grant.h"

/* What is noted: searches that take longer, bytes of a shape, shapes. */
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

fhir_err_t *fhir_cost_rows(apr_int64_t *rows, fhir_sql_t *sql, const fhir_stmt_t *stmt)
{
    estimate_t estimate;
    FHIR_TRY(ask_planner(&estimate, sql, stmt));
    *rows = (apr_int64_t)estimate.rows;
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

/* Columns that are the first of a valid index; "*" where the set practice has one for each. */
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

/* What fhirctl index can make an index of that searches use. */
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
        return 1; /* the column patient stands for it */
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
        return; /* what is left of a table when something is taken away is most of it */
    if (node->param && node->modifier != FHIR_MODIFIER_MISSING &&
        node->modifier != FHIR_MODIFIER_TEXT && node->modifier != FHIR_MODIFIER_EXACT)
        advise(a, node->param);
    for (const fhir_qnode_t *n = node->child; n; n = n->next)
        advise_node(a, n);
}

/* An index of dates holds the newest first: with it the first matches are found without looking for
 * the others. */
static void advise_sort(advice_t *a, const fhir_query_t *query)
{
    const fhir_qsort_t *first = (const fhir_qsort_t *)query->sort->elts;
    if (query->sort->nelts && first->descending && first->param->column_kind == FHIR_COL_DATE)
        advise(a, first->param);
}

/* "fhirctl index add …", or "" where no index would help. */
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

/* "Observation?code&date": no values. */
static const char *shape_of(const fhir_call_t *call, const fhir_query_t *query)
{
    fhir_buf_t *b = fhir_buf_create(call->pool, SHAPE_MAX);
    fhir_buf_puts(b, fhir_model_str(call->stored, query->type->name));
    for (int i = 0; i < query->applied.n && b->len < SHAPE_MAX / 2; i++)
        fhir_buf_printf(b, "%c%.200s", i ? '&' : '?', query->applied.list[i].name);
    return fhir_buf_cstr(b);
}

/* Notes a search for fhirctl index advise. That it cannot be noted, as on a standby, is no fault.
 */
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

/* Gives an error the words that help. what: how it went wrong. */
static fhir_err_t *advised(const fhir_sql_t *sql, const fhir_query_t *query,
                           const apr_array_header_t *includes, fhir_err_t *err, const char *what)
{
    const fhir_call_t *call = sql->call;
    /* a transaction that failed takes no further statement */
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

/* Of a text, and of how much is bound to it: the same text may have a value or hundreds. */
static apr_uint64_t key_of(const fhir_sql_t *sql, const char *text, int cost_max)
{
    apr_uint64_t hash = APR_UINT64_C(14695981039346656037) ^ (apr_uint64_t)cost_max;
    for (apr_size_t bytes = sql->bytes; bytes > 256; bytes /= 4)
        hash++;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * APR_UINT64_C(1099511628211);
    return hash;
}

/* Part of the limit above which a statement's cost is counted: a request may have many of them. */
#define DEAR 0.01

static fhir_err_t *too_dear(fhir_sql_t *sql, const fhir_query_t *query,
                            const apr_array_header_t *includes, double cost, double before)
{
    const fhir_call_t *call = sql->call;
    int max = call->endpoint->search.cost_max;
    const char *what = "This search would read too much of the database";
    if (cost <= max)
        what = "This request would read too much of the database: this search, and what it has "
               "asked for before";
    if (call->grant->all) /* the size of the data is not everybody's business */
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
    if (store && fhir_store_recall(store, key))
        return NULL;
    estimate_t estimate;
    FHIR_TRY(ask_planner(&estimate, sql, stmt));
    if (estimate.cost + before > max && estimate.cost > max * DEAR)
        return too_dear(sql, query, includes, estimate.cost, before);
    if (estimate.cost <= max * DEAR) {
        if (store)
            fhir_store_remember(store, key);
    }
    else if (effort)
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
