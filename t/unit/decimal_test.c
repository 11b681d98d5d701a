/* SPDX-License-Identifier: Apache-2.0 */
/* Decimals: what is valid, the interval of a written precision, a tenth around. */
#include "core/fhir_decimal.h"
#include "tap.h"

#include <apr_strings.h>
#include <string.h>

static const char *const valid[] = {"0",      "-0",   "10",     "1.0",
                                    "-1.50",  "0.00", "1e5",    "1E+05",
                                    "1.0e-3", "0e0",  "1e9999", "123456789012345678901234567890"};
static const char *const invalid[] = {"",         "-",       "+1",  "01",   "-01",   ".5",    "1.",
                                      "1e",       "1e+",     " 1",  "1 ",   "1,5",   "0x1",   "NaN",
                                      "Infinity", "1e10000", "--1", "1..2", "1.2.3", "1e1.5", "١"};

static const struct {
    const char *in, *low, *high;
} bounds[] = {
    {"100", "99.5", "100.5"},
    {"100.00", "99.995", "100.005"},
    {"1e2", "95", "105"},
    {"1.0e2", "95", "105"},
    {"1.00e2", "99.5", "100.5"},
    {"1e5", "95000", "105000"},
    {"5.4", "5.35", "5.45"},
    {"5.40e-3", "0.005395", "0.005405"},
    {"0", "-0.5", "0.5"},
    {"-0", "-0.5", "0.5"},
    {"0.0", "-0.05", "0.05"},
    {"1", "0.5", "1.5"},
    {"-1", "-1.5", "-0.5"},
    {"-100", "-100.5", "-99.5"},
    {"-0.1", "-0.15", "-0.05"},
    {"9.9", "9.85", "9.95"},
    {"99", "98.5", "99.5"},
    {"999.9", "999.85", "999.95"},
    {"0.001", "0.0005", "0.0015"},
    {"123456789012345678901234567890.1", "123456789012345678901234567890.05",
     "123456789012345678901234567890.15"},
    {"1e-5", "0.0000095", "0.0000105"},
    /* few digits in, few digits out */
    {"1e9999", "95e9997", "105e9997"},
    {"-1.00e9999", "-1005e9996", "-995e9996"},
    {"0e9999", "-5e9997", "5e9997"},
    {"1e-9999", "95e-10001", "105e-10001"},
};

static const struct {
    const char *in, *low, *high;
} approx[] = {
    {"100", "90.0", "110.0"},      {"-100", "-110.0", "-90.0"}, {"5.5", "4.95", "6.05"},
    {"0", "0.0", "0.0"},           {"1e2", "90", "110"},        {"1e1", "9", "11"},
    {"-0.09", "-0.099", "-0.081"},
};

static const struct {
    const char *a, *b;
    int same;
} pairs[] = {
    {"1", "1.0", 1},
    {"100", "1e2", 1},
    {"100", "0.1E+3", 1},
    {"0.05", "5e-2", 1},
    {"-0.050", "-5e-2", 1},
    {"-0", "0.00e5", 1},
    {"1", "-1", 0},
    {"1", "10", 0},
    {"1", "0.1", 0},
    {"1.5", "1.50", 1},
    {"1.5", "1.51", 0},
    {"15", "1.5", 0},
    {"10.01", "1001e-2", 1},
    {"0.1000000000000000000000000000001", "0.1", 0},
    {"123456789012345678901234567890.5", "123456789012345678901234567890.50", 1},
    {"123456789012345678901234567890.5", "123456789012345678901234567890.6", 0},
    {"1e99999999999999999999", "1e99999999999999999999", 1},
    {"1e99999999999999999999", "1e-99999999999999999999", 0},
    {"0e99999999999999999999", "0", 1},
};

int main(void)
{
    apr_pool_t *pool = tap_start();

    for (size_t i = 0; i < TAP_COUNT(valid); i++)
        tap_ok(fhir_decimal_valid(valid[i], strlen(valid[i])), "valid: %s", valid[i]);
    const char *low, *high;
    for (size_t i = 0; i < TAP_COUNT(invalid); i++) {
        tap_ok(!fhir_decimal_valid(invalid[i], strlen(invalid[i])), "invalid: %s", invalid[i]);
        tap_ok(!fhir_decimal_bounds(&low, &high, invalid[i], strlen(invalid[i]), pool),
               "no bounds: %s", invalid[i]);
    }
    tap_ok(fhir_decimal_valid("12x", 2), "only len bytes are read");
    for (size_t i = 0; i < TAP_COUNT(bounds); i++) {
        low = high = NULL;
        tap_ok(fhir_decimal_bounds(&low, &high, bounds[i].in, strlen(bounds[i].in), pool),
               "bounds: %s", bounds[i].in);
        tap_is_str(low, bounds[i].low, "  low");
        tap_is_str(high, bounds[i].high, "  high");
    }
    for (size_t i = 0; i < TAP_COUNT(approx); i++) {
        low = high = NULL;
        tap_ok(fhir_decimal_approx(&low, &high, approx[i].in, strlen(approx[i].in), pool),
               "about: %s", approx[i].in);
        tap_is_str(low, approx[i].low, "  low");
        tap_is_str(high, approx[i].high, "  high");
    }
    for (size_t i = 0; i < TAP_COUNT(pairs); i++)
        tap_is_int(
            fhir_decimal_same(pairs[i].a, strlen(pairs[i].a), pairs[i].b, strlen(pairs[i].b)),
            pairs[i].same, "%s is %s%s", pairs[i].a, pairs[i].same ? "" : "not ", pairs[i].b);
    char *huge = apr_palloc(pool, 140000);
    memset(huge, '9', 140000);
    tap_ok(!fhir_decimal_bounds(&low, &high, huge, 140000, pool), "too large for a numeric");
    tap_ok(!fhir_decimal_bounds(&low, &high, huge, 130000, pool) || strlen(high) == 130002,
           "large");
    return tap_done();
}
