/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_store_private.h
 * @brief Inside the store: the record of prepared statements, one connection, the read lane, writes
 *        that go together.
 *
 * For the files of this folder and its unit tests only. Functions that run statements return the
 * errors of fhir_store.h; others name theirs.
 */
#ifndef FHIR_STORE_PRIVATE_H
#define FHIR_STORE_PRIVATE_H

#include <semaphore.h>

#include "store/fhir_store.h"

/* ---- fhir_stmts.c: which texts are prepared on a connection ---- */

/** Ceilings of what is prepared on one connection: statements, and bytes of their SQL. A backend
 *  needs 30 to 100 bytes for each byte of SQL that it keeps a plan of. */
#define FHIR_STMTS_MAX   256
#define FHIR_STMTS_BYTES (512 * 1024)
/** SQL up to this length is prepared when it is run first; what is longer, when it comes again. */
#define FHIR_STMTS_SHORT 4096
/** Size of a statement's name in the server, NUL included. */
#define FHIR_STMTS_NAME  40

/** Texts known to be prepared on one connection. All zero is the empty record. */
typedef struct fhir_stmts_t {
    int n;
    apr_size_t bytes; /* of all texts */
    apr_uint64_t clock;
    apr_uint32_t hash[FHIR_STMTS_MAX]; /* apart from the rest: a lookup scans these alone */
    struct fhir_stmts_item_t {
        char *sql; /* on the C heap */
        apr_size_t len;
        apr_uint64_t used; /* clock at the last use */
        char name[FHIR_STMTS_NAME];
    } item[FHIR_STMTS_MAX];
    apr_uint32_t seen[64]; /* long texts that came once lately, by their hash */
} fhir_stmts_t;

/** Index of a text, marked as used now, or -1. */
int fhir_stmts_find(fhir_stmts_t *stmts, const char *sql);
/** 1 if a text that is not there is to be prepared: it is short, or came lately already, and is no
 *  longer than half of FHIR_STMTS_BYTES. */
int fhir_stmts_is_worth(fhir_stmts_t *stmts, const char *sql);
/** 1 if a text of this length can be added. */
int fhir_stmts_has_room(const fhir_stmts_t *stmts, apr_size_t len);
/** Adds a text that is not there and returns its index, or -1 (no room, no memory). */
int fhir_stmts_add(fhir_stmts_t *stmts, const char *sql);
/** Index of the one that was not used for longest, or -1. */
int fhir_stmts_oldest(const fhir_stmts_t *stmts);
/** Forgets one; the indexes of others may change. */
void fhir_stmts_remove(fhir_stmts_t *stmts, int index);
/** Forgets all. */
void fhir_stmts_clear(fhir_stmts_t *stmts);
/** The name in the server: a digest of the text, so that a name means the same SQL on whatever
 *  connection. Returns out. */
const char *fhir_stmts_name(char out[FHIR_STMTS_NAME], const fhir_stmts_t *stmts, int index);

/* ---- fhir_cancel.c ---- */

/** Asks the server to end what the connection's session does, and waits for limit at most. 1 if the
 *  server has taken it: it hits no later statement. 0: unknown, the connection must not be used on.
 */
int fhir_cancel(PGconn *conn, apr_interval_time_t limit);

/* ---- fhir_conn.c: one connection ---- */

/** How far a statement came, to judge whether it may be run again. */
typedef struct fhir_progress_t {
    int sent;         /* its execution went out: a write may have happened */
    int late;         /* it was cancelled */
    int gone;         /* because the client has closed its connection */
    apr_int64_t rows; /* rows handed to the callback */
} fhir_progress_t;

/** How long a statement is waited for: until cancel_at it runs, or until the client has gone; then
 *  it is cancelled, and its end is waited for until FHIR_CONN_GRACE later. */
typedef struct fhir_wait_t {
    apr_time_t cancel_at;  /* 0: never */
    int client;            /* socket that is watched, or -1 */
    apr_time_t give_up_at; /* 0: never; set when it is cancelled */
    int is_soft;           /* cancel_at is then_at once rows have come */
    apr_time_t then_at;
    enum { FHIR_WAIT_ON, FHIR_WAIT_LATE, FHIR_WAIT_GONE } state;
} fhir_wait_t;
/** The wait for a statement that is sent now. timeout: the session's, 0: none; patience: or NULL.
 *  A client who goes away ends reads alone: watched 0 for a write. */
fhir_wait_t fhir_wait_start(apr_interval_time_t timeout, const fhir_patience_t *patience,
                            int watched);

/** The server ends a statement by itself, where it knows its limit; the client's side cancels it
 *  this long after, and then gives it FHIR_CONN_GRACE to end. */
#define FHIR_CONN_LATE  apr_time_from_sec(1)
#define FHIR_CONN_GRACE apr_time_from_sec(2)
/** A connection that was idle for longer is asked whether it lives before it is used, and has
 *  FHIR_CONN_PING to answer. */
#define FHIR_CONN_IDLE  apr_time_from_sec(10)
#define FHIR_CONN_PING  apr_time_from_msec(500)

/** Sets encoding, time zone and statement timeout, if this session does not have them. timeout 0:
 *  none. @return NULL, or as fhir_conn_exec */
fhir_err_t *fhir_conn_setup(PGconn *conn, apr_interval_time_t timeout, apr_pool_t *pool);
/** 1 if there is a pooler between (PgBouncer): the next statement may run in another session. */
int fhir_conn_is_pooled(PGconn *conn);
/** Prepares a statement if needed, and runs it.
 *  @return NULL, the error of row_fn, or one of the store's, except FHIR_ERR_UNCONFIRMED: progress
 *          tells whether a write may have happened */
fhir_err_t *fhir_conn_run(fhir_progress_t *progress, apr_int64_t *affected, PGconn *conn,
                          const fhir_stmt_t *stmt, const fhir_value_t *values, fhir_row_fn row_fn,
                          void *baton, apr_interval_time_t timeout, apr_pool_t *pool);
/** Runs SQL without values by the simple protocol; tag gets the last command tag, or NULL.
 *  @return NULL, FHIR_ERR_BUSY (the connection is lost), FHIR_ERR_TIMEOUT, or the SQLSTATE's code
 */
fhir_err_t *fhir_conn_exec(const char **tag, PGconn *conn, const char *sql, fhir_wait_t *wait,
                           apr_pool_t *pool);
/** Waits until PQgetResult would not block, the time (0: never) has come, or the peer of client
 * (-1: none) has closed. 0 success, APR_TIMEUP, APR_ECONNABORTED for the client, or APR_ECONNRESET
 * when the connection is lost. Sends what is still to be sent. */
apr_status_t fhir_conn_await(PGconn *conn, apr_time_t until, int client);
/** The next result, or NULL at the end. A statement that is late is cancelled; if the server does
 *  not answer then, the connection is lost.
 *  @return NULL, FHIR_ERR_BUSY (the connection is lost), FHIR_ERR_TIMEOUT (it was cancelled) */
fhir_err_t *fhir_conn_next(PGresult **result, PGconn *conn, fhir_wait_t *wait, apr_pool_t *pool);
/** Prepares a statement unless it is prepared already, or must not be: name is "" then.
 *  @return as fhir_conn_exec */
fhir_err_t *fhir_conn_prepare(char name[FHIR_STMTS_NAME], PGconn *conn, const fhir_stmt_t *stmt,
                              fhir_wait_t *wait, apr_pool_t *pool);
/** 1 if the statement can be sent at once: it is prepared (its name), or needs not be (""). */
int fhir_conn_knows(char name[FHIR_STMTS_NAME], PGconn *conn, const fhir_stmt_t *stmt);
/** Sends a statement; name as fhir_conn_prepare gave it. 0: the connection is lost. */
int fhir_conn_send(PGconn *conn, const char *name, const fhir_stmt_t *stmt,
                   const char *const *values);
/** What is prepared is prepared anew when the connection is lent next. */
void fhir_conn_renew(PGconn *conn);
/** 1 if the server says that the statement as prepared cannot be run any more: it does not know it
 *  (DISCARD ALL, a pooler between) or its result type changed after a migration. It did not run. */
int fhir_conn_is_outdated(const fhir_err_t *err);
/** Hands the rows of a result to row_fn. @return NULL, or the error of row_fn */
fhir_err_t *fhir_conn_rows(apr_int64_t *rows, const PGresult *result, fhir_row_fn row_fn,
                           void *baton);
/** 1 if the server has closed an idle connection, as far as the socket tells without waiting. */
int fhir_conn_is_stale(PGconn *conn);
/** To be called when a connection is given back: it has just answered. */
void fhir_conn_answered(PGconn *conn);
/** 1 if the server is a standby, where all statements are reads and replication ends them. */
int fhir_conn_is_standby(PGconn *conn);
/** 1 if a commit since fhir_conn_setup was not waited for: it may not be on any standby. */
int fhir_conn_is_unreplicated(PGconn *conn);
/** 1 if the connection answered within FHIR_CONN_IDLE, and after `since`, or answers now. */
int fhir_conn_is_alive(PGconn *conn, apr_time_t since, apr_pool_t *pool);
/** Makes PQstatus CONNECTION_BAD for certain: the pool that owns it then closes it. */
void fhir_conn_kill(PGconn *conn);

/* ---- fhir_sqlstate.c ---- */

/** 1 if an error of this SQLSTATE says that the connection or the server is going away. */
int fhir_sqlstate_is_lost(const char *sqlstate);
/** 1 if such an error ends the session, so that it does not tell what became of a statement. */
int fhir_sqlstate_ends_session(const char *sqlstate);
/** The code that an SQLSTATE ("" for none) stands for. */
fhir_code_t fhir_sqlstate_code(const char *sqlstate);
/** An error with the code's message for clients, its detail still to be set. */
fhir_err_t *fhir_sqlstate_error(fhir_code_t code, apr_pool_t *pool);

/* ---- fhir_lane.c: the read lane ---- */

typedef struct fhir_lane_t fhir_lane_t;
/** Starts the lane's thread. The first read opens its connection, by the source's `open`.
 *  @return NULL, or FHIR_ERR_INTERNAL when there is no lock or thread */
fhir_err_t *fhir_lane_create(fhir_lane_t **lane, const fhir_store_source_t *source,
                             const fhir_store_config_t *config, apr_pool_t *pool);
/** Runs a read in the lane: its result (PQclear it), also one that says that the statement
 *  failed; NULL when the lane cannot do it now and the pool must. */
PGresult *fhir_lane_run(fhir_lane_t *lane, const fhir_stmt_t *stmt, const fhir_value_t *values);
/** Statements and pipelines so far. */
void fhir_lane_stats(apr_uint64_t *statements, apr_uint64_t *batches, fhir_lane_t *lane);

/* ---- fhir_pipeline.c: writes that are sent without waiting for the one before ---- */

/** Writes of a transaction whose results are read later. All zero but conn and timeout: none yet.
 */
typedef struct fhir_pipeline_t {
    PGconn *conn;
    apr_interval_time_t timeout;
    const fhir_patience_t *patience; /* of the last statement, or NULL */
    int open;                        /* the connection is in pipeline mode */
    int sent, read;
    int failed; /* 1 + number of the one that failed, 0: none */
} fhir_pipeline_t;
/** Sends a write that changes one row.
 *  @return NULL, or an error of the store, which may be that of an earlier write */
fhir_err_t *fhir_pipeline_add(fhir_pipeline_t *line, const fhir_stmt_t *stmt,
                              const fhir_value_t *values, apr_pool_t *pool);
/** Reads the remaining results; the connection leaves pipeline mode.
 *  @return NULL, or the first error of a write */
fhir_err_t *fhir_pipeline_end(fhir_pipeline_t *line, apr_pool_t *pool);

typedef struct fhir_member_t fhir_member_t;
/**
 * Runs the statements of a list in one transaction, sent as one pipeline; sets `affected` of each.
 * @param undone 1 on an error that came before the commit: nothing is stored, for certain; 0 on an
 *               error means that nothing is known
 */
fhir_err_t *fhir_pipeline_run(fhir_progress_t *progress, int *undone, PGconn *conn,
                              fhir_member_t *list, apr_interval_time_t timeout, apr_pool_t *pool);

/* ---- fhir_rows.c: inserts of the same text as one ---- */

/** Rows that go into one statement at most; each number of them is a text of its own. */
#define FHIR_ROWS_MAX 8

/** What is sent as one statement: one member, or several with inserts of the same text. */
typedef struct fhir_rows_t {
    fhir_member_t *member[FHIR_ROWS_MAX];
    int n;
    fhir_stmt_t stmt;           /* its text; of several: the joined one */
    const char **values;        /* n times the values of a member */
    char name[FHIR_STMTS_NAME]; /* when it is prepared */
} fhir_rows_t;
/** Distributes a list; how many there are is returned. All is allocated in pool. */
int fhir_rows_join(fhir_rows_t **units, fhir_member_t *list, apr_pool_t *pool);
/** Sets `affected` of each member by the statement's result.
 *  @return NULL, or FHIR_ERR_INTERNAL when the rows are not those of the members */
fhir_err_t *fhir_rows_settle(const fhir_rows_t *unit, const PGresult *result, apr_pool_t *pool);

/* ---- fhir_group.c: which writes go together ---- */

typedef enum fhir_member_state_t {
    FHIR_MEMBER_LEADS, /* runs its batch, and then calls fhir_group_leave */
    FHIR_MEMBER_ALONE, /* has not happened: its worker is to run it by itself */
    FHIR_MEMBER_DONE   /* err and affected are set */
} fhir_member_state_t;

/** A write that may share a transaction, on the stack of its worker. */
struct fhir_member_t {
    const fhir_stmt_t *stmt;
    const fhir_value_t *values;
    apr_pool_t *pool; /* for err; its worker sleeps, so the leader may use it */
    /* set by the leader */
    fhir_member_state_t state;
    fhir_err_t *err;
    apr_int64_t affected;
    /* fhir_group.c's */
    fhir_member_t *next; /* of the leader: the others of its batch */
    sem_t wake;
};

typedef struct fhir_group_t fhir_group_t;
/** @return NULL, or FHIR_ERR_INTERNAL when there is no lock */
fhir_err_t *fhir_group_create(fhir_group_t **group, apr_pool_t *pool);
/** Takes part with stmt, values and pool set: waits until it leads or another one has run it. */
fhir_member_state_t fhir_group_join(fhir_group_t *group, fhir_member_t *self);
/** The leader has run its batch: wakes the members, who find what was set, and the next leader. */
void fhir_group_leave(fhir_group_t *group, fhir_member_t *leader);
/** Statements and batches of more than one so far. */
void fhir_group_stats(apr_uint64_t *statements, apr_uint64_t *batches, fhir_group_t *group);

#endif
