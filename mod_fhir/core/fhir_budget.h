/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_budget.h
 * @brief The resources that one process has for all requests, and how much of them one client may
 * use at once.
 *
 * A number identifies a client: the hash of a token or of an address. Each request has a ticket,
 * which counts what it uses. The counts are not exact to the byte or the second: their purpose is
 * that one client does not take what others need.
 *
 * Threads: all functions may be called by all threads at once, those of one ticket by one thread at
 * a time.
 */
#ifndef FHIR_BUDGET_H
#define FHIR_BUDGET_H

#include <apr_pools.h>
#include <apr_time.h>

#include "core/fhir_err.h"

typedef struct fhir_budget_t fhir_budget_t;

typedef struct fhir_budget_limits_t {
    int threads;         /* threads that serve requests in this process */
    int client_requests; /* concurrent requests of one client; 0: clients are not distinguished */
    apr_interval_time_t client_time; /* of the database's work for one client in a minute: with more
                                        its work is long (fhir_effort_t) while others have
                                        something running; 0: no limit */
    apr_int64_t client_output;       /* bytes of answers to one client in a minute; 0: no limit */
    apr_int64_t bodies;              /* bytes of bodies and what is made of them, of all requests */
    apr_int64_t spool;               /* bytes of answers in temporary files, of all requests */
    apr_interval_time_t wait;        /* how long a request waits for resources that others use */
    int arriving; /* percent of the threads that may read unfinished requests before each client has
                     at most one of them; 0: no limit */
} fhir_budget_limits_t;

/** Bytes of memory that a body of n bytes is charged with after it was read: its text, its values,
 * and the texts that are made from them. */
#define FHIR_BUDGET_BODY(n) ((apr_int64_t)(n)*12)

/** What a request uses. */
typedef struct fhir_ticket_t {
    fhir_budget_t *budget; /* NULL: it uses nothing */
    struct fhir_budget_client_t *client;
    apr_int64_t bodies, spool;
    apr_uint64_t key; /* the client's; 0: clients are not told apart */
    int running;      /* it has a thread */
    int works_long;   /* its client has used its share of the processors in the last second, and
                         others have requests */
    int is_long; /* its client has used its share of the database's time, and others need theirs */
} fhir_ticket_t;

/** FHIR_ERR_INTERNAL on want of memory. */
fhir_err_t *fhir_budget_create(fhir_budget_t **budget, const fhir_budget_limits_t *limits,
                               apr_pool_t *pool);

/** A request that is being received. */
typedef struct fhir_arrival_t {
    fhir_budget_t *budget; /* NULL: it is not counted (any more) */
    struct fhir_budget_client_t *client;
} fhir_arrival_t;

/** A thread begins to read a request of a client. Returns 1, or 0 when the client has so many
 * unfinished ones that others would not be served; the thread must not wait for this one. */
int fhir_budget_arrive(fhir_arrival_t *arrival, fhir_budget_t *budget, apr_uint64_t client);
/** The request is complete, or never will be. is_proxy: a trusted proxy has sent it for somebody
 * else; from now on it has no limit. */
void fhir_budget_arrived(fhir_arrival_t *arrival, int is_proxy);
/** A thread begins to read the body of a ticket's request; fhir_budget_arrived ends it, too.
 *  @return NULL or FHIR_ERR_THROTTLED, with retry_sec */
fhir_err_t *fhir_budget_arrive_body(fhir_arrival_t *arrival, fhir_ticket_t *ticket,
                                    apr_pool_t *pool);

/**
 * Begins a request of a client; given back by pool's cleanup. A client may have client_requests
 * at once, and while three quarters of the threads are busy, no more than its part of those. A
 * request beyond waits, if not too many do.
 * @return NULL or FHIR_ERR_THROTTLED, with retry_sec
 */
fhir_err_t *fhir_budget_enter(fhir_ticket_t *ticket, fhir_budget_t *budget, apr_uint64_t client,
                              apr_pool_t *pool);
typedef struct fhir_usage_t {
    apr_interval_time_t time; /* the database's work */
    apr_interval_time_t work; /* httpd's on the processor (fhir_work.h) */
    apr_int64_t output;       /* bytes of the response */
} fhir_usage_t;
/** The request was answered, and its thread is free. used: what it cost. */
void fhir_budget_leave(fhir_ticket_t *ticket, const fhir_usage_t *used);

/** Charges memory for a body, held until pool's cleanup. One request is charged half of all at
 *  most, so that any body that is accepted can be worked on. Waits while others hold too much.
 *  @return NULL, FHIR_ERR_BUSY, FHIR_ERR_THROTTLED when it is this client that holds too much */
fhir_err_t *fhir_budget_body(fhir_ticket_t *ticket, apr_int64_t bytes, apr_pool_t *pool);
/** Charges space for an answer, likewise. Does not wait. @return as fhir_budget_body */
fhir_err_t *fhir_budget_spool(fhir_ticket_t *ticket, apr_int64_t bytes, apr_pool_t *pool);

typedef struct fhir_budget_status_t {
    int running, waiting, clients; /* requests with a thread, those that wait, clients of these */
    int arriving;                  /* unfinished requests */
    apr_int64_t bodies, spool;
    apr_uint64_t refused; /* requests, so far */
} fhir_budget_status_t;
void fhir_budget_status(fhir_budget_status_t *status, fhir_budget_t *budget);

#endif
