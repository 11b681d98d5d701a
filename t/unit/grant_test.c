/* SPDX-License-Identifier: Apache-2.0 */
/* Grants: as bytes and back, and which rights a scope gives. What a grant shows of stored rows is
 * in t/grant.t and t/write-grant.t. */
#include "tap.h"

#include <string.h>

#include "fhir/query/fhir_grant_bytes.h"

static const fhir_grant_scope_t scopes[] = {
    {.rights = FHIR_RIGHT_ALL, .patient_only = 1},
    {.type = "Observation",
     .rights = FHIR_RIGHT_READ | FHIR_RIGHT_SEARCH,
     .query = "category=http://x%7Cy&code=z"},
    {.type = "Patient"},
    {.type = "Patient", .rights = FHIR_RIGHT_READ, .related_only = 1},
};
static const fhir_grant_t grants[] = {
    {.all = 1},
    {.patient = "p1"},
    {.owner = ""},
    {.patient = "p1", .owner = "user\xc3\xa4 client", .n_scopes = 3, .scopes = scopes},
    {.related = FHIR_RELATED_ENCOUNTER | FHIR_RELATED_APPOINTMENT,
     .user = "Practitioner/d",
     .n_scopes = 4,
     .scopes = scopes},
    {.related = FHIR_RELATED_CARE_TEAM},
};

static void same(const fhir_grant_t *got, const fhir_grant_t *want, int n)
{
    tap_is_int(got->all, want->all, "%d: all", n);
    tap_is_str(got->patient, want->patient, "%d: patient", n);
    tap_is_str(got->owner, want->owner, "%d: owner", n);
    tap_is_int((int)got->related, (int)want->related, "%d: related", n);
    tap_is_str(got->user, want->user, "%d: user", n);
    if (!tap_is_int(got->n_scopes, want->n_scopes, "%d: number of scopes", n))
        return;
    for (int i = 0; i < want->n_scopes; i++) {
        tap_is_str(got->scopes[i].type, want->scopes[i].type, "%d: type", n);
        tap_is_int(got->scopes[i].rights, want->scopes[i].rights, "%d: rights", n);
        tap_is_int(got->scopes[i].patient_only, want->scopes[i].patient_only, "%d: patient only",
                   n);
        tap_is_int(got->scopes[i].related_only, want->scopes[i].related_only, "%d: related only",
                   n);
        tap_is_str(got->scopes[i].query, want->scopes[i].query, "%d: query", n);
    }
}

static void refused(const void *bytes, apr_size_t len, const char *what, apr_pool_t *pool)
{
    const fhir_grant_t *grant = &grants[0];
    fhir_err_t *err = fhir_grant_from_bytes(&grant, bytes, len, pool);
    tap_is_int(err ? (int)err->code : 0, FHIR_ERR_SYNTAX, "refused: %s", what);
    tap_ok(!grant, "  and there is no grant");
}

static void test_round_trip(apr_pool_t *pool)
{
    for (apr_size_t i = 0; i < TAP_COUNT(grants); i++) {
        fhir_buf_t *buf = fhir_buf_create(pool, 0);
        const fhir_grant_t *got = NULL;
        tap_no_err(fhir_grant_to_bytes(buf, &grants[i], pool), "to bytes");
        if (tap_no_err(fhir_grant_from_bytes(&got, buf->data, buf->len, pool), "from bytes"))
            same(got, &grants[i], (int)i);
        for (apr_size_t len = 0; len < buf->len; len++)
            refused(buf->data, len, "a part", pool);
        fhir_buf_putc(buf, '\0');
        refused(buf->data, buf->len, "a byte more", pool);
    }
}

/* The layout is stored; a change of it needs another version. */
static void test_layout(apr_pool_t *pool)
{
    static const char bytes[] = "\1\6\0\2p1\0\15user\xc3\xa4 client"
                                "\0\3"
                                "\1\37"
                                "\6\22\0\13Observation\0\34category=http://x%7Cy&code=z"
                                "\2\0\0\7Patient";
    static const char limited[] = "\2\0\2\0\0";
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    fhir_grant_to_bytes(buf, &grants[3], pool);
    tap_is_mem(buf->data, buf->len, bytes, sizeof(bytes) - 1, "the layout of version 1");
    fhir_buf_clear(buf);
    fhir_grant_to_bytes(buf, &grants[5], pool);
    tap_is_mem(buf->data, buf->len, limited, sizeof(limited) - 1, "the layout of version 2");
}

static void test_refused(apr_pool_t *pool)
{
    static const struct {
        const char *what, *bytes;
        apr_size_t len;
    } cases[] = {
#define CASE(what, bytes) {what, bytes, sizeof(bytes) - 1}
        CASE("version 0", "\0\1\0\0"),
        CASE("a later version", "\3\1\0\0"),
        CASE("no relation", "\2\1\0\0\0"),
        CASE("a relation that is not known", "\2\1\x8\0\0"),
        CASE("an empty user", "\2\x8\1\0\0\0\0"),
        CASE("a flag of version 2", "\1\0\0\1\x8\2"),
        CASE("a flag that is not known", "\1\x11\0\0"),
        CASE("an empty patient", "\1\2\0\0\0\0"),
        CASE("a patient with a NUL", "\1\2\0\3p\0q\0\0"),
        CASE("a scope's flag that is not known", "\1\0\0\1\x10\2"),
        CASE("a right that is not known", "\1\0\0\1\0\x22"),
        CASE("an empty type", "\1\0\0\1\2\2\0\0"),
        CASE("an empty query", "\1\0\0\1\4\2\0\0"),
        CASE("more scopes than there are", "\1\0\0\2\1\2"),
        CASE("too many scopes", "\1\0\xff\xff"),
        CASE("a text that is longer than all", "\1\2\xff\xffp\0\0"),
#undef CASE
    };
    for (apr_size_t i = 0; i < TAP_COUNT(cases); i++)
        refused(cases[i].bytes, cases[i].len, cases[i].what, pool);
}

static void test_too_large(apr_pool_t *pool)
{
    static char text[70000];
    static fhir_grant_scope_t many[FHIR_GRANT_SCOPES_MAX + 1];
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    memset(text, 'x', sizeof(text) - 1);
    fhir_err_t *err = fhir_grant_to_bytes(buf, &(fhir_grant_t){.owner = text}, pool);
    tap_is_int(err ? (int)err->code : 0, FHIR_ERR_LIMIT, "a text that is too long");
    err = fhir_grant_to_bytes(
        buf, &(fhir_grant_t){.n_scopes = FHIR_GRANT_SCOPES_MAX + 1, .scopes = many}, pool);
    tap_is_int(err ? (int)err->code : 0, FHIR_ERR_LIMIT, "too many scopes");
    err = fhir_grant_to_bytes(fhir_buf_create(pool, 4), &grants[3], pool);
    tap_is_int(err ? (int)err->code : 0, FHIR_ERR_INTERNAL, "a buffer that is full");
}

static void test_allows(void)
{
    const fhir_model_t *model = &fhir_model_r4;
    static const fhir_grant_scope_t some[] = {
        {.type = "Observation", .rights = FHIR_RIGHT_READ},
        {.type = "Observation", .rights = FHIR_RIGHT_SEARCH},
        {.type = "MedicationOrder", .rights = FHIR_RIGHT_ALL}, /* of another release */
    };
    static const fhir_grant_t grant = {.n_scopes = 3, .scopes = some};
    const fhir_type_t *observation = fhir_model_resource(model, "Observation", 11);
    const fhir_type_t *patient = fhir_model_resource(model, "Patient", 7);
    tap_ok(fhir_grant_allows(&grant, model, observation, FHIR_RIGHT_READ), "a right");
    tap_ok(!fhir_grant_allows(&grant, model, observation, FHIR_RIGHT_READ | FHIR_RIGHT_SEARCH),
           "both rights must be one scope's");
    tap_ok(!fhir_grant_allows(&grant, model, observation, FHIR_RIGHT_UPDATE), "another right");
    tap_ok(!fhir_grant_allows(&grant, model, patient, FHIR_RIGHT_READ), "another type");
    tap_ok(fhir_grant_allows(&grants[0], model, patient, FHIR_RIGHT_DELETE), "everything");
    tap_ok(fhir_grant_allows(&grants[3], model, patient, FHIR_RIGHT_DELETE), "every type");
}

int main(void)
{
    apr_pool_t *pool = tap_start();
    test_round_trip(pool);
    test_layout(pool);
    test_refused(pool);
    test_too_large(pool);
    test_allows();
    return tap_done();
}
