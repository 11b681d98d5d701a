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
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "auth/fhir_auth.h"
#include "store/fhir_channel.h"

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
    apr_uint64_t id;         /* of the database */
    fhir_channel_t *channel; /* or NULL */
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

static void close_channel(mod_fhir_listener_t *l)
{
    fhir_channel_close(l->channel);
    l->channel = NULL;
}

/* 1 when the thread shall end. */
static int rest(const mod_fhir_listener_t *l)
{
    struct pollfd fds[2] = {{.fd = l->wake[0], .events = POLLIN}, {.events = POLLIN}};
    fds[1].fd = l->channel ? fhir_channel_socket(l->channel) : -1;
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

static int open_channel(mod_fhir_listener_t *l)
{
    l->channel = fhir_channel_open(l->conninfo, "fhir_auth");
    if (!l->channel) {
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
    apr_snprintf(out, 64, PROBE "%ld-%d-%u", (long)getpid(), fhir_channel_backend(l->channel),
                 l->probe);
}

static void hear(mod_fhir_listener_t *l)
{
    const char *note;
    char own[64];
    probe_word(own, l);
    while ((note = fhir_channel_next(l->channel)) != NULL) {
        const char *word = strrchr(note, ':');
        fhir_digest_t token;
        if (!strncmp(note, PROBE, sizeof(PROBE) - 1))
            l->is_heard |= !strcmp(note, own);
        else if (word && fhir_secret_read_hex(&token, word + 1))
            fhir_token_cache_remove(l->cache, &token);
        else
            fhir_token_cache_clear(l->cache);
    }
}

static void not_swept(const mod_fhir_listener_t *l, const char *tenant, const fhir_err_t *err)
{
    if (err)
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, l->server,
                     "FHIR0414: expired tokens, codes and sessions in schema \"%s\" were not "
                     "removed: %s",
                     tenant, err->detail ? err->detail : err->message);
}

static void sweep(mod_fhir_listener_t *l, apr_time_t now)
{
    fhir_store_t *store = mod_fhir_child_store(l->child);
    apr_pool_t *pool;
    if (now < l->next_sweep || !store || apr_pool_create(&pool, l->pool))
        return;
    l->next_sweep = now + SWEEP_EVERY;
    apr_array_header_t *tenants = apr_array_make(pool, 4, sizeof(const char *));
    not_swept(l, "", fhir_auth_tenants(tenants, store, pool));
    for (int i = 0; i < tenants->nelts; i++) {
        const char *tenant = APR_ARRAY_IDX(tenants, i, const char *);
        not_swept(l, tenant, fhir_auth_sweep(tenant, store, pool));
    }
    apr_pool_destroy(pool);
}

/* One round: all that was said before `began` has been heard when it is over. */
static void listen_once(mod_fhir_listener_t *l)
{
    apr_time_t began = apr_time_now();
    char word[64];
    if (!l->channel && !open_channel(l))
        return;
    l->probe++;
    l->is_heard = 0;
    probe_word(word, l);
    if (!fhir_channel_say(l->channel, word) || l->silent > 5) {
        l->silent = 0;
        close_channel(l);
        tell_away(l, 1);
        return;
    }
    hear(l);
    l->silent = l->is_heard ? 0 : l->silent + 1;
    if (!l->is_heard)
        return;
    tell_away(l, 0);
    if (!fhir_token_cache_watch(l->cache, l->id, getpid(), 1, began))
        close_channel(l); /* another process took over: one is enough */
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
            close_channel(l);
    } while (!rest(l));
    close_channel(l);
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
