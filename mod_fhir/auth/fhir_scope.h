/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_scope.h
 * @brief SMART's scopes, as words and as grants: v1 (patient/Observation.read), v2
 *        (patient/Observation.rs?category=…), mixed in one request.
 *
 * A scope that is not understood is never an error of the whole request: it is omitted, and
 * reported in `ignored`.
 * Source: https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html (2.2.0),
 * http://hl7.org/fhir/smart-app-launch/1.0.0/scopes-and-launch-context/
 */
#ifndef FHIR_SCOPE_H
#define FHIR_SCOPE_H

#include <apr_pools.h>

#include "core/fhir_buf.h"
#include "fhir/query/fhir_grant.h"
#include "model/fhir_model.h"

#define FHIR_SCOPE_TEXT_MAX 16384 /* bytes of a scope parameter */
#define FHIR_SCOPES_MAX     400   /* scopes in one request */

typedef enum fhir_scope_kind_t {
    FHIR_SCOPE_SPECIAL, /* openid, launch/patient, offline_access, … */
    FHIR_SCOPE_PATIENT, /* patient/… */
    FHIR_SCOPE_USER,
    FHIR_SCOPE_SYSTEM
} fhir_scope_kind_t;

/** X(NAME, the scope) */
#define FHIR_SCOPE_WORDS(X)                                                                        \
    X(OPENID, "openid")                                                                            \
    X(PROFILE, "profile")                                                                          \
    X(FHIR_USER, "fhirUser")                                                                       \
    X(LAUNCH, "launch")                                                                            \
    X(LAUNCH_PATIENT, "launch/patient")                                                            \
    X(LAUNCH_ENCOUNTER, "launch/encounter")                                                        \
    X(OFFLINE, "offline_access")                                                                   \
    X(ONLINE, "online_access")
typedef enum fhir_scope_word_t {
#define FHIR_SCOPE_WORD_ENUM(name, text) FHIR_SCOPE_##name,
    FHIR_SCOPE_WORDS(FHIR_SCOPE_WORD_ENUM)
#undef FHIR_SCOPE_WORD_ENUM
        FHIR_SCOPE_WORD_COUNT
} fhir_scope_word_t;

typedef struct fhir_scope_t {
    fhir_scope_kind_t kind;
    fhir_scope_word_t word; /* of a special one */
    const char *type;       /* resource type, or "*" */
    unsigned rights;        /* FHIR_RIGHT_… */
    int v1;                 /* written .read, .write or .* */
    const char *query;      /* granular: as written, or NULL */
    const char *text;       /* the scope in full */
} fhir_scope_t;

typedef struct fhir_scopes_t {
    int n;
    fhir_scope_t *list; /* in the order written; each once */
    /** The omitted scopes: "word: reason", separated by newlines; "" if there are none. */
    const char *ignored;
} fhir_scopes_t;

/**
 * Parses scopes separated by blanks. text may be NULL.
 * @param model has the resource types and search parameters of the endpoint's clients; NULL: types
 *              of any release are valid
 * @return NULL, or FHIR_ERR_PARAM_VALUE when the text exceeds a limit, or has bytes that RFC 6749
 *         (3.3) does not allow
 */
fhir_err_t *fhir_scopes_parse(fhir_scopes_t *out, const char *text, const fhir_model_t *model,
                              apr_pool_t *pool);
/** The scopes in one line, separated by blanks. */
const char *fhir_scopes_print(const fhir_scopes_t *scopes, apr_pool_t *pool);
/** 1 if the special scope is among them. */
int fhir_scopes_has(const fhir_scopes_t *scopes, fhir_scope_word_t word);

/** The part of `asked` that lies within `allowed`: rights and types that both have, under the
 *  conditions of both. A scope that is allowed as a whole keeps its text. Scopes beyond
 *  FHIR_SCOPES_MAX, or beyond FHIR_SCOPE_TEXT_MAX bytes when printed, are omitted. */
void fhir_scopes_within(fhir_scopes_t *out, const fhir_scopes_t *asked,
                        const fhir_scopes_t *allowed, apr_pool_t *pool);
/** 1 if every scope of `few` is in `many`, with the same conditions or more. Otherwise *beyond is
 * the first one that is not. */
int fhir_scopes_cover(const fhir_scopes_t *many, const fhir_scopes_t *few, const char **beyond);
/** The scopes for which `drop` returns 0. */
void fhir_scopes_filter(fhir_scopes_t *out, const fhir_scopes_t *in,
                        int (*drop)(const fhir_scope_t *scope, const void *baton),
                        const void *baton, apr_pool_t *pool);
/** Appends one. */
void fhir_scopes_add(fhir_scopes_t *scopes, const fhir_scope_t *scope, apr_pool_t *pool);
/** A new scope. Its text has the form of v1 if `v1` is set and v1 has such a scope. */
fhir_scope_t fhir_scope_make(fhir_scope_kind_t kind, const char *type, unsigned rights, int v1,
                             const char *query, apr_pool_t *pool);

/** The rights as letters, in the order c r u d s. */
const char *fhir_scope_letters(unsigned rights, apr_pool_t *pool);

/** A US Core part of a type that people may grant by itself.
 *  Source: http://hl7.org/fhir/us/core/STU7/scopes.html */
typedef struct fhir_scope_part_t {
    const char *type, *query;
    const char *label; /* key of the pages' texts */
} fhir_scope_part_t;
/** The parts of all types; ends with a NULL type. */
extern const fhir_scope_part_t fhir_scope_parts[];

#endif
