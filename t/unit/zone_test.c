/* SPDX-License-Identifier: Apache-2.0 */
/* Time zones: the file, its rule for the future, gaps and overlaps, names that are refused. */
#include "core/fhir_time.h"
#include "tap.h"

#include <string.h>

static const struct {
    const char *zone, *in, *low, *high;
} cases[] = {
    {"America/New_York", "2015-01-15", "2015-01-15 05:00:00+00", "2015-01-16 05:00:00+00"},
    {"America/New_York", "2015-07-15", "2015-07-15 04:00:00+00", "2015-07-16 04:00:00+00"},
    {"America/New_York", "2015", "2015-01-01 05:00:00+00", "2016-01-01 05:00:00+00"},
    /* clocks forward at 02:00: the day has 23 hours, 02:30 does not exist */
    {"America/New_York", "2015-03-08", "2015-03-08 05:00:00+00", "2015-03-09 04:00:00+00"},
    {"America/New_York", "2015-03-08T01:59", "2015-03-08 06:59:00+00", "2015-03-08 07:00:00+00"},
    {"America/New_York", "2015-03-08T02:30", "2015-03-08 07:30:00+00", "2015-03-08 07:31:00+00"},
    {"America/New_York", "2015-03-08T03:00", "2015-03-08 07:00:00+00", "2015-03-08 07:01:00+00"},
    /* clocks back at 02:00: the day has 25 hours, 01:30 comes twice */
    {"America/New_York", "2015-11-01", "2015-11-01 04:00:00+00", "2015-11-02 05:00:00+00"},
    {"America/New_York", "2015-11-01T01:30", "2015-11-01 05:30:00+00", "2015-11-01 05:31:00+00"},
    {"America/New_York", "2015-11-01T01:59", "2015-11-01 05:59:00+00", "2015-11-01 06:00:00+00"},
    {"America/New_York", "2015-11-01T02:00", "2015-11-01 07:00:00+00", "2015-11-01 07:01:00+00"},
    /* behind the file's last transition, by its rule */
    {"America/New_York", "2093-07-01", "2093-07-01 04:00:00+00", "2093-07-02 04:00:00+00"},
    {"America/New_York", "2093-12-01", "2093-12-01 05:00:00+00", "2093-12-02 05:00:00+00"},
    {"America/New_York", "2093-03-08", "2093-03-08 05:00:00+00", "2093-03-09 04:00:00+00"},
    {"America/New_York", "2093-11-01", "2093-11-01 04:00:00+00", "2093-11-02 05:00:00+00"},
    {"Europe/Berlin", "2090-03-26T02:30", "2090-03-26 01:30:00+00", "2090-03-26 01:31:00+00"},
    {"Europe/Berlin", "2090-10-29T02:30", "2090-10-29 00:30:00+00", "2090-10-29 00:31:00+00"},
    /* southern hemisphere: summer spans the new year */
    {"Australia/Sydney", "2090-01-01", "2089-12-31 13:00:00+00", "2090-01-01 13:00:00+00"},
    {"Australia/Sydney", "2090-07-01", "2090-06-30 14:00:00+00", "2090-07-01 14:00:00+00"},
    /* clocks forward at midnight */
    {"America/Sao_Paulo", "2017-10-15", "2017-10-15 03:00:00+00", "2017-10-16 02:00:00+00"},
    {"America/Sao_Paulo", "2018-02-17", "2018-02-17 02:00:00+00", "2018-02-18 03:00:00+00"},
    /* a day that was left out */
    {"Pacific/Apia", "2011-12-29", "2011-12-29 10:00:00+00", "2011-12-30 10:00:00+00"},
    {"Pacific/Apia", "2011-12-31", "2011-12-30 10:00:00+00", "2011-12-31 10:00:00+00"},
    /* half hours, negative daylight saving, no rule, local mean time */
    {"Asia/Kolkata", "2020-06-01", "2020-05-31 18:30:00+00", "2020-06-01 18:30:00+00"},
    {"Australia/Lord_Howe", "2090-01-01", "2089-12-31 13:00:00+00", "2090-01-01 13:00:00+00"},
    {"Europe/Dublin", "2090-07-01", "2090-06-30 23:00:00+00", "2090-07-01 23:00:00+00"},
    {"Europe/Dublin", "2090-01-01", "2090-01-01 00:00:00+00", "2090-01-02 00:00:00+00"},
    {"America/Phoenix", "2090-07-01", "2090-07-01 07:00:00+00", "2090-07-02 07:00:00+00"},
    {"Etc/GMT+5", "2020-01-01", "2020-01-01 05:00:00+00", "2020-01-02 05:00:00+00"},
    {"Europe/Berlin", "1800-01-01T00:00", "1799-12-31 23:06:32+00", "1799-12-31 23:07:32+00"},
    {"UTC", "2020-01-01", "2020-01-01 00:00:00+00", "2020-01-02 00:00:00+00"},
    /* a written zone wins */
    {"America/New_York", "2020-01-01T00:00:00Z", "2020-01-01 00:00:00+00",
     "2020-01-01 00:00:01+00"},
};

/* The first day that begins at an instant or later, and at a µs behind it. */
static const struct {
    const char *zone;
    apr_int64_t sec; /* since 1970 */
    const char *day, *next;
} first_days[] = {
    {NULL, 0, "1970-01-01 00:00:00+00", "1970-01-02 00:00:00+00"},
    {NULL, -86399, "1970-01-01 00:00:00+00", "1970-01-01 00:00:00+00"},
    {"America/New_York", 1425790800, "2015-03-08 00:00:00+00", "2015-03-09 00:00:00+00"},
    {"America/New_York", 1425873600, "2015-03-09 00:00:00+00", "2015-03-10 00:00:00+00"},
    {"Australia/Sydney", 1577797200, "2020-01-01 00:00:00+00", "2020-01-02 00:00:00+00"},
    /* clocks forward at midnight; a day that was left out */
    {"America/Sao_Paulo", 1508036400, "2017-10-15 00:00:00+00", "2017-10-16 00:00:00+00"},
    {"Pacific/Apia", 1325239200, "2011-12-30 00:00:00+00", "2012-01-01 00:00:00+00"},
};

static const char *const refused[] = {
    "",
    "Europe/Nowhere",
    "../../etc/passwd",
    "/etc/passwd",
    "Europe/../UTC",
    "Europe",
    "UTC ",
    "zone1970.tab",
    "Europe/Berlin;x",
    "tzdata.zi",
    "a/very/long/name/that/no/zone/of/the/database/has/had/or/will/ever/have",
};

int main(void)
{
    apr_pool_t *pool = tap_start();
    for (size_t i = 0; i < TAP_COUNT(cases); i++) {
        const fhir_zone_t *zone;
        fhir_interval_t got = {0};
        if (!tap_no_err(fhir_zone_load(&zone, cases[i].zone, pool), "zone %s", cases[i].zone))
            continue;
        tap_ok(fhir_time_parse(&got, cases[i].in, strlen(cases[i].in), FHIR_TIME_SEARCH, zone),
               "  %s", cases[i].in);
        char low[40];
        fhir_time_format_sql(low, got.low);
        char high[40];
        fhir_time_format_sql(high, got.high);
        tap_is_str(low, cases[i].low, "  low");
        tap_is_str(high, cases[i].high, "  high");
    }
    const fhir_zone_t *berlin;
    tap_no_err(fhir_zone_load(&berlin, "Europe/Berlin", pool), "offsets of Europe/Berlin");
    tap_is_int(fhir_zone_offset(berlin, 1427590799999999), 3600, "  before clocks go forward");
    tap_is_int(fhir_zone_offset(berlin, 1427590800000000), 7200, "  after it");
    tap_is_int(fhir_zone_offset(berlin, -1), 3600, "  before 1970");
    tap_is_int(fhir_zone_offset(NULL, 0), 0, "  without a zone");
    for (size_t i = 0; i < TAP_COUNT(first_days); i++) {
        const fhir_zone_t *zone = NULL;
        char day[40];
        if (first_days[i].zone)
            tap_no_err(fhir_zone_load(&zone, first_days[i].zone, pool), "%s", first_days[i].zone);
        fhir_time_format_sql(day, fhir_zone_first_day(zone, first_days[i].sec * 1000000));
        tap_is_str(day, first_days[i].day, "  first day from %" APR_INT64_T_FMT, first_days[i].sec);
        fhir_time_format_sql(day, fhir_zone_first_day(zone, first_days[i].sec * 1000000 + 1));
        tap_is_str(day, first_days[i].next, "  from a µs later");
    }
    for (size_t i = 0; i < TAP_COUNT(refused); i++) {
        const fhir_zone_t *zone;
        fhir_err_t *err = fhir_zone_load(&zone, refused[i], pool);
        tap_ok(err && err->code == FHIR_ERR_PARAM_VALUE && !zone, "refused: '%s'", refused[i]);
    }
    return tap_done();
}
