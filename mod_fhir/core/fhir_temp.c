/* SPDX-License-Identifier: Apache-2.0 */
/* Temporary files. Close-on-exec is set by the call that opens the file: if it were set afterwards,
 * another thread could fork in between. apr_file_mktemp() does not do that. */
#include "core/fhir_temp.h"

#include <apr_portable.h>
#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int open_unnamed(const char *folder, apr_pool_t *pool)
{
    int fd = -1;
#ifdef O_TMPFILE
    fd = open(folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL && errno != ENOENT))
        return fd;
#endif
    /* Some file systems and kernels do not support files without a name. */
    char *name = apr_pstrcat(pool, folder, "/fhir.XXXXXX", NULL);
    fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0)
        (void)unlink(name);
    return fd;
}

static apr_status_t close_file(void *file)
{
    return apr_file_close(file);
}

apr_status_t fhir_temp_open(apr_file_t **file, apr_int32_t flags, apr_pool_t *pool)
{
    const char *folder;
    apr_status_t rv = apr_temp_dir_get(&folder, pool);
    *file = NULL;
    if (rv != APR_SUCCESS)
        return rv;
    int fd = open_unnamed(folder, pool);
    if (fd < 0)
        return errno;
    rv = apr_os_file_put(file, &fd, APR_FOPEN_READ | APR_FOPEN_WRITE | APR_FOPEN_BINARY | flags,
                         pool);
    if (rv != APR_SUCCESS) {
        *file = NULL;
        (void)close(fd);
        return rv;
    }
    /* The file is handed over without a cleanup of its own. If the caller closes it earlier, this
     * cleanup closes nothing. */
    apr_pool_cleanup_register(pool, *file, close_file, apr_pool_cleanup_null);
    return APR_SUCCESS;
}
