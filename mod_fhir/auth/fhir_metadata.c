/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metadata of an application that registers by protocol: the check of each member, and how
 * a software statement is verified and used.
 * Source: RFC 7591, 2
 */
#include "auth/fhir_metadata.h"

#include <apr_strings.h>
#include <string.h>

#define BODY_MAX     131072
#define TEXT_MAX     1000 /* bytes of a text in the metadata */
#define NAME_MAX_LEN 100
#define REDIRECT_MAX 50
#define CONTACTS_MAX 10

fhir_err_t *fhir_metadata_bad(const fhir_metadata_t *reading, const char *name, const char *value,
                              const char *why)
{
    fhir_auth_saw(reading->call, name, value, why);
    return fhir_auth_refuse(reading->call, FHIR_REFUSED_REGISTER_METADATA, "%s%s%.200s%s: %s", name,
                            value ? " \"" : "", value ? value : "", value ? "\"" : "", why);
}

static const fhir_node_t *member(const fhir_metadata_t *reading, const char *name)
{
    const fhir_node_t *node = fhir_node_get(reading->claims, name);
    if (!node)
        node = fhir_node_get(reading->body, name);
    return node && node->kind != FHIR_NODE_NULL ? node : NULL;
}

static int is_plain(const fhir_node_t *node, apr_size_t most)
{
    if (node->kind != FHIR_NODE_STRING || node->text_len > most)
        return 0;
    for (apr_uint32_t i = 0; i < node->text_len; i++)
        if ((unsigned char)node->text[i] < ' ')
            return 0;
    return 1;
}

/* A text member; *value NULL when it is absent or "". */
static fhir_err_t *text_of(const char **value, const fhir_metadata_t *reading, const char *name,
                           apr_size_t most)
{
    const fhir_node_t *node = member(reading, name);
    *value = NULL;
    if (!node)
        return NULL;
    if (!is_plain(node, most))
        return fhir_metadata_bad(reading, name, NULL,
                                 apr_psprintf(reading->call->pool,
                                              "it is a string of at most %" APR_SIZE_T_FMT
                                              " bytes without control characters",
                                              most));
    if (node->text_len)
        *value = apr_pstrmemdup(reading->call->pool, node->text, node->text_len);
    return NULL;
}

static void put(const fhir_metadata_t *reading, const char *name, const char *value)
{
    fhir_auth_member(reading->out, name, value);
}

static fhir_err_t *take_url(const fhir_metadata_t *reading, const char *name)
{
    const char *url;
    FHIR_TRY(text_of(&url, reading, name, TEXT_MAX));
    if (url && !fhir_client_is_https(url, reading->call->pool))
        return fhir_metadata_bad(
            reading, name, url,
            "it begins with https://, has a host, and neither blanks, user name nor "
            "fragment");
    put(reading, name, url);
    return NULL;
}

/* An array of strings, each checked; when it is absent, the default, if there is one. */
static fhir_err_t *take_list(const fhir_metadata_t *reading, const char *name, const char *standard,
                             int most,
                             fhir_err_t *(*judge)(const fhir_metadata_t *reading, const char *item))
{
    const fhir_node_t *list = member(reading, name);
    int n = 0;
    if (list && list->kind != FHIR_NODE_ARRAY)
        return fhir_metadata_bad(reading, name, NULL, "it is an array of strings");
    if (!list && !standard)
        return NULL;
    fhir_buf_printf(reading->out, ",\"%s\":[", name);
    if (!list)
        fhir_buf_json_string(reading->out, standard, strlen(standard));
    for (const fhir_node_t *item = list ? list->child : NULL; item; item = item->next) {
        if (!is_plain(item, 2000) || n == most)
            return fhir_metadata_bad(
                reading, name, NULL,
                apr_psprintf(reading->call->pool,
                             "it is an array of at most %d strings of at most 2000 bytes", most));
        FHIR_TRY(judge(reading, apr_pstrmemdup(reading->call->pool, item->text, item->text_len)));
        fhir_buf_puts(reading->out, n++ ? "," : "");
        fhir_buf_json_string(reading->out, item->text, item->text_len);
    }
    fhir_buf_putc(reading->out, ']');
    return NULL;
}

/* 1 if the metadata have that grant type; without grant_types, the default is meant. */
static int wants(const fhir_metadata_t *reading, const char *grant)
{
    const fhir_node_t *list = member(reading, "grant_types");
    if (!list)
        return !strcmp(grant, "authorization_code");
    for (const fhir_node_t *item = list->child; item; item = item->next)
        if (fhir_node_is(item, grant))
            return 1;
    return 0;
}

static fhir_err_t *judge_grant(const fhir_metadata_t *reading, const char *grant)
{
    static const char *const known[] = {"authorization_code", "refresh_token",
                                        "client_credentials"};
    for (apr_size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (!strcmp(known[i], grant))
            return NULL;
    return fhir_metadata_bad(reading, "grant_types", grant,
                             "it is authorization_code, refresh_token or client_credentials");
}

static fhir_err_t *judge_response(const fhir_metadata_t *reading, const char *type)
{
    return !strcmp(type, "code") && reading->has_code
               ? NULL
               : fhir_metadata_bad(reading, "response_types", type,
                                   "it is code, with the grant type authorization_code");
}

static fhir_err_t *judge_contact(const fhir_metadata_t *reading, const char *contact)
{
    (void)reading;
    (void)contact;
    return NULL;
}

static fhir_err_t *judge_redirect(const fhir_metadata_t *reading, const char *uri)
{
    const char *fault =
        fhir_client_redirect_fault(uri, reading->is_test, reading->is_public, reading->call->pool);
    if (!fault)
        return NULL;
    fhir_auth_saw(reading->call, "redirect_uris", uri, fault);
    return fhir_auth_refuse(reading->call, FHIR_REFUSED_REGISTER_REDIRECT,
                            "redirect_uris \"%.300s\": %s", uri, fault);
}

/* ---- software statements ---- */

static fhir_err_t *bad_statement(const fhir_metadata_t *reading, const char *why)
{
    fhir_auth_saw(reading->call, "software_statement", NULL, why);
    return fhir_auth_refuse(reading->call, FHIR_REFUSED_REGISTER_STATEMENT,
                            "software_statement: %s", why);
}

/* A software statement counts when an issuer that the practice approved has signed it. */
static fhir_err_t *take_statement(fhir_metadata_t *reading)
{
    const fhir_node_t *node = fhir_node_get(reading->body, "software_statement");
    fhir_auth_call_t *call = reading->call;
    fhir_auth_one_t issuer = {NULL, call->pool};
    if (!node || node->kind == FHIR_NODE_NULL)
        return NULL;
    if (node->kind != FHIR_NODE_STRING)
        return bad_statement(reading, "it is a string, a signed JWT");
    fhir_jwt_t jwt;
    fhir_err_t *err = fhir_jwt_parse(&jwt, apr_pstrmemdup(call->pool, node->text, node->text_len),
                                     node->text_len, call->pool);
    if (err)
        return bad_statement(reading, err->message);
    const char *name = fhir_node_string(jwt.claims, "iss", call->pool);
    if (!name || !*name)
        return bad_statement(reading, "it has no iss");
    FHIR_TRY(fhir_auth_sql(call, "SELECT jwks FROM @software_issuer WHERE issuer = $1", 0, 1, &name,
                           fhir_auth_read_one, &issuer, NULL));
    if (!issuer.text) {
        fhir_auth_saw(call, "software_statement.iss", name, "an issuer that the practice approves");
        return fhir_auth_refuse(call, FHIR_REFUSED_REGISTER_ISSUER,
                                "software_statement is of \"%.200s\", which this practice has not "
                                "approved",
                                name);
    }
    fhir_jwks_t keys;
    err = fhir_jwks_parse(&keys, issuer.text, strlen(issuer.text), call->pool);
    if (!err)
        err = fhir_jwt_verify(&jwt, &keys, call->pool);
    if (err)
        return bad_statement(reading, err->message);
    apr_int64_t expires;
    if (fhir_jwt_number(&expires, &jwt, "exp") && expires <= apr_time_sec(apr_time_now()))
        return bad_statement(reading, "it has expired");
    reading->claims = jwt.claims;
    put(reading, "software_issuer", name);
    return NULL;
}

/* ---- the metadata ---- */

static fhir_err_t *take_name(const fhir_metadata_t *reading)
{
    const char *name;
    FHIR_TRY(text_of(&name, reading, "client_name", NAME_MAX_LEN));
    if (!name)
        FHIR_TRY(text_of(&name, reading, "software_id", NAME_MAX_LEN));
    put(reading, "client_name", name ? name : "Unnamed application");
    return NULL;
}

static fhir_err_t *take_method(fhir_metadata_t *reading)
{
    static const char *const known[] = {"none", "client_secret_basic", "client_secret_post",
                                        "private_key_jwt"};
    FHIR_TRY(text_of(&reading->method, reading, "token_endpoint_auth_method", TEXT_MAX));
    if (!reading->method)
        reading->method = known[1];
    for (apr_size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (!strcmp(known[i], reading->method)) {
            reading->is_public = !i;
            put(reading, "token_endpoint_auth_method", known[i]);
            return NULL;
        }
    return fhir_metadata_bad(
        reading, "token_endpoint_auth_method", reading->method,
        "it is none, client_secret_basic, client_secret_post or private_key_jwt");
}

static fhir_err_t *take_grants(fhir_metadata_t *reading)
{
    reading->has_code = wants(reading, "authorization_code");
    reading->has_system = wants(reading, "client_credentials");
    FHIR_TRY(take_list(reading, "grant_types", "authorization_code", 3, judge_grant));
    FHIR_TRY(
        take_list(reading, "response_types", reading->has_code ? "code" : NULL, 1, judge_response));
    if (!reading->has_code && !reading->has_system)
        return fhir_metadata_bad(reading, "grant_types", NULL,
                                 "it has authorization_code or client_credentials");
    if (reading->has_system && reading->is_public)
        return fhir_metadata_bad(reading, "grant_types", "client_credentials",
                                 "an application that works without a user authenticates: "
                                 "token_endpoint_auth_method is not none");
    return NULL;
}

static fhir_err_t *take_redirects(const fhir_metadata_t *reading)
{
    const fhir_node_t *list = member(reading, "redirect_uris");
    if (reading->has_code && (!list || (list->kind == FHIR_NODE_ARRAY && !list->child))) {
        fhir_auth_saw(reading->call, "redirect_uris", "", "at least one");
        return fhir_auth_refuse(reading->call, FHIR_REFUSED_REGISTER_REDIRECT,
                                "redirect_uris is missing: authorization_code needs one at least");
    }
    return take_list(reading, "redirect_uris", NULL, REDIRECT_MAX, judge_redirect);
}

static fhir_err_t *take_keys(const fhir_metadata_t *reading)
{
    const fhir_node_t *node = member(reading, "jwks");
    const char *jwks = NULL, *uri;
    FHIR_TRY(text_of(&uri, reading, "jwks_uri", TEXT_MAX));
    if (node && uri)
        return fhir_metadata_bad(reading, "jwks", NULL, "jwks and jwks_uri exclude each other");
    if (node) {
        fhir_buf_t *buf = fhir_buf_create(reading->call->pool, 0);
        fhir_node_write_json(buf, node, 0);
        jwks = fhir_buf_cstr(buf);
    }
    if (!node && !uri)
        return strcmp(reading->method, "private_key_jwt") != 0
                   ? NULL
                   : fhir_metadata_bad(reading, "jwks", NULL,
                                       "private_key_jwt needs jwks_uri or jwks");
    const char *why;
    fhir_jwks_t keys;
    FHIR_TRY(fhir_client_keys(&jwks, &why, &keys, reading->call, uri));
    if (why)
        return fhir_metadata_bad(reading, uri ? "jwks_uri" : "jwks", uri, why);
    put(reading, "jwks_uri", uri);
    if (!uri)
        put(reading, "jwks_text", jwks);
    return NULL;
}

/* Unknown scopes are ignored, as everywhere; the response lists the scopes that remain. */
static fhir_err_t *take_scopes(const fhir_metadata_t *reading)
{
    static const char users[] = "openid fhirUser launch launch/patient offline_access "
                                "online_access patient/*.rs user/*.rs";
    const char *text;
    FHIR_TRY(text_of(&text, reading, "scope", 8000));
    if (!text)
        text = reading->has_code ? users : "system/*.rs";
    fhir_scopes_t scopes;
    fhir_err_t *err = fhir_scopes_parse(&scopes, text, reading->call->request->endpoint->spoken,
                                        reading->call->pool);
    if (err)
        return fhir_metadata_bad(reading, "scope", NULL, err->message);
    if (!scopes.n)
        return fhir_metadata_bad(
            reading, "scope", text,
            "none of its words is a scope; such are patient/*.rs, openid, launch/patient");
    put(reading, "scope", fhir_scopes_print(&scopes, reading->call->pool));
    return NULL;
}

static fhir_err_t *take_launch(const fhir_metadata_t *reading)
{
    const char *url;
    FHIR_TRY(text_of(&url, reading, "initiate_login_uri", TEXT_MAX));
    if (url && !fhir_client_is_https(url, reading->call->pool) &&
        !(reading->is_test && fhir_client_is_loopback(url)))
        return fhir_metadata_bad(reading, "initiate_login_uri", url,
                                 "it begins with https:// and has a host");
    put(reading, "initiate_login_uri", url);
    return NULL;
}

static fhir_err_t *take_software(const fhir_metadata_t *reading)
{
    static const char *const names[] = {"software_id", "software_version"};
    for (int i = 0; i < 2; i++) {
        const char *text;
        FHIR_TRY(text_of(&text, reading, names[i], 200));
        put(reading, names[i], text);
    }
    return take_list(reading, "contacts", NULL, CONTACTS_MAX, judge_contact);
}

static int any_port(const fhir_metadata_t *reading)
{
    const fhir_node_t *list = member(reading, "redirect_uris");
    for (const fhir_node_t *item = list ? list->child : NULL; item; item = item->next)
        if (fhir_client_is_loopback(
                apr_pstrmemdup(reading->call->pool, item->text, item->text_len)))
            return 1;
    return 0;
}

fhir_err_t *fhir_metadata_read(fhir_metadata_t *reading)
{
    fhir_auth_call_t *call = reading->call;
    const char *type = call->request->header(call->request, "Content-Type");
    if (!type || strncasecmp(type, "application/json", 16) != 0) {
        fhir_auth_saw(call, "Content-Type", type, "application/json");
        return fhir_auth_refuse(call, FHIR_REFUSED_REGISTER_JSON,
                                "Content-Type is \"%.100s\"; send application/json",
                                type ? type : "");
    }
    const char *body;
    apr_size_t len;
    fhir_err_t *err = call->request->read_body(&body, &len, call->request, BODY_MAX);
    if (err)
        return err->code == FHIR_ERR_TOO_LARGE
                   ? fhir_auth_refuse(call, FHIR_REFUSED_TOO_LONG,
                                      "The metadata are longer than %d bytes", BODY_MAX)
                   : err;
    fhir_node_t *root;
    err = fhir_node_parse_json(&root, body, len, NULL, call->pool);
    if (err || root->kind != FHIR_NODE_OBJECT)
        return fhir_auth_refuse(call, FHIR_REFUSED_REGISTER_JSON, "The body is no JSON object: %s",
                                err ? err->message : "another value");
    reading->body = root;
    return NULL;
}

/* Reads and checks all metadata as one JSON object. Unknown members are ignored (RFC 7591, 2). */
fhir_err_t *fhir_metadata_take(const char **out, fhir_metadata_t *reading)
{
    static const char *const urls[] = {"client_uri", "logo_uri", "policy_uri", "tos_uri"};
    reading->out = fhir_buf_create(reading->call->pool, 0);
    fhir_buf_puts(reading->out, "{\"v\":1");
    FHIR_TRY(take_statement(reading));
    FHIR_TRY(take_name(reading));
    FHIR_TRY(take_method(reading));
    FHIR_TRY(take_grants(reading));
    FHIR_TRY(take_redirects(reading));
    for (apr_size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++)
        FHIR_TRY(take_url(reading, urls[i]));
    FHIR_TRY(take_launch(reading));
    FHIR_TRY(take_keys(reading));
    FHIR_TRY(take_scopes(reading));
    FHIR_TRY(take_software(reading));
    fhir_buf_printf(reading->out, ",\"native\":%s,\"audience\":[%s%s%s]}",
                    any_port(reading) ? "true" : "false",
                    reading->has_code ? "\"patients\",\"staff\"" : "",
                    reading->has_code && reading->has_system ? "," : "",
                    reading->has_system ? "\"system\"" : "");
    *out = fhir_buf_cstr(reading->out);
    return NULL;
}
