/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_convert.h
 * @brief Resources of one FHIR release as those of another: R4, which is stored, and DSTU2.
 *
 * A table has the differences between the releases (fhir_convert_table.h). An element that is not
 * in it has the same name in both, or no counterpart. Table and models are compiled once, for both
 * directions. An element without a counterpart becomes an extension
 * "http://hl7.org/fhir/[release]/StructureDefinition/extension-[path]", and becomes the element
 * again when it is sent back. An element that the target release requires and the source lacks gets
 * a data-absent-reason. Clinical values are never invented.
 * Source: HL7's structure maps R4toR3, R3toR2, R2toR3, R3toR4 (github.com/HL7/fhir-cross-version)
 */
#ifndef FHIR_CONVERT_H
#define FHIR_CONVERT_H

#include "core/fhir_node.h"
#include "fhir/fhir_issue.h"
#include "model/fhir_model.h"

/** Constant after creation, and shared by all threads. */
typedef struct fhir_convert_t fhir_convert_t;

typedef enum fhir_convert_way_t {
    FHIR_CONVERT_OUT, /* from R4 to DSTU2 */
    FHIR_CONVERT_IN   /* from DSTU2 to R4 */
} fhir_convert_way_t;

/**
 * Compiles the table.
 * @return NULL, or FHIR_ERR_INTERNAL naming the row that the models contradict
 */
fhir_err_t *fhir_convert_create(const fhir_convert_t **convert, const fhir_model_t *r4,
                                const fhir_model_t *dstu2, apr_pool_t *pool);

/** What a conversion needs to know beyond the tree. All may be NULL. */
typedef struct fhir_convert_env_t {
    const char *dstu2_base;      /* URL, no slash at the end: absolute references below it become
                                    relative on the way in */
    const char *const *r4_bases; /* URLs, no slash at the end; ends with NULL: references below
                                    one become references below dstu2_base */
    /** The practitioner of a PractitionerRole as reference ("Practitioner/7"), or NULL: DSTU2 has
     *  no such resource. */
    const char *(*practitioner)(void *baton, const char *role_id, apr_size_t len);
    /** 1 if a resource of R4, of a type with `when` (fhir_convert_type_t), is not shown. */
    int (*is_unshown)(void *baton, const char *type, const char *id, apr_size_t len);
    void *baton;
    fhir_issues_t *issues; /* gets a finding for each required element whose value has no
                              counterpart; offset is the `line` of its node. NULL: such an
                              element gets the data-absent-reason "unsupported" */
} fhir_convert_env_t;

/**
 * Converts a resource, and those contained in it. The tree is changed and must not be used
 * afterwards.
 * @param as the wanted type, if a type becomes several ("MedicationStatement" for a
 *           MedicationRequest), or NULL: the usual one. Types that never become `as` also get
 *           their usual one
 * @return NULL when the type has no counterpart
 */
fhir_node_t *fhir_convert_resource(const fhir_convert_t *convert, fhir_convert_way_t way,
                                   const char *as, const fhir_convert_env_t *env,
                                   fhir_node_t *resource, apr_pool_t *pool);

/** 1 if this resource of R4 is shown as its type says (`as` as above): it meets
 *  fhir_convert_type_t.when. */
int fhir_convert_shows(const char *as, const fhir_node_t *resource, apr_pool_t *pool);

/**
 * The result of an update by a client of DSTU2. Elements that the client could not see, or saw only
 * in part, stay as they are stored, unless the client changed the part that it saw. It may drop the
 * extensions that showed them.
 * @param stored the stored resource, in R4
 * @param spoken the client's resource, in DSTU2. Both trees are changed
 * @return the resource to store, or NULL when the type has no counterpart
 */
fhir_node_t *fhir_convert_update(const fhir_convert_t *convert, const fhir_convert_env_t *env,
                                 fhir_node_t *stored, fhir_node_t *spoken, apr_pool_t *pool);

/** A PractitionerRole as an item of DSTU2's Practitioner.practitionerRole, with the members that
 *  this has; NULL for one that is not active. The tree is changed. */
fhir_node_t *fhir_convert_role(const fhir_convert_t *convert, const fhir_convert_env_t *env,
                               fhir_node_t *role, apr_pool_t *pool);

/** Converts a token's system and code to those of the other release. */
void fhir_convert_token(const fhir_convert_t *convert, fhir_convert_way_t way, const char **system,
                        const char **code, apr_pool_t *pool);

/** A type and its counterpart. */
typedef struct fhir_convert_type_t {
    const char *r4, *dstu2; /* resource types */
    const char *prefix;     /* ids in DSTU2 are those of R4 with this before them ("ct-"), or "" */
    int contained;          /* only as a contained resource: not served */
    const char *when;       /* tests (fhir_convert_table.h) that a resource of R4 must meet to be
                               shown as this type, or NULL */
} fhir_convert_type_t;
/** The longest id of a resource that is shown as this type: with its prefix it is an id of DSTU2.
 */
apr_size_t fhir_convert_id_max(const fhir_convert_type_t *type);
/** The resource types that both have; ends with a row of NULLs. The first row with a name is its
 *  usual counterpart. */
extern const fhir_convert_type_t fhir_convert_types[];

#endif
