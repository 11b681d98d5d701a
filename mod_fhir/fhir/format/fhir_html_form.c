/* SPDX-License-Identifier: Apache-2.0 */
/* The search form of a page: the parameters of the query, and further parameters of the type, the
 * most used ones first. */
#include <apr_strings.h>
#include <string.h>

#include "fhir/format/fhir_html_private.h"

#define FIRST_MAX 6  /* fields that are visible at once */
#define REST_MAX  40 /* fields that can be unfolded */

static const char *const first_of[] = {
    "patient",         "subject",    "name",   "family",     "given",
    "birthdate",       "gender",     "code",   "category",   "date",
    "clinical-status", "status",     "type",   "identifier", "medication",
    "vaccine-code",    "authoredon", "period", "address",    "url",
    "title",           NULL};

/* Parameters of the format of the response, which are not part of the question. */
static int is_layout(const char *name)
{
    static const char *const names[] = {"_format", "_pretty",  "_cursor",  "_count",
                                        "_total",  "_summary", "_elements"};
    for (apr_size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (!strcmp(names[i], name))
            return 1;
    return 0;
}

void fhir_html_asked(fhir_buf_t *buf, fhir_html_t *html)
{
    int n = 0;
    for (int i = 0; i < html->asked.n; i++) {
        const fhir_pair_t *pair = &html->asked.list[i];
        if (is_layout(pair->name))
            continue;
        if (!n++) {
            fhir_buf_puts(buf, "<p>");
            fhir_html_word(buf, html, "page-asked");
        }
        fhir_buf_puts(buf, " <span class=\"tag\"><code>");
        fhir_html_text(buf, pair->name);
        fhir_buf_puts(buf, "</code> ");
        fhir_html_text(buf, pair->value);
        fhir_buf_puts(buf, "</span>");
    }
    if (n)
        fhir_buf_puts(buf, "</p>\n");
}

static const char *example_of(const fhir_param_t *param)
{
    switch (param->kind) {
    case FHIR_PARAM_DATE:
        return "ge2026-01-31";
    case FHIR_PARAM_REFERENCE:
        return "id";
    case FHIR_PARAM_QUANTITY:
    case FHIR_PARAM_NUMBER:
        return "gt5";
    default:
        return "";
    }
}

static void field(fhir_buf_t *buf, fhir_html_t *html, const fhir_param_t *param)
{
    const char *name = fhir_model_str(html->model, param->name);
    const char *value = fhir_pairs_get(&html->asked, name), *example = example_of(param);
    fhir_buf_puts(buf, "<label class=\"field\"><span>");
    fhir_html_text(buf, name);
    fhir_buf_puts(buf, "</span><input name=\"");
    fhir_html_text(buf, name);
    fhir_buf_puts(buf, "\" autocomplete=\"off\" value=\"");
    fhir_html_text(buf, value ? value : "");
    if (*example) {
        fhir_buf_puts(buf, "\" placeholder=\"");
        fhir_html_text(buf, example);
    }
    fhir_buf_puts(buf, "\"></label>\n");
}

static int can_be_field(const fhir_param_t *param)
{
    return param->kind != FHIR_PARAM_SPECIAL && param->kind != FHIR_PARAM_COMPOSITE &&
           !(param->flags & (FHIR_PARAM_UNCOMPILED | FHIR_PARAM_INHERITED));
}

void fhir_html_form(fhir_buf_t *buf, fhir_html_t *html, const fhir_type_t *type)
{
    const fhir_model_t *m = html->model;
    const char *name = fhir_model_str(m, type->name);
    const fhir_param_t *shown[FIRST_MAX];
    int n = 0, rest = 0;
    for (int i = 0; first_of[i] && n < FIRST_MAX; i++) {
        const fhir_param_t *param = fhir_model_param(m, type, first_of[i], strlen(first_of[i]));
        int twice = n && !strcmp(first_of[i], "subject") && fhir_model_param(m, type, "patient", 7);
        if (param && can_be_field(param) && !twice)
            shown[n++] = param;
    }
    fhir_buf_puts(buf, "<form method=\"get\" role=\"search\" class=\"fields\" action=\"");
    fhir_html_text(buf, html->path);
    fhir_buf_putc(buf, '/');
    fhir_html_text(buf, name);
    fhir_buf_puts(buf, "\">\n");
    for (int i = 0; i < n; i++)
        field(buf, html, shown[i]);
    fhir_buf_puts(buf, "<details class=\"all\"><summary>");
    fhir_html_word(buf, html, "page-more-fields");
    fhir_buf_puts(buf, "</summary><div class=\"fields\">\n");
    for (int i = 0; i < type->n_params && rest < REST_MAX; i++) {
        const fhir_param_t *param = &m->params[type->first_param + i];
        int is_shown = 0;
        for (int k = 0; k < n; k++)
            is_shown |= shown[k] == param;
        if (is_shown || !can_be_field(param))
            continue;
        field(buf, html, param);
        rest++;
    }
    fhir_buf_puts(buf, "</div></details>\n<p class=\"actions\"><button class=\"primary\">");
    fhir_html_word(buf, html, "search");
    fhir_buf_puts(buf, "</button></p></form>\n");
}
