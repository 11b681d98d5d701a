/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_page.h
 * @brief The pages: templates of htdocs/ filled in with a view.
 *
 * In a template: {{name}} is a value of the view, escaped for HTML; {{=key}} a text in the page's
 * language, where {name} is a value, escaped, too; {{#name}}…{{/name}} is there for each view of a
 * list, or once when the value is not empty; {{^name}}…{{/name}} when it is empty; {{>name}}
 * another template. Names that are not in a view are looked for in those around it. There is no
 * way to write unescaped values. Templates, texts and style sheet are compiled in.
 */
#ifndef FHIR_PAGE_H
#define FHIR_PAGE_H

#include <apr_pools.h>

#include "core/fhir_buf.h"

typedef struct fhir_view_t fhir_view_t;

fhir_view_t *fhir_view_create(apr_pool_t *pool);
/** Sets a value; NULL and "" are empty. value is not copied. */
void fhir_view_set(fhir_view_t *view, const char *name, const char *value);
/** Sets "1" or "". */
void fhir_view_flag(fhir_view_t *view, const char *name, int on);
/** Appends a view to a list. */
fhir_view_t *fhir_view_add(fhir_view_t *view, const char *name);

/** A view as JSON: an object of what was set (flags are booleans, empty texts are left out), with
 * an array for each list. */
void fhir_view_json(fhir_buf_t *out, const fhir_view_t *view);
/** A value of a view as it was set, "" when there is none. */
const char *fhir_view_get(const fhir_view_t *view, const char *name);

/** Writes a page ("sign-in"). Returns 1, or 0 when there is no such template. */
int fhir_page_render(fhir_buf_t *out, const char *name, const fhir_view_t *view,
                     const char *language, apr_pool_t *pool);
/** A text in a language ("en", "es"); the key itself when there is none. Not escaped, not filled.
 */
const char *fhir_page_text(const char *key, const char *language, apr_pool_t *pool);
/** The language to use: of the words in a list ("es-MX,en;q=0.5"), the first that there is. */
const char *fhir_page_language(const char *accept);

/** A file of htdocs/ as it is compiled in. */
typedef struct fhir_page_file_t {
    const char *name;
    const char *text;
    apr_size_t len;
} fhir_page_file_t;
extern const fhir_page_file_t fhir_page_files[];
/** By its name with extension ("fhir.css"), or NULL. */
const fhir_page_file_t *fhir_page_file(const char *name, apr_size_t len);

#endif
