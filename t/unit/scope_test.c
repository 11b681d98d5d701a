/* SPDX-License-Identifier: Apache-2.0 */
/* Scopes: what is understood, what is left out and told, and what lies within what. */
#include <string.h>

#include "auth/fhir_scope.h"
#include "tap.h"

static apr_pool_t *pool;

static fhir_scopes_t parse(const char *text)
{
    fhir_scopes_t scopes;
    tap_no_err(fhir_scopes_parse(&scopes, text, &fhir_model_r4, pool), "%.60s", text ? text : "");
    return scopes;
}

static void test_parse(void)
{
    static const struct {
        const char *text, *kept, *ignored;
    } cases[] = {
        {NULL, "", ""},
        {"  openid  fhirUser openid ", "openid fhirUser", ""},
        {"patient/Observation.read patient/*.* user/Patient.write", NULL, ""},
        {"patient/Observation.rs user/*.cruds system/Patient.s", NULL, ""},
        {"patient/Observation.read patient/Observation.rs", NULL, ""},
        {"patient/Observation.rs?category=http://x|laboratory", NULL, ""},
        {"patient/Observation.rs?category=a&code=b", NULL, ""},
        {"patient/Nothing.read", "", "no such resource type"},
        {"patient/Observation.sr", "", "in this order"},
        {"patient/Observation.", "", "no letter"},
        {"patient/Observation.rr", "", "in this order"},
        {"patient/Observation.create", "", "in this order"},
        {"patient/Observation", "", "not known"},
        {"Observation.read", "", "not known"},
        {"clinic/Observation.read", "", "not known"},
        {"__any", "", "not known"},
        {"patient/Observation.rs?", "", "empty"},
        {"patient/Observation.rs?category=", "", "name=value"},
        {"patient/Observation.rs?colour=red", "", "not a search parameter"},
        {"patient/Observation.rs?category:not=a", "", "not a search parameter"},
        {"patient/Observation.rs?subject.name=a", "", "not a search parameter"},
        {"patient/Observation.rs?category=%zz", "", "URL-encoded"},
        {"patient/*.rs?category=a", "", "single type"},
        {"patient/Observation.read?category=a", "", "SMART 2"},
        {"openid patient/Nope.rs launch/patient", "openid launch/patient", "Nope"},
    };
    fhir_scopes_t scopes;
    for (int i = 0; i < (int)TAP_COUNT(cases); i++) {
        scopes = parse(cases[i].text);
        tap_is_str(fhir_scopes_print(&scopes, pool), cases[i].kept ? cases[i].kept : cases[i].text,
                   "  what is kept");
        tap_ok(cases[i].ignored[0] ? strstr(scopes.ignored, cases[i].ignored) != NULL
                                   : !scopes.ignored[0],
               "  what is told: %s", scopes.ignored);
    }
    tap_ok(fhir_scopes_parse(&scopes, "a\"b", &fhir_model_r4, pool) != NULL, "a quote");
    tap_ok(fhir_scopes_parse(&scopes, "a\nb", &fhir_model_r4, pool) != NULL, "a newline");
    tap_ok(fhir_scopes_parse(&scopes, memset(apr_pcalloc(pool, 20000), 'a', 19999), &fhir_model_r4,
                             pool) != NULL,
           "a long text");
}

static void test_rights(void)
{
    fhir_scopes_t scopes = parse("patient/Patient.read patient/Patient.write patient/Patient.* "
                                 "patient/Patient.cruds patient/Patient.rs");
    static const unsigned rights[] = {0x12, 0x0d, 0x1f, 0x1f, 0x12};
    for (int i = 0; i < scopes.n; i++)
        tap_is_int((int)scopes.list[i].rights, (int)rights[i], "%s", scopes.list[i].text);
    tap_is_str(fhir_scope_letters(0x1f, pool), "cruds", "all letters");
}

static void test_within(void)
{
    static const struct {
        const char *asked, *allowed, *want;
    } cases[] = {
        {"openid offline_access", "openid", "openid"},
        {"patient/Observation.read", "patient/*.read", "patient/Observation.read"},
        {"patient/Observation.*", "patient/*.read", "patient/Observation.read"},
        {"patient/*.cruds", "patient/Patient.rs", "patient/Patient.rs"},
        {"patient/*.read", "patient/Patient.rs patient/Condition.r",
         "patient/Patient.read patient/Condition.r"},
        {"user/Patient.read", "patient/Patient.read", ""},
        {"patient/Observation.rs", "patient/Observation.rs?category=a",
         "patient/Observation.rs?category=a"},
        {"patient/Observation.rs?category=a", "patient/Observation.rs",
         "patient/Observation.rs?category=a"},
        {"patient/Observation.rs?category=a", "patient/Observation.rs?category=a",
         "patient/Observation.rs?category=a"},
        {"patient/Observation.rs?category=a", "patient/Observation.rs?code=b",
         "patient/Observation.rs?category=a&code=b"},
        {"patient/Observation.read", "patient/Observation.rs?category=a patient/*.rs",
         "patient/Observation.read"},
        {"patient/Observation.write", "patient/Observation.cu", "patient/Observation.cu"},
    };
    for (int i = 0; i < (int)TAP_COUNT(cases); i++) {
        fhir_scopes_t asked = parse(cases[i].asked), allowed = parse(cases[i].allowed), out;
        fhir_scopes_within(&out, &asked, &allowed, pool);
        tap_is_str(fhir_scopes_print(&out, pool), cases[i].want, "%s of %s", cases[i].asked,
                   cases[i].allowed);
    }
}

static void test_cover(void)
{
    static const struct {
        const char *many, *few, *beyond;
    } cases[] = {
        {"patient/*.rs openid", "patient/Patient.r", NULL},
        {"patient/Patient.r patient/Patient.s", "patient/Patient.read", NULL},
        {"patient/Patient.r", "patient/Patient.rs", "patient/Patient.rs"},
        {"patient/Patient.rs", "patient/*.rs", "patient/*.rs"},
        {"patient/Patient.rs", "user/Patient.rs", "user/Patient.rs"},
        {"openid", "offline_access", "offline_access"},
        {"patient/Observation.rs?category=a", "patient/Observation.rs", "patient/Observation.rs"},
        {"patient/Observation.rs", "patient/Observation.rs?category=a", NULL},
        {"patient/Observation.rs?category=a", "patient/Observation.r?category=b",
         "patient/Observation.r?category=b"},
        {"patient/Observation.rs?category=a", "patient/Observation.r?code=x&category=a", NULL},
        {"patient/Observation.rs?category=a&code=x", "patient/Observation.r?category=a",
         "patient/Observation.r?category=a"},
        {"patient/Observation.rs?category=a", "patient/Observation.r?category=ab",
         "patient/Observation.r?category=ab"},
        {"", "", NULL},
    };
    for (int i = 0; i < (int)TAP_COUNT(cases); i++) {
        fhir_scopes_t many = parse(cases[i].many), few = parse(cases[i].few);
        const char *beyond;
        int held = fhir_scopes_cover(&many, &few, &beyond);
        tap_is_int(held, cases[i].beyond == NULL, "%s covers %s", cases[i].many, cases[i].few);
        tap_is_str(beyond, cases[i].beyond, "  what is beyond");
    }
}

int main(void)
{
    pool = tap_start();
    test_parse();
    test_rights();
    test_within();
    test_cover();
    for (const fhir_scope_part_t *part = fhir_scope_parts; part->type; part++) {
        fhir_scope_t scope =
            fhir_scope_make(FHIR_SCOPE_PATIENT, part->type, 0x12, 0, part->query, pool);
        fhir_scopes_t scopes = parse(scope.text);
        tap_is_int(scopes.n, 1, "US Core's part is a scope");
    }
    return tap_done();
}
