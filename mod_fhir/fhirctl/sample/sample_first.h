/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file sample_first.h
 * @brief The first patients: the same in every data set, with fixed ids that guides and tests name
 *        (docs/sample-data.md). Together they show every profile and must-support element.
 */
#ifndef SAMPLE_FIRST_H
#define SAMPLE_FIRST_H

#include "fhirctl/sample/sample_person.h"

/** Numbers of two of them that belong together. */
enum { SAMPLE_FIRST_MOTHER = 3, SAMPLE_FIRST_NEWBORN = 4 };

#define SAMPLE_BIRTH_DAYS 245 /* before the last day: a birth of the last year */

typedef struct sample_first_t {
    const char *id;
    sample_name_t given, middle, family, former;
    int heritage; /* index into sample_heritages */
    int is_female;
    int age_days;     /* at the last day, or at death */
    int dead_days;    /* since death; 0: alive */
    int birth_length; /* characters of the birth date that are known */
    sample_wealth_t wealth;
    sample_org_t org;
    unsigned shows;
    sample_code_id_t language, marital, smoking;
    struct {
        sample_illness_id_t illness;
        int age; /* years at onset; 0 ends the list */
    } problem[SAMPLE_PROBLEMS];
} sample_first_t;

extern const sample_first_t sample_first[];
extern const int sample_first_count;

#endif
