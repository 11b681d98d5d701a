/* SPDX-License-Identifier: Apache-2.0 */
/* Persons, organizations, places, encounters, devices. */
#include "fhir/convert/fhir_convert_table.h"

#define ROW      FHIR_CONVERT_ROW
#define HL7      FHIR_CONVERT_HL7
#define ARGONAUT FHIR_CONVERT_ARGONAUT
#define MODEL    FHIR_CONVERT_MODEL
#define OWN      FHIR_CONVERT_OWN
#define ANIMAL   "http://hl7.org/fhir/StructureDefinition/patient-animal"
#define CONTACT  "http://hl7.org/fhir/patient-contact-relationship"

static const fhir_convert_row_t patient[] = {
    ROW("generalPractitioner", "careProvider", NULL, HL7),
    ROW("extension[url=" ANIMAL "]", "animal", NULL, HL7),
};
static const fhir_convert_row_t animal[] = {
    ROW("extension[url=species].valueCodeableConcept", "species", NULL, HL7),
    ROW("extension[url=breed].valueCodeableConcept", "breed", NULL, HL7),
    ROW("extension[url=genderStatus].valueCodeableConcept", "genderStatus", NULL, HL7),
};
/* DSTU2's "replace": this record is no longer used. */
static const fhir_convert_row_t patient_link[] = {
    ROW("type", "type", "replaced-by=replace replaces>seealso+ refer=refer seealso=seealso", MODEL),
};
static const fhir_convert_row_t patient_contact[] = {
    ROW("relationship", "relationship", NULL, OWN,
        .add = "http://hl7.org/fhir/v2/0131|C>" CONTACT "|emergency "
               "http://hl7.org/fhir/v2/0131|N>" CONTACT "|family "
               "http://hl7.org/fhir/v2/0131|E>" CONTACT "|work"),
};
static const fhir_convert_row_t related_person[] = {
    ROW("name", "name", NULL, MODEL, .prefer = "usual official"),
};
static const fhir_convert_row_t practitioner[] = {
    ROW("name", "name", NULL, MODEL, .prefer = "usual official"),
};
static const fhir_convert_row_t practitioner_role[] = {
    ROW("organization", "managingOrganization", NULL, HL7),
    ROW("code", "role", NULL, HL7),
};

/* v3-ActCode of an encounter's class. */
static const fhir_convert_row_t encounter[] = {
    ROW("subject", "patient", NULL, HL7),
    ROW("status", "status", "triaged>arrived+ entered-in-error>cancelled!", OWN),
    ROW("statusHistory[status!=entered-in-error]", "statusHistory", NULL, OWN),
    ROW("class", "class",
        "IMP=inpatient ACUTE>inpatient+ NONAC>inpatient+ AMB=ambulatory EMER=emergency HH=home "
        "FLD=field SS=daytime VR=virtual AMB<outpatient+ OTH=other *>other+",
        HL7, .system = "http://terminology.hl7.org/CodeSystem/v3-ActCode"),
    ROW("diagnosis[use=AD].condition", "hospitalization.admittingDiagnosis", NULL, HL7,
        .system = "http://terminology.hl7.org/CodeSystem/diagnosis-role"),
    ROW("diagnosis[use=DD].condition", "hospitalization.dischargeDiagnosis", NULL, HL7,
        .system = "http://terminology.hl7.org/CodeSystem/diagnosis-role"),
    ROW("diagnosis.condition", "indication", NULL, HL7),
    ROW("reasonReference", "indication", NULL, OWN),
    ROW("reasonCode", "reason", NULL, HL7),
};
static const fhir_convert_row_t status_history[] = {
    ROW("status", "status", "triaged>arrived+", OWN),
};

/* The human readable form, because Argonaut requires it. */
static const fhir_convert_row_t device[] = {
    ROW("udiCarrier.carrierHRF", "udi", NULL, ARGONAUT),
    ROW("udiCarrier.deviceIdentifier", "udi", NULL, HL7, .rule = FHIR_CONVERT_SHOWN),
    ROW("status", "status", "active=available inactive=not-available unknown>- ", HL7),
    ROW("expirationDate", "expiry", NULL, HL7),
    ROW("modelNumber", "model", NULL, HL7),
    ROW("version.value", "version", NULL, HL7),
};

const fhir_convert_map_t fhir_convert_people[] = {
    FHIR_CONVERT_MAP("Patient", "Patient", patient),
    FHIR_CONVERT_MAP("Extension", "Patient.animal", animal),
    FHIR_CONVERT_MAP("Patient.link", "Patient.link", patient_link),
    FHIR_CONVERT_MAP("Patient.contact", "Patient.contact", patient_contact),
    FHIR_CONVERT_MAP("RelatedPerson", "RelatedPerson", related_person),
    FHIR_CONVERT_MAP("Practitioner", "Practitioner", practitioner),
    FHIR_CONVERT_MAP("PractitionerRole", "Practitioner.practitionerRole", practitioner_role),
    FHIR_CONVERT_MAP("Encounter", "Encounter", encounter),
    FHIR_CONVERT_MAP("Encounter.statusHistory", "Encounter.statusHistory", status_history),
    FHIR_CONVERT_MAP("Device", "Device", device),
    {.r4 = NULL}};
