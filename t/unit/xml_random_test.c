/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties: resources made at random from the model, of every type of both versions, go to XML
 * and back unchanged, whatever the order of their members; the XML is valid against HL7's schema
 * where that lies beside the source tree.
 *
 *     xml_random_test [ROUNDS [SEED]]
 */
#include <apr_file_info.h>
#include <apr_strings.h>
#include <stdlib.h>

#include "fhir/format/fhir_xml.h"
#include "tap.h"
#include "xml_compare.h"

#define DEEP 6 /* below it only what is mandatory */

typedef struct maker_t {
    const fhir_model_t *model;
    apr_pool_t *pool;
    apr_uint32_t state;
    int dstu2;
} maker_t;

static unsigned pick(maker_t *m, unsigned n)
{
    m->state = m->state * 1664525u + 1013904223u;
    return (unsigned)((m->state >> 8) % n);
}

/* -- primitives -------------------------------------------------------------------------------- */

#define UP_TO 6
/* Values of each primitive type, valid in both versions. */
static const char *const values[][UP_TO] = {
    [FHIR_PRIM_BASE64] = {"AAEC", "YWJjZA==", "AAA="},
    [FHIR_PRIM_BOOLEAN] = {"true", "false"},
    [FHIR_PRIM_CANONICAL] = {"http://example.org/a|1.0", "#b"},
    [FHIR_PRIM_CODE] = {"abc", "a b", "x-1"},
    [FHIR_PRIM_DATE] = {"1970", "1970-02", "1970-02-28"},
    [FHIR_PRIM_DATETIME] = {"2015", "2015-02", "2015-02-07T13:28:17.239+02:00",
                            "2015-02-07T13:28:17Z"},
    [FHIR_PRIM_DECIMAL] = {"1.00", "-0.10", "0", "12345678901234567890.1234567890", "1E-22",
                           "1.0e+7"},
    [FHIR_PRIM_ID] = {"a", "A-1.b"},
    [FHIR_PRIM_INSTANT] = {"2015-02-07T13:28:17.239+02:00", "2015-02-07T13:28:17Z"},
    [FHIR_PRIM_INTEGER] = {"0", "-1", "2147483647"},
    [FHIR_PRIM_MARKDOWN] = {"# a\n\n* b\tc", "*<b>&amp;*"},
    [FHIR_PRIM_OID] = {"urn:oid:1.2.3"},
    [FHIR_PRIM_POSITIVEINT] = {"1", "2147483647"},
    [FHIR_PRIM_STRING] = {"a", " b  c ", "\"<&>'", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80",
                          "a\r\n\tb", "&#10;]]>--"},
    [FHIR_PRIM_TIME] = {"13:28:17", "00:00:00.5"},
    [FHIR_PRIM_UNSIGNEDINT] = {"0", "7"},
    [FHIR_PRIM_URI] = {"http://example.org/?a=b&c=d", "urn:oid:1.2.3", "x"},
    [FHIR_PRIM_URL] = {"http://example.org/?a=b&c=d"},
    [FHIR_PRIM_UUID] = {"urn:uuid:a5afddf4-e880-459b-876e-e4591b0acc11"},
    [FHIR_PRIM_XHTML] =
        {"<div xmlns=\"http://www.w3.org/1999/xhtml\">a</div>",
         "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p title='x'>b &amp; <br />c</p>\n</div>",
         "<h:div xmlns:h=\"http://www.w3.org/1999/xhtml\"><h:b>d</h:b></h:div>"},
};

static fhir_node_kind_t kind_of(fhir_prim_t prim, const char *text)
{
    switch (prim) {
    case FHIR_PRIM_BOOLEAN:
        return *text == 't' ? FHIR_NODE_TRUE : FHIR_NODE_FALSE;
    case FHIR_PRIM_DECIMAL:
    case FHIR_PRIM_INTEGER:
    case FHIR_PRIM_POSITIVEINT:
    case FHIR_PRIM_UNSIGNEDINT:
        return FHIR_NODE_NUMBER;
    default:
        return FHIR_NODE_STRING;
    }
}

/* Elements whose schema says more than the model. */
static const struct {
    const char *type, *element, *value;
} special[] = {
    {"Account", "status", "active"},             /* DSTU2 */
    {"Expression", "language", "text/fhirpath"}, /* a set that cannot be enumerated, but is */
    {"MedicationStatement", "status", "active"}, /* the schema has the codes of Medication.status */
    {"SampledData", "data", "1 2.5 E U L"},
};

static const char *special_of(const maker_t *m, const fhir_element_t *element)
{
    const char *type = fhir_model_str(m->model, m->model->types[element->owner].name);

    for (apr_size_t i = 0; i < TAP_COUNT(special); i++)
        if (!strcmp(special[i].type, type) &&
            !strcmp(special[i].element, fhir_model_str(m->model, element->name)))
            return special[i].value;
    return NULL;
}

/* A code of a required value set, or NULL when the set is open. */
static const char *code_of(maker_t *m, const fhir_element_t *element)
{
    const fhir_valueset_t *set = &m->model->valuesets[element->binding];

    if (!(element->flags & FHIR_EL_REQUIRED_BINDING) || (set->flags & FHIR_VS_OPEN) ||
        !set->n_codes)
        return NULL;
    return fhir_model_str(m->model, m->model->codes[set->first_code + pick(m, set->n_codes)].code);
}

static fhir_node_t *make_value(maker_t *m, const fhir_element_t *element, fhir_prim_t prim)
{
    const char *text = special_of(m, element);
    unsigned n = 0;

    if (!text)
        text = code_of(m, element);
    while (n < UP_TO && values[prim][n])
        n++;
    if (m->dstu2 && prim == FHIR_PRIM_DECIMAL)
        n -= 3; /* DSTU2's schema has no exponents and few digits */
    if (!text)
        text = values[prim][pick(m, n)];
    return fhir_node_new_text(kind_of(prim, text), text, strlen(text), m->pool);
}

/* -- objects ----------------------------------------------------------------------------------- */

static fhir_node_t *make_resource(maker_t *m, const fhir_type_t *type, int depth);
static fhir_node_t *make_object(maker_t *m, const fhir_type_t *type, int depth);

static void add(fhir_node_t *object, fhir_node_t *child, const char *name)
{
    fhir_node_t **link = &object->child;

    while (*link)
        link = &(*link)->next;
    *link = child;
    child->name = name;
    child->name_len = name ? (apr_uint32_t)strlen(name) : 0;
}

static fhir_node_t *make_text(maker_t *m, const char *text)
{
    return fhir_node_new_text(FHIR_NODE_STRING, text, strlen(text), m->pool);
}

static void add_comments(maker_t *m, fhir_node_t *object)
{
    fhir_node_t *list = fhir_node_new(FHIR_NODE_ARRAY, m->pool);

    add(list, make_text(m, " a comment & <more> "), NULL);
    if (pick(m, 2))
        add(list, make_text(m, "another"), NULL);
    add(object, list, "fhir_comments");
}

static fhir_node_t *make_extension(maker_t *m)
{
    fhir_node_t *extension = fhir_node_new(FHIR_NODE_OBJECT, m->pool);

    add(extension, make_text(m, "http://example.org/x?a=b&c"), "url");
    add(extension, make_text(m, "v"), "valueString");
    return extension;
}

/* Id and extensions of a primitive; with: it must have an extension, because there is no value. */
static fhir_node_t *make_extra(maker_t *m, int with)
{
    fhir_node_t *extra = fhir_node_new(FHIR_NODE_OBJECT, m->pool);

    if (pick(m, 2) || !with)
        add(extra, make_text(m, "i1"), "id");
    if (with || pick(m, 2)) {
        fhir_node_t *list = fhir_node_new(FHIR_NODE_ARRAY, m->pool);
        add(list, make_extension(m), NULL);
        add(extra, list, "extension");
    }
    if (m->dstu2 && !pick(m, 4))
        add_comments(m, extra);
    return extra;
}

static fhir_node_t *make_one(maker_t *m, const fhir_element_t *element, int depth)
{
    const fhir_type_t *type = &m->model->types[element->type];

    if (element->flags & FHIR_EL_RESOURCE)
        return make_resource(m, &m->model->types[1 + pick(m, m->model->n_resources)], depth + 2);
    if (type->kind == FHIR_KIND_PRIMITIVE)
        return make_value(m, element, (fhir_prim_t)type->prim);
    return make_object(m, type, depth + 1);
}

static const char *half(maker_t *m, const char *name)
{
    return apr_pstrcat(m->pool, "_", name, NULL);
}

static void add_single(maker_t *m, fhir_node_t *object, const fhir_element_t *element, int depth)
{
    const fhir_type_t *type = &m->model->types[element->type];
    const char *name = fhir_model_str(m->model, element->name);
    int extra = type->kind == FHIR_KIND_PRIMITIVE && type->prim != FHIR_PRIM_XHTML &&
                !(element->flags & FHIR_EL_XMLATTR) && !pick(m, 5);
    int without = extra && !element->min && !pick(m, 3);

    if (!without)
        add(object, make_one(m, element, depth), name);
    if (extra)
        add(object, make_extra(m, without), half(m, name));
}

static void add_list(maker_t *m, fhir_node_t *object, const fhir_element_t *element, int depth)
{
    const fhir_type_t *type = &m->model->types[element->type];
    const char *name = fhir_model_str(m->model, element->name);
    fhir_node_t *list = fhir_node_new(FHIR_NODE_ARRAY, m->pool),
                *extras = fhir_node_new(FHIR_NODE_ARRAY, m->pool);
    unsigned n = 1 + pick(m, depth < 2 ? 3 : 2);
    int primitive = type->kind == FHIR_KIND_PRIMITIVE, n_values = 0, n_extras = 0;

    while (n-- > 0) {
        int extra = primitive && !pick(m, 4), without = extra && !pick(m, 2);
        n_values += !without;
        n_extras += extra;
        add(list, without ? fhir_node_new(FHIR_NODE_NULL, m->pool) : make_one(m, element, depth),
            NULL);
        add(extras, extra ? make_extra(m, without) : fhir_node_new(FHIR_NODE_NULL, m->pool), NULL);
    }
    if (n_values)
        add(object, list, name);
    if (n_extras)
        add(object, extras, half(m, name));
}

/* Whether an element is there. DSTU2's SimpleQuantity, which the model has as Quantity, is without
 * comparator. */
static int wanted(maker_t *m, const fhir_element_t *element, int depth)
{
    if (element->min)
        return 1;
    if (m->dstu2 && !strcmp(fhir_model_str(m->model, element->name), "comparator"))
        return 0;
    return depth < DEEP && !pick(m, depth == 0 ? 2 : 3 + 2 * (unsigned)depth);
}

static void fill(maker_t *m, fhir_node_t *object, const fhir_type_t *type, int depth)
{
    int j;

    for (int i = 0; i < type->n_elements; i = j) {
        const fhir_element_t *e = &m->model->elements[type->first_element + i];
        for (j = i + 1; j < type->n_elements && e->group && e[j - i].group == e->group; j++)
            ;
        if (!wanted(m, e, depth))
            continue;
        e += pick(m, (unsigned)(j - i));
        if (e->max > 1)
            add_list(m, object, e, depth);
        else
            add_single(m, object, e, depth);
    }
    if (m->dstu2 && !pick(m, 8))
        add_comments(m, object);
}

static fhir_node_t *make_object(maker_t *m, const fhir_type_t *type, int depth)
{
    fhir_node_t *object = fhir_node_new(FHIR_NODE_OBJECT, m->pool);

    fill(m, object, type, depth);
    /* comments alone are no content */
    if (!object->child || (!object->child->next && !strcmp(object->child->name, "fhir_comments"))) {
        object->child = NULL;
        fhir_node_t *list = fhir_node_new(FHIR_NODE_ARRAY, m->pool);
        add(list, make_extension(m), NULL);
        add(object, list, "extension");
    }
    return object;
}

static fhir_node_t *make_resource(maker_t *m, const fhir_type_t *type, int depth)
{
    fhir_node_t *object = fhir_node_new(FHIR_NODE_OBJECT, m->pool);

    add(object, make_text(m, fhir_model_str(m->model, type->name)), "resourceType");
    fill(m, object, type, depth);
    return object;
}

/* Members of every object in another order. */
static void shuffle(maker_t *m, fhir_node_t *node)
{
    fhir_node_t *c, *rest = node->child;

    for (c = node->child; c; c = c->next)
        shuffle(m, c);
    if (node->kind != FHIR_NODE_OBJECT)
        return;
    node->child = NULL;
    while ((c = rest)) {
        fhir_node_t **link = &node->child;
        unsigned skip = pick(m, 4);
        rest = c->next;
        while (skip-- > 0 && *link)
            link = &(*link)->next;
        c->next = *link;
        *link = c;
    }
}

/* -- properties -------------------------------------------------------------------------------- */

static const char *broken(maker_t *m, const fhir_type_t *type, xmlSchemaPtr schema)
{
    fhir_node_t *tree = make_resource(m, type, 0);
    fhir_buf_t *xml = fhir_buf_create(m->pool, 0);
    fhir_xml_writer_t *writer =
        fhir_xml_writer_create(m->model, pick(m, 2) ? FHIR_XML_PRETTY : 0, m->pool);
    fhir_node_limits_t limits = {.max_depth = 200};

    shuffle(m, tree);
    fhir_err_t *err;
    if ((err = fhir_xml_write(xml, writer, tree, m->pool)))
        return apr_pstrcat(m->pool, "to XML: ", err->message, NULL);
    fhir_node_t *back;
    if ((err = fhir_xml_parse(&back, m->model, xml->data, xml->len, &limits, m->pool)))
        return apr_pstrcat(m->pool, "from XML: ", err->message, NULL);
    const char *why;
    if ((why = xml_compare_nodes(tree, back, m->pool)))
        return why;
    why = schema ? xml_schema_error(schema, xml, m->pool) : NULL;
    return why ? apr_pstrcat(m->pool, "schema: ", why, NULL) : NULL;
}

static void test_types(const fhir_model_t *model, xmlSchemaPtr schema, int rounds,
                       apr_uint32_t seed, apr_pool_t *pool)
{
    maker_t m = {.model = model, .state = seed, .dstu2 = model->version[0] == '1'};

    apr_pool_create(&m.pool, pool);
    for (int i = 1; i <= model->n_resources; i++) {
        const char *why = NULL;
        for (int round = 0; round < rounds && !why; round++) {
            apr_pool_clear(m.pool);
            why = broken(&m, &model->types[i], schema);
        }
        if (!tap_ok(!why, "%s %s", model->label, fhir_model_str(model, model->types[i].name)))
            tap_diag("%s", why);
    }
}

static xmlSchemaPtr schema_of(const char *version, apr_pool_t *pool)
{
    const char *src = getenv("FHIR_SRC");
    const char *path =
        apr_psprintf(pool, "%s/../shared/fhir/%s/xsd/fhir-single.xsd", src ? src : ".", version);
    apr_finfo_t info;

    return apr_stat(&info, path, APR_FINFO_TYPE, pool) == APR_SUCCESS ? xml_schema_load(path)
                                                                      : NULL;
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *pool = tap_start();
    int rounds = argc > 1 ? atoi(argv[1]) : getenv("FHIR_TEST_SLOW") ? 1 : 5;
    apr_uint32_t seed = argc > 2 ? (apr_uint32_t)strtoul(argv[2], NULL, 10) : 20150807;
    xmlSchemaPtr r4 = schema_of("r4", pool), dstu2 = schema_of("dstu2", pool);

    tap_diag("%d rounds, seed %u, %s", rounds, seed, r4 ? "with HL7's schemas" : "without schemas");
    test_types(&fhir_model_r4, r4, rounds, seed, pool);
    test_types(&fhir_model_dstu2, dstu2, rounds, seed, pool);
    xmlSchemaFree(r4);
    xmlSchemaFree(dstu2);
    return tap_done();
}
