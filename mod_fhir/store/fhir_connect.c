/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a connection. In its asynchronous calls, libpq neither applies its connect timeout to
 * each host of a list nor gives up a host that does not answer. So the hosts of a list are tried
 * one by one here. A host that failed lately is tried last: otherwise each new connection would
 * wait for it.
 */
#include "store/fhir_connect.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "store/fhir_store_private.h"

enum { HOSTS = 16, OPTIONS = 80 };
#define AVOID apr_time_from_sec(10)

typedef struct host_t {
    const char *host, *hostaddr, *port; /* or NULL: libpq's default */
    apr_time_t failed;                  /* when last; guarded by the lock */
} host_t;

struct fhir_connect_t {
    const char *conninfo, *program;
    apr_pool_t *pool;
    apr_thread_mutex_t *lock;
    int known; /* what follows was read */
    const char *names[OPTIONS], *texts[OPTIONS];
    int n_options;
    const char *attrs; /* target_session_attrs, or NULL */
    apr_interval_time_t limit;
    int n_hosts;
    host_t hosts[HOSTS];
};

/* Defaults for what the connection string does not set. They detect a server that vanished: one
 * that has not confirmed sent data for ten seconds, or is silent for as long while we wait. libpq
 * itself would wait for a quarter of an hour, or for ever. */
static const char *const defaults[][2] = {
    {"connect_timeout", "3"},  {"keepalives_idle", "10"},     {"keepalives_interval", "5"},
    {"keepalives_count", "3"}, {"tcp_user_timeout", "10000"}, {"client_encoding", "UTF8"},
};

/* ---- options ---- */

/* Item n of a comma-separated list; a list of one applies to all; NULL for "". */
static const char *part(const char *list, int n, apr_pool_t *pool)
{
    int only = !strchr(list, ',');
    for (; n && !only; n--) {
        list += strcspn(list, ",");
        if (!*list++)
            return NULL;
    }
    return *list && *list != ',' ? apr_pstrmemdup(pool, list, strcspn(list, ",")) : NULL;
}

static int count(const char *list)
{
    int n = 1;
    for (; *list; list++) {
        n += *list == ',';
    }
    return n;
}

static const char *value_of(const PQconninfoOption *options, const char *name)
{
    for (; options->keyword; options++) {
        if (strcmp(options->keyword, name) == 0)
            return options->val ? options->val : "";
    }
    return "";
}

static int is_host_option(const char *name)
{
    return strcmp(name, "host") == 0 || strcmp(name, "hostaddr") == 0 || strcmp(name, "port") == 0;
}

static void add(fhir_connect_t *c, const char *name, const char *text)
{
    if (c->n_options == OPTIONS)
        return;
    c->names[c->n_options] = apr_pstrdup(c->pool, name);
    c->texts[c->n_options++] = apr_pstrdup(c->pool, text);
}

static void take_options(fhir_connect_t *c, const PQconninfoOption *options)
{
    const char *host = value_of(options, "host"), *hostaddr = value_of(options, "hostaddr");
    const char *port = value_of(options, "port");
    int n = count(*hostaddr ? hostaddr : host);
    for (apr_size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++) {
        if (!*value_of(options, defaults[i][0]))
            add(c, defaults[i][0], defaults[i][1]);
    }
    add(c, "fallback_application_name", c->program);
    for (const PQconninfoOption *o = options; o->keyword; o++) {
        if (o->val && *o->val && !is_host_option(o->keyword) &&
            strcmp(o->keyword, "target_session_attrs") != 0)
            add(c, o->keyword, o->val);
    }
    c->attrs = apr_pstrdup(c->pool, value_of(options, "target_session_attrs"));
    for (int i = 0; i < n && i < HOSTS; i++) {
        c->hosts[c->n_hosts++] =
            (host_t){part(host, i, c->pool), part(hostaddr, i, c->pool), part(port, i, c->pool), 0};
    }
    for (int i = 0; i < c->n_options; i++) {
        if (strcmp(c->names[i], "connect_timeout") == 0)
            c->limit = apr_time_from_sec(apr_atoi64(c->texts[i]));
    }
}

/* Values that the string omits come from the environment and from a service file, which libpq reads
 * when it begins to connect. */
static fhir_err_t *learn_options(fhir_connect_t *c, apr_pool_t *pool)
{
    PGconn *conn = PQconnectStartParams((const char *const[]){"dbname", NULL},
                                        (const char *const[]){c->conninfo, NULL}, 1);
    PQconninfoOption *options = conn ? PQconninfo(conn) : NULL;
    fhir_err_t *err = NULL;
    if (!options || !*value_of(options, "port")) /* it cannot even be parsed */
        err = fhir_store_error(conn, NULL, pool);
    else {
        take_options(c, options);
        c->known = 1;
    }
    PQconninfoFree(options);
    PQfinish(conn);
    return err;
}

/* ---- one host ---- */

static PGconn *start(const fhir_connect_t *c, const host_t *host, const char *attrs)
{
    const char *names[OPTIONS + 5], *texts[OPTIONS + 5];
    const struct {
        const char *name, *text;
    } own[] = {{"host", host->host},
               {"hostaddr", host->hostaddr},
               {"port", host->port},
               {"target_session_attrs", attrs}};
    int n = 0;
    for (; n < c->n_options; n++) {
        names[n] = c->names[n];
        texts[n] = c->texts[n];
    }
    for (apr_size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
        if (own[i].text && *own[i].text) {
            names[n] = own[i].name;
            texts[n++] = own[i].text;
        }
    }
    names[n] = texts[n] = NULL;
    return PQconnectStartParams(names, texts, 0);
}

/* Why there is no connection; NULL when there is one. */
static const char *finish(PGconn *conn, apr_interval_time_t limit, int (*stop)(void *baton),
                          void *baton)
{
    apr_time_t until = apr_time_now() + limit;
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
        struct pollfd fd = {.fd = PQsocket(conn)};
        if (PQstatus(conn) == CONNECTION_BAD || fd.fd < 0)
            break;
        if (limit && apr_time_now() >= until)
            return "it does not answer within connect_timeout";
        if (stop && stop(baton))
            return "it was stopped";
        fd.events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        int n = poll(&fd, 1, 100);
        if (n > 0)
            state = PQconnectPoll(conn);
        else if (n < 0 && errno != EINTR)
            break;
    }
    return state == PGRES_POLLING_OK ? NULL : PQerrorMessage(conn);
}

static const char *one_line(const char *text, apr_pool_t *pool)
{
    char *line = apr_pstrdup(pool, text), *to = line;
    for (; *text; text++) { /* each run of white space as one space, none at the end */
        if (!apr_isspace(*text))
            *to++ = *text;
        else if (text[1] && !apr_isspace(text[1]))
            *to++ = ' ';
    }
    *to = '\0';
    return line;
}

/* ---- the list ---- */

static int failed_lately(fhir_connect_t *c, int i, apr_time_t now)
{
    apr_thread_mutex_lock(c->lock);
    apr_time_t failed = c->hosts[i].failed;
    apr_thread_mutex_unlock(c->lock);
    return failed && now >= failed && now - failed < AVOID;
}

static void set_failed(fhir_connect_t *c, int i, apr_time_t when)
{
    apr_thread_mutex_lock(c->lock);
    c->hosts[i].failed = when;
    apr_thread_mutex_unlock(c->lock);
}

/* Tries all hosts once, first those that did not fail lately. why: the errors of all. */
static PGconn *try_hosts(fhir_connect_t *c, const char *attrs, const char **why,
                         int (*stop)(void *baton), void *baton, apr_pool_t *pool)
{
    apr_time_t now = apr_time_now();
    int avoided[HOSTS];
    for (int i = 0; i < c->n_hosts; i++) {
        avoided[i] = failed_lately(c, i, now);
    }
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < c->n_hosts; i++) {
            if (avoided[i] != turn)
                continue;
            PGconn *conn = start(c, &c->hosts[i], attrs);
            const char *fault = conn ? finish(conn, c->limit, stop, baton) : "out of memory";
            set_failed(c, i, fault ? apr_time_now() : 0);
            if (!fault)
                return conn;
            const char *name = c->hosts[i].host ? c->hosts[i].host : c->hosts[i].hostaddr;
            *why = apr_pstrcat(pool, *why, **why ? "; " : "",
                               name ? apr_psprintf(pool, "host \"%s\": ", name) : "",
                               one_line(fault, pool), NULL);
            PQfinish(conn);
        }
    }
    return NULL;
}

fhir_err_t *fhir_connect_open(PGconn **conn, fhir_connect_t *c, int (*stop)(void *baton),
                              void *baton, apr_pool_t *pool)
{
    const char *why = "";
    fhir_err_t *err = NULL;
    *conn = NULL;
    apr_thread_mutex_lock(c->lock);
    if (!c->known)
        err = learn_options(c, pool);
    apr_thread_mutex_unlock(c->lock);
    if (err)
        return err;
    int prefers_standby = strcmp(c->attrs, "prefer-standby") == 0;
    *conn = try_hosts(c, prefers_standby ? "standby" : c->attrs, &why, stop, baton, pool);
    if (!*conn && prefers_standby)
        *conn = try_hosts(c, "any", &why, stop, baton, pool);
    if (*conn)
        return NULL;
    return fhir_err_detail(fhir_sqlstate_error(FHIR_ERR_BUSY, pool), pool,
                           "no connection to the database: %s", why);
}

const char *fhir_connect_check(const char *conninfo, apr_pool_t *pool)
{
    char *why = NULL;
    PQconninfoOption *options = PQconninfoParse(conninfo, &why);
    const char *text = options ? NULL : one_line(why ? why : "out of memory", pool);
    PQconninfoFree(options);
    PQfreemem(why);
    return text;
}

fhir_err_t *fhir_connect_create(fhir_connect_t **out, const char *conninfo, const char *program,
                                apr_pool_t *pool)
{
    fhir_connect_t *c = apr_pcalloc(pool, sizeof(*c));
    apr_status_t rv = apr_thread_mutex_create(&c->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    if (rv || (rv = apr_pool_create(&c->pool, pool)))
        return fhir_err_apr(pool, FHIR_ERR_INTERNAL, rv, "connections");
    c->conninfo = apr_pstrdup(pool, conninfo);
    c->program = apr_pstrdup(pool, program);
    *out = c;
    return NULL;
}
