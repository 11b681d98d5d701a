/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The documentation of the API, for people and for tools. It is made from the CapabilityStatement
 * that the endpoint returns, and from the tables of search modifiers, scopes and refusals by which
 * requests are checked, so that it cannot differ.
 */
#include <apr_strings.h>
#include <string.h>

#include "fhir/fhir_capability.h"
#include "fhir/format/fhir_format.h"
#include "fhir/query/fhir_query.h"
#include "model/fhir_uscore.h"
#include "portal/fhir_portal_private.h"

#define TRIAL_FIELDS 8

/* One release of the API, as the first endpoint that speaks it describes itself. */
typedef struct docs_t {
    fhir_auth_call_t *call;
    const fhir_portal_endpoint_t *endpoint;
    const char *root;       /* of its pages, below the portal: "docs/R4" */
    const char *rest;       /* of the path: "Patient", "openapi.json"; "" */
    const fhir_node_t *all; /* rest[0] of the statement */
} docs_t;

/* ---- the statement ---- */

static const fhir_node_t *items(const fhir_node_t *object, const char *name)
{
    const fhir_node_t *list = fhir_node_get(object, name);
    return list ? list->child : NULL;
}

static const char *string(const docs_t *docs, const fhir_node_t *object, const char *name)
{
    const char *text = fhir_node_string(object, name, docs->call->pool);
    return text ? text : "";
}

/* The requirements of US Core's releases, from the same table as the statement's. */
static const char *expected(const docs_t *docs, const char *type, fhir_uscore_kind_t kind,
                            const char *name)
{
    return fhir_portal_expected(fhir_uscore_of(docs->endpoint->endpoint.spoken), type, kind, name,
                                docs->call->pool);
}

/* Types that have US Core profiles; US Core lists others only because those refer to them. */
static int is_core(const docs_t *docs, const char *type)
{
    const fhir_uscore_t *u = fhir_uscore_of(docs->endpoint->endpoint.spoken);
    int n = 0;
    if (u)
        fhir_uscore_rows(&n, u, type, FHIR_USCORE_PROFILE);
    return n > 0;
}

static fhir_err_t *read_statement(docs_t *docs)
{
    apr_pool_t *pool = docs->call->pool;
    const fhir_capability_t *statement = docs->endpoint->endpoint.capability;
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    apr_size_t at = 0;
    if (!statement)
        FHIR_TRY(fhir_capability_build(&statement, &docs->endpoint->endpoint, pool));
    for (int i = 0; i < statement->n_places; i++) {
        fhir_buf_append(buf, statement->text + at, statement->places[i] - at);
        fhir_buf_puts(buf, docs->endpoint->base_url);
        at = statement->places[i];
    }
    fhir_buf_append(buf, statement->text + at, statement->len - at);
    fhir_node_t *root;
    FHIR_TRY(
        fhir_node_parse_json(&root, fhir_buf_cstr(buf), buf->len, FHIR_NODE_LIMITS_MOST, pool));
    const fhir_node_t *rest = items(root, "rest");
    docs->all = rest;
    return NULL;
}

static const fhir_node_t *find_type(const docs_t *docs, const char *type)
{
    for (const fhir_node_t *r = items(docs->all, "resource"); r; r = r->next)
        if (fhir_node_is(fhir_node_get(r, "type"), type))
            return r;
    return NULL;
}

static int has_interaction(const fhir_node_t *resource, const char *code)
{
    for (const fhir_node_t *i = items(resource, "interaction"); i; i = i->next)
        if (fhir_node_is(fhir_node_get(i, "code"), code))
            return 1;
    return 0;
}

/* The endpoint of a page: "R4/…", "DSTU2/…", otherwise the practice's first. */
static int choose(docs_t *docs, fhir_auth_call_t *call)
{
    const fhir_portal_t *portal = fhir_portal_of(call);
    const char *path = call->request->path + strlen("docs");
    path += *path == '/';
    *docs = (docs_t){.call = call, .rest = path};
    for (int i = 0; i < portal->n_endpoints; i++) {
        const fhir_portal_endpoint_t *e = &portal->endpoints[i];
        const char *label = e->endpoint.spoken->label;
        apr_size_t len = strlen(label);
        if (strcmp(e->endpoint.tenant, call->tenant) != 0 ||
            (*path && (strncmp(path, label, len) != 0 || (path[len] && path[len] != '/'))))
            continue;
        docs->endpoint = e;
        docs->root = apr_pstrcat(call->pool, "docs/", label, NULL);
        docs->rest = *path ? path + len + (path[len] == '/') : "";
        return 1;
    }
    return 0;
}

/* The media type of JSON, without charset: DSTU2 has one of its own. */
static const char *media_of(const docs_t *docs)
{
    const char *media = fhir_format_media_type(docs->endpoint->endpoint.spoken, FHIR_FORMAT_JSON);
    return apr_pstrmemdup(docs->call->pool, media, strcspn(media, ";"));
}

/* ---- the index ---- */

static void show_endpoints(fhir_view_t *view, const docs_t *docs)
{
    const fhir_portal_t *portal = fhir_portal_of(docs->call);
    for (int i = 0; i < portal->n_endpoints; i++) {
        const fhir_portal_endpoint_t *e = &portal->endpoints[i];
        if (strcmp(e->endpoint.tenant, docs->call->tenant) != 0)
            continue;
        fhir_view_t *row = fhir_portal_add_endpoint(view, e);
        fhir_view_set(row, "interactions",
                      fhir_interaction_words(e->endpoint.interactions, docs->call->pool));
    }
}

static void show_limits(fhir_view_t *view, const docs_t *docs)
{
    const fhir_endpoint_t *e = &docs->endpoint->endpoint;
    const struct {
        const char *name;
        apr_int64_t value;
    } limits[] = {
        {"limit-count", e->paging.count_default},
        {"limit-count-max", e->paging.count_max},
        {"limit-body", (apr_int64_t)e->limits.body_max},
        {"limit-entries", e->limits.entries_max},
        {"limit-query", (apr_int64_t)e->limits.query_max},
        {"limit-params", e->search.params_max},
        {"limit-values", e->search.values_max},
        {"limit-hops", e->search.hops_max},
        {"limit-includes", e->search.includes_max},
    };
    for (apr_size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
        fhir_view_t *row = fhir_view_add(view, "limits");
        fhir_view_set(row, "limit", limits[i].name);
        fhir_view_set(row, "value",
                      apr_psprintf(docs->call->pool, "%" APR_INT64_T_FMT, limits[i].value));
    }
}

static fhir_view_t *begin(const docs_t *docs)
{
    fhir_view_t *view = fhir_auth_view(docs->call);
    fhir_view_flag(view, "wide", 1);
    fhir_view_set(view, "url", docs->endpoint->base_url);
    fhir_view_set(view, "root", fhir_auth_url(docs->call, docs->root));
    fhir_view_set(view, "media", media_of(docs));
    fhir_view_set(view, "release", docs->endpoint->endpoint.spoken->label);
    fhir_view_flag(view, "is_r4", docs->endpoint->endpoint.spoken == &fhir_model_r4);
    return view;
}

static fhir_err_t *show_index(const docs_t *docs)
{
    fhir_view_t *view = begin(docs);
    show_endpoints(view, docs);
    show_limits(view, docs);
    for (const fhir_node_t *r = items(docs->all, "resource"); r; r = r->next) {
        const char *type = string(docs, r, "type");
        fhir_view_t *item = fhir_view_add(view, is_core(docs, type) ? "core_types" : "other_types");
        fhir_view_set(item, "type", type);
    }
    return fhir_portal_public_page(docs->call, "docs", view, 60);
}

/* ---- one type ---- */

static unsigned kind_bit(const char *kind)
{
    static const char *const kinds[] = {"",          "number",    "date",     "string", "token",
                                        "reference", "composite", "quantity", "uri",    "special"};
    for (unsigned i = 1; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (!strcmp(kinds[i], kind))
            return 1u << i;
    return 0;
}

/* ":exact :contains", from the table of the search parser. */
static const char *modifiers_of(unsigned bit, apr_pool_t *pool)
{
    static const struct {
        const char *word;
        unsigned kinds;
    } rows[] = {
#define ROW(name, word, kinds) {word, kinds},
        FHIR_MODIFIER_LIST(ROW)
#undef ROW
    };
    const char *out = "";
    for (apr_size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (*rows[i].word && rows[i].kinds & bit)
            out = apr_pstrcat(pool, out, *out ? " :" : ":", rows[i].word, NULL);
    return out;
}

static const char *prefixes_of(unsigned bit, apr_pool_t *pool)
{
    static const char *const words[] = {
#define WORD(name, word) word,
        FHIR_PREFIX_LIST(WORD)
#undef WORD
    };
    const char *out = "";
    if (!(bit & (FHIR_K(NUMBER) | FHIR_K(DATE) | FHIR_K(QUANTITY))))
        return out;
    for (apr_size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (*words[i])
            out = apr_pstrcat(pool, out, *out ? " " : "", words[i], NULL);
    return out;
}

/* An example value for the parameter's kind. */
static const char *example_of(const char *name, const char *kind)
{
    static const struct {
        const char *name, *value;
    } known[] = {{"_id", "123"},       {"patient", "Patient/123"}, {"subject", "Patient/123"},
                 {"gender", "female"}, {"intent", "order"},        {"active", "true"}};
    for (apr_size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (!strcmp(name, known[i].name))
            return known[i].value;
    if (!strcmp(kind, "token") && strstr(name, "status"))
        return "active";
    return !strcmp(kind, "date")        ? "ge2026-01-01"
           : !strcmp(kind, "number")    ? "gt5"
           : !strcmp(kind, "quantity")  ? "ge5.4|http://unitsofmeasure.org|mg"
           : !strcmp(kind, "reference") ? "Type/123"
           : !strcmp(kind, "uri")       ? "http://example.org/it"
           : !strcmp(kind, "token")     ? "system|code"
           : !strcmp(kind, "composite") ? "a$b"
                                        : "text";
}

/* The syntax of values for each kind of parameter. */
static void show_kind(fhir_view_t *view, const docs_t *docs, const char *kind)
{
    fhir_view_t *row = fhir_view_add(view, "kinds");
    fhir_view_set(row, "kind", kind);
    fhir_view_set(row, "modifiers", modifiers_of(kind_bit(kind), docs->call->pool));
    fhir_view_set(row, "prefixes", prefixes_of(kind_bit(kind), docs->call->pool));
}

/* The elements that a parameter looks at: a FHIRPath expression. */
static const char *path_of(const docs_t *docs, const char *type, const char *name)
{
    const fhir_model_t *m = docs->endpoint->endpoint.spoken;
    const fhir_type_t *t = fhir_model_resource(m, type, strlen(type));
    const fhir_param_t *param = t ? fhir_model_param(m, t, name, strlen(name)) : NULL;
    return param ? fhir_model_str(m, param->expression) : "";
}

static void show_params(fhir_view_t *view, const docs_t *docs, const char *type,
                        const fhir_node_t *list)
{
    unsigned seen = 0;
    for (const fhir_node_t *p = list; p; p = p->next) {
        const char *kind = string(docs, p, "type"), *name = string(docs, p, "name");
        const char *wanted = expected(docs, type, FHIR_USCORE_PARAM, name);
        int is_other = is_core(docs, type) && !*wanted;
        fhir_view_t *row = fhir_view_add(view, is_other ? "more_params" : "params");
        if (is_other)
            fhir_view_flag(view, "has_more", 1);
        fhir_view_set(row, "param", name);
        fhir_view_set(row, "kind", kind);
        fhir_view_set(row, "expected", wanted);
        if (!(seen & kind_bit(kind)))
            show_kind(view, docs, kind);
        seen |= kind_bit(kind);
        fhir_view_set(row, "path", path_of(docs, type, name));
        fhir_view_set(row, "sample",
                      apr_pstrcat(docs->call->pool, name, "=", example_of(name, kind), NULL));
    }
}

static void show_strings(fhir_view_t *view, const char *name, const fhir_node_t *list,
                         const docs_t *docs)
{
    for (const fhir_node_t *s = list; s; s = s->next)
        fhir_view_set(fhir_view_add(view, name), "text",
                      apr_pstrmemdup(docs->call->pool, s->text ? s->text : "", s->text_len));
}

/* The elements of the type, with cardinality, from the model that validates. */
static void show_elements(fhir_view_t *view, const docs_t *docs, const char *type)
{
    const fhir_model_t *m = docs->endpoint->endpoint.spoken;
    const fhir_type_t *t = NULL;
    for (int i = 1; i <= m->n_resources; i++)
        if (!strcmp(fhir_model_str(m, m->types[i].name), type))
            t = &m->types[i];
    for (int i = 0; t && i < t->n_elements; i++) {
        const fhir_element_t *e = &m->elements[t->first_element + i];
        fhir_view_t *row = fhir_view_add(view, "elements");
        fhir_view_set(row, "element", fhir_model_str(m, e->name));
        fhir_view_set(row, "card",
                      e->max == FHIR_EL_MAX_UNBOUNDED
                          ? apr_psprintf(docs->call->pool, "%d..*", e->min)
                          : apr_psprintf(docs->call->pool, "%d..%d", e->min, e->max));
        fhir_view_set(row, "element_type", fhir_model_str(m, m->types[e->type].name));
        fhir_view_flag(row, "is_summary", e->flags & FHIR_EL_SUMMARY);
    }
}

/* ---- examples, and trying ---- */

static void show_example(fhir_view_t *view, const docs_t *docs, const char *type)
{
    const fhir_node_t *node =
        fhir_portal_example(docs->endpoint->endpoint.spoken, type, docs->call->pool);
    fhir_buf_t *buf = fhir_buf_create(docs->call->pool, 0);
    const char *id = node ? string(docs, node, "id") : NULL;
    if (!id)
        return;
    fhir_node_write_json(buf, node, 1);
    fhir_view_set(view, "example", fhir_buf_cstr(buf));
    fhir_view_set(view, "example_id", id);
}

/* 1 for parameters that people try first. */
static int is_tried_first(const char *name)
{
    static const char *const first[] = {"patient",  "name", "family", "given", "birthdate", "code",
                                        "category", "date", "status", "type",  "identifier"};
    for (apr_size_t i = 0; i < sizeof(first) / sizeof(*first); i++)
        if (!strcmp(first[i], name))
            return 1;
    return 0;
}

/* A form for the endpoint without tokens, if the practice has one: the parameters that US Core
 * requires, or all; those that people try first come first. */
static void show_trial(fhir_view_t *view, const docs_t *docs, const char *type,
                       const fhir_node_t *list)
{
    const fhir_model_t *spoken = docs->endpoint->endpoint.spoken;
    const char *base = fhir_portal_of(docs->call)->open_base[spoken == &fhir_model_dstu2];
    int n = 0;
    if (!base)
        return;
    fhir_view_set(view, "open", base);
    for (int core = is_core(docs, type), first = 1; first >= 0; first--)
        for (const fhir_node_t *p = list; p && n < TRIAL_FIELDS; p = p->next) {
            const char *name = string(docs, p, "name");
            int is_first = is_tried_first(name);
            if (*name == '_' || is_first != first ||
                (core && !*expected(docs, type, FHIR_USCORE_PARAM, name)))
                continue;
            fhir_view_set(fhir_view_add(view, "trial"), "param", name);
            n++;
        }
}

static fhir_err_t *show_type(const docs_t *docs, const fhir_node_t *resource)
{
    fhir_view_t *view = begin(docs);
    const char *type = string(docs, resource, "type");
    fhir_view_set(view, "type", type);
    fhir_view_set(view, "expected", expected(docs, type, FHIR_USCORE_TYPE, ""));
    fhir_view_flag(view, "is_core", is_core(docs, type));
    for (const fhir_node_t *i = items(resource, "interaction"); i; i = i->next) {
        fhir_view_t *row = fhir_view_add(view, "interactions");
        fhir_view_set(row, "code", string(docs, i, "code"));
        fhir_view_set(row, "expected",
                      expected(docs, type, FHIR_USCORE_INTERACTION, string(docs, i, "code")));
    }
    if (has_interaction(resource, "create") || has_interaction(resource, "update")) {
        fhir_view_flag(view, "may_write", 1);
        fhir_portal_writing(view, &docs->endpoint->endpoint, type, docs->call->pool);
        fhir_portal_must_have(view, docs->endpoint->endpoint.spoken, type, docs->call->pool);
    }
    show_params(view, docs, type, items(resource, "searchParam"));
    show_strings(view, "includes", items(resource, "searchInclude"), docs);
    show_strings(view, "revincludes", items(resource, "searchRevInclude"), docs);
    show_strings(view, "profiles", items(resource, "supportedProfile"), docs);
    for (const fhir_node_t *o = items(resource, "operation"); o; o = o->next)
        fhir_view_set(fhir_view_add(view, "operations"), "name", string(docs, o, "name"));
    show_elements(view, docs, type);
    fhir_portal_must_support(view, docs->endpoint->endpoint.spoken, type, docs->call->pool);
    show_example(view, docs, type);
    show_trial(view, docs, type, items(resource, "searchParam"));
    return fhir_portal_public_page(docs->call, "docs-type", view, 60);
}

/* ---- OpenAPI ---- */

static void put_content(fhir_buf_t *buf, const docs_t *docs, const char *type)
{
    fhir_buf_printf(buf, "\"content\":{\"%s\":{\"schema\":{\"$ref\":\"#/components/schemas/%s\"}",
                    media_of(docs), type);
}

/* The answers to a request: 200 with a resource of the type; of a write, status, with the version
 * that it stored, and the refusals of writes. */
static void put_responses(fhir_buf_t *buf, const docs_t *docs, const char *type,
                          const char *written)
{
    static const char *const errors[] = {"400", "401", "403", "404", /* of writes: */
                                         "405", "409", "412", "422", "428"};
    int n = written ? (int)(sizeof(errors) / sizeof(*errors)) : 4;
    fhir_buf_printf(buf, "\"responses\":{\"%s\":{\"description\":\"%s\",",
                    written ? written : "200", type);
    if (written)
        fhir_buf_puts(buf, "\"headers\":{\"Location\":{\"$ref\":\"#/components/headers/Location\"},"
                           "\"ETag\":{\"$ref\":\"#/components/headers/ETag\"}},");
    put_content(buf, docs, type);
    fhir_buf_puts(buf, "}}}");
    for (int i = 0; i < n; i++)
        fhir_buf_printf(buf, ",\"%s\":{\"$ref\":\"#/components/responses/Error\"}", errors[i]);
    fhir_buf_puts(buf, "}}");
}

static void put_operation(fhir_buf_t *buf, int *n, const char *method, const char *type,
                          const char *code, const char *summary)
{
    fhir_buf_printf(buf, "%s\"%s\":{\"operationId\":\"%s-%s\",\"tags\":[\"%s\"],\"summary\":",
                    (*n)++ ? "," : "", method, code, type, type);
    fhir_portal_json(buf, summary);
    fhir_buf_putc(buf, ',');
}

static void put_search(fhir_buf_t *buf, const docs_t *docs, const fhir_node_t *resource)
{
    int n = 0;
    fhir_buf_puts(buf, "\"parameters\":[");
    for (const fhir_node_t *p = items(resource, "searchParam"); p; p = p->next) {
        fhir_buf_printf(buf, "%s{\"name\":", n++ ? "," : "");
        fhir_portal_json(buf, string(docs, p, "name"));
        fhir_buf_puts(buf, ",\"in\":\"query\",\"description\":");
        fhir_portal_json(buf, apr_pstrcat(docs->call->pool, string(docs, p, "type"), ": ",
                                          string(docs, p, "documentation"), NULL));
        fhir_buf_puts(buf, ",\"schema\":{\"type\":\"string\"}}");
    }
    fhir_buf_printf(buf, "%s{\"$ref\":\"#/components/parameters/count\"}],", n ? "," : "");
    put_responses(buf, docs, "Bundle", NULL);
}

/* The body of a create, or of an update of {id}. */
static void put_body_json(fhir_buf_t *buf, const docs_t *docs, const char *type, const char *id)
{
    const fhir_node_t *body =
        fhir_portal_body(docs->endpoint->endpoint.spoken, type, docs->call->pool);
    fhir_buf_printf(buf, "{\"resourceType\":\"%s\"", type);
    if (id) {
        fhir_buf_puts(buf, ",\"id\":");
        fhir_portal_json(buf, id);
    }
    for (const fhir_node_t *c = body ? body->child->next : NULL; c; c = c->next) {
        fhir_buf_putc(buf, ',');
        fhir_buf_json_string(buf, c->name, c->name_len);
        fhir_buf_putc(buf, ':');
        fhir_node_write_json(buf, c, 0);
    }
    fhir_buf_putc(buf, '}');
}

static void put_body(fhir_buf_t *buf, const docs_t *docs, const char *type, const char *id)
{
    fhir_buf_puts(buf, "\"requestBody\":{\"required\":true,");
    put_content(buf, docs, type);
    fhir_buf_puts(buf, ",\"example\":");
    put_body_json(buf, docs, type, id);
    fhir_buf_puts(buf, "}}},");
}

static void put_paths(fhir_buf_t *buf, const docs_t *docs, const fhir_node_t *resource)
{
    const char *type = string(docs, resource, "type");
    int n = 0;
    fhir_buf_printf(buf, ",\"/%s\":{", type);
    if (has_interaction(resource, "search-type")) {
        put_operation(buf, &n, "get", type, "search",
                      apr_pstrcat(docs->call->pool, "Search ", type, NULL));
        put_search(buf, docs, resource);
    }
    if (has_interaction(resource, "create")) {
        put_operation(buf, &n, "post", type, "create",
                      apr_pstrcat(docs->call->pool, "Create ", type, NULL));
        put_body(buf, docs, type, NULL);
        put_responses(buf, docs, type, "201");
    }
    fhir_buf_printf(
        buf, "},\"/%s/{id}\":{\"parameters\":[{\"$ref\":\"#/components/parameters/id\"}]", type);
    n = 1;
    if (has_interaction(resource, "read")) {
        put_operation(buf, &n, "get", type, "read",
                      apr_pstrcat(docs->call->pool, "Read ", type, NULL));
        put_responses(buf, docs, type, NULL);
    }
    if (has_interaction(resource, "update")) {
        put_operation(buf, &n, "put", type, "update",
                      apr_pstrcat(docs->call->pool, "Replace ", type, NULL));
        fhir_buf_puts(buf, "\"parameters\":[{\"$ref\":\"#/components/parameters/version\"}],");
        put_body(buf, docs, type, "123");
        put_responses(buf, docs, type, "200");
    }
    fhir_buf_putc(buf, '}');
}

static fhir_err_t *answer_openapi(const docs_t *docs)
{
    fhir_buf_t *buf = fhir_buf_create(docs->call->pool, 0);
    const char *auth = apr_pstrcat(docs->call->pool, docs->endpoint->base_url, "/auth/", NULL);
    int n = 0;
    fhir_buf_puts(buf, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"FHIR API\",\"version\":");
    fhir_portal_json(buf, docs->endpoint->endpoint.spoken->version);
    fhir_buf_puts(buf, ",\"description\":\"Made of the endpoint's CapabilityStatement.\"},"
                       "\"servers\":[{\"url\":");
    fhir_portal_json(buf, docs->endpoint->base_url);
    fhir_buf_puts(buf, "}],\"security\":[{\"smart\":[]}],\"paths\":{\"/metadata\":{\"get\":{"
                       "\"operationId\":\"capabilities\",\"summary\":\"CapabilityStatement\","
                       "\"security\":[],");
    put_responses(buf, docs, "CapabilityStatement", NULL);
    fhir_buf_putc(buf, '}');
    for (const fhir_node_t *r = items(docs->all, "resource"); r; r = r->next)
        put_paths(buf, docs, r);
    fhir_buf_puts(buf,
                  "},\"components\":{\"parameters\":{\"id\":{\"name\":\"id\",\"in\":\"path\","
                  "\"required\":true,\"schema\":{\"type\":\"string\"}},\"count\":{\"name\":"
                  "\"_count\",\"in\":\"query\",\"description\":\"Resources on a page\","
                  "\"schema\":{\"type\":\"integer\",\"minimum\":0}},\"version\":{\"name\":"
                  "\"If-Match\",\"in\":\"header\",\"description\":\"The ETag of the version "
                  "that the body replaces\",\"example\":\"W/\\\"1\\\"\",\"schema\":{\"type\":"
                  "\"string\"}}},\"headers\":{\"Location\":{\"description\":\"Address of the "
                  "version that was stored\",\"schema\":{\"type\":\"string\"}},\"ETag\":{"
                  "\"description\":\"The version, for If-Match of the next update\",\"schema\":"
                  "{\"type\":\"string\"}}},\"responses\":{\"Error\":"
                  "{\"description\":\"What is wrong\",");
    put_content(buf, docs, "OperationOutcome");
    fhir_buf_puts(buf, "}}}},\"securitySchemes\":{\"smart\":{\"type\":\"oauth2\",\"flows\":{"
                       "\"authorizationCode\":{\"authorizationUrl\":");
    fhir_portal_json(buf, apr_pstrcat(docs->call->pool, auth, "authorize", NULL));
    fhir_buf_puts(buf, ",\"tokenUrl\":");
    fhir_portal_json(buf, apr_pstrcat(docs->call->pool, auth, "token", NULL));
    fhir_buf_puts(buf,
                  ",\"scopes\":{\"launch/patient\":\"choose a patient\",\"patient/*.rs\":"
                  "\"read the patient's records\",\"user/*.rs\":\"read what the user may\"}}}}},"
                  "\"schemas\":{");
    for (const fhir_node_t *r = items(docs->all, "resource"); r; r = r->next) {
        const char *type = string(docs, r, "type");
        fhir_buf_printf(buf,
                        "%s\"%s\":{\"type\":\"object\",\"required\":[\"resourceType\"],"
                        "\"properties\":{\"resourceType\":{\"const\":\"%s\"}}}",
                        n++ ? "," : "", type, type);
    }
    fhir_buf_puts(buf, find_type(docs, "Bundle") ? "" : ",\"Bundle\":{\"type\":\"object\"}");
    fhir_buf_puts(buf, find_type(docs, "OperationOutcome")
                           ? ""
                           : ",\"OperationOutcome\":{\"type\":\"object\"}");
    fhir_buf_puts(buf, find_type(docs, "CapabilityStatement")
                           ? ""
                           : ",\"CapabilityStatement\":{\"type\":\"object\"}");
    fhir_buf_puts(buf, "}}}");
    return fhir_portal_document(docs->call, "application/json", buf->data, buf->len);
}

/* ---- Postman ---- */

static void put_header(fhir_buf_t *buf, const char *name, const char *value)
{
    fhir_buf_printf(buf, "%s{\"key\":\"%s\",\"value\":", buf->data[buf->len - 1] == '[' ? "" : ",",
                    name);
    fhir_portal_json(buf, value);
    fhir_buf_putc(buf, '}');
}

/* The beginning of a request, with a script that tests its answer, up to its headers. */
static void begin_request(fhir_buf_t *buf, int *n, const char *name, const char *script,
                          const char *method)
{
    fhir_buf_printf(buf, "%s{\"name\":", (*n)++ ? "," : "");
    fhir_portal_json(buf, name);
    fhir_buf_puts(buf, ",\"event\":[{\"listen\":\"test\",\"script\":{\"type\":\"text/javascript\","
                       "\"exec\":[");
    fhir_portal_json(buf, script);
    fhir_buf_printf(buf, "]}}],\"request\":{\"method\":\"%s\",\"header\":[", method);
}

static void put_get(fhir_buf_t *buf, const docs_t *docs, int *n, const char *name, const char *path)
{
    begin_request(buf, n, name, "pm.test('200', () => pm.response.to.have.status(200));", "GET");
    put_header(buf, "Accept", media_of(docs));
    fhir_buf_puts(buf, "],\"url\":");
    fhir_portal_json(buf, apr_pstrcat(docs->call->pool, "{{base}}/", path, NULL));
    fhir_buf_puts(buf, "},\"response\":[]}");
}

/* A create, whose script keeps the id and the version, or the update of what it made. */
static void put_write(fhir_buf_t *buf, const docs_t *docs, int *n, const char *type, int is_update)
{
    static const char create[] =
        "pm.test('201, with the address and the version', () => { pm.response.to.have.status(201);"
        " const at = /\\/([^/]+)\\/_history\\/1$/.exec(pm.response.headers.get('Location'));"
        " pm.collectionVariables.set('id', at[1]);"
        " pm.collectionVariables.set('version', pm.response.headers.get('ETag')); });";
    static const char update[] =
        "pm.test('200, and the next version', () => { pm.response.to.have.status(200);"
        " pm.expect(pm.response.headers.get('ETag')).to.equal('W/\"2\"'); });";
    fhir_buf_t *body = fhir_buf_create(docs->call->pool, 0);
    begin_request(buf, n,
                  apr_pstrcat(docs->call->pool, is_update ? "Update " : "Create ", type, NULL),
                  is_update ? update : create, is_update ? "PUT" : "POST");
    put_header(buf, "Content-Type", media_of(docs));
    put_header(buf, "Accept", media_of(docs));
    if (is_update)
        put_header(buf, "If-Match", "{{version}}");
    put_body_json(body, docs, type, is_update ? "{{id}}" : NULL);
    fhir_buf_puts(buf, "],\"url\":");
    fhir_portal_json(
        buf, apr_pstrcat(docs->call->pool, "{{base}}/", type, is_update ? "/{{id}}" : "", NULL));
    fhir_buf_puts(buf, ",\"body\":{\"mode\":\"raw\",\"raw\":");
    fhir_buf_json_string(buf, body->data, body->len);
    fhir_buf_puts(buf, ",\"options\":{\"raw\":{\"language\":\"json\"}}}},\"response\":[]}");
}

/* Creates and updates of all types in a folder of their own: who runs the reading ones stores
 * nothing. */
static void put_writes(fhir_buf_t *buf, const docs_t *docs)
{
    int n = 0;
    for (const fhir_node_t *r = items(docs->all, "resource"); r; r = r->next) {
        const char *type = string(docs, r, "type");
        if (!has_interaction(r, "create"))
            continue;
        if (!n)
            fhir_buf_puts(buf, ",{\"name\":\"Create and update\",\"description\":\"Stores records: "
                               "for a server with sample data (fhirctl sample). The token needs "
                               "rights to write.\",\"item\":[");
        put_write(buf, docs, &n, type, 0);
        if (has_interaction(r, "update"))
            put_write(buf, docs, &n, type, 1);
    }
    fhir_buf_puts(buf, n ? "]}" : "");
}

static fhir_err_t *answer_postman(const docs_t *docs)
{
    apr_pool_t *pool = docs->call->pool;
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    int n = 0;
    fhir_buf_puts(buf, "{\"info\":{\"name\":");
    fhir_portal_json(buf, apr_pstrcat(pool, "FHIR ", docs->endpoint->endpoint.spoken->label, NULL));
    fhir_buf_puts(buf, ",\"schema\":\"https://schema.getpostman.com/json/collection/v2.1.0/"
                       "collection.json\"},\"auth\":{\"type\":\"bearer\",\"bearer\":[{\"key\":"
                       "\"token\",\"value\":\"{{token}}\",\"type\":\"string\"}]},\"variable\":[{"
                       "\"key\":\"base\",\"value\":");
    fhir_portal_json(buf, docs->endpoint->base_url);
    fhir_buf_puts(buf, "},{\"key\":\"token\",\"value\":\"\"}],\"item\":[");
    put_get(buf, docs, &n, "CapabilityStatement", "metadata");
    put_get(buf, docs, &n, "SMART configuration", ".well-known/smart-configuration");
    for (const fhir_node_t *r = items(docs->all, "resource"); r; r = r->next) {
        const char *type = string(docs, r, "type");
        if (has_interaction(r, "search-type") &&
            (docs->endpoint->endpoint.spoken != &fhir_model_r4 || is_core(docs, type)))
            put_get(buf, docs, &n, apr_pstrcat(pool, "Search ", type, NULL),
                    apr_pstrcat(pool, type, "?_count=5", NULL));
    }
    put_writes(buf, docs);
    fhir_buf_puts(buf, "]}");
    return fhir_portal_document(docs->call, "application/json", buf->data, buf->len);
}

/* The variables of the collection, for Postman to keep a token in. */
static fhir_err_t *answer_environment(const docs_t *docs)
{
    fhir_buf_t *buf = fhir_buf_create(docs->call->pool, 0);
    const char *label = docs->endpoint->endpoint.spoken->label;
    const char *practice = docs->endpoint->practice ? docs->endpoint->practice : "FHIR";
    fhir_buf_puts(buf, "{\"name\":");
    fhir_portal_json(buf, apr_pstrcat(docs->call->pool, practice, " ", label, NULL));
    fhir_buf_puts(buf, ",\"values\":[{\"key\":\"base\",\"value\":");
    fhir_portal_json(buf, docs->endpoint->base_url);
    fhir_buf_puts(buf, ",\"type\":\"default\",\"enabled\":true},{\"key\":\"token\",\"value\":\"\","
                       "\"type\":\"secret\",\"enabled\":true}],"
                       "\"_postman_variable_scope\":\"environment\"}");
    return fhir_portal_document(docs->call, "application/json", buf->data, buf->len);
}

/* ---- the way in ---- */

fhir_err_t *fhir_portal_docs(fhir_auth_call_t *call)
{
    docs_t docs;
    if (!choose(&docs, call))
        return fhir_portal_none(call, "documentation");
    FHIR_TRY(read_statement(&docs));
    if (!*docs.rest)
        return show_index(&docs);
    if (!strcmp(docs.rest, "openapi.json"))
        return answer_openapi(&docs);
    if (!strcmp(docs.rest, "postman.json"))
        return answer_postman(&docs);
    if (!strcmp(docs.rest, "environment.json"))
        return answer_environment(&docs);
    const fhir_node_t *resource = find_type(&docs, docs.rest);
    return resource ? show_type(&docs, resource) : fhir_portal_none(call, "documentation");
}
