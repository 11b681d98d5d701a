/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page links as sealed words (core/fhir_seal.h).
 *
 * Text: one byte of flags, four of the minute in which it was sealed, then each field as a byte (0
 * NULL, 1 text) and its bytes with a NUL.
 */
#include "fhir/page/fhir_cursor.h"

#include <apr_time.h>
#include <string.h>

#include "fhir/query/fhir_grant_bytes.h"

#define BACKWARD 0x01
#define HEAD     5 /* bytes before the fields */

struct fhir_cursor_keys_t {
    int n;
    const fhir_seal_key_t *key[FHIR_CURSOR_KEYS_MAX]; /* the first seals */
};

fhir_err_t *fhir_cursor_keys_create(const fhir_cursor_keys_t **out, const unsigned char *bytes,
                                    int n, apr_pool_t *pool)
{
    fhir_cursor_keys_t *keys = apr_pcalloc(pool, sizeof(*keys));
    for (; keys->n < n && keys->n < FHIR_CURSOR_KEYS_MAX; keys->n++)
        FHIR_TRY(fhir_seal_key_create(&keys->key[keys->n], bytes + keys->n * FHIR_SEAL_KEY,
                                      "fhir page link", pool));
    *out = keys;
    return NULL;
}

static apr_uint32_t minute_now(void)
{
    return (apr_uint32_t)(apr_time_sec(apr_time_now()) / 60);
}

/* What a grant lets be seen is part of what the link is bound to. */
static fhir_err_t *bind_to(fhir_seal_text_t *seal, const char *context, apr_size_t context_len,
                           const fhir_grant_t *grant, apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    fhir_buf_append(buf, context, context_len);
    FHIR_TRY(fhir_grant_to_bytes(buf, grant, pool));
    seal->context = buf->data;
    seal->context_len = buf->len;
    return NULL;
}

static unsigned char *write_text(apr_size_t *len, const fhir_cursor_t *cursor, apr_pool_t *pool)
{
    const apr_uint32_t minute = minute_now();
    apr_size_t size = HEAD;
    for (int i = 0; i < cursor->n; i++)
        size += 2 + (cursor->field[i] ? strlen(cursor->field[i]) : 0);
    unsigned char *text = apr_palloc(pool, size), *p = text;
    *p++ = cursor->backward ? BACKWARD : 0;
    for (int shift = 24; shift >= 0; shift -= 8)
        *p++ = (unsigned char)(minute >> shift);
    for (int i = 0; i < cursor->n; i++) {
        const char *s = cursor->field[i];
        apr_size_t n = s ? strlen(s) : 0;
        *p++ = s != NULL;
        memcpy(p, s ? s : "", n + 1);
        p += n + 1;
    }
    *len = size;
    return text;
}

static int read_text(fhir_cursor_t *cursor, apr_uint32_t *minute, const unsigned char *text,
                     apr_size_t len)
{
    const unsigned char *p = text + HEAD, *end = text + len;
    memset(cursor, 0, sizeof(*cursor));
    if (len < HEAD)
        return 0;
    *minute = 0;
    for (int i = 1; i < HEAD; i++)
        *minute = *minute << 8 | text[i];
    cursor->backward = text[0] & BACKWARD;
    while (p < end) {
        const unsigned char *nul = memchr(p + 1, 0, (apr_size_t)(end - p) - 1);
        if (!nul || cursor->n == FHIR_CURSOR_FIELDS_MAX)
            return 0;
        cursor->field[cursor->n++] = *p ? (const char *)p + 1 : NULL;
        p = nul + 1;
    }
    return 1;
}

fhir_err_t *fhir_cursor_seal(const char **word, const fhir_cursor_t *cursor,
                             const fhir_cursor_keys_t *keys, const char *context,
                             apr_size_t context_len, const fhir_grant_t *grant, apr_pool_t *pool)
{
    fhir_seal_text_t seal;
    FHIR_TRY(bind_to(&seal, context, context_len, grant, pool));
    seal.text = write_text(&seal.len, cursor, pool);
    return fhir_seal(word, &seal, keys->key[0], pool);
}

fhir_err_t *fhir_cursor_open(fhir_cursor_t *cursor, const char *word,
                             const fhir_cursor_keys_t *keys, int age_sec, const char *context,
                             apr_size_t context_len, const fhir_grant_t *grant, apr_pool_t *pool)
{
    fhir_seal_text_t seal;
    apr_uint32_t minute;
    int opened = 0;
    FHIR_TRY(bind_to(&seal, context, context_len, grant, pool));
    for (int i = 0; i < keys->n && !opened; i++)
        opened = fhir_seal_open(&seal, word, keys->key[i], pool);
    if (!opened || !read_text(cursor, &minute, seal.text, seal.len))
        return fhir_err_create(pool, FHIR_ERR_CURSOR,
                               "This page link was altered, or belongs to another search, user or "
                               "server, or its key was replaced; repeat the search");
    /* other nodes' clocks may be ahead */
    if (age_sec && (apr_int64_t)minute_now() - (apr_int64_t)minute > (age_sec + 59) / 60)
        return fhir_err_create(pool, FHIR_ERR_CURSOR,
                               "This page link is older than %d minutes, the limit of this server "
                               "(FHIRPageLinkAge); repeat the search",
                               (age_sec + 59) / 60);
    return NULL;
}
