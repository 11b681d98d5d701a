/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_call.h
 * @brief One FHIR request inside the service: what routing found out, and helpers for every
 * interaction.
 *
 * fhir_service.c fills it from the request. An interaction reads it and writes the response, or
 * returns an error. It lives as long as the request's pool.
 */
#ifndef FHIR_CALL_H
#define FHIR_CALL_H

#include "core/fhir_pairs.h"
#include "fhir/fhir_service.h"
#include "fhir/format/fhir_render.h"

typedef struct fhir_call_t fhir_call_t;
struct fhir_call_t {
    const fhir_request_t *request;
    fhir_response_t *response;
    const fhir_endpoint_t *endpoint;
    const fhir_model_t *stored;     /* the endpoint's: the release that the database has */
    const fhir_model_t *spoken;     /* the endpoint's: the release that the client sends and gets */
    const fhir_grant_t *grant;      /* never NULL */
    fhir_tx_t *tx;                  /* transaction in which its statements run, or NULL */
    const fhir_type_t *type;        /* resource type of the path, or NULL */
    const fhir_type_t *spoken_type; /* the client's, of `spoken`, or NULL */
    const char *type_name;          /* its name */
    const char *as;        /* the type as which `type` is shown, where that is not the usual one */
    const char *id;        /* or NULL */
    const char *version;   /* digits, or NULL */
    const char *member;    /* compartment search: the type after the focus, or "*"; else NULL */
    const char *operation; /* "$everything", or NULL */
    fhir_pairs_t pairs;    /* of the query string */
    fhir_render_opts_t opts;        /* how the answer is written: format, parts */
    fhir_render_t *render;          /* writes it; made by fhir_call_render */
    int is_spoken;                  /* the answer is in `spoken` already */
    struct fhir_targets_t *targets; /* NULL, or what is known of what references lead to */
    /** Looks up what is not known yet (fhir_targets.c). */
    fhir_err_t *(*find_targets)(fhir_call_t *call);
    struct fhir_explain_t
        *explain; /* NULL, or the explanations of statements so far (fhir_explain.h) */
    /** What explain does with a statement before it is run. */
    fhir_err_t *(*before)(const fhir_call_t *call, const fhir_stmt_t *stmt,
                          const fhir_value_t *values);
    apr_pool_t *pool;
};

/** An interaction. */
typedef fhir_err_t *(*fhir_handler_fn)(fhir_call_t *call);

/** 1 if statements can be run: the request has a transaction or a store. */
int fhir_call_has_store(const fhir_call_t *call);

/** The same as an error: FHIR_ERR_BUSY with the reason. Until the database was reached once, the
 * keys of page links are unknown. */
fhir_err_t *fhir_call_need_store(const fhir_call_t *call);

/** Begins a transaction in the request's store.
 *  @return as fhir_tx_begin; FHIR_ERR_BUSY when there is no store */
fhir_err_t *fhir_call_begin_tx(fhir_tx_t **tx, const fhir_call_t *call);

/** Runs a statement in the request's transaction if it has one, else in the store.
 *  @return as fhir_store_run; FHIR_ERR_BUSY when there is no store */
fhir_err_t *fhir_call_run(const fhir_call_t *call, const fhir_stmt_t *stmt,
                          const fhir_value_t *values, fhir_row_fn row_fn, void *baton,
                          apr_int64_t *affected);

/** The same for a statement that another one needs, such as an estimate of its rows: _explain does
 *  not report it. @return as fhir_call_run */
fhir_err_t *fhir_call_ask(const fhir_call_t *call, const fhir_stmt_t *stmt,
                          const fhir_value_t *values, fhir_row_fn row_fn, void *baton);

/** "tenant"."table" with a suffix ("_history" or "") for use in SQL, in the call's pool. */
const char *fhir_call_table(const fhir_call_t *call, const fhir_type_t *type, const char *suffix);

/** A bound value from a terminated text (NULL: SQL NULL). */
fhir_value_t fhir_value_text(const char *text);

/** The endpoint's limits for a request body. */
fhir_node_limits_t fhir_call_limits(const fhir_call_t *call);

/** A request header, or NULL. */
const char *fhir_call_header(const fhir_call_t *call, const char *name);

/** 1 if Prefer holds the token ("handling=lenient"), in any letter case.
 *  Source: RFC 7240; http://hl7.org/fhir/R4/search.html#errors */
int fhir_call_prefers(const fhir_call_t *call, const char *token);

/**
 * Decides how the answer is written, from Accept, _format and _pretty, and for reading also from
 * _summary and _elements of call->type. Called once by the service with the query's parameters, and
 * again by an interaction that has more of them (a form).
 * @return NULL, FHIR_ERR_NOT_ACCEPTABLE or FHIR_ERR_PARAM_VALUE; call->opts is then usable for the
 *         OperationOutcome that tells so
 */
fhir_err_t *fhir_call_negotiate(fhir_call_t *call, const fhir_pairs_t *pairs);
fhir_err_t *fhir_call_subset(fhir_call_t *call, const fhir_pairs_t *pairs);
/** How many entries a page gets that wants so many: FHIRCountMax, and FHIR_HTML_COUNT_MAX in HTML,
 *  are the limits. */
int fhir_call_count(const fhir_call_t *call, int wanted);

/** The options for rendering the answer's resources; see fhir_render.h. */
fhir_render_t *fhir_call_render(fhir_call_t *call);

/** Answers with one resource, given as JSON text.
 *  @return as fhir_render_resource, or as fhir_binary_answer */
fhir_err_t *fhir_call_resource(fhir_call_t *call, int status, const char *json, apr_size_t len);
/** Same for one that was built here.
 *  @return as fhir_call_resource; FHIR_ERR_LIMIT when the buffer did not hold all of it */
fhir_err_t *fhir_call_built(fhir_call_t *call, int status, fhir_buf_t *json);

/** Sets status, content type and what else goes with the format. */
void fhir_call_begin(fhir_call_t *call, int status);

#endif
