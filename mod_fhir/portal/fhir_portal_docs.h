/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_portal_docs.h
 * @brief What the pages and the documents of the API's documentation share: one endpoint's
 * CapabilityStatement.
 */
#ifndef FHIR_PORTAL_DOCS_H
#define FHIR_PORTAL_DOCS_H

#include "portal/fhir_directory.h"
#include "portal/fhir_portal_private.h"

/** One release of the API, as the first endpoint that speaks it describes itself. */
typedef struct fhir_docs_t {
    fhir_auth_call_t *call;
    const fhir_portal_endpoint_t *endpoint;
    const char *root;       /* of its pages, below the portal: "docs/R4" */
    const char *rest;       /* of the path: "Patient", "openapi.json"; "" */
    const fhir_node_t *all; /* rest[0] of the statement */
} fhir_docs_t;

/** The first item of a list, or NULL. */
const fhir_node_t *fhir_docs_items(const fhir_node_t *object, const char *name);
/** A member's text, "" if there is none. */
const char *fhir_docs_string(const fhir_docs_t *docs, const fhir_node_t *object, const char *name);
/** The statement's entry of a type, or NULL. */
const fhir_node_t *fhir_docs_type(const fhir_docs_t *docs, const char *type);
/** 1 if the entry has an interaction. */
int fhir_docs_has(const fhir_node_t *resource, const char *code);
/** 1 for types that have US Core profiles; US Core lists others only because those refer to them.
 */
int fhir_docs_is_core(const fhir_docs_t *docs, const char *type);
/** The media type of JSON, without charset: DSTU2 has one of its own. */
const char *fhir_docs_media(const fhir_docs_t *docs);
/** Appends the body of a create, or of an update of id. */
void fhir_docs_body(fhir_buf_t *buf, const fhir_docs_t *docs, const char *type, const char *id);

/** Writes a document. */
typedef void fhir_docs_write_fn(fhir_buf_t *buf, const fhir_docs_t *docs);

/* ---- fhir_portal_openapi.c ---- */

fhir_docs_write_fn fhir_docs_openapi;

/* ---- fhir_portal_postman.c ---- */

fhir_docs_write_fn fhir_docs_postman;
/** The variables of the collection, for Postman to keep a token in. */
fhir_docs_write_fn fhir_docs_environment;

#endif
