/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authorization at the side of httpd: requests to the authorization server of an endpoint, bearer
 * tokens, passwords by httpd's providers, and cross-origin requests.
 */
#include "core/fhir_base64.h"
#include "core/fhir_random.h"
#include "httpd/mod_fhir.h"

#include <apr_strings.h>
#include <string.h>

#include <ap_provider.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <http_ssl.h>

#include <mod_auth.h>

#include "auth/fhir_auth.h"
#include "auth/fhir_password.h"
#include "portal/fhir_portal.h"

APLOG_USE_MODULE(fhir);

typedef struct auth_call_t {
    fhir_auth_request_t request;
    fhir_auth_response_t response;
    fhir_auth_config_t config;
    fhir_log_t log;
    request_rec *r;
    mod_fhir_child_t *child;
    const char *body;
    apr_size_t body_len;
    fhir_ticket_t ticket;
    int answered;
} auth_call_t;

/* ---- what the library asks for ---- */

static const char *header(const fhir_auth_request_t *request, const char *name)
{
    const auth_call_t *call = request->baton;
    return apr_table_get(call->r->headers_in, name);
}

static fhir_err_t *read_body(const char **body, apr_size_t *len, const fhir_auth_request_t *request,
                             apr_size_t max)
{
    auth_call_t *call = request->baton;
    if (!call->body)
        FHIR_TRY(mod_fhir_body_read(&call->body, &call->body_len, &call->answered, call->r,
                                    &call->ticket, max));
    *body = call->body;
    *len = call->body_len;
    return NULL;
}

static void forget(const fhir_auth_request_t *request, const fhir_digest_t *token)
{
    const auth_call_t *call = request->baton;
    const fhir_token_cache_t *cache = mod_fhir_child_cache(call->child);
    if (cache)
        fhir_token_cache_remove(cache, token);
}

/* The providers of FHIRLoginProvider, in order, as in mod_auth_basic: the first that knows the user
 * decides. */
static fhir_auth_password_t check_password(const fhir_auth_request_t *request, const char *user,
                                           const char *password)
{
    static const char *const standard[] = {"fhir", NULL};
    const auth_call_t *call = request->baton;
    const mod_fhir_settings_t *settings =
        ap_get_module_config(call->r->per_dir_config, &fhir_module);
    const char *const *names = mod_fhir_is_set(settings, MOD_FHIR_LOGIN_PROVIDER)
                                   ? settings->value[MOD_FHIR_LOGIN_PROVIDER].words
                                   : standard;
    for (; *names; names++) {
        const authn_provider *provider =
            ap_lookup_provider(AUTHN_PROVIDER_GROUP, *names, AUTHN_PROVIDER_VERSION);
        authn_status status =
            provider ? provider->check_password(call->r, user, password) : AUTH_GENERAL_ERROR;
        if (status == AUTH_GRANTED)
            return FHIR_AUTH_PASSWORD_RIGHT;
        if (status == AUTH_DENIED)
            return FHIR_AUTH_PASSWORD_WRONG;
        if (status != AUTH_USER_NOT_FOUND) {
            ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, call->r,
                          "FHIR0420: provider \"%s\" could not check a password", *names);
            return FHIR_AUTH_PASSWORD_ERROR;
        }
    }
    return FHIR_AUTH_PASSWORD_WRONG;
}

/* The built-in provider. AuthBasicProvider can use it, too, where FHIRTenant is set. */
static authn_status check_own_password(request_rec *r, const char *user, const char *password)
{
    const mod_fhir_settings_t *settings = ap_get_module_config(r->per_dir_config, &fhir_module);
    mod_fhir_child_t *child = mod_fhir_server_of(r->server)->child;
    fhir_store_t *store = child ? mod_fhir_child_store(child) : NULL;
    fhir_err_t *err;
    switch (fhir_password_check(&err, user, password, mod_fhir_tenant(settings), store, r->pool)) {
    case FHIR_AUTH_PASSWORD_RIGHT:
        return AUTH_GRANTED;
    case FHIR_AUTH_PASSWORD_WRONG:
        /* an unknown user and a wrong password are the same: the next provider may know the user */
        return AUTH_USER_NOT_FOUND;
    default:
        return AUTH_GENERAL_ERROR;
    }
}

static const authn_provider own_provider = {check_own_password, NULL};

void mod_fhir_auth_register(apr_pool_t *pool)
{
    ap_register_auth_provider(pool, AUTHN_PROVIDER_GROUP, "fhir", AUTHN_PROVIDER_VERSION,
                              &own_provider, AP_AUTH_INTERNAL_PER_CONF);
}

/* ---- the authorization server ---- */

static int is_secure(request_rec *r, const char *base_url)
{
    return ap_ssl_conn_is_ssl(r->connection) || !strncmp(base_url, "https:", 6) ||
           !strncmp(r->useragent_ip, "127.", 4) || !strcmp(r->useragent_ip, "::1");
}

const char *mod_fhir_request_id(request_rec *r)
{
    const char *id = apr_table_get(r->subprocess_env, "UNIQUE_ID");
    if (!id)
        id = apr_table_get(r->notes, "fhir-request");
    if (!id) {
        unsigned char bytes[12];
        id = fhir_random_bytes(bytes, sizeof(bytes), r->pool)
                 ? "none"
                 : fhir_base64_encode(bytes, sizeof(bytes), FHIR_BASE64_TOKEN, r->pool);
        apr_table_setn(r->notes, "fhir-request", id);
    }
    return id;
}

int mod_fhir_auth_handler(request_rec *r, const mod_fhir_settings_t *settings,
                          mod_fhir_endpoint_t *endpoint, mod_fhir_child_t *child,
                          fhir_portal_t *portal)
{
    auth_call_t *call = apr_pcalloc(r->pool, sizeof(*call));
    fhir_auth_request_t *request = &call->request;
    call->r = r;
    call->child = child;
    mod_fhir_log_request(&call->log, r);
    fhir_err_t *err = mod_fhir_budget_enter(&call->ticket, r, child, 0);
    if (err) {
        mod_fhir_log_result(child, r, err);
        apr_table_setn(r->err_headers_out, "Retry-After", apr_itoa(r->pool, err->retry_sec));
        mod_fhir_body_leave(r);
        return HTTP_TOO_MANY_REQUESTS;
    }
    mod_fhir_settings_auth(&call->config, settings);
    request->pool = r->pool;
    request->endpoint = mod_fhir_endpoint_plain(endpoint);
    request->config = &call->config;
    request->log = &call->log;
    request->method = r->header_only ? "GET" : r->method;
    request->base_url = mod_fhir_base_url(r, settings);
    request->place = settings->value[MOD_FHIR_ENDPOINT].place->path;
    request->path = mod_fhir_path_below(r, settings->value[MOD_FHIR_ENDPOINT].place);
    request->query = r->args;
    request->portal = portal;
    request->portal_url =
        portal ? request->base_url : mod_fhir_portal_url(r, request->endpoint->tenant);
    request->address = r->useragent_ip;
    request->request_id = mod_fhir_request_id(r);
    request->secure = is_secure(r, request->base_url);
    request->header = header;
    request->read_body = read_body;
    request->check_password = check_password;
    request->forget = forget;
    request->baton = call;
    const char *no_store;
    request->store = mod_fhir_endpoint_store(&no_store, endpoint, &call->log, r->pool);
    if (portal)
        mod_fhir_portal_list(portal, request->endpoint->tenant, request->store != NULL);
    err = portal ? fhir_portal_run(&call->response, request)
                 : fhir_auth_run(&call->response, request);
    if (err)
        mod_fhir_log_result(child, r, err);
    if (call->answered)
        return AP_FILTER_ERROR;
    if (!call->body)
        mod_fhir_body_leave(r);
    if (call->response.route)
        apr_table_setn(r->notes, "fhir-interaction", call->response.route);
    apr_table_setn(r->notes, "fhir-request", request->request_id);
    r->status = call->response.status;
    r->headers_out = apr_table_overlay(r->pool, call->response.headers, r->headers_out);
    if (call->response.content_type)
        ap_set_content_type(r, call->response.content_type);
    if (call->response.ready) {
        mod_fhir_spool_t spool;
        mod_fhir_spool_init(&spool, r, &call->ticket, 0);
        return mod_fhir_spool_send(&spool, call->response.ready, call->response.ready_len);
    }
    ap_set_content_length(r, (apr_off_t)call->response.body->len);
    ap_rwrite(call->response.body->data, (int)call->response.body->len, r);
    return OK;
}

/* ---- bearer tokens ---- */

/* Logs problems of the cache, from time to time. */
static void warn_cache(mod_fhir_child_t *child, request_rec *r)
{
    unsigned suppressed;
    if (mod_fhir_child_may_warn(&suppressed, child))
        ap_log_rerror(
            APLOG_MARK, APLOG_ERR, 0, r,
            "FHIR0421: the token cache's lock failed: tokens are looked up in the database");
}

static fhir_err_t *find_bearer(fhir_bearer_t *bearer, const fhir_digest_t *token,
                               mod_fhir_child_t *child, const char *tenant, fhir_store_t *store,
                               request_rec *r)
{
    const fhir_token_cache_t *cache = mod_fhir_child_cache(child);
    char *value = cache ? apr_palloc(r->pool, FHIR_CACHE_VALUE_MAX) : NULL;
    apr_size_t len;
    apr_uint64_t seen = 0, database = mod_fhir_child_database(child);
    apr_time_t now = apr_time_now();
    fhir_cache_answer_t answer =
        !cache || !database ? FHIR_CACHE_MISS
                            : fhir_token_cache_get(cache, value, &len, &seen, token, database, now);
    if (answer == FHIR_CACHE_ERROR)
        warn_cache(child, r);
    if (answer == FHIR_CACHE_HIT && fhir_bearer_unpack(bearer, value, len, tenant) &&
        bearer->expires > now)
        return NULL;
    FHIR_TRY(fhir_bearer_find(bearer, token, tenant, store, r->pool));
    if (cache && database && answer == FHIR_CACHE_MISS) {
        const char *packed = fhir_bearer_pack(&len, bearer, tenant, r->pool);
        fhir_token_cache_put(cache, token, packed, len, seen, bearer->expires, now);
    }
    return NULL;
}

fhir_err_t *mod_fhir_auth_grant(const fhir_grant_t **grant, request_rec *r,
                                const mod_fhir_settings_t *settings,
                                const fhir_endpoint_t *endpoint, fhir_store_t *store)
{
    const char *authorization = apr_table_get(r->headers_in, "Authorization");
    mod_fhir_child_t *child = mod_fhir_server_of(r->server)->child;
    fhir_bearer_t bearer = {0};
    *grant = NULL;
    if (!authorization)
        return NULL;
    const char *word;
    FHIR_TRY(fhir_bearer_token(&word, authorization, r->pool));
    if (!store)
        return fhir_err_create(r->pool, FHIR_ERR_BUSY,
                               "The database is not available at the moment; try again in a few "
                               "seconds");
    fhir_digest_t token;
    fhir_digest_sha256(token.byte, word, strlen(word));
    fhir_err_t *err = find_bearer(&bearer, &token, child, endpoint->tenant, store, r);
    if (bearer.client) /* also for a token that is not valid any more */
        apr_table_setn(r->notes, "fhir-app", apr_pstrdup(r->pool, bearer.client));
    FHIR_TRY(err);
    apr_table_setn(r->notes, "fhir-scopes", apr_pstrdup(r->pool, bearer.scopes));
    FHIR_TRY(fhir_bearer_grant(grant, &bearer, settings->value[MOD_FHIR_ENDPOINT].place->path,
                               endpoint, r->pool));
    r->user = apr_pstrdup(r->pool, *bearer.user ? bearer.user : bearer.client);
    apr_table_setn(r->notes, "fhir-client", apr_pstrdup(r->pool, bearer.client));
    apr_table_setn(r->notes, "fhir-user", apr_pstrdup(r->pool, bearer.user));
    apr_table_setn(r->notes, "fhir-patient", apr_pstrdup(r->pool, bearer.patient));
    return NULL;
}

/* ---- browsers of other origins ---- */

#define EXPOSED      "ETag, Location, Content-Location, Last-Modified, Retry-After, WWW-Authenticate"
#define CORS_METHODS "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
#define CORS_HEADERS                                                                               \
    "Authorization, Content-Type, Accept, Accept-Language, If-Match, If-None-Match, "              \
    "If-None-Exist, If-Modified-Since, Idempotency-Key, Prefer, X-Requested-With"

/* Paths that pages of any origin may read. */
static int is_public(const char *path)
{
    return !strncmp(path, ".well-known/", 12) || !strcmp(path, "metadata") ||
           !strcmp(path, "auth/keys") || !strcmp(path, "auth/style.json");
}

int mod_fhir_cors(request_rec *r, const mod_fhir_settings_t *settings,
                  mod_fhir_endpoint_t *endpoint, mod_fhir_child_t *child)
{
    const char *origin = apr_table_get(r->headers_in, "Origin");
    const char *path = mod_fhir_path_below(r, settings->value[MOD_FHIR_ENDPOINT].place);
    const fhir_endpoint_t *plain = mod_fhir_endpoint_plain(endpoint);
    int is_preflight = r->method_number == M_OPTIONS &&
                       apr_table_get(r->headers_in, "Access-Control-Request-Method");
    apr_table_mergen(r->err_headers_out, "Vary", "Origin");
    if (!origin)
        return 0;
    fhir_auth_config_t config;
    mod_fhir_settings_auth(&config, settings);
    if (is_public(path) || config.cors == FHIR_CORS_ANY)
        apr_table_setn(r->err_headers_out, "Access-Control-Allow-Origin", "*");
    else if (fhir_auth_origin(origin, &config, plain->tenant, mod_fhir_child_store(child), r->pool))
        apr_table_setn(r->err_headers_out, "Access-Control-Allow-Origin", origin);
    else
        return is_preflight;
    apr_table_setn(r->err_headers_out, "Access-Control-Expose-Headers", EXPOSED);
    if (is_preflight) {
        apr_table_setn(r->err_headers_out, "Access-Control-Allow-Methods", CORS_METHODS);
        apr_table_setn(r->err_headers_out, "Access-Control-Allow-Headers", CORS_HEADERS);
        apr_table_setn(r->err_headers_out, "Access-Control-Max-Age", "600");
    }
    return is_preflight;
}
