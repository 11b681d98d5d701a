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

/* fhir_sample_observe.c: the frame of an Observation. The caller writes the value and calls
 * fhir_sample_record_finish. */
typedef struct fhir_sample_observe_t {
    const char *profiles;
    fhir_sample_code_id_t category[3]; /* the first is needed */
    fhir_sample_code_id_t code[2];
    const char *text;      /* of the code; NULL: its display */
    int minute;            /* of the visit */
    const char *performer; /* NULL: the nurse */
} fhir_sample_observe_t;

int fhir_sample_observe_begin(fhir_sample_record_t *rec, const fhir_sample_observe_t *o);
/** The whole resource with a coded value, or a text when value is CODE_NONE. */
int fhir_sample_observe_coded(fhir_sample_record_t *rec, const fhir_sample_observe_t *o,
                              fhir_sample_code_id_t value, const char *text);
/** The whole resource without a value, for a reason. */
int fhir_sample_observe_absent(fhir_sample_record_t *rec, const fhir_sample_observe_t *o,
                               fhir_sample_code_id_t reason);

/* fhir_sample_vitals.c */
void fhir_sample_vitals_write(fhir_sample_record_t *rec, long fever);
/** All of them not measured, for a reason. */
void fhir_sample_vitals_refused(fhir_sample_record_t *rec);
void fhir_sample_vitals_smoking(fhir_sample_record_t *rec);

/* fhir_sample_lab.c: a report with its results for each panel */
void fhir_sample_lab_write(fhir_sample_record_t *rec, unsigned panels);

/* fhir_sample_meds.c */
/** A prescription with its first dispensing. */
int fhir_sample_meds_request(fhir_sample_record_t *rec, fhir_sample_drug_id_t drug, int condition,
                             fhir_sample_code_id_t reason, int is_over);
/** Renews what has run out and dispenses the rest. */
void fhir_sample_meds_renew(fhir_sample_record_t *rec, fhir_sample_problem_t *problem);
/** Requests of every intent and status. */
void fhir_sample_meds_intents(fhir_sample_record_t *rec);
/** The Medications that requests refer to. */
void fhir_sample_meds_shared(fhir_sample_run_t *run);

/* fhir_sample_vaccine.c: what is due at this visit since the last one */
void fhir_sample_vaccine_write(fhir_sample_record_t *rec, int last_day);

/* fhir_sample_care.c */
int fhir_sample_care_condition(fhir_sample_record_t *rec, fhir_sample_code_id_t code,
                               fhir_sample_code_id_t category, int onset, int onset_length,
                               int abatement);
/** condition and order (a ServiceRequest) may be 0. */
int fhir_sample_care_procedure(fhir_sample_record_t *rec, fhir_sample_code_id_t code, int condition,
                               int order);
/** Social needs found: concerns, referral, goal. */
void fhir_sample_care_needs(fhir_sample_record_t *rec);
void fhir_sample_care_allergies(fhir_sample_record_t *rec);
void fhir_sample_care_plans(fhir_sample_record_t *rec);

/* fhir_sample_note.c: a DocumentReference with its Binary; the Binary alone; text as base64 */
int fhir_sample_note_write(fhir_sample_record_t *rec, fhir_sample_code_id_t type, const char *text);
/** The same for a Binary that is there; with the text inside, without a Binary. */
int fhir_sample_note_refer(fhir_sample_record_t *rec, fhir_sample_code_id_t type, int binary);
int fhir_sample_note_inline(fhir_sample_record_t *rec, fhir_sample_code_id_t type,
                            const char *text);
int fhir_sample_note_binary(fhir_sample_record_t *rec, const char *text);
void fhir_sample_note_base64(fhir_sample_json_t *w, const char *name, const char *text);

/* fhir_sample_admin.c */
void fhir_sample_admin_relatives(fhir_sample_record_t *rec);
void fhir_sample_admin_coverage(fhir_sample_record_t *rec);

/* fhir_sample_social.c: what the person shows of it */
void fhir_sample_social_write(fhir_sample_record_t *rec);
void fhir_sample_social_pregnancy(fhir_sample_record_t *rec);

/* fhir_sample_survey.c */
void fhir_sample_survey_write(fhir_sample_record_t *rec);
/** The Questionnaires, which are the same for all. */
void fhir_sample_survey_forms(fhir_sample_run_t *run);

/* fhir_sample_study.c: orders, and reports of imaging, ECG and pathology with their documents */
int fhir_sample_study_request(fhir_sample_record_t *rec, fhir_sample_code_id_t code,
                              fhir_sample_code_id_t category, int condition);
void fhir_sample_study_write(fhir_sample_record_t *rec, fhir_sample_code_id_t report);

/* fhir_sample_device.c, fhir_sample_directive.c */
void fhir_sample_device_write(fhir_sample_record_t *rec, int condition);
void fhir_sample_directive_write(fhir_sample_record_t *rec);

#endif
