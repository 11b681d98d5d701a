/* SPDX-License-Identifier: Apache-2.0 */
/*
 * References and contained resources. When the other release lacks the target, or does not allow it
 * at that place, only the reference's display stays.
 */
#include <apr_strings.h>

#include "core/fhir_hash.h"
#include "fhir/convert/fhir_convert_private.h"

/* A reference in parts: base, type, id, rest ("/_history/3"). */
typedef struct parts_t {
    const char *type, *id;
    apr_size_t type_len, id_len, rest_len;
    const char *rest;
} parts_t;

static int split(parts_t *p, const char *text, apr_size_t len)
{
    const char *end = text + len, *slash = memchr(text, '/', len);

    if (!slash || slash == text)
        return 0;
    p->type = text;
    p->type_len = (apr_size_t)(slash - text);
    p->id = slash + 1;
    slash = memchr(p->id, '/', (apr_size_t)(end - p->id));
    p->rest = slash ? slash : end;
    p->id_len = (apr_size_t)(p->rest - p->id);
    p->rest_len = (apr_size_t)(end - p->rest);
    return p->id_len > 0 && !memchr(p->type, '?', p->type_len);
}

/* 1 if the element may point at the type. */
static int is_allowed(const fhir_convert_half_t *half, const fhir_element_t *to,
                      const fhir_type_t *type)
{
    if (!type)
        return 0;
    for (int i = 0; to && i < to->n_targets; i++)
        if (&half->to->types[half->to->targets[to->first_target + i]] == type)
            return 1;
    return !to || !to->n_targets;
}

static const fhir_type_t *type_by(const fhir_model_t *m, const char *name)
{
    return fhir_model_resource(m, name, strlen(name));
}

static const char *join(const fhir_convert_run_t *run, const char *type, const char *prefix,
                        const parts_t *p, apr_size_t skip)
{
    return apr_pstrcat(run->pool, type, "/", prefix,
                       apr_pstrmemdup(run->pool, p->id + skip, p->id_len - skip),
                       apr_pstrmemdup(run->pool, p->rest, p->rest_len), NULL);
}

static int is_name(const parts_t *p, const char *name)
{
    return p->type_len == strlen(name) && memcmp(p->type, name, p->type_len) == 0;
}

/* DSTU2 has no PractitionerRole: roles are part of the Practitioner. */
static const char *practitioner(fhir_convert_run_t *run, const fhir_element_t *to, const parts_t *p)
{
    const fhir_convert_env_t *env = run->env;

    if (!env || !env->practitioner ||
        !is_allowed(run->half, to, type_by(run->half->to, "Practitioner")))
        return NULL;
    return env->practitioner(env->baton, p->id, p->id_len);
}

/* Of a type that is shown in parts, only a reader of what is stored knows what is shown. */
static int is_unshown(const fhir_convert_run_t *run, const fhir_convert_type_t *t, const parts_t *p)
{
    const fhir_convert_env_t *env = run->env;

    if (p->id_len > fhir_convert_id_max(t))
        return 1;
    return t->when && env && env->is_unshown &&
           env->is_unshown(env->baton, t->r4, p->id, p->id_len);
}

static const char *target_out(fhir_convert_run_t *run, const fhir_element_t *to, const parts_t *p)
{
    for (const fhir_convert_type_t *t = fhir_convert_types; t->r4; t++)
        if (!t->contained && is_name(p, t->r4) &&
            is_allowed(run->half, to, type_by(run->half->to, t->dstu2)))
            return is_unshown(run, t, p) ? NULL : join(run, t->dstu2, t->prefix, p, 0);
    return is_name(p, "PractitionerRole") ? practitioner(run, to, p) : NULL;
}

static const char *target_in(fhir_convert_run_t *run, const fhir_element_t *to, const parts_t *p)
{
    const fhir_model_t *m = run->half->to;

    for (int prefixed = 1; prefixed >= 0; prefixed--) {
        for (const fhir_convert_type_t *t = fhir_convert_types; t->r4; t++) {
            apr_size_t skip = strlen(t->prefix);
            if (!t->contained && (skip > 0) == prefixed && is_name(p, t->dstu2) &&
                p->id_len > skip && memcmp(p->id, t->prefix, skip) == 0 &&
                is_allowed(run->half, to, type_by(m, t->r4)))
                return join(run, t->r4, "", p, skip);
        }
    }
    const fhir_type_t *type = fhir_model_resource(m, p->type, p->type_len);
    return is_allowed(run->half, to, type) ? join(run, fhir_model_str(m, type->name), "", p, 0)
                                           : NULL;
}

/* Converts "#id": the contained resource must exist in the other release, too. "#" is the
 * container. */
static const char *contained_target(const fhir_convert_run_t *run, const fhir_element_t *to,
                                    const char *text, apr_size_t len)
{

    if (len == 1)
        return run->half->way == FHIR_CONVERT_OUT && run->self ? run->self : "#";
    fhir_convert_contained_t *there =
        run->contained ? apr_hash_get(run->contained, text + 1, (apr_ssize_t)(len - 1)) : NULL;
    if (!there || !is_allowed(run->half, to, there->to))
        return NULL;
    return apr_pstrmemdup(run->pool, text, len);
}

apr_size_t fhir_convert_below(const fhir_convert_run_t *run, const char *text, apr_size_t len)
{
    const fhir_convert_env_t *env = run->env;
    const char *const own[] = {env ? env->dstu2_base : NULL, NULL};
    const char *const *bases = run->half->way == FHIR_CONVERT_IN ? own : env ? env->r4_bases : NULL;

    for (; bases && *bases; bases++) {
        apr_size_t n = strlen(*bases);
        if (len > n + 1 && memcmp(text, *bases, n) == 0 && text[n] == '/')
            return n + 1;
    }
    return 0;
}

const char *fhir_convert_target(fhir_convert_run_t *run, const fhir_element_t *to, const char *text,
                                apr_size_t len)
{
    int out = run->half->way == FHIR_CONVERT_OUT;
    apr_size_t base_len = fhir_convert_below(run, text, len);

    if (len && text[0] == '#')
        return contained_target(run, to, text, len);
    if (!base_len && memchr(text, ':', len))
        return apr_pstrmemdup(run->pool, text, len); /* a reference to another server, or a urn */
    parts_t p;
    if (!split(&p, text + base_len, len - base_len))
        return NULL;
    const char *target = out ? target_out(run, to, &p) : target_in(run, to, &p);
    return target && base_len && out
               ? apr_pstrcat(run->pool, run->env->dstu2_base, "/", target, NULL)
               : target;
}

/* The text of a reference that cannot be a link: its display, or the type of its target. */
static void keep_display(fhir_convert_run_t *run, fhir_node_t *reference, const fhir_node_t *text)
{
    apr_size_t len = 0;

    if (fhir_node_get(reference, "display"))
        return;
    for (const char *s = text->text; len < text->text_len && s[len] != '/' && s[len] != '?'; len++)
        ;
    if (text->text_len && text->text[0] != '#' && len < text->text_len)
        fhir_convert_add(reference, "display", 7,
                         fhir_node_new_text(FHIR_NODE_STRING, text->text, len, run->pool));
    else
        fhir_convert_add(reference, "display", 7, fhir_convert_string("unknown", run->pool));
}

fhir_node_t *fhir_convert_refer(fhir_convert_run_t *run, const fhir_convert_step_t *step,
                                fhir_node_t *node)
{
    const fhir_convert_plan_t *plan = run->half->reference;
    fhir_node_t *text = fhir_convert_get(node, "reference");

    if (text && text->kind == FHIR_NODE_STRING) {
        const char *target =
            fhir_convert_target(run, step ? step->to : NULL, text->text, text->text_len);
        if (target) {
            text->text = target;
            text->text_len = (apr_uint32_t)strlen(target);
        }
        else {
            fhir_convert_remove(node, text);
            keep_display(run, node, text);
        }
    }
    node = fhir_convert_object(run, plan, node);
    return node && !node->child ? FHIR_CONVERT_NOTHING : node;
}

/* ---- contained resources ---- */

void fhir_convert_contained_begin(fhir_convert_run_t *run, const fhir_node_t *resource)
{
    const fhir_node_t *list = fhir_node_get(resource, "contained");

    if (!list || list->kind != FHIR_NODE_ARRAY || !list->child)
        return;
    run->contained = fhir_hash_make(run->pool);
    for (const fhir_node_t *item = list->child; item; item = item->next) {
        const fhir_node_t *id = fhir_node_get(item, "id");
        const fhir_convert_plan_t *plan =
            fhir_convert_resource_plan(run->half, NULL, item, run->pool);
        if (!id || id->kind != FHIR_NODE_STRING || !plan)
            continue;
        fhir_convert_contained_t *there = apr_pcalloc(run->pool, sizeof(*there));
        there->to = plan->to;
        there->resource = fhir_convert_copy(item, run->pool);
        apr_hash_set(run->contained, id->text, id->text_len, there);
    }
}

/* A contained resource, by "#id". */
typedef struct target_t {
    int references;
    apr_array_header_t *items; /* of fhir_node_t *: the contained resources of the id */
} target_t;

/* Adds n to the count of references of each contained resource that the tree refers to, and
 * collects those whose count is 0. */
static void refer(apr_hash_t *targets, const fhir_node_t *node, int n, apr_array_header_t *left)
{
    target_t *t = node->kind == FHIR_NODE_STRING && node->text_len > 1 && node->text[0] == '#'
                      ? apr_hash_get(targets, node->text + 1, node->text_len - 1)
                      : NULL;

    if (t) {
        t->references += n;
        if (!t->references)
            APR_ARRAY_PUSH(left, target_t *) = t;
    }
    for (const fhir_node_t *c = node->child; c; c = c->next)
        refer(targets, c, n, left);
}

static void drop_item(apr_hash_t *targets, fhir_node_t *item, apr_array_header_t *left)
{
    if (item->flags & FHIR_CONVERT_UNUSED)
        return;
    item->flags |= FHIR_CONVERT_UNUSED;
    refer(targets, item, -1, left);
}

/* dom-3: removes contained resources that nothing refers to, then those to which only removed ones
 * referred. */
static void drop_unused(apr_hash_t *targets, fhir_node_t *resource, fhir_node_t *list,
                        apr_pool_t *pool)
{
    apr_array_header_t *left = apr_array_make(pool, 8, sizeof(target_t *));

    for (fhir_node_t *item = list->child; item; item = item->next) {
        const fhir_node_t *id = fhir_node_get(item, "id");
        if (!id || !id->text)
            continue;
        target_t *t = apr_hash_get(targets, id->text, id->text_len);
        if (!t) {
            t = apr_palloc(pool, sizeof(*t));
            t->references = 0;
            t->items = apr_array_make(pool, 1, sizeof(fhir_node_t *));
            apr_hash_set(targets, id->text, id->text_len, t);
        }
        APR_ARRAY_PUSH(t->items, fhir_node_t *) = item;
    }
    refer(targets, resource, 1, left);
    for (fhir_node_t *item = list->child; item; item = item->next) {
        const fhir_node_t *id = fhir_node_get(item, "id");
        target_t *t = id && id->text ? apr_hash_get(targets, id->text, id->text_len) : NULL;
        if (!t || !t->references)
            drop_item(targets, item, left);
    }
    while (left->nelts) {
        const target_t *t = *(target_t **)apr_array_pop(left);
        for (int i = 0; i < t->items->nelts; i++)
            drop_item(targets, APR_ARRAY_IDX(t->items, i, fhir_node_t *), left);
    }
    for (fhir_node_t **at = &list->child, *item; (item = *at) != NULL;) {
        if (item->flags & FHIR_CONVERT_UNUSED)
            *at = item->next;
        else
            at = &item->next;
    }
}

void fhir_convert_contained_end(fhir_convert_run_t *run, fhir_node_t *resource)
{
    fhir_node_t *list = fhir_convert_get(resource, "contained");

    if (run->contain) {
        if (!list) {
            list = fhir_node_new(FHIR_NODE_ARRAY, run->pool);
            fhir_convert_add(resource, "contained", 9, list);
        }
        fhir_node_t **at;
        for (at = &list->child; *at; at = &(*at)->next)
            ;
        *at = run->contain;
    }
    if (!list)
        return;
    for (fhir_node_t *item = list->child; item;
         item = item->next) { /* dom-1: contained resources have no narrative */
        const fhir_node_t *text = fhir_node_get(item, "text");
        if (text && run->half->way == FHIR_CONVERT_OUT)
            fhir_convert_remove(item, text);
    }
    drop_unused(fhir_hash_make(run->pool), resource, list, run->pool);
    if (!list->child)
        fhir_convert_remove(resource, list);
}

const fhir_convert_plan_t *fhir_convert_resource_plan(const fhir_convert_half_t *half,
                                                      const char *as, const fhir_node_t *resource,
                                                      apr_pool_t *pool)
{
    const fhir_node_t *type = fhir_node_get(resource, "resourceType");

    if (!type || type->kind != FHIR_NODE_STRING)
        return NULL;
    const fhir_convert_plan_t *usual = apr_hash_get(half->resources, type->text, type->text_len);
    if (!as || !usual || strcmp(fhir_model_str(half->to, usual->to->name), as) == 0)
        return usual;
    const fhir_convert_plan_t *wanted = apr_hash_get(
        half->plans,
        apr_pstrcat(pool, apr_pstrmemdup(pool, type->text, type->text_len), ">", as, NULL),
        APR_HASH_KEY_STRING);
    return wanted ? wanted : usual;
}
