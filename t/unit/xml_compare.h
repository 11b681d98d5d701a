/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file xml_compare.h
 * @brief Comparisons for tests of conversion. Each returns NULL, or what differs and where.
 *        And HL7's schemas.
 */
#ifndef XML_COMPARE_H
#define XML_COMPARE_H

#include <libxml/xmlschemas.h>

#include "core/fhir_node.h"

/** Trees, strictly: same members in any order, same items in order, same text of numbers. */
const char *xml_compare_nodes(const fhir_node_t *a, const fhir_node_t *b, apr_pool_t *pool);

/** The same, but narratives as XML (namespace and white space aside) and without fhir_comments,
 *  which the two files of HL7's pairs do not place alike. */
const char *xml_compare_trees(const fhir_node_t *a, const fhir_node_t *b, apr_pool_t *pool);

/** XML documents: elements, attributes and text; comments, processing instructions and white space
 *  between elements aside. */
const char *xml_compare_documents(const char *a, apr_size_t a_len, const char *b, apr_size_t b_len,
                                  apr_pool_t *pool);

/** A schema, or NULL. */
xmlSchemaPtr xml_schema_load(const char *path);
/** What it says against a document, or NULL. */
const char *xml_schema_error(xmlSchemaPtr schema, const fhir_buf_t *xml, apr_pool_t *pool);

#endif
