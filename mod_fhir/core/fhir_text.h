/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_text.h
 * @brief Text: folding for string search, UTF-8, URL coding, ids.
 */
#ifndef FHIR_TEXT_H
#define FHIR_TEXT_H

#include <apr_pools.h>

#include "core/fhir_buf.h"

/**
 * Appends s folded for string search: case folded, accents and other combining marks removed
 * (Latin, Greek, Cyrillic by a table; other scripts unchanged), punctuation removed: apostrophes
 * and the dots of initials as if they were not there, all else as a blank; dots inside of numbers
 * stay, and so does a text of nothing but punctuation. Runs of white space are one blank, none at
 * the ends. The result never holds a newline, so newline can separate values.
 * Source: http://hl7.org/fhir/R4/search.html#string
 */
void fhir_text_fold(fhir_buf_t *buf, const char *s, apr_size_t len);

/** The same for tokens that are strings: punctuation stays. */
void fhir_text_fold_case(fhir_buf_t *buf, const char *s, apr_size_t len);
/** The same for telephone numbers and electronic addresses: letters and digits alone, without
 *  blanks; of a text without any what fhir_text_fold_case has. */
void fhir_text_fold_contact(fhir_buf_t *buf, const char *s, apr_size_t len);
/** 1 if fhir_text_fold leaves something of s beside punctuation. */
int fhir_text_has_words(const char *s, apr_size_t len, apr_pool_t *pool);

/** 1 if the bytes are valid UTF-8 (no surrogates, no overlong forms, at most U+10FFFF). */
int fhir_text_utf8_valid(const char *s, apr_size_t len);
/** Length of the longest valid prefix: len, or where the first invalid sequence starts. */
apr_size_t fhir_text_utf8_prefix(const char *s, apr_size_t len);

/** Decodes %XX and, when plus is set, '+' as a blank; NULL on a bad escape, NUL or bad UTF-8. */
char *fhir_text_url_decode(const char *s, apr_size_t len, int plus, apr_pool_t *pool);
/** Appends s percent-encoded for a query value (RFC 3986 unreserved and ,:|/$ stay). */
void fhir_text_url_encode(fhir_buf_t *buf, const char *s, apr_size_t len);

/** Text for a message: whole up to FHIR_TEXT_EXCERPT bytes, else cut at a character and with "…"
 * behind it, so that no record is copied into an answer or a log. */
#define FHIR_TEXT_EXCERPT 64
const char *fhir_text_excerpt(const char *s, apr_size_t len, apr_pool_t *pool);

/** 1 if s is a FHIR id: [A-Za-z0-9\-\.]{1,64}. */
int fhir_text_is_id(const char *s, apr_size_t len);

#endif
