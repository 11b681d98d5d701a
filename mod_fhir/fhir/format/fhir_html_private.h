/* SPDX-License-Identifier: Apache-2.0 */
/** @file fhir_html_private.h
 *  @brief What the files that make pages share. */
#ifndef FHIR_HTML_PRIVATE_H
#define FHIR_HTML_PRIVATE_H

#include <apr_hash.h>

#include "core/fhir_pairs.h"
#include "fhir/format/fhir_html.h"
#include "fhir/format/fhir_xhtml.h"

typedef struct fhir_html_tables_t fhir_html_tables_t;
typedef struct fhir_html_chart_t fhir_html_chart_t;

struct fhir_html_t {
    const fhir_model_t *model;
    fhir_html_about_t about;
    const char *kept;   /* the query without _format, ending with '&' unless empty */
    const char *path;   /* base_url without scheme and host */
    fhir_pairs_t asked; /* what a search asked for */
    const char *pages;  /* links to other pages of a search, to be repeated below the table */
    const fhir_node_t *resource; /* that is shown now: its contained resources have names */
    fhir_html_tables_t *tables;
    fhir_html_chart_t *chart;
    apr_hash_t *labels; /* of the model's names */
    fhir_buf_t *scratch;
    apr_size_t stop;              /* where the page's content is cut, bytes of its buffer */
    apr_size_t written;           /* bytes of a Bundle's page before the entry that is shown next */
    int left;                     /* entries of it that are not shown */
    apr_pool_t *pool, *item_pool; /* item_pool: one entry, cleared behind it */
};

/* ---- fhir_html.c ---- */

/** Appends a terminated text, escaped. */
void fhir_html_text(fhir_buf_t *buf, const char *s);
/** Appends the text of the page's language for a key, escaped. */
void fhir_html_word(fhir_buf_t *buf, const fhir_html_t *html, const char *key);
/** The text itself, not escaped. */
const char *fhir_html_say(const fhir_html_t *html, const char *key);
/** A name of the model in the reader's words: "birthDate" is "Birth date". */
const char *fhir_html_label(fhir_html_t *html, const char *name);
/** 1 for http and https URLs without blanks. */
int fhir_html_is_url(const char *s, apr_size_t len);
/** 1 for "Patient/1" and "Patient/1/_history/2": what the server itself can show. */
int fhir_html_is_relative(const fhir_html_t *html, const char *s, apr_size_t len);
/** 1 when an OperationOutcome; its issues in words. */
int fhir_html_is_outcome(const fhir_node_t *resource);
void fhir_html_issues(fhir_buf_t *buf, const fhir_html_t *html, const fhir_node_t *resource);

/* ---- fhir_html_value.c ---- */

#define FHIR_HTML_PLAIN 1u /* no markup: the value is in a link */
/** Appends a value, or all of an array, in a line: what people read of it. Nothing for a value that
 *  is not of the type. */
void fhir_html_value(fhir_buf_t *buf, fhir_html_t *html, const fhir_type_t *type,
                     const fhir_node_t *node, unsigned flags);
/** 1 if values of the type are written in a line; 0: their elements are listed. */
int fhir_html_is_line(const fhir_html_t *html, const fhir_type_t *type);
/** The first coding's "system|code" of a CodeableConcept, or its text, "" for none; in pool. */
const char *fhir_html_code(const fhir_node_t *concept, apr_pool_t *pool);

/* ---- fhir_html_table.c ---- */

/** The type of a resource of the page's model, or NULL. */
const fhir_type_t *fhir_html_type_of(const fhir_html_t *html, const fhir_node_t *resource);
/** Appends what a resource is called, plain: its name, code, title, … or nothing. */
void fhir_html_title(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *resource);
/** The name of an element that choices share, or its own. */
const char *fhir_html_base_name(const fhir_html_t *html, const fhir_element_t *element);
void fhir_html_tables_learn(fhir_html_t *html, const fhir_node_t *entry);
/** kind: Bundle.type. */
void fhir_html_tables_begin(fhir_html_t *html, const char *kind);
void fhir_html_tables_entry(fhir_buf_t *buf, fhir_html_t *html, const fhir_node_t *entry);
void fhir_html_tables_end(fhir_buf_t *buf, fhir_html_t *html);
/** Entries that were learned from and are no outcome. */
int fhir_html_tables_count(const fhir_html_t *html);

/* ---- fhir_html_chart.c ---- */

void fhir_html_chart_learn(fhir_html_t *html, const fhir_node_t *resource);
/** Appends the chart when what was learned is one measurement at several times. */
void fhir_html_chart(fhir_buf_t *buf, fhir_html_t *html);

/* ---- fhir_html_form.c ---- */

/** What was asked, in words, and the form to ask for something else. */
void fhir_html_asked(fhir_buf_t *buf, fhir_html_t *html);
void fhir_html_form(fhir_buf_t *buf, fhir_html_t *html, const fhir_type_t *type);

#endif
