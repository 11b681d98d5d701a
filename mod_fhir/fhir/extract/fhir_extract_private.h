/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_extract_private.h
 * @brief Between the two halves of extraction: the walk (fhir_extract.c), what values become
 *        (fhir_extract_convert.c) and how they are written into cells (fhir_extract_cell.c).
 */
#ifndef FHIR_EXTRACT_PRIVATE_H
#define FHIR_EXTRACT_PRIVATE_H

#include "fhir/extract/fhir_extract.h"

#define FHIR_EXTRACT_COMPONENTS 8 /* most components of a composite parameter */
/* Longer codes, URIs and references are not searchable: a b-tree or GIN entry holds 2,704 bytes. */
#define FHIR_EXTRACT_KEY_MAX    2000u

/** One cell while it grows. */
typedef struct fhir_cell_t {
    fhir_buf_t *text;
    int count; /* values so far */
} fhir_cell_t;

#define FHIR_EXTRACT_MENTIONS 64 /* most other resources that one may mention */
/** What fhir_extract_mentions.c found. */
typedef struct fhir_mentions_t {
    fhir_value_t list[FHIR_EXTRACT_MENTIONS]; /* "Type/id", in the resource's text */
    int n;
    int has_patient; /* one of them is a patient */
    int named;       /* the contained resource that is walked names a patient */
    int uncertain;
    fhir_buf_t *text;
} fhir_mentions_t;

struct fhir_extract_t {
    const fhir_model_t *model;
    const char *base_url;
    apr_size_t base_len;
    const char *below; /* root of relative references, with its slash; NULL: this server */
    apr_size_t below_len;
    const fhir_zone_t *zone;
    fhir_cell_t *cells; /* one per column of the widest type */
    fhir_buf_t *scratch, *folded;
    const apr_uint16_t **exists; /* by type, NULL: not looked for yet; see fhir_extract.c */
    apr_byte_t *can_name;        /* by type; see fhir_extract_mentions.c */
    fhir_mentions_t mentions;
    fhir_buf_t *terms;
    apr_pool_t *row; /* what making them needs */
    /* of the current resource */
    const fhir_type_t *type;
    const fhir_node_t *root;
    fhir_cell_t *patient, *patient_date; /* NULL where the type has no such column */
    /* of the current value */
    const fhir_param_t *param;
    const fhir_param_t *composite; /* NULL, or the composite whose repetition is walked */
    fhir_cell_t components[FHIR_EXTRACT_COMPONENTS];
};

/** A number, range or quantity: low and high equal for a single value; NULL texts are absent. */
typedef struct fhir_extract_amount_t {
    const fhir_node_t *low, *high;
    const char *system, *code, *unit;
    apr_size_t system_len, code_len, unit_len;
} fhir_extract_amount_t;

/** Converts one value for x->param. */
void fhir_extract_value(fhir_extract_t *x, fhir_conv_t conv, const fhir_node_t *node);

/** The type that a reference (a Reference or a canonical) points at: its name's place and length;
 *  0 when it cannot be told. */
int fhir_extract_target(const char **name, apr_size_t *len, const fhir_extract_t *x,
                        const fhir_node_t *node);

/** A reference without our own base and without a version. */
void fhir_extract_normalize(const char **s, apr_size_t *len, const fhir_extract_t *x);

/** The cell of column `mentions`, NULL for a record whose patient is known; after the others. */
void fhir_extract_mentions(fhir_value_t *cell, fhir_extract_t *x);

/* Writing into x->param's columns, or into the current composite's component. */
void fhir_extract_put_token(fhir_extract_t *x, const fhir_node_t *system, const fhir_node_t *code);
void fhir_extract_put_text(fhir_extract_t *x, const char *s, apr_size_t len);
void fhir_extract_put_string(fhir_extract_t *x, const fhir_node_t *node);
void fhir_extract_put_interval(fhir_extract_t *x, apr_int64_t low, apr_int64_t high);
void fhir_extract_put_amount(fhir_extract_t *x, const fhir_extract_amount_t *amount);
void fhir_extract_put_position(fhir_extract_t *x, const fhir_node_t *latitude,
                               const fhir_node_t *longitude);
/** Tokens of Reference.identifier, into the parameter's identifier_column. */
void fhir_extract_put_identifier(fhir_extract_t *x, const fhir_node_t *identifier);
/** The low bound that orders a patient's rows; the first one counts. */
void fhir_extract_put_patient_date(fhir_extract_t *x, apr_int64_t low);
/** Ends a repetition of x->composite: one object, when every component has a value. */
void fhir_extract_put_composite(fhir_extract_t *x);

#endif
