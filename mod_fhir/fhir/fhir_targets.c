/* SPDX-License-Identifier: Apache-2.0 */
/* The practitioner of a role, the roles of a practitioner, and resources that are not shown. */
#include "fhir/fhir_targets.h"

#include <apr_strings.h>

#include "fhir/query/fhir_grant.h"
#include "fhir/query/fhir_resolve.h"
#include "fhir/query/fhir_spoken_query.h"

/* The most roles that are shown for one practitioner. */
#define ROLES_MAX 50

static const fhir_type_t *type_of(const fhir_call_t *call, const char *name)
{
    return fhir_model_resource(call->stored, name, strlen(name));
}

/* Columns: id, practitioner, resource (only for practitioners that were asked for). */
static fhir_err_t *on_role(void *baton, const fhir_row_t *row)
{
    struct fhir_targets_t *targets = baton;

    if (fhir_row_is_null(row, 1))
        return NULL;
    const char *reference = apr_pstrdup(targets->pool, fhir_row_text(row, 1));
    if (fhir_row_is_null(row, 2)) {
        apr_hash_set(targets->known,
                     apr_pstrcat(targets->pool, FHIR_SPOKEN_ROLE, "/", fhir_row_text(row, 0), NULL),
                     APR_HASH_KEY_STRING, reference);
        return NULL;
    }
    apr_array_header_t *held = apr_hash_get(targets->held, reference, APR_HASH_KEY_STRING);
    if (!held) {
        held = apr_array_make(targets->pool, 2, sizeof(fhir_value_t));
        apr_hash_set(targets->held, reference, APR_HASH_KEY_STRING, held);
    }
    APR_ARRAY_PUSH(held, fhir_value_t) =
        (fhir_value_t){apr_pstrmemdup(targets->pool, fhir_row_text(row, 2), fhir_row_len(row, 2)),
                       fhir_row_len(row, 2)};
    return NULL;
}

static fhir_err_t *find_roles(fhir_call_t *call)
{
    const fhir_type_t *type = type_of(call, FHIR_SPOKEN_ROLE);
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
    fhir_sql_bind_array(sql, call->targets->roles, "text[]");
    fhir_buf_putc(sql->text, ')');
    fhir_grant_sql(sql, "t", granted, FHIR_RIGHT_READ);
    fhir_buf_puts(sql->text, " UNION ALL SELECT r.id, r.who, r.resource FROM unnest(");
    fhir_sql_bind_array(sql, call->targets->practitioners, "text[]");
    fhir_buf_printf(
        sql->text,
        ") w (ref) CROSS JOIN LATERAL (SELECT t.id, t.\"%s\" AS who, t.resource FROM %s "
        "t WHERE t.\"%s\" = w.ref",
        column, table, column);
    fhir_grant_sql(sql, "t", granted, FHIR_RIGHT_READ);
    fhir_buf_printf(sql->text, " ORDER BY t.id LIMIT %d) r", ROLES_MAX);
    fhir_stmt_t stmt;
    FHIR_TRY(fhir_sql_stmt(&stmt, sql, FHIR_STMT_SHORT));
    return fhir_call_run(call, &stmt, fhir_sql_values(sql), on_role, call->targets, NULL);
}

/* The column: the reference. */
static fhir_err_t *on_unshown(void *baton, const fhir_row_t *row)
{
    struct fhir_targets_t *targets = baton;

    apr_hash_set(targets->known, apr_pstrdup(targets->pool, fhir_row_text(row, 0)),
                 APR_HASH_KEY_STRING, FHIR_SPOKEN_UNSHOWN);
    return NULL;
}

/* Those that the grant lets the client see, and that DSTU2 does not show. */
static fhir_err_t *find_unshown(fhir_call_t *call, const fhir_convert_type_t *t)
{
    fhir_query_t query = {.type = type_of(call, t->r4)};

    if (!fhir_grant_allows(call->grant, call->stored, query.type, FHIR_RIGHT_READ))
        return NULL;
    query.where = fhir_query_node(call, FHIR_Q_AND, query.type);
    FHIR_TRY(fhir_spoken_query_always(&query, call, t->dstu2));
    FHIR_TRY(fhir_resolve_query(&query, call, 0));
    fhir_qnode_t *unshown = fhir_query_node(call, FHIR_Q_NOT, query.type);
    fhir_query_add(unshown, query.where);
    fhir_sql_t *sql = fhir_sql_create(call);
    fhir_buf_printf(sql->text, "SELECT '%s/' || t.id FROM %s t WHERE t.id = ANY (", t->r4,
                    fhir_call_table(call, query.type, ""));
    fhir_sql_bind_array(sql, call->targets->partly, "text[]");
    fhir_buf_puts(sql->text, ") AND ");
    fhir_sql_node(sql, "t", unshown);
    fhir_grant_sql(sql, "t", query.granted, FHIR_RIGHT_READ);
    fhir_stmt_t stmt;
    FHIR_TRY(fhir_sql_stmt(&stmt, sql, FHIR_STMT_SHORT));
    return fhir_call_run(call, &stmt, fhir_sql_values(sql), on_unshown, call->targets, NULL);
}

fhir_err_t *fhir_targets_find(fhir_call_t *call)
{
    const struct fhir_targets_t *targets = call->targets;

    if (targets->roles->nelts || targets->practitioners->nelts)
        FHIR_TRY(find_roles(call));
    return targets->partly->nelts ? find_unshown(call, fhir_spoken_partly()) : NULL;
}
