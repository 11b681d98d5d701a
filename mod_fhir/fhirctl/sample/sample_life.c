/* SPDX-License-Identifier: Apache-2.0 */
/* Plans a life: which visits there are, and when. sample_visit.c fills them. */
#include "fhirctl/sample/sample_life.h"

#include <stdlib.h>

#include "fhirctl/sample/sample_first.h"
#include "fhirctl/sample/sample_schedule.h"

/* Days after birth of well child visits in the first three years; then yearly. */
static const int well_child_days[] = {14, 61, 122, 183, 274, 366, 457, 548, 731, 914};

typedef struct plan_t {
    sample_visit_t *visits;
    int count;
    sample_person_t *p;
    sample_rng_t *rng;
} plan_t;

static void add_for(plan_t *plan, int day, sample_visit_kind_t kind,
                    const sample_ailment_t *ailment, sample_problem_t *problem)
{
    sample_visit_t visit = {day, kind, ailment, problem, 0};
    if (plan->count < SAMPLE_VISITS && day >= plan->p->start && day < plan->p->end) {
        plan->visits[plan->count++] = visit;
    }
}

static void add(plan_t *plan, int day, sample_visit_kind_t kind)
{
    add_for(plan, day, kind, NULL, NULL);
}

static void childhood(plan_t *plan)
{
    const sample_person_t *p = plan->p;
    add(plan, p->birth, VISIT_BIRTH);
    for (apr_size_t i = 0; i < sizeof(well_child_days) / sizeof(*well_child_days); i++) {
        add(plan, p->birth + well_child_days[i] + rng_below(plan->rng, 6), VISIT_WELL_CHILD);
    }
    for (int year = 3; year < 18; year++) {
        add(plan, p->birth + year * 36525 / 100 + rng_below(plan->rng, 25), VISIT_WELL_CHILD);
    }
}

static void checkups(plan_t *plan)
{
    const sample_person_t *p = plan->p;
    int day = p->birth + 18 * 36525 / 100 + rng_below(plan->rng, 365);
    while (day < p->end) {
        add(plan, day, VISIT_CHECKUP);
        day += (sample_day_age(p->birth, day) < 50 ? 730 : 365) + rng_range(plan->rng, -40, 40);
    }
}

/* One visit serves all illnesses: the one that needs the most visits decides how often. */
static void followups(plan_t *plan)
{
    const sample_person_t *p = plan->p;
    int day = SAMPLE_NEVER;
    for (int i = 0; i < p->problems; i++) {
        day = p->problem[i].onset < day ? p->problem[i].onset : day;
    }
    while (day < p->end) {
        int pace = 730;
        for (int i = 0; i < p->problems; i++) {
            if (p->problem[i].onset <= day && p->problem[i].illness->visit_days < pace) {
                pace = p->problem[i].illness->visit_days;
            }
        }
        add(plan, day, VISIT_FOLLOWUP);
        day += pace + rng_range(plan->rng, -7, 14);
    }
}

static const sample_ailment_t *pick_ailment(plan_t *plan, int day)
{
    int age = sample_day_age(plan->p->birth, day), year, month, mday;
    sample_day_split(&year, &month, &mday, day);

    int i;
    for (int tries = 0; tries < 8; tries++) {
        int total = 0;
        for (i = 0; i < sample_ailment_count; i++) {
            total += sample_ailments[i].weight;
        }
        int at = rng_below(plan->rng, total);
        for (i = 0; at >= sample_ailments[i].weight; i++) {
            at -= sample_ailments[i].weight;
        }
        if (year >= sample_ailments[i].since && age >= sample_ailments[i].min_age &&
            age <= sample_ailments[i].max_age &&
            (sample_ailments[i].code != CODE_UTI || plan->p->is_female || age > 60)) {
            return &sample_ailments[i];
        }
    }
    return NULL;
}

static void ailments(plan_t *plan)
{
    const sample_person_t *p = plan->p;
    int day = p->start + rng_below(plan->rng, 300);
    while (day < p->end) {
        const sample_ailment_t *ailment = pick_ailment(plan, day);
        if (ailment) {
            add_for(plan, day, VISIT_AILMENT, ailment, NULL);
        }
        day += rng_range(plan->rng, 60, p->wealth == WEALTH_RICH ? 500 : 900);
    }
}

static void pregnancy(plan_t *plan)
{
    int birth = plan->p->end - SAMPLE_BIRTH_DAYS;
    if (!(plan->p->shows & SHOWS_BIRTH)) {
        return;
    }
    for (int week = 8; week < 40; week += week < 28 ? 4 : 2) {
        add(plan, birth - (40 - week) * 7, VISIT_PRENATAL);
    }
    add(plan, birth, VISIT_DELIVERY);
    add(plan, birth + 42, VISIT_POSTNATAL);
}

/* The appointment of last month. */
static void appointment(plan_t *plan)
{
    const sample_person_t *p = plan->p;
    int day, minute, before = plan->count;
    if (!sample_schedule_kept(&day, &minute, p)) {
        return;
    }
    add(plan, day,
        sample_day_age(p->birth, day) < 18 ? VISIT_WELL_CHILD
        : p->problems                      ? VISIT_FOLLOWUP
                                           : VISIT_CHECKUP);
    if (plan->count > before) {
        plan->visits[before].minute = minute;
    }
}

/* Heart failure and similar illnesses lead to a hospital stay from time to time. */
static void stays(plan_t *plan)
{
    sample_person_t *p = plan->p;
    for (int i = 0; i < p->problems; i++) {
        sample_problem_t *problem = &p->problem[i];
        int day = problem->onset + 200;
        if (problem->illness->code != CODE_HEART_FAILURE &&
            problem->illness->code != CODE_CORONARY && problem->illness->code != CODE_AFIB) {
            continue;
        }
        for (; day < p->end - 30; day += rng_range(plan->rng, 400, 1400)) {
            add_for(plan, day, VISIT_STAY, NULL, problem);
        }
    }
}

/* An operation that implants a device. */
static void operation(plan_t *plan)
{
    sample_person_t *p = plan->p;
    if (p->shows & SHOWS_DEVICE) {
        for (int i = 0; i < p->problems; i++) {
            if (p->problem[i].illness->code == CODE_HEART_FAILURE ||
                p->problem[i].illness->code == CODE_OSTEOARTHRITIS) {
                add_for(plan, p->end - 400, VISIT_OPERATION, NULL, &p->problem[i]);
                return;
            }
        }
        add(plan, p->end - 400, VISIT_OPERATION);
    }
}

static int by_day(const void *a, const void *b)
{
    const sample_visit_t *x = a, *y = b;
    if (x->day != y->day) {
        return x->day < y->day ? -1 : 1;
    }
    if (x->kind != y->kind) {
        return (int)x->kind - (int)y->kind;
    }
    return x->ailment < y->ailment ? -1 : x->ailment > y->ailment;
}

/* Births, hospital stays and appointments replace an office visit that is too near. */
static int is_urgent(const sample_visit_t *visit)
{
    return visit->kind == VISIT_BIRTH || visit->kind == VISIT_DELIVERY ||
           visit->kind == VISIT_STAY || visit->minute;
}

/* Offices are closed on weekends: acute visits and births are not moved, all others are moved to
 * Monday. 1970-01-01 was a Thursday. */
static int weekday_of(const sample_visit_t *visit)
{
    int weekday = (visit->day + 3) % 7; /* 0: Monday */
    return visit->kind == VISIT_WELL_CHILD || visit->kind == VISIT_CHECKUP ||
                   visit->kind == VISIT_FOLLOWUP || visit->kind == VISIT_PRENATAL
               ? weekday
               : 0;
}

int sample_life_plan(sample_visit_t *visits, sample_person_t *p, sample_rng_t *rng)
{
    plan_t plan = {visits, 0, p, rng};
    int kept = 0;
    if (p->wealth == WEALTH_EMPTY) {
        return 0;
    }
    childhood(&plan);
    checkups(&plan);
    followups(&plan);
    ailments(&plan);
    pregnancy(&plan);
    stays(&plan);
    operation(&plan);
    appointment(&plan);
    for (int i = 0; i < plan.count; i++) {
        int weekday = weekday_of(&visits[i]);
        visits[i].day += weekday == 5 ? 2 : weekday == 6 ? 1 : 0;
    }
    qsort(visits, (size_t)plan.count, sizeof(*visits), by_day);
    for (int i = 0; i < plan.count; i++) {
        if (visits[i].day >= p->end) {
            continue;
        }
        if (kept == 0 || visits[kept - 1].day < visits[i].day - 6) {
            visits[kept++] = visits[i];
        }
        else if (is_urgent(&visits[i]) && !is_urgent(&visits[kept - 1])) {
            visits[kept - 1] = visits[i];
        }
    }
    return kept;
}
