/* SPDX-License-Identifier: Apache-2.0 */
/* Dates, dateTimes and times, with the precision in which they are written.
 * Source: http://hl7.org/fhirpath/N1/#datetime, #comparison, #date-time-arithmetic */
#include <apr_strings.h>

#include "core/fhir_calendar.h"
#include "fhir/fhirpath/fhir_path_private.h"

#define DAY_SEC    86400
#define MAX_MONTHS 120000                         /* 10,000 years */
#define MAX_MSEC   ((apr_int64_t)400000000000000) /* more than that */

static int number(int *value, const char **s, const char *end, int n, int min, int max)
{
    int v = 0;
    if (end - *s < n)
        return 0;
    for (int i = 0; i < n; i++, ++*s) {
        if (**s < '0' || **s > '9')
            return 0;
        v = v * 10 + (**s - '0');
    }
    *value = v;
    return v >= min && v <= max;
}

static int take(const char **s, const char *end, char c)
{
    if (*s == end || **s != c)
        return 0;
    ++*s;
    return 1;
}

static int parse_date(moment_t *m, const char **s, const char *end)
{
    m->precision = MOMENT_YEAR;
    if (!number(&m->year, s, end, 4, 1, 9999))
        return 0;
    if (!take(s, end, '-'))
        return 1;
    m->precision = MOMENT_MONTH;
    if (!number(&m->month, s, end, 2, 1, 12))
        return 0;
    if (!take(s, end, '-'))
        return 1;
    m->precision = MOMENT_DAY;
    return number(&m->day, s, end, 2, 1, fhir_calendar_month_days(m->year, m->month));
}

static int parse_time(moment_t *m, const char **s, const char *end)
{
    int unit = 100000;
    m->precision = MOMENT_HOUR;
    if (!number(&m->hour, s, end, 2, 0, 23))
        return 0;
    if (!take(s, end, ':'))
        return 1;
    m->precision = MOMENT_MINUTE;
    if (!number(&m->minute, s, end, 2, 0, 59))
        return 0;
    if (!take(s, end, ':'))
        return 1;
    m->precision = MOMENT_SECOND;
    if (!number(&m->second, s, end, 2, 0, 60))
        return 0;
    if (!take(s, end, '.'))
        return 1;
    for (; *s < end && **s >= '0' && **s <= '9'; ++*s, unit /= 10) {
        m->micros += (**s - '0') * unit;
        m->fraction_digits++;
    }
    return m->fraction_digits > 0;
}

static int parse_zone(moment_t *m, const char **s, const char *end)
{
    int sign = 1;
    if (*s == end)
        return 1;
    m->has_zone = 1;
    if (take(s, end, 'Z'))
        return 1;
    if (take(s, end, '-'))
        sign = -1;
    else if (!take(s, end, '+'))
        return 0;
    int hours, minutes;
    if (!number(&hours, s, end, 2, 0, 14) || !take(s, end, ':') ||
        !number(&minutes, s, end, 2, 0, hours == 14 ? 0 : 59))
        return 0;
    m->offset_min = sign * (hours * 60 + minutes);
    return 1;
}

int path_moment_parse(moment_t *m, fhir_path_kind_t kind, const char *s, apr_size_t len)
{
    const char *end = s + len;

    memset(m, 0, sizeof(*m));
    m->kind = kind;
    m->month = m->day = 1;
    if (kind == FHIR_PATH_TIME)
        return parse_time(m, &s, end) && s == end;
    if (!parse_date(m, &s, end))
        return 0;
    if (kind == FHIR_PATH_DATETIME && take(&s, end, 'T') && s < end)
        return m->precision == MOMENT_DAY && parse_time(m, &s, end) && parse_zone(m, &s, end) &&
               s == end;
    return s == end;
}

const char *path_moment_text(const moment_t *m, apr_pool_t *pool)
{
    const char *date = "", *time = "", *zone = "";
    char fraction[12] = "";
    int digits = m->fraction_digits > 6 ? 6 : m->fraction_digits;

    if (m->kind != FHIR_PATH_TIME)
        date = m->precision == MOMENT_YEAR ? apr_psprintf(pool, "%04d", m->year)
               : m->precision == MOMENT_MONTH
                   ? apr_psprintf(pool, "%04d-%02d", m->year, m->month)
                   : apr_psprintf(pool, "%04d-%02d-%02d", m->year, m->month, m->day);
    if (digits) {
        apr_snprintf(fraction, sizeof(fraction), ".%06d", m->micros);
        fraction[1 + digits] = '\0';
    }
    if (m->precision == MOMENT_HOUR)
        time = apr_psprintf(pool, "%02d", m->hour);
    else if (m->precision == MOMENT_MINUTE)
        time = apr_psprintf(pool, "%02d:%02d", m->hour, m->minute);
    else if (m->precision == MOMENT_SECOND)
        time = apr_psprintf(pool, "%02d:%02d:%02d%s", m->hour, m->minute, m->second, fraction);
    if (m->has_zone && m->offset_min == 0)
        zone = "Z";
    else if (m->has_zone) {
        int offset = m->offset_min < 0 ? -m->offset_min : m->offset_min;
        zone = apr_psprintf(pool, "%c%02d:%02d", m->offset_min < 0 ? '-' : '+', offset / 60,
                            offset % 60);
    }
    return apr_pstrcat(pool, date, *date && *time ? "T" : "", time, zone, NULL);
}

/* Seconds of the fields, as if they were UTC's. */
static apr_int64_t seconds_of(const moment_t *m)
{
    apr_int64_t days =
        m->kind == FHIR_PATH_TIME ? 0 : fhir_calendar_days(m->year, m->month, m->day);
    return days * DAY_SEC + m->hour * 3600 + m->minute * 60 + m->second;
}

static void set_seconds(moment_t *m, apr_int64_t sec)
{
    apr_int64_t days = sec / DAY_SEC, rest = sec % DAY_SEC;
    if (rest < 0) {
        rest += DAY_SEC;
        days--;
    }
    if (m->kind != FHIR_PATH_TIME)
        fhir_calendar_civil(&m->year, &m->month, &m->day, days);
    m->hour = (int)(rest / 3600);
    m->minute = (int)(rest / 60 % 60);
    m->second = (int)(rest % 60);
}

static void to_utc(moment_t *m)
{
    set_seconds(m, seconds_of(m) - m->offset_min * 60);
}

int path_moment_compare(const moment_t *left, const moment_t *right)
{
    moment_t a = *left, b = *right;
    int date = a.kind != FHIR_PATH_TIME;

    if (date != (b.kind != FHIR_PATH_TIME))
        return PATH_EMPTY;
    /* Two local times can be compared without a zone; a local time and one with a zone cannot. A
     * day is taken as written. */
    if (date && a.precision > MOMENT_DAY && b.precision > MOMENT_DAY) {
        if (a.has_zone != b.has_zone)
            return PATH_EMPTY;
        to_utc(&a);
        to_utc(&b);
    }
    const int of_a[] = {a.year, a.month, a.day, a.hour, a.minute, a.second};
    const int of_b[] = {b.year, b.month, b.day, b.hour, b.minute, b.second};
    for (int i = date ? MOMENT_YEAR : MOMENT_HOUR; i <= MOMENT_SECOND; i++) {
        int has_a = (int)a.precision >= i, has_b = (int)b.precision >= i;
        if (!has_a || !has_b)
            return has_a == has_b ? 0 : PATH_EMPTY;
        if (of_a[i] != of_b[i])
            return of_a[i] < of_b[i] ? -1 : 1;
    }
    return (a.micros > b.micros) - (a.micros < b.micros);
}

/* Years and months are added on the calendar. The day is cut to the last one of the month. */
static int add_months(moment_t *m, apr_int64_t months)
{
    apr_int64_t total = (apr_int64_t)m->year * 12 + m->month - 1 + months;
    if (total < 12 || total >= 120000)
        return 0;
    m->year = (int)(total / 12);
    m->month = (int)(total % 12) + 1;
    int last = fhir_calendar_month_days(m->year, m->month);
    if (m->day > last)
        m->day = last;
    return 1;
}

static int add_micros(moment_t *m, apr_int64_t micros)
{
    apr_int64_t total = seconds_of(m), rest = m->micros + micros % 1000000;
    total += micros / 1000000;
    if (rest < 0) {
        rest += 1000000;
        total--;
    }
    total += rest / 1000000;
    if (m->kind == FHIR_PATH_TIME) /* times wrap at midnight */
        total = (total % DAY_SEC + DAY_SEC) % DAY_SEC;
    m->micros = (int)(rest % 1000000);
    if (total < fhir_calendar_days(1, 1, 1) * DAY_SEC ||
        total >= fhir_calendar_days(10000, 1, 1) * DAY_SEC)
        return 0;
    set_seconds(m, total);
    return 1;
}

/* An amount below the precision of a partial date is converted to that precision, with 12 months a
 * year, 30 days a month, 24 hours a day. The remainder is dropped. */
static const struct {
    const char *word, *ucum;
    moment_precision_t precision;
    int months;       /* or */
    apr_int64_t msec; /* one unit */
} units[] = {
    {"year", NULL, MOMENT_YEAR, 12, 0}, /* UCUM's year and month have a fixed length */
    {"month", NULL, MOMENT_MONTH, 1, 0},
    {"week", "wk", MOMENT_DAY, 0, (apr_int64_t)7 * DAY_SEC * 1000},
    {"day", "d", MOMENT_DAY, 0, (apr_int64_t)DAY_SEC * 1000},
    {"hour", "h", MOMENT_HOUR, 0, 3600000},
    {"minute", "min", MOMENT_MINUTE, 0, 60000},
    {"second", "s", MOMENT_SECOND, 0, 1000},
    {"millisecond", "ms", MOMENT_SECOND, 0, 1},
};

static int find_unit(const char *unit, apr_size_t len)
{
    const char *word = path_calendar_unit(unit, len);
    for (int i = 0; i < (int)(sizeof(units) / sizeof(units[0])); i++) {
        if (word ? strcmp(word, units[i].word) == 0
                 : units[i].ucum && strlen(units[i].ucum) == len &&
                       memcmp(units[i].ucum, unit, len) == 0)
            return i;
    }
    return -1;
}

static int add_span(moment_t *m, int unit, apr_int64_t amount)
{
    apr_int64_t days = units[unit].msec ? amount * units[unit].msec / 1000 / DAY_SEC : 0;

    if (units[unit].months)
        return add_months(m, m->precision == MOMENT_YEAR ? amount * units[unit].months / 12 * 12
                                                         : amount * units[unit].months);
    if (m->kind != FHIR_PATH_TIME) {
        if (m->precision == MOMENT_YEAR)
            return add_months(m, days / 30 / 12 * 12);
        if (m->precision == MOMENT_MONTH)
            return add_months(m, days / 30);
        if (m->precision == MOMENT_DAY)
            return add_micros(m, days * DAY_SEC * 1000000);
    }
    if (m->precision == MOMENT_HOUR || m->precision == MOMENT_MINUTE) {
        apr_int64_t step = m->precision == MOMENT_HOUR ? 3600000 : 60000;
        return add_micros(m, amount * units[unit].msec / step * step * 1000);
    }
    return add_micros(m, amount * units[unit].msec * 1000);
}

int path_moment_unit(fhir_path_kind_t kind, const char *unit, apr_size_t unit_len)
{
    int i = find_unit(unit, unit_len);
    return i >= 0 && (kind != FHIR_PATH_TIME || units[i].precision >= MOMENT_HOUR);
}

int path_moment_add(moment_t *sum, const moment_t *m, const number_t *amount, const char *unit,
                    apr_size_t unit_len, int subtract)
{
    int i = find_unit(unit, unit_len);
    number_t milli = path_number_of(1000);

    *sum = *m;
    if (i < 0)
        return 0;
    /* Decimal places count for seconds only. */
    number_t whole;
    if (units[i].msec == 1000) {
        if (!path_number_multiply(&whole, amount, &milli))
            return 0;
        i++;
    }
    else
        whole = *amount;
    apr_int64_t n;
    if (!path_number_round(&whole, &whole, 0, PATH_TRUNCATE) || !path_number_integer(&n, &whole))
        return 0;
    apr_int64_t most = units[i].months ? MAX_MONTHS / units[i].months : MAX_MSEC / units[i].msec;
    if (n > most || n < -most)
        return 0;
    if (m->precision == MOMENT_SECOND && units[i].msec == 1 && n % 1000 && sum->fraction_digits < 3)
        sum->fraction_digits = 3;
    return add_span(sum, i, subtract ? -n : n);
}

moment_t path_moment_of(apr_int64_t usec, fhir_path_kind_t kind, const fhir_zone_t *zone)
{
    moment_t m = {.kind = FHIR_PATH_DATETIME, .precision = MOMENT_SECOND, .fraction_digits = 3};
    apr_int64_t local = usec + (apr_int64_t)fhir_zone_offset(zone, usec) * 1000000;
    set_seconds(&m, local / 1000000);
    m.micros = (int)(local % 1000000) / 1000 * 1000;
    m.kind = kind;
    if (kind == FHIR_PATH_DATE) {
        m.precision = MOMENT_DAY;
        m.hour = m.minute = m.second = m.micros = m.fraction_digits = 0;
    }
    else if (kind == FHIR_PATH_DATETIME) {
        m.has_zone = 1;
        m.offset_min = (int)((local - usec) / 60000000);
    }
    return m;
}

/* Boundaries; http://build.fhir.org/ig/HL7/FHIRPath/#lowboundaryprecision-integer */

static const struct {
    int digits;
    moment_precision_t precision;
    fhir_path_kind_t kind; /* TIME or not */
} digits_table[] = {
    {4, MOMENT_YEAR, FHIR_PATH_DATE},    {6, MOMENT_MONTH, FHIR_PATH_DATE},
    {8, MOMENT_DAY, FHIR_PATH_DATE},     {10, MOMENT_HOUR, FHIR_PATH_DATE},
    {12, MOMENT_MINUTE, FHIR_PATH_DATE}, {14, MOMENT_SECOND, FHIR_PATH_DATE},
    {17, MOMENT_SECOND, FHIR_PATH_DATE}, {2, MOMENT_HOUR, FHIR_PATH_TIME},
    {4, MOMENT_MINUTE, FHIR_PATH_TIME},  {6, MOMENT_SECOND, FHIR_PATH_TIME},
    {9, MOMENT_SECOND, FHIR_PATH_TIME},
};
#define N_DIGITS ((int)(sizeof(digits_table) / sizeof(digits_table[0])))

int path_moment_digits(const moment_t *m)
{
    for (int i = 0; i < N_DIGITS; i++) {
        if ((digits_table[i].kind == FHIR_PATH_TIME) == (m->kind == FHIR_PATH_TIME) &&
            digits_table[i].precision == m->precision)
            return digits_table[i].digits + (m->fraction_digits ? 3 : 0);
    }
    return 0;
}

int path_moment_boundary(moment_t *out, const moment_t *m, int digits, int high)
{
    int i = 0;
    while (i < N_DIGITS &&
           (digits_table[i].digits != digits ||
            (digits_table[i].kind == FHIR_PATH_TIME) != (m->kind == FHIR_PATH_TIME)))
        i++;
    if (i == N_DIGITS || (m->kind == FHIR_PATH_DATE && digits > 8))
        return 0;
    *out = *m;
    if (high) {
        if (m->precision < MOMENT_MONTH)
            out->month = 12;
        if (m->precision < MOMENT_DAY)
            out->day = fhir_calendar_month_days(out->year, out->month);
        if (m->precision < MOMENT_HOUR)
            out->hour = 23;
        if (m->precision < MOMENT_MINUTE)
            out->minute = 59;
        if (m->precision < MOMENT_SECOND)
            out->second = 59;
        if (m->fraction_digits == 0)
            out->micros = 999000;
    }
    out->precision = digits_table[i].precision;
    out->fraction_digits = digits == 17 || digits == 9 ? 3 : 0;
    if (m->kind == FHIR_PATH_DATETIME && out->precision < MOMENT_HOUR)
        out->has_zone = 0;
    else if (m->kind == FHIR_PATH_DATETIME && !m->has_zone) {
        /* The zone is unknown, so the earliest or the latest existing zone is used. */
        out->has_zone = 1;
        out->offset_min = (high ? -12 : 14) * 60;
    }
    return 1;
}
