/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fhirctl assertion: a signed client_assertion, for requesting a token by hand. The key id is the
 * thumbprint, as fhirctl app add --key registers it.
 */
#include <apr_strings.h>
#include <apr_time.h>
#include <stdio.h>
#include <string.h>

#include "auth/fhir_jose.h"
#include "core/fhir_random.h"
#include "fhirctl/fhirctl_auth.h"

enum { OPT_APP = FHIRCTL_OPT(0), OPT_KEY, OPT_AUD };

typedef struct options_t {
    const char *app, *key, *aud;
} options_t;

const apr_getopt_option_t fhirctl_assertion_options[] = {
    {"app", OPT_APP, 1, "ID\tclient_id of the application"},
    {"key", OPT_KEY, 1, "FILE\tits private key (PEM)"},
    {"aud", OPT_AUD, 1, "URL\tthe token endpoint"},
    {0},
};

static const char *option(void *baton, int opt, const char *value)
{
    options_t *options = baton;
    const char **const texts[] = {&options->app, &options->key, &options->aud};
    *texts[opt - OPT_APP] = value;
    return NULL;
}

static const char *claims(const options_t *options, const char *jti, apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    fhir_buf_puts(buf, "{\"iss\":");
    fhir_buf_json_string(buf, options->app, strlen(options->app));
    fhir_buf_puts(buf, ",\"sub\":");
    fhir_buf_json_string(buf, options->app, strlen(options->app));
    fhir_buf_puts(buf, ",\"aud\":");
    fhir_buf_json_string(buf, options->aud, strlen(options->aud));
    fhir_buf_printf(buf, ",\"exp\":%" APR_INT64_T_FMT ",\"jti\":\"%s\"}",
                    apr_time_sec(apr_time_now()) + 240, jti);
    return fhir_buf_cstr(buf);
}

static fhir_err_t *make(const char **out, fhirctl_run_t *run)
{
    const options_t *options = run->options;
    const char *pem;
    FHIR_TRY(fhirctl_auth_file(&pem, run, options->key));
    EVP_PKEY *key;
    FHIR_TRY(fhir_jwk_read_pem(&key, pem, run->pool));
    const char *kid;
    FHIR_TRY(fhir_jwk_thumbprint(&kid, key, run->pool));
    const char *jti;
    FHIR_TRY(fhir_random_word(&jti, 16, run->pool));
    return fhir_jwt_sign(out, claims(options, jti, run->pool),
                         EVP_PKEY_is_a(key, "RSA")       ? "RS384"
                         : EVP_PKEY_get_bits(key) == 256 ? "ES256"
                                                         : "ES384",
                         kid, key, run->pool);
}

int fhirctl_assertion_main(const fhirctl_command_t *self, int argc, const char *const *argv,
                           apr_pool_t *pool)
{
    options_t options = {NULL, NULL, NULL};
    fhirctl_run_t run = {.command = self, .options = &options, .pool = pool};
    const char *const *rest;
    int n_rest, status = fhirctl_options(&n_rest, &rest, self, argc, argv, option, &options, pool);
    if (status >= 0)
        return status;
    if (n_rest || !options.app || !options.key || !options.aud)
        return fhirctl_fail(self, FHIRCTL_USAGE, "--app, --key and --aud are needed, and no more");
    const char *out;
    fhir_err_t *err = make(&out, &run);
    if (err)
        return fhirctl_fail_err(self, FHIRCTL_USAGE, err);
    printf("%s\n", out);
    return FHIRCTL_OK;
}
