/* SPDX-License-Identifier: Apache-2.0 */
/* Decimals as text: validity, and the range that a search value covers. The arithmetic works on
 * strings of digits, so that nothing is rounded. */
#include "core/fhir_decimal.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#if __has_include(<xlocale.h>) /* strtod_l on BSD and macOS */
#include <xlocale.h>
#endif

/* The limits of PostgreSQL's numeric;
 * https://www.postgresql.org/docs/current/datatype-numeric.html */
#define MAX_INTEGER_DIGITS  131072
#define MAX_FRACTION_DIGITS 16383

typedef struct decimal_t {
    int negative;
    const char *integer, *fraction; /* digits as written */
    apr_size_t n_integer, n_fraction;
    int has_exponent, exponent;
} decimal_t;

static apr_size_t digits(const char *s, const char *end)
{
    const char *c = s;
    while (c < end && *c >= '0' && *c <= '9')
        c++;
    return (apr_size_t)(c - s);
}

static int scan_exponent(decimal_t *d, const char *c, const char *end)
{
    int minus = c < end && *c == '-';
    if (c < end && (*c == '-' || *c == '+'))
        c++;
    apr_size_t n = digits(c, end);
    if (n < 1 || n > 4 || c + n != end)
        return 0;
    for (; c < end; c++)
        d->exponent = d->exponent * 10 + (*c - '0');
    if (minus)
        d->exponent = -d->exponent;
    d->has_exponent = 1;
    return 1;
}

static int scan(decimal_t *d, const char *s, apr_size_t len)
{
    const char *c = s, *end = s + len;
    memset(d, 0, sizeof(*d));
    if (c < end && *c == '-') {
        d->negative = 1;
        c++;
    }
    d->integer = c;
    d->n_integer = digits(c, end);
    if (!d->n_integer || (d->n_integer > 1 && *c == '0'))
        return 0;
    c += d->n_integer;
    if (c < end && *c == '.') {
        d->fraction = ++c;
        d->n_fraction = digits(c, end);
        if (!d->n_fraction)
            return 0;
        c += d->n_fraction;
    }
    if (c < end && (*c == 'e' || *c == 'E'))
        return scan_exponent(d, c + 1, end);
    return c == end;
}

int fhir_decimal_valid(const char *s, apr_size_t len)
{
    decimal_t d;
    return scan(&d, s, len);
}

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

double fhir_decimal_double(const char *s, apr_size_t len)
{
    char few[64], *text = few;
    (void)pthread_once(&c_locale_once, make_c_locale);
    if (!c_locale || (len >= sizeof(few) && !(text = malloc(len + 1)))) {
        errno = ENOMEM;
        return 0;
    }
    memcpy(text, s, len);
    text[len] = '\0';
    errno = 0;
    double value = strtod_l(text, NULL, c_locale);
    if (text != few) {
        int kept = errno;
        free(text);
        errno = kept;
    }
    return value;
}

/* A JSON number as digits without zeros around them, and the place of the point: 0.digits *
 * 10^place. */
typedef struct magnitude_t {
    int negative;
    const char *first, *end; /* of the digits, a point may be between them; first == end: zero */
    apr_int64_t place;
} magnitude_t;

#define PLACE_MOST ((apr_int64_t)1 << 60)

static apr_int64_t exponent_of(const char *c, const char *end)
{
    int minus = c < end && *c == '-';
    apr_int64_t n = 0;
    for (c += c < end && (*c == '-' || *c == '+'); c < end; c++)
        n = n > PLACE_MOST / 10 ? PLACE_MOST : n * 10 + (*c - '0');
    return minus ? -n : n;
}

static magnitude_t magnitude(const char *s, apr_size_t len)
{
    const char *end = s + len, *stop = s;
    magnitude_t m = {.negative = len && *s == '-'};
    while (stop < end && (*stop | 32) != 'e')
        stop++;
    const char *point = memchr(s, '.', (apr_size_t)(stop - s));
    for (m.first = s + m.negative; m.first < stop && (*m.first == '0' || *m.first == '.');)
        m.first++;
    for (m.end = stop; m.end > m.first && (m.end[-1] == '0' || m.end[-1] == '.');)
        m.end--;
    if (m.first == m.end)
        return (magnitude_t){.first = s, .end = s};
    if (!point)
        point = stop;
    m.place = point > m.first ? point - m.first : point + 1 - m.first;
    m.place += stop < end ? exponent_of(stop + 1, end) : 0;
    return m;
}

int fhir_decimal_same(const char *a, apr_size_t a_len, const char *b, apr_size_t b_len)
{
    magnitude_t x = magnitude(a, a_len), y = magnitude(b, b_len);
    if (x.negative != y.negative || x.place != y.place)
        return 0;
    while (x.first < x.end && y.first < y.end) {
        if (*x.first == '.')
            x.first++;
        else if (*y.first == '.')
            y.first++;
        else if (*x.first++ != *y.first++)
            return 0;
    }
    return x.first == x.end && y.first == y.end;
}

/* sum = a + b, or a - b; n digits each, values not characters; sum has n + 1. */
static void add(char *sum, const char *a, const char *b, apr_size_t n, int subtract)
{
    int carry = 0;
    for (apr_size_t i = n; i-- > 0;) {
        int v = subtract ? a[i] - b[i] - carry : a[i] + b[i] + carry;
        carry = subtract ? v < 0 : v > 9;
        sum[i + 1] = (char)(!carry ? v : subtract ? v + 10 : v - 10);
    }
    sum[0] = (char)carry;
}

/* How many zeros are written out; the bounds of 1e9999 would have ten thousand digits each. */
#define PLAIN_ZEROS 40

/* n digits as text, the last `scale` of them behind the point (negative: that many zeros
 * follow). */
static const char *render(int negative, const char *number, apr_size_t n, long scale,
                          apr_pool_t *pool)
{
    apr_size_t zeros = scale < 0 ? (apr_size_t)-scale : 0;
    apr_size_t fraction = scale > 0 ? (apr_size_t)scale : 0;
    apr_size_t pad = fraction >= n ? fraction + 1 - n : 0; /* one digit stands before the point */
    apr_size_t total = pad + n + zeros, whole = total - fraction, i = 0;
    if (pad > PLAIN_ZEROS || zeros > PLAIN_ZEROS)
        return apr_psprintf(pool, "%se%ld", render(negative, number, n, 0, pool), -scale);
    char *all = apr_pcalloc(pool, total);
    char *out;
    char *text = out = apr_palloc(pool, total + 3);
    memcpy(all + pad, number, n);
    if (negative)
        *out++ = '-';
    while (i + 1 < whole && all[i] == 0)
        i++;
    for (; i < total; i++) {
        if (i == whole)
            *out++ = '.';
        *out++ = (char)('0' + all[i]);
    }
    *out = '\0';
    return text;
}

/* value ± delta, both n digits at the same scale. */
static const char *shifted(int negative, const char *value, const char *delta, apr_size_t n,
                           long scale, int minus, apr_pool_t *pool)
{
    char *sum = apr_palloc(pool, n + 1);
    if (negative == minus)
        add(sum, value, delta, n, 0);
    else if (memcmp(value, delta, n) >= 0)
        add(sum, value, delta, n, 1);
    else {
        add(sum, delta, value, n, 1);
        negative = !negative;
    }
    return render(negative, sum, n + 1, scale, pool);
}

/* The digits of d with `spare` zeros behind them; returns their count, or 0 when the number does
 * not fit PostgreSQL's numeric. */
static apr_size_t expand(char **value, long *scale, const decimal_t *d, apr_size_t spare,
                         apr_pool_t *pool)
{
    apr_size_t written = d->n_integer + d->n_fraction, n = written + spare;
    *scale = (long)(d->n_fraction + spare) - d->exponent;
    if (*scale > MAX_FRACTION_DIGITS || (long)n - *scale >= MAX_INTEGER_DIGITS)
        return 0;
    *value = apr_pcalloc(pool, n);
    for (apr_size_t i = 0; i < written; i++)
        (*value)[i] =
            (char)((i < d->n_integer ? d->integer[i] : d->fraction[i - d->n_integer]) - '0');
    return n;
}

int fhir_decimal_bounds(const char **low, const char **high, const char *s, apr_size_t len,
                        apr_pool_t *pool)
{
    decimal_t d;
    if (!scan(&d, s, len))
        return 0;
    /* The specification counts 1e2 as [95, 105): a mantissa has at least one decimal place. */
    long scale;
    char *value;
    apr_size_t n = expand(&value, &scale, &d, d.has_exponent && !d.n_fraction ? 2 : 1, pool);
    if (!n)
        return 0;
    char *delta = apr_pcalloc(pool, n);
    delta[n - 1] = 5;
    *low = shifted(d.negative, value, delta, n, scale, 1, pool);
    *high = shifted(d.negative, value, delta, n, scale, 0, pool);
    return 1;
}

int fhir_decimal_approx(const char **low, const char **high, const char *s, apr_size_t len,
                        apr_pool_t *pool)
{
    decimal_t d;
    if (!scan(&d, s, len))
        return 0;
    long scale;
    char *value;
    apr_size_t n = expand(&value, &scale, &d, 1, pool);
    if (!n)
        return 0;
    char *delta = apr_pcalloc(pool, n);
    memcpy(delta + 1, value, n - 1);
    *low = shifted(d.negative, value, delta, n, scale, 1, pool);
    *high = shifted(d.negative, value, delta, n, scale, 0, pool);
    return 1;
}

/* A digit by its number in the integer and fractional part together; 0 outside of them. */
static char digit_at(const decimal_t *d, long i)
{
    long n = (long)d->n_integer;
    if (i < 0 || i >= n + (long)d->n_fraction)
        return '0';
    return i < n ? d->integer[i] : d->fraction[i - n];
}

const char *fhir_decimal_plain(const char *s, apr_size_t len, apr_pool_t *pool)
{
    decimal_t d;
    if (!scan(&d, s, len))
        return NULL;
    long n = (long)(d.n_integer + d.n_fraction);
    long point = (long)d.n_integer + d.exponent; /* the digit that it stands before */
    char *out;
    char *text = out = apr_palloc(pool, (apr_size_t)(n + labs(point) + 4));
    if (d.negative)
        *out++ = '-';
    if (point <= 0)
        *out++ = '0';
    long i = point < 0 ? point : 0;
    while (i + 1 < point && digit_at(&d, i) == '0')
        i++;
    for (; i < n || i < point; i++) {
        if (i == point)
            *out++ = '.';
        *out++ = digit_at(&d, i);
    }
    *out = '\0';
    return text;
}
