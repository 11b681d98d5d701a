/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CapabilityStatement: rows of the routing table, the result parameters of a search and the
 * search parameters of the model, as far as the endpoint offers them.
 */
#include "fhir/fhir_capability.h"

#include <apr_strings.h>

#include "fhir/fhir_operations.h"
#include "fhir/fhir_routes.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif
/* When what is said here last changed. */
#define STATEMENT_DATE "2026-11-22"

static const char *const us_core[] = {
    "http://hl7.org/fhir/us/core/CapabilityStatement/us-core-server",
    "http://hl7.org/fhir/us/core/CapabilityStatement/us-core-server|3.1.1",
    "http://hl7.org/fhir/us/core/CapabilityStatement/us-core-server|4.0.0",
    "http://hl7.org/fhir/us/core/CapabilityStatement/us-core-server|5.0.1",
    "http://hl7.org/fhir/us/core/CapabilityStatement/us-core-server|6.1.0",
    "http://hl7.org/fhir/us/core/CapabilityStatement/us-core-server|7.0.0",
    "http://hl7.org/fhir/us/core/CapabilityStatement/us-core-server|8.0.0",
    NULL};
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
} writer_t;

static void put_string(writer_t *w, const char *s)
{
    fhir_buf_json_string(w->buf, s, strlen(s));
}

static void put_list(writer_t *w, const char *name, const char *const *list)
{
    fhir_buf_printf(w->buf, ",\"%s\":[", name);
    for (int i = 0; list[i]; i++) {
        if (i)
            fhir_buf_putc(w->buf, ',');
        put_string(w, list[i]);
    }
    fhir_buf_putc(w->buf, ']');
}

/* Opens a list at its first item, or divides the items. */
static void item(writer_t *w, int *n, const char *name)
{
    if ((*n)++)
        fhir_buf_putc(w->buf, ',');
    else
        fhir_buf_printf(w->buf, ",\"%s\":[", name);
}

static void close_list(writer_t *w, int n)
{
    if (n)
        fhir_buf_putc(w->buf, ']');
}

static void put_interactions(writer_t *w, fhir_level_t level)
{
    int n = 0;
    for (const fhir_route_t *r = fhir_routes; r->method; r++) {
        if (r->level != level || !fhir_route_offered(r, w->endpoint))
            continue;
        item(w, &n, "interaction");
        fhir_buf_printf(w->buf, "{\"code\":\"%s\"}", r->name);
    }
    close_list(w, n);
}

static const char *const kind_words[] = {
    [FHIR_PARAM_NUMBER] = "number",       [FHIR_PARAM_DATE] = "date",
    [FHIR_PARAM_STRING] = "string",       [FHIR_PARAM_TOKEN] = "token",
    [FHIR_PARAM_REFERENCE] = "reference", [FHIR_PARAM_COMPOSITE] = "composite",
    [FHIR_PARAM_QUANTITY] = "quantity",   [FHIR_PARAM_URI] = "uri",
    [FHIR_PARAM_SPECIAL] = "special"};

static void put_param(writer_t *w, const fhir_param_t *p)
{
    fhir_buf_puts(w->buf, "{\"name\":");
    put_string(w, fhir_model_str(w->model, p->name));
    if (p->url) {
        fhir_buf_puts(w->buf, ",\"definition\":");
        put_string(w, fhir_model_str(w->model, p->url));
    }
    fhir_buf_printf(w->buf, ",\"type\":\"%s\"", kind_words[p->kind]);
    if (p->expression) {
        fhir_buf_puts(w->buf, ",\"documentation\":");
        put_string(w, fhir_model_str(w->model, p->expression));
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

/* The parameters that all types have stand once, at rest.searchParam. */
static void put_params(writer_t *w, const fhir_type_t *type, unsigned inherited)
{
    int n = 0;
    if (!(w->endpoint->interactions & FHIR_INTERACTION_SEARCH))
        return;
    for (int i = 0; i < type->n_params; i++) {
        const fhir_param_t *p = &w->model->params[type->first_param + i];
        if (p->flags & FHIR_PARAM_UNCOMPILED || (p->flags & FHIR_PARAM_INHERITED) != inherited)
            continue;
        item(w, &n, "searchParam");
        put_param(w, p);
    }
    if (inherited && n)
        put_specials(w);
    close_list(w, n);
}

static int is_stored_reference(const fhir_param_t *p)
{
    return p->kind == FHIR_PARAM_REFERENCE && !(p->flags & FHIR_PARAM_UNCOMPILED);
}

static void put_include(writer_t *w, int *n, const char *list, const fhir_type_t *source,
                        const fhir_param_t *p)
{
    item(w, n, list);
    fhir_buf_printf(w->buf, "\"%s:%s\"", fhir_model_str(w->model, source->name),
                    fhir_model_str(w->model, p->name));
}

static int refers_to(const writer_t *w, const fhir_param_t *p, apr_uint16_t type)
{
    for (int i = 0; i < p->n_targets; i++)
        if (w->model->targets[p->first_target + i] == type)
            return 1;
    return !p->n_targets;
}

/* What a type's searches can include, both ways. */
static void put_includes(writer_t *w, const fhir_type_t *type)
{
    const fhir_model_t *m = w->model;
    int n = 0;
    if (!(w->endpoint->interactions & FHIR_INTERACTION_SEARCH))
        return;
    for (int i = 0; i < type->n_params; i++)
        if (is_stored_reference(&m->params[type->first_param + i]))
            put_include(w, &n, "searchInclude", type, &m->params[type->first_param + i]);
    close_list(w, n);
    n = 0;
    for (int t = 1; t <= m->n_resources; t++)
        for (int i = 0; i < m->types[t].n_params; i++) {
            const fhir_param_t *p = &m->params[m->types[t].first_param + i];
            if (is_stored_reference(p) && refers_to(w, p, fhir_model_type_index(m, type)))
                put_include(w, &n, "searchRevInclude", &m->types[t], p);
        }
    close_list(w, n);
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
        item(w, &n, "operation");
        fhir_buf_printf(w->buf, "{\"name\":\"%s\",\"definition\":\"%s\"}", op->name,
                        op->definition);
    }
    close_list(w, n);
}

static void put_conditional(writer_t *w)
{
    static const char *const deletes[] = {"not-supported", "single", "multiple"};
    unsigned offered = w->endpoint->interactions;
    if (offered & FHIR_INTERACTION_CREATE)
        fhir_buf_puts(w->buf, ",\"conditionalCreate\":true");
    if (offered & FHIR_INTERACTION_READ)
        fhir_buf_puts(w->buf, ",\"conditionalRead\":\"full-support\"");
    if (offered & FHIR_INTERACTION_UPDATE)
        fhir_buf_puts(w->buf, ",\"conditionalUpdate\":true");
    if (offered & FHIR_INTERACTION_DELETE)
        fhir_buf_printf(w->buf, ",\"conditionalDelete\":\"%s\"",
                        deletes[w->endpoint->conditional_delete]);
}

static void put_resource(writer_t *w, const fhir_type_t *type)
{
    const char *name = fhir_model_str(w->model, type->name);
    fhir_buf_printf(w->buf,
                    "{\"type\":\"%s\",\"profile\":\"http://hl7.org/fhir/StructureDefinition/%s\"",
                    name, name);
    put_interactions(w, FHIR_LEVEL_TYPE);
    fhir_buf_printf(w->buf, ",\"versioning\":\"%s\",\"readHistory\":%s,\"updateCreate\":%s",
                    w->endpoint->require_if_match ? "versioned-update" : "versioned",
                    w->endpoint->interactions & FHIR_INTERACTION_VREAD ? "true" : "false",
                    w->endpoint->update_create ? "true" : "false");
    put_conditional(w);
    fhir_buf_puts(w->buf, ",\"referencePolicy\":[\"literal\",\"local\"]");
    put_includes(w, type);
    put_params(w, type, 0);
    put_operations(w, name);
    fhir_buf_putc(w->buf, '}');
}

static void put_rest(writer_t *w)
{
    int n = 0;
    fhir_buf_puts(w->buf, ",\"rest\":[{\"mode\":\"server\"");
    for (int i = 1; i <= w->model->n_resources; i++) {
        const fhir_type_t *type = &w->model->types[i];
        if (type->flags & FHIR_TYPE_ABSTRACT)
            continue;
        item(w, &n, "resource");
        put_resource(w, type);
    }
    close_list(w, n);
    put_interactions(w, FHIR_LEVEL_SYSTEM);
    put_params(w, fhir_model_resource(w->model, "Patient", 7), FHIR_PARAM_INHERITED);
    put_operations(w, NULL);
    fhir_buf_puts(w->buf, "}]");
}

fhir_err_t *fhir_capability_build(const fhir_capability_t **out, const fhir_endpoint_t *endpoint,
                                  apr_pool_t *pool)
{
    fhir_capability_t *made = apr_pcalloc(pool, sizeof(*made));
    writer_t w = {fhir_buf_create(pool, 16 * 1024 * 1024), endpoint, endpoint->model};
    fhir_buf_puts(w.buf, "{\"resourceType\":\"CapabilityStatement\",\"status\":\"active\","
                         "\"date\":\"" STATEMENT_DATE "\",\"kind\":\"instance\"");
    put_list(&w, "instantiates", us_core);
    fhir_buf_puts(w.buf, ",\"software\":{\"name\":\"mod_fhir\",\"version\":\"" PACKAGE_VERSION
                         "\"},\"implementation\":{\"description\":\"mod_fhir\",\"url\":\"");
    made->url_at = w.buf->len;
    fhir_buf_printf(w.buf, "\"},\"fhirVersion\":\"%s\"", endpoint->model->version);
    put_list(&w, "format", formats);
    if (endpoint->interactions & FHIR_INTERACTION_PATCH)
        put_list(&w, "patchFormat", patch_formats);
    put_rest(&w);
    fhir_buf_putc(w.buf, '}');
    if (w.buf->overflow)
        return fhir_err_create(pool, FHIR_ERR_INTERNAL, "capability statement out of memory");
    made->len = w.buf->len;
    made->text = apr_pstrmemdup(pool, w.buf->data, w.buf->len);
    fhir_buf_free(w.buf);
    *out = made;
    return NULL;
}

void fhir_capability_render(fhir_buf_t *buf, const fhir_capability_t *capability,
                            const char *base_url)
{
    fhir_buf_append(buf, capability->text, capability->url_at);
    fhir_buf_puts(buf, base_url);
    fhir_buf_append(buf, capability->text + capability->url_at,
                    capability->len - capability->url_at);
}

fhir_err_t *fhir_capability_handle(fhir_call_t *call)
{
    const fhir_capability_t *capability = call->endpoint->capability;
    fhir_buf_t *buf = fhir_buf_create(call->pool, 32 * 1024 * 1024);
    fhir_err_t *err = NULL;
    if (!capability)
        FHIR_TRY(fhir_capability_build(&capability, call->endpoint, call->pool));
    fhir_capability_render(buf, capability, call->request->base_url);
    err = fhir_call_resource(call, 200, buf->data, buf->len);
    fhir_buf_free(buf);
    return err;
}
