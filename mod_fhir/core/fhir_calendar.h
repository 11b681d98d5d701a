/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_calendar.h
 * @brief The proleptic Gregorian calendar: days counted from 1970-01-01.
 */
#ifndef FHIR_CALENDAR_H
#define FHIR_CALENDAR_H

#include <apr.h>

static inline int fhir_calendar_is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/** Days of a month (1 to 12). */
static inline int fhir_calendar_month_days(int year, int month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && fhir_calendar_is_leap(year) ? 29 : days[month - 1];
}

/* Years are counted from March, so that the leap day is the last: day of the year is then linear
 * in the month, (153 m + 2) / 5, and 400 years have 146097 days. */

/** Days from 1970-01-01 to a date. */
static inline apr_int64_t fhir_calendar_days(apr_int64_t year, int month, int day)
{
    apr_int64_t y = month > 2 ? year : year - 1;
    apr_int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/** The date that is `days` after 1970-01-01. */
static inline void fhir_calendar_civil(int *year, int *month, int *day, apr_int64_t days)
{
    apr_int64_t era, of_era, y, of_year, m;
    days += 719468;
    era = (days >= 0 ? days : days - 146096) / 146097;
    of_era = days - era * 146097;
    y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    of_year = of_era - (365 * y + y / 4 - y / 100);
    m = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = (int)(y + era * 400 + (m >= 10));
}

#endif
