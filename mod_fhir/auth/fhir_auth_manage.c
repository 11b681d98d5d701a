/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person can do alone: see which applications have access, end it, and sign out, also when
 * an application asks for that.
 * Source: SMART App Launch, management_endpoint; OpenID Connect RP-Initiated Logout 1.0
 */
#include <apr_strings.h>
#include <string.h>

#include "auth/fhir_auth_private.h"

/* ---- applications that may act ---- */

typedef struct granted_t {
    fhir_auth_call_t *call;
    fhir_view_t *view;
} granted_t;

static fhir_err_t *read_granted(void *baton, const fhir_row_t *row)
{
    granted_t *granted = baton;
    fhir_auth_call_t *call = granted->call;
    fhir_view_t *item = fhir_view_add(granted->view, "apps");
    fhir_view_set(item, "id", fhir_auth_text(row, 0, call->pool));
    fhir_view_set(item, "app", fhir_auth_text(row, 1, call->pool));
    fhir_view_set(item, "since", fhir_auth_text(row, 2, call->pool));
    fhir_view_set(item, "used", fhir_auth_text(row, 3, call->pool));
    fhir_view_set(item, "until", fhir_auth_text(row, 4, call->pool));
    fhir_view_set(item, "patient", fhir_auth_text(row, 5, call->pool));
    fhir_scopes_t scopes;
    FHIR_TRY(fhir_scopes_parse(&scopes, fhir_row_text(row, 6), call->request->endpoint->spoken,
                               call->pool));
    for (int i = 0; i < scopes.n; i++)
        fhir_view_set(fhir_view_add(item, "scopes"), "scope", scopes.list[i].text);
    return NULL;
}

static fhir_err_t *show(fhir_auth_call_t *call, const fhir_session_t *session, const char *message)
{
    granted_t granted = {call, fhir_auth_view(call)};
    const char *word;
    FHIR_TRY(fhir_auth_form_word(&word, call));
    fhir_view_set(granted.view, "word", word);
    fhir_view_set(granted.view, "user", session->user.display);
    fhir_view_set(granted.view, "message", message);
    FHIR_TRY(fhir_auth_sql(
        call,
        "SELECT a.id, c.name, to_char(a.created, 'YYYY-MM-DD'), to_char(a.used, 'YYYY-MM-DD'), "
        "to_char(a.expires, 'YYYY-MM-DD'), a.patient, a.scopes FROM @authorization a JOIN @client "
        "c ON c.id = a.client WHERE a.user_id = $1 AND a.revoked IS NULL AND coalesce(a.expires > "
        "now(), true) AND EXISTS (SELECT FROM @token t WHERE t.authorization_id = a.id AND "
        "t.expires > now() AND t.revoked IS NULL) ORDER BY a.created DESC LIMIT 200",
        0, 1, &session->user.id, read_granted, &granted, NULL));
    return fhir_auth_page(call, 200, "manage", granted.view, NULL);
}

static fhir_err_t *end_one(fhir_auth_call_t *call, const fhir_session_t *session)
{
    const char *id = fhir_auth_param(&call->form, "_authorization");
    fhir_auth_one_t owner = {NULL, call->pool};
    FHIR_TRY(fhir_auth_check_form(call));
    if (id && strspn(id, "0123456789") == strlen(id) && strlen(id) < 19)
        FHIR_TRY(fhir_auth_sql(call, "SELECT user_id FROM @authorization WHERE id = $1::bigint", 0,
                               1, &id, fhir_auth_read_one, &owner, NULL));
    if (owner.text && !strcmp(owner.text, session->user.id))
        FHIR_TRY(fhir_auth_revoke(call, apr_atoi64(id), "the user"));
    return show(call, session, "manage-ended");
}

fhir_err_t *fhir_auth_manage(fhir_auth_call_t *call)
{
    if (!strcmp(call->request->method, "POST"))
        FHIR_TRY(fhir_auth_form(call));
    fhir_session_t *session;
    FHIR_TRY(fhir_auth_sign_in(&session, call, 0, NULL));
    if (!session)
        return NULL;
    const char *step = fhir_pairs_get(&call->form, "_step");
    return step && !strcmp(step, "end") ? end_one(call, session) : show(call, session, NULL);
}

/* ---- signing out ---- */

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

/* The application that one of our id_tokens was for; *client is NULL if it is not such a token. An
 * expired one is accepted: it only names the application. */
static fhir_err_t *hinted_client(const char **client, int *is_own, fhir_auth_call_t *call,
                                 const fhir_session_t *session)
{
    const char *hint = fhir_auth_param(&call->query, "id_token_hint");
    keys_t keys = {fhir_buf_create(call->pool, 0), 0};
    if (!hint)
        hint = fhir_auth_param(&call->form, "id_token_hint");
    *client = NULL;
    *is_own = 0;
    fhir_jwt_t jwt;
    if (!hint || fhir_jwt_parse(&jwt, hint, strlen(hint), call->pool))
        return NULL;
    fhir_buf_puts(keys.buf, "{\"keys\":[");
    FHIR_TRY(
        fhir_auth_sql(call, "SELECT jwk FROM @signing_key", 0, 0, NULL, read_jwk, &keys, NULL));
    fhir_buf_puts(keys.buf, "]}");
    fhir_jwks_t set;
    if (fhir_jwks_parse(&set, keys.buf->data, keys.buf->len, call->pool) ||
        fhir_jwt_verify(&jwt, &set, call->pool))
        return NULL;
    *client = fhir_node_string(jwt.claims, "aud", call->pool);
    *is_own = session && fhir_jwt_has(&jwt, "sub", session->user.id);
    return NULL;
}

/* Where to go after signing out: a registered address of that application, or NULL. */
static fhir_err_t *way_back(const char **out, fhir_auth_call_t *call, const char *id)
{
    const char *uri = fhir_auth_param(&call->query, "post_logout_redirect_uri");
    const char *state = fhir_auth_param(&call->query, "state");
    fhir_client_t *client = NULL;
    int known = 0;
    *out = NULL;
    if (!id)
        id = fhir_auth_param(&call->query, "client_id");
    if (id && uri)
        FHIR_TRY(fhir_auth_client(&client, call, id));
    if (!client)
        return NULL;
    for (int i = 0; i < client->n_redirects; i++)
        known |= fhir_redirect_matches(client->redirects[i], uri, client->native);
    if (known || (client->home_uri && !strcmp(client->home_uri, uri)))
        *out = state ? fhir_auth_add_param(uri, "state", state, call->pool) : uri;
    return NULL;
}

fhir_err_t *fhir_auth_logout(fhir_auth_call_t *call)
{
    fhir_view_t *view = fhir_auth_view(call);
    if (!strcmp(call->request->method, "POST"))
        FHIR_TRY(fhir_auth_form(call));
    const char *step = fhir_pairs_get(&call->form, "_step");
    fhir_session_t *session;
    FHIR_TRY(fhir_auth_session(&session, call));
    const char *client;
    int is_own;
    FHIR_TRY(hinted_client(&client, &is_own, call, session));
    const char *back;
    FHIR_TRY(way_back(&back, call, client));
    int agreed = step && !strcmp(step, "logout");
    if (agreed && session)
        FHIR_TRY(fhir_auth_check_form(call));
    if (session && !agreed && !is_own) {
        const char *word;
        FHIR_TRY(fhir_auth_form_word(&word, call));
        fhir_view_set(view, "word", word);
        fhir_view_set(view, "user", session->user.display);
        return fhir_auth_page(call, 200, "logout", view,
                              back ? fhir_redirect_origin(back, call->pool) : NULL);
    }
    if (session)
        FHIR_TRY(fhir_auth_session_end(call, session));
    if (back) {
        fhir_auth_redirect(call, back);
        return NULL;
    }
    return fhir_auth_page(call, 200, "logged-out", view, NULL);
}
