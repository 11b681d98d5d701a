/* SPDX-License-Identifier: Apache-2.0 */
/* _summary and _elements: their values, and what of a resource stays. */
#include "fhir/format/fhir_subset.h"

#include "tap.h"

#define TAG                                                                                        \
    "{\"system\":\"http://terminology.hl7.org/CodeSystem/v3-ObservationValue\",\"code\":"          \
    "\"SUBSETTED\",\"display\":\"subsetted\"}"
#define META "\"meta\":{\"tag\":[" TAG "]}"

static const char patient[] =
    "{\"resourceType\":\"Patient\",\"id\":\"p\",\"text\":{\"status\":\"generated\",\"div\":\"x\"},"
    "\"contained\":[{\"resourceType\":\"Patient\"}],\"modifierExtension\":[{\"url\":\"u\"}],"
    "\"active\":true,\"_active\":{\"id\":\"i\"},\"name\":[{\"family\":\"f\",\"extension\":[{"
    "\"url\":\"u\"}"
    "]}],\"birthDate\":\"1970\",\"_birthDate\":{\"id\":\"b\"},\"deceasedBoolean\":true,"
    "\"maritalStatus\":{\"text\":\"m\"},\"photo\":[{\"title\":\"t\"}],\"contact\":[{\"gender\":"
    "\"male\"}],"
    "\"link\":[{\"other\":{\"reference\":\"Patient/"
    "q\",\"extension\":[{\"url\":\"u\"}]},\"type\":\"seealso\"}]}";
static const char observation[] =
    "{\"status\":\"final\",\"resourceType\":\"Observation\",\"code\":{\"text\":\"c\"},"
    "\"valueInteger\":1,"
    "\"note\":[{\"text\":\"n\"}],\"referenceRange\":[{\"text\":\"r\"}],\"component\":[{\"code\":{"
    "\"text\":"
    "\"d\"},\"valueString\":\"s\",\"referenceRange\":[{\"text\":\"r\"}]}]}";

static const struct {
    const char *type; /* searched; NULL: system level */
    const char *summary, *elements;
    const char *resource;
    const char *want; /* what stays; NULL: refused */
    const char *says; /* what a refusal says */
} cases[] = {
    {"Patient", NULL, NULL, patient, patient, NULL},
    {"Patient", "false", NULL, patient, patient, NULL},
    {"Patient", "", "", patient, patient, NULL},
    {"Patient", "true", NULL, patient,
     "{\"resourceType\":\"Patient\",\"id\":\"p\"," META
     ",\"modifierExtension\":[{\"url\":\"u\"}],\"active\":true,\"_active\":{\"id\":\"i\"},\"name\":"
     "[{"
     "\"family\":\"f\"}],\"birthDate\":\"1970\",\"_birthDate\":{\"id\":\"b\"},\"deceasedBoolean\":"
     "true,"
     "\"link\":[{\"other\":{\"reference\":\"Patient/q\"},\"type\":\"seealso\"}]}",
     NULL},
    {"Patient", "text", NULL, patient,
     "{\"resourceType\":\"Patient\",\"id\":\"p\"," META
     ",\"text\":{\"status\":\"generated\",\"div\":\"x\"},\"modifierExtension\":[{\"url\":\"u\"}],"
     "\"active\":"
     "true,\"_active\":{\"id\":\"i\"},\"deceasedBoolean\":true,\"link\":[{\"other\":{\"reference\":"
     "\"Patient/q\",\"extension\":[{\"url\":\"u\"}]},\"type\":\"seealso\"}]}",
     NULL},
    {"Observation", "true", NULL, observation,
     "{\"status\":\"final\",\"resourceType\":\"Observation\"," META
     ",\"code\":{\"text\":\"c\"},\"valueInteger\":1,\"component\":[{\"code\":{\"text\":\"d\"},"
     "\"valueString\":\"s\"}]}",
     NULL},
    {"Patient", "data", NULL,
     "{\"resourceType\":\"Patient\",\"text\":{\"status\":\"empty\"},\"photo\":[{\"title\":\"t\"}]}",
     "{\"resourceType\":\"Patient\"," META ",\"photo\":[{\"title\":\"t\"}]}", NULL},
    {"Observation", NULL, "value,note", observation,
     "{\"status\":\"final\",\"resourceType\":\"Observation\"," META
     ",\"code\":{\"text\":\"c\"},\"valueInteger\":1,\"note\":[{\"text\":\"n\"}]}",
     NULL},
    {"Observation", NULL, " valueInteger , valueInteger,value", observation,
     "{\"status\":\"final\",\"resourceType\":\"Observation\"," META
     ",\"code\":{\"text\":\"c\"},\"valueInteger\":1}",
     NULL},
    {"Patient", NULL, "name", observation, observation, NULL}, /* included ones stay whole */
    {NULL, NULL, "language",
     "{\"resourceType\":\"Patient\",\"language\":\"en\",\"gender\":\"male\"}",
     "{\"resourceType\":\"Patient\"," META ",\"language\":\"en\"}", NULL},
    {"Patient", "true", NULL,
     "{\"resourceType\":\"Patient\",\"meta\":{\"tag\":[{\"code\":\"SUBSETTED\"}," TAG "]}}",
     "{\"resourceType\":\"Patient\",\"meta\":{\"tag\":[{\"code\":\"SUBSETTED\"}," TAG "]}}", NULL},
    {"Patient", "true", NULL,
     "{\"resourceType\":\"Patient\",\"meta\":{\"versionId\":\"1\"},\"x\":1}",
     "{\"resourceType\":\"Patient\",\"meta\":{\"versionId\":\"1\",\"tag\":[" TAG "]}}", NULL},
    {"Patient", NULL, "id,resourceType", "{\"resourceType\":\"Patient\",\"gender\":\"male\"}",
     "{\"resourceType\":\"Patient\"," META "}", NULL},
    /* what is kept refers to contained resources, and these to others */
    {"MedicationRequest", NULL, "medication",
     "{\"resourceType\":\"MedicationRequest\",\"id\":\"r\",\"contained\":[{\"resourceType\":"
     "\"Organization\",\"id\":\"o\"},{\"resourceType\":\"Practitioner\",\"id\":\"d\"},"
     "{\"resourceType\":\"Medication\",\"id\":\"m\",\"manufacturer\":{\"reference\":\"#o\"}}],"
     "\"status\":\"active\",\"medicationReference\":{\"reference\":\"#m\"},\"recorder\":{"
     "\"reference\":\"#d\"}}",
     "{\"resourceType\":\"MedicationRequest\",\"id\":\"r\"," META
     ",\"contained\":[{\"resourceType\":\"Organization\",\"id\":\"o\"},{\"resourceType\":"
     "\"Medication\",\"id\":\"m\",\"manufacturer\":{\"reference\":\"#o\"}}],\"status\":\"active\","
     "\"medicationReference\":{\"reference\":\"#m\"}}",
     NULL},
    {"MedicationRequest", "true", NULL,
     "{\"resourceType\":\"MedicationRequest\",\"contained\":[{\"resourceType\":\"Medication\","
     "\"id\":\"m\",\"amount\":{\"numerator\":{\"value\":1}}}],\"medicationReference\":{"
     "\"reference\":\"#m\"}}",
     "{\"resourceType\":\"MedicationRequest\"," META
     ",\"contained\":[{\"resourceType\":\"Medication\",\"id\":\"m\",\"amount\":{\"numerator\":{"
     "\"value\":1}}}],\"medicationReference\":{\"reference\":\"#m\"}}",
     NULL},
    {"Patient", "some", NULL, patient, NULL, "true, text, data, count and false"},
    {"Patient", "TRUE", NULL, patient, NULL, "true, text, data, count and false"},
    {"Patient", "true", "name", patient, NULL, "only one of"},
    {"Patient", NULL, "nam", patient, NULL,
     "\"nam\", which Patient does not have; it has id, meta"},
    {"Patient", NULL, "photo,",
     "{\"resourceType\":\"Patient\",\"photo\":[{\"title\":\"t\"}],\"x\":1}",
     "{\"resourceType\":\"Patient\"," META ",\"photo\":[{\"title\":\"t\"}]}", NULL},
    {"Patient", NULL, "name,,id", patient, NULL, "names \"\""},
    {"Patient", NULL, "name.family", patient, NULL, "\"name.family\""},
    {NULL, NULL, "nam", patient, NULL, "no resource type has"},
};

static const char *written(const fhir_node_t *node, apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);

    fhir_node_write_json(buf, node, 0);
    return fhir_buf_cstr(buf);
}

int main(void)
{
    apr_pool_t *pool = tap_start();
    const fhir_model_t *model = &fhir_model_r4;

    for (apr_size_t i = 0; i < TAP_COUNT(cases); i++) {
        const char *name = cases[i].type;
        const fhir_type_t *type = name ? fhir_model_resource(model, name, strlen(name)) : NULL;
        fhir_subset_t *subset;
        fhir_err_t *err =
            fhir_subset_parse(&subset, model, type, cases[i].summary, cases[i].elements, pool);

        if (cases[i].says) {
            tap_ok(err && err->code == FHIR_ERR_PARAM_VALUE && strstr(err->message, cases[i].says),
                   "refused: %s", err ? err->message : "nothing");
            continue;
        }
        tap_no_err(err, "_summary=%s _elements=%s", cases[i].summary, cases[i].elements);
        fhir_node_t *tree;
        tap_no_err(
            fhir_node_parse_json(&tree, cases[i].resource, strlen(cases[i].resource), NULL, pool),
            "JSON");
        if (subset)
            fhir_subset_apply(tree, subset, model, pool);
        tap_is_str(written(tree, pool), cases[i].want, "what stays");
    }
    return tap_done();
}
