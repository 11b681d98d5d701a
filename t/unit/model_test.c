/* SPDX-License-Identifier: Apache-2.0 */
/* The generated tables: lookups, and what is hard to get right. With a model's label as argument it
 * prints types and elements instead, for t/model-crosscheck.t. */
#include <stdio.h>
#include <string.h>

#include "model/fhir_model.h"
#include "tap.h"

#define R4    (&fhir_model_r4)
#define DSTU2 (&fhir_model_dstu2)

static const fhir_type_t *type_of(const fhir_model_t *m, const char *name)
{
    return fhir_model_type(m, name, strlen(name));
}

static const char *type_name(const fhir_model_t *m, unsigned type)
{
    return fhir_model_str(m, m->types[type].name);
}

static const struct {
    const fhir_model_t *model;
    const char *type, *name; /* member of a type */
    const char *of, *group;  /* its type and choice; of NULL: there is no such member */
    int min, max;            /* -1: unbounded */
    unsigned flags;
} elements[] = {
    {R4, "Patient", "id", "id", "", 0, 1, FHIR_EL_SUMMARY},
    {R4, "Patient", "birthDate", "date", "", 0, 1, FHIR_EL_SUMMARY},
    {R4, "Patient", "deceasedBoolean", "boolean", "deceased", 0, 1,
     FHIR_EL_SUMMARY | FHIR_EL_MODIFIER},
    {R4, "Patient", "deceasedDateTime", "dateTime", "deceased", 0, 1,
     FHIR_EL_SUMMARY | FHIR_EL_MODIFIER},
    {R4, "Patient", "deceased", NULL, NULL, 0, 0, 0},
    {R4, "Patient", "contained", "Resource", "", 0, -1, FHIR_EL_RESOURCE},
    {R4, "Patient", "contact", "Patient.contact", "", 0, -1, 0},
    {R4, "Patient", "Contact", NULL, NULL, 0, 0, 0},
    {R4, "Patient.contact", "modifierExtension", "Extension", "", 0, -1,
     FHIR_EL_SUMMARY | FHIR_EL_MODIFIER},
    {R4, "Patient.contact", "id", "string", "", 0, 1, FHIR_EL_XMLATTR},
    {R4, "Patient.link", "type", "code", "", 1, 1, FHIR_EL_SUMMARY | FHIR_EL_REQUIRED_BINDING},
    {R4, "Observation", "referenceRange", "Observation.referenceRange", "", 0, -1, 0},
    {R4, "Observation.component", "referenceRange", "Observation.referenceRange", "", 0, -1, 0},
    {R4, "Observation", "valueSampledData", "SampledData", "value", 0, 1, FHIR_EL_SUMMARY},
    {R4, "Extension", "url", "uri", "", 1, 1, FHIR_EL_XMLATTR},
    {R4, "Extension", "valueBase64Binary", "base64Binary", "value", 0, 1, 0},
    {R4, "Timing", "repeat", "Timing.repeat", "", 0, 1, FHIR_EL_SUMMARY},
    {R4, "Bundle.entry", "link", "Bundle.link", "", 0, -1, FHIR_EL_SUMMARY},
    {R4, "Bundle.entry", "resource", "Resource", "", 0, 1, FHIR_EL_SUMMARY | FHIR_EL_RESOURCE},
    {R4, "Parameters.parameter", "part", "Parameters.parameter", "", 0, -1, FHIR_EL_SUMMARY},
    {R4, "Questionnaire.item", "item", "Questionnaire.item", "", 0, -1, 0},
    {R4, "ExampleScenario.instance", "resourceType", "code", "", 1, 1, FHIR_EL_REQUIRED_BINDING},
    {R4, "Age", "value", "decimal", "", 0, 1, FHIR_EL_SUMMARY},
    {R4, "string", "extension", "Extension", "", 0, -1, 0},
    {R4, "string", "value", NULL, NULL, 0, 0, 0},
    {R4, "xhtml", "extension", NULL, NULL, 0, 0, 0},
    {R4, "Narrative", "div", "xhtml", "", 1, 1, 0},
    {DSTU2, "Condition", "onsetQuantity", "Quantity", "onset", 0, 1, FHIR_EL_SUMMARY},
    {DSTU2, "Condition", "onsetAge", NULL, NULL, 0, 0, 0},
    {DSTU2, "Patient", "careProvider", "Reference", "", 0, -1, 0},
    {DSTU2, "Patient.contact", "id", "id", "", 0, 1, FHIR_EL_XMLATTR},
    {DSTU2, "ValueSet.compose", "exclude", "ValueSet.compose.include", "", 0, -1, 0},
    {DSTU2, "Conformance.rest", "searchParam", "Conformance.rest.resource.searchParam", "", 0, -1,
     0},
    {DSTU2, "markdown", "extension", "Extension", "", 0, -1, 0},
};

static void test_elements(void)
{
    for (size_t i = 0; i < TAP_COUNT(elements); i++) {
        const fhir_model_t *m = elements[i].model;
        const char *label = elements[i].type, *name = elements[i].name;
        const fhir_type_t *type = type_of(m, label);
        if (!tap_ok(type, "%s %s: type", m->label, label))
            continue;
        const fhir_element_t *e = fhir_model_element(m, type, name, strlen(name));
        tap_ok(!e == !elements[i].of, "%s.%s: existence", label, name);
        if (!e || !elements[i].of)
            continue;
        tap_is_str(type_name(m, e->type), elements[i].of, "%s.%s: type", label, name);
        tap_is_str(fhir_model_str(m, e->group), elements[i].group, "%s.%s: group", label, name);
        tap_is_int(e->min, elements[i].min, "%s.%s: min", label, name);
        tap_is_int(e->max == FHIR_EL_MAX_UNBOUNDED ? -1 : e->max, elements[i].max, "%s.%s: max",
                   label, name);
        tap_is_int(e->flags, elements[i].flags, "%s.%s: flags", label, name);
        tap_ok(e->owner == fhir_model_type_index(m, type), "%s.%s: owner", label, name);
    }
}

/* Each element is found by its name, choices are adjacent, and all indexes are in range. */
static void test_integrity(const fhir_model_t *m)
{
    int lost = 0, apart = 0, wild = 0;
    for (unsigned t = 1; t <= m->n_types; t++) {
        const fhir_type_t *type = &m->types[t];
        for (unsigned i = 0; i < type->n_elements; i++) {
            const fhir_element_t *e = &m->elements[type->first_element + i];
            const char *name = fhir_model_str(m, e->name);
            lost += fhir_model_element(m, type, name, strlen(name)) != e;
            wild += e->type == 0 || e->type > m->n_types || e->binding > m->n_valuesets;
            for (unsigned j = 0; e->group && j + 1 < i; j++)
                apart += e[(int)j - (int)i].group == e->group && e[-1].group != e->group;
        }
        const char *name = fhir_model_str(m, type->name);
        lost += fhir_model_type(m, name, strlen(name)) != type;
    }
    tap_is_int(lost, 0, "%s: every type and element is found by its name", m->label);
    tap_is_int(apart, 0, "%s: the entries of a choice are adjacent", m->label);
    tap_is_int(wild, 0, "%s: indexes are in range", m->label);
}

static void test_types(void)
{
    tap_is_int(R4->n_resources, 146, "R4 has 146 resource types");
    tap_is_int(DSTU2->n_resources, 94, "DSTU2 has 94 resource types");
    tap_ok(fhir_model_by_label("r4") == R4 && fhir_model_by_label("DSTU2") == DSTU2,
           "models by label");
    tap_ok(!fhir_model_by_label("R5"), "no such model");
    tap_ok(fhir_model_resource(R4, "Patient", 7), "Patient is a resource");
    tap_ok(!fhir_model_resource(R4, "Patients", 8), "Patients is not");
    tap_ok(!fhir_model_resource(R4, "Pat", 3), "nor is a prefix");
    tap_ok(!fhir_model_resource(R4, "Patient\0x", 9), "nor a name with a NUL");
    tap_ok(!fhir_model_resource(R4, "DomainResource", 14), "nor an abstract type");
    tap_ok(!fhir_model_resource(R4, "HumanName", 9), "nor a data type");
    tap_ok(!fhir_model_resource(R4, "", 0) && !fhir_model_type(R4, "", 0), "nor the empty name");
    tap_is_int(type_of(R4, "DomainResource")->flags, FHIR_TYPE_ABSTRACT, "DomainResource: flags");
    tap_is_int(type_of(R4, "base64Binary")->prim, FHIR_PRIM_BASE64, "base64Binary: primitive");
    tap_is_int(type_of(R4, "positiveInt")->prim, FHIR_PRIM_POSITIVEINT, "positiveInt: primitive");
    tap_is_int(type_of(R4, "Age")->base, fhir_model_type_index(R4, type_of(R4, "Quantity")),
               "Age specializes Quantity");
    tap_is_int(type_of(R4, "Patient.contact")->kind, FHIR_KIND_BACKBONE, "Patient.contact: kind");
    char table[64];
    tap_is_str(fhir_model_table(table, R4, type_of(R4, "AllergyIntolerance")), "allergyintolerance",
               "name of a table");
}

static void test_targets(void)
{
    const fhir_element_t *e = fhir_model_element(R4, type_of(R4, "Patient"), "managingOrganization",
                                                 strlen("managingOrganization"));
    tap_is_int(e->n_targets, 1, "managingOrganization has one target");
    tap_ok(R4->targets[e->first_target] == fhir_model_type_index(R4, type_of(R4, "Organization")),
           "Organization");
    e = fhir_model_element(R4, type_of(R4, "Provenance"), "target", 6);
    tap_is_int(e->n_targets, 0, "Provenance.target may be any");
    e = fhir_model_element(DSTU2, type_of(DSTU2, "Observation"), "subject", 7);
    tap_is_int(e->n_targets, 4, "DSTU2: one type entry per target");
}

static apr_uint16_t binding(const fhir_model_t *m, const char *type, const char *name)
{
    const fhir_element_t *e = fhir_model_element(m, type_of(m, type), name, strlen(name));
    return e ? e->binding : 0;
}

static void test_valuesets(void)
{
    const char *v3 = "http://hl7.org/fhir/administrative-gender";
    apr_uint16_t gender = binding(R4, "Patient", "gender");
    tap_ok(gender, "Patient.gender is bound");
    tap_is_str(fhir_model_str(R4, R4->valuesets[gender].url),
               "http://hl7.org/fhir/ValueSet/administrative-gender", "to this value set");
    tap_ok(fhir_model_valueset_has(R4, gender, NULL, "female", 6), "female is in it");
    tap_ok(fhir_model_valueset_has(R4, gender, v3, "female", 6), "with its system");
    tap_ok(!fhir_model_valueset_has(R4, gender, "urn:x", "female", 6), "not with another one");
    tap_ok(!fhir_model_valueset_has(R4, gender, NULL, "f", 1), "nor f");
    tap_ok(!fhir_model_valueset_has(R4, gender, NULL, "zebra", 5), "nor a code behind the last");
    tap_ok(fhir_model_valueset_has(R4, binding(R4, "OperationOutcome.issue", "code"), NULL,
                                   "code-invalid", 12),
           "a code from deeper in a hierarchy");
    tap_ok(
        fhir_model_valueset_has(R4, binding(R4, "Bundle.entry.request", "method"), NULL, "GET", 3),
        "codes of a set by system");
    tap_ok(fhir_model_valueset_has(R4, binding(R4, "Attachment", "contentType"), NULL, "x/y", 3),
           "MIME types cannot be listed: any");
    tap_ok(fhir_model_valueset_has(R4, 0, NULL, "x", 1), "no binding: any");
    tap_ok(fhir_model_valueset_has(DSTU2, binding(DSTU2, "Patient", "gender"), NULL, "male", 4),
           "DSTU2: codes of a system inside of a value set");
}

static const fhir_param_t *param_of(const fhir_model_t *m, const char *type, const char *name)
{
    return fhir_model_param(m, type_of(m, type), name, strlen(name));
}

#define TYPED  FHIR_PARAM_TYPED
#define UNION  FHIR_PARAM_UNION
#define ROOT   FHIR_PARAM_ROOT_COMPOSITE
#define NONE   FHIR_PARAM_UNCOMPILED
#define INHER  FHIR_PARAM_INHERITED
#define USCORE FHIR_PARAM_US_CORE

static const struct {
    const char *type, *name;
    fhir_param_kind_t kind;
    fhir_column_kind_t column_kind;
    unsigned flags;
    const char *column, *physical; /* base name and first physical column */
    const char *components, *targets;
} params[] = {
    {"Patient", "_id", FHIR_PARAM_TOKEN, FHIR_COL_ID, INHER, "", "", "", ""},
    {"Patient", "_lastUpdated", FHIR_PARAM_DATE, FHIR_COL_UPDATED, INHER, "", "", "", ""},
    {"Patient", "_tag", FHIR_PARAM_TOKEN, FHIR_COL_TOKENS, INHER, "meta_tag", "meta_tag", "", ""},
    {"Patient", "_source", FHIR_PARAM_URI, FHIR_COL_URI, INHER, "meta_source", "meta_source", "",
     ""},
    {"Patient", "_text", FHIR_PARAM_STRING, FHIR_COL_NONE, INHER | NONE, "", "", "", ""},
    {"Patient", "age", FHIR_PARAM_NUMBER, FHIR_COL_NONE, NONE, "", "", "", ""},
    {"Patient", "birthdate", FHIR_PARAM_DATE, FHIR_COL_DATE, 0, "birthdate", "birthdate_low", "",
     ""},
    {"Patient", "gender", FHIR_PARAM_TOKEN, FHIR_COL_CODE, 0, "gender", "gender", "", ""},
    {"Patient", "deceased", FHIR_PARAM_TOKEN, FHIR_COL_CODE, 0, "deceased", "deceased", "", ""},
    {"Patient", "phonetic", FHIR_PARAM_STRING, FHIR_COL_STRING, 0, "name", "name", "", ""},
    {"Patient", "race", FHIR_PARAM_TOKEN, FHIR_COL_TOKENS, USCORE, "race", "race", "", ""},
    {"Patient", "mothersMaidenName", FHIR_PARAM_STRING, FHIR_COL_STRING, 0, "mothers_maiden_name",
     "mothers_maiden_name", "", ""},
    {"Patient", "organization", FHIR_PARAM_REFERENCE, FHIR_COL_REFERENCE, 0, "organization",
     "organization", "", "Organization"},
    {"AllergyIntolerance", "patient", FHIR_PARAM_REFERENCE, FHIR_COL_REFERENCE, 0,
     "patient_reference", "patient_reference", "", "Patient"},
    {"AuditEvent", "patient", FHIR_PARAM_REFERENCE, FHIR_COL_NONE, UNION | TYPED, "", "",
     "agent entity", "Patient"},
    {"Bundle", "composition", FHIR_PARAM_REFERENCE, FHIR_COL_REFERENCE, FHIR_PARAM_INSIDE,
     "composition", "composition", "", "Composition"},
    {"CareTeam", "role", FHIR_PARAM_TOKEN, FHIR_COL_TOKENS, USCORE, "role", "role", "", ""},
    {"CapabilityStatement", "version", FHIR_PARAM_TOKEN, FHIR_COL_CODE, 0, "version_token",
     "version_token", "", ""},
    {"Condition", "asserted-date", FHIR_PARAM_DATE, FHIR_COL_DATES, USCORE, "asserted_date",
     "asserted_date_low", "", ""},
    {"Condition", "onset-date", FHIR_PARAM_DATE, FHIR_COL_DATE, 0, "onset_date", "onset_date_low",
     "", ""},
    {"DocumentReference", "relationship", FHIR_PARAM_COMPOSITE, FHIR_COL_COMPOSITE, 0,
     "relationship", "relationship", "relation relatesto", ""},
    {"Goal", "target-date", FHIR_PARAM_DATE, FHIR_COL_DATES, 0, "target_date", "target_date_low",
     "", ""},
    {"Location", "near", FHIR_PARAM_SPECIAL, FHIR_COL_POSITION, 0, "near", "near_latitude", "", ""},
    {"Observation", "patient", FHIR_PARAM_REFERENCE, FHIR_COL_REFERENCE, TYPED, "subject",
     "subject", "", "Patient"},
    {"Observation", "subject", FHIR_PARAM_REFERENCE, FHIR_COL_REFERENCE, 0, "subject", "subject",
     "", "Device Group Location Patient"},
    {"Observation", "focus", FHIR_PARAM_REFERENCE, FHIR_COL_REFERENCES, 0, "focus", "focus", "",
     ""},
    {"Observation", "combo-code", FHIR_PARAM_TOKEN, FHIR_COL_NONE, UNION, "", "",
     "code component-code", ""},
    {"Observation", "code-value-quantity", FHIR_PARAM_COMPOSITE, FHIR_COL_NONE, ROOT, "", "",
     "code value-quantity", ""},
    {"Observation", "component-code-value-quantity", FHIR_PARAM_COMPOSITE, FHIR_COL_COMPOSITE, 0,
     "component_code_value_quantity", "component_code_value_quantity", "", ""},
    {"Observation", "combo-code-value-quantity", FHIR_PARAM_COMPOSITE, FHIR_COL_NONE, UNION, "", "",
     "code-value-quantity component-code-value-quantity", ""},
    {"Observation", "value-quantity", FHIR_PARAM_QUANTITY, FHIR_COL_QUANTITY, 0, "value_quantity",
     "value_quantity_low", "", ""},
    {"Organization", "name", FHIR_PARAM_STRING, FHIR_COL_STRING, 0, "name", "name", "", ""},
    {"PlanDefinition", "depends-on", FHIR_PARAM_REFERENCE, FHIR_COL_REFERENCES, 0, "depends_on",
     "depends_on", "", ""},
    {"RiskAssessment", "probability", FHIR_PARAM_NUMBER, FHIR_COL_NUMBERS, 0, "probability",
     "probability_low", "", ""},
};

/* Names of a run of types or parameters, sorted as they are, with blanks between. */
static const char *names(char *out, size_t size, const fhir_model_t *m, const apr_uint16_t *run,
                         unsigned n, int of_params)
{
    out[0] = '\0';
    for (unsigned i = 0; i < n; i++)
        snprintf(out + strlen(out), size - strlen(out), "%s%s", i ? " " : "",
                 of_params ? fhir_model_str(m, m->params[run[i]].name) : type_name(m, run[i]));
    return out;
}

static void test_params(void)
{
    char out[1000];
    for (size_t i = 0; i < TAP_COUNT(params); i++) {
        const char *type = params[i].type, *name = params[i].name;
        const fhir_param_t *p = param_of(R4, type, name);
        if (!tap_ok(p, "%s.%s", type, name))
            continue;
        tap_is_int(p->kind, params[i].kind, "%s.%s: kind", type, name);
        tap_is_int(p->column_kind, params[i].column_kind, "%s.%s: column kind", type, name);
        tap_is_int(p->flags, params[i].flags, "%s.%s: flags", type, name);
        tap_is_str(fhir_model_str(R4, p->column), params[i].column, "%s.%s: column", type, name);
        tap_is_str(fhir_model_str(R4, R4->columns[p->first_column].name), params[i].physical,
                   "%s.%s: first physical column", type, name);
        if (*params[i].components)
            tap_is_str(
                names(out, sizeof out, R4, R4->components + p->first_component, p->n_components, 1),
                params[i].components, "%s.%s: components", type, name);
        if (p->kind == FHIR_PARAM_REFERENCE && *params[i].targets)
            tap_is_str(names(out, sizeof out, R4, R4->targets + p->first_target, p->n_targets, 0),
                       params[i].targets, "%s.%s: targets", type, name);
    }
    tap_ok(!param_of(R4, "Patient", "Birthdate"), "letter case counts");
    tap_ok(!param_of(R4, "Patient", "birthdat"), "a prefix is not enough");
    tap_ok(!param_of(R4, "HumanName", "family"), "data types have no parameters");
    tap_is_str(fhir_model_str(R4, param_of(R4, "Patient", "gender")->system),
               "http://hl7.org/fhir/administrative-gender", "the system of a code");
    tap_is_str(fhir_model_str(R4, param_of(R4, "Observation", "patient")->expression),
               "Observation.subject.where(resolve() is Patient)", "this type's part of a union");
    tap_is_int(param_of(R4, "Observation", "focus")->n_targets, 0, "Observation.focus: any type");
    tap_is_str(fhir_model_str(
                   R4, R4->columns[param_of(R4, "Observation", "subject")->identifier_column].name),
               "subject_identifier", "the column of Reference.identifier");
    tap_ok(param_of(DSTU2, "Patient", "careprovider"), "DSTU2 has parameters, too");
}

/* The node of a path below a root, or NULL; names are separated by dots. */
static const fhir_xnode_t *xnode(const fhir_model_t *m, unsigned root, const char *path)
{
    const fhir_xnode_t *node = &m->xnodes[root];
    while (*path) {
        size_t len = strcspn(path, ".");
        const fhir_xnode_t *found = NULL;
        for (unsigned i = 0; i < node->n_children && !found; i++) {
            const fhir_xnode_t *child = &m->xnodes[node->first_child + i];
            const char *name = fhir_model_str(m, child->name);
            if (strlen(name) == len && memcmp(name, path, len) == 0)
                found = child;
        }
        if (!found)
            return NULL;
        node = found;
        path += len + (path[len] == '.');
    }
    return node;
}

static const struct {
    const char *type, *path, *param; /* the node at path gives a value to param */
    fhir_conv_t conv;
    fhir_guard_kind_t guard; /* of the emit */
    const char *name, *value;
} emits[] = {
    {"Patient", "birthDate", "birthdate", FHIR_CONV_DATE, 0, "", ""},
    {"Patient", "deceasedDateTime", "deceased", FHIR_CONV_EXISTS, 0, "", ""},
    {"Patient", "deceasedDateTime", "death-date", FHIR_CONV_DATE, 0, "", ""},
    {"Patient", "telecom", "telecom", FHIR_CONV_CONTACTPOINT, 0, "", ""},
    {"Patient", "telecom", "phone", FHIR_CONV_CONTACTPOINT, FHIR_GUARD_MEMBER_IS, "system",
     "phone"},
    {"Patient", "name", "name", FHIR_CONV_HUMANNAME, 0, "", ""},
    {"Patient", "name.family", "family", FHIR_CONV_STRING, 0, "", ""},
    {"Patient", "meta.tag", "_tag", FHIR_CONV_CODING, 0, "", ""},
    {"Observation", "effectiveTiming", "date", FHIR_CONV_TIMING, 0, "", ""},
    {"Observation", "valueCodeableConcept.text", "value-string", FHIR_CONV_STRING, 0, "", ""},
    {"Observation", "component", "component-code-value-concept", FHIR_CONV_COMPOSITE, 0, "", ""},
    {"EpisodeOfCare", "careManager", "care-manager", FHIR_CONV_REFERENCE, FHIR_GUARD_RESOLVE_IS, "",
     ""},
    {"Bundle", "entry.resource", "composition", FHIR_CONV_RESOURCE, FHIR_GUARD_RESOURCE_IS, "", ""},
    {"Location", "position", "near", FHIR_CONV_POSITION, 0, "", ""},
    {"ActivityDefinition", "relatedArtifact.resource", "composed-of", FHIR_CONV_CANONICAL, 0, "",
     ""},
};

static const fhir_xemit_t *emit_of(const fhir_model_t *m, const fhir_xnode_t *node,
                                   const fhir_param_t *param)
{
    for (unsigned i = 0; node && i < node->n_emits; i++)
        if (&m->params[m->xemits[node->first_emit + i].param] == param)
            return &m->xemits[node->first_emit + i];
    return NULL;
}

static void test_programs(void)
{
    for (size_t i = 0; i < TAP_COUNT(emits); i++) {
        const char *type = emits[i].type, *name = emits[i].param;
        const fhir_xnode_t *node = xnode(R4, type_of(R4, type)->xroot, emits[i].path);
        const fhir_xemit_t *emit = emit_of(R4, node, param_of(R4, type, name));
        if (!tap_ok(emit, "%s.%s gives %s", type, emits[i].path, name))
            continue;
        const fhir_guard_t *guard = &R4->guards[emit->guard];
        tap_is_int(emit->conv, emits[i].conv, "%s.%s: conversion", type, name);
        tap_is_int(guard->kind, emits[i].guard, "%s.%s: condition", type, name);
        tap_is_str(fhir_model_str(R4, guard->name), emits[i].name, "%s.%s: member", type, name);
        tap_is_str(fhir_model_str(R4, guard->value), emits[i].value, "%s.%s: value", type, name);
    }
    const fhir_type_t *type = type_of(R4, "MolecularSequence");
    const fhir_xemit_t *composite =
        emit_of(R4, xnode(R4, type->xroot, "variant"),
                param_of(R4, "MolecularSequence", "chromosome-variant-coordinate"));
    tap_ok(composite &&
               emit_of(R4,
                       xnode(R4, composite->xroot, FHIR_XNODE_RESOURCE ".referenceSeq.chromosome"),
                       param_of(R4, "MolecularSequence", "chromosome")),
           "a component of a repetition that stands on the resource");
    const fhir_xnode_t *entry = xnode(R4, type_of(R4, "Bundle")->xroot, "entry");
    tap_is_int(R4->guards[entry->guard].kind, FHIR_GUARD_INDEX, "Bundle.entry[0]: by place");
    tap_ok(!emit_of(R4, xnode(R4, type_of(R4, "Observation")->xroot, "subject"),
                    param_of(R4, "Observation", "patient")),
           "a column that is shared is filled once");
}

/* Columns belong to the parameters that name them, and programs fill columns of their own type. */
static void test_columns(void)
{
    int wrong = 0, foreign = 0;
    for (unsigned t = 1; t <= R4->n_resources; t++) {
        const fhir_type_t *type = &R4->types[t];
        for (unsigned i = 0; i < type->n_params; i++) {
            const fhir_param_t *p = &R4->params[type->first_param + i];
            const char *name = fhir_model_str(R4, p->column);
            wrong += p->type != t;
            wrong += !*name != !p->first_column;
            wrong += p->first_column && (p->first_column < type->first_column ||
                                         p->first_column >= type->first_column + type->n_columns);
            wrong += strncmp(fhir_model_str(R4, R4->columns[p->first_column].name), name,
                             strlen(name)) != 0;
        }
        for (unsigned i = 0; i < type->n_columns; i++)
            foreign += R4->columns[type->first_column + i].param &&
                       R4->params[R4->columns[type->first_column + i].param].type != t;
    }
    tap_is_int(wrong, 0, "parameters point at columns of their type and name");
    tap_is_int(foreign, 0, "columns point at parameters of their type");
    const fhir_type_t *type = type_of(R4, "Observation");
    tap_is_str(fhir_model_str(R4, R4->columns[type->first_column].name), "patient",
               "patient is the first typed column");
    tap_is_str(fhir_model_str(R4, R4->columns[type->first_column + 1].name), "patient_date",
               "patient_date is the second");
    tap_ok(&R4->params[type->patient] == param_of(R4, "Observation", "patient"),
           "patient comes from the parameter patient");
    tap_ok(&R4->params[type->patient_date] == param_of(R4, "Observation", "date"),
           "the main date is date");
    type = type_of(R4, "Condition");
    tap_ok(&R4->params[type->patient_date] == param_of(R4, "Condition", "recorded-date"),
           "a type without a date has another main date");
    tap_is_int(type_of(R4, "Provenance")->patient, 0, "Provenance may be about several patients");
    tap_is_int(type_of(DSTU2, "Observation")->n_columns, 0, "DSTU2 has no tables");
    tap_is_int(strlen(R4->schema_fingerprint), 32, "R4's tables have a fingerprint");
}

static void test_compartments(void)
{
    const fhir_type_t *patient = type_of(R4, "Patient");
    const fhir_compartment_t *c = fhir_model_compartment(R4, patient, type_of(R4, "Condition"));
    tap_ok(c, "Condition is in the patient compartment");
    char out[100];
    tap_is_str(names(out, sizeof out, R4, R4->components + c->first_param, c->n_params, 1),
               "patient asserter", "by these parameters");
    tap_ok(!fhir_model_compartment(R4, patient, type_of(R4, "Medication")), "Medication is not");
    c = fhir_model_compartment(R4, patient, patient);
    tap_ok(c && c->n_params == 0, "the patient itself is, without a parameter");
    tap_ok(fhir_model_compartment(R4, type_of(R4, "Encounter"), type_of(R4, "Observation")),
           "Observation is in the encounter compartment");
    tap_ok(!fhir_model_compartment(R4, type_of(R4, "Location"), type_of(R4, "Encounter")),
           "there is no location compartment");
}

/* type: "T name base"; element: "E owner name group type max target…"; search parameter: "P type
 * name", then "found" if it has values, else "none"; tabs between. */
static void print_model(const fhir_model_t *m)
{
    for (unsigned t = 1; t <= m->n_types; t++)
        printf("T\t%s\t%s\n", type_name(m, t), type_name(m, m->types[t].base));
    for (unsigned i = 1; i <= m->n_elements; i++) {
        const fhir_element_t *e = &m->elements[i];
        printf("E\t%s\t%s\t%s\t%s\t%s\t", type_name(m, e->owner), fhir_model_str(m, e->name),
               fhir_model_str(m, e->group), type_name(m, e->type),
               e->max == FHIR_EL_MAX_UNBOUNDED ? "*" : "1");
        for (unsigned j = 0; j < e->n_targets; j++)
            printf(" %s", type_name(m, m->targets[e->first_target + j]));
        printf("\n");
    }
    for (unsigned i = 1; i <= m->n_params; i++)
        printf("P\t%s\t%s\t%s\n", type_name(m, m->params[i].type),
               fhir_model_str(m, m->params[i].name),
               m->params[i].column_kind || m->params[i].n_components ? "found" : "none");
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        const fhir_model_t *m = fhir_model_by_label(argv[1]);
        if (m)
            print_model(m);
        return !m;
    }
    tap_start();
    test_types();
    test_elements();
    test_integrity(R4);
    test_integrity(DSTU2);
    test_targets();
    test_valuesets();
    test_params();
    test_programs();
    test_columns();
    test_compartments();
    return tap_done();
}
