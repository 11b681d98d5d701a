/* SPDX-License-Identifier: Apache-2.0 */
/*
 * E-mails. Of typed text, only the address gets into a header, and it was checked.
 */
#include "portal/fhir_mail.h"

#include <apr_encode.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_time.h>
#include <string.h>

#include "core/fhir_buf.h"

#define LINE 76 /* letters of base64 in a line: RFC 2045, 6.8 */

static int is_host(const char *s)
{
    apr_size_t label = 0;
    int dots = 0;
    for (; *s; s++) {
        if (*s == '.') {
            if (!label || s[-1] == '-')
                return 0;
            label = 0;
            dots++;
        }
        else if (!apr_isalnum(*s) && (*s != '-' || !label))
            return 0;
        else if (++label > 63)
            return 0;
    }
    return label && s[-1] != '-' && (dots || !strcmp(s - label, "localhost"));
}

int fhir_mail_is_address(const char *text)
{
    const char *at = strchr(text, '@');
    if (!at || at == text || at - text > 64 || strlen(text) > FHIR_MAIL_ADDRESS_MAX ||
        *text == '.' || *text == '-' || at[-1] == '.' || !is_host(at + 1))
        return 0;
    for (const char *s = text; s < at; s++)
        if (!apr_isalnum(*s) && (!strchr(".!#$%&'*+/=?^_`{|}~-", *s) || (*s == '.' && s[1] == '.')))
            return 0;
    return 1;
}

const char *fhir_mail_message(const char *from, const char *to, const char *subject,
                              const char *text, apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    const char *body = apr_pencode_base64(pool, text, APR_ENCODE_STRING, APR_ENCODE_NONE, NULL);
    char date[APR_RFC822_DATE_LEN];
    apr_rfc822_date(date, apr_time_now());
    fhir_buf_printf(buf, "From: <%s>\nTo: <%s>\nDate: %s\n", from, to, date);
    fhir_buf_printf(buf, "Subject: =?UTF-8?B?%s?=\n",
                    apr_pencode_base64(pool, subject, APR_ENCODE_STRING, APR_ENCODE_NONE, NULL));
    fhir_buf_puts(buf, "Auto-Submitted: auto-generated\nMIME-Version: 1.0\n"
                       "Content-Type: text/plain; charset=utf-8\n"
                       "Content-Transfer-Encoding: base64\n\n");
    for (; *body; body += strnlen(body, LINE))
        fhir_buf_printf(buf, "%.*s\n", LINE, body);
    return fhir_buf_cstr(buf);
}
