/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a scope for a patient shows of a type, as SQL. Nothing of another patient may be seen, so
 * what cannot be told to be this patient's, or nobody's, is not shown:
 *
 * - the patient; records, by their one patient;
 * - types that may name several patients (Group, Appointment, Account): what names this patient;
 * - what speaks of other resources (Provenance): when each of these is this patient's, in the types
 *   of US Core, or nobody's;
 * - content with a securityContext (Binary): when that is this patient's;
 * - what speaks of no patient: the types that US Core serves beside the records (Practitioner,
 *   Organization, Location, Medication, …) and definitions, which have a canonical URL.
 *
 * All but the first must not mention anybody else, in whatever element: column `mentions`, which is
 * made by the model when a resource is written (extract/fhir_extract_mentions.c), holds only this
 * patient, this patient's records and what is certainly nobody's. A record itself is shown whomever
 * it mentions: that a child's coverage has a parent as its subscriber is part of the child's
 * record. Source: http://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html,
 * http://hl7.org/fhir/R4/compartmentdefinition.html, http://hl7.org/fhir/R4/binary.html
 */
#include "fhir/query/fhir_grant_patient.h"

#include <apr_strings.h>

#include "fhir/query/fhir_grant.h"
#include "fhir/query/fhir_predicate.h"
#include "model/fhir_uscore.h"

#define PARTS_MAX 8 /* depth of a type's parts; those that refer to themselves end there */

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

static void bind_own_array(fhir_sql_t *sql)
{
    apr_array_header_t *own = fhir_predicate_texts(sql);
    APR_ARRAY_PUSH(own, const char *) = own_reference(sql->call);
    fhir_sql_bind_array(sql, own, "text[]");
}

/* ---- what else is mentioned ---- */

/* 1 if the type, or a part of it, has an element that names target among those that it may refer
 * to. */
static int refers_to(const fhir_model_t *m, const fhir_type_t *type, apr_uint16_t target, int depth)
{
    for (int i = 0; i < type->n_elements; i++) {
        const fhir_element_t *el = &m->elements[type->first_element + i];
        const fhir_type_t *part = &m->types[el->type];
        for (int t = 0; t < el->n_targets; t++)
            if (m->targets[el->first_target + t] == target)
                return 1;
        if (part->kind == FHIR_KIND_BACKBONE && depth && refers_to(m, part, target, depth - 1))
            return 1;
    }
    return 0;
}

/*
 * Appends one WHEN for a type that a mention may name. Each costs PostgreSQL a plan of its own, so
 * they are those that the holder's elements list and, for what may be about anything, those of US
 * Core. What is listed may also be a record that names nobody, such as a device, or a resource that
 * names this patient alone, such as an appointment.
 */
static void owned_type(fhir_sql_t *sql, const fhir_type_t *holder, view_t holder_view,
                       const fhir_type_t *type)
{
    const fhir_call_t *call = sql->call;
    const fhir_model_t *m = call->stored;
    const char *name = fhir_model_str(m, type->name), *other;
    view_t view = view_of(call, type);
    int listed = refers_to(m, holder, fhir_model_type_index(m, type), PARTS_MAX);
    int about = view == VIEW_RECORD && holder_view != VIEW_MEMBER && in_us_core(call, type);
    if (view == VIEW_OPEN)
        fhir_buf_printf(sql->text, " WHEN '%s' THEN TRUE", name);
    if (!about && (!listed || (view != VIEW_RECORD && view != VIEW_MEMBER)))
        return;
    other = fhir_sql_alias(sql);
    fhir_buf_printf(sql->text,
                    " WHEN '%s' THEN EXISTS (SELECT FROM %s %s WHERE %s.id = split_part(m, '/', 2)",
                    name, fhir_call_table(call, type, ""), other, other);
    if (view == VIEW_MEMBER) {
        fhir_buf_printf(sql->text, " AND %s.mentions = ", other);
        bind_own_array(sql);
    }
    else {
        fhir_buf_printf(sql->text, " AND (%s.patient = ", other);
        fhir_sql_bind(sql, call->grant->patient, "text");
        if (listed)
            fhir_buf_printf(sql->text, " OR (%s.patient IS NULL AND %s.mentions = '{}')", other,
                            other);
        fhir_buf_putc(sql->text, ')');
    }
    fhir_buf_putc(sql->text, ')');
}

/* Nobody is mentioned who is not certainly this patient. A row whose mentions are not known (NULL)
 * is not shown. */
static void mentions_nobody_else(fhir_sql_t *sql, const char *alias, const fhir_type_t *type,
                                 view_t view)
{
    const fhir_model_t *m = sql->call->stored;
    fhir_buf_printf(sql->text, "CASE WHEN %s.mentions <@ ", alias);
    bind_own_array(sql);
    fhir_buf_puts(sql->text, " THEN TRUE ELSE (SELECT bool_and(coalesce(CASE split_part(m, '/', 1) "
                             "WHEN 'Patient' THEN m = ");
    fhir_sql_bind(sql, own_reference(sql->call), "text");
    for (int i = 1; i <= m->n_resources; i++)
        if (!(m->types[i].flags & FHIR_TYPE_ABSTRACT))
            owned_type(sql, type, view, &m->types[i]);
    fhir_buf_printf(sql->text, " END, FALSE)) FROM unnest(%s.mentions) m) END", alias);
}

/* What a Provenance is about is of types that show whose it is; then it is among the mentions. */
static void targets(fhir_sql_t *sql, const char *alias, const fhir_type_t *type)
{
    const fhir_call_t *call = sql->call;
    const fhir_model_t *m = call->stored;
    const fhir_param_t *param =
        targets_param(call, fhir_model_compartment(m, patient_type(call), type));
    apr_array_header_t *names = fhir_predicate_texts(sql);
    for (int i = 1; i <= m->n_resources; i++) {
        view_t view =
            m->types[i].flags & FHIR_TYPE_ABSTRACT ? VIEW_CLOSED : view_of(call, &m->types[i]);
        if (view == VIEW_PATIENT || view == VIEW_RECORD || view == VIEW_OPEN)
            APR_ARRAY_PUSH(names, const char *) = fhir_model_str(m, m->types[i].name);
    }
    fhir_buf_puts(sql->text, "(SELECT bool_and(split_part(r, '/', 1) = ANY (");
    fhir_sql_bind_array(sql, names, "text[]");
    fhir_buf_printf(sql->text, ")) FROM unnest(%s) r) AND ",
                    fhir_predicate_column(sql, alias, param, ""));
}

/* ---- the row ---- */

static void of_view(fhir_sql_t *sql, const char *alias, const fhir_type_t *type, view_t view,
                    int changes)
{
    if (view == VIEW_CLOSED || (view == VIEW_OPEN && changes)) {
        fhir_buf_puts(sql->text, "FALSE");
        return;
    }
    if (view == VIEW_PATIENT || view == VIEW_RECORD) {
        fhir_buf_printf(sql->text, "%s.%s = ", alias, view == VIEW_PATIENT ? "id" : "patient");
        fhir_sql_bind(sql, sql->call->grant->patient, "text");
        return;
    }
    if (view == VIEW_OPEN || view == VIEW_MEMBER) {
        fhir_buf_printf(sql->text, "%s.mentions %s ", alias, view == VIEW_OPEN ? "<@" : "@>");
        bind_own_array(sql);
        if (view == VIEW_OPEN)
            return;
        fhir_buf_puts(sql->text, " AND ");
    }
    else if (view == VIEW_CONTEXT || changes) { /* it names something that may be the patient's */
        fhir_buf_printf(sql->text, "%s.mentions <> '{}' AND ", alias);
    }
    if (view == VIEW_TARGETS)
        targets(sql, alias, type);
    mentions_nobody_else(sql, alias, type, view);
}

void fhir_grant_patient_sql(fhir_sql_t *sql, const char *alias, const fhir_type_t *type,
                            unsigned right)
{
    if (sql->call->grant->patient)
        of_view(sql, alias, type, view_of(sql->call, type), right & FHIR_RIGHT_CHANGES);
    else
        fhir_buf_puts(sql->text, "FALSE");
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

/* Rows of a history table have the column mentions, and no other that is looked at here. */
void fhir_grant_patient_sql_history(fhir_sql_t *sql, const char *alias, const fhir_type_t *type)
{
    view_t view = view_of(sql->call, type);
    if (!sql->call->grant->patient || view == VIEW_TARGETS)
        fhir_buf_puts(sql->text, "FALSE");
    else if (view == VIEW_RECORD)
        history_record(sql, alias, type);
    else
        of_view(sql, alias, type, view, 0);
}
