/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_portal_app.h
 * @brief Apps as the portals read them: one environment (row of fhir_client) with its app, its
 * owner and the practice's licence.
 */
#ifndef FHIR_PORTAL_APP_H
#define FHIR_PORTAL_APP_H

#include "portal/fhir_portal_private.h"

typedef struct fhir_portal_client_t {
    const char *id, *name;
    const char *app, *environment; /* NULL: registered by fhirctl */
    const char *kind;              /* "public", "secret", "keys", "backend"; fhir_portal_kinds */
    const char *redirects;         /* one a line */
    const char *launch, *home, *policy, *terms, *jwks, *jwks_uri; /* or NULL */
    const char *logo;                                             /* URL, or NULL */
    const char *scopes, *description;
    int for_patients, for_staff, for_system; /* whom it is made for */
    int disabled;
    const char
        *original; /* of a copy: the schema of the practice where it is registered; or NULL */
    const char *owner, *owner_name, *owner_mail, *owner_organization, *owner_site; /* or NULL */
    const char *contacts; /* of one registered by protocol, divided by blanks; or NULL */
    const char *state;    /* of the licence: "given", …, "ended"; "" when there is none */
    const char *words, *message, *changed, *changed_by, *until; /* "" or dates */
    const char *licence_scopes;
    const char *facility_names;                /* that the licence is limited to; NULL: it is not */
    int staff, patients, system, secret_grant; /* of the licence */
    int access_sec, system_sec, refresh_sec;
} fhir_portal_client_t;

/** A kind of app: how it authenticates and what it may do. */
typedef struct fhir_portal_kind_t {
    const char *name, *auth;
    const char *grants; /* as an array of PostgreSQL */
} fhir_portal_kind_t;
extern const fhir_portal_kind_t fhir_portal_kinds[]; /* ends with a NULL name */
const fhir_portal_kind_t *fhir_portal_kind(const char *name);

typedef struct fhir_portal_clients_t {
    int n;
    fhir_portal_client_t *list;
} fhir_portal_clients_t;
/** Environments; `where` is the rest of the statement behind WHERE, over c (client), a (app), l
 *  (licence), u (owner) and d (developer), with values. At most 500.
 *  @return as fhir_auth_sql */
fhir_err_t *fhir_portal_clients(fhir_portal_clients_t *out, const fhir_auth_call_t *call,
                                const char *where, int n, const char *const *values);

/** What a client is, in a view: client_id, name, env, kind, state, … */
void fhir_portal_show_client(fhir_view_t *view, const fhir_auth_call_t *call,
                             const fhir_portal_client_t *client);
/** What scopes say, as views of the list `name`: label, part, rights, text, whose. */
void fhir_portal_show_scopes(fhir_view_t *view, const char *name, const fhir_auth_call_t *call,
                             const char *scopes);
/** The public keys of a key set, as views of the list "keys": kid, kty. */
void fhir_portal_show_keys(fhir_view_t *view, const fhir_auth_call_t *call, const char *jwks);

/* ---- fhir_portal_practices.c ---- */

/** Adds what each practice has decided about an app (list "places": place_name, tenant, env_name,
 *  state, words, changed, until), and the practices to ask that the query's q finds ("others").
 *  @param clients its environments, at least one
 *  @return NULL, or as fhir_auth_sql */
fhir_err_t *fhir_portal_show_practices(fhir_view_t *view, const fhir_auth_call_t *call,
                                       const fhir_portal_clients_t *clients);
/** Sends an app to another practice and asks it to authorize one environment. *fault: a key of the
 *  texts when that cannot be, or NULL. @return as fhir_auth_sql */
fhir_err_t *fhir_portal_ask_practice(const char **fault, const fhir_auth_call_t *call,
                                     const fhir_session_t *session,
                                     const fhir_portal_client_t *client, const char *tenant,
                                     const char *note);
/** What a practice of this server is called; its schema when it is not known. */
const char *fhir_portal_practice_name(const fhir_auth_call_t *call, const char *tenant);

#endif
