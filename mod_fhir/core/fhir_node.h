/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_node.h
 * @brief A parsed resource: one tree for JSON and XML, used by extraction, conversion, validation,
 *        FHIRPath and patches.
 *
 * The tree has JSON's shape (XML input is brought into it by the model's tables). Strings point
 * into the source text where it holds no escapes, so the source must outlive the tree. Numbers
 * keep the digits as written. Nothing here knows FHIR.
 */
#ifndef FHIR_NODE_H
#define FHIR_NODE_H

#include <apr_pools.h>

#include "core/fhir_buf.h"
#include "core/fhir_err.h"

typedef enum fhir_node_kind_t {
    FHIR_NODE_NULL,
    FHIR_NODE_FALSE,
    FHIR_NODE_TRUE,
    FHIR_NODE_NUMBER,
    FHIR_NODE_STRING,
    FHIR_NODE_ARRAY,
    FHIR_NODE_OBJECT
} fhir_node_kind_t;

/** One value, 64 bytes. */
typedef struct fhir_node_t fhir_node_t;
struct fhir_node_t {
    const char *name;   /* member name (decoded, not terminated), NULL in arrays and at the root */
    const char *text;   /* STRING: decoded UTF-8; NUMBER, TRUE, FALSE: as written; else NULL */
    fhir_node_t *child; /* first member or item */
    fhir_node_t *next;  /* next sibling */
    apr_uint32_t name_len, text_len;
    apr_uint32_t start, end;   /* byte range of the value in the source, [start, end) */
    apr_uint32_t line, column; /* 1-based place, 0 when not recorded (JSON: see fhir_node_place) */
    apr_byte_t kind;           /* fhir_node_kind_t */
    apr_byte_t flags;          /* for the tree's user, 0 from the parser */
};

/** The most that limits may allow: what recurses over a tree does so on a stack of 128 KB, which is
 *  what threads have on musl (t/unit/stack_test.c). */
#define FHIR_NODE_DEPTH_MOST 256
#define FHIR_NODE_ATTRS_MOST 256

/** Members of an object that are looked through one by one; more are sorted. */
#define FHIR_NODE_FEW 16

typedef struct fhir_node_limits_t {
    apr_size_t max_bytes; /* of the source; 0: 4 GiB - 1 */
    int max_depth;        /* 0: 64 */
    apr_size_t max_nodes; /* 0: no limit but memory */
    int max_attrs;        /* XML: attributes of one element, namespaces in scope; 0: 64 */
} fhir_node_limits_t;
/** For what is stored already, and for an administrator's files. */
#define FHIR_NODE_LIMITS_MOST                                                                      \
    (&(const fhir_node_limits_t){.max_depth = FHIR_NODE_DEPTH_MOST,                                \
                                 .max_attrs = FHIR_NODE_ATTRS_MOST})

/**
 * Parses one JSON text (RFC 8259); a byte order mark before it is passed over. Refused, each with
 * line and column: anything behind the value, duplicate member names, invalid UTF-8, lone
 * surrogates, NUL (also as an escape), depth or size over the limits (NULL: defaults).
 * @param root the tree, in pool
 * @return NULL, FHIR_ERR_SYNTAX or FHIR_ERR_TOO_LARGE
 */
fhir_err_t *fhir_node_parse_json(fhir_node_t **root, const char *json, apr_size_t len,
                                 const fhir_node_limits_t *limits, apr_pool_t *pool);

/** 1-based line and column (in bytes) of an offset in a source text. */
void fhir_node_place(int *line, int *column, const char *source, apr_size_t offset);

/** The member of an object, or NULL (also when node is NULL or no object). */
const fhir_node_t *fhir_node_get(const fhir_node_t *node, const char *name);
/** Same for a name that is not terminated. */
const fhir_node_t *fhir_node_getn(const fhir_node_t *node, const char *name, apr_size_t len);
/** 1 if node is a string (or number, boolean) with exactly this text. */
int fhir_node_is(const fhir_node_t *node, const char *text);
/** The text of a string member copied and terminated in pool, or NULL when it is none. */
const char *fhir_node_string(const fhir_node_t *object, const char *name, apr_pool_t *pool);
/** Number of members or items. */
apr_size_t fhir_node_count(const fhir_node_t *node);

/**
 * 1 if both hold the same: members in any order, items in theirs. Takes time in proportion to the
 * smaller one (times the logarithm of its largest object).
 * @param by_value numbers are equal by value, 1.0 and 1; else by their digits
 * @param scratch for the members of large objects
 */
int fhir_node_equal(const fhir_node_t *a, const fhir_node_t *b, int by_value, apr_pool_t *scratch);

/** Members of an object by their names, sorted; names have no order that a client would know. */
int fhir_node_by_name(const void *left, const void *right);

/** Writes the tree as JSON: compact, or with two blanks a level and a newline at the end. A tree
 *  deeper than FHIR_NODE_DEPTH_MOST sets the buffer's overflow. */
void fhir_node_write_json(fhir_buf_t *buf, const fhir_node_t *node, int pretty);

/** New nodes for trees that are built (XML input, patches); texts are not copied. */
fhir_node_t *fhir_node_new(fhir_node_kind_t kind, apr_pool_t *pool);
fhir_node_t *fhir_node_new_text(fhir_node_kind_t kind, const char *text, apr_size_t len,
                                apr_pool_t *pool);

#endif
