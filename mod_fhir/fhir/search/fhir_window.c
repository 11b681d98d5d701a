/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows: fhir_window.h explains them. The index has two terms for the place of a row: the place,
 * and the number of its group of 32. Their expressions are those of tools/fhirgen/indexes.py.
 */
#include "fhir/search/fhir_window.h"

#include <apr_strings.h>
#include <math.h>
#include <stdlib.h>

#include "fhir/query/fhir_cost.h"
#include "fhir/query/fhir_grant.h"
#include "fhir/query/fhir_predicate.h"

#define PLACE_MIN       (-4096)
#define PLACE_END       4096
#define COARSE          32 /* places */
#define COARSE_MARK     1073741824
/* The most places of a window, a sixteenth of all; a quarter if a condition is found by terms of
 * numbers, because these find rows of its neighbours, too, several for each match: a part of them
 * is read sooner than all. If none of the other conditions is in the index of the places, so that
 * it finds all rows of the window, it has fewer. */
#define WIDTH_MAX       512
#define WIDTH_MAX_KEYED 2048
#define WIDTH_MAX_ALONE 64

/* A window is swept if it has at most so many rows for each row of the page, and at most so many
 * places: to read all its rows then costs less than to intersect the lists of an index. */
#define SWEPT_ROWS  32
#define SWEPT_WIDTH 2048
/* Of terms alone, n rows cost as much to read as the list of the term, if n = SWEPT_LEAST + the
 * square root of SWEPT_ENTRY * rows of the page * rows of the table: the list is the longer the
 * fewer rows have to be read. Measured: 2.5 us a row, 8 ns an entry. */
#define SWEPT_LEAST 20
#define SWEPT_ENTRY 0.0032

/* When fewer matches are expected than this, they are all found by another index and sorted, which
 * is faster than a window. */
#define FEW_MATCHES 2000

/* Fewer matches of a _has than the root of this number times the rows of the table are collected.
 */
#define HAS_ROWS 80

/* The smallest table, in bytes, that is searched by windows; in a smaller one the order is that of
 * the id. */
#define SIZE_MIN "4000000"

/* ---- memory ---- */

static apr_uint64_t hash_bytes(apr_uint64_t hash, const char *bytes, apr_size_t len)
{
    for (apr_size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * APR_UINT64_C(1099511628211);
    return hash;
}

/* The key of something that is known of a type or of a query. */
static apr_uint64_t key_of(const fhir_call_t *call, const char *what, apr_size_t len,
                           const fhir_type_t *type)
{
    const char *table = fhir_call_table(call, type, "");
    apr_uint64_t hash = hash_bytes(APR_UINT64_C(14695981039346656037), what, len);
    return hash_bytes(hash, table, strlen(table));
}

static fhir_err_t *on_rows(void *baton, const fhir_row_t *row)
{
    *(unsigned *)baton = (unsigned)atoi(fhir_row_text(row, 0));
    return NULL;
}

/* The approximate number of rows of the table, or 0 if it is not searched by windows. What is
 * remembered is twice its binary logarithm. */
static double placed_rows(const fhir_call_t *call, const fhir_type_t *type)
{
    fhir_store_t *store = call->request->store;
    fhir_stmt_t stmt = {
        .sql = "SELECT round(2 * log(2, greatest(t.reltuples, pg_relation_size(t.oid) / "
               "8192)::numeric))::integer FROM pg_index i JOIN pg_class c "
               "ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid "
               "WHERE t.oid = $1::regclass AND c.relname = t.relname || '_terms_idx' "
               "AND i.indisvalid AND pg_relation_size(t.oid) >= " SIZE_MIN,
        .n_values = 1};
    fhir_value_t table = fhir_value_text(fhir_call_table(call, type, ""));
    const apr_uint64_t key = key_of(call, "index", 5, type);
    unsigned halves = 0;
    const int known = store ? fhir_store_recall(store, key) : -1;
    if (known >= 0)
        return known ? exp2(known / 2.0) : 0;
    if (fhir_call_ask(call, &stmt, &table, on_rows, &halves))
        return 0;
    if (store)
        fhir_store_remember(store, key, (unsigned char)halves);
    return halves ? exp2(halves / 2.0) : 0;
}

/* The order in which the index of a date has the rows that meet a condition on it, without others
 * between them. */
static fhir_by_time_t time_order(const fhir_qnode_t *n)
{
    static const fhir_by_time_t orders[FHIR_PREFIX_COUNT_] = {
        [FHIR_PREFIX_EQ] = FHIR_BY_TIME_NEWEST, [FHIR_PREFIX_LT] = FHIR_BY_TIME_NEWEST,
        [FHIR_PREFIX_LE] = FHIR_BY_TIME_NEWEST, [FHIR_PREFIX_SA] = FHIR_BY_TIME_NEWEST,
        [FHIR_PREFIX_EB] = FHIR_BY_TIME_ENDED,  [FHIR_PREFIX_GT] = FHIR_BY_TIME_NEXT,
        [FHIR_PREFIX_GE] = FHIR_BY_TIME_NEXT,
    };
    if (n->kind != FHIR_Q_TEST || n->modifier != FHIR_MODIFIER_NONE || n->n_values != 1 ||
        n->param->column_kind != FHIR_COL_DATE ||
        n->param->flags & (FHIR_PARAM_UNION | FHIR_PARAM_ROOT_COMPOSITE))
        return FHIR_BY_TIME_NONE;
    return orders[n->values[0].prefix];
}

/* Conditions are counted by letters: those behind give no order. */
#define CONDITIONS_MAX 26

/* The condition of this number if its date can give the order, or NULL. Rows that the index finds
 * are then compared with the other conditions one by one. */
static const fhir_qnode_t *timed_node(const fhir_query_t *query, const fhir_call_t *call,
                                      int number)
{
    const fhir_qnode_t *found = NULL;
    if (!call->grant->all || !query->type->patient_date)
        return NULL;
    for (const fhir_qnode_t *n = query->where->child; n; n = n->next) {
        if (n->kind != FHIR_Q_TEST)
            return NULL;
        if (!number--)
            found = n;
    }
    return found && time_order(found) ? found : NULL;
}

static void order_by_time(fhir_query_t *query, const fhir_qnode_t *timed)
{
    query->timed = timed;
    query->by_time = time_order(timed);
    query->placed = 0;
}

void fhir_window_prepare(fhir_query_t *query, const fhir_call_t *call)
{
    query->window.from = PLACE_MIN;
    query->window.width = 0;
    query->window.rows =
        !query->sort->nelts && !query->containers && !fhir_query_of_one_patient(query, call)
            ? placed_rows(call, query->type)
            : 0;
    const fhir_qnode_t *first = query->where->child;
    const fhir_qnode_t *timed = first && !first->next ? timed_node(query, call, 0) : NULL;
    query->by_time = FHIR_BY_TIME_NONE;
    query->placed = query->window.rows > 0;
    if (query->placed && timed)
        order_by_time(query, timed);
}

const char *fhir_window_link(const fhir_query_t *query, const char *date, apr_pool_t *pool)
{
    char letter = 'A';
    for (const fhir_qnode_t *n = query->where->child; n != query->timed; n = n->next)
        letter++;
    return apr_psprintf(pool, "%c%s", letter, date);
}

/* A place is a number. Links of earlier versions have a date without a letter, of the only
 * condition. */
void fhir_window_follow(fhir_query_t *query, const fhir_call_t *call, fhir_cursor_t *cursor)
{
    if (query->sort->nelts || query->containers || query->by_date || !cursor->n ||
        fhir_query_of_one_patient(query, call))
        return;
    const char *key = cursor->n == 2 && cursor->field[0] ? cursor->field[0] : "";
    const int is_lettered = *key >= 'A' && *key <= 'Z';
    query->by_time = FHIR_BY_TIME_NONE;
    query->placed = *key && !key[strspn(key, "-0123456789")];
    if (query->placed || !*key)
        return;
    const fhir_qnode_t *timed = timed_node(query, call, is_lettered ? *key - 'A' : 0);
    if (timed)
        order_by_time(query, timed);
    cursor->field[0] += is_lettered;
}

/* A test of codes or references. */
static int is_text(const fhir_qnode_t *node)
{
    return node->param->kind == FHIR_PARAM_TOKEN || node->param->kind == FHIR_PARAM_REFERENCE;
}

/* ---- SQL ---- */

/* " AND …": the row's place is in the list. Of a list in a subquery the planner knows nothing, so
 * that it has one plan for all of them; it takes it for 1 % of the table, and two of them for
 * 0.01 %, which is about what a window is. Otherwise it would find the plan with known values
 * cheaper, and would make one each time, which takes as long as to run it. Beside conditions
 * that have an index the list stands there once: otherwise it would use the places alone, and
 * compute the terms of each row. */
static void put_terms(fhir_sql_t *sql, int from, int end, int times)
{
    static const char terms[] =
        " AND ARRAY[hashtext(t.id) >> 19, (hashtext(t.id) >> 24) # " APR_STRINGIFY(
            COARSE_MARK) "] && ";
    fhir_buf_t *list = fhir_buf_create(sql->call->pool, 0);
    for (int at = from, places; at < end; at += places) {
        places = at % COARSE == 0 && end - at >= COARSE ? COARSE : 1;
        fhir_buf_printf(list, "%c%d", at == from ? '{' : ',',
                        places > 1 ? (at / COARSE) ^ COARSE_MARK : at);
    }
    fhir_buf_putc(list, '}');
    fhir_buf_printf(sql->text, "%s%s", terms, times ? "(SELECT " : "");
    fhir_sql_bind(sql, fhir_buf_cstr(list), "integer[]");
    fhir_buf_puts(sql->text, times ? ")" : "");
    if (times > 1)
        fhir_buf_printf(sql->text, "%s(SELECT $%d::integer[])", terms, sql->values->nelts);
}

void fhir_window_put(fhir_sql_t *sql, const fhir_query_t *query)
{
    if (!query->placed)
        return;
    if (query->window.width) {
        const int is_plain = fhir_window_is_plain(query, sql->call);
        put_terms(sql, query->window.from, query->window.from + query->window.width,
                  is_plain ? 1 + query->window.is_swept : 0);
    }
    else if (query->window.from > PLACE_MIN) {
        fhir_buf_puts(sql->text, " AND (hashtext(t.id) >> 19) >= ");
        fhir_sql_bind_int(sql, query->window.from, "integer");
    }
}

static int is_plain(const fhir_query_t *query, const fhir_call_t *call, const fhir_qnode_t *node)
{
    if (query->window.width && query->window.is_swept)
        return node->kind == FHIR_Q_TEST;
    if (fhir_predicate_is_keyed(call, node))
        return 1;
    const int is_only = node == query->where->child && !node->next;
    return query->window.width && is_text(node) &&
           (is_only ? fhir_predicate_has_places : fhir_predicate_in_terms)(call, node);
}

/* Of two indexes, the planner would have to know the values to choose. */
int fhir_window_hides(const fhir_query_t *query, const fhir_call_t *call)
{
    const fhir_qnode_t *first = query->where->child;
    if (!query->placed || query->window.width || !call->grant->all || !first)
        return 0;
    for (const fhir_qnode_t *n = first; n; n = n->next) {
        const fhir_qnode_t *test =
            n->kind == FHIR_Q_HAS && fhir_sql_finds_patient(call, n) ? n->child : n;
        if (!fhir_predicate_is_keyed(call, test) &&
            !(fhir_predicate_has_places(call, test) && is_text(test)))
            return 0;
        if (first->next && !fhir_predicate_in_terms(call, n))
            return 0;
    }
    return 1;
}

int fhir_window_is_plain(const fhir_query_t *query, const fhir_call_t *call)
{
    const fhir_qnode_t *first = query->where->child;
    if (!query->placed || !call->grant->all || (!first && !query->window.width))
        return 0;
    if (fhir_window_hides(query, call))
        return 1;
    if (first && !first->next && !query->window.width) /* its own index finds it */
        return first->kind == FHIR_Q_TEST && first->modifier == FHIR_MODIFIER_NONE;
    for (const fhir_qnode_t *n = query->where->child; n; n = n->next)
        if (!is_plain(query, call, n))
            return 0;
    return 1;
}

/* ---- which window ---- */

static int width_max(const fhir_query_t *query, const fhir_call_t *call)
{
    for (const fhir_qnode_t *n = query->where->child; n; n = n->next)
        if (fhir_predicate_is_keyed(call, n))
            return WIDTH_MAX_KEYED;
    for (const fhir_qnode_t *n = query->where->child; n; n = n->next)
        if (fhir_predicate_has_places(call, n))
            return WIDTH_MAX;
    return query->where->child || !call->grant->all ? WIDTH_MAX_ALONE : WIDTH_MAX;
}

static int can_sweep(const fhir_query_t *query, int width)
{
    return width <= SWEPT_WIDTH && query->window.rows > 0 &&
           width * query->window.rows <= (double)query->window.most * (PLACE_END - PLACE_MIN);
}

/* The widths that can be remembered: 1, 2, 3, 4, 6, 8 … 4096, which stands for all places. */
#define WIDTHS 24
static int width_of(unsigned i)
{
    return i < 1 ? 1 : (int)(i % 2 ? 2u << i / 2 : 3u << i / 2 >> 1);
}

/* Rounds to such a width. */
static void set_width(fhir_query_t *query, const fhir_call_t *call, int places)
{
    unsigned i = 0;
    while (i < WIDTHS - 1 && width_of(i) < places)
        i++;
    int width = width_of(i);
    query->window.is_swept = can_sweep(query, width);
    if (!query->window.is_swept && width > width_max(query, call)) {
        query->window.width = 0;
        return;
    }
    if (width > PLACE_END - query->window.from)
        width = PLACE_END - query->window.from;
    query->window.width = width;
}

/* What is remembered of a query: the number of a width, or behind these the number of the condition
 * by which it is ordered; or -1. */
static int recall(const fhir_query_t *query, const fhir_call_t *call)
{
    fhir_store_t *store = call->request->store;
    return store ? fhir_store_recall(store, key_of(call, query->hash, FHIR_QUERY_HASH, query->type))
                 : -1;
}

static void remember(const fhir_query_t *query, const fhir_call_t *call, unsigned value)
{
    if (call->request->store)
        fhir_store_remember(call->request->store,
                            key_of(call, query->hash, FHIR_QUERY_HASH, query->type),
                            (unsigned char)value);
}

static int recall_width(const fhir_query_t *query, const fhir_call_t *call)
{
    const int i = recall(query, call);
    return i >= 0 && i < WIDTHS ? width_of((unsigned)i) : 0;
}

static void remember_width(const fhir_query_t *query, const fhir_call_t *call, int places)
{
    unsigned i = 0;
    while (i + 1 < WIDTHS && width_of(i) < places)
        i++;
    remember(query, call, i);
}

/* 1 if a _has is looked up for each patient of a window (fhir_sql.c). */
static int looks_up(const fhir_query_t *query, const fhir_call_t *call)
{
    for (const fhir_qnode_t *n = query->where->child; n; n = n->next)
        if (n->kind == FHIR_Q_HAS && fhir_sql_finds_patient(call, n))
            return 1;
    return 0;
}

/* 1 if few rows match, fewer than a sweep of the places would read, and one of the conditions is a
 * date, whose index has no places: it finds the rows of all places at once. Also if it costs less
 * to collect all patients of a _has (6 us for each) than to look up those of a window (16 us). */
static int is_few(const fhir_query_t *query, const fhir_call_t *call, apr_int64_t rows, int places)
{
    if (looks_up(query, call))
        return (double)rows * (double)rows < HAS_ROWS * query->window.rows;
    if (rows > FEW_MATCHES ||
        (can_sweep(query, places) &&
         places * query->window.rows < (double)rows * (PLACE_END - PLACE_MIN)))
        return 0;
    for (const fhir_qnode_t *n = query->where->child; n; n = n->next)
        if (n->kind == FHIR_Q_TEST && n->modifier == FHIR_MODIFIER_NONE &&
            n->param->kind == FHIR_PARAM_DATE)
            return 1;
    return 0;
}

/* The most rows to read in one sweep. */
static int most_rows(const fhir_query_t *query, const fhir_call_t *call, int limit)
{
    const double most = (double)limit * SWEPT_ROWS;
    const double as_dear = SWEPT_LEAST + sqrt(SWEPT_ENTRY * limit * query->window.rows);
    for (const fhir_qnode_t *n = query->where->child; n; n = n->next)
        if (!fhir_predicate_in_terms(call, n) || !is_text(n))
            return (int)most;
    return (int)(as_dear < most ? as_dear : most);
}

/* Rows of the query by the planner's estimate, and the cost of reading them all. */
static fhir_err_t *ask_rows(apr_int64_t *rows, double *cost, const fhir_query_t *query,
                            const fhir_call_t *call)
{
    fhir_sql_t *sql = fhir_sql_create(call);
    fhir_buf_puts(sql->text, "SELECT");
    sql->estimate = 1;
    fhir_sql_from(sql, query);
    fhir_stmt_t stmt;
    FHIR_TRY(fhir_sql_stmt(&stmt, sql, FHIR_STMT_ONCE));
    return fhir_cost_rows(rows, cost, sql, &stmt);
}

/* The number of places that should have the rows of a page. */
static int first_width(const fhir_query_t *query, const fhir_call_t *call, apr_int64_t rows,
                       int limit)
{
    int width =
        rows ? (int)((apr_int64_t)limit * 3 / 2 * (PLACE_END - PLACE_MIN) / rows) + 1 : PLACE_END;
    return width > PLACE_END || is_few(query, call, rows, width) ? PLACE_END : width;
}

/* Which of the dates finds the fewest rows: its number, or -1; rows: how many. */
static fhir_err_t *find_date(int *number, apr_int64_t *rows, const fhir_query_t *query,
                             const fhir_call_t *call)
{
    int i = 0;
    *number = -1;
    for (const fhir_qnode_t *n = query->where->child; n && i < CONDITIONS_MAX; n = n->next, i++) {
        if (!timed_node(query, call, i))
            continue;
        fhir_query_t alone = *query;
        fhir_qnode_t node = *n;
        apr_int64_t found;
        node.next = NULL;
        alone.where = fhir_query_node(call, FHIR_Q_AND, query->type);
        fhir_query_add(alone.where, &node);
        FHIR_TRY(ask_rows(&found, NULL, &alone, call));
        if (*number < 0 || found < *rows) {
            *number = i;
            *rows = found;
        }
    }
    return NULL;
}

/* 1 if all conditions are on one date: what is not in the page is not between its rows. */
static int is_of_one_date(const fhir_query_t *query)
{
    for (const fhir_qnode_t *n = query->where->child; n->next; n = n->next)
        if (n->next->param != n->param)
            return 0;
    return 1;
}

/* A walk along the index of a date, past rows that other conditions exclude: WALK_FREE rows for
 * each of the page are always worth it; up to WALK_MOST if it is cheaper than to read all matches
 * (a row costs the planner about WALK_COST). If the estimates are wrong, it reads at most
 * WALK_RANGE rows, the range of the date. */
#define WALK_FREE  8
#define WALK_MOST  32
#define WALK_COST  4
#define WALK_RANGE 8192

fhir_err_t *fhir_window_choose(fhir_query_t *query, const fhir_call_t *call, int limit)
{
    apr_int64_t rows, range = 0;
    double cost;
    int number;
    const int known = query->placed ? recall(query, call) : 0;
    const fhir_qnode_t *timed = known >= WIDTHS ? timed_node(query, call, known - WIDTHS) : NULL;
    if (timed)
        order_by_time(query, timed);
    if (timed || (known >= 0 && known < WIDTHS))
        return NULL;
    FHIR_TRY(find_date(&number, &range, query, call));
    if (number < 0)
        return NULL;
    FHIR_TRY(ask_rows(&rows, &cost, query, call));
    double walk = rows > limit ? (double)limit * (double)range / (double)rows : (double)range;
    if (walk <= limit * (walk * WALK_COST <= cost ? WALK_MOST : WALK_FREE) &&
        (range <= WALK_RANGE || is_of_one_date(query))) {
        remember(query, call, (unsigned)(WIDTHS + number));
        order_by_time(query, timed_node(query, call, number));
    }
    else {
        remember_width(query, call, first_width(query, call, rows, limit));
    }
    return NULL;
}

fhir_err_t *fhir_window_begin(fhir_query_t *query, const fhir_call_t *call, const char *place,
                              int limit)
{
    int width = recall_width(query, call);
    query->window.most = most_rows(query, call, limit);
    query->window.from = place ? atoi(place) : PLACE_MIN;
    if (query->window.from < PLACE_MIN || query->window.from >= PLACE_END)
        query->window.from = PLACE_MIN; /* of another edition: the cursor's own condition holds */
    query->window.is_amid = place != NULL;
    if (!width) {
        apr_int64_t rows;
        FHIR_TRY(ask_rows(&rows, NULL, query, call));
        width = first_width(query, call, rows, limit);
        remember_width(query, call, width);
    }
    query->window.first = query->window.from;
    set_width(query, call, width + query->window.is_amid);
    return NULL;
}

/* The number of places that should have the missing rows, from what the places so far had, and half
 * of that in addition. */
static int places_for(int rows, int found, int places)
{
    double width = found ? 1.5 * rows * places / found : 8.0 * places;
    return width < PLACE_END ? (int)width + 1 : PLACE_END;
}

int fhir_window_next(fhir_query_t *query, const fhir_call_t *call, int found, int missing)
{
    int end = query->window.from + query->window.width;
    if (!query->window.width || end >= PLACE_END)
        return 0;
    int places = places_for(missing, found, end - query->window.first);
    query->window.from = end;
    set_width(query, call, places);
    return 1;
}

void fhir_window_end(const fhir_query_t *query, const fhir_call_t *call, const char *place)
{
    int places = (place ? atoi(place) + 1 : PLACE_END) - query->window.first;
    apr_int64_t rows = (apr_int64_t)query->count * (PLACE_END - PLACE_MIN) / places;

    /* of the first place, the rest; with the row behind the last one of the page, which shows that
     * there are more: if one place had enough rows, another one has, too */
    places -= query->window.is_amid && places > 1;
    if (places > 1)
        places += places / 4 + 1;
    remember_width(query, call, place && is_few(query, call, rows, places) ? PLACE_END : places);
}
