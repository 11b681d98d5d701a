/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_operations.h
 * @brief Named operations: a table of which there are, and their parameters.
 * Source: http://hl7.org/fhir/R4/operations.html
 */
#ifndef FHIR_OPERATIONS_H
#define FHIR_OPERATIONS_H

#include "fhir/fhir_call.h"

#define FHIR_OP_SYSTEM   0x01u /* [base]/$name */
#define FHIR_OP_TYPE     0x02u /* [base]/[type]/$name */
#define FHIR_OP_INSTANCE 0x04u /* [base]/[type]/[id]/$name */
/** One operation of one resource type. */
typedef struct fhir_operation_t {
    const char *type; /* resource type, or NULL: every type */
    const char *name; /* without the dollar */
    unsigned levels;
    fhir_handler_fn handler;
    const char *definition; /* canonical URL of its OperationDefinition */
    const char *dstu2;      /* that of DSTU2, or NULL: not offered there */
} fhir_operation_t;

/** The rows; ends with a row without name. */
extern const fhir_operation_t fhir_operations[];

/** Finds the operation of call->operation at the level that type and id say, and runs it.
 *  @return NULL; FHIR_ERR_NOT_FOUND with those that there are; or as the operation */
fhir_err_t *fhir_operation_handle(fhir_call_t *call);

/**
 * The parameters of an operation: those of the URL, and of a POST those of the form or of the
 * Parameters resource in the body, as texts: codings, and of concepts all codings, in the form of
 * search values, references as "Type/id".
 * @return NULL; FHIR_ERR_STRUCTURE for a body that is no Parameters; else as the reading and
 *         parsing of a body: FHIR_ERR_MEDIA_TYPE, FHIR_ERR_SYNTAX, FHIR_ERR_TOO_LARGE
 */
fhir_err_t *fhir_operation_pairs(fhir_pairs_t *pairs, fhir_call_t *call);
/** The same for operations that take resources, or look at codings themselves: *body is the
 * Parameters resource that was sent, or NULL; its resources are no pairs.
 * @return as fhir_operation_pairs */
fhir_err_t *fhir_operation_read(fhir_pairs_t *pairs, const fhir_node_t **body, fhir_call_t *call);
/** A parameter of a Parameters resource by name (body may be NULL), or NULL. */
const fhir_node_t *fhir_operation_parameter(const fhir_node_t *body, const char *name);
/** FHIR_ERR_PARAM_UNKNOWN for a parameter that is in neither list of names (ends with NULL); what
 *  says how the answer is written is always known. */
fhir_err_t *fhir_operation_check(const fhir_call_t *call, const fhir_pairs_t *pairs,
                                 const char *const *known);

/** FHIR_ERR_PARAM_VALUE unless value (or NULL) is a date or time. */
fhir_err_t *fhir_operation_date(const fhir_call_t *call, const char *name, const char *value);

/** The parameters without the page link, for the links of an answer. */
fhir_pairs_t *fhir_operation_said(const fhir_pairs_t *pairs, apr_pool_t *pool);

/* The handlers. All return FHIR_ERR_FORBIDDEN without a scope for the type, FHIR_ERR_PARAM_UNKNOWN
 * and FHIR_ERR_PARAM_VALUE for parameters, FHIR_ERR_NOT_FOUND for what the operation is called on,
 * and the errors of their searches (fhir_search_run) and lookups (fhir_terms_set). */
fhir_err_t *fhir_op_everything(fhir_call_t *call);
fhir_err_t *fhir_op_docref(fhir_call_t *call);
fhir_err_t *fhir_op_lastn(fhir_call_t *call);
fhir_err_t *fhir_op_expand(fhir_call_t *call);
fhir_err_t *fhir_op_validate_code(fhir_call_t *call);
fhir_err_t *fhir_op_system_validate_code(fhir_call_t *call);
fhir_err_t *fhir_op_lookup(fhir_call_t *call);
fhir_err_t *fhir_op_subsumes(fhir_call_t *call);
fhir_err_t *fhir_op_translate(fhir_call_t *call);
fhir_err_t *fhir_op_validate(fhir_call_t *call);

#endif
