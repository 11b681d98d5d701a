/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_terminology.h
 * @brief The value sets and code systems that the model carries, for :in, :not-in, :above, :below
 *        and the terminology operations.
 */
#ifndef FHIR_TERMINOLOGY_H
#define FHIR_TERMINOLOGY_H

#include <apr_tables.h>

#include "model/fhir_profiles.h"

/** A value set by its canonical URL (a version behind '|' is ignored), or NULL. */
const fhir_valueset_t *fhir_terminology_valueset(const fhir_model_t *model, const char *url);

/** Appends (const char *) the code itself and all that are above it (what it is a kind of) or below
 *  it. @return 0 when the system has a hierarchy, but not this code */
int fhir_terminology_related(apr_array_header_t *codes, const fhir_profiles_t *profiles,
                             const fhir_psystem_t *system, const char *code, int above);

/** 1 if a code breaks the syntax or list of its system's standard: languages (BCP 47), currencies
 * (ISO 4217), units (UCUM); 0 where nothing is known of the system. */
int fhir_terminology_is_no_code(const char *system, const char *code);

/** 1 if two displays are the same but for case and blanks. */
int fhir_terminology_same_display(const char *a, const char *b);

#endif
