/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_terminology.h
 * @brief The value sets that the model carries, for :in, :not-in and the terminology operations.
 */
#ifndef FHIR_TERMINOLOGY_H
#define FHIR_TERMINOLOGY_H

#include "model/fhir_model.h"

/** A value set by its canonical URL (a version behind '|' is ignored), or NULL. */
const fhir_valueset_t *fhir_terminology_valueset(const fhir_model_t *model, const char *url);

#endif
