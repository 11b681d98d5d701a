/* SPDX-License-Identifier: Apache-2.0 */
/* Fills the column `terms` of rows that were stored before it existed. */
#include "fhirctl/fhirctl_terms.h"

#include <apr_strings.h>
#include <string.h>

#include "fhir/extract/fhir_keys.h"
#include "fhirctl/fhirctl_db.h"

#define ROWS "500" /* of a statement */

typedef struct fill_t {
    PGconn *conn;
    const fhir_model_t *model;
    const fhir_type_t *type;
    const char *table;
    const char *select;
    fhir_value_t *cells;
    apr_pool_t *scratch; /* of one statement */
} fill_t;

static const fhir_type_t *type_of(const fhir_model_t *model, const char *table)
{
    char name[64];
    for (int i = 1; i <= model->n_resources; i++)
        if (!(model->types[i].flags & FHIR_TYPE_ABSTRACT) &&
            !strcmp(fhir_model_table(name, model, &model->types[i]), table))
            return &model->types[i];
    return NULL;
}

/* The rows behind one: id, and the columns of which keys are made. A server of an earlier version
 * works for some seconds beside the new column, and leaves it as it is in rows that it changes. The
 * rows are locked in the order in which a server's transactions change theirs. */
static const char *select_of(const fill_t *fill, apr_pool_t *pool)
{
    fhir_buf_t *sql = fhir_buf_create(pool, 0);
    fhir_buf_puts(sql, "SELECT id");
    for (int i = 0; i < fill->type->n_columns; i++)
        if (fhir_keys_needs(fill->model, fill->type, i)) {
            const fhir_column_t *column = &fill->model->columns[fill->type->first_column + i];
            fhir_buf_printf(sql, ", \"%s\"", fhir_model_str(fill->model, column->name));
        }
    fhir_buf_printf(sql,
                    " FROM \"%s\" WHERE id > $1::text AND (terms IS NULL OR last_updated >= "
                    "(SELECT applied - interval '1 min' FROM fhir_migration WHERE name = "
                    "'032-terms')) ORDER BY id LIMIT " ROWS " FOR UPDATE",
                    fill->table);
    return fhir_buf_cstr(sql);
}

static void read_cells(const fill_t *fill, const PGresult *rows, int row)
{
    for (int i = 0, at = 1; i < fill->type->n_columns; i++) {
        fill->cells[i] = (fhir_value_t){0};
        if (!fhir_keys_needs(fill->model, fill->type, i))
            continue;
        if (!PQgetisnull(rows, row, at))
            fill->cells[i] =
                (fhir_value_t){PQgetvalue(rows, row, at), (apr_size_t)PQgetlength(rows, row, at)};
        at++;
    }
}

static void add(fhir_buf_t *array, const char *text)
{
    fhir_buf_putc(array, array->len ? ',' : '{');
    fhir_store_array_element(array, text, strlen(text));
}

static fhir_err_t *fill_rows(const fill_t *fill, const PGresult *rows)
{
    fhir_buf_t *arrays = fhir_buf_create_many(fill->scratch, 0, 3);
    fhir_buf_t *ids = &arrays[0], *texts = &arrays[1], *one = &arrays[2];
    for (int i = 0; i < PQntuples(rows); i++) {
        read_cells(fill, rows, i);
        FHIR_TRY(fhir_keys_of_row(one, fill->model, fill->type, fill->cells, fill->scratch));
        if (!one->len)
            continue;
        add(ids, PQgetvalue(rows, i, 0));
        add(texts, fhir_buf_cstr(one));
    }
    if (!ids->len)
        return NULL;
    fhir_buf_putc(ids, '}');
    fhir_buf_putc(texts, '}');
    const char *values[] = {fhir_buf_cstr(ids), fhir_buf_cstr(texts)};
    return fhirctl_db_run(NULL, fill->conn, fill->scratch,
                          apr_psprintf(fill->scratch,
                                       "UPDATE \"%s\" t SET terms = v.k::integer[] "
                                       "FROM unnest($1::text[], $2::text[]) v(id, k) "
                                       "WHERE t.id = v.id",
                                       fill->table),
                          2, values);
}

fhir_err_t *fhirctl_terms_fill(PGconn *conn, const char *table, apr_pool_t *pool)
{
    fill_t fill = {.conn = conn, .model = &fhir_model_r4, .table = table};
    const char *last = "";
    char id[128];
    int n = 1;
    fill.type = type_of(fill.model, table);
    if (!fill.type)
        return NULL;
    fill.select = select_of(&fill, pool);
    fill.cells = apr_pcalloc(pool, fill.type->n_columns * sizeof(*fill.cells));
    while (n) {
        apr_pool_create(&fill.scratch, pool);
        PGresult *rows;
        FHIR_TRY(fhirctl_db_run(NULL, conn, fill.scratch, "BEGIN", 0, NULL));
        FHIR_TRY(fhirctl_db_run(&rows, conn, fill.scratch, fill.select, 1, &last));
        FHIR_TRY(fill_rows(&fill, rows));
        FHIR_TRY(fhirctl_db_run(NULL, conn, fill.scratch, "COMMIT", 0, NULL));
        n = PQntuples(rows);
        if (n) {
            apr_cpystrn(id, PQgetvalue(rows, n - 1, 0), sizeof(id));
            last = id;
        }
        apr_pool_destroy(fill.scratch);
    }
    return NULL;
}
