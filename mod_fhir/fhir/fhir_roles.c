/* SPDX-License-Identifier: Apache-2.0 */
/* PractitionerRoles: the practitioner of a role, and the roles of a practitioner. */
#include "fhir/fhir_roles.h"

#include <apr_strings.h>

#include "fhir/query/fhir_grant.h"
#include "fhir/query/fhir_sql.h"

/* The most roles that are shown for one practitioner. */
#define ROLES_MAX 50

/* Columns: id, practitioner, resource (only for practitioners that were asked for). */
static fhir_err_t *on_role(void *baton, const fhir_row_t *row)
{
    struct fhir_roles_t *roles = baton;

    if (fhir_row_is_null(row, 1))
        return NULL;
    const char *reference = apr_pstrdup(roles->pool, fhir_row_text(row, 1));
    if (fhir_row_is_null(row, 2)) {
        apr_hash_set(roles->known, apr_pstrdup(roles->pool, fhir_row_text(row, 0)),
                     APR_HASH_KEY_STRING, reference);
        return NULL;
    }
    apr_array_header_t *held = apr_hash_get(roles->held, reference, APR_HASH_KEY_STRING);
    if (!held) {
        held = apr_array_make(roles->pool, 2, sizeof(fhir_value_t));
        apr_hash_set(roles->held, reference, APR_HASH_KEY_STRING, held);
    }
    APR_ARRAY_PUSH(held, fhir_value_t) =
        (fhir_value_t){apr_pstrmemdup(roles->pool, fhir_row_text(row, 2), fhir_row_len(row, 2)),
                       fhir_row_len(row, 2)};
    return NULL;
}

fhir_err_t *fhir_roles_find(fhir_call_t *call)
{
    const fhir_type_t *type = fhir_model_resource(call->stored, "PractitionerRole", 16);
    const fhir_param_t *param = fhir_model_param(call->stored, type, "practitioner", 12);
    const char *column = fhir_model_str(call->stored, param->column);
    const char *table = fhir_call_table(call, type, "");

    if (!fhir_grant_allows(call->grant, call->stored, type, FHIR_RIGHT_READ))
        return NULL;
    const fhir_granted_t *granted;
    FHIR_TRY(fhir_grant_resolve(&granted, call, type));
    fhir_sql_t *sql = fhir_sql_create(call);
    fhir_buf_printf(sql->text, "SELECT t.id, t.\"%s\", NULL FROM %s t WHERE t.id = ANY (", column,
                    table);
    fhir_sql_bind_array(sql, call->roles->wanted, "text[]");
    fhir_buf_putc(sql->text, ')');
    fhir_grant_sql(sql, "t", granted, FHIR_RIGHT_READ);
    fhir_buf_puts(sql->text, " UNION ALL SELECT r.id, r.who, r.resource FROM unnest(");
    fhir_sql_bind_array(sql, call->roles->practitioners, "text[]");
    fhir_buf_printf(
        sql->text,
        ") w (ref) CROSS JOIN LATERAL (SELECT t.id, t.\"%s\" AS who, t.resource FROM %s "
        "t WHERE t.\"%s\" = w.ref",
        column, table, column);
    fhir_grant_sql(sql, "t", granted, FHIR_RIGHT_READ);
    fhir_buf_printf(sql->text, " ORDER BY t.id LIMIT %d) r", ROLES_MAX);
    fhir_stmt_t stmt;
    FHIR_TRY(fhir_sql_stmt(&stmt, sql, FHIR_STMT_SHORT));
    return fhir_call_run(call, &stmt, fhir_sql_values(sql), on_role, call->roles, NULL);
}
