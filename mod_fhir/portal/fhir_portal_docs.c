/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The documentation of the API: pages for people, and documents for tools (fhir_portal_openapi.c,
 * fhir_portal_postman.c). It is made from the CapabilityStatement that the endpoint returns, and
 * from the tables of search modifiers, scopes and refusals by which requests are checked, so that
 * it cannot differ.
 */
#include <apr_strings.h>
#include <string.h>

#include "fhir/fhir_capability.h"
#include "fhir/format/fhir_format.h"
#include "fhir/query/fhir_query.h"
#include "model/fhir_uscore.h"
#include "portal/fhir_portal_docs.h"

#define TRIAL_FIELDS 8

/* ---- the statement ---- */

const fhir_node_t *fhir_docs_items(const fhir_node_t *object, const char *name)
{
    const fhir_node_t *list = fhir_node_get(object, name);
    return list ? list->child : NULL;
}

const char *fhir_docs_string(const fhir_docs_t *docs, const fhir_node_t *object, const char *name)
{
    const char *text = fhir_node_string(object, name, docs->call->pool);
    return text ? text : "";
}

/* The requirements of US Core's releases, from the same table as the statement's. */
static const char *expected(const fhir_docs_t *docs, const char *type, fhir_uscore_kind_t kind,
                            const char *name)
{
    return fhir_portal_expected(fhir_uscore_of(docs->endpoint->endpoint.spoken), type, kind, name,
                                docs->call->pool);
}

/* Types that have US Core profiles; US Core lists others only because those refer to them. */
int fhir_docs_is_core(const fhir_docs_t *docs, const char *type)
{
    const fhir_uscore_t *u = fhir_uscore_of(docs->endpoint->endpoint.spoken);
    int n = 0;
    if (u)
        fhir_uscore_rows(&n, u, type, FHIR_USCORE_PROFILE);
    return n > 0;
}

static fhir_err_t *read_statement(fhir_docs_t *docs)
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
    const fhir_node_t *rest = fhir_docs_items(root, "rest");
    docs->all = rest;
    return NULL;
}

const fhir_node_t *fhir_docs_type(const fhir_docs_t *docs, const char *type)
{
    for (const fhir_node_t *r = fhir_docs_items(docs->all, "resource"); r; r = r->next)
        if (fhir_node_is(fhir_node_get(r, "type"), type))
            return r;
    return NULL;
}

int fhir_docs_has(const fhir_node_t *resource, const char *code)
{
    for (const fhir_node_t *i = fhir_docs_items(resource, "interaction"); i; i = i->next)
        if (fhir_node_is(fhir_node_get(i, "code"), code))
            return 1;
    return 0;
}

/* The endpoint of a page: "R4/…", "DSTU2/…", otherwise the practice's first. */
static int choose(fhir_docs_t *docs, fhir_auth_call_t *call)
{
    const fhir_portal_t *portal = fhir_portal_of(call);
    const char *path = call->request->path + strlen("docs");
    path += *path == '/';
    *docs = (fhir_docs_t){.call = call, .rest = path};
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
const char *fhir_docs_media(const fhir_docs_t *docs)
{
    const char *media = fhir_format_media_type(docs->endpoint->endpoint.spoken, FHIR_FORMAT_JSON);
    return apr_pstrmemdup(docs->call->pool, media, strcspn(media, ";"));
}

/* The body of a create, or of an update of {id}. */
void fhir_docs_body(fhir_buf_t *buf, const fhir_docs_t *docs, const char *type, const char *id)
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

/* ---- the index ---- */

static void show_endpoints(fhir_view_t *view, const fhir_docs_t *docs)
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

static void show_limits(fhir_view_t *view, const fhir_docs_t *docs)
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

static fhir_view_t *begin(const fhir_docs_t *docs)
{
    fhir_view_t *view = fhir_auth_view(docs->call);
    fhir_view_flag(view, "wide", 1);
    fhir_view_set(view, "url", docs->endpoint->base_url);
    fhir_view_set(view, "root", fhir_auth_url(docs->call, docs->root));
    fhir_view_set(view, "media", fhir_docs_media(docs));
    fhir_view_set(view, "release", docs->endpoint->endpoint.spoken->label);
    fhir_view_flag(view, "is_r4", docs->endpoint->endpoint.spoken == &fhir_model_r4);
    return view;
}

static fhir_err_t *show_index(const fhir_docs_t *docs)
{
    fhir_view_t *view = begin(docs);
    show_endpoints(view, docs);
    show_limits(view, docs);
    for (const fhir_node_t *r = fhir_docs_items(docs->all, "resource"); r; r = r->next) {
        const char *type = fhir_docs_string(docs, r, "type");
        fhir_view_t *item =
            fhir_view_add(view, fhir_docs_is_core(docs, type) ? "core_types" : "other_types");
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
static void show_kind(fhir_view_t *view, const fhir_docs_t *docs, const char *kind)
{
    fhir_view_t *row = fhir_view_add(view, "kinds");
    fhir_view_set(row, "kind", kind);
    fhir_view_set(row, "modifiers", modifiers_of(kind_bit(kind), docs->call->pool));
    fhir_view_set(row, "prefixes", prefixes_of(kind_bit(kind), docs->call->pool));
}

/* The elements that a parameter looks at: a FHIRPath expression. */
static const char *path_of(const fhir_docs_t *docs, const char *type, const char *name)
{
    const fhir_model_t *m = docs->endpoint->endpoint.spoken;
    const fhir_type_t *t = fhir_model_resource(m, type, strlen(type));
    const fhir_param_t *param = t ? fhir_model_param(m, t, name, strlen(name)) : NULL;
    return param ? fhir_model_str(m, param->expression) : "";
}

static void show_params(fhir_view_t *view, const fhir_docs_t *docs, const char *type,
                        const fhir_node_t *list)
{
    unsigned seen = 0;
    for (const fhir_node_t *p = list; p; p = p->next) {
        const char *kind = fhir_docs_string(docs, p, "type"),
                   *name = fhir_docs_string(docs, p, "name");
        const char *wanted = expected(docs, type, FHIR_USCORE_PARAM, name);
        int is_other = fhir_docs_is_core(docs, type) && !*wanted;
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
                         const fhir_docs_t *docs)
{
    for (const fhir_node_t *s = list; s; s = s->next)
        fhir_view_set(fhir_view_add(view, name), "text",
                      apr_pstrmemdup(docs->call->pool, s->text ? s->text : "", s->text_len));
}

/* The elements of the type, with cardinality, from the model that validates. */
static void show_elements(fhir_view_t *view, const fhir_docs_t *docs, const char *type)
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

static void show_example(fhir_view_t *view, const fhir_docs_t *docs, const char *type)
{
    const fhir_node_t *node =
        fhir_portal_example(docs->endpoint->endpoint.spoken, type, docs->call->pool);
    fhir_buf_t *buf = fhir_buf_create(docs->call->pool, 0);
    const char *id = node ? fhir_docs_string(docs, node, "id") : NULL;
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
static void show_trial(fhir_view_t *view, const fhir_docs_t *docs, const char *type,
                       const fhir_node_t *list)
{
    const fhir_model_t *spoken = docs->endpoint->endpoint.spoken;
    const char *base = fhir_portal_of(docs->call)->open_base[spoken == &fhir_model_dstu2];
    int n = 0;
    if (!base)
        return;
    fhir_view_set(view, "open", base);
    for (int core = fhir_docs_is_core(docs, type), first = 1; first >= 0; first--)
        for (const fhir_node_t *p = list; p && n < TRIAL_FIELDS; p = p->next) {
            const char *name = fhir_docs_string(docs, p, "name");
            int is_first = is_tried_first(name);
            if (*name == '_' || is_first != first ||
                (core && !*expected(docs, type, FHIR_USCORE_PARAM, name)))
                continue;
            fhir_view_set(fhir_view_add(view, "trial"), "param", name);
            n++;
        }
}

static fhir_err_t *show_type(const fhir_docs_t *docs, const fhir_node_t *resource)
{
    fhir_view_t *view = begin(docs);
    const char *type = fhir_docs_string(docs, resource, "type");
    fhir_view_set(view, "type", type);
    fhir_view_set(view, "expected", expected(docs, type, FHIR_USCORE_TYPE, ""));
    fhir_view_flag(view, "is_core", fhir_docs_is_core(docs, type));
    for (const fhir_node_t *i = fhir_docs_items(resource, "interaction"); i; i = i->next) {
        fhir_view_t *row = fhir_view_add(view, "interactions");
        fhir_view_set(row, "code", fhir_docs_string(docs, i, "code"));
        fhir_view_set(
            row, "expected",
            expected(docs, type, FHIR_USCORE_INTERACTION, fhir_docs_string(docs, i, "code")));
    }
    if (fhir_docs_has(resource, "create") || fhir_docs_has(resource, "update")) {
        fhir_view_flag(view, "may_write", 1);
        fhir_portal_writing(view, &docs->endpoint->endpoint, type, docs->call->pool);
        fhir_portal_must_have(view, docs->endpoint->endpoint.spoken, type, docs->call->pool);
    }
    show_params(view, docs, type, fhir_docs_items(resource, "searchParam"));
    show_strings(view, "includes", fhir_docs_items(resource, "searchInclude"), docs);
    show_strings(view, "revincludes", fhir_docs_items(resource, "searchRevInclude"), docs);
    show_strings(view, "profiles", fhir_docs_items(resource, "supportedProfile"), docs);
    for (const fhir_node_t *o = fhir_docs_items(resource, "operation"); o; o = o->next)
        fhir_view_set(fhir_view_add(view, "operations"), "name", fhir_docs_string(docs, o, "name"));
    show_elements(view, docs, type);
    fhir_portal_must_support(view, docs->endpoint->endpoint.spoken, type, docs->call->pool);
    show_example(view, docs, type);
    show_trial(view, docs, type, fhir_docs_items(resource, "searchParam"));
    return fhir_portal_public_page(docs->call, "docs-type", view, 60);
}

/* ---- documents ---- */

typedef struct asked_t {
    fhir_docs_t *docs;
    fhir_docs_write_fn *write;
} asked_t;

static fhir_err_t *write_document(fhir_buf_t *out, void *baton)
{
    const asked_t *asked = baton;
    FHIR_TRY(read_statement(asked->docs));
    asked->write(out, asked->docs);
    return NULL;
}

/* A document depends on the configuration of the endpoint alone, so a process makes it once. */
static fhir_err_t *answer_document(fhir_docs_t *docs, fhir_docs_write_fn *write)
{
    fhir_auth_call_t *call = docs->call;
    asked_t asked = {docs, write};
    const fhir_document_t *document;
    const char *key = apr_pstrcat(call->pool, docs->rest, " ", docs->endpoint->base_url, NULL);
    FHIR_TRY(fhir_kept_get(&document, fhir_directory_documents(fhir_portal_of(call)), key,
                           write_document, &asked, call->pool));
    fhir_portal_kept(call, "application/json", document);
    return NULL;
}

/* ---- the way in ---- */

fhir_err_t *fhir_portal_docs(fhir_auth_call_t *call)
{
    static const struct {
        const char *name;
        fhir_docs_write_fn *write;
    } documents[] = {{"openapi.json", fhir_docs_openapi},
                     {"postman.json", fhir_docs_postman},
                     {"environment.json", fhir_docs_environment}};
    fhir_docs_t docs;
    if (!choose(&docs, call))
        return fhir_portal_none(call, "documentation");
    for (apr_size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++)
        if (!strcmp(docs.rest, documents[i].name))
            return answer_document(&docs, documents[i].write);
    FHIR_TRY(read_statement(&docs));
    if (!*docs.rest)
        return show_index(&docs);
    const fhir_node_t *resource = fhir_docs_type(&docs, docs.rest);
    return resource ? show_type(&docs, resource) : fhir_portal_none(call, "documentation");
}
