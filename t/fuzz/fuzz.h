/* SPDX-License-Identifier: Apache-2.0 */
/* What every fuzz target has. */
#ifndef FUZZ_H
#define FUZZ_H

#include <apr_general.h>
#include <apr_pools.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* Ends the process when something is not right: that is a finding. */
static inline void check(int right)
{
    if (!right)
        abort();
}

/* A pool for one input; APR is started by the first. */
static inline apr_pool_t *fuzz_pool(void)
{
    static int started;
    apr_pool_t *pool;
    if (!started++) {
        apr_initialize();
        atexit(apr_terminate);
    }
    apr_pool_create(&pool, NULL);
    return pool;
}

#endif
