/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_compare.h
 * @brief Stored dates, numbers and quantities against search values, as SQL.
 */
#ifndef FHIR_COMPARE_H
#define FHIR_COMPARE_H

#include "fhir/query/fhir_sql.h"

/** SQL expressions of one stored date, number or quantity. */
typedef struct fhir_operand_t {
    const char *low, *high;
    const char *system, *code, *unit; /* quantity */
    apr_int64_t high_offset;          /* date: high is this many µs behind the expression */
    int is_local; /* date: of days, midnights as if the practice's clocks were UTC's */
} fhir_operand_t;

/** Appends "(…)": one of the node's values matches the operand. */
void fhir_compare_any(fhir_sql_t *sql, fhir_param_kind_t kind, const fhir_operand_t *operand,
                      const fhir_qnode_t *node);

#endif
