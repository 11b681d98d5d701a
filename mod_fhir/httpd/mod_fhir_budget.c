/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The budget of this process, and the client of a request.
 *
 * A thread of httpd reads the header of a request to its end. A connection therefore counts as
 * unfinished from when a thread takes it until the header is complete, and one above the limit is
 * closed. With the event MPM this applies to each request of a connection, with others only to the
 * first.
 */
#include "httpd/mod_fhir.h"

#include <apr_network_io.h>
#include <apr_portable.h>
#include <string.h>
#include <sys/socket.h>

#include <ap_mpm.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_protocol.h>

#include "core/fhir_hash.h"

APLOG_USE_MODULE(fhir);

fhir_budget_t *mod_fhir_budget_create(server_rec *main, apr_pool_t *pchild)
{
    const mod_fhir_settings_t *settings = mod_fhir_settings_of(main);
    fhir_budget_limits_t limits = {
        .client_requests = (int)mod_fhir_number(settings, MOD_FHIR_CLIENT_REQUESTS),
        .client_time = mod_fhir_number(settings, MOD_FHIR_CLIENT_DATABASE_TIME),
        .client_output = mod_fhir_number(settings, MOD_FHIR_CLIENT_OUTPUT),
        .bodies = mod_fhir_number(settings, MOD_FHIR_BODIES_MAX),
        .spool = mod_fhir_number(settings, MOD_FHIR_SPOOL_MAX),
        .wait = mod_fhir_number(settings, MOD_FHIR_CONNECTION_WAIT),
        .arriving = (int)mod_fhir_number(settings, MOD_FHIR_UNFINISHED_SHARE),
    };
    if (ap_mpm_query(AP_MPMQ_MAX_THREADS, &limits.threads) || limits.threads < 1)
        limits.threads = 1; /* prefork: each process serves one request at a time */
    fhir_budget_t *budget;
    return fhir_budget_create(&budget, &limits, pchild) ? NULL : budget;
}

/* A client with one address of an IPv6 network can use all of them. */
static apr_uint64_t of_address(const apr_sockaddr_t *address, const char *ip)
{
    if (address && address->family == APR_INET6 && address->ipaddr_len == 16 &&
        !IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)address->ipaddr_ptr))
        return fhir_hash_bytes(address->ipaddr_ptr, 8);
    return fhir_hash_bytes(ip, strlen(ip));
}

fhir_err_t *mod_fhir_budget_enter(fhir_ticket_t *ticket, request_rec *r, mod_fhir_child_t *child,
                                  int has_token)
{
    const char *token = has_token ? apr_table_get(r->headers_in, "Authorization") : NULL;
    return fhir_budget_enter(ticket, mod_fhir_child_budget(child),
                             token ? fhir_hash_bytes(token, strlen(token))
                                   : of_address(r->useragent_addr, r->useragent_ip),
                             r->pool);
}

/* ---- connections ---- */

static apr_status_t never_came(void *arrival)
{
    fhir_budget_arrived(arrival, 0);
    return APR_SUCCESS;
}

/* The count of a connection, made on its first request. */
static fhir_arrival_t *arrival_of(conn_rec *c)
{
    fhir_arrival_t *arrival = ap_get_module_config(c->conn_config, &fhir_module);
    if (!arrival) {
        arrival = apr_pcalloc(c->pool, sizeof(*arrival));
        ap_set_module_config(c->conn_config, &fhir_module, arrival);
        apr_pool_cleanup_register(c->pool, arrival, never_came, apr_pool_cleanup_null);
    }
    return arrival;
}

static void tell(conn_rec *c, mod_fhir_child_t *child)
{
    unsigned suppressed;
    if (mod_fhir_child_may_warn(&suppressed, child))
        ap_log_cerror(APLOG_MARK, APLOG_WARNING, 0, c,
                      "FHIR0720: a connection of %s was closed: the address sends so many requests "
                      "slowly or not to their end that others would wait (FHIRUnfinishedShare)",
                      c->client_ip);
}

/* 1 if the whole header is there, so that reading it blocks no thread. With TLS, this is
 * unknown. */
static int has_come(conn_rec *c)
{
    apr_os_sock_t fd;
    if (apr_os_sock_get(&fd, ap_get_conn_socket(c)))
        return 0;
    char bytes[8192];
    ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
    return n > 0 && memmem(bytes, (size_t)n, "\r\n\r\n", 4);
}

/* Requests of an HTTP/2 connection have connections of their own; the client's real connection
 * counts. */
static int on_connection(conn_rec *c)
{
    mod_fhir_child_t *child = mod_fhir_server_of(c->base_server)->process;
    if (c->master || !child || (c->cs && c->cs->state != CONN_STATE_READ_REQUEST_LINE))
        return DECLINED;
    fhir_arrival_t *arrival = arrival_of(c);
    if (arrival->budget ||
        fhir_budget_arrive(arrival, mod_fhir_child_budget(child),
                           of_address(c->client_addr, c->client_ip)) ||
        has_come(c))
        return DECLINED;
    tell(c, child);
    c->keepalive = AP_CONN_CLOSE;
    c->aborted = 1; /* the rest that the client sends is not waited for */
    if (c->cs)
        c->cs->state = CONN_STATE_LINGER;
    return OK;
}

/* mod_remoteip knows the client of a trusted proxy */
static int on_request(request_rec *r)
{
    conn_rec *c = r->connection->master ? r->connection->master : r->connection;
    fhir_arrival_t *arrival = ap_get_module_config(c->conn_config, &fhir_module);
    if (arrival && !r->main)
        fhir_budget_arrived(arrival, strcmp(r->useragent_ip, c->client_ip) != 0);
    return DECLINED;
}

static int on_close(conn_rec *c)
{
    fhir_arrival_t *arrival = c->master ? NULL : ap_get_module_config(c->conn_config, &fhir_module);
    if (arrival)
        fhir_budget_arrived(arrival, 0);
    return DECLINED;
}

void mod_fhir_budget_register(void)
{
    ap_hook_process_connection(on_connection, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_post_read_request(on_request, NULL, NULL, APR_HOOK_LAST);
    ap_hook_pre_close_connection(on_close, NULL, NULL, APR_HOOK_MIDDLE);
}
