/* SPDX-License-Identifier: Apache-2.0 */
/* Prescriptions, and what the pharmacy dispensed. */
#include <stdio.h>

#include "fhirctl/sample/sample_write.h"

#define RENEW_DAYS 360 /* a prescription lasts about a year */

static const char *unit_text(const char *ucum)
{
    return strcmp(ucum, "{tbl}") == 0           ? "tablet"
           : strcmp(ucum, "{capsule}") == 0     ? "capsule"
           : strcmp(ucum, "{puff}") == 0        ? "puff"
           : strcmp(ucum, "{injector}") == 0    ? "injector"
           : strcmp(ucum, "{application}") == 0 ? "application"
           : strcmp(ucum, "U") == 0             ? "units"
                                                : ucum;
}

static void medication_id(char out[32], const sample_drug_t *drug)
{
    snprintf(out, 32, "rxnorm-%s", sample_codes[drug->code].code);
}

void sample_meds_shared(sample_run_t *run)
{
    for (int i = DRUG_NONE + 1; i < DRUG_COUNT; i++) {
        char id[32];
        medication_id(id, &sample_drugs[i]);
        sample_record_begin_as(run, TYPE_Medication, id, US_CORE("us-core-medication"));
        put_concept(&run->w, "code", sample_drugs[i].code);
        put_word(&run->w, "status", "active");
        sample_record_finish_as(run, TYPE_Medication, id);
    }
}

static void dosage(sample_json_t *w, const sample_drug_t *drug)
{
    put_array(w, "dosageInstruction");
    put_object(w, NULL);
    put_int(w, "sequence", 1);
    put_word(w, "text", drug->text);
    put_object(w, "timing");
    put_object(w, "repeat");
    put_int(w, "frequency", drug->frequency);
    put_int(w, "period", drug->hours);
    put_word(w, "periodUnit", "h");
    put_end(w, 2);
    if (drug->route != CODE_NONE) {
        put_concept(w, "route", drug->route);
    }
    put_array(w, "doseAndRate");
    put_object(w, NULL);
    put_quantity(w, "doseQuantity", drug->dose_milli, 0, unit_text(drug->unit), drug->unit);
    put_end(w, 4);
}

static void adherence(sample_record_t *rec)
{
    sample_json_t *w = rec->w;
    put_array(w, "extension");
    put_object(w, NULL);
    put_word(w, "url", US_CORE_URL("us-core-medication-adherence"));
    put_array(w, "extension");
    put_object(w, NULL);
    put_word(w, "url", "medicationAdherence");
    put_concept(w, "valueCodeableConcept", CODE_ADHERENCE_PARTIAL);
    put_end(w, 1);
    put_object(w, NULL);
    put_word(w, "url", "dateAsserted");
    put_day(w, "valueDateTime", rec->day);
    put_end(w, 1);
    put_object(w, NULL);
    put_word(w, "url", "informationSource");
    put_concept(w, "valueCodeableConcept", CODE_INFO_SPOUSE);
    put_end(w, 4);
}

/** The kind of a request. */
typedef struct request_t {
    const char *status, *intent;
    sample_code_id_t category;
    int condition;           /* the reason, by reference */
    sample_code_id_t reason; /* or by code */
    const char *reported;    /* who said so, or NULL */
    int is_partly_taken;
} request_t;

/* One drug in sixteen is contained, one in four is a resource, the others are coded. */
static void medication(sample_record_t *rec, const sample_drug_t *drug, int number)
{
    if (number % 4 == 3) {
        char id[32];
        medication_id(id, drug);
        put_ref_to(rec->w, "medicationReference", TYPE_Medication, id,
                   sample_codes[drug->code].display);
    }
    else if (number % 16 == 5) {
        put_raw(rec->w, "medicationReference", "{\"reference\":\"#med\"}");
    }
    else {
        put_concept(rec->w, "medicationCodeableConcept", drug->code);
    }
}

static int request(sample_record_t *rec, const sample_drug_t *drug, const request_t *r)
{
    sample_json_t *w = rec->w;
    int number =
        sample_record_begin(rec, TYPE_MedicationRequest, US_CORE("us-core-medicationrequest"));
    if (number % 4 != 3 && number % 16 == 5) {
        put_array(w, "contained");
        put_object(w, NULL);
        put_word(w, "resourceType", "Medication");
        put_word(w, "id", "med");
        put_concept(w, "code", drug->code);
        put_end(w, 2);
    }
    if (r->is_partly_taken) {
        adherence(rec);
    }
    put_word(w, "status", r->status);
    put_word(w, "intent", r->intent);
    put_categories(w, "category", r->category);
    if (r->reported) {
        put_raw(w, "reportedReference", r->reported);
    }
    else {
        put_raw(w, "reportedBoolean", "false");
    }
    medication(rec, drug, number);
    put_subject(rec);
    put_encounter(rec);
    put_time(rec, "authoredOn", rec->day, rec->minute + 25);
    put_raw(w, "requester", rec->site->doctor);
    if (r->reason != CODE_NONE) {
        put_concepts(w, "reasonCode", r->reason);
    }
    if (r->condition) {
        put_array(w, "reasonReference");
        put_ref(rec, NULL, TYPE_Condition, r->condition);
        put_end(w, 1);
    }
    dosage(w, drug);
    put_object(w, "dispenseRequest");
    put_int(w, "numberOfRepeatsAllowed", drug->refills);
    put_quantity(w, "quantity", drug->pack * 1000L, 0, unit_text(drug->unit), drug->unit);
    put_end(w, 1);
    sample_record_finish(rec);
    return number;
}

static void dispense(sample_record_t *rec, const sample_drug_t *drug, int request_number,
                     int is_first)
{
    sample_json_t *w = rec->w;
    int number =
        sample_record_begin(rec, TYPE_MedicationDispense, US_CORE("us-core-medicationdispense"));
    put_word(w, "status", "completed");
    if (number % 4 == 3) {
        char id[32];
        medication_id(id, drug);
        put_ref_to(w, "medicationReference", TYPE_Medication, id, sample_codes[drug->code].display);
    }
    else {
        put_concept(w, "medicationCodeableConcept", drug->code);
    }
    put_subject(rec);
    if (rec->encounter) {
        put_ref(rec, "context", TYPE_Encounter, rec->encounter);
    }
    put_array(w, "performer");
    put_object(w, NULL);
    put_raw(w, "actor", number % 3 ? rec->pharmacist : rec->pharmacy);
    put_end(w, 2);
    put_array(w, "authorizingPrescription");
    put_ref(rec, NULL, TYPE_MedicationRequest, request_number);
    put_end(w, 1);
    put_concept(w, "type", is_first ? CODE_DISPENSE_FIRST : CODE_DISPENSE_REFILL);
    put_quantity(w, "quantity", drug->pack * 1000L, 0, unit_text(drug->unit), drug->unit);
    put_time(rec, "whenHandedOver", rec->day, rec->minute + 100);
    dosage(w, drug);
    sample_record_finish(rec);
}

void sample_meds_given(sample_record_t *rec, sample_drug_id_t id, int request_number, int minute,
                       int is_stay, int is_given)
{
    const sample_drug_t *drug = &sample_drugs[id];
    sample_json_t *w = rec->w;
    sample_record_begin(rec, TYPE_MedicationAdministration, NULL);
    put_word(w, "status", is_given ? "completed" : "not-done");
    if (!is_given) {
        put_concepts(w, "statusReason", CODE_NOT_GIVEN_ASLEEP);
    }
    put_category(w, "category", is_stay ? CODE_ADMIN_INPATIENT : CODE_ADMIN_OUTPATIENT);
    put_concept(w, "medicationCodeableConcept", drug->code);
    put_subject(rec);
    put_ref(rec, "context", TYPE_Encounter, rec->encounter);
    put_time(rec, "effectiveDateTime", rec->day, rec->minute + minute);
    put_array(w, "performer");
    put_object(w, NULL);
    put_category(w, "function", CODE_ADMIN_PERFORMER);
    put_raw(w, "actor", rec->site->nurse);
    put_end(w, 2);
    if (request_number) {
        put_ref(rec, "request", TYPE_MedicationRequest, request_number);
    }
    if (is_given) {
        put_object(w, "dosage");
        put_text(w, "text", drug->text);
        if (drug->route != CODE_NONE) {
            put_concept(w, "route", drug->route);
        }
        put_quantity(w, "dose", drug->dose_milli, 0, unit_text(drug->unit), drug->unit);
        put_end(w, 1);
    }
    sample_record_finish(rec);
}

int sample_meds_request(sample_record_t *rec, sample_drug_id_t id, int condition,
                        sample_code_id_t reason, int is_over)
{
    const sample_drug_t *drug = &sample_drugs[id];
    int left = rec->person->end - rec->day;
    int is_dead = rec->person->death != SAMPLE_NEVER;
    request_t r = {.status = is_over || is_dead || left > RENEW_DAYS + 60 ? "completed" : "active",
                   .intent = "order",
                   .category = CODE_CAT_MED_COMMUNITY,
                   .condition = condition};
    if (rec->count[TYPE_MedicationRequest] % 3 == 2) {
        r.reason = reason;
    }
    r.is_partly_taken = !is_over && left < 700 && rec->person->house % 3 == 0;
    int number = request(rec, drug, &r);
    dispense(rec, drug, number, 1);
    return number;
}

void sample_meds_renew(sample_record_t *rec, sample_problem_t *problem)
{
    for (int i = 0; i < SAMPLE_ILLNESS_MEDS; i++) {
        if (problem->requests[i] == 0) {
            continue;
        }
        if (rec->day - problem->prescribed[i] >= RENEW_DAYS) {
            problem->requests[i] = sample_meds_request(
                rec, problem->illness->drug[i], problem->condition, problem->illness->code, 0);
            problem->prescribed[i] = rec->day;
        }
        else if (i == 0) {
            dispense(rec, &sample_drugs[problem->illness->drug[i]], problem->requests[i], 0);
        }
    }
}

void sample_meds_intents(sample_record_t *rec)
{
    static const struct {
        sample_drug_id_t drug;
        request_t request;
    } rows[] = {
        {DRUG_ASPIRIN, {"draft", "proposal", CODE_CAT_MED_OUTPATIENT, 0, CODE_NONE, NULL, 0}},
        {DRUG_ASPIRIN, {"active", "plan", CODE_CAT_MED_COMMUNITY, 0, CODE_HEADACHE, NULL, 0}},
        {DRUG_NAPROXEN, {"on-hold", "order", CODE_CAT_MED_OUTPATIENT, 0, CODE_NONE, NULL, 0}},
        {DRUG_NAPROXEN,
         {"stopped", "original-order", CODE_CAT_MED_OUTPATIENT, 0, CODE_NONE, NULL, 0}},
        {DRUG_WARFARIN,
         {"cancelled", "reflex-order", CODE_CAT_MED_INPATIENT, 0, CODE_NONE, NULL, 0}},
        {DRUG_METOPROLOL,
         {"completed", "filler-order", CODE_CAT_MED_INPATIENT, 0, CODE_NONE, NULL, 0}},
        {DRUG_METOPROLOL,
         {"unknown", "instance-order", CODE_CAT_MED_DISCHARGE, 0, CODE_NONE, NULL, 0}},
        {DRUG_IBUPROFEN400,
         {"entered-in-error", "option", CODE_CAT_MED_COMMUNITY, 0, CODE_NONE, NULL, 0}},
    };
    for (apr_size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        request_t r = rows[i].request;
        if (i == 1) { /* drugs without a prescription, as the patient reports */
            r.reported = rec->self;
        }
        else if (i == 2) {
            r.reported = rec->site->doctor;
        }
        request(rec, &sample_drugs[rows[i].drug], &r);
    }
}
