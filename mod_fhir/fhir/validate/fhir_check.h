/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_check.h
 * @brief A resource against the base model: elements, types, cardinality, choices, primitive
 *        formats, required codes, reference targets, contained resources.
 *
 * What every write passes before it is stored, and the first part of $validate. It works on the
 * tree, so JSON and XML are checked alike; invariants and profiles are checked elsewhere.
 * Source: http://hl7.org/fhir/R4/json.html, datatypes.html, references.html, element.html
 */
#ifndef FHIR_CHECK_H
#define FHIR_CHECK_H

#include "core/fhir_node.h"
#include "fhir/fhir_issue.h"
#include "model/fhir_model.h"

/**
 * Checks a whole resource, nested ones included.
 * @param limits of the narratives in it (fhir_xhtml_check)
 * @param type the resource type, or NULL when the tree has no known resourceType (that is then
 *             the one finding)
 */
void fhir_check_resource(fhir_issues_t *issues, const fhir_type_t **type, const fhir_model_t *model,
                         const fhir_node_limits_t *limits, const fhir_node_t *resource);

/** 1 if the text is a valid value of the primitive type (JSON's lexical form, R4 rules). */
int fhir_check_primitive(fhir_prim_t prim, const char *s, apr_size_t len);

/** The most characters of a string or markdown. Source:
 * http://hl7.org/fhir/R4/datatypes.html#string */
#define FHIR_CHECK_STRING_MAX (1024 * 1024)

/** The rule of a primitive type in words, for messages ("a date: YYYY, YYYY-MM or YYYY-MM-DD"). */
const char *fhir_check_primitive_rule(fhir_prim_t prim);

#endif
