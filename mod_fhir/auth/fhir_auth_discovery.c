/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Public documents: the configurations of SMART, OpenID Connect and OAuth, the signing keys, the
 * page that explains refusals, style sheet and scripts.
 * Source: https://hl7.org/fhir/smart-app-launch/conformance.html; OpenID Connect Discovery 1.0; RFC
 * 8414; RFC 7517
 */
#include <apr_strings.h>
#include <string.h>

#include "auth/fhir_auth_private.h"

#define KEEP "public, max-age=300"

static void answer(fhir_auth_call_t *call, const char *type, const char *text, apr_size_t len,
                   const char *keep)
{
    call->response->status = 200;
    call->response->content_type = type;
    apr_table_setn(call->response->headers, "Cache-Control", keep);
    fhir_buf_append(call->response->body, text, len);
}

static int for_patients(const fhir_auth_call_t *call)
{
    return call->request->endpoint->audience == FHIR_AUDIENCE_PATIENT;
}

/* Members that all three documents have. */
static void common(fhir_buf_t *buf, const fhir_auth_call_t *call)
{
    static const struct {
        const char *member, *name;
    } urls[] = {
        {"authorization_endpoint", "authorize"},  {"token_endpoint", "token"},
        {"introspection_endpoint", "introspect"}, {"revocation_endpoint", "revoke"},
        {"management_endpoint", "manage"},        {"userinfo_endpoint", "userinfo"},
        {"end_session_endpoint", "logout"},       {"jwks_uri", "keys"},
    };
    fhir_buf_puts(buf, "{\"issuer\":");
    fhir_buf_json_string(buf, call->request->base_url, strlen(call->request->base_url));
    for (apr_size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++)
        fhir_auth_member(buf, urls[i].member, fhir_auth_url(call, urls[i].name));
    if (call->request->config->registration != FHIR_REGISTRATION_OFF)
        fhir_auth_member(buf, "registration_endpoint", fhir_auth_url(call, "register"));
    fhir_auth_member(buf, "service_documentation", fhir_auth_url(call, "help"));
    fhir_buf_puts(
        buf,
        ",\"response_types_supported\":[\"code\"],\"response_modes_supported\":[\"query\","
        "\"form_post\"],\"code_challenge_methods_supported\":[\"S256\"],"
        "\"token_endpoint_auth_methods_supported\":[\"none\",\"client_secret_basic\","
        "\"client_secret_post\",\"private_key_jwt\"],"
        "\"token_endpoint_auth_signing_alg_values_supported\":[\"RS384\",\"ES384\",\"RS256\","
        "\"ES256\"],\"introspection_endpoint_auth_methods_supported\":[\"client_secret_basic\","
        "\"client_secret_post\",\"private_key_jwt\"],\"revocation_endpoint_auth_methods_supported\""
        ":[\"none\",\"client_secret_basic\",\"client_secret_post\",\"private_key_jwt\"],"
        "\"authorization_response_iss_parameter_supported\":true,"
        "\"ui_locales_supported\":[\"en\",\"es\"]");
    fhir_buf_puts(buf, ",\"grant_types_supported\":[\"authorization_code\",\"refresh_token\"");
    fhir_buf_puts(buf, for_patients(call) ? "]" : ",\"client_credentials\"]");
    fhir_buf_puts(buf, ",\"scopes_supported\":[\"openid\",\"fhirUser\",\"profile\","
                       "\"launch/patient\",\"offline_access\",\"online_access\",\"patient/*.rs\","
                       "\"patient/*.cruds\",\"patient/*.read\",\"patient/*.*\"");
    for (const fhir_scope_part_t *part = fhir_scope_parts; part->type; part++)
        fhir_buf_printf(buf, ",\"patient/%s.rs?%s\"", part->type, part->query);
    fhir_buf_puts(buf, ",\"user/*.rs\",\"user/*.read\"");
    if (!for_patients(call))
        fhir_buf_puts(buf, ",\"launch\",\"user/*.cruds\",\"user/*.*\",\"system/*.rs\","
                           "\"system/*.cruds\",\"system/*.read\",\"system/*.*\"");
    fhir_buf_putc(buf, ']');
}

/* Where the practice's portals list the endpoint: SMART App Launch 2.2, User-access Brands. */
static void brand(fhir_buf_t *buf, const fhir_auth_call_t *call)
{
    const char *portal = call->request->portal_url;
    const char *release = call->request->endpoint->spoken->label;
    if (!portal)
        return;
    const char *brands = apr_pstrcat(call->pool, portal, "/directory/brands", NULL);
    fhir_auth_member(buf, "user_access_brand_bundle",
                     strcmp(release, "R4") ? apr_pstrcat(call->pool, brands, "/", release, NULL)
                                           : brands);
    fhir_buf_puts(buf, ",\"user_access_brand_identifier\":{\"system\":\"urn:ietf:rfc:3986\"");
    fhir_auth_member(buf, "value", apr_pstrcat(call->pool, brands, "#", call->tenant, NULL));
    fhir_buf_putc(buf, '}');
}

fhir_err_t *fhir_auth_smart(fhir_auth_call_t *call)
{
    static const char both[] =
        ",\"capabilities\":[\"launch-standalone\",\"authorize-post\",\"client-public\","
        "\"client-confidential-symmetric\",\"client-confidential-asymmetric\","
        "\"sso-openid-connect\",\"context-standalone-patient\",\"permission-offline\","
        "\"permission-online\",\"permission-patient\",\"permission-user\",\"permission-v1\","
        "\"permission-v2\"";
    static const char staff[] = ",\"launch-ehr\",\"context-banner\",\"context-style\","
                                "\"context-ehr-patient\",\"context-ehr-encounter\"";
    fhir_buf_t *buf = fhir_buf_create(call->pool, 0);
    common(buf, call);
    brand(buf, call);
    fhir_buf_puts(buf, both);
    fhir_buf_puts(buf, for_patients(call) ? "" : staff);
    fhir_buf_puts(buf, "]}");
    answer(call, "application/json", buf->data, buf->len, KEEP);
    return NULL;
}

fhir_err_t *fhir_auth_openid(fhir_auth_call_t *call)
{
    fhir_buf_t *buf = fhir_buf_create(call->pool, 0);
    common(buf, call);
    fhir_buf_puts(buf, ",\"subject_types_supported\":[\"public\"],"
                       "\"id_token_signing_alg_values_supported\":[\"RS256\",\"ES384\"],"
                       "\"claims_supported\":[\"iss\",\"sub\",\"aud\",\"exp\",\"iat\","
                       "\"auth_time\",\"nonce\",\"fhirUser\",\"profile\",\"name\"],"
                       "\"prompt_values_supported\":[\"none\",\"login\",\"consent\"],"
                       "\"request_parameter_supported\":false,"
                       "\"request_uri_parameter_supported\":false,"
                       "\"claims_parameter_supported\":false}");
    answer(call, "application/json", buf->data, buf->len, KEEP);
    return NULL;
}

/* ---- keys ---- */

typedef struct keys_t {
    fhir_buf_t *buf;
    int n;
} keys_t;

static fhir_err_t *read_jwk(void *baton, const fhir_row_t *row)
{
    keys_t *keys = baton;
    fhir_buf_printf(keys->buf, "%s%s", keys->n++ ? "," : "", fhir_row_text(row, 0));
    return NULL;
}

/* The keys of all tokens that are still valid, and those that will sign soon. A client that caches
 * this document therefore knows each key before its first use. */
fhir_err_t *fhir_auth_keys(fhir_auth_call_t *call)
{
    keys_t keys = {fhir_buf_create(call->pool, 0), 0};
    fhir_buf_puts(keys.buf, "{\"keys\":[");
    FHIR_TRY(fhir_auth_sql(call,
                           "SELECT jwk FROM @signing_key WHERE coalesce(retired > now() - "
                           "interval '1 day', true) ORDER BY active DESC",
                           0, 0, NULL, read_jwk, &keys, NULL));
    fhir_buf_puts(keys.buf, "]}");
    answer(call, "application/json", keys.buf->data, keys.buf->len, KEEP);
    return NULL;
}

/* ---- pages for everybody ---- */

fhir_err_t *fhir_auth_help(fhir_auth_call_t *call)
{
    fhir_view_t *view = fhir_auth_view(call);
    fhir_view_set(
        view, "configuration",
        apr_pstrcat(call->pool, call->request->base_url, "/.well-known/smart-configuration", NULL));
    for (int i = 1; i < FHIR_REFUSAL_COUNT; i++) {
        const fhir_refusal_row_t *row = &fhir_refusals[i];
        fhir_view_t *item = fhir_view_add(view, "refusals");
        fhir_view_set(item, "name", row->name);
        fhir_view_set(item, "error", row->error);
        fhir_view_set(item, "who", apr_pstrcat(call->pool, "role-", row->who, NULL));
        fhir_view_set(item, "what", fhir_refusal_what(row, call->language, call->pool));
    }
    return fhir_auth_page(call, 200, "help", view, NULL);
}

static const struct {
    const char *extension, *type;
} types[] = {{".css", "text/css; charset=utf-8"},
             {".js", "text/javascript; charset=utf-8"},
             {".json", "application/json"},
             {".svg", "image/svg+xml"}};

fhir_err_t *fhir_auth_asset(fhir_auth_call_t *call)
{
    const char *name = call->request->path + strlen(call->root); /* "/auth" is as long as "auth/" */
    const fhir_page_file_t *file = fhir_page_file(name, strlen(name));
    const char *dot = strrchr(name, '.');
    for (apr_size_t i = 0; file && dot && i < sizeof(types) / sizeof(*types); i++)
        if (!strcmp(dot, types[i].extension)) {
            answer(call, types[i].type, file->text, file->len, "public, max-age=3600");
            apr_table_setn(call->response->headers, "Access-Control-Allow-Origin", "*");
            return NULL;
        }
    return fhir_auth_refuse(call, FHIR_REFUSED_NOT_FOUND, "There is nothing at %s",
                            call->request->path);
}
