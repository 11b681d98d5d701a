/* SPDX-License-Identifier: Apache-2.0 */
/* What all Observations begin with. */
#include "fhirctl/sample/fhir_sample_write.h"

void put_subject(fhir_sample_record_t *rec)
{
    put_ref(rec, "subject", TYPE_Patient, 0);
}

void put_encounter(fhir_sample_record_t *rec)
{
    if (rec->encounter) {
        put_ref(rec, "encounter", TYPE_Encounter, rec->encounter);
    }
}

int fhir_sample_write_ill_days(const fhir_sample_record_t *rec, fhir_sample_illness_id_t illness)
{
    const fhir_sample_person_t *p = rec->person;
    int i;

    for (i = 0; i < p->problems; i++) {
        if (p->problem[i].illness == &fhir_sample_illnesses[illness] &&
            p->problem[i].onset <= rec->day) {
            return rec->day - p->problem[i].onset;
        }
    }
    return -1;
}

int fhir_sample_write_age(const fhir_sample_record_t *rec)
{
    return fhir_sample_day_age(rec->person->birth, rec->day);
}

int fhir_sample_observe_begin(fhir_sample_record_t *rec, const char *profiles,
                              fhir_sample_code_id_t category, fhir_sample_code_id_t code,
                              int minute, const char *performer)
{
    fhir_sample_json_t *w = rec->w;
    int number = fhir_sample_record_begin(rec, TYPE_Observation, profiles);

    put_word(w, "status", "final");
    put_categories(w, "category", category);
    put_concept(w, "code", code);
    put_subject(rec);
    put_encounter(rec);
    put_time(rec, "effectiveDateTime", rec->day, rec->minute + minute);
    if (category == CODE_CAT_LAB || category == CODE_CAT_SOCIAL) {
        put_instant(rec, "issued", rec->day, rec->minute + minute + 90);
    }
    put_array(w, "performer");
    put_raw(w, NULL, performer);
    put_end(w, 1);
    return number;
}
