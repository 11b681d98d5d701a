/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions, procedures, allergies, care teams and care plans. */
#include <stdio.h>

#include "fhirctl/sample/sample_write.h"

int sample_care_condition(sample_record_t *rec, sample_code_id_t code, sample_code_id_t category,
                          int onset, int onset_length, int abatement)
{
    sample_json_t *w = rec->w;
    int is_over = abatement <= rec->person->end;
    int number = sample_record_begin(
        rec, TYPE_Condition,
        category == CODE_CAT_DIAGNOSIS
            ? US_CORE("us-core-condition-encounter-diagnosis") "," US_CORE("us-core-condition")
            : US_CORE("us-core-condition-problems-health-concerns") "," US_CORE(
                  "us-core-condition"));
    put_array(w, "extension");
    put_object(w, NULL);
    put_word(w, "url", HL7_URL("condition-assertedDate"));
    put_day(w, "valueDateTime", rec->day);
    put_end(w, 2);
    put_category(w, "clinicalStatus", is_over ? CODE_CLIN_RESOLVED : CODE_CLIN_ACTIVE);
    put_category(w, "verificationStatus", CODE_VER_CONFIRMED);
    put_array(w, "category");
    put_category(w, NULL, category);
    if (category == CODE_CAT_CONCERN) { /* concerns here are all about social needs */
        put_category(w, NULL, CODE_CAT_SDOH);
        put_category(w, NULL, CODE_TAG_SDOH);
    }
    put_end(w, 1);
    put_concept(w, "code", code);
    put_subject(rec);
    put_encounter(rec);
    char day[11];
    put_word(w, "onsetDateTime", sample_day_text(day, onset, onset_length));
    if (is_over) {
        put_day(w, "abatementDateTime", abatement);
    }
    put_time(rec, "recordedDate", rec->day, rec->minute + 15);
    put_raw(w, "recorder", rec->site->doctor);
    sample_record_finish(rec);
    return number;
}

int sample_care_procedure(sample_record_t *rec, sample_code_id_t code, int condition, int order)
{
    sample_json_t *w = rec->w;
    int number = sample_record_begin(rec, TYPE_Procedure, US_CORE("us-core-procedure"));
    if (order) {
        put_array(w, "basedOn");
        put_ref(rec, NULL, TYPE_ServiceRequest, order);
        put_end(w, 1);
    }
    put_word(w, "status", "completed");
    put_concept(w, "code", code);
    put_subject(rec);
    put_encounter(rec);
    if (rec->person->shows & (SHOWS_UNKNOWNS | SHOWS_UNTIMED) &&
        number % 4 == 1) { /* done, but without a date */
        put_raw(w, "_performedDateTime",
                "{\"extension\":[{\"url\":\"" HL7_URL(
                    "data-absent-reason") "\",\"valueCode\":\"unknown\"}]}");
    }
    else {
        put_time(rec, "performedDateTime", rec->day, rec->minute + 12);
    }
    put_array(w, "performer");
    put_object(w, NULL);
    put_raw(w, "actor", rec->site->doctor);
    put_end(w, 2);
    put_raw(w, "location", rec->site->place);
    if (condition) {
        put_array(w, "reasonReference");
        put_ref(rec, NULL, TYPE_Condition, condition);
        put_end(w, 1);
    }
    sample_record_finish(rec);
    return number;
}

static const struct {
    sample_code_id_t code, manifestation;
    const char *category, *severity;
    int share; /* thousandths of all patients */
} allergies[] = {
    {CODE_ALG_PENICILLIN, CODE_RCT_HIVES, "medication", "moderate", 80},
    {CODE_ALG_SULFA, CODE_RCT_RASH, "medication", "mild", 30},
    {CODE_ALG_ASPIRIN, CODE_RCT_DYSPNEA, "medication", "moderate", 15},
    {CODE_ALG_PEANUT, CODE_RCT_ANAPHYLAXIS, "food", "severe", 20},
    {CODE_ALG_EGG, CODE_RCT_VOMITING, "food", "mild", 10},
    {CODE_ALG_TREENUT, CODE_RCT_ANGIOEDEMA, "food", "severe", 10},
    {CODE_ALG_LATEX, CODE_RCT_ITCHING, "environment", "mild", 15},
    {CODE_ALG_BEE, CODE_RCT_ANGIOEDEMA, "environment", "severe", 10},
    {CODE_ALG_POLLEN, CODE_RCT_RHINO, "environment", "mild", 80},
    {CODE_ALG_DANDER, CODE_RCT_RHINO, "environment", "mild", 40},
    {CODE_ALG_MOLD, CODE_RCT_RHINO, "environment", "mild", 20},
};

static void allergy(sample_record_t *rec, sample_code_id_t code, const char *kind,
                    sample_code_id_t manifestation, const char *severity)
{
    sample_json_t *w = rec->w;
    sample_record_begin(rec, TYPE_AllergyIntolerance, US_CORE("us-core-allergyintolerance"));
    /* Children outgrow some of these; some are only suspected. */
    put_category(w, "clinicalStatus",
                 code == CODE_ALG_EGG && sample_write_age(rec) > 12       ? CODE_ALLERGY_RESOLVED
                 : code == CODE_ALG_DANDER && rec->person->house % 4 == 0 ? CODE_ALLERGY_INACTIVE
                                                                          : CODE_ALLERGY_ACTIVE);
    put_category(w, "verificationStatus",
                 code == CODE_ALG_ASPIRIN || code == CODE_ALG_MOLD ? CODE_ALLERGY_UNCONFIRMED
                                                                   : CODE_ALLERGY_CONFIRMED);
    put_word(w, "type", "allergy");
    if (kind) {
        put_array(w, "category");
        put_word(w, NULL, kind);
        put_end(w, 1);
        put_word(w, "criticality", strcmp(severity, "severe") == 0 ? "high" : "low");
    }
    put_concept(w, "code", code);
    put_ref(rec, "patient", TYPE_Patient, 0);
    put_encounter(rec);
    put_time(rec, "recordedDate", rec->day, rec->minute + 8);
    put_raw(w, "recorder", rec->site->doctor);
    if (kind) {
        put_array(w, "reaction");
        put_object(w, NULL);
        put_concepts(w, "manifestation", manifestation);
        put_word(w, "severity", severity);
        put_end(w, 2);
    }
    sample_record_finish(rec);
}

void sample_care_allergies(sample_record_t *rec)
{
    int is_first = rec->person->index == 1; /* the guides' patient has one of each kind */
    for (apr_size_t i = 0; i < sizeof(allergies) / sizeof(*allergies); i++) {
        if ((is_first && i % 3 == 0) || rng_chance(&rec->rng, allergies[i].share)) {
            allergy(rec, allergies[i].code, allergies[i].category, allergies[i].manifestation,
                    allergies[i].severity);
            if (allergies[i].manifestation == CODE_RCT_ANAPHYLAXIS) {
                sample_meds_request(rec, DRUG_EPINEPHRINE, 0, CODE_NONE, 0);
            }
        }
    }
    if (rec->count[TYPE_AllergyIntolerance] == 0) {
        allergy(rec, CODE_ALG_NONE, NULL, CODE_NONE, NULL);
    }
}

static void member(sample_json_t *w, sample_code_id_t role, const char *reference,
                   const char *on_behalf_of)
{
    put_object(w, NULL);
    put_concepts(w, "role", role);
    put_raw(w, "member", reference);
    if (on_behalf_of) {
        put_raw(w, "onBehalfOf", on_behalf_of);
    }
    put_end(w, 1);
}

static int care_team(sample_record_t *rec)
{
    sample_json_t *w = rec->w;
    int number = sample_record_begin(rec, TYPE_CareTeam, US_CORE("us-core-careteam"));
    put_word(w, "status", "active");
    put_word(w, "name", "Primary care team");
    put_subject(rec);
    put_object(w, "period");
    put_day(w, "start", rec->person->start);
    put_end(w, 1);
    put_array(w, "participant");
    member(w, CODE_ROLE_PCP, rec->home.doctor, rec->home.org);
    member(w, CODE_NUCC_NURSE, rec->home.nurse, NULL);
    member(w, CODE_ROLE_PATIENT, rec->self, NULL);
    if (sample_write_ill_days(rec, ILL_HEART_FAILURE) >= 0 ||
        sample_write_ill_days(rec, ILL_DIABETES) >= 0) {
        member(w, CODE_ROLE_CARDIOLOGIST, rec->cardiologist, NULL);
    }
    if (rec->count[TYPE_RelatedPerson] && !(rec->person->shows & SHOWS_PLAIN_TEAM)) {
        put_object(w, NULL);
        put_concepts(w, "role", CODE_ROLE_CAREGIVER);
        put_ref(rec, "member", TYPE_RelatedPerson, 1);
        put_end(w, 1);
    }
    if (rec->person->shows & SHOWS_UNKNOWNS) {
        member(w, CODE_ABSENT_UNKNOWN, rec->home.org, NULL);
    }
    put_end(w, 1);
    put_array(w, "managingOrganization");
    put_raw(w, NULL, rec->home.org);
    put_end(w, 1);
    sample_record_finish(rec);
    return number;
}

/* A goal is the illness's, or about social needs. */
static int goal(sample_record_t *rec, sample_code_id_t code, const char *text, int condition)
{
    sample_json_t *w = rec->w;
    int number = sample_record_begin(rec, TYPE_Goal, US_CORE("us-core-goal"));
    put_word(w, "lifecycleStatus", "active");
    put_category(w, "achievementStatus", CODE_GOAL_IN_PROGRESS);
    put_category(w, "priority", CODE_GOAL_MEDIUM);
    if (code == CODE_NONE) {
        put_object(w, "description");
        put_text(w, "text", text);
        put_end(w, 1);
    }
    else {
        put_concept_of(w, "description", &code, 1, text);
    }
    put_subject(rec);
    put_day(w, "startDate", rec->day);
    put_array(w, "target");
    put_object(w, NULL);
    put_day(w, "dueDate", rec->day + 183);
    put_end(w, 2);
    if (number % 2) {
        put_raw(w, "expressedBy", rec->self);
    }
    else {
        put_raw(w, "expressedBy", rec->home.doctor);
    }
    if (condition) {
        put_array(w, "addresses");
        put_ref(rec, NULL, TYPE_Condition, condition);
        put_end(w, 1);
    }
    sample_record_finish(rec);
    return number;
}

static void narrative(sample_json_t *w, const sample_illness_t *ill)
{
    put_object(w, "text");
    put_word(w, "status", "generated");
    char div[512];
    snprintf(div, sizeof(div),
             "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>%s</p><ul><li>%s</li><li>%s</li></ul>"
             "<p>Goal: %s</p></div>",
             sample_codes[ill->plan].display, sample_codes[ill->activity[0]].display,
             sample_codes[ill->activity[1]].display, ill->goal);
    put_text(w, "div", div);
    put_end(w, 1);
}

static void care_plan(sample_record_t *rec, const sample_problem_t *problem, int team,
                      int goal_number)
{
    const sample_illness_t *ill = problem->illness;
    sample_json_t *w = rec->w;
    sample_record_begin(rec, TYPE_CarePlan, US_CORE("us-core-careplan"));
    narrative(w, ill);
    put_word(w, "status", "active");
    put_word(w, "intent", "plan");
    put_array(w, "category");
    put_category(w, NULL, CODE_CAT_ASSESS_PLAN);
    put_concept(w, NULL, ill->plan);
    put_end(w, 1);
    put_subject(rec);
    put_encounter(rec);
    put_object(w, "period");
    put_day(w, "start", rec->day);
    put_end(w, 1);
    put_raw(w, "author", rec->home.doctor);
    put_array(w, "contributor");
    put_raw(w, NULL, rec->home.doctor);
    put_end(w, 1);
    put_array(w, "careTeam");
    put_ref(rec, NULL, TYPE_CareTeam, team);
    put_end(w, 1);
    if (problem->condition) {
        put_array(w, "addresses");
        put_ref(rec, NULL, TYPE_Condition, problem->condition);
        put_end(w, 1);
    }
    put_array(w, "goal");
    put_ref(rec, NULL, TYPE_Goal, goal_number);
    put_end(w, 1);
    put_array(w, "activity");
    for (int i = 0; i < 2; i++) {
        put_object(w, NULL);
        put_object(w, "detail");
        put_concept(w, "code", ill->activity[i]);
        put_word(w, "status", "in-progress");
        put_raw(w, "location", rec->home.place);
        put_end(w, 2);
    }
    put_end(w, 1);
    sample_record_finish(rec);
}

void sample_care_needs(sample_record_t *rec)
{
    int food =
        sample_care_condition(rec, CODE_FOOD, CODE_CAT_CONCERN, rec->day - 90, 7, SAMPLE_NEVER);
    int order = sample_study_request(rec, CODE_PRC_FOOD_PANTRY, CODE_ORD_SOCIAL, food);
    sample_care_condition(rec, CODE_TRANSPORT, CODE_CAT_CONCERN, rec->day - 400, 4, rec->day - 30);
    sample_care_procedure(rec, CODE_PRC_SOCIAL_ASSESSMENT, food, order);
    goal(rec, CODE_GOAL_EMPLOYMENT, "Find steady work", food);
}

void sample_care_plans(sample_record_t *rec)
{
    const sample_person_t *p = rec->person;
    int team = care_team(rec);
    for (int i = 0; i < p->problems; i++) {
        const sample_illness_t *ill = p->problem[i].illness;
        if (!p->problem[i].condition) {
            continue;
        }
        int goal_number =
            goal(rec,
                 ill->activity[1] == CODE_PRC_EXERCISE || ill->activity[1] == CODE_ACT_ACTIVITY
                     ? CODE_GOAL_EXERCISE
                     : CODE_NONE,
                 ill->goal, p->problem[i].condition);
        if (ill->plan != CODE_NONE) {
            care_plan(rec, &p->problem[i], team, goal_number);
        }
    }
}
