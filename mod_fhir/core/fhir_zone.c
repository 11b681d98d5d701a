/* SPDX-License-Identifier: Apache-2.0 */
/* Time zones from the system's IANA data: TZif files, versions 2 and up.
 * Source: RFC 8536 (the format), POSIX.1-2017 section 8.3 (the rule in the footer) */
#include <apr_file_io.h>
#include <apr_strings.h>
#include <string.h>

#include "core/fhir_calendar.h"
#include "core/fhir_time.h"

#define ZONE_FOLDER  "/usr/share/zoneinfo/"
#define MAX_FILE     (256 * 1024)
#define MAX_NAME     64
#define HEADER_BYTES 44
#define DAY          86400

/* One of the two days of a rule on which clocks change. */
typedef struct change_t {
    char form;            /* 'M' month.week.weekday, 'J' 1 to 365 without leap day, '0' 0 to 365 */
    int month, week, day; /* for 'J' and '0' only day */
    int time_sec;         /* local, -167 h to 167 h */
} change_t;

struct fhir_zone_t {
    apr_size_t n; /* transitions */
    const apr_int64_t *at;
    const int *offset; /* seconds east of UTC from at[i] on */
    int first_offset;  /* before at[0] */
    int has_rule;      /* behind the last transition */
    int standard, daylight, has_daylight;
    change_t to_daylight, to_standard;
};

static apr_int64_t rule_day(const change_t *c, int year)
{
    apr_int64_t first = fhir_calendar_days(year, 1, 1);
    if (c->form == '0')
        return first + c->day;
    if (c->form == 'J')
        return first + c->day - 1 + (c->day > 59 && fhir_calendar_is_leap(year));
    apr_int64_t day = fhir_calendar_days(year, c->month, 1);
    int weekday = (int)(((day + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
    int length = fhir_calendar_month_days(year, c->month);
    weekday = (c->day - weekday + 7) % 7 + (c->week - 1) * 7;
    return day + (weekday < length ? weekday : weekday - 7); /* week 5 is the last one */
}

static int rule_offset(const fhir_zone_t *z, apr_int64_t utc_sec)
{
    apr_int64_t local = utc_sec + z->standard;
    if (!z->has_daylight)
        return z->standard;
    int year, month, day;
    fhir_calendar_civil(&year, &month, &day, (local >= 0 ? local : local - (DAY - 1)) / DAY);
    apr_int64_t start =
        rule_day(&z->to_daylight, year) * DAY + z->to_daylight.time_sec - z->standard;
    apr_int64_t end = rule_day(&z->to_standard, year) * DAY + z->to_standard.time_sec - z->daylight;
    if (start < end ? utc_sec >= start && utc_sec < end : utc_sec >= start || utc_sec < end)
        return z->daylight;
    return z->standard;
}

static int offset_at(const fhir_zone_t *z, apr_int64_t utc_sec)
{
    apr_size_t low = 0, high = z->n;
    if (z->n == 0 || utc_sec < z->at[0])
        return z->n == 0 && z->has_rule ? rule_offset(z, utc_sec) : z->first_offset;
    if (z->has_rule && utc_sec >= z->at[z->n - 1])
        return rule_offset(z, utc_sec);
    while (high - low > 1) {
        apr_size_t middle = low + (high - low) / 2;
        if (z->at[middle] <= utc_sec)
            low = middle;
        else
            high = middle;
    }
    return z->offset[low];
}

static apr_int64_t floor_sec(apr_int64_t usec)
{
    return (usec >= 0 ? usec : usec - 999999) / 1000000;
}

int fhir_zone_offset(const fhir_zone_t *zone, apr_int64_t usec)
{
    return zone ? offset_at(zone, floor_sec(usec)) : 0;
}

apr_int64_t fhir_zone_to_utc(const fhir_zone_t *zone, apr_int64_t local)
{
    apr_int64_t sec = floor_sec(local);
    if (!zone)
        return local;
    int before = offset_at(zone, sec - DAY);
    int after = offset_at(zone, sec + DAY);
    /* When clocks are set back, both offsets fit, and `before` gives the earlier instant. When they
     * are set forward, neither fits, and it moves the time by the length of the gap, as PostgreSQL
     * does. */
    if (before == after || offset_at(zone, sec - before) == before ||
        offset_at(zone, sec - after) != after)
        return local - (apr_int64_t)before * 1000000;
    return local - (apr_int64_t)after * 1000000;
}

apr_int64_t fhir_zone_first_day(const fhir_zone_t *zone, apr_int64_t usec)
{
    const apr_int64_t day = (apr_int64_t)DAY * 1000000;
    apr_int64_t local = usec - ((usec % day) + day) % day - day;
    while (fhir_zone_to_utc(zone, local) < usec)
        local += day;
    return local;
}

/* The footer's rule: std offset [dst [offset] [,start[/time],end[/time]]] */

static int rule_number(int *value, const char **s, int max)
{
    const char *c = *s;
    int v = 0;
    while (*c >= '0' && *c <= '9' && v <= max)
        v = v * 10 + (*c++ - '0');
    if (c == *s || v > max)
        return 0;
    *s = c;
    *value = v;
    return 1;
}

static int rule_name(const char **s)
{
    const char *c = *s;
    if (*c == '<') {
        c = strchr(c, '>');
        if (!c)
            return 0;
        *s = c + 1;
        return 1;
    }
    while ((*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z'))
        c++;
    if (c - *s < 3)
        return 0;
    *s = c;
    return 1;
}

/* [+-]h[h[h]][:mm[:ss]] */
static int rule_time(int *sec, const char **s, int max_hours)
{
    int sign = **s == '-' ? -1 : 1, minutes = 0, seconds = 0;
    if (**s == '-' || **s == '+')
        ++*s;
    int hours;
    if (!rule_number(&hours, s, max_hours))
        return 0;
    if (**s == ':') {
        ++*s;
        if (!rule_number(&minutes, s, 59))
            return 0;
        if (**s == ':') {
            ++*s;
            if (!rule_number(&seconds, s, 59))
                return 0;
        }
    }
    *sec = sign * (hours * 3600 + minutes * 60 + seconds);
    return 1;
}

static int rule_change(change_t *c, const char **s)
{
    if (*(*s)++ != ',')
        return 0;
    c->form = **s == 'M' || **s == 'J' ? *(*s)++ : '0';
    c->time_sec = 2 * 3600;
    if (c->form == 'M') {
        if (!rule_number(&c->month, s, 12) || c->month < 1 || *(*s)++ != '.' ||
            !rule_number(&c->week, s, 5) || c->week < 1 || *(*s)++ != '.' ||
            !rule_number(&c->day, s, 6))
            return 0;
    }
    else if (!rule_number(&c->day, s, 365) || (c->form == 'J' && c->day < 1))
        return 0;
    if (**s == '/') {
        ++*s;
        return rule_time(&c->time_sec, s, 167);
    }
    return 1;
}

static int parse_rule(fhir_zone_t *z, const char *s)
{
    int west;
    if (!rule_name(&s) || !rule_time(&west, &s, 24))
        return 0;
    z->standard = -west;
    z->has_rule = 1;
    if (!*s)
        return 1;
    if (!rule_name(&s))
        return 0;
    z->has_daylight = 1;
    z->daylight = z->standard + 3600;
    if (*s && *s != ',') {
        if (!rule_time(&west, &s, 24))
            return 0;
        z->daylight = -west;
    }
    return rule_change(&z->to_daylight, &s) && rule_change(&z->to_standard, &s) && !*s;
}

/* The file */

static apr_int64_t big_endian(const unsigned char *s, int bytes)
{
    apr_uint64_t v = s[0] & 0x80 ? ~(apr_uint64_t)0 : 0;
    for (int i = 0; i < bytes; i++)
        v = v << 8 | s[i];
    return (apr_int64_t)v;
}

enum { UT_FLAGS, STD_FLAGS, LEAPS, TIMES, TYPES, CHARS, N_COUNTS };

/* Counts of a header at data[at]; bytes of the block behind it, or -1. */
static apr_int64_t block_bytes(apr_int64_t count[N_COUNTS], const unsigned char *data,
                               apr_size_t len, apr_size_t at, int time_bytes)
{
    if (len < HEADER_BYTES || at > len - HEADER_BYTES || memcmp(data + at, "TZif", 4) != 0)
        return -1;
    for (int i = 0; i < N_COUNTS; i++) {
        count[i] = big_endian(data + at + 20 + 4 * i, 4);
        if (count[i] < 0 || count[i] > MAX_FILE)
            return -1;
    }
    apr_int64_t bytes = count[TIMES] * (time_bytes + 1) + count[TYPES] * 6 + count[CHARS] +
                        count[LEAPS] * (time_bytes + 4) + count[STD_FLAGS] + count[UT_FLAGS];
    return bytes <= (apr_int64_t)(len - at - HEADER_BYTES) && count[TYPES] > 0 ? bytes : -1;
}

static int parse_file(fhir_zone_t *z, const unsigned char *data, apr_size_t len, apr_pool_t *pool)
{
    apr_int64_t count[N_COUNTS], bytes = block_bytes(count, data, len, 0, 4);
    apr_size_t at = HEADER_BYTES + (apr_size_t)bytes;
    /* Version 1 has 32-bit times and no rule; the file has its block only for old readers. */
    if (bytes < 0 || data[4] < '2')
        return 0;
    bytes = block_bytes(count, data, len, at, 8);
    if (bytes < 0)
        return 0;
    apr_size_t n = (apr_size_t)count[TIMES];
    const unsigned char *times = data + at + HEADER_BYTES;
    const unsigned char *index = times + n * 8;
    const unsigned char *types = index + n;
    const unsigned char *footer = times + bytes;
    const unsigned char *end = data + len;
    apr_int64_t *when = apr_palloc(pool, (n + 1) * sizeof(*when));
    int *offset = apr_palloc(pool, (n + 1) * sizeof(*offset));
    for (apr_size_t i = 0; i < n; i++) {
        when[i] = big_endian(times + i * 8, 8);
        if (index[i] >= count[TYPES] || (i && when[i] <= when[i - 1]))
            return 0;
        offset[i] = (int)big_endian(types + index[i] * 6, 4);
    }
    z->n = n;
    z->at = when;
    z->offset = offset;
    z->first_offset = (int)big_endian(types, 4);
    if (footer == end || *footer++ != '\n' ||
        memchr(footer, '\n', (apr_size_t)(end - footer)) == NULL)
        return 0;
    end = memchr(footer, '\n', (apr_size_t)(end - footer));
    return end == footer ||
           parse_rule(z, apr_pstrmemdup(pool, (const char *)footer, (apr_size_t)(end - footer)));
}

static int name_allowed(const char *name)
{
    apr_size_t len = strlen(name);
    return len > 0 && len <= MAX_NAME && name[0] != '/' && !strstr(name, "..") &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+/-") ==
               len;
}

static apr_status_t read_file(unsigned char **data, apr_size_t *len, const char *path,
                              apr_pool_t *pool)
{
    apr_file_t *file;
    apr_status_t status = apr_file_open(&file, path, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT, pool);
    if (status)
        return status;
    apr_finfo_t info;
    status = apr_file_info_get(&info, APR_FINFO_SIZE | APR_FINFO_TYPE, file);
    if (!status && (info.filetype != APR_REG || info.size > MAX_FILE))
        status = APR_EINVAL;
    if (!status) {
        *data = apr_palloc(pool, (apr_size_t)info.size + 1);
        status = apr_file_read_full(file, *data, (apr_size_t)info.size, len);
    }
    apr_file_close(file);
    return status;
}

fhir_err_t *fhir_zone_load(const fhir_zone_t **zone, const char *name, apr_pool_t *pool)
{
    fhir_zone_t *z = apr_pcalloc(pool, sizeof(*z));
    *zone = NULL;
    if (!name_allowed(name))
        return fhir_err_create(pool, FHIR_ERR_PARAM_VALUE,
                               "'%s' is not a time zone name; names are those of the IANA "
                               "database, such as America/New_York",
                               name);
    apr_size_t len;
    unsigned char *data;
    apr_status_t status = read_file(&data, &len, apr_pstrcat(pool, ZONE_FOLDER, name, NULL), pool);
    if (status)
        return fhir_err_apr(pool, FHIR_ERR_PARAM_VALUE, status,
                            apr_psprintf(pool,
                                         "Time zone '%s' cannot be read from " ZONE_FOLDER
                                         "; names are those of the IANA database, such as "
                                         "America/New_York (Debian package tzdata)",
                                         name));
    if (!parse_file(z, data, len, pool))
        return fhir_err_create(pool, FHIR_ERR_INTERNAL,
                               "Time zone file " ZONE_FOLDER "%s is damaged or of version 1", name);
    *zone = z;
    return NULL;
}
