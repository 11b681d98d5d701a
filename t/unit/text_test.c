/* SPDX-License-Identifier: Apache-2.0 */
/* Folding, UTF-8, URL coding, ids. */
#include "core/fhir_text.h"
#include "tap.h"

#include <apr_strings.h>

static const struct {
    const char *in, *want;
} folds[] = {
    {"", ""},
    {"  \t\r\n ", ""},
    {"  Van \t\n der   Berg ", "van der berg"},
    {"O'Brien-Smith 3rd", "obrien smith 3rd"},
    {"O\xE2\x80\x99"
     "Brien",
     "obrien"},
    {"St. John", "st john"},
    {"St.John", "st john"},
    {"St. Mary's Hospital, East", "st marys hospital east"},
    {"J.R.R. Tolkien", "jrr tolkien"},
    {"1.5 mg, 1:80 (weak)", "1.5 mg 1 80 weak"},
    {"a \xE2\x80\x94 b\xE2\x80\xA6", "a b"},
    {"???", "???"},
    {".", "."},
    {"- 'x' -", "x"},
    {"Müller", "muller"},
    {"Mu\xCC\x88ller", "muller"}, /* decomposed: u, U+0308 */
    {"ÉÈÊË Ç Ñ Å", "eeee c n a"},
    {"Straße STRASSE ẞ", "strasse strasse ss"},
    {"Æsir œuvre Ǽ", "aesir oeuvre ae"},
    {"Øre Łódź Đorđe Ħ Ŧ Þór Eyjafjörður", "ore lodz dorde h t thor eyjafjordur"},
    {"İstanbul ıı", "istanbul ii"},
    {"Nguyễn Văn Ợ", "nguyen van o"},
    {"Ǆ ŉ ſ", "dz n s"},
    {"ΆΛΦΑ Οδυσσεύς ᾳ ΐ", "αλφα οδυσσευσ α ι"},
    {"Ёлка Йод ЖУК Ґ", "елка иод жук ґ"},
    {"ＦＵＬＬ　ｗｉｄｔｈ１！", "full width1"},
    {"ﬁ ﬃ", "fi ffi"},
    {"K Å ª º", "k a a o"},                                /* Kelvin and Ångström signs */
    {"a\xC2\xA0\xE2\x80\x89\xE2\x80\xA8\xC2\x85z", "a z"}, /* no-break, thin, line separator, NEL */
    {"soft\xC2\xADhyphen\xE2\x80\x8B\xEF\xBB\xBF", "softhyphen"},
    {"\xCC\x81", ""},
    {" \xCC\x81 x", "x"},
    {"½ ¨ × ° № €", "½ ¨ × ° № €"},
    {"山田 太郎 علي דוד", "山田 太郎 علي דוד"},
    {"😀 X", "😀 x"},
    {"a\x7F\x01\x1F z", "a z"},
    {"bad\xFF\xC3", "bad"},
    {"bad\xE2\x82", "bad"},
};

static void test_fold(apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    for (size_t i = 0; i < TAP_COUNT(folds); i++) {
        fhir_buf_clear(buf);
        fhir_text_fold(buf, folds[i].in, strlen(folds[i].in));
        tap_is_str(fhir_buf_cstr(buf), folds[i].want, "fold %s", folds[i].in);
    }
    tap_ok(fhir_text_has_words("(a)", 3, pool), "words");
    tap_ok(!fhir_text_has_words(" (.)\xE2\x80\x94 ", 7, pool), "marks and blanks alone are none");
    fhir_buf_clear(buf);
    fhir_buf_puts(buf, "first\n");
    fhir_text_fold(buf, " Sec\nond", 8);
    tap_is_str(fhir_buf_cstr(buf), "first\nsec ond", "appends, without leading blank or newline");
}

/* Whatever the character, the result is valid, within its room, and folding it again changes
 * nothing. */
static void test_fold_all(apr_pool_t *pool)
{
    fhir_buf_t *once = fhir_buf_create(pool, 0), *twice = fhir_buf_create(pool, 0);
    int n_bad = 0;
    for (unsigned c = 0x80; c < 0x10000; c++) {
        char s[4] = {(char)(0xE0 | c >> 12), (char)(0x80 | (c >> 6 & 63)), (char)(0x80 | (c & 63)),
                     0};
        char two[3] = {(char)(0xC0 | c >> 6), (char)(0x80 | (c & 63)), 0};
        const char *text = c < 0x800 ? two : s;
        if (c >= 0xD800 && c < 0xE000)
            continue;
        fhir_buf_clear(once);
        fhir_text_fold(once, text, strlen(text));
        fhir_buf_clear(twice);
        fhir_text_fold(twice, once->data, once->len);
        if (!fhir_text_utf8_valid(once->data, once->len) || once->len != twice->len ||
            memcmp(once->data, twice->data, once->len) != 0) {
            tap_diag("U+%04X", c);
            n_bad++;
        }
    }
    tap_is_int(n_bad, 0, "folding twice is folding once, for all of the plane");
}

static const struct {
    const char *in;
    int prefix; /* -1: all */
} utf8[] = {
    {"", -1},
    {"plain ASCII, longer than a word", -1},
    {"é€😀", -1},
    {"\xF4\x8F\xBF\xBF", -1},
    {"\xEE\x80\x80\xED\x9F\xBF", -1},
    {"0123456\xC3\xA9x", -1},
    {"01234567\x80", 8},
    {"a\xC0\xAF", 1},
    {"ab\xC1\xBF", 2},
    {"\xE0\x9F\xBF", 0},
    {"\xED\xA0\x80", 0},
    {"\xF0\x8F\xBF\xBF", 0},
    {"\xF4\x90\x80\x80", 0},
    {"\xF5\x80\x80\x80", 0},
    {"é\xE2\x82", 2},
    {"é\xE2\x82x", 2},
    {"\xF0\x9F\x98", 0},
};

static void test_utf8(void)
{
    for (size_t i = 0; i < TAP_COUNT(utf8); i++) {
        apr_size_t len = strlen(utf8[i].in);
        int all = utf8[i].prefix < 0;
        tap_is_int(fhir_text_utf8_prefix(utf8[i].in, len), all ? (int)len : utf8[i].prefix,
                   "UTF-8 text %d: prefix", (int)i);
        tap_is_int(fhir_text_utf8_valid(utf8[i].in, len), all, "UTF-8 text %d: valid", (int)i);
    }
    tap_ok(fhir_text_utf8_valid("a\0b", 3), "NUL is a character");
}

static const struct {
    const char *in, *plain, *form; /* decoded without and with '+' as a blank; NULL: refused */
} urls[] = {
    {"", "", ""},
    {"abc", "abc", "abc"},
    {"a%20b+c", "a b+c", "a b c"},
    {"%C3%a9%2F%2b", "é/+", "é/+"},
    {"%", NULL, NULL},
    {"%4", NULL, NULL},
    {"%4g", NULL, NULL},
    {"%%41", NULL, NULL},
    {"a%00b", NULL, NULL},
    {"%C3", NULL, NULL},
    {"%ED%A0%80", NULL, NULL},
};

static void test_url(apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    for (size_t i = 0; i < TAP_COUNT(urls); i++) {
        apr_size_t len = strlen(urls[i].in);
        tap_is_str(fhir_text_url_decode(urls[i].in, len, 0, pool), urls[i].plain, "path %s",
                   urls[i].in);
        tap_is_str(fhir_text_url_decode(urls[i].in, len, 1, pool), urls[i].form, "query %s",
                   urls[i].in);
    }
    fhir_text_url_encode(buf, "aZ0-._~,:|/$ &=?#+%é\n", 22);
    tap_is_str(fhir_buf_cstr(buf), "aZ0-._~,:|/$%20%26%3D%3F%23%2B%25%C3%A9%0A", "encode");
}

static void test_id(void)
{
    char longest[66];
    memset(longest, 'a', sizeof(longest));
    tap_ok(fhir_text_is_id("A-z.09", 6), "id");
    tap_ok(fhir_text_is_id(longest, 64), "id of 64");
    tap_ok(!fhir_text_is_id(longest, 65), "id of 65");
    tap_ok(!fhir_text_is_id("", 0), "empty id");
    tap_ok(!fhir_text_is_id("a_b", 3) && !fhir_text_is_id("a b", 3) && !fhir_text_is_id("é", 2) &&
               !fhir_text_is_id("a\0", 2),
           "characters that no id has");
}

int main(void)
{
    apr_pool_t *pool = tap_start();
    test_fold(pool);
    test_fold_all(pool);
    test_utf8();
    test_url(pool);
    test_id();
    return tap_done();
}
