/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scopes: parsing, printing, comparing. fhir_bearer.c turns them into a grant.
 */
#include "auth/fhir_scope.h"

#include <apr_strings.h>
#include <string.h>

#include "core/fhir_text.h"

#define READ_RIGHTS  (FHIR_RIGHT_READ | FHIR_RIGHT_SEARCH)
#define WRITE_RIGHTS (FHIR_RIGHT_CREATE | FHIR_RIGHT_UPDATE | FHIR_RIGHT_DELETE)
#define ALL_RIGHTS   (READ_RIGHTS | WRITE_RIGHTS)

#define CONDITION   "http://terminology.hl7.org/CodeSystem/condition-category|"
#define OBSERVATION "http://terminology.hl7.org/CodeSystem/observation-category|"
#define US_CORE     "http://hl7.org/fhir/us/core/CodeSystem/"

const fhir_scope_part_t fhir_scope_parts[] = {
    {"Condition", "category=" CONDITION "encounter-diagnosis", "part-encounter-diagnosis"},
    {"Condition", "category=" CONDITION "problem-list-item", "part-problem-list-item"},
    {"Condition", "category=" US_CORE "condition-category|health-concern", "part-health-concern"},
    {"Observation", "category=" US_CORE "us-core-category|clinical-test", "part-clinical-test"},
    {"Observation", "category=" OBSERVATION "laboratory", "part-laboratory"},
    {"Observation", "category=" OBSERVATION "social-history", "part-social-history"},
    {"Observation", "category=" US_CORE "us-core-category|sdoh", "part-sdoh"},
    {"Observation", "category=" OBSERVATION "survey", "part-survey"},
    {"Observation", "category=" OBSERVATION "vital-signs", "part-vital-signs"},
    {NULL, NULL, NULL},
};

static const char *const words[] = {
#define WORD(name, text) text,
    FHIR_SCOPE_WORDS(WORD)
#undef WORD
};

static const struct {
    const char *text;
    fhir_scope_kind_t kind;
} kinds[] = {
    {"patient", FHIR_SCOPE_PATIENT}, {"user", FHIR_SCOPE_USER}, {"system", FHIR_SCOPE_SYSTEM}};
#define N_KINDS (int)(sizeof(kinds) / sizeof(*kinds))

/* c r u d s, in the order of the bits */
static const char letters[] = "cruds";

static const struct {
    const char *text;
    unsigned rights;
} v1_forms[] = {{"read", READ_RIGHTS}, {"write", WRITE_RIGHTS}, {"*", ALL_RIGHTS}};
#define N_V1 (int)(sizeof(v1_forms) / sizeof(*v1_forms))

/* ---- printing ---- */

const char *fhir_scope_letters(unsigned rights, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, sizeof(letters)), *at = out;
    for (int i = 0; letters[i]; i++)
        if (rights & (1u << i))
            *at++ = letters[i];
    *at = '\0';
    return out;
}

static const char *rights_text(unsigned rights, int *v1, apr_pool_t *pool)
{
    for (int i = 0; *v1 && i < N_V1; i++)
        if (v1_forms[i].rights == rights)
            return v1_forms[i].text;
    *v1 = 0;
    return fhir_scope_letters(rights, pool);
}

fhir_scope_t fhir_scope_make(fhir_scope_kind_t kind, const char *type, unsigned rights, int v1,
                             const char *query, apr_pool_t *pool)
{
    fhir_scope_t scope = {
        .kind = kind, .type = type, .rights = rights, .v1 = v1 && !query, .query = query};
    const char *form = rights_text(rights, &scope.v1, pool);
    scope.text = apr_pstrcat(pool, kinds[kind - FHIR_SCOPE_PATIENT].text, "/", type, ".", form,
                             query ? "?" : "", query ? query : "", NULL);
    return scope;
}

const char *fhir_scopes_print(const fhir_scopes_t *scopes, apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    for (int i = 0; i < scopes->n; i++)
        fhir_buf_printf(buf, "%s%s", i ? " " : "", scopes->list[i].text);
    return fhir_buf_cstr(buf);
}

/* ---- reading ---- */

/* Checks the conditions of a granular scope: they may only be plain parameters of the type.
 * Anything else would make it unclear what was granted. */
static const char *query_fault(const char *query, const fhir_model_t *model,
                               const fhir_type_t *type, apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, query);
    if (!*query || query[strlen(query) - 1] == '&')
        return "a condition is empty";
    char *last;
    for (char *pair = apr_strtok(copy, "&", &last); pair; pair = apr_strtok(NULL, "&", &last)) {
        char *value = strchr(pair, '=');
        if (!value || value == pair || !value[1])
            return "a condition is name=value";
        if (!fhir_model_param(model, type, pair, (apr_size_t)(value - pair)))
            return apr_psprintf(pool, "%.*s is not a search parameter of the type",
                                (int)(value - pair), pair);
        if (!fhir_text_url_decode(value + 1, strlen(value + 1), 1, pool))
            return "a condition is not URL-encoded";
    }
    return NULL;
}

static const char *read_rights(fhir_scope_t *scope, const char *form)
{
    int at = 0;
    for (int i = 0; i < N_V1; i++)
        if (!strcmp(form, v1_forms[i].text)) {
            scope->rights = v1_forms[i].rights;
            scope->v1 = 1;
            return NULL;
        }
    for (; *form; form++) {
        while (letters[at] && letters[at] != *form)
            at++;
        if (!letters[at])
            return "the part after the dot must be read, write, *, or letters of cruds in this "
                   "order";
        scope->rights |= 1u << at++;
    }
    return scope->rights ? NULL : "no letter of cruds";
}

/* Parses patient/Type.rights?query. Returns NULL, or why it is not a scope. word may be changed. */
static const char *read_resource(fhir_scope_t *scope, char *word, const fhir_model_t *model,
                                 apr_pool_t *pool)
{
    char *slash = strchr(word, '/');
    const fhir_type_t *type = NULL;
    if (!slash)
        return "not known here";
    *slash = '\0';
    for (int i = 0; i < N_KINDS; i++)
        if (!strcmp(word, kinds[i].text))
            scope->kind = kinds[i].kind;
    char *query = strchr(slash + 1, '?');
    if (query)
        *query++ = '\0';
    char *dot = strchr(slash + 1, '.');
    if (scope->kind == FHIR_SCOPE_SPECIAL || !dot)
        return "not known here";
    *dot = '\0';
    if (!model)
        model = fhir_model_resource(&fhir_model_r4, slash + 1, strlen(slash + 1))
                    ? &fhir_model_r4
                    : &fhir_model_dstu2;
    if (strcmp(slash + 1, "*") != 0 &&
        !(type = fhir_model_resource(model, slash + 1, strlen(slash + 1))))
        return "there is no such resource type";
    const char *fault = read_rights(scope, dot + 1);
    if (!fault && query && (!type || scope->v1))
        fault = "a condition needs a single type and the rights of SMART 2";
    if (!fault && query)
        fault = query_fault(query, model, type, pool);
    scope->type = slash + 1;
    scope->query = query;
    return fault;
}

static const char *read_scope(fhir_scope_t *scope, const char *word, const fhir_model_t *model,
                              apr_pool_t *pool)
{
    memset(scope, 0, sizeof(*scope));
    scope->text = word;
    for (int i = 0; i < FHIR_SCOPE_WORD_COUNT; i++)
        if (!strcmp(word, words[i])) {
            scope->word = (fhir_scope_word_t)i;
            return NULL;
        }
    return read_resource(scope, apr_pstrdup(pool, word), model, pool);
}

void fhir_scopes_add(fhir_scopes_t *scopes, const fhir_scope_t *scope, apr_pool_t *pool)
{
    for (int i = 0; i < scopes->n; i++)
        if (!strcmp(scopes->list[i].text, scope->text))
            return;
    if ((scopes->n & (scopes->n - 1)) == 0) { /* the array is full at each power of two */
        fhir_scope_t *more =
            apr_palloc(pool, sizeof(*more) * (scopes->n ? 2 * (apr_size_t)scopes->n : 1));
        if (scopes->n)
            memcpy(more, scopes->list, sizeof(*more) * (apr_size_t)scopes->n);
        scopes->list = more;
    }
    scopes->list[scopes->n++] = *scope;
}

fhir_err_t *fhir_scopes_parse(fhir_scopes_t *out, const char *text, const fhir_model_t *model,
                              apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, text ? text : "");
    *out = (fhir_scopes_t){.ignored = ""};
    if (strlen(copy) > FHIR_SCOPE_TEXT_MAX)
        return fhir_err_create(pool, FHIR_ERR_PARAM_VALUE, "scope is longer than %d bytes",
                               FHIR_SCOPE_TEXT_MAX);
    for (const char *s = copy; *s; s++)
        if (*s < ' ' || *s > '~' || *s == '"' || *s == '\\')
            return fhir_err_create(pool, FHIR_ERR_PARAM_VALUE,
                                   "scope has the byte 0x%02x, which is not allowed in a scope",
                                   (unsigned char)*s);
    char *last;
    for (char *word = apr_strtok(copy, " ", &last); word; word = apr_strtok(NULL, " ", &last)) {
        fhir_scope_t scope;
        const char *fault = read_scope(&scope, word, model, pool);
        if (fault)
            out->ignored =
                apr_pstrcat(pool, out->ignored, *out->ignored ? "\n" : "", word, ": ", fault, NULL);
        else
            fhir_scopes_add(out, &scope, pool);
        if (out->n > FHIR_SCOPES_MAX)
            return fhir_err_create(pool, FHIR_ERR_PARAM_VALUE, "scope has more than %d scopes",
                                   FHIR_SCOPES_MAX);
    }
    return NULL;
}

/* ---- comparing ---- */

int fhir_scopes_has(const fhir_scopes_t *scopes, fhir_scope_word_t word)
{
    for (int i = 0; i < scopes->n; i++)
        if (scopes->list[i].kind == FHIR_SCOPE_SPECIAL && scopes->list[i].word == word)
            return 1;
    return 0;
}

static int is_any(const char *type)
{
    return !strcmp(type, "*");
}

/* The type that both scopes are about, or NULL. */
static const char *common_type(const fhir_scope_t *a, const fhir_scope_t *b)
{
    if (is_any(b->type) || !strcmp(a->type, b->type))
        return a->type;
    return is_any(a->type) ? b->type : NULL;
}

static const char *both_queries(const fhir_scope_t *a, const fhir_scope_t *b, apr_pool_t *pool)
{
    if (!a->query || !b->query || !strcmp(a->query, b->query))
        return a->query ? a->query : b->query;
    return apr_pstrcat(pool, a->query, "&", b->query, NULL);
}

static void within_one(fhir_scopes_t *out, const fhir_scope_t *asked, const fhir_scopes_t *allowed,
                       apr_pool_t *pool)
{
    fhir_scopes_t parts = {.ignored = ""};
    for (int i = 0; i < allowed->n; i++) {
        const fhir_scope_t *b = &allowed->list[i];
        if (b->kind != asked->kind)
            continue;
        if (b->kind == FHIR_SCOPE_SPECIAL) {
            if (b->word == asked->word)
                fhir_scopes_add(out, asked, pool);
            continue;
        }
        const char *type = common_type(asked, b);
        if (!type || !(asked->rights & b->rights))
            continue;
        const char *query = both_queries(asked, b, pool);
        if (type == asked->type && (asked->rights & b->rights) == asked->rights &&
            (query == asked->query || (query && asked->query && !strcmp(query, asked->query)))) {
            fhir_scopes_add(out, asked, pool);
            return;
        }
        fhir_scope_t part =
            fhir_scope_make(asked->kind, type, asked->rights & b->rights, asked->v1, query, pool);
        fhir_scopes_add(&parts, &part, pool);
    }
    for (int i = 0; i < parts.n; i++)
        fhir_scopes_add(out, &parts.list[i], pool);
}

void fhir_scopes_within(fhir_scopes_t *out, const fhir_scopes_t *asked,
                        const fhir_scopes_t *allowed, apr_pool_t *pool)
{
    fhir_scopes_t all = {.ignored = ""}, result = {.ignored = asked->ignored};
    apr_size_t len = 0;
    for (int i = 0; i < asked->n; i++)
        within_one(&all, &asked->list[i], allowed, pool);
    /* no more than fhir_scopes_parse accepts */
    for (int i = 0; i < all.n && i < FHIR_SCOPES_MAX; i++) {
        len += strlen(all.list[i].text) + 1;
        if (len <= FHIR_SCOPE_TEXT_MAX)
            fhir_scopes_add(&result, &all.list[i], pool);
    }
    *out = result;
}

/* Is each condition of few among those of many? */
static int has_conditions(const char *many, const char *few)
{
    apr_size_t len;
    for (; *few; few += len + (few[len] == '&')) {
        const char *at = many;
        len = strcspn(few, "&");
        while (*at && (strcspn(at, "&") != len || strncmp(at, few, len) != 0))
            at += strcspn(at, "&") + (at[strcspn(at, "&")] == '&');
        if (!*at)
            return 0;
    }
    return 1;
}

/* Does one scope of many give this right? A scope with more conditions gives less. */
static int gives(const fhir_scopes_t *many, const fhir_scope_t *scope, unsigned right)
{
    for (int i = 0; i < many->n; i++) {
        const fhir_scope_t *m = &many->list[i];
        if (m->kind == scope->kind && (m->rights & right) &&
            (is_any(m->type) || !strcmp(m->type, scope->type)) &&
            (!m->query || (scope->query && has_conditions(scope->query, m->query))))
            return 1;
    }
    return 0;
}

int fhir_scopes_cover(const fhir_scopes_t *many, const fhir_scopes_t *few, const char **beyond)
{
    for (int i = 0; i < few->n; i++) {
        const fhir_scope_t *scope = &few->list[i];
        int covered = 1;
        *beyond = scope->text;
        if (scope->kind == FHIR_SCOPE_SPECIAL)
            covered = fhir_scopes_has(many, scope->word);
        else
            for (unsigned right = 1; right & ALL_RIGHTS; right <<= 1)
                if ((scope->rights & right) && !gives(many, scope, right))
                    covered = 0;
        if (!covered)
            return 0;
    }
    *beyond = NULL;
    return 1;
}

void fhir_scopes_filter(fhir_scopes_t *out, const fhir_scopes_t *in,
                        int (*drop)(const fhir_scope_t *scope, const void *baton),
                        const void *baton, apr_pool_t *pool)
{
    fhir_scopes_t result = {.ignored = in->ignored};
    for (int i = 0; i < in->n; i++)
        if (!drop(&in->list[i], baton))
            fhir_scopes_add(&result, &in->list[i], pool);
    *out = result;
}
