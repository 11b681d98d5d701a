/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens that stand for several codes: the members of a value set (:in), the codes above a code
 * (:above) and below it (:below), by the value sets and code systems that the server knows.
 * Source: http://hl7.org/fhir/R4/search.html#token
 */
#include <apr_strings.h>

#include "fhir/query/fhir_resolve.h"
#include "fhir/query/fhir_terms.h"
#include "fhir/validate/fhir_terminology.h"

/* The most codes for the values of one parameter; R4's largest value set has a tenth of them. */
#define CODES_MAX 100000

typedef struct expand_t {
    const fhir_call_t *call;
    const fhir_qnode_t *node;
    const fhir_resolving_t *within;
    const fhir_profiles_t *profiles; /* NULL: none */
    apr_array_header_t *values;      /* of fhir_qvalue_t */
} expand_t;

static void push(const expand_t *x, const char *system, const char *code)
{
    fhir_qvalue_t *value = apr_array_push(x->values);
    memset(value, 0, sizeof(*value));
    value->system = system;
    value->code = code;
}

static const char *param_name(const expand_t *x)
{
    return fhir_model_str(x->call->stored, x->node->param->name);
}

/* ---- value sets ---- */

static fhir_err_t *unknown_set(const expand_t *x, const char *url)
{
    return fhir_err_create(
        x->call->pool, FHIR_ERR_PARAM_VALUE,
        "%s: the server does not know all codes of the value set \"%s\"; it knows the value sets "
        "of FHIR %s and US Core that consist of known codes, and stored ones of known codes "
        "(ValueSet/$expand?url=… shows whether it knows one)",
        param_name(x), url, x->call->spoken->label);
}

/* A value set of the profiles: codes, and whole systems. 0 when its members cannot be determined
 * here. */
static int from_profiles(const expand_t *x, const char *url)
{
    const fhir_profiles_t *p = x->profiles;
    apr_uint16_t set = p ? fhir_profiles_set(p, url, strlen(url), NULL) : 0;
    if (!set)
        return 0;
    int n;
    const apr_uint16_t *parts = fhir_profiles_run(&n, p, p->sets[set].parts);
    for (int i = 0; i < n; i++) {
        const fhir_psetpart_t *part = &p->parts[parts[i]];
        const char *system = fhir_profiles_str(p, part->system);
        if (part->rest == FHIR_REST_UNKNOWN || !strcmp(system, FHIR_ANY_SYSTEM))
            return 0;
        if (part->rest == FHIR_REST_IN || part->rest == FHIR_REST_CARRIED)
            push(x, system, NULL);
        for (int c = 0; part->rest == FHIR_REST_OUT && c < part->n_code; c++)
            push(x, system, fhir_profiles_str(p, p->codes[part->first_code + c].code));
    }
    return 1;
}

/* A stored value set: ValueSet/id, or by its URL. */
static fhir_err_t *from_stored(const expand_t *x, const fhir_qvalue_t *value)
{
    fhir_terms_source_t source = {.id = value->id, .url = value->text};
    const fhir_conceptset_t *set;
    FHIR_TRY(fhir_terms_set(&set, fhir_terms_create(x->call, x->within), &source));
    if (!set || (set->rests->nelts && apr_hash_count(set->excluded)))
        return unknown_set(x, value->text);
    for (int i = 0; i < set->rests->nelts; i++) {
        const fhir_rests_t *rest = &APR_ARRAY_IDX(set->rests, i, fhir_rests_t);
        if (!rest->system || rest->rest != FHIR_REST_IN)
            return unknown_set(x, value->text);
        push(x, rest->system, NULL);
    }
    for (int i = 0; i < set->concepts->nelts; i++) {
        const fhir_concept_t *c = APR_ARRAY_IDX(set->concepts, i, const fhir_concept_t *);
        if (c)
            push(x, c->system, c->code);
    }
    return NULL;
}

static fhir_err_t *members(const expand_t *x, const fhir_qvalue_t *value)
{
    const fhir_model_t *m = x->call->stored;
    const fhir_valueset_t *set = fhir_terminology_valueset(m, value->text);
    if (!set || set->flags & FHIR_VS_OPEN)
        return from_profiles(x, value->text) ? NULL : from_stored(x, value);
    for (apr_uint32_t c = 0; c < set->n_codes; c++)
        push(x, fhir_model_str(m, m->codes[set->first_code + c].system),
             fhir_model_str(m, m->codes[set->first_code + c].code));
    return NULL;
}

/* ---- hierarchies ---- */

static int related(const expand_t *x, const fhir_psystem_t *system, const char *code)
{
    apr_array_header_t *codes = apr_array_make(x->call->pool, 8, sizeof(const char *));
    if (!fhir_terminology_related(codes, x->profiles, system, code,
                                  x->node->modifier == FHIR_MODIFIER_ABOVE))
        return 0;
    for (int i = 0; i < codes->nelts; i++)
        push(x, fhir_profiles_str(x->profiles, system->url), APR_ARRAY_IDX(codes, i, const char *));
    return 1;
}

/* A code without a system: in the system that all codes of the parameter have, or else in every
 * hierarchy. */
static int related_anywhere(const expand_t *x, const char *code)
{
    const char *own = fhir_model_str(x->call->stored, x->node->param->system);
    const fhir_psystem_t *system =
        *own ? fhir_profiles_system(x->profiles, own, strlen(own)) : NULL;
    int found = 0;
    if (system)
        return related(x, system, code);
    for (int i = 1; i <= x->profiles->n_systems; i++)
        if (x->profiles->systems[i].flags & FHIR_SYSTEM_HIERARCHY)
            found |= related(x, &x->profiles->systems[i], code);
    if (found)
        push(x, NULL, code);
    return found;
}

static fhir_err_t *kin(const expand_t *x, const fhir_qvalue_t *value)
{
    const char *modifier = fhir_modifier_word(x->node->modifier);
    const fhir_psystem_t *system = NULL;
    if (!value->code || (value->system && !*value->system))
        return fhir_err_create(x->call->pool, FHIR_ERR_PARAM_VALUE,
                               "%s:%s accepts system|code or code, not \"%s\"", param_name(x),
                               modifier, value->text);
    if (x->profiles && value->system)
        system = fhir_profiles_system(x->profiles, value->system, strlen(value->system));
    if (x->profiles && !value->system ? related_anywhere(x, value->code)
                                      : system && related(x, system, value->code))
        return NULL;
    if (system || !value->system)
        return fhir_err_create(x->call->pool, FHIR_ERR_PARAM_VALUE,
                               "%s:%s: no known code system has the code \"%s\"%s%s", param_name(x),
                               modifier, value->code, system ? " of " : "",
                               system ? value->system : "");
    return fhir_err_create(
        x->call->pool, FHIR_ERR_PARAM_VALUE,
        "%s:%s: the server does not know the hierarchy of the code system \"%s\"; it knows those "
        "of the code systems that FHIR %s and US Core define and bind to",
        param_name(x), modifier, value->system, x->call->spoken->label);
}

fhir_err_t *fhir_resolve_codes(fhir_qnode_t *node, const fhir_call_t *call,
                               const fhir_resolving_t *within)
{
    expand_t x = {.call = call,
                  .node = node,
                  .within = within,
                  .profiles = fhir_profiles_of(call->stored),
                  .values = apr_array_make(call->pool, 32, sizeof(fhir_qvalue_t))};
    for (int i = 0; i < node->n_values; i++) {
        FHIR_TRY((node->modifier == FHIR_MODIFIER_IN ? members : kin)(&x, &node->values[i]));
        if (x.values->nelts > CODES_MAX)
            return fhir_err_create(call->pool, FHIR_ERR_LIMIT,
                                   "%s: the values stand for more than %d codes", param_name(&x),
                                   CODES_MAX);
    }
    node->values = (const fhir_qvalue_t *)x.values->elts;
    node->n_values = x.values->nelts;
    return NULL;
}
