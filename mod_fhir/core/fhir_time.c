/* SPDX-License-Identifier: Apache-2.0 */
/* Dates and times: parsing to intervals, validity, writing. Zones are in fhir_zone.c. */
#include "core/fhir_time.h"

#include <string.h>

#include "core/fhir_calendar.h"

#define USEC ((apr_int64_t)1000000)

typedef struct fields_t {
    int year, month, day, hour, minute, second;
    apr_int64_t fraction;      /* µs, truncated */
    apr_int64_t fraction_step; /* µs of one unit of the last digit, at least 1 */
    int offset_min;            /* of the written zone */
    int has_zone;
    fhir_precision_t precision;
} fields_t;

typedef struct scan_t {
    const char *at, *end;
} scan_t;

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads exactly n digits with a value in [min, max]. */
static int number(int *value, scan_t *s, int n, int min, int max)
{
    int v = 0;
    if (s->end - s->at < n)
        return 0;
    for (int i = 0; i < n; i++) {
        if (!is_digit(*s->at))
            return 0;
        v = v * 10 + (*s->at++ - '0');
    }
    *value = v;
    return v >= min && v <= max;
}

static int take(scan_t *s, char c)
{
    if (s->at == s->end || *s->at != c)
        return 0;
    s->at++;
    return 1;
}

static int scan_date(fields_t *f, scan_t *s)
{
    f->month = f->day = 1;
    f->precision = FHIR_PREC_YEAR;
    if (!number(&f->year, s, 4, 1, 9999))
        return 0;
    if (!take(s, '-'))
        return 1;
    f->precision = FHIR_PREC_MONTH;
    if (!number(&f->month, s, 2, 1, 12))
        return 0;
    if (!take(s, '-'))
        return 1;
    f->precision = FHIR_PREC_DAY;
    return number(&f->day, s, 2, 1, fhir_calendar_month_days(f->year, f->month));
}

static int scan_fraction(fields_t *f, scan_t *s)
{
    apr_int64_t unit = USEC;
    if (s->at == s->end || !is_digit(*s->at))
        return 0;
    for (; s->at < s->end && is_digit(*s->at); s->at++) {
        unit /= 10; /* 0 after the sixth digit */
        f->fraction += (*s->at - '0') * unit;
    }
    f->fraction_step = unit ? unit : 1;
    f->precision = FHIR_PREC_FRACTION;
    return 1;
}

/* hh:mm, or hh:mm:ss with an optional fraction; second 60 is a leap second's. */
static int scan_time(fields_t *f, scan_t *s, int seconds_required)
{
    f->precision = FHIR_PREC_MINUTE;
    if (!number(&f->hour, s, 2, 0, 23) || !take(s, ':') || !number(&f->minute, s, 2, 0, 59))
        return 0;
    if (!take(s, ':'))
        return !seconds_required;
    f->precision = FHIR_PREC_SECOND;
    if (!number(&f->second, s, 2, 0, 60))
        return 0;
    return !take(s, '.') || scan_fraction(f, s);
}

static int scan_zone(fields_t *f, scan_t *s, int required)
{
    if (s->at == s->end)
        return !required;
    f->has_zone = 1;
    if (take(s, 'Z'))
        return 1;
    int sign = *s->at == '-' ? -1 : 1;
    /* the '+' of a URL arrives as a blank if it was not encoded; at the end of a search value it
     * can be nothing else */
    if (!take(s, '+') && !take(s, '-') && (required || !take(s, ' ')))
        return 0;
    int hours, minutes;
    if (!number(&hours, s, 2, 0, 14) || !take(s, ':') ||
        !number(&minutes, s, 2, 0, hours == 14 ? 0 : 59))
        return 0;
    f->offset_min = sign * (hours * 60 + minutes);
    return 1;
}

/* Local µs, computed as if the clock were UTC. */
static apr_int64_t civil(int year, int month, int day)
{
    return fhir_calendar_days(year, month, day) * 86400 * USEC;
}

/* The count of µs since 1970 has no place for a leap second. It is stored as the last µs of its
 * minute, so that searches find it in its minute and on its day. */
static apr_int64_t second_usec(const fields_t *f)
{
    return f->second == 60 ? 60 * USEC - 1 : f->second * USEC + f->fraction;
}

static void bounds(fhir_interval_t *out, const fields_t *f, const fhir_zone_t *zone)
{
    apr_int64_t low = civil(f->year, f->month, f->day), high = 0, length = 0;
    low += ((apr_int64_t)f->hour * 3600 + f->minute * 60) * USEC + second_usec(f);
    switch (f->precision) {
    case FHIR_PREC_YEAR:
        high = civil(f->year + 1, 1, 1);
        break;
    case FHIR_PREC_MONTH:
        high = f->month == 12 ? civil(f->year + 1, 1, 1) : civil(f->year, f->month + 1, 1);
        break;
    case FHIR_PREC_DAY:
        high = low + 86400 * USEC;
        break;
    case FHIR_PREC_MINUTE:
        length = 60 * USEC;
        break;
    case FHIR_PREC_SECOND:
        length = f->second == 60 ? 1 : USEC;
        break;
    case FHIR_PREC_FRACTION:
        length = f->second == 60 ? 1 : f->fraction_step;
        break;
    }
    out->low = f->has_zone ? low - f->offset_min * 60 * USEC : fhir_zone_to_utc(zone, low);
    /* Days may have 23 or 25 hours, but a minute always has 60 seconds, also at a change of
     * clocks. */
    out->high = length ? out->low + length : fhir_zone_to_utc(zone, high);
    if (out->high <= out->low)
        out->high = out->low + 1; /* the zone skipped this day */
    out->precision = f->precision;
    out->has_zone = f->has_zone;
}

int fhir_time_parse(fhir_interval_t *out, const char *s, apr_size_t len, fhir_time_form_t form,
                    const fhir_zone_t *zone)
{
    fields_t f = {0};
    scan_t scan = {s, s + len};
    if (!scan_date(&f, &scan))
        return 0;
    if (form != FHIR_TIME_DATE && f.precision == FHIR_PREC_DAY && take(&scan, 'T')) {
        if (!scan_time(&f, &scan, form != FHIR_TIME_SEARCH) ||
            !scan_zone(&f, &scan, form != FHIR_TIME_SEARCH))
            return 0;
    }
    if (scan.at != scan.end || (form == FHIR_TIME_INSTANT && f.precision < FHIR_PREC_SECOND))
        return 0;
    bounds(out, &f, zone);
    return 1;
}

int fhir_time_of_day_valid(const char *s, apr_size_t len)
{
    fields_t f = {0};
    scan_t scan = {s, s + len};
    return scan_time(&f, &scan, 1) && scan.at == scan.end;
}

typedef struct civil_t {
    int year, month, day, hour, minute, second, usec;
} civil_t;

static civil_t split(apr_int64_t usec)
{
    apr_int64_t days = usec / (86400 * USEC), rest = usec % (86400 * USEC);
    if (rest < 0) {
        rest += 86400 * USEC;
        days--;
    }
    civil_t c;
    fhir_calendar_civil(&c.year, &c.month, &c.day, days);
    c.hour = (int)(rest / (3600 * USEC));
    c.minute = (int)(rest / (60 * USEC) % 60);
    c.second = (int)(rest / USEC % 60);
    c.usec = (int)(rest % USEC);
    return c;
}

static char *put(char *out, int value, int width)
{
    for (int i = width; i-- > 0; value /= 10)
        out[i] = (char)('0' + value % 10);
    return out + width;
}

/* date, a separator, time */
static char *put_civil(char *out, const civil_t *c, char separator)
{
    out = put(out, c->year, c->year > 9999 ? 5 : 4);
    *out++ = '-';
    out = put(out, c->month, 2);
    *out++ = '-';
    out = put(out, c->day, 2);
    *out++ = separator;
    out = put(out, c->hour, 2);
    *out++ = ':';
    out = put(out, c->minute, 2);
    *out++ = ':';
    return put(out, c->second, 2);
}

void fhir_time_format(char out[25], apr_int64_t usec)
{
    /* The range that FHIR can write: years 0001 to 9999. */
    apr_int64_t first = civil(1, 1, 1), last = civil(10000, 1, 1) - 1;
    civil_t c = split(usec < first ? first : usec > last ? last : usec);
    out = put_civil(out, &c, 'T');
    *out++ = '.';
    out = put(out, c.usec / 1000, 3);
    *out++ = 'Z';
    *out = '\0';
}

void fhir_time_now(char out[25], apr_int64_t *usec)
{
    apr_int64_t now = apr_time_now();
    fhir_time_format(out, now);
    if (usec)
        *usec = now;
}

int fhir_time_format_sql(char out[40], apr_int64_t usec)
{
    if (usec == FHIR_TIME_MIN || usec == FHIR_TIME_MAX) {
        strcpy(out, usec == FHIR_TIME_MIN ? "-infinity" : "infinity");
        return (int)strlen(out);
    }
    civil_t c = split(usec);
    int before_christ = c.year < 1; /* an offset can reach from year 1 into the year before */
    if (before_christ)
        c.year = 1 - c.year;
    char *end = put_civil(out, &c, ' ');
    if (c.usec) {
        *end++ = '.';
        end = put(end, c.usec, 6);
        while (end[-1] == '0')
            end--;
    }
    strcpy(end, before_christ ? "+00 BC" : "+00");
    return (int)(end - out) + (before_christ ? 6 : 3);
}
