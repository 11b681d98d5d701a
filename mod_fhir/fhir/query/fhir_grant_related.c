/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The patients of a user: those of an Encounter, CareTeam or Appointment that names the user's
 * Practitioner or one of its PractitionerRoles, unless it was cancelled or entered in error.
 */
#include <apr_strings.h>
#include <string.h>

#include "fhir/query/fhir_grant_patient.h"
#include "fhir/query/fhir_predicate.h"

static const struct {
    unsigned bit;
    const char *type;
    const char *param; /* who takes part */
} relations[] = {{FHIR_RELATED_ENCOUNTER, "Encounter", "participant"},
                 {FHIR_RELATED_CARE_TEAM, "CareTeam", "participant"},
                 {FHIR_RELATED_APPOINTMENT, "Appointment", "actor"}};
#define N_RELATIONS (sizeof(relations) / sizeof(*relations))

unsigned fhir_related_by_name(const char *type)
{
    for (apr_size_t i = 0; i < N_RELATIONS; i++)
        if (!strcasecmp(relations[i].type, type))
            return relations[i].bit;
    return 0;
}

static const fhir_type_t *type_of(const fhir_call_t *call, const char *name)
{
    return fhir_model_resource(call->stored, name, strlen(name));
}

/* The references that name the user: one list for the whole statement. */
static void names_of_user(fhir_sql_t *sql)
{
    static const char role[] = "PractitionerRole";
    const fhir_call_t *call = sql->call;
    fhir_buf_puts(sql->text, "ARRAY(SELECT ");
    fhir_sql_bind(sql, call->grant->user, "text");
    fhir_buf_printf(sql->text, " UNION ALL SELECT '%s/' || id FROM %s WHERE practitioner = ", role,
                    fhir_call_table(call, type_of(call, role), ""));
    fhir_sql_bind(sql, call->grant->user, "text");
    fhir_buf_puts(sql->text, ")");
}

static void relation(fhir_sql_t *sql, const char *id, const char *type_name, const char *param_name)
{
    const fhir_call_t *call = sql->call;
    const fhir_type_t *type = type_of(call, type_name);
    const fhir_param_t *param =
        fhir_model_param(call->stored, type, param_name, strlen(param_name));
    const char *alias = fhir_sql_alias(sql);
    const char *column = fhir_predicate_column(sql, alias, param, "");
    fhir_buf_printf(sql->text, "EXISTS (SELECT FROM %s %s WHERE ", fhir_call_table(call, type, ""),
                    alias);
    if (type->patient)
        fhir_buf_printf(sql->text, "%s.patient = %s", alias, id);
    else
        fhir_buf_printf(sql->text, "%s @> ARRAY['Patient/' || %s]", column, id);
    fhir_buf_printf(sql->text, " AND %s && ", column);
    names_of_user(sql);
    fhir_buf_printf(sql->text,
                    " AND coalesce(%s.status NOT IN ('cancelled', 'entered-in-error'), TRUE))",
                    alias);
}

void fhir_grant_related_sql(fhir_sql_t *sql, const char *id)
{
    const fhir_grant_t *grant = sql->call->grant;
    int n = 0;
    fhir_buf_putc(sql->text, '(');
    for (apr_size_t i = 0; i < N_RELATIONS && grant->user; i++) {
        if (!(grant->related & relations[i].bit))
            continue;
        fhir_buf_puts(sql->text, n++ ? " OR " : "");
        relation(sql, id, relations[i].type, relations[i].param);
    }
    fhir_buf_puts(sql->text, n ? ")" : "FALSE)");
}
