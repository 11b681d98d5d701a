/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_write.h
 * @brief What create, update, patch and delete share: the checked resource on its way into the
 *        store, conditions, preconditions, and the answer.
 * Source: http://hl7.org/fhir/R4/http.html#create, #update, #delete, #concurrency
 */
#ifndef FHIR_WRITE_H
#define FHIR_WRITE_H

#include "fhir/write/fhir_idempotency.h"
#include "fhir/write/fhir_input.h"
#include "fhir/write/fhir_record.h"

#define FHIR_EXPECTED_NONE  0
#define FHIR_EXPECTED_ANY   (-1) /* If-Match: * */
#define FHIR_EXPECTED_OTHER (-2) /* no version of this server */

/** A write on its way. */
typedef struct fhir_write_t {
    fhir_call_t *call;
    fhir_tx_t *own_tx; /* begun here; NULL: none, or the request brought one */
    fhir_input_t input;
    fhir_record_t old;              /* the state before */
    fhir_record_t new;              /* what was stored */
    unsigned right;                 /* FHIR_RIGHT_… that it takes */
    int expected;                   /* version that the client names; FHIR_EXPECTED_… */
    const char *criteria;           /* the condition that chose the resource, or NULL */
    const char *named;              /* the same as the client wrote it */
    int by_body;                    /* the body's meta.versionId names it, not If-Match */
    fhir_idempotency_t idempotency; /* of a create */
} fhir_write_t;

/** Prepares a write; reads If-Match. right: FHIR_RIGHT_… that the call's type must be open to, 0:
 *  none (only conditions are looked at).
 *  @return NULL, FHIR_ERR_FORBIDDEN, FHIR_ERR_BAD_REQUEST; FHIR_ERR_METHOD for what another
 *  resource is shown as */
fhir_err_t *fhir_write_begin(fhir_write_t *write, fhir_call_t *call, unsigned right);

/** Reads what is stored under an id into write->old, as far as the grant lets it be changed:
 *  FHIR_ERR_NOT_FOUND for what it does not show, FHIR_ERR_FORBIDDEN for what it only shows. */
fhir_err_t *fhir_write_load(fhir_write_t *write, const char *id);

/** What a condition matches, as it is seen now: see fhir_write_condition.
 *  @return NULL, as fhir_write_criteria, or as fhir_match_ids */
fhir_err_t *fhir_write_matches(apr_array_header_t **ids, fhir_call_t *call, const char *criteria,
                               int max);

/**
 * Begins a transaction (unless the request runs in one) and takes the lock of a condition, so that
 * of all requests with this condition one at a time looks and writes, on any node.
 * @param criteria the search that names the resource, normalized by the order of its parameters
 * @param ids what it matches, at most max of them
 * @return NULL, as fhir_write_begin_tx, or as fhir_write_matches
 */
fhir_err_t *fhir_write_condition(apr_array_header_t **ids, fhir_write_t *write,
                                 const char *criteria, int max);

/** Begins a transaction, unless the request runs in one: all statements run in it from here on.
 *  @return NULL, or as fhir_call_begin_tx */
fhir_err_t *fhir_write_begin_tx(fhir_write_t *write);

/** The search of a condition that may have a URL before it, "Patient?identifier=1":
 * FHIR_ERR_BAD_REQUEST when that is of another type. */
fhir_err_t *fhir_write_criteria(const char **search, const fhir_call_t *call, const char *criteria);

/**
 * FHIR_ERR_PRECONDITION unless a resource that was just created meets the condition under which it
 * was: the same request would create it again each time.
 */
fhir_err_t *fhir_write_meets(const fhir_call_t *call, const char *criteria, const char *id);

/** Begins a transaction (unless the request runs in one) and takes the lock of an id, so that of
 * all that bring it (back) to life one at a time looks and writes, on any node.
 * @return NULL, as fhir_write_begin_tx, or as fhir_call_run */
fhir_err_t *fhir_write_lock(fhir_write_t *write, const char *id);

/** Stores input as a new resource. id: the one to use, NULL: a new one. version: 1, or the one
 *  behind a deletion.
 *  @return NULL; FHIR_ERR_FORBIDDEN (the grant does not allow such a resource),
 *          FHIR_ERR_REFERENCE (a chain: what is referred to is not there), FHIR_ERR_CONFLICT (the
 *          id, or what is referred to, was created meanwhile), FHIR_ERR_BAD_REQUEST (an id that a
 *          transaction uses twice), FHIR_ERR_BUSY (no memory), or as fhir_call_run */
fhir_err_t *fhir_write_insert(fhir_write_t *write, const char *id, int version);

/** Replaces write->old by input, again on what is current then when another write came between
 *  and no version was demanded.
 *  @return as fhir_write_insert; FHIR_ERR_CONFLICT if others came between too often;
 *          FHIR_ERR_PRECONDITION as fhir_write_precondition */
fhir_err_t *fhir_write_update(fhir_write_t *write);

/** Deletes write->old. new.version is 0 if somebody else has deleted it.
 *  @return NULL; FHIR_ERR_CONFLICT and FHIR_ERR_PRECONDITION as fhir_write_update; or as
 *          fhir_call_run */
fhir_err_t *fhir_write_delete(fhir_write_t *write);

/** FHIR_ERR_PRECONDITION when the request names another version than write->old's; in DSTU2
 *  FHIR_ERR_CONFLICT. */
fhir_err_t *fhir_write_precondition(fhir_write_t *write);
/** Which of them. Source: http://hl7.org/fhir/DSTU2/http.html#2.1.0.11 */
fhir_code_t fhir_write_stale_code(const fhir_call_t *call);
/** FHIR_ERR_PRECONDITION_REQUIRED when an update has to name the version that it replaces
 *  (FHIRRequireIfMatch) and does not. With Version the body's meta.versionId names it. */
fhir_err_t *fhir_write_require_version(fhir_write_t *write);

/** Commits the own transaction, if any.
 *  @return NULL, or as fhir_tx_commit */
fhir_err_t *fhir_write_commit(fhir_write_t *write);

#endif
