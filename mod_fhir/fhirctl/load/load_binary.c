/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Converts cells from their text forms to the binary form of COPY, which takes PostgreSQL a third
 * less work. The values are the same.
 * Source: PostgreSQL's documentation of COPY, "Binary Format"; the types' send and receive
 * functions
 */
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "core/fhir_decimal.h"
#include "fhirctl/load/load.h"

#define OID_INTEGER     23u
#define OID_TEXT        25u
#define OID_TIMESTAMPTZ 1184u
#define OID_NUMERIC     1700u
#define EPOCH_DAYS      10957 /* from 1970-01-01 to 2000-01-01, where PostgreSQL counts from */
#define DIGITS_MAX      1024  /* digits of a number; extraction stores none that is longer */

static void put16(fhir_buf_t *b, unsigned v)
{
    const char bytes[2] = {(char)(v >> 8), (char)v};
    fhir_buf_append(b, bytes, 2);
}

static void set32(char *to, apr_uint32_t v)
{
    to[0] = (char)(v >> 24);
    to[1] = (char)(v >> 16);
    to[2] = (char)(v >> 8);
    to[3] = (char)v;
}

void load_binary_int32(fhir_buf_t *b, apr_uint32_t v)
{
    char bytes[4];
    set32(bytes, v);
    fhir_buf_append(b, bytes, 4);
}

static void put64(fhir_buf_t *b, apr_uint64_t v)
{
    load_binary_int32(b, (apr_uint32_t)(v >> 32));
    load_binary_int32(b, (apr_uint32_t)v);
}

void load_binary_begin(fhir_buf_t *b)
{
    fhir_buf_append(b, "PGCOPY\n\377\r\n\0", 11);
    put64(b, 0); /* flags, length of the header's extension */
}

void load_binary_row(fhir_buf_t *b, int n_fields)
{
    put16(b, (unsigned)n_fields);
}

void load_binary_end(fhir_buf_t *b)
{
    put16(b, 0xFFFFu);
}

void load_binary_bytes(fhir_buf_t *b, const char *s, apr_size_t len)
{
    load_binary_int32(b, (apr_uint32_t)len);
    fhir_buf_append(b, s, len);
}

void load_binary_time(fhir_buf_t *b, apr_int64_t usec)
{
    load_binary_int32(b, 8);
    put64(b, (apr_uint64_t)(usec - EPOCH_DAYS * APR_INT64_C(86400000000)));
}

static int digits(const char *s, int n)
{
    int v = 0;
    while (n--)
        v = v * 10 + (*s++ - '0');
    return v;
}

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar. */
static apr_int64_t days(int year, int month, int day)
{
    const int y =
        month <= 2 ? year - 1 : year; /* years begin in March: the leap day is their last */
    const int era = (y >= 0 ? y : y - 399) / 400;
    const int year_of_era = y - era * 400;
    const int day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return (apr_int64_t)era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
           day_of_year - 719468;
}

/* fhir_time_format_sql's form: "2015-02-03 04:05:06.789+00", "0001-12-31 10:00:00+00 BC",
 * "10000-01-01 00:00:00+00", "infinity", "-infinity". */
static void put_time(fhir_buf_t *b, const char *s, apr_size_t len)
{
    apr_int64_t unit = 100000;
    load_binary_int32(b, 8);
    if (len < 19) {
        put64(b, (apr_uint64_t)(*s == '-' ? APR_INT64_MIN : APR_INT64_MAX));
        return;
    }
    const int year_len = s[4] == '-' ? 4 : 5, year = digits(s, year_len);
    const int is_before_christ = s[len - 1] == 'C';
    s += year_len - 4; /* what follows stands as behind four digits */
    len -= (apr_size_t)(year_len - 4);
    apr_int64_t usec =
        days(is_before_christ ? 1 - year : year, digits(s + 5, 2), digits(s + 8, 2)) - EPOCH_DAYS;
    usec = ((usec * 24 + digits(s + 11, 2)) * 60 + digits(s + 14, 2)) * 60 + digits(s + 17, 2);
    usec *= 1000000;
    for (apr_size_t i = 20; i < len && s[19] == '.' && s[i] >= '0' && s[i] <= '9'; i++, unit /= 10)
        usec += (s[i] - '0') * unit;
    put64(b, (apr_uint64_t)usec);
}

/* numeric: groups of four decimal digits, the weight of the first, and the number of digits to
 * show. */
static void put_numeric(fhir_buf_t *b, const char *s, apr_size_t len)
{
    char d[DIGITS_MAX + 8] = "000"; /* all digits, three zeros before so that groups align */
    const char *end = s + len;
    int n = 0, whole = 0, in_fraction = 0, exponent = 0, negative = len && *s == '-';
    for (s += negative; s < end && *s != 'e' && *s != 'E'; s++) {
        if (*s == '.')
            in_fraction = 1;
        else if (n < DIGITS_MAX) {
            d[3 + n++] = *s;
            whole += !in_fraction;
        }
    }
    if (s < end) {
        const int sign = s[1] == '-';
        s += s[1] == '-' || s[1] == '+' ? 2 : 1;
        exponent = digits(s, (int)(end - s)) * (sign ? -1 : 1);
    }
    int scale = n - whole - exponent;
    whole += exponent; /* digits before the point */
    /* The first group ends at a multiple of four digits from the point. */
    int weight = whole > 0 ? (whole - 1) / 4 : -((4 - whole) / 4);
    int first = 3 - ((weight + 1) * 4 - whole);
    int groups = (3 + n - first + 3) / 4;
    memset(d + 3 + n, '0', 4);
    while (groups && !digits(d + first, 4)) {
        first += 4;
        groups--;
        weight--;
    }
    while (groups && !digits(d + first + 4 * (groups - 1), 4))
        groups--;
    load_binary_int32(b, 8 + 2 * (apr_uint32_t)groups);
    put16(b, (unsigned)groups);
    put16(b, (unsigned)(groups ? weight : 0));
    put16(b, negative && groups ? 0x4000u : 0);
    put16(b, (unsigned)(scale > 0 ? scale : 0));
    for (int i = 0; i < groups; i++)
        put16(b, (unsigned)digits(d + first + 4 * i, 4));
}

static void put_double(fhir_buf_t *b, const char *s, apr_size_t len)
{
    double d = fhir_decimal_double(s, len);
    apr_uint64_t bits;
    memcpy(&bits, &d, sizeof(bits));
    load_binary_int32(b, 8);
    put64(b, bits);
}

static void put_jsonb(fhir_buf_t *b, const char *s, apr_size_t len)
{
    load_binary_int32(b, (apr_uint32_t)len + 1);
    fhir_buf_putc(b, 1); /* version */
    fhir_buf_append(b, s, len);
}

static void put_text(fhir_buf_t *b, const char *s, apr_size_t len)
{
    load_binary_bytes(b, s, len);
}

static void put_integer(fhir_buf_t *b, const char *s, apr_size_t len)
{
    const int negative = len && *s == '-';
    apr_int64_t n = 0;
    for (apr_size_t i = (apr_size_t)negative; i < len; i++)
        n = n * 10 + (s[i] - '0');
    load_binary_int32(b, 4);
    load_binary_int32(b, (apr_uint32_t)(negative ? -n : n));
}

typedef void (*put_fn)(fhir_buf_t *b, const char *s, apr_size_t len);

/* Returns the text after the element at s. The element goes to scratch, without quotes and escapes;
 * NULL: is_null. */
static const char *read_element(fhir_buf_t *scratch, int *is_null, const char *s, const char *end)
{
    const char *first = s;
    fhir_buf_clear(scratch);
    *is_null = *s == 'N';
    if (*s != '"') {
        while (s < end && *s != ',' && *s != '}')
            s++;
        fhir_buf_append(scratch, first, (apr_size_t)(s - first));
        return s;
    }
    for (s++; s < end && *s != '"'; s++) {
        const char *run = s;
        while (s < end && *s != '"' && *s != '\\')
            s++;
        fhir_buf_append(scratch, run, (apr_size_t)(s - run));
        if (s < end && *s == '\\')
            fhir_buf_putc(scratch, *++s);
        else
            s--;
    }
    return s + 1;
}

/* {"a",NULL,"b"}: one dimension, elements quoted, numbers or NULL. */
static void put_array(fhir_buf_t *b, const char *s, apr_size_t len, apr_uint32_t oid, put_fn put,
                      fhir_buf_t *scratch)
{
    const char *end = s + len;
    const apr_size_t start = b->len;
    apr_uint32_t n = 0, nulls = 0;
    load_binary_int32(b, 0); /* the length, set below */
    load_binary_int32(b, 1); /* dimensions */
    load_binary_int32(b, 0); /* whether there are NULLs */
    load_binary_int32(b, oid);
    load_binary_int32(b, 0); /* elements */
    load_binary_int32(b, 1); /* the first one's index */
    int is_null;
    for (s++; s < end && *s != '}'; s += *s == ',') {
        s = read_element(scratch, &is_null, s, end);
        n++;
        if (is_null) {
            nulls = 1;
            load_binary_int32(b, 0xFFFFFFFFu);
        }
        else
            put(b, scratch->data, scratch->len);
    }
    if (b->overflow)
        return;
    set32(b->data + start, (apr_uint32_t)(b->len - start - 4));
    set32(b->data + start + 8, nulls);
    set32(b->data + start + 16, n);
}

void load_binary_value(fhir_buf_t *b, fhir_sqltype_t type, const char *s, apr_size_t len,
                       fhir_buf_t *scratch)
{
    switch (type) {
    case FHIR_SQL_TEXT_ARRAY:
        put_array(b, s, len, OID_TEXT, put_text, scratch);
        break;
    case FHIR_SQL_TIMESTAMPTZ:
        put_time(b, s, len);
        break;
    case FHIR_SQL_TIMESTAMPTZ_ARRAY:
        put_array(b, s, len, OID_TIMESTAMPTZ, put_time, scratch);
        break;
    case FHIR_SQL_NUMERIC:
        put_numeric(b, s, len);
        break;
    case FHIR_SQL_NUMERIC_ARRAY:
        put_array(b, s, len, OID_NUMERIC, put_numeric, scratch);
        break;
    case FHIR_SQL_INTEGER_ARRAY:
        put_array(b, s, len, OID_INTEGER, put_integer, scratch);
        break;
    case FHIR_SQL_JSONB:
        put_jsonb(b, s, len);
        break;
    case FHIR_SQL_DOUBLE:
        put_double(b, s, len);
        break;
    default:
        put_text(b, s, len);
    }
}
