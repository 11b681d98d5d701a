/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_sample_life.h
 * @brief A life as a list of visits, and the record that follows from it.
 */
#ifndef FHIR_SAMPLE_LIFE_H
#define FHIR_SAMPLE_LIFE_H

#include "fhirctl/sample/fhir_sample_person.h"

#define FHIR_SAMPLE_VISITS 700

typedef enum fhir_sample_visit_kind_t {
    VISIT_BIRTH,
    VISIT_WELL_CHILD,
    VISIT_CHECKUP,
    VISIT_FOLLOWUP,
    VISIT_AILMENT,
    VISIT_PRENATAL,
    VISIT_DELIVERY,
    VISIT_POSTNATAL,
    VISIT_STAY, /* in hospital */
    VISIT_OPERATION,
    VISIT_KIND_COUNT
} fhir_sample_visit_kind_t;

typedef struct fhir_sample_visit_t {
    int day;
    fhir_sample_visit_kind_t kind;
    const fhir_sample_ailment_t *ailment; /* of VISIT_AILMENT */
    fhir_sample_problem_t *problem;       /* why: of VISIT_STAY and VISIT_OPERATION, or NULL */
} fhir_sample_visit_t;

/** Plans the visits of a person, by day, at most one a day; returns how many. */
int fhir_sample_life_plan(fhir_sample_visit_t *visits, fhir_sample_person_t *p,
                          fhir_sample_rng_t *rng);

/** Writes the whole record of a person. */
void fhir_sample_life_write(fhir_sample_run_t *run, fhir_sample_person_t *p);

#endif
