/* SPDX-License-Identifier: Apache-2.0 */
/* Fills the column `mentions` of rows that were stored before it existed. */
#include "fhirctl/fhirctl_mentions.h"

#include <apr_strings.h>
#include <string.h>

#include "fhir/extract/fhir_extract.h"
#include "fhirctl/fhirctl_db.h"

#define ROWS "500" /* of a statement; a resource may be large */

typedef struct fill_t {
    PGconn *conn;
    const fhir_model_t *model;
    const fhir_type_t *type;
    const char *table; /* with the suffix */
    const char *where; /* rows without a value */
    fhir_extract_t *extract;
    fhir_value_t *cells;
    apr_pool_t *scratch; /* of one statement */
} fill_t;

/* The mentions of a stored resource, as an array literal. */
static fhir_err_t *mentions_of(const char **text, const fill_t *fill, const char *json,
                               apr_size_t len)
{
    fhir_node_t *root;

    FHIR_TRY(fhir_node_parse_json(&root, json, len, FHIR_NODE_LIMITS_MOST, fill->scratch));
    FHIR_TRY(fhir_extract_run(fill->cells, fill->extract, fill->type, root));
    *text = fill->cells[fill->type->n_columns].data;
    return NULL;
}

static void add(fhir_buf_t *array, const char *text)
{
    fhir_buf_putc(array, array->len ? ',' : '{');
    fhir_store_array_element(array, text, strlen(text));
}

/* Rows of one statement: id, version, resource. */
static fhir_err_t *fill_rows(const fill_t *fill, const PGresult *rows)
{
    fhir_buf_t *ids = fhir_buf_create(fill->scratch, 0), *texts = fhir_buf_create(fill->scratch, 0);
    fhir_buf_t *versions = fhir_buf_create(fill->scratch, 0);

    for (int i = 0; i < PQntuples(rows); i++) {
        const char *text;

        FHIR_TRY(
            mentions_of(&text, fill, PQgetvalue(rows, i, 2), (apr_size_t)PQgetlength(rows, i, 2)));
        if (!text)
            continue;
        add(ids, PQgetvalue(rows, i, 0));
        add(versions, PQgetvalue(rows, i, 1));
        add(texts, text);
    }
    if (!ids->len)
        return NULL;
    fhir_buf_putc(ids, '}');
    fhir_buf_putc(versions, '}');
    fhir_buf_putc(texts, '}');
    const char *values[3];
    values[0] = fhir_buf_cstr(ids);
    values[1] = fhir_buf_cstr(versions);
    values[2] = fhir_buf_cstr(texts);
    return fhirctl_db_run(
        NULL, fill->conn, fill->scratch,
        apr_psprintf(fill->scratch,
                     "UPDATE \"%s\" t SET mentions = v.m::text[] "
                     "FROM unnest($1::text[], $2::integer[], $3::text[]) v(id, version, m) "
                     "WHERE t.id = v.id AND t.version = v.version",
                     fill->table),
        3, values);
}

static fhir_err_t *fill_table(fill_t *fill, apr_pool_t *pool)
{
    const char *last[2] = {"", "0"};
    int n = 1;

    while (n) {
        apr_pool_create(&fill->scratch, pool);
        PGresult *rows;
        FHIR_TRY(fhirctl_db_run(
            &rows, fill->conn, fill->scratch,
            apr_psprintf(fill->scratch,
                         "SELECT id, version, resource FROM \"%s\" WHERE %s AND "
                         "(id, version) > ($1::text, $2::integer) ORDER BY id, version LIMIT " ROWS,
                         fill->table, fill->where),
            2, last));
        FHIR_TRY(fill_rows(fill, rows));
        n = PQntuples(rows);
        if (n) {
            last[0] = apr_pstrdup(pool, PQgetvalue(rows, n - 1, 0));
            last[1] = apr_pstrdup(pool, PQgetvalue(rows, n - 1, 1));
        }
        apr_pool_destroy(fill->scratch);
    }
    return NULL;
}

fhir_err_t *fhirctl_mentions_fill(PGconn *conn, const fhir_model_t *model, const char *base_url,
                                  apr_pool_t *pool)
{
    fill_t fill = {.conn = conn, .model = model};

    fill.extract = fhir_extract_create(model, base_url, NULL, pool);
    fill.cells = apr_pcalloc(pool, (model->n_columns + 1u) * sizeof(*fill.cells));
    char table[64];
    for (int i = 1; i <= model->n_resources; i++) {
        fill.type = &model->types[i];
        if (fill.type->flags & FHIR_TYPE_ABSTRACT ||
            fill.type == fhir_model_resource(model, "Patient", 7))
            continue;
        fill.table = fhir_model_table(table, model, fill.type);
        fill.where =
            fill.type->patient ? "mentions IS NULL AND patient IS NULL" : "mentions IS NULL";
        FHIR_TRY(fill_table(&fill, pool));
        if (fill.type->patient) /* its versions are read unchanged */
            continue;
        fill.table = apr_pstrcat(pool, table, "_history", NULL);
        fill.where = "mentions IS NULL AND resource IS NOT NULL";
        FHIR_TRY(fill_table(&fill, pool));
    }
    return NULL;
}
