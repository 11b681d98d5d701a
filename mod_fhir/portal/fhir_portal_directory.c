/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Endpoint Directory: the practices of this server and their endpoints, as a page and as
 * Bundles that programs read: service base URLs and user-access brands, of each release. Source: 45
 * CFR 170.404(b)(2); https://hl7.org/fhir/smart-app-launch/brands.html
 */
#include <apr_hash.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "core/fhir_digest.h"
#include "core/fhir_hash.h"
#include "core/fhir_text.h"
#include "portal/fhir_directory.h"
#include "portal/fhir_portal_private.h"

#define ON_PAGE 20
#define PROFILE "http://hl7.org/fhir/smart-app-launch/StructureDefinition/"

static fhir_err_t *practices_of(fhir_practices_t *out, fhir_auth_call_t *call)
{
    return fhir_directory_practices(out, fhir_portal_of(call), call->request->log, call->pool);
}

/* ---- the page ---- */

static void show_endpoints(fhir_view_t *card, const fhir_auth_call_t *call,
                           const fhir_practice_t *practice)
{
    const fhir_portal_t *portal = fhir_portal_of(call);
    for (int i = 0; i < portal->n_endpoints; i++) {
        const fhir_portal_endpoint_t *endpoint = &portal->endpoints[i];
        if (!strcmp(endpoint->endpoint.tenant, practice->tenant))
            fhir_portal_add_endpoint(card, endpoint);
    }
}

static void show_practice(fhir_view_t *view, const fhir_auth_call_t *call,
                          const fhir_practice_t *practice)
{
    fhir_view_t *card = fhir_view_add(view, "practices");
    fhir_view_set(card, "tenant", practice->tenant);
    fhir_view_set(card, "name", practice->name);
    fhir_view_set(card, "aliases", practice->aliases);
    fhir_view_set(card, "npi", practice->npi);
    fhir_view_set(card, "phone", practice->phone);
    fhir_view_set(card, "line", practice->line);
    fhir_view_set(card, "place",
                  apr_pstrcat(call->pool, practice->city,
                              *practice->city && *practice->state ? ", " : "", practice->state,
                              *practice->zip ? " " : "", practice->zip, NULL));
    fhir_view_flag(card, "up", practice->up);
    show_endpoints(card, call, practice);
}

/* The releases that have Bundles of their own, beside R4. */
static void show_releases(fhir_view_t *view, const fhir_auth_call_t *call)
{
    const fhir_portal_t *portal = fhir_portal_of(call);
    apr_hash_t *shown = fhir_hash_make(call->pool);
    apr_hash_set(shown, "R4", APR_HASH_KEY_STRING, "");
    for (int i = 0; i < portal->n_endpoints; i++) {
        const char *label = portal->endpoints[i].endpoint.spoken->label;
        if (apr_hash_get(shown, label, APR_HASH_KEY_STRING))
            continue;
        apr_hash_set(shown, label, APR_HASH_KEY_STRING, "");
        fhir_view_set(fhir_view_add(view, "releases"), "release", label);
    }
}

fhir_err_t *fhir_portal_directory(fhir_auth_call_t *call)
{
    const char *words = fhir_auth_param(&call->query, "q");
    const char *from_text = fhir_auth_param(&call->query, "from");
    fhir_view_t *view = fhir_auth_view(call);
    fhir_buf_t *folded = fhir_buf_create(call->pool, 0);
    int from = from_text && strlen(from_text) < 8 ? atoi(from_text) : 0, found = 0;
    fhir_practices_t practices;
    FHIR_TRY(practices_of(&practices, call));
    words = words && strlen(words) <= 200 ? words : "";
    fhir_text_fold(folded, words, strlen(words));
    const char *wanted = fhir_buf_cstr(folded);
    fhir_view_flag(view, "wide", 1);
    fhir_view_set(view, "q", words);
    show_releases(view, call);
    for (int i = 0; i < practices.n; i++) {
        if (!fhir_directory_matches(&practices.list[i], wanted, call->pool))
            continue;
        if (found >= from && found < from + ON_PAGE)
            show_practice(view, call, &practices.list[i]);
        found++;
    }
    fhir_view_set(view, "found", apr_itoa(call->pool, found));
    if (found > from + ON_PAGE)
        fhir_view_set(view, "next", apr_itoa(call->pool, from + ON_PAGE));
    if (from > 0)
        fhir_view_set(view, "before", apr_itoa(call->pool, from > ON_PAGE ? from - ON_PAGE : 0));
    return fhir_portal_public_page(call, "directory", view, 60);
}

/* ---- Bundles ---- */

typedef struct bundle_t {
    fhir_buf_t *buf;
    fhir_auth_call_t *call;
    const fhir_model_t *release; /* of the endpoints */
    apr_hash_t *ids;             /* of endpoints, by base URL */
    apr_hash_t *listed;          /* by tenant: arrays of fhir_portal_endpoint_t * */
    int brands;                  /* 1: user-access brands, 0: service base URLs */
    int n;
} bundle_t;

/* Tenants' names have a letter that ids of FHIR do not. */
static const char *as_id(const char *tenant, apr_pool_t *pool)
{
    char *id = apr_pstrdup(pool, tenant);
    for (char *s = id; *s; s++)
        if (*s == '_')
            *s = '.';
    return id;
}

static int is_listed(const bundle_t *bundle, const fhir_portal_endpoint_t *endpoint)
{
    /* brands are for patients' apps */
    return endpoint->endpoint.spoken == bundle->release &&
           (!bundle->brands || endpoint->endpoint.audience == FHIR_AUDIENCE_PATIENT);
}

/* Ids that stay the same while the configuration does: practice, release, audience, and from the
 * second on a number. */
static void name_endpoints(bundle_t *bundle)
{
    const fhir_portal_t *portal = fhir_portal_of(bundle->call);
    apr_pool_t *pool = bundle->call->pool;
    apr_hash_t *taken = fhir_hash_make(pool);
    bundle->ids = fhir_hash_make(pool);
    for (int i = 0; i < portal->n_endpoints; i++) {
        const fhir_portal_endpoint_t *e = &portal->endpoints[i];
        const char *id = apr_pstrcat(
            pool, as_id(e->endpoint.tenant, pool), "-", e->endpoint.spoken->label,
            e->endpoint.audience == FHIR_AUDIENCE_PATIENT ? "-patient" : "-provider", NULL);
        int *n = apr_hash_get(taken, id, APR_HASH_KEY_STRING);
        if (!n) {
            n = apr_pcalloc(pool, sizeof(*n));
            apr_hash_set(taken, id, APR_HASH_KEY_STRING, n);
        }
        if ((*n)++)
            id = apr_psprintf(pool, "%s-%d", id, *n);
        apr_hash_set(bundle->ids, e->base_url, APR_HASH_KEY_STRING, id);
    }
}

static void put(bundle_t *bundle, const char *name, const char *value)
{
    fhir_auth_member(bundle->buf, name, value);
}

static void open_entry(bundle_t *bundle, const char *type, const char *id, const char *profile)
{
    const char *base = bundle->call->request->base_url;
    fhir_buf_puts(bundle->buf, bundle->n++ ? ",{\"fullUrl\":" : "{\"fullUrl\":");
    base = apr_pstrcat(bundle->call->pool, base, "/", type, "/", id, NULL);
    fhir_buf_json_string(bundle->buf, base, strlen(base));
    fhir_buf_printf(bundle->buf, ",\"resource\":{\"resourceType\":\"%s\",\"id\":\"%s\"", type, id);
    if (bundle->brands)
        fhir_buf_printf(bundle->buf, ",\"meta\":{\"profile\":[\"" PROFILE "%s\"]}", profile);
}

static void close_entry(bundle_t *bundle)
{
    fhir_buf_puts(bundle->buf, "}}");
}

static void put_endpoint(bundle_t *bundle, const fhir_portal_endpoint_t *endpoint, const char *name)
{
    const char *id = apr_hash_get(bundle->ids, endpoint->base_url, APR_HASH_KEY_STRING);
    apr_pool_t *pool = bundle->call->pool;
    open_entry(bundle, "Endpoint", id, "user-access-endpoint");
    fhir_buf_printf(bundle->buf,
                    ",\"extension\":[{\"url\":\"http://hl7.org/fhir/StructureDefinition/"
                    "endpoint-fhir-version\",\"valueCode\":\"%s\"}],\"status\":\"active\","
                    "\"connectionType\":{\"system\":\"http://terminology.hl7.org/CodeSystem/"
                    "endpoint-connection-type\",\"code\":\"hl7-fhir-rest\"}",
                    endpoint->endpoint.spoken->version);
    put(bundle, "name",
        apr_psprintf(pool, "%s, FHIR %s for %s", name, endpoint->endpoint.spoken->label,
                     endpoint->endpoint.audience == FHIR_AUDIENCE_PATIENT ? "patients" : "staff"));
    fhir_buf_printf(bundle->buf,
                    ",\"managingOrganization\":{\"reference\":\"Organization/%s\"},"
                    "\"contact\":[{\"system\":\"url\"",
                    as_id(endpoint->endpoint.tenant, pool));
    put(bundle, "value", bundle->call->request->base_url);
    fhir_buf_puts(bundle->buf,
                  "}],\"payloadType\":[{\"coding\":[{\"system\":\"http://terminology.hl7.org/"
                  "CodeSystem/endpoint-payload-type\",\"code\":\"none\"}]}]");
    put(bundle, "address", endpoint->base_url);
    close_entry(bundle);
}

/* Computed once for all practices, of which there may be thousands. */
static void sort_endpoints(bundle_t *bundle)
{
    const fhir_portal_t *portal = fhir_portal_of(bundle->call);
    apr_pool_t *pool = bundle->call->pool;
    bundle->listed = fhir_hash_make(pool);
    for (int i = 0; i < portal->n_endpoints; i++) {
        const fhir_portal_endpoint_t *endpoint = &portal->endpoints[i];
        const char *tenant = endpoint->endpoint.tenant;
        apr_array_header_t *list = apr_hash_get(bundle->listed, tenant, APR_HASH_KEY_STRING);
        if (!is_listed(bundle, endpoint))
            continue;
        if (!list) {
            list = apr_array_make(pool, 2, sizeof(endpoint));
            apr_hash_set(bundle->listed, tenant, APR_HASH_KEY_STRING, list);
        }
        *(const fhir_portal_endpoint_t **)apr_array_push(list) = endpoint;
    }
}

/* A member as the practice's own record has it. */
static void copy(bundle_t *bundle, const fhir_node_t *record, const char *name, const char *as)
{
    const fhir_node_t *node = fhir_node_get(record, name);
    if (!node)
        return;
    fhir_buf_printf(bundle->buf, ",\"%s\":", as);
    fhir_node_write_json(bundle->buf, node, 0);
}

static const char *brand_of(const char *portal_url, const char *tenant, apr_pool_t *pool)
{
    return apr_pstrcat(pool, portal_url, "/directory/brands#", tenant, NULL);
}

static void put_identifiers(bundle_t *bundle, const fhir_practice_t *practice)
{
    const fhir_node_t *list = fhir_node_get(practice->organization, "identifier");
    fhir_buf_puts(bundle->buf, ",\"identifier\":[{\"system\":\"urn:ietf:rfc:3986\"");
    put(bundle, "value",
        brand_of(bundle->call->request->base_url, practice->tenant, bundle->call->pool));
    fhir_buf_putc(bundle->buf, '}');
    for (const fhir_node_t *item = list ? list->child : NULL; item; item = item->next) {
        fhir_buf_putc(bundle->buf, ',');
        fhir_node_write_json(bundle->buf, item, 0);
    }
    fhir_buf_putc(bundle->buf, ']');
}

/* Telephone and similar, and a web address, which every brand must have. */
static void put_telecom(bundle_t *bundle, const fhir_practice_t *practice)
{
    const fhir_node_t *list = fhir_node_get(practice->organization, "telecom");
    int n = 0, has_url = 0;
    fhir_buf_puts(bundle->buf, ",\"telecom\":[");
    for (const fhir_node_t *item = list ? list->child : NULL; item; item = item->next) {
        has_url |= fhir_node_is(fhir_node_get(item, "system"), "url");
        fhir_buf_puts(bundle->buf, n++ ? "," : "");
        fhir_node_write_json(bundle->buf, item, 0);
    }
    if (!has_url) {
        fhir_buf_puts(bundle->buf, n ? ",{\"system\":\"url\"" : "{\"system\":\"url\"");
        put(bundle, "value", bundle->call->request->base_url);
        fhir_buf_putc(bundle->buf, '}');
    }
    fhir_buf_putc(bundle->buf, ']');
}

static void put_references(bundle_t *bundle, const fhir_practice_t *practice)
{
    const apr_array_header_t *list =
        apr_hash_get(bundle->listed, practice->tenant, APR_HASH_KEY_STRING);
    for (int i = 0; list && i < list->nelts; i++) {
        const fhir_portal_endpoint_t *endpoint =
            APR_ARRAY_IDX(list, i, const fhir_portal_endpoint_t *);
        fhir_buf_printf(bundle->buf, "%s{\"reference\":\"Endpoint/%s\"}",
                        i ? "," : ",\"endpoint\":[",
                        (char *)apr_hash_get(bundle->ids, endpoint->base_url, APR_HASH_KEY_STRING));
    }
    if (list)
        fhir_buf_putc(bundle->buf, ']');
}

static const fhir_node_t *own_addresses(const fhir_practice_t *practice)
{
    return fhir_node_get(practice->organization, "address");
}

static const fhir_node_t *first_place(const fhir_practice_t *practice)
{
    return practice->n_locations ? fhir_node_get(practice->locations[0], "address") : NULL;
}

static void put_address(bundle_t *bundle, const fhir_practice_t *practice)
{
    const fhir_node_t *place = first_place(practice);
    if (own_addresses(practice))
        copy(bundle, practice->organization, "address", "address");
    else if (place) {
        fhir_buf_puts(bundle->buf, ",\"address\":[");
        fhir_node_write_json(bundle->buf, place, 0);
        fhir_buf_putc(bundle->buf, ']');
    }
}

fhir_err_t *fhir_portal_show_unlisted(fhir_view_t *view, fhir_auth_call_t *call)
{
    fhir_practices_t practices;
    FHIR_TRY(practices_of(&practices, call));
    for (int i = 0; i < practices.n; i++) {
        const fhir_practice_t *practice = &practices.list[i];
        if (strcmp(practice->tenant, call->tenant) != 0 || !practice->read ||
            own_addresses(practice) || first_place(practice))
            continue;
        fhir_view_set(view, "unlisted",
                      practice->organization ? "unlisted-address" : "unlisted-organization");
        fhir_view_set(view, "unlisted_name", practice->name);
        fhir_view_set(view, "unlisted_id",
                      fhir_node_string(practice->organization, "id", call->pool));
    }
    return NULL;
}

/* The public part of the practice's own record: no contacts, no extensions of its own. */
static void put_practice(bundle_t *bundle, const fhir_practice_t *practice)
{
    open_entry(bundle, "Organization", as_id(practice->tenant, bundle->call->pool),
               "user-access-brand");
    put_identifiers(bundle, practice);
    fhir_buf_puts(bundle->buf, ",\"active\":true");
    copy(bundle, practice->organization, "type", "type");
    put(bundle, "name", practice->name);
    copy(bundle, practice->organization, "alias", "alias");
    put_telecom(bundle, practice);
    put_address(bundle, practice);
    put_references(bundle, practice);
    close_entry(bundle);
}

/* A location of a practice that has several: an Organization that is part of it. */
static void put_place(bundle_t *bundle, const fhir_practice_t *practice, int i)
{
    const fhir_node_t *place = practice->locations[i], *address = fhir_node_get(place, "address");
    const char *tenant = as_id(practice->tenant, bundle->call->pool);
    const char *name = fhir_node_string(place, "name", bundle->call->pool);
    if (!name || !address)
        return;
    open_entry(bundle, "Organization", apr_psprintf(bundle->call->pool, "%s-%d", tenant, i + 1),
               "user-access-brand");
    fhir_buf_puts(bundle->buf, ",\"identifier\":[{\"system\":\"urn:ietf:rfc:3986\"");
    put(bundle, "value",
        apr_psprintf(bundle->call->pool, "%s/directory/brands#%s-%d",
                     bundle->call->request->base_url, practice->tenant, i + 1));
    fhir_buf_puts(bundle->buf, "}],\"active\":true");
    put(bundle, "name", name);
    fhir_buf_puts(bundle->buf, ",\"telecom\":[{\"system\":\"url\"");
    put(bundle, "value", bundle->call->request->base_url);
    fhir_buf_puts(bundle->buf, "}],\"address\":[");
    fhir_node_write_json(bundle->buf, address, 0);
    fhir_buf_printf(bundle->buf, "],\"partOf\":{\"reference\":\"Organization/%s\"}", tenant);
    close_entry(bundle);
}

/* The newest change in the Bundle, so that an unchanged Bundle has the same bytes. */
static const char *timestamp_of(const fhir_practices_t *practices, apr_pool_t *pool)
{
    const char *newest = "2026-01-01T00:00:00Z";
    for (int i = 0; i < practices->n; i++) {
        const fhir_practice_t *practice = &practices->list[i];
        for (int k = -1; k < practice->n_locations; k++) {
            const fhir_node_t *record = k < 0 ? practice->organization : practice->locations[k];
            const char *at = fhir_node_string(fhir_node_get(record, "meta"), "lastUpdated", pool);
            newest = at && strcmp(at, newest) > 0 ? at : newest;
        }
    }
    return newest;
}

/* A practice is in the Bundle of each release that it has an endpoint of. It is also among the
 * brands when the endpoint is for staff, because its smart-configuration names the brand. */
static apr_hash_t *practices_with(const bundle_t *bundle)
{
    const fhir_portal_t *portal = fhir_portal_of(bundle->call);
    apr_hash_t *with = fhir_hash_make(bundle->call->pool);
    for (int i = 0; i < portal->n_endpoints; i++)
        if (portal->endpoints[i].endpoint.spoken == bundle->release)
            apr_hash_set(with, portal->endpoints[i].endpoint.tenant, APR_HASH_KEY_STRING, "");
    return with;
}

typedef struct asked_t {
    bundle_t *bundle;
    const fhir_practices_t *practices;
} asked_t;

static fhir_err_t *write_bundle(fhir_buf_t *out, void *baton)
{
    bundle_t *bundle = ((const asked_t *)baton)->bundle;
    const fhir_practices_t *practices = ((const asked_t *)baton)->practices;
    const fhir_portal_t *portal = fhir_portal_of(bundle->call);
    apr_hash_t *with = practices_with(bundle);
    apr_hash_t *names = fhir_hash_make(bundle->call->pool);
    bundle->buf = out;
    name_endpoints(bundle);
    sort_endpoints(bundle);
    fhir_buf_puts(out, "{\"resourceType\":\"Bundle\"");
    if (bundle->brands)
        fhir_buf_puts(out, ",\"meta\":{\"profile\":[\"" PROFILE "user-access-brands-bundle\"]}");
    fhir_buf_puts(out, ",\"type\":\"collection\"");
    put(bundle, "timestamp", timestamp_of(practices, bundle->call->pool));
    fhir_buf_puts(out, apr_hash_count(with) ? ",\"entry\":[" : "");
    for (int i = 0; i < practices->n; i++) {
        const fhir_practice_t *practice = &practices->list[i];
        if (!apr_hash_get(with, practice->tenant, APR_HASH_KEY_STRING))
            continue;
        apr_hash_set(names, practice->tenant, APR_HASH_KEY_STRING, practice->name);
        put_practice(bundle, practice);
        for (int k = 0; practice->n_locations > 1 && k < practice->n_locations; k++)
            put_place(bundle, practice, k);
    }
    for (int i = 0; i < portal->n_endpoints; i++)
        if (is_listed(bundle, &portal->endpoints[i]))
            put_endpoint(
                bundle, &portal->endpoints[i],
                apr_hash_get(names, portal->endpoints[i].endpoint.tenant, APR_HASH_KEY_STRING));
    fhir_buf_puts(out, apr_hash_count(with) ? "]}" : "}");
    return NULL;
}

/* What a Bundle depends on: which one it is, what the practices' records say, and the addresses of
 * this server, which may be those that the request uses. */
static const char *key_of(const bundle_t *bundle, const fhir_practices_t *practices)
{
    const fhir_portal_t *portal = fhir_portal_of(bundle->call);
    apr_pool_t *pool = bundle->call->pool;
    fhir_digest_ctx_t *digest = fhir_digest_create(pool);
    unsigned char bytes[FHIR_DIGEST_LEN];
    for (int i = 0; i < portal->n_endpoints; i++) {
        const char *url = portal->endpoints[i].base_url;
        fhir_digest_add(digest, url, strlen(url) + 1);
    }
    fhir_digest_finish(bytes, digest);
    return apr_psprintf(pool, "%d %s %" APR_UINT64_T_FMT " %s %s", bundle->brands,
                        bundle->release->label, practices->version, fhir_digest_hex(bytes, pool),
                        bundle->call->request->base_url);
}

/* A Bundle has the endpoints of one release: clients that read it as R4 request the
 * CapabilityStatement of each, which DSTU2 does not have. */
static fhir_err_t *answer_bundle(fhir_auth_call_t *call, int brands)
{
    const char *path =
        call->request->path + strlen(brands ? "directory/brands" : "directory/endpoints");
    const char *label = *path ? path + 1 : "R4";
    bundle_t bundle = {.call = call, .brands = brands};
    bundle.release = fhir_model_by_label(label);
    if (!bundle.release || strcmp(bundle.release->label, label) != 0)
        return fhir_portal_none(call, "release of FHIR");
    fhir_practices_t practices;
    FHIR_TRY(practices_of(&practices, call));
    asked_t asked = {&bundle, &practices};
    const fhir_document_t *document;
    FHIR_TRY(fhir_kept_get(&document, fhir_directory_documents(fhir_portal_of(call)),
                           key_of(&bundle, &practices), write_bundle, &asked, call->pool));
    fhir_portal_kept(call, "application/fhir+json", document);
    return NULL;
}

fhir_err_t *fhir_portal_endpoints(fhir_auth_call_t *call)
{
    return answer_bundle(call, 0);
}

fhir_err_t *fhir_portal_brands(fhir_auth_call_t *call)
{
    return answer_bundle(call, 1);
}
