/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_nearest.h
 * @brief The name that a client probably meant, for messages that refuse an unknown one.
 */
#ifndef FHIR_NEAREST_H
#define FHIR_NEAREST_H

typedef struct fhir_nearest_t {
    const char *wanted;
    const char *name; /* the nearest so far, or NULL: none is near */
    int distance;     /* of name; before: one more than what counts as near */
} fhir_nearest_t;

/** Begins a search. Letter case does not count. Names of more than 64 bytes are near to none. */
void fhir_nearest_begin(fhir_nearest_t *nearest, const char *wanted);
/** Offers a known name, which must live as long as the search. */
void fhir_nearest_offer(fhir_nearest_t *nearest, const char *name);

#endif
