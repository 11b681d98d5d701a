/* SPDX-License-Identifier: Apache-2.0 */
/* The store with a server, started by t/store.t: store_server CONNINFO. */
#include "core/fhir_buf.h"
#include "store/fhir_store_private.h"
#include "tap.h"

#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *conninfo;
static PGconn *admin;

/* One text by the connection beside the store. */
static const char *ask(apr_pool_t *pool, const char *sql)
{
    PGresult *result = PQexec(admin, sql);
    const char *text = PQntuples(result) ? apr_pstrdup(pool, PQgetvalue(result, 0, 0)) : "";
    if (*PQresultErrorMessage(result))
        tap_diag("%s", PQresultErrorMessage(result));
    PQclear(result);
    return text;
}

/* For a connection: more than eight workers that share three ever take, on a busy machine, too. */
#define PATIENCE apr_time_from_sec(2)

static fhir_store_t *store_with(fhir_store_source_t **source, int connections,
                                apr_interval_time_t timeout, int read_lane, apr_pool_t *pool)
{
    fhir_store_config_t config = {.read_lane = read_lane, .statement_timeout = timeout};
    tap_no_err(fhir_store_source_create(source, conninfo, connections, 2, PATIENCE, pool),
               "source");
    fhir_store_t *store;
    tap_no_err(fhir_store_create(&store, *source, &config, pool), "store");
    return store;
}

/* ---- rows ---- */

typedef struct seen_t {
    apr_int64_t rows, fail_at;
    char first[64];
    apr_pool_t *pool;
} seen_t;

static fhir_err_t *see(void *baton, const fhir_row_t *row)
{
    seen_t *seen = baton;
    if (!seen->rows++)
        apr_cpystrn(seen->first, fhir_row_text(row, 0), sizeof(seen->first));
    if (seen->rows == seen->fail_at)
        return fhir_err_create(seen->pool, FHIR_ERR_TOO_LARGE, "enough");
    return NULL;
}

typedef struct result_t {
    fhir_code_t code;
    const char *sqlstate, *first;
    apr_int64_t rows, affected;
} result_t;

static result_t run(fhir_store_t *store, fhir_tx_t *tx, const char *sql, unsigned flags,
                    const char *value, apr_int64_t fail_at, apr_pool_t *pool)
{
    fhir_value_t values[1] = {{value, value ? strlen(value) : 0}};
    fhir_stmt_t stmt = {.sql = sql, .n_values = strstr(sql, "$1") ? 1 : 0, .flags = flags};
    const char *row = flags & FHIR_STMT_GROUP ? strstr(sql, "SELECT $1::int") : NULL;
    seen_t seen = {.fail_at = fail_at, .pool = pool};
    apr_int64_t affected = -1;
    if (row) {
        stmt.row = (apr_size_t)(row - sql);
        stmt.key = "a";
    }
    fhir_err_t *err = tx ? fhir_tx_run(tx, &stmt, values, see, &seen, &affected, pool)
                         : fhir_store_run(store, &stmt, values, see, &seen, &affected, pool);
    return (result_t){err ? err->code : FHIR_OK, err ? apr_pstrdup(pool, err->sqlstate) : "",
                      apr_pstrdup(pool, seen.first), seen.rows, affected};
}

static const struct {
    const char *sql, *value;
    unsigned flags;
    apr_int64_t fail_at;
    fhir_code_t code;
    const char *sqlstate, *first;
    apr_int64_t rows, affected;
} statements[] = {
    {"SELECT $1::text", "a", 0, 0, FHIR_OK, "", "a", 1, 1},
    {"SELECT $1::text", NULL, 0, 0, FHIR_OK, "", "", 1, 1},
    {"SELECT $1::text", "b", FHIR_STMT_SHORT, 0, FHIR_OK, "", "b", 1, 1},
    {"SELECT $1::text", "c", FHIR_STMT_ONCE, 0, FHIR_OK, "", "c", 1, 1},
    {"SELECT 1 WHERE false", NULL, 0, 0, FHIR_OK, "", "", 0, 0},
    {"SELECT i FROM generate_series(1,3000) i", NULL, 0, 0, FHIR_OK, "", "1", 3000, 3000},
    {"SELECT i FROM generate_series(1,3000) i", NULL, FHIR_STMT_STREAM, 0, FHIR_OK, "", "1", 3000,
     3000},
    {"SELECT i FROM generate_series(1,3000) i", NULL, 0, 7, FHIR_ERR_TOO_LARGE, "", "1", 7, 7},
    {"SELECT i FROM generate_series(1,300000) i", NULL, FHIR_STMT_STREAM, 7, FHIR_ERR_TOO_LARGE, "",
     "1", 7, 7},
    {"SELECT 1/(i-50) FROM generate_series(1,99) i", NULL, FHIR_STMT_STREAM, 0, FHIR_ERR_INTERNAL,
     "22012", "0", 49, 49},
    {"SELECT nothing", NULL, 0, 0, FHIR_ERR_INTERNAL, "42703", "", 0, -1},
    {"SELECT nothing", NULL, FHIR_STMT_SHORT, 0, FHIR_ERR_INTERNAL, "42703", "", 0, -1},
    {"SELECT nothing", NULL, FHIR_STMT_ONCE, 0, FHIR_ERR_INTERNAL, "42703", "", 0, 0},
    {"SELECT $1::int", "x", 0, 0, FHIR_ERR_INTERNAL, "22P02", "", 0, 0},
    {"SELECT pg_sleep(30)", NULL, 0, 0, FHIR_ERR_TIMEOUT, "57014", "", 0, 0},
    {"INSERT INTO t SELECT i FROM generate_series(1,9) i", NULL, FHIR_STMT_WRITE, 0, FHIR_OK, "",
     "", 0, 9},
    {"INSERT INTO t VALUES (3)", NULL, FHIR_STMT_WRITE, 0, FHIR_ERR_CONFLICT, "23505", "", 0, 0},
    {"DELETE FROM t WHERE a > 3 RETURNING a", NULL, FHIR_STMT_WRITE, 0, FHIR_OK, "", "4", 6, 6},
    {"SHOW client_encoding", NULL, 0, 0, FHIR_OK, "", "UTF8", 1, 1},
    {"SHOW timezone", NULL, 0, 0, FHIR_OK, "", "UTC", 1, 1},
    {"SHOW statement_timeout", NULL, 0, 0, FHIR_OK, "", "1500ms", 1, 1},
};

/* Twice over one connection: what fails leaves the connection as good as it was. */
static void test_statements(apr_pool_t *pool)
{
    fhir_store_source_t *source;
    fhir_store_t *store = store_with(&source, 1, apr_time_from_msec(1500), 0, pool);
    const char *backend = run(store, NULL, "SELECT pg_backend_pid()", 0, NULL, 0, pool).first;
    for (int turn = 0; turn < 2; turn++) {
        ask(pool, "DROP TABLE IF EXISTS t; CREATE TABLE t (a int PRIMARY KEY)");
        for (size_t i = 0; i < TAP_COUNT(statements); i++) {
            result_t r = run(store, NULL, statements[i].sql, statements[i].flags,
                             statements[i].value, statements[i].fail_at, pool);
            tap_ok(r.code == statements[i].code && !strcmp(r.sqlstate, statements[i].sqlstate) &&
                       !strcmp(r.first, statements[i].first) && r.rows == statements[i].rows,
                   "%s: code %d, SQLSTATE %s, first '%s', %d rows", statements[i].sql, r.code,
                   r.sqlstate, r.first, (int)r.rows);
            if (r.code == FHIR_OK)
                tap_is_int(r.affected, statements[i].affected, "rows affected");
        }
    }
    tap_is_str(run(store, NULL, "SELECT pg_backend_pid()", 0, NULL, 0, pool).first, backend,
               "all of that on one connection");
}

static void test_no_values_in_errors(apr_pool_t *pool)
{
    fhir_store_source_t *source;
    fhir_store_t *store = store_with(&source, 1, 0, 0, pool);
    fhir_value_t value = {"sesame", 6};
    fhir_stmt_t stmt = {.sql = "SELECT $1::int", .n_values = 1};
    fhir_err_t *err = fhir_store_run(store, &stmt, &value, NULL, NULL, NULL, pool);
    tap_ok(err && err->detail && strstr(err->detail, "22P02"), "detail has the SQLSTATE");
    tap_ok(err && !strstr(err->detail, "sesame") && !strstr(err->message, "sesame"),
           "but not the value");
}

/* ---- prepared statements ---- */

static void test_prepared(apr_pool_t *pool)
{
    fhir_store_source_t *source;
    fhir_store_t *store = store_with(&source, 1, 0, 0, pool);
    const char *count = "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'fhir%'";
    for (int i = 0; i < 3; i++) {
        run(store, NULL, "SELECT 'again'", 0, NULL, 0, pool);
    }
    tap_is_str(run(store, NULL, count, FHIR_STMT_ONCE, NULL, 0, pool).first, "1",
               "prepared once; the question itself not");
    for (int i = 0; i < FHIR_STMTS_MAX + 20; i++) {
        result_t r = run(store, NULL, apr_psprintf(pool, "SELECT %d", i), 0, NULL, 0, pool);
        if (r.code)
            tap_is_int(r.code, FHIR_OK, "statement %d", i);
    }
    tap_is_str(run(store, NULL, count, FHIR_STMT_ONCE, NULL, 0, pool).first,
               apr_itoa(pool, FHIR_STMTS_MAX), "no more than the ceiling");
    run(store, NULL, "DEALLOCATE ALL", FHIR_STMT_ONCE, NULL, 0, pool);
    tap_is_str(run(store, NULL, "SELECT 270", 0, NULL, 0, pool).first, "270",
               "prepared anew when the server forgot it");
    ask(pool, "DROP TABLE IF EXISTS u; CREATE TABLE u (a int); INSERT INTO u VALUES (1)");
    run(store, NULL, "SELECT * FROM u", 0, NULL, 0, pool);
    ask(pool, "ALTER TABLE u ADD b int");
    tap_is_int(run(store, NULL, "SELECT * FROM u", 0, NULL, 0, pool).code, FHIR_OK,
               "and when a migration changed its columns");
}

/* ---- lost connections ---- */

static void terminate_others(apr_pool_t *pool)
{
    ask(pool, "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
              "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'");
}

static void test_lost(apr_pool_t *pool)
{
    enum { N = 4 };
    fhir_store_source_t *source;
    fhir_store_t *store = store_with(&source, N, 0, 0, pool);
    fhir_tx_t *tx[N];
    for (int turn = 0; turn < 2;
         turn++) { /* all N open, all dead: one statement finds a live one */
        for (int i = 0; i < N; i++) {
            tap_no_err(fhir_tx_begin(&tx[i], store, NULL, pool), "transaction %d", i);
        }
        for (int i = 0; i < N; i++) {
            fhir_tx_rollback(tx[i]);
        }
        terminate_others(pool);
        ask(pool, "DELETE FROM t");
        tap_is_int(
            turn ? run(store, NULL, "INSERT INTO t VALUES (1)", FHIR_STMT_WRITE, NULL, 0, pool).code
                 : run(store, NULL, "SELECT 1", 0, NULL, 0, pool).code,
            FHIR_OK, "after all connections were terminated");
    }
    fhir_store_stats_t stats;
    fhir_store_stats(&stats, store);
    tap_is_int(stats.retries, 2 * N, "each dead one was noticed");
    /* dies while the statement runs: a read is run again (and dies again), a write is not */
    tap_is_int(
        run(store, NULL, "SELECT pg_terminate_backend(pg_backend_pid())", 0, NULL, 0, pool).code,
        FHIR_ERR_BUSY, "a read that kills its connection");
    fhir_store_stats(&stats, store);
    tap_is_int(stats.retries, 2 * N + 1, "was run twice");
    tap_is_int(run(store, NULL, "SELECT pg_terminate_backend(pg_backend_pid())", FHIR_STMT_WRITE,
                   NULL, 0, pool)
                   .code,
               FHIR_ERR_UNCONFIRMED, "a write that does");
    fhir_store_stats(&stats, store);
    tap_is_int(stats.retries, 2 * N + 1, "was not");
    tap_is_int(run(store, NULL, "SELECT 1", 0, NULL, 0, pool).code, FHIR_OK,
               "and then all is well");
}

static void test_exhausted(apr_pool_t *pool)
{
    fhir_store_source_t *source;
    fhir_store_t *store = store_with(&source, 1, 0, 0, pool);
    fhir_tx_t *tx;
    tap_no_err(fhir_tx_begin(&tx, store, NULL, pool), "the only connection");
    apr_time_t start = apr_time_now();
    result_t r = run(store, NULL, "SELECT 1", 0, NULL, 0, pool);
    tap_is_int(r.code, FHIR_ERR_BUSY, "busy");
    tap_ok(apr_time_now() - start >= PATIENCE - apr_time_from_msec(10), "after the wait");
    fhir_tx_rollback(tx);
    tap_is_int(run(store, NULL, "SELECT 1", 0, NULL, 0, pool).code, FHIR_OK, "free again");
}

/* ---- patience ---- */

static result_t run_patiently(fhir_store_t *store, const char *sql, unsigned flags,
                              const fhir_patience_t *patience, apr_pool_t *pool)
{
    fhir_stmt_t stmt = {.sql = sql, .flags = flags, .patience = patience};
    seen_t seen = {.pool = pool};
    fhir_err_t *err = fhir_store_run(store, &stmt, NULL, see, &seen, NULL, pool);
    return (result_t){err ? err->code : FHIR_OK, err ? apr_pstrdup(pool, err->sqlstate) : "",
                      apr_pstrdup(pool, seen.first), seen.rows, 0};
}

static void *APR_THREAD_FUNC close_soon(apr_thread_t *thread, void *fd)
{
    usleep(300000);
    close(*(int *)fd);
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

/* What nobody waits for is ended in the server; the connection is used on, and nothing else is
 * ended. */
static void test_patience(apr_pool_t *pool)
{
    fhir_store_source_t *source;
    fhir_store_t *store = store_with(&source, 1, apr_time_from_sec(60), 0, pool);
    const char *backend = run(store, NULL, "SELECT pg_backend_pid()", 0, NULL, 0, pool).first;
    fhir_patience_t soon = {.until = apr_time_now() + apr_time_from_msec(300), .client = -1};
    fhir_patience_t gone = {.client = -1};
    apr_time_t start = apr_time_now();
    tap_is_int(run_patiently(store, "SELECT pg_sleep(50)", 0, &soon, pool).code, FHIR_ERR_TIMEOUT,
               "a request whose time is over");
    tap_ok(apr_time_now() - start < apr_time_from_sec(20), "ends its statement");
    tap_is_int(run_patiently(store, "SELECT 1", 0, &soon, pool).code, FHIR_ERR_TIMEOUT,
               "and begins no other one");
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
        tap_diag("no socket pair");
    gone.client = pair[0];
    tap_is_int(run_patiently(store, "SELECT 1", 0, &gone, pool).code, FHIR_OK, "a client is there");
    apr_thread_t *thread;
    apr_thread_create(&thread, NULL, close_soon, &pair[1], pool);
    start = apr_time_now();
    tap_is_int(run_patiently(store, "SELECT pg_sleep(50)", 0, &gone, pool).code, FHIR_ERR_TIMEOUT,
               "it goes away");
    tap_ok(apr_time_now() - start < apr_time_from_sec(20), "and its statement ends");
    apr_status_t rv;
    apr_thread_join(&rv, thread);
    ask(pool, "DROP SEQUENCE IF EXISTS runs; CREATE SEQUENCE runs");
    gone.fresh = apr_time_now() + apr_time_from_sec(60);
    tap_is_int(run_patiently(store, "SELECT nextval('runs')", 0, &gone, pool).code,
               FHIR_ERR_TIMEOUT, "a client that has gone at once");
    tap_is_str(ask(pool, "SELECT is_called FROM runs"), "f", "has nothing run");
    close(pair[0]);
    for (int i = 0; i < 20; i++) {
        result_t r = run(store, NULL, "SELECT pg_sleep(0.001), 'well'", 0, NULL, 0, pool);
        if (r.code)
            tap_is_int(r.code, FHIR_OK, "statement %d after that", i);
    }
    tap_is_str(run(store, NULL, "SELECT pg_backend_pid()", 0, NULL, 0, pool).first, backend,
               "all of that on one connection");
}

/* A store over a connection of its own, with two for long work of four. */
typedef struct long_t {
    fhir_store_t *store;
    apr_pool_t *pool;
    result_t result;
    apr_interval_time_t time;
} long_t;

static void *APR_THREAD_FUNC work_long(apr_thread_t *thread, void *data)
{
    long_t *work = data;
    fhir_effort_t effort = {0};
    fhir_patience_t patience = {.client = -1, .effort = &effort};
    apr_time_t begin = apr_time_now();
    (void)thread;
    work->result =
        run_patiently(work->store, "SELECT pg_sleep(1.5), 'slept'", 0, &patience, work->pool);
    work->time = apr_time_now() - begin;
    return NULL;
}

/* Reads that turn out to be long leave their connections to others, and end in the lane of long
 * work, two at a time. */
static void test_long_work(apr_pool_t *pool)
{
    enum { N = 5 };
    fhir_store_config_t config = {.long_after = apr_time_from_msec(200)};
    fhir_effort_t effort = {0}, busy = {.used = apr_time_from_sec(1)};
    fhir_patience_t patience = {.client = -1, .effort = &effort};
    apr_interval_time_t longest = 0;
    fhir_store_source_t *source;
    int most = 0, done = 0;
    tap_no_err(fhir_store_source_create(&source, conninfo, 4, 2, apr_time_from_sec(30), pool),
               "source");
    fhir_store_t *store;
    tap_no_err(fhir_store_create(&store, source, &config, pool), "store");
    tap_is_int(run_patiently(store, "SELECT 1", 0, &patience, pool).code, FHIR_OK, "a short read");
    tap_ok(!effort.is_long && effort.used > 0, "is counted, and short");
    apr_thread_t *threads[N];
    long_t work[N];
    for (int i = 0; i < N; i++) {
        work[i] = (long_t){.store = store};
        apr_pool_create(&work[i].pool, NULL);
        apr_thread_create(&threads[i], NULL, work_long, &work[i], pool);
    }
    apr_sleep(apr_time_from_msec(1200)); /* each had a short one's connection by now */
    fhir_store_source_status_t status;
    for (int i = 0; i < 50; i++) {
        fhir_effort_t own = {0};
        patience.effort = &own;
        apr_time_t begin = apr_time_now();
        tap_is_int(run_patiently(store, "SELECT pg_sleep(0.001), 1", 0, &patience, pool).code,
                   FHIR_OK, "short reads beside them");
        if (apr_time_now() - begin > longest)
            longest = apr_time_now() - begin;
        fhir_store_source_status(&status, source);
        most = status.longs > most ? status.longs : most;
    }
    tap_ok(longest < apr_time_from_msec(1000), "do not wait for them: %d ms at most",
           (int)apr_time_as_msec(longest));
    tap_is_int(most, 2, "two long ones run at once");
    apr_status_t rv;
    for (int i = 0; i < N; i++) {
        apr_thread_join(&rv, threads[i]);
        done += work[i].result.code == FHIR_OK && work[i].result.rows == 1;
        apr_pool_destroy(work[i].pool);
    }
    tap_is_int(done, N, "all long ones are answered");
    patience.effort = &effort;
    effort = (fhir_effort_t){0};
    tap_is_int((int)run_patiently(store, "SELECT i, pg_sleep(0.01) FROM generate_series(1, 60) i",
                                  FHIR_STMT_STREAM, &patience, pool)
                   .rows,
               60, "what returns rows too late is begun again, and all come once");
    tap_is_int(effort.is_long, 1, "as long work");
    effort = (fhir_effort_t){0};
    tap_is_int((int)run_patiently(store,
                                  "SELECT i, repeat('x', 9000), pg_sleep(0.02) "
                                  "FROM generate_series(1, 20) i",
                                  FHIR_STMT_STREAM, &patience, pool)
                   .rows,
               20, "what returns rows in time is not begun again");
    tap_is_int(effort.is_long, 0, "although it takes longer");
    fhir_tx_t *tx[3];
    for (int i = 0; i < 2; i++)
        tap_no_err(fhir_tx_begin(&tx[i], store, &busy, pool), "a transaction of long work");
    fhir_store_source_status(&status, source);
    tap_is_int(status.longs, 2, "has one of their connections");
    tap_no_err(fhir_tx_begin(&tx[2], store, NULL, pool), "another one does not");
    for (int i = 0; i < 3; i++)
        fhir_tx_rollback(tx[i]);
    fhir_store_source_status(&status, source);
    tap_is_int(status.longs + status.busy, 0, "all are given back");
}

/* ---- clients ---- */

typedef struct borrowing_t {
    fhir_store_source_t *source;
    fhir_borrower_t who;
    apr_pool_t *pool;
    void *handle;
} borrowing_t;

static void *APR_THREAD_FUNC borrow(apr_thread_t *thread, void *data)
{
    borrowing_t *b = data;
    PGconn *conn;
    (void)thread;
    (void)b->source->acquire(&conn, &b->handle, b->who, b->source->baton, b->pool);
    return NULL;
}

static apr_thread_t *begin_to_borrow(borrowing_t *b, int waiting, apr_pool_t *pool)
{
    apr_thread_t *thread;
    fhir_store_source_status_t status = {0};
    apr_pool_create(&b->pool, NULL);
    apr_thread_create(&thread, NULL, borrow, b, pool);
    while (status.waiting < waiting) {
        apr_sleep(1000);
        fhir_store_source_status(&status, b->source);
    }
    return thread;
}

/* A client with many requests does not make others wait for all of them. */
static void test_clients(apr_pool_t *pool)
{
    fhir_store_source_t *source;
    PGconn *conn;
    void *mine[2];
    apr_status_t rv;
    const fhir_borrower_t many = {.client = 1}, one = {.client = 2};
    tap_no_err(fhir_store_source_create(&source, conninfo, 2, 1, apr_time_from_sec(300), pool),
               "source");
    for (int i = 0; i < 2; i++)
        tap_no_err(source->acquire(&conn, &mine[i], many, source->baton, pool), "a connection");
    borrowing_t first = {.source = source, .who = many}, second = {.source = source, .who = one};
    apr_thread_t *threads[2] = {begin_to_borrow(&first, 1, pool),
                                begin_to_borrow(&second, 2, pool)};
    source->release(mine[0], 0, many, source->baton);
    apr_thread_join(&rv, threads[1]);
    fhir_store_source_status_t status;
    fhir_store_source_status(&status, source);
    tap_ok(second.handle && status.waiting == 1,
           "the next connection is for the client that has none");
    source->release(second.handle, 0, one, source->baton);
    apr_thread_join(&rv, threads[0]);
    tap_ok(first.handle != NULL, "and then for the one that came first");
    source->release(first.handle, 0, many, source->baton);
    source->release(mine[1], 0, many, source->baton);
    fhir_store_source_status(&status, source);
    tap_is_int(status.busy + status.waiting, 0, "all are given back");
    apr_pool_destroy(first.pool);
    apr_pool_destroy(second.pool);
}

/* Two stores with limits of their own over the same connections. */
static void test_timeouts(apr_pool_t *pool)
{
    fhir_store_config_t config = {.statement_timeout = apr_time_from_msec(1500)};
    fhir_store_source_t *source;
    fhir_store_t *longer = store_with(&source, 1, apr_time_from_sec(60), 0, pool), *shorter;
    tap_no_err(fhir_store_create(&shorter, source, &config, pool), "a second store");
    for (int i = 0; i < 2; i++) {
        tap_is_str(run(longer, NULL, "SHOW statement_timeout", 0, NULL, 0, pool).first, "1min",
                   "one virtual host's statement timeout");
        tap_is_str(run(shorter, NULL, "SHOW statement_timeout", 0, NULL, 0, pool).first, "1500ms",
                   "is not another's");
    }
}

/* A standby ends reads that are in the way of replication: they are run again, once. */
static void test_read_again(apr_pool_t *pool)
{
    fhir_store_source_t *source;
    fhir_store_t *store = store_with(&source, 1, 0, 0, pool);
    ask(pool, "CREATE SEQUENCE attempts; CREATE FUNCTION fails(n int) RETURNS int LANGUAGE plpgsql "
              "AS $$ BEGIN IF nextval('attempts') <= n THEN RAISE EXCEPTION USING ERRCODE = "
              "'40001'; END IF; RETURN 7; END $$");
    tap_is_str(run(store, NULL, "SELECT fails(1)", 0, NULL, 0, pool).first, "7",
               "a read that was ended once is run again");
    ask(pool, "ALTER SEQUENCE attempts RESTART");
    tap_is_int(run(store, NULL, "SELECT fails(2)", 0, NULL, 0, pool).code, FHIR_ERR_BUSY,
               "twice: try again later");
    ask(pool, "ALTER SEQUENCE attempts RESTART");
    tap_is_int(run(store, NULL, "SELECT fails(1)", FHIR_STMT_WRITE, NULL, 0, pool).code,
               FHIR_ERR_CONFLICT, "a write is not run again");
    ask(pool, "ALTER SEQUENCE attempts RESTART");
    tap_is_str(run(store, NULL, "SELECT fails(1)", FHIR_STMT_SHORT, NULL, 0, pool).first, "7",
               "nor is a short read refused");
}

/* No standby confirms a commit: it is stored, and not confirmed. */
static void test_unconfirmed(apr_pool_t *pool)
{
    fhir_store_source_t *source;
    fhir_store_t *store = store_with(&source, 1, apr_time_from_msec(300), 0, pool);
    ask(pool, "CREATE TABLE s (a int)");
    ask(pool, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    ask(pool, "SELECT pg_reload_conf()");
    for (int i = 0; i < 500 && strcmp(ask(pool, "SHOW synchronous_standby_names"), "nobody"); i++) {
        usleep(10000);
    }
    run(store, NULL, "SET synchronous_commit = on", FHIR_STMT_ONCE, NULL, 0, pool);
    tap_is_int(run(store, NULL, "INSERT INTO s VALUES (1)", FHIR_STMT_WRITE, NULL, 0, pool).code,
               FHIR_ERR_UNCONFIRMED, "a write without its standby is not confirmed");
    fhir_tx_t *tx;
    tap_no_err(fhir_tx_begin(&tx, store, NULL, pool), "begin");
    run(NULL, tx, "INSERT INTO s VALUES (2)", FHIR_STMT_WRITE, NULL, 0, pool);
    fhir_err_t *err = fhir_tx_commit(tx);
    tap_is_int(err ? err->code : FHIR_OK, FHIR_ERR_UNCONFIRMED, "nor is a transaction");
    tap_is_str(ask(pool, "SELECT string_agg(a::text, ',' ORDER BY a) FROM s"), "1,2",
               "both are stored");
    tap_is_str(ask(pool, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"), "0",
               "and nothing waits in the server");
    ask(pool, "ALTER SYSTEM RESET synchronous_standby_names");
    ask(pool, "SELECT pg_reload_conf()");
    for (int i = 0; i < 500 && strcmp(ask(pool, "SHOW synchronous_standby_names"), ""); i++) {
        usleep(10000);
    }
}

/* ---- transactions ---- */

static void test_transactions(apr_pool_t *pool)
{
    fhir_store_source_t *source;
    fhir_store_t *store = store_with(&source, 1, 0, 0, pool);
    ask(pool, "DROP TABLE IF EXISTS t; CREATE TABLE t (a int PRIMARY KEY)");
    fhir_tx_t *tx;
    tap_no_err(fhir_tx_begin(&tx, store, NULL, pool), "begin");
    run(NULL, tx, "INSERT INTO t VALUES (1)", FHIR_STMT_WRITE, NULL, 0, pool);
    tap_is_str(ask(pool, "SELECT count(*) FROM t"), "0", "not yet to be seen");
    tap_no_err(fhir_tx_commit(tx), "commit");
    tap_is_str(ask(pool, "SELECT count(*) FROM t"), "1", "to be seen");
    fhir_err_t *err = fhir_tx_commit(tx);
    tap_is_int(err ? err->code : FHIR_OK, FHIR_ERR_INTERNAL, "no second commit");

    tap_no_err(fhir_tx_begin(&tx, store, NULL, pool), "begin");
    run(NULL, tx, "INSERT INTO t VALUES (2)", FHIR_STMT_WRITE, NULL, 0, pool);
    tap_is_int(run(NULL, tx, "INSERT INTO t VALUES (1)", FHIR_STMT_WRITE, NULL, 0, pool).code,
               FHIR_ERR_CONFLICT, "a statement fails");
    tap_is_int(run(NULL, tx, "SELECT 1", 0, NULL, 0, pool).code, FHIR_ERR_INTERNAL,
               "those after too");
    err = fhir_tx_commit(tx);
    tap_is_int(err ? err->code : FHIR_OK, FHIR_ERR_INTERNAL, "commit tells that it rolled back");
    tap_is_str(ask(pool, "SELECT count(*) FROM t"), "1", "nothing stored");

    apr_pool_t *sub;
    apr_pool_create(&sub, pool);
    tap_no_err(fhir_tx_begin(&tx, store, NULL, sub), "begin");
    run(NULL, tx, "INSERT INTO t VALUES (3)", FHIR_STMT_WRITE, NULL, 0, sub);
    apr_pool_destroy(sub);
    tap_is_str(ask(pool, "SELECT count(*) FROM t"), "1", "rolled back with its pool");
    tap_is_int(run(store, NULL, "SELECT 1", 0, NULL, 0, pool).code, FHIR_OK,
               "and the connection is back");
}

/* ---- the read lane ---- */

enum { THREADS = 8 };
static atomic_int wrong, answered, unknown, stop_workers;

typedef struct worker_t {
    fhir_store_t *store;
    apr_pool_t *pool;
    int number, failing;
    fhir_buf_t *stored; /* numbers, with commas */
} worker_t;

/* Each reads its own numbers; some send statements that fail, which must not fail the others. */
static void *APR_THREAD_FUNC work(apr_thread_t *thread, void *data)
{
    worker_t *w = data;
    for (int i = 0; !atomic_load(&stop_workers); i++) {
        const char *value = apr_psprintf(w->pool, "%d", w->number * 1000000 + i);
        int failing = w->failing && i % 5 == 0;
        result_t r = run(w->store, NULL,
                         !failing ? "SELECT $1::int"
                         : i % 2  ? "SELECT $1::int / 0"
                                  : "SELECT $1::int FROM missing",
                         FHIR_STMT_SHORT, value, 0, w->pool);
        if (failing ? r.code != FHIR_ERR_INTERNAL : r.code || strcmp(r.first, value) != 0) {
            atomic_fetch_add(&wrong, 1);
            tap_diag("worker %d: code %d %s, '%s' for '%s'", w->number, r.code, r.sqlstate, r.first,
                     value);
        }
        atomic_fetch_add(&answered, 1);
        apr_pool_clear(w->pool);
    }
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

/* Each inserts its own numbers; some statements fail, which must neither fail nor undo the others.
 * What was acknowledged is noted. */
static void *APR_THREAD_FUNC work_group(apr_thread_t *thread, void *data)
{
    static const struct {
        const char *sql;
        fhir_code_t code;
        apr_int64_t affected;
    } kinds[] = {
        {"INSERT INTO g SELECT $1::int WHERE $1 % 3 <> 0", FHIR_OK, -1}, /* goes with its like */
        {"INSERT INTO g VALUES ($1)", FHIR_OK, 1},
        {"INSERT INTO g SELECT $1::int WHERE EXISTS (SELECT FROM g WHERE a = -2)", FHIR_OK, 0},
        {"INSERT INTO g VALUES (-1), ($1)", FHIR_ERR_CONFLICT, -1},
        {"INSERT INTO missing SELECT $1::int", FHIR_ERR_INTERNAL, -1},
    };
    worker_t *w = data;
    for (int i = 0; !atomic_load(&stop_workers); i++) {
        int kind = w->failing && i % 7 == 0 ? 1 + i / 7 % 4 : 0;
        const char *value = apr_psprintf(w->pool, "%d", w->number * 1000000 + i);
        apr_int64_t affected = kind ? kinds[kind].affected : (w->number * 1000000 + i) % 3 != 0;
        /* what was streamed on a connection does not concern what is written on it next */
        if (w->failing && i % 2)
            (void)run(w->store, NULL, "SELECT i FROM generate_series(1, 3) i WHERE i < $1::int",
                      FHIR_STMT_STREAM, value, 0, w->pool);
        result_t r = run(w->store, NULL, kinds[kind].sql, FHIR_STMT_WRITE | FHIR_STMT_GROUP, value,
                         0, w->pool);
        if (r.code == FHIR_ERR_BUSY || r.code == FHIR_ERR_UNCONFIRMED)
            atomic_fetch_add(&unknown, 1);
        else if (r.code != kinds[kind].code || (r.code == FHIR_OK && r.affected != affected)) {
            atomic_fetch_add(&wrong, 1);
            if (r.code != FHIR_ERR_TIMEOUT)
                tap_diag("worker %d: %s: code %d %s, %d rows", w->number, kinds[kind].sql, r.code,
                         r.sqlstate, (int)r.affected);
        }
        else if (affected > 0)
            fhir_buf_printf(w->stored, "%s%s", w->stored->len ? "," : "", value);
        atomic_fetch_add(&answered, 1);
        apr_pool_clear(w->pool);
    }
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

static void start_workers(apr_thread_t **threads, apr_thread_start_t function, fhir_store_t *store,
                          int failing, fhir_buf_t **stored, apr_pool_t *pool)
{
    atomic_store(&stop_workers, 0);
    atomic_store(&wrong, 0);
    atomic_store(&unknown, 0);
    atomic_store(&answered, 0);
    for (int i = 0; i < THREADS; i++) {
        worker_t *w = apr_pcalloc(pool, sizeof(*w));
        *w = (worker_t){.store = store, .number = i, .failing = failing && i % 2};
        if (stored)
            w->stored = stored[i];
        apr_allocator_t *allocator;
        apr_allocator_create(&allocator);
        apr_pool_create_ex(&w->pool, pool, NULL, allocator);
        apr_allocator_owner_set(allocator, w->pool);
        apr_thread_create(&threads[i], NULL, function, w, pool);
    }
}

static void end_workers(apr_thread_t **threads)
{
    atomic_store(&stop_workers, 1);
    apr_status_t rv;
    for (int i = 0; i < THREADS; i++) {
        apr_thread_join(&rv, threads[i]);
    }
}

static int wait_for_answers(int n)
{
    int from = atomic_load(&answered);
    for (int i = 0; i < 6000 && atomic_load(&answered) < from + n; i++) {
        usleep(10000);
    }
    return atomic_load(&answered) >= from + n;
}

static void test_lane(apr_pool_t *pool)
{
    apr_pool_t *sub;
    apr_pool_create(&sub, pool);
    fhir_store_source_t *source;
    fhir_store_t *store = store_with(&source, 3, 0, 1, sub);
    apr_thread_t *threads[THREADS];
    start_workers(threads, work, store, 1, NULL, sub);
    tap_ok(wait_for_answers(2000), "eight workers read, every tenth statement fails");
    fhir_store_stats_t stats;
    fhir_store_stats(&stats, store);
    tap_ok(stats.lane_statements > 500, "through the lane: %d", (int)stats.lane_statements);
    tap_ok(stats.lane_batches < stats.lane_statements, "several at once: %d batches",
           (int)stats.lane_batches);
    terminate_others(pool);
    fhir_store_stats(&stats, store);
    apr_uint64_t before = stats.lane_statements;
    tap_ok(wait_for_answers(4000), "all connections terminated: they go on");
    for (int i = 0; i < 300; i++) { /* it reconnects within half a second */
        fhir_store_stats(&stats, store);
        if (stats.lane_statements > before + 100)
            break;
        usleep(10000);
    }
    tap_ok(stats.lane_statements > before + 100, "in the lane, too");
    end_workers(threads);
    tap_is_int(atomic_load(&wrong), 0, "every answer was the right one");
    apr_pool_destroy(sub);
}

/* A read that is stuck sends the others to the pool, and does not come out wrong itself. */
static void test_slow_lane(apr_pool_t *pool)
{
    apr_pool_t *sub;
    apr_pool_create(&sub, pool);
    fhir_store_source_t *source;
    fhir_store_t *store = store_with(&source, 3, apr_time_from_sec(20), 1, sub);
    apr_thread_t *threads[THREADS];
    start_workers(threads, work, store, 0, NULL, sub);
    wait_for_answers(1000);
    apr_time_t start = apr_time_now();
    result_t r =
        run(store, NULL, "SELECT 'slept' FROM pg_sleep(1.5)", FHIR_STMT_SHORT, NULL, 0, pool);
    tap_is_str(r.first, "slept", "a slow read ends in the pool (code %d)", r.code);
    tap_ok(apr_time_now() - start < apr_time_from_sec(20), "in time");
    tap_ok(wait_for_answers(1000), "the others go on");
    end_workers(threads);
    tap_is_int(atomic_load(&wrong), 0, "every answer was the right one");
    apr_pool_destroy(sub);
}

static void test_many_statements_in_lane(apr_pool_t *pool)
{
    fhir_store_source_t *source;
    fhir_store_t *store = store_with(&source, 1, 0, 1, pool);
    int bad = 0;
    for (int i = 0; i < 3 * FHIR_STMTS_MAX; i++) {
        const char *sql = apr_psprintf(pool, "SELECT '%d'", i);
        bad += run(store, NULL, sql, FHIR_STMT_SHORT, NULL, 0, pool).code != FHIR_OK;
        usleep(100);
    }
    fhir_store_stats_t stats;
    fhir_store_stats(&stats, store);
    tap_is_int(bad, 0, "more different reads than a connection keeps");
    tap_ok(stats.lane_statements > FHIR_STMTS_MAX, "most of them in the lane: %d",
           (int)stats.lane_statements);
}

/* ---- writes that go together ---- */

static void test_group(apr_pool_t *pool)
{
    ask(pool, "DROP TABLE IF EXISTS g; CREATE TABLE g (a int PRIMARY KEY); "
              "INSERT INTO g VALUES (-1)");
    fhir_buf_t *stored[THREADS];
    for (int i = 0; i < THREADS; i++) {
        stored[i] = fhir_buf_create(pool, 0);
    }
    fhir_store_source_t *source;
    fhir_store_t *store = store_with(&source, 4, 0, 0, pool);
    tap_is_int(run(store, NULL, "INSERT INTO g VALUES ($1)", FHIR_STMT_WRITE | FHIR_STMT_GROUP,
                   "-3", 0, pool)
                   .affected,
               1, "one write alone");
    fhir_store_stats_t stats;
    fhir_store_stats(&stats, store);
    tap_is_int(stats.group_batches, 0, "has no company");
    apr_thread_t *threads[THREADS];
    start_workers(threads, work_group, store, 1, stored, pool);
    tap_ok(wait_for_answers(2000), "eight workers write, some statements fail");
    fhir_store_stats(&stats, store);
    tap_ok(stats.group_statements > stats.group_batches && stats.group_batches > 0,
           "several at once: %d in %d transactions", (int)stats.group_statements,
           (int)stats.group_batches);
    tap_is_int(atomic_load(&unknown), 0, "each was told what became of it");
    for (int turn = 0; turn < 3; turn++) {
        terminate_others(pool);
        tap_ok(wait_for_answers(500), "all connections terminated: they go on");
    }
    end_workers(threads);
    tap_is_int(atomic_load(&wrong), 0, "every answer was the right one");
    for (int i = 0; i < THREADS; i++) {
        tap_is_str(ask(pool, apr_psprintf(pool,
                                          "SELECT count(*) FROM unnest('{%s}'::int[]) x WHERE NOT "
                                          "EXISTS (SELECT FROM g WHERE a = x)",
                                          fhir_buf_cstr(stored[i]))),
                   "0", "worker %d: all that was acknowledged is there", i);
    }
}

/* A batch that takes too long is told so, once, and is not there. */
static void test_slow_group(apr_pool_t *pool)
{
    enum { N = 4 };
    fhir_buf_t *stored[THREADS];
    fhir_store_source_t *source;
    fhir_store_t *store = store_with(&source, 4, apr_time_from_msec(300), 0, pool);
    for (int i = 0; i < THREADS; i++) {
        stored[i] = fhir_buf_create(pool, 0);
    }
    ask(pool, "TRUNCATE g; BEGIN; LOCK TABLE g IN EXCLUSIVE MODE");
    apr_thread_t *threads[THREADS];
    start_workers(threads, work_group, store, 0, stored, pool);
    wait_for_answers(N);
    ask(pool, "COMMIT");
    tap_ok(atomic_load(&wrong) + atomic_load(&unknown) >= N,
           "a lock outlasts the statement timeout");
    tap_ok(wait_for_answers(200), "then they go on");
    end_workers(threads);
    for (int i = 0; i < THREADS; i++) {
        tap_is_str(ask(pool, apr_psprintf(pool,
                                          "SELECT count(*) FROM unnest('{%s}'::int[]) x FULL JOIN "
                                          "(SELECT a FROM g WHERE a / 1000000 = %d) y ON a = x "
                                          "WHERE a IS NULL OR x IS NULL",
                                          fhir_buf_cstr(stored[i]), i)),
                   "0", "worker %d: what was acknowledged is there, and nothing else", i);
    }
}

/* Writes to one table are stuck: those to another one are not. */
static void test_stuck_group(apr_pool_t *pool)
{
    fhir_buf_t *stored[THREADS];
    fhir_store_source_t *source;
    fhir_store_t *store = store_with(&source, THREADS + 1, apr_time_from_sec(60), 0, pool);
    for (int i = 0; i < THREADS; i++) {
        stored[i] = fhir_buf_create(pool, 0);
    }
    ask(pool, "DROP TABLE IF EXISTS h; CREATE TABLE h (a int)");
    ask(pool, "TRUNCATE g; BEGIN; LOCK TABLE g IN EXCLUSIVE MODE");
    apr_thread_t *threads[THREADS];
    start_workers(threads, work_group, store, 0, stored, pool);
    for (int i = 0;
         i < 3000 && atoi(ask(pool, "SELECT count(*) FROM pg_locks WHERE NOT granted")) < 2; i++) {
        usleep(10000);
    }
    apr_time_t start = apr_time_now();
    tap_is_int(run(store, NULL, "INSERT INTO h VALUES ($1)", FHIR_STMT_WRITE | FHIR_STMT_GROUP, "1",
                   0, pool)
                   .affected,
               1, "a write that nothing is in the way of");
    tap_ok(apr_time_now() - start < apr_time_from_sec(30), "does not wait for the others");
    ask(pool, "COMMIT");
    tap_ok(wait_for_answers(200), "which go on in the end");
    end_workers(threads);
    tap_is_int(atomic_load(&wrong) + atomic_load(&unknown), 0, "and none of them failed");
}

int main(int argc, char **argv)
{
    apr_pool_t *pool = tap_start();
    if (argc != 2)
        return tap_skip_all("usage: store_server CONNINFO");
    conninfo = argv[1];
    admin = PQconnectdb(conninfo);
    if (!tap_ok(PQstatus(admin) == CONNECTION_OK, "a server is there"))
        return tap_done();
    ask(pool, "SET client_min_messages = error");
    test_statements(pool);
    test_no_values_in_errors(pool);
    test_prepared(pool);
    test_lost(pool);
    test_exhausted(pool);
    test_patience(pool);
    test_long_work(pool);
    test_clients(pool);
    test_timeouts(pool);
    test_read_again(pool);
    test_unconfirmed(pool);
    test_transactions(pool);
    test_lane(pool);
    test_slow_lane(pool);
    test_many_statements_in_lane(pool);
    test_group(pool);
    test_slow_group(pool);
    test_stuck_group(pool);
    PQfinish(admin);
    return tap_done();
}
