/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extensions against their definitions: where they are allowed, whether they modify their element,
 * and which parts a complex one has.
 * Source: http://hl7.org/fhir/R4/extensibility.html, defining-extensions.html
 */
#include <apr_strings.h>

#include "core/fhir_text.h"
#include "fhir/validate/fhir_validate_private.h"

/* ---- where it may stand ---- */

/* 1 if the element is one that a context names: a type, the path of an element, or an extension's
 * URL. */
static int context_is(const fhir_walk_t *w, fhir_item_t holder, const char *context)
{
    const fhir_model_t *m = w->v->model;
    const fhir_element_t *el = &m->elements[holder->element];
    const char *name = fhir_model_str(m, el->group ? el->group : el->name);

    if (!strcmp(context, "Element")) /* means all elements and resources */
        return 1;
    for (apr_uint16_t type = holder->type; type; type = m->types[type].base)
        if (!strcmp(fhir_model_str(m, m->types[type].name), context))
            return 1;
    if (!holder->element)
        return 0;
    if (strstr(context, "://"))
        return fhir_node_is(fhir_node_get(holder->node, "url"), context);
    for (apr_uint16_t type = el->owner; type; type = m->types[type].base) {
        const char *owner = fhir_model_str(m, m->types[type].name);
        apr_size_t len = strlen(owner), name_len = strlen(name);

        if (!strncmp(context, owner, len) && context[len] == '.' &&
            !strncmp(context + len + 1, name, name_len) &&
            (!context[len + 1 + name_len] || !strcmp(context + len + 1 + name_len, "[x]")))
            return 1;
    }
    return 0;
}

static void hold_context(fhir_walk_t *w, fhir_item_t item, const fhir_profile_t *profile)
{
    const fhir_profiles_t *p = w->v->profiles;
    const char *allowed = "";
    int n;
    const apr_uint16_t *list = fhir_profiles_run(&n, p, profile->contexts);

    fhir_invariants_hold(w, item->parent, profile->context_invariants);
    for (int i = 0; i < n; i++) {
        const char *context = fhir_profiles_str(p, p->contexts[list[i]]);

        if (context_is(w, item->parent, context))
            return;
        allowed = apr_pstrcat(w->pool, allowed, i ? ", " : "", context, NULL);
    }
    if (n)
        fhir_walk_finding(w, item, FHIR_SEVERITY_ERROR, FHIR_ERR_INVALID, "extension-context",
                          "The extension is not allowed here; allowed on: %s", allowed);
}

/* An extension that changes the meaning of its element must be in modifierExtension, where every
 * reader has to look; all others must be in extension. */
static void hold_modifier(fhir_walk_t *w, fhir_item_t item, const fhir_profile_t *profile)
{
    const fhir_model_t *m = w->v->model;
    int modifies = !strcmp(fhir_model_str(m, m->elements[item->element].name), "modifierExtension");

    if (modifies && !(profile->flags & FHIR_PROFILE_MODIFIER))
        fhir_walk_finding(w, item, FHIR_SEVERITY_ERROR, FHIR_ERR_INVALID, "extension-modifier",
                          "The extension is not a modifier: it belongs in 'extension'");
    else if (!modifies && (profile->flags & FHIR_PROFILE_MODIFIER))
        fhir_walk_finding(w, item, FHIR_SEVERITY_ERROR, FHIR_ERR_INVALID, "extension-modifier",
                          "The extension is a modifier: it belongs in 'modifierExtension'");
}

/* ---- parts ---- */

/* The url that a slice of extensions requires, or NULL. */
static const fhir_node_t *slice_url(const fhir_walk_t *w, const fhir_pnode_t *slice)
{
    const fhir_pnode_t *url = fhir_pnode_named(w, slice->children, "url", 3);

    return url ? w->v->fixed[url - w->v->profiles->nodes] : NULL;
}

/* The part with this url; names gets the urls of all parts. */
static const fhir_pnode_t *find_part(const char **names, fhir_walk_t *w, const fhir_pnode_t *node,
                                     const char *url, apr_size_t len)
{
    const fhir_profiles_t *p = w->v->profiles;
    const fhir_pnode_t *extension = fhir_pnode_named(w, node->children, "extension", 9);
    int n;
    const apr_uint16_t *slices = fhir_profiles_run(&n, p, extension ? extension->slices : 0);

    *names = "";
    for (int i = 0; i < n; i++) {
        const fhir_node_t *fixed = slice_url(w, &p->nodes[slices[i]]);

        if (!fixed)
            continue;
        if (fixed->text_len == len && !memcmp(fixed->text, url, len))
            return &p->nodes[slices[i]];
        *names = apr_psprintf(w->pool, "%s%s'%.*s'", *names, **names ? ", " : "",
                              (int)fixed->text_len, fixed->text);
    }
    return NULL;
}

/* A relative url has the meaning that the definition around it gives, so it must not be empty. */
static void hold_parts(fhir_walk_t *w, fhir_item_t item, const fhir_pnode_t *node)
{
    fhir_items_t parts = {0};

    fhir_walk_children(&parts, w, item, "extension");
    const char *names;
    for (int i = 0; i < parts.n; i++) {
        apr_size_t len;
        const char *url = fhir_walk_text(&len, parts.list[i]->node, "url");

        if (!url || memchr(url, ':', len))
            continue;
        const fhir_pnode_t *part = find_part(&names, w, node, url, len);
        if (part)
            hold_parts(w, parts.list[i], part);
        else
            fhir_walk_finding(w, parts.list[i], FHIR_SEVERITY_ERROR, FHIR_ERR_STRUCTURE,
                              "extension-part", "The extension has no part '%s'; %s%s",
                              fhir_text_excerpt(url, len, w->pool),
                              *names ? "its parts are " : "it has none", names);
    }
}

/* ---- which definition ---- */

static void hold_definition(fhir_walk_t *w, fhir_item_t item, const fhir_profile_t *profile)
{
    hold_context(w, item, profile);
    hold_modifier(w, item, profile);
    hold_parts(w, item, &w->v->profiles->nodes[profile->root]);
    fhir_profile_hold(w, item, profile);
}

/* The definition of the release that is validated. If it has none, or no release is chosen: the
 * newest to which the extension conforms, or else the newest. */
static const fhir_profile_t *definition(fhir_walk_t *w, fhir_item_t item, const char *url,
                                        apr_size_t len)
{
    const fhir_profiles_t *p = w->v->profiles;
    const fhir_profile_t *newest = fhir_profiles_find(p, url, len, w->release);

    if (!newest || (w->release && !strcmp(fhir_profiles_str(p, newest->version), w->release)))
        return newest;
    for (const fhir_profile_t *profile = newest; profile && fhir_profiles_older(p, newest);
         profile = fhir_profiles_older(p, profile))
        if (fhir_walk_fits(w, item, profile, hold_definition))
            return profile;
    return newest;
}

void fhir_extension_hold(fhir_walk_t *w, fhir_item_t item)
{
    apr_size_t len;
    const char *url = fhir_walk_text(&len, item->node, "url");
    int nested = item->parent && item->parent->type == w->v->extension;

    if (!url)
        return;
    if (!memchr(url, ':', len)) {
        if (!nested)
            fhir_walk_finding(
                w, item, FHIR_SEVERITY_ERROR, FHIR_ERR_VALUE, "extension-url",
                "The url of an extension must be absolute, unless it is part of another extension");
        return;
    }
    const fhir_profile_t *profile = definition(w, item, url, len);
    if (profile && profile->type == w->v->extension)
        hold_definition(w, item, profile);
    else
        fhir_walk_finding(w, item, FHIR_SEVERITY_INFORMATION, FHIR_ERR_NOT_FOUND,
                          "extension-unknown", "The extension is unknown");
}
