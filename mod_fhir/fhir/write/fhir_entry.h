/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_entry.h
 * @brief One entry of a batch or transaction: a request in a Bundle and its answer.
 *
 * An entry runs as a request of its own through fhir_service_run, so it meets the same routing,
 * rights and checks as if it had come alone.
 * Source: http://hl7.org/fhir/R4/http.html#transaction
 */
#ifndef FHIR_ENTRY_H
#define FHIR_ENTRY_H

#include "fhir/fhir_bundle.h"
#include "fhir/write/fhir_within.h"

typedef struct fhir_entry_t {
    int index;                   /* in Bundle.entry */
    const fhir_node_t *resource; /* or NULL */
    const char *full_url;        /* or NULL */
    const char *method;          /* "POST" */
    const char *path;            /* relative to the base: "Patient/1" */
    const char *query;           /* or NULL */
    const char *if_match, *if_none_match, *if_modified_since, *if_none_exist;
    const char *body; /* what is sent: the resource's text, or a patch */
    apr_size_t body_len;
    const char *content_type;
    const char *create_id; /* id for a create, decided before */
    const char *meets;     /* the condition that what it creates must meet, or NULL */
    int waits; /* runs after the other changes, which its conditional references may lead to */
    const struct fhir_entry_t *same_as; /* what it would create, this one does; or NULL */

    const fhir_call_t *call; /* of the Bundle */
    fhir_response_t response;
    fhir_buf_t *answer; /* body of the response */
    fhir_err_t *err;
    apr_pool_t *pool; /* of the error, until it was reported */
    int later; /* statements of the transaction left for later when it began; -1: it did not run */
} fhir_entry_t;

/** The entries of a Bundle, in its order. source: the text that it was parsed from.
 *  @return FHIR_ERR_BAD_REQUEST naming the entry that is no request */
fhir_err_t *fhir_entry_list(apr_array_header_t **entries, fhir_call_t *call,
                            const fhir_node_t *bundle, const char *source);

/** Runs one entry as a part of the Bundle's request; leaves its answer in the entry. One of more
 * than max bytes is an error, FHIR_ERR_LIMIT.
 *  @param within the transaction that it is in, all but create_id and temporary_id; NULL: a batch
 */
void fhir_entry_run(fhir_entry_t *entry, const fhir_request_t *bundle, const fhir_within_t *within,
                    apr_size_t max);

/** An entry that needs no run: what it would have created is there (If-None-Exist). */
void fhir_entry_exists(fhir_entry_t *entry, const char *id, int version, apr_int64_t updated);

/** Writes an entry's answer, and frees it.
 *  @return NULL; FHIR_ERR_LIMIT for an answer that is too large; or as fhir_bundle_add */
fhir_err_t *fhir_entry_answer(fhir_bundle_t *bundle, fhir_entry_t *entry);

#endif
