/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_time.h
 * @brief FHIR's date, dateTime, instant and time: parsing, bounds, writing.
 *
 * A written date is the half-open interval of instants that its precision covers: "2015-02" is
 * [2015-02-01T00:00, 2015-03-01T00:00). Values without a zone are taken in the zone given.
 * Source: http://hl7.org/fhir/R4/datatypes.html#dateTime, http://hl7.org/fhir/R4/search.html#date
 */
#ifndef FHIR_TIME_H
#define FHIR_TIME_H

#include <apr_pools.h>
#include <apr_time.h>

#include "core/fhir_err.h"

/** The practice's time zone: an IANA zone read at start; NULL stands for UTC. Constant and usable
 *  from any thread. */
typedef struct fhir_zone_t fhir_zone_t;

/** Reads a zone ("America/New_York") from /usr/share/zoneinfo into pool. Errors: PARAM_VALUE for a
 *  name that is not there, INTERNAL for a file that cannot be understood. */
fhir_err_t *fhir_zone_load(const fhir_zone_t **zone, const char *name, apr_pool_t *pool);

/** The instant at which the zone's clocks show `local` (µs, counted as if they were UTC's): the
 *  earlier one when clocks are set back; a time that was left out is moved by the gap's length. */
apr_int64_t fhir_zone_to_utc(const fhir_zone_t *zone, apr_int64_t local);
/** Of the zone's days (FHIR_PREC_DAY) the first that begins at an instant or later: its midnight as
 *  `local` above. So "a day begins before an instant" is a comparison of local midnights. */
apr_int64_t fhir_zone_first_day(const fhir_zone_t *zone, apr_int64_t usec);
/** Seconds east of UTC that the zone's clocks show at an instant (µs). */
int fhir_zone_offset(const fhir_zone_t *zone, apr_int64_t usec);

typedef enum fhir_precision_t {
    FHIR_PREC_YEAR,
    FHIR_PREC_MONTH,
    FHIR_PREC_DAY,
    FHIR_PREC_MINUTE, /* search values only: hh:mm */
    FHIR_PREC_SECOND,
    FHIR_PREC_FRACTION
} fhir_precision_t;

/** Microseconds since 1970-01-01T00:00Z, proleptic Gregorian; years 0001 to 9999. */
typedef struct fhir_interval_t {
    apr_int64_t low;  /* first instant covered */
    apr_int64_t high; /* first instant behind it; at least low + 1 */
    fhir_precision_t precision;
    int has_zone; /* Z or an offset was written */
} fhir_interval_t;

#define FHIR_TIME_MIN APR_INT64_MIN /* open start: -infinity */
#define FHIR_TIME_MAX APR_INT64_MAX /* open end: infinity */

/** What is accepted: one of the primitive types, or the looser form of search values. */
typedef enum fhir_time_form_t {
    FHIR_TIME_DATE,     /* YYYY, YYYY-MM, YYYY-MM-DD */
    FHIR_TIME_DATETIME, /* + T hh:mm:ss(.s+)(zone); zone required when a time is there */
    FHIR_TIME_INSTANT,  /* full, with seconds and zone */
    FHIR_TIME_SEARCH    /* dateTime, also hh:mm, without a zone, with a blank for the zone's + */
} fhir_time_form_t;

/** Parses exactly len bytes; 1 if valid for the form, else 0 (dates that do not exist, hour 24,
 *  second 60 outside the rules, offsets over 14:00 are invalid). zone may be NULL (UTC). */
int fhir_time_parse(fhir_interval_t *out, const char *s, apr_size_t len, fhir_time_form_t form,
                    const fhir_zone_t *zone);

/** 1 if s is a FHIR time (hh:mm:ss, fraction optional, no zone, 24:00 invalid). */
int fhir_time_of_day_valid(const char *s, apr_size_t len);

/** Now as an instant in UTC with milliseconds, "2026-11-22T10:11:12.345Z" (24 bytes + NUL). */
void fhir_time_now(char out[25], apr_int64_t *usec);
/** The same form for a given time (µs, truncated to ms). */
void fhir_time_format(char out[25], apr_int64_t usec);
/** PostgreSQL's text form of a timestamptz ("2015-02-01 00:00:00+00", "-infinity"); returns its
 *  length; out holds at least 40 bytes. */
int fhir_time_format_sql(char out[40], apr_int64_t usec);

#endif
