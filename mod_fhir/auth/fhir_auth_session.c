/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Browser sessions, and the word that distinguishes our forms from forged ones. The word is an
 * HMAC, with the tenant's secret, of the browser's cookie and the request that the form belongs to.
 * A browser gets a cookie before anybody signs in, so that the sign-in form has a word, too.
 * Signing in gives it a new cookie, against session fixation.
 */
#include <apr_strings.h>
#include <string.h>

#include "auth/fhir_auth_private.h"
#include "core/fhir_base64.h"
#include "core/fhir_random.h"

#define COOKIE "__Secure-fhir"

/* The cookie's path: below [base]/auth (for a portal, the base), as the browser sees it. */
static const char *cookie_path(const fhir_auth_call_t *call)
{
    const char *base = call->request->base_url, *host = strstr(base, "://");
    const char *path = host ? strchr(host + 3, '/') : NULL;
    path = apr_pstrcat(call->pool, path ? path : "", call->root, NULL);
    return *path ? path : "/";
}

static const char *read_cookie(const fhir_auth_call_t *call)
{
    const char *header = call->request->header(call->request, "Cookie");
    apr_size_t len = sizeof(COOKIE) - 1;
    while (header && *header) {
        header += strspn(header, "; ");
        if (!strncmp(header, COOKIE "=", len + 1)) {
            apr_size_t n = strcspn(header + len + 1, ";");
            return n == 43 ? apr_pstrmemdup(call->pool, header + len + 1, n) : NULL;
        }
        header += strcspn(header, ";");
    }
    return NULL;
}

static fhir_err_t *set_cookie(fhir_auth_call_t *call)
{
    const char *word;
    FHIR_TRY(fhir_random_word(&word, 32, call->pool));
    call->cookie = word;
    apr_table_set(call->response->headers, "Set-Cookie",
                  apr_psprintf(call->pool, COOKIE "=%s; Path=%s; Secure; HttpOnly; SameSite=Lax",
                               word, cookie_path(call)));
    return NULL;
}

/* ---- sessions ---- */

typedef struct found_t {
    fhir_session_t *session;
    apr_pool_t *pool;
} found_t;

static fhir_err_t *read_session(void *baton, const fhir_row_t *row)
{
    found_t *found = baton;
    found->session = apr_pcalloc(found->pool, sizeof(*found->session));
    fhir_user_read(&found->session->user, row, 0, found->pool);
    found->session->signed_in = apr_atoi64(fhir_row_text(row, FHIR_USER_N_COLUMNS));
    found->session->factor = *fhir_row_text(row, FHIR_USER_N_COLUMNS + 1) == 't';
    return NULL;
}

fhir_err_t *fhir_auth_session(fhir_session_t **session, fhir_auth_call_t *call)
{
    const fhir_auth_config_t *config = call->request->config;
    found_t found = {NULL, call->pool};
    *session = NULL;
    if (!call->cookie)
        call->cookie = read_cookie(call);
    if (!call->cookie)
        return NULL;
    fhir_digest_t digest;
    fhir_digest_sha256(digest.byte, call->cookie, strlen(call->cookie));
    const char *values[4];
    values[0] = fhir_secret_bytea(&digest, call->pool);
    values[1] = call->request->place;
    values[2] = apr_itoa(call->pool, config->session_idle_sec);
    values[3] = apr_itoa(call->pool, config->session_max_sec);
    FHIR_TRY(fhir_auth_sql(
        call,
        "UPDATE @session s SET seen = now() FROM @user u WHERE s.digest = $1::bytea AND "
        "s.place = $2 AND s.ended IS NULL AND s.seen > now() - make_interval(secs => $3::int) AND "
        "s.signed_in > now() - make_interval(secs => $4::int) AND u.id = s.user_id AND u.disabled "
        "IS NULL AND coalesce(u.expires > now(), true) "
        "RETURNING " FHIR_USER_COLUMNS ", extract(epoch FROM s.signed_in)::bigint, s.factor",
        FHIR_STMT_WRITE, 4, values, read_session, &found, NULL));
    if (found.session)
        found.session->digest = digest;
    *session = found.session;
    return NULL;
}

fhir_err_t *fhir_auth_session_begin(fhir_auth_call_t *call, const fhir_user_t *user, int factor)
{
    FHIR_TRY(set_cookie(call));
    const char *values[4];
    values[0] = fhir_secret_bytea_of(call->cookie, call->pool);
    values[1] = user->id;
    values[2] = call->request->place;
    values[3] = factor ? "t" : "f";
    return fhir_auth_sql(call,
                         "INSERT INTO @session (digest, user_id, place, factor) VALUES "
                         "($1::bytea, $2, $3, $4::boolean)",
                         FHIR_STMT_WRITE, 4, values, NULL, NULL, NULL);
}

fhir_err_t *fhir_auth_session_factor(fhir_auth_call_t *call, const fhir_session_t *session)
{
    const char *value = fhir_secret_bytea(&session->digest, call->pool);
    return fhir_auth_sql(call, "UPDATE @session SET factor = true WHERE digest = $1::bytea",
                         FHIR_STMT_WRITE, 1, &value, NULL, NULL, NULL);
}

fhir_err_t *fhir_auth_session_end(fhir_auth_call_t *call, const fhir_session_t *session)
{
    const char *value = fhir_secret_bytea(&session->digest, call->pool);
    apr_table_set(call->response->headers, "Set-Cookie",
                  apr_psprintf(call->pool,
                               COOKIE "=; Path=%s; Secure; HttpOnly; SameSite=Lax; Max-Age=0",
                               cookie_path(call)));
    /* data that lives as long as the session is deleted with it */
    FHIR_TRY(fhir_auth_sql(call,
                           "UPDATE @authorization SET revoked = now(), revoked_by = 'the user, who "
                           "signed out' WHERE session = $1::bytea AND refresh = 'online' AND "
                           "revoked IS NULL",
                           FHIR_STMT_WRITE, 1, &value, NULL, NULL, NULL));
    return fhir_auth_sql(call, "UPDATE @session SET ended = now() WHERE digest = $1::bytea",
                         FHIR_STMT_WRITE, 1, &value, NULL, NULL, NULL);
}

/* ---- forms ---- */

/* The request without our own parameters, which change from page to page. */
static const char *request_text(const fhir_auth_call_t *call)
{
    fhir_buf_t *buf = fhir_buf_create(call->pool, 0);
    fhir_buf_printf(buf, "%s %s", call->request->place, call->request->path);
    for (int i = 0; i < call->query.n; i++)
        if (*call->query.list[i].name != '_' && strcmp(call->query.list[i].name, "ui_locales"))
            fhir_buf_printf(buf, "\n%s=%s", call->query.list[i].name, call->query.list[i].value);
    return fhir_buf_cstr(buf);
}

static fhir_err_t *make_word(const char **word, const fhir_auth_call_t *call)
{
    fhir_digest_t key;
    const char *text = apr_pstrcat(call->pool, call->cookie, "\n", request_text(call), NULL);
    FHIR_TRY(fhir_auth_key(&key, call));
    fhir_digest_t mac;
    fhir_digest_hmac(mac.byte, key.byte, FHIR_DIGEST_LEN, text, strlen(text));
    *word = fhir_base64_encode(mac.byte, FHIR_DIGEST_LEN, FHIR_BASE64_TOKEN, call->pool);
    return NULL;
}

fhir_err_t *fhir_auth_form_word(const char **word, fhir_auth_call_t *call)
{
    if (!call->cookie)
        call->cookie = read_cookie(call);
    if (!call->cookie)
        FHIR_TRY(set_cookie(call));
    return make_word(word, call);
}

fhir_err_t *fhir_auth_check_form(fhir_auth_call_t *call)
{
    const char *shown = fhir_pairs_get(&call->form, "_word");
    const char *site = call->request->header(call->request, "Sec-Fetch-Site");
    if (!call->cookie)
        call->cookie = read_cookie(call);
    if (call->cookie && shown && (!site || strcmp(site, "cross-site") != 0)) {
        const char *word;
        FHIR_TRY(make_word(&word, call));
        if (fhir_secret_same(word, shown))
            return NULL;
    }
    return fhir_auth_refuse(
        call, FHIR_REFUSED_FORM_OLD,
        "The form does not belong to this browser and request, or it is too old");
}
