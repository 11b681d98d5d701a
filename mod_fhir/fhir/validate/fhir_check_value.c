/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values against the base model: codes and required value sets, references and their targets, OIDs
 * and UUIDs in URIs. The lexical rules of primitive types are fhir_check_primitive.c's.
 */
#include <apr_lib.h>
#include <apr_strings.h>

#include "core/fhir_text.h"
#include "fhir/validate/fhir_check_private.h"

/* ---- codes ---- */

const char *fhir_check_text(const fhir_node_t *object, const char *name, apr_size_t *len)
{
    const fhir_node_t *node = fhir_node_get(object, name);

    *len = node && node->kind == FHIR_NODE_STRING ? node->text_len : 0;
    return *len ? node->text : NULL;
}

static int coding_in(const fhir_check_t *c, const fhir_element_t *el, const fhir_node_t *coding)
{
    apr_size_t code_len, system_len;
    const char *code = fhir_check_text(coding, "code", &code_len);
    const char *system = fhir_check_text(coding, "system", &system_len);

    /* Codes of a value set have systems, so a code without a system is never one of them. */
    system = system ? apr_pstrmemdup(c->issues->pool, system, system_len) : "";
    return code && fhir_model_valueset_has(c->model, el->binding, system, code, code_len);
}

/* 1 if some coding has a code without a system. */
static int has_bare_code(const fhir_node_t *node)
{
    const fhir_node_t *list = fhir_node_get(node, "coding"), *coding = list ? list->child : node;

    for (; coding; coding = list ? coding->next : NULL)
        if (fhir_node_get(coding, "code") && !fhir_node_get(coding, "system"))
            return 1;
    return 0;
}

void fhir_check_concept(fhir_check_t *c, const fhir_element_t *el, const fhir_node_t *node)
{
    const fhir_valueset_t *vs = &c->model->valuesets[el->binding];
    const fhir_type_t *type = &c->model->types[el->type];
    const fhir_node_t *coding = NULL;

    if (vs->flags & FHIR_VS_OPEN)
        return;
    if (fhir_check_type_is(c, type, "CodeableConcept")) {
        const fhir_node_t *list = fhir_node_get(node, "coding");

        for (coding = list ? list->child : NULL; coding; coding = coding->next)
            if (coding_in(c, el, coding))
                return;
        /* An extension with the reason for absence may replace the code. */
        if (!list && fhir_node_get(node, "extension"))
            return;
    }
    else if (!fhir_check_type_is(c, type, "Coding") || coding_in(c, el, node) ||
             !fhir_node_get(node, "code")) {
        return;
    }
    fhir_check_finding(c, node, FHIR_ERR_CODE, "binding-required",
                       "None of the codes is in the required value set %s%s",
                       fhir_model_str(c->model, vs->url),
                       has_bare_code(node) ? "; a code needs its system to be one of it" : "");
}

/* A code of a set that is a whole code system, checked by the rules of that system. */
static void check_open(fhir_check_t *c, const fhir_valueset_t *vs, const fhir_node_t *node)
{
    static const struct {
        const char *set, *system;
    } sets[] = {
        {"http://hl7.org/fhir/ValueSet/all-languages", "urn:ietf:bcp:47"},
        {"http://hl7.org/fhir/ValueSet/currencies", "urn:iso:std:iso:4217"},
    };
    const char *url = fhir_model_str(c->model, vs->url), *rule;

    for (apr_size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
        if (!strcmp(url, sets[i].set) &&
            fhir_check_form(&rule, sets[i].system, strlen(sets[i].system), node->text,
                            node->text_len) == FHIR_FORM_BAD)
            fhir_check_finding(c, node, FHIR_ERR_CODE, "binding-required",
                               "The code '%s' is not in the required value set %s; expected: %s",
                               fhir_check_excerpt(c, node), url, rule);
}

void fhir_check_code(fhir_check_t *c, const fhir_element_t *el, const fhir_node_t *node)
{
    const fhir_valueset_t *vs = &c->model->valuesets[el->binding];
    const char *allowed = "";

    if (vs->flags & FHIR_VS_OPEN) {
        check_open(c, vs, node);
        return;
    }
    if (fhir_model_valueset_has(c->model, el->binding, NULL, node->text, node->text_len))
        return;
    if (vs->n_codes <= 16)
        for (apr_uint32_t i = 0; i < vs->n_codes; i++)
            allowed =
                apr_psprintf(c->issues->pool, "%s%s %s", allowed, i ? "," : ": one of",
                             fhir_model_str(c->model, c->model->codes[vs->first_code + i].code));
    fhir_check_finding(c, node, FHIR_ERR_CODE, "binding-required",
                       "The code '%s' is not in the required value set %s%s",
                       fhir_check_excerpt(c, node), fhir_model_str(c->model, vs->url), allowed);
}

/* ---- references ---- */

/* The type that a literal reference names: "Patient/1", ".../Patient/1(/_history/2)". */
static const fhir_type_t *literal_type(const fhir_check_t *c, const char *s, apr_size_t len)
{
    apr_size_t slash[4] = {0}, n = 0;
    const fhir_type_t *type = NULL;

    /* Of the last four slashes, the type is before the last, or before /id/_history/n. */
    for (apr_size_t i = len; i > 0 && n < 4; i--)
        if (s[i - 1] == '/')
            slash[n++] = i - 1;
    for (apr_size_t i = 0; i < n && !type; i += 2) {
        apr_size_t start = i + 1 < n ? slash[i + 1] + 1 : 0;

        type = fhir_model_resource(c->model, s + start, slash[i] - start);
    }
    return type;
}

const fhir_type_t *fhir_check_resource_type(const fhir_check_t *c, const fhir_node_t *resource)
{
    apr_size_t len;
    const char *name = fhir_check_text(resource, "resourceType", &len);

    return name ? fhir_model_resource(c->model, name, len) : NULL;
}

static int target_allowed(const fhir_check_t *c, const fhir_element_t *el, const fhir_type_t *type)
{
    const apr_uint16_t *targets = c->model->targets + el->first_target;

    for (apr_uint16_t i = 0; i < el->n_targets; i++) {
        const fhir_type_t *target = &c->model->types[targets[i]];

        if (target == type || (target->flags & FHIR_TYPE_ABSTRACT))
            return 1;
    }
    return el->n_targets == 0;
}

/* A relative reference is Type/id, Type/id/_history/v or, in transactions, Type?search; all others
 * are absolute. */
static int reference_form(const fhir_check_t *c, const char *ref, apr_size_t len)
{
    const char *question = memchr(ref, '?', len);

    if (*ref == '#' || memchr(ref, ':', len))
        return 1;
    const char *slash = memchr(ref, '/', len);
    if (question && (!slash || question < slash))
        return fhir_model_resource(c->model, ref, (apr_size_t)(question - ref)) != NULL;
    apr_size_t type_len = slash ? (apr_size_t)(slash - ref) : len;
    if (!slash || !fhir_model_resource(c->model, ref, type_len))
        return 0;
    ref = slash + 1;
    len -= type_len + 1;
    slash = memchr(ref, '/', len);
    apr_size_t id_len = slash ? (apr_size_t)(slash - ref) : len;
    if (!fhir_text_is_id(ref, id_len))
        return 0;
    if (!slash)
        return 1;
    len -= id_len;
    return len > 10 && !memcmp(slash, "/_history/", 10) && fhir_text_is_id(slash + 10, len - 10);
}

/* The resource type of Reference.type, given by name or by the URL of its definition. */
static const fhir_type_t *named_type(const fhir_check_t *c, const char *name, apr_size_t len)
{
    static const char base[] = "http://hl7.org/fhir/StructureDefinition/";
    apr_size_t skip =
        len > sizeof(base) - 1 && !memcmp(name, base, sizeof(base) - 1) ? sizeof(base) - 1 : 0;

    return fhir_model_resource(c->model, name + skip, len - skip);
}

/* The type that a reference states or implies; 0 when it was reported as wrong. */
static int reference_type(fhir_check_t *c, const fhir_type_t **type, const fhir_node_t *node)
{
    apr_size_t len, said_len;
    const char *ref = fhir_check_text(node, "reference", &len);
    const char *said = fhir_check_text(node, "type", &said_len);
    const fhir_type_t *said_type = said ? named_type(c, said, said_len) : NULL;
    const fhir_node_t *entry =
        ref && c->entries ? apr_hash_get(c->entries, ref, (apr_ssize_t)len) : NULL;

    *type = NULL;
    if (said && !said_type && !memchr(said, ':', said_len)) {
        apr_size_t mark = fhir_check_push(c, "type", 4, -1);

        fhir_check_finding(
            c, fhir_node_get(node, "type"), FHIR_ERR_INVALID, "reference-type",
            "'%s' is neither a resource type of FHIR %s nor the URL of a logical model",
            fhir_text_excerpt(said, said_len, c->issues->pool), c->model->label);
        fhir_check_pop(c, mark);
        return 0;
    }
    if (ref && *ref == '#') {
        const fhir_node_t *target = c->container;

        if (len > 1 && !fhir_check_contained_refer(c, &target, ref + 1, len - 1)) {
            fhir_check_finding(c, node, FHIR_ERR_REFERENCE, "reference-contained",
                               "No contained resource has the id '%s'",
                               fhir_text_excerpt(ref + 1, len - 1, c->issues->pool));
            return 0;
        }
        *type = fhir_check_resource_type(c, target);
    }
    else if (entry) { /* only Reference.type can tell the type of a urn:uuid: */
        *type = fhir_check_resource_type(c, entry);
    }
    else if (ref && !fhir_check_primitive(FHIR_PRIM_URI, ref, len)) {
        fhir_check_finding(c, node, FHIR_ERR_VALUE, "reference-format",
                           "'%s' is not a reference: a URL must not contain white space",
                           fhir_text_excerpt(ref, len, c->issues->pool));
        return 0;
    }
    else if (ref && !reference_form(c, ref, len)) {
        fhir_check_warning(c, node, FHIR_ERR_VALUE, "reference-format",
                           "'%s' does not identify a resource: the server stores it, but neither "
                           "_include nor chained searches follow it; expected: Type/id, an "
                           "absolute URL, urn:uuid:, urn:oid: or #id of a contained resource",
                           fhir_text_excerpt(ref, len, c->issues->pool));
    }
    else if (ref && (len < 4 || memcmp(ref, "urn:", 4) != 0)) {
        *type = literal_type(c, ref, len);
    }
    if (*type && said_type && *type != said_type) {
        fhir_check_finding(c, node, FHIR_ERR_INVALID, "reference-type",
                           "The reference is to %s, but its type says %s",
                           fhir_check_type_name(c, *type), fhir_check_type_name(c, said_type));
        return 0;
    }
    if (!*type)
        *type = said_type;
    return 1;
}

void fhir_check_reference(fhir_check_t *c, const fhir_element_t *el, const fhir_node_t *node)
{
    const fhir_type_t *type;
    const char *list = "";

    if (!reference_type(c, &type, node) || !type || target_allowed(c, el, type))
        return;
    for (apr_uint16_t i = 0; i < el->n_targets; i++)
        list = apr_pstrcat(
            c->issues->pool, list, i ? ", " : "",
            fhir_check_type_name(c, &c->model->types[c->model->targets[el->first_target + i]]),
            NULL);
    fhir_check_finding(c, node, FHIR_ERR_INVALID, "reference-target",
                       "A reference to %s is not allowed here; allowed: %s",
                       fhir_check_type_name(c, type), list);
}

/* An OID or UUID in a URI must be valid. Its letters may be in any case here: RFC 4122, section
 * 3. */
static int urn_valid(const char *s, apr_size_t len, fhir_prim_t *prim)
{
    *prim = len >= 8 && !memcmp(s, "urn:oid:", 8)    ? FHIR_PRIM_OID
            : len >= 9 && !memcmp(s, "urn:uuid:", 9) ? FHIR_PRIM_UUID
                                                     : FHIR_PRIM_NONE;
    if (*prim != FHIR_PRIM_UUID)
        return *prim == FHIR_PRIM_NONE || fhir_check_primitive(*prim, s, len);
    char lower[64];
    apr_size_t i;
    for (i = 0; i < len && i < sizeof(lower); i++)
        lower[i] = (char)apr_tolower(s[i]);
    return fhir_check_primitive(*prim, lower, i);
}

void fhir_check_uri(fhir_check_t *c, const fhir_node_t *node)
{
    const fhir_node_t *target;

    if (node->text[0] == '#' && node->text_len > 1)
        fhir_check_contained_refer(c, &target, node->text + 1, node->text_len - 1);
    fhir_prim_t prim;
    if (!urn_valid(node->text, node->text_len, &prim))
        fhir_check_finding(c, node, FHIR_ERR_VALUE, "uri-format", "'%s' is not valid; expected: %s",
                           fhir_check_excerpt(c, node), fhir_check_primitive_rule(prim));
}
