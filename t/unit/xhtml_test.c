/* SPDX-License-Identifier: Apache-2.0 */
/* Narratives: what is refused on input, and what becomes of them in XML and HTML. */
#include "fhir/format/fhir_xhtml.h"

#include <apr_strings.h>
#include <libxml/parser.h>

#include "tap.h"

#define NS     "xmlns=\"http://www.w3.org/1999/xhtml\""
#define DIV(s) "<div " NS ">" s "</div>"

static const struct {
    const char *div;
    const char *fault; /* R4: part of the message, NULL: accepted */
} checks[] = {
    {DIV("x"), NULL},
    {" \n" DIV("x") "\n", NULL},
    {DIV("<p>a &amp; b &lt; c &#160; &#xe9; &quot;&apos;</p><br/><hr />"), NULL},
    {DIV("<table border=\"1\" class='grid'><tr><td colspan=\"2\">x</td></tr></table>"), NULL},
    {DIV("<a href=\"http://example.org/?a=1&amp;b=2\">x</a><a name=\"n\"/>"), NULL},
    {DIV("<a href=\"#n\">x</a><a href=\"Patient/1\">x</a><a href=\"?a:b\">x</a>"), NULL},
    {DIV("<img src=\"data:image/png;base64,AAAA\" alt=\"x\"/>"), NULL},
    {DIV("<img src=\"#hippo\"/>"), NULL},
    {DIV("<p style=\"color: red; width: 3em\" xml:lang=\"en\" lang=\"en\" dir=\"ltr\">x</p>"),
     NULL},
    {DIV("<p align=\"center\" tabindex=\"0\">x</p>"), NULL},
    {DIV("<table width=\"100%\" align=\"left\" bgcolor=\"#fff\"><tr><td nowrap=\"nowrap\" "
         "width=\"3\" height=\"4\" valign=\"top\">x</td></tr></table>"),
     NULL},
    {DIV("<img src=\"#p\" border=\"0\" hspace=\"1\"/><hr noshade=\"noshade\" size=\"1\"/><br "
         "clear=\"all\"/><ol start=\"3\" type=\"a\"><li value=\"4\">x</li></ol>"),
     NULL},
    {DIV("<p border=\"1\">x</p>"), "attribute is not allowed"},
    {DIV("<p nowrap=\"nowrap\">x</p>"), "attribute is not allowed"},
    {DIV("<!-- a comment --> x"), NULL},
    {DIV("<![CDATA[a < b]]>"), NULL},
    {"<n:div xmlns:n=\"http://www.w3.org/1999/xhtml\"><n:p>x</n:p></n:div>", NULL},
    {DIV("<p " NS ">x</p>"), NULL},
    {DIV("caf\xC3\xA9 \xF0\x9F\x98\x80"), NULL},
    /* not what a narrative is */
    {"", "must be a div"},
    {"x", "must be a div"},
    {"<p " NS ">x</p>", "must be a div"},
    {"<div>x</div>", "must say xmlns"},
    {"<div xmlns=\"http://hl7.org/fhir\">x</div>", "only be in the namespace"},
    {DIV("<p xmlns=\"http://hl7.org/fhir\">x</p>"), "only be in the namespace"},
    {DIV("<n:p xmlns:n=\"http://www.w3.org/1999/xhtmlx\">x</n:p>"), "only be in the namespace"},
    {DIV("<n:p>x</n:p>"), "prefix"},
    {DIV("<n:p xmlns:n=\"http://www.w3.org/1999/xhtml\">x</n:p>"), "declared on its div"},
    {DIV(""), "no content"},
    {DIV(" <p> </p> \n"), "no content"},
    {DIV("x") DIV("y"), "nothing may follow"},
    {"<!-- c -->" DIV("x"), "not allowed"},
    /* not well-formed */
    {DIV("<p>x</pa>"), "does not match"},
    {"<div " NS ">x", "not closed"},
    {DIV("</p>"), "does not match"},
    {DIV("<p>x"), "does not match"},
    {DIV("a < b"), "must begin a tag"},
    {DIV("a & b"), "bare '&'"},
    {DIV("&nope;"), "unknown entity"},
    {DIV("&#0;"), "unknown entity"},
    {DIV("&#x1F;"), "unknown entity"},
    {DIV("&#xD800;"), "unknown entity"},
    {DIV("&#1114112;"), "unknown entity"},
    {DIV("&#xFFFFFFFFFFFF;"), "unknown entity"},
    {DIV("\x01"), "control character"},
    {DIV("\xEF\xBF\xBF"), "character that XML does not allow"},
    {DIV("]]>"), "]]&gt;"},
    {DIV("<!-- a -- b --> x"), "--"},
    {DIV("<!-- a"), "does not end"},
    {DIV("<![CDATA[a"), "does not end"},
    {DIV("<p class=x>y</p>"), "in quotes"},
    {DIV("<p class>y</p>"), "name=\"value\""},
    {DIV("<p class=\"a\"class=\"b\">y</p>"), "blanks must separate"},
    {DIV("<p class=\"a\" class=\"b\">y</p>"), "only once"},
    {DIV("<p title=\"<\">y</p>"), "&lt;"},
    {DIV("<p title=\"a"), "does not end"},
    {DIV("<p"), "separate attributes"},
    {DIV("<br/ >"), "does not end"},
    {DIV("<?php x ?>y"), "processing instructions"},
    {DIV("<!DOCTYPE foo [ <!ENTITY xxe SYSTEM \"file:///etc/passwd\">]>&xxe;"), "document types"},
    /* not allowed in a narrative */
    {DIV("&nbsp;"), "entities of HTML"},
    {DIV("<a title=\"&nbsp;\">x</a>"), "entities of HTML"},
    {DIV("<script>alert(1)</script>"), "element is not allowed"},
    {DIV("<SCRIPT>alert(1)</SCRIPT>"), "element is not allowed"},
    {DIV("<object value=\"false\"/>x"), "element is not allowed"},
    {DIV("<iframe src=\"x\"/>x"), "element is not allowed"},
    {DIV("<form><input/></form>x"), "element is not allowed"},
    {DIV("<link href=\"x\"/>x"), "element is not allowed"},
    {DIV("<svg/>x"), "element is not allowed"},
    {DIV("<ins>x</ins>"), "element is not allowed"},
    {DIV("<p onclick=\"x()\">x</p>"), "attribute is not allowed"},
    {DIV("<p onClick=\"x()\">x</p>"), "attribute is not allowed"},
    {DIV("<p href=\"x\">x</p>"), "attribute is not allowed"},
    {DIV("<img src=\"x\" onerror=\"x()\"/>"), "attribute is not allowed"},
    {DIV("<p xlink:href=\"x\">x</p>"), "other namespaces"},
    {DIV("<a href=\"javascript:alert(1)\">x</a>"), "URL is not allowed"},
    {DIV("<a href=\" java\tscript:alert(1)\">x</a>"), "URL is not allowed"},
    {DIV("<a href=\"JAVA&#115;cript&#58;alert(1)\">x</a>"), "URL is not allowed"},
    {DIV("<a href=\"&#1;vbscript:x\">x</a>"), "bare '&'"},
    {DIV("<a href=\"data:text/html,x\">x</a>"), "URL is not allowed"},
    {DIV("<img src=\"data:image/svg+xml,x\"/>"), "URL is not allowed"},
    {DIV("<a href=\":x\">x</a>"), "URL is not allowed"},
    {DIV("<p style=\"background: url(http://x)\">x</p>"), "style is not allowed"},
    {DIV("<p style=\"background: url(//x/y.png)\">x</p>"), "style is not allowed"},
    {DIV("<p style=\"background: url('data:image/svg+xml,x')\">x</p>"), "style is not allowed"},
    {DIV("<p style=\"background: url(a.png)\">x</p>"), NULL},
    {DIV("<p style=\"background: url('data:image/png;base64,AA==')\">x</p>"), NULL},
    {DIV("<a href=\"StructureDefinition-us-core-condition-problems-health-concerns-and-more.html\">"
         "x</a>"),
     NULL},
    {DIV("<p style=\"width: expres/**/sion(x)\">x</p>"), "style is not allowed"},
    {DIV("<p style=\"background: u\\72l(x)\">x</p>"), "style is not allowed"},
};

static const struct {
    const char *div, *xml;
} writes[] = {
    {DIV("x"), DIV("x")},
    {" " DIV("<p  class = 'a' >x</p ><br />") "\n", DIV("<p  class = 'a' >x</p ><br />")},
    {"<div>x</div>", FHIR_XHTML_ADDED ">x</div>"},
    {"<div/>", FHIR_XHTML_ADDED "/>"},
    {"<div title=\"&nbsp;\">&copy; 2015 &amp;</div>",
     FHIR_XHTML_ADDED " title=\"&#160;\">&#169; 2015 &amp;</div>"},
    {DIV("<b title=\"&eacute;&lt;\">&copy;</b>&reg;<![CDATA[&copy;]]>"),
     DIV("<b title=\"&#233;&lt;\">&#169;</b>&#174;<![CDATA[&copy;]]>")},
    {"<script>x</script>", DIV("&lt;script&gt;x&lt;/script&gt;")},
    {"<div><p>x</div>", DIV("&lt;div&gt;&lt;p&gt;x&lt;/div&gt;")},
    {"<div>a & b</div>", DIV("&lt;div&gt;a &amp; b&lt;/div&gt;")},
    {"<div>\x01</div>", DIV("&lt;div&gt;\xEF\xBF\xBD&lt;/div&gt;")},
    {"", DIV("")},
};

static const struct {
    const char *div, *html;
} pages[] = {
    {DIV("<p>x</p><br/><td/>"), "<div><p>x</p><br><td></td></div>"},
    {DIV("<script>alert(1)</script>"), "<div>alert(1)</div>"},
    {DIV("<p onclick=\"x\" class=\"c\" id=\"i\" title='a\"b'>x</p>"),
     "<div><p title=\"a&quot;b\">x</p></div>"},
    {DIV("<a href=\"javascript:x\">y</a>"), "<div><a>y</a></div>"},
    {DIV("<!--> <script>alert(1)</script> -->x"), "<div>x</div>"},
    {DIV("<![CDATA[<script>]]>&nbsp;&amp;"), "<div>&lt;script&gt;&nbsp;&amp;</div>"},
    {"<div><p>x</div>", DIV("&lt;div&gt;&lt;p&gt;x&lt;/div&gt;")},
    {"<n:div xmlns:n=\"http://www.w3.org/1999/xhtml\"><n:p>x</n:p></n:div>", "<div><p>x</p></div>"},
};

static int well_formed(const char *xml, int len)
{
    xmlDocPtr doc = xmlReadMemory(xml, len, "x", NULL, XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    int ok = doc != NULL;

    xmlFreeDoc(doc);
    return ok;
}

static void test_check(apr_pool_t *pool)
{
    for (apr_size_t i = 0; i < TAP_COUNT(checks); i++) {
        const char *div = checks[i].div, *fault = checks[i].fault;
        fhir_err_t *err = fhir_xhtml_check(&fhir_model_r4, div, strlen(div), NULL, pool);

        if (!fault)
            tap_no_err(err, "accepted: %s", div);
        else if (!tap_ok(err && strstr(err->message, fault), "%s: %s", fault, div))
            tap_diag("%s", err ? err->message : "accepted");
        if (err)
            tap_ok(err->line > 0 && err->column > 0, "its place");
    }
}

static void test_depth(apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0), *out = fhir_buf_create(pool, 0);

    fhir_buf_puts(buf, "<div " NS ">");
    for (int i = 0; i < 5000; i++)
        fhir_buf_puts(buf, "<b>");
    fhir_buf_puts(buf, "x");
    for (int i = 0; i < 5000; i++)
        fhir_buf_puts(buf, "</b>");
    fhir_buf_puts(buf, "</div>");
    tap_ok(fhir_xhtml_check(&fhir_model_r4, buf->data, buf->len, NULL, pool),
           "deep nesting is refused");
    tap_ok(!fhir_xhtml_write_xml(out, buf->data, buf->len), "and written as text");
    tap_ok(well_formed(out->data, (int)out->len), "that is well-formed");
}

/* A narrative of so many levels, the div among them, and attributes in the innermost. */
static const char *nested(int levels, int attrs, apr_pool_t *pool)
{
    static const char *const names[] = {"class", "id", "lang", "title", "style", "dir"};
    fhir_buf_t *buf = fhir_buf_create(pool, 0);

    fhir_buf_puts(buf, "<div " NS ">");
    for (int i = 2; i < levels; i++)
        fhir_buf_puts(buf, "<b>");
    fhir_buf_puts(buf, "<i");
    for (int i = 0; i < attrs; i++)
        fhir_buf_printf(buf, " %s=\"\"", names[i]);
    fhir_buf_puts(buf, ">x</i>");
    for (int i = 2; i < levels; i++)
        fhir_buf_puts(buf, "</b>");
    fhir_buf_puts(buf, "</div>");
    return fhir_buf_cstr(buf);
}

static void test_limits(apr_pool_t *pool)
{
    static const struct {
        int max_depth, max_attrs, depth, attrs;
        const char *fault;
    } limits[] = {
        {0, 0, 64, 6, NULL},        {0, 0, 65, 6, "at most 64 are"},
        {8, 4, 8, 4, NULL},         {8, 4, 9, 4, "most 8"},
        {8, 4, 8, 5, "most 4 are"}, {FHIR_NODE_DEPTH_MOST, 256, FHIR_NODE_DEPTH_MOST, 6, NULL},
    };

    for (apr_size_t i = 0; i < TAP_COUNT(limits); i++) {
        fhir_node_limits_t given = {.max_depth = limits[i].max_depth,
                                    .max_attrs = limits[i].max_attrs};
        const char *div = nested(limits[i].depth, limits[i].attrs, pool);
        fhir_err_t *err = fhir_xhtml_check(&fhir_model_r4, div, strlen(div), &given, pool);

        if (!limits[i].fault)
            tap_no_err(err, "%d levels, %d attributes: within", limits[i].depth, limits[i].attrs);
        else
            tap_ok(err && strstr(err->message, limits[i].fault), "%d levels, %d attributes: over",
                   limits[i].depth, limits[i].attrs);
    }
}

int main(void)
{
    apr_pool_t *pool = tap_start();
    fhir_buf_t *buf = fhir_buf_create(pool, 0);

    test_check(pool);
    test_depth(pool);
    test_limits(pool);
    tap_no_err(fhir_xhtml_check(&fhir_model_dstu2, "<div>&nbsp;x</div>", 18, NULL, pool),
               "DSTU2 does without namespace and has entities");
    tap_ok(fhir_xhtml_check(&fhir_model_dstu2, "<div>&nope;x</div>", 18, NULL, pool),
           "but not any");
    for (apr_size_t i = 0; i < TAP_COUNT(writes); i++) {
        fhir_buf_clear(buf);
        fhir_xhtml_write_xml(buf, writes[i].div, strlen(writes[i].div));
        tap_is_str(fhir_buf_cstr(buf), writes[i].xml, "XML of %s", writes[i].div);
        tap_ok(well_formed(buf->data, (int)buf->len), "well-formed");
    }
    for (apr_size_t i = 0; i < TAP_COUNT(pages); i++) {
        fhir_buf_clear(buf);
        fhir_xhtml_write_html(buf, pages[i].div, strlen(pages[i].div));
        tap_is_str(fhir_buf_cstr(buf), pages[i].html, "HTML of %s", pages[i].div);
    }
    return tap_done();
}
