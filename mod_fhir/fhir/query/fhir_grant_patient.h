/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_grant_patient.h
 * @brief The rows of a type that a scope for some patients shows: those of these patients, or of
 * nobody.
 */
#ifndef FHIR_GRANT_PATIENT_H
#define FHIR_GRANT_PATIENT_H

#include "fhir/query/fhir_grant.h"

/** The patients whose records a scope shows. */
typedef enum fhir_grant_whose_t {
    FHIR_GRANT_OF_ALL,     /* not limited */
    FHIR_GRANT_OF_PATIENT, /* the grant's patient's */
    FHIR_GRANT_OF_USER     /* those of patients to whom the grant's user is related */
} fhir_grant_whose_t;

static inline fhir_grant_whose_t fhir_grant_whose(const fhir_grant_scope_t *scope)
{
    return scope->patient_only   ? FHIR_GRANT_OF_PATIENT
           : scope->related_only ? FHIR_GRANT_OF_USER
                                 : FHIR_GRANT_OF_ALL;
}

/**
 * Appends the condition that a row is of such a patient or nobody's. For the grant's patient, what
 * is nobody's is not covered when right changes something.
 * FALSE when the grant has no patient or, for whose records, no user.
 */
void fhir_grant_patient_sql(fhir_sql_t *sql, const char *alias, const fhir_type_t *type,
                            unsigned right, fhir_grant_whose_t whose);
/** The same for a row of a history table. */
void fhir_grant_patient_sql_history(fhir_sql_t *sql, const char *alias, const fhir_type_t *type,
                                    fhir_grant_whose_t whose);
/** Appends "(…)": the grant's user is related to the patient whose id is the SQL expression. */
void fhir_grant_related_sql(fhir_sql_t *sql, const char *id);

#endif
