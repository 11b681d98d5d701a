/* SPDX-License-Identifier: Apache-2.0 */
/* Immunizations by a schedule like the one recommended in the United States. */
#include <stdio.h>

#include "fhirctl/sample/sample_write.h"

static const struct {
    sample_code_id_t code, ndc;
    int days; /* of age when it is due */
    int dose;
    int since; /* year: nobody got it before */
} schedule[] = {
    {CODE_VAX_HEPB, CODE_NONE, 0, 1, 1991},
    {CODE_VAX_HEPB, CODE_NONE, 45, 2, 1991},
    {CODE_VAX_HEPB, CODE_NONE, 183, 3, 1991},
    {CODE_VAX_ROTA, CODE_NONE, 61, 1, 2006},
    {CODE_VAX_ROTA, CODE_NONE, 122, 2, 2006},
    {CODE_VAX_DTAP, CODE_NONE, 61, 1, 1991},
    {CODE_VAX_DTAP, CODE_NONE, 122, 2, 1991},
    {CODE_VAX_DTAP, CODE_NONE, 183, 3, 1991},
    {CODE_VAX_DTAP, CODE_NONE, 457, 4, 1991},
    {CODE_VAX_DTAP, CODE_NONE, 1500, 5, 1991},
    {CODE_VAX_HIB, CODE_NDC_HIB, 61, 1, 1990},
    {CODE_VAX_HIB, CODE_NDC_HIB, 122, 2, 1990},
    {CODE_VAX_HIB, CODE_NDC_HIB, 366, 3, 1990},
    {CODE_VAX_PCV13, CODE_NONE, 61, 1, 2010},
    {CODE_VAX_PCV13, CODE_NONE, 122, 2, 2010},
    {CODE_VAX_PCV13, CODE_NONE, 183, 3, 2010},
    {CODE_VAX_PCV13, CODE_NONE, 366, 4, 2010},
    {CODE_VAX_IPV, CODE_NONE, 61, 1, 1997},
    {CODE_VAX_IPV, CODE_NONE, 122, 2, 1997},
    {CODE_VAX_IPV, CODE_NONE, 183, 3, 1997},
    {CODE_VAX_IPV, CODE_NONE, 1500, 4, 1997},
    {CODE_VAX_MMR, CODE_NONE, 366, 1, 1975},
    {CODE_VAX_MMR, CODE_NONE, 1500, 2, 1975},
    {CODE_VAX_VARICELLA, CODE_NONE, 366, 1, 1995},
    {CODE_VAX_VARICELLA, CODE_NONE, 1500, 2, 1995},
    {CODE_VAX_HEPA, CODE_NONE, 366, 1, 2005},
    {CODE_VAX_HEPA, CODE_NONE, 731, 2, 2005},
    {CODE_VAX_TDAP, CODE_NONE, 4020, 1, 2005},
    {CODE_VAX_HPV, CODE_NONE, 4020, 1, 2006},
    {CODE_VAX_HPV, CODE_NONE, 4300, 2, 2006},
    {CODE_VAX_MENINGO, CODE_NONE, 4020, 1, 2005},
    {CODE_VAX_MENINGO, CODE_NONE, 5850, 2, 2005},
    {CODE_VAX_TD, CODE_NONE, 8000, 1, 1970},
    {CODE_VAX_TD, CODE_NONE, 11700, 2, 1970},
    {CODE_VAX_TD, CODE_NONE, 15400, 3, 1970},
    {CODE_VAX_TD, CODE_NONE, 19000, 4, 1970},
    {CODE_VAX_ZOSTER, CODE_NONE, 18300, 1, 2017},
    {CODE_VAX_ZOSTER, CODE_NONE, 18500, 2, 2017},
    {CODE_VAX_TD, CODE_NONE, 22700, 5, 1970},
    {CODE_VAX_PPSV23, CODE_NDC_PPSV23, 23800, 1, 1997},
};

static void immunization(sample_record_t *rec, sample_code_id_t code, sample_code_id_t ndc,
                         int dose, sample_code_id_t not_done)
{
    const sample_code_id_t codes[] = {code, ndc};
    sample_json_t *w = rec->w;
    sample_record_begin(rec, TYPE_Immunization, US_CORE("us-core-immunization"));
    put_word(w, "status", not_done == CODE_NONE ? "completed" : "not-done");
    if (not_done != CODE_NONE) {
        put_concept(w, "statusReason", not_done);
    }
    put_concept_of(w, "vaccineCode", codes, 2, NULL);
    put_ref(rec, "patient", TYPE_Patient, 0);
    put_encounter(rec);
    put_time(rec, "occurrenceDateTime", rec->day, rec->minute + 22);
    put_true(w, "primarySource");
    put_raw(w, "location", rec->site->place);
    if (not_done == CODE_NONE) {
        char lot[24];
        snprintf(lot, sizeof(lot), "L%05d%c", rng_below(&rec->rng, 100000),
                 'A' + rng_below(&rec->rng, 26));
        put_word(w, "lotNumber", lot);
        put_array(w, "performer");
        put_object(w, NULL);
        put_raw(w, "actor", rec->site->nurse);
        put_end(w, 2);
    }
    if (dose && not_done == CODE_NONE) {
        put_array(w, "protocolApplied");
        put_object(w, NULL);
        put_int(w, "doseNumberPositiveInt", dose);
        put_end(w, 2);
    }
    sample_record_finish(rec);
}

/* The flu season runs from September to January and is called by the year it begins in; 0: none. */
static int flu_season(int day)
{
    int y, m, d;
    sample_day_split(&y, &m, &d, day);
    return m >= 9 ? y : m == 1 ? y - 1 : 0;
}

static sample_code_id_t not_done(sample_record_t *rec)
{
    return rng_chance(&rec->rng, 980)   ? CODE_NONE
           : rng_chance(&rec->rng, 700) ? CODE_REFUSED
                                        : CODE_OUT_OF_STOCK;
}

void sample_vaccine_write(sample_record_t *rec, int last_day)
{
    int age_days = rec->day - rec->person->birth, last_age = last_day - rec->person->birth;
    int season = flu_season(rec->day), year, month, day;
    sample_day_split(&year, &month, &day, rec->day);
    for (apr_size_t i = 0; i < sizeof(schedule) / sizeof(*schedule); i++) {
        if (schedule[i].days <= age_days && schedule[i].days > last_age &&
            year >= schedule[i].since) {
            immunization(rec, schedule[i].code, schedule[i].ndc, schedule[i].dose, not_done(rec));
        }
    }
    if (age_days > 12 * 365 && year >= 2021 && rec->covid_doses < 2 && rng_chance(&rec->rng, 700)) {
        immunization(rec, rec->person->house % 2 ? CODE_VAX_COVID_PFIZER : CODE_VAX_COVID_MODERNA,
                     CODE_NONE, ++rec->covid_doses, CODE_NONE);
    }
    if (age_days > 183 && season > rec->flu_season && rng_chance(&rec->rng, 600)) {
        int is_old = age_days > 65 * 365 && year >= 2020;
        rec->flu_season = season;
        immunization(rec,
                     is_old        ? CODE_VAX_FLU_HIGH
                     : year < 2013 ? CODE_VAX_FLU
                                   : CODE_VAX_FLU_QUAD,
                     is_old || year < 2013 ? CODE_NONE : CODE_NDC_FLUZONE, 0,
                     rng_chance(&rec->rng, 900) ? CODE_NONE : CODE_REFUSED);
    }
}
