/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_grant_patient.h
 * @brief What a scope for a patient shows of a type: the patient's, or nobody's.
 */
#ifndef FHIR_GRANT_PATIENT_H
#define FHIR_GRANT_PATIENT_H

#include "fhir/query/fhir_sql.h"

/** Appends the condition that a row is the grant's patient's or, when right changes nothing,
 *  nobody's; FALSE when the grant has no patient. */
void fhir_grant_patient_sql(fhir_sql_t *sql, const char *alias, const fhir_type_t *type,
                            unsigned right);
/** The same for a row of a history table. */
void fhir_grant_patient_sql_history(fhir_sql_t *sql, const char *alias, const fhir_type_t *type);

#endif
