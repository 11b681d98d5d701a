/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAPI: each type and interaction of an endpoint, with the bodies of its pages. */
#include <apr_strings.h>

#include "portal/fhir_portal_docs.h"

static void put_content(fhir_buf_t *buf, const fhir_docs_t *docs, const char *type)
{
    fhir_buf_printf(buf, "\"content\":{\"%s\":{\"schema\":{\"$ref\":\"#/components/schemas/%s\"}",
                    fhir_docs_media(docs), type);
}

/* The answers to a request: 200 with a resource of the type; of a write, status, with the version
 * that it stored, and the refusals of writes. */
static void put_responses(fhir_buf_t *buf, const fhir_docs_t *docs, const char *type,
                          const char *written)
{
    static const char *const errors[] = {"400", "401", "403", "404", /* of writes: */
                                         "405", "409", "412", "422", "428"};
    int n = written ? (int)(sizeof(errors) / sizeof(*errors)) : 4;
    fhir_buf_printf(buf, "\"responses\":{\"%s\":{\"description\":\"%s\",",
                    written ? written : "200", type);
    if (written)
        fhir_buf_puts(buf, "\"headers\":{\"Location\":{\"$ref\":\"#/components/headers/Location\"},"
                           "\"ETag\":{\"$ref\":\"#/components/headers/ETag\"}},");
    put_content(buf, docs, type);
    fhir_buf_puts(buf, "}}}");
    for (int i = 0; i < n; i++)
        fhir_buf_printf(buf, ",\"%s\":{\"$ref\":\"#/components/responses/Error\"}", errors[i]);
    fhir_buf_puts(buf, "}}");
}

static void put_operation(fhir_buf_t *buf, int *n, const char *method, const char *type,
                          const char *code, const char *summary)
{
    fhir_buf_printf(buf, "%s\"%s\":{\"operationId\":\"%s-%s\",\"tags\":[\"%s\"],\"summary\":",
                    (*n)++ ? "," : "", method, code, type, type);
    fhir_portal_json(buf, summary);
    fhir_buf_putc(buf, ',');
}

static void put_search(fhir_buf_t *buf, const fhir_docs_t *docs, const fhir_node_t *resource)
{
    int n = 0;
    fhir_buf_puts(buf, "\"parameters\":[");
    for (const fhir_node_t *p = fhir_docs_items(resource, "searchParam"); p; p = p->next) {
        fhir_buf_printf(buf, "%s{\"name\":", n++ ? "," : "");
        fhir_portal_json(buf, fhir_docs_string(docs, p, "name"));
        fhir_buf_puts(buf, ",\"in\":\"query\",\"description\":");
        fhir_portal_json(buf, apr_pstrcat(docs->call->pool, fhir_docs_string(docs, p, "type"), ": ",
                                          fhir_docs_string(docs, p, "documentation"), NULL));
        fhir_buf_puts(buf, ",\"schema\":{\"type\":\"string\"}}");
    }
    fhir_buf_printf(buf, "%s{\"$ref\":\"#/components/parameters/count\"}],", n ? "," : "");
    put_responses(buf, docs, "Bundle", NULL);
}

static void put_body(fhir_buf_t *buf, const fhir_docs_t *docs, const char *type, const char *id)
{
    fhir_buf_puts(buf, "\"requestBody\":{\"required\":true,");
    put_content(buf, docs, type);
    fhir_buf_puts(buf, ",\"example\":");
    fhir_docs_body(buf, docs, type, id);
    fhir_buf_puts(buf, "}}},");
}

static void put_paths(fhir_buf_t *buf, const fhir_docs_t *docs, const fhir_node_t *resource)
{
    const char *type = fhir_docs_string(docs, resource, "type");
    int n = 0;
    fhir_buf_printf(buf, ",\"/%s\":{", type);
    if (fhir_docs_has(resource, "search-type")) {
        put_operation(buf, &n, "get", type, "search",
                      apr_pstrcat(docs->call->pool, "Search ", type, NULL));
        put_search(buf, docs, resource);
    }
    if (fhir_docs_has(resource, "create")) {
        put_operation(buf, &n, "post", type, "create",
                      apr_pstrcat(docs->call->pool, "Create ", type, NULL));
        put_body(buf, docs, type, NULL);
        put_responses(buf, docs, type, "201");
    }
    fhir_buf_printf(
        buf, "},\"/%s/{id}\":{\"parameters\":[{\"$ref\":\"#/components/parameters/id\"}]", type);
    n = 1;
    if (fhir_docs_has(resource, "read")) {
        put_operation(buf, &n, "get", type, "read",
                      apr_pstrcat(docs->call->pool, "Read ", type, NULL));
        put_responses(buf, docs, type, NULL);
    }
    if (fhir_docs_has(resource, "update")) {
        put_operation(buf, &n, "put", type, "update",
                      apr_pstrcat(docs->call->pool, "Replace ", type, NULL));
        fhir_buf_puts(buf, "\"parameters\":[{\"$ref\":\"#/components/parameters/version\"}],");
        put_body(buf, docs, type, "123");
        put_responses(buf, docs, type, "200");
    }
    fhir_buf_putc(buf, '}');
}

void fhir_docs_openapi(fhir_buf_t *buf, const fhir_docs_t *docs)
{
    const char *auth = apr_pstrcat(docs->call->pool, docs->endpoint->base_url, "/auth/", NULL);
    int n = 0;
    fhir_buf_puts(buf, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"FHIR API\",\"version\":");
    fhir_portal_json(buf, docs->endpoint->endpoint.spoken->version);
    fhir_buf_puts(buf, ",\"description\":\"Made of the endpoint's CapabilityStatement.\"},"
                       "\"servers\":[{\"url\":");
    fhir_portal_json(buf, docs->endpoint->base_url);
    fhir_buf_puts(buf, "}],\"security\":[{\"smart\":[]}],\"paths\":{\"/metadata\":{\"get\":{"
                       "\"operationId\":\"capabilities\",\"summary\":\"CapabilityStatement\","
                       "\"security\":[],");
    put_responses(buf, docs, "CapabilityStatement", NULL);
    fhir_buf_putc(buf, '}');
    for (const fhir_node_t *r = fhir_docs_items(docs->all, "resource"); r; r = r->next)
        put_paths(buf, docs, r);
    fhir_buf_puts(buf,
                  "},\"components\":{\"parameters\":{\"id\":{\"name\":\"id\",\"in\":\"path\","
                  "\"required\":true,\"schema\":{\"type\":\"string\"}},\"count\":{\"name\":"
                  "\"_count\",\"in\":\"query\",\"description\":\"Resources on a page\","
                  "\"schema\":{\"type\":\"integer\",\"minimum\":0}},\"version\":{\"name\":"
                  "\"If-Match\",\"in\":\"header\",\"description\":\"The ETag of the version "
                  "that the body replaces\",\"example\":\"W/\\\"1\\\"\",\"schema\":{\"type\":"
                  "\"string\"}}},\"headers\":{\"Location\":{\"description\":\"Address of the "
                  "version that was stored\",\"schema\":{\"type\":\"string\"}},\"ETag\":{"
                  "\"description\":\"The version, for If-Match of the next update\",\"schema\":"
                  "{\"type\":\"string\"}}},\"responses\":{\"Error\":"
                  "{\"description\":\"What is wrong\",");
    put_content(buf, docs, "OperationOutcome");
    fhir_buf_puts(buf, "}}}},\"securitySchemes\":{\"smart\":{\"type\":\"oauth2\",\"flows\":{"
                       "\"authorizationCode\":{\"authorizationUrl\":");
    fhir_portal_json(buf, apr_pstrcat(docs->call->pool, auth, "authorize", NULL));
    fhir_buf_puts(buf, ",\"tokenUrl\":");
    fhir_portal_json(buf, apr_pstrcat(docs->call->pool, auth, "token", NULL));
    fhir_buf_puts(buf,
                  ",\"scopes\":{\"launch/patient\":\"choose a patient\",\"patient/*.rs\":"
                  "\"read the patient's records\",\"user/*.rs\":\"read what the user may\"}}}}},"
                  "\"schemas\":{");
    for (const fhir_node_t *r = fhir_docs_items(docs->all, "resource"); r; r = r->next) {
        const char *type = fhir_docs_string(docs, r, "type");
        fhir_buf_printf(buf,
                        "%s\"%s\":{\"type\":\"object\",\"required\":[\"resourceType\"],"
                        "\"properties\":{\"resourceType\":{\"const\":\"%s\"}}}",
                        n++ ? "," : "", type, type);
    }
    fhir_buf_puts(buf, fhir_docs_type(docs, "Bundle") ? "" : ",\"Bundle\":{\"type\":\"object\"}");
    fhir_buf_puts(buf, fhir_docs_type(docs, "OperationOutcome")
                           ? ""
                           : ",\"OperationOutcome\":{\"type\":\"object\"}");
    fhir_buf_puts(buf, fhir_docs_type(docs, "CapabilityStatement")
                           ? ""
                           : ",\"CapabilityStatement\":{\"type\":\"object\"}");
    fhir_buf_puts(buf, "}}}");
}
