/* SPDX-License-Identifier: Apache-2.0 */
/* Keyed hashing. The key is random, made once per process before the first table, and never
 * changes. Clients do not know it, so they cannot choose keys that collide. */
#include "core/fhir_hash.h"

#include <apr_siphash.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/fhir_random.h"

static unsigned char key[APR_SIPHASH_KSIZE];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void draw(void)
{
    /* A kernel without random numbers cannot run TLS either; a known key would be no protection. */
    if (!fhir_random(key, sizeof(key)))
        abort();
}

apr_uint64_t fhir_hash_bytes(const void *data, apr_size_t len)
{
    (void)pthread_once(&once, draw);
    return apr_siphash24(data, len, key);
}

static unsigned int keyed(const char *text, apr_ssize_t *len)
{
    if (*len == APR_HASH_KEY_STRING)
        *len = (apr_ssize_t)strlen(text);
    return (unsigned int)fhir_hash_bytes(text, (apr_size_t)*len);
}

apr_hash_t *fhir_hash_make(apr_pool_t *pool)
{
    return apr_hash_make_custom(pool, keyed);
}
