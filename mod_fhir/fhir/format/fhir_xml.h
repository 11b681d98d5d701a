/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_xml.h
 * @brief FHIR's XML form, from and to the tree of its JSON form, by the model's tables.
 *
 * Both ways keep everything: the text of numbers, white space in strings, ids and extensions of
 * primitives, nulls in their arrays, narratives byte for byte. Comments (`fhir_comments`, an
 * element of DSTU2's JSON) become XML comments; XML comments become `fhir_comments` in DSTU2 and
 * are ignored in R4, which has no place for them. Source: http://hl7.org/fhir/R4/xml.html,
 * http://hl7.org/fhir/R4/json.html, http://hl7.org/fhir/DSTU2/json.html
 */
#ifndef FHIR_XML_H
#define FHIR_XML_H

#include "core/fhir_buf.h"
#include "core/fhir_node.h"
#include "model/fhir_model.h"

#define FHIR_XML_NAMESPACE "http://hl7.org/fhir"

#define FHIR_XML_PRETTY      0x01u /* one element a line, two blanks a level */
#define FHIR_XML_DECLARATION 0x02u /* <?xml … encoding="UTF-8"?> first */

/** Scratch space of a writer, reused from resource to resource; not thread safe. */
typedef struct fhir_xml_writer_t fhir_xml_writer_t;
fhir_xml_writer_t *fhir_xml_writer_create(const fhir_model_t *model, unsigned flags,
                                          apr_pool_t *pool);

/**
 * Appends a whole resource. Members may stand in any order. What the model does not know, a value
 * of the wrong JSON type, an array where one value belongs and the other way round are refused.
 * @param pool for the error
 * @return NULL or FHIR_ERR_STRUCTURE, with expression
 */
fhir_err_t *fhir_xml_write(fhir_buf_t *buf, fhir_xml_writer_t *writer, const fhir_node_t *resource,
                           apr_pool_t *pool);

/**
 * The same in pieces, for a resource with one element that is streamed (Bundle.entry): begin
 * writes all elements that are before it, item one occurrence of it, end those behind it.
 * `resource` is the same node for begin and end; its own member of that name is left out.
 * @return each as fhir_xml_write
 */
fhir_err_t *fhir_xml_write_begin(fhir_buf_t *buf, fhir_xml_writer_t *writer,
                                 const fhir_node_t *resource, const char *streamed,
                                 apr_pool_t *pool);
fhir_err_t *fhir_xml_write_item(fhir_buf_t *buf, fhir_xml_writer_t *writer, const fhir_type_t *type,
                                const char *streamed, const fhir_node_t *item, apr_pool_t *pool);
fhir_err_t *fhir_xml_write_end(fhir_buf_t *buf, fhir_xml_writer_t *writer,
                               const fhir_node_t *resource, const char *streamed, apr_pool_t *pool);

/**
 * Parses one resource into the tree of its JSON form (resourceType first, then the elements in
 * their order). Refused: document types and entities, encodings other than UTF-8, other
 * namespaces, unknown elements and attributes, text, wrong order, repetition of single elements,
 * values that their JSON form cannot hold (a decimal that is none), empty elements, and what is
 * over the limits (NULL: fhir_node_limits_t's defaults; depth is that of elements).
 * @param resource  the tree, with line and column, in pool
 * @return NULL, FHIR_ERR_SYNTAX (not well-formed XML), FHIR_ERR_STRUCTURE, FHIR_ERR_VALUE or
 *         FHIR_ERR_TOO_LARGE, each with line and column
 */
fhir_err_t *fhir_xml_parse(fhir_node_t **resource, const fhir_model_t *model, const char *xml,
                           apr_size_t len, const fhir_node_limits_t *limits, apr_pool_t *pool);

#endif
