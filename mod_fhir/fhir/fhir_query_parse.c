/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole query: its conditions, result parameters, and what is said of it in the self link.
 * Source: http://hl7.org/fhir/R4/search.html#return
 */
#include <apr_lib.h>
#include <apr_strings.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "fhir/fhir_query.h"

/* A result parameter's parser. */
typedef fhir_err_t *(*result_fn)(fhir_query_t *query, const fhir_call_t *call, const char *value);

static fhir_err_t *bad(const fhir_call_t *call, const char *name, const char *value,
                       const char *accepted)
{
    return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                           "\"%s\" is no value for %s, which accepts %s", value, name, accepted);
}

/* A count over the maximum is lowered, as the specification lets a server do. */
static fhir_err_t *take_count(fhir_query_t *query, const fhir_call_t *call, const char *value)
{
    apr_size_t len = strlen(value);
    if (!len || strspn(value, "0123456789") != len)
        return bad(call, "_count", value, "a whole number, 0 for the number of matches only");
    query->count = len > 6 ? call->endpoint->count_max : atoi(value);
    if (query->count > call->endpoint->count_max)
        query->count = call->endpoint->count_max;
    if (!query->count)
        query->summary_count = 1;
    return NULL;
}

static fhir_err_t *take_total(fhir_query_t *query, const fhir_call_t *call, const char *value)
{
    static const char *const words[] = {"none", "estimate", "accurate"};
    for (int i = 0; i < 3; i++)
        if (!strcmp(value, words[i])) {
            query->total = (fhir_total_t)i;
            return NULL;
        }
    return bad(call, "_total", value, "none, estimate or accurate");
}

/* The other words are the formats' business. */
static fhir_err_t *take_summary(fhir_query_t *query, const fhir_call_t *call, const char *value)
{
    (void)call;
    if (!strcmp(value, "count"))
        query->summary_count = 1;
    return NULL;
}

static fhir_err_t *take_cursor(fhir_query_t *query, const fhir_call_t *call, const char *value)
{
    (void)call;
    query->cursor = value;
    return NULL;
}

/* Read elsewhere: content negotiation, parts of resources. */
static fhir_err_t *take_nothing(fhir_query_t *query, const fhir_call_t *call, const char *value)
{
    (void)query;
    (void)call;
    (void)value;
    return NULL;
}

#define RESULT_IN_SELF 0x01u
static const struct {
    const char *name;
    result_fn take;
    unsigned flags;
} results[] = {
    {"_count", take_count, RESULT_IN_SELF},      {"_cursor", take_cursor, 0},
    {"_elements", take_nothing, RESULT_IN_SELF}, {"_format", take_nothing, RESULT_IN_SELF},
    {"_pretty", take_nothing, RESULT_IN_SELF},   {"_summary", take_summary, RESULT_IN_SELF},
    {"_total", take_total, RESULT_IN_SELF},
};

static int find_result(const char *name)
{
    for (apr_size_t i = 0; i < sizeof(results) / sizeof(*results); i++)
        if (!strcmp(results[i].name, name))
            return (int)i;
    return -1;
}

static fhir_err_t *take(fhir_query_t *query, const fhir_call_t *call, const fhir_pair_t *pair,
                        int *in_self)
{
    int result = find_result(pair->name);
    fhir_qnode_t *node;
    *in_self = result < 0 || (results[result].flags & RESULT_IN_SELF);
    if (result >= 0)
        return results[result].take(query, call, pair->value);
    FHIR_TRY(fhir_query_condition(&node, call, query->type, pair->name, pair->value));
    fhir_query_add(query->where, node);
    return NULL;
}

/* Page links hold only for the query that they were made for. */
static const char *hash_of(const fhir_query_t *query, const fhir_call_t *call)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const char *type = query->type ? fhir_model_str(call->model, query->type->name) : "";
    EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
    EVP_DigestUpdate(ctx, type, strlen(type) + 1);
    for (int i = 0; i < query->applied.n; i++) {
        const fhir_pair_t *pair = &query->applied.list[i];
        EVP_DigestUpdate(ctx, pair->name, strlen(pair->name) + 1);
        EVP_DigestUpdate(ctx, pair->value, strlen(pair->value) + 1);
    }
    EVP_DigestFinal_ex(ctx, digest, &len);
    EVP_MD_CTX_free(ctx);
    return apr_pstrmemdup(call->pool, (const char *)digest, 32);
}

fhir_err_t *fhir_query_parse(fhir_query_t **out, const fhir_call_t *call, const fhir_type_t *type,
                             const fhir_pairs_t *pairs, int lenient)
{
    fhir_query_t *query = apr_pcalloc(call->pool, sizeof(*query));
    query->type = type;
    query->where = fhir_query_node(call, FHIR_Q_AND, type);
    query->sort = apr_array_make(call->pool, 1, sizeof(fhir_qsort_t));
    query->include = apr_array_make(call->pool, 1, sizeof(fhir_qinclude_t));
    query->remarks = apr_array_make(call->pool, 1, sizeof(const char *));
    query->count = call->endpoint->count_default;
    if (pairs->n > call->endpoint->params_max)
        return fhir_err_create(call->pool, FHIR_ERR_LIMIT,
                               "The query has %d parameters; at most %d are accepted", pairs->n,
                               call->endpoint->params_max);
    query->applied.list = apr_palloc(call->pool, sizeof(fhir_pair_t) * (apr_size_t)(pairs->n + 1));
    for (int i = 0; i < pairs->n; i++) {
        int in_self;
        fhir_err_t *err = take(query, call, &pairs->list[i], &in_self);
        if (err && (!lenient || err->code == FHIR_ERR_LIMIT))
            return err;
        if (err)
            APR_ARRAY_PUSH(query->remarks, const char *) =
                apr_psprintf(call->pool, "%s was ignored: %s", pairs->list[i].name, err->message);
        else if (in_self)
            query->applied.list[query->applied.n++] = pairs->list[i];
    }
    query->hash = hash_of(query, call);
    *out = query;
    return NULL;
}
