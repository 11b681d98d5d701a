/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_sample_practice.h
 * @brief Who gives care: the practices of a region with their people and places.
 *
 * Patients live in regions of FHIR_SAMPLE_REGION_PATIENTS each; the resources of a region are
 * written before its first patient, so the set grows with the number of patients, and a patient's
 * practice does not depend on it. Region 0 has fixed ids and does not depend on the seed.
 */
#ifndef FHIR_SAMPLE_PRACTICE_H
#define FHIR_SAMPLE_PRACTICE_H

#include "fhirctl/sample/fhir_sample_record.h"

#define FHIR_SAMPLE_REGION_PATIENTS 5000

typedef enum fhir_sample_org_t {
    ORG_FAMILY,
    ORG_INTERNAL,
    ORG_PEDIATRIC,
    ORG_HEALTH_CENTER,
    ORG_HOSPITAL,
    ORG_LAB,
    ORG_PHARMACY,
    ORG_PAYER,
    ORG_COUNT
} fhir_sample_org_t;

/** Places of the hospital beside its main one. */
typedef enum fhir_sample_place_t {
    PLACE_MAIN,
    PLACE_EMERGENCY,
    PLACE_WARD,
    PLACE_RADIOLOGY,
    PLACE_COUNT
} fhir_sample_place_t;

/** Numbers (from 1) of the hospital's practitioners by specialty. */
enum {
    HOSPITAL_EMERGENCY = 1,
    HOSPITAL_CARDIOLOGY,
    HOSPITAL_SURGERY,
    HOSPITAL_ORTHOPEDICS,
    HOSPITAL_OBSTETRICS,
    HOSPITAL_MEDICINE,
    HOSPITAL_NURSE,
    HOSPITAL_RADIOLOGY
};

/** How many practitioners work there. */
int fhir_sample_practice_people(fhir_sample_org_t org);

/** Fills in a site: doctor and nurse are numbers of practitioners. */
void fhir_sample_practice_site(fhir_sample_site_t *site, uint64_t seed, int region,
                               fhir_sample_org_t org, fhir_sample_place_t place, int doctor,
                               int nurse);

/** Writes the resources of a region. */
void fhir_sample_practice_write(fhir_sample_run_t *run, int region);

#endif
