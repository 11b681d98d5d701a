/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_roles.h
 * @brief Practitioners and their PractitionerRoles, for a release that has no such resource.
 */
#ifndef FHIR_ROLES_H
#define FHIR_ROLES_H

#include "fhir/fhir_spoken.h"

/** Looks up the roles of call->roles->wanted and those of its practitioners, as far as the grant
 *  shows roles, in one statement.
 *  @return NULL, as fhir_grant_resolve, or as fhir_call_run */
fhir_err_t *fhir_roles_find(fhir_call_t *call);

#endif
