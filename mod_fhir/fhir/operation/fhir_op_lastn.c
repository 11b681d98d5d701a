/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Observation/$lastn: the last n observations of each kind, of one patient. It is a search that is
 * narrowed to these.
 *
 * Two observations are of one kind when they have a coding in common, directly or by way of others;
 * without codings, when they have the same text. Observations of the same time are all returned.
 * Source: http://hl7.org/fhir/R4/observation-operation-lastn.html
 */
#include <apr_strings.h>
#include <stdlib.h>

#include "core/fhir_hash.h"
#include "fhir/operation/fhir_operations.h"
#include "fhir/query/fhir_cost.h"
#include "fhir/query/fhir_grant.h"
#include "fhir/search/fhir_search.h"

/* A kind, or a part of one: parts that turn out to be the same kind are linked. */
typedef struct kind_t kind_t;
struct kind_t {
    kind_t *same;     /* NULL: it is the kind itself */
    int rows, rank;   /* observations so far, and the rank of the last one; those of the same time
                         share a rank */
    const char *when; /* time of the last one */
};
typedef struct found_t {
    const char *id, *when;
    kind_t *kind;
} found_t;

typedef struct lastn_t {
    apr_pool_t *pool;
    int max;
    const char *said;          /* max as the client sent it, or NULL */
    apr_hash_t *kinds;         /* by patient and coding; by patient and all codings, or text */
    apr_array_header_t *found; /* of found_t, newest first */
} lastn_t;

static kind_t *root(kind_t *kind)
{
    while (kind->same)
        kind = kind->same;
    return kind;
}

/* The kind of a key. If known is not NULL, both are joined. */
static kind_t *join(lastn_t *lastn, const char *key, kind_t *known)
{
    kind_t *kind = apr_hash_get(lastn->kinds, key, APR_HASH_KEY_STRING);
    if (!kind) {
        kind = known ? known : apr_pcalloc(lastn->pool, sizeof(*kind));
        apr_hash_set(lastn->kinds, apr_pstrdup(lastn->pool, key), APR_HASH_KEY_STRING, kind);
    }
    kind = root(kind);
    if (known && root(known) != kind)
        root(known)->same = kind;
    return kind;
}

/* The kind of a patient's codings, one on each line. */
static kind_t *kind_of(lastn_t *lastn, const char *patient, const char *codings)
{
    const char *whole = apr_pstrcat(lastn->pool, patient, "\n\n", codings, NULL);
    kind_t *kind = apr_hash_get(lastn->kinds, whole, APR_HASH_KEY_STRING);
    char *rest = apr_pstrdup(lastn->pool, codings);
    if (kind)
        return kind;
    char *coding;
    while ((coding = apr_strtok(rest, "\n", &rest)) != NULL)
        kind = join(lastn, apr_pstrcat(lastn->pool, patient, "\n", coding, NULL), kind);
    return join(lastn, whole, kind);
}

/* Columns: id, patient, codings, time. */
static fhir_err_t *on_row(void *baton, const fhir_row_t *row)
{
    lastn_t *lastn = baton;
    found_t *found = apr_array_push(lastn->found);
    found->id = apr_pstrdup(lastn->pool, fhir_row_text(row, 0));
    found->kind = kind_of(lastn, fhir_row_text(row, 1), fhir_row_text(row, 2));
    found->when = apr_pstrdup(lastn->pool, fhir_row_text(row, 3));
    return NULL;
}

static fhir_err_t *find(lastn_t *lastn, const fhir_query_t *query, const fhir_call_t *call)
{
    fhir_sql_t *sql = fhir_sql_create(call);
    fhir_buf_puts(sql->text,
                  "SELECT t.id, t.patient, coalesce(nullif(array_to_string(ARRAY(SELECT c FROM "
                  "unnest(t.code) c WHERE strpos(c, '|') > 0), E'\\n'), ''), "
                  "t.resource::jsonb #>> '{code,text}'), t.patient_date");
    fhir_sql_from(sql, query);
    fhir_buf_puts(sql->text, " ORDER BY t.patient_date DESC");
    fhir_stmt_t stmt;
    FHIR_TRY(fhir_sql_stmt(&stmt, sql, FHIR_STMT_STREAM));
    return fhir_cost_run(sql, &stmt, query, NULL, on_row, lastn);
}

/* 1 if it is among the last of its kind. It must be called from the newest to the oldest. */
static int is_last(const lastn_t *lastn, const found_t *found)
{
    kind_t *kind = root(found->kind);
    kind->rows++;
    if (!kind->when || strcmp(kind->when, found->when))
        kind->rank = kind->rows;
    kind->when = found->when;
    return kind->rank <= lastn->max;
}

static fhir_err_t *narrow(fhir_query_t *query, const fhir_call_t *call, void *baton)
{
    lastn_t *lastn = baton;
    fhir_qnode_t *any = fhir_query_node(call, FHIR_Q_OR, query->type);
    fhir_qnode_t *node = fhir_query_node(call, FHIR_Q_TEST, query->type);
    if (!fhir_query_of_one_patient(query, call))
        return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                               "$lastn needs the patient, as in $lastn?patient=123");
    FHIR_TRY(find(lastn, query, call));
    fhir_qvalue_t *values =
        apr_pcalloc(call->pool, sizeof(*values) * (apr_size_t)(lastn->found->nelts + 1));
    for (int i = 0; i < lastn->found->nelts; i++) {
        const found_t *found = &APR_ARRAY_IDX(lastn->found, i, found_t);
        if (is_last(lastn, found))
            values[node->n_values++].code = found->id;
    }
    node->param = fhir_query_param(call, query->type, "_id", 3);
    node->values = values;
    if (node->n_values)
        fhir_query_add(any, node);
    fhir_query_add(query->where, any);
    if (lastn->said) /* there is room for one more parameter */
        query->applied.list[query->applied.n++] = (fhir_pair_t){"max", lastn->said};
    return NULL;
}

/* Removes max from the parameters; the rest is a search. */
static fhir_err_t *take_max(lastn_t *lastn, fhir_pairs_t *to, const fhir_pairs_t *pairs,
                            const fhir_call_t *call)
{
    to->list = apr_palloc(call->pool, sizeof(*to->list) * (apr_size_t)(pairs->n + 1));
    for (int i = 0; i < pairs->n; i++) {
        const char *value = pairs->list[i].value;
        if (strcmp(pairs->list[i].name, "max")) {
            to->list[to->n++] = pairs->list[i];
            continue;
        }
        lastn->max = strlen(value) < 5 ? atoi(value) : 0;
        if (strspn(value, "0123456789") != strlen(value) || lastn->max < 1 || lastn->max > 1000)
            return fhir_err_create(
                call->pool, FHIR_ERR_PARAM_VALUE,
                "\"%s\" is not a valid value for max, which accepts a whole number from 1 to 1000",
                value);
        lastn->said = value;
    }
    return NULL;
}

fhir_err_t *fhir_op_lastn(fhir_call_t *call)
{
    lastn_t lastn = {call->pool, 1, NULL, fhir_hash_make(call->pool),
                     apr_array_make(call->pool, 64, sizeof(found_t))};
    fhir_search_t search = {.types = &call->type,
                            .n_types = 1,
                            .path = "Observation/$lastn",
                            .narrow = narrow,
                            .baton = &lastn};
    FHIR_TRY(fhir_grant_check(call, call->type, FHIR_RIGHT_SEARCH));
    fhir_pairs_t pairs;
    FHIR_TRY(fhir_operation_pairs(&pairs, call));
    FHIR_TRY(take_max(&lastn, &search.pairs, &pairs, call));
    FHIR_TRY(fhir_call_subset(call, &pairs));
    return fhir_search_run(call, &search);
}
