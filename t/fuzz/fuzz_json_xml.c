/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any JSON to XML: refused, or XML that libxml2 takes and that is read back as the same resource;
 * to HTML and in part it never fails. The first byte chooses the version.
 */
#include <apr_general.h>
#include <libxml/parser.h>
#include <stdlib.h>

#include "core/fhir_node.h"
#include "fhir/format/fhir_html.h"
#include "fhir/format/fhir_subset.h"
#include "fhir/format/fhir_xml.h"
#include "t/fuzz/fuzz.h"

static void ignore(void *ctx, const char *message, ...)
{
    (void)ctx;
    (void)message;
}

static void check_well_formed(const fhir_buf_t *xml)
{
    xmlSetGenericErrorFunc(NULL, ignore);
    xmlDocPtr doc =
        xmlReadMemory(xml->data, (int)xml->len, "x", NULL, XML_PARSE_NONET | XML_PARSE_HUGE);
    check(doc != NULL);
    xmlFreeDoc(doc);
}

/* What comes back, written again, is the same XML. */
static void check_back(const fhir_model_t *model, fhir_buf_t *xml, fhir_xml_writer_t *writer,
                       apr_pool_t *pool)
{
    fhir_node_limits_t limits = {.max_depth = 250};
    fhir_buf_t *again = fhir_buf_create(pool, 0);
    fhir_node_t *tree;

    if (fhir_xml_parse(&tree, model, xml->data, xml->len, &limits, pool))
        return; /* numbers and narratives that XML's reader is stricter about */
    check(fhir_xml_write(again, writer, tree, pool) == NULL);
    fhir_buf_clear(xml);
    check(fhir_xml_parse(&tree, model, again->data, again->len, &limits, pool) == NULL);
    check(fhir_xml_write(xml, writer, tree, pool) == NULL);
    check(xml->len == again->len && !memcmp(xml->data, again->data, xml->len));
}

static void check_parts(const fhir_model_t *model, fhir_node_t *tree, apr_pool_t *pool)
{
    fhir_html_t *html = fhir_html_create(
        model, &(fhir_html_about_t){.base_url = "http://localhost", .query = "a=b"}, pool);
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    fhir_subset_t subset = {.summary = FHIR_SUMMARY_TRUE};

    fhir_html_resource(buf, html, tree);
    fhir_html_bundle_learn(html, tree);
    fhir_html_bundle_begin(buf, html, tree);
    fhir_html_bundle_entry(buf, html, tree);
    fhir_html_bundle_end(buf, html);
    subset.type = fhir_model_type(model, "Resource", 8);
    fhir_subset_apply(tree, &subset, model, pool);
    fhir_node_write_json(buf, tree, 1);
    check(!buf->overflow);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    const fhir_model_t *model = size && (*data & 1) ? &fhir_model_dstu2 : &fhir_model_r4;

    apr_pool_t *pool = fuzz_pool();
    fhir_node_t *tree;
    if (size && !fhir_node_parse_json(&tree, (const char *)data + 1, size - 1, NULL, pool)) {
        fhir_xml_writer_t *writer = fhir_xml_writer_create(model, 0, pool);
        fhir_buf_t *xml = fhir_buf_create(pool, 0);

        if (!fhir_xml_write(xml, writer, tree, pool)) {
            check_well_formed(xml);
            check_back(model, xml, writer, pool);
        }
        check_parts(model, tree, pool);
    }
    apr_pool_destroy(pool);
    return 0;
}
