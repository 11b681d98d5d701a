/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_auth.h
 * @brief The authorization server without httpd: a plain request in, status, headers and body out;
 *        and from a bearer token to a grant.
 *
 * Everything that must survive or be shared is in the tenant's schema (sql/010-auth.sql). An
 * authorization request stays in the URL from page to page, so no node keeps a part of it and a
 * session that was lost begins the same request again. The pages' forms carry a word that only
 * the browser's cookie and the request give (against forged forms).
 * Source: RFC 6749, 6750, 7009, 7523, 7636, 7662, 8414, 9207, 9700; OpenID Connect Core 1.0;
 * SMART App Launch 1.0.0 and 2.2.0.
 */
#ifndef FHIR_AUTH_H
#define FHIR_AUTH_H

#include "core/fhir_secret.h"
#include "fhir/fhir_service.h"

/** Which origins browsers may call from (FHIRCORSOrigins). */
typedef enum fhir_cors_t {
    FHIR_CORS_REGISTERED, /* of redirect URIs, and those named for an application */
    FHIR_CORS_ANY,
    FHIR_CORS_LIST
} fhir_cors_t;

/** Who may register an application by protocol (FHIRRegistration). */
typedef enum fhir_registration_t {
    FHIR_REGISTRATION_OFF,
    FHIR_REGISTRATION_TOKEN, /* who has an initial access token */
    FHIR_REGISTRATION_OPEN
} fhir_registration_t;

/** What the directives say of an endpoint's authorization. Times in seconds. */
typedef struct fhir_auth_config_t {
    const char *practice; /* name on the pages; NULL: the endpoint's */
    const char *logo;     /* URL of an image, or NULL */
    int code_sec, launch_sec;
    int session_idle_sec, session_max_sec;
    int attempts_max;  /* failed sign-ins before an account waits */
    int deceased;      /* patients who died may sign in, and be read through a proxy */
    int fetch_private; /* key sets may be fetched from loopback and private addresses */
    fhir_registration_t registration;
    int registrations_max; /* that nobody has decided about */
    int plain_http;        /* http is taken from others than this machine */
    fhir_cors_t cors;
    const char *const *origins; /* of FHIR_CORS_LIST, ends with NULL */
} fhir_auth_config_t;

/** What a password check said. */
typedef enum fhir_auth_password_t {
    FHIR_AUTH_PASSWORD_RIGHT,
    FHIR_AUTH_PASSWORD_WRONG, /* or the user is not known: nobody learns which */
    FHIR_AUTH_PASSWORD_ERROR  /* it could not be checked */
} fhir_auth_password_t;

typedef struct fhir_auth_request_t fhir_auth_request_t;
struct fhir_auth_request_t {
    apr_pool_t *pool;
    const fhir_endpoint_t *endpoint;
    const fhir_auth_config_t *config;
    fhir_store_t *store; /* NULL: no database; all but discovery is 503 */
    const fhir_log_t *log;
    const char *method;     /* in capitals; HEAD as GET */
    const char *base_url;   /* of the FHIR endpoint, as the client sees it; also the issuer */
    const char *place;      /* path of the endpoint on this server */
    const char *path;       /* behind the base: "auth/token", ".well-known/…" */
    const char *query;      /* still encoded, or NULL */
    const char *address;    /* of the client */
    const char *request_id; /* also in the log */
    const char *portal_url; /* of the practice's portals (FHIRPortal), or NULL */
    const struct fhir_jwks_t *trial_keys; /* of a portal's test launch: verify the application's
                                             assertions in the place of its own; or NULL */
    const struct fhir_portal_t *portal;   /* portal/fhir_portal.h; NULL: of an endpoint */
    int secure;                           /* came by TLS, or from this machine itself */
    /** A request header, or NULL. */
    const char *(*header)(const fhir_auth_request_t *request, const char *name);
    fhir_err_t *(*read_body)(const char **body, apr_size_t *len, const fhir_auth_request_t *request,
                             apr_size_t max);
    /** Asks those who know passwords (FHIRLoginProvider). */
    fhir_auth_password_t (*check_password)(const fhir_auth_request_t *request, const char *user,
                                           const char *password);
    /** A token must no longer be taken from this server's cache. */
    void (*forget)(const fhir_auth_request_t *request, const fhir_digest_t *token);
    void *baton;
};

typedef struct fhir_auth_response_t {
    int status;
    const char *content_type; /* NULL: no body */
    apr_table_t *headers;
    fhir_buf_t *body;
    const char *ready; /* sent instead of body: lives as long as the request; or NULL */
    apr_size_t ready_len;
    const char *route; /* for the log: "authorize", "token", … or NULL */
} fhir_auth_response_t;

/** 1 if a path behind the base is the authorization server's. */
int fhir_auth_owns(const char *path);
/** Answers a request; response's members need not be set before. The response is complete in any
 *  case. @return NULL, or the error that the response reports, for the log */
fhir_err_t *fhir_auth_run(fhir_auth_response_t *response, const fhir_auth_request_t *request);

/* ---- bearer tokens ---- */

/** What a token stands for. */
typedef struct fhir_bearer_t {
    apr_int64_t authorization;
    const char *place;  /* endpoint that it is for */
    const char *client; /* id of the application */
    const char *user;   /* id of the user, or "" */
    const char *kind;   /* of the user: "staff", "patient", …; "" without one */
    const char *fhir_user, *patient, *scopes; /* "" when there is none */
    apr_time_t expires;
} fhir_bearer_t;

/** Takes the token out of an Authorization header.
 *  @return NULL, or FHIR_ERR_LOGIN when the header is of another kind or malformed */
fhir_err_t *fhir_bearer_token(const char **token, const char *authorization, apr_pool_t *pool);
/** Asks the database. @return NULL, FHIR_ERR_LOGIN with the reason (unknown, expired, revoked and
 *  by whom), or as fhir_store_run */
fhir_err_t *fhir_bearer_find(fhir_bearer_t *out, const fhir_digest_t *token, const char *tenant,
                             fhir_store_t *store, apr_pool_t *pool);
/** As bytes for the cache, and back (0: not such bytes). The strings of out point into them. */
const char *fhir_bearer_pack(apr_size_t *len, const fhir_bearer_t *bearer, const char *tenant,
                             apr_pool_t *pool);
int fhir_bearer_unpack(fhir_bearer_t *out, const char *bytes, apr_size_t len, const char *tenant);
/** The grant: scopes, patient, and what the kind of user and the endpoint allow.
 *  @return NULL, or FHIR_ERR_LOGIN: a token of another endpoint */
fhir_err_t *fhir_bearer_grant(const fhir_grant_t **grant, const fhir_bearer_t *bearer,
                              const char *place, const fhir_endpoint_t *endpoint, apr_pool_t *pool);

/** The user's resource, if it can take part in an encounter, or NULL. */
const char *fhir_bearer_practitioner(const char *fhir_user);

/* ---- for browsers of other origins ---- */

/** 1 if that origin may call this endpoint. */
int fhir_auth_origin(const char *origin, const fhir_auth_config_t *config, const char *tenant,
                     fhir_store_t *store, apr_pool_t *pool);

/* ---- use and refusals, for the portals ---- */

/** A request that was refused to an application; parts that are not known are NULL. No part is
 *  secret or a patient's. */
typedef struct fhir_refused_t {
    const char *request, *client, *route;
    const char *name; /* of fhir_refusals */
    const char *description, *parameter, *received, *expected;
} fhir_refused_t;
/** Keeps it for whoever asks why; of one application at most 20 in a minute.
 *  @return NULL, or as fhir_store_run */
fhir_err_t *fhir_refusal_keep(const fhir_refused_t *refused, const char *tenant,
                              fhir_store_t *store, apr_pool_t *pool);

/** Requests of an application, and how many of them were answered with an error. */
typedef struct fhir_use_t {
    const char *client;
    apr_int64_t requests, errors;
} fhir_use_t;
/** Adds to what is counted of today.
 *  @return NULL, or as fhir_store_run */
fhir_err_t *fhir_use_add(const fhir_use_t *list, int n, const char *tenant, fhir_store_t *store,
                         apr_pool_t *pool);

/* ---- upkeep ---- */

/** Adds the schemas (const char *) with an authorization server whose rows the role may delete.
 *  @return NULL, or as fhir_store_run */
fhir_err_t *fhir_auth_tenants(apr_array_header_t *names, fhir_store_t *store, apr_pool_t *pool);
/** Removes expired tokens, codes, sessions and refusals.
 *  @return NULL, or as fhir_store_run */
fhir_err_t *fhir_auth_sweep(const char *tenant, fhir_store_t *store, apr_pool_t *pool);

#endif
