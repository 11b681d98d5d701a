/* SPDX-License-Identifier: Apache-2.0 */
/* The Conformance statement of DSTU2: types of the conversion, rows of the routing table,
 * parameters with a counterpart, and operations. */
#include "fhir/fhir_conformance.h"

#include <apr_strings.h>

#include "fhir/convert/fhir_convert.h"
#include "fhir/convert/fhir_convert_profile.h"
#include "fhir/fhir_routes.h"
#include "fhir/fhir_statement.h"
#include "fhir/operation/fhir_operations.h"
#include "fhir/query/fhir_spoken_query.h"

/* What is written, and where to. */
typedef struct writer_t {
    fhir_buf_t *buf;
    const fhir_endpoint_t *endpoint;
    fhir_capability_t *made;
    apr_pool_t *pool;
} writer_t;

/* DSTU2 has no patch, and no code for a batch. */
static void put_interactions(writer_t *w, fhir_level_t level)
{
    int n = 0;

    for (const fhir_route_t *r = fhir_routes; r->method; r++) {
        if (r->level != level || !fhir_route_offered(r, w->endpoint) ||
            r->bit == FHIR_INTERACTION_BATCH || r->bit == FHIR_INTERACTION_PATCH ||
            strcmp(r->name, "search-system") == 0)
            continue;
        fhir_statement_item(w->buf, &n, "interaction");
        fhir_buf_printf(w->buf, "{\"code\":\"%s\"}", r->name);
    }
    fhir_statement_close(w->buf, n);
}

static void put_params(writer_t *w, const fhir_type_t *type, int inherited)
{
    const apr_array_header_t *list = fhir_spoken_params(w->endpoint, type, inherited, w->pool);
    int n = 0;

    if (!(w->endpoint->interactions & FHIR_INTERACTION_SEARCH))
        return;
    for (int i = 0; i < list->nelts; i++) {
        const fhir_spoken_param_t *p = &APR_ARRAY_IDX(list, i, fhir_spoken_param_t);
        fhir_statement_item(w->buf, &n, "searchParam");
        fhir_buf_puts(w->buf, "{\"name\":");
        fhir_statement_string(w->buf, p->name);
        if (p->param && p->param->url) {
            fhir_buf_puts(w->buf, ",\"definition\":");
            fhir_statement_string(w->buf, fhir_model_str(w->endpoint->spoken, p->param->url));
        }
        fhir_buf_printf(w->buf, ",\"type\":\"%s\"}", fhir_statement_kind(p->kind));
    }
    fhir_statement_close(w->buf, n);
}

/* The references of a type that can be followed, and those to it. */
static void put_includes(writer_t *w, const fhir_type_t *type)
{
    const fhir_model_t *m = w->endpoint->spoken;
    const apr_array_header_t *list = fhir_spoken_params(w->endpoint, type, 0, w->pool);
    int n = 0;

    if (!(w->endpoint->interactions & FHIR_INTERACTION_SEARCH))
        return;
    for (int i = 0; i < list->nelts; i++) {
        const fhir_spoken_param_t *p = &APR_ARRAY_IDX(list, i, fhir_spoken_param_t);
        if (p->kind != FHIR_PARAM_REFERENCE || (p->param && p->param->flags & FHIR_PARAM_INSIDE))
            continue;
        fhir_statement_item(w->buf, &n, "searchInclude");
        fhir_buf_printf(w->buf, "\"%s:%s\"", fhir_model_str(m, type->name), p->name);
    }
    fhir_statement_close(w->buf, n);
}

static void put_operations(writer_t *w)
{
    int n = 0;

    if (!(w->endpoint->interactions & FHIR_INTERACTION_OPERATION))
        return;
    for (const fhir_operation_t *op = fhir_operations; op->name; op++) {
        if (!op->dstu2)
            continue;
        fhir_statement_item(w->buf, &n, "operation");
        fhir_buf_printf(w->buf, "{\"name\":\"%s\",\"definition\":{\"reference\":\"%s\"}}", op->name,
                        op->dstu2);
    }
    fhir_statement_close(w->buf, n);
}

static void put_conditional(writer_t *w)
{
    unsigned offered = w->endpoint->interactions;

    fhir_buf_printf(w->buf, ",\"conditionalCreate\":%s,\"conditionalUpdate\":%s",
                    offered & FHIR_INTERACTION_CREATE ? "true" : "false",
                    offered & FHIR_INTERACTION_UPDATE ? "true" : "false");
    if (offered & FHIR_INTERACTION_DELETE)
        fhir_buf_printf(w->buf, ",\"conditionalDelete\":\"%s\"",
                        fhir_statement_deletes(w->endpoint));
}

static void put_resource(writer_t *w, const fhir_type_t *type)
{
    const char *name = fhir_model_str(w->endpoint->spoken, type->name);

    fhir_buf_printf(w->buf,
                    "{\"type\":\"%s\",\"profile\":{\"reference\":"
                    "\"http://hl7.org/fhir/StructureDefinition/%s\"}",
                    name, name);
    put_interactions(w, FHIR_LEVEL_TYPE);
    fhir_buf_printf(w->buf,
                    ",\"versioning\":\"versioned\",\"readHistory\":%s,\"updateCreate\":false",
                    w->endpoint->interactions & FHIR_INTERACTION_VREAD ? "true" : "false");
    put_conditional(w);
    put_includes(w, type);
    put_params(w, type, 0);
    fhir_buf_putc(w->buf, '}');
}

static const char *transaction_mode(unsigned offered)
{
    int batch = (offered & FHIR_INTERACTION_BATCH) != 0;
    int transaction = (offered & FHIR_INTERACTION_TRANSACTION) != 0;
    return batch && transaction ? "both"
           : batch              ? "batch"
           : transaction        ? "transaction"
                                : "not-supported";
}

static void put_profiles(writer_t *w)
{
    int n = 0;

    for (const fhir_convert_profile_t *p = fhir_convert_profiles; p->type; p++) {
        fhir_statement_item(w->buf, &n, "profile");
        fhir_buf_printf(w->buf, "{\"reference\":\"%s\"}", p->url);
    }
    fhir_statement_close(w->buf, n);
}

static void put_rest(writer_t *w)
{
    const fhir_model_t *m = w->endpoint->spoken;
    const char *before = "";
    int n = 0;

    fhir_buf_puts(w->buf, ",\"rest\":[{\"mode\":\"server\"");
    fhir_statement_security(w->buf, w->made, w->endpoint);
    for (int i = 1; i <= m->n_resources; i++) {
        const char *name = fhir_model_str(m, m->types[i].name);
        const fhir_convert_type_t *t = fhir_convert_types;
        while (t->r4 && (t->contained || strcmp(t->dstu2, name) != 0))
            t++;
        if (!t->r4 || strcmp(before, name) == 0)
            continue;
        fhir_statement_item(w->buf, &n, "resource");
        put_resource(w, &m->types[i]);
        before = name;
    }
    fhir_statement_close(w->buf, n);
    put_interactions(w, FHIR_LEVEL_SYSTEM);
    fhir_buf_printf(w->buf, ",\"transactionMode\":\"%s\"",
                    transaction_mode(w->endpoint->interactions));
    put_params(w, fhir_model_resource(m, "Patient", 7), 1);
    put_operations(w);
    fhir_buf_puts(w->buf, "}]");
}

fhir_err_t *fhir_conformance_build(const fhir_capability_t **out, const fhir_endpoint_t *endpoint,
                                   apr_pool_t *pool)
{
    fhir_capability_t *made = apr_pcalloc(pool, sizeof(*made));
    writer_t w = {fhir_buf_create(pool, 16 * 1024 * 1024), endpoint, made, NULL};

    apr_pool_create(&w.pool, pool);
    fhir_buf_printf(w.buf,
                    "{\"resourceType\":\"Conformance\",\"name\":\"mod_fhir\",\"status\":\"active\","
                    "\"date\":\"" FHIR_STATEMENT_DATE
                    "\",\"kind\":\"instance\",\"software\":{\"name\":"
                    "\"mod_fhir\",\"version\":\"" PACKAGE_VERSION
                    "\"},\"fhirVersion\":\"%s\",\"acceptUnknown\":\"extensions\",\"format\":["
                    "\"json\",\"xml\",\"application/json+fhir\",\"application/xml+fhir\"],"
                    "\"implementation\":{\"description\":\"mod_fhir\",\"url\":\"",
                    endpoint->spoken->version);
    fhir_statement_base(made, w.buf);
    fhir_buf_puts(w.buf, "\"}");
    put_profiles(&w);
    put_rest(&w);
    fhir_buf_putc(w.buf, '}');
    apr_pool_destroy(w.pool);
    *out = made;
    return fhir_statement_finish(made, w.buf, pool);
}
