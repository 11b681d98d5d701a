/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DocumentReference/$docref: a patient's documents by time of care and type; without either, the
 * latest summary of care. The server makes no documents on demand.
 * Source: http://hl7.org/fhir/us/core/OperationDefinition-docref.html
 */
#include <apr_strings.h>

#include "fhir/operation/fhir_operations.h"
#include "fhir/query/fhir_grant.h"
#include "fhir/query/fhir_sql.h"
#include "fhir/search/fhir_search.h"

#define SUMMARY_OF_CARE "http://loinc.org|34133-9"

typedef struct docref_t {
    const char *start, *end;
    int on_demand;
} docref_t;

/* The time of care is context.period; for a document without one, its own date. */
static fhir_err_t *within(fhir_query_t *query, const fhir_call_t *call, const char *prefix,
                          const char *value)
{
    const char *bound = apr_pstrcat(call->pool, prefix, value, NULL);
    fhir_qnode_t *any = fhir_query_node(call, FHIR_Q_OR, query->type);
    fhir_qnode_t *by_date = fhir_query_node(call, FHIR_Q_AND, query->type);
    fhir_qnode_t *node;
    FHIR_TRY(fhir_query_condition(&node, &query->links, call, query->type, "period", bound));
    fhir_query_add(any, node);
    FHIR_TRY(
        fhir_query_condition(&node, &query->links, call, query->type, "period:missing", "true"));
    fhir_query_add(by_date, node);
    FHIR_TRY(fhir_query_condition(&node, &query->links, call, query->type, "date", bound));
    fhir_query_add(by_date, node);
    fhir_query_add(any, by_date);
    fhir_query_add(query->where, any);
    return NULL;
}

static fhir_err_t *narrow(fhir_query_t *query, const fhir_call_t *call, void *baton)
{
    const docref_t *docref = baton;
    if (docref->start)
        FHIR_TRY(within(query, call, "ge", docref->start));
    if (docref->end)
        FHIR_TRY(within(query, call, "le", docref->end));
    if (docref->on_demand)
        fhir_query_add(query->where, fhir_query_node(call, FHIR_Q_OR, query->type));
    return NULL;
}

static void push(fhir_pairs_t *pairs, const char *name, const char *value)
{
    pairs->list[pairs->n].name = name;
    pairs->list[pairs->n++].value = value;
}

/* The operation's parameters are removed from the query, which is then a search. Several types
 * become one OR list. */
static fhir_err_t *divide(fhir_search_t *search, docref_t *docref, const fhir_pairs_t *pairs,
                          const fhir_call_t *call)
{
    fhir_pairs_t *to = &search->pairs;
    const char *patient = NULL, *types = NULL, *count = NULL;
    to->list = apr_palloc(call->pool, sizeof(fhir_pair_t) * (apr_size_t)(pairs->n + 4));
    for (int i = 0; i < pairs->n; i++) {
        const fhir_pair_t *p = &pairs->list[i];
        if (!strcmp(p->name, "patient"))
            patient = p->value;
        else if (!strcmp(p->name, "type"))
            types = types ? apr_pstrcat(call->pool, types, ",", p->value, NULL) : p->value;
        else if (!strcmp(p->name, "_count") && !count)
            count = p->value;
        else if (!strcmp(p->name, "start"))
            docref->start = p->value;
        else if (!strcmp(p->name, "end"))
            docref->end = p->value;
        else if (!strcmp(p->name, "on-demand")) {
            docref->on_demand = !strcmp(p->value, "true");
            if (!docref->on_demand && strcmp(p->value, "false") != 0)
                return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                                       "on-demand accepts true or false");
        }
        else
            push(to, !strcmp(p->name, "profile") ? "_profile" : p->name, p->value);
    }
    FHIR_TRY(fhir_operation_date(call, "start", docref->start));
    FHIR_TRY(fhir_operation_date(call, "end", docref->end));
    if (!patient)
        return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                               "$docref needs patient, the id of a Patient");
    push(to, "patient", patient);
    push(to, "type", types ? types : SUMMARY_OF_CARE);
    if (!count && !types && !docref->start && !docref->end)
        count = "1"; /* the latest */
    if (count)
        push(to, "_count", count);
    return NULL;
}

fhir_err_t *fhir_op_docref(fhir_call_t *call)
{
    static const char *const known[] = {"patient", "start",  "end",     "type", "on-demand",
                                        "profile", "_count", "_cursor", NULL};
    fhir_search_t search = {.types = &call->type, .n_types = 1, .narrow = narrow};
    docref_t docref = {NULL, NULL, 0};
    FHIR_TRY(fhir_grant_check(call, call->type, FHIR_RIGHT_SEARCH));
    fhir_pairs_t pairs;
    FHIR_TRY(fhir_operation_pairs(&pairs, call));
    FHIR_TRY(fhir_operation_check(call, &pairs, known));
    FHIR_TRY(divide(&search, &docref, &pairs, call));
    FHIR_TRY(fhir_call_subset(call, &pairs));
    search.said = fhir_operation_said(&pairs, call->pool);
    search.path = "DocumentReference/$docref";
    search.baton = &docref;
    return fhir_search_run(call, &search);
}
