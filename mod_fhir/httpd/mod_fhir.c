/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module's record and hooks.
 */
#include "httpd/mod_fhir.h"

#include <apr_strings.h>
#include <libxml/parser.h>
#include <string.h>

#include <http_core.h>
#include <http_main.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mpm_common.h>

#include <mod_status.h>

APLOG_USE_MODULE(fhir);

/* ---- configuration ---- */

static void *create_server(apr_pool_t *pool, server_rec *s)
{
    (void)s;
    return apr_pcalloc(pool, sizeof(mod_fhir_server_t));
}

static void *merge_servers(apr_pool_t *pool, void *outer, void *inner)
{
    mod_fhir_server_t *merged = apr_pcalloc(pool, sizeof(*merged)), *out = outer, *in = inner;
    mod_fhir_settings_merge(&merged->settings, &out->settings, &in->settings);
    merged->dbd_driver = in->dbd_driver ? in->dbd_driver : out->dbd_driver;
    merged->dbd_params = in->dbd_params ? in->dbd_params : out->dbd_params;
    merged->has_endpoint = out->has_endpoint || in->has_endpoint;
    return merged;
}

static void *create_location(apr_pool_t *pool, char *path)
{
    (void)path;
    return apr_pcalloc(pool, sizeof(mod_fhir_settings_t));
}

static void *merge_locations(apr_pool_t *pool, void *outer, void *inner)
{
    mod_fhir_settings_t *merged = apr_palloc(pool, sizeof(*merged));
    mod_fhir_settings_merge(merged, outer, inner);
    return merged;
}

const char *mod_fhir_server_database(server_rec *s)
{
    const mod_fhir_server_t *server = mod_fhir_server_of(s);
    if (mod_fhir_is_set(&server->settings, MOD_FHIR_DATABASE))
        return server->settings.value[MOD_FHIR_DATABASE].text;
    return !server->dbd_driver || strcasecmp(server->dbd_driver, "pgsql") == 0 ? server->dbd_params
                                                                               : NULL;
}

/* Endpoints of a server: the Locations' own settings over the server's. */
static int check_server(server_rec *s, apr_pool_t *ptemp)
{
    for (int i = 0; i < mod_fhir_sections(s); i++) {
        const mod_fhir_settings_t *portal = mod_fhir_section(s, i, MOD_FHIR_PORTAL);
        mod_fhir_settings_t settings;
        const char *wrong;
        if (portal && mod_fhir_is_portal(portal)) {
            (void)mod_fhir_section_settings(&settings, s, i, MOD_FHIR_PORTAL);
            wrong = mod_fhir_settings_check_portal(&settings);
            if (wrong) {
                ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, "FHIR0700: <Location \"%s\">: %s",
                             settings.value[MOD_FHIR_PORTAL].place->path, wrong);
                return HTTP_INTERNAL_SERVER_ERROR;
            }
        }
        if (!mod_fhir_section_settings(&settings, s, i, MOD_FHIR_ENDPOINT))
            continue;
        wrong = mod_fhir_settings_check(&settings, ptemp);
        if (wrong) {
            ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, "FHIR0230: <Location \"%s\">: %s",
                         settings.value[MOD_FHIR_ENDPOINT].place->path, wrong);
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return OK;
}

/* Also for httpd -t, and on each pass of a start. */
static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main)
{
    (void)pconf;
    (void)plog;
    if (ap_exists_config_define("DUMP_FHIR_DIRECTIVES")) {
        apr_file_t *out;
        if (!apr_file_open_stdout(&out, ptemp))
            mod_fhir_settings_dump(out, ptemp);
    }
    for (server_rec *s = main; s; s = s->next) {
        if (check_server(s, ptemp) != OK)
            return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

/* Warnings about what will fail later, once per start. */
static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main)
{
    int any = 0;
    (void)plog;
    (void)ptemp;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG)
        return OK;
    for (server_rec *s = main; s; s = s->next) {
        any |= mod_fhir_server_of(s)->has_endpoint;
        if (mod_fhir_server_of(s)->has_endpoint && !mod_fhir_server_database(s))
            ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                         "FHIR0232: no database is configured (FHIRDatabase): endpoints answer "
                         "their CapabilityStatement, and 503 to all other requests");
    }
    if (mod_fhir_cache_setup(
            any ? mod_fhir_number(mod_fhir_settings_of(main), MOD_FHIR_TOKEN_CACHE_SIZE) : 0,
            main) != OK)
        return HTTP_INTERNAL_SERVER_ERROR;
    if (any && mod_fhir_health_setup(main) != OK)
        return HTTP_INTERNAL_SERVER_ERROR;
    return any ? mod_fhir_turns_setup(main, pconf) : OK;
}

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)plog;
    (void)ptemp;
    mod_fhir_cache_register(pconf);
    return OK;
}

static void child_init(apr_pool_t *pchild, server_rec *main)
{
    fhir_budget_t *budget = NULL;
    mod_fhir_child_t *process = NULL;
    for (server_rec *s = main; s; s = s->next) {
        mod_fhir_server_t *server = mod_fhir_server_of(s);
        if (server->has_endpoint && !budget)
            budget = mod_fhir_budget_create(main, pchild);
        if (server->has_endpoint &&
            (!budget || !(server->child = mod_fhir_child_create(s, main, budget, pchild))))
            ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, "FHIR0233: no memory for the endpoints");
        if (!process)
            process = server->child;
    }
    for (server_rec *s = main; s; s = s->next)
        mod_fhir_server_of(s)->process = process;
    xmlInitParser(); /* libxml2 before 2.13 crashes when two threads initialize it at once */
    const char *folder;
    (void)apr_temp_dir_get(&folder,
                           pchild); /* tested once, by writing a file, before spools need it */
}

#if AP_MODULE_MAGIC_AT_LEAST(20120211, 110)
/* Writes the last counts. The pool of the process is not used by threads any more. */
static void child_stopping(apr_pool_t *pchild, int graceful)
{
    (void)pchild;
    (void)graceful;
    for (server_rec *s = ap_server_conf; s; s = s->next) {
        mod_fhir_child_t *child = mod_fhir_server_of(s)->child;
        apr_pool_t *pool;
        if (!child || apr_pool_create_unmanaged_ex(&pool, NULL, NULL))
            continue;
        mod_fhir_use_write(child, pool);
        apr_pool_destroy(pool);
    }
}
#endif

/* ---- requests ---- */

static int is_ours(const request_rec *r)
{
    const mod_fhir_settings_t *settings = ap_get_module_config(r->per_dir_config, &fhir_module);
    return mod_fhir_is_set(settings, MOD_FHIR_ENDPOINT) || mod_fhir_is_portal(settings);
}

/* An endpoint's URLs are not files: httpd must not look below DocumentRoot, extensions have no
 * meaning, and TRACE is a method like any other. Between these two hooks httpd forgets the
 * Location's settings, so a handler name remembers the endpoint. */
static const char file_name[] = "fhir:";

static int translate_name(request_rec *r)
{
    if (!is_ours(r))
        return DECLINED;
    r->filename = apr_pstrcat(r->pool, file_name, r->uri, NULL);
    return OK;
}

static int map_to_storage(request_rec *r)
{
    return r->filename && strncmp(r->filename, file_name, sizeof(file_name) - 1) == 0 ? OK
                                                                                      : DECLINED;
}

static int find_type(request_rec *r)
{
    if (!is_ours(r))
        return DECLINED;
    r->handler = MOD_FHIR_HANDLER; /* SetHandler in the Location still overrides it */
    return OK;
}

static void register_hooks(apr_pool_t *pool)
{
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 110)
    ap_hook_child_stopping(child_stopping, NULL, NULL, APR_HOOK_MIDDLE);
#endif
    ap_hook_translate_name(translate_name, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_map_to_storage(map_to_storage, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_check_access_ex(mod_fhir_portal_hush, NULL, NULL, APR_HOOK_REALLY_FIRST,
                            AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_type_checker(find_type, NULL, NULL, APR_HOOK_FIRST);
    mod_fhir_auth_register(pool);
    mod_fhir_error_register();
    mod_fhir_budget_register();
    mod_fhir_turns_register();
    mod_fhir_health_register();
    APR_OPTIONAL_HOOK(ap, status_hook, mod_fhir_status, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(mod_fhir_handler, NULL, NULL, APR_HOOK_MIDDLE);
}

/* Always merged: otherwise a virtual host without a directive of ours would share the main server's
 * record, and a Location its server's. */
module AP_MODULE_DECLARE_DATA fhir_module = {
    STANDARD20_MODULE_STUFF, create_location,   merge_locations, create_server,
    merge_servers,           mod_fhir_commands, register_hooks,  AP_MODULE_FLAG_ALWAYS_MERGE,
};
