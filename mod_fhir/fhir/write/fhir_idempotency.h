/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_idempotency.h
 * @brief Idempotency-Key: a POST that is repeated, because its answer was lost, gets the first
 * answer and stores nothing a second time.
 *
 * The transaction that stores the resources also stores the answer, for a day: on any server, both
 * exist or neither. A key belongs to its sender (fhir_grant_t.owner) and to one request: a request
 * with the same key and another body is refused. Errors are not stored.
 * Source: draft-ietf-httpapi-idempotency-key-header
 */
#ifndef FHIR_IDEMPOTENCY_H
#define FHIR_IDEMPOTENCY_H

#include "fhir/write/fhir_record.h"

/** Most letters of a key. */
#define FHIR_IDEMPOTENCY_KEY_MAX 255

typedef struct fhir_idempotency_t {
    const char *key; /* digests as hexadecimal digits; NULL: the request has no key */
    const char *request;
    int status;           /* of the first answer; 0: there was none */
    fhir_record_t record; /* the resource that it had; id NULL: none */
    const char *body;     /* the answer where it is no stored resource, or NULL */
    apr_size_t len;
} fhir_idempotency_t;

/** Reads the header.
 *  @return NULL or FHIR_ERR_BAD_REQUEST (no valid key); errors of reading the body */
fhir_err_t *fhir_idempotency_read(fhir_idempotency_t *idempotency, const fhir_call_t *call);

/** Looks for a first answer, in the request's transaction, waiting for a request that is about to
 *  give it. Does nothing without a key.
 *  @return as fhir_call_run; FHIR_ERR_BUSINESS when the key was used for another request,
 *          FHIR_ERR_GONE when what was stored then was erased */
fhir_err_t *fhir_idempotency_look(fhir_idempotency_t *idempotency, const fhir_call_t *call);

/** Keeps an answer, in the request's transaction: a resource of the call's type, or a body. Does
 *  nothing without a key.
 *  @return NULL, or as fhir_call_run */
fhir_err_t *fhir_idempotency_keep(const fhir_idempotency_t *idempotency, const fhir_call_t *call,
                                  int status, const fhir_record_t *record, const char *body);

#endif
