/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_xhtml_scan.h
 * @brief A scanner for one well-formed XHTML element; private to the conversion.
 *
 * It reads what narratives are made of: tags, text, references, comments and CDATA sections. A
 * document type, processing instructions, unbalanced tags and anything else that is not well-formed
 * XML 1.0 with namespaces end it with an error.
 */
#ifndef FHIR_XHTML_SCAN_H
#define FHIR_XHTML_SCAN_H

#include "core/fhir_node.h"

typedef struct fhir_xspan_t {
    const char *s;
    apr_size_t len;
} fhir_xspan_t;

typedef struct fhir_xattr_t {
    fhir_xspan_t name, value; /* the value as written, without quotes */
} fhir_xattr_t;

typedef enum fhir_xtoken_t {
    FHIR_XTOKEN_END,   /* nothing is left */
    FHIR_XTOKEN_ERROR, /* see error and at */
    FHIR_XTOKEN_OPEN,  /* <name …> or <name …/> (empty is set) */
    FHIR_XTOKEN_CLOSE, /* </name> */
    FHIR_XTOKEN_TEXT,
    FHIR_XTOKEN_ENTITY,  /* a named entity that XML does not have: &nbsp; */
    FHIR_XTOKEN_COMMENT, /* raw */
    FHIR_XTOKEN_CDATA    /* text is what the section holds */
} fhir_xtoken_t;

typedef struct fhir_xscan_t {
    const char *start, *end, *at; /* the source, and the place read next (of the error) */
    const char *error;            /* what is wrong, in words */
    int limit;                    /* the limit that the error is about, or 0 */
    int max_depth, max_attrs;
    /* The token: */
    fhir_xspan_t raw;  /* all its bytes */
    fhir_xspan_t name; /* OPEN, CLOSE: local name; ENTITY: name */
    fhir_xspan_t text; /* TEXT, CDATA */
    fhir_xattr_t attrs[FHIR_NODE_ATTRS_MOST];
    int n_attrs; /* OPEN: attributes without namespace declarations */
    int empty;
    /* What is open: */
    fhir_xspan_t open[FHIR_NODE_DEPTH_MOST];
    int depth;
    int done;                                    /* the outermost element is closed */
    fhir_xspan_t prefixes[FHIR_NODE_ATTRS_MOST]; /* all declared on the div */
    int n_prefixes;
    int has_namespace; /* the div says in which namespace it is */
} fhir_xscan_t;

/** @param limits depth and attributes of one element; NULL: the most that can be held */
void fhir_xscan_init(fhir_xscan_t *scan, const char *s, apr_size_t len,
                     const fhir_node_limits_t *limits);
/** Reads the next token. */
fhir_xtoken_t fhir_xscan_next(fhir_xscan_t *scan);

/** Code point of a named HTML entity, or 0. */
unsigned fhir_xscan_entity(const fhir_xspan_t *name);
/** Reads a reference at s ("&…;"): its length, or 0 when it is malformed or names no XML character;
 *  code: the code point, 0 for an entity that XML does not have. */
apr_size_t fhir_xscan_reference(unsigned *code, const char *s, const char *end);
/** 1 if the span is this text. */
int fhir_xspan_is(const fhir_xspan_t *span, const char *text);
/** 1 if XML 1.0 can hold the character that begins at s (or the byte inside of one) as it is; the
 *  text is valid UTF-8 and not at its end. */
int fhir_xscan_is_char(const char *s, const char *end);
/** Bytes of s that XML 1.0 can hold as they are; s is valid UTF-8. */
apr_size_t fhir_xscan_chars(const char *s, const char *end);

#endif
