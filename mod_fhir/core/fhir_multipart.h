/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_multipart.h
 * @brief Forms with files: multipart/form-data. Source: RFC 7578, RFC 2046 section 5.1
 */
#ifndef FHIR_MULTIPART_H
#define FHIR_MULTIPART_H

#include "core/fhir_err.h"

#define FHIR_MULTIPART_PARTS 32 /* most parts of a form */

typedef struct fhir_part_t {
    const char *name; /* terminated, not empty; any bytes else */
    int is_file;      /* it has a file name, which is of no use here */
    const char *data; /* within the body, not terminated */
    apr_size_t len;
} fhir_part_t;

typedef struct fhir_parts_t {
    int n;
    fhir_part_t list[FHIR_MULTIPART_PARTS];
} fhir_parts_t;

/** 1 if a Content-Type, which may be NULL, is multipart/form-data. */
int fhir_multipart_is(const char *content_type);
/** Splits a body at the boundary that its Content-Type names.
 *  @return NULL; FHIR_ERR_SYNTAX for one that is not complete, or whose parts have no name;
 *  FHIR_ERR_LIMIT beyond FHIR_MULTIPART_PARTS */
fhir_err_t *fhir_multipart_parse(fhir_parts_t *parts, const char *content_type, const char *body,
                                 apr_size_t len, apr_pool_t *pool);

#endif
