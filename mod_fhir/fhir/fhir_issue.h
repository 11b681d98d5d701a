/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_issue.h
 * @brief Findings about a resource: what an OperationOutcome's issues are made of.
 *
 * A checker adds findings to a list and goes on; who asked decides whether they refuse a write or
 * are just reported. Message ids are stable and listed in docs/validation.md.
 * Source: http://hl7.org/fhir/R4/operationoutcome.html
 */
#ifndef FHIR_ISSUE_H
#define FHIR_ISSUE_H

#include <apr_pools.h>

#include "core/fhir_err.h"

typedef enum fhir_severity_t {
    FHIR_SEVERITY_ERROR,
    FHIR_SEVERITY_WARNING,
    FHIR_SEVERITY_INFORMATION
} fhir_severity_t;

typedef struct fhir_issue_t fhir_issue_t;
struct fhir_issue_t {
    fhir_severity_t severity;
    fhir_code_t code;       /* gives issue.code and, for the first error, the HTTP status */
    const char *id;         /* stable message id, "element-unknown" */
    const char *text;       /* what is wrong and what is allowed */
    const char *expression; /* FHIRPath of the element, or of its parent when it is missing */
    apr_uint32_t offset;    /* byte offset in the source */
    int line, column;       /* 1-based, 0 when unknown */
    fhir_issue_t *next;
};

typedef struct fhir_issues_t {
    apr_pool_t *pool;
    fhir_issue_t *first, *last;
    int n_errors, n_warnings, n_informations;
    int n_kept;
    int max; /* no more than this many are kept; warnings and informations leave room for errors */
    int dropped; /* findings beyond max */
} fhir_issues_t;

/** An empty list that keeps at most max findings (0: 100). */
fhir_issues_t *fhir_issues_create(int max, apr_pool_t *pool);

/** Adds a finding; expression is copied, text is formatted as by apr_psprintf. */
fhir_issue_t *fhir_issues_add(fhir_issues_t *issues, fhir_severity_t severity, fhir_code_t code,
                              const char *id, const char *expression, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));

/** Appends the findings of another list, which shares its pool; those that are there already (id,
 *  expression and text) are not added again. */
void fhir_issues_append(fhir_issues_t *issues, const fhir_issues_t *more);
/** 1 if a finding is in the list. */
int fhir_issues_has(const fhir_issues_t *issues, const char *id, const char *expression,
                    const char *text);

/** "error", "warning", "information". */
const char *fhir_severity_word(fhir_severity_t severity);

/** The errors among the findings as one chain (fhir_err_t.next), or NULL when there is none. */
fhir_err_t *fhir_issues_error(const fhir_issues_t *issues);

#endif
