/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XML Patch (RFC 5261) with libxml2's XPath. What the patched document means as a resource is not
 * known here: it is parsed and checked like any other input afterwards.
 */
#include "fhir/write/fhir_patch.h"

#include <apr_strings.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>
#include <string.h>

#include "fhir/format/fhir_xml_scan.h"

#define NS_FHIR         "http://hl7.org/fhir"
#define NS_XHTML        "http://www.w3.org/1999/xhtml"
/* Steps of one selector; an XPath is input like any other. */
#define XPATH_STEPS_MAX 1000000

typedef struct xpatch_t {
    xmlDocPtr doc;
    xmlXPathContextPtr xpath;
    apr_pool_t *pool;
    int op; /* index of the operation in hand */
} xpatch_t;

static fhir_err_t *malformed(xpatch_t *p, const char *what)
{
    return fhir_err_create(p->pool, FHIR_ERR_BAD_REQUEST, "XML Patch operation %d: %s", p->op,
                           what);
}

static fhir_err_t *unfit(xpatch_t *p, const char *what, const char *sel)
{
    return fhir_err_create(p->pool, FHIR_ERR_BUSINESS, "XML Patch operation %d: %s: '%s'", p->op,
                           what, sel);
}

static const char *attribute(xpatch_t *p, xmlNodePtr node, const char *name)
{
    xmlChar *value = xmlGetNoNsProp(node, BAD_CAST name);
    const char *copy = value ? apr_pstrdup(p->pool, (const char *)value) : NULL;

    xmlFree(value);
    return copy;
}

static const char *content(xpatch_t *p, xmlNodePtr node)
{
    xmlChar *text = xmlNodeGetContent(node);
    const char *copy = apr_pstrdup(p->pool, text ? (const char *)text : "");

    xmlFree(text);
    return copy;
}

/* Prefixes of the patch document may be used in selectors; f and h always stand for FHIR, XHTML. */
static void register_prefixes(xpatch_t *p, xmlNodePtr op)
{
    xmlNsPtr *list = xmlGetNsList(op->doc, op);
    int i;

    for (i = 0; list && list[i]; i++)
        if (list[i]->prefix)
            xmlXPathRegisterNs(p->xpath, list[i]->prefix, list[i]->href);
    xmlFree(list);
    xmlXPathRegisterNs(p->xpath, BAD_CAST "f", BAD_CAST NS_FHIR);
    xmlXPathRegisterNs(p->xpath, BAD_CAST "h", BAD_CAST NS_XHTML);
}

/* The one node that a selector stands for. A namespace declaration comes back as its element, with
 * ns set. */
static fhir_err_t *locate(xmlNodePtr *node, xmlNsPtr *ns, xpatch_t *p, const char *sel)
{
    xmlXPathObjectPtr found;
    int n;

    *ns = NULL;
    p->xpath->node = (xmlNodePtr)p->doc;
    p->xpath->opCount = 0;
    found = xmlXPathEval(BAD_CAST sel, p->xpath);
    if (!found || found->type != XPATH_NODESET) {
        xmlXPathFreeObject(found);
        return malformed(p, "'sel' is no XPath 1.0 location path");
    }
    n = found->nodesetval ? found->nodesetval->nodeNr : 0;
    *node = n == 1 ? found->nodesetval->nodeTab[0] : NULL;
    if (*node && (*node)->type == XML_NAMESPACE_DECL) {
        /* XPath hands out a copy whose next member is the element. */
        xmlNsPtr copy = (xmlNsPtr)*node, def;

        *node = (xmlNodePtr)copy->next;
        for (def = (*node)->nsDef; def && !xmlStrEqual(def->prefix, copy->prefix);)
            def = def->next;
        *ns = def;
        n = def ? 1 : 0;
    }
    xmlXPathFreeObject(found);
    if (n == 0)
        return unfit(p, "nothing is found at the path", sel);
    return n == 1 ? NULL : unfit(p, "the path matches several nodes", sel);
}

static void remove_node(xmlNodePtr node)
{
    xmlUnlinkNode(node);
    xmlFreeNode(node);
}

/* ---- add ---- */

static fhir_err_t *add_named(xpatch_t *p, xmlNodePtr op, xmlNodePtr target, const char *type)
{
    static const char ns_axis[] = "namespace::";

    if (target->type != XML_ELEMENT_NODE)
        return malformed(p, "'type' goes with an element");
    if (*type == '@') {
        if (xmlValidateNCName(BAD_CAST(type + 1), 0) != 0)
            return malformed(p, "'type' names no attribute");
        xmlSetProp(target, BAD_CAST(type + 1), BAD_CAST content(p, op));
    }
    else if (!strncmp(type, ns_axis, sizeof(ns_axis) - 1)) {
        if (!xmlNewNs(target, BAD_CAST content(p, op), BAD_CAST(type + sizeof(ns_axis) - 1)))
            return malformed(p, "the namespace prefix is declared already");
    }
    else {
        return malformed(p, "'type' is @name or namespace::prefix");
    }
    return NULL;
}

/* Puts a copy of each child of the operation where pos says, in their order. */
static fhir_err_t *add_children(xpatch_t *p, xmlNodePtr op, xmlNodePtr target, const char *pos)
{
    xmlNodePtr child, copy, anchor = target;
    int prepend = pos && !strcmp(pos, "prepend"), before = pos && !strcmp(pos, "before"),
        after = pos && !strcmp(pos, "after");

    if (pos && !prepend && !before && !after)
        return malformed(p, "'pos' is prepend, before or after");
    if (before || after ? target->type == XML_ATTRIBUTE_NODE || target->parent == NULL
                        : target->type != XML_ELEMENT_NODE)
        return malformed(p, "nothing can be added at this node");
    if (prepend) {
        anchor = target->children;
        before = anchor != NULL;
    }
    for (child = op->children; child; child = child->next) {
        copy = xmlDocCopyNode(child, p->doc, 1);
        if (before)
            xmlAddPrevSibling(anchor, copy);
        else if (after)
            anchor = xmlAddNextSibling(anchor, copy);
        else
            copy = xmlAddChild(target, copy);
        /* Text may have been merged into a neighbour and freed. */
        if (child->type == XML_ELEMENT_NODE)
            xmlReconciliateNs(p->doc, copy);
    }
    return NULL;
}

static fhir_err_t *op_add(xpatch_t *p, xmlNodePtr op, const char *sel)
{
    const char *type = attribute(p, op, "type"), *pos = attribute(p, op, "pos");
    xmlNodePtr target;
    xmlNsPtr ns;

    FHIR_TRY(locate(&target, &ns, p, sel));
    if (type)
        return add_named(p, op, target, type);
    if (!op->children)
        return malformed(p, "there is nothing to add");
    return add_children(p, op, target, pos);
}

/* ---- replace ---- */

static xmlNodePtr only_child(xmlNodePtr op, xmlElementType type)
{
    xmlNodePtr child, found = NULL;

    for (child = op->children; child; child = child->next) {
        if (child->type == type) {
            if (found)
                return NULL;
            found = child;
        }
        else if (!xmlIsBlankNode(child)) {
            return NULL;
        }
    }
    return found;
}

static fhir_err_t *op_replace(xpatch_t *p, xmlNodePtr op, const char *sel)
{
    xmlNodePtr target, with;
    xmlNsPtr ns;

    FHIR_TRY(locate(&target, &ns, p, sel));
    if (ns) {
        xmlFree((xmlChar *)ns->href);
        ns->href = xmlStrdup(BAD_CAST content(p, op));
        return NULL;
    }
    switch (target->type) {
    case XML_ATTRIBUTE_NODE:
        xmlSetNsProp(target->parent, target->ns, target->name, BAD_CAST content(p, op));
        return NULL;
    case XML_TEXT_NODE:
    case XML_CDATA_SECTION_NODE:
        xmlNodeSetContent(target, NULL);
        xmlNodeAddContent(target, BAD_CAST content(p, op));
        return NULL;
    default:
        with = only_child(op, target->type);
        if (!with)
            return malformed(p, "a node is replaced by one of its own kind");
        with = xmlDocCopyNode(with, p->doc, 1);
        xmlReplaceNode(target, with);
        xmlFreeNode(target);
        if (with->type == XML_ELEMENT_NODE)
            xmlReconciliateNs(p->doc, with);
        return NULL;
    }
}

/* ---- remove ---- */

static fhir_err_t *remove_blank(xpatch_t *p, xmlNodePtr node, const char *sel)
{
    if (!node || !xmlIsBlankNode(node))
        return unfit(p, "there is no white space to remove", sel);
    remove_node(node);
    return NULL;
}

static fhir_err_t *remove_namespace(xpatch_t *p, xmlNodePtr node, xmlNsPtr ns, const char *sel)
{
    xmlNsPtr *link = &node->nsDef;
    xmlNodePtr n;
    xmlAttrPtr a;

    /* In document order below node: a declaration in use must stay. */
    for (n = node; n;) {
        if (n->ns == ns)
            return unfit(p, "the namespace is in use", sel);
        for (a = n->type == XML_ELEMENT_NODE ? n->properties : NULL; a; a = a->next)
            if (a->ns == ns)
                return unfit(p, "the namespace is in use", sel);
        if (n->type == XML_ELEMENT_NODE && n->children) {
            n = n->children;
            continue;
        }
        while (n != node && !n->next)
            n = n->parent;
        n = n == node ? NULL : n->next;
    }
    while (*link != ns)
        link = &(*link)->next;
    *link = ns->next;
    ns->next = NULL;
    xmlFreeNs(ns);
    return NULL;
}

static fhir_err_t *op_remove(xpatch_t *p, xmlNodePtr op, const char *sel)
{
    const char *ws = attribute(p, op, "ws");
    int before = ws && (!strcmp(ws, "before") || !strcmp(ws, "both"));
    int after = ws && (!strcmp(ws, "after") || !strcmp(ws, "both"));
    xmlNodePtr target;
    xmlNsPtr ns;

    if (ws && !before && !after)
        return malformed(p, "'ws' is before, after or both");
    FHIR_TRY(locate(&target, &ns, p, sel));
    if (ns)
        return remove_namespace(p, target, ns, sel);
    if (target == (xmlNodePtr)p->doc || target == xmlDocGetRootElement(p->doc))
        return unfit(p, "the whole resource cannot be removed", sel);
    if (target->type == XML_ATTRIBUTE_NODE) {
        xmlRemoveProp((xmlAttrPtr)target);
        return NULL;
    }
    if (before)
        FHIR_TRY(remove_blank(p, target->prev, sel));
    if (after)
        FHIR_TRY(remove_blank(p, target->next, sel));
    remove_node(target);
    return NULL;
}

/* ---- the document ---- */

static const struct {
    const char *name;
    fhir_err_t *(*run)(xpatch_t *p, xmlNodePtr op, const char *sel);
} operations[] = {{"add", op_add}, {"replace", op_replace}, {"remove", op_remove}};

static fhir_err_t *run_operation(xpatch_t *p, xmlNodePtr op)
{
    const char *sel = attribute(p, op, "sel");
    apr_size_t i;

    if (!sel)
        return malformed(p, "'sel' is missing");
    register_prefixes(p, op);
    for (i = 0; i < sizeof(operations) / sizeof(*operations); i++)
        if (xmlStrEqual(op->name, BAD_CAST operations[i].name))
            return operations[i].run(p, op, sel);
    return malformed(p, "an operation is add, replace or remove");
}

static fhir_err_t *run_all(xpatch_t *p, xmlNodePtr patch)
{
    xmlNodePtr op;

    for (op = patch->children; op; op = op->next) {
        if (op->type != XML_ELEMENT_NODE)
            continue;
        FHIR_TRY(run_operation(p, op));
        p->op++;
    }
    return p->op
               ? NULL
               : fhir_err_create(p->pool, FHIR_ERR_BAD_REQUEST, "The XML Patch holds no operation");
}

/* XPath errors become ours; libxml2 must not print them. */
static void ignore_error(void *baton, xmlErrorPtr error)
{
    (void)baton;
    (void)error;
}

static apr_status_t free_doc(void *doc)
{
    xmlFreeDoc(doc);
    return APR_SUCCESS;
}

static fhir_err_t *parse(xmlDocPtr *doc, const char *what, const char *text, apr_size_t len,
                         apr_pool_t *pool)
{
    int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING;

    *doc = len <= APR_INT32_MAX ? xmlReadMemory(text, (int)len, NULL, "UTF-8", options) : NULL;
    if (!*doc)
        return fhir_err_create(pool, FHIR_ERR_SYNTAX, "The %s is not well-formed XML", what);
    apr_pool_cleanup_register(pool, *doc, free_doc, apr_pool_cleanup_null);
    return NULL;
}

/* What libxml2 would spend hours on: it compares all attributes of an element, and searches all
 * namespaces in scope one by one. */
static fhir_err_t *scan(const char *xml, apr_size_t len, const fhir_patch_limits_t *limits,
                        apr_pool_t *pool)
{
    int max = limits && limits->max_attrs > 0 ? limits->max_attrs : 64, n = 0;
    const char *s = xml, *end = xml + len;

    FHIR_TRY(fhir_xml_scan(xml, len, max, pool));
    for (; (s = memmem(s, (apr_size_t)(end - s), "xmlns", 5)); s += 5)
        if (++n > max)
            return fhir_err_create(pool, FHIR_ERR_TOO_LARGE,
                                   "The XML Patch declares more than %d namespaces, the limit here",
                                   max);
    return NULL;
}

fhir_err_t *fhir_patch_xml(const char **result, apr_size_t *result_len, const char *target,
                           apr_size_t target_len, const char *patch, apr_size_t patch_len,
                           const fhir_patch_limits_t *limits, apr_pool_t *pool)
{
    xpatch_t p = {.pool = pool};
    fhir_patch_limits_t most = fhir_patch_limits(limits);
    xmlDocPtr patch_doc;
    xmlNodePtr root;
    xmlChar *text = NULL;
    int len = 0;
    fhir_err_t *err;

    FHIR_TRY(scan(patch, patch_len, limits, pool));
    FHIR_TRY(parse(&p.doc, "resource", target, target_len, pool));
    FHIR_TRY(parse(&patch_doc, "XML Patch", patch, patch_len, pool));
    root = xmlDocGetRootElement(patch_doc);
    FHIR_TRY(fhir_patch_count(&most, xmlChildElementCount(root), pool));
    p.xpath = xmlXPathNewContext(p.doc);
    if (!p.xpath)
        return fhir_err_create(pool, FHIR_ERR_INTERNAL, "Out of memory");
    p.xpath->opLimit = XPATH_STEPS_MAX;
    p.xpath->error = ignore_error;
    err = run_all(&p, root);
    xmlXPathFreeContext(p.xpath);
    if (err)
        return err;
    xmlDocDumpMemoryEnc(p.doc, &text, &len, "UTF-8");
    *result = apr_pstrmemdup(pool, (const char *)text, (apr_size_t)len);
    *result_len = (apr_size_t)len;
    xmlFree(text);
    return NULL;
}
