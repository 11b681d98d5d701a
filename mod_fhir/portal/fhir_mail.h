/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_mail.h
 * @brief E-mails of the portals: addresses, and plain texts as messages.
 * Source: RFC 5322, RFC 2045, RFC 2047
 */
#ifndef FHIR_MAIL_H
#define FHIR_MAIL_H

#include <apr_pools.h>

#define FHIR_MAIL_ADDRESS_MAX 254

/** 1 if a text is an address that can stand in a header as it is: one @, ASCII letters, digits and
 *  .!#$%&'*+/=?^_`{|}~- before it, a host name with a dot (or localhost) behind. */
int fhir_mail_is_address(const char *text);
/** A message: headers To, From, Subject, and the text (UTF-8, lines end with \n) as base64. */
const char *fhir_mail_message(const char *from, const char *to, const char *subject,
                              const char *text, apr_pool_t *pool);

#endif
