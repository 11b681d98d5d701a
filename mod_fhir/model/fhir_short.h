/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_short.h
 * @brief Short forms of URLs, for columns that repeat the same few in every row.
 *
 * A form is FHIR_SHORT_MARK, a letter that stands for the longest listed beginning of the URL, and
 * the rest: "http://loinc.org" is "~l", and as forms are those of beginnings,
 * "http://loinc.org|8867-4" is "~l|8867-4". What begins with the mark as it comes gets a second
 * one, so each text has one form and each form one text. Which columns have forms: docs/schema.md.
 * The list is tools/fhirgen/shorts.py's.
 */
#ifndef FHIR_SHORT_H
#define FHIR_SHORT_H

#include <apr_tables.h>

#include "core/fhir_buf.h"

#define FHIR_SHORT_MARK '~'

/** Appends the form of a URL, or of what begins with one. */
void fhir_short_append(fhir_buf_t *buf, const char *url, apr_size_t len);
/** Appends a text that is stored as it is beside forms: nothing is shortened, but a mark that it
 *  begins with is doubled. */
void fhir_short_append_code(fhir_buf_t *buf, const char *code, apr_size_t len);

/** The form of a URL. */
const char *fhir_short_url(const char *url, apr_pool_t *pool);
/** The form of a code beside a system (NULL: not said, then also no bar). */
const char *fhir_short_token(const char *system, const char *code, apr_pool_t *pool);
/** Adds to a list of const char * the beginnings of forms by which exactly those texts are found
 *  that begin with `stem`, which is not empty. */
void fhir_short_stems(apr_array_header_t *stems, const char *stem, apr_pool_t *pool);

#endif
