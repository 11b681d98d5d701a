/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_html.h
 * @brief Pages for people: a resource or Bundle as HTML, with links, without scripts.
 *
 * Everything that comes from data is escaped; narratives are filtered (fhir_xhtml_write_html).
 * FHIR_HTML_POLICY goes with every page as a second wall.
 */
#ifndef FHIR_HTML_H
#define FHIR_HTML_H

#include "core/fhir_buf.h"
#include "core/fhir_node.h"
#include "model/fhir_model.h"

/** Content-Security-Policy of the pages: nothing is loaded or run; narratives have styles. */
#define FHIR_HTML_POLICY                                                                           \
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "              \
    "form-action 'none'; frame-ancestors 'none'"

/** One page being written; not thread safe. */
typedef struct fhir_html_t fhir_html_t;

/**
 * @param base_url  what relative references are linked to, without a slash at its end
 * @param query     query string of the request (not decoded), or NULL: what the links to JSON and
 *                  XML keep
 */
fhir_html_t *fhir_html_create(const fhir_model_t *model, const char *base_url, const char *query,
                              apr_pool_t *pool);

/** Appends a whole page. */
void fhir_html_resource(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *resource);

/** A page in pieces: the Bundle without entries, each entry, the end. */
void fhir_html_bundle_begin(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *frame);
void fhir_html_bundle_entry(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *entry);
void fhir_html_end(fhir_buf_t *buf, fhir_html_t *html);

#endif
