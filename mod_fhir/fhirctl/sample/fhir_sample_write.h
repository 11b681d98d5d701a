/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_sample_write.h
 * @brief The writers of clinical resources. Each writes resources of the visit that rec is at and
 *        returns the number of the main one, for references.
 */
#ifndef FHIR_SAMPLE_WRITE_H
#define FHIR_SAMPLE_WRITE_H

#include "fhirctl/sample/fhir_sample_life.h"

/** subject and, when there is one, encounter. */
void put_subject(fhir_sample_record_t *rec);
void put_encounter(fhir_sample_record_t *rec);
/** Days since the onset of an illness; -1: not had. */
int fhir_sample_write_ill_days(const fhir_sample_record_t *rec, fhir_sample_illness_id_t illness);
/** Age in years at the visit. */
int fhir_sample_write_age(const fhir_sample_record_t *rec);

/* fhir_sample_observe.c: the frame of an Observation. It ends with the value, which the caller
 * writes before it calls fhir_sample_record_finish. */
int fhir_sample_observe_begin(fhir_sample_record_t *rec, const char *profiles,
                              fhir_sample_code_id_t category, fhir_sample_code_id_t code,
                              int minute, const char *performer);

/* fhir_sample_vitals.c */
void fhir_sample_vitals_write(fhir_sample_record_t *rec, long fever);
void fhir_sample_vitals_smoking(fhir_sample_record_t *rec);

/* fhir_sample_lab.c: a report with its results for each panel */
void fhir_sample_lab_write(fhir_sample_record_t *rec, unsigned panels);

/* fhir_sample_meds.c */
int fhir_sample_meds_request(fhir_sample_record_t *rec, fhir_sample_drug_id_t drug, int condition,
                             int is_over);

/* fhir_sample_vaccine.c: what is due at this visit since the last one */
void fhir_sample_vaccine_write(fhir_sample_record_t *rec, int last_day);

/* fhir_sample_care.c */
int fhir_sample_care_condition(fhir_sample_record_t *rec, fhir_sample_code_id_t code,
                               fhir_sample_code_id_t category, int onset, int onset_length,
                               int abatement);
int fhir_sample_care_procedure(fhir_sample_record_t *rec, fhir_sample_code_id_t code,
                               int condition);
void fhir_sample_care_allergies(fhir_sample_record_t *rec);
void fhir_sample_care_plans(fhir_sample_record_t *rec);

/* fhir_sample_note.c: a DocumentReference with its Binary */
int fhir_sample_note_write(fhir_sample_record_t *rec, fhir_sample_code_id_t type, const char *text);

#endif
