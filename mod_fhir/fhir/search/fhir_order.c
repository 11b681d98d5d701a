/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of a search's matches: _sort, or what an index gives for nothing. Of several values the
 * one counts that comes first in the order's direction; resources without a value come last.
 * Source: http://hl7.org/fhir/R4/search.html#sort
 */
#include <apr_strings.h>

#include "fhir/search/fhir_predicate.h"
#include "fhir/search/fhir_search.h"

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

static fhir_err_t *unsortable(const fhir_call_t *call, const fhir_param_t *param)
{
    return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                           "_sort cannot go by %s: composite and special parameters have no order",
                           fhir_model_str(call->model, param->name));
}

static fhir_err_t *key_expr(const char **expr, const char **cast, const fhir_sql_t *sql,
                            const char *alias, const fhir_param_t *param, int descending);

/* A union: the first or last of its parts' values; NULLs do not count. */
static fhir_err_t *union_expr(const char **expr, const char **cast, const fhir_sql_t *sql,
                              const char *alias, const fhir_param_t *param, int descending)
{
    const fhir_model_t *m = sql->call->model;
    const char *all = descending ? "greatest(" : "least(";
    for (int i = 0; i < param->n_components; i++) {
        const fhir_param_t *part = &m->params[m->components[param->first_component + i]];
        const char *one;
        FHIR_TRY(key_expr(&one, cast, sql, alias, part, descending));
        all = apr_pstrcat(sql->call->pool, all, i ? ", " : "", one, NULL);
    }
    *expr = apr_pstrcat(sql->call->pool, all, ")", NULL);
    return NULL;
}

/* The column; of URIs in short forms what they stand for. */
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

static fhir_err_t *key_expr(const char **expr, const char **cast, const fhir_sql_t *sql,
                            const char *alias, const fhir_param_t *param, int descending)
{
    apr_pool_t *pool = sql->call->pool;
    const char *suffix, *around;
    if (param->flags & FHIR_PARAM_UNION && param->kind != FHIR_PARAM_COMPOSITE)
        return union_expr(expr, cast, sql, alias, param, descending);
    if (param->column_kind >= sizeof(forms) / sizeof(*forms) || !forms[param->column_kind].cast)
        return unsortable(sql->call, param);
    suffix =
        descending ? forms[param->column_kind].column_down : forms[param->column_kind].column_up;
    around = descending ? forms[param->column_kind].down : forms[param->column_kind].up;
    *cast = forms[param->column_kind].cast;
    *expr = apr_psprintf(pool, around, values_of(sql, alias, param, suffix));
    return NULL;
}

static void add_key(fhir_order_t *order, const char *expr, const char *cast, int descending,
                    int nullable)
{
    order->key[order->n++] = (fhir_order_key_t){expr, cast, descending, nullable};
}

static const char *fixed(const fhir_sql_t *sql, const char *alias, const char *column)
{
    return apr_pstrcat(sql->call->pool, alias, ".", column, NULL);
}

/* One patient's rows, newest first, are what the index on (patient, patient_date) holds. */
static int is_main_date(const fhir_call_t *call, const fhir_query_t *query,
                        const fhir_qsort_t *sort)
{
    return sort->descending && query->type->patient_date &&
           call->model->params[query->type->patient_date].column == sort->param->column;
}

static fhir_err_t *sort_key(fhir_order_t *order, const fhir_sql_t *sql, const fhir_query_t *query,
                            const char *alias, const fhir_qsort_t *sort)
{
    const char *expr, *cast;
    if (sort->param->column_kind == FHIR_COL_ID) {
        add_key(order, fixed(sql, alias, "id"), "text", sort->descending, 0);
        return NULL;
    }
    if (sort->param->column_kind == FHIR_COL_UPDATED) {
        add_key(order, fixed(sql, alias, "last_updated"), "timestamptz", sort->descending, 0);
        return NULL;
    }
    if (order->scoped && !query->place && is_main_date(sql->call, query, sort)) {
        add_key(order, fixed(sql, alias, "patient_date"), "timestamptz", 1, 0);
        return NULL;
    }
    FHIR_TRY(key_expr(&expr, &cast, sql, alias, sort->param, sort->descending));
    add_key(order, expr, cast, sort->descending, 1);
    return NULL;
}

fhir_err_t *fhir_search_order(fhir_order_t *order, fhir_sql_t *sql, const fhir_query_t *query,
                              const char *alias)
{
    int down;
    memset(order, 0, sizeof(*order));
    order->scoped = fhir_search_scoped(sql->call, query);
    for (int i = 0; i < query->sort->nelts; i++)
        FHIR_TRY(sort_key(order, sql, query, alias, &APR_ARRAY_IDX(query->sort, i, fhir_qsort_t)));
    if (!order->n && order->scoped)
        add_key(order, fixed(sql, alias, "patient_date"), "timestamptz", 1, 0);
    /* the id makes the order total, of several types the type and the id; they run the way of the
     * last key, so that one index serves all */
    down = order->n && order->key[order->n - 1].descending;
    if (query->place && query->sort->nelts)
        add_key(order, apr_psprintf(sql->call->pool, "'%s'::text COLLATE \"C\"", query->place),
                "text", down, 0);
    add_key(order, fixed(sql, alias, query->containers ? "ref" : "id"), "text", down, 0);
    return NULL;
}
