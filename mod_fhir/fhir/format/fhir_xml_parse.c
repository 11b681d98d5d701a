/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From XML to the tree of a resource's JSON form, on libxml2's SAX2 events. Writing XML is in
 * fhir_xml_write.c; what must be known of the bytes before libxml2 sees them is in
 * fhir_xml_scan.c.
 *
 * Every open element is a frame. An element that may repeat collects its occurrences in arrays
 * that are linked into the object when another element begins; those of primitives are two, for
 * values and for ids and extensions, with nulls where one of them has nothing.
 */
#include <apr_strings.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <limits.h>

#include "core/fhir_decimal.h"
#include "core/fhir_work.h"
#include "fhir/format/fhir_xhtml.h"
#include "fhir/format/fhir_xml.h"
#include "fhir/format/fhir_xml_scan.h"

#define DEFAULT_DEPTH 64
#define DEFAULT_ATTRS 64
#define XSI           "http://www.w3.org/2001/XMLSchema-instance"

typedef enum frame_kind_t {
    FRAME_DOCUMENT, /* waits for the resource */
    FRAME_HOLDER,   /* contained, Bundle.entry.resource: waits for one resource */
    FRAME_OBJECT,
    FRAME_PRIMITIVE,
    FRAME_XHTML /* the div or an element in it */
} frame_kind_t;

typedef struct frame_t {
    frame_kind_t kind;
    const fhir_type_t *type;       /* whose elements it may have; PRIMITIVE: "Element" */
    const fhir_element_t *element; /* what this is an occurrence of; NULL for a resource */
    fhir_node_t *object;           /* OBJECT: itself; PRIMITIVE: id and extensions, or NULL */
    fhir_node_t *value;            /* PRIMITIVE: its value; HOLDER: the resource */
    fhir_node_t **tail;            /* where the object's next member goes */
    const fhir_element_t *last;    /* child seen last */
    fhir_node_t *values, *extras;  /* arrays of `last`, when it may repeat */
    fhir_node_t **values_tail, **extras_tail;
    int has_values, has_extras; /* anything but nulls */
    int prefixes;               /* namespace declarations in scope */
    apr_size_t start;           /* XHTML: offset of the div's '<' */
    const xmlChar **declared;   /* XHTML: the div's own declarations, prefix and URI */
    int n_declared;
} frame_t;

typedef struct parser_t {
    const fhir_model_t *model;
    const fhir_type_t *element_type; /* "Element" */
    const char *xml;
    apr_size_t len, nodes_left;
    xmlParserCtxtPtr ctxt;
    frame_t *frames;
    int depth, max_depth, max_attrs, keep_comments;
    fhir_node_t *comments; /* array of those not yet given to an element */
    fhir_node_t **comments_tail;
    const fhir_element_t *misplaced; /* what an error is about, not being open */
    fhir_node_t *root;
    fhir_err_t *err;
    apr_pool_t *pool;
} parser_t;

/* -- errors and nodes -------------------------------------------------------------------------- */

static int column_of(const parser_t *p)
{
    return p->ctxt->input ? p->ctxt->input->col : 0;
}

/* The FHIRPath name of an element, with its index where it may repeat. The frame of its parent
 * counts the occurrences. */
static const char *path_below(const parser_t *p, const char *path, const frame_t *parent,
                              const fhir_element_t *element)
{
    int n = 0;
    path = apr_pstrcat(p->pool, path, ".", fhir_model_step(p->model, element, p->pool), NULL);
    if (element->max <= 1)
        return path;
    if (parent->last == element && parent->values)
        for (const fhir_node_t *before = parent->values->child; before; before = before->next)
            n++;
    return apr_psprintf(p->pool, "%s[%d]", path, n);
}

/* The present place as FHIRPath; NULL outside of a resource. */
static const char *expression_of(const parser_t *p)
{
    const char *path = NULL;
    for (int i = 1; i <= p->depth; i++) {
        const frame_t *f = &p->frames[i];
        if (path && f->element)
            path = path_below(p, path, f - 1, f->element);
        else if (!path && f->kind == FRAME_OBJECT)
            path = fhir_model_str(p->model, f->type->name);
    }
    return path && p->misplaced ? path_below(p, path, &p->frames[p->depth], p->misplaced) : path;
}

static void stop_at(parser_t *p, fhir_code_t code, int line, int column, const char *text)
{
    if (p->err)
        return;
    p->err = fhir_err_create(p->pool, code, "XML, line %d, column %d: %s", line, column, text);
    p->err->line = line;
    p->err->column = column;
    if (code != FHIR_ERR_SYNTAX)
        p->err->expression = expression_of(p);
}

/* Must be called last in every callback. When libxml2 is stopped, it frees its input, and names,
 * attributes and text point into that: nothing of them may be used afterwards. */
static void halt_on_error(parser_t *p)
{
    if (p->err)
        xmlStopParser(p->ctxt);
}

static void stop(parser_t *p, fhir_code_t code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void stop(parser_t *p, fhir_code_t code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    stop_at(p, code, xmlSAX2GetLineNumber(p->ctxt), column_of(p),
            apr_pvsprintf(p->pool, fmt, args));
    va_end(args);
}

static fhir_node_t *new_node(parser_t *p, fhir_node_kind_t kind)
{
    if (!p->nodes_left)
        stop(p, FHIR_ERR_TOO_LARGE, "the document holds more values than the limit allows");
    else
        p->nodes_left--;
    if (!fhir_work_tick(1) && !p->err)
        p->err = fhir_work_check();
    fhir_node_t *node = fhir_node_new(kind, p->pool);
    node->line = (apr_uint32_t)xmlSAX2GetLineNumber(p->ctxt);
    node->column = (apr_uint32_t)column_of(p);
    return node;
}

static fhir_node_t *new_string(parser_t *p, const xmlChar *s, apr_size_t len)
{
    fhir_node_t *node = new_node(p, FHIR_NODE_STRING);
    node->text = apr_pstrmemdup(p->pool, (const char *)s, len);
    node->text_len = (apr_uint32_t)len;
    return node;
}

static void add_member(frame_t *f, fhir_node_t *node, const char *name)
{
    node->name = name;
    node->name_len = (apr_uint32_t)strlen(name);
    *f->tail = node;
    f->tail = &node->next;
}

static const char *name_of(const parser_t *p, const fhir_element_t *element)
{
    return fhir_model_str(p->model, element->name);
}

static const char *type_name(const parser_t *p, const fhir_type_t *type)
{
    return fhir_model_str(p->model, type->name);
}

/* The name of an element, for messages. */
static const char *where(const parser_t *p, const frame_t *f)
{
    return type_name(p, f->kind == FRAME_PRIMITIVE ? &p->model->types[f->element->type] : f->type);
}

/* The object of a frame. For a primitive it is made when it gets its first member. */
static fhir_node_t *object_of(parser_t *p, frame_t *f)
{
    if (!f->object) {
        f->object = new_node(p, FHIR_NODE_OBJECT);
        f->tail = &f->object->child;
    }
    return f->object;
}

/* -- repeating elements ------------------------------------------------------------------------ */

/* Links the arrays of the last collected element. */
static void close_arrays(parser_t *p, frame_t *f)
{
    if (f->values && f->has_values)
        add_member(f, f->values, name_of(p, f->last));
    if (f->extras && f->has_extras)
        add_member(f, f->extras, apr_pstrcat(p->pool, "_", name_of(p, f->last), NULL));
    f->values = f->extras = NULL;
    f->has_values = f->has_extras = 0;
}

static void append(fhir_node_t ***tail, fhir_node_t *item)
{
    **tail = item;
    *tail = &item->next;
}

/* Adds an occurrence of the element f->last to an object. */
static void add_occurrence(parser_t *p, frame_t *f, fhir_node_t *value, fhir_node_t *extra)
{
    const fhir_element_t *element = f->last;
    int primitive = p->model->types[element->type].kind == FHIR_KIND_PRIMITIVE;
    if (element->max <= 1) {
        if (value)
            add_member(f, value, name_of(p, element));
        if (extra)
            add_member(f, extra, apr_pstrcat(p->pool, "_", name_of(p, element), NULL));
        return;
    }
    if (!f->values) {
        f->values = new_node(p, FHIR_NODE_ARRAY);
        f->values_tail = &f->values->child;
        if (primitive) {
            f->extras = new_node(p, FHIR_NODE_ARRAY);
            f->extras_tail = &f->extras->child;
        }
    }
    f->has_values |= value != NULL;
    append(&f->values_tail, value ? value : new_node(p, FHIR_NODE_NULL));
    if (primitive) {
        f->has_extras |= extra != NULL;
        append(&f->extras_tail, extra ? extra : new_node(p, FHIR_NODE_NULL));
    }
}

/* -- comments ---------------------------------------------------------------------------------- */

/* Adds the waiting comments to an object, before its other members or joined to the comments that
 * it has. */
static void take_comments(parser_t *p, frame_t *f)
{
    if (!p->comments)
        return;
    fhir_node_t *object = object_of(p, f);
    fhir_node_t *has = (fhir_node_t *)fhir_node_get(object, "fhir_comments");
    if (has) {
        fhir_node_t *last;
        for (last = has->child; last->next; last = last->next)
            ;
        last->next = p->comments->child;
    }
    else
        add_member(f, p->comments, "fhir_comments");
    p->comments = NULL;
}

static void on_comment(void *ctx, const xmlChar *text)
{
    parser_t *p = ctx;
    if (p->err || !p->keep_comments || p->frames[p->depth].kind == FRAME_XHTML)
        return;
    if (!p->comments) {
        p->comments = new_node(p, FHIR_NODE_ARRAY);
        p->comments_tail = &p->comments->child;
    }
    *p->comments_tail = new_string(p, text, strlen((const char *)text));
    p->comments_tail = &(*p->comments_tail)->next;
    halt_on_error(p);
}

/* -- start of elements ------------------------------------------------------------------------- */

/* One start tag as libxml2 reports it. */
typedef struct tag_t {
    const xmlChar *name, *prefix, *uri;
    const xmlChar **declared; /* pairs of prefix and URI */
    int n_declared;
    const xmlChar **attrs; /* fives: name, prefix, URI, value, its end */
    int n_attrs;
} tag_t;

static frame_t *push(parser_t *p, frame_kind_t kind, const fhir_type_t *type,
                     const fhir_element_t *element)
{
    frame_t *f = &p->frames[++p->depth];
    int prefixes = f[-1].prefixes;
    memset(f, 0, sizeof(*f));
    f->kind = kind;
    f->type = type;
    f->element = element;
    f->prefixes = prefixes;
    return f;
}

static int is(const xmlChar *s, const char *text)
{
    return s && !strcmp((const char *)s, text);
}

static int in_namespace(parser_t *p, const tag_t *tag, const char *uri)
{
    if (is(tag->uri, uri))
        return 1;
    stop(p, FHIR_ERR_SYNTAX, "the element \"%s\" must be in the namespace %s",
         (const char *)tag->name, uri);
    return 0;
}

/* An attribute other than `value`: id, url. */
static int attribute_member(parser_t *p, frame_t *f, const xmlChar **attr)
{
    const char *name = (const char *)attr[0];
    const fhir_element_t *element = fhir_model_element(p->model, f->type, name, strlen(name));
    if (attr[1] || !element || !(element->flags & FHIR_EL_XMLATTR)) {
        stop(p, FHIR_ERR_STRUCTURE, "%s has no attribute \"%s\"", where(p, f), name);
        return 0;
    }
    object_of(p, f);
    add_member(f, new_string(p, attr[3], (apr_size_t)(attr[4] - attr[3])), name_of(p, element));
    return 1;
}

static int primitive_value(parser_t *p, frame_t *f, const xmlChar *s, apr_size_t len)
{
    fhir_node_kind_t kind = FHIR_NODE_STRING;
    switch ((fhir_prim_t)p->model->types[f->element->type].prim) {
    case FHIR_PRIM_BOOLEAN:
        if (len == 4 && !memcmp(s, "true", 4))
            kind = FHIR_NODE_TRUE;
        else if (len == 5 && !memcmp(s, "false", 5))
            kind = FHIR_NODE_FALSE;
        else
            stop(p, FHIR_ERR_VALUE, "%s: a boolean must be true or false", name_of(p, f->element));
        break;
    case FHIR_PRIM_DECIMAL:
    case FHIR_PRIM_INTEGER:
    case FHIR_PRIM_POSITIVEINT:
    case FHIR_PRIM_UNSIGNEDINT:
        kind = FHIR_NODE_NUMBER;
        if (!fhir_decimal_valid((const char *)s, len))
            stop(p, FHIR_ERR_VALUE,
                 "%s: this is not a number; numbers look like -12.50 or 1.2e-3, without leading "
                 "zeros, plus sign or blanks",
                 name_of(p, f->element));
        break;
    default:
        break;
    }
    f->value = new_string(p, s, len);
    f->value->kind = (apr_byte_t)kind;
    return !p->err;
}

static void read_attributes(parser_t *p, frame_t *f, const tag_t *tag)
{
    for (int i = 0; i < tag->n_attrs; i++) {
        const xmlChar **attr = tag->attrs + 5 * i;
        if (is(attr[2], XSI) && is(attr[0], "schemaLocation"))
            continue;
        int ok;
        if (f->kind == FRAME_PRIMITIVE && !attr[1] && is(attr[0], "value"))
            ok = primitive_value(p, f, attr[3], (apr_size_t)(attr[4] - attr[3]));
        else
            ok = attribute_member(p, f, attr);
        if (!ok)
            return;
    }
}

static void start_resource(parser_t *p, const tag_t *tag)
{
    const char *name = (const char *)tag->name;
    const fhir_type_t *type = fhir_model_resource(p->model, name, strlen(name));
    if (p->frames[p->depth].value) {
        stop(p, FHIR_ERR_STRUCTURE, "only one resource is allowed here");
        return;
    }
    if (!in_namespace(p, tag, FHIR_XML_NAMESPACE))
        return;
    if (!type) {
        stop(p, FHIR_ERR_STRUCTURE, "FHIR %s has no resource type \"%s\"", p->model->version, name);
        return;
    }
    frame_t *f = push(p, FRAME_OBJECT, type, NULL);
    object_of(p, f);
    fhir_node_t *word = new_node(p, FHIR_NODE_STRING);
    word->text = type_name(p, type);
    word->text_len = (apr_uint32_t)strlen(word->text);
    add_member(f, word, "resourceType");
    take_comments(p, f);
    read_attributes(p, f, tag);
}

/* Checks that the element is allowed here, and makes it the current one of the object. */
static int take_place(parser_t *p, frame_t *f, const fhir_element_t *element)
{
    const fhir_element_t *last = f->last;
    p->misplaced = element;
    if (last && element < last && !(element->group && element->group == last->group)) {
        stop(p, FHIR_ERR_STRUCTURE, "the element \"%s\" must come before \"%s\"",
             name_of(p, element), name_of(p, last));
        return 0;
    }
    if (last && element->group && element->group == last->group && element != last) {
        stop(p, FHIR_ERR_STRUCTURE, "only one of \"%s\" and \"%s\" can be present",
             name_of(p, last), name_of(p, element));
        return 0;
    }
    if (last == element && element->max <= 1) {
        stop(p, FHIR_ERR_STRUCTURE, "the element \"%s\" may occur only once", name_of(p, element));
        return 0;
    }
    if (last != element)
        close_arrays(p, f);
    f->last = element;
    p->misplaced = NULL;
    return 1;
}

/* Offset of the '<' of the tag that is being reported: libxml2 has read up to its '>'. */
static apr_size_t tag_start(const parser_t *p)
{
    apr_size_t at = (apr_size_t)xmlByteConsumed(p->ctxt);
    if (at > p->len)
        at = p->len;
    while (at > 0 && p->xml[--at] != '<')
        ;
    return at;
}

static void start_xhtml(parser_t *p, const tag_t *tag, const fhir_element_t *element)
{
    frame_t *f;
    apr_size_t bytes = sizeof(*f->declared) * 2 * (apr_size_t)tag->n_declared;
    if (!in_namespace(p, tag, FHIR_XHTML_NAMESPACE))
        return;
    f = push(p, FRAME_XHTML, NULL, element);
    f->start = tag_start(p);
    f->n_declared = tag->n_declared;
    f->declared = bytes ? apr_pmemdup(p->pool, tag->declared, bytes) : NULL;
    f->last = element; /* the marker of the div itself */
    f->type = &p->model->types[element->type];
    f->value = new_node(p, FHIR_NODE_STRING);
    f->value->name = (const char *)tag->prefix; /* kept until the end of the div */
}

static int declares(const xmlChar **declared, int n, const xmlChar *prefix)
{
    for (int i = 0; i < n; i++)
        if (xmlStrEqual(declared[2 * i], prefix))
            return 1;
    return 0;
}

/* Within the narrative only namespaces are handled here; fhir_xhtml_check checks its contents. */
static void inner_xhtml(parser_t *p, const tag_t *tag)
{
    const frame_t *div = &p->frames[p->depth];
    while (div->kind == FRAME_XHTML && !div->last)
        div--;
    if (!in_namespace(p, tag, FHIR_XHTML_NAMESPACE))
        return;
    if (tag->prefix && !xmlStrEqual(tag->prefix, (const xmlChar *)div->value->name) &&
        !declares(div->declared, div->n_declared, tag->prefix)) {
        stop(p, FHIR_ERR_STRUCTURE,
             "namespace prefixes of the narrative must be declared on its div");
        return;
    }
    push(p, FRAME_XHTML, NULL, NULL);
}

static void start_child(parser_t *p, const tag_t *tag)
{
    frame_t *f = &p->frames[p->depth];
    const char *name = (const char *)tag->name;
    const fhir_element_t *element = fhir_model_element(p->model, f->type, name, strlen(name));
    if (element && p->model->types[element->type].prim == FHIR_PRIM_XHTML) {
        if (take_place(p, f, element))
            start_xhtml(p, tag, element);
        return;
    }
    if (!in_namespace(p, tag, FHIR_XML_NAMESPACE))
        return;
    if (!element || (element->flags & FHIR_EL_XMLATTR)) {
        stop(p, FHIR_ERR_STRUCTURE, "%s has no element \"%s\"", where(p, f), name);
        return;
    }
    if (f->kind == FRAME_PRIMITIVE)
        object_of(p, f);
    if (!take_place(p, f, element))
        return;
    const fhir_type_t *type = &p->model->types[element->type];
    if (element->flags & FHIR_EL_RESOURCE) {
        f = push(p, FRAME_HOLDER, type, element);
        if (tag->n_attrs)
            stop(p, FHIR_ERR_STRUCTURE, "the element \"%s\" has no attributes", name);
        return;
    }
    if (type->kind == FHIR_KIND_PRIMITIVE)
        f = push(p, FRAME_PRIMITIVE, p->element_type, element);
    else
        f = push(p, FRAME_OBJECT, type, element);
    if (f->kind == FRAME_OBJECT)
        object_of(p, f);
    take_comments(p, f);
    read_attributes(p, f, tag);
}

static void start(parser_t *p, const tag_t *tag)
{
    const frame_t *f = &p->frames[p->depth];
    if (p->depth >= p->max_depth) {
        stop(p, FHIR_ERR_TOO_LARGE, "elements are nested deeper than %d levels, the limit here",
             p->max_depth);
        return;
    }
    /* libxml2 searches all namespaces in scope one by one */
    if (f->prefixes + tag->n_declared > p->max_attrs && tag->n_declared) {
        stop(p, FHIR_ERR_TOO_LARGE, "more than %d namespaces are declared, the limit here",
             p->max_attrs);
        return;
    }
    switch (f->kind) {
    case FRAME_DOCUMENT:
    case FRAME_HOLDER:
        start_resource(p, tag);
        break;
    case FRAME_XHTML:
        inner_xhtml(p, tag);
        break;
    default:
        start_child(p, tag);
    }
    if (!p->err)
        p->frames[p->depth].prefixes += tag->n_declared;
}

static void on_start(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                     int n_declared, const xmlChar **declared, int n_attrs, int n_defaulted,
                     const xmlChar **attrs)
{
    parser_t *p = ctx;
    tag_t tag = {name, prefix, uri, declared, n_declared, attrs, n_attrs};
    (void)n_defaulted; /* only a document type can have defaults, and none is allowed */
    if (!p->err)
        start(p, &tag);
    halt_on_error(p);
}

/* -- end of elements --------------------------------------------------------------------------- */

/* The bytes of the div unchanged, with its namespace declared on itself; but without the
 * declaration that writing added (DSTU2). */
static void end_xhtml(parser_t *p, frame_t *f)
{
    apr_size_t end = (apr_size_t)xmlByteConsumed(p->ctxt), added = strlen(FHIR_XHTML_ADDED);
    const char *s = p->xml + f->start, *prefix = f->value->name;
    apr_size_t name_len = 1 + (prefix ? strlen(prefix) + 1 : 0) + 3;
    if (end > p->len || end < f->start + name_len || p->xml[end - 1] != '>') {
        stop(p, FHIR_ERR_INTERNAL, "the narrative's place in the document is unknown");
        return;
    }
    apr_size_t len = end - f->start;
    f->value->text = s;
    f->value->text_len = (apr_uint32_t)len;
    if (!declares(f->declared, f->n_declared, (const xmlChar *)prefix))
        f->value->text = apr_psprintf(p->pool, "%.*s xmlns%s%s=\"" FHIR_XHTML_NAMESPACE "\"%.*s",
                                      (int)name_len, s, prefix ? ":" : "", prefix ? prefix : "",
                                      (int)(len - name_len), s + name_len);
    else if (p->keep_comments && len > added && !memcmp(s, FHIR_XHTML_ADDED, added))
        f->value->text = apr_psprintf(p->pool, "<div%.*s", (int)(len - added), s + added);
    else
        return;
    f->value->text_len = (apr_uint32_t)strlen(f->value->text);
}

static void end_object(parser_t *p, frame_t *f)
{
    close_arrays(p, f);
    const fhir_node_t *first = f->object->child;
    if (f->element && (!first || (!first->next && !strcmp(first->name, "fhir_comments"))))
        stop(p, FHIR_ERR_STRUCTURE, "the element \"%s\" must have some content",
             name_of(p, f->element));
    take_comments(p, f);
}

static void end_primitive(parser_t *p, frame_t *f)
{
    close_arrays(p, f);
    if (!f->value && !(f->object && fhir_node_get(f->object, "extension")))
        stop(p, FHIR_ERR_STRUCTURE, "the element \"%s\" must have a value or an extension",
             name_of(p, f->element));
    take_comments(p, f);
}

static void end_element(parser_t *p)
{
    frame_t *f = &p->frames[p->depth], *around = f - 1;
    fhir_node_t *value = f->value, *extra = NULL;
    switch (f->kind) {
    case FRAME_XHTML:
        if (f->last)
            end_xhtml(p, f);
        break;
    case FRAME_OBJECT:
        end_object(p, f);
        value = f->object;
        break;
    case FRAME_PRIMITIVE:
        end_primitive(p, f);
        extra = f->object;
        break;
    case FRAME_HOLDER:
        if (!value)
            stop(p, FHIR_ERR_STRUCTURE, "the element \"%s\" must hold a resource",
                 name_of(p, f->element));
        break;
    case FRAME_DOCUMENT:
        return;
    }
    p->depth--;
    if (p->err)
        return;
    if (around->kind == FRAME_DOCUMENT || around->kind == FRAME_HOLDER)
        around->value = value;
    else if (f->element)
        add_occurrence(p, around, value, extra);
}

static void on_end(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    parser_t *p = ctx;
    (void)name;
    (void)prefix;
    (void)uri;
    if (!p->err)
        end_element(p);
    halt_on_error(p);
}

/* -- the rest of a document -------------------------------------------------------------------- */

static void on_text(void *ctx, const xmlChar *text, int len)
{
    parser_t *p = ctx;
    if (p->err || p->frames[p->depth].kind == FRAME_XHTML)
        return;
    for (int i = 0; i < len; i++)
        if (text[i] != ' ' && text[i] != '\n' && text[i] != '\t' && text[i] != '\r') {
            stop(p, FHIR_ERR_STRUCTURE,
                 "text is not allowed here; values are in the attribute \"value\"");
            return;
        }
}

static void on_doctype(void *ctx, const xmlChar *name, const xmlChar *external,
                       const xmlChar *system)
{
    (void)name;
    (void)external;
    (void)system;
    stop(ctx, FHIR_ERR_SYNTAX, "document types are not allowed");
    halt_on_error(ctx);
}

/* The argument is const since libxml2 2.12. */
#if LIBXML_VERSION >= 21200
static void on_error(void *ctx, const xmlError *error)
#else
static void on_error(void *ctx, xmlErrorPtr error)
#endif
{
    parser_t *p = ctx;
    const char *text = error->message ? error->message : "not well-formed";
    apr_size_t n = strcspn(text, "\n");
    if (p->err || error->level < XML_ERR_ERROR)
        return;
    stop_at(p, FHIR_ERR_SYNTAX, error->line, error->int2,
            apr_psprintf(p->pool, "%.*s", n > 200 ? 200 : (int)n, text));
}

static const xmlSAXHandler handler = {
    .internalSubset = on_doctype,
    .startElementNs = on_start,
    .endElementNs = on_end,
    .characters = on_text,
    .ignorableWhitespace = on_text,
    .cdataBlock = on_text,
    .comment = on_comment,
    .serror = on_error,
    .initialized = XML_SAX2_MAGIC,
};

static fhir_err_t *run(parser_t *p)
{
    p->ctxt = xmlCreateMemoryParserCtxt(p->xml, (int)p->len);
    if (!p->ctxt)
        return fhir_err_create(p->pool, FHIR_ERR_INTERNAL, "out of memory");
    *p->ctxt->sax = handler;
    p->ctxt->userData = p;
    /* The limits are our own: the size of the body and its depth. Without document types, there are
     * only XML's five entities. "NOENT" makes libxml2 report their characters. */
    xmlCtxtUseOptions(p->ctxt, XML_PARSE_NONET | XML_PARSE_HUGE | XML_PARSE_NOENT);
    xmlParseDocument(p->ctxt);
    if (!p->err && !p->ctxt->wellFormed)
        stop_at(p, FHIR_ERR_SYNTAX, xmlSAX2GetLineNumber(p->ctxt), column_of(p),
                "the document is not well-formed");
    xmlFreeParserCtxt(p->ctxt);
    p->ctxt = NULL;
    return p->err;
}

/* Comments after the root element belong to it. */
static void end_document(parser_t *p)
{
    frame_t *f = &p->frames[0];
    p->root = f->value;
    if (!p->comments)
        return;
    fhir_node_t *last;
    for (last = p->root->child; last->next; last = last->next)
        ;
    f->object = p->root;
    f->tail = &last->next;
    take_comments(p, f);
}

fhir_err_t *fhir_xml_parse(fhir_node_t **resource, const fhir_model_t *model, const char *xml,
                           apr_size_t len, const fhir_node_limits_t *limits, apr_pool_t *pool)
{
    static const fhir_node_limits_t defaults;
    parser_t p = {0};
    *resource = NULL;
    if (!limits)
        limits = &defaults;
    apr_size_t max = limits->max_bytes && limits->max_bytes < INT_MAX ? limits->max_bytes : INT_MAX;
    if (len > max)
        return fhir_err_create(pool, FHIR_ERR_TOO_LARGE,
                               "the document has %" APR_SIZE_T_FMT
                               " bytes; at most %" APR_SIZE_T_FMT " are accepted",
                               len, max);
    p.max_attrs = limits->max_attrs > 0 ? limits->max_attrs : DEFAULT_ATTRS;
    FHIR_TRY(fhir_xml_scan(xml, len, &(fhir_node_limits_t){.max_attrs = p.max_attrs}, pool));
    p.model = model;
    p.element_type = fhir_model_type(model, "Element", 7);
    p.xml = xml;
    p.len = len;
    p.nodes_left = limits->max_nodes ? limits->max_nodes : ~(apr_size_t)0;
    p.max_depth = limits->max_depth > 0 ? limits->max_depth : DEFAULT_DEPTH;
    p.keep_comments = model->version[0] == '1';
    p.pool = pool;
    p.frames = apr_pcalloc(pool, sizeof(*p.frames) * ((apr_size_t)p.max_depth + 1));
    FHIR_TRY(run(&p));
    end_document(&p);
    *resource = p.root;
    return NULL;
}
