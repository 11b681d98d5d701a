/* SPDX-License-Identifier: Apache-2.0 */
/* Conversions between types, and of strings to and from other codings.
 * Source: http://hl7.org/fhirpath/N1/#conversion; encode to unescape of the draft after N1 */
#include <apr_strings.h>

#include "core/fhir_base64.h"
#include "core/fhir_hex.h"
#include "core/fhir_text.h"
#include "fhir/fhirpath/fhir_path_private.h"

#define INTEGER_MAX 2147483647

/* Each function pushes the converted item, or nothing. */
typedef void convert_fn(run_t *run, coll_t *out, const item_t *item);

static int equals(const char *s, apr_size_t len, const char *word)
{
    if (strlen(word) != len)
        return 0;
    for (apr_size_t i = 0; i < len; i++) {
        if ((s[i] | 32) != (word[i] | 32))
            return 0;
    }
    return 1;
}

static void to_boolean(run_t *run, coll_t *out, const item_t *item)
{
    static const char *const words[] = {"false", "true", "f", "t", "no",  "yes",
                                        "n",     "y",    "0", "1", "0.0", "1.0"};
    const char *s;
    apr_size_t len;
    number_t n, one = path_number_of(1);
    int value;

    if (path_item_boolean(item, &value))
        path_push_boolean(run, out, value);
    else if (path_item_number(item, &n)) {
        if (n.coefficient == 0 || path_number_compare(&n, &one) == 0)
            path_push_boolean(run, out, n.coefficient != 0);
    }
    else if (path_item_string(item, &s, &len)) {
        for (int i = 0; i < (int)(sizeof(words) / sizeof(words[0])); i++) {
            if (equals(s, len, words[i])) {
                path_push_boolean(run, out, i & 1);
                break;
            }
        }
    }
}

static void to_integer(run_t *run, coll_t *out, const item_t *item)
{
    apr_size_t digits = 0;
    apr_int64_t value = 0;
    int flag;

    if (path_item_integer(item, &value) ||
        (path_item_boolean(item, &flag) && ((value = flag) || 1))) {
        path_push_integer(run, out, value);
        return;
    }
    const char *s;
    apr_size_t len;
    if (!path_item_string(item, &s, &len) || !len)
        return;
    flag = *s == '-';
    for (apr_size_t i = *s == '-' || *s == '+'; i < len; i++, digits++) {
        if (s[i] < '0' || s[i] > '9' || digits > 18)
            return;
        value = value * 10 + (s[i] - '0');
    }
    if (digits && value <= (apr_int64_t)INTEGER_MAX + flag)
        path_push_integer(run, out, flag ? -value : value);
}

static void to_decimal(run_t *run, coll_t *out, const item_t *item)
{
    const char *s;
    apr_size_t len;
    number_t n;
    int flag;

    if (path_item_number(item, &n))
        path_push_number(run, out, &n);
    else if (path_item_boolean(item, &flag)) {
        n = (number_t){flag ? 10 : 0, 1};
        path_push_number(run, out, &n);
    }
    else if (path_item_string(item, &s, &len)) {
        if (len > 1 && *s == '+' && s[1] != '-') {
            s++;
            len--;
        }
        if (path_number_parse(&n, s, len))
            path_push_number(run, out, &n);
    }
}

static void to_string(run_t *run, coll_t *out, const item_t *item)
{
    quantity_t q;
    const char *text = item->kind == FHIR_PATH_NODE && path_item_quantity(run, item, &q)
                           ? path_quantity_text(&q, run->pool)
                           : fhir_path_item_text(item, run->pool);
    if (text)
        path_push_string(run, out, text, strlen(text));
}

static void to_moment(run_t *run, coll_t *out, const item_t *item, fhir_path_kind_t kind)
{
    moment_t m;
    const char *s;
    apr_size_t len;

    if (path_item_moment(item, &m)) {
        if ((m.kind == FHIR_PATH_TIME) != (kind == FHIR_PATH_TIME))
            return;
        if (kind == FHIR_PATH_DATE && m.precision > MOMENT_DAY)
            m.precision = MOMENT_DAY;
        if (kind == FHIR_PATH_DATE)
            m.has_zone = m.fraction_digits = 0;
        m.kind = kind;
        path_push_moment(run, out, &m);
    }
    else if (path_item_string(item, &s, &len)) {
        if (kind == FHIR_PATH_TIME && len && *s == 'T') {
            s++;
            len--;
        }
        if (path_moment_parse(&m, kind, s, len))
            path_push_moment(run, out, &m);
        else if (kind == FHIR_PATH_DATE && path_moment_parse(&m, FHIR_PATH_DATETIME, s, len)) {
            item_t time = {.value = &m, .kind = FHIR_PATH_DATETIME};
            to_moment(run, out, &time, kind);
        }
    }
}

static void to_date(run_t *run, coll_t *out, const item_t *item)
{
    to_moment(run, out, item, FHIR_PATH_DATE);
}

static void to_datetime(run_t *run, coll_t *out, const item_t *item)
{
    to_moment(run, out, item, FHIR_PATH_DATETIME);
}

static void to_time(run_t *run, coll_t *out, const item_t *item)
{
    to_moment(run, out, item, FHIR_PATH_TIME);
}

static void to_quantity(run_t *run, coll_t *out, const item_t *item)
{
    quantity_t q = {.unit = "1", .unit_len = 1};
    int flag, fits = path_item_quantity(run, item, &q) || path_item_number(item, &q.value);

    if (!fits && path_item_boolean(item, &flag)) {
        q.value = (number_t){flag ? 10 : 0, 1};
        fits = 1;
    }
    const char *s;
    apr_size_t len;
    if (!fits && path_item_string(item, &s, &len))
        fits = path_quantity_parse(&q, s, len, run->pool);
    if (fits)
        path_push_quantity(run, out, &q);
}

static convert_fn *const converters[] = {to_boolean, to_integer,  to_decimal, to_string,
                                         to_date,    to_datetime, to_time,    to_quantity};
enum { BOOLEAN, INTEGER, DECIMAL, STRING, DATE, DATETIME, TIME, QUANTITY };

/* The converted input; with a unit, toQuantity() converts it to that unit. */
static fhir_err_t *convert(call_t *c, coll_t *out, const item_t **item)
{
    FHIR_TRY(path_single(c->run, c->node, c->in, item));
    if (!*item)
        return NULL;
    PATH_CHARGE(c->run, path_item_bytes(*item));
    converters[c->node->function->mode](c->run, out, *item);
    if (!c->node->n_args || !out->n)
        return NULL;
    const char *unit;
    apr_size_t len;
    int given;
    FHIR_TRY(path_arg_string(c, 0, &unit, &len, &given));
    if (!given)
        return NULL;
    quantity_t q;
    if (path_item_quantity(c->run, out->v[0], &q)) {
        out->n = 0;
        if (path_quantity_convert(&q.value, &q, unit, len)) {
            q.unit = unit;
            q.unit_len = (apr_uint32_t)len;
            q.calendar = path_calendar_unit(unit, len) != NULL;
            path_push_quantity(c->run, out, &q);
        }
    }
    return NULL;
}

static fhir_err_t *fn_to(call_t *c)
{
    const item_t *item;
    return convert(c, c->out, &item);
}

static fhir_err_t *fn_converts(call_t *c)
{
    coll_t out = {0};
    const item_t *item;
    FHIR_TRY(convert(c, &out, &item));
    if (item)
        path_push_boolean(c->run, c->out, out.n > 0);
    return NULL;
}

/* Codings of text */

static void push_text(call_t *c, const char *s, apr_size_t len)
{
    if (fhir_text_utf8_valid(s, len) && !memchr(s, '\0', len))
        path_push_string(c->run, c->out, s, len);
}

static void base64(call_t *c, const char *s, apr_size_t len, int encode, int form)
{
    apr_size_t n;
    char *out;
    if (encode) {
        out = fhir_base64_encode(s, len, form, c->run->pool);
        n = strlen(out);
    }
    else
        fhir_base64_decode(&out, &n, s, len, form, c->run->pool);
    push_text(c, out, n);
}

static void hex(call_t *c, const char *s, apr_size_t len, int encode)
{
    char *out = apr_palloc(c->run->pool, len * 2 + 1);
    if (encode) {
        fhir_hex_encode(out, s, len);
        push_text(c, out, len * 2);
    }
    else if (fhir_hex_decode(out, s, len))
        push_text(c, out, len / 2);
}

static const struct {
    char c;
    const char *entity;
} entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
#define N_ENTITIES (sizeof(entities) / sizeof(entities[0]))

static void html(fhir_buf_t *buf, const char *s, apr_size_t len, int escape)
{
    for (apr_size_t i = 0; i < len; i++) {
        apr_size_t e, n = 1;
        for (e = 0; e < N_ENTITIES; e++) {
            n = escape ? 1 : strlen(entities[e].entity);
            if (escape ? s[i] == entities[e].c
                       : n <= len - i && memcmp(s + i, entities[e].entity, n) == 0)
                break;
        }
        if (e == N_ENTITIES)
            fhir_buf_putc(buf, s[i]);
        else if (escape)
            fhir_buf_puts(buf, entities[e].entity);
        else {
            fhir_buf_putc(buf, entities[e].c);
            i += n - 1;
        }
    }
}

static void json(call_t *c, fhir_buf_t *buf, const char *s, apr_size_t len, int escape)
{
    fhir_buf_t *quoted = fhir_buf_create(c->run->pool, 0);
    if (escape) {
        fhir_buf_json_string(quoted, s, len);
        fhir_buf_append(buf, quoted->data + 1, quoted->len - 2);
        return;
    }
    /* the text may have unescaped quotes */
    fhir_buf_putc(quoted, '"');
    for (apr_size_t i = 0; i < len; i++) {
        if (s[i] == '"')
            fhir_buf_putc(quoted, '\\');
        fhir_buf_putc(quoted, s[i]);
        if (s[i] == '\\' && i + 1 < len)
            fhir_buf_putc(quoted, s[++i]);
    }
    fhir_buf_putc(quoted, '"');
    fhir_node_t *node;
    if (!fhir_node_parse_json(&node, quoted->data, quoted->len, NULL, c->run->pool))
        fhir_buf_append(buf, node->text, node->text_len);
}

static fhir_err_t *fn_code(call_t *c)
{
    int encode = c->node->function->mode, found;
    const char *s;
    apr_size_t len;

    FHIR_TRY(path_in_string(c, &s, &len, &found));
    int given;
    const char *format;
    apr_size_t format_len;
    FHIR_TRY(path_arg_string(c, 0, &format, &format_len, &given));
    if (!found || !given)
        return NULL;
    PATH_CHARGE(c->run, len * 2);
    if (equals(format, format_len, "base64"))
        base64(c, s, len, encode, FHIR_BASE64_PLAIN);
    else if (equals(format, format_len, "urlbase64"))
        base64(c, s, len, encode, FHIR_BASE64_URL);
    else if (equals(format, format_len, "hex"))
        hex(c, s, len, encode);
    else
        return path_fail(c->run, c->node, "%s() knows base64, urlbase64 and hex", c->node->name);
    return NULL;
}

static fhir_err_t *fn_escape(call_t *c)
{
    int escape = c->node->function->mode, found;
    fhir_buf_t *buf = fhir_buf_create(c->run->pool, 0);
    const char *s;
    apr_size_t len;

    FHIR_TRY(path_in_string(c, &s, &len, &found));
    int given;
    const char *format;
    apr_size_t format_len;
    FHIR_TRY(path_arg_string(c, 0, &format, &format_len, &given));
    if (!found || !given)
        return NULL;
    PATH_CHARGE(c->run, len * 6);
    if (equals(format, format_len, "html"))
        html(buf, s, len, escape);
    else if (equals(format, format_len, "json"))
        json(c, buf, s, len, escape);
    else
        return path_fail(c->run, c->node, "%s() knows html and json", c->node->name);
    push_text(c, fhir_buf_cstr(buf), buf->len);
    return NULL;
}

const function_t path_functions_convert[] = {
    {"convertsToBoolean", fn_converts, 0, 0, 0, BOOLEAN},
    {"convertsToDate", fn_converts, 0, 0, 0, DATE},
    {"convertsToDateTime", fn_converts, 0, 0, 0, DATETIME},
    {"convertsToDecimal", fn_converts, 0, 0, 0, DECIMAL},
    {"convertsToInteger", fn_converts, 0, 0, 0, INTEGER},
    {"convertsToQuantity", fn_converts, 0, 1, 0, QUANTITY},
    {"convertsToString", fn_converts, 0, 0, 0, STRING},
    {"convertsToTime", fn_converts, 0, 0, 0, TIME},
    {"decode", fn_code, 1, 1, 0, 0},
    {"encode", fn_code, 1, 1, 0, 1},
    {"escape", fn_escape, 1, 1, 0, 1},
    {"toBoolean", fn_to, 0, 0, 0, BOOLEAN},
    {"toDate", fn_to, 0, 0, 0, DATE},
    {"toDateTime", fn_to, 0, 0, 0, DATETIME},
    {"toDecimal", fn_to, 0, 0, 0, DECIMAL},
    {"toInteger", fn_to, 0, 0, 0, INTEGER},
    {"toQuantity", fn_to, 0, 1, 0, QUANTITY},
    {"toString", fn_to, 0, 0, 0, STRING},
    {"toTime", fn_to, 0, 0, 0, TIME},
    {"unescape", fn_escape, 1, 1, 0, 0},
    {0},
};
