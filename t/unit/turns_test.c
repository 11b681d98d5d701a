/* SPDX-License-Identifier: Apache-2.0 */
/* The lane of long work: who is next, what is given back, and that a process may die. */
#include "core/fhir_turns.h"
#include "tap.h"

#include <apr_thread_proc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONG apr_time_from_sec(20)

static fhir_turns_t *lane_of(int permits)
{
    fhir_turns_t *turns =
        mmap(NULL, fhir_turns_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    tap_is_int(fhir_turns_init(turns, permits), 0, "a lane of %d", permits);
    return turns;
}

static void is_status(fhir_turns_t *turns, int working, int waiting, const char *what)
{
    fhir_turns_status_t n;
    fhir_turns_status(&n, turns);
    tap_is_int(n.working, working, "%s: working", what);
    tap_is_int(n.waiting, waiting, "%s: waiting", what);
}

static void test_permits(void)
{
    fhir_turns_t *turns = lane_of(2);
    fhir_turn_t a = {0}, b = {0}, c = {0}, many[FHIR_TURNS_MOST] = {{0}};
    int given = 0;
    tap_is_int(fhir_turns_take(&a, turns, 1, LONG), 1, "the first permit");
    tap_is_int(fhir_turns_take(&b, turns, 1, LONG), 1, "the second");
    apr_time_t begin = apr_time_now();
    tap_is_int(fhir_turns_take(&c, turns, 1, apr_time_from_msec(50)), 0, "there is no third");
    tap_ok(apr_time_now() - begin >= apr_time_from_msec(45), "which is waited for");
    tap_ok(!c.slot, "in vain");
    tap_is_int(fhir_turns_take(&a, turns, 1, 0), 1, "who has one keeps it while nobody waits");
    is_status(turns, 2, 0, "two of two");
    fhir_turns_give(&a, turns);
    fhir_turns_give(&a, turns);
    tap_is_int(fhir_turns_take(&c, turns, 1, 0), 1, "what is given back is there at once");
    fhir_turns_give(&b, turns);
    fhir_turns_give(&c, turns);
    is_status(turns, 0, 0, "all given back");
    turns = lane_of(FHIR_TURNS_MOST + 1);
    for (int i = 0; i < FHIR_TURNS_MOST; i++)
        given += fhir_turns_take(&many[i], turns, (apr_uint64_t)i, 0);
    tap_is_int(given, FHIR_TURNS_MOST, "as many as there is room for");
    tap_is_int(fhir_turns_take(&c, turns, 1, LONG), 0, "one more is refused at once");
    turns = lane_of(0);
    tap_is_int(fhir_turns_take(&c, turns, 1, 0), 1, "there is one permit in any case");
    fhir_turns_give(&c, turns);
}

/* Threads that ask for turns again and again, and note whose each was. */
typedef struct worker_t {
    fhir_turns_t *turns;
    apr_uint64_t client;
    _Atomic int *at; /* the next place in the list */
    _Atomic int *busy, *worst;
    int *whose;
    int n;
} worker_t;
enum { NOTES = 4000 };

static void *APR_THREAD_FUNC work(apr_thread_t *thread, void *data)
{
    worker_t *w = data;
    fhir_turn_t turn = {0};
    (void)thread;
    for (int i = 0; i < w->n; i++) {
        int at, busy;
        if (!fhir_turns_take(&turn, w->turns, w->client, LONG))
            break;
        busy = atomic_fetch_add(w->busy, 1) + 1;
        if (busy > atomic_load(w->worst))
            atomic_store(w->worst, busy);
        at = atomic_fetch_add(w->at, 1);
        if (at < NOTES)
            w->whose[at] = (int)w->client;
        apr_sleep(500);
        atomic_fetch_sub(w->busy, 1);
    }
    fhir_turns_give(&turn, w->turns);
    return NULL;
}

static void await_waiting(fhir_turns_t *turns, int n)
{
    fhir_turns_status_t status = {.waiting = -1};
    for (int i = 0; i < 2000 && status.waiting != n; i++) {
        fhir_turns_status(&status, turns);
        apr_sleep(apr_time_from_msec(2));
    }
    tap_is_int(status.waiting, n, "threads wait");
}

/* They begin together. */
static void run(worker_t *workers, int n, apr_pool_t *pool)
{
    fhir_turns_t *turns = workers->turns;
    fhir_turn_t mine = {0};
    apr_thread_t *threads[32];
    apr_status_t rv;
    tap_is_int(fhir_turns_take(&mine, turns, 3, LONG), 1, "until all are there");
    for (int i = 0; i < n; i++)
        (void)apr_thread_create(&threads[i], NULL, work, &workers[i], pool);
    await_waiting(turns, n);
    fhir_turns_give(&mine, turns);
    for (int i = 0; i < n; i++)
        (void)apr_thread_join(&rv, threads[i]);
}

/* One client with eight threads, another with one: while both have work their turns alternate. */
static void test_order(apr_pool_t *pool)
{
    _Atomic int at = 0, busy = 0, worst = 0;
    fhir_turns_t *turns = lane_of(1);
    worker_t workers[9];
    static int whose[NOTES];
    int last = 0, between = 0, most = 0;
    for (int i = 0; i < 9; i++)
        workers[i] = (worker_t){.turns = turns,
                                .client = i ? 1 : 2,
                                .at = &at,
                                .busy = &busy,
                                .worst = &worst,
                                .whose = whose,
                                .n = 40};
    run(workers, 9, pool);
    tap_is_int(atomic_load(&at), 9 * 40, "each has had its turns");
    tap_is_int(atomic_load(&worst), 1, "never two at once");
    for (int i = 0; i < 9 * 40; i++)
        if (whose[i] == 2)
            last = i;
    for (int i = 0, seen = 0; i < last; i++) {
        seen |= whose[i] == 2;
        between = whose[i] == 2 || !seen ? 0 : between + 1;
        most = between > most ? between : most;
    }
    tap_ok(most <= 3, "the second client's turn comes after at most %d of the first's eight", most);
    is_status(turns, 0, 0, "all given back");
}

static void *APR_THREAD_FUNC take_one(apr_thread_t *thread, void *data)
{
    worker_t *w = data;
    fhir_turn_t turn = {0};
    (void)thread;
    w->n = fhir_turns_take(&turn, w->turns, w->client, LONG);
    fhir_turns_give(&turn, w->turns);
    return NULL;
}

/* A process works while another waits, and dies. */
static void test_death(apr_pool_t *pool)
{
    fhir_turns_t *turns = lane_of(1);
    worker_t waits = {.turns = turns, .client = 5};
    apr_thread_t *thread;
    apr_status_t rv;
    int ready[2], state;
    char c;
    tap_is_int(pipe(ready), 0, "a pipe");
    pid_t pid = fork();
    if (!pid) {
        fhir_turn_t turn = {0};
        c = (char)('0' + fhir_turns_take(&turn, turns, 4, 0));
        if (write(ready[1], &c, 1) == 1)
            pause();
        _exit(1);
    }
    tap_is_int((int)read(ready[0], &c, 1), 1, "another process");
    tap_is_int(c, '1', "has the permit");
    (void)apr_thread_create(&thread, NULL, take_one, &waits, pool);
    await_waiting(turns, 1);
    kill(pid, SIGKILL);
    waitpid(pid, &state, 0);
    is_status(turns, 1, 1, "the process is dead, which nobody has said");
    fhir_turns_drop(turns, pid);
    (void)apr_thread_join(&rv, thread);
    tap_is_int(waits.n, 1, "it is said: the thread gets what it had");
    is_status(turns, 0, 0, "all given back");
    close(ready[0]);
    close(ready[1]);
}

/* The slice of this thread in ns, or 0 where the kernel has none for each thread. */
static unsigned long long slice(void)
{
    unsigned long long attr[8] = {sizeof(attr)}; /* the fourth is the slice */
    return syscall(SYS_sched_getattr, 0, attr, sizeof(attr), 0) ? 0 : attr[3];
}

static void test_slice(void)
{
    fhir_turns_t *turns = lane_of(1);
    fhir_turn_t a = {0}, b = {0};
    unsigned long long before = slice();
    if (!before) {
        tap_skip(4, "the kernel has no slices of single threads");
        return;
    }
    (void)fhir_turns_take(&a, turns, 1, 0);
    tap_ok(slice() > before, "who works in the lane can be interrupted: %llu ns", slice());
    (void)fhir_turns_take(&a, turns, 1, 0);
    fhir_turns_give(&a, turns);
    tap_is_int((long long)slice(), (long long)before, "afterwards it is as others");
    (void)fhir_turns_take(&b, turns, 2, 0);
    tap_is_int(fhir_turns_take(&a, turns, 1, 0), 0, "who has no turn");
    fhir_turns_give(&b, turns);
    tap_is_int((long long)slice(), (long long)before, "does not change");
}

int main(void)
{
    apr_pool_t *pool = tap_start();
    test_slice();
    test_permits();
    test_order(pool);
    test_death(pool);
    return tap_done();
}
