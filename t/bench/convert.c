/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversion beside libxml2 alone: convert FILE.ndjson ROUNDS prints, for each of them in turn,
 * MB/s of CPU time (bytes read). Writing by libxml2 is xmlDocDumpMemory of a document that is
 * there.
 */
#include <apr_general.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fhir/format/fhir_xml.h"

typedef struct texts_t {
    fhir_buf_t *buf;
    apr_size_t *at; /* where each begins; the last one is the end */
    int n;
} texts_t;

static texts_t json, xml;
static fhir_xml_writer_t *writer;
static fhir_buf_t *out;
static xmlDocPtr *docs;

static void die(const char *what)
{
    fprintf(stderr, "convert: %s\n", what);
    exit(1);
}

static void check(const fhir_err_t *err)
{
    if (err)
        die(err->message);
}

static fhir_node_t *parse(int i, apr_pool_t *pool)
{
    fhir_node_t *tree;

    check(fhir_node_parse_json(&tree, json.buf->data + json.at[i], json.at[i + 1] - json.at[i],
                               NULL, pool));
    return tree;
}

static void read_json(int i, apr_pool_t *pool)
{
    parse(i, pool);
}

static void json_to_xml(int i, apr_pool_t *pool)
{
    fhir_buf_clear(out);
    check(fhir_xml_write(out, writer, parse(i, pool), pool));
}

static void xml_to_json(int i, apr_pool_t *pool)
{
    fhir_node_t *tree;

    check(fhir_xml_parse(&tree, &fhir_model_r4, xml.buf->data + xml.at[i],
                         xml.at[i + 1] - xml.at[i], NULL, pool));
    fhir_buf_clear(out);
    fhir_node_write_json(out, tree, 0);
}

static void ignore(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                   int n_declared, const xmlChar **declared, int n_attrs, int n_defaulted,
                   const xmlChar **attrs)
{
    (void)ctx, (void)name, (void)prefix, (void)uri, (void)n_declared, (void)declared, (void)n_attrs,
        (void)n_defaulted, (void)attrs;
}

static void libxml2_sax(int i, apr_pool_t *pool)
{
    xmlSAXHandler handler = {.startElementNs = ignore, .initialized = XML_SAX2_MAGIC};

    (void)pool;
    if (xmlSAXUserParseMemory(&handler, NULL, xml.buf->data + xml.at[i],
                              (int)(xml.at[i + 1] - xml.at[i])))
        die("SAX");
}

static void libxml2_write(int i, apr_pool_t *pool)
{
    (void)pool;
    xmlChar *text;
    int len;
    xmlDocDumpMemory(docs[i], &text, &len);
    xmlFree(text);
}

static const struct {
    const char *name;
    void (*run)(int i, apr_pool_t *pool);
    const texts_t *input;
} cases[] = {
    {"JSON read", read_json, &json},        {"JSON to XML", json_to_xml, &json},
    {"XML to JSON", xml_to_json, &xml},     {"libxml2 SAX2", libxml2_sax, &xml},
    {"libxml2 write", libxml2_write, &xml},
};
enum { CASES = sizeof(cases) / sizeof(cases[0]) };

static void load(const char *path, apr_pool_t *pool)
{
    FILE *file = fopen(path, "rb");
    char *line = NULL;
    size_t cap = 0;
    int room = 1000000;

    if (!file)
        die("cannot open the file");
    json.buf = fhir_buf_create(pool, 0);
    json.at = malloc(sizeof(*json.at) * (size_t)room);
    ssize_t len;
    while ((len = getline(&line, &cap, file)) > 1 && json.n + 1 < room) {
        json.at[json.n++] = json.buf->len;
        fhir_buf_append(json.buf, line, (apr_size_t)len);
    }
    json.at[json.n] = json.buf->len;
    free(line);
    fclose(file);
}

static void make_xml(apr_pool_t *pool)
{
    xml.buf = fhir_buf_create(pool, 0);
    xml.at = malloc(sizeof(*xml.at) * ((size_t)json.n + 1));
    docs = malloc(sizeof(xmlDocPtr) * ((size_t)json.n + 1));
    for (int i = 0; i < json.n; i++) {
        xml.at[i] = xml.buf->len;
        json_to_xml(i, pool);
        fhir_buf_append(xml.buf, out->data, out->len);
    }
    xml.at[xml.n = json.n] = xml.buf->len;
    for (int i = 0; i < xml.n; i++)
        docs[i] = xmlReadMemory(xml.buf->data + xml.at[i], (int)(xml.at[i + 1] - xml.at[i]), "x",
                                NULL, 0);
}

static double rate(int which, apr_pool_t *pool)
{
    clock_t start = clock();

    for (int i = 0; i < json.n; i++) {
        cases[which].run(i, pool);
        apr_pool_clear(pool);
    }
    return (double)cases[which].input->buf->len / 1e6 * CLOCKS_PER_SEC / (double)(clock() - start);
}

int main(int argc, char **argv)
{
    double best[CASES] = {0};

    if (argc != 3)
        die("convert FILE.ndjson ROUNDS");
    apr_initialize();
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    apr_pool_t *scratch;
    apr_pool_create(&scratch, pool);
    out = fhir_buf_create(pool, 0);
    writer = fhir_xml_writer_create(&fhir_model_r4, 0, pool);
    load(argv[1], pool);
    make_xml(pool);
    int i;
    for (int round = atoi(argv[2]); round > 0; round--)
        for (i = 0; i < CASES; i++) {
            double r = rate(i, scratch);
            best[i] = r > best[i] ? r : best[i];
        }
    for (i = 0; i < CASES; i++)
        printf("%-16s %7.0f MB/s of %s\n", cases[i].name, best[i],
               cases[i].input == &json ? "JSON" : "XML");
    return 0;
}
