/* SPDX-License-Identifier: Apache-2.0 */
/* _explain: each statement is run once under EXPLAIN ANALYZE before it is run for its rows. */
#include "fhir/fhir_explain.h"

#include <apr_strings.h>

#include "fhir/fhir_outcome.h"

void fhir_explain_begin(fhir_call_t *call)
{
    call->explain = fhir_buf_create(call->pool, 16 * 1024 * 1024);
    fhir_outcome_begin(call->explain);
}

static fhir_err_t *on_line(void *baton, const fhir_row_t *row)
{
    fhir_buf_t *text = baton;
    fhir_buf_putc(text, '\n');
    fhir_buf_append(text, fhir_row_text(row, 0), fhir_row_len(row, 0));
    return NULL;
}

fhir_err_t *fhir_explain_add(const fhir_call_t *call, const fhir_stmt_t *stmt,
                             const fhir_value_t *values)
{
    fhir_call_t plain = *call; /* the EXPLAIN itself is not explained */
    fhir_buf_t *text = fhir_buf_create(call->pool, 4 * 1024 * 1024);
    fhir_stmt_t explain = {
        .sql = apr_pstrcat(call->pool, "EXPLAIN (ANALYZE, BUFFERS) ", stmt->sql, NULL),
        .n_values = stmt->n_values,
        .flags = FHIR_STMT_ONCE};
    plain.explain = NULL;
    fhir_buf_puts(text, stmt->sql);
    for (int i = 0; i < stmt->n_values; i++)
        fhir_buf_printf(text, "\n$%d = %s", i + 1, values[i].data ? values[i].data : "NULL");
    FHIR_TRY(fhir_call_run(&plain, &explain, values, on_line, text, NULL));
    fhir_outcome_issue(call->explain, "information", "informational", fhir_buf_cstr(text), NULL);
    return NULL;
}

fhir_err_t *fhir_explain_answer(fhir_call_t *call)
{
    if (call->response->body_reset)
        call->response->body_reset(call->response);
    fhir_outcome_end(call->explain);
    call->render = NULL;
    call->opts.subset = NULL;
    return fhir_call_resource(call, 200, call->explain->data, call->explain->len);
}
