/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests: a table selects the handler by the kind of location. A FHIR request is converted from
 * request_rec to fhir_request_t, goes through fhir_service_run, and back. Nothing about FHIR is
 * decided here.
 */
#include "httpd/mod_fhir.h"

#include <apr_portable.h>
#include <apr_strings.h>
#include <string.h>

#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>

APLOG_USE_MODULE(fhir);

#define FRESH apr_time_from_msec(10) /* after its request, a client is taken to be there */

typedef struct call_t {
    fhir_request_t request;
    fhir_response_t response;
    fhir_patience_t patience;
    fhir_effort_t effort;
    fhir_ticket_t ticket;
    fhir_work_t work;
    apr_interval_time_t timeout; /* FHIRRequestTimeout */
    fhir_log_t log;
    mod_fhir_spool_t spool;
    request_rec *r;
    const char *body; /* read before */
    apr_size_t body_len;
    int answered; /* by an input filter of httpd */
} call_t;

static const char *header(const fhir_request_t *request, const char *name)
{
    const call_t *call = request->baton;
    return apr_table_get(call->r->headers_in, name);
}

/* The time of a request begins when it was read completely. How long the client sends is limited by
 * mod_reqtimeout. */
static void start_clock(call_t *call)
{
    apr_time_t now = apr_time_now();
    call->patience.until = now + call->timeout;
    call->patience.fresh = now + FRESH;
}

static fhir_err_t *read_body(const char **body, apr_size_t *len, const fhir_request_t *request,
                             apr_size_t max)
{
    call_t *call = request->baton;
    if (!call->body) {
        fhir_work_rest(); /* the client sends as it likes */
        FHIR_TRY(mod_fhir_body_read(&call->body, &call->body_len, &call->answered, call->r,
                                    &call->ticket, max));
        start_clock(call);
    }
    *body = call->body;
    *len = call->body_len;
    return NULL;
}

static void body_reset(fhir_response_t *response)
{
    mod_fhir_spool_reset(response->body->baton);
}

/* The client's socket, or -1 where a connection has several requests at once (HTTP/2). */
static int client_socket(const request_rec *r)
{
    apr_socket_t *socket = r->connection->master ? NULL : ap_get_conn_socket(r->connection);
    apr_os_sock_t fd;
    return socket && !apr_os_sock_get(&fd, socket) ? fd : -1;
}

/* The path below the base. It is taken from r->uri, which httpd's own access control saw, and
 * encoded again: what is served cannot differ from what was permitted. */
const char *mod_fhir_path_below(request_rec *r, const mod_fhir_place_t *place)
{
    const char *path = r->uri + strlen(place->path);
    while (*path == '/') {
        path++;
    }
    return *path ? ap_os_escape_path(r->pool, path, 1) : "";
}

/* A Location is the beginning of the URI, unless it matched in another way; nothing after the URI
 * may be read then. */
static int is_below(const request_rec *r, const mod_fhir_place_t *place)
{
    return strncmp(r->uri, place->path, strlen(place->path)) == 0;
}

static fhir_err_t *still_wanted(const void *patience, apr_pool_t *pool)
{
    return fhir_patience_check(patience, pool);
}

/* Others wait while the CapabilityStatement is rendered: that does not wait for a turn. */
static void fill_work(call_t *call)
{
    server_rec *s = call->r->server;
    fhir_work_t *work = &call->work;
    work->turns = call->ticket.budget ? mod_fhir_turns() : NULL;
    work->queries = call->ticket.budget ? mod_fhir_queries() : NULL;
    work->client = call->ticket.key;
    work->wait = mod_fhir_number(mod_fhir_settings_of(s), MOD_FHIR_CONNECTION_WAIT);
    work->is_long = call->ticket.is_long || call->ticket.works_long;
    work->check = still_wanted;
    work->baton = &call->patience;
    work->pool = call->r->pool;
}

static void fill(call_t *call, request_rec *r, mod_fhir_endpoint_t *endpoint,
                 const mod_fhir_settings_t *settings)
{
    fhir_request_t *request = &call->request;
    call->r = r;
    mod_fhir_log_request(&call->log, r);
    request->pool = r->pool;
    request->endpoint = mod_fhir_endpoint_plain(endpoint);
    mod_fhir_spool_init(&call->spool, r, &call->ticket, request->endpoint->limits.answer_max);
    request->log = &call->log;
    call->timeout = mod_fhir_number(settings, MOD_FHIR_REQUEST_TIMEOUT);
    call->patience.client = client_socket(r);
    call->patience.effort = &call->effort;
    start_clock(call);
    request->patience = &call->patience;
    request->head = r->header_only;
    request->method = r->header_only ? "GET" : r->method;
    request->base_url = mod_fhir_base_url(r, settings);
    request->stored_bases = mod_fhir_stored_bases(r, settings);
    request->is_misdirected = mod_fhir_is_misdirected(r, settings);
    request->path = mod_fhir_path_below(r, settings->value[MOD_FHIR_ENDPOINT].place);
    request->query = r->args;
    request->header = header;
    request->read_body = read_body;
    request->baton = call;
    /* the CapabilityStatement must not wait for the database */
    if (strcmp(request->path, "metadata") != 0)
        request->store = mod_fhir_endpoint_store(&request->no_store, endpoint, &call->log, r->pool);
    if (request->endpoint->audience != FHIR_AUDIENCE_OPEN)
        request->refused =
            mod_fhir_auth_grant(&request->grant, r, settings, request->endpoint, request->store);
    /* everybody may read the CapabilityStatement, which is in memory */
    if (strcmp(request->path, "metadata") != 0)
        request->overload = mod_fhir_budget_enter(
            &call->ticket, r, mod_fhir_server_of(r->server)->child, request->grant != NULL);
    call->effort.is_long = call->ticket.is_long;
    call->effort.client = call->ticket.key;
    fill_work(call);
    call->response.status = HTTP_OK;
    call->response.headers = apr_table_make(r->pool, 8);
    call->response.body = &call->spool.out;
    call->response.body_reset = body_reset;
}

/* For LogFormat: %{fhir-interaction}n, %{fhir-type}n. */
static void note(request_rec *r, const fhir_response_t *response)
{
    if (response->interaction)
        apr_table_setn(r->notes, "fhir-interaction", response->interaction);
    if (response->type)
        apr_table_setn(r->notes, "fhir-type", response->type);
}

/* ---- what answers ---- */

static int answer_fhir(request_rec *r, const mod_fhir_settings_t *settings,
                       mod_fhir_endpoint_t *endpoint, mod_fhir_child_t *child)
{
    call_t *call = apr_pcalloc(r->pool, sizeof(*call));
    fill(call, r, endpoint, settings);
    fhir_work_begin(&call->work);
    fhir_err_t *err = fhir_service_run(&call->response, &call->request);
    fhir_work_end(&call->work);
    if (err)
        mod_fhir_log_result(child, r, err);
    if (call->answered)
        return AP_FILTER_ERROR;
    if (!call->body)
        mod_fhir_body_leave(r);
    note(r, &call->response);
    r->status = call->response.status;
    const char *refused = mod_fhir_use_refused(r, err);
    if (refused) /* the Connect Portal finds the refusal by it */
        apr_table_setn(r->err_headers_out, "X-Request-Id", refused);
    r->headers_out = apr_table_overlay(r->pool, call->response.headers, r->headers_out);
    if (call->response.content_type)
        ap_set_content_type(r, call->response.content_type);
    fhir_usage_t used = {.time = call->effort.used,
                         .work = call->work.used,
                         .output = call->response.ready ? (apr_int64_t)call->response.ready_len
                                                        : mod_fhir_spool_length(&call->spool)};
    int status = mod_fhir_spool_send(&call->spool, call->response.ready, call->response.ready_len);
    fhir_budget_leave(&call->ticket, &used);
    mod_fhir_use_count(r, child, call->request.endpoint->tenant, err);
    return status;
}

static int is_auth(request_rec *r, const mod_fhir_settings_t *settings,
                   const mod_fhir_endpoint_t *endpoint)
{
    return mod_fhir_endpoint_plain(endpoint)->audience != FHIR_AUDIENCE_OPEN &&
           !mod_fhir_is_misdirected(r, settings) &&
           fhir_auth_owns(mod_fhir_path_below(r, settings->value[MOD_FHIR_ENDPOINT].place));
}

static int answer_auth(request_rec *r, const mod_fhir_settings_t *settings,
                       mod_fhir_endpoint_t *endpoint, mod_fhir_child_t *child)
{
    return mod_fhir_auth_handler(r, settings, endpoint, child, NULL);
}

/* Parts of an endpoint: the first that owns the path answers. */
static const struct {
    int (*owns)(request_rec *r, const mod_fhir_settings_t *settings,
                const mod_fhir_endpoint_t *endpoint); /* NULL: all other paths */
    int (*answer)(request_rec *r, const mod_fhir_settings_t *settings,
                  mod_fhir_endpoint_t *endpoint, mod_fhir_child_t *child);
} parts[] = {{is_auth, answer_auth}, {NULL, answer_fhir}};

static int endpoint_handler(request_rec *r, const mod_fhir_settings_t *settings,
                            mod_fhir_child_t *child)
{
    int part = 0;
    if (!is_below(r, settings->value[MOD_FHIR_ENDPOINT].place))
        return HTTP_NOT_FOUND;
    mod_fhir_endpoint_t *endpoint;
    if (!child || !(endpoint = mod_fhir_endpoint_get(child, settings)))
        return HTTP_INTERNAL_SERVER_ERROR;
    if (mod_fhir_cors(r, settings, endpoint, child))
        return HTTP_NO_CONTENT;
    while (parts[part].owns && !parts[part].owns(r, settings, endpoint))
        part++;
    return parts[part].answer(r, settings, endpoint, child);
}

static int portal_handler(request_rec *r, const mod_fhir_settings_t *settings,
                          mod_fhir_child_t *child)
{
    if (!is_below(r, settings->value[MOD_FHIR_PORTAL].place))
        return HTTP_NOT_FOUND;
    return child ? mod_fhir_portal_handler(r, settings, child) : HTTP_INTERNAL_SERVER_ERROR;
}

static int is_endpoint(const mod_fhir_settings_t *settings)
{
    return mod_fhir_is_set(settings, MOD_FHIR_ENDPOINT);
}

/* Kinds of location. */
static const struct {
    int (*is)(const mod_fhir_settings_t *settings);
    int (*handler)(request_rec *r, const mod_fhir_settings_t *settings, mod_fhir_child_t *child);
} kinds[] = {{mod_fhir_is_portal, portal_handler}, {is_endpoint, endpoint_handler}};

int mod_fhir_handler(request_rec *r)
{
    const mod_fhir_settings_t *settings = ap_get_module_config(r->per_dir_config, &fhir_module);
    if (!r->handler || strcmp(r->handler, MOD_FHIR_HANDLER) != 0)
        return DECLINED;
    apr_table_setn(r->err_headers_out, "X-Content-Type-Options", "nosniff"); /* in every response */
    for (apr_size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (kinds[i].is(settings))
            return kinds[i].handler(r, settings, mod_fhir_server_of(r->server)->child);
    return DECLINED;
}
