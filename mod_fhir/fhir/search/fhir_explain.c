/* SPDX-License-Identifier: Apache-2.0 */
/*
 * _explain: each statement runs under EXPLAIN ANALYZE before it runs for its rows, which the next
 * statement may need. A step is an issue of an OperationOutcome; for a browser, the steps are in
 * its narrative.
 */
#include "fhir/search/fhir_explain.h"

#include <apr_strings.h>

#include "fhir/fhir_outcome.h"
#include "fhir/format/fhir_xhtml.h"

#define TEXT_MAX ((apr_size_t)16 * 1024 * 1024)

struct fhir_explain_t {
    fhir_buf_t *issues;
    fhir_buf_t *story; /* XHTML, or NULL when the client is not a browser */
    const char *what;
    int steps;
};

static fhir_err_t *on_line(void *baton, const fhir_row_t *row)
{
    fhir_buf_t *plan = baton;
    fhir_buf_append(plan, fhir_row_text(row, 0), fhir_row_len(row, 0));
    fhir_buf_putc(plan, '\n');
    return NULL;
}

/* The text of a statement, with a line for each clause and without its values. */
static const char *in_lines(const char *sql, apr_pool_t *pool)
{
    static const char *const words[] = {" FROM ",     " WHERE ", " AND ",
                                        " ORDER BY ", " LIMIT ", " UNION "};
    char *out = apr_pstrdup(pool, sql);
    for (apr_size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        for (char *at = out; (at = strstr(at, words[i])) != NULL; at++)
            *at = '\n';
    return out;
}

static void escaped(fhir_buf_t *buf, const char *s)
{
    fhir_xhtml_escape(buf, s, strlen(s));
}

static void tell(fhir_explain_t *x, const char *sql, const char *values, const char *plan)
{
    fhir_buf_printf(x->story, "<h2>%d. ", x->steps);
    escaped(x->story, x->what);
    fhir_buf_puts(x->story, "</h2><pre>");
    escaped(x->story, sql);
    fhir_buf_puts(x->story, "</pre><pre>");
    escaped(x->story, values);
    fhir_buf_puts(x->story, "</pre><pre>");
    escaped(x->story, plan);
    fhir_buf_puts(x->story, "</pre>");
}

static void issue(fhir_explain_t *x, const char *sql, const char *values, const char *plan,
                  apr_pool_t *pool)
{
    const char *text = apr_pstrcat(pool, sql, "\n", values, plan, NULL);
    fhir_buf_puts(x->issues, x->issues->len > 1 ? "," : "");
    fhir_buf_puts(x->issues, "{\"severity\":\"information\",\"code\":\"informational\","
                             "\"details\":{\"text\":");
    fhir_buf_json_string(x->issues, x->what, strlen(x->what));
    fhir_buf_puts(x->issues, "},\"diagnostics\":");
    fhir_buf_json_string(x->issues, text, strlen(text));
    fhir_buf_putc(x->issues, '}');
}

/* One statement: its SQL, its values, PostgreSQL's plan with rows and times. */
static fhir_err_t *add(const fhir_call_t *call, const fhir_stmt_t *stmt, const fhir_value_t *values)
{
    fhir_explain_t *x = call->explain;
    fhir_buf_t *plan = fhir_buf_create(call->pool, TEXT_MAX);
    fhir_buf_t *bound = fhir_buf_create(call->pool, TEXT_MAX);
    fhir_stmt_t explain = {
        .sql = apr_pstrcat(call->pool, "EXPLAIN (ANALYZE, BUFFERS) ", stmt->sql, NULL),
        .n_values = stmt->n_values,
        .flags = FHIR_STMT_ONCE};
    const char *sql = in_lines(stmt->sql, call->pool);
    FHIR_TRY(fhir_call_ask(call, &explain, values, on_line, plan));
    for (int i = 0; i < stmt->n_values; i++)
        fhir_buf_printf(bound, "$%d = %s\n", i + 1, values[i].data ? values[i].data : "NULL");
    x->steps++;
    issue(x, sql, fhir_buf_cstr(bound), fhir_buf_cstr(plan), call->pool);
    if (x->story)
        tell(x, sql, fhir_buf_cstr(bound), fhir_buf_cstr(plan));
    return NULL;
}

void fhir_explain_begin(fhir_call_t *call, const apr_array_header_t *remarks)
{
    fhir_explain_t *x = apr_pcalloc(call->pool, sizeof(*x));
    x->issues = fhir_buf_create(call->pool, TEXT_MAX);
    if (call->opts.format == FHIR_FORMAT_HTML)
        x->story = fhir_buf_create(call->pool, TEXT_MAX);
    x->what = "";
    fhir_buf_putc(x->issues, '[');
    for (int i = 0; i < remarks->nelts; i++)
        fhir_outcome_issue(x->issues, "warning", "not-supported",
                           APR_ARRAY_IDX(remarks, i, const char *), NULL);
    call->explain = x;
    call->before = add;
}

void fhir_explain_step(const fhir_call_t *call, const char *what)
{
    if (call->explain)
        call->explain->what = what;
}

fhir_err_t *fhir_explain_answer(fhir_call_t *call)
{
    fhir_explain_t *x = call->explain;
    fhir_buf_t *json = fhir_buf_create(call->pool, 4 * TEXT_MAX);
    if (call->response->body_reset)
        call->response->body_reset(call->response);
    fhir_buf_puts(json, "{\"resourceType\":\"OperationOutcome\",");
    if (x->story) {
        const char *div = apr_pstrcat(call->pool, "<div xmlns=\"http://www.w3.org/1999/xhtml\">",
                                      fhir_buf_cstr(x->story), "</div>", NULL);
        fhir_buf_puts(json, "\"text\":{\"status\":\"generated\",\"div\":");
        fhir_buf_json_string(json, div, strlen(div));
        fhir_buf_puts(json, "},");
    }
    fhir_buf_printf(json, "\"issue\":");
    fhir_buf_append(json, x->issues->data, x->issues->len);
    fhir_buf_puts(json, "]}");
    if (json->overflow || x->issues->overflow)
        return fhir_err_create(call->pool, FHIR_ERR_LIMIT,
                               "The search is too large to be explained; use fewer values");
    call->render = NULL;
    call->opts.subset = NULL;
    return fhir_call_built(call, 200, json);
}
