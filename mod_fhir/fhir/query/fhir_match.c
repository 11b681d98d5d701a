/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resources that a condition names: a search without a response, for conditional create,
 * update, patch, delete and references. It finds only what the grant shows.
 * Source: http://hl7.org/fhir/R4/http.html#ccreate
 */
#include "fhir/query/fhir_match.h"

#include <apr_strings.h>

#include "fhir/fhir_spoken.h"
#include "fhir/query/fhir_cost.h"
#include "fhir/query/fhir_resolve.h"
#include "fhir/query/fhir_spoken_query.h"

typedef struct match_t {
    apr_pool_t *pool;
    apr_array_header_t *ids;
    int max;
} match_t;

static fhir_err_t *on_row(void *baton, const fhir_row_t *row)
{
    match_t *match = baton;

    if (match->ids->nelts < match->max)
        APR_ARRAY_PUSH(match->ids, const char *) = apr_pstrdup(match->pool, fhir_row_text(row, 0));
    return NULL;
}

/* The condition in R4's terms. Nothing in it may be ignored, as a search would do. */
static fhir_err_t *parse(fhir_query_t **query, const fhir_call_t *call, const fhir_type_t *type,
                         const fhir_pairs_t *pairs)
{
    fhir_call_t own = *call;
    const apr_array_header_t *remarks;

    if (fhir_spoken_differs(call)) {
        fhir_spoken_query_t *spoken;
        FHIR_TRY(fhir_spoken_query_parse(&spoken, &own, pairs, 1));
        FHIR_TRY(fhir_query_parse(query, call, type, &spoken->pairs, 0));
        if (!fhir_spoken_query_is_empty(spoken, type))
            FHIR_TRY(fhir_spoken_query_narrow(*query, call, spoken));
        remarks = spoken->remarks->nelts ? spoken->remarks : (*query)->remarks;
    }
    else {
        FHIR_TRY(fhir_query_parse(query, call, type, pairs, 0));
        remarks = (*query)->remarks;
    }
    return remarks->nelts ? fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE, "%s",
                                            APR_ARRAY_IDX(remarks, 0, const char *))
                          : NULL;
}

fhir_err_t *fhir_match_ids(apr_array_header_t **ids, const fhir_call_t *call,
                           const fhir_type_t *type, const fhir_pairs_t *pairs, int max)
{
    match_t match = {call->pool, apr_array_make(call->pool, 2, sizeof(const char *)), max};
    fhir_query_t *query;

    FHIR_TRY(parse(&query, call, type, pairs));
    if (query->contained)
        return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                               "_contained cannot be used in a condition that selects a resource");
    if (!query->where->child) /* an empty condition would match everything */
        return fhir_err_create(call->pool, FHIR_ERR_PRECONDITION,
                               "A condition needs at least one search parameter that selects "
                               "resources; parameters of the answer, such as _format, do not");
    FHIR_TRY(fhir_resolve_query(query, call, 0));
    fhir_sql_t *sql = fhir_sql_create(call);
    fhir_buf_puts(sql->text, "SELECT t.id");
    fhir_sql_from(sql, query);
    fhir_buf_puts(sql->text, " ORDER BY t.id LIMIT ");
    fhir_sql_bind_int(sql, max, "bigint");
    fhir_stmt_t stmt;
    FHIR_TRY(fhir_sql_stmt(&stmt, sql, FHIR_STMT_ONCE));
    FHIR_TRY(fhir_cost_run(sql, &stmt, query, NULL, on_row, &match));
    *ids = match.ids;
    return NULL;
}
