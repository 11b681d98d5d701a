/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversion of the values that a search expression reaches: a table with one function for each
 * conversion (fhir_conv_t).
 * Source: http://hl7.org/fhir/R4/search.html (the tables of which data types a parameter type can
 * be used with).
 */
#include <apr_strings.h>
#include <string.h>

#include "core/fhir_text.h"
#include "fhir/extract/fhir_extract_private.h"

#define GET(node, name) fhir_node_getn((node), "" name, sizeof(name) - 1)
#define CURRENCIES      "urn:iso:std:iso:4217"
#define STARTS(s, len, literal)                                                                    \
    ((len) >= sizeof(literal) - 1 && !memcmp((s), literal, sizeof(literal) - 1))

typedef void (*convert_fn)(fhir_extract_t *x, const fhir_node_t *node);

/* Calls fn for the node, or for each item when it is an array. */
static void each(fhir_extract_t *x, const fhir_node_t *node, convert_fn fn)
{
    const fhir_node_t *n;
    if (node && node->kind == FHIR_NODE_ARRAY)
        for (n = node->child; n; n = n->next)
            fn(x, n);
    else if (node)
        fn(x, node);
}

static void convert_text(fhir_extract_t *x, const fhir_node_t *node)
{
    if (node->text)
        fhir_extract_put_text(x, node->text, node->text_len);
}

/* Tokens that are strings are stored folded; fhir_query_value.c folds the search value, too. */
static void put_folded(fhir_extract_t *x, const fhir_node_t *node)
{
    fhir_buf_clear(x->folded);
    if (x->param->flags & FHIR_PARAM_WORDS)
        fhir_text_fold_case(x->folded, node->text, node->text_len);
    else
        fhir_text_fold_contact(x->folded, node->text, node->text_len);
    fhir_extract_put_text(x, x->folded->data, x->folded->len);
}

/* A column of codes has the bare code; a list of tokens also has the system of its binding. */
static void convert_code(fhir_extract_t *x, const fhir_node_t *node)
{
    fhir_node_t system = {.kind = FHIR_NODE_STRING};
    if (node->kind == FHIR_NODE_STRING && x->param->flags & FHIR_PARAM_WORDS) {
        put_folded(x, node);
        return;
    }
    if (node->kind != FHIR_NODE_STRING || !x->param->system) {
        convert_text(x, node);
        return;
    }
    system.text = fhir_model_str(x->model, x->param->system);
    system.text_len = (apr_uint32_t)strlen(system.text);
    fhir_extract_put_token(x, &system, node);
}

static void convert_coding(fhir_extract_t *x, const fhir_node_t *node)
{
    fhir_extract_put_token(x, GET(node, "system"), GET(node, "code"));
}

static void convert_codeableconcept(fhir_extract_t *x, const fhir_node_t *node)
{
    each(x, GET(node, "coding"), convert_coding);
}

static void convert_identifier(fhir_extract_t *x, const fhir_node_t *node)
{
    fhir_extract_put_token(x, GET(node, "system"), GET(node, "value"));
}

static void convert_contactpoint(fhir_extract_t *x, const fhir_node_t *node)
{
    const fhir_node_t *value = GET(node, "value");
    if (value && value->kind == FHIR_NODE_STRING && x->param->flags & FHIR_PARAM_CONTACTS)
        put_folded(x, value);
    else if (value)
        convert_text(x, value);
}

/* A reference is searched without our own base and without a version. */
void fhir_extract_normalize(const char **s, apr_size_t *len, const fhir_extract_t *x)
{
    static const char history[] = "/_history/";
    if (*len > x->base_len + 1 && x->base_len && !memcmp(*s, x->base_url, x->base_len) &&
        (*s)[x->base_len] == '/') {
        *s += x->base_len + 1;
        *len -= x->base_len + 1;
    }
    const char *at = memmem(*s, *len, history, sizeof(history) - 1);
    if (at)
        *len = (apr_size_t)(at - *s);
}

static int same_values(const fhir_param_t *a, const fhir_param_t *b)
{
    return a == b || (a->first_column && a->first_column == b->first_column);
}

/* The patient of a record, if this parameter names it. */
static void put_patient(fhir_extract_t *x, const char *s, apr_size_t len)
{
    if (!x->patient || x->patient->count || x->composite || !STARTS(s, len, "Patient/") ||
        !fhir_text_is_id(s + 8, len - 8) ||
        !same_values(x->param, &x->model->params[x->type->patient]))
        return;
    x->patient->count = 1;
    fhir_buf_append(x->patient->text, s + 8, len - 8);
}

static void put_reference(fhir_extract_t *x, const char *s, apr_size_t len)
{
    fhir_extract_normalize(&s, &len, x);
    put_patient(x, s, len);
    fhir_extract_put_text(x, s, len);
}

static void convert_canonical(fhir_extract_t *x, const fhir_node_t *node)
{
    if (node->kind == FHIR_NODE_STRING)
        put_reference(x, node->text, node->text_len);
}

/* Where the last two segments begin, as in root/Type/id; NULL if there is no root before them. */
static const char *type_and_id(const char *url, apr_size_t len)
{
    const char *id = memrchr(url, '/', len);
    const char *type = id ? memrchr(url, '/', (apr_size_t)(id - url)) : NULL;
    return type && type > url ? type + 1 : NULL;
}

void fhir_extract_below(fhir_extract_t *x, const fhir_node_t *full_url)
{
    const char *s = full_url ? full_url->text : NULL;
    apr_size_t len = full_url ? full_url->text_len : 0;
    x->below = NULL;
    if (!s || full_url->kind != FHIR_NODE_STRING || !(STARTS(s, len, "http")))
        return;
    fhir_extract_normalize(&s, &len, x); /* a reference to this server is stored without its root */
    const char *type = type_and_id(s, len);
    if (!type || !STARTS(s, len, "http") ||
        !fhir_model_resource(x->model, type, strcspn(type, "/")))
        return;
    x->below = s;
    x->below_len = (apr_size_t)(type - s);
}

static int is_relative(const char *s, apr_size_t len)
{
    const char *colon = memchr(s, ':', len), *slash = memchr(s, '/', len);
    return slash && slash > s && (!colon || colon > slash);
}

static void convert_reference(fhir_extract_t *x, const fhir_node_t *node)
{
    const fhir_node_t *reference = GET(node, "reference");
    const fhir_node_t *identifier = GET(node, "identifier");
    if (reference && x->below && reference->kind == FHIR_NODE_STRING &&
        is_relative(reference->text, reference->text_len)) {
        fhir_buf_clear(x->folded);
        fhir_buf_append(x->folded, x->below, x->below_len);
        fhir_buf_append(x->folded, reference->text, reference->text_len);
        put_reference(x, x->folded->data, x->folded->len);
    }
    else if (reference)
        convert_canonical(x, reference);
    if (identifier)
        fhir_extract_put_identifier(x, identifier);
}

static void put_date(fhir_extract_t *x, apr_int64_t low, apr_int64_t high)
{
    if (x->type->patient_date && !x->composite &&
        same_values(x->param, &x->model->params[x->type->patient_date]))
        fhir_extract_put_patient_date(x, low);
    fhir_extract_put_interval(x, low, high);
}

static int parse_date(fhir_interval_t *out, const fhir_extract_t *x, const fhir_node_t *node)
{
    return node && node->kind == FHIR_NODE_STRING &&
           fhir_time_parse(out, node->text, node->text_len, FHIR_TIME_DATETIME, x->zone);
}

static void convert_date(fhir_extract_t *x, const fhir_node_t *node)
{
    fhir_interval_t t;
    if (parse_date(&t, x, node))
        put_date(x, t.low, t.high);
}

/* The bounds of a Period; 0 when it has none that can be used. */
static int parse_period(apr_int64_t *low, apr_int64_t *high, const fhir_extract_t *x,
                        const fhir_node_t *node)
{
    fhir_interval_t start, end;
    int has_start = parse_date(&start, x, GET(node, "start"));
    int has_end = parse_date(&end, x, GET(node, "end"));
    *low = has_start ? start.low : FHIR_TIME_MIN;
    *high = has_end ? end.high : FHIR_TIME_MAX;
    return (has_start || has_end) && *low < *high;
}

static void convert_period(fhir_extract_t *x, const fhir_node_t *node)
{
    apr_int64_t low, high;
    if (parse_period(&low, &high, x, node))
        put_date(x, low, high);
}

/* A Timing is one interval: from its first event to its last, or its bounds. */
static void convert_timing(fhir_extract_t *x, const fhir_node_t *node)
{
    const fhir_node_t *event = GET(node, "event");
    apr_int64_t low = FHIR_TIME_MAX, high = FHIR_TIME_MIN;
    fhir_interval_t t;
    for (const fhir_node_t *n = event ? event->child : NULL; n; n = n->next)
        if (parse_date(&t, x, n)) {
            low = t.low < low ? t.low : low;
            high = t.high > high ? t.high : high;
        }
    if (low < high || parse_period(&low, &high, x, GET(GET(node, "repeat"), "boundsPeriod")))
        put_date(x, low, high);
}

static void set_unit(fhir_extract_amount_t *a, const fhir_node_t *quantity)
{
    const fhir_node_t *system = GET(quantity, "system");
    const fhir_node_t *code = GET(quantity, "code");
    const fhir_node_t *unit = GET(quantity, "unit");
    if (system && system->kind == FHIR_NODE_STRING) {
        a->system = system->text;
        a->system_len = system->text_len;
    }
    if (code && code->kind == FHIR_NODE_STRING) {
        a->code = code->text;
        a->code_len = code->text_len;
    }
    if (unit && unit->kind == FHIR_NODE_STRING) {
        a->unit = unit->text;
        a->unit_len = unit->text_len;
    }
}

static void convert_number(fhir_extract_t *x, const fhir_node_t *node)
{
    fhir_extract_amount_t a = {.low = node, .high = node};
    fhir_extract_put_amount(x, &a);
}

static void convert_range(fhir_extract_t *x, const fhir_node_t *node)
{
    const fhir_node_t *low = GET(node, "low"), *high = GET(node, "high");
    fhir_extract_amount_t a = {.low = GET(low, "value"), .high = GET(high, "value")};
    set_unit(&a, low);
    set_unit(&a, high);
    fhir_extract_put_amount(x, &a);
}

static void convert_quantity(fhir_extract_t *x, const fhir_node_t *node)
{
    const fhir_node_t *value = GET(node, "value");
    fhir_extract_amount_t a = {.low = value, .high = value};
    set_unit(&a, node);
    fhir_extract_put_amount(x, &a);
}

static void convert_money(fhir_extract_t *x, const fhir_node_t *node)
{
    const fhir_node_t *value = GET(node, "value"), *currency = GET(node, "currency");
    fhir_extract_amount_t a = {.low = value, .high = value};
    if (currency && currency->kind == FHIR_NODE_STRING) {
        a.system = CURRENCIES;
        a.system_len = sizeof(CURRENCIES) - 1;
        a.code = currency->text;
        a.code_len = currency->text_len;
    }
    fhir_extract_put_amount(x, &a);
}

/* The samples lie between the limits. Without limits, only the origin is known. */
static void convert_sampleddata(fhir_extract_t *x, const fhir_node_t *node)
{
    const fhir_node_t *origin = GET(node, "origin");
    const fhir_node_t *low = GET(node, "lowerLimit"), *high = GET(node, "upperLimit");
    fhir_extract_amount_t a = {.low = low, .high = high};
    if (!low && !high)
        a.low = a.high = GET(origin, "value");
    set_unit(&a, origin);
    fhir_extract_put_amount(x, &a);
}

/* The members of a data type that are searched as strings. */
static void put_members(fhir_extract_t *x, const fhir_node_t *node, const char *const *names)
{
    for (; *names; names++)
        each(x, fhir_node_get(node, *names), fhir_extract_put_string);
}

static void convert_string(fhir_extract_t *x, const fhir_node_t *node)
{
    fhir_extract_put_string(x, node);
}

static void convert_humanname(fhir_extract_t *x, const fhir_node_t *node)
{
    static const char *const names[] = {"family", "given", "prefix", "suffix", "text", NULL};
    put_members(x, node, names);
}

static void convert_address(fhir_extract_t *x, const fhir_node_t *node)
{
    static const char *const names[] = {"line",       "city",    "district", "state",
                                        "postalCode", "country", "text",     NULL};
    put_members(x, node, names);
}

static void convert_coding_display(fhir_extract_t *x, const fhir_node_t *node)
{
    fhir_extract_put_string(x, GET(node, "display"));
}

static void convert_cc_text(fhir_extract_t *x, const fhir_node_t *node)
{
    fhir_extract_put_string(x, GET(node, "text"));
    each(x, GET(node, "coding"), convert_coding_display);
}

static void convert_position(fhir_extract_t *x, const fhir_node_t *node)
{
    fhir_extract_put_position(x, GET(node, "latitude"), GET(node, "longitude"));
}

static void convert_exists(fhir_extract_t *x, const fhir_node_t *node)
{
    if (node->kind != FHIR_NODE_FALSE)
        fhir_extract_put_text(x, "true", 4);
}

/* Bundle.entry.resource: stored as a reference to the resource; one without an id is stored,
 * too. */
static void convert_resource(fhir_extract_t *x, const fhir_node_t *node)
{
    const fhir_node_t *type = GET(node, "resourceType"), *id = GET(node, "id");
    apr_size_t id_len = id && id->kind == FHIR_NODE_STRING ? id->text_len : 0;
    char text[160];
    if (type && type->kind == FHIR_NODE_STRING && type->text_len + id_len < sizeof(text) - 1)
        fhir_extract_put_text(x, text,
                              (apr_size_t)apr_snprintf(text, sizeof(text), "%.*s/%.*s",
                                                       (int)type->text_len, type->text, (int)id_len,
                                                       id_len ? id->text : ""));
}

static const convert_fn converters[] = {
    [FHIR_CONV_CODE] = convert_code,
    [FHIR_CONV_CODING] = convert_coding,
    [FHIR_CONV_CODEABLECONCEPT] = convert_codeableconcept,
    [FHIR_CONV_IDENTIFIER] = convert_identifier,
    [FHIR_CONV_CONTACTPOINT] = convert_contactpoint,
    [FHIR_CONV_REFERENCE] = convert_reference,
    [FHIR_CONV_CANONICAL] = convert_canonical,
    [FHIR_CONV_DATE] = convert_date,
    [FHIR_CONV_PERIOD] = convert_period,
    [FHIR_CONV_TIMING] = convert_timing,
    [FHIR_CONV_NUMBER] = convert_number,
    [FHIR_CONV_RANGE] = convert_range,
    [FHIR_CONV_QUANTITY] = convert_quantity,
    [FHIR_CONV_MONEY] = convert_money,
    [FHIR_CONV_SAMPLEDDATA] = convert_sampleddata,
    [FHIR_CONV_STRING] = convert_string,
    [FHIR_CONV_HUMANNAME] = convert_humanname,
    [FHIR_CONV_ADDRESS] = convert_address,
    [FHIR_CONV_CC_TEXT] = convert_cc_text,
    [FHIR_CONV_URI] = convert_text,
    [FHIR_CONV_POSITION] = convert_position,
    [FHIR_CONV_EXISTS] = convert_exists,
    [FHIR_CONV_RESOURCE] = convert_resource,
};

void fhir_extract_value(fhir_extract_t *x, fhir_conv_t conv, const fhir_node_t *node)
{
    if (node->kind != FHIR_NODE_NULL && conv < sizeof(converters) / sizeof(converters[0]) &&
        converters[conv])
        converters[conv](x, node);
}

/* The resource inside `contained` that a reference "#id" means. */
static const fhir_node_t *contained(const fhir_extract_t *x, const char *id, apr_size_t len)
{
    const fhir_node_t *all = GET(x->root, "contained");
    for (const fhir_node_t *n = all ? all->child : NULL; n; n = n->next) {
        const fhir_node_t *node_id = GET(n, "id");
        if (node_id && node_id->text_len == len && !memcmp(node_id->text, id, len))
            return n;
    }
    return NULL;
}

static int from_node(const char **name, apr_size_t *len, const fhir_node_t *node)
{
    if (!node || node->kind != FHIR_NODE_STRING)
        return 0;
    *name = node->text;
    *len = node->text_len;
    return 1;
}

int fhir_extract_target(const char **name, apr_size_t *len, const fhir_extract_t *x,
                        const fhir_node_t *node)
{
    const fhir_node_t *reference = node->kind == FHIR_NODE_OBJECT ? GET(node, "reference") : node;
    if (reference && reference->kind == FHIR_NODE_STRING && reference->text_len) {
        const char *s = reference->text;
        apr_size_t n = reference->text_len;
        if (*s == '#')
            return from_node(name, len, GET(contained(x, s + 1, n - 1), "resourceType"));
        fhir_extract_normalize(&s, &n, x);
        const char *slash = memrchr(s, '/', n);
        if (slash && slash > s) {
            const char *start = memrchr(s, '/', (apr_size_t)(slash - s));
            *name = start ? start + 1 : s;
            *len = (apr_size_t)(slash - *name);
            return 1;
        }
    }
    return from_node(name, len, GET(node, "type"));
}
