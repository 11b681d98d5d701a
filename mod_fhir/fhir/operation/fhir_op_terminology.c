/* SPDX-License-Identifier: Apache-2.0 */
/*
 * $expand and $validate-code of value sets: compiled in, stored, or sent with the request.
 * Source: http://hl7.org/fhir/R4/valueset-operation-expand.html,
 * valueset-operation-validate-code.html
 */
#include <apr_strings.h>
#include <stdlib.h>

#include "core/fhir_text.h"
#include "core/fhir_time.h"
#include "fhir/operation/fhir_op_terms.h"
#include "fhir/validate/fhir_terminology.h"

static fhir_err_t *find_set(const fhir_conceptset_t **set, fhir_op_terms_t *op)
{
    fhir_terms_source_t source = fhir_op_terms_source(op, "valueSet", "url");
    fhir_call_t *call = op->call;

    if (source.root && !fhir_node_is(fhir_node_get(source.root, "resourceType"), "ValueSet"))
        return fhir_err_create(call->pool, FHIR_ERR_INVALID,
                               "The parameter valueSet is not a ValueSet");
    if (!source.root && !source.id && !source.url)
        return fhir_err_create(
            call->pool, FHIR_ERR_PARAM_VALUE,
            "%s needs url, the URL of a value set, or valueSet, the resource itself",
            call->operation);
    FHIR_TRY(fhir_terms_set(set, op->terms, &source));
    if (*set)
        return NULL;
    return source.id
               ? fhir_err_create(call->pool, FHIR_ERR_NOT_FOUND, "There is no ValueSet/%s",
                                 source.id)
               : fhir_err_create(call->pool, FHIR_ERR_NOT_FOUND,
                                 "The server does not know the value set \"%s\"; it knows those "
                                 "that FHIR %s and US Core define, and stored ones",
                                 fhir_text_excerpt(source.url, strlen(source.url), call->pool),
                                 call->spoken->label);
}

/* The error for a set that has codes which the server does not know. */
static fhir_err_t *unlisted(const fhir_op_terms_t *op, const fhir_conceptset_t *set,
                            const fhir_rests_t *rest)
{
    return fhir_err_create(
        op->call->pool, FHIR_ERR_NOT_FOUND,
        "The codes of value set \"%s\" are not all known here: it takes %s%s, which %s",
        set->url ? set->url : "", rest->system ? "codes of " : "codes from elsewhere",
        rest->system ? rest->system : "",
        rest->system ? "is no code system whose codes are all here" : "are not here");
}

/* ---- $expand ---- */

typedef struct expand_t {
    fhir_op_terms_t op;
    const char *filter; /* folded, or NULL */
    int from, most, designations, active, no_abstract;
    int total, shown;
} expand_t;

/* A whole number, or the default when the parameter is absent. */
static fhir_err_t *take_whole(int *out, const fhir_op_terms_t *op, const char *name, int otherwise)
{
    const char *value = fhir_pairs_get(&op->pairs, name);

    *out = value ? atoi(value) : otherwise;
    if (!value || (*value && strlen(value) < 10 && strspn(value, "0123456789") == strlen(value)))
        return NULL;
    return fhir_err_create(op->call->pool, FHIR_ERR_PARAM_VALUE,
                           "\"%s\" is not a valid value for %s, which accepts a whole number",
                           fhir_text_excerpt(value, strlen(value), op->call->pool), name);
}

static const char *folded(const char *text, apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);

    fhir_text_fold(buf, text, strlen(text));
    return fhir_buf_cstr(buf);
}

/* 1 if each word of the filter is somewhere in the text. */
static int has_words(const char *text, const char *filter, apr_pool_t *pool)
{
    char *state, *words = apr_pstrdup(pool, filter);

    for (char *word = apr_strtok(words, " ", &state); word; word = apr_strtok(NULL, " ", &state))
        if (!strstr(text, word))
            return 0;
    return 1;
}

static int is_shown(const expand_t *x, const fhir_concept_t *c, const char *display,
                    apr_pool_t *pool)
{
    if (!c || (x->active && c->inactive) || (x->no_abstract && c->abstract))
        return 0;
    return !x->filter || (display && has_words(folded(display, pool), x->filter, pool)) ||
           has_words(folded(c->code, pool), x->filter, pool);
}

/* The parameters that changed the expansion, which the specification wants in the response. */
static void put_parameters(expand_t *x)
{
    static const struct {
        const char *name, *type;
    } told[] = {
        {"filter", "String"},        {"offset", "Integer"},
        {"count", "Integer"},        {"includeDesignations", "Boolean"},
        {"activeOnly", "Boolean"},   {"excludeNotForUI", "Boolean"},
        {"displayLanguage", "Code"},
    };
    fhir_buf_t *buf = x->op.buf;
    const char *before = "\"parameter\":[";

    for (apr_size_t i = 0; i < sizeof(told) / sizeof(*told); i++) {
        const char *value = fhir_op_terms_text(&x->op, told[i].name);

        if (!value)
            continue;
        fhir_buf_printf(buf, "%s{\"name\":\"%s\",\"value%s\":", before, told[i].name, told[i].type);
        if (!strcmp(told[i].type, "Integer"))
            fhir_buf_printf(buf, "%d", atoi(value));
        else if (!strcmp(told[i].type, "Boolean"))
            fhir_buf_puts(buf, value);
        else
            fhir_buf_json_string(buf, value, strlen(value));
        fhir_buf_putc(buf, '}');
        before = ",";
    }
    fhir_buf_puts(buf, *before == ',' ? "]," : "");
}

static const char *put_designations(fhir_buf_t *buf, const fhir_node_t *concept, const char *before)
{
    const fhir_node_t *list = fhir_node_get(concept, "designation");

    for (const fhir_node_t *d = list ? list->child : NULL; d; d = d->next) {
        fhir_buf_puts(buf, before);
        fhir_node_write_json(buf, d, 0);
        before = ",";
    }
    return before;
}

static void put_concept(expand_t *x, const fhir_concept_t *c, const char *display)
{
    fhir_buf_t *buf = x->op.buf;

    fhir_buf_puts(buf, x->shown++ ? ",{" : "{");
    fhir_op_terms_member(buf, "system", c->system);
    if (c->abstract)
        fhir_buf_printf(buf, "%s\"abstract\":true", buf->data[buf->len - 1] == '{' ? "" : ",");
    if (c->inactive)
        fhir_buf_printf(buf, "%s\"inactive\":true", buf->data[buf->len - 1] == '{' ? "" : ",");
    fhir_op_terms_member(buf, "code", c->code);
    fhir_op_terms_member(buf, "display", display);
    if (x->designations) {
        const char *before = put_designations(buf, c->listed, ",\"designation\":[");

        before = put_designations(buf, c->defined, before);
        fhir_buf_puts(buf, strcmp(before, ",") ? "" : "]");
    }
    fhir_buf_putc(buf, '}');
}

static void put_concepts(expand_t *x, const fhir_conceptset_t *set)
{
    apr_pool_t *scratch;

    apr_pool_create(&scratch, x->op.call->pool);
    fhir_buf_puts(x->op.buf, "\"contains\":[");
    for (int i = 0; i < set->concepts->nelts; i++) {
        const fhir_concept_t *c = APR_ARRAY_IDX(set->concepts, i, const fhir_concept_t *);
        const char *display = c ? fhir_terms_display(c, x->op.language, scratch) : NULL;

        if (is_shown(x, c, display, scratch) && x->total++ >= x->from && x->shown < x->most)
            put_concept(x, c, display);
        apr_pool_clear(scratch);
    }
    apr_pool_destroy(scratch);
    if (!x->shown) /* an empty list is none */
        x->op.buf->len -= strlen("\"contains\":[");
}

fhir_err_t *fhir_op_expand(fhir_call_t *call)
{
    static const char *const known[] = {
        "url",        "valueSet",      "valueSetVersion",     "filter",
        "offset",     "count",         "includeDesignations", "includeDefinition",
        "activeOnly", "excludeNested", "excludeNotForUI",     "displayLanguage",
        NULL};
    expand_t x = {0};

    FHIR_TRY(fhir_op_terms_begin(&x.op, call, known));
    FHIR_TRY(take_whole(&x.from, &x.op, "offset", 0));
    FHIR_TRY(take_whole(&x.most, &x.op, "count", APR_INT32_MAX));
    FHIR_TRY(fhir_op_terms_flag(&x.designations, &x.op, "includeDesignations"));
    FHIR_TRY(fhir_op_terms_flag(&x.active, &x.op, "activeOnly"));
    FHIR_TRY(fhir_op_terms_flag(&x.no_abstract, &x.op, "excludeNotForUI"));
    const fhir_conceptset_t *set;
    FHIR_TRY(find_set(&set, &x.op));
    if (fhir_terms_unlisted(set))
        return unlisted(&x.op, set, fhir_terms_unlisted(set));
    const char *filter = fhir_op_terms_text(&x.op, "filter");
    x.filter = filter ? folded(filter, call->pool) : NULL;
    char now[25];
    fhir_time_now(now, &(apr_int64_t){0});
    fhir_buf_puts(x.op.buf, "{\"resourceType\":\"ValueSet\"");
    fhir_op_terms_member(x.op.buf, "url", set->url);
    fhir_op_terms_member(x.op.buf, "version", set->version);
    fhir_op_terms_member(x.op.buf, "name", set->name);
    fhir_op_terms_member(x.op.buf, "title", set->title);
    fhir_buf_printf(x.op.buf, ",\"status\":\"active\",\"expansion\":{\"timestamp\":\"%s\",", now);
    put_parameters(&x);
    put_concepts(&x, set);
    fhir_buf_printf(x.op.buf, "%s\"offset\":%d,\"total\":%d}}", x.shown ? "]," : "", x.from,
                    x.total);
    return fhir_call_built(call, 200, x.op.buf);
}

/* ---- $validate-code ---- */

fhir_err_t *fhir_op_validate_code(fhir_call_t *call)
{
    static const char *const known[] = {
        "url",     "valueSet", "valueSetVersion", "code",     "system",          "systemVersion",
        "display", "coding",   "codeableConcept", "abstract", "displayLanguage", NULL};
    const fhir_op_code_t *wanted = NULL;
    const fhir_concept_t *found = NULL;
    fhir_member_t member = FHIR_MEMBER_NO;
    int unknown = 0;
    fhir_op_terms_t op;

    FHIR_TRY(fhir_op_terms_begin(&op, call, known));
    apr_array_header_t *codes;
    FHIR_TRY(fhir_op_terms_codes(&codes, &op, "", fhir_op_terms_text(&op, "system")));
    if (!codes->nelts)
        return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                               "$validate-code needs code (and system), coding or codeableConcept");
    const fhir_conceptset_t *set;
    FHIR_TRY(find_set(&set, &op));
    for (int i = 0; i < codes->nelts && member != FHIR_MEMBER_YES;
         i++) { /* one valid coding is enough */
        wanted = &APR_ARRAY_IDX(codes, i, fhir_op_code_t);
        member = fhir_terms_member(&found, set,
                                   wanted->any_system ? NULL
                                   : wanted->system   ? wanted->system
                                                      : "",
                                   wanted->code);
        unknown |= member == FHIR_MEMBER_UNKNOWN;
    }
    if (member == FHIR_MEMBER_YES &&
        !found && /* it belongs to a system whose codes the server does not have */
        !fhir_terminology_is_no_code(wanted->system, wanted->code))
        found = apr_pmemdup(call->pool,
                            &(fhir_concept_t){.system = wanted->system, .code = wanted->code},
                            sizeof(*found));
    if (member != FHIR_MEMBER_YES && unknown)
        return unlisted(&op, set, fhir_terms_unlisted(set));
    return fhir_op_terms_verdict(&op, wanted, found, "the value set");
}
