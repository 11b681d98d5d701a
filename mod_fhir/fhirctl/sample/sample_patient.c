/* SPDX-License-Identifier: Apache-2.0 */
/* The Patient resource with US Core's extensions. */
#include <stdio.h>

#include "fhirctl/sample/sample_first.h"
#include "fhirctl/sample/sample_person.h"

static void extension_text(sample_json_t *w, const char *text)
{
    put_object(w, NULL);
    put_word(w, "url", "text");
    put_word(w, "valueString", text);
    put_end(w, 1);
}

static void extension_coding(sample_json_t *w, const char *url, sample_code_id_t code)
{
    put_object(w, NULL);
    put_word(w, "url", url);
    put_coding(w, "valueCoding", code);
    put_end(w, 1);
}

static void race(sample_json_t *w, const char *url, sample_code_id_t category,
                 sample_code_id_t detail)
{
    put_object(w, NULL);
    put_word(w, "url", url);
    put_array(w, "extension");
    extension_coding(w, "ombCategory", category);
    if (detail != CODE_NONE) {
        extension_coding(w, "detailed", detail);
    }
    extension_text(w, sample_codes[detail != CODE_NONE ? detail : category].display);
    put_end(w, 2);
}

static void tribe(sample_json_t *w)
{
    put_object(w, NULL);
    put_word(w, "url", US_CORE_URL("us-core-tribal-affiliation"));
    put_array(w, "extension");
    put_object(w, NULL);
    put_word(w, "url", "tribalAffiliation");
    put_concept(w, "valueCodeableConcept", CODE_TRIBE_NAVAJO);
    put_end(w, 1);
    put_object(w, NULL);
    put_word(w, "url", "isEnrolled");
    put_true(w, "valueBoolean");
    put_end(w, 3);
}

static void extension_code(sample_json_t *w, const char *url, const char *code)
{
    put_object(w, NULL);
    put_word(w, "url", url);
    put_word(w, "valueCode", code);
    put_end(w, 1);
}

static void extensions(sample_json_t *w, const sample_person_t *p)
{
    sample_code_id_t sex = p->is_female ? CODE_SEX_FEMALE : CODE_SEX_MALE;
    put_array(w, "extension");
    race(w, US_CORE_URL("us-core-race"), p->heritage->race, p->heritage->race_detail);
    race(w, US_CORE_URL("us-core-ethnicity"), p->heritage->ethnicity,
         p->heritage->ethnicity_detail);
    if (p->shows & SHOWS_TRIBE) {
        tribe(w);
    }
    extension_code(w, US_CORE_URL("us-core-birthsex"), p->is_female ? "F" : "M");
    /* Each form is wrong in the other releases, so that most fixed patients have none. */
    if (p->shows & SHOWS_SEX_CODE) {
        extension_code(w, US_CORE_URL("us-core-sex"), sample_codes[sex].code);
    }
    else if (p->index > sample_first_count || p->shows & SHOWS_SEX_CODING) {
        extension_coding(w, US_CORE_URL("us-core-sex"), sex);
    }
    if (p->shows & SHOWS_PREFERENCES) {
        put_object(w, NULL);
        put_word(w, "url", US_CORE_URL("us-core-genderIdentity"));
        put_concept(w, "valueCodeableConcept", CODE_RACE_ASKED);
        put_end(w, 1);
    }
    if (p->language != CODE_LANG_EN) {
        extension_coding(w, US_CORE_URL("us-core-interpreter-needed"),
                         p->shows & SHOWS_INTERPRETER ? CODE_YES : CODE_NO);
    }
    put_end(w, 1);
}

static void name(sample_json_t *w, const char *use, const char *family, const char *given,
                 const char *middle)
{
    put_object(w, NULL);
    put_word(w, "use", use);
    put_text(w, "family", family);
    put_array(w, "given");
    put_text(w, NULL, given);
    if (middle) {
        put_text(w, NULL, middle);
    }
    put_end(w, 1);
}

static void names(sample_json_t *w, const sample_person_t *p)
{
    put_array(w, "name");
    name(w, "official", p->family.latin, p->given.latin, p->middle.latin);
    if (!p->is_female && p->index % 29 == 2) {
        put_array(w, "suffix");
        put_word(w, NULL, "Jr.");
        put_end(w, 1);
    }
    put_end(w, 1);
    if (p->family.native) {
        name(w, "usual", p->family.native, p->given.native, NULL);
        put_end(w, 1);
    }
    if (p->former.latin) {
        name(w, "old", p->former.latin, p->given.latin, NULL);
        put_object(w, "period");
        put_day(w, "end",
                p->birth + 27 * 365 + p->house % 300 < p->end ? p->birth + 27 * 365 + p->house % 300
                                                              : p->end);
        put_end(w, 2);
    }
    put_end(w, 1);
}

static void address(sample_json_t *w, const sample_person_t *p, int is_old)
{
    const sample_town_t *town =
        &sample_regions[p->region % sample_region_count].town[(p->town + is_old) % SAMPLE_TOWNS];
    put_object(w, NULL);
    put_word(w, "use", is_old ? "old" : "home");
    put_array(w, "line");
    char line[64];
    snprintf(line, sizeof(line), "%d %s", p->house + is_old * 3,
             sample_streets[(p->street + is_old) % sample_street_count]);
    put_text(w, NULL, line);
    if (p->house % 4 == 1 && !is_old) {
        snprintf(line, sizeof(line), "Apt %d", p->house % 30 + 1);
        put_text(w, NULL, line);
    }
    put_end(w, 1);
    put_word(w, "city", town->city);
    put_word(w, "state", town->state);
    put_word(w, "postalCode", town->zip);
    put_word(w, "country", "US");
    put_object(w, "period");
    if (is_old) {
        put_day(w, "start", p->birth);
        put_day(w, "end", p->end - (p->end - p->birth) / 3);
    }
    else {
        put_day(w, "start", p->end - (p->end - p->birth) / 3);
    }
    put_end(w, 2);
}

static void contacts(sample_json_t *w, const sample_person_t *p)
{
    put_array(w, "telecom");
    char text[96];
    snprintf(text, sizeof(text), "(555) 01%ld-%04d", p->index % 10, (int)(p->index / 10 % 10000));
    put_contact(w, "phone", text, sample_day_age(p->birth, p->end) < 16 ? "home" : "mobile");
    if (p->index % 3 != 0) {
        snprintf(text, sizeof(text), "%s@mail.example", p->id);
        put_contact(w, "email", text, "home");
    }
    put_end(w, 1);
}

void sample_person_write(sample_record_t *rec)
{
    const sample_person_t *p = rec->person;
    sample_json_t *w = rec->w;
    sample_record_begin_as(rec->run, TYPE_Patient, p->id, US_CORE("us-core-patient"));
    extensions(w, p);
    put_array(w, "identifier");
    put_object(w, NULL);
    put_word(w, "use", "usual");
    put_category(w, "type", CODE_MR);
    put_word(w, "system", "http://sample.example/mrn");
    char text[80];
    snprintf(text, sizeof(text), "MR-%s", p->id);
    put_word(w, "value", text);
    put_end(w, 2);
    put_raw(w, "active", p->death == SAMPLE_NEVER ? "true" : "false");
    names(w, p);
    contacts(w, p);
    put_word(w, "gender", p->is_female ? "female" : "male");
    char day[11];
    put_word(w, "birthDate", sample_day_text(day, p->birth, p->birth_length));
    if (p->death != SAMPLE_NEVER) {
        put_time(rec, "deceasedDateTime", p->death, 200 + p->house);
    }
    put_array(w, "address");
    address(w, p, 0);
    if (p->house % 3 == 0 || p->index <= 2) {
        address(w, p, 1);
    }
    put_end(w, 1);
    put_concept(w, "maritalStatus", p->marital);
    put_array(w, "communication");
    put_object(w, NULL);
    put_concept(w, "language", p->language);
    put_true(w, "preferred");
    put_end(w, 2);
    put_array(w, "generalPractitioner");
    put_raw(w, NULL, rec->home.doctor);
    put_end(w, 1);
    put_raw(w, "managingOrganization", rec->home.org);
    sample_record_finish_as(rec->run, TYPE_Patient, p->id);
}
