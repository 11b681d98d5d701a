/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_targets.h
 * @brief What the references of a page lead to in a release that does not have all that is stored:
 *        the practitioners of PractitionerRoles, the roles of practitioners, and orders that are
 *        not shown. A statement for each of both, and none where there is no such reference.
 */
#ifndef FHIR_TARGETS_H
#define FHIR_TARGETS_H

#include "fhir/fhir_spoken.h"

/** Looks up what call->targets wants to know, as far as the grant shows it. What the grant hides is
 *  like what does not exist: it stays unknown.
 *  @return NULL, as fhir_resolve_query, or as fhir_call_run */
fhir_err_t *fhir_targets_find(fhir_call_t *call);

#endif
