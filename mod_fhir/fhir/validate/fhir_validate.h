/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_validate.h
 * @brief A resource against all that is known of FHIR: the base model, invariants, extensions and
 *        profiles.
 *
 * A validator holds what is compiled once; it is constant and shared by all threads. Terminology
 * that is not carried is never guessed: such codes are reported as information, not as an error.
 * Source: http://hl7.org/fhir/R4/validation.html, profiling.html
 */
#ifndef FHIR_VALIDATE_H
#define FHIR_VALIDATE_H

#include "fhir/fhir_issue.h"
#include "fhir/fhirpath/fhir_path.h"
#include "fhir/validate/fhir_check.h"
#include "model/fhir_profiles.h"

/** How much is validated; each level includes those before it. */
typedef enum fhir_validate_level_t {
    FHIR_VALIDATE_STRUCTURE, /* fhir_check.h alone */
    FHIR_VALIDATE_BASE,      /* and R4's invariants of level error */
    FHIR_VALIDATE_PROFILE    /* and warnings, extensions, extensible bindings, profiles */
} fhir_validate_level_t;

typedef struct fhir_validator_t fhir_validator_t;

#define FHIR_VALIDATE_UNJUDGED                                                                     \
    0x01                          /* tells profiles, extensions and codes that cannot be judged    \
                                   */
#define FHIR_VALIDATE_ABSENT 0x02 /* tells must-support elements that are not there */

typedef struct fhir_validate_opts_t {
    fhir_validate_level_t level;
    const char *const *profiles; /* canonicals ("url" or "url|version") that the resource is
                                    validated against, besides those of meta.profile */
    int n_profiles;
    const char *release; /* US Core's version for canonicals without one; NULL: what a resource
                            claims with a version, else any one that it holds against */
    int information;     /* FHIR_VALIDATE_UNJUDGED, FHIR_VALIDATE_ABSENT */
    int max_steps;       /* of one invariant; 0: 200,000 */
    const fhir_node_limits_t *limits; /* as of fhir_check_resource */
    /** Is a code in a value set whose codes are not all carried? NULL: nobody can tell.
     *  @param url canonical, as bound; @param system NULL: any (type code), "": none */
    fhir_member_t (*member)(void *baton, const char *url, const char *system, const char *code);
    void *baton; /* of member */
} fhir_validate_opts_t;

/** Compiles the invariants of a model; a model without profiles (DSTU2) has structure only.
 *  @return NULL, or the error of an expression of the model, as fhir_path_compile */
fhir_err_t *fhir_validator_create(fhir_validator_t **validator, const fhir_model_t *model,
                                  apr_pool_t *pool);

/**
 * Validates a resource and all in it.
 * @param type as of fhir_check_resource
 * @param opts NULL: level profile, nothing else
 */
void fhir_validate_resource(fhir_issues_t *issues, const fhir_type_t **type,
                            const fhir_validator_t *validator, const fhir_validate_opts_t *opts,
                            const fhir_node_t *resource);

/** NULL if profiles of this US Core release are carried, else what is wrong with it. */
const char *fhir_validate_release_fault(const fhir_model_t *model, const char *release,
                                        apr_pool_t *pool);

/** A level by name ("structure", "base", "profile"); 0 when there is none of that name. */
int fhir_validate_level(fhir_validate_level_t *level, const char *name);

#endif
