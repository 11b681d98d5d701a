/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_path_scan.h
 * @brief The text of an expression as the parser reads it; for fhir_path_scan.c and _parse.c alone.
 */
#ifndef FHIR_PATH_SCAN_H
#define FHIR_PATH_SCAN_H

#include "fhir/fhirpath/fhir_path_private.h"

typedef struct parser_t {
    const char *start, *at, *end;
    const fhir_model_t *model;
    int depth;
    apr_pool_t *pool;
} parser_t;

/** FHIR_ERR_PARAM_VALUE at a place of the text, with line and column: the only error of the parser
 *  besides. Never NULL. */
fhir_err_t *path_syntax(const parser_t *p, const char *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/** Skips white space and comments. @return NULL, or as path_syntax for a comment without end */
fhir_err_t *path_skip_blanks(parser_t *p);
/** Length of the word at the cursor (letters, digits, underscore), which is not taken. */
apr_size_t path_word(const parser_t *p);
int path_is_word(const parser_t *p, const char *w);
/** Takes a character if it is at the cursor. */
int path_take(parser_t *p, char c);
/** The text between two quote characters, its escapes resolved, terminated.
 *  @return NULL, or as path_syntax for an unknown escape or a missing quote */
fhir_err_t *path_quoted(parser_t *p, char quote, const char **text, apr_uint32_t *len);
/** A name, plain or between grave accents; `what` is for the message when there is none.
 *  @return NULL, or as path_syntax */
fhir_err_t *path_identifier(parser_t *p, const char **name, apr_uint32_t *len, const char *what);

static inline int path_is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static inline int path_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline char path_peek(const parser_t *p)
{
    return p->at < p->end ? *p->at : '\0';
}

#endif
