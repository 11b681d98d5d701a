/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_render.h
 * @brief From stored JSON to the bytes of a response: JSON, XML or a HTML page, whole or in part.
 *
 * JSON that is wanted as it is passes through as bytes; nothing is parsed. All else is parsed
 * resource by resource, so memory is bounded by the largest resource of a page. Entries of a
 * Bundle are then kept (fhir_spool.h) and converted at its end: by then the database connection
 * they came over has gone back, and what only then became known (links, total) can stand before
 * them, as XML wants it. A page reads them twice, since its tables follow from all of them.
 */
#ifndef FHIR_RENDER_H
#define FHIR_RENDER_H

#include "core/fhir_buf.h"
#include "fhir/format/fhir_format.h"
#include "fhir/format/fhir_html.h"
#include "fhir/format/fhir_subset.h"
#include "model/fhir_model.h"

typedef struct fhir_render_opts_t {
    const fhir_model_t *model;
    fhir_format_t format;
    int pretty;                  /* _pretty=true */
    const fhir_subset_t *subset; /* NULL: whole resources */
    fhir_html_about_t page;      /* HTML: what is around the content */
    /** Makes a resource, or an entry of a Bundle, one of `model`, or NULL: it is one. An entry that
     *  becomes NULL is left out. */
    fhir_err_t *(*convert)(fhir_node_t **node, void *baton, int is_entry, apr_pool_t *pool);
    void *baton; /* of convert */
} fhir_render_opts_t;

/** One answer being written; not thread safe. */
typedef struct fhir_render_t fhir_render_t;

/** opts is copied; what it points to must live as long as pool. */
fhir_render_t *fhir_render_create(const fhir_render_opts_t *opts, fhir_out_t *out,
                                  apr_pool_t *pool);

/**
 * Writes one resource as the whole answer.
 * @return NULL, the sink's error, or FHIR_ERR_NOT_ACCEPTABLE when stored data has no XML form
 *         because it does not follow the model
 */
fhir_err_t *fhir_render_resource(fhir_render_t *render, const char *json, apr_size_t len);

/** One entry of a Bundle. */
typedef struct fhir_render_entry_t {
    const char *full_url; /* or NULL */
    const char *resource; /* JSON text, or NULL */
    apr_size_t resource_len;
    const char *rest; /* further members as JSON without braces: "\"search\":{\"mode\":\"match\"}",
                         or NULL. Entries with search mode outcome are never a subset. */
} fhir_render_entry_t;

/**
 * Begins a Bundle. head: its members as JSON without braces, "resourceType" first
 * ("\"resourceType\":\"Bundle\",\"type\":\"searchset\"").
 * @return as fhir_render_resource; so do the others below
 */
fhir_err_t *fhir_render_bundle_begin(fhir_render_t *render, const char *head);
fhir_err_t *fhir_render_bundle_entry(fhir_render_t *render, const fhir_render_entry_t *entry);
/** Ends the Bundle. tail: members that became known only now (links, total), as head, or NULL.
 *  Where nothing is converted they stand behind the entries.
 *  @return as fhir_render_resource; FHIR_ERR_INTERNAL when the entries that were kept are lost */
fhir_err_t *fhir_render_bundle_end(fhir_render_t *render, const char *tail);

#endif
