/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page links as sealed words (core/fhir_seal.h).
 *
 * Text: one byte of flags, then each field as a byte (0 NULL, 1 text) and its bytes with a NUL.
 */
#include "fhir/search/fhir_cursor.h"

#include <string.h>

#include "fhir/query/fhir_grant_bytes.h"

#define BACKWARD 0x01

fhir_err_t *fhir_cursor_key_create(const fhir_seal_key_t **key, const unsigned char *bytes,
                                   apr_pool_t *pool)
{
    return fhir_seal_key_create(key, bytes, "fhir page link", pool);
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
    apr_size_t size = 1;
    unsigned char *text, *p;
    for (int i = 0; i < cursor->n; i++)
        size += 2 + (cursor->field[i] ? strlen(cursor->field[i]) : 0);
    p = text = apr_palloc(pool, size);
    *p++ = cursor->backward ? BACKWARD : 0;
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

static int read_text(fhir_cursor_t *cursor, const unsigned char *text, apr_size_t len)
{
    const unsigned char *p = text + 1, *end = text + len;
    memset(cursor, 0, sizeof(*cursor));
    if (!len)
        return 0;
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
                             const fhir_seal_key_t *key, const char *context,
                             apr_size_t context_len, const fhir_grant_t *grant, apr_pool_t *pool)
{
    fhir_seal_text_t seal;
    FHIR_TRY(bind_to(&seal, context, context_len, grant, pool));
    seal.text = write_text(&seal.len, cursor, pool);
    return fhir_seal(word, &seal, key, pool);
}

fhir_err_t *fhir_cursor_open(fhir_cursor_t *cursor, const char *word, const fhir_seal_key_t *key,
                             const char *context, apr_size_t context_len, const fhir_grant_t *grant,
                             apr_pool_t *pool)
{
    fhir_seal_text_t seal;
    FHIR_TRY(bind_to(&seal, context, context_len, grant, pool));
    if (fhir_seal_open(&seal, word, key, pool) && read_text(cursor, seal.text, seal.len))
        return NULL;
    return fhir_err_create(pool, FHIR_ERR_CURSOR,
                           "This page link was altered, or belongs to another search, user or "
                           "server; begin again with the search itself");
}
