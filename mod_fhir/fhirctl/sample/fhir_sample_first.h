/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_sample_first.h
 * @brief The first patients: the same in every data set, with fixed ids that guides and tests name
 *        (docs/sample-data.md). Together they show every profile and must-support element.
 */
#ifndef FHIR_SAMPLE_FIRST_H
#define FHIR_SAMPLE_FIRST_H

#include "fhirctl/sample/fhir_sample_person.h"

/** Numbers of two of them that belong together. */
enum { FHIR_SAMPLE_FIRST_MOTHER = 3, FHIR_SAMPLE_FIRST_NEWBORN = 4 };

#define FHIR_SAMPLE_BIRTH_DAYS 245 /* before the last day: a birth of the last year */

typedef struct fhir_sample_first_t {
    const char *id;
    fhir_sample_name_t given, middle, family, former;
    int heritage; /* index into fhir_sample_heritages */
    int is_female;
    int age_days;     /* at the last day, or at death */
    int dead_days;    /* since death; 0: alive */
    int birth_length; /* characters of the birth date that are known */
    fhir_sample_wealth_t wealth;
    fhir_sample_org_t org;
    unsigned shows;
    fhir_sample_code_id_t language, marital, smoking;
    struct {
        fhir_sample_illness_id_t illness;
        int age; /* years at onset; 0 ends the list */
    } problem[FHIR_SAMPLE_PROBLEMS];
} fhir_sample_first_t;

extern const fhir_sample_first_t fhir_sample_first[];
extern const int fhir_sample_first_count;

#endif
