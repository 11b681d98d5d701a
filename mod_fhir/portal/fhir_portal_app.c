/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Connect Portal: a developer's apps, each with a test and a production environment. Each
 * statement checks the owner of the app, so that nobody can read or change another developer's.
 */
#include "portal/fhir_portal_app.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "core/fhir_random.h"
#include "core/fhir_text.h"

#define APPS_MAX     100 /* of one developer */
#define REDIRECT_MAX 50  /* of one environment */
#define SECRETS_MAX  2   /* valid at once */
#define REFUSALS     200 /* that are shown */

/* Why a form cannot be accepted: a sentence about the wrong value. */
typedef struct fault_t {
    const char *key, *value, *why; /* of the pages' texts; why: more, in English, or NULL */
} fault_t;

/* ---- what was typed ---- */

/* A field without blanks around it; "" when it is absent. */
static const char *typed(const fhir_auth_call_t *call, const char *name)
{
    const char *value = fhir_pairs_get(&call->form, name);
    if (!value)
        return "";
    value += strspn(value, " \t\r\n");
    apr_size_t len;
    for (len = strlen(value); len && apr_isspace(value[len - 1]);)
        len--;
    return apr_pstrmemdup(call->pool, value, len);
}

static const char *or_null(const char *text)
{
    return *text ? text : NULL;
}

/* Redirect URIs, one on a line, as an array of PostgreSQL. */
static int read_redirects(const char **array, int *is_native, fault_t *fault,
                          const fhir_auth_call_t *call, int is_test, int is_public)
{
    char *lines = apr_pstrdup(call->pool, typed(call, "redirects"));
    fhir_buf_t *buf = fhir_buf_create(call->pool, 0);
    int n = 0;
    *is_native = 0;
    fhir_buf_putc(buf, '{');
    char *last;
    for (char *line = apr_strtok(lines, "\r\n", &last); line;
         line = apr_strtok(NULL, "\r\n", &last)) {
        apr_collapse_spaces(line, line);
        if (!*line)
            continue;
        fault->key = "fault-redirect";
        fault->value = line;
        fault->why = fhir_client_redirect_fault(line, is_test, is_public, call->pool);
        if (fault->why || ++n > REDIRECT_MAX) {
            fault->why = fault->why ? fault->why : "there are more than 50";
            return 0;
        }
        *is_native |= fhir_client_is_loopback(line);
        fhir_buf_puts(buf, n > 1 ? "," : "");
        fhir_store_array_element(buf, line, strlen(line));
    }
    fhir_buf_putc(buf, '}');
    *array = fhir_buf_cstr(buf);
    return 1;
}

static int check_url(fault_t *fault, const fhir_auth_call_t *call, const char *name)
{
    const char *url = typed(call, name);
    *fault = (fault_t){"fault-url", url, NULL};
    return !*url || fhir_client_is_https(url, call->pool);
}

static int check_scopes(fault_t *fault, const fhir_auth_call_t *call, const char *text)
{
    fhir_scopes_t scopes;
    fhir_err_t *err = fhir_scopes_parse(&scopes, text, call->request->endpoint->stored, call->pool);
    *fault = (fault_t){"fault-scopes", text, NULL};
    if (err)
        fault->why = err->message;
    else if (*scopes.ignored)
        fault->why = scopes.ignored;
    return !fault->why && scopes.n;
}

/* ---- what is the same in both environments ---- */

/* The kinds of users of the app, as an array of PostgreSQL. */
static const char *audience_array(const fhir_auth_call_t *call)
{
    static const char *const names[] = {"patients", "staff", "system"};
    const char *list = "";
    for (int i = 0; i < 3; i++)
        if (*typed(call, names[i]))
            list = apr_pstrcat(call->pool, list, *list ? "," : "", names[i], NULL);
    return apr_pstrcat(call->pool, "{", list, "}", NULL);
}

/* app: its id, or NULL of a new one. */
static int check_common(fault_t *fault, const fhir_auth_call_t *call, const char *app)
{
    static const char *const urls[] = {"home", "policy", "terms", "app_logo"};
    const char *name = typed(call, "app");
    *fault = (fault_t){"fault-name", name, NULL};
    if (!*name || strlen(name) > 100 || strpbrk(name, "\r\n\t"))
        return 0;
    *fault = (fault_t){"fault-description", "", NULL};
    if (strlen(typed(call, "description")) > 4000)
        return 0;
    for (int i = 0; i < 4; i++)
        if ((i < 3 || !app || !fhir_portal_is_logo(call, app, typed(call, urls[i]))) &&
            !check_url(fault, call, urls[i]))
            return 0;
    *fault = (fault_t){"fault-audience", "", NULL};
    if (!strcmp(audience_array(call), "{}"))
        return 0;
    return check_scopes(fault, call, typed(call, "scope_text"));
}

static void show_fault(fhir_view_t *view, const fault_t *fault)
{
    if (!fault || !fault->key)
        return;
    fhir_view_set(view, "fault", fault->key);
    fhir_view_set(view, "fault_value", fault->value);
    fhir_view_set(view, "fault_why", fault->why);
}

/* The fields of the form, as they were typed. */
static void show_typed(fhir_view_t *view, const fhir_auth_call_t *call)
{
    static const char *const names[] = {"app",   "description", "home",    "policy",
                                        "terms", "scope_text",  "app_logo"};
    for (apr_size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        fhir_view_set(view, names[i], typed(call, names[i]));
    fhir_view_flag(view, "for_patients", *typed(call, "patients"));
    fhir_view_flag(view, "for_staff", *typed(call, "staff"));
    fhir_view_flag(view, "for_system", *typed(call, "system"));
}

/* ---- the list ---- */

/* What was done before this page; a form that comes back with a fault did nothing. */
static const char *message_of(const fhir_auth_call_t *call)
{
    const char *done =
        strcmp(call->request->method, "POST") != 0 ? fhir_auth_param(&call->query, "done") : NULL;
    static const char *const known[] = {"removed", "saved", "created", "asked", "ended"};
    for (apr_size_t i = 0; done && i < sizeof(known) / sizeof(*known); i++)
        if (!strcmp(done, known[i]))
            return apr_pstrcat(call->pool, "done-", known[i], NULL);
    return NULL;
}

/* ---- initial access tokens, for programs that register apps ---- */

#define TOKEN_DAYS 7
#define TOKEN_USES 10
#define TOKENS_MAX 10 /* of a developer at once */

/* Lists the addresses for registration by protocol: each endpoint that allows it. Returns how
 * many. */
static int show_registers(fhir_view_t *view, const fhir_auth_call_t *call)
{
    const fhir_portal_t *portal = fhir_portal_of(call);
    int n = 0;
    for (int i = 0; i < portal->n_endpoints; i++)
        if (portal->endpoints[i].endpoint.registers &&
            !strcmp(portal->endpoints[i].endpoint.tenant, call->tenant)) {
            fhir_portal_add_endpoint(view, &portal->endpoints[i]);
            n++;
        }
    return n;
}

typedef struct tokens_t {
    fhir_view_t *view; /* NULL: they are counted alone */
    const fhir_auth_call_t *call;
    int n;
} tokens_t;

static fhir_err_t *read_token(void *baton, const fhir_row_t *row)
{
    static const char *const names[] = {"token_id", "token_label", "env_name", "expires", "uses"};
    tokens_t *tokens = baton;
    fhir_view_t *item = tokens->view ? fhir_view_add(tokens->view, "initial_tokens") : NULL;
    tokens->n++;
    for (int i = 0; item && i < 5; i++)
        fhir_view_set(item, names[i], fhir_auth_text(row, i, tokens->call->pool));
    if (item)
        fhir_view_set(item, "env",
                      apr_pstrcat(tokens->call->pool, "env-", fhir_row_text(row, 2), NULL));
    return NULL;
}

/* Makes or revokes an initial access token, as the form says, and lists the existing ones. */
static fhir_err_t *initial_tokens(fhir_view_t *view, fhir_auth_call_t *call,
                                  const fhir_session_t *session, const char *step)
{
    const fhir_practice_desk_t desk = fhir_portal_desk(call, session);
    tokens_t before = {NULL, call, 0}, tokens = {view, call, 0};
    const char *owner = session->user.id;
    FHIR_TRY(fhir_initial_token_list(&desk, owner, read_token, &before));
    int found;
    if (!strcmp(step, "end-token"))
        FHIR_TRY(fhir_initial_token_end(&found, &desk, typed(call, "token"), owner));
    if (!strcmp(step, "token") && before.n < TOKENS_MAX) {
        const char *word;
        FHIR_TRY(fhir_initial_token_make(&word, &desk, "", owner,
                                         !strcmp(typed(call, "environment"), "test") ? "test"
                                                                                     : "production",
                                         TOKEN_DAYS * 86400, TOKEN_USES));
        fhir_view_set(view, "new_token", word);
        FHIR_LOG(call->request->log, FHIR_LOG_INFO,
                 "FHIR0733: developer %s made an initial access token", owner);
    }
    FHIR_TRY(fhir_initial_token_list(&desk, owner, read_token, &tokens));
    fhir_view_flag(view, "can_register", 1);
    fhir_view_flag(view, "may_make", tokens.n < TOKENS_MAX);
    return NULL;
}

fhir_err_t *fhir_portal_connect(fhir_auth_call_t *call)
{
    fhir_session_t *session;
    fhir_view_t *card = NULL;
    const char *step, *last = "";
    FHIR_TRY(fhir_portal_enter(&session, &step, call));
    if (!session)
        return NULL;
    fhir_view_t *view;
    FHIR_TRY(fhir_portal_view(&view, call, session));
    fhir_portal_clients_t clients;
    FHIR_TRY(fhir_portal_clients(&clients, call,
                                 "a.owner = $1 ORDER BY lower(c.name), c.app, c.environment DESC",
                                 1, &session->user.id));
    for (int i = 0; i < clients.n; i++) {
        const fhir_portal_client_t *c = &clients.list[i];
        if (strcmp(last, c->app) != 0) {
            card = fhir_view_add(view, "apps");
            fhir_portal_show_client(card, call, c);
            last = c->app;
        }
        fhir_portal_show_client(fhir_view_add(card, "envs"), call, c);
    }
    if (show_registers(view, call))
        FHIR_TRY(initial_tokens(view, call, session, step));
    fhir_view_set(view, "message", message_of(call));
    return fhir_auth_page(call, 200, "connect", view, NULL);
}

/* ---- a new app ---- */

static fhir_err_t *show_new(fhir_auth_call_t *call, const fhir_session_t *session,
                            const fault_t *fault)
{
    fhir_view_t *view;
    FHIR_TRY(fhir_portal_view(&view, call, session));
    fhir_view_flag(view, "wide", 0);
    show_fault(view, fault);
    show_typed(view, call);
    for (const fhir_portal_kind_t *kind = fhir_portal_kinds; kind->name; kind++) {
        fhir_view_t *item = fhir_view_add(view, "kinds");
        const char *chosen = typed(call, "kind");
        fhir_view_set(item, "kind_name", kind->name);
        fhir_view_set(item, "label", apr_pstrcat(call->pool, "kind-", kind->name, NULL));
        fhir_view_set(item, "hint", apr_pstrcat(call->pool, "kind-", kind->name, "-hint", NULL));
        fhir_view_flag(item, "chosen",
                       !strcmp(kind->name, *chosen ? chosen : fhir_portal_kinds[0].name));
    }
    return fhir_auth_page(call, 200, "app-new", view, NULL);
}

static fhir_err_t *create(fhir_auth_call_t *call, const fhir_session_t *session)
{
    const fhir_portal_kind_t *kind = fhir_portal_kind(typed(call, "kind"));
    apr_int64_t n = 0;
    fault_t fault;
    if (!check_common(&fault, call, NULL))
        return show_new(call, session, &fault);
    if (!kind)
        return show_new(call, session, &(fault_t){"fault-kind", "", NULL});
    const char *values[15];
    for (int i = 0; i < 3; i++) /* the app's id, and those of its environments */
        FHIR_TRY(fhir_random_word(&values[i], 12, call->pool));
    values[3] = session->user.id;
    values[4] = typed(call, "app");
    values[5] = typed(call, "description");
    values[6] = or_null(typed(call, "terms"));
    values[7] = audience_array(call);
    values[8] = kind->auth;
    values[9] = kind->grants;
    values[10] = or_null(typed(call, "home"));
    values[11] = or_null(typed(call, "policy"));
    values[12] = typed(call, "scope_text");
    values[13] = apr_itoa(call->pool, APPS_MAX);
    values[14] = or_null(typed(call, "app_logo"));
    FHIR_TRY(fhir_auth_sql(
        call,
        "WITH a AS (INSERT INTO @app (id, owner, description, terms_uri, audience) SELECT $1, "
        "$4::text, $6, $7, $8::text[] WHERE (SELECT count(*) FROM @app WHERE owner = $4::text) < "
        "$14::int RETURNING id) INSERT INTO @client (id, name, auth, grants, home_uri, policy_uri, "
        "scopes, logo_uri, app, environment) SELECT CASE e WHEN 'test' THEN $2 ELSE $3 END, $5, "
        "$9, $10::text[], $11, $12, $13, $15, a.id, e FROM a, unnest(ARRAY['test', 'production']) "
        "e",
        FHIR_STMT_WRITE, 15, values, NULL, NULL, &n));
    if (!n)
        return show_new(call, session, &(fault_t){"fault-many", values[13], NULL});
    FHIR_LOG(call->request->log, FHIR_LOG_INFO, "FHIR0703: developer %s registered app %s",
             session->user.id, values[0]);
    fhir_portal_go(call,
                   apr_pstrcat(call->pool, "connect/app?id=", values[0], "&done=created", NULL));
    return NULL;
}

fhir_err_t *fhir_portal_new_app(fhir_auth_call_t *call)
{
    fhir_session_t *session;
    const char *step;
    FHIR_TRY(fhir_portal_enter(&session, &step, call));
    if (!session)
        return NULL;
    return !strcmp(step, "create") ? create(call, session) : show_new(call, session, NULL);
}

/* ---- one app ---- */

typedef struct secrets_t {
    fhir_view_t *view;
    const fhir_auth_call_t *call;
    int n;
} secrets_t;

static fhir_err_t *read_secret(void *baton, const fhir_row_t *row)
{
    secrets_t *secrets = baton;
    fhir_view_t *item = fhir_view_add(secrets->view, "secrets");
    fhir_view_set(item, "secret_id", fhir_auth_text(row, 0, secrets->call->pool));
    fhir_view_set(item, "created", fhir_auth_text(row, 1, secrets->call->pool));
    fhir_view_set(item, "expires", fhir_auth_text(row, 2, secrets->call->pool));
    secrets->n++;
    return NULL;
}

static fhir_err_t *show_environment(fhir_view_t *view, const fhir_auth_call_t *call,
                                    const fhir_portal_client_t *client)
{
    fhir_view_t *env = fhir_view_add(view, "envs");
    secrets_t secrets = {env, call, 0};
    fhir_portal_show_client(env, call, client);
    FHIR_TRY(fhir_auth_sql(call,
                           "SELECT left(encode(digest, 'hex'), 16), to_char(created, 'YYYY-MM-DD "
                           "HH24:MI'), to_char(expires, 'YYYY-MM-DD HH24:MI') FROM @client_secret "
                           "WHERE client = $1 AND coalesce(expires > now(), true) ORDER BY created",
                           0, 1, &client->id, read_secret, &secrets, NULL));
    fhir_view_flag(env, "may_add", secrets.n < SECRETS_MAX);
    fhir_view_flag(env, "may_ask",
                   strcmp(client->state, "given") && strcmp(client->state, "asked"));
    fhir_portal_show_keys(env, call, client->jwks);
    return NULL;
}

/* A new secret is shown once, on this page. */
typedef struct news_t {
    const char *message, *secret, *secret_of;
    const fault_t *fault;
    const char *fault_of; /* the environment, or "app" */
} news_t;

static fhir_err_t *show_app(fhir_auth_call_t *call, const fhir_session_t *session,
                            const fhir_portal_clients_t *clients, const news_t *news)
{
    fhir_view_t *view;
    FHIR_TRY(fhir_portal_view(&view, call, session));
    fhir_portal_show_client(view, call, &clients->list[0]);
    if (news->fault && !strcmp(news->fault_of, "app"))
        show_typed(view, call);
    fhir_view_set(view, "logo_now", clients->list[0].logo); /* what was typed is not shown as one */
    fhir_portal_show_scopes(view, "scopes", call, clients->list[0].scopes);
    show_fault(view, news->fault);
    fhir_view_set(view, "message", news->message ? news->message : message_of(call));
    fhir_view_set(view, "secret", news->secret);
    fhir_view_set(view, "secret_of", news->secret_of);
    for (int i = 0; i < clients->n; i++)
        FHIR_TRY(show_environment(view, call, &clients->list[i]));
    FHIR_TRY(fhir_portal_show_practices(view, call, clients));
    return fhir_auth_page(call, 200, "app", view, NULL);
}

static fhir_err_t *save_common(fhir_auth_call_t *call, const fhir_session_t *session,
                               const char *app, fault_t *fault)
{
    if (!check_common(fault, call, app))
        return NULL;
    fault->key = NULL;
    const char *values[11];
    values[0] = app;
    values[1] = session->user.id;
    values[2] = typed(call, "app");
    values[3] = typed(call, "description");
    values[4] = or_null(typed(call, "terms"));
    values[5] = audience_array(call);
    values[6] = or_null(typed(call, "home"));
    values[7] = or_null(typed(call, "policy"));
    values[8] = typed(call, "scope_text");
    values[9] = or_null(typed(call, "app_logo"));
    values[10] = fhir_portal_is_logo(call, app, typed(call, "app_logo")) ? "t" : "f";
    return fhir_auth_sql(
        call,
        "WITH a AS (UPDATE @app SET description = $4, terms_uri = $5, audience = $6::text[], "
        "changed = now() WHERE id = $1 AND owner = $2 RETURNING id), l AS (DELETE FROM @app_logo l "
        "USING a WHERE l.app = a.id AND NOT $11::boolean) UPDATE @client c SET name = $3, home_uri "
        "= $7, policy_uri = $8, scopes = $9, logo_uri = $10 FROM a WHERE c.app = a.id",
        FHIR_STMT_WRITE, 11, values, NULL, NULL, NULL);
}

/* Keys, typed or fetched now; *jwks is their text. */
static fhir_err_t *read_keys(const char **jwks, const char **uri, fault_t *fault,
                             fhir_auth_call_t *call)
{
    *jwks = or_null(typed(call, "jwks"));
    *uri = or_null(typed(call, "jwks_uri"));
    *fault = (fault_t){"fault-keys", *uri ? *uri : "", NULL};
    fhir_jwks_t keys;
    FHIR_TRY(fhir_client_keys(jwks, &fault->why, &keys, call, *uri));
    if (!fault->why)
        fault->key = NULL;
    return NULL;
}

static fhir_err_t *save_environment(fhir_auth_call_t *call, const fhir_session_t *session,
                                    const fhir_portal_client_t *client, fault_t *fault)
{
    int is_test = !strcmp(client->environment, "test"), is_native;
    const char *launch = typed(call, "launch"), *redirects, *jwks = NULL, *uri = NULL;
    if (!read_redirects(&redirects, &is_native, fault, call, is_test,
                        !strcmp(client->kind, "public")))
        return NULL;
    *fault = (fault_t){"fault-url", launch, NULL};
    if (*launch && !fhir_client_is_https(launch, call->pool) &&
        !(is_test && fhir_client_is_loopback(launch)))
        return NULL;
    fault->key = NULL;
    if (!strcmp(client->kind, "keys") || !strcmp(client->kind, "backend"))
        FHIR_TRY(read_keys(&jwks, &uri, fault, call));
    if (fault->key)
        return NULL;
    const char *values[7];
    values[0] = client->id;
    values[1] = session->user.id;
    values[2] = redirects;
    values[3] = or_null(launch);
    /* a set with an address is fetched again when it is needed */
    values[4] = uri ? NULL : jwks;
    values[5] = uri;
    values[6] = is_native ? "t" : "f";
    FHIR_LOG(call->request->log, FHIR_LOG_INFO, "FHIR0704: developer %s changed client %s",
             session->user.id, client->id);
    return fhir_auth_sql(
        call,
        "WITH k AS (DELETE FROM @client_jwks WHERE client = $1) UPDATE @client c SET redirect_uris "
        "= $3::text[], launch_uri = $4, jwks = $5, jwks_uri = $6, native = $7::boolean FROM @app a "
        "WHERE c.id = $1 AND a.id = c.app AND a.owner = $2",
        FHIR_STMT_WRITE, 7, values, NULL, NULL, NULL);
}

static fhir_err_t *add_secret(fhir_auth_call_t *call, const fhir_portal_client_t *client,
                              news_t *news, fault_t *fault)
{
    FHIR_TRY(fhir_client_add_secret(&news->secret, call, client->id, SECRETS_MAX));
    if (!news->secret) {
        *fault = (fault_t){"fault-secrets", apr_itoa(call->pool, SECRETS_MAX), NULL};
        return NULL;
    }
    FHIR_LOG(call->request->log, FHIR_LOG_INFO, "FHIR0705: client %s has a new secret", client->id);
    news->secret_of = client->id;
    return NULL;
}

static fhir_err_t *end_secret(fhir_auth_call_t *call, const fhir_portal_client_t *client)
{
    const char *values[] = {client->id, typed(call, "secret")};
    return fhir_auth_sql(call,
                         "UPDATE @client_secret SET expires = now() WHERE client = $1 AND "
                         "left(encode(digest, 'hex'), 16) = $2 AND coalesce(expires > now(), true)",
                         FHIR_STMT_WRITE, 2, values, NULL, NULL, NULL);
}

static int may_ask(const fhir_portal_client_t *client, const char *note, fault_t *fault)
{
    *fault = (fault_t){"fault-ask", "", NULL};
    if (strlen(note) > 2000)
        return 0;
    fault->key = "fault-no-redirect";
    if (strncmp(client->kind, "backend", 7) != 0 && !*client->redirects)
        return 0;
    fault->key = NULL;
    return 1;
}

/* Only once: an app that is waiting, or authorized, does not ask again. */
static fhir_err_t *ask(fhir_auth_call_t *call, const fhir_session_t *session,
                       const fhir_portal_client_t *client, fault_t *fault)
{
    const char *values[] = {client->id, typed(call, "note"), session->user.name};
    if (!may_ask(client, values[1], fault))
        return NULL;
    FHIR_LOG(call->request->log, FHIR_LOG_INFO, "FHIR0706: client %s asks the practice",
             client->id);
    return fhir_auth_sql(
        call,
        "INSERT INTO @licence AS l (client, state, message, changed_by) VALUES ($1, 'asked', $2, "
        "$3) ON CONFLICT (client) DO UPDATE SET state = 'asked', message = excluded.message, "
        "changed = now(), changed_by = excluded.changed_by, expires = NULL WHERE l.state IN "
        "('refused', 'withdrawn') OR l.expires <= now()",
        FHIR_STMT_WRITE, 3, values, NULL, NULL, NULL);
}

static fhir_err_t *ask_practice(fhir_auth_call_t *call, const fhir_session_t *session,
                                const fhir_portal_client_t *client, fault_t *fault)
{
    const char *note = typed(call, "note"), *tenant = typed(call, "practice");
    if (!may_ask(client, note, fault))
        return NULL;
    fault->value = apr_itoa(call->pool, fhir_portal_of(call)->practices);
    return fhir_portal_ask_practice(&fault->key, call, session, client, tenant, note);
}

static fhir_err_t *remove_app(fhir_auth_call_t *call, const fhir_session_t *session,
                              const char *app)
{
    const char *values[] = {app, session->user.id};
    FHIR_TRY(fhir_auth_sql(call, "DELETE FROM @app WHERE id = $1 AND owner = $2", FHIR_STMT_WRITE,
                           2, values, NULL, NULL, NULL));
    FHIR_LOG(call->request->log, FHIR_LOG_INFO, "FHIR0707: developer %s removed app %s",
             session->user.id, app);
    fhir_portal_go(call, "connect?done=removed");
    return NULL;
}

static const fhir_portal_client_t *chosen(const fhir_auth_call_t *call,
                                          const fhir_portal_clients_t *clients)
{
    const char *id = typed(call, "client");
    for (int i = 0; i < clients->n; i++)
        if (!strcmp(clients->list[i].id, id))
            return &clients->list[i];
    return NULL;
}

static fhir_err_t *load(fhir_portal_clients_t *clients, const fhir_auth_call_t *call,
                        const fhir_session_t *session)
{
    const char *values[] = {fhir_auth_param(&call->query, "id"), session->user.id};
    clients->n = 0;
    return values[0]
               ? fhir_portal_clients(clients, call,
                                     "c.app = $1 AND a.owner = $2 ORDER BY c.environment DESC", 2,
                                     values)
               : NULL;
}

static fhir_err_t *act(fhir_auth_call_t *call, const fhir_session_t *session,
                       fhir_portal_clients_t *clients, const char *step)
{
    const fhir_portal_client_t *client = chosen(call, clients);
    const char *app = clients->list[0].app, *done = NULL;
    fault_t fault = {NULL, NULL, NULL};
    news_t news = {.fault_of = client ? client->environment : "app"};
    if (!strcmp(step, "save-app")) {
        FHIR_TRY(save_common(call, session, app, &fault));
        done = "saved";
    }
    else if (!strcmp(step, "logo")) {
        FHIR_TRY(fhir_portal_save_logo(&fault.why, call, session, app));
        fault.key = fault.why ? "fault-logo" : NULL;
        done = "saved";
    }
    else if (!strcmp(step, "remove") && !strcmp(typed(call, "confirm"), clients->list[0].name))
        return remove_app(call, session, app);
    else if (!strcmp(step, "remove"))
        fault = (fault_t){"fault-remove", clients->list[0].name, NULL};
    else if (!client)
        return fhir_portal_none(call, "client");
    else if (!strcmp(step, "save")) {
        FHIR_TRY(save_environment(call, session, client, &fault));
        done = "saved";
    }
    else if (!strcmp(step, "secret") && strstr(client->kind, "secret"))
        FHIR_TRY(add_secret(call, client, &news, &fault));
    else if (!strcmp(step, "end-secret")) {
        FHIR_TRY(end_secret(call, client));
        done = "ended";
    }
    else if (!strcmp(step, "ask")) {
        FHIR_TRY(ask(call, session, client, &fault));
        done = "asked";
    }
    else if (!strcmp(step, "ask-practice")) {
        FHIR_TRY(ask_practice(call, session, client, &fault));
        done = "asked";
    }
    if (fault.key)
        news.fault = &fault;
    else if (done) {
        fhir_portal_go(call, apr_pstrcat(call->pool, "connect/app?id=", app, "&done=", done, NULL));
        return NULL;
    }
    return show_app(call, session, clients, &news);
}

fhir_err_t *fhir_portal_app(fhir_auth_call_t *call)
{
    fhir_session_t *session;
    const char *step;
    call->takes_file = 1;
    FHIR_TRY(fhir_portal_enter(&session, &step, call));
    if (!session)
        return NULL;
    fhir_portal_clients_t clients;
    FHIR_TRY(load(&clients, call, session));
    if (!clients.n)
        return fhir_portal_none(call, "app of yours");
    if (*step)
        return act(call, session, &clients, step);
    return show_app(call, session, &clients, &(news_t){NULL, NULL, NULL, NULL, NULL});
}

/* ---- the letter to the clinic ---- */

/* The portal of the practice that the letter is for, or NULL: it has none. */
static const char *letter_portal(const fhir_auth_call_t *call, const char *tenant)
{
    const fhir_portal_t *portal = fhir_portal_of(call);
    return portal->url_of(portal, tenant);
}

fhir_err_t *fhir_portal_letter(fhir_auth_call_t *call)
{
    const char *wanted = fhir_auth_param(&call->query, "client"), *step;
    const fhir_portal_client_t *client = NULL;
    fhir_session_t *session;
    FHIR_TRY(fhir_portal_enter(&session, &step, call));
    if (!session)
        return NULL;
    fhir_portal_clients_t clients;
    FHIR_TRY(load(&clients, call, session));
    for (int i = 0; wanted && i < clients.n; i++)
        if (!strcmp(clients.list[i].id, wanted))
            client = &clients.list[i];
    if (!client)
        return fhir_portal_none(call, "app of yours");
    const char *practice = fhir_auth_param(&call->query, "practice");
    const char *portal = letter_portal(call, practice ? practice : call->tenant);
    fhir_view_t *view;
    FHIR_TRY(fhir_portal_view(&view, call, session));
    fhir_portal_show_client(view, call, client);
    fhir_portal_show_scopes(view, "scopes", call, client->scopes);
    fhir_view_set(view, "letter_to",
                  fhir_portal_practice_name(call, practice ? practice : call->tenant));
    fhir_view_flag(view, "to_administrator", !portal);
    if (portal)
        fhir_view_set(view, "link",
                      apr_pstrcat(call->pool, portal, "/licences/app?client=", client->id, NULL));
    return fhir_auth_page(call, 200, "letter", view, NULL);
}

/* ---- why was I refused? ---- */

typedef struct refusals_t {
    fhir_view_t *view;
    const fhir_auth_call_t *call;
} refusals_t;

static const fhir_refusal_row_t *refusal_row(const char *name)
{
    for (int i = 1; i < FHIR_REFUSAL_COUNT; i++)
        if (!strcmp(fhir_refusals[i].name, name))
            return &fhir_refusals[i];
    return NULL;
}

static fhir_err_t *read_refusal(void *baton, const fhir_row_t *row)
{
    static const char *const names[] = {"at",       "request",  "app",         "env_name",
                                        "route",    "error",    "description", "parameter",
                                        "received", "expected", "tenant"};
    refusals_t *refusals = baton;
    fhir_view_t *item = fhir_view_add(refusals->view, "refusals");
    const fhir_refusal_row_t *known = refusal_row(fhir_row_text(row, 5));
    for (int i = 0; i < 11; i++)
        fhir_view_set(item, names[i], fhir_auth_text(row, i, refusals->call->pool));
    if (!fhir_row_is_null(row, 10))
        fhir_view_set(item, "place_name",
                      fhir_portal_practice_name(refusals->call, fhir_view_get(item, "tenant")));
    fhir_view_set(item, "env",
                  apr_pstrcat(refusals->call->pool, "env-", fhir_view_get(item, "env_name"), NULL));
    fhir_view_flag(item, "has_received", !fhir_row_is_null(row, 8));
    fhir_view_set(item, "who",
                  known ? apr_pstrcat(refusals->call->pool, "who-", known->who, NULL) : NULL);
    const char *language = refusals->call->language;
    fhir_view_set(item, "what",
                  known ? fhir_refusal_what(known, language, refusals->call->pool) : "");
    return NULL;
}

fhir_err_t *fhir_portal_why(fhir_auth_call_t *call)
{
    const char *step, *request = fhir_auth_param(&call->query, "request");
    refusals_t refusals = {NULL, call};
    fhir_session_t *session;
    FHIR_TRY(fhir_portal_enter(&session, &step, call));
    if (!session)
        return NULL;
    FHIR_TRY(fhir_portal_view(&refusals.view, call, session));
    const char *values[4];
    values[0] = session->user.id;
    values[1] = request;
    values[2] = apr_itoa(call->pool, REFUSALS);
    values[3] = call->tenant;
    fhir_view_set(refusals.view, "request", request);
    FHIR_TRY(fhir_auth_sql(
        call,
        "SELECT to_char(r.at, 'YYYY-MM-DD HH24:MI:SS'), r.request, c.name, c.environment, r.route, "
        "r.error, r.description, r.parameter, r.received, r.expected, r.practice FROM (SELECT "
        "NULL AS practice, at, request, client, route, error, description, parameter, received, "
        "expected FROM @refusal UNION ALL SELECT * FROM @app_refusals($4, $1)) r JOIN @client "
        "c ON c.id = r.client JOIN @app a ON "
        "a.id = c.app WHERE a.owner = $1 AND ($2::text IS NULL OR r.request = $2::text) ORDER BY "
        "r.at DESC LIMIT $3::int",
        0, 4, values, read_refusal, &refusals, NULL));
    return fhir_auth_page(call, 200, "why", refusals.view, NULL);
}
