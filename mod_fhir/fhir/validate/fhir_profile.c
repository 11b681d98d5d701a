/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A profile's nodes against items: cardinality, types, values, bindings, invariants, and the nodes
 * below. Slices are in fhir_slice.c, bindings and targets of references in fhir_binding.c.
 * Source: http://hl7.org/fhir/R4/elementdefinition.html
 */
#include <apr_strings.h>

#include "core/fhir_decimal.h"
#include "fhir/validate/fhir_validate_private.h"

#define DEPTH_MAX   32
#define CORE_PREFIX "http://hl7.org/fhir/StructureDefinition/"

const fhir_profile_t *fhir_profile_find(const fhir_walk_t *w, const char *canonical)
{
    return fhir_profiles_find(w->v->profiles, canonical, strlen(canonical), w->release);
}

const fhir_type_t *fhir_profile_base_type(const fhir_walk_t *w, const char *canonical)
{
    apr_size_t prefix = sizeof(CORE_PREFIX) - 1;
    const char *name = canonical + prefix;

    return strncmp(canonical, CORE_PREFIX, prefix) != 0
               ? NULL
               : fhir_model_type(w->v->model, name, strcspn(name, "|"));
}

int fhir_walk_is_a(const fhir_walk_t *w, apr_uint16_t type, apr_uint16_t ancestor)
{
    while (type && type != ancestor)
        type = w->v->model->types[type].base;
    return type != 0;
}

/* ---- fixed and pattern ---- */

static int same_text(const fhir_node_t *a, const fhir_node_t *b)
{
    return a->text_len == b->text_len && !memcmp(a->text, b->text, a->text_len);
}

static int contains(const fhir_node_t *value, const fhir_node_t *pattern);

static int some_item_contains(const fhir_node_t *list, const fhir_node_t *pattern)
{
    for (const fhir_node_t *item = list->child; item; item = item->next)
        if (contains(item, pattern))
            return 1;
    return 0;
}

/* 1 if the value has everything that the pattern has: members of objects, and for each item of an
 * array one that matches. */
static int contains(const fhir_node_t *value, const fhir_node_t *pattern)
{
    if (!value || value->kind != pattern->kind)
        return 0;
    if (pattern->kind == FHIR_NODE_NUMBER)
        return same_text(value, pattern);
    for (const fhir_node_t *part = pattern->child; part; part = part->next)
        if (pattern->kind == FHIR_NODE_OBJECT
                ? !contains(fhir_node_getn(value, part->name, part->name_len), part)
                : !some_item_contains(value, part))
            return 0;
    return pattern->kind != FHIR_NODE_STRING || same_text(value, pattern);
}

/* Equal as a whole: each contains the other, and arrays have the same length. */
static int equals(const fhir_node_t *a, const fhir_node_t *b)
{
    if (!a || a->kind != b->kind || fhir_node_count(a) != fhir_node_count(b))
        return 0;
    if (a->kind == FHIR_NODE_STRING || a->kind == FHIR_NODE_NUMBER)
        return same_text(a, b);
    const fhir_node_t *x, *y;
    for (x = a->child, y = b->child; x; x = x->next, y = y->next)
        if (!equals(a->kind == FHIR_NODE_OBJECT ? fhir_node_getn(a, y->name, y->name_len) : x, y))
            return 0;
    return 1;
}

static apr_size_t index_of(const fhir_walk_t *w, const fhir_pnode_t *node)
{
    return (apr_size_t)(node - w->v->profiles->nodes);
}

int fhir_profile_value_fits(const fhir_walk_t *w, const fhir_pnode_t *node, fhir_item_t item)
{
    const fhir_node_t *fixed = w->v->fixed[index_of(w, node)];
    const fhir_node_t *pattern = w->v->pattern[index_of(w, node)];

    return (!fixed || equals(item->node, fixed)) && (!pattern || contains(item->node, pattern));
}

static void hold_value(fhir_walk_t *w, fhir_item_t item, const fhir_pnode_t *node)
{
    const fhir_profiles_t *p = w->v->profiles;

    if (fhir_profile_value_fits(w, node, item))
        return;
    fhir_walk_finding(w, item, FHIR_SEVERITY_ERROR, FHIR_ERR_VALUE,
                      node->fixed ? "profile-fixed" : "profile-pattern", "The value must %s %.400s",
                      node->fixed ? "be" : "contain",
                      fhir_profiles_str(p, node->fixed ? node->fixed : node->pattern));
}

/* ---- types ---- */

static void hold_profiles(fhir_walk_t *w, fhir_item_t item, apr_uint16_t run)
{
    const fhir_profiles_t *p = w->v->profiles;
    const fhir_profile_t *profile = NULL;
    const char *canonical = "";
    int n;
    const apr_uint16_t *list = fhir_profiles_run(&n, p, run);

    for (int i = 0; i < n; i++) {
        canonical = fhir_profiles_str(p, p->canonicals[list[i]]);
        profile = fhir_profile_find(w, canonical);
        /* What is not known, or is the base type, is met by anything that can be told. */
        if (!profile || (n > 1 && fhir_profile_fits(w, item, profile)))
            return;
    }
    if (n == 1)
        fhir_profile_hold(w, item, profile);
    else if (n)
        fhir_walk_finding(w, item, FHIR_SEVERITY_ERROR, FHIR_ERR_INVALID, "profile-none-fits",
                          "The value satisfies none of the %d allowed profiles; one of them is %s",
                          n, canonical);
}

/* A definition lists exactly the allowed types; types that derive from them (Age from Quantity,
 * code from string) are not included. Only an abstract type stands for all below it. */
static int is_allowed(const fhir_walk_t *w, apr_uint16_t type, apr_uint16_t allowed)
{
    const fhir_type_t *types = w->v->model->types;

    return type == allowed ||
           ((types[allowed].flags & FHIR_TYPE_ABSTRACT || types[type].kind == FHIR_KIND_BACKBONE) &&
            fhir_walk_is_a(w, type, allowed));
}

/* 0 when the type is wrong: the rest of the node is then about another type. */
static int hold_type(fhir_walk_t *w, fhir_item_t item, const fhir_pnode_t *node)
{
    const fhir_profiles_t *p = w->v->profiles;
    const char *allowed = "";
    int n;
    const apr_uint16_t *list = fhir_profiles_run(&n, p, node->types);

    for (int i = 0; i < n; i++) {
        const fhir_ptype_t *type = &p->types[list[i]];

        if (is_allowed(w, item->type, type->type)) {
            hold_profiles(w, item, type->profiles);
            fhir_target_hold(w, item, type->targets);
            return 1;
        }
        allowed =
            apr_pstrcat(w->pool, allowed, i ? ", " : "",
                        fhir_model_str(w->v->model, w->v->model->types[type->type].name), NULL);
    }
    if (n)
        fhir_walk_finding(w, item, FHIR_SEVERITY_ERROR, FHIR_ERR_STRUCTURE, "profile-type",
                          "The type %s is not allowed here; allowed: %s",
                          fhir_path_item_type(w->v->model, item), allowed);
    return !n;
}

/* ---- cardinality ---- */

static void hold_cardinality(fhir_walk_t *w, fhir_item_t parent, const fhir_items_t *items,
                             const fhir_pnode_t *node)
{
    const char *name = fhir_profiles_str(w->v->profiles, node->name);

    if (items->n < node->min)
        fhir_walk_finding(w, parent, FHIR_SEVERITY_ERROR, FHIR_ERR_REQUIRED, "profile-min",
                          items->n ? "At least %d of '%s' are required, but there are %d"
                                   : "At least %d of '%s' is needed",
                          (int)node->min, name, items->n);
    else if (!items->n && fhir_walk_wants(w, node))
        fhir_walk_finding(w, parent, FHIR_SEVERITY_INFORMATION, FHIR_ERR_REQUIRED, "must-support",
                          "'%s' is missing; systems must be able to support it", name);
    if (node->max != FHIR_EL_MAX_UNBOUNDED && items->n > node->max)
        fhir_walk_finding(w, items->list[node->max], FHIR_SEVERITY_ERROR, FHIR_ERR_STRUCTURE,
                          "profile-max",
                          node->max ? "At most %d of '%s' are allowed, but there are %d"
                                    : "The profile allows none (%d) of '%s', but there are %d",
                          (int)node->max, name, items->n);
}

static void hold_children(fhir_walk_t *w, fhir_item_t item, const fhir_pnode_t *node)
{
    const fhir_profiles_t *p = w->v->profiles;
    int n;
    const apr_uint16_t *children = fhir_profiles_run(&n, p, node->children);

    for (int i = 0; i < n; i++) {
        const fhir_pnode_t *child = &p->nodes[children[i]];
        fhir_items_t items = {0};

        fhir_walk_children(&items, w, item, fhir_profiles_str(p, child->name));
        hold_cardinality(w, item, &items, child);
        for (int j = 0; j < items.n; j++)
            fhir_profile_node(w, items.list[j], child);
        if (child->slicing)
            fhir_slices_hold(w, item, &items, child);
    }
}

/* ---- nodes and profiles ---- */

void fhir_profile_node(fhir_walk_t *w, fhir_item_t item, const fhir_pnode_t *node)
{
    if (!hold_type(w, item, node))
        return;
    hold_value(w, item, node);
    if (node->binding)
        fhir_binding_hold(w, item, node->binding);
    fhir_invariants_hold(w, item, node->invariants);
    hold_children(w, item, node);
}

void fhir_profile_hold(fhir_walk_t *w, fhir_item_t item, const fhir_profile_t *profile)
{
    const fhir_profiles_t *p = w->v->profiles;
    const char *release = w->release;

    if (w->depth >= DEPTH_MAX)
        return;
    if (!fhir_walk_is_a(w, item->type, profile->type)) {
        fhir_walk_finding(w, item, FHIR_SEVERITY_ERROR, FHIR_ERR_INVALID, "profile-type",
                          "%s is a profile of %s, this is %s", fhir_profiles_str(p, profile->url),
                          fhir_model_str(w->v->model, w->v->model->types[profile->type].name),
                          fhir_path_item_type(w->v->model, item));
        return;
    }
    w->depth++;
    w->release = fhir_profiles_str(p, profile->version);
    fhir_profile_node(w, item, &p->nodes[profile->root]);
    w->release = release;
    w->depth--;
}

int fhir_walk_fits(fhir_walk_t *w, fhir_item_t item, const fhir_profile_t *profile,
                   void (*hold)(fhir_walk_t *w, fhir_item_t item, const fhir_profile_t *profile))
{
    fhir_issues_t *issues = w->issues;
    int quiet = w->quiet;

    w->issues = fhir_issues_create(1, w->pool);
    w->quiet = 1;
    hold(w, item, profile);
    int fits = w->issues->n_errors == 0;
    w->issues = issues;
    w->quiet = quiet;
    return fits;
}

int fhir_profile_fits(fhir_walk_t *w, fhir_item_t item, const fhir_profile_t *profile)
{
    return fhir_walk_fits(w, item, profile, fhir_profile_hold);
}
