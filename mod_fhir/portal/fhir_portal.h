/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_portal.h
 * @brief The portals of a practice without httpd: Connect (developers), License Management
 *        (administrators), the Endpoint Directory and the documentation of the API.
 *
 * They are pages of the authorization server's kind (auth/fhir_auth_private.h): the same requests,
 * templates, sessions and forms, with routes of their own. Everything that lasts is in the tenant's
 * schema (sql/010-auth.sql, sql/020-portal.sql).
 */
#ifndef FHIR_PORTAL_H
#define FHIR_PORTAL_H

#include "auth/fhir_auth.h"

/** Who may become a developer (FHIRPortalSignUp). */
typedef enum fhir_sign_up_t {
    FHIR_SIGN_UP_OFF,
    FHIR_SIGN_UP_INVITATION,
    FHIR_SIGN_UP_OPEN
} fhir_sign_up_t;

/** An endpoint of this server, as the directory lists it. */
typedef struct fhir_portal_endpoint_t {
    const char *base_url;
    const char *place;        /* its path on this server */
    const char *practice;     /* FHIRPracticeName, or NULL */
    const char *organization; /* FHIRPracticeOrganization, or NULL */
    const char *logo;         /* FHIRPracticeLogo, or NULL */
    fhir_endpoint_t endpoint; /* as configured: tenant, audience, what it speaks and offers */
} fhir_portal_endpoint_t;

/** What one process remembers of the practices' own records (fhir_portal_directory.c). */
typedef struct fhir_directory_t fhir_directory_t;
/** pool: one of which several threads may create children. @return NULL when there is no memory */
fhir_directory_t *fhir_directory_create(apr_pool_t *pool);

/** What is known of a certificate, where its end is not. */
#define FHIR_CERTIFICATE_UNKNOWN ((apr_time_t)0)  /* TLS ends at another server */
#define FHIR_CERTIFICATE_NONE    ((apr_time_t)-1) /* the address is http */
#define FHIR_CERTIFICATE_SOON    14 /* days before its end in which people are warned */

/** What a portal has besides what an authorization server has. */
typedef struct fhir_portal_t fhir_portal_t;
struct fhir_portal_t {
    fhir_sign_up_t sign_up;
    int has_mail;     /* FHIRPortalMail is set */
    const char *from; /* FHIRPortalFrom */
    int practices;    /* FHIRPortalPractices: others that an app may be sent to */
    int n_endpoints;
    const fhir_portal_endpoint_t *endpoints; /* of this server, in the order of its configuration */
    /** Of the practice's endpoints that need no token, R4's and DSTU2's base URL, or NULL. */
    const char *open_base[2];
    /** A practice's R4 endpoint that needs no token, if httpd's own rules (Require) admit this
     * client to it; otherwise NULL. */
    const fhir_portal_endpoint_t *(*open_to)(const fhir_portal_t *portal, const char *tenant);
    fhir_directory_t *directory;
    fhir_store_t *store; /* whatever the state of the practice's schema is; NULL: no database */
    apr_time_t started;  /* the server, last; 0: not known */
    int hides_version;   /* the server's administrator keeps versions to himself */
    /** Since when the endpoints of a practice answer, negative when they do not; 0: nobody has
     *  looked. seen: when they were seen to answer (negative: not to); 0: nobody looks. */
    apr_time_t (*health)(const fhir_portal_t *portal, const char *tenant, apr_time_t seen);
    /** The end of the certificate that this server presents for a base URL, or FHIR_CERTIFICATE_…
     */
    apr_time_t (*certificate)(const fhir_portal_t *portal, const char *base_url);
    /** Hands a whole message to the administrator's command; an error when it did not take it. */
    fhir_err_t *(*send_mail)(const fhir_portal_t *portal, const char *message, apr_pool_t *pool);
    /** The portal of a practice by its schema, or NULL. */
    const char *(*url_of)(const fhir_portal_t *portal, const char *tenant);
    void *baton;
};

/** Answers a request to a portal (request->portal is set). @return as fhir_auth_run */
fhir_err_t *fhir_portal_run(fhir_auth_response_t *response, const fhir_auth_request_t *request);

#endif
