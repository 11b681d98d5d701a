/* SPDX-License-Identifier: Apache-2.0 */
/* Folding for string search: letter case, accents and white space do not count. */
#include "core/fhir_text.h"

#include "core/fhir_text_fold_table.h"

/* Length of the sequence at s and its character, at most U+FFFF are in the table; 0 when it is
 * cut or no start byte. */
static apr_size_t decode(unsigned *c, const unsigned char *s, apr_size_t n)
{
    apr_size_t len = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : s[0] >= 0xC2 ? 2 : 0;
    if (len > n || s[0] > 0xF4)
        return 0;
    if (len == 2)
        *c = (s[0] & 0x1Fu) << 6 | (s[1] & 0x3Fu);
    else if (len == 3)
        *c = (s[0] & 0x0Fu) << 12 | (s[1] & 0x3Fu) << 6 | (s[2] & 0x3Fu);
    else
        *c = 0;
    return len;
}

void fhir_text_fold(fhir_buf_t *buf, const char *text, apr_size_t len)
{
    const unsigned char *s = (const unsigned char *)text, *end = s + len;
    apr_size_t start = buf->len;
    int blank = 0; /* a blank is due before the next character */
    /* tools/foldgen.py holds the table to this growth. */
    if (!fhir_buf_reserve(buf, len + len / 2 + 1))
        return;
    char *out = buf->data + start;
    apr_size_t n;
    const unsigned char *from;
    while (s < end) {
        unsigned c = *s;
        if (c < 0x80) {
            s++;
            if (c <= ' ' || c == 0x7F) {
                blank = 1;
                continue;
            }
            if (blank && out > buf->data + start)
                *out++ = ' ';
            blank = 0;
            *out++ = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
            continue;
        }
        n = decode(&c, s, (apr_size_t)(end - s));
        if (!n) { /* no valid UTF-8: left out, so that the result is */
            s++;
            continue;
        }
        from = s;
        s += n;
        if (c) {
            unsigned offset = fold_rows[fold_blocks[c >> 6]][c & 63];
            if (offset) {
                n = fold_texts[offset];
                from = fold_texts + offset + 1;
            }
        }
        if (n == 1 && *from == ' ') {
            blank = 1;
            continue;
        }
        if (!n)
            continue;
        if (blank && out > buf->data + start)
            *out++ = ' ';
        blank = 0;
        memcpy(out, from, n);
        out += n;
    }
    buf->len = (apr_size_t)(out - buf->data);
}
