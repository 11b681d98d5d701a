/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_ucum.h
 * @brief Is a code one of UCUM's?
 */
#ifndef FHIR_UCUM_H
#define FHIR_UCUM_H

#include <apr.h>

#define FHIR_UCUM_SYSTEM "http://unitsofmeasure.org"

/** 1 if a code follows UCUM's grammar and all its atoms are UCUM's (case sensitive). */
int fhir_ucum_valid(const char *code, apr_size_t len);

#endif
