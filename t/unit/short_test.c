/* SPDX-License-Identifier: Apache-2.0 */
/* Short forms of URLs: one form for each text, one text for each form, beginnings found exactly. */
#include "model/fhir_short.h"
#include "model/fhir_short_table.h"
#include "tap.h"

#include <apr_strings.h>

static const struct {
    const char *url, *form;
} cases[] = {
    {"", ""},
    {"http://loinc.org", "~l"},
    {"http://loinc.org|8867-4", "~l|8867-4"},
    {"http://loinc.org/vs/LL1", "~l/vs/LL1"},
    {"http://loinc.or", "http://loinc.or"},
    {"http://loinc", "http://loinc"},
    {"HTTP://LOINC.ORG", "HTTP://LOINC.ORG"},
    {"http://hl7.org/fhir/", "~f"},
    {"http://hl7.org/fhir", "http://hl7.org/fhir"},
    {"http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient", "~Kpatient"},
    {"http://hl7.org/fhir/us/core/StructureDefinition/us-cor", "~Uus-cor"},
    {"http://hl7.org/fhir/us/davinci", "~fus/davinci"},
    {"http://hl7.org/fhir/us/core/zzz", "~fus/core/zzz"},
    {"http://terminology.hl7.org/CodeSystem/v3-ActCode", "~a"},
    {"http://terminology.hl7.org/CodeSystem/v3-ActCodeX", "~aX"},
    {"http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "~3NullFlavor"},
    {"http://terminology.hl7.org/CodeSystem/zzz", "~tzzz"},
    {"http://terminology.hl7.org/CodeSystem/", "~t"},
    {"http://terminology.hl7.org/ValueSet/v3", "http://terminology.hl7.org/ValueSet/v3"},
    {"urn:oid:1.2.3", "~D1.2.3"},
    {"urn:uuid:1", "urn:uuid:1"},
    {"~", "~~"},
    {"~l", "~~l"},
    {"~~l", "~~~l"},
    {"\xC3\xBC", "\xC3\xBC"},
};

/* The text that a form stands for, as SQL's fhir_full finds it. */
static const char *full(const char *form, apr_pool_t *pool)
{
    for (apr_size_t i = 1; *form == FHIR_SHORT_MARK && i < TAP_COUNT(shorts); i++)
        if (form[1] == (char)shorts[i].letter)
            return apr_pstrcat(pool, shorts[i].url, form + 2, NULL);
    return form;
}

static void test_forms(apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    for (apr_size_t i = 0; i < TAP_COUNT(cases); i++) {
        fhir_buf_clear(buf);
        fhir_short_append(buf, cases[i].url, strlen(cases[i].url));
        tap_is_str(fhir_buf_cstr(buf), cases[i].form, "\"%s\" appended", cases[i].url);
        tap_is_str(fhir_short_url(cases[i].url, pool), cases[i].form, "\"%s\"", cases[i].url);
        tap_is_str(full(cases[i].form, pool), cases[i].url, "back from \"%s\"", cases[i].form);
    }
}

static void test_tokens(apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    tap_is_str(fhir_short_token("http://loinc.org", "~l", pool), "~l|~l", "system and code");
    tap_is_str(fhir_short_token("http://loinc.org", "", pool), "~l|", "a system");
    tap_is_str(fhir_short_token("", "x", pool), "|x", "no system");
    tap_is_str(fhir_short_token(NULL, "~l|x", pool), "~~l|x", "a code that looks like a form");
    tap_is_str(fhir_short_token(NULL, "http://loinc.org", pool), "http://loinc.org", "a code");
    fhir_short_append_code(buf, "~l", 2);
    fhir_short_append_code(buf, "", 0);
    fhir_short_append_code(buf, "a~", 2);
    tap_is_str(fhir_buf_cstr(buf), "~~la~", "codes appended");
}

static int found(const apr_array_header_t *stems, const char *form)
{
    int n = 0;
    for (int i = 0; i < stems->nelts; i++) {
        const char *stem = APR_ARRAY_IDX(stems, i, const char *);
        n += !strncmp(form, stem, strlen(stem));
    }
    return n > 0;
}

/* Every beginning of every text, against every text. */
static void test_stems(apr_pool_t *pool)
{
    int checked = 0, wrong = 0;
    for (apr_size_t i = 0; i < TAP_COUNT(cases); i++)
        for (apr_size_t len = strlen(cases[i].url); len; len--) {
            const char *stem = apr_pstrmemdup(pool, cases[i].url, len);
            apr_array_header_t *stems = apr_array_make(pool, 8, sizeof(const char *));
            fhir_short_stems(stems, stem, pool);
            for (apr_size_t j = 0; j < TAP_COUNT(cases); j++, checked++)
                if (found(stems, cases[j].form) != !strncmp(cases[j].url, stem, len)) {
                    tap_diag("\"%s\" and \"%s\"", stem, cases[j].url);
                    wrong++;
                }
        }
    tap_ok(checked > 10000, "%d pairs", checked);
    tap_is_int(wrong, 0, "beginnings find what begins with them, and nothing else");
}

/* What the search by halves relies on. */
static void test_table(void)
{
    int sorted = 1, parents = 1;
    for (apr_size_t i = 1; i < TAP_COUNT(shorts); i++) {
        apr_size_t longest = 0;
        sorted &=
            strcmp(shorts[i - 1].url, shorts[i].url) < 0 && strlen(shorts[i].url) == shorts[i].len;
        for (apr_size_t j = 1; j < TAP_COUNT(shorts); j++)
            if (j != i && !strncmp(shorts[i].url, shorts[j].url, shorts[j].len) &&
                shorts[j].len > shorts[longest].len)
                longest = j;
        parents &= shorts[i].parent == longest;
    }
    tap_ok(sorted, "URLs are sorted");
    tap_ok(parents, "parents are the longest beginnings");
}

int main(void)
{
    apr_pool_t *pool = tap_start();
    test_forms(pool);
    test_tokens(pool);
    test_stems(pool);
    test_table();
    return tap_done();
}
