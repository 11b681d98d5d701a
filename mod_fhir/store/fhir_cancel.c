/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cancels a statement whose result nobody needs any more. libpq's PQcancel opens a connection of
 * its own and waits for it without limit, so a thread calls it, and the caller waits for that
 * thread only for a while.
 *
 * A cancel request names a session, not a statement. It is certainly over only when the server has
 * closed that connection, and until then the session must not run anything else.
 */
#include <apr_time.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "store/fhir_store_private.h"

typedef struct job_t {
    PGcancel *cancel;
    sem_t done;
    int sent;
    atomic_int users; /* the thread and the caller: the last one frees it */
} job_t;

static void leave(job_t *job)
{
    if (atomic_fetch_sub(&job->users, 1) > 1)
        return;
    PQfreeCancel(job->cancel);
    sem_destroy(&job->done);
    free(job);
}

static void *run(void *data)
{
    job_t *job = data;
    char why[256];
    job->sent = PQcancel(job->cancel, why, sizeof(why));
    sem_post(&job->done);
    leave(job);
    return NULL;
}

/* Signal handlers of the host program must not run in our thread. */
static int start(job_t *job)
{
    sigset_t all;
    sigfillset(&all);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigset_t before;
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    int rv = pthread_create(&thread, &attr, run, job);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return rv == 0;
}

int fhir_cancel(PGconn *conn, apr_interval_time_t limit)
{
    apr_time_t until = apr_time_now() + limit;
    struct timespec at = {.tv_sec = (time_t)apr_time_sec(until),
                          .tv_nsec = (long)apr_time_usec(until) * 1000};
    job_t *job = calloc(1, sizeof(*job));
    if (!job)
        return 0;
    job->cancel = PQgetCancel(conn);
    sem_init(&job->done, 0, 0);
    atomic_init(&job->users, 2);
    if (!job->cancel || !start(job)) {
        atomic_store(&job->users, 1);
        leave(job);
        return 0;
    }
    int status;
    while ((status = sem_timedwait(&job->done, &at)) && errno == EINTR) {
    }
    int sent = status == 0 && job->sent;
    leave(job);
    return sent;
}
