/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_turns.h
 * @brief The lane of long work on the processors: how many threads of all processes of a server may
 *        do such work at the same time, and who is next.
 *
 * The record lies in memory that the processes share. A thread asks for a turn, and again every few
 * milliseconds of its work. While others wait it gets the next turn after them, so that no work
 * waits for the end of another's. Clients have their turns in order, whatever the number of their
 * requests. A permit is not to be kept while its thread waits for something else: it must be given
 * back then. While a thread has one, Linux lets threads that wake up interrupt it (6.12 and later).
 *
 * Processes and threads: all functions but _init may be called by all at once, those of one turn by
 * its thread. A process that dies loses nothing but its own turns, when fhir_turns_drop is called.
 */
#ifndef FHIR_TURNS_H
#define FHIR_TURNS_H

#include <apr_time.h>
#include <sys/types.h>

typedef struct fhir_turns_t fhir_turns_t;

/** Turns, and threads that wait for one, at the same time; more are refused. */
#define FHIR_TURNS_MOST 256

/** Bytes of a record. */
apr_size_t fhir_turns_size(void);
/** Makes a record of memory that is aligned as malloc's; permits: threads that work at the same
 *  time, at least 1. @return 0, or an errno */
int fhir_turns_init(fhir_turns_t *turns, int permits);

/** A thread's place in the lane, its owner's to keep. */
typedef struct fhir_turn_t {
    struct fhir_turns_slot_t *slot; /* NULL: it has no permit */
    apr_uint64_t slice;             /* ns: of the thread before it had one; 0: it was not changed */
} fhir_turn_t;

/**
 * Takes a permit, or keeps the one that the turn has, unless others wait: then it waits for its
 * next turn.
 * @param wait the longest it waits
 * @return 1, or 0: the time is over, or too many wait; the turn has no permit then
 */
int fhir_turns_take(fhir_turn_t *turn, fhir_turns_t *turns, apr_uint64_t client,
                    apr_interval_time_t wait);
/** Gives the permit back, if it has one. */
void fhir_turns_give(fhir_turn_t *turn, fhir_turns_t *turns);
/** A process is dead: its permits are given back. */
void fhir_turns_drop(fhir_turns_t *turns, pid_t pid);

typedef struct fhir_turns_status_t {
    int permits, working, waiting;
} fhir_turns_status_t;
void fhir_turns_status(fhir_turns_status_t *status, fhir_turns_t *turns);

#endif
