/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: creation, and the table of what each code means to HTTP, FHIR and OAuth. fhir/ and httpd/
 * turn them into responses. */
#include "core/fhir_err.h"

#include <apr_strings.h>
#include <stdarg.h>
#include <string.h>

#include "core/fhir_text.h"

typedef struct code_row_t {
    const char *name;
    const char *issue;
    const char *oauth;
    int status;
} code_row_t;

static const code_row_t codes[FHIR_ERR_COUNT_] = {[FHIR_OK] = {"OK", "informational", NULL, 200},
#define ROW(name, status, issue, oauth) [FHIR_ERR_##name] = {#name, issue, oauth, status},
                                                  FHIR_ERR_LIST(ROW)
#undef ROW
};

/* A code out of range is a programming error. It is answered as INTERNAL. */
static const code_row_t *row(fhir_code_t code)
{
    return &codes[(unsigned)code < FHIR_ERR_COUNT_ ? code : FHIR_ERR_INTERNAL];
}

/* Messages quote input, which may not be UTF-8 or may be cut within a character. Answers must be
 * UTF-8. */
static const char *make_utf8(char *text)
{
    char *at = text;
    while (*(at += fhir_text_utf8_prefix(at, strlen(at))))
        *at = '?';
    return text;
}

fhir_err_t *fhir_err_create(apr_pool_t *pool, fhir_code_t code, const char *fmt, ...)
{
    fhir_err_t *err = apr_pcalloc(pool, sizeof(*err));
    err->code = code;
    va_list ap;
    va_start(ap, fmt);
    err->message = make_utf8(apr_pvsprintf(pool, fmt, ap));
    va_end(ap);
    return err;
}

fhir_err_t *fhir_err_detail(fhir_err_t *err, apr_pool_t *pool, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    err->detail = apr_pvsprintf(pool, fmt, ap);
    va_end(ap);
    return err;
}

fhir_err_t *fhir_err_at(fhir_err_t *err, apr_pool_t *pool, const char *expression)
{
    err->expression = apr_pstrdup(pool, expression);
    return err;
}

fhir_err_t *fhir_err_apr(apr_pool_t *pool, fhir_code_t code, apr_status_t status, const char *what)
{
    char text[200];
    apr_strerror(status, text, sizeof(text));
    return fhir_err_detail(fhir_err_create(pool, code, "%s", what), pool, "%s (%d)", text, status);
}

int fhir_err_http_status(fhir_code_t code)
{
    return row(code)->status;
}

const char *fhir_err_issue_code(fhir_code_t code)
{
    return row(code)->issue;
}

const char *fhir_err_oauth(fhir_code_t code)
{
    return row(code)->oauth;
}

const char *fhir_err_name(fhir_code_t code)
{
    return row(code)->name;
}
