/* SPDX-License-Identifier: Apache-2.0 */
/* Temporary files: no name, no heirs. */
#include "core/fhir_temp.h"
#include "tap.h"

#include <apr_portable.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int descriptor(apr_file_t *file)
{
    apr_os_file_t fd = -1;
    apr_os_file_get(&fd, file);
    return fd;
}

static void check_file(apr_int32_t flags, apr_pool_t *pool)
{
    apr_off_t start = 0;
    char text[6] = "";
    apr_pool_t *own;

    apr_pool_create(&own, pool);
    apr_file_t *file;
    if (!tap_is_int(fhir_temp_open(&file, flags, own), APR_SUCCESS, "a file is opened"))
        return;
    int fd = descriptor(file);
    tap_ok(fcntl(fd, F_GETFD) & FD_CLOEXEC, "programs that are started do not inherit it");
    struct stat info;
    tap_ok(fstat(fd, &info) == 0 && info.st_nlink == 0, "it has no name");
    tap_is_int(info.st_mode & 0777, 0600, "and is its owner's alone");
    apr_file_write_full(file, "abcde", 5, NULL);
    apr_file_seek(file, APR_SET, &start);
    tap_is_int(apr_file_read_full(file, text, 5, NULL), APR_SUCCESS, "it is read");
    tap_is_str(text, "abcde", "  as it was written");
    apr_pool_destroy(own);
    tap_is_int(fcntl(fd, F_GETFD), -1, "the pool closes it");
}

int main(void)
{
    apr_pool_t *pool = tap_start();

    check_file(0, pool);
    check_file(APR_FOPEN_BUFFERED, pool);
    apr_pool_t *own;
    apr_pool_create(&own, pool);
    apr_file_t *file;
    fhir_temp_open(&file, 0, own);
    tap_is_int(apr_file_close(file), APR_SUCCESS, "it can be closed before");
    apr_pool_destroy(own);
    return tap_done();
}
