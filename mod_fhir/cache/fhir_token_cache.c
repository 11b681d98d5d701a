/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The token cache; the header says what it promises. Slot numbers count from 1, so that 0 ends a
 * chain. After a process died, the contents may be half written: the dirty word tells.
 */
#include "cache/fhir_token_cache.h"

#include <string.h>

#define MAGIC 0x46544331u /* "FTC1"; changes with the layout */
#define DATA  (FHIR_CACHE_SLOT - (apr_uint32_t)sizeof(slot_head_t))

typedef apr_uint32_t slot_no_t;

typedef enum slot_state_t {
    SLOT_FREE,
    SLOT_ENTRY, /* the first of a value */
    SLOT_MORE   /* a further one */
} slot_state_t;

typedef struct slot_head_t {
    slot_no_t next; /* free: in the list; entry: in its chain */
    slot_no_t more; /* the value's next slot */
    apr_uint32_t len;
    apr_uint16_t state; /* slot_state_t */
    apr_uint16_t used;  /* used since the clock hand passed last */
    apr_int64_t until;
    fhir_digest_t key;
} slot_head_t;

typedef struct slot_t {
    slot_head_t head;
    char data[DATA];
} slot_t;

typedef struct watcher_t {
    apr_uint64_t database; /* 0: free */
    apr_int64_t pid;
    apr_int64_t heard;
} watcher_t;

typedef struct header_t {
    apr_uint32_t magic;
    apr_uint32_t dirty; /* set while the cache is being changed */
    apr_uint64_t size;
    apr_uint64_t seed[2];
    apr_uint32_t n_slots, n_chains; /* number of chains, a power of two */
    slot_no_t free, hand;
    apr_uint64_t n_free, n_entries;
    apr_uint64_t hits, misses, deaf, puts, stale, too_long, evictions, removals, recoveries;
    watcher_t watchers[FHIR_CACHE_WATCHERS];
} header_t;

/* ---- layout ---- */

static apr_uint32_t chains_for(apr_size_t n_slots)
{
    apr_uint32_t n = 16;
    while (n < n_slots && n < 0x40000000u)
        n <<= 1;
    return n;
}

static header_t *header_of(const fhir_token_cache_t *cache)
{
    return cache->segment;
}

static slot_no_t *index_of(header_t *h)
{
    return (slot_no_t *)(h + 1);
}

static slot_t *slot_of(header_t *h, slot_no_t no)
{
    return (slot_t *)(index_of(h) + h->n_chains) + (no - 1);
}

apr_size_t fhir_token_cache_size(apr_size_t n_slots)
{
    if (n_slots < 16)
        n_slots = 16;
    if (n_slots > 0xffffffffu / FHIR_CACHE_SLOT)
        return 0;
    apr_uint64_t size = sizeof(header_t) + (apr_uint64_t)chains_for(n_slots) * sizeof(slot_no_t) +
                        (apr_uint64_t)n_slots * sizeof(slot_t);
    return size > 0xffffffffu ? 0 : (apr_size_t)size;
}

static apr_uint32_t slots_in(apr_size_t size)
{
    apr_uint32_t n = (apr_uint32_t)((size - sizeof(header_t)) / sizeof(slot_t));
    while (n > 16 && fhir_token_cache_size(n) > size)
        n--;
    return n;
}

static void make_empty(header_t *h)
{
    memset(index_of(h), 0, h->n_chains * sizeof(slot_no_t));
    for (slot_no_t no = 1; no <= h->n_slots; no++) {
        slot_head_t *slot = &slot_of(h, no)->head;
        slot->state = SLOT_FREE;
        slot->next = no < h->n_slots ? no + 1 : 0;
    }
    h->free = 1;
    h->hand = 1;
    h->n_free = h->n_slots;
    h->n_entries = 0;
}

void fhir_token_cache_init(void *segment, apr_size_t size, const unsigned char seed[16])
{
    header_t *h = segment;
    memset(h, 0, sizeof(*h));
    h->size = size;
    memcpy(h->seed, seed, sizeof(h->seed));
    h->n_slots = slots_in(size);
    h->n_chains = chains_for(h->n_slots);
    make_empty(h);
    h->magic = MAGIC;
}

int fhir_token_cache_fits(const void *segment, apr_size_t size)
{
    const header_t *h = segment;
    return h->magic == MAGIC && h->size == size;
}

/* ---- the lock, and recovery ---- */

static int enter(const fhir_token_cache_t *cache)
{
    header_t *h = header_of(cache);
    if (cache->lock.lock(cache->lock.baton))
        return 0;
    if (h->dirty) {
        make_empty(h);
        h->removals++; /* what others read before may not be true any more */
        h->recoveries++;
    }
    h->dirty = 1;
    return 1;
}

static void leave(const fhir_token_cache_t *cache)
{
    header_of(cache)->dirty = 0;
    /* a lock that cannot be released shows when the next process locks */
    (void)cache->lock.unlock(cache->lock.baton);
}

/* ---- chains ---- */

#define ROTATE(x, b) (apr_uint64_t)(((x) << (b)) | ((x) >> (64 - (b))))
#define ROUND                                                                                      \
    do {                                                                                           \
        v0 += v1;                                                                                  \
        v1 = ROTATE(v1, 13) ^ v0;                                                                  \
        v0 = ROTATE(v0, 32);                                                                       \
        v2 += v3;                                                                                  \
        v3 = ROTATE(v3, 16) ^ v2;                                                                  \
        v0 += v3;                                                                                  \
        v3 = ROTATE(v3, 21) ^ v0;                                                                  \
        v2 += v1;                                                                                  \
        v1 = ROTATE(v1, 17) ^ v2;                                                                  \
        v2 = ROTATE(v2, 32);                                                                       \
    } while (0)

/* SipHash-2-4 of the digest (https://www.aumasson.jp/siphash/siphash.pdf): a client that chooses
 * tokens cannot choose chains. */
static apr_uint64_t hash(const header_t *h, const fhir_digest_t *key)
{
    apr_uint64_t v0 = h->seed[0] ^ APR_UINT64_C(0x736f6d6570736575);
    apr_uint64_t v1 = h->seed[1] ^ APR_UINT64_C(0x646f72616e646f6d);
    apr_uint64_t v2 = h->seed[0] ^ APR_UINT64_C(0x6c7967656e657261);
    apr_uint64_t v3 = h->seed[1] ^ APR_UINT64_C(0x7465646279746573);
    apr_uint64_t word;
    for (int i = 0; i < FHIR_DIGEST_LEN; i += 8) {
        memcpy(&word, key->byte + i, 8);
        v3 ^= word;
        ROUND;
        ROUND;
        v0 ^= word;
    }
    word = (apr_uint64_t)FHIR_DIGEST_LEN << 56;
    v3 ^= word;
    ROUND;
    ROUND;
    v0 ^= word;
    v2 ^= 0xff;
    ROUND;
    ROUND;
    ROUND;
    ROUND;
    return v0 ^ v1 ^ v2 ^ v3;
}

static slot_no_t *chain_of(header_t *h, const fhir_digest_t *key)
{
    return &index_of(h)[hash(h, key) & (h->n_chains - 1)];
}

/* The place that holds the number of a digest's slot: the index, or the slot before it. Its value
 * is 0 when the digest is not in the cache. */
static slot_no_t *find(header_t *h, const fhir_digest_t *key)
{
    slot_no_t *at = chain_of(h, key);
    while (*at && memcmp(&slot_of(h, *at)->head.key, key, sizeof(*key)) != 0)
        at = &slot_of(h, *at)->head.next;
    return at;
}

/* Takes an entry out of its chain and gives its slots back. */
static void drop(header_t *h, slot_no_t *at)
{
    slot_no_t no = *at;
    *at = slot_of(h, no)->head.next;
    while (no) {
        slot_head_t *slot = &slot_of(h, no)->head;
        slot_no_t more = slot->more;
        slot->state = SLOT_FREE;
        slot->next = h->free;
        h->free = no;
        h->n_free++;
        no = more;
    }
    h->n_entries--;
}

static void evict(header_t *h, apr_time_t now)
{
    /* two turns are enough: the first one clears the marks */
    for (apr_uint64_t steps = 2 * (apr_uint64_t)h->n_slots + 1; steps; steps--) {
        slot_head_t *slot = &slot_of(h, h->hand)->head;
        h->hand = h->hand < h->n_slots ? h->hand + 1 : 1;
        if (slot->state != SLOT_ENTRY)
            continue;
        if (slot->used && slot->until > now) {
            slot->used = 0;
            continue;
        }
        if (slot->until > now)
            h->evictions++;
        drop(h, find(h, &slot->key));
        return;
    }
}

/* ---- what is done with it ---- */

static int is_heard(const header_t *h, apr_uint64_t database, apr_time_t now)
{
    for (int i = 0; i < FHIR_CACHE_WATCHERS; i++) {
        const watcher_t *w = &h->watchers[i];
        if (w->database == database)
            return w->heard <= now && now - w->heard < FHIR_CACHE_HEARD;
    }
    return 0;
}

static void copy_out(header_t *h, slot_no_t no, char *value)
{
    apr_uint32_t left = slot_of(h, no)->head.len;
    while (left) {
        const slot_t *slot = slot_of(h, no);
        apr_uint32_t n = left < DATA ? left : DATA;
        memcpy(value, slot->data, n);
        value += n;
        left -= n;
        no = slot->head.more;
    }
}

fhir_cache_answer_t fhir_token_cache_get(const fhir_token_cache_t *cache, char *value,
                                         apr_size_t *len, apr_uint64_t *seen,
                                         const fhir_digest_t *key, apr_uint64_t database,
                                         apr_time_t now)
{
    header_t *h = header_of(cache);
    fhir_cache_answer_t answer = FHIR_CACHE_MISS;
    if (!enter(cache))
        return FHIR_CACHE_ERROR;
    *seen = h->removals;
    if (database && !is_heard(h, database, now)) {
        h->deaf++;
        answer = FHIR_CACHE_DEAF;
    }
    else {
        slot_no_t *at = find(h, key);
        if (*at && slot_of(h, *at)->head.until <= now)
            drop(h, at);
        else if (*at) {
            slot_head_t *slot = &slot_of(h, *at)->head;
            slot->used = 1;
            *len = slot->len;
            copy_out(h, *at, value);
            answer = FHIR_CACHE_HIT;
        }
        h->hits += answer == FHIR_CACHE_HIT;
        h->misses += answer != FHIR_CACHE_HIT;
    }
    leave(cache);
    return answer;
}

static void insert(header_t *h, const fhir_digest_t *key, const char *value, apr_size_t len,
                   apr_time_t until)
{
    slot_no_t *chain = chain_of(h, key), *link = NULL;
    apr_size_t left = len;
    slot_no_t first = h->free;
    do {
        slot_t *slot = slot_of(h, h->free);
        apr_size_t n = left < DATA ? left : DATA;
        if (link)
            *link = h->free;
        h->free = slot->head.next;
        h->n_free--;
        slot->head = (slot_head_t){.state = link ? SLOT_MORE : SLOT_ENTRY};
        memcpy(slot->data, value + (len - left), n);
        left -= n;
        link = &slot->head.more;
    } while (left);
    slot_of(h, first)->head.len = (apr_uint32_t)len;
    slot_of(h, first)->head.until = until;
    slot_of(h, first)->head.key = *key;
    slot_of(h, first)->head.next = *chain;
    *chain = first;
    h->n_entries++;
}

fhir_cache_answer_t fhir_token_cache_put(const fhir_token_cache_t *cache, const fhir_digest_t *key,
                                         const char *value, apr_size_t len, apr_uint64_t seen,
                                         apr_time_t until, apr_time_t now)
{
    header_t *h = header_of(cache);
    apr_size_t needed = len ? (len + DATA - 1) / DATA : 1;
    fhir_cache_answer_t answer = FHIR_CACHE_HIT;
    if (!enter(cache))
        return FHIR_CACHE_ERROR;
    if (h->removals != seen) {
        h->stale++;
        answer = FHIR_CACHE_STALE;
    }
    else if (len > FHIR_CACHE_VALUE_MAX || needed > h->n_slots / 4) {
        h->too_long++;
        answer = FHIR_CACHE_FULL;
    }
    else {
        slot_no_t *at = find(h, key);
        if (*at)
            drop(h, at);
        while (h->n_free < needed)
            evict(h, now);
        insert(h, key, value, len, until);
        h->puts++;
    }
    leave(cache);
    return answer;
}

fhir_cache_answer_t fhir_token_cache_remove(const fhir_token_cache_t *cache,
                                            const fhir_digest_t *key)
{
    header_t *h = header_of(cache);
    if (!enter(cache))
        return FHIR_CACHE_ERROR;
    slot_no_t *at = find(h, key);
    if (*at)
        drop(h, at);
    h->removals++;
    leave(cache);
    return FHIR_CACHE_HIT;
}

fhir_cache_answer_t fhir_token_cache_clear(const fhir_token_cache_t *cache)
{
    header_t *h = header_of(cache);
    if (!enter(cache))
        return FHIR_CACHE_ERROR;
    make_empty(h);
    h->removals++;
    leave(cache);
    return FHIR_CACHE_HIT;
}

int fhir_token_cache_watch(const fhir_token_cache_t *cache, apr_uint64_t database, apr_int64_t pid,
                           int listening, apr_time_t now)
{
    header_t *h = header_of(cache);
    watcher_t *own = NULL;
    if (!enter(cache))
        return 0;
    for (int i = 0; i < FHIR_CACHE_WATCHERS && !own; i++)
        if (h->watchers[i].database == database)
            own = &h->watchers[i];
    for (int i = 0; i < FHIR_CACHE_WATCHERS && !own; i++)
        if (!h->watchers[i].database)
            own = &h->watchers[i];
    int turn = own && (own->pid == pid || !own->database || own->heard > now ||
                       now - own->heard >= FHIR_CACHE_HEARD);
    if (turn && listening)
        *own = (watcher_t){database, pid, now};
    leave(cache);
    return turn;
}

fhir_cache_answer_t fhir_token_cache_stats(fhir_token_cache_stats_t *out,
                                           const fhir_token_cache_t *cache)
{
    const header_t *h = header_of(cache);
    memset(out, 0, sizeof(*out));
    if (!enter(cache))
        return FHIR_CACHE_ERROR;
    *out = (fhir_token_cache_stats_t){
        .slots = h->n_slots,
        .used = h->n_slots - h->n_free,
        .entries = h->n_entries,
        .hits = h->hits,
        .misses = h->misses,
        .deaf = h->deaf,
        .puts = h->puts,
        .stale = h->stale,
        .too_long = h->too_long,
        .evictions = h->evictions,
        .removals = h->removals,
        .recoveries = h->recoveries,
    };
    leave(cache);
    return FHIR_CACHE_HIT;
}

/* ---- the tests' eyes ---- */

static const char *check_chains(header_t *h, apr_uint64_t *entries, apr_uint64_t *taken)
{
    for (apr_uint32_t i = 0; i < h->n_chains; i++) {
        apr_uint64_t steps = 0;
        for (slot_no_t no = index_of(h)[i]; no; no = slot_of(h, no)->head.next) {
            const slot_head_t *slot = &slot_of(h, no)->head;
            apr_uint64_t n = 0;
            if (no > h->n_slots || steps++ > h->n_slots)
                return "a chain leads nowhere";
            if (slot->state != SLOT_ENTRY || chain_of(h, &slot->key) != &index_of(h)[i])
                return "a slot is in a chain that is not its own";
            for (slot_no_t more = no; more; more = slot_of(h, more)->head.more)
                if (more > h->n_slots || n++ > h->n_slots)
                    return "a value leads nowhere";
            if (n != (slot->len ? (slot->len + DATA - 1) / DATA : 1))
                return "a value has not as many slots as its length needs";
            ++*entries;
            *taken += n;
        }
    }
    return NULL;
}

const char *fhir_token_cache_check(const fhir_token_cache_t *cache)
{
    header_t *h = header_of(cache);
    apr_uint64_t n_free = 0, entries = 0, taken = 0;
    if (!enter(cache))
        return "the lock failed";
    for (slot_no_t no = h->free; no && n_free <= h->n_slots; no = slot_of(h, no)->head.next)
        n_free++;
    const char *wrong = check_chains(h, &entries, &taken);
    if (!wrong && n_free != h->n_free)
        wrong = "the free list has another length than is counted";
    if (!wrong && entries != h->n_entries)
        wrong = "there are not as many entries as are counted";
    if (!wrong && taken + n_free != h->n_slots)
        wrong = "slots are lost";
    leave(cache);
    return wrong;
}
