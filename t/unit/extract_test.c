/* SPDX-License-Identifier: Apache-2.0 */
/* Search values: from a resource to the text forms of its table's columns. */
#include "fhir/extract/fhir_extract.h"
#include "tap.h"

#include <apr_strings.h>

#define BASE  "https://server.example/fhir"
#define CELLS 256
#define OBS   "{\"resourceType\":\"Observation\","
#define PAT   "{\"resourceType\":\"Patient\","

static const struct {
    const char *json, *column, *value; /* value NULL: SQL NULL */
} cases[] = {
    /* tokens */
    {OBS
     "\"code\":{\"coding\":[{\"system\":\"s\",\"code\":\"c\"},{\"code\":\"d\"},{\"system\":\"t\"},"
     "{\"display\":\"x\"}]}}",
     "code", "{\"c\",\"s|c\",\"d\",\"|d\",\"t|\"}"},
    {OBS
     "\"code\":{\"coding\":[{\"system\":\"s\",\"code\":\"c\"},{\"system\":\"s\",\"code\":\"c\"}]}}",
     "code", "{\"c\",\"s|c\"}"},
    {OBS "\"code\":{\"coding\":[{\"code\":\"a\\\"b\\\\c\"}]}}", "code",
     "{\"a\\\"b\\\\c\",\"|a\\\"b\\\\c\"}"},
    {OBS "\"code\":{\"text\":\"only text\"}}", "code", NULL},
    {OBS "\"code\":{\"coding\":{\"code\":\"not an array\"}}}", "code",
     "{\"not an array\",\"|not an array\"}"},
    {OBS "\"code\":{\"coding\":[null,7,\"x\",{\"code\":7},{\"code\":\"\"}]}}", "code", NULL},
    {OBS "\"status\":\"final\"}", "status", "final"},
    {OBS "\"status\":null}", "status", NULL},
    {OBS "\"identifier\":[{\"system\":\"urn:x\",\"value\":\"1,2|3\"},{\"value\":\"4\"}]}",
     "identifier", "{\"1,2|3\",\"urn:x|1,2|3\",\"4\",\"|4\"}"},
    {OBS "\"meta\":{\"tag\":[{\"system\":\"s\",\"code\":\"c\"}],\"profile\":[\"p\",\"q\"],"
         "\"source\":\"src\"}}",
     "meta_tag", "{\"c\",\"s|c\"}"},
    {OBS "\"meta\":{\"profile\":[\"p\",\"q\",\"p\"]}}", "meta_profile", "{\"p\",\"q\"}"},
    {OBS "\"meta\":{\"source\":\"src\"}}", "meta_source", "src"},
    /* short forms of URLs, and what looks like one */
    {OBS "\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"8867-4\"},"
         "{\"system\":\"http://snomed.info/sct\"},{\"code\":\"~l|8867-4\"}]}}",
     "code", "{\"8867-4\",\"~l|8867-4\",\"~s|\",\"~~l|8867-4\",\"|~l|8867-4\"}"},
    {OBS "\"code\":{\"coding\":[{\"system\":\"~l\",\"code\":\"http://loinc.org\"}]}}", "code",
     "{\"http://loinc.org\",\"~~l|http://loinc.org\"}"},
    {OBS "\"identifier\":[{\"system\":\"http://hl7.org/fhir/sid/us-npi\",\"value\":\"1\"}]}",
     "identifier", "{\"1\",\"~n|1\"}"},
    {OBS "\"meta\":{\"profile\":[\"http://hl7.org/fhir/us/core/StructureDefinition/"
         "us-core-observation-lab|5.0.1\",\"~L\"]}}",
     "meta_profile", "{\"~L|5.0.1\",\"~~L\"}"},
    {OBS "\"meta\":{\"source\":\"http://loinc.org\"}}", "meta_source", "http://loinc.org"},
    {OBS "\"status\":\"~l\"}", "status", "~l"},
    {PAT "\"telecom\":[{\"value\":\"~1\"},{\"value\":\"http://loinc.org\"}]}", "telecom",
     "{\"~~1\",\"http://loinc.org\"}"},
    {OBS "\"subject\":{\"identifier\":{\"system\":\"urn:oid:1.2\",\"value\":\"~v\"}}}",
     "subject_identifier", "{\"~~v\",\"~D1.2|~v\"}"},
    {OBS "\"derivedFrom\":[{\"reference\":\"http://loinc.org/Observation/1\"}]}", "derived_from",
     "{\"http://loinc.org/Observation/1\"}"},
    {OBS
     "\"valueQuantity\":{\"value\":1,\"system\":\"http://unitsofmeasure.org\",\"code\":\"~u\"}}",
     "value_quantity_system", "~u"},
    {OBS
     "\"valueQuantity\":{\"value\":1,\"system\":\"http://unitsofmeasure.org\",\"code\":\"~u\"}}",
     "value_quantity_code", "~u"},
    {OBS
     "\"component\":[{\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"~c\"}]},"
     "\"valueQuantity\":{\"value\":1,\"system\":\"http://unitsofmeasure.org\"}}]}",
     "component_code_value_quantity",
     "[{\"0\":[\"~~c\",\"~l|~c\"],\"1\":{\"l\":1,\"h\":1,\"s\":\"~u\"}}]"},
    {PAT
     "\"telecom\":[{\"system\":\"phone\",\"value\":\"1\"},{\"system\":\"email\",\"value\":\"2\"}]}",
     "telecom", "{\"1\",\"2\"}"},
    {PAT
     "\"telecom\":[{\"system\":\"phone\",\"value\":\"1\"},{\"system\":\"email\",\"value\":\"2\"}]}",
     "email", "{\"2\"}"},
    {PAT "\"active\":true}", "active", "true"},
    {PAT "\"active\":false}", "deceased", "false"},
    {PAT "\"deceasedBoolean\":false}", "deceased", "false"},
    {PAT "\"deceasedBoolean\":true}", "deceased", "true"},
    {PAT "\"deceasedDateTime\":\"2001-02-03\"}", "deceased", "true"},
    {PAT "\"extension\":[{\"url\":\"http://hl7.org/fhir/us/core/StructureDefinition/us-core-race\","
         "\"extension\":[{\"url\":\"ombCategory\",\"valueCoding\":{\"system\":\"s\",\"code\":\"c\"}"
         "}]}]}",
     "race", "{\"c\",\"s|c\"}"},
    /* strings */
    {PAT "\"name\":[{\"family\":\"M\xC3\xBCller\",\"given\":[\" Ann "
         "\",\"J\"]},{\"family\":\"O'Neil\"}]}",
     "family", "\nmuller\no'neil\n"},
    {PAT "\"name\":[{\"family\":\"M\xC3\xBCller\"}]}", "family_exact", "{\"M\xC3\xBCller\"}"},
    {PAT "\"name\":[{\"family\":\"A\",\"given\":[\"B\",\"A\"],\"text\":\"A  B\"}]}", "name",
     "\na\nb\na b\n"},
    {PAT "\"address\":[{\"line\":[\"L 1\"],\"city\":\"C\",\"postalCode\":\"P\"}]}", "address",
     "\nl 1\nc\np\n"},
    {PAT "\"address\":[{\"city\":\"C\"},{\"city\":\"D\"}]}", "address_city", "\nc\nd\n"},
    /* dates */
    {PAT "\"birthDate\":\"2015-02\"}", "birthdate_low", "2015-02-01 00:00:00+00"},
    {PAT "\"birthDate\":\"2015-02\"}", "birthdate_high", "2015-03-01 00:00:00+00"},
    {PAT "\"birthDate\":\"2015-02-30\"}", "birthdate_low", NULL},
    {PAT "\"birthDate\":20150230}", "birthdate_low", NULL},
    {OBS "\"effectivePeriod\":{\"start\":\"2015-02-03T04:05:06+01:00\"}}", "date_low",
     "2015-02-03 03:05:06+00"},
    {OBS "\"effectivePeriod\":{\"start\":\"2015-02-03T04:05:06+01:00\"}}", "date_high", "infinity"},
    {OBS "\"effectivePeriod\":{\"end\":\"2015\"}}", "date_low", "-infinity"},
    {OBS "\"effectivePeriod\":{\"start\":\"2016\",\"end\":\"2015\"}}", "date_low", NULL},
    {OBS "\"effectivePeriod\":{}}", "date_high", NULL},
    {OBS "\"effectiveTiming\":{\"event\":[\"2015-05-05\",\"2014-01-01\"]}}", "date_low",
     "2014-01-01 00:00:00+00"},
    {OBS "\"effectiveTiming\":{\"event\":[\"2015-05-05\",\"2014-01-01\"]}}", "date_high",
     "2015-05-06 00:00:00+00"},
    {OBS "\"effectiveTiming\":{\"repeat\":{\"boundsPeriod\":{\"start\":\"2015\"}}}}", "date_low",
     "2015-01-01 00:00:00+00"},
    /* the patient's range */
    {OBS "\"effectiveInstant\":\"2015-02-03T04:05:06.789Z\"}", "patient_date",
     "2015-02-03 04:05:06.789+00"},
    {OBS "\"effectivePeriod\":{\"end\":\"2015\"}}", "patient_date", "-infinity"},
    {OBS "\"status\":\"final\"}", "patient_date", "-infinity"},
    {OBS "\"subject\":{\"reference\":\"Patient/p\"}}", "patient", "p"},
    {OBS "\"subject\":{\"reference\":\"" BASE "/Patient/p/_history/3\"}}", "patient", "p"},
    {OBS "\"subject\":{\"reference\":\"https://other.example/fhir/Patient/p\"}}", "patient", NULL},
    {OBS "\"subject\":{\"reference\":\"Group/g\"}}", "patient", NULL},
    {OBS "\"subject\":{\"reference\":\"Patient/not an id\"}}", "patient", NULL},
    /* references */
    {OBS "\"subject\":{\"reference\":\"Patient/p/_history/3\"}}", "subject", "Patient/p"},
    {OBS "\"subject\":{\"reference\":\"" BASE "/Patient/p\"}}", "subject", "Patient/p"},
    {OBS "\"subject\":{\"reference\":\"https://other.example/Patient/p\"}}", "subject",
     "https://other.example/Patient/p"},
    {OBS "\"subject\":{\"reference\":\"urn:uuid:7\"}}", "subject", "urn:uuid:7"},
    {OBS "\"subject\":{\"reference\":\"#c\"}}", "subject", "#c"},
    {OBS "\"subject\":{\"identifier\":{\"system\":\"s\",\"value\":\"v\"}}}", "subject", NULL},
    {OBS "\"subject\":{\"identifier\":{\"system\":\"s\",\"value\":\"v\"}}}", "subject_identifier",
     "{\"v\",\"s|v\"}"},
    {OBS "\"performer\":[{\"reference\":\"Practitioner/1\"},{\"reference\":\"Practitioner/2\"}]}",
     "performer", "{\"Practitioner/1\",\"Practitioner/2\"}"},
    /* quantities and numbers, as written */
    {OBS "\"valueQuantity\":{\"value\":1.50,\"unit\":\"u\",\"system\":\"s\",\"code\":\"c\"}}",
     "value_quantity_low", "1.50"},
    {OBS "\"valueQuantity\":{\"value\":1.50,\"unit\":\"u\",\"system\":\"s\",\"code\":\"c\"}}",
     "value_quantity_high", "1.50"},
    {OBS "\"valueQuantity\":{\"value\":1E-22,\"unit\":\"u\",\"system\":\"s\",\"code\":\"c\"}}",
     "value_quantity_low", "1E-22"},
    {OBS "\"valueQuantity\":{\"value\":1.50,\"unit\":\"u\",\"system\":\"s\",\"code\":\"c\"}}",
     "value_quantity_code", "c"},
    {OBS "\"valueQuantity\":{\"value\":1.50}}", "value_quantity_system", NULL},
    {OBS "\"valueQuantity\":{\"value\":\"1.50\"}}", "value_quantity_low", NULL},
    {OBS "\"valueQuantity\":{\"value\":1e99999}}", "value_quantity_low", NULL},
    {OBS "\"valueQuantity\":{\"unit\":\"u\"}}", "value_quantity_unit", NULL},
    {OBS "\"valueString\":\"\xC3\x89t\xC3\xA9\"}", "value_string", "\nete\n"},
    {OBS "\"component\":[{\"valueQuantity\":{\"value\":1,\"unit\":\"u\"}},{\"valueQuantity\":{"
         "\"value\":2,"
         "\"code\":\"c\"}}]}",
     "component_value_quantity_low", "{\"1\",\"2\"}"},
    {OBS "\"component\":[{\"valueQuantity\":{\"value\":1,\"unit\":\"u\"}},{\"valueQuantity\":{"
         "\"value\":1,"
         "\"code\":\"c\"}}]}",
     "component_value_quantity_high", "{\"1\",\"1\"}"},
    {OBS "\"component\":[{\"valueQuantity\":{\"value\":1,\"unit\":\"u\"}},{\"valueQuantity\":{"
         "\"value\":2,"
         "\"code\":\"c\"}}]}",
     "component_value_quantity_code", "{NULL,\"c\"}"},
    {"{\"resourceType\":\"Location\",\"position\":{\"latitude\":42.5,\"longitude\":-83.1}}",
     "near_longitude", "-83.1"},
    {"{\"resourceType\":\"Location\",\"position\":{\"latitude\":1e400,\"longitude\":-83.1}}",
     "near_longitude", NULL},
    {"{\"resourceType\":\"Location\",\"position\":{\"latitude\":91,\"longitude\":0}}",
     "near_latitude", NULL},
    /* composites on a repeating element */
    {OBS
     "\"component\":[{\"code\":{\"coding\":[{\"system\":\"s\",\"code\":\"c\"}]},\"valueQuantity\":{"
     "\"value\":1.0,\"unit\":\"\\u00b5\\\"\"}},{\"code\":{\"coding\":[{\"code\":\"d\"}]}},"
     "{\"code\":{\"coding\":[{\"code\":\"e\"}]},\"valueQuantity\":{\"value\":2}}]}",
     "component_code_value_quantity",
     "[{\"0\":[\"c\",\"s|c\"],\"1\":{\"l\":1.0,\"h\":1.0,\"u\":\"\xC2\xB5\\\"\"}},"
     "{\"0\":[\"e\",\"|e\"],\"1\":{\"l\":2,\"h\":2}}]"},
    {OBS "\"component\":[{\"code\":{\"coding\":[{\"code\":\"d\"}]}}]}",
     "component_code_value_quantity", NULL},
    /* a resource inside */
    {"{\"resourceType\":\"Bundle\",\"type\":\"document\",\"entry\":[{\"resource\":{"
     "\"resourceType\":"
     "\"Composition\",\"id\":\"c\"}}]}",
     "composition", "Composition/c"},
    {"{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{\"resource\":{"
     "\"resourceType\":"
     "\"Patient\",\"id\":\"c\"}}]}",
     "composition", NULL},
};

static int column_index(const fhir_type_t *type, const char *name)
{
    const fhir_model_t *m = &fhir_model_r4;
    int i;

    for (i = 0; i < type->n_columns; i++)
        if (!strcmp(fhir_model_str(m, m->columns[type->first_column + i].name), name))
            return i;
    return -1;
}

static const fhir_type_t *extract(fhir_value_t *cells, fhir_extract_t *x, const char *json,
                                  apr_pool_t *pool)
{
    fhir_node_t *root;
    const fhir_node_t *name;
    const fhir_type_t *type;

    if (!tap_no_err(fhir_node_parse_json(&root, json, strlen(json), NULL, pool), "%.60s", json))
        return NULL;
    name = fhir_node_get(root, "resourceType");
    type = fhir_model_resource(&fhir_model_r4, name->text, name->text_len);
    return tap_no_err(fhir_extract_run(cells, x, type, root), "extracted") ? type : NULL;
}

static void test_cases(fhir_extract_t *x, apr_pool_t *pool)
{
    fhir_value_t cells[CELLS];
    apr_size_t i;

    for (i = 0; i < TAP_COUNT(cases); i++) {
        const fhir_type_t *type = extract(cells, x, cases[i].json, pool);
        int column = type ? column_index(type, cases[i].column) : -1;
        if (tap_ok(column >= 0, "there is a column %s", cases[i].column)) {
            tap_is_str(cells[column].data, cases[i].value, "%s of %s", cases[i].column,
                       cases[i].json);
            tap_is_int(cells[column].len, cases[i].value ? strlen(cases[i].value) : 0,
                       "its length");
        }
    }
}

/* An index entry has a limit: what is longer has no search value, and its row is stored. */
static void test_long_values(fhir_extract_t *x, apr_pool_t *pool)
{
    fhir_value_t cells[CELLS];
    char *text = apr_palloc(pool, 5001);
    const fhir_type_t *type;

    memset(text, 'x', 5000);
    text[5000] = '\0';
    type = extract(cells, x,
                   apr_psprintf(pool,
                                OBS "\"code\":{\"coding\":[{\"code\":\"%s\"},{\"code\":\"y\"}]},"
                                    "\"subject\":{\"reference\":\"Patient/%s\"},\"status\":\"%s\"}",
                                text, text, text),
                   pool);
    if (!type)
        return;
    tap_is_str(cells[column_index(type, "code")].data, "{\"y\",\"|y\"}", "a long code");
    tap_is_str(cells[column_index(type, "subject")].data, NULL, "a long reference");
    tap_is_str(cells[column_index(type, "status")].data, NULL, "a long status");
    tap_is_str(cells[column_index(type, "patient")].data, NULL, "a long patient id");
}

/* Nothing of one resource is left in the next. */
static void test_reuse(fhir_extract_t *x, apr_pool_t *pool)
{
    static const char *const columns[] = {"name", "name_exact", "active", "birthdate_low", NULL};
    fhir_value_t cells[CELLS];
    const fhir_type_t *type;
    int i;

    extract(cells, x, PAT "\"name\":[{\"family\":\"A\"}],\"active\":true,\"birthDate\":\"2000\"}",
            pool);
    type = extract(cells, x, "{\"resourceType\":\"Patient\"}", pool);
    for (i = 0; type && columns[i]; i++)
        tap_is_str(cells[column_index(type, columns[i])].data, NULL, "%s is empty", columns[i]);
}

int main(void)
{
    apr_pool_t *pool = tap_start();
    fhir_extract_t *x = fhir_extract_create(&fhir_model_r4, BASE, NULL, pool);

    test_cases(x, pool);
    test_long_values(x, pool);
    test_reuse(x, pool);
    return tap_done();
}
