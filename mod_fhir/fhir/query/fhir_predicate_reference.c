/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of reference columns. A reference to this server is stored as "Type/id" without a version,
 * all others as the URL that was written.
 * Source: http://hl7.org/fhir/R4/search.html#reference
 */
#include <apr_strings.h>

#include "fhir/query/fhir_canonical.h"
#include "fhir/query/fhir_grant.h"
#include "fhir/query/fhir_predicate.h"

static void push(apr_array_header_t *list, const char *text)
{
    APR_ARRAY_PUSH(list, const char *) = text;
}

static const char *type_name(const fhir_call_t *call, const fhir_type_t *type)
{
    return fhir_model_str(call->stored, type->name);
}

static int is_plural(const fhir_qnode_t *node)
{
    return node->param->column_kind == FHIR_COL_REFERENCES;
}

static int in_targets(const fhir_call_t *call, const fhir_param_t *param, const fhir_type_t *type)
{
    apr_uint16_t index = fhir_model_type_index(call->stored, type);
    for (int i = 0; i < param->n_targets; i++)
        if (call->stored->targets[param->first_target + i] == index)
            return 1;
    return !param->n_targets;
}

/* :identifier: tokens of Reference.identifier. Not all components of a union have them. */
static void test_identifier(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    if (node->param->identifier_column)
        fhir_predicate_in(sql, alias, node->param->identifier_column, node);
    else
        fhir_buf_puts(sql->text, "FALSE");
}

static void local_forms(const fhir_sql_t *sql, apr_array_header_t *forms, const fhir_param_t *param,
                        const fhir_qvalue_t *v)
{
    const fhir_model_t *m = sql->call->stored;
    int n = param->n_targets ? param->n_targets : m->n_resources;
    if (v->type) {
        /* a typed parameter finds only its types, but data may refer to others */
        if (!(param->flags & FHIR_PARAM_TYPED) || in_targets(sql->call, param, v->type))
            push(forms,
                 apr_pstrcat(sql->call->pool, type_name(sql->call, v->type), "/", v->id, NULL));
        return;
    }
    for (int i = 0; i < n; i++) {
        const fhir_type_t *type =
            &m->types[param->n_targets ? m->targets[param->first_target + i] : i + 1];
        push(forms, apr_pstrcat(sql->call->pool, type_name(sql->call, type), "/", v->id, NULL));
    }
}

/* 1 if ".../Type/id" names a type of a typed parameter; other parameters accept any URL. */
static int url_fits(const fhir_call_t *call, const fhir_param_t *param, const char *url)
{
    const char *id = strrchr(url, '/'), *type = id;
    if (!(param->flags & FHIR_PARAM_TYPED))
        return 1;
    while (type && type > url && type[-1] != '/')
        type--;
    const fhir_type_t *named =
        type ? fhir_model_resource(call->stored, type, (apr_size_t)(id - type)) : NULL;
    return named && in_targets(call, param, named);
}

/* The stored forms of the values; canonical URLs may be followed by a version. */
static void forms_of(const fhir_sql_t *sql, const fhir_qnode_t *node, apr_array_header_t *forms,
                     apr_array_header_t *canonicals)
{
    for (int i = 0; i < node->n_values; i++) {
        const fhir_qvalue_t *v = &node->values[i];
        if (v->id)
            local_forms(sql, forms, node->param, v);
        if (!v->url || v->id || !url_fits(sql->call, node->param, v->url))
            continue;
        push(forms, v->url);
        if (fhir_canonical_holds(node->param) && !strchr(v->url, '|') &&
            !strncmp(v->url, "http", 4))
            push(canonicals, apr_pstrcat(sql->call->pool, v->url, "|", NULL));
    }
}

/* The parameter that fills the column patient is tested on this column, whose index has the order
 * of the page. */
static void test_patient(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    apr_array_header_t *ids = fhir_predicate_texts(sql);
    for (int i = 0; i < node->n_values; i++)
        push(ids, node->values[i].id);
    fhir_predicate_equals(sql, apr_pstrcat(sql->call->pool, alias, ".patient", NULL), ids);
}

/* The column equals one of the texts, or begins with it. */
static void compare(fhir_sql_t *sql, const char *expr, int plural, const apr_array_header_t *forms,
                    const apr_array_header_t *stems)
{
    fhir_buf_putc(sql->text, '(');
    if (plural && forms->nelts) {
        fhir_buf_puts(sql->text, expr);
        fhir_predicate_overlaps(sql, expr, forms, "text[]");
    }
    else {
        fhir_predicate_equals(sql, expr, forms);
    }
    if (stems->nelts) {
        fhir_buf_printf(sql->text,
                        plural ? " OR EXISTS (SELECT FROM unnest(%s) v, unnest("
                               : " OR EXISTS (SELECT FROM (SELECT %s) c(v), unnest(",
                        expr);
        fhir_sql_bind_array(sql, stems, "text[]");
        fhir_buf_puts(sql->text, ") s WHERE starts_with(v, s))");
    }
    fhir_buf_putc(sql->text, ')');
}

/* A condition that all references to patients meet. It is that of the partial indexes that find
 * records about somebody else in a patient's compartment (tools/fhirgen/ddl.py). */
static void to_patients(fhir_sql_t *sql, const char *expr, int plural,
                        const apr_array_header_t *forms, const apr_array_header_t *stems)
{
    for (int i = 0; i < forms->nelts; i++)
        if (strncmp(APR_ARRAY_IDX(forms, i, const char *), "Patient/", 8) != 0)
            return;
    if (!forms->nelts || stems->nelts)
        return;
    if (plural)
        fhir_buf_printf(sql->text,
                        " AND CASE WHEN cardinality(%s) > 400 THEN TRUE ELSE array_to_tsvector(%s)"
                        " @@ '''Patient/'':*'::tsquery END",
                        expr, expr);
    else
        fhir_buf_printf(sql->text, " AND starts_with(%s, 'Patient/')", expr);
}

const fhir_param_t *fhir_predicate_parent(const fhir_call_t *call, const fhir_type_t *type)
{
    static const char *const names[] = {"partof", "part-of"};
    for (int i = 0; i < 2; i++) {
        const fhir_param_t *p = fhir_model_param(call->stored, type, names[i], strlen(names[i]));
        if (p && p->kind == FHIR_PARAM_REFERENCE && in_targets(call, p, type) &&
            p->column_kind == FHIR_COL_REFERENCE)
            return p;
    }
    return NULL;
}

/* Everything below (its parts) or above (what it is part of) one resource, and the resource. */
static void hierarchy(fhir_sql_t *sql, const fhir_qnode_t *node, const fhir_qvalue_t *v)
{
    const fhir_call_t *call = sql->call;
    const char *name = type_name(call, v->type), *table = fhir_call_table(call, v->type, "");
    const char *column = fhir_predicate_column(sql, "c", fhir_predicate_parent(call, v->type), "");
    fhir_buf_puts(sql->text, "ARRAY(WITH RECURSIVE d(ref) AS (SELECT ");
    fhir_sql_bind(sql, apr_pstrcat(call->pool, name, "/", v->id, NULL), "text COLLATE \"C\"");
    if (node->modifier == FHIR_MODIFIER_BELOW)
        fhir_buf_printf(sql->text,
                        " UNION SELECT '%s/' || c.id FROM %s c JOIN d ON %s = d.ref WHERE TRUE",
                        name, table, column);
    else
        fhir_buf_printf(sql->text,
                        " UNION SELECT %s FROM %s c JOIN d ON c.id = substr(d.ref, %d) WHERE %s "
                        "IS NOT NULL",
                        column, table, (int)strlen(name) + 2, column);
    fhir_grant_sql(sql, "c", v->granted, FHIR_RIGHT_SEARCH);
    fhir_buf_puts(sql->text, ") SELECT ref FROM d)");
}

/* :below and :above: of resources along their hierarchy, of canonical URLs by version and path. */
static void test_hierarchy(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    const char *expr = fhir_predicate_column(sql, alias, node->param, "");
    fhir_buf_putc(sql->text, '(');
    for (int i = 0; i < node->n_values; i++) {
        const fhir_qvalue_t *v = &node->values[i];
        fhir_qnode_t one = *node;
        fhir_buf_puts(sql->text, i ? " OR " : "");
        if (!v->id) {
            one.values = v;
            one.n_values = 1;
            fhir_predicate_uri(sql, expr, &one);
            continue;
        }
        fhir_buf_printf(sql->text, is_plural(node) ? "%s && " : "%s = ANY (", expr);
        hierarchy(sql, node, v);
        fhir_buf_puts(sql->text, is_plural(node) ? "" : ")");
    }
    fhir_buf_putc(sql->text, ')');
}

static int is_subject(const fhir_call_t *call, const fhir_qnode_t *node)
{
    return node->type->patient &&
           call->stored->params[node->type->patient].column == node->param->column &&
           node->param->column_kind == FHIR_COL_REFERENCE;
}

/* The subject of a record, where it need not be a patient: a patient is in the column patient.
 * Others are found where that is NULL, which has a partial index (tools/fhirgen/ddl.py). */
static void test_subject(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node,
                         const apr_array_header_t *forms, const apr_array_header_t *stems)
{
    apr_array_header_t *ids = fhir_predicate_texts(sql), *others = fhir_predicate_texts(sql);
    for (int i = 0; i < forms->nelts; i++) {
        const char *form = APR_ARRAY_IDX(forms, i, const char *);
        if (!strncmp(form, "Patient/", 8))
            push(ids, form + 8);
        else
            push(others, form);
    }
    fhir_buf_putc(sql->text, '(');
    if (ids->nelts)
        fhir_predicate_equals(sql, apr_pstrcat(sql->call->pool, alias, ".patient", NULL), ids);
    if (!ids->nelts || others->nelts || stems->nelts) {
        fhir_buf_printf(sql->text, "%s(%s.patient IS NULL AND ", ids->nelts ? " OR " : "", alias);
        compare(sql, fhir_predicate_column(sql, alias, node->param, ""), 0, others, stems);
        fhir_buf_putc(sql->text, ')');
    }
    fhir_buf_putc(sql->text, ')');
}

static void test_plain(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    apr_array_header_t *forms = fhir_predicate_texts(sql), *stems = fhir_predicate_texts(sql);
    const char *expr = fhir_predicate_column(sql, alias, node->param, "");
    forms_of(sql, node, forms, stems);
    if (is_subject(sql->call, node)) {
        test_subject(sql, alias, node, forms, stems);
        return;
    }
    fhir_buf_putc(sql->text, '(');
    compare(sql, expr, is_plural(node), forms, stems);
    to_patients(sql, expr, is_plural(node), forms, stems);
    if (!stems->nelts)
        fhir_predicate_rest(sql, alias, node->param->first_column, forms);
    fhir_buf_putc(sql->text, ')');
}

void fhir_predicate_reference(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    if (node->modifier == FHIR_MODIFIER_IDENTIFIER)
        test_identifier(sql, alias, node);
    else if (node->modifier == FHIR_MODIFIER_ABOVE || node->modifier == FHIR_MODIFIER_BELOW)
        test_hierarchy(sql, alias, node);
    else if (fhir_query_names_patient(sql->call, node))
        test_patient(sql, alias, node);
    else
        test_plain(sql, alias, node);
}

void fhir_predicate_reference_expr(fhir_sql_t *sql, const char *expr, const fhir_qnode_t *node)
{
    apr_array_header_t *forms = fhir_predicate_texts(sql), *stems = fhir_predicate_texts(sql);
    forms_of(sql, node, forms, stems);
    compare(sql, expr, 0, forms, stems);
}

/* "Type/id" or ".../Type/id" with one of the parameter's types. */
static const char *target_pattern(const fhir_call_t *call, const fhir_param_t *param)
{
    fhir_buf_t *buf = fhir_buf_create(call->pool, 16 * 1024);
    fhir_buf_puts(buf, "^([a-z]+://.*/)?(");
    for (int i = 0; i < param->n_targets; i++)
        fhir_buf_printf(
            buf, "%s%s", i ? "|" : "",
            type_name(call, &call->stored->types[call->stored->targets[param->first_target + i]]));
    fhir_buf_puts(buf, ")/[^/]+$");
    return fhir_buf_cstr(buf);
}

void fhir_predicate_typed_present(fhir_sql_t *sql, const char *alias, const fhir_param_t *param)
{
    const char *expr = fhir_predicate_column(sql, alias, param, "");
    if (param->column_kind == FHIR_COL_REFERENCE) {
        fhir_buf_printf(sql->text, "(%s ~ ", expr);
        fhir_sql_bind(sql, target_pattern(sql->call, param), "text");
        fhir_buf_puts(sql->text, " IS TRUE)");
        return;
    }
    fhir_buf_printf(sql->text, "EXISTS (SELECT FROM unnest(%s) v WHERE v ~ ", expr);
    fhir_sql_bind(sql, target_pattern(sql->call, param), "text");
    fhir_buf_putc(sql->text, ')');
}
