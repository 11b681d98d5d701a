/* SPDX-License-Identifier: Apache-2.0 */
/* Page links: what is sealed opens again, and nothing else does. */
#include "tap.h"

#include <apr_strings.h>

#include "fhir/page/fhir_cursor.h"

static const fhir_cursor_keys_t *key, *other_key, *both;
static const fhir_grant_t all = {.all = 1};
static const fhir_grant_t one = {.patient = "p1", .owner = "u1"};
static const fhir_grant_t two = {.patient = "p2", .owner = "u1"};

static const char *seal(const fhir_cursor_t *cursor, const fhir_grant_t *grant, apr_pool_t *pool)
{
    const char *word = "";
    tap_no_err(fhir_cursor_seal(&word, cursor, key, "q", 1, grant, pool), "seals");
    return word;
}

static void test_round_trip(apr_pool_t *pool)
{
    static const fhir_cursor_t cursors[] = {
        {.n = 1, .field = {"id-1"}},
        {.n = 3, .field = {NULL, "", "id"}},
        {.backward = 1, .n = 2, .field = {"2015-01-01 00:00:00+00", "x"}},
    };
    for (apr_size_t i = 0; i < TAP_COUNT(cursors); i++) {
        const char *word = seal(&cursors[i], &all, pool);
        tap_ok(word && strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789-_") == strlen(word),
               "%d: letters that a URL takes", (int)i);
        fhir_cursor_t got;
        tap_no_err(fhir_cursor_open(&got, word, key, 60, "q", 1, &all, pool), "%d: opens", (int)i);
        tap_is_int(got.n, cursors[i].n, "%d: number of fields", (int)i);
        tap_is_int(!!got.backward, cursors[i].backward, "%d: direction", (int)i);
        for (int f = 0; f < got.n; f++)
            tap_is_str(got.field[f], cursors[i].field[f], "%d: field %d", (int)i, f);
        tap_is_str(seal(&cursors[i], &all, pool), word, "%d: the same again", (int)i);
    }
}

static void refused(const char *word, const fhir_cursor_keys_t *with, const char *context,
                    const fhir_grant_t *grant, const char *name, apr_pool_t *pool)
{
    fhir_cursor_t got;
    fhir_err_t *err = fhir_cursor_open(&got, word, with, 60, context, strlen(context), grant, pool);
    tap_is_int(err ? (int)err->code : 0, FHIR_ERR_CURSOR, "%s is refused", name);
}

static void test_refused(apr_pool_t *pool)
{
    static const fhir_cursor_t cursor = {.n = 2, .field = {"Smith", "id-1"}};
    const char *word = seal(&cursor, &one, pool);
    tap_ok(!strstr(word, "Smith"), "a sort key cannot be read");
    refused(word, key, "r", &one, "another query", pool);
    refused(word, key, "q", &two, "another patient", pool);
    refused(word, key, "q", &all, "another grant", pool);
    refused(word, other_key, "q", &one, "another server's key", pool);
    refused("", key, "q", &one, "an empty word", pool);
    refused("AAAA", key, "q", &one, "a short word", pool);
    refused("!!!!", key, "q", &one, "no base64", pool);
    refused(apr_pstrcat(pool, word, "A", NULL), key, "q", &one, "a longer word", pool);
    for (apr_size_t i = 0; i < strlen(word); i++) {
        char *altered = apr_pstrdup(pool, word);
        altered[i] = altered[i] == 'A' ? 'B' : 'A';
        refused(altered, key, "q", &one, apr_psprintf(pool, "letter %d altered", (int)i), pool);
    }
}

/* While a key is replaced, what either sealed opens; the first one seals. */
static void test_replaced(apr_pool_t *pool)
{
    static const fhir_cursor_t cursor = {.n = 1, .field = {"id-1"}};
    const char *word = seal(&cursor, &one, pool), *other = NULL, *now = NULL;
    fhir_cursor_t got;
    tap_no_err(fhir_cursor_open(&got, word, both, 0, "q", 1, &one, pool), "the key before");
    tap_no_err(fhir_cursor_seal(&other, &cursor, other_key, "q", 1, &one, pool), "the key now");
    tap_no_err(fhir_cursor_open(&got, other, both, 0, "q", 1, &one, pool), "opens");
    tap_no_err(fhir_cursor_seal(&now, &cursor, both, "q", 1, &one, pool), "seals");
    tap_is_str(now, other, "with the key now");
}

int main(void)
{
    static const unsigned char bytes[] = "1123456789abcdef0123456789abcde\0"
                                         "0123456789abcdef0123456789abcde";
    apr_pool_t *pool = tap_start();
    tap_no_err(fhir_cursor_keys_create(&key, bytes + 32, 1, pool), "a key");
    tap_no_err(fhir_cursor_keys_create(&other_key, bytes, 1, pool), "another key");
    tap_no_err(fhir_cursor_keys_create(&both, bytes, 2, pool), "both");
    test_round_trip(pool);
    test_refused(pool);
    test_replaced(pool);
    return tap_done();
}
