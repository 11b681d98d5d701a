/* SPDX-License-Identifier: Apache-2.0 */
/* Quantities and their units: enough of UCUM to compare and convert what clinical data contains.
 * An unknown unit equals only itself.
 * Source: http://hl7.org/fhirpath/N1/#quantity, https://ucum.org/ucum (factors, prefixes) */
#include <apr_strings.h>

#include "fhir/fhirpath/fhir_path_private.h"

/* Dimensions: metre, gram, second, kelvin, coulomb, candela, mole, international unit. */
#define N_DIMENSIONS 8
#define MAX_UNIT     100
#define MAX_NEST     8

/* numerator / denominator of the base units, each to a power. */
typedef struct unit_t {
    number_t numerator, denominator;
    signed char power[N_DIMENSIONS];
    int months; /* number of months or years of the calendar, which UCUM does not have; or 0 */
} unit_t;

static const struct {
    const char *code;
    const char *factor;
    signed char power[N_DIMENSIONS];
    char metric; /* takes prefixes */
} atoms[] = {
    {"m", "1", {1}, 1},
    {"g", "1", {0, 1}, 1},
    {"s", "1", {0, 0, 1}, 1},
    {"K", "1", {0, 0, 0, 1}, 1},
    {"C", "1", {0, 0, 0, 0, 1}, 1},
    {"cd", "1", {0, 0, 0, 0, 0, 1}, 1},
    {"mol", "1", {0, 0, 0, 0, 0, 0, 1}, 1},
    {"eq", "1", {0, 0, 0, 0, 0, 0, 1}, 1},
    {"osm", "1", {0, 0, 0, 0, 0, 0, 1}, 1},
    {"[iU]", "1", {0, 0, 0, 0, 0, 0, 0, 1}, 1},
    {"[IU]", "1", {0, 0, 0, 0, 0, 0, 0, 1}, 1},
    {"min", "60", {0, 0, 1}, 0},
    {"h", "3600", {0, 0, 1}, 0},
    {"d", "86400", {0, 0, 1}, 0},
    {"wk", "604800", {0, 0, 1}, 0},
    {"mo", "2629800", {0, 0, 1}, 0},
    {"a", "31557600", {0, 0, 1}, 0},
    {"L", "0.001", {3}, 1},
    {"l", "0.001", {3}, 1},
    {"t", "1000000", {0, 1}, 1},
    {"Hz", "1", {0, 0, -1}, 1},
    {"N", "1000", {1, 1, -2}, 1},
    {"Pa", "1000", {-1, 1, -2}, 1},
    {"bar", "100000000", {-1, 1, -2}, 1},
    {"m[Hg]", "133322000", {-1, 1, -2}, 1},
    {"m[H2O]", "9806650", {-1, 1, -2}, 1},
    {"J", "1000", {2, 1, -2}, 1},
    {"W", "1000", {2, 1, -3}, 1},
    {"cal", "4184", {2, 1, -2}, 1},
    {"A", "1", {0, 0, -1, 0, 1}, 1},
    {"V", "1000", {2, 1, -2, 0, -1}, 1},
    {"kat", "1", {0, 0, -1, 0, 0, 0, 1}, 1},
    {"Bq", "1", {0, 0, -1}, 1},
    {"Gy", "1", {2, 0, -2}, 1},
    {"Sv", "1", {2, 0, -2}, 1},
    {"[in_i]", "0.0254", {1}, 0},
    {"[ft_i]", "0.3048", {1}, 0},
    {"[yd_i]", "0.9144", {1}, 0},
    {"[mi_i]", "1609.344", {1}, 0},
    {"[lb_av]", "453.59237", {0, 1}, 0},
    {"[oz_av]", "28.349523125", {0, 1}, 0},
    {"[stn_av]", "907184.74", {0, 1}, 0},
    {"[gal_us]", "0.003785411784", {3}, 0},
    {"[foz_us]", "0.0000295735295625", {3}, 0},
    {"%", "0.01", {0}, 0},
    {"[ppth]", "0.001", {0}, 0},
    {"[ppm]", "0.000001", {0}, 0},
    {"[ppb]", "0.000000001", {0}, 0},
    {"10*", "10", {0}, 0},
    {"10^", "10", {0}, 0},
};
#define N_ATOMS ((int)(sizeof(atoms) / sizeof(atoms[0])))

static const struct {
    const char *code;
    int power;
} prefixes[] = {
    {"da", 1}, {"Y", 24},  {"Z", 21},  {"E", 18},  {"P", 15},  {"T", 12},  {"G", 9},
    {"M", 6},  {"k", 3},   {"h", 2},   {"d", -1},  {"c", -2},  {"m", -3},  {"u", -6},
    {"n", -9}, {"p", -12}, {"f", -15}, {"a", -18}, {"z", -21}, {"y", -24},
};
#define N_PREFIXES ((int)(sizeof(prefixes) / sizeof(prefixes[0])))

static const struct {
    const char *word, *ucum;
    int months;
} calendar[] = {
    {"year", "a", 12}, {"month", "mo", 1},   {"week", "wk", 0},  {"day", "d", 0},
    {"hour", "h", 0},  {"minute", "min", 0}, {"second", "s", 0}, {"millisecond", "ms", 0},
};
#define N_CALENDAR ((int)(sizeof(calendar) / sizeof(calendar[0])))

static int calendar_index(const char *unit, apr_size_t len)
{
    for (int i = 0; i < N_CALENDAR; i++) {
        apr_size_t n = strlen(calendar[i].word);
        if ((len == n || (len == n + 1 && unit[n] == 's')) &&
            memcmp(unit, calendar[i].word, n) == 0)
            return i;
    }
    return -1;
}

const char *path_calendar_unit(const char *unit, apr_size_t len)
{
    int i = calendar_index(unit, len);
    return i < 0 ? NULL : calendar[i].word;
}

/* Reading a unit */

typedef struct reader_t {
    const char *at, *end;
    int depth;
} reader_t;

static int terms(reader_t *r, unit_t *out);

static int scale(unit_t *u, const number_t *factor, int invert)
{
    number_t *n = invert ? &u->denominator : &u->numerator;
    return path_number_multiply(n, n, factor);
}

/* u *= by ^ power */
static int multiply(unit_t *u, const unit_t *by, int power)
{
    int invert = power < 0, n = invert ? -power : power;
    for (int i = 0; i < N_DIMENSIONS; i++) {
        int p = u->power[i] + by->power[i] * power;
        if (p < -100 || p > 100)
            return 0;
        u->power[i] = (signed char)p;
    }
    while (n-- > 0) {
        if (!scale(u, &by->numerator, invert) || !scale(u, &by->denominator, !invert))
            return 0;
    }
    return 1;
}

static void one(unit_t *u)
{
    memset(u, 0, sizeof(*u));
    u->numerator = u->denominator = path_number_of(1);
}

/* Finds the atom that the text is, perhaps with a prefix before it. */
static int atom(unit_t *u, const char *s, apr_size_t len)
{
    for (int p = -1; p < N_PREFIXES; p++) {
        apr_size_t skip = p < 0 ? 0 : strlen(prefixes[p].code);
        if (skip >= len || (skip && memcmp(s, prefixes[p].code, skip) != 0))
            continue;
        for (int i = 0; i < N_ATOMS; i++) {
            if ((p >= 0 && !atoms[i].metric) || strlen(atoms[i].code) != len - skip ||
                memcmp(atoms[i].code, s + skip, len - skip) != 0)
                continue;
            one(u);
            memcpy(u->power, atoms[i].power, sizeof(u->power));
            path_number_parse(&u->numerator, atoms[i].factor, strlen(atoms[i].factor));
            if (p >= 0)
                u->numerator.scale -= prefixes[p].power;
            return 1;
        }
    }
    return 0;
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int exponent(reader_t *r, int *power)
{
    int sign = 1, n = 0;
    *power = 1;
    if (r->at == r->end || (*r->at != '-' && *r->at != '+' && !is_digit(*r->at)))
        return 1;
    if (!is_digit(*r->at))
        sign = *r->at++ == '-' ? -1 : 1;
    while (r->at < r->end && is_digit(*r->at) && n < 100)
        n = n * 10 + (*r->at++ - '0');
    *power = sign * n;
    return n > 0 && n < 50;
}

static int is_ten(const reader_t *r)
{
    return r->end - r->at >= 3 && (memcmp(r->at, "10*", 3) == 0 || memcmp(r->at, "10^", 3) == 0);
}

static int atom_with_exponent(reader_t *r, unit_t *u, int *power)
{
    const char *start = r->at;
    int bracket = 0;
    if (is_ten(r))
        r->at += 3;
    else {
        while (r->at < r->end && (bracket || (!is_digit(*r->at) && !strchr("./+-(){}", *r->at)))) {
            bracket = *r->at == '[' ? 1 : *r->at == ']' ? 0 : bracket;
            r->at++;
        }
    }
    return atom(u, start, (apr_size_t)(r->at - start)) && exponent(r, power);
}

static int factor(reader_t *r, unit_t *u)
{
    const char *start = r->at;
    while (r->at < r->end && is_digit(*r->at))
        r->at++;
    return path_number_parse(&u->numerator, start, (apr_size_t)(r->at - start));
}

static int parenthesis(reader_t *r, unit_t *u)
{
    r->at++;
    if (++r->depth > MAX_NEST || !terms(r, u) || r->at == r->end || *r->at++ != ')')
        return 0;
    r->depth--;
    return 1;
}

/* An annotation does not change the value. */
static int annotation(reader_t *r)
{
    while (r->at < r->end && *r->at != '}')
        r->at++;
    return r->at++ < r->end;
}

static int component(reader_t *r, unit_t *out)
{
    unit_t u;
    int power = 1, right = 1;

    one(&u);
    if (r->at == r->end)
        return 0;
    if (*r->at == '(')
        right = parenthesis(r, &u);
    else if (is_digit(*r->at) && !is_ten(r))
        right = factor(r, &u);
    else if (*r->at != '{')
        right = atom_with_exponent(r, &u, &power);
    if (right && r->at < r->end && *r->at == '{')
        right = annotation(r);
    return right && multiply(out, &u, power);
}

static int terms(reader_t *r, unit_t *out)
{
    int divide = r->at < r->end && *r->at == '/';
    one(out);
    if (divide)
        r->at++;
    for (;;) {
        unit_t u;
        one(&u);
        if (!component(r, &u) || !multiply(out, &u, divide ? -1 : 1))
            return 0;
        if (r->at == r->end || *r->at == ')')
            return 1;
        divide = *r->at == '/';
        if (*r->at != '.' && *r->at != '/')
            return 0;
        r->at++;
    }
}

static int read_unit(unit_t *u, const char *s, apr_size_t len, int calendar_word)
{
    int word = calendar_word ? calendar_index(s, len) : -1;
    reader_t r = {s, s + len, 0};

    if (len == 0 || len > MAX_UNIT)
        return 0;
    if (word >= 0) {
        r.at = calendar[word].ucum;
        r.end = r.at + strlen(r.at);
    }
    if (!terms(&r, u) || r.at != r.end)
        return 0;
    if (word >= 0 && calendar[word].months) {
        u->months = calendar[word].months;
        u->numerator = path_number_of(u->months);
    }
    return 1;
}

/* Comparing */

int path_unit_same(const char *a, apr_size_t a_len, const char *b, apr_size_t b_len)
{
    const char *word_a = path_calendar_unit(a, a_len), *word_b = path_calendar_unit(b, b_len);
    if (word_a && word_b)
        return strcmp(word_a, word_b) == 0;
    return a_len == b_len && memcmp(a, b, a_len) == 0;
}

static int units_of(unit_t *ua, unit_t *ub, const quantity_t *a, const quantity_t *b)
{
    return read_unit(ua, a->unit, a->unit_len, a->calendar) &&
           read_unit(ub, b->unit, b->unit_len, b->calendar) &&
           memcmp(ua->power, ub->power, sizeof(ua->power)) == 0 &&
           /* Months have no fixed length. */
           !ua->months == !ub->months;
}

int path_quantity_comparable(const quantity_t *a, const quantity_t *b)
{
    unit_t ua, ub;
    return path_unit_same(a->unit, a->unit_len, b->unit, b->unit_len) || units_of(&ua, &ub, a, b);
}

int path_quantity_compare(const quantity_t *a, const quantity_t *b)
{
    if (a->calendar == b->calendar && path_unit_same(a->unit, a->unit_len, b->unit, b->unit_len))
        return path_number_compare(&a->value, &b->value);
    unit_t ua, ub;
    number_t left, right;
    if (!units_of(&ua, &ub, a, b) || !path_number_multiply(&left, &a->value, &ua.numerator) ||
        !path_number_multiply(&left, &left, &ub.denominator) ||
        !path_number_multiply(&right, &b->value, &ub.numerator) ||
        !path_number_multiply(&right, &right, &ua.denominator))
        return PATH_EMPTY;
    return path_number_compare(&left, &right);
}

int path_quantity_convert(number_t *out, const quantity_t *q, const char *unit, apr_size_t unit_len)
{
    quantity_t to = {.unit = unit, .unit_len = (apr_uint32_t)unit_len, .calendar = q->calendar};

    *out = q->value;
    if (path_unit_same(q->unit, q->unit_len, unit, unit_len))
        return 1;
    to.calendar = path_calendar_unit(unit, unit_len) != NULL;
    unit_t from_unit, to_unit;
    number_t up, down;
    return units_of(&from_unit, &to_unit, q, &to) &&
           path_number_multiply(&up, &q->value, &from_unit.numerator) &&
           path_number_multiply(&up, &up, &to_unit.denominator) &&
           path_number_multiply(&down, &from_unit.denominator, &to_unit.numerator) &&
           path_number_divide(out, &up, &down);
}

int path_quantity_multiply(quantity_t *out, const quantity_t *a, const quantity_t *b, int divide,
                           apr_pool_t *pool)
{
    int plain_a = a->unit_len == 1 && *a->unit == '1',
        plain_b = b->unit_len == 1 && *b->unit == '1';

    out->calendar = 0;
    if (divide ? !path_number_divide(&out->value, &a->value, &b->value)
               : !path_number_multiply(&out->value, &a->value, &b->value))
        return 0;
    if (a->unit_len > MAX_UNIT || b->unit_len > MAX_UNIT)
        return 0;
    const char *unit;
    if (plain_b)
        unit = apr_pstrmemdup(pool, a->unit, a->unit_len);
    else if (plain_a)
        unit = apr_psprintf(pool, divide ? "/(%.*s)" : "%.*s", (int)b->unit_len, b->unit);
    else if (divide && path_unit_same(a->unit, a->unit_len, b->unit, b->unit_len))
        unit = "1";
    else
        unit =
            apr_psprintf(pool,
                         strpbrk(apr_pstrmemdup(pool, b->unit, b->unit_len), "./") ? "%.*s%c(%.*s)"
                                                                                   : "%.*s%c%.*s",
                         (int)a->unit_len, a->unit, divide ? '/' : '.', (int)b->unit_len, b->unit);
    out->unit = unit;
    out->unit_len = (apr_uint32_t)strlen(unit);
    return out->unit_len <= MAX_UNIT;
}

/* Text */

int path_quantity_parse(quantity_t *q, const char *s, apr_size_t len, apr_pool_t *pool)
{
    const char *c = s, *end = s + len;

    memset(q, 0, sizeof(*q));
    while (c < end && (is_digit(*c) || *c == '.' || *c == '-' || *c == '+'))
        c++;
    if (s < end && *s == '+')
        s++;
    if (!path_number_parse(&q->value, s, (apr_size_t)(c - s)))
        return 0;
    q->unit = "1";
    q->unit_len = 1;
    if (c == end)
        return 1;
    while (c < end && (*c == ' ' || *c == '\t'))
        c++;
    if (end - c > 2 && *c == '\'' && end[-1] == '\'') {
        q->unit = apr_pstrmemdup(pool, c + 1, (apr_size_t)(end - c) - 2);
        q->unit_len = (apr_uint32_t)(end - c) - 2;
        return memchr(q->unit, '\'', q->unit_len) == NULL;
    }
    q->unit = c;
    q->unit_len = (apr_uint32_t)(end - c);
    q->calendar = 1;
    return path_calendar_unit(c, (apr_size_t)(end - c)) != NULL;
}

const char *path_quantity_text(const quantity_t *q, apr_pool_t *pool)
{
    return apr_psprintf(pool, q->calendar ? "%s %.*s" : "%s '%.*s'",
                        path_number_text(&q->value, pool), (int)q->unit_len, q->unit);
}
