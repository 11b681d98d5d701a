/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_sample_names.h
 * @brief Names of people, streets and towns. Persons are invented; towns with their ZIP codes are
 *        real, streets and house numbers are not theirs.
 */
#ifndef FHIR_SAMPLE_NAMES_H
#define FHIR_SAMPLE_NAMES_H

#include "fhirctl/sample/fhir_sample_codes.h"

/** A name, with its spelling in the script of its language where that is not Latin. */
typedef struct fhir_sample_name_t {
    const char *latin;
    const char *native; /* or NULL */
} fhir_sample_name_t;

/** People of one heritage: names that go together. */
typedef struct fhir_sample_heritage_t {
    const fhir_sample_name_t *female, *male, *family; /* each ends with a row of NULL */
    const fhir_sample_name_t *family_female;          /* its forms for women, NULL: the same */
    int weight;                                       /* share among patients */
    fhir_sample_code_id_t race, race_detail;          /* OMB category, CDC detail or CODE_NONE */
    fhir_sample_code_id_t ethnicity, ethnicity_detail;
    fhir_sample_code_id_t language; /* spoken by some of them */
    int speakers;                   /* thousandths who prefer that language */
} fhir_sample_heritage_t;

extern const fhir_sample_heritage_t fhir_sample_heritages[];
extern const int fhir_sample_heritage_count;

typedef struct fhir_sample_town_t {
    const char *city, *state, *zip;
} fhir_sample_town_t;

#define FHIR_SAMPLE_TOWNS 6 /* towns of one region */

/** A region: towns near each other, and its standard offset from UTC in hours. */
typedef struct fhir_sample_region_t {
    int utc_offset;
    fhir_sample_town_t town[FHIR_SAMPLE_TOWNS];
} fhir_sample_region_t;

extern const fhir_sample_region_t fhir_sample_regions[];
extern const int fhir_sample_region_count;

extern const char *const fhir_sample_streets[];
extern const int fhir_sample_street_count;

/** Number of rows before the NULL. */
int fhir_sample_names_count(const fhir_sample_name_t *names);

#endif
