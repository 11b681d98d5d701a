/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interactions that search: type, system, compartment, by URL or form. fhir_search_run.c has
 * the common part.
 * Source: http://hl7.org/fhir/R4/http.html#search, http://hl7.org/fhir/R4/search.html#mime-type
 */
#include "fhir/search/fhir_search.h"
#include "fhir/query/fhir_sql.h"

#include <apr_strings.h>
#include <stdlib.h>

#include "fhir/fhir_interactions.h"
#include "fhir/fhir_spoken.h"
#include "fhir/query/fhir_grant.h"
#include "fhir/query/fhir_spoken_query.h"

/* The parameters of a POST are those of its URL, then those of its form. The format is decided when
 * all are known: _format overrides Accept, wherever it is. */
static fhir_err_t *take_form(fhir_search_t *search, fhir_call_t *call)
{
    static const char form[] = "application/x-www-form-urlencoded";
    const char *type = fhir_call_header(call, "Content-Type");
    const char *body = NULL;
    apr_size_t len = 0;
    search->pairs = call->pairs;
    if (strcmp(call->request->method, "POST"))
        return NULL;
    FHIR_TRY(
        call->request->read_body(&body, &len, call->request, call->endpoint->limits.query_max));
    if (!len)
        return fhir_call_negotiate(call, &search->pairs);
    if (!type || strncasecmp(type, form, sizeof(form) - 1))
        return fhir_err_create(call->pool, FHIR_ERR_MEDIA_TYPE,
                               "_search accepts its parameters as %s", form);
    fhir_pairs_t more;
    FHIR_TRY(fhir_pairs_parse(&more, apr_pstrmemdup(call->pool, body, len),
                              call->endpoint->limits.query_max, call->pool));
    fhir_pairs_append(&search->pairs, &more, call->pool);
    return fhir_call_negotiate(call, &search->pairs);
}

/* A type in the path must not be contradicted by a parameter. */
static fhir_err_t *refuse_types(fhir_search_t *search, const fhir_call_t *call)
{
    static const char why[] = "_type is for searches of several types, [base]?_type=… and "
                              "[type]/[id]/*?_type=…; here the path names the type";
    fhir_pairs_t *pairs = &search->pairs;
    int n = 0;
    if (!fhir_pairs_get(pairs, "_type"))
        return NULL;
    if (!fhir_call_prefers(call, "handling=lenient"))
        return fhir_err_create(call->pool, FHIR_ERR_PARAM_UNKNOWN, "%s", why);
    pairs->list = apr_pmemdup(call->pool, pairs->list, sizeof(*pairs->list) * (apr_size_t)pairs->n);
    for (int i = 0; i < pairs->n; i++)
        if (strcmp(pairs->list[i].name, "_type") != 0)
            pairs->list[n++] = pairs->list[i];
    pairs->n = n;
    search->remark = apr_pstrcat(call->pool, "_type was ignored: ", why, NULL);
    return NULL;
}

static fhir_err_t *push_type(apr_array_header_t *types, fhir_call_t *call, const char *name)
{
    const fhir_type_t *type = fhir_model_resource(call->stored, name, strlen(name));
    if (!type)
        return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                               "_type: \"%s\" is not a resource type", name);
    for (int i = 0; i < types->nelts; i++)
        if (APR_ARRAY_IDX(types, i, const fhir_type_t *) == type)
            return NULL;
    APR_ARRAY_PUSH(types, const fhir_type_t *) = type;
    return NULL;
}

static int by_index(const void *a, const void *b)
{
    const fhir_type_t *x = *(const fhir_type_t *const *)a, *y = *(const fhir_type_t *const *)b;
    return x < y ? -1 : x > y;
}

/* The types of _type, or all, in the model's order, so that pages are consistent. */
static fhir_err_t *listed_types(apr_array_header_t *types, fhir_call_t *call,
                                const fhir_pairs_t *pairs)
{
    for (int i = 0; i < pairs->n; i++) {
        char *rest = apr_pstrdup(call->pool, pairs->list[i].value);
        if (strcmp(pairs->list[i].name, "_type") != 0)
            continue;
        char *name;
        while ((name = apr_strtok(rest, ",", &rest)) != NULL)
            FHIR_TRY(push_type(types, call, name));
    }
    if (!fhir_pairs_get(pairs, "_type")) {
        for (int i = 1; i <= call->stored->n_resources; i++)
            if (!(call->stored->types[i].flags & FHIR_TYPE_ABSTRACT) &&
                fhir_spoken_serves(call->endpoint, &call->stored->types[i]))
                APR_ARRAY_PUSH(types, const fhir_type_t *) = &call->stored->types[i];
    }
    if (!types->nelts)
        return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE, "_type has an empty value");
    qsort(types->elts, (apr_size_t)types->nelts, sizeof(const fhir_type_t *), by_index);
    return NULL;
}

/* Keeps the types that are in the compartment, and that of its owner. */
static fhir_err_t *keep_members(apr_array_header_t *types, const fhir_call_t *call)
{
    const fhir_model_t *m = call->stored;
    const char *asked = strcmp(call->member, "*") ? call->member : "any of these types";
    int n = 0, members = 0;
    for (int i = 0; i < types->nelts; i++) {
        const fhir_type_t *type = APR_ARRAY_IDX(types, i, const fhir_type_t *);
        int is_member = fhir_model_compartment(m, call->type, type) != NULL;
        members += is_member;
        if (is_member || type == call->type)
            APR_ARRAY_IDX(types, n++, const fhir_type_t *) = type;
    }
    types->nelts = n;
    return members ? NULL
                   : fhir_err_create(call->pool, FHIR_ERR_NOT_FOUND,
                                     "There is no compartment of %s that contains %s",
                                     fhir_model_str(m, call->type->name), asked);
}

/* Keeps the types that the grant allows to search; omitting the others is not an error. */
static void keep_visible(apr_array_header_t *types, const fhir_call_t *call)
{
    int n = 0;
    for (int i = 0; i < types->nelts; i++) {
        const fhir_type_t *type = APR_ARRAY_IDX(types, i, const fhir_type_t *);
        if (fhir_grant_allows(call->grant, call->stored, type, FHIR_RIGHT_SEARCH))
            APR_ARRAY_IDX(types, n++, const fhir_type_t *) = type;
    }
    types->nelts = n;
}

/* _elements belong to the searched type, which is known only now. */
static fhir_err_t *run(fhir_call_t *call, fhir_search_t *search, apr_array_header_t *types)
{
    if (!types->nelts &&
        call->type) /* of another release: the error names the scope that is needed */
        FHIR_TRY(fhir_grant_check(call, call->type, FHIR_RIGHT_SEARCH));
    call->type = types->nelts == 1 ? APR_ARRAY_IDX(types, 0, const fhir_type_t *) : NULL;
    FHIR_TRY(fhir_call_subset(call, &search->pairs));
    search->types = (const fhir_type_t **)types->elts;
    search->n_types = types->nelts;
    if (!types->nelts)
        return fhir_err_create(call->pool, FHIR_ERR_FORBIDDEN,
                               "The access token has no scope to search here");
    return fhir_search_run(call, search);
}

static apr_array_header_t *new_types(const fhir_call_t *call)
{
    return apr_array_make(call->pool, 1, sizeof(const fhir_type_t *));
}

/* A search in the terms of a release that is not the stored one. */
static fhir_err_t *run_spoken(fhir_call_t *call, fhir_search_t *search)
{
    FHIR_TRY(take_form(search, call));
    fhir_spoken_query_t *query;
    FHIR_TRY(fhir_spoken_query_parse(&query, call, &search->pairs,
                                     fhir_call_prefers(call, "handling=strict")));
    apr_array_header_t *types = apr_array_copy(call->pool, query->types);
    keep_visible(types, call);
    call->as = call->type_name;
    search->pairs = query->pairs;
    search->said = &query->said;
    search->remarks = query->remarks;
    search->narrow = fhir_spoken_query_narrow;
    search->baton = query;
    return run(call, search, types);
}

fhir_err_t *fhir_search_handle(fhir_call_t *call)
{
    fhir_search_t search = {.path = call->type_name};
    apr_array_header_t *types = new_types(call);
    if (fhir_spoken_differs(call))
        return run_spoken(call, &search);
    FHIR_TRY(fhir_grant_check(call, call->type, FHIR_RIGHT_SEARCH));
    FHIR_TRY(take_form(&search, call));
    FHIR_TRY(refuse_types(&search, call));
    int done;
    FHIR_TRY(fhir_search_carried(&done, call, &search.pairs));
    if (done)
        return NULL;
    APR_ARRAY_PUSH(types, const fhir_type_t *) = call->type;
    return run(call, &search, types);
}

fhir_err_t *fhir_search_system_handle(fhir_call_t *call)
{
    fhir_search_t search = {.path = ""};
    apr_array_header_t *types = new_types(call);
    if (fhir_spoken_differs(call))
        return fhir_err_create(call->pool, FHIR_ERR_METHOD,
                               "A search of all types is not supported in FHIR %s; name the type",
                               call->spoken->label);
    FHIR_TRY(take_form(&search, call));
    FHIR_TRY(listed_types(types, call, &search.pairs));
    keep_visible(types, call);
    return run(call, &search, types);
}

/* Patient/1/Observation, Patient/1/ * */
fhir_err_t *fhir_search_compartment_handle(fhir_call_t *call)
{
    fhir_search_t search = {.focus = call->type, .focus_id = call->id};
    apr_array_header_t *types = new_types(call);
    const char *focus = call->type_name;
    if (fhir_spoken_differs(call)) {
        search.path = apr_pstrcat(call->pool, focus, "/", call->id, "/", call->member, NULL);
        if (!fhir_spoken_take_type(call, call->member))
            return fhir_err_create(call->pool, FHIR_ERR_TYPE_UNKNOWN,
                                   "FHIR %s has no resource type \"%s\"", call->spoken->label,
                                   call->member);
        return run_spoken(call, &search);
    }
    FHIR_TRY(take_form(&search, call));
    if (!strcmp(call->member, "*")) {
        FHIR_TRY(listed_types(types, call, &search.pairs));
    }
    else {
        if (!fhir_model_resource(call->stored, call->member, strlen(call->member)))
            return fhir_err_create(call->pool, FHIR_ERR_TYPE_UNKNOWN,
                                   "FHIR %s has no resource type \"%s\"", call->spoken->label,
                                   call->member);
        FHIR_TRY(refuse_types(&search, call));
        FHIR_TRY(push_type(types, call, call->member));
    }
    FHIR_TRY(keep_members(types, call));
    keep_visible(types, call);
    search.path = apr_pstrcat(call->pool, focus, "/", call->id, "/", call->member, NULL);
    return run(call, &search, types);
}
