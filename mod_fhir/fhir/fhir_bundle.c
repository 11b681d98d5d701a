/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles of answers, written to the response entry by entry. */
#include "fhir/fhir_bundle.h"

#include <apr_strings.h>

#include "core/fhir_text.h"

struct fhir_bundle_t {
    fhir_call_t *call;
    fhir_buf_t *buf; /* small pieces around the resources, reused */
    fhir_buf_t *links;
    apr_int64_t total; /* -1: not said */
    int entries;
};

static fhir_err_t *flush(fhir_bundle_t *bundle)
{
    fhir_out_t *out = bundle->call->response->body;
    fhir_err_t *err = out->write(out, bundle->buf->data, bundle->buf->len);
    fhir_buf_clear(bundle->buf);
    return err;
}

fhir_err_t *fhir_bundle_begin(fhir_bundle_t **out, fhir_call_t *call, const char *type)
{
    fhir_bundle_t *bundle = apr_pcalloc(call->pool, sizeof(*bundle));
    bundle->call = call;
    bundle->buf = fhir_buf_create(call->pool, 16 * 1024 * 1024);
    bundle->links = fhir_buf_create(call->pool, 1024 * 1024);
    bundle->total = -1;
    fhir_buf_printf(bundle->buf, "{\"resourceType\":\"Bundle\",\"type\":\"%s\"", type);
    *out = bundle;
    return flush(bundle);
}

fhir_err_t *fhir_bundle_add(fhir_bundle_t *bundle, const fhir_bundle_entry_t *entry)
{
    fhir_out_t *out = bundle->call->response->body;
    fhir_buf_t *buf = bundle->buf;
    const char *comma = "";
    fhir_buf_puts(buf, bundle->entries++ ? ",{" : ",\"entry\":[{");
    if (entry->id) {
        fhir_buf_puts(buf, "\"fullUrl\":\"");
        fhir_buf_puts(buf, bundle->call->request->base_url);
        fhir_buf_putc(buf, '/');
        fhir_buf_puts(buf, entry->type);
        fhir_buf_putc(buf, '/');
        fhir_buf_puts(buf, entry->id);
        fhir_buf_putc(buf, '"');
        comma = ",";
    }
    if (entry->resource) {
        fhir_buf_puts(buf, comma);
        fhir_buf_puts(buf, "\"resource\":");
        FHIR_TRY(flush(bundle));
        FHIR_TRY(out->write(out, entry->resource, entry->len));
        comma = ",";
    }
    if (entry->rest) {
        fhir_buf_puts(buf, comma);
        fhir_buf_puts(buf, entry->rest);
    }
    fhir_buf_putc(buf, '}');
    return NULL;
}

void fhir_bundle_link(fhir_bundle_t *bundle, const char *relation, const char *url)
{
    fhir_buf_printf(bundle->links, "%s{\"relation\":\"%s\",\"url\":", bundle->links->len ? "," : "",
                    relation);
    fhir_buf_json_string(bundle->links, url, strlen(url));
    fhir_buf_putc(bundle->links, '}');
}

void fhir_bundle_total(fhir_bundle_t *bundle, apr_int64_t total)
{
    bundle->total = total;
}

fhir_err_t *fhir_bundle_end(fhir_bundle_t *bundle)
{
    fhir_buf_t *buf = bundle->buf;
    if (bundle->entries)
        fhir_buf_putc(buf, ']');
    if (bundle->total >= 0)
        fhir_buf_printf(buf, ",\"total\":%" APR_INT64_T_FMT, bundle->total);
    if (bundle->links->len) {
        fhir_buf_puts(buf, ",\"link\":[");
        fhir_buf_append(buf, bundle->links->data, bundle->links->len);
        fhir_buf_putc(buf, ']');
    }
    fhir_buf_putc(buf, '}');
    if (buf->overflow || bundle->links->overflow)
        return fhir_err_create(bundle->call->pool, FHIR_ERR_INTERNAL, "bundle out of memory");
    return flush(bundle);
}

static void add_pair(fhir_buf_t *buf, const char *name, const char *value)
{
    fhir_buf_putc(buf, buf->len ? '&' : '?');
    fhir_text_url_encode(buf, name, strlen(name));
    fhir_buf_putc(buf, '=');
    fhir_text_url_encode(buf, value, strlen(value));
}

const char *fhir_bundle_url(const fhir_call_t *call, const char *path, const fhir_pairs_t *pairs,
                            const char *cursor)
{
    fhir_buf_t *query = fhir_buf_create(call->pool, 1024 * 1024);
    for (int i = 0; i < pairs->n; i++)
        add_pair(query, pairs->list[i].name, pairs->list[i].value);
    if (cursor)
        add_pair(query, "_cursor", cursor);
    return apr_pstrcat(call->pool, call->request->base_url, *path ? "/" : "", path,
                       fhir_buf_cstr(query), NULL);
}
