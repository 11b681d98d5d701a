/* SPDX-License-Identifier: Apache-2.0 */
/* JSON text to tree, on yajl's events. This is the hot path of loading.
 *
 * yajl 2.1 leaves gaps that are closed here before it runs, in passes at memory speed: its UTF-8
 * check takes overlong forms and surrogates, lone surrogate escapes silently become '?', \u0000
 * passes, and vertical tab and form feed count as white space.
 *
 * yajl tells where it stands (bytes consumed) in every event. The end of a value follows from
 * that, the start from where the event before ended: only blanks and one separator lie between. */
#include "core/fhir_node.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <yajl/yajl_parse.h>

#include "core/fhir_text.h"

#define DEFAULT_DEPTH 64
#define MAX_SOURCE    0xFFFFFFFFu /* offsets are 32 bits */
#define FEW_MEMBERS   16          /* compared one by one; more are sorted */
#define SLAB_MIN      16
#define SLAB_MAX      1020 /* 64 KiB with the pool's header */

typedef struct frame_t {
    fhir_node_t *node;
    fhir_node_t **link; /* where the next member or item goes */
    apr_size_t count;
    apr_uint64_t seen; /* one bit a name's hash: names with a bit of their own are new */
} frame_t;

typedef struct parser_t {
    yajl_handle yajl;
    const char *json;
    apr_size_t len;
    apr_size_t pos; /* end of the last token that made an event */
    int after_key;
    int finishing; /* yajl works on its own copy of the last bytes, see number() */
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
    fhir_err_t *err;
    fhir_node_place(&line, &column, json, offset);
    err = fhir_err_create(pool, code, "JSON, line %d, column %d: %s", line, column, what);
    err->line = line;
    err->column = column;
    return err;
}

static int stop(parser_t *p, apr_size_t offset, fhir_code_t code, const char *what)
{
    p->err = error_at(p->json, offset, code, p->pool, what);
    return 0;
}

static int is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Start of the token behind the last event. */
static apr_size_t token_start(const parser_t *p)
{
    apr_size_t i = p->pos;
    char separator = p->after_key ? ':' : ',';
    while (i < p->len && is_blank(p->json[i]))
        i++;
    if (i < p->len && p->json[i] == separator) {
        do
            i++;
        while (i < p->len && is_blank(p->json[i]));
    }
    return i;
}

static void new_slab(parser_t *p)
{
    p->slab = apr_palloc(p->pool, p->slab_size * sizeof(fhir_node_t));
    p->slab_left = p->slab_size;
    p->slab_size = p->slab_size * 2 < SLAB_MAX ? p->slab_size * 2 : SLAB_MAX;
}

/* A node of the value [start, end), linked into its parent; NULL when a limit was passed. */
static fhir_node_t *add(parser_t *p, fhir_node_kind_t kind, apr_size_t start, apr_size_t end)
{
    frame_t *f = &p->frames[p->depth];
    fhir_node_t *node;

    if (!p->nodes_left) {
        stop(p, start, FHIR_ERR_TOO_LARGE, "the text holds more values than the limit allows");
        return NULL;
    }
    p->nodes_left--;
    if (!p->slab_left)
        new_slab(p);
    p->slab_left--;
    node = p->slab++;
    node->name = p->name;
    node->name_len = p->name_len;
    node->text = NULL;
    node->text_len = 0;
    node->child = node->next = NULL;
    node->start = (apr_uint32_t)start;
    node->end = (apr_uint32_t)end;
    node->line = node->column = 0;
    node->kind = (apr_byte_t)kind;
    node->flags = 0;
    *f->link = node;
    f->link = &node->next;
    f->count++;
    p->name = NULL;
    p->name_len = 0;
    p->pos = end;
    p->after_key = 0;
    return node;
}

static apr_size_t consumed(const parser_t *p)
{
    return yajl_get_bytes_consumed(p->yajl);
}

static int add_literal(parser_t *p, fhir_node_kind_t kind, apr_size_t len)
{
    apr_size_t end = consumed(p);
    fhir_node_t *node = add(p, kind, end - len, end);
    if (node && kind != FHIR_NODE_NULL) {
        node->text = p->json + end - len;
        node->text_len = (apr_uint32_t)len;
    }
    return node != NULL;
}

static int on_null(void *ctx)
{
    return add_literal(ctx, FHIR_NODE_NULL, 4);
}

static int on_boolean(void *ctx, int value)
{
    return add_literal(ctx, value ? FHIR_NODE_TRUE : FHIR_NODE_FALSE, value ? 4 : 5);
}

/* A number that ends the text is known to be complete only when yajl finishes; yajl then passes
 * a copy of its own. It is the whole text but for leading blanks. */
static int on_number(void *ctx, const char *text, size_t len)
{
    parser_t *p = ctx;
    apr_size_t start = p->finishing ? p->len - len : (apr_size_t)(text - p->json);
    fhir_node_t *node = add(p, FHIR_NODE_NUMBER, start, start + len);
    if (!node)
        return 0;
    node->text = p->json + start;
    node->text_len = (apr_uint32_t)len;
    return 1;
}

/* The source itself, or a copy of what yajl decoded: escapes make a string shorter. */
static const char *keep(parser_t *p, const unsigned char *text, apr_size_t len, apr_size_t start,
                        apr_size_t end)
{
    if (end - start == len + 2)
        return p->json + start + 1;
    return apr_pmemdup(p->pool, text, len);
}

static int on_string(void *ctx, const unsigned char *text, size_t len)
{
    parser_t *p = ctx;
    apr_size_t start = token_start(p), end = consumed(p);
    fhir_node_t *node = add(p, FHIR_NODE_STRING, start, end);
    if (!node)
        return 0;
    node->text = keep(p, text, len, start, end);
    node->text_len = (apr_uint32_t)len;
    return 1;
}

static int duplicate(parser_t *p, apr_size_t at)
{
    return stop(p, at, FHIR_ERR_SYNTAX,
                "the object has this member twice; every name may occur once");
}

static int on_key(void *ctx, const unsigned char *text, size_t len)
{
    parser_t *p = ctx;
    frame_t *f = &p->frames[p->depth];
    apr_size_t start = token_start(p), end = consumed(p);
    const char *name = keep(p, text, len, start, end);
    unsigned hash = (unsigned)len;
    apr_uint64_t bit;

    if (len)
        hash += 7u * (unsigned char)name[0] + 13u * (unsigned char)name[len - 1] +
                29u * (unsigned char)name[len / 2];
    bit = (apr_uint64_t)1 << (hash & 63);
    if ((f->seen & bit) && f->count < FEW_MEMBERS && fhir_node_getn(f->node, name, len))
        return duplicate(p, start);
    f->seen |= bit;
    p->name = name;
    p->name_len = (apr_uint32_t)len;
    p->pos = end;
    p->after_key = 1;
    return 1;
}

static int open_value(parser_t *p, fhir_node_kind_t kind)
{
    apr_size_t end = consumed(p);
    fhir_node_t *node;
    frame_t *f;

    if (p->depth >= p->max_depth)
        return stop(p, end - 1, FHIR_ERR_TOO_LARGE,
                    "objects and arrays are nested deeper than the limit allows");
    node = add(p, kind, end - 1, end);
    if (!node)
        return 0;
    f = &p->frames[++p->depth];
    f->node = node;
    f->link = &node->child;
    f->count = 0;
    f->seen = 0;
    return 1;
}

static int close_value(parser_t *p)
{
    apr_size_t end = consumed(p);
    p->frames[p->depth--].node->end = (apr_uint32_t)end;
    p->pos = end;
    p->after_key = 0;
    return 1;
}

static int on_start_map(void *ctx)
{
    return open_value(ctx, FHIR_NODE_OBJECT);
}

static int on_start_array(void *ctx)
{
    return open_value(ctx, FHIR_NODE_ARRAY);
}

static int by_name(const void *left, const void *right)
{
    const fhir_node_t *a = *(fhir_node_t *const *)left, *b = *(fhir_node_t *const *)right;
    int cmp;
    if (a->name_len != b->name_len)
        return a->name_len < b->name_len ? -1 : 1;
    cmp = memcmp(a->name, b->name, a->name_len);
    return cmp ? cmp : (a->start > b->start) - (a->start < b->start);
}

/* Sorting, not hashing: nobody can choose names that make it slow. */
static int check_names(parser_t *p, const frame_t *f)
{
    apr_size_t n = 0;
    if (p->sorted_cap < f->count) {
        free(p->sorted);
        p->sorted_cap = f->count * 2;
        p->sorted = malloc(p->sorted_cap * sizeof(*p->sorted));
        if (!p->sorted)
            return stop(p, p->pos, FHIR_ERR_INTERNAL, "out of memory");
    }
    for (fhir_node_t *m = f->node->child; m; m = m->next)
        p->sorted[n++] = m;
    qsort(p->sorted, n, sizeof(*p->sorted), by_name);
    for (apr_size_t i = 1; i < n; i++) {
        const fhir_node_t *a = p->sorted[i - 1], *b = p->sorted[i];
        if (a->name_len == b->name_len && memcmp(a->name, b->name, a->name_len) == 0)
            return duplicate(p, b->start);
    }
    return 1;
}

static int on_end_map(void *ctx)
{
    parser_t *p = ctx;
    const frame_t *f = &p->frames[p->depth];
    if (f->count > FEW_MEMBERS && !check_names(p, f))
        return 0;
    return close_value(p);
}

static int on_end_array(void *ctx)
{
    return close_value(ctx);
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_start_map,
    .yajl_map_key = on_key,
    .yajl_end_map = on_end_map,
    .yajl_start_array = on_start_array,
    .yajl_end_array = on_end_array,
};

/* Four hex digits, or -1. */
static int hex4(const char *s)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        char c = s[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* Where backslashes stand does not matter here: outside of strings yajl refuses them. */
static fhir_err_t *check_escapes(const char *json, apr_size_t len, apr_pool_t *pool)
{
    const char *end = json + len, *c = json;

    while ((c = memchr(c, '\\', (apr_size_t)(end - c)))) {
        apr_size_t at = (apr_size_t)(c - json);
        int code = end - c >= 6 && c[1] == 'u' ? hex4(c + 2) : -1;
        if (code < 0) {
            c += end - c >= 2 ? 2 : 1;
            continue;
        }
        if (code == 0)
            return error_at(json, at, FHIR_ERR_SYNTAX, pool,
                            "the character U+0000 is not allowed in strings");
        c += 6;
        if (code < 0xD800 || code > 0xDFFF)
            continue;
        if (code <= 0xDBFF && end - c >= 6 && c[0] == '\\' && c[1] == 'u') {
            int low = hex4(c + 2);
            if (low >= 0xDC00 && low <= 0xDFFF) {
                c += 6;
                continue;
            }
        }
        return error_at(json, at, FHIR_ERR_SYNTAX, pool,
                        "half of a surrogate pair; characters above U+FFFF take two escapes, "
                        "\\uD800 to \\uDBFF followed by \\uDC00 to \\uDFFF");
    }
    return NULL;
}

static fhir_err_t *check_bytes(const char *json, apr_size_t len, apr_pool_t *pool)
{
    apr_size_t valid;
    const char *bad;

    if (len >= 3 && memcmp(json, "\xEF\xBB\xBF", 3) == 0)
        return error_at(json, 0, FHIR_ERR_SYNTAX, pool,
                        "the text starts with a byte order mark; send UTF-8 without one");
    valid = fhir_text_utf8_prefix(json, len);
    if (valid < len)
        return error_at(json, valid, FHIR_ERR_SYNTAX, pool,
                        "this byte is no valid UTF-8; the text must be encoded in UTF-8");
    bad = memchr(json, '\v', len);
    if (!bad)
        bad = memchr(json, '\f', len);
    if (bad)
        return error_at(json, (apr_size_t)(bad - json), FHIR_ERR_SYNTAX, pool,
                        "control character; in strings it must be escaped, and between values only "
                        "blank, tab, line feed and carriage return are allowed");
    return check_escapes(json, len, pool);
}

/* Why the token at `at` was refused. yajl's own text says what it saw, not what is allowed. */
static const char *complaint(const parser_t *p, apr_size_t at, int lexical)
{
    char c = p->json[at];
    int number = c == '-' || (c >= '0' && c <= '9');

    if (p->root && p->depth == 0)
        return "nothing but blanks may follow the value";
    if (p->after_key && !memchr(p->json + p->pos, ':', at - p->pos))
        return "a colon and a value must follow the member's name";
    if (number && !lexical && p->json[at - 1] == '0')
        return "numbers have no leading zeros";
    if (number && lexical)
        return "this is no number; numbers look like 12, -12.50 or 1.2e-3";
    if (c == '"' && lexical)
        return "control character or unknown escape in a string; the escapes are \\\" \\\\ \\/ \\b "
               "\\f \\n \\r \\t and \\u with four hex digits";
    if (p->depth == 0 || p->after_key)
        return "a value is expected: object, array, string, number, true, false or null";
    if (p->frames[p->depth].node->kind == FHIR_NODE_OBJECT)
        return "a member with its name in double quotes is expected here, or a comma before it, or "
               "the closing brace";
    return "a value is expected here, or a comma before it, or the closing bracket";
}

static fhir_err_t *syntax_error(const parser_t *p)
{
    apr_size_t at = token_start(p);
    unsigned char *text;
    int lexical;

    if (at >= p->len || (p->finishing && !(p->root && p->depth == 0)))
        return error_at(p->json, p->len, FHIR_ERR_SYNTAX, p->pool,
                        !p->root && at >= p->len ? "the text is empty; one value is expected"
                                                 : "the text ends before the value is complete");
    text = yajl_get_error(p->yajl, 0, NULL, 0);
    lexical = text && text[0] == 'l'; /* "lexical error: …" or "parse error: …" */
    yajl_free_error(p->yajl, text);
    return error_at(p->json, lexical && p->json[at] == '"' ? consumed(p) : at, FHIR_ERR_SYNTAX,
                    p->pool, complaint(p, at, lexical));
}

static fhir_err_t *run(parser_t *p)
{
    yajl_status status;

    p->yajl = yajl_alloc(&callbacks, NULL, p);
    if (!p->yajl)
        return fhir_err_create(p->pool, FHIR_ERR_INTERNAL, "Out of memory");
    yajl_config(p->yajl, yajl_dont_validate_strings, 1); /* check_bytes did */
    status = yajl_parse(p->yajl, (const unsigned char *)p->json, p->len);
    if (status == yajl_status_ok) {
        p->finishing = 1;
        status = yajl_complete_parse(p->yajl);
    }
    if (status != yajl_status_ok && !p->err)
        p->err = syntax_error(p);
    yajl_free(p->yajl);
    free(p->sorted);
    return p->err;
}

fhir_err_t *fhir_node_parse_json(fhir_node_t **root, const char *json, apr_size_t len,
                                 const fhir_node_limits_t *limits, apr_pool_t *pool)
{
    static const fhir_node_limits_t defaults;
    parser_t p = {0};
    apr_size_t max_bytes;

    *root = NULL;
    if (!limits)
        limits = &defaults;
    max_bytes =
        limits->max_bytes && limits->max_bytes < MAX_SOURCE ? limits->max_bytes : MAX_SOURCE;
    if (len > max_bytes)
        return fhir_err_create(pool, FHIR_ERR_TOO_LARGE,
                               "The text has %" APR_SIZE_T_FMT " bytes; at most %" APR_SIZE_T_FMT
                               " are accepted",
                               len, max_bytes);
    FHIR_TRY(check_bytes(json, len, pool));
    p.json = json;
    p.len = len;
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
