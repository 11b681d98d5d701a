/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the tree of a resource's JSON form to XML. Reading XML is in fhir_xml_parse.c, the
 * narrative in fhir_xhtml.c.
 *
 * An object's members come in any order and primitives in two halves ("birthDate" and
 * "_birthDate"); they are collected per object, joined and put into the model's order, then
 * written. Members of all open objects share one array, used as a stack.
 */
#include <apr_strings.h>

#include "core/fhir_text.h"
#include "core/fhir_work.h"
#include "fhir/format/fhir_xhtml.h"
#include "fhir/format/fhir_xhtml_scan.h"
#include "fhir/format/fhir_xml.h"

#define NEXT_TRIED 4
#define MAX_LEVELS 256 /* levels of the path; deeper ones are written but not named in errors */

/* An element that is to be written. */
typedef struct member_t {
    const fhir_element_t *element;
    const fhir_node_t *value; /* or NULL */
    const fhir_node_t *extra; /* the '_' member, or NULL */
} member_t;

struct fhir_xml_writer_t {
    const fhir_model_t *model;
    unsigned flags;
    fhir_buf_t *buf;
    apr_pool_t *pool; /* place of the error */
    member_t *members;
    int n_members, max_members;
    apr_pool_t *own_pool;
    const fhir_type_t *element_type; /* "Element": the type of '_' members */
    apr_byte_t *name_lens;           /* indexed by element; 0: not known yet */
    int level;                       /* nesting of elements, for indenting */
    const char *path[MAX_LEVELS];    /* names of the elements around, for errors */
    int n_path;
};

static fhir_err_t *write_resource(fhir_xml_writer_t *w, const fhir_node_t *node, int root);
static fhir_err_t *write_members(fhir_xml_writer_t *w, int first, int end);

fhir_xml_writer_t *fhir_xml_writer_create(const fhir_model_t *model, unsigned flags,
                                          apr_pool_t *pool)
{
    fhir_xml_writer_t *w = apr_pcalloc(pool, sizeof(*w));

    w->model = model;
    w->flags = flags;
    w->own_pool = pool;
    w->max_members = 128;
    w->element_type = fhir_model_type(model, "Element", 7);
    w->name_lens = apr_pcalloc(pool, model->n_elements);
    w->members = apr_palloc(pool, sizeof(*w->members) * (apr_size_t)w->max_members);
    return w;
}

static const char *name_of(const fhir_xml_writer_t *w, const fhir_element_t *element)
{
    return fhir_model_str(w->model, element->name);
}

static apr_size_t name_len(fhir_xml_writer_t *w, const fhir_element_t *element)
{
    apr_byte_t *len = &w->name_lens[element - w->model->elements];

    if (!*len)
        *len = (apr_byte_t)strlen(name_of(w, element));
    return *len;
}

static void enter(fhir_xml_writer_t *w, const char *name)
{
    if (w->n_path < MAX_LEVELS)
        w->path[w->n_path] = name;
    w->n_path++;
}

static void leave(fhir_xml_writer_t *w)
{
    w->n_path--;
}

static fhir_err_t *refuse(fhir_xml_writer_t *w, const fhir_node_t *node, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static fhir_err_t *refuse(fhir_xml_writer_t *w, const fhir_node_t *node, const char *fmt, ...)
{
    const char *path = w->n_path ? w->path[0] : NULL;

    for (int i = 1; i < w->n_path && i < MAX_LEVELS; i++)
        path = apr_pstrcat(w->pool, path, ".", w->path[i], NULL);
    va_list args;
    va_start(args, fmt);
    fhir_err_t *err = fhir_err_create(w->pool, FHIR_ERR_STRUCTURE, "%s%s%s", path ? path : "",
                                      path ? ": " : "", apr_pvsprintf(w->pool, fmt, args));
    va_end(args);
    if (path)
        fhir_err_at(err, w->pool, path);
    if (node) {
        err->line = (int)node->line;
        err->column = (int)node->column;
    }
    return err;
}

static void indent(fhir_xml_writer_t *w)
{
    if (!(w->flags & FHIR_XML_PRETTY))
        return;
    fhir_buf_putc(w->buf, '\n');
    for (int i = 0; i < w->level; i++)
        fhir_buf_append(w->buf, "  ", 2);
}

static void open_tag(fhir_xml_writer_t *w, const char *name, apr_size_t len)
{
    indent(w);
    fhir_buf_putc(w->buf, '<');
    fhir_buf_append(w->buf, name, len);
}

static void close_tag(fhir_xml_writer_t *w, const char *name, apr_size_t len)
{
    fhir_buf_append(w->buf, "</", 2);
    fhir_buf_append(w->buf, name, len);
    fhir_buf_putc(w->buf, '>');
}

static void attribute(fhir_xml_writer_t *w, const char *name, apr_size_t len,
                      const fhir_node_t *value)
{
    fhir_buf_putc(w->buf, ' ');
    fhir_buf_append(w->buf, name, len);
    fhir_buf_append(w->buf, "=\"", 2);
    fhir_xhtml_escape(w->buf, value->text, value->text_len);
    fhir_buf_putc(w->buf, '"');
}

/* XML does not allow "--" in a comment, or '-' at its end: a blank is inserted. */
static void comment_text(fhir_buf_t *buf, const char *s, apr_size_t len)
{
    const char *end = s + len;

    while (s < end) {
        apr_size_t n = fhir_xscan_chars(s, end);

        for (apr_size_t i = 0; i < n; i++) {
            fhir_buf_putc(buf, s[i]);
            if (s[i] == '-' && (s + i + 1 == end || s[i + 1] == '-'))
                fhir_buf_putc(buf, ' ');
        }
        s += n;
        if (s < end) { /* a character that XML does not allow */
            fhir_buf_puts(buf, "\xEF\xBF\xBD");
            s += (unsigned char)*s == 0xEF ? 3 : 1;
        }
    }
}

/* DSTU2's fhir_comments of an object, before its element. */
static fhir_err_t *write_comments(fhir_xml_writer_t *w, const fhir_node_t *object)
{
    const fhir_node_t *comments = fhir_node_get(object, "fhir_comments");

    if (!comments)
        return NULL;
    if (comments->kind != FHIR_NODE_ARRAY)
        return refuse(w, comments, "fhir_comments must be an array of strings");
    for (const fhir_node_t *c = comments->child; c; c = c->next) {
        if (c->kind != FHIR_NODE_STRING)
            return refuse(w, c, "fhir_comments must be an array of strings");
        indent(w);
        fhir_buf_append(w->buf, "<!--", 4);
        comment_text(w->buf, c->text, c->text_len);
        fhir_buf_append(w->buf, "-->", 3);
    }
    return NULL;
}

static member_t *push_member(fhir_xml_writer_t *w)
{
    if (w->n_members == w->max_members) {
        member_t *more = apr_palloc(w->own_pool, sizeof(*more) * 2 * (apr_size_t)w->max_members);
        memcpy(more, w->members, sizeof(*more) * (apr_size_t)w->max_members);
        w->members = more;
        w->max_members *= 2;
    }
    return &w->members[w->n_members++];
}

/* Finds the place of an element after `first`, in the model's order, and joins the two members of a
 * primitive. Stored members are mostly in order, so a search from the end mostly ends at once. */
static member_t *member_for(fhir_xml_writer_t *w, int first, const fhir_element_t *element)
{
    int i = w->n_members;

    while (i > first && w->members[i - 1].element > element)
        i--;
    if (i > first && w->members[i - 1].element == element)
        return &w->members[i - 1];
    push_member(w);
    member_t *m = &w->members[i];
    memmove(m + 1, m, sizeof(*m) * (apr_size_t)(w->n_members - 1 - i));
    m->element = element;
    m->value = m->extra = NULL;
    return m;
}

/* The element with a name. It is mostly one of the next after the last one, which is faster to find
 * than by the model's hash. */
static const fhir_element_t *find(fhir_xml_writer_t *w, int first, const fhir_type_t *type,
                                  const char *name, apr_size_t len)
{
    const fhir_element_t *all = &w->model->elements[type->first_element],
                         *end = all + type->n_elements,
                         *e = w->n_members > first ? w->members[w->n_members - 1].element : all;

    for (int tries = 0; tries < NEXT_TRIED && e < end; tries++, e++)
        if (name_len(w, e) == len && !memcmp(name_of(w, e), name, len))
            return e;
    return fhir_model_element(w->model, type, name, len);
}

static fhir_err_t *collect_one(fhir_xml_writer_t *w, int first, const fhir_type_t *type,
                               const fhir_node_t *node)
{
    int extra = node->name_len && node->name[0] == '_';
    const fhir_element_t *element =
        find(w, first, type, node->name + extra, node->name_len - (unsigned)extra);

    if (!element || (extra && w->model->types[element->type].kind != FHIR_KIND_PRIMITIVE))
        return refuse(w, node, "%s has no element \"%s\"", fhir_model_str(w->model, type->name),
                      fhir_text_excerpt(node->name, node->name_len, w->pool));
    member_t *m = member_for(w, first, element);
    const fhir_node_t **half = extra ? &m->extra : &m->value;
    if (*half)
        return refuse(w, node, "the element \"%s\" occurs twice", name_of(w, element));
    *half = node;
    return NULL;
}

/* Pushes the members of an object, in order; *first is where they begin. */
static fhir_err_t *collect(int *first, fhir_xml_writer_t *w, const fhir_type_t *type,
                           const fhir_node_t *object)
{
    *first = w->n_members;
    for (const fhir_node_t *c = object->child; c; c = c->next) {
        if (c->name_len == 13 && !memcmp(c->name, "fhir_comments", 13))
            continue;
        if (type->kind == FHIR_KIND_RESOURCE && c->name_len == 12 &&
            !memcmp(c->name, "resourceType", 12))
            continue;
        FHIR_TRY(collect_one(w, *first, type, c));
    }
    for (int i = *first + 1; i < w->n_members; i++) {
        const fhir_element_t *a = w->members[i - 1].element, *b = w->members[i].element;
        if (b->group && a->group == b->group)
            return refuse(w, object, "only one of \"%s\" and \"%s\" can be present", name_of(w, a),
                          name_of(w, b));
    }
    return NULL;
}

/* Element.id and Extension.url. */
static fhir_err_t *write_attributes(fhir_xml_writer_t *w, int first, int end)
{
    for (int i = first; i < end; i++) {
        const member_t *m = &w->members[i];
        if (!(m->element->flags & FHIR_EL_XMLATTR))
            continue;
        if (!m->value || m->value->kind != FHIR_NODE_STRING || m->extra)
            return refuse(w, m->value, "%s must be a string without extensions",
                          name_of(w, m->element));
        attribute(w, name_of(w, m->element), name_len(w, m->element), m->value);
    }
    return NULL;
}

static fhir_err_t *write_content(fhir_xml_writer_t *w, const char *name, apr_size_t len, int first,
                                 int end)
{
    int i = end;

    while (i > first && (w->members[i - 1].element->flags & FHIR_EL_XMLATTR))
        i--;
    if (i == first) { /* it has only attributes */
        fhir_buf_append(w->buf, "/>", 2);
        return NULL;
    }
    (void)fhir_work_tick(1);
    fhir_buf_putc(w->buf, '>');
    w->level++;
    FHIR_TRY(write_members(w, first, end));
    w->level--;
    indent(w);
    close_tag(w, name, len);
    return NULL;
}

/* The most frequent element: <name value="…"/> in one piece. */
static void write_plain(fhir_xml_writer_t *w, const char *name, apr_size_t len,
                        const fhir_node_t *value)
{
    static const char attribute_begins[] = " value=\"", ends[] = "\"/>";
    apr_size_t begin = sizeof(attribute_begins) - 1, end = sizeof(ends) - 1;

    indent(w);
    if (!fhir_buf_reserve(w->buf, 1 + len + begin))
        return;
    char *to = w->buf->data + w->buf->len;
    *to++ = '<';
    memcpy(to, name, len);
    memcpy(to + len, attribute_begins, begin);
    w->buf->len += 1 + len + begin;
    fhir_xhtml_escape(w->buf, value->text, value->text_len);
    fhir_buf_append(w->buf, ends, end);
}

static fhir_err_t *write_primitive(fhir_xml_writer_t *w, const fhir_element_t *element,
                                   const fhir_node_t *value, const fhir_node_t *extra)
{
    const fhir_type_t *type = &w->model->types[element->type];
    const char *name = name_of(w, element);
    int first = w->n_members;

    if (value && value->kind == FHIR_NODE_NULL)
        value = NULL;
    if (extra && extra->kind == FHIR_NODE_NULL)
        extra = NULL;
    if (value && !fhir_model_prim_is(type->prim, value->kind))
        return refuse(w, value, "the value has the wrong JSON type for %s",
                      fhir_model_str(w->model, type->name));
    if (extra && extra->kind != FHIR_NODE_OBJECT)
        return refuse(w, extra, "\"_%s\" must be an object", name);
    if (!value && (!extra || !extra->child))
        return refuse(w, value, "an element needs a value or an extension");
    if (!extra) {
        write_plain(w, name, name_len(w, element), value);
        return NULL;
    }
    FHIR_TRY(write_comments(w, extra));
    open_tag(w, name, name_len(w, element));
    FHIR_TRY(collect(&first, w, w->element_type, extra));
    FHIR_TRY(write_attributes(w, first, w->n_members));
    if (value)
        attribute(w, "value", 5, value);
    FHIR_TRY(write_content(w, name, name_len(w, element), first, w->n_members));
    w->n_members = first;
    return NULL;
}

static fhir_err_t *write_narrative(fhir_xml_writer_t *w, const fhir_node_t *value,
                                   const fhir_node_t *extra)
{
    if (extra || !value || value->kind != FHIR_NODE_STRING)
        return refuse(w, value, "the narrative must be a string with XHTML");
    indent(w);
    fhir_xhtml_write_xml(w->buf, value->text, value->text_len);
    return NULL;
}

static fhir_err_t *write_complex(fhir_xml_writer_t *w, const fhir_element_t *element,
                                 const fhir_node_t *value)
{
    const fhir_type_t *type = &w->model->types[element->type];
    const char *name = name_of(w, element);

    if (!value || value->kind != FHIR_NODE_OBJECT)
        return refuse(w, value, "the value must be an object");
    if (!value->child)
        return refuse(w, value, "an element must have some content");
    FHIR_TRY(write_comments(w, value));
    open_tag(w, name, name_len(w, element));
    int first;
    FHIR_TRY(collect(&first, w, type, value));
    FHIR_TRY(write_attributes(w, first, w->n_members));
    FHIR_TRY(write_content(w, name, name_len(w, element), first, w->n_members));
    w->n_members = first;
    return NULL;
}

static fhir_err_t *write_nested(fhir_xml_writer_t *w, const fhir_element_t *element,
                                const fhir_node_t *value)
{
    const char *name = name_of(w, element);

    open_tag(w, name, name_len(w, element));
    fhir_buf_putc(w->buf, '>');
    w->level++;
    FHIR_TRY(write_resource(w, value, 0));
    w->level--;
    indent(w);
    close_tag(w, name, name_len(w, element));
    return NULL;
}

static fhir_err_t *write_one(fhir_xml_writer_t *w, const fhir_element_t *element,
                             const fhir_node_t *value, const fhir_node_t *extra)
{
    const fhir_type_t *type = &w->model->types[element->type];

    enter(w, name_of(w, element));
    fhir_err_t *err;
    if (element->flags & FHIR_EL_RESOURCE)
        err = write_nested(w, element, value);
    else if (type->kind != FHIR_KIND_PRIMITIVE)
        err = write_complex(w, element, value);
    else if (type->prim == FHIR_PRIM_XHTML)
        err = write_narrative(w, value, extra);
    else
        err = write_primitive(w, element, value, extra);
    leave(w);
    return err;
}

static fhir_err_t *write_member(fhir_xml_writer_t *w, const member_t *m)
{
    const fhir_element_t *element = m->element;
    const fhir_node_t *value = m->value, *extra = m->extra;
    int many = element->max > 1;

    if ((value && (value->kind == FHIR_NODE_ARRAY) != many) ||
        (extra && (extra->kind == FHIR_NODE_ARRAY) != many))
        return refuse(w, value, many ? "\"%s\" must be an array" : "\"%s\" must not be an array",
                      name_of(w, element));
    if (!many)
        return write_one(w, element, value, extra);
    value = value ? value->child : NULL;
    extra = extra ? extra->child : NULL;
    if (!value && !extra)
        return refuse(w, m->value, "the array \"%s\" is empty", name_of(w, element));
    while (value || extra) {
        FHIR_TRY(write_one(w, element, value, extra));
        value = value ? value->next : NULL;
        extra = extra ? extra->next : NULL;
    }
    return NULL;
}

/* Recursion may move the array, so each member is copied out before it. */
static fhir_err_t *write_members(fhir_xml_writer_t *w, int first, int end)
{
    for (int i = first; i < end; i++) {
        member_t m = w->members[i];
        if (!(m.element->flags & FHIR_EL_XMLATTR))
            FHIR_TRY(write_member(w, &m));
    }
    return NULL;
}

static fhir_err_t *resource_type(const fhir_type_t **type, fhir_xml_writer_t *w,
                                 const fhir_node_t *node)
{
    const fhir_node_t *name = fhir_node_get(node, "resourceType");

    if (!name || name->kind != FHIR_NODE_STRING)
        return refuse(w, node, "a resource must be an object with a \"resourceType\"");
    *type = fhir_model_resource(w->model, name->text, name->text_len);
    if (!*type)
        return refuse(w, name, "FHIR %s has no resource type \"%s\"", w->model->version,
                      fhir_text_excerpt(name->text, name->text_len, w->pool));
    return NULL;
}

/* Writes comments and the start tag without its end. */
static void open_resource(fhir_xml_writer_t *w, const char *name, int root)
{
    if (!root || w->buf->len)
        indent(w);
    fhir_buf_putc(w->buf, '<');
    fhir_buf_puts(w->buf, name);
    if (root)
        fhir_buf_puts(w->buf, " xmlns=\"" FHIR_XML_NAMESPACE "\"");
}

static fhir_err_t *write_resource(fhir_xml_writer_t *w, const fhir_node_t *node, int root)
{
    const fhir_type_t *type;

    FHIR_TRY(resource_type(&type, w, node));
    const char *name = fhir_model_str(w->model, type->name);
    if (root)
        enter(w, name);
    FHIR_TRY(write_comments(w, node));
    open_resource(w, name, root);
    int first;
    FHIR_TRY(collect(&first, w, type, node));
    FHIR_TRY(write_content(w, name, strlen(name), first, w->n_members));
    w->n_members = first;
    return NULL;
}

static void reset(fhir_xml_writer_t *w, fhir_buf_t *buf, apr_pool_t *pool)
{
    w->buf = buf;
    w->pool = pool;
    w->n_members = w->level = w->n_path = 0;
}

static void declaration(fhir_xml_writer_t *w)
{
    if (w->flags & FHIR_XML_DECLARATION)
        fhir_buf_puts(w->buf, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
}

static fhir_err_t *finish(fhir_xml_writer_t *w)
{
    if (w->flags & FHIR_XML_PRETTY)
        fhir_buf_putc(w->buf, '\n');
    return NULL;
}

fhir_err_t *fhir_xml_write(fhir_buf_t *buf, fhir_xml_writer_t *writer, const fhir_node_t *resource,
                           apr_pool_t *pool)
{
    reset(writer, buf, pool);
    declaration(writer);
    FHIR_TRY(write_resource(writer, resource, 1));
    return finish(writer);
}

/* Begin and end of a streamed resource: the members before the streamed element, and those after
 * it. */
static fhir_err_t *write_part(fhir_xml_writer_t *w, const fhir_node_t *resource,
                              const char *streamed, int behind)
{
    const fhir_type_t *type;

    FHIR_TRY(resource_type(&type, w, resource));
    const char *name = fhir_model_str(w->model, type->name);
    enter(w, name);
    const fhir_element_t *element = fhir_model_element(w->model, type, streamed, strlen(streamed));
    if (!behind) {
        FHIR_TRY(write_comments(w, resource));
        open_resource(w, name, 1);
        fhir_buf_putc(w->buf, '>');
    }
    int first;
    FHIR_TRY(collect(&first, w, type, resource));
    int i;
    for (i = first; i < w->n_members && w->members[i].element < element; i++)
        ;
    int end = i;
    if (i < w->n_members && w->members[i].element == element)
        i++;
    w->level = 1;
    if (!behind)
        return write_members(w, first, end);
    FHIR_TRY(write_members(w, i, w->n_members));
    w->level = 0;
    indent(w);
    close_tag(w, name, strlen(name));
    return finish(w);
}

fhir_err_t *fhir_xml_write_begin(fhir_buf_t *buf, fhir_xml_writer_t *writer,
                                 const fhir_node_t *resource, const char *streamed,
                                 apr_pool_t *pool)
{
    reset(writer, buf, pool);
    declaration(writer);
    return write_part(writer, resource, streamed, 0);
}

fhir_err_t *fhir_xml_write_item(fhir_buf_t *buf, fhir_xml_writer_t *writer, const fhir_type_t *type,
                                const char *streamed, const fhir_node_t *item, apr_pool_t *pool)
{
    const fhir_element_t *element =
        fhir_model_element(writer->model, type, streamed, strlen(streamed));

    reset(writer, buf, pool);
    writer->level = 1;
    enter(writer, fhir_model_str(writer->model, type->name));
    return write_one(writer, element, item, NULL);
}

fhir_err_t *fhir_xml_write_end(fhir_buf_t *buf, fhir_xml_writer_t *writer,
                               const fhir_node_t *resource, const char *streamed, apr_pool_t *pool)
{
    reset(writer, buf, pool);
    return write_part(writer, resource, streamed, 1);
}
