/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The token cache of this server: one segment for all processes, old and new. The segment and its
 * lock are in the process's pool and are found again after a graceful restart, so that a revocation
 * also reaches processes of the previous generation.
 */
#include "httpd/mod_fhir.h"

#include <apr_global_mutex.h>
#include <apr_shm.h>
#include <apr_strings.h>

#include <util_mutex.h>

APLOG_USE_MODULE(fhir);

#define RETAINED "mod_fhir-token-cache"
#define LAYOUT   1 /* of retained_t */

/* It lives longer than the code that made it, so it must not point to our functions. */
typedef struct retained_t {
    int layout;
    apr_size_t size; /* of the segment; 0: none */
    apr_shm_t *shm;
    apr_global_mutex_t *mutex;
} retained_t;

static retained_t *retained(void)
{
    retained_t *kept = ap_retained_data_get(RETAINED);
    return kept && kept->layout == LAYOUT ? kept : NULL;
}

void mod_fhir_cache_register(apr_pool_t *pconf)
{
    (void)ap_mutex_register(pconf, MOD_FHIR_CACHE_MUTEX, NULL, APR_LOCK_DEFAULT, 0);
}

static apr_status_t make_segment(retained_t *kept, apr_size_t size, server_rec *main)
{
    unsigned char seed[16];
    apr_status_t rv = apr_generate_random_bytes(seed, sizeof(seed));
    kept->size = 0;
    if (!rv) /* without a name: children inherit it, and no other process can open it */
        rv = apr_shm_create(&kept->shm, size, NULL, main->process->pool);
    if (!rv && !kept->mutex)
        rv = ap_global_mutex_create(&kept->mutex, NULL, MOD_FHIR_CACHE_MUTEX, NULL, main,
                                    main->process->pool, 0);
    if (rv)
        return rv;
    fhir_token_cache_init(apr_shm_baseaddr_get(kept->shm), size, seed);
    kept->size = size;
    return APR_SUCCESS;
}

int mod_fhir_cache_setup(apr_int64_t bytes, server_rec *main)
{
    retained_t *kept = retained();
    apr_size_t size = bytes ? fhir_token_cache_size((apr_size_t)bytes / FHIR_CACHE_SLOT) : 0;
    if (!kept) {
        kept = ap_retained_data_create(RETAINED, sizeof(*kept));
        kept->layout = LAYOUT;
    }
    if (kept->size == size &&
        (!size || fhir_token_cache_fits(apr_shm_baseaddr_get(kept->shm), size)))
        return OK;
    kept->size = 0;
    if (!size)
        return OK;
    apr_status_t rv = make_segment(kept, size, main);
    if (rv)
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, main,
                     "FHIR0410: no shared memory of %" APR_SIZE_T_FMT
                     " bytes for the token cache (FHIRTokenCacheSize)",
                     size);
    return rv ? HTTP_INTERNAL_SERVER_ERROR : OK;
}

static int lock(void *mutex)
{
    return apr_global_mutex_lock(mutex);
}

static int unlock(void *mutex)
{
    return apr_global_mutex_unlock(mutex);
}

int mod_fhir_cache_attach(fhir_token_cache_t *cache, server_rec *main, apr_pool_t *pchild)
{
    retained_t *kept = retained();
    cache->segment = NULL;
    if (!kept || !kept->size)
        return 0;
    apr_status_t rv =
        apr_global_mutex_child_init(&kept->mutex, apr_global_mutex_lockfile(kept->mutex), pchild);
    if (rv) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, main,
                     "FHIR0411: the token cache's lock cannot be used in this process: tokens are "
                     "looked up in the database each time");
        return 0;
    }
    cache->segment = apr_shm_baseaddr_get(kept->shm);
    cache->lock = (fhir_cache_lock_t){lock, unlock, kept->mutex};
    return 1;
}
