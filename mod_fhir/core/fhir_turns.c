/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lane of long work on the processors. Everything is a slot in one array, and nothing else is
 * counted or linked: what a process leaves half done when it dies is at most a slot, which goes
 * when the process is dropped.
 */
#include "core/fhir_turns.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef struct fhir_turns_slot_t {
    pid_t pid;   /* 0: it is free */
    int working; /* else it waits */
    apr_uint64_t client;
    apr_uint64_t asked, given; /* when it began to wait, and was given a turn last: by the clock */
    sem_t wake;
} slot_t;

struct fhir_turns_t {
    pthread_mutex_t lock; /* robust: the next one gets it when its holder dies */
    int permits;
    apr_uint64_t clock; /* counts what is asked for and given */
    slot_t slots[FHIR_TURNS_MOST];
};

apr_size_t fhir_turns_size(void)
{
    return sizeof(fhir_turns_t);
}

int fhir_turns_init(fhir_turns_t *turns, int permits)
{
    pthread_mutexattr_t how;
    int rv = pthread_mutexattr_init(&how);
    memset(turns, 0, sizeof(*turns));
    turns->permits = permits > 1 ? permits : 1;
    if (rv)
        return rv;
    rv = pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
    if (!rv)
        rv = pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST);
    if (!rv)
        rv = pthread_mutex_init(&turns->lock, &how);
    (void)pthread_mutexattr_destroy(&how);
    return rv;
}

/* 0 if there is no lock to be had: nobody is kept from working then. */
static int lock(fhir_turns_t *turns)
{
    int rv = pthread_mutex_lock(&turns->lock);
    if (rv == EOWNERDEAD)
        rv = pthread_mutex_consistent(&turns->lock);
    return rv == 0;
}

static void unlock(fhir_turns_t *turns)
{
    (void)pthread_mutex_unlock(&turns->lock);
}

/* ---- who is next; under the lock ---- */

/* When a client was given a turn last, as far as it has work now. */
static apr_uint64_t last_of(const fhir_turns_t *turns, apr_uint64_t client)
{
    apr_uint64_t last = 0;
    for (int i = 0; i < FHIR_TURNS_MOST; i++) {
        const slot_t *s = &turns->slots[i];
        if (s->pid && s->client == client && s->given > last)
            last = s->given;
    }
    return last;
}

/* The one that waits whose client's turn was longest ago; of one client's the first that asked. */
static slot_t *next(fhir_turns_t *turns)
{
    slot_t *first = NULL;
    apr_uint64_t least = 0;
    for (int i = 0; i < FHIR_TURNS_MOST; i++) {
        slot_t *s = &turns->slots[i];
        if (!s->pid || s->working)
            continue;
        apr_uint64_t last = last_of(turns, s->client);
        if (!first || last < least || (last == least && s->asked < first->asked)) {
            first = s;
            least = last;
        }
    }
    return first;
}

static int count(const fhir_turns_t *turns, int working)
{
    int n = 0;
    for (int i = 0; i < FHIR_TURNS_MOST; i++)
        n += turns->slots[i].pid && turns->slots[i].working == working;
    return n;
}

static void hand_over(fhir_turns_t *turns)
{
    slot_t *s;
    for (int n = count(turns, 1); n < turns->permits && (s = next(turns)); n++) {
        s->working = 1;
        s->given = ++turns->clock;
        (void)sem_post(&s->wake);
    }
}

static slot_t *free_slot(fhir_turns_t *turns, apr_uint64_t client)
{
    for (int i = 0; i < FHIR_TURNS_MOST; i++) {
        slot_t *s = &turns->slots[i];
        if (s->pid)
            continue;
        if (sem_init(&s->wake, 1, 0)) /* what was posted to the one before is forgotten */
            return NULL;
        s->working = 0;
        s->client = client;
        s->given = 0;
        s->pid = getpid();
        return s;
    }
    return NULL;
}

/* ---- slices ---- */

/* A thread with a long slice of a processor is interrupted by those that wake up with a shorter
 * one, also when all processors are busy. Longer than the kernel's own, which is at most 3 ms. */
#define SLICE 20000000 /* ns */

/* struct sched_attr of linux/sched/types.h, which older C libraries have no name for. */
typedef struct attr_t {
    apr_uint32_t size, policy;
    apr_uint64_t flags;
    apr_int32_t nice;
    apr_uint32_t priority;
    apr_uint64_t runtime, deadline, period; /* ns; runtime is the slice, 0 before Linux 6.12 */
    apr_uint32_t util_min, util_max;
} attr_t;

/* Where the kernel or a sandbox does not have it, nothing changes. A thread whose policy is not the
 * usual one has it from an administrator. Returns the slice it had, or 0. */
static apr_uint64_t set_slice(apr_uint64_t ns)
{
    attr_t attr = {.size = sizeof(attr)};
    if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) || attr.policy != SCHED_OTHER)
        return 0;
    apr_uint64_t before = attr.runtime;
    attr.runtime = ns;
    return before && !syscall(SYS_sched_setattr, 0, &attr, 0) ? before : 0;
}

static void lengthen(fhir_turn_t *turn)
{
    if (!turn->slice)
        turn->slice = set_slice(SLICE);
}

static void restore(fhir_turn_t *turn)
{
    if (turn->slice)
        (void)set_slice(turn->slice);
    turn->slice = 0;
}

/* ---- turns ---- */

/* 1 if it was given a turn by then. */
static int await(slot_t *slot, apr_time_t until)
{
    struct timespec time = {.tv_sec = (time_t)apr_time_sec(until),
                            .tv_nsec = (long)apr_time_usec(until) * 1000};
    int rv;
    while ((rv = sem_timedwait(&slot->wake, &time)) && errno == EINTR) {
    }
    return rv == 0;
}

/* The time is over: 1 if a turn was given in this moment. */
static int give_up(fhir_turn_t *turn, fhir_turns_t *turns)
{
    if (!lock(turns))
        return 1;
    int given = turn->slot->working;
    if (given)
        (void)sem_trywait(&turn->slot->wake);
    else {
        turn->slot->pid = 0;
        turn->slot = NULL;
    }
    unlock(turns);
    return given;
}

int fhir_turns_take(fhir_turn_t *turn, fhir_turns_t *turns, apr_uint64_t client,
                    apr_interval_time_t wait)
{
    apr_time_t until = apr_time_now() + wait;
    if (!lock(turns))
        return 1;
    int keeps = turn->slot && !next(turns);
    if (!keeps && !turn->slot)
        turn->slot = free_slot(turns, client);
    if (!keeps && turn->slot) {
        turn->slot->working = 0;
        turn->slot->asked = ++turns->clock;
        hand_over(turns);
    }
    unlock(turns);
    if (keeps || !turn->slot)
        return keeps;
    if (await(turn->slot, until) || give_up(turn, turns)) {
        lengthen(turn);
        return 1;
    }
    restore(turn);
    return 0;
}

void fhir_turns_give(fhir_turn_t *turn, fhir_turns_t *turns)
{
    if (!turn->slot || !lock(turns))
        return;
    turn->slot->pid = 0;
    turn->slot = NULL;
    hand_over(turns);
    unlock(turns);
    restore(turn);
}

void fhir_turns_drop(fhir_turns_t *turns, pid_t pid)
{
    if (!lock(turns))
        return;
    for (int i = 0; i < FHIR_TURNS_MOST; i++)
        if (turns->slots[i].pid == pid)
            turns->slots[i].pid = 0;
    hand_over(turns);
    unlock(turns);
}

void fhir_turns_status(fhir_turns_status_t *status, fhir_turns_t *turns)
{
    *status = (fhir_turns_status_t){.permits = turns->permits};
    if (!lock(turns))
        return;
    status->working = count(turns, 1);
    status->waiting = count(turns, 0);
    unlock(turns);
}
