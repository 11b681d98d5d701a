/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Patch and XML Patch: documents, patches and what must come out; NULL: refused. */
#include "fhir/write/fhir_patch.h"
#include "tap.h"

#include <apr_file_io.h>
#include <apr_strings.h>
#include <libxml/c14n.h>
#include <libxml/parser.h>

typedef struct case_t {
    const char *target, *patch, *want, *message; /* message: part of the error's */
} case_t;

static const case_t json_cases[] = {
    {"{'a':1}", "[]", "{'a':1}", NULL},
    {"{'a':1}", "{}", NULL, "array of operations"},
    {"{'a':1}", "[1]", NULL, "operation 0"},
    {"{'a':1}", "[{'op':'add','path':'/b','value':2},{'op':'jump','path':'/a'}]", NULL,
     "operation 1"},
    {"{'a':1}", "[{'op':'add','path':'/b'}]", NULL, "'value' is missing"},
    {"{'a':1}", "[{'op':'add','path':'b','value':2}]", NULL, "begins with '/'"},
    {"{'a':1}", "[{'op':'add','path':'/b','value':2}]", "{'a':1,'b':2}", NULL},
    {"{'a':1}", "[{'op':'add','path':'/a','value':2}]", "{'a':2}", NULL},
    {"{'a':[1,2]}", "[{'op':'add','path':'/a/1','value':9}]", "{'a':[1,9,2]}", NULL},
    {"{'a':[1,2]}", "[{'op':'add','path':'/a/2','value':9}]", "{'a':[1,2,9]}", NULL},
    {"{'a':[1,2]}", "[{'op':'add','path':'/a/-','value':9}]", "{'a':[1,2,9]}", NULL},
    {"{'a':[1,2]}", "[{'op':'add','path':'/a/3','value':9}]", NULL, "does not exist"},
    {"{'a':[1,2]}", "[{'op':'add','path':'/a/01','value':9}]", NULL, "does not exist"},
    {"{'a':[1,2]}", "[{'op':'remove','path':'/a/2'}]", NULL, "does not exist"},
    {"{'a':[1,2]}", "[{'op':'remove','path':'/a/0'}]", "{'a':[2]}", NULL},
    {"{'a':1}", "[{'op':'remove','path':''}]", NULL, "cannot be removed"},
    {"{'a':1}", "[{'op':'replace','path':'','value':{'b':2}}]", "{'b':2}", NULL},
    {"{'a':{'b':1}}", "[{'op':'replace','path':'/a/b','value':1.50}]", "{'a':{'b':1.50}}", NULL},
    {"{'a':{'b':1}}", "[{'op':'move','from':'/a','path':'/a/c'}]", NULL, "into itself"},
    {"{'a':{'b':1}}", "[{'op':'move','from':'/a/b','path':'/c'}]", "{'a':{},'c':1}", NULL},
    {"{'a':[1,2,3]}", "[{'op':'move','from':'/a/0','path':'/a/2'}]", "{'a':[2,3,1]}", NULL},
    {"{'a':[1]}", "[{'op':'copy','from':'/a','path':'/b'},{'op':'add','path':'/b/-','value':2}]",
     "{'a':[1],'b':[1,2]}", NULL},
    {"{'a~b':1,'c/d':2}", "[{'op':'remove','path':'/a~0b'},{'op':'remove','path':'/c~1d'}]", "{}",
     NULL},
    {"{'a':1}", "[{'op':'remove','path':'/a~2'}]", NULL, "'~'"},
    {"{'a':{'b':[1.0,'x',null],'c':true}}",
     "[{'op':'test','path':'/a','value':{'c':true,'b':[1,'x',null]}}]",
     "{'a':{'b':[1.0,'x',null],'c':true}}", NULL},
    {"{'a':'1'}", "[{'op':'test','path':'/a','value':1}]", NULL, "the test failed"},
    {"{'a':{'b':1}}", "[{'op':'test','path':'/a','value':{'b':1,'c':2}}]", NULL, "the test failed"},
};

#define F "xmlns=\"http://hl7.org/fhir\""
static const case_t xml_cases[] = {
    {"<doc " F "/>", "<patch/>", NULL, "no operation"},
    {"<doc " F "><foo/></doc>", "<patch " F "><remove sel=\"f:doc/f:foo\"/></patch>",
     "<doc " F "/>", NULL},
    {"<doc " F "><foo/><foo/></doc>", "<patch " F "><remove sel=\"f:doc/f:foo\"/></patch>", NULL,
     "several nodes"},
    {"<doc " F "><foo/></doc>", "<patch " F "><remove sel=\"f:doc/f:bar\"/></patch>", NULL,
     "selects nothing"},
    {"<doc " F "><foo/></doc>", "<patch " F "><remove sel=\"f:doc/(\"/></patch>", NULL,
     "character 7"},
    {"<doc " F "/>", "<patch " F "><remove sel=\"f:doc\"/></patch>", NULL, "cannot be removed"},
    {"<doc " F "><a/> <b/> <c/></doc>",
     "<patch " F "><remove sel=\"f:doc/f:b\" ws=\"both\"/></patch>", "<doc " F "><a/><c/></doc>",
     NULL},
    {"<doc " F "><a/></doc>", "<patch " F "><remove sel=\"f:doc/f:a\" ws=\"before\"/></patch>",
     NULL, "no white space"},
    {"<doc " F "><b/></doc>",
     "<patch " F "><add sel=\"f:doc\" pos=\"prepend\"><x/><y/></add></patch>",
     "<doc " F "><x/><y/><b/></doc>", NULL},
    {"<doc " F "><b/></doc>",
     "<patch " F "><add sel=\"f:doc/f:b\" pos=\"after\"><x/><y/></add></patch>",
     "<doc " F "><b/><x/><y/></doc>", NULL},
    {"<doc " F "><b/></doc>",
     "<patch " F "><add sel=\"f:doc/f:b\" pos=\"before\"><x/><y/></add></patch>",
     "<doc " F "><x/><y/><b/></doc>", NULL},
    {"<doc " F "><b/></doc>",
     "<patch " F "><add sel=\"f:doc/f:b\" pos=\"inside\"><x/></add></patch>", NULL, "'pos' is"},
    {"<doc " F "><b v=\"1\"/></doc>",
     "<patch " F "><replace sel=\"f:doc/f:b/@v\">2</replace></patch>",
     "<doc " F "><b v=\"2\"/></doc>", NULL},
    {"<doc " F "><b/></doc>",
     "<patch " F "><add sel=\"f:doc/f:b\" type=\"@v\">a&amp;b</add></patch>",
     "<doc " F "><b v=\"a&amp;b\"/></doc>", NULL},
    {"<doc " F "><b/></doc>", "<patch " F "><replace sel=\"f:doc/f:b\">text</replace></patch>",
     NULL, "same kind"},
    {"<doc " F "><b/></doc>", "<patch><replace sel=\"f:doc/f:b\"><c " F "/></replace></patch>",
     "<doc " F "><c/></doc>", NULL},
    {"<doc " F " xmlns:p=\"urn:x\"><p:b/></doc>", "<patch><remove sel=\"*/namespace::p\"/></patch>",
     NULL, "in use"},
    /* texts come in the order in which they were sent */
    {"<doc " F ">old</doc>",
     "<patch " F "><add sel=\"f:doc\" pos=\"prepend\">one<x/>two</add></patch>",
     "<doc " F ">one<x/>twoold</doc>", NULL},
    {"<doc " F ">old</doc>", "<patch " F "><add sel=\"f:doc\">one<x/>two</add></patch>",
     "<doc " F ">oldone<x/>two</doc>", NULL},
    {"<doc " F ">a<b/>c</doc>",
     "<patch " F "><add sel=\"f:doc/f:b\" pos=\"before\">1<x/>2</add>"
     "<add sel=\"f:doc/f:b\" pos=\"after\">3<y/>4</add>"
     "<replace sel=\"f:doc/text()[4]\">last</replace></patch>",
     "<doc " F ">a1<x/>2<b/>3<y/>last</doc>", NULL},
    {"<doc " F ">a<b/>c</doc>",
     "<patch " F "><remove sel=\"f:doc/f:b\"/><replace sel=\"f:doc/text()\">d</replace></patch>",
     "<doc " F ">d</doc>", NULL},
    /* selectors */
    {"<doc " F "><a v=\"1\"/><a v=\"2\"/><b/></doc>",
     "<patch " F "><remove sel=\"/doc/*[2]\"/></patch>", "<doc " F "><a v=\"1\"/><b/></doc>", NULL},
    {"<doc " F "><a v=\"1\"/><a v=\"2\"/><b/></doc>",
     "<patch " F "><remove sel='f:doc/f:a[@v=\"2\"]'/></patch>",
     "<doc " F "><a v=\"1\"/><b/></doc>", NULL},
    {"<doc " F "><a v=\"1\"/><a v=\"2\"/><b/></doc>",
     "<patch><remove xmlns:q=\"http://hl7.org/fhir\" sel=\"q:*/q:a[last()]\"/></patch>",
     "<doc " F "><a v=\"1\"/><b/></doc>", NULL},
    {"<doc " F "><a><s v=\"x\"/><t v=\"1\"/></a><a><s v=\"y\"/><t v=\"1\"/></a></doc>",
     "<patch " F "><remove sel=\"f:doc/f:a[f:s/@v='y' and f:t/@v = '1'][1]/child::f:t\"/></patch>",
     "<doc " F "><a><s v=\"x\"/><t v=\"1\"/></a><a><s v=\"y\"/></a></doc>", NULL},
    {"<doc " F "><a><s v=\"x\"/></a><a><t/></a></doc>",
     "<patch " F "><remove sel=\"f:doc/f:a[f:t][position()=1]\"/></patch>",
     "<doc " F "><a><s v=\"x\"/></a></doc>", NULL},
    {"<doc " F "><a>x</a><a>y</a></doc>",
     "<patch " F "><remove sel=\"f:doc/f:a[text()='y']\"/></patch>", "<doc " F "><a>x</a></doc>",
     NULL},
    {"<doc " F "><a/></doc>", "<patch><remove sel=\"doc/a\"/></patch>", NULL, "selects nothing"},
    {"<doc " F "><a/></doc>", "<patch " F "><remove sel=\"f:doc/q:a\"/></patch>", NULL,
     "prefix before this is not declared"},
    {"<doc " F "><a/></doc>", "<patch " F "><remove sel=\"f:doc[string()='x']\"/></patch>", NULL,
     "character 13"},
    {"<doc " F "><a/></doc>", "<patch " F "><remove sel=\"f:doc//f:a\"/></patch>", NULL,
     "a name or * is expected"},
    {"<doc " F "><a/></doc>", "<patch " F "><remove sel=\"f:doc/f:a[@v='1]\"/></patch>", NULL,
     "text in quotes"},
    {"<doc " F "><a/></doc>", "<patch " F "><remove sel=\"f:doc/f:a[f:b='1']\"/></patch>", NULL,
     "not an element"},
    {"<doc " F "><a/></doc>", "<patch " F "><remove sel=\"f:doc/f:a]\"/></patch>", NULL,
     "the end is expected"},
    {"<doc", "<patch " F "><remove sel=\"f:doc\"/></patch>", NULL, "not well-formed"},
    {"<doc " F "/>", "<!DOCTYPE p [<!ENTITY e \"x\">]><patch/>", NULL, "document types"},
};

static char *quotes(const char *text, apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, text);

    for (char *s = copy; *s; s++)
        if (*s == '\'')
            *s = '"';
    return copy;
}

static void check_error(const fhir_err_t *err, const case_t *c)
{
    if (tap_ok(err != NULL, "refused: %s on %s", c->patch, c->target))
        tap_ok(strstr(err->message, c->message) != NULL, "'%s' says '%s'", err->message,
               c->message);
}

static void json_case(const case_t *c, apr_pool_t *pool)
{
    const char *target = quotes(c->target, pool), *patch = quotes(c->patch, pool);
    fhir_node_t *root, *ops;
    fhir_buf_t *out = fhir_buf_create(pool, 0);

    if (!tap_no_err(fhir_node_parse_json(&root, target, strlen(target), NULL, pool), "target") ||
        !tap_no_err(fhir_node_parse_json(&ops, patch, strlen(patch), NULL, pool), "patch"))
        return;
    fhir_err_t *err = fhir_patch_json(&root, ops, NULL, pool);
    if (!c->want) {
        check_error(err, c);
        return;
    }
    if (tap_no_err(err, "%s on %s", c->patch, c->target)) {
        fhir_node_write_json(out, root, 0);
        tap_is_str(fhir_buf_cstr(out), quotes(c->want, pool), "%s", c->patch);
    }
}

/* ---- limits ---- */

typedef struct limit_case_t {
    const char *target, *patch;
    int times; /* the operation is sent so often */
    fhir_patch_limits_t limits;
    const char *message; /* NULL: applied */
} limit_case_t;

static const limit_case_t json_limits[] = {
    /* copied to the deepest place, depth doubles each time: 17 operations made 130,000 levels */
    {"{'a':{}}", "{'op':'copy','from':'','path':'/a/b'}", 40, {0}, "deeper than 64 levels"},
    {"{'a':{}}", "{'op':'copy','from':'','path':'/a/b'}", 3, {.max_depth = 8}, NULL},
    {"{'a':{}}", "{'op':'copy','from':'','path':'/a/b'}", 3, {.max_depth = 7}, "operation 2"},
    {"{'a':{'b':{'c':[]}},'d':{'e':{}}}",
     "{'op':'move','from':'/d','path':'/a/b/c/0'}",
     1,
     {.max_depth = 6},
     NULL},
    {"{'a':{'b':{'c':[]}},'d':{'e':{}}}",
     "{'op':'move','from':'/d','path':'/a/b/c/0'}",
     1,
     {.max_depth = 5},
     "deeper than 5"},
    {"{'a':{}}", "{'op':'add','path':'/a/b','value':[[[1]]]}", 1, {.max_depth = 5}, NULL},
    {"{'a':{}}",
     "{'op':'add','path':'/a/b','value':[[[1]]]}",
     1,
     {.max_depth = 4},
     "deeper than 4"},
    {"{'a':{}}",
     "{'op':'replace','path':'/a','value':[[[1]]]}",
     1,
     {.max_depth = 3},
     "deeper than 3"},
    {"{'a':[1]}", "{'op':'copy','from':'/a','path':'/a/-'}", 25, {0}, "than the limit"},
    {"{'a':[1]}", "{'op':'copy','from':'/a/0','path':'/a/-'}", 5, {.max_nodes = 4}, "operation 4"},
    /* what each copy is written as */
    {"{'a':'0123456789012345678901234567890123456789','b':[]}",
     "{'op':'copy','from':'/a','path':'/b/0'}",
     100,
     {.max_steps = 400},
     "needs more than 400 steps"},
    /* what is passed by on the way */
    {"{'a':[0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9]}",
     "{'op':'test','path':'/a/19','value':9}",
     200,
     {.max_steps = 500},
     "needs more than 500 steps"},
    {"{'a':1}", "{'op':'test','path':'/a','value':1}", 1001, {0}, "more than 1000 operations"},
};

/* The patch's operation is sent so often, in a <diff>. */
static const limit_case_t xml_limits[] = {
    {"<doc " F "><a/></doc>", "<add sel=\"f:doc/f:a\"><a/></add>", 1, {.max_depth = 3}, NULL},
    {"<doc " F "><a/></doc>",
     "<add sel=\"f:doc/f:a\"><a/></add>",
     1,
     {.max_depth = 2},
     "deeper than 2"},
    {"<doc " F "><a/></doc>",
     "<replace sel=\"f:doc/f:a\"><a><b><c/></b></a></replace>",
     1,
     {.max_depth = 3},
     "deeper than 3"},
    {"<doc " F "><a/></doc>",
     "<add sel=\"f:doc/f:a\"><a><b><c><d/></c></b></a></add>",
     1,
     {.max_depth = 2},
     "deeper than 4 levels"}, /* the patch itself */
    {"<doc " F "><a/></doc>",
     "<add sel=\"f:doc\"><x/><x/><x/></add>",
     20,
     {.max_nodes = 90},
     "more than 90 elements"},
    {"<doc " F "><a/></doc>",
     "<add sel=\"f:doc\"><x/><x/><x/></add>",
     20,
     {.max_nodes = 110},
     NULL},
    {"<doc " F "><a/></doc>",
     "<add sel=\"f:doc\" type=\"@a\">b</add>",
     1001,
     {0},
     "more than 1000"},
    {"<doc " F "><a/></doc>",
     "<add sel=\"f:doc\"><x/></add>",
     400,
     {.max_steps = 1000},
     "needs more than 1000 steps"},
    {"<doc " F "><a/><a/><a/><a/><a/><a/><a/><a/><a v=\"x\"/></doc>",
     "<replace sel=\"*/*[@v='x']/@v\">x</replace>",
     20,
     {.max_steps = 1000},
     "needs more than 1000 steps"},
    {"<doc " F "><a/></doc>",
     "<add sel=\"f:doc\">0123456789012345678901234567890123456789</add>",
     100,
     {.max_steps = 5000},
     "needs more than 5000 steps"},
};

static fhir_err_t *xml_times(const limit_case_t *c, apr_pool_t *pool)
{
    fhir_buf_t *patch = fhir_buf_create(pool, 0);

    fhir_buf_puts(patch, "<diff " F ">");
    for (int i = 0; i < c->times; i++)
        fhir_buf_puts(patch, c->patch);
    fhir_buf_puts(patch, "</diff>");
    const char *result;
    apr_size_t len;
    return fhir_patch_xml(&result, &len, c->target, strlen(c->target), patch->data, patch->len,
                          &c->limits, pool);
}

static fhir_err_t *json_times(const limit_case_t *c, apr_pool_t *pool)
{
    const char *target = quotes(c->target, pool), *patch = quotes(c->patch, pool);
    fhir_buf_t *ops = fhir_buf_create(pool, 0);

    for (int i = 0; i < c->times; i++) {
        fhir_buf_putc(ops, i ? ',' : '[');
        fhir_buf_puts(ops, patch);
    }
    fhir_buf_putc(ops, ']');
    fhir_node_t *root;
    FHIR_TRY(fhir_node_parse_json(&root, target, strlen(target), NULL, pool));
    fhir_node_t *list;
    FHIR_TRY(fhir_node_parse_json(&list, ops->data, ops->len, NULL, pool));
    return fhir_patch_json(&root, list, &c->limits, pool);
}

static void limit_case(const limit_case_t *c, fhir_err_t *err)
{
    if (!c->message)
        tap_no_err(err, "%d times %s", c->times, c->patch);
    else if (tap_ok(err != NULL, "refused: %d times %s", c->times, c->patch))
        tap_ok(strstr(err->message, c->message) != NULL, "'%s' says '%s'", err->message,
               c->message);
}

/* An object with n members, in their order or the reverse. */
static void members(fhir_buf_t *buf, int n, int reverse)
{
    for (int i = 0; i < n; i++)
        fhir_buf_printf(buf, "%c\"m%d\":%d", i ? ',' : '{', reverse ? n - i : i + 1, i % 7);
    fhir_buf_putc(buf, '}');
}

/* Looked up one by one, this would be 6.4 billion comparisons, 20 seconds. */
static void check_many_members(apr_pool_t *pool)
{
    fhir_buf_t *a = fhir_buf_create(pool, 0), *b = fhir_buf_create(pool, 0);

    members(a, 80001, 0);
    members(b, 80001, 1);
    fhir_node_t *x;
    tap_no_err(fhir_node_parse_json(&x, a->data, a->len, NULL, pool), "80,001 members");
    fhir_node_t *y;
    tap_no_err(fhir_node_parse_json(&y, b->data, b->len, NULL, pool), "80,001 members");
    tap_ok(!fhir_node_equal(x, y, 1, pool), "others in the reverse order are not equal");
    tap_ok(fhir_node_equal(x, x, 1, pool), "the same ones are");
}

static void drop_blanks(xmlNodePtr node)
{
    xmlNodePtr next;

    for (; node; node = next) {
        next = node->next;
        if (node->type == XML_ELEMENT_NODE) {
            drop_blanks(node->children);
        }
        else if (xmlIsBlankNode(node)) {
            xmlUnlinkNode(node);
            xmlFreeNode(node);
        }
    }
}

/* Canonical XML without white space between elements: namespace declarations that change nothing
 * are no difference. */
static const char *canonical(const char *xml, apr_size_t len, apr_pool_t *pool)
{
    xmlDocPtr doc = xmlReadMemory(xml, (int)len, NULL, NULL, 0);
    xmlChar *text = NULL;

    drop_blanks(doc->children);
    xmlC14NDocDumpMemory(doc, NULL, XML_C14N_1_0, NULL, 1, &text);
    const char *copy = apr_pstrdup(pool, (const char *)text);
    xmlFree(text);
    xmlFreeDoc(doc);
    return copy;
}

static void xml_case(const case_t *c, apr_pool_t *pool)
{
    const char *result;
    apr_size_t len;
    fhir_err_t *err = fhir_patch_xml(&result, &len, c->target, strlen(c->target), c->patch,
                                     strlen(c->patch), NULL, pool);

    if (!c->want)
        check_error(err, c);
    else if (tap_no_err(err, "%s on %s", c->patch, c->target))
        tap_is_str(canonical(result, len, pool), canonical(c->want, strlen(c->want), pool), "%s",
                   c->patch);
}

/* ---- HL7's own cases: patch_test json FILE, patch_test xml FILE (t/patch-hl7.t) ---- */

static const char *slurp(const char *path, apr_size_t *len, apr_pool_t *pool)
{
    apr_file_t *file;
    apr_finfo_t info;

    if (apr_file_open(&file, path, APR_FOPEN_READ, 0, pool) != APR_SUCCESS ||
        apr_file_info_get(&info, APR_FINFO_SIZE, file) != APR_SUCCESS)
        return NULL;
    char *text = apr_palloc(pool, (apr_size_t)info.size + 1);
    *len = (apr_size_t)info.size;
    apr_file_read_full(file, text, *len, len);
    text[*len] = '\0';
    return text;
}

static const char *json_text(const fhir_node_t *node, apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);

    fhir_node_write_json(buf, node, 0);
    return apr_pstrdup(pool, fhir_buf_cstr(buf));
}

static void hl7_json(const char *text, apr_size_t len, apr_pool_t *pool)
{
    fhir_node_t *root;

    if (!tap_no_err(fhir_node_parse_json(&root, text, len, NULL, pool), "the file is JSON"))
        return;
    for (const fhir_node_t *c = root->child; c; c = c->next) {
        const char *name = fhir_node_string(c, "comment", pool);
        fhir_node_t *doc = (fhir_node_t *)fhir_node_get(c, "doc");
        const fhir_node_t *want = fhir_node_get(c, "expected");
        fhir_err_t *err = fhir_patch_json(&doc, fhir_node_get(c, "patch"), NULL, pool);
        if (!want)
            tap_ok(err != NULL, "refused: %s", name);
        else if (tap_no_err(err, "%s", name))
            tap_ok(fhir_node_equal(doc, want, 1, pool), "%s: %s", name, json_text(doc, pool));
    }
}

static xmlNodePtr element(xmlNodePtr node)
{
    while (node && node->type != XML_ELEMENT_NODE)
        node = node->next;
    return node;
}

static xmlNodePtr child(xmlNodePtr parent, const char *name)
{
    xmlNodePtr node = element(parent->children);

    while (node && !xmlStrEqual(node->name, BAD_CAST name))
        node = element(node->next);
    return node;
}

static const char *dump(xmlNodePtr node, apr_pool_t *pool)
{
    xmlBufferPtr buf = xmlBufferCreate();

    if (node)
        xmlNodeDump(buf, node->doc, node, 0, 0);
    const char *text = apr_pstrdup(pool, (const char *)xmlBufferContent(buf));
    xmlBufferFree(buf);
    return text;
}

static void hl7_xml(const char *text, apr_size_t len, apr_pool_t *pool)
{
    xmlDocPtr doc = xmlReadMemory(text, (int)len, NULL, NULL, 0);
    xmlNodePtr node = doc ? element(xmlDocGetRootElement(doc)->children) : NULL;

    for (; node; node = element(node->next)) {
        xmlNodePtr want = child(node, "patched");
        const char *target = dump(element(child(node, "target")->children), pool);
        const char *patch = dump(child(node, "patch"), pool);
        xmlChar *name = xmlGetProp(node, BAD_CAST "name");
        case_t c = {target, patch, want ? dump(element(want->children), pool) : NULL, ""};

        tap_diag("%s", (const char *)name);
        xmlFree(name);
        xml_case(&c, pool);
    }
    tap_ok(doc != NULL, "the file is XML");
    xmlFreeDoc(doc);
}

static int hl7(const char *kind, const char *path, apr_pool_t *pool)
{
    apr_size_t len;
    const char *text = slurp(path, &len, pool);

    if (tap_ok(text != NULL, "%s can be read", path))
        (strcmp(kind, "json") ? hl7_xml : hl7_json)(text, len, pool);
    return tap_done();
}

int main(int argc, char **argv)
{
    apr_pool_t *pool = tap_start();

    if (argc == 3)
        return hl7(argv[1], argv[2], pool);
    apr_pool_t *sub;
    apr_pool_create(&sub, pool);
    for (apr_size_t i = 0; i < TAP_COUNT(json_limits); i++) {
        limit_case(&json_limits[i], json_times(&json_limits[i], sub));
        apr_pool_clear(sub);
    }
    for (apr_size_t i = 0; i < TAP_COUNT(xml_limits); i++) {
        limit_case(&xml_limits[i], xml_times(&xml_limits[i], sub));
        apr_pool_clear(sub);
    }
    check_many_members(sub);
    apr_pool_clear(sub);
    for (apr_size_t i = 0; i < TAP_COUNT(json_cases); i++) {
        json_case(&json_cases[i], sub);
        apr_pool_clear(sub);
    }
    for (apr_size_t i = 0; i < TAP_COUNT(xml_cases); i++) {
        xml_case(&xml_cases[i], sub);
        apr_pool_clear(sub);
    }
    return tap_done();
}
