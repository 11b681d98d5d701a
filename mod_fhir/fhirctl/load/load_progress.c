/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The progress of the load on standard error: a bar on a terminal, otherwise a line from time to
 * time. It has a thread of its own, since the reader may wait for long.
 */
#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_proc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fhirctl/load/load.h"

#define BAR_WIDTH     30
#define BAR_INTERVAL  apr_time_from_msec(200)
#define LINE_INTERVAL apr_time_from_sec(10)

typedef struct progress_t {
    load_t *load;
    int terminal;
    int stop;
    apr_thread_mutex_t *lock;
    apr_thread_cond_t *stopped;
    apr_thread_t *thread;
    apr_pool_t *pool;
} progress_t;

const char *load_progress_number(apr_pool_t *pool, apr_uint64_t n)
{
    char digits[32], out[48], *to = out;
    int len = apr_snprintf(digits, sizeof(digits), "%" APR_UINT64_T_FMT, n);
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return apr_pstrdup(pool, out);
}

/* "1:02:03 left" */
static const char *remaining(double fraction, double seconds, apr_pool_t *pool)
{
    long left = fraction > 0.001 ? (long)(seconds / fraction - seconds + 0.5) : -1;
    if (left < 0)
        return "";
    if (left < 3600)
        return apr_psprintf(pool, ", %ld:%02ld left", left / 60, left % 60);
    return apr_psprintf(pool, ", %ld:%02ld:%02ld left", left / 3600, left / 60 % 60, left % 60);
}

static void draw(progress_t *p)
{
    const load_t *load = p->load;
    unsigned long total = atomic_load(&load->bytes_total), done = atomic_load(&load->bytes_done);
    unsigned long n = atomic_load(&load->n_new) + atomic_load(&load->n_changed) +
                      atomic_load(&load->n_same) + atomic_load(&load->n_rejected);
    double seconds = (double)(apr_time_now() - load->started) / APR_USEC_PER_SEC;
    double fraction = total ? (double)done / (double)total : 0;
    int filled = (int)(fraction * BAR_WIDTH);
    apr_pool_clear(p->pool);
    const char *text =
        apr_psprintf(p->pool, "%s resources, %s/s", load_progress_number(p->pool, n),
                     load_progress_number(p->pool, (apr_uint64_t)((double)n / seconds)));
    if (total)
        text = apr_psprintf(p->pool, "%3d %%, %s%s", (int)(fraction * 100), text,
                            remaining(fraction, seconds, p->pool));
    if (!p->terminal)
        fprintf(stderr, "fhirctl load: %s\n", text);
    else if (total)
        fprintf(stderr, "\r[%.*s%.*s] %s\033[K", filled, "##############################",
                BAR_WIDTH - filled, "                              ", text);
    else
        fprintf(stderr, "\r%s\033[K", text);
    fflush(stderr);
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *baton)
{
    progress_t *p = baton;
    apr_interval_time_t interval = p->terminal ? BAR_INTERVAL : LINE_INTERVAL;
    (void)thread;
    apr_thread_mutex_lock(p->lock);
    while (!p->stop) {
        apr_status_t rv = apr_thread_cond_timedwait(p->stopped, p->lock, interval);
        if (rv != APR_SUCCESS && !p->stop)
            draw(p);
    }
    apr_thread_mutex_unlock(p->lock);
    if (p->terminal)
        fprintf(stderr, "\r\033[K");
    return NULL;
}

static apr_status_t stop(void *baton)
{
    progress_t *p = baton;
    apr_thread_mutex_lock(p->lock);
    p->stop = 1;
    apr_thread_cond_signal(p->stopped);
    apr_thread_mutex_unlock(p->lock);
    apr_status_t rv;
    return apr_thread_join(&rv, p->thread);
}

void load_progress_start(load_t *load, apr_pool_t *pool)
{
    progress_t *p = apr_pcalloc(pool, sizeof(*p));
    p->load = load;
    p->terminal = isatty(STDERR_FILENO);
    apr_pool_create(&p->pool, pool);
    if (apr_thread_mutex_create(&p->lock, APR_THREAD_MUTEX_DEFAULT, pool) != APR_SUCCESS ||
        apr_thread_cond_create(&p->stopped, pool) != APR_SUCCESS ||
        apr_thread_create(&p->thread, NULL, run, p, pool) != APR_SUCCESS)
        return; /* a load works without a progress bar */
    apr_pool_pre_cleanup_register(pool, p, stop);
}
