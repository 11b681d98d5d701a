/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of uri columns. :below and :above go by whole segments of the path; urn: has none.
 * Source: http://hl7.org/fhir/R4/search.html#uri
 */
#include <apr_strings.h>

#include "fhir/search/fhir_predicate.h"
#include "model/fhir_short.h"

/* :above stands for every beginning, each as long as what it begins. */
#define SEGMENTS_MAX 100

static int is_plural(const fhir_qnode_t *node)
{
    return node->param->column_kind == FHIR_COL_URIS ||
           node->param->column_kind == FHIR_COL_REFERENCES;
}

/* The texts as the column has them: several URIs are stored in short forms. */
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
    fhir_buf_puts(sql->text, expr);
    fhir_buf_puts(sql->text, is_plural(node) ? " && " : " = ANY (");
    fhir_sql_bind_array(sql, stored(sql, node, list), "text[]");
    if (!is_plural(node))
        fhir_buf_putc(sql->text, ')');
}

/* The value itself and every beginning of it that ends at a slash. */
static fhir_err_t *beginnings(const fhir_sql_t *sql, apr_array_header_t *list, const char *url)
{
    const char *scheme = strstr(url, "://");
    int segments = 0;
    APR_ARRAY_PUSH(list, const char *) = url;
    for (const char *p = scheme ? scheme + 3 : NULL; p && (p = strchr(p, '/')); p++) {
        if (++segments > SEGMENTS_MAX)
            return fhir_err_create(sql->call->pool, FHIR_ERR_LIMIT,
                                   ":above takes a URL of at most %d segments", SEGMENTS_MAX);
        APR_ARRAY_PUSH(list, const char *) =
            apr_pstrmemdup(sql->call->pool, url, (apr_size_t)(p - url));
        APR_ARRAY_PUSH(list, const char *) =
            apr_pstrmemdup(sql->call->pool, url, (apr_size_t)(p - url) + 1);
    }
    return NULL;
}

static void below(fhir_sql_t *sql, const char *expr, const fhir_qnode_t *node,
                  const apr_array_header_t *list)
{
    apr_array_header_t *stems = apr_array_make(sql->call->pool, 4, sizeof(const char *));
    for (int i = 0; i < list->nelts; i++) {
        const char *url = APR_ARRAY_IDX(list, i, const char *);
        apr_size_t len = strlen(url);
        if (!len || url[len - 1] != '/')
            url = apr_pstrcat(sql->call->pool, url, "/", NULL);
        if (node->param->column_kind == FHIR_COL_URIS)
            fhir_short_stems(stems, url, sql->call->pool);
        else
            APR_ARRAY_PUSH(stems, const char *) = url;
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

fhir_err_t *fhir_predicate_uri(fhir_sql_t *sql, const char *expr, const fhir_qnode_t *node)
{
    apr_array_header_t *list = apr_array_make(sql->call->pool, 4, sizeof(const char *));
    for (int i = 0; i < node->n_values; i++) {
        if (node->modifier == FHIR_MODIFIER_ABOVE)
            FHIR_TRY(beginnings(sql, list, node->values[i].text));
        else
            APR_ARRAY_PUSH(list, const char *) = node->values[i].text;
    }
    if (node->modifier == FHIR_MODIFIER_BELOW)
        below(sql, expr, node, list);
    else
        equals(sql, expr, node, list);
    return NULL;
}
