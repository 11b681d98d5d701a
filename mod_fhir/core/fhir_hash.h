/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_hash.h
 * @brief Hash tables whose keys come from clients.
 *
 * APR's own hash can be made to collide whatever its seed: "Az" and "BY" have the same value. Every
 * table that holds keys of clients is made here instead (t/source-calls.t holds it).
 */
#ifndef FHIR_HASH_H
#define FHIR_HASH_H

#include <apr_hash.h>
#include <apr_pools.h>

/** An empty table, hashed by SipHash-2-4 under a key of this process. */
apr_hash_t *fhir_hash_make(apr_pool_t *pool);

/** The same hash of bytes, for tables of one's own. */
apr_uint64_t fhir_hash_bytes(const void *data, apr_size_t len);

#endif
