/* SPDX-License-Identifier: Apache-2.0 */
/* The parts that R4's CapabilityStatement and DSTU2's Conformance have in common. */
#include "fhir/fhir_statement.h"

#include <apr_strings.h>

void fhir_statement_string(fhir_buf_t *buf, const char *s)
{
    fhir_buf_json_string(buf, s, strlen(s));
}

void fhir_statement_item(fhir_buf_t *buf, int *n, const char *name)
{
    if ((*n)++)
        fhir_buf_putc(buf, ',');
    else
        fhir_buf_printf(buf, ",\"%s\":[", name);
}

void fhir_statement_close(fhir_buf_t *buf, int n)
{
    if (n)
        fhir_buf_putc(buf, ']');
}

const char *fhir_statement_kind(int kind)
{
    static const char *const words[] = {
        [FHIR_PARAM_NUMBER] = "number",       [FHIR_PARAM_DATE] = "date",
        [FHIR_PARAM_STRING] = "string",       [FHIR_PARAM_TOKEN] = "token",
        [FHIR_PARAM_REFERENCE] = "reference", [FHIR_PARAM_COMPOSITE] = "composite",
        [FHIR_PARAM_QUANTITY] = "quantity",   [FHIR_PARAM_URI] = "uri",
        [FHIR_PARAM_SPECIAL] = "special"};
    return words[kind];
}

const char *fhir_statement_deletes(const fhir_endpoint_t *endpoint)
{
    static const char *const words[] = {"not-supported", "single", "multiple"};
    return words[endpoint->writing.conditional_delete];
}

/* Source: http://hl7.org/fhir/R4/capabilitystatement.html, and terminologycapabilities.html */
void fhir_statement_begin(fhir_buf_t *buf, fhir_capability_t *made, const fhir_endpoint_t *endpoint,
                          const char *type, const char *query)
{
    fhir_buf_printf(buf, "{\"resourceType\":\"%s\",\"url\":\"", type);
    fhir_statement_base(made, buf);
    fhir_buf_printf(buf,
                    "/metadata%s\",\"version\":\"" PACKAGE_VERSION "\",\"name\":\"ModFhir%s\","
                    "\"title\":\"FHIR %s API of mod_fhir\",\"status\":\"active\","
                    "\"date\":\"" FHIR_STATEMENT_DATE "\",\"publisher\":",
                    query, type, endpoint->spoken->label);
    fhir_statement_string(buf, endpoint->publisher ? endpoint->publisher : "mod_fhir");
    fhir_buf_puts(buf, ",\"description\":\"What this endpoint offers now, as it is configured\","
                       "\"kind\":\"instance\",\"software\":{\"name\":\"mod_fhir\",\"version\":"
                       "\"" PACKAGE_VERSION "\"},\"implementation\":{\"description\":");
    fhir_statement_string(buf, endpoint->publisher ? endpoint->publisher : "mod_fhir");
    fhir_buf_puts(buf, ",\"url\":\"");
    fhir_statement_base(made, buf);
    fhir_buf_puts(buf, "\"}");
}

void fhir_statement_base(fhir_capability_t *made, const fhir_buf_t *buf)
{
    made->places[made->n_places++] = buf->len;
}

/* Security: the addresses of the authorization server are below the base (auth/).
 * Source: http://hl7.org/fhir/smart-app-launch/1.0.0/conformance/ */
void fhir_statement_security(fhir_buf_t *buf, fhir_capability_t *made,
                             const fhir_endpoint_t *endpoint)
{
    static const struct {
        const char *name, *path;
    } uris[] = {{"authorize", "authorize"}, {"token", "token"},   {"introspect", "introspect"},
                {"manage", "manage"},       {"revoke", "revoke"}, {"register", "register"}};
    apr_size_t n = sizeof(uris) / sizeof(*uris) - !endpoint->registers;
    if (endpoint->audience == FHIR_AUDIENCE_OPEN)
        return;
    fhir_buf_puts(buf,
                  ",\"security\":{\"extension\":[{\"url\":\"http://fhir-registry.smarthealthit."
                  "org/StructureDefinition/oauth-uris\",\"extension\":[");
    for (apr_size_t i = 0; i < n; i++) {
        fhir_buf_printf(buf, "%s{\"url\":\"%s\",\"valueUri\":\"", i ? "," : "", uris[i].name);
        fhir_statement_base(made, buf);
        fhir_buf_printf(buf, "/auth/%s\"}", uris[i].path);
    }
    fhir_buf_printf(buf,
                    "]}],\"cors\":true,\"service\":[{\"coding\":[{\"system\":\"%s/restful-security-"
                    "service\",\"code\":\"SMART-on-FHIR\"}],"
                    "\"text\":\"OAuth2 using SMART-on-FHIR profile (see "
                    "http://docs.smarthealthit.org)\"}]}",
                    endpoint->convert ? "http://hl7.org/fhir"
                                      : "http://terminology.hl7.org/CodeSystem");
}

fhir_err_t *fhir_statement_finish(fhir_capability_t *made, fhir_buf_t *buf, apr_pool_t *pool)
{
    if (buf->overflow)
        return fhir_err_create(pool, FHIR_ERR_INTERNAL, "capability statement out of memory");
    made->len = buf->len;
    made->text = apr_pstrmemdup(pool, buf->data, buf->len);
    fhir_buf_free(buf);
    return NULL;
}
