/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An update in the terms of the other release. The client could change only what it was shown;
 * everything else in the stored resource must stay. This is a merge of three trees: the stored
 * resource, what the client saw of it, and what the client wants. What it saw has two forms,
 * because it may return the extensions that stand for lost elements, or omit them.
 */
#include <apr_strings.h>
#include <string.h>

#include "core/fhir_hash.h"
#include "fhir/convert/fhir_convert_private.h"

static int same(const fhir_node_t *a, const fhir_node_t *b, apr_pool_t *pool)
{
    return a && b && fhir_node_equal(a, b, 0, pool);
}

/* What the client saw of a node, without and with the elements in extensions; NULL: nothing. */
typedef struct seen_t {
    const fhir_node_t *plain, *full;
} seen_t;

static fhir_node_t *member(const fhir_node_t *object, const fhir_node_t *like)
{
    return !object ? NULL : (fhir_node_t *)fhir_node_getn(object, like->name, like->name_len);
}

/* 1 if a concept's text only repeats the display of its first coding, which is how DSTU2 shows
 * it. */
static int is_filled_text(const fhir_node_t *concept, const fhir_node_t *text, apr_pool_t *pool)
{
    const fhir_node_t *coding = fhir_node_get(concept, "coding");
    return text->name_len == 4 && memcmp(text->name, "text", 4) == 0 &&
           same(fhir_node_get(coding ? coding->child : NULL, "display"), text, pool);
}

/* 1 if the stored node has everything of the node that was seen, and perhaps more. */
static int is_part(const fhir_node_t *seen, const fhir_node_t *stored, apr_pool_t *pool)
{
    const fhir_node_t *s = seen->child, *t = stored->child;

    if (seen->kind != stored->kind)
        return 0;
    if (seen->kind == FHIR_NODE_OBJECT) {
        for (; s; s = s->next) {
            t = member(stored, s);
            if (t ? !is_part(s, t, pool) : !is_filled_text(seen, s, pool))
                return 0;
        }
        return 1;
    }
    if (seen->kind != FHIR_NODE_ARRAY)
        return same(seen, stored, pool);
    for (; s && t; s = s->next, t = t->next)
        if (!is_part(s, t, pool))
            return 0;
    return !s;
}

static fhir_node_t *merge(fhir_node_t *stored, seen_t seen, fhir_node_t *wanted, apr_pool_t *pool);

static void append(fhir_node_t ***at, fhir_node_t *node)
{
    node->next = NULL;
    **at = node;
    *at = &node->next;
}

static fhir_node_t *merge_objects(fhir_node_t *stored, seen_t seen, fhir_node_t *wanted,
                                  apr_pool_t *pool)
{
    fhir_node_t *list = NULL, **at = &list, *next;

    for (fhir_node_t *m = stored->child; m; m = next) {
        const seen_t s = {member(seen.plain, m), member(seen.full, m)};
        fhir_node_t *w = member(wanted, m);
        next = m->next;
        if (w) {
            fhir_convert_remove(wanted, w);
            append(&at, s.plain || s.full ? merge(m, s, w, pool) : w);
        }
        else if (!s.plain)
            append(&at, m);
    }
    for (fhir_node_t *w = wanted->child; w; w = next) {
        next = w->next;
        if (!same(member(seen.plain, w), w, pool) && !same(member(seen.full, w), w, pool))
            append(&at, w); /* otherwise it stood for something that is not stored */
    }
    stored->child = list;
    return stored;
}

/* The most comparisons in a search for the items of a list, apart from comparing with the next
 * unused item. Items of a long list in another order are matched by position. */
#define LOOKS_MAX 100000

/* Items by number, for both kinds of list. */
typedef struct item_t {
    fhir_node_t *node;
    int taken;
    int same; /* number of the next item of the same hash, or -1 */
} item_t;

static item_t *items_of(int *n, const fhir_node_t *array, apr_pool_t *pool)
{
    item_t *items = apr_pcalloc(pool, sizeof(*items) * (fhir_node_count(array) + 1));

    *n = 0;
    for (fhir_node_t *c = array->child; c; c = c->next)
        items[(*n)++].node = c;
    return items;
}

/* Finds the stored item of each item that was seen. It is NULL when the item was filled in, or when
 * several items became one. */
static void match_stored(item_t **of, item_t *stored, int n_stored, const item_t *seen, int n_seen,
                         apr_pool_t *pool)
{
    int first = 0, looks = 0; /* index of the first item that is not taken */

    for (int i = 0; i < n_seen; i++) {
        of[i] = NULL;
        for (; first < n_stored && stored[first].taken; first++)
            ;
        for (int j = first; !of[i] && j < n_stored && (j == first || looks++ < LOOKS_MAX); j++) {
            if (!stored[j].taken && is_part(seen[i].node, stored[j].node, pool))
                of[i] = &stored[j];
        }
        if (!of[i] && n_seen == n_stored && !stored[i].taken)
            of[i] = &stored[i];
        if (of[i])
            of[i]->taken = 1;
    }
}

/* Hash of a node → 1 + number of the first such item that is not taken. */
static apr_hash_t *by_hash(item_t *items, int n, apr_pool_t *pool)
{
    apr_hash_t *table = fhir_hash_make(pool);

    for (int i = n - 1; i >= 0; i--) {
        apr_uint64_t *hash = apr_palloc(pool, sizeof(*hash));
        *hash = fhir_convert_hash(items[i].node);
        int *first = apr_hash_get(table, hash, sizeof(*hash));
        if (!first) {
            first = apr_pcalloc(pool, sizeof(*first));
            apr_hash_set(table, hash, sizeof(*hash), first);
        }
        items[i].same = *first - 1;
        *first = i + 1;
    }
    return table;
}

/* The first item that equals node and is not taken, or -1. */
static int find_same(apr_hash_t *table, const item_t *items, const fhir_node_t *node,
                     apr_pool_t *pool)
{
    apr_uint64_t hash = fhir_convert_hash(node);
    int *first = apr_hash_get(table, &hash, sizeof(hash));

    while (first && *first && items[*first - 1].taken)
        *first = items[*first - 1].same + 1;
    return first && *first && same(items[*first - 1].node, node, pool) ? *first - 1 : -1;
}

/* 1 if one of the wanted items was only in an extension. */
static int has_extended(const fhir_node_t *wanted, seen_t seen, apr_pool_t *pool)
{
    static const fhir_node_t none = {.kind = FHIR_NODE_ARRAY};
    int n_plain, n_full;
    item_t *plain = items_of(&n_plain, seen.plain ? seen.plain : &none, pool);
    item_t *full = items_of(&n_full, seen.full ? seen.full : &none, pool);
    apr_hash_t *in_plain = by_hash(plain, n_plain, pool), *in_full = by_hash(full, n_full, pool);

    for (const fhir_node_t *w = wanted->child; w; w = w->next)
        if (find_same(in_plain, plain, w, pool) < 0 && find_same(in_full, full, w, pool) >= 0)
            return 1;
    return 0;
}

static fhir_node_t *merge_arrays(fhir_node_t *stored, seen_t both, fhir_node_t *wanted,
                                 apr_pool_t *pool)
{
    static const fhir_node_t none = {.kind = FHIR_NODE_ARRAY};
    const int extended = has_extended(wanted, both, pool);
    const fhir_node_t *seen = extended || !both.plain ? both.full : both.plain;
    int n_stored, n_seen, n_wanted, n_plain;
    item_t *t = items_of(&n_stored, stored, pool), *s = items_of(&n_seen, seen, pool);
    item_t *w = items_of(&n_wanted, wanted, pool);
    item_t *plain = items_of(&n_plain, both.plain ? both.plain : &none, pool);
    item_t **of = apr_pcalloc(pool, sizeof(*of) * (apr_size_t)(n_seen + 1));
    fhir_node_t *list = NULL, **at = &list;

    match_stored(of, t, n_stored, s, n_seen, pool);
    apr_hash_t *table = by_hash(s, n_seen, pool), *in_wanted = by_hash(w, n_wanted, pool);
    for (int i = 0; i < n_seen; i++) /* it is unknown what was changed */
        if (!of[i] && find_same(in_wanted, w, s[i].node, pool) < 0)
            return wanted;
    for (int i = 0; i < n_wanted; i++) {
        int j = find_same(table, s, w[i].node, pool);
        if (j < 0 && n_seen == n_wanted && !s[i].taken && of[i])
            j = i; /* the client changed the item at this place */
        if (j < 0) {
            append(&at, w[i].node);
            continue;
        }
        s[j].taken = 1;
        if (!of[j])
            continue; /* what it stands for stays */
        append(&at, merge(of[j]->node, (seen_t){s[j].node, s[j].node}, w[i].node, pool));
    }
    /* an extension that was left out does not remove what it stands for */
    apr_hash_t *in_plain = by_hash(plain, n_plain, pool);
    for (int i = 0; i < n_seen && seen == both.full; i++)
        if (!s[i].taken && of[i] && find_same(in_plain, plain, s[i].node, pool) < 0)
            append(&at, of[i]->node);
    for (int i = 0; i < n_stored; i++)
        if (!t[i].taken)
            append(&at, t[i].node);
    wanted->child = list;
    return wanted;
}

/* 1 if a Coding or CodeableConcept has a code and nothing else, as one that DSTU2 shows as a code.
 */
static int is_code(const fhir_node_t *node)
{
    const fhir_node_t *coding = fhir_node_get(node, "coding");
    int n = 0;

    if (coding) {
        if (node->child->next || !coding->child || coding->child->next)
            return 0;
        node = coding->child;
    }
    for (const fhir_node_t *m = node->child; m; m = m->next)
        n++;
    return fhir_node_get(node, "code") && n == 1 + (fhir_node_get(node, "system") != NULL);
}

static fhir_node_t *merge(fhir_node_t *stored, seen_t seen, fhir_node_t *wanted, apr_pool_t *pool)
{
    const fhir_node_t *one = seen.plain ? seen.plain : seen.full;

    if (same(seen.plain, wanted, pool) || same(seen.full, wanted, pool))
        return stored;
    if (same(seen.plain, stored, pool) || one->kind != wanted->kind || stored->kind != wanted->kind)
        return wanted;
    if (is_code(one) && is_code(wanted)) /* a display or text is of the old code */
        return wanted;
    if (wanted->kind == FHIR_NODE_OBJECT)
        return merge_objects(stored, seen, wanted, pool);
    return wanted->kind == FHIR_NODE_ARRAY ? merge_arrays(stored, seen, wanted, pool) : wanted;
}

/* Restores the extensions that stand for lost elements: an application that drops these extensions
 * did not mean to remove the elements. */
static void strip(fhir_node_t *node, const fhir_convert_half_t *half)
{
    for (fhir_node_t **at = &node->child, *c; (c = *at) != NULL;) {
        const fhir_node_t *url = c->kind == FHIR_NODE_OBJECT ? fhir_node_get(c, "url") : NULL;
        if (url && url->text && url->text_len > half->own_len &&
            memcmp(url->text, half->own, half->own_len) == 0) {
            *at = c->next;
            continue;
        }
        strip(c, half);
        if (c->kind == FHIR_NODE_ARRAY && !c->child) {
            *at = c->next; /* the object had nothing else */
            continue;
        }
        at = &c->next;
    }
}

/* The first name of a path, or NULL if no value goes both ways. */
static const char *first_name(const fhir_convert_row_t *row, apr_pool_t *pool)
{
    return row->rule == FHIR_CONVERT_VALUE && row->r4 && row->dstu2
               ? apr_pstrmemdup(pool, row->r4, strcspn(row->r4, ".["))
               : NULL;
}

/* Moves a list of stored items that DSTU2 shows at the end of another one, to which they come in.
 * The client has changed that list: what it returned is in the other one, what it removed is to
 * go. */
static void move_list(fhir_node_t *stored, const char *from, const char *to, seen_t seen,
                      const fhir_node_t *wanted, apr_pool_t *pool)
{
    fhir_node_t *list = fhir_convert_get(stored, from), *target = fhir_convert_get(stored, to);
    const fhir_node_t *shown = fhir_node_get(seen.plain, to), *now = fhir_node_get(wanted, to);
    apr_size_t n = list && list->kind == FHIR_NODE_ARRAY ? fhir_node_count(list) : 0;

    if (!n || !shown || shown->kind != FHIR_NODE_ARRAY || fhir_node_count(shown) < n ||
        same(shown, now, pool) || same(fhir_node_get(seen.full, to), now, pool))
        return;
    fhir_convert_remove(stored, list);
    if (!target) {
        target = fhir_node_new(FHIR_NODE_ARRAY, pool);
        fhir_convert_add(stored, to, strlen(to), target);
    }
    fhir_node_t **at = &target->child;
    while (*at)
        at = &(*at)->next;
    apr_size_t skip = fhir_node_count(shown) - n;
    for (const fhir_node_t *item = shown->child; item; item = item->next) {
        if (skip)
            skip--;
        else
            append(&at, fhir_convert_copy(item, pool));
    }
}

/* A list of DSTU2 that has several lists of R4 in it comes in as the first of them. */
static void move_lists(fhir_node_t *stored, const fhir_convert_map_t *map, seen_t seen,
                       const fhir_node_t *wanted, apr_pool_t *pool)
{
    for (int i = 1; map && i < map->n_rows; i++) {
        const fhir_convert_row_t *row = &map->rows[i], *first = map->rows;
        const char *from = first_name(row, pool);
        if (!from)
            continue;
        while (!first->dstu2 || strcmp(first->dstu2, row->dstu2) != 0)
            first++;
        const char *to = first_name(first, pool);
        if (to && strcmp(to, from) != 0)
            move_list(stored, from, to, seen, wanted, pool);
    }
}

fhir_node_t *fhir_convert_update(const fhir_convert_t *convert, const fhir_convert_env_t *env,
                                 fhir_node_t *stored, fhir_node_t *spoken, apr_pool_t *pool)
{
    fhir_node_t *seen = fhir_convert_copy(stored, pool);
    const fhir_convert_plan_t *plan =
        fhir_convert_resource_plan(&convert->half[FHIR_CONVERT_OUT], NULL, stored, pool);
    fhir_convert_env_t quiet = env ? *env : (fhir_convert_env_t){.dstu2_base = NULL};

    quiet.issues = NULL; /* findings are about the input */
    fhir_node_t *wanted = fhir_convert_resource(convert, FHIR_CONVERT_IN, NULL, env, spoken, pool);
    seen = fhir_convert_resource(convert, FHIR_CONVERT_OUT, NULL, &quiet, seen, pool);
    if (!wanted || !seen)
        return NULL;
    fhir_node_t *full = fhir_convert_copy(seen, pool);
    strip(seen, &convert->half[FHIR_CONVERT_OUT]);
    const seen_t both = {fhir_convert_resource(convert, FHIR_CONVERT_IN, NULL, &quiet, seen, pool),
                         fhir_convert_resource(convert, FHIR_CONVERT_IN, NULL, &quiet, full, pool)};
    if (!both.plain || !both.full)
        return NULL;
    move_lists(stored, plan->map, both, wanted, pool);
    return merge(stored, both, wanted, pool);
}
