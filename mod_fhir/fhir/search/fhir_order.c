/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of a search's matches: _sort, or the order of an index. Among several values, the one
 * that is first in the direction of the order counts. Resources without a value come last.
 * Source: http://hl7.org/fhir/R4/search.html#sort
 */
#include "fhir/search/fhir_order.h"

#include <apr_strings.h>

#include "fhir/query/fhir_predicate.h"
#include "fhir/search/fhir_window.h"

/* How a column becomes a sort key. */
#define PICK(what, from) "(SELECT " what "(v) FROM unnest(" from ") v)"
#define LINES(what)                                                                                \
    "(SELECT " what "(v COLLATE \"C\") FROM unnest(string_to_array(btrim(%s, E'\\n'), E'\\n')) v)"
static const struct {
    const char *column_up, *column_down; /* suffix of the column */
    const char *up, *down;               /* SQL around it */
    const char *cast;
} forms[] = {
    [FHIR_COL_CODE] = {"", "", "%s", "%s", "text"},
    [FHIR_COL_TOKENS] = {"", "", "(SELECT min(v) FROM unnest(%s) v WHERE strpos(v, '|') = 0)",
                         "(SELECT max(v) FROM unnest(%s) v WHERE strpos(v, '|') = 0)", "text"},
    [FHIR_COL_REFERENCE] = {"", "", "%s", "%s", "text"},
    [FHIR_COL_REFERENCES] = {"", "", PICK("min", "%s"), PICK("max", "%s"), "text"},
    [FHIR_COL_DATE] = {"_low", "_low", "%s", "%s", "timestamptz"},
    [FHIR_COL_DATES] = {"_low", "_low", PICK("min", "%s"), PICK("max", "%s"), "timestamptz"},
    [FHIR_COL_NUMBER] = {"_low", "_high", "%s", "%s", "numeric"},
    [FHIR_COL_NUMBERS] = {"_low", "_high", PICK("min", "%s"), PICK("max", "%s"), "numeric"},
    [FHIR_COL_QUANTITY] = {"_low", "_high", "%s", "%s", "numeric"},
    [FHIR_COL_QUANTITIES] = {"_low", "_high", PICK("min", "%s"), PICK("max", "%s"), "numeric"},
    [FHIR_COL_STRING] = {"", "", LINES("min"), LINES("max"), "text"},
    [FHIR_COL_URI] = {"", "", "%s", "%s", "text"},
    [FHIR_COL_URIS] = {"", "", PICK("min", "%s"), PICK("max", "%s"), "text"},
};

static const char *key_expr(const char **cast, const fhir_sql_t *sql, const char *alias,
                            const fhir_param_t *param, int descending);

/* A union: the first or last value of its parts; NULLs are ignored. */
static const char *union_expr(const char **cast, const fhir_sql_t *sql, const char *alias,
                              const fhir_param_t *param, int descending)
{
    const fhir_model_t *m = sql->call->stored;
    const char *all = descending ? "greatest(" : "least(";
    for (int i = 0; i < param->n_components; i++) {
        const fhir_param_t *part = &m->params[m->components[param->first_component + i]];
        all = apr_pstrcat(sql->call->pool, all, i ? ", " : "",
                          key_expr(cast, sql, alias, part, descending), NULL);
    }
    return apr_pstrcat(sql->call->pool, all, ")", NULL);
}

/* The column; short forms of URIs are expanded. */
static const char *values_of(const fhir_sql_t *sql, const char *alias, const fhir_param_t *param,
                             const char *suffix)
{
    const char *column = fhir_predicate_column(sql, alias, param, suffix);
    if (param->column_kind != FHIR_COL_URIS)
        return column;
    return apr_psprintf(sql->call->pool,
                        "ARRAY(SELECT \"%s\".fhir_full(u) COLLATE \"C\" FROM unnest(%s) u)",
                        sql->call->endpoint->tenant, column);
}

/* Parameters that cannot be sorted by were refused by the parser. */
static const char *key_expr(const char **cast, const fhir_sql_t *sql, const char *alias,
                            const fhir_param_t *param, int descending)
{
    if (param->flags & FHIR_PARAM_UNION)
        return union_expr(cast, sql, alias, param, descending);
    *cast = forms[param->column_kind].cast;
    return apr_psprintf(sql->call->pool,
                        descending ? forms[param->column_kind].down : forms[param->column_kind].up,
                        values_of(sql, alias, param,
                                  descending ? forms[param->column_kind].column_down
                                             : forms[param->column_kind].column_up));
}

static void add_key(fhir_order_t *order, const char *expr, const char *cast, int descending,
                    int nullable)
{
    order->key[order->n++] = (fhir_order_key_t){expr, cast, descending, nullable, 0};
}

static const char *fixed(const fhir_sql_t *sql, const char *alias, const char *column)
{
    return apr_pstrcat(sql->call->pool, alias, ".", column, NULL);
}

/* The rows of one patient, newest first, are in the index on (patient, patient_date). */
static int is_main_date(const fhir_call_t *call, const fhir_query_t *query,
                        const fhir_qsort_t *sort)
{
    return sort->descending && query->type->patient_date &&
           call->stored->params[query->type->patient_date].column == sort->param->column;
}

static void sort_key(fhir_order_t *order, const fhir_sql_t *sql, const fhir_query_t *query,
                     const char *alias, const fhir_qsort_t *sort)
{
    if (sort->param->column_kind == FHIR_COL_ID) {
        add_key(order, fixed(sql, alias, "id"), "text", sort->descending, 0);
    }
    else if (sort->param->column_kind == FHIR_COL_UPDATED) {
        add_key(order, fixed(sql, alias, "last_updated"), "timestamptz", sort->descending, 0);
    }
    else if (order->scoped && !query->place && is_main_date(sql->call, query, sort)) {
        add_key(order, fixed(sql, alias, "patient_date"), "timestamptz", 1, 0);
    }
    else {
        const char *cast;
        const char *expr = key_expr(&cast, sql, alias, sort->param, sort->descending);
        add_key(order, expr, cast, sort->descending, 1);
    }
}

/* The key of the date that is searched, in the order of its index. */
static void time_key(fhir_order_t *order, const fhir_sql_t *sql, const fhir_query_t *query,
                     const char *alias)
{
    static const struct {
        const char *suffix;
        int descending, last;
    } keys[] = {
        [FHIR_BY_TIME_NEWEST] = {"_low", 1, 1},
        [FHIR_BY_TIME_ENDED] = {"_high", 1, 0},
        [FHIR_BY_TIME_NEXT] = {"_high", 0, 1},
    };
    const fhir_param_t *date = query->timed->param;
    add_key(order, fhir_predicate_column(sql, alias, date, keys[query->by_time].suffix),
            "timestamptz", keys[query->by_time].descending, 0);
    order->key[0].last = keys[query->by_time].last;
}

/* Patient/1/Observation has the order of Observation?patient=1. */
static int in_compartment(const fhir_call_t *call, const fhir_query_t *query)
{
    const fhir_type_t *patient = fhir_model_resource(call->stored, "Patient", 7);
    for (const fhir_qnode_t *n = query->where->child; n && query->type->patient; n = n->next)
        if (n->kind == FHIR_Q_COMPARTMENT && n->target == patient)
            return !query->containers;
    return 0;
}

void fhir_order_make(fhir_order_t *order, fhir_sql_t *sql, const fhir_query_t *query,
                     const char *alias)
{
    memset(order, 0, sizeof(*order));
    order->scoped = fhir_query_of_one_patient(query, sql->call);
    for (int i = 0; i < query->sort->nelts; i++)
        sort_key(order, sql, query, alias, &APR_ARRAY_IDX(query->sort, i, fhir_qsort_t));
    if (!order->n && (order->scoped || in_compartment(sql->call, query)))
        add_key(order, fixed(sql, alias, "patient_date"), "timestamptz", 1, 0);
    if (!order->n && query->by_time)
        time_key(order, sql, query, alias);
    if (!order->n && query->placed)
        add_key(order, apr_psprintf(sql->call->pool, FHIR_WINDOW_PLACE, alias), "integer", 0, 0);
    /* The id makes the order total; with several types, the type and the id. They have the
     * direction of the last key, so that one index serves all. */
    int down = order->n && order->key[order->n - 1].descending;
    if (query->place && query->sort->nelts)
        add_key(order, apr_psprintf(sql->call->pool, "'%s'::text COLLATE \"C\"", query->place),
                "text", down, 0);
    add_key(order, fixed(sql, alias, query->containers ? "ref" : "id"), "text", down, 0);
}

static int same_keys(const fhir_order_t *a, const fhir_order_t *b)
{
    for (int i = 0; i < a->n; i++)
        if (strcmp(a->key[i].cast, b->key[i].cast))
            return 0;
    return a->n == b->n;
}

fhir_err_t *fhir_order_common(fhir_query_t *const *queries, int n, const fhir_call_t *call)
{
    fhir_order_t first;
    fhir_order_make(&first, fhir_sql_create(call), queries[0], "t");
    fhir_order_t other;
    for (int i = 1; i < n; i++) {
        fhir_order_make(&other, fhir_sql_create(call), queries[i], "t");
        if (!same_keys(&first, &other))
            return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                                   "_sort: the searched resource types have different kinds of "
                                   "values for this parameter; use _lastUpdated or _id");
    }
    return NULL;
}

fhir_err_t *fhir_order_fits(const fhir_query_t *query, const fhir_cursor_t *cursor,
                            const fhir_call_t *call)
{
    fhir_order_t order;
    fhir_order_make(&order, fhir_sql_create(call), query, "t");
    return cursor->n == order.n
               ? NULL
               : fhir_err_create(
                     call->pool, FHIR_ERR_CURSOR,
                     "This page link is of another version of the server; repeat the search");
}

void fhir_order_put(fhir_sql_t *sql, const char *first, const fhir_order_t *order, int backward)
{
    for (int i = 0; i < order->n; i++) {
        const fhir_order_key_t *key = &order->key[i];
        int descending = !key->descending != !backward;
        fhir_buf_printf(sql->text, "%s%s%s", i ? ", " : first, key->expr,
                        descending ? " DESC" : "");
        if (key->nullable || key->last)
            fhir_buf_puts(sql->text, backward ? " NULLS FIRST" : " NULLS LAST");
    }
}

void fhir_order_put_sort(fhir_sql_t *sql, const fhir_query_t *query, const char *alias)
{
    fhir_order_t order;
    fhir_order_make(&order, sql, query, alias);
    order.n = query->sort->nelts;
    fhir_order_put(sql, ", ", &order, 0);
}
