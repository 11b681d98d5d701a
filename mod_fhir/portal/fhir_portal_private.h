/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_portal_private.h
 * @brief What the portals' handlers share. Each answers one address (fhir_portal.c has the list).
 *
 * Errors are those of auth/fhir_auth_private.h: a handler returns NULL if it has answered, refuses,
 * or returns the errors of the database and FHIR_ERR_INTERNAL.
 */
#ifndef FHIR_PORTAL_PRIVATE_H
#define FHIR_PORTAL_PRIVATE_H

#include <string.h>

#include "auth/fhir_auth_private.h"
#include "auth/fhir_licence.h"
#include "core/fhir_kept.h"
#include "model/fhir_uscore.h"
#include "portal/fhir_portal.h"

static inline const fhir_portal_t *fhir_portal_of(const fhir_auth_call_t *call)
{
    return call->request->portal;
}

/* ---- fhir_portal.c ---- */

/** The practice's desk, where somebody who is signed in decides. */
fhir_practice_desk_t fhir_portal_desk(const fhir_auth_call_t *call, const fhir_session_t *session);

/** Answers with a page that everybody may see and caches may keep for so many seconds. */
fhir_err_t *fhir_portal_public_page(fhir_auth_call_t *call, const char *name, fhir_view_t *view,
                                    int keep_sec);
/** A view of a signed-in page: user, form word. */
fhir_err_t *fhir_portal_view(fhir_view_t **view, fhir_auth_call_t *call,
                             const fhir_session_t *session);
/** Adds an endpoint to the list "endpoints": url, release, badge. */
fhir_view_t *fhir_portal_add_endpoint(fhir_view_t *view, const fhir_portal_endpoint_t *endpoint);
/** Reads the form of a POST and lets somebody sign in who may be here; *session NULL: answered. A
 *  form of ours is checked before *step (its _step, "" without one) is given. */
fhir_err_t *fhir_portal_enter(fhir_session_t **session, const char **step, fhir_auth_call_t *call);
/** Redirects to an address below the portal, path with its query. */
void fhir_portal_go(fhir_auth_call_t *call, const char *path);
/** Refuses: there is no such thing. */
fhir_err_t *fhir_portal_none(fhir_auth_call_t *call, const char *what);
/** Answers with a public document: ETag, 304 to who has it, any origin. */
fhir_err_t *fhir_portal_document(fhir_auth_call_t *call, const char *type, const char *text,
                                 apr_size_t len);
/** The same with a document that is kept, which lives as long as the request; compressed for who
 *  accepts that. */
void fhir_portal_kept(fhir_auth_call_t *call, const char *type, const fhir_document_t *document);

/* ---- fhir_portal_account.c ---- */

fhir_err_t *fhir_portal_join(fhir_auth_call_t *call);
fhir_err_t *fhir_portal_confirm(fhir_auth_call_t *call);
fhir_err_t *fhir_portal_reset(fhir_auth_call_t *call);
fhir_err_t *fhir_portal_password(fhir_auth_call_t *call);
fhir_err_t *fhir_portal_account(fhir_auth_call_t *call);
/** Sends an invitation to the form's email; message: what to say of it, a key of the texts. */
fhir_err_t *fhir_portal_invite(fhir_auth_call_t *call, const char **message);

/* ---- fhir_portal_app.c ---- */

fhir_err_t *fhir_portal_connect(fhir_auth_call_t *call);
fhir_err_t *fhir_portal_new_app(fhir_auth_call_t *call);
fhir_err_t *fhir_portal_app(fhir_auth_call_t *call);
fhir_err_t *fhir_portal_letter(fhir_auth_call_t *call);
fhir_err_t *fhir_portal_why(fhir_auth_call_t *call);

/* ---- fhir_portal_docs.c ---- */

fhir_err_t *fhir_portal_docs(fhir_auth_call_t *call);

/* ---- fhir_portal_docs_core.c ---- */

/** What US Core's releases expect of one thing: "SHALL", "SHOULD 3.1.1; SHALL 4.0.0 – 8.0.0"; ""
 *  when none of them mentions it, or u is NULL. */
const char *fhir_portal_expected(const fhir_uscore_t *u, const char *type, fhir_uscore_kind_t kind,
                                 const char *name, apr_pool_t *pool);
/** Adds the list "must": US Core's profiles of a type (profile, title, releases), each with its
 *  must-support elements (paths: path, since). */
void fhir_portal_must_support(fhir_view_t *view, const fhir_model_t *model, const char *type,
                              apr_pool_t *pool);

/** Adds the list "needs": US Core's profiles of a type that require elements beyond the type's own,
 *  each with them, in the form of fhir_portal_must_support. */
void fhir_portal_must_have(fhir_view_t *view, const fhir_model_t *model, const char *type,
                           apr_pool_t *pool);

/* ---- fhir_portal_docs_write.c ---- */

/** The example of a type from the sample data, as the server returns it: a line of
 *  htdocs/examples.RELEASE, a tree of its own; NULL if there is none. */
fhir_node_t *fhir_portal_example(const fhir_model_t *model, const char *type, apr_pool_t *pool);
/** A body for create that the server accepts: the example without what the server sets, or what
 *  the model requires. NULL for a type that does not exist. */
const fhir_node_t *fhir_portal_body(const fhir_model_t *model, const char *type, apr_pool_t *pool);
/** Appends a text as a JSON string. */
static inline void fhir_portal_json(fhir_buf_t *buf, const char *text)
{
    fhir_buf_json_string(buf, text, strlen(text));
}
/** Adds what create and update of a type need: body, required (path), references (text), refusals
 *  (status, text: a key), may_create, may_update, and how the endpoint is configured
 *  (checks_references, ignores_id, named_by_body). */
void fhir_portal_writing(fhir_view_t *view, const fhir_endpoint_t *endpoint, const char *type,
                         apr_pool_t *pool);

/* ---- fhir_portal_logo.c ---- */

/** 1 if a URL is that of a logo of the app that was uploaded. */
int fhir_portal_is_logo(const fhir_auth_call_t *call, const char *app, const char *url);
/** Takes the form's file as an app's logo; *why it cannot be, in English, or NULL. */
fhir_err_t *fhir_portal_save_logo(const char **why, fhir_auth_call_t *call,
                                  const fhir_session_t *session, const char *app);
fhir_err_t *fhir_portal_logo(fhir_auth_call_t *call);

/* ---- fhir_portal_licence.c ---- */

fhir_err_t *fhir_portal_licences(fhir_auth_call_t *call);
fhir_err_t *fhir_portal_licence(fhir_auth_call_t *call);

/* ---- fhir_portal_status.c ---- */

/** Adds the endpoints of a practice to the list "endpoints": as fhir_portal_add_endpoint, and up.
 *  @return as fhir_directory_practices */
fhir_err_t *fhir_portal_show_health(fhir_view_t *view, const fhir_auth_call_t *call,
                                    const char *tenant);
/** Adds the practice's endpoints whose certificates end soon, or have ended, to the list "ending":
 *  url, certificate_days, certificate_over, certificate_ends. */
void fhir_portal_show_ending(fhir_view_t *view, const fhir_auth_call_t *call);
/** Warns of what the directory does not know of the call's practice, and 45 CFR 170.404 wants: sets
 *  "unlisted" to the name of a text. @return as fhir_directory_practices */
fhir_err_t *fhir_portal_show_unlisted(fhir_view_t *view, fhir_auth_call_t *call);
fhir_err_t *fhir_portal_status(fhir_auth_call_t *call);

/* ---- fhir_portal_try.c ---- */

fhir_err_t *fhir_portal_try(fhir_auth_call_t *call);
fhir_err_t *fhir_portal_back(fhir_auth_call_t *call);

/* ---- fhir_portal_directory.c ---- */

fhir_err_t *fhir_portal_directory(fhir_auth_call_t *call);
/** The Bundles, of the endpoints of one release: R4, or the one that the path ends with. A release
 *  that does not exist is 404. */
fhir_err_t *fhir_portal_endpoints(fhir_auth_call_t *call);
fhir_err_t *fhir_portal_brands(fhir_auth_call_t *call);

#endif
