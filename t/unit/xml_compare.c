/* SPDX-License-Identifier: Apache-2.0 */
/* Comparisons for tests of conversion; see xml_compare.h. */
#include "xml_compare.h"

#include <apr_strings.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

#include "fhir/format/fhir_xhtml.h"

/* -- XML --------------------------------------------------------------------------------------- */

static int is_blank(const xmlChar *s)
{
    for (; s && *s; s++)
        if (*s != ' ' && *s != '\n' && *s != '\t' && *s != '\r')
            return 0;
    return 1;
}

/* The next node that counts, at or behind node. */
static xmlNodePtr counts(xmlNodePtr node)
{
    while (node && (node->type == XML_COMMENT_NODE || node->type == XML_PI_NODE ||
                    (xmlNodeIsText(node) && is_blank(node->content))))
        node = node->next;
    return node;
}

/* Text of a run of text nodes, without blanks; *node moves behind it. */
static char *run_of_text(xmlNodePtr *node, apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    xmlNodePtr n;

    for (n = *node; n && (xmlNodeIsText(n) || n->type == XML_COMMENT_NODE ||
                          n->type == XML_CDATA_SECTION_NODE);
         n = n->next) {
        for (const xmlChar *c = n->type == XML_COMMENT_NODE ? NULL : n->content; c && *c; c++)
            if (*c > ' ')
                fhir_buf_putc(buf, (char)*c);
    }
    *node = n;
    return (char *)fhir_buf_cstr(buf);
}

static const char *differ(apr_pool_t *pool, const char *where, const char *what, const char *a,
                          const char *b)
{
    return apr_psprintf(pool, "%s: %s: \"%.120s\" and \"%.120s\"", where, what, a ? a : "(none)",
                        b ? b : "(none)");
}

static int n_attributes(xmlNodePtr node)
{
    int n = 0;

    for (xmlAttrPtr a = node->properties; a; a = a->next)
        n += xmlStrcmp(a->name, (const xmlChar *)"schemaLocation") != 0;
    return n;
}

static const char *compare_elements(xmlNodePtr a, xmlNodePtr b, const char *where, apr_pool_t *pool)
{
    where = apr_psprintf(pool, "%s/%s", where, a->name);
    if (a->type != b->type || xmlStrcmp(a->name, b->name))
        return differ(pool, where, "elements", (const char *)a->name, (const char *)b->name);
    if (n_attributes(a) != n_attributes(b))
        return differ(pool, where, "number of attributes", "", "");
    const char *why;
    for (xmlAttrPtr attr = a->properties; attr; attr = attr->next) {
        xmlChar *va = xmlGetProp(a, attr->name), *vb = xmlGetProp(b, attr->name);
        int skip = !xmlStrcmp(attr->name, (const xmlChar *)"schemaLocation");
        why = skip || xmlStrEqual(va, vb)
                  ? NULL
                  : differ(pool, where, (const char *)attr->name, (char *)va, (char *)vb);
        xmlFree(va);
        xmlFree(vb);
        if (why)
            return why;
    }
    xmlNodePtr ca = counts(a->children);
    xmlNodePtr cb = counts(b->children);
    while (ca && cb) {
        if (ca->type != XML_ELEMENT_NODE || cb->type != XML_ELEMENT_NODE) {
            char *ta = run_of_text(&ca, pool), *tb = run_of_text(&cb, pool);
            if (strcmp(ta, tb))
                return differ(pool, where, "text", ta, tb);
            ca = counts(ca);
            cb = counts(cb);
            continue;
        }
        if ((why = compare_elements(ca, cb, where, pool)))
            return why;
        ca = counts(ca->next);
        cb = counts(cb->next);
    }
    if (ca || cb)
        return differ(pool, where, "one has more", ca ? (const char *)ca->name : NULL,
                      cb ? (const char *)cb->name : NULL);
    return NULL;
}

static xmlDocPtr parse(const char *xml, apr_size_t len)
{
    return xmlReadMemory(xml, (int)len, "x", NULL, XML_PARSE_HUGE | XML_PARSE_NOERROR);
}

const char *xml_compare_documents(const char *a, apr_size_t a_len, const char *b, apr_size_t b_len,
                                  apr_pool_t *pool)
{
    xmlDocPtr da = parse(a, a_len), db = parse(b, b_len);
    const char *why = "not well-formed";

    if (da && db)
        why = compare_elements(xmlDocGetRootElement(da), xmlDocGetRootElement(db), "", pool);
    xmlFreeDoc(da);
    xmlFreeDoc(db);
    return why;
}

/* Narratives as they stand in JSON, where the namespace may be missing and entities of HTML occur.
 */
static const char *compare_narratives(const fhir_node_t *a, const fhir_node_t *b, apr_pool_t *pool)
{
    fhir_buf_t *xa = fhir_buf_create(pool, 0), *xb = fhir_buf_create(pool, 0);

    fhir_xhtml_write_xml(xa, a->text, a->text_len);
    fhir_xhtml_write_xml(xb, b->text, b->text_len);
    return xml_compare_documents(xa->data, xa->len, xb->data, xb->len, pool);
}

/* -- trees ------------------------------------------------------------------------------------- */

static int is_comments(const fhir_node_t *node)
{
    return node->name_len == 13 && !memcmp(node->name, "fhir_comments", 13);
}

/* "_x": {"fhir_comments": …} alone is nothing but a comment; so is an array of such and nulls. */
static int only_comments(const fhir_node_t *node)
{
    if (node->name && is_comments(node))
        return 1;
    if (node->name && node->name[0] != '_')
        return 0;
    if (node->kind == FHIR_NODE_NULL)
        return 1;
    if (node->kind != FHIR_NODE_ARRAY && node->kind != FHIR_NODE_OBJECT)
        return 0;
    for (const fhir_node_t *c = node->child; c; c = c->next)
        if (!(c->name ? is_comments(c) : only_comments(c)))
            return 0;
    return 1;
}

static const char *compare(const fhir_node_t *a, const fhir_node_t *b, const char *where, int loose,
                           apr_pool_t *pool);

static const char *compare_members(const fhir_node_t *a, const fhir_node_t *b, const char *where,
                                   int loose, apr_pool_t *pool)
{
    const fhir_node_t *d;
    const char *why;

    for (const fhir_node_t *c = a->child; c; c = c->next) {
        const char *at = apr_psprintf(pool, "%s.%.*s", where, (int)c->name_len, c->name);
        if (loose && only_comments(c))
            continue;
        d = fhir_node_getn(b, c->name, c->name_len);
        if (!d)
            return differ(pool, at, "missing", "there", NULL);
        if ((why = compare(c, d, at, loose, pool)))
            return why;
    }
    for (d = b->child; d; d = d->next)
        if (!(loose && only_comments(d)) && !fhir_node_getn(a, d->name, d->name_len))
            return differ(pool, apr_psprintf(pool, "%s.%.*s", where, (int)d->name_len, d->name),
                          "new", NULL, "there");
    return NULL;
}

static const char *compare_items(const fhir_node_t *a, const fhir_node_t *b, const char *where,
                                 int loose, apr_pool_t *pool)
{
    const fhir_node_t *c = a->child, *d = b->child;
    const char *why;

    for (int i = 0; c && d; i++, c = c->next, d = d->next) {
        if (loose && c->kind != d->kind && only_comments(c) && only_comments(d))
            continue;
        if ((why = compare(c, d, apr_psprintf(pool, "%s[%d]", where, i), loose, pool)))
            return why;
    }
    return c || d ? differ(pool, where, "number of items", "", "") : NULL;
}

static const char *compare(const fhir_node_t *a, const fhir_node_t *b, const char *where, int loose,
                           apr_pool_t *pool)
{
    if (a->kind != b->kind)
        return differ(pool, where, "kinds", apr_itoa(pool, a->kind), apr_itoa(pool, b->kind));
    if (a->kind == FHIR_NODE_OBJECT)
        return compare_members(a, b, where, loose, pool);
    if (a->kind == FHIR_NODE_ARRAY)
        return compare_items(a, b, where, loose, pool);
    if (a->text_len == b->text_len && (!a->text_len || !memcmp(a->text, b->text, a->text_len)))
        return NULL;
    if (loose && a->kind == FHIR_NODE_STRING && a->text_len > 4 && a->name_len == 3 &&
        !memcmp(a->name, "div", 3)) {
        const char *why = compare_narratives(a, b, pool);
        return why ? apr_pstrcat(pool, where, ": ", why, NULL) : NULL;
    }
    return differ(pool, where, "text", apr_pstrmemdup(pool, a->text, a->text_len),
                  apr_pstrmemdup(pool, b->text, b->text_len));
}

const char *xml_compare_nodes(const fhir_node_t *a, const fhir_node_t *b, apr_pool_t *pool)
{
    return compare(a, b, "", 0, pool);
}

const char *xml_compare_trees(const fhir_node_t *a, const fhir_node_t *b, apr_pool_t *pool)
{
    return compare(a, b, "", 1, pool);
}

/* -- schemas ----------------------------------------------------------------------------------- */

/* The first complaint, with its line. */
static void note_error(void *ctx, xmlErrorPtr error)
{
    char *text = ctx;

    if (text && !*text)
        apr_snprintf(text, 512, "line %d: %s", error->line, error->message);
}

xmlSchemaPtr xml_schema_load(const char *path)
{
    xmlSchemaParserCtxtPtr ctxt = xmlSchemaNewParserCtxt(path);

    xmlSchemaSetParserStructuredErrors(ctxt, note_error, NULL);
    xmlSchemaPtr schema = xmlSchemaParse(ctxt);
    xmlSchemaFreeParserCtxt(ctxt);
    return schema;
}

const char *xml_schema_error(xmlSchemaPtr schema, const fhir_buf_t *xml, apr_pool_t *pool)
{
    xmlSchemaValidCtxtPtr ctxt = xmlSchemaNewValidCtxt(schema);
    xmlDocPtr doc = parse(xml->data, xml->len);
    char text[512] = "";

    xmlSchemaSetValidStructuredErrors(ctxt, note_error, text);
    if (!doc)
        apr_cpystrn(text, "not well-formed", sizeof(text));
    else if (xmlSchemaValidateDoc(ctxt, doc) && !*text)
        apr_cpystrn(text, "not valid", sizeof(text));
    xmlFreeDoc(doc);
    xmlSchemaFreeValidCtxt(ctxt);
    return *text ? apr_pstrdup(pool, text) : NULL;
}
