/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history: the versions of a resource, newest first. The current one is in the main table, all
 * others and deletions are in the history table.
 * Source: http://hl7.org/fhir/R4/http.html#history
 */
#include <apr_strings.h>
#include <stdlib.h>

#include "fhir/fhir_bundle.h"
#include "fhir/fhir_cursor.h"
#include "fhir/fhir_interactions.h"
#include "fhir/fhir_sql.h"

/* Parameters of a history request. */
typedef struct history_t {
    fhir_call_t *call;
    fhir_bundle_t *bundle;
    fhir_pairs_t applied;
    int count;
    int has_since, has_at;
    fhir_interval_t since, at;
    const char *cursor;
    int rows, more;
    const char *last_version;

} history_t;

static fhir_err_t *bad(const fhir_call_t *call, const fhir_pair_t *pair, const char *accepted)
{
    return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                           "\"%s\" is no value for %s, which accepts %s", pair->value, pair->name,
                           accepted);
}

static fhir_err_t *take(history_t *h, const fhir_pair_t *pair)
{
    fhir_call_t *call = h->call;
    if (!strcmp(pair->name, "_count")) {
        h->count = atoi(pair->value);
        if (h->count < 1)
            return bad(call, pair, "a whole number from 1");
        if (h->count > call->endpoint->count_max)
            h->count = call->endpoint->count_max;
        return NULL;
    }
    if (!strcmp(pair->name, "_since")) {
        h->has_since = fhir_time_parse(&h->since, pair->value, strlen(pair->value),
                                       FHIR_TIME_SEARCH, call->endpoint->zone);
        return h->has_since ? NULL : bad(call, pair, "an instant");
    }
    if (!strcmp(pair->name, "_at")) {
        h->has_at = fhir_time_parse(&h->at, pair->value, strlen(pair->value), FHIR_TIME_SEARCH,
                                    call->endpoint->zone);
        return h->has_at ? NULL : bad(call, pair, "a date or time");
    }
    if (!strcmp(pair->name, "_format") || !strcmp(pair->name, "_pretty"))
        return NULL;
    return fhir_err_create(call->pool, FHIR_ERR_PARAM_UNKNOWN,
                           "history has no parameter \"%s\"; it has _count, _since and _at",
                           pair->name);
}

static fhir_err_t *parse(history_t *h)
{
    fhir_call_t *call = h->call;
    h->count = call->endpoint->count_default;
    h->applied.list = apr_palloc(call->pool, sizeof(fhir_pair_t) * (apr_size_t)(call->pairs.n + 1));
    for (int i = 0; i < call->pairs.n; i++) {
        if (!strcmp(call->pairs.list[i].name, "_cursor")) {
            h->cursor = call->pairs.list[i].value;
            continue;
        }
        FHIR_TRY(take(h, &call->pairs.list[i]));
        h->applied.list[h->applied.n++] = call->pairs.list[i];
    }
    return NULL;
}

/* What a page link is bound to: the resource. */
static const char *context(const fhir_call_t *call)
{
    return apr_pstrcat(call->pool, "history ", fhir_model_str(call->model, call->type->name), "/",
                       call->id, NULL);
}

static void interval(fhir_sql_t *sql, const history_t *h)
{
    if (h->has_since) {
        fhir_buf_puts(sql->text, " AND v.last_updated >= ");
        fhir_sql_bind_time(sql, h->since.low);
    }
    if (h->has_at) {
        /* current at some time of the interval: written before its end, replaced after its start */
        fhir_buf_puts(sql->text, " AND v.last_updated < ");
        fhir_sql_bind_time(sql, h->at.high);
        fhir_buf_puts(sql->text, " AND (v.until IS NULL OR v.until > ");
        fhir_sql_bind_time(sql, h->at.low);
        fhir_buf_putc(sql->text, ')');
    }
}

/* Columns: version, last_updated µs, method, resource. */
static fhir_err_t *statement(fhir_stmt_t *stmt, fhir_sql_t *sql, const history_t *h,
                             const char *before)
{
    const fhir_call_t *call = h->call;
    fhir_buf_puts(sql->text,
                  "SELECT v.version, " FHIR_SQL_USEC(
                      "v.last_updated") ", v.method, v.resource FROM (SELECT a.*, "
                                        "lead(a.last_updated) OVER (ORDER BY "
                                        "a.version) AS until FROM (SELECT t.version, "
                                        "t.last_updated, CASE t.version WHEN "
                                        "1 THEN 'C' ELSE 'U' END AS method, t.resource FROM ");
    fhir_buf_printf(sql->text, "%s t WHERE t.id = ", fhir_call_table(call, call->type, ""));
    fhir_sql_bind(sql, call->id, "text");
    FHIR_TRY(fhir_sql_grant(sql, "t", call->type, FHIR_RIGHT_READ));
    fhir_buf_printf(sql->text,
                    " UNION ALL SELECT h.version, h.last_updated, h.method, h.resource FROM %s h "
                    "WHERE h.id = $1::text",
                    fhir_call_table(call, call->type, "_history"));
    FHIR_TRY(fhir_sql_history_grant(sql, "h", call->type, FHIR_RIGHT_READ));
    fhir_buf_puts(sql->text, ") a) v WHERE v.version < ");
    fhir_sql_bind(sql, before, "bigint");
    interval(sql, h);
    fhir_buf_puts(sql->text, " ORDER BY v.version DESC LIMIT ");
    fhir_sql_bind_int(sql, h->count + 1, "bigint");
    return fhir_sql_stmt(stmt, sql, h->count > 100 ? FHIR_STMT_STREAM : 0);
}

static const struct {
    char method;
    const char *verb, *status;
} verbs[] = {{'C', "POST", "201"}, {'U', "PUT", "200"}, {'D', "DELETE", "204"}};

static fhir_err_t *on_row(void *baton, const fhir_row_t *row)
{
    history_t *h = baton;
    fhir_call_t *call = h->call;
    const char *type = fhir_model_str(call->model, call->type->name);
    char method = *fhir_row_text(row, 2), updated[25];
    int i = method == 'C' ? 0 : method == 'U' ? 1 : 2;
    fhir_bundle_entry_t entry = {.type = type, .id = call->id};
    if (h->rows == h->count) {
        h->more = 1;
        return NULL;
    }
    h->rows++;
    h->last_version = apr_pstrdup(call->pool, fhir_row_text(row, 0));
    if (!fhir_row_is_null(row, 3)) {
        entry.resource = fhir_row_text(row, 3);
        entry.len = fhir_row_len(row, 3);
    }
    fhir_time_format(updated, apr_atoi64(fhir_row_text(row, 1)));
    entry.rest =
        apr_psprintf(call->pool,
                     "\"request\":{\"method\":\"%s\",\"url\":\"%s%s%s\"},\"response\":"
                     "{\"status\":\"%s\",\"etag\":\"W/\\\"%s\\\"\",\"lastModified\":\"%s\"}",
                     verbs[i].verb, type, i ? "/" : "", i ? call->id : "", verbs[i].status,
                     h->last_version, updated);
    return fhir_bundle_add(h->bundle, &entry);
}

static void link_pages(history_t *h)
{
    fhir_call_t *call = h->call;
    const char *bound = context(call);
    const char *path = apr_pstrcat(call->pool, fhir_model_str(call->model, call->type->name), "/",
                                   call->id, "/_history", NULL);
    fhir_bundle_link(h->bundle, "self", fhir_bundle_url(call, path, &h->applied, h->cursor));
    if (h->more) {
        fhir_cursor_t next = {.n = 1, .field = {h->last_version}};
        fhir_bundle_link(h->bundle, "next",
                         fhir_bundle_url(call, path, &h->applied,
                                         fhir_cursor_seal(&next, call->endpoint->cursor_key, bound,
                                                          strlen(bound), call->grant, call->pool)));
    }
}

fhir_err_t *fhir_history_handle(fhir_call_t *call)
{
    history_t h = {.call = call};
    fhir_cursor_t cursor = {.n = 1, .field = {"9223372036854775807"}};
    const char *bound = context(call);
    fhir_sql_t *sql;
    fhir_stmt_t stmt;
    FHIR_TRY(fhir_grant_check(call, call->type, FHIR_RIGHT_READ));
    FHIR_TRY(parse(&h));
    if (h.cursor)
        FHIR_TRY(fhir_cursor_open(&cursor, h.cursor, call->endpoint->cursor_key, bound,
                                  strlen(bound), call->grant, call->pool));
    FHIR_TRY(fhir_sql_create(&sql, call));
    FHIR_TRY(statement(&stmt, sql, &h, cursor.field[0]));
    fhir_call_json(call, 200);
    FHIR_TRY(fhir_bundle_begin(&h.bundle, call, "history"));
    FHIR_TRY(fhir_call_run(call, &stmt, fhir_sql_values(sql), on_row, &h, NULL));
    if (!h.rows && !h.has_since && !h.has_at && !h.cursor)
        return fhir_err_create(call->pool, FHIR_ERR_NOT_FOUND, "There is no %s/%s",
                               fhir_model_str(call->model, call->type->name), call->id);
    link_pages(&h);
    return fhir_bundle_end(h.bundle);
}
