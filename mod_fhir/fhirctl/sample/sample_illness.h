/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file sample_illness.h
 * @brief Illnesses as tables: who gets them, what is prescribed, measured and planned for them.
 */
#ifndef SAMPLE_ILLNESS_H
#define SAMPLE_ILLNESS_H

#include "fhirctl/sample/sample_codes.h"

#define SAMPLE_ILLNESS_MEDS 3

/** Laboratory panels, as bits. */
enum {
    PANEL_BMP = 1,
    PANEL_CMP = 2,
    PANEL_LIPID = 4,
    PANEL_CBC = 8,
    PANEL_A1C = 16,
    PANEL_URINE = 32,
    PANEL_INR = 64,
    PANEL_BNP = 128,
    PANEL_ACR = 256,
    PANEL_FERRITIN = 512,
    PANEL_COVID = 1024
};

/** A drug as it is taken. */
typedef struct sample_drug_t {
    sample_code_id_t code;
    const char *text;     /* the instruction */
    int frequency, hours; /* so often in so many hours */
    long dose_milli;      /* a dose, in thousandths of the unit */
    const char *unit;     /* UCUM, also its human form: "{tbl}" reads as "tablet" */
    int pack, refills;    /* of one dispensing */
    sample_code_id_t route;
} sample_drug_t;

/** Index into sample_drugs. */
typedef enum sample_drug_id_t {
    DRUG_NONE,
#define SAMPLE_DRUGS(X)                                                                            \
    X(LISINOPRIL, "Take 1 tablet by mouth once a day", 1, 24, 1000, "{tbl}", 30, 5, ORAL)          \
    X(HCTZ, "Take 1 tablet by mouth every morning", 1, 24, 1000, "{tbl}", 30, 5, ORAL)             \
    X(AMLODIPINE, "Take 1 tablet by mouth once a day", 1, 24, 1000, "{tbl}", 30, 5, ORAL)          \
    X(METFORMIN, "Take 1 tablet by mouth twice a day with meals", 2, 24, 1000, "{tbl}", 60, 5,     \
      ORAL)                                                                                        \
    X(INSULIN, "Inject 14 units under the skin before breakfast and dinner", 2, 24, 14000, "U",    \
      1000, 3, NONE)                                                                               \
    X(SIMVASTATIN10, "Take 1 tablet by mouth every evening", 1, 24, 1000, "{tbl}", 30, 5, ORAL)    \
    X(SIMVASTATIN20, "Take 1 tablet by mouth every evening", 1, 24, 1000, "{tbl}", 30, 5, ORAL)    \
    X(ASPIRIN, "Take 1 tablet by mouth once a day", 1, 24, 1000, "{tbl}", 90, 3, ORAL)             \
    X(CLOPIDOGREL, "Take 1 tablet by mouth once a day", 1, 24, 1000, "{tbl}", 30, 5, ORAL)         \
    X(METOPROLOL, "Take 1 tablet by mouth once a day, do not crush", 1, 24, 1000, "{tbl}", 30, 5,  \
      ORAL)                                                                                        \
    X(WARFARIN, "Take 1 tablet by mouth every evening", 1, 24, 1000, "{tbl}", 30, 5, ORAL)         \
    X(DIGOXIN, "Take 1 tablet by mouth once a day", 1, 24, 1000, "{tbl}", 30, 5, ORAL)             \
    X(ALBUTEROL, "Inhale 2 puffs every 4 to 6 hours as needed for wheezing", 4, 24, 2000,          \
      "{puff}", 200, 2, NONE)                                                                      \
    X(FLUTICASONE, "Inhale 2 puffs twice a day, rinse the mouth afterwards", 2, 24, 2000,          \
      "{puff}", 120, 5, NONE)                                                                      \
    X(ALENDRONIC, "Take 1 tablet by mouth every morning with a full glass of water", 1, 24, 1000,  \
      "{tbl}", 30, 5, ORAL)                                                                        \
    X(FERROUS, "Take 1 tablet by mouth once a day", 1, 24, 1000, "{tbl}", 30, 3, ORAL)             \
    X(NAPROXEN, "Take 1 tablet by mouth every 12 hours as needed for pain", 2, 24, 1000, "{tbl}",  \
      60, 1, ORAL)                                                                                 \
    X(IBUPROFEN400, "Take 1 tablet by mouth every 6 hours as needed for pain", 4, 24, 1000,        \
      "{tbl}", 40, 0, ORAL)                                                                        \
    X(IBUPROFEN200, "Take 2 tablets by mouth every 6 hours as needed for headache", 4, 24, 2000,   \
      "{tbl}", 60, 1, ORAL)                                                                        \
    X(ACETAMINOPHEN, "Take 2 tablets by mouth every 6 hours as needed for fever or pain", 4, 24,   \
      2000, "{tbl}", 40, 0, ORAL)                                                                  \
    X(ACETAMINOPHEN_CHILD, "Chew 1 tablet every 6 hours as needed for fever", 4, 24, 1000,         \
      "{tbl}", 24, 0, ORAL)                                                                        \
    X(AMOXICILLIN, "Take 1 tablet by mouth three times a day for 10 days", 3, 24, 1000, "{tbl}",   \
      30, 0, ORAL)                                                                                 \
    X(AMOXICILLIN_CHILD, "Give 1 capsule by mouth three times a day for 10 days", 3, 24, 1000,     \
      "{capsule}", 30, 0, ORAL)                                                                    \
    X(AMOXICLAV, "Take 1 tablet by mouth every 12 hours for 10 days", 2, 24, 1000, "{tbl}", 20, 0, \
      ORAL)                                                                                        \
    X(PENICILLIN, "Take 1 tablet by mouth twice a day for 10 days", 2, 24, 1000, "{tbl}", 20, 0,   \
      ORAL)                                                                                        \
    X(NITROFURANTOIN, "Take 1 capsule by mouth four times a day for 7 days", 4, 24, 1000,          \
      "{capsule}", 28, 0, ORAL)                                                                    \
    X(FEXOFENADINE, "Take 1 tablet by mouth twice a day in the pollen season", 2, 24, 1000,        \
      "{tbl}", 60, 2, ORAL)                                                                        \
    X(PREGABALIN, "Take 1 capsule by mouth twice a day", 2, 24, 1000, "{capsule}", 60, 2, ORAL)    \
    X(HYDROCORTISONE, "Apply thinly to the itching skin twice a day", 2, 24, 1000,                 \
      "{application}", 60, 1, NONE)                                                                \
    X(EPINEPHRINE, "Inject into the thigh at once in a severe reaction, then call 911", 1, 24,     \
      1000, "{injector}", 2, 1, NONE)                                                              \
    X(CAMILA, "Take 1 tablet by mouth every day at the same time", 1, 24, 1000, "{tbl}", 28, 11,   \
      ORAL)
#define DRUG_ENUM(name, text, frequency, hours, dose, unit, pack, refills, route) DRUG_##name,
    SAMPLE_DRUGS(DRUG_ENUM)
#undef DRUG_ENUM
        DRUG_COUNT
} sample_drug_id_t;

extern const sample_drug_t sample_drugs[DRUG_COUNT];

/** A lasting illness. */
typedef struct sample_illness_t {
    sample_code_id_t code;
    int min_age;
    int young, middle, old; /* thousandths who have it below 40, below 65, above */
    int sex;                /* 0 both, 1 women only */
    sample_drug_id_t drug[SAMPLE_ILLNESS_MEDS];
    unsigned panels;                    /* laboratory at each follow-up */
    int visit_days;                     /* between two follow-ups */
    sample_code_id_t plan, activity[2]; /* CarePlan, or CODE_NONE */
    const char *goal;
} sample_illness_t;

typedef enum sample_illness_id_t {
    ILL_HYPERTENSION,
    ILL_DIABETES,
    ILL_PREDIABETES,
    ILL_HYPERLIPIDEMIA,
    ILL_OBESITY,
    ILL_CKD3,
    ILL_DIABETIC_KIDNEY,
    ILL_ASTHMA,
    ILL_CHILD_ASTHMA,
    ILL_HEART_FAILURE,
    ILL_CORONARY,
    ILL_AFIB,
    ILL_OSTEOARTHRITIS,
    ILL_OSTEOPOROSIS,
    ILL_SLEEP_APNEA,
    ILL_ANEMIA,
    ILL_BACK_PAIN,
    ILL_MIGRAINE,
    ILL_RHINITIS,
    ILL_ECZEMA,
    ILL_DEPRESSION,
    ILL_COUNT
} sample_illness_id_t;

extern const sample_illness_t sample_illnesses[ILL_COUNT];

/** Where a passing illness is treated. */
typedef enum sample_setting_t {
    SETTING_OFFICE,
    SETTING_VIRTUAL,
    SETTING_EMERGENCY
} sample_setting_t;

/** An illness that passes. */
typedef struct sample_ailment_t {
    sample_code_id_t code;
    int min_age, max_age;
    int weight; /* how often, against the others */
    int days;   /* until it is over */
    sample_setting_t setting;
    sample_drug_id_t drug, drug_child;
    sample_code_id_t procedure;
    unsigned panels;
    int fever;         /* degrees Celsius above normal, in thousandths */
    const char *story; /* history of the note */
    int since;         /* year of its first case; 0: always */
} sample_ailment_t;

extern const sample_ailment_t sample_ailments[];
extern const int sample_ailment_count;

#endif
