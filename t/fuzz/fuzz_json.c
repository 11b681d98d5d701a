/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as JSON: refused with a place, or a tree whose ranges lie in the source and that is the
 * same after it was written and read again.
 */
#include <apr_general.h>
#include <apr_pools.h>
#include <stdlib.h>
#include <string.h>

#include "core/fhir_node.h"
#include "t/fuzz/fuzz.h"

static void check_ranges(const fhir_node_t *node, apr_size_t from, apr_size_t to)
{
    check(from <= node->start && node->start < node->end && node->end <= to);
    for (const fhir_node_t *child = node->child; child; child = child->next)
        check_ranges(child, node->start, node->end);
}

static fhir_buf_t *written(const fhir_node_t *root, int pretty, apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);

    fhir_node_write_json(buf, root, pretty);
    check(!buf->overflow);
    return buf;
}

static void check_again(const fhir_buf_t *first, const fhir_buf_t *text, apr_pool_t *pool)
{
    fhir_node_t *root = NULL;

    check(fhir_node_parse_json(&root, text->data, text->len, NULL, pool) == NULL);
    const fhir_buf_t *second = written(root, 0, pool);
    check(second->len == first->len && !memcmp(second->data, first->data, first->len));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    fhir_node_t *root = NULL;

    apr_pool_t *pool = fuzz_pool();
    fhir_err_t *err = fhir_node_parse_json(&root, (const char *)data, size, NULL, pool);
    if (err) {
        check(err->message && err->message[0]);
    }
    else {
        fhir_buf_t *compact = written(root, 0, pool);

        check_ranges(root, 0, size);
        check_again(compact, compact, pool);
        check_again(compact, written(root, 1, pool), pool);
    }
    apr_pool_destroy(pool);
    return 0;
}
