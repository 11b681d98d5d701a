/* SPDX-License-Identifier: Apache-2.0 */
/* Invariants, extensions, bindings, slices and profiles: each row is a resource, the profile that
 * it is held against, and the findings that it must give. */
#include "fhir/validate/fhir_ucum.h"
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
#define WHITE       "{'system':'urn:oid:2.16.840.1.113883.6.238','code':'2106-3'}"
#define ORDER                                                                                      \
    "'status':'active','intent':'order','patient':{'reference':'Patient/1'},'dateTime':"           \
    "'2020-01-01','oralDiet':{'instruction':'x'},"
#define CLAIM(profile) "'meta':{'profile':['" profile "']},"
#define NAMES                                                                                      \
    "'identifier':[{'system':'http://x','value':'1'}],'name':[{'family':'x'}],'gender':'male'"
#define SEX(value) ",'extension':[{'url':'" US "us-core-sex'," value "}]"
#define CONDITION_WITH(code)                                                                       \
    "{'resourceType':'Condition'," NARRATIVE                                                       \
    "'subject':{'reference':'Patient/1'},'clinicalStatus':"                                        \
    "{'coding':[{'system':'http://terminology.hl7.org/CodeSystem/condition-clinical','code':"      \
    "'active'}]},'verificationStatus':{'coding':[{'system':'http://terminology.hl7.org/"           \
    "CodeSystem/"                                                                                  \
    "condition-ver-status','code':'confirmed'}]},'code':{'text':'x'},'category':[{'coding':[{"     \
    "'system':'http://snomed.info/sct','code':'" code "'}]}]}"
#define SEX_CODE   SEX("'valueCode':'248152002'")
#define SEX_CODING SEX("'valueCoding':{'system':'http://snomed.info/sct','code':'248152002'}")

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
    {"{'resourceType':'Bundle','type':'collection','entry':[{'fullUrl':'urn:x:y','resource'"
     ":" PATIENT "'contact':[{'gender':'male'}]}}]}",
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
     NULL, "error profile-type Patient.birthDate.extension[0].value.ofType(string)"},
    {PATIENT RACE(TEXT) "}", NULL, ""},
    {PATIENT RACE("{'url':'ombCategory','valueCoding':{'system':'urn:oid:2.16.840.1.113883.6.238',"
                  "'code':'2106-3'}}") "}",
     NULL, "error slice-min Patient.extension[0]"},
    {PATIENT RACE(TEXT "," TEXT) "}", NULL, "error slice-max Patient.extension[0].extension[1]"},
    {NAMED "," RACE(TEXT ",{'url':'ombCategory','valueCoding':{'system':"
                         "'urn:oid:2.16.840.1.113883.6.238','code':'0'}}") "}",
     US "us-core-patient|3.1.1",
     "error binding-required Patient.extension[0].extension[1].value.ofType(Coding)|"
     "warning code-unknown Patient.extension[0].extension[1].value.ofType(Coding)"},
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
    {VITAL CATEGORY KG("m") "}", R4 "bodyweight",
     "error binding-required Observation.value.ofType(Quantity).code"},
    {VITAL CATEGORY "'valueString':'x'}", R4 "bodyweight",
     "error profile-type Observation.value.ofType(string)|error slice-closed "
     "Observation.value.ofType(string)"},
    {VITAL CATEGORY "'x':1}", NULL, "error element-unknown Observation.x"},
    {VITAL CATEGORY KG("kg") "}", US "us-core-body-weight|6.1.0", ""},
    {VITAL CATEGORY KG("kg") "}", US "us-core-body-height|6.1.0",
     "error profile-pattern Observation.code|error binding-required "
     "Observation.value.ofType(Quantity).code"},
    /* the definition lists the very types: not those that derive from them */
    {PATIENT "'extension':[{'url':'" R4 "patient-mothersMaidenName','valueString':'x'}]}", NULL,
     ""},
    {PATIENT "'extension':[{'url':'" R4 "patient-mothersMaidenName','valueCode':'x'}]}", NULL,
     "error profile-type Patient.extension[0].value.ofType(code)"},
    {PATIENT "'extension':[{'url':'" R4 "patient-mothersMaidenName','valueMarkdown':'x'}]}", NULL,
     "error profile-type Patient.extension[0].value.ofType(markdown)"},
    {"{'resourceType':'AllergyIntolerance'," NARRATIVE
     "'patient':{'reference':'Patient/1'},'clinicalStatus':{'coding':[{'system':"
     "'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical','code':'active'}]},"
     "'reaction':[{'manifestation':[{'text':'x'}],'extension':[{'url':'" R4
     "allergyintolerance-duration','valueAge':{'value':3,'system':'http://unitsofmeasure.org',"
     "'code':'a'}}]}]}",
     NULL, "error profile-type AllergyIntolerance.reaction[0].extension[0].value.ofType(Age)"},
    {VITAL "'extension':[{'url':'" R4 "observation-bodyPosition','valueCodeableConcept':{'text':"
           "'x'}}]," CATEGORY KG("kg") "}",
     NULL, ""},
    /* what changes the meaning stands where it is looked for, what does not elsewhere */
    {"{'resourceType':'NutritionOrder'," NARRATIVE ORDER "'modifierExtension':[{'url':'" R4
     "request-doNotPerform','valueBoolean':true}]}",
     NULL, ""},
    {"{'resourceType':'NutritionOrder'," NARRATIVE ORDER "'extension':[{'url':'" R4
     "request-doNotPerform','valueBoolean':true}]}",
     NULL, "error extension-modifier NutritionOrder.extension[0]"},
    {PATIENT "'modifierExtension':[{'url':'" R4
             "patient-birthPlace','valueAddress':{'city':'x'}}]}",
     NULL, "error extension-modifier Patient.modifierExtension[0]"},
    /* parts of a complex extension */
    {PATIENT RACE(TEXT ",{'url':'ombCategroy','valueCoding':" WHITE "}") "}", NULL,
     "error extension-part Patient.extension[0].extension[1]"},
    {PATIENT RACE(TEXT ",{'url':'ombCategory','valueCoding':" WHITE "}") "}", NULL, ""},
    {PATIENT RACE(TEXT ",{'url':'http://x/y','valueString':'z'}") "}", NULL,
     "information extension-unknown Patient.extension[0].extension[1]"},
    {PATIENT "'extension':[{'url':'" R4 "patient-birthPlace','extension':[{'url':'x',"
             "'valueString':'y'}]}]}",
     NULL,
     "error extension-part Patient.extension[0].extension[0]|error profile-max "
     "Patient.extension[0].extension[0]|error profile-min Patient.extension[0]"},
    /* race, ethnicity and birth sex in releases that leave out their value sets */
    {NAMED "," RACE(TEXT ",{'url':'ombCategory','valueCoding':{'system':'urn:oid:2.16.840.1.113883."
                         "6.238','code':'0'}}") "}",
     US "us-core-patient|8.0.0",
     "error binding-required Patient.extension[0].extension[1].value.ofType(Coding)|"
     "warning code-unknown Patient.extension[0].extension[1].value.ofType(Coding)"},
    {NAMED "," RACE(TEXT ",{'url':'ombCategory','valueCoding':" WHITE "}") "}",
     US "us-core-patient|8.0.0", ""},
    {NAMED "," RACE(TEXT ",{'url':'detailed','valueCoding':{'system':'urn:oid:2.16.840.1.113883."
                         "6.238','code':'2106-3x'}}") "}",
     US "us-core-patient|7.0.0",
     "error binding-required Patient.extension[0].extension[1].value.ofType(Coding)|"
     "warning code-unknown Patient.extension[0].extension[1].value.ofType(Coding)"},
    {NAMED "," RACE(TEXT ",{'url':'detailed','valueCoding':{'system':'urn:oid:2.16.840.1.113883."
                         "6.238','code':'1010-8'}}") "}",
     US "us-core-patient|7.0.0", ""},
    {NAMED "," RACE(TEXT ",{'url':'ombCategory','valueCoding':{'system':'http://x','code':"
                         "'2106-3'}}") "}",
     US "us-core-patient|6.1.0",
     "error binding-required Patient.extension[0].extension[1].value.ofType(Coding)"},
    {NAMED ",'extension':[{'url':'" US "us-core-birthsex','valueCode':'X'}]}",
     US "us-core-patient|8.0.0", "error binding-required Patient.extension[0].value.ofType(code)"},
    {NAMED ",'extension':[{'url':'" US "us-core-birthsex','valueCode':'UNK'}]}",
     US "us-core-patient|8.0.0", ""},
    /* the release of a profile is that of what it names, and of the extensions beside it */
    {PATIENT CLAIM(US "us-core-patient|6.1.0") NAMES SEX_CODE "}", NULL, ""},
    {PATIENT CLAIM(US "us-core-patient|8.0.0") NAMES SEX_CODING "}", NULL, ""},
    {PATIENT CLAIM(US "us-core-patient|6.1.0") NAMES SEX_CODING "}", NULL,
     "error profile-type Patient.extension[0].value.ofType(Coding)"},
    {PATIENT CLAIM(US "us-core-patient|8.0.0") NAMES SEX_CODE "}", NULL,
     "error profile-type Patient.extension[0].value.ofType(code)"},
    /* and that of the value sets of memberOf(): 4.0.0 has a category that 3.1.1 has not */
    {CONDITION_WITH("16100001"), US "us-core-condition|4.0.0",
     "warning binding-extensible Condition.category[0]"},
    {CONDITION_WITH("16100001"), US "us-core-condition|3.1.1",
     "warning us-core-1 Condition|warning binding-extensible Condition.category[0]|"
     "warning binding-extensible Condition.category[0]"},
    {CONDITION_WITH("1"), US "us-core-condition|4.0.0",
     "warning us-core-1 Condition|warning binding-extensible Condition.category[0]|"
     "warning binding-extensible Condition.category[0]"},
    /* without a version one release is enough, and the newest one's findings are told otherwise */
    {PATIENT CLAIM(US "us-core-patient") NAMES SEX_CODE "}", NULL, ""},
    {PATIENT CLAIM(US "us-core-patient") NAMES SEX_CODING "}", NULL, ""},
    {PATIENT NAMES SEX_CODE "}", NULL, ""},
    {PATIENT NAMES SEX_CODE "}", US "us-core-patient", ""},
    {PATIENT NAMES SEX_CODING "}", NULL, ""},
    {PATIENT NAMES ",'extension':[{'url':'" US "us-core-sex','valueString':'x'}]}", NULL,
     "error profile-type Patient.extension[0].value.ofType(string)"},
    /* a base definition in meta.profile */
    {PATIENT CLAIM(R4 "DomainResource") NAMES "}", NULL, ""},
    {PATIENT CLAIM(R4 "Observation") NAMES "}", NULL, "error profile-type Patient.meta.profile[0]"},
    /* an invariant that gives nothing does not hold */
    {"{'resourceType':'PractitionerRole'," NARRATIVE "'active':true}",
     US "us-core-practitionerrole|6.1.0",
     "error pd-1 PractitionerRole|error us-core-13 PractitionerRole"},
    {"{'resourceType':'Organization'," NARRATIVE "'active':true,'name':'x','identifier':[{'system':"
     "'http://hl7.org/fhir/sid/us-npi'}]}",
     US "us-core-organization|6.1.0",
     "error us-core-16 Organization.identifier[0]|error us-core-17 Organization.identifier[0]"},
    {"{'resourceType':'Organization'," NARRATIVE "'active':true,'name':'x','identifier':[{'system':"
     "'http://hl7.org/fhir/sid/us-npi','value':'1234567893'}]}",
     US "us-core-organization|6.1.0", ""},
    {"{'resourceType':'Questionnaire'," NARRATIVE
     "'name':'Q','status':'draft','item':[{'linkId':'1','type':"
     "'string','text':'x','initial':[{'valueString':'a'},{'valueString':'b'}]}]}",
     NULL, "error que-13 Questionnaire.item[0]"},
    {"{'resourceType':'Observation'," NARRATIVE "'status':'final','effectivePeriod':{'start':"
     "'2020-01-01'},'subject':{'reference':'Patient/1'},'code':{'coding':[{'system':"
     "'http://loinc.org','code':'29463-7'}]}," CATEGORY KG("kg") "}",
     R4 "bodyweight", ""},
    /* codes and displays of code systems that are carried, under any binding or none */
    {PATIENT
     "'meta':{'tag':[{'system':'http://terminology.hl7.org/CodeSystem/v3-NullFlavor','code':"
     "'UNX'}]}}",
     NULL, "warning code-unknown Patient.meta.tag[0]"},
    {PATIENT
     "'meta':{'tag':[{'system':'http://terminology.hl7.org/CodeSystem/v3-NullFlavor','code':"
     "'UNK','display':' Unknown '}]}}",
     NULL, ""},
    {PATIENT
     "'meta':{'tag':[{'system':'http://terminology.hl7.org/CodeSystem/v3-NullFlavor','code':"
     "'UNK','display':'other'}]}}",
     NULL, "warning display-wrong Patient.meta.tag[0]"},
    {PATIENT "'meta':{'tag':[{'system':'http://snomed.info/sct','code':'foo','display':'bar'}]}}",
     NULL, ""},
    {VITAL CATEGORY KG("foobar") "}", NULL,
     "warning code-unknown Observation.value.ofType(Quantity)"},
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
    char *json = apr_pstrdup(pool, text);

    for (char *s = json; *s; s++)
        if (*s == '\'')
            *s = '"';
    return json;
}

static void one_case(const fhir_validator_t *validator, apr_size_t i, apr_pool_t *pool)
{
    const char *json = unquoted(cases[i].json, pool), *found = "";
    fhir_validate_opts_t opts = {.level = FHIR_VALIDATE_PROFILE,
                                 .information = FHIR_VALIDATE_UNJUDGED,
                                 .profiles = &cases[i].profile,
                                 .n_profiles = cases[i].profile != NULL};
    fhir_issues_t *issues = fhir_issues_create(0, pool);
    fhir_node_t *root;

    if (!tap_no_err(fhir_node_parse_json(&root, json, strlen(json), NULL, pool), "parse %s", json))
        return;
    const fhir_type_t *type;
    fhir_validate_resource(issues, &type, validator, &opts, root);
    for (const fhir_issue_t *issue = issues->first; issue; issue = issue->next) {
        if (!strcmp(issue->id, "binding-unknown"))
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

    for (apr_size_t i = 0; i < TAP_COUNT(members); i++) {
        apr_uint16_t set = fhir_profiles_set(p, members[i].url, strlen(members[i].url), NULL);

        tap_ok(set, "%s is known", members[i].url);
        tap_is_int(fhir_profiles_member(p, set, members[i].system, strlen(members[i].system),
                                        members[i].code, strlen(members[i].code)),
                   members[i].member, "%s|%s", members[i].system, members[i].code);
    }
    tap_is_int(fhir_profiles_set(p, "http://x", 8, NULL), 0, "a set that is not known");
    tap_is_int(fhir_profiles_member(p, 0, NULL, 0, "x", 1), FHIR_MEMBER_UNKNOWN, "no set");
}

/* ---- UCUM ---- */

/* Source: examples of https://ucum.org/ucum and http://hl7.org/fhir/R4/valueset-ucum-common.html */
static void units(void)
{
    static const struct {
        const char *code;
        int valid;
    } rows[] = {
        {"kg", 1},
        {"mm[Hg]", 1},
        {"10*3/uL", 1},
        {"10^9/L", 1},
        {"m[H2O]", 1},
        {"%", 1},
        {"1", 1},
        {"{score}", 1},
        {"/min", 1},
        {"{beats}/min", 1},
        {"kg/m2", 1},
        {"m.s-2", 1},
        {"(8.h)", 1},
        {"mg/(24.h)", 1},
        {"[lb_av]", 1},
        {"[in_i'H2O]", 1},
        {"[degF]", 1},
        {"Cel", 1},
        {"umol/L", 1},
        {"m[IU]/mL", 1},
        {"[arb'U]/mL", 1},
        {"dag", 1},
        {"[ppm]", 1},
        {"B[10.nV]", 1},
        {"mL/min/{1.73_m2}", 1},
        {"10*-6", 1},
        {"KiBy", 1},
        {"foobar", 0},
        {"", 0},
        {"mmHg", 0},
        {"kg ", 0},
        {"beats/min", 0},
        {"k[lb_av]", 0},
        {"kg/", 0},
        {"kg//m", 0},
        {"(kg", 0},
        {"kg)", 0},
        {"{score", 0},
        {"{a b}", 0},
        {"m-", 0},
        {"[degF", 0},
        {"KG", 0},
        {"11*3", 0},
        {"min/", 0},
        {"kmin", 0},
        {"{a{b}}", 0},
        {"m[hg]", 0},
    };

    for (apr_size_t i = 0; i < TAP_COUNT(rows); i++)
        tap_is_int(fhir_ucum_valid(rows[i].code, strlen(rows[i].code)), rows[i].valid, "UCUM: %s",
                   rows[i].code);
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

    for (apr_size_t i = 0; i < TAP_COUNT(rows); i++) {
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

    apr_pool_create(&sub, pool);
    fhir_validator_t *validator;
    apr_size_t i;
    if (tap_no_err(fhir_validator_create(&validator, &fhir_model_r4, pool), "a validator"))
        for (i = 0; i < TAP_COUNT(cases); i++) {
            one_case(validator, i, sub);
            apr_pool_clear(sub);
        }
    value_sets();
    units();
    versions();
    return tap_done();
}
