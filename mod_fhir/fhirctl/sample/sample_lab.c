/* SPDX-License-Identifier: Apache-2.0 */
/* Laboratory panels: specimen, results that follow each patient's own level and the course of the
 * illnesses, and the report. */
#include <stdio.h>

#include "fhirctl/sample/sample_write.h"

#define LAB_PROFILES                                                                               \
    US_CORE("us-core-observation-lab") "," US_CORE("us-core-observation-clinical-result")

/** One test: level and spread of the healthy, both in thousandths of the unit. */
typedef struct lab_test_t {
    sample_code_id_t code;
    long level, spread;
    long low, high; /* reference range; low or high -1: open */
    int places;
    const char *unit;
} lab_test_t;

typedef enum lab_id_t {
    LAB_NONE,
    LAB_GLUCOSE,
    LAB_BUN,
    LAB_CREATININE,
    LAB_CALCIUM,
    LAB_SODIUM,
    LAB_POTASSIUM,
    LAB_CHLORIDE,
    LAB_CO2,
    LAB_EGFR,
    LAB_PROTEIN,
    LAB_ALBUMIN,
    LAB_BILIRUBIN,
    LAB_ALT,
    LAB_AST,
    LAB_ALP,
    LAB_CHOLESTEROL,
    LAB_TRIGLYCERIDES,
    LAB_HDL,
    LAB_LDL,
    LAB_WBC,
    LAB_RBC,
    LAB_HGB,
    LAB_HCT,
    LAB_MCV,
    LAB_MCH,
    LAB_MCHC,
    LAB_PLT,
    LAB_A1C,
    LAB_INR,
    LAB_BNP,
    LAB_ACR,
    LAB_FERRITIN,
    LAB_COUNT
} lab_id_t;

/* clang-format off */
static const lab_test_t tests[LAB_COUNT] = {
    [LAB_GLUCOSE] = {CODE_GLUCOSE, 88000, 6000, 70000, 99000, 0, "mg/dL"},
    [LAB_BUN] = {CODE_BUN, 14000, 3000, 7000, 20000, 0, "mg/dL"},
    [LAB_CREATININE] = {CODE_CREATININE, 900, 120, 600, 1300, 2, "mg/dL"},
    [LAB_CALCIUM] = {CODE_CALCIUM, 9500, 250, 8500, 10500, 1, "mg/dL"},
    [LAB_SODIUM] = {CODE_SODIUM, 140000, 1800, 135000, 145000, 0, "mmol/L"},
    [LAB_POTASSIUM] = {CODE_POTASSIUM, 4200, 280, 3500, 5100, 1, "mmol/L"},
    [LAB_CHLORIDE] = {CODE_CHLORIDE, 102000, 1800, 98000, 107000, 0, "mmol/L"},
    [LAB_CO2] = {CODE_CO2, 25000, 1500, 21000, 29000, 0, "mmol/L"},
    [LAB_EGFR] = {CODE_EGFR, 96000, 7000, 60000, -1, 0, "mL/min/{1.73_m2}"},
    [LAB_PROTEIN] = {CODE_TOTAL_PROTEIN, 7000, 300, 6000, 8300, 1, "g/dL"},
    [LAB_ALBUMIN] = {CODE_ALBUMIN, 4300, 220, 3500, 5000, 1, "g/dL"},
    [LAB_BILIRUBIN] = {CODE_BILIRUBIN, 600, 150, 100, 1200, 1, "mg/dL"},
    [LAB_ALT] = {CODE_ALT, 24000, 6000, 7000, 55000, 0, "U/L"},
    [LAB_AST] = {CODE_AST, 22000, 5000, 8000, 48000, 0, "U/L"},
    [LAB_ALP] = {CODE_ALP, 75000, 15000, 40000, 129000, 0, "U/L"},
    [LAB_CHOLESTEROL] = {CODE_CHOLESTEROL, 178000, 15000, -1, 200000, 0, "mg/dL"},
    [LAB_TRIGLYCERIDES] = {CODE_TRIGLYCERIDES, 110000, 20000, -1, 150000, 0, "mg/dL"},
    [LAB_HDL] = {CODE_HDL, 54000, 7000, 40000, -1, 0, "mg/dL"},
    [LAB_LDL] = {CODE_LDL, 100000, 13000, -1, 130000, 0, "mg/dL"},
    [LAB_WBC] = {CODE_WBC, 6800, 900, 4500, 11000, 1, "10*3/uL"},
    [LAB_RBC] = {CODE_RBC, 4700, 200, 4000, 5500, 2, "10*6/uL"},
    [LAB_HGB] = {CODE_HGB, 14000, 500, 12000, 17500, 1, "g/dL"},
    [LAB_HCT] = {CODE_HCT, 41500, 1400, 36000, 50000, 1, "%"},
    [LAB_MCV] = {CODE_MCV, 89000, 2500, 80000, 100000, 0, "fL"},
    [LAB_MCH] = {CODE_MCH, 29800, 900, 27000, 33000, 1, "pg"},
    [LAB_MCHC] = {CODE_MCHC, 33700, 500, 32000, 36000, 1, "g/dL"},
    [LAB_PLT] = {CODE_PLT, 250000, 28000, 150000, 400000, 0, "10*3/uL"},
    [LAB_A1C] = {CODE_A1C, 5300, 170, 4000, 5600, 1, "%"},
    [LAB_INR] = {CODE_INR, 2400, 260, 2000, 3000, 1, "{INR}"},
    [LAB_BNP] = {CODE_NTPROBNP, 90000, 25000, -1, 300000, 0, "pg/mL"},
    [LAB_ACR] = {CODE_ACR, 12000, 4000, -1, 30000, 0, "mg/g"},
    [LAB_FERRITIN] = {CODE_FERRITIN, 80000, 20000, 15000, 200000, 0, "ng/mL"},
};

static const struct {
    unsigned bit;
    sample_code_id_t code, specimen;
    lab_id_t tests[16];
} panels[] = {
    {PANEL_BMP, CODE_PNL_BMP, CODE_SPM_SERUM, {LAB_GLUCOSE, LAB_BUN, LAB_CREATININE, LAB_CALCIUM, LAB_SODIUM,
        LAB_POTASSIUM, LAB_CHLORIDE, LAB_CO2, LAB_EGFR}},
    {PANEL_CMP, CODE_PNL_CMP, CODE_SPM_SERUM, {LAB_GLUCOSE, LAB_BUN, LAB_CREATININE, LAB_CALCIUM, LAB_SODIUM,
        LAB_POTASSIUM, LAB_CHLORIDE, LAB_CO2, LAB_EGFR, LAB_PROTEIN, LAB_ALBUMIN, LAB_BILIRUBIN, LAB_ALT, LAB_AST, LAB_ALP}},
    {PANEL_LIPID, CODE_PNL_LIPID, CODE_SPM_SERUM, {LAB_CHOLESTEROL, LAB_TRIGLYCERIDES, LAB_HDL, LAB_LDL}},
    {PANEL_CBC, CODE_PNL_CBC, CODE_SPM_BLOOD, {LAB_WBC, LAB_RBC, LAB_HGB, LAB_HCT, LAB_MCV, LAB_MCH, LAB_MCHC, LAB_PLT}},
    {PANEL_A1C, CODE_A1C, CODE_SPM_BLOOD, {LAB_A1C}},
    {PANEL_INR, CODE_PNL_INR, CODE_SPM_BLOOD, {LAB_INR}},
    {PANEL_BNP, CODE_NTPROBNP, CODE_SPM_SERUM, {LAB_BNP}},
    {PANEL_ACR, CODE_ACR, CODE_SPM_URINE, {LAB_ACR}},
    {PANEL_FERRITIN, CODE_FERRITIN, CODE_SPM_SERUM, {LAB_FERRITIN}},
};

/* The effect of an illness on a level: first at diagnosis, later under treatment, and a yearly
 * drift. */
static const struct {
    lab_id_t test;
    sample_illness_id_t illness;
    long first, later, yearly;
} effects[] = {
    {LAB_A1C, ILL_DIABETES, 3600, 1500, 60},      {LAB_GLUCOSE, ILL_DIABETES, 95000, 42000, 1500},
    {LAB_A1C, ILL_PREDIABETES, 700, 500, 10},     {LAB_GLUCOSE, ILL_PREDIABETES, 18000, 14000, 200},
    {LAB_CHOLESTEROL, ILL_HYPERLIPIDEMIA, 75000, 15000, 0}, {LAB_LDL, ILL_HYPERLIPIDEMIA, 70000, 8000, 0},
    {LAB_TRIGLYCERIDES, ILL_HYPERLIPIDEMIA, 80000, 35000, 0}, {LAB_HDL, ILL_HYPERLIPIDEMIA, -9000, -5000, 0},
    {LAB_CREATININE, ILL_CKD3, 600, 650, 60},     {LAB_EGFR, ILL_CKD3, -44000, -46000, -1900},
    {LAB_BUN, ILL_CKD3, 10000, 11000, 900},       {LAB_ACR, ILL_CKD3, 90000, 70000, 9000},
    {LAB_CREATININE, ILL_DIABETIC_KIDNEY, 300, 350, 70}, {LAB_EGFR, ILL_DIABETIC_KIDNEY, -24000, -26000, -2300},
    {LAB_ACR, ILL_DIABETIC_KIDNEY, 160000, 110000, 15000}, {LAB_HGB, ILL_ANEMIA, -3600, -800, 0},
    {LAB_HCT, ILL_ANEMIA, -10000, -2400, 0},      {LAB_MCV, ILL_ANEMIA, -13000, -4000, 0},
    {LAB_FERRITIN, ILL_ANEMIA, -70000, -35000, 0}, {LAB_BNP, ILL_HEART_FAILURE, 2400000, 900000, 60000},
};
/* clang-format on */

/* Each patient has an own level for each test, which varies slowly over the years. */
static long own_level(const sample_record_t *rec, lab_id_t id)
{
    sample_rng_t rng =
        rng_stream(rec->person->seed, (uint64_t)rec->person->index, 500 + (uint64_t)id);
    long level = tests[id].level + rng_wobble(&rng, tests[id].spread);
    int period = rng_range(&rng, 500, 1300);
    int phase = (rec->day - rec->person->birth + rng_below(&rng, period)) % period;
    int swing = phase < period / 2 ? phase : period - phase; /* 0 to half a period */
    return level + tests[id].spread * (4 * swing - period) / period;
}

static long lab_value(sample_record_t *rec, lab_id_t id)
{
    long value = own_level(rec, id), floor = tests[id].level / 20;
    for (apr_size_t i = 0; i < sizeof(effects) / sizeof(*effects); i++) {
        long days;
        if (effects[i].test != id || (days = sample_write_ill_days(rec, effects[i].illness)) < 0) {
            continue;
        }
        value += effects[i].later + (effects[i].first - effects[i].later) * 300 / (300 + days) +
                 effects[i].yearly * days / 365;
    }
    value += rng_wobble(&rec->rng, tests[id].spread / 2);
    return value < floor ? floor : value;
}

static void reference_range(sample_json_t *w, const lab_test_t *t)
{
    put_array(w, "referenceRange");
    put_object(w, NULL);
    if (t->low >= 0) {
        put_quantity(w, "low", t->low, t->places, t->unit, t->unit);
    }
    if (t->high >= 0) {
        put_quantity(w, "high", t->high, t->places, t->unit, t->unit);
    }
    put_category(w, "type", CODE_RANGE_NORMAL);
    put_end(w, 2);
}

/* A sample that was hemolyzed gives no potassium. */
static void unmeasured(sample_record_t *rec, lab_id_t id, int specimen_number)
{
    sample_observe_begin(rec, &(sample_observe_t){.profiles = LAB_PROFILES,
                                                  .category = {CODE_CAT_LAB},
                                                  .code = {tests[id].code},
                                                  .minute = 20,
                                                  .performer = rec->lab});
    put_concept(rec->w, "dataAbsentReason", CODE_ABSENT_UNKNOWN);
    put_ref(rec, "specimen", TYPE_Specimen, specimen_number);
    sample_record_finish(rec);
}

static int result(sample_record_t *rec, lab_id_t id, int specimen)
{
    const lab_test_t *t = &tests[id];
    long value = lab_value(rec, id);
    sample_code_id_t flag = t->low >= 0 && value < t->low     ? CODE_FLAG_LOW
                            : t->high >= 0 && value > t->high ? CODE_FLAG_HIGH
                                                              : CODE_FLAG_NORMAL;
    int number = sample_observe_begin(rec, &(sample_observe_t){.profiles = LAB_PROFILES,
                                                               .category = {CODE_CAT_LAB},
                                                               .code = {t->code},
                                                               .minute = 20,
                                                               .performer = rec->lab});
    put_quantity(rec->w, "valueQuantity", value, t->places, t->unit, t->unit);
    put_categories(rec->w, "interpretation", flag);
    put_ref(rec, "specimen", TYPE_Specimen, specimen);
    reference_range(rec->w, t);
    sample_record_finish(rec);
    return number;
}

/* The number under which the laboratory registered a specimen, which its reports have, too. */
static void accession(sample_record_t *rec, const char *name, int specimen_number)
{
    char text[96];
    snprintf(text, sizeof(text), "A%ld-%d", rec->person->index, specimen_number);
    put_identifier(rec->w, name, "http://sample.example/accessions", text);
}

static int specimen(sample_record_t *rec, sample_code_id_t type, int is_spoiled)
{
    sample_json_t *w = rec->w;
    int number = sample_record_begin(rec, TYPE_Specimen, US_CORE("us-core-specimen"));
    char text[96];
    snprintf(text, sizeof(text), "%s-%d", rec->id, number);
    put_array(w, "identifier");
    put_identifier(w, NULL, "http://sample.example/specimens", text);
    put_end(w, 1);
    accession(rec, "accessionIdentifier", number);
    put_word(w, "status", "available");
    put_concept(w, "type", type);
    put_subject(rec);
    put_time(rec, "receivedTime", rec->day, rec->minute + 60);
    put_object(w, "collection");
    put_raw(w, "collector", rec->site->nurse);
    put_time(rec, "collectedDateTime", rec->day, rec->minute + 20);
    if (type != CODE_SPM_URINE) {
        put_concept(w, "bodySite", CODE_SITE_RIGHT_ARM);
    }
    put_end(w, 1);
    if (is_spoiled) {
        put_concepts(w, "condition", CODE_SPM_HEMOLYZED);
    }
    sample_record_finish(rec);
    return number;
}

static void report(sample_record_t *rec, sample_code_id_t code, int order, int specimen_number,
                   int first, int count)
{
    sample_json_t *w = rec->w;
    sample_record_begin(rec, TYPE_DiagnosticReport, US_CORE("us-core-diagnosticreport-lab"));
    put_array(w, "identifier");
    accession(rec, NULL, specimen_number);
    put_end(w, 1);
    put_array(w, "basedOn");
    put_ref(rec, NULL, TYPE_ServiceRequest, order);
    put_end(w, 1);
    put_word(w, "status", "final");
    put_categories(w, "category", CODE_CAT_REPORT_LAB);
    put_concept(w, "code", code);
    put_subject(rec);
    put_encounter(rec);
    put_time(rec, "effectiveDateTime", rec->day, rec->minute + 20);
    put_instant(rec, "issued", rec->day, rec->minute + 180);
    put_array(w, "performer");
    put_raw(w, NULL, rec->lab);
    put_raw(w, NULL, rec->lab_person);
    put_end(w, 1);
    put_array(w, "resultsInterpreter");
    put_raw(w, NULL, rec->site->doctor);
    put_end(w, 1);
    put_array(w, "specimen");
    put_ref(rec, NULL, TYPE_Specimen, specimen_number);
    put_end(w, 1);
    put_array(w, "result");
    for (int i = 0; i < count; i++) {
        put_ref(rec, NULL, TYPE_Observation, first + i);
    }
    put_end(w, 1);
    sample_record_finish(rec);
}

/* Results that are words and codes. */
static void described(sample_record_t *rec, sample_code_id_t code, sample_code_id_t value,
                      const char *text, int specimen_number)
{
    sample_observe_begin(rec, &(sample_observe_t){.profiles = LAB_PROFILES,
                                                  .category = {CODE_CAT_LAB},
                                                  .code = {code},
                                                  .minute = 20,
                                                  .performer = rec->lab_person});
    if (value == CODE_NONE) {
        put_text(rec->w, "valueString", text);
    }
    else {
        put_concept(rec->w, "valueCodeableConcept", value);
    }
    put_ref(rec, "specimen", TYPE_Specimen, specimen_number);
    sample_record_finish(rec);
}

static void urine(sample_record_t *rec)
{
    /* Tested routinely in pregnancy, otherwise for an infection. */
    sample_code_id_t infected = rec->pregnancy ? CODE_RES_NEGATIVE : CODE_RES_POSITIVE;
    int order = sample_study_request(rec, CODE_PNL_URINE, CODE_ORD_LAB, 0);
    int tube = specimen(rec, CODE_SPM_URINE, 0), first = rec->count[TYPE_Observation] + 1;
    described(rec, CODE_UR_COLOR, CODE_RES_YELLOW, NULL, tube);
    described(rec, CODE_UR_GLUCOSE, CODE_RES_NEGATIVE, NULL, tube);
    described(rec, CODE_UR_PROTEIN, CODE_RES_NEGATIVE, NULL, tube);
    described(rec, CODE_UR_NITRITE, infected, NULL, tube);
    described(rec, CODE_UR_LEUKO, infected, NULL, tube);
    described(rec, CODE_UR_SEDIMENT, CODE_NONE,
              rec->pregnancy ? "No leukocytes, no bacteria" : "Many leukocytes, bacteria present",
              tube);
    report(rec, CODE_PNL_URINE, order, tube, first, 6);
}

static void covid(sample_record_t *rec)
{
    int order = sample_study_request(rec, CODE_COVID_AG, CODE_ORD_LAB, 0);
    int tube = specimen(rec, CODE_SPM_SWAB, 0), first = rec->count[TYPE_Observation] + 1;
    described(rec, CODE_COVID_AG, CODE_RES_DETECTED, NULL, tube);
    report(rec, CODE_COVID_AG, order, tube, first, 1);
}

void sample_lab_write(sample_record_t *rec, unsigned wanted)
{
    if (wanted & PANEL_CMP) { /* the larger panel includes the smaller one */
        wanted &= ~(unsigned)PANEL_BMP;
    }
    int t;
    for (apr_size_t i = 0; i < sizeof(panels) / sizeof(*panels); i++) {
        if (!(wanted & panels[i].bit)) {
            continue;
        }
        int is_spoiled = panels[i].specimen == CODE_SPM_SERUM && rng_chance(&rec->rng, 12);
        int order = sample_study_request(rec, panels[i].code, CODE_ORD_LAB, 0);
        int tube = specimen(rec, panels[i].specimen, is_spoiled);
        int first = rec->count[TYPE_Observation] + 1;
        for (t = 0; t < 16 && panels[i].tests[t] != LAB_NONE; t++) {
            if (is_spoiled && panels[i].tests[t] == LAB_POTASSIUM) {
                unmeasured(rec, panels[i].tests[t], tube);
            }
            else {
                result(rec, panels[i].tests[t], tube);
            }
        }
        report(rec, panels[i].code, order, tube, first, t);
    }
    if (wanted & PANEL_URINE) {
        urine(rec);
    }
    if (wanted & PANEL_COVID) {
        covid(rec);
    }
}
