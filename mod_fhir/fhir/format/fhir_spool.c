/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records in memory, then in a file. Each is its length and its bytes. When the memory is full, its
 * contents go to the file, so both together are in order.
 */
#include "fhir/format/fhir_spool.h"

#include "core/fhir_temp.h"

struct fhir_spool_t {
    fhir_buf_t *buf; /* records not yet in the file */
    apr_size_t memory_max;
    apr_size_t record; /* where the length of the open record is */
    apr_file_t *file;  /* or NULL */
    apr_off_t in_file; /* bytes in it */
    fhir_buf_t *read;  /* a record that was read back */
    apr_pool_t *pool;
};

fhir_spool_t *fhir_spool_create(apr_size_t memory_max, apr_pool_t *pool)
{
    fhir_spool_t *spool = apr_pcalloc(pool, sizeof(*spool));
    spool->buf = fhir_buf_create(pool, 0);
    spool->memory_max = memory_max;
    spool->pool = pool;
    return spool;
}

static fhir_err_t *failed(const fhir_spool_t *spool, apr_status_t rv, const char *what)
{
    return fhir_err_apr(spool->pool, FHIR_ERR_INTERNAL, rv, what);
}

fhir_buf_t *fhir_spool_record(fhir_spool_t *spool)
{
    apr_size_t len = 0;
    spool->record = spool->buf->len;
    fhir_buf_append(spool->buf, (const char *)&len, sizeof(len));
    return spool->buf;
}

static fhir_err_t *to_file(fhir_spool_t *spool)
{
    apr_status_t rv = spool->file ? APR_SUCCESS : fhir_temp_open(&spool->file, 0, spool->pool);
    if (rv == APR_SUCCESS)
        rv = apr_file_write_full(spool->file, spool->buf->data, spool->buf->len, NULL);
    if (rv != APR_SUCCESS)
        return failed(spool, rv, "temporary file");
    spool->in_file += (apr_off_t)spool->buf->len;
    fhir_buf_clear(spool->buf);
    return NULL;
}

fhir_err_t *fhir_spool_close_record(fhir_spool_t *spool)
{
    if (spool->buf->overflow)
        return failed(spool, APR_ENOMEM, "spool");
    apr_size_t len = spool->buf->len - spool->record - sizeof(len);
    memcpy(spool->buf->data + spool->record, &len, sizeof(len));
    return spool->buf->len > spool->memory_max ? to_file(spool) : NULL;
}

static fhir_err_t *read_record(fhir_spool_t *spool)
{
    apr_size_t len;
    apr_status_t rv = apr_file_read_full(spool->file, &len, sizeof(len), NULL);
    if (rv == APR_SUCCESS) {
        fhir_buf_clear(spool->read);
        if (!fhir_buf_reserve(spool->read, len))
            return failed(spool, APR_ENOMEM, "spool");
        rv = apr_file_read_full(spool->file, spool->read->data, len, NULL);
        spool->read->len = len;
    }
    return rv == APR_SUCCESS ? NULL : failed(spool, rv, "temporary file");
}

static fhir_err_t *read_file(fhir_spool_t *spool, fhir_spool_fn fn, void *baton)
{
    apr_off_t start = 0, at = 0;
    spool->read = fhir_buf_create(spool->pool, 0);
    (void)apr_file_seek(spool->file, APR_SET, &start);
    while (at < spool->in_file) {
        FHIR_TRY(read_record(spool));
        at += (apr_off_t)(sizeof(apr_size_t) + spool->read->len);
        FHIR_TRY(fn(baton, spool->read->data, spool->read->len));
    }
    fhir_buf_free(spool->read);
    return NULL;
}

fhir_err_t *fhir_spool_read(fhir_spool_t *spool, fhir_spool_fn fn, void *baton)
{
    apr_size_t at = 0;
    if (spool->file)
        FHIR_TRY(read_file(spool, fn, baton));
    apr_size_t len;
    while (at < spool->buf->len) {
        memcpy(&len, spool->buf->data + at, sizeof(len));
        at += sizeof(len);
        FHIR_TRY(fn(baton, spool->buf->data + at, len));
        at += len;
    }
    return NULL;
}

fhir_err_t *fhir_spool_drain(fhir_spool_t *spool, fhir_spool_fn fn, void *baton)
{
    FHIR_TRY(fhir_spool_read(spool, fn, baton));
    if (spool->file)
        (void)apr_file_close(spool->file);
    spool->file = NULL;
    spool->in_file = 0;
    fhir_buf_free(spool->buf);
    return NULL;
}
