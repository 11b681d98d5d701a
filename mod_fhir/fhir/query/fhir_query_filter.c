/* SPDX-License-Identifier: Apache-2.0 */
/*
 * _filter: an expression over search parameters. "and" binds closer than "or".
 * Source: http://hl7.org/fhir/R4/search_filter.html
 */
#include <apr_lib.h>
#include <apr_strings.h>

#include "core/fhir_buf.h"
#include "core/fhir_node.h"
#include "fhir/query/fhir_query.h"

#define DEPTH_MAX 20

typedef struct filter_t {
    const fhir_call_t *call;
    const fhir_type_t *type;
    const char *text; /* the whole, for messages */
    const char *at;
    int depth;
    int *links;
} filter_t;

/* How an operator is written in a plain search, by the kind of parameter. */
#define ORDERED (FHIR_K(NUMBER) | FHIR_K(DATE) | FHIR_K(QUANTITY))
#define POINTS  (FHIR_K(TOKEN) | FHIR_K(REFERENCE) | FHIR_K(URI) | FHIR_K(SPECIAL))
static const struct {
    const char *word;
    unsigned kinds;
    const char *prefix; /* prefix of the value */
    fhir_modifier_t modifier;
    int negate;
} operators[] = {
    {"eq", ORDERED, "eq", FHIR_MODIFIER_NONE, 0},
    {"eq", FHIR_K(STRING), "", FHIR_MODIFIER_EQUALS, 0},
    {"eq", POINTS, "", FHIR_MODIFIER_NONE, 0},
    {"ne", ORDERED, "ne", FHIR_MODIFIER_NONE, 0},
    {"ne", FHIR_K(STRING), "", FHIR_MODIFIER_EQUALS, 1},
    {"ne", POINTS, "", FHIR_MODIFIER_NONE, 1},
    {"co", FHIR_K(STRING), "", FHIR_MODIFIER_CONTAINS, 0},
    {"sw", FHIR_K(STRING), "", FHIR_MODIFIER_NONE, 0},
    {"ew", FHIR_K(STRING), "", FHIR_MODIFIER_ENDS, 0},
    {"gt", ORDERED, "gt", FHIR_MODIFIER_NONE, 0},
    {"lt", ORDERED, "lt", FHIR_MODIFIER_NONE, 0},
    {"ge", ORDERED, "ge", FHIR_MODIFIER_NONE, 0},
    {"le", ORDERED, "le", FHIR_MODIFIER_NONE, 0},
    {"ap", ORDERED, "ap", FHIR_MODIFIER_NONE, 0},
    {"sa", ORDERED, "sa", FHIR_MODIFIER_NONE, 0},
    {"eb", ORDERED, "eb", FHIR_MODIFIER_NONE, 0},
    {"po", FHIR_K(DATE), "eq", FHIR_MODIFIER_OVERLAP, 0},
    {"pr", FHIR_K_ALL, "", FHIR_MODIFIER_MISSING, 0},
    {"ss", FHIR_K(TOKEN) | FHIR_K(REFERENCE) | FHIR_K(URI), "", FHIR_MODIFIER_BELOW, 0},
    {"sb", FHIR_K(TOKEN) | FHIR_K(REFERENCE) | FHIR_K(URI), "", FHIR_MODIFIER_ABOVE, 0},
    {"in", FHIR_K(TOKEN), "", FHIR_MODIFIER_IN, 0},
    {"ni", FHIR_K(TOKEN), "", FHIR_MODIFIER_NOT_IN, 0},
    {"re", FHIR_K(REFERENCE), "", FHIR_MODIFIER_NONE, 0},
};

static fhir_err_t *bad(const filter_t *f, const char *wanted)
{
    return fhir_err_create(f->call->pool, FHIR_ERR_PARAM_VALUE,
                           "_filter: %s wanted at \"%.20s\" (character %d)", wanted, f->at,
                           (int)(f->at - f->text) + 1);
}

static void skip_blanks(filter_t *f)
{
    while (apr_isspace(*f->at))
        f->at++;
}

/* Takes a word that a blank or bracket follows. */
static int take_word(filter_t *f, const char *word)
{
    apr_size_t len = strlen(word);
    skip_blanks(f);
    if (strncmp(f->at, word, len) || (!apr_isspace(f->at[len]) && f->at[len] != '('))
        return 0;
    f->at += len;
    return 1;
}

static fhir_err_t *parse_or(fhir_qnode_t **out, filter_t *f);

/* The kind of the parameter at the end of a path, as far as it can be known without types. */
static fhir_err_t *kind_of(unsigned *kind, const filter_t *f, const char *path)
{
    const fhir_type_t *type = f->type;
    const char *dot;
    for (; (dot = strchr(path, '.')) != NULL; path = dot + 1) {
        apr_size_t len = strcspn(path, ":.");
        const fhir_param_t *p = fhir_query_param(f->call, type, path, len);
        const fhir_type_t *next = NULL;
        if (!p)
            return fhir_query_unknown(f->call, type, apr_pstrmemdup(f->call->pool, path, len));
        if (path[len] == ':')
            next = fhir_model_resource(f->call->stored, path + len + 1,
                                       (apr_size_t)(dot - path) - len - 1);
        for (int i = 0; !next && i < p->n_targets; i++) {
            const fhir_type_t *one =
                &f->call->stored->types[f->call->stored->targets[p->first_target + i]];
            if (fhir_query_param(f->call, one, dot + 1, strcspn(dot + 1, ":.")))
                next = one;
        }
        if (!next)
            return fhir_query_unknown(f->call, type, path);
        type = next;
    }
    const fhir_param_t *last = fhir_query_param(f->call, type, path, strlen(path));
    if (!last)
        return fhir_query_unknown(f->call, type, path);
    *kind = 1u << last->kind;
    return NULL;
}

/* The unencoded '+' of a URL arrives as a blank: the length of " 02:00" after a date with a time,
 * or 0. */
static apr_size_t offset_behind(const char *s, apr_size_t len)
{
    const char *at = s + len;
    return len > 11 && memchr(s, 'T', len) && apr_isdigit(at[-1]) && at[0] == ' ' &&
                   apr_isdigit(at[1]) && apr_isdigit(at[2]) && at[3] == ':' && apr_isdigit(at[4]) &&
                   apr_isdigit(at[5])
               ? strlen(" 02:00")
               : 0;
}

/* A JSON string, or a run of letters up to a blank or a closing bracket. */
static fhir_err_t *take_value(const char **out, filter_t *f)
{
    apr_size_t len = 0;
    skip_blanks(f);
    if (*f->at == '"') {
        len = 1;
        while (f->at[len] && f->at[len] != '"')
            len += f->at[len] == '\\' && f->at[len + 1] ? 2 : 1;
        fhir_node_t *node;
        if (!f->at[len] || fhir_node_parse_json(&node, f->at, len + 1, NULL, f->call->pool) != NULL)
            return bad(f, "a string in quotes");
        *out = apr_pstrmemdup(f->call->pool, node->text, node->text_len);
        f->at += len + 1;
        return NULL;
    }
    len = strcspn(f->at, " \t\r\n)");
    if (!len)
        return bad(f, "a value");
    len += offset_behind(f->at, len);
    *out = apr_pstrmemdup(f->call->pool, f->at, len);
    f->at += len;
    return NULL;
}

/* A comma or dollar in a filter's value is literal; bars separate the parts of tokens as always. */
static const char *escaped(const filter_t *f, const char *prefix, const char *value)
{
    fhir_buf_t *buf = fhir_buf_create(f->call->pool, 0);
    fhir_buf_puts(buf, prefix);
    for (; *value; value++) {
        if (strchr(",$\\", *value))
            fhir_buf_putc(buf, '\\');
        fhir_buf_putc(buf, *value);
    }
    return fhir_buf_cstr(buf);
}

static fhir_err_t *apply(fhir_qnode_t **out, filter_t *f, int op, const char *path,
                         const char *value)
{
    fhir_qnode_t *node = NULL;
    if (operators[op].modifier == FHIR_MODIFIER_MISSING) {
        if (strcmp(value, "true") && strcmp(value, "false"))
            return bad(f, "true or false before this was");
        value = !strcmp(value, "true") ? "false" : "true";
    }
    FHIR_TRY(fhir_query_forced(&node, f->links, f->call, f->type, path, operators[op].modifier,
                               escaped(f, operators[op].prefix, value)));
    *out = node;
    if (operators[op].negate) {
        *out = fhir_query_node(f->call, FHIR_Q_NOT, f->type);
        (*out)->child = node;
    }
    return NULL;
}

/* path operator value */
static fhir_err_t *parse_test(fhir_qnode_t **out, filter_t *f)
{
    const char *value = NULL;
    unsigned kind = 0;
    skip_blanks(f);
    apr_size_t len = strcspn(f->at, " \t\r\n()\"");
    if (!len)
        return bad(f, "a parameter");
    const char *path = apr_pstrmemdup(f->call->pool, f->at, len);
    FHIR_TRY(kind_of(&kind, f, path));
    f->at += len;
    skip_blanks(f);
    const char *word = f->at;
    for (apr_size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++)
        if (operators[i].kinds & kind && take_word(f, operators[i].word)) {
            FHIR_TRY(take_value(&value, f));
            return apply(out, f, (int)i, path, value);
        }
    f->at = word;
    return bad(f, apr_psprintf(f->call->pool,
                               "an operator that %s has (eq ne co sw ew gt lt ge le "
                               "ap sa eb po pr ss sb in ni re)",
                               path));
}

static fhir_err_t *parse_one(fhir_qnode_t **out, filter_t *f)
{
    int negate = take_word(f, "not");
    fhir_qnode_t *node = NULL;
    skip_blanks(f);
    if (*f->at != '(')
        return negate ? bad(f, "( behind not") : parse_test(out, f);
    if (++f->depth > DEPTH_MAX)
        return bad(f, "less depth of brackets");
    f->at++;
    FHIR_TRY(parse_or(&node, f));
    skip_blanks(f);
    if (*f->at != ')')
        return bad(f, ")");
    f->at++;
    f->depth--;
    *out = node;
    if (negate) {
        *out = fhir_query_node(f->call, FHIR_Q_NOT, f->type);
        (*out)->child = node;
    }
    return NULL;
}

static fhir_err_t *parse_and(fhir_qnode_t **out, filter_t *f)
{
    fhir_qnode_t *node = NULL;
    *out = fhir_query_node(f->call, FHIR_Q_AND, f->type);
    do {
        FHIR_TRY(parse_one(&node, f));
        fhir_query_add(*out, node);
    } while (take_word(f, "and"));
    return NULL;
}

static fhir_err_t *parse_or(fhir_qnode_t **out, filter_t *f)
{
    fhir_qnode_t *node = NULL;
    *out = fhir_query_node(f->call, FHIR_Q_OR, f->type);
    do {
        FHIR_TRY(parse_and(&node, f));
        fhir_query_add(*out, node);
    } while (take_word(f, "or"));
    return NULL;
}

fhir_err_t *fhir_query_filter(fhir_qnode_t **node, int *links, const fhir_call_t *call,
                              const fhir_type_t *type, const char *filter)
{
    filter_t f = {.call = call, .type = type, .text = filter, .at = filter, .links = links};
    FHIR_TRY(parse_or(node, &f));
    skip_blanks(&f);
    return *f.at ? bad(&f, "and, or, or the end") : NULL;
}
