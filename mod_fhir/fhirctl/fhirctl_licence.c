/* SPDX-License-Identifier: Apache-2.0 */
/* fhirctl licence: what the practice decides about applications. */
#include <apr_strings.h>
#include <stdio.h>
#include <string.h>

#include "auth/fhir_scope.h"
#include "fhirctl/fhirctl_auth.h"

enum {
    OPT_SCOPE = FHIRCTL_OPT(FHIRCTL_DB_OPT_FIRST_OWN),
    OPT_FOR,
    OPT_ACCESS,
    OPT_SYSTEM,
    OPT_REFRESH,
    OPT_SECRET_GRANT,
    OPT_UNTIL,
    OPT_WORDS
};

typedef struct options_t {
    const char *scopes, *whom, *until, *words;
    int access_sec, system_sec, refresh_sec, secret_grant;
} options_t;

const apr_getopt_option_t fhirctl_licence_options[] = {
    FHIRCTL_DB_OPTIONS,
    {"scope", OPT_SCOPE, 1, "SCOPES\tscopes that it can be granted (those that it requests)"},
    {"for", OPT_FOR, 1, "LIST\twho may use it: staff,patients,system (all)"},
    {"access", OPT_ACCESS, 1, "TIME\tlifetime of access tokens (1h)"},
    {"system", OPT_SYSTEM, 1, "TIME\tlifetime of access tokens without a user (5m)"},
    {"refresh", OPT_REFRESH, 1, "TIME\tlifetime of refresh tokens (180d)"},
    {"secret-grant", OPT_SECRET_GRANT, 0,
     "client_credentials with its secret, for programs that cannot sign"},
    {"until", OPT_UNTIL, 1, "DATE\tlast day of the licence (no end)"},
    {"words", OPT_WORDS, 1, "TEXT\tmessage to the developer"},
    {0},
};

static const char *take_time(int *out, const char *value)
{
    *out = fhirctl_auth_seconds(value);
    return *out ? NULL : "a time such as 600, 10m, 12h, 90d";
}

static const char *option(void *baton, int opt, const char *value)
{
    options_t *options = baton;
    switch (opt) {
    case OPT_SCOPE:
        options->scopes = value;
        return NULL;
    case OPT_FOR:
        options->whom = value;
        return NULL;
    case OPT_UNTIL:
        options->until = value;
        return strspn(value, "0123456789-") == 10 && !value[10] ? NULL
                                                                : "a date such as 2027-06-30";
    case OPT_WORDS:
        options->words = value;
        return strlen(value) <= 2000 ? NULL : "a text of at most 2000 bytes";
    case OPT_ACCESS:
        return take_time(&options->access_sec, value);
    case OPT_SYSTEM:
        return take_time(&options->system_sec, value);
    case OPT_REFRESH:
        return take_time(&options->refresh_sec, value);
    default:
        options->secret_grant = 1;
        return NULL;
    }
}

static int has_word(const char *list, const char *word)
{
    apr_size_t len = strlen(word);
    for (; *list; list += strcspn(list, ","), list += *list == ',')
        if (!strncmp(list, word, len) && (!list[len] || list[len] == ','))
            return 1;
    return 0;
}

static fhir_err_t *check_scopes(fhirctl_run_t *run, const char *text)
{
    fhir_scopes_t scopes;
    FHIR_TRY(fhir_scopes_parse(&scopes, text, NULL, run->pool));
    return *scopes.ignored ? fhirctl_auth_wrong(run, "--scope: %s", scopes.ignored) : NULL;
}

static const char *time_text(fhirctl_run_t *run, int sec)
{
    return sec ? apr_itoa(run->pool, sec) : NULL;
}

static fhir_err_t *give(fhirctl_run_t *run)
{
    const options_t *options = run->options;
    const char *whom = options->whom ? options->whom : "staff,patients,system";
    const char *values[] = {
        run->name,
        options->scopes,
        has_word(whom, "staff") ? "t" : "f",
        has_word(whom, "patients") ? "t" : "f",
        has_word(whom, "system") ? "t" : "f",
        options->secret_grant ? "t" : "f",
        time_text(run, options->access_sec),
        time_text(run, options->system_sec),
        time_text(run, options->refresh_sec),
        options->until,
        options->words,
    };
    PGresult *r;
    FHIR_TRY(check_scopes(run, options->scopes));
    FHIR_TRY(
        fhirctl_auth_run(&r, NULL, run, "SELECT 1 FROM fhir_client WHERE id = $1", 1, &run->name));
    if (!PQntuples(r))
        return fhirctl_auth_wrong(run, "there is no app %s; fhirctl app list", run->name);
    return fhirctl_auth_run(
        NULL, NULL, run,
        "INSERT INTO fhir_licence (client, state, scopes, staff, patients, system, secret_grant, "
        "access_sec, system_sec, refresh_sec, expires, words, changed_by) VALUES ($1, 'given', "
        "coalesce($2, (SELECT CASE WHEN app IS NULL THEN '' ELSE scopes END FROM fhir_client WHERE "
        "id = $1)), $3::boolean, $4::boolean, $5::boolean, $6::boolean, coalesce($7::int, 3600), "
        "coalesce($8::int, 300), coalesce($9::int, 15552000), $10::timestamptz, coalesce($11, ''), "
        "'fhirctl') ON CONFLICT (client) DO "
        "UPDATE SET state = 'given', scopes = excluded.scopes, staff = excluded.staff, patients = "
        "excluded.patients, system = excluded.system, secret_grant = excluded.secret_grant, "
        "access_sec = excluded.access_sec, system_sec = excluded.system_sec, refresh_sec = "
        "excluded.refresh_sec, expires = excluded.expires, words = excluded.words, changed = "
        "now(), "
        "changed_by = 'fhirctl'",
        11, values);
}

static fhir_err_t *set_state(fhirctl_run_t *run, const char *state)
{
    const options_t *options = run->options;
    const char *values[] = {run->name, state, options->words};
    int n;
    FHIR_TRY(
        fhirctl_auth_run(NULL, &n, run,
                         "INSERT INTO fhir_licence (client, state, words, changed_by) SELECT "
                         "id, $2, coalesce($3, ''), 'fhirctl' FROM fhir_client WHERE id = $1 ON "
                         "CONFLICT (client) DO UPDATE SET state = excluded.state, words = "
                         "excluded.words, changed = now(), changed_by = 'fhirctl'",
                         3, values));
    return n ? NULL : fhirctl_auth_wrong(run, "there is no app %s; fhirctl app list", run->name);
}

static fhir_err_t *refuse(fhirctl_run_t *run)
{
    return set_state(run, "refused");
}

static fhir_err_t *withdraw(fhirctl_run_t *run)
{
    return set_state(run, "withdrawn");
}

static fhir_err_t *list(fhirctl_run_t *run)
{
    return fhirctl_auth_print(
        run,
        "SELECT c.id, c.name, coalesce(l.state, 'asked'), concat_ws(',', CASE WHEN l.staff THEN "
        "'staff' END, CASE WHEN l.patients THEN 'patients' END, CASE WHEN l.system THEN 'system' "
        "END), l.access_sec, l.refresh_sec, coalesce(nullif(l.scopes, ''), '(all it asks)') FROM "
        "fhir_client c LEFT JOIN fhir_licence l ON l.client = c.id ORDER BY c.name, c.id",
        0, NULL);
}

static const fhirctl_action_t actions[] = {{"give", 1, give},
                                           {"refuse", 1, refuse},
                                           {"withdraw", 1, withdraw},
                                           {"list", 0, list},
                                           {NULL, 0, NULL}};

int fhirctl_licence_main(const fhirctl_command_t *self, int argc, const char *const *argv,
                         apr_pool_t *pool)
{
    options_t options = {.scopes = NULL};
    return fhirctl_actions(self, argc, argv, actions, option, &options, pool);
}
