/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_temp.h
 * @brief Temporary files that nobody else can open.
 */
#ifndef FHIR_TEMP_H
#define FHIR_TEMP_H

#include <apr_file_io.h>

/**
 * Opens a file for reading and writing in the folder for such files (TMPDIR, /tmp). It has no name,
 * so that nothing is left behind however the process ends, and programs that this process starts
 * (CGI, mod_php's exec) do not inherit it. Closed by the pool's cleanup.
 * @param flags 0 or APR_FOPEN_BUFFERED
 * @return APR_SUCCESS or why not: the folder is missing, full, read-only
 */
apr_status_t fhir_temp_open(apr_file_t **file, apr_int32_t flags, apr_pool_t *pool);

#endif
