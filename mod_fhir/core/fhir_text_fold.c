/* SPDX-License-Identifier: Apache-2.0 */
/* Folding for string search: letter case, accents, punctuation and white space are ignored. */
#include "core/fhir_text.h"

#include "core/fhir_text_fold_table.h"

/* Returns the length of the sequence at s and its character; 0 when it is cut, or s is no start
 * byte. The table goes up to U+FFFF. */
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

/* How a punctuation mark is folded. */
typedef enum mark_t {
    MARK_NONE, /* it is not a punctuation mark */
    MARK_GONE, /* removed inside a word: O'Brien is obrien */
    MARK_DOT,  /* removed after an initial, too: J.R. is jr; kept in a number; elsewhere like the
                  others */
    MARK_BLANK /* between words: Garcia-Lopez is garcia lopez */
} mark_t;

static mark_t mark_of(unsigned c)
{
    static const char ascii[] = "!\"#%&()*,-/:;?@[\\]_{}";
    if (c == '\'' || c == '`' || c == 0xB4 || (c >= 0x2BB && c <= 0x2BD) || c == 0x2018 ||
        c == 0x2019 || c == 0x201B || c == 0x2032 || c == 0xFF07)
        return MARK_GONE;
    if (c == '.' || c == 0xFF0E)
        return MARK_DOT;
    if ((c && c < 0x80 && strchr(ascii, (int)c)) || c == 0xA1 || c == 0xAB || c == 0xB7 ||
        c == 0xBB || c == 0xBF || (c >= 0x2010 && c <= 0x2027) || (c >= 0x3001 && c <= 0x3003) ||
        (c >= 0x3008 && c <= 0x3011) || c == 0x30FB || c == 0xFF0C || c == 0xFF0D || c == 0xFF0F)
        return MARK_BLANK;
    return MARK_NONE;
}

static int is_digit(int c)
{
    return c >= '0' && c <= '9';
}

/* The state of the output. */
typedef struct folding_t {
    char *start, *out;
    int blank; /* a blank is to be written before the next character */
    int run;   /* bytes since the last blank or mark */
    int marks; /* 1: punctuation is folded */
} folding_t;

/* Writes one folded character c (if it is not ASCII, its bytes follow one by one); next points
 * behind it. */
static void put(folding_t *f, unsigned char c, mark_t mark, int next)
{
    if (mark == MARK_DOT) {
        int is_behind_digit = f->run && is_digit((unsigned char)f->out[-1]);
        mark = is_behind_digit && is_digit(next) ? MARK_NONE
               : f->run == 1 && !is_behind_digit ? MARK_GONE
                                                 : MARK_BLANK;
    }
    if (mark == MARK_GONE || mark == MARK_BLANK || c == ' ') {
        f->blank |= mark != MARK_GONE;
        f->run = 0;
        return;
    }
    if (f->blank && f->out > f->start)
        *f->out++ = ' ';
    f->blank = 0;
    f->run += (c & 0xC0) != 0x80;
    *f->out++ = (char)c;
}

static void fold(folding_t *f, const unsigned char *s, const unsigned char *end)
{
    const unsigned char *next;
    for (; s < end; s = next) {
        unsigned c = *s;
        if (c < 0x80) {
            next = s + 1;
            put(f,
                (unsigned char)(c <= ' ' || c == 0x7F  ? ' '
                                : c >= 'A' && c <= 'Z' ? c + 32
                                                       : c),
                f->marks ? mark_of(c) : MARK_NONE, next < end ? *next : 0);
            continue;
        }
        apr_size_t n = decode(&c, s, (apr_size_t)(end - s));
        next = s + (n ? n : 1); /* invalid UTF-8 is omitted, so that the result is valid */
        const unsigned char *from = s;
        mark_t mark = f->marks && n ? mark_of(c) : MARK_NONE;
        if (n && c && fold_rows[fold_blocks[c >> 6]][c & 63]) {
            unsigned offset = fold_rows[fold_blocks[c >> 6]][c & 63];
            n = fold_texts[offset];
            from = fold_texts + offset + 1;
        }
        if (mark != MARK_NONE) {
            put(f, '.', mark, next < end ? *next : 0);
            continue;
        }
        /* a character can fold to several, among them punctuation */
        for (apr_size_t i = 0, len; i < n; i += len) {
            unsigned part = from[i];
            len = part < 0x80 ? 1 : decode(&part, from + i, n - i);
            mark = f->marks ? mark_of(part) : MARK_NONE;
            put(f, from[i], mark, i + 1 < n ? from[i + 1] : 0);
            for (apr_size_t k = 1; mark == MARK_NONE && k < len; k++)
                put(f, from[i + k], MARK_NONE, 0);
        }
    }
}

/* Appends a folding; returns 0 if nothing is left. */
static int append(fhir_buf_t *buf, const char *text, apr_size_t len, int marks)
{
    const unsigned char *s = (const unsigned char *)text;
    folding_t f = {.marks = marks};
    /* tools/foldgen.py holds the table to this growth. */
    if (!fhir_buf_reserve(buf, len + len / 2 + 1))
        return 1;
    f.start = f.out = buf->data + buf->len;
    fold(&f, s, s + len);
    buf->len = (apr_size_t)(f.out - buf->data);
    return f.out > f.start;
}

void fhir_text_fold(fhir_buf_t *buf, const char *text, apr_size_t len)
{
    if (!append(buf, text, len, 1)) /* a text of nothing but punctuation keeps it */
        append(buf, text, len, 0);
}

int fhir_text_has_words(const char *text, apr_size_t len, apr_pool_t *pool)
{
    return append(fhir_buf_create(pool, 0), text, len, 1);
}

void fhir_text_fold_case(fhir_buf_t *buf, const char *text, apr_size_t len)
{
    append(buf, text, len, 0);
}

void fhir_text_fold_contact(fhir_buf_t *buf, const char *text, apr_size_t len)
{
    apr_size_t start = buf->len, kept = start;
    append(buf, text, len, 0);
    for (apr_size_t i = start; i < buf->len; i++) {
        unsigned char c = (unsigned char)buf->data[i];
        if (c >= 0x80 || is_digit(c) || (c >= 'a' && c <= 'z'))
            buf->data[kept++] = (char)c;
    }
    if (kept > start)
        buf->len = kept;
}
