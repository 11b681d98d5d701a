/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The token cache shared by processes with threads: churn on few slots, while processes are killed,
 * also with the lock in their hands. What is found is always what was put under that digest; a
 * value that was removed does not come back; the segment fits together at the end. Also built with
 * ThreadSanitizer (t/unit/cache_threads).
 */
#include "cache/fhir_token_cache.h"
#include "tap.h"

#include <apr_thread_proc.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOTS     64
#define KEYS      200
#define THREADS   4
#define PROCESSES 3

/* What all processes share. */
typedef struct shared_t {
    pthread_mutex_t mutex;
    atomic_int wrong; /* values that were not those put under their digest */
    atomic_int hits, rounds;
    atomic_int die_holding; /* the next process to take the lock dies with it */
} shared_t;

static shared_t *shared;
static fhir_token_cache_t cache;

static int take(void *baton)
{
    int rc = pthread_mutex_lock(&shared->mutex);
    (void)baton;
    if (rc == EOWNERDEAD)
        rc = pthread_mutex_consistent(&shared->mutex);
    if (!rc && atomic_exchange(&shared->die_holding, 0)) {
        ((apr_uint32_t *)cache.segment)[1] = 1; /* in the middle of a change */
        kill(getpid(), SIGKILL);
    }
    return rc;
}

static int give(void *baton)
{
    (void)baton;
    return pthread_mutex_unlock(&shared->mutex);
}

static void *share(apr_size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        abort();
    return memory;
}

static fhir_digest_t key_of(unsigned n)
{
    fhir_digest_t key;
    for (unsigned i = 0; i < sizeof(key.byte); i++)
        key.byte[i] = (unsigned char)((n + 1) * 2654435761u >> (i % 4 * 8));
    memcpy(key.byte, &n, sizeof(n));
    return key;
}

/* The value of a key: its length and each byte follow from the number. */
static apr_size_t value_of(char *out, unsigned n)
{
    apr_size_t len = 1 + n * 37 % 1500;
    memset(out, (int)('a' + n % 26), len);
    return len;
}

static void round_of(unsigned *seed, char *value, char *want)
{
    unsigned n = (unsigned)rand_r(seed) % KEYS;
    fhir_digest_t key = key_of(n);
    apr_time_t now = apr_time_now();
    apr_uint64_t seen = 0;
    apr_size_t len = 0, want_len = value_of(want, n);
    fhir_token_cache_stats_t stats;
    switch (rand_r(seed) % 16) {
    case 0:
        fhir_token_cache_remove(&cache, &key);
        break;
    case 1:
        fhir_token_cache_watch(&cache, 7, getpid(), rand_r(seed) % 2, now);
        break;
    case 2:
        fhir_token_cache_stats(&stats, &cache);
        break;
    default:
        if (fhir_token_cache_get(&cache, value, &len, &seen, &key, 0, now) == FHIR_CACHE_HIT) {
            atomic_fetch_add(&shared->hits, 1);
            if (len != want_len || memcmp(value, want, len))
                atomic_fetch_add(&shared->wrong, 1);
        }
        else
            fhir_token_cache_put(&cache, &key, want, want_len, seen, now + APR_USEC_PER_SEC, now);
    }
    atomic_fetch_add(&shared->rounds, 1);
}

static void *churn(void *baton)
{
    unsigned seed = (unsigned)(apr_uintptr_t)baton;
    char *value = malloc(FHIR_CACHE_VALUE_MAX), *want = malloc(FHIR_CACHE_VALUE_MAX);
    for (int i = 0; i < 3000; i++)
        round_of(&seed, value, want);
    free(value);
    free(want);
    return NULL;
}

static void churn_in_threads(unsigned seed)
{
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, churn, (void *)(apr_uintptr_t)(seed + i)))
            abort();
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* A process that works until it is killed. */
static pid_t start(unsigned seed)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    for (;;)
        churn_in_threads(seed += THREADS);
}

static void test_threads(void)
{
    churn_in_threads(1);
    tap_is_int(atomic_load(&shared->wrong), 0, "threads find what was put, and nothing else");
    tap_ok(atomic_load(&shared->hits) > 100, "they find something");
    tap_is_str(fhir_token_cache_check(&cache), NULL, "the segment fits together");
}

static void test_killed(void)
{
    pid_t pids[PROCESSES];
    int stuck = 0;
    unsigned kills = getenv("FHIR_TEST_SLOW") ? 6 : 40;
    for (unsigned i = 0; i < PROCESSES; i++)
        pids[i] = start(1000 * (i + 1));
    int status;
    for (unsigned i = 0; i < kills; i++) {
        unsigned victim = i % PROCESSES;
        int before = atomic_load(&shared->rounds);
        if (i % 2) {
            atomic_store(&shared->die_holding, 1);
            victim = PROCESSES;
            while (victim == PROCESSES)
                for (unsigned p = 0; p < PROCESSES && victim == PROCESSES; p++)
                    if (waitpid(pids[p], &status, WNOHANG) == pids[p])
                        victim = p;
        }
        else {
            usleep(3000);
            kill(pids[victim], SIGKILL);
            waitpid(pids[victim], &status, 0);
        }
        pids[victim] = start(100000 + 1000 * i);
        for (int wait = 0; atomic_load(&shared->rounds) - before < 50; wait++) {
            if (wait == 10000) {
                stuck++;
                break;
            }
            usleep(1000);
        }
    }
    for (unsigned i = 0; i < PROCESSES; i++) {
        kill(pids[i], SIGKILL);
        waitpid(pids[i], &status, 0);
    }
    tap_is_int(stuck, 0, "killed processes stop nobody");
    tap_is_int(atomic_load(&shared->wrong), 0, "nor spoil what others find");
    fhir_token_cache_stats_t stats;
    tap_is_int(fhir_token_cache_stats(&stats, &cache), FHIR_CACHE_HIT, "the cache answers");
    tap_ok(stats.recoveries >= kills / 2, "it was begun anew after each that died in a change");
    tap_is_str(fhir_token_cache_check(&cache), NULL, "the segment fits together");
}

int main(void)
{
    static const unsigned char seed[16] = "0123456789abcde";
    apr_size_t size = fhir_token_cache_size(SLOTS);
    tap_start();
    shared = share(sizeof(*shared));
    pthread_mutexattr_t how;
    pthread_mutexattr_init(&how);
    pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&shared->mutex, &how);
    cache = (fhir_token_cache_t){share(size), {take, give, NULL}};
    fhir_token_cache_init(cache.segment, size, seed);
    test_killed(); /* first: a process with threads is not forked */
    test_threads();
    return tap_done();
}
