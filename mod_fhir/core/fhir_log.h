/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_log.h
 * @brief The log sink: where libfhir writes its log messages.
 *
 * The module binds a sink to a request or to a server. fhirctl has none: it prints what its
 * functions return. Messages at debug and above have an id ("FHIR0001") that is never used again;
 * t/source-log-ids.t keeps the ids unique. Tokens, codes, secrets, passwords, patient data, bodies
 * of resources and bound values are never logged.
 */
#ifndef FHIR_LOG_H
#define FHIR_LOG_H

#include <apr.h>

/** Levels as in httpd (APLOG_*), so that glue passes them on. */
typedef enum fhir_log_level_t {
    FHIR_LOG_ERROR = 3,   /* the operator must act */
    FHIR_LOG_WARNING = 4, /* will go wrong */
    FHIR_LOG_NOTICE = 5,  /* normal, and worth a line in the log of a server that works */
    FHIR_LOG_INFO = 6,    /* lifecycle */
    FHIR_LOG_DEBUG = 7,   /* one line per request */
    FHIR_LOG_TRACE = 8    /* for developers */
} fhir_log_level_t;

typedef struct fhir_log_t fhir_log_t;
struct fhir_log_t {
    fhir_log_level_t level; /* highest level that is written */
    /** Writes one line; text has no newline. May be called from any thread. */
    void (*write)(const fhir_log_t *log, fhir_log_level_t level, const char *text);
    void *baton;
};

/** Formats and writes if the level is wanted; log may be NULL (silence). */
void fhir_log_printf(const fhir_log_t *log, fhir_log_level_t level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/** Level check first, formatting after. */
#define FHIR_LOG(log, lvl, ...)                                                                    \
    do {                                                                                           \
        const fhir_log_t *fhir_log_ = (log);                                                       \
        if (fhir_log_ && (lvl) <= fhir_log_->level)                                                \
            fhir_log_printf(fhir_log_, (lvl), __VA_ARGS__);                                        \
    } while (0)

#endif
