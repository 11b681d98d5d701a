/* SPDX-License-Identifier: Apache-2.0 */
/* The growing byte buffer: memory, formatting, JSON strings, the buffer as a sink. */
#include "core/fhir_buf.h"

#include <apr_lib.h>
#include <stdarg.h>
#include <stdlib.h>

#define DEFAULT_MAX ((apr_size_t)1 << 30)
#define FIRST_CAP   256

static apr_status_t cleanup(void *data)
{
    free(((fhir_buf_t *)data)->data);
    return APR_SUCCESS;
}

fhir_buf_t *fhir_buf_create(apr_pool_t *pool, apr_size_t max_bytes)
{
    fhir_buf_t *buf = apr_pcalloc(pool, sizeof(*buf));
    buf->pool = pool;
    buf->max = max_bytes ? max_bytes : DEFAULT_MAX;
    apr_pool_cleanup_register(pool, buf, cleanup, apr_pool_cleanup_null);
    return buf;
}

typedef struct many_t {
    fhir_buf_t *bufs;
    int n;
} many_t;

static apr_status_t cleanup_many(void *data)
{
    many_t *many = data;
    for (int i = 0; i < many->n; i++)
        free(many->bufs[i].data);
    return APR_SUCCESS;
}

fhir_buf_t *fhir_buf_create_many(apr_pool_t *pool, apr_size_t max_bytes, int n)
{
    many_t *many = apr_palloc(pool, sizeof(*many));
    many->n = n;
    many->bufs = apr_pcalloc(pool, (apr_size_t)n * sizeof(*many->bufs));
    for (int i = 0; i < n; i++) {
        many->bufs[i].pool = pool;
        many->bufs[i].max = max_bytes ? max_bytes : DEFAULT_MAX;
    }
    apr_pool_cleanup_register(pool, many, cleanup_many, apr_pool_cleanup_null);
    return many->bufs;
}

void fhir_buf_fail(fhir_buf_t *buf)
{
    buf->overflow = 1;
    /* The inline appends have no room either: nothing may follow a gap. */
    buf->cap = buf->len;
}

int fhir_buf_reserve(fhir_buf_t *buf, apr_size_t n)
{
    apr_size_t cap = buf->cap ? buf->cap : FIRST_CAP;
    if (buf->cap - buf->len >= n && !buf->overflow)
        return 1;
    if (buf->overflow || n > buf->max - buf->len) {
        fhir_buf_fail(buf);
        return 0;
    }
    while (cap - buf->len < n)
        cap = cap > buf->max / 2 ? buf->max : cap * 2;
    if (cap > buf->max)
        cap = buf->max;
    char *data = realloc(buf->data, cap + 1); /* one more for fhir_buf_cstr's NUL */
    if (!data) {
        fhir_buf_fail(buf);
        return 0;
    }
    buf->data = data;
    buf->cap = cap;
    return 1;
}

void fhir_buf_free(fhir_buf_t *buf)
{
    free(buf->data);
    buf->data = NULL;
    buf->len = buf->cap = 0;
    buf->overflow = 0;
}

const char *fhir_buf_cstr(fhir_buf_t *buf)
{
    if (buf->overflow || !buf->data)
        return "";
    buf->data[buf->len] = '\0';
    return buf->data;
}

typedef struct printf_to_t {
    apr_vformatter_buff_t vbuff; /* comes first, since the formatter gets a pointer to it */
    fhir_buf_t *buf;
    char chunk[512];
} printf_to_t;

static int printf_flush(apr_vformatter_buff_t *vbuff)
{
    printf_to_t *to = (printf_to_t *)vbuff;
    fhir_buf_append(to->buf, to->chunk, (apr_size_t)(vbuff->curpos - to->chunk));
    vbuff->curpos = to->chunk;
    return 0;
}

void fhir_buf_printf(fhir_buf_t *buf, const char *fmt, ...)
{
    printf_to_t to;
    to.buf = buf;
    to.vbuff.curpos = to.chunk;
    to.vbuff.endpos = to.chunk + sizeof(to.chunk);
    va_list ap;
    va_start(ap, fmt);
    apr_vformatter(printf_flush, &to.vbuff, fmt, ap);
    va_end(ap);
    printf_flush(&to.vbuff);
}

void fhir_buf_json_string(fhir_buf_t *buf, const char *s, apr_size_t len)
{
    static const char hex[] = "0123456789abcdef";
    apr_size_t from = 0;
    fhir_buf_putc(buf, '"');
    for (apr_size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        char esc[6] = {'\\', 'u', '0', '0', 0, 0};
        apr_size_t esc_len = 2;
        if (c >= ' ' && c != '"' && c != '\\')
            continue;
        switch (c) {
        case '"':
        case '\\':
            esc[1] = (char)c;
            break;
        case '\b':
            esc[1] = 'b';
            break;
        case '\f':
            esc[1] = 'f';
            break;
        case '\n':
            esc[1] = 'n';
            break;
        case '\r':
            esc[1] = 'r';
            break;
        case '\t':
            esc[1] = 't';
            break;
        default:
            esc[4] = hex[c >> 4];
            esc[5] = hex[c & 15];
            esc_len = 6;
        }
        fhir_buf_append(buf, s + from, i - from);
        fhir_buf_append(buf, esc, esc_len);
        from = i + 1;
    }
    fhir_buf_append(buf, s + from, len - from);
    fhir_buf_putc(buf, '"');
}

static fhir_err_t *out_write(fhir_out_t *out, const char *data, apr_size_t len)
{
    fhir_buf_t *buf = out->baton;
    fhir_buf_append(buf, data, len);
    if (buf->overflow)
        return fhir_err_create(buf->pool, FHIR_ERR_LIMIT,
                               "The answer is larger than %" APR_SIZE_T_FMT " bytes", buf->max);
    return NULL;
}

fhir_out_t *fhir_buf_out(fhir_buf_t *buf, apr_pool_t *pool)
{
    fhir_out_t *out = apr_palloc(pool, sizeof(*out));
    out->write = out_write;
    out->baton = buf;
    return out;
}
