/* SPDX-License-Identifier: Apache-2.0 */
/* Inserts of the same text as one statement: which go together, its text and values, whose rows
 * came back. */
#include "store/fhir_store_private.h"
#include "tap.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#define INSERT "INSERT INTO \"a$9\".t (a, b) "

static const fhir_stmt_t insert = {
    .sql = INSERT "SELECT $1::text, $2::integer WHERE EXISTS (SELECT FROM \"a$9\".u WHERE i = $2)",
    .n_values = 2,
    .row = sizeof(INSERT) - 1,
    .key = "a",
};
static const fhir_stmt_t other = {
    .sql = "INSERT INTO t (a, b) SELECT $1::text, $2::integer",
    .n_values = 2,
    .row = 21,
    .key = "a",
};
static const fhir_stmt_t alone = {.sql = "INSERT INTO t VALUES ($1, $2)", .n_values = 2};

/* "i": insert, "o": other, "a": alone. Values are the member's number and a hundred more. */
static fhir_member_t *list_of(const char *kinds, apr_pool_t *pool)
{
    apr_size_t n = strlen(kinds);
    fhir_member_t *list = apr_pcalloc(pool, sizeof(*list) * n);
    for (apr_size_t i = 0; i < n; i++) {
        fhir_value_t *values = apr_pcalloc(pool, sizeof(*values) * 2);
        values[0].data = apr_psprintf(pool, "%d", (int)i);
        values[1].data = apr_psprintf(pool, "%d", (int)i + 100);
        list[i].stmt = kinds[i] == 'i' ? &insert : kinds[i] == 'o' ? &other : &alone;
        list[i].values = values;
        list[i].affected = -1;
        list[i].next = i + 1 < n ? &list[i + 1] : NULL;
    }
    return list;
}

/* Units as the numbers of their members: "0,2 1". */
static const struct {
    const char *kinds, *units;
} distributions[] = {
    {"i", "0"},
    {"ii", "0,1"},
    {"iii", "0,1,2"},
    {"aa", "0 1"},
    {"ioaioi", "0,3,5 1,4 2"},
    {"iiiiiiiii", "0,1,2,3,4,5,6,7 8"},
    {"iiiiiiioo", "0,1,2,3,4,5,6 7,8"},
};

static void test_distribution(apr_pool_t *pool)
{
    for (size_t i = 0; i < TAP_COUNT(distributions); i++) {
        const char *got = "";
        fhir_rows_t *units;
        int n = fhir_rows_join(&units, list_of(distributions[i].kinds, pool), pool), wrong = 0;
        for (int u = 0; u < n; u++) {
            for (int m = 0; m < units[u].n; m++) {
                got = apr_pstrcat(pool, got,
                                  m   ? ","
                                  : u ? " "
                                      : "",
                                  units[u].member[m]->values[0].data, NULL);
                wrong += strcmp(units[u].values[2 * m + 1], units[u].member[m]->values[1].data);
            }
            wrong += units[u].stmt.n_values != 2 * units[u].n;
        }
        tap_is_str(got, distributions[i].units, "%s", distributions[i].kinds);
        tap_is_int(wrong, 0, "  with their values");
    }
}

static void test_text(apr_pool_t *pool)
{
    fhir_rows_t *units;
    (void)fhir_rows_join(&units, list_of("iia", pool), pool);
    tap_is_str(units[0].stmt.sql,
               INSERT "SELECT $1::text, $2::integer WHERE EXISTS (SELECT FROM \"a$9\".u WHERE i = "
                      "$2) UNION ALL SELECT $3::text, $4::integer WHERE EXISTS (SELECT FROM "
                      "\"a$9\".u WHERE i = $4) RETURNING a",
               "two rows in one statement");
    tap_is_str(units[1].stmt.sql, alone.sql, "what stands alone is sent as it is");
}

/* A result of these keys. */
static PGresult *result_of(const char *keys)
{
    PGresAttDesc column = {.name = (char *)"a"};
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    PQsetResultAttrs(result, 1, &column);
    for (int row = 0; *keys; row++, keys++) {
        char key[2] = {*keys, '\0'};
        PQsetvalue(result, row, 0, key, 1);
    }
    return result;
}

static const struct {
    const char *keys, *affected;
    int wrong;
} settlements[] = {
    {"0123", "1111", 0}, {"", "0000", 0},  {"02", "1010", 0},    {"3", "0001", 0},
    {"10", "0100", 1},   {"9", "0000", 1}, {"01234", "1111", 1},
};

static void test_settlement(apr_pool_t *pool)
{
    for (size_t i = 0; i < TAP_COUNT(settlements); i++) {
        PGresult *result = result_of(settlements[i].keys);
        char got[5] = "";
        fhir_rows_t *units;
        (void)fhir_rows_join(&units, list_of("iiii", pool), pool);
        fhir_err_t *err = fhir_rows_settle(&units[0], result, pool);
        for (int m = 0; m < 4; m++) {
            got[m] = units[0].member[m]->affected ? '1' : '0';
        }
        tap_is_int(err != NULL, settlements[i].wrong, "rows \"%s\" come back: %s",
                   settlements[i].keys, settlements[i].wrong ? "an error" : "no error");
        tap_is_str(got, settlements[i].affected, "  which are stored");
        PQclear(result);
    }
}

int main(void)
{
    apr_pool_t *pool = tap_start();
    test_distribution(pool);
    test_text(pool);
    test_settlement(pool);
    return tap_done();
}
