/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The portals at the side of httpd: the endpoints of this server, the address of a practice's
 * portal, and the command for e-mails.
 */
#include "portal/fhir_portal.h"

#include <apr_file_io.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <string.h>

#include <http_core.h>
#include <http_request.h>

#include "httpd/mod_fhir.h"

APLOG_USE_MODULE(fhir);

#define MAIL_SECONDS 10

/* ---- the server's Locations ---- */

/* A portal has the settings of an endpoint that nobody calls. */
static void as_endpoint(mod_fhir_settings_t *settings)
{
    settings->set[MOD_FHIR_ENDPOINT / 8] |= (unsigned char)(1u << MOD_FHIR_ENDPOINT % 8);
    settings->value[MOD_FHIR_ENDPOINT].place = settings->value[MOD_FHIR_PORTAL].place;
}

const char *mod_fhir_portal_url(request_rec *r, const char *tenant)
{
    for (int i = 0; i < mod_fhir_sections(r->server); i++) {
        mod_fhir_settings_t settings;
        if (!mod_fhir_section_settings(&settings, r->server, i, MOD_FHIR_PORTAL) ||
            !settings.value[MOD_FHIR_PORTAL].place ||
            strcmp(mod_fhir_tenant(&settings), tenant) != 0)
            continue;
        as_endpoint(&settings);
        return mod_fhir_base_url(r, &settings);
    }
    return NULL;
}

/* What a portal call needs from httpd. */
typedef struct httpd_t {
    const char *const *mail; /* FHIRPortalMail, or NULL */
    request_rec *r;
    mod_fhir_child_t *child;
} httpd_t;

request_rec *mod_fhir_portal_request(const fhir_portal_t *portal)
{
    return ((const httpd_t *)portal->baton)->r;
}

/* An endpoint as it answers, with its statement and, if the database is there, the keys of its page
 * links, which a process takes when it first asks; NULL when there is no memory. */
static const fhir_endpoint_t *answering(const httpd_t *httpd, const mod_fhir_settings_t *settings,
                                        int has_store)
{
    mod_fhir_endpoint_t *made = mod_fhir_endpoint_get(httpd->child, settings);
    const char *why;
    fhir_log_t log;
    mod_fhir_log_request(&log, httpd->r);
    if (made && has_store)
        (void)mod_fhir_endpoint_store(&why, made, &log, httpd->r->pool);
    return made ? mod_fhir_endpoint_plain(made) : NULL;
}

/* Endpoints of the portal's own practice as they answer; those of other practices, of which there
 * may be thousands, as they are configured. */
static void add_endpoint(apr_array_header_t *list, const httpd_t *httpd,
                         const mod_fhir_settings_t *settings, const char *own_tenant, int has_store)
{
    if (settings->value[MOD_FHIR_ENDPOINT].place->audience == FHIR_AUDIENCE_OPEN)
        return;
    fhir_portal_endpoint_t *item = apr_array_push(list);
    *item = (fhir_portal_endpoint_t){
        .base_url = mod_fhir_base_url(httpd->r, settings),
        .place = settings->value[MOD_FHIR_ENDPOINT].place->path,
        .practice = settings->value[MOD_FHIR_PRACTICE_NAME].text,
        .organization = settings->value[MOD_FHIR_PRACTICE_ORGANIZATION].text,
        .logo = settings->value[MOD_FHIR_PRACTICE_LOGO].text,
    };
    const fhir_endpoint_t *own = strcmp(mod_fhir_tenant(settings), own_tenant) == 0
                                     ? answering(httpd, settings, has_store)
                                     : NULL;
    if (own)
        item->endpoint = *own;
    else
        mod_fhir_settings_apply(&item->endpoint, settings);
}

/* The documentation has forms that call an endpoint without tokens. It is not listed, since only
 * clients that httpd admits may use it. */
static void note_open(fhir_portal_t *portal, request_rec *r, const mod_fhir_settings_t *settings,
                      const char *own_tenant)
{
    const mod_fhir_place_t *place = settings->value[MOD_FHIR_ENDPOINT].place;
    int at = place->spoken == &fhir_model_dstu2;
    if (place->audience == FHIR_AUDIENCE_OPEN && !portal->open_base[at] &&
        !strcmp(mod_fhir_tenant(settings), own_tenant))
        portal->open_base[at] = mod_fhir_base_url(r, settings);
}

void mod_fhir_portal_list(fhir_portal_t *portal, const char *own_tenant, int has_store)
{
    const httpd_t *httpd = portal->baton;
    request_rec *r = httpd->r;
    apr_array_header_t *list = apr_array_make(r->pool, 16, sizeof(fhir_portal_endpoint_t));
    for (int i = 0; i < mod_fhir_sections(r->server); i++) {
        mod_fhir_settings_t settings;
        if (!mod_fhir_section_settings(&settings, r->server, i, MOD_FHIR_ENDPOINT))
            continue;
        add_endpoint(list, httpd, &settings, own_tenant, has_store);
        note_open(portal, r, &settings, own_tenant);
    }
    portal->n_endpoints = list->nelts;
    portal->endpoints = (fhir_portal_endpoint_t *)list->elts;
}

static const char asks[] = "fhir-asks"; /* a note of a request whose subrequest is a question */

int mod_fhir_portal_hush(request_rec *r)
{
    static const struct ap_logconf quiet = {.level = APLOG_CRIT};
    if (r->main && apr_table_get(r->main->notes, asks))
        r->log = &quiet;
    return DECLINED;
}

/* 1 if httpd's own rules admit the client of a request to a path. */
static int is_admitted(request_rec *r, const char *path)
{
    apr_table_setn(r->notes, asks, "1");
    request_rec *sub =
        ap_sub_req_method_uri("GET", apr_pstrcat(r->pool, path, "/metadata", NULL), r, NULL);
    int status = sub->status;
    ap_destroy_sub_req(sub);
    apr_table_unset(r->notes, asks);
    return status == HTTP_OK;
}

/* R4's endpoint without tokens, whose patients a test launch may be for: everybody whom httpd
 * admits to it may see them. */
static const fhir_portal_endpoint_t *open_to(const fhir_portal_t *portal, const char *tenant)
{
    request_rec *r = mod_fhir_portal_request(portal);
    for (int i = 0; i < mod_fhir_sections(r->server); i++) {
        mod_fhir_settings_t settings;
        if (!mod_fhir_section_settings(&settings, r->server, i, MOD_FHIR_ENDPOINT))
            continue;
        const mod_fhir_place_t *place = settings.value[MOD_FHIR_ENDPOINT].place;
        if (place->audience != FHIR_AUDIENCE_OPEN || place->spoken != &fhir_model_r4 ||
            strcmp(mod_fhir_tenant(&settings), tenant) != 0 || !is_admitted(r, place->path))
            continue;
        const fhir_endpoint_t *endpoint = answering(portal->baton, &settings, 1);
        if (!endpoint)
            continue;
        fhir_portal_endpoint_t *open = apr_pcalloc(r->pool, sizeof(*open));
        open->base_url = mod_fhir_base_url(r, &settings);
        open->place = place->path;
        open->endpoint = *endpoint;
        return open;
    }
    return NULL;
}

static const char *url_of(const fhir_portal_t *portal, const char *tenant)
{
    return mod_fhir_portal_url(mod_fhir_portal_request(portal), tenant);
}

/* ---- e-mail ---- */

static apr_status_t start(apr_proc_t *proc, const char *const *words, apr_pool_t *pool)
{
    static const char *const env[] = {"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", NULL};
    apr_procattr_t *attr;
    apr_status_t rv = apr_procattr_create(&attr, pool);
    if (!rv)
        rv = apr_procattr_io_set(attr, APR_FULL_BLOCK, APR_NO_PIPE, APR_NO_PIPE);
    if (!rv)
        rv = apr_procattr_cmdtype_set(attr, APR_PROGRAM);
    if (!rv)
        rv = apr_procattr_error_check_set(attr, 1);
    return rv ? rv : apr_proc_create(proc, words[0], words, env, attr, pool);
}

/* The exit status, or -1 when the command did not end in time. */
static int await(apr_proc_t *proc)
{
    int status = -1;
    apr_exit_why_e why;
    for (int i = 0; i < MAIL_SECONDS * 100; i++) {
        if (apr_proc_wait(proc, &status, &why, APR_NOWAIT) == APR_CHILD_DONE)
            return APR_PROC_CHECK_EXIT(why) ? status : -1;
        apr_sleep(APR_USEC_PER_SEC / 100);
    }
    apr_proc_kill(proc, SIGKILL);
    apr_proc_wait(proc, &status, &why, APR_WAIT);
    return -1;
}

static fhir_err_t *no_mail(apr_pool_t *pool, const char *program, const char *why)
{
    return fhir_err_detail(fhir_err_create(pool, FHIR_ERR_BUSY,
                                           "The e-mail could not be sent at the moment; try again "
                                           "later"),
                           pool, "FHIRPortalMail %s: %s", program, why);
}

static fhir_err_t *send_mail(const fhir_portal_t *portal, const char *message, apr_pool_t *pool)
{
    const char *const *words = ((const httpd_t *)portal->baton)->mail;
    apr_proc_t proc = {0};
    if (!words)
        return no_mail(pool, "is not set", "no e-mail can be sent");
    apr_status_t rv = start(&proc, words, pool);
    char text[120];
    if (rv)
        return no_mail(pool, words[0], apr_strerror(rv, text, sizeof(text)));
    apr_file_pipe_timeout_set(proc.in, MAIL_SECONDS * APR_USEC_PER_SEC);
    rv = apr_file_write_full(proc.in, message, strlen(message), NULL);
    apr_file_close(proc.in);
    int status = await(&proc);
    if (rv || status)
        return no_mail(pool, words[0],
                       status > 0 ? apr_psprintf(pool, "ended with status %d", status)
                       : status   ? "did not end as it should"
                                  : apr_strerror(rv, text, sizeof(text)));
    return NULL;
}

/* ---- requests ---- */

int mod_fhir_portal_handler(request_rec *r, const mod_fhir_settings_t *own, mod_fhir_child_t *child)
{
    mod_fhir_settings_t *settings = apr_pmemdup(r->pool, own, sizeof(*own));
    httpd_t httpd = {own->value[MOD_FHIR_PORTAL_MAIL].words, r, child};
    fhir_portal_t portal = {
        .sign_up = (fhir_sign_up_t)mod_fhir_number(own, MOD_FHIR_PORTAL_SIGN_UP),
        .practices = (int)mod_fhir_number(own, MOD_FHIR_PORTAL_PRACTICES),
        .has_mail = mod_fhir_is_set(own, MOD_FHIR_PORTAL_MAIL),
        .from = own->value[MOD_FHIR_PORTAL_FROM].text,
        .directory = mod_fhir_child_directory(child),
        .store = mod_fhir_child_store(child),
        .send_mail = send_mail,
        .url_of = url_of,
        .open_to = open_to,
        .baton = &httpd,
    };
    mod_fhir_health_fill(&portal);
    as_endpoint(settings);
    if (mod_fhir_is_misdirected(r, settings))
        return HTTP_MISDIRECTED_REQUEST;
    mod_fhir_endpoint_t *endpoint = mod_fhir_endpoint_get(child, settings);
    if (!endpoint)
        return HTTP_INTERNAL_SERVER_ERROR;
    return mod_fhir_auth_handler(r, settings, endpoint, child, &portal);
}
