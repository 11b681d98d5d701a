/* SPDX-License-Identifier: Apache-2.0 */
/* Schedules, Slots and Appointments. */
#include "fhirctl/sample/sample_schedule.h"

#include <stdio.h>

#include "fhirctl/sample/sample_write.h"

#define PAST_DAYS   20 /* working days: four weeks */
#define FUTURE_DAYS 30 /* six weeks */
#define VISIT       20 /* minutes of a patient's appointment */
#define OPENS       480

/* The n-th working day after a day (n from 1), or before it (-1, …). 1970-01-01 was a Thursday. */
static int working_day(int day, int n)
{
    int step = n < 0 ? -1 : 1;
    for (n *= step; n > 0;) {
        day += step;
        n -= (day + 3) % 7 < 5;
    }
    return day;
}

static void put_service(sample_json_t *w, const sample_service_t *service)
{
    put_concepts(w, "serviceCategory", service->category);
    put_concepts(w, "serviceType", service->type);
    put_concepts(w, "specialty", service->specialty);
}

/* ---- what the practice offers ---- */

static void schedule(sample_run_t *run, const char *id, const sample_site_t *site, int utc_offset)
{
    sample_json_t *w = &run->w;
    sample_record_begin_as(run, TYPE_Schedule, id, NULL);
    put_true(w, "active");
    put_service(w, &site->service);
    put_array(w, "actor");
    put_raw(w, NULL, site->doctor);
    put_raw(w, NULL, site->place);
    put_end(w, 1);
    put_object(w, "planningHorizon");
    put_instants(w, working_day(run->as_of, -PAST_DAYS), 0,
                 (working_day(run->as_of, FUTURE_DAYS) - working_day(run->as_of, -PAST_DAYS) + 1) *
                     1440,
                 utc_offset);
    put_end(w, 1);
    sample_record_finish_as(run, TYPE_Schedule, id);
}

static void offered(sample_run_t *run, const char *schedule_id, const sample_site_t *site, int day,
                    int minute, const char *status, int utc_offset)
{
    sample_json_t *w = &run->w;
    int year, month, mday;
    sample_day_split(&year, &month, &mday, day);
    char id[96];
    snprintf(id, sizeof(id), "%s-%04d%02d%02d-%02d%02d", schedule_id, year, month, mday,
             minute / 60, minute % 60);
    sample_record_begin_as(run, TYPE_Slot, id, NULL);
    put_service(w, &site->service);
    put_raw(w, "schedule", site->schedule);
    put_word(w, "status", status);
    put_instants(w, day, minute, 30, utc_offset);
    sample_record_finish_as(run, TYPE_Slot, id);
}

void sample_schedule_shared(sample_run_t *run, int region)
{
    static const int minutes[] = {13 * 60, 14 * 60, 15 * 60 + 30};
    int utc_offset = sample_regions[region % sample_region_count].utc_offset;
    char id[64];
    sample_site_t site;
    for (int n = 0; sample_practice_scheduled(id, &site, run->seed, region, n); n++) {
        schedule(run, id, &site, utc_offset);
        /* Cancelled appointments of last month, and free slots: none on Wednesdays at one. */
        for (int d = 1; d <= PAST_DAYS; d++) {
            offered(run, id, &site, working_day(run->as_of, -d), minutes[(d + n) % 3], "free",
                    utc_offset);
        }
        for (int d = 1; d <= FUTURE_DAYS; d++) {
            int day = working_day(run->as_of, d);
            for (int i = 0; i < 3; i++) {
                offered(run, id, &site, day, minutes[i],
                        (day + 3) % 7 == 2 && i == 0 ? "busy-unavailable" : "free", utc_offset);
            }
        }
    }
}

/* ---- what patients have ---- */

/** One appointment of a patient. */
typedef struct appointment_t {
    int day, minute;
    const char *status, *slot; /* slot: its status, or NULL: the slot is free again */
    sample_code_id_t type, cancelled;
    const char *patient, *practitioner; /* the participation status */
} appointment_t;

static int place_of(const sample_person_t *p)
{
    return (int)((p->index - 1) % SAMPLE_REGION_PATIENTS);
}

static int has_any(const sample_person_t *p)
{
    return p->wealth != WEALTH_EMPTY && p->death == SAMPLE_NEVER;
}

static void set_past(appointment_t *a, const sample_person_t *p)
{
    int place = place_of(p);
    *a = (appointment_t){.day = working_day(p->end, -1 - place % PAST_DAYS),
                         .minute = OPENS + place / PAST_DAYS * VISIT,
                         .status = "fulfilled",
                         .slot = "busy",
                         .type = CODE_APT_FOLLOWUP,
                         .patient = "accepted",
                         .practitioner = "accepted"};
    if (place % 8 == 3) {
        a->status = "noshow";
    }
    else if (place % 8 == 5) {
        a->status = "cancelled";
        a->slot = NULL;
        a->cancelled = CODE_APT_CANCELLED_PROVIDER;
        a->practitioner = "declined";
    }
}

static void set_future(appointment_t *a, const sample_person_t *p)
{
    int place = place_of(p);
    *a = (appointment_t){.day = working_day(p->end, 1 + place % FUTURE_DAYS),
                         .minute = OPENS + place / FUTURE_DAYS * VISIT,
                         .status = "booked",
                         .slot = "busy",
                         .type = place % 2 ? CODE_APT_CHECKUP : CODE_APT_ROUTINE,
                         .patient = "accepted",
                         .practitioner = "accepted"};
    if (place % 8 == 1) {
        a->status = "cancelled";
        a->slot = NULL;
        a->cancelled = CODE_APT_CANCELLED_PATIENT;
        a->patient = "declined";
    }
    else if (place % 8 == 2) {
        a->status = "pending";
        a->slot = "busy-tentative";
        a->practitioner = "needs-action";
    }
}

static void participant(sample_json_t *w, const char *actor, const char *status)
{
    put_object(w, NULL);
    put_raw(w, "actor", actor);
    put_word(w, "required", "required");
    put_word(w, "status", status);
    put_end(w, 1);
}

static int slot(sample_record_t *rec, const sample_site_t *site, const appointment_t *a)
{
    sample_json_t *w = rec->w;
    int number = sample_record_begin(rec, TYPE_Slot, NULL);
    put_service(w, &site->service);
    put_category(w, "appointmentType", a->type);
    put_raw(w, "schedule", site->schedule);
    put_word(w, "status", a->slot);
    put_instants(w, a->day, a->minute, VISIT, rec->person->utc_offset);
    sample_record_finish(rec);
    return number;
}

static int appointment(sample_record_t *rec, const sample_site_t *site, const appointment_t *a)
{
    sample_json_t *w = rec->w;
    int held = a->slot ? slot(rec, site, a) : 0;
    int number = sample_record_begin(rec, TYPE_Appointment, NULL);
    put_array(w, "identifier");
    char text[96];
    snprintf(text, sizeof(text), "A-%s-%d", rec->id, number);
    put_identifier(w, NULL, "http://sample.example/appointments", text);
    put_end(w, 1);
    put_word(w, "status", a->status);
    if (a->cancelled != CODE_NONE) {
        put_category(w, "cancelationReason", a->cancelled);
    }
    put_service(w, &site->service);
    put_category(w, "appointmentType", a->type);
    put_text(w, "description", sample_codes[site->service.type].display);
    put_instants(w, a->day, a->minute, VISIT, rec->person->utc_offset);
    put_int(w, "minutesDuration", VISIT);
    if (held) {
        put_array(w, "slot");
        put_ref(rec, NULL, TYPE_Slot, held);
        put_end(w, 1);
    }
    put_time(rec, "created", (a->day < rec->person->end ? a->day : rec->person->end) - 12, 600);
    put_array(w, "participant");
    participant(w, rec->self, a->patient);
    participant(w, site->doctor, a->practitioner);
    participant(w, site->place, "accepted");
    put_end(w, 1);
    sample_record_finish(rec);
    return number;
}

int sample_schedule_kept(int *day, int *minute, const sample_person_t *p)
{
    if (!has_any(p) || place_of(p) >= SAMPLE_SCHEDULE_PAST) {
        return 0;
    }
    appointment_t a;
    set_past(&a, p);
    *day = a.day;
    *minute = a.minute;
    return strcmp(a.status, "fulfilled") == 0;
}

int sample_schedule_keep(sample_record_t *rec)
{
    appointment_t a;
    set_past(&a, rec->person);
    rec->is_seen = 1;
    return appointment(rec, rec->site, &a);
}

void sample_schedule_write(sample_record_t *rec, const sample_site_t *site)
{
    if (!has_any(rec->person)) {
        return;
    }
    appointment_t a;
    if (place_of(rec->person) < SAMPLE_SCHEDULE_PAST && !rec->is_seen) {
        set_past(&a, rec->person);
        if (strcmp(a.status, "fulfilled") == 0) { /* in hospital at that time, or born since */
            a.status = "cancelled";
            a.slot = NULL;
            a.cancelled = CODE_APT_CANCELLED_PATIENT;
            a.patient = "declined";
        }
        appointment(rec, site, &a);
    }
    if (place_of(rec->person) < SAMPLE_SCHEDULE_FUTURE) {
        set_future(&a, rec->person);
        appointment(rec, site, &a);
    }
}
