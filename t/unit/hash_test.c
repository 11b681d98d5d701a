/* SPDX-License-Identifier: Apache-2.0 */
/* Tables with keys of clients: keys that APR's hash puts into one bucket spread here. */
#include "core/fhir_hash.h"
#include "core/fhir_random.h"
#include "tap.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#define PAIRS 12
#define KEYS  (1 << PAIRS)

/* Each of the 2^PAIRS words of "Az" and "BY": APR's times33 gives all one value, whatever seeds it.
 */
static const char **colliding(apr_pool_t *pool)
{
    const char **keys = apr_palloc(pool, KEYS * sizeof(*keys));

    for (int i = 0; i < KEYS; i++) {
        char *key = apr_palloc(pool, PAIRS * 2 + 1);
        for (int k = 0; k < PAIRS; k++)
            memcpy(key + 2 * k, i >> k & 1 ? "Az" : "BY", 2);
        key[PAIRS * 2] = '\0';
        keys[i] = key;
    }
    return keys;
}

static int by_value(const void *a, const void *b)
{
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    return (x > y) - (x < y);
}

static int distinct(unsigned *values, int n)
{
    int found = n > 0;

    qsort(values, (apr_size_t)n, sizeof(*values), by_value);
    for (int i = 1; i < n; i++)
        found += values[i] != values[i - 1];
    return found;
}

static void check_spread(const char **keys, apr_pool_t *pool)
{
    unsigned *apr = apr_palloc(pool, KEYS * sizeof(*apr)),
             *ours = apr_palloc(pool, KEYS * sizeof(*ours)),
             *buckets = apr_palloc(pool, KEYS * sizeof(*buckets));

    for (int i = 0; i < KEYS; i++) {
        apr_ssize_t len = APR_HASH_KEY_STRING;
        apr[i] = apr_hashfunc_default(keys[i], &len);
        ours[i] = (unsigned)fhir_hash_bytes(keys[i], PAIRS * 2);
        buckets[i] = ours[i] & (KEYS - 1);
    }
    tap_is_int(distinct(apr, KEYS), 1, "APR's hash puts all %d into one bucket", KEYS);
    tap_ok(distinct(ours, KEYS) > KEYS - 4, "the keyed hash tells them apart");
    /* 1 - 1/e of the buckets are used by chance */
    tap_ok(distinct(buckets, KEYS) > KEYS / 2, "and spreads them over the buckets of a table");
}

static void check_table(const char **keys, apr_pool_t *pool)
{
    apr_hash_t *table = fhir_hash_make(pool);
    int found = 0;

    for (int i = 0; i < KEYS; i++)
        apr_hash_set(table, keys[i], i & 1 ? APR_HASH_KEY_STRING : PAIRS * 2, keys[i]);
    for (int i = 0; i < KEYS; i++)
        found += apr_hash_get(table, keys[i], i & 1 ? PAIRS * 2 : APR_HASH_KEY_STRING) == keys[i];
    tap_is_int(found, KEYS, "a table finds each key, by its length and as a string");
    tap_is_int(apr_hash_count(table), KEYS, "and holds no other");
    tap_ok(!apr_hash_get(table, "Az", APR_HASH_KEY_STRING), "what was not put in is not found");
}

static void check_random(apr_pool_t *pool)
{
    unsigned char *a = apr_pcalloc(pool, 1000), *b = apr_pcalloc(pool, 1000);
    int same = 0;

    tap_ok(fhir_random(a, 1000) && fhir_random(b, 1000), "random bytes of any length");
    for (int i = 0; i < 1000; i++)
        same += a[i] == b[i];
    tap_ok(same < 50, "are others each time, to the last (%d of 1,000 alike)", same);
}

int main(void)
{
    apr_pool_t *pool = tap_start();
    const char **keys = colliding(pool);

    check_spread(keys, pool);
    check_table(keys, pool);
    check_random(pool);
    return tap_done();
}
