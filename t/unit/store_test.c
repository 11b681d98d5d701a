/* SPDX-License-Identifier: Apache-2.0 */
/* The store without a server: the record of statements, SQLSTATEs, array literals, a source that
 * cannot lend. */
#include "core/fhir_buf.h"
#include "store/fhir_store_private.h"
#include "tap.h"

#include <apr_strings.h>
#include <string.h>

static void test_stmts(apr_pool_t *pool)
{
    fhir_stmts_t *s = apr_pcalloc(pool, sizeof(*s)), *t = apr_pcalloc(pool, sizeof(*t));
    tap_is_int(fhir_stmts_find(s, "SELECT 1"), -1, "an empty record knows nothing");
    tap_is_int(fhir_stmts_oldest(s), -1, "and has no oldest");
    int first = fhir_stmts_add(s, "SELECT 0");
    for (int i = 1; i < FHIR_STMTS_MAX; i++) {
        (void)fhir_stmts_add(s, apr_psprintf(pool, "SELECT %d", i));
    }
    tap_is_int(s->n, FHIR_STMTS_MAX, "full");
    tap_is_int(fhir_stmts_add(s, "SELECT more"), -1, "no room beyond the ceiling");
    tap_is_int(fhir_stmts_find(s, "SELECT 0"), first, "found by text");
    tap_is_str(s->item[fhir_stmts_oldest(s)].sql, "SELECT 1", "a lookup is a use");
    char name[FHIR_STMTS_NAME];
    fhir_stmts_name(name, s, fhir_stmts_oldest(s));
    fhir_stmts_remove(s, fhir_stmts_oldest(s));
    tap_is_int(fhir_stmts_find(s, "SELECT 1"), -1, "removed");
    tap_ok(fhir_stmts_find(s, "SELECT 255") >= 0, "the last one moved into its place");
    char other[FHIR_STMTS_NAME];
    fhir_stmts_name(other, s, fhir_stmts_find(s, "SELECT 255"));
    tap_ok(strcmp(name, other) != 0, "other SQL has another name: %s, %s", name, other);
    (void)fhir_stmts_add(t, "SELECT 255");
    tap_is_str(fhir_stmts_name(name, t, 0), other, "the same SQL has the same name everywhere");
    tap_is_int((int)strlen(name), FHIR_STMTS_NAME - 3, "which fits");
    fhir_stmts_clear(s);
    fhir_stmts_clear(t);
    tap_is_int(s->n, 0, "cleared");
    tap_is_int((int)s->bytes, 0, "to the last byte");
}

/* What clients can make long is prepared when it comes again, and never beyond the bytes. */
static void test_stmts_bytes(apr_pool_t *pool)
{
    fhir_stmts_t *s = apr_pcalloc(pool, sizeof(*s));
    int n = 0, worth = 0;
    for (int i = 0; i < 300; i++) {
        const char *sql = apr_psprintf(pool, "SELECT %d%*s", i, 2 * FHIR_STMTS_SHORT, "");
        worth += fhir_stmts_is_worth(s, sql);
        if (!fhir_stmts_is_worth(s, sql))
            tap_ok(0, "a long text that comes twice is worth it");
        if (fhir_stmts_add(s, sql) >= 0)
            n++;
    }
    tap_is_int(worth, 0, "a long text is not prepared when it comes first");
    tap_is_int(n, FHIR_STMTS_BYTES / (2 * FHIR_STMTS_SHORT + 8), "no more bytes than the ceiling");
    tap_ok(!fhir_stmts_is_worth(s, apr_psprintf(pool, "%*s", FHIR_STMTS_BYTES, "")), "too long");
    tap_ok(!fhir_stmts_is_worth(s, apr_psprintf(pool, "%*s", FHIR_STMTS_BYTES, "")), "for good");
    fhir_stmts_clear(s);
}

static const struct {
    const char *state;
    fhir_code_t code;
    int lost;
} states[] = {
    {"57014", FHIR_ERR_TIMEOUT, 0},  {"57P01", FHIR_ERR_BUSY, 1},
    {"57P03", FHIR_ERR_BUSY, 1},     {"08006", FHIR_ERR_BUSY, 1},
    {"25006", FHIR_ERR_BUSY, 1},     {"53300", FHIR_ERR_BUSY, 0},
    {"23505", FHIR_ERR_CONFLICT, 0}, {"40001", FHIR_ERR_CONFLICT, 0},
    {"40P01", FHIR_ERR_CONFLICT, 0}, {"23503", FHIR_ERR_INTERNAL, 0},
    {"42P01", FHIR_ERR_INTERNAL, 0}, {"26000", FHIR_ERR_INTERNAL, 0},
    {"", FHIR_ERR_INTERNAL, 0},
};

static void test_states(void)
{
    for (size_t i = 0; i < TAP_COUNT(states); i++) {
        tap_is_int(fhir_sqlstate_code(states[i].state), states[i].code, "%s: code",
                   states[i].state);
        tap_is_int(fhir_sqlstate_is_lost(states[i].state) != 0, states[i].lost,
                   "%s: connection lost", states[i].state);
    }
}

static const struct {
    const char *in, *out;
} elements[] = {
    {"", "\"\""},
    {"plain", "\"plain\""},
    {"a,b{}", "\"a,b{}\""},
    {"NULL", "\"NULL\""},
    {"say \"x\"", "\"say \\\"x\\\"\""},
    {"\\", "\"\\\\\""},
    {"\"\"", "\"\\\"\\\"\""},
    {"caf\xc3\xa9\n", "\"caf\xc3\xa9\n\""},
};

static void test_elements(apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    for (size_t i = 0; i < TAP_COUNT(elements); i++) {
        fhir_buf_clear(buf);
        fhir_store_array_element(buf, elements[i].in, strlen(elements[i].in));
        tap_is_str(fhir_buf_cstr(buf), elements[i].out, "array element %d", (int)i);
    }
}

static fhir_err_t *lends_nothing(PGconn **conn, void **handle, fhir_borrower_t borrower,
                                 void *baton, apr_pool_t *pool)
{
    (void)borrower;
    (void)conn;
    (void)handle;
    ++*(int *)baton;
    return fhir_err_create(pool, FHIR_ERR_BUSY, "none");
}

static fhir_err_t *opens_nothing(PGconn **conn, int (*stop)(void *), void *stop_baton, void *baton,
                                 apr_pool_t *pool)
{
    (void)stop;
    (void)stop_baton;
    (void)baton;
    *conn = NULL;
    return fhir_err_create(pool, FHIR_ERR_BUSY, "none");
}

static void takes_back(void *handle, int broken, fhir_borrower_t borrower, void *baton)
{
    (void)borrower;
    (void)handle;
    (void)broken;
    *(int *)baton = -1000;
}

/* Without a server the read lane turns its reads away and ends when it is told to. */
static void test_no_server(apr_pool_t *pool, int read_lane)
{
    int calls = 0;
    fhir_store_source_t source = {lends_nothing, takes_back, &calls, opens_nothing};
    fhir_store_config_t config = {.read_lane = read_lane};
    fhir_stmt_t stmt = {.sql = "SELECT 1", .flags = FHIR_STMT_SHORT};
    apr_pool_t *sub;
    apr_pool_create(&sub, pool);
    fhir_store_t *store;
    tap_no_err(fhir_store_create(&store, &source, &config, sub), "a store without a server");
    fhir_err_t *err = fhir_store_run(store, &stmt, NULL, NULL, NULL, NULL, sub);
    tap_is_int(err ? err->code : FHIR_OK, FHIR_ERR_BUSY, "a read");
    fhir_tx_t *tx;
    err = fhir_tx_begin(&tx, store, NULL, sub);
    tap_is_int(err ? err->code : FHIR_OK, FHIR_ERR_BUSY, "a transaction");
    fhir_store_stats_t stats;
    fhir_store_stats(&stats, store);
    tap_is_int(stats.errors, 1, "counted");
    tap_is_int(stats.lane_statements, 0, "nothing by the lane");
    apr_pool_destroy(sub);
    tap_ok(calls >= 2, "the source was asked, and given nothing back");
}

/* What was remembered is recalled, until something else takes its place. */
static void test_memory(apr_pool_t *pool)
{
    fhir_store_config_t config = {0};
    fhir_store_source_t source = {0};
    fhir_store_t *store;
    apr_uint64_t key = APR_UINT64_C(0x123456789abcdef0);
    int lost = 0;
    tap_no_err(fhir_store_create(&store, &source, &config, pool), "a store");
    tap_is_int(fhir_store_recall(store, key), -1, "nothing is known");
    fhir_store_remember(store, key, 7);
    tap_is_int(fhir_store_recall(store, key), 7, "what was remembered is");
    fhir_store_remember(store, key, 255);
    tap_is_int(fhir_store_recall(store, key), 255, "another value takes its place");
    for (int i = 57; i < 64; i++) /* of the same set */
        fhir_store_remember(store, key ^ (APR_UINT64_C(1) << i), (unsigned char)i);
    tap_is_int(fhir_store_recall(store, key), 255, "others do not");
    tap_is_int(fhir_store_recall(store, key ^ (APR_UINT64_C(1) << 63)), 63, "which are known, too");
    tap_is_int(fhir_store_recall(store, key ^ (APR_UINT64_C(1) << 56)), -1, "another key is not");
    for (apr_uint64_t i = 1; i <= 100000; i++) {
        apr_uint64_t other = i * APR_UINT64_C(0x9e3779b97f4a7c15);
        fhir_store_remember(store, other, (unsigned char)i);
        lost += fhir_store_recall(store, other) != (int)(i & 0xFF);
    }
    tap_is_int(lost, 0, "the last one always is");
    for (int i = 24; i < 64; i++)
        fhir_store_remember(store, key ^ (APR_UINT64_C(1) << i) ^ (apr_uint64_t)i << 10, 0);
    tap_is_int(fhir_store_recall(store, key), -1, "an old one gives way");
}

static void test_source(apr_pool_t *pool)
{
    fhir_store_source_t *source;
    PGconn *conn = NULL;
    tap_no_err(fhir_store_source_create(&source, "host=/nonexistent dbname=x", 1, 1, 0, pool),
               "own source");
    void *handle;
    for (int i = 0; i < 2; i++) { /* a second time: the place of the first was given back */
        fhir_err_t *err =
            source->acquire(&conn, &handle, (fhir_borrower_t){0, 0}, source->baton, pool);
        tap_is_int(err ? err->code : FHIR_OK, FHIR_ERR_BUSY, "no server there");
        tap_ok(err && err->detail && strstr(err->detail, "nonexistent"), "detail names the host");
        tap_ok(err && !strstr(err->message, "nonexistent"), "the message does not");
    }
}

int main(void)
{
    apr_pool_t *pool = tap_start();
    test_stmts(pool);
    test_stmts_bytes(pool);
    test_states();
    test_elements(pool);
    test_no_server(pool, 0);
    test_no_server(pool, 1);
    test_memory(pool);
    test_source(pool);
    return tap_done();
}
