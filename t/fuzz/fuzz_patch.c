/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a patch of a Patient: the first one says which kind. Refused with a message, or a
 * resource that is within the limits and can be read again.
 */
#include <apr_general.h>
#include <apr_pools.h>
#include <stdlib.h>
#include <string.h>

#include "core/fhir_node.h"
#include "fhir/format/fhir_xml.h"
#include "fhir/write/fhir_patch.h"
#include "t/fuzz/fuzz.h"

static const char json[] =
    "{\"resourceType\":\"Patient\",\"id\":\"p1\",\"extension\":[{\"url\":\"u\",\"valueString\":"
    "\"a\"}],"
    "\"active\":true,\"name\":[{\"use\":\"usual\",\"given\":[null,\"a\",\"b\"],\"_given\":[{\"id\":"
    "\"g\"},null,null]},{\"family\":\"x\"}],\"birthDate\":\"1974-12\",\"deceasedBoolean\":false}";
static const char xml[] =
    "<Patient xmlns=\"http://hl7.org/fhir\"><id value=\"p1\"/><text><status value=\"generated\"/>"
    "<div xmlns=\"http://www.w3.org/1999/xhtml\">one<b>two</b>three</div></text><name><use "
    "value=\"usual\"/><given value=\"a\"/><given value=\"b\"/></name><name><family "
    "value=\"x\"/></name>"
    "</Patient>";

static int refused(const fhir_err_t *err)
{
    if (err)
        check(err->message && *err->message && fhir_err_http_status(err->code) < 500);
    return err != NULL;
}

static void check_tree(const fhir_node_t *root, apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);

    fhir_node_write_json(buf, root, 0);
    check(!buf->overflow);
    fhir_node_t *again;
    check(fhir_node_parse_json(&again, buf->data, buf->len, NULL, pool) == NULL);
    check(fhir_node_equal(root, again, 0, pool));
}

static void patch_json(fhir_node_t *root, const fhir_node_t *patch, apr_pool_t *pool)
{
    if (!refused(fhir_patch_json(&root, patch, NULL, pool)))
        check_tree(root, pool);
}

static void patch_path(fhir_node_t *root, const fhir_node_t *patch, apr_pool_t *pool)
{
    if (!refused(fhir_patch_path(root, &fhir_model_r4, patch, NULL, pool)))
        check_tree(root, pool);
}

static void patch_xml(const char *text, size_t size, apr_pool_t *pool)
{
    const char *result;
    apr_size_t len;
    fhir_node_t *root;
    fhir_err_t *err = fhir_patch_xml(&result, &len, xml, sizeof(xml) - 1, text, size, NULL, pool);

    if (!refused(err)) /* what no resource is any more is refused then */
        (void)refused(fhir_xml_parse(&root, &fhir_model_r4, result, len, NULL, pool));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    const char *text = (const char *)data + 1;

    if (!size)
        return 0;
    apr_pool_t *pool = fuzz_pool();
    fhir_node_t *patch;
    if (*data == 'x')
        patch_xml(text, size - 1, pool);
    else if (!fhir_node_parse_json(&patch, text, size - 1, NULL, pool)) {
        fhir_node_t *root;
        check(fhir_node_parse_json(&root, json, sizeof(json) - 1, NULL, pool) == NULL);
        (*data == 'p' ? patch_path : patch_json)(root, patch, pool);
    }
    apr_pool_destroy(pool);
    return 0;
}
