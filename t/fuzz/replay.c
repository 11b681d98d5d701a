/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over its seeds, as TAP: a crash, a sanitizer report, an empty folder, and a
 * seed that takes more than 2 s of the processor or 256 MB fail. The folder is t/fuzz/corpus/X for
 * a program named replay_X, or the first argument.
 */
#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "t/fuzz/fuzz.h"

#if defined(__SANITIZE_ADDRESS__)
#define SLOWER 10 /* and freed memory is kept */
#else
#define SLOWER 1
#endif
#define SECONDS_MOST (2.0 * SLOWER)
#define MB_MOST      (256 * SLOWER)

static const char *seeds_dir(int argc, const char *const *argv, apr_pool_t *pool)
{
    const char *src = getenv("FHIR_SRC");
    const char *name = strstr(apr_filepath_name_get(argv[0]), "replay_");

    if (argc > 1)
        return argv[1];
    return apr_psprintf(pool, "%s/t/fuzz/corpus/%s", src ? src : ".",
                        name ? name + strlen("replay_") : "");
}

/* The seed is copied to the heap at its exact size, so that ASan sees a read past its end. */
static apr_status_t run_seed(const char *path, apr_size_t size, apr_pool_t *pool)
{
    unsigned char *data = malloc(size ? size : 1);

    if (!data)
        return APR_ENOMEM;
    apr_file_t *file;
    apr_status_t rv = apr_file_open(&file, path, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT, pool);
    if (rv == APR_SUCCESS && size > 0)
        rv = apr_file_read_full(file, data, size, NULL);
    if (rv == APR_SUCCESS)
        LLVMFuzzerTestOneInput(data, size);
    free(data);
    return rv;
}

/* Seconds of the processor so far, and the most memory so far in MB. */
static double spent(long *mb)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    *mb = u.ru_maxrss / 1024;
    return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

int main(int argc, const char *const *argv)
{
    int seeds = 0, failed = 0;

    apr_initialize();
    atexit(apr_terminate);
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    apr_pool_t *seed_pool;
    apr_pool_create(&seed_pool, pool);
    const char *path = seeds_dir(argc, argv, pool);
    apr_dir_t *dir;
    if (apr_dir_open(&dir, path, pool) != APR_SUCCESS) {
        printf("Bail out! cannot open %s\n", path);
        return 1;
    }
    apr_finfo_t info;
    while (apr_dir_read(&info, APR_FINFO_NAME | APR_FINFO_TYPE | APR_FINFO_SIZE, dir) ==
           APR_SUCCESS) {
        if (info.filetype != APR_REG)
            continue;
        apr_pool_clear(seed_pool);
        long mb_before;
        double before = spent(&mb_before);
        int ok = run_seed(apr_psprintf(seed_pool, "%s/%s", path, info.name), (apr_size_t)info.size,
                          seed_pool) == APR_SUCCESS;
        long mb;
        double took = spent(&mb) - before;
        if (took > SECONDS_MOST || mb - mb_before > MB_MOST) {
            printf("# %s took %.1f s and %ld MB\n", info.name, took, mb - mb_before);
            ok = getenv("FHIR_TEST_SLOW") != NULL; /* under valgrind */
        }
        printf("%s %d - %s\n", ok ? "ok" : "not ok", ++seeds, info.name);
        fflush(stdout);
        failed += !ok;
    }
    if (seeds == 0)
        printf("not ok 1 - no seeds in %s\n", path);
    printf("1..%d\n", seeds ? seeds : 1);
    fflush(stdout);
    apr_pool_destroy(pool);
    return failed > 0 || seeds == 0;
}
