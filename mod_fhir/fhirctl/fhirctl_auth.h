/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhirctl_auth.h
 * @brief What the commands about applications, users, licences and keys share: a command has
 *        actions (add, list, …), each of which gets an open connection.
 */
#ifndef FHIRCTL_AUTH_H
#define FHIRCTL_AUTH_H

#include "auth/fhir_licence.h"
#include "core/fhir_buf.h"
#include "fhirctl/fhirctl_db.h"

typedef struct fhirctl_action_t fhirctl_action_t;

/** A command on its way. */
typedef struct fhirctl_run_t {
    const fhirctl_command_t *command;
    const fhirctl_action_t *action;
    fhirctl_db_t db;
    PGconn *conn;
    const char *name; /* the argument behind the action, or NULL */
    void *options;    /* the command's own */
    apr_pool_t *pool;
} fhirctl_run_t;

struct fhirctl_action_t {
    const char *name;
    int needs_name; /* 1: an argument follows */
    /** Does it, in a transaction. FHIR_ERR_BAD_REQUEST: the command line was wrong. */
    fhir_err_t *(*run)(fhirctl_run_t *run);
};

/** Parses the command line, connects, runs the action; returns the exit status. */
int fhirctl_actions(const fhirctl_command_t *self, int argc, const char *const *argv,
                    const fhirctl_action_t *actions, fhirctl_option_fn option, void *options,
                    apr_pool_t *pool);

/** Runs a statement with values; result may be NULL. n: rows changed, or NULL.
 *  @return NULL, or as fhirctl_db_run */
fhir_err_t *fhirctl_auth_run(PGresult **result, int *n, fhirctl_run_t *run, const char *sql,
                             int n_values, const char *const *values);
/** Prints rows as lines, columns divided by tabs.
 *  @return NULL, or as fhirctl_db_run */
fhir_err_t *fhirctl_auth_print(fhirctl_run_t *run, const char *sql, int n_values,
                               const char *const *values);
/** The practice of the command, for the library's calls: over a connection of its own.
 *  @return NULL, or as fhir_store_source_create */
fhir_err_t *fhirctl_auth_desk(fhir_practice_desk_t *desk, fhirctl_run_t *run);
/** Prints a row as a line, columns divided by tabs (fhir_row_fn; no baton). @return NULL */
fhir_err_t *fhirctl_auth_print_row(void *baton, const fhir_row_t *row);
/** FHIR_ERR_BAD_REQUEST: the command line was wrong. */
fhir_err_t *fhirctl_auth_wrong(fhirctl_run_t *run, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/** Appends an element to the text of a PostgreSQL array; NULL begins one. */
const char *fhirctl_auth_element(const char *array, const char *element, apr_pool_t *pool);
/** A whole file as text; "-" is standard input.
 *  @return NULL, or FHIR_ERR_BAD_REQUEST when it cannot be read */
fhir_err_t *fhirctl_auth_file(const char **text, fhirctl_run_t *run, const char *path);
/** A number of seconds: 90, 15m, 12h, 30d; 0 when it is none. */
int fhirctl_auth_seconds(const char *text);

/** Makes a signing key if the tenant has none.
 *  @return NULL, or as fhirctl_db_run and fhir_jwk_generate */
fhir_err_t *fhirctl_key_first(PGconn *conn, apr_pool_t *pool);

#endif
