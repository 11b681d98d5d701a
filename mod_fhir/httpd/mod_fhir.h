/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file mod_fhir.h
 * @brief Inside the module: what its files share.
 *
 * The module is glue: it turns a request of httpd's into a fhir_request_t, calls
 * fhir_service_run, and sends what comes back.
 */
#ifndef MOD_FHIR_H
#define MOD_FHIR_H

#include <httpd.h>

#include <http_config.h>
#include <http_log.h>

#include "auth/fhir_auth.h"
#include "cache/fhir_token_cache.h"
#include "core/fhir_budget.h"
#include "core/fhir_work.h"
#include "fhir/fhir_service.h"
#include "httpd/mod_fhir_settings.h"

extern module AP_MODULE_DECLARE_DATA fhir_module __attribute__((visibility("default")));

typedef struct mod_fhir_endpoint_t mod_fhir_endpoint_t;
typedef struct mod_fhir_child_t mod_fhir_child_t;

/** The module's record of a server. */
typedef struct mod_fhir_server_t {
    mod_fhir_settings_t settings;
    const char *dbd_driver, *dbd_params;    /* what mod_dbd's directives say, or NULL */
    int has_endpoint;                       /* one is configured here, or outside of it */
    fhir_turns_t *turns, *queries;          /* of the main server; or NULL */
    const apr_array_header_t *certificates; /* files that mod_ssl loads for it, or NULL */
    apr_time_t certificate_ends;            /* of these; 0: none */
    mod_fhir_child_t *child;                /* in a child process, of its own; else NULL */
    mod_fhir_child_t *process;              /* in a child process, of any server; else NULL */
} mod_fhir_server_t;

static inline mod_fhir_server_t *mod_fhir_server_of(server_rec *s)
{
    return ap_get_module_config(s->module_config, &fhir_module);
}
static inline const mod_fhir_settings_t *mod_fhir_settings_of(server_rec *s)
{
    return &mod_fhir_server_of(s)->settings;
}

/** The connection string of a server's database: FHIRDatabase, else mod_dbd's DBDParams; or NULL.
 */
const char *mod_fhir_server_database(server_rec *s);

/* ---- mod_fhir_log.c ---- */

/** A sink that writes to a server's error log, as long as pool lives. */
const fhir_log_t *mod_fhir_log_server(server_rec *s, apr_pool_t *pool);
/** Fills a sink that writes to a request's error log. */
void mod_fhir_log_request(fhir_log_t *log, request_rec *r);
/** Logs what a request came to: errors by their code, all else at debug. The state that limits the
 *  rate of "not available" is the child's. */
void mod_fhir_log_result(mod_fhir_child_t *child, request_rec *r, const fhir_err_t *err);

/* ---- mod_fhir_db.c: this process and its database ---- */

/** What a server (virtual host) needs in this process; call it in child_init, for each in the order
 *  of the list that main begins. budget: the process's. NULL on want of memory. */
mod_fhir_child_t *mod_fhir_child_create(server_rec *s, server_rec *main, fhir_budget_t *budget,
                                        apr_pool_t *pchild);
/** The process's budget, made of main's settings; NULL on want of memory. */
fhir_budget_t *mod_fhir_budget_create(server_rec *main, apr_pool_t *pchild);
fhir_budget_t *mod_fhir_child_budget(mod_fhir_child_t *child);
/** Registers the hooks that count connections whose requests have not come whole. */
void mod_fhir_budget_register(void);
/** Begins a request: as fhir_budget_enter. has_token: its bearer token was taken, and says who the
 *  client is; else that is its address, of IPv6 the first half. */
fhir_err_t *mod_fhir_budget_enter(fhir_ticket_t *ticket, request_rec *r, mod_fhir_child_t *child,
                                  int has_token);
/** The server's store, or NULL when no database is configured. */
fhir_store_t *mod_fhir_child_store(mod_fhir_child_t *child);
/** What the process knows of its database. */
typedef struct mod_fhir_child_status_t {
    fhir_store_source_status_t pool;
    fhir_store_stats_t stats;
} mod_fhir_child_status_t;
void mod_fhir_child_status(mod_fhir_child_status_t *status, mod_fhir_child_t *child);
/** 1 once in a while (10 s), also the number of times it said 0 since. */
int mod_fhir_child_may_warn(unsigned *suppressed, mod_fhir_child_t *child);

/** The token cache, or NULL when there is none. */
const fhir_token_cache_t *mod_fhir_child_cache(mod_fhir_child_t *child);
/** The cache's name of the child's database (fhir_token_cache_watch), 0 while it is not known.
 *  The first call lets the process listen for revocations. */
apr_uint64_t mod_fhir_child_database(mod_fhir_child_t *child);

/* ---- mod_fhir_cache.c: the token cache of the server ---- */

#define MOD_FHIR_CACHE_MUTEX "fhir-token-cache"
/** In pre_config: the lock's name for the Mutex directive. */
void mod_fhir_cache_register(apr_pool_t *pconf);
/** In post_config: a segment of about so many bytes (0: none); the one that is there stays if it
 *  has that size. OK, or a status that stops the start. */
int mod_fhir_cache_setup(apr_int64_t bytes, server_rec *main);
/** In child_init: 1 if there is a cache and this process can use it. */
int mod_fhir_cache_attach(fhir_token_cache_t *cache, server_rec *main, apr_pool_t *pchild);

/* ---- mod_fhir_turns.c: the lanes of long work on the processors ---- */

/** In post_config: the lanes that the processes of this configuration share. OK, or a status that
 *  stops the start. */
int mod_fhir_turns_setup(server_rec *main, apr_pool_t *pconf);
/** The lane, or NULL when there is no endpoint. */
fhir_turns_t *mod_fhir_turns(void);
/** That of long reads in the database, likewise. */
fhir_turns_t *mod_fhir_queries(void);
/** Registers the hook by which a process that died gives back what it had. */
void mod_fhir_turns_register(void);

/* ---- mod_fhir_listen.c: revocations made elsewhere ---- */

typedef struct mod_fhir_listener_t mod_fhir_listener_t;
/** Starts a thread that listens, when no other process does; it ends with pool. NULL when it
 *  cannot be started. */
mod_fhir_listener_t *mod_fhir_listener_start(mod_fhir_child_t *child, server_rec *s,
                                             const char *conninfo, const fhir_token_cache_t *cache,
                                             apr_pool_t *pool);
/** The database's id, 0 while it is not known. */
apr_uint64_t mod_fhir_listener_database(const mod_fhir_listener_t *listener);

/* ---- mod_fhir_endpoint.c: endpoints as this process sees them ---- */

/** The endpoint for a request's settings; made at first use. NULL when there is no memory. */
mod_fhir_endpoint_t *mod_fhir_endpoint_get(mod_fhir_child_t *child,
                                           const mod_fhir_settings_t *settings);
const fhir_endpoint_t *mod_fhir_endpoint_plain(const mod_fhir_endpoint_t *endpoint);
/** The store of an endpoint, if its tenant's schema is the one that this build needs. Otherwise
 * NULL, with the client's message, or NULL, in why. See fhir_tenant_look. */
fhir_store_t *mod_fhir_endpoint_store(const char **why, mod_fhir_endpoint_t *endpoint,
                                      const fhir_log_t *log, apr_pool_t *pool);
/** Endpoints of one process, kept in mod_fhir_child_t. */
typedef struct mod_fhir_endpoints_t mod_fhir_endpoints_t;
mod_fhir_endpoints_t *mod_fhir_endpoints_create(mod_fhir_child_t *child, apr_pool_t *pchild);
mod_fhir_endpoints_t *mod_fhir_child_endpoints(mod_fhir_child_t *child);

/* ---- mod_fhir_host.c ---- */

/** The base URL of a request's endpoint, no slash at the end: FHIRBaseURL; else, where it writes or
 *  takes tokens, scheme, ServerName and port of the server; else what the request says. */
const char *mod_fhir_base_url(request_rec *r, const mod_fhir_settings_t *settings);
/** The base URLs of the server's endpoints of the same tenant that speak R4, ends with NULL; for an
 *  endpoint that speaks another release, else NULL. */
const char *const *mod_fhir_stored_bases(request_rec *r, const mod_fhir_settings_t *settings);
/** 1 if a name is a server's ServerName or a ServerAlias. */
int mod_fhir_is_server_name(const server_rec *s, const char *host);
/** 1 if the endpoint writes or takes tokens and is not called by the name that was asked for: to be
 *  answered 421. */
int mod_fhir_is_misdirected(request_rec *r, const mod_fhir_settings_t *settings);

/* ---- mod_fhir_body.c ---- */

/** Reads a request's body: see fhir_request_t.read_body. answered: httpd's input filter has refused
 *  it and sent an answer of its own. ticket: is charged.
 *  @return also as fhir_budget_body */
fhir_err_t *mod_fhir_body_read(const char **body, apr_size_t *len, int *answered, request_rec *r,
                               fhir_ticket_t *ticket, apr_size_t max);

/** For an answer that is made without reading the body: takes what has come of it so far. The
 *  connection is closed after the answer when that is not all, so that nobody waits for the rest.
 */
void mod_fhir_body_leave(request_rec *r);

/** A response body on its way: in memory up to 128 KB, then in an unlinked temporary file, so that
 *  a page of any size takes little memory and no connection waits for a slow client. */
typedef struct mod_fhir_spool_t {
    fhir_out_t out; /* what libfhir writes to */
    request_rec *r;
    fhir_ticket_t *ticket; /* is charged for the file */
    apr_size_t max;        /* bytes of the whole: FHIR_ERR_LIMIT beyond */
    fhir_buf_t *buf;       /* what is not in the file (yet) */
    apr_file_t *file;      /* or NULL */
    apr_off_t in_file;
} mod_fhir_spool_t;
void mod_fhir_spool_init(mod_fhir_spool_t *spool, request_rec *r, fhir_ticket_t *ticket,
                         apr_size_t max);
/** Bytes that were written. */
apr_int64_t mod_fhir_spool_length(const mod_fhir_spool_t *spool);
/** Drops what was written. */
void mod_fhir_spool_reset(mod_fhir_spool_t *spool);
/** Sends it all with its length, or if ready is not NULL those bytes, which live as long as the
 *  request; an httpd status. */
int mod_fhir_spool_send(mod_fhir_spool_t *spool, const char *ready, apr_size_t ready_len);

/* ---- mod_fhir_auth.c ---- */

/** Registers the built-in authn provider, "fhir". */
void mod_fhir_auth_register(apr_pool_t *pool);
struct fhir_portal_t;
/** Answers a request to the authorization server of an endpoint, or (portal is not NULL) to a
 *  portal; an httpd status. */
int mod_fhir_auth_handler(request_rec *r, const mod_fhir_settings_t *settings,
                          mod_fhir_endpoint_t *endpoint, mod_fhir_child_t *child,
                          struct fhir_portal_t *portal);
/** The grant of the request's bearer token; *grant NULL when none was sent.
 *  @return NULL, FHIR_ERR_LOGIN (why the token is not taken), or as fhir_store_run */
fhir_err_t *mod_fhir_auth_grant(const fhir_grant_t **grant, request_rec *r,
                                const mod_fhir_settings_t *settings,
                                const fhir_endpoint_t *endpoint, fhir_store_t *store);
/** The request's id: UNIQUE_ID, else one that is made. */
const char *mod_fhir_request_id(request_rec *r);
/** Sets the headers that browsers of other origins need; 1 for a preflight, which they answer. */
int mod_fhir_cors(request_rec *r, const mod_fhir_settings_t *settings,
                  mod_fhir_endpoint_t *endpoint, mod_fhir_child_t *child);

/* ---- mod_fhir_portal.c ---- */

/** Answers a request below a FHIRPortal; an httpd status. */
int mod_fhir_portal_handler(request_rec *r, const mod_fhir_settings_t *settings,
                            mod_fhir_child_t *child);
/** The address of the portal that this server has for a tenant, or NULL. */
const char *mod_fhir_portal_url(request_rec *r, const char *tenant);
/** Fills in the endpoints of the server. has_store: the tenant's schema was found ready. */
void mod_fhir_portal_list(struct fhir_portal_t *portal, const char *own_tenant, int has_store);
/** A hook before httpd's rules: where a portal asks by a subrequest whether they admit its client,
 *  a refusal (AH01630) is no error, and not logged. */
int mod_fhir_portal_hush(request_rec *r);
/** The request that a portal's call answers. */
request_rec *mod_fhir_portal_request(const struct fhir_portal_t *portal);
/** What the process remembers of practices for directories. */
struct fhir_directory_t *mod_fhir_child_directory(mod_fhir_child_t *child);

/* ---- mod_fhir_health.c: the server's status ---- */

/** In post_config: memory for the times at which endpoints began to answer, or not to. OK, or a
 *  status that stops the start. */
int mod_fhir_health_setup(server_rec *main);
/** Registers what learns of certificates, and warns of those that end soon (FHIR0805). */
void mod_fhir_health_register(void);
/** fhir_portal_t.health, of a server's database. */
apr_time_t mod_fhir_health(server_rec *s, const char *tenant, apr_time_t seen);
/** fhir_portal_t.certificate. */
apr_time_t mod_fhir_certificate(const char *base_url, apr_pool_t *pool);
/** Fills what a portal knows of the server's status. */
void mod_fhir_health_fill(struct fhir_portal_t *portal);

/* ---- mod_fhir_use.c: what applications do, for the portals ---- */

typedef struct mod_fhir_use_t mod_fhir_use_t;
/** The process's counts for one server; NULL on want of memory. */
mod_fhir_use_t *mod_fhir_use_create(apr_pool_t *pool);
mod_fhir_use_t *mod_fhir_child_use(mod_fhir_child_t *child);
/** The id under which the request's refusal (err) will be kept, or NULL: it is not. */
const char *mod_fhir_use_refused(request_rec *r, const fhir_err_t *err);
/** Counts a request that was answered, keeps why it was refused (err, or NULL), and writes the
 *  counts when it is time. */
void mod_fhir_use_count(request_rec *r, mod_fhir_child_t *child, const char *tenant,
                        const fhir_err_t *err);
/** Writes the counts that there are. */
void mod_fhir_use_write(mod_fhir_child_t *child, apr_pool_t *pool);

/* ---- mod_fhir_error.c ---- */

/** Registers what turns httpd's own errors below an endpoint into OperationOutcomes. */
void mod_fhir_error_register(void);

/* ---- mod_fhir_status.c ---- */

/** mod_status's hook. */
int mod_fhir_status(request_rec *r, int flags);

/* ---- mod_fhir_handler.c ---- */

/** r->handler of an endpoint's requests. */
#define MOD_FHIR_HANDLER "fhir"
/** The request's path behind the base, encoded. */
const char *mod_fhir_path_below(request_rec *r, const mod_fhir_place_t *place);
/** The content handler. */
int mod_fhir_handler(request_rec *r);

#endif
