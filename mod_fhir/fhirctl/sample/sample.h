/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file sample.h
 * @brief `fhirctl sample`: synthetic patients that show all of US Core, any number of them.
 */
#ifndef SAMPLE_H
#define SAMPLE_H

#include "fhirctl/fhirctl.h"

extern const apr_getopt_option_t sample_options[];
/** Paragraphs for --help. */
extern const char sample_help[];

/**
 * Runs the command. The same options give the same bytes; patient i is the same whatever the number
 * of patients and shards. Memory does not grow with the number.
 */
int sample_main(const fhirctl_command_t *self, int argc, const char *const *argv, apr_pool_t *pool);

#endif
