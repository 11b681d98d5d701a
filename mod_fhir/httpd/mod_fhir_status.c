/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What mod_status shows of this module: the database as seen by the process that answers, a line
 * for each server with an endpoint. docs/directives.md explains the numbers.
 */
#include "httpd/mod_fhir.h"

#include <unistd.h>

#include <http_main.h>
#include <http_protocol.h>

#include <mod_status.h>

static void print_server(request_rec *r, server_rec *s, const mod_fhir_child_status_t *status,
                         int plain)
{
    const fhir_store_stats_t *n = &status->stats;
    const struct {
        const char *name;
        apr_uint64_t number;
    } counts[] = {
        {"connections", (apr_uint64_t)status->pool.busy},
        {"connections_long", (apr_uint64_t)status->pool.longs},
        {"connections_max", (apr_uint64_t)status->pool.max},
        {"away", (apr_uint64_t)status->pool.away},
        {"statements", n->statements},
        {"lane_statements", n->lane_statements},
        {"lane_batches", n->lane_batches},
        {"group_statements", n->group_statements},
        {"group_batches", n->group_batches},
        {"retries", n->retries},
        {"errors", n->errors},
    };
    const char *host = ap_escape_html(r->pool, s->server_hostname ? s->server_hostname : "-");

    ap_rprintf(r, "%sFHIR: server=%s pid=%ld", plain ? "" : "<p>", host, (long)getpid());
    for (apr_size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
        ap_rprintf(r, " %s=%" APR_UINT64_T_FMT, counts[i].name, counts[i].number);
    ap_rputs(plain ? "\n" : "</p>\n", r);
}

static void print_cache(request_rec *r, const fhir_token_cache_t *cache, int plain)
{
    fhir_token_cache_stats_t n;
    fhir_token_cache_stats(&n, cache);
    const struct {
        const char *name;
        apr_uint64_t number;
    } counts[] = {
        {"slots", n.slots},         {"used", n.used},         {"entries", n.entries},
        {"hits", n.hits},           {"misses", n.misses},     {"deaf", n.deaf},
        {"puts", n.puts},           {"stale", n.stale},       {"too_long", n.too_long},
        {"evictions", n.evictions}, {"removals", n.removals}, {"recoveries", n.recoveries},
    };
    ap_rprintf(r, "%sFHIR: token cache:", plain ? "" : "<p>");
    for (apr_size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
        ap_rprintf(r, " %s=%" APR_UINT64_T_FMT, counts[i].name, counts[i].number);
    ap_rputs(plain ? "\n" : "</p>\n", r);
}

static void print_budget(request_rec *r, fhir_budget_t *budget, int plain)
{
    fhir_budget_status_t n;
    fhir_budget_status(&n, budget);
    ap_rprintf(r,
               "%sFHIR: budget: pid=%ld requests=%d waiting=%d clients=%d unfinished=%d "
               "bodies=%" APR_INT64_T_FMT " spool=%" APR_INT64_T_FMT " refused=%" APR_UINT64_T_FMT
               "%s\n",
               plain ? "" : "<p>", (long)getpid(), n.running, n.waiting, n.clients, n.arriving,
               n.bodies, n.spool, n.refused, plain ? "" : "</p>");
}

static void print_turns(request_rec *r, fhir_turns_t *turns, int plain)
{
    fhir_turns_status_t n;
    fhir_turns_status(&n, turns);
    ap_rprintf(r, "%sFHIR: long work: threads=%d working=%d waiting=%d%s\n", plain ? "" : "<p>",
               n.permits, n.working, n.waiting, plain ? "" : "</p>");
}

int mod_fhir_status(request_rec *r, int flags)
{
    const fhir_token_cache_t *cache = NULL;
    fhir_budget_t *budget = NULL;
    mod_fhir_child_status_t status;

    for (server_rec *s = ap_server_conf; s; s = s->next) {
        mod_fhir_child_t *child = mod_fhir_server_of(s)->child;
        if (!child)
            continue;
        if (mod_fhir_child_cache(child))
            cache = mod_fhir_child_cache(child);
        budget = mod_fhir_child_budget(child);
        mod_fhir_child_status(&status, child);
        print_server(r, s, &status, flags & AP_STATUS_SHORT);
    }
    if (budget)
        print_budget(r, budget, flags & AP_STATUS_SHORT);
    if (mod_fhir_turns())
        print_turns(r, mod_fhir_turns(), flags & AP_STATUS_SHORT);
    if (cache)
        print_cache(r, cache, flags & AP_STATUS_SHORT);
    return OK;
}
