/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a scope for a patient shows of a type, as SQL. Nothing of another patient may be seen, so
 * what cannot be told to be this patient's, or nobody's, is not shown:
 *
 * - the patient; records, by their one patient;
 * - members of the compartment that may name several patients (Group, Appointment, Account): those
 *   that name this one and no other;
 * - what speaks of other resources (Provenance): when each of these is this patient's, in the types
 *   of US Core, or nobody's;
 * - content with a securityContext (Binary): when that is this patient's;
 * - what speaks of no patient: the types that US Core serves beside the records (Practitioner,
 *   Organization, Location, Medication, …) and definitions, which have a canonical URL.
 * Source: http://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html,
 * http://hl7.org/fhir/R4/compartmentdefinition.html, http://hl7.org/fhir/R4/binary.html
 */
#include "fhir/query/fhir_grant_patient.h"

#include <apr_strings.h>

#include "fhir/query/fhir_grant.h"
#include "fhir/query/fhir_predicate.h"
#include "model/fhir_uscore.h"

typedef enum view_t {
    VIEW_CLOSED,
    VIEW_PATIENT,
    VIEW_RECORD,
    VIEW_MEMBER,
    VIEW_TARGETS,
    VIEW_CONTEXT,
    VIEW_OPEN
} view_t;

static const fhir_type_t *patient_type(const fhir_call_t *call)
{
    return fhir_model_resource(call->stored, "Patient", 7);
}

static int may_name(const fhir_call_t *call, const fhir_param_t *param, const fhir_type_t *target)
{
    return param->kind == FHIR_PARAM_REFERENCE && param->column &&
           fhir_query_targets(call, param, target);
}

/* A compartment's parameter that is the patients among what a repeating reference names. */
static const fhir_param_t *targets_param(const fhir_call_t *call, const fhir_compartment_t *member)
{
    const fhir_param_t *param;
    if (!member || member->n_params != 1)
        return NULL;
    param = &call->stored->params[call->stored->components[member->first_param]];
    return param->flags & FHIR_PARAM_TYPED && !(param->flags & FHIR_PARAM_UNION) &&
                   param->column_kind == FHIR_COL_REFERENCES
               ? param
               : NULL;
}

static int in_us_core(const fhir_call_t *call, const fhir_type_t *type)
{
    const fhir_uscore_t *us_core = fhir_uscore_of(call->stored);
    return !us_core || fhir_uscore_wanted(us_core, fhir_model_str(call->stored, type->name),
                                          FHIR_USCORE_TYPE, "") != FHIR_USCORE_NOT_WANTED;
}

static view_t view_of(const fhir_call_t *call, const fhir_type_t *type)
{
    const fhir_type_t *patient = patient_type(call);
    const fhir_compartment_t *member = fhir_model_compartment(call->stored, patient, type);
    if (type == patient)
        return VIEW_PATIENT;
    if (type->patient)
        return VIEW_RECORD;
    if (targets_param(call, member))
        return VIEW_TARGETS;
    if (member)
        return VIEW_MEMBER;
    if (fhir_model_element(call->stored, type, "securityContext", 15))
        return VIEW_CONTEXT;
    for (int i = 0; i < type->n_params; i++)
        if (may_name(call, &call->stored->params[type->first_param + i], patient))
            return VIEW_MEMBER;
    return in_us_core(call, type) || fhir_model_element(call->stored, type, "url", 3) ? VIEW_OPEN
                                                                                      : VIEW_CLOSED;
}

static const char *own_reference(const fhir_call_t *call)
{
    return apr_pstrcat(call->pool, "Patient/", call->grant->patient, NULL);
}

/* Every reference of the type that can name a patient: one names this one, none another. */
static void member(fhir_sql_t *sql, const char *alias, const fhir_type_t *type)
{
    const fhir_call_t *call = sql->call;
    const char *before = "EXISTS (SELECT FROM (";
    for (int i = 0; i < type->n_params; i++) {
        const fhir_param_t *p = &call->stored->params[type->first_param + i];
        int plural = p->column_kind == FHIR_COL_REFERENCES;
        if (!may_name(call, p, patient_type(call)) ||
            (!plural && p->column_kind != FHIR_COL_REFERENCE))
            continue;
        fhir_buf_printf(sql->text, plural ? "%sSELECT unnest(%s) AS r" : "%sSELECT %s AS r", before,
                        fhir_predicate_column(sql, alias, p, ""));
        before = " UNION ALL ";
    }
    fhir_buf_puts(sql->text, ") v WHERE v.r ~ '(^|/)Patient/[^/]+$' HAVING bool_and(v.r = ");
    fhir_sql_bind(sql, own_reference(call), "text");
    fhir_buf_puts(sql->text, "))");
}

/* Is what a reference names this patient's, or nobody's? NULL for what is neither. Each type of
 * record costs PostgreSQL a plan of its own, so it is asked for those of US Core alone. */
static void owned(fhir_sql_t *sql, const char *expr)
{
    const fhir_call_t *call = sql->call;
    const fhir_model_t *m = call->stored;
    int own = 0;
    fhir_buf_printf(
        sql->text,
        "CASE split_part(%s, '/', 1) WHEN 'Patient' THEN split_part(%s, '/', 2) = ", expr, expr);
    fhir_sql_bind(sql, call->grant->patient, "text");
    own = sql->values->nelts;
    for (int i = 1; i <= m->n_resources; i++) {
        const fhir_type_t *type = &m->types[i];
        const char *name = fhir_model_str(m, type->name), *other;
        view_t view = type->flags & FHIR_TYPE_ABSTRACT ? VIEW_CLOSED : view_of(call, type);
        if (view == VIEW_OPEN)
            fhir_buf_printf(sql->text, " WHEN '%s' THEN TRUE", name);
        if (view != VIEW_RECORD || !in_us_core(call, type))
            continue;
        other = fhir_sql_alias(sql);
        fhir_buf_printf(sql->text,
                        " WHEN '%s' THEN EXISTS (SELECT FROM %s %s WHERE %s.id = split_part(%s, "
                        "'/', 2) AND %s.patient = $%d)",
                        name, fhir_call_table(call, type, ""), other, other, expr, other, own);
    }
    fhir_buf_puts(sql->text, " END");
}

static void targets(fhir_sql_t *sql, const char *alias, const fhir_type_t *type)
{
    const fhir_call_t *call = sql->call;
    const fhir_param_t *param =
        targets_param(call, fhir_model_compartment(call->stored, patient_type(call), type));
    fhir_buf_printf(sql->text,
                    "EXISTS (SELECT FROM unnest(%s) r HAVING count(*) > 0 AND bool_and(coalesce(",
                    fhir_predicate_column(sql, alias, param, ""));
    owned(sql, "r");
    fhir_buf_puts(sql->text, ", FALSE)))");
}

/* The context stands in the resource alone, as it was written. */
static void context(fhir_sql_t *sql, const char *alias)
{
    const char *base = sql->call->request->base_url;
    fhir_buf_puts(sql->text, "EXISTS (SELECT FROM (SELECT regexp_replace(replace(");
    fhir_buf_printf(sql->text, "%s.resource::jsonb #>> '{securityContext,reference}', ", alias);
    fhir_sql_bind(sql, apr_pstrcat(sql->call->pool, base ? base : "", "/", NULL), "text");
    fhir_buf_puts(sql->text, ", ''), '/_history/.*', '')) v(r) WHERE coalesce(");
    owned(sql, "v.r");
    fhir_buf_puts(sql->text, ", FALSE))");
}

fhir_err_t *fhir_grant_patient_sql(fhir_sql_t *sql, const char *alias, const fhir_type_t *type,
                                   unsigned right)
{
    view_t view = view_of(sql->call, type);
    if (!sql->call->grant->patient) {
        fhir_buf_puts(sql->text, "FALSE");
        return NULL;
    }
    if (right & FHIR_RIGHT_CHANGES && (view == VIEW_TARGETS || view == VIEW_CONTEXT))
        view = VIEW_CLOSED; /* it may be nobody's */
    switch (view) {
    case VIEW_PATIENT:
    case VIEW_RECORD:
        fhir_buf_printf(sql->text, "%s.%s = ", alias, view == VIEW_PATIENT ? "id" : "patient");
        fhir_sql_bind(sql, sql->call->grant->patient, "text");
        break;
    case VIEW_MEMBER:
        member(sql, alias, type);
        break;
    case VIEW_TARGETS:
        targets(sql, alias, type);
        break;
    case VIEW_CONTEXT:
        context(sql, alias);
        break;
    default:
        fhir_buf_puts(sql->text,
                      view == VIEW_OPEN && !(right & FHIR_RIGHT_CHANGES) ? "TRUE" : "FALSE");
    }
    return NULL;
}

/* History rows have no typed columns: a record's patient is read where its parameter finds it. */
static void history_record(fhir_sql_t *sql, const char *alias, const fhir_type_t *type)
{
    const fhir_call_t *call = sql->call;
    const char *base = call->request->base_url ? call->request->base_url : "";
    const char *own = own_reference(call);
    apr_array_header_t *forms = fhir_predicate_texts(sql);
    APR_ARRAY_PUSH(forms, const char *) = own;
    APR_ARRAY_PUSH(forms, const char *) = apr_pstrcat(call->pool, base, "/", own, NULL);
    fhir_buf_puts(sql->text, "EXISTS (SELECT FROM unnest(");
    fhir_sql_bind_array(sql, fhir_predicate_paths(call, &call->stored->params[type->patient]),
                        "jsonpath[]");
    fhir_buf_printf(sql->text,
                    ") p, jsonb_path_query(%s.resource::jsonb, p) v WHERE "
                    "regexp_replace(v ->> 'reference', '/_history/.*', '') LIKE '%%Patient/%%' "
                    "HAVING bool_and(regexp_replace(v ->> 'reference', '/_history/.*', '') = ANY (",
                    alias);
    fhir_sql_bind_array(sql, forms, "text[]");
    fhir_buf_puts(sql->text, ")))");
}

void fhir_grant_patient_sql_history(fhir_sql_t *sql, const char *alias, const fhir_type_t *type)
{
    view_t view = view_of(sql->call, type);
    if (!sql->call->grant->patient)
        fhir_buf_puts(sql->text, "FALSE");
    else if (view == VIEW_RECORD)
        history_record(sql, alias, type);
    else
        fhir_buf_puts(sql->text, view == VIEW_PATIENT || view == VIEW_OPEN ? "TRUE" : "FALSE");
}
