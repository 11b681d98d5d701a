/* SPDX-License-Identifier: Apache-2.0 */
/* Dates and times: validity by form, bounds, writing. Zones are in zone_test.c. */
#include "core/fhir_time.h"
#include "tap.h"

#include <string.h>

#define D FHIR_TIME_DATE
#define T FHIR_TIME_DATETIME
#define I FHIR_TIME_INSTANT
#define S FHIR_TIME_SEARCH

/* Bounds as PostgreSQL writes them; NULL: invalid. */
static const struct {
    const char *in;
    fhir_time_form_t form;
    const char *low, *high;
    fhir_precision_t precision;
    int has_zone;
} cases[] = {
    {"2015", D, "2015-01-01 00:00:00+00", "2016-01-01 00:00:00+00", FHIR_PREC_YEAR, 0},
    {"2015-02", D, "2015-02-01 00:00:00+00", "2015-03-01 00:00:00+00", FHIR_PREC_MONTH, 0},
    {"2015-12", D, "2015-12-01 00:00:00+00", "2016-01-01 00:00:00+00", FHIR_PREC_MONTH, 0},
    {"2016-02-28", D, "2016-02-28 00:00:00+00", "2016-02-29 00:00:00+00", FHIR_PREC_DAY, 0},
    {"2016-02-29", T, "2016-02-29 00:00:00+00", "2016-03-01 00:00:00+00", FHIR_PREC_DAY, 0},
    {"0001", D, "0001-01-01 00:00:00+00", "0002-01-01 00:00:00+00", FHIR_PREC_YEAR, 0},
    {"9999-12-31", D, "9999-12-31 00:00:00+00", "10000-01-01 00:00:00+00", FHIR_PREC_DAY, 0},
    {"1900-02-28", S, "1900-02-28 00:00:00+00", "1900-03-01 00:00:00+00", FHIR_PREC_DAY, 0},
    {"2015-02-07T13:28:17Z", T, "2015-02-07 13:28:17+00", "2015-02-07 13:28:18+00",
     FHIR_PREC_SECOND, 1},
    {"2015-02-07T13:28:17-05:00", I, "2015-02-07 18:28:17+00", "2015-02-07 18:28:18+00",
     FHIR_PREC_SECOND, 1},
    {"2015-02-07T00:00:00+14:00", I, "2015-02-06 10:00:00+00", "2015-02-06 10:00:01+00",
     FHIR_PREC_SECOND, 1},
    {"2015-02-07T00:00:00-00:00", I, "2015-02-07 00:00:00+00", "2015-02-07 00:00:01+00",
     FHIR_PREC_SECOND, 1},
    {"0001-01-01T00:00:00+10:30", I, "0001-12-31 13:30:00+00 BC", "0001-12-31 13:30:01+00 BC",
     FHIR_PREC_SECOND, 1},
    {"2015-02-07T13:28:17.2Z", T, "2015-02-07 13:28:17.2+00", "2015-02-07 13:28:17.3+00",
     FHIR_PREC_FRACTION, 1},
    {"2015-02-07T13:28:17.239+02:00", I, "2015-02-07 11:28:17.239+00", "2015-02-07 11:28:17.24+00",
     FHIR_PREC_FRACTION, 1},
    {"2015-02-07T13:28:17.123456Z", I, "2015-02-07 13:28:17.123456+00",
     "2015-02-07 13:28:17.123457+00", FHIR_PREC_FRACTION, 1},
    {"2015-02-07T13:28:17.1234569Z", I, "2015-02-07 13:28:17.123456+00",
     "2015-02-07 13:28:17.123457+00", FHIR_PREC_FRACTION, 1},
    {"2015-02-07T13:28:17.999999999999Z", I, "2015-02-07 13:28:17.999999+00",
     "2015-02-07 13:28:18+00", FHIR_PREC_FRACTION, 1},
    {"2016-12-31T23:59:60Z", I, "2016-12-31 23:59:59.999999+00", "2017-01-01 00:00:00+00",
     FHIR_PREC_SECOND, 1},
    {"2015-02-07T13:28", S, "2015-02-07 13:28:00+00", "2015-02-07 13:29:00+00", FHIR_PREC_MINUTE,
     0},
    {"2015-02-07T13:28Z", S, "2015-02-07 13:28:00+00", "2015-02-07 13:29:00+00", FHIR_PREC_MINUTE,
     1},
    {"2015-02-07T13:28:17", S, "2015-02-07 13:28:17+00", "2015-02-07 13:28:18+00", FHIR_PREC_SECOND,
     0},
    {"1969-12-31T23:59:59.5Z", T, "1969-12-31 23:59:59.5+00", "1969-12-31 23:59:59.6+00",
     FHIR_PREC_FRACTION, 1},
    {"", D, NULL, NULL, 0, 0},
    {"0000", D, NULL, NULL, 0, 0},
    {"15", D, NULL, NULL, 0, 0},
    {"20155", D, NULL, NULL, 0, 0},
    {"-2015", D, NULL, NULL, 0, 0},
    {"2015-", D, NULL, NULL, 0, 0},
    {"2015-00", D, NULL, NULL, 0, 0},
    {"2015-13", D, NULL, NULL, 0, 0},
    {"2015-2", D, NULL, NULL, 0, 0},
    {"2015-02-29", D, NULL, NULL, 0, 0},
    {"1900-02-29", D, NULL, NULL, 0, 0},
    {"2015-04-31", D, NULL, NULL, 0, 0},
    {"2015-04-00", D, NULL, NULL, 0, 0},
    {"2015-04-01 ", D, NULL, NULL, 0, 0},
    {"2015/04/01", D, NULL, NULL, 0, 0},
    {"20150401", D, NULL, NULL, 0, 0},
    {"2015-04-01T10:00:00Z", D, NULL, NULL, 0, 0},
    {"2015-04-01T10:00:00", T, NULL, NULL, 0, 0},
    {"2015-04-01T10:00Z", T, NULL, NULL, 0, 0},
    {"2015-04-01T10Z", S, NULL, NULL, 0, 0},
    {"2015-04T10:00:00Z", T, NULL, NULL, 0, 0},
    {"2015-04-01T", T, NULL, NULL, 0, 0},
    {"2015-04-01T24:00:00Z", T, NULL, NULL, 0, 0},
    {"2015-04-01T23:60:00Z", T, NULL, NULL, 0, 0},
    {"2015-04-01T23:00:61Z", T, NULL, NULL, 0, 0},
    {"2015-04-01T23:00:00.Z", T, NULL, NULL, 0, 0},
    {"2015-04-01T23:00:00z", T, NULL, NULL, 0, 0},
    {"2015-04-01t23:00:00Z", T, NULL, NULL, 0, 0},
    {"2015-04-01T23:00:00+14:01", T, NULL, NULL, 0, 0},
    {"2015-04-01T23:00:00+15:00", T, NULL, NULL, 0, 0},
    {"2015-04-01T23:00:00+01:60", T, NULL, NULL, 0, 0},
    {"2015-04-01T23:00:00+0100", T, NULL, NULL, 0, 0},
    {"2015-04-01T23:00:00+01", T, NULL, NULL, 0, 0},
    {"2015-04-01T23:00:00ZZ", T, NULL, NULL, 0, 0},
    {"2015", I, NULL, NULL, 0, 0},
    {"2015-04-01", I, NULL, NULL, 0, 0},
    {"2015-04-01T10:00:00", I, NULL, NULL, 0, 0},
};

static void test_parse(void)
{
    for (size_t i = 0; i < TAP_COUNT(cases); i++) {
        fhir_interval_t got;
        int ok = fhir_time_parse(&got, cases[i].in, strlen(cases[i].in), cases[i].form, NULL);
        tap_is_int(ok, cases[i].low != NULL, "form %d: '%s'", (int)cases[i].form, cases[i].in);
        if (!ok || !cases[i].low)
            continue;
        char low[40];
        int low_len = fhir_time_format_sql(low, got.low);
        char high[40];
        int high_len = fhir_time_format_sql(high, got.high);
        tap_ok(low_len == (int)strlen(low) && high_len == (int)strlen(high), "  lengths");
        tap_is_str(low, cases[i].low, "  low");
        tap_is_str(high, cases[i].high, "  high");
        tap_is_int(got.precision, cases[i].precision, "  precision");
        tap_is_int(got.has_zone, cases[i].has_zone, "  zone");
    }
}

/* Every day of eight centuries follows the one before by 24 hours. */
static void test_calendar(void)
{
    fhir_interval_t day = {0};
    apr_int64_t next = 0;
    int n_days = 0, n_bad = 0;

    fhir_time_parse(&day, "1600-01-01", 10, D, NULL);
    next = day.low;
    fhir_interval_t month;
    char s[11];
    for (int y = 1600; y < 2400; y++) {
        for (int m = 1; m <= 12; m++) {
            for (int d = 1; d <= 31; d++) {
                s[0] = (char)('0' + y / 1000);
                s[1] = (char)('0' + y / 100 % 10);
                s[2] = (char)('0' + y / 10 % 10);
                s[3] = (char)('0' + y % 10);
                s[5] = (char)('0' + m / 10);
                s[6] = (char)('0' + m % 10);
                s[8] = (char)('0' + d / 10);
                s[9] = (char)('0' + d % 10);
                s[4] = s[7] = '-';
                s[10] = '\0';
                if (!fhir_time_parse(&day, s, 10, D, NULL))
                    continue;
                n_bad += day.low != next;
                next = day.high;
                n_days++;
            }
            n_bad += !fhir_time_parse(&month, s, 7, D, NULL) || month.high != next;
        }
    }
    tap_is_int(n_days, 2 * 146097, "days of 800 years");
    tap_is_int(n_bad, 0, "without a gap");
}

static const struct {
    const char *in;
    int valid;
} times[] = {
    {"00:00:00", 1}, {"23:59:59", 1}, {"23:59:60", 1},  {"12:00:00.123456789", 1}, {"24:00:00", 0},
    {"12:60:00", 0}, {"12:00:61", 0}, {"12:00", 0},     {"12:00:00.", 0},          {"12:00:00Z", 0},
    {"1:00:00", 0},  {"", 0},         {"12:00:00 ", 0},
};

static const struct {
    apr_int64_t usec;
    const char *want, *sql;
} formats[] = {
    {0, "1970-01-01T00:00:00.000Z", "1970-01-01 00:00:00+00"},
    {-1, "1969-12-31T23:59:59.999Z", "1969-12-31 23:59:59.999999+00"},
    {951782399123456, "2000-02-28T23:59:59.123Z", "2000-02-28 23:59:59.123456+00"},
    {951782400000000, "2000-02-29T00:00:00.000Z", "2000-02-29 00:00:00+00"},
    {FHIR_TIME_MIN, "0001-01-01T00:00:00.000Z", "-infinity"},
    {FHIR_TIME_MAX, "9999-12-31T23:59:59.999Z", "infinity"},
};

static void test_write(void)
{
    char out[40];
    apr_int64_t before = apr_time_now();
    for (size_t i = 0; i < TAP_COUNT(formats); i++) {
        fhir_time_format(out, formats[i].usec);
        tap_is_str(out, formats[i].want, "format %s", formats[i].want);
        tap_is_int(fhir_time_format_sql(out, formats[i].usec), (int)strlen(formats[i].sql),
                   "SQL length");
        tap_is_str(out, formats[i].sql, "SQL %s", formats[i].sql);
    }
    char now[25];
    apr_int64_t usec;
    fhir_time_now(now, &usec);
    tap_ok(usec >= before && usec <= apr_time_now(), "now");
    fhir_time_format(out, usec);
    tap_is_str(now, out, "now as text");
    fhir_time_now(now, NULL);
    tap_is_int(strlen(now), 24, "now without the number");
}

int main(void)
{
    tap_start();
    test_parse();
    test_calendar();
    for (size_t i = 0; i < TAP_COUNT(times); i++)
        tap_is_int(fhir_time_of_day_valid(times[i].in, strlen(times[i].in)), times[i].valid,
                   "time of day '%s'", times[i].in);
    test_write();
    return tap_done();
}
