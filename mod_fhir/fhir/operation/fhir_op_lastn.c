/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Observation/$lastn: the last n observations of each kind, of one patient. Observations are of one
 * kind when they have the same codes; of the same time, all are given.
 * Source: http://hl7.org/fhir/R4/observation-operation-lastn.html
 */
#include <apr_strings.h>
#include <stdlib.h>

#include "fhir/fhir_bundle.h"
#include "fhir/operation/fhir_operations.h"
#include "fhir/search/fhir_cost.h"
#include "fhir/search/fhir_search.h"

typedef struct lastn_t {
    fhir_bundle_t *bundle;
    const char *type;
    int rows, max, cut;
} lastn_t;

static fhir_err_t *on_row(void *baton, const fhir_row_t *row)
{
    lastn_t *lastn = baton;
    fhir_bundle_entry_t entry = {.type = lastn->type,
                                 .id = fhir_row_text(row, 0),
                                 .resource = fhir_row_text(row, 1),
                                 .len = fhir_row_len(row, 1),
                                 .rest = "\"search\":{\"mode\":\"match\"}"};
    if (lastn->rows++ == lastn->max) {
        lastn->cut = 1;
        return NULL;
    }
    return fhir_bundle_add(lastn->bundle, &entry);
}

/* Takes max out of the parameters; the rest is a search. */
static fhir_err_t *take_max(int *max, fhir_pairs_t *pairs, const fhir_call_t *call)
{
    int n = 0;
    *max = 1;
    for (int i = 0; i < pairs->n; i++) {
        if (strcmp(pairs->list[i].name, "max")) {
            pairs->list[n++] = pairs->list[i];
            continue;
        }
        *max = atoi(pairs->list[i].value);
        if (*max < 1 || *max > 1000)
            return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                                   "max accepts a whole number from 1 to 1000");
    }
    pairs->n = n;
    return NULL;
}

static fhir_err_t *statement(fhir_stmt_t *stmt, fhir_sql_t *sql, const fhir_query_t *query, int max)
{
    fhir_buf_puts(sql->text,
                  "SELECT q.id, q.resource FROM (SELECT t.id, t.resource, t.code, t.patient_date, "
                  "rank() OVER (PARTITION BY t.patient, t.code ORDER BY t.patient_date DESC) AS n");
    FHIR_TRY(fhir_search_from(sql, query));
    fhir_buf_puts(sql->text, ") q WHERE q.n <= ");
    fhir_sql_bind_int(sql, max, "bigint");
    fhir_buf_puts(sql->text, " ORDER BY q.code, q.patient_date DESC, q.id LIMIT ");
    fhir_sql_bind_int(sql, query->count + 1, "bigint");
    return fhir_sql_stmt(stmt, sql, FHIR_STMT_STREAM);
}

fhir_err_t *fhir_op_lastn(fhir_call_t *call)
{
    lastn_t lastn = {.type = fhir_model_str(call->model, call->type->name)};
    fhir_query_t *query;
    fhir_pairs_t pairs, said;
    fhir_sql_t *sql;
    fhir_stmt_t stmt;
    int max;
    FHIR_TRY(fhir_grant_check(call, call->type, FHIR_RIGHT_SEARCH));
    FHIR_TRY(fhir_operation_pairs(&pairs, call));
    said = pairs;
    said.list = apr_pmemdup(call->pool, pairs.list, sizeof(*pairs.list) * (apr_size_t)pairs.n);
    FHIR_TRY(take_max(&max, &pairs, call));
    FHIR_TRY(fhir_query_parse(&query, call, call->type, &pairs,
                              fhir_call_prefers(call, "handling=lenient")));
    if (!fhir_search_scoped(call, query))
        return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                               "$lastn needs the patient, as in $lastn?patient=123");
    query->count = call->endpoint->count_max;
    lastn.max = query->count;
    FHIR_TRY(fhir_call_subset(call, &pairs));
    FHIR_TRY(fhir_sql_create(&sql, call));
    FHIR_TRY(statement(&stmt, sql, query, max));
    fhir_call_begin(call, 200);
    FHIR_TRY(fhir_bundle_begin(&lastn.bundle, call, "searchset"));
    FHIR_TRY(fhir_cost_run(sql, &stmt, query, NULL, on_row, &lastn));
    if (lastn.cut)
        return fhir_err_create(call->pool, FHIR_ERR_LIMIT,
                               "$lastn finds more than %d observations; narrow it by category or "
                               "code",
                               lastn.max);
    fhir_bundle_link(lastn.bundle, "self",
                     fhir_bundle_url(call, "Observation/$lastn", &said, NULL));
    return fhir_bundle_end(lastn.bundle);
}
