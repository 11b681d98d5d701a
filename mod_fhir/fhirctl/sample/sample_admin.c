/* SPDX-License-Identifier: Apache-2.0 */
/* Related persons, and coverage. */
#include <stdio.h>

#include "fhirctl/sample/sample_first.h"
#include "fhirctl/sample/sample_write.h"

static void put_person(sample_json_t *w, const char *family, const char *given)
{
    put_array(w, "name");
    put_object(w, NULL);
    put_word(w, "use", "official");
    put_text(w, "family", family);
    put_array(w, "given");
    put_text(w, NULL, given);
    put_end(w, 3);
}

/* Somebody who comes to the portal for the patient: the Person that an account belongs to. The
 * newborn's mother is a patient, too. */
static void portal(sample_record_t *rec, int number, const char *given, int is_female)
{
    sample_json_t *w = rec->w;
    sample_record_begin(rec, TYPE_Person, NULL);
    put_person(w, rec->person->family.latin, given);
    put_word(w, "gender", is_female ? "female" : "male");
    put_true(w, "active");
    put_array(w, "link");
    put_object(w, NULL);
    char id[96];
    snprintf(id, sizeof(id), "%s-%d", rec->id, number);
    put_ref_to(w, "target", TYPE_RelatedPerson, id, NULL);
    put_word(w, "assurance", "level3");
    put_end(w, 1);
    if (rec->person->index == SAMPLE_FIRST_NEWBORN) {
        put_object(w, NULL);
        put_ref_to(w, "target", TYPE_Patient, sample_first[SAMPLE_FIRST_MOTHER - 1].id, NULL);
        put_word(w, "assurance", "level3");
        put_end(w, 1);
    }
    put_end(w, 1);
    sample_record_finish(rec);
}

static void related(sample_record_t *rec, sample_code_id_t relationship, int is_female,
                    int has_portal)
{
    const sample_person_t *p = rec->person;
    const sample_name_t *names = is_female ? p->heritage->female : p->heritage->male;
    const sample_town_t *town = &sample_regions[p->region % sample_region_count].town[p->town];
    sample_json_t *w = rec->w;
    int number = sample_record_begin(rec, TYPE_RelatedPerson, US_CORE("us-core-relatedperson"));
    const char *given = relationship == CODE_REL_MOTHER && p->index == SAMPLE_FIRST_NEWBORN
                            ? sample_first[SAMPLE_FIRST_MOTHER - 1].given.latin
                            : names[rng_below(&rec->rng, sample_names_count(names))].latin;
    put_true(w, "active");
    put_ref(rec, "patient", TYPE_Patient, 0);
    put_concepts(w, "relationship", relationship);
    put_person(w, p->family.latin, given);
    put_array(w, "telecom");
    char text[96];
    snprintf(text, sizeof(text), "(555) 01%ld-%04d", p->index % 10,
             (int)(p->index / 10 % 9000) + 1000 - number);
    put_contact(w, "phone", text, "home");
    put_end(w, 1);
    put_word(w, "gender", is_female ? "female" : "male");
    put_array(w, "address");
    put_object(w, NULL);
    put_word(w, "use", "home");
    put_array(w, "line");
    snprintf(text, sizeof(text), "%d %s", p->house, sample_streets[p->street]);
    put_text(w, NULL, text);
    put_end(w, 1);
    put_word(w, "city", town->city);
    put_word(w, "state", town->state);
    put_word(w, "postalCode", town->zip);
    put_word(w, "country", "US");
    put_end(w, 2);
    sample_record_finish(rec);
    if (has_portal) {
        portal(rec, number, given, is_female);
    }
}

void sample_admin_relatives(sample_record_t *rec)
{
    const sample_person_t *p = rec->person;
    if (sample_write_age(rec) < 18) {
        related(rec, CODE_REL_MOTHER, 1, sample_day_age(p->birth, p->end) < 18);
        related(rec, CODE_REL_FATHER, 0, 0);
    }
    else if (p->marital == CODE_MARRIED) {
        related(rec, CODE_REL_SPOUSE, !p->is_female, 0);
    }
    else if (sample_write_age(rec) > 70) {
        related(rec, CODE_REL_DAUGHTER, 1, 1);
    }
    else if (p->house % 2) {
        related(rec, CODE_REL_FRIEND, p->is_female, 0);
    }
}

static void plan_class(sample_json_t *w, sample_code_id_t type, const char *value, const char *name)
{
    put_object(w, NULL);
    put_category(w, "type", type);
    put_word(w, "value", value);
    put_word(w, "name", name);
    put_end(w, 1);
}

void sample_admin_coverage(sample_record_t *rec)
{
    const sample_person_t *p = rec->person;
    sample_json_t *w = rec->w;
    int age = sample_write_age(rec);
    sample_record_begin(rec, TYPE_Coverage, US_CORE("us-core-coverage"));
    put_array(w, "identifier");
    put_object(w, NULL);
    put_category(w, "type", CODE_MB);
    put_word(w, "system", "http://sample.example/members");
    char text[96];
    snprintf(text, sizeof(text), "M%s", rec->id);
    put_word(w, "value", text);
    put_end(w, 2);
    put_word(w, "status", p->death == SAMPLE_NEVER ? "active" : "cancelled");
    put_concept(w, "type",
                age >= 65      ? CODE_PLAN_PUBLIC
                : p->house % 2 ? CODE_PLAN_PPO
                               : CODE_PLAN_HMO);
    put_word(w, "subscriberId", text);
    put_ref(rec, "beneficiary", TYPE_Patient, 0);
    put_concept(w, "relationship", age < 18 ? CODE_SUB_CHILD : CODE_SUB_SELF);
    put_object(w, "period");
    put_day(w, "start", p->start);
    if (p->death != SAMPLE_NEVER) {
        put_day(w, "end", p->death);
    }
    put_end(w, 1);
    put_array(w, "payor");
    put_raw(w, NULL, rec->payer);
    put_end(w, 1);
    put_array(w, "class");
    snprintf(text, sizeof(text), "G-%d", 100 + p->house % 40);
    plan_class(w, CODE_CLS_GROUP, text, age >= 65 ? "Retirees" : "Employees");
    plan_class(w, CODE_CLS_PLAN, p->house % 3 ? "silver" : "gold",
               p->house % 3 ? "Silver plan" : "Gold plan");
    put_end(w, 1);
    sample_record_finish(rec);
}
