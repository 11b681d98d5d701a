/* SPDX-License-Identifier: Apache-2.0 */
/* Parses FHIRPath text to a syntax tree, by precedence climbing. Functions and types are looked
 * up here, so that unknown ones are reported before anything runs.
 * Source: http://hl7.org/fhirpath/N1/grammar.html */
#include <apr_strings.h>

#include "core/fhir_text.h"
#include "core/fhir_work.h"
#include "fhir/fhirpath/fhir_path_scan.h"

#define MAX_DEPTH 200 /* depth of the tree: each operator or dot of a chain is one level */
#define MAX_NEST  100 /* of parentheses, arguments and signs */
#define MAX_TEXT  65535
#define MAX_ARGS  8

static fhir_err_t *expression(parser_t *p, const ast_t **out, int min);

/* Nodes */

static fhir_err_t *make(parser_t *p, ast_t **out, ast_kind_t kind, const char *at,
                        const ast_t *left, const ast_t *right)
{
    ast_t *node = apr_pcalloc(p->pool, sizeof(*node));
    unsigned depth = 1;
    if (left && left->depth >= depth)
        depth = left->depth + 1u;
    if (right && right->depth >= depth)
        depth = right->depth + 1u;
    /* Evaluation recurses as deep as the tree. */
    if (depth > MAX_DEPTH)
        return path_syntax(p, at, "the expression is nested deeper than %d levels", MAX_DEPTH);
    node->kind = (apr_byte_t)kind;
    node->at = (apr_uint32_t)(at - p->start);
    node->left = left;
    node->right = right;
    node->depth = (apr_uint16_t)depth;
    *out = node;
    return NULL;
}

static fhir_err_t *literal(parser_t *p, ast_t **out, const char *at, fhir_path_kind_t kind,
                           const void *value, apr_size_t len)
{
    FHIR_TRY(make(p, out, AST_LITERAL, at, NULL, NULL));
    (*out)->literal.kind = (apr_byte_t)kind;
    (*out)->literal.value = value;
    (*out)->literal.value_len = (apr_uint32_t)len;
    (*out)->literal.index = -1;
    return NULL;
}

static fhir_err_t *type_name(parser_t *p, type_spec_t *type, const char *at, const char *name,
                             apr_size_t len)
{
    if (path_type_find(type, p->model, name, len))
        return NULL;
    return path_syntax(p, at, "'%.*s' is not a type of FHIR %s or of FHIRPath (System.String, …)",
                       (int)(len < 100 ? len : 100), name, p->model->version);
}

/* A name with dots, as it follows `is`. */
static fhir_err_t *type_specifier(parser_t *p, type_spec_t *type)
{
    const char *whole = NULL;

    FHIR_TRY(path_skip_blanks(p));
    const char *at = p->at;
    const char *name;
    apr_uint32_t len;
    do {
        FHIR_TRY(path_identifier(p, &name, &len, "a type's name"));
        name = apr_pstrmemdup(p->pool, name, len);
        whole = whole ? apr_pstrcat(p->pool, whole, ".", name, NULL) : name;
        /* a dot after the name of a type is not part of the name */
    } while ((strcmp(whole, "FHIR") == 0 || strcmp(whole, "System") == 0) && path_take(p, '.'));
    return type_name(p, type, at, whole, strlen(whole));
}

static fhir_err_t *number(parser_t *p, ast_t **out)
{
    const char *at = p->at;
    number_t *n = apr_palloc(p->pool, sizeof(*n));
    int decimal = 0;

    while (path_is_digit(path_peek(p)))
        p->at++;
    if (path_peek(p) == '.' && p->end - p->at > 1 && path_is_digit(p->at[1])) {
        decimal = 1;
        p->at++;
        while (path_is_digit(path_peek(p)))
            p->at++;
    }
    const char *digits_end = p->at;
    /* Leading zeros are allowed here, but not in FHIR's decimals. */
    const char *unit;
    for (unit = at; unit + 1 < digits_end && unit[0] == '0' && path_is_digit(unit[1]); unit++)
        ;
    if (!path_number_parse(n, unit, (apr_size_t)(digits_end - unit)))
        return path_syntax(p, at, "the number has more than %d digits", NUMBER_DIGITS);
    FHIR_TRY(path_skip_blanks(p));
    apr_size_t words = path_word(p);
    quantity_t *q = apr_pcalloc(p->pool, sizeof(*q));
    q->value = *n;
    if (path_peek(p) == '\'') {
        apr_uint32_t unit_len;
        FHIR_TRY(path_quoted(p, '\'', &unit, &unit_len));
        q->unit = unit;
        q->unit_len = unit_len;
        return literal(p, out, at, FHIR_PATH_QUANTITY, q, 0);
    }
    if (words && path_calendar_unit(p->at, words)) {
        q->unit = p->at;
        q->unit_len = (apr_uint32_t)words;
        q->calendar = 1;
        p->at += words;
        return literal(p, out, at, FHIR_PATH_QUANTITY, q, 0);
    }
    if (!decimal) {
        apr_int64_t *i = apr_palloc(p->pool, sizeof(*i));
        if (!path_number_integer(i, n))
            return path_syntax(p, at, "the integer is too large");
        return literal(p, out, at, FHIR_PATH_INTEGER, i, 0);
    }
    return literal(p, out, at, FHIR_PATH_DECIMAL, n, 0);
}

static apr_size_t zone_bytes(const char *c, const char *end)
{
    if (c < end && *c == 'Z')
        return 1;
    return end - c >= 6 && (*c == '+' || *c == '-') && path_is_digit(c[1]) && path_is_digit(c[2]) &&
                   c[3] == ':' && path_is_digit(c[4]) && path_is_digit(c[5])
               ? 6
               : 0;
}

/* @2014-01-25, @2014-01-25T14:30:14.559+10:00, @T14:30 */
static fhir_err_t *moment(parser_t *p, ast_t **out)
{
    const char *at = p->at++, *text = p->at, *c = text;
    moment_t *m = apr_palloc(p->pool, sizeof(*m));
    fhir_path_kind_t kind = FHIR_PATH_DATE;

    while (c < p->end && (path_is_digit(*c) || *c == '-'))
        c++;
    if (c < p->end && *c == 'T') {
        kind = c == text ? FHIR_PATH_TIME : FHIR_PATH_DATETIME;
        c++;
        while (c < p->end && (path_is_digit(*c) || *c == ':' ||
                              (*c == '.' && p->end - c > 1 && path_is_digit(c[1]))))
            c++;
        c += zone_bytes(c, p->end);
    }
    if (kind == FHIR_PATH_TIME)
        text++;
    if (!path_moment_parse(m, kind, text, (apr_size_t)(c - text)))
        return path_syntax(p, at,
                           "this is not a date, dateTime or time; these look like @2014-01-25, "
                           "@2014-01-25T14:30:00.000+10:00 (a zone needs a time) and @T14:30");
    p->at = c;
    return literal(p, out, at, kind, m, 0);
}

/* Invocations and terms */

static fhir_err_t *arguments(parser_t *p, ast_t *call)
{
    int n = 0;

    FHIR_TRY(path_skip_blanks(p));
    if (path_take(p, ')'))
        return NULL;
    const ast_t *args[MAX_ARGS];
    do {
        if (n == MAX_ARGS)
            return path_syntax(p, p->at, "a function takes at most %d arguments", MAX_ARGS);
        FHIR_TRY(expression(p, &args[n], 0));
        if (args[n]->depth >= call->depth)
            call->depth = args[n]->depth + 1;
        n++;
        FHIR_TRY(path_skip_blanks(p));
    } while (path_take(p, ','));
    if (!path_take(p, ')'))
        return path_syntax(p, p->at, "a comma or ) is expected");
    if (call->depth > MAX_DEPTH)
        return path_syntax(p, p->at, "the expression is nested deeper than %d levels", MAX_DEPTH);
    call->args = apr_pmemdup(p->pool, args, (apr_size_t)n * sizeof(*args));
    call->n_args = (apr_byte_t)n;
    return NULL;
}

/* The argument of is(), as(), ofType(): a type name that was parsed as a path. */
static fhir_err_t *type_argument(parser_t *p, ast_t *call)
{
    const ast_t *a = call->args[0];
    const char *at = p->start + a->at, *name = apr_pstrmemdup(p->pool, a->name, a->name_len);
    int named = a->kind == AST_MEMBER || a->kind == AST_TYPE_ROOT;

    if (named && a->left) {
        const ast_t *space = a->left;
        named = (space->kind == AST_MEMBER || space->kind == AST_TYPE_ROOT) && !space->left;
        if (named)
            name = apr_pstrcat(p->pool, apr_pstrmemdup(p->pool, space->name, space->name_len), ".",
                               name, NULL);
    }
    if (!named)
        return path_syntax(p, at, "%s takes a type's name", call->function->name);
    return type_name(p, &call->type, at, name, strlen(name));
}

/* A pattern that is a literal is compiled with the expression. */
static fhir_err_t *regex_argument(parser_t *p, ast_t *call)
{
    const ast_t *a = call->args[0];
    if (a->kind != AST_LITERAL || a->literal.kind != FHIR_PATH_STRING)
        return NULL;
    const char *why = path_regex_compile(&call->regex, a->literal.value, a->literal.value_len,
                                         call->function->mode, p->pool);
    return why ? path_syntax(p, p->start + a->at, "%s", why) : NULL;
}

static fhir_err_t *call(parser_t *p, ast_t **out, const ast_t *left, const char *at,
                        const char *name, apr_size_t len)
{
    const function_t *f = path_function(name, len);

    if (!f)
        return path_syntax(p, at, "there is no function %.*s()", (int)(len < 100 ? len : 100),
                           name);
    ast_t *node;
    FHIR_TRY(make(p, &node, AST_CALL, at, left, NULL));
    node->name = f->name;
    node->name_len = (apr_uint32_t)len;
    node->function = f;
    p->at++;
    FHIR_TRY(arguments(p, node));
    if (node->n_args < f->min_args || node->n_args > f->max_args)
        return path_syntax(p, at, "%s() takes %d to %d arguments", f->name, f->min_args,
                           f->max_args);
    if (f->arg == PATH_ARG_TYPE)
        FHIR_TRY(type_argument(p, node));
    if (f->arg == PATH_ARG_REGEX)
        FHIR_TRY(regex_argument(p, node));
    *out = node;
    return NULL;
}

static fhir_err_t *invocation(parser_t *p, ast_t **out, const ast_t *left)
{
    static const struct {
        const char *name;
        ast_kind_t kind;
    } dollars[] = {{"this", AST_THIS}, {"index", AST_INDEX}, {"total", AST_TOTAL}};
    const char *at = p->at;
    int quoted_name = path_peek(p) == '`';

    if (path_take(p, '$')) {
        for (int i = 0; i < 3; i++) {
            if (path_is_word(p, dollars[i].name)) {
                p->at += strlen(dollars[i].name);
                return make(p, out, dollars[i].kind, at, NULL, NULL);
            }
        }
        return path_syntax(p, at, "only $this, $index and $total begin with $");
    }
    const char *name;
    apr_uint32_t len;
    FHIR_TRY(path_identifier(p, &name, &len, left ? "a name or a function" : "a value"));
    if (!quoted_name) {
        const char *behind = p->at;
        FHIR_TRY(path_skip_blanks(p));
        if (path_peek(p) == '(')
            return call(p, out, left, at, name, len);
        p->at = behind;
    }
    FHIR_TRY(make(p, out, AST_MEMBER, at, left, NULL));
    (*out)->name = name;
    (*out)->name_len = len;
    /* Elements begin with a small letter, resources and data types do not. */
    type_spec_t type;
    if (!left && len && name[0] >= 'A' && name[0] <= 'Z' &&
        path_type_find(&type, p->model, name, len) && type.fhir) {
        (*out)->kind = AST_TYPE_ROOT;
        (*out)->type = type;
    }
    return NULL;
}

static fhir_err_t *variable(parser_t *p, ast_t **out)
{
    const char *at = p->at++;
    FHIR_TRY(make(p, out, AST_VARIABLE, at, NULL, NULL));
    if (path_peek(p) == '\'')
        return path_quoted(p, '\'', &(*out)->name, &(*out)->name_len);
    return path_identifier(p, &(*out)->name, &(*out)->name_len, "a variable's name");
}

static fhir_err_t *boolean(parser_t *p, ast_t **out, int value)
{
    static const int values[] = {0, 1};
    const char *at = p->at;
    p->at += value ? 4 : 5;
    return literal(p, out, at, FHIR_PATH_BOOLEAN, &values[value], 0);
}

static fhir_err_t *term(parser_t *p, ast_t **out)
{
    const char *at = p->at, *text;
    const ast_t *inner;
    apr_uint32_t len;

    switch (path_peek(p)) {
    case '(':
        p->at++;
        FHIR_TRY(expression(p, &inner, 0));
        FHIR_TRY(path_skip_blanks(p));
        if (!path_take(p, ')'))
            return path_syntax(p, p->at, "an operator or ) is expected");
        *out = (ast_t *)inner;
        return NULL;
    case '{':
        p->at++;
        FHIR_TRY(path_skip_blanks(p));
        if (!path_take(p, '}'))
            return path_syntax(p, p->at, "} is expected; {} is the empty collection");
        return make(p, out, AST_EMPTY, at, NULL, NULL);
    case '\'':
        FHIR_TRY(path_quoted(p, '\'', &text, &len));
        return literal(p, out, at, FHIR_PATH_STRING, text, len);
    case '@':
        return moment(p, out);
    case '%':
        return variable(p, out);
    default:
        if (path_is_digit(path_peek(p)))
            return number(p, out);
        if (path_is_word(p, "true"))
            return boolean(p, out, 1);
        if (path_is_word(p, "false"))
            return boolean(p, out, 0);
        return invocation(p, out, NULL);
    }
}

static fhir_err_t *postfix(parser_t *p, const ast_t **out)
{
    ast_t *node;

    FHIR_TRY(term(p, &node));
    const ast_t *index;
    for (;;) {
        FHIR_TRY(path_skip_blanks(p));
        const char *at = p->at;
        if (path_take(p, '.')) {
            FHIR_TRY(path_skip_blanks(p));
            FHIR_TRY(invocation(p, &node, node));
        }
        else if (path_take(p, '[')) {
            FHIR_TRY(expression(p, &index, 0));
            FHIR_TRY(path_skip_blanks(p));
            if (!path_take(p, ']'))
                return path_syntax(p, p->at, "] is expected");
            FHIR_TRY(make(p, &node, AST_INDEXER, at, node, index));
        }
        else
            break;
    }
    *out = node;
    return NULL;
}

/* Operators */

static const struct {
    const char *text;
    signed char precedence; /* higher binds closer */
    apr_byte_t kind, op;
} operators[] = {
    {"*", 10, AST_BINARY, OP_MULTIPLY},
    {"/", 10, AST_BINARY, OP_DIVIDE},
    {"div", 10, AST_BINARY, OP_DIV},
    {"mod", 10, AST_BINARY, OP_MOD},
    {"+", 9, AST_BINARY, OP_ADD},
    {"-", 9, AST_BINARY, OP_SUBTRACT},
    {"&", 9, AST_BINARY, OP_JOIN},
    {"is", 8, AST_IS, 0},
    {"as", 8, AST_AS, 0},
    {"|", 7, AST_BINARY, OP_UNION},
    {"<=", 6, AST_BINARY, OP_LE},
    {"<", 6, AST_BINARY, OP_LT},
    {">=", 6, AST_BINARY, OP_GE},
    {">", 6, AST_BINARY, OP_GT},
    {"=", 5, AST_BINARY, OP_EQUAL},
    {"~", 5, AST_BINARY, OP_EQUIVALENT},
    {"!=", 5, AST_BINARY, OP_NOT_EQUAL},
    {"!~", 5, AST_BINARY, OP_NOT_EQUIVALENT},
    {"in", 4, AST_BINARY, OP_IN},
    {"contains", 4, AST_BINARY, OP_CONTAINS},
    {"and", 3, AST_BINARY, OP_AND},
    {"or", 2, AST_BINARY, OP_OR},
    {"xor", 2, AST_BINARY, OP_XOR},
    {"implies", 1, AST_BINARY, OP_IMPLIES},
};
#define N_OPERATORS ((int)(sizeof(operators) / sizeof(operators[0])))

/* The operator at the cursor, or -1. */
static int operator_at(const parser_t *p)
{
    for (int i = 0; i < N_OPERATORS; i++) {
        apr_size_t len = strlen(operators[i].text);
        if (path_is_letter(operators[i].text[0])
                ? path_is_word(p, operators[i].text)
                : (apr_size_t)(p->end - p->at) >= len && memcmp(p->at, operators[i].text, len) == 0)
            return i;
    }
    return -1;
}

static fhir_err_t *nest(parser_t *p)
{
    if (++p->depth > MAX_NEST)
        return path_syntax(p, p->at, "the expression is nested deeper than %d levels", MAX_NEST);
    return NULL;
}

static fhir_err_t *prefix(parser_t *p, const ast_t **out)
{
    FHIR_TRY(path_skip_blanks(p));
    const char *at = p->at;
    if (path_peek(p) != '-' && path_peek(p) != '+')
        return postfix(p, out);
    p->at++;
    FHIR_TRY(nest(p));
    const ast_t *operand;
    FHIR_TRY(prefix(p, &operand));
    p->depth--;
    ast_t *node;
    FHIR_TRY(make(p, &node, AST_SIGN, at, operand, NULL));
    node->op = *at == '-';
    *out = node;
    return NULL;
}

static fhir_err_t *expression(parser_t *p, const ast_t **out, int min)
{
    FHIR_TRY(nest(p));
    const ast_t *left;
    FHIR_TRY(prefix(p, &left));
    ast_t *node;
    for (;;) {
        FHIR_TRY(path_skip_blanks(p));
        const char *at = p->at;
        int i = operator_at(p);
        if (i < 0 || operators[i].precedence <= min)
            break;
        p->at += strlen(operators[i].text);
        const ast_t *right = NULL;
        if (operators[i].kind == AST_BINARY)
            FHIR_TRY(expression(p, &right, operators[i].precedence));
        FHIR_TRY(make(p, &node, operators[i].kind, at, left, right));
        node->op = operators[i].op;
        if (!right)
            FHIR_TRY(type_specifier(p, &node->type));
        left = node;
    }
    p->depth--;
    *out = left;
    return NULL;
}

static apr_uint16_t type_index(const fhir_model_t *model, const char *name)
{
    const fhir_type_t *type = fhir_model_type(model, name, strlen(name));
    return type ? fhir_model_type_index(model, type) : 0;
}

fhir_err_t *fhir_path_compile(const fhir_path_t **path, const fhir_model_t *model, const char *text,
                              apr_size_t len, apr_pool_t *pool)
{
    fhir_path_t *made = apr_palloc(pool, sizeof(*made));
    parser_t p = {.model = model, .pool = pool};

    *path = NULL;
    (void)fhir_work_tick(1 + len / 8);
    if (len > MAX_TEXT)
        return fhir_err_create(pool, FHIR_ERR_PARAM_VALUE,
                               "The FHIRPath expression is longer than %d bytes", MAX_TEXT);
    made->text = p.start = p.at = apr_pstrmemdup(pool, text, len);
    p.end = p.start + len;
    if (memchr(text, '\0', len) || !fhir_text_utf8_valid(text, len))
        return fhir_err_create(pool, FHIR_ERR_PARAM_VALUE,
                               "The FHIRPath expression is not valid UTF-8");
    FHIR_TRY(expression(&p, &made->root, 0));
    FHIR_TRY(path_skip_blanks(&p));
    if (p.at != p.end)
        return path_syntax(&p, p.at, "an operator or the end is expected");
    made->t_element = type_index(model, "Element");
    made->t_quantity = type_index(model, "Quantity");
    *path = made;
    return NULL;
}
