/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_search.h
 * @brief From a query's plan to its statements, and the run of a search over one or more types.
 */
#ifndef FHIR_SEARCH_H
#define FHIR_SEARCH_H

#include "fhir/search/fhir_cursor.h"
#include "fhir/search/fhir_sql.h"

/** One key of the order. */
typedef struct fhir_order_key_t {
    const char *expr; /* SQL */
    const char *cast; /* type of the expression, to bind a cursor's field */
    int descending;
    int nullable; /* rows without a value come last, whichever the direction */
} fhir_order_key_t;

#define FHIR_ORDER_MAX (FHIR_SORT_MAX + 2)
typedef struct fhir_order_t {
    int n;
    fhir_order_key_t key[FHIR_ORDER_MAX]; /* the last is the id, which makes it total; before it of
                                             several queries in one order the query's place */
    int scoped; /* the rows are one patient's: an index has them in this order */
} fhir_order_t;

/** 1 if the query is about one patient, by its parameters or by the grant. */
int fhir_search_scoped(const fhir_call_t *call, const fhir_query_t *query);

/** Appends " FROM … t WHERE …": the matches that the grant lets be seen. */
fhir_err_t *fhir_search_from(fhir_sql_t *sql, const fhir_query_t *query);

/** The order of a query's matches: by _sort, else newest first for one patient's, else by id. */
fhir_err_t *fhir_search_order(fhir_order_t *order, fhir_sql_t *sql, const fhir_query_t *query,
                              const char *alias);
/** Appends the keys of _sort as they stand behind ORDER BY, each with a comma before it. */
fhir_err_t *fhir_search_sort(fhir_sql_t *sql, const fhir_query_t *query, const char *alias);

/**
 * The statement of a page: columns id (of contained resources: "Type/id" of the container, with
 * "#id" behind it when they come alone), resource, the order's keys but the last as text; when the
 * cursor goes backward, also the number of rows. Always in the order of the search. A cursor
 * without a key goes backward from the end of all matches.
 * @param queries one, or several that have a _sort and a place each: one order for all their
 * matches
 * @param limit   rows at most
 * @return FHIR_ERR_PARAM_VALUE when several have no order in common
 */
fhir_err_t *fhir_search_page(fhir_stmt_t *stmt, fhir_sql_t *sql, fhir_order_t *order,
                             fhir_query_t *const *queries, int n, const fhir_cursor_t *cursor,
                             int limit);
/** The statement of the number of matches: one column. */
fhir_err_t *fhir_search_count(fhir_stmt_t *stmt, fhir_sql_t *sql, const fhir_query_t *query);
/** The same for matches behind a cursor (or NULL), at most limit. */
fhir_err_t *fhir_search_few(fhir_stmt_t *stmt, fhir_sql_t *sql, const fhir_query_t *query,
                            const fhir_cursor_t *cursor, int limit);
/** The statement of all matches, without columns or order: what the planner thinks of it is the
 *  estimate of their number. */
fhir_err_t *fhir_search_matches(fhir_stmt_t *stmt, fhir_sql_t *sql, const fhir_query_t *query);

/** Ids of the resources of a type that match (conditional writes); at most max of them.
 *  Unknown parameters are errors, whatever Prefer says. */
fhir_err_t *fhir_search_match(apr_array_header_t **ids, fhir_call_t *call, const fhir_type_t *type,
                              const fhir_pairs_t *pairs, int max);

/** What is searched, and what its links say. */
typedef struct fhir_search_t {
    const fhir_type_t **types; /* in the order in which their matches come */
    int n_types;
    fhir_pairs_t pairs;       /* parameters of the search */
    const char *remark;       /* what of the request is not among them, or NULL */
    const fhir_pairs_t *said; /* what the links say instead, of an operation; NULL: what applied */
    const fhir_type_t *focus; /* compartment: its resource's type, or NULL */
    const char *focus_id;
    const char *path;               /* of the links, behind the base: "Patient" */
    const apr_array_header_t *more; /* of fhir_qinclude_t: further includes, or NULL */
    /** Further conditions on one type, or NULL. */
    fhir_err_t *(*narrow)(fhir_query_t *query, const fhir_call_t *call, void *baton);
    void *baton;
} fhir_search_t;

/** Parses, runs and writes the whole answer. */
fhir_err_t *fhir_search_run(fhir_call_t *call, const fhir_search_t *search);

#endif
