/* SPDX-License-Identifier: Apache-2.0 */
/* fhirctl registration: who may register applications by protocol (RFC 7591). */
#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/fhir_jose.h"
#include "auth/fhir_licence.h"
#include "fhirctl/fhirctl_auth.h"

enum { OPT_USES = FHIRCTL_OPT(FHIRCTL_DB_OPT_FIRST_OWN), OPT_LIFETIME, OPT_TEST, OPT_JWKS };

typedef struct options_t {
    int uses, lifetime_sec, is_test;
    const char *jwks;
} options_t;

const apr_getopt_option_t fhirctl_registration_options[] = {
    FHIRCTL_DB_OPTIONS,
    {"uses", OPT_USES, 1, "N\tapplications that the token registers, 1 to 10000 (1)"},
    {"lifetime", OPT_LIFETIME, 1, "TIME\thow long it may be used: 12h, 30d (7d)"},
    {"test", OPT_TEST, 0, "what it registers is for tests: http://localhost is a callback"},
    {"jwks", OPT_JWKS, 1, "FILE\ttrust: the issuer's public keys, a JSON Web Key Set"},
    {0},
};

static const char *option(void *baton, int opt, const char *value)
{
    options_t *options = baton;
    switch (opt) {
    case OPT_USES:
        options->uses = atoi(value);
        return options->uses > 0 && options->uses <= 10000 ? NULL : "a number from 1 to 10000";
    case OPT_LIFETIME:
        options->lifetime_sec = fhirctl_auth_seconds(value);
        return options->lifetime_sec ? NULL : "a time such as 12h, 30d";
    case OPT_JWKS:
        options->jwks = value;
        return NULL;
    default:
        options->is_test = 1;
        return NULL;
    }
}

static fhir_err_t *make(fhirctl_run_t *run)
{
    const options_t *options = run->options;
    fhir_practice_desk_t desk;
    FHIR_TRY(fhirctl_auth_desk(&desk, run));
    const char *word;
    FHIR_TRY(fhir_initial_token_make(&word, &desk, run->name, NULL,
                                     options->is_test ? "test" : "production",
                                     options->lifetime_sec, options->uses));
    printf("initial_access_token\t%s\n", word);
    return NULL;
}

static fhir_err_t *list(fhirctl_run_t *run)
{
    fhir_practice_desk_t desk;
    FHIR_TRY(fhirctl_auth_desk(&desk, run));
    return fhir_initial_token_list(&desk, NULL, fhirctl_auth_print_row, NULL);
}

static fhir_err_t *end(fhirctl_run_t *run)
{
    fhir_practice_desk_t desk;
    FHIR_TRY(fhirctl_auth_desk(&desk, run));
    int found;
    FHIR_TRY(fhir_initial_token_end(&found, &desk, run->name, NULL));
    return found ? NULL
                 : fhirctl_auth_wrong(run,
                                      "there is no initial access token %s; fhirctl "
                                      "registration list",
                                      run->name);
}

static fhir_err_t *trust(fhirctl_run_t *run)
{
    const options_t *options = run->options;
    if (!options->jwks)
        return fhirctl_auth_wrong(run, "trust needs --jwks");
    const char *jwks;
    FHIR_TRY(fhirctl_auth_file(&jwks, run, options->jwks));
    fhir_jwks_t keys;
    FHIR_TRY(fhir_jwks_parse(&keys, jwks, strlen(jwks), run->pool));
    if (!keys.n)
        return fhirctl_auth_wrong(run, "%s has no key that signs", options->jwks);
    fhir_practice_desk_t desk;
    FHIR_TRY(fhirctl_auth_desk(&desk, run));
    int found;
    return fhir_software_issuer_set(&found, &desk, run->name, jwks);
}

static fhir_err_t *distrust(fhirctl_run_t *run)
{
    fhir_practice_desk_t desk;
    FHIR_TRY(fhirctl_auth_desk(&desk, run));
    int found;
    FHIR_TRY(fhir_software_issuer_set(&found, &desk, run->name, NULL));
    return found ? NULL : fhirctl_auth_wrong(run, "issuer %s was not trusted", run->name);
}

static const fhirctl_action_t actions[] = {{"token", 1, make},        {"list", 0, list},
                                           {"end", 1, end},           {"trust", 1, trust},
                                           {"distrust", 1, distrust}, {NULL, 0, NULL}};

int fhirctl_registration_main(const fhirctl_command_t *self, int argc, const char *const *argv,
                              apr_pool_t *pool)
{
    options_t options = {.uses = 1, .lifetime_sec = 7 * 86400};
    return fhirctl_actions(self, argc, argv, actions, option, &options, pool);
}
