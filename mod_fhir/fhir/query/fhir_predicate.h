/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_predicate.h
 * @brief The tests of single parameters as SQL, and their parts, for the files that make them.
 */
#ifndef FHIR_PREDICATE_H
#define FHIR_PREDICATE_H

#include "fhir/query/fhir_sql.h"

/** Appends a TEST node's condition. */
void fhir_predicate_append(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node);

/** An empty array of const char *. */
apr_array_header_t *fhir_predicate_texts(const fhir_sql_t *sql);
/** alias."<column><suffix>" as text. */
const char *fhir_predicate_column(const fhir_sql_t *sql, const char *alias,
                                  const fhir_param_t *param, const char *suffix);
/** Appends expr = ANY ($n), shut to indexes if another such list of the same row would multiply the
 *  searches in them. Not NULL then. */
void fhir_predicate_any(fhir_sql_t *sql, const char *expr, const apr_array_header_t *list);
/** Appends expr = $n, or = ANY ($n) for several, or FALSE for none. */
void fhir_predicate_equals(fhir_sql_t *sql, const char *expr, const apr_array_header_t *list);
/** Appends " && $n", behind an array. A long list, as of an id that may be of any type, stands in a
 *  subquery: the planner would take each of its texts for rather common, and read the whole table.
 *  If the statement hides lists, each stands in a subquery, and twice: behind expr, the array,
 *  again. Then the planner expects few rows. expr NULL: once.
 */
void fhir_predicate_overlaps(fhir_sql_t *sql, const char *expr, const apr_array_header_t *list,
                             const char *cast);
/** Appends "(…)": a text[] expression holds one of the node's token values. */
void fhir_predicate_in(fhir_sql_t *sql, const char *alias, apr_uint16_t column,
                       const fhir_qnode_t *node);

/** Appends the test of a reference column, with its modifiers (fhir_predicate_reference.c). */
void fhir_predicate_reference(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node);
/** Appends the test of a single reference in an expression, without modifiers. */
void fhir_predicate_reference_expr(fhir_sql_t *sql, const char *expr, const fhir_qnode_t *node);
/** Appends the test that a typed parameter has a value. */
void fhir_predicate_typed_present(fhir_sql_t *sql, const char *alias, const fhir_param_t *param);
/** Appends the test of a composite whose parts stand in one repetition. */
void fhir_predicate_composite(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node);

/** Appends the test of a token with :text or :of-type (fhir_predicate_json.c). */
void fhir_predicate_token_json(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node);
/** Appends " AND …": the parameter has a value that is a string of its own, where it also finds the
 *  texts of concepts; nothing otherwise. A composite's strings are only the former. */
void fhir_predicate_plain_string(fhir_sql_t *sql, const char *alias, const fhir_param_t *param);
/** 1 if the data types of a parameter's values have what the modifier of its kind asks for. */
int fhir_predicate_has_modifier(const fhir_call_t *call, const fhir_param_t *param,
                                fhir_modifier_t modifier);
/** SQL/JSON paths (text) of where a parameter's values stand in a resource. */
apr_array_header_t *fhir_predicate_paths(const fhir_call_t *call, const fhir_param_t *param);
/** 1 if a token's data types have no place for a system (boolean, ContactPoint, string): its values
 *  are stored bare, and are what |code asks for. */
int fhir_predicate_systemless(const fhir_call_t *call, const fhir_param_t *param);
/** 1 if a parameter's test can be written as SQL; other parameters are unknown to searches. */
int fhir_predicate_can(const fhir_call_t *call, const fhir_param_t *param);
/** The same for the parts of a composite whose parts stand in one repetition. */
int fhir_predicate_can_composite(const fhir_call_t *call, const fhir_param_t *param);
/** A test as the test of a component of its parameter, a union or a composite. */
fhir_qnode_t fhir_predicate_component(const fhir_call_t *call, const fhir_qnode_t *node, int i);
/** 1 for :below of MIME types, which no code system has. */
int fhir_predicate_is_mime(const fhir_call_t *call, const fhir_qnode_t *node);
/** The reference by which the resources of a type are parts of each other (Location.partof), or
 *  NULL. */
const fhir_param_t *fhir_predicate_parent(const fhir_call_t *call, const fhir_type_t *type);
/** Appends the test of _text, _content or _list, or of dates that no column has. */
void fhir_predicate_special(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node);

/** Stored forms of the node's token values: `forms` to be met exactly, `systems` as beginnings. */
void fhir_predicate_tokens(fhir_sql_t *sql, const fhir_qnode_t *node, apr_array_header_t *forms,
                           apr_array_header_t *systems);

/*
 * Conditions that follow from others and are there for the indexes of sql/practice.sql
 * (fhir_predicate_keys.c). They are left out where the rows are one patient's or contained ones.
 */
/** Appends " AND …" behind a test that one of the texts is in a column: the column's number. */
void fhir_predicate_rest(fhir_sql_t *sql, const char *alias, apr_uint16_t column,
                         const apr_array_header_t *texts);
/** Appends " AND …" behind the test of numbers or quantities. */
void fhir_predicate_number_keys(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node);
/** 1 if a value of a composite on the resource itself is a quantity with a code: sql->paired is
 * more than 0 while its parts are tested, and fhir_predicate_pair_keys follows. */
int fhir_predicate_has_pair(const fhir_call_t *call, const fhir_qnode_t *node,
                            const fhir_qvalue_t *value);
/** Appends " AND …" behind the tests of its parts. */
void fhir_predicate_pair_keys(fhir_sql_t *sql, const char *alias, const fhir_param_t *param,
                              const fhir_qvalue_t *value);
/** Appends " AND …" behind the test of another composite. */
void fhir_predicate_composite_keys(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node);
/** 1 if the keys of the test, of whose values the planner knows nothing, find what passes it. */
int fhir_predicate_is_keyed(const fhir_call_t *call, const fhir_qnode_t *node);
/** Appends "(… OR …) AND " before the tests of a union's components, the keys of them all, or
 * returns 0. sql->keyed is more than 0 while they are tested: their keys are left out. */
int fhir_predicate_union_keys(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node);
/** 1 if TABLE_terms_idx finds what passes the test: beside other conditions, or alone. */
int fhir_predicate_in_terms(const fhir_call_t *call, const fhir_qnode_t *node);
/** 1 if an index finds what passes the test together with the row's place (search/fhir_window.h).
 */
int fhir_predicate_has_places(const fhir_call_t *call, const fhir_qnode_t *node);
/** Appends " AND …" behind the test of several dates. */
void fhir_predicate_date_bounds(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node);

typedef enum fhir_pattern_t {
    FHIR_PATTERN_STARTS,   /* a value begins with the text */
    FHIR_PATTERN_CONTAINS, /* a value holds it */
    FHIR_PATTERN_EQUALS,   /* a value is it */
    FHIR_PATTERN_ENDS,     /* a value ends with it */
    FHIR_PATTERN_WHOLE,    /* what is compared is one value without newlines: it begins with it */
    FHIR_PATTERN_WORD      /* a word of it but the first, or what follows, begins with the text */
} fhir_pattern_t;
/** A LIKE pattern for folded strings, or NULL when nothing is left of the text. */
const char *fhir_predicate_pattern(const fhir_sql_t *sql, const char *text, fhir_pattern_t pattern);

/** Appends the test of a uri column, with :above and :below. */
void fhir_predicate_uri(fhir_sql_t *sql, const char *expr, const fhir_qnode_t *node);

#endif
