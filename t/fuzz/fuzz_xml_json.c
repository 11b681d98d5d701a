/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as XML: refused with a message, or a tree whose JSON is read back and whose XML is read
 * back as the same tree; its narratives are checked. The first byte chooses the version.
 */
#include <apr_general.h>
#include <stdlib.h>

#include "core/fhir_node.h"
#include "fhir/format/fhir_xhtml.h"
#include "fhir/format/fhir_xml.h"
#include "t/fuzz/fuzz.h"

static fhir_buf_t *json(const fhir_node_t *tree, apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);

    fhir_node_write_json(buf, tree, 0);
    check(!buf->overflow);
    return buf;
}

static void check_narratives(const fhir_model_t *model, const fhir_node_t *node, apr_pool_t *pool)
{
    if (node->name_len == 3 && !memcmp(node->name, "div", 3) && node->kind == FHIR_NODE_STRING) {
        fhir_buf_t *buf = fhir_buf_create(pool, 0);
        fhir_err_t *err = fhir_xhtml_check(model, node->text, node->text_len, NULL, pool);

        check(!err || err->message[0]);
        check(fhir_xhtml_write_xml(buf, node->text, node->text_len) || err);
        fhir_xhtml_write_html(buf, node->text, node->text_len);
    }
    for (const fhir_node_t *c = node->child; c; c = c->next)
        check_narratives(model, c, pool);
}

static void check_tree(const fhir_model_t *model, const fhir_node_t *tree, apr_pool_t *pool)
{
    fhir_node_limits_t limits = {.max_depth = 250};
    fhir_buf_t *text = json(tree, pool), *xml = fhir_buf_create(pool, 0);
    fhir_node_t *back;

    check(fhir_node_parse_json(&back, text->data, text->len, &limits, pool) == NULL);
    fhir_buf_t *again = json(back, pool);
    check(text->len == again->len && !memcmp(text->data, again->data, text->len));
    check_narratives(model, tree, pool);
    check(fhir_xml_write(xml, fhir_xml_writer_create(model, 0, pool), back, pool) == NULL);
    if (fhir_xml_parse(&back, model, xml->data, xml->len, &limits, pool))
        abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    const fhir_model_t *model = size && (*data & 1) ? &fhir_model_dstu2 : &fhir_model_r4;

    apr_pool_t *pool = fuzz_pool();
    if (size) {
        fhir_node_t *tree;
        fhir_err_t *err =
            fhir_xml_parse(&tree, model, (const char *)data + 1, size - 1, NULL, pool);
        if (err)
            check(err->message[0] && !tree);
        else
            check_tree(model, tree, pool);
    }
    apr_pool_destroy(pool);
    return 0;
}
