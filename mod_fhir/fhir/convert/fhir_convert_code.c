/* SPDX-License-Identifier: Apache-2.0 */
/* Codes, their systems, and tests of an object by them. */
#include "core/fhir_hash.h"
#include "fhir/convert/fhir_convert_private.h"

#include <apr_strings.h>

/* The next word of a text divided by blanks, or 0. */
static int next_word(const char **word, apr_size_t *len, const char **text)
{
    const char *s = *text + strspn(*text, " ");

    *word = s;
    *len = strcspn(s, " ");
    *text = s + *len;
    return *len > 0;
}

fhir_convert_codes_t *fhir_convert_codes_parse(const char *words, fhir_convert_way_t way,
                                               apr_pool_t *pool)
{
    fhir_convert_codes_t *codes = apr_pcalloc(pool, sizeof(*codes));

    codes->list = apr_pcalloc(pool, sizeof(*codes->list) * (strlen(words) / 2 + 1));
    const char *word;
    apr_size_t len;
    while (next_word(&word, &len, &words)) {
        fhir_convert_code_t *code = &codes->list[codes->n];
        apr_size_t left = strcspn(word, "=<>");
        char sign = left < len ? word[left] : '=';
        char keep = word[len - 1];

        if ((way == FHIR_CONVERT_OUT && sign == '<') || (way == FHIR_CONVERT_IN && sign == '>'))
            continue;
        if (keep == '+' || keep == '!')
            len--;
        else
            keep = 0;
        if (left > len)
            left = len;
        apr_size_t right = left < len ? len - left - 1 : 0;
        code->from = apr_pstrmemdup(pool, word, left);
        code->to = left < len ? apr_pstrmemdup(pool, word + left + 1, right) : code->from;
        if (way == FHIR_CONVERT_IN) {
            const char *swap = code->from;
            code->from = code->to;
            code->to = swap;
        }
        code->keep = (way == FHIR_CONVERT_IN) == (sign == '<') ? keep : 0;
        if (strcmp(code->to, "-") == 0)
            code->to = NULL;
        code->from_len = (apr_uint32_t)strlen(code->from);
        code->to_len = code->to ? (apr_uint32_t)strlen(code->to) : 0;
        codes->n++;
    }
    return codes;
}

const fhir_convert_code_t *fhir_convert_code(const fhir_convert_codes_t *codes, const char *code,
                                             apr_size_t len)
{
    for (int i = 0; codes && i < codes->n; i++) {
        const fhir_convert_code_t *c = &codes->list[i];
        if ((c->from_len == len && memcmp(c->from, code, len) == 0) ||
            (c->from_len == 1 && *c->from == '*'))
            return c;
    }
    return NULL;
}

/* One test: "name", "!name", "name=a,b", "name!=a". */
static fhir_convert_test_t *parse_test(const char *word, apr_size_t len, apr_pool_t *pool)
{
    fhir_convert_test_t *test = apr_pcalloc(pool, sizeof(*test));
    char *s = apr_pstrmemdup(pool, word, len), *equal = strchr(s, '=');

    if (*s == '!') {
        test->not = 1;
        s++;
    }
    if (equal) {
        if (equal[-1] == '!') {
            test->not = 1;
            equal[-1] = '\0';
        }
        *equal++ = '\0';
        for (char *c = equal; *c; c++)
            if (*c == ',')
                *c = ' ';
        test->codes = equal;
    }
    test->name = s;
    test->len = (apr_uint32_t)strlen(s);
    return test;
}

fhir_convert_test_t *fhir_convert_tests_parse(const char *words, apr_size_t len, apr_pool_t *pool)
{
    fhir_convert_test_t *first = NULL, **at = &first;
    const char *text = apr_pstrmemdup(pool, words, len), *word;
    apr_size_t n;

    while (next_word(&word, &n, &text)) {
        *at = parse_test(word, n, pool);
        at = &(*at)->next;
    }
    return first;
}

static int is_word(const char *words, const fhir_node_t *code)
{

    if (!code || !code->text)
        return 0;
    const char *word;
    apr_size_t len;
    while (next_word(&word, &len, &words)) {
        if (len == code->text_len && memcmp(word, code->text, len) == 0)
            return 1;
    }
    return 0;
}

int fhir_convert_has_code(const fhir_node_t *value, const char *codes)
{
    if (!value)
        return 0;
    if (value->kind == FHIR_NODE_ARRAY) {
        for (const fhir_node_t *item = value->child; item; item = item->next)
            if (fhir_convert_has_code(item, codes))
                return 1;
        return 0;
    }
    if (value->kind != FHIR_NODE_OBJECT)
        return is_word(codes, value);
    return is_word(codes, fhir_node_get(value, "code")) ||
           fhir_convert_has_code(fhir_node_get(value, "coding"), codes);
}

int fhir_convert_test(const fhir_convert_test_t *tests, const fhir_node_t *object)
{
    for (; tests; tests = tests->next) {
        const fhir_node_t *member = fhir_node_getn(object, tests->name, tests->len);
        int holds = tests->codes ? fhir_convert_has_code(member, tests->codes) : member != NULL;
        if (holds == tests->not )
            return 0;
    }
    return 1;
}

int fhir_convert_only_tested(const fhir_convert_test_t *tests, const fhir_node_t *member)
{
    const fhir_node_t *coding = fhir_node_get(member, "coding");

    for (; tests; tests = tests->next) {
        if (tests->not || !tests->codes || tests->len != member->name_len ||
            memcmp(tests->name, member->name, tests->len) != 0)
            continue;
        if (member->kind == FHIR_NODE_STRING)
            return 1;
        return coding && !member->child->next && coding->child && !coding->child->next &&
               !fhir_node_get(coding->child, "display");
    }
    return 0;
}

static fhir_convert_renamed_t *renamed(apr_hash_t *hash, const char *from, apr_pool_t *pool)
{
    fhir_convert_renamed_t *name = apr_hash_get(hash, from, APR_HASH_KEY_STRING);

    if (!name) {
        name = apr_pcalloc(pool, sizeof(*name));
        apr_hash_set(hash, from, APR_HASH_KEY_STRING, name);
    }
    return name;
}

void fhir_convert_systems_compile(fhir_convert_half_t *half, apr_pool_t *pool)
{
    int in = half->way == FHIR_CONVERT_IN;

    half->systems = fhir_hash_make(pool);
    half->urls = fhir_hash_make(pool);
    for (const fhir_convert_system_t *s = fhir_convert_systems; s->r4; s++) {
        fhir_convert_renamed_t *name = renamed(half->systems, in ? s->dstu2 : s->r4, pool);
        if (name->to)
            continue; /* several codes become one: the first row decides the way back */
        name->to = in ? s->r4 : s->dstu2;
        if (s->codes)
            name->codes = fhir_convert_codes_parse(s->codes, half->way, pool);
    }
    for (const fhir_convert_coding_t *c = fhir_convert_codings; c->r4_system; c++) {
        fhir_convert_renamed_t *name =
            renamed(half->systems, in ? c->dstu2_system : c->r4_system, pool);
        if (!name->codings)
            name->codings = apr_array_make(pool, 4, sizeof(const fhir_convert_coding_t *));
        APR_ARRAY_PUSH(name->codings, const fhir_convert_coding_t *) = c;
    }
    for (const fhir_convert_url_t *u = fhir_convert_urls; u->r4; u++) {
        fhir_convert_renamed_t *name = renamed(half->urls, in ? u->dstu2 : u->r4, pool);
        name->to = in ? u->r4 : u->dstu2;
        name->url = u;
        if (u->codes)
            name->codes = fhir_convert_codes_parse(u->codes, half->way, pool);
    }
}

static void set_text(fhir_node_t *node, const char *text)
{
    node->text = text;
    node->text_len = (apr_uint32_t)strlen(text);
}

/* Replaces a coding by another one as a whole. */
static int rename_coding(const fhir_convert_run_t *run, const fhir_convert_renamed_t *name,
                         fhir_node_t *system, fhir_node_t *code)
{
    int in = run->half->way == FHIR_CONVERT_IN;

    for (int i = 0; name->codings && i < name->codings->nelts; i++) {
        const fhir_convert_coding_t *c =
            APR_ARRAY_IDX(name->codings, i, const fhir_convert_coding_t *);
        if (!fhir_node_is(code, in ? c->dstu2_code : c->r4_code))
            continue;
        set_text(system, in ? c->r4_system : c->dstu2_system);
        set_text(code, in ? c->r4_code : c->dstu2_code);
        return 1;
    }
    return 0;
}

/* Systems that are renamed as a family, such as v2-0203 and v2/0203. */
static void rename_family(fhir_convert_run_t *run, fhir_node_t *system)
{
    int in = run->half->way == FHIR_CONVERT_IN;

    for (const fhir_convert_system_t *s = fhir_convert_systems; s->r4; s++) {
        const char *from = in ? s->dstu2 : s->r4, *to = in ? s->r4 : s->dstu2;
        apr_size_t len = strlen(from) - 1;
        if (from[len] != '*')
            return; /* families come first */
        if (system->text_len <= len || memcmp(system->text, from, len) != 0)
            continue;
        set_text(system,
                 apr_pstrcat(run->pool, apr_pstrmemdup(run->pool, to, strlen(to) - 1),
                             apr_pstrmemdup(run->pool, system->text + len, system->text_len - len),
                             NULL));
        return;
    }
}

void fhir_convert_coding(fhir_convert_run_t *run, fhir_node_t *coding)
{
    fhir_node_t *system = fhir_convert_get(coding, "system");
    fhir_node_t *code = fhir_convert_get(coding, "code");

    if (!system || system->kind != FHIR_NODE_STRING)
        return;
    if (run->url && run->url->r4_system &&
        fhir_node_is(system, run->half->way == FHIR_CONVERT_OUT ? run->url->r4_system
                                                                : run->url->dstu2_system)) {
        set_text(system,
                 run->half->way == FHIR_CONVERT_OUT ? run->url->dstu2_system : run->url->r4_system);
        return;
    }
    const fhir_convert_renamed_t *name =
        apr_hash_get(run->half->systems, system->text, system->text_len);
    if (!name) {
        rename_family(run, system);
        return;
    }
    if (code && rename_coding(run, name, system, code))
        return;
    if (!name->to) {
        rename_family(run, system);
        return;
    }
    const fhir_convert_code_t *word =
        code && code->text ? fhir_convert_code(name->codes, code->text, code->text_len) : NULL;
    if (word && !word->to)
        return; /* the other code system does not have such a code */
    set_text(system, name->to);
    if (word)
        set_text(code, word->to);
}
