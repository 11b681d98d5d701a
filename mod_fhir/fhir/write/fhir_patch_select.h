/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_patch_select.h
 * @brief Selectors of XML Patch: the part of XPath 1.0 that names one node of a resource.
 *
 *     selector  = ["/"] step *("/" step)
 *     step      = test *("[" condition "]")
 *     test      = name / prefix ":" name / prefix ":*" / "*" / "text()" / "comment()" /
 *                 "processing-instruction(" ["'" target "'"] ")" / "@" name / "namespace::" prefix
 *     condition = number / "last()" / "position()=" number / clause *("and" clause)
 *     clause    = path ["=" "'" text "'"]     ; path: tests of the child and attribute axes
 *
 * "child::" and "attribute::" may be written out. There are no functions over texts, no other axes
 * and no "//": what a selector costs is what it passes by. A name without prefix is in the default
 * namespace of the patch (RFC 5261, section 4.2.2); f and h stand for FHIR's and XHTML's.
 * Source: https://www.rfc-editor.org/rfc/rfc5261, https://www.w3.org/TR/xpath-10/
 */
#ifndef FHIR_PATCH_SELECT_H
#define FHIR_PATCH_SELECT_H

#include <libxml/tree.h>

#include "core/fhir_err.h"
#include "core/fhir_steps.h"

/** What a selector found. */
typedef struct fhir_selected_t {
    xmlNodePtr node; /* the last one found; of a namespace declaration, its element */
    xmlNsPtr ns;     /* the declaration, or NULL */
    int n;           /* how many there are; 0: node is NULL */
} fhir_selected_t;

/**
 * @param scope an element of the patch: prefixes are those declared there
 * @return NULL, FHIR_ERR_BAD_REQUEST for an invalid selector, with what is allowed and where
 * it went wrong, or FHIR_ERR_LIMIT when the steps did not last (the caller words it)
 */
fhir_err_t *fhir_patch_select(fhir_selected_t *found, xmlDocPtr doc, const char *selector,
                              xmlNodePtr scope, fhir_steps_t *steps, apr_pool_t *pool);

#endif
