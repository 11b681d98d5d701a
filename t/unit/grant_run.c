/* SPDX-License-Identifier: Apache-2.0 */
/* Runs requests under grants for t/grant.t: grant_run CONNINFO, one line in, one answer out.
 * In:  patient scope … TAB method TAB path TAB query TAB body
 *      the patient is an id or '-'; scopes are (patient|user)/(Type|*).[cruds]+[?query], or "all"
 * Out: status TAB bytes, then the body and a line feed */
#include <apr_general.h>
#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>

#include "fhir/convert/fhir_convert.h"
#include "fhir/page/fhir_cursor.h"
#include "fhir/query/fhir_grant_bytes.h"
#include "fhir/validate/fhir_validate.h"

#define LINE_BYTES (1 << 20)

typedef struct answer_t {
    fhir_response_t response;
    fhir_buf_t *body;
} answer_t;

static void reset(fhir_response_t *response)
{
    fhir_buf_clear(((answer_t *)response)->body);
}

static const char *body_of(const fhir_request_t *request)
{
    return request->baton;
}

static fhir_err_t *read_body(const char **body, apr_size_t *len, const fhir_request_t *request,
                             apr_size_t max)
{
    (void)max;
    *body = body_of(request);
    *len = strlen(*body);
    return NULL;
}

static const char *header(const fhir_request_t *request, const char *name)
{
    if (!strcasecmp(name, "Accept"))
        return "application/fhir+json";
    if (!strcasecmp(name, "If-Match") && strcmp(request->method, "POST"))
        return "W/\"1\"";
    if (strcasecmp(name, "Content-Type"))
        return NULL;
    return *body_of(request) == '{' ? "application/fhir+json" : "application/x-www-form-urlencoded";
}

/* (patient|user)/(Type|*).rights[?query] */
static void parse_scope(fhir_grant_scope_t *scope, char *text)
{
    static const char letters[] = "cruds";
    char *type = strchr(text, '/') + 1, *dot = strchr(type, '.'), *query = strchr(dot, '?');
    memset(scope, 0, sizeof(*scope));
    scope->patient_only = *text == 'p';
    *dot++ = '\0';
    if (query)
        *query++ = '\0';
    scope->query = query;
    scope->type = *type == '*' ? NULL : type;
    for (; *dot; dot++)
        scope->rights |= 1u << (strchr(letters, *dot) - letters);
}

/* The grant as it is after it was stored. */
static const fhir_grant_t *stored(const fhir_grant_t *grant, apr_pool_t *pool)
{
    fhir_buf_t *bytes = fhir_buf_create(pool, 0);
    const fhir_grant_t *again;
    if (fhir_grant_to_bytes(bytes, grant, pool) ||
        fhir_grant_from_bytes(&again, bytes->data, bytes->len, pool))
        abort();
    return again;
}

static const fhir_grant_t *parse_grant(char *text, apr_pool_t *pool)
{
    fhir_grant_t *grant = apr_pcalloc(pool, sizeof(*grant));
    fhir_grant_scope_t *scopes = apr_pcalloc(pool, sizeof(*scopes) * 50);
    char *rest = text, *word = apr_strtok(rest, " ", &rest);
    grant->patient = strcmp(word, "-") ? word : NULL;
    grant->owner = "test";
    grant->scopes = scopes;
    while ((word = apr_strtok(NULL, " ", &rest)) != NULL) {
        if (!strcmp(word, "all"))
            grant->all = 1;
        else
            parse_scope(&scopes[grant->n_scopes++], word);
    }
    return stored(grant, pool);
}

/* A path that begins so is asked of the endpoint of DSTU2. */
#define DSTU2 "dstu2:"

/* endpoints: of R4 and DSTU2. */
static void answer(char *line, const fhir_endpoint_t *endpoints, fhir_store_t *store,
                   const fhir_log_t *log, apr_pool_t *pool)
{
    answer_t answer;
    fhir_request_t request = {.pool = pool, .endpoint = endpoints, .store = store, .log = log};
    memset(&answer, 0, sizeof(answer));
    char *field[5];
    for (int i = 0; i < 5; i++) {
        char *tab = strchr(line, '\t');
        field[i] = line;
        if (tab)
            *tab = '\0';
        line = tab ? tab + 1 : line + strlen(line);
    }
    request.grant = parse_grant(field[0], pool);
    request.method = field[1];
    request.base_url = "http://localhost/fhir";
    request.path = field[2];
    if (strncmp(request.path, DSTU2, sizeof(DSTU2) - 1) == 0) {
        request.path += sizeof(DSTU2) - 1;
        request.endpoint++;
    }
    request.query = *field[3] ? field[3] : NULL;
    request.baton = field[4];
    request.header = header;
    request.read_body = read_body;
    answer.body = fhir_buf_create(pool, 0);
    answer.response.body = fhir_buf_out(answer.body, pool);
    answer.response.body_reset = reset;
    fhir_service_run(&answer.response, &request);
    printf("%d\t%d\n", answer.response.status, (int)answer.body->len);
    fwrite(fhir_buf_cstr(answer.body), 1, answer.body->len, stdout);
    putchar('\n');
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static const unsigned char key[32] = "0123456789abcdef0123456789abcde";
    static char line[LINE_BYTES];
    fhir_store_config_t config = {.read_lane = 0};
    fhir_log_t log = {0};
    apr_initialize();
    atexit(apr_terminate);
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    apr_pool_t *each;
    apr_pool_create(&each, pool);
    fhir_endpoint_t endpoint;
    memset(&endpoint, 0, sizeof(endpoint));
    fhir_endpoint_defaults(&endpoint);
    endpoint.stored = endpoint.spoken = &fhir_model_r4;
    endpoint.audience = FHIR_AUDIENCE_PROVIDER;
    endpoint.tenant = "main";
    endpoint.interactions = ~0u;
    endpoint.writing.conditional_delete = FHIR_CONDITIONAL_DELETE_SINGLE;
    endpoint.search.explain = 1;
    fhir_store_source_t *source;
    fhir_store_t *store;
    if (argc != 2 || fhir_cursor_keys_create(&endpoint.paging.cursor_keys, key, 1, pool) ||
        fhir_store_source_create(&source, argv[1], 2, 1, apr_time_from_sec(5), pool) ||
        fhir_store_create(&store, source, &config, pool))
        return 2;
    fhir_endpoint_t endpoints[2];
    endpoints[0] = endpoints[1] = endpoint;
    endpoints[1].spoken = &fhir_model_dstu2;
    endpoints[1].interactions = FHIR_INTERACTION_DSTU2;
    if (fhir_convert_create(&endpoints[1].convert, endpoint.stored, endpoints[1].spoken, pool))
        return 2;
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        answer(line, endpoints, store, &log, each);
        apr_pool_clear(each);
    }
    return 0;
}
