/* SPDX-License-Identifier: Apache-2.0 */
/* Functions on strings. Positions and lengths count characters, not bytes.
 * Source: http://hl7.org/fhirpath/N1/#string-manipulation */
#include <apr_strings.h>

#include "fhir/fhirpath/fhir_path_private.h"

/* Characters */

static apr_size_t char_bytes(const char *s)
{
    unsigned char c = (unsigned char)*s;
    return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

static apr_int64_t char_count(const char *s, apr_size_t len)
{
    apr_int64_t n = 0;
    for (apr_size_t i = 0; i < len; i++)
        n += ((unsigned char)s[i] & 0xC0) != 0x80;
    return n;
}

/* The byte offset of character n; len when there are fewer characters. */
static apr_size_t char_offset(const char *s, apr_size_t len, apr_int64_t n)
{
    apr_size_t i = 0;
    while (i < len && n-- > 0)
        i += char_bytes(s + i);
    return i < len ? i : len;
}

/* Latin, Greek and Cyrillic letters. The small letter follows its capital, or has a fixed distance
 * from it. */
static const struct {
    unsigned first, last;
    int distance; /* from capital to small; 0: pairs, the capital even; 1: pairs, capital odd */
} letter_ranges[] = {
    {0x41, 0x5A, 32},     {0xC0, 0xD6, 32},   {0xD8, 0xDE, 32},    {0x100, 0x12F, 0},
    {0x132, 0x137, 0},    {0x139, 0x148, 1},  {0x14A, 0x177, 0},   {0x178, 0x178, -121},
    {0x179, 0x17E, 1},    {0x386, 0x386, 38}, {0x388, 0x38A, 37},  {0x38C, 0x38C, 64},
    {0x38E, 0x38F, 63},   {0x391, 0x3A1, 32}, {0x3A3, 0x3AB, 32},  {0x400, 0x40F, 80},
    {0x410, 0x42F, 32},   {0x460, 0x481, 0},  {0x48A, 0x4BF, 0},   {0x4C1, 0x4CE, 1},
    {0x4D0, 0x52F, 0},    {0x531, 0x556, 48}, {0x1E00, 0x1E95, 0}, {0x1EA0, 0x1EFF, 0},
    {0xFF21, 0xFF3A, 32},
};

static unsigned change_case(unsigned c, int upper)
{
    for (apr_size_t i = 0; i < sizeof(letter_ranges) / sizeof(letter_ranges[0]); i++) {
        unsigned first = letter_ranges[i].first, last = letter_ranges[i].last;
        int distance = letter_ranges[i].distance;
        if (distance == 0 || distance == 1) {
            if (c >= first && c <= last) {
                int small = (c & 1) != (unsigned)distance;
                return upper == small ? (upper ? c - 1 : c + 1) : c;
            }
        }
        else if (!upper && c >= first && c <= last)
            return (unsigned)((int)c + distance);
        else if (upper && (int)c - distance >= (int)first && (int)c - distance <= (int)last)
            return (unsigned)((int)c - distance);
    }
    return c;
}

static unsigned decode(const char *s)
{
    const unsigned char *u = (const unsigned char *)s;
    switch (char_bytes(s)) {
    case 1:
        return u[0];
    case 2:
        return (u[0] & 31u) << 6 | (u[1] & 63u);
    case 3:
        return (u[0] & 15u) << 12 | (u[1] & 63u) << 6 | (u[2] & 63u);
    default:
        return (u[0] & 7u) << 18 | (u[1] & 63u) << 12 | (u[2] & 63u) << 6 | (u[3] & 63u);
    }
}

static char *encode(char *out, unsigned c)
{
    if (c < 0x80)
        *out++ = (char)c;
    else {
        if (c < 0x800)
            *out++ = (char)(0xC0 | c >> 6);
        else {
            if (c < 0x10000)
                *out++ = (char)(0xE0 | c >> 12);
            else {
                *out++ = (char)(0xF0 | c >> 18);
                *out++ = (char)(0x80 | (c >> 12 & 63));
            }
            *out++ = (char)(0x80 | (c >> 6 & 63));
        }
        *out++ = (char)(0x80 | (c & 63));
    }
    return out;
}

static int is_blank(unsigned c)
{
    return c == ' ' || (c >= 9 && c <= 13) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000;
}

/* For equivalence, all white space is equal. */
int path_text_equivalent(const char *a, apr_size_t a_len, const char *b, apr_size_t b_len)
{
    const char *a_end = a + a_len, *b_end = b + b_len;
    while (a < a_end && b < b_end) {
        unsigned x = decode(a), y = decode(b);
        if (is_blank(x) != is_blank(y))
            return 0;
        if (!is_blank(x) && change_case(x, 0) != change_case(y, 0))
            return 0;
        a += char_bytes(a);
        b += char_bytes(b);
    }
    return a == a_end && b == b_end;
}

static fhir_err_t *fn_case(call_t *c)
{
    const char *s;
    apr_size_t len;
    int found;

    FHIR_TRY(path_in_string(c, &s, &len, &found));
    if (!found)
        return NULL;
    char *out;
    char *text = out = apr_palloc(c->run->pool, len * 2 + 4);
    for (apr_size_t i = 0; i < len; i += char_bytes(s + i))
        out = encode(out, change_case(decode(s + i), c->node->function->mode));
    path_push_string(c->run, c->out, text, (apr_size_t)(out - text));
    return NULL;
}

/* Searching */

/* The byte offset of the first occurrence, or -1. The time is linear in both lengths. */
static apr_int64_t find(const char *s, apr_size_t len, const char *part, apr_size_t part_len)
{
    const char *at = memmem(s, len, part, part_len);
    return at ? at - s : -1;
}

/* The offset of the last occurrence. The search is not linear, so the comparisons are charged. */
static fhir_err_t *find_last(run_t *run, apr_int64_t *found, const char *s, apr_size_t len,
                             const char *part, apr_size_t part_len)
{
    *found = -1;
    if (part_len > len)
        return NULL;
    for (apr_size_t i = len - part_len + 1; i-- > 0;) {
        if (part_len && s[i] != part[0])
            continue;
        PATH_CHARGE(run, part_len);
        if (memcmp(s + i, part, part_len) == 0) {
            *found = (apr_int64_t)i;
            break;
        }
    }
    return NULL;
}

enum { INDEX_OF, LAST_INDEX_OF, STARTS, ENDS, CONTAINS };

static fhir_err_t *fn_search(call_t *c)
{
    const char *s;
    apr_size_t len;
    int found, mode = c->node->function->mode;

    FHIR_TRY(path_in_string(c, &s, &len, &found));
    const char *part;
    apr_size_t part_len;
    int given;
    FHIR_TRY(path_arg_string(c, 0, &part, &part_len, &given));
    if (!found || !given)
        return NULL;
    apr_int64_t at;
    switch (mode) {
    case STARTS:
        path_push_boolean(c->run, c->out, part_len <= len && memcmp(s, part, part_len) == 0);
        break;
    case ENDS:
        path_push_boolean(c->run, c->out,
                          part_len <= len && memcmp(s + len - part_len, part, part_len) == 0);
        break;
    default:
        at = find(s, len, part, part_len);
        if (mode == LAST_INDEX_OF)
            FHIR_TRY(find_last(c->run, &at, s, len, part, part_len));
        if (mode == CONTAINS)
            path_push_boolean(c->run, c->out, at >= 0);
        else
            path_push_integer(c->run, c->out, at < 0 ? -1 : char_count(s, (apr_size_t)at));
    }
    return NULL;
}

static fhir_err_t *fn_substring(call_t *c)
{
    const char *s;
    apr_size_t len;
    apr_int64_t length = 0;
    int found, bounded = c->node->n_args > 1;

    FHIR_TRY(path_in_string(c, &s, &len, &found));
    apr_int64_t start;
    int given;
    FHIR_TRY(path_arg_integer(c, 0, &start, &given));
    if (bounded) {
        int has;
        FHIR_TRY(path_arg_integer(c, 1, &length, &has));
        bounded = has; /* a length that is empty counts as absent */
    }
    if (!found || !given || start < 0)
        return NULL;
    apr_size_t from = char_offset(s, len, start);
    if (from >= len)
        return NULL;
    apr_size_t to = bounded ? from + char_offset(s + from, len - from, length) : len;
    path_push_string(c->run, c->out, s + from, to - from);
    return NULL;
}

static fhir_err_t *fn_length(call_t *c)
{
    const char *s;
    apr_size_t len;
    int found;
    FHIR_TRY(path_in_string(c, &s, &len, &found));
    if (found)
        path_push_integer(c->run, c->out, char_count(s, len));
    return NULL;
}

/* Cutting and joining */

static fhir_err_t *fn_to_chars(call_t *c)
{
    const char *s;
    apr_size_t len;
    int found;
    FHIR_TRY(path_in_string(c, &s, &len, &found));
    for (apr_size_t i = 0; found && i < len; i += char_bytes(s + i)) {
        path_push_string(c->run, c->out, s + i, char_bytes(s + i));
    }
    return NULL;
}

static fhir_err_t *fn_trim(call_t *c)
{
    const char *s;
    apr_size_t len, from = 0, to = 0;
    int found;

    FHIR_TRY(path_in_string(c, &s, &len, &found));
    if (!found)
        return NULL;
    while (from < len && is_blank(decode(s + from)))
        from += char_bytes(s + from);
    for (apr_size_t i = from; i < len; i += char_bytes(s + i)) {
        if (!is_blank(decode(s + i)))
            to = i + char_bytes(s + i);
    }
    path_push_string(c->run, c->out, s + from, to > from ? to - from : 0);
    return NULL;
}

static fhir_err_t *fn_split(call_t *c)
{
    const char *s;
    apr_size_t len;
    int found;

    FHIR_TRY(path_in_string(c, &s, &len, &found));
    const char *by;
    apr_size_t by_len;
    int given;
    FHIR_TRY(path_arg_string(c, 0, &by, &by_len, &given));
    if (!found || !given)
        return NULL;
    if (!by_len)
        return fn_to_chars(c);
    apr_int64_t at;
    while ((at = find(s, len, by, by_len)) >= 0) {
        PATH_CHARGE(c->run, by_len); /* the pattern is prepared for each search */
        path_push_string(c->run, c->out, s, (apr_size_t)at);
        s += (apr_size_t)at + by_len;
        len -= (apr_size_t)at + by_len;
    }
    path_push_string(c->run, c->out, s, len);
    return NULL;
}

static fhir_err_t *fn_join(call_t *c)
{
    fhir_buf_t *buf = fhir_buf_create(c->run->pool, 0);
    const char *by = "";
    apr_size_t by_len = 0;
    int given;

    if (c->node->n_args)
        FHIR_TRY(path_arg_string(c, 0, &by, &by_len, &given));
    if (!c->in->n)
        return NULL;
    const char *s;
    apr_size_t len;
    for (int i = 0; i < c->in->n; i++) {
        if (c->in->v[i]->kind != FHIR_PATH_STRING)
            return path_fail(c->run, c->node, "join() works on strings");
        if (!path_item_string(c->in->v[i], &s, &len))
            continue;
        PATH_CHARGE(c->run, len + by_len);
        if (i)
            fhir_buf_append(buf, by, by_len);
        fhir_buf_append(buf, s, len);
    }
    path_push_string(c->run, c->out, fhir_buf_cstr(buf), buf->len);
    return NULL;
}

/* An empty pattern matches before and after every character. */
static fhir_err_t *put_between(call_t *c, fhir_buf_t *buf, const char *s, apr_size_t len,
                               const char *by, apr_size_t by_len)
{
    for (apr_size_t i = 0, n; i < len; i += n) {
        n = char_bytes(s + i);
        PATH_CHARGE(c->run, by_len);
        fhir_buf_append(buf, by, by_len);
        fhir_buf_append(buf, s + i, n);
    }
    fhir_buf_append(buf, by, by_len);
    return NULL;
}

/* Replaces every occurrence. */
static fhir_err_t *fn_replace(call_t *c)
{
    fhir_buf_t *buf = fhir_buf_create(c->run->pool, 0);
    const char *s;
    apr_size_t len;
    int found;

    FHIR_TRY(path_in_string(c, &s, &len, &found));
    const char *part;
    apr_size_t part_len;
    int given;
    FHIR_TRY(path_arg_string(c, 0, &part, &part_len, &given));
    const char *by;
    apr_size_t by_len;
    int has;
    FHIR_TRY(path_arg_string(c, 1, &by, &by_len, &has));
    if (!found || !given || !has)
        return NULL;
    if (part_len == 0) {
        FHIR_TRY(put_between(c, buf, s, len, by, by_len));
        len = 0;
    }
    apr_int64_t at;
    while (len && (at = find(s, len, part, part_len)) >= 0) {
        PATH_STEP(c->run);
        PATH_CHARGE(c->run, part_len + by_len);
        fhir_buf_append(buf, s, (apr_size_t)at);
        fhir_buf_append(buf, by, by_len);
        s += (apr_size_t)at + part_len;
        len -= (apr_size_t)at + part_len;
    }
    fhir_buf_append(buf, s, len);
    path_push_string(c->run, c->out, fhir_buf_cstr(buf), buf->len);
    return NULL;
}

/* Patterns */

/* The pattern of the call. A literal was compiled with the expression. */
static fhir_err_t *pattern(const call_t *c, const path_regex_t **regex)
{
    *regex = c->node->regex;
    if (*regex)
        return NULL;
    const char *s;
    apr_size_t len;
    int given;
    FHIR_TRY(path_arg_string(c, 0, &s, &len, &given));
    if (!given)
        return NULL;
    PATH_CHARGE(c->run, 1000 + len * 16);
    const char *why = path_regex_compile(regex, s, len, c->node->function->mode, c->run->pool);
    return why ? path_fail(c->run, c->node->args[0], "%s", why) : NULL;
}

static fhir_err_t *fn_matches(call_t *c)
{
    const char *s;
    apr_size_t len;
    int found;

    FHIR_TRY(path_in_string(c, &s, &len, &found));
    const path_regex_t *regex;
    FHIR_TRY(pattern(c, &regex));
    if (!found || !regex)
        return NULL;
    int matched = path_regex_match(regex, s, len, c->run->steps);
    if (matched < 0)
        return path_limit(c->run);
    path_push_boolean(c->run, c->out, matched);
    return NULL;
}

static fhir_err_t *fn_replace_matches(call_t *c)
{
    const char *s;
    apr_size_t len;
    int found;

    FHIR_TRY(path_in_string(c, &s, &len, &found));
    const char *part;
    apr_size_t part_len;
    int has;
    FHIR_TRY(path_arg_string(c, 0, &part, &part_len, &has));
    const char *by;
    apr_size_t by_len;
    int given;
    FHIR_TRY(path_arg_string(c, 1, &by, &by_len, &given));
    const path_regex_t *regex;
    FHIR_TRY(pattern(c, &regex));
    if (!found || !given || !has)
        return NULL;
    if (part_len == 0) {
        path_push_string(c->run, c->out, s, len);
        return NULL;
    }
    const char *replaced;
    apr_size_t replaced_len;
    int done = path_regex_replace(&replaced, &replaced_len, regex, s, len, by, by_len,
                                  c->run->steps, c->run->pool);
    if (done < 0)
        return path_limit(c->run);
    if (!done)
        return path_fail(c->run, c->node->args[1],
                         "the replacement is wrong; $1 stands for the "
                         "first group, $$ for a dollar sign");
    path_push_string(c->run, c->out, replaced, replaced_len);
    return NULL;
}

const function_t path_functions_string[] = {
    {"contains", fn_search, 1, 1, 0, CONTAINS},
    {"endsWith", fn_search, 1, 1, 0, ENDS},
    {"indexOf", fn_search, 1, 1, 0, INDEX_OF},
    {"join", fn_join, 0, 1, 0, 0},
    {"lastIndexOf", fn_search, 1, 1, 0, LAST_INDEX_OF},
    {"length", fn_length, 0, 0, 0, 0},
    {"lower", fn_case, 0, 0, 0, 0},
    {"matches", fn_matches, 1, 2, PATH_ARG_REGEX, 0},
    {"matchesFull", fn_matches, 1, 1, PATH_ARG_REGEX, 1},
    {"replace", fn_replace, 2, 2, 0, 0},
    {"replaceMatches", fn_replace_matches, 2, 2, PATH_ARG_REGEX, 0},
    {"split", fn_split, 1, 1, 0, 0},
    {"startsWith", fn_search, 1, 1, 0, STARTS},
    {"substring", fn_substring, 1, 2, 0, 0},
    {"toChars", fn_to_chars, 0, 0, 0, 0},
    {"trim", fn_trim, 0, 0, 0, 0},
    {"upper", fn_case, 0, 0, 0, 1},
    {0},
};
