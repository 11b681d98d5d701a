/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests that look into the resource itself, because nothing is stored for them: :text, :of-type,
 * _text, _content, dates of DSTU2's parameters that R4 has not, and _list, which looks into a List.
 * They parse each row's text, so they want another parameter beside them that narrows the search.
 *
 * Where a parameter's values stand in a resource is known from its extraction program: the paths
 * of the trie become SQL/JSON paths, whose lax mode passes through arrays as the program does.
 */
#include <apr_strings.h>

#include "fhir/query/fhir_compare.h"
#include "fhir/query/fhir_grant.h"
#include "fhir/query/fhir_predicate.h"
#include "model/fhir_short.h"

/* Folding shortens a text: so many characters beyond four times those of the value are compared. */
#define TEXT_MORE 1000

/* The paths of a parameter, joined for each kind of conversion. */
typedef struct paths_t {
    const fhir_call_t *call;
    const fhir_param_t *param;
    apr_array_header_t *list; /* of path_t */
} paths_t;
typedef struct path_t {
    const char *path;
    const fhir_type_t *holder; /* the data type whose member the path ends in, or NULL */
    int conv;
} path_t;

static const char *guard_filter(const fhir_call_t *call, apr_uint16_t index)
{
    const fhir_model_t *m = call->stored;
    const fhir_guard_t *g = &m->guards[index];
    switch (index ? g->kind : FHIR_GUARD_NONE) {
    case FHIR_GUARD_MEMBER_IS:
        return apr_psprintf(call->pool, " ? (@.\"%s\" == \"%s\")", fhir_model_str(m, g->name),
                            fhir_model_str(m, g->value));
    case FHIR_GUARD_HAS_EXTENSION:
        return apr_psprintf(call->pool, " ? (@.\"extension\".\"url\" == \"%s\")",
                            fhir_model_str(m, g->value));
    case FHIR_GUARD_RESOURCE_IS:
        return apr_psprintf(call->pool, " ? (@.\"resourceType\" == \"%s\")",
                            fhir_model_str(m, m->types[g->type].name));
    case FHIR_GUARD_INDEX:
        return apr_psprintf(call->pool, "[%d]", g->type);
    default:
        return "";
    }
}

static int same_values(const fhir_model_t *m, apr_uint16_t emitted, const fhir_param_t *param)
{
    const fhir_param_t *p = &m->params[emitted];
    return p == param || (p->column && p->type == param->type && p->column == param->column);
}

/* type: that of the value at node, or NULL if unknown; holder: the type that has the member. */
static void collect(paths_t *paths, const fhir_xnode_t *node, const char *path,
                    const fhir_type_t *type, const fhir_type_t *holder)
{
    const fhir_model_t *m = paths->call->stored;
    apr_pool_t *pool = paths->call->pool;
    for (int i = 0; i < node->n_emits; i++) {
        const fhir_xemit_t *emit = &m->xemits[node->first_emit + i];
        if (same_values(m, emit->param, paths->param)) {
            path_t *found = apr_array_push(paths->list);
            found->path = apr_pstrcat(pool, path, guard_filter(paths->call, emit->guard), NULL);
            found->holder = holder;
            found->conv = emit->conv;
        }
    }
    for (int i = 0; i < node->n_children; i++) {
        const fhir_xnode_t *child = &m->xnodes[node->first_child + i];
        const char *name = fhir_model_str(m, child->name);
        const fhir_element_t *e = type ? fhir_model_element(m, type, name, strlen(name)) : NULL;
        collect(
            paths, child,
            apr_psprintf(pool, "%s.\"%s\"%s", path, name, guard_filter(paths->call, child->guard)),
            e ? &m->types[e->type] : NULL, type);
    }
}

static apr_array_header_t *paths_of(const fhir_call_t *call, const fhir_param_t *param)
{
    paths_t paths = {call, param, apr_array_make(call->pool, 4, sizeof(path_t))};
    const fhir_type_t *type = &call->stored->types[param->type];
    collect(&paths, &call->stored->xnodes[type->xroot], "$", type, NULL);
    return paths.list;
}

apr_array_header_t *fhir_predicate_paths(const fhir_call_t *call, const fhir_param_t *param)
{
    apr_array_header_t *paths = paths_of(call, param);
    apr_array_header_t *list = apr_array_make(call->pool, 4, sizeof(const char *));
    for (int i = 0; i < paths->nelts; i++)
        APR_ARRAY_PUSH(list, const char *) = APR_ARRAY_IDX(paths, i, path_t).path;
    return list;
}

int fhir_predicate_systemless(const fhir_call_t *call, const fhir_param_t *param)
{
    apr_array_header_t *paths = paths_of(call, param);
    for (int i = 0; i < paths->nelts; i++) {
        int conv = APR_ARRAY_IDX(paths, i, path_t).conv;
        if (conv != FHIR_CONV_CONTACTPOINT && conv != FHIR_CONV_EXISTS &&
            (conv != FHIR_CONV_CODE || param->system))
            return 0;
    }
    return paths->nelts > 0;
}

/* Where the text for a code is, by data type. */
static const char *const texts_of[][3] = {
    [FHIR_CONV_CODING] = {".\"display\"", NULL},
    [FHIR_CONV_CODEABLECONCEPT] = {".\"text\"", ".\"coding\".\"display\"", NULL},
    [FHIR_CONV_IDENTIFIER] = {".\"type\".\"text\"", NULL},
};

static apr_array_header_t *text_paths(const fhir_call_t *call, const fhir_param_t *param)
{
    apr_array_header_t *list = apr_array_make(call->pool, 4, sizeof(const char *));
    apr_array_header_t *paths = paths_of(call, param);
    for (int i = 0; i < paths->nelts; i++) {
        const path_t *path = &APR_ARRAY_IDX(paths, i, path_t);
        if (path->conv >= (int)(sizeof(texts_of) / sizeof(*texts_of)))
            continue;
        for (const char *const *tail = texts_of[path->conv]; *tail; tail++)
            APR_ARRAY_PUSH(list, const char *) = apr_pstrcat(call->pool, path->path, *tail, NULL);
    }
    return list;
}

int fhir_predicate_has_modifier(const fhir_call_t *call, const fhir_param_t *param,
                                fhir_modifier_t modifier)
{
    const fhir_model_t *m = call->stored;
    if (param->flags & FHIR_PARAM_UNION) {
        for (int i = 0; i < param->n_components; i++)
            if (fhir_predicate_has_modifier(
                    call, &m->params[m->components[param->first_component + i]], modifier))
                return 1;
        return 0;
    }
    if (modifier == FHIR_MODIFIER_TEXT)
        return text_paths(call, param)->nelts > 0;
    if (modifier == FHIR_MODIFIER_IDENTIFIER)
        return param->identifier_column != 0;
    if (modifier != FHIR_MODIFIER_OF_TYPE)
        return 1;
    apr_array_header_t *paths = paths_of(call, param);
    for (int i = 0; i < paths->nelts; i++)
        if (APR_ARRAY_IDX(paths, i, path_t).conv == FHIR_CONV_IDENTIFIER)
            return 1;
    return 0;
}

/* The function that compares the texts of a row with so many values: the row is parsed once for all
 * values, and the planner has a cost for each function. More values than the last function takes
 * need several calls. */
static const struct {
    int values;
    const char *name;
} text_functions[] = {
    {10, "fhir_text_begins"}, {100, "fhir_text_begins_100"}, {500, "fhir_text_begins_500"}};
#define TEXT_FUNCTIONS ((int)(sizeof(text_functions) / sizeof(*text_functions)))

static void put_text_call(fhir_sql_t *sql, const char *alias, const apr_array_header_t *paths,
                          const apr_array_header_t *patterns, apr_size_t longest)
{
    int f = 0;
    while (f < TEXT_FUNCTIONS - 1 && patterns->nelts > text_functions[f].values)
        f++;
    fhir_buf_printf(sql->text, "\"%s\".%s(%s.resource, ", sql->call->endpoint->tenant,
                    text_functions[f].name, alias);
    fhir_sql_bind_array(sql, paths, "jsonpath[]");
    fhir_buf_puts(sql->text, ", ");
    fhir_sql_bind_array(sql, patterns, "text[]");
    fhir_buf_puts(sql->text, ", ");
    fhir_sql_bind_int(sql, (apr_int64_t)longest * 4 + TEXT_MORE, "integer");
    /* The planner expects a boolean function to match a third of the rows, and so the first page
     * soon. A number that must equal one of many is expected to match few rows, for which all must
     * be read. */
    fhir_buf_puts(sql->text, ")::integer = 1");
}

/* :text: a display, or the text of the concept or a part of it, begins with the value. */
static void test_text(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    const int most = text_functions[TEXT_FUNCTIONS - 1].values;
    apr_array_header_t *paths = text_paths(sql->call, node->param);
    apr_array_header_t *values = fhir_predicate_texts(sql);
    apr_size_t longest = 0;
    for (int i = 0; i < node->n_values; i++) {
        const char *text = fhir_predicate_pattern(sql, node->values[i].text, FHIR_PATTERN_WORD);
        if (text)
            APR_ARRAY_PUSH(values, const char *) = text;
        longest = text && strlen(text) > longest ? strlen(text) : longest;
    }
    if (!paths->nelts) /* a component of a union may have no texts */
        values->nelts = 0;
    fhir_buf_puts(sql->text, values->nelts ? "(" : "FALSE");
    for (int i = 0; i < values->nelts; i += most) {
        apr_array_header_t some = *values;
        some.elts += (apr_size_t)i * sizeof(const char *);
        some.nelts = values->nelts - i < most ? values->nelts - i : most;
        fhir_buf_puts(sql->text, i ? " OR " : "");
        put_text_call(sql, alias, paths, &some, longest);
    }
    fhir_buf_puts(sql->text, values->nelts ? ")" : "");
}

static int is_of_concept(const fhir_model_t *m, const path_t *path)
{
    return path->conv == FHIR_CONV_CC_TEXT ||
           (path->holder && !strcmp(fhir_model_str(m, path->holder->name), "CodeableConcept"));
}

void fhir_predicate_plain_string(fhir_sql_t *sql, const char *alias, const fhir_param_t *param)
{
    apr_array_header_t *paths = paths_of(sql->call, param), *plain = fhir_predicate_texts(sql);
    for (int i = 0; i < paths->nelts; i++)
        if (!is_of_concept(sql->call->stored, &APR_ARRAY_IDX(paths, i, path_t)))
            APR_ARRAY_PUSH(plain, const char *) = APR_ARRAY_IDX(paths, i, path_t).path;
    if (!plain->nelts || plain->nelts == paths->nelts)
        return;
    fhir_buf_puts(sql->text, " AND EXISTS (SELECT FROM unnest(");
    fhir_sql_bind_array(sql, plain, "jsonpath[]");
    fhir_buf_printf(sql->text, ") p WHERE jsonb_path_exists(%s.resource::jsonb, p))", alias);
}

/* :of-type: type and value must be of the same identifier. */
static void test_of_type(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    apr_array_header_t *paths = paths_of(sql->call, node->param);
    apr_array_header_t *list = fhir_predicate_texts(sql), *values = fhir_predicate_texts(sql);
    for (int i = 0; i < paths->nelts; i++)
        if (APR_ARRAY_IDX(paths, i, path_t).conv == FHIR_CONV_IDENTIFIER)
            APR_ARRAY_PUSH(list, const char *) =
                apr_pstrcat(sql->call->pool, APR_ARRAY_IDX(paths, i, path_t).path,
                            " ? (@.\"value\" == $v && exists(@.\"type\".\"coding\" ? "
                            "(@.\"system\" == $s && @.\"code\" == $c)))",
                            NULL);
    if (!list->nelts) { /* a component of a union */
        fhir_buf_puts(sql->text, "FALSE");
        return;
    }
    for (int i = 0; i < node->n_values; i++)
        APR_ARRAY_PUSH(values, const char *) =
            fhir_short_token(NULL, node->values[i].of_value, sql->call->pool);
    fhir_buf_printf(sql->text, "(%s && ", fhir_predicate_column(sql, alias, node->param, ""));
    fhir_sql_bind_array(sql, values, "text[]");
    fhir_buf_puts(sql->text, " AND EXISTS (SELECT FROM unnest(");
    fhir_sql_bind_array(sql, list, "jsonpath[]");
    fhir_buf_puts(sql->text, ") p WHERE ");
    for (int i = 0; i < node->n_values; i++) {
        fhir_buf_printf(sql->text,
                        "%sjsonb_path_exists(%s.resource::jsonb, p, jsonb_build_object('s', ",
                        i ? " OR " : "", alias);
        fhir_sql_bind(sql, node->values[i].system, "text");
        fhir_buf_puts(sql->text, ", 'c', ");
        fhir_sql_bind(sql, node->values[i].code, "text");
        fhir_buf_puts(sql->text, ", 'v', ");
        fhir_sql_bind(sql, node->values[i].of_value, "text");
        fhir_buf_puts(sql->text, "))");
    }
    fhir_buf_puts(sql->text, "))");
}

void fhir_predicate_token_json(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    (node->modifier == FHIR_MODIFIER_TEXT ? test_text : test_of_type)(sql, alias, node);
}

/* _list: the ids in the entries of these Lists. */
static void in_list(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    const fhir_call_t *call = sql->call;
    const fhir_type_t *list = fhir_model_resource(call->stored, "List", 4);
    const char *name = fhir_model_str(call->stored, node->type->name);
    const char *other = fhir_sql_alias(sql);
    apr_array_header_t *ids = fhir_predicate_texts(sql);
    for (int i = 0; i < node->n_values; i++)
        APR_ARRAY_PUSH(ids, const char *) = node->values[i].id;
    fhir_buf_printf(
        sql->text,
        "%s.id IN (SELECT substr(r, %d) FROM %s %s, unnest(%s) r WHERE "
        "starts_with(r, '%s/') AND ",
        alias, (int)strlen(name) + 2, fhir_call_table(call, list, ""), other,
        fhir_predicate_column(sql, other, fhir_model_param(call->stored, list, "item", 4), ""),
        name);
    fhir_predicate_equals(sql, apr_pstrcat(call->pool, other, ".id", NULL), ids);
    fhir_grant_sql(sql, other, node->granted, FHIR_RIGHT_SEARCH);
    fhir_buf_putc(sql->text, ')');
}

/* 1 if one of the paths is there: of a boolean the planner would expect it in half of the rows. */
static void has_path(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    fhir_buf_printf(sql->text, "\"%s\".fhir_has_path(%s.resource, ", sql->call->endpoint->tenant,
                    alias);
    fhir_sql_bind_array(sql, node->paths, "jsonpath[]");
    fhir_buf_printf(sql->text, ")::integer = %d", !node->values[0].missing);
}

/* A day's bounds are local midnights: PostgreSQL need not know the practice's time zone. */
static void test_dates(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    fhir_operand_t operand = {.low = "v.d[1]", .high = "v.d[2]"};
    fhir_buf_printf(sql->text, "(EXISTS (SELECT FROM (SELECT \"%s\".fhir_date_at(%s.resource, ",
                    sql->call->endpoint->tenant, alias);
    fhir_sql_bind_array(sql, node->paths, "jsonpath[]");
    fhir_buf_puts(sql->text, ") OFFSET 0) v(d) WHERE ");
    fhir_compare_any(sql, FHIR_PARAM_DATE, &operand, node);
    operand = (fhir_operand_t){.low = "v.d[3]", .high = "v.d[4]", .is_local = 1};
    fhir_buf_puts(sql->text, " OR ");
    fhir_compare_any(sql, FHIR_PARAM_DATE, &operand, node);
    fhir_buf_puts(sql->text, "))::integer = 1");
}

static void put_words(fhir_sql_t *sql, const fhir_qnode_t *node)
{
    fhir_buf_puts(sql->text, " @@ to_tsquery('simple', ");
    fhir_sql_bind(sql, node->values[0].words, "text");
    fhir_buf_putc(sql->text, ')');
}

void fhir_predicate_special(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node)
{
    switch (node->kind) {
    case FHIR_Q_TEXT:
        fhir_buf_printf(sql->text, "\"%s\".fhir_narrative(%s.resource)",
                        sql->call->endpoint->tenant, alias);
        put_words(sql, node);
        break;
    case FHIR_Q_CONTENT:
        fhir_buf_printf(sql->text, "\"%s\".fhir_content(%s.resource)", sql->call->endpoint->tenant,
                        alias);
        put_words(sql, node);
        break;
    case FHIR_Q_ID_LENGTH:
        fhir_buf_printf(sql->text, "octet_length(%s.id) <= %s", alias, node->values[0].text);
        break;
    case FHIR_Q_DATES:
        (node->modifier == FHIR_MODIFIER_MISSING ? has_path : test_dates)(sql, alias, node);
        break;
    default:
        in_list(sql, alias, node);
    }
}
