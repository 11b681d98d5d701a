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
     "{\"1\",\"httploincorg\"}"},
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
     "family", "\nmuller\noneil\n"},
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
    {"{\"resourceType\":\"Bundle\",\"type\":\"document\",\"entry\":[{\"resource\":{"
     "\"resourceType\":\"Composition\"}}]}",
     "composition", "Composition/"},
    {"{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{\"resource\":{"
     "\"resourceType\":"
     "\"Patient\",\"id\":\"c\"}}]}",
     "composition", NULL},
};

static int column_index(const fhir_type_t *type, const char *name)
{
    const fhir_model_t *m = &fhir_model_r4;

    for (int i = 0; i < type->n_columns; i++)
        if (!strcmp(fhir_model_str(m, m->columns[type->first_column + i].name), name))
            return i;
    return -1;
}

static const fhir_type_t *extract(fhir_value_t *cells, fhir_extract_t *x, const char *json,
                                  apr_pool_t *pool)
{
    fhir_node_t *root;

    if (!tap_no_err(fhir_node_parse_json(&root, json, strlen(json), NULL, pool), "%.60s", json))
        return NULL;
    const fhir_node_t *name = fhir_node_get(root, "resourceType");
    const fhir_type_t *type = fhir_model_resource(&fhir_model_r4, name->text, name->text_len);
    return tap_no_err(fhir_extract_run(cells, x, type, root), "extracted") ? type : NULL;
}

static void test_cases(fhir_extract_t *x, apr_pool_t *pool)
{
    fhir_value_t cells[CELLS];

    for (apr_size_t i = 0; i < TAP_COUNT(cases); i++) {
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
    char *text = apr_palloc(pool, 5001);

    memset(text, 'x', 5000);
    text[5000] = '\0';
    fhir_value_t cells[CELLS];
    const fhir_type_t *type =
        extract(cells, x,
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

/* ---- whom a resource speaks of ---- */

#define GROUP      "{\"resourceType\":\"Group\","
#define ORG        "{\"resourceType\":\"Organization\","
#define EXT(value) "\"extension\":[{\"url\":\"urn:x\",\"valueReference\":{" value "}}]"
#define NONE       "{}"
#define UNCERTAIN  "{\"?\"}"

static const struct {
    const char *json, *mentions;
} mentioned[] = {
    {ORG "\"name\":\"x\"}", NONE},
    {ORG "\"partOf\":{\"display\":\"x\"}}", NONE},
    {ORG "\"partOf\":{\"reference\":\"urn:uuid:x\"}}", NONE},
    {ORG "\"partOf\":{\"reference\":\"Patient/1\"}}", "{\"Patient/1\"}"},
    {ORG "\"partOf\":{\"reference\":\"Patient/1/\"}}", UNCERTAIN},
    {ORG "\"partOf\":{\"reference\":\"Patient?name=x\"}}", UNCERTAIN},
    {ORG "\"partOf\":{\"reference\":7}}", UNCERTAIN},
    {ORG "\"partOf\":\"Patient/1\"}", UNCERTAIN},
    {ORG EXT("\"reference\":\"Patient/1\"") "}", "{\"Patient/1\"}"},
    {ORG EXT("\"reference\":\"" BASE "/Patient/1/_history/2\"") "}", "{\"Patient/1\"}"},
    {ORG EXT("\"reference\":\"http://other/Patient/1\"") "}", UNCERTAIN},
    {ORG EXT("\"reference\":\"http://other/Practitioner/1\"") "}", NONE},
    {ORG EXT("\"reference\":\"Practitioner/1\"") "}", NONE},
    {ORG EXT("\"reference\":\"Slot/1\"") "}", NONE},
    {ORG EXT("\"reference\":\"Schedule/1\"") "}", "{\"Schedule/1\"}"},
    {ORG EXT("\"reference\":\"Bundle/1\"") "}", "{\"Bundle/1\"}"},
    {ORG EXT("\"reference\":\"Nobody/1\"") "}", UNCERTAIN},
    {ORG EXT("\"reference\":\"urn:uuid:x\"") "}", UNCERTAIN},
    {ORG EXT("\"display\":\"x\"") "}", UNCERTAIN},
    {ORG EXT("\"identifier\":{\"value\":\"x\"}") "}", UNCERTAIN},
    {ORG EXT("\"type\":\"Practitioner\",\"identifier\":{\"value\":\"x\"}") "}", NONE},
    {ORG EXT("\"type\":\"Patient\",\"identifier\":{\"value\":\"x\"}") "}", UNCERTAIN},
    {ORG EXT("\"type\":\"Nobody\",\"identifier\":{\"value\":\"x\"}") "}", UNCERTAIN},
    {ORG EXT("\"type\":\"Patient\"") "}", NONE}, /* it says of nobody */
    {ORG "\"_name\":{" EXT("\"reference\":\"Patient/1\"") "}}", "{\"Patient/1\"}"},
    {ORG "\"alias\":[\"x\",null],\"_alias\":[null,{" EXT("\"reference\":\"Patient/1\"") "}]}",
     "{\"Patient/1\"}"},
    {ORG "\"unknown\":{\"reference\":\"Practitioner/1\"}}", UNCERTAIN},
    {ORG "\"contained\":[{\"resourceType\":\"Patient\",\"id\":\"a\"}]}", UNCERTAIN},
    {ORG "\"contained\":[{\"resourceType\":\"Organization\",\"id\":\"a\"}]}", NONE},
    {ORG "\"contained\":[{\"resourceType\":\"RelatedPerson\",\"id\":\"a\"}]}", UNCERTAIN},
    {ORG "\"contained\":[{\"resourceType\":\"RelatedPerson\",\"id\":\"a\","
         "\"patient\":{\"reference\":\"Patient/1\"}}]}",
     "{\"Patient/1\"}"},
    {ORG
     "\"contained\":[{\"resourceType\":\"RelatedPerson\",\"id\":\"a\",\"patient\":{\"reference\":"
     "\"Patient/1\"}},{\"resourceType\":\"Group\",\"id\":\"b\"}]}",
     UNCERTAIN},
    {ORG "\"contained\":[{\"id\":\"a\"}]}", UNCERTAIN},
    {GROUP "\"member\":[{\"entity\":{\"reference\":\"Patient/1\"}},{\"entity\":{\"reference\":"
           "\"Patient/1\"}}],\"managingEntity\":{\"reference\":\"RelatedPerson/2\"}}",
     "{\"Patient/1\",\"RelatedPerson/2\"}"},
    {GROUP "\"member\":[{\"entity\":{\"reference\":\"Patient/1\"}},{\"entity\":{\"reference\":"
           "\"Patient/2\"}}]}",
     UNCERTAIN},
    {"{\"resourceType\":\"Questionnaire\",\"derivedFrom\":[\"Patient/1\"]}", "{\"Patient/1\"}"},
    {"{\"resourceType\":\"Bundle\",\"entry\":[{\"resource\":{\"resourceType\":\"Patient\"}}]}",
     UNCERTAIN},
    {"{\"resourceType\":\"Patient\",\"link\":[{\"other\":{\"display\":\"x\"}}]}", NULL},
    {"{\"resourceType\":\"Device\",\"patient\":{\"reference\":\"Patient/1\"}}", NULL},
    {"{\"resourceType\":\"Device\",\"patient\":{\"display\":\"x\"}}", UNCERTAIN},
    {"{\"resourceType\":\"Device\",\"owner\":{\"display\":\"x\"}}", NONE},
};

static void test_mentions(fhir_extract_t *x, apr_pool_t *pool)
{
    fhir_value_t cells[CELLS];
    fhir_buf_t *many = fhir_buf_create(pool, 0);
    for (apr_size_t i = 0; i < TAP_COUNT(mentioned); i++) {
        const fhir_type_t *type = extract(cells, x, mentioned[i].json, pool);
        if (type)
            tap_is_str(cells[type->n_columns].data, mentioned[i].mentions, "mentions of %s",
                       mentioned[i].json);
    }
    fhir_buf_puts(many, GROUP "\"member\":[");
    for (int i = 0; i < 65; i++)
        fhir_buf_printf(many, "%s{\"entity\":{\"reference\":\"Device/%d\"}}", i ? "," : "", i);
    fhir_buf_puts(many, "]}");
    if (extract(cells, x, fhir_buf_cstr(many), pool))
        tap_is_str(cells[fhir_model_resource(&fhir_model_r4, "Group", 5)->n_columns].data,
                   UNCERTAIN, "too many");
}

/* Every element of every type that may refer to a patient, in whatever part or data type. */
typedef struct way_t {
    fhir_extract_t *x;
    const fhir_type_t *resource;
    const char *before, *behind; /* JSON around the part */
    const fhir_type_t *parts[8]; /* on the way, so that none is inside of itself */
    int depth, count;
    apr_pool_t *pool;
} way_t;

static int may_be_patient(const fhir_element_t *el)
{
    const fhir_model_t *m = &fhir_model_r4;
    for (int i = 0; i < el->n_targets; i++)
        if (!strcmp(fhir_model_str(m, m->types[m->targets[el->first_target + i]].name), "Patient"))
            return 1;
    return !el->n_targets;
}

static void found_at(way_t *way, const char *before, const char *reference, const char *behind,
                     const char *expected)
{
    fhir_value_t cells[CELLS];
    const char *json = apr_pstrcat(way->pool, before, reference, behind, NULL);
    fhir_node_t *root;
    if (fhir_node_parse_json(&root, json, strlen(json), NULL, way->pool) ||
        fhir_extract_run(cells, way->x, way->resource, root)) {
        tap_ok(0, "%s", json);
        return;
    }
    if (way->resource->patient && cells[0].data) /* it is the element that says whose it is */
        return;
    way->count++;
    const char *got = cells[way->resource->n_columns].data;
    if (!got || (strcmp(got, expected) && strcmp(got, UNCERTAIN)))
        tap_is_str(got, expected, "%s", json);
}

static void each_element(const way_t *up, const fhir_type_t *type, int *count)
{
    const fhir_model_t *m = &fhir_model_r4;
    way_t way = *up;
    for (int i = 0; i < up->depth; i++)
        if (up->parts[i] == type)
            return;
    if (up->depth == 4)
        return;
    way.parts[way.depth++] = type;
    for (int i = 0; i < type->n_elements; i++) {
        const fhir_element_t *el = &m->elements[type->first_element + i];
        const fhir_type_t *part = &m->types[el->type];
        int repeats = el->max > 1;
        if (part->kind == FHIR_KIND_PRIMITIVE || el->flags & FHIR_EL_RESOURCE)
            continue;
        apr_pool_create(&way.pool, up->pool);
        way.count = 0;
        way.before = apr_psprintf(way.pool, "%s\"%s\":%s{", up->before, fhir_model_str(m, el->name),
                                  repeats ? "[" : "");
        way.behind = apr_psprintf(way.pool, "}%s%s", repeats ? "]" : "", up->behind);
        if (!strcmp(fhir_model_str(m, part->name), "Reference") && may_be_patient(el)) {
            found_at(&way, way.before, "\"reference\":\"Patient/1\"", way.behind,
                     "{\"Patient/1\"}");
            found_at(&way, way.before, "\"display\":\"x\"", way.behind, UNCERTAIN);
            found_at(&way, way.before, "\"reference\":\"urn:uuid:x\"", way.behind, UNCERTAIN);
        }
        else {
            each_element(&way, part, &way.count);
        }
        *count += way.count;
        apr_pool_destroy(way.pool);
    }
}

static void test_every_element(fhir_extract_t *x, apr_pool_t *pool)
{
    const fhir_model_t *m = &fhir_model_r4;
    int count = 0;
    for (int i = 1; i <= m->n_resources; i++) {
        const fhir_type_t *type = &m->types[i];
        const char *name = fhir_model_str(m, type->name);
        way_t way = {.x = x, .resource = type, .behind = "}", .pool = pool};
        if (type->flags & FHIR_TYPE_ABSTRACT || !strcmp(name, "Patient"))
            continue;
        way.before = apr_psprintf(pool, "{\"resourceType\":\"%s\",", name);
        each_element(&way, type, &count);
    }
    tap_ok(count > 5000, "%d forms of references to patients are found", count);
}

/* Nothing of one resource is left in the next. */
static void test_reuse(fhir_extract_t *x, apr_pool_t *pool)
{
    static const char *const columns[] = {"name", "name_exact", "active", "birthdate_low", NULL};
    fhir_value_t cells[CELLS];

    extract(cells, x, PAT "\"name\":[{\"family\":\"A\"}],\"active\":true,\"birthDate\":\"2000\"}",
            pool);
    const fhir_type_t *type = extract(cells, x, "{\"resourceType\":\"Patient\"}", pool);
    for (int i = 0; type && columns[i]; i++)
        tap_is_str(cells[column_index(type, columns[i])].data, NULL, "%s is empty", columns[i]);
}

int main(void)
{
    apr_pool_t *pool = tap_start();
    fhir_extract_t *x = fhir_extract_create(&fhir_model_r4, BASE, NULL, pool);

    test_cases(x, pool);
    test_long_values(x, pool);
    test_mentions(x, pool);
    test_every_element(x, pool);
    test_reuse(x, pool);
    return tap_done();
}
