/* SPDX-License-Identifier: Apache-2.0 */
/* The service without a database: routing, who may come in, errors as OperationOutcome, metadata.
 */
#include "tap.h"

#include <apr_strings.h>

#include "core/fhir_node.h"
#include "fhir/fhir_capability.h"
#include "fhir/fhir_routes.h"
#include "fhir/fhir_service.h"
#include "fhir/page/fhir_cursor.h"

typedef struct answer_t {
    fhir_response_t response;
    fhir_buf_t *body;
    const char *text;
} answer_t;

static void reset(fhir_response_t *response)
{
    fhir_buf_clear(((answer_t *)response)->body);
}

static fhir_endpoint_t endpoint;

static answer_t *ask(const char *method, const char *path, const char *query, apr_pool_t *pool)
{
    answer_t *answer = apr_pcalloc(pool, sizeof(*answer));
    fhir_request_t request = {.pool = pool, .endpoint = &endpoint, .method = method};
    request.base_url = "http://localhost/fhir";
    request.path = path;
    request.query = query;
    answer->body = fhir_buf_create(pool, 0);
    answer->response.body = fhir_buf_out(answer->body, pool);
    answer->response.body_reset = reset;
    fhir_service_run(&answer->response, &request);
    if (answer->response.ready)
        fhir_buf_append(answer->body, answer->response.ready, answer->response.ready_len);
    answer->text = fhir_buf_cstr(answer->body);
    return answer;
}

static const char *header(const answer_t *answer, const char *name)
{
    return apr_table_get(answer->response.headers, name);
}

/* A body must be an OperationOutcome whose first issue has the code, and whose text names a word.
 */
static void is_outcome(const answer_t *answer, const char *code, const char *word, const char *name,
                       apr_pool_t *pool)
{
    fhir_node_t *root;
    fhir_err_t *err =
        fhir_node_parse_json(&root, answer->body->data, answer->body->len, NULL, pool);
    if (!tap_no_err(err, "%s: the body is JSON", name))
        return;
    tap_ok(fhir_node_is(fhir_node_get(root, "resourceType"), "OperationOutcome"), "%s: outcome",
           name);
    const fhir_node_t *issue = fhir_node_get(root, "issue");
    tap_is_str(fhir_node_string(issue ? issue->child : NULL, "code", pool), code, "%s: code", name);
    tap_ok(strstr(answer->text, word) != NULL, "%s: tells \"%s\"", name, word);
}

static const struct {
    const char *name, *method, *path, *query;
    fhir_audience_t audience;
    int status;
    const char *code, *word; /* of the outcome */
    const char *header, *value;
} cases[] = {
    {"no token", "GET", "Patient/1", NULL, FHIR_AUDIENCE_PROVIDER, 401, "login", "access token",
     "WWW-Authenticate", "Bearer"},
    {"no token, no such path", "GET", "x/y/z", NULL, FHIR_AUDIENCE_PATIENT, 401, "login",
     "access token", "Allow", NULL},
    {"no token, no such method", "DELETE", "metadata", NULL, FHIR_AUDIENCE_PATIENT, 401, "login",
     "access token", "Allow", NULL},
    {"no such path", "GET", "x/y/z", NULL, FHIR_AUDIENCE_OPEN, 404, "not-found", "metadata", NULL,
     NULL},
    {"too many segments", "GET", "a/b/c/d/e/f/g/h/i", NULL, FHIR_AUDIENCE_OPEN, 404, "not-found",
     "metadata", NULL, NULL},
    {"empty segment", "GET", "Patient//1", NULL, FHIR_AUDIENCE_OPEN, 404, "not-found", "metadata",
     NULL, NULL},
    {"unknown type", "GET", "Patients/1", NULL, FHIR_AUDIENCE_OPEN, 404, "not-supported",
     "Patients", NULL, NULL},
    {"unknown type, method not offered", "DELETE", "Patients/1", NULL, FHIR_AUDIENCE_OPEN, 404,
     "not-supported", "Patients", NULL, NULL},
    {"a data type is no resource type", "GET", "HumanName/1", NULL, FHIR_AUDIENCE_OPEN, 404,
     "not-supported", "HumanName", NULL, NULL},
    {"an abstract type is none", "GET", "DomainResource/1", NULL, FHIR_AUDIENCE_OPEN, 404,
     "not-supported", "DomainResource", NULL, NULL},
    {"method not offered", "DELETE", "metadata", NULL, FHIR_AUDIENCE_OPEN, 405, "not-supported",
     "GET", "Allow", "GET, HEAD"},
    {"an id that can be none", "GET", "Patient/a!b", NULL, FHIR_AUDIENCE_OPEN, 404, "not-found",
     "metadata", NULL, NULL},
    {"bad escape in the query", "GET", "Patient", "name=%zz", FHIR_AUDIENCE_OPEN, 400, "structure",
     "%", NULL, NULL},
    {"unknown parameter", "GET", "Patient", "nam=a", FHIR_AUDIENCE_OPEN, 400, "not-supported",
     "birthdate", NULL, NULL},
    {"unknown modifier", "GET", "Patient", "name:exakt=a", FHIR_AUDIENCE_OPEN, 400, "not-supported",
     ":exact", NULL, NULL},
    {"bad date", "GET", "Patient", "birthdate=2015-02-30", FHIR_AUDIENCE_OPEN, 400, "invalid",
     "2015-02-30", NULL, NULL},
    {"bad prefix", "GET", "Patient", "birthdate=xx2015", FHIR_AUDIENCE_OPEN, 400, "invalid",
     "prefix", NULL, NULL},
    {"empty value", "GET", "Patient", "name=a,", FHIR_AUDIENCE_OPEN, 400, "invalid", "empty", NULL,
     NULL},
    {"bad count", "GET", "Patient", "_count=x", FHIR_AUDIENCE_OPEN, 400, "invalid", "_count", NULL,
     NULL},
    {"no database for a page link", "GET", "Patient", "_cursor=abcdefghijklmnopqrstuvwxyz",
     FHIR_AUDIENCE_OPEN, 503, "transient", "database", "Retry-After", "1"},
    {"no database for a query that is kept", "GET", "Patient", "_query-of=abcdefghijklmnopqrst",
     FHIR_AUDIENCE_OPEN, 503, "transient", "database", "Retry-After", "1"},
    {"no database", "GET", "Patient/1", NULL, FHIR_AUDIENCE_OPEN, 503, "transient", "database",
     "Retry-After", "1"},
    {"no database for a search", "GET", "Patient", "name=a", FHIR_AUDIENCE_OPEN, 503, "transient",
     "database", "Retry-After", "1"},
};

static void test_cases(apr_pool_t *parent)
{
    for (apr_size_t i = 0; i < TAP_COUNT(cases); i++) {
        apr_pool_t *pool;
        apr_pool_create(&pool, parent);
        endpoint.audience = cases[i].audience;
        answer_t *answer = ask(cases[i].method, cases[i].path, cases[i].query, pool);
        tap_is_int(answer->response.status, cases[i].status, "%s: status", cases[i].name);
        is_outcome(answer, cases[i].code, cases[i].word, cases[i].name, pool);
        if (cases[i].header)
            tap_is_str(header(answer, cases[i].header), cases[i].value, "%s: %s", cases[i].name,
                       cases[i].header);
        apr_pool_destroy(pool);
    }
}

/* ---- every kind of request while there is no store ---- */

static const char body_patient[] = "{\"resourceType\":\"Patient\",\"id\":\"1\"}";
static const char body_patch[] = "[{\"op\":\"add\",\"path\":\"/active\",\"value\":true}]";
static const char body_bundle[] =
    "{\"resourceType\":\"Bundle\",\"type\":\"%s\",\"entry\":["
    "{\"resource\":{\"resourceType\":\"Patient\"},\"request\":{\"method\":\"POST\","
    "\"url\":\"Patient\",\"ifNoneExist\":\"identifier=a|1\"}}]}";

typedef struct sent_t {
    fhir_request_t request;
    const char *body, *content_type, *if_none_exist, *if_match;
} sent_t;

static const char *sent_header(const fhir_request_t *request, const char *name)
{
    const sent_t *sent = (const sent_t *)request;
    return !strcmp(name, "Content-Type")    ? sent->content_type
           : !strcmp(name, "If-None-Exist") ? sent->if_none_exist
           : !strcmp(name, "If-Match")      ? sent->if_match
                                            : NULL;
}

static fhir_err_t *sent_body(const char **body, apr_size_t *len, const fhir_request_t *request,
                             apr_size_t max)
{
    (void)max;
    *body = ((const sent_t *)request)->body;
    *len = strlen(*body);
    return NULL;
}

/* A path that a route's pattern matches. */
static const char *path_of(const char *pattern, const char *operation, apr_pool_t *pool)
{
    const char *path = "";
    for (const char *p = pattern; *p;) {
        apr_size_t len = strcspn(p, "/");
        const char *word = len != 1    ? apr_pstrmemdup(pool, p, len)
                           : *p == 'T' ? "Patient"
                           : *p == 'I' ? "1"
                           : *p == 'V' ? "1"
                           : *p == 'C' ? "Observation"
                           : *p == '$' ? operation
                                       : apr_pstrmemdup(pool, p, len);
        path = apr_pstrcat(pool, path, *path ? "/" : "", word, NULL);
        p += len + (p[len] == '/');
    }
    return path;
}

static answer_t *ask_without_store(const fhir_route_t *route, const sent_t *with, apr_pool_t *pool)
{
    answer_t *answer = apr_pcalloc(pool, sizeof(*answer));
    sent_t sent = *with;
    fhir_request_t *request = &sent.request;
    request->pool = pool;
    request->endpoint = &endpoint;
    request->method = route->method;
    request->base_url = "http://localhost/fhir";
    request->path = path_of(route->pattern, "$everything", pool);
    request->no_store = "This practice's database has not been set up";
    request->header = sent_header;
    request->read_body = sent_body;
    answer->body = fhir_buf_create(pool, 0);
    answer->response.body = fhir_buf_out(answer->body, pool);
    answer->response.body_reset = reset;
    fhir_service_run(&answer->response, request);
    answer->text = fhir_buf_cstr(answer->body);
    return answer;
}

/* Each route, with and without what makes it conditional, is answered and tells why there is no
 * store; only the CapabilityStatement needs none. */
static void test_no_store(apr_pool_t *parent)
{
    static const sent_t variants[] = {
        {.body = "{\"resourceType\":\"Patient\"}", .content_type = "application/fhir+json"},
        {.body = body_patient, .content_type = "application/fhir+json", .if_match = "W/\"1\""},
        {.body = body_patient,
         .content_type = "application/fhir+json",
         .if_none_exist = "identifier=a|1",
         .request.query = "identifier=a|1"},
        {.body = body_patch,
         .content_type = "application/json-patch+json",
         .request.query = "identifier=a|1"},
        {.body = "_id=x", .content_type = "application/x-www-form-urlencoded"},
    };
    int refused = 0;
    endpoint.audience = FHIR_AUDIENCE_OPEN;
    endpoint.interactions = FHIR_INTERACTION_ALL;
    endpoint.writing.conditional_delete = FHIR_CONDITIONAL_DELETE_SINGLE;
    for (const fhir_route_t *route = fhir_routes; route->method; route++) {
        int told = 0;
        for (apr_size_t i = 0; i < TAP_COUNT(variants) + 2; i++) {
            sent_t bundle = {.content_type = "application/fhir+json"};
            apr_pool_t *pool;
            apr_pool_create(&pool, parent);
            bundle.body =
                apr_psprintf(pool, body_bundle, i > TAP_COUNT(variants) ? "transaction" : "batch");
            answer_t *answer =
                ask_without_store(route, i < TAP_COUNT(variants) ? &variants[i] : &bundle, pool);
            told += strstr(answer->text, "has not been set up") != NULL;
            refused += answer->response.status == 503;
            apr_pool_destroy(pool);
        }
        if (route->bit ==
            FHIR_INTERACTION_OPERATION) /* most are offered elsewhere, or ask nothing */
            continue;
        tap_ok(route->bit ? told > 0 : !told, "%s %s without a store", route->method,
               route->pattern);
    }
    tap_ok(refused > 20, "%d of them are 503", refused);
    fhir_endpoint_defaults(&endpoint);
}

/* An endpoint that offers less answers 405 and says so in metadata. */
static void test_offered(apr_pool_t *pool)
{
    endpoint.audience = FHIR_AUDIENCE_OPEN;
    endpoint.interactions = FHIR_INTERACTION_SEARCH;
    answer_t *answer = ask("GET", "Patient/1", NULL, pool);
    tap_is_int(answer->response.status, 405, "read is not offered");
    tap_is_str(header(answer, "Allow"), "", "nor anything else there");
    answer = ask("GET", "metadata", NULL, pool);
    tap_ok(strstr(answer->text, "\"code\":\"search-type\"") != NULL, "search is declared");
    tap_ok(!strstr(answer->text, "\"code\":\"read\""), "read is not");
    fhir_endpoint_defaults(&endpoint);
}

static void test_metadata(apr_pool_t *pool)
{
    endpoint.audience = FHIR_AUDIENCE_PROVIDER;
    answer_t *answer = ask("GET", "metadata", NULL, pool);
    tap_is_int(answer->response.status, 200, "metadata needs no token and no database");
    fhir_node_t *root;
    if (!tap_no_err(fhir_node_parse_json(&root, answer->body->data, answer->body->len, NULL, pool),
                    "metadata is JSON"))
        return;
    tap_ok(fhir_node_is(fhir_node_get(root, "fhirVersion"), "4.0.1"), "its version");
    tap_ok(fhir_node_is(fhir_node_get(fhir_node_get(root, "implementation"), "url"),
                        "http://localhost/fhir"),
           "its base");
    tap_is_int(fhir_node_count(fhir_node_get(fhir_node_get(root, "rest")->child, "resource")), 145,
               "all resource types that are served");
    const fhir_capability_t *capability;
    tap_no_err(fhir_capability_build(&capability, &endpoint, pool), "built at start");
    endpoint.capability = capability;
    tap_is_str(ask("GET", "metadata", NULL, pool)->text, answer->text, "the same text when kept");
    endpoint.capability = NULL;
}

int main(void)
{
    static const unsigned char key[32] = "0123456789abcdef0123456789abcde";
    apr_pool_t *pool = tap_start();
    fhir_endpoint_defaults(&endpoint);
    endpoint.stored = endpoint.spoken = &fhir_model_r4;
    endpoint.tenant = "main";
    tap_no_err(fhir_cursor_keys_create(&endpoint.paging.cursor_keys, key, 1, pool),
               "key of page links");
    test_cases(pool);
    test_no_store(pool);
    test_offered(pool);
    test_metadata(pool);
    return tap_done();
}
