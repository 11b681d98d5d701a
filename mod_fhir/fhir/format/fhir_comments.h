/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_comments.h
 * @brief `fhir_comments`, the comments of DSTU2's JSON, where they do not belong.
 *
 * Tools still write them into JSON of later versions, which have no such element, and HL7's own
 * test cases for R4 count that as valid: they are ignored, as XML's comments are.
 */
#ifndef FHIR_COMMENTS_H
#define FHIR_COMMENTS_H

#include "core/fhir_node.h"

/**
 * Unlinks every member fhir_comments that is an array of strings, and what holds nothing else
 * ("_id": {"fhir_comments": […]}).
 * @return how many were found
 */
int fhir_comments_strip(fhir_node_t *node);

#endif
