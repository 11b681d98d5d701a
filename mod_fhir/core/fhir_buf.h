/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_buf.h
 * @brief A growing byte buffer with a ceiling, and the sink that response bodies are written to.
 */
#ifndef FHIR_BUF_H
#define FHIR_BUF_H

#include <apr_pools.h>
#include <string.h>

#include "core/fhir_err.h"

/** Bytes on the C heap, freed by the pool's cleanup or fhir_buf_free. Not thread safe. */
typedef struct fhir_buf_t {
    char *data;     /* not NUL-terminated; see fhir_buf_cstr */
    apr_size_t len; /* bytes in use */
    apr_size_t cap; /* bytes allocated */
    apr_size_t max; /* ceiling in bytes */
    int overflow;   /* set when the ceiling was met or memory ran out; what came after is dropped */
    apr_pool_t *pool;
} fhir_buf_t;

/** A new empty buffer; max_bytes is its ceiling (0: 1 GiB). */
fhir_buf_t *fhir_buf_create(apr_pool_t *pool, apr_size_t max_bytes);
/** An array of n such buffers, for many that are mostly left empty. */
fhir_buf_t *fhir_buf_create_many(apr_pool_t *pool, apr_size_t max_bytes, int n);
/** Makes room for n more bytes: 1, or 0 with `overflow` set. */
int fhir_buf_reserve(fhir_buf_t *buf, apr_size_t n);
/** Sets `overflow`: nothing follows any more. For writers that find they cannot complete. */
void fhir_buf_fail(fhir_buf_t *buf);
/** Frees the memory at once; the buffer is empty and can be used again. */
void fhir_buf_free(fhir_buf_t *buf);
/** Terminates with NUL (not counted in len) and returns data; "" for an empty or failed one. */
const char *fhir_buf_cstr(fhir_buf_t *buf);
/** Appends formatted text (apr_vsnprintf's formats). */
void fhir_buf_printf(fhir_buf_t *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** Appends s as a JSON string with its quotes (RFC 8259 escapes; UTF-8 is left as it is). */
void fhir_buf_json_string(fhir_buf_t *buf, const char *s, apr_size_t len);

static inline void fhir_buf_append(fhir_buf_t *buf, const char *s, apr_size_t len)
{
    if (len && (buf->cap - buf->len >= len || fhir_buf_reserve(buf, len))) {
        memcpy(buf->data + buf->len, s, len);
        buf->len += len;
    }
}
static inline void fhir_buf_puts(fhir_buf_t *buf, const char *s)
{
    fhir_buf_append(buf, s, strlen(s));
}
static inline void fhir_buf_putc(fhir_buf_t *buf, char c)
{
    fhir_buf_append(buf, &c, 1);
}
static inline void fhir_buf_clear(fhir_buf_t *buf)
{
    buf->len = 0;
    buf->overflow = 0;
}

/** Where bytes go: httpd's brigade, a file, a buffer. */
typedef struct fhir_out_t fhir_out_t;
struct fhir_out_t {
    /** Takes len bytes (copied or written before it returns). */
    fhir_err_t *(*write)(fhir_out_t *out, const char *data, apr_size_t len);
    void *baton;
};

/** A sink that appends to buf. */
fhir_out_t *fhir_buf_out(fhir_buf_t *buf, apr_pool_t *pool);

#endif
