/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rejected resources with the reason, a line of JSON for each. The file has patient data, so only
 * its owner may read it.
 */
#include <apr_file_io.h>
#include <apr_strings.h>
#include <string.h>

#include "fhir/write/fhir_stamp.h"
#include "fhirctl/load/load.h"

#define TEXT_MAX 65536u /* bytes that are shown of text that is not JSON */

struct load_rejects_t {
    load_t *load;
    const char *path;
    apr_file_t *file; /* NULL: nothing was rejected yet */
    apr_status_t status;
    apr_thread_mutex_t *lock;
    fhir_buf_t *line;
    apr_pool_t *pool, *scratch;
};

load_rejects_t *load_rejects_create(load_t *load, const char *path, apr_pool_t *pool)
{
    load_rejects_t *r = apr_pcalloc(pool, sizeof(*r));
    r->load = load;
    r->path = path;
    apr_pool_create(&r->pool, pool);
    apr_pool_create(&r->scratch, r->pool);
    apr_thread_mutex_create(&r->lock, APR_THREAD_MUTEX_DEFAULT, r->pool);
    r->line = fhir_buf_create(r->pool, 0);
    return r;
}

static void put_string(fhir_buf_t *b, const char *name, const char *value)
{
    fhir_buf_printf(b, "\"%s\":", name);
    fhir_buf_json_string(b, value, strlen(value));
    fhir_buf_putc(b, ',');
}

static void put_line(load_rejects_t *r, const load_place_t *place, const fhir_err_t *err,
                     const char *text, apr_size_t len)
{
    fhir_buf_t *b = r->line;
    fhir_buf_clear(b);
    fhir_buf_putc(b, '{');
    put_string(b, "file", r->load->files[place->file]);
    fhir_buf_printf(b, "\"line\":%u,", place->line);
    if (place->entry)
        fhir_buf_printf(b, "\"entry\":%u,", place->entry);
    put_string(b, "reason", err->message);
    if (err->expression)
        put_string(b, "expression", err->expression);
    apr_pool_clear(r->scratch);
    fhir_node_t *root;
    if (!fhir_node_parse_json(&root, text, len, FHIR_NODE_LIMITS_MOST, r->scratch)) {
        fhir_buf_puts(b, "\"resource\":");
        fhir_stamp_splice(b, text, root->start, root->end, NULL, 0, 1);
    }
    else {
        fhir_buf_puts(b, "\"text\":");
        fhir_buf_json_string(b, text, len < TEXT_MAX ? len : TEXT_MAX);
    }
    fhir_buf_puts(b, "}\n");
}

void load_reject(load_t *load, const load_place_t *place, const fhir_err_t *err, const char *text,
                 apr_size_t len)
{
    load_rejects_t *r = load->rejects;
    atomic_fetch_add(&load->n_rejected, 1);
    apr_thread_mutex_lock(r->lock);
    if (!r->file && r->status == APR_SUCCESS)
        r->status = apr_file_open(&r->file, r->path,
                                  APR_FOPEN_WRITE | APR_FOPEN_CREATE | APR_FOPEN_TRUNCATE |
                                      APR_FOPEN_BUFFERED,
                                  APR_FPROT_UREAD | APR_FPROT_UWRITE, r->pool);
    if (r->status == APR_SUCCESS) {
        put_line(r, place, err, text, len);
        r->status = apr_file_write_full(r->file, r->line->data, r->line->len, NULL);
    }
    apr_thread_mutex_unlock(r->lock);
}

const char *load_rejects_close(load_rejects_t *r, fhir_err_t **err, apr_pool_t *pool)
{
    *err = NULL;
    if (r->file && r->status == APR_SUCCESS)
        r->status = apr_file_close(r->file);
    if (r->status != APR_SUCCESS)
        *err = fhir_err_apr(pool, FHIR_ERR_INTERNAL, r->status,
                            apr_pstrcat(pool, r->path, " cannot be written", NULL));
    return r->file ? r->path : NULL;
}
