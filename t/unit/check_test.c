/* SPDX-License-Identifier: Apache-2.0 */
/* Resources against the base model: each row is a resource and the one finding it must give. */
#include "fhir/validate/fhir_check.h"
#include "tap.h"

#include <apr_strings.h>

#define DIV(inside)                                                                                \
    "'text':{'status':'generated','div':'<div xmlns=\\'http://www.w3.org/1999/xhtml\\'>x" inside   \
    "</div>'}"

#define UUID "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"
#define CONDITION(coding)                                                                          \
    "{'resourceType':'Condition','subject':{'reference':'Patient/"                                 \
    "1'},'clinicalStatus':{'coding':[{" coding "}]}}"
#define BUNDLE(type, entry) "{'resourceType':'Bundle','type':'" type "','entry':[{" entry "}]}"
#define DOCUMENT(author, more)                                                                     \
    "{'resourceType':'Bundle','type':'document','timestamp':'2020-01-01T00:00:00Z','identifier':"  \
    "{'system':'http://x','value':'1'},'entry':[{'fullUrl':'http://h/Composition/1','resource':"   \
    "{'resourceType':'Composition','id':'1','status':'final','type':{'text':'x'},'date':'2020',"   \
    "'title':'x','author':[" author "]," more "}},{'fullUrl':'" UUID "','resource':{"              \
    "'resourceType':'Practitioner','id':'1'}}]}"
#define QUESTIONS(of)                                                                              \
    "{'resourceType':'Questionnaire','status':'draft','item':[{'linkId':'1','type':'boolean'},"    \
    "{'linkId':'2','type':'string','enableWhen':[{'question':'" of "','operator':'exists',"        \
    "'answerBoolean':true}]}]}"

static const struct {
    const char *json, *id, *expression; /* id NULL: valid */
} cases[] = {
    {"{'resourceType':'Patient'}", NULL, NULL},
    {"{'resourceType':'Patient','id':'a','birthDate':'1970-03','active':true}", NULL, NULL},
    {"{'id':'1','resourceType':'Patient'}", NULL, NULL},
    {"{'id':'1'}", "resource-type", ""},
    {"{'resourceType':'Foo'}", "resource-type", ""},
    {"{'resourceType':'DomainResource'}", "resource-type", ""},
    {"[]", "json-object", ""},
    {"{'resourceType':'Patient','foo':1}", "element-unknown", "Patient.foo"},
    {"{'resourceType':'Patient','contact':[{'nome':{}}]}", "element-unknown",
     "Patient.contact[0].nome"},
    {"{'resourceType':'Patient','name':{'family':'x'}}", "json-array", "Patient.name"},
    {"{'resourceType':'Patient','birthDate':['1970']}", "json-array", "Patient.birthDate"},
    {"{'resourceType':'Patient','name':[]}", "json-empty", "Patient.name"},
    {"{'resourceType':'Patient','name':[{}]}", "json-empty", "Patient.name[0]"},
    {"{'resourceType':'Patient','name':['x']}", "json-object", "Patient.name[0]"},
    {"{'resourceType':'Patient','birthDate':null}", "json-null", "Patient.birthDate"},
    {"{'resourceType':'Patient','birthDate':''}", "primitive-format", "Patient.birthDate"},
    {"{'resourceType':'Patient','birthDate':'1970-02-30'}", "primitive-format",
     "Patient.birthDate"},
    {"{'resourceType':'Patient','birthDate':1970}", "primitive-json", "Patient.birthDate"},
    {"{'resourceType':'Patient','active':'true'}", "primitive-json", "Patient.active"},
    {"{'resourceType':'Patient','gender':'m'}", "binding-required", "Patient.gender"},
    {"{'resourceType':'Patient','gender':'female'}", NULL, NULL},
    {"{'resourceType':'Patient','deceasedBoolean':true,'deceasedDateTime':'2001'}",
     "choice-multiple", "Patient.deceased"},
    {"{'resourceType':'Patient','_birthDate':{'extension':[{'url':'http://x','valueCode':'y'}]}}",
     NULL, NULL},
    {"{'resourceType':'Patient','_birthDate':{'id':'q'}}", "ele-1", "Patient.birthDate"},
    {"{'resourceType':'Patient','_name':[{'id':'q'}]}", "element-unknown", "Patient.name"},
    {"{'resourceType':'Patient','name':[{'given':['a',null],'_given':[null,{'extension':"
     "[{'url':'http://x','valueString':'y'}]}]}]}",
     NULL, NULL},
    {"{'resourceType':'Patient','name':[{'given':['a'],'_given':[null,null]}]}",
     "json-array-length", "Patient.name[0].given"},
    {"{'resourceType':'Patient','name':[{'given':['a',null]}]}", "json-null",
     "Patient.name[0].given[1]"},
    {"{'resourceType':'Patient','extension':[{'url':'http://x'}]}", "ext-1",
     "Patient.extension[0]"},
    {"{'resourceType':'Patient','extension':[{'valueString':'x'}]}", "element-missing",
     "Patient.extension[0]"},
    {"{'resourceType':'Patient','link':[{'other':{'reference':'Patient/2'},'type':'refer'}]}", NULL,
     NULL},
    {"{'resourceType':'Patient','link':[{'other':{'reference':'Observation/2'},'type':'refer'}]}",
     "reference-target", "Patient.link[0].other"},
    {"{'resourceType':'Patient','link':[{'other':{'reference':'http://h/fhir/Observation/2/"
     "_history/4'},'type':'refer'}]}",
     "reference-target", "Patient.link[0].other"},
    {"{'resourceType':'Patient','managingOrganization':{'reference':'#o'}}", "reference-contained",
     "Patient.managingOrganization"},
    {"{'resourceType':'Patient','contained':[{'resourceType':'Organization','id':'o','name':'x'}],"
     "'managingOrganization':{'reference':'#o'}}",
     NULL, NULL},
    {"{'resourceType':'Patient','contained':[{'resourceType':'Organization','id':'o','nome':'x'}],"
     "'managingOrganization':{'reference':'#o'}}",
     "element-unknown", "Patient.contained[0].nome"},
    {"{'resourceType':'Observation','code':{'text':'x'}}", "element-missing", "Observation"},
    {"{'resourceType':'Observation','status':'final','code':{'text':'x'},'valueQuantity':"
     "{'value':1.50}}",
     NULL, NULL},
    {"{'resourceType':'Observation','status':'final','code':{'text':'x'},'valueQuantity':"
     "{'value':'1.5'}}",
     "primitive-json", "Observation.value.ofType(Quantity).value"},
    {"{'resourceType':'Observation','status':'final','code':{'text':'x'},'valueInteger':1.5}",
     "primitive-format", "Observation.value.ofType(integer)"},
    {"{'resourceType':'Observation','status':'final','code':{'text':'x'},'valueInteger':"
     "2147483648}",
     "primitive-format", "Observation.value.ofType(integer)"},
    {"{'resourceType':'Patient','managingOrganization':{'reference':'x'}}", "~reference-format",
     "Patient.managingOrganization"},
    {"{'resourceType':'Patient','managingOrganization':{'reference':'Task/160.1/$accept?ac=abc'}}",
     "~reference-format", "Patient.managingOrganization"},
    {"{'resourceType':'Patient','managingOrganization':{'reference':'Organization/"
     "Charit\xC3\xA9'}}",
     "~reference-format", "Patient.managingOrganization"},
    {"{'resourceType':'Patient','managingOrganization':{'reference':'Organization/a b'}}",
     "reference-format", "Patient.managingOrganization"},
    {"{'resourceType':'Patient','managingOrganization':{'reference':'Organization/1','type':"
     "'Organisation'}}",
     "reference-type", "Patient.managingOrganization.type"},
    {"{'resourceType':'Patient','managingOrganization':{'reference':'Organization/1','type':"
     "'http://hl7.org/fhir/StructureDefinition/Organization'}}",
     NULL, NULL},
    {"{'resourceType':'Patient','managingOrganization':{'reference':'Organization/1','type':"
     "'http://hl7.org/fhir/StructureDefinition/Patient'}}",
     "reference-type", "Patient.managingOrganization"},
    {"{'resourceType':'Patient','managingOrganization':{'display':'x','type':'http://x/Logical'}}",
     NULL, NULL},
    {"{'resourceType':'Patient','managingOrganization':{'reference':'Organization?identifier=1'}}",
     NULL, NULL},
    {"{'resourceType':'Patient','managingOrganization':{'reference':'Organization/1','type':"
     "'Patient'}}",
     "reference-type", "Patient.managingOrganization"},
    {"{'resourceType':'Patient','contained':[{'resourceType':'Organization','id':'o','name':'x'}]}",
     "dom-3", "Patient.contained[0]"},
    {"{'resourceType':'Patient','contained':[{'resourceType':'Provenance','id':'o','recorded':"
     "'2020-01-01T00:00:00Z','target':[{'reference':'#'}],'agent':[{'who':{'display':'x'}}]}]}",
     NULL, NULL},
    {"{'resourceType':'Patient','contained':[{'resourceType':'Organization','id':'o','name':'x'},"
     "{'resourceType':'Organization','id':'o','name':'y'}],'managingOrganization':"
     "{'reference':'#o'}}",
     "contained-id", "Patient.contained[1]"},
    {"{'resourceType':'Patient','contained':[{'resourceType':'Organization','id':'o','meta':"
     "{'versionId':'1'}}],'managingOrganization':{'reference':'#o'}}",
     "dom-4", "Patient.contained[0].meta.versionId"},
    {"{'resourceType':'Patient','contained':[{'resourceType':'Organization','id':'o','meta':"
     "{'security':[{'code':'x'}]}}],'managingOrganization':{'reference':'#o'}}",
     "dom-5", "Patient.contained[0].meta.security"},
    {"{'resourceType':'Patient','text':{'status':'generated','div':'<div xmlns=\\'"
     "http://www.w3.org/1999/xhtml\\'><script>x</script></div>'}}",
     "narrative", "Patient.text.div"},
    {"{'resourceType':'Patient','identifier':[{'system':'urn:oid:3.1','value':'x'}]}", "uri-format",
     "Patient.identifier[0].system"},
    {"{'resourceType':'Patient','identifier':[{'system':"
     "'urn:uuid:C757873D-ec9a-4326-a141-556f43239520','value':'x'}]}",
     NULL, NULL},
    {"{'resourceType':'Bundle','type':'collection','total':1}", "bdl-1", "Bundle.total"},
    {"{'resourceType':'Bundle','type':'collection','entry':[{'fullUrl':'urn:x:y','search':"
     "{'mode':'match'},'resource':{'resourceType':'Patient'}}]}",
     "bdl-2", "Bundle.entry[0].search"},
    {"{'resourceType':'Bundle','type':'batch','entry':[{'resource':{'resourceType':'Patient'}}]}",
     "bdl-3", "Bundle.entry[0]"},
    {"{'resourceType':'Bundle','type':'batch','entry':[{'request':{'method':'POST','url':"
     "'Patient'}}]}",
     "bundle-resource", "Bundle.entry[0]"},
    {"{'resourceType':'Bundle','type':'searchset','entry':[{'response':{'status':'200'},"
     "'resource':{'resourceType':'Patient'}}]}",
     "bdl-4", "Bundle.entry[0].response"},
    {"{'resourceType':'Bundle','type':'searchset','entry':[{'fullUrl':'urn:x'}]}", "bdl-5",
     "Bundle.entry[0]"},
    {"{'resourceType':'Bundle','type':'collection','entry':[{'fullUrl':'http://h/Patient/1',"
     "'resource':{'resourceType':'Patient','id':'1'}},{'fullUrl':'http://h/Patient/1','resource':"
     "{'resourceType':'Patient','id':'1'}}]}",
     "bdl-7", "Bundle.entry[1].fullUrl"},
    {"{'resourceType':'Bundle','type':'collection','entry':[{'fullUrl':"
     "'http://h/Patient/1/_history/2','resource':{'resourceType':'Patient','id':'1'}}]}",
     "bdl-8", "Bundle.entry[0].fullUrl"},
    {"{'resourceType':'Bundle','type':'collection','entry':[{'fullUrl':'http://h/Patient/2',"
     "'resource':{'resourceType':'Patient','id':'1'}}]}",
     "bundle-full-url", "Bundle.entry[0].fullUrl"},
    {"{'resourceType':'Bundle','type':'message','entry':[{'fullUrl':'http://h/Patient/1',"
     "'resource':{'resourceType':'Patient','id':'1'}}]}",
     "bdl-12", "Bundle.entry[0]"},
    {"{'resourceType':'Bundle','type':'collection','entry':[{'fullUrl':'urn:x:y','resource':"
     "{'resourceType':'Patient','gender':'x'}}]}",
     "binding-required", "Bundle.entry[0].resource.gender"},
    {"{'resourceType':'Questionnaire','status':'draft','item':[{'linkId':'1','type':'group',"
     "'item':[{'linkId':'2','type':'nothing'}]}]}",
     "binding-required", "Questionnaire.item[0].item[0].type"},
    /* a narrative may be what refers to a contained resource */
    {"{'resourceType':'Patient'," DIV(
         "<img src=\\'#p\\'/>") ",'contained':[{'resourceType':'Binary',"
                                "'id':'p','contentType':'image/png','data':'AAAA'}]}",
     NULL, NULL},
    {"{'resourceType':'Patient'," DIV(
         "<a href=\\'#p\\'>y</a>") ",'contained':[{'resourceType':"
                                   "'Binary','id':'p','contentType':'image/png','data':'AAAA'}]}",
     NULL, NULL},
    {"{'resourceType':'Patient'," DIV(
         "<a href=\\'#q\\'>y</a>") ",'contained':[{'resourceType':"
                                   "'Binary','id':'p','contentType':'image/png','data':'AAAA'}]}",
     "dom-3", "Patient.contained[0]"},
    /* a code of a value set has its system */
    {CONDITION("'code':'active'"), "binding-required", "Condition.clinicalStatus"},
    {CONDITION("'system':'http://x','code':'active'"), "binding-required",
     "Condition.clinicalStatus"},
    {CONDITION("'system':'http://terminology.hl7.org/CodeSystem/condition-clinical','code':"
               "'active'"),
     NULL, NULL},
    /* Bundles: fullUrl */
    {BUNDLE("collection", "'resource':{'resourceType':'Patient'}"), "bundle-full-url",
     "Bundle.entry[0]"},
    {BUNDLE("searchset", "'resource':{'resourceType':'Patient','id':'1'}"), "bundle-full-url",
     "Bundle.entry[0]"},
    {BUNDLE("searchset", "'resource':{'resourceType':'Parameters'}"), NULL, NULL},
    {BUNDLE("searchset",
            "'search':{'mode':'outcome'},'resource':{'resourceType':'OperationOutcome',"
            "'id':'1','issue':[{'severity':'warning','code':'invalid'}]}"),
     NULL, NULL},
    {BUNDLE("batch", "'request':{'method':'POST','url':'Patient'},'resource':{'resourceType':"
                     "'Patient'}"),
     NULL, NULL},
    {BUNDLE("collection", "'fullUrl':'Patient/1','resource':{'resourceType':'Patient','id':'1'}"),
     "bundle-full-url", "Bundle.entry[0].fullUrl"},
    {BUNDLE("collection", "'fullUrl':'http://e.org/obs-1','resource':{'resourceType':'Patient',"
                          "'id':'1'}"),
     NULL, NULL},
    {BUNDLE("collection", "'fullUrl':'http://e.org/a_b/Patient/2','resource':{'resourceType':"
                          "'Patient','id':'1'}"),
     NULL, NULL},
    {BUNDLE("collection", "'fullUrl':'https://e.org:8080/r4/Patient/1','resource':{'resourceType':"
                          "'Patient','id':'1'}"),
     NULL, NULL},
    {BUNDLE("collection", "'fullUrl':'https://e.org/Observation/1','resource':{'resourceType':"
                          "'Patient','id':'1'}"),
     "bundle-full-url", "Bundle.entry[0].fullUrl"},
    {BUNDLE("collection", "'fullUrl':'https://e.org/Patient/1','resource':{'resourceType':"
                          "'Patient'}"),
     "bundle-full-url", "Bundle.entry[0].fullUrl"},
    {BUNDLE("transaction", "'fullUrl':'https://e.org/Patient/1','request':{'method':'POST','url':"
                           "'Patient'},'resource':{'resourceType':'Patient'}"),
     NULL, NULL},
    /* references inside of a Bundle */
    {BUNDLE("collection", "'fullUrl':'" UUID "','resource':{'resourceType':'Patient'}},{'fullUrl':"
                          "'urn:x:y','resource':{'resourceType':'Patient','link':[{'other':"
                          "{'reference':'" UUID "'},'type':'refer'}]}"),
     NULL, NULL},
    {BUNDLE("collection", "'fullUrl':'" UUID "','resource':{'resourceType':'Basic','code':{'text':"
                          "'x'}}},{'fullUrl':'urn:x:y','resource':{'resourceType':'Patient','link':"
                          "[{'other':{'reference':'" UUID "'},'type':'refer'}]}"),
     "reference-target", "Bundle.entry[1].resource.link[0].other"},
    /* a document holds what its Composition names */
    {DOCUMENT("{'reference':'" UUID "'}", "'section':[{'title':'x'}]"), NULL, NULL},
    {DOCUMENT("{'reference':'Practitioner/1'}", "'section':[{'title':'x'}]"), NULL, NULL},
    {DOCUMENT("{'display':'x'}", "'section':[{'title':'x'}]"), NULL, NULL},
    {DOCUMENT("{'reference':'Practitioner/2'}", "'section':[{'title':'x'}]"), "document-reference",
     "Bundle.entry[0].resource.author[0]"},
    {DOCUMENT("{'display':'x'}", "'section':[{'section':[{'entry':[{'reference':'Patient/2'}]}]}]"),
     "document-reference", "Bundle.entry[0].resource.section[0].section[0].entry[0]"},
    {DOCUMENT("{'display':'x'}", "'attester':[{'mode':'legal','party':{'reference':"
                                 "'urn:uuid:c757873d-ec9a-4326-a141-556f43239521'}}]"),
     "document-reference", "Bundle.entry[0].resource.attester[0].party"},
    /* ids of elements */
    {"{'resourceType':'Patient','name':[{'id':'a','family':'x'},{'id':'b','family':'x'}]}", NULL,
     NULL},
    {"{'resourceType':'Patient','name':[{'id':'a','family':'x'}],'telecom':[{'id':'a','value':'x'}]"
     "}",
     "element-id", "Patient.telecom[0].id"},
    {"{'resourceType':'Patient','birthDate':'2020','_birthDate':{'id':'a'},'name':[{'id':'a',"
     "'family':'x'}]}",
     "element-id", "Patient.name[0].id"},
    {"{'resourceType':'Patient','name':[{'id':'a b','family':'x'}]}", "element-id",
     "Patient.name[0].id"},
    {"{'resourceType':'Patient','id':'a','name':[{'id':'a','family':'x'}]}", NULL, NULL},
    {"{'resourceType':'Patient','name':[{'id':'a'}]}", "ele-1", "Patient.name[0]"},
    /* codes by their own rules */
    {"{'resourceType':'Patient','language':'de-CH'}", NULL, NULL},
    {"{'resourceType':'Patient','language':'zh-cmn-Hans-CN'}", NULL, NULL},
    {"{'resourceType':'Patient','language':'de-1996-x-a-b'}", NULL, NULL},
    {"{'resourceType':'Patient','language':'i-klingon'}", NULL, NULL},
    {"{'resourceType':'Patient','language':'en-a-bbb-x-a-ccc'}", NULL, NULL},
    {"{'resourceType':'Patient','language':'en_US'}", "binding-required", "Patient.language"},
    {"{'resourceType':'Patient','language':'e'}", "binding-required", "Patient.language"},
    {"{'resourceType':'Patient','language':'en-'}", "binding-required", "Patient.language"},
    {"{'resourceType':'Patient','language':'a-DE'}", "binding-required", "Patient.language"},
    {"{'resourceType':'Patient','language':'de-419-DE'}", "binding-required", "Patient.language"},
    {"{'resourceType':'Patient','communication':[{'language':{'coding':[{'system':"
     "'urn:ietf:bcp:47','code':'en US'}]}}]}",
     "code-form", "Patient.communication[0].language.coding[0].code"},
    {"{'resourceType':'Invoice','status':'draft','totalNet':{'value':1,'currency':'EUR'}}", NULL,
     NULL},
    {"{'resourceType':'Invoice','status':'draft','totalNet':{'value':1,'currency':'EURO'}}",
     "binding-required", "Invoice.totalNet.currency"},
    {"{'resourceType':'Invoice','status':'draft','totalNet':{'value':1,'currency':'ABC'}}",
     "binding-required", "Invoice.totalNet.currency"},
    /* an Attachment's size */
    {"{'resourceType':'Patient','photo':[{'data':'QUI=','size':2}]}", NULL, NULL},
    {"{'resourceType':'Patient','photo':[{'data':'QUI=','size':3}]}", "attachment-size",
     "Patient.photo[0].size"},
    {"{'resourceType':'Patient','photo':[{'url':'http://x','size':3}]}", NULL, NULL},
    /* conditions of items */
    {QUESTIONS("1"), NULL, NULL},
    {QUESTIONS("3"), "enable-when", "Questionnaire.item[1].enableWhen[0].question"},
    {"{'resourceType':'Patient','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "\xC3\xA9"
     "b':1}",
     "element-unknown", "Patient.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…"},
};

static const struct {
    fhir_prim_t prim;
    const char *text;
    int valid;
} primitives[] = {
    {FHIR_PRIM_ID, "a-1.B", 1},
    {FHIR_PRIM_ID, "a_1", 0},
    {FHIR_PRIM_CODE, "a b", 1},
    {FHIR_PRIM_CODE, "a  b", 0},
    {FHIR_PRIM_CODE, " a", 0},
    {FHIR_PRIM_CODE, "a ", 0},
    {FHIR_PRIM_STRING, " \n\t", 1},
    {FHIR_PRIM_STRING, "", 0},
    {FHIR_PRIM_STRING, "a\x01", 0},
    {FHIR_PRIM_STRING, " a\n", 1},
    {FHIR_PRIM_URI, "a b", 0},
    {FHIR_PRIM_URI, "urn:x", 1},
    {FHIR_PRIM_OID, "urn:oid:1.2.840", 1},
    {FHIR_PRIM_OID, "urn:oid:3.2", 0},
    {FHIR_PRIM_OID, "urn:oid:1.02", 0},
    {FHIR_PRIM_OID, "urn:oid:1.", 0},
    {FHIR_PRIM_OID, "1.2.3", 0},
    {FHIR_PRIM_UUID, "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", 1},
    {FHIR_PRIM_UUID, "urn:uuid:C757873D-ec9a-4326-a141-556f43239520", 0},
    {FHIR_PRIM_UUID, "urn:uuid:c757873dxec9a-4326-a141-556f43239520", 0},
    {FHIR_PRIM_BASE64, "QUJD", 1},
    {FHIR_PRIM_BASE64, "QUI=", 1},
    {FHIR_PRIM_BASE64, "QUJD\r\nQQ==", 1},
    {FHIR_PRIM_BASE64, "QUJ", 0},
    {FHIR_PRIM_BASE64, "Q===", 0},
    {FHIR_PRIM_BASE64, "QU=D", 0},
    {FHIR_PRIM_INTEGER, "-2147483648", 1},
    {FHIR_PRIM_INTEGER, "-2147483649", 0},
    {FHIR_PRIM_INTEGER, "-0", 0},
    {FHIR_PRIM_INTEGER, "1e2", 0},
    {FHIR_PRIM_UNSIGNEDINT, "0", 1},
    {FHIR_PRIM_UNSIGNEDINT, "-1", 0},
    {FHIR_PRIM_POSITIVEINT, "0", 0},
    {FHIR_PRIM_POSITIVEINT, "2147483647", 1},
    {FHIR_PRIM_BOOLEAN, "TRUE", 0},
    {FHIR_PRIM_DATETIME, "2015-02-07T13:28:17-05:00", 1},
    {FHIR_PRIM_DATETIME, "2015-02-07T13:28:17", 0},
    {FHIR_PRIM_INSTANT, "2015-02-07", 0},
    {FHIR_PRIM_TIME, "24:00:00", 0},
    {FHIR_PRIM_CODE, "a\tb", 0},
    {FHIR_PRIM_CODE, "a\nb", 0},
};

static void one_case(const char *quoted, const char *id, const char *expression, apr_pool_t *pool)
{
    char *json = apr_pstrdup(pool, quoted);
    fhir_issues_t *issues = fhir_issues_create(0, pool);

    for (char *s = json; *s; s++)
        if (*s == '\'')
            *s = '"';
    fhir_node_t *root;
    if (!tap_no_err(fhir_node_parse_json(&root, json, strlen(json), NULL, pool), "parse %s", json))
        return;
    const fhir_type_t *type;
    fhir_check_resource(issues, &type, &fhir_model_r4, NULL, root);
    if (!id) {
        tap_is_str(issues->first ? issues->first->text : NULL, NULL, "valid: %s", json);
        return;
    }
    int warning = *id == '~'; /* no error */
    if (!tap_is_int(issues->n_errors, !warning, "one finding: %s", json) || !issues->first)
        return;
    tap_is_str(issues->first->id, id + warning, "%s", json);
    tap_is_str(issues->first->expression, expression, "place of %s", id);
}

int main(void)
{
    apr_pool_t *pool = tap_start(), *sub;

    apr_pool_create(&sub, pool);
    for (apr_size_t i = 0; i < TAP_COUNT(cases); i++) {
        one_case(cases[i].json, cases[i].id, cases[i].expression, sub);
        apr_pool_clear(sub);
    }
    for (apr_size_t i = 0; i < TAP_COUNT(primitives); i++)
        tap_is_int(fhir_check_primitive(primitives[i].prim, primitives[i].text,
                                        strlen(primitives[i].text)),
                   primitives[i].valid, "'%s' as %s", primitives[i].text,
                   fhir_check_primitive_rule(primitives[i].prim));
    return tap_done();
}
