/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_directory.h
 * @brief The practices of a server: their own Organization and Locations. A process keeps them in
 * memory, so that the directory is available while the database is away.
 */
#ifndef FHIR_DIRECTORY_H
#define FHIR_DIRECTORY_H

#include "core/fhir_kept.h"
#include "core/fhir_node.h"
#include "portal/fhir_portal.h"

/** A practice: the endpoints of one tenant. Strings that are not known are "". */
typedef struct fhir_practice_t {
    const char *tenant, *name;
    const char *aliases, *npi, *phone, *line, *city, *state, *zip, *country;
    const char *words;               /* all of them folded, for the search */
    const fhir_node_t *organization; /* its Organization, or NULL: it has none that is named */
    const fhir_node_t *const *locations;
    int n_locations;
    int up; /* the database answers, and the practice's schema is the one that this build needs */
    apr_time_t since; /* it is, or is not; 0: not known */
    apr_time_t read;  /* when they were read last, or 0 */
} fhir_practice_t;

typedef struct fhir_practices_t {
    int n;
    fhir_practice_t *list; /* by name */
    apr_uint64_t version;  /* another one when the records say something else; of this process */
} fhir_practices_t;

/**
 * The practices of the endpoints. Records that are older than some seconds are read again first. A
 * practice whose records cannot be read keeps the last known ones, and is down.
 * @return NULL, or FHIR_ERR_BUSY when there is no memory
 */
fhir_err_t *fhir_directory_practices(fhir_practices_t *out, const fhir_portal_t *portal,
                                     const fhir_log_t *log, apr_pool_t *pool);

/** What is made of the practices and kept, with `version` in its key: up to 64 MB. */
fhir_kept_t *fhir_directory_documents(const fhir_portal_t *portal);

/** 1 if each word of the folded text (core/fhir_text.h) is in the practice's names, addresses or
 * NPI. */
int fhir_directory_matches(const fhir_practice_t *practice, const char *folded, apr_pool_t *pool);

#endif
