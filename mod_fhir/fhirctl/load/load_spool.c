/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A temporary file of resources that are tried again when everything else is stored, because their
 * references may lead to later input.
 */
#include "core/fhir_temp.h"
#include "fhirctl/load/load.h"

struct load_spool_t {
    apr_file_t *file; /* NULL: it is empty */
    apr_size_t n;
    apr_thread_mutex_t *lock;
    apr_pool_t *pool;
};

fhir_err_t *load_spool_create(load_spool_t **spool, apr_pool_t *pool)
{
    apr_pool_t *own;
    apr_pool_create(&own, pool);
    load_spool_t *s = apr_pcalloc(own, sizeof(*s));
    s->pool = own;
    apr_status_t rv = apr_thread_mutex_create(&s->lock, APR_THREAD_MUTEX_DEFAULT, own);
    *spool = s;
    return rv == APR_SUCCESS ? NULL : fhir_err_apr(pool, FHIR_ERR_INTERNAL, rv, "no mutex");
}

static apr_status_t write_item(load_spool_t *s, const load_item_t *item)
{
    apr_status_t rv = s->file ? APR_SUCCESS : fhir_temp_open(&s->file, APR_FOPEN_BUFFERED, s->pool);
    if (rv == APR_SUCCESS)
        rv = apr_file_write_full(s->file, item, sizeof(*item), NULL);
    if (rv == APR_SUCCESS)
        rv = apr_file_write_full(s->file, item->id, item->id_len, NULL);
    if (rv == APR_SUCCESS)
        rv = apr_file_write_full(s->file, item->text, item->text_len, NULL);
    return rv;
}

fhir_err_t *load_spool_put(load_t *load, const load_item_t *item)
{
    load_spool_t *s = load->spool;
    apr_thread_mutex_lock(s->lock);
    apr_status_t rv = write_item(s, item);
    s->n += rv == APR_SUCCESS;
    apr_thread_mutex_unlock(s->lock);
    return rv == APR_SUCCESS ? NULL
                             : fhir_err_apr(load->pool, FHIR_ERR_INTERNAL, rv,
                                            "a temporary file cannot be written");
}

apr_size_t load_spool_count(load_spool_t *s)
{
    return s->n;
}

fhir_err_t *load_spool_rewind(load_spool_t *s)
{
    apr_off_t start = 0;
    apr_status_t rv = apr_file_seek(s->file, APR_SET, &start);
    return rv == APR_SUCCESS
               ? NULL
               : fhir_err_apr(s->pool, FHIR_ERR_INTERNAL, rv, "a temporary file cannot be read");
}

fhir_err_t *load_spool_next(int *got, load_item_t *item, load_spool_t *s, apr_pool_t *pool)
{
    *got = s->n > 0;
    if (!*got)
        return NULL;
    s->n--;
    apr_status_t rv = apr_file_read_full(s->file, item, sizeof(*item), NULL);
    if (rv == APR_SUCCESS) {
        char *text = apr_palloc(pool, (apr_size_t)item->id_len + item->text_len);
        rv = apr_file_read_full(s->file, text, (apr_size_t)item->id_len + item->text_len, NULL);
        item->id = text;
        item->text = text + item->id_len;
    }
    return rv == APR_SUCCESS
               ? NULL
               : fhir_err_apr(pool, FHIR_ERR_INTERNAL, rv, "a temporary file cannot be read");
}

void load_spool_destroy(load_spool_t *s)
{
    apr_pool_destroy(s->pool);
}
