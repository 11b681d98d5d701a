/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bundles by their type: what entries need and must not have, fullUrls, the first entry of
 * documents and messages. Findings have the keys of R4's invariants where there is one.
 * Source: http://hl7.org/fhir/R4/bundle.html
 */
#include <apr_strings.h>

#include "core/fhir_hash.h"
#include "core/fhir_text.h"
#include "fhir/validate/fhir_check_private.h"

#define TOTAL    0x01u /* Bundle.total is allowed */
#define SEARCH   0x02u /* entry.search is allowed */
#define REQUEST  0x04u /* entry.request is due; else it is not allowed */
#define RESPONSE 0x08u /* entry.response is due; else it is not allowed */
#define URL_DUE  0x10u /* entry.fullUrl is due where there is a resource */
#define TWINS    0x20u /* the same fullUrl may come again */
#define DOCUMENT 0x40u /* has an identifier and a timestamp */

typedef struct bundle_type_t {
    const char *name;
    unsigned flags;
    const char *first, *first_rule; /* type of the first resource, and the invariant's key */
} bundle_type_t;

static const bundle_type_t bundle_types[] = {
    {"document", URL_DUE | DOCUMENT, "Composition", "bdl-11"},
    {"message", URL_DUE, "MessageHeader", "bdl-12"},
    {"transaction", REQUEST, NULL, NULL},
    {"transaction-response", RESPONSE, NULL, NULL},
    {"batch", REQUEST, NULL, NULL},
    {"batch-response", RESPONSE, NULL, NULL},
    {"history", TOTAL | REQUEST | RESPONSE | TWINS, NULL, NULL},
    {"searchset", TOTAL | SEARCH, NULL, NULL},
    {"collection", 0, NULL, NULL},
};

/* One member of an entry that the Bundle's type asks for or rules out. */
static void check_part(fhir_check_t *c, const fhir_node_t *entry, const char *name, int due,
                       int allowed, const char *id, const bundle_type_t *type)
{
    const fhir_node_t *found = fhir_node_get(entry, name);

    if (found && !allowed) {
        apr_size_t mark = fhir_check_push(c, name, strlen(name), -1);

        fhir_check_finding(c, found, FHIR_ERR_INVALID, id,
                           "Entries of a Bundle of type %s have no '%s'", type->name, name);
        fhir_check_pop(c, mark);
    }
    else if (!found && due) {
        fhir_check_finding(c, entry, FHIR_ERR_REQUIRED, id,
                           "Each entry of a Bundle of type %s needs '%s'", type->name, name);
    }
}

static void check_request(fhir_check_t *c, const fhir_node_t *entry)
{
    const fhir_node_t *method = fhir_node_get(fhir_node_get(entry, "request"), "method");
    int sends = fhir_node_is(method, "POST") || fhir_node_is(method, "PUT") ||
                fhir_node_is(method, "PATCH");
    int fetches = fhir_node_is(method, "GET") || fhir_node_is(method, "HEAD") ||
                  fhir_node_is(method, "DELETE");

    if (sends && !fhir_node_get(entry, "resource"))
        fhir_check_finding(c, entry, FHIR_ERR_REQUIRED, "bundle-resource",
                           "An entry with the method %.*s needs a resource", (int)method->text_len,
                           method->text);
    if (fetches && fhir_node_get(entry, "resource"))
        fhir_check_finding(c, entry, FHIR_ERR_INVALID, "bundle-resource",
                           "An entry with the method %.*s must not have a resource",
                           (int)method->text_len, method->text);
}

/* Where a fullUrl is an http address of this kind it ends with the resource's type and id. */
static int url_agrees(const fhir_check_t *c, const fhir_node_t *url, const fhir_node_t *resource)
{
    const fhir_type_t *type = fhir_check_resource_type(c, resource);
    apr_size_t id_len, type_len, slash;
    const char *id = fhir_check_text(resource, "id", &id_len);
    const char *name = type ? fhir_check_type_name(c, type) : "";

    if (!id || !type || url->text_len < 4 || memcmp(url->text, "http", 4) != 0)
        return 1;
    type_len = strlen(name);
    if (url->text_len < id_len + type_len + 2)
        return 0;
    slash = url->text_len - id_len - 1;
    return url->text[slash] == '/' && !memcmp(url->text + slash + 1, id, id_len) &&
           !memcmp(url->text + slash - type_len, name, type_len);
}

static void check_full_url(fhir_check_t *c, const fhir_node_t *entry, const bundle_type_t *type,
                           apr_hash_t *seen)
{
    const fhir_node_t *url = fhir_node_get(entry, "fullUrl");
    const fhir_node_t *resource = fhir_node_get(entry, "resource");
    apr_size_t mark, version_len;
    const char *version, *key;

    if (!url || url->kind != FHIR_NODE_STRING) {
        if (resource && !url && (type->flags & URL_DUE))
            fhir_check_finding(c, entry, FHIR_ERR_REQUIRED, "bundle-full-url",
                               "Entries of a Bundle of type %s need a fullUrl", type->name);
        return;
    }
    version = fhir_check_text(fhir_node_get(resource, "meta"), "versionId", &version_len);
    key = apr_psprintf(c->issues->pool, "%.*s %.*s", (int)url->text_len, url->text,
                       (int)version_len, version ? version : "");
    mark = fhir_check_push(c, "fullUrl", 7, -1);
    if (!(type->flags & TWINS) && apr_hash_get(seen, key, APR_HASH_KEY_STRING))
        fhir_check_finding(c, url, FHIR_ERR_INVALID, "bdl-7",
                           "Another entry has the same fullUrl and version");
    apr_hash_set(seen, key, APR_HASH_KEY_STRING, key);
    if (strstr(key, "/_history/"))
        fhir_check_finding(c, url, FHIR_ERR_INVALID, "bdl-8",
                           "A fullUrl names a resource, not one of its versions");
    else if (!url_agrees(c, url, resource))
        fhir_check_finding(c, url, FHIR_ERR_INVALID, "bundle-full-url",
                           "The fullUrl does not end with the resource's type and id");
    fhir_check_pop(c, mark);
}

static void check_entry(fhir_check_t *c, const fhir_node_t *entry, const bundle_type_t *type,
                        apr_hash_t *seen)
{
    unsigned flags = type->flags;

    check_part(c, entry, "search", 0, !!(flags & SEARCH), "bdl-2", type);
    check_part(c, entry, "request", !!(flags & REQUEST), !!(flags & REQUEST), "bdl-3", type);
    check_part(c, entry, "response", !!(flags & RESPONSE), !!(flags & RESPONSE), "bdl-4", type);
    if (!fhir_node_get(entry, "resource") && !fhir_node_get(entry, "request") &&
        !fhir_node_get(entry, "response"))
        fhir_check_finding(c, entry, FHIR_ERR_REQUIRED, "bdl-5",
                           "An entry needs a resource, unless it has a request or a response");
    if ((flags & REQUEST) && !(flags & RESPONSE))
        check_request(c, entry);
    check_full_url(c, entry, type, seen);
}

static void check_first(fhir_check_t *c, const fhir_node_t *entry, const bundle_type_t *type)
{
    const fhir_node_t *resource = fhir_node_get(entry, "resource");
    apr_size_t mark = 0;

    if (!type->first || fhir_node_is(fhir_node_get(resource, "resourceType"), type->first))
        return;
    if (entry)
        mark = fhir_check_push(c, "entry", 5, 0);
    fhir_check_finding(c, entry, FHIR_ERR_INVALID, type->first_rule,
                       "The first resource of a Bundle of type %s is a %s", type->name,
                       type->first);
    if (entry)
        fhir_check_pop(c, mark);
}

static void check_document(fhir_check_t *c, const fhir_node_t *bundle)
{
    const fhir_node_t *identifier = fhir_node_get(bundle, "identifier");

    apr_size_t mark = c->path->len;

    if (identifier)
        fhir_check_push(c, "identifier", 10, -1);
    if (!fhir_node_get(identifier, "system") || !fhir_node_get(identifier, "value"))
        fhir_check_finding(c, identifier ? identifier : bundle, FHIR_ERR_REQUIRED, "bdl-9",
                           "A document has an identifier with system and value");
    fhir_check_pop(c, mark);
    if (!fhir_node_get(bundle, "timestamp"))
        fhir_check_finding(c, bundle, FHIR_ERR_REQUIRED, "bdl-10", "A document has a timestamp");
}

void fhir_check_bundle(fhir_check_t *c, const fhir_node_t *bundle)
{
    const fhir_node_t *name = fhir_node_get(bundle, "type");
    const fhir_node_t *list = fhir_node_get(bundle, "entry"), *entry, *total;
    const bundle_type_t *type = NULL;
    apr_hash_t *seen;
    apr_size_t i, mark;
    int index = 0;

    for (i = 0; i < sizeof(bundle_types) / sizeof(bundle_types[0]); i++)
        if (fhir_node_is(name, bundle_types[i].name))
            type = &bundle_types[i];
    if (!type || fhir_model_release(c->model) < 4)
        return;
    total = fhir_node_get(bundle, "total");
    if (total && !(type->flags & TOTAL)) {
        mark = fhir_check_push(c, "total", 5, -1);
        fhir_check_finding(c, total, FHIR_ERR_INVALID, "bdl-1",
                           "Only searches and histories have a total");
        fhir_check_pop(c, mark);
    }
    if (type->flags & DOCUMENT)
        check_document(c, bundle);
    entry = list && list->kind == FHIR_NODE_ARRAY ? list->child : NULL;
    check_first(c, entry, type);
    seen = fhir_hash_make(c->issues->pool);
    for (; entry; entry = entry->next, index++) {
        mark = fhir_check_push(c, "entry", 5, index);
        check_entry(c, entry, type, seen);
        fhir_check_pop(c, mark);
    }
}
