/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_sample.h
 * @brief `fhirctl sample`: synthetic patients that show all of US Core, any number of them.
 */
#ifndef FHIR_SAMPLE_H
#define FHIR_SAMPLE_H

#include "fhirctl/fhirctl.h"

extern const apr_getopt_option_t fhir_sample_options[];
/** Paragraphs for --help. */
extern const char fhir_sample_help[];

/**
 * Runs the command. The same options give the same bytes; patient i is the same whatever the number
 * of patients and shards. Memory does not grow with the number.
 */
int fhir_sample_main(const fhirctl_command_t *self, int argc, const char *const *argv,
                     apr_pool_t *pool);

#endif
