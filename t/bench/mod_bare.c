/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the benchmark compares with: a handler that does the least that can be done, one libpq round
 * trip a request on a connection of mod_dbd's, and no checks. No part of mod_fhir.
 *
 *   /bare/LABEL?VALUE&VALUE…    the statement of that label with these values
 *
 * BareStatements names a file with a line for each: label, kind, SQL. Kinds: read (prepared;
 * answers with the row's last column), page (prepared; at most 50 rows of id, resource as a
 * Bundle), once (a page, planned with its values each time).
 */
#include <httpd.h>

#include <apr_dbd.h>
#include <apr_file_io.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_protocol.h>
#include <libpq-fe.h>
#include <mod_dbd.h>
#include <string.h>

#define VALUES_MAX 60

static APR_OPTIONAL_FN_TYPE(ap_dbd_open) * dbd_open;
static APR_OPTIONAL_FN_TYPE(ap_dbd_close) * dbd_close;

typedef struct statement_t {
    const char *label, *kind, *sql;
} statement_t;
static apr_hash_t *statements; /* by label; made before the children are */

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
    for (int i = 0; i < n; i++) {
        size += 256 + (apr_size_t)PQgetlength(result, i, 1);
    }
    text_t text;
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

/* VALUE&VALUE…, each percent-encoded. */
static int read_values(const char **values, char *args)
{
    char *last, *value = args ? apr_strtok(args, "&", &last) : NULL;
    int n = 0;
    for (; value && n < VALUES_MAX; value = apr_strtok(NULL, "&", &last)) {
        ap_unescape_urlencoded(value);
        values[n++] = value;
    }
    return n;
}

/* A connection prepares a statement when it finds that it does not know it. */
static PGresult *run_prepared(PGconn *conn, const statement_t *st, int n, const char *const *values)
{
    PGresult *result = PQexecPrepared(conn, st->label, n, values, NULL, NULL, 0);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (!state || strcmp(state, "26000") != 0)
        return result;
    PQclear(result);
    PQclear(PQprepare(conn, st->label, st->sql, n, NULL));
    return PQexecPrepared(conn, st->label, n, values, NULL, NULL, 0);
}

static int handler(request_rec *r)
{
    text_t text = {NULL, 0};
    if (!r->handler || strcmp(r->handler, "bare") != 0)
        return DECLINED;
    const statement_t *st =
        apr_hash_get(statements, r->uri + strlen("/bare/"), APR_HASH_KEY_STRING);
    const char *values[VALUES_MAX];
    int n = read_values(values, r->args);
    ap_dbd_t *dbd;
    if (!st || !(dbd = dbd_open(r->pool, r->server)))
        return HTTP_INTERNAL_SERVER_ERROR;
    PGconn *conn = apr_dbd_native_handle(dbd->driver, dbd->handle);
    PGresult *result = *st->kind == 'o'
                           ? PQexecParams(conn, st->sql, n, NULL, values, NULL, NULL, 0)
                           : run_prepared(conn, st, n, values);
    dbd_close(r->server, dbd);
    if (PQresultStatus(result) == PGRES_TUPLES_OK && *st->kind != 'r')
        text = bundle(r, result);
    else if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1) {
        int column = PQnfields(result) - 1;
        text.len = (apr_size_t)PQgetlength(result, 0, column);
        text.data = apr_pmemdup(r->pool, PQgetvalue(result, 0, column), text.len);
    }
    PQclear(result);
    return text.data ? send_text(r, text) : HTTP_NOT_FOUND;
}

static const char *read_statements(cmd_parms *cmd, void *unused, const char *name)
{
    (void)unused;
    apr_file_t *file;
    apr_finfo_t info;
    if (apr_file_open(&file, name, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT, cmd->pool) ||
        apr_file_info_get(&info, APR_FINFO_SIZE, file))
        return apr_pstrcat(cmd->pool, "cannot read ", name, NULL);
    char *text = apr_pcalloc(cmd->pool, (apr_size_t)info.size + 1);
    apr_file_read_full(file, text, (apr_size_t)info.size, NULL);
    apr_file_close(file);
    statements = apr_hash_make(cmd->pool);
    char *last;
    for (char *line = apr_strtok(text, "\n", &last); line; line = apr_strtok(NULL, "\n", &last)) {
        statement_t *st = apr_pcalloc(cmd->pool, sizeof(*st));
        char *rest;
        st->label = apr_strtok(line, " ", &rest);
        st->kind = apr_strtok(NULL, " ", &rest);
        st->sql = rest;
        apr_hash_set(statements, st->label, APR_HASH_KEY_STRING, st);
    }
    return NULL;
}

static const command_rec commands[] = {
    AP_INIT_TAKE1("BareStatements", read_statements, NULL, RSRC_CONF, "file of statements"),
    {NULL},
};

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
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, commands, hooks, 0,
};
