/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_service.h
 * @brief The FHIR API without httpd: a plain request in, status, headers and body out.
 *
 * Glue fills fhir_request_t, calls fhir_service_run and sends what fhir_response_t says; errors
 * become OperationOutcomes in one place here. Routing is a table (fhir_routes.h), whose handlers
 * are the interactions (fhir_interactions.h).
 */
#ifndef FHIR_SERVICE_H
#define FHIR_SERVICE_H

#include <apr_hash.h>
#include <apr_tables.h>

#include "core/fhir_buf.h"
#include "core/fhir_log.h"
#include "core/fhir_node.h"
#include "core/fhir_time.h"
#include "fhir/validate/fhir_validate.h"
#include "model/fhir_model.h"
#include "store/fhir_store.h"

/** Interactions as bits; names are those of CapabilityStatement.rest.resource.interaction. */
#define FHIR_INTERACTION_LIST(X)                                                                   \
    X(READ, "read", 0x0001)                                                                        \
    X(VREAD, "vread", 0x0002)                                                                      \
    X(SEARCH, "search", 0x0004)                                                                    \
    X(HISTORY, "history", 0x0008)                                                                  \
    X(CREATE, "create", 0x0010)                                                                    \
    X(UPDATE, "update", 0x0020)                                                                    \
    X(PATCH, "patch", 0x0040)                                                                      \
    X(DELETE, "delete", 0x0080)                                                                    \
    X(BATCH, "batch", 0x0100)                                                                      \
    X(TRANSACTION, "transaction", 0x0200)                                                          \
    X(OPERATION, "operation", 0x0400)
typedef enum fhir_interaction_t {
#define FHIR_INTERACTION_ENUM(name, word, bit) FHIR_INTERACTION_##name = bit,
    FHIR_INTERACTION_LIST(FHIR_INTERACTION_ENUM)
#undef FHIR_INTERACTION_ENUM
        FHIR_INTERACTION_NONE = 0,
#define FHIR_INTERACTION_OR(name, word, bit) | bit
    FHIR_INTERACTION_ALL = 0 FHIR_INTERACTION_LIST(FHIR_INTERACTION_OR)
#undef FHIR_INTERACTION_OR
} fhir_interaction_t;

/** What an endpoint of DSTU2 can offer. */
#define FHIR_INTERACTION_DSTU2                                                                     \
    (unsigned)(FHIR_INTERACTION_READ | FHIR_INTERACTION_VREAD | FHIR_INTERACTION_SEARCH |          \
               FHIR_INTERACTION_HISTORY | FHIR_INTERACTION_CREATE | FHIR_INTERACTION_UPDATE |      \
               FHIR_INTERACTION_DELETE | FHIR_INTERACTION_BATCH | FHIR_INTERACTION_OPERATION)

typedef enum fhir_audience_t {
    FHIR_AUDIENCE_PROVIDER,
    FHIR_AUDIENCE_PATIENT,
    FHIR_AUDIENCE_OPEN /* no token needed: development, behind `Require local` */
} fhir_audience_t;

/** What a request may see and do (query/fhir_grant.h). */
typedef struct fhir_grant_t fhir_grant_t;

/** The rendered CapabilityStatement of an endpoint (fhir_capability.h). */
typedef struct fhir_capability_t fhir_capability_t;
/** Its renderings (core/fhir_kept.h). */
typedef struct fhir_kept_t fhir_kept_t;

/** Limits of what a client may send; each has a directive (docs/directives.md). */
typedef struct fhir_limits_t {
    apr_size_t body_max;    /* bytes of a request body */
    apr_size_t answer_max;  /* bytes of an answer */
    apr_size_t query_max;   /* bytes of a query (URL or form) */
    int depth_max;          /* nesting of JSON and XML */
    int body_values_max;    /* JSON values, or XML's elements and attributes, of a body */
    int xml_attributes_max; /* attributes of an XML element, namespaces around it */
    int patch_ops_max;      /* operations of one patch */
    int patch_steps_max;    /* steps of all of them; core/fhir_steps.h */
    int entries_max;        /* entries of one batch or transaction */
    int codes_max;          /* codes that the value sets of one request have together */
} fhir_limits_t;

/** Limits of one search. */
typedef struct fhir_search_settings_t {
    int values_max;       /* values in one parameter's OR list */
    int params_max;       /* parameters */
    int hops_max;         /* steps of a chain, nesting of _has and _filter */
    int includes_max;     /* _include and _revinclude */
    int include_rows_max; /* resources that includes may add to one page */
    int cost_max;         /* planner's cost above which a search is refused; 0: no limit */
    int explain;          /* 1: _explain=true is allowed */
} fhir_search_settings_t;

typedef struct fhir_paging_settings_t {
    int count_default, count_max;                 /* resources on a page */
    int link_age_sec;                             /* how long a page link is valid; 0: for good */
    int queries_max;                              /* long queries that are kept for page links */
    const struct fhir_cursor_keys_t *cursor_keys; /* seal page links; the same on all nodes */
} fhir_paging_settings_t;

/** Whether an update must name the version that it replaces; else it is answered 428. */
typedef enum fhir_require_if_match_t {
    FHIR_REQUIRE_IF_MATCH_OFF,
    FHIR_REQUIRE_IF_MATCH_ON,     /* If-Match names it */
    FHIR_REQUIRE_IF_MATCH_VERSION /* If-Match or, without it, the body's meta.versionId */
} fhir_require_if_match_t;

typedef enum fhir_create_with_id_t {
    FHIR_CREATE_WITH_ID_REJECT,
    FHIR_CREATE_WITH_ID_IGNORE
} fhir_create_with_id_t;

typedef enum fhir_update_unchanged_t {
    FHIR_UPDATE_UNCHANGED_STORE, /* an update that changes nothing makes a new version, too */
    FHIR_UPDATE_UNCHANGED_IGNORE
} fhir_update_unchanged_t;

typedef enum fhir_conditional_delete_t {
    FHIR_CONDITIONAL_DELETE_OFF,
    FHIR_CONDITIONAL_DELETE_SINGLE, /* at most one resource may match */
    FHIR_CONDITIONAL_DELETE_MULTIPLE
} fhir_conditional_delete_t;

typedef struct fhir_writing_settings_t {
    fhir_require_if_match_t require_if_match;
    fhir_create_with_id_t create_with_id;
    int update_create; /* 1: PUT of an unknown id creates */
    fhir_update_unchanged_t update_unchanged;
    int check_references; /* 1: references inside this server must resolve */
    fhir_conditional_delete_t conditional_delete;
    fhir_validate_level_t validate;
    const struct fhir_validator_t *validator; /* made at start; NULL: writes are validated against
                                                 the base model alone */
} fhir_writing_settings_t;

/** What browsers and caches may do with an answer that depends on the client. */
typedef enum fhir_caching_t {
    FHIR_CACHING_NO_CACHE, /* a browser may keep it, and asks before it shows it again */
    FHIR_CACHING_NO_STORE
} fhir_caching_t;

/** The configuration of one endpoint: made at start, read by all threads. */
typedef struct fhir_endpoint_t {
    const fhir_model_t *stored; /* release of the stored data: R4 */
    const fhir_model_t *spoken; /* release that the client sends and gets */
    int statements_of_orders;   /* DSTU2: MedicationRequests are MedicationStatements, too */
    const struct fhir_convert_t *convert; /* between the two; NULL: they are the same */
    fhir_audience_t audience;
    const char *tenant;      /* PostgreSQL schema, checked [a-z][a-z0-9_]{0,47} */
    unsigned interactions;   /* FHIR_INTERACTION_… bits offered */
    unsigned user_access;    /* FHIR_RELATED_… bits: staff see only related patients; 0: all */
    int registers;           /* applications may register by protocol (auth/register) */
    const char *publisher;   /* publisher in the CapabilityStatement; NULL: "mod_fhir" */
    const fhir_zone_t *zone; /* the practice's zone; NULL: UTC */
    int retry_after_sec;     /* Retry-After of a 503 */
    fhir_caching_t caching;
    fhir_limits_t limits;
    fhir_search_settings_t search;
    fhir_paging_settings_t paging;
    fhir_writing_settings_t writing;
    const fhir_capability_t *capability; /* made at start; NULL: made each time */
    fhir_kept_t *metadata;               /* its renderings; NULL: nothing is kept */
} fhir_endpoint_t;

/** Sets every member that has a default (all but stored, spoken, audience, tenant, zone,
 * cursor_keys, validator, capability) to it. */
void fhir_endpoint_defaults(fhir_endpoint_t *endpoint);

typedef struct fhir_request_t {
    apr_pool_t *pool;
    const fhir_endpoint_t *endpoint;
    fhir_store_t *store;       /* NULL: no database; only metadata is answered, all else is 503 */
    const char *no_store;      /* the client's message when store is NULL; NULL: a general one */
    const fhir_grant_t *grant; /* NULL: no token was sent or needed, or it was refused */
    const fhir_err_t *refused; /* or NULL: why the token was refused */
    fhir_err_t *overload;      /* or NULL: why the server is too busy for it */
    const fhir_patience_t *patience; /* how long the answer is waited for, or NULL */
    const fhir_log_t *log;
    const char *method; /* "GET", … in capitals; HEAD comes as GET with head set */
    int head;
    const char *base_url; /* the URL that clients use, no slash at the end */
    /** Bases of the tenant's endpoints that speak the stored release, ends with NULL; only for an
     * endpoint that speaks another release, otherwise NULL. */
    const char *const *stored_bases;
    int is_misdirected; /* 1: the host name is not one of the endpoint's: 421 */
    const char *path;   /* behind the base, no leading slash, still percent-encoded */
    const char *query;  /* query string, still encoded, or NULL */
    /** A request header, or NULL. */
    const char *(*header)(const struct fhir_request_t *request, const char *name);
    /** Reads the whole body, at most max bytes (FHIR_ERR_TOO_LARGE), once. */
    fhir_err_t *(*read_body)(const char **body, apr_size_t *len,
                             const struct fhir_request_t *request, apr_size_t max);
    void *baton; /* glue's own */
    /** Set only for an entry of a batch or transaction, whose answer is compact JSON: its
     * surroundings (write/fhir_within.h). */
    const struct fhir_within_t *within;
} fhir_request_t;

typedef struct fhir_response_t {
    int status;
    const char *content_type; /* with charset; NULL: no body */
    apr_table_t *headers;     /* ETag, Last-Modified, Location, Allow, Retry-After, … */
    fhir_out_t *body;         /* given by glue; spools large bodies, so memory stays bounded */
    const char *ready; /* a body that exists already, valid as long as the request's pool, instead
                          of what is written; or NULL */
    apr_size_t ready_len;
    /** Drops what was written to body: an error came after the first byte. Must be set. */
    void (*body_reset)(struct fhir_response_t *response);
    apr_int64_t updated;     /* last change of the resource, µs since 1970; 0: unknown */
    const char *interaction; /* for the log: "read", "search-type", … */
    const char *type;        /* resource type or NULL, for the log */
    fhir_tx_t *tx;           /* the transaction that was begun for it, or NULL */
} fhir_response_t;

/** One name of FHIRInteractions: its bit, or FHIR_INTERACTION_NONE. */
unsigned fhir_interaction_by_name(const char *name);
/** The names of some bits, divided by blanks. */
const char *fhir_interaction_words(unsigned bits, apr_pool_t *pool);

/** Runs a request. Always leaves a complete answer in response; the error, if there was one, is
 *  returned for the log only. */
fhir_err_t *fhir_service_run(fhir_response_t *response, const fhir_request_t *request);

#endif
