/* SPDX-License-Identifier: Apache-2.0 */
/* OperationOutcome: the one place that turns errors into what a client reads. */
#include "fhir/fhir_outcome.h"

#include <apr_strings.h>

static void member(fhir_buf_t *buf, const char *name, const char *value)
{
    fhir_buf_printf(buf, ",\"%s\":", name);
    fhir_buf_json_string(buf, value, strlen(value));
}

void fhir_outcome_begin(fhir_buf_t *buf)
{
    fhir_buf_puts(buf, "{\"resourceType\":\"OperationOutcome\",\"issue\":[");
}

static void begin_issue(fhir_buf_t *buf, const char *severity, const char *code)
{
    if (buf->len && buf->data[buf->len - 1] != '[')
        fhir_buf_putc(buf, ',');
    fhir_buf_printf(buf, "{\"severity\":\"%s\",\"code\":\"%s\"", severity, code);
}

static void end_issue(fhir_buf_t *buf, const char *expression)
{
    if (expression && *expression) {
        fhir_buf_puts(buf, ",\"expression\":[");
        fhir_buf_json_string(buf, expression, strlen(expression));
        fhir_buf_putc(buf, ']');
    }
    fhir_buf_putc(buf, '}');
}

void fhir_outcome_issue(fhir_buf_t *buf, const char *severity, const char *code,
                        const char *diagnostics, const char *expression)
{
    begin_issue(buf, severity, code);
    if (diagnostics)
        member(buf, "diagnostics", diagnostics);
    end_issue(buf, expression);
}

void fhir_outcome_finding(fhir_buf_t *buf, const fhir_issue_t *issue)
{
    const char *text = issue->text;

    begin_issue(buf, fhir_severity_word(issue->severity), fhir_err_issue_code(issue->code));
    fhir_buf_printf(buf, ",\"details\":{\"coding\":[{\"system\":\"%s\"", FHIR_OUTCOME_SYSTEM);
    member(buf, "code", issue->id);
    fhir_buf_puts(buf, "}]");
    member(buf, "text", text);
    fhir_buf_putc(buf, '}');
    if (issue->line)
        text = apr_psprintf(buf->pool, "%s (line %d, column %d)", text, issue->line, issue->column);
    member(buf, "diagnostics", text);
    end_issue(buf, issue->expression);
}

void fhir_outcome_end(fhir_buf_t *buf)
{
    fhir_buf_puts(buf, "]}");
}

static void issue(fhir_buf_t *buf, const fhir_err_t *err)
{
    fhir_buf_t *text = fhir_buf_create(buf->pool, 0);
    if (err->code == FHIR_ERR_INTERNAL)
        fhir_buf_puts(text, "Internal error; the log of the server has the reason");
    else
        fhir_buf_puts(text, err->message ? err->message : fhir_err_name(err->code));
    const char *place = apr_psprintf(buf->pool, "line %d, column %d", err->line, err->column);
    if (err->line &&
        !strstr(fhir_buf_cstr(text), place)) /* the parser has named the format already */
        fhir_buf_printf(text, " (%s)", place);
    begin_issue(buf, fhir_err_http_status(err->code) >= 500 ? "fatal" : "error",
                fhir_err_issue_code(err->code));
    if (err->code == FHIR_ERR_UNCONFIRMED) /* no issue type means that a write may have happened */
        fhir_buf_printf(buf,
                        ",\"details\":{\"coding\":[{\"system\":\"%s\",\"code\":\"unconfirmed\"}]}",
                        FHIR_OUTCOME_ERRORS);
    member(buf, "diagnostics", fhir_buf_cstr(text));
    end_issue(buf, err->expression);
    fhir_buf_free(text);
}

/* The most errors that are reported: a client with thousands of them corrects these first. */
#define ISSUES_MAX 100

void fhir_outcome_render(fhir_buf_t *buf, const fhir_err_t *err)
{
    int n = 0, more = 0;

    fhir_outcome_begin(buf);
    for (; err; err = err->next)
        if (n++ < ISSUES_MAX)
            issue(buf, err);
        else
            more++;
    if (more)
        fhir_outcome_issue(buf, "information", "informational",
                           apr_psprintf(buf->pool, "%d more are not told", more), NULL);
    fhir_outcome_end(buf);
}
