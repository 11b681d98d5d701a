/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_renamed.h
 * @brief Names that R4 changed, for clients that still use the old ones.
 */
#ifndef FHIR_RENAMED_H
#define FHIR_RENAMED_H

#include "fhir/fhir_call.h"

/** " (did you mean X?)" or " (R4 calls it X)" for an unknown resource type; "" when no name is
 * near. Source: http://hl7.org/fhir/R4/diff.html */
const char *fhir_renamed_type(const fhir_call_t *call, const char *name);
/** The same for an unknown search parameter of a type. */
const char *fhir_renamed_param(const fhir_call_t *call, const fhir_type_t *type, const char *name);

#endif
