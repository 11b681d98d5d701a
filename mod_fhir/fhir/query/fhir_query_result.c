/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Result parameters, which say how matches are returned: a table with one row each.
 * Source: http://hl7.org/fhir/R4/search.html#return
 */
#include <apr_strings.h>
#include <limits.h>
#include <stdlib.h>

#include "fhir/query/fhir_grant.h"
#include "fhir/query/fhir_query.h"

typedef fhir_err_t *(*result_fn)(fhir_query_t *query, const fhir_call_t *call,
                                 const fhir_pair_t *pair);

static fhir_err_t *bad(const fhir_call_t *call, const fhir_pair_t *pair, const char *accepted)
{
    return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                           "\"%s\" is not a valid value for %s, which accepts %s", pair->value,
                           pair->name, accepted);
}

/* A count above the maximum is reduced, which the specification allows. */
static fhir_err_t *take_count(fhir_query_t *query, const fhir_call_t *call, const fhir_pair_t *pair)
{
    apr_size_t len = strlen(pair->value);
    if (!len || strspn(pair->value, "0123456789") != len)
        return bad(call, pair, "a whole number, 0 for the number of matches only");
    query->count = fhir_call_count(call, len > 6 ? INT_MAX : atoi(pair->value));
    if (!query->count)
        query->summary_count = 1;
    return NULL;
}

static fhir_err_t *take_total(fhir_query_t *query, const fhir_call_t *call, const fhir_pair_t *pair)
{
    static const char *const words[] = {[FHIR_TOTAL_NONE] = "none",
                                        [FHIR_TOTAL_ESTIMATE] = "estimate",
                                        [FHIR_TOTAL_ACCURATE] = "accurate"};
    for (int i = FHIR_TOTAL_NONE; i <= FHIR_TOTAL_ACCURATE; i++)
        if (!strcmp(pair->value, words[i])) {
            query->total = (fhir_total_t)i;
            return NULL;
        }
    return bad(call, pair, "none, estimate or accurate");
}

/* The other words are formats. */
static fhir_err_t *take_summary(fhir_query_t *query, const fhir_call_t *call,
                                const fhir_pair_t *pair)
{
    (void)call;
    if (!strcmp(pair->value, "count"))
        query->summary_count = 1;
    return NULL;
}

static fhir_err_t *take_cursor(fhir_query_t *query, const fhir_call_t *call,
                               const fhir_pair_t *pair)
{
    (void)call;
    query->cursor = pair->value;
    return NULL;
}

static fhir_err_t *take_explain(fhir_query_t *query, const fhir_call_t *call,
                                const fhir_pair_t *pair)
{
    if (!call->endpoint->search.explain)
        return fhir_query_unknown(call, query->type, pair->name);
    if (!call->grant->all) /* a plan would show numbers about rows that the grant hides */
        return fhir_err_create(call->pool, FHIR_ERR_FORBIDDEN,
                               "_explain needs access to all stored data");
    if (strcmp(pair->value, "true") && strcmp(pair->value, "false"))
        return bad(call, pair, "true or false");
    query->explain = !strcmp(pair->value, "true");
    return NULL;
}

static fhir_err_t *take_contained(fhir_query_t *query, const fhir_call_t *call,
                                  const fhir_pair_t *pair)
{
    static const char *const words[] = {"false", "true", "both"};
    for (int i = 0; i < 3; i++)
        if (!strcmp(pair->value, words[i])) {
            query->contained = (fhir_contained_t)i;
            return NULL;
        }
    return bad(call, pair, "false, true or both");
}

static fhir_err_t *take_contained_type(fhir_query_t *query, const fhir_call_t *call,
                                       const fhir_pair_t *pair)
{
    query->contained_alone = !strcmp(pair->value, "contained");
    return query->contained_alone || !strcmp(pair->value, "container")
               ? NULL
               : bad(call, pair, "container or contained");
}

/* _sort=status,-date: at most as many keys as a page link holds. */
static fhir_err_t *take_sort(fhir_query_t *query, const fhir_call_t *call, const fhir_pair_t *pair)
{
    char *rest = apr_pstrdup(call->pool, pair->value), *name;
    int before = query->sort->nelts;
    while ((name = apr_strtok(rest, ",", &rest)) != NULL) {
        fhir_qsort_t *key = apr_array_push(query->sort);
        key->descending = *name == '-';
        name += key->descending;
        key->param = fhir_query_param(call, query->type, name, strlen(name));
        if (!key->param)
            return fhir_query_unknown(call, query->type, name);
        if (!fhir_query_sortable(call->stored, key->param))
            return fhir_err_create(
                call->pool, FHIR_ERR_PARAM_VALUE,
                "_sort cannot use %s: composite and special parameters have no order",
                fhir_model_str(call->stored, key->param->name));
    }
    if (query->sort->nelts == before)
        return bad(call, pair,
                   "search parameters separated by commas, with '-' before a descending one");
    return query->sort->nelts <= FHIR_SORT_MAX
               ? NULL
               : fhir_err_create(call->pool, FHIR_ERR_LIMIT, "_sort takes at most %d parameters",
                                 FHIR_SORT_MAX);
}

static fhir_err_t *bad_include(const fhir_call_t *call, const fhir_pair_t *pair, const char *why)
{
    return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                           "%s=%s: %s. The form is Type:parameter or Type:parameter:TargetType; * "
                           "stands for every reference",
                           pair->name, pair->value, why);
}

static fhir_err_t *include_target(fhir_qinclude_t *include, const fhir_call_t *call,
                                  const fhir_pair_t *pair, const char *name)
{
    include->target = fhir_model_resource(call->stored, name, strlen(name));
    if (!include->target ||
        (include->param && !fhir_query_targets(call, include->param, include->target)))
        return bad_include(call, pair,
                           apr_psprintf(call->pool, "it does not refer to \"%s\"", name));
    return NULL;
}

static fhir_err_t *include_param(fhir_qinclude_t *include, const fhir_call_t *call,
                                 const fhir_pair_t *pair, const char *name)
{
    if (!strcmp(name, "*"))
        return NULL;
    include->param = fhir_query_param(call, include->source, name, strlen(name));
    if (!include->param || include->param->kind != FHIR_PARAM_REFERENCE)
        return bad_include(
            call, pair,
            apr_psprintf(call->pool, "%s has no reference \"%s\"; it has %s",
                         fhir_model_str(call->stored, include->source->name), name,
                         fhir_query_known(call, include->source, FHIR_K(REFERENCE))));
    if (include->param->flags & FHIR_PARAM_INSIDE)
        return fhir_query_inside(call, include->param,
                                 apr_pstrcat(call->pool, pair->name, "=", pair->value, NULL));
    return NULL;
}

/* Type:parameter[:Target], Type:*, or * alone. */
static fhir_err_t *parse_include(fhir_qinclude_t *include, fhir_query_t *query,
                                 const fhir_call_t *call, const fhir_pair_t *pair)
{
    char *rest = apr_pstrdup(call->pool, pair->value);
    char *source = apr_strtok(rest, ":", &rest);
    if (!source)
        return bad_include(call, pair, "it is empty");
    if (!strcmp(source, "*"))
        return NULL;
    include->source = fhir_model_resource(call->stored, source, strlen(source));
    if (!include->source)
        return bad_include(call, pair,
                           apr_psprintf(call->pool, "\"%s\" is not a resource type", source));
    char *param;
    if ((param = apr_strtok(NULL, ":", &rest)) == NULL)
        return bad_include(call, pair, "it names no parameter");
    FHIR_TRY(include_param(include, call, pair, param));
    char *target;
    if ((target = apr_strtok(NULL, ":", &rest)) != NULL)
        FHIR_TRY(include_target(include, call, pair, target));
    if (include->reverse && !include->iterate && query->type && include->param &&
        !fhir_query_targets(call, include->param, query->type))
        return bad_include(call, pair,
                           apr_psprintf(call->pool, "it does not refer to %s",
                                        fhir_model_str(call->stored, query->type->name)));
    return NULL;
}

static fhir_err_t *take_include(fhir_query_t *query, const fhir_call_t *call,
                                const fhir_pair_t *pair)
{
    fhir_qinclude_t *include = apr_array_push(query->include);
    const char *modifier = strchr(pair->name, ':');
    memset(include, 0, sizeof(*include));
    include->reverse = !strncmp(pair->name, "_rev", 4);
    if (modifier) {
        /* :recurse is the name that :iterate had before R4 */
        include->iterate = !strcmp(modifier, ":iterate") || !strcmp(modifier, ":recurse");
        if (!include->iterate)
            return fhir_err_create(call->pool, FHIR_ERR_PARAM_UNKNOWN,
                                   "%.*s has no modifier \"%s\"; there is :iterate",
                                   (int)(modifier - pair->name), pair->name, modifier);
    }
    if (query->include->nelts > call->endpoint->search.includes_max)
        return fhir_err_create(call->pool, FHIR_ERR_LIMIT,
                               "At most %d _include and _revinclude are accepted in one search",
                               call->endpoint->search.includes_max);
    return parse_include(include, query, call, pair);
}

/* Parameters that are read elsewhere: content negotiation, parts of resources, the types of a
 * system search. */
static fhir_err_t *take_nothing(fhir_query_t *query, const fhir_call_t *call,
                                const fhir_pair_t *pair)
{
    (void)query;
    (void)call;
    (void)pair;
    return NULL;
}

#define IN_SELF  0x01u
#define MODIFIED 0x02u /* the name may have a modifier */
#define MANY     0x04u /* it may be repeated, and all values apply */
static const struct {
    const char *name;
    result_fn take;
    unsigned flags;
} results[] = {
    {"_contained", take_contained, IN_SELF},
    {"_containedType", take_contained_type, IN_SELF},
    {"_count", take_count, IN_SELF},
    {"_cursor", take_cursor, 0},
    {"_elements", take_nothing, IN_SELF | MANY},
    {"_explain", take_explain, IN_SELF},
    {"_format", take_nothing, IN_SELF},
    {"_include", take_include, IN_SELF | MODIFIED | MANY},
    {"_pretty", take_nothing, IN_SELF},
    {"_revinclude", take_include, IN_SELF | MODIFIED | MANY},
    {"_sort", take_sort, IN_SELF | MANY},
    {"_summary", take_summary, IN_SELF},
    {"_total", take_total, IN_SELF},
    {"_type", take_nothing, IN_SELF | MANY},
};

_Static_assert(sizeof(results) / sizeof(*results) <= FHIR_RESULTS_MAX, "room for each");

/* Some libraries send a parameter both in the URL and in the form: the same value twice is
 * accepted. */
static fhir_err_t *twice(const char *before, int *in_self, const fhir_call_t *call,
                         const fhir_pair_t *pair)
{
    *in_self = 0;
    return strcmp(before, pair->value)
               ? fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                                 "%s is given twice, as \"%.100s\" and as \"%.100s\"; one value is "
                                 "accepted",
                                 pair->name, before, pair->value)
               : NULL;
}

fhir_err_t *fhir_query_result(int *known, int *in_self, fhir_query_t *query,
                              const fhir_call_t *call, const fhir_pair_t *pair)
{
    for (apr_size_t i = 0; i < sizeof(results) / sizeof(*results); i++) {
        apr_size_t len = strlen(results[i].name);
        if (strncmp(pair->name, results[i].name, len) ||
            (pair->name[len] && !(pair->name[len] == ':' && results[i].flags & MODIFIED)))
            continue;
        *known = 1;
        *in_self = results[i].flags & IN_SELF;
        if (query->result[i] && !(results[i].flags & MANY))
            return twice(query->result[i], in_self, call, pair);
        FHIR_TRY(results[i].take(query, call, pair));
        query->result[i] = pair->value;
        return NULL;
    }
    return NULL;
}
