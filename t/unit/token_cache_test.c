/* SPDX-License-Identifier: Apache-2.0 */
/* The token cache: what goes in comes out, what is removed does not, and the segment stays whole.
 */
#include <apr_strings.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache/fhir_token_cache.h"
#include "tap.h"

static int broken; /* the lock fails */

static int take(void *baton)
{
    (void)baton;
    return broken;
}

static fhir_token_cache_t make(apr_pool_t *pool, apr_size_t n_slots)
{
    static const unsigned char seed[16] = "0123456789abcde";
    apr_size_t size = fhir_token_cache_size(n_slots);
    fhir_token_cache_t cache = {apr_palloc(pool, size), {take, take, NULL}};
    fhir_token_cache_init(cache.segment, size, seed);
    tap_ok(fhir_token_cache_fits(cache.segment, size), "a segment of %d slots", (int)n_slots);
    tap_ok(!fhir_token_cache_fits(cache.segment, size + 1), "is of that size alone");
    return cache;
}

static fhir_digest_t key_of(int n)
{
    char text[32];
    apr_snprintf(text, sizeof(text), "token %d", n);
    fhir_digest_t key;
    fhir_digest_sha256(key.byte, text, strlen(text));
    return key;
}

static apr_uint64_t seen_now(const fhir_token_cache_t *cache)
{
    char value[FHIR_CACHE_VALUE_MAX];
    apr_size_t len;
    apr_uint64_t seen = 0;
    fhir_digest_t none = key_of(-1);
    fhir_token_cache_get(cache, value, &len, &seen, &none, 0, 1);
    return seen;
}

static fhir_cache_answer_t put(const fhir_token_cache_t *cache, int n, apr_size_t len,
                               apr_time_t until)
{
    fhir_digest_t key = key_of(n);
    char *value = malloc(len + 1);
    memset(value, 'a' + n % 26, len);
    fhir_cache_answer_t answer =
        fhir_token_cache_put(cache, &key, value, len, seen_now(cache), until, 1);
    free(value);
    return answer;
}

/* 1 if the value of that number is there, as it was put. */
static int has(const fhir_token_cache_t *cache, int n, apr_size_t want, apr_time_t now)
{
    char value[FHIR_CACHE_VALUE_MAX];
    apr_size_t len = 0;
    apr_uint64_t seen;
    fhir_digest_t key = key_of(n);
    if (fhir_token_cache_get(cache, value, &len, &seen, &key, 0, now) != FHIR_CACHE_HIT)
        return 0;
    for (apr_size_t i = 0; i < len; i++)
        if (value[i] != 'a' + n % 26)
            return 0;
    return len == want;
}

static void test_values(apr_pool_t *pool)
{
    static const apr_size_t lengths[] = {0, 1, 400, 447, 448, 449, 512, 1000, 5000, 16384};
    fhir_token_cache_t cache = make(pool, 1024);
    for (int i = 0; i < (int)TAP_COUNT(lengths); i++) {
        tap_is_int(put(&cache, i, lengths[i], 100), FHIR_CACHE_HIT, "%d bytes go in",
                   (int)lengths[i]);
        tap_ok(has(&cache, i, lengths[i], 99), "and come out");
    }
    tap_is_int(put(&cache, 77, 16385, 100), FHIR_CACHE_FULL, "a value that is too long");
    put(&cache, 0, 2000, 100);
    tap_ok(has(&cache, 0, 2000, 1), "one that is replaced");
    tap_ok(!has(&cache, 0, 2000, 100), "its time is over");
    fhir_digest_t key = key_of(3);
    fhir_token_cache_remove(&cache, &key);
    tap_ok(!has(&cache, 3, 447, 1), "one that was removed");
    tap_is_str(fhir_token_cache_check(&cache), NULL, "all fits together");
    fhir_token_cache_stats_t stats;
    fhir_token_cache_stats(&stats, &cache);
    tap_is_int((int)stats.entries, 8, "what is left");
    tap_is_int((int)stats.evictions, 0, "nothing had to make room");
    fhir_token_cache_clear(&cache);
    tap_ok(!has(&cache, 5, 449, 1), "nothing is left after a clear");
}

static void test_clock(apr_pool_t *pool)
{
    fhir_token_cache_t cache = make(pool, 64);
    int kept = 0;
    for (int i = 0; i < 64; i++)
        put(&cache, i, 10, 100);
    for (int i = 0; i < 8; i++)
        has(&cache, i, 10, 1);
    for (int i = 100; i < 140; i++)
        put(&cache, i, 10, 100);
    for (int i = 0; i < 8; i++)
        kept += has(&cache, i, 10, 1);
    tap_is_int(kept, 8, "what is used stays when the cache is full");
    fhir_token_cache_stats_t stats;
    fhir_token_cache_stats(&stats, &cache);
    tap_is_int((int)stats.evictions, 40, "others made room");
    for (int i = 200; i < 2000; i++)
        put(&cache, i, (apr_size_t)(i * 37 % 6000), 100);
    tap_is_str(fhir_token_cache_check(&cache), NULL, "all fits together after much change");
}

static void test_removal(apr_pool_t *pool)
{
    fhir_token_cache_t cache = make(pool, 64);
    apr_uint64_t before = seen_now(&cache);
    fhir_digest_t one = key_of(1), two = key_of(2);
    fhir_token_cache_remove(&cache, &two);
    tap_is_int(fhir_token_cache_put(&cache, &one, "x", 1, before, 100, 1), FHIR_CACHE_STALE,
               "what was read before a removal does not come in after it");
    tap_is_int(fhir_token_cache_put(&cache, &one, "x", 1, seen_now(&cache), 100, 1), FHIR_CACHE_HIT,
               "what was read after it does");
}

static void test_watch(apr_pool_t *pool)
{
    fhir_token_cache_t cache = make(pool, 64);
    fhir_digest_t key = key_of(1);
    apr_time_t t = apr_time_from_sec(1000);
    put(&cache, 1, 10, 2 * t);
    char value[FHIR_CACHE_VALUE_MAX];
    apr_size_t len;
    apr_uint64_t seen;
    tap_is_int(fhir_token_cache_get(&cache, value, &len, &seen, &key, 5, t), FHIR_CACHE_DEAF,
               "nobody listens");
    tap_ok(fhir_token_cache_watch(&cache, 5, 100, 0, t), "somebody may");
    tap_ok(fhir_token_cache_watch(&cache, 5, 100, 1, t), "and does");
    tap_is_int(fhir_token_cache_get(&cache, value, &len, &seen, &key, 5, t + 1000), FHIR_CACHE_HIT,
               "then values are taken");
    tap_is_int(fhir_token_cache_get(&cache, value, &len, &seen, &key, 6, t), FHIR_CACHE_DEAF,
               "not those of another database");
    tap_ok(!fhir_token_cache_watch(&cache, 5, 200, 1, t + 1000), "another process need not");
    tap_is_int(fhir_token_cache_get(&cache, value, &len, &seen, &key, 5, t + FHIR_CACHE_HEARD),
               FHIR_CACHE_DEAF, "silence for a while");
    tap_ok(fhir_token_cache_watch(&cache, 5, 200, 1, t + FHIR_CACHE_HEARD),
           "lets another one take over");
    tap_ok(!fhir_token_cache_watch(&cache, 5, 100, 1, t + FHIR_CACHE_HEARD + 1),
           "and the first stands back");
}

static void test_faults(apr_pool_t *pool)
{
    fhir_token_cache_t cache = make(pool, 64);
    fhir_digest_t key = key_of(1);
    put(&cache, 1, 10, 100);
    broken = 1;
    char value[FHIR_CACHE_VALUE_MAX];
    apr_size_t len;
    apr_uint64_t seen;
    tap_is_int(fhir_token_cache_get(&cache, value, &len, &seen, &key, 0, 1), FHIR_CACHE_ERROR,
               "a lock that fails is no miss");
    tap_is_int(fhir_token_cache_remove(&cache, &key), FHIR_CACHE_ERROR, "and no removal");
    broken = 0;
    tap_ok(has(&cache, 1, 10, 1), "the value is still there");
    ((apr_uint32_t *)cache.segment)[1] = 1; /* as a process leaves it that was killed */
    tap_ok(!has(&cache, 1, 10, 1), "after a death in the middle the cache is empty");
    fhir_token_cache_stats_t stats;
    fhir_token_cache_stats(&stats, &cache);
    tap_is_int((int)stats.recoveries, 1, "which is counted once");
    tap_is_str(fhir_token_cache_check(&cache), NULL, "and whole");
}

int main(void)
{
    apr_pool_t *pool = tap_start();
    test_values(pool);
    test_clock(pool);
    test_removal(pool);
    test_watch(pool);
    test_faults(pool);
    tap_is_int((int)fhir_token_cache_size((apr_size_t)1 << 40), 0, "no segment of that size");
    return tap_done();
}
