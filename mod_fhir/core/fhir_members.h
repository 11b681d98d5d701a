/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_members.h
 * @brief The members of one JSON object as places in its text, without a tree of what they hold.
 *
 * It is for text that a parser has accepted or will see later: strings and braces are followed,
 * nothing else is checked.
 */
#ifndef FHIR_MEMBERS_H
#define FHIR_MEMBERS_H

#include <apr.h>

/** The member that was read last, and the place behind it. */
typedef struct fhir_members_t {
    const char *name; /* as written, without its quotes: escapes are not decoded */
    apr_size_t name_len;
    const char *value;
    apr_size_t value_len;
    const char *at, *end; /* the next byte to read, and the end of the text */
    int complete;         /* the closing brace was read */
} fhir_members_t;

/** Begins with the members of the object that the text holds, blanks before it or not. */
void fhir_members_begin(fhir_members_t *members, const char *json, apr_size_t len);
/** Reads the next member. @return 0 behind the last one, or when the text is no such object */
int fhir_members_next(fhir_members_t *members);
/** 1 if the member has this name. */
int fhir_members_is(const fhir_members_t *members, const char *name);

#endif
