/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_err.h
 * @brief Errors: what every fallible function of libfhir returns.
 *
 * A function that can fail returns `fhir_err_t *`; NULL is success. The error lives in the
 * caller's pool, so ignoring one leaks nothing. `message` is meant for the client and names what
 * to change; `detail` is for the log alone (SQL, paths, server texts). One table below gives each
 * code its HTTP status, its OperationOutcome issue code and its OAuth error name; codes are never
 * reused.
 */
#ifndef FHIR_ERR_H
#define FHIR_ERR_H

#include <apr_errno.h>
#include <apr_pools.h>

/**
 * X(NAME, HTTP status, issue.code (valueset-issue-type), OAuth error or NULL)
 * Source: http://hl7.org/fhir/R4/valueset-issue-type.html, http://hl7.org/fhir/R4/http.html#summary
 */
#define FHIR_ERR_LIST(X)                                                                           \
    X(SYNTAX, 400, "structure", "invalid_request")            /* not parsable JSON, XML, URL */    \
    X(PARAM_UNKNOWN, 400, "not-supported", "invalid_request") /* search parameter or modifier */   \
    X(PARAM_VALUE, 400, "invalid", "invalid_request")         /* bad value of a known parameter */ \
    X(CURSOR, 400, "invalid", "invalid_request")      /* altered, foreign or stale page link */    \
    X(ID_PRESENT, 400, "invalid", "invalid_request")  /* POST with an id */                        \
    X(ID_MISMATCH, 400, "invalid", "invalid_request") /* id in URL and body differ */              \
    X(BAD_REQUEST, 400, "invalid", "invalid_request")                                              \
    X(LIMIT, 400, "too-costly", "invalid_request") /* a documented limit was passed */             \
    X(LOGIN, 401, "login", "invalid_token")                                                        \
    X(FORBIDDEN, 403, "forbidden", "insufficient_scope")                                           \
    X(NOT_FOUND, 404, "not-found", NULL)                                                           \
    X(TYPE_UNKNOWN, 404, "not-supported", NULL) /* no such resource type */                        \
    X(METHOD, 405, "not-supported", NULL)       /* interaction not offered here */                 \
    X(NOT_ACCEPTABLE, 406, "not-supported", NULL)                                                  \
    X(CONFLICT, 409, "conflict", NULL)                                                             \
    X(GONE, 410, "deleted", NULL)                                                                  \
    X(PRECONDITION, 412, "conflict", NULL) /* If-Match is stale */                                 \
    X(MULTIPLE_MATCHES, 412, "multiple-matches", NULL)                                             \
    X(NO_MATCH, 412, "not-found", NULL) /* a conditional reference leads to nothing */             \
    X(TOO_LARGE, 413, "too-long", NULL)                                                            \
    X(MEDIA_TYPE, 415, "not-supported", NULL)                                                      \
    X(MISDIRECTED, 421, "not-supported", NULL) /* asked of a host that is not the endpoint's */    \
    X(INVALID, 422, "invalid", NULL)           /* content breaks the model */                      \
    X(STRUCTURE, 422, "structure", NULL)       /* unknown element, wrong JSON type */              \
    X(REQUIRED, 422, "required", NULL)         /* element missing */                               \
    X(VALUE, 422, "value", NULL)               /* element value out of its format */               \
    X(CODE, 422, "code-invalid", NULL)                                                             \
    X(BUSINESS, 422, "business-rule", NULL)                                                        \
    X(REFERENCE, 422, "not-found", NULL)            /* a reference inside does not resolve */      \
    X(PRECONDITION_REQUIRED, 428, "required", NULL) /* PUT without If-Match */                     \
    X(THROTTLED, 429, "throttled",                                                                 \
      "temporarily_unavailable") /* the client has its share already */                            \
    X(INTERNAL, 500, "exception", "server_error")                                                  \
    X(NOT_IMPLEMENTED, 501, "not-supported", NULL)                                                 \
    X(BUSY, 503, "transient", "temporarily_unavailable")  /* no connection, pool exhausted */      \
    X(TIMEOUT, 503, "timeout", "temporarily_unavailable") /* statement time passed */              \
    X(UNCONFIRMED, 504, "transient", "temporarily_unavailable") /* a write may have been stored */

typedef enum fhir_code_t {
    FHIR_OK = 0,
#define FHIR_ERR_ENUM(name, status, issue, oauth) FHIR_ERR_##name,
    FHIR_ERR_LIST(FHIR_ERR_ENUM)
#undef FHIR_ERR_ENUM
        FHIR_ERR_COUNT_
} fhir_code_t;

typedef struct fhir_err_t fhir_err_t;
struct fhir_err_t {
    fhir_code_t code;
    const char *message;    /* for the client: what is wrong and what is allowed */
    const char *expression; /* FHIRPath of the offending element, or NULL */
    const char *detail;     /* for the log only, or NULL */
    const char *scope;      /* FORBIDDEN: the scope that would do, or NULL */
    char sqlstate[6];       /* PostgreSQL's SQLSTATE, or "" */
    int retry_sec;          /* 429, 503: when to try again, in seconds; 0: not known */
    int line, column;       /* 1-based place in the input, 0 when unknown */
    fhir_err_t *cause;      /* what led to this, or NULL */
    fhir_err_t *next;       /* a further, independent issue of the same answer, or NULL */
};

/** A new error in pool; message is formatted as by apr_psprintf, bytes that are no UTF-8 become
 *  '?'. Never NULL. */
fhir_err_t *fhir_err_create(apr_pool_t *pool, fhir_code_t code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/** Sets detail (log only), formatted. @return err */
fhir_err_t *fhir_err_detail(fhir_err_t *err, apr_pool_t *pool, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/** Sets expression (copied into pool). @return err */
fhir_err_t *fhir_err_at(fhir_err_t *err, apr_pool_t *pool, const char *expression);

/** An error from an APR status: the status text becomes the detail. Never NULL. */
fhir_err_t *fhir_err_apr(apr_pool_t *pool, fhir_code_t code, apr_status_t status, const char *what);

/** HTTP status of a code; 200 for FHIR_OK. */
int fhir_err_http_status(fhir_code_t code);
/** issue.code of a code (required binding issue-type). */
const char *fhir_err_issue_code(fhir_code_t code);
/** OAuth 2.0 error name, or NULL where the code has none. */
const char *fhir_err_oauth(fhir_code_t code);
/** The code's name ("PARAM_VALUE"), for logs and documentation. */
const char *fhir_err_name(fhir_code_t code);

/** Returns early on an error; for functions in which only pools must be released. */
#define FHIR_TRY(expr)                                                                             \
    do {                                                                                           \
        fhir_err_t *fhir_try_err_ = (expr);                                                        \
        if (fhir_try_err_)                                                                         \
            return fhir_try_err_;                                                                  \
    } while (0)

#endif
