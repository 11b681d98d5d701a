/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CapabilityStatement: rows of the routing table, the operations, and the model's search
 * parameters, references and compartments, as far as the endpoint offers them; also US Core's
 * profiles and the searches that it combines. And the TerminologyCapabilities.
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
#include "model/fhir_profiles.h"
#include "model/fhir_uscore.h"

#define US_CORE_SERVER "http://hl7.org/fhir/us/core/CapabilityStatement/us-core-server"
#define US_CORE_GUIDE  "http://hl7.org/fhir/us/core/ImplementationGuide/hl7.fhir.us.core"
#define SMART_GUIDE                                                                                \
    "http://hl7.org/fhir/smart-app-launch/ImplementationGuide/hl7.fhir.uv.smart-app-launch"
#define COMBINATION                                                                                \
    "http://hl7.org/fhir/StructureDefinition/capabilitystatement-search-parameter-combination"
/* Search parameters of R4 need no definition; all others name theirs. */
#define R4_PARAMETER "http://hl7.org/fhir/SearchParameter/"

static const char *const formats[] = {
    "application/fhir+json", "application/fhir+xml", "json", "xml", "html", NULL};
static const char *const patch_formats[] = {"application/json-patch+json",
                                            "application/xml-patch+xml", "application/fhir+json",
                                            "application/fhir+xml", NULL};

/* What is written, and where to. */
typedef struct writer_t {
    fhir_buf_t *buf;
    const fhir_endpoint_t *endpoint;
    const fhir_model_t *model;
    const fhir_uscore_t *us_core; /* or NULL */
    int normative;                /* 1: only what R4 has declared normative */
    fhir_capability_t *made;      /* is told where the base URL stands in the text */
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

static void put_interactions(writer_t *w, fhir_level_t level)
{
    int n = 0;
    for (const fhir_route_t *r = fhir_routes; r->method; r++) {
        if (r->level != level || !fhir_route_offered(r, w->endpoint))
            continue;
        fhir_statement_item(w->buf, &n, "interaction");
        fhir_buf_printf(w->buf, "{\"code\":\"%s\"}", r->name);
    }
    fhir_statement_close(w->buf, n);
}

static void put_param(writer_t *w, const fhir_param_t *p)
{
    const char *url = p->url ? fhir_model_str(w->model, p->url) : R4_PARAMETER;
    fhir_buf_printf(w->buf, "{\"name\":\"%s\"", fhir_model_str(w->model, p->name));
    if (strncmp(url, R4_PARAMETER, sizeof(R4_PARAMETER) - 1))
        fhir_buf_printf(w->buf, ",\"definition\":\"%s\"", url);
    fhir_buf_printf(w->buf, ",\"type\":\"%s\"}", fhir_statement_kind(p->kind));
}

/* Parameters that every type has although they have no expression. They are documented once, at the
 * system's level, like those that search by other parameters. */
static void put_specials(writer_t *w, int *n, int of_type)
{
    static const struct {
        const char *name, *type, *documentation;
        int of_system;
    } specials[] = {
        {"_content", "string", "words anywhere in the resource", 0},
        {"_filter", "special", "an expression over the search parameters", 1},
        {"_has", "special", "_has:Type:reference:parameter: who refers to the resource", 1},
        {"_list", "special", "entries of the List with this id", 0},
        {"_text", "string", "words in the narrative", 0},
    };
    for (apr_size_t i = 0; i < sizeof(specials) / sizeof(*specials); i++) {
        if (of_type && specials[i].of_system)
            continue;
        fhir_statement_item(w->buf, n, "searchParam");
        fhir_buf_printf(w->buf, "{\"name\":\"%s\",\"type\":\"%s\"", specials[i].name,
                        specials[i].type);
        if (!of_type)
            fhir_buf_printf(w->buf, ",\"documentation\":\"%s\"", specials[i].documentation);
        fhir_buf_putc(w->buf, '}');
    }
}

/* The parameters of a type, with those that all types have, because many clients look nowhere else.
 * Without a type (NULL), only the latter, as any type has them. */
static void put_params(writer_t *w, const fhir_type_t *type)
{
    const fhir_type_t *holder = type ? type : fhir_model_resource(w->model, "Patient", 7);
    int n = 0;
    if (!(w->endpoint->interactions & FHIR_INTERACTION_SEARCH))
        return;
    for (int i = 0; i < holder->n_params; i++) {
        const fhir_param_t *p = &w->model->params[holder->first_param + i];
        if (p->flags & FHIR_PARAM_UNCOMPILED || (!type && !(p->flags & FHIR_PARAM_INHERITED)))
            continue;
        fhir_statement_item(w->buf, &n, "searchParam");
        put_param(w, p);
    }
    put_specials(w, &n, type != NULL);
    fhir_statement_close(w->buf, n);
}

static int is_stored_reference(const fhir_param_t *p)
{
    return p->kind == FHIR_PARAM_REFERENCE &&
           !(p->flags & (FHIR_PARAM_UNCOMPILED | FHIR_PARAM_INSIDE));
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

/* Includes of one target type that US Core names beyond the list. */
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

static void put_strings(writer_t *w, const char *name, const apr_array_header_t *list)
{
    int n = 0;
    for (int i = 0; i < list->nelts; i++) {
        fhir_statement_item(w->buf, &n, name);
        fhir_statement_string(w->buf, APR_ARRAY_IDX(list, i, const char *));
    }
    fhir_statement_close(w->buf, n);
}

/* What searches of a type can include. Every searchInclude of this type on another type also works
 * as _revinclude. Listing them all would double the statement, so only those are listed that
 * applications look for. */
static void put_includes(writer_t *w, const fhir_type_t *type, const char *name)
{
    const fhir_model_t *m = w->model;
    apr_array_header_t *list = apr_array_make(w->pool, 16, sizeof(const char *));
    if (!(w->endpoint->interactions & FHIR_INTERACTION_SEARCH))
        return;
    for (int i = 0; i < type->n_params; i++)
        if (is_stored_reference(&m->params[type->first_param + i]))
            push_include(w, list, type, &m->params[type->first_param + i]);
    push_wanted(w, list, name, FHIR_USCORE_INCLUDE);
    put_strings(w, "searchInclude", list);
    apr_array_clear(list);
    push_wanted(w, list, name, FHIR_USCORE_REVINCLUDE);
    put_strings(w, "searchRevInclude", list);
}

/* The operations of a type, or of the system: those that are called at the base. */
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
        fhir_buf_printf(w->buf, "{\"name\":\"%s\",\"definition\":\"%s\"}", op->name,
                        op->definition);
    }
    fhir_statement_close(w->buf, n);
}

/* When an update must name the version that it replaces, it cannot create a resource. */
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
    if (offered & FHIR_INTERACTION_DELETE &&
        w->endpoint->writing.conditional_delete != FHIR_CONDITIONAL_DELETE_OFF)
        fhir_buf_printf(w->buf, ",\"conditionalDelete\":\"%s\"",
                        fhir_statement_deletes(w->endpoint));
}

/* Search parameters that are meant to be used together: "patient+category". */
static void put_combinations(writer_t *w, const char *type)
{
    int n = 0, written = 0;
    const fhir_uscore_row_t *rows =
        w->us_core ? fhir_uscore_rows(&n, w->us_core, type, FHIR_USCORE_COMBINATION) : NULL;
    for (int i = 0; i < n && w->endpoint->interactions & FHIR_INTERACTION_SEARCH; i++) {
        char *rest = apr_pstrdup(w->pool, fhir_uscore_str(w->us_core, rows[i].name));
        int parts = 0;
        fhir_statement_item(w->buf, &written, "extension");
        fhir_buf_puts(w->buf, "{\"extension\":[");
        char *name;
        while ((name = apr_strtok(rest, "+", &rest)) != NULL)
            fhir_buf_printf(w->buf, "%s{\"url\":\"required\",\"valueString\":\"%s\"}",
                            parts++ ? "," : "", name);
        fhir_buf_puts(w->buf, "],\"url\":\"" COMBINATION "\"}");
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
    put_strings(w, "supportedProfile", list);
}

static void put_resource(writer_t *w, const fhir_type_t *type)
{
    const char *name = fhir_model_str(w->model, type->name);
    fhir_buf_printf(w->buf, "{\"type\":\"%s\"", name);
    put_combinations(w, name);
    put_profiles(w, name);
    put_interactions(w, FHIR_LEVEL_TYPE);
    fhir_buf_printf(w->buf, ",\"versioning\":\"%s\",\"readHistory\":%s,\"updateCreate\":%s",
                    w->endpoint->writing.require_if_match == FHIR_REQUIRE_IF_MATCH_OFF
                        ? "versioned"
                        : "versioned-update",
                    w->endpoint->interactions & FHIR_INTERACTION_VREAD ? "true" : "false",
                    can_update_create(w->endpoint) ? "true" : "false");
    put_conditional(w);
    put_includes(w, type, name);
    put_params(w, type);
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
        if (w->model->compartments[i].focus == focus)
            continue;
        focus = w->model->compartments[i].focus;
        const char *name = fhir_model_str(w->model, w->model->types[focus].name);
        fhir_statement_item(w->buf, &n, "compartment");
        fhir_buf_printf(w->buf, "\"http://hl7.org/fhir/CompartmentDefinition/%c%s\"",
                        apr_tolower(*name), name + 1);
    }
    fhir_statement_close(w->buf, n);
}

/* A canonical URL in each release of US Core. */
static void put_releases(writer_t *w, apr_array_header_t *list, const char *url)
{
    for (int r = 0; w->us_core && w->us_core->releases[r]; r++)
        APR_ARRAY_PUSH(list, const char *) =
            apr_pstrcat(w->pool, url, "|", w->us_core->releases[r], NULL);
}

static void put_instantiates(writer_t *w)
{
    apr_array_header_t *list = apr_array_make(w->pool, 8, sizeof(const char *));
    if (w->us_core)
        APR_ARRAY_PUSH(list, const char *) = US_CORE_SERVER;
    put_releases(w, list, US_CORE_SERVER);
    put_strings(w, "instantiates", list);
}

static void put_guides(writer_t *w)
{
    apr_array_header_t *list = apr_array_make(w->pool, 8, sizeof(const char *));
    put_releases(w, list, US_CORE_GUIDE);
    if (w->endpoint->audience != FHIR_AUDIENCE_OPEN)
        APR_ARRAY_PUSH(list, const char *) = SMART_GUIDE;
    put_strings(w, "implementationGuide", list);
}

/* What R4 has declared normative.
 * Source: http://hl7.org/fhir/R4/versions.html#std-process */
static int is_normative(const char *type)
{
    static const char *const types[] = {"Binary",
                                        "Bundle",
                                        "CapabilityStatement",
                                        "CodeSystem",
                                        "Observation",
                                        "OperationDefinition",
                                        "OperationOutcome",
                                        "Parameters",
                                        "Patient",
                                        "StructureDefinition",
                                        "ValueSet"};
    for (apr_size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (!strcmp(types[i], type))
            return 1;
    return 0;
}

static void put_rest(writer_t *w)
{
    int n = 0;
    fhir_buf_puts(
        w->buf, ",\"rest\":[{\"mode\":\"server\",\"documentation\":\"A search parameter without a "
                "definition is R4's of that name. _include takes what searchInclude lists, and "
                "`*`; _revinclude takes every searchInclude of another type that may refer to "
                "the type searched.\"");
    fhir_statement_security(w->buf, w->made, w->endpoint);
    for (int i = 1; i <= w->model->n_resources; i++) {
        const fhir_type_t *type = &w->model->types[i];
        if (type->flags & FHIR_TYPE_ABSTRACT || fhir_storable_unserved(w->model, type) ||
            (w->normative && !is_normative(fhir_model_str(w->model, type->name))))
            continue;
        fhir_statement_item(w->buf, &n, "resource");
        put_resource(w, type);
    }
    fhir_statement_close(w->buf, n);
    put_interactions(w, FHIR_LEVEL_SYSTEM);
    put_params(w, NULL);
    put_operations(w, NULL);
    put_compartments(w);
    fhir_buf_puts(w->buf, "}]");
}

static fhir_err_t *build(const fhir_capability_t **out, const fhir_endpoint_t *endpoint,
                         int normative, apr_pool_t *pool)
{
    fhir_capability_t *made = apr_pcalloc(pool, sizeof(*made));
    writer_t w = {.buf = fhir_buf_create(pool, 16 * 1024 * 1024),
                  .endpoint = endpoint,
                  .model = endpoint->stored,
                  .us_core = normative ? NULL : fhir_uscore_of(endpoint->stored),
                  .normative = normative,
                  .made = made};
    apr_pool_create(&w.pool, pool);
    fhir_statement_begin(w.buf, made, endpoint, "CapabilityStatement", "");
    put_instantiates(&w);
    put_guides(&w);
    fhir_buf_printf(w.buf, ",\"fhirVersion\":\"%s\"", endpoint->spoken->version);
    put_list(&w, "format", formats);
    if (endpoint->interactions & FHIR_INTERACTION_PATCH)
        put_list(&w, "patchFormat", patch_formats);
    put_rest(&w);
    fhir_buf_putc(w.buf, '}');
    apr_pool_destroy(w.pool);
    *out = made;
    return fhir_statement_finish(made, w.buf, pool);
}

fhir_err_t *fhir_capability_build(const fhir_capability_t **out, const fhir_endpoint_t *endpoint,
                                  apr_pool_t *pool)
{
    return endpoint->convert ? fhir_conformance_build(out, endpoint, pool)
                             : build(out, endpoint, 0, pool);
}

/* ---- what the server knows of codes ---- */

static void put_code_systems(fhir_buf_t *buf, const fhir_profiles_t *p)
{
    int n = 0;
    for (int i = 1; i <= p->n_systems;) {
        const char *url = fhir_profiles_str(p, p->systems[i].url);
        int hierarchy = 0, versions = 0;
        fhir_statement_item(buf, &n, "codeSystem");
        fhir_buf_printf(buf, "{\"uri\":\"%s\"", url);
        for (; i <= p->n_systems && !strcmp(fhir_profiles_str(p, p->systems[i].url), url); i++) {
            const char *version = fhir_profiles_str(p, p->systems[i].version);
            hierarchy |= p->systems[i].flags & FHIR_SYSTEM_HIERARCHY;
            if (!*version)
                continue;
            fhir_statement_item(buf, &versions, "version");
            fhir_buf_printf(buf, "{\"code\":\"%s\"}", version);
        }
        fhir_statement_close(buf, versions);
        fhir_buf_printf(buf, ",\"subsumption\":%s}", hierarchy ? "true" : "false");
    }
    fhir_statement_close(buf, n);
}

/* Source: http://hl7.org/fhir/R4/terminologycapabilities.html */
static fhir_err_t *build_terminology(const fhir_capability_t **out, const fhir_endpoint_t *endpoint,
                                     apr_pool_t *pool)
{
    static const char *const parameters[] = {
        "filter", "offset", "count", "includeDesignations", "activeOnly", "excludeNotForUI"};
    fhir_capability_t *made = apr_pcalloc(pool, sizeof(*made));
    fhir_buf_t *buf = fhir_buf_create(pool, 4 * 1024 * 1024);
    const fhir_profiles_t *profiles = fhir_profiles_of(endpoint->stored);
    int n = 0;
    fhir_statement_begin(buf, made, endpoint, "TerminologyCapabilities", "?mode=terminology");
    if (endpoint->interactions & FHIR_INTERACTION_OPERATION) {
        put_code_systems(buf, profiles);
        fhir_buf_puts(buf, ",\"expansion\":{\"hierarchical\":false,\"paging\":true,"
                           "\"incomplete\":false");
        for (apr_size_t i = 0; i < sizeof(parameters) / sizeof(*parameters); i++) {
            fhir_statement_item(buf, &n, "parameter");
            fhir_buf_printf(buf, "{\"name\":\"%s\"}", parameters[i]);
        }
        fhir_statement_close(buf, n);
        fhir_buf_puts(buf, "},\"validateCode\":{\"translations\":false},\"translation\":"
                           "{\"needsMap\":true},\"closure\":{\"translation\":false}");
    }
    fhir_buf_putc(buf, '}');
    *out = made;
    return fhir_statement_finish(made, buf, pool);
}

/* Source: http://hl7.org/fhir/R4/http.html#capabilities */
static fhir_err_t *find(const fhir_capability_t **out, const fhir_call_t *call)
{
    const fhir_endpoint_t *endpoint = call->endpoint;
    const char *mode = endpoint->convert ? NULL : fhir_pairs_get(&call->pairs, "mode");
    *out = endpoint->capability;
    if (!mode || !strcmp(mode, "full"))
        return *out ? NULL : fhir_capability_build(out, endpoint, call->pool);
    if (!strcmp(mode, "normative"))
        return build(out, endpoint, 1, call->pool);
    if (!strcmp(mode, "terminology"))
        return build_terminology(out, endpoint, call->pool);
    return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                           "mode=%s: modes are full, normative and terminology", mode);
}

fhir_err_t *fhir_capability_handle(fhir_call_t *call)
{
    call->opts.convert = NULL; /* the statement is written in the release that the client speaks */
    const fhir_capability_t *capability;
    FHIR_TRY(find(&capability, call));
    return fhir_metadata_answer(call, capability);
}
