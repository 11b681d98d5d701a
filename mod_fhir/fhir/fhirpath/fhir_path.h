/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_path.h
 * @brief FHIRPath: expressions compiled once and run over parsed resources.
 *
 * FHIRPath N1 (2.0.0) with FHIR R4's additions; of the later drafts lowBoundary, highBoundary,
 * precision, comparable, type, the text functions and defineVariable. A compiled expression is
 * constant: any number of threads may run it at once.
 *
 * Values are items: a place in the tree, or a computed value. Choice elements have their base name
 * (`value` finds valueQuantity), primitives carry their `_name` sibling as children.
 *
 * Where R4's and US Core's own definitions need it, this is more lenient than N1: `as` takes
 * collections and filters them, as ofType() does; a choice is also found by its name in JSON
 * (valueQuantity); and, or, xor and implies treat several items that are not booleans as true.
 * Source: http://hl7.org/fhirpath/N1/, http://hl7.org/fhir/R4/fhirpath.html
 */
#ifndef FHIR_PATH_H
#define FHIR_PATH_H

#include "core/fhir_node.h"
#include "core/fhir_steps.h"
#include "core/fhir_time.h"
#include "model/fhir_model.h"

/** A compiled expression. */
typedef struct fhir_path_t fhir_path_t;

/** What an item is to FHIRPath's operators. FHIR primitives have the System type they convert to.
 */
typedef enum fhir_path_kind_t {
    FHIR_PATH_NODE, /* an object of the tree: resource, data type, backbone */
    FHIR_PATH_BOOLEAN,
    FHIR_PATH_STRING,
    FHIR_PATH_INTEGER,
    FHIR_PATH_DECIMAL,
    FHIR_PATH_DATE,
    FHIR_PATH_DATETIME,
    FHIR_PATH_TIME,
    FHIR_PATH_QUANTITY
} fhir_path_kind_t;

/** One value. Constant once made. */
typedef struct fhir_path_item_t fhir_path_item_t;
struct fhir_path_item_t {
    const fhir_node_t *node;        /* its JSON value; NULL when computed, or a primitive without */
    const fhir_node_t *extra;       /* the "_name" object of a primitive, or NULL */
    const fhir_path_item_t *parent; /* where it was found; NULL for a root and what is computed */
    const void *value;              /* computed values: evaluator's own; STRING: the text */
    apr_uint32_t value_len;         /* computed STRING: bytes */
    apr_int32_t index;              /* in its JSON array, or -1 */
    apr_uint16_t type;              /* index of its FHIR type; 0 for a System value */
    apr_uint16_t element;           /* index of the element that it is, 0 for a root */
    apr_byte_t kind;                /* fhir_path_kind_t */
};

/** A result: items live in the pool of the run, nodes in their tree. */
typedef struct fhir_path_result_t {
    const fhir_path_item_t *const *items;
    int n;
} fhir_path_result_t;

/** A variable that the caller sets: %name. */
typedef struct fhir_path_var_t {
    const char *name; /* without the percent sign */
    fhir_path_result_t value;
} fhir_path_var_t;

/** An answer of three values. */
typedef enum fhir_path_answer_t {
    FHIR_PATH_FALSE,
    FHIR_PATH_TRUE,
    FHIR_PATH_UNKNOWN /* the empty collection */
} fhir_path_answer_t;

/**
 * What surrounds a run. Zero is a default for all but the model. Callbacks get `baton` and may be
 * NULL: then the built-in answer, if there is one, is all.
 */
typedef struct fhir_path_env_t {
    const fhir_model_t *model;
    const fhir_path_item_t *resource;      /* %resource; NULL: the resource that holds the focus */
    const fhir_path_item_t *root_resource; /* %rootResource; NULL: what contains %resource */
    const fhir_path_var_t *vars;
    int n_vars;
    apr_int64_t now;         /* µs since 1970 for now(), today(); 0: the clock's */
    const fhir_zone_t *zone; /* of dateTimes without a zone and of today(); NULL: UTC */
    int max_steps;           /* of this run (core/fhir_steps.h); 0: FHIR_STEPS_DEFAULT */
    fhir_steps_t *steps;     /* a budget that several runs share, instead; or NULL */
    void *baton;
    /**
     * resolve(): the resource that `reference` names. Contained resources and entries of a Bundle
     * that is the root are found without it. *type may be set alone when only that is known, and
     * is derived from "Type/id" otherwise. Nothing found: leave both NULL.
     */
    fhir_err_t *(*resolve)(const fhir_node_t **resource, const fhir_type_t **type, void *baton,
                           const char *reference, apr_size_t len, apr_pool_t *pool);
    /** memberOf(): is the item (code, Coding, CodeableConcept, Quantity, string) in the value set?
     */
    fhir_err_t *(*member_of)(fhir_path_answer_t *answer, void *baton, const fhir_path_item_t *item,
                             const char *valueset, apr_pool_t *pool);
    /** conformsTo() for profiles; base types are answered without it. */
    fhir_err_t *(*conforms_to)(fhir_path_answer_t *answer, void *baton,
                               const fhir_path_item_t *item, const char *profile, apr_pool_t *pool);
    /** trace(): name and what it saw. */
    void (*trace)(void *baton, const char *name, const fhir_path_result_t *items);
} fhir_path_env_t;

/**
 * Compiles one expression; type names are looked up in the model. The text is copied into pool.
 * Errors: FHIR_ERR_PARAM_VALUE with line and column of the fault.
 */
fhir_err_t *fhir_path_compile(const fhir_path_t **path, const fhir_model_t *model, const char *text,
                              apr_size_t len, apr_pool_t *pool);

/** The item of a whole resource; its type is resourceType's, or Resource when that is unknown. */
fhir_path_item_t *fhir_path_root(const fhir_model_t *model, const fhir_node_t *resource,
                                 apr_pool_t *pool);

/**
 * The item of a member below another one; for callers that walk the tree themselves.
 * @param node the value (an array's item, not the array), or NULL with an extra
 * @param index its place in the array, or -1
 */
void fhir_path_child(fhir_path_item_t *item, const fhir_model_t *model,
                     const fhir_path_item_t *parent, const fhir_element_t *element,
                     const fhir_node_t *node, const fhir_node_t *extra, int index);

/**
 * Runs an expression on a focus (NULL: the empty collection).
 * Errors: FHIR_ERR_BUSINESS for what the expression does not allow (two items where one is due, an
 * operator on types it does not take), FHIR_ERR_LIMIT when max_steps were passed, and what
 * callbacks return.
 */
fhir_err_t *fhir_path_eval(fhir_path_result_t *result, const fhir_path_t *path,
                           const fhir_path_env_t *env, const fhir_path_item_t *focus,
                           apr_pool_t *pool);

/** Runs an invariant. A single item that is no boolean is TRUE. An empty result is FALSE, as only
 * true passes; it is UNKNOWN where it comes from dates and times that their precision does not let
 * compare, or from a callback that had no answer. Errors as fhir_path_eval. */
fhir_err_t *fhir_path_holds(fhir_path_answer_t *answer, const fhir_path_t *path,
                            const fhir_path_env_t *env, const fhir_path_item_t *focus,
                            apr_pool_t *pool);

/** Where an item stands as a FHIRPath expression that finds exactly it
 *  ("Patient.name[0].given[1]", "Patient.deceased.ofType(boolean)"); NULL for a computed value. */
const char *fhir_path_location(const fhir_model_t *model, const fhir_path_item_t *item,
                               apr_pool_t *pool);

/** The text of a primitive or computed value as toString() gives it; NULL when it has none. */
const char *fhir_path_item_text(const fhir_path_item_t *item, apr_pool_t *pool);

/** The name of an item's type: "Patient", "code", or of a computed value "System.Integer". */
const char *fhir_path_item_type(const fhir_model_t *model, const fhir_path_item_t *item);

/** A computed string, for variables; the text is not copied. */
fhir_path_item_t *fhir_path_string(const char *text, apr_size_t len, apr_pool_t *pool);

#endif
