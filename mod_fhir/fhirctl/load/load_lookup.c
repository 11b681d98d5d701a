/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditional references and ifNoneExist: finds the resource with an identifier. Answers are
 * cached, so that a practitioner of ten thousand Bundles is looked up once.
 */
#include <apr_strings.h>
#include <apr_tables.h>
#include <stdlib.h>
#include <string.h>

#include "core/fhir_hash.h"
#include "core/fhir_text.h"
#include "fhirctl/load/load.h"
#include "model/fhir_short.h"
#include "store/fhir_store.h"

#define ANSWERS_MAX 500000 /* the most answers in the cache, about 100 MB */

typedef struct answer_t {
    const fhir_type_t *type;
    const char *token; /* as in the column identifier */
    load_match_t match;
    int wanted; /* no answer yet */
} answer_t;

struct load_lookup_t {
    load_t *load;
    PGconn *conn;
    apr_pool_t *pool; /* of the answers: cleared when there are too many */
    apr_pool_t *scratch;
    apr_hash_t *answers;
    apr_array_header_t *wanted; /* answer_t * */
};

load_lookup_t *load_lookup_create(load_t *load, PGconn *conn, apr_pool_t *pool)
{
    load_lookup_t *l = apr_pcalloc(pool, sizeof(*l));
    l->load = load;
    l->conn = conn;
    apr_pool_create(&l->pool, pool);
    apr_pool_create(&l->scratch, pool);
    l->answers = fhir_hash_make(l->pool);
    l->wanted = apr_array_make(pool, 64, sizeof(answer_t *));
    return l;
}

/* Search values escape , $ | and \ by a backslash. http://hl7.org/fhir/R4/search.html#escaping */
static void unescape(char *s)
{
    char *to = s;
    for (; *s; s++) {
        if (*s == '\\' && s[1])
            s++;
        *to++ = *s;
    }
    *to = '\0';
}

static fhir_err_t *parse(answer_t *answer, const load_lookup_t *l, const char *criterion,
                         apr_size_t len, apr_pool_t *pool)
{
    const fhir_model_t *m = l->load->model;
    const char *question = memchr(criterion, '?', len);
    const char *value = question ? question + 12 : NULL, *end = criterion + len;
    answer->type =
        question ? fhir_model_resource(m, criterion, (apr_size_t)(question - criterion)) : NULL;
    const fhir_param_t *param =
        answer->type ? fhir_model_param(m, answer->type, "identifier", 10) : NULL;
    char *token;
    if (!param || !param->first_column || end <= value || memcmp(question + 1, "identifier=", 11) ||
        memchr(value, '&', (apr_size_t)(end - value)) ||
        !(token = fhir_text_url_decode(value, (apr_size_t)(end - value), 1, pool)))
        return fhir_err_create(
            pool, FHIR_ERR_PARAM_VALUE,
            "the condition \"%s\" is not supported: only TYPE?identifier=SYSTEM|VALUE is",
            apr_pstrmemdup(pool, criterion, len < 200 ? len : 200));
    unescape(token);
    answer->token = apr_pstrdup(l->pool, strchr(token, '|') ? fhir_short_url(token, pool)
                                                            : fhir_short_token(NULL, token, pool));
    return NULL;
}

static void forget_when_full(load_lookup_t *l)
{
    if (apr_hash_count(l->answers) < ANSWERS_MAX || l->wanted->nelts)
        return;
    apr_pool_clear(l->pool);
    l->answers = fhir_hash_make(l->pool);
}

static answer_t *add(load_lookup_t *l, const char *criterion, apr_size_t len)
{
    answer_t *answer = apr_pcalloc(l->pool, sizeof(*answer));
    apr_hash_set(l->answers, apr_pstrmemdup(l->pool, criterion, len), (apr_ssize_t)len, answer);
    return answer;
}

fhir_err_t *load_lookup_want(load_lookup_t *l, const char *criterion, apr_size_t len,
                             apr_pool_t *pool)
{
    answer_t *answer = apr_hash_get(l->answers, criterion, (apr_ssize_t)len),
             parsed = {.wanted = 1};
    if (answer && (answer->match.n || answer->wanted))
        return NULL;
    if (!answer) {
        FHIR_TRY(parse(&parsed, l, criterion, len, pool));
        answer = add(l, criterion, len);
        *answer = parsed;
    }
    answer->wanted = 1;
    APR_ARRAY_PUSH(l->wanted, answer_t *) = answer;
    return NULL;
}

/* Asks the database for all wanted tokens of one type. */
static fhir_err_t *ask(load_lookup_t *l, const fhir_type_t *type)
{
    const fhir_model_t *m = l->load->model;
    const fhir_param_t *param = fhir_model_param(m, type, "identifier", 10);
    fhir_buf_t *tokens = fhir_buf_create(l->scratch, 0);
    int n = 0;
    for (int i = 0; i < l->wanted->nelts; i++) {
        const answer_t *a = APR_ARRAY_IDX(l->wanted, i, answer_t *);
        fhir_buf_putc(tokens, n++ ? ',' : '{');
        if (a->type == type)
            fhir_store_array_element(tokens, a->token, strlen(a->token));
        else
            fhir_buf_puts(tokens, "NULL");
    }
    fhir_buf_putc(tokens, '}');
    const char *values[1];
    values[0] = fhir_buf_cstr(tokens);
    PGresult *r;
    char table[64];
    FHIR_TRY(fhirctl_db_run(
        &r, l->conn, l->scratch,
        apr_psprintf(l->scratch,
                     "SELECT f.n, min(t.id), count(*) FROM unnest($1::text[]) WITH ORDINALITY AS "
                     "f(token, n) JOIN \"%s\" t ON t.\"%s\" @> ARRAY[f.token] GROUP BY f.n",
                     fhir_model_table(table, m, type),
                     fhir_model_str(m, m->columns[param->first_column].name)),
        1, values));
    for (int i = 0; i < PQntuples(r); i++) {
        answer_t *a = APR_ARRAY_IDX(l->wanted, atoi(PQgetvalue(r, i, 0)) - 1, answer_t *);
        a->match.n = strcmp(PQgetvalue(r, i, 2), "1") ? 2 : 1;
        a->match.id = apr_pstrdup(l->pool, PQgetvalue(r, i, 1));
    }
    return NULL;
}

fhir_err_t *load_lookup_run(load_lookup_t *l)
{
    if (!l->wanted->nelts) {
        forget_when_full(l);
        return NULL;
    }
    load_queue_flush(l->load);
    apr_pool_clear(l->scratch);
    for (int i = 0; i < l->wanted->nelts; i++) {
        answer_t *a = APR_ARRAY_IDX(l->wanted, i, answer_t *);
        if (a->wanted) {
            FHIR_TRY(ask(l, a->type));
            for (int j = i; j < l->wanted->nelts; j++)
                if (APR_ARRAY_IDX(l->wanted, j, answer_t *)->type == a->type)
                    APR_ARRAY_IDX(l->wanted, j, answer_t *)->wanted = 0;
        }
    }
    apr_array_clear(l->wanted);
    return NULL;
}

load_match_t load_lookup_get(load_lookup_t *l, const char *criterion, apr_size_t len)
{
    const answer_t *answer = apr_hash_get(l->answers, criterion, (apr_ssize_t)len);
    return answer ? answer->match : (load_match_t){NULL, 0};
}

void load_lookup_set(load_lookup_t *l, const char *criterion, apr_size_t len, const char *id,
                     apr_size_t id_len)
{
    answer_t *answer = apr_hash_get(l->answers, criterion, (apr_ssize_t)len);
    if (!answer)
        answer = add(l, criterion, len);
    answer->match = (load_match_t){apr_pstrmemdup(l->pool, id, id_len), 1};
}
