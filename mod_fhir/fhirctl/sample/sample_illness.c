/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of drugs, chronic and acute illnesses. Shares are rough figures for the United States:
 * enough for a realistic population, but not epidemiology. */
#include "fhirctl/sample/sample_illness.h"

#define ROUTE_ORAL CODE_ROUTE_ORAL
#define ROUTE_NONE CODE_NONE

const sample_drug_t sample_drugs[DRUG_COUNT] = {
#define DRUG_ROW(name, text, frequency, hours, dose, unit, pack, refills, route)                   \
    [DRUG_##name] = {CODE_MED_##name, text,         frequency, hours, dose, unit, pack,            \
                     refills,         ROUTE_##route},
    SAMPLE_DRUGS(DRUG_ROW)
#undef DRUG_ROW
};

/* clang-format off */
const sample_illness_t sample_illnesses[ILL_COUNT] = {
    [ILL_HYPERTENSION] = {CODE_HYPERTENSION, 25, 60, 300, 600, 0, {DRUG_LISINOPRIL, DRUG_HCTZ, DRUG_AMLODIPINE},
        PANEL_BMP, 182, CODE_PLAN_HYPERTENSION, {CODE_ACT_DASH, CODE_ACT_STOP_SMOKING}, "Keep blood pressure below 130/80 mmHg"},
    [ILL_DIABETES] = {CODE_DIABETES, 30, 15, 100, 220, 0, {DRUG_METFORMIN, DRUG_NONE, DRUG_NONE},
        PANEL_BMP | PANEL_A1C, 91, CODE_PLAN_DIABETES, {CODE_ACT_DIABETIC_DIET, CODE_PRC_EXERCISE}, "Hemoglobin A1c below 7 %"},
    [ILL_PREDIABETES] = {CODE_PREDIABETES, 25, 60, 150, 200, 0, {DRUG_NONE, DRUG_NONE, DRUG_NONE},
        PANEL_A1C, 365, CODE_NONE, {CODE_NONE, CODE_NONE}, "Lose 5 % of body weight"},
    [ILL_HYPERLIPIDEMIA] = {CODE_HYPERLIPIDEMIA, 25, 50, 250, 450, 0, {DRUG_SIMVASTATIN20, DRUG_NONE, DRUG_NONE},
        PANEL_LIPID, 182, CODE_PLAN_HYPERLIPIDEMIA, {CODE_ACT_LOW_CALORIE, CODE_ACT_ACTIVITY}, "LDL cholesterol below 100 mg/dL"},
    [ILL_OBESITY] = {CODE_OBESITY, 12, 200, 350, 300, 0, {DRUG_NONE, DRUG_NONE, DRUG_NONE},
        0, 365, CODE_PLAN_WEIGHT, {CODE_ACT_LOW_CALORIE, CODE_ACT_ACTIVITY}, "Lose 5 kg in six months"},
    [ILL_CKD3] = {CODE_CKD3, 45, 2, 20, 100, 0, {DRUG_NONE, DRUG_NONE, DRUG_NONE},
        PANEL_BMP | PANEL_ACR | PANEL_CBC, 122, CODE_NONE, {CODE_NONE, CODE_NONE}, "Stable kidney function"},
    [ILL_DIABETIC_KIDNEY] = {CODE_DIABETIC_KIDNEY, 40, 0, 0, 0, 0, {DRUG_NONE, DRUG_NONE, DRUG_NONE},
        PANEL_BMP | PANEL_ACR, 122, CODE_NONE, {CODE_NONE, CODE_NONE}, "Stable kidney function"},
    [ILL_ASTHMA] = {CODE_ASTHMA, 18, 70, 70, 60, 0, {DRUG_ALBUTEROL, DRUG_FLUTICASONE, DRUG_NONE},
        0, 182, CODE_PLAN_ASTHMA, {CODE_ACT_INHALED, CODE_ACT_STOP_SMOKING}, "No night-time wheezing"},
    [ILL_CHILD_ASTHMA] = {CODE_CHILD_ASTHMA, 3, 80, 0, 0, 0, {DRUG_ALBUTEROL, DRUG_FLUTICASONE, DRUG_NONE},
        0, 182, CODE_PLAN_ASTHMA, {CODE_ACT_INHALED, CODE_ACT_ALLERGY}, "Full participation in sports"},
    [ILL_HEART_FAILURE] = {CODE_HEART_FAILURE, 50, 0, 15, 80, 0, {DRUG_METOPROLOL, DRUG_DIGOXIN, DRUG_NONE},
        PANEL_BMP | PANEL_BNP, 91, CODE_PLAN_HEART_FAILURE, {CODE_ACT_LOW_SODIUM, CODE_ACT_CARDIAC}, "Weight within 1 kg of dry weight"},
    [ILL_CORONARY] = {CODE_CORONARY, 45, 0, 40, 150, 0, {DRUG_ASPIRIN, DRUG_CLOPIDOGREL, DRUG_NONE},
        PANEL_LIPID | PANEL_CMP, 182, CODE_NONE, {CODE_NONE, CODE_NONE}, "Walk 30 minutes without chest pain"},
    [ILL_AFIB] = {CODE_AFIB, 50, 0, 20, 100, 0, {DRUG_WARFARIN, DRUG_NONE, DRUG_NONE},
        PANEL_INR, 61, CODE_NONE, {CODE_NONE, CODE_NONE}, "INR between 2 and 3"},
    [ILL_OSTEOARTHRITIS] = {CODE_OSTEOARTHRITIS, 45, 0, 120, 300, 0, {DRUG_NAPROXEN, DRUG_NONE, DRUG_NONE},
        0, 365, CODE_NONE, {CODE_NONE, CODE_NONE}, "Climb stairs without pain"},
    [ILL_OSTEOPOROSIS] = {CODE_OSTEOPOROSIS, 55, 0, 60, 200, 1, {DRUG_ALENDRONIC, DRUG_NONE, DRUG_NONE},
        PANEL_CMP, 365, CODE_NONE, {CODE_NONE, CODE_NONE}, "No fracture"},
    [ILL_SLEEP_APNEA] = {CODE_SLEEP_APNEA, 30, 20, 80, 100, 0, {DRUG_NONE, DRUG_NONE, DRUG_NONE},
        0, 365, CODE_NONE, {CODE_NONE, CODE_NONE}, "Use the device at least 4 hours a night"},
    [ILL_ANEMIA] = {CODE_ANEMIA, 15, 60, 50, 80, 1, {DRUG_FERROUS, DRUG_NONE, DRUG_NONE},
        PANEL_CBC | PANEL_FERRITIN, 122, CODE_NONE, {CODE_NONE, CODE_NONE}, "Hemoglobin above 12 g/dL"},
    [ILL_BACK_PAIN] = {CODE_BACK_PAIN, 25, 80, 150, 150, 0, {DRUG_NAPROXEN, DRUG_NONE, DRUG_NONE},
        0, 365, CODE_NONE, {CODE_NONE, CODE_NONE}, "Return to usual activity"},
    [ILL_MIGRAINE] = {CODE_MIGRAINE, 12, 60, 60, 20, 0, {DRUG_IBUPROFEN200, DRUG_NONE, DRUG_NONE},
        0, 365, CODE_NONE, {CODE_NONE, CODE_NONE}, "Fewer than four headache days a month"},
    [ILL_RHINITIS] = {CODE_RHINITIS, 5, 150, 150, 80, 0, {DRUG_FEXOFENADINE, DRUG_NONE, DRUG_NONE},
        0, 365, CODE_NONE, {CODE_NONE, CODE_NONE}, "Sleep through the night in spring"},
    [ILL_ECZEMA] = {CODE_ECZEMA, 1, 80, 30, 20, 0, {DRUG_HYDROCORTISONE, DRUG_NONE, DRUG_NONE},
        0, 365, CODE_NONE, {CODE_NONE, CODE_NONE}, "Skin without itching"},
    [ILL_DEPRESSION] = {CODE_DEPRESSION, 16, 80, 90, 60, 0, {DRUG_NONE, DRUG_NONE, DRUG_NONE},
        0, 91, CODE_NONE, {CODE_NONE, CODE_NONE}, "PHQ-9 score below 5"},
};

const sample_ailment_t sample_ailments[] = {
    {CODE_SINUSITIS, 5, 100, 160, 14, SETTING_OFFICE, DRUG_ACETAMINOPHEN, DRUG_ACETAMINOPHEN_CHILD, CODE_NONE, 0, 600,
        "Blocked nose and pressure over the cheeks for five days", 0},
    {CODE_PHARYNGITIS, 2, 100, 160, 7, SETTING_OFFICE, DRUG_ACETAMINOPHEN, DRUG_ACETAMINOPHEN_CHILD, CODE_NONE, 0, 900,
        "Sore throat and hoarse voice for two days", 0},
    {CODE_BRONCHITIS, 2, 100, 120, 21, SETTING_OFFICE, DRUG_ACETAMINOPHEN, DRUG_ACETAMINOPHEN_CHILD, CODE_NONE, PANEL_CBC, 500,
        "Cough with clear sputum for a week", 0},
    {CODE_STREP, 4, 25, 70, 10, SETTING_OFFICE, DRUG_PENICILLIN, DRUG_AMOXICILLIN_CHILD, CODE_PRC_THROAT_CULTURE, 0, 1600,
        "Sudden sore throat with fever, painful swallowing", 0},
    {CODE_UTI, 16, 95, 90, 7, SETTING_OFFICE, DRUG_NITROFURANTOIN, DRUG_NITROFURANTOIN, CODE_NONE, PANEL_URINE, 300,
        "Burning and frequent urination since yesterday", 0},
    {CODE_OTITIS, 0, 8, 220, 10, SETTING_OFFICE, DRUG_AMOXICILLIN, DRUG_AMOXICILLIN_CHILD, CODE_NONE, 0, 1400,
        "Pulls at one ear, fever, little sleep", 0},
    {CODE_COVID, 5, 100, 60, 14, SETTING_VIRTUAL, DRUG_ACETAMINOPHEN, DRUG_ACETAMINOPHEN_CHILD, CODE_NONE, PANEL_COVID, 1200,
        "Fever, dry cough and tiredness; contact with a confirmed case", 2020},
    {CODE_ANKLE_SPRAIN, 8, 70, 60, 28, SETTING_EMERGENCY, DRUG_IBUPROFEN400, DRUG_ACETAMINOPHEN_CHILD, CODE_PRC_ANKLE_XRAY, 0, 0,
        "Twisted the ankle on the stairs, swelling on the outer side", 0},
    {CODE_FOREARM_FRACTURE, 5, 90, 25, 60, SETTING_EMERGENCY, DRUG_ACETAMINOPHEN, DRUG_ACETAMINOPHEN_CHILD, CODE_PRC_IMMOBILIZE, 0, 0,
        "Fell on the outstretched hand, forearm painful and swollen", 0},
    {CODE_HAND_LACERATION, 5, 90, 40, 14, SETTING_EMERGENCY, DRUG_ACETAMINOPHEN, DRUG_ACETAMINOPHEN_CHILD, CODE_PRC_SUTURE, 0, 0,
        "Cut the palm with a kitchen knife, bleeding stopped by pressure", 0},
    {CODE_CONCUSSION, 6, 60, 15, 30, SETTING_EMERGENCY, DRUG_ACETAMINOPHEN, DRUG_ACETAMINOPHEN_CHILD, CODE_NONE, 0, 0,
        "Hit the head in a fall, was not unconscious, headache and nausea", 0},
    {CODE_WHIPLASH, 17, 80, 15, 30, SETTING_EMERGENCY, DRUG_IBUPROFEN400, DRUG_IBUPROFEN400, CODE_NONE, 0, 0,
        "Rear-end collision this morning, stiff and painful neck", 0},
    {CODE_PNEUMONIA, 1, 100, 25, 28, SETTING_EMERGENCY, DRUG_AMOXICLAV, DRUG_AMOXICILLIN_CHILD, CODE_PRC_CHEST_XRAY, PANEL_CBC | PANEL_BMP, 1900,
        "High fever, chills, cough with yellow sputum, short of breath", 0},
};
/* clang-format on */
const int sample_ailment_count = sizeof(sample_ailments) / sizeof(*sample_ailments);
