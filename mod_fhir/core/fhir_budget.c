/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Budgets of a process and of its clients, under one lock. What a client used lately is an account
 * that empties at the rate of the client's limit, so that a client has its full share again after a
 * minute.
 */
#include "core/fhir_budget.h"

#include <apr_thread_mutex.h>
#include <errno.h>
#include <semaphore.h>
#include <string.h>
#include <time.h>

/* Clients that are remembered, and slots in which one of them may be. */
#define CLIENTS 1024
#define PLACES  16
#define MINUTE  apr_time_from_sec(60)
/* Many requests, each of which is short, take the processors from others, too. A client may use
 * this processor time at once and in each second; when it uses more, its work is long from its
 * beginning for at most a second. Alone it takes nothing from anybody, so the last second must have
 * had requests of two clients. */
#define WORK    apr_time_from_msec(50)
#define SECOND  apr_time_from_sec(1)

typedef struct fhir_budget_client_t {
    apr_uint64_t key;
    int holders; /* tickets, and unfinished requests */
    int running;
    int arriving;
    int is_proxy; /* the address is a proxy with clients of its own */
    apr_int64_t bodies, spool;
    apr_int64_t time, output; /* accounts: µs, bytes */
    apr_int64_t work;         /* account of the processors: µs */
    apr_time_t seen;          /* when they were emptied last */
} client_t;

/* A request that waits, on the stack of its thread. */
typedef struct waiter_t {
    const struct want_t *want;
    fhir_ticket_t *ticket;
    apr_int64_t n;
    sem_t given;
    int is_given;
    struct waiter_t *next;
} waiter_t;

struct fhir_budget_t {
    fhir_budget_limits_t limits;
    apr_thread_mutex_t *lock;     /* guards what follows */
    waiter_t *first;              /* the one that has waited longest */
    int running, waiting, active; /* active: clients with something running */
    int arriving;                 /* unfinished requests */
    apr_int64_t bodies, spool;
    apr_uint64_t refused;
    apr_uint64_t last;  /* the client of the last request */
    apr_time_t changed; /* when it was another one than before */
    client_t rest;      /* shared by all clients without a slot */
    client_t clients[CLIENTS];
};

fhir_err_t *fhir_budget_create(fhir_budget_t **out, const fhir_budget_limits_t *limits,
                               apr_pool_t *pool)
{
    fhir_budget_t *b = apr_pcalloc(pool, sizeof(*b));
    apr_status_t rv = apr_thread_mutex_create(&b->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    if (rv)
        return fhir_err_apr(pool, FHIR_ERR_INTERNAL, rv, "budget");
    b->limits = *limits;
    *out = b;
    return NULL;
}

/* ---- clients ---- */

/* An account that allows so much in a period, after some time. */
static void empty(apr_int64_t *account, apr_int64_t limit, apr_interval_time_t period,
                  apr_interval_time_t time)
{
    apr_int64_t less =
        time >= period ? *account : limit / period * time + limit % period * time / period;
    *account = limit && less < *account ? *account - less : 0;
}

/* The record of a client, or the one that all clients without a slot share. */
static client_t *find(fhir_budget_t *b, apr_uint64_t key, apr_time_t now)
{
    client_t *found = NULL, *old = NULL;
    for (int i = 0; i < PLACES && !found; i++) {
        client_t *c = &b->clients[(key + (apr_uint64_t)i) % CLIENTS];
        if (c->key == key)
            found = c;
        else if (!c->holders && (!old || c->seen < old->seen))
            old = c;
    }
    if (!found && old) {
        *old = (client_t){.key = key, .seen = now};
        found = old;
    }
    if (!found)
        found = &b->rest;
    if (now > found->seen) { /* the clock may have been set back */
        empty(&found->time, b->limits.client_time, MINUTE, now - found->seen);
        empty(&found->output, b->limits.client_output, MINUTE, now - found->seen);
        empty(&found->work, WORK, SECOND, now - found->seen);
    }
    found->seen = now;
    return found;
}

/* ---- waiting ---- */

/* What a request may wait for: whether it may have n of it now, and how to take it. */
typedef struct want_t {
    int (*may)(const fhir_budget_t *b, const client_t *c, apr_int64_t n);
    void (*take)(fhir_ticket_t *ticket, apr_int64_t n);
} want_t;

/* Sleeps until it was given what it waits for, or until the time limit. The lock is not held
 * meanwhile. */
static void sleep_until(fhir_budget_t *b, waiter_t *self, apr_time_t until)
{
    struct timespec time = {.tv_sec = (time_t)apr_time_sec(until),
                            .tv_nsec = (long)apr_time_usec(until) * 1000};
    apr_thread_mutex_unlock(b->lock);
    while (sem_timedwait(&self->given, &time) && errno == EINTR) {
    }
    apr_thread_mutex_lock(b->lock);
}

/* Takes n, now or when others have given it back; 0 when the time limit comes first. Who waits
 * holds a thread, so only a few may wait at once. */
static int take(fhir_ticket_t *ticket, const want_t *want, apr_int64_t n)
{
    fhir_budget_t *b = ticket->budget;
    apr_time_t until = apr_time_now() + b->limits.wait;
    waiter_t self = {.want = want, .ticket = ticket, .n = n}, **at = &b->first;
    if (want->may(b, ticket->client, n)) {
        want->take(ticket, n);
        return 1;
    }
    /* Requests whose bodies were read may all wait for each other. The first waits longer, so that
     * it gets what the others give up. */
    if (n && !b->waiting)
        until += b->limits.wait;
    if (!b->limits.wait || (b->waiting >= (b->limits.threads + 7) / 8 &&
                            b->running + b->waiting >= b->limits.threads * 3 / 4))
        return 0;
    sem_init(&self.given, 0, 0);
    while (*at)
        at = &(*at)->next;
    *at = &self;
    b->waiting++;
    sleep_until(b, &self, until);
    if (!self.is_given) {
        for (at = &b->first; *at != &self;)
            at = &(*at)->next;
        *at = self.next;
        b->waiting--;
    }
    sem_destroy(&self.given);
    return self.is_given;
}

/* Something was given back. Wakes those who may have it now, the longest waiting first. */
static void give(fhir_budget_t *b)
{
    for (waiter_t **at = &b->first; *at;) {
        waiter_t *w = *at;
        if (!w->want->may(b, w->ticket->client, w->n)) {
            at = &w->next;
            continue;
        }
        w->want->take(w->ticket, w->n);
        w->is_given = 1;
        *at = w->next;
        b->waiting--;
        sem_post(&w->given);
    }
}

/* ---- requests ---- */

static int may_run(const fhir_budget_t *b, const client_t *c, apr_int64_t n)
{
    const int most = b->limits.client_requests, busy = b->limits.threads * 3 / 4;
    int part = b->active > 1 ? busy / b->active : busy;
    (void)n;
    if (!most)
        return 1;
    return c->running < most && (b->running < busy || c->running < (part > 1 ? part : 1));
}

static void take_run(fhir_ticket_t *ticket, apr_int64_t n)
{
    fhir_budget_t *b = ticket->budget;
    (void)n;
    if (!ticket->client->running++)
        b->active++;
    b->running++;
    ticket->running = 1;
}

static const want_t want_run = {may_run, take_run};

static apr_status_t give_back(void *data)
{
    fhir_ticket_t *ticket = data;
    fhir_budget_t *b = ticket->budget;
    if (!b)
        return APR_SUCCESS;
    fhir_budget_leave(ticket, &(fhir_usage_t){0});
    apr_thread_mutex_lock(b->lock);
    b->bodies -= ticket->bodies;
    b->spool -= ticket->spool;
    ticket->client->bodies -= ticket->bodies;
    ticket->client->spool -= ticket->spool;
    ticket->client->holders--;
    give(b);
    apr_thread_mutex_unlock(b->lock);
    ticket->budget = NULL;
    return APR_SUCCESS;
}

static fhir_err_t *refuse(fhir_budget_t *b, fhir_code_t code, int sec, const char *what,
                          apr_pool_t *pool)
{
    fhir_err_t *err = fhir_err_create(pool, code, "%s", what);
    err->retry_sec = sec;
    b->refused++;
    return err;
}

static fhir_err_t *enter(fhir_ticket_t *ticket, fhir_budget_t *b, client_t *c, apr_pool_t *pool)
{
    const fhir_budget_limits_t *limits = &b->limits;
    if (limits->client_requests && limits->client_output && c->output > limits->client_output)
        return refuse(b, FHIR_ERR_THROTTLED,
                      1 + (int)((double)(c->output - limits->client_output) * 60 /
                                (double)limits->client_output),
                      "This client has reached the limit of data sent to one client in a minute "
                      "(FHIRClientOutput); wait, or request less",
                      pool);
    if (!take(ticket, &want_run, 0))
        return refuse(b, FHIR_ERR_THROTTLED, 1,
                      "This client has reached the limit of concurrent requests "
                      "(FHIRClientRequests; lower while the server is busy); send the next request "
                      "when one has been answered",
                      pool);
    ticket->works_long = limits->client_requests && c->work > WORK && c->seen - b->changed < SECOND;
    /* Only while other clients are active: alone, a client takes nothing from anybody. */
    ticket->is_long = limits->client_requests && limits->client_time &&
                      c->time > limits->client_time && b->active > 1;
    return NULL;
}

fhir_err_t *fhir_budget_enter(fhir_ticket_t *ticket, fhir_budget_t *b, apr_uint64_t key,
                              apr_pool_t *pool)
{
    memset(ticket, 0, sizeof(*ticket));
    apr_thread_mutex_lock(b->lock);
    ticket->budget = b;
    ticket->client = find(b, key, apr_time_now());
    ticket->client->holders++;
    ticket->key = b->limits.client_requests ? key : 0;
    if (key != b->last) {
        b->last = key;
        b->changed = ticket->client->seen;
    }
    fhir_err_t *err = enter(ticket, b, ticket->client, pool);
    apr_thread_mutex_unlock(b->lock);
    apr_pool_cleanup_register(pool, ticket, give_back, apr_pool_cleanup_null);
    return err;
}

void fhir_budget_leave(fhir_ticket_t *ticket, const fhir_usage_t *used)
{
    fhir_budget_t *b = ticket->budget;
    client_t *c = ticket->client;
    if (!b || !ticket->running)
        return;
    apr_thread_mutex_lock(b->lock);
    ticket->running = 0;
    b->running--;
    if (!--c->running)
        b->active--;
    c->time += used->time;
    c->output += used->output;
    c->work += used->work;
    if (c->work > 2 * WORK) /* a second later it is forgotten */
        c->work = 2 * WORK;
    give(b);
    apr_thread_mutex_unlock(b->lock);
}

/* ---- unfinished requests ---- */

/* When FHIRUnfinishedShare percent of the threads read unfinished requests, a client may have one
 * of them. */
static int may_arrive(const fhir_budget_t *b, const client_t *c)
{
    int room = b->limits.threads * b->limits.arriving / 100;
    if (!b->limits.client_requests || !b->limits.arriving || c->is_proxy)
        return 1;
    return b->arriving < room || !c->arriving;
}

/* Call it under the lock. */
static int arrive(fhir_arrival_t *arrival, fhir_budget_t *b, client_t *c)
{
    int may = may_arrive(b, c);
    *arrival = (fhir_arrival_t){may ? b : NULL, c};
    if (may) {
        c->holders++;
        c->arriving++;
        b->arriving++;
    }
    else
        b->refused++;
    return may;
}

int fhir_budget_arrive(fhir_arrival_t *arrival, fhir_budget_t *b, apr_uint64_t key)
{
    apr_thread_mutex_lock(b->lock);
    int may = arrive(arrival, b, find(b, key, apr_time_now()));
    apr_thread_mutex_unlock(b->lock);
    return may;
}

void fhir_budget_arrived(fhir_arrival_t *arrival, int is_proxy)
{
    fhir_budget_t *b = arrival->budget;
    client_t *c = arrival->client;
    if (!b)
        return;
    arrival->budget = NULL;
    apr_thread_mutex_lock(b->lock);
    c->holders--;
    c->is_proxy |= is_proxy && c != &b->rest;
    c->arriving--;
    b->arriving--;
    apr_thread_mutex_unlock(b->lock);
}

fhir_err_t *fhir_budget_arrive_body(fhir_arrival_t *arrival, fhir_ticket_t *ticket,
                                    apr_pool_t *pool)
{
    fhir_budget_t *b = ticket->budget;
    int may = 1;
    arrival->budget = NULL;
    if (!b)
        return NULL;
    apr_thread_mutex_lock(b->lock);
    may = arrive(arrival, b, ticket->client);
    apr_thread_mutex_unlock(b->lock);
    if (may)
        return NULL;
    fhir_err_t *err =
        fhir_err_create(pool, FHIR_ERR_THROTTLED,
                        "This client has reached its share of unfinished requests while the "
                        "server is busy (FHIRUnfinishedShare); finish sending one request before "
                        "the next");
    err->retry_sec = 1;
    return err;
}

/* ---- bytes ---- */

static int may_hold(const fhir_budget_t *b, const client_t *c, apr_int64_t n)
{
    return b->bodies + n <= b->limits.bodies &&
           (!b->limits.client_requests || c->bodies + n <= b->limits.bodies / 2);
}

static void take_hold(fhir_ticket_t *ticket, apr_int64_t n)
{
    ticket->bodies += n;
    ticket->budget->bodies += n;
    ticket->client->bodies += n;
}

static const want_t want_hold = {may_hold, take_hold};

static fhir_err_t *refuse_body(fhir_budget_t *b, apr_int64_t bytes, apr_pool_t *pool)
{
    if (b->bodies + bytes > b->limits.bodies)
        return refuse(b, FHIR_ERR_BUSY, 0,
                      "The server's memory for large request bodies is in use (FHIRBodiesMax); "
                      "try again in a few seconds",
                      pool);
    return refuse(b, FHIR_ERR_THROTTLED, 1,
                  "The request bodies of this client have reached their limit of memory (half "
                  "of FHIRBodiesMax); send the next when one has been answered",
                  pool);
}

fhir_err_t *fhir_budget_body(fhir_ticket_t *ticket, apr_int64_t bytes, apr_pool_t *pool)
{
    fhir_budget_t *b = ticket->budget;
    fhir_err_t *err = NULL;
    if (!b)
        return NULL;
    apr_thread_mutex_lock(b->lock);
    apr_int64_t most = b->limits.bodies / 2 - ticket->bodies;
    bytes = bytes < most ? bytes : most;
    if (!take(ticket, &want_hold, bytes))
        err = refuse_body(b, bytes, pool);
    apr_thread_mutex_unlock(b->lock);
    return err;
}

fhir_err_t *fhir_budget_spool(fhir_ticket_t *ticket, apr_int64_t bytes, apr_pool_t *pool)
{
    fhir_budget_t *b = ticket->budget;
    client_t *c = ticket->client;
    fhir_err_t *err = NULL;
    if (!b)
        return NULL;
    apr_thread_mutex_lock(b->lock);
    if (b->spool + bytes > b->limits.spool)
        err = refuse(b, FHIR_ERR_BUSY, 0,
                     "The server's space for large responses is in use (FHIRSpoolMax); try again "
                     "in a few seconds, or request less",
                     pool);
    else if (b->limits.client_requests && c->spool + bytes > b->limits.spool / 2)
        err = refuse(b, FHIR_ERR_THROTTLED, 1,
                     "This client's large responses have reached their limit of space (half of "
                     "FHIRSpoolMax); send the next request when one has been received",
                     pool);
    else {
        ticket->spool += bytes;
        b->spool += bytes;
        c->spool += bytes;
    }
    apr_thread_mutex_unlock(b->lock);
    return err;
}

void fhir_budget_status(fhir_budget_status_t *status, fhir_budget_t *b)
{
    apr_thread_mutex_lock(b->lock);
    *status = (fhir_budget_status_t){.running = b->running,
                                     .waiting = b->waiting,
                                     .clients = b->active,
                                     .arriving = b->arriving,
                                     .bodies = b->bodies,
                                     .spool = b->spool,
                                     .refused = b->refused};
    apr_thread_mutex_unlock(b->lock);
}
