/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Budgets of a process and of its clients, under one lock. What a client used lately is an account
 * that empties at the rate of its limit, so that a minute's share is there after a minute.
 */
#include "core/fhir_budget.h"

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <string.h>

/* Clients that are remembered, and places at which one may be found. */
#define CLIENTS 1024
#define PLACES  16
#define MINUTE  apr_time_from_sec(60)

typedef struct fhir_budget_client_t {
    apr_uint64_t key;
    int holders; /* tickets */
    int running;
    apr_int64_t bodies, spool;
    apr_int64_t time, output; /* accounts: µs, bytes */
    apr_time_t seen;          /* when they were emptied last */
} client_t;

struct fhir_budget_t {
    fhir_budget_limits_t limits;
    apr_thread_mutex_t *lock; /* guards what follows */
    apr_thread_cond_t *changed;
    int running, waiting, active; /* active: clients with something running */
    apr_int64_t bodies, spool;
    apr_uint64_t refused;
    client_t rest; /* clients for whom there is no place */
    client_t clients[CLIENTS];
};

fhir_err_t *fhir_budget_create(fhir_budget_t **out, const fhir_budget_limits_t *limits,
                               apr_pool_t *pool)
{
    fhir_budget_t *b = apr_pcalloc(pool, sizeof(*b));
    apr_status_t rv = apr_thread_mutex_create(&b->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    if (!rv)
        rv = apr_thread_cond_create(&b->changed, pool);
    if (rv)
        return fhir_err_apr(pool, FHIR_ERR_INTERNAL, rv, "budget");
    b->limits = *limits;
    *out = b;
    return NULL;
}

/* ---- clients ---- */

static void empty(apr_int64_t *account, apr_int64_t limit, apr_interval_time_t time)
{
    apr_int64_t less =
        time >= MINUTE ? *account : limit / MINUTE * time + limit % MINUTE * time / MINUTE;
    *account = limit && less < *account ? *account - less : 0;
}

/* The record of a client, or that of all for whom there is no place. */
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
        empty(&found->time, b->limits.client_time, now - found->seen);
        empty(&found->output, b->limits.client_output, now - found->seen);
    }
    found->seen = now;
    return found;
}

/* ---- waiting ---- */

typedef int (*may_fn)(const fhir_budget_t *b, const client_t *c, apr_int64_t n);

/* Waits until may() says 1; 0 when it does not in time. A few may wait at once: each holds a
 * thread. */
static int await(fhir_budget_t *b, const client_t *c, may_fn may, apr_int64_t n)
{
    apr_time_t now = apr_time_now(), until = now + b->limits.wait;
    if (may(b, c, n))
        return 1;
    /* Bodies that were read may wait for each other: the first outlasts those that give up. */
    if (n && !b->waiting)
        until += b->limits.wait;
    if (b->waiting >= (b->limits.threads + 7) / 8)
        return 0;
    b->waiting++;
    while (!may(b, c, n) && now < until) {
        (void)apr_thread_cond_timedwait(b->changed, b->lock, until - now);
        now = apr_time_now();
    }
    b->waiting--;
    return may(b, c, n);
}

static void tell_waiting(fhir_budget_t *b)
{
    if (b->waiting)
        apr_thread_cond_broadcast(b->changed);
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

static apr_status_t give_back(void *data)
{
    fhir_ticket_t *ticket = data;
    fhir_budget_t *b = ticket->budget;
    if (!b)
        return APR_SUCCESS;
    fhir_budget_leave(ticket, 0, 0);
    apr_thread_mutex_lock(b->lock);
    b->bodies -= ticket->bodies;
    b->spool -= ticket->spool;
    ticket->client->bodies -= ticket->bodies;
    ticket->client->spool -= ticket->spool;
    ticket->client->holders--;
    tell_waiting(b);
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
                      "This client was sent as much as one is sent in a minute (FHIRClientOutput); "
                      "ask again later, or for less",
                      pool);
    if (!await(b, c, may_run, 0))
        return refuse(b, FHIR_ERR_THROTTLED, 1,
                      "This client has as many requests at once as one may have here "
                      "(FHIRClientRequests, and less while the server is busy); send the next when "
                      "one of them was answered",
                      pool);
    if (!c->running++)
        b->active++;
    b->running++;
    ticket->running = 1;
    /* Who is alone takes nothing from others. */
    ticket->is_long = limits->client_requests && limits->client_time &&
                      c->time > limits->client_time && b->active > 1;
    return NULL;
}

fhir_err_t *fhir_budget_enter(fhir_ticket_t *ticket, fhir_budget_t *b, apr_uint64_t key,
                              apr_pool_t *pool)
{
    fhir_err_t *err;
    memset(ticket, 0, sizeof(*ticket));
    apr_thread_mutex_lock(b->lock);
    ticket->budget = b;
    ticket->client = find(b, key, apr_time_now());
    ticket->client->holders++;
    err = enter(ticket, b, ticket->client, pool);
    apr_thread_mutex_unlock(b->lock);
    apr_pool_cleanup_register(pool, ticket, give_back, apr_pool_cleanup_null);
    return err;
}

void fhir_budget_leave(fhir_ticket_t *ticket, apr_interval_time_t used, apr_int64_t output)
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
    c->time += used;
    c->output += output;
    tell_waiting(b);
    apr_thread_mutex_unlock(b->lock);
}

/* ---- bytes ---- */

static int may_hold(const fhir_budget_t *b, const client_t *c, apr_int64_t n)
{
    return b->bodies + n <= b->limits.bodies &&
           (!b->limits.client_requests || c->bodies + n <= b->limits.bodies / 2);
}

fhir_err_t *fhir_budget_body(fhir_ticket_t *ticket, apr_int64_t bytes, apr_pool_t *pool)
{
    fhir_budget_t *b = ticket->budget;
    client_t *c = ticket->client;
    fhir_err_t *err = NULL;
    apr_int64_t most;
    if (!b)
        return NULL;
    apr_thread_mutex_lock(b->lock);
    most = b->limits.bodies / 2 - ticket->bodies;
    bytes = bytes < most ? bytes : most;
    if (await(b, c, may_hold, bytes)) {
        ticket->bodies += bytes;
        b->bodies += bytes;
        c->bodies += bytes;
    }
    else if (b->bodies + bytes > b->limits.bodies)
        err = refuse(b, FHIR_ERR_BUSY, 0,
                     "The server works on as many large bodies as it has memory for "
                     "(FHIRBodiesMax); try again in a few seconds",
                     pool);
    else
        err = refuse(b, FHIR_ERR_THROTTLED, 1,
                     "The bodies that this client has sent at once are as large as they may be "
                     "(half of FHIRBodiesMax); send the next when one of them was answered",
                     pool);
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
                     "The server sends as many large answers as it has space for (FHIRSpoolMax); "
                     "try again in a few seconds, or ask for less",
                     pool);
    else if (b->limits.client_requests && c->spool + bytes > b->limits.spool / 2)
        err = refuse(b, FHIR_ERR_THROTTLED, 1,
                     "This client is sent as many large answers at once as one may have (half of "
                     "FHIRSpoolMax); ask again when one of them was received",
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
                                     .bodies = b->bodies,
                                     .spool = b->spool,
                                     .refused = b->refused};
    apr_thread_mutex_unlock(b->lock);
}
