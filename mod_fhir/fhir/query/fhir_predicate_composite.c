/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Composite parameters on a repeating element: a jsonb array has one object for each repetition,
 * with the parts as "0", "1", … (docs/schema.md), so the parts match within the same repetition.
 * Source: http://hl7.org/fhir/R4/search.html#combining
 */
#include <apr_strings.h>

#include "fhir/query/fhir_compare.h"
#include "fhir/query/fhir_predicate.h"

static const char *item(const fhir_sql_t *sql, int i, const char *format)
{
    return apr_psprintf(sql->call->pool, format, i);
}

static void part_token(fhir_sql_t *sql, const fhir_qnode_t *part, int i)
{
    apr_array_header_t *forms = fhir_predicate_texts(sql), *systems = fhir_predicate_texts(sql);
    fhir_predicate_tokens(sql, part, forms, systems);
    if (forms->nelts) {
        fhir_buf_printf(sql->text, "e->'%d' ?| ", i);
        fhir_sql_bind_array(sql, forms, "text[]");
        return;
    }
    fhir_buf_printf(
        sql->text, "EXISTS (SELECT FROM jsonb_array_elements_text(e->'%d') v WHERE starts_with(v, ",
        i);
    fhir_sql_bind(sql, APR_ARRAY_IDX(systems, 0, const char *), "text");
    fhir_buf_puts(sql->text, "))");
}

static void part_compared(fhir_sql_t *sql, const fhir_qnode_t *part, int i)
{
    int is_date = part->param->kind == FHIR_PARAM_DATE;
    fhir_operand_t operand = {
        .low = item(sql, i, is_date ? "(e->'%d'->>'l')::timestamptz" : "(e->'%d'->>'l')::numeric"),
        .high =
            item(sql, i, is_date ? "(e->'%d'->>'h')::timestamptz" : "(e->'%d'->>'h')::numeric")};
    if (part->param->kind == FHIR_PARAM_QUANTITY) {
        operand.system = item(sql, i, "(e->'%d'->>'s')");
        operand.code = item(sql, i, "(e->'%d'->>'c')");
        operand.unit = item(sql, i, "(e->'%d'->>'u')");
    }
    fhir_compare_any(sql, (fhir_param_kind_t)part->param->kind, &operand, part);
}

static void part_string(fhir_sql_t *sql, const fhir_qnode_t *part, int i)
{
    const char *pattern = fhir_predicate_pattern(sql, part->values[0].text, FHIR_PATTERN_WHOLE);
    fhir_buf_printf(sql->text, "(e->>'%d' LIKE ", i);
    fhir_sql_bind(sql, pattern, "text");
    fhir_buf_printf(sql->text, " OR e->>'%d' LIKE ", i);
    fhir_sql_bind(sql, fhir_predicate_pattern(sql, part->values[0].text, FHIR_PATTERN_WORD),
                  "text");
    fhir_buf_putc(sql->text, ')');
}

static void part_uri(fhir_sql_t *sql, const fhir_qnode_t *part, int i)
{
    fhir_buf_printf(sql->text, "e->>'%d' = ", i);
    fhir_sql_bind(sql, part->values[0].text, "text");
}

static void part_reference(fhir_sql_t *sql, const fhir_qnode_t *part, int i)
{
    fhir_predicate_reference_expr(sql, item(sql, i, "(e->>'%d')"), part);
}

static void (*const by_kind[])(fhir_sql_t *sql, const fhir_qnode_t *part, int i) = {
    [FHIR_PARAM_NUMBER] = part_compared,
    [FHIR_PARAM_DATE] = part_compared,
    [FHIR_PARAM_STRING] = part_string,
    [FHIR_PARAM_TOKEN] = part_token,
    [FHIR_PARAM_REFERENCE] = part_reference,
    [FHIR_PARAM_QUANTITY] = part_compared,
    [FHIR_PARAM_URI] = part_uri,
    [FHIR_PARAM_SPECIAL] = NULL,
};

static void one_value(fhir_sql_t *sql, const fhir_qnode_t *node, const fhir_qvalue_t *value)
{
    const fhir_model_t *m = sql->call->stored;
    for (int i = 0; i < node->param->n_components; i++) {
        fhir_qnode_t part = *node;
        part.param = &m->params[m->components[node->param->first_component + i]];
        part.values = &value->parts[i];
        part.n_values = 1;
        if (i)
            fhir_buf_puts(sql->text, " AND ");
        by_kind[part.param->kind](sql, &part, i);
    }
}

int fhir_predicate_can_composite(const fhir_call_t *call, const fhir_param_t *param)
{
    const fhir_model_t *m = call->stored;
    for (int i = 0; i < param->n_components; i++) {
        unsigned kind = m->params[m->components[param->first_component + i]].kind;
        if (kind >= sizeof(by_kind) / sizeof(*by_kind) || !by_kind[kind])
            return 0;
    }
    return 1;
}

void fhir_predicate_composite(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    fhir_buf_printf(sql->text, "EXISTS (SELECT FROM jsonb_array_elements(%s) e WHERE ",
                    fhir_predicate_column(sql, alias, node->param, ""));
    for (int i = 0; i < node->n_values; i++) {
        fhir_buf_puts(sql->text, i ? " OR (" : "(");
        one_value(sql, node, &node->values[i]);
        fhir_buf_putc(sql->text, ')');
    }
    fhir_buf_putc(sql->text, ')');
    fhir_predicate_composite_keys(sql, alias, node);
}
