/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_input.h
 * @brief A request body as a checked resource, whatever its format.
 */
#ifndef FHIR_INPUT_H
#define FHIR_INPUT_H

#include "fhir/fhir_call.h"
#include "fhir/fhir_issue.h"

typedef struct fhir_input_t {
    const fhir_type_t *type;
    const char *source; /* JSON text that root was parsed from: as sent, or made from XML */
    apr_size_t len;
    fhir_node_t *root;
    int is_converted; /* source is not what was sent: places in it mean nothing to the client */
    /* where the client speaks another release than is stored: its JSON text, once it was checked */
    const char *spoken;
    apr_size_t spoken_len;
    int spoken_is_made; /* it is not what was sent */
} fhir_input_t;

/**
 * Reads and parses the request's body by its Content-Type.
 * @return NULL, FHIR_ERR_MEDIA_TYPE, FHIR_ERR_SYNTAX, FHIR_ERR_TOO_LARGE
 */
fhir_err_t *fhir_input_read(fhir_input_t *input, const fhir_call_t *call);

/** For requests that need no body, and have no Content-Type: FHIR_ERR_MEDIA_TYPE if there is one,
 * which would otherwise be ignored. */
fhir_err_t *fhir_input_none(const fhir_call_t *call);

/** Parses JSON text as input; with line and column in errors. */
fhir_err_t *fhir_input_parse(fhir_input_t *input, const fhir_call_t *call, const char *json,
                             apr_size_t len);

/** Same for JSON that was made here of what was sent: its places are none of the client's.
 *  FHIR_ERR_TOO_LARGE when there was no memory to make it whole. */
fhir_err_t *fhir_input_parse_made(fhir_input_t *input, const fhir_call_t *call, fhir_buf_t *json);

/**
 * Checks it as far as the endpoint says (fhir_endpoint_t.validate); where the client speaks another
 * release, against that release's base model. @param expected the stored type it must have, or NULL
 * @return NULL, or a chain of 422 errors, one for each finding
 */
fhir_err_t *fhir_input_check(fhir_input_t *input, const fhir_call_t *call,
                             const fhir_type_t *expected);

/**
 * Makes a checked body what is stored, and checks that; where the client speaks what is stored
 * there is nothing to do. Can be called again for another state of what is stored
 * (fhir_input_spoken.c).
 * @param stored JSON of the resource that it updates, whose elements stay that the client cannot
 *               see; NULL: it is a new one
 * @return NULL, or a chain of 422 errors, at the elements of what was sent where they are known
 */
fhir_err_t *fhir_input_convert(fhir_input_t *input, fhir_call_t *call, const char *stored,
                               apr_size_t len);
/** The check of a resource in the form that is stored; as fhir_input_check. findings: gets them
 *  all, or NULL. */
fhir_err_t *fhir_input_check_stored(fhir_issues_t **findings, fhir_input_t *input,
                                    const fhir_call_t *call, const fhir_type_t *expected);

#endif
