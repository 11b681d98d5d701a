/* SPDX-License-Identifier: Apache-2.0 */
/* Splicing of id, versionId and lastUpdated into a resource's text. */
#include "fhir/write/fhir_stamp.h"
#include "tap.h"

#define UPDATED "2026-11-22T10:11:12.345Z"
#define META    "\"versionId\":\"7\",\"lastUpdated\":\"" UPDATED "\""

static const struct {
    const char *name, *in, *out;
} cases[] = {
    {"nothing there", "{\"resourceType\":\"Patient\",\"active\":true}",
     "{\"resourceType\":\"Patient\",\"id\":\"x\",\"meta\":{" META "},\"active\":true}"},
    {"only the type", "{\"resourceType\":\"Patient\"}",
     "{\"resourceType\":\"Patient\",\"id\":\"x\",\"meta\":{" META "}}"},
    {"an id of its own", "{\"id\":\"old\",\"resourceType\":\"Patient\"}",
     "{\"id\":\"x\",\"meta\":{" META "},\"resourceType\":\"Patient\"}"},
    {"meta with other members",
     "{\"resourceType\":\"Patient\",\"meta\":{\"profile\":[\"p\"]},\"active\":true}",
     "{\"resourceType\":\"Patient\",\"id\":\"x\",\"meta\":{" META
     ",\"profile\":[\"p\"]},\"active\":true}"},
    {"empty meta", "{\"resourceType\":\"Patient\",\"id\":\"x\",\"meta\":{}}",
     "{\"resourceType\":\"Patient\",\"id\":\"x\",\"meta\":{" META "}}"},
    {"both replaced",
     "{\"resourceType\":\"Patient\",\"id\":\"x\",\"meta\":{\"lastUpdated\":\"2001-01-01T00:00:"
     "00Z\","
     "\"versionId\":\"abc\"}}",
     "{\"resourceType\":\"Patient\",\"id\":\"x\",\"meta\":{\"lastUpdated\":\"" UPDATED
     "\",\"versionId\":\"7\"}}"},
    {"only a version",
     "{\"resourceType\":\"Patient\",\"id\":\"x\",\"meta\":{\"tag\":[],\"versionId\":\"1\"}}",
     "{\"resourceType\":\"Patient\",\"id\":\"x\",\"meta\":{\"tag\":[]," META "}}"},
    {"only a time",
     "{\"resourceType\":\"Patient\",\"id\":\"x\",\"meta\":{\"lastUpdated\":\"2001\",\"tag\":[]}}",
     "{\"resourceType\":\"Patient\",\"id\":\"x\",\"meta\":{" META ",\"tag\":[]}}"},
    {"meta before the id", "{\"resourceType\":\"Patient\",\"meta\":{},\"id\":\"y\"}",
     "{\"resourceType\":\"Patient\",\"meta\":{" META "},\"id\":\"x\"}"},
    {"the type comes last", "{\"active\":true,\"resourceType\":\"Patient\"}",
     "{\"active\":true,\"resourceType\":\"Patient\",\"id\":\"x\",\"meta\":{" META "}}"},
    {"every other byte stays",
     " {\n  \"resourceType\" : \"Patient\" ,\n  "
     "\"name\":[{\"text\":\"\\u00e9\\/\"}],\r\n\t\"x\":1.00\n}\n",
     "{\n  \"resourceType\" : \"Patient\",\"id\":\"x\",\"meta\":{" META
     "} ,\n  \"name\":[{\"text\":\"\\u00e9\\/\"}],\r\n\t\"x\":1.00\n}"},
};

static void stamp(fhir_buf_t *out, const char *in, const char *name, apr_pool_t *pool)
{
    fhir_buf_clear(out);
    fhir_node_t *root;
    if (tap_no_err(fhir_node_parse_json(&root, in, strlen(in), NULL, pool), "%s: parsed", name))
        fhir_stamp_json(out, in, root, "x", 7, UPDATED);
}

static void test_stamp(apr_pool_t *pool)
{
    fhir_buf_t *out = fhir_buf_create(pool, 0), *again = fhir_buf_create(pool, 0);

    for (apr_size_t i = 0; i < TAP_COUNT(cases); i++) {
        stamp(out, cases[i].in, cases[i].name, pool);
        tap_is_str(fhir_buf_cstr(out), cases[i].out, "%s", cases[i].name);
        stamp(again, fhir_buf_cstr(out), cases[i].name, pool);
        tap_is_mem(again->data, again->len, out->data, out->len, "%s: again", cases[i].name);
    }
}

/* An entry of a Bundle: a part of the source, with edits, without white space. */
static void test_splice(apr_pool_t *pool)
{
    static const char source[] = "[ {\n \"a\" : [ 1 , 2 ],\t\"b \\\" c\": \" d  e \" } ]";
    const char *one = strchr(source, '1'), *string = strstr(source, "\" d");
    fhir_edit_t edits[] = {
        {(apr_uint32_t)(one - source), (apr_uint32_t)(one - source + 1), "9 9", 3},
        {(apr_uint32_t)(string - source), (apr_uint32_t)(string - source + 8), "\"\"", 2},
    };
    fhir_buf_t *out = fhir_buf_create(pool, 0);

    fhir_stamp_splice(out, source, 2, sizeof(source) - 3, edits, 2, 1);
    tap_is_str(fhir_buf_cstr(out), "{\"a\":[9 9,2],\"b \\\" c\":\"\"}", "compact, edits verbatim");
    fhir_buf_clear(out);
    fhir_stamp_splice(out, source, 2, sizeof(source) - 3, NULL, 0, 1);
    tap_is_str(fhir_buf_cstr(out), "{\"a\":[1,2],\"b \\\" c\":\" d  e \"}", "compact");
    fhir_buf_clear(out);
    fhir_stamp_splice(out, source, 2, sizeof(source) - 3, NULL, 0, 0);
    tap_is_mem(out->data, out->len, source + 2, sizeof(source) - 5, "as it is");
}

int main(void)
{
    apr_pool_t *pool = tap_start();

    test_stamp(pool);
    test_splice(pool);
    return tap_done();
}
