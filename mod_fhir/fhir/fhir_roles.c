/* SPDX-License-Identifier: Apache-2.0 */
/* Whose role a PractitionerRole is. */
#include "fhir/fhir_roles.h"

#include <apr_strings.h>

#include "fhir/query/fhir_grant.h"
#include "fhir/query/fhir_sql.h"

/* Columns: id, practitioner. */
static fhir_err_t *on_role(void *baton, const fhir_row_t *row)
{
    struct fhir_roles_t *roles = baton;

    if (!fhir_row_is_null(row, 1))
        apr_hash_set(roles->known, apr_pstrdup(roles->pool, fhir_row_text(row, 0)),
                     APR_HASH_KEY_STRING, apr_pstrdup(roles->pool, fhir_row_text(row, 1)));
    return NULL;
}

fhir_err_t *fhir_roles_find(fhir_call_t *call)
{
    const fhir_type_t *type = fhir_model_resource(call->stored, "PractitionerRole", 16);
    const fhir_param_t *param = fhir_model_param(call->stored, type, "practitioner", 12);
    fhir_sql_t *sql;
    fhir_stmt_t stmt;

    if (!fhir_grant_allows(call->grant, call->stored, type, FHIR_RIGHT_READ))
        return NULL;
    FHIR_TRY(fhir_sql_create(&sql, call));
    fhir_buf_printf(sql->text, "SELECT t.id, t.\"%s\" FROM %s t WHERE t.id = ANY (",
                    fhir_model_str(call->stored, param->column), fhir_call_table(call, type, ""));
    fhir_sql_bind_array(sql, call->roles->wanted, "text[]");
    fhir_buf_putc(sql->text, ')');
    FHIR_TRY(fhir_grant_sql(sql, "t", type, FHIR_RIGHT_READ));
    FHIR_TRY(fhir_sql_stmt(&stmt, sql, FHIR_STMT_SHORT));
    return fhir_call_run(call, &stmt, fhir_sql_values(sql), on_role, call->roles, NULL);
}
