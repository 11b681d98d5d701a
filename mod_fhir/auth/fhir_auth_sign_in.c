/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sign-in page: user name and password, a new password when one is required, the second factor.
 * After each successful step, a 303 leads back to the same request, which then continues.
 */
#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#include "auth/fhir_auth_private.h"
#include "auth/fhir_password.h"

typedef struct way_t {
    fhir_auth_call_t *call;
    const char *form_action;
    const char *step; /* the step of our form, or "" */
} way_t;

/* The URL of the request without our own parameters. After signing in, prompt=login is removed,
 * too. */
static void go_on(fhir_auth_call_t *call, int signed_in)
{
    fhir_buf_t *buf = fhir_buf_create(call->pool, 0);
    const char *separator = "?";
    fhir_buf_printf(buf, "%s/%s", call->request->base_url, call->request->path);
    for (int i = 0; i < call->query.n; i++) {
        const fhir_pair_t *pair = &call->query.list[i];
        if (*pair->name == '_' ||
            (signed_in && !strcmp(pair->name, "prompt") && !strcmp(pair->value, "login")))
            continue;
        fhir_buf_puts(buf, separator);
        fhir_auth_encode(buf, pair->name, pair->value);
        separator = "&";
    }
    fhir_auth_redirect(call, fhir_buf_cstr(buf));
}

static fhir_err_t *show(way_t *way, const char *page, const char *reason, const char *name)
{
    fhir_auth_call_t *call = way->call;
    fhir_view_t *view = fhir_auth_view(call);
    const char *word;
    FHIR_TRY(fhir_auth_form_word(&word, call));
    fhir_view_set(view, "word", word);
    fhir_view_set(view, "reason", reason);
    fhir_view_set(view, "name", name);
    fhir_view_flag(view, "may_cancel", call->redirect != NULL);
    if (call->refusal.wait)
        fhir_view_set(view, "wait", apr_itoa(call->pool, call->refusal.wait));
    return fhir_auth_page(call, 200, page, view, way->form_action);
}

/* A typed user name: without blanks around it, in lower case. */
static const char *user_name(const fhir_auth_call_t *call)
{
    const char *typed = fhir_pairs_get(&call->form, "user");
    char *name = apr_pstrdup(call->pool, typed ? typed : "");
    while (apr_isspace(*name))
        name++;
    for (apr_size_t len = strlen(name); len && apr_isspace(name[len - 1]); len--)
        name[len - 1] = '\0';
    for (char *s = name; *s; s++)
        *s = (char)apr_tolower(*s);
    return strlen(name) > 256 ? "" : name;
}

/* ---- user name and password ---- */

static fhir_err_t *must_wait(int *wait, way_t *way, const char *name)
{
    fhir_auth_call_t *call = way->call;
    int other = 0;
    FHIR_TRY(fhir_auth_wait(wait, call, apr_pstrcat(call->pool, "u:", name, NULL)));
    FHIR_TRY(
        fhir_auth_wait(&other, call, apr_pstrcat(call->pool, "a:", call->request->address, NULL)));
    if (other > *wait)
        *wait = other;
    return NULL;
}

static fhir_err_t *count_failure(way_t *way, const char *name)
{
    fhir_auth_call_t *call = way->call;
    FHIR_LOG(call->request->log, FHIR_LOG_INFO, "FHIR0401: sign-in at %s failed (request %s)",
             call->request->place, call->request->request_id);
    FHIR_TRY(fhir_auth_count(call, apr_pstrcat(call->pool, "u:", name, NULL), 1));
    return fhir_auth_count(call, apr_pstrcat(call->pool, "a:", call->request->address, NULL), 1);
}

/* 1 if the page is for users of that kind. */
static int is_wanted(const fhir_auth_call_t *call, const fhir_user_t *user)
{
    return strstr(call->kinds, apr_pstrcat(call->pool, " ", user->kind, " ", NULL)) != NULL;
}

/* Why a user with the right password may still not sign in here, or NULL. */
static const char *not_here(const fhir_auth_call_t *call, const fhir_user_t *user)
{
    int patients = call->request->endpoint->audience == FHIR_AUDIENCE_PATIENT;
    if (!user)
        return "reason-not-linked";
    if (user->disabled)
        return "reason-disabled";
    if (user->expired)
        return "reason-expired";
    if (call->kinds)
        return is_wanted(call, user) ? NULL : "reason-other-kind";
    if (patients != !strcmp(user->kind, "patient"))
        return patients ? "reason-not-patient" : "reason-not-staff";
    return strcmp(user->kind, "developer") != 0 ? NULL : "reason-not-staff";
}

static fhir_err_t *take_password(way_t *way)
{
    fhir_auth_call_t *call = way->call;
    const char *name = user_name(call), *password = fhir_pairs_get(&call->form, "password");
    FHIR_TRY(fhir_auth_check_form(call));
    int wait;
    FHIR_TRY(must_wait(&wait, way, name));
    if (wait) {
        call->refusal.wait = wait;
        return show(way, "sign-in", "reason-wait", name);
    }
    fhir_auth_password_t answer = *name && password && strlen(password) <= 1024
                                      ? call->request->check_password(call->request, name, password)
                                      : FHIR_AUTH_PASSWORD_WRONG;
    if (answer == FHIR_AUTH_PASSWORD_ERROR)
        return fhir_auth_refuse(call, FHIR_REFUSED_BUSY,
                                "The password could not be checked at the moment");
    if (answer == FHIR_AUTH_PASSWORD_WRONG) {
        FHIR_TRY(count_failure(way, name));
        return show(way, "sign-in", "reason-wrong", name);
    }
    fhir_user_t *user;
    FHIR_TRY(fhir_auth_user(&user, call, name, NULL));
    const char *not = not_here(call, user);
    if (not )
        return show(way, "sign-in", not, name);
    FHIR_TRY(fhir_auth_count(call, apr_pstrcat(call->pool, "u:", name, NULL), 0));
    FHIR_TRY(fhir_auth_session_begin(call, user, !user->has_totp));
    FHIR_LOG(call->request->log, FHIR_LOG_INFO, "FHIR0402: user %s signed in at %s", user->id,
             call->request->place);
    go_on(call, 1);
    return NULL;
}

/* ---- a new password ---- */

static fhir_err_t *take_new_password(way_t *way, const fhir_session_t *session)
{
    fhir_auth_call_t *call = way->call;
    const char *first = fhir_pairs_get(&call->form, "password");
    const char *second = fhir_pairs_get(&call->form, "again");
    FHIR_TRY(fhir_auth_check_form(call));
    const char *fault = !first || !second || strcmp(first, second) != 0
                            ? "password-differs"
                            : fhir_password_fault(first, session->user.name);
    if (!fault && call->request->check_password(call->request, session->user.name, first) ==
                      FHIR_AUTH_PASSWORD_RIGHT)
        fault = "password-same";
    if (fault)
        return show(way, "password", fault, session->user.name);
    const char *hash;
    FHIR_TRY(fhir_password_hash(&hash, first, call->pool));
    const char *values[2];
    values[0] = session->user.id;
    values[1] = hash;
    FHIR_TRY(fhir_auth_sql(call,
                           "UPDATE @user SET password = $2, must_change = false WHERE id = $1",
                           FHIR_STMT_WRITE, 2, values, NULL, NULL, NULL));
    go_on(call, 0);
    return NULL;
}

/* ---- the second factor ---- */

typedef struct totp_t {
    unsigned char secret[64];
    apr_size_t len;
    apr_int64_t last;
} totp_t;

static fhir_err_t *read_totp(void *baton, const fhir_row_t *row)
{
    totp_t *totp = baton;
    size_t len;
    unsigned char *bytes = PQunescapeBytea((const unsigned char *)fhir_row_text(row, 0), &len);
    if (bytes && len <= sizeof(totp->secret)) {
        memcpy(totp->secret, bytes, len);
        totp->len = len;
    }
    PQfreemem(bytes);
    totp->last = apr_atoi64(fhir_row_text(row, 1));
    return NULL;
}

static fhir_err_t *take_factor(way_t *way, const fhir_session_t *session)
{
    fhir_auth_call_t *call = way->call;
    const char *typed = fhir_pairs_get(&call->form, "code");
    const char *key = apr_pstrcat(call->pool, "f:", session->user.id, NULL);
    char *code = apr_pstrdup(call->pool, typed ? typed : ""), *to = code;
    totp_t totp = {.len = 0};
    apr_int64_t n = 0;
    FHIR_TRY(fhir_auth_check_form(call));
    int wait;
    FHIR_TRY(fhir_auth_wait(&wait, call, key));
    if (wait) {
        call->refusal.wait = wait;
        return show(way, "factor", "reason-wait", NULL);
    }
    for (const char *s = code; *s; s++)
        if (!apr_isspace(*s))
            *to++ = *s;
    *to = '\0';
    FHIR_TRY(fhir_auth_sql(call, "SELECT totp, totp_last FROM @user WHERE id = $1", 0, 1,
                           &session->user.id, read_totp, &totp, NULL));
    apr_int64_t step = fhir_totp_step(totp.secret, totp.len, code, apr_time_sec(apr_time_now()));
    const char *values[2];
    values[0] = session->user.id;
    values[1] = apr_psprintf(call->pool, "%" APR_INT64_T_FMT, step);
    if (step >= 0) /* each code is accepted once, also with two nodes */
        FHIR_TRY(fhir_auth_sql(call,
                               "UPDATE @user SET totp_last = $2::bigint WHERE id = $1 AND "
                               "totp_last < $2::bigint",
                               FHIR_STMT_WRITE, 2, values, NULL, NULL, &n));
    if (!n) {
        FHIR_TRY(fhir_auth_count(call, key, 1));
        return show(way, "factor", "reason-code", NULL);
    }
    FHIR_TRY(fhir_auth_count(call, key, 0));
    FHIR_TRY(fhir_auth_session_factor(call, session));
    go_on(call, 0);
    return NULL;
}

/* ---- the way ---- */

static int is_step(const way_t *way, const char *step)
{
    return strcmp(way->step, step) == 0;
}

static fhir_err_t *switch_user(way_t *way, const fhir_session_t *session)
{
    FHIR_TRY(fhir_auth_check_form(way->call));
    if (session)
        FHIR_TRY(fhir_auth_session_end(way->call, session));
    go_on(way->call, 0);
    return NULL;
}

fhir_err_t *fhir_auth_sign_in(fhir_session_t **out, fhir_auth_call_t *call, int fresh,
                              const char *form_action)
{
    const char *step = fhir_pairs_get(&call->form, "_step");
    way_t way = {call, form_action, step ? step : ""};
    *out = NULL;
    fhir_session_t *session;
    FHIR_TRY(fhir_auth_session(&session, call));
    if (is_step(&way, "sign-in"))
        return take_password(&way);
    if (is_step(&way, "switch"))
        return switch_user(&way, session);
    if (!session || fresh)
        return show(&way, "sign-in", *way.step ? "reason-lost" : NULL, "");
    if (call->kinds && !is_wanted(call, &session->user))
        return show(&way, "sign-in", "reason-other-kind", "");
    if (session->user.must_change && !session->user.external)
        return is_step(&way, "password") ? take_new_password(&way, session)
                                         : show(&way, "password", NULL, session->user.name);
    if (!session->factor)
        return is_step(&way, "factor") ? take_factor(&way, session)
                                       : show(&way, "factor", NULL, NULL);
    *out = session;
    return NULL;
}
