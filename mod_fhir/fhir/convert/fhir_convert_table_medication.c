/* SPDX-License-Identifier: Apache-2.0 */
/* Medications, their orders and statements. */
#include "fhir/convert/fhir_convert_table.h"

#define ROW      FHIR_CONVERT_ROW
#define HL7      FHIR_CONVERT_HL7
#define ARGONAUT FHIR_CONVERT_ARGONAUT
#define MODEL    FHIR_CONVERT_MODEL
#define OWN      FHIR_CONVERT_OWN

static const fhir_convert_row_t medication[] = {
    ROW("form", "product.form", NULL, HL7),
    ROW("ingredient", "product.ingredient", NULL, HL7),
    ROW("batch", "product.batch", NULL, HL7),
};
static const fhir_convert_row_t ingredient[] = {
    ROW("itemCodeableConcept", "item", "Substance", OWN, .rule = FHIR_CONVERT_CONTAIN),
    ROW("itemReference", "item", NULL, HL7),
    ROW("strength", "amount", NULL, HL7),
};

/* Only contained ones. */
static const fhir_convert_row_t substance_ingredient[] = {
    ROW("substanceReference", "substance", NULL, HL7),
};

static const fhir_convert_row_t order[] = {
    ROW("subject", "patient", NULL, HL7),
    ROW("authoredOn", "dateWritten", NULL, HL7),
    ROW("requester", "prescriber", NULL, HL7),
    ROW("recorder", "prescriber", NULL, OWN),
    ROW("status", "status", "cancelled>stopped+", OWN),
    ROW("status", NULL, "unknown", HL7, .rule = FHIR_CONVERT_DEFAULT),
    ROW("statusReason", "reasonEnded", NULL, OWN),
    ROW("intent", NULL, "order", HL7, .rule = FHIR_CONVERT_DEFAULT),
    ROW("reasonCode", "reasonCodeableConcept", NULL, HL7),
    ROW("reasonReference", "reasonReference", NULL, HL7),
};
static const fhir_convert_row_t substitution[] = {
    ROW("allowedCodeableConcept", "type", NULL, OWN),
    ROW("allowedBoolean", "type", "true>E false>N", OWN, .rule = FHIR_CONVERT_SHOWN,
        .system = "http://hl7.org/fhir/v3/substanceAdminSubstitution"),
};

static const fhir_convert_row_t statement[] = {
    ROW("subject", "patient", NULL, HL7),
    ROW("derivedFrom", "supportingInformation", NULL, HL7),
    ROW("status", "wasNotTaken", "not-taken", HL7, .rule = FHIR_CONVERT_FLAG),
    ROW("status", "status", "stopped>completed+ on-hold>intended+ not-taken>completed", OWN),
    ROW("reasonCode", "reasonNotTaken", NULL, HL7, .when = "status=not-taken"),
    ROW("reasonCode", "reasonForUseCodeableConcept", NULL, HL7, .when = "status!=not-taken"),
    ROW("reasonReference", "reasonForUseReference", NULL, HL7),
    ROW(NULL, "dateAsserted", "effectiveDateTime effectivePeriod.start meta.lastUpdated", ARGONAUT,
        .rule = FHIR_CONVERT_FILL),
};

/* Applications ask for MedicationStatements, also where only orders are stored. */
static const fhir_convert_row_t statement_of_order[] = {
    ROW("subject", "patient", NULL, OWN),
    ROW("authoredOn", "dateAsserted", NULL, OWN),
    ROW(NULL, "dateAsserted", "meta.lastUpdated", OWN, .rule = FHIR_CONVERT_FILL),
    ROW("requester", "informationSource", NULL, OWN),
    ROW("status", "status",
        "active=active draft>intended on-hold>intended completed=completed stopped>completed "
        "cancelled>completed entered-in-error=entered-in-error",
        OWN),
    ROW("intent", NULL, NULL, OWN, .rule = FHIR_CONVERT_DROP),
    ROW("identifier", NULL, NULL, OWN, .rule = FHIR_CONVERT_DROP),
    ROW("dosageInstruction", "dosage", NULL, OWN),
    ROW("reasonCode", "reasonForUseCodeableConcept", NULL, OWN),
    ROW("reasonReference", "reasonForUseReference", NULL, OWN),
    ROW("category", NULL, NULL, OWN, .rule = FHIR_CONVERT_DROP),
    ROW("priority", NULL, NULL, OWN, .rule = FHIR_CONVERT_DROP),
    ROW("encounter", NULL, NULL, OWN, .rule = FHIR_CONVERT_DROP),
    ROW("supportingInformation", "supportingInformation", NULL, OWN),
    ROW("dispenseRequest.validityPeriod", "effectivePeriod", NULL, OWN),
    ROW("dispenseRequest", NULL, NULL, OWN, .rule = FHIR_CONVERT_DROP),
    ROW("substitution", NULL, NULL, OWN, .rule = FHIR_CONVERT_DROP),
    ROW("priorPrescription", NULL, NULL, OWN, .rule = FHIR_CONVERT_DROP),
    ROW("insurance", NULL, NULL, OWN, .rule = FHIR_CONVERT_DROP),
};

const fhir_convert_map_t fhir_convert_medication[] = {
    FHIR_CONVERT_MAP("Medication", "Medication", medication),
    FHIR_CONVERT_MAP("Medication.ingredient", "Medication.product.ingredient", ingredient),
    FHIR_CONVERT_MAP("Substance.ingredient", "Substance.ingredient", substance_ingredient),
    FHIR_CONVERT_MAP("MedicationRequest", "MedicationOrder", order),
    FHIR_CONVERT_MAP("MedicationRequest.substitution", "MedicationOrder.substitution",
                     substitution),
    FHIR_CONVERT_MAP("MedicationStatement", "MedicationStatement", statement),
    FHIR_CONVERT_MAP("MedicationRequest", "MedicationStatement", statement_of_order),
    {.r4 = NULL}};
