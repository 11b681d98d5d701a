/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_password.h
 * @brief Passwords of the built-in provider: bcrypt in fhir_user.
 */
#ifndef FHIR_PASSWORD_H
#define FHIR_PASSWORD_H

#include "auth/fhir_auth.h"

#define FHIR_PASSWORD_MIN 12
#define FHIR_PASSWORD_MAX 72 /* bytes that bcrypt looks at */

/** Why a password is not accepted, as a key of the pages' texts; or NULL. */
const char *fhir_password_fault(const char *password, const char *user);
/** Its bcrypt hash. @return NULL, or FHIR_ERR_INTERNAL when there are no random bytes */
fhir_err_t *fhir_password_hash(const char **hash, const char *password, apr_pool_t *pool);
/** Checks a password against the tenant's users; for an unknown user it takes as long. */
fhir_auth_password_t fhir_password_check(fhir_err_t **err, const char *user, const char *password,
                                         const char *tenant, fhir_store_t *store, apr_pool_t *pool);

#endif
