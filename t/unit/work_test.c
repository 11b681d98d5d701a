/* SPDX-License-Identifier: Apache-2.0 */
/* Long work of a thread: when it waits, when it is stopped, and what stops with it. */
#include "core/fhir_node.h"
#include "core/fhir_steps.h"
#include "core/fhir_work.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WAIT apr_time_from_msec(40)

static int wanted = 1;

static fhir_err_t *check(const void *baton, apr_pool_t *pool)
{
    return *(const int *)baton ? NULL : fhir_err_create(pool, FHIR_ERR_TIMEOUT, "gone");
}

/* Works for so many ms of processor time, or until it is stopped: 1, or 0. */
static int spin(int ms)
{
    clock_t end = clock() + (clock_t)ms * CLOCKS_PER_SEC / 1000;
    while (clock() < end)
        if (!fhir_work_tick(100))
            return 0;
    return 1;
}

static fhir_turns_t *turns;

static int working(void)
{
    fhir_turns_status_t status;
    fhir_turns_status(&status, turns);
    return status.working;
}

static fhir_work_t begin(apr_pool_t *pool)
{
    return (fhir_work_t){
        .turns = turns, .client = 1, .wait = WAIT, .check = check, .baton = &wanted, .pool = pool};
}

static void test_none(void)
{
    tap_is_int(fhir_work_tick(1 << 30), 1, "a thread without work is not stopped");
    tap_no_err(fhir_work_check(), "nor kept from anything");
    tap_no_err(fhir_work_hold(), "nor from a connection");
    fhir_work_let();
    fhir_work_rest();
}

static void test_turn(apr_pool_t *pool)
{
    fhir_work_t work = begin(pool);
    fhir_work_begin(&work);
    tap_is_int(fhir_work_tick(1), 1, "what ticks once");
    tap_no_err(fhir_work_hold(), "and takes a connection");
    fhir_work_let();
    fhir_work_end(&work);
    tap_is_int((int)work.used, 0, "has cost nothing");
    work = begin(pool);
    fhir_work_begin(&work);
    tap_is_int(spin(2), 1, "short work");
    tap_is_int(working(), 0, "needs no turn");
    tap_is_int(spin(100), 1, "long work");
    tap_is_int(working(), 1, "has one");
    fhir_work_rest();
    tap_is_int(working(), 0, "gives it back to wait");
    tap_is_int(spin(20), 1, "goes on");
    tap_is_int(working(), 1, "with the next");
    tap_no_err(fhir_work_hold(), "takes a connection");
    tap_is_int(working(), 0, "and gives the turn back: the database works");
    fhir_work_let();
    fhir_work_end(&work);
    tap_is_int(working(), 0, "at its end nothing is left");
    tap_ok(work.used > apr_time_from_msec(100) && work.used < apr_time_from_sec(100),
           "what it has cost is known");
    work = begin(pool);
    work.is_long = 1;
    fhir_work_begin(&work);
    tap_is_int(spin(20), 1, "work that is long from its beginning");
    tap_is_int(working(), 1, "needs one at once");
    fhir_work_end(&work);
}

static void test_refused(apr_pool_t *pool)
{
    fhir_work_t work = begin(pool);
    fhir_turn_t other = {0};
    tap_is_int(fhir_turns_take(&other, turns, 2, 0), 1, "another one works");
    fhir_work_begin(&work);
    apr_time_t since = apr_time_now();
    tap_is_int(spin(2000), 0, "long work is stopped");
    tap_ok(apr_time_now() - since >= WAIT, "after a wait");
    fhir_err_t *err = fhir_work_check();
    tap_is_int(err ? err->code : FHIR_OK, FHIR_ERR_BUSY, "it may be tried again");
    tap_is_int(fhir_work_tick(1), 0, "it stays stopped");
    tap_ok(fhir_work_hold() == err, "and gets no connection");
    tap_ok(fhir_work_take_error() == err, "the reason is told");
    tap_no_err(fhir_work_check(), "once");
    tap_is_int(spin(2000), 0, "the next part waits again");
    (void)fhir_work_take_error();
    (void)fhir_work_final(1);
    tap_is_int(spin(60), 1, "what has stored something is not stopped");
    tap_is_int(fhir_work_final(0), 1, "until something else begins");
    fhir_work_end(&work);
    work = begin(pool);
    fhir_work_begin(&work);
    tap_no_err(fhir_work_hold(), "work that has a connection");
    tap_is_int(spin(150), 1, "does not wait");
    fhir_work_let();
    err = fhir_work_hold();
    tap_is_int(err ? err->code : FHIR_OK, FHIR_ERR_BUSY, "but for the next one");
    fhir_work_end(&work);
    fhir_turns_give(&other, turns);
    tap_is_int(working(), 0, "all given back");
}

static void test_gone(apr_pool_t *pool)
{
    fhir_work_t work = begin(pool);
    fhir_work_begin(&work);
    wanted = 0;
    tap_is_int(spin(2000), 0, "nobody waits for the answer: it is stopped");
    fhir_err_t *err = fhir_work_take_error();
    tap_is_int(err ? err->code : FHIR_OK, FHIR_ERR_TIMEOUT, "for that reason");
    wanted = 1;
    tap_no_err(fhir_work_hold(), "with a connection");
    wanted = 0;
    tap_is_int(spin(2000), 0, "likewise");
    fhir_work_end(&work);
    wanted = 1;
}

/* What takes long stops, and says so. */
static void test_stops(apr_pool_t *pool)
{
    enum { N = 4000000 };
    fhir_work_t work = begin(pool);
    fhir_steps_t steps = fhir_steps(2000000000);
    fhir_node_t *root;
    char *json = malloc(2 * N + 2);
    int n = 0;
    wanted = 0;
    fhir_work_begin(&work);
    while (fhir_steps_take(&steps, 1) && n < 2000000000)
        n++;
    tap_ok(n < 2000000000 && steps.left < 0, "steps end");
    (void)fhir_work_take_error();
    memset(json, '1', 2 * N + 1);
    for (int i = 0; i <= N; i++)
        json[2 * i] = i ? ',' : '[';
    json[2 * N + 1] = ']';
    fhir_err_t *err = fhir_node_parse_json(&root, json, 2 * N + 2, NULL, pool);
    tap_is_int(err ? err->code : FHIR_OK, FHIR_ERR_TIMEOUT, "a JSON text of %d values", N);
    fhir_work_end(&work);
    wanted = 1;
    free(json);
}

/* Long work of the database has turns of its own, and others wait for it only for a while. */
static void test_query(apr_pool_t *pool)
{
    fhir_turns_t *queries = malloc(fhir_turns_size());
    fhir_turns_status_t status;
    fhir_turn_t other = {0};
    fhir_work_t work = begin(pool);
    fhir_work_query(); /* a thread without work */
    fhir_work_query_end();
    tap_is_int(fhir_turns_init(queries, 1), 0, "a lane of the database");
    work.queries = queries;
    fhir_work_begin(&work);
    fhir_work_query();
    fhir_turns_status(&status, queries);
    tap_is_int(status.working, 1, "a query has a turn");
    tap_is_int(working(), 0, "and none of a processor here");
    tap_is_int(fhir_turns_take(&other, queries, 2, 0), 0, "another one has none meanwhile");
    fhir_work_query_end();
    tap_is_int(fhir_turns_take(&other, queries, 2, 0), 1, "but then");
    apr_time_t since = apr_time_now();
    fhir_work_query();
    tap_ok(apr_time_now() - since >= FHIR_WORK_POLITE - apr_time_from_msec(10), "others wait");
    tap_no_err(fhir_work_check(), "and go on then");
    fhir_work_query_end();
    fhir_turns_give(&other, queries);
    fhir_work_end(&work);
    fhir_turns_status(&status, queries);
    tap_is_int(status.working + status.waiting, 0, "all given back");
    free(queries);
}

int main(void)
{
    apr_pool_t *pool = tap_start();
    turns = malloc(fhir_turns_size());
    tap_is_int(fhir_turns_init(turns, 1), 0, "a lane");
    test_query(pool);
    test_none();
    test_turn(pool);
    test_refused(pool);
    test_gone(pool);
    test_stops(pool);
    free(turns);
    return tap_done();
}
