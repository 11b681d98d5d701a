/* SPDX-License-Identifier: Apache-2.0 */
/* Vital signs that fit age, sex and illnesses and change little from visit to visit. */
#include "fhirctl/sample/sample_write.h"

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

static int height_mm(const sample_record_t *rec)
{
    const sample_person_t *p = rec->person;
    int age = sample_write_age(rec);
    int height = interpolate(p->is_female ? height_f : height_m, p->birth, rec->day);
    return height * p->stature / 1000 - (age > 60 ? age - 60 : 0);
}

static int weight_g(sample_record_t *rec)
{
    const sample_person_t *p = rec->person;
    int age = sample_write_age(rec);
    int weight = interpolate(p->is_female ? weight_f : weight_m, p->birth, rec->day);
    int grown = age < 18 ? 0 : age < 60 ? age - 18 : 42 - (age - 60) / 2;
    /* Adults gain some 250 g a year until sixty; children deviate less from the average. */
    weight += grown * 250;
    weight = age < 2    ? weight * p->stature / 1000
             : age < 18 ? weight * (1000 + (p->weight - 1000) / 2) / 1000
                        : weight * p->weight / 1000;
    return weight + (int)rng_wobble(&rec->rng, weight / 150);
}

/* A vital sign that is one number. */
typedef struct vital_t {
    const char *profiles;
    sample_code_id_t code;
    int places;
    const char *unit, *ucum;
} vital_t;

static const vital_t vital_height = {VITAL("body-height") "," HL7("bodyheight"), CODE_BODY_HEIGHT,
                                     1, "cm", "cm"};
static const vital_t vital_weight = {VITAL("body-weight") "," HL7("bodyweight"), CODE_BODY_WEIGHT,
                                     1, "kg", "kg"};
static const vital_t vital_bmi = {VITAL("bmi") "," HL7("bmi"), CODE_BMI, 1, "kg/m2", "kg/m2"};
static const vital_t vital_pulse = {VITAL("heart-rate") "," HL7("heartrate"), CODE_HEART_RATE, 0,
                                    "beats/min", "/min"};
static const vital_t vital_breath = {VITAL("respiratory-rate") "," HL7("resprate"), CODE_RESP_RATE,
                                     0, "breaths/min", "/min"};
static const vital_t vital_temp = {VITAL("body-temperature") "," HL7("bodytemp"), CODE_BODY_TEMP, 1,
                                   "Cel", "Cel"};
static const vital_t vital_head = {VITAL("head-circumference") "," HL7("headcircum"),
                                   CODE_HEAD_CIRC, 1, "cm", "cm"};
static const vital_t vital_head_pct = {US_CORE("head-occipital-frontal-circumference-percentile"),
                                       CODE_HEAD_PCT, 0, "%", "%"};
static const vital_t vital_weight_pct = {US_CORE("pediatric-weight-for-height"), CODE_WFL_PCT, 0,
                                         "%", "%"};
static const vital_t vital_bmi_pct = {US_CORE("pediatric-bmi-for-age"), CODE_BMI_PCT, 0, "%", "%"};

/* R4's own profile of the index wants a value, and its profile of oximetry knows no flow. */
static const vital_t unmeasured_bmi = {VITAL("bmi"), CODE_BMI, 1, NULL, NULL};

static sample_observe_t frame(const vital_t *vital)
{
    return (sample_observe_t){.profiles = vital->profiles,
                              .category = {CODE_CAT_VITAL},
                              .code = {vital->code},
                              .minute = 5};
}

static void quantity(sample_record_t *rec, const vital_t *vital, long milli)
{
    sample_observe_t o = frame(vital);
    sample_observe_begin(rec, &o);
    put_quantity(rec->w, "valueQuantity", milli, vital->places, vital->unit, vital->ucum);
    sample_record_finish(rec);
}

static void absent(sample_record_t *rec, const vital_t *vital)
{
    sample_observe_t o = frame(vital);
    sample_observe_absent(rec, &o, CODE_ABSENT_DECLINED);
}

/* A part without a value (below 0) says why. */
static void pressure_part(sample_json_t *w, sample_code_id_t code, long value)
{
    put_object(w, NULL);
    put_concept(w, "code", code);
    if (value < 0) {
        put_concept(w, "dataAbsentReason", CODE_ABSENT_UNKNOWN);
    }
    else {
        put_quantity(w, "valueQuantity", value * 1000, 0, "mmHg", "mm[Hg]");
    }
    put_end(w, 1);
}

static void pressure(sample_record_t *rec, int systolic, int diastolic)
{
    sample_observe_begin(rec, &(sample_observe_t){.profiles = VITAL("blood-pressure") "," HL7("bp"),
                                                  .category = {CODE_CAT_VITAL},
                                                  .code = {CODE_BP_PANEL},
                                                  .minute = 4});
    if (systolic < 0 && diastolic < 0) {
        put_concept(rec->w, "dataAbsentReason", CODE_ABSENT_DECLINED);
    }
    put_array(rec->w, "component");
    pressure_part(rec->w, CODE_SYSTOLIC, systolic);
    pressure_part(rec->w, CODE_DIASTOLIC, diastolic);
    put_end(rec->w, 1);
    sample_record_finish(rec);
}

static int systolic_now(sample_record_t *rec)
{
    int age = sample_write_age(rec);
    int ill = sample_write_ill_days(rec, ILL_HYPERTENSION);
    int systolic = age < 18 ? 88 + age * 2 : 110 + age / 4;
    /* High at diagnosis, falling over the first year of treatment. */
    return systolic + (ill < 0 ? 0 : 12 + 22 * 120 / (120 + ill)) + (int)rng_wobble(&rec->rng, 5);
}

/* The mean of a week of measuring at home. */
static void home_average(sample_record_t *rec)
{
    sample_json_t *w = rec->w;
    int systolic = systolic_now(rec) - 4, unknown = (rec->person->shows & SHOWS_UNKNOWNS) != 0;
    sample_record_begin(
        rec, TYPE_Observation,
        US_CORE("us-core-average-blood-pressure") "," US_CORE("us-core-vital-signs"));
    put_word(w, "status", "final");
    put_categories(w, "category", CODE_CAT_VITAL);
    put_concept(w, "code", CODE_MEAN_BP);
    put_subject(rec);
    put_encounter(rec);
    put_object(w, "effectivePeriod");
    put_day(w, "start", rec->day - 7);
    put_day(w, "end", rec->day);
    put_end(w, 1);
    put_array(w, "performer");
    put_ref(rec, NULL, TYPE_Patient, 0);
    put_end(w, 1);
    put_array(w, "component");
    /* A device of which one number or the other was not noted. */
    pressure_part(w, CODE_MEAN_SYSTOLIC,
                  unknown && rec->count[TYPE_Observation] % 2 ? -1 : systolic);
    pressure_part(w, CODE_MEAN_DIASTOLIC,
                  unknown && rec->count[TYPE_Observation] % 2 == 0 ? -1 : systolic * 62 / 100 + 2);
    put_end(w, 1);
    sample_record_finish(rec);
}

static void oxygen_part(sample_json_t *w, sample_code_id_t code, long milli, const char *unit,
                        const char *ucum)
{
    put_object(w, NULL);
    put_concept_of(w, "code", &code, 1,
                   code == CODE_O2_CONC ? "Inhaled oxygen concentration" : NULL);
    if (milli < 0) {
        put_concept(w, "dataAbsentReason", CODE_ABSENT_DECLINED);
    }
    else {
        put_quantity(w, "valueQuantity", milli, 0, unit, ucum);
    }
    put_end(w, 1);
}

/* Patients with fever get oxygen; below 0, the patient refused the measurement. */
static void oxygen(sample_record_t *rec, long fever)
{
    sample_json_t *w = rec->w;
    long low = fever > 1500 ? 4 : 0;
    int has_flow = low || fever < 0;
    sample_observe_begin(
        rec,
        &(sample_observe_t){.profiles = has_flow ? VITAL("pulse-oximetry")
                                                 : VITAL("pulse-oximetry") "," HL7("oxygensat"),
                            .category = {CODE_CAT_VITAL},
                            .code = {CODE_O2_PULSE, CODE_O2_SAT},
                            .minute = 6});
    if (fever < 0) {
        put_concept(w, "dataAbsentReason", CODE_ABSENT_DECLINED);
    }
    else {
        put_quantity(w, "valueQuantity", (99 - low - rng_below(&rec->rng, 4)) * 1000, 0, "%", "%");
    }
    if (has_flow) {
        put_array(w, "component");
        oxygen_part(w, CODE_O2_FLOW, fever < 0 ? -1 : 2000, "liters/min", "L/min");
        oxygen_part(w, CODE_O2_CONC, fever < 0 ? -1 : 28000, "%", "%");
        put_end(w, 1);
    }
    sample_record_finish(rec);
}

/* A child's place among others follows from how it deviates from the average. */
static long percentile(sample_record_t *rec, int deviation)
{
    long value = 50000 + deviation * 160L + rng_wobble(&rec->rng, 1500);
    return value < 1000 ? 1000 : value > 99000 ? 99000 : value;
}

static void infant(sample_record_t *rec)
{
    static const int circumference[] = {345, 415, 435, 452, 463, 472, 480, 488, 494};
    int months = (rec->day - rec->person->birth) / 30;
    int step = months / 3 > 8 ? 8 : months / 3;
    quantity(rec, &vital_head, (circumference[step] + rng_below(&rec->rng, 6)) * 100L);
    quantity(rec, &vital_head_pct, percentile(rec, rec->person->stature - 1000));
    quantity(rec, &vital_weight_pct, percentile(rec, rec->person->weight - 1040));
}

void sample_vitals_write(sample_record_t *rec, long fever)
{
    int age = sample_write_age(rec);
    long height = height_mm(rec), weight = weight_g(rec);
    int pulse = age < 1 ? 130 : age < 6 ? 105 : age < 12 ? 88 : 74;
    quantity(rec, &vital_height, height * 100);
    quantity(rec, &vital_weight, weight);
    if (age >= 2) {
        quantity(rec, &vital_bmi, weight * 1000000 / (height * height));
    }
    if (age >= 2 && age < 20) {
        quantity(rec, &vital_bmi_pct, percentile(rec, rec->person->weight - 1040));
    }
    if (age < 3) {
        infant(rec);
    }
    if (age >= 3) {
        int systolic = systolic_now(rec);
        pressure(rec, systolic, systolic * 62 / 100 + rng_below(&rec->rng, 5));
    }
    quantity(rec, &vital_pulse, (pulse + fever / 100 + rng_wobble(&rec->rng, 4)) * 1000);
    quantity(rec, &vital_breath,
             ((age < 2    ? 32
               : age < 10 ? 20
                          : 14) +
              fever / 400 + rng_below(&rec->rng, 4)) *
                 1000);
    quantity(rec, &vital_temp, 36700 + fever + rng_wobble(&rec->rng, 150));
    oxygen(rec, fever);
    if (rec->person->shows & SHOWS_HOME_MONITOR && rec->encounter % 3 == 2) {
        home_average(rec);
    }
}

void sample_vitals_refused(sample_record_t *rec)
{
    int age = sample_write_age(rec);
    absent(rec, &vital_height);
    absent(rec, &vital_weight);
    absent(rec, &vital_pulse);
    absent(rec, &vital_breath);
    absent(rec, &vital_temp);
    if (age < 3) {
        absent(rec, &vital_head);
        absent(rec, &vital_head_pct);
        absent(rec, &vital_weight_pct);
    }
    if (age >= 2) {
        absent(rec, &unmeasured_bmi);
    }
    if (age >= 2 && age < 20) {
        absent(rec, &vital_bmi_pct);
    }
    oxygen(rec, -1);
    if (age >= 3) {
        pressure(rec, systolic_now(rec), -1);
        pressure(rec, -1, -1);
    }
}

void sample_vitals_smoking(sample_record_t *rec)
{
    sample_code_id_t smoking = rec->person->smoking;
    int years = sample_write_age(rec) - 18;
    sample_observe_coded(rec,
                         &(sample_observe_t){.profiles = US_CORE("us-core-smokingstatus"),
                                             .category = {CODE_CAT_SOCIAL},
                                             .code = {CODE_SMOKING},
                                             .minute = 10},
                         smoking, NULL);
    /* US Core has a quantity of smoking since 7.0.0; before, it was not allowed: few show it. */
    if (years > 0 && rec->person->shows & SHOWS_UNKNOWNS &&
        (smoking == CODE_SMOKE_DAILY || smoking == CODE_SMOKE_FORMER)) {
        sample_observe_begin(rec, &(sample_observe_t){.profiles = US_CORE("us-core-smokingstatus"),
                                                      .category = {CODE_CAT_SOCIAL},
                                                      .code = {CODE_PACK_YEARS},
                                                      .minute = 10});
        put_quantity(rec->w, "valueQuantity",
                     (smoking == CODE_SMOKE_FORMER ? 8 : 1 + years / 2) * 1000, 0, "pack-years",
                     "{pack-years}");
        sample_record_finish(rec);
    }
}
