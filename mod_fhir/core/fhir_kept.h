/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_kept.h
 * @brief Large documents that anybody may request: each is rendered once, and kept as it is sent,
 * with its entity tag and compressed, so that a request costs next to nothing.
 */
#ifndef FHIR_KEPT_H
#define FHIR_KEPT_H

#include "core/fhir_buf.h"

/** A document as it is sent. */
typedef struct fhir_document_t {
    const char *text, *zipped; /* zipped: with gzip's header; NULL without memory for it */
    apr_size_t len, zipped_len;
    const char *tag; /* of the text, in hexadecimal digits */
} fhir_document_t;

/** Documents by key. Threads: may be used by all at once. */
typedef struct fhir_kept_t fhir_kept_t;

/** max: bytes of all documents together. Those that were not used for longest are dropped, but not
 *  the last one, however large it is. Destroyed with pool. FHIR_ERR_INTERNAL on want of memory. */
fhir_err_t *fhir_kept_create(fhir_kept_t **out, apr_size_t max, apr_pool_t *pool);

/** Writes the document that is not there yet to out. */
typedef fhir_err_t *fhir_kept_render_fn(fhir_buf_t *out, void *baton);

/**
 * The document of a key, which lives as long as pool. What is not there is rendered, by one thread
 * at a time. key NULL: it is rendered for this request, and not kept.
 * @return NULL, FHIR_ERR_BUSY when several wait for that already or there is no memory, or render's
 */
fhir_err_t *fhir_kept_get(const fhir_document_t **out, fhir_kept_t *kept, const char *key,
                          fhir_kept_render_fn *render, void *baton, apr_pool_t *pool);

/** 1 if the value of Accept-Encoding (or NULL) has gzip, not with a weight of 0. */
int fhir_kept_accepts_gzip(const char *accept_encoding);
/** 1 if the value of If-None-Match (or NULL) has the tag, or is an asterisk. */
int fhir_kept_is_listed(const char *if_none_match, const char *tag);

#endif
