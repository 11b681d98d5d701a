/* SPDX-License-Identifier: Apache-2.0 */
/* Documents as they are sent: a short list, the last used first. */
#include "core/fhir_kept.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <zlib.h>

#include "core/fhir_digest.h"
#include "core/fhir_hex.h"

#define WAITING_MAX 4  /* requests that wait for a rendering */
#define TAG_BYTES   12 /* of the digest that is the entity tag */

typedef struct item_t item_t;
struct item_t {
    fhir_document_t document; /* first: a document is its item */
    item_t *next;
    atomic_int users; /* requests that use it, plus 1 for the list */
    char *key, *text, *zipped;
    char tag[2 * TAG_BYTES + 1];
};

struct fhir_kept_t {
    apr_size_t max;
    apr_thread_mutex_t *lock; /* guards the list */
    item_t *first;
    apr_thread_mutex_t *rendering; /* held by the thread that renders */
    atomic_int waiting;
};

static apr_size_t size_of(const item_t *item)
{
    return sizeof(*item) + strlen(item->key) + item->document.len + item->document.zipped_len;
}

static apr_status_t drop(void *data)
{
    item_t *item = data;
    if (atomic_fetch_sub(&item->users, 1) > 1)
        return APR_SUCCESS;
    free(item->key);
    free(item->text);
    free(item->zipped);
    free(item);
    return APR_SUCCESS;
}

static apr_status_t drop_all(void *data)
{
    fhir_kept_t *kept = data;
    while (kept->first) {
        item_t *next = kept->first->next;
        drop(kept->first);
        kept->first = next;
    }
    return APR_SUCCESS;
}

fhir_err_t *fhir_kept_create(fhir_kept_t **out, apr_size_t max, apr_pool_t *pool)
{
    fhir_kept_t *kept = apr_pcalloc(pool, sizeof(*kept));
    apr_status_t rv = apr_thread_mutex_create(&kept->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    kept->max = max;
    if (!rv)
        rv = apr_thread_mutex_create(&kept->rendering, APR_THREAD_MUTEX_DEFAULT, pool);
    if (rv)
        return fhir_err_apr(pool, FHIR_ERR_INTERNAL, rv, "documents");
    apr_pool_cleanup_register(pool, kept, drop_all, apr_pool_cleanup_null);
    *out = kept;
    return NULL;
}

/* The item of that key, held for the caller, or NULL. */
static item_t *find(fhir_kept_t *kept, const char *key)
{
    if (!key)
        return NULL;
    apr_thread_mutex_lock(kept->lock);
    item_t **place = &kept->first;
    while (*place && strcmp((*place)->key, key) != 0)
        place = &(*place)->next;
    item_t *item = *place;
    if (item) { /* moves it to the front */
        *place = item->next;
        item->next = kept->first;
        kept->first = item;
        atomic_fetch_add(&item->users, 1);
    }
    apr_thread_mutex_unlock(kept->lock);
    return item;
}

static void keep(fhir_kept_t *kept, item_t *item)
{
    apr_size_t bytes = size_of(item);
    apr_thread_mutex_lock(kept->lock);
    atomic_fetch_add(&item->users, 1);
    item->next = kept->first;
    kept->first = item;
    /* those that were unused for longest are dropped */
    for (item_t **place = &item->next; *place;) {
        item_t *each = *place;
        bytes += size_of(each);
        if (bytes <= kept->max) {
            place = &each->next;
            continue;
        }
        *place = each->next;
        drop(each);
    }
    apr_thread_mutex_unlock(kept->lock);
}

static void zip(item_t *item)
{
    fhir_document_t *document = &item->document;
    z_stream z = {.next_in = (unsigned char *)item->text, .avail_in = (unsigned)document->len};
    /* 16 adds gzip's header, which has no time stamp */
    if (deflateInit2(&z, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return;
    apr_size_t most = deflateBound(&z, document->len);
    char *room = malloc(most);
    z.next_out = (unsigned char *)room;
    z.avail_out = (unsigned)most;
    if (room && deflate(&z, Z_FINISH) == Z_STREAM_END) {
        char *fits = realloc(room, z.total_out);
        document->zipped = item->zipped = fits ? fits : room;
        document->zipped_len = z.total_out;
    }
    else
        free(room);
    (void)deflateEnd(&z);
}

static fhir_err_t *no_memory(apr_pool_t *pool)
{
    return fhir_err_create(pool, FHIR_ERR_BUSY, "The server has no memory for the answer now");
}

static fhir_err_t *make(item_t **out, const char *key, fhir_kept_render_fn *render, void *baton,
                        apr_pool_t *pool)
{
    unsigned char digest[FHIR_DIGEST_LEN];
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    FHIR_TRY(render(buf, baton));
    item_t *item = calloc(1, sizeof(*item));
    if (!item || buf->overflow || !(item->key = strdup(key ? key : ""))) {
        free(item);
        return no_memory(pool);
    }
    fhir_buf_cstr(buf);
    item->users = 1;
    item->document.text = item->text = buf->data; /* it owns the buffer's memory */
    item->document.len = buf->len;
    buf->data = NULL;
    buf->len = buf->cap = 0;
    fhir_digest_sha256(digest, item->text, item->document.len);
    fhir_hex_encode(item->tag, digest, TAG_BYTES);
    item->document.tag = item->tag;
    zip(item);
    *out = item;
    return NULL;
}

fhir_err_t *fhir_kept_get(const fhir_document_t **out, fhir_kept_t *kept, const char *key,
                          fhir_kept_render_fn *render, void *baton, apr_pool_t *pool)
{
    fhir_err_t *err = NULL;
    item_t *item = find(kept, key);
    if (!item && atomic_fetch_add(&kept->waiting, 1) >= WAITING_MAX) {
        atomic_fetch_sub(&kept->waiting, 1);
        return fhir_err_create(pool, FHIR_ERR_BUSY,
                               "Too many other requests for this document are in progress; try "
                               "again in a few seconds");
    }
    if (!item) {
        apr_thread_mutex_lock(kept->rendering);
        item = find(kept, key); /* another thread has rendered it meanwhile */
        if (!item) {
            err = make(&item, key, render, baton, pool);
            if (!err && key)
                keep(kept, item);
        }
        apr_thread_mutex_unlock(kept->rendering);
        atomic_fetch_sub(&kept->waiting, 1);
    }
    FHIR_TRY(err);
    apr_pool_cleanup_register(pool, item, drop, apr_pool_cleanup_null);
    *out = &item->document;
    return NULL;
}

/* RFC 9110, 12.5.3. */
int fhir_kept_accepts_gzip(const char *header)
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

int fhir_kept_is_listed(const char *list, const char *tag)
{
    return list && (list[strspn(list, " \t")] == '*' || strstr(list, tag));
}
