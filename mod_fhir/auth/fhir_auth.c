/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entry of the authorization server: routes, forms, and how a refusal is answered (JSON, a
 * page, or a redirect to the application). Handlers are in files of their own.
 */
#include "auth/fhir_auth.h"

#include <apr_strings.h>
#include <stdarg.h>
#include <string.h>

#include "auth/fhir_auth_private.h"
#include "core/fhir_text.h"

#define FORM_MAX 131072 /* bytes of a form: enough for an assertion and a long list of scopes */

static const fhir_auth_route_t routes[] = {
    {".well-known/smart-configuration", FHIR_SITE_GET | FHIR_SITE_PUBLIC, fhir_auth_smart, NULL},
    {".well-known/openid-configuration", FHIR_SITE_GET | FHIR_SITE_PUBLIC, fhir_auth_openid, NULL},
    {".well-known/oauth-authorization-server", FHIR_SITE_GET | FHIR_SITE_PUBLIC, fhir_auth_openid,
     NULL},
    {"auth/keys", FHIR_SITE_GET, fhir_auth_keys, NULL},
    {"auth/authorize", FHIR_SITE_GET | FHIR_SITE_POST | FHIR_SITE_PAGE, fhir_auth_authorize, NULL},
    {"auth/token", FHIR_SITE_POST, fhir_auth_token, NULL},
    {"auth/introspect", FHIR_SITE_POST, fhir_auth_introspect, NULL},
    {"auth/revoke", FHIR_SITE_POST, fhir_auth_revocation, NULL},
    {"auth/userinfo", FHIR_SITE_GET | FHIR_SITE_POST, fhir_auth_userinfo, NULL},
    {"auth/launch", FHIR_SITE_POST, fhir_auth_launch, NULL},
    {"auth/manage", FHIR_SITE_GET | FHIR_SITE_POST | FHIR_SITE_PAGE, fhir_auth_manage, NULL},
    {"auth/logout", FHIR_SITE_GET | FHIR_SITE_POST | FHIR_SITE_PAGE, fhir_auth_logout, NULL},
    {"auth/register", FHIR_SITE_POST, fhir_auth_register, NULL},
    {"auth/register/", FHIR_SITE_GET | FHIR_SITE_PUT | FHIR_SITE_DELETE | FHIR_SITE_PREFIX,
     fhir_auth_registered, NULL},
    {"auth/help", FHIR_SITE_GET | FHIR_SITE_PAGE | FHIR_SITE_PUBLIC, fhir_auth_help, NULL},
    {"auth/", FHIR_SITE_GET | FHIR_SITE_PUBLIC | FHIR_SITE_PREFIX, fhir_auth_asset, NULL},
    {NULL, 0, NULL, NULL},
};

static const fhir_auth_route_t *find_route(const fhir_auth_route_t *route, const char *path)
{
    for (; route->path; route++)
        if (route->flags & FHIR_SITE_PREFIX ? !strncmp(path, route->path, strlen(route->path))
                                            : !strcmp(path, route->path))
            return route;
    return NULL;
}

int fhir_auth_owns(const char *path)
{
    return !strncmp(path, "auth/", 5) || !strcmp(path, "auth") ||
           !strncmp(path, ".well-known/", 12);
}

static void no_store(fhir_auth_call_t *call)
{
    apr_table_setn(call->response->headers, "Cache-Control", "no-store");
    apr_table_setn(call->response->headers, "Pragma", "no-cache");
}

/* ---- refusing ---- */

fhir_err_t *fhir_auth_refuse(fhir_auth_call_t *call, fhir_refusal_id_t id, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    /* fhir_err_create makes the message valid UTF-8 */
    fhir_err_t *err =
        fhir_err_create(call->pool, FHIR_ERR_BAD_REQUEST, "%s", apr_pvsprintf(call->pool, fmt, ap));
    va_end(ap);
    call->refusal.id = id;
    call->refusal.description = err->message;
    return err;
}

fhir_auth_call_t *fhir_auth_saw(fhir_auth_call_t *call, const char *parameter, const char *received,
                                const char *expected)
{
    call->refusal.parameter = parameter;
    call->refusal.received = received;
    call->refusal.expected = expected;
    return call;
}

/* RFC 6749 allows printable ASCII without quote and backslash in error_description. */
static const char *plain(const char *text, apr_pool_t *pool)
{
    char *out = apr_pstrdup(pool, text);
    for (char *s = out; *s; s++)
        if (*s < ' ' || *s > '~' || *s == '\\')
            *s = '?';
        else if (*s == '"')
            *s = '\'';
    return out;
}

static const char *error_uri(const fhir_auth_call_t *call)
{
    return apr_pstrcat(call->pool, fhir_auth_url(call, "help"), "#",
                       fhir_refusals[call->refusal.id].name, NULL);
}

/* Pages of the portals: programs may ask for them as JSON, too. */
static int wants_json(const fhir_auth_call_t *call)
{
    const char *accept = call->request->header(call->request, "Accept");
    return !*call->root && accept && strstr(accept, "application/json") &&
           !strstr(accept, "text/html");
}

/* 1 for refusals that are pages; a wrong address is one beside portals, if the client is a browser.
 */
static int is_for_browser(const fhir_auth_call_t *call, const fhir_auth_route_t *route)
{
    const char *accept = call->request->header(call->request, "Accept");
    if (!route)
        return !*call->root && accept && strstr(accept, "text/html");
    return route->flags & FHIR_SITE_PAGE && !wants_json(call);
}

static void refuse_json(fhir_auth_call_t *call)
{
    const fhir_refusal_row_t *row = &fhir_refusals[call->refusal.id];
    const char *description = plain(call->refusal.description, call->pool);
    fhir_buf_t *buf = fhir_buf_create(call->pool, 0);
    fhir_buf_printf(buf, "{\"error\":\"%s\"", row->error);
    fhir_auth_member(buf, "error_description", description);
    fhir_auth_member(buf, "error_uri", error_uri(call));
    fhir_auth_member(buf, "request_id", call->request->request_id);
    fhir_buf_putc(buf, '}');
    if (row->status == 401 || row->status == 403)
        apr_table_setn(call->response->headers, "WWW-Authenticate",
                       strcmp(row->error, "invalid_client") != 0
                           ? apr_psprintf(call->pool,
                                          "Bearer error=\"%s\", error_description=\"%s\"",
                                          row->error, description)
                           : "Basic realm=\"token endpoint\"");
    fhir_auth_json(call, row->status, fhir_buf_cstr(buf));
}

/* Reasons that the person has to see here, although the application could be told. */
static int is_for_people(fhir_refusal_id_t id)
{
    switch (id) {
    case FHIR_REFUSED_CLIENT_DISABLED:
    case FHIR_REFUSED_NOT_LICENSED:
    case FHIR_REFUSED_LICENCE_REFUSED:
    case FHIR_REFUSED_LICENCE_WITHDRAWN:
    case FHIR_REFUSED_NOT_FOR_STAFF:
    case FHIR_REFUSED_NOT_FOR_PATIENTS:
    case FHIR_REFUSED_FACILITY:
    case FHIR_REFUSED_NO_RECORD:
    case FHIR_REFUSED_LAUNCH_USER:
    case FHIR_REFUSED_FORM_OLD:
    case FHIR_REFUSED_INTERNAL:
    case FHIR_REFUSED_BUSY:
        return 1;
    default:
        return 0;
    }
}

static const char *error_redirect(fhir_auth_call_t *call)
{
    const fhir_refusal_row_t *row = &fhir_refusals[call->refusal.id];
    const char *url = fhir_auth_add_param(call->redirect, "error", row->error, call->pool);
    url = fhir_auth_add_param(url, "error_description",
                              plain(call->refusal.description, call->pool), call->pool);
    url = fhir_auth_add_param(url, "error_uri", error_uri(call), call->pool);
    if (call->state)
        url = fhir_auth_add_param(url, "state", call->state, call->pool);
    return fhir_auth_add_param(url, "iss", call->request->base_url, call->pool);
}

static void refuse_page(fhir_auth_call_t *call)
{
    const fhir_refusal_row_t *row = &fhir_refusals[call->refusal.id];
    fhir_view_t *view = fhir_auth_view(call);
    const char *said = apr_pstrcat(call->pool, "refused-", row->name, NULL);
    /* descriptions are for developers, in English; other readers get a sentence of their own */
    if (strcmp(call->language, "en") != 0 &&
        strcmp(fhir_page_text(said, call->language, call->pool), said) != 0)
        fhir_view_set(view, "said", said);
    fhir_view_set(view, "description", call->refusal.description);
    if (*call->root || call->refusal.id != FHIR_REFUSED_NOT_FOUND)
        fhir_view_set(view, "who", apr_pstrcat(call->pool, "who-", row->who, NULL));
    fhir_view_set(view, "what", fhir_refusal_what(row, call->language, call->pool));
    fhir_view_set(view, "error", row->error);
    fhir_view_set(view, "help", error_uri(call));
    fhir_view_set(view, "request_id", call->request->request_id);
    if (call->redirect)
        fhir_view_set(view, "back", error_redirect(call));
    /* the rest of the page needs only compiled-in texts */
    (void)fhir_auth_page(call, row->status, "error", view, NULL);
}

/* Only for known applications, so that strangers cannot fill the table. */
void fhir_auth_remember(const fhir_auth_call_t *call)
{
    const fhir_refusal_row_t *row = &fhir_refusals[call->refusal.id];
    const fhir_refused_t refused = {call->request->request_id, call->client,
                                    call->response->route,     row->name,
                                    call->refusal.description, call->refusal.parameter,
                                    call->refusal.received,    call->refusal.expected};
    if (call->client && call->request->store && row->status < 500)
        (void)fhir_refusal_keep(&refused, call->tenant, call->request->store, call->pool);
}

static void answer_error(fhir_auth_call_t *call, const fhir_err_t *err,
                         const fhir_auth_route_t *route)
{
    fhir_buf_clear(call->response->body);
    if (!call->refusal.id)
        (void)fhir_auth_refuse(
            call,
            fhir_err_http_status(err->code) == 503 ? FHIR_REFUSED_BUSY : FHIR_REFUSED_INTERNAL,
            "%s",
            err->code == FHIR_ERR_INTERNAL
                ? "The server could not complete the request; its log has the reason"
                : err->message);
    FHIR_LOG(call->request->log, FHIR_LOG_INFO, "FHIR0400: request %s to %s refused: %s: %s",
             call->request->request_id, call->request->path, fhir_refusals[call->refusal.id].name,
             call->refusal.description);
    fhir_auth_remember(call);
    if (call->refusal.id == FHIR_REFUSED_BUSY && !call->refusal.wait)
        call->refusal.wait = 5;
    if (call->refusal.wait)
        apr_table_setn(call->response->headers, "Retry-After",
                       apr_itoa(call->pool, call->refusal.wait));
    if (!is_for_browser(call, route))
        refuse_json(call);
    else if (call->redirect && !is_for_people(call->refusal.id))
        fhir_auth_redirect(call, error_redirect(call));
    else
        refuse_page(call);
}

/* ---- answers ---- */

void fhir_auth_json(fhir_auth_call_t *call, int status, const char *json)
{
    call->response->status = status;
    call->response->content_type = "application/json";
    no_store(call);
    fhir_buf_puts(call->response->body, json);
}

void fhir_auth_redirect(fhir_auth_call_t *call, const char *url)
{
    call->response->status = 303;
    apr_table_setn(call->response->headers, "Location", url);
    apr_table_setn(call->response->headers, "Referrer-Policy", "no-referrer");
    no_store(call);
}

const char *fhir_auth_url(const fhir_auth_call_t *call, const char *name)
{
    return apr_pstrcat(call->pool, call->request->base_url, call->root, "/", name, NULL);
}

void fhir_auth_encode(fhir_buf_t *buf, const char *name, const char *value)
{
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    const char *const texts[] = {name, "=", value};
    for (int i = 0; i < 3; i++)
        for (const char *s = texts[i]; *s; s++)
            if (strchr(safe, *s) || i == 1)
                fhir_buf_putc(buf, *s);
            else
                fhir_buf_printf(buf, "%%%02X", (unsigned char)*s);
}

const char *fhir_auth_add_param(const char *url, const char *name, const char *value,
                                apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    fhir_buf_puts(buf, url);
    fhir_buf_putc(buf, strchr(url, '?') ? '&' : '?');
    fhir_auth_encode(buf, name, value);
    return fhir_buf_cstr(buf);
}

void fhir_auth_member(fhir_buf_t *buf, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    fhir_buf_printf(buf, ",\"%s\":", name);
    fhir_buf_json_string(buf, value, strlen(value));
}

fhir_view_t *fhir_auth_view(fhir_auth_call_t *call)
{
    const fhir_auth_config_t *config = call->request->config;
    fhir_view_t *view = fhir_view_create(call->pool);
    int patients = call->request->endpoint->audience == FHIR_AUDIENCE_PATIENT;
    fhir_view_set(view, "practice", config->practice ? config->practice : "mod_fhir");
    fhir_view_set(view, "logo", config->logo);
    fhir_view_set(view, "lang", call->language);
    fhir_view_set(view, "base", apr_pstrcat(call->pool, call->request->base_url, call->root, NULL));
    fhir_view_set(view, "audience",
                  !*call->root ? "audience-portal"
                  : patients   ? "audience-patient"
                               : "audience-staff");
    fhir_view_flag(view, "patients", patients);
    fhir_view_flag(view, "portal", !*call->root);
    fhir_view_flag(view, "developers", call->kinds && strstr(call->kinds, " developer ") != NULL);
    return view;
}

/* Allows nothing from other servers except pictures of applications, no framing, and no script in
 * the page. */
static const char *policy(const fhir_auth_call_t *call, const char *form_action)
{
    return apr_pstrcat(call->pool,
                       "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' "
                       "https: data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
                       form_action && *form_action ? " " : "", form_action ? form_action : "",
                       NULL);
}

/* A program that asks a portal for JSON gets the values that the page would show. The status tells
 * what a person would read: 401 for the sign-in page, 422 for a form that was not accepted. */
static fhir_err_t *page_as_json(fhir_auth_call_t *call, int status, const char *name,
                                fhir_view_t *view)
{
    static const char *const ways_in[] = {"sign-in", "password", "factor"};
    for (apr_size_t i = 0; i < sizeof(ways_in) / sizeof(*ways_in); i++)
        if (!strcmp(name, ways_in[i]))
            status = 401;
    if (status == 200 && (*fhir_view_get(view, "fault") || *fhir_view_get(view, "reason")))
        status = 422;
    fhir_view_set(view, "page", name);
    call->response->status = status;
    call->response->content_type = "application/json";
    apr_table_setn(call->response->headers, "Vary", "Accept, Accept-Language");
    no_store(call);
    fhir_view_json(call->response->body, view);
    return NULL;
}

fhir_err_t *fhir_auth_page(fhir_auth_call_t *call, int status, const char *name, fhir_view_t *view,
                           const char *form_action)
{
    apr_table_t *headers = call->response->headers;
    if (wants_json(call))
        return page_as_json(call, status, name, view);
    call->response->status = status;
    call->response->content_type = "text/html; charset=utf-8";
    fhir_view_set(view, "title", apr_pstrcat(call->pool, "title-", name, NULL));
    no_store(call);
    apr_table_setn(headers, "Content-Security-Policy", policy(call, form_action));
    apr_table_setn(headers, "X-Frame-Options", "DENY");
    apr_table_setn(headers, "Referrer-Policy", "no-referrer");
    apr_table_setn(headers, "Content-Language", call->language);
    if (fhir_page_render(call->response->body, name, view, call->language, call->pool))
        return NULL;
    return fhir_err_detail(
        fhir_err_create(call->pool, FHIR_ERR_INTERNAL, "The server could not complete the request"),
        call->pool, "there is no page named %s", name);
}

/* ---- what comes in ---- */

const char *fhir_auth_param(const fhir_pairs_t *pairs, const char *name)
{
    const char *value = fhir_pairs_get(pairs, name);
    return value && *value ? value : NULL;
}

/* lists: names that may repeat, ends with NULL. */
static const char *repeated(const fhir_pairs_t *pairs, const char *const *lists)
{
    for (int i = 0; i < pairs->n; i++) {
        const char *name = pairs->list[i].name;
        int may = *name == '_';
        for (int k = 0; lists[k]; k++)
            may |= !strcmp(lists[k], name);
        for (int j = 0; j < i && !may; j++)
            if (!strcmp(name, pairs->list[j].name))
                return name;
    }
    return NULL;
}

static int is_form(const char *type)
{
    static const char wanted[] = "application/x-www-form-urlencoded";
    apr_size_t len = sizeof(wanted) - 1;
    return type && !strncasecmp(type, wanted, len) &&
           (!type[len] || type[len] == ';' || type[len] == ' ');
}

/* The fields of a form with a file, as those of other forms. */
static fhir_err_t *read_parts(fhir_auth_call_t *call, const char *type, const char *body,
                              apr_size_t len)
{
    fhir_parts_t *parts = apr_palloc(call->pool, sizeof(*parts));
    fhir_err_t *err = fhir_multipart_parse(parts, type, body, len, call->pool);
    if (err)
        return fhir_auth_refuse(call, FHIR_REFUSED_BAD_ENCODING, "%s", err->message);
    call->form.list = apr_palloc(call->pool, sizeof(parts->list));
    for (int i = 0; i < parts->n; i++) {
        const fhir_part_t *part = &parts->list[i];
        if (part->is_file && !call->file)
            call->file = part;
        else if (memchr(part->data, '\0', part->len) ||
                 !fhir_text_utf8_valid(part->data, part->len) ||
                 !fhir_text_utf8_valid(part->name, strlen(part->name)))
            return fhir_auth_refuse(call, FHIR_REFUSED_BAD_ENCODING, "The form is not UTF-8");
        else
            call->form.list[call->form.n++] =
                (fhir_pair_t){part->name, apr_pstrmemdup(call->pool, part->data, part->len)};
    }
    return NULL;
}

static fhir_err_t *read_pairs(fhir_auth_call_t *call, const char *body, apr_size_t len)
{
    return memchr(body, '\0', len) ||
                   fhir_pairs_parse(&call->form, apr_pstrmemdup(call->pool, body, len), FORM_MAX,
                                    call->pool)
               ? fhir_auth_refuse(call, FHIR_REFUSED_BAD_ENCODING,
                                  "The form is not URL-encoded UTF-8")
               : NULL;
}

fhir_err_t *fhir_auth_form(fhir_auth_call_t *call)
{
    const char *type = call->request->header(call->request, "Content-Type");
    int has_parts = call->takes_file && fhir_multipart_is(type);
    if (!has_parts && !is_form(type))
        return fhir_auth_refuse(call, FHIR_REFUSED_NO_FORM,
                                "Content-Type is \"%.100s\"; send "
                                "application/x-www-form-urlencoded",
                                type ? type : "");
    const char *body;
    apr_size_t len;
    fhir_err_t *err = call->request->read_body(&body, &len, call->request, FORM_MAX);
    if (err)
        return err->code == FHIR_ERR_TOO_LARGE
                   ? fhir_auth_refuse(call, FHIR_REFUSED_TOO_LONG,
                                      "The form is longer than %d bytes", FORM_MAX)
                   : err;
    FHIR_TRY(has_parts ? read_parts(call, type, body, len) : read_pairs(call, body, len));
    /* switches of a list: on the consent page, and of a licence */
    static const char *const lists[] = {"scope", "facility", NULL};
    const char *twice = repeated(&call->form, lists);
    return twice ? fhir_auth_refuse(call, FHIR_REFUSED_REPEATED, "%.100s appears more than once",
                                    twice)
                 : NULL;
}

static const struct {
    const char *name;
    unsigned flag;
    const char *listed; /* in the header Allow */
} methods[] = {{"GET", FHIR_SITE_GET, "GET, HEAD, "},
               {"POST", FHIR_SITE_POST, "POST, "},
               {"PUT", FHIR_SITE_PUT, "PUT, "},
               {"DELETE", FHIR_SITE_DELETE, "DELETE, "}};

static const char *allowed(const fhir_auth_route_t *route, apr_pool_t *pool)
{
    const char *list = "";
    for (apr_size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
        if (route->flags & methods[i].flag)
            list = apr_pstrcat(pool, list, methods[i].listed, NULL);
    return apr_pstrcat(pool, list, "OPTIONS", NULL);
}

static fhir_err_t *check_request(fhir_auth_call_t *call, const fhir_auth_route_t *route)
{
    const fhir_auth_request_t *request = call->request;
    unsigned method = 0;
    for (apr_size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
        if (!strcmp(request->method, methods[i].name))
            method = methods[i].flag;
    if (!route)
        return fhir_auth_refuse(call, FHIR_REFUSED_NOT_FOUND, "There is nothing at %.200s",
                                request->path);
    if (!(route->flags & method)) {
        apr_table_setn(call->response->headers, "Allow", allowed(route, call->pool));
        return fhir_auth_refuse(call, FHIR_REFUSED_WRONG_METHOD, "%.20s is not for %s",
                                request->method, request->path);
    }
    if (!request->secure && !request->config->plain_http && !(route->flags & FHIR_SITE_PUBLIC))
        return fhir_auth_refuse(
            call, FHIR_REFUSED_INSECURE,
            "Authorization over http is accepted only from the same machine; use https");
    if (fhir_pairs_parse(&call->query, request->query, request->endpoint->limits.query_max,
                         call->pool))
        return fhir_auth_refuse(call, FHIR_REFUSED_BAD_ENCODING,
                                "The query is not URL-encoded UTF-8, or too long");
    static const char *const none[] = {NULL};
    const char *twice = repeated(&call->query, none);
    return twice ? fhir_auth_refuse(call, FHIR_REFUSED_REPEATED, "%.100s appears more than once",
                                    twice)
                 : NULL;
}

/* The name of a route in the log: the last part of its path. */
static const char *route_name(const fhir_auth_route_t *route)
{
    const char *slash = route ? strrchr(route->path, '/') : NULL;
    return !route ? "unknown" : slash ? slash + 1 : route->path;
}

static const char *language_of(const fhir_auth_call_t *call)
{
    const char *wanted = fhir_auth_param(&call->query, "ui_locales");
    return fhir_page_language(wanted ? wanted
                                     : call->request->header(call->request, "Accept-Language"));
}

fhir_err_t *fhir_auth_run(fhir_auth_response_t *response, const fhir_auth_request_t *request)
{
    return fhir_auth_serve(response, request, routes, "/auth");
}

fhir_err_t *fhir_auth_serve(fhir_auth_response_t *response, const fhir_auth_request_t *request,
                            const fhir_auth_route_t *list, const char *root)
{
    fhir_auth_call_t call = {.request = request,
                             .response = response,
                             .tenant = request->endpoint->tenant,
                             .root = root,
                             .language = "en",
                             .pool = request->pool};
    const fhir_auth_route_t *route = find_route(list, request->path);
    *response = (fhir_auth_response_t){.status = 200,
                                       .headers = apr_table_make(request->pool, 8),
                                       .body = fhir_buf_create(request->pool, 0)};
    response->route = route_name(route);
    call.kinds = route ? route->kinds : NULL;
    fhir_err_t *err = check_request(&call, route);
    call.language = language_of(&call);
    if (!err)
        err = route->run(&call);
    if (err)
        answer_error(&call, err, route);
    return call.refusal.id && fhir_refusals[call.refusal.id].status < 500 ? NULL : err;
}
