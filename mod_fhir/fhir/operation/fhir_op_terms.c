/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters and answers of the terminology operations. */
#include "fhir/operation/fhir_op_terms.h"

#include <apr_strings.h>

#include "core/fhir_text.h"
#include "fhir/query/fhir_query.h"

fhir_err_t *fhir_op_terms_begin(fhir_op_terms_t *op, fhir_call_t *call, const char *const *known)
{
    memset(op, 0, sizeof(*op));
    op->call = call;
    FHIR_TRY(fhir_operation_read(&op->pairs, &op->body, call));
    FHIR_TRY(fhir_operation_check(call, &op->pairs, known));
    op->terms = fhir_terms_create(call, NULL);
    op->language = fhir_op_terms_text(op, "displayLanguage");
    op->buf = fhir_buf_create(call->pool, 0);
    return NULL;
}

const char *fhir_op_terms_text(const fhir_op_terms_t *op, const char *name)
{
    const char *value = fhir_pairs_get(&op->pairs, name);

    return value && *value ? value : NULL;
}

fhir_err_t *fhir_op_terms_flag(int *out, const fhir_op_terms_t *op, const char *name)
{
    const char *value = fhir_op_terms_text(op, name);

    *out = value && !strcmp(value, "true");
    if (!value || *out || !strcmp(value, "false"))
        return NULL;
    return fhir_err_create(op->call->pool, FHIR_ERR_PARAM_VALUE,
                           "\"%s\" is not a valid value for %s, which accepts true and false",
                           fhir_text_excerpt(value, strlen(value), op->call->pool), name);
}

fhir_terms_source_t fhir_op_terms_source(const fhir_op_terms_t *op, const char *inside,
                                         const char *url_name)
{
    const fhir_node_t *parameter = inside ? fhir_operation_parameter(op->body, inside) : NULL;
    fhir_terms_source_t source = {.root = fhir_node_get(parameter, "resource")};

    if (source.root)
        return source;
    if (op->call->id)
        source.id = op->call->id;
    else
        source.url = fhir_op_terms_text(op, url_name);
    return source;
}

/* ---- codes ---- */

static void take_coding(apr_array_header_t *codes, const fhir_op_terms_t *op,
                        const fhir_node_t *coding)
{
    apr_pool_t *pool = op->call->pool;
    const char *code = fhir_node_string(coding, "code", pool);

    if (code)
        APR_ARRAY_PUSH(codes, fhir_op_code_t) =
            (fhir_op_code_t){.system = fhir_node_string(coding, "system", pool),
                             .code = code,
                             .display = fhir_node_string(coding, "display", pool)};
}

static void take_nodes(apr_array_header_t *codes, const fhir_op_terms_t *op, const char *suffix)
{
    const char *coding = apr_pstrcat(op->call->pool, "coding", suffix, NULL);
    const fhir_node_t *parameter = fhir_operation_parameter(op->body, coding);

    if (parameter)
        take_coding(codes, op, fhir_node_get(parameter, "valueCoding"));
    parameter = *suffix ? NULL : fhir_operation_parameter(op->body, "codeableConcept");
    const fhir_node_t *list =
        fhir_node_get(fhir_node_get(parameter, "valueCodeableConcept"), "coding");
    for (const fhir_node_t *c = list ? list->child : NULL; c; c = c->next)
        take_coding(codes, op, c);
}

/* Codings in the form of search values. */
static fhir_err_t *take_tokens(apr_array_header_t *codes, const fhir_op_terms_t *op,
                               const char *text)
{
    const fhir_call_t *call = op->call;
    fhir_qnode_t *node = fhir_query_node(call, FHIR_Q_TEST, call->type);

    node->param = fhir_query_param(call, call->type, "_tag", 4); /* a token like any other */
    FHIR_TRY(fhir_query_values(node, call, "coding", text));
    for (int i = 0; i < node->n_values; i++) {
        const fhir_qvalue_t *value = &node->values[i];

        if (value->code)
            APR_ARRAY_PUSH(codes, fhir_op_code_t) =
                (fhir_op_code_t){.system = value->system && *value->system ? value->system : NULL,
                                 .code = value->code,
                                 .display = fhir_op_terms_text(op, "display"),
                                 .any_system = !value->system};
    }
    return NULL;
}

fhir_err_t *fhir_op_terms_codes(apr_array_header_t **codes, const fhir_op_terms_t *op,
                                const char *suffix, const char *system)
{
    apr_pool_t *pool = op->call->pool;
    const char *coding = fhir_op_terms_text(op, apr_pstrcat(pool, "coding", suffix, NULL));
    const char *code = fhir_op_terms_text(op, apr_pstrcat(pool, "code", suffix, NULL));

    *codes = apr_array_make(pool, 2, sizeof(fhir_op_code_t));
    take_nodes(*codes, op, suffix);
    if ((*codes)->nelts)
        return NULL;
    if (!coding && !*suffix)
        coding = fhir_op_terms_text(op, "codeableConcept");
    if (coding)
        return take_tokens(*codes, op, coding);
    if (code)
        APR_ARRAY_PUSH(*codes, fhir_op_code_t) =
            (fhir_op_code_t){.system = system,
                             .code = code,
                             .display = fhir_op_terms_text(op, "display"),
                             .any_system = !system};
    return NULL;
}

/* ---- answers ---- */

void fhir_op_terms_member(fhir_buf_t *buf, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    if (buf->data[buf->len - 1] != '{')
        fhir_buf_putc(buf, ',');
    fhir_buf_printf(buf, "\"%s\":", name);
    fhir_buf_json_string(buf, value, strlen(value));
}

void fhir_op_terms_answer(fhir_op_terms_t *op)
{
    fhir_buf_puts(op->buf, "{\"resourceType\":\"Parameters\",\"parameter\":[");
}

void fhir_op_terms_put(fhir_buf_t *buf, const char *name, const char *type, const char *value)
{
    if (!value || !*value)
        return;
    fhir_buf_printf(buf,
                    "%s{\"name\":\"%s\",\"value%s\":", buf->data[buf->len - 1] == '[' ? "" : ",",
                    name, type);
    if (!strcmp(type, "Boolean"))
        fhir_buf_puts(buf, value);
    else
        fhir_buf_json_string(buf, value, strlen(value));
    fhir_buf_putc(buf, '}');
}

fhir_err_t *fhir_op_terms_end(fhir_op_terms_t *op)
{
    fhir_buf_puts(op->buf, "]}");
    return fhir_call_built(op->call, 200, op->buf);
}

fhir_err_t *fhir_op_terms_verdict(fhir_op_terms_t *op, const fhir_op_code_t *wanted,
                                  const fhir_concept_t *found, const char *where)
{
    apr_pool_t *pool = op->call->pool;
    const char *display = found ? fhir_terms_display(found, op->language, pool) : NULL;
    const char *message = NULL;
    int abstract;

    FHIR_TRY(fhir_op_terms_flag(&abstract, op, "abstract"));
    if (!found)
        message =
            apr_psprintf(pool, "\"%s\"%s is not in %s",
                         fhir_text_excerpt(wanted->code, strlen(wanted->code), pool),
                         wanted->system || wanted->any_system ? "" : " without a system", where);
    else if (found->abstract && !abstract)
        message = apr_psprintf(pool, "\"%s\" only groups other codes; abstract=true accepts it",
                               found->code);
    else if (wanted->display && !fhir_terms_has_display(found, wanted->display, pool))
        message = apr_psprintf(pool, "The display of this code is \"%s\"", display);
    fhir_op_terms_answer(op);
    fhir_op_terms_put(op->buf, "result", "Boolean", message ? "false" : "true");
    fhir_op_terms_put(op->buf, "message", "String", message);
    fhir_op_terms_put(op->buf, "display", "String", display);
    return fhir_op_terms_end(op);
}
