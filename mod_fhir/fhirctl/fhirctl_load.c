/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fhirctl load: options, threads, the end. The parts are in load/, and load.h gives the overview.
 */
#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/fhir_hash.h"
#include "fhir/validate/fhir_validate.h"
#include "fhirctl/fhirctl_index_set.h"
#include "fhirctl/load/load.h"

#define JOBS_MAX     64
#define OPT_JOBS     'j'
#define OPT_QUIET    'q'
#define OPT_REJECTS  FHIRCTL_OPT(FHIRCTL_DB_OPT_FIRST_OWN)
#define OPT_VALIDATE FHIRCTL_OPT(FHIRCTL_DB_OPT_FIRST_OWN + 1)
#define OPT_ZONE     FHIRCTL_OPT(FHIRCTL_DB_OPT_FIRST_OWN + 2)
#define REJECTS_FILE "fhirctl-rejects.ndjson"

typedef struct options_t {
    load_t *load;
    const char *rejects;
    int validate;
    fhir_validate_level_t level;
} options_t;

const apr_getopt_option_t fhirctl_load_options[] = {
    FHIRCTL_DB_OPTIONS,
    {"jobs", OPT_JOBS, 1, "N\tnumber of connections that write (one per core)"},
    {"rejects", OPT_REJECTS, 1, "FILE\toutput file of rejected resources (" REJECTS_FILE ")"},
    {"validate", OPT_VALIDATE, 1,
     "LEVEL\treject resources with errors: structure, base or profile (only what storing needs is "
     "checked)"},
    {"time-zone", OPT_ZONE, 1, "ZONE\ttime zone of dates without one, as FHIRTimeZone (UTC)"},
    {"quiet", OPT_QUIET, 0, "no progress"},
    {0},
};

static const char *option(void *baton, int opt, const char *value)
{
    options_t *o = baton;
    fhir_err_t *err;
    char *end;
    long n;

    switch (opt) {
    case OPT_JOBS:
        n = strtol(value, &end, 10);
        if (*end || n < 1 || n > JOBS_MAX)
            return apr_psprintf(o->load->pool, "a number from 1 to %d", JOBS_MAX);
        o->load->jobs = (int)n;
        return NULL;
    case OPT_REJECTS:
        o->rejects = value;
        return NULL;
    case OPT_VALIDATE:
        o->validate = fhir_validate_level(&o->level, value);
        return o->validate ? NULL : "structure, base or profile";
    case OPT_ZONE:
        err = fhir_zone_load(&o->load->zone, value, o->load->pool);
        return err ? "a name of the time zone database, Europe/Vienna" : NULL;
    case OPT_QUIET:
        o->load->quiet = 1;
        return NULL;
    default:
        return fhirctl_db_option(&o->load->db, opt, value);
    }
}

static const fhir_err_t *copy_err(const fhir_err_t *err, apr_pool_t *pool)
{
    fhir_err_t *copy = apr_pmemdup(pool, err, sizeof(*err));

    copy->message = apr_pstrdup(pool, err->message);
    copy->detail = err->detail ? apr_pstrdup(pool, err->detail) : NULL;
    copy->expression = NULL;
    copy->cause = copy->next = NULL;
    return copy;
}

void load_fail(load_t *load, const fhir_err_t *err)
{
    apr_thread_mutex_lock(load->lock);
    if (!load->failure)
        load->failure = copy_err(err, load->pool);
    apr_thread_mutex_unlock(load->lock);
    atomic_store(&load->failed, 1);
}

/* Finds the types that have no rows and never had any: there, nothing has to be compared. */
static fhir_err_t *find_fresh(load_t *load, PGconn *conn)
{
    const fhir_model_t *m = load->model;
    apr_hash_t *empty = fhir_hash_make(load->pool);

    load->fresh = apr_pcalloc(load->pool, m->n_resources + 1u);
    load->deferred = apr_pcalloc(load->pool, m->n_resources + 1u);
    PGresult *r;
    FHIR_TRY(fhirctl_db_run(&r, conn, load->pool,
                            "SELECT t.relname FROM pg_class t JOIN pg_class h ON h.relname = "
                            "t.relname || '_history' AND h.relnamespace = t.relnamespace WHERE "
                            "t.relnamespace = current_schema()::regnamespace AND "
                            "pg_relation_size(t.oid) + pg_relation_size(h.oid) = 0",
                            0, NULL));
    for (int i = 0; i < PQntuples(r); i++)
        apr_hash_set(empty, PQgetvalue(r, i, 0), APR_HASH_KEY_STRING, load);
    load->defer = PQntuples(r) > 0;
    char table[64];
    for (const fhir_type_t *type = m->types + 1; type <= m->types + m->n_resources; type++)
        if (apr_hash_get(empty, fhir_model_table(table, m, type), APR_HASH_KEY_STRING))
            atomic_store(&load->fresh[fhir_model_type_index(m, type)], 1);
        else
            load->defer = 0;
    return NULL;
}

/* Tables that were empty have no statistics, and new GIN entries are in a list that every search
 * reads. Autovacuum corrects both a minute later. Until then, the sizes and the columns that order
 * pages are enough for good plans, at a tenth of the work. */
static fhir_err_t *tidy(load_t *load, PGconn *conn)
{
    PGresult *r;

    FHIR_TRY(fhirctl_db_run(
        &r, conn, load->pool,
        "SELECT format('ANALYZE %s (%s)', c.oid::regclass, string_agg(attname, ', ')) "
        "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND "
        "c.reltuples < 0 AND pg_relation_size(c.oid) > 0 AND "
        "a.attname IN ('id', 'last_updated', 'patient', 'patient_date') GROUP BY c.oid "
        "UNION ALL SELECT format('SELECT gin_clean_pending_list(%s)', c.oid) "
        "FROM pg_class c JOIN pg_am a ON a.oid = c.relam "
        "WHERE c.relnamespace = current_schema()::regnamespace AND a.amname = 'gin' AND "
        "pg_relation_size(c.oid) > 16384 AND pg_has_role(c.relowner, 'USAGE')",
        0, NULL));
    for (int i = 0; i < PQntuples(r); i++)
        FHIR_TRY(fhirctl_db_run(NULL, conn, load->pool, PQgetvalue(r, i, 0), 0, NULL));
    return NULL;
}

static fhir_err_t *read_all(load_t *load, load_source_t *source, load_reader_t *reader)
{
    apr_pool_t *pool;

    apr_pool_create(&pool, load->pool);
    load_document_t document;
    while (!atomic_load(&load->failed)) {
        apr_pool_clear(pool);
        fhir_err_t *err = load_source_next(&document, source, pool);
        if (err)
            load_reject(load, &document.place, err, "", 0);
        else if (!document.text)
            break;
        else
            FHIR_TRY(load_reader_document(reader, &document));
        atomic_store_explicit(&load->bytes_done, load_source_position(source),
                              memory_order_relaxed);
    }
    return load_reader_finish(reader);
}

/* Runs the threads. */
static fhir_err_t *run_load(load_t *load, load_source_t *source, PGconn *conn)
{
    load_worker_t **workers = apr_pcalloc(load->pool, (apr_size_t)load->jobs * sizeof(*workers));

    FHIR_TRY(load_queue_create(load));
    FHIR_TRY(load_spool_create(&load->spool, load->pool));
    load_reader_t *reader;
    FHIR_TRY(load_reader_create(&reader, load, conn, load->pool));
    fhir_err_t *err;
    int started;
    for (started = 0, err = NULL; started < load->jobs && !err; started += !err)
        err = load_worker_start(&workers[started], load, started);
    if (err) {
        load_fail(load, err);
        load->jobs = started;
    }
    apr_pool_t *progress_pool;
    apr_pool_create(&progress_pool, load->pool);
    if (!load->quiet)
        load_progress_start(load, progress_pool);
    err = read_all(load, source, reader);
    if (err)
        load_fail(load, err);
    load_queue_end(load);
    for (int i = 0; i < started; i++)
        load_worker_join(workers[i]);
    apr_pool_destroy(progress_pool);
    err = fhirctl_index_make_due(NULL, &load->db, conn, load->jobs, load->pool);
    if (!err && !load->failure)
        err = tidy(load, conn);
    if (err)
        load_fail(load, err);
    return (fhir_err_t *)load->failure;
}

static void print_summary(const load_t *load)
{
    apr_pool_t *p = load->pool;
    unsigned long n_new = atomic_load(&load->n_new), n_changed = atomic_load(&load->n_changed);
    unsigned long n_same = atomic_load(&load->n_same), n_rejected = atomic_load(&load->n_rejected);
    unsigned long n = n_new + n_changed + n_same;
    double seconds = (double)(apr_time_now() - load->started) / APR_USEC_PER_SEC;

    printf("%s resources in %.1f s (%s/s): %s new, %s changed, %s unchanged; %s rejected\n",
           load_progress_number(p, n), seconds,
           load_progress_number(p, (apr_uint64_t)((double)n / (seconds > 0 ? seconds : 1))),
           load_progress_number(p, n_new), load_progress_number(p, n_changed),
           load_progress_number(p, n_same), load_progress_number(p, n_rejected));
    unsigned long n_unshown = atomic_load(&load->n_unshown);
    if (n_unshown)
        printf("%s have an id of more than 61 characters: a DSTU2 endpoint cannot show them as "
               "CarePlan or MedicationStatement\n",
               load_progress_number(p, n_unshown));
}

int fhirctl_load_main(const fhirctl_command_t *self, int argc, const char *const *argv,
                      apr_pool_t *pool)
{
    load_t load = {.command = self,
                   .db = FHIRCTL_DB_DEFAULTS,
                   .model = &fhir_model_r4,
                   .jobs = (int)sysconf(_SC_NPROCESSORS_ONLN),
                   .pool = pool};
    options_t options = {.load = &load, .rejects = REJECTS_FILE};
    const char *const *paths;
    int n_paths,
        status = fhirctl_options(&n_paths, &paths, self, argc, argv, option, &options, pool);

    if (status >= 0)
        return status;
    if (!n_paths)
        return fhirctl_fail(self, FHIRCTL_USAGE,
                            "no PATH: name files or folders, or - for standard "
                            "input");
    fhir_err_t *err;
    if (options.validate) {
        fhir_validator_t *validator;
        err = fhir_validator_create(&validator, load.model, pool);
        if (err)
            return fhirctl_fail_err(self, FHIRCTL_USAGE, err);
        load.validator = validator;
        load.validate = options.level;
    }
    load.started = apr_time_now();
    apr_thread_mutex_create(&load.lock, APR_THREAD_MUTEX_DEFAULT, pool);
    load_source_t *source;
    apr_uint64_t bytes;
    err = load_source_open(&source, &load.files, &bytes, paths, n_paths, pool);
    if (err)
        return fhirctl_fail_err(self, FHIRCTL_IO, err);
    atomic_store(&load.bytes_total, bytes);
    load.rejects = load_rejects_create(&load, options.rejects, pool);
    PGconn *conn;
    err = fhirctl_db_connect(&conn, &load.db, pool);
    if (!err)
        err = fhirctl_db_check(conn, &load.db, pool);
    if (!err)
        err = find_fresh(&load, conn);
    if (!err)
        err = run_load(&load, source, conn);
    print_summary(&load);
    if (err)
        status = fhirctl_fail_err(self, FHIRCTL_DATABASE, err);
    const char *rejects = load_rejects_close(load.rejects, &err, pool);
    if (err)
        return fhirctl_fail_err(self, FHIRCTL_IO, err);
    if (rejects)
        fhirctl_fail(self, FHIRCTL_REJECTED, "the rejected resources, with reasons, are in %s",
                     rejects);
    return status >= 0 ? status : rejects ? FHIRCTL_REJECTED : FHIRCTL_OK;
}
