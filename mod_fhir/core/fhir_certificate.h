/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_certificate.h
 * @brief When a certificate ends.
 */
#ifndef FHIR_CERTIFICATE_H
#define FHIR_CERTIFICATE_H

#include <apr_time.h>

/** The end (notAfter) of the first certificate in a PEM file: of a chain, the server's own. 0 when
 *  there is none that can be read. */
apr_time_t fhir_certificate_end(const char *file);

#endif
