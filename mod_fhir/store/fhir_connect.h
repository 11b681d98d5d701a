/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_connect.h
 * @brief Opening connections to PostgreSQL, for all parts of the program.
 *
 * The hosts of a list are tried one by one, each within connect_timeout. Unless the connection
 * string says otherwise, connect_timeout is 3 s, and a server that vanished is noticed within some
 * 20 s. Functions may be called from any thread.
 */
#ifndef FHIR_CONNECT_H
#define FHIR_CONNECT_H

#include <libpq-fe.h>

#include "core/fhir_err.h"

/** The error in a connection string, or NULL. */
const char *fhir_connect_check(const char *conninfo, apr_pool_t *pool);

/** What is known of a database's hosts: it is kept, so that a host that failed lately is tried last
 *  next time. */
typedef struct fhir_connect_t fhir_connect_t;
/**
 * @param program the name of the sessions in pg_stat_activity, unless the string has another
 * @return NULL, or FHIR_ERR_INTERNAL when there is no lock; the string is not parsed yet
 */
fhir_err_t *fhir_connect_create(fhir_connect_t **connect, const char *conninfo, const char *program,
                                apr_pool_t *pool);
/** Opens a connection to the first host of the list that takes it. stop (or NULL): asked several
 *  times a second, 1: give up. Close it with PQfinish.
 *  @return NULL, FHIR_ERR_BUSY, or FHIR_ERR_INTERNAL for a string that libpq does not understand */
fhir_err_t *fhir_connect_open(PGconn **conn, fhir_connect_t *connect, int (*stop)(void *baton),
                              void *baton, apr_pool_t *pool);

#endif
