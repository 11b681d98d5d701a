/* SPDX-License-Identifier: Apache-2.0 */
/* Allergies, conditions, procedures, immunizations, family history. */
#include "fhir/convert/fhir_convert_table.h"

#define ROW      FHIR_CONVERT_ROW
#define HL7      FHIR_CONVERT_HL7
#define ARGONAUT FHIR_CONVERT_ARGONAUT
#define MODEL    FHIR_CONVERT_MODEL
#define OWN      FHIR_CONVERT_OWN
#define R4(name) "http://terminology.hl7.org/CodeSystem/" name

/* DSTU2 has one status for both of R4. */
static const fhir_convert_row_t allergy[] = {
    ROW("code", "substance", NULL, HL7),
    ROW("asserter", "reporter", NULL, HL7),
    ROW("lastOccurrence", "lastOccurence", NULL, HL7),
    ROW("onsetDateTime", "onset", NULL, HL7),
    ROW("verificationStatus", "status", "entered-in-error=entered-in-error refuted=refuted", HL7,
        .system = R4("allergyintolerance-verification")),
    ROW("clinicalStatus", "status", "inactive=inactive resolved=resolved inactive<refuted", HL7,
        .system = R4("allergyintolerance-clinical")),
    ROW("verificationStatus", "status", "confirmed=confirmed unconfirmed=unconfirmed", HL7,
        .when = "clinicalStatus=active", .system = R4("allergyintolerance-verification")),
    ROW("clinicalStatus", "status", "active=active active<confirmed active<unconfirmed", HL7,
        .system = R4("allergyintolerance-clinical")),
    /* ait-2 */
    ROW("clinicalStatus", NULL, NULL, MODEL, .rule = FHIR_CONVERT_EXCLUDE,
        .when = "verificationStatus=entered-in-error"),
    ROW("criticality", "criticality", "low=CRITL high=CRITH unable-to-assess=CRITU", HL7),
    ROW("category", "category", "biologic>other+ -<other+", HL7),
};
#define CERTAINTY "http://hl7.org/fhir/AllergyIntolerance-r2-certainty"
static const fhir_convert_row_t allergy_reaction[] = {
    ROW("extension[url=" CERTAINTY "].valueCode", "certainty", NULL, HL7),
};

static const fhir_convert_row_t condition[] = {
    ROW("subject", "patient", NULL, HL7),
    ROW("recordedDate", "dateRecorded", NULL, HL7),
    ROW("note", "notes", NULL, HL7),
    ROW("clinicalStatus", "clinicalStatus", "recurrence>relapse+ inactive>resolved+", HL7,
        .system = R4("condition-clinical")),
    ROW("verificationStatus", "verificationStatus",
        "unconfirmed=provisional provisional=provisional "
        "-<unknown",
        HL7, .system = R4("condition-ver-status")),
    ROW(NULL, "verificationStatus", "unknown", OWN, .rule = FHIR_CONVERT_DEFAULT),
    /* con-5 */
    ROW("clinicalStatus", NULL, NULL, MODEL, .rule = FHIR_CONVERT_EXCLUDE,
        .when = "verificationStatus=entered-in-error"),
    ROW("category", "category", NULL, ARGONAUT,
        .prefer = "problem-list-item health-concern encounter-diagnosis"),
};

static const fhir_convert_row_t procedure[] = {
    ROW("status", "notPerformed", "not-done", HL7, .rule = FHIR_CONVERT_FLAG),
    ROW("status", "status",
        "preparation>in-progress+ on-hold>in-progress+ stopped=aborted not-done>aborted", OWN),
    ROW("statusReason", "reasonNotPerformed", NULL, HL7, .when = "status=not-done"),
    ROW("reasonCode", "reasonCodeableConcept", NULL, HL7),
    ROW("reasonReference", "reasonReference", NULL, HL7),
    ROW("basedOn", "request", NULL, HL7),
    ROW("note", "notes", NULL, HL7),
    ROW("usedReference", "used", NULL, HL7),
};
static const fhir_convert_row_t procedure_performer[] = {
    ROW("function", "role", NULL, HL7),
};

#define FUNCTION R4("v2-0443")
static const fhir_convert_row_t immunization[] = {
    ROW("status", "wasNotGiven", "not-done", HL7, .rule = FHIR_CONVERT_FLAG),
    ROW("status", "status", "not-done>completed", HL7),
    ROW("occurrenceDateTime", "date", NULL, HL7),
    ROW("primarySource", "reported", "true=false false=true", OWN),
    ROW(NULL, "reported", "false", OWN, .rule = FHIR_CONVERT_DEFAULT),
    ROW("performer[function=AP].actor", "performer", NULL, HL7, .system = FUNCTION),
    ROW("performer[function=OP].actor", "requester", NULL, HL7, .system = FUNCTION),
    ROW("performer[!function].actor", "performer", NULL, OWN),
    ROW("statusReason", "explanation.reasonNotGiven", NULL, OWN, .when = "status=not-done"),
    ROW("reasonCode", "explanation.reason", NULL, HL7, .when = "status!=not-done"),
    ROW("reasonCode", "explanation.reasonNotGiven", NULL, OWN, .when = "status=not-done"),
    /* DSTU2 requires all three */
    ROW("protocolApplied[targetDisease][doseNumberPositiveInt]", "vaccinationProtocol", NULL, HL7),
    /* imm-1 */
    ROW("reaction", "reaction", NULL, MODEL, .when = "status!=not-done"),
};
static const fhir_convert_row_t vaccination_protocol[] = {
    ROW("doseNumberPositiveInt", "doseSequence", NULL, HL7),
    ROW("seriesDosesPositiveInt", "seriesDoses", NULL, HL7),
};

static const fhir_convert_row_t family_history[] = {
    ROW("sex", "gender", NULL, HL7, .system = "http://hl7.org/fhir/administrative-gender"),
};

const fhir_convert_map_t fhir_convert_clinical[] = {
    FHIR_CONVERT_MAP("AllergyIntolerance", "AllergyIntolerance", allergy),
    FHIR_CONVERT_MAP("AllergyIntolerance.reaction", "AllergyIntolerance.reaction",
                     allergy_reaction),
    FHIR_CONVERT_MAP("Condition", "Condition", condition),
    FHIR_CONVERT_MAP("Procedure", "Procedure", procedure),
    FHIR_CONVERT_MAP("Procedure.performer", "Procedure.performer", procedure_performer),
    FHIR_CONVERT_MAP("Immunization", "Immunization", immunization),
    FHIR_CONVERT_MAP("Immunization.protocolApplied", "Immunization.vaccinationProtocol",
                     vaccination_protocol),
    FHIR_CONVERT_MAP("FamilyMemberHistory", "FamilyMemberHistory", family_history),
    {.r4 = NULL}};
