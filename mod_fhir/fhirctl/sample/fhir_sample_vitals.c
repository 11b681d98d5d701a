/* SPDX-License-Identifier: Apache-2.0 */
/* Vital signs that fit age, sex and illnesses and change little from visit to visit. */
#include "fhirctl/sample/fhir_sample_write.h"

#define VITAL(name) US_CORE("us-core-" name) "," US_CORE("us-core-vital-signs")

/* Average height (mm) and weight (g) at each birthday. */
static const int height_m[] = {500,  757,  875,  955,  1025, 1092, 1155, 1220, 1278, 1332,
                               1385, 1435, 1491, 1562, 1640, 1690, 1725, 1750, 1760};
static const int height_f[] = {491,  740,  864,  945,  1012, 1080, 1150, 1211, 1272, 1328,
                               1381, 1442, 1513, 1571, 1603, 1618, 1625, 1629, 1632};
static const int weight_m[] = {3400,  9700,  12300, 14400, 16400, 18500, 20800, 23100, 25600, 28500,
                               32000, 36000, 40500, 45600, 51000, 56200, 61000, 65000, 68000};
static const int weight_f[] = {3300,  9000,  11700, 13900, 15900, 18000, 20300, 22800, 25700, 29100,
                               33000, 37200, 41800, 46000, 49500, 52000, 54000, 55500, 57000};

static int interpolate(const int *table, int birth, int day)
{
    int days = day - birth, year = days * 4 / 1461, rest = days - year * 1461 / 4;

    if (year >= 18) {
        return table[18];
    }
    /* Growth in the first year is fastest at its start. */
    if (year == 0) {
        return table[0] + (table[1] - table[0]) * rest / 365 +
               (table[1] - table[0]) * rest / 365 * (365 - rest) / 730;
    }
    return table[year] + (table[year + 1] - table[year]) * rest / 366;
}

static int height_mm(const fhir_sample_record_t *rec)
{
    const fhir_sample_person_t *p = rec->person;
    int age = fhir_sample_write_age(rec);
    int height = interpolate(p->is_female ? height_f : height_m, p->birth, rec->day);

    return height * p->stature / 1000 - (age > 60 ? age - 60 : 0);
}

static int weight_g(fhir_sample_record_t *rec)
{
    const fhir_sample_person_t *p = rec->person;
    int age = fhir_sample_write_age(rec);
    int weight = interpolate(p->is_female ? weight_f : weight_m, p->birth, rec->day);
    int grown = age < 18 ? 0 : age < 60 ? age - 18 : 42 - (age - 60) / 2;

    /* Adults gain some 250 g a year until sixty; children deviate less from the average. */
    weight += grown * 250;
    weight = age < 2    ? weight * p->stature / 1000
             : age < 18 ? weight * (1000 + (p->weight - 1000) / 2) / 1000
                        : weight * p->weight / 1000;
    return weight + (int)rng_wobble(&rec->rng, weight / 150);
}

static void quantity(fhir_sample_record_t *rec, const char *profiles, fhir_sample_code_id_t code,
                     long milli, int places, const char *unit, const char *ucum)
{
    fhir_sample_observe_begin(rec, profiles, CODE_CAT_VITAL, code, 5, rec->site->nurse);
    put_quantity(rec->w, "valueQuantity", milli, places, unit, ucum);
    fhir_sample_record_finish(rec);
}

static void pressure_part(fhir_sample_json_t *w, fhir_sample_code_id_t code, long value)
{
    put_object(w, NULL);
    put_concept(w, "code", code);
    put_quantity(w, "valueQuantity", value * 1000, 0, "mmHg", "mm[Hg]");
    put_end(w, 1);
}

static void blood_pressure(fhir_sample_record_t *rec)
{
    int age = fhir_sample_write_age(rec);
    int ill = fhir_sample_write_ill_days(rec, ILL_HYPERTENSION);
    int systolic = age < 18 ? 88 + age * 2 : 110 + age / 4;

    /* High at diagnosis, falling over the first year of treatment. */
    systolic += ill < 0 ? 0 : 12 + 22 * 120 / (120 + ill);
    systolic += (int)rng_wobble(&rec->rng, 5);
    fhir_sample_observe_begin(rec, VITAL("blood-pressure") "," HL7("bp"), CODE_CAT_VITAL,
                              CODE_BP_PANEL, 4, rec->site->nurse);
    put_array(rec->w, "component");
    pressure_part(rec->w, CODE_SYSTOLIC, systolic);
    pressure_part(rec->w, CODE_DIASTOLIC, systolic * 62 / 100 + rng_below(&rec->rng, 5));
    put_end(rec->w, 1);
    fhir_sample_record_finish(rec);
}

static void oxygen(fhir_sample_record_t *rec, long fever)
{
    static const fhir_sample_code_id_t codes[] = {CODE_O2_PULSE, CODE_O2_SAT};
    fhir_sample_json_t *w = rec->w;
    long low = fever > 1500 ? 4 : 0;

    fhir_sample_record_begin(rec, TYPE_Observation, VITAL("pulse-oximetry") "," HL7("oxygensat"));
    put_word(w, "status", "final");
    put_categories(w, "category", CODE_CAT_VITAL);
    put_concept_of(w, "code", codes, 2, NULL);
    put_subject(rec);
    put_encounter(rec);
    put_time(rec, "effectiveDateTime", rec->day, rec->minute + 6);
    put_array(w, "performer");
    put_raw(w, NULL, rec->site->nurse);
    put_end(w, 1);
    put_quantity(w, "valueQuantity", (99 - low - rng_below(&rec->rng, 4)) * 1000, 0, "%", "%");
    if (low) {
        put_array(w, "component");
        put_object(w, NULL);
        put_concept_of(w, "code", &(fhir_sample_code_id_t){CODE_O2_FLOW}, 1, NULL);
        put_quantity(w, "valueQuantity", 2000, 0, "liters/min", "L/min");
        put_end(w, 1);
        put_object(w, NULL);
        put_concept_of(w, "code", &(fhir_sample_code_id_t){CODE_O2_CONC}, 1,
                       "Inhaled oxygen concentration");
        put_quantity(w, "valueQuantity", 28000, 0, "%", "%");
        put_end(w, 2);
    }
    fhir_sample_record_finish(rec);
}

/* A child's place among others follows from how it deviates from the average. */
static long percentile(fhir_sample_record_t *rec, int deviation)
{
    long value = 50000 + deviation * 160L + rng_wobble(&rec->rng, 1500);

    return value < 1000 ? 1000 : value > 99000 ? 99000 : value;
}

static void infant(fhir_sample_record_t *rec)
{
    static const int circumference[] = {345, 415, 435, 452, 463, 472, 480, 488, 494};
    int months = (rec->day - rec->person->birth) / 30;
    int step = months / 3 > 8 ? 8 : months / 3;

    quantity(rec, VITAL("head-circumference") "," HL7("headcircum"), CODE_HEAD_CIRC,
             (circumference[step] + rng_below(&rec->rng, 6)) * 100L, 1, "cm", "cm");
    quantity(rec, US_CORE("head-occipital-frontal-circumference-percentile"), CODE_HEAD_PCT,
             percentile(rec, rec->person->stature - 1000), 0, "%", "%");
    quantity(rec, US_CORE("pediatric-weight-for-height"), CODE_WFL_PCT,
             percentile(rec, rec->person->weight - 1040), 0, "%", "%");
}

void fhir_sample_vitals_write(fhir_sample_record_t *rec, long fever)
{
    int age = fhir_sample_write_age(rec);
    long height = height_mm(rec), weight = weight_g(rec);
    int pulse = age < 1 ? 130 : age < 6 ? 105 : age < 12 ? 88 : 74;

    quantity(rec, VITAL("body-height") "," HL7("bodyheight"), CODE_BODY_HEIGHT, height * 100, 1,
             "cm", "cm");
    quantity(rec, VITAL("body-weight") "," HL7("bodyweight"), CODE_BODY_WEIGHT, weight, 1, "kg",
             "kg");
    if (age >= 2) {
        quantity(rec, VITAL("bmi") "," HL7("bmi"), CODE_BMI, weight * 1000000 / (height * height),
                 1, "kg/m2", "kg/m2");
    }
    if (age >= 2 && age < 20) {
        quantity(rec, US_CORE("pediatric-bmi-for-age"), CODE_BMI_PCT,
                 percentile(rec, rec->person->weight - 1040), 0, "%", "%");
    }
    if (age < 3) {
        infant(rec);
    }
    if (age >= 3) {
        blood_pressure(rec);
    }
    quantity(rec, VITAL("heart-rate") "," HL7("heartrate"), CODE_HEART_RATE,
             (pulse + fever / 100 + rng_wobble(&rec->rng, 4)) * 1000, 0, "beats/min", "/min");
    quantity(rec, VITAL("respiratory-rate") "," HL7("resprate"), CODE_RESP_RATE,
             ((age < 2    ? 32
               : age < 10 ? 20
                          : 14) +
              fever / 400 + rng_below(&rec->rng, 4)) *
                 1000,
             0, "breaths/min", "/min");
    quantity(rec, VITAL("body-temperature") "," HL7("bodytemp"), CODE_BODY_TEMP,
             36700 + fever + rng_wobble(&rec->rng, 150), 1, "Cel", "Cel");
    oxygen(rec, fever);
}

void fhir_sample_vitals_smoking(fhir_sample_record_t *rec)
{
    fhir_sample_observe_begin(rec, US_CORE("us-core-smokingstatus"), CODE_CAT_SOCIAL, CODE_SMOKING,
                              10, rec->site->nurse);
    put_concept(rec->w, "valueCodeableConcept", rec->person->smoking);
    fhir_sample_record_finish(rec);
}
