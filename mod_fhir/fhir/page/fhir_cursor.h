/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_cursor.h
 * @brief The sealed word in page links: where the next page begins.
 *
 * It holds the sort key and id of the last row, so paging needs no state on any node. Sealed with
 * the tenant's key (one for all nodes, kept in the database): a client can neither read nor alter
 * it, and it opens only for the query and the grant that it was made for, as long as it is not too
 * old. The same input gives the same word within a minute.
 */
#ifndef FHIR_CURSOR_H
#define FHIR_CURSOR_H

#include <apr_pools.h>

#include "core/fhir_seal.h"
#include "fhir/query/fhir_grant.h"

#define FHIR_CURSOR_FIELDS_MAX 12
typedef struct fhir_cursor_t {
    int backward; /* the page before, not the page behind */
    int n;
    const char *field[FHIR_CURSOR_FIELDS_MAX]; /* sort keys as text (NULL: no value), id last */
} fhir_cursor_t;

/** The keys of page links: the first seals, all open. While a key is replaced there are several
 *  (fhirctl key page-links). */
#define FHIR_CURSOR_KEYS_MAX 3
typedef struct fhir_cursor_keys_t fhir_cursor_keys_t;

/** Makes n keys (at least 1, at most FHIR_CURSOR_KEYS_MAX) of FHIR_SEAL_KEY bytes each ready.
 *  @return as fhir_seal_key_create */
fhir_err_t *fhir_cursor_keys_create(const fhir_cursor_keys_t **keys, const unsigned char *bytes,
                                    int n, apr_pool_t *pool);
/**
 * Seals a cursor into a word of base64url.
 * @param context  what it is bound to besides the grant: the query's hash, context_len bytes
 * @return as fhir_seal and fhir_grant_to_bytes
 */
fhir_err_t *fhir_cursor_seal(const char **word, const fhir_cursor_t *cursor,
                             const fhir_cursor_keys_t *keys, const char *context,
                             apr_size_t context_len, const fhir_grant_t *grant, apr_pool_t *pool);
/** Opens a word.
 *  @param age_sec  how old it may be, to the minute; 0: any age
 *  @return NULL, or FHIR_ERR_CURSOR for a word that was altered, or made for another query, user or
 *          server, or is too old */
fhir_err_t *fhir_cursor_open(fhir_cursor_t *cursor, const char *word,
                             const fhir_cursor_keys_t *keys, int age_sec, const char *context,
                             apr_size_t context_len, const fhir_grant_t *grant, apr_pool_t *pool);

#endif
