/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains to few resources. For Encounter?participant:Practitioner.name=x the ids of the
 * practitioners are asked for first, then an index finds the encounters that refer to them. In one
 * statement, the participants of each encounter would be looked up. A chain to many resources stays
 * as it is.
 */
#include <apr_strings.h>

#include "fhir/query/fhir_canonical.h"
#include "fhir/query/fhir_cost.h"
#include "fhir/query/fhir_grant.h"
#include "fhir/search/fhir_search.h"

#define FEW 50

typedef struct found_t {
    int n;
    fhir_qvalue_t values[FEW + 1];
    const fhir_qnode_t *node;
    apr_pool_t *pool;
} found_t;

static fhir_err_t *on_id(void *baton, const fhir_row_t *row)
{
    found_t *found = baton;
    fhir_qvalue_t *value = &found->values[found->n++];
    value->type = found->node->target;
    value->id = value->text = apr_pstrdup(found->pool, fhir_row_text(row, 0));
    return NULL;
}

/* Not for patients: a search of one patient has an order of its own. */
static int is_plain(const fhir_call_t *call, const fhir_qnode_t *node)
{
    const fhir_param_t *p = node->param;
    return node->kind == FHIR_Q_CHAIN && !node->held && !fhir_canonical_holds(p) &&
           (p->column_kind == FHIR_COL_REFERENCE || p->column_kind == FHIR_COL_REFERENCES) &&
           !(p->flags & (FHIR_PARAM_UNION | FHIR_PARAM_INSIDE | FHIR_PARAM_TYPED)) &&
           strcmp(fhir_model_str(call->stored, node->target->name), "Patient") != 0;
}

static fhir_err_t *look_up(found_t *found, const fhir_call_t *call)
{
    const fhir_qnode_t *node = found->node;
    fhir_stmt_t stmt;
    fhir_sql_t *sql = fhir_sql_create(call);
    const char *alias = fhir_sql_alias(sql);
    fhir_buf_printf(sql->text, "SELECT %s.id FROM %s %s WHERE ", alias,
                    fhir_call_table(call, node->target, ""), alias);
    fhir_sql_node(sql, alias, node->child);
    fhir_grant_sql(sql, alias, node->granted, FHIR_RIGHT_SEARCH);
    fhir_buf_puts(sql->text, " LIMIT ");
    fhir_sql_bind_int(sql, FEW + 1, "bigint");
    FHIR_TRY(fhir_sql_stmt(&stmt, sql, FHIR_STMT_ONCE));
    return fhir_cost_run(sql, &stmt, NULL, NULL, on_id, found);
}

static fhir_err_t *shorten(fhir_qnode_t *node, const fhir_call_t *call)
{
    found_t *found = apr_pcalloc(call->pool, sizeof(*found));
    found->node = node;
    found->pool = call->pool;
    fhir_err_t *err = look_up(found, call);
    if (err && err->code == FHIR_ERR_LIMIT) /* the whole statement may cost less */
        return NULL;
    if (err || found->n > FEW)
        return err;
    node->kind = found->n ? FHIR_Q_TEST : FHIR_Q_OR; /* an empty OR is false */
    node->child = NULL;
    node->values = found->values;
    node->n_values = found->n;
    return NULL;
}

fhir_err_t *fhir_search_chains(const fhir_query_t *query, const fhir_call_t *call)
{
    if (call->tx) /* it may still write what the chain leads to */
        return NULL;
    for (fhir_qnode_t *n = query->where->child; n; n = n->next) {
        if (is_plain(call, n))
            FHIR_TRY(shorten(n, call));
        for (fhir_qnode_t *part = n->kind == FHIR_Q_OR ? n->child : NULL; part; part = part->next)
            if (is_plain(call, part))
                FHIR_TRY(shorten(part, call));
    }
    return NULL;
}
