/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status of the server: which endpoints answer, since when, and until when their certificates
 * are valid. It is public: it names nothing but what the directory does, and looks at nothing that
 * a client names.
 */
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "core/fhir_hash.h"
#include "fhir/fhir_statement.h"
#include "portal/fhir_directory.h"
#include "portal/fhir_portal_private.h"

#define ON_PAGE 100
#define DAY     apr_time_from_sec(86400)

/* An endpoint with its practice. */
typedef struct seen_t {
    const fhir_portal_endpoint_t *endpoint;
    const fhir_practice_t *practice;
} seen_t;

/* The endpoints of a practice, or (tenant NULL) of all; those that do not answer first. */
static fhir_err_t *see(apr_array_header_t **out, const fhir_auth_call_t *call, const char *tenant)
{
    const fhir_portal_t *portal = fhir_portal_of(call);
    apr_array_header_t *list = apr_array_make(call->pool, 16, sizeof(seen_t));
    apr_hash_t *by_tenant = fhir_hash_make(call->pool);
    fhir_practices_t practices;
    FHIR_TRY(fhir_directory_practices(&practices, portal, call->request->log, call->pool));
    for (int i = 0; i < practices.n; i++)
        apr_hash_set(by_tenant, practices.list[i].tenant, APR_HASH_KEY_STRING, &practices.list[i]);
    for (int up = 0; up <= 1; up++)
        for (int i = 0; i < portal->n_endpoints; i++) {
            const char *of = portal->endpoints[i].endpoint.tenant;
            const fhir_practice_t *practice = apr_hash_get(by_tenant, of, APR_HASH_KEY_STRING);
            if (practice && practice->up == up && (!tenant || !strcmp(of, tenant)))
                *(seen_t *)apr_array_push(list) = (seen_t){&portal->endpoints[i], practice};
        }
    *out = list;
    return NULL;
}

fhir_err_t *fhir_portal_show_health(fhir_view_t *view, const fhir_auth_call_t *call,
                                    const char *tenant)
{
    apr_array_header_t *list;
    FHIR_TRY(see(&list, call, tenant));
    for (int i = 0; i < list->nelts; i++) {
        const seen_t *seen = &APR_ARRAY_IDX(list, i, seen_t);
        fhir_view_flag(fhir_portal_add_endpoint(view, seen->endpoint), "up", seen->practice->up);
    }
    return NULL;
}

/* ---- times ---- */

static const char *format(const char *form, apr_time_t at, apr_pool_t *pool)
{
    apr_time_exp_t t;
    apr_size_t len;
    char text[40];
    if (apr_time_exp_gmt(&t, at) || apr_strftime(text, &len, sizeof(text), form, &t))
        return "";
    return apr_pstrmemdup(pool, text, len);
}

/* For programs by this name, and for people. */
static void show_time(fhir_view_t *view, const char *name, apr_time_t at, apr_pool_t *pool)
{
    if (!at)
        return;
    fhir_view_set(view, name, format("%Y-%m-%dT%H:%M:%SZ", at, pool));
    fhir_view_set(view, apr_pstrcat(pool, name, "_text", NULL),
                  format("%Y-%m-%d %H:%M UTC", at, pool));
}

/* Returns 1 if somebody should care. */
static int show_certificate(fhir_view_t *view, const fhir_auth_call_t *call, const char *base_url)
{
    apr_time_t end = fhir_portal_of(call)->certificate(fhir_portal_of(call), base_url);
    apr_time_t left = end - apr_time_now();
    if (end == FHIR_CERTIFICATE_NONE || end == FHIR_CERTIFICATE_UNKNOWN) {
        fhir_view_set(view, "certificate",
                      end == FHIR_CERTIFICATE_NONE ? "certificate-none" : "certificate-unknown");
        return 0;
    }
    int is_over = left < 0, is_soon = left < FHIR_CERTIFICATE_SOON * DAY;
    fhir_view_set(view, "certificate",
                  is_over   ? "certificate-over"
                  : is_soon ? "certificate-soon"
                            : "certificate-good");
    fhir_view_flag(view, "certificate_over", is_over);
    fhir_view_flag(view, "certificate_soon", is_soon && !is_over);
    fhir_view_set(view, "certificate_days",
                  apr_psprintf(call->pool, "%" APR_TIME_T_FMT, is_over ? 0 : left / DAY));
    fhir_view_set(view, "certificate_ends", format("%Y-%m-%d", end, call->pool));
    return is_soon;
}

void fhir_portal_show_ending(fhir_view_t *view, const fhir_auth_call_t *call)
{
    const fhir_portal_t *portal = fhir_portal_of(call);
    for (int i = 0; i < portal->n_endpoints; i++) {
        const fhir_portal_endpoint_t *endpoint = &portal->endpoints[i];
        fhir_view_t *row = fhir_view_create(call->pool);
        if (strcmp(endpoint->endpoint.tenant, call->tenant) != 0 ||
            !show_certificate(row, call, endpoint->base_url))
            continue;
        row = fhir_view_add(view, "ending");
        fhir_view_set(row, "url", endpoint->base_url);
        (void)show_certificate(row, call, endpoint->base_url);
    }
}

/* ---- the page ---- */

static void show_endpoint(fhir_view_t *view, const fhir_auth_call_t *call, const seen_t *seen)
{
    fhir_view_t *row = fhir_portal_add_endpoint(view, seen->endpoint);
    fhir_view_set(row, "name", seen->practice->name);
    fhir_view_flag(row, "up", seen->practice->up);
    show_time(row, "since", seen->practice->since, call->pool);
    (void)show_certificate(row, call, seen->endpoint->base_url);
}

fhir_err_t *fhir_portal_status(fhir_auth_call_t *call)
{
    const fhir_portal_t *portal = fhir_portal_of(call);
    const char *from_text = fhir_auth_param(&call->query, "from");
    int from = from_text && strlen(from_text) < 8 ? atoi(from_text) : 0, up = 0;
    fhir_view_t *view = fhir_auth_view(call);
    apr_array_header_t *list;
    FHIR_TRY(see(&list, call, NULL));
    fhir_view_flag(view, "wide", 1);
    if (!portal->hides_version)
        fhir_view_set(view, "version", PACKAGE_VERSION);
    show_time(view, "started", portal->started, call->pool);
    for (int i = 0; i < list->nelts; i++) {
        const seen_t *seen = &APR_ARRAY_IDX(list, i, seen_t);
        up += seen->practice->up;
        if (i >= from && i < from + ON_PAGE)
            show_endpoint(view, call, seen);
    }
    fhir_view_set(view, "answering", apr_itoa(call->pool, up));
    fhir_view_set(view, "all", apr_itoa(call->pool, list->nelts));
    fhir_view_flag(view, "all_up", up == list->nelts);
    if (list->nelts > from + ON_PAGE)
        fhir_view_set(view, "next", apr_itoa(call->pool, from + ON_PAGE));
    if (from > 0)
        fhir_view_set(view, "before", apr_itoa(call->pool, from > ON_PAGE ? from - ON_PAGE : 0));
    return fhir_portal_public_page(call, "status", view, 5);
}
