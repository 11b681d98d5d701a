/* SPDX-License-Identifier: Apache-2.0 */
/* What happens at a visit, in the order of the record: encounter, measurements and findings,
 * procedures and orders, the note, and the provenance of all. */
#include <stdio.h>

#include "fhirctl/sample/sample_first.h"
#include "fhirctl/sample/sample_schedule.h"
#include "fhirctl/sample/sample_write.h"

/** How a kind of visit is written. */
static const struct {
    sample_code_id_t class, type;
    int minutes;
    const char *title; /* of the note */
    sample_code_id_t note;
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
    [VISIT_POSTNATAL] = {CODE_CLASS_AMB, CODE_ENC_POSTNATAL, 25, "Postnatal visit",
                         CODE_NOTE_PROGRESS},
    [VISIT_OPERATION] = {CODE_CLASS_IMP, CODE_ENC_ADMISSION, 4320, "Operation",
                         CODE_NOTE_DISCHARGE},
    [VISIT_STAY] = {CODE_CLASS_IMP, CODE_ENC_ADMISSION, 4320, "Hospital stay", CODE_NOTE_DISCHARGE},
};

/** A visit while it is written. */
typedef struct now_t {
    const sample_visit_t *visit;
    sample_code_id_t class, type;
    int minutes;
    sample_code_id_t reason; /* or CODE_NONE */
    int condition;           /* number of the Condition that is the reason, 0: none */
    sample_code_id_t note;   /* type of the note */
    int appointment;         /* number of the Appointment, 0: none */
    const sample_site_t *site;
} now_t;

typedef struct places_t {
    sample_site_t hospital, emergency, surgery, cardiology, pediatric;
} places_t;

static void encounter(sample_record_t *rec, const now_t *now)
{
    sample_json_t *w = rec->w;
    rec->encounter = sample_record_begin(rec, TYPE_Encounter, US_CORE("us-core-encounter"));
    if (rec->person->language != CODE_LANG_EN) {
        put_array(w, "extension");
        put_object(w, NULL);
        put_word(w, "url", US_CORE_URL("us-core-interpreter-needed"));
        put_coding(w, "valueCoding", rec->person->shows & SHOWS_INTERPRETER ? CODE_YES : CODE_NO);
        put_end(w, 2);
    }
    put_array(w, "identifier");
    char text[96];
    snprintf(text, sizeof(text), "V-%s-%d", rec->id, rec->encounter);
    put_identifier(w, NULL, "http://sample.example/visits", text);
    put_end(w, 1);
    put_word(w, "status", "finished");
    put_coding(w, "class", now->class);
    put_concepts(w, "type", now->type);
    put_subject(rec);
    if (now->appointment) {
        put_array(w, "appointment");
        put_ref(rec, NULL, TYPE_Appointment, now->appointment);
        put_end(w, 1);
    }
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
    sample_record_finish(rec);
}

static void agent(sample_json_t *w, sample_code_id_t type, const char *who,
                  const char *on_behalf_of)
{
    put_object(w, NULL);
    put_concept(w, "type", type);
    put_raw(w, "who", who);
    put_raw(w, "onBehalfOf", on_behalf_of);
    put_end(w, 1);
}

static void provenance(sample_record_t *rec, int minutes, const char *author)
{
    sample_json_t *w = rec->w;
    sample_record_begin(rec, TYPE_Provenance, US_CORE("us-core-provenance"));
    put_array(w, "target");
    for (int i = 0; i < rec->targets; i++) {
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
    agent(w, CODE_PROV_AUTHOR, author, rec->site->org);
    agent(w, CODE_PROV_TRANSMITTER, rec->site->org, rec->home.org);
    put_end(w, 1);
    sample_record_finish(rec);
    rec->targets = 0;
}

/* Illnesses that began since the last visit are diagnosed at this one; the date of an old illness
 * is known by month or year only. */
static void diagnose(sample_record_t *rec, sample_person_t *p)
{
    for (int i = 0; i < p->problems; i++) {
        sample_problem_t *problem = &p->problem[i];
        int years = (rec->day - problem->onset) / 365;
        if (problem->onset > rec->day) {
            continue;
        }
        if (problem->condition) {
            sample_meds_renew(rec, problem);
            continue;
        }
        problem->condition =
            sample_care_condition(rec, problem->illness->code, CODE_CAT_PROBLEM, problem->onset,
                                  years > 5   ? 4
                                  : years > 1 ? 7
                                              : 10,
                                  SAMPLE_NEVER);
        for (int d = 0; d < SAMPLE_ILLNESS_MEDS; d++) {
            if (problem->illness->drug[d] != DRUG_NONE && (d == 0 || rng_chance(&rec->rng, 500))) {
                problem->requests[d] = sample_meds_request(
                    rec, problem->illness->drug[d], problem->condition, problem->illness->code, 0);
                problem->prescribed[d] = rec->day;
            }
        }
    }
}

static void treat(sample_record_t *rec, const sample_ailment_t *ailment)
{
    int is_child = sample_write_age(rec) < 14;
    int condition = sample_care_condition(
        rec, ailment->code, CODE_CAT_DIAGNOSIS,
        rec->day - (ailment->fever ? rng_range(&rec->rng, 0, 3) : 0), 10, rec->day + ailment->days);
    sample_drug_id_t drug = is_child ? ailment->drug_child : ailment->drug;
    sample_lab_write(rec, ailment->panels);
    if (ailment->procedure != CODE_NONE) {
        sample_care_procedure(rec, ailment->procedure, condition, 0);
    }
    if (drug != DRUG_NONE) {
        int request = sample_meds_request(rec, drug, condition, ailment->code,
                                          rec->day + ailment->days <= rec->person->end);
        if (ailment->setting == SETTING_EMERGENCY) {
            sample_meds_given(rec, drug, request, 50, 0, 1);
        }
    }
}

/* The panels of all illnesses that are due again; those of a hospital stay always. */
static unsigned panels_due(const sample_record_t *rec, sample_person_t *p, int is_stay)
{
    unsigned panels = 0;
    for (int i = 0; i < p->problems; i++) {
        sample_problem_t *problem = &p->problem[i];
        if (problem->onset <= rec->day &&
            (is_stay || rec->day - problem->measured > problem->illness->visit_days - 30)) {
            panels |= problem->illness->panels;
            problem->measured = rec->day;
        }
    }
    return panels;
}

static void note(sample_record_t *rec, const now_t *now)
{
    const sample_person_t *p = rec->person;
    char text[2048], day[11];

    int len = snprintf(text, sizeof(text),
                       "%s\n%s\n\nPatient: %s, %d years, %s\n\nSubjective\n%s.\n\nProblems\n",
                       kinds[now->visit->kind].title, sample_day_text(day, rec->day, 10),
                       p->display, sample_write_age(rec), p->is_female ? "female" : "male",
                       now->visit->ailment ? now->visit->ailment->story : "No new complaints");
    for (int i = 0; i < p->problems; i++) {
        if (p->problem[i].condition) {
            len += snprintf(text + len, sizeof(text) - (size_t)len, "- %s since %s\n",
                            sample_codes[p->problem[i].illness->code].display,
                            sample_day_text(day, p->problem[i].onset, 4));
        }
    }
    snprintf(text + len, sizeof(text) - (size_t)len,
             "\nAssessment and plan\n%s. Continue the current treatment. Return %s.\n",
             now->visit->ailment ? sample_codes[now->visit->ailment->code].display
                                 : "Stable course",
             now->visit->ailment ? "if not better in a week" : "as scheduled");
    sample_note_write(rec, now->note, text);
}

/* The first minutes: color, heart, reflexes, tone and breath make ten points. */
static void newborn(sample_record_t *rec)
{
    static const sample_code_id_t score[][2] = {{CODE_APGAR_COLOR, CODE_LA_GOOD_COLOR},
                                                {CODE_APGAR_HEART, CODE_LA_OVER_100},
                                                {CODE_APGAR_REFLEX, CODE_LA_GRIMACE},
                                                {CODE_APGAR_TONE, CODE_LA_ACTIVE},
                                                {CODE_APGAR_BREATH, CODE_LA_CRY}};
    sample_observe_t o = {.profiles = US_CORE("us-core-observation-clinical-result"),
                          .category = {CODE_CAT_EXAM}};
    sample_care_condition(rec, CODE_LIVEBORN, CODE_CAT_DIAGNOSIS, rec->day, 10, rec->day + 2);
    for (int i = 0; i < 5; i++) {
        o.code[0] = score[i][0];
        sample_observe_coded(rec, &o, score[i][1], NULL);
    }
    o.code[0] = CODE_APGAR;
    sample_observe_begin(rec, &o);
    put_quantity(rec->w, "valueQuantity", 10000, 0, "score", "{score}");
    sample_record_finish(rec);
    sample_care_procedure(rec, CODE_PRC_HEARING, 0, 0);
}

static void prenatal(sample_record_t *rec, const sample_person_t *p)
{
    int birth = p->end - SAMPLE_BIRTH_DAYS;
    if (!rec->pregnancy) {
        rec->pregnancy =
            sample_care_condition(rec, CODE_PREGNANCY, CODE_CAT_PROBLEM, birth - 270, 10, birth);
        sample_care_procedure(rec, CODE_PRC_PREGNANCY_TEST, rec->pregnancy, 0);
        sample_lab_write(rec, PANEL_CBC | PANEL_URINE);
    }
    sample_social_pregnancy(rec);
    sample_care_procedure(rec, CODE_PRC_FETAL_HEART, rec->pregnancy, 0);
    sample_care_procedure(rec, CODE_PRC_FUNDAL, rec->pregnancy, 0);
}

static void stay(sample_record_t *rec, const sample_visit_t *v)
{
    sample_code_id_t code = v->problem ? v->problem->illness->code : CODE_NONE;
    int condition = v->problem ? v->problem->condition : 0;
    for (int dose = 0; v->problem && dose < 3; dose++) { /* the second night is slept through */
        sample_meds_given(rec, v->problem->illness->drug[0], v->problem->requests[0],
                          240 + dose * 1440, 1, dose != 1);
    }
    sample_care_procedure(rec,
                          code == CODE_CORONARY ? CODE_PRC_PCI
                          : code == CODE_AFIB   ? CODE_PRC_CARDIOVERSION
                                                : CODE_PRC_ECHO,
                          condition, 0);
    sample_note_write(rec, CODE_NOTE_CONSULT,
                      "Cardiology consultation\n\nAsked for advice on treatment. Echocardiogram "
                      "reviewed. Continue the current drugs, low salt diet, weigh daily.\n");
}

/* Resources that occur once, in the last years of the record. */
static void shows(sample_record_t *rec, const sample_person_t *p)
{
    int age = sample_write_age(rec);
    if (rec->shown || rec->day < p->end - 1100) {
        return;
    }
    rec->shown = 1;
    sample_social_write(rec);
    if (p->shows & SHOWS_NEEDS) {
        sample_care_needs(rec);
    }
    if (p->shows & SHOWS_STUDIES) {
        sample_study_write(rec, CODE_RPT_CHEST_XRAY);
        sample_study_write(rec, CODE_RPT_ECG);
        if (age >= 45) {
            sample_care_procedure(rec, CODE_PRC_COLONOSCOPY, 0, 0);
            sample_study_write(rec, CODE_NOTE_PATHOLOGY);
        }
        if (p->is_female && age >= 45) {
            sample_study_write(rec, CODE_RPT_DXA);
        }
        sample_note_inline(rec, CODE_NOTE_LAB,
                           "Laboratory report\n\nAll results of today have been reviewed.\n");
    }
    if (p->shows & SHOWS_DIRECTIVES) {
        sample_directive_write(rec);
    }
    if (p->shows & SHOWS_EVERY_INTENT) {
        sample_meds_intents(rec);
    }
    if (p->shows & (SHOWS_UNKNOWNS | SHOWS_DECLINED)) {
        sample_vitals_refused(rec);
    }
}

static void set_scene(now_t *now, const sample_visit_t *v, const sample_record_t *rec,
                      const places_t *places)
{
    now->visit = v;
    now->class = kinds[v->kind].class;
    now->type = kinds[v->kind].type;
    now->minutes = kinds[v->kind].minutes;
    now->note = kinds[v->kind].note;
    now->site = now->class == CODE_CLASS_IMP ? &places->hospital : &rec->home;
    if (now->site == &rec->home && sample_day_age(rec->person->birth, v->day) < 18 &&
        rec->person->org != ORG_FAMILY) {
        now->site = &places->pediatric;
    }
    if (v->kind == VISIT_OPERATION) {
        now->site = v->problem && v->problem->illness->code == CODE_HEART_FAILURE
                        ? &places->cardiology
                        : &places->surgery;
    }
    if (v->ailment) {
        now->reason = v->ailment->code;
        now->condition = rec->count[TYPE_Condition] + 1;
    }
    if (v->ailment && v->ailment->setting == SETTING_EMERGENCY) {
        now->class = CODE_CLASS_EMER;
        now->type = CODE_ENC_EMERGENCY;
        now->minutes = 150;
        now->note = CODE_NOTE_EMERGENCY;
        now->site = &places->emergency;
    }
    else if (v->ailment && v->ailment->setting == SETTING_VIRTUAL) {
        now->class = CODE_CLASS_VR;
    }
    else if (v->ailment && rec->person->shows & SHOWS_UNKNOWNS) {
        now->type = CODE_ENC_UNKNOWN;
    }
    if (v->problem && v->problem->condition) {
        now->reason = v->problem->illness->code;
        now->condition = v->problem->condition;
    }
}

static void happenings(sample_record_t *rec, sample_person_t *p, const sample_visit_t *v)
{
    int is_surveyed = rec->day > sample_day_from(2005, 1, 1); /* questionnaires are young */
    switch (v->kind) {
    case VISIT_BIRTH:
        newborn(rec);
        break;
    case VISIT_CHECKUP:
        sample_lab_write(rec, PANEL_CMP | PANEL_LIPID | PANEL_CBC);
        sample_care_procedure(rec, CODE_PRC_MED_REVIEW, 0, 0);
        if (p->is_female && sample_write_age(rec) >= 50 && rec->encounter % 2) {
            sample_care_procedure(rec, CODE_PRC_MAMMOGRAPHY, 0, 0);
        }
        if (is_surveyed && rng_chance(&rec->rng, 350)) {
            sample_survey_write(rec);
        }
        break;
    case VISIT_FOLLOWUP:
        sample_lab_write(rec, panels_due(rec, p, 0));
        if (sample_write_ill_days(rec, ILL_ASTHMA) >= 0 ||
            sample_write_ill_days(rec, ILL_CHILD_ASTHMA) >= 0) {
            sample_care_procedure(rec, CODE_PRC_SPIROMETRY, 0, 0);
        }
        if (is_surveyed && sample_write_ill_days(rec, ILL_DEPRESSION) >= 0) {
            sample_survey_write(rec);
        }
        break;
    case VISIT_STAY:
        sample_lab_write(rec, panels_due(rec, p, 1));
        stay(rec, v);
        break;
    case VISIT_OPERATION:
        sample_device_write(rec, v->problem ? v->problem->condition : 0);
        sample_meds_given(rec, DRUG_ACETAMINOPHEN, 0, 600, 1, 1);
        break;
    case VISIT_PRENATAL:
        prenatal(rec, p);
        break;
    case VISIT_DELIVERY:
        sample_care_procedure(rec, CODE_PRC_CHILDBIRTH, rec->pregnancy, 0);
        sample_care_procedure(rec, CODE_PRC_EPIDURAL, rec->pregnancy, 0);
        break;
    default:
        break;
    }
}

static void visit(sample_record_t *rec, sample_person_t *p, const sample_visit_t *v, int last_day,
                  const places_t *places)
{
    now_t now = {0};
    int is_office = v->kind == VISIT_CHECKUP || v->kind == VISIT_FOLLOWUP ||
                    v->kind == VISIT_WELL_CHILD || v->kind == VISIT_PRENATAL;
    rec->day = v->day;
    rec->minute = 480 + rng_below(&rec->rng, 36) * 15;
    set_scene(&now, v, rec, places);
    rec->site = now.site;
    if (v->minute) {
        rec->minute = v->minute;
        now.appointment = sample_schedule_keep(rec);
    }
    encounter(rec, &now);
    if (v->ailment) {
        treat(rec, v->ailment);
    }
    sample_vitals_write(rec, v->ailment ? v->ailment->fever : 0);
    if (rec->encounter == 1) {
        sample_care_allergies(rec);
    }
    if (p->smoking != CODE_NONE && (v->kind == VISIT_CHECKUP || rec->encounter == 1) &&
        sample_write_age(rec) >= 13) {
        sample_vitals_smoking(rec);
    }
    diagnose(rec, p);
    happenings(rec, p, v);
    if (is_office) {
        shows(rec, p);
    }
    if (is_office || v->kind == VISIT_BIRTH) {
        sample_vaccine_write(rec, last_day);
    }
    note(rec, &now);
    provenance(rec, now.minutes + 60, rec->site->doctor);
}

static void set_places(sample_record_t *rec, places_t *places)
{
    uint64_t seed = rec->run->seed;
    const sample_person_t *p = rec->person;
    sample_practice_site(&rec->home, seed, p->region, p->org, PLACE_MAIN, p->pcp,
                         sample_practice_people(p->org));
    sample_practice_site(&places->hospital, seed, p->region, ORG_HOSPITAL, PLACE_WARD,
                         HOSPITAL_MEDICINE, HOSPITAL_NURSE);
    sample_practice_site(&places->emergency, seed, p->region, ORG_HOSPITAL, PLACE_EMERGENCY,
                         HOSPITAL_EMERGENCY, HOSPITAL_NURSE);
    sample_practice_site(&places->surgery, seed, p->region, ORG_HOSPITAL, PLACE_MAIN,
                         HOSPITAL_ORTHOPEDICS, HOSPITAL_NURSE);
    sample_practice_site(&places->cardiology, seed, p->region, ORG_HOSPITAL, PLACE_MAIN,
                         HOSPITAL_CARDIOLOGY, HOSPITAL_NURSE);
    sample_practice_site(&places->pediatric, seed, p->region, ORG_PEDIATRIC, PLACE_MAIN, p->pcp,
                         sample_practice_people(ORG_PEDIATRIC));
    memcpy(rec->cardiologist,
           p->shows & SHOWS_PLAIN_TEAM ? places->cardiology.doctor : places->cardiology.role,
           sizeof(rec->cardiologist));
    sample_site_t other;
    sample_practice_site(&other, seed, p->region, ORG_LAB, PLACE_MAIN, 1, 1);
    memcpy(rec->lab, other.org, sizeof(rec->lab));
    memcpy(rec->lab_person, other.doctor, sizeof(rec->lab_person));
    sample_practice_site(&other, seed, p->region, ORG_PHARMACY, PLACE_MAIN, 1, 1);
    memcpy(rec->pharmacy, other.org, sizeof(rec->pharmacy));
    memcpy(rec->pharmacist, other.doctor, sizeof(rec->pharmacist));
    sample_practice_site(&other, seed, p->region, ORG_PAYER, PLACE_MAIN, 0, 0);
    memcpy(rec->payer, other.org, sizeof(rec->payer));
    snprintf(rec->self, sizeof(rec->self), "{\"reference\":\"Patient/%s\",\"display\":\"%s\"}",
             p->id, p->display);
    rec->site = &rec->home;
}

void sample_life_write(sample_run_t *run, sample_person_t *p)
{
    sample_record_t rec;
    memset(&rec, 0, sizeof(rec));
    rec.run = run;
    rec.w = &run->w;
    rec.person = p;
    rec.rng = rng_stream(p->seed, (uint64_t)p->index, 2);
    memcpy(rec.id, p->id, sizeof(rec.id));
    places_t places;
    set_places(&rec, &places);
    sample_person_write(&rec);
    sample_visit_t visits[SAMPLE_VISITS];
    int count = sample_life_plan(visits, p, &rec.rng);
    if (count == 0) {
        return;
    }
    rec.day = p->start;
    rec.minute = 480;
    sample_admin_relatives(&rec);
    sample_admin_coverage(&rec);
    provenance(&rec, 30, rec.home.org);
    for (int i = 0; i < count; i++) {
        visit(&rec, p, &visits[i], i ? visits[i - 1].day : p->start - 1, &places);
    }
    if (p->death == SAMPLE_NEVER) {
        rec.site = sample_day_age(p->birth, p->end) < 18 && p->org != ORG_FAMILY ? &places.pediatric
                   : sample_write_ill_days(&rec, ILL_HEART_FAILURE) >= 0 ? &places.cardiology
                                                                         : &rec.home;
        sample_schedule_write(&rec, rec.site);
        rec.site = &rec.home;
        sample_care_plans(&rec);
        provenance(&rec, 90, rec.home.doctor);
    }
}
