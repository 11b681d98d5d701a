/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The requests of a test launch, and their responses. The private key of an app stays with the app,
 * so its assertion is signed with a key that lives as long as the request, and the token endpoint
 * verifies with that one. All other checks are those for every app.
 */
#include "portal/fhir_portal_trial.h"

#include <apr_strings.h>
#include <string.h>

#include "core/fhir_random.h"

#define ASSERTION "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#define SHOWN_MAX 6000 /* bytes of an answer that are shown */

/* ---- showing ---- */

/* By way of an error, whose message is valid UTF-8 where it was cut. */
static const char *cut(const char *text, apr_pool_t *pool)
{
    const char *shown = fhir_err_create(pool, FHIR_ERR_BAD_REQUEST, "%.6000s", text)->message;
    return strlen(text) > SHOWN_MAX ? apr_pstrcat(pool, shown, "\n…", NULL) : shown;
}

static void show(fhir_trial_t *trial, const char *id, const char *request, int status,
                 const char *body)
{
    apr_pool_t *pool = trial->call->pool;
    fhir_view_t *item = fhir_view_add(trial->view, "exchanges");
    fhir_view_set(item, "id", id);
    fhir_view_set(item, "label", apr_pstrcat(pool, "trial-", id, NULL));
    fhir_view_set(item, "lead", apr_pstrcat(pool, "trial-", id, "-lead", NULL));
    fhir_view_set(item, "request", request);
    fhir_view_set(item, "answer",
                  status ? apr_psprintf(pool, "HTTP %d\n%s", status, cut(body, pool)) : body);
}

/* ---- the authorization server ---- */

typedef struct exchange_t {
    const char *body;
} exchange_t;

static const char *header(const fhir_auth_request_t *request, const char *name)
{
    (void)request;
    return !strcasecmp(name, "Content-Type") ? "application/x-www-form-urlencoded" : NULL;
}

static fhir_err_t *read_body(const char **body, apr_size_t *len, const fhir_auth_request_t *request,
                             apr_size_t max)
{
    const exchange_t *exchange = request->baton;
    *body = exchange->body;
    *len = strlen(exchange->body);
    return *len <= max ? NULL
                       : fhir_err_create(request->pool, FHIR_ERR_TOO_LARGE, "The form is too long");
}

/* form: NULL for a GET. keys: those that verify, or NULL: the app's own. */
static int ask(const char **answer, const fhir_trial_t *trial, const char *path, const char *form,
               const fhir_jwks_t *keys)
{
    const fhir_portal_endpoint_t *endpoint = trial->endpoint;
    exchange_t exchange = {form ? form : ""};
    fhir_auth_request_t request = *trial->call->request;
    request.endpoint = &endpoint->endpoint;
    request.base_url = endpoint->base_url;
    request.place = endpoint->place;
    request.path = path;
    request.query = NULL;
    request.method = form ? "POST" : "GET";
    request.portal = NULL;
    request.trial_keys = keys;
    request.header = header;
    request.read_body = read_body;
    request.check_password = NULL; /* these requests have no client authentication */
    request.forget = NULL;
    request.baton = &exchange;
    fhir_auth_response_t response;
    (void)fhir_auth_run(&response, &request);
    *answer = fhir_buf_cstr(response.body);
    return response.status;
}

void fhir_trial_discover(fhir_trial_t *trial)
{
    static const char path[] = ".well-known/smart-configuration";
    const char *answer;
    int status = ask(&answer, trial, path, NULL, NULL);
    show(trial, "discovery",
         apr_pstrcat(trial->call->pool, "GET ", trial->endpoint->base_url, "/", path, NULL), status,
         answer);
}

/* ---- an assertion ---- */

static const char *token_url(const fhir_trial_t *trial)
{
    return apr_pstrcat(trial->call->pool, trial->endpoint->base_url, "/auth/token", NULL);
}

/* A key pair, its public half as a set, and an assertion that it has signed. */
static fhir_err_t *sign(const char **assertion, fhir_jwks_t *keys, fhir_trial_t *trial)
{
    apr_pool_t *pool = trial->call->pool;
    fhir_buf_t *claims = fhir_buf_create(pool, 0);
    const char *id = trial->client->id;
    EVP_PKEY *key;
    FHIR_TRY(fhir_jwk_generate(&key, "ES384", pool));
    const char *kid;
    FHIR_TRY(fhir_jwk_thumbprint(&kid, key, pool));
    const char *jwk;
    FHIR_TRY(fhir_jwk_print(&jwk, key, kid, NULL, pool));
    const char *jti;
    FHIR_TRY(fhir_random_word(&jti, 16, pool));
    const char *set = apr_pstrcat(pool, "{\"keys\":[", jwk, "]}", NULL);
    FHIR_TRY(fhir_jwks_parse(keys, set, strlen(set), pool));
    fhir_buf_printf(claims, "{\"jti\":\"%s\",\"exp\":%" APR_INT64_T_FMT, jti,
                    apr_time_sec(apr_time_now()) + 240);
    fhir_auth_member(claims, "iss", id);
    fhir_auth_member(claims, "sub", id);
    fhir_auth_member(claims, "aud", token_url(trial));
    fhir_buf_putc(claims, '}');
    show(trial, "assertion",
         apr_psprintf(pool, "{\"alg\":\"ES384\",\"typ\":\"JWT\",\"kid\":\"%s\"}\n.\n%s", kid,
                      fhir_buf_cstr(claims)),
         0, NULL);
    return fhir_jwt_sign(assertion, fhir_buf_cstr(claims), "ES384", kid, key, pool);
}

/* ---- tokens ---- */

/* value NULL or "": the field is omitted. Secrets are shown as dots. */
typedef struct field_t {
    const char *name, *value;
    int is_secret;
} field_t;

static const char *form_of(const fhir_trial_t *trial, const field_t *fields, int shown)
{
    fhir_buf_t *buf = fhir_buf_create(trial->call->pool, 0);
    for (int n = 0; fields->name; fields++) {
        if (!fields->value || !*fields->value)
            continue;
        fhir_buf_puts(buf, n++ ? shown ? "\n&" : "&" : "");
        if (shown && fields->is_secret)
            fhir_buf_printf(buf, "%s=…", fields->name);
        else
            fhir_auth_encode(buf, fields->name, fields->value);
    }
    return fhir_buf_cstr(buf);
}

static fhir_err_t *get_token(fhir_trial_t *trial, const field_t *fields, const fhir_jwks_t *keys)
{
    apr_pool_t *pool = trial->call->pool;
    const char *answer;
    int status = ask(&answer, trial, "auth/token", form_of(trial, fields, 0), keys);
    show(trial, "token",
         apr_pstrcat(pool, "POST ", token_url(trial),
                     "\nContent-Type: application/x-www-form-urlencoded\n\n",
                     form_of(trial, fields, 1), NULL),
         status, answer);
    fhir_node_t *root;
    if (status != 200 || fhir_node_parse_json(&root, answer, strlen(answer), NULL, pool))
        return NULL;
    trial->token = fhir_node_string(root, "access_token", pool);
    trial->patient = fhir_node_string(root, "patient", pool);
    trial->scope = fhir_node_string(root, "scope", pool);
    return NULL;
}

static int signs(const fhir_trial_t *trial)
{
    return !strcmp(trial->client->kind, "keys") || !strcmp(trial->client->kind, "backend");
}

fhir_err_t *fhir_trial_system(fhir_trial_t *trial, const char *scope, const char *secret)
{
    const char *assertion = NULL;
    fhir_jwks_t keys;
    if (signs(trial))
        FHIR_TRY(sign(&assertion, &keys, trial));
    return get_token(trial,
                     (const field_t[]){{"grant_type", "client_credentials", 0},
                                       {"scope", scope, 0},
                                       {"client_assertion_type", assertion ? ASSERTION : NULL, 0},
                                       {"client_assertion", assertion, 0},
                                       {"client_id", assertion ? NULL : trial->client->id, 0},
                                       {"client_secret", assertion ? NULL : secret, 1},
                                       {NULL, NULL, 0}},
                     assertion ? &keys : NULL);
}

fhir_err_t *fhir_trial_redeem(fhir_trial_t *trial, const char *code, const char *redirect,
                              const char *verifier, const char *secret)
{
    const char *assertion = NULL;
    fhir_jwks_t keys;
    if (signs(trial))
        FHIR_TRY(sign(&assertion, &keys, trial));
    return get_token(trial,
                     (const field_t[]){{"grant_type", "authorization_code", 0},
                                       {"code", code, 0},
                                       {"redirect_uri", redirect, 0},
                                       {"code_verifier", verifier, 0},
                                       {"client_id", trial->client->id, 0},
                                       {"client_assertion_type", assertion ? ASSERTION : NULL, 0},
                                       {"client_assertion", assertion, 0},
                                       {"client_secret", assertion ? NULL : secret, 1},
                                       {NULL, NULL, 0}},
                     assertion ? &keys : NULL);
}

/* ---- records ---- */

static const char *fhir_header(const fhir_request_t *request, const char *name)
{
    (void)request;
    return !strcasecmp(name, "Accept") ? "application/fhir+json" : NULL;
}

static fhir_err_t *no_body(const char **body, apr_size_t *len, const fhir_request_t *request,
                           apr_size_t max)
{
    (void)request;
    (void)max;
    *body = "";
    *len = 0;
    return NULL;
}

static void drop_body(fhir_response_t *response)
{
    fhir_buf_clear(response->body->baton);
}

/* The type that is read: that of the first scope for data. */
static const char *type_of(const fhir_trial_t *trial)
{
    fhir_scopes_t scopes;
    const fhir_endpoint_t *endpoint = &trial->endpoint->endpoint;
    if (trial->scope &&
        !fhir_scopes_parse(&scopes, trial->scope, endpoint->spoken, trial->call->pool))
        for (int i = 0; i < scopes.n; i++)
            if (scopes.list[i].kind != FHIR_SCOPE_SPECIAL && strcmp(scopes.list[i].type, "*") != 0)
                return scopes.list[i].type;
    return "Patient";
}

/* The bearer's grant, as for every app, or why its token is refused. */
static fhir_err_t *grant_of(const fhir_grant_t **grant, const fhir_trial_t *trial)
{
    const fhir_endpoint_t *endpoint = &trial->endpoint->endpoint;
    apr_pool_t *pool = trial->call->pool;
    *grant = NULL;
    fhir_digest_t digest;
    fhir_digest_sha256(digest.byte, trial->token, strlen(trial->token));
    fhir_bearer_t bearer;
    FHIR_TRY(
        fhir_bearer_find(&bearer, &digest, endpoint->tenant, trial->call->request->store, pool));
    return fhir_bearer_grant(grant, &bearer, trial->endpoint->place, endpoint, pool);
}

fhir_err_t *fhir_trial_read(fhir_trial_t *trial)
{
    apr_pool_t *pool = trial->call->pool;
    const fhir_auth_request_t *own = trial->call->request;
    fhir_buf_t *body = fhir_buf_create(pool, 0);
    fhir_request_t request = {.pool = pool,
                              .endpoint = &trial->endpoint->endpoint,
                              .store = own->store,
                              .log = own->log,
                              .method = "GET",
                              .base_url = trial->endpoint->base_url,
                              .header = fhir_header,
                              .read_body = no_body};
    fhir_response_t response = {.status = 200,
                                .headers = apr_table_make(pool, 8),
                                .body = fhir_buf_out(body, pool),
                                .body_reset = drop_body};
    if (!trial->token)
        return NULL;
    request.path =
        trial->patient ? apr_pstrcat(pool, "Patient/", trial->patient, NULL) : type_of(trial);
    request.query = trial->patient ? "_pretty=true" : "_count=1&_pretty=true";
    request.refused = grant_of(&request.grant, trial);
    (void)fhir_service_run(&response, &request); /* its error is the response */
    const char *shown = response.ready ? apr_pstrmemdup(pool, response.ready, response.ready_len)
                                       : fhir_buf_cstr(body);
    show(trial, "read",
         apr_psprintf(pool, "GET %s/%s?%s\nAccept: application/fhir+json\nAuthorization: Bearer %s",
                      trial->endpoint->base_url, request.path, request.query, trial->token),
         response.status, shown);
    FHIR_LOG(own->log, FHIR_LOG_INFO, "FHIR0734: a test launch of client %s read %s: %d",
             trial->client->id, request.path, response.status);
    return NULL;
}
