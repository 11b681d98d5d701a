/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands about applications, users, licences and keys share. */
#include "fhirctl/fhirctl_auth.h"

#include <apr_file_io.h>
#include <apr_strings.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/fhir_store.h"

#define FILE_MAX 65536

fhir_err_t *fhirctl_auth_run(PGresult **result, int *n, fhirctl_run_t *run, const char *sql,
                             int n_values, const char *const *values)
{
    PGresult *r = NULL;
    FHIR_TRY(fhirctl_db_run(&r, run->conn, run->pool, sql, n_values, values));
    if (n)
        *n = atoi(PQcmdTuples(r));
    if (result)
        *result = r;
    return NULL;
}

fhir_err_t *fhirctl_auth_print(fhirctl_run_t *run, const char *sql, int n_values,
                               const char *const *values)
{
    PGresult *r;
    FHIR_TRY(fhirctl_auth_run(&r, NULL, run, sql, n_values, values));
    for (int i = 0; i < PQntuples(r); i++)
        for (int j = 0; j < PQnfields(r); j++)
            printf("%s%s", PQgetvalue(r, i, j), j + 1 < PQnfields(r) ? "\t" : "\n");
    return NULL;
}

fhir_err_t *fhirctl_auth_desk(fhir_practice_desk_t *desk, fhirctl_run_t *run)
{
    static const fhir_store_config_t config = {.read_lane = 0};
    *desk = (fhir_practice_desk_t){.tenant = run->db.tenant, .by = "fhirctl", .pool = run->pool};
    fhir_store_source_t *source;
    FHIR_TRY(fhir_store_source_create(&source, run->db.conninfo, 1, 1, apr_time_from_sec(10),
                                      run->pool));
    return fhir_store_create(&desk->store, source, &config, run->pool);
}

fhir_err_t *fhirctl_auth_print_row(void *baton, const fhir_row_t *row)
{
    int n = PQnfields(row->result);
    (void)baton;
    for (int i = 0; i < n; i++)
        printf("%s%s", fhir_row_text(row, i), i + 1 < n ? "\t" : "\n");
    return NULL;
}

fhir_err_t *fhirctl_auth_wrong(fhirctl_run_t *run, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *text = apr_pvsprintf(run->pool, fmt, ap);
    va_end(ap);
    return fhir_err_create(run->pool, FHIR_ERR_BAD_REQUEST, "%s", text);
}

const char *fhirctl_auth_element(const char *array, const char *element, apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    if (array && strlen(array) > 2)
        fhir_buf_append(buf, array, strlen(array) - 1);
    fhir_buf_putc(buf, buf->len ? ',' : '{');
    fhir_store_array_element(buf, element, strlen(element));
    fhir_buf_putc(buf, '}');
    return fhir_buf_cstr(buf);
}

fhir_err_t *fhirctl_auth_file(const char **text, fhirctl_run_t *run, const char *path)
{
    apr_file_t *file;
    apr_size_t len = 0;
    char *bytes = apr_palloc(run->pool, FILE_MAX + 1);
    apr_status_t rv = !strcmp(path, "-") ? apr_file_open_stdin(&file, run->pool)
                                         : apr_file_open(&file, path, APR_FOPEN_READ, 0, run->pool);
    if (!rv)
        rv = apr_file_read_full(file, bytes, FILE_MAX, &len);
    if (rv && rv != APR_EOF)
        return fhirctl_auth_wrong(run, "%s cannot be read", path);
    if (!rv)
        return fhirctl_auth_wrong(run, "%s is larger than %d bytes", path, FILE_MAX);
    bytes[len] = '\0';
    if (strlen(bytes) != len)
        return fhirctl_auth_wrong(run, "%s holds a NUL byte", path);
    *text = bytes;
    return NULL;
}

int fhirctl_auth_seconds(const char *text)
{
    char *end;
    long n = strtol(text, &end, 10);
    long unit = !strcmp(end, "") || !strcmp(end, "s") ? 1
                : !strcmp(end, "m")                   ? 60
                : !strcmp(end, "h")                   ? 3600
                : !strcmp(end, "d")                   ? 86400
                                                      : 0;
    return n > 0 && unit && n <= 315360000 / unit ? (int)(n * unit) : 0;
}

/* ---- running ---- */

static const char *names_of(const fhirctl_action_t *actions, apr_pool_t *pool)
{
    const char *text = actions->name;
    for (actions++; actions->name; actions++)
        text = apr_pstrcat(pool, text, ", ", actions->name, NULL);
    return text;
}

static fhir_err_t *perform(fhirctl_run_t *run)
{
    FHIR_TRY(fhirctl_db_connect(&run->conn, &run->db, run->pool));
    FHIR_TRY(fhirctl_db_check(run->conn, &run->db, run->pool));
    FHIR_TRY(fhirctl_db_run(NULL, run->conn, run->pool, "BEGIN", 0, NULL));
    fhir_err_t *err = run->action->run(run);
    if (!err)
        return fhirctl_db_run(NULL, run->conn, run->pool, "COMMIT", 0, NULL);
    fhirctl_db_run(NULL, run->conn, run->pool, "ROLLBACK", 0, NULL);
    return err;
}

typedef struct baton_t {
    fhirctl_run_t run;
    fhirctl_option_fn option;
} baton_t;

static const char *take_option(void *data, int opt, const char *value)
{
    baton_t *baton = data;
    if (opt == FHIRCTL_DB_OPT_CONNINFO || opt == FHIRCTL_DB_OPT_TENANT)
        return fhirctl_db_option(&baton->run.db, opt, value);
    return baton->option(baton->run.options, opt, value);
}

int fhirctl_actions(const fhirctl_command_t *self, int argc, const char *const *argv,
                    const fhirctl_action_t *actions, fhirctl_option_fn option, void *options,
                    apr_pool_t *pool)
{
    baton_t baton = {{.command = self, .db = FHIRCTL_DB_DEFAULTS, .options = options, .pool = pool},
                     option};
    const char *const *rest;
    int n_rest,
        status = fhirctl_options(&n_rest, &rest, self, argc, argv, take_option, &baton, pool);
    const fhirctl_action_t *action = actions;
    if (status >= 0)
        return status;
    while (action->name && (!n_rest || strcmp(action->name, rest[0]) != 0))
        action++;
    if (!action->name)
        return fhirctl_fail(self, FHIRCTL_USAGE, "the first argument is one of %s",
                            names_of(actions, pool));
    if (n_rest != 1 + action->needs_name)
        return fhirctl_fail(self, FHIRCTL_USAGE, "%s takes %s", action->name,
                            action->needs_name ? "one argument" : "no argument");
    baton.run.action = action;
    baton.run.name = action->needs_name ? rest[1] : NULL;
    fhir_err_t *err = perform(&baton.run);
    if (!err)
        return FHIRCTL_OK;
    return fhirctl_fail_err(
        self, err->code == FHIR_ERR_BAD_REQUEST ? FHIRCTL_USAGE : FHIRCTL_DATABASE, err);
}
