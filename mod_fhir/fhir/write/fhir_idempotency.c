/* SPDX-License-Identifier: Apache-2.0 */
/* Requests with an Idempotency-Key: their first responses. */
#include "fhir/write/fhir_idempotency.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "core/fhir_digest.h"
#include "fhir/query/fhir_grant.h"
#include "fhir/query/fhir_sql.h"

#define TABLE  "\"%s\".fhir_idempotency"
/* For fhir_store_recall: from time to time, a request that stores a response deletes old ones. */
#define PURGED APR_UINT64_C(0x6964656d706f7465)

/* ---- what the request says ---- */

static fhir_err_t *bad_key(const fhir_call_t *call)
{
    return fhir_err_create(call->pool, FHIR_ERR_BAD_REQUEST,
                           "Idempotency-Key accepts 1 to %d visible ASCII characters, such as a "
                           "UUID, with or without quotation marks around them",
                           FHIR_IDEMPOTENCY_KEY_MAX);
}

/* The header is a string of RFC 8941, in quotation marks; many clients send it without. */
static fhir_err_t *read_key(const char **key, const fhir_call_t *call, const char *header)
{
    apr_size_t len = strlen(header);
    if (len >= 2 && header[0] == '"' && header[len - 1] == '"') {
        header++;
        len -= 2;
    }
    if (!len || len > FHIR_IDEMPOTENCY_KEY_MAX)
        return bad_key(call);
    for (apr_size_t i = 0; i < len; i++) {
        if (header[i] < 0x21 || header[i] > 0x7e || header[i] == '"')
            return bad_key(call);
    }
    *key = apr_pstrmemdup(call->pool, header, len);
    return NULL;
}

static void add(fhir_digest_ctx_t *digest, const char *text)
{
    fhir_digest_add(digest, text ? text : "", text ? strlen(text) + 1 : 1);
}

static const char *finish(fhir_digest_ctx_t *digest, apr_pool_t *pool)
{
    unsigned char bytes[FHIR_DIGEST_LEN];
    fhir_digest_finish(bytes, digest);
    return fhir_digest_hex(bytes, pool);
}

/* Deletes old responses, from time to time. It runs before the transaction, which would hold the
 * locks. */
static void purge(const fhir_call_t *call)
{
    fhir_store_t *store = call->request->store;
    fhir_stmt_t stmt = {.flags = FHIR_STMT_WRITE | FHIR_STMT_ONCE};
    apr_uint64_t key = PURGED;
    for (const char *s = call->endpoint->tenant; *s; s++) {
        key = (key ^ (unsigned char)*s) * APR_UINT64_C(1099511628211);
    }
    if (!store || fhir_store_recall(store, key) >= 0)
        return;
    fhir_store_remember(store, key, 0);
    stmt.sql = apr_psprintf(call->pool,
                            "DELETE FROM " TABLE " WHERE key IN (SELECT key FROM " TABLE
                            " WHERE created <= now() - interval '1 day' ORDER BY created "
                            "LIMIT 10000 FOR UPDATE SKIP LOCKED)",
                            call->endpoint->tenant, call->endpoint->tenant);
    /* an error must not fail this request: another one tries again in some minutes */
    (void)fhir_store_run(store, &stmt, NULL, NULL, NULL, NULL, call->pool);
}

fhir_err_t *fhir_idempotency_read(fhir_idempotency_t *idempotency, const fhir_call_t *call)
{
    const fhir_request_t *request = call->request;
    const char *header = fhir_call_header(call, "Idempotency-Key"), *key = "";
    memset(idempotency, 0, sizeof(*idempotency));
    if (!header)
        return NULL;
    FHIR_TRY(read_key(&key, call, header));
    const char *body;
    apr_size_t len;
    FHIR_TRY(request->read_body(&body, &len, request, call->endpoint->limits.body_max));
    fhir_digest_ctx_t *digest = fhir_digest_create(call->pool);
    add(digest, call->grant->owner);
    add(digest, call->grant->patient);
    add(digest, key);
    idempotency->key = finish(digest, call->pool);
    digest = fhir_digest_create(call->pool);
    add(digest, request->method);
    add(digest, request->path);
    add(digest, request->query);
    add(digest, fhir_call_header(call, "If-None-Exist"));
    fhir_digest_add(digest, body, len);
    idempotency->request = finish(digest, call->pool);
    purge(call);
    return NULL;
}

/* ---- the first answer ---- */

typedef struct found_t {
    fhir_idempotency_t *idempotency;
    const char *type;
    int other;
    apr_pool_t *pool;
} found_t;

/* Columns: request, status, type, id, version, body. */
static fhir_err_t *on_answer(void *baton, const fhir_row_t *row)
{
    found_t *found = baton;
    fhir_idempotency_t *idempotency = found->idempotency;
    found->other = strcmp(fhir_row_text(row, 0), idempotency->request) != 0;
    if (found->other)
        return NULL;
    idempotency->status = atoi(fhir_row_text(row, 1));
    if (!fhir_row_is_null(row, 3)) {
        found->type = apr_pstrdup(found->pool, fhir_row_text(row, 2));
        idempotency->record.id = apr_pstrdup(found->pool, fhir_row_text(row, 3));
        idempotency->record.version = atoi(fhir_row_text(row, 4));
    }
    if (!fhir_row_is_null(row, 5)) {
        idempotency->len = fhir_row_len(row, 5);
        idempotency->body = apr_pstrmemdup(found->pool, fhir_row_text(row, 5), idempotency->len);
    }
    return NULL;
}

/* Columns: µs, resource. */
static fhir_err_t *on_resource(void *baton, const fhir_row_t *row)
{
    found_t *found = baton;
    fhir_record_t *record = &found->idempotency->record;
    record->updated = apr_atoi64(fhir_row_text(row, 0));
    record->len = fhir_row_len(row, 1);
    record->text = apr_pstrmemdup(found->pool, fhir_row_text(row, 1), record->len);
    record->state = FHIR_RECORD_CURRENT;
    return NULL;
}

/* The version that was stored then. The grant is not checked again: the owner of the key has seen
 * it. */
static fhir_err_t *load_resource(found_t *found, const fhir_call_t *call)
{
    const fhir_record_t *record = &found->idempotency->record;
    const fhir_type_t *type = fhir_model_resource(call->stored, found->type, strlen(found->type));
    fhir_value_t values[2] = {fhir_value_text(record->id),
                              fhir_value_text(apr_itoa(call->pool, record->version))};
    fhir_stmt_t stmt = {.n_values = 2};
    if (type) {
        const char *columns = FHIR_SQL_USEC("last_updated") ", resource FROM ";
        const char *which = " WHERE id = $1::text AND version = $2::integer";
        stmt.sql =
            apr_pstrcat(call->pool, "SELECT ", columns, fhir_call_table(call, type, ""), which,
                        " UNION ALL SELECT ", columns, fhir_call_table(call, type, "_history"),
                        which, " AND resource IS NOT NULL", NULL);
        FHIR_TRY(fhir_call_run(call, &stmt, values, on_resource, found, NULL));
    }
    if (record->text)
        return NULL;
    return fhir_err_create(call->pool, FHIR_ERR_GONE,
                           "What the first request with this Idempotency-Key stored, %s/%s, has "
                           "been erased since then",
                           found->type, record->id);
}

static fhir_err_t *lock(const fhir_idempotency_t *idempotency, const fhir_call_t *call)
{
    fhir_stmt_t stmt = {.sql = "SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))",
                        .n_values = 1,
                        .flags = FHIR_STMT_WRITE};
    fhir_value_t value = fhir_value_text(
        apr_pstrcat(call->pool, call->endpoint->tenant, "/idempotency/", idempotency->key, NULL));
    return fhir_call_run(call, &stmt, &value, NULL, NULL, NULL);
}

fhir_err_t *fhir_idempotency_look(fhir_idempotency_t *idempotency, const fhir_call_t *call)
{
    found_t found = {.idempotency = idempotency, .pool = call->pool};
    fhir_value_t value = fhir_value_text(idempotency->key);
    fhir_stmt_t stmt = {
        .sql = apr_psprintf(call->pool,
                            "SELECT encode(request, 'hex'), status, type, id, version, body "
                            "FROM " TABLE " WHERE key = decode($1, 'hex') "
                            "AND created > now() - interval '1 day'",
                            call->endpoint->tenant),
        .n_values = 1};
    if (!idempotency->key)
        return NULL;
    FHIR_TRY(lock(idempotency, call));
    FHIR_TRY(fhir_call_run(call, &stmt, &value, on_answer, &found, NULL));
    if (found.other)
        return fhir_err_create(call->pool, FHIR_ERR_BUSINESS,
                               "This Idempotency-Key was used for another request within the last "
                               "day; each request needs its own key");
    return idempotency->record.id ? load_resource(&found, call) : NULL;
}

/* ---- keeping ---- */

fhir_err_t *fhir_idempotency_keep(const fhir_idempotency_t *idempotency, const fhir_call_t *call,
                                  int status, const fhir_record_t *record, const char *body)
{
    apr_pool_t *pool = call->pool;
    fhir_value_t values[] = {
        fhir_value_text(idempotency->key),
        fhir_value_text(idempotency->request),
        fhir_value_text(apr_itoa(pool, status)),
        fhir_value_text(record ? fhir_model_str(call->stored, call->type->name) : NULL),
        fhir_value_text(record ? record->id : NULL),
        fhir_value_text(record ? apr_itoa(pool, record->version) : NULL),
        fhir_value_text(body)};
    fhir_stmt_t stmt = {
        .sql = apr_psprintf(
            pool,
            "INSERT INTO " TABLE " AS i (key, request, status, type, id, version, body) VALUES "
            "(decode($1, 'hex'), decode($2, 'hex'), $3::integer, $4::text, $5::text, "
            "$6::integer, $7::text) ON CONFLICT (key) DO UPDATE SET request = excluded.request, "
            "status = excluded.status, type = excluded.type, id = excluded.id, version = "
            "excluded.version, body = excluded.body, created = now()",
            call->endpoint->tenant),
        .n_values = 7,
        .flags = FHIR_STMT_WRITE};
    if (!idempotency->key)
        return NULL;
    return fhir_call_run(call, &stmt, values, NULL, NULL, NULL);
}
