/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_routes.h
 * @brief The routing table: method and path pattern to interaction.
 *
 * The CapabilityStatement is made from the same rows, so that it says what the router does.
 */
#ifndef FHIR_ROUTES_H
#define FHIR_ROUTES_H

#include "fhir/fhir_interactions.h"

/** Where an interaction stands in the CapabilityStatement. */
typedef enum fhir_level_t {
    FHIR_LEVEL_NONE,  /* not listed: metadata, the form twin of another row */
    FHIR_LEVEL_TYPE,  /* rest.resource.interaction */
    FHIR_LEVEL_SYSTEM /* rest.interaction */
} fhir_level_t;

#define FHIR_ROUTE_PUBLIC 0x01u /* answered without a token, and without a database */
#define FHIR_ROUTE_FORM   0x02u /* the body may be a form of parameters, _format too */
#define FHIR_ROUTE_DSTU2  0x04u /* R4 does not have it */
/**
 * Pattern: segments divided by '/'; T a resource type, I an id, V a version id, C a type of a
 * compartment or '*', $ an operation's name; all else is literal.
 */
typedef struct fhir_route_t {
    const char *method;
    const char *pattern;
    unsigned bit; /* FHIR_INTERACTION_…; NONE: always offered */
    fhir_handler_fn handler;
    const char *name; /* code of type-restful-interaction or system-restful-interaction */
    fhir_level_t level;
    unsigned flags;
} fhir_route_t;

/** The rows; ends with a row without method. */
extern const fhir_route_t fhir_routes[];

/** 1 if the endpoint offers the route. */
int fhir_route_offered(const fhir_route_t *route, const fhir_endpoint_t *endpoint);

/**
 * Finds the row of a request and fills type, id, version, member and operation of call.
 * @return NULL, FHIR_ERR_NOT_FOUND (no such path), FHIR_ERR_TYPE_UNKNOWN, or FHIR_ERR_METHOD with
 *         the response's Allow header set
 */
fhir_err_t *fhir_route_find(const fhir_route_t **route, fhir_call_t *call);

#endif
