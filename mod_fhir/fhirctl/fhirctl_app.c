/* SPDX-License-Identifier: Apache-2.0 */
/* fhirctl app: applications that may request access. */
#include <apr_file_io.h>
#include <apr_strings.h>
#include <stdio.h>
#include <string.h>

#include "auth/fhir_auth_private.h"
#include "core/fhir_base64.h"
#include "core/fhir_random.h"
#include "fhirctl/fhirctl_auth.h"

enum {
    OPT_ID = FHIRCTL_OPT(FHIRCTL_DB_OPT_FIRST_OWN),
    OPT_PUBLIC,
    OPT_KEY,
    OPT_JWKS,
    OPT_JWKS_URL,
    OPT_BACKEND,
    OPT_REDIRECT,
    OPT_ORIGIN,
    OPT_LAUNCH_URL,
    OPT_LOGO,
    OPT_HOME,
    OPT_POLICY,
    OPT_SCOPE,
    OPT_NATIVE,
    OPT_INTROSPECT,
    OPT_LAUNCHER,
    OPT_LICENCE,
    OPT_OLD
};

typedef struct options_t {
    const char *id, *key, *jwks, *jwks_url, *launch_url, *logo, *home, *policy, *scopes;
    const char *redirects, *origins; /* arrays in PostgreSQL's text form */
    int is_public, backend, native, introspect, launcher, licence, old_sec;
    apr_pool_t *pool;
} options_t;

const apr_getopt_option_t fhirctl_app_options[] = {
    FHIRCTL_DB_OPTIONS,
    {"id", OPT_ID, 1, "ID\tits client_id (generated and printed by default)"},
    {"redirect", OPT_REDIRECT, 1, "URI\tredirect URI; may be repeated"},
    {"public", OPT_PUBLIC, 0, "cannot keep a secret (runs in a browser or on a phone)"},
    {"key", OPT_KEY, 1,
     "FILE\tauthenticates by signature: create a key pair, private key to FILE (PEM)"},
    {"jwks", OPT_JWKS, 1, "FILE\tauthenticates by signature: its public keys, a JSON Web Key Set"},
    {"jwks-url", OPT_JWKS_URL, 1, "URL\tauthenticates by signature: address of its key set"},
    {"backend", OPT_BACKEND, 0, "acts without a user (client_credentials)"},
    {"scope", OPT_SCOPE, 1, "SCOPES\tscopes that it may request (all)"},
    {"launch-url", OPT_LAUNCH_URL, 1, "URL\tlaunch URL"},
    {"origin", OPT_ORIGIN, 1, "ORIGIN\tfurther web origin, besides those of its redirect URIs"},
    {"native", OPT_NATIVE, 0, "accept any port in its redirect URIs on 127.0.0.1"},
    {"logo", OPT_LOGO, 1, "URL\tlogo"},
    {"home", OPT_HOME, 1, "URL\thome page; also allowed as target after signing out"},
    {"policy", OPT_POLICY, 1, "URL\tprivacy policy"},
    {"introspect", OPT_INTROSPECT, 0, "may introspect tokens of other apps"},
    {"launcher", OPT_LAUNCHER, 0, "is the product itself, and may launch other apps"},
    {"licence", OPT_LICENCE, 0, "also authorize it for the practice, with the defaults"},
    {"old", OPT_OLD, 1, "TIME\tsecret: how long old secrets remain valid (7d)"},
    {0},
};

static const char *option(void *baton, int opt, const char *value)
{
    options_t *o = baton;
    switch (opt) {
    case OPT_ID:
        o->id = value;
        return *value && strlen(value) <= 2048 ? NULL : "an id of at most 2048 bytes";
    case OPT_REDIRECT:
        o->redirects = fhirctl_auth_element(o->redirects, value, o->pool);
        return fhir_redirect_fault(value, o->pool);
    case OPT_ORIGIN:
        o->origins = fhirctl_auth_element(o->origins, value, o->pool);
        return NULL;
    case OPT_OLD:
        o->old_sec = fhirctl_auth_seconds(value);
        return o->old_sec ? NULL : "a time such as 600, 12h, 7d";
    case OPT_PUBLIC:
        o->is_public = 1;
        break;
    case OPT_BACKEND:
        o->backend = 1;
        break;
    case OPT_NATIVE:
        o->native = 1;
        break;
    case OPT_INTROSPECT:
        o->introspect = 1;
        break;
    case OPT_LAUNCHER:
        o->launcher = 1;
        break;
    case OPT_LICENCE:
        o->licence = 1;
        break;
    case OPT_KEY:
        o->key = value;
        break;
    case OPT_JWKS:
        o->jwks = value;
        break;
    case OPT_JWKS_URL:
        o->jwks_url = value;
        break;
    case OPT_LAUNCH_URL:
        o->launch_url = value;
        break;
    case OPT_LOGO:
        o->logo = value;
        break;
    case OPT_HOME:
        o->home = value;
        break;
    case OPT_POLICY:
        o->policy = value;
        break;
    default:
        o->scopes = value;
    }
    return NULL;
}

/* ---- keys and secrets ---- */

static fhir_err_t *write_private(fhirctl_run_t *run, const char *path, const char *text)
{
    apr_file_t *file;
    apr_status_t rv =
        apr_file_open(&file, path, APR_FOPEN_WRITE | APR_FOPEN_CREATE | APR_FOPEN_EXCL,
                      APR_FPROT_UREAD | APR_FPROT_UWRITE, run->pool);
    if (!rv)
        rv = apr_file_write_full(file, text, strlen(text), NULL);
    if (!rv)
        rv = apr_file_close(file);
    return rv ? fhirctl_auth_wrong(run, "%s cannot be written anew", path) : NULL;
}

/* A key pair for RS384, which every server must support. */
static fhir_err_t *make_pair(const char **jwks, fhirctl_run_t *run, const char *path)
{
    EVP_PKEY *key;
    FHIR_TRY(fhir_jwk_generate(&key, "RS384", run->pool));
    const char *kid;
    FHIR_TRY(fhir_jwk_thumbprint(&kid, key, run->pool));
    const char *pem;
    FHIR_TRY(fhir_jwk_write_pem(&pem, key, run->pool));
    const char *jwk;
    FHIR_TRY(fhir_jwk_print(&jwk, key, kid, NULL, run->pool));
    *jwks = apr_pstrcat(run->pool, "{\"keys\":[", jwk, "]}", NULL);
    return write_private(run, path, pem);
}

static fhir_err_t *read_keys(const char **jwks, fhirctl_run_t *run)
{
    const options_t *options = run->options;
    *jwks = NULL;
    if (options->key)
        return make_pair(jwks, run, options->key);
    if (options->jwks_url && strncmp(options->jwks_url, "https://", 8) != 0 &&
        strncmp(options->jwks_url, "http://127.0.0.1", 16) != 0 &&
        strncmp(options->jwks_url, "http://localhost", 16) != 0)
        return fhirctl_auth_wrong(run, "--jwks-url is an https URL");
    if (!options->jwks)
        return NULL;
    FHIR_TRY(fhirctl_auth_file(jwks, run, options->jwks));
    fhir_jwks_t keys;
    return fhir_jwks_parse(&keys, *jwks, strlen(*jwks), run->pool);
}

static fhir_err_t *add_secret(fhirctl_run_t *run, const char *client)
{
    const char *word;
    FHIR_TRY(fhir_random_word(&word, 32, run->pool));
    const char *values[2];
    values[0] = client;
    values[1] = fhir_secret_bytea_of(word, run->pool);
    printf("client_secret\t%s\n", word);
    return fhirctl_auth_run(NULL, NULL, run,
                            "INSERT INTO fhir_client_secret (client, digest) VALUES ($1, "
                            "$2::bytea)",
                            2, values);
}

/* ---- actions ---- */

static const char *grants_of(const options_t *options, apr_pool_t *pool)
{
    const char *grants = NULL;
    if (options->redirects || !(options->backend || options->introspect || options->launcher))
        grants = fhirctl_auth_element(grants, "authorization_code", pool);
    if (options->backend)
        grants = fhirctl_auth_element(grants, "client_credentials", pool);
    if (options->introspect)
        grants = fhirctl_auth_element(grants, "introspect", pool);
    if (options->launcher)
        grants = fhirctl_auth_element(grants, "launch", pool);
    return grants;
}

static fhir_err_t *check(fhirctl_run_t *run, const options_t *options)
{
    if (options->is_public + (options->key || options->jwks || options->jwks_url) > 1)
        return fhirctl_auth_wrong(run, "--public and a key exclude each other");
    if (options->is_public && options->backend)
        return fhirctl_auth_wrong(run, "an app that works without a user authenticates: --public "
                                       "and --backend exclude each other");
    if (!options->redirects && !options->backend && !options->introspect && !options->launcher)
        return fhirctl_auth_wrong(run, "--redirect is needed, or --backend");
    fhir_scopes_t scopes;
    FHIR_TRY(fhir_scopes_parse(&scopes, options->scopes, NULL, run->pool));
    return *scopes.ignored ? fhirctl_auth_wrong(run, "--scope: %s", scopes.ignored) : NULL;
}

static fhir_err_t *add(fhirctl_run_t *run)
{
    const options_t *o = run->options;
    FHIR_TRY(check(run, o));
    unsigned char bytes[12];
    FHIR_TRY(fhir_random_bytes(bytes, sizeof(bytes), run->pool));
    const char *values[14];
    values[0] =
        o->id ? o->id : fhir_base64_encode(bytes, sizeof(bytes), FHIR_BASE64_TOKEN, run->pool);
    values[1] = run->name;
    values[2] = o->is_public                       ? "none"
                : o->key || o->jwks || o->jwks_url ? "private_key_jwt"
                                                   : "client_secret";
    values[3] = grants_of(o, run->pool);
    values[4] = o->redirects ? o->redirects : "{}";
    values[5] = o->origins ? o->origins : "{}";
    values[6] = o->launch_url;
    values[7] = o->logo;
    values[8] = o->home;
    values[9] = o->policy;
    FHIR_TRY(read_keys(&values[10], run));
    values[11] = o->jwks_url;
    values[12] = o->scopes ? o->scopes : "";
    values[13] = o->native ? "t" : "f";
    FHIR_TRY(fhirctl_auth_run(
        NULL, NULL, run,
        "INSERT INTO fhir_client (id, name, auth, grants, redirect_uris, origins, launch_uri, "
        "logo_uri, home_uri, policy_uri, jwks, jwks_uri, scopes, native) VALUES ($1, $2, $3, "
        "$4::text[], $5::text[], $6::text[], $7, $8, $9, $10, $11, $12, $13, $14::boolean)",
        14, values));
    FHIR_TRY(fhirctl_auth_run(NULL, NULL, run,
                              o->licence ? "INSERT INTO fhir_licence (client, state, changed_by) "
                                           "VALUES ($1, 'given', 'fhirctl')"
                                         : "INSERT INTO fhir_licence (client, state) VALUES ($1, "
                                           "'asked')",
                              1, values));
    printf("client_id\t%s\n", values[0]);
    return !strcmp(values[2], "client_secret") ? add_secret(run, values[0]) : NULL;
}

static fhir_err_t *must_exist(fhirctl_run_t *run, int n)
{
    return n ? NULL : fhirctl_auth_wrong(run, "there is no app %s", run->name);
}

static fhir_err_t *set(fhirctl_run_t *run)
{
    const options_t *o = run->options;
    const char *values[11];
    values[0] = run->name;
    values[1] = o->redirects;
    values[2] = o->origins;
    values[3] = o->launch_url;
    values[4] = o->logo;
    values[5] = o->home;
    values[6] = o->policy;
    FHIR_TRY(read_keys(&values[7], run));
    values[8] = o->jwks_url;
    values[9] = o->scopes;
    fhir_scopes_t scopes;
    FHIR_TRY(fhir_scopes_parse(&scopes, o->scopes, NULL, run->pool));
    if (*scopes.ignored)
        return fhirctl_auth_wrong(run, "--scope: %s", scopes.ignored);
    int n;
    FHIR_TRY(fhirctl_auth_run(
        NULL, &n, run,
        "UPDATE fhir_client SET redirect_uris = coalesce($2::text[], redirect_uris), origins = "
        "coalesce($3::text[], origins), launch_uri = coalesce($4, launch_uri), logo_uri = "
        "coalesce($5, logo_uri), home_uri = coalesce($6, home_uri), policy_uri = coalesce($7, "
        "policy_uri), jwks = CASE WHEN $9::text IS NULL THEN coalesce($8, jwks) END, jwks_uri = "
        "CASE WHEN $8::text IS NULL THEN coalesce($9, jwks_uri) END, scopes = coalesce($10, "
        "scopes), auth = CASE WHEN coalesce($8, $9) IS NULL THEN auth ELSE 'private_key_jwt' END "
        "WHERE id = $1",
        10, values));
    return must_exist(run, n);
}

static fhir_err_t *secret(fhirctl_run_t *run)
{
    const options_t *o = run->options;
    const char *values[2] = {run->name, apr_itoa(run->pool, o->old_sec)};
    PGresult *r;
    FHIR_TRY(fhirctl_auth_run(
        &r, NULL, run, "SELECT auth = 'client_secret' FROM fhir_client WHERE id = $1", 1, values));
    FHIR_TRY(must_exist(run, PQntuples(r)));
    if (*PQgetvalue(r, 0, 0) != 't')
        return fhirctl_auth_wrong(run, "app %s has no secret: it is public, or it signs",
                                  run->name);
    FHIR_TRY(fhirctl_auth_run(NULL, NULL, run,
                              "UPDATE fhir_client_secret SET expires = least(expires, now() + "
                              "make_interval(secs => $2::int)) WHERE client = $1",
                              2, values));
    return add_secret(run, run->name);
}

static fhir_err_t *change(fhirctl_run_t *run, const char *sql)
{
    int n;
    FHIR_TRY(fhirctl_auth_run(NULL, &n, run, sql, 1, &run->name));
    return must_exist(run, n);
}

static fhir_err_t *disable(fhirctl_run_t *run)
{
    return change(run, "UPDATE fhir_client SET disabled = now() WHERE id = $1");
}

static fhir_err_t *enable(fhirctl_run_t *run)
{
    return change(run, "UPDATE fhir_client SET disabled = NULL WHERE id = $1");
}

static fhir_err_t *remove_app(fhirctl_run_t *run)
{
    return change(run, "DELETE FROM fhir_client WHERE id = $1");
}

static fhir_err_t *list(fhirctl_run_t *run)
{
    return fhirctl_auth_print(
        run,
        "SELECT c.id, c.name, c.auth, array_to_string(c.grants, ','), coalesce(l.state, 'asked') "
        "|| "
        "CASE WHEN c.disabled IS NULL THEN '' ELSE ',disabled' END, "
        "array_to_string(c.redirect_uris, "
        "' ') FROM fhir_client c LEFT JOIN fhir_licence l ON l.client = c.id ORDER BY c.name, c.id",
        0, NULL);
}

static const fhirctl_action_t actions[] = {{"add", 1, add},       {"set", 1, set},
                                           {"secret", 1, secret}, {"disable", 1, disable},
                                           {"enable", 1, enable}, {"remove", 1, remove_app},
                                           {"list", 0, list},     {NULL, 0, NULL}};

int fhirctl_app_main(const fhirctl_command_t *self, int argc, const char *const *argv,
                     apr_pool_t *pool)
{
    options_t options = {.old_sec = 7 * 86400, .pool = pool};
    return fhirctl_actions(self, argc, argv, actions, option, &options, pool);
}
