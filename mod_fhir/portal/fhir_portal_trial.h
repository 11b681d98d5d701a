/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_portal_trial.h
 * @brief The requests of a test launch: each is made within this process, by the code that answers
 *        apps, and put with its answer into the list "exchanges" of a view (label, request, answer,
 *        id).
 *
 * An exchange that fails is part of what is shown. So an error means that the page cannot be made:
 * FHIR_ERR_INTERNAL, or that of the store (fhir_store_run).
 */
#ifndef FHIR_PORTAL_TRIAL_H
#define FHIR_PORTAL_TRIAL_H

#include "portal/fhir_portal_app.h"

typedef struct fhir_trial_t {
    fhir_auth_call_t *call;
    const fhir_portal_client_t *client; /* of the developer who is signed in, for tests */
    const fhir_portal_endpoint_t *endpoint;
    fhir_view_t *view;
    const char *token, *patient, *scope; /* of the token's answer, or NULL */
} fhir_trial_t;

/** Reads the SMART configuration. */
void fhir_trial_discover(fhir_trial_t *trial);
/** Asks for a token by client_credentials: with a key made for it, or the app's secret. */
fhir_err_t *fhir_trial_system(fhir_trial_t *trial, const char *scope, const char *secret);
/** Exchanges a code: a public app, one with a secret, or one that signs (with a key made for it).
 */
fhir_err_t *fhir_trial_redeem(fhir_trial_t *trial, const char *code, const char *redirect,
                              const char *verifier, const char *secret);
/** Reads with the token: the patient that it is for, or one record of what its scopes allow. Does
 *  nothing without a token. */
fhir_err_t *fhir_trial_read(fhir_trial_t *trial);

#endif
