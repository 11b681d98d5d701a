/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_convert.h
 * @brief Resources of one FHIR release as those of another: R4, which is stored, and DSTU2.
 *
 * What differs between the releases is a table (fhir_convert_table.h); what is not in it has the
 * same name in both or no counterpart. The machine compiles table and models once, for both ways,
 * and then walks trees. An element without counterpart becomes an extension
 * "http://hl7.org/fhir/[release]/StructureDefinition/extension-[path]" and turns back into the
 * element when it comes in again. What the target release requires and the source has not gets a
 * data-absent-reason. Clinical values are never made up.
 * Source: HL7's structure maps R4toR3, R3toR2, R2toR3, R3toR4 (github.com/HL7/fhir-cross-version)
 */
#ifndef FHIR_CONVERT_H
#define FHIR_CONVERT_H

#include "core/fhir_node.h"
#include "fhir/fhir_issue.h"
#include "model/fhir_model.h"

/** Constant once it is made, and shared by all threads. */
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
    const char *dstu2_base; /* URL, no slash at the end: absolute references below it come in as
                               relative ones */
    const char *const *r4_bases; /* URLs likewise, ends with NULL: references below one become
                                    such below dstu2_base */
    /** The practitioner of a PractitionerRole as reference ("Practitioner/7"), or NULL: DSTU2 has
     *  no such resource. */
    const char *(*practitioner)(void *baton, const char *role_id, apr_size_t len);
    void *baton;
    fhir_issues_t *issues; /* what is required and came with a value that there is no counterpart
                              of; offset is the `line` of its node. NULL: such is "unsupported" */
} fhir_convert_env_t;

/**
 * Converts a resource, and those contained in it. The tree is changed and must not be used after.
 * @param as the type wanted where one becomes several ("MedicationStatement" of a
 *           MedicationRequest), or NULL: the usual one, as is for types that never become `as`
 * @return NULL when the type has no counterpart
 */
fhir_node_t *fhir_convert_resource(const fhir_convert_t *convert, fhir_convert_way_t way,
                                   const char *as, const fhir_convert_env_t *env,
                                   fhir_node_t *resource, apr_pool_t *pool);

/** 1 if a resource of R4 is shown as its type is (`as` as above): see fhir_convert_type_t.when. */
int fhir_convert_shows(const char *as, const fhir_node_t *resource, apr_pool_t *pool);

/**
 * An update: what a client of DSTU2 wants a stored resource to be. Elements that it could not see,
 * or saw as less than they are, stay as they are stored unless it changed what it saw of them; it
 * may drop the extensions that showed them.
 * @param stored R4, as it is; spoken DSTU2, as it came. Both trees are changed
 * @return the resource to be stored, or NULL when the type has no counterpart
 */
fhir_node_t *fhir_convert_update(const fhir_convert_t *convert, const fhir_convert_env_t *env,
                                 fhir_node_t *stored, fhir_node_t *spoken, apr_pool_t *pool);

/** A PractitionerRole as an item of DSTU2's Practitioner.practitionerRole, with what that has; NULL
 *  for one that is not active. The tree is changed. */
fhir_node_t *fhir_convert_role(const fhir_convert_t *convert, const fhir_convert_env_t *env,
                               fhir_node_t *role, apr_pool_t *pool);

/** A token's system and code in the other release's words. */
void fhir_convert_token(const fhir_convert_t *convert, fhir_convert_way_t way, const char **system,
                        const char **code, apr_pool_t *pool);

/** How a type is found in the other release. */
typedef struct fhir_convert_type_t {
    const char *r4, *dstu2; /* resource types */
    const char *prefix;     /* what ids have in DSTU2 before those of R4 ("ct-"), or "" */
    int contained;          /* only within others: not served */
    const char *when;       /* tests (fhir_convert_table.h) that a resource of R4 must meet to be
                               shown so, or NULL */
} fhir_convert_type_t;
/** The resource types that both have; ends with a row of NULLs. The first row of a name is its
 *  usual counterpart. */
extern const fhir_convert_type_t fhir_convert_types[];

#endif
