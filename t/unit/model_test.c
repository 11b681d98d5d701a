/* SPDX-License-Identifier: Apache-2.0 */
/* The generated tables: lookups, and elements that are hard to get right. */
#include <string.h>

#include "model/fhir_model.h"
#include "tap.h"

#define R4    (&fhir_model_r4)
#define DSTU2 (&fhir_model_dstu2)

static const fhir_type_t *type_of(const fhir_model_t *m, const char *name)
{
    return fhir_model_type(m, name, strlen(name));
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
        tap_is_str(fhir_model_str(m, m->types[e->type].name), elements[i].of, "%s.%s: type", label,
                   name);
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
    char table[64];
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

int main(void)
{
    tap_start();
    test_types();
    test_elements();
    test_integrity(R4);
    test_integrity(DSTU2);
    test_targets();
    test_valuesets();
    return tap_done();
}
