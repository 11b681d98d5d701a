/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of prepared statements of one connection, by text. It does not talk to the server:
 * fhir_conn.c and fhir_lane.c prepare and deallocate.
 */
#include "store/fhir_store_private.h"

#include <stdlib.h>
#include <string.h>

#include "core/fhir_digest.h"
#include "core/fhir_hex.h"

/* Hashes eight bytes at a time, because the text of an INSERT is long. Collisions are harmless,
 * since texts are compared. */
static apr_uint32_t hash_of(const char *sql)
{
    apr_size_t len = strlen(sql);
    apr_uint64_t h = len, word;
    for (; len >= sizeof(word); sql += sizeof(word), len -= sizeof(word)) {
        memcpy(&word, sql, sizeof(word));
        h = (h ^ word) * 0x9E3779B97F4A7C15u;
        h ^= h >> 29;
    }
    word = 0;
    memcpy(&word, sql, len);
    h = (h ^ word) * 0x9E3779B97F4A7C15u;
    return (apr_uint32_t)(h >> 32);
}

int fhir_stmts_find(fhir_stmts_t *stmts, const char *sql)
{
    apr_uint32_t h = hash_of(sql);
    for (int i = 0; i < stmts->n; i++) {
        if (stmts->hash[i] == h && strcmp(stmts->item[i].sql, sql) == 0) {
            stmts->item[i].used = ++stmts->clock;
            return i;
        }
    }
    return -1;
}

int fhir_stmts_is_worth(fhir_stmts_t *stmts, const char *sql)
{
    apr_size_t len = strlen(sql);
    if (len <= FHIR_STMTS_SHORT)
        return 1;
    if (len > FHIR_STMTS_BYTES / 2)
        return 0;
    apr_uint32_t h = hash_of(sql);
    apr_uint32_t *seen = &stmts->seen[h % (sizeof(stmts->seen) / sizeof(*stmts->seen))];
    int again = *seen == h;
    *seen = h;
    return again;
}

int fhir_stmts_has_room(const fhir_stmts_t *stmts, apr_size_t len)
{
    return stmts->n < FHIR_STMTS_MAX && stmts->bytes + len <= FHIR_STMTS_BYTES;
}

/* A cryptographic digest, because clients choose parts of the texts: nobody can find two texts with
 * the same one. */
static void name_of(char name[FHIR_STMTS_NAME], const char *sql, apr_size_t len)
{
    static const char prefix[] = "fhir_";
    unsigned char digest[FHIR_DIGEST_LEN];
    fhir_digest_sha256(digest, sql, len);
    memcpy(name, prefix, sizeof(prefix));
    fhir_hex_encode(name + sizeof(prefix) - 1, digest, 16);
}

int fhir_stmts_add(fhir_stmts_t *stmts, const char *sql)
{
    apr_size_t len = strlen(sql);
    struct fhir_stmts_item_t *item = &stmts->item[stmts->n];
    if (!fhir_stmts_has_room(stmts, len) || !(item->sql = strdup(sql)))
        return -1;
    name_of(item->name, sql, len);
    item->len = len;
    item->used = ++stmts->clock;
    stmts->hash[stmts->n] = hash_of(sql);
    stmts->bytes += len;
    return stmts->n++;
}

int fhir_stmts_oldest(const fhir_stmts_t *stmts)
{
    int oldest = -1;
    for (int i = 0; i < stmts->n; i++) {
        if (oldest < 0 || stmts->item[i].used < stmts->item[oldest].used)
            oldest = i;
    }
    return oldest;
}

void fhir_stmts_remove(fhir_stmts_t *stmts, int index)
{
    int last = --stmts->n;
    stmts->bytes -= stmts->item[index].len;
    free(stmts->item[index].sql);
    stmts->item[index] = stmts->item[last];
    stmts->hash[index] = stmts->hash[last];
}

void fhir_stmts_clear(fhir_stmts_t *stmts)
{
    while (stmts->n) {
        fhir_stmts_remove(stmts, stmts->n - 1);
    }
}

const char *fhir_stmts_name(char out[FHIR_STMTS_NAME], const fhir_stmts_t *stmts, int index)
{
    return memcpy(out, stmts->item[index].name, FHIR_STMTS_NAME);
}
