/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statement of a search: which rows, in which order, from where on. Paging is by keyset: the
 * rows after the cursor's key are a range of the index of the order, however deep the page is.
 */
#include "fhir/search/fhir_search_sql.h"

#include <apr_strings.h>

#include "fhir/search/fhir_window.h"

/* Keys that have the same direction and are never NULL: an index supports one comparison of
 * rows. */
static int is_uniform(const fhir_order_t *order)
{
    for (int i = 0; i < order->n; i++)
        if (order->key[i].nullable || order->key[i].descending != order->key[0].descending)
            return 0;
    return 1;
}

static void compare_rows(fhir_sql_t *sql, const fhir_order_t *order, const fhir_cursor_t *cursor)
{
    for (int i = 0; i < order->n; i++)
        fhir_buf_printf(sql->text, "%s%s", i ? ", " : " AND (", order->key[i].expr);
    fhir_buf_puts(sql->text, !order->key[0].descending != !cursor->backward ? ") < (" : ") > (");
    for (int i = 0; i < order->n; i++) {
        fhir_buf_puts(sql->text, i ? ", " : "");
        fhir_sql_bind(sql, cursor->field[i], order->key[i].cast);
    }
    fhir_buf_putc(sql->text, ')');
}

/* The condition that expr comes after the field in the paging direction; NULL comes after all
 * others. */
static void strictly_behind(fhir_sql_t *sql, const fhir_order_key_t *key, const char *field,
                            int backward)
{
    if (!field) {
        fhir_buf_printf(sql->text, backward ? "%s IS NOT NULL" : "FALSE", key->expr);
        return;
    }
    fhir_buf_printf(sql->text, "(%s %c ", key->expr, !key->descending != !backward ? '<' : '>');
    fhir_sql_bind(sql, field, key->cast);
    if (key->nullable && !backward)
        fhir_buf_printf(sql->text, " OR %s IS NULL", key->expr);
    fhir_buf_putc(sql->text, ')');
}

static void compare_keys(fhir_sql_t *sql, const fhir_order_t *order, const fhir_cursor_t *cursor)
{
    fhir_buf_puts(sql->text, " AND ");
    for (int i = 0; i < order->n; i++) {
        const fhir_order_key_t *key = &order->key[i];
        fhir_buf_putc(sql->text, '(');
        strictly_behind(sql, key, cursor->field[i], cursor->backward);
        if (i + 1 == order->n)
            break;
        if (cursor->field[i]) {
            fhir_buf_printf(sql->text, " OR (%s = ", key->expr);
            fhir_sql_bind(sql, cursor->field[i], key->cast);
        }
        else {
            fhir_buf_printf(sql->text, " OR (%s IS NULL", key->expr);
        }
        fhir_buf_puts(sql->text, " AND ");
    }
    for (int i = 0; i < 2 * order->n - 1; i++)
        fhir_buf_putc(sql->text, ')');
}

static void from(fhir_sql_t *sql, const fhir_query_t *query)
{
    sql->scoped = fhir_query_of_one_patient(query, sql->call);
    if (query->containers)
        fhir_search_from_contained(sql, query);
    else
        fhir_sql_from(sql, query);
}

/* The search of one patient's rows of a type is planned once for all patients; other plans depend
 * on their values. Rows may be as large as bodies, so only a few are fetched at once. Such a
 * statement can be sent again when its connection is lost. */
static unsigned plan_flags(const fhir_order_t *order, int of_many, int limit)
{
    return (order->scoped && !of_many ? 0 : FHIR_STMT_ONCE) | (limit > 11 ? FHIR_STMT_STREAM : 0);
}

/* named: with the column names that the statement around it uses, and the keys unconverted. */
static void select_columns(fhir_sql_t *sql, const fhir_query_t *query, const fhir_order_t *order,
                           int named)
{
    fhir_buf_puts(sql->text, !query->containers       ? "SELECT t.id, t.resource"
                             : query->contained_alone ? "SELECT t.ref AS id, t.resource"
                                                      : "SELECT t.ref AS id, m.resource");
    for (int i = 0; i + 1 < order->n; i++)
        fhir_buf_printf(sql->text, ", (%s)::text%s", order->key[i].expr,
                        named ? apr_psprintf(sql->call->pool, " AS t%d", i) : "");
    for (int i = 0; named && i < order->n; i++)
        fhir_buf_printf(sql->text, ", %s AS k%d", order->key[i].expr, i);
    for (int i = 0; query->carried && i < query->carried->nelts; i++) {
        fhir_buf_puts(sql->text, ", ");
        fhir_sql_column(sql, "t", APR_ARRAY_IDX(query->carried, i, const fhir_param_t *), "");
        if (named)
            fhir_buf_printf(sql->text, " AS r%d", i);
    }
}

/* The columns of a response, selected from the named ones. */
static void select_named(fhir_sql_t *sql, const fhir_query_t *query, const fhir_order_t *order,
                         const char *more)
{
    fhir_buf_puts(sql->text, "SELECT q.id, q.resource");
    for (int i = 0; i + 1 < order->n; i++)
        fhir_buf_printf(sql->text, ", q.t%d", i);
    fhir_buf_puts(sql->text, more);
    for (int i = 0; query->carried && i < query->carried->nelts; i++)
        fhir_buf_printf(sql->text, ", q.r%d", i);
    fhir_buf_puts(sql->text, " FROM (");
}

static void order_by_named(fhir_sql_t *sql, const fhir_order_t *order, int backward)
{
    fhir_order_t named = *order;
    fhir_buf_puts(sql->text, ") q");
    for (int i = 0; i < order->n; i++)
        named.key[i].expr = apr_psprintf(sql->call->pool, "q.k%d", i);
    fhir_order_put(sql, " ORDER BY ", &named, backward);
}

/* Of the rows of an index in its order, a plan for all values has to know how few are read. */
static void limit_to(fhir_sql_t *sql, int limit, int by_time)
{
    fhir_buf_puts(sql->text, " LIMIT ");
    if (by_time)
        fhir_buf_printf(sql->text, "%d", limit);
    else
        fhir_sql_bind_int(sql, limit, "bigint");
}

/* The rows after the cursor in its direction; a cursor without a key is at the very end. */
static void beyond(fhir_sql_t *sql, const fhir_order_t *order, const fhir_cursor_t *cursor)
{
    if (!cursor || !cursor->n)
        return;
    if (is_uniform(order))
        compare_rows(sql, order, cursor);
    else
        compare_keys(sql, order, cursor);
}

/* The page of one query, or its part of a page. */
static void select_page(fhir_sql_t *sql, const fhir_order_t *order, const fhir_query_t *query,
                        const fhir_cursor_t *cursor, int limit, int named)
{
    select_columns(sql, query, order, named);
    sql->windowed = query->placed && query->window.width;
    sql->swept = sql->windowed && query->window.is_swept;
    sql->hides = fhir_window_hides(query, sql->call);
    sql->veils = sql->windowed && !sql->swept && fhir_window_is_plain(query, sql->call);
    sql->timed = query->by_time ? query->timed : NULL;
    from(sql, query);
    fhir_window_put(sql, query);
    beyond(sql, order, cursor);
    fhir_order_put(sql, " ORDER BY ", order, cursor && cursor->backward);
    limit_to(sql, limit, query->by_time);
}

/* The pages of all queries; the result is their first rows in the common order. */
static void merge_pages(fhir_sql_t *sql, const fhir_order_t *order, fhir_query_t *const *queries,
                        int n, const fhir_cursor_t *cursor, int limit)
{
    int backward = cursor && cursor->backward;
    if (backward)
        fhir_buf_puts(sql->text, "SELECT * FROM (");
    else
        select_named(sql, queries[0], order, "");
    for (int i = 0; i < n; i++) {
        fhir_order_t own;
        fhir_order_make(&own, sql, queries[i], "t");
        fhir_buf_puts(sql->text, i ? " UNION ALL (" : "(");
        select_page(sql, &own, queries[i], cursor, limit, 1);
        fhir_buf_putc(sql->text, ')');
    }
    order_by_named(sql, order, backward);
    limit_to(sql, limit, 0);
}

fhir_err_t *fhir_search_sql_page(fhir_stmt_t *stmt, fhir_sql_t *sql, fhir_order_t *order,
                                 fhir_query_t *const *queries, int n, const fhir_cursor_t *cursor,
                                 int limit)
{
    int backward = cursor && cursor->backward;
    fhir_order_make(order, sql, queries[0], "t");
    if (backward) /* the rows before the cursor come in reverse order, and are turned round */
        select_named(sql, queries[0], order, ", count(*) OVER ()");
    if (n > 1)
        merge_pages(sql, order, queries, n, cursor, limit);
    else
        select_page(sql, order, queries[0], cursor, limit, backward);
    if (backward)
        order_by_named(sql, order, 0);
    return fhir_sql_stmt(
        stmt, sql,
        plan_flags(order, n > 1 && !queries[1]->by_date, limit) &
            (n == 1 && (queries[0]->by_time || fhir_window_is_plain(queries[0], sql->call))
                 ? ~FHIR_STMT_ONCE
                 : ~0u));
}

fhir_err_t *fhir_search_sql_count(fhir_stmt_t *stmt, fhir_sql_t *sql, const fhir_query_t *query)
{
    fhir_buf_puts(sql->text, "SELECT count(*)");
    from(sql, query);
    return fhir_sql_stmt(stmt, sql,
                         fhir_query_of_one_patient(query, sql->call) ? 0 : FHIR_STMT_ONCE);
}

fhir_err_t *fhir_search_sql_count_behind(fhir_stmt_t *stmt, fhir_sql_t *sql,
                                         const fhir_query_t *query, const fhir_cursor_t *cursor,
                                         int limit)
{
    fhir_order_t order;
    fhir_order_make(&order, sql, query, "t");
    fhir_buf_puts(sql->text, "SELECT count(*) FROM (SELECT");
    from(sql, query);
    beyond(sql, &order, cursor);
    fhir_buf_puts(sql->text, " LIMIT ");
    fhir_sql_bind_int(sql, limit, "bigint");
    fhir_buf_puts(sql->text, ") q");
    return fhir_sql_stmt(stmt, sql, plan_flags(&order, 0, 0));
}

fhir_err_t *fhir_search_sql_estimate(fhir_stmt_t *stmt, fhir_sql_t *sql, const fhir_query_t *query)
{
    fhir_buf_puts(sql->text, "SELECT");
    sql->estimate = 1;
    from(sql, query);
    return fhir_sql_stmt(stmt, sql, FHIR_STMT_ONCE);
}
