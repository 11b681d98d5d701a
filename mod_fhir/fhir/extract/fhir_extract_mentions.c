/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Column `mentions`: whom a resource speaks of, as far as that is certain; what a patient's grant
 * shows depends on it (query/fhir_grant_patient.c). Every element of the resource is looked at by
 * the model, extensions and contained resources included.
 *
 * - A reference to a resource of this server is "Type/id". One to a type that itself can name no
 *   patient (Practitioner, Organization, …) is left out.
 * - Any other reference (logical, urn:uuid, another server's, malformed) is uncertain when its
 *   element may refer to a type that can name a patient; so is a contained Patient, a contained
 *   resource of such a type that names none, a resource inside that is not `contained`, and what
 * the model does not know. Then, and when several patients are named, the whole is "?".
 *
 * A record whose column `patient` is filled is that patient's, and has no value here.
 */
#include <string.h>

#include "core/fhir_text.h"
#include "fhir/extract/fhir_extract_private.h"

#define UNCERTAIN "{\"?\"}"

static int is_patient(const char *s, apr_size_t len)
{
    return len > 8 && !memcmp(s, "Patient/", 8);
}

/* ---- types that can name a patient ---- */

static int may_target(const fhir_model_t *m, const fhir_element_t *el, const char *type)
{
    const char *name = fhir_model_str(m, m->types[el->type].name);
    if (strcmp(name, "Reference") != 0)
        return 0;
    for (int i = 0; i < el->n_targets; i++)
        if (!strcmp(fhir_model_str(m, m->types[m->targets[el->first_target + i]].name), type))
            return 1;
    return !el->n_targets;
}

/* Does the type, or a part of it, have an element that may hold a patient or a resource? Extensions
 * and contained resources, which all types have, are looked at in each resource instead. */
static int has_patient_element(const fhir_model_t *m, const fhir_type_t *type, int depth)
{
    for (int i = 0; i < type->n_elements; i++) {
        const fhir_element_t *el = &m->elements[type->first_element + i];
        const fhir_type_t *part = &m->types[el->type];
        if (may_target(m, el, "Patient") ||
            (el->flags & FHIR_EL_RESOURCE && strcmp(fhir_model_str(m, el->name), "contained")))
            return 1;
        if (part->kind == FHIR_KIND_BACKBONE && depth && has_patient_element(m, part, depth - 1))
            return 1;
    }
    return 0;
}

enum { NOT_KNOWN, NAMES_NONE, NAMES_PATIENTS };
#define DEPTH_MAX 8 /* depth of the parts of a type; this ends those that contain themselves */

/* 1 if a resource of the type can name a patient. */
static int can_name(const fhir_extract_t *x, const fhir_type_t *type)
{
    const fhir_model_t *m = x->model;
    const fhir_type_t *patient = fhir_model_resource(m, "Patient", 7);
    apr_byte_t *known = &x->can_name[fhir_model_type_index(m, type)];
    if (*known == NOT_KNOWN)
        *known = type == patient || type->patient || fhir_model_compartment(m, patient, type) ||
                         has_patient_element(m, type, DEPTH_MAX)
                     ? NAMES_PATIENTS
                     : NAMES_NONE;
    return *known == NAMES_PATIENTS;
}

/* 1 if the target of an element can be a patient, or can name one. */
static int may_lead_to_patient(const fhir_extract_t *x, const fhir_element_t *el)
{
    for (int i = 0; i < el->n_targets; i++)
        if (can_name(x, &x->model->types[x->model->targets[el->first_target + i]]))
            return 1;
    return !el->n_targets;
}

/* ---- what was found ---- */

static int is_known(const fhir_mentions_t *found, const char *s, apr_size_t len)
{
    for (int i = 0; i < found->n; i++)
        if (found->list[i].len == len && !memcmp(found->list[i].data, s, len))
            return 1;
    return 0;
}

/* Notes "Type/id". A second patient, or more than fits, makes the whole uncertain. */
static void add(fhir_extract_t *x, const char *s, apr_size_t len)
{
    fhir_mentions_t *found = &x->mentions;
    if (is_patient(s, len))
        found->named = 1;
    if (is_known(found, s, len))
        return;
    if (found->n == FHIR_EXTRACT_MENTIONS || (is_patient(s, len) && found->has_patient++)) {
        found->uncertain = 1;
        return;
    }
    found->list[found->n++] = (fhir_value_t){s, len};
}

/* ---- references ---- */

static const fhir_type_t *type_named(const fhir_extract_t *x, const char *s, apr_size_t len)
{
    return s ? fhir_model_resource(x->model, s, len) : NULL;
}

/* The type before the last slash of a URL: "http://other/Practitioner/1". */
static const fhir_type_t *type_in_url(const fhir_extract_t *x, const char *s, apr_size_t len)
{
    const char *slash = memrchr(s, '/', len);
    if (!slash || !fhir_text_is_id(slash + 1, (apr_size_t)(s + len - slash - 1)))
        return NULL;
    const char *start = memrchr(s, '/', (apr_size_t)(slash - s));
    start = start ? start + 1 : s;
    return type_named(x, start, (apr_size_t)(slash - start));
}

static void literal(fhir_extract_t *x, const fhir_element_t *el, const char *s, apr_size_t len)
{
    if (len && *s == '#')
        return; /* the contained resource is looked at itself */
    fhir_extract_normalize(&s, &len, x);
    const fhir_type_t *type = type_in_url(x, s, len);
    int is_local = type && s + strlen(fhir_model_str(x->model, type->name)) == memrchr(s, '/', len);
    if (is_local && can_name(x, type))
        add(x, s, len);
    else if (type ? can_name(x, type)
                  : len < 4 || memcmp(s, "urn:", 4) || may_lead_to_patient(x, el))
        x->mentions.uncertain = 1;
}

/* No literal reference: only an identifier or a display. */
static void logical(fhir_extract_t *x, const fhir_element_t *el, const fhir_node_t *node)
{
    const fhir_node_t *said = fhir_node_get(node, "type");
    const fhir_type_t *type =
        said && said->kind == FHIR_NODE_STRING ? type_named(x, said->text, said->text_len) : NULL;
    if (!fhir_node_get(node, "identifier") && !fhir_node_get(node, "display"))
        return;
    if (type ? can_name(x, type) : may_lead_to_patient(x, el))
        x->mentions.uncertain = 1;
}

static void reference(fhir_extract_t *x, const fhir_element_t *el, const fhir_node_t *node)
{
    const fhir_node_t *text = fhir_node_get(node, "reference");
    if (!text)
        logical(x, el, node);
    else if (text->kind == FHIR_NODE_STRING)
        literal(x, el, text->text, text->text_len);
    else
        x->mentions.uncertain = 1;
}

/* Notes a uri that names a patient of this server. */
static void uri(fhir_extract_t *x, const fhir_node_t *node)
{
    const char *s = node->text;
    apr_size_t len = node->text_len;
    if (node->kind != FHIR_NODE_STRING)
        return;
    fhir_extract_normalize(&s, &len, x);
    if (is_patient(s, len) && fhir_text_is_id(s + 8, len - 8))
        add(x, s, len);
}

/* ---- the walk ---- */

static void walk(fhir_extract_t *x, const fhir_type_t *type, const fhir_node_t *object);

static void contained(fhir_extract_t *x, const fhir_node_t *node)
{
    const fhir_node_t *name = fhir_node_get(node, "resourceType");
    const fhir_type_t *type =
        name && name->kind == FHIR_NODE_STRING ? type_named(x, name->text, name->text_len) : NULL;
    int named = x->mentions.named;
    x->mentions.named = 0;
    if (type)
        walk(x, type, node);
    if (!type || fhir_node_is(name, "Patient") || (can_name(x, type) && !x->mentions.named))
        x->mentions.uncertain = 1;
    x->mentions.named |= named;
}

static int is_uri(const fhir_type_t *type)
{
    return type->prim == FHIR_PRIM_URI || type->prim == FHIR_PRIM_URL ||
           type->prim == FHIR_PRIM_CANONICAL;
}

static void value(fhir_extract_t *x, const fhir_element_t *el, const fhir_node_t *node)
{
    const fhir_model_t *m = x->model;
    const fhir_type_t *type = &m->types[el->type];
    if (node->kind == FHIR_NODE_NULL)
        return;
    if (type->kind == FHIR_KIND_PRIMITIVE) {
        if (is_uri(type))
            uri(x, node);
        return;
    }
    if (node->kind != FHIR_NODE_OBJECT) {
        x->mentions.uncertain = 1;
        return;
    }
    if (el->flags & FHIR_EL_RESOURCE) {
        if (strcmp(fhir_model_str(m, el->name), "contained") != 0)
            x->mentions.uncertain = 1;
        else
            contained(x, node);
        return;
    }
    if (!strcmp(fhir_model_str(m, type->name), "Reference"))
        reference(x, el, node);
    walk(x, type, node);
}

/* "_birthDate": id and extensions of a primitive. */
static void underscored(fhir_extract_t *x, const fhir_node_t *node)
{
    if (node->kind == FHIR_NODE_OBJECT)
        walk(x, fhir_model_type(x->model, "Element", 7), node);
}

static void walk(fhir_extract_t *x, const fhir_type_t *type, const fhir_node_t *object)
{
    for (const fhir_node_t *member = object->child; member && !x->mentions.uncertain;
         member = member->next) {
        int underscore = member->name_len && *member->name == '_';
        const fhir_element_t *el = fhir_model_element(x->model, type, member->name + underscore,
                                                      member->name_len - (apr_size_t)underscore);
        const fhir_node_t *first = member->kind == FHIR_NODE_ARRAY ? member->child : member;
        if (!el && (type->kind != FHIR_KIND_RESOURCE || member->name_len != 12 ||
                    memcmp(member->name, "resourceType", 12)))
            x->mentions.uncertain = 1;
        for (const fhir_node_t *item = el ? first : NULL; item; item = item->next) {
            if (underscore)
                underscored(x, item);
            else
                value(x, el, item);
            if (member->kind != FHIR_NODE_ARRAY)
                break;
        }
    }
}

void fhir_extract_mentions(fhir_value_t *cell, fhir_extract_t *x)
{
    fhir_mentions_t *found = &x->mentions;
    fhir_buf_t *text = found->text;
    cell->data = NULL;
    cell->len = 0;
    if ((x->patient && x->patient->count) || x->type == fhir_model_resource(x->model, "Patient", 7))
        return;
    found->n = found->has_patient = found->named = found->uncertain = 0;
    walk(x, x->type, x->root);
    fhir_buf_clear(text);
    if (found->uncertain)
        fhir_buf_puts(text, UNCERTAIN);
    for (int i = 0; i < found->n && !found->uncertain; i++) {
        fhir_buf_putc(text, i ? ',' : '{');
        fhir_store_array_element(text, found->list[i].data, found->list[i].len);
    }
    if (!found->uncertain)
        fhir_buf_puts(text, found->n ? "}" : "{}");
    cell->data = fhir_buf_cstr(text);
    cell->len = text->len;
}
