/* SPDX-License-Identifier: Apache-2.0 */
/* Single observations about a person's life: work, pregnancy, orientation, function, preferences.
 */
#include "fhirctl/sample/sample_write.h"

#define SIMPLE     US_CORE("us-core-simple-observation")
#define SOCIAL_501 US_CORE("us-core-observation-social-history")

static void occupation(sample_record_t *rec)
{
    sample_json_t *w = rec->w;
    int start = rec->person->birth + 20 * 365 + rec->person->house;
    sample_record_begin(rec, TYPE_Observation, US_CORE("us-core-observation-occupation"));
    put_word(w, "status", "final");
    put_categories(w, "category", CODE_CAT_SOCIAL);
    put_concept(w, "code", CODE_OCCUPATION);
    put_subject(rec);
    put_object(w, "effectivePeriod");
    put_day(w, "start", start < rec->day ? start : rec->day);
    put_end(w, 1);
    put_array(w, "performer");
    put_raw(w, NULL, rec->site->nurse);
    put_end(w, 1);
    put_concept(w, "valueCodeableConcept", CODE_CNA);
    put_array(w, "component");
    put_object(w, NULL);
    put_concept(w, "code", CODE_INDUSTRY);
    put_concept(w, "valueCodeableConcept", CODE_HOME_NURSING);
    put_end(w, 2);
    sample_record_finish(rec);
}

void sample_social_pregnancy(sample_record_t *rec)
{
    sample_observe_coded(
        rec,
        &(sample_observe_t){.profiles = US_CORE("us-core-observation-pregnancystatus"),
                            .category = {CODE_CAT_SOCIAL},
                            .code = {CODE_PREGNANT_STATUS},
                            .minute = 9},
        CODE_PREGNANT, NULL);
}

static void intention(sample_record_t *rec)
{
    sample_observe_coded(
        rec,
        &(sample_observe_t){.profiles = US_CORE("us-core-observation-pregnancyintent"),
                            .category = {CODE_CAT_SOCIAL},
                            .code = {CODE_PREGNANT_INTENT},
                            .minute = 9},
        CODE_PREG_UNSURE, NULL);
}

static void orientation(sample_record_t *rec)
{
    int n = rec->person->house % 10;
    sample_observe_coded(
        rec,
        &(sample_observe_t){.profiles = US_CORE("us-core-observation-sexual-orientation"),
                            .category = {CODE_CAT_SOCIAL},
                            .code = {CODE_ORIENTATION},
                            .minute = 9},
        n == 0   ? CODE_ORIENT_GAY
        : n == 1 ? CODE_ORIENT_BI
        : n == 2 ? CODE_ORIENT_ASKED
                 : CODE_ORIENT_STRAIGHT,
        n == 0   ? "Lesbian or gay"
        : n == 1 ? "Bisexual"
        : n == 2 ? NULL
                 : "Straight");
}

/* Some patients answer the same question in words, others by a code. */
static void preferences(sample_record_t *rec)
{
    sample_observe_t treatment = {.profiles = US_CORE("us-core-treatment-intervention-preference"),
                                  .category = {CODE_CAT_TREATMENT_PREF},
                                  .code = {CODE_PREF_TREATMENT},
                                  .minute = 12,
                                  .performer = rec->self};
    sample_observe_t care = {.profiles = US_CORE("us-core-care-experience-preference"),
                             .category = {CODE_CAT_CARE_PREF},
                             .code = {CODE_PREF_CARE},
                             .minute = 13,
                             .performer = rec->self};
    sample_observe_coded(rec, &treatment, CODE_NONE,
                         "Treat pain first, even if that makes me sleep more.");
    sample_observe_coded(rec, &treatment, CODE_PRC_PHYSIO, NULL);
    sample_observe_coded(rec, &care, CODE_NONE, "Please explain results to my family as well.");
    sample_observe_coded(rec, &care, CODE_ACT_STRESS, "Time to calm down before procedures");
}

static void drinking(sample_record_t *rec)
{
    sample_observe_t history = {.profiles = SOCIAL_501 "," SIMPLE,
                                .category = {CODE_CAT_SOCIAL, CODE_CAT_SDOH, CODE_TAG_SDOH},
                                .code = {CODE_ALCOHOL_HISTORY},
                                .minute = 10};
    sample_observe_t amount = history;
    sample_observe_coded(rec, &history, CODE_OCCASIONAL_DRINKER, NULL);
    sample_observe_coded(rec, &history, CODE_NONE, "A glass of wine at weekends");
    amount.code[0] = CODE_DRINKS_A_DAY;
    amount.performer = rec->self;
    sample_observe_begin(rec, &amount);
    put_quantity(rec->w, "valueQuantity", 1000, 0, "/d", "/d");
    sample_record_finish(rec);
}

/* Functional, cognitive and disability status, and what a ride costs. */
static void status(sample_record_t *rec)
{
    sample_observe_t function = {.profiles = SIMPLE,
                                 .category = {CODE_CAT_FUNCTIONAL},
                                 .code = {CODE_FUNCTION},
                                 .minute = 14};
    sample_observe_t cognition = {.profiles = SIMPLE,
                                  .category = {CODE_CAT_COGNITIVE},
                                  .code = {CODE_COGNITION},
                                  .minute = 14};
    sample_observe_t disability = {.profiles = SIMPLE,
                                   .category = {CODE_CAT_DISABILITY},
                                   .code = {CODE_DISABILITY},
                                   .minute = 15,
                                   .performer = rec->self};
    sample_observe_t ride = {.profiles = SOCIAL_501 "," SIMPLE,
                             .category = {CODE_CAT_SOCIAL, CODE_CAT_SDOH, CODE_TAG_SDOH},
                             .code = {CODE_TOO_EXPENSIVE},
                             .minute = 16};

    /* Test kits look for all of these categories in one resource. */
    sample_observe_t exercise = {.profiles = US_CORE("us-core-observation-screening-assessment"),
                                 .category = {CODE_CAT_SURVEY, CODE_CAT_FUNCTIONAL,
                                              CODE_CAT_DISABILITY, CODE_CAT_ACTIVITY,
                                              CODE_CAT_SOCIAL},
                                 .code = {CODE_EXERCISE_DAYS},
                                 .minute = 17,
                                 .performer = rec->self};

    int first = sample_observe_coded(rec, &function, CODE_DRESSING, NULL);
    sample_observe_coded(rec, &cognition, CODE_NONE, "Oriented, no loss of memory");
    sample_observe_begin(rec, &disability);
    put_concept(rec->w, "valueCodeableConcept", CODE_LA_NO);
    put_array(rec->w, "derivedFrom");
    put_ref(rec, NULL, TYPE_Observation, first);
    put_end(rec->w, 1);
    sample_record_finish(rec);
    sample_observe_begin(rec, &ride);
    put_true(rec->w, "valueBoolean");
    sample_record_finish(rec);
    sample_observe_begin(rec, &exercise);
    put_quantity(rec->w, "valueQuantity", 2000, 0, "days per week", "d/wk");
    sample_record_finish(rec);
    ride.code[0] = CODE_EXERCISE_DAYS;
    sample_observe_begin(rec, &ride);
    put_quantity(rec->w, "valueQuantity", (1 + rec->person->house % 5) * 1000, 0, "days per week",
                 "d/wk");
    sample_record_finish(rec);
}

void sample_social_write(sample_record_t *rec)
{
    unsigned shows = rec->person->shows;
    int age = sample_write_age(rec);
    if (shows & SHOWS_WORK && age >= 20) {
        occupation(rec);
    }
    if (shows & SHOWS_PREFERENCES && age >= 18) {
        orientation(rec);
        preferences(rec);
        drinking(rec);
        if (rec->person->is_female && age < 45) {
            intention(rec);
        }
    }
    if (shows & SHOWS_NEEDS) {
        status(rec);
    }
}
