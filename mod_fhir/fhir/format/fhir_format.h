/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_format.h
 * @brief Content negotiation: which format a request wants and which one its body has.
 *
 * Source: http://hl7.org/fhir/R4/http.html#mime-type,
 * http://hl7.org/fhir/DSTU2/http.html#mime-type, RFC 9110 section 12.5.1 (Accept), section 8.3
 * (Content-Type).
 */
#ifndef FHIR_FORMAT_H
#define FHIR_FORMAT_H

#include <apr_pools.h>

#include "core/fhir_err.h"
#include "model/fhir_model.h"

typedef enum fhir_format_t {
    FHIR_FORMAT_NONE,
    FHIR_FORMAT_JSON,
    FHIR_FORMAT_XML,
    FHIR_FORMAT_HTML, /* responses only: a page for people */
    FHIR_FORMAT_RAW,  /* responses only: a Binary's content */
    FHIR_FORMAT_COUNT_
} fhir_format_t;

/**
 * The format of the response. `_format` wins over Accept; neither, or a plain wildcard, is JSON.
 * HTML is chosen only when it is named. Any letter case; a '+' of a media type that became a blank
 * in the URL is taken as '+'. A fhirVersion parameter must name the model's version ("4.0",
 * "4.0.1").
 * @param out   FHIR_FORMAT_JSON on error, so that the error can be written
 * @param accept  Accept header or NULL
 * @param format  value of the parameter _format, URL-decoded, or NULL
 * @return NULL or FHIR_ERR_NOT_ACCEPTABLE
 */
fhir_err_t *fhir_format_accept(fhir_format_t *out, const fhir_model_t *model, const char *accept,
                               const char *format, apr_pool_t *pool);

/**
 * The format of a request body from its Content-Type: JSON or XML, UTF-8 only. NULL or "" counts as
 * missing.
 * @return NULL or FHIR_ERR_MEDIA_TYPE
 */
fhir_err_t *fhir_format_content(fhir_format_t *out, const fhir_model_t *model,
                                const char *content_type, apr_pool_t *pool);

/** The media type that responses carry, with charset: "application/fhir+json; charset=utf-8" for
 *  R4, "application/json+fhir; charset=utf-8" for DSTU2, "text/html; charset=utf-8". */
const char *fhir_format_media_type(const fhir_model_t *model, fhir_format_t format);

/** The ETag of a version in a format: W/"3" for JSON and XML, as R4 says (Vary: Accept keeps them
 *  apart in caches), W/"3-html" and W/"3-raw" for what is no FHIR format.
 *  Source: http://hl7.org/fhir/R4/http.html#versionid */
const char *fhir_format_etag(const char *version_id, fhir_format_t format, apr_pool_t *pool);

/**
 * The version id in an entity tag of If-Match or If-None-Match: W/"3", "3", or with the suffix of a
 * format, and with that of mod_deflate or mod_brotli ("-gzip", "-br").
 * @param format the format of the suffix, FHIR_FORMAT_JSON when there is none; may be NULL
 * @return the version id, or NULL when tag is no entity tag
 */
const char *fhir_format_etag_version(fhir_format_t *format, const char *tag, apr_pool_t *pool);
/** 1 if a version has the same ETag in both formats. */
int fhir_format_same_etag(fhir_format_t a, fhir_format_t b);

#endif
