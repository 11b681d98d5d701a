/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file sample_life.h
 * @brief A life as a list of visits, and the record that follows from it.
 */
#ifndef SAMPLE_LIFE_H
#define SAMPLE_LIFE_H

#include "fhirctl/sample/sample_person.h"

#define SAMPLE_VISITS 700

typedef enum sample_visit_kind_t {
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
} sample_visit_kind_t;

typedef struct sample_visit_t {
    int day;
    sample_visit_kind_t kind;
    const sample_ailment_t *ailment; /* of VISIT_AILMENT */
    sample_problem_t *problem;       /* why: of VISIT_STAY and VISIT_OPERATION, or NULL */
    int minute;                      /* of the appointment (sample_schedule.h), 0: none */
} sample_visit_t;

/** Plans the visits of a person, by day, at most one a day; returns how many. */
int sample_life_plan(sample_visit_t *visits, sample_person_t *p, sample_rng_t *rng);

/** Writes the whole record of a person. */
void sample_life_write(sample_run_t *run, sample_person_t *p);

#endif
