/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8, URL coding and ids. Folding for search is in fhir_text_fold.c. */
#include "core/fhir_text.h"

#include <apr_strings.h>

#include "core/fhir_hex.h"

#define HIGH_BITS 0x8080808080808080u

/* Length of the valid sequence at s (n bytes left, first byte above 0x7F), or 0.
 * Source: Unicode 15, table 3-7 */
static apr_size_t sequence(const unsigned char *s, apr_size_t n)
{
    unsigned char low = 0x80, high = 0xBF;
    apr_size_t len = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4 || n < len)
        return 0;
    /* The second byte shows overlong forms, surrogates and characters above U+10FFFF. */
    if (s[0] == 0xE0)
        low = 0xA0;
    else if (s[0] == 0xED)
        high = 0x9F;
    else if (s[0] == 0xF0)
        low = 0x90;
    else if (s[0] == 0xF4)
        high = 0x8F;
    if (s[1] < low || s[1] > high)
        return 0;
    for (apr_size_t i = 2; i < len; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    }
    return len;
}

apr_size_t fhir_text_utf8_prefix(const char *text, apr_size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    apr_size_t i = 0;
    while (i < len) {
        apr_uint64_t word;
        while (i + sizeof(word) <= len && (memcpy(&word, s + i, sizeof(word)), 1) &&
               !(word & HIGH_BITS))
            i += sizeof(word);
        while (i < len && s[i] < 0x80)
            i++;
        while (i < len && s[i] >= 0x80) {
            apr_size_t n = sequence(s + i, len - i);
            if (!n)
                return i;
            i += n;
        }
    }
    return len;
}

int fhir_text_utf8_valid(const char *s, apr_size_t len)
{
    return fhir_text_utf8_prefix(s, len) == len;
}

char *fhir_text_url_decode(const char *s, apr_size_t len, int plus, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, len + 1);
    apr_size_t n = 0;
    for (apr_size_t i = 0; i < len; i++) {
        char c = s[i];
        if (c == '%') {
            int high = i + 2 < len ? fhir_hex_digit(s[i + 1]) : -1;
            int low = i + 2 < len ? fhir_hex_digit(s[i + 2]) : -1;
            if (high < 0 || low < 0)
                return NULL;
            c = (char)(high * 16 + low);
            i += 2;
        }
        else if (c == '+' && plus)
            c = ' ';
        if (!c)
            return NULL;
        out[n++] = c;
    }
    out[n] = '\0';
    return fhir_text_utf8_valid(out, n) ? out : NULL;
}

static int is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

void fhir_text_url_encode(fhir_buf_t *buf, const char *s, apr_size_t len)
{
    static const char hex[] = "0123456789ABCDEF";
    apr_size_t from = 0;
    for (apr_size_t i = 0; i < len; i++) {
        char c = s[i];
        if (is_alnum(c) || (c && strchr("-._~,:|/$", c)))
            continue;
        fhir_buf_append(buf, s + from, i - from);
        fhir_buf_putc(buf, '%');
        fhir_buf_putc(buf, hex[(unsigned char)c >> 4]);
        fhir_buf_putc(buf, hex[(unsigned char)c & 15]);
        from = i + 1;
    }
    fhir_buf_append(buf, s + from, len - from);
}

const char *fhir_text_excerpt(const char *s, apr_size_t len, apr_pool_t *pool)
{
    apr_size_t max = FHIR_TEXT_EXCERPT;
    if (len <= max)
        return apr_pstrmemdup(pool, s, len);
    while (max && ((unsigned char)s[max] & 0xC0) == 0x80)
        max--;
    return apr_psprintf(pool, "%.*s…", (int)max, s);
}

int fhir_text_is_id(const char *s, apr_size_t len)
{
    if (len < 1 || len > 64)
        return 0;
    for (apr_size_t i = 0; i < len; i++) {
        if (!is_alnum(s[i]) && s[i] != '-' && s[i] != '.')
            return 0;
    }
    return 1;
}
