/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_picture.h
 * @brief What a file with a picture is, by its first bytes.
 */
#ifndef FHIR_PICTURE_H
#define FHIR_PICTURE_H

#include <apr.h>

typedef struct fhir_picture_t {
    const char *type; /* "image/png", "image/jpeg" */
    int width, height;
} fhir_picture_t;

/** Reads type and size of a PNG or JPEG; 0 if it is neither. Formats that can hold scripts (SVG)
 * are neither. The pixels are not looked at. */
int fhir_picture_read(fhir_picture_t *picture, const void *data, apr_size_t len);

#endif
