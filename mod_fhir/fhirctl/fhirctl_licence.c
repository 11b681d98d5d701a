/* SPDX-License-Identifier: Apache-2.0 */
/* fhirctl licence: the practice's decisions about applications. */
#include <string.h>

#include "auth/fhir_scope.h"
#include "core/fhir_page.h"
#include "fhirctl/fhirctl_auth.h"

enum {
    OPT_SCOPE = FHIRCTL_OPT(FHIRCTL_DB_OPT_FIRST_OWN),
    OPT_FOR,
    OPT_ACCESS,
    OPT_SYSTEM,
    OPT_REFRESH,
    OPT_SECRET_GRANT,
    OPT_UNTIL,
    OPT_WORDS,
    OPT_FACILITY
};

typedef struct options_t {
    const char *scopes, *whom, *until, *words, *facilities;
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
    {"facility", OPT_FACILITY, 1,
     "IDS\tOrganizations, divided by commas: only their people may use it (all)"},
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
    case OPT_FACILITY:
        options->facilities = value;
        return NULL;
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

static fhir_err_t *must_exist(fhirctl_run_t *run, int found)
{
    return found ? NULL
                 : fhirctl_auth_wrong(run, "there is no app %s; fhirctl app list", run->name);
}

static fhir_err_t *give(fhirctl_run_t *run)
{
    const options_t *options = run->options;
    const char *whom = options->whom         ? options->whom
                       : options->facilities ? "staff,patients"
                                             : "staff,patients,system";
    const fhir_licence_t licence = {
        .client = run->name,
        .scopes = options->scopes,
        .staff = has_word(whom, "staff"),
        .patients = has_word(whom, "patients"),
        .system = has_word(whom, "system"),
        .secret_grant = options->secret_grant,
        .access_sec = options->access_sec,
        .system_sec = options->system_sec,
        .refresh_sec = options->refresh_sec,
        .until = options->until,
        .words = options->words,
        .facilities = options->facilities,
    };
    FHIR_TRY(check_scopes(run, options->scopes));
    fhir_practice_desk_t desk;
    FHIR_TRY(fhirctl_auth_desk(&desk, run));
    const char *fault, *value;
    FHIR_TRY(fhir_licence_facilities_check(&fault, &value, &desk, &licence));
    if (fault)
        return fhirctl_auth_wrong(run, "--facility: %s%s%s", fhir_page_text(fault, "en", run->pool),
                                  value ? " " : "", value ? value : "");
    int found;
    FHIR_TRY(fhir_licence_give(&found, &desk, &licence));
    return must_exist(run, found);
}

static fhir_err_t *set_state(fhirctl_run_t *run, const char *state)
{
    const options_t *options = run->options;
    fhir_practice_desk_t desk;
    FHIR_TRY(fhirctl_auth_desk(&desk, run));
    int found;
    FHIR_TRY(fhir_licence_take_back(&found, &desk, run->name, state, options->words));
    return must_exist(run, found);
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
    fhir_practice_desk_t desk;
    FHIR_TRY(fhirctl_auth_desk(&desk, run));
    return fhir_licence_list(&desk, fhirctl_auth_print_row, NULL);
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
