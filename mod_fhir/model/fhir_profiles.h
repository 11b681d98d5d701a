/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_profiles.h
 * @brief Profiles, extensions, invariants and value sets as data, written by tools/fhirgen: R4's
 *        own and those of all US Core releases.
 *
 * As in fhir_model.h all refers by index or by offset into a string pool of its own, and index 0
 * is a dummy. A *run* is a place in runs[]: a count and that many indexes; run 0 is empty. A
 * profile is a tree of nodes that hold only what it adds to the base definition, and equal trees
 * are stored once, so that the releases of a profile share most of theirs.
 * Source: http://hl7.org/fhir/R4/profiling.html, elementdefinition.html
 */
#ifndef FHIR_PROFILES_H
#define FHIR_PROFILES_H

#include "model/fhir_model.h"

#define FHIR_PROFILE_MODIFIER 0x01u /* an extension that changes what holds it */
/** One StructureDefinition. Sorted by url, newest version first. */
typedef struct fhir_profile_t {
    apr_uint32_t url, version, title;
    apr_uint32_t base;               /* url that it derives from */
    apr_uint16_t contexts;           /* extensions: run of contexts[]: where they may stand */
    apr_uint16_t context_invariants; /* extensions: run of invariants[], on what holds them */
    apr_uint16_t type;               /* model type that is constrained */
    apr_uint16_t root;               /* node; 0: nothing is added */
    apr_uint16_t flags;              /* FHIR_PROFILE_… */
} fhir_profile_t;

#define FHIR_NODE_MUST_SUPPORT 0x01u
/** One element, or one slice of an element, below its parent. */
typedef struct fhir_pnode_t {
    apr_uint32_t name;       /* FHIRPath's name of the element ("value"); 0 at a root */
    apr_uint32_t slice;      /* slice name, or 0 */
    apr_uint32_t fixed;      /* JSON text that each value equals, or 0 */
    apr_uint32_t pattern;    /* JSON text that each value contains, or 0 */
    apr_uint16_t children;   /* run of nodes */
    apr_uint16_t slices;     /* run of nodes with the same name */
    apr_uint16_t types;      /* run of ptypes[]; none: those of the base */
    apr_uint16_t invariants; /* run */
    apr_uint16_t min, max;   /* FHIR_EL_MAX_UNBOUNDED is * */
    apr_uint16_t binding;    /* or 0 */
    apr_uint16_t slicing;    /* or 0 */
    apr_uint16_t flags;      /* FHIR_NODE_MUST_SUPPORT */
} fhir_pnode_t;

/** One type that an element may have. */
typedef struct fhir_ptype_t {
    apr_uint16_t profiles; /* run of canonicals[]: the value conforms to one of them */
    apr_uint16_t targets;  /* run of canonicals[]: what a reference may point at; none: any */
    apr_uint16_t type;
} fhir_ptype_t;

typedef enum fhir_slicing_rules_t {
    FHIR_SLICING_OPEN,
    FHIR_SLICING_CLOSED,
    FHIR_SLICING_OPEN_AT_END
} fhir_slicing_rules_t;
/** How the items of an element fall into slices. */
typedef struct fhir_slicing_t {
    apr_uint16_t discriminators; /* run */
    apr_uint16_t rules;          /* fhir_slicing_rules_t */
    apr_uint16_t ordered;
} fhir_slicing_t;

typedef enum fhir_discriminator_kind_t {
    FHIR_DISCRIMINATOR_VALUE, /* and pattern: fixed, pattern or required binding at the path */
    FHIR_DISCRIMINATOR_EXISTS,
    FHIR_DISCRIMINATOR_TYPE,
    FHIR_DISCRIMINATOR_PROFILE
} fhir_discriminator_kind_t;
typedef struct fhir_discriminator_t {
    apr_uint32_t path; /* FHIRPath subset: "$this", "coding.code", "resolve().code" */
    apr_uint16_t kind;
} fhir_discriminator_t;

/** An invariant; sorted by nothing, equal ones are one. */
typedef struct fhir_invariant_t {
    apr_uint32_t key, human, expression;
    apr_uint16_t warning; /* 1: not an error */
} fhir_invariant_t;

#define FHIR_STRENGTH_REQUIRED   1
#define FHIR_STRENGTH_EXTENSIBLE 2
typedef struct fhir_pbinding_t {
    apr_uint32_t url;      /* canonical of the value set, as bound */
    apr_uint16_t set;      /* or 0: not known */
    apr_uint16_t strength; /* FHIR_STRENGTH_… */
} fhir_pbinding_t;

/** A value set of a release. Sorted by url, newest release first. */
typedef struct fhir_pset_t {
    apr_uint32_t url;
    apr_uint32_t version;     /* of the release: "4.0.1", "8.0.0" */
    apr_uint32_t name, title; /* for programs, for people */
    apr_uint16_t parts;       /* run; one part for each system */
} fhir_pset_t;

typedef enum fhir_rest_t {
    FHIR_REST_OUT,     /* all other codes of the system are out */
    FHIR_REST_IN,      /* the whole system; its content is not here */
    FHIR_REST_UNKNOWN, /* a filter that cannot be run without the system's content */
    FHIR_REST_CARRIED  /* the whole system, as carried: all of its codes, and no others */
} fhir_rest_t;
#define FHIR_ANY_SYSTEM "*"
typedef struct fhir_psetpart_t {
    apr_uint32_t system;             /* FHIR_ANY_SYSTEM: nothing at all can be told */
    apr_uint16_t first_code, n_code; /* in codes[], sorted by bytes: these are in */
    apr_uint16_t rest;               /* fhir_rest_t */
} fhir_psetpart_t;

/** A code that a value set lists. */
typedef struct fhir_pcode_t {
    apr_uint32_t code, display; /* 0: it has none */
} fhir_pcode_t;

/** What the base definitions say of an element beyond fhir_element_t. */
typedef struct fhir_rule_t {
    apr_uint16_t invariants; /* run */
    apr_uint16_t profiles;   /* run of canonicals[]: SimpleQuantity, MoneyQuantity */
    apr_uint16_t binding;    /* extensible, or 0 */
} fhir_rule_t;

#define FHIR_SYSTEM_HIERARCHY 0x01u /* some codes are below others */
/** A code system whose codes are all known. Sorted by url. */
typedef struct fhir_psystem_t {
    apr_uint32_t url, name, version;
    apr_uint16_t first, n; /* in concepts[] and by_code[] */
    apr_uint16_t flags;    /* FHIR_SYSTEM_HIERARCHY */
} fhir_psystem_t;
#define FHIR_CONCEPT_ABSTRACT 0x01u /* groups others, is not for use itself */
/** A code of a system; those below it follow, with greater depth. A code below two others stands
 *  twice. */
typedef struct fhir_pconcept_t {
    apr_uint32_t code, display;
    apr_uint16_t depth; /* 0 at the top */
    apr_uint16_t flags; /* FHIR_CONCEPT_ABSTRACT */
} fhir_pconcept_t;

typedef struct fhir_profiles_t {
    const char *strings;
    const fhir_profile_t *profiles;
    const fhir_pnode_t *nodes;
    const fhir_ptype_t *types;
    const fhir_slicing_t *slicings;
    const fhir_discriminator_t *discriminators;
    const apr_uint32_t *canonicals;
    const fhir_invariant_t *invariants;
    const fhir_pbinding_t *bindings;
    const fhir_pset_t *sets;
    const fhir_psetpart_t *parts;
    const fhir_pcode_t *codes;
    const apr_uint32_t *contexts; /* "Patient", "Element", "Observation.component.value[x]" */
    const fhir_rule_t *rules;
    const apr_uint16_t *type_rules;    /* by model type: run of its invariants */
    const apr_uint16_t *element_rules; /* by model element: rules[] index or 0 */
    const apr_uint16_t *runs;
    const fhir_psystem_t *systems;
    const fhir_pconcept_t *concepts;
    const apr_uint16_t *by_code; /* indexes of concepts[], of each system sorted by code's bytes */
    apr_uint16_t n_profiles, n_invariants, n_discriminators, n_sets, n_nodes, n_systems;
} fhir_profiles_t;

/** Those of R4 4.0.1 with US Core 3.1.1, 4.0.0, 5.0.1, 6.1.0, 7.0.0 and 8.0.0. */
extern const fhir_profiles_t fhir_profiles_r4;

/** The profiles of a model, or NULL when there are none (DSTU2). */
const fhir_profiles_t *fhir_profiles_of(const fhir_model_t *model);

static inline const char *fhir_profiles_str(const fhir_profiles_t *p, apr_uint32_t offset)
{
    return p->strings + offset;
}

/** The items of a run. */
static inline const apr_uint16_t *fhir_profiles_run(int *n, const fhir_profiles_t *p,
                                                    apr_uint16_t run)
{
    *n = p->runs[run];
    return p->runs + run + 1;
}

/**
 * A profile by canonical URL, "url" or "url|version". Without a version: that of `release` when
 * the profile has one of it, else the newest.
 * @param release a version such as "6.1.0", or NULL
 * @return NULL when there is no such profile or version
 */
const fhir_profile_t *fhir_profiles_find(const fhir_profiles_t *p, const char *canonical,
                                         apr_size_t len, const char *release);

/** The next older version of the same profile, or NULL. */
const fhir_profile_t *fhir_profiles_older(const fhir_profiles_t *p, const fhir_profile_t *profile);

/** What is known of a code and a value set. */
typedef enum fhir_member_t { FHIR_MEMBER_NO, FHIR_MEMBER_YES, FHIR_MEMBER_UNKNOWN } fhir_member_t;

/** Is the code in the set? @param system NULL: in any system (type code), "" : there is none */
fhir_member_t fhir_profiles_member(const fhir_profiles_t *p, apr_uint16_t set, const char *system,
                                   apr_size_t system_len, const char *code, apr_size_t len);

/** A code system whose codes are all known, by its URL, or NULL. */
const fhir_psystem_t *fhir_profiles_system(const fhir_profiles_t *p, const char *url,
                                           apr_size_t len);
/** A code of a system, the first where it stands twice, or NULL. */
const fhir_pconcept_t *fhir_profiles_concept(const fhir_profiles_t *p, const fhir_psystem_t *system,
                                             const char *code, apr_size_t len);

/**
 * A value set by canonical URL, "url" or "url|version". Without a version: that of `release` when
 * its content is carried, else the newest whose content is carried, else the newest. The same when
 * the version that is named is not carried.
 * @param release a version such as "6.1.0", or NULL
 * @return 0 when no value set has this URL
 */
apr_uint16_t fhir_profiles_set(const fhir_profiles_t *p, const char *canonical, apr_size_t len,
                               const char *release);

#endif
