/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slicing: which slice of a profile an item of a repeating or choice element belongs to, and what
 * then applies.
 * Source: http://hl7.org/fhir/R4/profiling.html#slicing
 */
#include <apr_strings.h>

#include "fhir/validate/fhir_validate_private.h"

/* ---- the node that a discriminator's path leads to ---- */

static const fhir_pnode_t *root_of(const fhir_walk_t *w, apr_uint32_t canonical)
{
    const fhir_profile_t *profile =
        fhir_profile_find(w, fhir_profiles_str(w->v->profiles, canonical));

    return profile && profile->root ? &w->v->profiles->nodes[profile->root] : NULL;
}

/* The node of the first profile of a node's types, or of its reference targets. */
static const fhir_pnode_t *through(const fhir_walk_t *w, const fhir_pnode_t *node, int targets)
{
    const fhir_profiles_t *p = w->v->profiles;
    int n;
    const apr_uint16_t *types = fhir_profiles_run(&n, p, node->types);

    if (!n)
        return NULL;
    int m;
    const apr_uint16_t *names =
        fhir_profiles_run(&m, p, targets ? p->types[*types].targets : p->types[*types].profiles);
    return m ? root_of(w, p->canonicals[*names]) : NULL;
}

const fhir_pnode_t *fhir_pnode_named(const fhir_walk_t *w, apr_uint16_t run, const char *name,
                                     apr_size_t len)
{
    const fhir_profiles_t *p = w->v->profiles;
    int n;
    const apr_uint16_t *list = fhir_profiles_run(&n, p, run);

    for (int i = 0; i < n; i++) {
        const char *s = fhir_profiles_str(p, p->nodes[list[i]].name);

        if (!strncmp(s, name, len) && !s[len])
            return &p->nodes[list[i]];
    }
    return NULL;
}

/* One step down: a child, a slice of a child, or a node of the type's profile. */
static const fhir_pnode_t *step(const fhir_walk_t *w, const fhir_pnode_t *node, const char *name,
                                apr_size_t len)
{
    const fhir_profiles_t *p = w->v->profiles;
    const fhir_pnode_t *found = fhir_pnode_named(w, node->children, name, len);
    int n;
    const apr_uint16_t *slices = fhir_profiles_run(&n, p, node->slices);

    for (int i = 0; !found && i < n; i++)
        found = fhir_pnode_named(w, p->nodes[slices[i]].children, name, len);
    const fhir_pnode_t *other;
    if (!found && (other = through(w, node, 0)) != NULL)
        found = fhir_pnode_named(w, other->children, name, len);
    return found;
}

static int is_word(const char *path, apr_size_t len, const char *word)
{
    return len == strlen(word) && !memcmp(path, word, len);
}

static const fhir_pnode_t *node_at(const fhir_walk_t *w, const fhir_pnode_t *node, const char *path)
{
    while (node && *path) {
        apr_size_t len = strcspn(path, ".");

        if (is_word(path, len, "resolve()"))
            node = through(w, node, 1);
        else if (!is_word(path, len, "$this"))
            node = step(w, node, path, len);
        path += len + (path[len] == '.');
    }
    return node;
}

/* ---- does an item fall into a slice ---- */

/* 1 if the node, or one below it, requires a value. */
static int has_criteria(const fhir_walk_t *w, const fhir_pnode_t *node)
{
    const fhir_profiles_t *p = w->v->profiles;
    int n;
    const apr_uint16_t *list = fhir_profiles_run(&n, p, node->children);

    if (node->fixed || node->pattern ||
        (node->binding && p->bindings[node->binding].strength == FHIR_STRENGTH_REQUIRED))
        return 1;
    for (int i = 0; i < n; i++)
        if (has_criteria(w, &p->nodes[list[i]]))
            return 1;
    return 0;
}

/* The values that the node and those below it require; some item must have each. */
static int admits(fhir_walk_t *w, const fhir_pnode_t *node, fhir_item_t item)
{
    const fhir_profiles_t *p = w->v->profiles;
    const fhir_pbinding_t *binding = &p->bindings[node->binding];
    int n;
    const apr_uint16_t *list = fhir_profiles_run(&n, p, node->children);

    if (!fhir_profile_value_fits(w, node, item))
        return 0;
    if (node->binding && binding->strength == FHIR_STRENGTH_REQUIRED && !node->fixed &&
        !node->pattern &&
        fhir_binding_member(w, binding->set, fhir_profiles_str(p, binding->url), item) ==
            FHIR_MEMBER_NO)
        return 0;
    int j;
    for (int i = 0; i < n; i++) {
        const fhir_pnode_t *child = &p->nodes[list[i]];
        fhir_items_t items = {0};

        if (!has_criteria(w, child))
            continue;
        fhir_walk_children(&items, w, item, fhir_profiles_str(p, child->name));
        for (j = 0; j < items.n && !admits(w, child, items.list[j]); j++)
            ;
        if (j == items.n && (items.n || child->min))
            return 0;
    }
    return 1;
}

static int type_matches(const fhir_walk_t *w, const fhir_pnode_t *node,
                        const fhir_path_result_t *found)
{
    const fhir_profiles_t *p = w->v->profiles;
    int n;
    const apr_uint16_t *types = fhir_profiles_run(&n, p, node->types);

    for (int i = 0; i < found->n; i++)
        for (int j = 0; j < n; j++)
            if (found->items[i]->type == p->types[types[j]].type)
                return 1;
    return 0;
}

static int profile_matches(fhir_walk_t *w, const fhir_pnode_t *node,
                           const fhir_path_result_t *found, int targets)
{
    const fhir_profiles_t *p = w->v->profiles;
    int n, m;
    const apr_uint16_t *types = fhir_profiles_run(&n, p, node->types);

    for (int i = 0; i < found->n; i++)
        for (int j = 0; j < n; j++) {
            const fhir_ptype_t *type = &p->types[types[j]];
            const apr_uint16_t *names =
                fhir_profiles_run(&m, p, targets ? type->targets : type->profiles);

            for (int k = 0; k < m; k++) {
                const char *canonical = fhir_profiles_str(p, p->canonicals[names[k]]);
                const fhir_profile_t *profile = fhir_profile_find(w, canonical);
                const fhir_type_t *base = fhir_profile_base_type(w, canonical);

                if (profile
                        ? fhir_profile_fits(w, found->items[i], profile)
                        : base && found->items[i]->type == fhir_model_type_index(w->v->model, base))
                    return 1;
            }
        }
    return 0;
}

static int value_matches(fhir_walk_t *w, const fhir_pnode_t *node, const fhir_path_result_t *found)
{
    if (!has_criteria(w, node)) {
        const fhir_pnode_t *profile = through(w, node, 0);

        if (!profile || !has_criteria(w, profile))
            return 0;
        node = profile;
    }
    for (int i = 0; i < found->n; i++)
        if (admits(w, node, found->items[i]))
            return 1;
    return 0;
}

static int discriminates(fhir_walk_t *w, const fhir_pnode_t *slice, apr_uint16_t index,
                         fhir_item_t item)
{
    const fhir_discriminator_t *d = &w->v->profiles->discriminators[index];
    const char *path = fhir_profiles_str(w->v->profiles, d->path);
    apr_size_t len = strlen(path);
    int resolves = len >= 9 && !strcmp(path + len - 9, "resolve()");
    fhir_path_result_t found = {0};

    /* Where a path ends in resolve(), the node before it has the targets. */
    const fhir_pnode_t *node =
        node_at(w, slice, resolves ? apr_pstrmemdup(w->pool, path, len - 9 - (len > 9)) : path);
    if (fhir_path_eval(&found, w->v->discriminators[index], &w->env, item, w->pool))
        return 0;
    switch ((fhir_discriminator_kind_t)d->kind) {
    case FHIR_DISCRIMINATOR_EXISTS:
        return node && (node->max ? found.n || !node->min : !found.n);
    case FHIR_DISCRIMINATOR_TYPE:
        return node &&
               (resolves ? profile_matches(w, node, &found, 1) : type_matches(w, node, &found));
    case FHIR_DISCRIMINATOR_PROFILE:
        return node && profile_matches(w, node, &found, resolves);
    case FHIR_DISCRIMINATOR_VALUE:
        break;
    }
    return node && value_matches(w, node, &found);
}

static int in_slice(fhir_walk_t *w, const fhir_slicing_t *slicing, const fhir_pnode_t *slice,
                    fhir_item_t item)
{
    int n;
    const apr_uint16_t *list = fhir_profiles_run(&n, w->v->profiles, slicing->discriminators);

    for (int i = 0; i < n; i++)
        if (!discriminates(w, slice, list[i], item))
            return 0;
    return n > 0;
}

/* ---- what holds ---- */

static void hold_count(fhir_walk_t *w, fhir_item_t parent, const fhir_items_t *items,
                       const fhir_pnode_t *slice)
{
    const fhir_profiles_t *p = w->v->profiles;
    const char *name = fhir_profiles_str(p, slice->name);
    const char *slice_name = fhir_profiles_str(p, slice->slice);

    if (items->n < slice->min)
        fhir_walk_finding(w, parent, FHIR_SEVERITY_ERROR, FHIR_ERR_REQUIRED, "slice-min",
                          "At least %d of '%s' in the slice '%s' are required, but there are %d",
                          (int)slice->min, name, slice_name, items->n);
    else if (!items->n && fhir_walk_wants(w, slice))
        fhir_walk_finding(w, parent, FHIR_SEVERITY_INFORMATION, FHIR_ERR_REQUIRED, "must-support",
                          "The slice '%s' of '%s' is missing; systems must be able to support it",
                          slice_name, name);
    if (slice->max != FHIR_EL_MAX_UNBOUNDED && items->n > slice->max)
        fhir_walk_finding(w, items->list[slice->max], FHIR_SEVERITY_ERROR, FHIR_ERR_STRUCTURE,
                          "slice-max",
                          "At most %d of '%s' are allowed in the slice '%s', but there are %d",
                          (int)slice->max, name, slice_name, items->n);
}

/* Items in no slice, and the order of those in slices. of: number of the slice for each item, or
 * -1. */
static void hold_rules(fhir_walk_t *w, const fhir_items_t *items, const int *of,
                       const fhir_slicing_t *slicing)
{
    int last = 0, outside = 0;

    for (int i = 0; i < items->n; i++) {
        if (of[i] < 0) {
            outside = 1;
            if (slicing->rules == FHIR_SLICING_CLOSED)
                fhir_walk_finding(
                    w, items->list[i], FHIR_SEVERITY_ERROR, FHIR_ERR_STRUCTURE, "slice-closed",
                    "The profile allows only values that belong to one of its slices");
            continue;
        }
        if (outside && slicing->rules == FHIR_SLICING_OPEN_AT_END)
            fhir_walk_finding(w, items->list[i], FHIR_SEVERITY_ERROR, FHIR_ERR_STRUCTURE,
                              "slice-order",
                              "Values that belong to a slice must come before those that do not");
        if (slicing->ordered && of[i] < last)
            fhir_walk_finding(w, items->list[i], FHIR_SEVERITY_ERROR, FHIR_ERR_STRUCTURE,
                              "slice-order",
                              "The slices are in another order than that of the profile");
        last = of[i];
    }
}

void fhir_slices_hold(fhir_walk_t *w, fhir_item_t parent, const fhir_items_t *items,
                      const fhir_pnode_t *node)
{
    const fhir_profiles_t *p = w->v->profiles;
    const fhir_slicing_t *slicing = &p->slicings[node->slicing];
    int *of = apr_palloc(w->pool, (apr_size_t)(items->n + 1) * sizeof(*of));
    int n;
    const apr_uint16_t *slices = fhir_profiles_run(&n, p, node->slices);

    for (int j = 0; j < items->n; j++)
        of[j] = -1;
    for (int i = 0; i < n; i++) {
        const fhir_pnode_t *slice = &p->nodes[slices[i]];
        fhir_items_t in = {apr_palloc(w->pool, (apr_size_t)(items->n + 1) * sizeof(fhir_item_t)), 0,
                           items->n};

        for (int j = 0; j < items->n; j++)
            if (of[j] < 0 && in_slice(w, slicing, slice, items->list[j])) {
                of[j] = i;
                in.list[in.n++] = items->list[j];
            }
        hold_count(w, parent, &in, slice);
        for (int j = 0; j < in.n; j++)
            fhir_profile_node(w, in.list[j], slice);
        if (slice->slicing)
            fhir_slices_hold(w, parent, &in, slice);
    }
    hold_rules(w, items, of, slicing);
}
