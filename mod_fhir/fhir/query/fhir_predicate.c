/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test of one search parameter as SQL: a table of functions, one for each kind of column. The
 * comparisons of dates, numbers and quantities are in fhir_compare.c, those that look into the
 * resource's text in fhir_predicate_json.c.
 */
#include "fhir/query/fhir_predicate.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include "core/fhir_hash.h"
#include "core/fhir_text.h"
#include "fhir/query/fhir_canonical.h"
#include "fhir/query/fhir_compare.h"
#include "model/fhir_short.h"

typedef void (*test_fn)(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node);

apr_array_header_t *fhir_predicate_texts(const fhir_sql_t *sql)
{
    return apr_array_make(sql->call->pool, 8, sizeof(const char *));
}

static void push(apr_array_header_t *list, const char *text)
{
    APR_ARRAY_PUSH(list, const char *) = text;
}

/* "t" of t."column" and of lower(t."column"). */
static const char *alias_of(const fhir_sql_t *sql, const char *expr)
{
    const char *end = strchr(expr, '.');
    const char *begin = end ? end : expr;
    while (begin > expr && apr_isalnum(begin[-1]))
        begin--;
    return apr_pstrmemdup(sql->call->pool, begin, end ? (apr_size_t)(end - begin) : 0);
}

/* 1 if an index is not to be searched by these values: PostgreSQL searches an index of several
 * columns once for each combination of the values that = ANY has for them, which its estimate of
 * the cost omits. Columns with an index of their own are not concerned. */
static int multiplies(fhir_sql_t *sql, const char *expr, int n)
{
    enum { MOST = 1000 };
    const char *alias = alias_of(sql, expr), *column = strchr(expr, '.');
    if (column && (!strcmp(column, ".id") || !strcmp(column, ".patient")))
        return 0;
    if (!sql->searches)
        sql->searches = fhir_hash_make(sql->call->pool);
    int *searches = apr_hash_get(sql->searches, alias, APR_HASH_KEY_STRING);
    if (!searches) {
        searches = apr_palloc(sql->call->pool, sizeof(*searches));
        *searches = 1;
        apr_hash_set(sql->searches, alias, APR_HASH_KEY_STRING, searches);
    }
    if (n > MOST / *searches && *searches > 1)
        return 1;
    *searches = n > MOST ? MOST : *searches * n;
    return 0;
}

void fhir_predicate_any(fhir_sql_t *sql, const char *expr, const apr_array_header_t *list)
{
    int shut = multiplies(sql, expr, list->nelts ? list->nelts : 1);
    fhir_buf_printf(sql->text, shut ? "((%s = ANY (" : "%s = ANY (", expr);
    fhir_sql_bind_array(sql, list, "text[]");
    fhir_buf_puts(sql->text, shut ? ")) IS TRUE)" : ")");
}

/* expr = $n, or = ANY ($n) for several; nothing matches an empty list. */
void fhir_predicate_equals(fhir_sql_t *sql, const char *expr, const apr_array_header_t *list)
{
    if (!list->nelts) {
        fhir_buf_puts(sql->text, "FALSE");
        return;
    }
    if (list->nelts == 1) {
        fhir_buf_printf(sql->text, "%s = ", expr);
        fhir_sql_bind(sql, APR_ARRAY_IDX(list, 0, const char *), "text");
        return;
    }
    fhir_predicate_any(sql, expr, list);
}

/* From how many texts on the planner must not count them. */
#define TEXTS_MANY 100

void fhir_predicate_overlaps(fhir_sql_t *sql, const char *expr, const apr_array_header_t *list,
                             const char *cast)
{
    const int hidden = sql->hides || sql->veils || list->nelts >= TEXTS_MANY;
    fhir_buf_puts(sql->text, hidden ? " && (SELECT " : " && ");
    fhir_sql_bind_array(sql, list, cast);
    fhir_buf_puts(sql->text, hidden ? ")" : "");
    if (sql->hides && expr)
        fhir_buf_printf(sql->text, " AND %s && (SELECT $%d::%s)", expr, sql->values->nelts, cast);
}

const char *fhir_predicate_column(const fhir_sql_t *sql, const char *alias,
                                  const fhir_param_t *param, const char *suffix)
{
    return apr_psprintf(sql->call->pool, "%s.\"%s%s\"", alias,
                        fhir_model_str(sql->call->stored, param->column), suffix);
}

/* _id */
static void test_id(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    apr_array_header_t *ids = fhir_predicate_texts(sql);
    for (int i = 0; i < node->n_values; i++)
        if (!node->values[i].system && node->values[i].code)
            push(ids, *alias == FHIR_SQL_CONTAINED
                          ? apr_pstrcat(sql->call->pool, "#", node->values[i].code, NULL)
                          : node->values[i].code);
    fhir_predicate_equals(sql, apr_pstrcat(sql->call->pool, alias, ".id", NULL), ids);
}

/* _lastUpdated: an instant with milliseconds covers one millisecond. */
static void test_updated(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    fhir_operand_t operand = {0};
    operand.low = apr_pstrcat(sql->call->pool, alias, ".last_updated", NULL);
    operand.high_offset = 1000;
    operand.high = operand.low;
    fhir_compare_any(sql, FHIR_PARAM_DATE, &operand, node);
}

/* Lower case, as lower() does for a text with collation "C". */
static const char *lower(const fhir_sql_t *sql, const char *text)
{
    char *folded = apr_pstrdup(sql->call->pool, text);
    for (char *s = folded; *s; s++)
        *s = (char)apr_tolower(*s);
    return folded;
}

/* Data may have a code without a system. Its system, if any, is then known from the binding. */
static void test_code(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    const char *known = fhir_model_str(sql->call->stored, node->param->system);
    const char *expr = fhir_predicate_column(sql, alias, node->param, "");
    apr_array_header_t *codes = fhir_predicate_texts(sql);
    /* The letter case of a version does not matter, but references are stored as written, and so is
     * the version. Few resources have a version. */
    const int folds = node->param == fhir_canonical_version(sql->call, node->type);
    int any = 0;
    for (int i = 0; i < node->n_values; i++) {
        const fhir_qvalue_t *v = &node->values[i];
        if (v->system && strcmp(v->system, known))
            continue;
        if (v->code)
            push(codes, folds ? lower(sql, v->code) : v->code);
        else
            any = 1;
    }
    if (any) {
        fhir_buf_printf(sql->text, "%s IS NOT NULL", expr);
        return;
    }
    fhir_buf_putc(sql->text, '(');
    fhir_predicate_equals(
        sql, folds ? apr_pstrcat(sql->call->pool, "lower(", expr, ")", NULL) : expr, codes);
    if (!folds)
        fhir_predicate_rest(sql, alias, node->param->first_column, codes);
    fhir_buf_putc(sql->text, ')');
}

void fhir_predicate_tokens(fhir_sql_t *sql, const fhir_qnode_t *node, apr_array_header_t *forms,
                           apr_array_header_t *systems)
{
    for (int i = 0; i < node->n_values; i++) {
        const fhir_qvalue_t *v = &node->values[i];
        const char *system = v->system;
        if (v->code && system && !*system && fhir_predicate_systemless(sql->call, node->param))
            system = NULL;
        push(v->code ? forms : systems,
             fhir_short_token(system, v->code ? v->code : "", sql->call->pool));
    }
}

void fhir_predicate_in(fhir_sql_t *sql, const char *alias, apr_uint16_t column,
                       const fhir_qnode_t *node)
{
    apr_array_header_t *forms = fhir_predicate_texts(sql), *systems = fhir_predicate_texts(sql);
    const char *expr =
        apr_psprintf(sql->call->pool, "%s.\"%s\"", alias,
                     fhir_model_str(sql->call->stored, sql->call->stored->columns[column].name));
    fhir_predicate_tokens(sql, node, forms, systems);
    fhir_buf_putc(sql->text, '(');
    if (forms->nelts && (sql->hides || sql->veils)) {
        fhir_buf_puts(sql->text, expr);
        fhir_predicate_overlaps(sql, expr, forms, "text[]");
    }
    else if (forms->nelts) {
        fhir_buf_printf(sql->text, "%s && ", expr);
        fhir_sql_bind_array(sql, forms, "text[]");
    }
    if (forms->nelts && systems->nelts)
        fhir_buf_puts(sql->text, " OR ");
    if (systems->nelts) {
        fhir_buf_printf(sql->text, "EXISTS (SELECT FROM unnest(%s) v, unnest(", expr);
        fhir_sql_bind_array(sql, systems, "text[]");
        fhir_buf_puts(sql->text, ") s WHERE starts_with(v, s))");
    }
    else {
        fhir_predicate_rest(sql, alias, column, forms);
    }
    fhir_buf_putc(sql->text, ')');
}

static void test_tokens(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    fhir_predicate_in(sql, alias, node->param->first_column, node);
}

/* One value: alias columns low and high (and for quantities system, code, unit). */
static fhir_operand_t operand_of(const fhir_sql_t *sql, const char *alias,
                                 const fhir_param_t *param)
{
    fhir_operand_t operand = {.low = fhir_predicate_column(sql, alias, param, "_low"),
                              .high = fhir_predicate_column(sql, alias, param, "_high")};
    if (param->kind == FHIR_PARAM_QUANTITY) {
        operand.system = fhir_predicate_column(sql, alias, param, "_system");
        operand.code = fhir_predicate_column(sql, alias, param, "_code");
        operand.unit = fhir_predicate_column(sql, alias, param, "_unit");
    }
    return operand;
}

static void test_scalar(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    fhir_operand_t operand = operand_of(sql, alias, node->param);
    /* what is written with a time is short; so is a Period within one second */
    if (node->modifier == FHIR_MODIFIER_INSTANT)
        fhir_buf_printf(sql->text, "(%s <= %s + interval '1 second' AND ", operand.high,
                        operand.low);
    fhir_compare_any(sql, (fhir_param_kind_t)node->param->kind, &operand, node);
    if (node->modifier == FHIR_MODIFIER_INSTANT)
        fhir_buf_putc(sql->text, ')');
    if (node->param->kind != FHIR_PARAM_DATE)
        fhir_predicate_number_keys(sql, alias, node);
}

/* Several values are tested one by one: arrays in parallel, one for each part of the value that the
 * test looks at. As a list of columns they take a fifth of the time of unnest() of several arrays,
 * which stores them. */
static void test_array(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    static const fhir_operand_t operand = {
        .low = "v.l", .high = "v.h", .system = "v.s", .code = "v.c", .unit = "v.u"};
    fhir_operand_t source = operand_of(sql, alias, node->param);
    int system = 0, code = 0;
    for (int i = 0; i < node->n_values; i++) {
        system |= node->values[i].system != NULL;
        code |= node->values[i].code != NULL;
    }
    /* without values none is looked at, which is also what the planner knows of the column */
    fhir_buf_printf(sql->text,
                    "(%s IS NOT NULL AND EXISTS (SELECT FROM (SELECT unnest(%s) AS l, unnest(%s) "
                    "AS h",
                    source.low, source.low, source.high);
    if (source.system && system)
        fhir_buf_printf(sql->text, ", unnest(%s) AS s", source.system);
    if (source.system && code)
        fhir_buf_printf(sql->text, ", unnest(%s) AS c, unnest(%s) AS u", source.code, source.unit);
    fhir_buf_puts(sql->text, ") v WHERE ");
    fhir_compare_any(sql, (fhir_param_kind_t)node->param->kind, &operand, node);
    fhir_buf_puts(sql->text, "))");
    if (node->param->kind == FHIR_PARAM_DATE)
        fhir_predicate_date_bounds(sql, alias, node);
    else
        fhir_predicate_number_keys(sql, alias, node);
}

static const char *like(const fhir_sql_t *sql, const char *before, const char *text,
                        const char *behind)
{
    fhir_buf_t *folded = fhir_buf_create(sql->call->pool, 0);
    fhir_buf_t *out = fhir_buf_create(sql->call->pool, 0);
    fhir_text_fold(folded, text, strlen(text));
    fhir_buf_puts(out, before);
    for (apr_size_t i = 0; i < folded->len; i++) {
        if (strchr("%_\\", folded->data[i]))
            fhir_buf_putc(out, '\\');
        fhir_buf_putc(out, folded->data[i]);
    }
    fhir_buf_puts(out, behind);
    return folded->len ? fhir_buf_cstr(out) : NULL;
}

/* Each stored value has a newline before and after it. */
const char *fhir_predicate_pattern(const fhir_sql_t *sql, const char *text, fhir_pattern_t pattern)
{
    static const char *const before[] = {"%\n", "%", "%\n", "%", "", "% "};
    static const char *const behind[] = {"%", "%", "\n%", "\n%", "%", "%"};
    return like(sql, before[pattern], text, behind[pattern]);
}

/* Of a text that is punctuation alone: it is compared with what was written, behind a blank. */
static const char *mark_pattern(const fhir_sql_t *sql, const char *text, fhir_pattern_t pattern)
{
    static const char *const before[] = {"% ", "%", " ", "%"};
    static const char *const behind[] = {"%", "%", "", ""};
    return like(sql, before[pattern], text, behind[pattern]);
}

static fhir_pattern_t pattern_of(fhir_modifier_t modifier)
{
    switch (modifier) {
    case FHIR_MODIFIER_CONTAINS:
        return FHIR_PATTERN_CONTAINS;
    case FHIR_MODIFIER_EQUALS:
        return FHIR_PATTERN_EQUALS;
    case FHIR_MODIFIER_ENDS:
        return FHIR_PATTERN_ENDS;
    default:
        return FHIR_PATTERN_STARTS;
    }
}

/* " AND …": an exact match also matches folded, and that has an index. */
static void folded_too(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    apr_array_header_t *list = fhir_predicate_texts(sql);
    if (fhir_sql_is_shut(sql, alias) || sql->estimate)
        return;
    for (int i = 0; i < node->n_values; i++) {
        const char *text = fhir_predicate_pattern(sql, node->values[i].text, FHIR_PATTERN_EQUALS);
        if (!text)
            return;
        push(list, text);
    }
    fhir_buf_printf(sql->text, " AND %s LIKE ANY (",
                    fhir_predicate_column(sql, alias, node->param, ""));
    fhir_sql_bind_array(sql, list, "text[]");
    fhir_buf_putc(sql->text, ')');
}

static void test_exact(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    apr_array_header_t *list = fhir_predicate_texts(sql);
    for (int i = 0; i < node->n_values; i++)
        push(list, node->values[i].text);
    fhir_buf_printf(sql->text, "%s && ", fhir_predicate_column(sql, alias, node->param, "_exact"));
    fhir_sql_bind_array(sql, list, "text[]");
    folded_too(sql, alias, node);
}

/* Stored folded strings have no punctuation, so it is looked for in the exact ones. No index has
 * those: that the planner counts with all rows, the test looks like one of many values. */
static void put_marks(fhir_sql_t *sql, const char *alias, const fhir_param_t *param,
                      const apr_array_header_t *marks)
{
    fhir_buf_printf(sql->text,
                    "(EXISTS (SELECT FROM unnest(%s) v WHERE ' ' || \"%s\".fhir_fold_case(v) LIKE "
                    "ANY (",
                    fhir_predicate_column(sql, alias, param, "_exact"),
                    sql->call->endpoint->tenant);
    fhir_sql_bind_array(sql, marks, "text[]");
    fhir_buf_puts(sql->text, ")))::integer = 1");
}

static void test_string(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    apr_array_header_t *list = fhir_predicate_texts(sql), *marks = fhir_predicate_texts(sql);
    const fhir_pattern_t pattern = pattern_of(node->modifier);
    if (node->modifier == FHIR_MODIFIER_EXACT) {
        test_exact(sql, alias, node);
        return;
    }
    for (int i = 0; i < node->n_values; i++) {
        const char *text = node->values[i].text;
        const int is_mark = !fhir_text_has_words(text, strlen(text), sql->call->pool);
        const char *found = (is_mark ? mark_pattern : fhir_predicate_pattern)(sql, text, pattern);
        if (found)
            push(is_mark ? marks : list, found);
        /* the parts of a name match, too. Source: R4 3.1.1.4.8 */
        if (!is_mark && pattern == FHIR_PATTERN_STARTS)
            push(list, fhir_predicate_pattern(sql, text, FHIR_PATTERN_WORD));
    }
    if (!list->nelts && !marks->nelts) {
        fhir_buf_puts(sql->text, "FALSE");
        return;
    }
    fhir_buf_puts(sql->text, marks->nelts && list->nelts ? "(" : "");
    if (marks->nelts)
        put_marks(sql, alias, node->param, marks);
    if (list->nelts) {
        fhir_buf_printf(sql->text, "%s%s%s", marks->nelts ? " OR " : "",
                        fhir_predicate_column(sql, alias, node->param, ""),
                        list->nelts > 1 ? " LIKE ANY (" : " LIKE ");
        if (list->nelts > 1)
            fhir_sql_bind_array(sql, list, "text[]");
        else
            fhir_sql_bind(sql, APR_ARRAY_IDX(list, 0, const char *), "text");
        fhir_buf_puts(sql->text, list->nelts > 1 ? ")" : "");
    }
    fhir_buf_puts(sql->text, marks->nelts && list->nelts ? ")" : "");
}

/* " OR …": a resource with the URL and version of the value url|version. */
static void versions(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    const fhir_param_t *version = fhir_canonical_version(sql->call, node->type);
    if (!version || node->modifier != FHIR_MODIFIER_NONE ||
        node->param != fhir_canonical_url(sql->call, node->type))
        return;
    for (int i = 0; i < node->n_values; i++) {
        const fhir_qvalue_t *v = &node->values[i];
        if (!v->code)
            continue;
        fhir_buf_printf(sql->text,
                        " OR (%s = ", fhir_predicate_column(sql, alias, node->param, ""));
        fhir_sql_bind(sql, v->system, "text");
        fhir_buf_printf(sql->text, " AND %s = ", fhir_predicate_column(sql, alias, version, ""));
        fhir_sql_bind(sql, v->code, "text");
        fhir_buf_putc(sql->text, ')');
    }
}

static void test_uri(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    fhir_buf_putc(sql->text, '(');
    fhir_predicate_uri(sql, fhir_predicate_column(sql, alias, node->param, ""), node);
    if (node->modifier == FHIR_MODIFIER_NONE) {
        apr_array_header_t *texts = fhir_predicate_texts(sql);
        for (int i = 0; i < node->n_values; i++)
            push(texts, node->param->column_kind == FHIR_COL_URIS
                            ? fhir_short_url(node->values[i].text, sql->call->pool)
                            : node->values[i].text);
        fhir_predicate_rest(sql, alias, node->param->first_column, texts);
    }
    versions(sql, alias, node);
    fhir_buf_putc(sql->text, ')');
}

/* The distance on a sphere by the haversine formula, in kilometres. */
static void test_position(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    const char *lat = fhir_predicate_column(sql, alias, node->param, "_latitude");
    const char *lon = fhir_predicate_column(sql, alias, node->param, "_longitude");
    fhir_buf_printf(sql->text, "(%s IS NOT NULL AND (", lat); /* least() ignores NULL */
    for (int i = 0; i < node->n_values; i++) {
        const fhir_qvalue_t *v = &node->values[i];
        fhir_buf_printf(sql->text, "%s12742.0176 * asin(sqrt(least(1, power(sind((%s - ",
                        i ? " OR " : "", lat);
        fhir_sql_bind(sql, v->latitude, "double precision");
        fhir_buf_printf(sql->text, ") / 2), 2) + cosd(%s) * cosd(", lat);
        fhir_sql_bind(sql, v->latitude, "double precision");
        fhir_buf_printf(sql->text, ") * power(sind((%s - ", lon);
        fhir_sql_bind(sql, v->longitude, "double precision");
        fhir_buf_puts(sql->text, ") / 2), 2)))) <= ");
        fhir_sql_bind(sql, v->km, "double precision");
    }
    fhir_buf_puts(sql->text, "))");
}

static const struct {
    test_fn test;
    const char *present; /* suffix of the column that is NULL when there is no value */
} by_column[] = {
    [FHIR_COL_ID] = {test_id, NULL},
    [FHIR_COL_UPDATED] = {test_updated, NULL},
    [FHIR_COL_CODE] = {test_code, ""},
    [FHIR_COL_TOKENS] = {test_tokens, ""},
    [FHIR_COL_REFERENCE] = {fhir_predicate_reference, ""},
    [FHIR_COL_REFERENCES] = {fhir_predicate_reference, ""},
    [FHIR_COL_DATE] = {test_scalar, "_low"},
    [FHIR_COL_DATES] = {test_array, "_low"},
    [FHIR_COL_NUMBER] = {test_scalar, "_low"},
    [FHIR_COL_NUMBERS] = {test_array, "_low"},
    [FHIR_COL_QUANTITY] = {test_scalar, "_low"},
    [FHIR_COL_QUANTITIES] = {test_array, "_low"},
    [FHIR_COL_STRING] = {test_string, ""},
    [FHIR_COL_URI] = {test_uri, ""},
    [FHIR_COL_URIS] = {test_uri, ""},
    [FHIR_COL_COMPOSITE] = {fhir_predicate_composite, ""},
    [FHIR_COL_POSITION] = {test_position, "_latitude"},
};

/* A scalar number may be open at one end, so both columns together tell whether there is one. */
static void present(fhir_sql_t *sql, const char *alias, const fhir_param_t *param)
{
    const char *suffix = by_column[param->column_kind].present;
    if (param->flags & FHIR_PARAM_TYPED) {
        fhir_predicate_typed_present(sql, alias, param);
        return;
    }
    if (!suffix) {
        fhir_buf_puts(sql->text, "TRUE");
        return;
    }
    fhir_buf_printf(sql->text, "(%s IS NOT NULL", fhir_predicate_column(sql, alias, param, suffix));
    if (param->column_kind == FHIR_COL_NUMBER || param->column_kind == FHIR_COL_QUANTITY)
        fhir_buf_printf(sql->text, " OR %s IS NOT NULL",
                        fhir_predicate_column(sql, alias, param, "_high"));
    /* a reference with only an identifier is a value, too */
    if (param->identifier_column)
        fhir_buf_printf(sql->text, " OR %s.\"%s\" IS NOT NULL", alias,
                        fhir_model_str(sql->call->stored,
                                       sql->call->stored->columns[param->identifier_column].name));
    fhir_buf_putc(sql->text, ')');
}

/* A union of types has the columns of its components, but targets of its own. */
fhir_qnode_t fhir_predicate_component(const fhir_call_t *call, const fhir_qnode_t *node, int i)
{
    const fhir_model_t *m = call->stored;
    fhir_qnode_t part = *node;
    part.param = &m->params[m->components[node->param->first_component + i]];
    if (node->param->flags & FHIR_PARAM_TYPED) {
        fhir_param_t *typed = apr_pmemdup(call->pool, part.param, sizeof(*typed));
        typed->flags |= FHIR_PARAM_TYPED;
        typed->first_target = node->param->first_target;
        typed->n_targets = node->param->n_targets;
        part.param = typed;
    }
    return part;
}

static void each_component(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node,
                           const char *word)
{
    fhir_buf_putc(sql->text, '(');
    for (int i = 0; i < node->param->n_components; i++) {
        fhir_qnode_t part = fhir_predicate_component(sql->call, node, i);
        if (i)
            fhir_buf_puts(sql->text, word);
        fhir_predicate_append(sql, alias, &part);
    }
    fhir_buf_putc(sql->text, ')');
}

/* Keys stand by themselves: beside its test, each would be computed for the rows that an index
 * found by it. */
static void any_component(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    fhir_buf_putc(sql->text, '(');
    const int keyed = fhir_predicate_union_keys(sql, alias, node);
    sql->keyed += keyed;
    each_component(sql, alias, node, " OR ");
    sql->keyed -= keyed;
    fhir_buf_putc(sql->text, ')');
}

/* The parts of each value are joined by AND, the values by OR. */
static void root_composite(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    fhir_buf_putc(sql->text, '(');
    for (int v = 0; v < node->n_values; v++) {
        const int paired = fhir_predicate_has_pair(sql->call, node, &node->values[v]);
        fhir_buf_puts(sql->text, v ? " OR (" : "(");
        sql->paired += paired;
        for (int i = 0; i < node->param->n_components; i++) {
            fhir_qnode_t part = fhir_predicate_component(sql->call, node, i);
            part.values = &node->values[v].parts[i];
            part.n_values = 1;
            if (i)
                fhir_buf_puts(sql->text, " AND ");
            fhir_predicate_append(sql, alias, &part);
            if (part.param->kind == FHIR_PARAM_STRING)
                fhir_predicate_plain_string(sql, alias, part.param);
        }
        sql->paired -= paired;
        if (paired)
            fhir_predicate_pair_keys(sql, alias, node->param, &node->values[v]);
        fhir_buf_putc(sql->text, ')');
    }
    fhir_buf_putc(sql->text, ')');
}

static void missing(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    const fhir_param_t *param = node->param;
    if (param->flags & (FHIR_PARAM_UNION | FHIR_PARAM_ROOT_COMPOSITE)) {
        /* a union is missing when all its parts are, a composite when any part is */
        int all = !(param->flags & FHIR_PARAM_UNION) == !node->values[0].missing;
        each_component(sql, alias, node, all ? " AND " : " OR ");
        return;
    }
    if (node->values[0].missing)
        fhir_buf_puts(sql->text, "NOT ");
    present(sql, alias, param);
}

#define MIME_TYPES "urn:ietf:bcp:13"
/* :below of MIME types: text/xml with any parameters, or all of text. */
static void mime_below(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    fhir_qvalue_t *values =
        apr_pcalloc(sql->call->pool, sizeof(*values) * (apr_size_t)node->n_values);
    fhir_qnode_t types = *node;
    types.values = values;
    types.n_values = 0;
    for (int i = 0; i < node->n_values; i++)
        if (node->values[i].code &&
            (!node->values[i].system || !strcmp(node->values[i].system, MIME_TYPES)))
            values[types.n_values++].text =
                node->param->column_kind == FHIR_COL_TOKENS
                    ? fhir_short_token(NULL, node->values[i].code, sql->call->pool)
                    : node->values[i].code;
    test_uri(sql, alias, &types);
}

int fhir_predicate_is_mime(const fhir_call_t *call, const fhir_qnode_t *node)
{
    return node->modifier == FHIR_MODIFIER_BELOW &&
           !strcmp(fhir_model_str(call->stored, node->param->system), MIME_TYPES);
}

/* Modifiers of tokens that change the comparison, tested before the column's own test. Those of
 * terminology have been resolved to codes. */
static void token_modifier(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    fhir_qnode_t codes = *node;
    codes.modifier = FHIR_MODIFIER_NONE;
    if (node->modifier == FHIR_MODIFIER_TEXT || node->modifier == FHIR_MODIFIER_OF_TYPE)
        fhir_predicate_token_json(sql, alias, node);
    else if (fhir_predicate_is_mime(sql->call, node))
        mime_below(sql, alias, node);
    else if (node->resolved)
        fhir_predicate_append(sql, alias, &codes);
    else
        fhir_buf_puts(sql->text, "FALSE");
}

static test_fn test_of(const fhir_param_t *param)
{
    return param->column_kind < sizeof(by_column) / sizeof(*by_column)
               ? by_column[param->column_kind].test
               : NULL;
}

int fhir_predicate_can(const fhir_call_t *call, const fhir_param_t *param)
{
    const fhir_model_t *m = call->stored;
    if (param->flags & (FHIR_PARAM_UNION | FHIR_PARAM_ROOT_COMPOSITE)) {
        for (int i = 0; i < param->n_components; i++)
            if (!fhir_predicate_can(call, &m->params[m->components[param->first_component + i]]))
                return 0;
        return 1;
    }
    return test_of(param) != NULL &&
           (param->column_kind != FHIR_COL_COMPOSITE || fhir_predicate_can_composite(call, param));
}

void fhir_predicate_append(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    const fhir_param_t *param = node->param;
    if (node->kind != FHIR_Q_TEST)
        fhir_predicate_special(sql, alias, node);
    else if (node->modifier == FHIR_MODIFIER_MISSING)
        missing(sql, alias, node);
    else if (param->flags & FHIR_PARAM_UNION)
        any_component(sql, alias, node);
    else if (param->flags & FHIR_PARAM_ROOT_COMPOSITE)
        root_composite(sql, alias, node);
    else if (param->kind == FHIR_PARAM_TOKEN && node->modifier != FHIR_MODIFIER_NONE)
        token_modifier(sql, alias, node);
    else
        test_of(param)(sql, alias, node);
}
