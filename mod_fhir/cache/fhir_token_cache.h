/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_token_cache.h
 * @brief The token cache: from a token's digest to what was found out about it, in a segment of
 *        memory that all processes of a server share.
 *
 * Bytes, an index and a clock; no pointers, no httpd, no allocation, nothing logged. The segment:
 *
 *     header     layout, sizes, seed, counters, the clock's hand, watchers
 *     index      a power of two of slot numbers, one for each chain
 *     slots      FHIR_CACHE_SLOT bytes each; a value takes as many as it needs
 *
 * An entry is found by its digest, through an index that a keyed hash (SipHash) spreads. When slots
 * run out the clock's hand passes over them: an entry that was used since the last turn is spared
 * once, the next that was not makes room. A value that is past its time is a miss.
 *
 * Every call takes the lock that was given, and sets a dirty word while it changes something: who
 * finds it set (a process died in the middle) starts with an empty cache.
 *
 * What removal means: a value that was read from the database before a revocation must not come in
 * after it. So a miss tells the number of removals so far (`seen`), and a put is refused when there
 * were more since.
 *
 * A watcher is whoever hears of revocations made elsewhere (one per database): while none has said
 * so lately, values of that database are not taken from the cache (FHIR_CACHE_DEAF), so that a
 * revocation holds at once, at the price of a question to the database.
 *
 * Threads and processes: all calls but _init may run at the same time.
 */
#ifndef FHIR_TOKEN_CACHE_H
#define FHIR_TOKEN_CACHE_H

#include <apr.h>
#include <apr_time.h>

#include "core/fhir_secret.h"

#define FHIR_CACHE_SLOT      512u
#define FHIR_CACHE_VALUE_MAX 16384u /* longer values are not kept */
#define FHIR_CACHE_WATCHERS  8

/** The lock that guards a segment; both return 0 when they could. */
typedef struct fhir_cache_lock_t {
    int (*lock)(void *baton);
    int (*unlock)(void *baton);
    void *baton;
} fhir_cache_lock_t;

typedef struct fhir_token_cache_t {
    void *segment; /* aligned to 8 bytes */
    fhir_cache_lock_t lock;
} fhir_token_cache_t;

typedef enum fhir_cache_answer_t {
    FHIR_CACHE_HIT,
    FHIR_CACHE_MISS,
    FHIR_CACHE_DEAF,  /* it may be there, but nobody listens for revocations */
    FHIR_CACHE_FULL,  /* put: longer than a value may be, or than the cache is large */
    FHIR_CACHE_STALE, /* put: something was removed since `seen` */
    FHIR_CACHE_ERROR  /* the lock failed: nothing is known, ask the database */
} fhir_cache_answer_t;

/** Bytes of a segment for so many slots (at least 16); 0 when that is more than 4 GiB. */
apr_size_t fhir_token_cache_size(apr_size_t n_slots);
/** Makes a segment of size bytes (fhir_token_cache_size) ready; seed: 16 random bytes. */
void fhir_token_cache_init(void *segment, apr_size_t size, const unsigned char seed[16]);
/** 1 if a segment was made by a program with the same layout, of that size. */
int fhir_token_cache_fits(const void *segment, apr_size_t size);

/**
 * Looks a digest up and copies its value.
 * @param value room for FHIR_CACHE_VALUE_MAX bytes
 * @param seen set on a miss, for the put that follows
 * @param database a watcher's id (fhir_cache_watch), 0: nobody needs to listen
 */
fhir_cache_answer_t fhir_token_cache_get(const fhir_token_cache_t *cache, char *value,
                                         apr_size_t *len, apr_uint64_t *seen,
                                         const fhir_digest_t *key, apr_uint64_t database,
                                         apr_time_t now);
/** Keeps a value until `until`; one under the same digest is replaced. */
fhir_cache_answer_t fhir_token_cache_put(const fhir_token_cache_t *cache, const fhir_digest_t *key,
                                         const char *value, apr_size_t len, apr_uint64_t seen,
                                         apr_time_t until, apr_time_t now);
/** Removes a digest if the cache has it. @return 0, or FHIR_CACHE_ERROR */
fhir_cache_answer_t fhir_token_cache_remove(const fhir_token_cache_t *cache,
                                            const fhir_digest_t *key);
/** Removes everything. */
fhir_cache_answer_t fhir_token_cache_clear(const fhir_token_cache_t *cache);

/** How long a watcher's word holds. */
#define FHIR_CACHE_HEARD apr_time_from_msec(900)
/**
 * Says that process `pid` listens to a database, or asks whether it should.
 * @return 1 if it is this process's turn: it has listened before, or nobody else did lately
 */
int fhir_token_cache_watch(const fhir_token_cache_t *cache, apr_uint64_t database, apr_int64_t pid,
                           int listening, apr_time_t now);

typedef struct fhir_token_cache_stats_t {
    apr_uint64_t slots, used, entries;
    apr_uint64_t hits, misses, deaf, puts, stale, too_long, evictions, removals, recoveries;
} fhir_token_cache_stats_t;
/** 0, or FHIR_CACHE_ERROR with everything zero. */
fhir_cache_answer_t fhir_token_cache_stats(fhir_token_cache_stats_t *out,
                                           const fhir_token_cache_t *cache);
/** For tests: NULL if everything in the segment fits together, else what does not. */
const char *fhir_token_cache_check(const fhir_token_cache_t *cache);

#endif
