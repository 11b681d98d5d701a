/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups of writes. A worker that comes while no other one writes becomes the leader. Workers that
 * come meanwhile wait, and the next leader writes for all of them. So a single client waits for
 * nobody, and the more clients there are, the less each of them costs. fhir_store.c runs a batch.
 *
 * Threads: `lock` guards the queue and whether there is a leader. A member is on its worker's
 * stack, which is valid until the member was posted, exactly once.
 */
#include "store/fhir_store_private.h"

#include <apr_thread_mutex.h>
#include <apr_time.h>
#include <errno.h>
#include <stdatomic.h>

enum { BATCH = 64 };
/* A batch that takes longer is blocked, for example by a lock on one table. Workers that are not in
 * it then write alone. */
#define LATE apr_time_from_msec(100)

struct fhir_group_t {
    apr_thread_mutex_t *lock;
    fhir_member_t *head, **tail; /* waiting */
    int led;
    apr_time_t begun;                  /* when a batch began last */
    atomic_ullong statements, batches; /* of batches that hold more than one */
};

/* The waiting members that fit in, after the leader. Under the lock. */
static void gather(fhir_group_t *group, fhir_member_t *leader)
{
    fhir_member_t **end = &group->head;
    for (int n = 1; *end && n < BATCH; n++) {
        end = &(*end)->next;
    }
    leader->next = group->head;
    group->head = *end;
    *end = NULL;
    if (!group->head)
        group->tail = &group->head;
}

static void count(fhir_group_t *group, const fhir_member_t *leader)
{
    unsigned n = 0;
    for (const fhir_member_t *m = leader; m; m = m->next) {
        n++;
    }
    if (n < 2)
        return;
    atomic_fetch_add_explicit(&group->statements, n, memory_order_relaxed);
    atomic_fetch_add_explicit(&group->batches, 1, memory_order_relaxed);
}

static void await(fhir_member_t *self)
{
    while (sem_wait(&self->wake) && errno == EINTR) {
    }
}

/* 1 if it was still waiting; it is removed from the queue. */
static int withdraw(fhir_group_t *group, fhir_member_t *self)
{
    fhir_member_t **at = &group->head;
    apr_thread_mutex_lock(group->lock);
    while (*at && *at != self) {
        at = &(*at)->next;
    }
    int found = *at != NULL;
    if (found && !(*at = self->next))
        group->tail = at;
    apr_thread_mutex_unlock(group->lock);
    return found;
}

/* Waits to be posted; while it is not in a batch, only as long as a batch may take. */
static void await_turn(fhir_group_t *group, fhir_member_t *self)
{
    apr_time_t until = apr_time_now() + LATE;
    struct timespec at = {.tv_sec = (time_t)apr_time_sec(until),
                          .tv_nsec = (long)apr_time_usec(until) * 1000};
    int status;
    while ((status = sem_timedwait(&self->wake, &at)) && errno == EINTR) {
    }
    if (!status)
        return;
    if (withdraw(group, self))
        self->state = FHIR_MEMBER_ALONE;
    else
        await(self);
}

/* Becomes the leader, waits in the queue, or (when a batch is late) neither. Returns 1 for the
 * queue. Under the lock. */
static int enqueue(fhir_group_t *group, fhir_member_t *self)
{
    if (!group->led) {
        group->led = 1;
        return 0;
    }
    if (apr_time_now() - group->begun > LATE) {
        self->state = FHIR_MEMBER_ALONE;
        return 0;
    }
    *group->tail = self;
    group->tail = &self->next;
    return 1;
}

fhir_member_state_t fhir_group_join(fhir_group_t *group, fhir_member_t *self)
{
    self->next = NULL;
    self->state = FHIR_MEMBER_LEADS;
    sem_init(&self->wake, 0, 0);
    apr_thread_mutex_lock(group->lock);
    int queued = enqueue(group, self);
    apr_thread_mutex_unlock(group->lock);
    if (queued)
        await_turn(group, self);
    sem_destroy(&self->wake);
    if (self->state != FHIR_MEMBER_LEADS)
        return self->state;
    apr_thread_mutex_lock(group->lock);
    gather(group, self);
    group->begun = apr_time_now();
    apr_thread_mutex_unlock(group->lock);
    count(group, self);
    return FHIR_MEMBER_LEADS;
}

void fhir_group_leave(fhir_group_t *group, fhir_member_t *leader)
{
    fhir_member_t *next = NULL, *member = leader->next;
    apr_thread_mutex_lock(group->lock);
    if ((next = group->head)) {
        group->head = next->next;
        if (!group->head)
            group->tail = &group->head;
        next->state = FHIR_MEMBER_LEADS;
    }
    else
        group->led = 0;
    apr_thread_mutex_unlock(group->lock);
    if (next) /* comes before the others, which only have to answer */
        sem_post(&next->wake);
    while (member) {
        fhir_member_t *behind = member->next; /* once posted, it belongs to its worker again */
        sem_post(&member->wake);
        member = behind;
    }
}

fhir_err_t *fhir_group_create(fhir_group_t **group_out, apr_pool_t *pool)
{
    fhir_group_t *group = apr_pcalloc(pool, sizeof(*group));
    apr_status_t rv = apr_thread_mutex_create(&group->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    if (rv)
        return fhir_err_apr(pool, FHIR_ERR_INTERNAL, rv, "group of writes");
    group->tail = &group->head;
    *group_out = group;
    return NULL;
}

void fhir_group_stats(apr_uint64_t *statements, apr_uint64_t *batches, fhir_group_t *group)
{
    *statements = atomic_load_explicit(&group->statements, memory_order_relaxed);
    *batches = atomic_load_explicit(&group->batches, memory_order_relaxed);
}
