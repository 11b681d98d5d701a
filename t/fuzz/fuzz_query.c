/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a search: "FType?query", a line end, a form. The low bits of F say: 1 lenient, 2 a
 * limited grant, 4 a page link, 8 one backward. What is understood becomes statements that hold
 * nothing but the model's words and one placeholder for each value, the same ones each time; the
 * self link says the search again. What is not is told as JSON with a 4xx, never a 500.
 */
#include <apr_general.h>
#include <apr_pools.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "core/fhir_text.h"
#include "fhir/fhir_bundle.h"
#include "fhir/query/fhir_grant.h"
#include "fhir/query/fhir_resolve.h"
#include "fhir/search/fhir_include.h"
#include "fhir/search/fhir_search_sql.h"
#include "t/fuzz/fuzz.h"

#define BASE     "http://localhost/fhir"
#define LENIENT  0x01
#define LIMITED  0x02
#define PAGE     0x04
#define BACKWARD 0x08

typedef struct input_t {
    unsigned flags;
    const char *type, *query, *form; /* form: NULL when there is none */
} input_t;

static const fhir_grant_scope_t scopes[] = {{.rights = FHIR_RIGHT_SEARCH, .patient_only = 1},
                                            {.rights = FHIR_RIGHT_SEARCH | FHIR_RIGHT_READ,
                                             .patient_only = 1,
                                             .query = "_tag=http://x|y,z"}};
static const fhir_grant_t all = {.all = 1};
static const fhir_grant_t limited = {
    .patient = "p1", .owner = "u", .n_scopes = 2, .scopes = scopes};

static input_t read_input(const unsigned char *data, size_t size, apr_pool_t *pool)
{
    char *text = apr_pstrmemdup(pool, (const char *)data + 1, size - 1), *at;
    input_t in = {data[0], text, "", NULL};

    if ((at = strchr(text, '\n')) != NULL) {
        *at = '\0';
        in.form = at + 1;
    }
    if ((at = strchr(text, '?')) != NULL) {
        *at = '\0';
        in.query = at + 1;
    }
    return in;
}

/* ---- statements ---- */

/* Placeholders $1 … $n, brackets and quotes that match, no byte that no source of ours has. */
static void check_text(const fhir_stmt_t *stmt)
{
    int depth = 0, highest = 0;
    char quote = 0;

    for (const char *s = stmt->sql; *s; s++) {
        check(*s >= ' ' && *s <= '~');
        if (quote) {
            quote = *s == quote ? 0 : quote;
            continue;
        }
        if (*s == '\'' || *s == '"')
            quote = *s;
        depth += (*s == '(') - (*s == ')');
        check(depth >= 0 && *s != ';');
        if (*s == '$') {
            int n = atoi(s + 1);
            check(n > 0 && n <= stmt->n_values);
            highest = n > highest ? n : highest;
        }
    }
    check(!quote && !depth && highest == stmt->n_values);
}

static void check_values(const fhir_sql_t *sql)
{
    const fhir_value_t *values = fhir_sql_values(sql);

    for (int i = 0; i < sql->values->nelts; i++)
        if (values[i].data)
            check(strlen(values[i].data) == values[i].len &&
                  fhir_text_utf8_valid(values[i].data, values[i].len));
}

static void check_error(const fhir_err_t *err)
{
    int status = fhir_err_http_status(err->code);

    check((status == 400 || status == 403) && err->message && *err->message);
}

static const char *page_text(fhir_query_t *query, const input_t *in, const fhir_call_t *call)
{
    fhir_cursor_t cursor = {.backward = (in->flags & BACKWARD) != 0};
    fhir_order_t order;

    fhir_sql_t *sql = fhir_sql_create(call);
    fhir_order_make(&order, sql, query, "t");
    for (cursor.n = 0; cursor.n < order.n; cursor.n++)
        cursor.field[cursor.n] = cursor.n % 2 ? NULL : "1";
    cursor.field[cursor.n - 1] = "id";
    sql = fhir_sql_create(call);
    fhir_stmt_t stmt;
    fhir_err_t *err = fhir_search_sql_page(&stmt, sql, &order, &query, 1,
                                           in->flags & PAGE ? &cursor : NULL, query->count + 1);
    if (err) {
        check_error(err);
        return "";
    }
    check_text(&stmt);
    check_values(sql);
    return stmt.sql;
}

static void count_text(const fhir_query_t *query, const fhir_call_t *call)
{
    fhir_stmt_t stmt;

    fhir_sql_t *sql = fhir_sql_create(call);
    if (fhir_search_sql_count(&stmt, sql, query))
        return;
    check_text(&stmt);
    sql = fhir_sql_create(call);
    if (!fhir_search_sql_count_behind(&stmt, sql, query, NULL, 5))
        check_text(&stmt);
    sql = fhir_sql_create(call);
    check(fhir_search_sql_estimate(&stmt, sql, query) == NULL);
    check_text(&stmt);
}

/* A search of contained resources, as if two types were known to hold some. */
static void contained_text(const fhir_query_t *query, const input_t *in, const fhir_call_t *call)
{
    fhir_query_t contained = *query;

    contained.containers = apr_array_make(call->pool, 2, sizeof(const fhir_granted_t *));
    check(fhir_grant_resolve(apr_array_push(contained.containers), call, query->type) == NULL);
    check(fhir_grant_resolve(apr_array_push(contained.containers), call,
                             fhir_model_resource(call->stored, "MedicationRequest", 17)) == NULL);
    page_text(&contained, in, call);
    count_text(&contained, call);
}

/* The first statement of the includes of a page with one match; there is nobody to run it. */
static void includes(const fhir_query_t *query, fhir_call_t *call)
{
    fhir_buf_t *body = fhir_buf_create(call->pool, 0);

    call->response->body = fhir_buf_out(body, call->pool);
    fhir_bundle_t *bundle;
    check(fhir_bundle_begin(&bundle, call, "searchset") == NULL);
    fhir_include_t *include = fhir_include_create(call, query->include, bundle);
    fhir_include_match(include, query->type, "1", NULL, 0);
    fhir_err_t *err = fhir_include_run(include);
    check(!err || err->code == FHIR_ERR_BUSY || err->code == FHIR_ERR_LIMIT);
}

/* ---- the plan ---- */

/* The self link, parsed, is the same search. */
static void check_self(fhir_query_t *query, const input_t *in, fhir_call_t *call)
{
    const char *url = fhir_bundle_url(call, in->type, &query->applied, NULL);
    const char *asked = strchr(url, '?');
    fhir_pairs_t pairs;

    check(fhir_pairs_parse(&pairs, asked ? asked + 1 : "", 0, call->pool) == NULL);
    fhir_query_t *again;
    check(fhir_query_parse(&again, call, call->type, &pairs, 0) == NULL);
    check(fhir_resolve_query(again, call, 0) == NULL);
    fhir_query_bind(query, call, in->type, NULL);
    fhir_query_bind(again, call, in->type, NULL);
    check(!memcmp(query->hash, again->hash, FHIR_QUERY_HASH));
}

static void plan(const input_t *in, fhir_call_t *call)
{
    int lenient = (in->flags & LENIENT) != 0;

    if (fhir_pairs_parse(&call->pairs, in->query, call->endpoint->limits.query_max, call->pool))
        return;
    if (in->form) {
        fhir_pairs_t more;
        if (fhir_pairs_parse(&more, in->form, call->endpoint->limits.query_max, call->pool))
            return;
        fhir_pairs_append(&call->pairs, &more, call->pool);
    }
    fhir_query_t *query;
    fhir_err_t *err = fhir_query_parse(&query, call, call->type, &call->pairs, lenient);
    if (!err)
        err = fhir_resolve_query(query, call, lenient);
    if (err) {
        check_error(err);
        return;
    }
    check(query->count >= 0 && query->count <= call->endpoint->paging.count_max);
    fhir_query_t *again;
    check(fhir_query_parse(&again, call, call->type, &call->pairs, lenient) == NULL);
    check(fhir_resolve_query(again, call, lenient) == NULL);
    check(!strcmp(page_text(query, in, call), page_text(again, in, call)));
    count_text(query, call);
    if (query->contained)
        contained_text(query, in, call);
    includes(query, call);
    check_self(query, in, call);
}

/* ---- the request ---- */

typedef struct answer_t {
    fhir_response_t response;
    fhir_buf_t *body;
} answer_t;

static void reset(fhir_response_t *response)
{
    fhir_buf_clear(((answer_t *)response)->body);
}

static const char *header(const fhir_request_t *request, const char *name)
{
    const input_t *in = request->baton;

    if (!strcasecmp(name, "Prefer") && in->flags & LENIENT)
        return "handling=lenient";
    return strcasecmp(name, "Content-Type") ? NULL : "application/x-www-form-urlencoded";
}

static fhir_err_t *read_body(const char **body, apr_size_t *len, const fhir_request_t *request,
                             apr_size_t max)
{
    const input_t *in = request->baton;

    *body = in->form;
    *len = strlen(in->form);
    return *len > max ? fhir_err_create(request->pool, FHIR_ERR_TOO_LARGE, "too large") : NULL;
}

/* Without a database: everything but the rows. */
static void ask(fhir_request_t *request)
{
    answer_t answer = {.body = fhir_buf_create(request->pool, 0)};

    answer.response.body = fhir_buf_out(answer.body, request->pool);
    answer.response.body_reset = reset;
    fhir_service_run(&answer.response, request);
    check(answer.response.status >= 400 || answer.response.status == 200);
    check(answer.response.status < 500 || answer.response.status == 503);
    const char *type = answer.response.content_type;
    fhir_node_t *root;
    if (type && strstr(type, "json"))
        check(fhir_node_parse_json(&root, answer.body->data, answer.body->len, NULL,
                                   request->pool) == NULL);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static const unsigned char key[FHIR_SEAL_KEY] = "0123456789abcdef0123456789abcde";
    fhir_endpoint_t endpoint = {.stored = &fhir_model_r4,
                                .spoken = &fhir_model_r4,
                                .audience = FHIR_AUDIENCE_OPEN,
                                .tenant = "main"};
    fhir_request_t request = {.endpoint = &endpoint, .base_url = BASE, .header = header};
    fhir_response_t response = {.status = 0};
    fhir_call_t call = {.endpoint = &endpoint,
                        .stored = &fhir_model_r4,
                        .spoken = &fhir_model_r4,
                        .response = &response};

    if (!size)
        return 0;
    apr_pool_t *pool = fuzz_pool();
    input_t in = read_input(data, size, pool);
    fhir_endpoint_defaults(&endpoint);
    endpoint.search.explain = 1;
    check(fhir_cursor_keys_create(&endpoint.paging.cursor_keys, key, 1, pool) == NULL);
    request.pool = call.pool = pool;
    request.baton = &in;
    request.grant = call.grant = in.flags & LIMITED ? &limited : &all;
    call.request = &request;
    call.type = fhir_model_resource(&fhir_model_r4, in.type, strlen(in.type));
    if (call.type)
        plan(&in, &call);
    request.method = in.form ? "POST" : "GET";
    request.path = in.form ? apr_pstrcat(pool, in.type, "/_search", NULL) : in.type;
    request.query = *in.query ? in.query : NULL;
    request.read_body = read_body;
    ask(&request);
    apr_pool_destroy(pool);
    return 0;
}
