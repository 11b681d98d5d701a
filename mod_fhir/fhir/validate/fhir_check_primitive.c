/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lexical rules of FHIR's primitive types, in one row each. fhir_check.c checks structure.
 * Source: http://hl7.org/fhir/R4/datatypes.html#primitive
 */
#include "fhir/validate/fhir_check.h"

#include "core/fhir_decimal.h"
#include "core/fhir_text.h"
#include "core/fhir_time.h"

static int is_space(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static apr_size_t utf8_chars(const char *s, apr_size_t len)
{
    apr_size_t n = 0;

    for (; len; len--, s++)
        n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

/* Not empty; no control characters but tab, CR and LF; at most 1 MB of characters. The
 * specification discourages, but allows, white space alone. */
static int valid_string(const char *s, apr_size_t len)
{
    for (apr_size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];

        if (c < ' ' && !is_space(c))
            return 0;
    }
    return len && (len <= FHIR_CHECK_STRING_MAX || utf8_chars(s, len) <= FHIR_CHECK_STRING_MAX);
}

static int valid_uri(const char *s, apr_size_t len)
{
    for (apr_size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] <= ' ')
            return 0;
    return len > 0;
}

/* No blanks at the ends, only single ones within, and no other white space. */
static int valid_code(const char *s, apr_size_t len)
{
    if (!len || s[0] == ' ' || s[len - 1] == ' ')
        return 0;
    for (apr_size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] < ' ' ||
            (s[i] == ' ' && s[i + 1] == ' ')) /* the last character is not a blank */
            return 0;
    return 1;
}

static int valid_boolean(const char *s, apr_size_t len)
{
    return (len == 4 && !memcmp(s, "true", 4)) || (len == 5 && !memcmp(s, "false", 5));
}

/* -?(0|[1-9]\d*) within [min, max]; 2147483648 has ten digits, so eleven never fit. */
static int valid_int(const char *s, apr_size_t len, apr_int64_t min, apr_int64_t max)
{
    int negative = len && *s == '-';
    apr_int64_t value = 0;
    apr_size_t i = (apr_size_t)negative;

    if (len == i || len - i > 10 || (s[i] == '0' && (len - i > 1 || negative)))
        return 0;
    for (; i < len; i++) {
        if (!is_digit((unsigned char)s[i]))
            return 0;
        value = value * 10 + (s[i] - '0');
    }
    if (negative)
        value = -value;
    return value >= min && value <= max;
}

static int valid_integer(const char *s, apr_size_t len)
{
    return valid_int(s, len, APR_INT32_MIN, APR_INT32_MAX);
}

static int valid_unsigned(const char *s, apr_size_t len)
{
    return valid_int(s, len, 0, APR_INT32_MAX);
}

static int valid_positive(const char *s, apr_size_t len)
{
    return valid_int(s, len, 1, APR_INT32_MAX);
}

/* urn:oid:[0-2](\.(0|[1-9][0-9]*))+ */
static int valid_oid(const char *s, apr_size_t len)
{
    static const char prefix[] = "urn:oid:";
    apr_size_t i = sizeof(prefix) - 1;

    if (len < i + 3 || memcmp(s, prefix, i) != 0 || s[i] < '0' || s[i] > '2')
        return 0;
    for (i++; i < len;) {
        apr_size_t arc = i + 1;

        if (s[i] != '.')
            return 0;
        for (i = arc; i < len && is_digit((unsigned char)s[i]);)
            i++;
        if (i == arc || (s[arc] == '0' && i > arc + 1))
            return 0;
    }
    return 1;
}

/* urn:uuid: and 8-4-4-4-12 lower-case hexadecimal digits */
static int valid_uuid(const char *s, apr_size_t len)
{
    static const char form[] = "urn:uuid:xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

    if (len != sizeof(form) - 1)
        return 0;
    for (apr_size_t i = 0; i < len; i++) {
        char c = s[i];

        if (i >= 9 && form[i] == 'x' ? !is_digit((unsigned char)c) && !(c >= 'a' && c <= 'f')
                                     : c != form[i])
            return 0;
    }
    return 1;
}

/* RFC 4648 with padding; white space may stand between groups. */
static int valid_base64(const char *s, apr_size_t len)
{
    apr_size_t n = 0, pad = 0;

    for (apr_size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];

        if (is_space(c))
            continue;
        if (c == '=')
            pad++;
        else if (pad || !(is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                          c == '+' || c == '/'))
            return 0;
        n++;
    }
    return n && n % 4 == 0 && pad <= 2;
}

static int valid_date(const char *s, apr_size_t len)
{
    fhir_interval_t interval;

    return fhir_time_parse(&interval, s, len, FHIR_TIME_DATE, NULL);
}

static int valid_datetime(const char *s, apr_size_t len)
{
    fhir_interval_t interval;

    return fhir_time_parse(&interval, s, len, FHIR_TIME_DATETIME, NULL);
}

static int valid_instant(const char *s, apr_size_t len)
{
    fhir_interval_t interval;

    return fhir_time_parse(&interval, s, len, FHIR_TIME_INSTANT, NULL);
}

static int valid_any(const char *s, apr_size_t len)
{
    (void)s;
    return len > 0;
}

static const struct {
    int (*valid)(const char *s, apr_size_t len);
    const char *rule;
} rules[] = {
    [FHIR_PRIM_NONE] = {valid_any, "a value"},
    [FHIR_PRIM_BASE64] = {valid_base64, "base64 (RFC 4648) with padding"},
    [FHIR_PRIM_BOOLEAN] = {valid_boolean, "true or false"},
    [FHIR_PRIM_CANONICAL] = {valid_uri, "a canonical URL without white space"},
    [FHIR_PRIM_CODE] = {valid_code, "a code: no white space but single blanks inside"},
    [FHIR_PRIM_DATE] = {valid_date, "a date that exists: YYYY, YYYY-MM or YYYY-MM-DD"},
    [FHIR_PRIM_DATETIME] = {valid_datetime,
                            "a date and time that exists: YYYY, YYYY-MM, YYYY-MM-DD or "
                            "YYYY-MM-DDThh:mm:ss with Z or an offset"},
    [FHIR_PRIM_DECIMAL] = {fhir_decimal_valid, "a decimal number"},
    [FHIR_PRIM_ID] = {fhir_text_is_id, "an id: 1 to 64 letters, digits, '-' or '.'"},
    [FHIR_PRIM_INSTANT] = {valid_instant, "an instant: YYYY-MM-DDThh:mm:ss with Z or an offset"},
    [FHIR_PRIM_INTEGER] = {valid_integer, "an integer from -2147483648 to 2147483647"},
    [FHIR_PRIM_MARKDOWN] = {valid_string,
                            "text that is not empty, without control characters, at most 1 MB"},
    [FHIR_PRIM_OID] = {valid_oid, "an OID: urn:oid: and numbers separated by dots"},
    [FHIR_PRIM_POSITIVEINT] = {valid_positive, "an integer from 1 to 2147483647"},
    [FHIR_PRIM_STRING] = {valid_string,
                          "text that is not empty, without control characters, at most 1 MB"},
    [FHIR_PRIM_TIME] = {fhir_time_of_day_valid, "a time of day: hh:mm:ss, 00:00:00 to 23:59:59"},
    [FHIR_PRIM_UNSIGNEDINT] = {valid_unsigned, "an integer from 0 to 2147483647"},
    [FHIR_PRIM_URI] = {valid_uri, "a URI without white space"},
    [FHIR_PRIM_URL] = {valid_uri, "a URL without white space"},
    [FHIR_PRIM_UUID] = {valid_uuid, "a UUID: urn:uuid: and 8-4-4-4-12 lower-case digits"},
    [FHIR_PRIM_XHTML] = {valid_any, "XHTML in a div"},
};

int fhir_check_primitive(fhir_prim_t prim, const char *s, apr_size_t len)
{
    return rules[prim].valid(s, len);
}

const char *fhir_check_primitive_rule(fhir_prim_t prim)
{
    return rules[prim].rule;
}
