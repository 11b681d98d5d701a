/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The address of an endpoint: the base URL of its links, and the names by which clients may call
 * it. The meaning of a stored reference depends on the base. So the base of an endpoint that
 * writes, or takes tokens, never comes from the client's Host header.
 */
#include "httpd/mod_fhir.h"

#include <apr_strings.h>
#include <apr_uri.h>

#include <http_core.h>
#include <http_protocol.h>

#define WRITES                                                                                     \
    (FHIR_INTERACTION_CREATE | FHIR_INTERACTION_UPDATE | FHIR_INTERACTION_PATCH |                  \
     FHIR_INTERACTION_DELETE | FHIR_INTERACTION_BATCH | FHIR_INTERACTION_TRANSACTION)

static int needs_name(const mod_fhir_settings_t *settings)
{
    return settings->value[MOD_FHIR_ENDPOINT].place->audience != FHIR_AUDIENCE_OPEN ||
           (mod_fhir_is_set(settings, MOD_FHIR_INTERACTIONS) &&
            settings->value[MOD_FHIR_INTERACTIONS].number & WRITES);
}

/* ServerName, whatever UseCanonicalName says, with its port or that of the connection. */
static const char *canonical_url(request_rec *r, const char *path)
{
    const char *host = r->server->server_hostname, *scheme = ap_http_scheme(r);
    apr_port_t port =
        r->server->port ? r->server->port : (apr_port_t)r->connection->local_addr->port;
    int is_default = port == (strcmp(scheme, "https") ? DEFAULT_HTTP_PORT : DEFAULT_HTTPS_PORT);
    return apr_psprintf(r->pool, strchr(host, ':') ? "%s://[%s]%s%s" : "%s://%s%s%s", scheme, host,
                        is_default ? "" : apr_psprintf(r->pool, ":%u", port), path);
}

const char *mod_fhir_base_url(request_rec *r, const mod_fhir_settings_t *settings)
{
    const char *path = settings->value[MOD_FHIR_ENDPOINT].place->path;
    if (mod_fhir_is_set(settings, MOD_FHIR_BASE_URL))
        return settings->value[MOD_FHIR_BASE_URL].text;
    return needs_name(settings) ? canonical_url(r, path) : ap_construct_url(r->pool, path, r);
}

const char *const *mod_fhir_stored_bases(request_rec *r, const mod_fhir_settings_t *settings)
{
    if (settings->value[MOD_FHIR_ENDPOINT].place->spoken == &fhir_model_r4)
        return NULL;
    apr_array_header_t *bases = apr_array_make(r->pool, 4, sizeof(const char *));
    for (int i = 0; i < mod_fhir_sections(r->server); i++) {
        mod_fhir_settings_t all;
        if (mod_fhir_section_settings(&all, r->server, i, MOD_FHIR_ENDPOINT) &&
            all.value[MOD_FHIR_ENDPOINT].place->spoken == &fhir_model_r4 &&
            !strcmp(mod_fhir_tenant(&all), mod_fhir_tenant(settings)))
            APR_ARRAY_PUSH(bases, const char *) = mod_fhir_base_url(r, &all);
    }
    APR_ARRAY_PUSH(bases, const char *) = NULL;
    return (const char *const *)bases->elts;
}

int mod_fhir_is_server_name(const server_rec *s, const char *host)
{
    for (int i = 0; s->names && i < s->names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(s->names, i, const char *);
        if (name && !strcasecmp(host, name))
            return 1;
    }
    for (int i = 0; s->wild_names && i < s->wild_names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(s->wild_names, i, const char *);
        if (name && !ap_strcasecmp_match(host, name))
            return 1;
    }
    return s->server_hostname && !strcasecmp(host, s->server_hostname);
}

static int is_bases(const char *host, const mod_fhir_settings_t *settings, apr_pool_t *pool)
{
    apr_uri_t uri;
    return mod_fhir_is_set(settings, MOD_FHIR_BASE_URL) &&
           !apr_uri_parse(pool, settings->value[MOD_FHIR_BASE_URL].text, &uri) && uri.hostname &&
           !strcasecmp(host, uri.hostname);
}

/* 1 if it is in FHIRHosts, whose names have a blank before and after; "any" allows every host. */
static int is_listed(const char *host, const mod_fhir_settings_t *settings, apr_pool_t *pool)
{
    const char *hosts = settings->value[MOD_FHIR_HOSTS].text;
    char *word = apr_pstrcat(pool, " ", host, " ", NULL);
    if (!mod_fhir_is_set(settings, MOD_FHIR_HOSTS))
        return 0;
    ap_str_tolower(word);
    return strstr(hosts, " any ") || strstr(hosts, word);
}

int mod_fhir_is_misdirected(request_rec *r, const mod_fhir_settings_t *settings)
{
    const char *host = r->hostname;
    return host && needs_name(settings) && !mod_fhir_is_server_name(r->server, host) &&
           !is_bases(host, settings, r->pool) && !is_listed(host, settings, r->pool);
}
