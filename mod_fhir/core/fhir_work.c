/* SPDX-License-Identifier: Apache-2.0 */
/* The work of a thread, which is thread-local: the one mutable static of libfhir. */
#include "core/fhir_work.h"

#include <time.h>

#define TICKS 64                    /* before a clock is looked at */
#define EVERY apr_time_from_msec(5) /* processor time between two looks at the request: a turn */

static __thread fhir_work_t *current;

/* A clock that costs nothing and moves every few milliseconds. */
static apr_int64_t coarse_time(void)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (apr_int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Processor time of this thread in µs. */
static apr_int64_t thread_time(void)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (apr_int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void fhir_work_begin(fhir_work_t *work)
{
    work->used = 0;
    work->ticks = 0;
    work->seen = work->is_long ? 0 : coarse_time();
    work->is_timed = work->was_long = work->holds = work->is_final = 0;
    work->turn = work->query = (fhir_turn_t){0};
    work->err = NULL;
    current = work;
}

/* Most requests read a row and are done: they need no clock, which is a system call. */
static void start_clock(fhir_work_t *w)
{
    if (w->is_timed)
        return;
    w->is_timed = 1;
    w->begin = thread_time();
    w->next = w->begin + (w->is_long ? 0 : EVERY);
}

static void rest(fhir_work_t *w)
{
    if (w->turns)
        fhir_turns_give(&w->turn, w->turns);
}

void fhir_work_end(fhir_work_t *work)
{
    rest(work);
    if (work->is_timed)
        work->used = thread_time() - work->begin;
    current = NULL;
}

void fhir_work_rest(void)
{
    if (current)
        rest(current);
}

static fhir_err_t *no_turn(const fhir_work_t *w)
{
    fhir_err_t *err = fhir_err_create(
        w->pool, FHIR_ERR_BUSY,
        "The server has reached its limit of long work; try again in a few seconds, or ask for "
        "less");
    return fhir_err_detail(err, w->pool,
                           "all threads of long work were in use for %d ms; FHIRLongWorkThreads "
                           "sets their number, FHIRConnectionWait the wait",
                           (int)apr_time_as_msec(w->wait));
}

/* 1 if it may go on. at_door: it is about to hold what it must not wait with. */
static int look(fhir_work_t *w, int at_door)
{
    fhir_err_t *err = NULL;
    if (w->err)
        return 0;
    if (!w->is_timed)
        return 1;
    apr_int64_t now = thread_time();
    w->was_long |= now - w->begin > FHIR_WORK_SHORT;
    if (now < w->next && !(at_door && w->was_long && !w->turn.slot))
        return 1;
    w->next = now + EVERY;
    if (w->check && !w->is_final)
        err = w->check(w->baton, w->pool);
    if (!err && w->turns && !w->holds && (w->was_long || (w->is_long && !at_door)) &&
        !fhir_turns_take(&w->turn, w->turns, w->client, w->wait) && !w->is_final)
        err = no_turn(w);
    if (err)
        rest(w);
    w->err = err;
    return !err;
}

int fhir_work_tick(apr_size_t n)
{
    fhir_work_t *w = current;
    if (!w || (!w->err && (w->ticks += n) < TICKS))
        return 1;
    w->ticks = 0;
    start_clock(w);
    apr_int64_t now = coarse_time();
    if (now == w->seen && !w->err)
        return 1;
    w->seen = now;
    return look(w, 0);
}

fhir_err_t *fhir_work_check(void)
{
    return current ? current->err : NULL;
}

fhir_err_t *fhir_work_take_error(void)
{
    fhir_err_t *err = fhir_work_check();
    if (err)
        current->err = NULL;
    return err;
}

fhir_err_t *fhir_work_hold(void)
{
    fhir_work_t *w = current;
    if (!w)
        return NULL;
    if (!w->holds && !look(w, 1))
        return w->err;
    if (w->err)
        return w->err;
    rest(w);
    w->holds++;
    return NULL;
}

void fhir_work_let(void)
{
    if (current && current->holds)
        current->holds--;
}

void fhir_work_query(void)
{
    fhir_work_t *w = current;
    if (w && w->queries && !w->query.slot)
        (void)fhir_turns_take(&w->query, w->queries, w->client, FHIR_WORK_POLITE);
}

void fhir_work_query_end(void)
{
    if (current && current->queries)
        fhir_turns_give(&current->query, current->queries);
}

int fhir_work_final(int final)
{
    int was = current ? current->is_final : 0;
    if (current)
        current->is_final = final;
    return was;
}
