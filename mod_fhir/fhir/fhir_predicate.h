/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_predicate.h
 * @brief Parts of the tests of single parameters, shared by the files that make them.
 */
#ifndef FHIR_PREDICATE_H
#define FHIR_PREDICATE_H

#include "fhir/fhir_sql.h"

/** SQL expressions of one stored date, number or quantity. */
typedef struct fhir_operand_t {
    const char *low, *high;
    const char *system, *code, *unit; /* quantity */
    apr_int64_t high_offset;          /* date: high is this many µs behind the expression */
} fhir_operand_t;

/** Appends "(…)": one of the node's values matches the operand (fhir_compare.c). */
fhir_err_t *fhir_compare_any(fhir_sql_t *sql, fhir_param_kind_t kind, const fhir_operand_t *operand,
                             const fhir_qnode_t *node);

/** Stored forms of the node's token values: `forms` to be met exactly, `systems` as beginnings. */
void fhir_predicate_tokens(fhir_sql_t *sql, const fhir_qnode_t *node, apr_array_header_t *forms,
                           apr_array_header_t *systems);

/** 1 if a TEST is one of the column `patient`: every value is a patient of this server. */
int fhir_predicate_is_patient(const fhir_call_t *call, const fhir_qnode_t *node);

/** A LIKE pattern for folded strings, or NULL when nothing is left of the text. */
const char *fhir_predicate_pattern(const fhir_sql_t *sql, const char *text, int contains);

/** Appends the test of a uri column, with :above and :below. */
fhir_err_t *fhir_predicate_uri(fhir_sql_t *sql, const char *expr, const fhir_qnode_t *node);

#endif
