/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of search parameters: modifiers, chains, _has. The values are in fhir_query_value.c, the
 * result parameters and the whole query in fhir_query_parse.c.
 * Source: http://hl7.org/fhir/R4/search.html#modifiers, #chaining, #has
 */
#include "fhir/query/fhir_query.h"
#include "core/fhir_nearest.h"
#include "fhir/fhir_renamed.h"

#include <apr_strings.h>

#include "fhir/query/fhir_grant.h"
#include "fhir/query/fhir_predicate.h"

static const struct {
    const char *word;
    unsigned kinds;
} modifiers[FHIR_MODIFIER_COUNT_] = {
#define FHIR_MODIFIER_ROW(name, word, kinds) {word, kinds},
    FHIR_MODIFIER_LIST(FHIR_MODIFIER_ROW)
#undef FHIR_MODIFIER_ROW
};

const char *fhir_modifier_word(fhir_modifier_t modifier)
{
    return modifiers[modifier].word;
}

fhir_qnode_t *fhir_query_node(const fhir_call_t *call, fhir_qkind_t kind, const fhir_type_t *type)
{
    fhir_qnode_t *node = apr_pcalloc(call->pool, sizeof(*node));
    node->kind = kind;
    node->type = type;
    return node;
}

void fhir_query_add(fhir_qnode_t *parent, fhir_qnode_t *child)
{
    fhir_qnode_t **at = &parent->child;
    while (*at)
        at = &(*at)->next;
    *at = child;
}

static const char *type_name(const fhir_call_t *call, const fhir_type_t *type)
{
    return fhir_model_str(call->stored, type->name);
}

const char *fhir_query_known(const fhir_call_t *call, const fhir_type_t *type, unsigned kinds)
{
    fhir_buf_t *buf = fhir_buf_create(call->pool, 16 * 1024);
    for (int i = 0; i < type->n_params; i++) {
        const fhir_param_t *p = &call->stored->params[type->first_param + i];
        if (p->flags & FHIR_PARAM_UNCOMPILED || (kinds && !(kinds & (1u << p->kind))))
            continue;
        if (buf->len)
            fhir_buf_puts(buf, ", ");
        fhir_buf_puts(buf, fhir_model_str(call->stored, p->name));
    }
    return fhir_buf_cstr(buf);
}

fhir_err_t *fhir_query_unknown(const fhir_call_t *call, const fhir_type_t *type, const char *name)
{
    return fhir_err_create(call->pool, FHIR_ERR_PARAM_UNKNOWN,
                           "%s has no search parameter \"%s\"%s; it has %s", type_name(call, type),
                           name, fhir_renamed_param(call, type, name),
                           fhir_query_known(call, type, 0));
}

const fhir_param_t *fhir_query_param(const fhir_call_t *call, const fhir_type_t *type,
                                     const char *name, apr_size_t len)
{
    const fhir_param_t *param = fhir_model_param(call->stored, type, name, len);
    return param && !(param->flags & FHIR_PARAM_UNCOMPILED) && fhir_predicate_can(call, param)
               ? param
               : NULL;
}

int fhir_query_targets(const fhir_call_t *call, const fhir_param_t *param, const fhir_type_t *type)
{
    apr_uint16_t index = fhir_model_type_index(call->stored, type);
    for (int i = 0; i < param->n_targets; i++)
        if (call->stored->targets[param->first_target + i] == index)
            return 1;
    return !param->n_targets;
}

static const char *target_names(const fhir_call_t *call, const fhir_param_t *param)
{
    fhir_buf_t *buf = fhir_buf_create(call->pool, 16 * 1024);
    for (int i = 0; i < param->n_targets; i++)
        fhir_buf_printf(
            buf, "%s%s", i ? ", " : "",
            type_name(call, &call->stored->types[call->stored->targets[param->first_target + i]]));
    return param->n_targets ? fhir_buf_cstr(buf) : "any resource type";
}

/* The resource type that a modifier or a segment of _has names. */
static fhir_err_t *named_target(const fhir_type_t **target, const fhir_call_t *call,
                                const fhir_param_t *param, const char *name, apr_size_t len)
{
    *target = fhir_model_resource(call->stored, name, len);
    if (!*target || !fhir_query_targets(call, param, *target))
        return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE, "%s refers to %s, not to \"%.*s\"",
                               fhir_model_str(call->stored, param->name), target_names(call, param),
                               (int)len, name);
    return NULL;
}

static int has_modifier(const fhir_call_t *call, const fhir_param_t *param, int modifier)
{
    return modifiers[modifier].kinds & (1u << param->kind) &&
           fhir_predicate_has_modifier(call, param, (fhir_modifier_t)modifier);
}

static fhir_err_t *bad_modifier(const fhir_call_t *call, const fhir_param_t *param,
                                const char *word)
{
    fhir_buf_t *buf = fhir_buf_create(call->pool, 1024);
    fhir_nearest_t nearest;
    fhir_nearest_begin(&nearest, word);
    for (int i = 1; i < FHIR_MODIFIER_COUNT_; i++)
        if (has_modifier(call, param, i)) {
            fhir_nearest_offer(&nearest, modifiers[i].word);
            fhir_buf_printf(buf, "%s:%s", buf->len ? ", " : "", modifiers[i].word);
        }
    return fhir_err_create(
        call->pool, FHIR_ERR_PARAM_UNKNOWN,
        "%s has no modifier \":%s\"%s%s%s; its modifiers are %s",
        fhir_model_str(call->stored, param->name), word, nearest.name ? " (did you mean \":" : "",
        nearest.name ? nearest.name : "", nearest.name ? "\"?)" : "", fhir_buf_cstr(buf));
}

/* The word after the colon, for the parameter of node. */
static fhir_err_t *take_modifier(fhir_qnode_t *node, const fhir_call_t *call, const char *word)
{
    for (int i = 1; i < FHIR_MODIFIER_TYPE; i++)
        if (!strcmp(word, modifiers[i].word) && has_modifier(call, node->param, i)) {
            node->modifier = (fhir_modifier_t)i;
            return NULL;
        }
    if (node->param->kind == FHIR_PARAM_REFERENCE &&
        fhir_model_resource(call->stored, word, strlen(word))) {
        node->modifier = FHIR_MODIFIER_TYPE;
        return named_target(&node->target, call, node->param, word, strlen(word));
    }
    return bad_modifier(call, node->param, word);
}

/* The most links of one query. A chain through a reference to many types has a link for each, and
 * multiplies at the next step. */
#define LINKS_MAX 1000
/* What is passed down through the steps of one condition. */
typedef struct leaf_t {
    const fhir_call_t *call;
    const char *value;
    fhir_modifier_t
        forced; /* the modifier of the last parameter, if the name cannot have it (_filter) */
    int *links; /* links that were tried so far, by all conditions of the query */
    const fhir_param_t
        *inside; /* the last step of the chain leads to a resource within the resource; or NULL */
} leaf_t;

static fhir_err_t *condition(fhir_qnode_t **out, leaf_t *leaf, const fhir_type_t *type,
                             const char *name, int hops);

static fhir_err_t *hop(leaf_t *leaf, int hops)
{
    const fhir_call_t *call = leaf->call;
    if (++*leaf->links > LINKS_MAX)
        return fhir_err_create(call->pool, FHIR_ERR_LIMIT,
                               "The chains and _has of a search may follow at most %d links in "
                               "total; name the types, as in subject:Patient.name",
                               LINKS_MAX);
    if (hops < call->endpoint->search.hops_max)
        return NULL;
    return fhir_err_create(call->pool, FHIR_ERR_LIMIT,
                           "Chains and _has may have at most %d steps here",
                           call->endpoint->search.hops_max);
}

fhir_err_t *fhir_query_inside(const fhir_call_t *call, const fhir_param_t *param, const char *name)
{
    const fhir_model_t *m = call->stored;
    const char *word = fhir_model_str(m, param->name),
               *type = fhir_model_str(m, m->types[param->type].name);
    return fhir_err_create(call->pool, FHIR_ERR_PARAM_UNKNOWN,
                           "%s: %s of %s is the resource inside of it, its first entry, and no "
                           "reference that can be followed; a search in it is %s?%s.identifier=…",
                           name, word, type, type, word);
}

/* param.rest, or param:Type.rest: an alternative for each type to which the rest applies. */
static fhir_err_t *chain(fhir_qnode_t **out, leaf_t *leaf, const fhir_type_t *type,
                         const char *name, const char *dot, int hops)
{
    const fhir_call_t *call = leaf->call;
    const char *colon = memchr(name, ':', (apr_size_t)(dot - name));
    apr_size_t len = (apr_size_t)((colon ? colon : dot) - name);
    const fhir_param_t *param = fhir_query_param(call, type, name, len);
    const fhir_type_t *only = NULL;
    fhir_qnode_t *any = fhir_query_node(call, FHIR_Q_OR, type);
    fhir_err_t *first_error = NULL;
    FHIR_TRY(hop(leaf, hops));
    if (!param)
        return fhir_query_unknown(call, type, apr_pstrmemdup(call->pool, name, len));
    if (param->kind != FHIR_PARAM_REFERENCE)
        return fhir_err_create(
            call->pool, FHIR_ERR_PARAM_UNKNOWN,
            "%.*s is not a reference, so it cannot be chained; references of %s are %s", (int)len,
            name, type_name(call, type), fhir_query_known(call, type, FHIR_K(REFERENCE)));
    if (colon)
        FHIR_TRY(named_target(&only, call, param, colon + 1, (apr_size_t)(dot - colon - 1)));
    else if (!param->n_targets)
        return fhir_err_create(call->pool, FHIR_ERR_PARAM_UNKNOWN,
                               "%.*s refers to any resource type: name one, as in %.*s:Patient%s",
                               (int)len, name, (int)len, name, dot);
    for (int i = 0; i < (only ? 1 : param->n_targets); i++) {
        const fhir_type_t *target =
            only ? only : &call->stored->types[call->stored->targets[param->first_target + i]];
        fhir_qnode_t *link = fhir_query_node(call, FHIR_Q_CHAIN, type);
        leaf->inside = param->flags & FHIR_PARAM_INSIDE ? param : NULL;
        fhir_err_t *err = condition(&link->child, leaf, target, dot + 1, hops + 1);
        leaf->inside = NULL;
        link->param = param;
        link->target = target;
        if (err && err->code == FHIR_ERR_LIMIT)
            return err;
        if (!err)
            fhir_query_add(any, link);
        else if (!first_error || first_error->code == FHIR_ERR_PARAM_UNKNOWN)
            first_error = err; /* a bad value is a better message than an unknown name */
    }
    *out = any->child && !any->child->next ? any->child : any;
    return any->child ? NULL : first_error;
}

/* _has:Type:param:rest */
static fhir_err_t *has(fhir_qnode_t **out, leaf_t *leaf, const fhir_type_t *type, const char *name,
                       int hops)
{
    const fhir_call_t *call = leaf->call;
    const char *source = name + strlen("_has:"), *ref = strchr(source, ':');
    const char *rest = ref ? strchr(ref + 1, ':') : NULL;
    fhir_qnode_t *node = fhir_query_node(call, FHIR_Q_HAS, type);
    FHIR_TRY(hop(leaf, hops));
    if (!rest)
        return fhir_err_create(call->pool, FHIR_ERR_PARAM_UNKNOWN,
                               "\"%s\" is incomplete; the form is _has:Type:reference:parameter, "
                               "as in _has:Observation:patient:code",
                               name);
    node->target = fhir_model_resource(call->stored, source, (apr_size_t)(ref - source));
    if (!node->target)
        return fhir_err_create(call->pool, FHIR_ERR_PARAM_UNKNOWN,
                               "_has: \"%.*s\" is not a resource type", (int)(ref - source),
                               source);
    apr_size_t ref_len = (apr_size_t)(rest - ref - 1);
    node->param = fhir_query_param(call, node->target, ref + 1, ref_len);
    if (!node->param || node->param->kind != FHIR_PARAM_REFERENCE ||
        !fhir_query_targets(call, node->param, type))
        return fhir_err_create(
            call->pool, FHIR_ERR_PARAM_UNKNOWN,
            "_has: \"%.*s\" is not a reference from %s to %s; references of %s are %s",
            (int)ref_len, ref + 1, type_name(call, node->target), type_name(call, type),
            type_name(call, node->target), fhir_query_known(call, node->target, FHIR_K(REFERENCE)));
    if (node->param->flags & FHIR_PARAM_INSIDE)
        return fhir_query_inside(call, node->param, name);
    *out = node;
    return condition(&node->child, leaf, node->target, rest + 1, hops + 1);
}

/* A negated modifier becomes a NOT around the plain one. */
static fhir_qnode_t *negated(const fhir_call_t *call, fhir_qnode_t *node)
{
    if (node->modifier != FHIR_MODIFIER_NOT && node->modifier != FHIR_MODIFIER_NOT_IN)
        return node;
    node->modifier = node->modifier == FHIR_MODIFIER_NOT ? FHIR_MODIFIER_NONE : FHIR_MODIFIER_IN;
    fhir_qnode_t *not = fhir_query_node(call, FHIR_Q_NOT, node->type);
    not ->child = node;
    return not ;
}

/* Parameters that are not columns of a SearchParameter. */
static const struct {
    const char *name;
    fhir_qkind_t kind;
} specials[] = {{"_list", FHIR_Q_LIST}, {"_text", FHIR_Q_TEXT}, {"_content", FHIR_Q_CONTENT}};

/* out is NULL when the name is not one of them. */
static fhir_err_t *special(fhir_qnode_t **out, const fhir_call_t *call, const fhir_type_t *type,
                           const char *name, const char *value)
{
    *out = NULL;
    for (apr_size_t i = 0; i < sizeof(specials) / sizeof(*specials); i++)
        if (!strcmp(name, specials[i].name)) {
            fhir_qvalue_t *words = apr_pcalloc(call->pool, sizeof(*words));
            *out = fhir_query_node(call, specials[i].kind, type);
            if (specials[i].kind == FHIR_Q_LIST)
                return fhir_query_values(*out, call, name, value);
            if (!*value)
                return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE, "%s has an empty value",
                                       name);
            words->text = value;
            FHIR_TRY(fhir_query_words(&words->words, call, value));
            (*out)->values = words;
            (*out)->n_values = 1;
        }
    return NULL;
}

/* References of a first entry lead into its Bundle or to another server. A resource of this server
 * with the same id is another one, so a chain from a first entry may only use its own values. */
static fhir_err_t *check_inside(const leaf_t *leaf, const fhir_type_t *type, const char *name)
{
    const char *own = fhir_model_str(leaf->call->stored, leaf->inside->name);
    if (!strchr(name, '.') && strncmp(name, "_has:", 5) && strcmp(name, "_list") &&
        strcmp(name, "_filter"))
        return NULL;
    return fhir_err_create(leaf->call->pool, FHIR_ERR_PARAM_UNKNOWN,
                           "%s.%s: %s is the %s inside of the Bundle, which is searched by its own "
                           "values, as in %s.identifier=…, but not by what it refers to or what "
                           "refers to it, nor with _list or _filter",
                           own, name, own, type_name(leaf->call, type), own);
}

static fhir_err_t *condition(fhir_qnode_t **out, leaf_t *leaf, const fhir_type_t *type,
                             const char *name, int hops)
{
    const fhir_call_t *call = leaf->call;
    if (leaf->inside)
        FHIR_TRY(check_inside(leaf, type, name));
    if (!strncmp(name, "_has:", 5))
        return has(out, leaf, type, name, hops);
    if (!strcmp(name, "_filter"))
        return fhir_query_filter(out, leaf->links, call, type, leaf->value);
    FHIR_TRY(special(out, call, type, name, leaf->value));
    if (*out)
        return NULL;
    const char *dot;
    if ((dot = strchr(name, '.')) != NULL)
        return chain(out, leaf, type, name, dot, hops);
    const char *colon = strchr(name, ':');
    fhir_qnode_t *node = fhir_query_node(call, FHIR_Q_TEST, type);
    node->param =
        fhir_query_param(call, type, name, colon ? (apr_size_t)(colon - name) : strlen(name));
    if (!node->param)
        return fhir_query_unknown(call, type, name);
    if (colon)
        FHIR_TRY(take_modifier(node, call, colon + 1));
    else if (leaf->forced && modifiers[leaf->forced].kinds)
        FHIR_TRY(take_modifier(node, call, modifiers[leaf->forced].word));
    else
        node->modifier = leaf->forced;
    FHIR_TRY(fhir_query_values(node, call, name, leaf->value));
    *out = negated(call, node);
    return NULL;
}

fhir_err_t *fhir_query_condition(fhir_qnode_t **node, int *links, const fhir_call_t *call,
                                 const fhir_type_t *type, const char *name, const char *value)
{
    return fhir_query_forced(node, links, call, type, name, FHIR_MODIFIER_NONE, value);
}

fhir_err_t *fhir_query_forced(fhir_qnode_t **node, int *links, const fhir_call_t *call,
                              const fhir_type_t *type, const char *name, fhir_modifier_t modifier,
                              const char *value)
{
    leaf_t leaf = {call, value, modifier, links, NULL};
    return condition(node, &leaf, type, name, 0);
}

fhir_err_t *fhir_query_dates(fhir_qnode_t **out, const fhir_call_t *call, const fhir_type_t *type,
                             const char *paths, const char *modifier, const char *name,
                             const char *value)
{
    static const fhir_param_t date = {.kind = FHIR_PARAM_DATE};
    fhir_qnode_t *node = fhir_query_node(call, FHIR_Q_DATES, type);
    apr_array_header_t *list = apr_array_make(call->pool, 2, sizeof(const char *));
    char *state, *path = apr_strtok(apr_pstrdup(call->pool, paths), " ", &state);
    for (; path; path = apr_strtok(NULL, " ", &state))
        APR_ARRAY_PUSH(list, const char *) = path;
    node->paths = list;
    node->param = &date;
    if (*modifier && strcmp(modifier, ":missing") != 0)
        return fhir_err_create(call->pool, FHIR_ERR_PARAM_UNKNOWN,
                               "%s has no modifier \"%s\"; its modifiers are :missing", name,
                               modifier);
    if (*modifier)
        node->modifier = FHIR_MODIFIER_MISSING;
    FHIR_TRY(fhir_query_values(node, call, name, value));
    node->param = NULL; /* it is none of the type's */
    *out = node;
    return NULL;
}

int fhir_query_names_patient(const fhir_call_t *call, const fhir_qnode_t *node)
{
    const fhir_model_t *m = call->stored;
    const fhir_param_t *patient = &m->params[node->type->patient];
    if (!node->type->patient || patient->column != node->param->column ||
        node->param->column_kind != FHIR_COL_REFERENCE)
        return 0;
    for (int i = 0; i < node->n_values; i++) {
        const fhir_type_t *type = node->values[i].type;
        if (!type && node->param->n_targets == 1)
            type = &m->types[m->targets[node->param->first_target]];
        if (!node->values[i].id || !type || strcmp(fhir_model_str(m, type->name), "Patient"))
            return 0;
    }
    return 1;
}

static int one_patient(const fhir_call_t *call, const fhir_qnode_t *node)
{
    return node->kind == FHIR_Q_TEST && node->modifier != FHIR_MODIFIER_MISSING &&
           node->modifier != FHIR_MODIFIER_IDENTIFIER && fhir_query_names_patient(call, node);
}

int fhir_query_of_one_patient(const fhir_query_t *query, const fhir_call_t *call)
{
    const fhir_grant_t *grant = call->grant;
    int by_grant = !grant->all && grant->patient != NULL && query->type->patient;
    if (query->containers)
        return 0;
    for (int i = 0; by_grant && i < grant->n_scopes; i++)
        by_grant = grant->scopes[i].patient_only;
    if (by_grant)
        return 1;
    for (const fhir_qnode_t *n = query->where->child; n; n = n->next)
        if (one_patient(call, n))
            return 1;
    return 0;
}

int fhir_query_sortable(const fhir_model_t *model, const fhir_param_t *param)
{
    if (!(param->flags & FHIR_PARAM_UNION))
        return param->column_kind != FHIR_COL_NONE && param->kind != FHIR_PARAM_COMPOSITE &&
               param->kind != FHIR_PARAM_SPECIAL;
    for (int i = 0; i < param->n_components; i++)
        if (!fhir_query_sortable(model,
                                 &model->params[model->components[param->first_component + i]]))
            return 0;
    return param->kind != FHIR_PARAM_COMPOSITE;
}
