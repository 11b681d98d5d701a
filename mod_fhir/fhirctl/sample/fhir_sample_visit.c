/* SPDX-License-Identifier: Apache-2.0 */
/* What happens at a visit, in the order of the record: encounter, what was measured and found,
 * what was done and ordered, the note, and the provenance of it all. */
#include <stdio.h>

#include "fhirctl/sample/fhir_sample_write.h"

/** How a kind of visit is written. */
static const struct {
    fhir_sample_code_id_t class, type;
    int minutes;
    const char *title; /* of the note */
    fhir_sample_code_id_t note;
} kinds[VISIT_KIND_COUNT] = {
    [VISIT_BIRTH] = {CODE_CLASS_IMP, CODE_ENC_ADMISSION, 2880, "Newborn", CODE_NOTE_DISCHARGE},
    [VISIT_WELL_CHILD] = {CODE_CLASS_AMB, CODE_ENC_WELLCHILD, 30, "Well child visit",
                          CODE_NOTE_PROGRESS},
    [VISIT_CHECKUP] = {CODE_CLASS_AMB, CODE_ENC_CHECKUP, 30, "Check-up", CODE_NOTE_HP},
    [VISIT_FOLLOWUP] = {CODE_CLASS_AMB, CODE_ENC_FOLLOWUP, 20, "Follow-up", CODE_NOTE_PROGRESS},
    [VISIT_AILMENT] = {CODE_CLASS_AMB, CODE_ENC_SYMPTOM, 20, "Visit for symptoms",
                       CODE_NOTE_PROGRESS},
    [VISIT_PRENATAL] = {CODE_CLASS_AMB, CODE_ENC_PRENATAL, 25, "Prenatal visit",
                        CODE_NOTE_PROGRESS},
    [VISIT_DELIVERY] = {CODE_CLASS_IMP, CODE_ENC_DELIVERY, 2880, "Delivery", CODE_NOTE_DISCHARGE},
    [VISIT_STAY] = {CODE_CLASS_IMP, CODE_ENC_ADMISSION, 4320, "Hospital stay", CODE_NOTE_DISCHARGE},
};

/** A visit while it is written. */
typedef struct now_t {
    const fhir_sample_visit_t *visit;
    fhir_sample_code_id_t class, type;
    int minutes;
    fhir_sample_code_id_t reason; /* or CODE_NONE */
    int condition;                /* number of the Condition that is the reason, 0: none */
    const fhir_sample_site_t *site;
} now_t;

static void encounter(fhir_sample_record_t *rec, const now_t *now)
{
    fhir_sample_json_t *w = rec->w;
    char text[96];

    rec->encounter = fhir_sample_record_begin(rec, TYPE_Encounter, US_CORE("us-core-encounter"));
    if (rec->person->language != CODE_LANG_EN) {
        put_array(w, "extension");
        put_object(w, NULL);
        put_word(w, "url", US_CORE_URL("us-core-interpreter-needed"));
        put_coding(w, "valueCoding", rec->person->shows & SHOWS_INTERPRETER ? CODE_YES : CODE_NO);
        put_end(w, 2);
    }
    put_array(w, "identifier");
    snprintf(text, sizeof(text), "V-%s-%d", rec->id, rec->encounter);
    put_identifier(w, NULL, "http://sample.example/visits", text);
    put_end(w, 1);
    put_word(w, "status", "finished");
    put_coding(w, "class", now->class);
    put_concepts(w, "type", now->type);
    put_subject(rec);
    put_array(w, "participant");
    put_object(w, NULL);
    put_categories(w, "type", CODE_PART_PPRF);
    put_period(rec, "period", rec->day, rec->minute, now->minutes);
    put_raw(w, "individual", now->site->doctor);
    put_end(w, 2);
    put_period(rec, "period", rec->day, rec->minute, now->minutes);
    if (now->reason != CODE_NONE) {
        put_concepts(w, "reasonCode", now->reason);
    }
    if (now->condition) {
        put_array(w, "reasonReference");
        put_ref(rec, NULL, TYPE_Condition, now->condition);
        put_end(w, 1);
    }
    if (now->class == CODE_CLASS_IMP || now->class == CODE_CLASS_EMER) {
        put_object(w, "hospitalization");
        put_concept(w, "dischargeDisposition", CODE_DISP_HOME);
        put_end(w, 1);
    }
    put_array(w, "location");
    put_object(w, NULL);
    put_raw(w, "location", now->site->place);
    put_word(w, "status", "completed");
    put_end(w, 2);
    put_raw(w, "serviceProvider", now->site->org);
    fhir_sample_record_finish(rec);
}

static void agent(fhir_sample_json_t *w, fhir_sample_code_id_t type, const char *who,
                  const char *on_behalf_of)
{
    put_object(w, NULL);
    put_concept(w, "type", type);
    put_raw(w, "who", who);
    put_raw(w, "onBehalfOf", on_behalf_of);
    put_end(w, 1);
}

static void provenance(fhir_sample_record_t *rec, int minutes)
{
    fhir_sample_json_t *w = rec->w;
    int i;

    fhir_sample_record_begin(rec, TYPE_Provenance, US_CORE("us-core-provenance"));
    put_array(w, "target");
    for (i = 0; i < rec->targets; i++) {
        char id[96];

        snprintf(id, sizeof(id), "%s-%d", rec->id, rec->target[i].number);
        put_ref_to(w, NULL, rec->target[i].type, id, NULL);
    }
    if (rec->count[TYPE_Provenance] == 1) {
        put_ref_to(w, NULL, TYPE_Patient, rec->id, NULL);
    }
    put_end(w, 1);
    put_instant(rec, "recorded", rec->day, rec->minute + minutes);
    put_array(w, "agent");
    agent(w, CODE_PROV_AUTHOR, rec->site->doctor, rec->site->org);
    agent(w, CODE_PROV_TRANSMITTER, rec->site->org, rec->home.org);
    put_end(w, 1);
    fhir_sample_record_finish(rec);
    rec->targets = 0;
}

/* Illnesses that have begun since the last visit are found at this one. */
static void diagnose(fhir_sample_record_t *rec, fhir_sample_person_t *p)
{
    int i, d;

    for (i = 0; i < p->problems; i++) {
        fhir_sample_problem_t *problem = &p->problem[i];
        int years;

        if (problem->condition || problem->onset > rec->day) {
            continue;
        }
        /* What began long ago is remembered by month or year. */
        years = (rec->day - problem->onset) / 365;
        problem->recorded = rec->day;
        problem->condition = fhir_sample_care_condition(rec, problem->illness->code,
                                                        CODE_CAT_PROBLEM, problem->onset,
                                                        years > 5   ? 4
                                                        : years > 1 ? 7
                                                                    : 10,
                                                        FHIR_SAMPLE_NEVER);
        for (d = 0; d < FHIR_SAMPLE_ILLNESS_MEDS; d++) {
            if (problem->illness->drug[d] != DRUG_NONE && (d == 0 || rng_chance(&rec->rng, 500))) {
                problem->requests[d] =
                    fhir_sample_meds_request(rec, problem->illness->drug[d], problem->condition, 0);
            }
        }
    }
}

static void treat(fhir_sample_record_t *rec, const fhir_sample_ailment_t *ailment)
{
    int is_child = fhir_sample_write_age(rec) < 14;
    int condition = fhir_sample_care_condition(
        rec, ailment->code, CODE_CAT_DIAGNOSIS,
        rec->day - (ailment->fever ? rng_range(&rec->rng, 0, 3) : 0), 10, rec->day + ailment->days);
    fhir_sample_drug_id_t drug = is_child ? ailment->drug_child : ailment->drug;

    fhir_sample_lab_write(rec, ailment->panels);
    if (ailment->procedure != CODE_NONE) {
        fhir_sample_care_procedure(rec, ailment->procedure, condition);
    }
    if (drug != DRUG_NONE) {
        fhir_sample_meds_request(rec, drug, condition, 1);
    }
}

/* The panels of all illnesses whose time has come again; those of a hospital stay in any case. */
static unsigned panels_due(const fhir_sample_record_t *rec, fhir_sample_person_t *p, int is_stay)
{
    unsigned panels = 0;
    int i;

    for (i = 0; i < p->problems; i++) {
        fhir_sample_problem_t *problem = &p->problem[i];

        if (problem->onset <= rec->day &&
            (is_stay || rec->day - problem->measured > problem->illness->visit_days - 30)) {
            panels |= problem->illness->panels;
            problem->measured = rec->day;
        }
    }
    return panels;
}

static void note(fhir_sample_record_t *rec, const now_t *now)
{
    const fhir_sample_person_t *p = rec->person;
    char text[2048], day[11];
    int len, i;

    len = snprintf(text, sizeof(text),
                   "%s\n%s\n\nPatient: %s, %d years, %s\n\nSubjective\n%s.\n\nProblems\n",
                   kinds[now->visit->kind].title, fhir_sample_day_text(day, rec->day, 10),
                   p->display, fhir_sample_write_age(rec), p->is_female ? "female" : "male",
                   now->visit->ailment ? now->visit->ailment->story : "No new complaints");
    for (i = 0; i < p->problems; i++) {
        if (p->problem[i].condition) {
            len += snprintf(text + len, sizeof(text) - (size_t)len, "- %s since %s\n",
                            fhir_sample_codes[p->problem[i].illness->code].display,
                            fhir_sample_day_text(day, p->problem[i].onset, 4));
        }
    }
    snprintf(text + len, sizeof(text) - (size_t)len,
             "\nAssessment and plan\n%s. Continue the current treatment. Return %s.\n",
             now->visit->ailment ? fhir_sample_codes[now->visit->ailment->code].display
                                 : "Stable course",
             now->visit->ailment ? "if not better in a week" : "as scheduled");
    fhir_sample_note_write(rec, kinds[now->visit->kind].note, text);
}

static void visit(fhir_sample_record_t *rec, fhir_sample_person_t *p, const fhir_sample_visit_t *v,
                  int last_day, const fhir_sample_site_t *hospital,
                  const fhir_sample_site_t *emergency)
{
    now_t now = {
        v,         kinds[v->kind].class, kinds[v->kind].type, kinds[v->kind].minutes, CODE_NONE, 0,
        &rec->home};

    rec->day = v->day;
    rec->minute = 480 + rng_below(&rec->rng, 36) * 15;
    if (now.class == CODE_CLASS_IMP) {
        now.site = hospital;
    }
    if (v->ailment) {
        now.reason = v->ailment->code;
        now.condition = rec->count[TYPE_Condition] + 1;
        if (v->ailment->setting == SETTING_EMERGENCY) {
            now.class = CODE_CLASS_EMER;
            now.type = CODE_ENC_EMERGENCY;
            now.minutes = 150;
            now.site = emergency;
        }
        else if (v->ailment->setting == SETTING_VIRTUAL) {
            now.class = CODE_CLASS_VR;
        }
    }
    if (v->problem && v->problem->condition) {
        now.reason = v->problem->illness->code;
        now.condition = v->problem->condition;
    }
    rec->site = now.site;
    encounter(rec, &now);
    if (v->ailment) {
        treat(rec, v->ailment);
    }
    fhir_sample_vitals_write(rec, v->ailment ? v->ailment->fever : 0);
    if (rec->encounter == 1) {
        fhir_sample_care_allergies(rec);
    }
    diagnose(rec, p);
    if (v->kind == VISIT_FOLLOWUP || v->kind == VISIT_STAY) {
        fhir_sample_lab_write(rec, panels_due(rec, p, v->kind == VISIT_STAY));
    }
    if (v->kind == VISIT_CHECKUP) {
        if (p->smoking != CODE_NONE) {
            fhir_sample_vitals_smoking(rec);
        }
        fhir_sample_lab_write(rec, PANEL_CMP | PANEL_LIPID | PANEL_CBC);
        fhir_sample_care_procedure(rec, CODE_PRC_MED_REVIEW, 0);
    }
    if (v->kind != VISIT_AILMENT && v->kind != VISIT_STAY) {
        fhir_sample_vaccine_write(rec, last_day);
    }
    note(rec, &now);
    provenance(rec, now.minutes + 60);
}

void fhir_sample_life_write(fhir_sample_run_t *run, fhir_sample_person_t *p)
{
    fhir_sample_visit_t visits[FHIR_SAMPLE_VISITS];
    fhir_sample_record_t rec;
    fhir_sample_site_t hospital, emergency, other;
    int count, i;

    memset(&rec, 0, sizeof(rec));
    rec.run = run;
    rec.w = &run->w;
    rec.person = p;
    rec.rng = rng_stream(p->seed, (uint64_t)p->index, 2);
    memcpy(rec.id, p->id, sizeof(rec.id));
    fhir_sample_practice_site(&rec.home, run->seed, p->region, p->org, PLACE_MAIN, p->pcp,
                              fhir_sample_practice_people(p->org));
    fhir_sample_practice_site(&hospital, run->seed, p->region, ORG_HOSPITAL, PLACE_WARD,
                              HOSPITAL_MEDICINE, HOSPITAL_NURSE);
    fhir_sample_practice_site(&emergency, run->seed, p->region, ORG_HOSPITAL, PLACE_EMERGENCY,
                              HOSPITAL_EMERGENCY, HOSPITAL_NURSE);
    fhir_sample_practice_site(&other, run->seed, p->region, ORG_LAB, PLACE_MAIN, 1, 1);
    memcpy(rec.lab, other.org, sizeof(rec.lab));
    fhir_sample_practice_site(&other, run->seed, p->region, ORG_PHARMACY, PLACE_MAIN, 1, 1);
    memcpy(rec.pharmacy, other.org, sizeof(rec.pharmacy));
    memcpy(rec.pharmacist, other.doctor, sizeof(rec.pharmacist));
    rec.site = &rec.home;
    fhir_sample_person_write(&rec);
    count = fhir_sample_life_plan(visits, p, &rec.rng);
    for (i = 0; i < count; i++) {
        visit(&rec, p, &visits[i], i ? visits[i - 1].day : p->start - 1, &hospital, &emergency);
    }
    if (count && p->death == FHIR_SAMPLE_NEVER) {
        fhir_sample_care_plans(&rec);
        provenance(&rec, 90);
    }
}
