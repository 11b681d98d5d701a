/* SPDX-License-Identifier: Apache-2.0 */
/* Prescriptions. */
#include "fhirctl/sample/fhir_sample_write.h"

static const char *unit_text(const char *ucum)
{
    return strcmp(ucum, "{tbl}") == 0       ? "tablet"
           : strcmp(ucum, "{capsule}") == 0 ? "capsule"
           : strcmp(ucum, "{puff}") == 0    ? "puff"
           : strcmp(ucum, "U") == 0         ? "units"
                                            : ucum;
}

static void dosage(fhir_sample_json_t *w, const fhir_sample_drug_t *drug)
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

int fhir_sample_meds_request(fhir_sample_record_t *rec, fhir_sample_drug_id_t id, int condition,
                             int is_over)
{
    const fhir_sample_drug_t *drug = &fhir_sample_drugs[id];
    fhir_sample_json_t *w = rec->w;
    int number =
        fhir_sample_record_begin(rec, TYPE_MedicationRequest, US_CORE("us-core-medicationrequest"));

    put_word(w, "status", is_over ? "completed" : "active");
    put_word(w, "intent", "order");
    put_categories(w, "category", CODE_CAT_MED_COMMUNITY);
    put_raw(w, "reportedBoolean", "false");
    put_concept(w, "medicationCodeableConcept", drug->code);
    put_subject(rec);
    put_encounter(rec);
    put_time(rec, "authoredOn", rec->day, rec->minute + 25);
    put_raw(w, "requester", rec->site->doctor);
    if (condition) {
        put_array(w, "reasonReference");
        put_ref(rec, NULL, TYPE_Condition, condition);
        put_end(w, 1);
    }
    dosage(w, drug);
    put_object(w, "dispenseRequest");
    put_int(w, "numberOfRepeatsAllowed", drug->refills);
    put_quantity(w, "quantity", drug->pack * 1000L, 0, unit_text(drug->unit), drug->unit);
    put_end(w, 1);
    fhir_sample_record_finish(rec);
    return number;
}
