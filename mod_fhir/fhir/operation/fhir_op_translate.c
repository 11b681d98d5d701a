/* SPDX-License-Identifier: Apache-2.0 */
/*
 * $translate by stored ConceptMaps, or by one that was sent with the request.
 * Source: http://hl7.org/fhir/R4/conceptmap-operation-translate.html
 */
#include <apr_strings.h>

#include "core/fhir_text.h"
#include "fhir/operation/fhir_op_terms.h"
#include "fhir/query/fhir_grant.h"
#include "fhir/query/fhir_sql.h"

#define MAPS_MAX 100 /* maps that are tried when the request names none */

typedef struct translate_t {
    fhir_op_terms_t op;
    apr_array_header_t *codes; /* fhir_op_code_t */
    apr_array_header_t *maps;  /* const fhir_node_t *: ConceptMaps */
    const char *target_system, *source_set, *target_set;
    int reverse;
    int n_matches, found; /* found: some match is a translation */
} translate_t;

/* ---- which maps ---- */

static fhir_err_t *on_row(void *baton, const fhir_row_t *row)
{
    translate_t *t = baton;
    apr_pool_t *pool = t->op.call->pool;
    apr_size_t len = fhir_row_len(row, 0);
    fhir_node_t *root;

    FHIR_TRY(fhir_node_parse_json(&root, apr_pstrmemdup(pool, fhir_row_text(row, 0), len), len,
                                  FHIR_NODE_LIMITS_MOST, pool));
    APR_ARRAY_PUSH(t->maps, const fhir_node_t *) = root;
    return NULL;
}

/* All maps from the system of one of the codes; reverse: to that system. */
static fhir_err_t *load_fitting(translate_t *t)
{
    const fhir_call_t *call = t->op.call;
    const fhir_type_t *type = fhir_model_resource(call->stored, "ConceptMap", 10);
    const fhir_granted_t *granted;
    fhir_stmt_t stmt;

    for (int i = 0; i < t->codes->nelts; i++) {
        const fhir_op_code_t *code = &APR_ARRAY_IDX(t->codes, i, fhir_op_code_t);

        if (!code->system)
            continue;
        FHIR_TRY(fhir_grant_resolve(&granted, call, type));
        fhir_sql_t *sql = fhir_sql_create(call);
        fhir_buf_printf(sql->text, "SELECT t.resource FROM %s t WHERE t.%s @> ARRAY[",
                        fhir_call_table(call, type, ""),
                        t->reverse ? "target_system" : "source_system");
        fhir_sql_bind(sql, code->system, "text");
        fhir_buf_puts(sql->text, "]");
        fhir_grant_sql(sql, "t", granted, FHIR_RIGHT_READ);
        fhir_buf_printf(sql->text, " ORDER BY t.last_updated DESC LIMIT %d", MAPS_MAX);
        FHIR_TRY(fhir_sql_stmt(&stmt, sql, 0));
        FHIR_TRY(fhir_call_run(call, &stmt, fhir_sql_values(sql), on_row, t, NULL));
    }
    return NULL;
}

static fhir_err_t *find_maps(translate_t *t)
{
    fhir_call_t *call = t->op.call;
    fhir_terms_source_t source = fhir_op_terms_source(&t->op, "conceptMap", "url");
    const fhir_node_t *root = source.root;

    if (root && !fhir_node_is(fhir_node_get(root, "resourceType"), "ConceptMap"))
        return fhir_err_create(call->pool, FHIR_ERR_INVALID,
                               "The parameter conceptMap is not a ConceptMap");
    if (!root && !source.id && !source.url)
        return load_fitting(t);
    if (!root)
        FHIR_TRY(fhir_terms_load(&root, call, "ConceptMap", &source));
    if (!root)
        return source.id
                   ? fhir_err_create(call->pool, FHIR_ERR_NOT_FOUND, "There is no ConceptMap/%s",
                                     source.id)
                   : fhir_err_create(call->pool, FHIR_ERR_NOT_FOUND,
                                     "There is no ConceptMap with the URL \"%s\"",
                                     fhir_text_excerpt(source.url, strlen(source.url), call->pool));
    APR_ARRAY_PUSH(t->maps, const fhir_node_t *) = root;
    return NULL;
}

/* Does a map go between the value sets that were asked for? */
static int fits(const translate_t *t, const fhir_node_t *map)
{
    static const char *const members[2][2] = {{"sourceUri", "sourceCanonical"},
                                              {"targetUri", "targetCanonical"}};
    const char *sets[2] = {t->source_set, t->target_set};

    for (int i = 0; i < 2; i++) {
        const fhir_node_t *own = fhir_node_get(map, members[i][0]);

        if (!own)
            own = fhir_node_get(map, members[i][1]);
        if (sets[i] && !fhir_node_is(own, sets[i]))
            return 0;
    }
    return 1;
}

/* ---- matches ---- */

/* The relation, seen from the other side. */
static const char *turned(const char *equivalence)
{
    static const char *const pairs[][2] = {{"wider", "narrower"}, {"subsumes", "specializes"}};

    for (apr_size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        for (int k = 0; k < 2; k++)
            if (!strcmp(equivalence, pairs[i][k]))
                return pairs[i][!k];
    return equivalence;
}

static void put_match(translate_t *t, const fhir_node_t *map, const char *equivalence,
                      const char *system, const char *code, const char *display)
{
    fhir_buf_t *buf = t->op.buf;

    if (code && t->target_system && (!system || strcmp(system, t->target_system) != 0))
        return;
    t->n_matches++;
    t->found |=
        code && strcmp(equivalence, "unmatched") != 0 && strcmp(equivalence, "disjoint") != 0;
    fhir_buf_puts(buf, ",{\"name\":\"match\",\"part\":[");
    fhir_op_terms_put(buf, "equivalence", "Code", t->reverse ? turned(equivalence) : equivalence);
    if (code) {
        fhir_buf_puts(buf, ",{\"name\":\"concept\",\"valueCoding\":{");
        fhir_op_terms_member(buf, "system", system);
        fhir_op_terms_member(buf, "code", code);
        fhir_op_terms_member(buf, "display", display);
        fhir_buf_puts(buf, "}}");
    }
    fhir_op_terms_put(buf, "source", "Uri", fhir_node_string(map, "url", t->op.call->pool));
    fhir_buf_puts(buf, "]}");
}

static const char *equivalence_of(const fhir_node_t *target, apr_pool_t *pool)
{
    const char *said = fhir_node_string(target, "equivalence", pool);

    return said ? said : "relatedto";
}

/* The targets of an element of a group; reverse: the element, if one of its targets is the code. */
static int put_element(translate_t *t, const fhir_node_t *map, const fhir_node_t *group,
                       const fhir_node_t *element, const char *code)
{
    apr_pool_t *pool = t->op.call->pool;
    const fhir_node_t *list = fhir_node_get(element, "target");
    int before = t->n_matches;

    for (const fhir_node_t *target = list ? list->child : NULL; target; target = target->next) {
        if (t->reverse && fhir_node_is(fhir_node_get(target, "code"), code))
            put_match(t, map, equivalence_of(target, pool), fhir_node_string(group, "source", pool),
                      fhir_node_string(element, "code", pool),
                      fhir_node_string(element, "display", pool));
        else if (!t->reverse && fhir_node_is(fhir_node_get(element, "code"), code))
            put_match(t, map, equivalence_of(target, pool), fhir_node_string(group, "target", pool),
                      fhir_node_string(target, "code", pool),
                      fhir_node_string(target, "display", pool));
    }
    return t->n_matches > before;
}

static fhir_err_t *put_map(translate_t *t, const fhir_node_t *map, const fhir_op_code_t *code,
                           int follows);

/* What a group says of codes that it does not map. */
static fhir_err_t *put_unmapped(translate_t *t, const fhir_node_t *map, const fhir_node_t *group,
                                const fhir_op_code_t *code, int follows)
{
    const fhir_node_t *unmapped = fhir_node_get(group, "unmapped");
    const fhir_node_t *mode = fhir_node_get(unmapped, "mode"), *other = NULL;
    apr_pool_t *pool = t->op.call->pool;
    const char *system = fhir_node_string(group, "target", pool);

    if (!unmapped || t->reverse)
        return NULL;
    if (fhir_node_is(mode, "provided"))
        put_match(t, map, "equal", system, code->code, NULL);
    else if (fhir_node_is(mode, "fixed"))
        put_match(t, map, "inexact", system, fhir_node_string(unmapped, "code", pool),
                  fhir_node_string(unmapped, "display", pool));
    else if (follows && fhir_node_get(unmapped, "url")) {
        const fhir_terms_source_t source = {.url = fhir_node_string(unmapped, "url", pool)};

        FHIR_TRY(fhir_terms_load(&other, t->op.call, "ConceptMap", &source));
        if (other)
            return put_map(t, other, code, follows - 1);
    }
    return NULL;
}

/* @param follows how many further maps may be tried for unmapped codes */
static fhir_err_t *put_map(translate_t *t, const fhir_node_t *map, const fhir_op_code_t *code,
                           int follows)
{
    const fhir_node_t *groups = fhir_node_get(map, "group");

    for (const fhir_node_t *group = groups ? groups->child : NULL; group; group = group->next) {
        const fhir_node_t *own = fhir_node_get(group, t->reverse ? "target" : "source");
        const fhir_node_t *list = fhir_node_get(group, "element");
        int found = 0;

        if (!code->any_system && own && !fhir_node_is(own, code->system ? code->system : ""))
            continue;
        for (const fhir_node_t *e = list ? list->child : NULL; e; e = e->next)
            found |= put_element(t, map, group, e, code->code);
        if (!found)
            FHIR_TRY(put_unmapped(t, map, group, code, follows));
    }
    return NULL;
}

fhir_err_t *fhir_op_translate(fhir_call_t *call)
{
    static const char *const known[] = {
        "url",    "conceptMap", "conceptMapVersion", "code",   "system",       "version",
        "source", "coding",     "codeableConcept",   "target", "targetsystem", "reverse",
        NULL};
    translate_t t = {0};

    FHIR_TRY(fhir_op_terms_begin(&t.op, call, known));
    FHIR_TRY(fhir_op_terms_codes(&t.codes, &t.op, "", fhir_op_terms_text(&t.op, "system")));
    FHIR_TRY(fhir_op_terms_flag(&t.reverse, &t.op, "reverse"));
    if (!t.codes->nelts)
        return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                               "$translate needs code and system, coding or codeableConcept");
    t.target_system = fhir_op_terms_text(&t.op, "targetsystem");
    t.source_set = fhir_op_terms_text(&t.op, "source");
    t.target_set = fhir_op_terms_text(&t.op, "target");
    t.maps = apr_array_make(call->pool, 4, sizeof(const fhir_node_t *));
    FHIR_TRY(find_maps(&t));
    /* result and message come first, so the matches are collected separately */
    apr_size_t start = t.op.buf->len;
    for (int i = 0; i < t.maps->nelts; i++) {
        const fhir_node_t *map = APR_ARRAY_IDX(t.maps, i, const fhir_node_t *);

        for (int k = 0; fits(&t, map) && k < t.codes->nelts; k++)
            FHIR_TRY(put_map(&t, map, &APR_ARRAY_IDX(t.codes, k, fhir_op_code_t), 4));
    }
    const char *tail = apr_pstrmemdup(call->pool, t.op.buf->len ? t.op.buf->data + start : "",
                                      t.op.buf->len - start);
    t.op.buf->len = start;
    fhir_op_terms_answer(&t.op);
    fhir_op_terms_put(t.op.buf, "result", "Boolean", t.found ? "true" : "false");
    if (!t.found)
        fhir_op_terms_put(t.op.buf, "message", "String",
                          !t.maps->nelts
                              ? "No stored ConceptMap translates codes of this code system"
                          : !t.n_matches ? "No translation of the code is known"
                                         : "The code has no translation");
    fhir_buf_puts(t.op.buf, tail);
    return fhir_op_terms_end(&t.op);
}
