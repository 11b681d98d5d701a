/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fhirctl launch: starts an application as the product would: stores the launch context and prints
 * the URL for the browser.
 */
#include <apr_strings.h>
#include <stdio.h>
#include <string.h>

#include "core/fhir_random.h"
#include "core/fhir_secret.h"
#include "fhirctl/fhirctl_auth.h"

enum {
    OPT_APP = FHIRCTL_OPT(FHIRCTL_DB_OPT_FIRST_OWN),
    OPT_BASE,
    OPT_PATIENT,
    OPT_ENCOUNTER,
    OPT_USER,
    OPT_INTENT,
    OPT_NO_BANNER
};

typedef struct options_t {
    const char *app, *base, *patient, *encounter, *user, *intent;
    int no_banner;
} options_t;

const apr_getopt_option_t fhirctl_launch_options[] = {
    FHIRCTL_DB_OPTIONS,
    {"app", OPT_APP, 1, "ID\tthe application to start"},
    {"base", OPT_BASE, 1, "URL\tFHIR base of the provider endpoint: http://127.0.0.1:8080/fhir/r4"},
    {"patient", OPT_PATIENT, 1, "ID\tpatient in context"},
    {"encounter", OPT_ENCOUNTER, 1, "ID\tencounter in context"},
    {"user", OPT_USER, 1, "NAME\tvalid only for this user"},
    {"intent", OPT_INTENT, 1, "WORD\tintent: order-review, …"},
    {"no-banner", OPT_NO_BANNER, 0, "the product shows the patient's name itself"},
    {0},
};

static const char *option(void *baton, int opt, const char *value)
{
    options_t *options = baton;
    const char **const texts[] = {&options->app,       &options->base, &options->patient,
                                  &options->encounter, &options->user, &options->intent};
    if (opt == OPT_NO_BANNER)
        options->no_banner = 1;
    else
        *texts[opt - OPT_APP] = value;
    return NULL;
}

static const char *context(const options_t *options, apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    const char *style = apr_pstrcat(pool, options->base, "/auth/style.json", NULL);
    fhir_buf_printf(buf, "{\"need_patient_banner\":%s,\"smart_style_url\":",
                    options->no_banner ? "false" : "true");
    fhir_buf_json_string(buf, style, strlen(style));
    if (options->intent) {
        fhir_buf_puts(buf, ",\"intent\":");
        fhir_buf_json_string(buf, options->intent, strlen(options->intent));
    }
    fhir_buf_putc(buf, '}');
    return fhir_buf_cstr(buf);
}

static fhir_err_t *check_exists(fhirctl_run_t *run, const char *table, const char *id)
{
    if (!id)
        return NULL;
    PGresult *r;
    FHIR_TRY(fhirctl_auth_run(
        &r, NULL, run, apr_psprintf(run->pool, "SELECT 1 FROM %s WHERE id = $1", table), 1, &id));
    return PQntuples(r) ? NULL : fhirctl_auth_wrong(run, "there is no %s %s", table, id);
}

/* Characters that a URL's query contains unencoded. */
static void encode(fhir_buf_t *buf, const char *s)
{
    for (; *s; s++)
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", *s))
            fhir_buf_putc(buf, *s);
        else
            fhir_buf_printf(buf, "%%%02X", (unsigned char)*s);
}

static fhir_err_t *make(fhirctl_run_t *run)
{
    const options_t *options = run->options;
    fhir_buf_t *buf = fhir_buf_create(run->pool, 0);
    if (!options->app || !options->base)
        return fhirctl_auth_wrong(run, "--app and --base are needed");
    PGresult *r;
    FHIR_TRY(fhirctl_auth_run(&r, NULL, run, "SELECT launch_uri FROM fhir_client WHERE id = $1", 1,
                              &options->app));
    if (!PQntuples(r))
        return fhirctl_auth_wrong(run, "there is no app %s", options->app);
    const char *uri = PQgetisnull(r, 0, 0) ? NULL : PQgetvalue(r, 0, 0);
    FHIR_TRY(check_exists(run, "patient", options->patient));
    FHIR_TRY(check_exists(run, "encounter", options->encounter));
    const char *word;
    FHIR_TRY(fhir_random_word(&word, 32, run->pool));
    const char *values[6];
    values[0] = fhir_secret_bytea_of(word, run->pool);
    values[1] = options->app;
    values[2] = options->user;
    values[3] = options->patient;
    values[4] = options->encounter;
    values[5] = context(options, run->pool);
    FHIR_TRY(fhirctl_auth_run(
        &r, NULL, run,
        "INSERT INTO fhir_launch (digest, client, user_id, patient, encounter, context, expires) "
        "SELECT $1::bytea, $2, u.id, $4, $5, $6, now() + interval '1 hour' FROM (SELECT $3::text "
        "AS name) n LEFT JOIN fhir_user u ON u.name = n.name WHERE n.name IS NULL OR u.id IS NOT "
        "NULL RETURNING 1",
        6, values));
    if (!PQntuples(r))
        return fhirctl_auth_wrong(run, "there is no user %s", options->user);
    if (uri) {
        fhir_buf_printf(buf, "%s%ciss=", uri, strchr(uri, '?') ? '&' : '?');
        encode(buf, options->base);
        fhir_buf_puts(buf, "&launch=");
    }
    fhir_buf_puts(buf, word);
    printf("%s\n", fhir_buf_cstr(buf));
    return NULL;
}

static const fhirctl_action_t actions[] = {{"make", 0, make}, {NULL, 0, NULL}};

int fhirctl_launch_main(const fhirctl_command_t *self, int argc, const char *const *argv,
                        apr_pool_t *pool)
{
    options_t options = {.app = NULL};
    const char **with = apr_pcalloc(pool, ((apr_size_t)argc + 2) * sizeof(*with));
    memcpy(with, argv, (apr_size_t)argc * sizeof(*with));
    with[argc] = "make"; /* the command has only one action */
    return fhirctl_actions(self, argc + 1, with, actions, option, &options, pool);
}
