/* SPDX-License-Identifier: Apache-2.0 */
/* The tree: what the JSON reader takes and refuses, places, limits, access, writing. */
#include "core/fhir_node.h"
#include "tap.h"

#include <apr_strings.h>

static fhir_node_t *parse(const char *json, apr_pool_t *pool)
{
    fhir_node_t *root;
    fhir_err_t *err = fhir_node_parse_json(&root, json, strlen(json), NULL, pool);
    tap_no_err(err, "parses %.60s", json);
    return err ? NULL : root;
}

static const char *written(const fhir_node_t *node, int pretty, apr_pool_t *pool)
{
    fhir_buf_t *buf = fhir_buf_create(pool, 0);
    fhir_node_write_json(buf, node, pretty);
    return apr_pstrdup(pool, fhir_buf_cstr(buf));
}

/* in, and what compact writing gives (NULL: the same). */
static const struct {
    const char *in, *out;
} good[] = {
    {"{}", NULL},
    {"[]", NULL},
    {"\"\"", NULL},
    {"0", NULL},
    {"-0.0", NULL},
    {" 12 ", "12"},
    {"12", NULL},
    {"\n-1.50e+007", "-1.50e+007"},
    {"1E400", NULL},
    {"100000000000000000000000000.00", NULL},
    {"true", NULL},
    {"false", NULL},
    {"null", NULL},
    {" [ 1 , \"a\" , { \"b\" : [ ] , \"c\" : { } } , null ] ",
     "[1,\"a\",{\"b\":[],\"c\":{}},null]"},
    {"\"\\u00e9\\u20AC\\ud83d\\uDE00\\/\\b\\f\\n\\r\\t\\\"\\\\\"",
     "\"é€😀/\\b\\f\\n\\r\\t\\\"\\\\\""},
    {"\"\\\\u0000 \\\\ud800\"", NULL},
    {"{\"\":1,\"a\\u0062\":2,\"é\":3}", "{\"\":1,\"ab\":2,\"é\":3}"},
    {"[[[[[[[[[[1]]]]]]]]]]", NULL},
    {"\"\xF4\x8F\xBF\xBF\xED\x9F\xBF\xEE\x80\x80\xC2\x80\x7f\"", NULL},
};

static const struct {
    const char *in;
    int line, column;
    const char *says;
} bad[] = {
    {"", 1, 1, "empty"},
    {"  \n ", 2, 2, "empty"},
    {"{", 1, 2, "ends before"},
    {"{\"a\":1", 1, 7, "ends before"},
    {"[12", 1, 4, "ends before"},
    {"\"abc", 1, 5, "ends before"},
    {"tru", 1, 4, "ends before"},
    {"-", 1, 2, "ends before"},
    {"{} x", 1, 4, "follow the value"},
    {"{}\n{}", 2, 1, "follow the value"},
    {"1 2", 1, 3, "follow the value"},
    {"{\"a\" 1}", 1, 6, "colon"},
    {"{\"a\":1,}", 1, 8, "member with its name"},
    {"{\"a\":1,,\"b\":2}", 1, 8, "member with its name"},
    {"{\"a\":1 \"b\":2}", 1, 8, "comma"},
    {"{a:1}", 1, 2, "double quotes"},
    {"{'a':1}", 1, 2, "double quotes"},
    {"{1:1}", 1, 2, "double quotes"},
    {"[1,]", 1, 4, "value is expected"},
    {"[1 2]", 1, 4, "comma"},
    {"[\n01]", 2, 2, "leading zeros"},
    {"[NaN]", 1, 2, "value is expected"},
    {"[+1]", 1, 2, "value is expected"},
    {"[.5]", 1, 2, "value is expected"},
    {"[1.]", 1, 2, "not a number"},
    {"[1e]", 1, 2, "not a number"},
    {"[-a]", 1, 2, "not a number"},
    {"{\"a\":nul}", 1, 6, "value is expected"},
    {"[1}", 1, 3, "closing bracket"},
    {"/* c */ 1", 1, 1, "value is expected"},
    {"\"a\nb\"", 1, 3, "control character"},
    {"\"a\\xb\"", 1, 4, "escape"},
    {"\"a\\u12g4\"", 1, 7, "escape"},
    {"[1,\v2]", 1, 4, "control character"},
    {"[1,\f2]", 1, 4, "control character"},
    {"\"\\u0000\"", 1, 2, "U+0000"},
    {"\"\\ud800\"", 1, 2, "surrogate"},
    {"\"\\udc00\"", 1, 2, "surrogate"},
    {"\"\\ud83dx\"", 1, 2, "surrogate"},
    {"\"\\ud83d\\ud83d\"", 1, 2, "surrogate"},
    {"{\"\\uDFFF\":1}", 1, 3, "surrogate"},
    {"\"\xC0\x80\"", 1, 2, "UTF-8"},
    {"\"\xED\xA0\x80\"", 1, 2, "UTF-8"},
    {"\"\xF4\x90\x80\x80\"", 1, 2, "UTF-8"},
    {"\"a\xE2\x82\"", 1, 3, "UTF-8"},
    {"\"\xFF\"", 1, 2, "UTF-8"},
    {"\"\x80\"", 1, 2, "UTF-8"},
    {"\xEF\xBB\xBF\xEF\xBB\xBF{}", 1, 4, "a value is expected"},
    {"{\"a\":1,\n\"a\":2}", 2, 1, "twice"},
    {"{\"a\":1,\"b\":{\"c\":1,\"\\u0063\":2}}", 1, 19, "twice"},
};

static void test_texts(apr_pool_t *pool)
{
    for (size_t i = 0; i < TAP_COUNT(good); i++) {
        fhir_node_t *root = parse(good[i].in, pool);
        if (root)
            tap_is_str(written(root, 0, pool), good[i].out ? good[i].out : good[i].in,
                       "writes %.40s", good[i].in);
    }
    for (size_t i = 0; i < TAP_COUNT(bad); i++) {
        fhir_node_t *root = NULL;
        fhir_err_t *err = fhir_node_parse_json(&root, bad[i].in, strlen(bad[i].in), NULL, pool);
        if (!tap_ok(err && !root, "refuses %s", bad[i].in))
            continue;
        tap_is_int(err->code, FHIR_ERR_SYNTAX, "  code");
        tap_is_int(err->line, bad[i].line, "  line");
        tap_is_int(err->column, bad[i].column, "  column");
        if (!tap_ok(strstr(err->message, bad[i].says), "  says %s", bad[i].says))
            tap_diag("%s", err->message);
    }
    tap_ok(fhir_node_parse_json(&(fhir_node_t *){0}, "\"a\0b\"", 5, NULL, pool),
           "refuses a NUL byte");
}

/* The range of every value, read back from the source, must be that value and nothing else. */
static int ranges_hold(const fhir_node_t *node, const char *json, apr_pool_t *pool)
{
    char *part = apr_pstrmemdup(pool, json + node->start, node->end - node->start);
    fhir_node_t *again;
    fhir_err_t *err = fhir_node_parse_json(&again, part, strlen(part), NULL, pool);

    if (err || again->start != 0 || again->end != strlen(part) ||
        strcmp(written(again, 0, pool), written(node, 0, pool)) != 0) {
        tap_diag("range %u-%u: %s", node->start, node->end, part);
        return 0;
    }
    for (const fhir_node_t *c = node->child; c; c = c->next) {
        if (!ranges_hold(c, json, pool))
            return 0;
    }
    return 1;
}

static void test_ranges(apr_pool_t *pool)
{
    static const char *const texts[] = {
        "12",
        "  -1.5  ",
        "{\"a\" : 1 ,\"b\":[ 1,2 , true,false ,null,\"x\"],\n\t\"c\" : { \"d\" : {} , \"e\":[] } }",
        ("[\"plain\", \"esc\\n\" ,\"\\u00e9\" , {\"k\\u0041\" : \"\\\"\" , \"é\":\"€\"}, [[]], "
         "[{}]]"),
    };
    fhir_node_t *root;
    for (size_t i = 0; i < TAP_COUNT(texts); i++) {
        root = parse(texts[i], pool);
        tap_ok(root && ranges_hold(root, texts[i], pool), "ranges in text %d", (int)i);
    }
    root = parse("{\"a\":\"x\\u0079\",\"b\":\"plain\"}", pool);
    tap_is_mem(root->child->text, root->child->text_len, "xy", 2, "decoded text");
    tap_ok(root->child->next->text == root->child->next->name + 4, "plain text is not copied");
}

static fhir_code_t parse_code(const char *json, const fhir_node_limits_t *limits, apr_pool_t *pool)
{
    fhir_node_t *root;
    fhir_err_t *err = fhir_node_parse_json(&root, json, strlen(json), limits, pool);
    return err ? err->code : FHIR_OK;
}

static void test_limits(apr_pool_t *pool)
{
    fhir_node_limits_t limits = {.max_bytes = 10};
    tap_is_int(parse_code("[1,2,3,45]", &limits, pool), FHIR_OK, "size: at the limit");
    tap_is_int(parse_code("[1,2,3,456]", &limits, pool), FHIR_ERR_TOO_LARGE, "size: over it");
    limits = (fhir_node_limits_t){.max_depth = 3};
    tap_is_int(parse_code("[{\"a\":[1]}]", &limits, pool), FHIR_OK, "depth: at the limit");
    tap_is_int(parse_code("[{\"a\":[[]]}]", &limits, pool), FHIR_ERR_TOO_LARGE, "depth: over it");
    limits = (fhir_node_limits_t){.max_nodes = 4};
    tap_is_int(parse_code("[1,2,3]", &limits, pool), FHIR_OK, "values: at the limit");
    tap_is_int(parse_code("[1,2,3,4]", &limits, pool), FHIR_ERR_TOO_LARGE, "values: over it");
    char *deep = apr_pcalloc(pool, 200001);
    memset(deep, '[', 200000);
    tap_is_int(parse_code(deep, NULL, pool), FHIR_ERR_TOO_LARGE, "depth: default");
}

/* Objects with many members are checked by another way than small ones. */
static void test_duplicates(apr_pool_t *pool)
{
    static const int sizes[] = {2, 15, 16, 17, 18, 40, 1000};
    for (size_t s = 0; s < TAP_COUNT(sizes); s++) {
        fhir_buf_t *buf = fhir_buf_create(pool, 0);
        int n = sizes[s];
        fhir_buf_puts(buf, "{");
        for (int i = 0; i < n; i++)
            fhir_buf_printf(buf, "\"m%04d\":%d,", i, i);
        apr_size_t len = buf->len;
        fhir_buf_puts(buf, "\"m\":0}");
        tap_is_int(parse_code(fhir_buf_cstr(buf), NULL, pool), FHIR_OK, "%d members", n + 1);
        for (int twice = 0; twice < n; twice += n - 1) {
            buf->len = len;
            fhir_buf_printf(buf, "\"m%04d\":0}", twice);
            tap_is_int(parse_code(fhir_buf_cstr(buf), NULL, pool), FHIR_ERR_SYNTAX,
                       "%d members, member %d twice", n + 1, twice);
        }
        fhir_buf_free(buf);
    }
}

static void test_access(apr_pool_t *pool)
{
    fhir_node_t *root =
        parse("{\"s\":\"text\",\"n\":1.0,\"t\":true,\"a\":[1,2,3],\"z\":null}", pool);
    const fhir_node_t *a = fhir_node_get(root, "a");
    tap_is_int(fhir_node_count(root), 5, "count of members");
    tap_is_int(fhir_node_count(a), 3, "count of items");
    tap_is_int(fhir_node_count(NULL), 0, "count of nothing");
    tap_ok(a && a->kind == FHIR_NODE_ARRAY, "get");
    tap_ok(a->child->name == NULL && root->name == NULL, "items and the root have no name");
    tap_ok(fhir_node_getn(root, "abc", 1) == a, "getn");
    tap_ok(!fhir_node_get(root, "b") && !fhir_node_get(a, "a") && !fhir_node_get(NULL, "a"),
           "what is not there");
    tap_ok(fhir_node_is(fhir_node_get(root, "s"), "text"), "is: string");
    tap_ok(!fhir_node_is(fhir_node_get(root, "s"), "tex"), "is: prefix");
    tap_ok(fhir_node_is(fhir_node_get(root, "n"), "1.0"), "is: number as written");
    tap_ok(fhir_node_is(fhir_node_get(root, "t"), "true"), "is: boolean");
    tap_ok(!fhir_node_is(fhir_node_get(root, "z"), "") && !fhir_node_is(NULL, ""), "is: null");
    tap_is_str(fhir_node_string(root, "s", pool), "text", "string");
    tap_is_str(fhir_node_string(root, "n", pool), NULL, "string of a number");
    tap_is_int(sizeof(fhir_node_t), 64, "a node's size");
}

static void test_write(apr_pool_t *pool)
{
    fhir_node_t *root = parse("{\"a\":[1,{\"b\":\"c\"},[]],\"d\":{}}", pool);
    tap_is_str(written(root, 1, pool),
               "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"c\"\n    },\n    []\n  ],\n"
               "  \"d\": {}\n}\n",
               "pretty");
    fhir_node_t *list = fhir_node_new(FHIR_NODE_ARRAY, pool);
    list->child = fhir_node_new(FHIR_NODE_TRUE, pool);
    fhir_node_t *text;
    list->child->next = text = fhir_node_new_text(FHIR_NODE_STRING, "x\ny", 3, pool);
    text->next = fhir_node_new_text(FHIR_NODE_NUMBER, "1.00", 4, pool);
    text->next->next = fhir_node_new(FHIR_NODE_NULL, pool);
    tap_is_str(written(list, 0, pool), "[true,\"x\\ny\",1.00,null]", "built by hand");
}

int main(void)
{
    apr_pool_t *pool = tap_start();
    test_texts(pool);
    test_ranges(pool);
    test_limits(pool);
    test_duplicates(pool);
    test_access(pool);
    test_write(pool);
    return tap_done();
}
