/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_terms.h
 * @brief Code systems and value sets, compiled in or stored, and their codes.
 *
 * A compiled-in one is used first. Among stored resources with one URL, the last changed one that
 * the request's grant shows is used. A code system is known if all its codes are here (content
 * "complete"). A value set may be known in part. It then has rests: systems of which all other
 * codes are members, or of which membership is unknown.
 *
 * Not supported: versions of code systems and of stored value sets, supplements, filters by regex.
 * Source: http://hl7.org/fhir/R4/valueset.html#compositions, codesystem.html
 */
#ifndef FHIR_TERMS_H
#define FHIR_TERMS_H

#include <apr_hash.h>
#include <apr_tables.h>

#include "fhir/fhir_call.h"
#include "model/fhir_profiles.h"

/** One code. A text is NULL when it is not given. */
typedef struct fhir_concept_t {
    const char *system, *code, *display;
    const fhir_node_t *defined; /* the concept in a stored CodeSystem, or NULL */
    const fhir_node_t *listed;  /* the concept in compose.include or expansion.contains, or NULL */
    apr_byte_t abstract;        /* abstract: it groups others, and is not to be used itself */
    apr_byte_t inactive;
} fhir_concept_t;

/** Concepts by a neighbour in the hierarchy: those of i are list[first[i]] up to list[first[i +
 * 1]]. */
typedef struct fhir_kin_t {
    int *first, *list;
} fhir_kin_t;

typedef struct fhir_codesystem_t {
    const char *url, *version, *name;
    apr_array_header_t *concepts; /* fhir_concept_t *, in the order of the definition, each once */
    apr_array_header_t *edges;    /* int[2]: a concept and one above it */
    fhir_kin_t above, below;
    apr_hash_t *by_code; /* index of a concept, + 1 */
    int fold;            /* upper and lower case are the same */
    int has_properties;  /* the hierarchy is known; not for compiled-in ones */
} fhir_codesystem_t;

/** The codes of a system (NULL: of any) that a set does not list. */
typedef struct fhir_rests_t {
    const char *system;
    fhir_rest_t rest; /* FHIR_REST_IN, FHIR_REST_UNKNOWN */
} fhir_rests_t;

typedef struct fhir_conceptset_t {
    const char *url, *version, *name, *title;
    apr_array_header_t *concepts; /* fhir_concept_t *, in order; NULL: excluded later */
    apr_array_header_t *rests;    /* fhir_rests_t */
    apr_hash_t *by_code;          /* "system\ncode": index of a concept, + 1 */
    apr_hash_t *by_name;          /* code alone: index of its first concept, + 1 */
    apr_hash_t *excluded;         /* "system\ncode": excluded, whatever the rests say */
} fhir_conceptset_t;

struct fhir_resolving_t;
/** The terminology of one request; look-ups are cached in it. */
typedef struct fhir_terms_t fhir_terms_t;

/** @param call   its endpoint's limits.codes_max limits what all sets together have
 *  @param within NULL, or the scopes that are being resolved (fhir_resolve.h) */
fhir_terms_t *fhir_terms_create(const fhir_call_t *call, const struct fhir_resolving_t *within);

/** What is looked up: one of these. */
typedef struct fhir_terms_source_t {
    const char *id;  /* of a stored resource (or a carried one's) */
    const char *url; /* canonical; a version behind '|' is looked at for carried value sets */
    const fhir_node_t *root; /* the resource itself */
} fhir_terms_source_t;

/** A code system; NULL when it is not known or not all of its codes are here.
 *  @return NULL, or as fhir_terms_load */
fhir_err_t *fhir_terms_system(const fhir_codesystem_t **system, fhir_terms_t *terms,
                              const fhir_terms_source_t *source);
/**
 * A value set; NULL when there is no such one.
 * @return FHIR_ERR_LIMIT for too many codes, or sets within sets; or as fhir_terms_load
 */
fhir_err_t *fhir_terms_set(const fhir_conceptset_t **set, fhir_terms_t *terms,
                           const fhir_terms_source_t *source);
/** The newest stored resource of a type with that id or URL that the grant shows, or NULL.
 *  @return NULL; as fhir_grant_resolve, fhir_call_ask and fhir_node_parse_json */
fhir_err_t *fhir_terms_load(const fhir_node_t **root, const fhir_call_t *call, const char *type,
                            const fhir_terms_source_t *source);

/** The URL of the compiled-in ValueSet or CodeSystem (type) with this id, the last part of its URL;
 * or NULL. */
const char *fhir_terms_carried_url(const fhir_call_t *call, const char *type, const char *id);
/** A compiled-in ValueSet or CodeSystem (type) as a resource; NULL when there is none with this URL
 * (or NULL), or its members cannot all be determined. */
fhir_buf_t *fhir_terms_carried(const fhir_call_t *call, const char *type, const char *url);

/** A concept of a code system, or NULL; index may be NULL. */
const fhir_concept_t *fhir_terms_concept(int *index, const fhir_codesystem_t *system,
                                         const char *code);
/** Marks by index: 1 for a concept and all that are above or below it. */
const char *fhir_terms_kin(const fhir_codesystem_t *system, int index, int above, apr_pool_t *pool);
/** 1 if a concept is another one or below it, by their indexes. */
int fhir_terms_is_a(const fhir_codesystem_t *system, int index, int above, apr_pool_t *pool);
/** The first property of a stored concept behind *after (NULL: the first one) that has this code:
 * its value. *after moves on. */
const fhir_node_t *fhir_terms_property(const fhir_node_t *concept, const fhir_node_t **after,
                                       const char *code);
/** Is a code in a set? @param system NULL: in any; @param found its concept if it is listed, or
 * NULL */
fhir_member_t fhir_terms_member(const fhir_concept_t **found, const fhir_conceptset_t *set,
                                const char *system, const char *code);
/** The first rest for which a set cannot be listed, or NULL. */
const fhir_rests_t *fhir_terms_unlisted(const fhir_conceptset_t *set);

/** The display in a language (BCP 47; NULL: the given display); NULL if there is none in that
 * language. */
const char *fhir_terms_display(const fhir_concept_t *concept, const char *language,
                               apr_pool_t *pool);
/** 1 if a text is the display of a concept or one of its designations, ignoring case and blanks. */
int fhir_terms_has_display(const fhir_concept_t *concept, const char *text, apr_pool_t *pool);

/** Stored value sets for the validator (fhir_validate_opts_t.member). */
typedef struct fhir_terms_asked_t {
    fhir_terms_t *terms;
    fhir_err_t *err; /* the first error; from then on the result is always unknown */
} fhir_terms_asked_t;
fhir_member_t fhir_terms_asked(void *baton, const char *url, const char *system, const char *code);

#endif
