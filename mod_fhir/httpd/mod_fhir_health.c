/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the status page tells of this server: since when a practice's endpoints answer or do not,
 * and until when certificates are valid.
 *
 * The times are in shared memory, which is kept over graceful restarts, so that all processes tell
 * the same. Certificates are those that mod_ssl loads for a server, also when mod_md provides the
 * files: they are read when mod_ssl reads them, so that a file that was replaced counts only once
 * httpd serves it.
 */
#include "httpd/mod_fhir.h"

#include <apr_shm.h>
#include <apr_uri.h>
#include <stdatomic.h>
#include <string.h>

#include <ap_mpm.h>
#include <http_core.h>
#include <http_main.h>
#include <mpm_common.h>
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 104)
#include <http_ssl.h>
#endif
#include <scoreboard.h>

#include "core/fhir_certificate.h"
#include "portal/fhir_portal.h"

APLOG_USE_MODULE(fhir);

#define RETAINED   "mod_fhir-health"
#define LAYOUT     1 /* of retained_t and slot_t */
#define WARN_EVERY apr_time_from_sec(86400)

/* ---- since when a practice's endpoints answer ---- */

/* A practice of a database. */
typedef struct slot_t {
    _Atomic(apr_uint64_t) key;  /* 0: free */
    _Atomic(apr_int64_t) since; /* negative: they do not; 0: nobody has looked */
} slot_t;

/* It lives longer than the code that made it, so it must not point to our functions. */
typedef struct retained_t {
    int layout;
    apr_size_t n; /* slots, a power of 2 */
    slot_t *slots;
} retained_t;

static retained_t *retained(void)
{
    retained_t *kept = ap_retained_data_get(RETAINED);
    return kept && kept->layout == LAYOUT ? kept : NULL;
}

static apr_size_t endpoints_of(const server_rec *main)
{
    apr_size_t n = 0;
    for (const server_rec *s = main; s; s = s->next)
        for (int i = 0; i < mod_fhir_sections(s); i++)
            n += mod_fhir_section(s, i, MOD_FHIR_ENDPOINT) != NULL;
    return n;
}

static apr_size_t used(const retained_t *kept)
{
    apr_size_t n = 0;
    for (apr_size_t i = 0; i < kept->n; i++)
        n += atomic_load_explicit(&kept->slots[i].key, memory_order_relaxed) != 0;
    return n;
}

int mod_fhir_health_setup(server_rec *main)
{
    retained_t *kept = retained();
    apr_size_t wanted = 2 * endpoints_of(main), n = 64;
    apr_shm_t *shm;
    if (!kept) {
        kept = ap_retained_data_create(RETAINED, sizeof(*kept));
        kept->layout = LAYOUT;
    }
    if (kept->n && used(kept) + wanted <= kept->n) /* practices may have been renamed */
        return OK;
    while (n < 2 * wanted)
        n *= 2;
    /* without a name: children inherit it, nobody else can reach it */
    apr_status_t rv = apr_shm_create(&shm, n * sizeof(slot_t), NULL, main->process->pool);
    if (rv) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, main,
                     "FHIR0806: no shared memory for the status of the endpoints");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    kept->slots = apr_shm_baseaddr_get(shm);
    memset(kept->slots, 0, n * sizeof(slot_t));
    kept->n = n;
    return OK;
}

/* FNV-1a: the names are those of the configuration. */
static apr_uint64_t add_text(apr_uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * APR_UINT64_C(0x100000001b3);
    return (hash ^ '\n') * APR_UINT64_C(0x100000001b3);
}

static slot_t *slot_of(server_rec *s, const char *tenant)
{
    const retained_t *kept = retained();
    const char *database = mod_fhir_server_database(s);
    apr_uint64_t key = add_text(APR_UINT64_C(0xcbf29ce484222325), database ? database : "");
    key = add_text(key, tenant);
    key += !key;
    for (apr_size_t i = 0; kept && i < kept->n; i++) {
        slot_t *slot = &kept->slots[(key + i) & (kept->n - 1)];
        apr_uint64_t owner = atomic_load(&slot->key);
        if (!owner && atomic_compare_exchange_strong(&slot->key, &owner, key))
            owner = key;
        if (owner == key)
            return slot;
    }
    return NULL;
}

static apr_time_t started(void)
{
    return ap_scoreboard_image ? ap_scoreboard_image->global->restart_time : 0;
}

static apr_time_t when(apr_time_t seen)
{
    return seen < 0 ? -seen : seen;
}

apr_time_t mod_fhir_health(server_rec *s, const char *tenant, apr_time_t seen)
{
    slot_t *slot = slot_of(s, tenant);
    if (!slot)
        return seen;
    apr_int64_t known = atomic_load(&slot->since);
    apr_int64_t wanted = !known && seen > 0 && started() ? started() : seen;
    /* what somebody saw before the change that is known does not count any more */
    while (seen && (!known || ((known < 0) != (seen < 0) && when(seen) > when(known))))
        if (atomic_compare_exchange_weak(&slot->since, &known, wanted))
            return wanted;
    return known;
}

/* ---- certificates ---- */

/* The list is kept and read when mod_ssl is ready: mod_md adds its files, and ends the hook. */
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 104)
static int see_certificates(server_rec *s, apr_pool_t *pool, apr_array_header_t *certificates,
                            apr_array_header_t *keys)
{
    (void)pool;
    (void)keys;
    mod_fhir_server_of(s)->certificates = certificates;
    return DECLINED;
}
#endif

/* Of several certificates (RSA, ECDSA) the one that ends first counts. */
static void read_certificates(server_rec *s)
{
    mod_fhir_server_t *server = mod_fhir_server_of(s);
    for (int i = 0; server->certificates && i < server->certificates->nelts; i++) {
        apr_time_t end = fhir_certificate_end(APR_ARRAY_IDX(server->certificates, i, const char *));
        if (end && (!server->certificate_ends || end < server->certificate_ends))
            server->certificate_ends = end;
    }
}

static int has_port(const server_rec *s, apr_port_t port)
{
    int has = s->port == port;
    for (const server_addr_rec *addr = s->addrs; addr; addr = addr->next)
        has |= addr->host_port == port;
    return has;
}

apr_time_t mod_fhir_certificate(const char *base_url, apr_pool_t *pool)
{
    apr_uri_t uri;
    if (apr_uri_parse(pool, base_url, &uri) || !uri.scheme || !uri.hostname)
        return FHIR_CERTIFICATE_UNKNOWN;
    if (strcasecmp(uri.scheme, "https") != 0)
        return FHIR_CERTIFICATE_NONE;
    apr_port_t port = uri.port ? uri.port : DEFAULT_HTTPS_PORT;
    for (server_rec *s = ap_server_conf; s; s = s->next)
        if (mod_fhir_server_of(s)->certificate_ends && has_port(s, port) &&
            mod_fhir_is_server_name(s, uri.hostname))
            return mod_fhir_server_of(s)->certificate_ends;
    return FHIR_CERTIFICATE_UNKNOWN;
}

static void warn(server_rec *main)
{
    apr_time_t now = apr_time_now();
    for (server_rec *s = main; s; s = s->next) {
        apr_time_t end = mod_fhir_server_of(s)->certificate_ends;
        if (!end || !mod_fhir_server_of(s)->has_endpoint ||
            end - now >= apr_time_from_sec(86400) * FHIR_CERTIFICATE_SOON)
            continue;
        char date[APR_RFC822_DATE_LEN];
        apr_rfc822_date(date, end);
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "FHIR0805: the certificate of %s %s on %s; renew it, then reload httpd",
                     s->server_hostname, end < now ? "ended" : "ends", date);
    }
}

static apr_time_t next_warning; /* of the parent process */

static int look_at_start(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main)
{
    (void)pconf;
    (void)plog;
    (void)ptemp;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG)
        return OK;
    for (server_rec *s = main; s; s = s->next)
        read_certificates(s);
    warn(main);
    next_warning = apr_time_now() + WARN_EVERY;
    return OK;
}

static int warn_daily(apr_pool_t *pool, server_rec *main)
{
    apr_time_t now = apr_time_now();
    (void)pool;
    if (now >= next_warning) {
        warn(main);
        next_warning = now + WARN_EVERY;
    }
    return OK;
}

void mod_fhir_health_register(void)
{
    static const char *const before[] = {"mod_ssl.c", NULL};
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 104)
    ap_hook_ssl_add_cert_files(see_certificates, NULL, NULL, APR_HOOK_REALLY_FIRST);
#endif
    ap_hook_post_config(look_at_start, before, NULL, APR_HOOK_LAST);
    ap_hook_monitor(warn_daily, NULL, NULL, APR_HOOK_MIDDLE);
}

/* ---- for the portal ---- */

static const request_rec *request_of(const fhir_portal_t *portal)
{
    return mod_fhir_portal_request(portal);
}

static apr_time_t health(const fhir_portal_t *portal, const char *tenant, apr_time_t seen)
{
    return mod_fhir_health(request_of(portal)->server, tenant, seen);
}

static apr_time_t certificate(const fhir_portal_t *portal, const char *base_url)
{
    return mod_fhir_certificate(base_url, request_of(portal)->pool);
}

void mod_fhir_health_fill(fhir_portal_t *portal)
{
    portal->started = started();
    /* ServerTokens Prod leaves httpd's version out of its own answers, too */
    portal->hides_version = !strchr(ap_get_server_banner(), '/');
    portal->health = health;
    portal->certificate = certificate;
}
