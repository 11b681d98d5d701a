/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file sql_files.h
 * @brief The files of sql/, compiled in by tools/embed-sql.
 */
#ifndef SQL_FILES_H
#define SQL_FILES_H

typedef struct fhirctl_sql_file_t {
    const char *name; /* "000-base"; NULL ends the list */
    const char *text;
} fhirctl_sql_file_t;

/** In the order in which they are run. */
extern const fhirctl_sql_file_t fhirctl_sql_files[];

#endif
