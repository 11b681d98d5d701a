/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fhirctl key: the keys that sign id_tokens, and the key that seals page links. A new signing key
 * is published at once and signs from a later time, so that everybody who caches the key set has it
 * by then. A retired one stays published for a day.
 */
#include <apr_strings.h>
#include <stdio.h>

#include "auth/fhir_jose.h"
#include "core/fhir_digest.h"
#include "core/fhir_hex.h"
#include "core/fhir_random.h"
#include "fhirctl/fhirctl_auth.h"
#include "store/fhir_schema.h"

enum { OPT_ALG = FHIRCTL_OPT(FHIRCTL_DB_OPT_FIRST_OWN), OPT_IN };

typedef struct options_t {
    const char *alg;
    int in_sec;
} options_t;

const apr_getopt_option_t fhirctl_key_options[] = {
    FHIRCTL_DB_OPTIONS,
    {"alg", OPT_ALG, 1, "NAME\tRS256 (which every client takes) or ES384"},
    {"in", OPT_IN, 1, "TIME\tsign with it in so long: 10m, 12h, 1d; the default is at once"},
    {0},
};

static const char *option(void *baton, int opt, const char *value)
{
    options_t *options = baton;
    if (opt == OPT_IN)
        return (options->in_sec = fhirctl_auth_seconds(value)) ? NULL : "a time such as 600, 10m";
    options->alg = value;
    return fhir_jose_alg_is_known(value) ? NULL : "RS256, RS384, ES256 or ES384";
}

static fhir_err_t *make_key(PGconn *conn, const char *alg, int in_sec, const char **kid,
                            apr_pool_t *pool)
{
    const char *values[5];
    values[1] = alg;
    values[4] = apr_itoa(pool, in_sec);
    EVP_PKEY *key;
    FHIR_TRY(fhir_jwk_generate(&key, alg, pool));
    FHIR_TRY(fhir_jwk_thumbprint(&values[0], key, pool));
    FHIR_TRY(fhir_jwk_write_pem(&values[2], key, pool));
    FHIR_TRY(fhir_jwk_print(&values[3], key, values[0], alg, pool));
    *kid = values[0];
    return fhirctl_db_run(NULL, conn, pool,
                          "INSERT INTO fhir_signing_key (kid, alg, private, jwk, active) VALUES "
                          "($1, $2, $3, $4, now() + make_interval(secs => $5::int))",
                          5, values);
}

fhir_err_t *fhirctl_key_first(PGconn *conn, apr_pool_t *pool)
{
    PGresult *r;
    FHIR_TRY(fhirctl_db_run(&r, conn, pool, "SELECT 1 FROM fhir_signing_key LIMIT 1", 0, NULL));
    const char *kid;
    return PQntuples(r) ? NULL : make_key(conn, "RS256", 0, &kid, pool);
}

/* The key of page links. Each server reads it every two seconds: all of them can open links of the
 * new key before the first one uses it, and links of the old key stay valid. */
enum { SERVERS_KNOW_SEC = 5 };

static fhir_err_t *page_links(fhirctl_run_t *run)
{
    unsigned char bytes[FHIR_SCHEMA_KEY];
    char *hex = apr_palloc(run->pool, 2 * sizeof(bytes) + 1);
    const char *values[1] = {hex};
    FHIR_TRY(fhir_random_bytes(bytes, sizeof(bytes), run->pool));
    fhir_hex_encode(hex, bytes, sizeof(bytes));
    FHIR_TRY(fhirctl_auth_run(NULL, NULL, run,
                              "INSERT INTO fhir_key (name, key) VALUES ('cursor-next', "
                              "decode($1, 'hex')) ON CONFLICT (name) DO UPDATE SET key = "
                              "excluded.key",
                              1, values));
    fhir_digest_wipe(bytes, sizeof(bytes));
    fhir_digest_wipe(hex, 2 * sizeof(bytes));
    FHIR_TRY(
        fhirctl_auth_run(NULL, NULL, run, "COMMIT", 0, NULL)); /* until all servers have seen it */
    apr_sleep(apr_time_from_sec(SERVERS_KNOW_SEC));
    FHIR_TRY(fhirctl_auth_run(NULL, NULL, run, "BEGIN", 0, NULL));
    int n;
    FHIR_TRY(fhirctl_auth_run(
        NULL, &n, run,
        "WITH now AS (SELECT key FROM fhir_key WHERE name = 'cursor'), next AS (DELETE FROM "
        "fhir_key WHERE name = 'cursor-next' RETURNING key), put AS (UPDATE fhir_key SET key = "
        "next.key, created = now() FROM next WHERE name = 'cursor') INSERT INTO fhir_key (name, "
        "key) SELECT "
        "'cursor-before', now.key FROM now, next ON CONFLICT (name) DO UPDATE SET key = "
        "excluded.key",
        0, NULL));
    if (!n)
        return fhirctl_auth_wrong(run, "somebody else replaces the key of page links now");
    printf("page links are sealed with a new key; those of the key before are still valid\n");
    return NULL;
}

/* The previous key of the same kind retires when the new one begins to sign. */
static fhir_err_t *add(fhirctl_run_t *run)
{
    const options_t *options = run->options;
    const char *kid;
    FHIR_TRY(make_key(run->conn, options->alg, options->in_sec, &kid, run->pool));
    const char *values[3];
    values[0] = kid;
    values[1] = options->alg;
    values[2] = apr_itoa(run->pool, options->in_sec);
    FHIR_TRY(fhirctl_auth_run(NULL, NULL, run,
                              "UPDATE fhir_signing_key SET retired = now() + make_interval(secs => "
                              "$3::int) WHERE alg = $2 AND kid <> $1 AND retired IS NULL",
                              3, values));
    printf("%s\n", kid);
    return NULL;
}

static fhir_err_t *list(fhirctl_run_t *run)
{
    return fhirctl_auth_print(
        run,
        "SELECT kid, alg, CASE WHEN active > now() THEN 'signs from ' || active::timestamp(0) WHEN "
        "retired <= now() THEN 'retired ' || retired::timestamp(0) WHEN retired IS NOT NULL THEN "
        "'signs until ' || retired::timestamp(0) ELSE 'signs' END FROM fhir_signing_key ORDER BY "
        "created",
        0, NULL);
}

static fhir_err_t *remove_key(fhirctl_run_t *run)
{
    int n;
    FHIR_TRY(fhirctl_auth_run(NULL, &n, run, "DELETE FROM fhir_signing_key WHERE kid = $1", 1,
                              &run->name));
    return n ? NULL : fhirctl_auth_wrong(run, "there is no key %s", run->name);
}

static const fhirctl_action_t actions[] = {{"add", 0, add},
                                           {"list", 0, list},
                                           {"remove", 1, remove_key},
                                           {"page-links", 0, page_links},
                                           {NULL, 0, NULL}};

int fhirctl_key_main(const fhirctl_command_t *self, int argc, const char *const *argv,
                     apr_pool_t *pool)
{
    options_t options = {"RS256", 0};
    return fhirctl_actions(self, argc, argv, actions, option, &options, pool);
}
