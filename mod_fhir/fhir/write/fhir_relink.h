/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_relink.h
 * @brief References between the entries of a Bundle, rewritten to the addresses that the entries
 *        get: for a transaction and for fhirctl load alike.
 * Source: http://hl7.org/fhir/R4/http.html#trules, http://hl7.org/fhir/R4/bundle.html#references
 *
 * Who uses it adds each entry with the address it gets, then has each link of each entry rewritten,
 * then splices the edits into the entry's text. Nothing here fails.
 */
#ifndef FHIR_RELINK_H
#define FHIR_RELINK_H

#include <apr_hash.h>
#include <apr_tables.h>

#include "fhir/write/fhir_stamp.h"
#include "model/fhir_model.h"

/** What in a resource may point elsewhere. Canonicals are not rewritten, as the specification says;
 *  nor are oid and uuid, because an address is no valid value of these. */
typedef enum fhir_link_kind_t {
    FHIR_LINK_REFERENCE, /* Reference.reference */
    FHIR_LINK_URI,       /* uri, url */
    FHIR_LINK_NARRATIVE  /* a narrative, with links in it */
} fhir_link_kind_t;

typedef struct fhir_link_t {
    fhir_link_kind_t kind;
    const fhir_node_t *value; /* a string */
} fhir_link_t;

/** Which uris are rewritten when they are the fullUrl of an entry. */
typedef enum fhir_relink_uris_t {
    FHIR_RELINK_URIS_ALL, /* a transaction's: the specification says so */
    FHIR_RELINK_URIS_URN  /* those that begin with "urn:": in a collection the fullUrl of a
                             definition is its canonical URL, which must stay */
} fhir_relink_uris_t;

typedef struct fhir_relink_t fhir_relink_t;
fhir_relink_t *fhir_relink_create(fhir_relink_uris_t uris, apr_pool_t *pool);

/**
 * What refers to `url` refers to type/id from now on.
 * @param url      an entry's fullUrl, or a reference
 * @param version  of the resource that references to a version of `url` are to name; 0: it is not
 *                 known, and they become references to the resource
 * @return 1, or 0 if the url has an address already, which it keeps
 */
int fhir_relink_add(fhir_relink_t *relink, const char *url, const char *type, const char *id,
                    int version);

/** The address that a text leads to, "Type/id", or NULL. */
const char *fhir_relink_target(const fhir_relink_t *relink, const char *text);

/** "http://x/fhir/" of the fullUrl "http://x/fhir/Patient/1": what the relative references in that
 *  entry begin with. NULL for NULL and for other URLs. */
const char *fhir_relink_root(const char *full_url, apr_pool_t *pool);

/** The type of a conditional reference, "Practitioner?identifier=…"; NULL: it is none. */
const fhir_type_t *fhir_relink_condition(const fhir_link_t *link, const fhir_model_t *model);

/** Adds the edit that a link needs, if it needs one. root: of its entry, or NULL. */
void fhir_relink_edit(apr_array_header_t *edits, const fhir_relink_t *relink,
                      const fhir_link_t *link, const char *root);
/** Adds the edit that makes `text` of a link. */
void fhir_relink_replace(apr_array_header_t *edits, const fhir_link_t *link, const char *text,
                         apr_size_t len);

/** Appends the bytes of `resource`, a part of source, with the edits (of fhir_edit_t, in any order)
 *  made. compact: as fhir_stamp_splice. */
void fhir_relink_splice(fhir_buf_t *out, const char *source, const fhir_node_t *resource,
                        apr_array_header_t *edits, int compact);

#endif
