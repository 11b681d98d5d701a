/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grant as SQL: which rows of a table a request may see. Where grants come from is not known
 * here. fhir_grant_patient.c says what a scope for a patient shows of a type.
 */
#include "fhir/query/fhir_grant.h"

#include <apr_strings.h>

#include "fhir/fhir_spoken.h"
#include "fhir/query/fhir_grant_patient.h"
#include "fhir/query/fhir_resolve.h"

/* type: the name of a resource type. */
static int covers(const fhir_grant_scope_t *scope, const char *type, unsigned right)
{
    return (!scope->type || !strcmp(scope->type, type)) && (scope->rights & right) == right;
}

int fhir_grant_allows(const fhir_grant_t *grant, const fhir_model_t *model, const fhir_type_t *type,
                      unsigned right)
{
    const char *name = fhir_model_str(model, type->name);
    if (grant->all)
        return 1;
    for (int i = 0; i < grant->n_scopes; i++)
        if (covers(&grant->scopes[i], name, right))
            return 1;
    return 0;
}

fhir_err_t *fhir_grant_check(const fhir_call_t *call, const fhir_type_t *type, unsigned right)
{
    static const char *const words[] = {"create", "read", "update", "delete", "search"};
    const char *level = call->grant->level ? call->grant->level : "user";
    const char *name = fhir_model_str(call->stored, type->name);
    int bit = 0;
    if (fhir_grant_allows(call->grant, call->stored, type, right))
        return NULL;
    while (bit < 4 && !(right & (1u << bit)))
        bit++;
    const char *form = apr_pstrmemdup(call->pool, words[bit], 1);
    if (fhir_spoken_differs(call)) { /* its clients use v1 scopes, with its type names */
        if (call->type == type && call->type_name)
            name = call->type_name;
        else
            fhir_spoken_names(call, &name, NULL);
        form = right & FHIR_RIGHT_CHANGES ? "write" : "read";
    }
    fhir_err_t *err =
        fhir_err_create(call->pool, FHIR_ERR_FORBIDDEN,
                        "The access token has no scope to %s %s; %s/%s.%s would be sufficient",
                        words[bit], name, level, name, form);
    err->scope = apr_psprintf(call->pool, "%s/%s.%s", level, name, form);
    return err;
}

fhir_err_t *fhir_grant_resolve(const fhir_granted_t **granted, const fhir_call_t *call,
                               const fhir_type_t *type)
{
    return fhir_resolve_grant(granted, call, type, NULL);
}

int fhir_grant_covers(const fhir_grant_scope_t *scope, const char *type)
{
    return covers(scope, type, 0);
}

/* A condition that is not a valid search of the type, or that is empty, shows no rows. */
static void granular(fhir_sql_t *sql, const char *alias, const fhir_granted_t *granted, int scope)
{
    const fhir_qnode_t *condition = granted->conditions ? granted->conditions[scope] : NULL;
    if (condition)
        fhir_sql_node(sql, alias, condition);
    else
        fhir_buf_puts(sql->text, "FALSE");
}

static void scope_condition(fhir_sql_t *sql, const char *alias, const fhir_granted_t *granted,
                            int number, unsigned right)
{
    const fhir_grant_scope_t *scope = &sql->call->grant->scopes[number];
    const int is_limited = fhir_grant_whose(scope) != FHIR_GRANT_OF_ALL;
    if (is_limited)
        fhir_grant_patient_sql(sql, alias, granted->type, right, fhir_grant_whose(scope));
    if (scope->query) {
        fhir_buf_puts(sql->text, is_limited ? " AND " : "");
        granular(sql, alias, granted, number);
    }
    else if (!is_limited)
        fhir_buf_puts(sql->text, "TRUE");
}

void fhir_grant_sql(fhir_sql_t *sql, const char *alias, const fhir_granted_t *granted,
                    unsigned right)
{
    const fhir_grant_t *grant = sql->call->grant;
    int n = 0;
    if (grant->all)
        return;
    if (!granted) { /* an unresolved condition is unknown, and shows no rows */
        fhir_buf_puts(sql->text, " AND FALSE");
        return;
    }
    const char *name = fhir_model_str(sql->call->stored, granted->type->name);
    fhir_buf_puts(sql->text, " AND (");
    for (int i = 0; i < grant->n_scopes; i++) {
        if (!covers(&grant->scopes[i], name, right))
            continue;
        if (n++)
            fhir_buf_puts(sql->text, " OR ");
        scope_condition(sql, alias, granted, i, right);
    }
    fhir_buf_puts(sql->text, n ? ")" : "FALSE)");
}

/* A superseded version has no search columns. Its patient is therefore read from its text; the
 * condition of a granular scope cannot be applied to it, and denies it. */
static void history_condition(fhir_sql_t *sql, const char *alias, const fhir_type_t *type,
                              const fhir_grant_scope_t *scope)
{
    fhir_grant_whose_t whose = fhir_grant_whose(scope);
    if (scope->query)
        fhir_buf_puts(sql->text, "FALSE");
    else if (whose != FHIR_GRANT_OF_ALL)
        fhir_grant_patient_sql_history(sql, alias, type, whose);
    else
        fhir_buf_puts(sql->text, "TRUE");
}

void fhir_grant_sql_history(fhir_sql_t *sql, const char *alias, const fhir_granted_t *granted,
                            unsigned right)
{
    const fhir_call_t *call = sql->call;
    const fhir_type_t *type = granted->type;
    const char *name = fhir_model_str(call->stored, type->name);
    int n = 0;
    if (call->grant->all)
        return;
    const char *current = fhir_sql_alias(sql);
    fhir_buf_printf(sql->text, " AND EXISTS (SELECT FROM %s %s WHERE %s.id = %s.id",
                    fhir_call_table(call, type, ""), current, current, alias);
    fhir_grant_sql(sql, current, granted, right);
    fhir_buf_puts(sql->text, ") AND (");
    for (int i = 0; i < call->grant->n_scopes; i++) {
        const fhir_grant_scope_t *scope = &call->grant->scopes[i];
        if (!covers(scope, name, right))
            continue;
        fhir_buf_puts(sql->text, n++ ? " OR " : "");
        history_condition(sql, alias, type, scope);
    }
    fhir_buf_puts(sql->text, n ? ")" : "FALSE)");
}
