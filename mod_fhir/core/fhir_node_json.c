/* SPDX-License-Identifier: Apache-2.0 */
/* Parses JSON text to a tree. This is the hot path of loading, validation and conversion.
 *
 * The scanner is our own. yajl, which it replaced, accepts overlong UTF-8, surrogates, lone
 * surrogate escapes, \u0000, vertical tab and form feed, so that two passes had to run before
 * it. It does not report where values begin, and takes twice the time. It is still the oracle of
 * t/unit/node_oracle_test.
 *
 * UTF-8 is checked first, at memory speed; after that, the text is read once. */
#include "core/fhir_node.h"

#include <stdlib.h>

#include "core/fhir_hex.h"
#include "core/fhir_text.h"
#include "core/fhir_work.h"

#define DEFAULT_DEPTH 64
#define MAX_SOURCE    0xFFFFFFFFu /* offsets are 32 bits */
#define SLAB_MIN      16
#define SLAB_MAX      1020 /* 64 KiB with the pool's header */
#define INCOMPLETE    "the text ends before the value is complete"

typedef struct frame_t {
    fhir_node_t *node;
    fhir_node_t **link; /* where the next member or item is linked */
    apr_size_t count;
    apr_uint64_t seen; /* one bit for the hash of each name: a name whose bit is not set is new */
} frame_t;

typedef struct parser_t {
    const char *json;
    const char *at, *end; /* the next byte to read, and the end of the text */
    frame_t *frames;
    int depth, max_depth;
    apr_size_t nodes_left;
    fhir_node_t *slab;
    apr_size_t slab_left, slab_size;
    const char *name; /* member name waiting for its value */
    apr_uint32_t name_len;
    fhir_node_t **sorted; /* scratch for objects with many members */
    apr_size_t sorted_cap;
    fhir_node_t *root;
    fhir_err_t *err;
    apr_pool_t *pool;
} parser_t;

static fhir_err_t *error_at(const char *json, apr_size_t offset, fhir_code_t code, apr_pool_t *pool,
                            const char *what)
{
    int line, column;
    fhir_node_place(&line, &column, json, offset);
    fhir_err_t *err =
        fhir_err_create(pool, code, "JSON, line %d, column %d: %s", line, column, what);
    err->line = line;
    err->column = column;
    return err;
}

/* Ends parsing with an error. Returns 0, as every reader does that cannot go on. */
static int stop(parser_t *p, const char *at, fhir_code_t code, const char *what)
{
    p->err = error_at(p->json, (apr_size_t)(at - p->json), code, p->pool, what);
    return 0;
}

static int refuse(parser_t *p, const char *at, const char *what)
{
    return stop(p, at, FHIR_ERR_SYNTAX, what);
}

/* ---- nodes ---- */

/* 0: the work was stopped. */
static int new_slab(parser_t *p)
{
    enum { A_TICK = 8 }; /* nodes in a microsecond */
    if (!fhir_work_tick(p->slab_size / A_TICK)) {
        p->err = fhir_work_check();
        return 0;
    }
    p->slab = apr_palloc(p->pool, p->slab_size * sizeof(fhir_node_t));
    p->slab_left = p->slab_size;
    p->slab_size = p->slab_size * 2 < SLAB_MAX ? p->slab_size * 2 : SLAB_MAX;
    return 1;
}

/* Makes a node for a value that begins at start, linked into its parent; NULL when a limit was
 * exceeded. */
static fhir_node_t *add(parser_t *p, fhir_node_kind_t kind, const char *start)
{
    frame_t *f = &p->frames[p->depth];

    if (!p->nodes_left) {
        stop(p, start, FHIR_ERR_TOO_LARGE, "the text holds more values than the limit allows");
        return NULL;
    }
    if (!p->slab_left && !new_slab(p))
        return NULL;
    p->nodes_left--;
    p->slab_left--;
    fhir_node_t *node = p->slab++;
    *node = (fhir_node_t){.name = p->name,
                          .name_len = p->name_len,
                          .start = (apr_uint32_t)(start - p->json),
                          .kind = (apr_byte_t)kind};
    *f->link = node;
    f->link = &node->next;
    f->count++;
    p->name = NULL;
    p->name_len = 0;
    return node;
}

/* A number, boolean or null from start to p->at. */
static int add_plain(parser_t *p, fhir_node_kind_t kind, const char *start)
{
    fhir_node_t *node = add(p, kind, start);

    if (!node)
        return 0;
    node->end = (apr_uint32_t)(p->at - p->json);
    if (kind != FHIR_NODE_NULL) {
        node->text = start;
        node->text_len = (apr_uint32_t)(p->at - start);
    }
    return 1;
}

/* ---- words ---- */

static int is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static void skip_blanks(parser_t *p)
{
    while (p->at < p->end && is_blank(*p->at))
        p->at++;
}

static int is_digit(const parser_t *p, const char *s)
{
    return s < p->end && *s >= '0' && *s <= '9';
}

static int ends_early(parser_t *p)
{
    return refuse(p, p->end, p->root ? INCOMPLETE : "the text is empty; one value is expected");
}

/* Reports a character that is not allowed at its place. */
static int unexpected(parser_t *p, const char *what)
{
    if (p->at >= p->end)
        return ends_early(p);
    if ((unsigned char)*p->at < ' ')
        what = "control character; in strings it must be escaped, and between values only blank, "
               "tab, line feed and carriage return are allowed";
    return refuse(p, p->at, what);
}

/* Reports what is expected: a value, or what may follow in an open object or array. */
static int no_value(parser_t *p, int must)
{
    if (must || p->depth == 0)
        return unexpected(
            p, "a value is expected: object, array, string, number, true, false or null");
    if (p->frames[p->depth].node->kind == FHIR_NODE_OBJECT)
        return unexpected(p, "a member with its name in double quotes is expected here, or a comma "
                             "before it, or the closing brace");
    return unexpected(p, "a value is expected here, or a comma before it, or the closing bracket");
}

static int read_literal(parser_t *p, const char *word, apr_size_t len, fhir_node_kind_t kind,
                        int must)
{
    const char *start = p->at;
    apr_size_t left = (apr_size_t)(p->end - start);

    if (left < len && !memcmp(start, word, left))
        return refuse(p, p->end, INCOMPLETE);
    if (left < len || memcmp(start, word, len) != 0)
        return no_value(p, must);
    p->at += len;
    return add_plain(p, kind, start);
}

static int bad_number(parser_t *p, const char *start, const char *s)
{
    if (s >= p->end)
        return refuse(p, p->end, INCOMPLETE);
    return refuse(p, start, "this is not a number; numbers look like 12, -12.50 or 1.2e-3");
}

static int read_number(parser_t *p)
{
    const char *start = p->at, *s = start;

    s += *s == '-';
    if (!is_digit(p, s))
        return bad_number(p, start, s);
    if (*s == '0' && is_digit(p, s + 1))
        return refuse(p, s + 1, "numbers have no leading zeros");
    while (is_digit(p, s))
        s++;
    if (s < p->end && *s == '.') {
        if (!is_digit(p, ++s))
            return bad_number(p, start, s);
        while (is_digit(p, s))
            s++;
    }
    if (s < p->end && (*s == 'e' || *s == 'E')) {
        s++;
        if (s < p->end && (*s == '+' || *s == '-'))
            s++;
        if (!is_digit(p, s))
            return bad_number(p, start, s);
        while (is_digit(p, s))
            s++;
    }
    p->at = s;
    return add_plain(p, FHIR_NODE_NUMBER, start);
}

/* ---- strings ---- */

#define ONES 0x0101010101010101u
#define HIGH 0x8080808080808080u

/* The first quote, backslash or control character at or after s. It looks at eight bytes at a time:
 * a byte below 0x20 borrows when 0x20 is subtracted, and a byte that equals the character becomes 0
 * and borrows when 1 is. Either sets its high bit. Bytes above 0x7F never match. */
static const char *plain_end(const char *s, const char *end)
{
    while (end - s >= 8) {
        apr_uint64_t w;
        memcpy(&w, s, 8);
        apr_uint64_t quote = w ^ (ONES * '"');
        apr_uint64_t slash = w ^ (ONES * '\\');
        apr_uint64_t found = ((w - ONES * ' ') | (quote - ONES) | (slash - ONES)) & ~w & HIGH;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        if (found) /* a false match, by a borrow, can only lie behind a true one */
            return s + __builtin_ctzll(found) / 8;
#else
        if (found)
            break;
#endif
        s += 8;
    }
    while (s < end && *s != '"' && *s != '\\' && (unsigned char)*s >= ' ')
        s++;
    return s;
}

/* Four hex digits, or -1. */
static int hex4(const char *s)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = fhir_hex_digit(s[i]);
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static const char escaped[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";

/* Checks the escape at s; returns how many bytes it has, or 0. */
static apr_size_t check_escape(parser_t *p, const char *s)
{
    apr_size_t left = (apr_size_t)(p->end - s);

    if (left < 2)
        return (apr_size_t)refuse(p, p->end, INCOMPLETE);
    if (s[1] != 'u') {
        if (s[1] && strchr(escaped, s[1]))
            return 2;
        return (apr_size_t)refuse(p, s + 1,
                                  "unknown escape in a string; the escapes are \\\" \\\\ \\/ \\b "
                                  "\\f \\n \\r \\t and \\u with four hex digits");
    }
    for (apr_size_t i = 2; i < 6; i++) {
        if (i >= left)
            return (apr_size_t)refuse(p, p->end, INCOMPLETE);
        if (!strchr("0123456789abcdefABCDEF", s[i]) || !s[i])
            return (apr_size_t)refuse(p, s + i, "an escape \\u needs four hex digits");
    }
    int code = hex4(s + 2);
    if (code == 0)
        return (apr_size_t)refuse(p, s, "the character U+0000 is not allowed in strings");
    if (code < 0xD800 || code > 0xDFFF)
        return 6;
    int low = left >= 12 && s[6] == '\\' && s[7] == 'u' ? hex4(s + 8) : -1;
    if (code <= 0xDBFF && low >= 0xDC00 && low <= 0xDFFF)
        return 12;
    return (apr_size_t)refuse(p, s,
                              "half of a surrogate pair; characters above U+FFFF take two escapes, "
                              "\\uD800 to \\uDBFF followed by \\uDC00 to \\uDFFF");
}

static char *put_utf8(char *out, unsigned code)
{
    if (code < 0x80) {
        *out++ = (char)code;
        return out;
    }
    if (code >= 0x10000) {
        *out++ = (char)(0xF0 | code >> 18);
        *out++ = (char)(0x80 | (code >> 12 & 0x3F));
    }
    else if (code >= 0x800)
        *out++ = (char)(0xE0 | code >> 12);
    if (code >= 0x800)
        *out++ = (char)(0x80 | (code >> 6 & 0x3F));
    else
        *out++ = (char)(0xC0 | code >> 6);
    *out++ = (char)(0x80 | (code & 0x3F));
    return out;
}

/* The text of a string with checked escapes: it is never longer than the source. */
static apr_size_t decode(char *out, const char *s, const char *end)
{
    char *to = out;

    while (s < end) {
        const char *plain = memchr(s, '\\', (apr_size_t)(end - s));
        apr_size_t n = (apr_size_t)((plain ? plain : end) - s);
        memcpy(to, s, n);
        to += n;
        s += n;
        if (s == end)
            break;
        if (s[1] != 'u') {
            *to++ = meant[strchr(escaped, s[1]) - escaped];
            s += 2;
            continue;
        }
        unsigned code = (unsigned)hex4(s + 2);
        s += 6;
        if (code >= 0xD800 && code <= 0xDFFF) {
            code = 0x10000 + ((code - 0xD800) << 10) + ((unsigned)hex4(s + 2) - 0xDC00);
            s += 6;
        }
        to = put_utf8(to, code);
    }
    return (apr_size_t)(to - out);
}

/* Reads the string whose quote is at p->at. Without escapes, its text stays in the source. */
static int read_text(parser_t *p, const char **text, apr_uint32_t *len)
{
    const char *start = p->at + 1, *s = start;
    int escapes = 0;

    for (;;) {
        s = plain_end(s, p->end);
        if (s == p->end)
            return refuse(p, s, INCOMPLETE);
        if (*s == '"')
            break;
        if (*s != '\\')
            return refuse(p, s, "control character in a string; it must be escaped");
        apr_size_t n;
        if (!(n = check_escape(p, s)))
            return 0;
        s += n;
        escapes = 1;
    }
    p->at = s + 1;
    *text = start;
    *len = (apr_uint32_t)(s - start);
    if (escapes) {
        char *copy = apr_palloc(p->pool, *len);
        *len = (apr_uint32_t)decode(copy, start, s);
        *text = copy;
    }
    return 1;
}

static int read_string(parser_t *p)
{
    const char *start = p->at, *text;
    apr_uint32_t len;
    fhir_node_t *node;

    if (!read_text(p, &text, &len) || !(node = add(p, FHIR_NODE_STRING, start)))
        return 0;
    node->text = text;
    node->text_len = len;
    node->end = (apr_uint32_t)(p->at - p->json);
    return 1;
}

/* ---- members ---- */

static int duplicate(parser_t *p, const char *at)
{
    return refuse(p, at, "the object has this member twice; every name may occur once");
}

/* It sorts instead of hashing, so that no choice of names makes it slow. */
static int check_names(parser_t *p, const frame_t *f)
{
    apr_size_t n = 0;
    if (p->sorted_cap < f->count) {
        free(p->sorted);
        p->sorted_cap = f->count * 2;
        p->sorted = malloc(p->sorted_cap * sizeof(*p->sorted));
        if (!p->sorted)
            return stop(p, p->at, FHIR_ERR_INTERNAL, "out of memory");
    }
    for (fhir_node_t *m = f->node->child; m; m = m->next)
        p->sorted[n++] = m;
    qsort(p->sorted, n, sizeof(*p->sorted), fhir_node_by_name);
    for (apr_size_t i = 1; i < n; i++) {
        const fhir_node_t *a = p->sorted[i - 1], *b = p->sorted[i];
        if (a->name_len == b->name_len && memcmp(a->name, b->name, a->name_len) == 0)
            return duplicate(p, p->json + b->start);
    }
    return 1;
}

/* Reads a name and its colon. */
static int read_name(parser_t *p)
{
    frame_t *f = &p->frames[p->depth];
    const char *start = p->at;

    if (p->at == p->end || *p->at != '"')
        return no_value(p, 0);
    const char *name;
    apr_uint32_t len;
    if (!read_text(p, &name, &len))
        return 0;
    unsigned hash = len;
    if (len)
        hash += 7u * (unsigned char)name[0] + 13u * (unsigned char)name[len - 1] +
                29u * (unsigned char)name[len / 2];
    apr_uint64_t bit = (apr_uint64_t)1 << (hash & 63);
    if ((f->seen & bit) && f->count < FHIR_NODE_FEW && fhir_node_getn(f->node, name, len))
        return duplicate(p, start);
    f->seen |= bit;
    p->name = name;
    p->name_len = len;
    skip_blanks(p);
    if (p->at == p->end || *p->at != ':')
        return unexpected(p, "a colon and a value must follow the member's name");
    p->at++;
    return 1;
}

/* ---- the whole ---- */

static int open_value(parser_t *p, fhir_node_kind_t kind)
{
    if (p->depth >= p->max_depth)
        return stop(p, p->at, FHIR_ERR_TOO_LARGE,
                    "objects and arrays are nested deeper than the limit allows");
    fhir_node_t *node = add(p, kind, p->at);
    if (!node)
        return 0;
    p->at++;
    frame_t *f = &p->frames[++p->depth];
    f->node = node;
    f->link = &node->child;
    f->count = 0;
    f->seen = 0;
    return 1;
}

static int close_value(parser_t *p)
{
    frame_t *f = &p->frames[p->depth];

    if (f->count > FHIR_NODE_FEW && f->node->kind == FHIR_NODE_OBJECT && !check_names(p, f))
        return 0;
    p->at++;
    f->node->end = (apr_uint32_t)(p->at - p->json);
    p->depth--;
    return 1;
}

/* Reads a value other than an object or array, or the beginning of one. must: only a value is
 * allowed here. */
static int read_value(parser_t *p, int must)
{
    if (p->at == p->end)
        return ends_early(p);
    switch (*p->at) {
    case '"':
        return read_string(p);
    case '{':
        return open_value(p, FHIR_NODE_OBJECT);
    case '[':
        return open_value(p, FHIR_NODE_ARRAY);
    case 't':
        return read_literal(p, "true", 4, FHIR_NODE_TRUE, must);
    case 'f':
        return read_literal(p, "false", 5, FHIR_NODE_FALSE, must);
    case 'n':
        return read_literal(p, "null", 4, FHIR_NODE_NULL, must);
    case '-':
        return read_number(p);
    default:
        return is_digit(p, p->at) ? read_number(p) : no_value(p, must);
    }
}

/* Reads the next item of the open object or array: a value with its name or comma, or the end. */
static int read_item(parser_t *p)
{
    frame_t *f = &p->frames[p->depth];
    int object = f->node->kind == FHIR_NODE_OBJECT;

    skip_blanks(p);
    if (p->at < p->end && *p->at == (object ? '}' : ']'))
        return close_value(p);
    if (f->count) {
        if (p->at == p->end || *p->at != ',')
            return no_value(p, 0);
        p->at++;
        skip_blanks(p);
    }
    if (object) {
        if (!read_name(p))
            return 0;
        skip_blanks(p);
    }
    return read_value(p, object);
}

static fhir_err_t *run(parser_t *p)
{
    skip_blanks(p);
    if (read_value(p, 1)) {
        while (p->depth && read_item(p))
            ;
        skip_blanks(p);
        if (!p->err && p->at < p->end)
            unexpected(p, "nothing but blanks may follow the value");
    }
    free(p->sorted);
    return p->err;
}

fhir_err_t *fhir_node_parse_json(fhir_node_t **root, const char *json, apr_size_t len,
                                 const fhir_node_limits_t *limits, apr_pool_t *pool)
{
    static const fhir_node_limits_t defaults;
    parser_t p = {0};

    *root = NULL;
    if (!limits)
        limits = &defaults;
    apr_size_t max_bytes =
        limits->max_bytes && limits->max_bytes < MAX_SOURCE ? limits->max_bytes : MAX_SOURCE;
    if (len > max_bytes)
        return fhir_err_create(pool, FHIR_ERR_TOO_LARGE,
                               "The text has %" APR_SIZE_T_FMT " bytes; at most %" APR_SIZE_T_FMT
                               " are accepted",
                               len, max_bytes);
    apr_size_t valid = fhir_text_utf8_prefix(json, len);
    if (valid < len)
        return error_at(json, valid, FHIR_ERR_SYNTAX, pool,
                        "this byte is not valid UTF-8; the text must be encoded in UTF-8");
    p.json = json;
    p.at = json + (len >= 3 && !memcmp(json, "\xEF\xBB\xBF", 3) ? 3 : 0); /* a byte order mark */
    p.end = json + len;
    p.max_depth = limits->max_depth > 0 ? limits->max_depth : DEFAULT_DEPTH;
    p.nodes_left = limits->max_nodes ? limits->max_nodes : MAX_SOURCE;
    p.frames = apr_palloc(pool, ((apr_size_t)p.max_depth + 1) * sizeof(*p.frames));
    p.frames[0].link = &p.root;
    p.frames[0].count = 0;
    p.slab_size = len / 32 < SLAB_MIN ? SLAB_MIN : len / 32 > SLAB_MAX ? SLAB_MAX : len / 32;
    p.pool = pool;
    FHIR_TRY(run(&p));
    *root = p.root;
    return NULL;
}
