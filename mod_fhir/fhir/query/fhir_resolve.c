/* SPDX-License-Identifier: Apache-2.0 */
/* Walks over a plan and looks up what it names. Codes are in fhir_resolve_codes.c. */
#include "fhir/query/fhir_resolve.h"

#include <apr_strings.h>

#include "fhir/query/fhir_contained.h"
#include "fhir/query/fhir_grant.h"
#include "fhir/query/fhir_predicate.h"

/* ---- tests ---- */

/* The type of an id without a type in a hierarchy, and what the grant shows of it. */
static fhir_err_t *in_hierarchy(fhir_qvalue_t *value, const fhir_qnode_t *node,
                                const fhir_call_t *call, const fhir_resolving_t *within)
{
    const fhir_model_t *m = call->stored;
    if (!value->type && node->param->n_targets == 1)
        value->type = &m->types[m->targets[node->param->first_target]];
    if (!value->type)
        return fhir_err_create(
            call->pool, FHIR_ERR_PARAM_VALUE, "%s:%s needs the type with the id, as in Location/%s",
            fhir_model_str(m, node->param->name), fhir_modifier_word(node->modifier), value->id);
    if (!fhir_predicate_parent(call, value->type))
        return fhir_err_create(
            call->pool, FHIR_ERR_PARAM_UNKNOWN,
            ":%s needs a type with a hierarchy, such as Location and Organization; %s has none",
            fhir_modifier_word(node->modifier), fhir_model_str(m, value->type->name));
    return fhir_resolve_grant(&value->granted, call, value->type, within);
}

/* References with :above and :below; a value that is not an id of this server is a URL. */
static fhir_err_t *references(fhir_qnode_t *node, const fhir_call_t *call,
                              const fhir_resolving_t *within)
{
    fhir_qvalue_t *values =
        apr_pmemdup(call->pool, node->values, sizeof(*values) * (apr_size_t)node->n_values);
    node->values = values;
    for (int i = 0; i < node->n_values; i++)
        if (values[i].id)
            FHIR_TRY(in_hierarchy(&values[i], node, call, within));
    return NULL;
}

/* A value can mean something different for each component of a union: one test becomes several. */
static void divide(fhir_qnode_t *node, const fhir_call_t *call)
{
    for (int i = 0; i < node->param->n_components; i++) {
        fhir_qnode_t part = fhir_predicate_component(call, node, i);
        part.child = part.next = NULL;
        fhir_query_add(node, apr_pmemdup(call->pool, &part, sizeof(part)));
    }
    node->kind = FHIR_Q_OR;
}

static fhir_err_t *resolve(fhir_qnode_t *node, const fhir_call_t *call,
                           const fhir_resolving_t *within);

static fhir_err_t *children(fhir_qnode_t *node, const fhir_call_t *call,
                            const fhir_resolving_t *within)
{
    for (fhir_qnode_t *child = node->child; child; child = child->next)
        FHIR_TRY(resolve(child, call, within));
    return NULL;
}

/* Only :in, :above and :below of tokens and references need a look-up. */
static fhir_err_t *test(fhir_qnode_t *node, const fhir_call_t *call, const fhir_resolving_t *within)
{
    const int kind = node->param->kind;
    if (node->modifier != FHIR_MODIFIER_IN && node->modifier != FHIR_MODIFIER_ABOVE &&
        node->modifier != FHIR_MODIFIER_BELOW)
        return NULL;
    if (kind != FHIR_PARAM_TOKEN && kind != FHIR_PARAM_REFERENCE)
        return NULL;
    if (node->param->flags & FHIR_PARAM_UNION) {
        divide(node, call);
        return children(node, call, within);
    }
    if (kind == FHIR_PARAM_REFERENCE)
        return references(node, call, within);
    return fhir_predicate_is_mime(call, node) ? NULL : fhir_resolve_codes(node, call, within);
}

/* ---- nodes ---- */

static fhir_err_t *kind_of(fhir_qnode_t *node, const fhir_call_t *call,
                           const fhir_resolving_t *within)
{
    switch (node->kind) {
    case FHIR_Q_TEST:
        return test(node, call, within);
    case FHIR_Q_CHAIN:
        if (node->param->flags & FHIR_PARAM_INSIDE)
            return NULL;
        FHIR_TRY(fhir_contained_held(&node->held, call, node->target, node->type));
        return fhir_resolve_grant(&node->granted, call, node->target, within);
    case FHIR_Q_HAS:
        return fhir_resolve_grant(&node->granted, call, node->target, within);
    case FHIR_Q_LIST:
        return fhir_resolve_grant(&node->granted, call,
                                  fhir_model_resource(call->stored, "List", 4), within);
    default:
        return NULL;
    }
}

static fhir_err_t *resolve(fhir_qnode_t *node, const fhir_call_t *call,
                           const fhir_resolving_t *within)
{
    if (node->resolved)
        return NULL;
    FHIR_TRY(kind_of(node, call, within));
    FHIR_TRY(children(node, call, within));
    node->resolved =
        node->kind != FHIR_Q_AND && node->kind != FHIR_Q_OR; /* the number of nodes may grow */
    return NULL;
}

/* ---- the grant ---- */

/* The condition of a granular scope, category=system|code&…, as a search of its own. */
static fhir_err_t *condition(fhir_qnode_t **out, const fhir_call_t *call, const char *query,
                             const fhir_resolving_t *within)
{
    fhir_qnode_t *all = fhir_query_node(call, FHIR_Q_AND, within->type);
    fhir_pairs_t pairs;
    int links = 0;
    FHIR_TRY(fhir_pairs_parse(&pairs, query, 0, call->pool));
    for (int i = 0; i < pairs.n; i++) {
        fhir_qnode_t *node;
        FHIR_TRY(fhir_query_condition(&node, &links, call, all->type, pairs.list[i].name,
                                      pairs.list[i].value));
        fhir_query_add(all, node);
    }
    FHIR_TRY(children(all, call, within));
    *out = all->child ? all : NULL;
    return NULL;
}

/* The most scopes whose conditions lead to types that have such scopes themselves. */
#define SCOPES_DEEP 8

static fhir_err_t *check_depth(const fhir_call_t *call, const fhir_type_t *type,
                               const fhir_resolving_t *within)
{
    const char *name = fhir_model_str(call->stored, type->name);
    int depth = 1;
    for (; within; within = within->outer) {
        if (within->type == type)
            return fhir_err_create(
                call->pool, FHIR_ERR_LIMIT,
                "The conditions of the access token's scopes for %s depend on themselves", name);
        if (++depth > SCOPES_DEEP)
            return fhir_err_create(call->pool, FHIR_ERR_LIMIT,
                                   "The conditions of the access token's scopes for %s depend on "
                                   "those of more than %d other types",
                                   name, SCOPES_DEEP - 1);
    }
    return NULL;
}

fhir_err_t *fhir_resolve_grant(const fhir_granted_t **granted, const fhir_call_t *call,
                               const fhir_type_t *type, const fhir_resolving_t *within)
{
    const fhir_grant_t *grant = call->grant;
    const char *name = fhir_model_str(call->stored, type->name);
    const fhir_resolving_t here = {type, within};
    fhir_granted_t *made = apr_pcalloc(call->pool, sizeof(*made));
    made->type = type;
    *granted = made;
    for (int i = 0; !grant->all && i < grant->n_scopes; i++) {
        const fhir_grant_scope_t *scope = &grant->scopes[i];
        if (!scope->query || !fhir_grant_covers(scope, name))
            continue;
        FHIR_TRY(check_depth(call, type, within));
        if (!made->conditions)
            made->conditions =
                apr_pcalloc(call->pool, sizeof(*made->conditions) * (apr_size_t)grant->n_scopes);
        fhir_err_t *err = condition(&made->conditions[i], call, scope->query, &here);
        if (err && !fhir_query_ignores(err))
            return err;
    }
    return NULL;
}

/* ---- the query ---- */

/* Removes a parameter from those that the self link lists. */
static void forget(fhir_pairs_t *applied, const fhir_pair_t *said)
{
    int n = 0;
    for (int i = 0; i < applied->n; i++)
        if (applied->list[i].name != said->name || applied->list[i].value != said->value)
            applied->list[n++] = applied->list[i];
    applied->n = n;
}

fhir_err_t *fhir_resolve_query(fhir_query_t *query, const fhir_call_t *call, int lenient)
{
    fhir_qnode_t **at = &query->where->child;
    if (!query->granted)
        FHIR_TRY(fhir_resolve_grant(&query->granted, call, query->type, NULL));
    while (*at) {
        fhir_qnode_t *node = *at;
        fhir_err_t *err = resolve(node, call, NULL);
        if (err && !(lenient && node->said.name && fhir_query_ignores(err)))
            return err;
        if (err) {
            fhir_query_remark(query, call, node->said.name, err);
            forget(&query->applied, &node->said);
            *at = node->next;
            continue;
        }
        at = &node->next;
    }
    return NULL;
}
