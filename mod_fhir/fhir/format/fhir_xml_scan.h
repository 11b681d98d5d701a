/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_xml_scan.h
 * @brief What is checked of an XML document's bytes before a parser works on them.
 */
#ifndef FHIR_XML_SCAN_H
#define FHIR_XML_SCAN_H

#include "core/fhir_err.h"

/**
 * Refuses what is not UTF-8 or says so, NUL, a document type, and an element with more than
 * max_attrs attributes: libxml2 compares each with all others. What is left is text in which
 * libxml2 reads as UTF-8 at a cost that grows with its length. Not a check of well-formedness.
 * @return NULL, FHIR_ERR_SYNTAX or FHIR_ERR_TOO_LARGE, with line and column
 */
fhir_err_t *fhir_xml_scan(const char *xml, apr_size_t len, int max_attrs, apr_pool_t *pool);

#endif
