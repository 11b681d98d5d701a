/* SPDX-License-Identifier: Apache-2.0 */
/* What all interactions share: running statements, headers, the response. Routing is not here. */
#include "fhir/fhir_call.h"
#include "fhir/fhir_spoken.h"

#include <apr_strings.h>

#include "core/fhir_page.h"
#include "fhir/fhir_binary.h"
#include "fhir/format/fhir_html.h"

/* All access to the database goes through here. */
static fhir_err_t *find_store(fhir_store_t **store, const fhir_call_t *call)
{
    const fhir_request_t *request = call->request;
    *store = request->store;
    if (*store)
        return NULL;
    return fhir_err_create(call->pool, FHIR_ERR_BUSY, "%s",
                           request->no_store ? request->no_store
                                             : "The database is not available at the moment; try "
                                               "again in a few seconds");
}

fhir_err_t *fhir_call_need_store(const fhir_call_t *call)
{
    fhir_store_t *store;
    return call->tx ? NULL : find_store(&store, call);
}

int fhir_call_has_store(const fhir_call_t *call)
{
    return call->tx || call->request->store;
}

fhir_err_t *fhir_call_begin_tx(fhir_tx_t **tx, const fhir_call_t *call)
{
    fhir_store_t *store;
    FHIR_TRY(find_store(&store, call));
    FHIR_TRY(fhir_tx_begin(
        tx, store, call->request->patience ? call->request->patience->effort : NULL, call->pool));
    call->response->tx = *tx;
    return NULL;
}

static fhir_err_t *run(const fhir_call_t *call, const fhir_stmt_t *stmt, const fhir_value_t *values,
                       fhir_row_fn row_fn, void *baton, apr_int64_t *affected)
{
    fhir_stmt_t own = *stmt;
    own.patience = call->request->patience;
    if (call->tx)
        return fhir_tx_run(call->tx, &own, values, row_fn, baton, affected, call->pool);
    fhir_store_t *store;
    FHIR_TRY(find_store(&store, call));
    return fhir_store_run(store, &own, values, row_fn, baton, affected, call->pool);
}

fhir_err_t *fhir_call_run(const fhir_call_t *call, const fhir_stmt_t *stmt,
                          const fhir_value_t *values, fhir_row_fn row_fn, void *baton,
                          apr_int64_t *affected)
{
    if (call->explain)
        FHIR_TRY(call->before(call, stmt, values));
    return run(call, stmt, values, row_fn, baton, affected);
}

fhir_err_t *fhir_call_ask(const fhir_call_t *call, const fhir_stmt_t *stmt,
                          const fhir_value_t *values, fhir_row_fn row_fn, void *baton)
{
    return run(call, stmt, values, row_fn, baton, NULL);
}

const char *fhir_call_table(const fhir_call_t *call, const fhir_type_t *type, const char *suffix)
{
    char table[64];
    return apr_pstrcat(call->pool, "\"", call->endpoint->tenant, "\".\"",
                       fhir_model_table(table, call->stored, type), suffix, "\"", NULL);
}

fhir_value_t fhir_value_text(const char *text)
{
    fhir_value_t value = {text, text ? strlen(text) : 0};
    return value;
}

fhir_node_limits_t fhir_call_limits(const fhir_call_t *call)
{
    fhir_node_limits_t limits = {.max_depth = call->endpoint->limits.depth_max,
                                 .max_nodes = (apr_size_t)call->endpoint->limits.body_values_max,
                                 .max_attrs = call->endpoint->limits.xml_attributes_max};

    return limits;
}

const char *fhir_call_header(const fhir_call_t *call, const char *name)
{
    return call->request->header ? call->request->header(call->request, name) : NULL;
}

int fhir_call_prefers(const fhir_call_t *call, const char *token)
{
    const char *prefer = fhir_call_header(call, "Prefer");
    apr_size_t want = strlen(token);
    while (prefer && *prefer) {
        prefer += strspn(prefer, " \t,;");
        apr_size_t len = strcspn(prefer, " \t,;");
        if (len == want && !strncasecmp(prefer, token, len))
            return 1;
        prefer += len;
    }
    return 0;
}

fhir_err_t *fhir_call_negotiate(fhir_call_t *call, const fhir_pairs_t *pairs)
{
    const char *format = fhir_pairs_get(pairs, "_format"),
               *pretty = fhir_pairs_get(pairs, "_pretty");

    call->opts.model = call->spoken;
    call->opts.page = (fhir_html_about_t){
        .base_url = call->request->base_url,
        .query = call->request->query,
        .language = fhir_page_language(fhir_call_header(call, "Accept-Language")),
        .practice = call->endpoint->publisher,
        .has_search = (call->endpoint->interactions & FHIR_INTERACTION_SEARCH) != 0,
        .has_history = (call->endpoint->interactions & FHIR_INTERACTION_HISTORY) != 0,
        .has_operations = (call->endpoint->interactions & FHIR_INTERACTION_OPERATION) != 0,
    };
    call->opts.format = FHIR_FORMAT_JSON;
    call->render = NULL;
    fhir_spoken_render(call, &call->opts);
    if (call->request->within) /* the response is part of another one */
        return NULL;
    FHIR_TRY(fhir_format_accept(&call->opts.format, call->spoken, fhir_call_header(call, "Accept"),
                                format, call->pool));
    call->opts.pretty = pretty && !strcmp(pretty, "true");
    if (pretty && !call->opts.pretty && strcmp(pretty, "false") != 0)
        return fhir_err_create(
            call->pool, FHIR_ERR_PARAM_VALUE,
            "\"%s\" is not a valid value for _pretty, which accepts true and false", pretty);
    return NULL;
}

fhir_err_t *fhir_call_subset(fhir_call_t *call, const fhir_pairs_t *pairs)
{
    fhir_subset_t *subset;

    FHIR_TRY(fhir_subset_parse(&subset, call->spoken,
                               fhir_spoken_differs(call) ? call->spoken_type : call->type,
                               fhir_pairs_get(pairs, "_summary"),
                               fhir_pairs_join(pairs, "_elements", call->pool), call->pool));
    call->opts.subset = subset;
    call->render = NULL;
    return NULL;
}

int fhir_call_count(const fhir_call_t *call, int wanted)
{
    int most = call->endpoint->paging.count_max;
    if (call->opts.format == FHIR_FORMAT_HTML && most > FHIR_HTML_COUNT_MAX)
        most = FHIR_HTML_COUNT_MAX;
    return wanted < most ? wanted : most;
}

fhir_render_t *fhir_call_render(fhir_call_t *call)
{
    call->opts.page.type = call->type_name;
    call->opts.page.operation = call->operation;
    call->opts.page.is_search =
        call->response->interaction && !strcmp(call->response->interaction, "search-type");
    if (!call->render)
        call->render = fhir_render_create(&call->opts, call->response->body, call->pool);
    return call->render;
}

void fhir_call_begin(fhir_call_t *call, int status)
{
    fhir_response_t *response = call->response;

    response->status = status;
    response->content_type = fhir_format_media_type(call->spoken, call->opts.format);
    if (call->opts.format != FHIR_FORMAT_HTML)
        return;
    call->opts.page.status = status;
    apr_table_setn(response->headers, "Content-Security-Policy", FHIR_HTML_POLICY);
    apr_table_mergen(response->headers, "Vary", "Accept-Language");
}

fhir_err_t *fhir_call_resource(fhir_call_t *call, int status, const char *json, apr_size_t len)
{
    if (call->opts.format == FHIR_FORMAT_RAW)
        return fhir_binary_answer(call, json, len);
    fhir_call_begin(call, status);
    return fhir_render_resource(fhir_call_render(call), json, len);
}

fhir_err_t *fhir_call_built(fhir_call_t *call, int status, fhir_buf_t *json)
{
    if (json->overflow)
        return fhir_err_create(call->pool, FHIR_ERR_LIMIT,
                               "The answer is larger than %" APR_SIZE_T_FMT " bytes", json->max);
    return fhir_call_resource(call, status, fhir_buf_cstr(json), json->len);
}
