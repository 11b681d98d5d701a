/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XML and JSON by hand: what becomes of each peculiarity of the two forms, what is refused and
 * how it is told, limits. Whole data sets are in xml_data_test.c.
 */
#include "fhir/format/fhir_xml.h"

#include <apr_strings.h>

#include "tap.h"
#include "xml_compare.h"

#define NS  " xmlns=\"http://hl7.org/fhir\""
#define XNS " xmlns=\"http://www.w3.org/1999/xhtml\""

static const fhir_model_t *const R4 = &fhir_model_r4, *const DSTU2 = &fhir_model_dstu2;

/* JSON, its XML, and what the XML gives back when that is not the same (compact, in order). */
static const struct {
    const char *name;
    const fhir_model_t *const *model;
    const char *json, *xml, *back;
} both[] = {
    {"nothing but the type", &R4, "{\"resourceType\":\"Patient\"}", "<Patient" NS "/>", NULL},
    {"order of the definitions", &R4,
     "{\"birthDate\":\"1970-01-01\",\"active\":true,\"id\":\"a\",\"resourceType\":\"Patient\"}",
     "<Patient" NS "><id value=\"a\"/><active value=\"true\"/><birthDate value=\"1970-01-01\"/>"
     "</Patient>",
     "{\"resourceType\":\"Patient\",\"id\":\"a\",\"active\":true,\"birthDate\":\"1970-01-01\"}"},
    {"id and extension of a primitive", &R4,
     "{\"resourceType\":\"Patient\",\"birthDate\":\"1970\",\"_birthDate\":{\"id\":\"x\","
     "\"extension\":"
     "[{\"url\":\"u\",\"valueCode\":\"c\"}]}}",
     "<Patient" NS "><birthDate id=\"x\" value=\"1970\"><extension url=\"u\"><valueCode "
     "value=\"c\"/></extension></birthDate></Patient>",
     NULL},
    {"an extension without a value", &R4,
     "{\"resourceType\":\"Patient\",\"_gender\":{\"extension\":[{\"url\":\"u\",\"valueCode\":\"c\"}"
     "]}}",
     "<Patient" NS "><gender><extension url=\"u\"><valueCode value=\"c\"/></extension></gender>"
     "</Patient>",
     NULL},
    {"nulls in both arrays", &R4,
     "{\"resourceType\":\"Patient\",\"name\":[{\"given\":[\"a\",null,\"b\"],\"_given\":[null,{"
     "\"id\":\"i\","
     "\"extension\":[{\"url\":\"u\",\"valueInteger\":1}]},{\"id\":\"j\"}]}]}",
     "<Patient" NS "><name><given value=\"a\"/><given id=\"i\"><extension url=\"u\"><valueInteger "
     "value=\"1\"/></extension></given><given id=\"j\" value=\"b\"/></name></Patient>",
     NULL},
    {"only the half with extensions", &R4,
     "{\"resourceType\":\"Patient\",\"name\":[{\"_given\":[{\"extension\":[{\"url\":\"u\","
     "\"valueUri\":\"v\"}"
     "]}]}]}",
     "<Patient" NS "><name><given><extension url=\"u\"><valueUri value=\"v\"/></extension></given>"
     "</name></Patient>",
     NULL},
    {"contained resources, and an element named resourceType", &R4,
     "{\"resourceType\":\"ExampleScenario\",\"contained\":[{\"resourceType\":\"Patient\",\"id\":"
     "\"p\"}],"
     "\"status\":\"draft\",\"instance\":[{\"resourceId\":\"i\",\"resourceType\":\"Patient\"}]}",
     "<ExampleScenario" NS "><contained><Patient><id value=\"p\"/></Patient></contained><status "
     "value=\"draft\"/><instance><resourceId value=\"i\"/><resourceType value=\"Patient\"/>"
     "</instance></ExampleScenario>",
     NULL},
    {"Parameters with parts and a resource", &R4,
     "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"a\",\"part\":[{\"name\":\"b\","
     "\"valueDecimal\":1.00},{\"name\":\"c\",\"resource\":{\"resourceType\":\"Binary\","
     "\"contentType\":"
     "\"x/y\",\"data\":\"AAEC\"}}]}]}",
     "<Parameters" NS "><parameter><name value=\"a\"/><part><name value=\"b\"/><valueDecimal "
     "value=\"1.00\"/></part><part><name value=\"c\"/><resource><Binary><contentType "
     "value=\"x/y\"/><data value=\"AAEC\"/></Binary></resource></part></parameter></Parameters>",
     NULL},
    {"digits as written", &R4,
     "{\"resourceType\":\"Observation\",\"component\":[{\"valueQuantity\":{\"value\":1.00}},{"
     "\"valueQuantity\":{\"value\":-1E-22}},{\"valueQuantity\":{\"value\":1.0E-245}},{"
     "\"valueQuantity\":{"
     "\"value\":123456789012345678901234567890.10}},{\"valueInteger\":-0}]}",
     "<Observation" NS "><component><valueQuantity><value value=\"1.00\"/></valueQuantity>"
     "</component><component><valueQuantity><value value=\"-1E-22\"/></valueQuantity></component>"
     "<component><valueQuantity><value value=\"1.0E-245\"/></valueQuantity></component><component>"
     "<valueQuantity><value value=\"123456789012345678901234567890.10\"/></valueQuantity>"
     "</component><component><valueInteger value=\"-0\"/></component></Observation>",
     NULL},
    {"characters", &R4,
     "{\"resourceType\":\"Patient\",\"name\":[{\"text\":\" a\\tb\\nc\\r\\n<&>\\\"' \\u00e9 "
     "\\ud83d\\ude00 \"}]}",
     "<Patient" NS "><name><text value=\" a&#9;b&#10;c&#13;&#10;&lt;&amp;&gt;&quot;' \xC3\xA9 "
     "\xF0\x9F\x98\x80 \"/></name></Patient>",
     "{\"resourceType\":\"Patient\",\"name\":[{\"text\":\" a\\tb\\nc\\r\\n<&>\\\"' \xC3\xA9 "
     "\xF0\x9F\x98\x80 \"}]}"},
    {"characters that XML does not have", &R4,
     "{\"resourceType\":\"Patient\",\"id\":\"\\u0001\\uffff\\ufffd\"}",
     "<Patient" NS "><id value=\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"/></Patient>",
     "{\"resourceType\":\"Patient\",\"id\":\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"}"},
    {"a narrative's bytes", &R4,
     "{\"resourceType\":\"Patient\",\"text\":{\"status\":\"generated\",\"div\":\"<div" /**/
     " xmlns=\\\"http://www.w3.org/1999/xhtml\\\"  ><p\\n class='a'>&#xE9;&lt;<br /></p ><!-- c "
     "--></div>\"}}",
     "<Patient" NS "><text><status value=\"generated\"/><div" XNS
     "  ><p\n class='a'>&#xE9;&lt;<br /></p ><!-- c --></div></text></Patient>",
     NULL},
    {"comments of DSTU2", &DSTU2,
     "{\"resourceType\":\"Patient\",\"fhir_comments\":[\"a\",\"b\"],\"_active\":{\"fhir_comments\":"
     "[\"c\"]},"
     "\"active\":true,\"contact\":[{\"fhir_comments\":[\"d\"],\"gender\":\"male\"}]}",
     "<!--a--><!--b--><Patient" NS "><!--c--><active value=\"true\"/><!--d--><contact><gender "
     "value=\"male\"/></contact></Patient>",
     NULL},
    {"comments that are none in XML", &DSTU2,
     "{\"resourceType\":\"Patient\",\"fhir_comments\":[\"a--b-\"]}",
     "<!--a- -b- --><Patient" NS "/>",
     "{\"resourceType\":\"Patient\",\"fhir_comments\":[\"a- -b- \"]}"},
    {"characters that comments do not have", &DSTU2,
     "{\"resourceType\":\"Patient\",\"fhir_comments\":[\"\\u0001-\\uffff\"]}",
     "<!--\xEF\xBF\xBD-\xEF\xBF\xBD--><Patient" NS "/>",
     "{\"resourceType\":\"Patient\",\"fhir_comments\":[\"\xEF\xBF\xBD-\xEF\xBF\xBD\"]}"},
    {"comments in R4", &R4, "{\"resourceType\":\"Patient\",\"fhir_comments\":[\"a\"],\"id\":\"b\"}",
     "<!--a--><Patient" NS "><id value=\"b\"/></Patient>",
     "{\"resourceType\":\"Patient\",\"id\":\"b\"}"},
    {"a narrative of DSTU2 without namespace", &DSTU2,
     "{\"resourceType\":\"Patient\",\"text\":{\"status\":\"generated\",\"div\":\"<div>a</div>\"}}",
     "<Patient" NS "><text><status value=\"generated\"/><div "
     "xmlns='http://www.w3.org/1999/xhtml'>a</div></text></Patient>",
     NULL},
};

/* XML that others write, and the JSON that it is. */
static const struct {
    const char *name;
    const fhir_model_t *const *model;
    const char *xml, *json;
} reads[] = {
    {"prefixes, comments, CDATA of blanks, processing instructions", &R4,
     "\xEF\xBB\xBF<?xml version='1.0' encoding='utf-8'?><?x y?><!-- c --><f:Patient "
     "xmlns:f=\"http://hl7.org/fhir\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
     "xsi:schemaLocation=\"a b\">\n <f:id value=\"a\"/><!-- c --> <![CDATA[ ]]></f:Patient> <!-- c "
     "-->",
     "{\"resourceType\":\"Patient\",\"id\":\"a\"}"},
    {"character references", &R4,
     "<Patient" NS "><id value=\"&#x41;&#66;&#x1F600;&amp;&lt;&gt;&quot;&apos;\"/></Patient>",
     "{\"resourceType\":\"Patient\",\"id\":\"AB\xF0\x9F\x98\x80&<>\\\"'\"}"},
    {"white space of attributes", &R4, "<Patient" NS "><id value=\"a\n\tb&#10;\"/></Patient>",
     "{\"resourceType\":\"Patient\",\"id\":\"a  b\\n\"}"},
    {"a narrative whose prefix is declared outside", &R4,
     "<Patient" NS " xmlns:h=\"http://www.w3.org/1999/xhtml\"><text><status "
     "value=\"generated\"/><h:div id=\"a\"><h:p>b</h:p></h:div></text></Patient>",
     "{\"resourceType\":\"Patient\",\"text\":{\"status\":\"generated\",\"div\":\"<h:div "
     "xmlns:h=\\\"http://www.w3.org/1999/xhtml\\\" id=\\\"a\\\"><h:p>b</h:p></h:div>\"}}"},
    {"a narrative whose namespace is declared outside", &R4,
     "<f:Patient xmlns:f=\"http://hl7.org/fhir\"" XNS "><f:text><f:status "
     "value=\"generated\"/><div>b</div></f:text></f:Patient>",
     "{\"resourceType\":\"Patient\",\"text\":{\"status\":\"generated\",\"div\":\"<div"
     " xmlns=\\\"http://www.w3.org/1999/xhtml\\\">b</div>\"}}"},
    {"an empty narrative element", &R4,
     "<Patient" NS "><text><status value=\"generated\"/><div" XNS " /></text></Patient>",
     "{\"resourceType\":\"Patient\",\"text\":{\"status\":\"generated\",\"div\":\"<div"
     " xmlns=\\\"http://www.w3.org/1999/xhtml\\\" />\"}}"},
    {"comments behind the last child, in front of a narrative, at the end", &DSTU2,
     "<Patient" NS "><text><status value=\"generated\"/><!--a--><div" XNS ">b</div></text><contact>"
     "<gender value=\"male\"/><!--c--></contact></Patient><!--d-->",
     "{\"resourceType\":\"Patient\",\"text\":{\"status\":\"generated\",\"div\":\"<div"
     " xmlns=\\\"http://www.w3.org/1999/xhtml\\\">b</"
     "div>\",\"fhir_comments\":[\"a\"]},\"contact\":[{"
     "\"gender\":\"male\",\"fhir_comments\":[\"c\"]}],\"fhir_comments\":[\"d\"]}"},
};

static const struct {
    const char *xml;
    fhir_code_t code;
    int line;
    const char *says;
} refused[] = {
    {"", FHIR_ERR_SYNTAX, 1, "empty"},
    {" \n ", FHIR_ERR_SYNTAX, 2, "empty"},
    {"{}", FHIR_ERR_SYNTAX, 1, "begins with '<'"},
    {"<Patient" NS ">", FHIR_ERR_SYNTAX, 1, "Premature end"},
    {"<Patient" NS ">\n<id value=\"a\">\n</Patient>", FHIR_ERR_SYNTAX, 3, "mismatch"},
    {"<Patient" NS "/><Patient" NS "/>", FHIR_ERR_SYNTAX, 1, "Extra content"},
    {"<Patient" NS "><id value=\"a\" value=\"b\"/></Patient>", FHIR_ERR_SYNTAX, 1, "redefined"},
    {"<Patient" NS "><id value=\"<\"/></Patient>", FHIR_ERR_SYNTAX, 1, "not allowed"},
    {"<Patient" NS "><id value=\"&nbsp;\"/></Patient>", FHIR_ERR_SYNTAX, 1, "nbsp"},
    {"<Patient" NS "><id value=\"&#0;\"/></Patient>", FHIR_ERR_SYNTAX, 1, "xmlParseCharRef"},
    {"<Patient" NS "><id value=\"\x01\"/></Patient>", FHIR_ERR_SYNTAX, 1, "invalid character"},
    {"<Patient" NS "><id value=\"\xFF\"/></Patient>", FHIR_ERR_SYNTAX, 1, "not valid UTF-8"},
    {"<Patient" NS "><id value=\"\xED\xA0\x80\"/></Patient>", FHIR_ERR_SYNTAX, 1,
     "not valid UTF-8"},
    {"\xFF\xFE<\x01", FHIR_ERR_SYNTAX, 1, "not valid UTF-8"},
    {"<?xml version=\"1.0\" encoding=\"latin1\"?><Patient" NS "/>", FHIR_ERR_SYNTAX, 1, "UTF-8"},
    {"<?xml version='1.0' encoding='UTF-16'?><Patient" NS "/>", FHIR_ERR_SYNTAX, 1, "UTF-8"},
    {"<?xml version=\"1.0\"?>\n<!DOCTYPE a>\n<Patient" NS "/>", FHIR_ERR_SYNTAX, 2,
     "document types"},
    {"<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><Patient" NS "><id value=\"&b;\"/>"
     "</Patient>",
     FHIR_ERR_SYNTAX, 1, "document types"},
    {"<!DOCTYPE l [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">]><Patient" NS "/>",
     FHIR_ERR_SYNTAX, 1, "document types"},
    {"<Patient" NS "><text><status value=\"generated\"/><div" XNS "><!DOCTYPE a></div></text>"
     "</Patient>",
     FHIR_ERR_SYNTAX, 1, "document types"},
    {"<Patient/>", FHIR_ERR_SYNTAX, 1, "namespace http://hl7.org/fhir"},
    {"<Patient xmlns=\"http://hl7.org/fhir1\"/>", FHIR_ERR_SYNTAX, 1, "namespace"},
    {"<Patient" NS ">\n<id xmlns=\"\" value=\"a\"/></Patient>", FHIR_ERR_SYNTAX, 2, "namespace"},
    {"<x:Patient/>", FHIR_ERR_SYNTAX, 1, "Namespace prefix"},
    {"<Patiens" NS "/>", FHIR_ERR_STRUCTURE, 1, "no resource type \"Patiens\""},
    {"<HumanName" NS "/>", FHIR_ERR_STRUCTURE, 1, "no resource type"},
    {"<DomainResource" NS "/>", FHIR_ERR_STRUCTURE, 1, "no resource type"},
    {"<Patient" NS "><nam value=\"a\"/></Patient>", FHIR_ERR_STRUCTURE, 1, "no element \"nam\""},
    {"<Patient" NS "><resourceType value=\"a\"/></Patient>", FHIR_ERR_STRUCTURE, 1, "no element"},
    {"<Patient" NS "><deceased value=\"true\"/></Patient>", FHIR_ERR_STRUCTURE, 1, "no element"},
    {"<Patient" NS "><extension><url value=\"a\"/></extension></Patient>", FHIR_ERR_STRUCTURE, 1,
     "no element \"url\""},
    {"<Patient" NS " id=\"a\"/>", FHIR_ERR_STRUCTURE, 1, "no attribute \"id\""},
    {"<Patient" NS "><id value=\"a\" x=\"b\"/></Patient>", FHIR_ERR_STRUCTURE, 1, "no attribute"},
    {"<Patient" NS "><id value=\"a\" xml:lang=\"b\"/></Patient>", FHIR_ERR_STRUCTURE, 1,
     "no attribute"},
    {"<Patient" NS "><name value=\"a\"/></Patient>", FHIR_ERR_STRUCTURE, 1,
     "no attribute \"value\""},
    {"<Patient" NS "><contained id=\"a\"><Patient/></contained></Patient>", FHIR_ERR_STRUCTURE, 1,
     "no attributes"},
    {"<Patient" NS ">a</Patient>", FHIR_ERR_STRUCTURE, 1, "text is not allowed here"},
    {"<Patient" NS "><![CDATA[a]]></Patient>", FHIR_ERR_STRUCTURE, 1, "text is not allowed here"},
    {"<Patient" NS "><birthDate value=\"1970\"/><id value=\"a\"/></Patient>", FHIR_ERR_STRUCTURE, 1,
     "\"id\" must come before \"birthDate\""},
    {"<Patient" NS "><name><text value=\"a\"/></name><active value=\"true\"/><name><text "
     "value=\"b\"/></name></Patient>",
     FHIR_ERR_STRUCTURE, 1, "must come before"},
    {"<Patient" NS "><id value=\"a\"/><id value=\"b\"/></Patient>", FHIR_ERR_STRUCTURE, 1,
     "only once"},
    {"<Patient" NS "><deceasedDateTime value=\"1970\"/><deceasedBoolean value=\"true\"/></Patient>",
     FHIR_ERR_STRUCTURE, 1, "only one of"},
    {"<Patient" NS "><name/></Patient>", FHIR_ERR_STRUCTURE, 1, "some content"},
    {"<Patient" NS "><id/></Patient>", FHIR_ERR_STRUCTURE, 1, "a value or an extension"},
    {"<Patient" NS "><id id=\"a\"/></Patient>", FHIR_ERR_STRUCTURE, 1, "a value or an extension"},
    {"<Patient" NS "><contained/></Patient>", FHIR_ERR_STRUCTURE, 1, "must hold a resource"},
    {"<Patient" NS "><contained><Patient/><Patient/></contained></Patient>", FHIR_ERR_STRUCTURE, 1,
     "only one resource"},
    {"<Patient" NS "><active value=\"1\"/></Patient>", FHIR_ERR_VALUE, 1, "true or false"},
    {"<Patient" NS "><active value=\"TRUE\"/></Patient>", FHIR_ERR_VALUE, 1, "true or false"},
    {"<Patient" NS "><multipleBirthInteger value=\"+1\"/></Patient>", FHIR_ERR_VALUE, 1,
     "not a number"},
    {"<Patient" NS "><multipleBirthInteger value=\" 1\"/></Patient>", FHIR_ERR_VALUE, 1,
     "not a number"},
    {"<Patient" NS "><multipleBirthInteger value=\"01\"/></Patient>", FHIR_ERR_VALUE, 1,
     "not a number"},
    {"<Patient" NS "><multipleBirthInteger value=\"1,2\"/></Patient>", FHIR_ERR_VALUE, 1,
     "not a number"},
    {"<Patient" NS "><text><status value=\"generated\"/><div>a</div></text></Patient>",
     FHIR_ERR_SYNTAX, 1, "namespace http://www.w3.org/1999/xhtml"},
    {"<Patient" NS "><text><status value=\"generated\"/><div" XNS "><p" NS ">a</p></div></text>"
     "</Patient>",
     FHIR_ERR_SYNTAX, 1, "namespace http://www.w3.org/1999/xhtml"},
    {"<Patient" NS
     " xmlns:h=\"http://www.w3.org/1999/xhtml\"><text><status value=\"generated\"/><div" XNS
     "><h:p>a</h:p></div></text></Patient>",
     FHIR_ERR_STRUCTURE, 1, "declared on its div"},
};

/* JSON that has no XML. */
static const struct {
    const char *json, *expression, *says;
} unwritten[] = {
    {"[]", NULL, "must be an object with a \"resourceType\""},
    {"{\"id\":\"a\"}", NULL, "resourceType"},
    {"{\"resourceType\":1}", NULL, "resourceType"},
    {"{\"resourceType\":\"Patiens\"}", NULL, "no resource type \"Patiens\""},
    {"{\"resourceType\":\"Patient\",\"nam\":1}", "Patient", "no element \"nam\""},
    {"{\"resourceType\":\"Patient\",\"_name\":[{}]}", "Patient", "no element \"_name\""},
    {"{\"resourceType\":\"Patient\",\"id\":[\"a\"]}", "Patient", "must not be an array"},
    {"{\"resourceType\":\"Patient\",\"name\":{\"text\":\"a\"}}", "Patient", "must be an array"},
    {"{\"resourceType\":\"Patient\",\"name\":[\"a\"]}", "Patient.name", "must be an object"},
    {"{\"resourceType\":\"Patient\",\"name\":[]}", "Patient", "is empty"},
    {"{\"resourceType\":\"Patient\",\"name\":[{}]}", "Patient.name", "some content"},
    {"{\"resourceType\":\"Patient\",\"name\":[null]}", "Patient.name", "must be an object"},
    {"{\"resourceType\":\"Patient\",\"id\":1}", "Patient.id", "wrong JSON type for id"},
    {"{\"resourceType\":\"Patient\",\"id\":{}}", "Patient.id", "wrong JSON type"},
    {"{\"resourceType\":\"Patient\",\"active\":\"true\"}", "Patient.active", "wrong JSON type"},
    {"{\"resourceType\":\"Patient\",\"id\":null}", "Patient.id", "a value or an extension"},
    {"{\"resourceType\":\"Patient\",\"name\":[{\"given\":[null]}]}", "Patient.name.given",
     "a value or"},
    {"{\"resourceType\":\"Patient\",\"_id\":{}}", "Patient.id", "a value or an extension"},
    {"{\"resourceType\":\"Patient\",\"_id\":\"a\"}", "Patient.id", "must be an object"},
    {"{\"resourceType\":\"Patient\",\"deceasedBoolean\":true,\"deceasedDateTime\":\"1970\"}",
     "Patient", "only one of"},
    {"{\"resourceType\":\"Patient\",\"name\":[{\"id\":1,\"text\":\"a\"}]}", "Patient.name",
     "id must be a string"},
    {"{\"resourceType\":\"Patient\",\"text\":{\"status\":\"generated\",\"div\":1}}",
     "Patient.text.div", "XHTML"},
    {"{\"resourceType\":\"Patient\",\"contained\":[{}]}", "Patient.contained", "resourceType"},
    {"{\"resourceType\":\"Patient\",\"fhir_comments\":\"a\"}", "Patient", "array of strings"},
};

static const char *to_xml(const fhir_model_t *model, const fhir_node_t *tree, unsigned flags,
                          apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    fhir_err_t *err = fhir_xml_write(buf, fhir_xml_writer_create(model, flags, pool), tree, pool);

    return err ? err->message : fhir_buf_cstr(buf);
}

static const char *to_json(const fhir_model_t *model, const char *xml, apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    fhir_node_t *tree;
    fhir_err_t *err = fhir_xml_parse(&tree, model, xml, strlen(xml), NULL, pool);

    if (err)
        return err->message;
    fhir_node_write_json(buf, tree, 0);
    return fhir_buf_cstr(buf);
}

static fhir_node_t *parse(const char *json, apr_pool_t *pool)
{
    fhir_node_t *tree = NULL;

    tap_no_err(fhir_node_parse_json(&tree, json, strlen(json), NULL, pool), "JSON");
    return tree;
}

static void test_both(apr_pool_t *pool)
{
    for (apr_size_t i = 0; i < TAP_COUNT(both); i++) {
        const char *wanted = both[i].back ? both[i].back : both[i].json;
        fhir_node_t *tree = parse(both[i].json, pool);

        tap_is_str(to_xml(*both[i].model, tree, 0, pool), both[i].xml, "to XML: %s", both[i].name);
        fhir_node_t *back;
        if (!tap_no_err(
                fhir_xml_parse(&back, *both[i].model, both[i].xml, strlen(both[i].xml), NULL, pool),
                "from XML: %s", both[i].name))
            continue;
        tap_is_str(xml_compare_nodes(parse(wanted, pool), back, pool), NULL, "and it is the same");
    }
    for (apr_size_t i = 0; i < TAP_COUNT(reads); i++)
        tap_is_str(to_json(*reads[i].model, reads[i].xml, pool), reads[i].json, "read: %s",
                   reads[i].name);
}

static void test_refusals(apr_pool_t *pool)
{
    fhir_node_t *tree;
    fhir_err_t *err;

    for (apr_size_t i = 0; i < TAP_COUNT(refused); i++) {
        err = fhir_xml_parse(&tree, R4, refused[i].xml, strlen(refused[i].xml), NULL, pool);
        if (!tap_ok(err && !tree, "refused: %s", refused[i].xml))
            continue;
        tap_is_int(err->code, refused[i].code, "its code");
        tap_is_int(err->line, refused[i].line, "its line");
        tap_ok(err->column > 0, "its column");
        if (!tap_ok(strstr(err->message, refused[i].says), "says %s", refused[i].says))
            tap_diag("%s", err->message);
    }
    for (apr_size_t i = 0; i < TAP_COUNT(unwritten); i++) {
        fhir_buf_t *buf = fhir_buf_create(pool, 0);
        err = fhir_xml_write(buf, fhir_xml_writer_create(R4, 0, pool),
                             parse(unwritten[i].json, pool), pool);
        if (!tap_ok(err != NULL, "no XML: %s", unwritten[i].json))
            continue;
        tap_is_str(err->expression, unwritten[i].expression, "its element");
        if (!tap_ok(strstr(err->message, unwritten[i].says), "says %s", unwritten[i].says))
            tap_diag("%s", err->message);
    }
}

static const char *limited(const char *xml, apr_size_t len, int depth, apr_size_t nodes,
                           apr_pool_t *pool)
{
    fhir_node_limits_t limits = {.max_depth = depth, .max_nodes = nodes};
    fhir_node_t *tree;
    fhir_err_t *err = fhir_xml_parse(&tree, R4, xml, len, &limits, pool);

    return !err ? "accepted" : err->code == FHIR_ERR_TOO_LARGE ? "too large" : err->message;
}

static void test_limits(apr_pool_t *pool)
{
    const char *xml = "<Patient" NS "><name><text value=\"a\"/></name></Patient>";
    fhir_buf_t *big = fhir_buf_create(pool, 0);
    fhir_node_limits_t limits = {.max_bytes = 20};

    tap_is_str(limited(xml, strlen(xml), 3, 0, pool), "accepted", "depth: at the limit");
    tap_is_str(limited(xml, strlen(xml), 2, 0, pool), "too large", "depth: over it");
    tap_is_str(limited(xml, strlen(xml), 0, 5, pool), "accepted", "values: at the limit");
    tap_is_str(limited(xml, strlen(xml), 0, 4, pool), "too large", "values: over it");
    fhir_node_t *tree;
    tap_is_int(fhir_xml_parse(&tree, R4, xml, strlen(xml), &limits, pool)->code, FHIR_ERR_TOO_LARGE,
               "bytes");
    fhir_buf_puts(big, "<Patient" NS);
    for (int i = 0; i < 200000; i++)
        fhir_buf_printf(big, " a%d=\"\"", i);
    fhir_buf_puts(big, "/>");
    tap_is_str(limited(big->data, big->len, 0, 0, pool), "too large", "many attributes, at once");
    fhir_buf_clear(big);
    for (int i = 0; i < 50; i++) /* 1 and 50 * 2 namespaces */
        fhir_buf_printf(big, "<%s xmlns:a%d=\"b\" xmlns:b%d=\"b\">",
                        i ? "extension url=\"x\"" : "Patient" NS, i, i);
    tap_is_str(limited(big->data, big->len, 0, 0, pool), "too large", "many namespaces");
    limits = (fhir_node_limits_t){.max_attrs = 2};
    tap_no_err(fhir_xml_parse(&tree, R4, xml, strlen(xml), &limits, pool), "within few attributes");
    xml = "<Patient" NS " xmlns:a=\"b\" xmlns:c=\"d\"/>";
    tap_is_int(fhir_xml_parse(&tree, R4, xml, strlen(xml), &limits, pool)->code, FHIR_ERR_TOO_LARGE,
               "an attribute too many");
    fhir_buf_clear(big);
    for (int i = 0; i < 100000; i++)
        fhir_buf_puts(big, i ? "<extension>" : "<Patient" NS ">");
    tap_is_str(limited(big->data, big->len, 0, 0, pool), "too large", "deep nesting");
    fhir_buf_clear(big);
    fhir_buf_puts(big, "<Patient" NS "><text><status value=\"generated\"/><div" XNS ">");
    for (int i = 0; i < 100000; i++)
        fhir_buf_puts(big, "<b>");
    tap_is_str(limited(big->data, big->len, 0, 0, pool), "too large",
               "deep nesting in a narrative");
    fhir_buf_clear(big);
    fhir_buf_puts(big, "<Binary" NS "><contentType value=\"a/b\"/><data value=\"");
    for (int i = 0; i < 3000000; i++)
        fhir_buf_puts(big, "AAAA");
    fhir_buf_puts(big, "\"/></Binary>");
    tap_is_str(limited(big->data, big->len, 0, 0, pool), "accepted", "one value of 12 MB");
    fhir_buf_free(big);
}

/* A document that ends anywhere, or has a byte changed, is refused or read, never more. */
static void test_damage(apr_pool_t *pool)
{
    const char *xml =
        "<?xml version=\"1.0\"?><!--c--><Patient" NS "><text><status value=\"generated\"/>"
        "<div" XNS "><p a='b'>&#65;</p></div></text><contained><Patient><id "
        "value=\"p\"/></Patient></contained><name id=\"n\"><given value=\"&amp;\"/>"
        "<given><extension url=\"u\"><valueDecimal value=\"1.0\"/></extension></given>"
        "</name></Patient>";
    apr_size_t len = strlen(xml);
    apr_pool_t *sub;
    int told = 0, refusals = 0;

    apr_pool_create(&sub, pool);
    fhir_node_t *tree;
    for (apr_size_t i = 0; i < len; i++) {
        char *copy = apr_pmemdup(sub, xml, i ? i : 1); /* no byte behind its end */
        fhir_err_t *err = fhir_xml_parse(&tree, DSTU2, copy, i, NULL, sub);
        told += err && err->line > 0 && err->column > 0;
        copy = apr_pstrdup(sub, xml);
        copy[i] = "<>\"&x"[i % 5];
        refusals += fhir_xml_parse(&tree, R4, copy, len, NULL, sub) != NULL;
        apr_pool_clear(sub);
    }
    tap_is_int(told, (long long)len, "every truncation is refused with its place");
    tap_ok(refusals > 100, "most changed bytes are refused");
}

static void test_pretty(apr_pool_t *pool)
{
    fhir_node_t *tree =
        parse("{\"resourceType\":\"Patient\",\"id\":\"a\",\"name\":[{\"text\":\"b\"}]}", pool);

    tap_is_str(to_xml(R4, tree, FHIR_XML_PRETTY | FHIR_XML_DECLARATION, pool),
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Patient" NS ">\n  <id value=\"a\"/>\n"
               "  <name>\n    <text value=\"b\"/>\n  </name>\n</Patient>\n",
               "pretty");
}

/* A Bundle in pieces. */
static void test_streamed(apr_pool_t *pool)
{
    fhir_xml_writer_t *writer = fhir_xml_writer_create(R4, 0, pool);
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    fhir_node_t *frame =
        parse("{\"resourceType\":\"Bundle\",\"signature\":{\"when\":\"2020\"},\"total\":1,"
              "\"type\":\"searchset\",\"entry\":[{\"fullUrl\":\"not this\"}]}",
              pool);
    const fhir_type_t *bundle = fhir_model_resource(R4, "Bundle", 6);

    tap_no_err(fhir_xml_write_begin(buf, writer, frame, "entry", pool), "begin");
    tap_no_err(
        fhir_xml_write_item(buf, writer, bundle, "entry", parse("{\"fullUrl\":\"a\"}", pool), pool),
        "an item");
    tap_no_err(fhir_xml_write_end(buf, writer, frame, "entry", pool), "end");
    tap_is_str(fhir_buf_cstr(buf),
               "<Bundle" NS "><type value=\"searchset\"/><total value=\"1\"/><entry><fullUrl "
               "value=\"a\"/></entry><signature><when value=\"2020\"/></signature></Bundle>",
               "what is before and behind the streamed element");
}

int main(void)
{
    apr_pool_t *pool = tap_start();

    test_both(pool);
    test_refusals(pool);
    test_limits(pool);
    test_damage(pool);
    test_pretty(pool);
    test_streamed(pool);
    return tap_done();
}
