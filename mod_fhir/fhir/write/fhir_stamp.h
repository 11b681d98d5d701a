/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_stamp.h
 * @brief The three things a server says in a stored resource: id, meta.versionId,
 *        meta.lastUpdated. They are spliced into the text as it was sent; every other byte stays.
 *
 * Stamping a stamped text again with the same values gives the same bytes. So two texts hold the
 * same content exactly when they are equal after both are stamped alike.
 * Source: http://hl7.org/fhir/R4/resource.html#id, #Meta
 */
#ifndef FHIR_STAMP_H
#define FHIR_STAMP_H

#include "core/fhir_buf.h"
#include "core/fhir_node.h"

/** Replaces the bytes [start, end) of a source by text; start equals end: an insertion. */
typedef struct fhir_edit_t {
    apr_uint32_t start, end;
    const char *text;
    apr_size_t len;
} fhir_edit_t;

/**
 * Appends the source's bytes [start, end) with edits made.
 * @param edits within the range, sorted by start, not overlapping; copied verbatim
 * @param compact 1: white space outside of strings is dropped; 0: kept
 */
void fhir_stamp_splice(fhir_buf_t *out, const char *source, apr_uint32_t start, apr_uint32_t end,
                       const fhir_edit_t *edits, int n_edits, int compact);

/**
 * Appends the resource with its stamp. A missing id goes right behind resourceType, a missing meta
 * behind the id.
 * @param source the text that resource was parsed from; resource may be a part of it (an entry)
 * @param resource an object with resourceType; its meta, when there is one, must be an object
 * @param id a valid id
 * @param version counts from 1
 * @param last_updated an instant, as fhir_time_format writes it
 */
void fhir_stamp_json(fhir_buf_t *out, const char *source, const fhir_node_t *resource,
                     const char *id, int version, const char *last_updated);

#endif
