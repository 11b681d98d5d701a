/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a search: counts, the page, includes, links. Several types (system search, a whole
 * compartment) are searched one after the other until the page is full. The order of the result is
 * that of the types, then that of each search. With _sort, one statement searches them all.
 *
 * Page links over several types have the type of the row as their first field, and which of the
 * types had rows as their second, so that a later page looks at these only.
 */
#include <apr_strings.h>
#include <stdlib.h>

#include "fhir/fhir_bundle.h"
#include "fhir/fhir_outcome.h"
#include "fhir/page/fhir_page_query.h"
#include "fhir/query/fhir_contained.h"
#include "fhir/query/fhir_cost.h"
#include "fhir/query/fhir_grant_patient.h"
#include "fhir/query/fhir_resolve.h"
#include "fhir/search/fhir_explain.h"
#include "fhir/search/fhir_include.h"
#include "fhir/search/fhir_search.h"
#include "fhir/search/fhir_search_sql.h"
#include "fhir/search/fhir_window.h"

typedef struct page_t {
    fhir_call_t *call;
    const fhir_search_t *search;
    fhir_search_t
        spread; /* the query, and with several types again for their contained resources */
    fhir_query_t **queries;      /* one for each type; NULL: not made yet */
    fhir_query_t **halves;       /* two for each type, see halve; NULL where there are none */
    const fhir_query_t *query;   /* the first query, which has the result parameters */
    apr_array_header_t *remarks; /* of const char *: warnings about ignored parameters */
    fhir_bundle_t *bundle;
    fhir_include_t *include;
    fhir_order_t order; /* of the type that is read */
    int type;           /* its number */
    int carried;        /* number of the first column in its rows that an include asked for, or 0 */
    int merged;         /* several types in one common order */
    int rows;           /* rows that were written so far */
    int skip;           /* rows at the start that only show that there are more */
    int is_cut;         /* the page is full by its bytes, before its number of rows is reached */
    int is_cursor, backward;
    fhir_cursor_t cursor; /* of the request, without the type */
    int start;            /* number of the type where it begins */
    const char *filled; /* for each type of the search 1 if it has rows, else 0; NULL: not known */
    int more_before, more_behind;
    fhir_cursor_t first, last; /* keys of the page's first and last row */
} page_t;

static const char *type_name(const page_t *page, int number)
{
    return fhir_model_str(page->call->stored, page->search->types[number]->name);
}

static const char *place_of(const page_t *page, int number)
{
    return page->queries[number] ? page->queries[number]->place : type_name(page, number);
}

/* The number of the type with this name in page links, or n_types. */
static int find_place(const page_t *page, const char *place)
{
    int i = 0;
    while (i < page->search->n_types && strcmp(place_of(page, i), place))
        i++;
    return i;
}

/* 1 if page links name the type of the row. */
static int has_types(const page_t *page)
{
    return page->search->n_types > 1 && !page->merged;
}

/* A key of a row as page links have it: of a date, with what tells its order. */
static const char *key_text(const page_t *page, const fhir_row_t *row, int key)
{
    apr_pool_t *pool = page->call->pool;
    const fhir_query_t *query = page->queries[page->type];
    if (fhir_row_is_null(row, 2 + key))
        return NULL;
    return query->by_time ? fhir_window_link(query, fhir_row_text(row, 2 + key), pool)
                          : apr_pstrdup(pool, fhir_row_text(row, 2 + key));
}

/* The place of a row: its type, and which types have rows, when there are several and the type is
 * no key; its keys; its id. Keys begin at column 2. */
static void remember(fhir_cursor_t *place, const page_t *page, const fhir_row_t *row)
{
    apr_pool_t *pool = page->call->pool;
    place->n = 0;
    if (has_types(page)) {
        place->field[place->n++] = page->queries[page->type]->place;
        place->field[place->n++] = NULL; /* link_to fills it in */
    }
    for (int i = 0; i + 1 < page->order.n; i++)
        place->field[place->n++] = key_text(page, row, i);
    place->field[place->n++] = apr_pstrdup(pool, fhir_row_text(row, 0));
}

/* Backward in one statement, the extra row comes first; the statement says how many there are. */
static void find_skip(page_t *page, const fhir_row_t *row)
{
    if (!page->backward || page->rows || page->more_before)
        return;
    if (atoi(fhir_row_text(row, 2 + page->order.n - 1)) > page->query->count)
        page->skip = page->more_before = 1;
}

/* "MedicationRequest/23", and perhaps "#m1", is the match. */
static void contained_entry(fhir_bundle_entry_t *entry, const page_t *page)
{
    const char *ref = entry->id, *slash = strchr(ref, '/');
    entry->type = apr_pstrmemdup(page->call->pool, ref, (apr_size_t)(slash - ref));
    entry->id = slash + 1;
}

/* Includes start from resources with an id of their own. */
static void note_match(const page_t *page, const fhir_bundle_entry_t *entry, const fhir_row_t *row)
{
    if (page->include && !strchr(entry->id, '#'))
        fhir_include_match(
            page->include,
            fhir_model_resource(page->call->stored, entry->type, strlen(entry->type)), entry->id,
            page->carried ? row : NULL, page->carried);
}

static fhir_err_t *on_row(void *baton, const fhir_row_t *row)
{
    page_t *page = baton;
    fhir_bundle_entry_t entry = {.id = fhir_row_text(row, 0),
                                 .resource = fhir_row_text(row, 1),
                                 .len = fhir_row_len(row, 1),
                                 .rest = "\"search\":{\"mode\":\"match\"}"};
    if (page->merged)
        page->type = find_place(page, fhir_row_text(row, page->order.n));
    entry.type = type_name(page, page->type);
    find_skip(page, row);
    if (page->skip) {
        page->skip = 0;
        return NULL;
    }
    if (page->is_cut) { /* the rest of the rows is not waited for */
        page->more_behind = 1;
        return fhir_err_create(page->call->pool, FHIR_ERR_LIMIT, "The page is full");
    }
    if (page->rows == page->query->count) {
        page->more_behind = 1;
        return NULL;
    }
    if (!page->rows++)
        remember(&page->first, page, row);
    if (page->rows == page->query->count || page->backward)
        remember(&page->last, page, row);
    if (page->queries[page->type]->containers)
        contained_entry(&entry, page);
    note_match(page, &entry, row);
    FHIR_TRY(fhir_bundle_add(page->bundle, &entry));
    if (!page->backward && fhir_bundle_is_full(page->bundle)) {
        page->is_cut = 1;
        remember(&page->last, page, row);
    }
    return NULL;
}

/* Rows carry the references that are included, unless they are of several types or contained. */
static void carry(page_t *page, fhir_query_t *const *queries, int n)
{
    const int can = page->include && !page->merged && !page->query->contained;
    for (int i = 0; i < n; i++)
        queries[i]->carried = can ? fhir_include_columns(page->include, queries[i]->type) : NULL;
}

#define TYPES_MANY 4

static fhir_err_t *run_type(page_t *page, const fhir_cursor_t *cursor, int limit)
{
    fhir_call_t *call = page->call;
    fhir_query_t *const *queries = page->queries + page->type;
    int n = page->merged ? page->search->n_types : 1;
    if (page->halves && page->halves[2 * page->type]) {
        queries = page->halves + 2 * page->type;
        n = 2;
    }
    fhir_sql_t *sql = fhir_sql_create(call);
    fhir_stmt_t stmt;
    carry(page, queries, n);
    FHIR_TRY(fhir_search_sql_page(&stmt, sql, &page->order, queries, n, cursor, limit));
    page->carried = queries[0]->carried ? page->order.n + 1 + (cursor && cursor->backward) : 0;
    fhir_explain_step(call, page->merged ? "matches of all types"
                                         : apr_pstrcat(call->pool, "matches of type ",
                                                       type_name(page, page->type), NULL));
    fhir_err_t *err = fhir_cost_run(sql, &stmt, *queries, NULL, on_row, page);
    return page->is_cut && page->more_behind ? NULL : err;
}

/* Reads window by window until the page is full, if the matches are found by their places. */
static fhir_err_t *run_windows(page_t *page, const fhir_cursor_t *cursor, int limit)
{
    fhir_query_t *query = page->queries[page->type];
    const int before = page->rows;
    if (!query->placed || page->merged || (cursor && cursor->backward))
        return run_type(page, cursor, limit);
    FHIR_TRY(
        fhir_window_begin(query, page->call, cursor && cursor->n ? cursor->field[0] : NULL, limit));
    do
        FHIR_TRY(run_type(page, cursor, limit - (page->rows - before)));
    while (!page->more_behind &&
           fhir_window_next(query, page->call, page->rows - before, limit - (page->rows - before)));
    fhir_window_end(query, page->call,
                    page->more_behind ? page->last.field[has_types(page) ? 2 : 0] : NULL);
    return NULL;
}

/* Makes the queries of the first n types. All types must support the parameters: with lenient
 * handling, a parameter that one type does not support is ignored in all. */
static fhir_err_t *parse_types(page_t *page, int n)
{
    fhir_call_t *call = page->call;
    const fhir_search_t *search = page->search;
    int lenient = fhir_call_prefers(call, "handling=lenient");
    fhir_pairs_t pairs = search->pairs;
    for (int i = 0; i < n; i++) {
        FHIR_TRY(fhir_query_parse(&page->queries[i], call, search->types[i], &pairs, lenient));
        FHIR_TRY(fhir_resolve_query(page->queries[i], call, lenient));
        FHIR_TRY(fhir_search_chains(page->queries[i], call));
        const fhir_query_t *query = page->queries[i];
        if (!query->remarks->nelts)
            continue;
        apr_array_cat(page->remarks, query->remarks);
        pairs = query->applied;
        i = i ? -1 : 0; /* those before are made again, without it */
    }
    page->queries[0]->cursor = fhir_pairs_get(&search->pairs, "_cursor");
    return NULL;
}

/* The condition that a resource is in the compartment of the focus, or that it is the record's
 * patient. */
static fhir_qnode_t *of_focus(const page_t *page, fhir_qkind_t kind, const fhir_type_t *type)
{
    fhir_qnode_t *node = fhir_query_node(page->call, kind, type);
    fhir_qvalue_t *value = apr_pcalloc(page->call->pool, sizeof(*value));
    value->id = value->text = page->search->focus_id;
    value->type = page->search->focus;
    node->target = kind == FHIR_Q_COMPARTMENT ? page->search->focus : NULL;
    node->param = kind == FHIR_Q_TEST ? &page->call->stored->params[type->patient] : NULL;
    node->values = value;
    node->n_values = 1;
    return node;
}

/* first AND second (or NULL) AND rest; rest is the last node of each list. */
static fhir_qnode_t *all_of(const page_t *page, const fhir_type_t *type, fhir_qnode_t *first,
                            fhir_qnode_t *second, fhir_qnode_t *rest)
{
    fhir_qnode_t *all = fhir_query_node(page->call, FHIR_Q_AND, type);
    fhir_query_add(all, first);
    if (second)
        fhir_query_add(all, second);
    fhir_query_add(all, rest);
    return all;
}

/* A patient's compartment is searched in two halves, which one statement merges: the records about
 * the patient, which an index has in order, and the others, which are few. */
static void halve(page_t *page, int i, fhir_qnode_t *rest)
{
    const fhir_call_t *call = page->call;
    const fhir_type_t *type = page->search->types[i];
    fhir_query_t *query = page->queries[i], **halves = page->halves + 2 * i;
    fhir_qnode_t *other = fhir_query_node(call, FHIR_Q_NOT, type);
    fhir_qnode_t *others = of_focus(page, FHIR_Q_COMPARTMENT, type);
    if (!type->patient || query->sort->nelts || query->contained ||
        strcmp(fhir_model_str(call->stored, page->search->focus->name), "Patient") != 0 ||
        fhir_query_of_one_patient(query, call))
        return;
    halves[0] = apr_pmemdup(call->pool, query, sizeof(*query));
    halves[0]->where = all_of(page, type, of_focus(page, FHIR_Q_TEST, type), NULL, rest);
    fhir_query_add(other, of_focus(page, FHIR_Q_TEST, type));
    halves[1] = apr_pmemdup(call->pool, query, sizeof(*query));
    others->param = &call->stored->params[type->patient];
    halves[1]->where = all_of(page, type, others, other, rest);
    query->by_date = halves[1]->by_date = 1;
}

/* The conditions that the search has beside the parameters of a parsed query. */
static fhir_err_t *complete(page_t *page, int i)
{
    fhir_call_t *call = page->call;
    const fhir_search_t *search = page->search;
    fhir_query_t *query = page->queries[i];
    fhir_qnode_t *rest = query->where;
    if (search->narrow)
        FHIR_TRY(search->narrow(query, call, search->baton));
    if (search->focus) {
        query->where = all_of(page, search->types[i],
                              of_focus(page, FHIR_Q_COMPARTMENT, search->types[i]), NULL, rest);
        halve(page, i, rest);
    }
    FHIR_TRY(fhir_resolve_query(query, call, 0)); /* the parts that were added */
    fhir_query_bind(query, call, search->path, search->said);
    return NULL;
}

/* 1 if queries are made when they are needed: nothing in them depends on the type, so that an error
 * shows with the first one, before a page is begun. */
static int is_lazy(const page_t *page)
{
    const fhir_grant_t *grant = page->call->grant;
    for (int i = 0; !grant->all && i < grant->n_scopes; i++)
        if (grant->scopes[i].query)
            return 0;
    return page->search->alike;
}

static fhir_err_t *need_query(page_t *page, int i)
{
    fhir_call_t *call = page->call;
    if (page->queries[i])
        return NULL;
    FHIR_TRY(fhir_query_parse(&page->queries[i], call, page->search->types[i], &page->search->pairs,
                              fhir_call_prefers(call, "handling=lenient")));
    FHIR_TRY(complete(page, i));
    page->queries[i]->place = type_name(page, i);
    return NULL;
}

static fhir_err_t *foreign_link(const page_t *page)
{
    return fhir_err_create(page->call->pool, FHIR_ERR_CURSOR,
                           "This page link is of another search; repeat the search");
}

/* Opens the page link; with several types its first field names the one to begin with. */
static fhir_err_t *open_cursor(page_t *page)
{
    fhir_call_t *call = page->call;
    if (!page->query->cursor)
        return NULL;
    FHIR_TRY(fhir_call_need_store(call));
    FHIR_TRY(fhir_cursor_open(&page->cursor, page->query->cursor,
                              call->endpoint->paging.cursor_keys,
                              call->endpoint->paging.link_age_sec, page->query->hash,
                              FHIR_QUERY_HASH, call->grant, call->pool));
    page->is_cursor = 1;
    page->backward = page->cursor.backward;
    if (page->search->n_types == 1)
        fhir_window_follow(page->queries[0], call, &page->cursor);
    if (page->search->n_types == 1 || page->merged)
        return fhir_order_fits(page->queries[0], &page->cursor, call);
    if (page->cursor.n < 3 || !page->cursor.field[0])
        return foreign_link(page);
    page->start = find_place(page, page->cursor.field[0]);
    if (page->start == page->search->n_types)
        return foreign_link(page);
    page->filled = page->cursor.field[1];
    page->cursor.n -= 2;
    memmove(page->cursor.field, page->cursor.field + 2,
            sizeof(page->cursor.field[0]) * (apr_size_t)page->cursor.n);
    FHIR_TRY(need_query(page, page->start));
    fhir_window_follow(page->queries[page->start], call, &page->cursor);
    return fhir_order_fits(page->queries[page->start], &page->cursor, call);
}

static fhir_err_t *on_count(void *baton, const fhir_row_t *row)
{
    *(apr_int64_t *)baton += apr_atoi64(fhir_row_text(row, 0));
    return NULL;
}

static fhir_err_t *count_type(apr_int64_t *total, page_t *page, int number)
{
    fhir_call_t *call = page->call;
    FHIR_TRY(need_query(page, number));
    const fhir_query_t *query = page->queries[number];
    fhir_stmt_t stmt;
    fhir_sql_t *sql = fhir_sql_create(call);
    FHIR_TRY(fhir_search_sql_count(&stmt, sql, query));
    fhir_explain_step(
        call, apr_pstrcat(call->pool, "number of matches of type ", type_name(page, number), NULL));
    return fhir_cost_run(sql, &stmt, query, NULL, on_count, total);
}

static fhir_err_t *count(page_t *page)
{
    apr_int64_t total = 0;
    for (int i = 0; i < page->search->n_types; i++)
        FHIR_TRY(count_type(&total, page, i));
    fhir_bundle_total(page->bundle, total);
    return NULL;
}

/* 1 if there may be rows of the searched types that the grant does not show. */
static int is_limited(const fhir_grant_t *grant)
{
    for (int i = 0; !grant->all && i < grant->n_scopes; i++)
        if (fhir_grant_whose(&grant->scopes[i]) != FHIR_GRANT_OF_ALL || grant->scopes[i].query)
            return 1;
    return 0;
}

/* Estimates the total: the planner's estimate, but at least the rows that were read; the exact
 * number if the page has all. The estimate counts all rows, so a client that may see only some gets
 * an exact count instead. */
static fhir_err_t *estimate(page_t *page)
{
    apr_int64_t total = 0;
    if (is_limited(page->call->grant))
        return count(page);
    apr_int64_t rows;
    for (int i = 0; (page->is_cursor || page->more_behind) && i < page->search->n_types; i++) {
        fhir_stmt_t stmt;
        fhir_sql_t *sql = fhir_sql_create(page->call);
        FHIR_TRY(need_query(page, i));
        FHIR_TRY(fhir_search_sql_estimate(&stmt, sql, page->queries[i]));
        FHIR_TRY(fhir_cost_rows(&rows, NULL, sql, &stmt));
        total += rows;
    }
    rows = page->rows + (page->more_behind || page->more_before || page->backward);
    fhir_bundle_total(page->bundle, total > rows ? total : rows);
    return NULL;
}

static fhir_err_t *add_outcome(const page_t *page, const char *severity, const char *code,
                               const char *const *texts, int n)
{
    fhir_buf_t *buf = fhir_buf_create(page->call->pool, 0);
    fhir_bundle_entry_t entry = {.rest = "\"search\":{\"mode\":\"outcome\"}"};
    fhir_outcome_begin(buf);
    for (int i = 0; i < n; i++)
        fhir_outcome_issue(buf, severity, code, texts[i], NULL);
    fhir_outcome_end(buf);
    entry.resource = fhir_buf_cstr(buf);
    entry.len = buf->len;
    return fhir_bundle_add(page->bundle, &entry);
}

/* Reports ignored parameters in an entry of its own, before the matches. */
static fhir_err_t *remarks(const page_t *page)
{
    const apr_array_header_t *list = page->remarks;
    return list->nelts ? add_outcome(page, "warning", "not-supported",
                                     (const char *const *)list->elts, list->nelts)
                       : NULL;
}

/* Suggests what may have been meant, if nothing was found. */
static fhir_err_t *hint(const page_t *page)
{
    const char *text = page->rows || page->is_cursor || page->search->n_types > 1
                           ? NULL
                           : fhir_search_hint(page->query, page->call);
    return text ? add_outcome(page, "information", "informational", &text, 1) : NULL;
}

static fhir_err_t *link_to(const page_t *page, const char *relation, fhir_cursor_t *place,
                           int backward)
{
    fhir_call_t *call = page->call;
    const fhir_query_t *query = page->query;
    place->backward = backward;
    if (has_types(page))
        place->field[1] = page->filled;
    const char *word;
    FHIR_TRY(fhir_cursor_seal(&word, place, call->endpoint->paging.cursor_keys, query->hash,
                              FHIR_QUERY_HASH, call->grant, call->pool));
    const char *url;
    FHIR_TRY(fhir_page_query_link(&url, call, page->search->path, &query->applied, word));
    fhir_bundle_link(page->bundle, relation, url);
    return NULL;
}

static fhir_err_t *link_pages(page_t *page)
{
    const fhir_query_t *query = page->query;
    const char *path = page->search->path;
    const int before = page->rows && (page->backward ? page->more_before : page->is_cursor);
    const int behind = page->rows && (page->backward || page->more_behind);
    fhir_bundle_link(page->bundle, "self",
                     fhir_bundle_url(page->call, path, &query->applied, query->cursor));
    if (query->summary_count)
        return NULL;
    const char *first = fhir_bundle_url(page->call, path, &query->applied, NULL);
    if (before || behind)
        FHIR_TRY(fhir_page_query_link(&first, page->call, path, &query->applied, NULL));
    else if (strlen(first) >
             FHIR_PAGE_QUERY_MIN) /* the page itself: there is no need to store its query */
        return NULL;
    fhir_bundle_link(page->bundle, "first", first);
    if (before)
        FHIR_TRY(link_to(page, "previous", &page->first, 1));
    if (behind)
        FHIR_TRY(link_to(page, "next", &page->last, 0));
    return NULL;
}

/* How many of the matches of a type, up to `most`, are before the cursor. */
static fhir_err_t *count_before(int *rows, page_t *page, int number, const fhir_cursor_t *cursor,
                                int most)
{
    fhir_call_t *call = page->call;
    apr_int64_t n = 0;
    fhir_stmt_t stmt;
    fhir_sql_t *sql = fhir_sql_create(call);
    FHIR_TRY(fhir_search_sql_count_behind(&stmt, sql, page->queries[number], cursor, most));
    fhir_explain_step(call, apr_pstrcat(call->pool, "number of matches before, of type ",
                                        type_name(page, number), NULL));
    FHIR_TRY(fhir_cost_run(sql, &stmt, page->queries[number], NULL, on_count, &n));
    *rows = (int)n;
    return NULL;
}

/* Goes back over several types: the page begins where enough matches have been counted. */
static fhir_err_t *run_back(page_t *page)
{
    fhir_cursor_t end = {.backward = 1};
    int *rows = apr_pcalloc(page->call->pool, sizeof(int) * (apr_size_t)page->search->n_types);
    int left = page->query->count + 1, first = page->start + 1;
    while (first > 0 && left > 0) {
        first--;
        FHIR_TRY(need_query(page, first));
        FHIR_TRY(count_before(&rows[first], page, first,
                              first == page->start ? &page->cursor : &end, left));
        left -= rows[first];
    }
    if (!left) {
        page->more_before = 1;
        rows[first]--;
    }
    for (page->type = first; page->type <= page->start; page->type++)
        if (rows[page->type])
            FHIR_TRY(
                run_type(page, page->type == page->start ? &page->cursor : &end, rows[page->type]));
    return NULL;
}

/* ---- types without a resource ---- */

static fhir_err_t *on_empty(void *baton, const fhir_row_t *row)
{
    char *filled = baton;
    filled[atoi(fhir_row_text(row, 0)) - 1] = '0';
    return NULL;
}

/* Most of many types have no resources, and their tables have size 0. A search need not find what
 * is written at the same time. */
static fhir_err_t *find_filled(page_t *page)
{
    fhir_call_t *call = page->call;
    const int n = page->search->n_types;
    apr_array_header_t *tables = apr_array_make(call->pool, n, sizeof(const char *));
    char *filled = apr_pcalloc(call->pool, (apr_size_t)n + 1);
    memset(filled, '1', (apr_size_t)n);
    for (int i = 0; i < n; i++)
        APR_ARRAY_PUSH(tables, const char *) = fhir_call_table(call, page->search->types[i], "");
    fhir_sql_t *sql = fhir_sql_create(call);
    fhir_buf_puts(sql->text, "SELECT n FROM unnest(");
    fhir_sql_bind_array(sql, tables, "regclass[]");
    fhir_buf_puts(sql->text, ") WITH ORDINALITY x(t, n) WHERE pg_relation_size(t) = 0");
    fhir_stmt_t stmt;
    FHIR_TRY(fhir_sql_stmt(&stmt, sql, 0));
    FHIR_TRY(fhir_call_ask(call, &stmt, fhir_sql_values(sql), on_empty, filled));
    page->filled = filled;
    return NULL;
}

/* Leaves out the types without rows. What a cursor says of another number of types is ignored. */
static void drop_empty(page_t *page)
{
    const int n = page->search->n_types;
    int kept = 0, start = page->start;
    if (!page->filled || strlen(page->filled) != (apr_size_t)n)
        return;
    page->spread = *page->search;
    page->spread.types = apr_pmemdup(page->call->pool, page->search->types,
                                     sizeof(*page->search->types) * (apr_size_t)n);
    for (int i = 0; i < n; i++) {
        if (page->filled[i] == '0' && i != start && i > 0 &&
            i < n - 1) /* a search of more than one type stays one */
            continue;
        if (i == start)
            page->start = kept;
        page->spread.types[kept] = page->search->types[i];
        page->queries[kept] = page->queries[i];
        for (int half = 0; page->halves && half < 2; half++)
            page->halves[2 * kept + half] = page->halves[2 * i + half];
        kept++;
    }
    page->spread.n_types = kept;
    page->search = &page->spread;
}

/* Asks only if the page goes on to many types, and no cursor has told. */
static fhir_err_t *skip_empty(page_t *page)
{
    if (page->filled || page->query->contained || page->search->n_types - page->type <= TYPES_MANY)
        return NULL;
    FHIR_TRY(find_filled(page));
    drop_empty(page);
    page->type = page->start;
    return NULL;
}

/* One type after the other. */
static fhir_err_t *run_types(page_t *page)
{
    drop_empty(page);
    if (page->backward && page->search->n_types > 1)
        return run_back(page);
    for (page->type = page->start; page->type < page->search->n_types && !page->more_behind;
         page->type++) {
        const int first = page->type == page->start;
        FHIR_TRY(need_query(page, page->type));
        FHIR_TRY(run_windows(page, page->is_cursor && first ? &page->cursor : NULL,
                             page->query->count - page->rows + 1));
        if (first && !page->more_behind)
            FHIR_TRY(skip_empty(page));
    }
    return NULL;
}

static fhir_err_t *run_page(page_t *page)
{
    if (page->search->n_types == 1 && !page->is_cursor)
        FHIR_TRY(fhir_window_choose(page->queries[0], page->call, page->query->count + 1));
    if (page->merged)
        FHIR_TRY(run_type(page, page->is_cursor ? &page->cursor : NULL, page->query->count + 1));
    else
        FHIR_TRY(run_types(page));
    return page->include ? fhir_include_run(page->include) : NULL;
}

/* _contained: the types again (or only) for their contained resources. */
static fhir_err_t *spread(page_t *page)
{
    apr_pool_t *pool = page->call->pool;
    int n = page->search->n_types;
    fhir_query_t **queries = apr_palloc(pool, sizeof(*queries) * (apr_size_t)n * 2);
    if (!page->queries[0]->contained)
        return NULL;
    if (page->search->said || page->search->narrow)
        return fhir_err_create(pool, FHIR_ERR_PARAM_VALUE,
                               "_contained is supported in searches only, not in operations");
    int both = page->queries[0]->contained == FHIR_CONTAINED_BOTH;
    page->spread = *page->search;
    page->spread.n_types = both ? 2 * n : n;
    page->spread.types = apr_palloc(pool, sizeof(*page->spread.types) * (apr_size_t)n * 2);
    for (int i = 0; i < n; i++) {
        int at = both ? n + i : i;
        queries[i] = page->queries[i];
        queries[at] = apr_pmemdup(pool, page->queries[i], sizeof(**queries));
        FHIR_TRY(fhir_contained_find(queries[at], page->call));
        page->spread.types[i] = page->spread.types[at] = page->search->types[i];
    }
    page->queries = queries;
    page->search = &page->spread;
    return NULL;
}

static fhir_err_t *parse(page_t *page)
{
    fhir_call_t *call = page->call;
    const fhir_search_t *search = page->search;
    const int n = is_lazy(page) ? 1 : search->n_types;
    page->queries = apr_pcalloc(call->pool, sizeof(*page->queries) * (apr_size_t)search->n_types);
    FHIR_TRY(parse_types(page, n));
    if (search->focus)
        page->halves =
            apr_pcalloc(call->pool, sizeof(*page->halves) * 2 * (apr_size_t)search->n_types);
    for (int i = 0; i < n; i++)
        FHIR_TRY(complete(page, i));
    FHIR_TRY(spread(page));
    for (int i = 0; page->search->n_types > 1 && i < page->search->n_types; i++)
        if (page->queries[i])
            page->queries[i]->place = apr_pstrcat(call->pool, type_name(page, i),
                                                  page->queries[i]->containers ? "#" : "", NULL);
    for (int i = 0; !page->search->focus && i < page->search->n_types; i++)
        fhir_window_prepare(page->queries[i], call);
    page->query = page->queries[0];
    page->merged = page->search->n_types > 1 && page->query->sort->nelts;
    return page->merged ? fhir_order_common(page->queries, page->search->n_types, call) : NULL;
}

fhir_err_t *fhir_search_run(fhir_call_t *call, const fhir_search_t *search)
{
    page_t page = {.call = call,
                   .search = search,
                   .remarks = apr_array_make(call->pool, 1, sizeof(const char *))};
    if (search->remark)
        APR_ARRAY_PUSH(page.remarks, const char *) = search->remark;
    if (search->remarks)
        apr_array_cat(page.remarks, search->remarks);
    FHIR_TRY(parse(&page));
    FHIR_TRY(open_cursor(&page));
    if (page.query->explain)
        fhir_explain_begin(call, page.remarks);
    fhir_call_begin(call, 200);
    FHIR_TRY(fhir_bundle_begin(&page.bundle, call, "searchset"));
    FHIR_TRY(remarks(&page));
    if (search->more)
        apr_array_cat(page.query->include, search->more);
    if (page.query->include->nelts)
        page.include = fhir_include_create(call, page.query->include, page.bundle);
    if (page.query->summary_count || page.query->total == FHIR_TOTAL_ACCURATE)
        FHIR_TRY(count(&page));
    if (!page.query->summary_count) {
        FHIR_TRY(run_page(&page));
        FHIR_TRY(hint(&page));
        if (page.query->total == FHIR_TOTAL_ESTIMATE)
            FHIR_TRY(estimate(&page));
        else if (page.query->total == FHIR_TOTAL_FREE && !page.is_cursor && !page.more_behind)
            fhir_bundle_total(page.bundle, page.rows);
    }
    FHIR_TRY(link_pages(&page));
    FHIR_TRY(fhir_bundle_end(page.bundle));
    return call->explain ? fhir_explain_answer(call) : NULL;
}
