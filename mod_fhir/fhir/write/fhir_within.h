/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_within.h
 * @brief What a batch or transaction gives to the request of each of its entries
 *        (fhir_request_t.within).
 */
#ifndef FHIR_WITHIN_H
#define FHIR_WITHIN_H

#include "fhir/write/fhir_refs.h"

typedef struct fhir_within_t {
    fhir_tx_t *tx;       /* every statement runs in this transaction; NULL: a batch */
    fhir_refs_t *refs;   /* what writes refer to goes there, to be looked for later; or NULL */
    apr_hash_t *changed; /* "Type/id" that was changed → the baton of the request that did so; or
                            NULL */
    const char *create_id; /* id that a create gives, decided before; or NULL */
    int temporary_id;      /* an id in the body is one of the Bundle's and says nothing */
} fhir_within_t;

#endif
