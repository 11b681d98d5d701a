/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_bundle.h
 * @brief Bundles of answers: searches, histories, batches, written entry by entry.
 *
 * Total and links are known only at the end; in which format and order all is written is
 * fhir_render.h's business.
 * Source: http://hl7.org/fhir/R4/bundle.html
 */
#ifndef FHIR_BUNDLE_H
#define FHIR_BUNDLE_H

#include "fhir/fhir_call.h"

typedef struct fhir_bundle_t fhir_bundle_t;

/** One entry. */
typedef struct fhir_bundle_entry_t {
    const char *type, *id; /* give fullUrl; id NULL: no fullUrl */
    const char *resource;  /* JSON, or NULL */
    apr_size_t len;
    const char *rest; /* further members without braces: "\"search\":{\"mode\":\"match\"}" */
} fhir_bundle_entry_t;

/** Begins the answer's body. type: "searchset", "history", "batch-response", …
 *  @return as fhir_render_bundle_begin */
fhir_err_t *fhir_bundle_begin(fhir_bundle_t **bundle, fhir_call_t *call, const char *type);
/** @return as fhir_render_bundle_entry */
fhir_err_t *fhir_bundle_add(fhir_bundle_t *bundle, const fhir_bundle_entry_t *entry);
/** 1 when a page ends here, because the resources so far come near to what an answer may have
 *  (FHIRAnswerMax). XML and pages for people take more bytes than JSON. */
int fhir_bundle_is_full(const fhir_bundle_t *bundle);
/** A link, to be written at the end; "next", … and a complete URL. */
void fhir_bundle_link(fhir_bundle_t *bundle, const char *relation, const char *url);
void fhir_bundle_total(fhir_bundle_t *bundle, apr_int64_t total);
/** Ends the body.
 *  @return as fhir_render_bundle_end; FHIR_ERR_INTERNAL when the links take more than 1 MB */
fhir_err_t *fhir_bundle_end(fhir_bundle_t *bundle);

/** [base]/path?pairs(&_cursor=cursor): a link; path may be "". */
const char *fhir_bundle_url(const fhir_call_t *call, const char *path, const fhir_pairs_t *pairs,
                            const char *cursor);

#endif
