/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read and vread: the stored bytes are sent unchanged.
 * Source: http://hl7.org/fhir/R4/http.html#read, #vread, #cread (conditional read)
 */
#include <apr_date.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "fhir/fhir_interactions.h"
#include "fhir/fhir_spoken.h"
#include "fhir/query/fhir_grant.h"
#include "fhir/query/fhir_sql.h"
#include "fhir/query/fhir_terms.h"

/* The row that was found. */
typedef struct found_t {
    fhir_call_t *call;
    int rows;
    int deleted;
    const char *json; /* converted after the connection was given back; or NULL */
    apr_size_t len;
} found_t;

/* 1 if an If-None-Match list holds the version in the format of this answer (weak comparison), or
 * is "*". */
static int etag_listed(const fhir_call_t *call, const char *list, const char *version)
{
    while (*list) {
        list += strspn(list, " \t,");
        apr_size_t len = strcspn(list, ",");
        if (*list == '*')
            return 1;
        fhir_format_t format;
        const char *listed =
            fhir_format_etag_version(&format, apr_pstrmemdup(call->pool, list, len), call->pool);
        if (listed && !strcmp(listed, version) && fhir_format_same_etag(format, call->opts.format))
            return 1;
        list += len;
    }
    return 0;
}

/* If-Modified-Since is ignored beside If-None-Match (RFC 9110, 13.1.3). A page is not only the
 * resource: it also depends on the reader's language and on the release of this program. */
static int unchanged(const fhir_call_t *call, const char *version, apr_time_t updated)
{
    const char *none_match = fhir_call_header(call, "If-None-Match");
    const char *since = none_match ? NULL : fhir_call_header(call, "If-Modified-Since");
    if (call->opts.format == FHIR_FORMAT_HTML)
        return 0;
    if (none_match)
        return etag_listed(call, none_match, version);
    if (!since)
        return 0;
    apr_time_t when = apr_date_parse_http(since);
    return when != APR_DATE_BAD && apr_time_sec(updated) <= apr_time_sec(when);
}

/* Columns: version, last_updated in µs, method or NULL, resource. */
static fhir_err_t *on_row(void *baton, const fhir_row_t *row)
{
    found_t *found = baton;
    fhir_call_t *call = found->call;
    const char *version = fhir_row_text(row, 0);
    apr_time_t updated = apr_atoi64(fhir_row_text(row, 1));
    char *date = apr_palloc(call->pool, APR_RFC822_DATE_LEN);
    found->rows++;
    if (fhir_row_is_null(row, 3)) {
        found->deleted = 1;
        return NULL;
    }
    apr_rfc822_date(date, updated);
    call->response->updated = updated;
    apr_table_setn(call->response->headers, "ETag",
                   fhir_format_etag(version, call->opts.format, call->pool));
    apr_table_setn(call->response->headers, "Last-Modified", date);
    if (unchanged(call, version, updated)) {
        call->response->status = 304;
        return NULL;
    }
    if (!fhir_spoken_differs(call))
        return fhir_call_resource(call, 200, fhir_row_text(row, 3), fhir_row_len(row, 3));
    found->len = fhir_row_len(row, 3);
    found->json = apr_pstrmemdup(call->pool, fhir_row_text(row, 3), found->len);
    return NULL;
}

static fhir_err_t *gone(const fhir_call_t *call)
{
    return fhir_err_create(call->pool, FHIR_ERR_GONE, "%s was deleted", fhir_spoken_path(call));
}

static fhir_err_t *missing(const fhir_call_t *call)
{
    const char *path = fhir_spoken_path(call);
    if (call->version)
        return fhir_err_create(call->pool, FHIR_ERR_NOT_FOUND, "There is no version %s of %s",
                               call->version, path);
    return fhir_err_create(call->pool, FHIR_ERR_NOT_FOUND, "There is no %s", path);
}

/* Answers with the row that was kept, if there is one. */
static fhir_err_t *answer_kept(const found_t *found)
{
    fhir_call_t *call = found->call;

    if (!found->json)
        return NULL;
    if (!fhir_spoken_shows(call, found->json, found->len)) {
        apr_table_unset(call->response->headers, "ETag");
        apr_table_unset(call->response->headers, "Last-Modified");
        return missing(call);
    }
    fhir_spoken_note(call, fhir_model_str(call->stored, call->type->name), call->id, found->json,
                     found->len);
    return fhir_call_resource(call, 200, found->json, found->len);
}

/* Columns: method, version. A client that restores a deleted resource needs the ETag of the
 * deletion. */
static fhir_err_t *on_method(void *baton, const fhir_row_t *row)
{
    found_t *found = baton;
    const fhir_call_t *call = found->call;

    found->deleted = *fhir_row_text(row, 0) == 'D';
    if (found->deleted)
        apr_table_setn(call->response->headers, "ETag",
                       fhir_format_etag(fhir_row_text(row, 1), FHIR_FORMAT_JSON, call->pool));
    return NULL;
}

/* A client whose grant has no scope for the type gets that error, whether the resource exists or
 * not. */
static fhir_err_t *unseen(fhir_call_t *call)
{
    FHIR_TRY(fhir_grant_check(call, call->type, FHIR_RIGHT_READ));
    return missing(call);
}

/* The code systems and value sets of this program can be read by the last part of their URL. */
static fhir_err_t *carried_or_missing(fhir_call_t *call)
{
    const char *type = fhir_model_str(call->stored, call->type->name);
    fhir_buf_t *json = fhir_terms_carried(call, type, fhir_terms_carried_url(call, type, call->id));

    return json ? fhir_call_built(call, 200, json) : unseen(call);
}

/* The resource does not exist. Only a client that may see everything learns whether it was deleted
 * (410). */
static fhir_err_t *absent(fhir_call_t *call)
{
    found_t found = {.call = call};
    fhir_value_t id = fhir_value_text(call->id);
    fhir_stmt_t stmt = {.n_values = 1, .flags = FHIR_STMT_SHORT};
    if (!call->grant->all)
        return carried_or_missing(call);
    stmt.sql = apr_pstrcat(call->pool, "SELECT method, version FROM ",
                           fhir_call_table(call, call->type, "_history"),
                           " WHERE id = $1::text ORDER BY version DESC LIMIT 1", NULL);
    FHIR_TRY(fhir_call_run(call, &stmt, &id, on_method, &found, NULL));
    return found.deleted ? gone(call) : carried_or_missing(call);
}

/* The row of the current version, for on_row; $1 is the id. */
static void select_current(fhir_sql_t *sql)
{
    const fhir_call_t *call = sql->call;

    fhir_buf_printf(sql->text,
                    "SELECT t.version, " FHIR_SQL_USEC(
                        "t.last_updated") ", NULL, t.resource FROM %s t WHERE t.id = ",
                    fhir_call_table(call, call->type, ""));
    fhir_sql_bind(sql, call->id, "text");
}

fhir_err_t *fhir_read_handle(fhir_call_t *call)
{
    found_t found = {.call = call};
    const fhir_granted_t *granted;
    FHIR_TRY(fhir_grant_resolve(&granted, call, call->type));
    fhir_sql_t *sql = fhir_sql_create(call);
    select_current(sql);
    fhir_grant_sql(sql, "t", granted, FHIR_RIGHT_READ);
    fhir_stmt_t stmt;
    FHIR_TRY(fhir_sql_stmt(&stmt, sql, FHIR_STMT_SHORT));
    FHIR_TRY(fhir_call_run(call, &stmt, fhir_sql_values(sql), on_row, &found, NULL));
    return found.rows ? answer_kept(&found) : absent(call);
}

/* The current version is in the main table; all others, and deletions, are in the history. */
fhir_err_t *fhir_vread_handle(fhir_call_t *call)
{
    found_t found = {.call = call};
    if (strspn(call->version, "0123456789") != strlen(call->version) || strlen(call->version) > 9)
        return missing(call);
    const fhir_granted_t *granted;
    FHIR_TRY(fhir_grant_resolve(&granted, call, call->type));
    fhir_sql_t *sql = fhir_sql_create(call);
    select_current(sql);
    fhir_buf_puts(sql->text, " AND t.version = ");
    fhir_sql_bind(sql, call->version, "integer");
    fhir_grant_sql(sql, "t", granted, FHIR_RIGHT_READ);
    fhir_buf_printf(
        sql->text,
        " UNION ALL SELECT h.version, " FHIR_SQL_USEC(
            "h.last_updated") ", h.method, h.resource FROM %s h WHERE h.id = $1 AND h.version = $2",
        fhir_call_table(call, call->type, "_history"));
    fhir_grant_sql_history(sql, "h", granted, FHIR_RIGHT_READ);
    fhir_stmt_t stmt;
    FHIR_TRY(fhir_sql_stmt(&stmt, sql, FHIR_STMT_SHORT));
    FHIR_TRY(fhir_call_run(call, &stmt, fhir_sql_values(sql), on_row, &found, NULL));
    if (found.deleted)
        return gone(call);
    return found.rows ? answer_kept(&found) : unseen(call);
}
