/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bundles by their type: what entries must and must not have, fullUrls, the first entry of
 * documents and messages. A finding has the key of R4's invariant, if there is one.
 * Source: http://hl7.org/fhir/R4/bundle.html
 */
#include <apr_lib.h>
#include <apr_strings.h>

#include "core/fhir_hash.h"
#include "core/fhir_text.h"
#include "fhir/validate/fhir_check_private.h"

#define TOTAL    0x01u /* Bundle.total is allowed */
#define SEARCH   0x02u /* entry.search is allowed */
#define REQUEST  0x04u /* entry.request is required; otherwise it is not allowed */
#define RESPONSE 0x08u /* entry.response is required; otherwise it is not allowed */
#define URL_DUE  0x10u /* entry.fullUrl is required if there is a resource that has an identity */
#define TWINS    0x20u /* a fullUrl may be repeated */
#define DOCUMENT                                                                                   \
    0x40u /* needs an identifier, a timestamp, and the resources to which its Composition refers   \
           */
#define NAMELESS 0x80u /* a resource without an id, or an outcome, needs no fullUrl */

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
    {"history", TOTAL | REQUEST | RESPONSE | TWINS | URL_DUE, NULL, NULL},
    {"searchset", TOTAL | SEARCH | URL_DUE | NAMELESS, NULL, NULL},
    {"collection", URL_DUE, NULL, NULL},
};

/* Checks a member of an entry that the type of the Bundle requires or forbids. */
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

/* Where "Type/id" begins in a URL of a resource on a server, or 0.
 * Source: the regular expression of http://hl7.org/fhir/R4/references.html#literal, without
 * version */
static apr_size_t restful(const fhir_check_t *c, const char *url, apr_size_t len)
{
    apr_size_t scheme = len > 7 && !memcmp(url, "http://", 7)    ? 7
                        : len > 8 && !memcmp(url, "https://", 8) ? 8
                                                                 : 0;
    apr_size_t id = len;

    while (id > scheme && url[id - 1] != '/')
        id--;
    if (!scheme || id <= scheme || !fhir_text_is_id(url + id, len - id))
        return 0;
    apr_size_t type;
    for (type = id - 1; type > scheme && url[type - 1] != '/'; type--)
        ;
    for (apr_size_t i = scheme; i < type; i++)
        if (!apr_isalnum(url[i]) && !strchr("-\\.:%$/", url[i]))
            return 0;
    return type > scheme && fhir_model_resource(c->model, url + type, id - 1 - type) ? type : 0;
}

/* 1 if a URL begins with a scheme. */
static int is_absolute(const char *url, apr_size_t len)
{
    apr_size_t i = 0;

    while (i < len && (apr_isalnum(url[i]) || strchr("+.-", url[i])))
        i++;
    return i && i < len && url[i] == ':' && apr_isalpha(*url);
}

/* Why a fullUrl does not fit its resource, or NULL. A resource that is to be created has no id
 * yet. */
static const char *full_url_fault(const fhir_check_t *c, const fhir_node_t *url,
                                  const fhir_node_t *resource, const bundle_type_t *bundle)
{
    apr_size_t at = restful(c, url->text, url->text_len), id_len;
    const fhir_type_t *type = fhir_check_resource_type(c, resource);
    const char *id = fhir_check_text(resource, "id", &id_len);

    if (!is_absolute(url->text, url->text_len))
        return "A fullUrl must be absolute; use urn:uuid: for a resource that is not on a server "
               "yet";
    if (!at || !type || (!id && (bundle->flags & REQUEST) && !(bundle->flags & RESPONSE)))
        return NULL;
    const char *name = fhir_check_type_name(c, type);
    apr_size_t type_len = strlen(name);
    return id && url->text_len - at == type_len + 1 + id_len &&
                   !memcmp(url->text + at, name, type_len) &&
                   !memcmp(url->text + url->text_len - id_len, id, id_len)
               ? NULL
               : "The fullUrl is that of a resource on a server: it has to end with the type and "
                 "id of "
                 "the resource in the entry";
}

static void check_full_url(fhir_check_t *c, const fhir_node_t *entry, const bundle_type_t *type,
                           apr_hash_t *seen)
{
    const fhir_node_t *url = fhir_node_get(entry, "fullUrl");
    const fhir_node_t *resource = fhir_node_get(entry, "resource");

    if (!url || url->kind != FHIR_NODE_STRING) {
        if (resource && !url && (type->flags & URL_DUE) &&
            !((type->flags & NAMELESS) &&
              (!fhir_node_get(resource, "id") ||
               fhir_node_is(fhir_node_get(resource, "resourceType"), "OperationOutcome"))))
            fhir_check_finding(c, entry, FHIR_ERR_REQUIRED, "bundle-full-url",
                               "Entries of a Bundle of type %s need a fullUrl", type->name);
        return;
    }
    apr_size_t version_len;
    const char *version =
        fhir_check_text(fhir_node_get(resource, "meta"), "versionId", &version_len);
    const char *key = apr_psprintf(c->issues->pool, "%.*s %.*s", (int)url->text_len, url->text,
                                   (int)version_len, version ? version : "");
    apr_size_t mark = fhir_check_push(c, "fullUrl", 7, -1);
    if (!(type->flags & TWINS) && apr_hash_get(seen, key, APR_HASH_KEY_STRING))
        fhir_check_finding(c, url, FHIR_ERR_INVALID, "bdl-7",
                           "Another entry has the same fullUrl and version");
    apr_hash_set(seen, key, APR_HASH_KEY_STRING, key);
    const char *fault;
    if (strstr(key, "/_history/"))
        fhir_check_finding(c, url, FHIR_ERR_INVALID, "bdl-8",
                           "A fullUrl names a resource, not one of its versions");
    else if ((fault = full_url_fault(c, url, resource, type)) != NULL)
        fhir_check_finding(c, url, FHIR_ERR_INVALID, "bundle-full-url", "%s", fault);
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
                       "The first resource of a Bundle of type %s must be a %s", type->name,
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
                           "A document must have an identifier with system and value");
    fhir_check_pop(c, mark);
    if (!fhir_node_get(bundle, "timestamp"))
        fhir_check_finding(c, bundle, FHIR_ERR_REQUIRED, "bdl-10", "A document has a timestamp");
}

/* ---- what a document holds ---- */

/* 1 if the target of a reference is in the Bundle: by fullUrl, or relative by type and id. */
static int is_inside(const apr_hash_t *entries, const fhir_node_t *bundle, const char *ref,
                     apr_size_t len)
{
    const fhir_node_t *list = fhir_node_get(bundle, "entry");

    if (apr_hash_get((apr_hash_t *)entries, ref, (apr_ssize_t)len))
        return 1;
    for (const fhir_node_t *entry = list->child; entry && !is_absolute(ref, len);
         entry = entry->next) {
        const fhir_node_t *resource = fhir_node_get(entry, "resource");
        apr_size_t type_len, id_len;
        const char *type = fhir_check_text(resource, "resourceType", &type_len);
        const char *id = fhir_check_text(resource, "id", &id_len);

        if (type && id && type_len + 1 + id_len == len && !memcmp(ref, type, type_len) &&
            ref[type_len] == '/' && !memcmp(ref + type_len + 1, id, id_len))
            return 1;
    }
    return 0;
}

typedef struct document_t {
    fhir_check_t *c;
    const fhir_node_t *bundle;
} document_t;

static void check_inside(const document_t *d, const fhir_node_t *reference)
{
    apr_size_t len;
    const char *ref = fhir_check_text(reference, "reference", &len);
    const char *version = ref ? memmem(ref, len, "/_history/", 10) : NULL;

    if (ref && *ref != '#' &&
        !is_inside(d->c->entries, d->bundle, ref, version ? (apr_size_t)(version - ref) : len))
        fhir_check_finding(d->c, reference, FHIR_ERR_REFERENCE, "document-reference",
                           "A document must contain the resources that its Composition refers to; "
                           "'%s' is not in it",
                           fhir_text_excerpt(ref, len, d->c->issues->pool));
}

/* Calls check_inside for all values at a path below an object ("attester.party"). */
static void check_path(const document_t *d, const fhir_node_t *object, const char *path)
{
    apr_size_t len = strcspn(path, ".");
    const fhir_node_t *value = fhir_node_getn(object, path, len);
    int is_list = value && value->kind == FHIR_NODE_ARRAY, i = 0;

    for (const fhir_node_t *item = is_list ? value->child : value; item;
         item = is_list ? item->next : NULL, i++) {
        apr_size_t mark = fhir_check_push(d->c, path, len, is_list ? i : -1);

        if (path[len])
            check_path(d, item, path + len + 1);
        else
            check_inside(d, item);
        fhir_check_pop(d->c, mark);
    }
}

static void check_sections(const document_t *d, const fhir_node_t *holder)
{
    static const char *const paths[] = {"author", "focus", "entry"};
    const fhir_node_t *list = fhir_node_get(holder, "section");
    int i = 0;

    if (!list || list->kind != FHIR_NODE_ARRAY)
        return;
    for (const fhir_node_t *section = list->child; section; section = section->next, i++) {
        apr_size_t mark = fhir_check_push(d->c, "section", 7, i);

        for (apr_size_t k = 0; k < sizeof(paths) / sizeof(paths[0]); k++)
            check_path(d, section, paths[k]);
        check_sections(d, section);
        fhir_check_pop(d->c, mark);
    }
}

/* Source: http://hl7.org/fhir/R4/documents.html#content */
static void check_references(fhir_check_t *c, const fhir_node_t *bundle, const fhir_node_t *first)
{
    static const char *const paths[] = {"subject",        "encounter", "author",
                                        "attester.party", "custodian", "event.detail"};
    const document_t d = {c, bundle};
    const fhir_node_t *composition = fhir_node_get(first, "resource");

    if (!fhir_node_is(fhir_node_get(composition, "resourceType"), "Composition"))
        return;
    apr_size_t mark = fhir_check_push(c, "entry", 5, 0);
    fhir_check_push(c, "resource", 8, -1);
    for (apr_size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        check_path(&d, composition, paths[i]);
    check_sections(&d, composition);
    fhir_check_pop(c, mark);
}

apr_hash_t *fhir_check_bundle_entries(const fhir_check_t *c, const fhir_node_t *bundle)
{
    const fhir_node_t *list = fhir_node_get(bundle, "entry");
    apr_hash_t *entries = fhir_hash_make(c->issues->pool);

    for (const fhir_node_t *entry = list ? list->child : NULL; entry; entry = entry->next) {
        const fhir_node_t *resource = fhir_node_get(entry, "resource");
        apr_size_t len;
        const char *url = fhir_check_text(entry, "fullUrl", &len);

        if (url && resource)
            apr_hash_set(entries, url, (apr_ssize_t)len, resource);
    }
    return entries;
}

void fhir_check_bundle(fhir_check_t *c, const fhir_node_t *bundle)
{
    const fhir_node_t *name = fhir_node_get(bundle, "type");
    const fhir_node_t *list = fhir_node_get(bundle, "entry");
    const bundle_type_t *type = NULL;
    int index = 0;

    for (apr_size_t i = 0; i < sizeof(bundle_types) / sizeof(bundle_types[0]); i++)
        if (fhir_node_is(name, bundle_types[i].name))
            type = &bundle_types[i];
    if (!type || fhir_model_release(c->model) < 4)
        return;
    const fhir_node_t *total = fhir_node_get(bundle, "total");
    apr_size_t mark;
    if (total && !(type->flags & TOTAL)) {
        mark = fhir_check_push(c, "total", 5, -1);
        fhir_check_finding(c, total, FHIR_ERR_INVALID, "bdl-1",
                           "Only searches and histories may have a total");
        fhir_check_pop(c, mark);
    }
    if (type->flags & DOCUMENT)
        check_document(c, bundle);
    const fhir_node_t *entry = list && list->kind == FHIR_NODE_ARRAY ? list->child : NULL;
    check_first(c, entry, type);
    if (entry && type->flags & DOCUMENT)
        check_references(c, bundle, entry);
    apr_hash_t *seen = fhir_hash_make(c->issues->pool);
    for (; entry; entry = entry->next, index++) {
        mark = fhir_check_push(c, "entry", 5, index);
        check_entry(c, entry, type, seen);
        fhir_check_pop(c, mark);
    }
}
