/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_query.h
 * @brief A search as a typed plan, checked against the model. No SQL here.
 *
 * The parameters of a request become a tree of conditions (fhir_qnode_t) and the result
 * parameters; every value is parsed by its parameter's type. What cannot be understood is an
 * error that names what is accepted, or, when handling is lenient, a remark. Next comes
 * fhir_resolve.h, which looks up what the plan names; then fhir_sql.h, which makes SQL of it.
 * Source: http://hl7.org/fhir/R4/search.html
 */
#ifndef FHIR_QUERY_H
#define FHIR_QUERY_H

#include <apr_tables.h>

#include "core/fhir_digest.h"
#include "core/fhir_time.h"
#include "fhir/fhir_call.h"

/** http://hl7.org/fhir/R4/search.html#prefix */
#define FHIR_PREFIX_LIST(X)                                                                        \
    X(EQ, "eq")                                                                                    \
    X(NE, "ne")                                                                                    \
    X(GT, "gt")                                                                                    \
    X(LT, "lt")                                                                                    \
    X(GE, "ge")                                                                                    \
    X(LE, "le")                                                                                    \
    X(SA, "sa")                                                                                    \
    X(EB, "eb")                                                                                    \
    X(AP, "ap")
typedef enum fhir_prefix_t {
#define FHIR_PREFIX_ENUM(name, word) FHIR_PREFIX_##name,
    FHIR_PREFIX_LIST(FHIR_PREFIX_ENUM)
#undef FHIR_PREFIX_ENUM
        FHIR_PREFIX_COUNT_
} fhir_prefix_t;

/** http://hl7.org/fhir/R4/search.html#modifiers; X(NAME, word, kinds of parameters as bits) */
#define FHIR_K(kind) (1u << FHIR_PARAM_##kind)
#define FHIR_K_ALL                                                                                 \
    (FHIR_K(NUMBER) | FHIR_K(DATE) | FHIR_K(STRING) | FHIR_K(TOKEN) | FHIR_K(REFERENCE) |          \
     FHIR_K(COMPOSITE) | FHIR_K(QUANTITY) | FHIR_K(URI) | FHIR_K(SPECIAL))
#define FHIR_MODIFIER_LIST(X)                                                                      \
    X(NONE, "", FHIR_K_ALL)                                                                        \
    X(MISSING, "missing", FHIR_K_ALL)                                                              \
    X(EXACT, "exact", FHIR_K(STRING))                                                              \
    X(CONTAINS, "contains", FHIR_K(STRING))                                                        \
    X(TEXT, "text", FHIR_K(TOKEN))                                                                 \
    X(NOT, "not", FHIR_K(TOKEN))                                                                   \
    X(IN, "in", FHIR_K(TOKEN))                                                                     \
    X(NOT_IN, "not-in", FHIR_K(TOKEN))                                                             \
    X(ABOVE, "above", FHIR_K(TOKEN) | FHIR_K(REFERENCE) | FHIR_K(URI))                             \
    X(BELOW, "below", FHIR_K(TOKEN) | FHIR_K(REFERENCE) | FHIR_K(URI))                             \
    X(OF_TYPE, "of-type", FHIR_K(TOKEN))                                                           \
    X(IDENTIFIER, "identifier", FHIR_K(REFERENCE))                                                 \
    X(TYPE, "[type]", FHIR_K(REFERENCE))                                                           \
    X(EQUALS, "eq", 0)       /* of _filter only: the whole string, folded */                       \
    X(ENDS, "ew", 0)         /* of _filter only */                                                 \
    X(OVERLAP, "po", 0)      /* of _filter only: dates that share an instant */                    \
    X(INSTANT, "instant", 0) /* of DSTU2's words only: dates that are written with a time */
typedef enum fhir_modifier_t {
#define FHIR_MODIFIER_ENUM(name, word, kinds) FHIR_MODIFIER_##name,
    FHIR_MODIFIER_LIST(FHIR_MODIFIER_ENUM)
#undef FHIR_MODIFIER_ENUM
        FHIR_MODIFIER_COUNT_
} fhir_modifier_t;

/** The scopes of a grant for a type (fhir_grant.h). */
typedef struct fhir_granted_t fhir_granted_t;

/** One value of an OR list; which members are set follows from the parameter's kind. */
typedef struct fhir_qvalue_t fhir_qvalue_t;
struct fhir_qvalue_t {
    fhir_prefix_t prefix;       /* date, number, quantity */
    const char *text;           /* as given, without prefix and escapes */
    const char *system;         /* token, quantity: NULL not given, "" given as empty; uri */
    const char *code;           /* token, quantity: NULL not given or empty; uri: its version */
    const char *of_value;       /* of-type: the identifier's value */
    fhir_interval_t when;       /* date: [low, high); of prefix ap already widened */
    const char *number;         /* number, quantity: as written */
    const char *low, *high;     /* number, quantity: bounds of eq, ne (half open) or ap (closed) */
    const fhir_type_t *type;    /* reference: resource type, or NULL when it was not said */
    const char *id;             /* reference, in: id on this server, or NULL: see url, text */
    const char *url;            /* reference: everything else; also with id: the absolute form */
    int missing;                /* missing: 1 true, 0 false */
    const fhir_qvalue_t *parts; /* composite: one value for each component */
    const char *latitude, *longitude, *km; /* near: decimals */
    const char *words;                     /* _text, _content: a tsquery of PostgreSQL */
    const fhir_granted_t *granted;         /* above, below of a resource: resolved, with its type */
};

typedef enum fhir_qkind_t {
    FHIR_Q_AND,         /* all of child, child->next, …; none: true */
    FHIR_Q_OR,          /* any of them; none: false */
    FHIR_Q_NOT,         /* not child */
    FHIR_Q_TEST,        /* param with modifier against values (any of them) */
    FHIR_Q_CHAIN,       /* param refers to a resource of `target` for which child holds */
    FHIR_Q_HAS,         /* a resource of `target` refers to this by param, and child holds for it */
    FHIR_Q_COMPARTMENT, /* in the compartment of target/values[0].id, not counting param */
    FHIR_Q_LIST,        /* _list: an entry of List/values[].id */
    FHIR_Q_TEXT,        /* _text: words in the narrative */
    FHIR_Q_CONTENT,     /* _content: words anywhere in the resource */
    FHIR_Q_ID_LENGTH,   /* an id of at most values[0].text bytes */
    FHIR_Q_DATES        /* of the first of `paths` that the resource has: a date that no column has;
                           with MISSING: it has none of them */
} fhir_qkind_t;

typedef struct fhir_qnode_t fhir_qnode_t;
struct fhir_qnode_t {
    fhir_qkind_t kind;
    fhir_modifier_t modifier;
    const fhir_type_t *type;   /* the resource type that this is a condition on */
    const fhir_type_t *target; /* CHAIN, HAS, COMPARTMENT; TEST with modifier TYPE */
    const fhir_param_t *param; /* TEST, CHAIN: of type; HAS: of target */
    int n_values;
    const fhir_qvalue_t *values;
    fhir_qnode_t *child;
    fhir_qnode_t *next;              /* sibling */
    fhir_pair_t said;                /* of a parameter of the query: as it was given */
    const apr_array_header_t *paths; /* DATES: of const char *, SQL/JSON paths */
    /* What fhir_resolve.h finds out: */
    int resolved;
    int held;                      /* CHAIN: some of type have a resource of target in them */
    const fhir_granted_t *granted; /* CHAIN, HAS: of target; LIST: of List */
};

typedef struct fhir_qsort_t {
    const fhir_param_t *param;
    int descending;
} fhir_qsort_t;

#define FHIR_SORT_MAX 8
/** _include or _revinclude. */
typedef struct fhir_qinclude_t {
    int reverse;
    int iterate;
    const fhir_type_t *source;  /* the type that holds the reference; NULL: any */
    const fhir_param_t *param;  /* NULL: every reference parameter of source ("*") */
    const fhir_type_t *target;  /* NULL: any */
    const fhir_type_t *outside; /* only types that have no compartment of this one; NULL: all */
} fhir_qinclude_t;

typedef enum fhir_total_t {
    FHIR_TOTAL_FREE, /* when the page holds all matches, so that it costs nothing */
    FHIR_TOTAL_NONE,
    FHIR_TOTAL_ESTIMATE,
    FHIR_TOTAL_ACCURATE
} fhir_total_t;

typedef enum fhir_contained_t {
    FHIR_CONTAINED_FALSE, /* resources of their own */
    FHIR_CONTAINED_TRUE,  /* contained ones */
    FHIR_CONTAINED_BOTH
} fhir_contained_t;

typedef enum fhir_by_time_t {
    FHIR_BY_TIME_NONE,
    FHIR_BY_TIME_NEWEST, /* by the beginning, the newest first */
    FHIR_BY_TIME_ENDED,  /* by the end, the newest first */
    FHIR_BY_TIME_NEXT    /* by the end, the oldest first */
} fhir_by_time_t;

#define FHIR_QUERY_HASH  FHIR_DIGEST_LEN
#define FHIR_RESULTS_MAX 16
typedef struct fhir_query_t {
    const fhir_type_t *type;     /* type searched; system search: one of types at a time */
    fhir_qnode_t *where;         /* an AND; never NULL */
    apr_array_header_t *sort;    /* of fhir_qsort_t */
    apr_array_header_t *include; /* of fhir_qinclude_t */
    int count;                   /* page size, within the endpoint's maximum; 0: only the number */
    fhir_total_t total;
    int summary_count; /* _summary=count or _count=0 */
    int explain;
    int links;                            /* of chains and _has */
    const char *result[FHIR_RESULTS_MAX]; /* values of result parameters that were given, by their
                                             rows in fhir_query_result.c */
    fhir_contained_t contained;           /* _contained */
    int contained_alone;                  /* contained resources come without their container */
    const fhir_granted_t *granted;        /* of type, when resolved */
    apr_array_header_t *containers; /* of const fhir_granted_t *: the contained are searched, and
                                       these types hold some (fhir_contained.h); NULL: the others
                                       are */
    const char *place;         /* the type's name in page links over several types, with a # for its
                                  contained resources; NULL: only this type is searched */
    int by_date;               /* matches have the order of one patient's rows */
    int placed;                /* matches are ordered by their places (search/fhir_window.h) */
    fhir_by_time_t by_time;    /* matches are ordered by a date that is searched */
    const fhir_qnode_t *timed; /* the condition on this date */
    struct {
        int from, width; /* the places that a statement looks at; width 0: all from there on */
        int first;       /* where the page's first window began */
        int is_amid;     /* the page before had rows of that place */
        int is_swept;    /* no index but that of the places is used */
        int most;        /* the most rows that a page may read in one sweep */
        double rows;     /* approximate number of rows of the table; 0: not known */
    } window;
    const apr_array_header_t *carried; /* of const fhir_param_t *: references that each row of a
                                          page has in addition; or NULL */
    const char *cursor;                /* the page link's sealed word, or NULL */
    fhir_pairs_t applied; /* the parameters that applied, as given, without the cursor: self link;
                             the list has room for one more */
    apr_array_header_t
        *remarks;     /* of const char *: warnings about ignored parameters, when lenient */
    const char *hash; /* of path and applied but for the format, FHIR_QUERY_HASH bytes: page links
                         are bound to it */
} fhir_query_t;

/** FHIR_ERR_LIMIT when there are more parameters than the endpoint accepts: asked before anything
 * is made of them. */
fhir_err_t *fhir_query_count(const fhir_call_t *call, const fhir_pairs_t *pairs);

/**
 * Makes the plan of a search of `type`.
 * @param lenient what is not understood becomes a remark
 * @return NULL, FHIR_ERR_PARAM_UNKNOWN, FHIR_ERR_PARAM_VALUE or FHIR_ERR_LIMIT. What has to be
 *         looked up is not: fhir_resolve_query follows
 */
fhir_err_t *fhir_query_parse(fhir_query_t **query, const fhir_call_t *call, const fhir_type_t *type,
                             const fhir_pairs_t *pairs, int lenient);

/** 1 if lenient handling ignores the parameter that an error is about. */
int fhir_query_ignores(const fhir_err_t *err);
/** Remarks that a parameter was ignored, and why. */
void fhir_query_remark(fhir_query_t *query, const fhir_call_t *call, const char *name,
                       const fhir_err_t *err);

/** Binds page links to the path and the parameters that applied; said (or NULL) are those that the
 *  links are to say instead. */
void fhir_query_bind(fhir_query_t *query, const fhir_call_t *call, const char *path,
                     const fhir_pairs_t *said);

/** One condition "name[:modifier][.chain] = value" on a type: a node of the tree.
 *  @param links counts the links of chains and _has, which are limited: 0 at a query's beginning
 *  @return as fhir_query_parse: so do the next two */
fhir_err_t *fhir_query_condition(fhir_qnode_t **node, int *links, const fhir_call_t *call,
                                 const fhir_type_t *type, const char *name, const char *value);

/** The same with a modifier of the last parameter, which _filter's operators stand for.
 *  @return as fhir_query_parse */
fhir_err_t *fhir_query_forced(fhir_qnode_t **node, int *links, const fhir_call_t *call,
                              const fhir_type_t *type, const char *name, fhir_modifier_t modifier,
                              const char *value);
/** A condition on dates that no parameter of R4 looks at.
 *  @param paths    SQL/JSON paths of them, divided by blanks; the first that is there counts
 *  @param modifier "" or ":missing"
 *  @param name     of the parameter, for messages
 *  @return as fhir_query_parse */
fhir_err_t *fhir_query_dates(fhir_qnode_t **node, const fhir_call_t *call, const fhir_type_t *type,
                             const char *paths, const char *modifier, const char *name,
                             const char *value);
/** The tree of a _filter (fhir_query_filter.c).
 *  @return as fhir_query_parse */
fhir_err_t *fhir_query_filter(fhir_qnode_t **node, int *links, const fhir_call_t *call,
                              const fhir_type_t *type, const char *filter);

/** Takes a parameter that is about the result, not a condition (fhir_query_result.c).
 *  @param known   set to 1 when it is one
 *  @param in_self set to 0 when the self link does not name it
 *  @return as fhir_query_parse; FHIR_ERR_FORBIDDEN for _explain with a grant that does not show all
 */
fhir_err_t *fhir_query_result(int *known, int *in_self, fhir_query_t *query,
                              const fhir_call_t *call, const fhir_pair_t *pair);

/** A search parameter that can be used, or NULL. */
const fhir_param_t *fhir_query_param(const fhir_call_t *call, const fhir_type_t *type,
                                     const char *name, apr_size_t len);
/** FHIR_ERR_PARAM_UNKNOWN with the names of the type's parameters. */
fhir_err_t *fhir_query_unknown(const fhir_call_t *call, const fhir_type_t *type, const char *name);
/** FHIR_ERR_PARAM_UNKNOWN for a parameter named `name` that would follow one whose values are
 *  resources in place (FHIR_PARAM_INSIDE). */
fhir_err_t *fhir_query_inside(const fhir_call_t *call, const fhir_param_t *param, const char *name);
/** 1 if a reference parameter may refer to the type. */
int fhir_query_targets(const fhir_call_t *call, const fhir_param_t *param, const fhir_type_t *type);
/** 1 if matches can be sorted by a parameter: composite and special ones have no order.
 *  Source: http://hl7.org/fhir/R4/search.html#sort */
int fhir_query_sortable(const fhir_model_t *model, const fhir_param_t *param);
/** 1 if a TEST is one of the column `patient`: every value is a patient of this server. */
int fhir_query_names_patient(const fhir_call_t *call, const fhir_qnode_t *node);
/** 1 if the query is about one patient, by its parameters or by the grant. */
int fhir_query_of_one_patient(const fhir_query_t *query, const fhir_call_t *call);
/** Names of a type's parameters, of some kinds (FHIR_K bits) or (0) all, for messages. */
const char *fhir_query_known(const fhir_call_t *call, const fhir_type_t *type, unsigned kinds);

/** Segments of a URL with :above, and parts of its version. */
#define FHIR_SEGMENTS_MAX 100
/** Parses the OR list of a parameter (fhir_query_value.c).
 *  @return NULL, FHIR_ERR_PARAM_VALUE or FHIR_ERR_LIMIT */
fhir_err_t *fhir_query_values(fhir_qnode_t *node, const fhir_call_t *call, const char *name,
                              const char *value);

/** Parses the words of _text and _content (fhir_query_words.c).
 *  @param tsquery in the language of PostgreSQL's full text search
 *  @return NULL, FHIR_ERR_PARAM_VALUE or, of too many words, FHIR_ERR_LIMIT */
fhir_err_t *fhir_query_words(const char **tsquery, const fhir_call_t *call, const char *text);

/** A new node in the call's pool. */
fhir_qnode_t *fhir_query_node(const fhir_call_t *call, fhir_qkind_t kind, const fhir_type_t *type);
/** Appends a child behind those that are there. */
void fhir_query_add(fhir_qnode_t *parent, fhir_qnode_t *child);

const char *fhir_modifier_word(fhir_modifier_t modifier);

#endif
