/* SPDX-License-Identifier: Apache-2.0 */
/* Queries of page links, kept in the database under their digests. */
#include "fhir/page/fhir_page_query.h"

#include <apr_strings.h>

#include "core/fhir_digest.h"
#include "fhir/fhir_bundle.h"
#include "fhir/page/fhir_cursor.h"

#define NAME    "_query-of"
#define TABLE   "\"%s\".fhir_page_query"
#define CONTEXT "query of a page" /* what the sealed digest is bound to, besides the grant */

/* ---- keeping ---- */

/* Stores a query, or that it was used once more. Whoever stores a new one drops what is old and
 * what is too much; what another request is about to drop is left to that. */
static fhir_err_t *keep(const fhir_call_t *call, const char *digest, const char *query)
{
    const fhir_paging_settings_t *paging = &call->endpoint->paging;
    const char *tenant = call->endpoint->tenant;
    const char *seconds = paging->link_age_sec ? apr_itoa(call->pool, paging->link_age_sec) : NULL;
    fhir_value_t values[] = {fhir_value_text(digest), fhir_value_text(query),
                             fhir_value_text(seconds),
                             fhir_value_text(apr_itoa(call->pool, paging->queries_max - 1))};
    fhir_stmt_t stmt = {
        .sql = apr_psprintf(
            call->pool,
            "WITH life AS (SELECT coalesce(now() + ($3::integer + 60) * interval '1 second', "
            "'infinity') AS until), kept AS (INSERT INTO " TABLE " AS q (digest, query, expires) "
            "SELECT decode($1, 'hex'), $2::text, until FROM life ON CONFLICT (digest) DO UPDATE "
            "SET used = now(), expires = greatest(q.expires, excluded.expires) "
            "WHERE q.used < now() - interval '1 minute' OR q.expires < excluded.expires - "
            "interval '1 minute' RETURNING xmax = 0 AS new) "
            "DELETE FROM " TABLE " WHERE digest = ANY (ARRAY(SELECT digest FROM " TABLE
            " WHERE expires <= now() AND EXISTS (SELECT FROM kept WHERE new) ORDER BY expires "
            "LIMIT 1000 FOR UPDATE SKIP LOCKED)) OR digest = ANY (ARRAY(SELECT digest FROM " TABLE
            " WHERE EXISTS (SELECT FROM kept WHERE new) ORDER BY used DESC OFFSET $4::bigint "
            "LIMIT 1000 FOR UPDATE SKIP LOCKED))",
            tenant, tenant, tenant, tenant),
        .n_values = 4,
        .flags = FHIR_STMT_WRITE};

    return fhir_call_run(call, &stmt, values, NULL, NULL, NULL);
}

/* The query's text without its question mark. */
static const char *query_of(const char *url)
{
    const char *mark = strchr(url, '?');

    return mark ? mark + 1 : "";
}

static fhir_err_t *kept_url(const char **url, const fhir_call_t *call, const char *path,
                            const char *query, const char *cursor)
{
    unsigned char bytes[FHIR_DIGEST_LEN];
    fhir_cursor_t sealed = {.n = 1};
    fhir_pair_t pair = {.name = NAME};
    fhir_pairs_t pairs = {1, &pair};

    fhir_digest_sha256(bytes, query, strlen(query));
    const char *digest = fhir_digest_hex(bytes, call->pool);
    FHIR_TRY(keep(call, digest, query));
    sealed.field[0] = digest;
    FHIR_TRY(fhir_cursor_seal(&pair.value, &sealed, call->endpoint->paging.cursor_keys, CONTEXT,
                              sizeof(CONTEXT) - 1, call->grant, call->pool));
    *url = fhir_bundle_url(call, path, &pairs, cursor);
    return NULL;
}

fhir_err_t *fhir_page_query_link(const char **url, const fhir_call_t *call, const char *path,
                                 const fhir_pairs_t *pairs, const char *cursor)
{
    const char *whole = fhir_bundle_url(call, path, pairs, cursor);

    *url = whole;
    if (strlen(query_of(*url)) <= FHIR_PAGE_QUERY_MIN)
        return NULL;
    FHIR_TRY(kept_url(url, call, path, query_of(fhir_bundle_url(call, path, pairs, NULL)), cursor));
    if (strlen(query_of(*url)) <= FHIR_PAGE_QUERY_MIN)
        return NULL;
    return kept_url(url, call, path, query_of(whole), NULL); /* the keys of the order are long */
}

/* ---- taking ---- */

typedef struct found_t {
    char *query;
    apr_pool_t *pool;
} found_t;

static fhir_err_t *on_query(void *baton, const fhir_row_t *row)
{
    found_t *found = baton;

    found->query = apr_pstrmemdup(found->pool, fhir_row_text(row, 0), fhir_row_len(row, 0));
    return NULL;
}

static fhir_err_t *load(const char **query, const fhir_call_t *call, const char *digest)
{
    found_t found = {NULL, call->pool};
    fhir_value_t value = fhir_value_text(digest);
    fhir_stmt_t stmt = {.sql = apr_psprintf(call->pool,
                                            "SELECT query FROM " TABLE
                                            " WHERE digest = decode($1, 'hex')",
                                            call->endpoint->tenant),
                        .n_values = 1};

    FHIR_TRY(fhir_call_run(call, &stmt, &value, on_query, &found, NULL));
    *query = found.query;
    return found.query
               ? NULL
               : fhir_err_create(call->pool, FHIR_ERR_CURSOR,
                                 "The query of this page link is not kept any more: as many later "
                                 "ones came as the server keeps (FHIRPageQueriesMax); begin again "
                                 "with the search itself");
}

fhir_err_t *fhir_page_query_take(int *taken, fhir_call_t *call)
{
    const char *word = fhir_pairs_get(&call->pairs, NAME), *query;
    fhir_cursor_t sealed;
    fhir_pairs_t pairs;

    *taken = 0;
    if (!word)
        return NULL;
    FHIR_TRY(fhir_call_need_store(call));
    FHIR_TRY(fhir_cursor_open(&sealed, word, call->endpoint->paging.cursor_keys,
                              call->endpoint->paging.link_age_sec, CONTEXT, sizeof(CONTEXT) - 1,
                              call->grant, call->pool));
    if (sealed.n != 1 || !sealed.field[0])
        return fhir_err_create(call->pool, FHIR_ERR_CURSOR, "%s is no query of a page link", NAME);
    FHIR_TRY(load(&query, call, sealed.field[0]));
    FHIR_TRY(fhir_pairs_parse(&pairs, query, 0, call->pool));
    fhir_pairs_append(&pairs, &call->pairs, call->pool);
    call->pairs.n = 0;
    call->pairs.list = pairs.list;
    for (int i = 0; i < pairs.n; i++)
        if (strcmp(pairs.list[i].name, NAME) != 0)
            call->pairs.list[call->pairs.n++] = pairs.list[i];
    *taken = 1;
    return NULL;
}
