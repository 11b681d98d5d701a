/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The validator's walk through a resource: what applies to every type and element, and where
 * profiles apply. Profiles, slices, bindings and invariants have files of their own.
 */
#include <apr_strings.h>
#include <apr_tables.h>
#include <stddef.h>

#include "core/fhir_text.h"
#include "core/fhir_work.h"
#include "fhir/validate/fhir_validate_private.h"
#include "model/fhir_uscore.h"

#define STEPS_MAX 200000

/* ---- items ---- */

const char *fhir_walk_text(apr_size_t *len, const fhir_node_t *object, const char *name)
{
    const fhir_node_t *node = fhir_node_get(object, name);

    *len = node && node->kind == FHIR_NODE_STRING ? node->text_len : 0;
    return *len ? node->text : NULL;
}

static void add_item(fhir_items_t *items, fhir_walk_t *w, fhir_item_t parent,
                     const fhir_element_t *el, const fhir_node_t *node, const fhir_node_t *extra,
                     int index)
{
    if (node && node->kind == FHIR_NODE_NULL)
        node = NULL;
    if (extra && extra->kind == FHIR_NODE_NULL)
        extra = NULL;
    if (!node && !extra)
        return;
    if (items->n == items->size) {
        int size = items->size ? items->size * 2 : 8;
        fhir_item_t *list = apr_palloc(w->pool, (apr_size_t)size * sizeof(*list));

        if (items->n)
            memcpy(list, items->list, (apr_size_t)items->n * sizeof(*list));
        items->list = list;
        items->size = size;
    }
    fhir_path_item_t *item = apr_palloc(w->pool, sizeof(*item));
    fhir_path_child(item, w->v->model, parent, el, node, extra, index);
    items->list[items->n++] = item;
}

/* The items of one JSON member and of its `_name`. */
static void add_member(fhir_items_t *items, fhir_walk_t *w, fhir_item_t parent,
                       const fhir_element_t *el, const fhir_node_t *value, const fhir_node_t *extra)
{
    if ((!value || value->kind != FHIR_NODE_ARRAY) && (!extra || extra->kind != FHIR_NODE_ARRAY)) {
        add_item(items, w, parent, el, value, extra, -1);
        return;
    }
    value = value && value->kind == FHIR_NODE_ARRAY ? value->child : NULL;
    extra = extra && extra->kind == FHIR_NODE_ARRAY ? extra->child : NULL;
    for (int i = 0; value || extra; i++) {
        add_item(items, w, parent, el, value, extra, i);
        value = value ? value->next : NULL;
        extra = extra ? extra->next : NULL;
    }
}

/* The object that has an item's members, and its type; for a primitive, its `_name` member. */
static const fhir_node_t *members(const fhir_type_t **type, const fhir_walk_t *w, fhir_item_t item)
{
    const fhir_node_t *node = item->kind == FHIR_PATH_NODE ? item->node : item->extra;

    *type = item->kind == FHIR_PATH_NODE ? &w->v->model->types[item->type] : w->v->element_type;
    return node && node->kind == FHIR_NODE_OBJECT ? node : NULL;
}

static const fhir_node_t *extra_of(const fhir_node_t *object, const char *name, apr_size_t len)
{
    for (const fhir_node_t *m = object->child; m; m = m->next)
        if (m->name_len == len + 1 && *m->name == '_' && !memcmp(m->name + 1, name, len))
            return m;
    return NULL;
}

void fhir_walk_children(fhir_items_t *items, fhir_walk_t *w, fhir_item_t item, const char *name)
{
    const fhir_model_t *m = w->v->model;
    const fhir_type_t *type;
    const fhir_node_t *object = members(&type, w, item);

    if (!object)
        return;
    for (int i = 0; i < type->n_elements; i++) {
        const fhir_element_t *el = &m->elements[type->first_element + i];
        if (strcmp(fhir_model_str(m, el->group ? el->group : el->name), name) != 0)
            continue;
        const char *member = fhir_model_str(m, el->name);
        add_member(items, w, item, el, fhir_node_get(object, member),
                   m->types[el->type].kind == FHIR_KIND_PRIMITIVE
                       ? extra_of(object, member, strlen(member))
                       : NULL);
    }
}

/* All items below, in order. */
static void walk_all(fhir_items_t *items, fhir_walk_t *w, fhir_item_t item)
{
    const fhir_model_t *m = w->v->model;
    const fhir_type_t *type;
    const fhir_node_t *object = members(&type, w, item);

    for (const fhir_node_t *member = object ? object->child : NULL; member; member = member->next) {
        int extra = member->name_len > 1 && *member->name == '_';
        const char *name = member->name + extra;
        apr_size_t len = member->name_len - (apr_size_t)extra;

        const fhir_element_t *el = fhir_model_element(m, type, name, len);
        if (!el || (extra && fhir_node_getn(object, name, len)))
            continue;
        if (m->types[el->type].kind != FHIR_KIND_PRIMITIVE)
            add_member(items, w, item, el, member, NULL);
        else if (extra)
            add_member(items, w, item, el, NULL, member);
        else
            add_member(items, w, item, el, member, extra_of(object, name, len));
    }
}

/* ---- findings ---- */

void fhir_walk_finding(fhir_walk_t *w, fhir_item_t item, fhir_severity_t severity, fhir_code_t code,
                       const char *id, const char *fmt, ...)
{
    const fhir_node_t *node = item->node ? item->node : item->extra;

    if (w->quiet) {
        if (severity == FHIR_SEVERITY_ERROR)
            fhir_issues_add(w->issues, severity, code, id, NULL, "%s", id);
        return;
    }
    if (severity == FHIR_SEVERITY_INFORMATION && !w->opts->information)
        return;
    const char *expression = fhir_path_location(w->v->model, item, w->issues->pool);
    va_list ap;
    va_start(ap, fmt);
    const char *text = apr_pvsprintf(w->issues->pool, fmt, ap);
    va_end(ap);
    if (fhir_issues_has(w->issues, id, expression ? expression : "", text))
        return;
    fhir_issue_t *issue = fhir_issues_add(w->issues, severity, code, id, expression, "%s", text);
    if (node) {
        issue->offset = node->start;
        issue->line = (int)node->line;
        issue->column = (int)node->column;
    }
}

/* What the definition of an element requires beyond the model: SimpleQuantity, extensible
 * bindings. */
static void element_rules(fhir_walk_t *w, fhir_item_t item)
{
    const fhir_profiles_t *p = w->v->profiles;
    const fhir_rule_t *rule = &p->rules[p->element_rules[item->element]];

    if (!p->element_rules[item->element])
        return;
    fhir_invariants_hold(w, item, rule->invariants);
    int n;
    const apr_uint16_t *run = fhir_profiles_run(&n, p, rule->profiles);
    for (int i = 0; i < n; i++) {
        const fhir_profile_t *profile =
            fhir_profile_find(w, fhir_profiles_str(p, p->canonicals[run[i]]));

        if (profile)
            fhir_profile_hold(w, item, profile);
    }
    if (rule->binding && w->opts->level >= FHIR_VALIDATE_PROFILE)
        fhir_binding_hold(w, item, rule->binding);
}

/* ---- profiles of a resource ---- */

/* A profile against which a resource is validated. */
typedef struct claim_t {
    const char *canonical;
    fhir_item_t
        place; /* in meta.profile, or the resource itself when the request named the profile */
    int asked;
} claim_t;

static void find_claims(apr_array_header_t *claims, fhir_walk_t *w, fhir_item_t resource)
{
    fhir_items_t metas = {0}, places = {0};

    for (int i = 0; !resource->parent && i < w->opts->n_profiles; i++)
        APR_ARRAY_PUSH(claims, claim_t) = (claim_t){w->opts->profiles[i], resource, 1};
    fhir_walk_children(&metas, w, resource, "meta");
    for (int i = 0; i < metas.n; i++)
        fhir_walk_children(&places, w, metas.list[i], "profile");
    for (int i = 0; i < places.n; i++) {
        const fhir_node_t *node = places.list[i]->node;

        if (node && node->kind == FHIR_NODE_STRING && node->text_len)
            APR_ARRAY_PUSH(claims, claim_t) =
                (claim_t){apr_pstrmemdup(w->pool, node->text, node->text_len), places.list[i], 0};
    }
}

static void hold_claim(fhir_walk_t *w, fhir_item_t resource, const claim_t *claim)
{
    const fhir_model_t *m = w->v->model;
    const fhir_profile_t *profile = fhir_profile_find(w, claim->canonical);
    const fhir_type_t *type = fhir_profile_base_type(w, claim->canonical);

    if (profile)
        fhir_profile_hold(w, resource, profile);
    else if (!type)
        fhir_walk_finding(w, claim->place,
                          claim->asked ? FHIR_SEVERITY_ERROR : FHIR_SEVERITY_INFORMATION,
                          FHIR_ERR_NOT_FOUND, "profile-unknown",
                          "The profile %s is unknown, so the resource was not validated against it",
                          fhir_text_excerpt(claim->canonical, strlen(claim->canonical), w->pool));
    else if (!fhir_walk_is_a(w, resource->type, fhir_model_type_index(m, type)))
        fhir_walk_finding(w, claim->place, FHIR_SEVERITY_ERROR, FHIR_ERR_INVALID, "profile-type",
                          "The profile is the definition of %s, but the resource is a %s",
                          fhir_model_str(m, type->name),
                          fhir_model_str(m, m->types[resource->type].name));
}

/* 1 if a claim allows several releases. */
static int is_open(const fhir_walk_t *w, const claim_t *claim)
{
    const fhir_profile_t *profile = fhir_profile_find(w, claim->canonical);

    return profile && !strchr(claim->canonical, '|') &&
           fhir_profiles_older(w->v->profiles, profile);
}

/* The one release that claims with a version name, or NULL. */
static const char *claimed_release(const fhir_walk_t *w, const apr_array_header_t *claims)
{
    const char *release = NULL;

    for (int i = 0; i < claims->nelts; i++) {
        const char *canonical = APR_ARRAY_IDX(claims, i, claim_t).canonical;
        const fhir_profile_t *profile = fhir_profile_find(w, canonical);
        const char *version = profile ? fhir_profiles_str(w->v->profiles, profile->version) : NULL;

        if (!version || !strchr(canonical, '|') || !strcmp(version, w->v->model->version))
            continue;
        if (release && strcmp(release, version) != 0)
            return NULL;
        release = version;
    }
    return release;
}

static void hold_claims(fhir_walk_t *w, fhir_item_t resource, const apr_array_header_t *claims)
{
    for (int i = 0; i < claims->nelts; i++)
        hold_claim(w, resource, &APR_ARRAY_IDX(claims, i, claim_t));
}

/* The same, with findings of its own. */
static fhir_issues_t *try_claims(fhir_walk_t *w, fhir_item_t resource,
                                 const apr_array_header_t *claims, const char *release)
{
    fhir_issues_t *issues = w->issues, *found = fhir_issues_create(issues->max, issues->pool);

    w->issues = found;
    w->release = release;
    hold_claims(w, resource, claims);
    w->release = NULL;
    w->issues = issues;
    return found;
}

/* When profiles are named without a version and the request names no release, a resource is valid
 * if it is valid in one release. If it is not, the findings are those of the newest release. */
static void hold_in_some_release(fhir_walk_t *w, fhir_item_t resource,
                                 const apr_array_header_t *claims)
{
    const char *const *releases = fhir_uscore_of(w->v->model)->releases;
    fhir_issues_t *newest = try_claims(w, resource, claims, NULL), *found = newest;
    int n = 0;

    while (releases[n])
        n++;
    for (n -= 2; n >= 0 && found->n_errors; n--)
        found = try_claims(w, resource, claims, releases[n]);
    fhir_issues_append(w->issues, found->n_errors ? newest : found);
}

static void hold_profiles(fhir_walk_t *w, fhir_item_t resource)
{
    apr_array_header_t *claims = apr_array_make(w->pool, 4, sizeof(claim_t));
    int open = 0;

    if (w->opts->level < FHIR_VALIDATE_PROFILE)
        return;
    find_claims(claims, w, resource);
    const char *release = claimed_release(w, claims);
    if (release)
        w->release = release;
    for (int i = 0; i < claims->nelts; i++)
        open |= is_open(w, &APR_ARRAY_IDX(claims, i, claim_t));
    (open && !w->release ? hold_in_some_release : hold_claims)(w, resource, claims);
}

/* ---- the way through ---- */

static void walk(fhir_walk_t *w, fhir_item_t item, int depth);

static int is_resource(const fhir_walk_t *w, fhir_item_t item)
{
    return w->v->model->types[item->type].kind == FHIR_KIND_RESOURCE;
}

/* A resource within another gets a pool of its own, so that a Bundle of any length needs only the
 * memory for its largest entry. */
static void walk_resource(fhir_walk_t *w, fhir_item_t item, int depth)
{
    apr_pool_t *pool = w->pool;
    const char *release = w->release;

    apr_pool_create(&w->pool, pool);
    hold_profiles(w, item);
    walk(w, item, depth);
    apr_pool_destroy(w->pool);
    w->pool = pool;
    w->release = release;
}

static void walk(fhir_walk_t *w, fhir_item_t item, int depth)
{
    const fhir_profiles_t *p = w->v->profiles;
    fhir_items_t below = {0};

    if (depth > FHIR_NODE_DEPTH_MOST || !fhir_work_tick(4)) /* stopped: nobody reads the findings */
        return;
    fhir_invariants_hold(w, item, p->type_rules[item->type]);
    if (item->element)
        element_rules(w, item);
    if (item->type == w->v->extension && w->opts->level >= FHIR_VALIDATE_PROFILE)
        fhir_extension_hold(w, item);
    if (item->kind == FHIR_PATH_NODE && w->opts->level >= FHIR_VALIDATE_PROFILE &&
        (item->type == w->v->coding || fhir_walk_is_a(w, item->type, w->v->quantity)))
        fhir_coding_hold(w, item);
    walk_all(&below, w, item);
    for (int i = 0; i < below.n; i++)
        (is_resource(w, below.list[i]) ? walk_resource : walk)(w, below.list[i], depth + 1);
}

/* memberOf() in invariants. */
static fhir_err_t *member_of(fhir_path_answer_t *answer, void *baton, const fhir_path_item_t *item,
                             const char *valueset, apr_pool_t *pool)
{
    const fhir_walk_t *w = baton;
    apr_uint16_t set = fhir_profiles_set(w->v->profiles, valueset, strlen(valueset), w->release);

    (void)pool;
    switch (fhir_binding_member(w, set, valueset, item)) {
    case FHIR_MEMBER_YES:
        *answer = FHIR_PATH_TRUE;
        break;
    case FHIR_MEMBER_NO:
        *answer = FHIR_PATH_FALSE;
        break;
    case FHIR_MEMBER_UNKNOWN:
        *answer = FHIR_PATH_UNKNOWN;
        break;
    }
    return NULL;
}

static void run(fhir_issues_t *issues, const fhir_validator_t *v, const fhir_validate_opts_t *opts,
                const fhir_node_t *resource)
{
    fhir_walk_t w = {.v = v, .opts = opts, .issues = issues, .release = opts->release};

    apr_pool_create(&w.run_pool, issues->pool);
    apr_pool_create(&w.pool, w.run_pool);
    apr_pool_create(&w.eval, w.pool);
    w.env.model = v->model;
    w.env.baton = &w;
    w.env.member_of = member_of;
    w.env.max_steps = opts->max_steps ? opts->max_steps : STEPS_MAX;
    fhir_item_t root = fhir_path_root(v->model, resource, w.pool);
    walk_resource(&w, root, 0);
    apr_pool_destroy(w.run_pool);
}

void fhir_validate_resource(fhir_issues_t *issues, const fhir_type_t **type,
                            const fhir_validator_t *validator, const fhir_validate_opts_t *opts,
                            const fhir_node_t *resource)
{
    static const fhir_validate_opts_t defaults = {.level = FHIR_VALIDATE_PROFILE};

    if (!opts)
        opts = &defaults;
    fhir_check_resource(issues, type, validator->model, opts->limits, resource);
    if (*type && validator->profiles && opts->level > FHIR_VALIDATE_STRUCTURE)
        run(issues, validator, opts, resource);
}

/* ---- what is made once ---- */

static fhir_err_t *parse_values(const fhir_node_t *const **parsed, const fhir_profiles_t *p,
                                apr_size_t offset, apr_size_t n, apr_pool_t *pool)
{
    const fhir_node_t **list = apr_pcalloc(pool, n * sizeof(*list));

    for (apr_size_t i = 1; i < n; i++) {
        apr_uint32_t at = *(const apr_uint32_t *)((const char *)&p->nodes[i] + offset);
        const char *text = fhir_profiles_str(p, at);

        if (!at)
            continue;
        fhir_node_t *root;
        FHIR_TRY(fhir_node_parse_json(&root, text, strlen(text), NULL, pool));
        list[i] = root;
    }
    *parsed = list;
    return NULL;
}

static apr_uint16_t type_index(const fhir_model_t *model, const char *name)
{
    const fhir_type_t *type = fhir_model_type(model, name, strlen(name));

    return type ? fhir_model_type_index(model, type) : 0;
}

fhir_err_t *fhir_validator_create(fhir_validator_t **validator, const fhir_model_t *model,
                                  apr_pool_t *pool)
{
    fhir_validator_t *v = apr_pcalloc(pool, sizeof(*v));
    const fhir_profiles_t *p = fhir_profiles_of(model);

    *validator = v;
    v->model = model;
    v->profiles = p;
    v->element_type = fhir_model_type(model, "Element", 7);
    v->extension = type_index(model, "Extension");
    v->reference = type_index(model, "Reference");
    v->codeable = type_index(model, "CodeableConcept");
    v->coding = type_index(model, "Coding");
    v->quantity = type_index(model, "Quantity");
    if (!p)
        return NULL;
    FHIR_TRY(parse_values(&v->fixed, p, offsetof(fhir_pnode_t, fixed), p->n_nodes + 1u, pool));
    FHIR_TRY(parse_values(&v->pattern, p, offsetof(fhir_pnode_t, pattern), p->n_nodes + 1u, pool));
    return fhir_invariants_compile(v, pool);
}

int fhir_validate_level(fhir_validate_level_t *level, const char *name)
{
    static const char *const names[] = {[FHIR_VALIDATE_STRUCTURE] = "structure",
                                        [FHIR_VALIDATE_BASE] = "base",
                                        [FHIR_VALIDATE_PROFILE] = "profile"};

    for (apr_size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!strcmp(name, names[i])) {
            *level = (fhir_validate_level_t)i;
            return 1;
        }
    return 0;
}

const char *fhir_validate_release_fault(const fhir_model_t *model, const char *release,
                                        apr_pool_t *pool)
{
    const fhir_uscore_t *uscore = fhir_uscore_of(model);
    const char *known = "";

    for (int i = 0; uscore && uscore->releases[i]; i++) {
        if (!strcmp(uscore->releases[i], release))
            return NULL;
        known = apr_pstrcat(pool, known, i ? ", " : "", uscore->releases[i], NULL);
    }
    return *known ? apr_psprintf(pool, "a release of US Core: %s", known)
                  : "no release: the model has no profiles";
}
