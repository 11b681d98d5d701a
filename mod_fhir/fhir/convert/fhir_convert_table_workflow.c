/* SPDX-License-Identifier: Apache-2.0 */
/* Coverage, appointments, slots, schedules. */
#include "fhir/convert/fhir_convert_table.h"

#define ROW      FHIR_CONVERT_ROW
#define HL7      FHIR_CONVERT_HL7
#define ARGONAUT FHIR_CONVERT_ARGONAUT
#define MODEL    FHIR_CONVERT_MODEL
#define OWN      FHIR_CONVERT_OWN
#define CLASS    "http://terminology.hl7.org/CodeSystem/coverage-class"

static const fhir_convert_row_t coverage[] = {
    ROW("payor", "issuer", NULL, OWN),
    ROW("class[type=group].value", "group", NULL, OWN, .system = CLASS),
    ROW("class[type=plan].value", "plan", NULL, OWN, .system = CLASS),
    ROW("class[type=subplan].value", "subPlan", NULL, OWN, .system = CLASS),
    ROW("class[type=rxbin].value", "bin.value", NULL, OWN, .system = CLASS),
    ROW("subscriberId", "subscriberId.value", NULL, OWN),
    ROW("order", "sequence", NULL, OWN),
    ROW("network", "network.value", NULL, OWN),
};

static const fhir_convert_row_t appointment[] = {
    /* the status pending would require start and end: app-3 */
    ROW("status", "status", "checked-in>arrived+ waitlist>proposed+ entered-in-error>cancelled!",
        HL7),
    ROW("appointmentType", "type", NULL, OWN),
    ROW("serviceType", "type", NULL, OWN),
    ROW("reasonCode", "reason", NULL, HL7),
};

static const fhir_convert_row_t slot[] = {
    ROW("status", "freeBusyType", "entered-in-error>busy-unavailable!", OWN),
    ROW("serviceType", "type", NULL, HL7),
};
static const fhir_convert_row_t schedule[] = {
    ROW("serviceType", "type", NULL, HL7),
};

const fhir_convert_map_t fhir_convert_workflow[] = {
    FHIR_CONVERT_MAP("Coverage", "Coverage", coverage),
    FHIR_CONVERT_MAP("Appointment", "Appointment", appointment),
    FHIR_CONVERT_MAP("Slot", "Slot", slot),
    FHIR_CONVERT_MAP("Schedule", "Schedule", schedule),
    {.r4 = NULL}};
