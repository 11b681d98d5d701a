/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies. A request's body is read as a whole, within its limit. A response is spooled until the
 * database connection is back, then sent at the client's speed.
 */
#include "httpd/mod_fhir.h"

#include <apr_buckets.h>
#include <apr_strings.h>
#include <errno.h>
#include <stdlib.h>

#include "core/fhir_temp.h"

#include <http_protocol.h>
#include <util_filter.h>

APLOG_USE_MODULE(fhir);

/* ---- request ---- */

static fhir_err_t *too_large(request_rec *r, apr_size_t max)
{
    /* the rest of the body is not waited for */
    r->connection->keepalive = AP_CONN_CLOSE;
    return fhir_err_create(
        r->pool, FHIR_ERR_TOO_LARGE,
        "The body is larger than the %" APR_SIZE_T_FMT " bytes that this endpoint accepts", max);
}

/* Only a part of the body was read, which must not be taken for the whole. */
static fhir_err_t *no_memory(request_rec *r)
{
    r->connection->keepalive = AP_CONN_CLOSE;
    return fhir_err_create(r->pool, FHIR_ERR_BUSY,
                           "The server has no memory for the body of the request now");
}

static fhir_err_t *not_read(int *answered, request_rec *r, apr_status_t rv)
{
    r->connection->keepalive = AP_CONN_CLOSE;
    *answered = rv == AP_FILTER_ERROR;
    if (ap_map_http_request_error(rv, HTTP_BAD_REQUEST) == HTTP_REQUEST_ENTITY_TOO_LARGE)
        return fhir_err_create(r->pool, FHIR_ERR_TOO_LARGE,
                               "The body is larger than this server accepts (LimitRequestBody)");
    return fhir_err_apr(r->pool, FHIR_ERR_BAD_REQUEST, rv,
                        "The body of the request could not be read completely");
}

/* Bodies up to this size are not charged: even one in each thread is little memory. */
enum { FREE = 64 * 1024 };

/* The body is charged as it arrives, so that a client that announces much and sends little holds
 * little. */
static fhir_err_t *charge(fhir_ticket_t *ticket, const fhir_buf_t *buf, request_rec *r)
{
    apr_int64_t missing = (apr_int64_t)buf->len - ticket->bodies;
    fhir_err_t *err = NULL;
    if (buf->len > FREE && missing > 0)
        err = fhir_budget_body(ticket, missing + FREE, r->pool);
    if (err)
        r->connection->keepalive = AP_CONN_CLOSE;
    return err;
}

/* Appends the data of a brigade; *eos when the body is complete. */
static fhir_err_t *take(fhir_buf_t *buf, int *eos, int *answered, request_rec *r,
                        fhir_ticket_t *ticket, apr_bucket_brigade *brigade, apr_size_t max)
{
    for (apr_bucket *b = APR_BRIGADE_FIRST(brigade); b != APR_BRIGADE_SENTINEL(brigade);
         b = APR_BUCKET_NEXT(b)) {
        if (APR_BUCKET_IS_EOS(b))
            *eos = 1;
        if (APR_BUCKET_IS_METADATA(b))
            continue;
        const char *data;
        apr_size_t len;
        apr_status_t rv = apr_bucket_read(b, &data, &len, APR_BLOCK_READ);
        if (rv)
            return not_read(answered, r, rv);
        if (len > max - buf->len)
            return too_large(r, max);
        fhir_buf_append(buf, data, len);
        if (buf->overflow)
            return no_memory(r);
    }
    return charge(ticket, buf, r);
}

static fhir_err_t *read_all(fhir_buf_t *buf, int *answered, request_rec *r, fhir_ticket_t *ticket,
                            apr_size_t max)
{
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    fhir_arrival_t arrival;
    fhir_err_t *err = fhir_budget_arrive_body(&arrival, ticket, r->pool);
    int eos = 0;
    if (err)
        r->connection->keepalive = AP_CONN_CLOSE;
    while (!eos && !err) {
        apr_status_t rv = ap_get_brigade(r->input_filters, brigade, AP_MODE_READBYTES,
                                         APR_BLOCK_READ, HUGE_STRING_LEN * 4);
        err = rv ? not_read(answered, r, rv) : take(buf, &eos, answered, r, ticket, brigade, max);
        apr_brigade_cleanup(brigade);
    }
    fhir_budget_arrived(&arrival, 0);
    return err;
}

fhir_err_t *mod_fhir_body_read(const char **body, apr_size_t *len, int *answered, request_rec *r,
                               fhir_ticket_t *ticket, apr_size_t max)
{
    const char *announced = apr_table_get(r->headers_in, "Content-Length");
    fhir_buf_t *buf = fhir_buf_create(r->pool, max + 1);
    apr_off_t n;
    if (announced && ap_parse_strict_length(&n, announced) && (apr_uint64_t)n > max)
        return too_large(r, max);
    *answered = 0;
    FHIR_TRY(read_all(buf, answered, r, ticket, max));
    /* mod_deflate's input filter removes the header together with the coding */
    const char *coding = apr_table_get(r->headers_in, "Content-Encoding");
    if (buf->len && coding && strcasecmp(coding, "identity") != 0)
        return fhir_err_create(
            r->pool, FHIR_ERR_MEDIA_TYPE,
            "Content-Encoding %s is not supported here: send the body without it", coding);
    *body = fhir_buf_cstr(buf);
    *len = buf->len;
    /* charges what parsing makes of the body */
    if (buf->len > FREE)
        return fhir_budget_body(ticket, FHIR_BUDGET_BODY(buf->len) - ticket->bodies, r->pool);
    return NULL;
}

/* The most bytes of an unread body that are read so that the connection can stay open. */
enum { LEFT_MAX = 64 * 1024 };

void mod_fhir_body_leave(request_rec *r)
{
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    apr_off_t n, left = LEFT_MAX;
    int eos = !apr_table_get(r->headers_in, "Transfer-Encoding") &&
              !apr_table_get(r->headers_in, "Content-Length");
    /* a client that waits for "100 Continue" has sent nothing, and reading would ask it to */
    while (!eos && left > 0 && !r->expecting_100 && r->connection->keepalive != AP_CONN_CLOSE &&
           !ap_get_brigade(r->input_filters, brigade, AP_MODE_READBYTES, APR_NONBLOCK_READ,
                           HUGE_STRING_LEN)) {
        eos = !APR_BRIGADE_EMPTY(brigade) && APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(brigade));
        if (apr_brigade_length(brigade, 0, &n) || (n <= 0 && !eos))
            break;
        left -= n;
        apr_brigade_cleanup(brigade);
    }
    if (!eos)
        r->connection->keepalive = AP_CONN_CLOSE;
}

/* ---- response ---- */

enum { IN_MEMORY = 128 * 1024 };

/* A full disk is neither the client's fault nor a fault of the program. */
static fhir_err_t *file_error(mod_fhir_spool_t *spool, apr_status_t rv)
{
    apr_pool_t *pool = spool->r->pool;
    const char *folder = NULL;
    if (!APR_STATUS_IS_ENOSPC(rv) && rv != EDQUOT && rv != EFBIG && !APR_STATUS_IS_EMFILE(rv))
        return fhir_err_apr(pool, FHIR_ERR_INTERNAL, rv, "temporary file");
    (void)apr_temp_dir_get(&folder, pool);
    fhir_err_t *err =
        fhir_err_apr(pool, FHIR_ERR_BUSY, rv,
                     "The server has no space for the answer now; try again later, or ask for "
                     "less");
    return fhir_err_detail(err, pool, "a temporary file in %s (TMPDIR): %s", folder ? folder : "?",
                           err->detail);
}

/* Moves the memory to the file, which is made at first use. */
static fhir_err_t *move_to_file(mod_fhir_spool_t *spool)
{
    FHIR_TRY(fhir_budget_spool(spool->ticket, (apr_int64_t)spool->buf->len, spool->r->pool));
    apr_status_t rv = spool->file ? APR_SUCCESS : fhir_temp_open(&spool->file, 0, spool->r->pool);
    if (!rv)
        rv = apr_file_write_full(spool->file, spool->buf->data, spool->buf->len, NULL);
    if (rv)
        return file_error(spool, rv);
    spool->in_file += (apr_off_t)spool->buf->len;
    fhir_buf_clear(spool->buf);
    return NULL;
}

static fhir_err_t *spool_write(fhir_out_t *out, const char *data, apr_size_t len)
{
    mod_fhir_spool_t *spool = out->baton;
    if ((apr_uint64_t)mod_fhir_spool_length(spool) + len > spool->max)
        return fhir_err_create(
            spool->r->pool, FHIR_ERR_LIMIT,
            "The answer is larger than the %" APR_SIZE_T_FMT
            " bytes that an answer may have here (FHIRAnswerMax); ask for fewer resources (_count, "
            "fewer includes) or for parts of them (_elements, _summary)",
            spool->max);
    while (len) {
        apr_size_t room = IN_MEMORY - spool->buf->len, n = len < room ? len : room;
        fhir_buf_append(spool->buf, data, n);
        if (spool->buf->overflow)
            return fhir_err_create(spool->r->pool, FHIR_ERR_INTERNAL,
                                   "The server could not complete the request");
        data += n;
        len -= n;
        if (len)
            FHIR_TRY(move_to_file(spool));
    }
    return NULL;
}

apr_int64_t mod_fhir_spool_length(const mod_fhir_spool_t *spool)
{
    return spool->in_file + (apr_int64_t)spool->buf->len;
}

void mod_fhir_spool_init(mod_fhir_spool_t *spool, request_rec *r, fhir_ticket_t *ticket,
                         apr_size_t max)
{
    spool->ticket = ticket;
    spool->max = max;
    spool->out.write = spool_write;
    spool->out.baton = spool;
    spool->r = r;
    spool->buf = fhir_buf_create(r->pool, IN_MEMORY);
    spool->file = NULL;
    spool->in_file = 0;
}

void mod_fhir_spool_reset(mod_fhir_spool_t *spool)
{
    apr_off_t start = 0;
    fhir_buf_clear(spool->buf);
    spool->in_file = 0;
    if (spool->file) {
        (void)apr_file_trunc(spool->file, 0);
        (void)apr_file_seek(spool->file, APR_SET, &start);
    }
}

int mod_fhir_spool_send(mod_fhir_spool_t *spool, const char *ready, apr_size_t ready_len)
{
    request_rec *r = spool->r;
    conn_rec *c = r->connection;
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, c->bucket_alloc);
    apr_off_t length = spool->in_file + (apr_off_t)spool->buf->len;
    if (ready) {
        mod_fhir_spool_reset(spool);
        length = (apr_off_t)ready_len;
        APR_BRIGADE_INSERT_TAIL(brigade,
                                apr_bucket_immortal_create(ready, ready_len, c->bucket_alloc));
    }
    if (length)
        ap_set_content_length(r, length);
    if (spool->in_file)
        (void)apr_brigade_insert_file(brigade, spool->file, 0, spool->in_file, r->pool);
    if (spool->buf->len) {
        /* the bucket owns the memory, and frees it when it was sent */
        APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_heap_create(spool->buf->data, spool->buf->len,
                                                                free, c->bucket_alloc));
        spool->buf->data = NULL;
        spool->buf->len = spool->buf->cap = 0;
    }
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(c->bucket_alloc));
    apr_status_t rv = ap_pass_brigade(r->output_filters, brigade);
    if (rv && !c->aborted)
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, rv, r, "FHIR0221: the answer was not sent");
    return rv ? AP_FILTER_ERROR : OK;
}
