/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_conformance.h
 * @brief DSTU2's Conformance, made from the tables that the router, the search and the conversion
 *        work by.
 * Source: http://hl7.org/fhir/DSTU2/conformance.html
 */
#ifndef FHIR_CONFORMANCE_H
#define FHIR_CONFORMANCE_H

#include "fhir/fhir_capability.h"

/** As fhir_capability_build, for an endpoint that speaks DSTU2.
 *  @return NULL, or FHIR_ERR_INTERNAL when the text takes more than 16 MB */
fhir_err_t *fhir_conformance_build(const fhir_capability_t **conformance,
                                   const fhir_endpoint_t *endpoint, apr_pool_t *pool);

#endif
