/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file sample_json.h
 * @brief Writes JSON straight into a buffer: members in the order of the calls, no tree.
 *
 * A comma is put where the last byte says that one is needed, so callers only name what they
 * write. `name` is NULL inside arrays. Texts that are passed to put_raw are JSON already.
 */
#ifndef SAMPLE_JSON_H
#define SAMPLE_JSON_H

#include <stdint.h>

#include "core/fhir_buf.h"

typedef struct sample_json_t {
    fhir_buf_t *buf;
    uint64_t arrays; /* bit d: the container at depth d is an array */
    int depth;
} sample_json_t;

/** A comma where one is needed, then the member's name. */
static inline void put_name(sample_json_t *w, const char *name)
{
    fhir_buf_t *buf = w->buf;
    char last = buf->len ? buf->data[buf->len - 1] : '{';

    if (last != '{' && last != '[' && last != ':' && last != '\n') {
        fhir_buf_putc(buf, ',');
    }
    if (name) {
        fhir_buf_putc(buf, '"');
        fhir_buf_puts(buf, name);
        fhir_buf_append(buf, "\":", 2);
    }
}

static inline void put_raw(sample_json_t *w, const char *name, const char *json)
{
    put_name(w, name);
    fhir_buf_puts(w->buf, json);
}

/** A string that may hold anything. */
static inline void put_text(sample_json_t *w, const char *name, const char *text)
{
    put_name(w, name);
    fhir_buf_json_string(w->buf, text, strlen(text));
}

/** A string known to need no escapes: codes, ids, dates, URLs. */
static inline void put_word(sample_json_t *w, const char *name, const char *word)
{
    put_name(w, name);
    fhir_buf_putc(w->buf, '"');
    fhir_buf_puts(w->buf, word);
    fhir_buf_putc(w->buf, '"');
}

static inline void put_int(sample_json_t *w, const char *name, long value)
{
    char digits[24];
    char *p = digits + sizeof(digits);
    unsigned long rest = value < 0 ? -(unsigned long)value : (unsigned long)value;

    put_name(w, name);
    do {
        *--p = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0) {
        *--p = '-';
    }
    fhir_buf_append(w->buf, p, (apr_size_t)(digits + sizeof(digits) - p));
}

/** A decimal given in thousandths, rounded to 0 to 3 places; trailing zeros stay, as measured. */
void sample_json_milli(sample_json_t *w, const char *name, long milli, int places);

static inline void put_true(sample_json_t *w, const char *name)
{
    put_raw(w, name, "true");
}

static inline void put_open(sample_json_t *w, const char *name, int is_array)
{
    put_name(w, name);
    fhir_buf_putc(w->buf, is_array ? '[' : '{');
    w->depth++;
    w->arrays =
        is_array ? w->arrays | (UINT64_C(1) << w->depth) : w->arrays & ~(UINT64_C(1) << w->depth);
}
static inline void put_object(sample_json_t *w, const char *name)
{
    put_open(w, name, 0);
}
static inline void put_array(sample_json_t *w, const char *name)
{
    put_open(w, name, 1);
}
/** Closes n containers. */
static inline void put_end(sample_json_t *w, int n)
{
    for (; n > 0; n--, w->depth--) {
        fhir_buf_putc(w->buf, (w->arrays >> w->depth) & 1 ? ']' : '}');
    }
}

#endif
