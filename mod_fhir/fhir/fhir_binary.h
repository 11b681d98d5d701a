/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_binary.h
 * @brief Binary as its own content: sent and answered raw, unless a FHIR media type is named.
 * Source: http://hl7.org/fhir/R4/binary.html#rest
 */
#ifndef FHIR_BINARY_H
#define FHIR_BINARY_H

#include "fhir/fhir_call.h"

/** 1 if a read of this Binary is to be answered with its content: neither Accept nor _format names
 *  a FHIR media type. */
int fhir_binary_wants_raw(const fhir_call_t *call);

/** The bytes of a base64 text; white space in it is ignored. */
const char *fhir_binary_decode(apr_size_t *len, const char *data, apr_pool_t *pool);

/** Answers with the content of a Binary (JSON text), in its own media type and harmless in a
 *  browser; securityContext goes into X-Security-Context.
 *  @return NULL, the error of the response's body, or FHIR_ERR_SYNTAX and FHIR_ERR_TOO_LARGE for a
 *          stored text that cannot be parsed */
fhir_err_t *fhir_binary_answer(fhir_call_t *call, const char *json, apr_size_t len);

/** 1 if the request's body is a Binary's content and no resource. */
int fhir_binary_is_raw_body(const fhir_call_t *call);

/** FHIR_ERR_MEDIA_TYPE for a raw body that a form of a foreign page can have sent: one of the
 *  content types of forms, by POST, with neither a Bearer token nor X-Requested-With. */
fhir_err_t *fhir_binary_check_form(const fhir_call_t *call);

/** The JSON text of the Binary whose content is a raw body.
 *  @return NULL, or FHIR_ERR_BAD_REQUEST when DSTU2 has no place for X-Security-Context */
fhir_err_t *fhir_binary_json(fhir_buf_t *json, const fhir_call_t *call, const char *body,
                             apr_size_t len);

#endif
