/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of rows, and those that searches look up: what a row has, a search for it finds. */
#include "fhir/extract/fhir_keys.h"
#include "tap.h"

#include <apr_strings.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fhir/extract/fhir_extract.h"

#define CELLS     256
#define RANGE_MAX 54 /* keys of a range */

static fhir_extract_t *extract;

/* The keys of a resource's row. */
static const char *keys_of(const char *json, apr_pool_t *pool)
{
    static fhir_value_t cells[CELLS];
    fhir_node_t *root;
    if (!tap_no_err(fhir_node_parse_json(&root, json, strlen(json), NULL, pool), "%.60s", json))
        return "";
    const fhir_type_t *type = fhir_model_resource(&fhir_model_r4, "Observation", 11);
    if (!tap_no_err(fhir_extract_run(cells, extract, type, root), "extracted"))
        return "";
    const char *keys = cells[type->n_columns + 1].data;
    return keys ? apr_pstrdup(pool, keys) : "";
}

static int has(const char *keys, apr_int32_t key, apr_pool_t *pool)
{
    const char *text = apr_itoa(pool, key);
    const apr_size_t len = strlen(text);
    for (const char *at = keys; (at = strpbrk(at, "{,")) != NULL;)
        if (!strncmp(++at, text, len) && strchr(",}", at[len]))
            return 1;
    return 0;
}

static int has_one(const char *keys, const apr_array_header_t *wanted, apr_pool_t *pool)
{
    for (int i = 0; i < wanted->nelts; i++)
        if (has(keys, APR_ARRAY_IDX(wanted, i, apr_int32_t), pool))
            return 1;
    return 0;
}

static int finds(const char *keys, const char *column, const char *name, const char *low,
                 const char *high, apr_pool_t *pool)
{
    apr_array_header_t *wanted = apr_array_make(pool, RANGE_MAX, sizeof(apr_int32_t));
    fhir_keys_range(wanted, column, name, low, high);
    return wanted->nelts <= RANGE_MAX && has_one(keys, wanted, pool);
}

/* ---- texts and names ---- */

static void test_names(apr_pool_t *pool)
{
    const char *keys =
        keys_of("{\"resourceType\":\"Observation\",\"code\":{\"coding\":[{\"system\":\"s\","
                "\"code\":\"c\"}]},"
                "\"method\":{\"coding\":[{\"code\":\"a\\\"\\\\,b\"}]},"
                "\"valueQuantity\":{\"value\":7.5,\"unit\":\"milligram\",\"code\":\"mg\"},"
                "\"component\":[{\"code\":{\"coding\":[{\"code\":\"d\"}]},"
                "\"valueQuantity\":{\"value\":120,\"unit\":\"u\"}},"
                "{\"code\":{\"coding\":[{\"code\":\"e\"}]},"
                "\"valueCodeableConcept\":{\"coding\":[{\"code\":\"f\"}]}}]}",
                pool);
    tap_ok(has(keys, fhir_keys_text("method", "a\"\\,b", 5), pool), "a text as it is");
    tap_ok(!has(keys, fhir_keys_text("status", "a\"\\,b", 5), pool), "  not of another column");
    tap_ok(!has(keys, fhir_keys_text("code", "c", 1), pool), "no column of the index itself");
    static const struct {
        const char *column, *name, *low, *high;
        int found;
    } ranges[] = {
        {"value_quantity", NULL, "7.4", "7.6", 1},
        {"value_quantity", "c", "7.4", NULL, 1},
        {"value_quantity", "|mg", NULL, "8", 1},
        {"value_quantity", "|milligram", "7", "8", 1},
        {"value_quantity", "|g", "7", "8", 0},
        {"value_quantity", "d", "7", "8", 0},
        {"value_quantity", NULL, "8", "9", 0},
        {"value_quantity", NULL, "120", "120", 0},
        {"component_value_quantity", NULL, "120", "120", 1},
        {"component_value_quantity", "|u", "100", NULL, 1},
        {"component_code_value_quantity", "d", "119", "121", 1},
        {"component_code_value_quantity", "e", "119", "121", 0},
    };
    for (apr_size_t i = 0; i < TAP_COUNT(ranges); i++)
        tap_is_int(
            finds(keys, ranges[i].column, ranges[i].name, ranges[i].low, ranges[i].high, pool),
            ranges[i].found, "%s %s", ranges[i].column, ranges[i].name ? ranges[i].name : "");
    tap_ok(has(keys, fhir_keys_at("component_code_value_concept", "e", 1, FHIR_KEYS_OTHER), pool),
           "a composite of codes");
    tap_is_str(keys_of("{\"resourceType\":\"Observation\",\"status\":\"final\"}", pool), "",
               "a row without keys");
    tap_is_int(fhir_keys_text("method", "m", 1), -1012410421, "keys never change");
}

/* ---- numbers ---- */

/* Each number is found between any bounds that it is between: those at the edges of steps, beside
 * them, and far from all. */
static void test_edges(apr_pool_t *pool)
{
    static const double beside[] = {0, 0.0001, -0.0001};
    const char *numbers[256], *keys[256];
    double values[256];
    int n = 0, missed = 0;
    for (int exponent = -10; exponent <= 26; exponent += 2)
        for (int i = 0; i < 6; i++)
            values[n++] = (i % 2 ? -1 : 1) * (ldexp(1, exponent) + beside[i / 2]);
    values[n++] = 0;
    values[n++] = 1e-9;
    values[n++] = 1e12;
    values[n++] = -1e12;
    for (int i = 0; i < n; i++) {
        char text[40];
        snprintf(text, sizeof(text), "%.17g", values[i]);
        numbers[i] = apr_pstrdup(pool, text);
        keys[i] = keys_of(apr_psprintf(pool,
                                       "{\"resourceType\":\"Observation\",\"valueQuantity\":"
                                       "{\"value\":%s}}",
                                       numbers[i]),
                          pool);
    }
    for (int i = 0; i < n; i++)
        for (int k = 0; k < n; k++) {
            const int below = values[i] <= values[k];
            const char *low = numbers[below ? i : k], *high = numbers[below ? k : i];
            missed += !finds(keys[i], "value_quantity", NULL, low, high, pool) ||
                      !finds(keys[i], "value_quantity", NULL, low, NULL, pool) ||
                      !finds(keys[i], "value_quantity", NULL, NULL, high, pool);
        }
    tap_is_int(missed, 0, "each number is found between any bounds");
}

int main(void)
{
    apr_pool_t *pool = tap_start();
    extract = fhir_extract_create(&fhir_model_r4, NULL, NULL, pool);
    test_names(pool);
    test_edges(pool);
    return tap_done();
}
