/* SPDX-License-Identifier: Apache-2.0 */
/*
 * $everything: the resources of a compartment, type by type. Each page also has what its resources
 * refer to outside of the compartment (practitioners, organizations, locations, medications).
 * Source: http://hl7.org/fhir/R4/operation-patient-everything.html
 */
#include <apr_strings.h>

#include "fhir/fhir_spoken.h"
#include "fhir/operation/fhir_operations.h"
#include "fhir/query/fhir_grant.h"
#include "fhir/query/fhir_sql.h"
#include "fhir/search/fhir_search.h"

typedef struct span_t {
    const char *start, *end, *since;
} span_t;

static fhir_err_t *add(fhir_qnode_t *to, fhir_query_t *query, const fhir_call_t *call,
                       const char *name, const char *prefix, const char *value)
{
    fhir_qnode_t *node;
    FHIR_TRY(fhir_query_condition(&node, &query->links, call, query->type, name,
                                  apr_pstrcat(call->pool, prefix, value, NULL)));
    fhir_query_add(to, node);
    return NULL;
}

/* start and end limit the time of care: the date that orders a patient's rows. A resource without a
 * date is always included. */
static fhir_err_t *within(fhir_query_t *query, const fhir_call_t *call, const char *prefix,
                          const char *value)
{
    const char *date =
        query->type->patient_date
            ? fhir_model_str(call->stored, call->stored->params[query->type->patient_date].name)
            : NULL;
    fhir_qnode_t *any = fhir_query_node(call, FHIR_Q_OR, query->type);
    if (!date || !value)
        return NULL;
    FHIR_TRY(add(any, query, call, date, prefix, value));
    FHIR_TRY(add(any, query, call, apr_pstrcat(call->pool, date, ":missing", NULL), "true", ""));
    fhir_query_add(query->where, any);
    return NULL;
}

static fhir_err_t *narrow(fhir_query_t *query, const fhir_call_t *call, void *baton)
{
    const span_t *span = baton;
    FHIR_TRY(within(query, call, "ge", span->start));
    FHIR_TRY(within(query, call, "le", span->end));
    return span->since ? add(query->where, query, call, "_lastUpdated", "ge", span->since) : NULL;
}

static int wanted(const char *types, const char *name)
{
    apr_size_t len = strlen(name);
    for (const char *p = types; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
        if (strcspn(p, ",") == len && !memcmp(p, name, len))
            return 1;
    return !types;
}

/* The resource itself first, then its compartment in the model's order. */
static fhir_err_t *types_of(apr_array_header_t **types, const fhir_call_t *call,
                            const fhir_type_t *focus, const char *list)
{
    const fhir_model_t *m = call->stored;
    int n = 0;
    *types = apr_array_make(call->pool, 64, sizeof(const fhir_type_t *));
    for (int i = 0; i <= m->n_resources; i++) {
        const fhir_type_t *type = i ? &m->types[i] : focus;
        if (!fhir_spoken_serves(call->endpoint, type) ||
            (i && (type == focus || !fhir_model_compartment(m, focus, type))) ||
            !wanted(list, fhir_model_str(m, type->name)))
            continue;
        n++;
        if (fhir_grant_allows(call->grant, m, type, FHIR_RIGHT_SEARCH))
            APR_ARRAY_PUSH(*types, const fhir_type_t *) = type;
    }
    if (!n)
        return fhir_err_create(
            call->pool, FHIR_ERR_PARAM_VALUE,
            "_type: none of %s is in the compartment of %s; resources outside of it are returned "
            "with those that refer to them, as in _type=Observation,Practitioner",
            list, fhir_model_str(m, focus->name));
    return (*types)->nelts ? NULL
                           : fhir_err_create(call->pool, FHIR_ERR_FORBIDDEN,
                                             "The access token has no scope for any of these "
                                             "types");
}

static void refer(apr_array_header_t *includes, const apr_array_header_t *types,
                  const fhir_type_t *focus, const fhir_type_t *target)
{
    for (int i = 0; i < types->nelts; i++)
        APR_ARRAY_PUSH(includes, fhir_qinclude_t) =
            (fhir_qinclude_t){.source = APR_ARRAY_IDX(types, i, const fhir_type_t *),
                              .target = target,
                              .outside = focus};
}

/* Resources outside of the compartment that the page refers to are included; with _type, only those
 * types. */
static apr_array_header_t *references(const fhir_call_t *call, const fhir_type_t *focus,
                                      const apr_array_header_t *types, const char *list)
{
    const fhir_model_t *m = call->stored;
    apr_array_header_t *includes = apr_array_make(call->pool, 64, sizeof(fhir_qinclude_t));
    if (!list)
        refer(includes, types, focus, NULL);
    for (int i = 1; list && i <= m->n_resources; i++)
        if (&m->types[i] != focus && !fhir_model_compartment(m, focus, &m->types[i]) &&
            wanted(list, fhir_model_str(m, m->types[i].name)))
            refer(includes, types, focus, &m->types[i]);
    return includes;
}

/* Removes the operation's own parameters; the search gets the rest. */
static void divide(fhir_search_t *search, span_t *span, const char **list,
                   const fhir_pairs_t *pairs, apr_pool_t *pool)
{
    apr_size_t size = sizeof(fhir_pair_t) * (apr_size_t)(pairs->n + 1);
    search->pairs.list = apr_palloc(pool, size);
    for (int i = 0; i < pairs->n; i++) {
        const fhir_pair_t *pair = &pairs->list[i];
        const char **own = !strcmp(pair->name, "start")    ? &span->start
                           : !strcmp(pair->name, "end")    ? &span->end
                           : !strcmp(pair->name, "_since") ? &span->since
                           : !strcmp(pair->name, "_type")  ? list
                                                           : NULL;
        if (!own)
            search->pairs.list[search->pairs.n++] = *pair;
        else
            *own = *own ? apr_pstrcat(pool, *own, ",", pair->value, NULL) : pair->value;
    }
}

static fhir_err_t *check_types(const fhir_call_t *call, const char *list)
{
    char *rest = apr_pstrdup(call->pool, list), *name;
    while ((name = apr_strtok(rest, ",", &rest)) != NULL)
        if (!fhir_model_resource(call->stored, name, strlen(name)))
            return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                                   "_type: \"%s\" is not a resource type", name);
    return NULL;
}

/* A resource that does not exist has no compartment. */
static fhir_err_t *check_focus(fhir_call_t *call)
{
    apr_int64_t found = 0;
    const fhir_granted_t *granted;
    FHIR_TRY(fhir_grant_resolve(&granted, call, call->type));
    fhir_sql_t *sql = fhir_sql_create(call);
    fhir_buf_printf(sql->text,
                    "SELECT t.id FROM %s t WHERE t.id = ", fhir_call_table(call, call->type, ""));
    fhir_sql_bind(sql, call->id, "text");
    fhir_grant_sql(sql, "t", granted, FHIR_RIGHT_READ);
    fhir_stmt_t stmt;
    FHIR_TRY(fhir_sql_stmt(&stmt, sql, FHIR_STMT_SHORT));
    FHIR_TRY(fhir_call_run(call, &stmt, fhir_sql_values(sql), NULL, NULL, &found));
    if (found)
        return NULL;
    FHIR_TRY(fhir_grant_check(call, call->type, FHIR_RIGHT_READ));
    return fhir_err_create(call->pool, FHIR_ERR_NOT_FOUND, "There is no %s/%s",
                           fhir_model_str(call->stored, call->type->name), call->id);
}

fhir_err_t *fhir_op_everything(fhir_call_t *call)
{
    static const char *const known[] = {"start",  "end",     "_since", "_type",
                                        "_count", "_cursor", NULL};
    fhir_search_t search = {.focus = call->type, .narrow = narrow, .alike = 1};
    span_t span = {NULL, NULL, NULL};
    const char *list = NULL, *name = fhir_model_str(call->stored, call->type->name);
    fhir_pairs_t pairs;
    FHIR_TRY(fhir_operation_pairs(&pairs, call));
    FHIR_TRY(fhir_operation_check(call, &pairs, known));
    if (!call->id)
        call->id = call->grant->patient;
    if (!call->id)
        return fhir_err_create(call->pool, FHIR_ERR_LIMIT,
                               "Say of whom: [base]/%s/[id]/$everything", name);
    divide(&search, &span, &list, &pairs, call->pool);
    search.said = fhir_operation_said(&pairs, call->pool);
    FHIR_TRY(fhir_operation_date(call, "start", span.start));
    FHIR_TRY(fhir_operation_date(call, "end", span.end));
    FHIR_TRY(fhir_operation_date(call, "_since", span.since));
    if (list)
        FHIR_TRY(check_types(call, list));
    FHIR_TRY(check_focus(call));
    apr_array_header_t *types;
    FHIR_TRY(types_of(&types, call, call->type, list));
    search.types = (const fhir_type_t **)types->elts;
    search.n_types = types->nelts;
    search.focus_id = call->id;
    search.more = references(call, call->type, types, list);
    search.path = apr_pstrcat(call->pool, name, "/", call->id, "/$everything", NULL);
    search.baton = &span;
    call->type = NULL;
    FHIR_TRY(fhir_call_subset(call, &pairs));
    return fhir_search_run(call, &search);
}
