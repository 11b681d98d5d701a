/* SPDX-License-Identifier: Apache-2.0 */
/* Renderings of the CapabilityStatement. */
#include "fhir/fhir_metadata.h"

#include <apr_strings.h>

/* The most bytes of all renderings of one endpoint. */
#define KEPT_MAX ((apr_size_t)16 * 1024 * 1024)

fhir_err_t *fhir_metadata_create(fhir_kept_t **out, apr_pool_t *pool)
{
    return fhir_kept_create(out, KEPT_MAX, pool);
}

/* The text with this base_url, which may come from the request's Host. */
static fhir_err_t *put_text(fhir_buf_t *out, const fhir_capability_t *capability,
                            const char *base_url, apr_pool_t *pool)
{
    fhir_buf_t *url = fhir_buf_create(pool, 0);
    apr_size_t from = 0;

    fhir_buf_json_string(url, base_url, strlen(base_url));
    for (int i = 0; i < capability->n_places; i++) {
        fhir_buf_append(out, capability->text + from, capability->places[i] - from);
        if (url->len)
            fhir_buf_append(out, url->data + 1,
                            url->len - 2); /* the quotes are in the text already */
        from = capability->places[i];
    }
    fhir_buf_append(out, capability->text + from, capability->len - from);
    if (url->overflow)
        fhir_buf_fail(out);
    return NULL;
}

/* Writes the statement to out, in the format that the call asks for. */
static fhir_err_t *write_form(fhir_buf_t *out, fhir_call_t *call,
                              const fhir_capability_t *capability)
{
    fhir_out_t *body = call->response->body;
    if (call->opts.format == FHIR_FORMAT_JSON && !call->opts.pretty && !call->opts.subset)
        return put_text(out, capability, call->request->base_url, call->pool);
    fhir_buf_t *json = fhir_buf_create(call->pool, 32 * 1024 * 1024);
    fhir_err_t *err = put_text(json, capability, call->request->base_url, call->pool);
    call->response->body = fhir_buf_out(out, call->pool);
    call->render = NULL;
    if (!err)
        err = fhir_call_built(call, 200, json);
    call->response->body = body;
    call->render = NULL;
    fhir_buf_free(json);
    return err;
}

typedef struct asked_t {
    fhir_call_t *call;
    const fhir_capability_t *capability;
} asked_t;

static fhir_err_t *render(fhir_buf_t *out, void *baton)
{
    const asked_t *asked = baton;
    return write_form(out, asked->call, asked->capability);
}

static void answer(fhir_call_t *call, const fhir_document_t *document)
{
    fhir_response_t *response = call->response;
    apr_table_t *headers = response->headers;
    apr_table_setn(headers, "ETag", apr_pstrcat(call->pool, "W/\"", document->tag, "\"", NULL));
    apr_table_setn(headers, "Cache-Control", "public, max-age=300");
    apr_table_setn(headers, "Vary", "Accept, Accept-Encoding");
    if (fhir_kept_is_listed(fhir_call_header(call, "If-None-Match"), document->tag)) {
        response->status = 304;
        return;
    }
    fhir_call_begin(call, 200);
    response->ready = document->text;
    response->ready_len = document->len;
    if (document->zipped && fhir_kept_accepts_gzip(fhir_call_header(call, "Accept-Encoding"))) {
        apr_table_setn(headers, "Content-Encoding", "gzip");
        response->ready = document->zipped;
        response->ready_len = document->zipped_len;
    }
}

fhir_err_t *fhir_metadata_answer(fhir_call_t *call, const fhir_capability_t *capability)
{
    fhir_kept_t *kept = call->endpoint->metadata;
    const char *elements = fhir_pairs_get(&call->pairs, "_elements");
    const char *summary = fhir_pairs_get(&call->pairs, "_summary");
    int lasting = kept && capability == call->endpoint->capability && !elements;
    if (lasting) /* the page links to other formats; the rest of the query has no meaning here */
        call->opts.page.query = call->opts.subset && summary
                                    ? apr_pstrcat(call->pool, "_summary=", summary, NULL)
                                    : NULL;
    const char *key =
        apr_psprintf(call->pool, "%d%d %s %s %s", call->opts.format, call->opts.pretty,
                     call->opts.subset && summary ? summary : "",
                     call->opts.format == FHIR_FORMAT_HTML ? call->opts.page.language : "",
                     call->request->base_url);
    if (!kept)
        FHIR_TRY(fhir_metadata_create(&kept, call->pool));
    const fhir_document_t *document;
    asked_t asked = {call, capability};
    FHIR_TRY(fhir_kept_get(&document, kept, lasting ? key : NULL, render, &asked, call->pool));
    answer(call, document);
    return NULL;
}
