/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a page link: refused. As what a link holds (fields divided by NUL, one of FF for no
 * value): sealed, it opens to the same and for nobody else, and not when a letter was changed.
 */
#include <apr_general.h>
#include <apr_pools.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "fhir/page/fhir_cursor.h"
#include "t/fuzz/fuzz.h"

static const fhir_grant_t all = {.all = 1};
static const fhir_grant_t other = {.patient = "p1", .owner = "u1"};
static const fhir_cursor_keys_t *key;
/* Seals nothing: libFuzzer looks at what is compared, and so learns the words that were sealed. */
static const fhir_cursor_keys_t *unused_key;
static apr_pool_t *kept;

static void forget(void)
{
    apr_pool_destroy(kept);
}

static void begin(void)
{
    static const unsigned char bytes[FHIR_SEAL_KEY] = "0123456789abcdef0123456789abcde";
    static const unsigned char others[FHIR_SEAL_KEY] = "1123456789abcdef0123456789abcde";

    if (kept)
        return;
    apr_initialize();
    apr_pool_create(&kept, NULL);
    atexit(forget);
    check(fhir_cursor_keys_create(&key, bytes, 1, kept) == NULL);
    check(fhir_cursor_keys_create(&unused_key, others, 1, kept) == NULL);
}

static void refused(const char *word, const fhir_cursor_keys_t *with, const char *context,
                    const fhir_grant_t *grant, apr_pool_t *pool)
{
    fhir_cursor_t got;
    fhir_err_t *err = fhir_cursor_open(&got, word, with, 0, context, strlen(context), grant, pool);

    check(err && err->code == FHIR_ERR_CURSOR);
}

static void read_fields(fhir_cursor_t *cursor, const unsigned char *data, size_t size,
                        apr_pool_t *pool)
{
    const char *at = apr_pstrmemdup(pool, (const char *)data, size), *end = at + size;

    memset(cursor, 0, sizeof(*cursor));
    for (; at < end && cursor->n < FHIR_CURSOR_FIELDS_MAX; at += strlen(at) + 1)
        cursor->field[cursor->n++] = strcmp(at, "\xff") ? at : NULL;
}

static int same(const fhir_cursor_t *a, const fhir_cursor_t *b)
{
    int equal = a->n == b->n && !a->backward == !b->backward;

    for (int i = 0; equal && i < a->n; i++)
        equal = a->field[i] && b->field[i] ? !strcmp(a->field[i], b->field[i])
                                           : a->field[i] == b->field[i];
    return equal;
}

static void round_trip(const unsigned char *data, size_t size, apr_pool_t *pool)
{
    fhir_cursor_t cursor;
    size_t at = (size_t)data[0] * 256 + data[1];

    read_fields(&cursor, data + 2, size - 2, pool);
    cursor.backward = data[0] & 1;
    const char *sealed;
    check(fhir_cursor_seal(&sealed, &cursor, key, "q", 1, &all, pool) == NULL);
    char *word = apr_pstrdup(pool, sealed);
    size_t len = strlen(word);
    fhir_cursor_t got;
    fhir_err_t *err = fhir_cursor_open(&got, word, key, 0, "q", 1, &all, pool);
    if (err) { /* too long for a link */
        check(len > 16000);
        return;
    }
    check(same(&cursor, &got));
    refused(word, key, "r", &all, pool);
    refused(word, key, "q", &other, pool);
    word[at % len] = word[at % len] == 'A' ? 'B' : 'A';
    refused(word, key, "q", &all, pool);
    word[at % len] = '\0';
    refused(word, key, "q", &all, pool);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    begin();
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    refused(apr_pstrmemdup(pool, (const char *)data, size), unused_key, "q", &all, pool);
    if (size > 2)
        round_trip(data, size, pool);
    apr_pool_destroy(pool);
    return 0;
}
