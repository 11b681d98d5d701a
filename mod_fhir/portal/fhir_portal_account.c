/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounts of developers: created openly or by invitation, confirmed by e-mail, with passwords that
 * can be reset and a second factor. Only the owner of an address learns whether it has an account:
 * pages and their timing are the same for both, and an e-mail is sent in either case.
 */
#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#include "auth/fhir_password.h"
#include "core/fhir_random.h"
#include "core/fhir_text.h"
#include "portal/fhir_mail.h"
#include "portal/fhir_portal_private.h"

#define LINK_HOURS 24
#define TOTP_BYTES 20

/* ---- what was typed ---- */

/* A field without blanks around it; NULL when it is longer than most, or absent. */
static const char *field(const fhir_auth_call_t *call, const char *name, apr_size_t most)
{
    const char *value = fhir_pairs_get(&call->form, name);
    if (!value)
        return NULL;
    value += strspn(value, " \t\r\n");
    apr_size_t len;
    for (len = strlen(value); len && apr_isspace(value[len - 1]);)
        len--;
    return len <= most ? apr_pstrmemdup(call->pool, value, len) : NULL;
}

static const char *typed_address(const fhir_auth_call_t *call)
{
    const char *typed = field(call, "email", FHIR_MAIL_ADDRESS_MAX);
    if (!typed || !fhir_mail_is_address(typed))
        return NULL;
    char *address = apr_pstrdup(call->pool, typed);
    for (char *s = address; *s; s++)
        *s = (char)apr_tolower(*s);
    return address;
}

/* Why a new password and its repetition cannot be accepted, or NULL. */
static const char *password_fault(const fhir_auth_call_t *call, const char *user)
{
    const char *password = fhir_pairs_get(&call->form, "password");
    const char *again = fhir_pairs_get(&call->form, "again");
    if (!password || !again || strcmp(password, again) != 0)
        return "password-differs";
    return fhir_password_fault(password, user);
}

/* ---- e-mails ---- */

static fhir_err_t *mail(const fhir_auth_call_t *call, const char *to, const char *about,
                        const char *link)
{
    const fhir_portal_t *portal = fhir_portal_of(call);
    const char *practice = call->request->config->practice;
    const char *subject = fhir_page_text(apr_pstrcat(call->pool, "mail-", about, "-subject", NULL),
                                         call->language, call->pool);
    const char *text =
        fhir_page_text(apr_pstrcat(call->pool, "mail-", about, NULL), call->language, call->pool);
    practice = practice ? practice : "mod_fhir";
    text = apr_pstrcat(call->pool, practice, "\n\n", text, "\n\n", link ? link : "",
                       link ? "\n\n" : "", fhir_page_text("mail-foot", call->language, call->pool),
                       "\n", NULL);
    return portal->send_mail(
        portal, fhir_mail_message(portal->from ? portal->from : "", to, subject, text, call->pool),
        call->pool);
}

/* The most e-mails that a network address can cause, and that an e-mail address can get. */
static fhir_err_t *may_send(const char **reason, fhir_auth_call_t *call, const char *to)
{
    const char *const keys[] = {apr_pstrcat(call->pool, "m:", to, NULL),
                                apr_pstrcat(call->pool, "am:", call->request->address, NULL)};
    *reason = NULL;
    for (int i = 0; i < 2; i++) {
        int wait;
        FHIR_TRY(fhir_auth_wait(&wait, call, keys[i]));
        if (wait) {
            call->refusal.wait = wait;
            *reason = "reason-wait";
            return NULL;
        }
    }
    for (int i = 0; i < 2; i++)
        FHIR_TRY(fhir_auth_count(call, keys[i], 1));
    return NULL;
}

/* Makes a link that can be used once, and its row. */
static fhir_err_t *make_link(const char **link, const fhir_auth_call_t *call, const char *purpose,
                             const char *page, const char *email, const char *const details[4])
{
    const char *word;
    FHIR_TRY(fhir_random_word(&word, 32, call->pool));
    const char *values[8];
    values[0] = fhir_secret_bytea_of(word, call->pool);
    values[1] = purpose;
    values[2] = email;
    for (int i = 0; i < 4; i++)
        values[3 + i] = details ? details[i] : NULL;
    values[7] = apr_itoa(call->pool, LINK_HOURS);
    *link = apr_pstrcat(call->pool, fhir_auth_url(call, page), "?t=", word, NULL);
    return fhir_auth_sql(call,
                         "INSERT INTO @mail_link (digest, purpose, email, display, organization, "
                         "website, password, expires) VALUES ($1::bytea, $2, $3, $4, $5, $6, $7, "
                         "now() + make_interval(hours => $8::int))",
                         FHIR_STMT_WRITE, 8, values, NULL, NULL, NULL);
}

/* The e-mail address of the link that the request's t names; NULL: no such link, or it has expired.
 */
static fhir_err_t *find_link(fhir_auth_one_t *link, const fhir_auth_call_t *call,
                             const char *purpose)
{
    const char *word = fhir_auth_param(&call->query, "t");
    *link = (fhir_auth_one_t){NULL, call->pool};
    if (!word)
        return NULL;
    const char *values[2];
    values[0] = fhir_secret_bytea_of(word, call->pool);
    values[1] = purpose;
    return fhir_auth_sql(call,
                         "SELECT email FROM @mail_link WHERE digest = $1::bytea AND purpose = $2 "
                         "AND used IS NULL AND expires > now()",
                         0, 2, values, fhir_auth_read_one, link, NULL);
}

/* ---- pages ---- */

/* Shows a page with a message and a link. */
static fhir_err_t *say(fhir_auth_call_t *call, const char *what, const char *next)
{
    fhir_view_t *view;
    FHIR_TRY(fhir_portal_view(&view, call, NULL));
    fhir_view_flag(view, "wide", 0);
    fhir_view_set(view, "heading", apr_pstrcat(call->pool, what, "-title", NULL));
    fhir_view_set(view, "text", apr_pstrcat(call->pool, what, "-text", NULL));
    if (next)
        fhir_view_set(view, "next", fhir_auth_url(call, next));
    return fhir_auth_page(call, 200, "notice", view, NULL);
}

/* The form of a page without sign-in; fields keep what was typed. */
static fhir_err_t *show_form(fhir_auth_call_t *call, const char *page, const char *reason,
                             const char *email)
{
    static const char *const names[] = {"display", "organization", "website"};
    fhir_view_t *view;
    FHIR_TRY(fhir_portal_view(&view, call, NULL));
    fhir_view_flag(view, "wide", 0);
    fhir_view_set(view, "reason", reason);
    fhir_view_set(view, "email", email ? email : fhir_pairs_get(&call->form, "email"));
    fhir_view_flag(view, "is_invited", email != NULL);
    for (int i = 0; i < 3; i++)
        fhir_view_set(view, names[i], fhir_pairs_get(&call->form, names[i]));
    if (call->refusal.wait)
        fhir_view_set(view, "wait", apr_itoa(call->pool, call->refusal.wait));
    return fhir_auth_page(call, 200, page, view, NULL);
}

/* 1 for a POST of our own form. */
static fhir_err_t *take_form(int *is_sent, fhir_auth_call_t *call)
{
    *is_sent = !strcmp(call->request->method, "POST");
    if (!*is_sent)
        return NULL;
    FHIR_TRY(fhir_auth_form(call));
    return fhir_auth_check_form(call);
}

/* The same on a page that a link of an e-mail opens. */
static fhir_err_t *take_link(fhir_auth_one_t *link, int *is_sent, fhir_auth_call_t *call,
                             const char *purpose)
{
    FHIR_TRY(take_form(is_sent, call));
    return find_link(link, call, purpose);
}

/* ---- signing up ---- */

static fhir_err_t *sign_up(fhir_auth_call_t *call, const char *invited)
{
    const char *email = invited ? invited : typed_address(call), *details[4];
    details[0] = field(call, "display", 200);
    details[1] = field(call, "organization", 200);
    details[2] = field(call, "website", 500);
    if (!email)
        return show_form(call, "join", "reason-email", invited);
    if (!details[0] || !*details[0] || !details[1])
        return show_form(call, "join", "reason-name", invited);
    if (!details[2] || (*details[2] && strncmp(details[2], "https://", 8) != 0))
        return show_form(call, "join", "reason-website", invited);
    const char *reason = password_fault(call, email);
    if (reason)
        return show_form(call, "join", reason, invited);
    FHIR_TRY(may_send(&reason, call, email));
    if (reason)
        return show_form(call, "join", reason, invited);
    FHIR_TRY(fhir_password_hash(&details[3], fhir_pairs_get(&call->form, "password"), call->pool));
    fhir_user_t *user;
    FHIR_TRY(fhir_auth_user(&user, call, email, NULL));
    if (user)
        FHIR_TRY(mail(call, email, "known", fhir_auth_url(call, "connect/reset")));
    else {
        const char *link;
        FHIR_TRY(make_link(&link, call, "confirm", "connect/confirm", email, details));
        FHIR_TRY(mail(call, email, "confirm", link));
    }
    return say(call, "sent", NULL);
}

fhir_err_t *fhir_portal_join(fhir_auth_call_t *call)
{
    fhir_sign_up_t mode = fhir_portal_of(call)->sign_up;
    fhir_auth_one_t invitation;
    int is_sent;
    FHIR_TRY(take_link(&invitation, &is_sent, call, "invite"));
    if (mode == FHIR_SIGN_UP_OFF)
        return say(call, "join-off", NULL);
    if (mode == FHIR_SIGN_UP_INVITATION && !invitation.text)
        return say(call, "join-invitation", NULL);
    return is_sent ? sign_up(call, invitation.text)
                   : show_form(call, "join", NULL, invitation.text);
}

/* A button is needed, because programs that scan e-mails follow links. */
fhir_err_t *fhir_portal_confirm(fhir_auth_call_t *call)
{
    const char *word = fhir_auth_param(&call->query, "t");
    apr_int64_t n = 0;
    fhir_auth_one_t link;
    int is_sent;
    FHIR_TRY(take_link(&link, &is_sent, call, "confirm"));
    if (!link.text)
        return say(call, "link-old", "connect");
    if (!is_sent)
        return show_form(call, "confirm", NULL, link.text);
    const char *id;
    FHIR_TRY(fhir_random_word(&id, 12, call->pool));
    const char *values[2];
    values[0] = fhir_secret_bytea_of(word, call->pool);
    values[1] = id;
    FHIR_TRY(fhir_auth_sql(
        call,
        "WITH l AS (UPDATE @mail_link SET used = now() WHERE digest = $1::bytea AND purpose = "
        "'confirm' AND used IS NULL AND expires > now() RETURNING *), u AS (INSERT INTO @user (id, "
        "name, display, kind, password) SELECT $2, l.email, l.display, 'developer', l.password "
        "FROM l ON CONFLICT DO NOTHING RETURNING id), d AS (INSERT INTO @developer (user_id, "
        "organization, website) SELECT u.id, coalesce(l.organization, ''), nullif(l.website, '') "
        "FROM u, l), i AS (UPDATE @mail_link SET used = now() WHERE purpose = 'invite' AND email = "
        "(SELECT email FROM l)) SELECT id FROM u",
        FHIR_STMT_WRITE, 2, values, NULL, NULL, &n));
    if (n)
        FHIR_LOG(call->request->log, FHIR_LOG_INFO, "FHIR0702: developer %s has an account", id);
    return n ? say(call, "confirmed", "connect") : say(call, "link-old", "connect");
}

/* ---- a forgotten password ---- */

fhir_err_t *fhir_portal_reset(fhir_auth_call_t *call)
{
    int is_sent;
    FHIR_TRY(take_form(&is_sent, call));
    if (!fhir_portal_of(call)->has_mail)
        return say(call, "reset-off", NULL);
    if (!is_sent)
        return show_form(call, "reset", NULL, NULL);
    const char *email = typed_address(call);
    if (!email)
        return show_form(call, "reset", "reason-email", NULL);
    const char *reason;
    FHIR_TRY(may_send(&reason, call, email));
    if (reason)
        return show_form(call, "reset", reason, NULL);
    fhir_user_t *user;
    FHIR_TRY(fhir_auth_user(&user, call, email, NULL));
    if (user && !strcmp(user->kind, "developer") && !user->external && !user->disabled) {
        const char *link;
        FHIR_TRY(make_link(&link, call, "reset", "connect/password", email, NULL));
        FHIR_TRY(mail(call, email, "reset", link));
    }
    else
        FHIR_TRY(mail(call, email, "unknown", NULL));
    return say(call, "sent", NULL);
}

/* Ends sessions that somebody else may have. */
#define NEW_PASSWORD                                                                               \
    "UPDATE @user u SET password = $2, must_change = false FROM l WHERE u.name = l.email AND "     \
    "u.kind = 'developer' RETURNING u.id), s AS (UPDATE @session SET ended = now() WHERE user_id " \
    "IN (SELECT id FROM u) AND ended IS NULL) SELECT id FROM u"

fhir_err_t *fhir_portal_password(fhir_auth_call_t *call)
{
    const char *reason = NULL;
    apr_int64_t n = 0;
    fhir_auth_one_t link;
    int is_sent;
    FHIR_TRY(take_link(&link, &is_sent, call, "reset"));
    if (!link.text)
        return say(call, "link-old", "connect/reset");
    if (is_sent)
        reason = password_fault(call, link.text);
    if (!is_sent || reason)
        return show_form(call, "new-password", reason, link.text);
    const char *values[2];
    values[0] = fhir_secret_bytea_of(fhir_auth_param(&call->query, "t"), call->pool);
    FHIR_TRY(fhir_password_hash(&values[1], fhir_pairs_get(&call->form, "password"), call->pool));
    FHIR_TRY(fhir_auth_sql(
        call,
        "WITH l AS (UPDATE @mail_link SET used = now() WHERE digest = $1::bytea AND purpose = "
        "'reset' AND used IS NULL AND expires > now() RETURNING email), u AS (" NEW_PASSWORD,
        FHIR_STMT_WRITE, 2, values, NULL, NULL, &n));
    FHIR_TRY(fhir_auth_count(call, apr_pstrcat(call->pool, "u:", link.text, NULL), 0));
    return n ? say(call, "password-set", "connect") : say(call, "link-old", "connect/reset");
}

/* ---- the account's own page ---- */

/* The secret for a new second factor. It belongs to this session, and is stored only after the user
 * has entered a code. */
static fhir_err_t *pending_totp(fhir_digest_t *secret, const fhir_auth_call_t *call,
                                const fhir_session_t *session)
{
    const char *text =
        apr_pstrcat(call->pool, "totp\n", session->user.id, "\n", call->cookie, NULL);
    fhir_digest_t key;
    FHIR_TRY(fhir_auth_key(&key, call));
    fhir_digest_hmac(secret->byte, key.byte, FHIR_DIGEST_LEN, text, strlen(text));
    return NULL;
}

static fhir_err_t *show_account(fhir_auth_call_t *call, const fhir_session_t *session,
                                const char *message, const char *reason)
{
    fhir_view_t *view;
    const char *practice = call->request->config->practice;
    fhir_buf_t *uri = fhir_buf_create(call->pool, 0);
    FHIR_TRY(fhir_portal_view(&view, call, session));
    fhir_digest_t secret;
    FHIR_TRY(pending_totp(&secret, call, session));
    const char *text = fhir_totp_text(secret.byte, TOTP_BYTES, call->pool);
    fhir_view_flag(view, "wide", 0);
    fhir_view_set(view, "name", session->user.name);
    fhir_view_flag(view, "has_totp", session->user.has_totp);
    fhir_view_set(view, "secret", text);
    fhir_buf_puts(uri, "otpauth://totp/");
    fhir_text_url_encode(uri, session->user.name, strlen(session->user.name));
    fhir_buf_printf(uri, "?secret=%s&issuer=", text);
    practice = practice ? practice : "mod_fhir";
    fhir_text_url_encode(uri, practice, strlen(practice));
    fhir_view_set(view, "uri", fhir_buf_cstr(uri));
    fhir_view_set(view, "message", message);
    fhir_view_set(view, "reason", reason);
    return fhir_auth_page(call, 200, "account", view, NULL);
}

static fhir_err_t *set_totp(fhir_auth_call_t *call, fhir_session_t *session)
{
    const char *code = field(call, "code", 6);
    fhir_digest_t secret;
    FHIR_TRY(pending_totp(&secret, call, session));
    apr_int64_t step =
        fhir_totp_step(secret.byte, TOTP_BYTES, code ? code : "", apr_time_sec(apr_time_now()));
    if (step < 0 || session->user.has_totp)
        return show_account(call, session, NULL, "reason-code");
    const char *values[3];
    values[0] = session->user.id;
    values[1] =
        apr_pstrmemdup(call->pool, fhir_secret_bytea(&secret, call->pool), 2 + 2 * TOTP_BYTES);
    values[2] = apr_psprintf(call->pool, "%" APR_INT64_T_FMT, step);
    FHIR_TRY(fhir_auth_sql(call,
                           "UPDATE @user SET totp = $2::bytea, totp_last = $3::bigint WHERE id = "
                           "$1 AND totp IS NULL",
                           FHIR_STMT_WRITE, 3, values, NULL, NULL, NULL));
    session->user.has_totp = 1;
    return show_account(call, session, "factor-on", NULL);
}

/* A change that weakens the account requires the password again. */
static fhir_err_t *is_own_password(int *right, fhir_auth_call_t *call,
                                   const fhir_session_t *session)
{
    const char *key = apr_pstrcat(call->pool, "u:", session->user.name, NULL);
    const char *password = fhir_pairs_get(&call->form, "current");
    *right = 0;
    int wait;
    FHIR_TRY(fhir_auth_wait(&wait, call, key));
    if (wait)
        return NULL;
    *right = password && strlen(password) <= 1024 &&
             call->request->check_password(call->request, session->user.name, password) ==
                 FHIR_AUTH_PASSWORD_RIGHT;
    return *right ? NULL : fhir_auth_count(call, key, 1);
}

static fhir_err_t *drop_totp(fhir_auth_call_t *call, fhir_session_t *session)
{
    int right;
    FHIR_TRY(is_own_password(&right, call, session));
    if (!right)
        return show_account(call, session, NULL, "reason-wrong");
    FHIR_TRY(fhir_auth_sql(call, "UPDATE @user SET totp = NULL WHERE id = $1", FHIR_STMT_WRITE, 1,
                           &session->user.id, NULL, NULL, NULL));
    session->user.has_totp = 0;
    return show_account(call, session, "factor-off", NULL);
}

static fhir_err_t *change_password(fhir_auth_call_t *call, const fhir_session_t *session)
{
    const char *fault = password_fault(call, session->user.name);
    if (!fault) {
        int right;
        FHIR_TRY(is_own_password(&right, call, session));
        fault = right ? NULL : "reason-wrong";
    }
    if (fault)
        return show_account(call, session, NULL, fault);
    const char *values[3];
    values[0] = session->user.id;
    FHIR_TRY(fhir_password_hash(&values[1], fhir_pairs_get(&call->form, "password"), call->pool));
    values[2] = fhir_secret_bytea(&session->digest, call->pool);
    FHIR_TRY(fhir_auth_sql(call,
                           "WITH u AS (UPDATE @user SET password = $2 WHERE id = $1) UPDATE "
                           "@session SET ended = now() WHERE user_id = $1 AND digest <> $3::bytea "
                           "AND ended IS NULL",
                           FHIR_STMT_WRITE, 3, values, NULL, NULL, NULL));
    return show_account(call, session, "password-changed", NULL);
}

fhir_err_t *fhir_portal_account(fhir_auth_call_t *call)
{
    fhir_session_t *session;
    const char *step;
    FHIR_TRY(fhir_portal_enter(&session, &step, call));
    if (!session)
        return NULL;
    if (!strcmp(step, "factor-on"))
        return set_totp(call, session);
    if (!strcmp(step, "factor-off"))
        return drop_totp(call, session);
    if (!strcmp(step, "change"))
        return change_password(call, session);
    return show_account(call, session, NULL, NULL);
}

/* ---- invitations ---- */

fhir_err_t *fhir_portal_invite(fhir_auth_call_t *call, const char **message)
{
    const char *email = typed_address(call);
    if (!fhir_portal_of(call)->has_mail) {
        *message = "invite-off";
        return NULL;
    }
    *message = "reason-email";
    if (!email)
        return NULL;
    const char *reason;
    FHIR_TRY(may_send(&reason, call, email));
    *message = reason;
    if (reason)
        return NULL;
    const char *link;
    FHIR_TRY(make_link(&link, call, "invite", "connect/join", email, NULL));
    *message = "invite-sent";
    return mail(call, email, "invite", link);
}
