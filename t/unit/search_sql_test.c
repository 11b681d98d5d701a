/* SPDX-License-Identifier: Apache-2.0 */
/* SQL injection is impossible by construction: whatever stands in a value, the statement's text is
 * the same. Templates of searches are filled with values that try, and compared with harmless ones.
 */
#include "tap.h"

#include <apr_strings.h>

#include "core/fhir_text.h"
#include "fhir/query/fhir_predicate.h"
#include "fhir/query/fhir_resolve.h"
#include "fhir/search/fhir_search_sql.h"

#define ROUNDS 60

static fhir_endpoint_t endpoint;
static const fhir_grant_t all = {.all = 1};

/* % stands for a value; the type is in front of the question mark. */
static const char *const templates[] = {
    "Patient?name=%&family:exact=%&given:contains=%,%&address=%",
    "Patient?_filter=name co \"%\" or (family eq \"%\" and not (given ew \"%\"))",
    "Patient?_id=%&identifier=%|%&identifier:of-type=%|%|%&_source=%&_profile:below=%",
    "Patient?organization:identifier=%|%&general-practitioner:identifier=%&link=urn:%",
    "Patient?_has:Observation:patient:code=%|%&_has:Encounter:patient:identifier=%",
    "Practitioner?_has:Encounter:practitioner:_has:Condition:encounter:code=%",
    "Observation?code=%|%,%,|%&category:not=%&code:text=%&_tag=%|%&_security=%&combo-code=%",
    "Observation?subject:Patient.name=%&performer:Practitioner.name:exact=%&encounter=urn:%",
    "Observation?value-quantity=gt5.4|%|%&code-value-quantity=%|%$le3|%|%&code-value-string=%$%",
    "Observation?component-code-value-concept=%|%$%&value-string=%&device:identifier=%",
    "Observation?_list=a,b&patient.identifier=%|%&patient.name=%,%",
    "ValueSet?url=%&url:above=%&url:below=%&version=%&name=%&reference=urn:%",
    "Condition?onset-info=%&evidence-detail=urn:%&code:text=%,%&stage=%|%",
};

/* The same with a grammar: what is none of its sentences, such as one bracket, is refused. */
static const char *const words[] = {"Observation?_text=%&_content=%&patient.name=%"};

static const char *const harmful[] = {"'",
                                      "\"",
                                      "\\",
                                      "$1",
                                      "--",
                                      ";",
                                      "/*",
                                      "*/",
                                      "%",
                                      "_",
                                      "(",
                                      ")",
                                      "{",
                                      "}",
                                      "[",
                                      "]",
                                      "::",
                                      "$$",
                                      "\n",
                                      "\t",
                                      "||",
                                      "+",
                                      "&",
                                      "=",
                                      "' OR 1=1 -- ",
                                      "'; DROP TABLE patient; --",
                                      "\xc3\xa9",
                                      "\xe2\x80\x99",
                                      "\xef\xbc\x87",
                                      "NULL",
                                      "E'\\'",
                                      " UNION SELECT ",
                                      "pg_sleep(9)",
                                      "?",
                                      "#",
                                      "~",
                                      "|",
                                      ",",
                                      "$"};

static unsigned seed = 1;
static unsigned roll(unsigned n)
{
    seed = seed * 1103515245u + 12345u;
    return (seed >> 16) % n;
}

/* Begins with a letter, so that its shape is that of the harmless value. */
static const char *value(int harmless, int quoted, apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    fhir_buf_putc(buf, 'a');
    for (unsigned n = harmless ? 0 : 1 + roll(4); n; n--)
        for (const char *s = harmful[roll(TAP_COUNT(harmful))]; *s; s++) {
            /* what divides values in the language is escaped, as a client has to */
            if (!quoted && strchr(",|$\\", *s))
                fhir_buf_putc(buf, '\\');
            if (quoted && strchr("\"\\", *s))
                fhir_buf_putc(buf, '\\');
            if (quoted && (*s == '\n' || *s == '\t'))
                fhir_buf_putc(buf, ' ');
            else
                fhir_buf_putc(buf, *s);
        }
    return fhir_buf_cstr(buf);
}

/* The query with its values, percent-encoded. */
static const char *fill(const char *template, int harmless, apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    int quoted = strstr(template, "_filter") != NULL;
    for (const char *s = template; *s; s++) {
        const char *text = *s == '%' ? value(harmless, quoted, pool) : NULL;
        if (text)
            fhir_text_url_encode(buf, text, strlen(text));
        else if (*s == ' ' || *s == '"')
            fhir_text_url_encode(buf, s, 1);
        else
            fhir_buf_putc(buf, *s);
    }
    return fhir_buf_cstr(buf);
}

/* Texts of the page's statement, from a cursor on, and of the count; NULL and an error otherwise.
 */
static const char *statement(const char *query, int harmless, apr_pool_t *pool)
{
    fhir_request_t request = {.pool = pool, .endpoint = &endpoint, .base_url = "http://localhost"};
    fhir_call_t call = {.endpoint = &endpoint,
                        .stored = &fhir_model_r4,
                        .spoken = &fhir_model_r4,
                        .grant = &all,
                        .pool = pool,
                        .request = &request};
    const char *asked = strchr(query, '?');
    fhir_cursor_t cursor = {.n = 1, .field = {value(harmless, 0, pool)}};
    call.type = fhir_model_resource(call.stored, query, (apr_size_t)(asked - query));
    fhir_pairs_t pairs;
    fhir_err_t *err = fhir_pairs_parse(&pairs, asked + 1, 0, pool);
    fhir_query_t *parsed;
    if (!err)
        err = fhir_query_parse(&parsed, &call, call.type, &pairs, 0);
    if (!err)
        err = fhir_resolve_query(parsed, &call, 0);
    if (!err)
        err = fhir_order_fits(parsed, &cursor, &call);
    fhir_order_t order;
    fhir_stmt_t page;
    if (!err)
        err = fhir_search_sql_page(&page, fhir_sql_create(&call), &order, &parsed, 1, &cursor, 51);
    fhir_stmt_t count;
    if (!err)
        err = fhir_search_sql_count(&count, fhir_sql_create(&call), parsed);
    if (err) {
        tap_diag("%s: %s", query, err->message);
        return NULL;
    }
    return apr_pstrcat(pool, page.sql, "; ", count.sql, NULL);
}

static void test_template(const char *template, int refusable, apr_pool_t *parent)
{
    const char *expected = statement(fill(template, 1, parent), 1, parent);
    int same = 0;
    apr_pool_t *pool;
    apr_pool_create(&pool, parent);
    for (int i = 0; expected && i < ROUNDS; i++) {
        apr_pool_clear(pool);
        const char *query = fill(template, 0, pool);
        const char *text = statement(query, 0, pool);
        same += text ? !strcmp(text, expected) : refusable;
        if (text && strcmp(text, expected) != 0)
            tap_diag("%s\n%s\n%s", query, text, expected);
    }
    tap_is_int(same, ROUNDS, "%s: one text for all values", template);
    apr_pool_destroy(pool);
}

/* A parameter without a test would be unknown, although the CapabilityStatement names it. */
static void test_parameters(apr_pool_t *pool)
{
    const fhir_model_t *m = &fhir_model_r4;
    fhir_call_t call = {.stored = m, .pool = pool};
    int n = 0, able = 0;
    for (int t = 1; t <= m->n_resources; t++)
        for (int i = 0; i < m->types[t].n_params; i++) {
            const fhir_param_t *p = &m->params[m->types[t].first_param + i];
            if (p->flags & FHIR_PARAM_UNCOMPILED)
                continue;
            n++;
            if (fhir_predicate_can(&call, p))
                able++;
            else
                tap_diag("%s.%s", fhir_model_str(m, m->types[t].name), fhir_model_str(m, p->name));
        }
    tap_ok(n > 1000, "%d parameters", n);
    tap_is_int(able, n, "each has a test");
}

int main(void)
{
    apr_pool_t *pool = tap_start();
    fhir_endpoint_defaults(&endpoint);
    endpoint.stored = endpoint.spoken = &fhir_model_r4;
    endpoint.tenant = "main";
    for (apr_size_t i = 0; i < TAP_COUNT(templates); i++)
        test_template(templates[i], 0, pool);
    for (apr_size_t i = 0; i < TAP_COUNT(words); i++)
        test_template(words[i], 1, pool);
    test_parameters(pool);
    return tap_done();
}
