/* SPDX-License-Identifier: Apache-2.0 */
/* Care plans, care teams, goals. */
#include "fhir/convert/fhir_convert_table.h"

#define ROW      FHIR_CONVERT_ROW
#define HL7      FHIR_CONVERT_HL7
#define ARGONAUT FHIR_CONVERT_ARGONAUT
#define MODEL    FHIR_CONVERT_MODEL
#define OWN      FHIR_CONVERT_OWN

#define MODIFIED "http://hl7.org/fhir/CarePlan-r2-modified"
static const fhir_convert_row_t plan[] = {
    ROW("basedOn", "relatedPlan[code=fulfills].plan", NULL, HL7),
    ROW("replaces", "relatedPlan[code=replaces].plan", NULL, HL7),
    ROW("status", "status",
        "revoked=cancelled on-hold>active+ entered-in-error>cancelled! draft=draft draft<proposed+",
        HL7),
    ROW("intent", NULL, "plan", HL7, .rule = FHIR_CONVERT_DEFAULT),
    ROW("encounter", "context", NULL, HL7),
    ROW("author", "author", NULL, HL7),
    ROW("supportingInfo", "support", NULL, HL7),
    ROW("description", "description", NULL, MODEL),
    ROW("title", "description", NULL, OWN),
    ROW("extension[url=" MODIFIED "].valueDateTime", "modified", NULL, HL7),
};
static const fhir_convert_row_t plan_activity[] = {
    ROW("outcomeReference", "actionResulting", NULL, HL7),
};
static const fhir_convert_row_t plan_detail[] = {
    ROW("kind", "category",
        "Appointment=encounter MedicationRequest=drug NutritionOrder=diet ServiceRequest=procedure "
        "DeviceRequest=supply ServiceRequest<observation+ *>other+",
        OWN, .system = "http://hl7.org/fhir/care-plan-activity-category"),
    ROW("status", "status", "stopped=cancelled unknown>- entered-in-error>-", HL7),
    ROW(NULL, "prohibited", "false", HL7, .rule = FHIR_CONVERT_DEFAULT),
    ROW("doNotPerform", "prohibited", NULL, HL7),
};

static const fhir_convert_row_t team[] = {
    ROW("status", "status",
        "proposed=proposed active=active suspended>active+ inactive=completed "
        "entered-in-error>cancelled!",
        OWN),
    ROW("category", NULL, NULL, OWN, .rule = FHIR_CONVERT_DROP),
    ROW(NULL, "category", "http://argonaut.hl7.org|careteam", ARGONAUT,
        .rule = FHIR_CONVERT_DEFAULT),
    ROW("name", "description", NULL, OWN),
    ROW("encounter", "context", NULL, OWN),
};

#define ACHIEVEMENT "http://terminology.hl7.org/CodeSystem/goal-achievement"
/* DSTU2 has one status for R4's life cycle and achievement. */
static const fhir_convert_row_t goal[] = {
    ROW("lifecycleStatus", "status", "active=sustaining", HL7,
        .when = "achievementStatus=sustaining"),
    ROW("lifecycleStatus", "status", "completed>cancelled+", OWN,
        .when = "achievementStatus=not-achieved,not-attainable"),
    ROW("lifecycleStatus", "status",
        "proposed=proposed planned=planned accepted=accepted active=in-progress on-hold=on-hold "
        "completed=achieved cancelled=cancelled entered-in-error>cancelled! rejected=rejected",
        HL7),
    ROW("achievementStatus", "status", "sustaining<sustaining achieved<achieved -<*", HL7,
        .system = ACHIEVEMENT),
    ROW("statusReason", "statusReason", NULL, HL7),
    ROW("expressedBy", "author", NULL, HL7),
    ROW("target[dueDate].dueDate", "targetDate", NULL, OWN),
    ROW("target[dueDuration].dueDuration", "targetQuantity", NULL, OWN),
    ROW("outcomeCode", "outcome[].resultCodeableConcept", NULL, HL7),
    ROW("outcomeReference", "outcome[].resultReference", NULL, HL7),
};

const fhir_convert_map_t fhir_convert_plans[] = {
    FHIR_CONVERT_MAP("CarePlan", "CarePlan", plan),
    FHIR_CONVERT_MAP("CarePlan.activity", "CarePlan.activity", plan_activity),
    FHIR_CONVERT_MAP("CarePlan.activity.detail", "CarePlan.activity.detail", plan_detail),
    FHIR_CONVERT_MAP("CareTeam", "CarePlan", team),
    FHIR_CONVERT_MAP("Goal", "Goal", goal),
    {.r4 = NULL}};
