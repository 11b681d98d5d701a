/* SPDX-License-Identifier: Apache-2.0 */
/* Code systems: their concepts and hierarchies. */
#include <apr_lib.h>
#include <apr_strings.h>

#include "core/fhir_hash.h"
#include "fhir/query/fhir_terms_private.h"

/* ---- making one ---- */

static fhir_codesystem_t *create(fhir_terms_t *terms)
{
    fhir_codesystem_t *s = apr_pcalloc(terms->pool, sizeof(*s));

    s->concepts = apr_array_make(terms->pool, 64, sizeof(fhir_concept_t *));
    s->edges = apr_array_make(terms->pool, 16, sizeof(int[2]));
    s->by_code = fhir_hash_make(terms->pool);
    return s;
}

static const char *key_of(const fhir_codesystem_t *s, const char *code, apr_pool_t *pool)
{
    if (!s->fold)
        return code;
    char *key = apr_pstrdup(pool, code);
    for (char *c = key; *c; c++)
        *c = (char)apr_tolower(*c);
    return key;
}

static int index_of(const fhir_codesystem_t *s, const char *code)
{
    apr_pool_t *pool = apr_hash_pool_get(s->by_code);

    return (int)(apr_uintptr_t)apr_hash_get(s->by_code, key_of(s, code, pool),
                                            APR_HASH_KEY_STRING) -
           1;
}

/* The index of a concept, added if it is new. */
static int add(fhir_codesystem_t *s, const fhir_concept_t *concept, apr_pool_t *pool)
{
    int index = index_of(s, concept->code);

    if (index >= 0)
        return index;
    APR_ARRAY_PUSH(s->concepts, fhir_concept_t *) = apr_pmemdup(pool, concept, sizeof(*concept));
    apr_hash_set(s->by_code, key_of(s, concept->code, pool), APR_HASH_KEY_STRING,
                 (const void *)(apr_uintptr_t)s->concepts->nelts);
    return s->concepts->nelts - 1;
}

static void add_edge(fhir_codesystem_t *s, int below, int above)
{
    int *edge = apr_array_push(s->edges);

    edge[0] = below;
    edge[1] = above;
}

/* The edges by one of their ends. */
static void sort_edges(fhir_kin_t *kin, const fhir_codesystem_t *s, int from, apr_pool_t *pool)
{
    const int *edges = (const int *)s->edges->elts;
    int n = s->concepts->nelts;

    kin->first = apr_pcalloc(pool, sizeof(int) * ((apr_size_t)n + 2));
    kin->list = apr_palloc(pool, sizeof(int) * ((apr_size_t)s->edges->nelts + 1));
    for (int i = 0; i < s->edges->nelts; i++)
        kin->first[edges[2 * i + from] + 1]++;
    for (int i = 0; i < n; i++)
        kin->first[i + 1] += kin->first[i];
    int *next = apr_pmemdup(pool, kin->first, sizeof(int) * ((apr_size_t)n + 1));
    for (int i = 0; i < s->edges->nelts; i++)
        kin->list[next[edges[2 * i + from]]++] = edges[2 * i + !from];
}

static fhir_codesystem_t *finished(fhir_codesystem_t *s, apr_pool_t *pool)
{
    sort_edges(&s->above, s, 0, pool);
    sort_edges(&s->below, s, 1, pool);
    return s;
}

fhir_codesystem_t *fhir_terms_system_carried(fhir_terms_t *terms, const fhir_psystem_t *system)
{
    const fhir_profiles_t *p = terms->profiles;
    fhir_codesystem_t *s = create(terms);
    int above[64]; /* by depth; the generator allows less */

    s->url = fhir_profiles_str(p, system->url);
    s->version = fhir_profiles_str(p, system->version);
    s->name = fhir_profiles_str(p, system->name);
    for (unsigned i = system->first; i < (unsigned)system->first + system->n; i++) {
        const fhir_pconcept_t *c = &p->concepts[i];
        const fhir_concept_t concept = {
            .system = s->url,
            .code = fhir_profiles_str(p, c->code),
            .display = c->display ? fhir_profiles_str(p, c->display) : NULL,
            .abstract = c->flags & FHIR_CONCEPT_ABSTRACT,
        };

        above[c->depth] = add(s, &concept, terms->pool);
        if (c->depth)
            add_edge(s, above[c->depth], above[c->depth - 1]);
    }
    return finished(s, terms->pool);
}

/* ---- stored ones ---- */

const fhir_node_t *fhir_terms_property(const fhir_node_t *concept, const fhir_node_t **after,
                                       const char *code)
{
    const fhir_node_t *list = fhir_node_get(concept, "property");
    const fhir_node_t *p = *after ? (*after)->next : list ? list->child : NULL;

    for (; p; p = p->next) {
        if (!fhir_node_is(fhir_node_get(p, "code"), code))
            continue;
        *after = p;
        for (const fhir_node_t *m = p->child; m; m = m->next)
            if (m->name_len > 5 && !memcmp(m->name, "value", 5))
                return m;
    }
    return NULL;
}

static int is_true(const fhir_node_t *concept, const char *code)
{
    const fhir_node_t *after = NULL, *value = fhir_terms_property(concept, &after, code);

    return value && value->kind == FHIR_NODE_TRUE;
}

static int is_inactive(const fhir_node_t *concept)
{
    const fhir_node_t *after = NULL, *status = fhir_terms_property(concept, &after, "status");

    return is_true(concept, "inactive") || fhir_node_is(status, "retired") ||
           fhir_node_is(status, "inactive");
}

static void add_concepts(fhir_codesystem_t *s, const fhir_node_t *holder, int above,
                         apr_pool_t *pool)
{
    const fhir_node_t *list = fhir_node_get(holder, "concept");

    for (const fhir_node_t *node = list ? list->child : NULL; node; node = node->next) {
        const fhir_concept_t concept = {
            .system = s->url,
            .code = fhir_node_string(node, "code", pool),
            .display = fhir_node_string(node, "display", pool),
            .defined = node,
            .abstract = (apr_byte_t)is_true(node, "notSelectable"),
            .inactive = (apr_byte_t)is_inactive(node),
        };

        if (!concept.code)
            continue;
        int index = add(s, &concept, pool);
        if (above >= 0)
            add_edge(s, index, above);
        add_concepts(s, node, index, pool);
    }
}

/* Adds the hierarchy that properties define, when all concepts exist. */
static void add_property_edges(fhir_codesystem_t *s, apr_pool_t *pool)
{
    static const struct {
        const char *code;
        int is_below; /* the value is below the concept */
    } kinds[] = {{"parent", 0}, {"subsumedBy", 0}, {"child", 1}};

    for (int i = 0; i < s->concepts->nelts; i++)
        for (apr_size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
            const fhir_node_t *after = NULL, *value;

            while ((value = fhir_terms_property(
                        APR_ARRAY_IDX(s->concepts, i, fhir_concept_t *)->defined, &after,
                        kinds[k].code)) != NULL) {
                int other = value->text
                                ? index_of(s, apr_pstrmemdup(pool, value->text, value->text_len))
                                : -1;

                if (other >= 0)
                    add_edge(s, kinds[k].is_below ? other : i, kinds[k].is_below ? i : other);
            }
        }
}

fhir_codesystem_t *fhir_terms_system_stored(fhir_terms_t *terms, const fhir_node_t *root)
{
    fhir_codesystem_t *s = create(terms);

    if (!fhir_node_is(fhir_node_get(root, "resourceType"), "CodeSystem") ||
        !fhir_node_is(fhir_node_get(root, "content"), "complete"))
        return NULL;
    s->url = fhir_node_string(root, "url", terms->pool);
    s->version = fhir_node_string(root, "version", terms->pool);
    s->name = fhir_node_string(root, "title", terms->pool);
    if (!s->name)
        s->name = fhir_node_string(root, "name", terms->pool);
    s->fold = fhir_node_is(fhir_node_get(root, "caseSensitive"), "false");
    s->has_properties = 1;
    add_concepts(s, root, -1, terms->pool);
    add_property_edges(s, terms->pool);
    return finished(s, terms->pool);
}

/* ---- questions ---- */

const fhir_concept_t *fhir_terms_concept(int *index, const fhir_codesystem_t *system,
                                         const char *code)
{
    int found = index_of(system, code);

    if (index)
        *index = found;
    return found < 0 ? NULL : APR_ARRAY_IDX(system->concepts, found, const fhir_concept_t *);
}

const char *fhir_terms_kin(const fhir_codesystem_t *system, int index, int above, apr_pool_t *pool)
{
    int n = system->concepts->nelts, n_waiting = 0;
    const fhir_kin_t *kin = above ? &system->above : &system->below;
    char *marks = apr_pcalloc(pool, (apr_size_t)n + 1);
    int *waiting = apr_palloc(pool, sizeof(int) * ((apr_size_t)n + 1));

    waiting[n_waiting++] = index;
    marks[index] = 1;
    while (n_waiting) {
        int at = waiting[--n_waiting];

        for (int i = kin->first[at]; i < kin->first[at + 1]; i++)
            if (!marks[kin->list[i]]) { /* each concept is queued once */
                marks[kin->list[i]] = 1;
                waiting[n_waiting++] = kin->list[i];
            }
    }
    return marks;
}

int fhir_terms_is_a(const fhir_codesystem_t *system, int index, int above, apr_pool_t *pool)
{
    return fhir_terms_kin(system, index, 1, pool)[above];
}
