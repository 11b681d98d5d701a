/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_path_private.h
 * @brief What the evaluator's files share; nobody else includes it.
 *
 *     fhir_path_scan.c      words and quoted texts
 *     fhir_path_parse.c     text to syntax tree
 *     fhir_path_eval.c      the tree's nodes, operators, lambda scopes
 *     fhir_path_nav.c       members, children, locations, variables
 *     fhir_path_item.c      items and their values
 *     fhir_path_number.c    exact decimals
 *     fhir_path_moment.c    dates and times of partial precision
 *     fhir_path_quantity.c  quantities and the units of measure
 *     fhir_path_regex.c     regular expressions
 *     fhir_path_equal.c     equality, equivalence, order
 *     fhir_path_math.c, fhir_path_collection.c, fhir_path_string.c, fhir_path_convert.c,
 *     fhir_path_fhir.c      functions, each with its table
 *
 * Errors of everything that runs: FHIR_ERR_BUSINESS (path_fail) when an operand or argument does
 * not suit, with line and column in the expression; FHIR_ERR_LIMIT (path_limit) when the steps are
 * used up.
 */
#ifndef FHIR_PATH_PRIVATE_H
#define FHIR_PATH_PRIVATE_H

#include "fhir/fhirpath/fhir_path.h"

typedef fhir_path_item_t item_t;

/* Numbers */

/** Pools align to 8 bytes, the type alone asks for 16. */
typedef __int128 path_int128_t __attribute__((aligned(8)));

/** coefficient * 10^-scale, exact; at most NUMBER_DIGITS digits. */
typedef struct number_t {
    path_int128_t coefficient;
    int scale; /* decimal places; negative for what is written with an exponent */
} number_t;
#define NUMBER_DIGITS 37

/** 1 if the text is a decimal that fits. */
int path_number_parse(number_t *n, const char *s, apr_size_t len);
number_t path_number_of(apr_int64_t value);
int path_number_compare(const number_t *a, const number_t *b);
/** 1, or 0 when the result does not fit (division: or by zero). */
int path_number_add(number_t *sum, const number_t *a, const number_t *b, int subtract);
int path_number_multiply(number_t *product, const number_t *a, const number_t *b);
int path_number_divide(number_t *quotient, const number_t *a, const number_t *b);
/** The quotient toward zero, exact. */
int path_number_divide_whole(number_t *quotient, const number_t *a, const number_t *b);
/** Rounds to `places` decimal places: toward zero, down, up, or half away from zero. */
typedef enum path_round_t { PATH_TRUNCATE, PATH_FLOOR, PATH_CEILING, PATH_HALF } path_round_t;
int path_number_round(number_t *out, const number_t *n, int places, path_round_t how);
/** 1 and the value when it is whole and fits 64 bits. */
int path_number_integer(apr_int64_t *value, const number_t *n);
double path_number_double(const number_t *n);
/** From a double, with 8 decimal places more than it needs dropped; 0 for NaN and infinity. */
int path_number_from_double(number_t *n, double value);
const char *path_number_text(const number_t *n, apr_pool_t *pool);

/* Dates and times */

typedef enum moment_precision_t {
    MOMENT_YEAR,
    MOMENT_MONTH,
    MOMENT_DAY,
    MOMENT_HOUR,
    MOMENT_MINUTE,
    MOMENT_SECOND /* with its fraction; they are one precision */
} moment_precision_t;

/** A date, dateTime or time; fields behind the precision are at their minimum. */
typedef struct moment_t {
    int year, month, day, hour, minute, second;
    int micros;          /* fraction of the second */
    int fraction_digits; /* written ones */
    int has_zone, offset_min;
    moment_precision_t precision;
    fhir_path_kind_t kind; /* DATE, DATETIME, TIME */
} moment_t;

/** Parses the text of a literal behind '@' (a time without its 'T'), or of a FHIR value. A dateTime
 *  may end with 'T' or stop at the hour. */
int path_moment_parse(moment_t *m, fhir_path_kind_t kind, const char *s, apr_size_t len);
const char *path_moment_text(const moment_t *m, apr_pool_t *pool);
/** -1, 0, 1, or PATH_EMPTY when the precisions do not allow an answer. */
int path_moment_compare(const moment_t *a, const moment_t *b);
/** 1 if quantities of this unit can be added to a DATE, DATETIME or TIME. */
int path_moment_unit(fhir_path_kind_t kind, const char *unit, apr_size_t unit_len);
/** 0 when the result leaves the years 1 to 9999 or the unit cannot be added. */
int path_moment_add(moment_t *sum, const moment_t *m, const number_t *amount, const char *unit,
                    apr_size_t unit_len, int subtract);
moment_t path_moment_of(apr_int64_t usec, fhir_path_kind_t kind, const fhir_zone_t *zone);
/** Digits of precision (lowBoundary's argument): 4, 6, 8, 10, 12, 17 or for times 2, 4, 9. */
int path_moment_digits(const moment_t *m);
/** The first or last moment that m covers, at a precision in digits; 0 when that is none. */
int path_moment_boundary(moment_t *out, const moment_t *m, int digits, int high);

/* Quantities */

typedef struct quantity_t {
    number_t value;
    const char *unit; /* UCUM code or calendar word as written, "1" for none */
    apr_uint32_t unit_len;
    int calendar; /* the unit is a calendar word: year, months, … */
} quantity_t;

/** -1, 0, 1, or PATH_EMPTY when the units cannot be compared. */
int path_quantity_compare(const quantity_t *a, const quantity_t *b);
int path_quantity_comparable(const quantity_t *a, const quantity_t *b);
int path_quantity_multiply(quantity_t *out, const quantity_t *a, const quantity_t *b, int divide,
                           apr_pool_t *pool);
/** b's value in a's unit; 0 when that is not possible. */
int path_quantity_convert(number_t *out, const quantity_t *b, const char *unit,
                          apr_size_t unit_len);
/** The calendar word in singular ("days" → "day"), or NULL. */
const char *path_calendar_unit(const char *unit, apr_size_t len);
/** The UCUM code of definite duration for a calendar word or itself ("second" → "s"), or NULL. */
int path_unit_same(const char *a, apr_size_t a_len, const char *b, apr_size_t b_len);
/** '4 days', 4.5 'mg', as toQuantity() takes it. */
int path_quantity_parse(quantity_t *q, const char *s, apr_size_t len, apr_pool_t *pool);
const char *path_quantity_text(const quantity_t *q, apr_pool_t *pool);

#define PATH_EMPTY 2 /* no answer: the empty collection */

/* Regular expressions */

typedef struct path_regex_t path_regex_t;

/** NULL, or what is wrong with the pattern. whole: it must match all of a text. */
const char *path_regex_compile(const path_regex_t **regex, const char *pattern, apr_size_t len,
                               int whole, apr_pool_t *pool);
/** 1, 0, or -1 when the steps did not last. Each position of the text that is tried, at each place
 *  of the pattern, is a step. */
int path_regex_match(const path_regex_t *regex, const char *s, apr_size_t len, fhir_steps_t *steps);
/** 1, 0 for a bad replacement, or -1 when the steps did not last. */
int path_regex_replace(const char **out, apr_size_t *out_len, const path_regex_t *regex,
                       const char *s, apr_size_t len, const char *by, apr_size_t by_len,
                       fhir_steps_t *steps, apr_pool_t *pool);

/* Syntax tree */

typedef struct ast_t ast_t;
typedef struct function_t function_t;

typedef enum ast_kind_t {
    AST_LITERAL,
    AST_EMPTY, /* {} */
    AST_THIS,
    AST_INDEX,
    AST_TOTAL,
    AST_VARIABLE, /* %name */
    AST_MEMBER,
    AST_TYPE_ROOT, /* a type's name at the start: the focus if it is of that type */
    AST_CALL,
    AST_INDEXER,
    AST_SIGN,
    AST_IS,
    AST_AS,
    AST_BINARY
} ast_kind_t;

typedef enum op_t {
    OP_MULTIPLY,
    OP_DIVIDE,
    OP_DIV,
    OP_MOD,
    OP_ADD,
    OP_SUBTRACT,
    OP_JOIN,
    OP_UNION,
    OP_LE,
    OP_LT,
    OP_GE,
    OP_GT,
    OP_EQUAL,
    OP_EQUIVALENT,
    OP_NOT_EQUAL,
    OP_NOT_EQUIVALENT,
    OP_IN,
    OP_CONTAINS,
    OP_AND,
    OP_OR,
    OP_XOR,
    OP_IMPLIES
} op_t;

/** A type's name resolved: FHIR type, System type, or both (Quantity). */
typedef struct type_spec_t {
    apr_uint16_t fhir; /* index, 0: none */
    apr_byte_t system; /* fhir_path_kind_t + 1, 0: none */
} type_spec_t;

struct ast_t {
    apr_byte_t kind; /* ast_kind_t */
    apr_byte_t op;   /* op_t; AST_SIGN: 1 for minus */
    apr_byte_t n_args;
    apr_uint16_t depth;
    apr_uint32_t at; /* byte in the text, for messages */
    const char *name;
    apr_uint32_t name_len;
    type_spec_t type;
    const ast_t *left; /* NULL for invocations: the focus */
    const ast_t *right;
    const ast_t *const *args;
    const function_t *function;
    const path_regex_t *regex; /* of a literal pattern */
    item_t literal;
};

struct fhir_path_t {
    const char *text;
    const ast_t *root;
    apr_uint16_t t_element, t_quantity; /* indexes of types in the model it was compiled for */
};

/* Evaluation */

typedef struct coll_t {
    const item_t **v;
    int n, cap;
} coll_t;

typedef struct vars_t vars_t;
struct vars_t {
    const char *name;
    apr_size_t len;
    coll_t value;
    const vars_t *next;
};

/** What $this, $index and $total are; lambdas have their own. */
typedef struct scope_t {
    const item_t *this_item;
    int index;
    const coll_t *total;
    const vars_t *vars;
} scope_t;

typedef struct run_t {
    const fhir_path_t *path;
    const fhir_path_env_t *env;
    const fhir_model_t *model;
    const item_t *focus; /* the whole run's: %context */
    apr_pool_t *pool;
    fhir_steps_t *steps, own; /* the caller's budget, or one of this run */
    apr_int64_t now;          /* one instant for the whole run */
    int undecided; /* a comparison had no answer for want of precision, or a callback had none */
} run_t;

/** One call of a function. */
typedef struct call_t {
    run_t *run;
    const ast_t *node;
    scope_t *scope;
    const coll_t *in;
    coll_t *out;
    int has_left; /* input was given by a path, not by the focus */
} call_t;

/** The first argument of a function: a type's name, or a pattern that is compiled once. */
typedef enum path_arg_t { PATH_ARG_EXPRESSION, PATH_ARG_TYPE, PATH_ARG_REGEX } path_arg_t;

typedef fhir_err_t *function_fn(call_t *c);
struct function_t {
    const char *name;
    function_fn *fn;
    signed char min_args, max_args;
    unsigned char arg; /* path_arg_t: what the first argument is, if no expression */
    int mode;          /* told to fn through node->function: which of a family */
};
extern const function_t path_functions_collection[], path_functions_string[],
    path_functions_convert[], path_functions_math[], path_functions_fhir[];
/** A function by name, or NULL. */
const function_t *path_function(const char *name, apr_size_t len);

/** FHIR_ERR_BUSINESS with the place of the node. Never NULL. */
fhir_err_t *path_fail(const run_t *run, const ast_t *node, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/** FHIR_ERR_LIMIT. Never NULL. */
fhir_err_t *path_limit(const run_t *run);
/** Takes so many steps of the run's budget. */
#define PATH_STEPS(run, n)                                                                         \
    do {                                                                                           \
        if (!fhir_steps_take((run)->steps, (n)))                                                   \
            return path_limit(run);                                                                \
    } while (0)
#define PATH_STEP(run)          PATH_STEPS(run, 1)
/** Work that grows with text is charged by its bytes, so that doubling strings ends too. */
#define PATH_CHARGE(run, bytes) PATH_STEPS(run, (apr_size_t)(bytes) / FHIR_STEPS_BYTES)
/** Siblings that are passed by. */
#define PATH_WALK(run, links)   PATH_STEPS(run, (apr_size_t)(links) / FHIR_STEPS_LINKS)

/** Evaluates a node. @return NULL, or as any function of this header */
fhir_err_t *path_eval(run_t *run, coll_t *out, const ast_t *node, scope_t *scope);
/** Argument i, evaluated in the scope of the call. */
fhir_err_t *path_arg(const call_t *c, int i, coll_t *out);
/** Argument i for one item of the input: $this is that item, $index its place. */
fhir_err_t *path_lambda(const call_t *c, int i, const item_t *item, int index, const coll_t *total,
                        coll_t *out);
/** Same, as a criterion. */
fhir_err_t *path_criterion(const call_t *c, int i, const item_t *item, int index, int *answer);
/** A collection as a boolean: 1, 0, PATH_EMPTY. Several items are an error. */
fhir_err_t *path_boolean(const run_t *run, const ast_t *node, const coll_t *c, int *answer);
/** The single item, NULL for none; more are an error. */
fhir_err_t *path_single(const run_t *run, const ast_t *node, const coll_t *c, const item_t **item);
/** Argument i as one string or integer; *found 0 when it is empty. */
fhir_err_t *path_arg_string(const call_t *c, int i, const char **s, apr_size_t *len, int *found);
fhir_err_t *path_arg_integer(const call_t *c, int i, apr_int64_t *value, int *found);
/** The input as one string; *found 0 when it is empty. */
fhir_err_t *path_in_string(const call_t *c, const char **s, apr_size_t *len, int *found);

/* Collections. Each item that is put in is a step; when there are none left nothing is put in, and
 * path_eval() tells: no caller needs to ask, and no collection grows beyond the budget. */

void path_push(run_t *run, coll_t *c, const item_t *item);
void path_push_all(run_t *run, coll_t *c, const coll_t *from);
void path_push_boolean(run_t *run, coll_t *c, int answer); /* PATH_EMPTY pushes nothing */
void path_push_integer(run_t *run, coll_t *c, apr_int64_t value);
void path_push_number(run_t *run, coll_t *c, const number_t *n);
void path_push_string(run_t *run, coll_t *c, const char *s, apr_size_t len);
void path_push_moment(run_t *run, coll_t *c, const moment_t *m);
void path_push_quantity(run_t *run, coll_t *c, const quantity_t *q);

/* Items: the values of literals, computed items and FHIR primitives. Each returns 1, or 0 when the
 * item is of another kind or has no (or a broken) value. */

int path_item_has_value(const item_t *item);
int path_item_boolean(const item_t *item, int *value);
int path_item_string(const item_t *item, const char **s, apr_size_t *len);
/** How long the text of a value is, where it has one: what reading it may cost. */
apr_size_t path_item_bytes(const item_t *item);
/** INTEGER and DECIMAL. */
int path_item_number(const item_t *item, number_t *n);
int path_item_integer(const item_t *item, apr_int64_t *value);
int path_item_moment(const item_t *item, moment_t *m);
/** QUANTITY and nodes of FHIR's Quantity types. */
int path_item_quantity(const run_t *run, const item_t *item, quantity_t *q);
int path_item_is(const run_t *run, const item_t *item, type_spec_t type);
/** As `as` and ofType take it: primitives exactly. */
int path_item_as(const run_t *run, const item_t *item, type_spec_t type);
int path_type_is(const fhir_model_t *model, apr_uint16_t type, apr_uint16_t ancestor);
/** 1 if the name is a type; see type_spec_t. */
int path_type_find(type_spec_t *spec, const fhir_model_t *model, const char *name, apr_size_t len);

/* Tree */

fhir_err_t *path_members(run_t *run, coll_t *out, const item_t *item, const char *name,
                         apr_size_t len);
fhir_err_t *path_children(run_t *run, coll_t *out, const item_t *item);
const item_t *path_root_resource_of(const run_t *run, const item_t *item);
fhir_err_t *path_variable(run_t *run, coll_t *out, const ast_t *node, const scope_t *scope);

/* Equality: 1, 0, or PATH_EMPTY. Each comparison of two items is a step. */

fhir_err_t *path_equal_all(run_t *run, int *answer, const coll_t *a, const coll_t *b);
fhir_err_t *path_equivalent_all(run_t *run, int *answer, const coll_t *a, const coll_t *b);
/** Order of two single items; types that have none are an error. */
fhir_err_t *path_compare(run_t *run, int *order, const ast_t *node, const item_t *a,
                         const item_t *b);
/** Is an equal item in the collection? */
fhir_err_t *path_has(run_t *run, int *answer, const coll_t *c, const item_t *item);
/** Appends those of `from` that have no equal in `out` yet. */
fhir_err_t *path_add_distinct(run_t *run, coll_t *out, const coll_t *from);

/** Text without regard to letter case and the kind of white space. */
int path_text_equivalent(const char *a, apr_size_t a_len, const char *b, apr_size_t b_len);

/* Operators on single items, in fhir_path_math.c. */
fhir_err_t *path_arithmetic(run_t *run, coll_t *out, const ast_t *node, const item_t *a,
                            const item_t *b);
fhir_err_t *path_negate(run_t *run, coll_t *out, const ast_t *node, const item_t *a);

#endif
