/* SPDX-License-Identifier: Apache-2.0 */
/* The terms that a search for numbers looks up: those of fhir_range_steps, and few beside them. */
#include "fhir/query/fhir_number_terms.h"
#include "tap.h"

#include <apr_strings.h>
#include <string.h>

/* What sql/031-value-terms.sql has; terms that no row can have (below -513, above 513) left out. */
static const struct {
    const char *low, *high, *terms;
} cases[] = {
    {"7.45", "7.55", "700,175"},
    {"119.5", "120.5", "700,239"},
    {NULL, "7.5", "700,580,581,582,590,604,605,606,607,608,609,610"},
    {"7.5", NULL, "700,630,631,611,612,613,614,615,616,617,618,619,620,175"},
    {"120", NULL, "700,630,631,615,616,617,618,619,620,239"},
    {NULL, "150",
     "700,580,581,582,590,604,605,606,607,608,609,610,611,612,613,614,240,241,242,243,244"},
    {"-5", "5", "700,582,590,604,605,606,607,608,609,160,161,162,163,164,165,166"},
    {"0", NULL,
     "700,590,630,631,604,605,606,607,608,609,610,611,612,613,614,615,616,617,618,619,620"},
    {NULL, "0", "700,580,581,582,590"},
    {NULL, "-20000000", "700,-513"},
    {"16777216", NULL, "700,512,513"},
    {NULL, "16777217",
     "700,580,581,582,590,630,631,604,605,606,607,608,609,610,611,612,613,614,615,616,617,618,619,"
     "620"},
    {"0.001", "0.01", "700,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22"},
    {"0.05", "3e5",
     "700,590,630,631,604,605,606,607,608,609,610,611,612,613,614,615,616,617,618,"
     "619,620"},
    {"-0.5", "1e9",
     "700,582,590,630,631,604,605,606,607,608,609,610,611,612,613,614,615,616,617,"
     "618,619,620"},
    {"1e400", NULL, "700,513"},
    {NULL, "-0.00390625", "700,580,581,582"},
    {"0.00390625", NULL,
     "700,590,630,631,604,605,606,607,608,609,610,611,612,613,614,615,616,617,618,619,620"},
    {"0.00390624999999999999999999", "0.004", "700,0,1"},
    {"8", "8", "700,177"},
    {"9000", "70000000", "700,630,631"},
};

/* What is missing of the expected terms, or, if there are more than two others, "more". */
static const char *miss(const char *got, const char *expected, apr_pool_t *pool)
{
    int wanted = 0, n = 1;
    char *last, *list = apr_pstrdup(pool, expected);
    for (char *term = apr_strtok(list, ",", &last); term; term = apr_strtok(NULL, ",", &last)) {
        const char *at = strstr(got, apr_pstrcat(pool, ",", term, NULL));
        while (at && !strchr(",}", at[1 + strlen(term)]))
            at = strstr(at + 1, apr_pstrcat(pool, ",", term, NULL));
        if (!at && strcmp(term, "700"))
            return term;
        wanted++;
    }
    for (const char *at = got; *at; at++)
        n += *at == ',';
    return n > wanted + 2 ? "more" : NULL;
}

int main(void)
{
    apr_pool_t *pool = tap_start();
    for (unsigned i = 0; i < TAP_COUNT(cases); i++) {
        const char *got = fhir_number_terms(cases[i].low, cases[i].high, pool);
        const char *missing = miss(got, cases[i].terms, pool);
        tap_ok(!missing && !strncmp(got, "{700", 4), "%s to %s: %s%s%s",
               cases[i].low ? cases[i].low : "none", cases[i].high ? cases[i].high : "none", got,
               missing ? ", missing: " : "", missing ? missing : "");
    }
    return tap_done();
}
