/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the benchmark compares with: a handler that does the least that can be done, one libpq round
 * trip a request on a connection of mod_dbd's, and no checks. No part of mod_fhir.
 *
 *   /bare/read/ID                        the row of an Observation
 *   /bare/page/ID/CATEGORY/FROM/FROM     a patient's newest 50 of a category since a date: Bundle
 *
 * The statements are prepared by mod_dbd (DBDPrepareSQL, labels bare_read and bare_page).
 */
#include <httpd.h>

#include <apr_dbd.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_protocol.h>
#include <libpq-fe.h>
#include <mod_dbd.h>
#include <string.h>

static APR_OPTIONAL_FN_TYPE(ap_dbd_open) * dbd_open;
static APR_OPTIONAL_FN_TYPE(ap_dbd_close) * dbd_close;

typedef struct text_t {
    char *data;
    apr_size_t len;
} text_t;

static void put(text_t *text, const char *s, apr_size_t len)
{
    memcpy(text->data + text->len, s, len);
    text->len += len;
}
#define PUT(text, literal) put(text, literal, sizeof(literal) - 1)

static text_t bundle(request_rec *r, const PGresult *result)
{
    int n = PQntuples(result) < 50 ? PQntuples(result) : 50;
    apr_size_t size = 256;
    text_t text;
    for (int i = 0; i < n; i++) {
        size += 256 + (apr_size_t)PQgetlength(result, i, 1);
    }
    text.data = apr_palloc(r->pool, size);
    text.len = 0;
    PUT(&text, "{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"entry\":[");
    for (int i = 0; i < n; i++) {
        if (i)
            PUT(&text, ",");
        PUT(&text, "{\"fullUrl\":\"http://localhost/dev/r4/Observation/");
        put(&text, PQgetvalue(result, i, 0), (apr_size_t)PQgetlength(result, i, 0));
        PUT(&text, "\",\"resource\":");
        put(&text, PQgetvalue(result, i, 1), (apr_size_t)PQgetlength(result, i, 1));
        PUT(&text, ",\"search\":{\"mode\":\"match\"}}");
    }
    PUT(&text, "]}");
    return text;
}

static int send_text(request_rec *r, text_t text)
{
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    ap_set_content_type(r, "application/fhir+json");
    ap_set_content_length(r, (apr_off_t)text.len);
    APR_BRIGADE_INSERT_TAIL(
        brigade, apr_bucket_pool_create(text.data, text.len, r->pool, brigade->bucket_alloc));
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(brigade->bucket_alloc));
    return ap_pass_brigade(r->output_filters, brigade) ? AP_FILTER_ERROR : OK;
}

static int handler(request_rec *r)
{
    const char *values[4];
    char *last, *path, *what;
    text_t text = {NULL, 0};
    PGresult *result;
    ap_dbd_t *dbd;
    int n = 0, page;
    if (!r->handler || strcmp(r->handler, "bare") != 0)
        return DECLINED;
    path = apr_pstrdup(r->pool, r->uri + strlen("/bare/"));
    what = apr_strtok(path, "/", &last);
    page = what && strcmp(what, "page") == 0;
    while (n < 4 && (values[n] = apr_strtok(NULL, "/", &last))) {
        n++;
    }
    if (n != (page ? 4 : 1) || !(dbd = dbd_open(r->pool, r->server)))
        return HTTP_INTERNAL_SERVER_ERROR;
    result = PQexecPrepared(apr_dbd_native_handle(dbd->driver, dbd->handle),
                            page ? "bare_page" : "bare_read", n, values, NULL, NULL, 0);
    dbd_close(r->server, dbd);
    if (PQresultStatus(result) == PGRES_TUPLES_OK && page)
        text = bundle(r, result);
    else if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1) {
        text.len = (apr_size_t)PQgetlength(result, 0, 1);
        text.data = apr_pmemdup(r->pool, PQgetvalue(result, 0, 1), text.len);
    }
    PQclear(result);
    return text.data ? send_text(r, text) : HTTP_NOT_FOUND;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    (void)pconf;
    (void)plog;
    (void)ptemp;
    (void)s;
    dbd_open = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_open);
    dbd_close = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_close);
    return OK;
}

static void hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

extern module AP_MODULE_DECLARE_DATA bare_module __attribute__((visibility("default")));
module AP_MODULE_DECLARE_DATA bare_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, hooks, 0,
};
