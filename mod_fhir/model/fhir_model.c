/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lookups in the generated tables. No memory is allocated: every result points into const tables.
 * tools/fhirgen decides what the tables contain.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_cstr.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "model/fhir_model.h"

static const fhir_model_t *const models[] = {&fhir_model_r4, &fhir_model_dstu2};

int fhir_model_release(const fhir_model_t *model)
{
    return atoi(model->version);
}

const fhir_model_t *fhir_model_by_label(const char *label)
{
    for (apr_size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (apr_cstr_casecmp(models[i]->label, label) == 0)
            return models[i];
    return NULL;
}

/* Compares a name of given length, which may contain NULs, with a string of the pool, by bytes. */
static int name_compare(const char *name, apr_size_t len, const char *pooled)
{
    apr_size_t pooled_len = strlen(pooled);
    int order = memcmp(name, pooled, len < pooled_len ? len : pooled_len);
    return order ? order : (len > pooled_len) - (len < pooled_len);
}

static const fhir_type_t *type_between(const fhir_model_t *m, unsigned first, unsigned last,
                                       const char *name, apr_size_t len)
{
    while (first <= last) {
        unsigned mid = (first + last) / 2;
        int order = name_compare(name, len, fhir_model_str(m, m->types[mid].name));
        if (order == 0)
            return &m->types[mid];
        if (order < 0)
            last = mid - 1;
        else
            first = mid + 1;
    }
    return NULL;
}

const fhir_type_t *fhir_model_resource(const fhir_model_t *m, const char *name, apr_size_t len)
{
    return type_between(m, 1, m->n_resources, name, len);
}

const fhir_type_t *fhir_model_type(const fhir_model_t *m, const char *name, apr_size_t len)
{
    const fhir_type_t *type = fhir_model_resource(m, name, len);
    return type ? type : type_between(m, m->n_resources + 1u, m->n_types, name, len);
}

/* FNV-1a, started with the owner's index; the generator filled the slots in the same way. */
static apr_uint32_t element_hash(apr_uint32_t owner, const char *name, apr_size_t len)
{
    apr_uint32_t hash = 2166136261u ^ owner;
    for (apr_size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)name[i]) * 16777619u;
    return hash ^ (hash >> 15);
}

const fhir_element_t *fhir_model_element(const fhir_model_t *m, const fhir_type_t *type,
                                         const char *name, apr_size_t len)
{
    apr_uint16_t owner = fhir_model_type_index(m, type);
    apr_uint32_t mask = m->n_element_slots - 1;
    for (apr_uint32_t at = element_hash(owner, name, len) & mask; m->element_slots[at];
         at = (at + 1) & mask) {
        const fhir_element_t *element = &m->elements[m->element_slots[at]];
        if (element->owner == owner &&
            name_compare(name, len, fhir_model_str(m, element->name)) == 0)
            return element;
    }
    return NULL;
}

const char *fhir_model_step(const fhir_model_t *m, const fhir_element_t *element, apr_pool_t *pool)
{
    return element->group ? apr_pstrcat(pool, fhir_model_str(m, element->group), ".ofType(",
                                        fhir_model_str(m, m->types[element->type].name), ")", NULL)
                          : fhir_model_str(m, element->name);
}

int fhir_model_prim_is(fhir_prim_t prim, fhir_node_kind_t kind)
{
    switch (prim) {
    case FHIR_PRIM_BOOLEAN:
        return kind == FHIR_NODE_TRUE || kind == FHIR_NODE_FALSE;
    case FHIR_PRIM_DECIMAL:
    case FHIR_PRIM_INTEGER:
    case FHIR_PRIM_POSITIVEINT:
    case FHIR_PRIM_UNSIGNEDINT:
        return kind == FHIR_NODE_NUMBER;
    default:
        return kind == FHIR_NODE_STRING;
    }
}

const fhir_param_t *fhir_model_param(const fhir_model_t *m, const fhir_type_t *type,
                                     const char *name, apr_size_t len)
{
    unsigned first = type->first_param, end = first + type->n_params;
    while (first < end) {
        unsigned mid = (first + end) / 2;
        int order = name_compare(name, len, fhir_model_str(m, m->params[mid].name));
        if (order == 0)
            return &m->params[mid];
        if (order < 0)
            end = mid;
        else
            first = mid + 1;
    }
    return NULL;
}

const char *fhir_model_table(char out[64], const fhir_model_t *m, const fhir_type_t *type)
{
    const char *name = fhir_model_str(m, type->name);
    apr_size_t i = 0;
    for (; name[i] && i < 63; i++)
        out[i] = (char)apr_tolower(name[i]);
    out[i] = '\0';
    return out;
}

const fhir_compartment_t *fhir_model_compartment(const fhir_model_t *m, const fhir_type_t *focus,
                                                 const fhir_type_t *type)
{
    apr_uint32_t key =
        (apr_uint32_t)fhir_model_type_index(m, focus) << 16 | fhir_model_type_index(m, type);
    unsigned first = 1, last = m->n_compartments;
    while (first <= last) {
        unsigned mid = (first + last) / 2;
        const fhir_compartment_t *found = &m->compartments[mid];
        apr_uint32_t at = (apr_uint32_t)found->focus << 16 | found->type;
        if (at == key)
            return found;
        if (at > key)
            last = mid - 1;
        else
            first = mid + 1;
    }
    return NULL;
}

/* Codes of a set are sorted by code, then system: the first with this code, or end. */
static apr_uint32_t first_code(const fhir_model_t *m, apr_uint32_t first, apr_uint32_t end,
                               const char *code, apr_size_t len)
{
    while (first < end) {
        apr_uint32_t mid = (first + end) / 2;
        if (name_compare(code, len, fhir_model_str(m, m->codes[mid].code)) > 0)
            first = mid + 1;
        else
            end = mid;
    }
    return first;
}

int fhir_model_valueset_has(const fhir_model_t *m, apr_uint16_t valueset, const char *system,
                            const char *code, apr_size_t code_len)
{
    const fhir_valueset_t *set = &m->valuesets[valueset];
    if (set->flags & FHIR_VS_OPEN)
        return 1;
    apr_uint32_t end = set->first_code + set->n_codes;
    for (apr_uint32_t i = first_code(m, set->first_code, end, code, code_len); i < end; i++) {
        if (name_compare(code, code_len, fhir_model_str(m, m->codes[i].code)) != 0)
            return 0;
        if (!system || strcmp(system, fhir_model_str(m, m->codes[i].system)) == 0)
            return 1;
    }
    return 0;
}
