/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fhirctl init: makes a tenant's schema. It runs the files of sql/ that have not run yet, so
 * running it again changes nothing.
 */
#include <apr_general.h>
#include <apr_strings.h>
#include <stdio.h>
#include <string.h>

#include "core/fhir_hex.h"
#include "core/fhir_random.h"
#include "core/fhir_seal.h"
#include "fhirctl/fhirctl_auth.h"
#include "fhirctl/fhirctl_entries.h"
#include "fhirctl/fhirctl_index_set.h"
#include "fhirctl/fhirctl_mentions.h"
#include "store/fhir_schema.h"

#define SERVER_MIN  140000 /* lz4 compression of columns */
#define OPT_ROLE    FHIRCTL_OPT(FHIRCTL_DB_OPT_FIRST_OWN)
#define OPT_BASE    FHIRCTL_OPT(FHIRCTL_DB_OPT_FIRST_OWN + 1)
#define OPT_INDEXES FHIRCTL_OPT(FHIRCTL_DB_OPT_FIRST_OWN + 2)

typedef struct init_t {
    fhirctl_db_t db;
    const char *role;     /* or NULL */
    const char *base_url; /* or NULL */
    const char *indexes;  /* the set of indexes that was requested, or NULL */
    PGconn *conn;
    apr_pool_t *pool;
} init_t;

const apr_getopt_option_t fhirctl_init_options[] = {
    FHIRCTL_DB_OPTIONS,
    {"role", OPT_ROLE, 1,
     "NAME\tgrant this role the privileges that the server needs, and no others"},
    {"base", OPT_BASE, 1,
     "URL\tthe endpoint's FHIRBaseURL: stored references below it are to this server"},
    {"indexes", OPT_INDEXES, 1,
     "SET\tindexes: practice, also for searches across all patients, or patient, only for searches "
     "about one patient (practice; later the set that was chosen)"},
    {0},
};

static const char *option(void *baton, int opt, const char *value)
{
    init_t *init = baton;

    if (opt == OPT_INDEXES) {
        init->indexes = value;
        return fhirctl_index_set_check(value);
    }
    if (opt == OPT_ROLE)
        init->role = value;
    else if (opt == OPT_BASE)
        init->base_url = value;
    else
        return fhirctl_db_option(&init->db, opt, value);
    return NULL;
}

static fhir_err_t *create_extension(const init_t *init, const char *name)
{
    PGresult *r;

    FHIR_TRY(fhirctl_db_run(&r, init->conn, init->pool,
                            "SELECT 1 FROM pg_extension WHERE extname = $1", 1, &name));
    if (PQntuples(r))
        return NULL;
    fhir_err_t *err = fhirctl_db_run(
        NULL, init->conn, init->pool,
        apr_psprintf(init->pool, "CREATE EXTENSION IF NOT EXISTS %s SCHEMA public", name), 0, NULL);
    if (!err)
        return NULL;
    return fhir_err_detail(
        fhir_err_create(init->pool, FHIR_ERR_FORBIDDEN,
                        "extension %s cannot be created in database %s: install "
                        "postgresql-contrib if it is missing, and let a role that may do it run "
                        "CREATE EXTENSION %s SCHEMA public",
                        name, PQdb(init->conn), name),
        init->pool, "%s", err->detail ? err->detail : err->message);
}

static fhir_err_t *already_run(int *run, const init_t *init, const fhir_schema_file_t *file)
{
    const char *values[] = {file->name, file->text};

    *run = 0;
    PGresult *r;
    FHIR_TRY(fhirctl_db_run(&r, init->conn, init->pool, "SELECT to_regclass('fhir_migration')", 0,
                            NULL));
    if (PQgetisnull(r, 0, 0))
        return NULL;
    FHIR_TRY(fhirctl_db_run(&r, init->conn, init->pool,
                            "SELECT digest = sha256(convert_to($2, 'UTF8')) FROM fhir_migration "
                            "WHERE name = $1",
                            2, values));
    *run = PQntuples(r);
    if (*run && strcmp(PQgetvalue(r, 0, 0), "t"))
        return fhir_err_create(init->pool, FHIR_ERR_CONFLICT,
                               "schema \"%s\" was made by another edition of %s: it cannot be "
                               "brought up to date; load the data into a new schema (--tenant)",
                               init->db.tenant, file->name);
    return NULL;
}

/* A schema of a newer fhirctl must not be changed by this one. */
static fhir_err_t *refuse_newer(const init_t *init)
{
    PGresult *r;
    fhir_err_t *err = fhirctl_db_run(&r, init->conn, init->pool,
                                     fhir_schema_sql(init->db.tenant, init->pool), 0, NULL);
    if (err)
        return NULL; /* a new schema */
    fhir_schema_t schema;
    fhir_schema_judge(&schema, PQgetisnull(r, 0, 0) ? NULL : PQgetvalue(r, 0, 0), NULL, init->pool);
    if (schema.state != FHIR_SCHEMA_NEWER)
        return NULL;
    return fhir_err_create(init->pool, FHIR_ERR_CONFLICT, "schema \"%s\": %s", init->db.tenant,
                           schema.why);
}

static fhir_err_t *run_file(const init_t *init, const fhir_schema_file_t *file)
{
    const char *values[] = {file->name, file->text};
    int run;

    FHIR_TRY(already_run(&run, init, file));
    if (run)
        return NULL;
    FHIR_TRY(fhirctl_db_run(NULL, init->conn, init->pool, "BEGIN", 0, NULL));
    fhir_err_t *err = fhirctl_db_run(NULL, init->conn, init->pool, file->text, 0, NULL);
    if (!err)
        err = fhirctl_db_run(NULL, init->conn, init->pool,
                             "INSERT INTO fhir_migration (name, digest) "
                             "VALUES ($1, sha256(convert_to($2, 'UTF8')))",
                             2, values);
    if (!err)
        err = fhirctl_db_run(NULL, init->conn, init->pool, "COMMIT", 0, NULL);
    else
        fhirctl_db_run(NULL, init->conn, init->pool, "ROLLBACK", 0, NULL);
    if (!err)
        printf("%s: done\n", file->name);
    fflush(stdout);
    return err;
}

/* A key that all servers of the tenant share: for page links, or for the forms of the authorization
 * server. It is made once and stays. */
static fhir_err_t *write_key(const init_t *init, const char *name)
{
    unsigned char key[FHIR_SEAL_KEY];
    char hex[2 + 2 * FHIR_SEAL_KEY + 1] = "\\x";
    const char *values[] = {name, hex};

    FHIR_TRY(fhir_random_bytes(key, sizeof(key), init->pool));
    fhir_hex_encode(hex + 2, key, sizeof(key));
    return fhirctl_db_run(NULL, init->conn, init->pool,
                          "INSERT INTO fhir_key (name, key) VALUES ($1, $2::bytea) "
                          "ON CONFLICT (name) DO NOTHING",
                          2, values);
}

/* The rights of the server's role: to read and write resources, and to read the other tables. */
static fhir_err_t *grant_role(const init_t *init)
{
    char *role = PQescapeIdentifier(init->conn, init->role, strlen(init->role));
    const char *schema = apr_psprintf(init->pool, "\"%s\"", init->db.tenant);

    if (!role)
        return fhir_err_create(init->pool, FHIR_ERR_BAD_REQUEST, "--role %s is not a valid name",
                               init->role);
    fhir_err_t *err = fhirctl_db_run(
        NULL, init->conn, init->pool,
        apr_pstrcat(init->pool, "GRANT USAGE ON SCHEMA ", schema, " TO ", role,
                    "; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ", schema,
                    " TO ", role,
                    "; REVOKE INSERT, UPDATE, DELETE ON fhir_migration, fhir_key, "
                    "fhir_short_form, fhir_signing_key, fhir_index_set, fhir_index_due FROM ",
                    role, NULL),
        0, NULL);
    PQfreemem(role);
    return err;
}

static fhir_err_t *create_schema(init_t *init)
{
    PGresult *r;

    /* IF NOT EXISTS alone would require the right to create schemas even when the schema exists. */
    FHIR_TRY(fhirctl_db_run(&r, init->conn, init->pool, "SELECT to_regnamespace($1)", 1,
                            &init->db.tenant));
    if (!PQgetisnull(r, 0, 0))
        return NULL;
    return fhirctl_db_run(NULL, init->conn, init->pool,
                          apr_psprintf(init->pool, "CREATE SCHEMA \"%s\"", init->db.tenant), 0,
                          NULL);
}

/* Indexes that an interrupted load left to be made, then those of the set. */
static fhir_err_t *make_indexes(const init_t *init)
{
    FHIR_TRY(fhirctl_index_make_due(NULL, &init->db, init->conn, 1, init->pool));
    const char *chosen;
    FHIR_TRY(fhirctl_index_set_chosen(&chosen, init->conn, init->pool));
    return fhirctl_index_set_apply(init->conn,
                                   init->indexes ? init->indexes
                                   : chosen      ? chosen
                                                 : "practice",
                                   init->pool);
}

/* Other encodings cannot hold every text, and SQL_ASCII accepts invalid texts. */
static fhir_err_t *refuse_encoding(const init_t *init)
{
    const char *encoding = PQparameterStatus(init->conn, "server_encoding");
    if (encoding && !strcmp(encoding, "UTF8"))
        return NULL;
    return fhir_err_create(init->pool, FHIR_ERR_INTERNAL,
                           "database %s has the encoding %s: FHIR needs UTF8; make another "
                           "database with createdb --template template0 --encoding UTF8",
                           PQdb(init->conn), encoding ? encoding : "that is not told");
}

static fhir_err_t *init_schema(init_t *init)
{
    FHIR_TRY(fhirctl_db_connect(&init->conn, &init->db, init->pool));
    FHIR_TRY(refuse_encoding(init));
    if (PQserverVersion(init->conn) < SERVER_MIN)
        return fhir_err_create(init->pool, FHIR_ERR_INTERNAL,
                               "PostgreSQL %d is too old: version %d or newer is needed",
                               PQserverVersion(init->conn) / 10000, SERVER_MIN / 10000);
    FHIR_TRY(fhirctl_index_lock(init->conn, &init->db, init->pool));
    FHIR_TRY(create_extension(init, "pg_trgm"));
    FHIR_TRY(create_extension(init, "btree_gin"));
    FHIR_TRY(create_schema(init));
    FHIR_TRY(fhirctl_db_use(init->conn, &init->db, init->pool));
    FHIR_TRY(refuse_newer(init));
    for (const fhir_schema_file_t *file = fhir_schema_files; file->name; file++)
        FHIR_TRY(run_file(init, file));
    FHIR_TRY(write_key(init, "cursor"));
    FHIR_TRY(write_key(init, "auth"));
    FHIR_TRY(fhirctl_key_first(init->conn, init->pool));
    FHIR_TRY(fhirctl_mentions_fill(init->conn, &fhir_model_r4, init->base_url, init->pool));
    FHIR_TRY(fhirctl_entries_fill(init->conn, &fhir_model_r4, init->base_url, init->pool));
    if (init->role)
        FHIR_TRY(grant_role(init));
    return make_indexes(init); /* which may take long: servers serve meanwhile */
}

int fhirctl_init_main(const fhirctl_command_t *self, int argc, const char *const *argv,
                      apr_pool_t *pool)
{
    init_t init = {.db = FHIRCTL_DB_DEFAULTS, .pool = pool};
    const char *const *rest;
    int n_rest, status = fhirctl_options(&n_rest, &rest, self, argc, argv, option, &init, pool);

    if (status >= 0)
        return status;
    if (n_rest)
        return fhirctl_fail(self, FHIRCTL_USAGE, "%s: init takes no arguments", rest[0]);
    fhir_err_t *err = init_schema(&init);
    if (err)
        return fhirctl_fail_err(self, FHIRCTL_DATABASE, err);
    printf("schema \"%s\" of database %s is ready\n", init.db.tenant, PQdb(init.conn));
    return FHIRCTL_OK;
}
