/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_sql.h
 * @brief SQL under construction: text with $n in the place of every value, and the values.
 *
 * Nothing that a client sent ever becomes text: names come from the model, all else is bound.
 * Every table reference gets the grant's predicate (fhir_grant_sql).
 */
#ifndef FHIR_SQL_H
#define FHIR_SQL_H

#include <apr_hash.h>
#include <apr_tables.h>

#include "fhir/query/fhir_query.h"

/** Microseconds since 1970 of a timestamptz expression, as an integer. */
#define FHIR_SQL_USEC(expr) "(extract(epoch FROM " expr ") * 1000000)::bigint"

typedef struct fhir_sql_t {
    fhir_buf_t *text;
    apr_array_header_t *values; /* of fhir_value_t */
    apr_size_t bytes;           /* of all values */
    const fhir_call_t *call;
    int aliases;          /* table aliases given out: a1, a2, … */
    apr_hash_t *searches; /* alias → int: combinations of lists by which an index is searched */
    /* A condition that only helps an index is omitted: */
    int scoped;                /* of t, whose rows are one patient's */
    int swept;                 /* of t, whose rows are few, and are all read */
    const fhir_qnode_t *timed; /* of t, but for this: the index of its date has the rows in order */
    const char *looked_up;     /* of this alias, whose rows a reference finds */
    int estimate;              /* everywhere: the planner would think that few match both */
    int keyed;                 /* of a union, whose keys have been written */
    int paired;                /* the test of a quantity is part of one with its code */
    int windowed;              /* few rows of t are looked at */
    int hides;                 /* lists of texts stand in subqueries: one plan serves all of them */
    int veils;                 /* the same, but each once: they are looked for in few places */
} fhir_sql_t;

/** An empty statement. */
fhir_sql_t *fhir_sql_create(const fhir_call_t *call);

/** Appends "$n::cast" and binds the text (NULL: SQL NULL). */
void fhir_sql_bind(fhir_sql_t *sql, const char *text, const char *cast);
/** Appends "$n::cast" and binds an array of const char *. */
void fhir_sql_bind_array(fhir_sql_t *sql, const apr_array_header_t *texts, const char *cast);
/** Appends "$n::timestamptz" and binds an instant. */
void fhir_sql_bind_time(fhir_sql_t *sql, apr_int64_t usec);
void fhir_sql_bind_int(fhir_sql_t *sql, apr_int64_t number, const char *cast);
/** Aliases of tables of contained resources begin so; ids there begin with #. */
#define FHIR_SQL_CONTAINED 'k'
/** A new table alias. */
const char *fhir_sql_alias(fhir_sql_t *sql);
/** Appends alias."<base><suffix>": a column of a parameter. */
void fhir_sql_column(fhir_sql_t *sql, const char *alias, const fhir_param_t *param,
                     const char *suffix);

/** 1 if the statement has exceeded a limit: of its text, of the number of its values, or of their
 * bytes. Loops over a client's input must then stop. */
int fhir_sql_is_full(const fhir_sql_t *sql);
/** 1 if t's own conditions are shut to indexes: another one finds its rows. */
int fhir_sql_is_shut(const fhir_sql_t *sql, const char *alias);
/** 1 if a _has is about the records of a patient, which have an index by the patient. */
int fhir_sql_finds_patient(const fhir_call_t *call, const fhir_qnode_t *node);
/** The finished statement; FHIR_ERR_LIMIT if it exceeded a limit. Making SQL causes no other error:
 * the parser or fhir_resolve_query has found all others. */
fhir_err_t *fhir_sql_stmt(fhir_stmt_t *stmt, fhir_sql_t *sql, unsigned flags);
const fhir_value_t *fhir_sql_values(const fhir_sql_t *sql);

/** Appends the condition of a resolved node on alias, in brackets. Never NULL-valued under NOT. */
void fhir_sql_node(fhir_sql_t *sql, const char *alias, const fhir_qnode_t *node);
/** Appends " FROM … t WHERE …": the rows of a resolved query's type that match and that the grant
 *  lets be seen. */
void fhir_sql_from(fhir_sql_t *sql, const fhir_query_t *query);

#endif
