/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of texts and numbers, those of a row, and those that a search for a range looks up. */
#include "fhir/extract/fhir_keys.h"

#include <apr_strings.h>
#include <math.h>
#include <string.h>

#include "core/fhir_decimal.h"
#include "core/fhir_node.h"

#define RANGE       700 /* the place of what has two different ends, or only one */
#define FIRST_PLACE (-528)
#define LAST_PLACE  527
/* Places that have a step for each doubling; others have wide steps. */
#define USUAL_FIRST 64
#define USUAL_LAST  335
#define SEEN_MAX    64 /* up to so many keys, a row has each of them once */

static apr_uint32_t add_bytes(apr_uint32_t hash, const char *s, apr_size_t len)
{
    for (apr_size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)s[i]) * 16777619u;
    return hash;
}

/* FNV-1a, its bits mixed as in MurmurHash3: stored in rows, it must never change. */
static apr_uint32_t hash_of(const char *column, const char *text, apr_size_t len)
{
    apr_uint32_t h = add_bytes(2166136261u, column, strlen(column) + 1);
    h = add_bytes(h, text, len);
    h = (h ^ h >> 16) * 0x85ebca6bu;
    h = (h ^ h >> 13) * 0xc2b2ae35u;
    return h ^ h >> 16;
}

apr_int32_t fhir_keys_text(const char *column, const char *text, apr_size_t len)
{
    return (apr_int32_t)hash_of(column, text, len);
}

apr_int32_t fhir_keys_at(const char *column, const char *name, apr_size_t len, int place)
{
    return (apr_int32_t)(hash_of(column, name, len) ^ (apr_uint32_t)place * 2097143u);
}

/* ---- places ---- */

/* The place of a number: 16 to each doubling, 1 at 2^-8, 513 from 2^24 on; negative ones mirrored;
 * 0 near zero. It is found by comparisons: logarithms may differ from machine to machine. */
static int place_of(const char *number, apr_size_t len)
{
    static const double sixteenths[] = {1.0442737824274138, 1.0905077326652577, 1.1387886347566916,
                                        1.189207115002721,  1.241857812073484,  1.2968395546510096,
                                        1.3542555469368927, 1.4142135623730951, 1.4768261459394993,
                                        1.5422108254079407, 1.6104903319492543, 1.681792830507429,
                                        1.7562521603732995, 1.8340080864093424, 1.9152065613971474};
    const double value = fhir_decimal_double(number, len), size = fabs(value);
    int exponent, part = 0, place;
    if (size < 0.00390625)
        return 0;
    if (size >= 16777216)
        place = 513;
    else {
        const double twice = 2 * frexp(size, &exponent);
        while (part < 15 && twice >= sixteenths[part])
            part++;
        place = 1 + (exponent - 1) * 16 + part + 128;
    }
    return value < 0 ? -place : place;
}

/* The coarse step of a place: a doubling from 1/16 to 2^13, where most values are; otherwise a wide
 * one. */
static int step_of(int place)
{
    if (place == RANGE)
        return RANGE;
    if (place >= USUAL_FIRST && place <= USUAL_LAST)
        return 600 + (place >> 4);
    if (place < 0)
        return 580 + ((place + 768) >> 8);
    return place < USUAL_FIRST ? 590 : place < 416 ? 630 : 631;
}

/* ---- ranges ---- */

typedef struct range_t {
    apr_array_header_t *keys;
    const char *column, *name;
    apr_size_t len;
} range_t;

static void push(const range_t *r, int first, int last)
{
    for (int place = first; place <= last; place++)
        APR_ARRAY_PUSH(r->keys, apr_int32_t) = fhir_keys_at(r->column, r->name, r->len, place);
}

/* Wide steps that have a part of the range. */
static void push_wide(const range_t *r, int first, int last)
{
    if (first < 0)
        push(r, step_of(first), step_of(last < 0 ? last : -1));
    if (first < USUAL_FIRST && last >= 0)
        push(r, 590, 590);
    if (last > USUAL_LAST)
        push(r, first < 416 ? 630 : 631, last < 416 ? 630 : 631);
}

void fhir_keys_range(apr_array_header_t *keys, const char *column, const char *name,
                     const char *low, const char *high)
{
    const range_t r = {keys, column, name ? name : "", name ? strlen(name) : 0};
    int first = low ? place_of(low, strlen(low)) : FIRST_PLACE;
    int last = high ? place_of(high, strlen(high)) : LAST_PLACE;
    push(&r, RANGE, RANGE);
    /* few places one by one */
    if (last - first >= 32) {
        push_wide(&r, first, last);
        first = first < USUAL_FIRST ? USUAL_FIRST : first;
        last = last > USUAL_LAST ? USUAL_LAST : last;
        const int first_step = (first + 15) >> 4, behind_step = (last + 1) >> 4;
        if (first_step < behind_step) {
            push(&r, 600 + first_step, 600 + behind_step - 1);
            push(&r, behind_step * 16, last);
            last = first_step * 16 - 1;
        }
    }
    push(&r, first, last);
}

/* ---- pairs ---- */

int fhir_keys_is_pair(const fhir_model_t *model, const fhir_param_t *param)
{
    const apr_uint16_t *parts = &model->components[param->first_component];
    return param->flags & FHIR_PARAM_ROOT_COMPOSITE && param->n_components >= 2 &&
           model->params[parts[0]].column_kind == FHIR_COL_TOKENS &&
           model->params[parts[1]].column_kind == FHIR_COL_QUANTITY;
}

const fhir_param_t *fhir_keys_pair(const fhir_model_t *model, const fhir_param_t *quantity)
{
    const fhir_type_t *type = &model->types[quantity->type];
    for (int i = 0; quantity->column_kind == FHIR_COL_QUANTITY && i < type->n_params; i++) {
        const fhir_param_t *p = &model->params[type->first_param + i];
        if (fhir_keys_is_pair(model, p) &&
            model->params[model->components[p->first_component + 1]].column == quantity->column)
            return p;
    }
    return NULL;
}

/* ---- a row ---- */

typedef struct making_t {
    fhir_buf_t *out;
    fhir_buf_t *element;
    const fhir_model_t *model;
    const fhir_type_t *type;
    const fhir_value_t *cells;
    apr_pool_t *scratch;
    const char *column;
    apr_int32_t seen[SEEN_MAX];
    int n;
} making_t;

static void add(making_t *k, apr_int32_t key)
{
    const int known = k->n < SEEN_MAX ? k->n : SEEN_MAX;
    for (int i = 0; i < known; i++)
        if (k->seen[i] == key)
            return;
    if (k->n < SEEN_MAX)
        k->seen[k->n] = key;
    fhir_buf_printf(k->out, "%c%d", k->n++ ? ',' : '{', (int)key);
}

static void add_place(making_t *k, const char *name, apr_size_t len, int place)
{
    add(k, fhir_keys_at(k->column, name, len, place));
    add(k, fhir_keys_at(k->column, name, len, step_of(place)));
}

/* The next element of an array's text, quoted or not, into `out`; NULL at the end. `at` is at a
 * brace or comma before it. */
static const char *next_element(fhir_value_t *out, const char *at, const char *end, fhir_buf_t *b)
{
    *out = (fhir_value_t){0};
    if (++at >= end || *at == '}')
        return NULL;
    const int quoted = *at == '"';
    fhir_buf_clear(b);
    for (at += quoted; at < end && (quoted ? *at != '"' : *at != ',' && *at != '}'); at++) {
        at += *at == '\\' && at + 1 < end;
        fhir_buf_putc(b, *at);
    }
    if (!quoted && b->len == 4 && !memcmp(b->data, "NULL", 4))
        return at;
    out->data = fhir_buf_cstr(b);
    out->len = b->len;
    return at + quoted;
}

/* Elements of a cell that is an array, the whole of another. */
typedef struct elements_t {
    const char *at, *end;
    fhir_value_t value;
    fhir_buf_t *buf;
    int is_array;
} elements_t;

static elements_t elements_of(making_t *k, apr_uint16_t column, fhir_buf_t *buf)
{
    const fhir_value_t *cell = &k->cells[column - k->type->first_column];
    const int sqltype = k->model->columns[column].sqltype;
    return (elements_t){cell->data, cell->data ? cell->data + cell->len : NULL, *cell, buf,
                        sqltype == FHIR_SQL_TEXT_ARRAY || sqltype == FHIR_SQL_NUMERIC_ARRAY};
}

/* 0 behind the last one. */
static int next(elements_t *e)
{
    if (!e->at)
        return 0;
    e->at = e->is_array ? next_element(&e->value, e->at, e->end, e->buf) : NULL;
    return !e->is_array || e->at;
}

static void add_texts(making_t *k, apr_uint16_t column)
{
    elements_t e = elements_of(k, column, k->element);
    while (next(&e))
        if (e.value.data)
            add(k, fhir_keys_text(k->column, e.value.data, e.value.len));
}

static int place_between(const fhir_value_t *low, const fhir_value_t *high)
{
    if (!low->data || !high->data)
        return RANGE;
    return fhir_decimal_double(low->data, low->len) == fhir_decimal_double(high->data, high->len)
               ? place_of(low->data, low->len)
               : RANGE;
}

static void add_named(making_t *k, const fhir_value_t *name, int place)
{
    if (!name->data)
        return;
    const char *text = apr_pstrcat(k->scratch, "|", name->data, NULL);
    add_place(k, text, name->len + 1, place);
}

/* Codes without a system say what was measured. */
static void add_codes(making_t *k, const fhir_param_t *quantity, int place)
{
    const fhir_param_t *pair = fhir_keys_pair(k->model, quantity);
    if (!pair)
        return;
    const apr_uint16_t code = k->model->components[pair->first_component];
    elements_t e = elements_of(k, k->model->params[code].first_column, k->element);
    while (next(&e))
        if (e.value.data && !memchr(e.value.data, '|', e.value.len))
            add_place(k, e.value.data, e.value.len, place);
}

static void add_numbers(making_t *k, const fhir_param_t *p)
{
    const int is_quantity =
        p->column_kind == FHIR_COL_QUANTITY || p->column_kind == FHIR_COL_QUANTITIES;
    fhir_buf_t *bufs = fhir_buf_create_many(k->scratch, 0, 4);
    elements_t low = elements_of(k, p->first_column, &bufs[0]);
    elements_t high = elements_of(k, (apr_uint16_t)(p->first_column + 1), &bufs[1]);
    elements_t code = {0}, unit = {0};
    if (is_quantity) {
        code = elements_of(k, (apr_uint16_t)(p->first_column + 3), &bufs[2]);
        unit = elements_of(k, (apr_uint16_t)(p->first_column + 4), &bufs[3]);
    }
    /* both ends of each are stepped, also if one is missing */
    for (;;) {
        const int has_low = next(&low), has_high = next(&high);
        const int has_code = next(&code), has_unit = next(&unit);
        if (!has_low && !has_high)
            break;
        const fhir_value_t none = {0};
        const int place =
            place_between(has_low ? &low.value : &none, has_high ? &high.value : &none);
        add_place(k, "", 0, place);
        add_named(k, has_code ? &code.value : &none, place);
        add_named(k, has_unit ? &unit.value : &none, place);
        add_codes(k, p, place);
    }
}

static int is_number(const fhir_node_t *n)
{
    return n && n->kind == FHIR_NODE_NUMBER;
}

/* Of each repetition the codes of its first part, at the second's place if that is a quantity,
 * which has a key alone, too. First parts that are no tokens have none. */
static void add_repetition(making_t *k, const fhir_node_t *item)
{
    const fhir_node_t *codes = fhir_node_get(item, "0"), *amount = fhir_node_get(item, "1");
    if (!codes || codes->kind != FHIR_NODE_ARRAY)
        return;
    const fhir_node_t *low = NULL, *high = NULL;
    if (amount && amount->kind == FHIR_NODE_OBJECT) {
        low = fhir_node_get(amount, "l");
        high = fhir_node_get(amount, "h");
    }
    const int is_amount = is_number(low) || is_number(high);
    int place = FHIR_KEYS_OTHER;
    if (is_amount) {
        const fhir_value_t none = {0};
        const fhir_value_t l = is_number(low) ? (fhir_value_t){low->text, low->text_len} : none;
        const fhir_value_t h = is_number(high) ? (fhir_value_t){high->text, high->text_len} : none;
        place = place_between(&l, &h);
        add_place(k, "", 0, place);
    }
    for (const fhir_node_t *c = codes->child; c; c = c->next)
        if (!is_amount)
            add(k, fhir_keys_at(k->column, c->text, c->text_len, place));
        else if (!memchr(c->text, '|', c->text_len))
            add_place(k, c->text, c->text_len, place);
}

static fhir_err_t *add_composite(making_t *k, apr_uint16_t column)
{
    const fhir_value_t *cell = &k->cells[column - k->type->first_column];
    fhir_node_t *root;
    FHIR_TRY(fhir_node_parse_json(&root, cell->data, cell->len, FHIR_NODE_LIMITS_MOST, k->scratch));
    for (const fhir_node_t *item = root->child; item; item = item->next)
        add_repetition(k, item);
    return NULL;
}

static int has_numbers(const fhir_param_t *p)
{
    switch (p->column_kind) {
    case FHIR_COL_NUMBER:
    case FHIR_COL_NUMBERS:
    case FHIR_COL_QUANTITY:
    case FHIR_COL_QUANTITIES:
        return 1;
    default:
        return 0;
    }
}

int fhir_keys_needs(const fhir_model_t *model, const fhir_type_t *type, int i)
{
    const fhir_column_t *column = &model->columns[type->first_column + i];
    const fhir_param_t *p = &model->params[column->param];
    if (!column->param)
        return 0;
    if (column->index == FHIR_INDEX_REST || p->column_kind == FHIR_COL_COMPOSITE || has_numbers(p))
        return 1;
    for (int n = 0; n < type->n_params; n++) { /* the code of a pair */
        const fhir_param_t *pair = &model->params[type->first_param + n];
        if (fhir_keys_is_pair(model, pair) &&
            model->params[model->components[pair->first_component]].first_column ==
                type->first_column + i)
            return 1;
    }
    return 0;
}

fhir_err_t *fhir_keys_of_row(fhir_buf_t *out, const fhir_model_t *model, const fhir_type_t *type,
                             const fhir_value_t *cells, apr_pool_t *scratch)
{
    making_t k = {.out = out, .model = model, .type = type, .cells = cells, .scratch = scratch};
    k.element = fhir_buf_create(scratch, 0);
    fhir_buf_clear(out);
    for (int i = 0; i < type->n_columns; i++) {
        const apr_uint16_t index = (apr_uint16_t)(type->first_column + i);
        const fhir_column_t *column = &model->columns[index];
        const fhir_param_t *p = &model->params[column->param];
        if (!column->param)
            continue;
        if (column->index == FHIR_INDEX_REST && cells[i].data) {
            k.column = fhir_model_str(model, column->name);
            add_texts(&k, index);
        }
        if (p->first_column != index)
            continue;
        k.column = fhir_model_str(model, p->column);
        if (p->column_kind == FHIR_COL_COMPOSITE && cells[i].data)
            FHIR_TRY(add_composite(&k, index));
        else if (has_numbers(p) && (cells[i].data || cells[i + 1].data))
            add_numbers(&k, p);
    }
    if (k.n)
        fhir_buf_putc(out, '}');
    return NULL;
}
