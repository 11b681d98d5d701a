/* SPDX-License-Identifier: Apache-2.0 */
/* A Postman collection whose requests test their answers, and an environment for it. */
#include <apr_strings.h>

#include "portal/fhir_portal_docs.h"

static void put_header(fhir_buf_t *buf, const char *name, const char *value)
{
    fhir_buf_printf(buf, "%s{\"key\":\"%s\",\"value\":", buf->data[buf->len - 1] == '[' ? "" : ",",
                    name);
    fhir_portal_json(buf, value);
    fhir_buf_putc(buf, '}');
}

/* The beginning of a request, with a script that tests its answer, up to its headers. */
static void begin_request(fhir_buf_t *buf, int *n, const char *name, const char *script,
                          const char *method)
{
    fhir_buf_printf(buf, "%s{\"name\":", (*n)++ ? "," : "");
    fhir_portal_json(buf, name);
    fhir_buf_puts(buf, ",\"event\":[{\"listen\":\"test\",\"script\":{\"type\":\"text/javascript\","
                       "\"exec\":[");
    fhir_portal_json(buf, script);
    fhir_buf_printf(buf, "]}}],\"request\":{\"method\":\"%s\",\"header\":[", method);
}

static void put_get(fhir_buf_t *buf, const fhir_docs_t *docs, int *n, const char *name,
                    const char *path)
{
    begin_request(buf, n, name, "pm.test('200', () => pm.response.to.have.status(200));", "GET");
    put_header(buf, "Accept", fhir_docs_media(docs));
    fhir_buf_puts(buf, "],\"url\":");
    fhir_portal_json(buf, apr_pstrcat(docs->call->pool, "{{base}}/", path, NULL));
    fhir_buf_puts(buf, "},\"response\":[]}");
}

/* A create, whose script keeps the id and the version, or the update of what it made. */
static void put_write(fhir_buf_t *buf, const fhir_docs_t *docs, int *n, const char *type,
                      int is_update)
{
    static const char create[] =
        "pm.test('201, with the address and the version', () => { pm.response.to.have.status(201);"
        " const at = /\\/([^/]+)\\/_history\\/1$/.exec(pm.response.headers.get('Location'));"
        " pm.collectionVariables.set('id', at[1]);"
        " pm.collectionVariables.set('version', pm.response.headers.get('ETag')); });";
    static const char update[] =
        "pm.test('200, and the next version', () => { pm.response.to.have.status(200);"
        " pm.expect(pm.response.headers.get('ETag')).to.equal('W/\"2\"'); });";
    fhir_buf_t *body = fhir_buf_create(docs->call->pool, 0);
    begin_request(buf, n,
                  apr_pstrcat(docs->call->pool, is_update ? "Update " : "Create ", type, NULL),
                  is_update ? update : create, is_update ? "PUT" : "POST");
    put_header(buf, "Content-Type", fhir_docs_media(docs));
    put_header(buf, "Accept", fhir_docs_media(docs));
    if (is_update)
        put_header(buf, "If-Match", "{{version}}");
    fhir_docs_body(body, docs, type, is_update ? "{{id}}" : NULL);
    fhir_buf_puts(buf, "],\"url\":");
    fhir_portal_json(
        buf, apr_pstrcat(docs->call->pool, "{{base}}/", type, is_update ? "/{{id}}" : "", NULL));
    fhir_buf_puts(buf, ",\"body\":{\"mode\":\"raw\",\"raw\":");
    fhir_buf_json_string(buf, body->data, body->len);
    fhir_buf_puts(buf, ",\"options\":{\"raw\":{\"language\":\"json\"}}}},\"response\":[]}");
}

/* Creates and updates of all types in a folder of their own: who runs the reading ones stores
 * nothing. */
static void put_writes(fhir_buf_t *buf, const fhir_docs_t *docs)
{
    int n = 0;
    for (const fhir_node_t *r = fhir_docs_items(docs->all, "resource"); r; r = r->next) {
        const char *type = fhir_docs_string(docs, r, "type");
        if (!fhir_docs_has(r, "create"))
            continue;
        if (!n)
            fhir_buf_puts(buf, ",{\"name\":\"Create and update\",\"description\":\"Stores records: "
                               "for a server with sample data (fhirctl sample). The token needs "
                               "rights to write.\",\"item\":[");
        put_write(buf, docs, &n, type, 0);
        if (fhir_docs_has(r, "update"))
            put_write(buf, docs, &n, type, 1);
    }
    fhir_buf_puts(buf, n ? "]}" : "");
}

void fhir_docs_postman(fhir_buf_t *buf, const fhir_docs_t *docs)
{
    apr_pool_t *pool = docs->call->pool;
    int n = 0;
    fhir_buf_puts(buf, "{\"info\":{\"name\":");
    fhir_portal_json(buf, apr_pstrcat(pool, "FHIR ", docs->endpoint->endpoint.spoken->label, NULL));
    fhir_buf_puts(buf, ",\"schema\":\"https://schema.getpostman.com/json/collection/v2.1.0/"
                       "collection.json\"},\"auth\":{\"type\":\"bearer\",\"bearer\":[{\"key\":"
                       "\"token\",\"value\":\"{{token}}\",\"type\":\"string\"}]},\"variable\":[{"
                       "\"key\":\"base\",\"value\":");
    fhir_portal_json(buf, docs->endpoint->base_url);
    fhir_buf_puts(buf, "},{\"key\":\"token\",\"value\":\"\"}],\"item\":[");
    put_get(buf, docs, &n, "CapabilityStatement", "metadata");
    put_get(buf, docs, &n, "SMART configuration", ".well-known/smart-configuration");
    for (const fhir_node_t *r = fhir_docs_items(docs->all, "resource"); r; r = r->next) {
        const char *type = fhir_docs_string(docs, r, "type");
        if (fhir_docs_has(r, "search-type") &&
            (docs->endpoint->endpoint.spoken != &fhir_model_r4 || fhir_docs_is_core(docs, type)))
            put_get(buf, docs, &n, apr_pstrcat(pool, "Search ", type, NULL),
                    apr_pstrcat(pool, type, "?_count=5", NULL));
    }
    put_writes(buf, docs);
    fhir_buf_puts(buf, "]}");
}

/* The variables of the collection, for Postman to keep a token in. */
void fhir_docs_environment(fhir_buf_t *buf, const fhir_docs_t *docs)
{
    const char *label = docs->endpoint->endpoint.spoken->label;
    const char *practice = docs->endpoint->practice ? docs->endpoint->practice : "FHIR";
    fhir_buf_puts(buf, "{\"name\":");
    fhir_portal_json(buf, apr_pstrcat(docs->call->pool, practice, " ", label, NULL));
    fhir_buf_puts(buf, ",\"values\":[{\"key\":\"base\",\"value\":");
    fhir_portal_json(buf, docs->endpoint->base_url);
    fhir_buf_puts(buf, ",\"type\":\"default\",\"enabled\":true},{\"key\":\"token\",\"value\":\"\","
                       "\"type\":\"secret\",\"enabled\":true}],"
                       "\"_postman_variable_scope\":\"environment\"}");
}
