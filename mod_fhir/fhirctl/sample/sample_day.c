/* SPDX-License-Identifier: Apache-2.0 */
/* Calendar arithmetic on day numbers; no time zone database, only the rule that the United States
 * have used since 2007 (second Sunday of March to first Sunday of November, at two o'clock). */
#include "fhirctl/sample/sample_day.h"

#include <stdio.h>
#include <string.h>

/* Counting years from March makes the leap day the last one of a year. */
int sample_day_from(int year, int month, int day)
{
    int y = month <= 2 ? year - 1 : year;
    int era = (y >= 0 ? y : y - 399) / 400;
    int yoe = y - era * 400;
    int doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void sample_day_split(int *year, int *month, int *day, int number)
{
    int z = number + 719468;
    int era = (z >= 0 ? z : z - 146096) / 146097;
    int doe = z - era * 146097;
    int yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int mp = (5 * doy + 2) / 153;
    *day = doy - (153 * mp + 2) / 5 + 1;
    *month = mp < 10 ? mp + 3 : mp - 9;
    *year = yoe + era * 400 + (*month <= 2);
}

int sample_day_parse(int *number, const char *s)
{
    int y, m, d, end = 0;
    if (strlen(s) != 10 || sscanf(s, "%4d-%2d-%2d%n", &y, &m, &d, &end) != 3 || end != 10 ||
        y < 1900 || y > 2200 || m < 1 || m > 12 || d < 1 || d > 31) {
        return 0;
    }
    *number = sample_day_from(y, m, d);
    int y2, m2, d2;
    sample_day_split(&y2, &m2, &d2, *number);
    return m2 == m && d2 == d;
}

int sample_day_age(int birth, int day)
{
    int by, bm, bd;
    sample_day_split(&by, &bm, &bd, birth);
    int y, m, d;
    sample_day_split(&y, &m, &d, day);
    return y - by - (m < bm || (m == bm && d < bd));
}

static char *digits(char *p, int value, int width)
{
    for (int i = width - 1; i >= 0; i--, value /= 10) {
        p[i] = (char)('0' + value % 10);
    }
    return p + width;
}

const char *sample_day_text(char out[11], int number, int length)
{
    int y, m, d;
    char *p = out;
    sample_day_split(&y, &m, &d, number);
    p = digits(p, y, 4);
    *p++ = '-';
    p = digits(p, m, 2);
    *p++ = '-';
    digits(p, d, 2);
    out[length] = '\0';
    return out;
}

/* 1970-01-01 was a Thursday: Sunday is (number + 4) mod 7 == 0. */
static int sunday_on_or_after(int number)
{
    return number + (7 - (number + 4) % 7) % 7;
}

static int is_summer(int number, int minute)
{
    int y, m, d;
    sample_day_split(&y, &m, &d, number);
    int start = sunday_on_or_after(sample_day_from(y, 3, 8));
    int end = sunday_on_or_after(sample_day_from(y, 11, 1));
    return (number > start || (number == start && minute >= 180)) &&
           (number < end || (number == end && minute < 60));
}

static char *clock_text(char *p, int *number, int *minute)
{
    *number += *minute / 1440;
    *minute %= 1440;
    sample_day_text(p, *number, 10);
    p[10] = 'T';
    p = digits(p + 11, *minute / 60, 2);
    *p++ = ':';
    p = digits(p, *minute % 60, 2);
    return p;
}

static void offset_text(char *p, int number, int minute, int utc_offset)
{
    int hours = -(utc_offset + is_summer(number, minute));
    *p++ = '-';
    p = digits(p, hours, 2);
    memcpy(p, ":00", 4);
}

const char *sample_day_time(char out[26], int number, int minute, int utc_offset)
{
    char *p = clock_text(out, &number, &minute);
    memcpy(p, ":00", 3);
    offset_text(p + 3, number, minute, utc_offset);
    return out;
}

const char *sample_day_instant(char out[30], int number, int minute, int milli, int utc_offset)
{
    char *p = clock_text(out, &number, &minute);
    *p++ = ':';
    p = digits(p, milli / 1000 % 60, 2);
    *p++ = '.';
    p = digits(p, milli % 1000, 3);
    offset_text(p, number, minute, utc_offset);
    return out;
}
