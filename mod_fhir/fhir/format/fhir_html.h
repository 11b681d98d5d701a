/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_html.h
 * @brief Pages for people: a resource or Bundle as HTML, with links, without scripts.
 *
 * A search is a table for each type, a resource a list of its elements with their values; which
 * ones, and how a value reads, follows from the model. Measurements of one code are a chart, too.
 * The complete content is one link away as JSON and XML. Everything that comes from data is
 * escaped; narratives are filtered (fhir_xhtml_write_html). FHIR_HTML_POLICY goes with every page
 * as a second wall.
 */
#ifndef FHIR_HTML_H
#define FHIR_HTML_H

#include "core/fhir_buf.h"
#include "core/fhir_node.h"
#include "model/fhir_model.h"

/** Content-Security-Policy of the pages: nothing is loaded but the server's style sheet, nothing
 *  is run; narratives have style attributes, and pictures in place. */
#define FHIR_HTML_POLICY                                                                           \
    "default-src 'none'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src data:; "        \
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

/** The style sheet's path below a base. */
#define FHIR_HTML_STYLE "fhir.css"

/** The most matches or versions on a page for people. It has less than 100 KB, with its style
 * sheet: what does not fit is cut, with a word about the rest. */
#define FHIR_HTML_COUNT_MAX 100

/** What a page has around the content. All but base_url may be NULL or 0. */
typedef struct fhir_html_about_t {
    const char *base_url;  /* what relative references are linked to, without a slash at its end */
    const char *query;     /* query string of the request, not decoded: what the links to JSON and
                              XML keep */
    const char *language;  /* "en", "es" */
    const char *practice;  /* whose records these are */
    const char *type;      /* the resource type that the request named */
    const char *operation; /* "$everything" */
    int status;            /* of the answer; 0: not known yet, a good one */
    int is_search;         /* a search of the type: there is a form for the next one */
    int has_search, has_history, has_operations; /* what the endpoint offers */
} fhir_html_about_t;

/** One page being written; not thread safe. */
typedef struct fhir_html_t fhir_html_t;

/** about is copied; what it points to must live as long as pool. */
fhir_html_t *fhir_html_create(const fhir_model_t *model, const fhir_html_about_t *about,
                              apr_pool_t *pool);

/** Appends a whole page. Content of more than about 64 KB is cut, with a word about the rest. */
void fhir_html_resource(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *resource);

/** A Bundle's page in pieces. Each entry is shown twice: first all to learn from, so that tables
 *  have the columns that these entries fill; then, behind begin (frame: the Bundle without
 *  entries), all to write. What is remembered of entries is bounded. Entries that make the page too
 *  large are only counted. */
void fhir_html_bundle_learn(fhir_html_t *html, const fhir_node_t *entry);
void fhir_html_bundle_begin(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *frame);
void fhir_html_bundle_entry(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *entry);
void fhir_html_bundle_end(fhir_buf_t *buf, fhir_html_t *html);

#endif
