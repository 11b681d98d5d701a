/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entry of a FHIR request: checks whether the client may enter, finds the interaction, and
 * turns an error into a response. The routing table is in fhir_routes.c, the interactions are in
 * files of their own.
 */
#include "fhir/fhir_service.h"

#include <apr_strings.h>

#include "core/fhir_steps.h"
#include "core/fhir_work.h"
#include "fhir/fhir_binary.h"
#include "fhir/fhir_outcome.h"
#include "fhir/fhir_routes.h"
#include "fhir/fhir_spoken.h"
#include "fhir/fhir_targets.h"
#include "fhir/page/fhir_page_query.h"
#include "fhir/query/fhir_grant.h"
#include "fhir/validate/fhir_validate.h"
#include "fhir/write/fhir_within.h"

/* The grant of endpoints that need no token. */
static const fhir_grant_t grant_all = {.all = 1};

static const struct {
    const char *name;
    unsigned bit;
} interactions[] = {
#define FHIR_INTERACTION_ROW(name, word, bit) {word, bit},
    FHIR_INTERACTION_LIST(FHIR_INTERACTION_ROW)
#undef FHIR_INTERACTION_ROW
};

unsigned fhir_interaction_by_name(const char *name)
{
    for (apr_size_t i = 0; i < sizeof(interactions) / sizeof(*interactions); i++)
        if (!strcmp(interactions[i].name, name))
            return interactions[i].bit;
    return FHIR_INTERACTION_NONE;
}

const char *fhir_interaction_words(unsigned bits, apr_pool_t *pool)
{
    const char *words = "";
    for (apr_size_t i = 0; i < sizeof(interactions) / sizeof(*interactions); i++)
        if (bits & interactions[i].bit)
            words = apr_pstrcat(pool, words, *words ? " " : "", interactions[i].name, NULL);
    return words;
}

void fhir_endpoint_defaults(fhir_endpoint_t *endpoint)
{
    endpoint->interactions = FHIR_INTERACTION_READ | FHIR_INTERACTION_VREAD |
                             FHIR_INTERACTION_SEARCH | FHIR_INTERACTION_HISTORY;
    endpoint->statements_of_orders = 1;
    endpoint->paging.count_default = 100;
    endpoint->paging.count_max = 1000;
    endpoint->paging.link_age_sec = 86400;
    endpoint->paging.queries_max = 10000;
    endpoint->limits.body_max = 16 * 1024 * 1024;
    endpoint->limits.answer_max = 64 * 1024 * 1024;
    endpoint->limits.depth_max = 64;
    endpoint->limits.body_values_max = 1000000;
    endpoint->limits.xml_attributes_max = 64;
    endpoint->limits.patch_ops_max = 1000;
    endpoint->limits.patch_steps_max = FHIR_STEPS_DEFAULT;
    endpoint->limits.entries_max = 10000;
    endpoint->limits.codes_max = 100000;
    endpoint->search.values_max = 500;
    endpoint->search.params_max = 100;
    endpoint->search.hops_max = 4;
    endpoint->search.includes_max = 20;
    endpoint->search.include_rows_max = 10000;
    endpoint->limits.query_max = 64 * 1024;
    endpoint->search.cost_max = 1000000;
    endpoint->writing.require_if_match = FHIR_REQUIRE_IF_MATCH_ON;
    endpoint->writing.create_with_id = FHIR_CREATE_WITH_ID_REJECT;
    endpoint->writing.update_create = 0;
    endpoint->writing.update_unchanged = FHIR_UPDATE_UNCHANGED_STORE;
    endpoint->writing.check_references = 1;
    endpoint->writing.conditional_delete = FHIR_CONDITIONAL_DELETE_OFF;
    endpoint->writing.validate = FHIR_VALIDATE_BASE;
    endpoint->search.explain = 0;
    endpoint->retry_after_sec = 1;
}

static fhir_err_t *admit(fhir_call_t *call, const fhir_route_t *route)
{
    if (call->grant || (route && route->flags & FHIR_ROUTE_PUBLIC))
        return NULL;
    apr_table_unset(call->response->headers, "Allow");
    if (call->request->refused) {
        fhir_err_t *err = fhir_err_create(call->pool, call->request->refused->code, "%s",
                                          call->request->refused->message);
        err->detail = call->request->refused->detail;
        return err;
    }
    return fhir_err_create(call->pool, FHIR_ERR_LOGIN,
                           "This endpoint needs an access token (Authorization: Bearer …); "
                           "[base]/metadata can be read without one");
}

/* A count is returned as a Bundle. */
static fhir_err_t *take_subset(fhir_call_t *call, const fhir_route_t *route)
{
    FHIR_TRY(fhir_call_subset(call, &call->pairs));
    if (call->opts.subset && call->opts.subset->summary == FHIR_SUMMARY_COUNT &&
        route->bit != FHIR_INTERACTION_HISTORY && route->bit != FHIR_INTERACTION_OPERATION)
        return fhir_err_create(call->pool, FHIR_ERR_PARAM_VALUE,
                               "_summary=count is for searches and histories; here _summary "
                               "accepts true, text, data and false");
    return NULL;
}

static fhir_err_t *dispatch(fhir_call_t *call)
{
    const fhir_route_t *route = NULL;
    int taken = 0;
    fhir_err_t *bad_query = fhir_pairs_parse(&call->pairs, call->request->query,
                                             call->endpoint->limits.query_max, call->pool);
    /* comes first, so that every error is reported in the format that the client asked for */
    fhir_err_t *bad_format = fhir_call_negotiate(call, &call->pairs);
    fhir_err_t *err = fhir_route_find(&route, call);
    if (call->request->is_misdirected)
        return fhir_err_create(call->pool, FHIR_ERR_MISDIRECTED,
                               "The host name of this endpoint is not \"%s\"; use its base URL, "
                               "%s. The server's administrator can allow other names (FHIRHosts)",
                               fhir_call_header(call, "Host"), call->request->base_url);
    /* needs no token: it has nobody's data, and clients look for such documents before they have a
     * token */
    if (err && err->code == FHIR_ERR_NOT_FOUND &&
        !strncmp(call->request->path, ".well-known/", strlen(".well-known/")))
        return err;
    if (call->request->overload)
        return call->request->overload;
    /* A client that may not enter learns nothing about the server, not even that a path is
     * wrong. */
    FHIR_TRY(admit(call, route));
    if (err)
        return err;
    FHIR_TRY(fhir_patience_check(call->request->patience, call->pool));
    call->response->interaction = route->name;
    call->response->type = call->type_name;
    FHIR_TRY(bad_query);
    if (!(route->flags & FHIR_ROUTE_PUBLIC)) /* these need no database and have no pages */
        FHIR_TRY(fhir_page_query_take(&taken, call));
    if (taken)
        bad_format = fhir_call_negotiate(call, &call->pairs);
    if (route->bit & (FHIR_INTERACTION_READ | FHIR_INTERACTION_VREAD) &&
        fhir_binary_wants_raw(call))
        call->opts.format = FHIR_FORMAT_RAW;    /* Accept is ignored: there is only one format */
    else if (!(route->flags & FHIR_ROUTE_FORM)) /* these read _format from the form first */
        FHIR_TRY(bad_format);
    if (!strcmp(route->method, "GET") && route->bit != FHIR_INTERACTION_SEARCH)
        FHIR_TRY(take_subset(call, route));
    return route->handler(call);
}

/* RFC 6750, 3: the reason when a token was sent, and the scope that would suffice. */
static const char *challenge(const fhir_call_t *call, const fhir_err_t *err)
{
    char *text = apr_pstrdup(call->pool, err->message);
    if (!call->request->grant && !call->request->refused)
        return "Bearer";
    for (char *s = text; *s; s++)
        if (*s < ' ' || *s > '~' || *s == '"' || *s == '\\')
            *s = '\'';
    return apr_pstrcat(call->pool, "Bearer error=\"", fhir_err_oauth(err->code),
                       "\", error_description=\"", text, "\"", err->scope ? ", scope=\"" : "",
                       err->scope ? err->scope : "", err->scope ? "\"" : "", NULL);
}

/* Everything that an error sets in a response. */
static void answer_error(fhir_call_t *call, fhir_err_t *err)
{
    fhir_response_t *response = call->response;
    int status = fhir_spoken_status(call, err->code);
    fhir_buf_t *buf = fhir_buf_create(call->pool, 0);
    if (response->body_reset)
        response->body_reset(response);
    response->ready = NULL;
    call->opts.subset = NULL;
    call->render = NULL;
    fhir_spoken_render(call, &call->opts);
    if (call->opts.format == FHIR_FORMAT_RAW)
        call->opts.format = FHIR_FORMAT_JSON;
    if (status == 401 || status == 403)
        apr_table_setn(response->headers, "WWW-Authenticate", challenge(call, err));
    if (status == 503 || status == 429)
        apr_table_setn(response->headers, "Retry-After",
                       apr_itoa(call->pool,
                                err->retry_sec ? err->retry_sec : call->endpoint->retry_after_sec));
    fhir_outcome_render(buf, err);
    fhir_call_built(call, status, buf);
    fhir_buf_free(buf);
}

fhir_err_t *fhir_service_run(fhir_response_t *response, const fhir_request_t *request)
{
    fhir_call_t call = {.request = request,
                        .response = response,
                        .endpoint = request->endpoint,
                        .stored = request->endpoint->stored,
                        .spoken = request->endpoint->spoken,
                        .grant = request->grant,
                        .tx = request->within ? request->within->tx : NULL,
                        .find_targets = fhir_targets_find,
                        .pool = request->pool};
    if (!call.grant && request->endpoint->audience == FHIR_AUDIENCE_OPEN)
        call.grant = &grant_all;
    if (!response->headers)
        response->headers = apr_table_make(request->pool, 4);
    if (!request->within) {
        apr_table_mergen(response->headers, "Vary", "Accept");
        apr_table_mergen(response->headers, "Vary", "Authorization");
        apr_table_setn(response->headers, "Cache-Control",
                       request->endpoint->caching == FHIR_CACHING_NO_STORE ? "no-store"
                                                                           : "private, no-cache");
    }
    fhir_err_t *err = dispatch(&call);
    fhir_err_t *stopped = fhir_work_take_error(); /* what came out is not whole then */
    if (stopped)
        err = stopped;
    if (response
            ->tx) /* an open transaction ends before the response is sent, which may take long */
        fhir_tx_rollback(response->tx);
    if (err) {
        int final = fhir_work_final(1);
        answer_error(&call, err);
        (void)fhir_work_final(final);
    }
    return err;
}
