/* SPDX-License-Identifier: Apache-2.0 */
/* fhirctl user: people who sign in. */
#include <apr_lib.h>
#include <apr_strings.h>
#include <stdio.h>
#include <string.h>

#include "auth/fhir_auth_private.h"
#include "auth/fhir_password.h"
#include "core/fhir_base64.h"
#include "core/fhir_random.h"
#include "core/fhir_text.h"
#include "fhirctl/fhirctl_auth.h"

enum {
    OPT_KIND = FHIRCTL_OPT(FHIRCTL_DB_OPT_FIRST_OWN),
    OPT_DISPLAY,
    OPT_RESOURCE,
    OPT_PASSWORD_FILE,
    OPT_TEMPORARY,
    OPT_EXTERNAL,
    OPT_EXPIRES
};

typedef struct options_t {
    const char *kind, *display, *resource, *password_file, *expires;
    int temporary, external;
} options_t;

const apr_getopt_option_t fhirctl_user_options[] = {
    FHIRCTL_DB_OPTIONS,
    {"kind", OPT_KIND, 1, "KIND\tstaff, patient, admin or developer"},
    {"display", OPT_DISPLAY, 1, "NAME\tname shown on pages"},
    {"resource", OPT_RESOURCE, 1, "TYPE/ID\tits Practitioner, Patient, RelatedPerson or Person"},
    {"password-file", OPT_PASSWORD_FILE, 1,
     "FILE\tfile whose first line is the password; - is standard input (generated and printed)"},
    {"temporary", OPT_TEMPORARY, 0, "the password has to be changed at the first sign-in"},
    {"external", OPT_EXTERNAL, 0, "the password is with another provider (LDAP, a file)"},
    {"expires", OPT_EXPIRES, 1, "DATE\tlast day of the account: 2027-01-31"},
    {0},
};

static const char *option(void *baton, int opt, const char *value)
{
    options_t *options = baton;
    const char **const texts[] = {&options->kind, &options->display, &options->resource,
                                  &options->password_file};
    if (opt == OPT_TEMPORARY)
        options->temporary = 1;
    else if (opt == OPT_EXTERNAL)
        options->external = 1;
    else if (opt == OPT_EXPIRES)
        options->expires = value;
    else
        *texts[opt - OPT_KIND] = value;
    return NULL;
}

/* ---- checks ---- */

static const char *lower(const char *name, apr_pool_t *pool)
{
    char *out = apr_pstrdup(pool, name);
    for (char *s = out; *s; s++)
        *s = (char)apr_tolower(*s);
    return out;
}

static fhir_err_t *check_kind(fhirctl_run_t *run, const options_t *options)
{
    static const char *const kinds[] = {"staff", "patient", "admin", "developer"};
    for (apr_size_t i = 0; options->kind && i < sizeof(kinds) / sizeof(*kinds); i++)
        if (!strcmp(kinds[i], options->kind))
            return NULL;
    return fhirctl_auth_wrong(run, "--kind is staff, patient, admin or developer");
}

static fhir_err_t *check_resource(fhirctl_run_t *run, const char *resource)
{
    static const char *const types[] = {"Practitioner", "Patient", "RelatedPerson", "Person"};
    const char *slash = resource ? strchr(resource, '/') : NULL;
    if (!resource)
        return NULL;
    PGresult *r;
    for (apr_size_t i = 0; slash && i < sizeof(types) / sizeof(*types); i++) {
        if (strncmp(types[i], resource, (apr_size_t)(slash - resource)) != 0 ||
            types[i][slash - resource])
            continue;
        const char *id = slash + 1;
        FHIR_TRY(fhirctl_auth_run(
            &r, NULL, run,
            apr_psprintf(run->pool, "SELECT 1 FROM %s WHERE id = $1", lower(types[i], run->pool)),
            1, &id));
        return PQntuples(r) ? NULL : fhirctl_auth_wrong(run, "there is no %s here", resource);
    }
    return fhirctl_auth_wrong(run, "--resource is Practitioner/ID, Patient/ID, RelatedPerson/ID or "
                                   "Person/ID");
}

/* hash is NULL for external users. A generated password is printed. */
static fhir_err_t *make_password(const char **hash, fhirctl_run_t *run)
{
    const options_t *options = run->options;
    const char *password = NULL;
    *hash = NULL;
    if (options->external)
        return NULL;
    if (options->password_file) {
        FHIR_TRY(fhirctl_auth_file(&password, run, options->password_file));
        password = apr_pstrmemdup(run->pool, password, strcspn(password, "\r\n"));
        const char *fault = fhir_password_fault(password, run->name);
        if (fault)
            return fhirctl_auth_wrong(run,
                                      "the password cannot be taken (%s): 12 to 72 letters, "
                                      "not the user name",
                                      fault);
    }
    else {
        unsigned char bytes[15];
        FHIR_TRY(fhir_random_bytes(bytes, sizeof(bytes), run->pool));
        password = fhir_base64_encode(bytes, sizeof(bytes), FHIR_BASE64_TOKEN, run->pool);
        printf("%s\n", password);
    }
    return fhir_password_hash(hash, password, run->pool);
}

static fhir_err_t *must_exist(fhirctl_run_t *run, int n)
{
    return n ? NULL : fhirctl_auth_wrong(run, "there is no user %s", run->name);
}

/* ---- actions ---- */

static fhir_err_t *add(fhirctl_run_t *run)
{
    const options_t *options = run->options;
    run->name = lower(run->name, run->pool);
    FHIR_TRY(check_kind(run, options));
    FHIR_TRY(check_resource(run, options->resource));
    unsigned char bytes[12];
    FHIR_TRY(fhir_random_bytes(bytes, sizeof(bytes), run->pool));
    const char *values[8];
    values[0] = fhir_base64_encode(bytes, sizeof(bytes), FHIR_BASE64_TOKEN, run->pool);
    values[1] = run->name;
    values[2] = options->display ? options->display : run->name;
    values[3] = options->kind;
    FHIR_TRY(make_password(&values[4], run));
    values[5] = options->temporary ? "t" : "f";
    values[6] = options->resource;
    values[7] = options->expires;
    return fhirctl_auth_run(
        NULL, NULL, run,
        "INSERT INTO fhir_user (id, name, display, kind, password, must_change, "
        "fhir_user, expires) VALUES ($1, $2, $3, $4, $5, $6::boolean, $7, "
        "$8::timestamptz)",
        8, values);
}

static fhir_err_t *set(fhirctl_run_t *run)
{
    const options_t *options = run->options;
    const char *values[] = {lower(run->name, run->pool), options->display, options->kind,
                            options->resource, options->expires};
    if (options->kind)
        FHIR_TRY(check_kind(run, options));
    FHIR_TRY(check_resource(run, options->resource));
    int n;
    FHIR_TRY(fhirctl_auth_run(NULL, &n, run,
                              "UPDATE fhir_user SET display = coalesce($2, display), kind = "
                              "coalesce($3, kind), fhir_user = coalesce($4, fhir_user), expires = "
                              "coalesce($5::timestamptz, expires) WHERE name = $1",
                              5, values));
    return must_exist(run, n);
}

static fhir_err_t *password(fhirctl_run_t *run)
{
    const options_t *options = run->options;
    const char *values[3];
    values[0] = lower(run->name, run->pool);
    FHIR_TRY(make_password(&values[1], run));
    values[2] = options->temporary ? "t" : "f";
    int n;
    FHIR_TRY(fhirctl_auth_run(NULL, &n, run,
                              "UPDATE fhir_user SET password = $2, must_change = $3::boolean WHERE "
                              "name = $1",
                              3, values));
    FHIR_TRY(must_exist(run, n));
    /* sessions of the old password end, and an account that was locked is unlocked */
    FHIR_TRY(
        fhirctl_auth_run(NULL, NULL, run,
                         "UPDATE fhir_session SET ended = now() WHERE ended IS NULL AND user_id "
                         "IN (SELECT id FROM fhir_user WHERE name = $1)",
                         1, values));
    return fhirctl_auth_run(NULL, NULL, run, "DELETE FROM fhir_attempt WHERE key = 'u:' || $1", 1,
                            values);
}

static fhir_err_t *change(fhirctl_run_t *run, const char *sql)
{
    const char *name = lower(run->name, run->pool);
    int n;
    FHIR_TRY(fhirctl_auth_run(NULL, &n, run, sql, 1, &name));
    return must_exist(run, n);
}

static fhir_err_t *disable(fhirctl_run_t *run)
{
    return change(run, "UPDATE fhir_user SET disabled = now() WHERE name = $1");
}

static fhir_err_t *enable(fhirctl_run_t *run)
{
    return change(run, "UPDATE fhir_user SET disabled = NULL WHERE name = $1");
}

static fhir_err_t *remove_user(fhirctl_run_t *run)
{
    return change(run, "DELETE FROM fhir_user WHERE name = $1");
}

static fhir_err_t *totp(fhirctl_run_t *run)
{
    fhir_digest_t bytes;
    FHIR_TRY(fhir_random_bytes(bytes.byte, 20, run->pool));
    const char *values[2];
    values[0] = lower(run->name, run->pool);
    values[1] = apr_pstrmemdup(run->pool, fhir_secret_bytea(&bytes, run->pool), 2 + 2 * 20);
    const char *text = fhir_totp_text(bytes.byte, 20, run->pool);
    int n;
    FHIR_TRY(fhirctl_auth_run(NULL, &n, run,
                              "UPDATE fhir_user SET totp = $2::bytea, totp_last = 0 WHERE name = "
                              "$1",
                              2, values));
    FHIR_TRY(must_exist(run, n));
    printf("otpauth://totp/%s?secret=%s&issuer=mod_fhir\n", values[0], text);
    return NULL;
}

static fhir_err_t *no_totp(fhirctl_run_t *run)
{
    return change(run, "UPDATE fhir_user SET totp = NULL WHERE name = $1");
}

static fhir_err_t *list(fhirctl_run_t *run)
{
    return fhirctl_auth_print(
        run,
        "SELECT name, display, kind, coalesce(fhir_user, '-'), concat_ws(',', CASE WHEN disabled "
        "IS "
        "NOT NULL THEN 'disabled' END, CASE WHEN expires <= now() THEN 'expired' END, CASE WHEN "
        "password IS NULL THEN 'external' END, CASE WHEN totp IS NOT NULL THEN 'totp' END, CASE "
        "WHEN must_change THEN 'temporary' END) FROM fhir_user ORDER BY name",
        0, NULL);
}

static const fhirctl_action_t actions[] = {{"add", 1, add},           {"set", 1, set},
                                           {"password", 1, password}, {"disable", 1, disable},
                                           {"enable", 1, enable},     {"remove", 1, remove_user},
                                           {"totp", 1, totp},         {"no-totp", 1, no_totp},
                                           {"list", 0, list},         {NULL, 0, NULL}};

int fhirctl_user_main(const fhirctl_command_t *self, int argc, const char *const *argv,
                      apr_pool_t *pool)
{
    options_t options = {.kind = NULL};
    return fhirctl_actions(self, argc, argv, actions, option, &options, pool);
}
