/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file sample_write.h
 * @brief The writers of clinical resources. Each writes resources of the visit that rec is at and
 *        returns the number of the main one, for references.
 */
#ifndef SAMPLE_WRITE_H
#define SAMPLE_WRITE_H

#include "fhirctl/sample/sample_life.h"

/** subject and, when there is one, encounter. */
void put_subject(sample_record_t *rec);
void put_encounter(sample_record_t *rec);
/** Days since the onset of an illness; -1: not had. */
int sample_write_ill_days(const sample_record_t *rec, sample_illness_id_t illness);
/** Age in years at the visit. */
int sample_write_age(const sample_record_t *rec);

/* sample_observe.c: the frame of an Observation. The caller writes the value and calls
 * sample_record_finish. */
#define SAMPLE_CATEGORIES 5
typedef struct sample_observe_t {
    const char *profiles;
    sample_code_id_t category[SAMPLE_CATEGORIES]; /* the first is needed */
    sample_code_id_t code[2];
    const char *text;      /* of the code; NULL: its display */
    int minute;            /* of the visit */
    const char *performer; /* NULL: the nurse */
} sample_observe_t;

int sample_observe_begin(sample_record_t *rec, const sample_observe_t *o);
/** The whole resource with a coded value, or a text when value is CODE_NONE. */
int sample_observe_coded(sample_record_t *rec, const sample_observe_t *o, sample_code_id_t value,
                         const char *text);
/** The whole resource without a value, for a reason. */
int sample_observe_absent(sample_record_t *rec, const sample_observe_t *o, sample_code_id_t reason);

/* sample_vitals.c */
void sample_vitals_write(sample_record_t *rec, long fever);
/** All of them not measured, for a reason. */
void sample_vitals_refused(sample_record_t *rec);
void sample_vitals_smoking(sample_record_t *rec);

/* sample_lab.c: a report with its results for each panel */
void sample_lab_write(sample_record_t *rec, unsigned panels);

/* sample_meds.c */
/** A prescription with its first dispensing. */
int sample_meds_request(sample_record_t *rec, sample_drug_id_t drug, int condition,
                        sample_code_id_t reason, int is_over);
/** A dose that a nurse gave at the visit, or did not; minute is the visit's, request_number may be
 * 0. */
void sample_meds_given(sample_record_t *rec, sample_drug_id_t drug, int request_number, int minute,
                       int is_stay, int is_given);
/** Renews what has run out and dispenses the rest. */
void sample_meds_renew(sample_record_t *rec, sample_problem_t *problem);
/** Requests of every intent and status. */
void sample_meds_intents(sample_record_t *rec);
/** The Medications that requests refer to. */
void sample_meds_shared(sample_run_t *run);

/* sample_vaccine.c: what is due at this visit since the last one */
void sample_vaccine_write(sample_record_t *rec, int last_day);

/* sample_care.c */
int sample_care_condition(sample_record_t *rec, sample_code_id_t code, sample_code_id_t category,
                          int onset, int onset_length, int abatement);
/** condition and order (a ServiceRequest) may be 0. */
int sample_care_procedure(sample_record_t *rec, sample_code_id_t code, int condition, int order);
/** Social needs found: concerns, referral, goal. */
void sample_care_needs(sample_record_t *rec);
void sample_care_allergies(sample_record_t *rec);
void sample_care_plans(sample_record_t *rec);

/* sample_note.c: a DocumentReference with its Binary; the Binary alone; text as base64 */
int sample_note_write(sample_record_t *rec, sample_code_id_t type, const char *text);
/** The same for a Binary that is there; with the text inside, without a Binary. */
int sample_note_refer(sample_record_t *rec, sample_code_id_t type, int binary);
int sample_note_inline(sample_record_t *rec, sample_code_id_t type, const char *text);
int sample_note_binary(sample_record_t *rec, const char *text);
void sample_note_base64(sample_json_t *w, const char *name, const char *text);

/* sample_admin.c */
void sample_admin_relatives(sample_record_t *rec);
void sample_admin_coverage(sample_record_t *rec);

/* sample_social.c: what the person shows of it */
void sample_social_write(sample_record_t *rec);
void sample_social_pregnancy(sample_record_t *rec);

/* sample_survey.c */
void sample_survey_write(sample_record_t *rec);
/** The Questionnaires, which are the same for all. */
void sample_survey_forms(sample_run_t *run);

/* sample_study.c: orders, and reports of imaging, ECG and pathology with their documents */
int sample_study_request(sample_record_t *rec, sample_code_id_t code, sample_code_id_t category,
                         int condition);
void sample_study_write(sample_record_t *rec, sample_code_id_t report);

/* sample_device.c, sample_directive.c */
void sample_device_write(sample_record_t *rec, int condition);
void sample_directive_write(sample_record_t *rec);

#endif
