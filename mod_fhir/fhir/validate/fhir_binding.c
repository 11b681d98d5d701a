/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Codes against value sets, and references against the profiles of their targets.
 * Source: http://hl7.org/fhir/R4/terminologies.html#strength, references.html
 */
#include <apr_strings.h>

#include "core/fhir_text.h"
#include "fhir/validate/fhir_terminology.h"
#include "fhir/validate/fhir_ucum.h"
#include "fhir/validate/fhir_validate_private.h"

#include "core/fhir_hash.h"

/* ---- bindings ---- */

/* Asks the compiled-in value sets, and if these cannot tell, the caller's function. system NULL:
 * any; "": none */
static fhir_member_t code_member(const fhir_walk_t *w, apr_uint16_t set, const char *url,
                                 const char *system, apr_size_t system_len, const char *code,
                                 apr_size_t len)
{
    fhir_member_t answer = fhir_profiles_member(w->v->profiles, set, system, system_len, code, len);

    if (answer != FHIR_MEMBER_UNKNOWN || !w->opts->member)
        return answer;
    return w->opts->member(w->opts->baton, url,
                           system ? apr_pstrmemdup(w->pool, system, system_len) : NULL,
                           apr_pstrmemdup(w->pool, code, len));
}

static fhir_member_t coding_member(const fhir_walk_t *w, apr_uint16_t set, const char *url,
                                   const fhir_node_t *coding)
{
    apr_size_t len, system_len;
    const char *code = fhir_walk_text(&len, coding, "code");
    const char *system = fhir_walk_text(&system_len, coding, "system");

    return code ? code_member(w, set, url, system ? system : "", system_len, code, len)
                : FHIR_MEMBER_NO;
}

static fhir_member_t concept_member(const fhir_walk_t *w, apr_uint16_t set, const char *url,
                                    const fhir_node_t *node)
{
    const fhir_node_t *list = fhir_node_get(node, "coding");
    fhir_member_t answer = FHIR_MEMBER_NO;

    for (const fhir_node_t *coding = list ? list->child : NULL; coding; coding = coding->next) {
        fhir_member_t one = coding_member(w, set, url, coding);

        if (one == FHIR_MEMBER_YES)
            return one;
        if (one == FHIR_MEMBER_UNKNOWN)
            answer = one;
    }
    return answer;
}

fhir_member_t fhir_binding_member(const fhir_walk_t *w, apr_uint16_t set, const char *url,
                                  fhir_item_t item)
{
    const fhir_node_t *node = item->node;

    if (!node)
        return FHIR_MEMBER_NO;
    if (item->type == w->v->codeable)
        return concept_member(w, set, url, node);
    if (item->kind == FHIR_PATH_NODE) /* Coding and all kinds of Quantity */
        return coding_member(w, set, url, node);
    return node->kind == FHIR_NODE_STRING
               ? code_member(w, set, url, NULL, 0, node->text, node->text_len)
               : FHIR_MEMBER_UNKNOWN;
}

/* 1 if there is a code that a value set could contain. */
static int is_coded(const fhir_walk_t *w, fhir_item_t item)
{
    if (!item->node)
        return 0;
    if (item->type == w->v->codeable)
        return fhir_node_get(item->node, "coding") != NULL;
    return item->kind != FHIR_PATH_NODE || fhir_node_get(item->node, "code") != NULL;
}

/* A required code may be absent only if an extension says why. */
static int excused(fhir_item_t item)
{
    return fhir_node_get(item->node, "extension") || fhir_node_get(item->extra, "extension");
}

void fhir_binding_hold(fhir_walk_t *w, fhir_item_t item, apr_uint16_t index)
{
    const fhir_profiles_t *p = w->v->profiles;
    const fhir_pbinding_t *binding = &p->bindings[index];
    const char *url = fhir_profiles_str(p, binding->url);
    int required = binding->strength == FHIR_STRENGTH_REQUIRED;

    if (!is_coded(w, item)) {
        if (required && item->type == w->v->codeable && !excused(item))
            fhir_walk_finding(w, item, FHIR_SEVERITY_ERROR, FHIR_ERR_CODE, "binding-required",
                              "A code of the required value set %s is needed", url);
        return;
    }
    switch (fhir_binding_member(w, binding->set, url, item)) {
    case FHIR_MEMBER_YES:
        return;
    case FHIR_MEMBER_UNKNOWN:
        fhir_walk_finding(w, item, FHIR_SEVERITY_INFORMATION, FHIR_ERR_CODE, "binding-unknown",
                          "The server cannot decide whether the code is in the value set %s", url);
        return;
    case FHIR_MEMBER_NO:
        break;
    }
    if (required)
        fhir_walk_finding(w, item, FHIR_SEVERITY_ERROR, FHIR_ERR_CODE, "binding-required",
                          "None of the codes is in the required value set %s", url);
    else
        fhir_walk_finding(w, item, FHIR_SEVERITY_WARNING, FHIR_ERR_CODE, "binding-extensible",
                          "No code is in the extensible value set %s, which must be used if it has "
                          "a suitable code",
                          url);
}

/* ---- code systems ---- */

static void hold_display(fhir_walk_t *w, fhir_item_t item, const char *display)
{
    apr_size_t len;
    const char *said = fhir_walk_text(&len, item->node, "display");

    if (said && *display &&
        !fhir_terminology_same_display(apr_pstrmemdup(w->pool, said, len), display))
        fhir_walk_finding(w, item, FHIR_SEVERITY_WARNING, FHIR_ERR_CODE, "display-wrong",
                          "The display of this code is '%s', not '%s'", display,
                          fhir_text_excerpt(said, len, w->pool));
}

void fhir_coding_hold(fhir_walk_t *w, fhir_item_t item)
{
    const fhir_profiles_t *p = w->v->profiles;
    apr_size_t len, system_len;
    const char *code = fhir_walk_text(&len, item->node, "code");
    const char *system = fhir_walk_text(&system_len, item->node, "system");

    if (!code || !system)
        return;
    if (system_len == sizeof(FHIR_UCUM_SYSTEM) - 1 &&
        !memcmp(system, FHIR_UCUM_SYSTEM, system_len)) {
        if (!fhir_ucum_valid(code, len))
            fhir_walk_finding(w, item, FHIR_SEVERITY_WARNING, FHIR_ERR_CODE, "code-unknown",
                              "'%s' is not a code of UCUM", fhir_text_excerpt(code, len, w->pool));
        return;
    }
    const fhir_psystem_t *known = fhir_profiles_system(p, system, system_len);
    if (!known)
        return;
    const fhir_pconcept_t *concept = fhir_profiles_concept(p, known, code, len);
    if (concept)
        hold_display(w, item, fhir_profiles_str(p, concept->display));
    else
        fhir_walk_finding(w, item, FHIR_SEVERITY_WARNING, FHIR_ERR_CODE, "code-unknown",
                          "The code system %s has no code '%s' as far as this server knows it",
                          fhir_profiles_str(p, known->url), fhir_text_excerpt(code, len, w->pool));
}

/* ---- references ---- */

static const fhir_type_t *target_type(const fhir_walk_t *w, const char *canonical)
{
    const fhir_profile_t *profile = fhir_profile_find(w, canonical);

    return profile ? &w->v->model->types[profile->type] : fhir_profile_base_type(w, canonical);
}

/* The contained resource of that id, beside or above the item. */
static fhir_item_t contained(fhir_walk_t *w, fhir_item_t item, const char *id, apr_size_t len)
{
    const fhir_model_t *m = w->v->model;
    fhir_items_t items = {0};

    for (; item->parent; item = item->parent)
        if (m->types[item->type].kind == FHIR_KIND_RESOURCE &&
            strcmp(fhir_model_str(m, m->elements[item->element].name), "contained") != 0)
            break;
    if (!len)
        return item;
    fhir_walk_children(&items, w, item, "contained");
    for (int i = 0; i < items.n; i++) {
        apr_size_t own_len;
        const char *own = fhir_walk_text(&own_len, items.list[i]->node, "id");

        if (own && own_len == len && !memcmp(own, id, len))
            return items.list[i];
    }
    return NULL;
}

/* Where "Type/id" begins in a URL that ends with it, or len. */
static apr_size_t relative_part(const char *url, apr_size_t len)
{
    apr_size_t at = len, slashes = 0;

    while (at && (url[at - 1] != '/' || ++slashes < 2))
        at--;
    return slashes == 2 ? at : len;
}

/* The resources of the Bundle at the root by fullUrl and by "Type/id". */
static apr_hash_t *bundled(fhir_walk_t *w, fhir_item_t item)
{
    if (w->urls)
        return w->urls;
    w->urls = fhir_hash_make(w->run_pool);
    while (item->parent)
        item = item->parent;
    const fhir_node_t *list = fhir_node_is(fhir_node_get(item->node, "resourceType"), "Bundle")
                                  ? fhir_node_get(item->node, "entry")
                                  : NULL;
    for (const fhir_node_t *entry = list ? list->child : NULL; entry; entry = entry->next) {
        const fhir_node_t *resource = fhir_node_get(entry, "resource");
        apr_size_t len;
        const char *url = fhir_walk_text(&len, entry, "fullUrl");

        if (!url || !resource)
            continue;
        apr_hash_set(w->urls, url, (apr_ssize_t)len, resource);
        apr_size_t at = relative_part(url, len);
        if (at < len && strncmp(url, "urn:", 4) != 0)
            apr_hash_set(w->urls, url + at, (apr_ssize_t)(len - at), resource);
    }
    return w->urls;
}

/* The resource to which a reference leads within the same tree, or NULL. */
static fhir_item_t resolved(fhir_walk_t *w, fhir_item_t item)
{
    apr_size_t len;
    const char *reference = fhir_walk_text(&len, item->node, "reference");

    if (!reference)
        return NULL;
    if (*reference == '#')
        return contained(w, item, reference + 1, len - 1);
    const fhir_node_t *node = apr_hash_get(bundled(w, item), reference, (apr_ssize_t)len);
    return node ? fhir_path_root(w->v->model, node, w->pool) : NULL;
}

/* Whether a resource conforms to a profile; validated once for all references to it. */
static int target_conforms(fhir_walk_t *w, fhir_item_t target, const fhir_profile_t *profile)
{
    const struct {
        const fhir_node_t *node;
        const fhir_profile_t *profile;
    } key = {target->node, profile};

    if (!w->fits)
        w->fits = fhir_hash_make(w->run_pool);
    const char *known = apr_hash_get(w->fits, &key, sizeof(key));
    if (!known) {
        known = fhir_profile_fits(w, target, profile) ? "1" : "0";
        apr_hash_set(w->fits, apr_pmemdup(w->run_pool, &key, sizeof(key)), sizeof(key), known);
    }
    return *known == '1';
}

/* Where the last part of a path begins. */
static apr_size_t last_part(const char *s, apr_size_t len)
{
    while (len && s[len - 1] != '/')
        len--;
    return len;
}

/* The version is removed only once, so a reference of nothing but versions has no type. */
static apr_uint16_t literal_type(const fhir_walk_t *w, const char *s, apr_size_t len)
{
    apr_size_t id = last_part(s, len);

    if (id > 10 && !memcmp(s + id - 10, "/_history/", 10))
        id = last_part(s, id - 10);
    apr_size_t start;
    for (start = id ? id - 1 : 0; start && s[start - 1] != '/'; start--)
        ;
    const fhir_type_t *type =
        id ? fhir_model_resource(w->v->model, s + start, id - 1 - start) : NULL;
    return type ? fhir_model_type_index(w->v->model, type) : 0;
}

/* 0 when the type cannot be determined. */
static apr_uint16_t reference_type(const fhir_walk_t *w, fhir_item_t item, fhir_item_t target)
{
    apr_size_t len;
    const char *reference = fhir_walk_text(&len, item->node, "reference");

    if (target)
        return target->type;
    if (reference && memchr(reference, '/', len) && strncmp(reference, "urn:", 4) != 0)
        return literal_type(w, reference, len);
    const char *type = fhir_walk_text(&len, item->node, "type");
    const fhir_type_t *known = type ? fhir_model_resource(w->v->model, type, len) : NULL;
    return known ? fhir_model_type_index(w->v->model, known) : 0;
}

/* 1 if the target, as far as it is known, is allowed; sets types to the allowed ones. */
static int target_fits(fhir_walk_t *w, const char **types, fhir_item_t target, apr_uint16_t type,
                       const apr_uint16_t *list, int n)
{
    const fhir_profiles_t *p = w->v->profiles;
    const fhir_model_t *m = w->v->model;
    int type_fits = 0;

    for (int i = 0; i < n; i++) {
        const char *canonical = fhir_profiles_str(p, p->canonicals[list[i]]);
        const fhir_profile_t *profile = fhir_profile_find(w, canonical);
        const fhir_type_t *allowed = target_type(w, canonical);

        if (!allowed || (allowed->flags & FHIR_TYPE_ABSTRACT))
            return 1;
        *types =
            apr_pstrcat(w->pool, *types, i ? ", " : "", fhir_model_str(m, allowed->name), NULL);
        if (fhir_model_type_index(m, allowed) != type)
            continue;
        type_fits = 1;
        if (!target || !profile || target_conforms(w, target, profile))
            return 1;
    }
    if (type_fits)
        *types = NULL;
    return 0;
}

void fhir_target_hold(fhir_walk_t *w, fhir_item_t item, apr_uint16_t run)
{
    const fhir_profiles_t *p = w->v->profiles;
    const char *types = "";
    int n;
    const apr_uint16_t *list = fhir_profiles_run(&n, p, run);

    if (!n || item->type != w->v->reference || !item->node)
        return;
    fhir_item_t target = resolved(w, item);
    apr_uint16_t type = reference_type(w, item, target);
    if (!type)
        return;
    w->following++;
    if (w->following > 1)
        target = NULL;
    int fits = target_fits(w, &types, target, type, list, n);
    w->following--;
    if (fits)
        return;
    if (types)
        fhir_walk_finding(w, item, FHIR_SEVERITY_ERROR, FHIR_ERR_INVALID, "reference-target",
                          "The profile allows no reference to %s here; allowed: %s",
                          fhir_model_str(w->v->model, w->v->model->types[type].name), types);
    else
        fhir_walk_finding(
            w, item, FHIR_SEVERITY_ERROR, FHIR_ERR_INVALID, "reference-profile",
            "The referenced resource satisfies none of the allowed profiles; one of them is %s",
            fhir_profiles_str(p, p->canonicals[list[n - 1]]));
}
