/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON reader against yajl as its oracle: over a few hundred thousand texts made by damaging
 * good ones, both accept the same and read the same, but for what is refused on purpose.
 */
#include <stdlib.h>

#include <yajl/yajl_parse.h>

#include "core/fhir_node.h"
#include "tap.h"

static const char *const seeds[] = {
    "{\"a\":1,\"b\":[true,false,null],\"c\":{\"d\":\"x\"}}",
    "[ -1.50e+10 , 0, 0.0, 1E5, \"\\u00e9\\ud83d\\ude00\\n\" ]",
    "{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"M\xC3\xBCller\"}],\"x\":1.00}",
    " \t\r\n\"a\\\\b\\/\\\"\" ",
    "[[[[[1,2],[3]]],{}],[]]",
    "{\"\":\"\",\"k\\u0041\":\"\xF0\x9F\x98\x80\",\"a longer name\":\"some longer text\"}",
};
/* What is put in. */
static const char *const bits[] = {
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u",
    "\\ud83d",
    "\\ude00",
    "\\u0000",
    "\\u0",
    "0",
    "1",
    "-",
    "+",
    ".",
    "e",
    "E",
    "true",
    "tru",
    "null",
    "nul",
    " ",
    "\n",
    "\t",
    "\x01",
    "\v",
    "\f",
    "\x7f",
    "\x80",
    "\xC3",
    "\xC0\x80",
    "\xED\xA0\x80",
    "\xF4\x90\x80\x80",
    "\"a\":1,",
    "\xEF\xBB\xBF",
    "//",
    "a",
    "\"b\"",
};
/* Words of the refusals that yajl does not have, the last one when a word behind the value is
 * incomplete. */
static const char *const stricter[] = {"UTF-8", "surrogate",       "U+0000", "control character",
                                       "twice", "follow the value"};

static apr_uint32_t state = 1;
static unsigned pick(apr_size_t n)
{
    state = state * 1664525u + 1013904223u;
    return (unsigned)((state >> 8) % n);
}

/* -- yajl's events as compact JSON ------------------------------------------------------------- */

typedef struct echo_t {
    fhir_buf_t *buf;
    int comma; /* before the next value or name */
} echo_t;

static void separate(echo_t *e)
{
    if (e->comma)
        fhir_buf_putc(e->buf, ',');
    e->comma = 1;
}
static int word(void *ctx, const char *text, size_t len)
{
    separate(ctx);
    fhir_buf_append(((echo_t *)ctx)->buf, text, len);
    return 1;
}
static int on_null(void *ctx)
{
    return word(ctx, "null", 4);
}
static int on_boolean(void *ctx, int value)
{
    return word(ctx, value ? "true" : "false", value ? 4 : 5);
}
static int on_string(void *ctx, const unsigned char *text, size_t len)
{
    separate(ctx);
    fhir_buf_json_string(((echo_t *)ctx)->buf, (const char *)text, len);
    return 1;
}
static int on_key(void *ctx, const unsigned char *text, size_t len)
{
    on_string(ctx, text, len);
    fhir_buf_putc(((echo_t *)ctx)->buf, ':');
    ((echo_t *)ctx)->comma = 0;
    return 1;
}
static int on_open_map(void *ctx)
{
    word(ctx, "{", 1);
    ((echo_t *)ctx)->comma = 0;
    return 1;
}
static int on_open_array(void *ctx)
{
    word(ctx, "[", 1);
    ((echo_t *)ctx)->comma = 0;
    return 1;
}
static int on_close_map(void *ctx)
{
    fhir_buf_putc(((echo_t *)ctx)->buf, '}');
    return ((echo_t *)ctx)->comma = 1;
}
static int on_close_array(void *ctx)
{
    fhir_buf_putc(((echo_t *)ctx)->buf, ']');
    return ((echo_t *)ctx)->comma = 1;
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = word,
    .yajl_string = on_string,
    .yajl_map_key = on_key,
    .yajl_start_map = on_open_map,
    .yajl_end_map = on_close_map,
    .yajl_start_array = on_open_array,
    .yajl_end_array = on_close_array,
};

/* 1 if yajl accepts the text, without the byte order mark that it does not know; buf: what it read.
 */
static int oracle(fhir_buf_t *buf, const fhir_buf_t *text)
{
    echo_t echo = {buf, 0};
    yajl_handle yajl = yajl_alloc(&callbacks, NULL, &echo);

    apr_size_t mark = text->len >= 3 && !memcmp(text->data, "\xEF\xBB\xBF", 3) ? 3 : 0;

    fhir_buf_clear(buf);
    int good = yajl_parse(yajl, (const unsigned char *)text->data + mark, text->len - mark) ==
                   yajl_status_ok &&
               yajl_complete_parse(yajl) == yajl_status_ok;
    yajl_free(yajl);
    return good;
}

/* -- the comparison ---------------------------------------------------------------------------- */

static int is_stricter(const char *message)
{
    for (apr_size_t i = 0; i < TAP_COUNT(stricter); i++)
        if (strstr(message, stricter[i]))
            return 1;
    return 0;
}

static int agree(fhir_buf_t *text, fhir_buf_t *theirs, fhir_buf_t *ours, apr_pool_t *pool)
{
    fhir_node_t *root;
    fhir_err_t *err = fhir_node_parse_json(&root, text->data, text->len, NULL, pool);
    int good = oracle(theirs, text);

    if (err)
        return !good || is_stricter(err->message);
    fhir_buf_clear(ours);
    fhir_node_write_json(ours, root, 0);
    return good && ours->len == theirs->len && !memcmp(ours->data, theirs->data, ours->len);
}

static void put_in(fhir_buf_t *text, apr_size_t at, apr_size_t cut, const char *bit)
{
    apr_size_t n = strlen(bit), rest = text->len - at;

    cut = cut > rest ? rest : cut;
    if (!fhir_buf_reserve(text, n))
        return;
    memmove(text->data + at + n, text->data + at + cut, rest - cut);
    memcpy(text->data + at, bit, n);
    text->len += n - cut;
}

int main(void)
{
    apr_pool_t *pool = tap_start(), *sub;
    fhir_buf_t *text = fhir_buf_create(pool, 0), *theirs = fhir_buf_create(pool, 0),
               *ours = fhir_buf_create(pool, 0);
    int wrong = 0, accepted = 0, n_texts = getenv("FHIR_TEST_SLOW") ? 30000 : 300000;

    apr_pool_create(&sub, pool);
    for (int i = 0; i < n_texts; i++) {
        fhir_buf_clear(text);
        fhir_buf_puts(text, seeds[pick(TAP_COUNT(seeds))]);
        for (unsigned n = pick(4); n-- > 0;)
            put_in(text, pick(text->len + 1), pick(3), pick(4) ? bits[pick(TAP_COUNT(bits))] : "");
        if (!agree(text, theirs, ours, sub) && wrong++ < 10)
            tap_diag("disagree: %s", fhir_buf_cstr(text));
        accepted += oracle(theirs, text);
        if (i % 1000 == 0)
            apr_pool_clear(sub);
    }
    tap_is_int(wrong, 0, "texts on which the two disagree");
    tap_ok(accepted > n_texts / 6 && accepted < n_texts / 6 * 5, "%d of %d are good", accepted,
           n_texts);
    return tap_done();
}
