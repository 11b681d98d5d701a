/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells: the text forms in which PostgreSQL reads the typed columns (docs/schema.md), and the JSON
 * objects of composite parameters. fhir_extract_convert.c decides what a value means.
 */
#include <apr_strings.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "core/fhir_decimal.h"
#include "core/fhir_text.h"
#include "fhir/extract/fhir_extract_private.h"
#include "model/fhir_short.h"

#define UNIQUE_MAX 4096u /* up to this many bytes, an array gets no duplicates */
#define NUMBER_MAX 400u  /* digits of a searchable number: far below the limits of numeric */

static int is_text(const fhir_node_t *n)
{
    return n && n->text && n->kind == FHIR_NODE_STRING && n->text_len;
}

static fhir_cell_t *cell_of(const fhir_extract_t *x, apr_uint16_t column)
{
    return &x->cells[column - x->type->first_column];
}

/* The parameter's n-th physical column. */
static fhir_cell_t *cell(const fhir_extract_t *x, int n)
{
    return cell_of(x, (apr_uint16_t)(x->param->first_column + n));
}

static int is_array(const fhir_extract_t *x, int n)
{
    switch (x->model->columns[x->param->first_column + n].sqltype) {
    case FHIR_SQL_TEXT_ARRAY:
    case FHIR_SQL_NUMERIC_ARRAY:
    case FHIR_SQL_TIMESTAMPTZ_ARRAY:
        return 1;
    default:
        return 0;
    }
}

/* Makes room for the next value; NULL when a single-valued cell already has one. */
static fhir_buf_t *next_value(fhir_cell_t *c, int array)
{
    if (c->count++) {
        if (!array)
            return NULL;
        fhir_buf_putc(c->text, ',');
    }
    else if (array)
        fhir_buf_putc(c->text, '{');
    return c->text;
}

/* Appends a text, or SQL NULL in an array. A single NULL leaves its cell empty. */
static void add_text(fhir_extract_t *x, int n, const char *s, apr_size_t len)
{
    int array = is_array(x, n);
    fhir_cell_t *c = cell(x, n);
    if (!s && !array)
        return;
    fhir_buf_t *b = next_value(c, array);
    if (!b)
        return;
    if (!array)
        fhir_buf_append(b, s, len);
    else if (s)
        fhir_store_array_element(b, s, len);
    else
        fhir_buf_append(b, "NULL", 4);
}

/* The same for a set; returns 0 when the value is there already. Quotes within elements are
 * escaped, so a quoted element can only match a whole one; the exception is an element that is a
 * comma. */
static int add_member(fhir_extract_t *x, int n, const char *s, apr_size_t len)
{
    fhir_cell_t *c = cell(x, n);
    fhir_buf_t *b = c->text;
    apr_size_t before = b->len;
    add_text(x, n, s, len);
    apr_size_t start = before + 1;
    if (c->count < 2 || start > UNIQUE_MAX || (len == 1 && *s == ',') ||
        !memmem(b->data, before, b->data + start, b->len - start))
        return 1;
    b->len = before;
    c->count--;
    return 0;
}

/* The positions of x->param among the composite's components. */
static fhir_cell_t *component(fhir_extract_t *x, int *i)
{
    const fhir_param_t *c = x->composite;
    apr_uint16_t param = (apr_uint16_t)(x->param - x->model->params);
    for (; *i < c->n_components && *i < FHIR_EXTRACT_COMPONENTS; (*i)++)
        if (x->model->components[c->first_component + *i] == param)
            return &x->components[(*i)++];
    return NULL;
}

static void add_form(fhir_extract_t *x, const char *s, apr_size_t len)
{
    int i = 0;
    if (!x->composite) {
        add_member(x, 0, s, len);
        return;
    }
    fhir_cell_t *c;
    while ((c = component(x, &i)) != NULL) {
        fhir_buf_putc(c->text, c->count++ ? ',' : '[');
        fhir_buf_json_string(c->text, s, len);
    }
}

/* A code as it is stored beside forms with a system. A column that has only codes has the code
 * unchanged. */
static void add_code(fhir_extract_t *x, const char *s, apr_size_t len)
{
    fhir_buf_t *b = x->scratch;
    if (!x->composite && x->param->column_kind == FHIR_COL_CODE) {
        add_form(x, s, len);
        return;
    }
    fhir_buf_clear(b);
    fhir_short_append_code(b, s, len);
    add_form(x, b->data, b->len);
}

static void add_uri(fhir_extract_t *x, const char *s, apr_size_t len)
{
    fhir_buf_t *b = x->scratch;
    fhir_buf_clear(b);
    fhir_short_append(b, s, len);
    add_member(x, 0, b->data, b->len);
}

void fhir_extract_put_text(fhir_extract_t *x, const char *s, apr_size_t len)
{
    int i = 0;
    if (!len || len > FHIR_EXTRACT_KEY_MAX)
        return;
    if (x->param->kind == FHIR_PARAM_TOKEN)
        add_code(x, s, len);
    else if (x->composite) {
        fhir_cell_t *c;
        while ((c = component(x, &i)) != NULL)
            if (!c->count++)
                fhir_buf_json_string(c->text, s, len);
    }
    else if (x->param->column_kind == FHIR_COL_URIS)
        add_uri(x, s, len);
    else
        add_member(x, 0, s, len);
}

void fhir_extract_put_token(fhir_extract_t *x, const fhir_node_t *system, const fhir_node_t *code)
{
    fhir_buf_t *b = x->scratch;
    apr_size_t system_len = is_text(system) ? system->text_len : 0;
    if (!is_text(code) && !system_len)
        return;
    if (system_len + (is_text(code) ? code->text_len : 0) > FHIR_EXTRACT_KEY_MAX)
        return;
    if (is_text(code))
        add_code(x, code->text, code->text_len);
    if (!x->composite && x->param->column_kind == FHIR_COL_CODE)
        return;
    fhir_buf_clear(b);
    if (system_len)
        fhir_short_append(b, system->text, system_len);
    fhir_buf_putc(b, '|');
    if (is_text(code))
        fhir_buf_append(b, code->text, code->text_len);
    add_form(x, b->data, b->len);
}

void fhir_extract_put_identifier(fhir_extract_t *x, const fhir_node_t *identifier)
{
    const fhir_param_t *param = x->param;
    fhir_param_t tokens = *param;
    if (!param->identifier_column || x->composite)
        return;
    tokens.first_column = param->identifier_column;
    tokens.column_kind = FHIR_COL_TOKENS;
    x->param = &tokens;
    fhir_extract_put_token(x, fhir_node_getn(identifier, "system", 6),
                           fhir_node_getn(identifier, "value", 5));
    x->param = param;
}

void fhir_extract_put_string(fhir_extract_t *x, const fhir_node_t *node)
{
    int i = 0;
    if (!is_text(node))
        return;
    fhir_cell_t *c;
    if (!x->composite) {
        if (!add_member(x, 1, node->text, node->text_len))
            return;
        c = cell(x, 0);
        if (!c->count++)
            fhir_buf_putc(c->text, '\n');
        fhir_text_fold(c->text, node->text, node->text_len);
        fhir_buf_putc(c->text, '\n');
        return;
    }
    fhir_buf_t *b = x->scratch;
    fhir_buf_clear(b);
    fhir_text_fold(b, node->text, node->text_len);
    while ((c = component(x, &i)) != NULL)
        if (!c->count++)
            fhir_buf_json_string(c->text, b->data, b->len);
}

static void add_time(fhir_extract_t *x, int n, const char *s, int len)
{
    int array = is_array(x, n);
    fhir_buf_t *b = next_value(cell(x, n), array);
    if (!b)
        return;
    if (array)
        fhir_buf_putc(b, '"');
    fhir_buf_append(b, s, (apr_size_t)len);
    if (array)
        fhir_buf_putc(b, '"');
}

void fhir_extract_put_interval(fhir_extract_t *x, apr_int64_t low, apr_int64_t high)
{
    char l[40], h[40];
    int l_len = fhir_time_format_sql(l, low), h_len = fhir_time_format_sql(h, high);
    int i = 0;
    if (!x->composite) {
        add_time(x, 0, l, l_len);
        add_time(x, 1, h, h_len);
        return;
    }
    fhir_cell_t *c;
    while ((c = component(x, &i)) != NULL)
        if (!c->count++)
            fhir_buf_printf(c->text, "{\"l\":\"%s\",\"h\":\"%s\"}", l, h);
}

void fhir_extract_put_patient_date(fhir_extract_t *x, apr_int64_t low)
{
    char text[40];
    int len = fhir_time_format_sql(text, low);
    if (x->patient_date && !x->patient_date->count++)
        fhir_buf_append(x->patient_date->text, text, (apr_size_t)len);
}

/* A number that fits numeric: JSON has the same grammar, but no limits. */
static int is_number(const fhir_node_t *n)
{
    return n && n->kind == FHIR_NODE_NUMBER && n->text_len <= NUMBER_MAX &&
           fhir_decimal_valid(n->text, n->text_len);
}

static void json_amount(fhir_buf_t *b, const fhir_extract_amount_t *a)
{
    char separator = '{';
    if (a->low) {
        fhir_buf_append(b, "{\"l\":", 5);
        fhir_buf_append(b, a->low->text, a->low->text_len);
        separator = ',';
    }
    if (a->high) {
        fhir_buf_putc(b, separator);
        fhir_buf_append(b, "\"h\":", 4);
        fhir_buf_append(b, a->high->text, a->high->text_len);
    }
    if (a->system) {
        fhir_buf_append(b, ",\"s\":", 5);
        fhir_buf_json_string(b, a->system, a->system_len);
    }
    if (a->code) {
        fhir_buf_append(b, ",\"c\":", 5);
        fhir_buf_json_string(b, a->code, a->code_len);
    }
    if (a->unit) {
        fhir_buf_append(b, ",\"u\":", 5);
        fhir_buf_json_string(b, a->unit, a->unit_len);
    }
    fhir_buf_putc(b, '}');
}

void fhir_extract_put_amount(fhir_extract_t *x, const fhir_extract_amount_t *amount)
{
    fhir_extract_amount_t a = *amount;
    int i = 0;
    if (!is_number(a.low))
        a.low = NULL;
    if (!is_number(a.high))
        a.high = NULL;
    if (!a.low && !a.high)
        return;
    if (a.system) {
        fhir_buf_clear(x->scratch);
        fhir_short_append(x->scratch, a.system, a.system_len);
        a.system = x->scratch->data;
        a.system_len = x->scratch->len;
    }
    if (x->composite) {
        fhir_cell_t *c;
        while ((c = component(x, &i)) != NULL)
            if (!c->count++)
                json_amount(c->text, &a);
        return;
    }
    if (cell(x, 0)->count + cell(x, 1)->count && !is_array(x, 0))
        return;
    add_text(x, 0, a.low ? a.low->text : NULL, a.low ? a.low->text_len : 0);
    add_text(x, 1, a.high ? a.high->text : NULL, a.high ? a.high->text_len : 0);
    if (x->param->column_kind != FHIR_COL_QUANTITY && x->param->column_kind != FHIR_COL_QUANTITIES)
        return;
    add_text(x, 2, a.system_len <= FHIR_EXTRACT_KEY_MAX ? a.system : NULL, a.system_len);
    add_text(x, 3, a.code_len <= FHIR_EXTRACT_KEY_MAX ? a.code : NULL, a.code_len);
    add_text(x, 4, a.unit_len <= FHIR_EXTRACT_KEY_MAX ? a.unit : NULL, a.unit_len);
}

/* 1 if the number is one that double precision takes, within ±limit. */
static int is_degrees(const fhir_node_t *n, double limit)
{
    if (!is_number(n) || n->text_len >= 64)
        return 0;
    double d = fhir_decimal_double(n->text, n->text_len);
    return !errno && fabs(d) <= limit;
}

void fhir_extract_put_position(fhir_extract_t *x, const fhir_node_t *latitude,
                               const fhir_node_t *longitude)
{
    if (!is_degrees(latitude, 90) || !is_degrees(longitude, 180))
        return;
    add_text(x, 0, latitude->text, latitude->text_len);
    add_text(x, 1, longitude->text, longitude->text_len);
}

void fhir_extract_put_composite(fhir_extract_t *x)
{
    int n = x->composite->n_components;
    for (int i = 0; i < n; i++)
        if (!x->components[i].count)
            return;
    fhir_cell_t *target = cell_of(x, x->composite->first_column);
    fhir_buf_t *b = target->text;
    fhir_buf_putc(b, target->count++ ? ',' : '[');
    for (int i = 0; i < n; i++) {
        fhir_cell_t *c = &x->components[i];
        apr_uint16_t param = x->model->components[x->composite->first_component + i];
        fhir_buf_printf(b, "%s\"%d\":", i ? "," : "{", i);
        fhir_buf_append(b, c->text->data, c->text->len);
        if (x->model->params[param].kind == FHIR_PARAM_TOKEN)
            fhir_buf_putc(b, ']');
    }
    fhir_buf_putc(b, '}');
}
