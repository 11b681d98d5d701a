/* SPDX-License-Identifier: Apache-2.0 */
/*
 * $expand, $validate-code and $lookup over the value sets that the model carries, and over stored
 * ValueSets that list their codes.
 * Source: http://hl7.org/fhir/R4/valueset-operation-expand.html,
 * valueset-operation-validate-code.html, codesystem-operation-lookup.html
 */
#include <apr_strings.h>
#include <stdlib.h>

#include "fhir/operation/fhir_operations.h"
#include "fhir/query/fhir_query.h"
#include "fhir/query/fhir_valueset.h"
#include "fhir/validate/fhir_terminology.h"

/* A value set with its codes, from the model or from a stored resource. */
typedef struct set_t {
    const char *url;
    apr_array_header_t *codes; /* of fhir_valueset_code_t */
} set_t;
typedef fhir_valueset_code_t code_t;

static void add_code(set_t *set, const char *system, const char *code, const char *display)
{
    code_t *out = apr_array_push(set->codes);
    out->system = system;
    out->code = code;
    out->display = display;
}

static fhir_err_t *no_set(const fhir_call_t *call, const char *url)
{
    return fhir_err_create(call->pool, FHIR_ERR_NOT_FOUND,
                           "The codes of value set \"%s\" are not known here; known are the value "
                           "sets that FHIR %s and US Core require, and stored ones that list their "
                           "codes",
                           url, call->spoken->label);
}

/* A set that profiles or extensible bindings name: codes without displays. Whole systems, whose
 * codes are not here, cannot be listed. */
static int from_profiles(set_t *set, const fhir_call_t *call, const char *url)
{
    const fhir_profiles_t *p = fhir_profiles_of(call->stored);
    apr_uint16_t found = p ? fhir_profiles_set(p, url, strlen(url)) : 0;
    const apr_uint16_t *parts;
    int n;
    if (!found)
        return 0;
    parts = fhir_profiles_run(&n, p, p->sets[found].parts);
    for (int i = 0; i < n; i++)
        if (p->parts[parts[i]].rest != FHIR_REST_OUT)
            return 0;
    for (int i = 0; i < n; i++) {
        const fhir_psetpart_t *part = &p->parts[parts[i]];
        for (int c = 0; c < part->n_code; c++)
            add_code(set, fhir_profiles_str(p, part->system),
                     fhir_profiles_str(p, p->codes[part->first_code + c]), NULL);
    }
    set->url = fhir_profiles_str(p, p->sets[found].url);
    return 1;
}

static int from_model(set_t *set, const fhir_call_t *call, const char *url)
{
    const fhir_model_t *m = call->stored;
    const fhir_valueset_t *found = fhir_terminology_valueset(m, url);
    if (!found || found->flags & FHIR_VS_OPEN)
        return from_profiles(set, call, url);
    set->url = fhir_model_str(m, found->url);
    for (apr_uint32_t i = 0; i < found->n_codes; i++) {
        const fhir_vscode_t *code = &m->codes[found->first_code + i];
        add_code(set, fhir_model_str(m, code->system), fhir_model_str(m, code->code),
                 fhir_model_str(m, code->display));
    }
    return 1;
}

static fhir_err_t *find_set(set_t *set, fhir_call_t *call, const char *url)
{
    fhir_node_t *root;
    const char *known;
    set->codes = apr_array_make(call->pool, 64, sizeof(code_t));
    set->url = url;
    if (!call->id && !url)
        return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                               "%s needs url, that of a value set", call->operation);
    if (!call->id && from_model(set, call, url))
        return NULL;
    FHIR_TRY(fhir_valueset_load(&root, call, call->id, url));
    if (!root)
        return call->id ? fhir_err_create(call->pool, FHIR_ERR_NOT_FOUND, "There is no ValueSet/%s",
                                          call->id)
                        : no_set(call, url);
    known = fhir_node_string(root, "url", call->pool);
    if (known && from_model(set, call, known))
        return NULL;
    set->url = known ? known : "";
    return fhir_valueset_list(set->codes, root, call->pool) ? NULL : no_set(call, set->url);
}

static void member(fhir_buf_t *buf, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    if (buf->data[buf->len - 1] != '{')
        fhir_buf_putc(buf, ',');
    fhir_buf_printf(buf, "\"%s\":", name);
    fhir_buf_json_string(buf, value, strlen(value));
}

static int contains(const char *text, const char *part)
{
    return !part || (text && strcasestr(text, part) != NULL);
}

/* A whole number, or what holds without the parameter. */
static fhir_err_t *take_whole(int *out, const fhir_call_t *call, const fhir_pairs_t *pairs,
                              const char *name, int otherwise)
{
    const char *value = fhir_pairs_get(pairs, name);
    *out = value ? atoi(value) : otherwise;
    if (!value || (*value && strlen(value) < 10 && strspn(value, "0123456789") == strlen(value)))
        return NULL;
    return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                           "\"%s\" is no value for %s, which accepts a whole number", value, name);
}

/* What made the expansion different, as the specification asks. */
static void put_parameters(fhir_buf_t *buf, const fhir_pairs_t *pairs)
{
    static const char *const names[] = {"filter", "offset", "count"};
    const char *before = "\"parameter\":[";
    for (apr_size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const char *value = fhir_pairs_get(pairs, names[i]);
        if (!value)
            continue;
        fhir_buf_printf(buf, "%s{\"name\":\"%s\",\"value%s\":", before, names[i],
                        i ? "Integer" : "String");
        if (i)
            fhir_buf_printf(buf, "%d", atoi(value));
        else
            fhir_buf_json_string(buf, value, strlen(value));
        fhir_buf_putc(buf, '}');
        before = ",";
    }
    fhir_buf_puts(buf, *before == ',' ? "]," : "");
}

fhir_err_t *fhir_op_expand(fhir_call_t *call)
{
    static const char *const known[] = {"url", "filter", "offset", "count", NULL};
    fhir_buf_t *buf = fhir_buf_create(call->pool, 0);
    fhir_pairs_t pairs;
    char now[25];
    const char *filter;
    int from, most, total = 0, shown = 0;
    set_t set;
    FHIR_TRY(fhir_operation_pairs(&pairs, call));
    FHIR_TRY(fhir_operation_check(call, &pairs, known));
    FHIR_TRY(take_whole(&from, call, &pairs, "offset", 0));
    FHIR_TRY(take_whole(&most, call, &pairs, "count", 1000000));
    FHIR_TRY(find_set(&set, call, fhir_pairs_get(&pairs, "url")));
    filter = fhir_pairs_get(&pairs, "filter");
    fhir_time_now(now, &(apr_int64_t){0});
    fhir_buf_puts(buf, "{\"resourceType\":\"ValueSet\"");
    member(buf, "url", set.url);
    fhir_buf_printf(buf, ",\"status\":\"active\",\"expansion\":{\"timestamp\":\"%s\",", now);
    put_parameters(buf, &pairs);
    fhir_buf_puts(buf, "\"contains\":[");
    for (int i = 0; i < set.codes->nelts; i++) {
        const code_t *c = &APR_ARRAY_IDX(set.codes, i, code_t);
        if (!contains(c->display, filter) && !contains(c->code, filter))
            continue;
        if (total++ < from || shown >= most)
            continue;
        fhir_buf_puts(buf, shown++ ? ",{" : "{");
        member(buf, "system", c->system);
        member(buf, "code", c->code);
        member(buf, "display", c->display);
        fhir_buf_putc(buf, '}');
    }
    if (!shown) /* an empty list is none */
        buf->len -= strlen("\"contains\":[");
    fhir_buf_printf(buf, "%s\"offset\":%d,\"total\":%d}}", shown ? "]," : "", from, total);
    return fhir_call_resource(call, 200, buf->data, buf->len);
}

/* The codes that are asked about: code with system, or codings in the form of search values. The
 * version of a system is not looked at. */
static fhir_err_t *take_codes(apr_array_header_t **out, const fhir_call_t *call,
                              const fhir_pairs_t *pairs)
{
    const char *coding = fhir_pairs_get(pairs, "coding"), *code = fhir_pairs_get(pairs, "code");
    const char *display = fhir_pairs_get(pairs, "display");
    fhir_qnode_t *node = fhir_query_node(call, FHIR_Q_TEST, call->type);
    *out = apr_array_make(call->pool, 2, sizeof(code_t));
    if (!coding)
        coding = fhir_pairs_get(pairs, "codeableConcept");
    if (!coding && code) {
        APR_ARRAY_PUSH(*out, code_t) = (code_t){fhir_pairs_get(pairs, "system"), code, display};
        return NULL;
    }
    if (!coding)
        return NULL;
    node->param = fhir_query_param(call, call->type, "_tag", 4); /* a token like any */
    FHIR_TRY(fhir_query_values(node, call, "coding", coding));
    for (int i = 0; i < node->n_values; i++) {
        const fhir_qvalue_t *value = &node->values[i];
        const char *system = value->system && *value->system ? value->system : NULL;
        if (value->code)
            APR_ARRAY_PUSH(*out, code_t) = (code_t){system, value->code, display};
    }
    return NULL;
}

static const code_t *find_code(const set_t *set, const code_t *wanted)
{
    for (int i = 0; i < set->codes->nelts; i++) {
        const code_t *c = &APR_ARRAY_IDX(set->codes, i, code_t);
        if (c->code && !strcmp(c->code, wanted->code) &&
            (!wanted->system || (c->system && !strcmp(c->system, wanted->system))))
            return c;
    }
    return NULL;
}

static void parameter(fhir_buf_t *buf, const char *name, const char *type, const char *value)
{
    if (!value || !*value)
        return;
    fhir_buf_printf(buf,
                    "%s{\"name\":\"%s\",\"value%s\":", buf->data[buf->len - 1] == '[' ? "" : ",",
                    name, type);
    if (!strcmp(type, "Boolean"))
        fhir_buf_puts(buf, value);
    else
        fhir_buf_json_string(buf, value, strlen(value));
    fhir_buf_putc(buf, '}');
}

fhir_err_t *fhir_op_validate_code(fhir_call_t *call)
{
    static const char *const known[] = {
        "url", "code", "system", "display", "coding", "codeableConcept", NULL};
    fhir_buf_t *buf = fhir_buf_create(call->pool, 64 * 1024);
    fhir_pairs_t pairs;
    apr_array_header_t *codes;
    const code_t *wanted = NULL, *found = NULL;
    const char *message = NULL;
    set_t set;
    FHIR_TRY(fhir_operation_pairs(&pairs, call));
    FHIR_TRY(fhir_operation_check(call, &pairs, known));
    FHIR_TRY(take_codes(&codes, call, &pairs));
    if (!codes->nelts)
        return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                               "$validate-code needs code (and system), coding or codeableConcept");
    FHIR_TRY(find_set(&set, call, fhir_pairs_get(&pairs, "url")));
    for (int i = 0; i < codes->nelts && !found; i++) { /* one of a concept's codings is enough */
        wanted = &APR_ARRAY_IDX(codes, i, code_t);
        found = find_code(&set, wanted);
    }
    if (!found)
        message = apr_psprintf(call->pool, "\"%s\" is not in the value set", wanted->code);
    else if (wanted->display && found->display && strcasecmp(wanted->display, found->display))
        message = apr_psprintf(call->pool, "The display of this code is \"%s\"", found->display);
    fhir_buf_puts(buf, "{\"resourceType\":\"Parameters\",\"parameter\":[");
    parameter(buf, "result", "Boolean", message ? "false" : "true");
    parameter(buf, "message", "String", message);
    parameter(buf, "display", "String", found ? found->display : NULL);
    fhir_buf_puts(buf, "]}");
    return fhir_call_resource(call, 200, buf->data, buf->len);
}

/* 1 if a hierarchy has the code. */
static int in_system(const fhir_profiles_t *p, const code_t *wanted)
{
    const fhir_psystem_t *system = fhir_terminology_system(p, wanted->system);
    for (int i = 0; system && i < system->n; i++)
        if (!strcmp(fhir_profiles_str(p, p->concepts[system->first + i].code), wanted->code))
            return 1;
    return 0;
}

/* 1 if one of the sets that profiles name lists the code. */
static int in_sets(const fhir_profiles_t *p, const code_t *wanted)
{
    for (int s = 1; s <= p->n_sets; s++) {
        int n;
        const apr_uint16_t *parts = fhir_profiles_run(&n, p, p->sets[s].parts);
        for (int i = 0; i < n; i++) {
            const fhir_psetpart_t *part = &p->parts[parts[i]];
            if (part->rest != FHIR_REST_OUT ||
                strcmp(fhir_profiles_str(p, part->system), wanted->system))
                continue;
            for (int c = 0; c < part->n_code; c++)
                if (!strcmp(fhir_profiles_str(p, p->codes[part->first_code + c]), wanted->code))
                    return 1;
        }
    }
    return 0;
}

/* The display of a code that the model carries, the code itself where it has none, or NULL. */
static const char *display_of(const fhir_call_t *call, const code_t *wanted)
{
    const fhir_model_t *m = call->stored;
    const fhir_profiles_t *p = fhir_profiles_of(m);
    for (apr_uint32_t i = 0; i < m->n_codes; i++)
        if (!strcmp(fhir_model_str(m, m->codes[i].code), wanted->code) &&
            !strcmp(fhir_model_str(m, m->codes[i].system), wanted->system))
            return m->codes[i].display ? fhir_model_str(m, m->codes[i].display) : wanted->code;
    return p && (in_system(p, wanted) || in_sets(p, wanted)) ? wanted->code : NULL;
}

fhir_err_t *fhir_op_lookup(fhir_call_t *call)
{
    static const char *const known[] = {"code", "system", "coding", "version", "property", NULL};
    fhir_buf_t *buf = fhir_buf_create(call->pool, 64 * 1024);
    fhir_pairs_t pairs;
    apr_array_header_t *codes;
    const code_t *wanted;
    const char *display;
    FHIR_TRY(fhir_operation_pairs(&pairs, call));
    FHIR_TRY(fhir_operation_check(call, &pairs, known));
    FHIR_TRY(take_codes(&codes, call, &pairs));
    wanted = &APR_ARRAY_IDX(codes, 0, code_t);
    if (codes->nelts != 1 || !wanted->system)
        return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                               "$lookup needs system and code, or coding");
    display = display_of(call, wanted);
    if (!display)
        return fhir_err_create(call->pool, FHIR_ERR_NOT_FOUND, "%s|%s is not known here",
                               wanted->system, wanted->code);
    fhir_buf_puts(buf, "{\"resourceType\":\"Parameters\",\"parameter\":[");
    parameter(buf, "name", "String", wanted->system);
    parameter(buf, "display", "String", display);
    fhir_buf_puts(buf, "]}");
    return fhir_call_resource(call, 200, buf->data, buf->len);
}
