/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhirctl.h
 * @brief The command line: what its commands share.
 *
 * A command is one row in fhirctl.c and one file here (or a folder). Its options are one table,
 * from which parsing and `--help` come.
 */
#ifndef FHIRCTL_H
#define FHIRCTL_H

#include <apr_getopt.h>
#include <apr_pools.h>

#include "core/fhir_err.h"

/** Exit statuses; docs/fhirctl.md. */
typedef enum fhirctl_exit_t {
    FHIRCTL_OK = 0,
    FHIRCTL_REJECTED = 1, /* done, but some input was refused */
    FHIRCTL_USAGE = 2,    /* wrong command line; nothing was done */
    FHIRCTL_DATABASE = 3, /* no connection, no or a wrong schema, a failed statement */
    FHIRCTL_IO = 4        /* a file cannot be read or written */
} fhirctl_exit_t;

/** Marks an option without a short letter: FHIRCTL_OPT(0), FHIRCTL_OPT(1), … */
#define FHIRCTL_OPT(n) (0x100 + (n))

typedef struct fhirctl_command_t fhirctl_command_t;
struct fhirctl_command_t {
    const char *name;
    const char *synopsis; /* behind the name: "[OPTION…] PATH…" */
    const char *summary;  /* one line, for the list of commands */
    const char *help;     /* paragraphs for --help, or NULL */
    /** Ends with a zero row. A description is the help; when the option takes a value it begins
     * with the value's name and a tab: "NAME\tschema of the practice". */
    const apr_getopt_option_t *options;
    /** argv[0] is the command's name. Returns an exit status. */
    int (*main)(const fhirctl_command_t *self, int argc, const char *const *argv, apr_pool_t *pool);
};

/**
 * Called for each option with its value (NULL when it takes none). Returns NULL, or what is
 * accepted ("a number from 1 to 64") when the value is bad.
 */
typedef const char *(*fhirctl_option_fn)(void *baton, int option, const char *value);

/**
 * Parses a command's options; --help (-h) is answered here.
 * @param rest the arguments behind the options
 * @return -1 to go on, else the exit status to end with
 */
int fhirctl_options(int *n_rest, const char *const **rest, const fhirctl_command_t *self, int argc,
                    const char *const *argv, fhirctl_option_fn option_fn, void *baton,
                    apr_pool_t *pool);

/** Prints "fhirctl COMMAND: text" to standard error; returns status. */
int fhirctl_fail(const fhirctl_command_t *self, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/** The same for an error, with its detail: on the command line the user is the administrator. */
int fhirctl_fail_err(const fhirctl_command_t *self, int status, const fhir_err_t *err);

/** The commands, each with its options. */
extern const apr_getopt_option_t fhirctl_app_options[];
int fhirctl_app_main(const fhirctl_command_t *self, int argc, const char *const *argv,
                     apr_pool_t *pool);
extern const apr_getopt_option_t fhirctl_key_options[];
int fhirctl_key_main(const fhirctl_command_t *self, int argc, const char *const *argv,
                     apr_pool_t *pool);
extern const apr_getopt_option_t fhirctl_launch_options[];
int fhirctl_launch_main(const fhirctl_command_t *self, int argc, const char *const *argv,
                        apr_pool_t *pool);
extern const apr_getopt_option_t fhirctl_registration_options[];
int fhirctl_registration_main(const fhirctl_command_t *self, int argc, const char *const *argv,
                              apr_pool_t *pool);
extern const apr_getopt_option_t fhirctl_licence_options[];
int fhirctl_licence_main(const fhirctl_command_t *self, int argc, const char *const *argv,
                         apr_pool_t *pool);
extern const apr_getopt_option_t fhirctl_user_options[];
int fhirctl_user_main(const fhirctl_command_t *self, int argc, const char *const *argv,
                      apr_pool_t *pool);
extern const apr_getopt_option_t fhirctl_assertion_options[];
int fhirctl_assertion_main(const fhirctl_command_t *self, int argc, const char *const *argv,
                           apr_pool_t *pool);
extern const apr_getopt_option_t fhirctl_convert_options[];
int fhirctl_convert_main(const fhirctl_command_t *self, int argc, const char *const *argv,
                         apr_pool_t *pool);
extern const char fhirctl_index_help[];
extern const apr_getopt_option_t fhirctl_index_options[];
int fhirctl_index_main(const fhirctl_command_t *self, int argc, const char *const *argv,
                       apr_pool_t *pool);
extern const apr_getopt_option_t fhirctl_init_options[];
int fhirctl_init_main(const fhirctl_command_t *self, int argc, const char *const *argv,
                      apr_pool_t *pool);
extern const apr_getopt_option_t fhirctl_load_options[];
int fhirctl_load_main(const fhirctl_command_t *self, int argc, const char *const *argv,
                      apr_pool_t *pool);

extern const apr_getopt_option_t fhirctl_validate_options[];
int fhirctl_validate_main(const fhirctl_command_t *self, int argc, const char *const *argv,
                          apr_pool_t *pool);

#endif
