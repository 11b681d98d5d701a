/* SPDX-License-Identifier: Apache-2.0 */
/* Invariants, extensions, bindings, slices and profiles: each row is a resource, the profile that
 * it is held against, and the findings that it must give. */
#include "fhir/validate/fhir_validate.h"
#include "tap.h"

#include <apr_strings.h>

#define US "http://hl7.org/fhir/us/core/StructureDefinition/"
#define R4 "http://hl7.org/fhir/StructureDefinition/"
#define NARRATIVE                                                                                  \
    "'text':{'status':'generated','div':'<div xmlns=\\'http://www.w3.org/1999/xhtml\\'>x</div>'},"
#define PATIENT "{'resourceType':'Patient'," NARRATIVE
#define NAMED                                                                                      \
    PATIENT                                                                                        \
    "'identifier':[{'system':'http://x','value':'1'}],'name':[{'family':'x'}],'gender':'male'"
#define VITAL                                                                                      \
    "{'resourceType':'Observation'," NARRATIVE                                                     \
    "'status':'final','subject':{'reference':'Patient/1'},'effectiveDateTime':'2020-01-01',"       \
    "'code':{'coding':[{'system':'http://loinc.org','code':'29463-7'}]},"
#define CATEGORY                                                                                   \
    "'category':[{'coding':[{'system':'http://terminology.hl7.org/CodeSystem/"                     \
    "observation-category','code':'vital-signs'}]}],"
#define KG(unit)                                                                                   \
    "'valueQuantity':{'value':70,'unit':'kg','system':'http://unitsofmeasure.org','code':'" unit   \
    "'}"
#define RACE(parts) "'extension':[{'url':'" US "us-core-race','extension':[" parts "]}]"
#define TEXT        "{'url':'text','valueString':'x'}"

/* findings: "severity id expression" divided by '|', in order; "" none. */
static const struct {
    const char *json, *profile, *findings;
} cases[] = {
    /* invariants */
    {"{'resourceType':'Patient'}", NULL, "warning dom-6 Patient"},
    {PATIENT "'name':[{'period':{'start':'2020','end':'2019'}}]}", NULL,
     "error per-1 Patient.name[0].period"},
    {PATIENT "'name':[{'period':{'start':'2020-01','end':'2020-01-15'}}]}", NULL, ""},
    {PATIENT "'contact':[{'gender':'male'}]}", NULL, "error pat-1 Patient.contact[0]"},
    {"{'resourceType':'Parameters','parameter':[{'name':'x'}]}", NULL,
     "error inv-1 Parameters.parameter[0]"},
    {"{'resourceType':'Bundle','type':'collection','entry':[{'resource':" PATIENT
     "'contact':[{'gender':'male'}]}}]}",
     NULL, "error pat-1 Bundle.entry[0].resource.contact[0]"},
    {PATIENT "'telecom':[{'value':'1'}]}", NULL, "error cpt-2 Patient.telecom[0]"},
    /* extensions */
    {PATIENT "'extension':[{'url':'x','valueString':'y'}]}", NULL,
     "error extension-url Patient.extension[0]"},
    {PATIENT "'extension':[{'url':'http://x/y','valueString':'y'}]}", NULL,
     "information extension-unknown Patient.extension[0]"},
    {PATIENT "'extension':[{'url':'" R4 "patient-birthTime','valueDateTime':'2020'}]}", NULL,
     "error extension-context Patient.extension[0]"},
    {PATIENT "'birthDate':'2020','_birthDate':{'extension':[{'url':'" R4
             "patient-birthTime','valueDateTime':'2020'}]}}",
     NULL, ""},
    {PATIENT "'birthDate':'2020','_birthDate':{'extension':[{'url':'" R4
             "patient-birthTime','valueString':'2020'}]}}",
     NULL, "error profile-type Patient.birthDate.extension[0].value"},
    {PATIENT RACE(TEXT) "}", NULL, ""},
    {PATIENT RACE("{'url':'ombCategory','valueCoding':{'system':'urn:oid:2.16.840.1.113883.6.238',"
                  "'code':'2106-3'}}") "}",
     NULL, "error slice-min Patient.extension[0]"},
    {PATIENT RACE(TEXT "," TEXT) "}", NULL, "error slice-max Patient.extension[0].extension[1]"},
    {NAMED "," RACE(TEXT ",{'url':'ombCategory','valueCoding':{'system':"
                         "'urn:oid:2.16.840.1.113883.6.238','code':'0'}}") "}",
     US "us-core-patient|3.1.1", "error binding-required Patient.extension[0].extension[1].value"},
    /* base bindings */
    {PATIENT "'maritalStatus':{'coding':[{'system':'http://x','code':'y'}]}}", NULL,
     "warning binding-extensible Patient.maritalStatus"},
    {PATIENT "'maritalStatus':{'text':'x'}}", NULL, ""},
    /* profiles: which, and cardinality */
    {NAMED "}", US "us-core-patient", ""},
    {NAMED "}", US "us-core-patient|3.1.1", ""},
    {NAMED "}", US "us-core-patient|9.9.9", "error profile-unknown Patient"},
    {NAMED "}", US "us-core-nothing", "error profile-unknown Patient"},
    {NAMED "}", US "us-core-practitioner", "error profile-type Patient"},
    {NAMED "}", R4 "Patient", ""},
    {NAMED "}", R4 "Practitioner", "error profile-type Patient"},
    {NAMED ",'meta':{'profile':['http://x/y']}}", NULL,
     "information profile-unknown Patient.meta.profile[0]"},
    {PATIENT "'meta':{'profile':['" US "us-core-patient|6.1.0']}}", NULL,
     "error profile-min Patient|error profile-min Patient|error profile-min Patient"},
    {PATIENT "'identifier':[{'system':'http://x'}],'name':[{'family':'x'}],'gender':'male'}",
     US "us-core-patient", "error profile-min Patient.identifier[0]"},
    {PATIENT "'identifier':[{'system':'http://x','value':'1'}],'name':[{'use':'usual'}],'gender':"
             "'male'}",
     US "us-core-patient|6.1.0", "error us-core-6 Patient.name[0]"},
    /* vital signs: slices by value, fixed values, bindings, types */
    {VITAL CATEGORY KG("kg") "}", R4 "bodyweight", ""},
    {VITAL KG("kg") "}", R4 "bodyweight",
     "error profile-min Observation|error slice-min Observation"},
    {VITAL "'category':[{'coding':[{'system':'http://x','code':'vital-signs'}]}]," KG("kg") "}",
     R4 "bodyweight", "error slice-min Observation"},
    {VITAL CATEGORY KG("m") "}", R4 "bodyweight", "error binding-required Observation.value.code"},
    {VITAL CATEGORY "'valueString':'x'}", R4 "bodyweight",
     "error profile-type Observation.value|error slice-closed Observation.value"},
    {VITAL CATEGORY "'x':1}", NULL, "error element-unknown Observation.x"},
    {VITAL CATEGORY KG("kg") "}", US "us-core-body-weight|6.1.0", ""},
    {VITAL CATEGORY KG("kg") "}", US "us-core-body-height|6.1.0",
     "error profile-pattern Observation.code|error binding-required Observation.value.code"},
    /* targets */
    {"{'resourceType':'Observation'," NARRATIVE
     "'status':'final','subject':{'reference':'Device/1'},'effectiveDateTime':'2020-01-01',"
     "'code':{'coding':[{'system':'http://loinc.org','code':'29463-7'}]}," CATEGORY KG("kg") "}",
     US "us-core-body-weight|6.1.0", "error reference-target Observation.subject"},
    {"{'resourceType':'Observation'," NARRATIVE
     "'contained':[{'resourceType':'Patient','id':'p'}],'status':'final',"
     "'subject':{'reference':'#p'},'effectiveDateTime':'2020-01-01','code':{'coding':[{'system':"
     "'http://loinc.org','code':'29463-7'}]}," CATEGORY KG("kg") "}",
     US "us-core-body-weight|6.1.0",
     "error reference-profile Observation.subject|warning dom-6 Observation.contained[0]"},
};

static const char *unquoted(const char *text, apr_pool_t *pool)
{
    char *json = apr_pstrdup(pool, text), *s;

    for (s = json; *s; s++)
        if (*s == '\'')
            *s = '"';
    return json;
}

static void one_case(const fhir_validator_t *validator, apr_size_t i, apr_pool_t *pool)
{
    const char *json = unquoted(cases[i].json, pool), *found = "";
    fhir_validate_opts_t opts = {.level = FHIR_VALIDATE_PROFILE,
                                 .information = 1,
                                 .profiles = &cases[i].profile,
                                 .n_profiles = cases[i].profile != NULL};
    fhir_issues_t *issues = fhir_issues_create(0, pool);
    const fhir_issue_t *issue;
    const fhir_type_t *type;
    fhir_node_t *root;

    if (!tap_no_err(fhir_node_parse_json(&root, json, strlen(json), NULL, pool), "parse %s", json))
        return;
    fhir_validate_resource(issues, &type, validator, &opts, root);
    for (issue = issues->first; issue; issue = issue->next) {
        /* What systems must support is absent from nearly all of these. */
        if (!strcmp(issue->id, "must-support") || !strcmp(issue->id, "binding-unknown"))
            continue;
        found = apr_psprintf(pool, "%s%s%s %s %s", found, *found ? "|" : "",
                             fhir_severity_word(issue->severity), issue->id, issue->expression);
    }
    tap_is_str(found, cases[i].findings, "%s against %s", json,
               cases[i].profile ? cases[i].profile : "the base");
}

/* ---- value sets ---- */

static const struct {
    const char *url, *system, *code;
    fhir_member_t member;
} members[] = {
    {"http://hl7.org/fhir/us/core/ValueSet/omb-race-category", "urn:oid:2.16.840.1.113883.6.238",
     "2106-3", FHIR_MEMBER_YES},
    {"http://hl7.org/fhir/us/core/ValueSet/omb-race-category", "urn:oid:2.16.840.1.113883.6.238",
     "2106", FHIR_MEMBER_NO},
    {"http://hl7.org/fhir/us/core/ValueSet/omb-race-category", "http://x", "2106-3",
     FHIR_MEMBER_NO},
    /* a filter over SNOMED CT: of its codes nobody can tell, of others one can */
    {"http://hl7.org/fhir/us/core/ValueSet/us-core-condition-code", "http://snomed.info/sct", "1",
     FHIR_MEMBER_UNKNOWN},
    {"http://hl7.org/fhir/us/core/ValueSet/us-core-condition-code", "http://x", "1",
     FHIR_MEMBER_NO},
};

static void value_sets(void)
{
    const fhir_profiles_t *p = &fhir_profiles_r4;
    apr_size_t i;

    for (i = 0; i < TAP_COUNT(members); i++) {
        apr_uint16_t set = fhir_profiles_set(p, members[i].url, strlen(members[i].url));

        tap_ok(set, "%s is known", members[i].url);
        tap_is_int(fhir_profiles_member(p, set, members[i].system, strlen(members[i].system),
                                        members[i].code, strlen(members[i].code)),
                   members[i].member, "%s|%s", members[i].system, members[i].code);
    }
    tap_is_int(fhir_profiles_set(p, "http://x", 8), 0, "a set that is not known");
    tap_is_int(fhir_profiles_member(p, 0, NULL, 0, "x", 1), FHIR_MEMBER_UNKNOWN, "no set");
}

/* ---- versions of a profile ---- */

static void versions(void)
{
    static const struct {
        const char *canonical, *release, *version;
    } rows[] = {
        {US "us-core-patient", NULL, "8.0.0"},       {US "us-core-patient", "6.1.0", "6.1.0"},
        {US "us-core-patient", "1.0.0", "8.0.0"},    {US "us-core-patient|3.1.1", "6.1.0", "3.1.1"},
        {US "us-core-patient|1.0.0", "6.1.0", NULL}, {US "us-core-patien", NULL, NULL},
        {R4 "bodyweight", "6.1.0", "4.0.1"},
    };
    apr_size_t i;

    for (i = 0; i < TAP_COUNT(rows); i++) {
        const fhir_profile_t *found = fhir_profiles_find(
            &fhir_profiles_r4, rows[i].canonical, strlen(rows[i].canonical), rows[i].release);

        tap_is_str(found ? fhir_profiles_str(&fhir_profiles_r4, found->version) : NULL,
                   rows[i].version, "%s in %s", rows[i].canonical,
                   rows[i].release ? rows[i].release : "any release");
    }
}

int main(void)
{
    apr_pool_t *pool = tap_start(), *sub;
    fhir_validator_t *validator;
    apr_size_t i;

    apr_pool_create(&sub, pool);
    if (tap_no_err(fhir_validator_create(&validator, &fhir_model_r4, pool), "a validator"))
        for (i = 0; i < TAP_COUNT(cases); i++) {
            one_case(validator, i, sub);
            apr_pool_clear(sub);
        }
    value_sets();
    versions();
    return tap_done();
}
