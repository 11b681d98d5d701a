/* SPDX-License-Identifier: Apache-2.0 */
/* Observations, reports, documents, specimens, binaries, provenance. */
#include "fhir/convert/fhir_convert_table.h"

#define ROW      FHIR_CONVERT_ROW
#define HL7      FHIR_CONVERT_HL7
#define ARGONAUT FHIR_CONVERT_ARGONAUT
#define MODEL    FHIR_CONVERT_MODEL
#define OWN      FHIR_CONVERT_OWN
#define LOINC    "http://loinc.org"
#define LAB      "http://hl7.org/fhir/v2/0074|LAB"

/* Codes of Argonaut's vital signs for which US Core has other codes. */
#define VITALS                                                                                     \
    LOINC "|85354-9>" LOINC "|55284-4 " LOINC "|2708-6>" LOINC "|59408-5 " LOINC "|9843-4>" LOINC  \
          "|8287-5 " LOINC "|85353-1>" LOINC "|8716-3"

static const fhir_convert_row_t observation[] = {
    ROW("status", "status", "corrected>amended+", HL7),
    ROW("category", "category", NULL, ARGONAUT, .prefer = "laboratory vital-signs social-history"),
    ROW("code", "code", NULL, ARGONAUT, .add = VITALS),
    ROW(NULL, "issued", "effectiveDateTime meta.lastUpdated", ARGONAUT, .rule = FHIR_CONVERT_FILL,
        .when = "code=72166-2"), /* smoking status */
    ROW("valueInteger", "valueQuantity", NULL, OWN, .rule = FHIR_CONVERT_SHOWN),
    ROW("valueBoolean", "valueCodeableConcept", "true>Y false>N", OWN, .rule = FHIR_CONVERT_SHOWN,
        .system = "http://hl7.org/fhir/v2/0136"),
    ROW("note", "comments", NULL, HL7),
    ROW("hasMember", "related[type=has-member].target", NULL, HL7),
    ROW("derivedFrom", "related[type=derived-from].target", NULL, HL7),
};
static const fhir_convert_row_t component[] = {
    ROW("valueInteger", "valueQuantity", NULL, OWN, .rule = FHIR_CONVERT_SHOWN),
    ROW("valueBoolean", "valueCodeableConcept", "true>Y false>N", OWN, .rule = FHIR_CONVERT_SHOWN,
        .system = "http://hl7.org/fhir/v2/0136"),
};
static const fhir_convert_row_t reference_range[] = {
    ROW("appliesTo", "meaning", NULL, OWN, .rule = FHIR_CONVERT_SHOWN),
    ROW("type", "meaning", NULL, OWN),
};

static const fhir_convert_row_t report[] = {
    ROW("basedOn", "request", NULL, HL7),
    ROW("status", "status", "preliminary>partial+ amended>corrected+", OWN),
    ROW("category", "category", NULL, ARGONAUT, .prefer = "LAB",
        .add = LAB ">http://hl7.org/fhir/ValueSet/diagnostic-service-sections|LAB"),
    ROW(NULL, "effectiveDateTime", "issued", OWN, .rule = FHIR_CONVERT_FILL),
    ROW(NULL, "issued", "effectiveDateTime meta.lastUpdated", OWN, .rule = FHIR_CONVERT_FILL),
    ROW("media", "image", NULL, HL7),
    ROW("conclusionCode", "codedDiagnosis", NULL, HL7),
};

static const fhir_convert_row_t document[] = {
    ROW("date", "indexed", NULL, HL7),
    ROW(NULL, "indexed", "meta.lastUpdated", OWN, .rule = FHIR_CONVERT_FILL),
    ROW(NULL, "created", "content.attachment.creation", OWN, .rule = FHIR_CONVERT_FILL),
    ROW("category", "class", NULL, HL7),
    ROW("docStatus", "docStatus", NULL, HL7, .system = "http://hl7.org/fhir/composition-status"),
};
static const fhir_convert_row_t document_content[] = {
    ROW("format", "format", NULL, HL7),
};
static const fhir_convert_row_t document_context[] = {
    ROW("related[reference]", "related[].ref", NULL, HL7),
    ROW("related[identifier].identifier", "related[].identifier", NULL, HL7),
};

static const fhir_convert_row_t binary[] = {
    ROW("data", "content", NULL, HL7),
    ROW("securityContext", NULL, NULL, OWN, .rule = FHIR_CONVERT_DROP), /* still holds */
};

static const fhir_convert_row_t specimen[] = {
    ROW("processing", "treatment", NULL, HL7),
    ROW("note", "collection.comment", NULL, HL7),
};

#define PARTICIPANT "http://hl7.org/fhir/provenance-participant-role"
static const fhir_convert_row_t provenance[] = {
    ROW("occurredPeriod", "period", NULL, HL7),
    ROW("occurredDateTime", "period.start", NULL, OWN, .rule = FHIR_CONVERT_SHOWN),
    ROW("occurredDateTime", "period.end", NULL, OWN, .rule = FHIR_CONVERT_SHOWN),
    ROW("signature[data][sigFormat]", "signature", NULL, MODEL),
};
static const fhir_convert_row_t provenance_agent[] = {
    ROW("type", "role", NULL, OWN, .system = PARTICIPANT),
    ROW("role", "role", NULL, HL7, .rule = FHIR_CONVERT_SHOWN, .system = PARTICIPANT),
    ROW("who", "actor", NULL, HL7),
};
static const fhir_convert_row_t provenance_entity[] = {
    ROW("role", "role", "removal>source+", OWN),
    ROW("what.display", "display", NULL, OWN),
    ROW("what", "type", NULL, OWN, .rule = FHIR_CONVERT_TYPE_OF,
        .system = "http://hl7.org/fhir/resource-types"),
    ROW("what", "reference", NULL, OWN),
    ROW(NULL, "type", NULL, OWN, .rule = FHIR_CONVERT_DROP),
};

const fhir_convert_map_t fhir_convert_results[] = {
    FHIR_CONVERT_MAP("Observation", "Observation", observation),
    FHIR_CONVERT_MAP("Observation.component", "Observation.component", component),
    FHIR_CONVERT_MAP("Observation.referenceRange", "Observation.referenceRange", reference_range),
    FHIR_CONVERT_MAP("DiagnosticReport", "DiagnosticReport", report),
    FHIR_CONVERT_MAP("DocumentReference", "DocumentReference", document),
    FHIR_CONVERT_MAP("DocumentReference.content", "DocumentReference.content", document_content),
    FHIR_CONVERT_MAP("DocumentReference.context", "DocumentReference.context", document_context),
    FHIR_CONVERT_MAP("Binary", "Binary", binary),
    FHIR_CONVERT_MAP("Specimen", "Specimen", specimen),
    FHIR_CONVERT_MAP("Provenance", "Provenance", provenance),
    FHIR_CONVERT_MAP("Provenance.agent", "Provenance.agent", provenance_agent),
    FHIR_CONVERT_MAP("Provenance.entity", "Provenance.entity", provenance_entity),
    {.r4 = NULL}};
