/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_xml_scan.h
 * @brief What is checked of an XML document's bytes before a parser works on them.
 */
#ifndef FHIR_XML_SCAN_H
#define FHIR_XML_SCAN_H

#include "core/fhir_node.h"

/**
 * Refuses what is not UTF-8 or says so, NUL, a document type, and an element with more than
 * max_attrs attributes: libxml2 compares each with all others. What is left is text that libxml2
 * reads as UTF-8 at a cost that grows with its length. Not a check of well-formedness.
 * @param limits max_attrs; for who makes a tree of the whole also max_depth, and max_nodes of
 *        elements and attributes: 0 for none
 * @return NULL, FHIR_ERR_SYNTAX or FHIR_ERR_TOO_LARGE, with line and column
 */
fhir_err_t *fhir_xml_scan(const char *xml, apr_size_t len, const fhir_node_limits_t *limits,
                          apr_pool_t *pool);

#endif
