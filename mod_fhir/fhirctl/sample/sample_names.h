/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file sample_names.h
 * @brief Names of people, streets and towns. Persons are invented; towns with their ZIP codes are
 *        real, streets and house numbers are not theirs.
 */
#ifndef SAMPLE_NAMES_H
#define SAMPLE_NAMES_H

#include "fhirctl/sample/sample_codes.h"

/** A name, with its spelling in the script of its language where that is not Latin. */
typedef struct sample_name_t {
    const char *latin;
    const char *native; /* or NULL */
} sample_name_t;

/** People of one heritage: names that go together. */
typedef struct sample_heritage_t {
    const sample_name_t *female, *male, *family; /* each ends with a row of NULL */
    const sample_name_t *family_female;          /* its forms for women, NULL: the same */
    int weight;                                  /* share among patients */
    sample_code_id_t race, race_detail;          /* OMB category, CDC detail or CODE_NONE */
    sample_code_id_t ethnicity, ethnicity_detail;
    sample_code_id_t language; /* spoken by some of them */
    int speakers;              /* thousandths who prefer that language */
} sample_heritage_t;

extern const sample_heritage_t sample_heritages[];
extern const int sample_heritage_count;

typedef struct sample_town_t {
    const char *city, *state, *zip;
} sample_town_t;

#define SAMPLE_TOWNS 6 /* towns of one region */

/** A region: towns near each other, and its standard offset from UTC in hours. */
typedef struct sample_region_t {
    int utc_offset;
    sample_town_t town[SAMPLE_TOWNS];
} sample_region_t;

extern const sample_region_t sample_regions[];
extern const int sample_region_count;

extern const char *const sample_streets[];
extern const int sample_street_count;

/** Number of rows before the NULL. */
int sample_names_count(const sample_name_t *names);

#endif
