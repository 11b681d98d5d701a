/* SPDX-License-Identifier: Apache-2.0 */
/* The growing buffer: growth, ceiling, text, JSON strings, sink. */
#include "core/fhir_buf.h"
#include "tap.h"

#include <apr_strings.h>

static void test_growth(apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    int same = 1;
    tap_is_str(fhir_buf_cstr(buf), "", "empty");
    for (int i = 0; i < 100000; i++)
        fhir_buf_putc(buf, (char)('a' + i % 26));
    tap_is_int(buf->len, 100000, "length");
    for (int i = 0; i < 100000; i++)
        same &= buf->data[i] == 'a' + i % 26;
    tap_ok(same, "content");
    fhir_buf_free(buf);
    tap_ok(buf->len == 0 && buf->cap == 0, "freed");
    fhir_buf_puts(buf, "again");
    tap_is_str(fhir_buf_cstr(buf), "again", "and usable again");
    fhir_buf_clear(buf);
    fhir_buf_append(buf, NULL, 0);
    tap_is_str(fhir_buf_cstr(buf), "", "cleared");
}

static void test_ceiling(apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 10);
    fhir_buf_puts(buf, "0123456789");
    tap_ok(!buf->overflow, "the ceiling can be reached");
    tap_is_str(fhir_buf_cstr(buf), "0123456789", "with room for the NUL");
    fhir_buf_putc(buf, 'x');
    tap_ok(buf->overflow, "but not passed");
    tap_is_int(buf->len, 10, "what came before stays");
    tap_is_str(fhir_buf_cstr(buf), "", "a failed buffer is no string");
    fhir_buf_clear(buf);
    fhir_buf_puts(buf, "01234567");
    fhir_buf_puts(buf, "abc");
    fhir_buf_puts(buf, "d");
    tap_is_mem(buf->data, buf->len, "01234567", 8, "nothing follows a gap");
    fhir_buf_clear(buf);
    tap_is_int(fhir_buf_reserve(buf, 11), 0, "more than the ceiling at once");
    fhir_buf_clear(buf);
    tap_is_int(fhir_buf_reserve(buf, ~(apr_size_t)0), 0, "sizes do not wrap");
}

static void test_printf(apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    char *big = apr_pcalloc(pool, 5001);
    memset(big, 'x', 5000);
    fhir_buf_printf(buf, "%d-%s-%c", 42, "é", '!');
    tap_is_str(fhir_buf_cstr(buf), "42-é-!", "formats");
    fhir_buf_printf(buf, "<%s>", big);
    tap_is_int(buf->len, 7 + 5002, "longer than the chunk");
    tap_is_int(buf->data[buf->len - 1], '>', "to the end");
}

static const struct {
    const char *in, *want;
    apr_size_t len;
} strings[] = {
    {"", "\"\"", 0},
    {"plain", "\"plain\"", 5},
    {"a\"b\\c/", "\"a\\\"b\\\\c/\"", 6},
    {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"", 5},
    {"\0\x1f\x7f", "\"\\u0000\\u001f\x7f\"", 3},
    {"é€😀", "\"é€😀\"", 9},
};

static void test_json(apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    for (size_t i = 0; i < TAP_COUNT(strings); i++) {
        fhir_buf_clear(buf);
        fhir_buf_json_string(buf, strings[i].in, strings[i].len);
        tap_is_str(fhir_buf_cstr(buf), strings[i].want, "JSON string %s", strings[i].want);
    }
}

static void test_sink(apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 5);
    fhir_out_t *out = fhir_buf_out(buf, pool);
    tap_no_err(out->write(out, "1234", 4), "the sink takes bytes");
    fhir_err_t *err = out->write(out, "567", 3);
    tap_is_int(err ? err->code : FHIR_OK, FHIR_ERR_LIMIT, "and says when it is full");
}

int main(void)
{
    apr_pool_t *pool = tap_start();
    test_growth(pool);
    test_ceiling(pool);
    test_printf(pool);
    test_json(pool);
    test_sink(pool);
    return tap_done();
}
