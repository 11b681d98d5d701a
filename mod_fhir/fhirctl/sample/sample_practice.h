/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file sample_practice.h
 * @brief Who gives care: the practices of a region with their people and places.
 *
 * Patients live in regions of SAMPLE_REGION_PATIENTS each; the resources of a region are
 * written before its first patient, so the set grows with the number of patients, and a patient's
 * practice does not depend on it. Region 0 has fixed ids and does not depend on the seed.
 */
#ifndef SAMPLE_PRACTICE_H
#define SAMPLE_PRACTICE_H

#include "fhirctl/sample/sample_record.h"

#define SAMPLE_REGION_PATIENTS 5000

typedef enum sample_org_t {
    ORG_FAMILY,
    ORG_INTERNAL,
    ORG_PEDIATRIC,
    ORG_HEALTH_CENTER,
    ORG_HOSPITAL,
    ORG_LAB,
    ORG_PHARMACY,
    ORG_PAYER,
    ORG_COUNT
} sample_org_t;

/** Places of the hospital beside its main one. */
typedef enum sample_place_t {
    PLACE_MAIN,
    PLACE_EMERGENCY,
    PLACE_WARD,
    PLACE_RADIOLOGY,
    PLACE_COUNT
} sample_place_t;

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
int sample_practice_people(sample_org_t org);

/** Fills in a site: doctor and nurse are numbers of practitioners. */
void sample_practice_site(sample_site_t *site, uint64_t seed, int region, sample_org_t org,
                          sample_place_t place, int doctor, int nurse);

/** Whose appointments are made with the server: calls of sample_practice_scheduled with n from 0 on
 *  until it returns 0. id is the practitioner's and the Schedule's. */
int sample_practice_scheduled(char id[64], sample_site_t *site, uint64_t seed, int region, int n);

/** Writes the resources of a region. */
void sample_practice_write(sample_run_t *run, int region);

#endif
