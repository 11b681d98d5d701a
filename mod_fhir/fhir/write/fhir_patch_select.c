/* SPDX-License-Identifier: Apache-2.0 */
/* Selectors of XML Patch. They are evaluated while they are read: each step makes the list of what
 * it finds below the nodes of the previous list. Nothing recurses. */
#include "fhir/write/fhir_patch_select.h"

#include <apr_strings.h>
#include <apr_tables.h>
#include <string.h>

#define NS_FHIR     "http://hl7.org/fhir"
#define NS_XHTML    "http://www.w3.org/1999/xhtml"
#define CLAUSE_PATH 8 /* tests in the path of a condition */

typedef enum test_kind_t {
    TEST_ELEMENT,
    TEST_ATTRIBUTE,
    TEST_TEXT,
    TEST_COMMENT,
    TEST_INSTRUCTION,
    TEST_NAMESPACE
} test_kind_t;

/** What a node must be to match. */
typedef struct test_t {
    test_kind_t kind;
    const char *name; /* NULL: any */
    const char *ns;   /* NULL: none; any: of any namespace */
    int any;
} test_t;

typedef struct reader_t {
    const char *text, *at;
    xmlNodePtr scope;
    fhir_steps_t *steps;
    apr_pool_t *pool;
} reader_t;

/* ---- words ---- */

static fhir_err_t *wrong(const reader_t *r, const char *what)
{
    return fhir_err_create(
        r->pool, FHIR_ERR_BAD_REQUEST,
        "'sel' is not a valid selector at character %d, '%.40s': %s; a selector has steps "
        "separated by '/', each a name, *, @name, text(), comment(), processing-instruction() or "
        "namespace::prefix, with conditions like [2], [@id='x'] or [f:system/@value='x' and f:use]",
        (int)(r->at - r->text) + 1, r->at, what);
}

static fhir_err_t *charge(reader_t *r, apr_size_t n)
{
    return fhir_steps_take(r->steps, n)
               ? NULL
               : fhir_err_create(r->pool, FHIR_ERR_LIMIT, "the steps did not last");
}

static void skip_blanks(reader_t *r)
{
    r->at += strspn(r->at, " \t\r\n");
}

static int take(reader_t *r, const char *word)
{
    apr_size_t len = strlen(word);
    if (strncmp(r->at, word, len) != 0)
        return 0;
    r->at += len;
    skip_blanks(r);
    return 1;
}

static int is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || (unsigned char)c >= 0x80;
}

/* A name, or NULL. */
static const char *name(reader_t *r)
{
    const char *start = r->at;
    if ((*start >= '0' && *start <= '9') || *start == '-' || *start == '.')
        return NULL;
    while (is_name_char(*r->at))
        r->at++;
    return r->at > start ? apr_pstrmemdup(r->pool, start, (apr_size_t)(r->at - start)) : NULL;
}

static fhir_err_t *quoted(const char **text, reader_t *r)
{
    char quote = *r->at;
    const char *end = quote == '\'' || quote == '"' ? strchr(r->at + 1, quote) : NULL;
    if (!end)
        return wrong(r, "a text in quotes is expected");
    *text = apr_pstrmemdup(r->pool, r->at + 1, (apr_size_t)(end - r->at) - 1);
    r->at = end + 1;
    skip_blanks(r);
    return NULL;
}

/* ---- tests ---- */

static fhir_err_t *namespace_of(const char **ns, reader_t *r, const char *prefix)
{
    *ns = NULL;
    if (prefix && !strcmp(prefix, "f"))
        *ns = NS_FHIR;
    else if (prefix && !strcmp(prefix, "h"))
        *ns = NS_XHTML;
    else {
        FHIR_TRY(charge(r, FHIR_STEPS_LINKS)); /* libxml2 looks through all declarations */
        xmlNsPtr found = xmlSearchNs(r->scope->doc, r->scope, BAD_CAST prefix);
        if (!found && prefix)
            return wrong(r, "the prefix before this is not declared in the patch");
        if (found && *found->href)
            *ns = (const char *)found->href;
    }
    return NULL;
}

/* [prefix ":"] (name | "*"); an attribute without prefix has no namespace. */
static fhir_err_t *name_test(test_t *test, reader_t *r)
{
    const char *prefix = NULL;

    test->name = name(r);
    if (test->name && *r->at == ':' && r->at[1] != ':') {
        prefix = test->name;
        r->at++;
        test->name = name(r);
    }
    if (!test->name && *r->at++ != '*') {
        r->at--;
        return wrong(r, "a name or * is expected");
    }
    test->any = !test->name && !prefix;
    if (!test->any && (prefix || test->kind == TEST_ELEMENT))
        FHIR_TRY(namespace_of(&test->ns, r, prefix));
    return NULL;
}

static const struct {
    const char *word;
    test_kind_t kind;
} node_types[] = {{"text()", TEST_TEXT},
                  {"comment()", TEST_COMMENT},
                  {"processing-instruction(", TEST_INSTRUCTION}};

static fhir_err_t *read_test(test_t *test, reader_t *r)
{
    memset(test, 0, sizeof(*test));
    if (take(r, "namespace::")) {
        test->kind = TEST_NAMESPACE;
        if (!(test->name = name(r)))
            return wrong(r, "a prefix is expected");
        skip_blanks(r);
        return NULL;
    }
    if (take(r, "@") || take(r, "attribute::"))
        test->kind = TEST_ATTRIBUTE;
    else
        (void)take(r, "child::");
    for (apr_size_t i = 0; !test->kind && i < sizeof(node_types) / sizeof(*node_types); i++) {
        if (!take(r, node_types[i].word))
            continue;
        test->kind = node_types[i].kind;
        if (test->kind != TEST_INSTRUCTION)
            return NULL;
        if (*r->at != ')')
            FHIR_TRY(quoted(&test->name, r));
        return take(r, ")") ? NULL : wrong(r, ") is expected");
    }
    FHIR_TRY(name_test(test, r));
    skip_blanks(r);
    return NULL;
}

static int is_named(const test_t *test, const xmlChar *name, const xmlNs *ns)
{
    if (test->name && strcmp(test->name, (const char *)name) != 0)
        return 0;
    if (test->any)
        return 1;
    return test->ns ? ns && !strcmp(test->ns, (const char *)ns->href) : !ns;
}

static int passes(const test_t *test, const xmlNode *node)
{
    switch (node->type) {
    case XML_ELEMENT_NODE:
        return test->kind == TEST_ELEMENT && is_named(test, node->name, node->ns);
    case XML_ATTRIBUTE_NODE:
        return test->kind == TEST_ATTRIBUTE && is_named(test, node->name, node->ns);
    case XML_TEXT_NODE:
    case XML_CDATA_SECTION_NODE:
        return test->kind == TEST_TEXT;
    case XML_COMMENT_NODE:
        return test->kind == TEST_COMMENT;
    case XML_PI_NODE:
        return test->kind == TEST_INSTRUCTION &&
               (!test->name || !strcmp(test->name, (const char *)node->name));
    default:
        return 0;
    }
}

/* The first of the nodes that a test may find below one, siblings from there on. */
static xmlNodePtr first_below(const test_t *test, xmlNodePtr node)
{
    if (node->type != XML_ELEMENT_NODE && node->type != XML_DOCUMENT_NODE)
        return NULL;
    if (test->kind == TEST_ATTRIBUTE)
        return node->type == XML_ELEMENT_NODE ? (xmlNodePtr)node->properties : NULL;
    return node->children;
}

/* Appends what a test finds below one node. */
static fhir_err_t *find_below(apr_array_header_t *found, reader_t *r, const test_t *test,
                              xmlNodePtr node)
{
    apr_size_t passed = 0;

    for (xmlNodePtr c = first_below(test, node); c; c = c->next, passed++)
        if (passes(test, c)) {
            FHIR_TRY(charge(r, 1));
            APR_ARRAY_PUSH(found, xmlNodePtr) = c;
        }
    return charge(r, 1 + passed / FHIR_STEPS_LINKS);
}

/* ---- conditions ---- */

/* [f:a/@b = 'text'], true for one of the nodes that the path finds. */
typedef struct clause_t {
    test_t path[CLAUSE_PATH];
    int n_tests;
    const char *text; /* NULL: it only has to exist */
} clause_t;

static fhir_err_t *read_clause(clause_t *clause, reader_t *r)
{
    clause->n_tests = 0;
    clause->text = NULL;
    do {
        if (clause->n_tests == CLAUSE_PATH)
            return wrong(r, "the path in the condition is too long");
        FHIR_TRY(read_test(&clause->path[clause->n_tests], r));
        if (clause->path[clause->n_tests++].kind == TEST_NAMESPACE)
            return wrong(r, "a condition cannot test namespaces");
    } while (take(r, "/"));
    if (!take(r, "="))
        return NULL;
    if (clause->path[clause->n_tests - 1].kind == TEST_ELEMENT)
        return wrong(r, "a condition compares an attribute or text(), not an element");
    return quoted(&clause->text, r);
}

static fhir_err_t *is_text(int *is, reader_t *r, xmlNodePtr node, const char *text)
{
    /* An attribute's value is one text node, since entities were replaced. */
    xmlNodePtr value = node->type == XML_ATTRIBUTE_NODE ? node->children : node;
    const char *s = value && value->content ? (const char *)value->content : "";

    *is = !strcmp(s, text);
    return charge(r, strlen(text) / FHIR_STEPS_BYTES);
}

static fhir_err_t *holds(int *answer, reader_t *r, const clause_t *clause, xmlNodePtr node)
{
    apr_array_header_t *at = apr_array_make(r->pool, 1, sizeof(xmlNodePtr));

    APR_ARRAY_PUSH(at, xmlNodePtr) = node;
    for (int i = 0; i < clause->n_tests; i++) {
        apr_array_header_t *below = apr_array_make(r->pool, 4, sizeof(xmlNodePtr));
        for (int k = 0; k < at->nelts; k++)
            FHIR_TRY(find_below(below, r, &clause->path[i], APR_ARRAY_IDX(at, k, xmlNodePtr)));
        at = below;
    }
    *answer = at->nelts > 0 && !clause->text;
    for (int k = 0; k < at->nelts && !*answer && clause->text; k++)
        FHIR_TRY(is_text(answer, r, APR_ARRAY_IDX(at, k, xmlNodePtr), clause->text));
    return NULL;
}

/* Keeps those of list's items, from `first` on, that satisfy a condition. */
static void keep_one(apr_array_header_t *list, int first, int place)
{
    if (place < 1 || place > list->nelts - first) {
        list->nelts = first;
        return;
    }
    APR_ARRAY_IDX(list, first, xmlNodePtr) = APR_ARRAY_IDX(list, first + place - 1, xmlNodePtr);
    list->nelts = first + 1;
}

static fhir_err_t *keep_those(apr_array_header_t *list, int first, reader_t *r,
                              const clause_t *clause)
{
    int kept = first;

    for (int i = first; i < list->nelts; i++) {
        xmlNodePtr node = APR_ARRAY_IDX(list, i, xmlNodePtr);
        FHIR_TRY(charge(r, 4)); /* and the lists that it takes */
        int answer;
        FHIR_TRY(holds(&answer, r, clause, node));
        if (answer)
            APR_ARRAY_IDX(list, kept++, xmlNodePtr) = node;
    }
    list->nelts = kept;
    return NULL;
}

static fhir_err_t *number(int *n, reader_t *r)
{
    const char *start = r->at;

    for (*n = 0; *r->at >= '0' && *r->at <= '9'; r->at++)
        *n = *n > 100000000 ? *n : *n * 10 + (*r->at - '0');
    skip_blanks(r);
    return r->at > start ? NULL : wrong(r, "a number is expected");
}

static fhir_err_t *condition(apr_array_header_t *list, int first, reader_t *r)
{
    clause_t clause;

    if (take(r, "last()"))
        keep_one(list, first, list->nelts - first);
    else if (take(r, "position()") || (*r->at >= '0' && *r->at <= '9')) {
        (void)take(r, "=");
        int place;
        FHIR_TRY(number(&place, r));
        keep_one(list, first, place);
    }
    else
        do {
            FHIR_TRY(read_clause(&clause, r));
            FHIR_TRY(keep_those(list, first, r, &clause));
        } while (take(r, "and "));
    return take(r, "]") ? NULL : wrong(r, "] is expected");
}

/* ---- steps ---- */

/* The declaration of a prefix in scope at an element. */
static void find_namespace(fhir_selected_t *found, const apr_array_header_t *list,
                           const char *prefix)
{
    found->n = 0;
    for (int i = 0; i < list->nelts; i++) {
        xmlNodePtr node = APR_ARRAY_IDX(list, i, xmlNodePtr);
        for (xmlNsPtr ns = node->type == XML_ELEMENT_NODE ? node->nsDef : NULL; ns; ns = ns->next)
            if (ns->prefix && !strcmp((const char *)ns->prefix, prefix)) {
                found->n++;
                found->node = node;
                found->ns = ns;
            }
    }
}

/* One step for each node of a list. Positions in its conditions count what was found below one
 * node. */
static fhir_err_t *step(apr_array_header_t **list, reader_t *r, const test_t *test)
{
    apr_array_header_t *found = apr_array_make(r->pool, 4, sizeof(xmlNodePtr));
    const char *conditions = r->at;

    for (int i = 0; i < (*list)->nelts; i++) {
        int first = found->nelts;
        FHIR_TRY(find_below(found, r, test, APR_ARRAY_IDX(*list, i, xmlNodePtr)));
        for (r->at = conditions; take(r, "[");) {
            FHIR_TRY(
                charge(r, 1 + strlen(conditions) / FHIR_STEPS_BYTES)); /* the step is read again */
            FHIR_TRY(condition(found, first, r));
        }
    }
    *list = found;
    return NULL;
}

fhir_err_t *fhir_patch_select(fhir_selected_t *found, xmlDocPtr doc, const char *selector,
                              xmlNodePtr scope, fhir_steps_t *steps, apr_pool_t *pool)
{
    reader_t r = {selector, selector, scope, steps, pool};
    apr_array_header_t *list = apr_array_make(pool, 1, sizeof(xmlNodePtr));

    memset(found, 0, sizeof(*found));
    FHIR_TRY(charge(&r, 1 + strlen(selector) / FHIR_STEPS_BYTES));
    APR_ARRAY_PUSH(list, xmlNodePtr) = (xmlNodePtr)doc;
    skip_blanks(&r);
    (void)take(&r, "/");
    test_t test;
    do {
        FHIR_TRY(read_test(&test, &r));
        if (test.kind == TEST_NAMESPACE) {
            if (*r.at)
                return wrong(&r, "nothing follows a namespace");
            find_namespace(found, list, test.name);
            return NULL;
        }
        FHIR_TRY(step(&list, &r, &test));
        if (!list->nelts) /* nothing can match any more, so the rest is not read */
            return NULL;
    } while (take(&r, "/"));
    if (*r.at)
        return wrong(&r, "a / or the end is expected");
    found->n = list->nelts;
    found->node = APR_ARRAY_IDX(list, list->nelts - 1, xmlNodePtr);
    return NULL;
}
