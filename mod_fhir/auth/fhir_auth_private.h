/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_auth_private.h
 * @brief One request to the authorization server: what its handlers share.
 *
 * Errors. A function that "refuses" calls fhir_auth_refuse: it keeps the reason in the call and
 * returns FHIR_ERR_BAD_REQUEST, which the caller passes on until fhir_auth_serve answers with the
 * reason. All functions that need the database return its errors (fhir_store_run), and
 * FHIR_ERR_BUSY if there is no database. FHIR_ERR_INTERNAL stands for a fault of the server:
 * answered 500, with the reason in the log. A handler (`run` of a route) returns NULL if it has
 * answered, or one of these.
 */
#ifndef FHIR_AUTH_PRIVATE_H
#define FHIR_AUTH_PRIVATE_H

#include "auth/fhir_auth.h"
#include "auth/fhir_jose.h"
#include "auth/fhir_refusal.h"
#include "auth/fhir_scope.h"
#include "core/fhir_multipart.h"
#include "core/fhir_page.h"
#include "fhir/fhir_call.h"

/** An application with what the practice decided about it. */
typedef struct fhir_client_t {
    const char *id, *name;
    const char *auth;   /* "none", "client_secret", "private_key_jwt" */
    const char *grants; /* divided by blanks, a blank at both ends */
    int n_redirects;
    const char **redirects;
    const char *launch_uri, *logo_uri, *home_uri, *policy_uri, *jwks, *jwks_uri; /* or NULL */
    const char *scopes;                                                          /* "": any */
    int native, disabled;
    const char *state; /* state of the licence: "given", …; "" when there is none */
    const char *licence_scopes;
    const char
        *facilities; /* ids of Organizations that the licence is limited to, divided by commas;
                        "": it is not */
    int staff, patients, system, secret_grant;
    int access_sec, system_sec, refresh_sec;
} fhir_client_t;

typedef struct fhir_user_t {
    const char *id, *name, *display, *kind;
    const char *fhir_user; /* "Practitioner/x", or NULL */
    int external;          /* an external provider checks the password */
    int must_change, disabled, expired, has_totp;
} fhir_user_t;

/** A browser that is signed in. */
typedef struct fhir_session_t {
    fhir_digest_t digest; /* of its cookie */
    fhir_user_t user;
    apr_int64_t signed_in; /* seconds since 1970 */
    int factor;            /* the second factor was given, or is not required */
} fhir_session_t;

/** What an authorization holds; see sql/010-auth.sql. */
typedef struct fhir_authz_t {
    apr_int64_t id;
    const char *client, *user, *place, *issuer, *scopes, *patient, *encounter, *context, *nonce,
        *refresh;
    const char *fhir_user;
    apr_int64_t signed_in; /* 0: unknown */
    apr_int64_t expires;   /* as the person limited it, seconds; 0: not */
} fhir_authz_t;

typedef struct fhir_auth_call_t {
    const fhir_auth_request_t *request;
    fhir_auth_response_t *response;
    const char *tenant;
    const char *root;  /* of the pages behind the base: "/auth", or "" of a portal */
    const char *kinds; /* of users who may sign in, with blanks around; NULL: by the endpoint */
    fhir_pairs_t query, form;
    int takes_file;          /* the form may have one file */
    const fhir_part_t *file; /* which is here, or NULL */
    const char *language;    /* "en", "es" */
    const char *client; /* id that the request named, once known to exist; for the refusal's row */
    const char *redirect; /* the registered redirect URI, once known; refusals go there */
    const char *state;
    const char *cookie;     /* its value, or NULL */
    fhir_refusal_t refusal; /* why the request is refused */
    apr_pool_t *pool;
} fhir_auth_call_t;

/* ---- fhir_auth.c ---- */

typedef enum fhir_auth_site_t {
    FHIR_SITE_GET = 1,
    FHIR_SITE_POST = 2,
    FHIR_SITE_PAGE = 4,    /* for people: refusals are pages */
    FHIR_SITE_PUBLIC = 8,  /* needs neither TLS nor database */
    FHIR_SITE_PREFIX = 16, /* files below it, too */
    FHIR_SITE_PUT = 32,
    FHIR_SITE_DELETE = 64
} fhir_auth_site_t;
/** One address: its methods and its handler. */
typedef struct fhir_auth_route_t {
    const char *path; /* behind the base; NULL ends a list */
    unsigned flags;   /* FHIR_SITE_… */
    fhir_err_t *(*run)(fhir_auth_call_t *call);
    const char *kinds; /* see fhir_auth_call_t */
} fhir_auth_route_t;
/** Answers a request by a list of routes. @return as fhir_auth_run */
fhir_err_t *fhir_auth_serve(fhir_auth_response_t *response, const fhir_auth_request_t *request,
                            const fhir_auth_route_t *routes, const char *root);
/** Refuses: keeps the reason in the call and returns an error that unwinds to the answer. */
fhir_err_t *fhir_auth_refuse(fhir_auth_call_t *call, fhir_refusal_id_t id, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/** Says what is wrong before a refusal, for "Why was I refused?": a parameter, its value (NULL: not
 *  to be shown, as secrets are; "": it is missing), and what was expected.
 *  @return call, so that it is written around the call of the refusal */
fhir_auth_call_t *fhir_auth_saw(fhir_auth_call_t *call, const char *parameter, const char *received,
                                const char *expected);
/** Names the application that a request at the token endpoint names, unproven, for the row of a
 *  refusal that comes before the authentication; nothing if it names none that is known. A failure
 *  to find out leaves call->refusal set: refuse afterwards. */
void fhir_auth_name_client(fhir_auth_call_t *call);
/** Keeps the call's refusal for "Why was I refused?"; only for applications that are known, so that
 *  it cannot be filled. */
void fhir_auth_remember(const fhir_auth_call_t *call);
/** Answers with JSON that may not be kept. */
void fhir_auth_json(fhir_auth_call_t *call, int status, const char *json);
/** Answers with a page. form_action: an origin besides our own that its forms may lead to.
 *  @return NULL, or FHIR_ERR_INTERNAL when there is no such page */
fhir_err_t *fhir_auth_page(fhir_auth_call_t *call, int status, const char *name, fhir_view_t *view,
                           const char *form_action);
/** A view with what every page needs: practice, language, links. */
fhir_view_t *fhir_auth_view(fhir_auth_call_t *call);
/** Answers 303 to a URL. */
void fhir_auth_redirect(fhir_auth_call_t *call, const char *url);
/** [base]/auth/name; of a portal, [base]/name. */
const char *fhir_auth_url(const fhir_auth_call_t *call, const char *name);
/** Reads the form into call->form. Refuses a body that is not a form, is too long, or has a
 *  parameter twice. @return also the errors of read_body */
fhir_err_t *fhir_auth_form(fhir_auth_call_t *call);
/** A parameter that must not repeat, or NULL; "" counts as absent. */
const char *fhir_auth_param(const fhir_pairs_t *pairs, const char *name);
/** Adds name=value to a URL, before its fragment. */
const char *fhir_auth_add_param(const char *url, const char *name, const char *value,
                                apr_pool_t *pool);
/** Name=value pairs in a query, encoded. */
void fhir_auth_encode(fhir_buf_t *buf, const char *name, const char *value);
/** Appends "name":"value" with a comma before it, unless value is NULL or "". */
void fhir_auth_member(fhir_buf_t *buf, const char *name, const char *value);

/* ---- fhir_auth_db.c ---- */

/** Runs a statement; '@' in it stands for "tenant".fhir_ and '~' for "tenant".
 *  @return as fhir_store_run; FHIR_ERR_BUSY when there is no database */
fhir_err_t *fhir_auth_sql(const fhir_auth_call_t *call, const char *sql, unsigned flags, int n,
                          const char *const *values, fhir_row_fn row_fn, void *baton,
                          apr_int64_t *affected);
/** The same outside of a call. @return as fhir_auth_sql */
fhir_err_t *fhir_auth_sql_in(fhir_store_t *store, const char *tenant, const char *sql,
                             unsigned flags, int n, const char *const *values, fhir_row_fn row_fn,
                             void *baton, apr_int64_t *affected, apr_pool_t *pool);
/** The application, or *client NULL. @return as fhir_auth_sql */
fhir_err_t *fhir_auth_client(fhir_client_t **client, const fhir_auth_call_t *call, const char *id);
/** 1 if it may use a grant type. */
int fhir_client_may(const fhir_client_t *client, const char *grant);
/** Refuses unless the practice has authorized the application, and it is enabled. */
fhir_err_t *fhir_auth_check_licence(fhir_auth_call_t *call, const fhir_client_t *client);
/** SQL: whether a licence covers somebody: its facilities (an array of ids), the kind and resource
 * of the user (NULL: no user), and the patient. Without facilities it covers all. With them:
 * patients whose managingOrganization is one; staff with a PractitionerRole that is not inactive,
 * whose period has begun and not ended, and which names one, or a Location that one manages. The
 *  Organization must exist and not be inactive. Whatever is not known is not covered. */
#define FHIR_LICENCE_COVERS(facilities, kind, resource, patient)                                   \
    "CASE WHEN cardinality(" facilities ") = 0 THEN true WHEN " kind                               \
    " IS NULL THEN false WHEN " kind " = 'patient' THEN EXISTS (SELECT FROM ~.patient p JOIN "     \
    "~.organization o ON p.organization = 'Organization/' || o.id WHERE p.id = " patient           \
    " AND o.id = ANY (" facilities ") AND o.active IS DISTINCT FROM 'false') "                     \
    "ELSE EXISTS (SELECT FROM ~.practitionerrole r JOIN ~.organization o ON o.id = ANY "           \
    "(" facilities ") AND o.active IS DISTINCT FROM 'false' WHERE (r.practitioner = " resource     \
    " OR r.id = CASE WHEN " resource " LIKE 'PractitionerRole/%' THEN substr(" resource            \
    ", 18) END) AND r.active IS DISTINCT FROM 'false' AND coalesce(r.date_low <= now(), true) "    \
    "AND "                                                                                         \
    "coalesce(r.date_high > now(), true) AND (r.organization = 'Organization/' || o.id OR EXISTS " \
    "(SELECT FROM ~.location n WHERE n.organization = 'Organization/' || o.id AND "                \
    "n.status IS DISTINCT FROM 'inactive' AND n.id IN (SELECT substr(x, 10) FROM "                 \
    "unnest(r.location) x WHERE x LIKE 'Location/%')))) END"
/** SQL: the names of facilities (an array of ids), divided by commas. */
#define FHIR_FACILITY_NAMES(facilities)                                                            \
    "(SELECT string_agg(coalesce(o.resource::json ->> 'name', f.id), ', ' ORDER BY f.n) FROM "     \
    "unnest(" facilities ") WITH ORDINALITY f (id, n) LEFT JOIN ~.organization o ON o.id = f.id)"
/** The names of the facilities that a licence is limited to; *names NULL: it is not.
 *  @return as fhir_auth_sql */
fhir_err_t *fhir_auth_facilities(const char **names, const fhir_auth_call_t *call,
                                 const fhir_client_t *client);
/** Refuses (id) unless the licence covers a user and, on the side of patients, this patient. */
fhir_err_t *fhir_auth_check_facilities(fhir_auth_call_t *call, const fhir_client_t *client,
                                       const char *user, const char *patient, fhir_refusal_id_t id);
/** The user by name or by id, or *user NULL. @return as fhir_auth_sql */
fhir_err_t *fhir_auth_user(fhir_user_t **user, const fhir_auth_call_t *call, const char *name,
                           const char *id);
/** Reads the columns FHIR_USER_COLUMNS from one on. */
#define FHIR_USER_COLUMNS                                                                          \
    "u.id, u.name, u.display, u.kind, u.fhir_user, u.password IS NULL, u.must_change, "            \
    "u.disabled IS NOT NULL, coalesce(u.expires <= now(), false), u.totp IS NOT NULL"
#define FHIR_USER_N_COLUMNS 10
void fhir_user_read(fhir_user_t *user, const fhir_row_t *row, int column, apr_pool_t *pool);
/** Text of a column copied, NULL for NULL. */
const char *fhir_auth_text(const fhir_row_t *row, int column, apr_pool_t *pool);
/** The first column of the only row, for fhir_auth_read_one; text NULL: no row, or NULL. */
typedef struct fhir_auth_one_t {
    const char *text;
    apr_pool_t *pool;
} fhir_auth_one_t;
/** A fhir_row_fn; the baton is a fhir_auth_one_t. @return NULL */
fhir_err_t *fhir_auth_read_one(void *baton, const fhir_row_t *row);
/** The tenant's secret, for words that only this server can make.
 * @return as fhir_auth_sql; FHIR_ERR_INTERNAL when the schema has none */
fhir_err_t *fhir_auth_key(fhir_digest_t *key, const fhir_auth_call_t *call);
/** Seconds that a key ("u:name", "a:address", "c:client") must wait; 0: none.
 *  @return as fhir_auth_sql */
fhir_err_t *fhir_auth_wait(int *seconds, const fhir_auth_call_t *call, const char *key);
/** Counts a failure, or (failed 0) forgets all. @return as fhir_auth_sql */
fhir_err_t *fhir_auth_count(const fhir_auth_call_t *call, const char *key, int failed);
/** Ends an authorization, who: "the user", "the practice", …; its tokens leave the cache.
 *  @return as fhir_auth_sql */
fhir_err_t *fhir_auth_revoke(const fhir_auth_call_t *call, apr_int64_t id, const char *who);

/** Counts the use by day from the tokens and refusals that are still stored: client, day, tokens,
 * people; client, day, refused (by the authorization server; other refusals are errors of
 * requests). */
#define FHIR_USE_TOKENS                                                                            \
    "SELECT z.client, t.created::date, count(*) FILTER (WHERE t.kind = 'access'), count(DISTINCT " \
    "z.user_id) FROM @token t JOIN @authorization z ON z.id = t.authorization_id GROUP BY 1, 2"
#define FHIR_USE_REFUSED                                                                           \
    "SELECT client, at::date, count(*) FROM @refusal WHERE route NOT LIKE 'FHIR %' AND error <> "  \
    "'scope-fewer' GROUP BY 1, 2"

/* ---- fhir_auth_client.c ---- */

/** Authenticates the application at an endpoint that accepts forms: by Basic, form, assertion, or
 *  the id of a public one. Refuses, or sets *client.
 *  @return also as fhir_auth_sql and fhir_auth_client_keys */
fhir_err_t *fhir_auth_authenticate(fhir_client_t **client, fhir_auth_call_t *call);

/* ---- fhir_auth_fetch.c ---- */

/** Fetches and parses a key set; text: as received, keep_sec: how long it may be kept. Refuses
 *  with the reason if the address is not allowed, does not answer, or has no valid key set. */
fhir_err_t *fhir_auth_fetch_keys(fhir_jwks_t *keys, const char **text, int *keep_sec,
                                 fhir_auth_call_t *call, const char *uri);
/** The key set of an application: registered, cached, or fetched. Refuses when there is none.
 *  @return also as fhir_auth_sql */
fhir_err_t *fhir_auth_client_keys(fhir_jwks_t *keys, fhir_auth_call_t *call,
                                  const fhir_client_t *client, const char *kid);

/* ---- fhir_client_rules.c: what an application may say of itself ---- */

/** 1 for an address at which something can be fetched: https, with a host, without a user. */
int fhir_client_is_https(const char *url, apr_pool_t *pool);
/** 1 for http:// of this machine. */
int fhir_client_is_loopback(const char *url);
/** Why a redirect URI cannot be registered for such an application, or NULL. */
const char *fhir_client_redirect_fault(const char *uri, int is_test, int is_public,
                                       apr_pool_t *pool);
/** Checks a key set: the one at uri, which is fetched now into *jwks, or *jwks; none if both are
 * NULL. why: the reason why it is not accepted, or NULL. */
fhir_err_t *fhir_client_keys(const char **jwks, const char **why, fhir_jwks_t *keys,
                             fhir_auth_call_t *call, const char *uri);
/** A new secret; *word is NULL when the most secrets are valid already. */
fhir_err_t *fhir_client_add_secret(const char **word, const fhir_auth_call_t *call,
                                   const char *client, int most);

/* ---- fhir_auth_session.c ---- */

/* All return as fhir_auth_sql; those that make a cookie also FHIR_ERR_INTERNAL when there are no
 * random bytes. */

/** The session of the request's cookie, or *session NULL. */
fhir_err_t *fhir_auth_session(fhir_session_t **session, fhir_auth_call_t *call);
/** Begins one, with a new cookie. */
fhir_err_t *fhir_auth_session_begin(fhir_auth_call_t *call, const fhir_user_t *user, int factor);
/** Records that the second factor was given. */
fhir_err_t *fhir_auth_session_factor(fhir_auth_call_t *call, const fhir_session_t *session);
fhir_err_t *fhir_auth_session_end(fhir_auth_call_t *call, const fhir_session_t *session);
/** The word that a form for this browser and request must have; sets a cookie if there is none.
 * @return also as fhir_auth_key */
fhir_err_t *fhir_auth_form_word(const char **word, fhir_auth_call_t *call);
/** Refuses a form that does not have this word. */
fhir_err_t *fhir_auth_check_form(fhir_auth_call_t *call);

/* ---- fhir_auth_people.c ---- */

/* Functions about patients return the errors of a read (fhir_service_run), and FHIR_ERR_INTERNAL
 * for a stored resource that cannot be read. */

/** A patient whom somebody may act for. */
typedef struct fhir_auth_patient_t {
    const char *id, *name, *birth_date, *gender, *identifier;
} fhir_auth_patient_t;
typedef struct fhir_auth_patients_t {
    int n;
    fhir_auth_patient_t *list;
    const char *more; /* query of the next page, or NULL */
} fhir_auth_patients_t;
/** Reads a patient; *patient NULL when it does not exist or may not be used. why: the reason, as a
 *  key of the pages' texts, or NULL. */
fhir_err_t *fhir_auth_patient(fhir_auth_patient_t **patient, const char **why,
                              const fhir_auth_call_t *call, const char *id);
/** The patients for whom a patient's user may act: itself, and those whom it represents. */
fhir_err_t *fhir_auth_own_patients(fhir_auth_patients_t *out, const char **why,
                                   const fhir_auth_call_t *call, const fhir_user_t *user);
/** Calls each for the latest visits of a patient that a member of the staff may see: id, start
 *  ("2026-11-20T…") and kind, each of which may be NULL. None when it does not see all patients. */
fhir_err_t *
fhir_auth_each_visit(const fhir_auth_call_t *call, const fhir_user_t *user, const char *patient,
                     void (*each)(void *baton, const char *id, const char *start, const char *what),
                     void *baton);
/** Finds patients by the words that a member of the staff types, among those that it may see; more:
 *  the query of a page instead of words. */
fhir_err_t *fhir_auth_find_patients(fhir_auth_patients_t *out, const fhir_auth_call_t *call,
                                    const fhir_user_t *user, const char *words, const char *more);
/** 1 if a member of the staff may choose this patient (FHIRUserAccess). */
fhir_err_t *fhir_auth_staff_may(int *may, const fhir_auth_call_t *call, const fhir_user_t *user,
                                const char *id);
/** 1 if a resource exists. */
fhir_err_t *fhir_auth_exists(int *exists, const fhir_auth_call_t *call, const char *type,
                             const char *id);

/* ---- fhir_auth_words.c ---- */

/** A scope for data in words: label, part (of the type, if it is granular) and rights. */
void fhir_auth_scope_words(fhir_view_t *view, const fhir_auth_call_t *call,
                           const fhir_scope_t *scope);

/* ---- handlers ---- */

fhir_err_t *fhir_auth_authorize(fhir_auth_call_t *call);
fhir_err_t *fhir_auth_token(fhir_auth_call_t *call);
fhir_err_t *fhir_auth_introspect(fhir_auth_call_t *call);
fhir_err_t *fhir_auth_revocation(fhir_auth_call_t *call);
fhir_err_t *fhir_auth_userinfo(fhir_auth_call_t *call);
fhir_err_t *fhir_auth_manage(fhir_auth_call_t *call);
fhir_err_t *fhir_auth_logout(fhir_auth_call_t *call);
fhir_err_t *fhir_auth_keys(fhir_auth_call_t *call);
fhir_err_t *fhir_auth_launch(fhir_auth_call_t *call);
fhir_err_t *fhir_auth_register(fhir_auth_call_t *call);
fhir_err_t *fhir_auth_registered(fhir_auth_call_t *call);
fhir_err_t *fhir_auth_smart(fhir_auth_call_t *call);
fhir_err_t *fhir_auth_openid(fhir_auth_call_t *call);
fhir_err_t *fhir_auth_help(fhir_auth_call_t *call);
fhir_err_t *fhir_auth_asset(fhir_auth_call_t *call);

/* ---- fhir_auth_sign_in.c: the pages of the way in ---- */

/** Signs a person in: password, new password, second factor. Either answers with a page (*session
 *  NULL), or gives the session. fresh: an existing session is not sufficient (prompt=login,
 *  max_age). @return as fhir_auth_sql and fhir_auth_page */
fhir_err_t *fhir_auth_sign_in(fhir_session_t **session, fhir_auth_call_t *call, int fresh,
                              const char *form_action);

/* ---- fhir_totp.c ---- */

/** The step at which a code is right (now, one before, one behind), or -1. RFC 6238, SHA-1, 30 s.
 */
apr_int64_t fhir_totp_step(const unsigned char *secret, apr_size_t len, const char *code,
                           apr_int64_t seconds);
/** A secret as authenticators take it: base32 without padding. */
const char *fhir_totp_text(const unsigned char *secret, apr_size_t len, apr_pool_t *pool);

/* ---- fhir_redirect.c ---- */

/** Why a redirect URI cannot be registered, or NULL. */
const char *fhir_redirect_fault(const char *uri, apr_pool_t *pool);
/** 1 if a URI is one of those registered: the same text; with `native` any port of a loopback
 *  address. */
int fhir_redirect_matches(const char *registered, const char *uri, int native);
/** scheme://host:port of a URI, or its scheme and a colon when it has no host. */
const char *fhir_redirect_origin(const char *uri, apr_pool_t *pool);

#endif
