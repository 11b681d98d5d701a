/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CapabilityStatement: rows of the routing table, the operations, and the search parameters,
 * references and compartments of the model, as far as the endpoint offers them; and beside each
 * what the releases of US Core expect of a server, where an extension for it may stand.
 */
#include "fhir/fhir_capability.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include "fhir/fhir_conformance.h"
#include "fhir/fhir_metadata.h"
#include "fhir/fhir_routes.h"
#include "fhir/fhir_statement.h"
#include "fhir/operation/fhir_operations.h"
#include "fhir/validate/fhir_storable.h"
#include "model/fhir_uscore.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif
/* When what is said here last changed. */
#define STATEMENT_DATE "2026-11-23"

#define US_CORE_SERVER "http://hl7.org/fhir/us/core/CapabilityStatement/us-core-server"
#define EXTENSION      "http://hl7.org/fhir/StructureDefinition/capabilitystatement-"
#define EXPECTATION    EXTENSION "expectation"
#define COMBINATION    EXTENSION "search-parameter-combination"

static const char *const formats[] = {"application/fhir+json", "application/fhir+xml", "json",
                                      "xml", NULL};
static const char *const patch_formats[] = {"application/json-patch+json",
                                            "application/xml-patch+xml", "application/fhir+json",
                                            "application/fhir+xml", NULL};

/* What is written and where. */
typedef struct writer_t {
    fhir_buf_t *buf;
    const fhir_endpoint_t *endpoint;
    const fhir_model_t *model;
    const fhir_uscore_t *us_core; /* or NULL */
    fhir_capability_t *made;      /* learns where the base URL stands */
    apr_pool_t *pool;
} writer_t;

static void put_list(writer_t *w, const char *name, const char *const *list)
{
    fhir_buf_printf(w->buf, ",\"%s\":[", name);
    for (int i = 0; list[i]; i++) {
        if (i)
            fhir_buf_putc(w->buf, ',');
        fhir_statement_string(w->buf, list[i]);
    }
    fhir_buf_putc(w->buf, ']');
}

static const char *const wanted_words[] = {
    [FHIR_USCORE_MAY] = "MAY", [FHIR_USCORE_SHOULD] = "SHOULD", [FHIR_USCORE_SHALL] = "SHALL"};

static void put_extension(writer_t *w, fhir_uscore_wanted_t wanted)
{
    fhir_buf_printf(w->buf, "{\"url\":\"" EXPECTATION "\",\"valueCode\":\"%s\"}",
                    wanted_words[wanted]);
}

/* What US Core expects, as the first member of an object. */
static void put_expected(writer_t *w, const char *type, fhir_uscore_kind_t kind, const char *name)
{
    fhir_uscore_wanted_t wanted = fhir_uscore_wanted(w->us_core, type, kind, name);
    if (wanted == FHIR_USCORE_NOT_WANTED)
        return;
    fhir_buf_puts(w->buf, "\"extension\":[");
    put_extension(w, wanted);
    fhir_buf_puts(w->buf, "],");
}

static void put_interactions(writer_t *w, fhir_level_t level, const char *type)
{
    int n = 0;
    for (const fhir_route_t *r = fhir_routes; r->method; r++) {
        if (r->level != level || !fhir_route_offered(r, w->endpoint))
            continue;
        fhir_statement_item(w->buf, &n, "interaction");
        fhir_buf_putc(w->buf, '{');
        put_expected(w, type, FHIR_USCORE_INTERACTION, r->name);
        fhir_buf_printf(w->buf, "\"code\":\"%s\"}", r->name);
    }
    fhir_statement_close(w->buf, n);
}

static void put_param(writer_t *w, const fhir_param_t *p, const char *type)
{
    const char *name = fhir_model_str(w->model, p->name);
    fhir_buf_putc(w->buf, '{');
    put_expected(w, type, FHIR_USCORE_PARAM, name);
    fhir_buf_puts(w->buf, "\"name\":");
    fhir_statement_string(w->buf, name);
    if (p->url) {
        fhir_buf_puts(w->buf, ",\"definition\":");
        fhir_statement_string(w->buf, fhir_model_str(w->model, p->url));
    }
    fhir_buf_printf(w->buf, ",\"type\":\"%s\"", fhir_statement_kind(p->kind));
    if (p->expression) {
        fhir_buf_puts(w->buf, ",\"documentation\":");
        fhir_statement_string(w->buf, fhir_model_str(w->model, p->expression));
    }
    fhir_buf_putc(w->buf, '}');
}

/* What every type has beside the parameters that the definitions give an expression. */
static void put_specials(writer_t *w)
{
    static const char *const specials[][2] = {
        {"_content", "words anywhere in the resource"},
        {"_filter", "an expression over the search parameters"},
        {"_has", "_has:Type:reference:parameter: who refers to the resource"},
        {"_list", "entries of the List with this id"},
        {"_text", "words in the narrative"},
    };
    for (apr_size_t i = 0; i < sizeof(specials) / sizeof(*specials); i++)
        fhir_buf_printf(w->buf, ",{\"name\":\"%s\",\"type\":\"%s\",\"documentation\":\"%s\"}",
                        specials[i][0], i == 0 || i == 4 ? "string" : "special", specials[i][1]);
}

/* The parameters that all types have; at a type only where US Core says something of them. */
static int stands_at(const writer_t *w, const fhir_param_t *p, const char *type)
{
    int inherited = p->flags & FHIR_PARAM_INHERITED;
    if (p->flags & FHIR_PARAM_UNCOMPILED)
        return 0;
    if (!inherited || !*type)
        return !inherited == !!*type;
    return fhir_uscore_wanted(w->us_core, type, FHIR_USCORE_PARAM,
                              fhir_model_str(w->model, p->name)) != FHIR_USCORE_NOT_WANTED;
}

/* Parameters of a type; for the type "", which any one has: those of all types. */
static void put_params(writer_t *w, const fhir_type_t *holder, const char *type)
{
    int n = 0;
    if (!(w->endpoint->interactions & FHIR_INTERACTION_SEARCH))
        return;
    for (int i = 0; i < holder->n_params; i++) {
        const fhir_param_t *p = &w->model->params[holder->first_param + i];
        if (!stands_at(w, p, type))
            continue;
        fhir_statement_item(w->buf, &n, "searchParam");
        put_param(w, p, type);
    }
    if (!*type && n)
        put_specials(w);
    fhir_statement_close(w->buf, n);
}

static int is_stored_reference(const fhir_param_t *p)
{
    return p->kind == FHIR_PARAM_REFERENCE && !(p->flags & FHIR_PARAM_UNCOMPILED);
}

static int refers_to(const writer_t *w, const fhir_param_t *p, apr_uint16_t type)
{
    for (int i = 0; i < p->n_targets; i++)
        if (w->model->targets[p->first_target + i] == type)
            return 1;
    return !p->n_targets;
}

static void push_include(const writer_t *w, apr_array_header_t *list, const fhir_type_t *source,
                         const fhir_param_t *p)
{
    APR_ARRAY_PUSH(list, const char *) =
        apr_pstrcat(w->pool, fhir_model_str(w->model, source->name), ":",
                    fhir_model_str(w->model, p->name), NULL);
}

static int listed(const apr_array_header_t *list, const char *text)
{
    for (int i = 0; i < list->nelts; i++)
        if (!strcmp(APR_ARRAY_IDX(list, i, const char *), text))
            return 1;
    return 0;
}

/* What US Core names beyond the list: includes of one target type. */
static void push_wanted(const writer_t *w, apr_array_header_t *list, const char *type,
                        fhir_uscore_kind_t kind)
{
    int n = 0;
    const fhir_uscore_row_t *rows =
        w->us_core ? fhir_uscore_rows(&n, w->us_core, type, kind) : NULL;
    for (int i = 0; i < n; i++)
        if (!listed(list, fhir_uscore_str(w->us_core, rows[i].name)))
            APR_ARRAY_PUSH(list, const char *) = fhir_uscore_str(w->us_core, rows[i].name);
}

/* A list of strings; extensions of strings stand in a list beside it, null where there is none. A
 * profile's version does not count. */
static void put_beside(writer_t *w, const char *name, const apr_array_header_t *list,
                       const char *type, fhir_uscore_kind_t kind)
{
    int n = 0;
    for (int i = 0; i < list->nelts; i++) {
        fhir_statement_item(w->buf, &n, name);
        fhir_statement_string(w->buf, APR_ARRAY_IDX(list, i, const char *));
    }
    fhir_statement_close(w->buf, n);
    if (!w->us_core || !fhir_uscore_rows(&n, w->us_core, type, kind))
        return;
    n = 0;
    for (int i = 0; i < list->nelts; i++) {
        const char *text = APR_ARRAY_IDX(list, i, const char *);
        fhir_uscore_wanted_t wanted = fhir_uscore_wanted(
            w->us_core, type, kind, apr_pstrmemdup(w->pool, text, strcspn(text, "|")));
        fhir_statement_item(w->buf, &n, apr_pstrcat(w->pool, "_", name, NULL));
        if (wanted == FHIR_USCORE_NOT_WANTED) {
            fhir_buf_puts(w->buf, "null");
            continue;
        }
        fhir_buf_puts(w->buf, "{\"extension\":[");
        put_extension(w, wanted);
        fhir_buf_puts(w->buf, "]}");
    }
    fhir_statement_close(w->buf, n);
}

static void put_includes(writer_t *w, const char *name, apr_array_header_t *list, const char *type,
                         fhir_uscore_kind_t kind)
{
    push_wanted(w, list, type, kind);
    put_beside(w, name, list, type, kind);
}

/* What a type's searches can include, both ways. */
static void put_both_includes(writer_t *w, const fhir_type_t *type, const char *name)
{
    const fhir_model_t *m = w->model;
    apr_array_header_t *list = apr_array_make(w->pool, 64, sizeof(const char *));
    if (!(w->endpoint->interactions & FHIR_INTERACTION_SEARCH))
        return;
    for (int i = 0; i < type->n_params; i++)
        if (is_stored_reference(&m->params[type->first_param + i]))
            push_include(w, list, type, &m->params[type->first_param + i]);
    put_includes(w, "searchInclude", list, name, FHIR_USCORE_INCLUDE);
    apr_array_clear(list);
    for (int t = 1; t <= m->n_resources; t++)
        for (int i = 0; i < m->types[t].n_params; i++) {
            const fhir_param_t *p = &m->params[m->types[t].first_param + i];
            if (is_stored_reference(p) && refers_to(w, p, fhir_model_type_index(m, type)))
                push_include(w, list, &m->types[t], p);
        }
    put_includes(w, "searchRevInclude", list, name, FHIR_USCORE_REVINCLUDE);
}

/* The operations of a type (system: those that are called at the base). */
static void put_operations(writer_t *w, const char *type)
{
    int n = 0;
    if (!(w->endpoint->interactions & FHIR_INTERACTION_OPERATION))
        return;
    for (const fhir_operation_t *op = fhir_operations; op->name; op++) {
        unsigned level = type ? FHIR_OP_TYPE | FHIR_OP_INSTANCE : FHIR_OP_SYSTEM;
        if (!(op->levels & level) || (op->type && (!type || strcmp(op->type, type))))
            continue;
        fhir_statement_item(w->buf, &n, "operation");
        fhir_buf_putc(w->buf, '{');
        put_expected(w, type ? type : "", FHIR_USCORE_OPERATION, op->name);
        fhir_buf_printf(w->buf, "\"name\":\"%s\",\"definition\":\"%s\"}", op->name, op->definition);
    }
    fhir_statement_close(w->buf, n);
}

/* An update that must name the version that it replaces cannot make the first. */
static int can_update_create(const fhir_endpoint_t *endpoint)
{
    return endpoint->interactions & FHIR_INTERACTION_UPDATE && endpoint->writing.update_create &&
           endpoint->writing.require_if_match == FHIR_REQUIRE_IF_MATCH_OFF;
}

static void put_conditional(writer_t *w)
{
    unsigned offered = w->endpoint->interactions;
    if (offered & FHIR_INTERACTION_CREATE)
        fhir_buf_puts(w->buf, ",\"conditionalCreate\":true");
    if (offered & FHIR_INTERACTION_READ)
        fhir_buf_puts(w->buf, ",\"conditionalRead\":\"full-support\"");
    if (offered & FHIR_INTERACTION_UPDATE)
        fhir_buf_puts(w->buf, ",\"conditionalUpdate\":true");
    if (offered & FHIR_INTERACTION_DELETE)
        fhir_buf_printf(w->buf, ",\"conditionalDelete\":\"%s\"",
                        fhir_statement_deletes(w->endpoint));
}

/* One combination of search parameters: "patient+category". */
static void put_combination(writer_t *w, const fhir_uscore_row_t *row)
{
    char *rest = apr_pstrdup(w->pool, fhir_uscore_str(w->us_core, row->name)), *name;
    fhir_buf_puts(w->buf, "{\"extension\":[");
    put_extension(w, (fhir_uscore_wanted_t)row->wanted);
    while ((name = apr_strtok(rest, "+", &rest)) != NULL)
        fhir_buf_printf(w->buf, ",{\"url\":\"required\",\"valueString\":\"%s\"}", name);
    fhir_buf_puts(w->buf, "],\"url\":\"" COMBINATION "\"}");
}

/* The resource's own extensions: what is expected of the type, and the combinations. */
static void put_type_extensions(writer_t *w, const char *type)
{
    fhir_uscore_wanted_t wanted = fhir_uscore_wanted(w->us_core, type, FHIR_USCORE_TYPE, "");
    int n = 0, written = 0;
    const fhir_uscore_row_t *rows;
    if (wanted == FHIR_USCORE_NOT_WANTED)
        return;
    fhir_statement_item(w->buf, &written, "extension");
    put_extension(w, wanted);
    rows = fhir_uscore_rows(&n, w->us_core, type, FHIR_USCORE_COMBINATION);
    for (int i = 0; i < n && w->endpoint->interactions & FHIR_INTERACTION_SEARCH; i++) {
        fhir_statement_item(w->buf, &written, "extension");
        put_combination(w, &rows[i]);
    }
    fhir_statement_close(w->buf, written);
}

/* Each of US Core's profiles: by name, and in every release that lists it. */
static void put_profiles(writer_t *w, const char *type)
{
    int n = 0;
    const fhir_uscore_row_t *rows =
        w->us_core ? fhir_uscore_rows(&n, w->us_core, type, FHIR_USCORE_PROFILE) : NULL;
    apr_array_header_t *list = apr_array_make(w->pool, 8, sizeof(const char *));
    for (int i = 0; i < n; i++) {
        const char *url = fhir_uscore_str(w->us_core, rows[i].name);
        APR_ARRAY_PUSH(list, const char *) = url;
        for (int r = 0; w->us_core->releases[r]; r++)
            if (rows[i].releases & (1u << r))
                APR_ARRAY_PUSH(list, const char *) =
                    apr_pstrcat(w->pool, url, "|", w->us_core->releases[r], NULL);
    }
    put_beside(w, "supportedProfile", list, type, FHIR_USCORE_PROFILE);
}

static void put_resource(writer_t *w, const fhir_type_t *type)
{
    const char *name = fhir_model_str(w->model, type->name);
    fhir_buf_printf(w->buf, "{\"type\":\"%s\"", name);
    put_type_extensions(w, name);
    fhir_buf_printf(w->buf, ",\"profile\":\"http://hl7.org/fhir/StructureDefinition/%s\"", name);
    put_profiles(w, name);
    put_interactions(w, FHIR_LEVEL_TYPE, name);
    fhir_buf_printf(w->buf, ",\"versioning\":\"%s\",\"readHistory\":%s,\"updateCreate\":%s",
                    w->endpoint->writing.require_if_match == FHIR_REQUIRE_IF_MATCH_OFF
                        ? "versioned"
                        : "versioned-update",
                    w->endpoint->interactions & FHIR_INTERACTION_VREAD ? "true" : "false",
                    can_update_create(w->endpoint) ? "true" : "false");
    put_conditional(w);
    fhir_buf_puts(w->buf, ",\"referencePolicy\":[\"literal\",\"local\"]");
    put_both_includes(w, type, name);
    put_params(w, type, name);
    put_operations(w, name);
    fhir_buf_putc(w->buf, '}');
}

static void put_compartments(writer_t *w)
{
    int n = 0;
    apr_uint16_t focus = 0;
    if (!(w->endpoint->interactions & FHIR_INTERACTION_SEARCH))
        return;
    for (int i = 1; i <= w->model->n_compartments; i++) {
        const char *name;
        if (w->model->compartments[i].focus == focus)
            continue;
        focus = w->model->compartments[i].focus;
        name = fhir_model_str(w->model, w->model->types[focus].name);
        fhir_statement_item(w->buf, &n, "compartment");
        fhir_buf_printf(w->buf, "\"http://hl7.org/fhir/CompartmentDefinition/%c%s\"",
                        apr_tolower(*name), name + 1);
    }
    fhir_statement_close(w->buf, n);
}

static void put_instantiates(writer_t *w)
{
    if (!w->us_core)
        return;
    fhir_buf_puts(w->buf, ",\"instantiates\":[\"" US_CORE_SERVER "\"");
    for (int r = 0; w->us_core->releases[r]; r++)
        fhir_buf_printf(w->buf, ",\"" US_CORE_SERVER "|%s\"", w->us_core->releases[r]);
    fhir_buf_putc(w->buf, ']');
}

static void put_rest(writer_t *w)
{
    int n = 0;
    fhir_buf_puts(w->buf, ",\"rest\":[{\"mode\":\"server\"");
    fhir_statement_security(w->buf, w->made, w->endpoint);
    for (int i = 1; i <= w->model->n_resources; i++) {
        const fhir_type_t *type = &w->model->types[i];
        if (type->flags & FHIR_TYPE_ABSTRACT || fhir_storable_unserved(w->model, type))
            continue;
        fhir_statement_item(w->buf, &n, "resource");
        put_resource(w, type);
    }
    fhir_statement_close(w->buf, n);
    put_interactions(w, FHIR_LEVEL_SYSTEM, "");
    put_params(w, fhir_model_resource(w->model, "Patient", 7), "");
    put_operations(w, NULL);
    put_compartments(w);
    fhir_buf_puts(w->buf, "}]");
}

fhir_err_t *fhir_capability_build(const fhir_capability_t **out, const fhir_endpoint_t *endpoint,
                                  apr_pool_t *pool)
{
    fhir_capability_t *made = apr_pcalloc(pool, sizeof(*made));
    writer_t w = {fhir_buf_create(pool, 16 * 1024 * 1024), endpoint, endpoint->stored,
                  fhir_uscore_of(endpoint->stored),        made,     NULL};
    if (endpoint->convert)
        return fhir_conformance_build(out, endpoint, pool);
    apr_pool_create(&w.pool, pool);
    fhir_buf_puts(w.buf, "{\"resourceType\":\"CapabilityStatement\",\"status\":\"active\","
                         "\"date\":\"" STATEMENT_DATE "\",\"kind\":\"instance\"");
    put_instantiates(&w);
    fhir_buf_puts(w.buf, ",\"software\":{\"name\":\"mod_fhir\",\"version\":\"" PACKAGE_VERSION
                         "\"},\"implementation\":{\"description\":\"mod_fhir\",\"url\":\"");
    fhir_statement_base(made, w.buf);
    fhir_buf_printf(w.buf, "\"},\"fhirVersion\":\"%s\"", endpoint->spoken->version);
    put_list(&w, "format", formats);
    if (endpoint->interactions & FHIR_INTERACTION_PATCH)
        put_list(&w, "patchFormat", patch_formats);
    put_rest(&w);
    fhir_buf_putc(w.buf, '}');
    apr_pool_destroy(w.pool);
    *out = made;
    return fhir_statement_finish(made, w.buf, pool);
}

fhir_err_t *fhir_capability_handle(fhir_call_t *call)
{
    const fhir_capability_t *capability = call->endpoint->capability;
    call->opts.convert = NULL; /* it is made in the words that are spoken */
    if (!capability)
        FHIR_TRY(fhir_capability_build(&capability, call->endpoint, call->pool));
    return fhir_metadata_answer(call, capability);
}
