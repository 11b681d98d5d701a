/* SPDX-License-Identifier: Apache-2.0 */
/* Stored ValueSets: which one, and its codes. */
#include "fhir/query/fhir_valueset.h"

#include <apr_strings.h>

#include "fhir/query/fhir_grant.h"
#include "fhir/query/fhir_sql.h"

typedef struct stored_t {
    const char *json;
    apr_pool_t *pool;
} stored_t;

static fhir_err_t *on_stored(void *baton, const fhir_row_t *row)
{
    stored_t *stored = baton;
    stored->json = apr_pstrmemdup(stored->pool, fhir_row_text(row, 0), fhir_row_len(row, 0));
    return NULL;
}

fhir_err_t *fhir_valueset_load(fhir_node_t **root, const fhir_call_t *call, const char *id,
                               const char *url)
{
    const fhir_type_t *type = fhir_model_resource(call->stored, "ValueSet", 8);
    stored_t stored = {NULL, call->pool};
    fhir_sql_t *sql;
    fhir_stmt_t stmt;
    *root = NULL;
    FHIR_TRY(fhir_sql_create(&sql, call));
    fhir_buf_printf(sql->text,
                    "SELECT t.resource FROM %s t WHERE %s = ", fhir_call_table(call, type, ""),
                    id ? "t.id" : "t.url");
    fhir_sql_bind(sql, id ? id : url, "text");
    FHIR_TRY(fhir_grant_sql(sql, "t", type, FHIR_RIGHT_READ));
    fhir_buf_puts(sql->text, " ORDER BY t.last_updated DESC LIMIT 1");
    FHIR_TRY(fhir_sql_stmt(&stmt, sql, 0));
    FHIR_TRY(fhir_call_run(call, &stmt, fhir_sql_values(sql), on_stored, &stored, NULL));
    if (!stored.json)
        return NULL;
    return fhir_node_parse_json(root, stored.json, strlen(stored.json), FHIR_NODE_LIMITS_MOST,
                                call->pool);
}

/* compose.include that only lists concepts; anything else cannot be expanded here. */
int fhir_valueset_list(apr_array_header_t *codes, const fhir_node_t *root, apr_pool_t *pool)
{
    const fhir_node_t *compose = fhir_node_get(root, "compose");
    const fhir_node_t *include = fhir_node_get(compose, "include");
    if (!include || fhir_node_get(compose, "exclude"))
        return 0;
    for (const fhir_node_t *part = include->child; part; part = part->next) {
        const fhir_node_t *concepts = fhir_node_get(part, "concept");
        if (!concepts || fhir_node_get(part, "filter") || fhir_node_get(part, "valueSet"))
            return 0;
        for (const fhir_node_t *c = concepts->child; c; c = c->next)
            *(fhir_valueset_code_t *)apr_array_push(codes) = (fhir_valueset_code_t){
                fhir_node_string(part, "system", pool), fhir_node_string(c, "code", pool),
                fhir_node_string(c, "display", pool)};
    }
    return 1;
}
