/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registration by protocol: a program registers an application (RFC 7591), and reads, changes or
 * removes it later (RFC 7592). A registration waits for the practice's decision and obeys the same
 * rules as one made at the Connect Portal.
 *
 * Secrets and registration access tokens are stored as digests. The secret is only in the response
 * that made it. Later responses repeat the registration access token of their request.
 * Source: RFC 7591, RFC 7592; OpenID Connect Dynamic Client Registration 1.0 (initiate_login_uri)
 */
#include <apr_strings.h>
#include <string.h>

#include "auth/fhir_metadata.h"
#include "core/fhir_random.h"

/* ---- who may ---- */

/* The key under which failed attempts of an address are counted: after some there is a pause. */
static const char *attempts_key(const fhir_auth_call_t *call)
{
    return apr_pstrcat(call->pool, "ar:", call->request->address, NULL);
}

static fhir_err_t *check_pause(fhir_auth_call_t *call)
{
    if (call->request->config->registration == FHIR_REGISTRATION_OFF)
        return fhir_auth_refuse(
            call, FHIR_REFUSED_REGISTER,
            "Applications do not register by protocol here; the practice "
            "registers them%s%s",
            call->request->portal_url ? ", or their developers at " : "",
            call->request->portal_url
                ? apr_pstrcat(call->pool, call->request->portal_url, "/connect", NULL)
                : "");
    int wait;
    FHIR_TRY(fhir_auth_wait(&wait, call, attempts_key(call)));
    if (!wait)
        return NULL;
    call->refusal.wait = wait;
    return fhir_auth_refuse(call, FHIR_REFUSED_TOO_MANY,
                            "This address has registered, or failed to, too often; it may try "
                            "again in %d seconds",
                            wait);
}

/* The digest of the bearer token as PostgreSQL reads it; *digest is NULL when none was sent. */
static fhir_err_t *shown_token(const char **digest, const char **token, fhir_auth_call_t *call)
{
    const char *header = call->request->header(call->request, "Authorization");
    *digest = *token = NULL;
    if (!header)
        return NULL;
    fhir_err_t *err = fhir_bearer_token(token, header, call->pool);
    if (err)
        return fhir_auth_refuse(call, FHIR_REFUSED_REGISTER_TOKEN, "%s", err->message);
    *digest = fhir_secret_bytea_of(*token, call->pool);
    return NULL;
}

typedef struct permit_t {
    int is_found, is_good, is_test, waiting;
} permit_t;

static fhir_err_t *read_permit(void *baton, const fhir_row_t *row)
{
    permit_t *permit = baton;
    permit->waiting = (int)apr_atoi64(fhir_row_text(row, 0));
    permit->is_found = !fhir_row_is_null(row, 1);
    permit->is_good = permit->is_found && *fhir_row_text(row, 1) == 't';
    permit->is_test = permit->is_found && !strcmp(fhir_row_text(row, 2), "test");
    return NULL;
}

#define WAITING                                                                                    \
    "(SELECT count(*) FROM @registration r JOIN @licence l ON l.client = r.client WHERE l.state "  \
    "= 'asked')"

static fhir_err_t *check_permit(permit_t *permit, fhir_auth_call_t *call, const char *token)
{
    const fhir_auth_config_t *config = call->request->config;
    *permit = (permit_t){0};
    FHIR_TRY(fhir_auth_sql(call,
                           "SELECT " WAITING ", t.expires > now() AND t.uses_left > 0, "
                           "t.environment FROM (SELECT 1) one LEFT JOIN @registration_token t ON "
                           "t.digest = $1::bytea",
                           0, 1, &token, read_permit, permit, NULL));
    if (token && !permit->is_good)
        return fhir_auth_refuse(call, FHIR_REFUSED_REGISTER_TOKEN,
                                permit->is_found
                                    ? "The initial access token has expired, or was used as often "
                                      "as it may be"
                                    : "The initial access token is unknown to this server");
    if (!token && config->registration == FHIR_REGISTRATION_TOKEN)
        return fhir_auth_refuse(call, FHIR_REFUSED_REGISTER_TOKEN,
                                "Registering needs an initial access token: send Authorization: "
                                "Bearer TOKEN");
    if (permit->waiting >= config->registrations_max)
        return fhir_auth_refuse(call, FHIR_REFUSED_REGISTER_FULL,
                                "%d registrations wait for the practice's decision, which is the "
                                "most (FHIRRegistrationsMax)",
                                config->registrations_max);
    return NULL;
}

/* ---- what is answered ---- */

typedef struct stored_t {
    const char *json; /* of the client; NULL: not found */
    const char *name, *app;
    apr_pool_t *pool;
} stored_t;

static fhir_err_t *read_stored(void *baton, const fhir_row_t *row)
{
    stored_t *stored = baton;
    stored->json = fhir_auth_text(row, 0, stored->pool);
    stored->name = fhir_auth_text(row, 1, stored->pool);
    stored->app = fhir_auth_text(row, 2, stored->pool);
    return NULL;
}

/* The registration of a client that sends its registration access token. */
static fhir_err_t *find(stored_t *stored, fhir_auth_call_t *call, const char *client,
                        const char *digest)
{
    const char *values[] = {client, digest};
    *stored = (stored_t){.pool = call->pool};
    return fhir_auth_sql(
        call,
        "SELECT json_strip_nulls(json_build_object('client_id', c.id, 'client_id_issued_at', "
        "extract(epoch FROM c.created)::bigint, 'client_name', c.name, 'redirect_uris', "
        "to_json(c.redirect_uris), 'token_endpoint_auth_method', CASE c.auth WHEN 'client_secret' "
        "THEN CASE WHEN r.auth_method = 'client_secret_post' THEN r.auth_method ELSE "
        "'client_secret_basic' END ELSE c.auth END, 'grant_types', to_json(c.grants), "
        "'response_types', CASE WHEN 'authorization_code' = ANY (c.grants) THEN "
        "json_build_array('code') ELSE '[]' END, 'scope', c.scopes, 'client_uri', c.home_uri, "
        "'logo_uri', c.logo_uri, 'policy_uri', c.policy_uri, 'tos_uri', a.terms_uri, "
        "'initiate_login_uri', c.launch_uri, 'jwks_uri', c.jwks_uri, 'jwks', c.jwks::json, "
        "'contacts', to_json(r.contacts), 'software_id', r.software_id, 'software_version', "
        "r.software_version))::text, c.name, c.app FROM @client c JOIN @registration r ON "
        "r.client = c.id JOIN @app a ON a.id = c.app WHERE c.id = $1 AND r.digest = $2::bytea",
        0, 2, values, read_stored, stored, NULL);
}

/* secret: a new one, or NULL. */
static fhir_err_t *answer(fhir_auth_call_t *call, int status, const char *client,
                          const char *digest, const char *token, const char *secret)
{
    fhir_buf_t *buf = fhir_buf_create(call->pool, 0);
    stored_t stored;
    FHIR_TRY(find(&stored, call, client, digest));
    if (!stored.json)
        return fhir_auth_refuse(call, FHIR_REFUSED_REGISTER_TOKEN,
                                "The application has been removed");
    fhir_buf_append(buf, stored.json, strlen(stored.json) - 1);
    fhir_auth_member(buf, "client_secret", secret);
    if (secret)
        fhir_buf_puts(buf, ",\"client_secret_expires_at\":0");
    fhir_auth_member(buf, "registration_access_token", token);
    fhir_auth_member(buf, "registration_client_uri",
                     apr_pstrcat(call->pool, fhir_auth_url(call, "register/"), client, NULL));
    fhir_buf_putc(buf, '}');
    fhir_auth_json(call, status, fhir_buf_cstr(buf));
    return NULL;
}

/* ---- registering: RFC 7591, 3 ---- */

#define LIST(member) "ARRAY(SELECT json_array_elements_text(j->'" member "'))"
#define GRANTS       LIST("grant_types")
#define REDIRECTS    LIST("redirect_uris")
#define AUDIENCE     LIST("audience")
#define CONTACTS     LIST("contacts")
/* The columns of fhir_client that the metadata j set, and their values. */
#define NAMES                                                                                      \
    "name, auth, grants, redirect_uris, native, launch_uri, logo_uri, home_uri, policy_uri, "      \
    "jwks, "                                                                                       \
    "jwks_uri, scopes"
#define VALUES                                                                                     \
    "j->>'client_name', CASE WHEN j->>'token_endpoint_auth_method' LIKE 'client_secret%' THEN "    \
    "'client_secret' ELSE j->>'token_endpoint_auth_method' END, " GRANTS ", " REDIRECTS            \
    ", (j->>'native')::boolean, j->>'initiate_login_uri', j->>'logo_uri', j->>'client_uri', "      \
    "j->>'policy_uri', j->>'jwks_text', j->>'jwks_uri', j->>'scope'"

/* $1 the metadata, $2 ids of the client and $3 its app, digests of $4 the registration access
 * token, $5 the secret (or NULL) and $6 the initial access token (or NULL), $7 how many may wait.
 */
static const char store_sql[] =
    "WITH m AS (SELECT $1::json AS j), t AS (UPDATE @registration_token SET uses_left = uses_left "
    "- 1 WHERE digest = $6::bytea AND uses_left > 0 AND expires > now() RETURNING owner, "
    "environment), p AS (SELECT owner, environment FROM t UNION ALL SELECT NULL, 'production' "
    "WHERE $6 IS NULL), "
    "a AS (INSERT INTO @app (id, owner, terms_uri, audience) SELECT $3, p.owner, "
    "j->>'tos_uri', " AUDIENCE " FROM m, p WHERE " WAITING " < $7::int RETURNING id), "
    "c AS (INSERT INTO @client (id, app, environment, " NAMES
    ") SELECT $2, a.id, p.environment, " VALUES " FROM m, a, p RETURNING id), "
    "r AS (INSERT INTO @registration (client, digest, auth_method, contacts, software_id, "
    "software_version, software_issuer) SELECT c.id, $4::bytea, "
    "j->>'token_endpoint_auth_method', " CONTACTS
    ", j->>'software_id', j->>'software_version', j->>'software_issuer' FROM m, c), "
    "s AS (INSERT INTO @client_secret (client, digest) SELECT c.id, $5::bytea FROM c WHERE $5 IS "
    "NOT NULL) "
    "INSERT INTO @licence (client, state, changed_by) SELECT c.id, 'asked', coalesce((SELECT "
    "u.name FROM p JOIN @user u ON u.id = p.owner), 'registration') FROM c";

static fhir_err_t *store(const char *const *values, fhir_auth_call_t *call)
{
    apr_int64_t n = 0;
    FHIR_TRY(fhir_auth_sql(call, store_sql, FHIR_STMT_WRITE, 7, values, NULL, NULL, &n));
    return n ? NULL
             : fhir_auth_refuse(call, FHIR_REFUSED_REGISTER_FULL,
                                "Another registration was quicker: the initial access token is "
                                "used up, or as many registrations wait as may");
}

static fhir_err_t *register_client(fhir_auth_call_t *call)
{
    fhir_metadata_t reading = {.call = call};
    const char *values[7], *shown, *secret = NULL;
    FHIR_TRY(shown_token(&values[5], &shown, call));
    permit_t permit;
    FHIR_TRY(check_permit(&permit, call, values[5]));
    reading.is_test = permit.is_test;
    FHIR_TRY(fhir_metadata_read(&reading));
    FHIR_TRY(fhir_metadata_take(&values[0], &reading));
    for (int i = 1; i < 3; i++)
        FHIR_TRY(fhir_random_word(&values[i], 12, call->pool));
    const char *token;
    FHIR_TRY(fhir_random_word(&token, 32, call->pool));
    values[3] = fhir_secret_bytea_of(token, call->pool);
    if (!strncmp(reading.method, "client_secret", 13))
        FHIR_TRY(fhir_random_word(&secret, 32, call->pool));
    values[4] = secret ? fhir_secret_bytea_of(secret, call->pool) : NULL;
    values[6] = apr_itoa(call->pool, call->request->config->registrations_max);
    FHIR_TRY(store(values, call));
    FHIR_LOG(call->request->log, FHIR_LOG_INFO,
             "FHIR0730: client %s was registered by protocol from %s%s", values[1],
             call->request->address, values[5] ? ", with an initial access token" : "");
    if (!values[5]) /* requests without a token all count */
        FHIR_TRY(fhir_auth_count(call, attempts_key(call), 1));
    return answer(call, 201, values[1], values[3], token, secret);
}

/* A refused request counts against its address, whatever the reason. */
static fhir_err_t *counted(fhir_auth_call_t *call, fhir_err_t *err)
{
    if (err && call->refusal.id && fhir_refusals[call->refusal.id].status < 500)
        FHIR_TRY(fhir_auth_count(call, attempts_key(call), 1));
    return err;
}

fhir_err_t *fhir_auth_register(fhir_auth_call_t *call)
{
    FHIR_TRY(check_pause(call));
    return counted(call, register_client(call));
}

/* ---- reading, changing, removing: RFC 7592 ---- */

/* A change must have all members; of those that the server makes, only the id (RFC 7592, 2.2). */
static fhir_err_t *check_change(const fhir_metadata_t *reading, const char *client)
{
    static const char *const own[] = {"registration_access_token", "registration_client_uri",
                                      "client_secret_expires_at", "client_id_issued_at"};
    if (!fhir_node_is(fhir_node_get(reading->body, "client_id"), client))
        return fhir_metadata_bad(reading, "client_id", NULL,
                                 "it is there, and that of the address");
    for (apr_size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
        if (fhir_node_get(reading->body, own[i]))
            return fhir_metadata_bad(reading, own[i], NULL,
                                     "it is the server's, and not sent in a change");
    return NULL;
}

typedef struct flag_t {
    int is;
} flag_t;

static fhir_err_t *read_flag(void *baton, const fhir_row_t *row)
{
    ((flag_t *)baton)->is = *fhir_row_text(row, 0) == 't';
    return NULL;
}

/* client_secret, if the change has it, must be the present one. */
static fhir_err_t *check_own_secret(const fhir_metadata_t *reading, const char *client)
{
    const char *secret = fhir_node_string(reading->body, "client_secret", reading->call->pool);
    flag_t known = {0};
    if (!fhir_node_get(reading->body, "client_secret"))
        return NULL;
    const char *values[2];
    values[0] = client;
    values[1] = fhir_secret_bytea_of(secret ? secret : "", reading->call->pool);
    FHIR_TRY(fhir_auth_sql(reading->call,
                           "SELECT EXISTS (SELECT FROM @client_secret WHERE client = $1 AND digest "
                           "= $2::bytea AND coalesce(expires > now(), true))",
                           0, 2, values, read_flag, &known, NULL));
    return known.is
               ? NULL
               : fhir_metadata_bad(reading, "client_secret", NULL,
                                   "it is the present one; a client does not choose its secret");
}

/* Adds to the history of decisions that an application was registered, changed or removed by
 * protocol. */
#define NOTE "INSERT INTO @licence_event (client, name, state, words, changed_by, terms) "

/* The metadata are $1, the client $2. */
static const char change_sql[] =
    "WITH m AS (SELECT $1::json AS j), o AS (SELECT id, app, auth, grants FROM @client WHERE id = "
    "$2), a AS (UPDATE @app a SET terms_uri = j->>'tos_uri', audience = " AUDIENCE ", changed = "
    "now() FROM m, o WHERE a.id = o.app), r AS (UPDATE @registration r SET auth_method = "
    "j->>'token_endpoint_auth_method', contacts = " CONTACTS ", software_id = j->>'software_id', "
    "software_version = j->>'software_version', software_issuer = j->>'software_issuer', changed = "
    "now() FROM m WHERE r.client = $2), "
    /* the fetched keys may belong to the previous address */
    "k AS (DELETE FROM @client_jwks WHERE client = $2), "
    "c AS (UPDATE @client c SET (" NAMES ") = (SELECT " VALUES " FROM m) WHERE c.id = $2 RETURNING "
    "c.id, c.name, c.auth, c.grants), "
    "l AS (UPDATE @licence l SET state = 'asked', changed = now(), changed_by = 'registration', "
    "message = 'The application changed how it authenticates, or whom it works for.', expires = "
    "NULL FROM o, c WHERE l.client = c.id AND l.state = 'given' AND (o.auth <> c.auth OR EXISTS "
    "(SELECT unnest(c.grants) EXCEPT SELECT unnest(o.grants || ARRAY['refresh_token'])))), "
    "z AS (UPDATE @authorization z SET revoked = now(), revoked_by = 'a change of the app' FROM o, "
    "c WHERE z.client = c.id AND z.revoked IS NULL AND o.auth <> c.auth) " NOTE
    "SELECT c.id, c.name, 'changed', '', 'registration', m.j::text FROM c, m";

/*
 * A change replaces the whole registration (RFC 7592, 2.2). The practice's authorization stays,
 * within its limits. But if the application changes its authentication method or its kind of users,
 * it waits for the practice again.
 */
static fhir_err_t *change(fhir_auth_call_t *call, const char *client, const char *digest,
                          const char *token, int is_test)
{
    fhir_metadata_t reading = {.call = call, .is_test = is_test};
    const char *values[2] = {NULL, client}, *secret = NULL;
    flag_t has_secret = {0};
    FHIR_TRY(fhir_metadata_read(&reading));
    FHIR_TRY(check_change(&reading, client));
    FHIR_TRY(check_own_secret(&reading, client));
    FHIR_TRY(fhir_metadata_take(&values[0], &reading));
    FHIR_TRY(fhir_auth_sql(call, change_sql, FHIR_STMT_WRITE, 2, values, NULL, NULL, NULL));
    FHIR_LOG(call->request->log, FHIR_LOG_INFO,
             "FHIR0731: client %s was changed by protocol from %s", client, call->request->address);
    FHIR_TRY(fhir_auth_sql(call,
                           "SELECT EXISTS (SELECT FROM @client_secret WHERE client = $1 AND "
                           "coalesce(expires > now(), true))",
                           0, 1, &client, read_flag, &has_secret, NULL));
    if (!strncmp(reading.method, "client_secret", 13) && !has_secret.is)
        FHIR_TRY(fhir_client_add_secret(&secret, call, client, 1));
    return answer(call, 200, client, digest, token, secret);
}

static fhir_err_t *remove_client(fhir_auth_call_t *call, const stored_t *stored, const char *client)
{
    const char *values[] = {client, stored->app};
    FHIR_TRY(fhir_auth_sql(call,
                           "WITH n AS (" NOTE "SELECT id, name, 'removed', '', 'registration', "
                           "'{}' FROM @client WHERE id = $1) DELETE FROM @app WHERE id = $2",
                           FHIR_STMT_WRITE, 2, values, NULL, NULL, NULL));
    FHIR_LOG(call->request->log, FHIR_LOG_INFO,
             "FHIR0732: client %s was removed by protocol from %s", client, call->request->address);
    call->response->status = 204;
    return NULL;
}

static fhir_err_t *read_is_test(void *baton, const fhir_row_t *row)
{
    ((flag_t *)baton)->is = !strcmp(fhir_row_text(row, 0), "test");
    return NULL;
}

static fhir_err_t *manage(fhir_auth_call_t *call)
{
    const char *client = call->request->path + strlen("auth/register/"), *digest, *token;
    flag_t is_test = {0};
    FHIR_TRY(shown_token(&digest, &token, call));
    if (!digest)
        return fhir_auth_refuse(call, FHIR_REFUSED_REGISTER_TOKEN,
                                "The registration_access_token of the application is needed: send "
                                "Authorization: Bearer TOKEN");
    stored_t stored;
    FHIR_TRY(find(&stored, call, client, digest));
    if (!stored.json) /* which of the two is wrong must not be revealed (RFC 7592, 2.1) */
        return fhir_auth_refuse(call, FHIR_REFUSED_REGISTER_TOKEN,
                                "There is no such application, or the token is not its "
                                "registration_access_token");
    call->client = client;
    if (!strcmp(call->request->method, "GET"))
        return answer(call, 200, client, digest, token, NULL);
    if (!strcmp(call->request->method, "DELETE"))
        return remove_client(call, &stored, client);
    FHIR_TRY(fhir_auth_sql(call, "SELECT environment FROM @client WHERE id = $1", 0, 1, &client,
                           read_is_test, &is_test, NULL));
    return change(call, client, digest, token, is_test.is);
}

fhir_err_t *fhir_auth_registered(fhir_auth_call_t *call)
{
    FHIR_TRY(check_pause(call));
    return counted(call, manage(call));
}
