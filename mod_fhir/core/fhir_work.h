/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_work.h
 * @brief What a thread does for one request: when its work on the processor becomes long, and when
 *        it is to end.
 *
 * Whatever works through data tells it by ticks. Every few milliseconds of processor time, a tick
 * looks whether the answer is still waited for. Work of more than FHIR_WORK_SHORT needs a turn in
 * the lane of long work (fhir_turns.h), for which it waits in that tick. When the time for that is
 * over, or nobody waits for the answer any more, the work is stopped: ticks return 0 from then on,
 * and the request must come to nothing. Code that can return an error does so; other code may go
 * on. In either case no statement is run (fhir_work_check), and the entry of the request
 * (fhir_service_run) returns the reason in place of what came out.
 *
 * The work is the thread's (begin, end), so that parsers, evaluators and writers need no parameter
 * for it. In threads that have none, ticks do nothing. Batches nest requests in one work.
 *
 * A thread that holds a database connection or locks in the database never waits for a turn: others
 * would wait for it (fhir_work_hold). The database's own long work has turns of its own, which are
 * taken before the connection (fhir_work_query).
 */
#ifndef FHIR_WORK_H
#define FHIR_WORK_H

#include <apr_pools.h>
#include <apr_time.h>

#include "core/fhir_err.h"
#include "core/fhir_turns.h"

/** Processor time above which work is long. */
#define FHIR_WORK_SHORT apr_time_from_msec(5)

typedef struct fhir_work_t {
    fhir_turns_t *turns;      /* or NULL: any number works at the same time */
    fhir_turns_t *queries;    /* of long work in the database, likewise */
    apr_uint64_t client;      /* as in fhir_budget.h; 0: clients are not told apart */
    apr_interval_time_t wait; /* the longest wait for a turn */
    int is_long;              /* 1: long from its beginning, but for connections */
    /* NULL, or why the answer is not waited for any more; or NULL */
    fhir_err_t *(*check)(const void *baton, apr_pool_t *pool);
    const void *baton;
    apr_pool_t *pool; /* of errors */

    apr_interval_time_t used; /* after fhir_work_end: processor time of the work that ticked */

    /* what follows is its own */
    int is_timed;            /* it has ticked, and its time is counted */
    apr_int64_t begin, next; /* processor time of the thread (µs) */
    apr_int64_t seen;        /* time (µs) when it was looked at last */
    apr_size_t ticks;        /* since it was looked at */
    int was_long;            /* it has used so much time itself */
    int holds;
    int is_final;
    fhir_turn_t turn, query;
    fhir_err_t *err; /* it was stopped */
} fhir_work_t;

/** The thread works for this request from now on. */
void fhir_work_begin(fhir_work_t *work);
/** It does not any more. What it has is given back. */
void fhir_work_end(fhir_work_t *work);

/** Reports that about n microseconds of work are done. Returns 1, or 0: stop. */
int fhir_work_tick(apr_size_t n);
/** Why the work was stopped, or NULL. It must be asked before anything that takes long. */
fhir_err_t *fhir_work_check(void);
/** The same, and work may go on: the next entry of a batch. */
fhir_err_t *fhir_work_take_error(void);
/** The thread is about to wait: others may have its turn. */
void fhir_work_rest(void);

/** Before a connection is taken: waits for a turn if the work is long, and gives it back, because
 *  the database works next. Until fhir_work_let it does not wait any more.
 *  @return as fhir_work_check; it does not hold then */
fhir_err_t *fhir_work_hold(void);
void fhir_work_let(void);

/** The longest that a statement of long work waits for others of its kind. */
#define FHIR_WORK_POLITE apr_time_from_msec(250)
/** Before the connection for a read of long work is taken: others of its kind, of all processes,
 *  have their turns first, the clients in order, so that the database's processors are not all busy
 *  with long work. After FHIR_WORK_POLITE the read is to run in any case: one that takes long
 * itself does not keep all others from running. fhir_work_query_end when it has ended. */
void fhir_work_query(void);
void fhir_work_query_end(void);

/** final: something was stored, or an error is being reported, so the work must not be stopped
 * any more.
 * @return what it was */
int fhir_work_final(int final);

#endif
