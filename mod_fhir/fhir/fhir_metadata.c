/* SPDX-License-Identifier: Apache-2.0 */
/* Renderings of the CapabilityStatement: a short list, the last used first. */
#include "fhir/fhir_metadata.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <zlib.h>

#include "core/fhir_digest.h"
#include "core/fhir_hex.h"

/* The most bytes of all renderings of one endpoint, and the most requests that may wait for one. */
#define KEPT_MAX    ((apr_size_t)16 * 1024 * 1024)
#define WAITING_MAX 4
/* Bytes of the digest that is the entity tag. */
#define TAG_BYTES   12

typedef struct kept_t kept_t;
struct kept_t {
    kept_t *next;
    atomic_int users; /* responses that use it, plus 1 for the list */
    char *key;
    char tag[2 * TAG_BYTES + 1];
    char *text, *zipped; /* zipped is NULL when there was no memory, or it would not help */
    apr_size_t len, zipped_len;
};

struct fhir_metadata_t {
    apr_thread_mutex_t *lock; /* guards the list */
    kept_t *first;
    apr_size_t bytes;
    apr_thread_mutex_t *rendering; /* held by the thread that renders */
    atomic_int waiting;
};

static apr_size_t size_of(const kept_t *kept)
{
    return sizeof(*kept) + strlen(kept->key) + kept->len + kept->zipped_len;
}

static apr_status_t drop(void *data)
{
    kept_t *kept = data;
    if (atomic_fetch_sub(&kept->users, 1) > 1)
        return APR_SUCCESS;
    free(kept->key);
    free(kept->text);
    free(kept->zipped);
    free(kept);
    return APR_SUCCESS;
}

static apr_status_t drop_all(void *data)
{
    fhir_metadata_t *m = data;
    while (m->first) {
        kept_t *next = m->first->next;
        drop(m->first);
        m->first = next;
    }
    return APR_SUCCESS;
}

fhir_err_t *fhir_metadata_create(fhir_metadata_t **out, apr_pool_t *pool)
{
    fhir_metadata_t *m = apr_pcalloc(pool, sizeof(*m));
    apr_status_t rv = apr_thread_mutex_create(&m->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    if (!rv)
        rv = apr_thread_mutex_create(&m->rendering, APR_THREAD_MUTEX_DEFAULT, pool);
    if (rv)
        return fhir_err_apr(pool, FHIR_ERR_INTERNAL, rv, "metadata");
    apr_pool_cleanup_register(pool, m, drop_all, apr_pool_cleanup_null);
    *out = m;
    return NULL;
}

/* The rendering of that key, held for the caller, or NULL. */
static kept_t *find(fhir_metadata_t *m, const char *key)
{
    apr_thread_mutex_lock(m->lock);
    kept_t **place;
    for (place = &m->first; *place && strcmp((*place)->key, key) != 0; place = &(*place)->next)
        ;
    kept_t *kept = *place;
    if (kept) { /* moves it to the front */
        *place = kept->next;
        kept->next = m->first;
        m->first = kept;
        atomic_fetch_add(&kept->users, 1);
    }
    apr_thread_mutex_unlock(m->lock);
    return kept;
}

static void keep(fhir_metadata_t *m, kept_t *kept)
{
    apr_size_t bytes = 0;
    if (size_of(kept) > KEPT_MAX)
        return;
    apr_thread_mutex_lock(m->lock);
    atomic_fetch_add(&kept->users, 1);
    kept->next = m->first;
    m->first = kept;
    /* the rendering that was unused for longest is dropped */
    for (kept_t **place = &m->first; *place;) {
        kept_t *each = *place;
        bytes += size_of(each);
        if (bytes <= KEPT_MAX) {
            place = &each->next;
            continue;
        }
        *place = each->next;
        drop(each);
    }
    apr_thread_mutex_unlock(m->lock);
}

static void zip(kept_t *kept)
{
    z_stream z = {.next_in = (unsigned char *)kept->text, .avail_in = (unsigned)kept->len};
    /* 16 adds gzip's header, which has no time stamp */
    if (deflateInit2(&z, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return;
    apr_size_t most = deflateBound(&z, kept->len);
    kept->zipped = malloc(most);
    z.next_out = (unsigned char *)kept->zipped;
    z.avail_out = (unsigned)most;
    if (kept->zipped && deflate(&z, Z_FINISH) == Z_STREAM_END)
        kept->zipped_len = z.total_out;
    (void)deflateEnd(&z);
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
    return url->overflow || out->overflow
               ? fhir_err_create(pool, FHIR_ERR_BUSY, "The server has no memory for the answer now")
               : NULL;
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

static fhir_err_t *render(kept_t **out, fhir_call_t *call, const fhir_capability_t *capability,
                          const char *key)
{
    fhir_buf_t *buf = fhir_buf_create(call->pool, 64 * 1024 * 1024);
    FHIR_TRY(write_form(buf, call, capability));
    unsigned char digest[FHIR_DIGEST_LEN];
    fhir_digest_sha256(digest, buf->data, buf->len);
    kept_t *kept = calloc(1, sizeof(*kept));
    if (kept) {
        kept->users = 1;
        kept->key = strdup(key);
        kept->text = malloc(buf->len);
    }
    if (!kept || !kept->key || !kept->text) {
        if (kept)
            drop(kept);
        return fhir_err_create(call->pool, FHIR_ERR_BUSY,
                               "The server has no memory for the answer now");
    }
    kept->len = buf->len;
    memcpy(kept->text, buf->data, buf->len);
    fhir_buf_free(buf);
    fhir_hex_encode(kept->tag, digest, TAG_BYTES);
    zip(kept);
    *out = kept;
    return NULL;
}

/* Renders, unless another thread has done so meanwhile. */
static fhir_err_t *find_or_render(kept_t **out, fhir_metadata_t *m, fhir_call_t *call,
                                  const fhir_capability_t *capability, const char *key, int lasting)
{
    fhir_err_t *err = NULL;
    *out = lasting ? find(m, key) : NULL;
    if (*out)
        return NULL;
    if (atomic_fetch_add(&m->waiting, 1) >= WAITING_MAX)
        err = fhir_err_create(call->pool, FHIR_ERR_BUSY,
                              "Too many other requests for this document are in progress; try "
                              "again in a few seconds");
    else {
        apr_thread_mutex_lock(m->rendering);
        *out = lasting ? find(m, key) : NULL;
        if (!*out) {
            err = render(out, call, capability, key);
            if (!err && lasting)
                keep(m, *out);
        }
        apr_thread_mutex_unlock(m->rendering);
    }
    atomic_fetch_sub(&m->waiting, 1);
    return err;
}

/* RFC 9110, 12.5.3: gzip, not with a weight of 0. */
static int accepts_gzip(const char *header)
{
    while (header && *header) {
        header += strspn(header, " \t,");
        apr_size_t len = strcspn(header, " \t,;");
        if (len == 4 && !strncasecmp(header, "gzip", 4)) {
            header += len;
            header += strspn(header, " \t;");
            if (strncasecmp(header, "q=", 2) != 0)
                return 1;
            header += 2;
            len = strspn(header, "0.");
            return apr_isdigit(header[len]) != 0;
        }
        header += strcspn(header, ",");
    }
    return 0;
}

static int is_listed(const fhir_call_t *call, const char *tag)
{
    const char *list = fhir_call_header(call, "If-None-Match");
    return list && (list[strspn(list, " \t")] == '*' || strstr(list, tag));
}

static void answer(fhir_call_t *call, const kept_t *kept)
{
    fhir_response_t *response = call->response;
    apr_table_t *headers = response->headers;
    apr_table_setn(headers, "ETag", apr_pstrcat(call->pool, "W/\"", kept->tag, "\"", NULL));
    apr_table_setn(headers, "Cache-Control", "public, max-age=300");
    apr_table_setn(headers, "Vary", "Accept, Accept-Encoding");
    if (is_listed(call, kept->tag)) {
        response->status = 304;
        return;
    }
    fhir_call_begin(call, 200);
    response->ready = kept->text;
    response->ready_len = kept->len;
    if (kept->zipped_len && accepts_gzip(fhir_call_header(call, "Accept-Encoding"))) {
        apr_table_setn(headers, "Content-Encoding", "gzip");
        response->ready = kept->zipped;
        response->ready_len = kept->zipped_len;
    }
}

fhir_err_t *fhir_metadata_answer(fhir_call_t *call, const fhir_capability_t *capability)
{
    fhir_metadata_t *m = call->endpoint->metadata;
    const char *elements = fhir_pairs_get(&call->pairs, "_elements");
    const char *summary = fhir_pairs_get(&call->pairs, "_summary");
    int lasting = m && capability == call->endpoint->capability && !elements;
    if (lasting) /* the page links to other formats; the rest of the query has no meaning here */
        call->opts.page.query = call->opts.subset && summary
                                    ? apr_pstrcat(call->pool, "_summary=", summary, NULL)
                                    : NULL;
    const char *key =
        apr_psprintf(call->pool, "%d%d %s %s %s", call->opts.format, call->opts.pretty,
                     call->opts.subset && summary ? summary : "",
                     call->opts.format == FHIR_FORMAT_HTML ? call->opts.page.language : "",
                     call->request->base_url);
    if (!m)
        FHIR_TRY(fhir_metadata_create(&m, call->pool));
    kept_t *kept;
    FHIR_TRY(find_or_render(&kept, m, call, capability, key, lasting));
    apr_pool_cleanup_register(call->pool, kept, drop, apr_pool_cleanup_null);
    answer(call, kept);
    return NULL;
}
