/* SPDX-License-Identifier: Apache-2.0 */
/* Search parameters of DSTU2 that are others in R4, type by type. Values follow the codes of the
 * conversion (fhir/convert/fhir_convert_table_*.c). */
#include "fhir/query/fhir_spoken_query.h"

#define ROW(type_, name_, r4_, ...)                                                                \
    {                                                                                              \
        .type = type_, .name = name_, .r4 = r4_, __VA_ARGS__                                       \
    }
/* Not offered: R4 has no such values, or no column for them. */
#define NONE(type_, name_) ROW(type_, name_, NULL)

#define NOT_WRONG "verification-status:not=entered-in-error,refuted"

/* A status that DSTU2 has no code for is shown without a value. */
#define UNKNOWN        " unknown>_id:missing=true"
#define UNKNOWN_ABSENT .absent = "status:missing=true status=unknown"

/* What DocumentReference.created is in R4, where it has been written as DSTU2. */
#define CREATED "http://hl7.org/fhir/1.0/StructureDefinition/extension-DocumentReference.created"

/* What is always shown with a value. */
#define NEVER "_id:missing=true"

/* What is entered in error and would be shown as cancelled is not found. */
#define NOT_IN_ERROR(type_, status_) ROW(type_, "", NULL, .also = status_ ":not=entered-in-error")

/* US Core's codes of vital signs beside those of Argonaut. */
#define VITALS                                                                                     \
    "55284-4>55284-4,85354-9 59408-5>59408-5,2708-6 8287-5>8287-5,9843-4 8716-3>8716-3,85353-1"

const fhir_spoken_row_t fhir_spoken_rows[] = {
    NONE("*", "_query"),

    ROW("AllergyIntolerance", "reporter", "asserter"),
    ROW("AllergyIntolerance", "substance", "code"),
    ROW("AllergyIntolerance", "criticality", "criticality",
        .values = "CRITL>low CRITH>high CRITU>unable-to-assess"),
    ROW("AllergyIntolerance", "status", "clinical-status",
        .values = "entered-in-error>verification-status=entered-in-error "
                  "refuted>verification-status=refuted "
                  "inactive>clinical-status=inactive&" NOT_WRONG
                  " resolved>clinical-status=resolved&" NOT_WRONG
                  " confirmed>clinical-status=active&verification-status=confirmed "
                  "unconfirmed>clinical-status=active&verification-status=unconfirmed "
                  "active>clinical-status=active&verification-status:not=confirmed,unconfirmed,"
                  "entered-in-error,refuted",
        .absent = "clinical-status:missing=true&" NOT_WRONG),

    NOT_IN_ERROR("Appointment", "status"),
    ROW("Appointment", "status", "status",
        .values = "arrived>arrived,checked-in proposed>proposed,waitlist"),

    NONE("Binary", "contenttype"),

    NOT_IN_ERROR("CarePlan", "status"),
    ROW("CarePlan", "activitycode", "activity-code", .stored = "CarePlan"),
    ROW("CarePlan", "activitydate", "activity-date", .stored = "CarePlan"),
    ROW("CarePlan", "activityreference", "activity-reference", .stored = "CarePlan"),
    ROW("CarePlan", "participant", "care-team.participant", .stored = "CarePlan"),
    ROW("CarePlan", "participant", "participant", .stored = "CareTeam"),
    ROW("CarePlan", "relatedplan", "based-on,replaces", .stored = "CarePlan"),
    ROW("CarePlan", "context", "encounter", .kind = FHIR_PARAM_REFERENCE),
    ROW("CarePlan", "category", "category", .values = "careteam>_id:missing=true",
        .stored = "CarePlan", .kind = FHIR_PARAM_TOKEN),
    ROW("CarePlan", "category", "_id", .values = "careteam>_id:missing=false *>_id:missing=true",
        .stored = "CareTeam", .kind = FHIR_PARAM_TOKEN),
    ROW("CarePlan", "status", "status",
        .values = "cancelled>revoked active>active,on-hold proposed>_id:missing=true" UNKNOWN,
        UNKNOWN_ABSENT, .stored = "CarePlan", .kind = FHIR_PARAM_TOKEN),
    ROW("CarePlan", "status", "status",
        .values = "completed>inactive active>active,suspended proposed>proposed *>_id:missing=true",
        .stored = "CareTeam", .kind = FHIR_PARAM_TOKEN),
    NONE("CarePlan", "related"),
    NONE("CarePlan", "relatedcode"),

    ROW("Condition", "clinicalstatus", "clinical-status",
        .values = "resolved>resolved,inactive relapse>relapse,recurrence"),
    ROW("Condition", "clinicalStatus", "clinical-status",
        .values = "resolved>resolved,inactive relapse>relapse,recurrence",
        .kind = FHIR_PARAM_TOKEN),
    ROW("Condition", "date-recorded", "recorded-date"),
    ROW("Condition", "onset", "onset-date"),
    ROW("Condition", "category", "category",
        .values = "problem>problem-list-item additional-concern>health-concern "
                  "diagnosis>encounter-diagnosis"),
    NONE("Condition", "age"),

    ROW("Coverage", "issuer", "payor"),
    ROW("Coverage", "group", "class-value", .also = "class-type=group"),
    ROW("Coverage", "plan", "class-value", .also = "class-type=plan"),
    ROW("Coverage", "subplan", "class-value", .also = "class-type=subplan"),
    ROW("Coverage", "patient", "patient", .kind = FHIR_PARAM_REFERENCE),
    NONE("Coverage", "sequence"),
    NONE("Coverage", "dependent"),

    ROW("Device", "udi", "udi-carrier,udi-di"),

    ROW("DiagnosticReport", "category", "category",
        .values = "http://hl7.org/fhir/ValueSet/diagnostic-service-sections|LAB>"
                  "category=http://terminology.hl7.org/CodeSystem/v2-0074|LAB"),
    ROW("DiagnosticReport", "date", "date", .shown = "date:missing=true&issued=@",
        .absent = "date:missing=true&issued:missing=true"),
    ROW("DiagnosticReport", "issued", "issued",
        .shown = "issued:missing=true&date:instant=@ "
                 "issued:missing=true&date:instant!=ge0001&_lastUpdated=@",
        .absent = NEVER),
    ROW("DiagnosticReport", "image", "media"),
    ROW("DiagnosticReport", "request", "based-on"),
    ROW("DiagnosticReport", "diagnosis", "conclusion"),
    ROW("DiagnosticReport", "status", "status",
        .values = "partial>partial,preliminary corrected>corrected,amended" UNKNOWN,
        UNKNOWN_ABSENT),

    ROW("DocumentReference", "class", "category"),
    ROW("DocumentReference", "indexed", "date", .shown = "date:missing=true&_lastUpdated=@",
        .absent = NEVER),
    ROW("DocumentReference", "related-ref", "related",
        .absent = "$.\"context\".\"related\".\"reference\":missing=true"),
    ROW("DocumentReference", "securitylabel", "security-label"),
    ROW("DocumentReference", "created",
        "$.\"extension\"?(@.\"url\"==\"" CREATED "\")."
        "\"valueDateTime\" $.\"content\"[0].\"attachment\".\"creation\""),
    ROW("DocumentReference", "related-id", "related:identifier",
        .absent = "$.\"context\".\"related\".\"identifier\":missing=true"),

    NOT_IN_ERROR("Encounter", "status"),
    ROW("Encounter", "episodeofcare", "episode-of-care"),
    ROW("Encounter", "reason", "reason-code"),
    ROW("Encounter", "indication", "diagnosis,reason-reference"),
    ROW("Encounter", "condition", "diagnosis,reason-reference"),
    ROW("Encounter", "procedure", "diagnosis,reason-reference"),
    ROW("Encounter", "status", "status", .values = "arrived>arrived,triaged" UNKNOWN,
        UNKNOWN_ABSENT),
    ROW("Encounter", "incomingreferral", "based-on", .values = "ReferralRequest>ServiceRequest"),
    ROW("Encounter", "length", "length", .values = "http://unitsofmeasure.org|min"),

    ROW("FamilyMemberHistory", "gender", "sex"),
    ROW("FamilyMemberHistory", "condition", "code"),

    NOT_IN_ERROR("Goal", "lifecycle-status"),
    ROW("Goal", "targetdate", "target-date"),
    ROW("Goal", "date", "start-date,target-date,$.\"statusDate\"", .kind = FHIR_PARAM_DATE),
    ROW("Goal", "status", "lifecycle-status",
        .values = "in-progress>lifecycle-status=active&achievement-status:not=sustaining "
                  "sustaining>lifecycle-status=active&achievement-status=sustaining "
                  "achieved>lifecycle-status=completed&achievement-status:not=not-achieved,"
                  "not-attainable "
                  "cancelled>lifecycle-status=cancelled "
                  "cancelled>lifecycle-status=completed&achievement-status=not-achieved,"
                  "not-attainable"),

    ROW("Immunization", "notgiven", "status", .values = "true>not-done false>status:not=not-done"),
    ROW("Immunization", "reason", "reason-code", .also = "status:not=not-done"),
    ROW("Immunization", "reason-not-given", "status-reason,reason-code", .also = "status=not-done"),
    ROW("Immunization", "status", "status", .values = "completed>completed,not-done"),
    NONE("Immunization", "dose-sequence"),
    NONE("Immunization", "requester"),

    ROW("Location", "near", "near"),
    ROW("Location", "near-distance", "near"), /* read with near */

    NONE("Medication", "container"),
    NONE("Medication", "content"),

    ROW("MedicationOrder", "", NULL, .also = "intent:not=proposal,plan,option"),
    ROW("MedicationOrder", "datewritten", "authoredon"),
    ROW("MedicationOrder", "prescriber", "requester"),
    ROW("MedicationOrder", "status", "status", .values = "stopped>stopped,cancelled" UNKNOWN,
        UNKNOWN_ABSENT),
    ROW("MedicationOrder", "subject", "subject", .kind = FHIR_PARAM_REFERENCE),

    ROW("MedicationStatement", "", NULL, .also = "intent:not=proposal,option",
        .stored = "MedicationRequest"),
    ROW("MedicationStatement", "effectivedate", "effective", .stored = "MedicationStatement"),
    ROW("MedicationStatement", "status", "status", .stored = "MedicationStatement",
        .values = "completed>completed,stopped,not-taken intended>intended,on-hold" UNKNOWN,
        UNKNOWN_ABSENT),
    ROW("MedicationStatement", "subject", "subject", .kind = FHIR_PARAM_REFERENCE),
    ROW("MedicationStatement", "status", "status", .stored = "MedicationRequest",
        .values = "completed>completed,stopped,cancelled intended>draft,on-hold" UNKNOWN,
        UNKNOWN_ABSENT),
    ROW("MedicationStatement", "source", "requester", .stored = "MedicationRequest"),
    ROW("MedicationStatement", "effectivedate", NULL, .stored = "MedicationRequest"),
    ROW("MedicationStatement", "identifier", NULL, .stored = "MedicationRequest"),

    ROW("Observation", "code", "combo-code", .values = VITALS),
    ROW("Observation", "component-code", "component-code", .values = VITALS),
    ROW("Observation", "related-target", "has-member,derived-from"),
    ROW("Observation", "related-type", "has-member",
        .values = "has-member>has-member:missing=false derived-from>derived-from:missing=false "
                  "*>_id:missing=true"),
    ROW("Observation", "status", "status", .values = "amended>amended,corrected"),
    ROW("Observation", "code-value-quantity", "combo-code-value-quantity", .values = VITALS,
        .kind = FHIR_PARAM_COMPOSITE),
    ROW("Observation", "code-value-concept", "combo-code-value-concept", .values = VITALS,
        .kind = FHIR_PARAM_COMPOSITE),
    ROW("Observation", "code-value-string", "code-value-string", .kind = FHIR_PARAM_COMPOSITE),
    ROW("Observation", "code-value-date", "code-value-date", .kind = FHIR_PARAM_COMPOSITE),
    ROW("Observation", "component-code-value-quantity", "component-code-value-quantity",
        .values = VITALS, .kind = FHIR_PARAM_COMPOSITE),
    ROW("Observation", "component-code-value-concept", "component-code-value-concept",
        .values = VITALS, .kind = FHIR_PARAM_COMPOSITE),
    NONE("Observation", "related"),
    NONE("Observation", "code-value-[x]"),
    NONE("Observation", "component-code-value-[x]"),
    NONE("Observation", "component-value-string"),

    ROW("Patient", "careprovider", "general-practitioner"),
    ROW("Patient", "deathdate", "death-date"),
    NONE("Patient", "animal-breed"),
    NONE("Patient", "animal-species"),

    ROW("Practitioner", "role", "_has:PractitionerRole:practitioner:role"),
    ROW("Practitioner", "specialty", "_has:PractitionerRole:practitioner:specialty"),
    ROW("Practitioner", "organization", "_has:PractitionerRole:practitioner:organization"),
    ROW("Practitioner", "location", "_has:PractitionerRole:practitioner:location"),

    ROW("Provenance", "start", "when"),
    ROW("Provenance", "end", "when"),
    ROW("Provenance", "sigtype", "signature-type"),
    ROW("Provenance", "entity", "entity"),
    NONE("Provenance", "entitytype"),
    NONE("Provenance", "userid"),

    ROW("Schedule", "type", "service-type"),
    NOT_IN_ERROR("Slot", "status"),
    ROW("Slot", "fb-type", "status"),
    ROW("Slot", "slot-type", "service-type"),
    {.name = NULL}};
