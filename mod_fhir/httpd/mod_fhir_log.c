/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libfhir's log sink, bound to httpd's error log, and the one place that logs the result of a
 * request. libfhir's levels are those of httpd.
 */
#include "httpd/mod_fhir.h"

#include <apr_strings.h>

#include <http_log.h>

APLOG_USE_MODULE(fhir);

static void write_server(const fhir_log_t *log, fhir_log_level_t level, const char *text)
{
    ap_log_error(APLOG_MARK, (int)level, 0, (server_rec *)log->baton, "%s", text);
}

static void write_request(const fhir_log_t *log, fhir_log_level_t level, const char *text)
{
    ap_log_rerror(APLOG_MARK, (int)level, 0, (request_rec *)log->baton, "%s", text);
}

const fhir_log_t *mod_fhir_log_server(server_rec *s, apr_pool_t *pool)
{
    fhir_log_t *log = apr_pcalloc(pool, sizeof(*log));
    log->level = (fhir_log_level_t)ap_get_server_module_loglevel(s, APLOG_MODULE_INDEX);
    log->write = write_server;
    log->baton = s;
    return log;
}

void mod_fhir_log_request(fhir_log_t *log, request_rec *r)
{
    log->level = (fhir_log_level_t)ap_get_request_module_loglevel(r, APLOG_MODULE_INDEX);
    log->write = write_request;
    log->baton = r;
}

/* The chain of an error as one line. */
static const char *chain(const fhir_err_t *err, apr_pool_t *pool)
{
    const char *text = err->detail ? err->detail : err->message;
    for (int depth = 0; (err = err->cause) && depth < 8; depth++) {
        text = apr_pstrcat(pool, text, "; ", err->detail ? err->detail : err->message, NULL);
    }
    return text;
}

void mod_fhir_log_result(mod_fhir_child_t *child, request_rec *r, const fhir_err_t *err)
{
    fhir_log_t log;
    mod_fhir_log_request(&log, r);
    unsigned suppressed;
    switch (err->code) {
    case FHIR_ERR_INTERNAL:
        FHIR_LOG(&log, FHIR_LOG_ERROR, "FHIR0201: %s", chain(err, r->pool));
        break;
    case FHIR_ERR_BUSY:
        if (child && mod_fhir_child_may_warn(&suppressed, child))
            FHIR_LOG(&log, FHIR_LOG_WARNING,
                     "FHIR0202: answered 503: %s (%u more such answers since the last message)",
                     chain(err, r->pool), suppressed);
        break;
    case FHIR_ERR_THROTTLED:
        FHIR_LOG(&log, FHIR_LOG_INFO, "FHIR0640: answered 429: %s", chain(err, r->pool));
        break;
    case FHIR_ERR_TIMEOUT:
        FHIR_LOG(&log, FHIR_LOG_INFO, "FHIR0203: answered 503: %s", chain(err, r->pool));
        break;
    case FHIR_ERR_UNCONFIRMED:
        FHIR_LOG(&log, FHIR_LOG_WARNING, "FHIR0500: answered 504: %s", chain(err, r->pool));
        break;
    default: /* a mistake of the client: the message quotes its input, so only the code is logged */
        FHIR_LOG(&log, FHIR_LOG_DEBUG, "FHIR0204: answered %d %s", fhir_err_http_status(err->code),
                 fhir_err_name(err->code));
    }
}
