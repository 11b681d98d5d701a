/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XML Patch (RFC 5261) on libxml2's tree, with selectors of our own (fhir_patch_select.h). The
 * patched document is then parsed and validated like any other input.
 */
#include "fhir/write/fhir_patch.h"

#include <apr_strings.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <string.h>

#include "fhir/format/fhir_xml_scan.h"
#include "fhir/write/fhir_patch_select.h"

typedef struct xpatch_t {
    xmlDocPtr doc;
    fhir_patch_limits_t limits;
    fhir_steps_t steps;
    apr_pool_t *pool;
    int op;              /* index of the present operation */
    apr_pool_t *scratch; /* of the operation */
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

static fhir_err_t *charge(xpatch_t *p, apr_size_t n)
{
    return fhir_steps_take(&p->steps, n) ? NULL : fhir_patch_too_costly(p->op, &p->steps, p->pool);
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

/* The one node that a selector names. A namespace declaration is returned as its element, with ns
 * set. */
static fhir_err_t *locate(xmlNodePtr *node, xmlNsPtr *ns, xpatch_t *p, xmlNodePtr op,
                          const char *sel)
{
    fhir_selected_t found;
    fhir_err_t *err = fhir_patch_select(&found, p->doc, sel, op, &p->steps, p->scratch);

    if (err)
        return err->code == FHIR_ERR_LIMIT ? fhir_patch_too_costly(p->op, &p->steps, p->pool)
                                           : malformed(p, err->message);
    *node = found.node;
    *ns = found.ns;
    if (found.n == 0)
        return unfit(p, "the path selects nothing", sel);
    return found.n == 1 ? NULL : unfit(p, "the path matches several nodes", sel);
}

/* ---- the tree ---- */

/* Levels of elements down to a node. */
static int depth_of(xmlNodePtr node)
{
    int n = 0;
    for (; node && node->type == XML_ELEMENT_NODE; node = node->parent)
        n++;
    return n;
}

/* The next node of a subtree in document order, NULL at its end. *level follows. */
static xmlNodePtr next_in(xmlNodePtr root, xmlNodePtr node, int *level)
{
    if (node->type == XML_ELEMENT_NODE && node->children) {
        ++*level;
        return node->children;
    }
    while (node != root && !node->next) {
        node = node->parent;
        --*level;
    }
    return node == root ? NULL : node->next;
}

/* 1 if a copy may be below so many elements; checked before libxml2 recurses over it. */
static fhir_err_t *fits(xpatch_t *p, xmlNodePtr root, int above)
{
    int level = above + 1;

    for (xmlNodePtr node = root; node; node = next_in(root, node, &level)) {
        if (node->type == XML_ELEMENT_NODE && level > p->limits.max_depth)
            return fhir_patch_too_deep(p->op, &p->limits, p->pool);
        FHIR_TRY(charge(p, 1));
    }
    return NULL;
}

/* Inserts a node between two siblings, either of which may be NULL. libxml2's own functions merge
 * and free texts while they insert them, so that several come in another order. */
static void link_between(xmlNodePtr parent, xmlNodePtr prev, xmlNodePtr node, xmlNodePtr next)
{
    node->parent = parent;
    node->prev = prev;
    node->next = next;
    if (prev)
        prev->next = node;
    else
        parent->children = node;
    if (next)
        next->prev = node;
    else
        parent->last = node;
}

/* Merges adjacent texts, because selectors count them as one. The next one may be freed. */
static fhir_err_t *merge_with_next(xpatch_t *p, xmlNodePtr node)
{
    xmlNodePtr next = node ? node->next : NULL;

    if (!next || node->type != XML_TEXT_NODE || next->type != XML_TEXT_NODE)
        return NULL;
    FHIR_TRY(charge(p, (apr_size_t)(xmlStrlen(node->content) + xmlStrlen(next->content)) /
                           FHIR_STEPS_BYTES));
    xmlNodeAddContent(node, next->content);
    xmlUnlinkNode(next);
    xmlFreeNode(next);
    return NULL;
}

static fhir_err_t *remove_node(xpatch_t *p, xmlNodePtr node)
{
    xmlNodePtr prev = node->prev;

    xmlUnlinkNode(node);
    xmlFreeNode(node);
    return merge_with_next(p, prev);
}

/* ---- add ---- */

static int count_namespaces(xmlNodePtr node)
{
    int n = 0;
    for (xmlNsPtr ns = node->nsDef; ns; ns = ns->next)
        n++;
    return n;
}

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
        if (count_namespaces(target) >= p->limits.max_attrs)
            return fhir_err_create(p->pool, FHIR_ERR_TOO_LARGE,
                                   "XML Patch operation %d: the element would declare more than %d "
                                   "namespaces, the limit here",
                                   p->op, p->limits.max_attrs);
        if (!xmlNewNs(target, BAD_CAST content(p, op), BAD_CAST(type + sizeof(ns_axis) - 1)))
            return malformed(p, "the namespace prefix is declared already");
    }
    else {
        return malformed(p, "'type' is @name or namespace::prefix");
    }
    return NULL;
}

/* The place of an insertion: between which siblings, below which parent. */
typedef struct gap_t {
    xmlNodePtr parent, prev, next;
} gap_t;

static fhir_err_t *gap_at(gap_t *gap, xpatch_t *p, xmlNodePtr target, const char *pos)
{
    int before = pos && !strcmp(pos, "before"), after = pos && !strcmp(pos, "after");
    int prepend = pos && !strcmp(pos, "prepend");

    if (pos && !prepend && !before && !after)
        return malformed(p, "'pos' is prepend, before or after");
    if (before || after ? target->type == XML_ATTRIBUTE_NODE || target->parent == NULL
                        : target->type != XML_ELEMENT_NODE)
        return malformed(p, "nothing can be added at this node");
    *gap = before    ? (gap_t){target->parent, target->prev, target}
           : after   ? (gap_t){target->parent, target, target->next}
           : prepend ? (gap_t){target, NULL, target->children}
                     : (gap_t){target, target->last, NULL};
    return NULL;
}

/* Inserts a copy of each child of the operation at pos, in order. */
static fhir_err_t *add_children(xpatch_t *p, xmlNodePtr op, xmlNodePtr target, const char *pos)
{
    gap_t gap = {0};

    FHIR_TRY(gap_at(&gap, p, target, pos));
    xmlNodePtr before = gap.prev;
    int depth = depth_of(gap.parent);
    for (xmlNodePtr child = op->children; child; child = child->next)
        FHIR_TRY(fits(p, child, depth));
    for (xmlNodePtr child = op->children; child; child = child->next) {
        xmlNodePtr copy = xmlDocCopyNode(child, p->doc, 1);
        if (!copy)
            return fhir_err_create(p->pool, FHIR_ERR_INTERNAL, "Out of memory");
        link_between(gap.parent, gap.prev, copy, gap.next);
        if (copy->type == XML_ELEMENT_NODE)
            xmlReconciliateNs(p->doc, copy);
        gap.prev = copy;
    }
    FHIR_TRY(merge_with_next(p, gap.prev));
    return merge_with_next(p, before);
}

static fhir_err_t *op_add(xpatch_t *p, xmlNodePtr op, const char *sel)
{
    const char *type = attribute(p, op, "type"), *pos = attribute(p, op, "pos");
    xmlNodePtr target;
    xmlNsPtr ns;

    FHIR_TRY(locate(&target, &ns, p, op, sel));
    if (type)
        return add_named(p, op, target, type);
    if (!op->children)
        return malformed(p, "there is nothing to add");
    return add_children(p, op, target, pos);
}

/* ---- replace ---- */

static xmlNodePtr only_child(xmlNodePtr op, xmlElementType type)
{
    xmlNodePtr found = NULL;

    for (xmlNodePtr child = op->children; child; child = child->next) {
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
    xmlNodePtr target;
    xmlNsPtr ns;

    FHIR_TRY(locate(&target, &ns, p, op, sel));
    if (ns) {
        xmlFree((xmlChar *)ns->href);
        ns->href = xmlStrdup(BAD_CAST content(p, op));
        return NULL;
    }
    xmlNodePtr with;
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
            return malformed(p, "a node can only be replaced by one of the same kind");
        FHIR_TRY(fits(p, with, depth_of(target->parent)));
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
    return remove_node(p, node);
}

static fhir_err_t *remove_namespace(xpatch_t *p, xmlNodePtr node, xmlNsPtr ns, const char *sel)
{
    xmlNsPtr *link = &node->nsDef;

    /* In document order below node: a declaration that is used must stay. */
    for (xmlNodePtr n = node; n;) {
        FHIR_TRY(charge(p, 1));
        if (n->ns == ns)
            return unfit(p, "the namespace is in use", sel);
        for (xmlAttrPtr a = n->type == XML_ELEMENT_NODE ? n->properties : NULL; a; a = a->next)
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

    if (ws && !before && !after)
        return malformed(p, "'ws' is before, after or both");
    xmlNodePtr target;
    xmlNsPtr ns;
    FHIR_TRY(locate(&target, &ns, p, op, sel));
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
    return remove_node(p, target);
}

/* ---- the document ---- */

#define PATCH_LEVELS 2 /* levels of the patch above an added node: diff and operation */

static const struct {
    const char *name;
    fhir_err_t *(*run)(xpatch_t *p, xmlNodePtr op, const char *sel);
} operations[] = {{"add", op_add}, {"replace", op_replace}, {"remove", op_remove}};

static fhir_err_t *run_operation(xpatch_t *p, xmlNodePtr op)
{
    const char *sel = attribute(p, op, "sel");

    if (!sel)
        return malformed(p, "'sel' is missing");
    apr_pool_clear(p->scratch);
    for (apr_size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++)
        if (xmlStrEqual(op->name, BAD_CAST operations[i].name))
            return operations[i].run(p, op, sel);
    return malformed(p, "an operation must be add, replace or remove");
}

static fhir_err_t *run_all(xpatch_t *p, xmlNodePtr patch)
{
    for (xmlNodePtr op = patch->children; op; op = op->next) {
        if (op->type != XML_ELEMENT_NODE)
            continue;
        FHIR_TRY(run_operation(p, op));
        p->op++;
    }
    return p->op ? NULL
                 : fhir_err_create(p->pool, FHIR_ERR_BAD_REQUEST, "The XML Patch has no operation");
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

/* Limits what would take libxml2 hours, since it compares all attributes of an element and searches
 * all namespaces in scope one by one, and what takes 300 bytes each. */
static fhir_err_t *scan(const char *xml, apr_size_t len, const fhir_patch_limits_t *limits,
                        apr_pool_t *pool)
{
    fhir_node_limits_t most = {.max_attrs = limits->max_attrs,
                               .max_nodes = limits->max_nodes,
                               .max_depth = PATCH_LEVELS + limits->max_depth};
    const char *s = xml, *end = xml + len;
    int n = 0;

    FHIR_TRY(fhir_xml_scan(xml, len, &most, pool));
    for (; (s = memmem(s, (apr_size_t)(end - s), "xmlns", 5)); s += 5)
        if (++n > limits->max_attrs)
            return fhir_err_create(pool, FHIR_ERR_TOO_LARGE,
                                   "The XML Patch declares more than %d namespaces, the limit here",
                                   limits->max_attrs);
    return NULL;
}

fhir_err_t *fhir_patch_xml(const char **result, apr_size_t *result_len, const char *target,
                           apr_size_t target_len, const char *patch, apr_size_t patch_len,
                           const fhir_patch_limits_t *limits, apr_pool_t *pool)
{
    xpatch_t p = {.pool = pool, .limits = fhir_patch_limits(limits)};
    xmlChar *text = NULL;
    int len = 0;

    FHIR_TRY(scan(patch, patch_len, &p.limits, pool));
    FHIR_TRY(parse(&p.doc, "resource", target, target_len, pool));
    xmlDocPtr patch_doc;
    FHIR_TRY(parse(&patch_doc, "XML Patch", patch, patch_len, pool));
    xmlNodePtr root = xmlDocGetRootElement(patch_doc);
    FHIR_TRY(fhir_patch_count(&p.limits, xmlChildElementCount(root), pool));
    p.steps = fhir_steps(p.limits.max_steps);
    apr_pool_create(&p.scratch, pool);
    FHIR_TRY(run_all(&p, root));
    apr_pool_destroy(p.scratch);
    xmlDocDumpMemoryEnc(p.doc, &text, &len, "UTF-8");
    if (!text)
        return fhir_err_create(pool, FHIR_ERR_INTERNAL, "Out of memory");
    *result = apr_pstrmemdup(pool, (const char *)text, (apr_size_t)len);
    *result_len = (apr_size_t)len;
    xmlFree(text);
    return NULL;
}
