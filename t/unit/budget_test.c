/* SPDX-License-Identifier: Apache-2.0 */
/* What a client may take of a process: requests, time, bytes; and that all of it is given back. */
#include "core/fhir_budget.h"
#include "tap.h"

#include <apr_thread_proc.h>
#include <string.h>

#define MB ((apr_int64_t)1024 * 1024)

static fhir_budget_t *budget_of(fhir_budget_limits_t limits, apr_pool_t *pool)
{
    fhir_budget_t *budget = NULL;
    tap_no_err(fhir_budget_create(&budget, &limits, pool), "a budget");
    return budget;
}

/* A ticket lives as long as its pool. */
static fhir_code_t enter(fhir_ticket_t **out, fhir_budget_t *budget, int client, apr_pool_t *pool)
{
    fhir_ticket_t *ticket = *out = apr_palloc(pool, sizeof(*ticket));
    fhir_err_t *err = fhir_budget_enter(ticket, budget, (apr_uint64_t)client, pool);
    if (err && err->code == FHIR_ERR_THROTTLED)
        tap_ok(err->retry_sec > 0, "says when to try again");
    return err ? err->code : FHIR_OK;
}

static void leave(fhir_ticket_t *ticket, fhir_usage_t used)
{
    fhir_budget_leave(ticket, &used);
}

static void test_requests(apr_pool_t *pool)
{
    apr_pool_t *sub;
    fhir_budget_t *b = budget_of(
        (fhir_budget_limits_t){.threads = 32, .client_requests = 12, .bodies = MB, .spool = MB},
        pool);
    apr_pool_create(&sub, pool);
    fhir_ticket_t *t[40];
    for (int i = 0; i < 12; i++)
        tap_is_int(enter(&t[i], b, 1, sub), FHIR_OK, "request %d of a client", i + 1);
    tap_is_int(enter(&t[12], b, 1, sub), FHIR_ERR_THROTTLED, "one more is refused");
    tap_is_int(enter(&t[13], b, 2, sub), FHIR_OK, "another client is not concerned");
    leave(t[0], (fhir_usage_t){0});
    tap_is_int(enter(&t[14], b, 1, sub), FHIR_OK, "one was answered: the next may come");
    fhir_budget_status_t status;
    fhir_budget_status(&status, b);
    tap_is_int(status.running, 13, "running");
    tap_is_int(status.clients, 2, "of two clients");
    tap_is_int((int)status.refused, 1, "one was refused");
    /* 24 of 32 threads are busy: clients have their part of these */
    for (int i = 15; i < 26; i++)
        tap_is_int(enter(&t[i], b, 2, sub), FHIR_OK, "the second client's request %d", i - 13);
    tap_is_int(enter(&t[26], b, 2, sub), FHIR_ERR_THROTTLED, "which has half of them");
    for (int i = 27; i < 35; i++)
        tap_is_int(enter(&t[i], b, i, sub), FHIR_OK, "who has nothing running is served");
    leave(t[1], (fhir_usage_t){0});
    tap_is_int(enter(&t[35], b, 1, sub), FHIR_ERR_THROTTLED,
               "with more clients the part of each is smaller");
    apr_pool_destroy(sub);
    fhir_budget_status(&status, b);
    tap_is_int(status.running + status.clients + status.waiting, 0, "all is given back");
}

static void test_apart(apr_pool_t *pool)
{
    fhir_ticket_t *t[40];
    fhir_budget_t *b =
        budget_of((fhir_budget_limits_t){.threads = 4, .bodies = 4 * MB, .spool = MB}, pool);
    for (int i = 0; i < 40; i++)
        tap_is_int(enter(&t[i], b, 1, pool), FHIR_OK, "clients are not told apart");
    tap_no_err(fhir_budget_body(t[0], 2 * MB, pool), "nor in what they hold");
    tap_no_err(fhir_budget_body(t[1], 2 * MB, pool), "of bodies");
}

/* More clients than are remembered: none is refused for that, and no count is lost. */
static void test_many(apr_pool_t *pool)
{
    enum { N = 5000 };
    fhir_ticket_t *t = apr_pcalloc(pool, N * sizeof(*t));
    apr_pool_t *sub;
    int refused = 0;
    fhir_budget_t *b = budget_of(
        (fhir_budget_limits_t){
            .threads = 100000, .client_requests = 100000, .bodies = MB, .spool = MB},
        pool);
    apr_pool_create(&sub, pool);
    for (int i = 0; i < N; i++)
        refused += fhir_budget_enter(&t[i], b, (apr_uint64_t)i * 2654435761u, sub) != NULL;
    tap_is_int(refused, 0, "%d clients at once", N);
    apr_pool_destroy(sub);
    fhir_budget_status_t status;
    fhir_budget_status(&status, b);
    tap_is_int(status.running + status.clients, 0, "are gone");
}

static void test_accounts(apr_pool_t *pool)
{
    fhir_ticket_t *t;
    fhir_budget_t *b = budget_of((fhir_budget_limits_t){.threads = 8,
                                                        .client_requests = 8,
                                                        .client_time = apr_time_from_sec(60),
                                                        .client_output = 6000 * MB,
                                                        .bodies = MB,
                                                        .spool = MB},
                                 pool);
    tap_is_int(enter(&t, b, 1, pool), FHIR_OK, "a client");
    tap_is_int(t->is_long, 0, "without a past");
    leave(t, (fhir_usage_t){.time = apr_time_from_msec(60300), .output = 6030 * MB});
    fhir_err_t *err = fhir_budget_enter(apr_palloc(pool, sizeof(*t)), b, 1, pool);
    tap_is_int(err ? err->code : FHIR_OK, FHIR_ERR_THROTTLED, "that was sent too much");
    tap_is_int(err ? err->retry_sec : 0, 1, "is told when there is a share again");
    fhir_ticket_t *other;
    tap_is_int(enter(&other, b, 2, pool), FHIR_OK, "another");
    tap_is_int(other->is_long, 0, "has its own accounts");
    apr_time_t begin = apr_time_now();
    apr_sleep(apr_time_from_msec(400));
    tap_is_int(enter(&t, b, 1, pool), FHIR_OK, "after %d ms they are low enough",
               (int)apr_time_as_msec(apr_time_now() - begin));
    tap_is_int(t->is_long, 0, "the database's time, too");
    leave(t, (fhir_usage_t){.time = apr_time_from_sec(2)});
    tap_is_int(enter(&t, b, 1, pool), FHIR_OK, "a client that uses the database much");
    tap_is_int(t->is_long, 1, "is served, in the lane of long work");
    leave(t, (fhir_usage_t){0});
    leave(other, (fhir_usage_t){0});
    tap_is_int(enter(&t, b, 1, pool), FHIR_OK, "as it is when nobody else asks");
    tap_is_int(t->is_long, 0, "then in the short one");
    b = budget_of(
        (fhir_budget_limits_t){
            .threads = 8, .client_time = apr_time_from_sec(1), .bodies = MB, .spool = MB},
        pool);
    tap_is_int(enter(&t, b, 1, pool), FHIR_OK, "where clients are not told apart");
    leave(t, (fhir_usage_t){.time = apr_time_from_sec(10)});
    tap_is_int(enter(&t, b, 1, pool), FHIR_OK, "the next request");
    tap_is_int(t->is_long, 0, "is not long because of the one before");
}

/* A client that used more than its share of the processors: its next requests are long, for a
 * second, while others have requests, too. */
static void test_work(apr_pool_t *pool)
{
    fhir_ticket_t *t, *other;
    fhir_budget_limits_t limits = {.threads = 8, .client_requests = 8, .bodies = MB, .spool = MB};
    fhir_budget_t *b = budget_of(limits, pool);
    for (int i = 0; i < 13; i++) {
        tap_is_int(enter(&t, b, 1, pool), FHIR_OK, "a client's short request %d", i + 1);
        tap_is_int(t->works_long, 0, "is not long");
        leave(t, (fhir_usage_t){.work = apr_time_from_msec(4)});
    }
    tap_is_int(enter(&other, b, 2, pool), FHIR_OK, "another client");
    tap_is_int(other->works_long, 0, "has used nothing");
    tap_is_int(enter(&t, b, 1, pool), FHIR_OK, "the first one's next request");
    tap_is_int(t->works_long, 1, "is long: it has used its share");
    leave(t, (fhir_usage_t){.work = apr_time_from_sec(100)});
    leave(other, (fhir_usage_t){0});
    apr_sleep(apr_time_from_msec(1050));
    tap_is_int(enter(&other, b, 2, pool), FHIR_OK, "a second later another one");
    tap_is_int(enter(&t, b, 1, pool), FHIR_OK, "and the first");
    tap_is_int(t->works_long, 0, "whose work is forgotten");
    b = budget_of(limits, pool);
    tap_is_int(enter(&t, b, 1, pool), FHIR_OK, "a client");
    leave(t, (fhir_usage_t){.work = apr_time_from_sec(100)});
    apr_sleep(apr_time_from_msec(1050));
    tap_is_int(enter(&t, b, 1, pool), FHIR_OK, "a second later");
    leave(t, (fhir_usage_t){.work = apr_time_from_sec(100)});
    tap_is_int(enter(&t, b, 1, pool), FHIR_OK, "its next request");
    tap_is_int(t->works_long, 0, "is not long: nobody else has requests");
    limits.client_requests = 0;
    b = budget_of(limits, pool);
    tap_is_int(enter(&other, b, 2, pool), FHIR_OK, "where clients are not told apart");
    tap_is_int(enter(&t, b, 1, pool), FHIR_OK, "a client");
    leave(t, (fhir_usage_t){.work = apr_time_from_sec(100)});
    tap_is_int(enter(&t, b, 1, pool), FHIR_OK, "its next request");
    tap_is_int(t->works_long, 0, "is not long because of the one before");
}

static void *APR_THREAD_FUNC give_back_later(apr_thread_t *thread, void *data)
{
    (void)thread;
    apr_sleep(apr_time_from_msec(100));
    apr_pool_destroy(data);
    return NULL;
}

static void test_bytes(apr_pool_t *pool)
{
    apr_pool_t *of_a;
    fhir_budget_t *b = budget_of((fhir_budget_limits_t){.threads = 16,
                                                        .client_requests = 16,
                                                        .bodies = 100 * MB,
                                                        .spool = 100 * MB,
                                                        .wait = apr_time_from_sec(20)},
                                 pool);
    apr_pool_create(&of_a, NULL);
    apr_pool_t *of_b;
    apr_pool_create(&of_b, pool);
    fhir_ticket_t *a;
    enter(&a, b, 1, of_a);
    fhir_ticket_t *b1;
    enter(&b1, b, 2, of_b);
    fhir_ticket_t *b2;
    enter(&b2, b, 2, of_b);
    fhir_ticket_t *c;
    enter(&c, b, 3, pool);
    tap_no_err(fhir_budget_body(a, 5000 * MB, of_a), "one body is charged half of all at most");
    fhir_budget_status_t status;
    fhir_budget_status(&status, b);
    tap_is_int((int)(status.bodies / MB), 50, "so that it can be worked on");
    tap_no_err(fhir_budget_body(b1, 40 * MB, of_b), "another client's");
    apr_thread_t *thread;
    apr_thread_create(&thread, NULL, give_back_later, of_a, pool);
    tap_no_err(fhir_budget_body(c, 20 * MB, pool), "one that waits until the first is given back");
    apr_status_t rv;
    apr_thread_join(&rv, thread);
    fhir_budget_status(&status, b);
    tap_is_int((int)(status.bodies / MB), 60, "held");
    tap_no_err(fhir_budget_spool(b1, 30 * MB, of_b), "space for an answer");
    fhir_err_t *err = fhir_budget_spool(b2, 30 * MB, of_b);
    tap_is_int(err ? err->code : FHIR_OK, FHIR_ERR_THROTTLED, "a client has half of it at most");
    tap_no_err(fhir_budget_spool(c, 50 * MB, pool), "another client's");
    err = fhir_budget_spool(c, 30 * MB, pool);
    tap_is_int(err ? err->code : FHIR_OK, FHIR_ERR_BUSY, "all have no more than there is");
    apr_pool_destroy(of_b);
    fhir_budget_status(&status, b);
    tap_is_int((int)(status.bodies / MB), 20, "given back with the request");
    tap_is_int((int)(status.spool / MB), 50, "likewise");
}

static void test_no_room(apr_pool_t *pool)
{
    fhir_ticket_t *a;
    fhir_budget_t *b = budget_of(
        (fhir_budget_limits_t){.threads = 16, .client_requests = 16, .bodies = 100 * MB}, pool);
    enter(&a, b, 1, pool);
    fhir_ticket_t *b1;
    enter(&b1, b, 2, pool);
    fhir_ticket_t *b2;
    enter(&b2, b, 2, pool);
    tap_no_err(fhir_budget_body(b1, 30 * MB, pool), "a client's body");
    fhir_err_t *err = fhir_budget_body(b2, 30 * MB, pool);
    tap_is_int(err ? err->code : FHIR_OK, FHIR_ERR_THROTTLED, "its second has no room");
    tap_no_err(fhir_budget_body(a, 50 * MB, pool), "another client's has");
    err = fhir_budget_body(b2, 20 * MB + 1, pool);
    tap_is_int(err ? err->code : FHIR_OK, FHIR_ERR_BUSY, "there is none for anybody");
}

/* ---- who waits ---- */

enum { CLIENTS = 4 };

typedef struct waiting_t {
    fhir_budget_t *budget;
    apr_pool_t *pool;
    int client, entered;
} waiting_t;

static void *APR_THREAD_FUNC wait_to_enter(apr_thread_t *thread, void *data)
{
    waiting_t *w = data;
    (void)thread;
    fhir_ticket_t ticket;
    w->entered = !fhir_budget_enter(&ticket, w->budget, (apr_uint64_t)w->client, w->pool);
    apr_pool_destroy(w->pool);
    return NULL;
}

static int waiting(fhir_budget_t *b)
{
    fhir_budget_status_t status;
    fhir_budget_status(&status, b);
    return status.waiting;
}

static int await_waiting(fhir_budget_t *b, int n)
{
    for (int i = 0; i < 500 && waiting(b) != n; i++)
        apr_sleep(apr_time_from_msec(10));
    return waiting(b);
}

/* Several clients wait for requests of their own: the end of one's lets its next in, and nobody
 * else's. */
static void test_turns(apr_pool_t *pool)
{
    fhir_ticket_t *held[CLIENTS];
    waiting_t w[CLIENTS];
    apr_thread_t *thread[CLIENTS];
    fhir_budget_t *b = budget_of((fhir_budget_limits_t){.threads = 64,
                                                        .client_requests = 1,
                                                        .bodies = MB,
                                                        .spool = MB,
                                                        .wait = apr_time_from_sec(20)},
                                 pool);
    for (int i = 0; i < CLIENTS; i++) {
        enter(&held[i], b, i + 1, pool);
        w[i] = (waiting_t){.budget = b, .client = i + 1};
        apr_pool_create(&w[i].pool, NULL);
        apr_thread_create(&thread[i], NULL, wait_to_enter, &w[i], pool);
    }
    tap_is_int(await_waiting(b, CLIENTS), CLIENTS, "each client's second request waits");
    apr_status_t rv;
    for (int i = CLIENTS - 1; i >= 0; i--) {
        leave(held[i], (fhir_usage_t){0});
        apr_thread_join(&rv, thread[i]);
        tap_is_int(w[i].entered, 1, "client %d: its first has ended, its second runs", i + 1);
        tap_is_int(waiting(b), i, "the others wait");
    }
    fhir_budget_status_t status;
    fhir_budget_status(&status, b);
    tap_is_int(status.running + status.clients, 0, "all is given back");
}

/* What waited too long is refused, and those behind it wait on. */
static void test_too_late(apr_pool_t *pool)
{
    fhir_ticket_t *held;
    fhir_budget_t *b = budget_of((fhir_budget_limits_t){.threads = 64,
                                                        .client_requests = 1,
                                                        .bodies = MB,
                                                        .spool = MB,
                                                        .wait = apr_time_from_msec(50)},
                                 pool);
    enter(&held, b, 1, pool);
    fhir_ticket_t *late;
    tap_is_int(enter(&late, b, 1, pool), FHIR_ERR_THROTTLED, "too late");
    tap_is_int(waiting(b), 0, "waits no more");
    leave(held, (fhir_usage_t){0});
    tap_is_int(enter(&late, b, 1, pool), FHIR_OK, "the place is free");
}

/* ---- requests that have not come whole ---- */

static void test_arrivals(apr_pool_t *pool)
{
    fhir_ticket_t *ticket;
    int n = 0;
    fhir_budget_t *b = budget_of(
        (fhir_budget_limits_t){
            .threads = 32, .client_requests = 12, .bodies = MB, .spool = MB, .arriving = 50},
        pool);
    enter(&ticket, b, 1, pool);
    fhir_arrival_t a[64];
    while (n < 64 && fhir_budget_arrive(&a[n], b, 1))
        n++;
    tap_is_int(n, 16, "one client alone has that part of the threads");
    fhir_budget_arrived(&a[n], 0); /* refused: nothing to give back */
    fhir_err_t *err = fhir_budget_arrive_body(&a[n], ticket, pool);
    tap_is_int(err ? err->code : FHIR_OK, FHIR_ERR_THROTTLED, "a body that is not there, too");
    tap_ok(err && err->retry_sec > 0, "is told when to come again");
    for (int i = 2; i < 10; i++)
        tap_is_int(fhir_budget_arrive(&a[n++], b, (apr_uint64_t)i), 1, "client %d is read", i);
    for (int i = 0; i < 16; i++)
        fhir_budget_arrived(&a[i], 0);
    fhir_budget_status_t status;
    fhir_budget_status(&status, b);
    tap_is_int(status.arriving, 8, "given back");
    for (int i = 0; i < 8; i++)
        (void)fhir_budget_arrive(&a[i], b, 1);
    tap_is_int(fhir_budget_arrive(&a[8], b, 1), 0, "with others, too");
    for (int i = 0; i < 20; i++)
        fhir_budget_arrived(&a[i], 0);
    tap_is_int(fhir_budget_arrive(&a[0], b, 1), 1, "what was given back twice counts once");
    tap_no_err(fhir_budget_arrive_body(&a[1], ticket, pool), "a body");
    fhir_budget_arrived(&a[1], 0);
    fhir_budget_arrived(&a[0], 1);
    for (n = 0; n < 64 && fhir_budget_arrive(&a[n], b, 1);)
        n++;
    tap_is_int(n, 64, "a proxy that is trusted has no limit");
    b = budget_of((fhir_budget_limits_t){.threads = 32, .bodies = MB, .spool = MB, .arriving = 50},
                  pool);
    for (n = 0; n < 64 && fhir_budget_arrive(&a[n], b, 1);)
        n++;
    tap_is_int(n, 64, "nor has anybody where clients are not told apart");
}

int main(void)
{
    apr_pool_t *pool = tap_start();
    test_requests(pool);
    test_apart(pool);
    test_many(pool);
    test_accounts(pool);
    test_work(pool);
    test_bytes(pool);
    test_no_room(pool);
    test_turns(pool);
    test_too_late(pool);
    test_arrivals(pool);
    return tap_done();
}
