/* SPDX-License-Identifier: Apache-2.0 */
/* Findings about a resource: a list with a limit, and its conversion to a chain of errors. */
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

/* The most findings before one of this severity is dropped. The last quarter of the room is for
 * errors, the quarter before it for warnings and errors. */
static int most(const fhir_issues_t *issues, fhir_severity_t severity)
{
    return severity == FHIR_SEVERITY_ERROR     ? issues->max
           : severity == FHIR_SEVERITY_WARNING ? issues->max - issues->max / 4
                                               : issues->max - issues->max / 2;
}

static void keep(fhir_issues_t *issues, fhir_issue_t *issue)
{
    if (issues->last)
        issues->last->next = issue;
    else
        issues->first = issue;
    issues->last = issue;
    issues->n_kept++;
}

fhir_issue_t *fhir_issues_add(fhir_issues_t *issues, fhir_severity_t severity, fhir_code_t code,
                              const char *id, const char *expression, const char *fmt, ...)
{
    fhir_issue_t *issue = apr_pcalloc(issues->pool, sizeof(*issue));

    count(issues, severity);
    issue->severity = severity;
    issue->code = code;
    issue->id = id;
    /* Counted, so that the result stays right, but not kept. */
    if (issues->n_kept >= most(issues, severity)) {
        issues->dropped++;
        return issue;
    }
    issue->expression = expression ? apr_pstrdup(issues->pool, expression) : NULL;
    va_list ap;
    va_start(ap, fmt);
    issue->text = apr_pvsprintf(issues->pool, fmt, ap);
    va_end(ap);
    keep(issues, issue);
    return issue;
}

int fhir_issues_has(const fhir_issues_t *issues, const char *id, const char *expression,
                    const char *text)
{
    for (const fhir_issue_t *issue = issues->first; issue; issue = issue->next)
        if (issue->expression && !strcmp(issue->id, id) && !strcmp(issue->expression, expression) &&
            !strcmp(issue->text, text))
            return 1;
    return 0;
}

void fhir_issues_append(fhir_issues_t *issues, const fhir_issues_t *more)
{
    for (const fhir_issue_t *issue = more->first; issue; issue = issue->next) {
        if (fhir_issues_has(issues, issue->id, issue->expression ? issue->expression : "",
                            issue->text))
            continue;
        count(issues, issue->severity);
        if (issues->n_kept >= most(issues, issue->severity)) {
            issues->dropped++;
            continue;
        }
        fhir_issue_t *copy = apr_pmemdup(issues->pool, issue, sizeof(*issue));
        copy->next = NULL;
        keep(issues, copy);
    }
    issues->dropped += more->dropped;
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

    for (const fhir_issue_t *issue = issues->first; issue; issue = issue->next) {
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
