/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_check_private.h
 * @brief What the files of the base checker share: the state of one walk, findings and their place.
 */
#ifndef FHIR_CHECK_PRIVATE_H
#define FHIR_CHECK_PRIVATE_H

#include <apr_hash.h>

#include "fhir/validate/fhir_check.h"

typedef struct fhir_check_t {
    fhir_issues_t *issues;
    const fhir_model_t *model;
    const fhir_node_limits_t *limits; /* of narratives */
    const fhir_type_t *element_type;  /* "Element": what `_name` members are */
    const fhir_node_t *container;     /* the resource that holds `contained` */
    apr_hash_t *ids;                  /* of the elements of the resource in hand; NULL: none yet */
    apr_hash_t *entries;              /* of the Bundle around: resource by fullUrl, or NULL */
    apr_hash_t *contained;            /* its `contained` by id; NULL: it has none */
    fhir_buf_t *path;                 /* FHIRPath of the node in hand */
} fhir_check_t;

/** An error at the path in hand; node (or NULL) gives its place in the source. */
void fhir_check_finding(fhir_check_t *c, const fhir_node_t *node, fhir_code_t code, const char *id,
                        const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/** The same as a warning. */
void fhir_check_warning(fhir_check_t *c, const fhir_node_t *node, fhir_code_t code, const char *id,
                        const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/** Appends ".name" (index < 0) or ".name[index]"; returns the length to go back to. */
apr_size_t fhir_check_push(fhir_check_t *c, const char *name, apr_size_t len, int index);
void fhir_check_pop(fhir_check_t *c, apr_size_t mark);

const char *fhir_check_type_name(const fhir_check_t *c, const fhir_type_t *type);
int fhir_check_type_is(const fhir_check_t *c, const fhir_type_t *type, const char *name);
/** A node's text for a message, cut so that no record is copied into an answer or a log. */
const char *fhir_check_excerpt(const fhir_check_t *c, const fhir_node_t *node);
/** Text of a string member, not terminated, or NULL. */
const char *fhir_check_text(const fhir_node_t *object, const char *name, apr_size_t *len);
/** The type by resourceType, or NULL. */
const fhir_type_t *fhir_check_resource_type(const fhir_check_t *c, const fhir_node_t *resource);

/** A CodeableConcept, Coding or Quantity against its required value set. */
void fhir_check_concept(fhir_check_t *c, const fhir_element_t *el, const fhir_node_t *node);
/** A code against its required value set. */
void fhir_check_code(fhir_check_t *c, const fhir_element_t *el, const fhir_node_t *node);
/** A Reference: form, target type, contained resource. */
void fhir_check_reference(fhir_check_t *c, const fhir_element_t *el, const fhir_node_t *node);
/** A uri, url or canonical: OID and UUID forms, contained resource. */
void fhir_check_uri(fhir_check_t *c, const fhir_node_t *node);

/** Before and behind the walk through a resource that may have contained ones. */
void fhir_check_contained_begin(fhir_check_t *c, const fhir_node_t *container);
void fhir_check_contained_end(fhir_check_t *c);
/** What a contained resource must not have. */
void fhir_check_contained_item(fhir_check_t *c, const fhir_node_t *node);
/** Remembers that something refers to a contained resource; 0 if there is none of that id. */
int fhir_check_contained_refer(fhir_check_t *c, const fhir_node_t **target, const char *id,
                               apr_size_t len);

/** The resources of a Bundle by fullUrl, for references between them. */
apr_hash_t *fhir_check_bundle_entries(const fhir_check_t *c, const fhir_node_t *bundle);
/** The rules of a Bundle by its type. */
void fhir_check_bundle(fhir_check_t *c, const fhir_node_t *bundle);

/** What the definition of a data type says beside its elements: Coding, Attachment, ids. */
void fhir_check_type_rules(fhir_check_t *c, const fhir_type_t *type, const fhir_node_t *node);
/** An enableWhen refers to an item of its Questionnaire. */
void fhir_check_questionnaire(fhir_check_t *c, const fhir_node_t *questionnaire);

/** Codes of systems that no list of FHIR's has, but that have a syntax or a list elsewhere. */
typedef enum fhir_form_t { FHIR_FORM_UNKNOWN, FHIR_FORM_GOOD, FHIR_FORM_BAD } fhir_form_t;
/** A code of a system, "urn:ietf:bcp:47" or "urn:iso:std:iso:4217"; of others nothing is known.
 *  @param rule what is due, in words */
fhir_form_t fhir_check_form(const char **rule, const char *system, apr_size_t system_len,
                            const char *code, apr_size_t len);

#endif
