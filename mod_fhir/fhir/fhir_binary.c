/* SPDX-License-Identifier: Apache-2.0 */
/* Binary as its own content, in both directions. */
#include "fhir/fhir_binary.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include "core/fhir_base64.h"
#include "core/fhir_node.h"

static int is_binary(const fhir_call_t *call)
{
    return call->type && !strcmp(fhir_model_str(call->stored, call->type->name), "Binary");
}

/* 1 if a header names one of FHIR's own media types: application/fhir+json, application/xml+fhir.
 * Plain application/json may be the type of the content. */
static int names_fhir(const char *header)
{
    for (const char *s = header; s && *s; s++)
        if (!strncasecmp(s, "fhir+", 5) || !strncasecmp(s, "+fhir", 5))
            return 1;
    return 0;
}

int fhir_binary_wants_raw(const fhir_call_t *call)
{
    return is_binary(call) && call->id && !strcmp(call->request->method, "GET") &&
           !call->request->within && !fhir_pairs_get(&call->pairs, "_format") &&
           !names_fhir(fhir_call_header(call, "Accept"));
}

const char *fhir_binary_decode(apr_size_t *len, const char *data, apr_pool_t *pool)
{
    char *content;

    fhir_base64_decode(&content, len, data, strlen(data), FHIR_BASE64_SPACES, pool);
    return content;
}

/* 1 if a stored text can be the value of a header: httpd ends a request whose header has a
 * newline. */
static int is_field_value(const char *s)
{
    while (s && *s && !apr_iscntrl(*s))
        s++;
    return s && !*s;
}

fhir_err_t *fhir_binary_answer(fhir_call_t *call, const char *json, apr_size_t len)
{
    fhir_response_t *response = call->response;
    fhir_node_t *root;
    apr_size_t n;

    FHIR_TRY(fhir_node_parse_json(&root, json, len, FHIR_NODE_LIMITS_MOST, call->pool));
    const char *type = fhir_node_string(root, "contentType", call->pool);
    const char *data = fhir_node_string(root, "data", call->pool);
    const char *context =
        fhir_node_string(fhir_node_get(root, "securityContext"), "reference", call->pool);
    if (is_field_value(context))
        apr_table_setn(response->headers, "X-Security-Context", context);
    /* An uploaded page or picture must not run as a page of this server. */
    apr_table_setn(response->headers, "Content-Security-Policy", "sandbox; default-src 'none'");
    response->status = 200;
    response->content_type = is_field_value(type) ? type : "application/octet-stream";
    if (!data)
        return NULL;
    const char *content = fhir_binary_decode(&n, data, call->pool);
    return response->body->write(response->body, content, n);
}

/* The content types of an HTML form, which any page may make a browser send to any server. */
static int is_form_type(const char *type)
{
    static const char *const types[] = {"text/plain", "multipart/form-data",
                                        "application/x-www-form-urlencoded"};
    apr_size_t len = strcspn(type, "; \t,");
    for (apr_size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (len == strlen(types[i]) && !strncasecmp(type, types[i], len))
            return 1;
    return 0;
}

/* A form cannot set headers. Authorization may come from the browser, but a Bearer token does
 * not. */
fhir_err_t *fhir_binary_check_form(const fhir_call_t *call)
{
    const char *type = fhir_call_header(call, "Content-Type");
    const char *authorization = fhir_call_header(call, "Authorization");
    if (strcmp(call->request->method, "POST") != 0 || !is_form_type(type) ||
        (authorization && !strncasecmp(authorization, "Bearer ", 7)) ||
        fhir_call_header(call, "X-Requested-With"))
        return NULL;
    return fhir_err_create(call->pool, FHIR_ERR_MEDIA_TYPE,
                           "A form of any web page can send %.*s, so it is not accepted without an "
                           "access token; add the header X-Requested-With, or send a Binary "
                           "resource as application/fhir+json",
                           (int)strcspn(type, "; \t,"), type);
}

int fhir_binary_is_raw_body(const fhir_call_t *call)
{
    const char *type = fhir_call_header(call, "Content-Type");

    return is_binary(call) && type && *type && !names_fhir(type);
}

fhir_err_t *fhir_binary_json(fhir_buf_t *json, const fhir_call_t *call, const char *body,
                             apr_size_t len)
{
    const char *type = fhir_call_header(call, "Content-Type");
    const char *context = fhir_call_header(call, "X-Security-Context");
    int differs = call->endpoint->convert != NULL;
    if (differs && context) /* securityContext must be obeyed, and a raw body has no place for it */
        return fhir_err_create(call->pool, FHIR_ERR_BAD_REQUEST,
                               "A Binary of FHIR %s has no security context; send it to the FHIR "
                               "%s base",
                               call->spoken->label, call->stored->label);
    fhir_buf_puts(json, "{\"resourceType\":\"Binary\"");
    if (call->id)
        fhir_buf_printf(json, ",\"id\":\"%s\"", call->id);
    fhir_buf_puts(json, ",\"contentType\":");
    fhir_buf_json_string(json, type, strlen(type));
    if (context) {
        fhir_buf_puts(json, ",\"securityContext\":{\"reference\":");
        fhir_buf_json_string(json, context, strlen(context));
        fhir_buf_putc(json, '}');
    }
    if (len)
        fhir_buf_printf(json, differs ? ",\"content\":\"%s\"" : ",\"data\":\"%s\"",
                        fhir_base64_encode(body, len, FHIR_BASE64_PLAIN, call->pool));
    fhir_buf_putc(json, '}');
    return NULL;
}
