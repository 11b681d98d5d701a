/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The authorization endpoint. It checks the request, finds out who signs in and for which patient,
 * asks for consent, and issues a code. The request is in the URL and is checked again with each
 * page.
 * Source: RFC 6749, 4.1; RFC 7636; RFC 9207; OpenID Connect Core 1.0, 3.1.2; SMART App Launch
 */
#include <apr_strings.h>
#include <string.h>

#include "auth/fhir_auth_private.h"
#include "core/fhir_random.h"

/* An authorization request, filled step by step by the checks. */
typedef struct ask_t {
    fhir_auth_call_t *call;
    fhir_client_t *client;
    const char *redirect_uri, *challenge, *prompt, *form_action;
    int form_post; /* response_mode */
    fhir_scopes_t asked, offered;
    const char *fewer; /* the steps that removed scopes, and what each left; "" if none did */
    fhir_session_t *session;
    /* the launch context, from the product or chosen by the person */
    const char *launch; /* digest as bytea, or NULL */
    const char *launch_user, *patient, *encounter, *context;
    fhir_auth_patient_t *person; /* the patient whose data the application gets */
} ask_t;

static const char *param(const ask_t *ask, const char *name)
{
    return fhir_auth_param(&ask->call->query, name);
}

static int is_patients(const ask_t *ask)
{
    return ask->call->request->endpoint->audience == FHIR_AUDIENCE_PATIENT;
}

/* ---- the application and its redirect URI: errors are pages ---- */

/* Recorded for the developer: the portal shows it to developers of this application only. */
static const char *registered(const ask_t *ask)
{
    const char *list = ask->client->n_redirects ? ask->client->redirects[0] : "none is registered";
    for (int i = 1; i < ask->client->n_redirects; i++)
        list = apr_pstrcat(ask->call->pool, list, ", ", ask->client->redirects[i], NULL);
    return list;
}

static const char *scope_of(const ask_t *ask)
{
    const char *scope = param(ask, "scope");
    return scope ? scope : "";
}

static fhir_err_t *find_client(ask_t *ask)
{
    fhir_auth_call_t *call = ask->call;
    const char *id = param(ask, "client_id"), *uri = param(ask, "redirect_uri");
    if (!id)
        return fhir_auth_refuse(call, FHIR_REFUSED_CLIENT_MISSING, "client_id is missing");
    FHIR_TRY(fhir_auth_client(&ask->client, call, id));
    if (!ask->client)
        return fhir_auth_refuse(call, FHIR_REFUSED_CLIENT_UNKNOWN,
                                "client_id \"%.100s\" is not registered here", id);
    call->client = ask->client->id;
    if (!uri && ask->client->n_redirects != 1)
        return fhir_auth_refuse(fhir_auth_saw(call, "redirect_uri", "", registered(ask)),
                                FHIR_REFUSED_REDIRECT_UNKNOWN,
                                "redirect_uri is missing, and app %s has %d registered",
                                ask->client->name, ask->client->n_redirects);
    ask->redirect_uri = uri ? uri : ask->client->redirects[0];
    for (int i = 0; i < ask->client->n_redirects; i++)
        if (fhir_redirect_matches(ask->client->redirects[i], ask->redirect_uri,
                                  ask->client->native))
            return NULL;
    return fhir_auth_refuse(fhir_auth_saw(call, "redirect_uri", ask->redirect_uri, registered(ask)),
                            FHIR_REFUSED_REDIRECT_UNKNOWN,
                            "redirect_uri is \"%.300s\", which is not registered for app %s",
                            ask->redirect_uri, ask->client->name);
}

/* ---- the request's other parameters: errors go to the application ---- */

static fhir_err_t *check_response(ask_t *ask)
{
    fhir_auth_call_t *call = ask->call;
    const char *type = param(ask, "response_type"), *mode = param(ask, "response_mode");
    if (!type || strcmp(type, "code") != 0)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "response_type", type ? type : "", "code"),
            FHIR_REFUSED_RESPONSE_TYPE,
            "response_type is \"%.100s\"; it must be code, and the token response has the id_token",
            type ? type : "");
    ask->form_post = mode && !strcmp(mode, "form_post");
    if (mode && !ask->form_post && strcmp(mode, "query") != 0)
        return fhir_auth_refuse(fhir_auth_saw(call, "response_mode", mode, "query or form_post"),
                                FHIR_REFUSED_RESPONSE_MODE,
                                "response_mode is \"%.100s\"; it must be query or form_post", mode);
    if (!fhir_client_may(ask->client, "authorization_code"))
        return fhir_auth_refuse(
            fhir_auth_saw(call, "client_id", ask->client->id,
                          "an application that is registered for authorization_code"),
            FHIR_REFUSED_GRANT_NOT_ALLOWED, "App %s is not registered for people to sign in",
            ask->client->name);
    return NULL;
}

static fhir_err_t *check_pkce(ask_t *ask)
{
    fhir_auth_call_t *call = ask->call;
    const char *method = param(ask, "code_challenge_method");
    ask->challenge = param(ask, "code_challenge");
    if (!ask->challenge && method)
        return fhir_auth_refuse(
            fhir_auth_saw(
                call, "code_challenge", "",
                "BASE64URL(SHA256(code_verifier)), since code_challenge_method is present"),
            FHIR_REFUSED_PKCE_MISSING,
            "code_challenge_method is present, but code_challenge is missing");
    if (!ask->challenge)
        return strcmp(ask->client->auth, "none") != 0
                   ? NULL
                   : fhir_auth_refuse(fhir_auth_saw(call, "code_challenge", "",
                                                    "BASE64URL(SHA256(code_verifier))"),
                                      FHIR_REFUSED_PKCE_MISSING,
                                      "App %s is public, and code_challenge is missing",
                                      ask->client->name);
    if (!method || strcmp(method, "S256") != 0)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "code_challenge_method", method ? method : "", "S256"),
            FHIR_REFUSED_PKCE_METHOD, "code_challenge_method is \"%.20s\"; it must be S256",
            method ? method : "plain, by default");
    if (strlen(ask->challenge) != 43 ||
        strspn(ask->challenge, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                               "0123456789-_") != 43)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "code_challenge", NULL, "43 letters of URL-safe base64"),
            FHIR_REFUSED_PKCE_BAD, "code_challenge is not 43 letters of URL-safe base64");
    return NULL;
}

/* The FHIR base, with or without a slash at the end. */
static fhir_err_t *check_aud(ask_t *ask)
{
    fhir_auth_call_t *call = ask->call;
    const char *base = call->request->base_url, *aud = param(ask, "aud");
    apr_size_t len = strlen(base);
    if (!aud)
        return fhir_auth_refuse(fhir_auth_saw(call, "aud", "", base), FHIR_REFUSED_AUD_MISSING,
                                "aud is missing; this server's FHIR base is %s", base);
    if (strncmp(aud, base, len) != 0 || (aud[len] && strcmp(aud + len, "/") != 0))
        return fhir_auth_refuse(fhir_auth_saw(call, "aud", aud, base), FHIR_REFUSED_AUD_WRONG,
                                "aud is \"%.300s\"; this server's FHIR base is %s", aud, base);
    return NULL;
}

static fhir_err_t *check_audience(ask_t *ask)
{
    FHIR_TRY(fhir_auth_check_licence(ask->call, ask->client));
    if (is_patients(ask) && !ask->client->patients)
        return fhir_auth_refuse(fhir_auth_saw(ask->call, "client_id", ask->client->id,
                                              "a licence for patients, or the provider endpoint"),
                                FHIR_REFUSED_NOT_FOR_PATIENTS,
                                "The practice has not authorized app %s for patients",
                                ask->client->name);
    if (!is_patients(ask) && !ask->client->staff)
        return fhir_auth_refuse(fhir_auth_saw(ask->call, "client_id", ask->client->id,
                                              "a licence for staff, or the patient endpoint"),
                                FHIR_REFUSED_NOT_FOR_STAFF,
                                "The practice has not authorized app %s for its staff",
                                ask->client->name);
    return NULL;
}

/* ---- what the product said ---- */

typedef struct launch_t {
    ask_t *ask;
    int is_found, is_over;
} launch_t;

static fhir_err_t *read_launch(void *baton, const fhir_row_t *row)
{
    launch_t *launch = baton;
    ask_t *ask = launch->ask;
    apr_pool_t *pool = ask->call->pool;
    launch->is_found = 1;
    launch->is_over = *fhir_row_text(row, 0) == 't';
    ask->launch_user = fhir_auth_text(row, 1, pool);
    ask->patient = fhir_auth_text(row, 2, pool);
    ask->encounter = fhir_auth_text(row, 3, pool);
    ask->context = fhir_auth_text(row, 4, pool);
    return NULL;
}

static fhir_err_t *find_launch(ask_t *ask)
{
    fhir_auth_call_t *call = ask->call;
    const char *word = param(ask, "launch");
    launch_t launch = {ask, 0, 0};
    ask->context = "{}";
    if (!word)
        return fhir_scopes_has(&ask->asked, FHIR_SCOPE_LAUNCH)
                   ? fhir_auth_refuse(fhir_auth_saw(call, "launch", "",
                                                    "the value that the product gave; or the scope "
                                                    "launch/patient instead of launch"),
                                      FHIR_REFUSED_LAUNCH_MISSING,
                                      "scope has launch, but the parameter launch is missing")
                   : NULL;
    ask->launch = fhir_secret_bytea_of(word, call->pool);
    const char *values[2];
    values[0] = ask->launch;
    values[1] = ask->client->id;
    FHIR_TRY(fhir_auth_sql(call,
                           "SELECT used IS NOT NULL OR expires <= now(), user_id, patient, "
                           "encounter, context FROM @launch WHERE digest = $1::bytea AND client = "
                           "$2",
                           0, 2, values, read_launch, &launch, NULL));
    if (!launch.is_found)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "launch", NULL,
                          "a value that the product gave for this application here"),
            FHIR_REFUSED_LAUNCH_UNKNOWN, "launch is unknown to this server for app %s",
            ask->client->name);
    return launch.is_over
               ? fhir_auth_refuse(
                     fhir_auth_saw(call, "launch", NULL,
                                   "a value that was not used before and has not expired"),
                     FHIR_REFUSED_LAUNCH_OVER, "launch was used before, or is too old")
               : NULL;
}

/* ---- scopes ---- */

/* Scopes that cannot be granted here, whatever the person agrees to. */
static int cannot_have(const fhir_scope_t *scope, const void *baton)
{
    const ask_t *ask = baton;
    if (scope->kind == FHIR_SCOPE_SYSTEM)
        return 1;
    if (scope->kind == FHIR_SCOPE_PATIENT) /* without a patient the scope grants nothing */
        return !ask->person && !ask->patient;
    if (scope->kind != FHIR_SCOPE_SPECIAL)
        return 0;
    if (scope->word == FHIR_SCOPE_LAUNCH)
        return !ask->launch;
    return scope->word == FHIR_SCOPE_LAUNCH_ENCOUNTER && !ask->encounter;
}

static const char *one_line(const char *text, apr_pool_t *pool)
{
    char *line = apr_pstrdup(pool, text);
    for (char *s = line; (s = strchr(s, '\n'));)
        *s = ';';
    return line;
}

/* Records for the developer that a step removed scopes, and what it left. */
static void left(ask_t *ask, const char *step, const fhir_scopes_t *before,
                 const fhir_scopes_t *after)
{
    apr_pool_t *pool = ask->call->pool;
    const char *beyond;
    if (!fhir_scopes_cover(after, before, &beyond))
        ask->fewer = apr_psprintf(pool, "%s%s%s left \"%.1000s\"", ask->fewer,
                                  *ask->fewer ? "; " : "", step, fhir_scopes_print(after, pool));
}

/* The scopes on offer: those requested that are known here, registered and licensed. */
static fhir_err_t *offer(ask_t *ask)
{
    fhir_auth_call_t *call = ask->call;
    const char *const most[] = {ask->client->scopes, ask->client->licence_scopes};
    static const char *const steps[] = {"the registration", "the practice's licence"};
    ask->fewer = *ask->asked.ignored ? apr_psprintf(call->pool, "not known here: %.1000s",
                                                    one_line(ask->asked.ignored, call->pool))
                                     : "";
    fhir_scopes_filter(&ask->offered, &ask->asked, cannot_have, ask, call->pool);
    left(ask, "this way to sign in", &ask->asked, &ask->offered);
    fhir_scopes_t allowed;
    for (int i = 0; i < 2; i++) {
        if (!*most[i])
            continue;
        FHIR_TRY(fhir_scopes_parse(&allowed, most[i], call->request->endpoint->spoken, call->pool));
        fhir_scopes_t before = ask->offered;
        fhir_scopes_within(&ask->offered, &before, &allowed, call->pool);
        left(ask, steps[i], &before, &ask->offered);
    }
    return ask->offered.n
               ? NULL
               : fhir_auth_refuse(
                     fhir_auth_saw(call, "scope", scope_of(ask),
                                   *ask->fewer ? ask->fewer
                                               : "at least one scope that can be granted here"),
                     FHIR_REFUSED_NOTHING_GRANTED,
                     "None of the requested scopes can be granted: %.300s",
                     *ask->asked.ignored ? ask->asked.ignored : "see registration and licence");
}

static fhir_err_t *read_scopes(ask_t *ask)
{
    fhir_auth_call_t *call = ask->call;
    fhir_err_t *err = fhir_scopes_parse(&ask->asked, param(ask, "scope"),
                                        call->request->endpoint->spoken, call->pool);
    return err ? fhir_auth_refuse(fhir_auth_saw(call, "scope", scope_of(ask),
                                                "scopes of printable ASCII, divided by blanks"),
                                  FHIR_REFUSED_SCOPE_BAD, "%s", err->message)
               : NULL;
}

static fhir_err_t *check_ask(ask_t *ask)
{
    fhir_auth_call_t *call = ask->call;
    FHIR_TRY(find_client(ask));
    call->redirect = ask->redirect_uri;
    call->state = param(ask, "state");
    ask->form_action = fhir_redirect_origin(ask->redirect_uri, call->pool);
    FHIR_TRY(check_response(ask));
    FHIR_TRY(check_pkce(ask));
    FHIR_TRY(check_aud(ask));
    FHIR_TRY(read_scopes(ask));
    FHIR_TRY(check_audience(ask));
    FHIR_TRY(find_launch(ask));
    ask->prompt = param(ask, "prompt");
    return NULL;
}

/* ---- who ---- */

static int must_sign_in(const ask_t *ask, const fhir_session_t *session)
{
    const char *max_age = param(ask, "max_age");
    if (ask->prompt && !strcmp(ask->prompt, "login"))
        return 1;
    return max_age && session &&
           apr_time_sec(apr_time_now()) - session->signed_in > apr_atoi64(max_age) + 5;
}

static fhir_err_t *sign_in(ask_t *ask)
{
    fhir_auth_call_t *call = ask->call;
    fhir_session_t *session;
    FHIR_TRY(fhir_auth_session(&session, call));
    if (ask->prompt && !strcmp(ask->prompt, "none")) {
        if (!session || !session->factor || session->user.must_change || must_sign_in(ask, session))
            return fhir_auth_refuse(
                fhir_auth_saw(call, "prompt", "none", "a user who is signed in, or no prompt"),
                FHIR_REFUSED_LOGIN_REQUIRED, "prompt is none, but nobody is signed in");
        return fhir_auth_refuse(
            fhir_auth_saw(call, "prompt", "none", "a user who agrees, so no prompt"),
            FHIR_REFUSED_CONSENT_REQUIRED, "prompt is none, but the user has to consent");
    }
    FHIR_TRY(fhir_auth_sign_in(&ask->session, call, must_sign_in(ask, session), ask->form_action));
    if (ask->session && ask->launch_user && strcmp(ask->launch_user, ask->session->user.id) != 0)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "launch", NULL, "a launch for the user who is signed in"),
            FHIR_REFUSED_LAUNCH_USER,
            "The launch is for another user than the one who is signed in");
    return NULL;
}

/* ---- about whom ---- */

static void view_patient(fhir_view_t *view, const fhir_auth_patient_t *patient,
                         const fhir_auth_call_t *call)
{
    fhir_view_set(view, "id", patient->id);
    fhir_view_set(view, "patient", patient->name);
    fhir_view_set(view, "birth_date", patient->birth_date);
    fhir_view_set(view, "identifier", patient->identifier);
    if (patient->gender)
        fhir_view_set(view, "gender",
                      fhir_page_text(apr_pstrcat(call->pool, "gender-", patient->gender, NULL),
                                     call->language, call->pool));
}

static fhir_view_t *page_view(ask_t *ask)
{
    fhir_auth_call_t *call = ask->call;
    fhir_view_t *view = fhir_auth_view(call);
    fhir_view_set(view, "app", ask->client->name);
    fhir_view_set(view, "app_logo", ask->client->logo_uri);
    fhir_view_set(view, "app_home", ask->client->home_uri);
    fhir_view_set(view, "app_policy", ask->client->policy_uri);
    fhir_view_set(view, "app_host", ask->form_action);
    fhir_view_set(view, "user", ask->session->user.display);
    fhir_view_flag(view, "may_cancel", 1);
    return view;
}

static fhir_err_t *show_patients(ask_t *ask, const fhir_auth_patients_t *list, const char *words,
                                 const char *message)
{
    fhir_auth_call_t *call = ask->call;
    fhir_view_t *view = page_view(ask);
    const char *word;
    FHIR_TRY(fhir_auth_form_word(&word, call));
    fhir_view_set(view, "word", word);
    fhir_view_set(view, "find", words);
    fhir_view_set(view, "message", message);
    fhir_view_set(view, "request_id", call->request->request_id);
    fhir_view_flag(view, "may_find", !is_patients(ask));
    fhir_view_flag(view, "related", call->request->endpoint->user_access != 0);
    for (int i = 0; list && i < list->n; i++)
        view_patient(fhir_view_add(view, "patients_found"), &list->list[i], call);
    if (list)
        fhir_view_set(view, "more", list->more);
    return fhir_auth_page(call, 200, "patients", view, ask->form_action);
}

static fhir_err_t *find_patients(ask_t *ask)
{
    fhir_auth_call_t *call = ask->call;
    const char *words = fhir_auth_param(&call->form, "_find");
    const char *more = fhir_auth_param(&call->form, "_more");
    fhir_auth_patients_t list = {0};
    FHIR_TRY(fhir_auth_check_form(call));
    if (!words)
        return show_patients(ask, NULL, "", "find-nothing-typed");
    fhir_err_t *err = fhir_auth_find_patients(&list, call, &ask->session->user, words, more);
    if (err) {
        FHIR_LOG(call->request->log, FHIR_LOG_WARNING,
                 "FHIR0403: searching patients failed (request %s): %s", call->request->request_id,
                 err->detail ? err->detail : err->message);
        return show_patients(ask, NULL, words, "find-failed");
    }
    return show_patients(ask, &list, words, list.n ? NULL : "find-none");
}

/* Reads the patient that a form names, if this person may act for that patient. */
static fhir_err_t *chosen_patient(ask_t *ask, const char *id, const fhir_auth_patients_t *own)
{
    if (!is_patients(ask)) {
        int may;
        FHIR_TRY(fhir_auth_staff_may(&may, ask->call, &ask->session->user, id));
        const char *why;
        return may ? fhir_auth_patient(&ask->person, &why, ask->call, id) : NULL;
    }
    for (int i = 0; i < own->n; i++)
        if (!strcmp(own->list[i].id, id))
            ask->person = &own->list[i];
    return NULL;
}

/* A patient is chosen if launch/patient was requested. The account of a patient has one record of
 * its own, or several. */
static int needs_patient(const ask_t *ask)
{
    return fhir_scopes_has(&ask->asked, FHIR_SCOPE_LAUNCH_PATIENT) || is_patients(ask);
}

/* Sets ask->person. If it answers with a page instead, ask->person stays NULL and *done is set. */
static fhir_err_t *choose_patient(ask_t *ask, int *done)
{
    fhir_auth_call_t *call = ask->call;
    const char *step = fhir_pairs_get(&call->form, "_step"), *why = NULL;
    const char *id = fhir_auth_param(&call->form, "_patient");
    fhir_auth_patients_t own = {0};
    *done = 0;
    if (ask->patient) {
        FHIR_TRY(fhir_auth_patient(&ask->person, &why, call, ask->patient));
        return ask->person ? NULL
                           : fhir_auth_refuse(
                                 fhir_auth_saw(call, "launch", NULL,
                                               "a launch about a patient whose record is open"),
                                 FHIR_REFUSED_LAUNCH_CONTEXT, "The patient of the launch: %s",
                                 fhir_page_text(why, "en", call->pool));
    }
    if (!needs_patient(ask))
        return NULL;
    if (is_patients(ask)) {
        FHIR_TRY(fhir_auth_own_patients(&own, &why, call, &ask->session->user));
        if (!own.n)
            return fhir_auth_refuse(
                fhir_auth_saw(call, "user", NULL,
                              "an account with a patient's record that is open"),
                FHIR_REFUSED_NO_RECORD, "%s", fhir_page_text(why, call->language, call->pool));
        if (own.n == 1)
            ask->person = &own.list[0];
    }
    if (!ask->person && id) {
        FHIR_TRY(fhir_auth_check_form(call));
        FHIR_TRY(chosen_patient(ask, id, &own));
    }
    if (ask->person)
        return NULL;
    *done = 1;
    if (!is_patients(ask) && step && !strcmp(step, "find"))
        return find_patients(ask);
    return show_patients(ask, &own, "", NULL);
}

/* ---- to what ---- */

/* Scopes about the way of working, not about data, have no switch on the page. */
static int is_silent(const fhir_scope_t *scope)
{
    return scope->kind == FHIR_SCOPE_SPECIAL && scope->word != FHIR_SCOPE_OFFLINE &&
           scope->word != FHIR_SCOPE_ONLINE;
}

static void view_parts(fhir_view_t *item, const ask_t *ask, const fhir_scope_t *scope)
{
    apr_pool_t *pool = ask->call->pool;
    if (scope->v1 || scope->query)
        return;
    for (const fhir_scope_part_t *part = fhir_scope_parts; part->type; part++) {
        if (strcmp(part->type, scope->type) != 0)
            continue;
        fhir_scope_t piece =
            fhir_scope_make(scope->kind, scope->type, scope->rights, 0, part->query, pool);
        fhir_view_t *view = fhir_view_add(item, "parts");
        fhir_view_set(view, "scope", piece.text);
        fhir_view_set(view, "label", fhir_page_text(part->label, ask->call->language, pool));
    }
}

static void view_scope(fhir_view_t *view, const ask_t *ask, const fhir_scope_t *scope)
{
    const fhir_auth_call_t *call = ask->call;
    if (is_silent(scope))
        return;
    fhir_view_t *item =
        fhir_view_add(view, scope->kind == FHIR_SCOPE_SPECIAL                        ? "ways"
                            : scope->rights & ~(FHIR_RIGHT_READ | FHIR_RIGHT_SEARCH) ? "writes"
                                                                                     : "reads");
    fhir_view_set(item, "scope", scope->text);
    if (scope->kind == FHIR_SCOPE_SPECIAL) {
        fhir_view_set(
            item, "label",
            fhir_page_text(scope->word == FHIR_SCOPE_OFFLINE ? "way-offline" : "way-online",
                           call->language, call->pool));
        return;
    }
    fhir_auth_scope_words(item, call, scope);
    fhir_view_flag(item, "everybody", scope->kind == FHIR_SCOPE_USER && !is_patients(ask));
    fhir_view_flag(item, "own_rights", scope->kind == FHIR_SCOPE_USER && is_patients(ask));
    view_parts(item, ask, scope);
}

static fhir_err_t *show_consent(ask_t *ask)
{
    fhir_auth_call_t *call = ask->call;
    fhir_view_t *view = page_view(ask);
    const char *word;
    FHIR_TRY(fhir_auth_form_word(&word, call));
    fhir_view_set(view, "word", word);
    if (ask->person)
        view_patient(view, ask->person, call);
    for (int i = 0; i < ask->offered.n; i++)
        view_scope(view, ask, &ask->offered.list[i]);
    fhir_view_flag(view, "identity", fhir_scopes_has(&ask->offered, FHIR_SCOPE_OPENID));
    fhir_view_flag(view, "public", !strcmp(ask->client->auth, "none"));
    const char *facilities;
    FHIR_TRY(fhir_auth_facilities(&facilities, call, ask->client));
    fhir_view_set(view, "facility_names", facilities);
    return fhir_auth_page(call, 200, "consent", view, ask->form_action);
}

/* ---- agreed ---- */

static int is_not_silent(const fhir_scope_t *scope, const void *baton)
{
    (void)baton;
    return !is_silent(scope);
}

/* A scope for a part of a type adds nothing when the whole type is granted. */
static int is_part_of_whole(const fhir_scope_t *scope, const void *baton)
{
    const fhir_scopes_t *all = baton;
    for (int i = 0; scope->query && i < all->n; i++)
        if (all->list[i].kind == scope->kind && !all->list[i].query &&
            !strcmp(all->list[i].type, scope->type) &&
            (all->list[i].rights & scope->rights) == scope->rights)
            return 1;
    return 0;
}

static fhir_err_t *read_choice(fhir_scopes_t *granted, ask_t *ask)
{
    fhir_auth_call_t *call = ask->call;
    const char *text = "";
    for (int i = 0; i < call->form.n; i++)
        if (!strcmp(call->form.list[i].name, "scope"))
            text = apr_pstrcat(call->pool, text, " ", call->form.list[i].value, NULL);
    fhir_scopes_t chosen;
    FHIR_TRY(fhir_scopes_parse(&chosen, text, call->request->endpoint->spoken, call->pool));
    fhir_scopes_within(&chosen, &chosen, &ask->offered, call->pool);
    fhir_scopes_t all;
    fhir_scopes_filter(&all, &ask->offered, is_not_silent, NULL, call->pool);
    for (int i = 0; i < chosen.n; i++)
        fhir_scopes_add(&all, &chosen.list[i], call->pool);
    fhir_scopes_filter(granted, &all, is_part_of_whole, &all, call->pool);
    return granted->n ? NULL
                      : fhir_auth_refuse(
                            fhir_auth_saw(call, "scope", scope_of(ask),
                                          "at least one scope that the user does not switch off"),
                            FHIR_REFUSED_NOTHING_GRANTED, "The user has excluded everything");
}

static fhir_err_t *use_launch(ask_t *ask)
{
    apr_int64_t n = 1;
    if (ask->launch)
        FHIR_TRY(fhir_auth_sql(ask->call,
                               "UPDATE @launch SET used = now() WHERE digest = $1::bytea AND used "
                               "IS NULL",
                               FHIR_STMT_WRITE, 1, &ask->launch, NULL, NULL, &n));
    return n ? NULL
             : fhir_auth_refuse(
                   fhir_auth_saw(ask->call, "launch", NULL, "a value that was not used before"),
                   FHIR_REFUSED_LAUNCH_OVER, "launch was used before");
}

/* Seconds that the person allows; 0: as long as the licence allows. */
static const char *limit_of(const fhir_auth_call_t *call)
{
    static const char *const known[] = {"3600", "86400", "2592000", "7776000", "31536000"};
    const char *until = fhir_auth_param(&call->form, "until");
    for (apr_size_t i = 0; until && i < sizeof(known) / sizeof(*known); i++)
        if (!strcmp(known[i], until))
            return known[i];
    return NULL;
}

static fhir_err_t *store_authorization(fhir_auth_one_t *id, ask_t *ask,
                                       const fhir_scopes_t *granted)
{
    fhir_auth_call_t *call = ask->call;
    int offline = fhir_scopes_has(granted, FHIR_SCOPE_OFFLINE);
    int online = fhir_scopes_has(granted, FHIR_SCOPE_ONLINE);
    const char *values[] = {
        ask->client->id,
        ask->session->user.id,
        call->request->place,
        call->request->base_url,
        fhir_scopes_print(granted, call->pool),
        ask->person ? ask->person->id : NULL,
        ask->encounter,
        ask->context,
        param(ask, "nonce"),
        offline  ? "offline"
        : online ? "online"
                 : "",
        fhir_secret_bytea(&ask->session->digest, call->pool),
        apr_psprintf(call->pool, "%" APR_INT64_T_FMT, ask->session->signed_in),
        limit_of(call),
    };
    return fhir_auth_sql(call,
                         "INSERT INTO @authorization (client, user_id, place, issuer, scopes, "
                         "patient, encounter, context, nonce, refresh, session, signed_in, "
                         "expires) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::bytea, "
                         "to_timestamp($12::bigint), now() + make_interval(secs => $13::int)) "
                         "RETURNING id",
                         FHIR_STMT_WRITE, 13, values, fhir_auth_read_one, id, NULL);
}

static fhir_err_t *answer_code(ask_t *ask, const char *code)
{
    fhir_auth_call_t *call = ask->call;
    if (ask->form_post) {
        fhir_view_t *view = page_view(ask);
        fhir_view_set(view, "redirect_uri", ask->redirect_uri);
        fhir_view_set(view, "code", code);
        fhir_view_set(view, "state", call->state);
        fhir_view_set(view, "iss", call->request->base_url);
        return fhir_auth_page(call, 200, "form-post", view, ask->form_action);
    }
    const char *url = fhir_auth_add_param(ask->redirect_uri, "code", code, call->pool);
    if (call->state)
        url = fhir_auth_add_param(url, "state", call->state, call->pool);
    fhir_auth_redirect(call, fhir_auth_add_param(url, "iss", call->request->base_url, call->pool));
    return NULL;
}

/* The application gets fewer scopes than it requested. The reason is recorded for its developer. */
static void tell_fewer(ask_t *ask, const fhir_scopes_t *granted)
{
    fhir_auth_call_t told = *ask->call;
    left(ask, "the person", &ask->offered, granted);
    if (!*ask->fewer)
        return;
    told.refusal = (fhir_refusal_t){.id = FHIR_REFUSED_SCOPE_FEWER};
    fhir_auth_saw(&told, "scope", param(ask, "scope"), fhir_scopes_print(granted, told.pool));
    told.refusal.description = apr_psprintf(told.pool, "Fewer scopes than asked: %s", ask->fewer);
    FHIR_LOG(told.request->log, FHIR_LOG_INFO, "FHIR0770: request %s of app %s: %s",
             told.request->request_id, ask->client->id, told.refusal.description);
    fhir_auth_remember(&told);
}

static fhir_err_t *agree(ask_t *ask)
{
    fhir_auth_call_t *call = ask->call;
    fhir_auth_one_t id = {NULL, call->pool};
    FHIR_TRY(fhir_auth_check_form(call));
    fhir_scopes_t granted;
    FHIR_TRY(read_choice(&granted, ask));
    FHIR_TRY(use_launch(ask));
    const char *code;
    FHIR_TRY(fhir_random_word(&code, 32, call->pool));
    FHIR_TRY(store_authorization(&id, ask, &granted));
    const char *values[5];
    values[0] = fhir_secret_bytea_of(code, call->pool);
    values[1] = id.text;
    values[2] = ask->redirect_uri;
    values[3] = ask->challenge;
    values[4] = apr_itoa(call->pool, call->request->config->code_sec);
    FHIR_TRY(fhir_auth_sql(call,
                           "INSERT INTO @code (digest, authorization_id, redirect_uri, challenge, "
                           "expires) VALUES ($1::bytea, $2::bigint, $3, $4, now() + "
                           "make_interval(secs => $5::int))",
                           FHIR_STMT_WRITE, 5, values, NULL, NULL, NULL));
    tell_fewer(ask, &granted);
    return answer_code(ask, code);
}

/* ---- the endpoint ---- */

static fhir_err_t *check_facilities(const ask_t *ask)
{
    return fhir_auth_check_facilities(ask->call, ask->client, ask->session->user.id,
                                      ask->person ? ask->person->id : NULL, FHIR_REFUSED_FACILITY);
}

/* A request that came as a form is redirected to a URL, and from then on is treated like any other.
 * RFC 6749, 3.1. */
static fhir_err_t *post_to_get(fhir_auth_call_t *call)
{
    fhir_buf_t *buf = fhir_buf_create(call->pool, 0);
    const char *separator = "?";
    fhir_buf_puts(buf, fhir_auth_url(call, "authorize"));
    for (int i = 0; i < call->query.n + call->form.n; i++) {
        const fhir_pair_t *pair =
            i < call->query.n ? &call->query.list[i] : &call->form.list[i - call->query.n];
        if (*pair->name == '_')
            continue;
        fhir_buf_puts(buf, separator);
        fhir_auth_encode(buf, pair->name, pair->value);
        separator = "&";
    }
    fhir_auth_redirect(call, fhir_buf_cstr(buf));
    return NULL;
}

static int is_step(const fhir_auth_call_t *call, const char *step)
{
    const char *own = fhir_pairs_get(&call->form, "_step");
    return own && !strcmp(own, step);
}

fhir_err_t *fhir_auth_authorize(fhir_auth_call_t *call)
{
    ask_t ask = {.call = call};
    if (!strcmp(call->request->method, "POST")) {
        FHIR_TRY(fhir_auth_form(call));
        if (!fhir_pairs_get(&call->form, "_step"))
            return post_to_get(call);
    }
    FHIR_TRY(check_ask(&ask));
    if (is_step(call, "cancel"))
        return fhir_auth_refuse(
            fhir_auth_saw(call, "scope", scope_of(&ask), "a user who allows the access"),
            FHIR_REFUSED_DENIED, "The user did not allow the access");
    FHIR_TRY(sign_in(&ask));
    if (!ask.session)
        return NULL;
    int done;
    if (!is_patients(&ask)) /* of patients it depends on the record that is chosen */
        FHIR_TRY(check_facilities(&ask));
    FHIR_TRY(choose_patient(&ask, &done));
    if (done)
        return NULL;
    if (is_patients(&ask))
        FHIR_TRY(check_facilities(&ask));
    FHIR_TRY(offer(&ask));
    return is_step(call, "consent") ? agree(&ask) : show_consent(&ask);
}
