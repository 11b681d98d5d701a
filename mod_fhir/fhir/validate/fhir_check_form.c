/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Codes by the syntax or the list of the standard that defines them: languages and currencies.
 * Source: RFC 5646, section 2.1 (BCP 47); ISO 4217, list one, with the codes withdrawn since 2010
 */
#include <apr_lib.h>
#include <stdlib.h>

#include "fhir/validate/fhir_check_private.h"

/* ---- languages ---- */

/* The next subtag: returns its length, 0 at the end or for an invalid one. */
static apr_size_t subtag(const char **at, const char *end, const char **next)
{
    const char *s = *next;

    if (s >= end) /* at a hyphen at the end, next stays before the end */
        return 0;
    for (*at = s; s < end && apr_isalnum(*s); s++)
        ;
    *next = s + 1; /* after the hyphen, or beyond the end */
    return s == end || *s == '-' ? (apr_size_t)(s - *at) : 0;
}

static int is_all(const char *s, apr_size_t len, int letters)
{
    for (apr_size_t i = 0; i < len; i++)
        if (!(letters ? apr_isalpha(s[i]) : apr_isdigit(s[i])))
            return 0;
    return 1;
}

static int is_irregular(const char *s, apr_size_t len)
{
    static const char *const tags[] = {
        "en-GB-oed", "i-ami", "i-bnn",     "i-default", "i-enochian", "i-hak",
        "i-klingon", "i-lux", "i-mingo",   "i-navajo",  "i-pwn",      "i-tao",
        "i-tay",     "i-tsu", "sgn-BE-FR", "sgn-BE-NL", "sgn-CH-DE",
    };

    for (apr_size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
        if (strlen(tags[i]) == len && !strncasecmp(tags[i], s, len))
            return 1;
    return 0;
}

/* Subtags after a singleton: each has 2 to 8 characters (after x: 1 to 8); there must be one. */
static int extension(const char **at, apr_size_t *len, const char *end, const char **next,
                     int least)
{
    int n = 0;

    while ((*len = subtag(at, end, next)) && (int)*len >= least && *len <= 8)
        n++;
    return n > 0;
}

/* langtag, privateuse or grandfathered */
static int is_language(const char *s, apr_size_t len)
{
    const char *end = s + len, *next = s, *at = s;
    apr_size_t n = subtag(&at, end, &next);

    if (!len || is_irregular(s, len))
        return len > 0;
    if (n == 1 && (*at == 'x' || *at == 'X'))
        return extension(&at, &n, end, &next, 1) && next > end && !n;
    if (n < 2 || n > 8 || !is_all(at, n, 1))
        return 0;
    int extlangs = n <= 3 ? 3 : 0;
    n = subtag(&at, end, &next);
    while (n == 3 && extlangs-- && is_all(at, n, 1))
        n = subtag(&at, end, &next);
    if (n == 4 && is_all(at, n, 1)) /* script */
        n = subtag(&at, end, &next);
    if ((n == 2 && is_all(at, n, 1)) || (n == 3 && is_all(at, n, 0))) /* region */
        n = subtag(&at, end, &next);
    while ((n >= 5 && n <= 8) || (n == 4 && apr_isdigit(*at))) /* variants */
        n = subtag(&at, end, &next);
    while (n == 1 && *at != 'x' && *at != 'X')
        if (!extension(&at, &n, end, &next, 2))
            return 0;
    if (n == 1 && !extension(&at, &n, end, &next, 1))
        return 0;
    return !n && next > end;
}

/* ---- currencies ---- */

static const char currencies[][4] = {
    "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT",
    "BGN", "BHD", "BIF", "BMD", "BND", "BOB", "BOV", "BRL", "BSD", "BTN", "BWP", "BYN", "BYR",
    "BZD", "CAD", "CDF", "CHE", "CHF", "CHW", "CLF", "CLP", "CNY", "COP", "COU", "CRC", "CUC",
    "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EEK", "EGP", "ERN", "ETB", "EUR", "FJD",
    "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HRK", "HTG",
    "HUF", "IDR", "ILS", "INR", "IQD", "IRR", "ISK", "JMD", "JOD", "JPY", "KES", "KGS", "KHR",
    "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "LTL", "LVL",
    "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRO", "MRU", "MUR", "MVR", "MWK",
    "MXN", "MXV", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN",
    "PGK", "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR",
    "SDG", "SEK", "SGD", "SHP", "SLE", "SLL", "SOS", "SRD", "SSP", "STD", "STN", "SVC", "SYP",
    "SZL", "THB", "TJS", "TMT", "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD",
    "USN", "USS", "UYI", "UYU", "UYW", "UZS", "VED", "VEF", "VES", "VND", "VUV", "WST", "XAD",
    "XAF", "XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XCD", "XCG", "XDR", "XOF", "XPD", "XPF",
    "XPT", "XSU", "XTS", "XUA", "XXX", "YER", "ZAR", "ZMK", "ZMW", "ZWG", "ZWL",
};

static int by_code(const void *code, const void *known)
{
    return memcmp(code, known, 3);
}

static int is_currency(const char *s, apr_size_t len)
{
    return len == 3 && bsearch(s, currencies, sizeof(currencies) / sizeof(currencies[0]),
                               sizeof(currencies[0]), by_code) != NULL;
}

static const struct {
    const char *system;
    int (*good)(const char *s, apr_size_t len);
    const char *rule;
} forms[] = {
    {"urn:ietf:bcp:47", is_language, "a language tag of BCP 47, as en or de-CH"},
    {"urn:iso:std:iso:4217", is_currency, "a currency of ISO 4217, as USD or EUR"},
};

fhir_form_t fhir_check_form(const char **rule, const char *system, apr_size_t system_len,
                            const char *code, apr_size_t len)
{
    for (apr_size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (strlen(forms[i].system) != system_len || memcmp(system, forms[i].system, system_len))
            continue;
        *rule = forms[i].rule;
        return forms[i].good(code, len) ? FHIR_FORM_GOOD : FHIR_FORM_BAD;
    }
    return FHIR_FORM_UNKNOWN;
}
