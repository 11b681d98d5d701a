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
 * record.
 *
 * For a user who sees only some patients (related), it is the same with any of these patients, but
 * for what is nobody's, which the user may also change, and types that show nobody's records (a
 * slot), which are shown when they mention nobody else.
 *
 * Source: http://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html,
 * http://hl7.org/fhir/R4/compartmentdefinition.html, http://hl7.org/fhir/R4/binary.html
 */
#include "fhir/query/fhir_grant_patient.h"

#include <apr_strings.h>
#include <string.h>

#include "fhir/query/fhir_predicate.h"
#include "model/fhir_uscore.h"

#define PARTS_MAX 8 /* depth of the parts of a type; this ends those that contain themselves */

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

/* A parameter of the compartment that selects the patients among the targets of a repeating
 * reference. */
static const fhir_param_t *targets_param(const fhir_call_t *call, const fhir_compartment_t *member)
{
    if (!member || member->n_params != 1)
        return NULL;
    const fhir_param_t *param =
        &call->stored->params[call->stored->components[member->first_param]];
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

/* 1 if the type, or a part of it, has an element that can refer to target by name. */
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

/* 1 if a mention may name a resource of the type, and its row tells whose it is. Each such type
 * costs PostgreSQL a plan of its own, so only these count: the types that the holder's elements
 * list, and for elements that can refer to anything, the types of US Core. A listed type may also
 * be a record that names nobody, such as a device, or a resource that names only one patient, such
 * as an appointment. */
static int tells_whose(const fhir_call_t *call, const fhir_type_t *holder, view_t holder_view,
                       const fhir_type_t *type, int *listed)
{
    view_t view = view_of(call, type);
    int about = view == VIEW_RECORD && holder_view != VIEW_MEMBER && in_us_core(call, type);
    *listed = refers_to(call->stored, holder, fhir_model_type_index(call->stored, type), PARTS_MAX);
    return about || (*listed && (view == VIEW_RECORD || view == VIEW_MEMBER));
}

/* The condition that a row of that type belongs to the patient, or (listed) to nobody. */
static void put_owned(fhir_sql_t *sql, const fhir_type_t *type, view_t view, int listed)
{
    const char *other = fhir_sql_alias(sql);
    fhir_buf_printf(sql->text, "EXISTS (SELECT FROM %s %s WHERE %s.id = split_part(m, '/', 2)",
                    fhir_call_table(sql->call, type, ""), other, other);
    if (view == VIEW_MEMBER) {
        fhir_buf_printf(sql->text, " AND %s.mentions = ", other);
        bind_own_array(sql);
    }
    else {
        fhir_buf_printf(sql->text, " AND (%s.patient = ", other);
        fhir_sql_bind(sql, sql->call->grant->patient, "text");
        if (listed)
            fhir_buf_printf(sql->text, " OR (%s.patient IS NULL AND %s.mentions = '{}')", other,
                            other);
        fhir_buf_putc(sql->text, ')');
    }
    fhir_buf_putc(sql->text, ')');
}

/* The same for a user: the id of the patient to whom the row belongs, or '' for nobody. The user's
 * patients are thus looked up once, not once for each type. */
static void put_whose(fhir_sql_t *sql, const fhir_type_t *type, view_t view)
{
    const char *other = fhir_sql_alias(sql);
    fhir_buf_puts(sql->text, "(SELECT CASE ");
    if (view == VIEW_RECORD)
        fhir_buf_printf(sql->text, "WHEN %s.patient IS NOT NULL THEN %s.patient ", other, other);
    else
        fhir_buf_printf(sql->text,
                        "WHEN cardinality(%s.mentions) = 1 AND %s.mentions[1] LIKE 'Patient/%%' "
                        "THEN split_part(%s.mentions[1], '/', 2) ",
                        other, other, other);
    fhir_buf_printf(sql->text,
                    "WHEN %s.mentions = '{}' THEN '' END FROM %s %s WHERE %s.id = "
                    "split_part(m, '/', 2))",
                    other, fhir_call_table(sql->call, type, ""), other, other);
}

/* Appends one WHEN for a type that a mention may name. */
static void put_mention(fhir_sql_t *sql, const fhir_type_t *holder, view_t holder_view,
                        const fhir_type_t *type, int of_user)
{
    const fhir_call_t *call = sql->call;
    const char *name = fhir_model_str(call->stored, type->name);
    view_t view = view_of(call, type);
    if (view == VIEW_OPEN)
        fhir_buf_printf(sql->text, " WHEN '%s' THEN %s", name, of_user ? "''" : "TRUE");
    int listed;
    if (!tells_whose(call, holder, holder_view, type, &listed))
        return;
    fhir_buf_printf(sql->text, " WHEN '%s' THEN ", name);
    if (of_user)
        put_whose(sql, type, view);
    else
        put_owned(sql, type, view, listed);
}

/* The condition that an SQL expression is the id of one of the patients that the scope is for. */
static void is_own(fhir_sql_t *sql, const char *id, fhir_grant_whose_t whose)
{
    if (whose == FHIR_GRANT_OF_USER) {
        fhir_grant_related_sql(sql, id);
        return;
    }
    fhir_buf_printf(sql->text, "%s = ", id);
    fhir_sql_bind(sql, sql->call->grant->patient, "text");
}

/* The condition that a row mentions only these patients for certain. Unknown mentions (NULL) hide
 * the row. */
static void mentions_nobody_else(fhir_sql_t *sql, const char *alias, const fhir_type_t *type,
                                 view_t view, fhir_grant_whose_t whose)
{
    const fhir_model_t *m = sql->call->stored;
    int of_user = whose == FHIR_GRANT_OF_USER;
    fhir_buf_printf(sql->text, "CASE WHEN %s.mentions <@ ", alias);
    if (of_user)
        fhir_buf_puts(sql->text, "'{}'");
    else
        bind_own_array(sql);
    fhir_buf_puts(sql->text, " THEN TRUE ELSE (SELECT bool_and(coalesce(");
    if (of_user) {
        fhir_buf_puts(sql->text, "w.id = '' OR ");
        is_own(sql, "w.id", whose);
        fhir_buf_puts(sql->text, ", FALSE)) FROM (SELECT CASE split_part(m, '/', 1) WHEN 'Patient' "
                                 "THEN split_part(m, '/', 2)");
    }
    else {
        fhir_buf_puts(sql->text, "CASE split_part(m, '/', 1) WHEN 'Patient' THEN m = ");
        fhir_sql_bind(sql, own_reference(sql->call), "text");
    }
    for (int i = 1; i <= m->n_resources; i++)
        if (!(m->types[i].flags & FHIR_TYPE_ABSTRACT))
            put_mention(sql, type, view, &m->types[i], of_user);
    fhir_buf_puts(sql->text, of_user ? " END AS id" : " END, FALSE))");
    fhir_buf_printf(sql->text, " FROM unnest(%s.mentions) m) %s", alias,
                    of_user ? "w) END" : "END");
}

/* The targets of a Provenance are of types that tell whose they are, so they are among the
 * mentions. */
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

/* For one patient, things that belong to nobody may be seen, but not changed. */
static void of_patient(fhir_sql_t *sql, const char *alias, const fhir_type_t *type, view_t view,
                       int changes)
{
    if (view == VIEW_CLOSED || (view == VIEW_OPEN && changes)) {
        fhir_buf_puts(sql->text, "FALSE");
        return;
    }
    if (view == VIEW_OPEN || view == VIEW_MEMBER) {
        fhir_buf_printf(sql->text, "%s.mentions %s ", alias, view == VIEW_OPEN ? "<@" : "@>");
        bind_own_array(sql);
        if (view == VIEW_OPEN)
            return;
        fhir_buf_puts(sql->text, " AND ");
    }
    else if (view == VIEW_CONTEXT || changes) { /* it may name something of the patient */
        fhir_buf_printf(sql->text, "%s.mentions <> '{}' AND ", alias);
    }
    if (view == VIEW_TARGETS)
        targets(sql, alias, type);
    mentions_nobody_else(sql, alias, type, view, FHIR_GRANT_OF_PATIENT);
}

static void of_view(fhir_sql_t *sql, const char *alias, const fhir_type_t *type, view_t view,
                    int changes, fhir_grant_whose_t whose)
{
    if (view == VIEW_PATIENT || view == VIEW_RECORD) {
        const char *column = view == VIEW_PATIENT ? ".id" : ".patient";
        int may_be_nobodys = view == VIEW_RECORD && whose == FHIR_GRANT_OF_USER;
        fhir_buf_puts(sql->text, may_be_nobodys ? "(" : "");
        is_own(sql, apr_pstrcat(sql->call->pool, alias, column, NULL), whose);
        if (may_be_nobodys)
            fhir_buf_printf(sql->text, " OR (%s.patient IS NULL AND %s.mentions = '{}'))", alias,
                            alias);
        return;
    }
    if (whose == FHIR_GRANT_OF_PATIENT) {
        of_patient(sql, alias, type, view, changes);
        return;
    }
    if (view == VIEW_CONTEXT)
        fhir_buf_printf(sql->text, "%s.mentions <> '{}' AND ", alias);
    mentions_nobody_else(sql, alias, type, view, whose);
}

static int is_for_nobody(const fhir_grant_t *grant, fhir_grant_whose_t whose)
{
    return whose == FHIR_GRANT_OF_PATIENT ? !grant->patient : !grant->user;
}

void fhir_grant_patient_sql(fhir_sql_t *sql, const char *alias, const fhir_type_t *type,
                            unsigned right, fhir_grant_whose_t whose)
{
    if (is_for_nobody(sql->call->grant, whose))
        fhir_buf_puts(sql->text, "FALSE");
    else
        of_view(sql, alias, type, view_of(sql->call, type), right & FHIR_RIGHT_CHANGES, whose);
}

/* History rows have no typed columns, so the patient of a record is read from its text. */
static void history_record(fhir_sql_t *sql, const char *alias, const fhir_type_t *type,
                           fhir_grant_whose_t whose)
{
    const fhir_call_t *call = sql->call;
    const char *base = call->request->base_url ? call->request->base_url : "";
    fhir_buf_puts(sql->text, "EXISTS (SELECT FROM (SELECT CASE WHEN r LIKE 'Patient/%' THEN "
                             "substr(r, 9) WHEN starts_with(r, ");
    fhir_sql_bind(sql, apr_pstrcat(call->pool, base, "/Patient/", NULL), "text");
    fhir_buf_printf(sql->text, ") THEN substr(r, %d) END AS id FROM unnest(",
                    (int)strlen(base) + (int)strlen("/Patient/") + 1);
    fhir_sql_bind_array(sql, fhir_predicate_paths(call, &call->stored->params[type->patient]),
                        "jsonpath[]");
    fhir_buf_printf(sql->text,
                    ") p, jsonb_path_query(%s.resource::jsonb, p) v, "
                    "regexp_replace(v ->> 'reference', '/_history/.*', '') r "
                    "WHERE r LIKE '%%Patient/%%') h HAVING bool_and(coalesce(",
                    alias);
    is_own(sql, "h.id", whose);
    fhir_buf_puts(sql->text, ", FALSE)))");
}

/* Of these columns, rows of a history table have only mentions. */
void fhir_grant_patient_sql_history(fhir_sql_t *sql, const char *alias, const fhir_type_t *type,
                                    fhir_grant_whose_t whose)
{
    view_t view = view_of(sql->call, type);
    if (is_for_nobody(sql->call->grant, whose) || view == VIEW_TARGETS)
        fhir_buf_puts(sql->text, "FALSE");
    else if (view == VIEW_RECORD)
        history_record(sql, alias, type, whose);
    else
        of_view(sql, alias, type, view, 0, whose);
}
