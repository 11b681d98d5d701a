/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Revocations made elsewhere: one process of the server listens to the database (LISTEN fhir_auth)
 * and takes what it hears out of the token cache, which all processes share. It says so several
 * times a second, after it has heard a word of its own that went through the database; when it
 * falls silent (its connection was cut, it was killed, a pooler does not pass notifications on),
 * the cache is not trusted until another one listens. The same process removes now and then what is
 * past its time.
 */
#include "httpd/mod_fhir.h"

#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "auth/fhir_auth.h"

APLOG_USE_MODULE(fhir);

#define EVERY       apr_time_from_msec(200)
#define SWEEP_EVERY apr_time_from_sec(600)

struct mod_fhir_listener_t {
    server_rec *server;
    mod_fhir_child_t *child;
    const fhir_token_cache_t *cache;
    apr_thread_t *thread;
    apr_pool_t *pool; /* the thread's own */
    int wake[2];      /* a pipe: written to when the thread shall end */
    const char *conninfo;
    apr_uint64_t id; /* of the database */
    PGconn *conn;    /* or NULL */
    apr_time_t next_sweep;
    unsigned probe; /* number of our own word */
    int is_heard;   /* it came back */
    int silent;     /* rounds without it */
    int is_away;    /* told already */
};

apr_uint64_t mod_fhir_listener_database(const mod_fhir_listener_t *listener)
{
    return listener->id;
}

static void close_connection(mod_fhir_listener_t *l)
{
    if (l->conn)
        PQfinish(l->conn);
    l->conn = NULL;
}

/* 1 when the thread shall end. */
static int rest(const mod_fhir_listener_t *l, int with_connection)
{
    struct pollfd fds[2] = {{.fd = l->wake[0], .events = POLLIN}, {.events = POLLIN}};
    fds[1].fd = with_connection && l->conn ? PQsocket(l->conn) : -1;
    (void)poll(fds, 2, (int)apr_time_as_msec(EVERY));
    return fds[0].revents != 0;
}

/* ---- the connection ---- */

/* FNV-1a of the connection string: servers with the same one share what is heard. */
static apr_uint64_t identity(const char *conninfo)
{
    apr_uint64_t hash = APR_UINT64_C(0xcbf29ce484222325);
    for (; *conninfo; conninfo++)
        hash = (hash ^ (unsigned char)*conninfo) * APR_UINT64_C(0x100000001b3);
    return hash ? hash : 1;
}

/* Later ones win: a connection that is cut shows itself soon. */
static PGconn *connect_to(const char *conninfo)
{
    static const char *const names[] = {"dbname", "connect_timeout", "tcp_user_timeout",
                                        "fallback_application_name", NULL};
    const char *const values[] = {conninfo, "2", "800", "mod_fhir listener", NULL};
    return PQconnectdbParams(names, values, 1);
}

/* 1 if the statement went well; what was heard meanwhile is kept by libpq. */
static int run(mod_fhir_listener_t *l, const char *sql)
{
    PGresult *result = PQexec(l->conn, sql);
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* Once per trouble. */
static void tell_away(mod_fhir_listener_t *l, int away)
{
    if (away && !l->is_away)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, l->server,
                     "FHIR0412: the server cannot hear revocations at the moment, so it looks up "
                     "each token in the database");
    else if (!away && l->is_away)
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, l->server,
                     "FHIR0413: revocations are heard again");
    l->is_away = away;
}

static int open_connection(mod_fhir_listener_t *l)
{
    l->conn = connect_to(l->conninfo);
    if (PQstatus(l->conn) != CONNECTION_OK || !run(l, "LISTEN fhir_auth")) {
        close_connection(l);
        tell_away(l, 1);
        return 0;
    }
    /* what was said before is not known */
    fhir_token_cache_clear(l->cache);
    return 1;
}

/* ---- hearing ---- */

#define PROBE "probe "

static void probe_word(char out[64], const mod_fhir_listener_t *l)
{
    apr_snprintf(out, 64, PROBE "%ld-%d-%u", (long)getpid(), PQbackendPID(l->conn), l->probe);
}

static void hear(mod_fhir_listener_t *l)
{
    PGnotify *note;
    char own[64];
    probe_word(own, l);
    while ((note = PQnotifies(l->conn)) != NULL) {
        const char *word = strrchr(note->extra, ':');
        fhir_digest_t token;
        if (!strncmp(note->extra, PROBE, sizeof(PROBE) - 1))
            l->is_heard |= !strcmp(note->extra, own);
        else if (word && fhir_secret_read_hex(&token, word + 1))
            fhir_token_cache_remove(l->cache, &token);
        else
            fhir_token_cache_clear(l->cache);
        PQfreemem(note);
    }
}

static void sweep(mod_fhir_listener_t *l, apr_time_t now)
{
    fhir_store_t *store = mod_fhir_child_store(l->child);
    if (now < l->next_sweep || !store)
        return;
    l->next_sweep = now + SWEEP_EVERY;
    PGresult *tenants =
        PQexec(l->conn, "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = "
                        "c.relnamespace WHERE c.relname = 'fhir_token' AND "
                        "has_schema_privilege(n.oid, 'USAGE') AND "
                        "has_table_privilege(c.oid, 'DELETE')");
    for (int i = 0; i < PQntuples(tenants); i++) {
        apr_pool_t *pool;
        if (apr_pool_create(&pool, l->pool))
            break;
        fhir_err_t *err = fhir_auth_sweep(PQgetvalue(tenants, i, 0), store, pool);
        if (err)
            ap_log_error(APLOG_MARK, APLOG_INFO, 0, l->server,
                         "FHIR0414: expired tokens, codes and sessions in schema \"%s\" were not "
                         "removed: %s",
                         PQgetvalue(tenants, i, 0), err->detail ? err->detail : err->message);
        apr_pool_destroy(pool);
    }
    PQclear(tenants);
}

/* One round: all that was said before `began` has been heard when it is over. */
static void listen_once(mod_fhir_listener_t *l)
{
    apr_time_t began = apr_time_now();
    char word[64], sql[128];
    if (!l->conn && !open_connection(l))
        return;
    l->probe++;
    l->is_heard = 0;
    probe_word(word, l);
    apr_snprintf(sql, sizeof(sql), "SELECT pg_notify('fhir_auth', '%s')", word);
    if (!run(l, sql) || !PQconsumeInput(l->conn) || l->silent > 5) {
        l->silent = 0;
        close_connection(l);
        tell_away(l, 1);
        return;
    }
    hear(l);
    l->silent = l->is_heard ? 0 : l->silent + 1;
    if (!l->is_heard)
        return;
    tell_away(l, 0);
    if (!fhir_token_cache_watch(l->cache, l->id, getpid(), 1, began))
        close_connection(l); /* another process took over: one is enough */
    else
        sweep(l, began);
}

static void *APR_THREAD_FUNC work(apr_thread_t *thread, void *data)
{
    mod_fhir_listener_t *l = data;
    (void)thread;
    l->next_sweep = apr_time_now() + apr_time_from_sec(5);
    do {
        if (fhir_token_cache_watch(l->cache, l->id, getpid(), 0, apr_time_now()))
            listen_once(l);
        else
            close_connection(l);
    } while (!rest(l, 1));
    close_connection(l);
    return NULL;
}

static apr_status_t stop(void *data)
{
    mod_fhir_listener_t *l = data;
    apr_status_t rv;
    while (write(l->wake[1], "x", 1) < 0 && errno == EINTR) {
    }
    apr_thread_join(&rv, l->thread);
    close(l->wake[0]);
    close(l->wake[1]);
    return APR_SUCCESS;
}

mod_fhir_listener_t *mod_fhir_listener_start(mod_fhir_child_t *child, server_rec *s,
                                             const char *conninfo, const fhir_token_cache_t *cache,
                                             apr_pool_t *pool)
{
    mod_fhir_listener_t *l = apr_pcalloc(pool, sizeof(*l));
    l->server = s;
    l->child = child;
    l->cache = cache;
    l->conninfo = conninfo;
    l->id = identity(conninfo);
    if (apr_pool_create_unmanaged_ex(&l->pool, NULL, NULL) || pipe(l->wake))
        return NULL;
    if (apr_thread_create(&l->thread, NULL, work, l, pool)) {
        close(l->wake[0]);
        close(l->wake[1]);
        return NULL;
    }
    apr_pool_pre_cleanup_register(pool, l, stop);
    return l;
}
