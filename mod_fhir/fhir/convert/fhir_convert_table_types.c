/* SPDX-License-Identifier: Apache-2.0 */
/* Data types, and the resources of responses. */
#include "fhir/convert/fhir_convert_table.h"

#define ROW      FHIR_CONVERT_ROW
#define HL7      FHIR_CONVERT_HL7
#define ARGONAUT FHIR_CONVERT_ARGONAUT
#define MODEL    FHIR_CONVERT_MODEL
#define OWN      FHIR_CONVERT_OWN

static const fhir_convert_row_t contact_point[] = {
    ROW("system", "system", "url>other+ sms>other+", HL7),
};
static const fhir_convert_row_t money[] = {
    ROW("value", "value", NULL, MODEL),
    ROW("currency", "code", NULL, MODEL),
    ROW(NULL, "system", "urn:iso:std:iso:4217", MODEL, .rule = FHIR_CONVERT_DEFAULT),
};
static const fhir_convert_row_t repeat[] = {
    ROW("durationUnit", "durationUnits", NULL, HL7),
    ROW("periodUnit", "periodUnits", NULL, HL7),
    /* tim-3 of DSTU2: not beside frequency or period */
    ROW("when", "when", NULL, MODEL, .when = "!frequency !period"),
};
static const fhir_convert_row_t reference[] = {
    ROW("type", NULL, NULL, MODEL, .rule = FHIR_CONVERT_DROP),
};
static const fhir_convert_row_t meta[] = {
    /* profiles belong to a release; those of Argonaut are added to resources that satisfy them */
    ROW("profile", NULL, NULL, OWN, .rule = FHIR_CONVERT_DROP),
    ROW(NULL, "profile", NULL, OWN, .rule = FHIR_CONVERT_DROP),
};
static const fhir_convert_row_t signature[] = {
    ROW("who", "whoReference", NULL, HL7),
    ROW("sigFormat", "contentType", NULL, HL7),
    ROW("data", "blob", NULL, HL7),
};
static const fhir_convert_row_t extension[] = {
    ROW("valueCanonical", "valueUri", NULL, MODEL, .rule = FHIR_CONVERT_SHOWN),
    ROW("valueUrl", "valueUri", NULL, MODEL, .rule = FHIR_CONVERT_SHOWN),
    ROW("valueUuid", "valueUri", NULL, MODEL, .rule = FHIR_CONVERT_SHOWN),
};
/* additionalInstruction, doseAndRate: the first item; the rest is an extension. */
static const fhir_convert_row_t dosage_instruction[] = {
    ROW("additionalInstruction", "additionalInstructions", NULL, HL7),
    ROW("site", "siteCodeableConcept", NULL, HL7),
    ROW("doseAndRate.doseQuantity", "doseQuantity", NULL, HL7),
    ROW("doseAndRate.doseRange", "doseRange", NULL, HL7),
    ROW("doseAndRate.rateRatio", "rateRatio", NULL, HL7),
    ROW("doseAndRate.rateRange", "rateRange", NULL, HL7),
    ROW("doseAndRate.rateQuantity", "rateRatio", NULL, OWN, .rule = FHIR_CONVERT_SHOWN),
};
static const fhir_convert_row_t dosage[] = {
    ROW("site", "siteCodeableConcept", NULL, HL7),
    ROW("doseAndRate.doseQuantity", "quantityQuantity", NULL, HL7),
    ROW("doseAndRate.doseRange", "quantityRange", NULL, HL7),
    ROW("doseAndRate.rateRatio", "rateRatio", NULL, HL7),
    ROW("doseAndRate.rateRange", "rateRange", NULL, HL7),
    ROW("doseAndRate.rateQuantity", "rateRatio", NULL, OWN, .rule = FHIR_CONVERT_SHOWN),
};

static const fhir_convert_row_t issue[] = {
    ROW("code", "code", "deleted>not-found multiple-matches>duplicate", OWN),
    ROW("expression", "location", NULL, MODEL, .rule = FHIR_CONVERT_XPATH),
    ROW("location", NULL, NULL, MODEL, .rule = FHIR_CONVERT_DROP),
};
static const fhir_convert_row_t request[] = {
    ROW("method", "method", "PATCH>PUT HEAD>GET", OWN),
};

const fhir_convert_map_t fhir_convert_datatypes[] = {
    FHIR_CONVERT_MAP("ContactPoint", "ContactPoint", contact_point),
    FHIR_CONVERT_MAP("Money", "Quantity", money),
    FHIR_CONVERT_MAP("Timing.repeat", "Timing.repeat", repeat),
    FHIR_CONVERT_MAP("Reference", "Reference", reference),
    FHIR_CONVERT_MAP("Meta", "Meta", meta),
    FHIR_CONVERT_MAP("Signature", "Signature", signature),
    FHIR_CONVERT_MAP("Extension", "Extension", extension),
    FHIR_CONVERT_MAP("Dosage", "MedicationOrder.dosageInstruction", dosage_instruction),
    FHIR_CONVERT_MAP("Dosage", "MedicationStatement.dosage", dosage),
    FHIR_CONVERT_SAME("Age", "Quantity"),
    FHIR_CONVERT_SAME("Duration", "Quantity"),
    FHIR_CONVERT_SAME("Count", "Quantity"),
    FHIR_CONVERT_SAME("Distance", "Quantity"),
    FHIR_CONVERT_MAP("OperationOutcome.issue", "OperationOutcome.issue", issue),
    FHIR_CONVERT_MAP("Bundle.entry.request", "Bundle.entry.request", request),
    {.r4 = NULL}};

/* ---- codes ---- */

#define R4(name)    "http://terminology.hl7.org/CodeSystem/" name
#define DSTU2(name) "http://hl7.org/fhir/" name
#define SAME(name)  R4(name), DSTU2(name)
#define ARGO(name)  "http://argonaut.hl7.org", name
#define LOINC       "http://loinc.org"

/* Families first. R4 moved these systems but kept their names. Where one name stands for something
 * else, only the codes tell: t/dstu2-maps.t compares with the definitions of both releases. */
const fhir_convert_system_t fhir_convert_systems[] = {
    {R4("v2-*"), DSTU2("v2/*"), NULL},
    {R4("v3-*"), DSTU2("v3/*"), NULL},
    {SAME("FDI-surface"), NULL},
    {SAME("adjudication"), "submitted>- unallocdeduct>- -<total"},
    {SAME("admit-source"), NULL},
    {SAME("audit-event-type"), NULL},
    {SAME("basic-resource-type"), NULL},
    {SAME("choice-list-orientation"), NULL},
    {SAME("condition-clinical"), "inactive>- recurrence>-"},
    {SAME("condition-ver-status"), "unconfirmed>- -<unknown"},
    {SAME("conformance-expectation"), NULL},
    {SAME("contactentity-type"), NULL},
    {SAME("data-absent-reason"),
     "asked-unknown=asked asked-declined>asked temp-unknown=temp as-text=astext "
     "not-a-number=NaN negative-infinity>NaN positive-infinity>NaN not-applicable>- "
     "not-performed>- not-permitted>-"},
    {SAME("diet"), NULL},
    {SAME("discharge-disposition"), "alt-home>- snf>-"},
    {SAME("encounter-special-arrangements"), "add-bed>- -<stret"},
    {SAME("encounter-type"), NULL},
    {SAME("entformula-additive"), NULL},
    {SAME("ex-USCLS"), "67211>-"},
    {SAME("ex-visionprescriptionproduct"), NULL},
    {SAME("flag-category"), "advance-directive>- behavioral>- clinical>- research>- safety>-"},
    {SAME("forms-codes"), NULL},
    {SAME("fundsreserve"), NULL},
    {SAME("goal-acceptance-status"), NULL},
    {SAME("goal-category"), NULL},
    {SAME("goal-priority"), "high-priority=high medium-priority=medium low-priority=low"},
    {SAME("goal-relationship-type"), "milestone>- -<component"},
    {SAME("immunization-recommendation-status"), "complete>- contraindicated>- immune>-"},
    {SAME("list-empty-reason"), NULL},
    {SAME("list-example-use-codes"), NULL},
    {SAME("list-order"), NULL},
    {SAME("location-physical-type"), "si>- wa>-"},
    {SAME("medication-admin-status"), "not-done>- unknown>-"},
    {SAME("message-reasons-encounter"), NULL},
    {SAME("message-transport"), NULL},
    {SAME("object-role"), NULL},
    {SAME("observation-category"), "activity>-"},
    {SAME("operation-outcome"), "DELETE_MULTIPLE_MATCHES>-"},
    {SAME("organization-type"), "pay>-"},
    {SAME("participant-type"), NULL},
    {SAME("payeetype"), NULL},
    {SAME("payment-type"), NULL},
    {SAME("paymentstatus"), NULL},
    {SAME("practitioner-role"), NULL},
    {SAME("processpriority"), NULL},
    {SAME("question-max-occurs"), NULL},
    {SAME("reaction-event-certainty"), "unknown>-"},
    {SAME("reason-medication-given"), NULL},
    {SAME("referencerange-meaning"), "postmenopausal=postmeopausal"},
    {SAME("restful-security-service"), NULL},
    {SAME("risk-probability"), NULL},
    {SAME("security-source-type"), NULL},
    {SAME("service-provision-conditions"), NULL},
    {SAME("service-referral-method"), NULL},
    {SAME("special-values"), NULL},
    {SAME("subscription-tag"), NULL},
    {SAME("substance-category"), NULL},
    {SAME("supply-item-type"), NULL},
    {SAME("supply-kind"), NULL},
    {SAME("supplyrequest-reason"), NULL},
    {R4("provenance-participant-type"), DSTU2("provenance-participant-role"), NULL},
    {"http://ihe.net/fhir/ValueSet/IHE.FormatCode.codesystem", "urn:oid:1.3.6.1.4.1.19376.1.2.3",
     "-<*"},
    {"http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode",
     "urn:oid:1.3.6.1.4.1.19376.1.2.3", NULL},
    {NULL, NULL, NULL}};

/* DSTU2 binds interpretations to the table of v2. */
#define INTERPRETATION(code)                                                                       \
    {                                                                                              \
        R4("v3-ObservationInterpretation"), code, DSTU2("v2/0078"), code                           \
    }

const fhir_convert_coding_t fhir_convert_codings[] = {
    {"http://hl7.org/fhir/us/core/CodeSystem/careplan-category", "assess-plan",
     ARGO("assess-plan")},
    {R4("condition-category"), "problem-list-item", ARGO("problem")},
    {"http://hl7.org/fhir/us/core/CodeSystem/condition-category", "health-concern",
     ARGO("health-concern")},
    {"http://hl7.org/fhir/us/core/CodeSystem/condition-category", "health-concern",
     ARGO("additional-concern")}, /* in the guide's example */
    {R4("condition-category"), "encounter-diagnosis", DSTU2("condition-category"), "diagnosis"},
    INTERPRETATION("<"),
    INTERPRETATION(">"),
    INTERPRETATION("A"),
    INTERPRETATION("AA"),
    INTERPRETATION("AC"),
    INTERPRETATION("B"),
    INTERPRETATION("D"),
    INTERPRETATION("DET"),
    INTERPRETATION("H"),
    INTERPRETATION("HH"),
    INTERPRETATION("HM"),
    INTERPRETATION("HU"),
    INTERPRETATION("I"),
    INTERPRETATION("IE"),
    INTERPRETATION("IND"),
    INTERPRETATION("L"),
    INTERPRETATION("LL"),
    INTERPRETATION("LU"),
    INTERPRETATION("MS"),
    INTERPRETATION("N"),
    INTERPRETATION("ND"),
    INTERPRETATION("NEG"),
    INTERPRETATION("NR"),
    INTERPRETATION("NS"),
    INTERPRETATION("OBX"),
    INTERPRETATION("POS"),
    INTERPRETATION("QCF"),
    INTERPRETATION("R"),
    INTERPRETATION("RR"),
    INTERPRETATION("S"),
    INTERPRETATION("SDD"),
    INTERPRETATION("SYN-R"),
    INTERPRETATION("SYN-S"),
    INTERPRETATION("TOX"),
    INTERPRETATION("U"),
    INTERPRETATION("VS"),
    INTERPRETATION("W"),
    INTERPRETATION("WR"),
    {R4("v3-MaritalStatus"), "U", DSTU2("marital-status"), "U"},
    {NULL, NULL, NULL, NULL}};

const fhir_convert_url_t fhir_convert_urls[] = {
    {"http://hl7.org/fhir/us/core/StructureDefinition/us-core-race",
     "http://fhir.org/guides/argonaut/StructureDefinition/argo-race", NULL,
     "urn:oid:2.16.840.1.113883.6.238", DSTU2("v3/Race")},
    {"http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity",
     "http://fhir.org/guides/argonaut/StructureDefinition/argo-ethnicity", NULL,
     "urn:oid:2.16.840.1.113883.6.238", DSTU2("v3/Ethnicity")},
    {"http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex",
     "http://fhir.org/guides/argonaut/StructureDefinition/argo-birthsex", NULL, NULL, NULL},
    {"http://hl7.org/fhir/StructureDefinition/data-absent-reason",
     "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
     "asked-unknown=asked asked-declined>asked temp-unknown=temp as-text=astext not-a-number=NaN "
     "negative-infinity>NaN positive-infinity>NaN not-applicable>unsupported "
     "not-performed>unsupported not-permitted>unsupported",
     NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL}};
