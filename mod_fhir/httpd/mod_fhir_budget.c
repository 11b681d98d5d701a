/* SPDX-License-Identifier: Apache-2.0 */
/* The budget of this process, and who a request's client is. */
#include "httpd/mod_fhir.h"

#include <apr_network_io.h>
#include <string.h>

#include <ap_mpm.h>

#include "core/fhir_hash.h"

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
    };
    fhir_budget_t *budget;
    if (ap_mpm_query(AP_MPMQ_MAX_THREADS, &limits.threads) || limits.threads < 1)
        limits.threads = 1; /* prefork: one request at a time is served here */
    return fhir_budget_create(&budget, &limits, pchild) ? NULL : budget;
}

/* Who has one address of an IPv6 network has them all. */
static apr_uint64_t of_address(const request_rec *r)
{
    const apr_sockaddr_t *address = r->useragent_addr;
    if (address && address->family == APR_INET6 && address->ipaddr_len == 16 &&
        !IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)address->ipaddr_ptr))
        return fhir_hash_bytes(address->ipaddr_ptr, 8);
    return fhir_hash_bytes(r->useragent_ip, strlen(r->useragent_ip));
}

fhir_err_t *mod_fhir_budget_enter(fhir_ticket_t *ticket, request_rec *r, mod_fhir_child_t *child,
                                  int has_token)
{
    const char *token = has_token ? apr_table_get(r->headers_in, "Authorization") : NULL;
    return fhir_budget_enter(ticket, mod_fhir_child_budget(child),
                             token ? fhir_hash_bytes(token, strlen(token)) : of_address(r),
                             r->pool);
}
