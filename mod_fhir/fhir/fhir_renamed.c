/* SPDX-License-Identifier: Apache-2.0 */
/* Suggestions for unknown names: names of earlier releases, and similar names. */
#include "fhir/fhir_renamed.h"

#include <apr_strings.h>

#include "core/fhir_nearest.h"

static const struct {
    const char *old, *now;
} types[] = {
    {"BodySite", "BodyStructure"},
    {"Conformance", "CapabilityStatement"},
    {"DataElement", "StructureDefinition"},
    {"DeviceComponent", "DeviceDefinition"},
    {"DeviceUseRequest", "DeviceRequest"},
    {"DiagnosticOrder", "ServiceRequest"},
    {"EligibilityRequest", "CoverageEligibilityRequest"},
    {"EligibilityResponse", "CoverageEligibilityResponse"},
    {"ImagingManifest", "ImagingStudy"},
    {"ImagingObjectSelection", "ImagingStudy"},
    {"MedicationOrder", "MedicationRequest"},
    {"MedicationPrescription", "MedicationRequest"},
    {"Order", "Task"},
    {"OrderResponse", "Task"},
    {"ProcedureRequest", "ServiceRequest"},
    {"ProcessRequest", "Task"},
    {"ProcessResponse", "Task"},
    {"ReferralRequest", "ServiceRequest"},
    {"Sequence", "MolecularSequence"},
    {"ServiceDefinition", "PlanDefinition"},
};

static const struct {
    const char *type, *old, *now;
} params[] = {
    {"AllergyIntolerance", "reporter", "asserter"},
    {"AllergyIntolerance", "substance", "code"},
    {"Condition", "date-recorded", "recorded-date"},
    {"Condition", "onset", "onset-date"},
    {"Coverage", "issuer", "payor"},
    {"DiagnosticReport", "diagnosis", "conclusion"},
    {"DiagnosticReport", "request", "based-on"},
    {"DocumentReference", "class", "category"},
    {"DocumentReference", "created", "date"},
    {"DocumentReference", "indexed", "date"},
    {"Encounter", "indication", "reason-reference"},
    {"Encounter", "procedure", "diagnosis"},
    {"MedicationRequest", "datewritten", "authoredon"},
    {"MedicationRequest", "prescriber", "requester"},
    {"Observation", "related-target", "has-member"},
    {"Patient", "careprovider", "general-practitioner"},
    {"Procedure", "reason", "reason-code"},
    {"Slot", "fb-type", "status"},
    {"Slot", "slot-type", "service-type"},
};

static const char *mean(const fhir_call_t *call, const fhir_nearest_t *nearest)
{
    return nearest->name ? apr_pstrcat(call->pool, " (did you mean \"", nearest->name, "\"?)", NULL)
                         : "";
}

static const char *called(const fhir_call_t *call, const char *now)
{
    return apr_pstrcat(call->pool, " (R4 calls it \"", now, "\")", NULL);
}

const char *fhir_renamed_type(const fhir_call_t *call, const char *name)
{
    const fhir_model_t *m = call->stored;

    for (apr_size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (!strcmp(types[i].old, name))
            return called(call, types[i].now);
    fhir_nearest_t nearest;
    fhir_nearest_begin(&nearest, name);
    for (int i = 1; i <= m->n_resources; i++)
        if (!(m->types[i].flags & FHIR_TYPE_ABSTRACT))
            fhir_nearest_offer(&nearest, fhir_model_str(m, m->types[i].name));
    return mean(call, &nearest);
}

const char *fhir_renamed_param(const fhir_call_t *call, const fhir_type_t *type, const char *name)
{
    const fhir_model_t *m = call->stored;

    if (!strcmp(name, "_"))
        return " (a client library appended it, as jQuery does with cache: false; \"Prefer: "
               "handling=lenient\" ignores it)";
    for (apr_size_t i = 0; i < sizeof(params) / sizeof(*params); i++)
        if (!strcmp(params[i].old, name) && !strcmp(params[i].type, fhir_model_str(m, type->name)))
            return called(call, params[i].now);
    fhir_nearest_t nearest;
    fhir_nearest_begin(&nearest, name);
    for (int i = 0; i < type->n_params; i++)
        fhir_nearest_offer(&nearest, fhir_model_str(m, m->params[type->first_param + i].name));
    return mean(call, &nearest);
}
