/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test launch: the real flow with an app's test client, step by step, with each request and
 * response. The browser goes to the endpoint's own authorization page and comes back here. The
 * token is then requested, and records are read with it, by the same code that serves apps
 * (fhir_portal_trial.c), within this process.
 */
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "core/fhir_base64.h"
#include "core/fhir_random.h"
#include "core/fhir_text.h"
#include "portal/fhir_portal_trial.h"

#define BACK "connect/back"

static const char *typed(const fhir_auth_call_t *call, const char *name)
{
    const char *value = fhir_pairs_get(&call->form, name);
    return value ? value : "";
}

/* ---- the app and the endpoint ---- */

/* The developer's own client of the test environment; an error when there is none. */
static fhir_err_t *own_client(const fhir_portal_client_t **client, fhir_auth_call_t *call,
                              const fhir_session_t *session, const char *id)
{
    const char *values[] = {id, session->user.id};
    fhir_portal_clients_t clients = {0, NULL};
    if (id)
        FHIR_TRY(fhir_portal_clients(
            &clients, call, "c.id = $1 AND a.owner = $2 AND c.environment = 'test'", 2, values));
    if (!clients.n)
        return fhir_portal_none(call, "test client of yours");
    *client = &clients.list[0];
    return NULL;
}

/* An endpoint of the practice by its number in the configuration; NULL if there is none. */
static const fhir_portal_endpoint_t *endpoint_at(const fhir_auth_call_t *call, const char *number)
{
    const fhir_portal_t *portal = fhir_portal_of(call);
    int i = *number && strlen(number) < 6 && strspn(number, "0123456789") == strlen(number)
                ? atoi(number)
                : -1;
    return i >= 0 && i < portal->n_endpoints &&
                   !strcmp(portal->endpoints[i].endpoint.tenant, call->tenant)
               ? &portal->endpoints[i]
               : NULL;
}

static void show_endpoints(fhir_view_t *view, const fhir_auth_call_t *call)
{
    const fhir_portal_t *portal = fhir_portal_of(call);
    for (int i = 0; i < portal->n_endpoints; i++) {
        const fhir_portal_endpoint_t *e = &portal->endpoints[i];
        if (!strcmp(e->endpoint.tenant, call->tenant))
            fhir_view_set(fhir_portal_add_endpoint(view, e), "number", apr_itoa(call->pool, i));
    }
}

/* The first endpoint, for the examples. */
static const char *example_base(const fhir_auth_call_t *call)
{
    const fhir_portal_t *portal = fhir_portal_of(call);
    for (int i = 0; i < portal->n_endpoints; i++)
        if (!strcmp(portal->endpoints[i].endpoint.tenant, call->tenant))
            return portal->endpoints[i].base_url;
    return "";
}

/* ---- the page ---- */

static const char *encoded(const char *text, apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    fhir_text_url_encode(buf, text, strlen(text));
    return fhir_buf_cstr(buf);
}

/* The scopes of a standalone launch: the app's but "launch", which needs a launch of the product.
 */
static const char *standalone_scopes(const char *scopes, apr_pool_t *pool)
{
    const char *kept = "";
    char *last, *copy = apr_pstrdup(pool, scopes);
    for (char *word = apr_strtok(copy, " ", &last); word; word = apr_strtok(NULL, " ", &last))
        if (strcmp(word, "launch") != 0)
            kept = apr_pstrcat(pool, kept, *kept ? " " : "", word, NULL);
    return kept;
}

/* The values of the code examples. */
static void show_example(fhir_view_t *view, const fhir_auth_call_t *call,
                         const fhir_portal_client_t *client)
{
    const char *base = example_base(call);
    const char *redirect =
        apr_pstrmemdup(call->pool, client->redirects, strcspn(client->redirects, "\n"));
    redirect = *redirect ? redirect : "https://app.example/callback";
    fhir_view_set(view, "example_base", base);
    fhir_view_set(view, "example_base_encoded", encoded(base, call->pool));
    fhir_view_set(view, "example_redirect", redirect);
    fhir_view_set(view, "example_redirect_encoded", encoded(redirect, call->pool));
    fhir_jwks_t keys = {0};
    if (client->jwks && fhir_jwks_parse(&keys, client->jwks, strlen(client->jwks), call->pool))
        keys.n = 0;
    int is_rsa = keys.n && !strcmp(keys.keys[0].kty, "RSA");
    fhir_view_set(view, "example_alg", is_rsa ? "RS384" : "ES384");
    fhir_view_set(view, "example_kid", keys.n && keys.keys[0].kid ? keys.keys[0].kid : "KID");
    const char *scopes = standalone_scopes(client->scopes, call->pool);
    fhir_view_flag(view, "launches", strlen(scopes) < strlen(client->scopes));
    fhir_view_set(view, "standalone_scopes", scopes);
    fhir_view_set(view, "example_scope_encoded", encoded(scopes, call->pool));
}

static fhir_err_t *start(fhir_view_t **view, fhir_auth_call_t *call, const fhir_session_t *session,
                         const fhir_portal_client_t *client)
{
    FHIR_TRY(fhir_portal_view(view, call, session));
    fhir_portal_show_client(*view, call, client);
    fhir_view_flag(*view, "is_waiting", strcmp(client->state, "given") != 0);
    show_endpoints(*view, call);
    show_example(*view, call, client);
    fhir_view_set(*view, "back", fhir_auth_url(call, BACK));
    return NULL;
}

/* ---- the patient that a launch is for ---- */

typedef struct visits_t {
    fhir_view_t *view;
    const fhir_auth_call_t *call;
} visits_t;

static void add_visit(void *baton, const char *id, const char *start, const char *what)
{
    const visits_t *visits = baton;
    fhir_view_t *row = fhir_view_add(visits->view, "visits");
    fhir_view_flag(visits->view, "has_visits", 1);
    fhir_view_set(row, "id", id);
    fhir_view_set(row, "start", start ? apr_pstrndup(visits->call->pool, start, 10) : "");
    fhir_view_set(row, "what", what ? what : start ? "" : id);
    fhir_view_flag(row, "is_chosen", id && !strcmp(id, typed(visits->call, "encounter")));
}

/* Patients to choose from, where everybody may see them: at the practice's endpoint without tokens,
 * if httpd admits this client to it. A developer may see no patients of a practice otherwise, and
 * types an id. */
static fhir_err_t *show_patients(fhir_view_t *view, fhir_auth_call_t *call)
{
    static const fhir_user_t anybody = {.id = ""};
    const fhir_portal_t *portal = fhir_portal_of(call);
    const fhir_portal_endpoint_t *open = portal->open_to(portal, call->tenant);
    const char *words = typed(call, "_find"), *chosen = typed(call, "patient");
    if (!open)
        return NULL;
    fhir_auth_request_t request = *call->request;
    request.endpoint = &open->endpoint;
    request.base_url = open->base_url;
    fhir_auth_call_t inner = *call;
    inner.request = &request;
    fhir_auth_patients_t found;
    visits_t visits = {view, call};
    FHIR_TRY(fhir_auth_find_patients(&found, &inner, &anybody, words,
                                     *words ? NULL : "_count=8&_sort=family,given,_id"));
    fhir_view_flag(view, "may_find", 1);
    fhir_view_set(view, "find", words);
    fhir_view_flag(view, "none_found", *words && !found.n);
    for (int i = 0; i < found.n; i++) {
        fhir_view_t *row = fhir_view_add(view, "patients_found");
        fhir_view_set(row, "id", found.list[i].id);
        fhir_view_set(row, "patient", found.list[i].name);
        fhir_view_set(row, "birth_date", found.list[i].birth_date);
        fhir_view_flag(row, "is_chosen", !strcmp(found.list[i].id, chosen));
    }
    return *chosen ? fhir_auth_each_visit(&inner, &anybody, chosen, add_visit, &visits) : NULL;
}

static fhir_err_t *show(fhir_auth_call_t *call, const fhir_session_t *session,
                        const fhir_portal_client_t *client, const char *fault, const char *launch)
{
    fhir_view_t *view;
    FHIR_TRY(start(&view, call, session, client));
    fhir_view_set(view, "chosen", typed(call, "patient"));
    fhir_view_set(view, "chosen_visit", typed(call, "encounter"));
    if (client->launch && strncmp(client->kind, "backend", 7) != 0)
        FHIR_TRY(show_patients(view, call));
    fhir_view_set(view, "fault", fault);
    fhir_view_set(view, "launch_link", launch);
    return fhir_auth_page(call, 200, "try", view, NULL);
}

/* A backend service: all steps at once, since nobody signs in. */
static fhir_err_t *backend(fhir_auth_call_t *call, const fhir_session_t *session,
                           const fhir_portal_client_t *client,
                           const fhir_portal_endpoint_t *endpoint)
{
    fhir_trial_t trial = {.call = call, .client = client, .endpoint = endpoint};
    FHIR_TRY(start(&trial.view, call, session, client));
    fhir_trial_discover(&trial);
    FHIR_TRY(fhir_trial_system(&trial, typed(call, "scope_text"), typed(call, "secret")));
    FHIR_TRY(fhir_trial_read(&trial));
    return fhir_auth_page(call, 200, "try", trial.view, NULL);
}

/* The code_verifier of a trial: only this server can compute it, and nothing is stored. */
static fhir_err_t *verifier_of(const char **verifier, const fhir_auth_call_t *call,
                               const char *client, const char *nonce)
{
    const char *text = apr_pstrcat(call->pool, "try\n", client, "\n", nonce, NULL);
    fhir_digest_t key;
    FHIR_TRY(fhir_auth_key(&key, call));
    fhir_digest_t mac;
    fhir_digest_hmac(mac.byte, key.byte, FHIR_DIGEST_LEN, text, strlen(text));
    *verifier = fhir_base64_encode(mac.byte, FHIR_DIGEST_LEN, FHIR_BASE64_TOKEN, call->pool);
    return NULL;
}

static fhir_err_t *go(fhir_auth_call_t *call, const fhir_portal_client_t *client,
                      const fhir_portal_endpoint_t *endpoint)
{
    const char *back = fhir_auth_url(call, BACK), *nonce;
    FHIR_TRY(fhir_random_word(&nonce, 16, call->pool));
    const char *verifier;
    FHIR_TRY(verifier_of(&verifier, call, client->id, nonce));
    fhir_digest_t digest;
    fhir_digest_sha256(digest.byte, verifier, strlen(verifier));
    const char *values[2];
    values[0] = client->id;
    values[1] = back;
    FHIR_TRY(fhir_auth_sql(call,
                           "UPDATE @client SET redirect_uris = array_append(redirect_uris, $2) "
                           "WHERE id = $1 AND NOT $2 = ANY (redirect_uris)",
                           FHIR_STMT_WRITE, 2, values, NULL, NULL, NULL));
    const char *url;
    {
        const char *const params[][2] = {
            {"response_type", "code"},
            {"client_id", client->id},
            {"redirect_uri", back},
            {"scope", typed(call, "scope_text")},
            {"state",
             apr_pstrcat(call->pool, client->id, "~", nonce, "~", typed(call, "endpoint"), NULL)},
            {"aud", endpoint->base_url},
            {"code_challenge",
             fhir_base64_encode(digest.byte, FHIR_DIGEST_LEN, FHIR_BASE64_TOKEN, call->pool)},
            {"code_challenge_method", "S256"},
        };
        url = apr_pstrcat(call->pool, endpoint->base_url, "/auth/authorize", NULL);
        for (apr_size_t i = 0; i < sizeof(params) / sizeof(*params); i++)
            url = fhir_auth_add_param(url, params[i][0], params[i][1], call->pool);
    }
    fhir_auth_redirect(call, url);
    return NULL;
}

/*
 * What the product would do: make a launch for the patient that its user sees. The developer is not
 * told whether the patient and the encounter exist; the endpoint checks that when a user has signed
 * in.
 */
static fhir_err_t *launch(fhir_auth_call_t *call, const fhir_session_t *session,
                          const fhir_portal_client_t *client,
                          const fhir_portal_endpoint_t *endpoint)
{
    const char *patient = typed(call, "patient"), *encounter = typed(call, "encounter");
    if (!client->launch)
        return show(call, session, client, "fault-no-launch", NULL);
    if (!fhir_text_is_id(patient, strlen(patient)) ||
        (*encounter && !fhir_text_is_id(encounter, strlen(encounter))))
        return show(call, session, client, "fault-launch", NULL);
    const char *word;
    FHIR_TRY(fhir_random_word(&word, 32, call->pool));
    const char *values[4];
    values[0] = fhir_secret_bytea_of(word, call->pool);
    values[1] = client->id;
    values[2] = patient;
    values[3] = *encounter ? encounter : NULL;
    FHIR_TRY(fhir_auth_sql(call,
                           "INSERT INTO @launch (digest, client, patient, encounter, expires) "
                           "VALUES ($1::bytea, $2, $3, $4, now() + interval '10 minutes')",
                           FHIR_STMT_WRITE, 4, values, NULL, NULL, NULL));
    const char *url = fhir_auth_add_param(client->launch, "iss", endpoint->base_url, call->pool);
    return show(call, session, client, NULL, fhir_auth_add_param(url, "launch", word, call->pool));
}

fhir_err_t *fhir_portal_try(fhir_auth_call_t *call)
{
    fhir_session_t *session;
    const char *step;
    FHIR_TRY(fhir_portal_enter(&session, &step, call));
    if (!session)
        return NULL;
    const fhir_portal_client_t *client;
    FHIR_TRY(own_client(&client, call, session, fhir_auth_param(&call->query, "client")));
    const fhir_portal_endpoint_t *endpoint = endpoint_at(call, typed(call, "endpoint"));
    if (!strcmp(step, "find") || !strcmp(step, "patient"))
        return show(call, session, client, NULL, NULL);
    if (!*step || !endpoint)
        return show(call, session, client, *step ? "fault-endpoint" : NULL, NULL);
    if (!strcmp(step, "launch"))
        return launch(call, session, client, endpoint);
    return strncmp(client->kind, "backend", 7) == 0 ? backend(call, session, client, endpoint)
                                                    : go(call, client, endpoint);
}

/* ---- back with a code ---- */

/* Reads state: the client, the nonce and the endpoint. 0 if it is not ours. */
static int read_state(const char *parts[3], const fhir_auth_call_t *call)
{
    const char *state = fhir_auth_param(&call->query, "state");
    char *last, *copy = apr_pstrdup(call->pool, state ? state : "");
    int n = 0;
    for (char *part = apr_strtok(copy, "~", &last); part && n < 3;
         part = apr_strtok(NULL, "~", &last))
        parts[n++] = part;
    return n == 3;
}

fhir_err_t *fhir_portal_back(fhir_auth_call_t *call)
{
    const char *step, *code = fhir_auth_param(&call->query, "code");
    fhir_session_t *session;
    FHIR_TRY(fhir_portal_enter(&session, &step, call));
    if (!session)
        return NULL;
    const char *parts[3];
    const fhir_portal_endpoint_t *endpoint;
    if (!read_state(parts, call) || !(endpoint = endpoint_at(call, parts[2])))
        return fhir_portal_none(call, "test launch");
    const fhir_portal_client_t *client;
    FHIR_TRY(own_client(&client, call, session, parts[0]));
    const char *verifier;
    FHIR_TRY(verifier_of(&verifier, call, client->id, parts[1]));
    fhir_view_t *view;
    FHIR_TRY(fhir_portal_view(&view, call, session));
    fhir_portal_show_client(view, call, client);
    fhir_view_set(view, "code", code);
    fhir_view_set(view, "error", fhir_auth_param(&call->query, "error"));
    fhir_view_set(view, "error_description", fhir_auth_param(&call->query, "error_description"));
    fhir_view_set(view, "endpoint_url", endpoint->base_url);
    fhir_view_set(view, "back", fhir_auth_url(call, BACK));
    fhir_view_set(view, "verifier", verifier);
    if (code && !strcmp(step, "redeem")) {
        fhir_trial_t trial =
            (fhir_trial_t){.call = call, .client = client, .endpoint = endpoint, .view = view};
        FHIR_TRY(fhir_trial_redeem(&trial, code, fhir_auth_url(call, BACK), verifier,
                                   typed(call, "secret")));
        FHIR_TRY(fhir_trial_read(&trial));
    }
    return fhir_auth_page(call, 200, "back", view, NULL);
}
