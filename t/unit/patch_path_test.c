/* SPDX-License-Identifier: Apache-2.0 */
/* FHIRPath Patch: a resource, operations in short, and what must come out; NULL: refused, with part
 * of the message. With a file as argument, HL7's cases of it. */
#include "fhir/format/fhir_xml.h"
#include "fhir/write/fhir_patch.h"
#include "tap.h"

#include <apr_file_io.h>
#include <apr_strings.h>
#include <libxml/parser.h>
#include <stdlib.h>

/* Texts have ' for ". An operation is its parts, as members of an object; value[x] is the value's.
 */
static const struct {
    const char *resource, *operations, *want, *message;
} cases[] = {
    {"'birthDate':'1920-01-01'", "{'type':'replace','path':'Patient.birthDate','valueDate':'1930'}",
     "'birthDate':'1930'", NULL},
    {"'_birthDate':{'id':'x'}", "{'type':'replace','path':'Patient.birthDate','valueDate':'1930'}",
     "'birthDate':'1930'", NULL},
    {"'active':true", "{'type':'delete','path':'Patient.active'}", "", NULL},
    {"'active':true", "{'type':'delete','path':'Patient.gender'}", "'active':true", NULL},
    {"'active':true", "{'type':'delete','path':'Patient'}", NULL, "resource itself"},
    {"'name':[{'given':['a','b']}]", "{'type':'delete','path':'Patient.name.given'}", NULL,
     "2 elements"},
    {"'name':[{'given':['a','b']}]", "{'type':'delete','path':'Patient.name.given[0]'}",
     "'name':[{'given':['b']}]", NULL},
    {"'name':[{'given':['a',null],'_given':[null,{'id':'x'}]}]",
     "{'type':'delete','path':'Patient.name.given[0]'}", "'name':[{'_given':[{'id':'x'}]}]", NULL},
    {"'name':[{'given':['a',null],'_given':[null,{'id':'x'}]}]",
     "{'type':'move','path':'Patient.name.given','source':1,'destination':0}",
     "'name':[{'given':[null,'a'],'_given':[{'id':'x'},null]}]", NULL},
    {"'name':[{'family':'F'}]", "{'type':'delete','path':'Patient.name[0]'}", "", NULL},
    {"", "{'type':'add','path':'Patient','name':'active','valueBoolean':true}", "'active':true",
     NULL},
    {"'active':true", "{'type':'add','path':'Patient','name':'active','valueBoolean':true}", NULL,
     "use replace"},
    {"", "{'type':'add','path':'Patient','name':'colour','valueCode':'red'}", NULL,
     "no element 'colour'"},
    {"", "{'type':'add','path':'Patient','name':'deceased','valueDateTime':'2000'}",
     "'deceasedDateTime':'2000'", NULL},
    {"", "{'type':'add','path':'Patient','name':'deceased','valueString':'2000'}", NULL,
     "type String"},
    {"'deceasedBoolean':true",
     "{'type':'replace','path':'Patient.deceased','valueDateTime':'2000'}",
     "'deceasedDateTime':'2000'", NULL},
    {"'name':[{'family':'A'}]",
     "{'type':'add','path':'Patient','name':'name','valueHumanName':{'family':'B'}}",
     "'name':[{'family':'A'},{'family':'B'}]", NULL},
    {"'name':[{'family':'A'}]",
     "{'type':'add','path':'Patient.name[0]','name':'given','valueString':'g'}",
     "'name':[{'family':'A','given':['g']}]", NULL},
    {"'birthDate':'1920'",
     "{'type':'add','path':'Patient.birthDate','name':'extension','valueExtension':{'url':'u'}}",
     "'birthDate':'1920','_birthDate':{'extension':[{'url':'u'}]}", NULL},
    {"'name':[{'given':['a','b']}]",
     "{'type':'add','path':'Patient.name.given[1]','name':'id','valueString':'x'}",
     "'name':[{'given':['a','b'],'_given':[null,{'id':'x'}]}]", NULL},
    {"'name':[{'given':['a','c']}]",
     "{'type':'insert','path':'Patient.name.given','index':1,'valueString':'b'}",
     "'name':[{'given':['a','b','c']}]", NULL},
    {"'name':[{'family':'A'}]",
     "{'type':'insert','path':'Patient.name.given','index':0,'valueString':'b'}",
     "'name':[{'family':'A','given':['b']}]", NULL},
    {"'name':[{'given':['a']}]",
     "{'type':'insert','path':'Patient.name.given','index':2,'valueString':'b'}", NULL,
     "after its end"},
    {"'name':[{'given':['a']},{'given':['b']}]",
     "{'type':'insert','path':'Patient.name.given','index':0,'valueString':'c'}", NULL,
     "more than one list"},
    {"'active':true", "{'type':'insert','path':'Patient.active','index':0,'valueBoolean':true}",
     NULL, "no list"},
    {"'contact':[{'name':{'text':'x'},'gender':'male'}]",
     "{'type':'delete','path':'Patient.contact[0].name.text'}", "'contact':[{'gender':'male'}]",
     NULL},
    {"'birthDate':'1920','_birthDate':{'extension':[{'url':'u'}]}",
     "{'type':'delete','path':'Patient.birthDate.extension[0]'}", "'birthDate':'1920'", NULL},
    {"'_birthDate':{'extension':[{'url':'u'}]}",
     "{'type':'delete','path':'Patient.birthDate.extension[0]'}", "", NULL},
    {"'name':[{'given':['a','b','c','d']}]",
     "{'type':'move','path':'Patient.name.given','source':0,'destination':3}",
     "'name':[{'given':['b','c','a','d']}]", NULL},
    {"'name':[{'given':['a']}]",
     "{'type':'move','path':'Patient.name.given','source':0,'destination':2}", NULL,
     "after its end"},
    {"'name':[{'use':'old','family':'A'},{'use':'usual','family':'B'}]",
     "{'type':'replace','path':'Patient.name.where(use = \\\"usual\\\").family','valueString':'C'}",
     NULL, "FHIRPath"},
    {"'name':[{'use':'old','family':'A'},{'use':'usual','family':'B'}]",
     "{'type':'replace','path':'Patient.name.where(use = %q%usual%q%).family','valueString':'C'}",
     "'name':[{'use':'old','family':'A'},{'use':'usual','family':'C'}]", NULL},
    {"", "{'type':'replace','path':'Patient.name.count()','valueString':'C'}", NULL, "no element"},
    {"", "{'type':'replace','path':'Patient.name','valueString':'C'}", NULL, "0 elements"},
    {"", "{'type':'add','path':'Patient','name':'active'}", NULL, "'value' is missing"},
    {"", "{'type':'add','path':'Patient','valueBoolean':true}", NULL, "'name'"},
    {"", "{'type':'jump','path':'Patient'}", NULL, "not 'jump'"},
    {"", "{'path':'Patient'}", NULL, "'type'"},
    {"", "{'type':'delete'}", NULL, "'path'"},
    {"'name':[{}]", "{'type':'move','path':'Patient.name','source':-1,'destination':0}", NULL,
     "'source'"},
    {"'active':true",
     "{'type':'delete','path':'Patient.active'},{'type':'replace','path':'Patient.active',"
     "'valueBoolean':true}",
     NULL, "operation 1"},
};

/* ' to ", and %q% to '. */
static char *json_text(const char *s, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, strlen(s) + 1), *o = out;
    for (; *s; s++) {
        if (strncmp(s, "%q%", 3) == 0) {
            *o++ = '\'';
            s += 2;
        }
        else
            *o++ = *s == '\'' ? '"' : *s;
    }
    *o = '\0';
    return out;
}

static fhir_node_t *parse(const char *json, apr_pool_t *pool)
{
    fhir_node_t *node = NULL;
    tap_no_err(fhir_node_parse_json(&node, json, strlen(json), NULL, pool), "JSON");
    return node;
}

/* An operation's members as the parts of a parameter. */
static void put_operation(fhir_buf_t *buf, const fhir_node_t *operation)
{
    fhir_buf_puts(buf, "{\"name\":\"operation\",\"part\":[");
    for (const fhir_node_t *m = operation->child; m; m = m->next) {
        const char *name = apr_pstrmemdup(buf->pool, m->name, m->name_len), *member = name;
        if (strncmp(name, "value", 5) == 0)
            name = "value";
        else
            member = m->kind == FHIR_NODE_NUMBER ? "valueInteger" : "valueString";
        fhir_buf_printf(buf, "{\"name\":\"%s\",\"%s\":", name, member);
        fhir_node_write_json(buf, m, 0);
        fhir_buf_puts(buf, m->next ? "}," : "}");
    }
    fhir_buf_puts(buf, "]}");
}

static fhir_node_t *parameters_of(const char *operations, apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    fhir_node_t *list = parse(json_text(apr_pstrcat(pool, "[", operations, "]", NULL), pool), pool);
    fhir_buf_puts(buf, "{\"resourceType\":\"Parameters\",\"parameter\":[");
    for (const fhir_node_t *c = list ? list->child : NULL; c; c = c->next) {
        put_operation(buf, c);
        if (c->next)
            fhir_buf_putc(buf, ',');
    }
    fhir_buf_puts(buf, "]}");
    return parse(apr_pstrdup(pool, fhir_buf_cstr(buf)), pool);
}

static int by_name(const void *a, const void *b)
{
    const fhir_node_t *x = *(fhir_node_t *const *)a, *y = *(fhir_node_t *const *)b;
    apr_size_t n = x->name_len < y->name_len ? x->name_len : y->name_len;
    int order = memcmp(x->name, y->name, n);
    return order ? order : (x->name_len > y->name_len) - (x->name_len < y->name_len);
}

/* The order of members does not count. */
static void sort_members(fhir_node_t *node, apr_pool_t *pool)
{
    apr_size_t n = fhir_node_count(node), i = 0;
    fhir_node_t **all = apr_palloc(pool, (n + 1) * sizeof(*all));
    for (fhir_node_t *c = node->child; c; c = c->next) {
        sort_members(c, pool);
        all[i++] = c;
    }
    if (node->kind != FHIR_NODE_OBJECT || !n)
        return;
    qsort(all, n, sizeof(*all), by_name);
    for (i = 0; i < n; i++)
        all[i]->next = i + 1 < n ? all[i + 1] : NULL;
    node->child = all[0];
}

static const char *text_of(fhir_node_t *node, apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    if (node)
        sort_members(node, pool);
    if (node)
        fhir_node_write_json(buf, node, 0);
    return apr_pstrdup(pool, fhir_buf_cstr(buf));
}

static const char *patient(const char *members, apr_pool_t *pool)
{
    return json_text(
        apr_pstrcat(pool, "{'resourceType':'Patient'", *members ? "," : "", members, "}", NULL),
        pool);
}

static void own_case(int i, apr_pool_t *pool)
{
    fhir_node_t *root = parse(patient(cases[i].resource, pool), pool);
    fhir_err_t *err =
        fhir_patch_path(root, &fhir_model_r4, parameters_of(cases[i].operations, pool), NULL, pool);

    if (cases[i].want)
        tap_is_str(err ? err->message : text_of(root, pool),
                   text_of(parse(patient(cases[i].want, pool), pool), pool), "%s",
                   cases[i].operations);
    else if (!tap_ok(err && strstr(err->message, cases[i].message), "%s: %s", cases[i].operations,
                     cases[i].message))
        tap_diag("%s", err ? err->message : text_of(root, pool));
}

/* One budget for all operations, and a depth that holds after each of them. */
static const struct {
    const char *resource, *operation;
    int times;
    fhir_patch_limits_t limits;
    const char *message; /* NULL: applied */
} limited[] = {
    {"'active':true", "{'type':'delete','path':'Patient.gender'}", 10, {.max_steps = 100}, NULL},
    {"'active':true",
     "{'type':'delete','path':'Patient.gender'}",
     100,
     {.max_steps = 100},
     "than 100 steps"},
    {"'name':[{'family':'x'}]",
     "{'type':'delete','path':'name.aggregate($total.combine($this).combine($this),1).gender'}",
     1000,
     {.max_steps = 5000},
     "than 5000 steps"},
    {"'name':[{'given':['a',null,null,null],'_given':[null,null,null,{'id':'x'}]}]",
     "{'type':'replace','path':'Patient.name.given[0]','valueString':'b'}",
     100,
     {.max_steps = 1000},
     "than 1000 steps"},
    /* Patient, name, its item, its period */
    {"'name':[{'family':'x'}]",
     "{'type':'add','path':'Patient.name','name':'period','valuePeriod':{'start':'2000'}}",
     1,
     {.max_depth = 4},
     NULL},
    {"'name':[{'family':'x'}]",
     "{'type':'add','path':'Patient.name','name':'period','valuePeriod':{'start':'2000'}}",
     1,
     {.max_depth = 3},
     "deeper than 3"},
    {"'name':[{'family':'x'}]",
     "{'type':'add','path':'Patient.name','name':'given','valueString':'y'}",
     1,
     {.max_depth = 3},
     "deeper than 3"}, /* an array is a level, too */
    {"'name':[{'family':'x'}]",
     "{'type':'add','path':'Patient.name.family','name':'id','valueString':'y'}",
     1,
     {.max_depth = 3},
     "deeper than 3"},
    {"'name':[{'family':'x','period':{'start':'2000'}}]",
     "{'type':'replace','path':'Patient.name.period','valuePeriod':{'extension':[{'url':'u'}]}}",
     1,
     {.max_depth = 5},
     "deeper than 5"},
    {"'name':[{'family':'x','period':{'start':'2000'}}]",
     "{'type':'replace','path':'Patient.name.period','valuePeriod':{'extension':[{'url':'u'}]}}",
     1,
     {.max_depth = 6},
     NULL},
};

static void limit_case(int i, apr_pool_t *pool)
{
    fhir_node_t *root = parse(patient(limited[i].resource, pool), pool);
    const char *all = limited[i].operation;

    for (int n = 1; n < limited[i].times; n++)
        all = apr_pstrcat(pool, all, ",", limited[i].operation, NULL);
    fhir_err_t *err =
        fhir_patch_path(root, &fhir_model_r4, parameters_of(all, pool), &limited[i].limits, pool);
    if (!limited[i].message)
        tap_no_err(err, "%d times %s", limited[i].times, limited[i].operation);
    else if (!tap_ok(err && strstr(err->message, limited[i].message), "%d times %s: %s",
                     limited[i].times, limited[i].operation, limited[i].message))
        tap_diag("%s", err ? err->message : text_of(root, pool));
}

/* HL7's cases */

static xmlNodePtr element(xmlNodePtr node)
{
    while (node && node->type != XML_ELEMENT_NODE)
        node = node->next;
    return node;
}

static xmlNodePtr child(xmlNodePtr node, const char *name)
{
    for (node = element(node->children); node; node = element(node->next)) {
        if (xmlStrEqual(node->name, BAD_CAST name))
            return node;
    }
    return NULL;
}

/* The resource inside an element. One without elements is none to the reader: it has a type only.
 */
static fhir_node_t *resource_in(xmlNodePtr node, apr_pool_t *pool)
{
    xmlNodePtr resource = node ? element(node->children) : NULL;
    xmlBufferPtr buf = xmlBufferCreate();
    fhir_node_t *root = NULL;

    if (resource && !element(resource->children))
        root = parse(apr_psprintf(pool, "{\"resourceType\":\"%s\"}", resource->name), pool);
    else if (resource) {
        xmlNodeDump(buf, resource->doc, resource, 0, 0);
        const char *xml = apr_pstrdup(pool, (const char *)xmlBufferContent(buf));
        tap_no_err(fhir_xml_parse(&root, &fhir_model_r4, xml, strlen(xml), NULL, pool), "XML");
    }
    xmlBufferFree(buf);
    return root;
}

static void hl7_case(xmlNodePtr node, apr_pool_t *pool)
{
    xmlChar *name = xmlGetProp(node, BAD_CAST "name");
    fhir_node_t *input = resource_in(child(node, "input"), pool);
    fhir_node_t *diff = resource_in(child(node, "diff"), pool);
    fhir_node_t *output = resource_in(child(node, "output"), pool);

    if (tap_ok(input && diff && output, "%s: is read", (const char *)name)) {
        tap_no_err(fhir_patch_path(input, &fhir_model_r4, diff, NULL, pool), "%s: applies",
                   (const char *)name);
        tap_is_str(text_of(input, pool), text_of(output, pool), "%s", (const char *)name);
    }
    xmlFree(name);
}

static void hl7(const char *path, apr_pool_t *pool)
{
    xmlDocPtr doc = xmlReadFile(path, NULL, 0);
    xmlNodePtr node = doc ? element(xmlDocGetRootElement(doc)->children) : NULL;
    tap_ok(node != NULL, "%s holds cases", path);
    for (; node; node = element(node->next))
        hl7_case(node, pool);
    xmlFreeDoc(doc);
    xmlCleanupParser();
}

int main(int argc, char **argv)
{
    apr_pool_t *pool = tap_start();

    if (argc == 2) {
        hl7(argv[1], pool);
        return tap_done();
    }
    apr_pool_t *sub;
    apr_pool_create(&sub, pool);
    for (size_t i = 0; i < TAP_COUNT(cases); i++) {
        own_case((int)i, sub);
        apr_pool_clear(sub);
    }
    for (size_t i = 0; i < TAP_COUNT(limited); i++) {
        limit_case((int)i, sub);
        apr_pool_clear(sub);
    }
    fhir_node_t *root = parse("{\"resourceType\":\"Patient\"}", sub);
    tap_ok(fhir_patch_path(root, &fhir_model_r4, root, NULL, sub), "a Patient is no patch");
    return tap_done();
}
