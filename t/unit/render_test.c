/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: one resource and Bundles in each format, in part, pretty, large ones, and hostile data
 * on pages for people. */
#include "fhir/format/fhir_render.h"

#include <apr_strings.h>
#include <libxml/HTMLparser.h>
#include <stdlib.h>

#include "core/fhir_node.h"
#include "tap.h"

#define XMLNS "xmlns=\"http://hl7.org/fhir\""
#define DECL  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"

static const char head[] = "\"resourceType\":\"Bundle\",\"type\":\"searchset\"";
static const char tail[] =
    "\"total\":2,\"link\":[{\"relation\":\"self\",\"url\":\"http://h/Patient?a=b&c\"}]";
static const char patient[] = "{ \"gender\":\"male\", \"resourceType\":\"Patient\",\"id\":\"p\"}";

static fhir_buf_t *out;

static fhir_render_t *start(fhir_format_t format, int pretty, const fhir_subset_t *subset,
                            apr_pool_t *pool)
{
    fhir_render_opts_t opts = {
        .model = &fhir_model_r4,
        .format = format,
        .pretty = pretty,
        .subset = subset,
        .page = {.base_url = "http://h", .query = "_format=html&name=a%22b&_pretty=true"}};

    fhir_buf_clear(out);
    return fhir_render_create(&opts, fhir_buf_out(out, pool), pool);
}

static const char *resource(const char *json, fhir_format_t format, int pretty,
                            const fhir_subset_t *subset, apr_pool_t *pool)
{
    fhir_err_t *err = fhir_render_resource(start(format, pretty, subset, pool), json, strlen(json));

    return err ? err->message : fhir_buf_cstr(out);
}

/* A searchset of a patient, an outcome and a deletion. */
static const char *bundle(fhir_format_t format, int pretty, const fhir_subset_t *subset,
                          apr_pool_t *pool)
{
    fhir_render_t *render = start(format, pretty, subset, pool);
    fhir_render_entry_t entries[] = {
        {"http://h/Patient/p", patient, strlen(patient), "\"search\":{\"mode\":\"match\"}"},
        {NULL, "{\"resourceType\":\"OperationOutcome\",\"issue\":[]}", 46,
         "\"search\":{\"mode\":\"outcome\"}"},
        {"http://h/Patient/q", NULL, 0, NULL},
    };

    if (format == FHIR_FORMAT_XML) { /* an empty array has no XML */
        entries[1].resource = "{\"resourceType\":\"OperationOutcome\"}";
        entries[1].resource_len = 35;
    }
    tap_no_err(fhir_render_bundle_begin(render, head), "begin");
    for (apr_size_t i = 0; i < TAP_COUNT(entries); i++)
        tap_no_err(fhir_render_bundle_entry(render, &entries[i]), "entry");
    tap_no_err(fhir_render_bundle_end(render, tail), "end");
    return fhir_buf_cstr(out);
}

static void test_resources(apr_pool_t *pool)
{
    fhir_subset_t *subset;

    fhir_subset_parse(&subset, &fhir_model_r4, NULL, "true", NULL, pool);
    tap_is_str(resource(patient, FHIR_FORMAT_JSON, 0, NULL, pool), patient, "JSON passes as bytes");
    tap_is_str(resource(patient, FHIR_FORMAT_JSON, 1, NULL, pool),
               "{\n  \"gender\": \"male\",\n  \"resourceType\": \"Patient\",\n  \"id\": \"p\"\n}\n",
               "pretty JSON");
    tap_is_str(resource(patient, FHIR_FORMAT_XML, 0, NULL, pool),
               DECL "<Patient " XMLNS "><id value=\"p\"/><gender value=\"male\"/></Patient>",
               "XML");
    tap_ok(strstr(resource(patient, FHIR_FORMAT_XML, 0, subset, pool), "SUBSETTED") != NULL,
           "a part as XML");
    tap_ok(
        strstr(resource("{\"resourceType\":\"Patient\",\"nam\":1}", FHIR_FORMAT_XML, 0, NULL, pool),
               "ask for JSON: Patient: Patient has no element") != NULL,
        "data that breaks the model has no XML");
    tap_ok(fhir_render_resource(start(FHIR_FORMAT_XML, 0, NULL, pool), "{", 1)->code ==
               FHIR_ERR_INTERNAL,
           "stored JSON that is none is no client's fault");
}

static void test_bundles(apr_pool_t *pool)
{
    fhir_subset_t *subset;

    fhir_subset_parse(&subset, &fhir_model_r4, NULL, "data", NULL, pool);
    tap_is_str(
        bundle(FHIR_FORMAT_JSON, 0, NULL, pool),
        "{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"entry\":[{\"fullUrl\":"
        "\"http://h/Patient/p\",\"resource\":{ \"gender\":\"male\", \"resourceType\":\"Patient\","
        "\"id\":\"p\"},\"search\":{\"mode\":\"match\"}},{\"resource\":{\"resourceType\":"
        "\"OperationOutcome\",\"issue\":[]},\"search\":{\"mode\":\"outcome\"}},{\"fullUrl\":"
        "\"http://h/Patient/q\"}],\"total\":2,\"link\":[{\"relation\":\"self\",\"url\":"
        "\"http://h/Patient?a=b&c\"}]}",
        "JSON");
    tap_is_str(
        bundle(FHIR_FORMAT_JSON, 0, subset, pool),
        "{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"total\":2,\"link\":[{\"relation\":"
        "\"self\",\"url\":\"http://h/Patient?a=b&c\"}],\"entry\":[{\"fullUrl\":"
        "\"http://h/Patient/p\",\"resource\":{\"gender\":\"male\",\"resourceType\":\"Patient\","
        "\"id\":\"p\",\"meta\":{\"tag\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/"
        "v3-ObservationValue\",\"code\":\"SUBSETTED\",\"display\":\"subsetted\"}]}},\"search\":{"
        "\"mode\":\"match\"}},{\"resource\":{\"resourceType\":\"OperationOutcome\",\"issue\":[]},"
        "\"search\":{\"mode\":\"outcome\"}},{\"fullUrl\":\"http://h/Patient/q\"}]}",
        "parts: links first, outcomes are whole");
    tap_is_str(bundle(FHIR_FORMAT_XML, 0, NULL, pool),
               DECL
               "<Bundle " XMLNS "><type value=\"searchset\"/><total value=\"2\"/><link><relation "
               "value=\"self\"/><url value=\"http://h/Patient?a=b&amp;c\"/></link><entry><fullUrl "
               "value=\"http://h/Patient/p\"/><resource><Patient><id value=\"p\"/><gender "
               "value=\"male\"/></Patient></resource><search><mode value=\"match\"/></search>"
               "</entry><entry><resource><OperationOutcome/></resource><search><mode "
               "value=\"outcome\"/></search></entry><entry><fullUrl "
               "value=\"http://h/Patient/q\"/></entry></Bundle>",
               "XML");
    tap_is_str(
        bundle(FHIR_FORMAT_JSON, 1, NULL, pool),
        "{\n  \"resourceType\": \"Bundle\",\n  \"type\": \"searchset\",\n  \"total\": 2,\n  "
        "\"link\": "
        "[\n    {\n      \"relation\": \"self\",\n      \"url\": \"http://h/Patient?a=b&c\"\n    "
        "}\n  "
        "],\n  \"entry\": [\n    {\n      \"fullUrl\": \"http://h/Patient/p\",\n      "
        "\"resource\": "
        "{\n        \"gender\": \"male\",\n        \"resourceType\": \"Patient\",\n        \"id\": "
        "\"p\"\n      },\n      \"search\": {\n        \"mode\": \"match\"\n      }\n    },\n    "
        "{\n "
        "     \"resource\": {\n        \"resourceType\": \"OperationOutcome\",\n        \"issue\": "
        "[]\n      },\n      \"search\": {\n        \"mode\": \"outcome\"\n      }\n    },\n    "
        "{\n  "
        "    \"fullUrl\": \"http://h/Patient/q\"\n    }\n  ]\n}\n",
        "pretty JSON");
}

/* Bundles without entries. */
static const char *empty(fhir_format_t format, int pretty, apr_pool_t *pool)
{
    fhir_render_t *render = start(format, pretty, NULL, pool);

    tap_no_err(fhir_render_bundle_begin(render, head), "begin");
    tap_no_err(fhir_render_bundle_end(render, NULL), "end");
    return fhir_buf_cstr(out);
}

static void test_empty(apr_pool_t *pool)
{
    tap_is_str(empty(FHIR_FORMAT_JSON, 0, pool),
               "{\"resourceType\":\"Bundle\",\"type\":\"searchset\"}", "JSON");
    tap_is_str(empty(FHIR_FORMAT_JSON, 1, pool),
               "{\n  \"resourceType\": \"Bundle\",\n  \"type\": \"searchset\"\n}\n", "pretty JSON");
    tap_is_str(empty(FHIR_FORMAT_XML, 0, pool),
               DECL "<Bundle " XMLNS "><type value=\"searchset\"/></Bundle>", "XML");
}

/* More than is kept in memory: the order must be that of the entries. */
static void test_large(apr_pool_t *pool)
{
    fhir_render_t *render = start(FHIR_FORMAT_XML, 0, NULL, pool);
    char *text = apr_palloc(pool, 200001);
    int n = 0;

    memset(text, 'x', 200000);
    text[200000] = '\0';
    tap_no_err(fhir_render_bundle_begin(render, head), "begin");
    for (int i = 0; i < 23; i++) {
        fhir_render_entry_t entry = {.rest = "\"search\":{\"mode\":\"match\"}"};
        entry.resource = apr_psprintf(
            pool, "{\"resourceType\":\"Patient\",\"id\":\"%d\",\"name\":[{\"text\":\"%s\"}]}", i,
            i % 3 ? text : "short");
        entry.resource_len = strlen(entry.resource);
        tap_no_err(fhir_render_bundle_entry(render, &entry), "entry");
    }
    tap_no_err(fhir_render_bundle_end(render, tail), "end");
    for (const char *at = fhir_buf_cstr(out); (at = strstr(at, "<Patient><id value=\"")); n++) {
        at += 20;
        if (atoi(at) != n)
            break;
    }
    tap_is_int(n, 23, "all entries in order");
    tap_ok(out->len > 15 * 200000, "nothing is missing");
}

/* -- pages for people -------------------------------------------------------------------------- */

/* What in a page would run or load something, as a browser parses it; NULL: nothing. */
static const char *danger(const xmlNode *node)
{
    const char *found;

    for (; node; node = node->next) {
        if (node->type != XML_ELEMENT_NODE)
            continue;
        if (!strcmp((const char *)node->name, "script") ||
            !strcmp((const char *)node->name, "iframe"))
            return (const char *)node->name;
        for (const xmlAttr *a = node->properties; a; a = a->next) {
            const char *value = a->children ? (const char *)a->children->content : "";
            if (!strncmp((const char *)a->name, "on", 2) || !strncmp(value, "javascript", 10))
                return (const char *)a->name;
        }
        if ((found = danger(node->children)))
            return found;
    }
    return NULL;
}

static const char *danger_of(const char *page)
{
    htmlDocPtr doc = htmlReadMemory(page, (int)strlen(page), "x", "UTF-8",
                                    HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING);
    const char *found = danger(xmlDocGetRootElement(doc));

    found = found ? apr_pstrdup(out->pool, found) : NULL;
    xmlFreeDoc(doc);
    return found;
}

/* Markup in every place that data can have. */
static void test_hostile(apr_pool_t *pool)
{
    static const char evil[] =
        "{\"resourceType\":\"<script>alert(1)</script>\",\"id\":\"\\\"><script>alert(1)</script>\","
        "\"text\":{\"div\":\"<div xmlns='http://www.w3.org/1999/xhtml'><script>alert(1)</script><p "
        "onclick='x'>&lt;script><a "
        "href='javascript:x'>y</a></p></div>\"},\"<script>alert(1)</script>\":"
        "\"</pre><script>alert(1)</script>\",\"reference\":\"Patient/\\\"><script>\",\"url\":"
        "\"http://x/"
        "\\\"onmouseover='y'\",\"link\":[{\"relation\":\"<script>\",\"url\":\"javascript:x\"},{"
        "\"relation\":\"<script>\",\"url\":\"http://x/"
        "\\\"><script>\"}],\"type\":\"<script>\",\"total\":1}";
    fhir_render_entry_t entry = {"javascript:alert(1)", evil, strlen(evil),
                                 "\"search\":{\"mode\":\"<script>\"}"};
    const char *page = resource(evil, FHIR_FORMAT_HTML, 0, NULL, pool);

    tap_is_str(danger_of(page), NULL, "a page of one resource runs nothing");
    tap_ok(strstr(page, "&lt;script&gt;alert(1)") != NULL, "what is there is shown");
    fhir_render_t *render = start(FHIR_FORMAT_HTML, 0, NULL, pool);
    tap_no_err(
        fhir_render_bundle_begin(render, "\"resourceType\":\"Bundle\",\"type\":\"<script>\""),
        "begin");
    tap_no_err(fhir_render_bundle_entry(render, &entry), "entry");
    tap_no_err(fhir_render_bundle_end(render, tail), "end");
    page = fhir_buf_cstr(out);
    tap_is_str(danger_of(page), NULL, "nor does a Bundle's");
    tap_ok(strstr(page, "<a href=\"?name=a%22b&amp;_format=xml&amp;_pretty=true\">XML</a>") != NULL,
           "the link to XML keeps the query");
}

static void test_html(apr_pool_t *pool)
{
    const char *page =
        resource("{\"resourceType\":\"Patient\",\"id\":\"a\",\"active\":true,\"x\":[1.50,null],"
                 "\"link\":[{\"other\":{\"reference\":\"Patient/b/_history/2\"}},{\"other\":{"
                 "\"reference\":\"#c\"}},{\"other\":{\"reference\":\"Nothing/d\"}}]}",
                 FHIR_FORMAT_HTML, 0, NULL, pool);

    tap_ok(strstr(page, "<title>Patient/a</title>") != NULL, "title");
    tap_ok(strstr(page, "<a rel=\"noreferrer\" href=\"http://h/Patient/b/_history/2\">") != NULL,
           "a reference is a link");
    tap_ok(!strstr(page, "http://h/#c") && !strstr(page, "http://h/Nothing"), "others are not");
    tap_ok(strstr(page, "<dt>x</dt><dd><code>[1.50,null]</code></dd>") != NULL,
           "what the model does not know is told as it is");
    tap_is_str(danger_of("<p onclick='x'>"), "onclick", "the test finds what runs");
    page = bundle(FHIR_FORMAT_HTML, 0, NULL, pool);
    tap_ok(strstr(page, "<th scope=\"row\"><a href=\"http://h/Patient/p\">") != NULL, "an entry");
    tap_ok(strstr(page, "2 in all, 2 on this page") != NULL, "the total");
    tap_ok(strstr(page, "<code>a</code> b</span>") != NULL, "what was asked");
}

int main(void)
{
    apr_pool_t *pool = tap_start();

    out = fhir_buf_create(pool, 0);
    test_resources(pool);
    test_bundles(pool);
    test_empty(pool);
    test_large(pool);
    test_hostile(pool);
    test_html(pool);
    return tap_done();
}
