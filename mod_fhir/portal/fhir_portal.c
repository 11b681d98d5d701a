/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The portals' addresses, who may ask them, and what their pages have in common.
 */
#include <apr_strings.h>
#include <string.h>

#include "core/fhir_base64.h"
#include "portal/fhir_portal_private.h"

static fhir_err_t *front(fhir_auth_call_t *call);

#define SHOW   FHIR_SITE_GET | FHIR_SITE_PAGE
#define FORM   FHIR_SITE_GET | FHIR_SITE_POST | FHIR_SITE_PAGE
#define PUBLIC FHIR_SITE_GET | FHIR_SITE_PAGE | FHIR_SITE_PUBLIC

static const fhir_auth_route_t routes[] = {
    {"", PUBLIC, front, NULL},
    {"status", PUBLIC, fhir_portal_status, NULL},
    {"directory", PUBLIC, fhir_portal_directory, NULL},
    {"directory/endpoints", FHIR_SITE_GET | FHIR_SITE_PUBLIC, fhir_portal_endpoints, NULL},
    {"directory/endpoints/", FHIR_SITE_GET | FHIR_SITE_PUBLIC | FHIR_SITE_PREFIX,
     fhir_portal_endpoints, NULL},
    {"directory/brands", FHIR_SITE_GET | FHIR_SITE_PUBLIC, fhir_portal_brands, NULL},
    {"directory/brands/", FHIR_SITE_GET | FHIR_SITE_PUBLIC | FHIR_SITE_PREFIX, fhir_portal_brands,
     NULL},
    {"connect", FORM, fhir_portal_connect, " developer "},
    {"connect/join", FORM, fhir_portal_join, NULL},
    {"connect/confirm", FORM, fhir_portal_confirm, NULL},
    {"connect/reset", FORM, fhir_portal_reset, NULL},
    {"connect/password", FORM, fhir_portal_password, NULL},
    {"connect/account", FORM, fhir_portal_account, " developer "},
    {"connect/new", FORM, fhir_portal_new_app, " developer "},
    {"connect/app", FORM, fhir_portal_app, " developer "},
    {"connect/letter", FORM, fhir_portal_letter, " developer "},
    {"connect/why", FORM, fhir_portal_why, " developer "},
    {"connect/try", FORM, fhir_portal_try, " developer "},
    {"connect/back", FORM, fhir_portal_back, " developer "},
    {"licences", FORM, fhir_portal_licences, " admin "},
    {"licences/app", FORM, fhir_portal_licence, " admin "},
    {"docs", PUBLIC, fhir_portal_docs, NULL},
    {"docs/", PUBLIC | FHIR_SITE_PREFIX, fhir_portal_docs, NULL},
    {"logo", FHIR_SITE_GET | FHIR_SITE_PUBLIC, fhir_portal_logo, NULL},
    {"help", PUBLIC, fhir_auth_help, NULL},
    {"fhir.css", FHIR_SITE_GET | FHIR_SITE_PUBLIC, fhir_auth_asset, NULL},
    {NULL, 0, NULL, NULL},
};

fhir_err_t *fhir_portal_run(fhir_auth_response_t *response, const fhir_auth_request_t *request)
{
    return fhir_auth_serve(response, request, routes, "");
}

/* ---- answers ---- */

fhir_err_t *fhir_portal_public_page(fhir_auth_call_t *call, const char *name, fhir_view_t *view,
                                    int keep_sec)
{
    apr_table_t *headers = call->response->headers;
    FHIR_TRY(fhir_auth_page(call, 200, name, view, NULL));
    apr_table_unset(headers, "Pragma");
    apr_table_setn(headers, "Cache-Control",
                   apr_psprintf(call->pool, "public, max-age=%d", keep_sec));
    apr_table_setn(headers, "Vary", "Accept, Accept-Language");
    return NULL;
}

/* Sets what every public document has; 1 if the client has this one already (304). */
static int begin_document(fhir_auth_call_t *call, const char *type, const char *tag)
{
    apr_table_t *headers = call->response->headers;
    apr_table_setn(headers, "ETag", apr_pstrcat(call->pool, "W/\"", tag, "\"", NULL));
    apr_table_setn(headers, "Cache-Control", "public, max-age=60");
    apr_table_setn(headers, "Access-Control-Allow-Origin", "*");
    apr_table_setn(headers, "Access-Control-Expose-Headers", "ETag");
    if (fhir_kept_is_listed(call->request->header(call->request, "If-None-Match"), tag)) {
        call->response->status = 304;
        return 1;
    }
    call->response->content_type = type;
    return 0;
}

fhir_err_t *fhir_portal_document(fhir_auth_call_t *call, const char *type, const char *text,
                                 apr_size_t len)
{
    fhir_digest_t digest;
    fhir_digest_sha256(digest.byte, text, len);
    if (!begin_document(call, type,
                        fhir_base64_encode(digest.byte, 12, FHIR_BASE64_TOKEN, call->pool)))
        fhir_buf_append(call->response->body, text, len);
    return NULL;
}

void fhir_portal_kept(fhir_auth_call_t *call, const char *type, const fhir_document_t *document)
{
    apr_table_t *headers = call->response->headers;
    const char *accepted = call->request->header(call->request, "Accept-Encoding");
    apr_table_setn(headers, "Vary", "Accept-Encoding");
    if (begin_document(call, type, document->tag))
        return;
    call->response->ready = document->text;
    call->response->ready_len = document->len;
    if (document->zipped && fhir_kept_accepts_gzip(accepted)) {
        apr_table_setn(headers, "Content-Encoding", "gzip");
        call->response->ready = document->zipped;
        call->response->ready_len = document->zipped_len;
    }
}

void fhir_portal_go(fhir_auth_call_t *call, const char *path)
{
    fhir_auth_redirect(call, fhir_auth_url(call, path));
}

fhir_err_t *fhir_portal_none(fhir_auth_call_t *call, const char *what)
{
    return fhir_auth_refuse(call, FHIR_REFUSED_NOT_FOUND, "There is no such %s", what);
}

/* ---- signed-in pages ---- */

fhir_practice_desk_t fhir_portal_desk(const fhir_auth_call_t *call, const fhir_session_t *session)
{
    return (fhir_practice_desk_t){call->request->store, call->tenant, session->user.name,
                                  call->pool};
}

fhir_err_t *fhir_portal_view(fhir_view_t **out, fhir_auth_call_t *call,
                             const fhir_session_t *session)
{
    fhir_view_t *view = fhir_auth_view(call);
    const char *word;
    FHIR_TRY(fhir_auth_form_word(&word, call));
    fhir_view_set(view, "word", word);
    fhir_view_flag(view, "wide", 1);
    if (session)
        fhir_view_set(view, "user", session->user.display);
    *out = view;
    return NULL;
}

fhir_view_t *fhir_portal_add_endpoint(fhir_view_t *view, const fhir_portal_endpoint_t *endpoint)
{
    int is_patients = endpoint->endpoint.audience == FHIR_AUDIENCE_PATIENT;
    fhir_view_t *row = fhir_view_add(view, "endpoints");
    fhir_view_set(row, "url", endpoint->base_url);
    fhir_view_set(row, "release", endpoint->endpoint.spoken->label);
    fhir_view_set(row, "badge", is_patients ? "badge-patient" : "badge-provider");
    return row;
}

static int is_way_in(const char *step)
{
    static const char *const steps[] = {"sign-in", "switch", "password", "factor"};
    for (apr_size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
        if (!strcmp(steps[i], step))
            return 1;
    return 0;
}

fhir_err_t *fhir_portal_enter(fhir_session_t **session, const char **step, fhir_auth_call_t *call)
{
    *step = "";
    if (!strcmp(call->request->method, "POST"))
        FHIR_TRY(fhir_auth_form(call));
    FHIR_TRY(fhir_auth_sign_in(session, call, 0, NULL));
    const char *sent = fhir_pairs_get(&call->form, "_step");
    if (!*session || !sent || is_way_in(sent))
        return NULL;
    FHIR_TRY(fhir_auth_check_form(call));
    *step = sent;
    return NULL;
}

/* ---- the front page ---- */

/* Where patients see who reads their records. */
static void show_way_of_patients(fhir_view_t *view, const fhir_auth_call_t *call)
{
    const fhir_portal_t *portal = fhir_portal_of(call);
    for (int i = 0; i < portal->n_endpoints; i++) {
        const fhir_portal_endpoint_t *e = &portal->endpoints[i];
        if (!strcmp(e->endpoint.tenant, call->tenant) &&
            e->endpoint.audience == FHIR_AUDIENCE_PATIENT)
            fhir_view_set(view, "manage",
                          apr_pstrcat(call->pool, e->base_url, "/auth/manage", NULL));
    }
}

static fhir_err_t *front(fhir_auth_call_t *call)
{
    const fhir_portal_t *portal = fhir_portal_of(call);
    fhir_view_t *view = fhir_auth_view(call);
    FHIR_TRY(fhir_portal_show_health(view, call, call->tenant));
    show_way_of_patients(view, call);
    fhir_view_flag(view, "wide", 1);
    fhir_view_flag(view, "may_join", portal->sign_up == FHIR_SIGN_UP_OPEN);
    fhir_view_set(view, "n", apr_itoa(call->pool, portal->n_endpoints));
    return fhir_portal_public_page(call, "portal", view, 60);
}
