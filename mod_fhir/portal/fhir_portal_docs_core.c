/* SPDX-License-Identifier: Apache-2.0 */
/*
 * US Core's requirements for a type, release by release: what servers must support, and the
 * elements that its profiles mark as must support. They are read from the tables by which the
 * server validates and answers.
 */
#include <apr_strings.h>
#include <string.h>

#include "model/fhir_profiles.h"
#include "model/fhir_uscore.h"
#include "portal/fhir_portal_private.h"

#define DEPTH_MAX 6

/* "3.1.1 – 6.1.0, 8.0.0" for the releases of some bits; "" for all. */
static const char *releases_of(const fhir_uscore_t *u, unsigned bits, apr_pool_t *pool)
{
    const char *out = "";
    int all = 0;
    while (u->releases[all])
        all++;
    if (bits == (1u << all) - 1)
        return "";
    for (int i = 0; i < all; i++) {
        int from = i;
        if (!(bits & 1u << i))
            continue;
        while (i + 1 < all && bits & 1u << (i + 1))
            i++;
        out = apr_pstrcat(pool, out, *out ? ", " : "", u->releases[from], i > from ? " – " : "",
                          i > from ? u->releases[i] : "", NULL);
    }
    return out;
}

static const fhir_uscore_row_t *row_of(const fhir_uscore_t *u, const char *type,
                                       fhir_uscore_kind_t kind, const char *name)
{
    int n = 0;
    const fhir_uscore_row_t *rows = u ? fhir_uscore_rows(&n, u, type, kind) : NULL;
    for (int i = 0; i < n; i++)
        if (!strcmp(fhir_uscore_str(u, rows[i].name), name))
            return &rows[i];
    return NULL;
}

/* The releases of a row that have exactly these requirements. */
static unsigned bits_of(const fhir_uscore_row_t *row, fhir_uscore_wanted_t wanted)
{
    unsigned bits = 0;
    for (int i = 0; i < 8; i++)
        if ((row->levels >> 2 * i & 3u) == (unsigned)wanted)
            bits |= 1u << i;
    return bits;
}

const char *fhir_portal_expected(const fhir_uscore_t *u, const char *type, fhir_uscore_kind_t kind,
                                 const char *name, apr_pool_t *pool)
{
    static const struct {
        fhir_uscore_wanted_t wanted;
        const char *word;
    } words[] = {
        {FHIR_USCORE_SHALL, "SHALL"}, {FHIR_USCORE_SHOULD, "SHOULD"}, {FHIR_USCORE_MAY, "MAY"}};
    const fhir_uscore_row_t *row = row_of(u, type, kind, name);
    const char *out = "";
    for (apr_size_t i = 0; row && i < sizeof(words) / sizeof(*words); i++) {
        unsigned bits = bits_of(row, words[i].wanted);
        const char *releases = bits ? releases_of(u, bits, pool) : "";
        if (bits)
            out = apr_pstrcat(pool, out, *out ? "; " : "", words[i].word, *releases ? " " : "",
                              releases, NULL);
    }
    return out;
}

/* ---- must support ---- */

typedef struct path_t {
    const char *path;
    unsigned releases;
} path_t;

static void add_path(apr_array_header_t *paths, const char *path, unsigned bit)
{
    path_t *p = (path_t *)paths->elts;
    for (int i = 0; i < paths->nelts; i++)
        if (!strcmp(p[i].path, path)) {
            p[i].releases |= bit;
            return;
        }
    *(path_t *)apr_array_push(paths) = (path_t){path, bit};
}

/* What is asked of a profile: a list of the view, and which nodes are in it. */
typedef struct asked_t {
    const char *list;
    int must_have; /* 1: required elements, and what is required in them; 0: must support */
} asked_t;

static void walk(apr_array_header_t *paths, const fhir_profiles_t *p, const asked_t *asked,
                 apr_uint16_t node, const char *path, unsigned bit, int depth)
{
    const fhir_pnode_t *at = &p->nodes[node];
    int is_in = asked->must_have ? at->min > 0 : (at->flags & FHIR_NODE_MUST_SUPPORT) != 0;
    if (*path && is_in)
        add_path(paths, path, bit);
    if (depth == DEPTH_MAX || (*path && asked->must_have && !is_in))
        return;
    int n;
    const apr_uint16_t *run = fhir_profiles_run(&n, p, at->children);
    for (int i = 0; i < n; i++)
        walk(paths, p, asked, run[i],
             apr_pstrcat(paths->pool, path, *path ? "." : "",
                         fhir_profiles_str(p, p->nodes[run[i]].name), NULL),
             bit, depth + 1);
    run = fhir_profiles_run(&n, p, at->slices);
    for (int i = 0; i < n; i++)
        walk(
            paths, p, asked, run[i],
            apr_pstrcat(paths->pool, path, ":", fhir_profiles_str(p, p->nodes[run[i]].slice), NULL),
            bit, depth + 1);
}

/* The elements of a profile's releases; returns its title, or NULL when the profile is not compiled
 * in. */
static const char *read_profile(apr_array_header_t *paths, const fhir_profiles_t *p,
                                const asked_t *asked, const fhir_uscore_t *u, const char *url)
{
    const char *title = NULL;
    for (int i = 0; u->releases[i]; i++) {
        const char *canonical = apr_pstrcat(paths->pool, url, "|", u->releases[i], NULL);
        const fhir_profile_t *profile = fhir_profiles_find(p, canonical, strlen(canonical), NULL);
        if (!profile)
            continue;
        title = fhir_profiles_str(p, profile->title);
        if (profile->root)
            walk(paths, p, asked, profile->root, "", 1u << i, 0);
    }
    return title;
}

static void show_profiles(fhir_view_t *view, const asked_t *asked, const fhir_model_t *model,
                          const char *type, apr_pool_t *pool)
{
    const fhir_profiles_t *p = fhir_profiles_of(model);
    const fhir_uscore_t *u = fhir_uscore_of(model);
    int n = 0;
    const fhir_uscore_row_t *rows =
        p && u ? fhir_uscore_rows(&n, u, type, FHIR_USCORE_PROFILE) : NULL;
    for (int i = 0; i < n; i++) {
        const char *url = fhir_uscore_str(u, rows[i].name);
        apr_array_header_t *paths = apr_array_make(pool, 16, sizeof(path_t));
        const char *title = read_profile(paths, p, asked, u, url);
        if (!paths->nelts && asked->must_have)
            continue;
        fhir_view_t *profile = fhir_view_add(view, asked->list);
        fhir_view_flag(view, apr_pstrcat(pool, "has_", asked->list, NULL), 1);
        fhir_view_set(profile, "profile", url);
        fhir_view_set(profile, "title", title && *title ? title : url);
        fhir_view_set(profile, "releases", releases_of(u, rows[i].releases, pool));
        for (int k = 0; k < paths->nelts; k++) {
            const path_t *path = &((path_t *)paths->elts)[k];
            const char *releases = releases_of(u, path->releases, pool);
            fhir_view_t *item = fhir_view_add(profile, "paths");
            fhir_view_set(item, "path", path->path);
            /* an element that only some releases have is listed once */
            fhir_view_set(item, "since", path->releases == rows[i].releases ? "" : releases);
        }
    }
}

void fhir_portal_must_support(fhir_view_t *view, const fhir_model_t *model, const char *type,
                              apr_pool_t *pool)
{
    show_profiles(view, &(asked_t){"must", 0}, model, type, pool);
}

void fhir_portal_must_have(fhir_view_t *view, const fhir_model_t *model, const char *type,
                           apr_pool_t *pool)
{
    show_profiles(view, &(asked_t){"needs", 1}, model, type, pool);
}
