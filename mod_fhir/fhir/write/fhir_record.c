/* SPDX-License-Identifier: Apache-2.0 */
/* The row of a resource in SQL. fhir_write.c decides what a request does with it. */
#include "fhir/write/fhir_record.h"

#include <apr_strings.h>
#include <stdlib.h>

#include "fhir/extract/fhir_extract.h"
#include "fhir/query/fhir_grant.h"

/* id, version, last_updated and resource come before the typed columns. */
#define FIXED 4

static const char *integer(const fhir_call_t *call, int n)
{
    return apr_itoa(call->pool, n);
}

static const char *timestamp(const fhir_call_t *call, apr_int64_t usec)
{
    char *text = apr_palloc(call->pool, 40);

    fhir_time_format_sql(text, usec);
    return text;
}

/* The values of the fixed columns. */
static void push_fixed(apr_array_header_t *values, const fhir_call_t *call,
                       const fhir_record_t *record)
{
    APR_ARRAY_PUSH(values, fhir_value_t) = fhir_value_text(record->id);
    APR_ARRAY_PUSH(values, fhir_value_t) = fhir_value_text(integer(call, record->version));
    APR_ARRAY_PUSH(values, fhir_value_t) = fhir_value_text(timestamp(call, record->updated));
    APR_ARRAY_PUSH(values, fhir_value_t) = (fhir_value_t){record->text, record->len};
}

static const char *const casts[] = {
    [FHIR_SQL_NONE] = "",
    [FHIR_SQL_TEXT] = "::text",
    [FHIR_SQL_TEXT_ARRAY] = "::text[]",
    [FHIR_SQL_TIMESTAMPTZ] = "::timestamptz",
    [FHIR_SQL_TIMESTAMPTZ_ARRAY] = "::timestamptz[]",
    [FHIR_SQL_NUMERIC] = "::numeric",
    [FHIR_SQL_NUMERIC_ARRAY] = "::numeric[]",
    [FHIR_SQL_JSONB] = "::jsonb",
    [FHIR_SQL_DOUBLE] = "::double precision",
    [FHIR_SQL_INTEGER_ARRAY] = "::integer[]",
};

/* A cell's column, and the cast of its value. */
static const char *column_name(const char **cast, const fhir_call_t *call, const fhir_type_t *type,
                               int i)
{
    fhir_sqltype_t sqltype;
    const char *name = fhir_extract_column(&sqltype, call->stored, type, i);

    *cast = casts[sqltype];
    return name;
}

/* ---- loading, and what the grant says of a row ---- */

typedef struct load_t {
    fhir_record_t *record;
    apr_pool_t *pool;
} load_t;

/* Columns: version, µs, method, resource, shown, open. */
static fhir_err_t *on_state(void *baton, const fhir_row_t *row)
{
    load_t *load = baton;
    fhir_record_t *record = load->record;

    record->version = atoi(fhir_row_text(row, 0));
    record->updated = apr_atoi64(fhir_row_text(row, 1));
    record->state = *fhir_row_text(row, 2) == 'D' ? FHIR_RECORD_DELETED : FHIR_RECORD_CURRENT;
    if (!fhir_row_is_null(row, 3)) {
        record->len = fhir_row_len(row, 3);
        record->text = apr_pstrmemdup(load->pool, fhir_row_text(row, 3), record->len);
    }
    record->is_shown = *fhir_row_text(row, 4) == 't';
    record->is_open = *fhir_row_text(row, 5) == 't';
    return NULL;
}

/* Appends a column: whether the grant gives one of the rights; 0 means no right is needed. */
static void grant_column(fhir_sql_t *sql, const fhir_granted_t *granted, unsigned right,
                         unsigned other)
{
    fhir_buf_puts(sql->text, ", coalesce((TRUE");
    fhir_grant_sql(sql, "t", granted, right);
    if (other) {
        fhir_buf_puts(sql->text, ") OR (TRUE");
        fhir_grant_sql(sql, "t", granted, other);
    }
    fhir_buf_puts(sql->text, "), FALSE)");
}

fhir_err_t *fhir_record_load(fhir_record_t *record, const fhir_call_t *call,
                             const fhir_type_t *type, const char *id, unsigned right)
{
    load_t load = {record, call->pool};

    memset(record, 0, sizeof(*record));
    record->id = id;
    const fhir_granted_t *granted;
    FHIR_TRY(fhir_grant_resolve(&granted, call, type));
    fhir_sql_t *sql = fhir_sql_create(call);
    /* The row of the main table, if there is one, is newer than all history. */
    fhir_buf_puts(sql->text, "(SELECT t.version, " FHIR_SQL_USEC("t.last_updated") ", 'U', "
                                                                                   "t.resource");
    grant_column(sql, granted, FHIR_RIGHT_READ, FHIR_RIGHT_SEARCH);
    grant_column(sql, granted, right, 0);
    fhir_buf_printf(sql->text, " FROM %s t WHERE t.id = ", fhir_call_table(call, type, ""));
    fhir_sql_bind(sql, id, "text");
    fhir_buf_printf(
        sql->text,
        ") UNION ALL (SELECT version, " FHIR_SQL_USEC(
            "last_updated") ", method, NULL, "
                            "FALSE, FALSE FROM %s WHERE id = $%d ORDER BY version DESC LIMIT 1) "
                            "ORDER BY 1 DESC LIMIT 1",
        fhir_call_table(call, type, "_history"), sql->values->nelts);
    fhir_stmt_t stmt;
    FHIR_TRY(fhir_sql_stmt(&stmt, sql, 0));
    return fhir_call_run(call, &stmt, fhir_sql_values(sql), on_state, &load, NULL);
}

static fhir_err_t *on_row(void *baton, const fhir_row_t *row)
{
    (void)row;
    *(int *)baton = 1;
    return NULL;
}

fhir_err_t *fhir_record_judge(int *is_open, const fhir_call_t *call, const fhir_type_t *type,
                              const fhir_record_t *record, const fhir_value_t *cells,
                              unsigned right)
{
    static const char *const fixed[] = {"$1::text AS id", "$2::integer AS version",
                                        "$3::timestamptz AS last_updated", "$4::text AS resource"};

    *is_open = call->grant->all;
    if (*is_open)
        return NULL;
    const fhir_granted_t *granted;
    FHIR_TRY(fhir_grant_resolve(&granted, call, type));
    fhir_sql_t *sql = fhir_sql_create(call);
    push_fixed(sql->values, call, record);
    fhir_buf_puts(sql->text, "SELECT FROM (SELECT ");
    for (int i = 0; i < FIXED; i++)
        fhir_buf_printf(sql->text, "%s%s", i ? ", " : "", fixed[i]);
    for (int i = 0; i < FHIR_EXTRACT_CELLS(type); i++) {
        const char *cast, *name = column_name(&cast, call, type, i);

        APR_ARRAY_PUSH(sql->values, fhir_value_t) = cells[i];
        fhir_buf_printf(sql->text, ", $%d%s AS \"%s\"", sql->values->nelts, cast, name);
    }
    fhir_buf_puts(sql->text, ") t WHERE TRUE");
    fhir_grant_sql(sql, "t", granted, right);
    fhir_stmt_t stmt;
    FHIR_TRY(fhir_sql_stmt(&stmt, sql, 0));
    return fhir_call_run(call, &stmt, fhir_sql_values(sql), on_row, is_open, NULL);
}

/* ---- changes ---- */

static fhir_err_t *run_change(int *done, const fhir_call_t *call, const fhir_stmt_t *stmt,
                              const fhir_value_t *values)
{
    apr_int64_t rows = 0;

    FHIR_TRY(fhir_call_run(call, stmt, values, NULL, NULL, &rows));
    *done = rows > 0;
    return NULL;
}

/* The columns for which the row has values, and the values, after those of the fixed columns; other
 * columns keep their default, NULL. A resource type has few combinations in practice. row gets the
 * parameters. */
static void push_cells(fhir_buf_t *sql, fhir_buf_t *row, apr_array_header_t *values,
                       const fhir_call_t *call, const fhir_type_t *type, const fhir_value_t *cells)
{
    for (int i = 0; i < FHIR_EXTRACT_CELLS(type); i++) {
        const char *cast, *name = column_name(&cast, call, type, i);

        if (!cells[i].data)
            continue;
        fhir_buf_puts(sql, ", \"");
        fhir_buf_puts(sql, name);
        fhir_buf_putc(sql, '"');
        APR_ARRAY_PUSH(values, fhir_value_t) = cells[i];
        fhir_buf_puts(row, ", $");
        fhir_buf_puts(row, integer(call, values->nelts));
        fhir_buf_puts(row, cast);
    }
}

/* One statement checks the references and inserts, so that a create is one round trip. */
fhir_err_t *fhir_record_insert(int *done, const fhir_call_t *call, const fhir_type_t *type,
                               const fhir_record_t *record, const fhir_value_t *cells,
                               fhir_refs_t *refs)
{
    fhir_buf_t *sql = fhir_buf_create(call->pool, 0), *row = fhir_buf_create(call->pool, 0);
    apr_array_header_t *values =
        apr_array_make(call->pool, FIXED + FHIR_EXTRACT_CELLS(type) + 8, sizeof(fhir_value_t));
    fhir_stmt_t stmt = {.flags = FHIR_STMT_WRITE};

    push_fixed(values, call, record);
    fhir_buf_puts(sql, "INSERT INTO ");
    fhir_buf_puts(sql, fhir_call_table(call, type, ""));
    fhir_buf_puts(sql, " (id, version, last_updated, resource");
    fhir_buf_puts(row, "SELECT $1::text, $2::integer, $3::timestamptz, $4::text");
    push_cells(sql, row, values, call, type, cells);
    fhir_buf_puts(sql, ") ");
    if (refs && fhir_refs_count(refs)) {
        fhir_buf_puts(row, " WHERE ");
        fhir_refs_condition(row, values, refs, call);
    }
    if (record->fresh) {
        stmt.flags |= refs ? FHIR_STMT_GROUP : FHIR_STMT_GROUP | FHIR_STMT_LATER;
        stmt.row = sql->len;
        stmt.key = "id";
    }
    fhir_buf_append(sql, row->data, row->len);
    stmt.sql = fhir_buf_cstr(sql);
    stmt.n_values = values->nelts;
    return run_change(done, call, &stmt, (const fhir_value_t *)values->elts);
}

/*
 * Locks the old row. FOR UPDATE waits for a concurrent writer and then reads the row again, so the
 * version is compared with the one that is current at that moment. $1 id, $2 new version, $3 time.
 */
static void old_row(fhir_buf_t *sql, const fhir_call_t *call, const fhir_type_t *type)
{
    fhir_buf_printf(
        sql,
        "WITH old AS MATERIALIZED (SELECT id, version, last_updated, resource, mentions FROM %s "
        "WHERE id = $1::text AND version = $2::integer - 1 AND "
        "last_updated < $3::timestamptz FOR UPDATE), "
        "superseded AS (INSERT INTO %s (id, version, last_updated, method, resource, "
        "mentions) SELECT id, version, last_updated, "
        "CASE version WHEN 1 THEN 'C' ELSE 'U' END, resource, mentions FROM old)",
        fhir_call_table(call, type, ""), fhir_call_table(call, type, "_history"));
}

fhir_err_t *fhir_record_update(int *done, const fhir_call_t *call, const fhir_type_t *type,
                               const fhir_record_t *record, const fhir_value_t *cells)
{
    fhir_buf_t *sql = fhir_buf_create(call->pool, 0);
    apr_array_header_t *values =
        apr_array_make(call->pool, FIXED + FHIR_EXTRACT_CELLS(type), sizeof(fhir_value_t));
    fhir_stmt_t stmt = {.flags = FHIR_STMT_WRITE};

    push_fixed(values, call, record);
    old_row(sql, call, type);
    fhir_buf_printf(sql, " UPDATE %s t SET version = $2, last_updated = $3, resource = $4",
                    fhir_call_table(call, type, ""));
    for (int i = 0; i < FHIR_EXTRACT_CELLS(type); i++) {
        const char *cast, *name = column_name(&cast, call, type, i);

        fhir_buf_printf(sql, ", \"%s\" = $%d", name, FIXED + 1 + i);
        APR_ARRAY_PUSH(values, fhir_value_t) = cells[i];
    }
    fhir_buf_puts(sql, " FROM old WHERE t.id = old.id");
    stmt.sql = fhir_buf_cstr(sql);
    stmt.n_values = values->nelts;
    return run_change(done, call, &stmt, (const fhir_value_t *)values->elts);
}

fhir_err_t *fhir_record_delete(int *done, const fhir_call_t *call, const fhir_type_t *type,
                               const fhir_record_t *record)
{
    fhir_buf_t *sql = fhir_buf_create(call->pool, 0);
    fhir_value_t values[3] = {fhir_value_text(record->id),
                              fhir_value_text(integer(call, record->version)),
                              fhir_value_text(timestamp(call, record->updated))};
    fhir_stmt_t stmt = {.n_values = 3, .flags = FHIR_STMT_WRITE};

    old_row(sql, call, type);
    fhir_buf_printf(sql,
                    ", deleted AS (INSERT INTO %s (id, version, last_updated, method) "
                    "SELECT id, $2, $3, 'D' FROM old) DELETE FROM %s t USING old "
                    "WHERE t.id = old.id",
                    fhir_call_table(call, type, "_history"), fhir_call_table(call, type, ""));
    stmt.sql = fhir_buf_cstr(sql);
    return run_change(done, call, &stmt, values);
}
