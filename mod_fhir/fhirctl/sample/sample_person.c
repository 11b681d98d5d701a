/* SPDX-License-Identifier: Apache-2.0 */
/* Decides who a patient is. The Patient resource is written in sample_patient.c. */
#include "fhirctl/sample/sample_person.h"

#include <stdio.h>

#include "fhirctl/sample/sample_first.h"

static sample_name_t pick(sample_rng_t *rng, const sample_name_t *names)
{
    return names[rng_below(rng, sample_names_count(names))];
}

static const sample_heritage_t *pick_heritage(sample_rng_t *rng)
{
    int i, total = 0;
    for (i = 0; i < sample_heritage_count; i++) {
        total += sample_heritages[i].weight;
    }
    int at = rng_below(rng, total);
    for (i = 0; at >= sample_heritages[i].weight; i++) {
        at -= sample_heritages[i].weight;
    }
    return &sample_heritages[i];
}

/* Ages of the living are spread evenly up to 60 and thin out to 98. */
static int pick_age_days(sample_rng_t *rng)
{
    int age = rng_below(rng, 1000) < 720 ? rng_below(rng, 60)
                                         : 60 + (rng_below(rng, 39) * rng_below(rng, 39)) / 38;
    return age * 36525 / 100 + rng_below(rng, 365);
}

static void make_problems(sample_person_t *p, sample_rng_t *rng)
{
    int age = sample_day_age(p->birth, p->end);
    for (int i = 0; i < ILL_COUNT && p->problems < SAMPLE_PROBLEMS; i++) {
        const sample_illness_t *ill = &sample_illnesses[i];
        int share = age < 40 ? ill->young : age < 65 ? ill->middle : ill->old;
        sample_problem_t *problem = &p->problem[p->problems];
        if (p->wealth == WEALTH_RICH) {
            share = share * 2;
        }
        if (age <= ill->min_age || (ill->sex && !p->is_female) || !rng_chance(rng, share)) {
            continue;
        }
        problem->illness = ill;
        problem->onset =
            p->birth + ill->min_age * 365 +
            rng_below(rng, p->end - p->birth - ill->min_age * 365 - rng_below(rng, 180) + 1);
        p->problems++;
    }
}

/* Prediabetes does not stay beside diabetes; adults' asthma is not a child's. */
static int is_superseded(const sample_person_t *p, const sample_problem_t *problem)
{
    sample_code_id_t code = problem->illness->code;
    for (int i = 0; i < p->problems; i++) {
        if ((code == CODE_PREDIABETES && p->problem[i].illness->code == CODE_DIABETES) ||
            (code == CODE_CHILD_ASTHMA && p->problem[i].illness->code == CODE_ASTHMA)) {
            return 1;
        }
    }
    return 0;
}

static void drop_superseded(sample_person_t *p)
{
    int kept = 0;
    for (int i = 0; i < p->problems; i++) {
        if (!is_superseded(p, &p->problem[i])) {
            p->problem[kept++] = p->problem[i];
        }
    }
    p->problems = kept;
}

static sample_org_t pick_org(sample_rng_t *rng, int age)
{
    static const sample_org_t adult[] = {ORG_FAMILY, ORG_INTERNAL, ORG_HEALTH_CENTER};
    if (age < 18 && rng_chance(rng, 700)) {
        return ORG_PEDIATRIC;
    }
    return age < 18 ? ORG_FAMILY : adult[rng_below(rng, 3)];
}

/* Values that are rare in real data are rare here. */
static unsigned pick_shows(sample_rng_t *rng, const sample_person_t *p, int age)
{
    unsigned shows = 0;
    shows |= age >= 50 && rng_chance(rng, 60) ? SHOWS_DEVICE : 0;
    shows |= age >= 60 && rng_chance(rng, 250) ? SHOWS_DIRECTIVES : 0;
    shows |= age >= 18 && rng_chance(rng, 150) ? SHOWS_NEEDS : 0;
    shows |= p->is_female && age >= 20 && age < 42 && rng_chance(rng, 80) ? SHOWS_BIRTH : 0;
    shows |= age >= 18 && age < 67 && rng_chance(rng, 80) ? SHOWS_WORK : 0;
    shows |= rng_chance(rng, 30) ? SHOWS_UNKNOWNS : 0;
    shows |= age >= 40 && rng_chance(rng, 200) ? SHOWS_STUDIES : 0;
    shows |= age >= 18 && rng_chance(rng, 150) ? SHOWS_PREFERENCES : 0;
    shows |= age < 1 ? SHOWS_NEWBORN : 0;
    shows |= p->heritage->race == CODE_RACE_NATIVE && rng_chance(rng, 700) ? SHOWS_TRIBE : 0;
    shows |= p->language != CODE_LANG_EN && rng_chance(rng, 400) ? SHOWS_INTERPRETER : 0;
    return shows;
}

static void make_random(sample_person_t *p, sample_rng_t *rng, uint64_t seed, int as_of)
{
    const sample_heritage_t *h = pick_heritage(rng);
    static const sample_code_id_t smoking[] = {
        CODE_SMOKE_NEVER, CODE_SMOKE_NEVER,  CODE_SMOKE_NEVER,  CODE_SMOKE_NEVER,
        CODE_SMOKE_NEVER, CODE_SMOKE_NEVER,  CODE_SMOKE_FORMER, CODE_SMOKE_FORMER,
        CODE_SMOKE_DAILY, CODE_SMOKE_SOMEDAY};
    static const sample_code_id_t marital[] = {CODE_MARRIED, CODE_MARRIED, CODE_SINGLE,
                                               CODE_DIVORCED};
    snprintf(p->id, sizeof(p->id), "p%llu-%ld", (unsigned long long)seed, p->index);
    p->heritage = h;
    p->is_female = rng_below(rng, 1000) < 508;
    p->given = pick(rng, p->is_female ? h->female : h->male);
    p->family = pick(rng, p->is_female && h->family_female ? h->family_female : h->family);
    if (rng_chance(rng, 600)) {
        p->middle = pick(rng, p->is_female ? h->female : h->male);
    }
    p->birth = as_of - pick_age_days(rng);
    int age = sample_day_age(p->birth, as_of);
    p->birth_length = rng_chance(rng, 985) ? 10 : rng_chance(rng, 500) ? 7 : 4;
    p->death = SAMPLE_NEVER;
    if (rng_chance(rng, age < 50 ? 3 : age < 75 ? 25 : 160) && as_of - p->birth > 4000) {
        p->death = as_of - rng_below(rng, 1500);
    }
    int wealth = rng_below(rng, 1000);
    p->wealth = wealth < 30 ? WEALTH_EMPTY : wealth < 950 ? WEALTH_ORDINARY : WEALTH_RICH;
    p->language = rng_chance(rng, h->speakers) ? h->language : CODE_LANG_EN;
    p->marital = age < 20 ? CODE_SINGLE : age > 80 ? CODE_WIDOWED : marital[rng_below(rng, 4)];
    p->smoking = age < 13 ? CODE_NONE : age < 18 ? CODE_SMOKE_NEVER : smoking[rng_below(rng, 10)];
    if (p->is_female && p->marital != CODE_SINGLE && rng_chance(rng, 600)) {
        p->former = pick(rng, h->family_female ? h->family_female : h->family);
    }
    p->org = pick_org(rng, age);
    p->shows = pick_shows(rng, p, age);
}

static void make_first(sample_person_t *p, const sample_first_t *first, int as_of)
{
    snprintf(p->id, sizeof(p->id), "%s", first->id);
    p->heritage = &sample_heritages[first->heritage];
    p->given = first->given;
    p->middle = first->middle;
    p->family = first->family;
    p->former = first->former;
    p->is_female = first->is_female;
    p->death = first->dead_days ? as_of - first->dead_days : SAMPLE_NEVER;
    p->birth = as_of - first->dead_days - first->age_days;
    p->birth_length = first->birth_length;
    p->wealth = first->wealth;
    p->org = first->org;
    p->shows = first->shows;
    p->language = first->language;
    p->marital = first->marital;
    p->smoking = first->smoking;
    for (int i = 0; i < SAMPLE_PROBLEMS && first->problem[i].age; i++) {
        p->problem[i].illness = &sample_illnesses[first->problem[i].illness];
        p->problem[i].onset = p->birth + first->problem[i].age * 36525 / 100 + 40 * (i + 1);
        p->problems++;
    }
}

void sample_person_make(sample_person_t *p, uint64_t seed, int as_of, long index)
{
    int is_first = index <= sample_first_count;
    memset(p, 0, sizeof(*p));
    p->index = index;
    p->seed = is_first ? 0 : seed;
    sample_rng_t rng = rng_stream(p->seed, (uint64_t)index, 1);
    p->region = (int)((index - 1) / SAMPLE_REGION_PATIENTS);
    p->utc_offset = sample_regions[p->region % sample_region_count].utc_offset;
    if (is_first) {
        make_first(p, &sample_first[index - 1], as_of);
    }
    else {
        make_random(p, &rng, seed, as_of);
    }
    p->end = p->death < as_of ? p->death : as_of;
    p->pcp = 1 + rng_below(&rng, 2);
    p->town = rng_below(&rng, SAMPLE_TOWNS);
    p->street = rng_below(&rng, sample_street_count);
    p->house = rng_range(&rng, 1, 980);
    p->stature = 1000 + (int)rng_wobble(&rng, 40);
    p->weight = 1040 + (int)rng_wobble(&rng, 130);
    if (!is_first) {
        make_problems(p, &rng);
        drop_superseded(p);
    }
    for (int i = 0; i < p->problems; i++) {
        p->problem[i].recorded = SAMPLE_NEVER;
        p->problem[i].measured = -SAMPLE_NEVER;
        if (p->problem[i].illness->code == CODE_OBESITY) {
            p->weight = 1350 + p->weight / 20;
        }
    }
    /* A detailed record goes back to birth; an ordinary one begins when the patient joined the
     * practice. */
    p->start = p->wealth == WEALTH_RICH ? p->birth : p->end - rng_range(&rng, 700, 3300);
    if (p->start < p->birth) {
        p->start = p->birth;
    }
    snprintf(p->display, sizeof(p->display), "%s %s", p->given.latin, p->family.latin);
}
