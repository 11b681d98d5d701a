/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_uscore.h
 * @brief What the releases of US Core want of a server, written by tools/fhirgen from their
 *        CapabilityStatements.
 * Source: http://hl7.org/fhir/us/core/CapabilityStatement-us-core-server.html
 */
#ifndef FHIR_USCORE_H
#define FHIR_USCORE_H

#include "model/fhir_model.h"

typedef enum fhir_uscore_kind_t {
    FHIR_USCORE_TYPE,        /* the type itself; no name */
    FHIR_USCORE_INTERACTION, /* code; type "": of the whole system */
    FHIR_USCORE_OPERATION,   /* name without the dollar */
    FHIR_USCORE_PARAM,       /* search parameter */
    FHIR_USCORE_COMBINATION, /* search parameters joined by '+' */
    FHIR_USCORE_INCLUDE,     /* "Type:parameter" or "Type:parameter:Target" */
    FHIR_USCORE_REVINCLUDE,
    FHIR_USCORE_PROFILE /* URL without a version */
} fhir_uscore_kind_t;

/** The strictest expectation of all releases; what is only listed is a MAY. */
typedef enum fhir_uscore_wanted_t {
    FHIR_USCORE_NOT_WANTED,
    FHIR_USCORE_MAY,
    FHIR_USCORE_SHOULD,
    FHIR_USCORE_SHALL
} fhir_uscore_wanted_t;

/** One thing wanted; sorted by type, kind, name. */
typedef struct fhir_uscore_row_t {
    apr_uint32_t type, name;
    apr_uint16_t releases; /* bit n: releases[n] lists it */
    apr_uint16_t levels;   /* bits 2n and 2n+1: what releases[n] expects, fhir_uscore_wanted_t */
    apr_byte_t kind;       /* fhir_uscore_kind_t */
    apr_byte_t wanted;     /* fhir_uscore_wanted_t */
} fhir_uscore_row_t;

typedef struct fhir_uscore_t {
    const char *strings;
    const char *const *releases; /* versions, oldest first; ends with NULL */
    const fhir_uscore_row_t *rows;
    apr_uint16_t n_rows;
} fhir_uscore_t;

extern const fhir_uscore_t fhir_uscore_r4;

/** US Core's demands for servers of a model, or NULL when there are none (DSTU2). */
const fhir_uscore_t *fhir_uscore_of(const fhir_model_t *model);

static inline const char *fhir_uscore_str(const fhir_uscore_t *u, apr_uint32_t offset)
{
    return u->strings + offset;
}

/** The first row of a type ("" for the system) and kind, or NULL; *n is their number. */
const fhir_uscore_row_t *fhir_uscore_rows(int *n, const fhir_uscore_t *u, const char *type,
                                          fhir_uscore_kind_t kind);

/** What is wanted of one thing; u may be NULL. */
fhir_uscore_wanted_t fhir_uscore_wanted(const fhir_uscore_t *u, const char *type,
                                        fhir_uscore_kind_t kind, const char *name);

#endif
