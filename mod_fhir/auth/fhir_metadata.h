/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_metadata.h
 * @brief The metadata of an application that registers by protocol (RFC 7591, section 2).
 *
 * An error is a refusal (fhir_auth_refuse), which becomes the answer.
 */
#ifndef FHIR_METADATA_H
#define FHIR_METADATA_H

#include "auth/fhir_auth_private.h"

/** Metadata as they are read. */
typedef struct fhir_metadata_t {
    fhir_auth_call_t *call;
    int is_test; /* for the test environment: http://localhost is a callback */
    const fhir_node_t *body;
    const fhir_node_t *claims; /* of a software statement, which win (RFC 7591, 2.3); or NULL */
    const char *method;        /* token_endpoint_auth_method */
    int is_public, has_code, has_system;
    fhir_buf_t *out; /* as they will be stored, one JSON object */
} fhir_metadata_t;

/** Reads the request's body, a JSON object, into body, or refuses. */
fhir_err_t *fhir_metadata_read(fhir_metadata_t *reading);
/** Judges all members: *out is a JSON object of those that are known, with their defaults, and
 *  besides native, audience, jwks_text and software_issuer; or refuses with the RFC's error. */
fhir_err_t *fhir_metadata_take(const char **out, fhir_metadata_t *reading);
/** Refuses: invalid_client_metadata. value: of the member, or NULL not to show it. */
fhir_err_t *fhir_metadata_bad(const fhir_metadata_t *reading, const char *name, const char *value,
                              const char *why);

#endif
