/* SPDX-License-Identifier: Apache-2.0 */
/* Exact decimals: up to 37 digits at any scale. FHIRPath requires 28 digits and 8 decimal places.
 * FHIR's data may have more, and must be compared exactly. */
#include <apr_strings.h>
#include <math.h>
#include <stdlib.h>

#include "core/fhir_decimal.h"
#include "fhir/fhirpath/fhir_path_private.h"

#define DIVISION_PLACES 8 /* http://hl7.org/fhirpath/N1/#decimal: steps of 10^-8 */

typedef __int128 int128_t;

static int128_t power10(int n)
{
    int128_t v = 1;
    while (n-- > 0)
        v *= 10;
    return v;
}

static int128_t limit(void)
{
    return power10(NUMBER_DIGITS);
}

static int digits_of(int128_t c)
{
    int n = 0;
    if (c < 0)
        c = -c;
    for (; c; c /= 10)
        n++;
    return n;
}

static int set(number_t *n, int128_t coefficient, int scale)
{
    if (coefficient <= -limit() || coefficient >= limit())
        return 0;
    n->coefficient = coefficient;
    n->scale = scale;
    return 1;
}

number_t path_number_of(apr_int64_t value)
{
    return (number_t){value, 0};
}

int path_number_parse(number_t *n, const char *s, apr_size_t len)
{
    int128_t c = 0;
    int scale = 0, point = 0, negative = len && *s == '-';
    apr_size_t i = (apr_size_t)negative;

    if (!fhir_decimal_valid(s, len))
        return 0;
    for (; i < len && (s[i] | 32) != 'e'; i++) {
        if (s[i] == '.') {
            point = 1;
            continue;
        }
        c = c * 10 + (s[i] - '0');
        scale += point;
        if (c >= limit())
            return 0;
    }
    if (i < len) { /* at most four digits, as fhir_decimal_valid holds */
        int exponent = 0, minus = s[++i] == '-';
        for (i += minus || s[i] == '+'; i < len; i++)
            exponent = exponent * 10 + (s[i] - '0');
        scale -= minus ? -exponent : exponent;
    }
    return set(n, negative ? -c : c, scale);
}

/* Brings both to the larger scale; 0 when that does not fit. */
static int align(number_t *a, number_t *b)
{
    number_t *low = a->scale < b->scale ? a : b, *high = low == a ? b : a;
    int gap = high->scale - low->scale;
    if (!gap)
        return 1;
    if (low->coefficient == 0) {
        low->scale = high->scale;
        return 1;
    }
    if (digits_of(low->coefficient) + gap > NUMBER_DIGITS)
        return 0;
    low->coefficient *= power10(gap);
    low->scale = high->scale;
    return 1;
}

int path_number_compare(const number_t *left, const number_t *right)
{
    number_t a = *left, b = *right;
    int sign_a = (a.coefficient > 0) - (a.coefficient < 0);
    int sign_b = (b.coefficient > 0) - (b.coefficient < 0);

    if (sign_a != sign_b || !sign_a)
        return (sign_a > sign_b) - (sign_a < sign_b);
    /* The number of digits before the point: only numbers of the same size need to be aligned, and
     * these can be. */
    int size_a = digits_of(a.coefficient) - a.scale;
    int size_b = digits_of(b.coefficient) - b.scale;
    if (size_a != size_b)
        return size_a > size_b ? sign_a : -sign_a;
    if (!align(&a, &b))
        return 0;
    return (a.coefficient > b.coefficient) - (a.coefficient < b.coefficient);
}

/* Drops zeros after the point, so that values of very different sizes can be aligned. */
static void strip(number_t *n)
{
    while (n->scale > 0 && n->coefficient % 10 == 0) {
        n->coefficient /= 10;
        n->scale--;
    }
}

int path_number_add(number_t *sum, const number_t *left, const number_t *right, int subtract)
{
    number_t a = *left, b = *right;
    if (!align(&a, &b)) {
        strip(&a);
        strip(&b);
        if (!align(&a, &b))
            return 0;
    }
    return set(sum, subtract ? a.coefficient - b.coefficient : a.coefficient + b.coefficient,
               a.scale);
}

int path_number_multiply(number_t *product, const number_t *left, const number_t *right)
{
    number_t a = *left, b = *right;
    if (digits_of(a.coefficient) + digits_of(b.coefficient) > NUMBER_DIGITS) {
        strip(&a);
        strip(&b);
        if (digits_of(a.coefficient) + digits_of(b.coefficient) > NUMBER_DIGITS)
            return 0;
    }
    return set(product, a.coefficient * b.coefficient, a.scale + b.scale);
}

int path_number_divide(number_t *quotient, const number_t *left, const number_t *right)
{
    number_t a = *left, b = *right;

    if (b.coefficient == 0)
        return 0;
    strip(&a);
    strip(&b);
    /* a / b at DIVISION_PLACES (more when the quotient is small), rounded half away from zero. */
    int gap = DIVISION_PLACES - a.scale + b.scale;
    int room = NUMBER_DIGITS - digits_of(a.coefficient);
    if (gap > room || gap < 0)
        gap = gap < 0 ? 0 : room;
    a.coefficient *= power10(gap);
    int128_t whole = a.coefficient / b.coefficient;
    int128_t rest = a.coefficient % b.coefficient;
    if (2 * (rest < 0 ? -rest : rest) >= (b.coefficient < 0 ? -b.coefficient : b.coefficient))
        whole += (a.coefficient < 0) == (b.coefficient < 0) ? 1 : -1;
    if (!set(quotient, whole, a.scale + gap - b.scale))
        return 0;
    strip(quotient);
    return 1;
}

int path_number_divide_whole(number_t *quotient, const number_t *left, const number_t *right)
{
    number_t a = *left, b = *right;
    if (b.coefficient == 0)
        return 0;
    strip(&a);
    strip(&b);
    return align(&a, &b) && set(quotient, a.coefficient / b.coefficient, 0);
}

int path_number_round(number_t *out, const number_t *n, int places, path_round_t how)
{
    int drop = n->scale - places;

    if (drop <= 0) { /* nothing to round; zeros are added if they fit */
        number_t zero = {0, places};
        *out = *n;
        align(out, &zero);
        return 1;
    }
    if (drop > NUMBER_DIGITS)
        drop = NUMBER_DIGITS;
    int128_t unit = power10(drop);
    int128_t whole = n->coefficient / unit;
    int128_t rest = n->coefficient % unit;
    switch (how) {
    case PATH_TRUNCATE:
        break;
    case PATH_FLOOR:
        whole -= rest < 0;
        break;
    case PATH_CEILING:
        whole += rest > 0;
        break;
    case PATH_HALF:
        if (2 * (rest < 0 ? -rest : rest) >= unit)
            whole += rest < 0 ? -1 : 1;
        break;
    }
    return set(out, whole, places);
}

int path_number_integer(apr_int64_t *value, const number_t *n)
{
    number_t whole = *n;
    while (whole.scale > 0) {
        if (whole.coefficient % 10)
            return 0;
        whole.coefficient /= 10;
        whole.scale--;
    }
    while (whole.scale < 0 && whole.coefficient) {
        if (whole.coefficient >= limit() / 10 || whole.coefficient <= -limit() / 10)
            return 0;
        whole.coefficient *= 10;
        whole.scale++;
    }
    if (whole.coefficient < APR_INT64_MIN || whole.coefficient > APR_INT64_MAX)
        return 0;
    *value = (apr_int64_t)whole.coefficient;
    return 1;
}

/* Formats digits without a point, so that the result does not depend on a locale. */
double path_number_double(const number_t *n)
{
    char text[NUMBER_DIGITS + 20], *digit = text + NUMBER_DIGITS + 2;
    int128_t c = n->coefficient < 0 ? -n->coefficient : n->coefficient;

    apr_snprintf(digit, 16, "e%d", -n->scale);
    do
        *--digit = (char)('0' + (int)(c % 10));
    while (c /= 10);
    if (n->coefficient < 0)
        *--digit = '-';
    return fhir_decimal_double(digit, strlen(digit));
}

int path_number_from_double(number_t *n, double value)
{
    if (!isfinite(value) || fabs(value) >= 1e27)
        return 0;
    char text[100];
    apr_snprintf(text, sizeof(text), "%.*f", DIVISION_PLACES, value);
    if (!path_number_parse(n, text, strlen(text)))
        return 0;
    strip(n);
    if (n->scale == 0) { /* a decimal is written with a point */
        n->coefficient *= 10;
        n->scale = 1;
    }
    return 1;
}

const char *path_number_text(const number_t *n, apr_pool_t *pool)
{
    char digits[NUMBER_DIGITS + 2], *d = digits + sizeof(digits) - 1;
    int128_t c = n->coefficient < 0 ? -n->coefficient : n->coefficient;
    int scale = n->scale;
    const char *sign = n->coefficient < 0 ? "-" : "";

    *d = '\0';
    do
        *--d = (char)('0' + (int)(c % 10));
    while (c /= 10);
    int count = (int)strlen(d);
    if (scale > 300 || scale < -300)
        return apr_psprintf(pool, "%s%sE%d", sign, d, -scale);
    if (scale <= 0) {
        char *zeros = apr_palloc(pool, (apr_size_t)-scale + 1);
        memset(zeros, '0', (apr_size_t)-scale);
        zeros[-scale] = '\0';
        return apr_pstrcat(pool, sign, d, n->coefficient ? zeros : "", NULL);
    }
    if (scale >= count) {
        char *zeros = apr_palloc(pool, (apr_size_t)(scale - count) + 1);
        memset(zeros, '0', (apr_size_t)(scale - count));
        zeros[scale - count] = '\0';
        return apr_pstrcat(pool, sign, "0.", zeros, d, NULL);
    }
    return apr_psprintf(pool, "%s%.*s.%s", sign, count - scale, d, d + count - scale);
}
