/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The history of a resource, a type, or the system: versions, newest first. Current versions are in
 * the main tables; all others, and deletions, are in the history tables.
 * Source: http://hl7.org/fhir/R4/http.html#history
 */
#include <apr_strings.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/fhir_hash.h"
#include "fhir/fhir_bundle.h"
#include "fhir/fhir_interactions.h"
#include "fhir/fhir_spoken.h"
#include "fhir/page/fhir_cursor.h"
#include "fhir/page/fhir_page_query.h"
#include "fhir/query/fhir_grant.h"
#include "fhir/query/fhir_sql.h"

/* The order: last_updated, type, id, version, each descending. A page link holds these four. */
#define KEYS 4

/* A history request. */
typedef struct history_t {
    fhir_call_t *call;
    fhir_bundle_t *bundle;
    fhir_pairs_t applied;
    int count;
    int has_since, has_at;
    fhir_interval_t since, at;
    const char *cursor;  /* the sealed word of the page link, or NULL */
    fhir_cursor_t after; /* opened */
    int rows, more;
    int is_cut;         /* the page is full by its bytes, before its number of rows is reached */
    int only_total;     /* _summary=count */
    fhir_cursor_t last; /* of the page */
    apr_array_header_t *types; /* of const fhir_granted_t * */
    apr_array_header_t *parts; /* of part_t */
} history_t;

/* A table that may have some of the versions. */
typedef struct part_t {
    const fhir_granted_t *granted;
    int superseded; /* the history table, not the main one */
} part_t;

static fhir_err_t *bad(const fhir_call_t *call, const fhir_pair_t *pair, const char *accepted)
{
    return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                           "\"%s\" is not a valid value for %s, which accepts %s", pair->value,
                           pair->name, accepted);
}

static fhir_err_t *take(history_t *h, const fhir_pair_t *pair)
{
    fhir_call_t *call = h->call;
    if (!strcmp(pair->name, "_count")) {
        apr_size_t len = strlen(pair->value);
        h->count = fhir_call_count(call, len > 6 ? INT_MAX : atoi(pair->value));
        if (strspn(pair->value, "0123456789") != len || !h->count)
            return bad(call, pair, "a whole number from 1");
        return NULL;
    }
    if (!strcmp(pair->name, "_since")) {
        h->has_since = fhir_time_parse(&h->since, pair->value, strlen(pair->value),
                                       FHIR_TIME_SEARCH, call->endpoint->zone);
        return h->has_since ? NULL
                            : bad(call, pair,
                                  "an instant such as 2015-02-07T13:28:17+02:00, where a URL has "
                                  "%2B for the +");
    }
    const int has_at = !fhir_spoken_differs(call); /* DSTU2 has no such parameter */
    if (has_at && !strcmp(pair->name, "_at")) {
        h->has_at = fhir_time_parse(&h->at, pair->value, strlen(pair->value), FHIR_TIME_SEARCH,
                                    call->endpoint->zone);
        return h->has_at ? NULL
                         : bad(call, pair,
                               "a date or time such as 2015-02-07T13:28:17+02:00, where a URL has "
                               "%2B for the +");
    }
    if (!strcmp(pair->name, "_format") || !strcmp(pair->name, "_pretty") ||
        !strcmp(pair->name, "_summary") || !strcmp(pair->name, "_elements"))
        return NULL;
    return fhir_err_create(call->pool, FHIR_ERR_PARAM_UNKNOWN,
                           "history has no parameter \"%s\"; it has _count%s", pair->name,
                           has_at ? ", _since and _at" : " and _since");
}

static fhir_err_t *parse(history_t *h)
{
    fhir_call_t *call = h->call;
    h->count = fhir_call_count(call, call->endpoint->paging.count_default);
    h->only_total = call->opts.subset && call->opts.subset->summary == FHIR_SUMMARY_COUNT;
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

/* The part of the history that is asked for; a page link is bound to it. */
static const char *path_of(const fhir_call_t *call)
{
    return call->type ? apr_pstrcat(call->pool, fhir_spoken_path(call), "/_history", NULL)
                      : "_history";
}

/* ---- the statement ---- */

/* Versions that were current at some time of the interval: written before its end, and not replaced
 * before its start. */
static void at_time(fhir_sql_t *sql, const history_t *h, const fhir_type_t *type)
{
    static const char *const suffixes[] = {"", "_history"};

    fhir_buf_puts(sql->text, " AND v.last_updated < ");
    fhir_sql_bind_time(sql, h->at.high);
    for (int i = 0; i < 2; i++) {
        fhir_buf_printf(sql->text,
                        " AND NOT EXISTS (SELECT FROM %s n WHERE n.id = v.id AND "
                        "n.version > v.version AND n.last_updated <= ",
                        fhir_call_table(h->call, type, suffixes[i]));
        fhir_sql_bind_time(sql, h->at.low);
        fhir_buf_putc(sql->text, ')');
    }
}

static void after_cursor(fhir_sql_t *sql, const history_t *h, const char *type)
{
    const char *const *field = h->after.field;
    apr_int64_t updated = apr_atoi64(field[0]);

    /* The first condition is the one that can use the index on last_updated. */
    fhir_buf_puts(sql->text, " AND v.last_updated <= ");
    fhir_sql_bind_time(sql, updated);
    fhir_buf_printf(sql->text, " AND (v.last_updated, '%s' COLLATE \"C\", v.id, v.version) < (",
                    type);
    fhir_sql_bind_time(sql, updated);
    fhir_buf_puts(sql->text, ", ");
    fhir_sql_bind(sql, field[1], "text");
    fhir_buf_puts(sql->text, ", ");
    fhir_sql_bind(sql, field[2], "text");
    fhir_buf_puts(sql->text, ", ");
    fhir_sql_bind(sql, field[3], "integer");
    fhir_buf_putc(sql->text, ')');
}

/* The part of one table, its number n: at most a page of its newest rows. Resources are read for
 * the page alone: what is sorted has only the keys. */
static void branch(fhir_sql_t *sql, const history_t *h, int n)
{
    const fhir_call_t *call = h->call;
    const part_t *part = &APR_ARRAY_IDX(h->parts, n, part_t);
    const fhir_granted_t *granted = part->granted;
    int superseded = part->superseded;
    const fhir_type_t *type = granted->type;
    const char *name = fhir_model_str(call->stored, type->name);

    fhir_buf_printf(sql->text,
                    "(SELECT %d AS part, '%s' COLLATE \"C\" AS type, v.id, v.version, "
                    "v.last_updated, %s AS method FROM %s v WHERE true",
                    n, name,
                    superseded ? "v.method" : "CASE v.version WHEN 1 THEN 'C' ELSE 'U' END",
                    fhir_call_table(call, type, superseded ? "_history" : ""));
    if (call->id) {
        fhir_buf_puts(sql->text, " AND v.id = ");
        fhir_sql_bind(sql, call->id, "text");
    }
    if (h->has_since) {
        fhir_buf_puts(sql->text, " AND v.last_updated >= ");
        fhir_sql_bind_time(sql, h->since.low);
    }
    if (h->has_at)
        at_time(sql, h, type);
    if (h->cursor)
        after_cursor(sql, h, name);
    (superseded ? fhir_grant_sql_history : fhir_grant_sql)(sql, "v", granted, FHIR_RIGHT_READ);
    if (!h->only_total)
        fhir_buf_printf(sql->text,
                        " ORDER BY v.last_updated DESC, v.id DESC, v.version DESC LIMIT %d",
                        h->count + 1);
    fhir_buf_putc(sql->text, ')');
}

/* The types whose history is asked for and that the grant allows to read. */
static fhir_err_t *resolve(history_t *h)
{
    const fhir_call_t *call = h->call;
    const fhir_model_t *model = call->stored;
    int first = call->type ? fhir_model_type_index(model, call->type) : 1;
    int last = call->type ? first : model->n_resources;

    h->types = apr_array_make(call->pool, 16, sizeof(const fhir_granted_t *));
    for (int i = first; i <= last; i++) {
        const fhir_type_t *type = &model->types[i];

        if (!(type->flags & FHIR_TYPE_ABSTRACT) && fhir_spoken_serves(call->endpoint, type) &&
            fhir_grant_allows(call->grant, model, type, FHIR_RIGHT_READ))
            FHIR_TRY(fhir_grant_resolve(apr_array_push(h->types), call, type));
    }
    return h->types->nelts
               ? NULL
               : fhir_err_create(call->pool, FHIR_ERR_FORBIDDEN,
                                 "The access token's scopes do not allow reading any type");
}

static fhir_err_t *note_table(void *baton, const fhir_row_t *row)
{
    apr_hash_t *tables = baton;
    const char *name = apr_pstrdup(apr_hash_pool_get(tables), fhir_row_text(row, 0));

    apr_hash_set(tables, name, APR_HASH_KEY_STRING, name);
    return NULL;
}

/* The tables to read. A session of PostgreSQL keeps what it knows of each table and index that it
 * has planned a statement with, and needs as much again to plan one with hundreds of them. Most
 * types have no resources, so that tables without a page are left out. With a few types that is not
 * worth a statement. */
static fhir_err_t *pick_tables(history_t *h)
{
    enum { FEW = 8 };
    fhir_call_t *call = h->call;
    fhir_stmt_t stmt = {.sql = "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = "
                               "c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r' AND "
                               "pg_relation_size(c.oid) > 0",
                        .n_values = 1};
    fhir_value_t tenant = fhir_value_text(call->endpoint->tenant);
    apr_hash_t *filled = h->types->nelts > FEW ? fhir_hash_make(call->pool) : NULL;

    h->parts = apr_array_make(call->pool, 2 * h->types->nelts, sizeof(part_t));
    if (filled)
        FHIR_TRY(fhir_call_ask(call, &stmt, &tenant, note_table, filled));
    for (int i = 0; i < 2 * h->types->nelts; i++) {
        part_t part = {APR_ARRAY_IDX(h->types, i / 2, const fhir_granted_t *), i % 2};
        char name[64 + sizeof("_history")];
        fhir_model_table(name, call->stored, part.granted->type);
        if (part.superseded)
            strcat(name, "_history");
        if (!filled || apr_hash_get(filled, name, APR_HASH_KEY_STRING))
            APR_ARRAY_PUSH(h->parts, part_t) = part;
    }
    if (!h->parts->nelts) /* nothing is stored: one of them says so */
        APR_ARRAY_PUSH(h->parts, part_t) =
            (part_t){APR_ARRAY_IDX(h->types, 0, const fhir_granted_t *), 0};
    return NULL;
}

/* The resource of a row of the page. */
static void resource_of(fhir_sql_t *sql, const history_t *h)
{
    fhir_buf_puts(sql->text, "CASE a.part");
    for (int i = 0; i < h->parts->nelts; i++) {
        const part_t *part = &APR_ARRAY_IDX(h->parts, i, part_t);
        const char *suffix = part->superseded ? "_history" : "";
        fhir_buf_printf(
            sql->text,
            " WHEN %d THEN (SELECT r.resource FROM %s r WHERE r.id = a.id AND r.version "
            "= a.version)",
            i, fhir_call_table(h->call, part->granted->type, suffix));
    }
    fhir_buf_puts(sql->text, " END");
}

/* Columns: type, id, version, last_updated µs, method, resource; or a number alone. */
static fhir_err_t *statement(fhir_stmt_t *stmt, fhir_sql_t *sql, const history_t *h)
{
    static const char order[] =
        " ORDER BY a.last_updated DESC, a.type DESC, a.id DESC, a.version DESC";

    if (h->only_total)
        fhir_buf_puts(sql->text, "SELECT count(*) FROM (");
    else {
        fhir_buf_puts(sql->text, "SELECT a.type, a.id, a.version, " FHIR_SQL_USEC(
                                     "a.last_updated") ", a.method, ");
        resource_of(sql, h);
        fhir_buf_puts(sql->text, " FROM (SELECT * FROM (");
    }
    for (int i = 0; i < h->parts->nelts; i++) {
        fhir_buf_puts(sql->text, i ? " UNION ALL " : "");
        branch(sql, h, i);
    }
    fhir_buf_puts(sql->text, ") a");
    if (!h->only_total) {
        fhir_buf_printf(sql->text, "%s LIMIT ", order);
        fhir_sql_bind_int(sql, h->count + 1, "bigint");
        fhir_buf_printf(sql->text, ") a%s", order);
    }
    return fhir_sql_stmt(
        stmt, sql, (h->count > 10 ? FHIR_STMT_STREAM : 0) | (h->call->type ? 0 : FHIR_STMT_ONCE));
}

/* ---- rows ---- */

static const struct {
    char method;
    const char *verb, *status;
} verbs[] = {{'C', "POST", "201"}, {'U', "PUT", "200"}, {'D', "DELETE", "204"}};

/* Columns of the last row: the next page begins after it. */
static void remember(history_t *h, const fhir_row_t *row)
{
    static const int columns[KEYS] = {3, 0, 1, 2};

    h->last.n = KEYS;
    for (int i = 0; i < KEYS; i++)
        h->last.field[i] = apr_pstrdup(h->call->pool, fhir_row_text(row, columns[i]));
}

static fhir_err_t *on_total(void *baton, const fhir_row_t *row)
{
    history_t *h = baton;

    h->rows = *fhir_row_text(row, 0) != '0';
    fhir_bundle_total(h->bundle, apr_atoi64(fhir_row_text(row, 0)));
    return NULL;
}

static fhir_err_t *on_row(void *baton, const fhir_row_t *row)
{
    history_t *h = baton;
    fhir_bundle_entry_t entry = {.type = fhir_row_text(row, 0), .id = fhir_row_text(row, 1)};
    const char *type = entry.type, *id = entry.id;
    int i = 0;

    if (h->is_cut) { /* the rest of the rows is not waited for */
        h->more = 1;
        return fhir_err_create(h->call->pool, FHIR_ERR_LIMIT, "The page is full");
    }
    if (h->rows == h->count) {
        h->more = 1;
        return NULL;
    }
    if (++h->rows == h->count)
        remember(h, row);
    while (verbs[i].method != *fhir_row_text(row, 4))
        i++;
    if (!fhir_row_is_null(row, 5)) {
        entry.resource = fhir_row_text(row, 5);
        entry.len = fhir_row_len(row, 5);
    }
    char updated[25];
    fhir_time_format(updated, apr_atoi64(fhir_row_text(row, 3)));
    fhir_spoken_names(h->call, &type, &id);
    char rest[400];
    apr_snprintf(rest, sizeof(rest),
                 "\"request\":{\"method\":\"%s\",\"url\":\"%s%s%s\"},\"response\":"
                 "{\"status\":\"%s\",\"etag\":\"W/\\\"%s\\\"\",\"lastModified\":\"%s\"}",
                 verbs[i].verb, type, i ? "/" : "", i ? id : "", verbs[i].status,
                 fhir_row_text(row, 2), updated);
    entry.rest = rest;
    FHIR_TRY(fhir_bundle_add(h->bundle, &entry));
    h->is_cut = fhir_bundle_is_full(h->bundle);
    if (h->is_cut)
        remember(h, row);
    return NULL;
}

static fhir_err_t *link_pages(history_t *h)
{
    fhir_call_t *call = h->call;
    const char *path = path_of(call);

    fhir_bundle_link(h->bundle, "self", fhir_bundle_url(call, path, &h->applied, h->cursor));
    if (!h->more)
        return NULL;
    const char *word;
    FHIR_TRY(fhir_cursor_seal(&word, &h->last, call->endpoint->paging.cursor_keys, path,
                              strlen(path), call->grant, call->pool));
    const char *url;
    FHIR_TRY(fhir_page_query_link(&url, call, path, &h->applied, word));
    fhir_bundle_link(h->bundle, "next", url);
    return NULL;
}

static fhir_err_t *open_cursor(history_t *h)
{
    fhir_call_t *call = h->call;
    const char *path = path_of(call);

    if (!h->cursor)
        return NULL;
    FHIR_TRY(fhir_call_need_store(call));
    FHIR_TRY(fhir_cursor_open(&h->after, h->cursor, call->endpoint->paging.cursor_keys,
                              call->endpoint->paging.link_age_sec, path, strlen(path), call->grant,
                              call->pool));
    return h->after.n == KEYS ? NULL
                              : fhir_err_create(call->pool, FHIR_ERR_CURSOR,
                                                "The page link does not belong to a history");
}

fhir_err_t *fhir_history_handle(fhir_call_t *call)
{
    history_t h = {.call = call};

    if (call->type)
        FHIR_TRY(fhir_grant_check(call, call->type, FHIR_RIGHT_READ));
    FHIR_TRY(parse(&h));
    FHIR_TRY(open_cursor(&h));
    FHIR_TRY(resolve(&h));
    FHIR_TRY(pick_tables(&h));
    fhir_sql_t *sql = fhir_sql_create(call);
    fhir_stmt_t stmt;
    FHIR_TRY(statement(&stmt, sql, &h));
    fhir_call_begin(call, 200);
    FHIR_TRY(fhir_bundle_begin(&h.bundle, call, "history"));
    fhir_err_t *err = fhir_call_run(call, &stmt, fhir_sql_values(sql),
                                    h.only_total ? on_total : on_row, &h, NULL);
    if (err && !(h.is_cut && h.more))
        return err;
    if (call->id && !h.rows && !h.has_since && !h.has_at && !h.cursor)
        return fhir_err_create(call->pool, FHIR_ERR_NOT_FOUND, "There is no %s",
                               fhir_spoken_path(call));
    FHIR_TRY(link_pages(&h));
    return fhir_bundle_end(h.bundle);
}
