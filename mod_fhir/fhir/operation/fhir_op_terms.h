/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_op_terms.h
 * @brief What the terminology operations share: what they are asked about, and their answers.
 */
#ifndef FHIR_OP_TERMS_H
#define FHIR_OP_TERMS_H

#include "fhir/operation/fhir_operations.h"
#include "fhir/query/fhir_terms.h"

/** A code that is asked about. Texts are NULL where nothing is said. */
typedef struct fhir_op_code_t {
    const char *system, *code, *display;
    int any_system; /* a code alone: of whatever system */
} fhir_op_code_t;

typedef struct fhir_op_terms_t {
    fhir_call_t *call;
    fhir_pairs_t pairs;
    const fhir_node_t *body; /* Parameters, or NULL */
    fhir_terms_t *terms;
    const char *language; /* displayLanguage, or NULL */
    fhir_buf_t *buf;      /* the answer */
} fhir_op_terms_t;

/** Reads the parameters; known ends with NULL.
 *  @return NULL, as fhir_operation_read, or as fhir_operation_check */
fhir_err_t *fhir_op_terms_begin(fhir_op_terms_t *op, fhir_call_t *call, const char *const *known);
/** A parameter's text, or NULL. */
const char *fhir_op_terms_text(const fhir_op_terms_t *op, const char *name);
/** true or false; FHIR_ERR_PARAM_VALUE for anything else. */
fhir_err_t *fhir_op_terms_flag(int *out, const fhir_op_terms_t *op, const char *name);
/** What code system, value set or map is meant: the instance of the URL, the resource in the
 * parameter `inside`, or the canonical in the parameter `url_name`; its members are NULL when
 * nothing is said. Of an instance that is not stored, the carried one of this id is meant. */
fhir_terms_source_t fhir_op_terms_source(const fhir_op_terms_t *op, const char *inside,
                                         const char *url_name);

/**
 * The codes that are asked about, of fhir_op_code_t: `coding` or `codeableConcept`, in a body as
 * they are, in a URL as search values (system|code), or else `code` in a system.
 * @param suffix of the parameters' names ("A": codeA, codingA), or ""
 * @param system of a code alone, or NULL
 * @return NULL; FHIR_ERR_PARAM_VALUE for what is no code
 */
fhir_err_t *fhir_op_terms_codes(apr_array_header_t **codes, const fhir_op_terms_t *op,
                                const char *suffix, const char *system);

/** Parameters: begins, one parameter of a simple type (NULL and "": none), ends and answers. */
void fhir_op_terms_answer(fhir_op_terms_t *op);
void fhir_op_terms_put(fhir_buf_t *buf, const char *name, const char *type, const char *value);
/** @return as fhir_call_built */
fhir_err_t *fhir_op_terms_end(fhir_op_terms_t *op);
/** A member of an object with a text (NULL and "": none), behind a comma where one is due. */
void fhir_op_terms_member(fhir_buf_t *buf, const char *name, const char *value);

/** The answer of $validate-code. found: NULL when wanted is in none. where: "the value set".
 *  @return as fhir_op_terms_end */
fhir_err_t *fhir_op_terms_verdict(fhir_op_terms_t *op, const fhir_op_code_t *wanted,
                                  const fhir_concept_t *found, const char *where);

#endif
