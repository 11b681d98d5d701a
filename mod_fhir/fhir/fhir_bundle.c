/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles of responses, written entry by entry. */
#include "fhir/fhir_bundle.h"

#include <apr_strings.h>

#include "core/fhir_text.h"
#include "fhir/fhir_spoken.h"

struct fhir_bundle_t {
    fhir_call_t *call;
    fhir_render_t *render;
    fhir_buf_t *url; /* fullUrl, reused */
    fhir_buf_t *links;
    apr_int64_t total; /* -1: not said */
    apr_size_t bytes;  /* bytes of the resources so far */
};

fhir_err_t *fhir_bundle_begin(fhir_bundle_t **out, fhir_call_t *call, const char *type)
{
    fhir_bundle_t *bundle = apr_pcalloc(call->pool, sizeof(*bundle));
    bundle->call = call;
    bundle->render = fhir_call_render(call);
    bundle->url = fhir_buf_create(call->pool, 64 * 1024);
    bundle->links = fhir_buf_create(call->pool, 1024 * 1024);
    bundle->total = -1;
    *out = bundle;
    return fhir_render_bundle_begin(
        bundle->render,
        apr_psprintf(call->pool, "\"resourceType\":\"Bundle\",\"type\":\"%s\"", type));
}

fhir_err_t *fhir_bundle_add(fhir_bundle_t *bundle, const fhir_bundle_entry_t *entry)
{
    fhir_render_entry_t out = {
        .resource = entry->resource, .resource_len = entry->len, .rest = entry->rest};
    const char *type = entry->type, *id = entry->id;
    if (type && !fhir_spoken_names(bundle->call, &type, &id))
        return NULL;
    bundle->bytes += entry->len;
    if (entry->resource)
        fhir_spoken_note(bundle->call, entry->type, entry->id, entry->resource, entry->len);
    if (id && (entry->resource || !fhir_spoken_differs(bundle->call))) {
        fhir_buf_clear(bundle->url);
        fhir_buf_puts(bundle->url, bundle->call->request->base_url);
        fhir_buf_putc(bundle->url, '/');
        fhir_buf_puts(bundle->url, type);
        fhir_buf_putc(bundle->url, '/');
        fhir_buf_puts(bundle->url, id);
        out.full_url = fhir_buf_cstr(bundle->url);
    }
    return fhir_render_bundle_entry(bundle->render, &out);
}

int fhir_bundle_is_full(const fhir_bundle_t *bundle)
{
    const fhir_call_t *call = bundle->call;
    int plain = call->opts.format == FHIR_FORMAT_JSON && !call->opts.pretty;
    return bundle->bytes > call->endpoint->limits.answer_max / (plain ? 2 : 8);
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
    fhir_buf_t *tail = fhir_buf_create(bundle->call->pool, 0);
    const char *comma = "";
    if (bundle->total >= 0) {
        fhir_buf_printf(tail, "\"total\":%" APR_INT64_T_FMT, bundle->total);
        comma = ",";
    }
    if (bundle->links->len)
        fhir_buf_printf(tail, "%s\"link\":[%s]", comma, fhir_buf_cstr(bundle->links));
    if (bundle->links->overflow)
        return fhir_err_create(bundle->call->pool, FHIR_ERR_INTERNAL, "bundle out of memory");
    return fhir_render_bundle_end(bundle->render, tail->len ? fhir_buf_cstr(tail) : NULL);
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
    fhir_buf_t *query = fhir_buf_create(call->pool, 0);
    for (int i = 0; i < pairs->n; i++)
        add_pair(query, pairs->list[i].name, pairs->list[i].value);
    if (cursor)
        add_pair(query, "_cursor", cursor);
    return apr_pstrcat(call->pool, call->request->base_url, *path ? "/" : "", path,
                       fhir_buf_cstr(query), NULL);
}
