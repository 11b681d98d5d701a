/* SPDX-License-Identifier: Apache-2.0 */
/* The command: options, shards, and the output, which is written whenever the buffer holds a good
 * piece of it, so that memory stays flat. */
#include "fhirctl/sample/sample.h"

#include <apr_file_io.h>
#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "fhirctl/sample/sample_schedule.h"
#include "fhirctl/sample/sample_write.h"

#define FLUSH_BYTES (512 * 1024)

enum {
    OPT_PATIENTS = 'n',
    OPT_SEED = 's',
    OPT_OUT = 'o',
    OPT_AS_OF = FHIRCTL_OPT(0),
    OPT_FORMAT,
    OPT_SHARD
};

const apr_getopt_option_t sample_options[] = {
    {"patients", OPT_PATIENTS, 1, "N\tnumber of patients (default 20)"},
    {"seed", OPT_SEED, 1,
     "S\ta different seed generates different patients, except the first ones (default 1)"},
    {"as-of", OPT_AS_OF, 1, "YYYY-MM-DD\tthe day the data ends (default today)"},
    {"format", OPT_FORMAT, 1, "FORMAT\tndjson (default) or bundle, see above"},
    {"shard", OPT_SHARD, 1, "k/n\twrite the k-th of n parts, which together are the whole"},
    {"out", OPT_OUT, 1, "FILE\toutput file; - is standard output (default)"},
    {0},
};

const char sample_help[] =
    "Format ndjson is a resource a line; bundle is a transaction Bundle a line: one for the\n"
    "practices, one for each patient. The same options give the same bytes.\n";

typedef struct options_t {
    long patients, shard, shards;
    uint64_t seed;
    int as_of, as_bundle;
    const char *out;
} options_t;

static int number(long *out, const char *s, long min, long max)
{
    char *end;
    *out = strtol(s, &end, 10);
    return *s >= '0' && *s <= '9' && *end == '\0' && *out >= min && *out <= max;
}

static int shard(options_t *o, const char *s)
{
    char *end;
    o->shard = strtol(s, &end, 10);
    return *end == '/' && number(&o->shards, end + 1, 1, 100000) && o->shard >= 1 &&
           o->shard <= o->shards;
}

static int today(void)
{
    return (int)(time(NULL) / 86400);
}

static const char *set_option(void *baton, int option, const char *value)
{
    options_t *o = baton;
    long n;
    switch (option) {
    case OPT_PATIENTS:
        return number(&o->patients, value, 1, 1000000000) ? NULL : "a number from 1 to 1000000000";
    case OPT_SEED:
        if (!number(&n, value, 0, 999999999)) {
            return "a number from 0 to 999999999";
        }
        o->seed = (uint64_t)n;
        return NULL;
    case OPT_AS_OF:
        return sample_day_parse(&o->as_of, value) ? NULL : "a day from 1900-01-01 to 2200-12-31";
    case OPT_FORMAT:
        o->as_bundle = strcmp(value, "bundle") == 0;
        return o->as_bundle || strcmp(value, "ndjson") == 0 ? NULL : "ndjson or bundle";
    case OPT_SHARD:
        return shard(o, value) ? NULL : "k/n, 1 <= k <= n <= 100000";
    default:
        o->out = value;
        return NULL;
    }
}

static apr_status_t flush(fhir_buf_t *buf, apr_file_t *file)
{
    apr_status_t rv = buf->len ? apr_file_write_full(file, buf->data, buf->len, NULL) : APR_SUCCESS;
    if (buf->overflow) {
        rv = APR_ENOMEM;
    }
    fhir_buf_clear(buf);
    return rv;
}

static void bundle_begin(sample_run_t *run, const char *id)
{
    if (run->as_bundle) {
        put_object(&run->w, NULL);
        put_word(&run->w, "resourceType", "Bundle");
        put_word(&run->w, "id", id);
        put_word(&run->w, "type", "transaction");
        put_array(&run->w, "entry");
    }
}

static void bundle_end(sample_run_t *run)
{
    if (run->as_bundle) {
        put_end(&run->w, 2);
        fhir_buf_putc(run->w.buf, '\n');
    }
}

static apr_status_t write_all(sample_run_t *run, const options_t *o, apr_file_t *file)
{
    apr_status_t rv = APR_SUCCESS;
    for (long i = o->shard; i <= o->patients && rv == APR_SUCCESS; i += o->shards) {
        int region = (int)((i - 1) / SAMPLE_REGION_PATIENTS);
        if ((i - 1) % SAMPLE_REGION_PATIENTS == 0) {
            char id[64];
            snprintf(id, sizeof(id), "region-%d", region);
            bundle_begin(run, id);
            if (region == 0) {
                sample_meds_shared(run);
                sample_survey_forms(run);
            }
            sample_practice_write(run, region);
            sample_schedule_shared(run, region);
            bundle_end(run);
        }
        sample_person_t person;
        sample_person_make(&person, o->seed, o->as_of, i);
        bundle_begin(run, person.id);
        sample_life_write(run, &person);
        bundle_end(run);
        if (run->w.buf->len >= FLUSH_BYTES) {
            rv = flush(run->w.buf, file);
        }
    }
    return rv == APR_SUCCESS ? flush(run->w.buf, file) : rv;
}

int sample_main(const fhirctl_command_t *self, int argc, const char *const *argv, apr_pool_t *pool)
{
    options_t o = {
        .patients = 20, .shard = 1, .shards = 1, .seed = 1, .as_of = today(), .out = "-"};
    const char *const *rest;
    int n_rest, status = fhirctl_options(&n_rest, &rest, self, argc, argv, set_option, &o, pool);
    if (status >= 0) {
        return status;
    }
    if (n_rest) {
        return fhirctl_fail(self, FHIRCTL_USAGE, "%s: only options are accepted", rest[0]);
    }
    sample_run_t run;
    memset(&run, 0, sizeof(run));
    run.w.buf = fhir_buf_create(pool, 0);
    run.seed = o.seed;
    run.as_of = o.as_of;
    run.as_bundle = o.as_bundle;
    apr_file_t *file;
    apr_status_t rv =
        strcmp(o.out, "-") == 0
            ? apr_file_open_stdout(&file, pool)
            : apr_file_open(&file, o.out, APR_FOPEN_WRITE | APR_FOPEN_CREATE | APR_FOPEN_TRUNCATE,
                            APR_FPROT_OS_DEFAULT, pool);
    if (rv == APR_SUCCESS) {
        rv = write_all(&run, &o, file);
    }
    if (rv == APR_SUCCESS && strcmp(o.out, "-") != 0) {
        rv = apr_file_close(file);
    }
    if (rv != APR_SUCCESS) {
        char text[200];
        return fhirctl_fail(self, FHIRCTL_IO, "%s: %s", o.out,
                            apr_strerror(rv, text, sizeof(text)));
    }
    return FHIRCTL_OK;
}
