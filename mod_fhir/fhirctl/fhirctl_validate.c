/* SPDX-License-Identifier: Apache-2.0 */
/* fhirctl validate: validates resources in files against the base model, invariants and
 * profiles. */
#include <apr_strings.h>
#include <apr_tables.h>
#include <apr_time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/fhir_hash.h"
#include "fhir/format/fhir_comments.h"
#include "fhir/format/fhir_xml.h"
#include "fhir/validate/fhir_validate.h"
#include "fhirctl/load/load.h"

#define OPT_LEVEL       FHIRCTL_OPT(0)
#define OPT_PROFILE     'p'
#define OPT_RELEASE     'r'
#define OPT_INFORMATION 'i'
#define OPT_SUMMARY     's'
#define OPT_QUIET       'q'

#define FINDINGS_MAX   1000 /* of one document */
#define PROGRESS_EVERY apr_time_from_msec(200)

const apr_getopt_option_t fhirctl_validate_options[] = {
    {"level", OPT_LEVEL, 1, "LEVEL\tstructure, base or profile (profile)"},
    {"profile", OPT_PROFILE, 1,
     "URL\tvalidate everything against this profile, URL or URL|VERSION; may be repeated"},
    {"release", OPT_RELEASE, 1,
     "VERSION\tUS Core release for profiles without a version (any release that has the profile)"},
    {"information", OPT_INFORMATION, 0,
     "also report missing must-support elements and what cannot be validated"},
    {"summary", OPT_SUMMARY, 0, "no findings, only their summary"},
    {"quiet", OPT_QUIET, 0, "no progress"},
    {0},
};

/* How often a message occurred. */
typedef struct tally_t {
    const char *id;
    fhir_severity_t severity;
    unsigned long n;
} tally_t;

typedef struct validate_t {
    fhir_validate_opts_t opts;
    apr_array_header_t *profiles; /* const char * */
    const fhir_validator_t *validator;
    const char *const *files;
    apr_hash_t *tallies;
    int summary, quiet, terminal;
    unsigned long n_resources, n_bad;
    apr_uint64_t bytes_total;
    apr_time_t started, drawn;
    apr_pool_t *pool;
} validate_t;

static const char *option(void *baton, int opt, const char *value)
{
    validate_t *v = baton;

    switch (opt) {
    case OPT_LEVEL:
        return fhir_validate_level(&v->opts.level, value) ? NULL : "structure, base or profile";
    case OPT_PROFILE:
        APR_ARRAY_PUSH(v->profiles, const char *) = value;
        return NULL;
    case OPT_RELEASE:
        v->opts.release = value;
        return fhir_validate_release_fault(&fhir_model_r4, value, v->pool);
    case OPT_INFORMATION:
        v->opts.information = FHIR_VALIDATE_UNJUDGED | FHIR_VALIDATE_ABSENT;
        return NULL;
    case OPT_SUMMARY:
        v->summary = 1;
        return NULL;
    default:
        v->quiet = 1;
        return NULL;
    }
}

static void count(validate_t *v, fhir_severity_t severity, const char *id)
{
    tally_t *tally = apr_hash_get(v->tallies, id, APR_HASH_KEY_STRING);

    if (!tally) {
        tally = apr_pcalloc(v->pool, sizeof(*tally));
        tally->id = apr_pstrdup(v->pool, id);
        tally->severity = severity;
        apr_hash_set(v->tallies, tally->id, APR_HASH_KEY_STRING, tally);
    }
    tally->n++;
}

static void erase_progress(validate_t *v)
{
    if (v->drawn)
        fprintf(stderr, "\r\033[K");
    v->drawn = 0;
}

/* "file:line:column: error id at expression: text"; for NDJSON, the line of the file. */
static void tell(validate_t *v, const load_document_t *d, fhir_severity_t severity, const char *id,
                 const char *expression, int line, int column, const char *text)
{
    count(v, severity, id);
    if (v->summary)
        return;
    erase_progress(v);
    printf("%s:%d:%d: %s %s%s%s: %s\n", v->files[d->place.file],
           d->is_line ? (int)d->place.line : line, column, fhir_severity_word(severity), id,
           expression && *expression ? " at " : "", expression ? expression : "", text);
}

static fhir_err_t *parse(fhir_node_t **root, const load_document_t *d, apr_pool_t *pool)
{
    apr_size_t i;

    for (i = 0; i < d->len && strchr(" \t\r\n\xEF\xBB\xBF", d->text[i]); i++)
        ;
    return i < d->len && d->text[i] == '<'
               ? fhir_xml_parse(root, &fhir_model_r4, d->text, d->len, FHIR_NODE_LIMITS_MOST, pool)
               : fhir_node_parse_json(root, d->text, d->len, FHIR_NODE_LIMITS_MOST, pool);
}

/* Line and column of a finding, counted from the previous one if that is before it. */
static void place(fhir_issue_t *issue, const load_document_t *d, fhir_issue_t *last)
{
    if (issue->offset < last->offset)
        *last = (fhir_issue_t){.line = 1, .column = 1};
    int column;
    fhir_node_place(&issue->line, &column, d->text + last->offset, issue->offset - last->offset);
    issue->column = issue->line == 1 ? last->column + column - 1 : column;
    issue->line += last->line - 1;
    *last = *issue;
}

static void validate_document(validate_t *v, const load_document_t *d, apr_pool_t *pool)
{
    fhir_issues_t *issues = fhir_issues_create(FINDINGS_MAX, pool);
    fhir_issue_t last = {.line = 1, .column = 1};
    fhir_node_t *root;
    fhir_err_t *err = parse(&root, d, pool);

    v->n_resources++;
    if (err) {
        v->n_bad++;
        tell(v, d, FHIR_SEVERITY_ERROR, "syntax", err->expression, err->line, err->column,
             err->message);
        return;
    }
    fhir_comments_strip(root); /* as for writes */
    const fhir_type_t *type;
    fhir_validate_resource(issues, &type, v->validator, &v->opts, root);
    v->n_bad += issues->n_errors > 0;
    for (fhir_issue_t *issue = issues->first; issue; issue = issue->next) {
        if (!issue->line && !v->summary)
            place(issue, d, &last);
        tell(v, d, issue->severity, issue->id, issue->expression, issue->line, issue->column,
             issue->text);
    }
    if (issues->dropped)
        tell(v, d, FHIR_SEVERITY_ERROR, "too-many", NULL, 1, 1,
             apr_psprintf(pool, "%d findings more", issues->dropped));
}

static void draw_progress(validate_t *v, apr_uint64_t done)
{
    apr_time_t now = apr_time_now();

    if (v->quiet || !v->terminal || now - v->drawn < PROGRESS_EVERY)
        return;
    v->drawn = now;
    fprintf(stderr, "\r\033[K%lu resources, %lu with errors%s", v->n_resources, v->n_bad,
            v->bytes_total ? apr_psprintf(v->pool, ", %d %%", (int)(done * 100 / v->bytes_total))
                           : "");
}

static int by_count(const void *a, const void *b)
{
    const tally_t *x = *(const tally_t *const *)a, *y = *(const tally_t *const *)b;

    if (x->severity != y->severity)
        return (int)x->severity - (int)y->severity;
    if (x->n != y->n)
        return x->n < y->n ? 1 : -1;
    return strcmp(x->id, y->id);
}

static void print_summary(const validate_t *v)
{
    unsigned n = apr_hash_count(v->tallies), i = 0;
    const tally_t **list = apr_palloc(v->pool, (n + 1) * sizeof(*list));
    double seconds = (double)(apr_time_now() - v->started) / APR_USEC_PER_SEC;

    for (apr_hash_index_t *hi = apr_hash_first(v->pool, v->tallies); hi; hi = apr_hash_next(hi))
        list[i++] = apr_hash_this_val(hi);
    qsort(list, n, sizeof(*list), by_count);
    for (i = 0; i < n; i++)
        printf("%10lu %s %s\n", list[i]->n, fhir_severity_word(list[i]->severity), list[i]->id);
    printf("%lu documents in %.1f s, %lu with errors\n", v->n_resources, seconds, v->n_bad);
}

static int read_all(validate_t *v, const fhirctl_command_t *self, load_source_t *source)
{
    apr_pool_t *pool;
    int status = FHIRCTL_OK;

    apr_pool_create(&pool, v->pool);
    load_document_t document;
    for (;;) {
        apr_pool_clear(pool);
        fhir_err_t *err = load_source_next(&document, source, pool);
        if (err)
            status = fhirctl_fail_err(self, FHIRCTL_IO, err);
        else if (!document.text)
            break;
        else
            validate_document(v, &document, pool);
        draw_progress(v, load_source_position(source));
    }
    erase_progress(v);
    return status;
}

int fhirctl_validate_main(const fhirctl_command_t *self, int argc, const char *const *argv,
                          apr_pool_t *pool)
{
    validate_t v = {.opts = {.level = FHIR_VALIDATE_PROFILE}, .pool = pool};

    v.profiles = apr_array_make(pool, 4, sizeof(const char *));
    const char *const *paths;
    int n_paths;
    int status = fhirctl_options(&n_paths, &paths, self, argc, argv, option, &v, pool);
    if (status >= 0)
        return status;
    if (!n_paths)
        return fhirctl_fail(self, FHIRCTL_USAGE,
                            "no PATH: name files or folders, or - for standard input");
    v.opts.profiles = (const char *const *)v.profiles->elts;
    v.opts.n_profiles = v.profiles->nelts;
    v.tallies = fhir_hash_make(pool);
    v.terminal = isatty(STDERR_FILENO);
    v.started = apr_time_now();
    fhir_validator_t *validator;
    fhir_err_t *err = fhir_validator_create(&validator, &fhir_model_r4, pool);
    if (err)
        return fhirctl_fail_err(self, FHIRCTL_IO, err);
    v.validator = validator;
    load_source_t *source;
    err = load_source_open(&source, &v.files, &v.bytes_total, paths, n_paths, pool);
    if (err)
        return fhirctl_fail_err(self, FHIRCTL_IO, err);
    status = read_all(&v, self, source);
    print_summary(&v);
    return status != FHIRCTL_OK ? status : v.n_bad ? FHIRCTL_REJECTED : FHIRCTL_OK;
}
