/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file sample_day.h
 * @brief Days as numbers: days since 1970-01-01 (proleptic Gregorian), and their FHIR texts.
 */
#ifndef SAMPLE_DAY_H
#define SAMPLE_DAY_H

#define SAMPLE_NEVER 0x3fffffff /* a day that does not come */

int sample_day_from(int year, int month, int day);
void sample_day_split(int *year, int *month, int *day, int number);
/** Parses YYYY-MM-DD of an existing day; 1, or 0 when s is none. */
int sample_day_parse(int *number, const char *s);
/** Completed years between two days. */
int sample_day_age(int birth, int day);
/** "2015-02-07", or "2015-02" and "2015" for length 7 and 4. */
const char *sample_day_text(char out[11], int number, int length);
/** "2015-02-07T09:30:00-05:00": minute of the local day (may pass 1440), standard offset in hours
 *  from UTC; US daylight saving time is applied. */
const char *sample_day_time(char out[26], int number, int minute, int utc_offset);
/** The same with milliseconds, as an instant that a machine recorded. */
const char *sample_day_instant(char out[30], int number, int minute, int milli, int utc_offset);

#endif
