/* SPDX-License-Identifier: Apache-2.0 */
/* What all Observations begin with. */
#include "fhirctl/sample/sample_write.h"

void put_subject(sample_record_t *rec)
{
    put_ref(rec, "subject", TYPE_Patient, 0);
}

void put_encounter(sample_record_t *rec)
{
    if (rec->encounter) {
        put_ref(rec, "encounter", TYPE_Encounter, rec->encounter);
    }
}

int sample_write_ill_days(const sample_record_t *rec, sample_illness_id_t illness)
{
    const sample_person_t *p = rec->person;
    for (int i = 0; i < p->problems; i++) {
        if (p->problem[i].illness == &sample_illnesses[illness] &&
            p->problem[i].onset <= rec->day) {
            return rec->day - p->problem[i].onset;
        }
    }
    return -1;
}

int sample_write_age(const sample_record_t *rec)
{
    return sample_day_age(rec->person->birth, rec->day);
}

int sample_observe_begin(sample_record_t *rec, const sample_observe_t *o)
{
    sample_json_t *w = rec->w;
    int number = sample_record_begin(rec, TYPE_Observation, o->profiles);
    put_word(w, "status", "final");
    put_array(w, "category");
    for (int i = 0; i < SAMPLE_CATEGORIES && o->category[i] != CODE_NONE; i++) {
        put_category(w, NULL, o->category[i]);
    }
    put_end(w, 1);
    put_concept_of(w, "code", o->code, 2, o->text);
    put_subject(rec);
    put_encounter(rec);
    put_time(rec, "effectiveDateTime", rec->day, rec->minute + o->minute);
    if (o->category[0] == CODE_CAT_LAB || o->category[0] == CODE_CAT_SOCIAL) {
        put_instant(rec, "issued", rec->day, rec->minute + o->minute + 90);
    }
    put_array(w, "performer");
    put_raw(w, NULL, o->performer ? o->performer : rec->site->nurse);
    put_end(w, 1);
    return number;
}

int sample_observe_coded(sample_record_t *rec, const sample_observe_t *o, sample_code_id_t value,
                         const char *text)
{
    int number = sample_observe_begin(rec, o);
    if (value == CODE_NONE) {
        put_text(rec->w, "valueString", text);
    }
    else {
        put_concept_of(rec->w, "valueCodeableConcept", &value, 1, text);
    }
    sample_record_finish(rec);
    return number;
}

int sample_observe_absent(sample_record_t *rec, const sample_observe_t *o, sample_code_id_t reason)
{
    int number = sample_observe_begin(rec, o);
    put_concept(rec->w, "dataAbsentReason", reason);
    sample_record_finish(rec);
    return number;
}
