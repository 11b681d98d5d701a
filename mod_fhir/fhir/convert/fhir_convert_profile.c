/* SPDX-License-Identifier: Apache-2.0 */
/* The Argonaut profiles: which of them a resource satisfies. */
#include "fhir/convert/fhir_convert_profile.h"

#include <apr_strings.h>

#include "fhir/convert/fhir_convert_private.h"

#define ARGO(name)    "http://fhir.org/guides/argonaut/StructureDefinition/argo-" name
#define US_CORE(name) "http://hl7.org/fhir/us/core/StructureDefinition/us-core-" name
#define QUANTITY(path)                                                                             \
    path "?.value " path "?.unit " path "?.system=http://unitsofmeasure.org " path "?.code"

const fhir_convert_profile_t fhir_convert_profiles[] = {
    {"AllergyIntolerance", ARGO("allergyintolerance"), US_CORE("allergyintolerance"),
     "patient.reference substance status"},
    {"CarePlan", ARGO("careplan"), US_CORE("careplan"),
     "text.status subject.reference status category=assess-plan"},
    {"CarePlan", ARGO("careteam"), US_CORE("careteam"),
     "subject.reference status category=careteam participant.role participant.member.reference"},
    {"Condition", ARGO("condition"), US_CORE("condition"),
     "patient.reference code category verificationStatus"},
    {"Device", ARGO("device"), US_CORE("implantable-device"), "type udi patient.reference"},
    {"DiagnosticReport", ARGO("diagnosticreport"), US_CORE("diagnosticreport-lab"),
     "status category=LAB code subject.reference effective* issued performer.reference"},
    {"DocumentReference", ARGO("documentreference"), US_CORE("documentreference"),
     "subject.reference type indexed status content.attachment.contentType content.attachment.url "
     "content.format"},
    {"Goal", ARGO("goal"), US_CORE("goal"), "subject.reference description status"},
    {"Immunization", ARGO("immunization"), US_CORE("immunization"),
     "status=completed,entered-in-error date vaccineCode patient.reference wasNotGiven reported"},
    {"Medication", ARGO("medication"), US_CORE("medication"), "code"},
    {"MedicationOrder", ARGO("medicationorder"), US_CORE("medicationrequest"),
     "dateWritten status patient.reference prescriber medication*"},
    {"MedicationStatement", ARGO("medicationstatement"), NULL,
     "patient.reference dateAsserted status medication*"},
    {"Observation", ARGO("observationresults"), US_CORE("observation-lab"),
     "status category=laboratory code subject.reference"},
    {"Observation", ARGO("smokingstatus"), US_CORE("smokingstatus"),
     "status code=72166-2 subject.reference issued valueCodeableConcept"},
    {"Observation", ARGO("vitalsigns"), "http://hl7.org/fhir/StructureDefinition/vitalsigns",
     "status category=vital-signs code subject.reference effective* " QUANTITY(
         "valueQuantity") " component?.code " QUANTITY("component?.valueQuantity")},
    {"Patient", ARGO("patient"), US_CORE("patient"),
     "identifier.system identifier.value name.family name.given gender communication?.language"},
    {"Procedure", ARGO("procedure"), US_CORE("procedure"),
     "subject.reference status code performed*"},
    {NULL, NULL, NULL, NULL}};

static int is_name(const fhir_node_t *node, const char *name)
{
    return node->name_len == strlen(name) && memcmp(node->name, name, node->name_len) == 0;
}

/* 1 for a value that only says that the data is absent. */
static int is_absent(const fhir_node_t *node)
{
    const fhir_node_t *list = fhir_node_get(node, "extension");

    for (const fhir_node_t *e = list ? list->child : NULL; e; e = e->next)
        if (fhir_node_is(fhir_node_get(e, "url"),
                         "http://hl7.org/fhir/StructureDefinition/data-absent-reason"))
            return 1;
    return 0;
}

static int has_member(const fhir_node_t *object, const char *path);

/* 1 if a value has the rest of a path, in each item of a list. */
static int has(const fhir_node_t *value, const char *rest, char mark)
{
    if (value->kind != FHIR_NODE_ARRAY)
        return !is_absent(value) && (mark == '=' ? fhir_convert_has_code(value, rest)
                                                 : !*rest || has_member(value, rest));
    if (mark == '=')
        return fhir_convert_has_code(value, rest);
    for (const fhir_node_t *item = value->child; item; item = item->next)
        if (!has(item, rest, mark))
            return 0;
    return value->child != NULL;
}

static int has_member(const fhir_node_t *object, const char *path)
{
    apr_size_t len = strcspn(path, ".=?*");
    char mark = path[len];
    const char *rest = path + len;
    const fhir_node_t *m = object->child;

    for (; m; m = m->next)
        if (m->name_len >= len && memcmp(m->name, path, len) == 0 &&
            (mark == '*' || m->name_len == len))
            break;
    if (!m)
        return mark == '?';
    rest += *rest == '?' || *rest == '*';
    mark = *rest;
    return has(m, rest + (*rest != '\0'), mark);
}

static int fulfils(const fhir_node_t *resource, const char *needs, apr_pool_t *pool)
{
    char *state, *path = apr_strtok(apr_pstrdup(pool, needs), " ", &state);

    for (; path; path = apr_strtok(NULL, " ", &state)) {
        for (char *s = path; *s; s++)
            if (*s == ',')
                *s = ' '; /* separated as codes are elsewhere in the table */
        if (!has_member(resource, path))
            return 0;
    }
    return 1;
}

/* The list of profiles in the resource's meta. Both are made if missing, meta behind the id. */
static fhir_node_t *profiles_of(fhir_node_t *resource, apr_pool_t *pool)
{
    fhir_node_t *meta = fhir_convert_get(resource, "meta"), **at = &resource->child;

    if (!meta) {
        meta = fhir_node_new(FHIR_NODE_OBJECT, pool);
        meta->name = "meta";
        meta->name_len = 4;
        while (*at && (is_name(*at, "resourceType") || is_name(*at, "id")))
            at = &(*at)->next;
        meta->next = *at;
        *at = meta;
    }
    fhir_node_t *list = fhir_convert_get(meta, "profile");
    if (!list) {
        list = fhir_node_new(FHIR_NODE_ARRAY, pool);
        fhir_convert_add(meta, "profile", 7, list);
    }
    return list;
}

void fhir_convert_claim(fhir_node_t *resource, apr_pool_t *pool)
{
    const fhir_node_t *type = fhir_node_get(resource, "resourceType");

    for (const fhir_convert_profile_t *p = fhir_convert_profiles; p->type; p++) {
        if (!fhir_node_is(type, p->type) || !fulfils(resource, p->needs, pool))
            continue;
        fhir_node_t **at = &profiles_of(resource, pool)->child;
        while (*at)
            at = &(*at)->next;
        *at = fhir_convert_string(p->url, pool);
    }
}
