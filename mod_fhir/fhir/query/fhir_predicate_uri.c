/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of uri columns. :below and :above go by whole segments of the path (urn: has none) and by
 * whole parts of a version, which stands behind a bar; MIME types go the same way.
 * Source: http://hl7.org/fhir/R4/search.html#uri, #versions and #mimetype
 */
#include <apr_strings.h>

#include "fhir/query/fhir_predicate.h"
#include "model/fhir_short.h"

static int is_plural(const fhir_qnode_t *node)
{
    return node->param->column_kind == FHIR_COL_URIS ||
           node->param->column_kind == FHIR_COL_REFERENCES ||
           node->param->column_kind == FHIR_COL_TOKENS;
}

/* The texts as they are stored: some URIs have short forms. */
static const apr_array_header_t *stored(const fhir_sql_t *sql, const fhir_qnode_t *node,
                                        const apr_array_header_t *list)
{
    apr_array_header_t *forms = fhir_predicate_texts(sql);
    if (node->param->column_kind != FHIR_COL_URIS)
        return list;
    for (int i = 0; i < list->nelts; i++)
        APR_ARRAY_PUSH(forms, const char *) =
            fhir_short_url(APR_ARRAY_IDX(list, i, const char *), sql->call->pool);
    return forms;
}

/* One of the texts equals the column, or an element of it. */
static void equals(fhir_sql_t *sql, const char *expr, const fhir_qnode_t *node,
                   const apr_array_header_t *list)
{
    if (!is_plural(node)) {
        fhir_predicate_any(sql, expr, stored(sql, node, list));
        return;
    }
    fhir_buf_printf(sql->text, "%s && ", expr);
    fhir_sql_bind_array(sql, stored(sql, node, list), "text[]");
}

/* The value, and each beginning of it that ends at a slash, at the bar, or within the version. */
static void beginnings(const fhir_sql_t *sql, apr_array_header_t *list, const char *url)
{
    apr_pool_t *pool = sql->call->pool;
    const char *scheme = strstr(url, "://");
    APR_ARRAY_PUSH(list, const char *) = url;
    for (const char *p = scheme ? scheme + 3 : NULL; p && (p = strchr(p, '/')); p++) {
        APR_ARRAY_PUSH(list, const char *) = apr_pstrmemdup(pool, url, (apr_size_t)(p - url));
        APR_ARRAY_PUSH(list, const char *) = apr_pstrmemdup(pool, url, (apr_size_t)(p - url) + 1);
    }
    for (const char *p = strchr(url, '|'); p; p = strchr(p + 1, '.'))
        APR_ARRAY_PUSH(list, const char *) = apr_pstrmemdup(pool, url, (apr_size_t)(p - url));
}

/* How values below this one continue: with a segment or version, or a further part of the version;
 * MIME types with a parameter, or, for "text", the rest of the type. */
static const char *continuations(const fhir_qnode_t *node, const char *url)
{
    apr_size_t len = strlen(url);
    if (node->param->kind == FHIR_PARAM_TOKEN)
        return strchr(url, '/') ? ";" : "/";
    return strchr(url, '|') ? "." : len && url[len - 1] == '/' ? "" : "/|";
}

static void below(fhir_sql_t *sql, const char *expr, const fhir_qnode_t *node,
                  const apr_array_header_t *list)
{
    apr_array_header_t *stems = apr_array_make(sql->call->pool, 4, sizeof(const char *));
    for (int i = 0; i < list->nelts; i++) {
        const char *url = APR_ARRAY_IDX(list, i, const char *), *c = continuations(node, url);
        do {
            const char *stem = apr_psprintf(sql->call->pool, "%s%.1s", url, c);
            if (node->param->column_kind == FHIR_COL_URIS)
                fhir_short_stems(stems, stem, sql->call->pool);
            else
                APR_ARRAY_PUSH(stems, const char *) = stem;
        } while (*c && *++c);
    }
    fhir_buf_putc(sql->text, '(');
    equals(sql, expr, node, list);
    fhir_buf_printf(sql->text,
                    is_plural(node) ? " OR EXISTS (SELECT FROM unnest(%s) v, unnest("
                                    : " OR EXISTS (SELECT FROM (SELECT %s) c(v), unnest(",
                    expr);
    fhir_sql_bind_array(sql, stems, "text[]");
    fhir_buf_puts(sql->text, ") s WHERE starts_with(v, s)))");
}

void fhir_predicate_uri(fhir_sql_t *sql, const char *expr, const fhir_qnode_t *node)
{
    apr_array_header_t *list = apr_array_make(sql->call->pool, 4, sizeof(const char *));
    for (int i = 0; i < node->n_values; i++) {
        if (node->modifier == FHIR_MODIFIER_ABOVE)
            beginnings(sql, list, node->values[i].text);
        else
            APR_ARRAY_PUSH(list, const char *) = node->values[i].text;
    }
    if (node->modifier == FHIR_MODIFIER_BELOW)
        below(sql, expr, node, list);
    else
        equals(sql, expr, node, list);
}
