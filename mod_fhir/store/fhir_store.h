/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_store.h
 * @brief PostgreSQL behind one call: statement, values, row callback.
 *
 * The store decides how a statement runs. It has two lanes: a pool of connections
 * (fhir_store_source_t), and a read lane, one thread per process that sends the short reads of all
 * workers as one libpq pipeline. Statements are prepared when they run first on a connection,
 * within limits of number and bytes. Their name is the digest of their SQL. Behind a pooler
 * (PgBouncer) none are prepared, because the next statement may run in another session. A
 * connection goes back before the call returns, so no client can hold one. Writes with
 * FHIR_STMT_GROUP share a transaction, and so its commit, with writes that other threads run at the
 * same time.
 *
 * Errors of all functions that run statements:
 * - FHIR_ERR_BUSY: no connection within the limit, or the server is away or does not answer. The
 *   caller answers 503 with Retry-After.
 * - FHIR_ERR_TIMEOUT: SQLSTATE 57014, or the caller's patience has ended.
 * - FHIR_ERR_CONFLICT: SQLSTATE 23505; 40001 and 40P01 of writes. The store repeats a read that
 *   fails with 40001 or 40P01, and then returns FHIR_ERR_BUSY.
 * - FHIR_ERR_UNCONFIRMED: nobody knows whether a write is stored, because the connection was lost
 *   after the write had been sent; or the write is stored, but no synchronous standby confirmed it.
 * - FHIR_ERR_INTERNAL: any other error of PostgreSQL, or no memory.
 * `sqlstate` is PostgreSQL's if it sent one, and `detail` has its text.
 *
 * Threads: all threads may use a store at the same time.
 */
#ifndef FHIR_STORE_H
#define FHIR_STORE_H

#include <apr_pools.h>
#include <apr_time.h>
#include <libpq-fe.h>

#include "core/fhir_err.h"
#include "core/fhir_log.h"

typedef struct fhir_store_t fhir_store_t;
typedef struct fhir_tx_t fhir_tx_t;

/** The work of a caller so far. Connections are lent in two lanes. Long work has only a few of
 *  them, so that short work always finds one. */
typedef struct fhir_effort_t {
    apr_interval_time_t used; /* time in which connections worked for it */
    int is_long;              /* 1: the next connection is one of the lane of long work */
    apr_uint64_t client;      /* as in fhir_budget.h; 0: clients are not told apart */
    double cost;              /* of its dear searches, as the planner saw it; the caller's affair */
} fhir_effort_t;

/** How long a caller waits for all that it asks for. */
typedef struct fhir_patience_t {
    apr_time_t until; /* then the statement is cancelled: FHIR_ERR_TIMEOUT; 0: no such limit */
    int client;       /* socket of the waiting client, or -1: a read is cancelled when it closes */
    apr_time_t fresh; /* until then the client is taken to be there: its socket is not asked */
    fhir_effort_t *effort; /* the caller's; the store adds to it; or NULL */
    apr_time_t first_row;  /* set by the store: a statement without a row by then is cancelled; or 0
                            */
} fhir_patience_t;
/** @param patience NULL: no limit
 *  @return NULL, or FHIR_ERR_TIMEOUT when the time is over or the client has closed */
fhir_err_t *fhir_patience_check(const fhir_patience_t *patience, apr_pool_t *pool);

/** For whom a connection is. */
typedef struct fhir_borrower_t {
    apr_uint64_t client; /* as in fhir_budget.h; 0: clients are not told apart */
    int is_long;         /* in the lane of long work */
} fhir_borrower_t;

/** Where connections come from. Functions may be called from any thread. */
typedef struct fhir_store_source_t {
    /** Lends a connection; waits no longer than the source's limit. handle is for release.
     *  @return NULL, or FHIR_ERR_BUSY when there is none */
    fhir_err_t *(*acquire)(PGconn **conn, void **handle, fhir_borrower_t borrower, void *baton,
                           apr_pool_t *pool);
    /** Takes it back; broken: it must not be lent again; borrower as it was lent. */
    void (*release)(void *handle, int broken, fhir_borrower_t borrower, void *baton);
    void *baton;
    /** Opens a connection that belongs to the caller, besides those that are lent; NULL: the source
     *  has no such function. stop: called several times a second; 1: give up.
     *  @return NULL, or FHIR_ERR_BUSY when there is none */
    fhir_err_t *(*open)(PGconn **conn, int (*stop)(void *stop_baton), void *stop_baton, void *baton,
                        apr_pool_t *pool);
} fhir_store_source_t;

/**
 * The pool of this process. Closed with pool.
 * @param conninfo libpq's connection string; hosts of a list are tried in turn, each within
 *                 connect_timeout
 * @param max      the most connections
 * @param long_max the most of them that are lent to long work at the same time; never the last one
 *                 of several
 * @param wait     the longest that acquire waits; of those who wait, a client that has the fewest
 *                 connections is next
 * @return NULL, or FHIR_ERR_INTERNAL when there is no memory or no lock. No connection is opened.
 */
fhir_err_t *fhir_store_source_create(fhir_store_source_t **source, const char *conninfo, int max,
                                     int long_max, apr_interval_time_t wait, apr_pool_t *pool);
/** The log to which the pool reports that the database is back (FHIR0211); NULL: none. */
void fhir_store_source_log(fhir_store_source_t *source, const fhir_log_t *log);
/** The state of the pool. */
typedef struct fhir_store_source_status_t {
    int busy, max; /* connections lent, and how many there may be */
    int longs;     /* of those lent, to long work */
    int waiting;   /* callers */
    int away;      /* the last attempt to open one failed */
} fhir_store_source_status_t;
void fhir_store_source_status(fhir_store_source_status_t *status,
                              const fhir_store_source_t *source);

typedef struct fhir_store_config_t {
    int read_lane;                         /* 1: start the read lane */
    apr_interval_time_t statement_timeout; /* per statement, 0: none */
    apr_interval_time_t lane_wait;         /* longest wait in the read lane's queue */
    apr_interval_time_t long_after;        /* a caller with an effort of more is long work: a read
                                              that takes longer is started again in that lane,
                                              unless rows have come; 0: time makes nothing long */
    const fhir_log_t *log;                 /* or NULL */
} fhir_store_config_t;

/** A store over a source. Call it in the process that uses it (never before fork). Destroyed with
 *  pool: the read lane is stopped and joined.
 *  @return NULL, or FHIR_ERR_INTERNAL when there is no memory, lock or thread */
fhir_err_t *fhir_store_create(fhir_store_t **store, const fhir_store_source_t *source,
                              const fhir_store_config_t *config, apr_pool_t *pool);

/** A value to bind, in PostgreSQL's text form; data NULL is SQL NULL. */
typedef struct fhir_value_t {
    const char *data; /* NUL-terminated */
    apr_size_t len;
} fhir_value_t;

#define FHIR_STMT_SHORT  0x01u /* a short read (primary key): may go by the read lane */
#define FHIR_STMT_WRITE  0x02u /* changes data: never run again once it was sent */
#define FHIR_STMT_STREAM 0x04u /* many rows: single-row mode, memory stays flat */
#define FHIR_STMT_ONCE                                                                             \
    0x08u /* not prepared: planned with its values each time (PQexecParams), not remembered */
#define FHIR_STMT_GROUP                                                                            \
    0x10u /* a write that waits for no other lock and returns no rows: it may be committed         \
             together with others of its kind; if that fails, it runs again by itself */
#define FHIR_STMT_LATER                                                                            \
    0x20u /* a write that always changes one row: in a transaction it is sent and not waited for,  \
             and a later call returns its error */
/**
 * A statement; parameters $1…$n. PostgreSQL infers the types, so cast where it cannot.
 *
 * With FHIR_STMT_GROUP it may be the INSERT of one row, or of none, from a SELECT: `row` is where
 * the SELECT begins in sql. Several statements of the same text are then sent as one INSERT, their
 * SELECTs joined by UNION ALL, so each parameter in a SELECT's list needs a cast. `key` is the
 * column of $1. Its values are unique, so it shows which of the rows were stored.
 */
typedef struct fhir_stmt_t {
    const char *sql;
    int n_values;
    unsigned flags;                  /* FHIR_STMT_… */
    apr_size_t row;                  /* or 0: it is sent as it is */
    const char *key;                 /* with row */
    const fhir_patience_t *patience; /* or NULL */
} fhir_stmt_t;

/** One result row; values live until the callback returns. */
typedef struct fhir_row_t {
    const PGresult *result;
    int row;
} fhir_row_t;
static inline int fhir_row_is_null(const fhir_row_t *r, int col)
{
    return PQgetisnull(r->result, r->row, col);
}
/** Text of a column ("" for NULL), NUL-terminated. */
static inline const char *fhir_row_text(const fhir_row_t *r, int col)
{
    return PQgetvalue(r->result, r->row, col);
}
static inline apr_size_t fhir_row_len(const fhir_row_t *r, int col)
{
    return (apr_size_t)PQgetlength(r->result, r->row, col);
}
/** Called for each row, in the caller's thread. An error cancels the statement and is returned. */
typedef fhir_err_t *(*fhir_row_fn)(void *baton, const fhir_row_t *row);

/**
 * Runs one statement outside a transaction. A read on a connection that proves dead is repeated
 * once on another one, unless row_fn has already been called.
 * @param row_fn may be NULL
 * @param affected rows returned or changed, or NULL
 * @return NULL, the errors of the store (above), or that of row_fn
 */
fhir_err_t *fhir_store_run(fhir_store_t *store, const fhir_stmt_t *stmt, const fhir_value_t *values,
                           fhir_row_fn row_fn, void *baton, apr_int64_t *affected,
                           apr_pool_t *pool);

/** Begins a transaction (READ COMMITTED) on one pooled connection; rolled back with pool unless
 *  committed. effort: the caller's, or NULL.
 *  @return NULL, FHIR_ERR_BUSY, or FHIR_ERR_INTERNAL */
fhir_err_t *fhir_tx_begin(fhir_tx_t **tx, fhir_store_t *store, const fhir_effort_t *effort,
                          apr_pool_t *pool);
/** Runs a statement in it. After an error, the transaction can only be rolled back, or back to a
 *  savepoint. @return as fhir_store_run; also the error of an earlier FHIR_STMT_LATER */
fhir_err_t *fhir_tx_run(fhir_tx_t *tx, const fhir_stmt_t *stmt, const fhir_value_t *values,
                        fhir_row_fn row_fn, void *baton, apr_int64_t *affected, apr_pool_t *pool);
/** Commits.
 *  @return NULL; FHIR_ERR_UNCONFIRMED: the transaction may be stored or not; any other error of the
 *          store, also when PostgreSQL answers ROLLBACK: nothing is stored */
fhir_err_t *fhir_tx_commit(fhir_tx_t *tx);
void fhir_tx_rollback(fhir_tx_t *tx);
/** The number of statements with FHIR_STMT_LATER that were sent. failed: the number of the one (0,
 * 1, …) with the error that any call returned, or -1. */
int fhir_tx_later(const fhir_tx_t *tx, int *failed);

/** The error of a result, or of the connection if it has none: the code of its SQLSTATE, with
 *  SQLSTATE and texts in the members for the log. Never NULL. */
fhir_err_t *fhir_store_error(PGconn *conn, const PGresult *result, apr_pool_t *pool);

/**
 * A cache of recent facts by 64-bit hashes (bits 10 to 23 do not count), shared by all
 * threads: the value if the key was remembered within the last minutes, or -1. The cache may forget
 * a key at any time.
 */
int fhir_store_recall(fhir_store_t *store, apr_uint64_t key);
void fhir_store_remember(fhir_store_t *store, apr_uint64_t key, unsigned char value);

/** Counters for server-status and tests. */
typedef struct fhir_store_stats_t {
    apr_uint64_t statements, lane_statements, lane_batches, retries, errors;
    apr_uint64_t group_statements, group_batches; /* writes in company, and their transactions */
} fhir_store_stats_t;
void fhir_store_stats(fhir_store_stats_t *out, fhir_store_t *store);

/** Appends s quoted as an element of a PostgreSQL array literal. */
struct fhir_buf_t;
void fhir_store_array_element(struct fhir_buf_t *buf, const char *s, apr_size_t len);

#endif
