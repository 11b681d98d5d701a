/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_licence.h
 * @brief What a practice decides about applications, and the initial access tokens and issuers of
 * software statements that it gives and approves: one set of calls for the portal and fhirctl.
 *
 * Triggers of sql/020-portal.sql write the history and end what was granted; those of 010-auth.sql
 * tell every process. Errors are those of fhir_store_run.
 */
#ifndef FHIR_LICENCE_H
#define FHIR_LICENCE_H

#include "store/fhir_store.h"

/** Whose decisions, and who decides. */
typedef struct fhir_practice_desk_t {
    fhir_store_t *store;
    const char *tenant;
    const char *by; /* name of the administrator, or "fhirctl" */
    apr_pool_t *pool;
} fhir_practice_desk_t;

/** An authorization and its limits. */
typedef struct fhir_licence_t {
    const char *client;
    const char *scopes; /* the most scopes that it gets; NULL: those that it requests now; for
                           fhirctl's applications, any */
    int staff, patients, system, secret_grant;
    int access_sec, system_sec, refresh_sec; /* 0: the default */
    const char *until;                       /* a date, or NULL */
    const char *words;                       /* to the developer; "" for none */
    const char *facilities; /* ids of Organizations, divided by commas: only their people may use
                               it; NULL or "": all */
} fhir_licence_t;

/** What is wrong with a licence's facilities: *fault a key of the texts of pages, NULL: nothing;
 *  *value: the id that is not an Organization's, or NULL. */
fhir_err_t *fhir_licence_facilities_check(const char **fault, const char **value,
                                          const fhir_practice_desk_t *desk,
                                          const fhir_licence_t *licence);
/** The facilities to choose from, and those that are chosen: id, name, whether the licence of an
 *  application has it. Those are Organizations that manage a Location or that a PractitionerRole
 *  names; at most 201, the chosen ones first. */
fhir_err_t *fhir_licence_facilities(const fhir_practice_desk_t *desk, const char *client,
                                    fhir_row_fn row_fn, void *baton);
/** Authorizes, after fhir_licence_facilities_check; *found is 0 when there is no such application.
 * For an invalid date: FHIR_ERR_INTERNAL with sqlstate 22007 or 22008. */
fhir_err_t *fhir_licence_give(int *found, const fhir_practice_desk_t *desk,
                              const fhir_licence_t *licence);
/** Refuses or withdraws (state "refused", "withdrawn"), with words. */
fhir_err_t *fhir_licence_take_back(int *found, const fhir_practice_desk_t *desk, const char *client,
                                   const char *state, const char *words);
/** All applications: id, name, state, for whom, seconds of access and refresh tokens, scopes,
 *  facilities. */
fhir_err_t *fhir_licence_list(const fhir_practice_desk_t *desk, fhir_row_fn row_fn, void *baton);

/** Makes an initial access token. owner: id of a developer, or NULL; environment: "test" or
 *  "production". */
fhir_err_t *fhir_initial_token_make(const char **word, const fhir_practice_desk_t *desk,
                                    const char *label, const char *owner, const char *environment,
                                    int lifetime_sec, int uses);
/** The initial access tokens that have not expired, of an owner or of all (NULL): id, label,
 * environment, end, uses left, name of the owner or "". */
fhir_err_t *fhir_initial_token_list(const fhir_practice_desk_t *desk, const char *owner,
                                    fhir_row_fn row_fn, void *baton);
/** Ends one by its id, of an owner or of any (NULL). */
fhir_err_t *fhir_initial_token_end(int *found, const fhir_practice_desk_t *desk, const char *id,
                                   const char *owner);

/** Approves an issuer of software statements with its keys; jwks NULL: withdraws the approval. */
fhir_err_t *fhir_software_issuer_set(int *found, const fhir_practice_desk_t *desk,
                                     const char *issuer, const char *jwks);

#endif
