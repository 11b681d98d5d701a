/* SPDX-License-Identifier: Apache-2.0 */
/* Where code systems and value sets come from, and their displays. */
#include <apr_strings.h>

#include "core/fhir_hash.h"
#include "fhir/query/fhir_grant.h"
#include "fhir/query/fhir_terms_private.h"
#include "fhir/validate/fhir_terminology.h"

const char fhir_terms_none = 0;

fhir_terms_t *fhir_terms_create(const fhir_call_t *call, const fhir_resolving_t *within)
{
    fhir_terms_t *terms = apr_pcalloc(call->pool, sizeof(*terms));

    terms->call = call;
    terms->within = within;
    terms->profiles = fhir_profiles_of(call->stored);
    terms->systems = fhir_hash_make(call->pool);
    terms->sets = fhir_hash_make(call->pool);
    terms->codes_left = call->endpoint->limits.codes_max;
    terms->pool = call->pool;
    return terms;
}

/* ---- what is stored ---- */

typedef struct loaded_t {
    const char *json;
    apr_size_t len;
    apr_pool_t *pool;
} loaded_t;

static fhir_err_t *on_row(void *baton, const fhir_row_t *row)
{
    loaded_t *loaded = baton;

    loaded->len = fhir_row_len(row, 0);
    loaded->json = apr_pstrmemdup(loaded->pool, fhir_row_text(row, 0), loaded->len);
    return NULL;
}

static fhir_err_t *load(const fhir_node_t **root, const fhir_call_t *call, const char *type,
                        const fhir_terms_source_t *source, const fhir_resolving_t *within)
{
    const fhir_type_t *t = fhir_model_resource(call->stored, type, strlen(type));
    loaded_t loaded = {.pool = call->pool};

    *root = NULL;
    if (!t || !fhir_call_has_store(call))
        return NULL;
    const fhir_granted_t *granted;
    FHIR_TRY(fhir_resolve_grant(&granted, call, t, within));
    fhir_sql_t *sql = fhir_sql_create(call);
    fhir_buf_printf(sql->text,
                    "SELECT t.resource FROM %s t WHERE %s = ", fhir_call_table(call, t, ""),
                    source->id ? "t.id" : "t.url");
    fhir_sql_bind(sql,
                  source->id ? source->id
                             : apr_pstrmemdup(call->pool, source->url, strcspn(source->url, "|")),
                  "text");
    fhir_grant_sql(sql, "t", granted, FHIR_RIGHT_READ);
    fhir_buf_puts(sql->text, " ORDER BY t.last_updated DESC LIMIT 1");
    fhir_stmt_t stmt;
    FHIR_TRY(fhir_sql_stmt(&stmt, sql, 0));
    FHIR_TRY(fhir_call_ask(call, &stmt, fhir_sql_values(sql), on_row, &loaded));
    if (!loaded.json)
        return NULL;
    fhir_node_t *parsed;
    FHIR_TRY(
        fhir_node_parse_json(&parsed, loaded.json, loaded.len, FHIR_NODE_LIMITS_MOST, call->pool));
    *root = parsed;
    return NULL;
}

fhir_err_t *fhir_terms_load(const fhir_node_t **root, const fhir_call_t *call, const char *type,
                            const fhir_terms_source_t *source)
{
    return load(root, call, type, source, NULL);
}

/* ---- finding ---- */

static void remember(apr_hash_t *known, const char *url, const void *what)
{
    if (url)
        apr_hash_set(known, url, APR_HASH_KEY_STRING, what ? what : &fhir_terms_none);
}

static const void *remembered(int *there, apr_hash_t *known, const char *url)
{
    const void *what = url ? apr_hash_get(known, url, APR_HASH_KEY_STRING) : NULL;

    *there = what != NULL;
    return what == &fhir_terms_none ? NULL : what;
}

/* The carried one of an id. */
static fhir_err_t *system_by_id(const fhir_codesystem_t **system, fhir_terms_t *terms,
                                const char *id)
{
    const fhir_terms_source_t source = {.url =
                                            fhir_terms_carried_url(terms->call, "CodeSystem", id)};

    return source.url ? fhir_terms_system(system, terms, &source) : NULL;
}

fhir_err_t *fhir_terms_system(const fhir_codesystem_t **system, fhir_terms_t *terms,
                              const fhir_terms_source_t *source)
{
    const fhir_node_t *root = source->root;
    int there;

    *system = remembered(&there, terms->systems, root || source->id ? NULL : source->url);
    if (there)
        return NULL;
    const fhir_psystem_t *carried =
        terms->profiles && source->url && !root && !source->id
            ? fhir_profiles_system(terms->profiles, source->url, strcspn(source->url, "|"))
            : NULL;
    if (carried) {
        *system = fhir_terms_system_carried(terms, carried);
    }
    else {
        if (!root)
            FHIR_TRY(load(&root, terms->call, "CodeSystem", source, terms->within));
        if (!root && source->id)
            return system_by_id(system, terms, source->id);
        *system = root ? fhir_terms_system_stored(terms, root) : NULL;
    }
    if (!source->root && !source->id)
        remember(terms->systems, source->url, *system);
    return NULL;
}

/* A compiled-in value set or system by its URL; those of version 1.0.2 are only in the model. */
static fhir_err_t *carried_set(fhir_conceptset_t **set, fhir_terms_t *terms, const char *url)
{
    *set = NULL;
    if (terms->profiles) {
        apr_uint16_t index = fhir_profiles_set(terms->profiles, url, strlen(url), NULL);
        return index ? fhir_terms_set_carried(set, terms, index) : NULL;
    }
    const fhir_valueset_t *known = fhir_terminology_valueset(terms->call->stored, url);
    return known && !(known->flags & FHIR_VS_OPEN) ? fhir_terms_set_model(set, terms, known) : NULL;
}

static fhir_err_t *find_set(fhir_conceptset_t **set, fhir_terms_t *terms,
                            const fhir_terms_source_t *source)
{
    const fhir_node_t *root = source->root;
    fhir_conceptset_t *carried = NULL;

    *set = NULL;
    if (!root && !source->id)
        FHIR_TRY(carried_set(&carried, terms, source->url));
    if (carried && !fhir_terms_unlisted(carried)) {
        *set = carried;
        return NULL;
    }
    if (!root)
        FHIR_TRY(load(&root, terms->call, "ValueSet", source, terms->within));
    if (root)
        FHIR_TRY(fhir_terms_set_stored(set, terms, root));
    if (!root && source->id) {
        const char *url = fhir_terms_carried_url(terms->call, "ValueSet", source->id);

        return url ? carried_set(set, terms, url) : NULL;
    }
    if (carried && (!*set || fhir_terms_unlisted(*set)))
        *set = carried;
    return NULL;
}

fhir_err_t *fhir_terms_set(const fhir_conceptset_t **set, fhir_terms_t *terms,
                           const fhir_terms_source_t *source)
{
    const char *key = source->root || source->id ? NULL : source->url;
    int there;

    *set = remembered(&there, terms->sets, key);
    if (there)
        return NULL;
    if (++terms->depth > FHIR_TERMS_DEPTH_MAX)
        return fhir_err_create(terms->pool, FHIR_ERR_LIMIT,
                               "Value sets include one another more than %d deep",
                               FHIR_TERMS_DEPTH_MAX);
    remember(terms->sets, key,
             fhir_terms_set_empty(terms)); /* a value set that includes itself adds nothing */
    fhir_conceptset_t *found;
    fhir_err_t *err = find_set(&found, terms, source);
    terms->depth--;
    FHIR_TRY(err);
    remember(terms->sets, key, found);
    *set = found;
    return NULL;
}

/* ---- displays ---- */

/* 1 if a tag matches the requested language, exactly or as a broader one ("de" for "de-CH"). */
static int is_language(const fhir_node_t *tag, const char *asked)
{
    return tag && tag->kind == FHIR_NODE_STRING && tag->text_len <= strlen(asked) &&
           !strncasecmp(tag->text, asked, tag->text_len) &&
           (!asked[tag->text_len] || asked[tag->text_len] == '-');
}

static const fhir_node_t *designations(const fhir_node_t *concept)
{
    const fhir_node_t *list = fhir_node_get(concept, "designation");

    return list ? list->child : NULL;
}

/* The longest matching tag is the best. */
static const char *designation_in(const fhir_node_t *concept, const char *language,
                                  apr_pool_t *pool)
{
    const char *found = NULL;
    apr_size_t best = 0;

    for (const fhir_node_t *d = designations(concept); d; d = d->next) {
        const fhir_node_t *tag = fhir_node_get(d, "language");

        if (is_language(tag, language) && tag->text_len > best) {
            best = tag->text_len;
            found = fhir_node_string(d, "value", pool);
        }
    }
    return found;
}

const char *fhir_terms_display(const fhir_concept_t *concept, const char *language,
                               apr_pool_t *pool)
{
    const char *found = NULL;

    if (language)
        found = designation_in(concept->listed, language, pool);
    if (language && !found)
        found = designation_in(concept->defined, language, pool);
    return found ? found : concept->display;
}

static int designates(const fhir_node_t *concept, const char *text, apr_pool_t *pool)
{
    for (const fhir_node_t *d = designations(concept); d; d = d->next) {
        const char *value = fhir_node_string(d, "value", pool);

        if (value && fhir_terminology_same_display(value, text))
            return 1;
    }
    return 0;
}

int fhir_terms_has_display(const fhir_concept_t *concept, const char *text, apr_pool_t *pool)
{
    const char *own = fhir_node_string(concept->defined, "display", pool);

    return (!concept->display && !own) ||
           (concept->display && fhir_terminology_same_display(concept->display, text)) ||
           (own && fhir_terminology_same_display(own, text)) ||
           designates(concept->listed, text, pool) || designates(concept->defined, text, pool);
}

/* ---- for the validator ---- */

fhir_member_t fhir_terms_asked(void *baton, const char *url, const char *system, const char *code)
{
    fhir_terms_asked_t *asked = baton;
    const fhir_conceptset_t *set;

    if (!asked->err)
        asked->err = fhir_terms_set(&set, asked->terms, &(fhir_terms_source_t){.url = url});
    const fhir_concept_t *found;
    return asked->err || !set ? FHIR_MEMBER_UNKNOWN : fhir_terms_member(&found, set, system, code);
}
