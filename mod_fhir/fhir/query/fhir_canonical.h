/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_canonical.h
 * @brief References by canonical URL: to the `url` of a resource, with or without `|version`.
 * Source: http://hl7.org/fhir/R4/references.html#canonical
 */
#ifndef FHIR_CANONICAL_H
#define FHIR_CANONICAL_H

#include "fhir/query/fhir_sql.h"

/** 1 if a parameter holds canonical URLs (or plain URLs) instead of References. */
int fhir_canonical_holds(const fhir_param_t *param);
/** The parameter of a type whose column has its URL, or NULL. */
const fhir_param_t *fhir_canonical_url(const fhir_call_t *call, const fhir_type_t *type);
/** The parameter of a type whose column has the version that is meant behind its URL, or NULL. */
const fhir_param_t *fhir_canonical_version(const fhir_call_t *call, const fhir_type_t *type);
/** SQL of "url|version" of a row, or NULL where the type has none. */
const char *fhir_canonical_full(const fhir_call_t *call, const fhir_type_t *type,
                                const char *alias);
/** SQL of an array with all by which a row can be referred to: "Type/id", url, url|version. */
const char *fhir_canonical_names(const fhir_call_t *call, const fhir_type_t *type,
                                 const char *alias);

#endif
