/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_capability.h
 * @brief The CapabilityStatement, made from the tables that the router and the search work by.
 * Source: http://hl7.org/fhir/R4/capabilitystatement.html
 */
#ifndef FHIR_CAPABILITY_H
#define FHIR_CAPABILITY_H

#include "fhir/fhir_service.h"

/** The text, but for the base URL, which depends on how the server is reached. Shared by threads.
 */
struct fhir_capability_t {
    const char *text;
    apr_size_t len;
    int n_places;          /* where the base URL stands */
    apr_size_t places[16]; /* offsets, ascending */
};

/** Renders the endpoint's statement into pool; needs no database. Made once at start.
 *  FHIR_ERR_INTERNAL if memory is short. */
fhir_err_t *fhir_capability_build(const fhir_capability_t **capability,
                                  const fhir_endpoint_t *endpoint, apr_pool_t *pool);

#endif
