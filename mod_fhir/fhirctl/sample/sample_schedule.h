/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file sample_schedule.h
 * @brief Schedules from four weeks before the last day of the data to six weeks after it.
 *
 * The practice's afternoons are slots that the region's resources hold, free or not. Mornings
 * belong to the patients: each of the first SAMPLE_SCHEDULE_FUTURE patients of a region has a place
 * in them that nobody else has, whoever the doctor is, so that no slot is given twice, in whichever
 * shards the patients are.
 */
#ifndef SAMPLE_SCHEDULE_H
#define SAMPLE_SCHEDULE_H

#include "fhirctl/sample/sample_person.h"

#define SAMPLE_SCHEDULE_PAST   240 /* 20 working days with 12 places each */
#define SAMPLE_SCHEDULE_FUTURE 360 /* 30 */

/** The Schedules of a region and their slots of the afternoons. */
void sample_schedule_shared(sample_run_t *run, int region);

/** When the person's appointment of last month was, if it was kept; 0: none was. */
int sample_schedule_kept(int *day, int *minute, const sample_person_t *p);
/** Writes that appointment at the visit that rec is at; returns its number. */
int sample_schedule_keep(sample_record_t *rec);
/** Writes the other ones: not kept, cancelled, to come; site is where they are. */
void sample_schedule_write(sample_record_t *rec, const sample_site_t *site);

#endif
