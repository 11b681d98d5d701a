/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_xhtml.h
 * @brief The narrative's XHTML: what is allowed in, and how it goes out as XML and as HTML.
 *
 * Source: http://hl7.org/fhir/R4/narrative.html#xhtml, and the elements and attributes of HL7's
 * fhir-xhtml.xsd
 */
#ifndef FHIR_XHTML_H
#define FHIR_XHTML_H

#include "core/fhir_buf.h"
#include "core/fhir_err.h"
#include "core/fhir_node.h"
#include "model/fhir_model.h"

#define FHIR_XHTML_NAMESPACE "http://www.w3.org/1999/xhtml"

/** How a div begins whose namespace was added in writing: DSTU2's JSON has none, and by its single
 *  quotes reading knows that it was not there. */
#define FHIR_XHTML_ADDED "<div xmlns='" FHIR_XHTML_NAMESPACE "'"

/**
 * Checks a narrative div for input: well-formed XML without document type, processing instructions
 * and entities other than XML's own; only elements of the FHIR schema, its attributes and those of
 * HTML 4.0 that only say how something looks; no scripts,
 * event attributes, external objects, script URLs or style rules that load something; some content.
 * DSTU2 may lack the namespace and use HTML's entities.
 * @param limits depth (from the div) and attributes of one element; NULL: the most there can be
 * @return NULL or FHIR_ERR_VALUE; line and column are those in the narrative
 */
fhir_err_t *fhir_xhtml_check(const fhir_model_t *model, const char *s, apr_size_t len,
                             const fhir_node_limits_t *limits, apr_pool_t *pool);

typedef void fhir_xhtml_fragment_fn(void *baton, const char *id, apr_size_t len);
/** Calls each with the id of every link and image of a narrative to a place in the same resource
 *  (href="#id", src="#id"). */
void fhir_xhtml_fragments(const char *s, apr_size_t len, fhir_xhtml_fragment_fn *each, void *baton);

/**
 * Appends a stored div as an element of an XML document, byte for byte where it is well-formed.
 * A missing namespace is declared and entities of HTML become character references. What is not
 * well-formed is written as text in a div, so that the document around it stays whole.
 * @return 1, or 0 when it was not well-formed
 */
int fhir_xhtml_write_xml(fhir_buf_t *buf, const char *s, apr_size_t len);

/**
 * Appends a stored div for a HTML page: elements and attributes that are accepted, all else
 * is dropped or becomes text. Safe for any input.
 */
void fhir_xhtml_write_html(fhir_buf_t *buf, const char *s, apr_size_t len);

/** Appends text with &, <, > and quotes escaped, for XML text, HTML text and attribute values;
 *  characters that XML cannot hold become U+FFFD. */
void fhir_xhtml_escape(fhir_buf_t *buf, const char *s, apr_size_t len);

#endif
