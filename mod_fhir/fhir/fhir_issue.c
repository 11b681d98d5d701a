/* SPDX-License-Identifier: Apache-2.0 */
/* Findings about a resource: a list with a ceiling, and its way into an error chain. */
#include "fhir/fhir_issue.h"

#include <apr_strings.h>

#define DEFAULT_MAX 100

fhir_issues_t *fhir_issues_create(int max, apr_pool_t *pool)
{
    fhir_issues_t *issues = apr_pcalloc(pool, sizeof(*issues));

    issues->pool = pool;
    issues->max = max > 0 ? max : DEFAULT_MAX;
    return issues;
}

static void count(fhir_issues_t *issues, fhir_severity_t severity)
{
    switch (severity) {
    case FHIR_SEVERITY_ERROR:
        issues->n_errors++;
        break;
    case FHIR_SEVERITY_WARNING:
        issues->n_warnings++;
        break;
    case FHIR_SEVERITY_INFORMATION:
        issues->n_informations++;
        break;
    }
}

fhir_issue_t *fhir_issues_add(fhir_issues_t *issues, fhir_severity_t severity, fhir_code_t code,
                              const char *id, const char *expression, const char *fmt, ...)
{
    fhir_issue_t *issue = apr_pcalloc(issues->pool, sizeof(*issue));
    va_list ap;

    count(issues, severity);
    issue->severity = severity;
    issue->code = code;
    issue->id = id;
    if (issues->n_errors + issues->n_warnings + issues->n_informations > issues->max) {
        /* Counted, so that the verdict stays right, but not kept. */
        issues->dropped++;
        return issue;
    }
    issue->expression = expression ? apr_pstrdup(issues->pool, expression) : NULL;
    va_start(ap, fmt);
    issue->text = apr_pvsprintf(issues->pool, fmt, ap);
    va_end(ap);
    if (issues->last)
        issues->last->next = issue;
    else
        issues->first = issue;
    issues->last = issue;
    return issue;
}

const char *fhir_severity_word(fhir_severity_t severity)
{
    static const char *const words[] = {[FHIR_SEVERITY_ERROR] = "error",
                                        [FHIR_SEVERITY_WARNING] = "warning",
                                        [FHIR_SEVERITY_INFORMATION] = "information"};

    return words[severity];
}

fhir_err_t *fhir_issues_error(const fhir_issues_t *issues)
{
    fhir_err_t *first = NULL, **end = &first;
    const fhir_issue_t *issue;

    for (issue = issues->first; issue; issue = issue->next) {
        if (issue->severity != FHIR_SEVERITY_ERROR)
            continue;
        *end = fhir_err_create(issues->pool, issue->code, "%s", issue->text);
        (*end)->expression = issue->expression;
        (*end)->line = issue->line;
        (*end)->column = issue->column;
        end = &(*end)->next;
    }
    if (!first && issues->n_errors)
        first = fhir_err_create(issues->pool, FHIR_ERR_INVALID,
                                "The resource is invalid; too many findings to list them");
    return first;
}
