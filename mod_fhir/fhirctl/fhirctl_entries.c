/* SPDX-License-Identifier: Apache-2.0 */
/* Fills the rows of first entries for Bundles that were stored before such rows existed. */
#include "fhirctl/fhirctl_entries.h"

#include <apr_strings.h>

#include "fhir/query/fhir_contained.h"
#include "fhirctl/fhirctl_db.h"

#define ROWS "50" /* of a statement; a Bundle may be large */

/* Bundles whose first entry is of a parameter's type and has no row: columns id, resource. */
static const char *select_sql(const fhir_model_t *m, const fhir_type_t *type, apr_pool_t *pool)
{
    fhir_buf_t *sql = fhir_buf_create(pool, 0);
    char table[64];
    const char * or = "";

    fhir_buf_printf(sql, "SELECT id, resource FROM \"%s\" b WHERE id > $1 AND (",
                    fhir_model_table(table, m, type));
    char own[64];
    for (int i = 0; i < type->n_params; i++) {
        const fhir_param_t *p = &m->params[type->first_param + i];

        if (!(p->flags & FHIR_PARAM_INSIDE))
            continue;
        fhir_buf_printf(sql,
                        "%s\"%s\" IS NOT NULL AND NOT EXISTS (SELECT FROM \"%s" FHIR_CONTAINED_TABLE
                        "\" k WHERE k.holder_type = '%s' AND k.holder_id = b.id AND "
                        "k.version = b.version)",
                        or, fhir_model_str(m, p->column),
                        fhir_model_table(own, m, &m->types[m->targets[p->first_target]]),
                        fhir_model_str(m, type->name));
        or = " OR ";
    }
    fhir_buf_puts(sql, ") ORDER BY id LIMIT " ROWS);
    return fhir_buf_cstr(sql);
}

static fhir_err_t *fill_rows(PGconn *conn, const fhir_model_t *model, const fhir_type_t *type,
                             fhir_extract_t *extract, const PGresult *rows, apr_pool_t *scratch)
{
    for (int i = 0; i < PQntuples(rows); i++) {
        const char *text = PQgetvalue(rows, i, 1), *values[2] = {PQgetvalue(rows, i, 0)};
        fhir_node_t *root;

        FHIR_TRY(fhir_node_parse_json(&root, text, (apr_size_t)PQgetlength(rows, i, 1),
                                      FHIR_NODE_LIMITS_MOST, scratch));
        apr_array_header_t *found;
        FHIR_TRY(fhir_contained_rows(&found, model, extract, NULL, type, text, root, scratch));
        for (int j = 0; j < found->nelts; j++) {
            values[1] = APR_ARRAY_IDX(found, j, fhir_contained_rows_t).json;
            FHIR_TRY(fhirctl_db_run(NULL, conn, scratch,
                                    APR_ARRAY_IDX(found, j, fhir_contained_rows_t).sql, 2, values));
        }
    }
    return NULL;
}

fhir_err_t *fhirctl_entries_fill(PGconn *conn, const fhir_model_t *model, const char *base_url,
                                 apr_pool_t *pool)
{
    fhir_extract_t *extract = fhir_extract_create(model, base_url, NULL, pool);

    for (int i = 1; i <= model->n_resources; i++) {
        const fhir_type_t *type = &model->types[i];
        const char *last = "";
        int n = 1;

        while (fhir_contained_inside(model, type) && n) {
            apr_pool_t *scratch;

            apr_pool_create(&scratch, pool);
            PGresult *rows;
            FHIR_TRY(
                fhirctl_db_run(&rows, conn, scratch, select_sql(model, type, scratch), 1, &last));
            FHIR_TRY(fill_rows(conn, model, type, extract, rows, scratch));
            n = PQntuples(rows);
            last = n ? apr_pstrdup(pool, PQgetvalue(rows, n - 1, 0)) : last;
            apr_pool_destroy(scratch);
        }
    }
    return NULL;
}
