/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Database access for applications, users and failed attempts; revocation.
 */
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "auth/fhir_auth_private.h"

/* Replaces '@' and '~' by the tenant's names. Our statements use these characters for nothing
 * else. */
static const char *in_tenant(const char *sql, const char *tenant, apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    for (; *sql; sql++) {
        if (*sql == '@')
            fhir_buf_printf(buf, "\"%s\".fhir_", tenant);
        else if (*sql == '~')
            fhir_buf_printf(buf, "\"%s\"", tenant);
        else
            fhir_buf_putc(buf, *sql);
    }
    return fhir_buf_cstr(buf);
}

fhir_err_t *fhir_auth_sql_in(fhir_store_t *store, const char *tenant, const char *sql,
                             unsigned flags, int n, const char *const *values, fhir_row_fn row_fn,
                             void *baton, apr_int64_t *affected, apr_pool_t *pool)
{
    fhir_stmt_t stmt = {.sql = in_tenant(sql, tenant, pool), .n_values = n, .flags = flags};
    if (!store)
        return fhir_err_create(pool, FHIR_ERR_BUSY, "The database is not available");
    fhir_value_t bound[20];
    for (int i = 0; i < n; i++)
        bound[i] = fhir_value_text(values[i]);
    return fhir_store_run(store, &stmt, bound, row_fn, baton, affected, pool);
}

fhir_err_t *fhir_auth_sql(const fhir_auth_call_t *call, const char *sql, unsigned flags, int n,
                          const char *const *values, fhir_row_fn row_fn, void *baton,
                          apr_int64_t *affected)
{
    return fhir_auth_sql_in(call->request->store, call->tenant, sql, flags, n, values, row_fn,
                            baton, affected, call->pool);
}

const char *fhir_auth_text(const fhir_row_t *row, int column, apr_pool_t *pool)
{
    if (fhir_row_is_null(row, column))
        return NULL;
    return apr_pstrmemdup(pool, fhir_row_text(row, column), fhir_row_len(row, column));
}

fhir_err_t *fhir_auth_read_one(void *baton, const fhir_row_t *row)
{
    fhir_auth_one_t *one = baton;
    one->text = fhir_auth_text(row, 0, one->pool);
    return NULL;
}

static int is_true(const fhir_row_t *row, int column)
{
    return *fhir_row_text(row, column) == 't';
}

static int number(const fhir_row_t *row, int column)
{
    return atoi(fhir_row_text(row, column));
}

/* ---- applications ---- */

typedef struct one_t {
    void *found; /* or NULL */
    apr_pool_t *pool;
} one_t;

/* The rows, separated by newlines: a URI contains none. */
static void split_lines(fhir_client_t *client, const char *lines, apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, lines);
    int most = 1;
    for (const char *s = lines; *s; s++)
        most += *s == '\n';
    client->redirects = apr_pcalloc(pool, (apr_size_t)most * sizeof(*client->redirects));
    char *last;
    for (char *line = apr_strtok(copy, "\n", &last); line; line = apr_strtok(NULL, "\n", &last))
        client->redirects[client->n_redirects++] = line;
}

static fhir_err_t *read_client(void *baton, const fhir_row_t *row)
{
    one_t *one = baton;
    apr_pool_t *pool = one->pool;
    fhir_client_t *client = apr_pcalloc(pool, sizeof(*client));
    client->id = fhir_auth_text(row, 0, pool);
    client->name = fhir_auth_text(row, 1, pool);
    client->auth = fhir_auth_text(row, 2, pool);
    client->grants = fhir_auth_text(row, 3, pool);
    split_lines(client, fhir_row_text(row, 4), pool);
    client->launch_uri = fhir_auth_text(row, 5, pool);
    client->logo_uri = fhir_auth_text(row, 6, pool);
    client->home_uri = fhir_auth_text(row, 7, pool);
    client->policy_uri = fhir_auth_text(row, 8, pool);
    client->jwks = fhir_auth_text(row, 9, pool);
    client->jwks_uri = fhir_auth_text(row, 10, pool);
    client->scopes = fhir_auth_text(row, 11, pool);
    client->native = is_true(row, 12);
    client->disabled = is_true(row, 13);
    client->state = fhir_auth_text(row, 14, pool);
    client->licence_scopes = fhir_auth_text(row, 15, pool);
    client->staff = is_true(row, 16);
    client->patients = is_true(row, 17);
    client->system = is_true(row, 18);
    client->secret_grant = is_true(row, 19);
    client->access_sec = number(row, 20);
    client->system_sec = number(row, 21);
    client->refresh_sec = number(row, 22);
    client->facilities = fhir_auth_text(row, 23, pool);
    one->found = client;
    return NULL;
}

fhir_err_t *fhir_auth_client(fhir_client_t **client, const fhir_auth_call_t *call, const char *id)
{
    one_t one = {NULL, call->pool};
    FHIR_TRY(fhir_auth_sql(
        call,
        "SELECT c.id, c.name, c.auth, ' ' || array_to_string(c.grants, ' ') || ' ', "
        "array_to_string(c.redirect_uris, E'\\n'), c.launch_uri, c.logo_uri, c.home_uri, "
        "c.policy_uri, c.jwks, c.jwks_uri, c.scopes, c.native, c.disabled IS NOT NULL, "
        "CASE WHEN l.state = 'given' AND l.expires <= now() THEN 'ended' ELSE coalesce(l.state, "
        "'') "
        "END, coalesce(l.scopes, ''), l.staff, l.patients, l.system, "
        "l.secret_grant, l.access_sec, l.system_sec, l.refresh_sec, "
        "coalesce(array_to_string(l.facilities, ','), '') "
        "FROM @client c LEFT JOIN @licence l ON l.client = c.id WHERE c.id = $1",
        FHIR_STMT_SHORT, 1, &id, read_client, &one, NULL));
    *client = one.found;
    return NULL;
}

int fhir_client_may(const fhir_client_t *client, const char *grant)
{
    const char *at = strstr(client->grants, grant);
    return at && at[-1] == ' ' && at[strlen(grant)] == ' ';
}

fhir_err_t *fhir_auth_check_licence(fhir_auth_call_t *call, const fhir_client_t *client)
{
    const char *practice = call->request->config->practice;
    practice = practice ? practice : "This practice";
    if (client->disabled)
        return fhir_auth_refuse(
            fhir_auth_saw(call, "client_id", client->id, "an app that is not switched off"),
            FHIR_REFUSED_CLIENT_DISABLED, "App %s was switched off by the server's administrator",
            client->name);
    if (!strcmp(client->state, "given"))
        return NULL;
    fhir_auth_saw(call, "client_id", client->id, "an app that the practice has authorized");
    if (!strcmp(client->state, "refused"))
        return fhir_auth_refuse(call, FHIR_REFUSED_LICENCE_REFUSED, "%s has refused app %s",
                                practice, client->name);
    if (!strcmp(client->state, "withdrawn"))
        return fhir_auth_refuse(call, FHIR_REFUSED_LICENCE_WITHDRAWN,
                                "%s has withdrawn its authorization of app %s", practice,
                                client->name);
    if (!strcmp(client->state, "ended"))
        return fhir_auth_refuse(call, FHIR_REFUSED_LICENCE_WITHDRAWN,
                                "%s had authorized app %s for a time that has ended", practice,
                                client->name);
    return fhir_auth_refuse(call, FHIR_REFUSED_NOT_LICENSED,
                            "App %s is registered, but %s has not authorized it; the practice's "
                            "administrator does so%s",
                            client->name, practice,
                            call->request->portal_url
                                ? apr_pstrcat(call->pool, " at ", call->request->portal_url,
                                              "/licences/app?client=", client->id, NULL)
                                : "");
}

/* ---- facilities ---- */

typedef struct covered_t {
    int is;
    const char *names;
    apr_pool_t *pool;
} covered_t;

static fhir_err_t *read_covered(void *baton, const fhir_row_t *row)
{
    covered_t *covered = baton;
    covered->names = fhir_auth_text(row, 0, covered->pool);
    covered->is = is_true(row, 1);
    return NULL;
}

fhir_err_t *fhir_auth_facilities(const char **names, const fhir_auth_call_t *call,
                                 const fhir_client_t *client)
{
    covered_t covered = {.pool = call->pool};
    if (*client->facilities)
        FHIR_TRY(fhir_auth_sql(
            call,
            "SELECT " FHIR_FACILITY_NAMES("l.facilities") ", true FROM "
                                                          "@licence l WHERE l.client = $1",
            0, 1, &client->id, read_covered, &covered, NULL));
    *names = covered.names;
    return NULL;
}

fhir_err_t *fhir_auth_check_facilities(fhir_auth_call_t *call, const fhir_client_t *client,
                                       const char *user, const char *patient, fhir_refusal_id_t id)
{
    const char *values[] = {client->id, user, patient};
    int is_patients = call->request->endpoint->audience == FHIR_AUDIENCE_PATIENT;
    covered_t covered = {.names = client->facilities, .pool = call->pool};
    if (!*client->facilities)
        return NULL;
    FHIR_TRY(fhir_auth_sql(call,
                           "SELECT " FHIR_FACILITY_NAMES("l.facilities") ", " FHIR_LICENCE_COVERS(
                               "l.facilities", "u.kind", "u.fhir_user",
                               "$3::text") " FROM @licence l LEFT JOIN @user "
                                           "u ON u.id = $2 WHERE l.client = $1",
                           0, 3, values, read_covered, &covered, NULL));
    if (covered.is)
        return NULL;
    fhir_auth_saw(call, "facility",
                  !user         ? "a program without a user"
                  : is_patients ? "a patient of none of them"
                                : "a member of the staff without a role at one of them",
                  apr_pstrcat(call->pool,
                              is_patients ? "Patient.managingOrganization is one of: "
                                          : "a PractitionerRole that is active now, at one of: ",
                              covered.names, NULL));
    return fhir_auth_refuse(call, id, "The practice has limited app %s to people of: %.500s%s",
                            client->name, covered.names,
                            user ? "" : "; a program without a user belongs to no facility");
}

/* ---- users ---- */

void fhir_user_read(fhir_user_t *user, const fhir_row_t *row, int column, apr_pool_t *pool)
{
    user->id = fhir_auth_text(row, column, pool);
    user->name = fhir_auth_text(row, column + 1, pool);
    user->display = fhir_auth_text(row, column + 2, pool);
    user->kind = fhir_auth_text(row, column + 3, pool);
    user->fhir_user = fhir_auth_text(row, column + 4, pool);
    user->external = is_true(row, column + 5);
    user->must_change = is_true(row, column + 6);
    user->disabled = is_true(row, column + 7);
    user->expired = is_true(row, column + 8);
    user->has_totp = is_true(row, column + 9);
}

static fhir_err_t *read_user(void *baton, const fhir_row_t *row)
{
    one_t *one = baton;
    one->found = apr_pcalloc(one->pool, sizeof(fhir_user_t));
    fhir_user_read(one->found, row, 0, one->pool);
    return NULL;
}

fhir_err_t *fhir_auth_user(fhir_user_t **user, const fhir_auth_call_t *call, const char *name,
                           const char *id)
{
    one_t one = {NULL, call->pool};
    const char *values[] = {name, id};
    FHIR_TRY(fhir_auth_sql(call,
                           "SELECT " FHIR_USER_COLUMNS
                           " FROM @user u WHERE u.name = $1::text OR u.id = $2::text",
                           FHIR_STMT_SHORT, 2, values, read_user, &one, NULL));
    *user = one.found;
    return NULL;
}

/* ---- the tenant's secret ---- */

static fhir_err_t *read_key(void *baton, const fhir_row_t *row)
{
    one_t *one = baton;
    one->found = fhir_secret_read_hex(one->found, fhir_row_text(row, 0)) ? one : NULL;
    return NULL;
}

fhir_err_t *fhir_auth_key(fhir_digest_t *key, const fhir_auth_call_t *call)
{
    one_t one = {key, call->pool};
    apr_int64_t n = 0;
    FHIR_TRY(fhir_auth_sql(call, "SELECT encode(key, 'hex') FROM @key WHERE name = 'auth'",
                           FHIR_STMT_SHORT, 0, NULL, read_key, &one, &n));
    if (n && one.found)
        return NULL;
    return fhir_err_detail(
        fhir_err_create(call->pool, FHIR_ERR_INTERNAL, "The server is not set up completely"),
        call->pool, "schema \"%s\" has no key named auth in fhir_key: run fhirctl init",
        call->tenant);
}

/* ---- failures ---- */

/* After this many failures there is a pause, which doubles with each failure, up to a quarter of an
 * hour. Several people may share an address, so an address has four times as many attempts. */
#define WAIT_MAX 900

static int wait_for(const char *key, int failures, int age, int attempts_max)
{
    int most = *key == 'a' ? 4 * attempts_max : attempts_max;
    int wait = failures < most ? 0 : failures - most > 9 ? WAIT_MAX : 2 << (failures - most);
    if (wait > WAIT_MAX)
        wait = WAIT_MAX;
    return wait > age ? wait - age : 0;
}

typedef struct attempt_t {
    int failures, age;
} attempt_t;

static fhir_err_t *read_attempt(void *baton, const fhir_row_t *row)
{
    attempt_t *attempt = baton;
    attempt->failures = number(row, 0);
    attempt->age = number(row, 1);
    return NULL;
}

fhir_err_t *fhir_auth_wait(int *seconds, const fhir_auth_call_t *call, const char *key)
{
    attempt_t attempt = {0, 0};
    FHIR_TRY(fhir_auth_sql(call,
                           "SELECT failures, extract(epoch FROM now() - last)::int FROM @attempt "
                           "WHERE key = $1 AND last > now() - interval '1 hour'",
                           FHIR_STMT_SHORT, 1, &key, read_attempt, &attempt, NULL));
    *seconds = wait_for(key, attempt.failures, attempt.age, call->request->config->attempts_max);
    return NULL;
}

fhir_err_t *fhir_auth_count(const fhir_auth_call_t *call, const char *key, int failed)
{
    if (!failed)
        return fhir_auth_sql(call, "DELETE FROM @attempt WHERE key = $1", FHIR_STMT_WRITE, 1, &key,
                             NULL, NULL, NULL);
    return fhir_auth_sql(
        call,
        "INSERT INTO @attempt AS a (key, failures) VALUES ($1, 1) ON CONFLICT (key) DO UPDATE SET "
        "last = now(), failures = CASE WHEN a.last > now() - interval '1 hour' THEN a.failures + 1 "
        "ELSE 1 END",
        FHIR_STMT_WRITE, 1, &key, NULL, NULL, NULL);
}

/* ---- revoking ---- */

static fhir_err_t *forget_token(void *baton, const fhir_row_t *row)
{
    const fhir_auth_call_t *call = baton;
    fhir_digest_t digest;
    if (call->request->forget && fhir_secret_read_hex(&digest, fhir_row_text(row, 0)))
        call->request->forget(call->request, &digest);
    return NULL;
}

fhir_err_t *fhir_auth_revoke(const fhir_auth_call_t *call, apr_int64_t id, const char *who)
{
    const char *values[] = {apr_psprintf(call->pool, "%" APR_INT64_T_FMT, id), who};
    FHIR_TRY(fhir_auth_sql(call,
                           "UPDATE @authorization SET revoked = now(), revoked_by = $2 "
                           "WHERE id = $1::bigint AND revoked IS NULL",
                           FHIR_STMT_WRITE, 2, values, NULL, NULL, NULL));
    return fhir_auth_sql(call,
                         "SELECT encode(digest, 'hex') FROM @token WHERE authorization_id = "
                         "$1::bigint AND kind = 'access' AND expires > now()",
                         0, 1, values, forget_token, (void *)call, NULL);
}

/* ---- refusals and use ---- */

/* fhir_err_create makes the message valid UTF-8. */
static const char *cut(const char *text, apr_pool_t *pool)
{
    return text ? fhir_err_create(pool, FHIR_ERR_BAD_REQUEST, "%.500s", text)->message : NULL;
}

fhir_err_t *fhir_refusal_keep(const fhir_refused_t *refused, const char *tenant,
                              fhir_store_t *store, apr_pool_t *pool)
{
    const char *values[] = {refused->request,
                            refused->client,
                            refused->route,
                            refused->name,
                            refused->description,
                            refused->parameter,
                            cut(refused->received, pool),
                            cut(refused->expected, pool)};
    return fhir_auth_sql_in(
        store, tenant,
        "INSERT INTO @refusal (request, client, route, error, description, parameter, received, "
        "expected) SELECT $1, $2::text, $3, $4, $5, $6, $7, $8 WHERE (SELECT count(*) FROM (SELECT "
        "FROM @refusal WHERE client = $2::text AND at > now() - interval '1 minute' LIMIT 20) r) < "
        "20 ON CONFLICT DO NOTHING",
        FHIR_STMT_WRITE, 8, values, NULL, NULL, NULL, pool);
}

fhir_err_t *fhir_use_add(const fhir_use_t *list, int n, const char *tenant, fhir_store_t *store,
                         apr_pool_t *pool)
{
    fhir_buf_t *arrays[3];
    const char *values[3];
    for (int k = 0; k < 3; k++) {
        arrays[k] = fhir_buf_create(pool, 0);
        for (int i = 0; i < n; i++) {
            fhir_buf_putc(arrays[k], i ? ',' : '{');
            if (k)
                fhir_buf_printf(arrays[k], "%" APR_INT64_T_FMT,
                                k == 1 ? list[i].requests : list[i].errors);
            else
                fhir_store_array_element(arrays[k], list[i].client, strlen(list[i].client));
        }
        fhir_buf_putc(arrays[k], '}');
        values[k] = fhir_buf_cstr(arrays[k]);
    }
    return fhir_auth_sql_in(
        store, tenant,
        "INSERT INTO @use_day AS d (client, requests, errors) SELECT * FROM unnest($1::text[], "
        "$2::bigint[], $3::bigint[]) ON CONFLICT (client, day) DO UPDATE SET requests = d.requests "
        "+ excluded.requests, errors = d.errors + excluded.errors",
        FHIR_STMT_WRITE, 3, values, NULL, NULL, NULL, pool);
}

/* ---- upkeep ---- */

static fhir_err_t *add_name(void *baton, const fhir_row_t *row)
{
    apr_array_header_t *names = baton;
    APR_ARRAY_PUSH(names, const char *) = fhir_auth_text(row, 0, names->pool);
    return NULL;
}

fhir_err_t *fhir_auth_tenants(apr_array_header_t *names, fhir_store_t *store, apr_pool_t *pool)
{
    fhir_stmt_t stmt = {.sql = "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = "
                               "c.relnamespace WHERE c.relname = 'fhir_token' AND "
                               "has_schema_privilege(n.oid, 'USAGE') AND "
                               "has_table_privilege(c.oid, 'DELETE')",
                        .flags = FHIR_STMT_ONCE};
    return fhir_store_run(store, &stmt, NULL, add_name, names, NULL, pool);
}

fhir_err_t *fhir_auth_sweep(const char *tenant, fhir_store_t *store, apr_pool_t *pool)
{
    /* kept for a while, so that a client that uses a revoked or used token again is told so */
    static const char *const statements[] = {
        /* counted by day before the rows are deleted */
        "INSERT INTO @use_day AS d (client, day, tokens, people) " FHIR_USE_TOKENS
        " ON CONFLICT (client, day) DO UPDATE SET tokens = greatest(d.tokens, excluded.tokens), "
        "people = greatest(d.people, excluded.people)",
        "INSERT INTO @use_day AS d (client, day, refused) " FHIR_USE_REFUSED
        " ON CONFLICT (client, day) DO UPDATE SET refused = greatest(d.refused, excluded.refused)",
        "DELETE FROM @use_day WHERE day < current_date - 400",
        "DELETE FROM @token WHERE expires < now() - interval '7 days'",
        "DELETE FROM @code WHERE expires < now() - interval '1 day'",
        "DELETE FROM @launch WHERE expires < now() - interval '1 day'",
        "DELETE FROM @session WHERE seen < now() - interval '7 days'",
        "DELETE FROM @assertion WHERE expires < now()",
        "DELETE FROM @attempt WHERE last < now() - interval '1 day'",
        "DELETE FROM @refusal WHERE at < now() - interval '7 days'",
        "DELETE FROM @mail_link WHERE expires < now() - interval '1 day'",
        "DELETE FROM @authorization a WHERE NOT EXISTS (SELECT FROM @token t WHERE "
        "t.authorization_id = a.id) AND NOT EXISTS (SELECT FROM @code c WHERE "
        "c.authorization_id = a.id) AND a.created < now() - interval '1 day'",
    };
    for (apr_size_t i = 0; i < sizeof(statements) / sizeof(*statements); i++)
        FHIR_TRY(fhir_auth_sql_in(store, tenant, statements[i], FHIR_STMT_WRITE | FHIR_STMT_ONCE, 0,
                                  NULL, NULL, NULL, NULL, pool));
    return NULL;
}

/* ---- browsers of other origins ---- */

static fhir_err_t *read_origin(void *baton, const fhir_row_t *row)
{
    int *known = baton;
    *known = *fhir_row_text(row, 0) == 't';
    return NULL;
}

/* FNV-1a. It only names what was found lately, and every entry is checked again after some minutes,
 * so a collision does no harm. */
static apr_uint64_t origin_key(const char *tenant, const char *origin)
{
    const char *const texts[] = {"origin\n", tenant, "\n", origin};
    apr_uint64_t hash = APR_UINT64_C(0xcbf29ce484222325);
    for (int i = 0; i < 4; i++)
        for (const char *s = texts[i]; *s; s++)
            hash = (hash ^ (unsigned char)*s) * APR_UINT64_C(0x100000001b3);
    return hash;
}

int fhir_auth_origin(const char *origin, const fhir_auth_config_t *config, const char *tenant,
                     fhir_store_t *store, apr_pool_t *pool)
{
    apr_uint64_t key = origin_key(tenant, origin);
    int known = 0;
    if (config->cors == FHIR_CORS_ANY)
        return 1;
    if (config->cors == FHIR_CORS_LIST) {
        for (const char *const *o = config->origins; *o; o++)
            if (!strcasecmp(*o, origin))
                return 1;
        return 0;
    }
    if (!store || strlen(origin) > 300 || !strcmp(origin, "null"))
        return 0;
    if (fhir_store_recall(store, key) >= 0)
        return 1;
    /* the origin of a redirect URI: the URI begins with it, followed by its path */
    if (fhir_auth_sql_in(store, tenant,
                         "SELECT EXISTS (SELECT FROM @client WHERE disabled IS NULL AND ($1 = ANY "
                         "(origins) OR EXISTS (SELECT FROM unnest(redirect_uris) u WHERE u = $1 OR "
                         "starts_with(u, $1 || '/') OR starts_with(u, $1 || '?'))))",
                         FHIR_STMT_SHORT, 1, &origin, read_origin, &known, NULL, pool))
        return 0;
    if (known)
        fhir_store_remember(store, key, 0);
    return known;
}
