/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_validate_private.h
 * @brief What the files of the validator share: what is compiled, and the state of one run.
 */
#ifndef FHIR_VALIDATE_PRIVATE_H
#define FHIR_VALIDATE_PRIVATE_H

#include <apr_hash.h>

#include "fhir/validate/fhir_validate.h"

struct fhir_validator_t {
    const fhir_model_t *model;
    const fhir_profiles_t *profiles;                  /* NULL: none for this model */
    const fhir_path_t *const *invariants;             /* by index in profiles->invariants */
    const fhir_path_t *const *discriminators;         /* by index in profiles->discriminators */
    const fhir_node_t *const *fixed, *const *pattern; /* by node: parsed, or NULL */
    const fhir_type_t *element_type;                  /* "Element" */
    apr_uint16_t extension, reference, codeable, coding, quantity; /* types */
};

typedef struct fhir_walk_t {
    const fhir_validator_t *v;
    const fhir_validate_opts_t *opts;
    fhir_issues_t *issues;
    fhir_path_env_t env;
    const char *release;  /* that canonicals without a version mean: of the profile in hand, of the
                             profiles that the resource claims, of opts; NULL: any */
    int depth;            /* profiles within profiles */
    int following;        /* inside of a reference's target: references are not followed again */
    int quiet;            /* only whether it conforms is asked */
    apr_hash_t *urls;     /* of a Bundle's resources, or NULL: not made yet */
    apr_hash_t *fits;     /* what target fits which profile, or NULL */
    apr_pool_t *run_pool; /* of the run */
    apr_pool_t *pool;     /* of items */
    apr_pool_t *eval;     /* of one evaluation */
} fhir_walk_t;

typedef const fhir_path_item_t *fhir_item_t;
/** Items found below another one. */
typedef struct fhir_items_t {
    fhir_item_t *list;
    int n, size;
} fhir_items_t;

/** A finding at an item; one that is there already is not added again. */
void fhir_walk_finding(fhir_walk_t *w, fhir_item_t item, fhir_severity_t severity, fhir_code_t code,
                       const char *id, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/** The items of one element by FHIRPath's name, appended. */
void fhir_walk_children(fhir_items_t *items, fhir_walk_t *w, fhir_item_t item, const char *name);
/** Text of a member of an object, or NULL. */
const char *fhir_walk_text(apr_size_t *len, const fhir_node_t *object, const char *name);

/** 1 if the absence of a node's items is to be reported. */
static inline int fhir_walk_wants(const fhir_walk_t *w, const fhir_pnode_t *node)
{
    return node->flags & FHIR_NODE_MUST_SUPPORT && w->opts->information & FHIR_VALIDATE_ABSENT;
}

/** Runs a run of invariants on an item. */
void fhir_invariants_hold(fhir_walk_t *w, fhir_item_t item, apr_uint16_t run);
/** Compiles all invariants and discriminators. @return as fhir_validator_create */
fhir_err_t *fhir_invariants_compile(fhir_validator_t *v, apr_pool_t *pool);

/** An item against a profile; findings are those of the item and what is below. */
void fhir_profile_hold(fhir_walk_t *w, fhir_item_t item, const fhir_profile_t *profile);
/** Holds an item against a profile without findings: 1 if there is no error. */
int fhir_walk_fits(fhir_walk_t *w, fhir_item_t item, const fhir_profile_t *profile,
                   void (*hold)(fhir_walk_t *w, fhir_item_t item, const fhir_profile_t *profile));
/** The same with fhir_profile_hold. */
int fhir_profile_fits(fhir_walk_t *w, fhir_item_t item, const fhir_profile_t *profile);
/** The node of this name in a run of nodes, or NULL. */
const fhir_pnode_t *fhir_pnode_named(const fhir_walk_t *w, apr_uint16_t run, const char *name,
                                     apr_size_t len);
/** 1 if a type is another one or derives from it. */
int fhir_walk_is_a(const fhir_walk_t *w, apr_uint16_t type, apr_uint16_t ancestor);
/** An item against a node: value, type, binding, invariants and all below. */
void fhir_profile_node(fhir_walk_t *w, fhir_item_t item, const fhir_pnode_t *node);
/** A profile by canonical, in the release in hand; NULL when it is not known. */
const fhir_profile_t *fhir_profile_find(const fhir_walk_t *w, const char *canonical);
/** The base type that a canonical names, or NULL. */
const fhir_type_t *fhir_profile_base_type(const fhir_walk_t *w, const char *canonical);

/** The slices of an element's items: cardinality, rules, and each item against its slice. */
void fhir_slices_hold(fhir_walk_t *w, fhir_item_t parent, const fhir_items_t *items,
                      const fhir_pnode_t *node);

/** A value against fixed and pattern of a node: 1 if it holds (or there is neither). */
int fhir_profile_value_fits(const fhir_walk_t *w, const fhir_pnode_t *node, fhir_item_t item);
/** What a value set (its index, or 0, and its canonical) says of a coded item. */
fhir_member_t fhir_binding_member(const fhir_walk_t *w, apr_uint16_t set, const char *url,
                                  fhir_item_t item);
/** A Coding or Quantity against its code system: is there such a code, and is the display its own?
 */
void fhir_coding_hold(fhir_walk_t *w, fhir_item_t item);
/** A coded item against a binding. */
void fhir_binding_hold(fhir_walk_t *w, fhir_item_t item, apr_uint16_t binding);
/** A reference against the profiles that its target may have. */
void fhir_target_hold(fhir_walk_t *w, fhir_item_t item, apr_uint16_t targets);
/** An extension: its url, its definition, and where it may stand. */
void fhir_extension_hold(fhir_walk_t *w, fhir_item_t item);

#endif
