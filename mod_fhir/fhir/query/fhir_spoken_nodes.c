/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions in R4's words as nodes of the plan. */
#include <apr_strings.h>

#include "fhir/fhir_spoken.h"
#include "fhir/query/fhir_spoken_private.h"
#include "fhir/query/fhir_spoken_query.h"

static fhir_err_t *part_node(fhir_qnode_t **out, fhir_query_t *query, const fhir_call_t *call,
                             const fhir_type_t *type, const fhir_spoken_part_t *part)
{
    fhir_qnode_t *node = NULL;

    if (*part->name == '$')
        FHIR_TRY(fhir_query_dates(&node, call, type, part->name, part->modifier, part->said,
                                  part->value));
    else if (strcmp(part->modifier, ":instant") == 0)
        FHIR_TRY(fhir_query_forced(&node, &query->links, call, type, part->name,
                                   FHIR_MODIFIER_INSTANT, part->value));
    else
        FHIR_TRY(fhir_query_condition(&node, &query->links, call, type,
                                      apr_pstrcat(call->pool, part->name, part->modifier, NULL),
                                      part->value));
    *out = node;
    if (part->negated) {
        *out = fhir_query_node(call, FHIR_Q_NOT, type);
        fhir_query_add(*out, node);
    }
    return NULL;
}

/* The alternatives of a condition on a type. */
static fhir_err_t *alternatives_node(fhir_qnode_t **out, fhir_query_t *query,
                                     const fhir_call_t *call, const fhir_type_t *type,
                                     const fhir_spoken_condition_t *c)
{
    fhir_qnode_t *either = fhir_query_node(call, FHIR_Q_OR, type), *node;
    int before = query->links, most = before; /* of several, one is a chain */

    for (int i = 0; i < c->alternatives->nelts; i++) {
        const apr_array_header_t *parts =
            APR_ARRAY_IDX(c->alternatives, i, const apr_array_header_t *);
        fhir_qnode_t *both = fhir_query_node(call, FHIR_Q_AND, type);
        query->links = before;
        for (int j = 0; j < parts->nelts; j++) {
            FHIR_TRY(
                part_node(&node, query, call, type, &APR_ARRAY_IDX(parts, j, fhir_spoken_part_t)));
            if (parts->nelts == 1)
                both = node;
            else
                fhir_query_add(both, node);
        }
        if (query->links > most)
            most = query->links;
        if (c->alternatives->nelts == 1)
            either = both;
        else
            fhir_query_add(either, both);
    }
    query->links = most;
    if (c->negated) {
        node = fhir_query_node(call, FHIR_Q_NOT, type);
        fhir_query_add(node, either);
        either = node;
    }
    *out = either;
    return NULL;
}

/* A chain leads only to what is shown. */
static fhir_err_t *add_shown(fhir_qnode_t *chain, const fhir_call_t *call)
{
    const fhir_convert_type_t *partly = fhir_spoken_partly();
    fhir_query_t shown = {.type = chain->target};

    if (strcmp(fhir_model_str(call->stored, chain->target->name), partly->r4) != 0)
        return NULL;
    shown.where = fhir_query_node(call, FHIR_Q_AND, chain->target);
    FHIR_TRY(fhir_spoken_query_always(&shown, call, partly->dstu2));
    fhir_query_add(shown.where, chain->child);
    chain->child = shown.where;
    return NULL;
}

/* The links of a chain, and at their end what must hold there. */
static fhir_err_t *chain_node(fhir_qnode_t **out, fhir_query_t *query, const fhir_call_t *call,
                              const fhir_spoken_chain_t *chain)
{
    fhir_qnode_t *both = fhir_query_node(call, FHIR_Q_AND, chain->type);

    FHIR_TRY(fhir_query_condition(out, &query->links, call, query->type,
                                  apr_pstrcat(call->pool, chain->path, "._id", NULL), "1"));
    fhir_qnode_t *node;
    for (int i = 0; i < chain->conditions->nelts; i++) {
        FHIR_TRY(alternatives_node(&node, query, call, chain->type,
                                   &APR_ARRAY_IDX(chain->conditions, i, fhir_spoken_condition_t)));
        fhir_query_add(both, node);
    }
    for (node = *out; node->child && node->child->kind != FHIR_Q_TEST; node = node->child)
        ; /* each step names its type, so each has one child */
    node->child = both->child && !both->child->next ? both->child : both;
    for (fhir_qnode_t *next, *link = *out; link != both && link->kind == FHIR_Q_CHAIN;
         link = next) {
        next = link == node ? both : link->child;
        FHIR_TRY(add_shown(link, call));
    }
    return NULL;
}

fhir_err_t *fhir_spoken_add_alternatives(fhir_query_t *query, const fhir_call_t *call,
                                         const fhir_spoken_condition_t *c)
{
    fhir_qnode_t *either;

    FHIR_TRY(alternatives_node(&either, query, call, query->type, c));
    fhir_query_add(query->where, either);
    return NULL;
}

fhir_err_t *fhir_spoken_add_node(fhir_query_t *query, const fhir_call_t *call,
                                 const fhir_spoken_condition_t *c)
{
    fhir_qnode_t *either = fhir_query_node(call, FHIR_Q_OR, query->type), *node = NULL;

    if (!c->chains)
        return fhir_spoken_add_alternatives(query, call, c);
    for (int i = 0; i < c->chains->nelts; i++) {
        FHIR_TRY(chain_node(&node, query, call, &APR_ARRAY_IDX(c->chains, i, fhir_spoken_chain_t)));
        fhir_query_add(either, node);
    }
    fhir_query_add(query->where, c->chains->nelts == 1 ? node : either);
    return NULL;
}
