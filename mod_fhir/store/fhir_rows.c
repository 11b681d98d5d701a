/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Combines inserts with the same text into one statement: the cost of a row is mostly that of its
 * statement.
 */
#include "store/fhir_store_private.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "core/fhir_buf.h"

/* The SELECT of a row with its parameters renumbered. Quoted names may contain anything. */
static void append_row(fhir_buf_t *text, const char *row, int shift)
{
    while (*row) {
        apr_size_t len = strcspn(row, "$\"");
        fhir_buf_append(text, row, len);
        row += len;
        if (*row == '$') {
            char *end;
            fhir_buf_printf(text, "$%ld", strtol(row + 1, &end, 10) + shift);
            row = end;
        }
        else if (*row) {
            const char *close = strchr(row + 1, '"');
            len = close ? (apr_size_t)(close + 1 - row) : strlen(row);
            fhir_buf_append(text, row, len);
            row += len;
        }
    }
}

static const char *joined(const fhir_stmt_t *stmt, int n, apr_pool_t *pool)
{
    fhir_buf_t *text = fhir_buf_create(pool, 0);
    fhir_buf_append(text, stmt->sql, stmt->row);
    for (int i = 0; i < n; i++) {
        if (i)
            fhir_buf_puts(text, " UNION ALL ");
        append_row(text, stmt->sql + stmt->row, i * stmt->n_values);
    }
    fhir_buf_puts(text, " RETURNING ");
    fhir_buf_puts(text, stmt->key);
    return fhir_buf_cstr(text);
}

/* Takes the first member that is left, and those that can be combined with it. */
static void gather(fhir_rows_t *unit, fhir_member_t **left, int n)
{
    const fhir_stmt_t *stmt = left[0]->stmt;
    unit->stmt = *stmt;
    unit->member[unit->n++] = left[0];
    for (int i = 1; stmt->row && i < n && unit->n < FHIR_ROWS_MAX; i++) {
        if (left[i] && left[i]->stmt->row && strcmp(left[i]->stmt->sql, stmt->sql) == 0)
            unit->member[unit->n++] = left[i];
    }
}

static void strike(fhir_member_t **left, int n, const fhir_rows_t *unit)
{
    for (int i = 0, taken = 0; i < n && taken < unit->n; i++) {
        if (left[i] == unit->member[taken]) {
            left[i] = NULL;
            taken++;
        }
    }
}

static void complete(fhir_rows_t *unit, apr_pool_t *pool)
{
    int n = unit->stmt.n_values;
    unit->values = apr_palloc(pool, sizeof(*unit->values) * (apr_size_t)(n * unit->n));
    for (int i = 0; i < unit->n * n; i++) {
        unit->values[i] = unit->member[i / n]->values[i % n].data;
    }
    if (unit->n == 1)
        return;
    unit->stmt.sql = joined(&unit->stmt, unit->n, pool);
    unit->stmt.n_values = n * unit->n;
}

int fhir_rows_join(fhir_rows_t **units_out, fhir_member_t *list, apr_pool_t *pool)
{
    int n = 0, n_units = 0;
    for (const fhir_member_t *m = list; m; m = m->next) {
        n++;
    }
    fhir_member_t **left = apr_palloc(pool, sizeof(*left) * (apr_size_t)n);
    fhir_rows_t *units = apr_pcalloc(pool, sizeof(*units) * (apr_size_t)n);
    for (int i = 0; i < n; i++, list = list->next) {
        left[i] = list;
    }
    for (int i = 0; i < n; i++) {
        if (!left[i])
            continue;
        gather(&units[n_units], left + i, n - i);
        strike(left + i, n - i, &units[n_units]);
        complete(&units[n_units++], pool);
    }
    *units_out = units;
    return n_units;
}

/* The rows come back in the order of the SELECTs; a row whose condition failed is missing. */
fhir_err_t *fhir_rows_settle(const fhir_rows_t *unit, const PGresult *result, apr_pool_t *pool)
{
    int row = 0;
    if (unit->n == 1) {
        unit->member[0]->affected = apr_atoi64(PQcmdTuples((PGresult *)result));
        return NULL;
    }
    for (int i = 0; i < unit->n; i++) {
        fhir_member_t *member = unit->member[i];
        member->affected = row < PQntuples(result) &&
                           strcmp(PQgetvalue(result, row, 0), member->values[0].data) == 0;
        row += (int)member->affected;
    }
    if (row == PQntuples(result))
        return NULL;
    return fhir_err_detail(
        fhir_err_create(pool, FHIR_ERR_INTERNAL, "The server could not complete the request"), pool,
        "joined inserts gave %d rows, of which %d are theirs", PQntuples(result), row);
}
