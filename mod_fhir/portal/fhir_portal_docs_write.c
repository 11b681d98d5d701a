/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What create and update need: a body for each type that can be sent as it is. It is the example
 * from the sample data without what the server sets. A type without sample data has the elements
 * that the model requires, with values of their types, and those that an invariant asks for.
 */
#include <apr_strings.h>
#include <string.h>

#include "portal/fhir_portal_private.h"

#define DEPTH_MAX 8

/* ---- the example of the sample data ---- */

fhir_node_t *fhir_portal_example(const fhir_model_t *model, const char *type, apr_pool_t *pool)
{
    const char *name = apr_pstrcat(pool, "examples.", model->label, NULL);
    const char *start = apr_psprintf(pool, "{\"resourceType\":\"%s\",", type), *end;
    const fhir_page_file_t *file = fhir_page_file(name, strlen(name));
    fhir_node_t *node;
    for (const char *line = file ? file->text : ""; *line; line = *end ? end + 1 : end) {
        end = line + strcspn(line, "\n");
        if (!strncmp(line, start, strlen(start)))
            return fhir_node_parse_json(&node, line, (apr_size_t)(end - line),
                                        FHIR_NODE_LIMITS_MOST, pool)
                       ? NULL
                       : node;
    }
    return NULL;
}

static void omit(fhir_node_t *object, const char *name)
{
    for (fhir_node_t **at = &object->child; *at; at = &(*at)->next)
        if ((*at)->name_len == strlen(name) && !memcmp((*at)->name, name, (*at)->name_len)) {
            *at = (*at)->next;
            return;
        }
}

/* ---- a body from the model ---- */

typedef struct body_t {
    const fhir_model_t *model;
    fhir_buf_t *buf;
    apr_pool_t *pool;
} body_t;

/* Data types whose elements are all optional, and what a reader expects of those that are not. */
static const struct {
    const char *type, *json;
} values[] = {
    {"Address", "{\"line\":[\"12 Main Street\"],\"city\":\"Worcester\",\"state\":\"MA\"}"},
    {"Age", "{\"value\":54,\"unit\":\"years\",\"system\":\"http://unitsofmeasure.org\",\"code\":"
            "\"a\"}"},
    {"Attachment", "{\"contentType\":\"text/plain\",\"data\":\"RXhhbXBsZQ==\"}"},
    {"CodeableConcept", "{\"text\":\"Example\"}"},
    {"Coding", "{\"system\":\"http://example.org/codes\",\"code\":\"example\"}"},
    {"ContactDetail", "{\"name\":\"Example\"}"},
    {"ContactPoint", "{\"system\":\"phone\",\"value\":\"555-0100\"}"},
    {"Dosage", "{\"text\":\"One tablet a day\"}"},
    {"Duration", "{\"value\":30,\"unit\":\"min\",\"system\":\"http://unitsofmeasure.org\",\"code\":"
                 "\"min\"}"},
    {"HumanName", "{\"family\":\"Lind\",\"given\":[\"Eva\"]}"},
    {"Identifier", "{\"system\":\"http://example.org/ids\",\"value\":\"4711\"}"},
    {"Money", "{\"value\":25,\"currency\":\"USD\"}"},
    {"Period", "{\"start\":\"2026-11-20\",\"end\":\"2026-11-27\"}"},
    {"Quantity", "{\"value\":1,\"unit\":\"mg\",\"system\":\"http://unitsofmeasure.org\",\"code\":"
                 "\"mg\"}"},
    {"Range", "{\"low\":{\"value\":1},\"high\":{\"value\":2}}"},
    {"Ratio", "{\"numerator\":{\"value\":1},\"denominator\":{\"value\":2}}"},
    {"SimpleQuantity", "{\"value\":1,\"unit\":\"mg\"}"},
    {"Timing", "{\"repeat\":{\"frequency\":1,\"period\":1,\"periodUnit\":\"d\"}}"},
};

static const char *const primitives[] = {
    [FHIR_PRIM_BASE64] = "\"RXhhbXBsZQ==\"",
    [FHIR_PRIM_BOOLEAN] = "true",
    [FHIR_PRIM_CANONICAL] = "\"http://example.org/fhir/example\"",
    [FHIR_PRIM_CODE] = "\"example\"",
    [FHIR_PRIM_DATE] = "\"2026-11-20\"",
    [FHIR_PRIM_DATETIME] = "\"2026-11-20T12:00:00Z\"",
    [FHIR_PRIM_DECIMAL] = "1.5",
    [FHIR_PRIM_ID] = "\"example\"",
    [FHIR_PRIM_INSTANT] = "\"2026-11-20T12:00:00Z\"",
    [FHIR_PRIM_INTEGER] = "1",
    [FHIR_PRIM_MARKDOWN] = "\"Example\"",
    [FHIR_PRIM_OID] = "\"urn:oid:1.2.3\"",
    [FHIR_PRIM_POSITIVEINT] = "1",
    [FHIR_PRIM_STRING] = "\"Example\"",
    [FHIR_PRIM_TIME] = "\"12:00:00\"",
    [FHIR_PRIM_UNSIGNEDINT] = "1",
    [FHIR_PRIM_URI] = "\"http://example.org/example\"",
    [FHIR_PRIM_URL] = "\"http://example.org/example\"",
    [FHIR_PRIM_UUID] = "\"urn:uuid:d2f1b9a4-6a0b-4d4a-9a57-0c6b6a5e7d11\"",
    [FHIR_PRIM_XHTML] = "\"<div xmlns=\\\"http://www.w3.org/1999/xhtml\\\">Example</div>\"",
};

/* Members that an invariant requires, not a cardinality; and codes of sets that the model does not
 * list. path: of what has the member. */
static const struct {
    const char *path, *member, *json;
} more[] = {
    {"AppointmentResponse", "participantType", "[{\"text\":\"Patient\"}]"},
    {"Binary", "contentType", "\"text/plain\""},
    {"Binary", "data", "\"RXhhbXBsZQ==\""},
    {"CapabilityStatement", "fhirVersion", "\"4.0.1\""},
    {"CapabilityStatement", "format", "[\"json\"]"},
    {"CapabilityStatement", "software", "{\"name\":\"Example\"}"},
    {"CapabilityStatement", "rest", "[{\"mode\":\"server\"}]"},
    {"Consent", "policyRule", "{\"text\":\"Opt in\"}"},
    {"EventDefinition.trigger", "type", "\"named-event\""},
    {"EventDefinition.trigger", "name", "\"discharge\""},
    {"ImmunizationRecommendation.recommendation", "vaccineCode", "[{\"text\":\"Influenza\"}]"},
    {"Linkage", "item",
     "[{\"type\":\"source\",\"resource\":{\"display\":\"Eva Lind\"}},"
     "{\"type\":\"alternate\",\"resource\":{\"display\":\"E. Lind\"}}]"},
    {"StructureDefinition", "kind", "\"logical\""},
    {"StructureDefinition", "differential",
     "{\"element\":[{\"id\":\"Example\",\"path\":\"Example\"}]}"},
    {"TerminologyCapabilities", "software", "{\"name\":\"Example\"}"},
};

/* Members of the sample data's answers that the server makes of other records. */
static const struct {
    const fhir_model_t *model;
    const char *type, *member;
} made[] = {
    {&fhir_model_dstu2, "Practitioner", "practitionerRole"},
};

static const char *more_of(const char *path, const char *member)
{
    for (apr_size_t i = 0; i < sizeof(more) / sizeof(*more); i++)
        if (!strcmp(more[i].path, path) && !strcmp(more[i].member, member))
            return more[i].json;
    return NULL;
}

/* A code of a set: one that says that the record is good, or the first. */
static const fhir_vscode_t *code_of(const fhir_model_t *m, apr_uint16_t set)
{
    static const char *const best[] = {"active", "final", "completed", "finished", "order"};
    const fhir_valueset_t *vs = &m->valuesets[set];
    for (apr_size_t b = 0; b < sizeof(best) / sizeof(*best); b++)
        for (apr_uint32_t i = 0; i < vs->n_codes; i++)
            if (!strcmp(fhir_model_str(m, m->codes[vs->first_code + i].code), best[b]))
                return &m->codes[vs->first_code + i];
    return vs->n_codes ? &m->codes[vs->first_code] : NULL;
}

static void put_coding(const body_t *body, const fhir_vscode_t *code)
{
    fhir_buf_puts(body->buf, "{\"system\":");
    fhir_portal_json(body->buf, fhir_model_str(body->model, code->system));
    fhir_buf_puts(body->buf, ",\"code\":");
    fhir_portal_json(body->buf, fhir_model_str(body->model, code->code));
    fhir_buf_putc(body->buf, '}');
}

/* A reference to an example that has the right type: the patient's if that may be. */
static void put_reference(const body_t *body, const fhir_element_t *e)
{
    static const char *const first[] = {"Patient", "Practitioner", "Organization", "Location"};
    const fhir_model_t *m = body->model;
    int n = (int)(sizeof(first) / sizeof(*first));
    for (int i = 0; i < n + e->n_targets; i++) {
        const fhir_type_t *type =
            i < n ? fhir_model_resource(m, first[i], strlen(first[i]))
                  : &m->types[m->targets[e->first_target + (apr_uint16_t)(i - n)]];
        const char *name = fhir_model_str(m, type->name);
        int allowed = !e->n_targets;
        for (int k = 0; k < e->n_targets; k++)
            allowed |= m->targets[e->first_target + k] == fhir_model_type_index(m, type);
        fhir_node_t *example = allowed ? fhir_portal_example(m, name, body->pool) : NULL;
        const char *id = example ? fhir_node_string(example, "id", body->pool) : NULL;
        if (id) {
            fhir_buf_printf(body->buf, "{\"reference\":\"%s/%s\"}", name, id);
            return;
        }
    }
    fhir_buf_puts(body->buf, "{\"display\":\"Example\"}");
}

static void put_members(const body_t *body, const fhir_type_t *type, const char *path, int depth);

/* A comma, unless the object has just begun. */
static void put_comma(fhir_buf_t *buf)
{
    if (buf->len && buf->data[buf->len - 1] != '{')
        fhir_buf_putc(buf, ',');
}

static void put_value(const body_t *body, const fhir_element_t *e, const char *path, int depth)
{
    const fhir_model_t *m = body->model;
    const fhir_type_t *type = &m->types[e->type];
    const char *name = fhir_model_str(m, type->name);
    const fhir_vscode_t *code = e->binding ? code_of(m, e->binding) : NULL;
    if (type->kind == FHIR_KIND_PRIMITIVE) {
        if (code)
            fhir_portal_json(body->buf, fhir_model_str(m, code->code));
        else
            fhir_buf_puts(body->buf, primitives[type->prim]);
        return;
    }
    if (!strcmp(name, "Reference")) {
        put_reference(body, e);
        return;
    }
    if (code && !strcmp(name, "CodeableConcept")) {
        fhir_buf_puts(body->buf, "{\"coding\":[");
        put_coding(body, code);
        fhir_buf_puts(body->buf, "]}");
        return;
    }
    if (code && !strcmp(name, "Coding")) {
        put_coding(body, code);
        return;
    }
    for (apr_size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
        if (!strcmp(values[i].type, name)) {
            fhir_buf_puts(body->buf, values[i].json);
            return;
        }
    fhir_buf_putc(body->buf, '{');
    put_members(body, type, path, depth + 1);
    fhir_buf_putc(body->buf, '}');
}

static int requires(const fhir_model_t *m, const fhir_type_t *type)
{
    for (int i = 0; i < type->n_elements; i++)
        if (m->elements[type->first_element + i].min)
            return 1;
    return 0;
}

/* 1 for what a record without required elements is known by. */
static int names(const char *element)
{
    return !strcmp(element, "name") || !strcmp(element, "identifier") || !strcmp(element, "code") ||
           !strcmp(element, "type");
}

/* The members of an object: the required ones, of a choice the first, and what more_of adds. A
 * resource that requires nothing has a name, or what stands for one. */
static void put_members(const body_t *body, const fhir_type_t *type, const char *path, int depth)
{
    const fhir_model_t *m = body->model;
    apr_uint32_t chosen = 0;
    int is_resource = type->kind == FHIR_KIND_RESOURCE, said = is_resource && requires(m, type);
    for (int i = 0; i < type->n_elements && depth < DEPTH_MAX; i++) {
        const fhir_element_t *e = &m->elements[type->first_element + i];
        const char *name = fhir_model_str(m, e->name), *known = more_of(path, name);
        int is_name = is_resource && !said && names(name);
        if (!known && !is_name && (!e->min || (e->group && e->group == chosen)))
            continue;
        chosen = e->group;
        said |= is_name;
        put_comma(body->buf);
        fhir_buf_printf(body->buf, "\"%s\":%s", name, e->max > 1 && !known ? "[" : "");
        if (known)
            fhir_buf_puts(body->buf, known);
        else
            put_value(body, e, apr_pstrcat(body->pool, path, ".", name, NULL), depth);
        fhir_buf_puts(body->buf, e->max > 1 && !known ? "]" : "");
    }
}

static fhir_node_t *made_of_model(const fhir_model_t *m, const char *name, apr_pool_t *pool)
{
    const fhir_type_t *type = fhir_model_resource(m, name, strlen(name));
    body_t body = {m, fhir_buf_create(pool, 0), pool};
    fhir_node_t *node;
    fhir_buf_printf(body.buf, "{\"resourceType\":\"%s\"", name);
    if (type)
        put_members(&body, type, name, 0);
    fhir_buf_putc(body.buf, '}');
    return fhir_node_parse_json(&node, body.buf->data, body.buf->len, FHIR_NODE_LIMITS_MOST, pool)
               ? NULL
               : node;
}

const fhir_node_t *fhir_portal_body(const fhir_model_t *model, const char *type, apr_pool_t *pool)
{
    fhir_node_t *body = fhir_portal_example(model, type, pool);
    if (!body)
        return made_of_model(model, type, pool);
    fhir_node_t *meta = (fhir_node_t *)fhir_node_get(body, "meta");
    omit(body, "id");
    for (apr_size_t i = 0; i < sizeof(made) / sizeof(*made); i++)
        if (made[i].model == model && !strcmp(made[i].type, type))
            omit(body, made[i].member);
    if (meta) {
        omit(meta, "versionId");
        omit(meta, "lastUpdated");
        if (!meta->child)
            omit(body, "meta");
    }
    return body;
}

/* ---- what it needs ---- */

/* The required elements of a type and of what is in them: "code", "participant.status". */
static void add_required(fhir_view_t *view, const fhir_model_t *m, const fhir_type_t *type,
                         const char *path, int depth, apr_pool_t *pool)
{
    apr_uint32_t chosen = 0;
    for (int i = 0; i < type->n_elements && depth < DEPTH_MAX; i++) {
        const fhir_element_t *e = &m->elements[type->first_element + i];
        const fhir_type_t *inner = &m->types[e->type];
        if (!e->min || (e->group && e->group == chosen))
            continue;
        chosen = e->group;
        const char *name = e->group ? apr_pstrcat(pool, fhir_model_str(m, e->group), "[x]", NULL)
                                    : fhir_model_str(m, e->name);
        name = apr_pstrcat(pool, path, *path ? "." : "", name, NULL);
        fhir_view_set(fhir_view_add(view, "required"), "path", name);
        fhir_view_flag(view, "has_required", 1);
        if (inner->kind == FHIR_KIND_BACKBONE)
            add_required(view, m, inner, name, depth + 1, pool);
    }
}

/* What the body refers to in this server: "Patient/123", each once. */
static void add_references(fhir_view_t *view, apr_array_header_t *seen, const fhir_node_t *node,
                           int depth)
{
    if (node->kind == FHIR_NODE_STRING && node->name && node->name_len == 9 &&
        !memcmp(node->name, "reference", 9) && node->text_len && *node->text != '#') {
        const char *text = apr_pstrmemdup(seen->pool, node->text, node->text_len);
        for (int i = 0; i < seen->nelts; i++)
            if (!strcmp(APR_ARRAY_IDX(seen, i, const char *), text))
                return;
        APR_ARRAY_PUSH(seen, const char *) = text;
        fhir_view_set(fhir_view_add(view, "references"), "text", text);
        fhir_view_flag(view, "has_references", 1);
        return;
    }
    for (const fhir_node_t *c = depth < FHIR_NODE_DEPTH_MOST ? node->child : NULL; c; c = c->next)
        add_references(view, seen, c, depth + 1);
}

/* The statuses of a refused write, in the order of their numbers. Those about versions differ:
 * DSTU2 has 412 for none and 409 for another one. */
static void add_refusals(fhir_view_t *view, const fhir_endpoint_t *endpoint)
{
    static const struct {
        const char *status, *r4, *dstu2;
    } rows[] = {{"400", "docs-400", "docs-400"},   {"401", "docs-401", "docs-401"},
                {"403", "docs-403", "docs-403"},   {"404, 405", "docs-405", "docs-405"},
                {"409", "docs-409", "docs-stale"}, {"412", "docs-stale", "docs-unnamed"},
                {"422", "docs-422", "docs-422"},   {"428", "docs-unnamed", NULL}};
    int is_dstu2 = endpoint->spoken == &fhir_model_dstu2;
    for (apr_size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *text = is_dstu2 ? rows[i].dstu2 : rows[i].r4;
        if (!text || (!strcmp(text, "docs-unnamed") &&
                      endpoint->writing.require_if_match == FHIR_REQUIRE_IF_MATCH_OFF))
            continue;
        fhir_view_t *row = fhir_view_add(view, "refusals");
        fhir_view_set(row, "status", rows[i].status);
        fhir_view_set(row, "text", text);
    }
}

void fhir_portal_writing(fhir_view_t *view, const fhir_endpoint_t *endpoint, const char *name,
                         apr_pool_t *pool)
{
    const fhir_model_t *m = endpoint->spoken;
    const fhir_type_t *type = fhir_model_resource(m, name, strlen(name));
    const fhir_node_t *body = fhir_portal_body(m, name, pool);
    if (!type || !body)
        return;
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    fhir_node_write_json(buf, body, 1);
    fhir_view_set(view, "body", fhir_buf_cstr(buf));
    fhir_view_flag(view, "may_create", endpoint->interactions & FHIR_INTERACTION_CREATE);
    fhir_view_flag(view, "may_update", endpoint->interactions & FHIR_INTERACTION_UPDATE);
    fhir_view_flag(view, "checks_references", endpoint->writing.check_references);
    fhir_view_flag(view, "ignores_id",
                   endpoint->writing.create_with_id == FHIR_CREATE_WITH_ID_IGNORE);
    fhir_view_flag(view, "named_by_body",
                   endpoint->writing.require_if_match == FHIR_REQUIRE_IF_MATCH_VERSION);
    add_required(view, m, type, "", 0, pool);
    add_references(view, apr_array_make(pool, 8, sizeof(const char *)), body, 0);
    add_refusals(view, endpoint);
}
