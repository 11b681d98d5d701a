/* SPDX-License-Identifier: Apache-2.0 */
/*
 * $lookup, $validate-code and $subsumes of code systems: compiled in, stored, or sent with the
 * request.
 * Source: http://hl7.org/fhir/R4/codesystem-operation-lookup.html,
 * codesystem-operation-validate-code.html, codesystem-operation-subsumes.html
 */
#include <apr_strings.h>

#include "core/fhir_text.h"
#include "fhir/operation/fhir_op_terms.h"

static const char *short_text(const fhir_op_terms_t *op, const char *text)
{
    return fhir_text_excerpt(text, strlen(text), op->call->pool);
}

/* The code system of an operation: by instance, by url_name, or the parameter codeSystem. */
static fhir_err_t *find_system(const fhir_codesystem_t **system, fhir_op_terms_t *op,
                               const char *url_name, const char *url)
{
    fhir_terms_source_t source = fhir_op_terms_source(op, "codeSystem", url_name);
    fhir_call_t *call = op->call;

    if (source.root && !fhir_node_is(fhir_node_get(source.root, "resourceType"), "CodeSystem"))
        return fhir_err_create(call->pool, FHIR_ERR_INVALID,
                               "The parameter codeSystem is not a CodeSystem");
    if (!source.root && !source.id && !source.url)
        source.url = url;
    if (!source.root && !source.id && !source.url)
        return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                               "%s needs %s, that of a code system", call->operation, url_name);
    FHIR_TRY(fhir_terms_system(system, op->terms, &source));
    if (*system)
        return NULL;
    return source.root ? fhir_err_create(call->pool, FHIR_ERR_NOT_FOUND,
                                         "The CodeSystem does not have all its codes: its content "
                                         "is not \"complete\"")
           : source.id
               ? fhir_err_create(call->pool, FHIR_ERR_NOT_FOUND,
                                 "There is no CodeSystem/%s that has all its codes", source.id)
               : fhir_err_create(call->pool, FHIR_ERR_NOT_FOUND,
                                 "The server does not know the codes of the code system \"%s\"; it "
                                 "knows those that FHIR %s and US Core define in full, and stored "
                                 "ones with the content complete",
                                 short_text(op, source.url), call->spoken->label);
}

/* ---- $validate-code ---- */

fhir_err_t *fhir_op_system_validate_code(fhir_call_t *call)
{
    static const char *const known[] = {
        "url",    "codeSystem",      "code",     "version",         "display",
        "coding", "codeableConcept", "abstract", "displayLanguage", NULL};
    const fhir_concept_t *found = NULL;
    const fhir_op_code_t *wanted = NULL;
    fhir_op_terms_t op;

    FHIR_TRY(fhir_op_terms_begin(&op, call, known));
    apr_array_header_t *codes;
    FHIR_TRY(fhir_op_terms_codes(&codes, &op, "", fhir_op_terms_text(&op, "url")));
    if (!codes->nelts)
        return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                               "$validate-code needs code, coding or codeableConcept");
    const char *own = APR_ARRAY_IDX(codes, 0, fhir_op_code_t).system;
    const fhir_codesystem_t *system;
    FHIR_TRY(find_system(&system, &op, "url", own));
    for (int i = 0; i < codes->nelts && !found; i++) { /* one valid coding is enough */
        wanted = &APR_ARRAY_IDX(codes, i, fhir_op_code_t);
        if (wanted->any_system ||
            (wanted->system && system->url && !strcmp(wanted->system, system->url)))
            found = fhir_terms_concept(NULL, system, wanted->code);
    }
    return fhir_op_terms_verdict(&op, wanted, found, "the code system");
}

/* ---- $lookup ---- */

/* When the code system is incomplete here, a compiled-in value set may still list the code. */
static const char *listed_display(const fhir_profiles_t *p, const fhir_op_code_t *wanted)
{
    for (int s = 1; p && s <= p->n_sets; s++) {
        int n;
        const apr_uint16_t *parts = fhir_profiles_run(&n, p, p->sets[s].parts);

        for (int i = 0; i < n; i++) {
            const fhir_psetpart_t *part = &p->parts[parts[i]];

            if (strcmp(fhir_profiles_str(p, part->system), wanted->system))
                continue;
            for (int c = 0; c < part->n_code; c++) {
                const fhir_pcode_t *code = &p->codes[part->first_code + c];

                if (code->display && !strcmp(fhir_profiles_str(p, code->code), wanted->code))
                    return fhir_profiles_str(p, code->display);
            }
        }
    }
    return NULL;
}

static int asks_for(const fhir_op_terms_t *op, const char *property)
{
    int asked = 0;

    for (int i = 0; i < op->pairs.n; i++) {
        if (strcmp(op->pairs.list[i].name, "property") != 0)
            continue;
        asked = 1;
        if (!strcmp(op->pairs.list[i].value, property))
            return 1;
    }
    return !asked;
}

static void put_property(fhir_op_terms_t *op, const char *code, const char *type, const char *value)
{
    if (!value || !asks_for(op, code))
        return;
    fhir_buf_puts(op->buf, ",{\"name\":\"property\",\"part\":[");
    fhir_op_terms_put(op->buf, "code", "Code", code);
    fhir_op_terms_put(op->buf, "value", type, value);
    fhir_buf_puts(op->buf, "]}");
}

/* A property with its code, and a value of the type that the CodeSystem uses. */
static void put_defined(fhir_op_terms_t *op, const fhir_node_t *property)
{
    const char *code = fhir_node_string(property, "code", op->call->pool);

    if (!code || !asks_for(op, code))
        return;
    for (const fhir_node_t *m = property->child; m; m = m->next) {
        if (m->name_len <= 5 || memcmp(m->name, "value", 5) != 0)
            continue;
        fhir_buf_puts(op->buf, ",{\"name\":\"property\",\"part\":[");
        fhir_op_terms_put(op->buf, "code", "Code", code);
        fhir_buf_printf(op->buf, ",{\"name\":\"value\",\"%.*s\":", (int)m->name_len, m->name);
        fhir_node_write_json(op->buf, m, 0);
        fhir_buf_puts(op->buf, "}]}");
    }
}

static void put_kin(fhir_op_terms_t *op, const fhir_codesystem_t *system, int index)
{
    static const char *const names[] = {"parent", "child"};
    const fhir_kin_t *kin[] = {&system->above, &system->below};

    for (int k = 0; k < 2; k++)
        for (int i = kin[k]->first[index]; i < kin[k]->first[index + 1]; i++)
            put_property(
                op, names[k], "Code",
                APR_ARRAY_IDX(system->concepts, kin[k]->list[i], const fhir_concept_t *)->code);
}

static void put_designations(fhir_op_terms_t *op, const fhir_node_t *concept)
{
    const fhir_node_t *list = fhir_node_get(concept, "designation");

    for (const fhir_node_t *d = list ? list->child : NULL; d; d = d->next) {
        apr_pool_t *pool = op->call->pool;

        if (!asks_for(op, "designation"))
            return;
        fhir_buf_puts(op->buf, ",{\"name\":\"designation\",\"part\":[");
        fhir_op_terms_put(op->buf, "language", "Code", fhir_node_string(d, "language", pool));
        if (fhir_node_get(d, "use")) {
            fhir_buf_printf(op->buf, "%s{\"name\":\"use\",\"valueCoding\":",
                            op->buf->data[op->buf->len - 1] == '[' ? "" : ",");
            fhir_node_write_json(op->buf, fhir_node_get(d, "use"), 0);
            fhir_buf_putc(op->buf, '}');
        }
        fhir_op_terms_put(op->buf, "value", "String", fhir_node_string(d, "value", pool));
        fhir_buf_puts(op->buf, "]}");
    }
}

static void put_found(fhir_op_terms_t *op, const fhir_codesystem_t *system,
                      const fhir_concept_t *found, int index)
{
    const fhir_node_t *list = fhir_node_get(found->defined, "property");
    const char *display = fhir_terms_display(found, op->language, op->call->pool);

    fhir_op_terms_put(op->buf, "name", "String",
                      system->name && *system->name ? system->name : system->url);
    fhir_op_terms_put(op->buf, "version", "String", system->version);
    fhir_op_terms_put(op->buf, "display", "String", display ? display : found->code);
    put_designations(op, found->defined);
    put_property(op, "definition", "String",
                 fhir_node_string(found->defined, "definition", op->call->pool));
    if (found->inactive && !found->defined)
        put_property(op, "inactive", "Boolean", "true");
    if (found->abstract && !found->defined)
        put_property(op, "notSelectable", "Boolean", "true");
    put_kin(op, system, index);
    for (const fhir_node_t *p = list ? list->child : NULL; p; p = p->next) {
        const fhir_node_t *code = fhir_node_get(p, "code");

        if (!fhir_node_is(code, "parent") &&
            !fhir_node_is(code, "child")) /* it is in the response already */
            put_defined(op, p);
    }
}

fhir_err_t *fhir_op_lookup(fhir_call_t *call)
{
    static const char *const known[] = {"code", "system",   "coding",          "version",
                                        "date", "property", "displayLanguage", NULL};
    fhir_op_terms_t op;

    FHIR_TRY(fhir_op_terms_begin(&op, call, known));
    apr_array_header_t *codes;
    FHIR_TRY(fhir_op_terms_codes(&codes, &op, "", fhir_op_terms_text(&op, "system")));
    const fhir_op_code_t *wanted = &APR_ARRAY_IDX(codes, 0, fhir_op_code_t);
    if (codes->nelts != 1 || !wanted->system)
        return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                               "$lookup needs system and code, or coding");
    const fhir_codesystem_t *system;
    FHIR_TRY(fhir_terms_system(&system, op.terms, &(fhir_terms_source_t){.url = wanted->system}));
    int index;
    const fhir_concept_t *found = system ? fhir_terms_concept(&index, system, wanted->code) : NULL;
    const char *display = system ? NULL : listed_display(fhir_profiles_of(call->stored), wanted);
    if (!found && !display)
        return fhir_err_create(call->pool, FHIR_ERR_NOT_FOUND, "%s|%s is not known here",
                               short_text(&op, wanted->system), short_text(&op, wanted->code));
    fhir_op_terms_answer(&op);
    if (found) {
        put_found(&op, system, found, index);
    }
    else {
        fhir_op_terms_put(op.buf, "name", "String", wanted->system);
        fhir_op_terms_put(op.buf, "display", "String", display);
    }
    return fhir_op_terms_end(&op);
}

/* ---- $subsumes ---- */

static fhir_err_t *take_code(const fhir_op_code_t **code, const fhir_op_terms_t *op,
                             const char *suffix)
{
    apr_array_header_t *codes;

    FHIR_TRY(fhir_op_terms_codes(&codes, op, suffix, fhir_op_terms_text(op, "system")));
    *code = &APR_ARRAY_IDX(codes, 0, fhir_op_code_t);
    return codes->nelts == 1
               ? NULL
               : fhir_err_create(op->call->pool, FHIR_ERR_PARAM_VALUE,
                                 "$subsumes needs code%s or coding%s", suffix, suffix);
}

static fhir_err_t *find_code(int *index, const fhir_op_terms_t *op, const fhir_codesystem_t *system,
                             const fhir_op_code_t *code)
{
    const char *url = system->url ? system->url : "";

    if ((!code->system || !strcmp(code->system, url)) &&
        fhir_terms_concept(index, system, code->code))
        return NULL;
    return fhir_err_create(op->call->pool, FHIR_ERR_NOT_FOUND,
                           "The code system %s has no code \"%s\"%s%s", url,
                           short_text(op, code->code), code->system ? " of " : "",
                           code->system ? short_text(op, code->system) : "");
}

fhir_err_t *fhir_op_subsumes(fhir_call_t *call)
{
    static const char *const known[] = {"codeA",   "codeB",   "system", "version",
                                        "codingA", "codingB", NULL};
    fhir_op_terms_t op;

    FHIR_TRY(fhir_op_terms_begin(&op, call, known));
    const fhir_op_code_t *a;
    FHIR_TRY(take_code(&a, &op, "A"));
    const fhir_op_code_t *b;
    FHIR_TRY(take_code(&b, &op, "B"));
    const fhir_codesystem_t *system;
    FHIR_TRY(find_system(&system, &op, "system", a->system ? a->system : b->system));
    int at_a;
    FHIR_TRY(find_code(&at_a, &op, system, a));
    int at_b;
    FHIR_TRY(find_code(&at_b, &op, system, b));
    fhir_op_terms_answer(&op);
    fhir_op_terms_put(op.buf, "outcome", "Code",
                      at_a == at_b                                      ? "equivalent"
                      : fhir_terms_is_a(system, at_b, at_a, call->pool) ? "subsumes"
                      : fhir_terms_is_a(system, at_a, at_b, call->pool) ? "subsumed-by"
                                                                        : "not-subsumed");
    return fhir_op_terms_end(&op);
}
