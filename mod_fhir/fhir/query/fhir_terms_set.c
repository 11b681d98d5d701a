/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Value sets as sets: what compose includes and excludes, one by one, from code systems and other
 * value sets. If the definition needs something that the server does not know, a stored expansion
 * is used.
 * Source: http://hl7.org/fhir/R4/valueset.html#compositions, #filters
 */
#include <apr_strings.h>

#include "core/fhir_hash.h"
#include "fhir/query/fhir_terms_private.h"

/* ---- sets ---- */

static fhir_conceptset_t *create(fhir_terms_t *terms)
{
    fhir_conceptset_t *set = apr_pcalloc(terms->pool, sizeof(*set));

    set->concepts = apr_array_make(terms->pool, 32, sizeof(fhir_concept_t *));
    set->rests = apr_array_make(terms->pool, 2, sizeof(fhir_rests_t));
    set->by_code = fhir_hash_make(terms->pool);
    set->by_name = fhir_hash_make(terms->pool);
    set->excluded = fhir_hash_make(terms->pool);
    return set;
}

fhir_conceptset_t *fhir_terms_set_empty(fhir_terms_t *terms)
{
    return create(terms);
}

static const char *key_of(const char *system, const char *code, apr_pool_t *pool)
{
    return apr_pstrcat(pool, system ? system : "", "\n", code, NULL);
}

static int place_of(apr_hash_t *hash, const char *key)
{
    return (int)(apr_uintptr_t)apr_hash_get(hash, key, APR_HASH_KEY_STRING) - 1;
}

static fhir_err_t *add(fhir_terms_t *terms, fhir_conceptset_t *set, const fhir_concept_t *concept)
{
    const char *key = key_of(concept->system, concept->code, terms->pool);

    if (place_of(set->by_code, key) >= 0)
        return NULL;
    if (--terms->codes_left < 0)
        return fhir_err_create(
            terms->pool, FHIR_ERR_LIMIT,
            "The value set needs more than %d codes, the limit of this server (FHIRCodesMax)",
            terms->call->endpoint->limits.codes_max);
    APR_ARRAY_PUSH(set->concepts, const fhir_concept_t *) = concept;
    const void *place = (const void *)(apr_uintptr_t)set->concepts->nelts;
    apr_hash_set(set->by_code, key, APR_HASH_KEY_STRING, place);
    if (place_of(set->by_name, concept->code) < 0)
        apr_hash_set(set->by_name, concept->code, APR_HASH_KEY_STRING, place);
    return NULL;
}

static void add_rest(fhir_conceptset_t *set, const char *system, fhir_rest_t rest)
{
    APR_ARRAY_PUSH(set->rests, fhir_rests_t) = (fhir_rests_t){system, rest};
}

static int same(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

fhir_member_t fhir_terms_member(const fhir_concept_t **found, const fhir_conceptset_t *set,
                                const char *system, const char *code)
{
    apr_pool_t *pool = apr_hash_pool_get(set->by_code);
    const char *key = key_of(system, code, pool);
    int place = system ? place_of(set->by_code, key) : place_of(set->by_name, code);
    fhir_member_t answer = FHIR_MEMBER_NO;

    *found = place >= 0 ? APR_ARRAY_IDX(set->concepts, place, const fhir_concept_t *) : NULL;
    if (*found)
        return FHIR_MEMBER_YES;
    if (apr_hash_get(set->excluded, key, APR_HASH_KEY_STRING))
        return FHIR_MEMBER_NO;
    for (int i = 0; i < set->rests->nelts; i++) {
        const fhir_rests_t *r = &APR_ARRAY_IDX(set->rests, i, fhir_rests_t);

        if (system && r->system && strcmp(r->system, system) != 0)
            continue;
        if (system && r->system && r->rest == FHIR_REST_IN)
            return FHIR_MEMBER_YES;
        answer = FHIR_MEMBER_UNKNOWN;
    }
    return answer;
}

const fhir_rests_t *fhir_terms_unlisted(const fhir_conceptset_t *set)
{
    return set->rests->nelts ? &APR_ARRAY_IDX(set->rests, 0, const fhir_rests_t) : NULL;
}

/* 1 if a key is neither listed nor in the whole systems. */
static int is_out(const fhir_conceptset_t *set, const char *key, apr_pool_t *pool)
{
    const char *code = strchr(key, '\n') + 1;
    const fhir_concept_t *found;

    return fhir_terms_member(&found, set, apr_pstrmemdup(pool, key, (apr_size_t)(code - key) - 1),
                             code) == FHIR_MEMBER_NO;
}

/* A code that one of two sets excludes may be in the other one. Must be called before the whole
 * systems are joined. */
static void keep_excluded(fhir_terms_t *terms, fhir_conceptset_t *set,
                          const fhir_conceptset_t *more)
{
    apr_array_header_t *back = apr_array_make(terms->pool, 2, sizeof(const char *));

    for (apr_hash_index_t *hi = apr_hash_first(terms->pool, set->excluded); hi;
         hi = apr_hash_next(hi))
        if (!is_out(more, apr_hash_this_key(hi), terms->pool))
            APR_ARRAY_PUSH(back, const char *) = apr_hash_this_key(hi);
    for (apr_hash_index_t *hi = apr_hash_first(terms->pool, more->excluded); hi;
         hi = apr_hash_next(hi))
        if (is_out(set, apr_hash_this_key(hi), terms->pool))
            apr_hash_set(set->excluded, apr_hash_this_key(hi), APR_HASH_KEY_STRING, more);
    for (int i = 0; i < back->nelts; i++)
        apr_hash_set(set->excluded, APR_ARRAY_IDX(back, i, const char *), APR_HASH_KEY_STRING,
                     NULL);
}

static fhir_err_t *add_all(fhir_terms_t *terms, fhir_conceptset_t *set,
                           const fhir_conceptset_t *more)
{
    for (int i = 0; i < more->concepts->nelts; i++) {
        const fhir_concept_t *c = APR_ARRAY_IDX(more->concepts, i, const fhir_concept_t *);

        if (c)
            FHIR_TRY(add(terms, set, c));
    }
    keep_excluded(terms, set, more);
    apr_array_cat(set->rests, more->rests);
    return NULL;
}

static void drop(fhir_conceptset_t *set, int place, apr_pool_t *pool)
{
    const fhir_concept_t *c = APR_ARRAY_IDX(set->concepts, place, const fhir_concept_t *);

    apr_hash_set(set->by_code, key_of(c->system, c->code, pool), APR_HASH_KEY_STRING, NULL);
    if (place_of(set->by_name, c->code) == place)
        apr_hash_set(set->by_name, c->code, APR_HASH_KEY_STRING, NULL);
    APR_ARRAY_IDX(set->concepts, place, const fhir_concept_t *) = NULL;
}

static void exclude(fhir_terms_t *terms, fhir_conceptset_t *set, const fhir_conceptset_t *out)
{
    int lost = 0; /* the members cannot be determined any more */

    for (int i = 0; i < out->concepts->nelts; i++) {
        const fhir_concept_t *c = APR_ARRAY_IDX(out->concepts, i, const fhir_concept_t *);

        if (c)
            apr_hash_set(set->excluded, key_of(c->system, c->code, terms->pool),
                         APR_HASH_KEY_STRING, c);
    }
    for (int i = 0; i < set->concepts->nelts; i++) {
        const fhir_concept_t *c = APR_ARRAY_IDX(set->concepts, i, const fhir_concept_t *), *found;
        fhir_member_t member =
            c ? fhir_terms_member(&found, out, c->system, c->code) : FHIR_MEMBER_NO;

        lost |= member == FHIR_MEMBER_UNKNOWN;
        if (member != FHIR_MEMBER_NO)
            drop(set, i, terms->pool);
    }
    for (int k = 0; k < out->rests->nelts; k++) {
        const fhir_rests_t *r = &APR_ARRAY_IDX(out->rests, k, fhir_rests_t);

        for (int i = 0; i < set->rests->nelts; i++) {
            fhir_rests_t *own = &APR_ARRAY_IDX(set->rests, i, fhir_rests_t);

            if (!r->system || !own->system || same(r->system, own->system))
                own->rest = FHIR_REST_UNKNOWN;
        }
        if (lost)
            add_rest(set, r->system, FHIR_REST_UNKNOWN);
    }
}

/* The codes that are in both. */
static fhir_err_t *intersect(fhir_conceptset_t **out, fhir_terms_t *terms,
                             const fhir_conceptset_t *a, const fhir_conceptset_t *b)
{
    const fhir_conceptset_t *sides[] = {a, b};
    fhir_conceptset_t *set = create(terms);

    for (int side = 0; side < 2; side++) {
        const fhir_conceptset_t *own = sides[side], *other = sides[!side];

        for (int i = 0; i < own->concepts->nelts; i++) {
            const fhir_concept_t *c = APR_ARRAY_IDX(own->concepts, i, const fhir_concept_t *);
            const fhir_concept_t *found;
            fhir_member_t member =
                c ? fhir_terms_member(&found, other, c->system, c->code) : FHIR_MEMBER_NO;

            if (member == FHIR_MEMBER_YES)
                FHIR_TRY(add(terms, set, c));
            else if (member == FHIR_MEMBER_UNKNOWN)
                add_rest(set, c->system, FHIR_REST_UNKNOWN);
        }
        for (apr_hash_index_t *hi = apr_hash_first(terms->pool, own->excluded); hi;
             hi = apr_hash_next(hi))
            apr_hash_set(set->excluded, apr_hash_this_key(hi), APR_HASH_KEY_STRING, own);
    }
    for (int i = 0; i < a->rests->nelts; i++)
        for (int k = 0; k < b->rests->nelts; k++) {
            const fhir_rests_t *x = &APR_ARRAY_IDX(a->rests, i, fhir_rests_t);
            const fhir_rests_t *y = &APR_ARRAY_IDX(b->rests, k, fhir_rests_t);

            if (!x->system || !y->system || same(x->system, y->system))
                add_rest(set, x->system ? x->system : y->system,
                         x->rest == FHIR_REST_IN && y->rest == FHIR_REST_IN ? FHIR_REST_IN
                                                                            : FHIR_REST_UNKNOWN);
        }
    *out = set;
    return NULL;
}

/* ---- what is carried ---- */

static fhir_err_t *add_listed(fhir_terms_t *terms, fhir_conceptset_t *set, const char *system,
                              const char *code, const char *display)
{
    fhir_concept_t *concept = apr_pcalloc(terms->pool, sizeof(*concept));

    concept->system = system;
    concept->code = code;
    concept->display = display && *display ? display : NULL;
    return add(terms, set, concept);
}

static fhir_err_t *add_system(fhir_terms_t *terms, fhir_conceptset_t *set,
                              const fhir_codesystem_t *system)
{
    for (int i = 0; i < system->concepts->nelts; i++)
        FHIR_TRY(add(terms, set, APR_ARRAY_IDX(system->concepts, i, const fhir_concept_t *)));
    return NULL;
}

static fhir_err_t *add_part(fhir_terms_t *terms, fhir_conceptset_t *set,
                            const fhir_psetpart_t *part)
{
    const fhir_profiles_t *p = terms->profiles;
    const char *system = fhir_profiles_str(p, part->system);

    if (part->rest == FHIR_REST_CARRIED) {
        const fhir_codesystem_t *known;
        FHIR_TRY(fhir_terms_system(&known, terms, &(fhir_terms_source_t){.url = system}));
        return add_system(terms, set, known);
    }
    if (!strcmp(system, FHIR_ANY_SYSTEM))
        system = NULL;
    for (int c = 0; c < part->n_code; c++) {
        const fhir_pcode_t *code = &p->codes[part->first_code + c];

        FHIR_TRY(add_listed(terms, set, system, fhir_profiles_str(p, code->code),
                            fhir_profiles_str(p, code->display)));
    }
    if (part->rest != FHIR_REST_OUT)
        add_rest(set, system, system ? (fhir_rest_t)part->rest : FHIR_REST_UNKNOWN);
    return NULL;
}

fhir_err_t *fhir_terms_set_carried(fhir_conceptset_t **out, fhir_terms_t *terms, apr_uint16_t index)
{
    const fhir_profiles_t *p = terms->profiles;
    const fhir_pset_t *known = &p->sets[index];
    fhir_conceptset_t *set = create(terms);
    int n;
    const apr_uint16_t *parts = fhir_profiles_run(&n, p, known->parts);

    set->url = fhir_profiles_str(p, known->url);
    set->version = fhir_profiles_str(p, known->version);
    set->name = fhir_profiles_str(p, known->name);
    set->title = fhir_profiles_str(p, known->title);
    for (int i = 0; i < n; i++)
        FHIR_TRY(add_part(terms, set, &p->parts[parts[i]]));
    *out = set;
    return NULL;
}

fhir_err_t *fhir_terms_set_model(fhir_conceptset_t **out, fhir_terms_t *terms,
                                 const fhir_valueset_t *known)
{
    const fhir_model_t *m = terms->call->stored;
    fhir_conceptset_t *set = create(terms);

    set->url = fhir_model_str(m, known->url);
    for (apr_uint32_t i = 0; i < known->n_codes; i++) {
        const fhir_vscode_t *code = &m->codes[known->first_code + i];

        FHIR_TRY(add_listed(terms, set, fhir_model_str(m, code->system),
                            fhir_model_str(m, code->code), fhir_model_str(m, code->display)));
    }
    *out = set;
    return NULL;
}

/* ---- filters ---- */

static int in_list(const char *list, const fhir_node_t *value)
{
    for (apr_size_t len; *list; list += len + (list[len] == ',')) {
        const char *item = list;

        len = strcspn(list, ",");
        apr_size_t item_len;
        for (item_len = len; item_len && *item == ' '; item++, item_len--)
            ;
        while (item_len && item[item_len - 1] == ' ')
            item_len--;
        if (item_len == value->text_len && !memcmp(item, value->text, item_len))
            return 1;
    }
    return 0;
}

typedef struct filter_t {
    const char *property, *op, *value;
    const char *kin; /* marks of hierarchical filters, or NULL */
    char negated;    /* 1: the marked concepts are excluded */
    int without;     /* index of a concept that is excluded whether it is marked or not; -1: none */
} filter_t;

static const struct {
    const char *op;
    int above;
    char negated, without;
} hierarchical[] = {
    {"is-a", 0, 0, 0},
    {"descendent-of", 0, 0, 1},
    {"is-not-a", 0, 1, 0},
    {"generalizes", 1, 0, 0},
};

/* 0 when the filter is not supported. */
static int prepare(filter_t *f, const fhir_codesystem_t *system, apr_pool_t *pool)
{
    static const char *const by_property[] = {"=", "in", "not-in", "exists"};

    f->without = -1;
    int index;
    for (apr_size_t i = 0; i < sizeof(hierarchical) / sizeof(hierarchical[0]); i++) {
        if (strcmp(f->op, hierarchical[i].op) != 0)
            continue;
        f->negated = hierarchical[i].negated;
        if (!fhir_terms_concept(&index, system,
                                f->value)) { /* nothing is below an unknown concept */
            f->kin = apr_pcalloc(pool, (apr_size_t)system->concepts->nelts + 1);
            return 1;
        }
        f->kin = fhir_terms_kin(system, index, hierarchical[i].above, pool);
        f->without = hierarchical[i].without ? index : -1;
        return 1;
    }
    for (apr_size_t i = 0; i < sizeof(by_property) / sizeof(by_property[0]); i++)
        if (!strcmp(f->op, by_property[i]))
            return system->has_properties || !strcmp(f->property, "code") ||
                   !strcmp(f->property, "concept") || !strcmp(f->property, "display");
    return 0;
}

/* The value of a property behind *after; code and display are properties, too. */
static const fhir_node_t *value_of(const fhir_concept_t *c, const fhir_node_t **after,
                                   const char *property, fhir_node_t *own)
{
    const char *text = !strcmp(property, "code") || !strcmp(property, "concept") ? c->code
                       : !strcmp(property, "display")                            ? c->display
                                                                                 : NULL;

    if (!text)
        return c->defined ? fhir_terms_property(c->defined, after, property) : NULL;
    if (*after)
        return NULL;
    *own = (fhir_node_t){
        .kind = FHIR_NODE_STRING, .text = text, .text_len = (apr_uint32_t)strlen(text)};
    return *after = own;
}

static int passes(const filter_t *f, const fhir_concept_t *c, int index)
{
    const fhir_node_t *after = NULL;
    int found = 0, there = 0;

    if (f->kin)
        return index != f->without && f->kin[index] != f->negated;
    const fhir_node_t *value;
    fhir_node_t own;
    while ((value = value_of(c, &after, f->property, &own)) != NULL) {
        const fhir_node_t *code =
            value->kind == FHIR_NODE_OBJECT ? fhir_node_get(value, "code") : value;

        there = 1;
        if (code && code->text)
            found |= !strcmp(f->op, "=") ? fhir_node_is(code, f->value) : in_list(f->value, code);
    }
    if (!strcmp(f->op, "exists"))
        return there == !strcmp(f->value, "true");
    return !strcmp(f->op, "not-in") ? !found : found;
}

/* The filters of an include; *known is 0 when one is not supported. */
static filter_t *take_filters(int *n, int *known, const fhir_node_t *include,
                              const fhir_codesystem_t *system, apr_pool_t *pool)
{
    const fhir_node_t *list = fhir_node_get(include, "filter");
    filter_t *filters = apr_pcalloc(pool, sizeof(*filters) * (fhir_node_count(list) + 1));

    *n = 0;
    *known = system != NULL;
    for (const fhir_node_t *node = list ? list->child : NULL; node && *known; node = node->next) {
        filter_t *f = &filters[(*n)++];

        f->property = fhir_node_string(node, "property", pool);
        f->op = fhir_node_string(node, "op", pool);
        f->value = fhir_node_string(node, "value", pool);
        *known = f->property && f->op && f->value && prepare(f, system, pool);
    }
    return filters;
}

/* ---- compose ---- */

/* A concept that an include lists, with its system's details. */
static fhir_err_t *add_node(fhir_terms_t *terms, fhir_conceptset_t *set, const char *url,
                            const fhir_codesystem_t *system, const fhir_node_t *node)
{
    fhir_concept_t *concept = apr_pcalloc(terms->pool, sizeof(*concept));

    concept->system = url;
    concept->code = fhir_node_string(node, "code", terms->pool);
    concept->display = fhir_node_string(node, "display", terms->pool);
    concept->listed = node;
    if (!concept->code)
        return NULL;
    const fhir_concept_t *defined = system ? fhir_terms_concept(NULL, system, concept->code) : NULL;
    if (defined) {
        concept->defined = defined->defined;
        concept->inactive = defined->inactive;
        if (!concept->display)
        concept->display = defined->display;
    }
    return add(terms, set, concept);
}

/* The codes of an include's system: those listed, those that match its filters, or all. */
static fhir_err_t *system_part(fhir_conceptset_t **out, fhir_terms_t *terms,
                               const fhir_node_t *include)
{
    const char *url = fhir_node_string(include, "system", terms->pool);
    const fhir_node_t *list = fhir_node_get(include, "concept");
    fhir_conceptset_t *set = create(terms);

    *out = set;
    const fhir_codesystem_t *system;
    FHIR_TRY(fhir_terms_system(&system, terms, &(fhir_terms_source_t){.url = url}));
    if (list) {
        for (const fhir_node_t *node = list->child; node; node = node->next)
            FHIR_TRY(add_node(terms, set, url, system, node));
        return NULL;
    }
    int n, known;
    filter_t *filters = take_filters(&n, &known, include, system, terms->pool);
    if (!known) {
        add_rest(set, url, fhir_node_get(include, "filter") ? FHIR_REST_UNKNOWN : FHIR_REST_IN);
        return NULL;
    }
    for (int i = 0; i < system->concepts->nelts; i++) {
        const fhir_concept_t *c = APR_ARRAY_IDX(system->concepts, i, const fhir_concept_t *);
        int k;

        for (k = 0; k < n && passes(&filters[k], c, i); k++)
            ;
        if (k == n)
            FHIR_TRY(add(terms, set, c));
    }
    return NULL;
}

/* A value set by its canonical URL. The members of an unknown one cannot be determined. */
static fhir_err_t *imported(fhir_conceptset_t **out, fhir_terms_t *terms, const fhir_node_t *name)
{
    const char *url = name->text ? apr_pstrmemdup(terms->pool, name->text, name->text_len) : "";

    *out = create(terms);
    const fhir_conceptset_t *known;
    FHIR_TRY(fhir_terms_set(&known, terms, &(fhir_terms_source_t){.url = url}));
    if (!known)
        add_rest(*out, NULL, FHIR_REST_UNKNOWN);
    return known ? add_all(terms, *out, known) : NULL;
}

/* One include or exclude: the codes that its system and each of its value sets have. */
static fhir_err_t *component(fhir_conceptset_t **out, fhir_terms_t *terms,
                             const fhir_node_t *include)
{
    const fhir_node_t *list = fhir_node_get(include, "valueSet");
    fhir_conceptset_t *set = NULL;

    if (fhir_node_get(include, "system"))
        FHIR_TRY(system_part(&set, terms, include));
    fhir_conceptset_t *other;
    for (const fhir_node_t *name = list ? list->child : NULL; name; name = name->next) {
        FHIR_TRY(imported(&other, terms, name));
        if (set)
            FHIR_TRY(intersect(&set, terms, set, other));
        else
            set = other;
    }
    *out = set ? set : create(terms);
    return NULL;
}

static void drop_inactive(fhir_terms_t *terms, fhir_conceptset_t *set)
{
    for (int i = 0; i < set->concepts->nelts; i++) {
        const fhir_concept_t *c = APR_ARRAY_IDX(set->concepts, i, const fhir_concept_t *);

        if (c && c->inactive)
            drop(set, i, terms->pool);
    }
}

static fhir_err_t *compose(fhir_terms_t *terms, fhir_conceptset_t *set, const fhir_node_t *node)
{
    const fhir_node_t *list = fhir_node_get(node, "include");
    fhir_conceptset_t *part;

    for (const fhir_node_t *include = list ? list->child : NULL; include; include = include->next) {
        FHIR_TRY(component(&part, terms, include));
        FHIR_TRY(add_all(terms, set, part));
    }
    list = fhir_node_get(node, "exclude");
    for (const fhir_node_t *out = list ? list->child : NULL; out; out = out->next) {
        FHIR_TRY(component(&part, terms, out));
        exclude(terms, set, part);
    }
    if (fhir_node_is(fhir_node_get(node, "inactive"), "false"))
        drop_inactive(terms, set);
    return NULL;
}

/* ---- expansions ---- */

static fhir_err_t *add_expanded(fhir_terms_t *terms, fhir_conceptset_t *set,
                                const fhir_node_t *holder)
{
    const fhir_node_t *list = fhir_node_get(holder, "contains");

    for (const fhir_node_t *node = list ? list->child : NULL; node; node = node->next) {
        fhir_concept_t *concept = apr_pcalloc(terms->pool, sizeof(*concept));

        concept->system = fhir_node_string(node, "system", terms->pool);
        concept->code = fhir_node_string(node, "code", terms->pool);
        concept->display = fhir_node_string(node, "display", terms->pool);
        concept->listed = node;
        concept->abstract = (apr_byte_t)fhir_node_is(fhir_node_get(node, "abstract"), "true");
        concept->inactive = (apr_byte_t)fhir_node_is(fhir_node_get(node, "inactive"), "true");
        if (concept->code)
            FHIR_TRY(add(terms, set, concept));
        FHIR_TRY(add_expanded(terms, set, node));
    }
    return NULL;
}

static void name_set(fhir_conceptset_t *set, const fhir_node_t *root, apr_pool_t *pool)
{
    set->url = fhir_node_string(root, "url", pool);
    set->version = fhir_node_string(root, "version", pool);
    set->name = fhir_node_string(root, "name", pool);
    set->title = fhir_node_string(root, "title", pool);
}

fhir_err_t *fhir_terms_set_stored(fhir_conceptset_t **out, fhir_terms_t *terms,
                                  const fhir_node_t *root)
{
    const fhir_node_t *expansion = fhir_node_get(root, "expansion");
    fhir_conceptset_t *set = create(terms);

    if (fhir_node_get(root, "compose"))
        FHIR_TRY(compose(terms, set, fhir_node_get(root, "compose")));
    if (expansion && (!fhir_node_get(root, "compose") || fhir_terms_unlisted(set))) {
        set = create(terms);
        FHIR_TRY(add_expanded(terms, set, expansion));
    }
    else if (!expansion && !fhir_node_get(root, "compose")) {
        add_rest(set, NULL, FHIR_REST_UNKNOWN);
    }
    name_set(set, root, terms->pool);
    *out = set;
    return NULL;
}
