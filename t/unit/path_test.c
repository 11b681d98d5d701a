/* SPDX-License-Identifier: Apache-2.0 */
/* FHIRPath: expressions and what they give on one Patient and one Observation. A result is written
 * as its texts between bars; what has no text as its location; an error as "!" and a word of it. */
#include "fhir/fhirpath/fhir_path.h"
#include "tap.h"

#include <apr_strings.h>
#include <string.h>

static const char patient_json[] =
    "{\"resourceType\":\"Patient\",\"id\":\"p1\",\"contained\":[{\"resourceType\":\"Organization\","
    "\"id\":\"o1\",\"name\":\"Org\",\"partOf\":{\"reference\":\"#\"}}],"
    "\"extension\":[{\"url\":\"http://example.org/a\",\"valueString\":\"A\"},"
    "{\"url\":\"http://example.org/b\",\"valueInteger\":7}],"
    "\"active\":true,\"name\":[{\"use\":\"official\",\"family\":\"Núñez\",\"given\":[\"Ana\","
    "\"María\"]},{\"use\":\"usual\",\"given\":[null,\"Ani\"],\"_given\":[{\"extension\":[{\"url\":"
    "\"http://example.org/absent\",\"valueCode\":\"unknown\"}]},null]}],"
    "\"gender\":\"female\",\"birthDate\":\"1974-12-25\",\"_birthDate\":{\"id\":\"bd\","
    "\"extension\":[{\"url\":\"http://example.org/time\",\"valueDateTime\":"
    "\"1974-12-25T14:35:45-05:00\"}]},\"_deceasedBoolean\":{\"id\":\"x\"},"
    "\"contact\":[{\"name\":{\"text\":\"C\"}}],"
    "\"managingOrganization\":{\"reference\":\"#o1\"},"
    "\"generalPractitioner\":[{\"reference\":\"Practitioner/77\"},"
    "{\"reference\":\"http://x.org/fhir/Organization/1/_history/2\"}]}";

static const char observation_json[] =
    "{\"resourceType\":\"Observation\",\"id\":\"o\",\"status\":\"final\",\"code\":{\"coding\":["
    "{\"system\":\"http://"
    "loinc.org\",\"code\":\"29463-7\"},{\"system\":\"urn:x\",\"code\":\"w\"}]},"
    "\"effectivePeriod\":{\"start\":\"2015-02\",\"end\":\"2015-03-01\"},"
    "\"valueQuantity\":{\"value\":185.50,\"unit\":\"lbs\",\"system\":\"http://unitsofmeasure.org\","
    "\"code\":\"[lb_av]\"},\"component\":[{\"code\":{\"text\":\"a\"},\"valueInteger\":3},"
    "{\"code\":{\"text\":\"b\"},\"valueString\":\"x\"}]}";

static const struct {
    const char *expression, *want;
} on_patient[] = {
    /* paths */
    {"Patient.name.given", "Ana|María|Patient.name[1].given[0]|Ani"},
    {"name.given.count()", "4"},
    {"Resource.id", "p1"},
    {"DomainResource.id", "p1"},
    {"Observation.id", ""},
    {"name.`given`[1]", "María"},
    {"name.nothing", ""},
    {"resourceType", ""},
    {"name[1].given[1]", "Ani"},
    {"name[7]", ""},
    {"contained.name", "Org"},
    {"contained.is(Organization)", "true"},
    {"contact.name.text", "C"},
    {"birthDate.extension.value", "1974-12-25T14:35:45-05:00"},
    {"birthDate.id", "bd"},
    {"deceased", "Patient.deceased.ofType(boolean)"},
    {"deceased.id", "x"},
    {"deceased.exists() and deceased.hasValue().not()", "true"},
    {"name.given.select(hasValue())", "true|true|false|true"},
    {"name.given[2].extension('http://example.org/absent').value", "unknown"},
    {"extension('http://example.org/b').value", "7"},
    {"extension('http://example.org/c')", ""},
    {"hasExtension('http://example.org/a')", "true"},
    {"extension.value", "A|7"},
    {"children().count()", "14"},
    {"name.children()", "official|Núñez|Ana|María|usual|Patient.name[1].given[0]|Ani"},
    {"contained.descendants().ofType(string)", "Org|#"},
    {"birthDate.children().count()", "2"},
    {"descendants().where($this is code)", "female|official|usual|unknown"},
    {"repeat(name | given).count()", "6"},
    {"name.repeat(1)", "1"},
    /* variables */
    {"%resource.id", "p1"},
    {"%context.id", "p1"},
    {"contained.select(%rootResource.id)", "p1"},
    {"%ucum", "http://unitsofmeasure.org"},
    {"%`vs-x` | %'ext-y'",
     "http://hl7.org/fhir/ValueSet/x|http://hl7.org/fhir/StructureDefinition/y"},
    {"%nobody", "!variable"},
    {"defineVariable('n', name.given).select(%n.count())", "4"},
    {"defineVariable('n').defineVariable('n')", "!defined already"},
    {"defineVariable('n', 1).select(%n) | %n", "!variable"},
    {"%mine.upper()", "MINE"},
    /* references */
    {"managingOrganization.resolve().name", "Org"},
    {"contained.partOf.resolve().id", "p1"},
    {"generalPractitioner.where(resolve() is Practitioner).reference", "Practitioner/77"},
    {"generalPractitioner.resolve().select($this is Organization)", "false|true"},
    {"'Practitioner/5'.resolve().is(Practitioner)", "true"},
    {"'urn:uuid:1'.resolve()", ""},
    /* types */
    {"gender is code and gender is string and (gender is id).not()", "true"},
    {"gender.as(string) | gender.ofType(id)", ""},
    {"gender.ofType(code)", "female"},
    {"active is boolean and (active is Boolean).not()", "true"},
    {"true is System.Boolean and true is Boolean and (true is boolean).not()", "true"},
    {"gender.type().name & '/' & gender.type().namespace", "code/FHIR"},
    {"1.type().namespace & '.' & (1 'mg').type().name", "System.Quantity"},
    {"name.as(HumanName).use", "official|usual"},
    {"Patient is Patient and Patient is Resource and Patient is FHIR.DomainResource", "true"},
    {"name is HumanName", "!one value"},
    {"name[0] is Nothing", "!not a type"},
    {"name.ofType(1)", "!type's name"},
    {"conformsTo('http://hl7.org/fhir/StructureDefinition/Patient')", "true"},
    {"conformsTo('http://hl7.org/fhir/StructureDefinition/Group')", "false"},
    {"conformsTo('http://example.org/x')", "!unknown"},
    {"gender.memberOf('http://hl7.org/fhir/ValueSet/administrative-gender')", "true"},
    {"name[0].use.memberOf('http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1')", "false"},
    {"gender.memberOf('http://example.org/vs')", ""},
    {"text.div.htmlChecks()", ""},
    {"'<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>'.htmlChecks()", "true"},
    {"'<div xmlns=\"http://www.w3.org/1999/xhtml\"><script/></div>'.htmlChecks()", "false"},
    /* dates of the resource */
    {"birthDate = @1974-12-25", "true"},
    {"birthDate < @1975", "true"},
    {"birthDate < @1974", ""},
    {"birthDate.extension.value > birthDate", ""},
    {"birthDate < today() and now() > birthDate", "true"},
    {"birthDate + 1 month", "1975-01-25"},
    {"birthDate.toString()", "1974-12-25"},
    {"today()", "2015-02-07"},
    {"now()", "2015-02-07T13:28:17.239Z"},
    {"timeOfDay()", "13:28:17.239"},
    {"now() = now()", "true"},
    /* equality of nodes */
    {"name = name", "true"},
    {"name[0] = name[1]", "false"},
    {"name | name", "Patient.name[0]|Patient.name[1]"},
    {"name.given ~ name.given.combine({})", "false"}, /* what has no value is equal to nothing */
    {"name[0].given ~ ('MARÍA' | 'ana')", "true"},
    {"name[0].given = ('Ana' | 'María')", "true"},
    {"name[0].given = ('María' | 'Ana')", "false"},
    /* lambdas */
    {"name.where(use = 'usual').given", "Patient.name[1].given[0]|Ani"},
    {"name.select(given.first() & '!')", "Ana!|!"},
    {"name.given.select($index)", "0|1|2|3"},
    {"name.exists(family = 'Núñez')", "true"},
    {"name.all(given.exists())", "true"},
    {"name.all(family.exists())", "false"},
    {"name.where($this)", "Patient.name[0]|Patient.name[1]"},
    {"$index", "!$index"},
    {"$total", "!$total"},
    {"$this.id", "p1"},
    {"name.given.trace('g').count()", "4"},
    {"name or contact", "true"},
    {"name.not()", "!one value"},
    {"name.given.startsWith('A')", "!one value"},
    {"name[0].startsWith('A')", "!string"},
    {"name[0] < name[1]", "!order"},
    {"name[0] + 1", "!operator"},
};

static const struct {
    const char *expression, *want;
} on_observation[] = {
    {"value.unit", "lbs"},
    {"valueQuantity.unit", "lbs"},
    {"Observation.value is Quantity", "true"},
    {"value as Quantity", "Observation.value.ofType(Quantity)"},
    {"(value as Period).start", ""},
    {"value.value", "185.50"},
    {"value.value.toString()", "185.50"},
    {"value = 185.5 '[lb_av]'", "true"},
    {"value > 84 'kg' and value < 85 'kg'", "true"},
    {"value > 84 'cm'", ""},
    {"value ~ 186 '[lb_av]'", "true"},
    {"(value + 1 '[lb_av]').toString()", "186.50 '[lb_av]'"},
    {"value.toQuantity('kg') < 85 'kg'", "true"},
    {"component.value", "3|x"},
    {"component.value.ofType(integer) + 1", "4"},
    {"effective.start", "2015-02"},
    {"effective.start <= effective.end", "true"},
    {"effective.end - 1 day", "2015-02-28"},
    {"code.coding.where(system = %loinc).code", "29463-7"},
    {"code.coding.code contains 'w'", "true"},
    {"'v' in code.coding.code", "false"},
    {"{} in code.coding.code", ""},
    {"code.coding.code.subsetOf('w' | '29463-7' | 'z')", "true"},
    {"code.coding.code.supersetOf('z')", "false"},
};

static const struct {
    const char *expression, *want;
} plain[] = {
    /* literals and comments */
    {"{}", ""},
    {"true", "true"},
    {"'a\\'\\u00e9\\n\\\\'", "a'é\n\\"},
    {"1 + 1 // comment", "2"},
    {"1 /* x */ + 1", "2"},
    {"007", "7"},
    {"4 days", "4 days"},
    {"4.5 'mg'", "4.5 'mg'"},
    {"@2014-01T", "2014-01"},
    {"@2014-01-25T14:30:14.559+02:00", "2014-01-25T14:30:14.559+02:00"},
    {"@T14:30", "14:30"},
    /* precedence */
    {"2 + 3 * 4", "14"},
    {"(2 + 3) * 4", "20"},
    {"-2 + 3", "1"},
    {"1 | 2 | 1 = 1 | 2", "true"},
    {"1 > 2 is Boolean", "!order"},
    {"(1 > 2) is Boolean", "true"},
    {"true or false and false", "true"},
    {"false implies false or true", "true"},
    {"8 - 3 - 2", "3"},
    {"'a' in 'a' | 'b' and true", "true"},
    {"-1.abs()", "-1"},
    /* three values */
    {"true and {}", ""},
    {"false and {}", "false"},
    {"{} and false", "false"},
    {"true or {}", "true"},
    {"false or {}", ""},
    {"true xor {}", ""},
    {"true xor false", "true"},
    {"{} implies true", "true"},
    {"{} implies false", ""},
    {"false implies {}", "true"},
    {"true implies {}", ""},
    {"{}.not()", ""},
    {"1 and true", "true"},
    {"(true | false) and true", "!one value"},
    /* arithmetic */
    {"1.2 + 1.80", "3.00"},
    {"0.1 + 0.2 = 0.3", "true"},
    {"1 / 4", "0.25"},
    {"1 / 3", "0.33333333"},
    {"2 / 3", "0.66666667"},
    {"-2 / 3", "-0.66666667"},
    {"1 / 0", ""},
    {"7 div 2", "3"},
    {"-7 div 2", "-3"},
    {"2.2 div 1.8", "1"},
    {"5 mod 3", "2"},
    {"2.2 mod 1.8", "0.4"},
    {"5 div 0", ""},
    {"2147483647 + 1", ""},
    {"2147483647.0 + 1", "2147483648.0"},
    {"1e2", "!operator"},
    {"'a' + 'b'", "ab"},
    {"'a' + {}", ""},
    {"'a' & {} & 'b'", "ab"},
    {"1 & 'a'", "!strings"},
    {"'a' - 'b'", "!operator"},
    {"true + 1", "!operator"},
    {"(-5).abs()", "5"},
    {"(-5.5).abs()", "5.5"},
    {"(-1.1).ceiling()", "-1"},
    {"(-1.1).floor()", "-2"},
    {"(-1.9).truncate()", "-1"},
    {"3.14159.round(3)", "3.142"},
    {"(-1.5).round()", "-2"},
    {"81.sqrt()", "9.0"},
    {"(-1).sqrt()", ""},
    {"2.power(10)", "1024"},
    {"2.5.power(2)", "6.25"},
    {"2.power(-1)", "0.5"},
    {"(-1).power(0.5)", ""},
    {"0.exp()", "1.0"},
    {"1.ln()", "0.0"},
    {"16.log(2)", "4.0"},
    {"'a'.abs()", "!number"},
    /* comparison */
    {"1 = 1.0", "true"},
    {"1 = '1'", "false"},
    {"'a' = 'A'", "false"},
    {"'a b' ~ 'A\\tB'", "true"},
    {"1.14 ~ 1.1", "true"},
    {"{} = {}", ""},
    {"{} ~ {}", "true"},
    {"1 ~ {}", "false"},
    {"1 != 2", "true"},
    {"1 !~ 2", "true"},
    {"(1 | 2) = (2 | 1)", "false"},
    {"(1 | 2) ~ (2 | 1)", "true"},
    {"'a' < 'b'", "true"},
    {"'a' < 1", "!order"},
    {"true < false", "!order"},
    {"1 < {}", ""},
    {"(1 | 2) < 3", "!one value"},
    /* dates and times */
    {"@2012-04-15 = @2012-04-15T10:00:00", ""},
    {"@2012-04-15T15:00:00Z = @2012-04-15T10:00:00", ""},
    {"@2012-04-15T15:00:00+02:00 = @2012-04-15T16:00:00+03:00", "true"},
    {"@2012-04-15T15:30:31 = @2012-04-15T15:30:31.0", "true"},
    {"@2018-03 < @2018-03-01", ""},
    {"@2018-02 < @2018-03-01", "true"},
    {"@2012 ~ @2012-01", "false"},
    {"@T10:30 < @T10:31:00", "true"},
    {"@2016-02-29 + 1 year", "2017-02-28"},
    {"@2016-01-31 + 1 month", "2016-02-29"},
    {"@2016 + 24 months", "2018"},
    {"@2016 + 365 days", "2017"},
    {"@2016-01-01 + 7.9 days", "2016-01-08"},
    {"@2016-01-01T23:59:59Z + 1 second", "2016-01-02T00:00:00Z"},
    {"@2016-01-01T00:00:00.000Z - 1 millisecond", "2015-12-31T23:59:59.999Z"},
    {"@T23:30 + 1 hour", "00:30"},
    {"@2016-01-01 + 1 'mo'", "!cannot be added"},
    {"@2016-01-01 + 1 'kg'", "!cannot be added"},
    {"@T10 + 1 day", "!cannot be added"},
    {"@9999-12-31 + 1 day", ""},
    {"@0001-01-01 - 1 day", ""},
    {"@2016-01-01 + 99999999999 years", ""},
    {"@2016-01-01 + 999999999 years", ""},
    /* quantities */
    {"4 'g' = 4000 'mg'", "true"},
    {"7 days = 1 week and 1 day = 1 'd'", "true"},
    {"1 year = 1 'a'", ""},
    {"1 year ~ 1 'a'", "true"},
    {"1 year = 12 months", "true"},
    {"1 year = 365 days", ""},
    {"1 'cm' < 1 '[in_i]'", "true"},
    {"1 'm/s' = 3.6 'km/h'", "true"},
    {"1 'mmol/L' = 1 'mol/m3'", "true"},
    {"10 '10*3/uL' = 10 '10*9/L'", "true"},
    {"1 'mg/{tablet}' = 0.001 'g'", "true"},
    {"2.0 'cm' * 2.0 'm' = 0.040 'm2'", "true"},
    {"4.0 'g' / 2.0 'm' = 2 'g/m'", "true"},
    {"1 'kg' + 5 'g'", "1.005 'kg'"},
    {"1 'kg' + 5 'm'", ""},
    {"1 'foo' = 1 'foo'", "true"},
    {"1 'foo' = 1 'bar'", ""},
    {"-(4 'g')", "-4 'g'"},
    {"(-4 'g').abs()", "4 'g'"},
    {"1 'cm'.comparable(1 '[in_i]')", "true"},
    {"1 'cm'.comparable(1 's')", "false"},
    /* strings */
    {"'LogicalModel-Person'.indexOf('-')", "12"},
    {"'éà-x'.indexOf('-')", "2"},
    {"'a'.indexOf('b')", "-1"},
    {"'aba'.lastIndexOf('a')", "2"},
    {"'añb'.substring(1, 1)", "ñ"},
    {"'abc'.substring(1)", "bc"},
    {"'abc'.substring(3)", ""},
    {"'abc'.substring(-1)", ""},
    {"'abc'.substring(1, {})", "bc"},
    {"'abc'.startsWith('ab') and 'abc'.endsWith('bc') and 'abc'.contains('b')", "true"},
    {"''.startsWith('')", "true"},
    {"'Straße ÑÁ Жук ΑΣ'.lower()", "straße ñá жук ασ"},
    {"'añω'.upper()", "AÑΩ"},
    {"'aXbX'.replace('X', '--')", "a--b--"},
    {"'abc'.replace('', 'x')", "xaxbxcx"},
    {"'abc'.matches('b')", "true"},
    {"'abc'.matches('^b')", "false"},
    {"'a\\nb'.matches('a.b')", "true"},
    {"'abc'.matchesFull('b')", "false"},
    {"'abc'.matches('(')", "!regular expression"},
    {"'abc'.matches('(' & '')", "!regular expression"},
    {"'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac'.matches('^(a|aa)+$')", "!steps"},
    {"'abc123'.replaceMatches('[0-9]+', '<$0>')", "abc<123>"},
    {"'abc'.replaceMatches('b', '$9')", "!replacement"},
    {"'añ'.length()", "2"},
    {"'añ'.toChars()", "a|ñ"},
    {"' a b '.trim()", "a b"},
    {"'a,,b'.split(',').count()", "3"},
    {"'a,b'.split(',').join('+')", "a+b"},
    {"'test'.encode('base64')", "dGVzdA=="},
    {"'dGVzdA=='.decode('base64') & '74'.decode('hex')", "testt"},
    {"'ff'.decode('hex')", ""},
    {"'x'.encode('rot13')", "!base64"},
    {"'\"1<2\"'.escape('html')", "&quot;1&lt;2&quot;"},
    {"'&lt;&amp;lt;'.unescape('html')", "<&lt;"},
    {"'a\"b'.escape('json').unescape('json')", "a\"b"},
    /* conversions */
    {"'true'.toBoolean() and 'Y'.toBoolean() and 1.0.toBoolean()", "true"},
    {"'2'.toBoolean()", ""},
    {"'-12'.toInteger()", "-12"},
    {"'1.0'.toInteger()", ""},
    {"'2147483648'.toInteger()", ""},
    {"'1.50'.toDecimal()", "1.50"},
    {"true.toDecimal()", "1.0"},
    {"'2015-02-30'.toDate()", ""},
    {"'2015-02-28T10:00:00Z'.toDate()", "2015-02-28"},
    {"@2015-02.toDateTime() is DateTime", "true"},
    {"'14:30'.toTime()", "14:30"},
    {"'4 days'.toQuantity() = 4 days", "true"},
    {"'4 \\'mg\\''.toQuantity()", "4 'mg'"},
    {"'4 mg'.toQuantity()", ""},
    {"1 'g'.toQuantity('mg')", "1000 'mg'"},
    {"'x'.convertsToInteger()", "false"},
    {"{}.convertsToInteger()", ""},
    {"1.5.toString() & true.toString() & @T10.toString()", "1.5true10"},
    /* collections */
    {"(1 | 2 | 3).tail()", "2|3"},
    {"(1 | 2 | 3).skip(1).first()", "2"},
    {"(1 | 2 | 3).take(2).last()", "2"},
    {"(1 | 2 | 3).skip(-1).count()", "3"},
    {"(1 | 2).single()", "!one value"},
    {"{}.single()", ""},
    {"(1 | 2 | 3).intersect(2 | 3 | 4)", "2|3"},
    {"(1 | 2 | 3).exclude(2)", "1|3"},
    {"1.combine(1).combine(2).distinct()", "1|2"},
    {"1.combine(1).isDistinct()", "false"},
    {"(true | false).allTrue() | (true | false).anyTrue()", "false|true"},
    {"(true | false).anyFalse() and {}.allFalse()", "true"},
    {"(1 | 2).allTrue()", "!booleans"},
    {"(1|2|3|4).aggregate($this + $total, 0)", "10"},
    {"(3|1|2).sort()", "1|2|3"},
    {"(3|1|2).sort(-$this)", "3|2|1"},
    {"('b'|'a').sort()", "a|b"},
    {"(1|'a').sort()", "!order"},
    {"iif(true, 1, 1/'x')", "1"},
    {"iif({}, 1, 2) | iif(false, 3)", "2"},
    {"('item').iif($this = 'item', 1, 2)", "1"},
    {"(1 | 2).iif(true, 1)", "!one value"},
    {"(1|2|3|4|5|6|7|8|9|10|11|12|13|14|1.0|2).count()", "14"},
    {"('a'|'b').select($this | 'c')", "a|c|b|c"},
    /* boundaries */
    {"1.587.lowBoundary(6)", "1.586500"},
    {"1.587.highBoundary(2)", "1.59"},
    {"@2014.lowBoundary(6)", "2014-01"},
    {"@2014-02.highBoundary()", "2014-02-28"},
    {"@2014-01-01T08.lowBoundary(17)", "2014-01-01T08:00:00.000+14:00"},
    {"@T10:30.highBoundary(9)", "10:30:59.999"},
    {"1.58700.precision() | @2014.precision()", "5|4"},
    /* what is no expression */
    {"", "!value is expected"},
    {"1 +", "!value is expected"},
    {"(1", "!) is expected"},
    {"1 2", "!the end is expected"},
    {"'abc", "!not closed"},
    {"'\\x'", "!unknown escape"},
    {"/* abc", "!not closed"},
    {"name.foo()", "!no function foo"},
    {"count(1)", "!arguments"},
    {"where()", "!arguments"},
    {"@2015-13-01", "!date"},
    {"@2015-02-01T10:00:00+25:00", "!date"},
    {"@T25:00", "!date"},
    {"$that", "!$this"},
    {"a..b", "!name"},
    {"[1]", "!value is expected"},
    {"9999999999999999999", "!too large"},
    {"99999999999999999999999999999999999999.0", "!digits"},
};

static fhir_path_env_t env;

static const char *shown(const fhir_path_result_t *r, apr_pool_t *pool)
{
    const char *all = "";
    for (int i = 0; i < r->n; i++) {
        const char *text = fhir_path_item_text(r->items[i], pool);
        if (!text)
            text = fhir_path_location(env.model, r->items[i], pool);
        all = apr_pstrcat(pool, all, i ? "|" : "", text ? text : "?", NULL);
    }
    return all;
}

static void check(const char *expression, const char *want, const fhir_path_item_t *focus,
                  apr_pool_t *pool)
{
    const fhir_path_t *path;
    fhir_path_result_t r = {NULL, 0};
    fhir_err_t *err = fhir_path_compile(&path, env.model, expression, strlen(expression), pool);
    if (!err)
        err = fhir_path_eval(&r, path, &env, focus, pool);
    if (want[0] != '!')
        tap_is_str(err ? err->message : shown(&r, pool), want, "%s", expression);
    else if (!tap_ok(err && strstr(err->message, want + 1), "%s: error '%s'", expression, want + 1))
        tap_diag("%s", err ? err->message : shown(&r, pool));
}

/* Every item's location, run as an expression, finds that item alone. */
static void test_locations(const fhir_path_item_t *root, apr_pool_t *pool)
{
    static const char all[] = "descendants()";
    const fhir_path_t *path;
    int n_right = 0;

    tap_no_err(fhir_path_compile(&path, env.model, all, strlen(all), pool), "compiles %s", all);
    fhir_path_result_t items;
    tap_no_err(fhir_path_eval(&items, path, &env, root, pool), "runs it");
    fhir_path_result_t found;
    for (int i = 0; i < items.n; i++) {
        const char *place = fhir_path_location(env.model, items.items[i], pool);
        if (fhir_path_compile(&path, env.model, place, strlen(place), pool) ||
            fhir_path_eval(&found, path, &env, root, pool) || found.n != 1 ||
            found.items[0]->node != items.items[i]->node ||
            found.items[0]->extra != items.items[i]->extra)
            tap_diag("%s finds %d items", place, found.n);
        else
            n_right++;
    }
    tap_ok(items.n > 30, "there are descendants");
    tap_is_int(n_right, items.n, "the location of each finds it");
}

static void test_limits(const fhir_path_item_t *root, apr_pool_t *pool)
{
    char deep[2003];
    fhir_path_env_t small = env;

    memset(deep, '(', sizeof(deep));
    const fhir_path_t *path;
    tap_ok(fhir_path_compile(&path, env.model, deep, 2000, pool), "nesting has a limit");
    for (int i = 0; i < 2000; i += 2)
        memcpy(deep + i, "a.", 2);
    tap_ok(fhir_path_compile(&path, env.model, deep, 1999, pool), "chains have a limit");
    memset(deep, '-', sizeof(deep));
    tap_ok(fhir_path_compile(&path, env.model, deep, 2000, pool), "signs have a limit");
    tap_ok(fhir_path_compile(&path, env.model, "1\0", 2, pool), "NUL is no expression");
    memset(deep, '1', 399);
    for (int i = 1; i < 399; i += 2)
        deep[i] = '+';
    deep[399] = '\0';
    check(deep, "200", root, pool);
    tap_no_err(fhir_path_compile(&path, env.model, "descendants().descendants()", 27, pool),
               "an expression");
    small.max_steps = 100;
    fhir_path_result_t r;
    fhir_err_t *err = fhir_path_eval(&r, path, &small, root, pool);
    tap_is_int(err ? err->code : FHIR_OK, FHIR_ERR_LIMIT, "steps have a limit");
    tap_no_err(fhir_path_compile(&path, env.model, "name.exists() and {}", 20, pool), "unknown");
    fhir_path_answer_t answer;
    tap_no_err(fhir_path_holds(&answer, path, &env, root, pool), "  holds?");
    tap_is_int(answer, FHIR_PATH_FALSE, "  what gives nothing does not hold");
    tap_no_err(fhir_path_holds(&answer, path, &env, NULL, pool), "  without a focus");
    tap_is_int(answer, FHIR_PATH_FALSE, "  it does not");
    tap_no_err(fhir_path_compile(&path, env.model, "@2020 <= @2020-01-15", 20, pool), "precision");
    tap_no_err(fhir_path_holds(&answer, path, &env, root, pool), "  holds?");
    tap_is_int(answer, FHIR_PATH_UNKNOWN, "  nobody knows");
    check("'abcdefghijklmnop'.repeat($this & $this)", "!steps", root, pool);
    check("(1|2|3|4|5|6|7|8|9).repeat($this + 1)", "!steps", root, pool);
}

/* ---- work ---- */

/* 'text' times n, as a literal's content or a variable. */
static char *times(const char *text, int n, apr_pool_t *pool)
{
    apr_size_t len = strlen(text);
    char *all = apr_palloc(pool, len * (apr_size_t)n + 1);
    for (int i = 0; i < n; i++)
        memcpy(all + (apr_size_t)i * len, text, len);
    all[len * (apr_size_t)n] = '\0';
    return all;
}

static const struct {
    const char *expression;
    int most; /* steps that it may take; 0: it must be refused */
    const char *want;
} work[] = {
    /* %a: 100,000 times a; %ab: 50,000 times a and a b; %aaa: 20,000 times a. Looked for in vain at
     * each place, %ab in %a is 2.5 billion comparisons. */
    {"%a.contains(%ab)", 20000, "false"},
    {"%a.indexOf(%ab)", 20000, "-1"},
    {"%a.split(%ab).count()", 20000, "1"},
    {"%a.replace(%ab, '').length()", 40000, "100000"},
    {"%ab.indexOf('b')", 20000, "50000"},
    {"%a.lastIndexOf('b')", 20000, "-1"},
    {"('b' & %a).lastIndexOf('b')", 40000, "0"},
    {"%a.lastIndexOf(%ab)", 0, ""},
    {"%a.replace('a', 'bc').length()", 500000, "200000"},
    {"%a.split('a').count()", 500000, "100001"},
    {"%a.replace('a', %ab)", 0, ""},
    {"%a.replace('', %ab)", 0, ""},
    {"(%a = %a) and (%a ~ %a)", 40000, "true"},
    {"(1|2|3|4|5|6|7|8|9).select((1|2|3|4|5|6|7|8|9).select((1|2|3|4|5|6|7|8|9).select((1|2|3|4|5|"
     "6|7|"
     "8|9).select((1|2|3|4|5|6|7|8|9).select(%a = %a)))))",
     0, ""},
    /* as often as there are positions */
    {"%aaa.matches('(?:a{0,300}){2}[bc]')", 0, ""},
    {"%aaa.matches('(.*)*[xy]')", 0, ""},
    {"%aaa.matches('a*+[bc]')", 0, ""},
    {"%aaa.matches('(?>a*)[bc]')", 0, ""},
    {"%aaa.matches('a{9999}[bc]')", 0, ""},
    {"%aaa.matches('(a*)b?\\\\1[cd]')", 0, ""},
    {"%aaa.replaceMatches('a*[bc]', '')", 0, ""},
    {"%aaa.replaceMatches('a', %aaa)", 0, ""},
    {"%aaa.matches('a+')", 50000, "true"},
    {"%aaa.matchesFull('a*')", 50000, "true"},
    {"%aaa.replaceMatches('aa', 'b').length()", 200000, "10000"},
    /* what is produced */
    {"(1|2|3|4|5|6|7|8|9).aggregate($total.combine($total).combine($total).combine($total).combine("
     "$total).combine($total).combine($total).combine($total), 1)",
     0, ""},
    {"(1|2|3|4|5|6|7|8|9|10|11|12|13|14|15|16|17|18|19|20|21|22|23|24|25).aggregate("
     "$total.combine($total.skip(0)), 1)",
     0, ""},
    {"%a.split('a').select(%a.split('a').take(9))", 0, ""},
    {"descendants().select(%resource.descendants().tail().tail()).count()", 200000, NULL},
    {"%a.split('a').distinct().count()", 1000000, "1"},
};

static void test_work(const fhir_path_item_t *root, apr_pool_t *pool)
{
    char *texts[] = {times("a", 100000, pool), times("a", 50001, pool), times("a", 20000, pool)};
    static const char *const names[] = {"a", "ab", "aaa"};
    fhir_path_env_t its = env;

    texts[1][50000] = 'b';
    const fhir_path_item_t *items[3];
    fhir_path_var_t vars[3];
    for (int i = 0; i < 3; i++) {
        items[i] = fhir_path_string(texts[i], strlen(texts[i]), pool);
        vars[i] = (fhir_path_var_t){names[i], {&items[i], 1}};
    }
    its.vars = vars;
    its.n_vars = 3;
    for (size_t i = 0; i < TAP_COUNT(work); i++) {
        fhir_steps_t steps = fhir_steps(0);

        its.steps = &steps;
        apr_pool_t *own;
        apr_pool_create(&own, pool);
        const fhir_path_t *path;
        fhir_err_t *err = fhir_path_compile(&path, env.model, work[i].expression,
                                            strlen(work[i].expression), own);
        fhir_path_result_t r;
        if (!err)
            err = fhir_path_eval(&r, path, &its, root, own);
        if (!work[i].most) {
            tap_is_int(err ? err->code : FHIR_OK, FHIR_ERR_LIMIT, "refused: %s",
                       work[i].expression);
            tap_ok(fhir_path_eval(&r, path, &its, root, own) != NULL,
                   "  and nothing is left to others");
        }
        else if (tap_no_err(err, "%s", work[i].expression)) {
            if (work[i].want)
                tap_is_str(shown(&r, own), work[i].want, "  is %s", work[i].want);
            tap_ok(steps.most - steps.left <= work[i].most, "  takes %d steps, at most %d",
                   steps.most - steps.left, work[i].most);
        }
        apr_pool_destroy(own);
    }
}

static fhir_err_t *resolve(const fhir_node_t **resource, const fhir_type_t **type, void *baton,
                           const char *reference, apr_size_t len, apr_pool_t *pool)
{
    (void)type;
    (void)pool;
    if (len == 8 && memcmp(reference, "Patient/", 8) == 0)
        return NULL;
    *resource = baton;
    return NULL;
}

static fhir_err_t *member_of(fhir_path_answer_t *answer, void *baton, const fhir_path_item_t *item,
                             const char *valueset, apr_pool_t *pool)
{
    (void)baton;
    (void)pool;
    *answer = item->kind == FHIR_PATH_STRING && strcmp(valueset, "urn:yes") == 0 ? FHIR_PATH_TRUE
                                                                                 : FHIR_PATH_FALSE;
    return NULL;
}

static fhir_err_t *conforms_to(fhir_path_answer_t *answer, void *baton,
                               const fhir_path_item_t *item, const char *profile, apr_pool_t *pool)
{
    (void)baton;
    (void)item;
    *answer = FHIR_PATH_UNKNOWN;
    return strcmp(profile, "urn:bad") == 0
               ? fhir_err_create(pool, FHIR_ERR_NOT_FOUND, "no profile %s", profile)
               : NULL;
}

static int n_traced;

static void trace(void *baton, const char *name, const fhir_path_result_t *items)
{
    (void)baton;
    n_traced += strcmp(name, "t") == 0 ? items->n : 100;
}

static void test_callbacks(const fhir_path_item_t *patient, const fhir_path_item_t *observation,
                           apr_pool_t *pool)
{
    fhir_path_env_t plain_env = env;
    env.baton = (void *)observation->node;
    env.resolve = resolve;
    env.member_of = member_of;
    env.conforms_to = conforms_to;
    env.trace = trace;
    check("'Practitioner/5'.resolve().id", "o", patient, pool);
    check("gender.memberOf('urn:yes') | gender.memberOf('urn:no')", "true|false", patient, pool);
    check("conformsTo('urn:x')", "", patient, pool);
    check("conformsTo('urn:bad')", "!no profile", patient, pool);
    check("name.given.trace('t').count()", "4", patient, pool);
    check("name.trace('t', given).count()", "2", patient, pool);
    tap_is_int(n_traced, 8, "trace saw the items");
    env = plain_env;
}

/* All that the model has. */
static void test_parameters(apr_pool_t *pool)
{
    const fhir_model_t *m = env.model;
    int n = 0, n_bad = 0;
    for (int i = 1; i <= m->n_params; i++) {
        const char *text = fhir_model_str(m, m->params[i].expression);
        if (!*text)
            continue;
        n++;
        const fhir_path_t *path;
        fhir_err_t *err = fhir_path_compile(&path, m, text, strlen(text), pool);
        if (err) {
            tap_diag("%s: %s", text, err->message);
            n_bad++;
        }
        apr_pool_clear(pool);
    }
    tap_ok(n > 1000, "search parameters have expressions");
    tap_is_int(n_bad, 0, "all compile");
}

static fhir_path_item_t *root_of(const char *json, apr_pool_t *pool)
{
    fhir_node_t *node;
    tap_no_err(fhir_node_parse_json(&node, json, strlen(json), NULL, pool), "parses");
    return fhir_path_root(env.model, node, pool);
}

int main(void)
{
    apr_pool_t *pool = tap_start(), *scratch;
    const fhir_path_item_t *mine;
    fhir_path_var_t var = {"mine", {&mine, 1}};

    apr_pool_create(&scratch, pool);
    env.model = fhir_model_by_label("R4");
    env.now = 1423315697239000; /* 2015-02-07T13:28:17.239Z */
    mine = fhir_path_string("mine", 4, pool);
    env.vars = &var;
    env.n_vars = 1;
    const fhir_path_item_t *patient = root_of(patient_json, pool);
    const fhir_path_item_t *observation = root_of(observation_json, pool);
    for (size_t i = 0; i < TAP_COUNT(on_patient); i++, apr_pool_clear(scratch))
        check(on_patient[i].expression, on_patient[i].want, patient, scratch);
    for (size_t i = 0; i < TAP_COUNT(on_observation); i++, apr_pool_clear(scratch))
        check(on_observation[i].expression, on_observation[i].want, observation, scratch);
    for (size_t i = 0; i < TAP_COUNT(plain); i++, apr_pool_clear(scratch))
        check(plain[i].expression, plain[i].want, patient, scratch);
    test_locations(patient, pool);
    test_work(patient, scratch);
    test_limits(patient, scratch);
    test_callbacks(patient, observation, scratch);
    test_parameters(scratch);
    return tap_done();
}
