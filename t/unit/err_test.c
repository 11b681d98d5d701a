/* SPDX-License-Identifier: Apache-2.0 */
/* Errors, their table, and the log line's shape. */
#include "core/fhir_err.h"
#include "core/fhir_log.h"
#include "tap.h"

#include <apr_strings.h>
#include <string.h>

static const struct {
    fhir_code_t code;
    int status;
    const char *issue, *oauth, *name;
} rows[] = {
    {FHIR_OK, 200, "informational", NULL, "OK"},
    {FHIR_ERR_SYNTAX, 400, "structure", "invalid_request", "SYNTAX"},
    {FHIR_ERR_LOGIN, 401, "login", "invalid_token", "LOGIN"},
    {FHIR_ERR_GONE, 410, "deleted", NULL, "GONE"},
    {FHIR_ERR_PRECONDITION_REQUIRED, 428, "required", NULL, "PRECONDITION_REQUIRED"},
    {FHIR_ERR_TIMEOUT, 503, "timeout", "temporarily_unavailable", "TIMEOUT"},
    {FHIR_ERR_COUNT_, 500, "exception", "server_error", "INTERNAL"},
};

static void test_table(void)
{
    for (size_t i = 0; i < TAP_COUNT(rows); i++) {
        tap_is_int(fhir_err_http_status(rows[i].code), rows[i].status, "%s: status", rows[i].name);
        tap_is_str(fhir_err_issue_code(rows[i].code), rows[i].issue, "%s: issue", rows[i].name);
        tap_is_str(fhir_err_oauth(rows[i].code), rows[i].oauth, "%s: OAuth", rows[i].name);
        tap_is_str(fhir_err_name(rows[i].code), rows[i].name, "%s: name", rows[i].name);
    }
}

static fhir_err_t *fails(apr_pool_t *pool)
{
    FHIR_TRY(fhir_err_create(pool, FHIR_ERR_BUSY, "first"));
    return fhir_err_create(pool, FHIR_ERR_INTERNAL, "not reached");
}

static void test_create(apr_pool_t *pool)
{
    char path[] = "Patient.name[0]";
    fhir_err_t *err = fhir_err_create(pool, FHIR_ERR_VALUE, "%d of %s", 3, "x");
    tap_is_str(err->message, "3 of x", "message is formatted");
    tap_ok(!err->detail && !err->expression && !err->cause && !err->next && !err->sqlstate[0],
           "the rest is empty");
    tap_ok(fhir_err_at(err, pool, path) == err, "fhir_err_at returns the error");
    memset(path, 'x', sizeof(path) - 1);
    tap_is_str(err->expression, "Patient.name[0]", "the expression is a copy");
    fhir_err_detail(err, pool, "at %d", 7);
    tap_is_str(err->detail, "at 7", "detail is formatted");
    err = fhir_err_apr(pool, FHIR_ERR_INTERNAL, APR_ENOENT, "The file cannot be read");
    tap_is_str(err->message, "The file cannot be read", "APR's text is not for the client");
    tap_ok(err->detail && strstr(err->detail, "No such file"), "but for the log");
    err = fhir_err_create(pool, FHIR_ERR_NOT_FOUND, "%s and %.2s", "a\x93\xffz", "b\xc3\xa9");
    tap_is_str(err->message, "a??z and b?", "what is no UTF-8 is not handed on");
    tap_is_str(fails(pool)->message, "first", "FHIR_TRY returns early");
}

static char logged[2000];

static void log_write(const fhir_log_t *log, fhir_log_level_t level, const char *text)
{
    *(int *)log->baton += level;
    apr_cpystrn(logged, text, sizeof(logged));
}

static void test_log(void)
{
    static char huge[3000];
    int sum = 0;
    fhir_log_t log = {FHIR_LOG_INFO, log_write, &sum};

    memset(huge, 'a', sizeof(huge) - 1);
    FHIR_LOG(&log, FHIR_LOG_WARNING, "FHIR0001: %s", "a\nb\x1b[2J");
    tap_is_str(logged, "FHIR0001: a b [2J", "a line holds no control characters");
    FHIR_LOG(&log, FHIR_LOG_DEBUG, "quiet");
    fhir_log_printf(&log, FHIR_LOG_DEBUG, "quiet");
    fhir_log_printf(NULL, FHIR_LOG_ERROR, "nobody listens");
    tap_is_int(sum, FHIR_LOG_WARNING, "levels above the wanted one are not written");
    FHIR_LOG(&log, FHIR_LOG_INFO, "%s", huge);
    tap_ok(strlen(logged) > 500 && strlen(logged) < 1100, "long lines are cut");
}

int main(void)
{
    apr_pool_t *pool = tap_start();
    test_table();
    test_create(pool);
    test_log();
    return tap_done();
}
