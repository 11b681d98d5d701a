/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole query: its conditions, and its self link. The result parameters are in
 * fhir_query_result.c.
 */
#include <apr_strings.h>

#include "core/fhir_digest.h"
#include "fhir/query/fhir_query.h"

static fhir_err_t *take(fhir_query_t *query, const fhir_call_t *call, const fhir_pair_t *pair,
                        int *in_self)
{
    int known = 0;
    *in_self = 1;
    FHIR_TRY(fhir_query_result(&known, in_self, query, call, pair));
    if (known)
        return NULL;
    fhir_qnode_t *node;
    FHIR_TRY(
        fhir_query_condition(&node, &query->links, call, query->type, pair->name, pair->value));
    node->said = *pair;
    fhir_query_add(query->where, node);
    return NULL;
}

/* Parameters of the format, in which the same page may be written in several ways. */
static int is_bound(const fhir_pair_t *pair)
{
    return strcmp(pair->name, "_format") && strcmp(pair->name, "_pretty") &&
           strcmp(pair->name, "_explain");
}

int fhir_query_ignores(const fhir_err_t *err)
{
    return err->code == FHIR_ERR_PARAM_UNKNOWN || err->code == FHIR_ERR_PARAM_VALUE;
}

void fhir_query_remark(fhir_query_t *query, const fhir_call_t *call, const char *name,
                       const fhir_err_t *err)
{
    APR_ARRAY_PUSH(query->remarks, const char *) =
        apr_psprintf(call->pool, "%s was ignored: %s", name, err->message);
}

/* A parameter without a value is ignored with a warning: forms send empty fields. */
static int is_ignored(const fhir_err_t *err, const fhir_pair_t *pair, int lenient)
{
    return lenient ? fhir_query_ignores(err) : err->code == FHIR_ERR_PARAM_VALUE && !*pair->value;
}

/* A page link is valid only for the query that it was made for. */
static void hash_of(unsigned char hash[FHIR_DIGEST_LEN], const fhir_query_t *query,
                    const fhir_call_t *call, const char *path)
{
    fhir_digest_ctx_t *digest = fhir_digest_create(call->pool);
    fhir_digest_add(digest, path, strlen(path) + 1);
    for (int i = 0; i < query->applied.n; i++) {
        const fhir_pair_t *pair = &query->applied.list[i];
        if (!is_bound(pair))
            continue;
        fhir_digest_add(digest, pair->name, strlen(pair->name) + 1);
        fhir_digest_add(digest, pair->value, strlen(pair->value) + 1);
    }
    fhir_digest_finish(hash, digest);
}

fhir_err_t *fhir_query_count(const fhir_call_t *call, const fhir_pairs_t *pairs)
{
    int most = call->endpoint->search.params_max;
    return pairs->n <= most
               ? NULL
               : fhir_err_create(call->pool, FHIR_ERR_LIMIT,
                                 "The query has %d parameters; at most %d are accepted", pairs->n,
                                 most);
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
    query->count = fhir_call_count(call, call->endpoint->paging.count_default);
    FHIR_TRY(fhir_query_count(call, pairs));
    query->applied.list = apr_palloc(call->pool, sizeof(fhir_pair_t) * (apr_size_t)(pairs->n + 1));
    for (int i = 0; i < pairs->n; i++) {
        int in_self, sorts = query->sort->nelts, includes = query->include->nelts;
        fhir_err_t *err = take(query, call, &pairs->list[i], &in_self);
        if (err && !is_ignored(err, &pairs->list[i], lenient))
            return err;
        if (err) {
            query->sort->nelts = sorts;
            query->include->nelts = includes;
            fhir_query_remark(query, call, pairs->list[i].name, err);
        }
        else if (in_self) {
            fhir_pair_t *said = &query->applied.list[query->applied.n++];
            *said = pairs->list[i];
            if (!strcmp(said->name, "_count")) /* it may have been reduced */
                said->value = apr_itoa(call->pool, query->count);
        }
    }
    *out = query;
    return NULL;
}

void fhir_query_bind(fhir_query_t *query, const fhir_call_t *call, const char *path,
                     const fhir_pairs_t *said)
{
    unsigned char *hash = apr_palloc(call->pool, FHIR_QUERY_HASH);
    if (said)
        query->applied = *said;
    hash_of(hash, query, call, path);
    query->hash = (const char *)hash;
}
